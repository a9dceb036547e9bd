// Warnings about a policy that is sound but probably not what its author wanted.
//
// cfg_policy_lint is called by app/ (`ringwall check`) on a policy that cfg_policy_check passed; it
// only adds to the list. Every warning has an id, and a comment "# ringwall: allow ID" in the line
// that it points at takes it away again (cfg_lint_allow): the ids are a contract, ringwall(8) lists
// them.
#include "config/ext.h"
#include "config/model.h"
#include "config/value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char no_established[] = "drop-without-established";
static const char unreachable[] = "unreachable-rule";
static const char unused_chain[] = "unused-chain";
static const char duplicate[] = "duplicate-rule";
static const char uncovered[] = "family-uncovered";
static const char no_interface[] = "interface-never";

static const char *
family_text(uint8_t family)
{
	return family == CFG_IPV4 ? "IPv4" : family == CFG_IPV6 ? "IPv6" : "IPv4 and IPv6";
}

static bool
is_unconditional(const struct cfg_rule *r)
{
	bool iface =
		r->in.name[0] != '\0' || r->in.invert || r->out.name[0] != '\0' || r->out.invert;

	for (size_t i = 0; i < r->n_match; i++)
		if (r->match[i].id != CFG_M_COMMENT)
			return false;
	return cfg_addr_is_any(&r->src) && cfg_addr_is_any(&r->dst) && !iface && r->proto == 0 &&
	       !r->frag;
}

// The walk of a chain ends or leaves for good at such a rule when it matches.
static bool
ends_walk(const struct cfg_rule *r)
{
	switch (r->target.id) {
	case CFG_T_NONE:
	case CFG_T_JUMP:
	case CFG_T_NOTRACK:
	case CFG_T_CT:
	case CFG_T_MARK:
		return false;
	default:
		return true;
	}
}

static void
lint_unreachable(const struct cfg_chain *chain, struct cfg_err *err)
{
	const struct cfg_rule *last[2] = {NULL, NULL};

	for (size_t i = 0; i < chain->n_rule; i++) {
		const struct cfg_rule *r = &chain->rule[i];
		uint8_t dead = (last[0] != NULL ? CFG_IPV4 : 0) | (last[1] != NULL ? CFG_IPV6 : 0);

		if ((r->family & ~dead) == 0 && r->family != 0) {
			const struct cfg_rule *by = last[r->family & CFG_IPV4 ? 0 : 1];

			cfg_warn_add(err, r->pos, unreachable,
				     "no packet gets here: the rule in line %u ends chain '%s' for "
				     "all %s packets",
				     by->pos.line, chain->name, family_text(r->family));
		}
		if (!is_unconditional(r) || !ends_walk(r))
			continue;
		if ((r->family & CFG_IPV4) && last[0] == NULL)
			last[0] = r;
		if ((r->family & CFG_IPV6) && last[1] == NULL)
			last[1] = r;
	}
}

struct seen {
	char *text;
	const struct cfg_rule *rule;
	size_t number;
};

static int
by_text(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	int c = strcmp(x->text, y->text);

	return c != 0 ? c : x->number < y->number ? -1 : x->number > y->number;
}

// Same words, comment and all: found by sorting.
static void
lint_duplicates(const struct cfg_chain *chain, struct cfg_err *err)
{
	struct seen *seen = calloc(chain->n_rule + 1, sizeof(*seen));
	size_t n = 0;

	for (size_t i = 0; seen != NULL && i < chain->n_rule; i++) {
		const struct cfg_rule *r = &chain->rule[i];

		seen[n] = (struct seen){
			cfg_rule_to_save(r, r->family & CFG_IPV4 ? CFG_IPV4 : CFG_IPV6), r, i};
		n += seen[n].text != NULL;
	}
	if (n > 1)
		qsort(seen, n, sizeof(*seen), by_text);
	for (size_t i = 1; i < n; i++) {
		const struct cfg_rule *a = seen[i - 1].rule, *b = seen[i].rule;

		if (strcmp(seen[i - 1].text, seen[i].text) == 0 && (b->family & ~a->family) == 0 &&
		    ends_walk(b))
			cfg_warn_add(err, b->pos, duplicate,
				     "the same rule stands in line %u already", a->pos.line);
	}
	for (size_t i = 0; i < n; i++)
		free(seen[i].text);
	free(seen);
}

// Accepts what belongs to known connections: ctstate or state with ESTABLISHED, and nothing that
// would keep other packets of them out but an interface.
static bool
accepts_established(const struct cfg_rule *r)
{
	bool state = false;

	if (r->target.id != CFG_T_ACCEPT || r->proto_set || r->src.family != 0 ||
	    r->dst.family != 0)
		return false;
	for (size_t i = 0; i < r->n_match; i++) {
		const struct cfg_match *m = &r->match[i];

		if (m->id == CFG_M_CONNTRACK || m->id == CFG_M_STATE)
			state = ((m->state.mask & CFG_CT_ESTABLISHED) != 0) != m->state.invert;
		else if (m->id != CFG_M_COMMENT)
			return false;
	}
	return state || is_unconditional(r);
}

// Is there such a rule in this chain or in one that it jumps to? Each chain is looked at once.
static bool
chain_accepts(const struct cfg_policy *policy, const struct cfg_chain *chain, uint8_t family,
	      const struct cfg_chain **done, size_t *n_done)
{
	size_t from = *n_done;

	done[(*n_done)++] = chain;
	for (; from < *n_done; from++) {
		for (size_t i = 0; i < done[from]->n_rule; i++) {
			const struct cfg_rule *r = &done[from]->rule[i];
			const struct cfg_chain *to = NULL;
			size_t j = 0;

			if (!(r->family & family))
				continue;
			if (accepts_established(r))
				return true;
			if (r->target.id == CFG_T_JUMP || r->target.id == CFG_T_GOTO)
				to = cfg_chain_find(policy, CFG_FILTER, r->target.chain);
			while (to != NULL && j < *n_done && done[j] != to)
				j++;
			if (to != NULL && j == *n_done)
				done[(*n_done)++] = to;
		}
	}
	return false;
}

static void
lint_established(const struct cfg_policy *policy, struct cfg_err *err)
{
	const struct cfg_table *table = &policy->table[CFG_FILTER];
	const struct cfg_chain **done = calloc(table->n_chain + 1, sizeof(*done));

	for (size_t i = 0; done != NULL && i < table->n_chain; i++) {
		const struct cfg_chain *c = table->chain[i];
		uint8_t missing = 0;

		for (uint8_t f = CFG_IPV4; f <= CFG_IPV6; f++) {
			size_t n_done = 0;

			if (c->hook != CFG_HOOK_NONE && (c->family & f) &&
			    (f == CFG_IPV4 ? c->policy4 : c->policy6) == CFG_POLICY_DROP &&
			    !chain_accepts(policy, c, f, done, &n_done))
				missing |= f;
		}
		// A chain that drops everything means it.
		if (missing != 0 && c->n_rule > 0)
			cfg_warn_add(err, c->pos, no_established,
				     "chain '%s' drops by policy in %s and no rule accepts "
				     "ESTABLISHED,RELATED: "
				     "answers to accepted packets will not get through",
				     c->name, family_text(missing));
	}
	free(done);
}

static int
by_chain_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void
lint_unused(const struct cfg_table *table, struct cfg_err *err)
{
	const char **target;
	size_t n = 0, max = 0;

	for (size_t c = 0; c < table->n_chain; c++)
		max += table->chain[c]->n_rule;
	target = calloc(max + 1, sizeof(*target));
	if (target == NULL)
		return;
	for (size_t c = 0; c < table->n_chain; c++)
		for (size_t r = 0; r < table->chain[c]->n_rule; r++)
			if (table->chain[c]->rule[r].target.chain[0] != '\0')
				target[n++] = table->chain[c]->rule[r].target.chain;
	qsort(target, n, sizeof(*target), by_chain_name);
	for (size_t c = 0; c < table->n_chain; c++) {
		const char *name = table->chain[c]->name;

		if (table->chain[c]->hook == CFG_HOOK_NONE &&
		    bsearch(&name, target, n, sizeof(*target), by_chain_name) == NULL)
			cfg_warn_add(err, table->chain[c]->pos, unused_chain,
				     "no rule jumps to chain '%s'", name);
	}
	free(target);
}

// A family that no table of the policy speaks of is dropped whole.
static void
lint_families(const struct cfg_policy *policy, struct cfg_err *err)
{
	struct cfg_pos pos = {0};
	uint8_t families = 0;

	for (int t = 0; t < CFG_TABLES; t++) {
		const struct cfg_table *table = &policy->table[t];

		families |= table->present ? table->family : 0;
		if (table->present && (pos.line == 0 || table->pos.line < pos.line))
			pos = table->pos;
	}
	if (families == CFG_IPV4 || families == CFG_IPV6)
		cfg_warn_add(err, pos, uncovered,
			     "the policy speaks of %s only: every %s packet is dropped",
			     family_text(families), family_text(families ^ CFG_BOTH));
}

// Interfaces that a built-in chain may not name are errors; reached through a user chain they just
// never match, as in the kernel.
static void
lint_interfaces(const struct cfg_policy *policy, enum cfg_table_id t, struct cfg_err *err)
{
	const struct cfg_table *table = &policy->table[t];

	for (size_t c = 0; c < table->n_chain; c++) {
		const struct cfg_chain *chain = table->chain[c];
		bool no_in = chain->hook == CFG_OUTPUT || chain->hook == CFG_POSTROUTING;
		bool no_out = chain->hook == CFG_PREROUTING || chain->hook == CFG_INPUT;

		for (size_t r = 0; (no_in || no_out) && r < chain->n_rule; r++) {
			const struct cfg_rule *rule = &chain->rule[r];
			const struct cfg_chain *to =
				rule->target.chain[0] != '\0'
					? cfg_chain_find(policy, t, rule->target.chain)
					: NULL;

			for (size_t i = 0; to != NULL && i < to->n_rule; i++) {
				const struct cfg_iface *f =
					no_in ? &to->rule[i].in : &to->rule[i].out;

				if (f->name[0] != '\0' && !f->invert)
					cfg_warn_add(err, to->rule[i].pos, no_interface,
						     "%s never matches when chain '%s' is reached "
						     "from %s",
						     no_in ? "in-interface" : "out-interface",
						     to->name, chain->name);
			}
		}
	}
}

void
cfg_policy_lint(const struct cfg_policy *policy, struct cfg_err *err)
{
	lint_families(policy, err);
	lint_established(policy, err);
	for (int t = 0; t < CFG_TABLES; t++) {
		const struct cfg_table *table = &policy->table[t];

		for (size_t c = 0; c < table->n_chain; c++) {
			lint_unreachable(table->chain[c], err);
			lint_duplicates(table->chain[c], err);
		}
		lint_unused(table, err);
		lint_interfaces(policy, t, err);
	}
}

// Does the line allow a warning: "# ringwall: allow ID, ID"?
static bool
line_allows(const char *line, size_t len, const char *id)
{
	static const char mark[] = "# ringwall: allow ";
	const char *at = memmem(line, len, mark, sizeof(mark) - 1), *end = line + len;
	size_t n = strlen(id);

	for (at = at != NULL ? at + sizeof(mark) - 1 : end; at < end; at++) {
		size_t word = 0;

		while (at + word < end && (isalnum((unsigned char)at[word]) || at[word] == '-'))
			word++;
		if (word == n && memcmp(at, id, n) == 0)
			return true;
		at += word;
	}
	return false;
}

void
cfg_lint_allow(struct cfg_err *err, const char *text, size_t len)
{
	const char *end = text + len, **line = NULL;
	size_t n_line = 1, kept = 0;

	for (const char *c = text; c < end; c++)
		n_line += *c == '\n';
	line = calloc(n_line + 1, sizeof(*line));
	if (line == NULL)
		return; // more warnings than wanted, none lost
	line[0] = text;
	for (size_t i = 1; i <= n_line; i++) {
		const char *nl = memchr(line[i - 1], '\n', end - line[i - 1]);

		line[i] = nl != NULL ? nl + 1 : end;
	}
	for (size_t i = 0; i < err->n; i++) {
		struct cfg_msg *m = &err->msgs[i];
		size_t at = m->pos.line;

		if (m->severity == CFG_WARNING && m->id != NULL && at >= 1 && at <= n_line &&
		    line_allows(line[at - 1], line[at] - line[at - 1], m->id)) {
			free(m->file);
			free(m->text);
		} else {
			err->msgs[kept++] = *m;
		}
	}
	err->n = kept;
	free(line);
}
