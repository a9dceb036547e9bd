// A YAML document as a tree of nodes with line and column, made from libyaml's events.
//
// Called by the policy reader (policy_yaml.c) on its thread. The document owns all nodes and texts
// in blocks that are freed together. What makes YAML dangerous to a rule file is refused here: tags
// (an unquoted !value is one, and would lose the address), a key that is not plain text, NUL bytes,
// aliases into what is still being read, deep nesting, a second document.
#include "config/yaml_node.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <yaml.h>

#define DEPTH_MAX   32
#define ANCHORS_MAX 1000
#define BLOCK_SIZE  65536

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};

struct anchor {
	const char *name;
	struct yaml_node *node;
};

struct yaml_doc {
	struct block *block;
	struct yaml_node *root;
	struct anchor anchor[ANCHORS_MAX];
	size_t n_anchor;
};

// A list or map that is being read.
struct open {
	struct yaml_node *node;
	struct yaml_node **item; // grows; copied into the document when complete
	size_t n, cap;
	const char *anchor;
};

struct reader {
	struct yaml_doc *doc;
	const char *file;
	struct open open[DEPTH_MAX];
	size_t depth;
	bool done;
	bool bad;   // an error was told: the document is not given out
	bool fatal; // and it makes no sense to read on
	struct cfg_err *err;
};

static void *
take(struct yaml_doc *doc, size_t size)
{
	struct block *b = doc->block;

	size = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	if (b == NULL || b->size - b->used < size) {
		size_t want = size > BLOCK_SIZE ? size : BLOCK_SIZE;

		b = malloc(sizeof(*b) + want);
		if (b == NULL)
			return NULL;
		*b = (struct block){.next = doc->block, .size = want};
		doc->block = b;
	}
	b->used += size;
	return b->data + b->used - size;
}

static void
fail(struct reader *r, struct cfg_pos pos, const char *text)
{
	cfg_err_add(r->err, pos, "%s", text);
	r->bad = r->fatal = true;
}

static const char *
copy(struct reader *r, const yaml_char_t *s, size_t n)
{
	char *text = take(r->doc, n + 1);

	if (text == NULL) {
		fail(r, (struct cfg_pos){.file = r->file}, "out of memory");
		return NULL;
	}
	memcpy(text, s, n);
	text[n] = '\0';
	return text;
}

static struct cfg_pos
pos_of(const struct reader *r, const yaml_mark_t *m)
{
	return (struct cfg_pos){m->line + 1, m->column + 1, r->file};
}

static struct yaml_node *
node_new(struct reader *r, enum yaml_kind kind, const yaml_event_t *ev)
{
	struct yaml_node *node = take(r->doc, sizeof(*node));

	if (node == NULL)
		fail(r, pos_of(r, &ev->start_mark), "out of memory");
	else
		*node = (struct yaml_node){.kind = kind, .pos = pos_of(r, &ev->start_mark)};
	return node;
}

// A value into the list or map at hand (or it is the document itself).
static void
put(struct reader *r, struct yaml_node *node)
{
	struct open *o = r->depth > 0 ? &r->open[r->depth - 1] : NULL;

	if (o == NULL) {
		r->doc->root = node;
		return;
	}
	if (o->node->kind == YAML_MAP && o->n % 2 == 0 && node->kind != YAML_TEXT) {
		fail(r, node->pos, "a key must be text");
		return;
	}
	if (o->n == o->cap) {
		size_t cap = o->cap == 0 ? 8 : o->cap * 2;
		struct yaml_node **grown = reallocarray(o->item, cap, sizeof(struct yaml_node *));

		if (grown == NULL) {
			fail(r, node->pos, "out of memory");
			return;
		}
		o->item = grown;
		o->cap = cap;
	}
	o->item[o->n++] = node;
}

static void
anchor_add(struct reader *r, const char *name, struct yaml_node *node)
{
	if (name == NULL)
		return;
	if (r->doc->n_anchor == ANCHORS_MAX)
		fail(r, node->pos, "more than 1000 anchors");
	else
		r->doc->anchor[r->doc->n_anchor++] = (struct anchor){name, node};
}

static void
tag_check(struct reader *r, const yaml_char_t *tag, struct cfg_pos pos)
{
	if (tag == NULL || strncmp((const char *)tag, "tag:yaml.org,2002:", 18) == 0)
		return;
	if (strcmp((const char *)tag, "!") == 0) { // "! wan": would lose the negation
		cfg_err_add(r->err, pos,
			    "! without quotes is a YAML tag, not a negation (expected \"!value\" "
			    "in quotes)");
		r->bad = true;
		return;
	}
	cfg_err_add(
		r->err, pos,
		"%s without quotes is a YAML tag, not a negated value (expected quotes: \"%s\")",
		tag, tag);
	r->bad = true;
}

static void
on_scalar(struct reader *r, const yaml_event_t *ev)
{
	struct yaml_node *node = node_new(r, YAML_TEXT, ev);
	const yaml_char_t *tag = ev->data.scalar.tag;

	if (node == NULL)
		return;
	tag_check(r, tag, node->pos);
	if (memchr(ev->data.scalar.value, '\0', ev->data.scalar.length) != NULL)
		fail(r, node->pos, "a NUL byte in a value");
	node->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = copy(r, ev->data.scalar.value, ev->data.scalar.length);
	if (node->text == NULL)
		return;
	if (ev->data.scalar.anchor != NULL)
		anchor_add(r,
			   copy(r, ev->data.scalar.anchor,
				strlen((const char *)ev->data.scalar.anchor)),
			   node);
	put(r, node);
}

static void
on_start(struct reader *r, enum yaml_kind kind, const yaml_event_t *ev, const yaml_char_t *tag,
	 const yaml_char_t *anchor)
{
	struct yaml_node *node = node_new(r, kind, ev);

	if (node == NULL)
		return;
	tag_check(r, tag, node->pos);
	if (r->depth == DEPTH_MAX) {
		fail(r, node->pos, "lists and maps nested too deep");
		return;
	}
	r->open[r->depth] = (struct open){.node = node};
	if (anchor != NULL)
		r->open[r->depth].anchor = copy(r, anchor, strlen((const char *)anchor));
	r->depth++;
}

static void
on_end(struct reader *r)
{
	struct open o = r->open[--r->depth];

	o.node->n = o.node->kind == YAML_MAP ? o.n / 2 : o.n;
	o.node->item = take(r->doc, o.n * sizeof(struct yaml_node *) + 1);
	if (o.node->item == NULL)
		fail(r, o.node->pos, "out of memory");
	else if (o.n > 0)
		memcpy(o.node->item, o.item, o.n * sizeof(struct yaml_node *));
	free(o.item);
	anchor_add(r, o.anchor, o.node);
	if (!r->fatal)
		put(r, o.node);
}

static void
on_alias(struct reader *r, const yaml_event_t *ev)
{
	const char *name = (const char *)ev->data.alias.anchor;
	struct cfg_pos pos = pos_of(r, &ev->start_mark);

	for (size_t i = r->doc->n_anchor; i-- > 0;) {
		if (strcmp(r->doc->anchor[i].name, name) == 0) {
			put(r, r->doc->anchor[i].node);
			return;
		}
	}
	cfg_err_add(r->err, pos, "alias '*%s': no complete value above has this anchor", name);
	r->bad = r->fatal = true;
}

static void
on_event(struct reader *r, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->doc->root != NULL)
			fail(r, pos_of(r, &ev->start_mark),
			     "a second document (expected one in a file)");
		break;
	case YAML_SCALAR_EVENT:
		on_scalar(r, ev);
		break;
	case YAML_SEQUENCE_START_EVENT:
		on_start(r, YAML_LIST, ev, ev->data.sequence_start.tag,
			 ev->data.sequence_start.anchor);
		break;
	case YAML_MAPPING_START_EVENT:
		on_start(r, YAML_MAP, ev, ev->data.mapping_start.tag,
			 ev->data.mapping_start.anchor);
		break;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		on_end(r);
		break;
	case YAML_ALIAS_EVENT:
		on_alias(r, ev);
		break;
	case YAML_STREAM_END_EVENT:
		r->done = true;
		break;
	default:
		break;
	}
}

static void
syntax_error(struct reader *r, const yaml_parser_t *p)
{
	struct cfg_pos pos = pos_of(r, &p->problem_mark);

	if (p->error == YAML_READER_ERROR) {
		unsigned line = 1, column = 1;
		const unsigned char *in = p->input.string.start;

		for (size_t i = 0; i < p->problem_offset && in + i < p->input.string.end; i++) {
			column = in[i] == '\n' ? 1 : column + 1;
			line += in[i] == '\n';
		}
		pos = (struct cfg_pos){line, column, r->file};
	}
	cfg_err_add(r->err, pos, "not YAML: %s%s%s",
		    p->problem != NULL ? p->problem : "cannot be read",
		    p->context != NULL ? " " : "", p->context != NULL ? p->context : "");
	r->bad = r->fatal = true;
}

struct yaml_doc *
yaml_doc_read(const char *text, size_t len, const char *file, struct cfg_err *err)
{
	struct reader r = {.doc = calloc(1, sizeof(*r.doc)), .file = file, .err = err};
	yaml_parser_t parser;
	yaml_event_t event;

	if (r.doc == NULL || !yaml_parser_initialize(&parser)) {
		cfg_err_add(err, (struct cfg_pos){0}, "out of memory");
		free(r.doc);
		return NULL;
	}
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (!r.done && !r.fatal) {
		if (!yaml_parser_parse(&parser, &event)) {
			syntax_error(&r, &parser);
			break;
		}
		on_event(&r, &event);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	while (r.depth > 0)
		free(r.open[--r.depth].item);
	if (r.bad) {
		yaml_doc_free(r.doc);
		return NULL;
	}
	return r.doc;
}

void
yaml_doc_free(struct yaml_doc *doc)
{
	if (doc == NULL)
		return;
	while (doc->block != NULL) {
		struct block *next = doc->block->next;

		free(doc->block);
		doc->block = next;
	}
	free(doc);
}

struct yaml_node *
yaml_doc_root(const struct yaml_doc *doc)
{
	return doc->root;
}

const char *
yaml_kind_text(const struct yaml_node *node)
{
	static const char *const text[] = {
		[YAML_TEXT] = "text", [YAML_LIST] = "a list", [YAML_MAP] = "a map"};

	return yaml_is_null(node) ? "nothing" : text[node->kind];
}

bool
yaml_is_null(const struct yaml_node *node)
{
	return node->kind == YAML_TEXT && node->plain &&
	       (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
		strcmp(node->text, "null") == 0);
}

bool
yaml_bool(const struct yaml_node *node, bool *out)
{
	static const char *const word[] = {"false", "true", "no", "yes", "off", "on"};

	if (node->kind != YAML_TEXT)
		return false;
	for (size_t i = 0; i < 6; i++) {
		if (strcasecmp(node->text, word[i]) == 0) {
			*out = i % 2 != 0;
			return true;
		}
	}
	return false;
}
