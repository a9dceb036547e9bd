// Batches of changes to sets, second half: the check of entries, the commit, and what a policy
// declares. And the listing of a set. See acl_sets.c.
//
// Control thread.
#include "acl/acl_sets_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define COMMENTS_SPARE 1024

enum { ABSENT, PRESENT }; // an overlay element's `comment`

// The overlay's element for what the operation is about, with what is known of it before.
static struct set_elem *
touched(struct set_content *c, const struct set_op *op)
{
	struct set_ext ext = {.comment = !c->empty && op->there ? PRESENT : ABSENT};
	struct set_elem *e;

	if (c->overlay == NULL) {
		struct cfg_set conf = c->conf;

		conf.maxelem = c->n_ops + 1;
		conf.timeout_set = false;
		c->overlay = set_tab_create(&conf);
		if (c->overlay == NULL)
			return NULL;
	}
	e = set_tab_get(c->overlay, &op->key, 0);
	if (e == NULL && set_tab_add(c->overlay, &op->key, &ext, false, 0) == 0)
		e = set_tab_get(c->overlay, &op->key, 0);
	return e;
}

// What the operation would be told by ipset; NULL: done.
static const char *
play(struct set_content *c, const struct set_op *op)
{
	struct set_elem *e = touched(c, op);

	if (e == NULL)
		return c->conf.type == CFG_SET_HASH_NET_IFACE
			       ? "more than 64 interfaces with one network"
			       : "more than 256 different (pairs of) prefix lengths";
	if (op->kind == SET_OP_DEL) {
		if (e->comment == ABSENT && !op->exist)
			return "element cannot be deleted from the set: it's not added";
		c->n -= e->comment == PRESENT && c->n > 0;
		e->comment = ABSENT;
		return NULL;
	}
	if (e->comment == PRESENT)
		return op->exist ? NULL : "element cannot be added to the set: it's already added";
	if (c->n >= c->max)
		return "the set is full, cannot add more elements";
	c->n++;
	e->comment = PRESENT;
	return NULL;
}

static int
check(struct acl_sets_batch *b, struct cfg_err *err)
{
	set_ask_there(b);
	for (size_t i = 0; i < b->n_op; i++) {
		const struct set_op *op = &b->op[i];
		struct set_content *c = &b->content[op->from];
		const char *why;

		if (op->kind != SET_OP_ADD && op->kind != SET_OP_DEL)
			continue;
		why = play(c, op);
		if (why != NULL) {
			cfg_err_add(err, op->pos, "set '%s': %s", c->conf.name, why);
			return -EINVAL;
		}
	}
	return 0;
}

// Throws away the comments that no entry has any more.
static void
comments_sweep(struct acl_sets *sets, uint16_t slot)
{
	struct set_comments *c = &sets->comments[slot];
	size_t n = 0;
	struct set_seen *seen = set_see(sets, slot, &n);
	bool *used = calloc(c->n + 1, sizeof(*used));

	for (size_t i = 0; used != NULL && seen != NULL && i < n; i++)
		used[RTE_MIN(seen[i].elem.comment, c->n)] = true;
	for (uint32_t i = 0; used != NULL && seen != NULL && i < c->n; i++) {
		if (used[i + 1])
			continue;
		free(c->text[i]);
		c->text[i] = NULL;
	}
	c->hint = 0;
	free(seen);
	free(used);
}

// A number for the text, which is taken over. 0: no memory, the entry has none.
static uint32_t
comment_put(struct set_comments *c, char *text)
{
	char **grown;

	while (c->hint < c->n && c->text[c->hint] != NULL)
		c->hint++;
	if (c->hint == c->n) {
		grown = c->text;
		if ((c->n & (c->n - 1)) == 0)
			grown = reallocarray(c->text, c->n == 0 ? 1 : c->n * 2ul, sizeof(*grown));
		if (grown == NULL) {
			free(text);
			return 0;
		}
		c->text = grown;
		c->n++;
	}
	c->text[c->hint] = text;
	return c->hint + 1;
}

// Comments go along with the operations: numbers are given, lists swapped and dropped.
static void
comments_walk(struct acl_sets_batch *b)
{
	struct acl_sets *sets = b->sets;

	for (uint32_t i = 0; i < b->n_content; i++) {
		const struct set_content *c = &b->content[i];

		if (c->origin != UINT16_MAX &&
		    sets->comments[c->origin].n > 2 * c->n + COMMENTS_SPARE)
			comments_sweep(sets, c->origin);
	}
	for (size_t i = 0; i < b->n_op; i++) {
		struct set_op *op = &b->op[i];
		struct set_comments *c = &sets->comments[op->slot], held = *c;

		if (op->kind == SET_OP_SWAP) {
			*c = sets->comments[op->other];
			sets->comments[op->other] = held;
		} else if (op->kind == SET_OP_ADD && op->comment != NULL) {
			op->ext.comment = comment_put(c, op->comment);
			op->comment = NULL;
		} else if (op->kind != SET_OP_ADD && op->kind != SET_OP_DEL) {
			for (uint32_t k = 0; k < c->n; k++)
				free(c->text[k]);
			free(c->text);
			*c = (struct set_comments){0};
		}
	}
}

int
acl_sets_commit(struct acl_sets_batch *b, struct cfg_err *err)
{
	struct acl_sets *sets = b->sets;
	struct cfg_sets old;
	size_t failed;
	int ret = check(b, err);

	if (ret < 0) {
		acl_sets_abort(b);
		return ret;
	}
	comments_walk(b);
	failed = set_run(b);
	if (failed > 0) // packets were quicker
		cfg_warn_add(err, (struct cfg_pos){0}, "set-full",
			     "%zu entries found no room in their sets: rules have filled them "
			     "meanwhile",
			     failed);
	old = sets->view.list;
	sets->view = b->view;
	b->view.list = old;
	acl_sets_abort(b); // what is left in it is what nobody uses
	return 0;
}

// ---- what a policy declares

// Does an entry say the same as another with its key? Counters are where they begin only.
static bool
same_entry(const struct cfg_set_entry *a, const struct cfg_set_entry *b)
{
	return a->nomatch == b->nomatch && a->timeout_set == b->timeout_set &&
	       a->timeout == b->timeout && a->key.wildcard == b->key.wildcard &&
	       strcmp(a->comment != NULL ? a->comment : "", b->comment != NULL ? b->comment : "") ==
		       0;
}

// A table of the set's entries, with their numbers as comments. NULL: no memory.
static struct set_tab *
index_of(const struct cfg_set *set)
{
	struct cfg_set conf = *set;
	struct set_tab *t;

	conf.maxelem = (uint32_t)set->n_entry + 1;
	conf.timeout_set = false;
	t = set_tab_create(&conf);
	for (size_t i = 0; t != NULL && i < set->n_entry; i++) {
		const struct set_ext ext = {.comment = (uint32_t)i};

		set_tab_add(t, &set->entry[i].key, &ext, true, 0);
	}
	return t;
}

static const char *
run_cmd(struct acl_sets_batch *b, enum cfg_set_cmd_id id, const struct cfg_set *set,
	const struct cfg_set_entry *entry)
{
	const struct cfg_set_do how = acl_sets_do(b);
	const struct cfg_set_cmd cmd = {.id = id,
					.exist = true,
					.name = set->name,
					.set = set,
					.entry = entry,
					.pos = set->pos};

	return how.run(how.arg, &cmd);
}

// Entries of a that b does not have, or has otherwise: added or deleted.
static const char *
difference(struct acl_sets_batch *b, enum cfg_set_cmd_id id, const struct cfg_set *set,
	   const struct cfg_set *other)
{
	struct set_tab *t = other != NULL ? index_of(other) : NULL;
	const char *why = other != NULL && t == NULL ? "out of memory" : NULL;

	for (size_t i = 0; why == NULL && i < set->n_entry; i++) {
		const struct cfg_set_entry *e = &set->entry[i];
		const struct set_elem *have = t != NULL ? set_tab_get(t, &e->key, 0) : NULL;
		bool same = have != NULL &&
			    (id == CFG_SC_DEL || same_entry(e, &other->entry[have->comment]));

		if (!same)
			why = run_cmd(b, id, set, e);
	}
	set_tab_free(t);
	return why;
}

static const char *
declare_one(struct acl_sets_batch *b, const struct cfg_set *next, const struct cfg_set *prev)
{
	struct cfg_set *there = cfg_set_find(&b->view.list, next->name);
	const char *why = NULL;

	if (prev != NULL && !cfg_set_same_kind(prev, next))
		prev = NULL;
	if (there == NULL) {
		prev = NULL;
		why = run_cmd(b, CFG_SC_CREATE, next, NULL);
	} else if (there->type != next->type || there->family != next->family ||
		   (prev == NULL && !cfg_set_same_kind(there, next))) {
		// What commands made of a set that is declared as before stays.
		prev = NULL;
		why = acl_sets_replace(b, there, next);
	} else if (prev != NULL) {
		why = difference(b, CFG_SC_DEL, prev, next);
	}
	return why != NULL ? why : difference(b, CFG_SC_ADD, next, prev);
}

int
acl_sets_declare(struct acl_sets_batch *b, const struct cfg_sets *next, const struct cfg_sets *prev,
		 struct cfg_err *err)
{
	for (int lists = 0; lists < 2; lists++) { // those that are in lists first
		for (size_t i = 0; i < next->n; i++) {
			const struct cfg_set *s = &next->set[i];
			const char *why;

			if ((s->type == CFG_SET_LIST_SET) != (lists == 1))
				continue;
			why = declare_one(b, s, prev != NULL ? cfg_set_find(prev, s->name) : NULL);
			if (why != NULL) {
				cfg_err_add(err, s->pos, "set '%s': %s", s->name, why);
				return -EINVAL;
			}
		}
	}
	return 0;
}

void
acl_sets_forget(struct acl_sets *sets, const struct cfg_sets *next, const struct cfg_sets *prev,
		bool (*uses)(void *arg, const char *name), void *arg)
{
	struct acl_sets_batch *b = acl_sets_begin(sets, uses, arg);
	struct cfg_err none;

	if (b == NULL)
		return;
	for (int lists = 1; lists >= 0; lists--) {
		for (size_t i = 0; i < prev->n; i++) {
			const struct cfg_set *s = &prev->set[i];

			if ((s->type == CFG_SET_LIST_SET) == (lists == 1) &&
			    cfg_set_find(next, s->name) == NULL)
				run_cmd(b, CFG_SC_DESTROY, s, NULL); // stays where it is used
		}
	}
	cfg_err_init(&none, NULL);
	acl_sets_commit(b, &none);
	cfg_err_free(&none);
}

// ---- the listing
static bool
put_seen(struct cfg_set *out, const struct set_comments *c, const struct set_seen *s)
{
	struct cfg_set_entry e = {
		.key = s->elem.key,
		.nomatch = s->elem.flags & SET_E_NOMATCH,
		.timeout_set = out->timeout_set,
		.timeout = s->left,
		.packets = s->elem.packets,
		.bytes = s->elem.bytes,
	};

	if (out->type == CFG_SET_LIST_SET)
		e.key.port = 0;
	if (s->elem.comment > 0 && s->elem.comment <= c->n)
		e.comment = c->text[s->elem.comment - 1];
	return cfg_set_entry_add(out, &e);
}

// A list's members as they are asked.
static void
put_in_order(struct acl_sets *sets, uint16_t slot, struct set_seen *seen, size_t n)
{
	const struct set_tab *t = sets->of[0][slot];

	// Only the control thread changes lists, so worker 0's order stands still.
	for (size_t i = 0; i < n && i < t->n; i++) {
		for (size_t k = i; k < n; k++) {
			struct set_seen held = seen[i];

			if (seen[k].elem.key.port != t->order[i])
				continue;
			seen[i] = seen[k];
			seen[k] = held;
			break;
		}
	}
}

int
acl_sets_read(struct acl_sets *sets, const char *name, struct cfg_set *out)
{
	int slot = acl_sets_slot(sets, name), ret = 0;
	struct set_seen *seen;
	size_t n;

	if (slot < 0)
		return -ENOENT;
	*out = *cfg_set_find(acl_sets_list(sets), name);
	out->entry = NULL;
	out->n_entry = 0;
	seen = set_see(sets, (uint16_t)slot, &n);
	if (seen == NULL)
		return -ENOMEM;
	if (out->type == CFG_SET_LIST_SET)
		put_in_order(sets, (uint16_t)slot, seen, n);
	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = put_seen(out, &sets->comments[slot], &seen[i]) ? 0 : -ENOMEM;
	free(seen);
	if (ret < 0)
		cfg_set_clear(out);
	return ret;
}
