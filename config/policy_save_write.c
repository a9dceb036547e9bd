// The policy model to the text that iptables-save 1.8.9 prints for it.
//
// cfg_policy_to_save is called by app/ (export) and control/ (save), cfg_rule_to_save by acl/ and
// control/ as well, on the control thread. The caller owns the text. Order of tables: the kernel
// lists the table that was loaded last first, so iptables-save after iptables-restore gives them in
// reverse; here the positions in the file say what came first. User chains come sorted by name, as
// libiptc keeps them.
#include "config/ext/ext.h"
#include "config/model.h"

#include <stdlib.h>
#include <string.h>

// A word as iptables-save prints it: quoted unless it is of plain letters only.
static void
quoted(struct cfg_buf *b, const char *s)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	if (*s != '\0' && s[strspn(s, plain)] == '\0') {
		cfg_buf_add(b, s);
		return;
	}
	cfg_buf_addc(b, '"');
	for (; *s != '\0'; s++) {
		if (strchr("\"\\'", *s) != NULL)
			cfg_buf_addc(b, '\\');
		cfg_buf_addc(b, *s);
	}
	cfg_buf_addc(b, '"');
}

static void
options(struct cfg_buf *b, struct ext_out *out, const struct ext *ext)
{
	for (size_t i = 0; i < ext->n_opt; i++) {
		const struct ext_opt *o = &ext->opt[i];

		if (o->show == NULL || o->name[0] == '\0')
			continue;
		out->invert = false;
		cfg_buf_reset(out->text);
		if (!o->show(out))
			continue;
		cfg_buf_add(b, out->invert ? " ! " : " ");
		if (o->letter != '\0')
			cfg_buf_addf(b, "-%c", o->letter);
		else
			cfg_buf_addf(b, "--%s", o->name);
		if (o->value == EXT_FLAG && out->text->len == 0)
			continue;
		cfg_buf_addc(b, ' ');
		if (o->quoted)
			quoted(b, out->text->text != NULL ? out->text->text : "");
		else
			cfg_buf_addn(b, out->text->text, out->text->len);
	}
}

static void
rule_print(struct cfg_buf *b, struct cfg_buf *word, const struct cfg_rule *rule, uint8_t family)
{
	struct ext_out out = {.rule = rule, .family = family, .text = word};
	const struct ext *ext;

	options(b, &out, &ext_rule);
	for (size_t i = 0; i < rule->n_match; i++) {
		out.match = &rule->match[i];
		ext = ext_of_match(out.match->id);
		cfg_buf_add(b, " -m ");
		cfg_buf_add(b, ext->name);
		options(b, &out, ext);
	}
	out.match = NULL;
	out.target = &rule->target;
	ext = ext_of_target(rule->target.id);
	if (ext != NULL) {
		cfg_buf_add(b, " -j ");
		cfg_buf_add(b, ext->name);
		options(b, &out, ext);
	} else if (rule->target.id != CFG_T_NONE) {
		cfg_buf_add(b, rule->target.id == CFG_T_GOTO ? " -g " : " -j ");
		cfg_buf_add(b, rule->target.chain);
	}
}

char *
cfg_rule_to_save(const struct cfg_rule *rule, enum cfg_family family)
{
	struct cfg_buf b = {0}, word = {0};
	char *text;

	rule_print(&b, &word, rule, family);
	b.oom |= word.oom;
	cfg_buf_free(&word);
	text = cfg_buf_take(&b);
	if (text != NULL && text[0] == ' ')
		memmove(text, text + 1, strlen(text));
	return text;
}

// The options of one match or of the target alone.
static char *
item_text(const struct cfg_rule *rule, const struct cfg_match *match, const struct ext *ext,
	  enum cfg_family family)
{
	struct cfg_buf b = {0}, word = {0};
	struct ext_out out = {.rule = rule,
			      .match = match,
			      .target = match == NULL ? &rule->target : NULL,
			      .family = family,
			      .text = &word};
	char *text;

	if (ext != NULL)
		options(&b, &out, ext);
	b.oom |= word.oom;
	cfg_buf_free(&word);
	text = cfg_buf_take(&b);
	if (text != NULL && text[0] == ' ')
		memmove(text, text + 1, strlen(text));
	return text;
}

char *
cfg_match_to_save(const struct cfg_rule *rule, const struct cfg_match *match,
		  enum cfg_family family)
{
	return item_text(rule, match, ext_of_match(match->id), family);
}

char *
cfg_target_to_save(const struct cfg_rule *rule, enum cfg_family family)
{
	return item_text(rule, NULL, ext_of_target(rule->target.id), family);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp((*(struct cfg_chain *const *)a)->name, (*(struct cfg_chain *const *)b)->name);
}

static void
chain_head(struct cfg_buf *b, const struct cfg_chain *c, uint8_t family)
{
	bool v4 = family == CFG_IPV4;

	if (c->hook == CFG_HOOK_NONE)
		cfg_buf_addf(b, ":%s - [0:0]\n", c->name);
	else
		cfg_buf_addf(b, ":%s %s [%llu:%llu]\n", c->name,
			     (v4 ? c->policy4 : c->policy6) == CFG_POLICY_DROP ? "DROP" : "ACCEPT",
			     (unsigned long long)(v4 ? c->packets4 : c->packets6),
			     (unsigned long long)(v4 ? c->bytes4 : c->bytes6));
}

// Built-in chains that the model does not have exist in the kernel all the same, empty.
static void
chain_heads(struct cfg_buf *b, enum cfg_table_id t, struct cfg_chain *const *chain, size_t n,
	    uint8_t family)
{
	size_t next = 0;

	for (int h = 0; h < CFG_HOOKS; h++) {
		if (next < n && chain[next]->hook == (enum cfg_hook)h)
			chain_head(b, chain[next++], family);
		else if (cfg_table_has_hook(t, h))
			cfg_buf_addf(b, ":%s ACCEPT [0:0]\n", cfg_hook_name(h));
	}
	for (; next < n; next++)
		chain_head(b, chain[next], family);
}

static void
chain_rules(struct cfg_buf *b, struct cfg_buf *word, const struct cfg_chain *c, uint8_t family,
	    bool counters)
{
	for (size_t i = 0; i < c->n_rule; i++) {
		const struct cfg_rule *r = &c->rule[i];

		if (!(r->family & family))
			continue;
		if (counters) {
			uint64_t packets, bytes;

			cfg_rule_counters(r, family, &packets, &bytes);
			cfg_buf_addf(b, "[%llu:%llu] ", (unsigned long long)packets,
				     (unsigned long long)bytes);
		}
		cfg_buf_add(b, "-A ");
		cfg_buf_add(b, c->name);
		rule_print(b, word, r, family);
		cfg_buf_addc(b, '\n');
	}
}

static void
table_print(struct cfg_buf *b, struct cfg_buf *word, enum cfg_table_id t,
	    const struct cfg_table *table, uint8_t family, bool counters)
{
	struct cfg_chain **chain = calloc(table->n_chain + 1, sizeof(struct cfg_chain *));
	size_t n = 0, user;

	if (chain == NULL) {
		b->oom = true;
		return;
	}
	for (size_t i = 0; i < table->n_chain; i++)
		if (table->chain[i]->family & family)
			chain[n++] = table->chain[i];
	for (user = 0; user < n && chain[user]->hook != CFG_HOOK_NONE; user++)
		;
	qsort(chain + user, n - user, sizeof(struct cfg_chain *), by_name);
	cfg_buf_addf(b, "*%s\n", cfg_table_name(t));
	chain_heads(b, t, chain, n, family);
	for (size_t i = 0; i < n; i++)
		chain_rules(b, word, chain[i], family, counters);
	cfg_buf_add(b, "COMMIT\n");
	free(chain);
}

char *
cfg_policy_to_save(const struct cfg_policy *policy, enum cfg_family family, bool counters)
{
	enum cfg_table_id order[CFG_TABLES];
	struct cfg_buf b = {0}, word = {0};

	for (size_t n = cfg_table_order(policy, order); n-- > 0;)
		if (policy->table[order[n]].family & family)
			table_print(&b, &word, order[n], &policy->table[order[n]], family,
				    counters);
	b.oom |= word.oom;
	cfg_buf_free(&word);
	return cfg_buf_take(&b);
}
