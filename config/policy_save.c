// iptables-save text to the policy model: the file, its tables and chains.
//
// cfg_policy_from_save and cfg_policy_restore are called by app/ (import) and control/ (restore),
// on their thread; the policy they give belongs to the caller. What a line is follows
// iptables-restore 1.8.9, compared with the real one (test/diff/syntax): '#' only in the first
// column, "* nat" with a blank, counters before a rule, in rules double quotes with backslash
// escapes inside them only. More than it: lines may end in CR LF, every error is reported, and
// words that it passes over in silence give a warning. Rules themselves are read by save_rule.c.
#include "config/model.h"
#include "config/save_in.h"
#include "config/value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct cfg_pos
save_pos(const struct save_in *in, unsigned column)
{
	return (struct cfg_pos){in->line, column};
}

enum state { OUTSIDE, IN_TABLE, IN_BAD_TABLE, IN_OTHER_TABLE };

// Takes a line apart in place. A quote may begin in the middle of a word; the closing one ends it.
static bool
split(struct save_in *in, char *line, unsigned column)
{
	char *from = line, *to, quote;

	in->n_word = 0;
	for (;;) {
		while (*from == ' ' || *from == '\t')
			from++;
		if (*from == '\0')
			return true;
		if (in->n_word == SAVE_WORDS) {
			cfg_err_add(in->err, save_pos(in, column + (from - line)),
				    "more than %d words in one line", SAVE_WORDS);
			return false;
		}
		in->word[in->n_word++] = (struct save_word){from, column + (from - line)};
		quote = '\0';
		for (to = from; *from != '\0' && (quote || (*from != ' ' && *from != '\t'));
		     from++) {
			if (quote && *from == '\\' && from[1] != '\0')
				*to++ = *++from;
			else if (quote && *from == '"')
				break;
			else if (*from == '"')
				quote = *from;
			else
				*to++ = *from;
		}
		if (quote && *from == '\0') {
			cfg_err_add(in->err, save_pos(in, in->word[in->n_word - 1].column),
				    "a quoted word that does not end (expected '\"')");
			return false;
		}
		if (*from != '\0')
			from++;
		*to = '\0';
	}
}

// Takes a line that begins with '*' or ':' apart in place: blanks only, a quote is a letter there.
static void
split_plain(struct save_in *in, char *line, unsigned column)
{
	char *at = line;

	in->n_word = 0;
	for (;;) {
		at += strspn(at, " \t");
		if (*at == '\0' || in->n_word == SAVE_WORDS)
			return;
		in->word[in->n_word++] = (struct save_word){at, column + (at - line)};
		at += strcspn(at, " \t");
		if (*at != '\0')
			*at++ = '\0';
	}
}

// iptables-restore passes over what stands behind the n words that it needs: told.
static void
rest_ignored(struct save_in *in, size_t n)
{
	if (in->n_word > n)
		cfg_warn_add(in->err, save_pos(in, in->word[n].column), "rest-ignored",
			     "'%s' and what follows it is passed over, as iptables-restore does",
			     in->word[n].text);
}

// "[packets:bytes]"; *end is behind it.
static bool
counters(const char *s, uint64_t *packets, uint64_t *bytes, const char **end)
{
	const char *colon = strchr(s, ':'), *close = strchr(s, ']');

	if (*s != '[' || colon == NULL || close == NULL || colon > close ||
	    !cfg_value_u64(s + 1, colon - s - 1, packets) ||
	    !cfg_value_u64(colon + 1, close - colon - 1, bytes))
		return false;
	*end = close + 1;
	return true;
}

static int
table_by_name(const char *name)
{
	int t = 0;

	while (t < CFG_TABLES && strcmp(name, cfg_table_name(t)) != 0)
		t++;
	return t;
}

// The table is here already: by an earlier part of the text, or it is what noflush adds to.
static void
table_again(struct save_in *in, struct cfg_table *table)
{
	if (in->how->base != NULL)
		return;
	cfg_warn_add(in->err, save_pos(in, in->word[0].column), "table-repeated",
		     "table '%s' stands here again: its rules above (line %u) are flushed, as "
		     "iptables-restore does",
		     in->word[0].text, table->pos.line);
	// What the first part set as policies stays, as in the kernel.
	for (size_t i = table->n_chain; i-- > 0;) {
		cfg_chain_clear(table->chain[i]);
		if (table->chain[i]->hook == CFG_HOOK_NONE)
			cfg_chain_remove(in->policy, in->table, table->chain[i]);
	}
}

static bool
table_new(struct save_in *in, struct cfg_table *table)
{
	for (int h = 0; h < CFG_HOOKS; h++) {
		struct cfg_chain *chain = NULL;

		if (!cfg_table_has_hook(in->table, h))
			continue;
		chain = cfg_chain_add(in->policy, in->table, cfg_hook_name(h));
		if (chain == NULL) {
			cfg_err_add(in->err, save_pos(in, 1), "out of memory");
			return false;
		}
		chain->family = in->family;
		chain->pos = save_pos(in, 1);
	}
	table->pos = save_pos(in, 1);
	return true;
}

static enum state
table_begin(struct save_in *in)
{
	const char *name = in->n_word > 0 ? in->word[0].text : "";
	struct cfg_table *table;
	int t = table_by_name(name);

	if (in->n_word == 0) {
		cfg_err_add(in->err, save_pos(in, 1), "expected a table's name behind '*'");
		return IN_BAD_TABLE;
	}
	if (in->how->table != NULL && strcmp(in->how->table, name) != 0)
		return IN_OTHER_TABLE;
	rest_ignored(in, 1);
	if (t == CFG_TABLES) {
		cfg_err_add(in->err, save_pos(in, in->word[0].column),
			    "table '%s' does not exist (expected raw, mangle, nat, filter or "
			    "security)",
			    name);
		return IN_BAD_TABLE;
	}
	in->table = t;
	in->named[t] |= !in->base;
	table = &in->policy->table[t];
	if (!table->present)
		return table_new(in, table) ? IN_TABLE : IN_BAD_TABLE;
	table_again(in, table);
	return IN_TABLE;
}

static void
chain_policy(struct save_in *in, struct cfg_chain *chain)
{
	const struct save_word *policy = &in->word[1];
	uint64_t packets = 0, bytes = 0;
	const char *end;

	if (strcmp(policy->text, "-") == 0)
		return;
	if (chain->hook == CFG_HOOK_NONE) {
		cfg_err_add(in->err, save_pos(in, policy->column),
			    "chain '%s' is not built in and has no policy (expected '-')",
			    chain->name);
		return;
	}
	if (strcmp(policy->text, "ACCEPT") != 0 && strcmp(policy->text, "DROP") != 0) {
		cfg_err_add(in->err, save_pos(in, policy->column),
			    "bad policy '%s' (expected ACCEPT or DROP)", policy->text);
		return;
	}
	if (in->n_word > 2 && in->word[2].text[0] == '[' && !in->how->no_counters) {
		if (!counters(in->word[2].text, &packets, &bytes, &end) || *end != '\0') {
			cfg_err_add(in->err, save_pos(in, in->word[2].column),
				    "bad counters '%s' (expected [packets:bytes])",
				    in->word[2].text);
			return;
		}
	}
	rest_ignored(in, in->n_word > 2 && in->word[2].text[0] == '[' ? 3 : 2);
	if (in->family == CFG_IPV4) {
		chain->policy4 =
			strcmp(policy->text, "DROP") == 0 ? CFG_POLICY_DROP : CFG_POLICY_ACCEPT;
		chain->packets4 = packets;
		chain->bytes4 = bytes;
	} else {
		chain->policy6 =
			strcmp(policy->text, "DROP") == 0 ? CFG_POLICY_DROP : CFG_POLICY_ACCEPT;
		chain->packets6 = packets;
		chain->bytes6 = bytes;
	}
}

static void
chain_line(struct save_in *in)
{
	const char *name = in->n_word > 0 ? in->word[0].text : "";
	const char *why = cfg_chain_name_bad(name);
	struct cfg_chain *chain;

	if (in->n_word < 2) {
		cfg_err_add(in->err, save_pos(in, 1), "expected ':CHAIN POLICY [packets:bytes]'");
		return;
	}
	if (why != NULL) {
		cfg_err_add(in->err, save_pos(in, in->word[0].column), "chain '%s': %s", name, why);
		return;
	}
	chain = cfg_chain_find(in->policy, in->table, name);
	if (chain != NULL && chain->hook == CFG_HOOK_NONE && in->how->base != NULL) {
		cfg_chain_clear(chain); // noflush: it is there, and begins anew
	} else if (chain != NULL && chain->hook == CFG_HOOK_NONE) {
		cfg_err_add(in->err, save_pos(in, in->word[0].column),
			    "chain '%s' exists already (line %u)", name, chain->pos.line);
		return;
	}
	if (chain == NULL) {
		why = ext_chain_name_taken(in->table, name);
		if (why != NULL) {
			cfg_err_add(in->err, save_pos(in, in->word[0].column), "chain '%s': %s",
				    name, why);
			return;
		}
		chain = cfg_chain_add(in->policy, in->table, name);
		if (chain == NULL) {
			cfg_err_add(in->err, save_pos(in, 1), "out of memory");
			return;
		}
		chain->family = in->family;
	}
	chain->pos = save_pos(in, in->word[0].column);
	chain_policy(in, chain);
}

static void
rule_line(struct save_in *in, char *line)
{
	const char *end = line;

	in->packets = in->bytes = 0;
	in->counted = *line == '[';
	if (in->counted && in->how->no_counters && strchr(line, ']') != NULL) {
		in->counted = false;
		end = strchr(line, ']') + 1;
	} else if (in->counted && !counters(line, &in->packets, &in->bytes, &end)) {
		cfg_err_add(in->err, save_pos(in, 1),
			    "bad counters (expected [packets:bytes] before the rule)");
		return;
	}
	if (split(in, line + (end - line), 1 + (end - line)))
		save_line(in);
}

static bool
is_blank(const char *line)
{
	return line[strspn(line, " \t")] == '\0';
}

static enum state
one_line(struct save_in *in, enum state state, char *line)
{
	size_t n = strlen(line);

	if (n > 0 && line[n - 1] == '\r')
		line[n - 1] = '\0';
	if (*line == '#' || is_blank(line))
		return state;
	if (state == OUTSIDE) {
		if (*line != '*') {
			cfg_err_add(in->err, save_pos(in, 1),
				    "expected a table ('*filter'), found \"%.40s\"", line);
			return OUTSIDE;
		}
		split_plain(in, line + 1, 2);
		return table_begin(in);
	}
	if (strncmp(line, "COMMIT", 6) == 0 && is_blank(line + 6))
		return OUTSIDE;
	if (state == IN_BAD_TABLE || state == IN_OTHER_TABLE)
		return state;
	if (*line == '*') {
		cfg_err_add(in->err, save_pos(in, 1), "expected COMMIT before the next table");
	} else if (*line != ':') {
		rule_line(in, line);
	} else {
		split_plain(in, line + 1, 2);
		chain_line(in);
	}
	return state;
}

static void
all_lines(struct save_in *in, const char *text, size_t len)
{
	enum state state = OUTSIDE;
	const char *end = text + len;
	char *line = NULL;
	size_t cap = 0;

	while (text < end) {
		const char *nl = memchr(text, '\n', end - text);
		size_t n = (nl != NULL ? nl : end) - text;

		in->line++;
		if (n + 1 > cap) {
			free(line);
			line = malloc(cap = (n + 1) * 2);
			if (line == NULL) {
				cfg_err_add(in->err, save_pos(in, 1), "out of memory");
				return;
			}
		}
		memcpy(line, text, n);
		line[n] = '\0';
		if (memchr(line, '\0', n) != NULL)
			cfg_err_add(in->err, save_pos(in, strlen(line) + 1),
				    "a NUL byte in the text");
		else
			state = one_line(in, state, line);
		text += n + 1;
	}
	if (state != OUTSIDE)
		cfg_err_add(in->err, save_pos(in, 0),
			    "the text ends inside table (expected COMMIT)");
	free(line);
}

// The text, on top of how->base where there is one. Tables that only stand there are not given out.
static void
read_text(struct save_in *in, const char *text, size_t len)
{
	if (in->how->base != NULL) {
		struct cfg_restore whole = {0};
		const struct cfg_restore *how = in->how;

		in->base = true;
		in->how = &whole;
		all_lines(in, how->base, strlen(how->base));
		in->how = how;
		in->base = false;
		in->line = 0;
	}
	all_lines(in, text, len);
	for (int t = 0; t < CFG_TABLES; t++)
		if (!in->named[t])
			cfg_table_clear(&in->policy->table[t]);
}

int
cfg_policy_restore(struct cfg_policy **out, enum cfg_family family, const struct cfg_restore *how,
		   const char *text, size_t len, struct cfg_err *err)
{
	size_t before = err->n_errors;
	struct cfg_policy *policy = cfg_policy_new();
	struct save_in *in = calloc(1, sizeof(*in));
	int ret = -ENOMEM;

	if (policy == NULL || in == NULL)
		goto fail;
	if (err->file != NULL && (policy->file = strdup(err->file)) == NULL)
		goto fail;
	in->policy = policy;
	in->how = how;
	in->family = family;
	in->err = err;
	in->budget = RULE_IN_MAX;
	read_text(in, text, len);
	for (int t = 0; t < CFG_TABLES; t++)
		policy->table[t].family = policy->table[t].present ? family : 0;
	ret = cfg_policy_check(policy, err) == 0 && err->n_errors == before ? 0 : -EINVAL;
	if (ret < 0)
		goto fail;
	free(in);
	*out = policy;
	return 0;
fail:
	free(in);
	cfg_policy_free(policy);
	return ret;
}

int
cfg_policy_from_save(struct cfg_policy **out, enum cfg_family family, const char *text, size_t len,
		     struct cfg_err *err)
{
	static const struct cfg_restore how;

	return cfg_policy_restore(out, family, &how, text, len, err);
}
