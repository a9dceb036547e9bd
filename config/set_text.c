// The commands of `ipset restore` text, a line each: create, add, del, flush, destroy, rename, swap
// and test, with the words, shorthands and options that ipset 7.17 reads. What a command does is
// the caller's (struct cfg_set_do): the reader of files below, or the running gateway's control.
//
// Called on the reader's thread.
#include "config/buf.h"
#include "config/set_in.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	char letter;
	const char *also;
	uint8_t min, max; // words behind the command; 0: no bound
} cmd_row[CFG_SC_CMDS] = {
	[CFG_SC_ADD] = {"add", 'A', NULL, 2, 0},     [CFG_SC_CREATE] = {"create", 'N', "new", 2, 0},
	[CFG_SC_DEL] = {"del", 'D', NULL, 2, 0},     [CFG_SC_DESTROY] = {"destroy", 'X', "x", 0, 1},
	[CFG_SC_FLUSH] = {"flush", 'F', NULL, 0, 1}, [CFG_SC_RENAME] = {"rename", 'E', "e", 2, 2},
	[CFG_SC_SWAP] = {"swap", 'W', "w", 2, 2},    [CFG_SC_TEST] = {"test", 'T', NULL, 2, 0},
};

const char *
cfg_set_cmd_name(enum cfg_set_cmd_id id)
{
	return cmd_row[id].name;
}

int
set_split(char *line, char **word, struct cfg_pos pos, struct cfg_err *err)
{
	int n = 0;

	for (;;) {
		char end = ' ';

		line += strspn(line, " \t\r");
		if (*line == '\0')
			return n;
		if (n == SET_WORDS) {
			cfg_err_add(err, pos, "more than %d words in one line", SET_WORDS);
			return -1;
		}
		if (*line == '"')
			end = *line++;
		word[n++] = line;
		line += end == '"' ? strcspn(line, "\"") : strcspn(line, " \t\r");
		if (end == '"' && *line == '\0') {
			cfg_err_add(err, pos, "a quoted word that does not end (expected '\"')");
			return -1;
		}
		if (*line != '\0')
			*line++ = '\0';
	}
}

struct text_in {
	const struct cfg_set_do *how;
	struct cfg_set_cmd cmd; // at hand
	struct cfg_err *err;
};

static bool
run(struct text_in *in)
{
	const char *why = in->how->run(in->how->arg, &in->cmd);

	if (why != NULL)
		cfg_err_add(in->err, in->cmd.pos, "%s%s%s%s", in->cmd.name != NULL ? "set '" : "",
			    in->cmd.name != NULL ? in->cmd.name : "",
			    in->cmd.name != NULL ? "': " : "", why);
	return why == NULL;
}

static bool
put(void *arg, const struct cfg_set_entry *entry)
{
	struct text_in *in = arg;

	in->cmd.entry = entry;
	return run(in);
}

static bool
create(struct text_in *in, char **word, int n)
{
	struct cfg_pos pos = in->cmd.pos;
	struct cfg_set set;

	if (!set_begin(&set, word[0], word[1], pos, in->err))
		return false;
	for (int i = 2; i < n; i++) {
		int values = set_option_values(word[i]);

		if (values == 1 && i + 1 == n) {
			cfg_err_add(in->err, pos, "set '%s': '%s' needs an argument", set.name,
				    word[i]);
			return false;
		}
		if (!set_option(&set, word[i], values == 1 ? word[i + 1] : NULL, pos, in->err))
			return false;
		i += values == 1;
	}
	if (!set_end(&set, pos, in->err))
		return false;
	in->cmd.set = &set;
	return run(in);
}

static int
command_of(const char *word)
{
	const char *bare = word + strspn(word, "-");

	for (int c = 0; c < CFG_SC_CMDS; c++)
		if (strcmp(bare, cmd_row[c].name) == 0 ||
		    (cmd_row[c].also != NULL && strcmp(bare, cmd_row[c].also) == 0) ||
		    (word[0] == '-' && word[1] == cmd_row[c].letter && word[2] == '\0'))
			return c;
	return -1;
}

// Takes options that may stand anywhere out of the words.
static int
common(struct text_in *in, char **word, int n)
{
	int left = 0;

	for (int i = 0; i < n; i++) {
		if (strcmp(word[i], "-exist") == 0 || strcmp(word[i], "-!") == 0 ||
		    strcmp(word[i], "--exist") == 0)
			in->cmd.exist = true;
		else if (strcmp(word[i], "-q") != 0 && strcmp(word[i], "-quiet") != 0)
			word[left++] = word[i];
	}
	return left;
}

static bool
words(struct text_in *in, char **word, int n)
{
	const struct cfg_set *set;
	int c;

	n = common(in, word, n);
	c = n > 0 ? command_of(word[0]) : -1;
	if (c < 0) {
		cfg_err_add(in->err, in->cmd.pos, "unknown command '%s'", n > 0 ? word[0] : "");
		return false;
	}
	word++;
	n--;
	if (n < cmd_row[c].min || (cmd_row[c].max != 0 && n > cmd_row[c].max)) {
		cfg_err_add(in->err, in->cmd.pos, "'%s': %s", cmd_row[c].name,
			    n < cmd_row[c].min ? "words are missing" : "too many words");
		return false;
	}
	in->cmd.id = c;
	in->cmd.name = n > 0 ? word[0] : NULL;
	in->cmd.other = n > 1 ? word[1] : NULL;
	if (c == CFG_SC_CREATE)
		return create(in, word, n);
	if (c != CFG_SC_ADD && c != CFG_SC_DEL && c != CFG_SC_TEST)
		return run(in);
	set = in->how->find(in->how->arg, word[0]);
	if (set == NULL) {
		cfg_err_add(in->err, in->cmd.pos,
			    "set '%s': the set with the given name does not exist", word[0]);
		return false;
	}
	return set_entry_words(set, word + 1, n - 1, put, in, in->cmd.pos, in->err);
}

int
cfg_set_line(const char *line, struct cfg_pos pos, const struct cfg_set_do *how,
	     struct cfg_err *err)
{
	struct text_in in = {.how = how, .err = err, .cmd = {.pos = pos}};
	char *copy = strdup(line), *word[SET_WORDS];
	int n;
	bool good;

	if (copy == NULL) {
		cfg_err_add(err, pos, "out of memory");
		return -ENOMEM;
	}
	n = set_split(copy, word, pos, err);
	good = n == 0 || (n > 0 && words(&in, word, n));
	free(copy);
	return good ? 0 : -EINVAL;
}

int
cfg_set_text(const char *text, size_t len, const struct cfg_set_do *how, struct cfg_err *err)
{
	struct cfg_pos pos = {0};
	const char *end = text + len;
	char *line = NULL;
	size_t cap = 0;
	int ret = 0;

	while (ret == 0 && text < end) {
		const char *nl = memchr(text, '\n', end - text);
		size_t n = (nl != NULL ? nl : end) - text;

		pos.line++;
		pos.column = 1;
		if (n + 1 > cap) {
			free(line);
			line = malloc(cap = (n + 1) * 2);
			if (line == NULL) {
				cfg_err_add(err, pos, "out of memory");
				return -ENOMEM;
			}
		}
		memcpy(line, text, n);
		line[n] = '\0';
		if (line[0] != '#' && strcmp(line, "COMMIT") != 0)
			ret = cfg_set_line(line, pos, how, err);
		text += n + 1;
	}
	free(line);
	return ret;
}

// ---- a file of sets
static const struct cfg_set *
file_find(void *arg, const char *name)
{
	return cfg_set_find(arg, name);
}

static const char *
file_run(void *arg, const struct cfg_set_cmd *cmd)
{
	struct cfg_sets *sets = arg;
	struct cfg_set *set = cmd->name != NULL ? cfg_set_find(sets, cmd->name) : NULL;

	if (cmd->id == CFG_SC_CREATE) {
		if (set != NULL)
			return "cannot be created: a set with the same name already exists";
		if (sets->n == CFG_SETS_MAX)
			return "there are 1024 sets already";
		return cfg_set_add(sets, cmd->set) != NULL ? NULL : "out of memory";
	}
	if (cmd->id != CFG_SC_ADD)
		return "only create and add can stand in a file of sets";
	if (set->n_entry == set->maxelem)
		return "the set is full, cannot add more elements";
	return cfg_set_entry_add(set, cmd->entry) ? NULL : "out of memory";
}

int
cfg_sets_read(struct cfg_sets *sets, const char *text, size_t len, struct cfg_err *err)
{
	const struct cfg_set_do how = {sets, file_find, file_run};

	return cfg_set_text(text, len, &how, err);
}

char *
cfg_sets_save(const struct cfg_sets *sets)
{
	struct cfg_buf b = {0};

	for (size_t i = 0; i < sets->n; i++) {
		const struct cfg_set *s = &sets->set[i];

		set_create_print(&b, s);
		cfg_buf_addc(&b, '\n');
		for (size_t k = 0; k < s->n_entry; k++) {
			cfg_buf_addf(&b, "add %s ", s->name);
			set_entry_print(&b, s, &s->entry[k], false);
			cfg_buf_addc(&b, '\n');
		}
	}
	return cfg_buf_take(&b);
}

char *
cfg_set_create_text(const struct cfg_set *set)
{
	struct cfg_buf b = {0};

	set_create_print(&b, set);
	return cfg_buf_take(&b);
}

char *
cfg_set_entry_text(const struct cfg_set *set, const struct cfg_set_entry *entry, bool element)
{
	struct cfg_buf b = {0};

	set_entry_print(&b, set, entry, element);
	return cfg_buf_take(&b);
}
