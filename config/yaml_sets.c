// The policy file's `sets:`: a map of names, each with a type, ipset's options, entries and a file
// in the form of `ipset save`. And how it is written.
//
// Called by policy_yaml.c and policy_yaml_write.c on their thread, before the rules are read. The
// language is described in ringwall-policy(5).
#include "config/policy.h"
#include "config/set_in.h"
#include "config/value.h"
#include "config/yaml_in.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sets_in {
	struct cfg_sets *sets;
	const char *path; // of the YAML file; NULL: a text
	bool *files;	  // set where a set has one
	struct cfg_err *err;
	struct cfg_set set; // being read
	bool typed;	    // its type is known
	bool failed;	    // an entry was refused: once said is enough
};

static bool
put(void *arg, const struct cfg_set_entry *entry)
{
	struct sets_in *in = arg;

	if (in->set.n_entry == in->set.maxelem) {
		cfg_err_add_of(in->err, CFG_JUDGE_VALUE, in->set.pos,
			       "set '%s' has more entries than it has room for (%s %u)",
			       in->set.name, in->set.type == CFG_SET_LIST_SET ? "size" : "maxelem",
			       in->set.maxelem);
		return false;
	}
	if (cfg_set_entry_add(&in->set, entry))
		return true;
	cfg_err_add(in->err, in->set.pos, "out of memory");
	return false;
}

// One entry as it stands in `ipset add`, without the set's name.
static void
entry(struct sets_in *in, char *text, struct cfg_pos pos)
{
	char *word[SET_WORDS];
	int n = set_split(text, word, pos, in->err);

	if (n > 0)
		n = set_entry_words(&in->set, word, n, put, in, pos, in->err) ? 1 : -1;
	in->failed |= n < 0;
}

// A text of several lines, an entry each. Lines are counted from where the text begins: of a block
// that is the line of its '|'.
static void
entry_lines(struct sets_in *in, const struct yaml_node *node)
{
	char *copy = strdup(node->text), *at = copy, *line;
	struct cfg_pos pos = node->pos;

	if (copy == NULL) {
		cfg_err_add(in->err, pos, "out of memory");
		return;
	}
	if (!node->plain && strchr(copy, '\n') != NULL)
		pos.line++;
	while (!in->failed && (line = strsep(&at, "\n")) != NULL) {
		entry(in, line, pos);
		pos.line++;
		pos.column = 1;
	}
	free(copy);
}

static void
entries(struct sets_in *in, const struct yaml_node *node)
{
	enum cfg_judge before;

	if (node->kind == YAML_MAP) {
		cfg_err_add(in->err, node->pos,
			    "'entries' is a map (expected a list, or a text "
			    "with an entry in each line)");
		return;
	}
	for (size_t i = 0; node->kind == YAML_LIST && i < node->n; i++) {
		if (node->item[i]->kind == YAML_TEXT)
			continue;
		cfg_err_add(in->err, node->item[i]->pos, "an entry is %s (expected text)",
			    yaml_kind_text(node->item[i]));
		return;
	}
	before = cfg_err_judge(in->err, CFG_JUDGE_VALUE);
	if (node->kind == YAML_TEXT && !yaml_is_null(node))
		entry_lines(in, node);
	for (size_t i = 0; node->kind == YAML_LIST && !in->failed && i < node->n; i++)
		entry_lines(in, node->item[i]);
	cfg_err_judge(in->err, before);
}

static const struct cfg_set *
file_find(void *arg, const char *name)
{
	struct sets_in *in = arg;

	return in->typed && strcmp(name, in->set.name) == 0 ? &in->set : NULL;
}

static const char *
file_run(void *arg, const struct cfg_set_cmd *cmd)
{
	struct sets_in *in = arg;

	if (cmd->id != CFG_SC_CREATE && cmd->id != CFG_SC_ADD)
		return "only create and add can stand in a file of sets";
	if (strcmp(cmd->name, in->set.name) != 0)
		return "the file is for another set";
	if (cmd->id == CFG_SC_ADD)
		return put(in, cmd->entry) ? NULL : "no further entries are read";
	if (in->typed)
		return cfg_set_same_kind(&in->set, cmd->set)
			       ? NULL
			       : "is created here in another way than 'sets' says";
	{
		struct cfg_pos pos = in->set.pos;

		in->set = *cmd->set;
		in->set.pos = pos;
		in->typed = true;
	}
	return NULL;
}

static void
file(struct sets_in *in, const struct yaml_node *node)
{
	const struct cfg_set_do how = {in, file_find, file_run};
	char *dir = NULL, *path = NULL, *text = NULL, *copy;
	const char *before = in->err->file;
	size_t len;
	int ret;

	if (node->kind != YAML_TEXT || *node->text == '\0') {
		cfg_err_add(in->err, node->pos, "'file' is %s (expected a path)",
			    yaml_kind_text(node));
		return;
	}
	if (in->path == NULL) {
		cfg_err_add_of(in->err, CFG_JUDGE_POLICY, node->pos,
			       "'file' works in a file only: this text has no place to be "
			       "relative to");
		return;
	}
	*in->files = true;
	copy = strdup(in->path);
	dir = copy != NULL ? dirname(copy) : NULL;
	if (dir == NULL || asprintf(&path, "%s%s%s", node->text[0] == '/' ? "" : dir,
				    node->text[0] == '/' ? "" : "/", node->text) < 0) {
		cfg_err_add(in->err, node->pos, "out of memory");
		free(copy);
		return;
	}
	ret = cfg_file_read(path, &text, &len);
	if (ret < 0) {
		in->failed = true;
		cfg_err_add_of(in->err, CFG_JUDGE_POLICY, node->pos, "'%s': %s", path,
			       strerror(-ret));
	} else {
		in->err->file = path;
		in->failed |= cfg_set_text(text, len, &how, in->err) < 0;
		in->err->file = before;
	}
	free(text);
	free(path);
	free(copy);
}

static const struct yaml_node *
key_of(const struct yaml_node *map, const char *key)
{
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->item[2 * i]->text, key) == 0)
			return map->item[2 * i + 1];
	return NULL;
}

static bool
option(struct sets_in *in, const struct yaml_node *key, const struct yaml_node *value)
{
	int values = set_option_values(key->text);
	bool on = false, good;
	enum cfg_judge before;

	if (values < 0) {
		cfg_err_add(in->err, key->pos,
			    "unknown key '%s' in a set (expected type, entries, file, or an option "
			    "of ipset such as family, timeout, maxelem)",
			    key->text);
		return false;
	}
	if (values == 1 ? value->kind != YAML_TEXT : !yaml_bool(value, &on)) {
		cfg_err_add_of(in->err, value->kind == YAML_TEXT ? CFG_JUDGE_VALUE : CFG_JUDGE_FORM,
			       value->pos, "bad '%s' (expected %s)", key->text,
			       values == 1 ? "a word" : "true or false");
		return false;
	}
	if (values == 0 && !on)
		return true;
	before = cfg_err_judge(in->err, CFG_JUDGE_RULE);
	good = set_option(&in->set, key->text, value->text, value->pos, in->err);
	cfg_err_judge(in->err, before);
	return good;
}

// Type and options; without a type the file has to say both.
static bool
kind(struct sets_in *in, const struct yaml_node *name, const struct yaml_node *map)
{
	const struct yaml_node *type = key_of(map, "type");
	enum cfg_judge before;
	bool good = true;

	if (type != NULL && type->kind != YAML_TEXT) {
		cfg_err_add(in->err, type->pos, "'type' is %s (expected a type such as hash:ip)",
			    yaml_kind_text(type));
		return false;
	}
	before = cfg_err_judge(in->err, CFG_JUDGE_VALUE);
	good = set_begin(&in->set, name->text, type != NULL ? type->text : "hash:ip",
			 type != NULL ? type->pos : name->pos, in->err);
	cfg_err_judge(in->err, before);
	in->set.pos = name->pos;
	for (size_t i = 0; good && i < map->n; i++) {
		const struct yaml_node *key = map->item[2 * i];

		if (strcmp(key->text, "type") == 0 || strcmp(key->text, "entries") == 0 ||
		    strcmp(key->text, "file") == 0)
			continue;
		if (type == NULL && set_option_values(key->text) >= 0) {
			cfg_err_add_of(in->err, CFG_JUDGE_RULE, key->pos,
				       "set '%s': '%s' without a type", name->text, key->text);
			good = false;
		} else {
			good = option(in, key, map->item[2 * i + 1]);
		}
	}
	if (!good || type == NULL)
		return good;
	before = cfg_err_judge(in->err, CFG_JUDGE_RULE);
	in->typed = set_end(&in->set, name->pos, in->err);
	cfg_err_judge(in->err, before);
	return in->typed;
}

static void
one_set(struct sets_in *in, const struct yaml_node *name, const struct yaml_node *map)
{
	const struct yaml_node *list, *from;
	struct cfg_set *set;

	in->set = (struct cfg_set){0};
	in->typed = in->failed = false;
	if (map->kind != YAML_MAP) {
		cfg_err_add(in->err, map->pos, "a set is %s (expected a map with its type)",
			    yaml_kind_text(map));
		return;
	}
	if (!yaml_keys_once(map, in->err))
		return;
	list = key_of(map, "entries");
	from = key_of(map, "file");
	if (key_of(map, "type") == NULL && from == NULL) {
		cfg_err_add(in->err, name->pos, "set '%s' has no type", name->text);
		return;
	}
	if (cfg_set_find(in->sets, name->text) != NULL) {
		cfg_err_add_of(in->err, CFG_JUDGE_POLICY, name->pos,
			       "set '%s' stands here a second time", name->text);
		return;
	}
	if (in->sets->n == CFG_SETS_MAX) {
		cfg_err_add_of(in->err, CFG_JUDGE_POLICY, name->pos, "more than %d sets",
			       CFG_SETS_MAX);
		return;
	}
	if (!kind(in, name, map))
		return;
	if (from != NULL)
		file(in, from);
	if (!in->typed && !in->failed)
		cfg_err_add_of(in->err, CFG_JUDGE_POLICY, from->pos,
			       "the file does not create set '%s', and 'type' is missing",
			       name->text);
	if (list != NULL && in->typed)
		entries(in, list);
	set = cfg_set_add(in->sets, &in->set);
	if (set == NULL) {
		cfg_set_clear(&in->set);
		cfg_err_add(in->err, name->pos, "out of memory");
		return;
	}
	set->entry = in->set.entry;
	set->n_entry = in->set.n_entry;
}

void
yaml_sets_read(struct cfg_sets *sets, const struct yaml_node *root, const char *path, bool *files,
	       struct cfg_err *err)
{
	for (size_t i = 0; i < root->n; i++) {
		const struct yaml_node *map = root->item[2 * i + 1];
		struct sets_in in = {.sets = sets, .path = path, .files = files, .err = err};

		if (strcmp(root->item[2 * i]->text, "sets") != 0 || yaml_is_null(map))
			continue;
		if (map->kind != YAML_MAP) {
			cfg_err_add(err, map->pos,
				    "'sets' is %s (expected a map of names and sets)",
				    yaml_kind_text(map));
			continue;
		}
		yaml_keys_once(map, err);
		for (size_t j = 0; j < map->n; j++)
			one_set(&in, map->item[2 * j], map->item[2 * j + 1]);
	}
}

// Members of lists are sets of the policy, and no lists.
void
yaml_sets_check(const struct cfg_sets *sets, struct cfg_err *err)
{
	for (size_t i = 0; i < sets->n; i++) {
		const struct cfg_set *s = &sets->set[i];

		for (size_t k = 0; s->type == CFG_SET_LIST_SET && k < s->n_entry; k++) {
			const char *name = s->entry[k].key.set;
			const struct cfg_set *member = cfg_set_find(sets, name);

			if (member == NULL)
				cfg_err_add_of(err, CFG_JUDGE_POLICY, s->pos,
					       "set '%s': set '%s' does not exist", s->name, name);
			else if (member->type == CFG_SET_LIST_SET)
				cfg_err_add_of(err, CFG_JUDGE_POLICY, s->pos,
					       "set '%s': '%s' is a list, and no list can be in a "
					       "list",
					       s->name, name);
		}
	}
}

static void
quoted(struct cfg_buf *b, const char *s)
{
	cfg_buf_addc(b, '\'');
	for (; *s != '\0'; s++) {
		cfg_buf_addc(b, *s);
		if (*s == '\'')
			cfg_buf_addc(b, '\'');
	}
	cfg_buf_addc(b, '\'');
}

void
yaml_sets_write(struct cfg_buf *b, const struct cfg_sets *sets)
{
	struct cfg_err none; // the words are set_create_print()'s own

	cfg_err_init(&none, NULL);
	cfg_buf_add(b, sets->n > 0 ? "sets:\n" : "");
	for (size_t i = 0; i < sets->n; i++) {
		const struct cfg_set *s = &sets->set[i];
		struct cfg_buf line = {0};
		char *word[SET_WORDS], *text;
		int n;

		set_create_print(&line, s);
		text = cfg_buf_take(&line);
		if (text == NULL) {
			b->oom = true;
			break;
		}
		n = set_split(text, word, s->pos, &none);
		cfg_buf_add(b, "  ");
		quoted(b, s->name);
		cfg_buf_addf(b, ":\n    type: %s\n", word[2]);
		for (int k = 3; k < n; k++) {
			bool value = set_option_values(word[k]) == 1;

			cfg_buf_addf(b, "    %s: %s\n", word[k], value ? word[k + 1] : "true");
			k += value;
		}
		free(text);
		cfg_buf_add(b, s->n_entry > 0 ? "    entries: |\n" : "");
		for (size_t k = 0; k < s->n_entry; k++) {
			cfg_buf_add(b, "      ");
			set_entry_print(b, s, &s->entry[k], false);
			cfg_buf_addc(b, '\n');
		}
	}
	cfg_err_free(&none);
}
