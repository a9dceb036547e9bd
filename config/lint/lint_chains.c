// Warnings that need no sets: families that the policy forgets, rules that stand twice, chains that
// nobody gets to.
//
// Called by cfg_policy_lint.
#include "config/lint/lint_int.h"

#include <stdlib.h>
#include <string.h>

// A family that no table of the policy speaks of is dropped whole.
void
lint_families(struct lint *l)
{
	struct cfg_pos pos = {0};
	uint8_t families = 0;

	for (int t = 0; t < CFG_TABLES; t++) {
		const struct cfg_table *table = &l->policy->table[t];

		families |= table->present ? table->family : 0;
		if (table->present && (pos.line == 0 || table->pos.line < pos.line))
			pos = table->pos;
	}
	if (families == CFG_IPV4 || families == CFG_IPV6)
		cfg_warn_add(l->err, pos, lint_family_uncovered,
			     "the policy speaks of %s only: every %s packet is dropped",
			     lint_family_text(families), lint_family_text(families ^ CFG_BOTH));
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
chain_duplicates(struct lint *l, const struct cfg_chain *chain)
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

		if (strcmp(seen[i - 1].text, seen[i].text) != 0 || (b->family & ~a->family) != 0 ||
		    !space_ends_walk(b))
			continue;
		cfg_warn_add(l->err, b->pos, lint_duplicate,
			     "the same rule stands in line %u already", a->pos.line);
		lint_rule_of(l, chain, b)->told = true;
	}
	for (size_t i = 0; i < n; i++)
		free(seen[i].text);
	free(seen);
}

void
lint_duplicates(struct lint *l)
{
	for (int t = 0; t < CFG_TABLES; t++)
		for (size_t c = 0; c < l->policy->table[t].n_chain; c++)
			chain_duplicates(l, l->policy->table[t].chain[c]);
}

// Chains that the rules of one chain go to are noted, each once.
static void
follow(const struct lint *l, enum cfg_table_id t, const struct cfg_chain *chain, bool *noted,
       const struct cfg_chain **queue, size_t *n)
{
	for (size_t r = 0; r < chain->n_rule; r++) {
		const struct cfg_target *target = &chain->rule[r].target;
		const struct cfg_chain *to;
		size_t number;

		if (target->id != CFG_T_JUMP && target->id != CFG_T_GOTO)
			continue;
		to = cfg_chain_find(l->policy, t, target->chain);
		number = to != NULL ? lint_chain_number(l, to) : 0;
		if (to == NULL || noted[number])
			continue;
		noted[number] = true;
		queue[(*n)++] = to;
	}
}

// From the built-in chains on; what is left over nobody gets to. Such chains may still call one
// another.
void
lint_unused(struct lint *l)
{
	const struct cfg_chain **queue = calloc(l->n_base + 1, sizeof(struct cfg_chain *));
	bool *reached = calloc(l->n_base + 1, 1), *named = calloc(l->n_base + 1, 1);

	for (int t = 0; queue != NULL && reached != NULL && named != NULL && t < CFG_TABLES; t++) {
		const struct cfg_table *table = &l->policy->table[t];
		size_t n = 0, n_named = 0;

		for (size_t c = 0; c < table->n_chain; c++) {
			follow(l, t, table->chain[c], named, queue, &n_named);
			n_named = 0;
		}
		for (size_t c = 0; c < table->n_chain; c++)
			if (table->chain[c]->hook != CFG_HOOK_NONE)
				queue[n++] = table->chain[c];
		for (size_t at = 0; at < n; at++)
			follow(l, t, queue[at], reached, queue, &n);
		for (size_t c = 0; c < table->n_chain; c++) {
			const struct cfg_chain *chain = table->chain[c];
			size_t number = lint_chain_number(l, chain);

			if (chain->hook != CFG_HOOK_NONE || reached[number])
				continue;
			if (named[number])
				cfg_warn_add(
					l->err, chain->pos, lint_unused_chain,
					"no packet gets to chain '%s': only chains that nobody "
					"jumps to jump here",
					chain->name);
			else
				cfg_warn_add(l->err, chain->pos, lint_unused_chain,
					     "no rule jumps to chain '%s'", chain->name);
		}
	}
	free(queue);
	free(reached);
	free(named);
}
