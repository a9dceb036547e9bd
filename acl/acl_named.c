// The life of things that rules share by name (acl_named.h). What the rules ask is gathered in the
// order in which netfilter would check them, because some of it is what the first one says: tables
// as they stand in the file, built-in chains by hook, user chains by name.
#include "acl/acl_named.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl_kind.h"
#include "acl/acl_sets.h"
#include "pipeline/worker.h"

#define HEAR_MAX   32 // notes taken at once
#define HEAR_TIMES 8  // in one turn from one worker

static void
named_free(struct acl_named *n)
{
	if (n == NULL || --n->refs != 0)
		return;
	for (unsigned w = 0; n->copy != NULL && w < n->n_copy; w++)
		free(n->copy[w]);
	free(n->copy);
	free(n->params);
	free(n->name);
	free(n);
}

void
acl_named_drop(struct acl_policy *p)
{
	for (uint32_t i = 0; i < p->n_named; i++)
		named_free(p->named[i]);
	free(p->named);
	p->named = NULL;
	p->n_named = 0;
}

struct acl_named *
acl_named_find(const struct acl_policy *p, const struct acl_named_kind *kind,
	       enum acl_family family, const char *name)
{
	for (uint32_t i = 0; i < p->n_named; i++) {
		struct acl_named *n = p->named[i];

		if (n->kind == kind && (!kind->per_family || n->family == family) &&
		    strcmp(n->name, name) == 0)
			return n;
	}
	return NULL;
}

enum acl_family
acl_family_of_match(const struct acl_policy *p, const struct cfg_match *m)
{
	for (int t = 0; t < CFG_TABLES; t++) {
		const struct acl_table *four = &p->table[ACL_V4][t];

		if (m >= four->match && m < four->match + four->n_match)
			return ACL_V4;
	}
	return ACL_V6;
}

// A thing that nobody asked anything of yet, at the end of p's list; NULL when out of memory.
static struct acl_named *
named_add(struct acl_policy *p, const struct acl_named_kind *kind, enum acl_family family,
	  const char *name)
{
	struct acl_named **grown = realloc(p->named, (p->n_named + 1) * sizeof(*grown));
	struct acl_named *n;

	if (grown == NULL)
		return NULL;
	p->named = grown;
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return NULL;
	p->named[p->n_named++] = n;
	n->refs = 1;
	n->kind = kind;
	n->family = kind->per_family ? family : ACL_FAMILIES;
	n->name = strdup(name);
	n->params = calloc(1, kind->params_size);
	return n->name != NULL && n->params != NULL ? n : NULL;
}

static int
rule_wants(struct acl_policy *p, enum acl_family family, const struct acl_rule *r)
{
	for (unsigned i = 0; i < r->n_match; i++) {
		const struct acl_match_kind *row = &acl_match_kind[r->match[i].id];
		const struct acl_named_use *use = row->named;
		struct acl_named *n;
		bool first;

		if (use == NULL)
			continue;
		n = acl_named_find(p, use->kind, family, row->name_of(&r->match[i]));
		first = n == NULL;
		if (first)
			n = named_add(p, use->kind, family, row->name_of(&r->match[i]));
		if (n == NULL)
			return -ENOMEM;
		use->want(n->params, &r->match[i], p, family, first);
	}
	return 0;
}

static int
chain_wants(struct acl_policy *p, enum acl_family family, const struct acl_table *t,
	    const struct acl_chain *c)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < c->n; i++)
		ret = rule_wants(p, family, &t->rule[c->first + i]);
	return ret;
}

static int
table_wants(struct acl_policy *p, enum acl_family family, const struct acl_table *t)
{
	int ret = 0;

	for (int h = 0; ret == 0 && h < CFG_HOOKS; h++)
		if (t->hook[h] != ACL_NO_CHAIN)
			ret = chain_wants(p, family, t, &t->chain[t->hook[h]]);
	for (uint32_t i = 0; ret == 0 && i < t->n_chain; i++) {
		const struct acl_chain *c = &t->chain[t->name[i].chain];

		if (c->hook == CFG_HOOK_NONE)
			ret = chain_wants(p, family, t, c);
	}
	return ret;
}

// The tables in the order of the file.
static void
table_order(const struct cfg_policy *policy, enum cfg_table_id order[CFG_TABLES])
{
	for (int t = 0; t < CFG_TABLES; t++) {
		int at = t;

		for (; at > 0; at--) {
			const struct cfg_pos *a = &policy->table[t].pos;
			const struct cfg_pos *b = &policy->table[order[at - 1]].pos;

			if (a->line > b->line || (a->line == b->line && a->column >= b->column))
				break;
			order[at] = order[at - 1];
		}
		order[at] = t;
	}
}

static int
copies_create(struct acl_named *n, uint16_t n_workers)
{
	static uint32_t last_id; // control thread
	size_t size = RTE_ALIGN_CEIL(n->kind->size(n->params), RTE_CACHE_LINE_SIZE);

	n->id = ++last_id;
	n->copy = calloc(n_workers, sizeof(*n->copy));
	if (n->copy == NULL)
		return -ENOMEM;
	n->n_copy = n_workers;
	for (unsigned w = 0; w < n_workers; w++) {
		n->copy[w] = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
		if (n->copy[w] == NULL)
			return -ENOMEM;
		memset(n->copy[w], 0, size);
		((struct acl_copy *)n->copy[w])->id = n->id;
		n->kind->init(n->copy[w], n->params);
	}
	return 0;
}

// Puts prev's thing in the place of a new one that asks the same.
static bool
taken_over(struct acl_named **place, const struct acl_policy *prev, uint16_t n_workers)
{
	struct acl_named *n = *place, *old = NULL;

	if (prev != NULL)
		old = acl_named_find(prev, n->kind, n->family, n->name);
	if (old == NULL || old->n_copy != n_workers ||
	    memcmp(old->params, n->params, n->kind->params_size) != 0)
		return false;
	old->refs++;
	named_free(n);
	*place = old;
	return true;
}

static int
by_id(const void *a, const void *b)
{
	uint32_t x = (*(struct acl_named *const *)a)->id, y = (*(struct acl_named *const *)b)->id;

	return x < y ? -1 : x > y;
}

int
acl_named_build(struct acl_policy *p, const struct cfg_policy *policy,
		const struct acl_policy *prev)
{
	enum cfg_table_id order[CFG_TABLES];
	int ret = 0;

	table_order(policy, order);
	for (enum acl_family f = ACL_V4; ret == 0 && f < ACL_FAMILIES; f++)
		for (int t = 0; ret == 0 && t < CFG_TABLES; t++)
			ret = table_wants(p, f, &p->table[f][order[t]]);
	for (uint32_t i = 0; ret == 0 && i < p->n_named; i++)
		if (!taken_over(&p->named[i], prev, p->n_workers))
			ret = copies_create(p->named[i], p->n_workers);
	if (ret == 0 && p->n_named > 0)
		qsort(p->named, p->n_named, sizeof(struct acl_named *), by_id);
	return ret;
}

static void
hear_one(const struct acl_policy *p, uint16_t worker, const struct pl_news *news)
{
	uint32_t lo = 0, hi = p->n_named;

	if (news->object & ACL_SETS_NEWS) {
		if (p->sets != NULL)
			acl_sets_hear(p->sets, worker, news);
		return;
	}
	while (lo < hi) { // sorted by id
		uint32_t mid = (lo + hi) / 2;

		if (p->named[mid]->id < news->object)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < p->n_named && p->named[lo]->id == news->object)
		p->named[lo]->kind->hear(p->named[lo]->copy[worker], news);
}

void
acl_hear(struct pl_worker *w)
{
	const struct acl_policy *p = w->prog != NULL ? w->prog->acl : NULL;
	struct pl_news news[HEAR_MAX];

	if (w->n_workers == 1)
		return;
	for (uint16_t from = 0; from < w->n_workers; from++) {
		unsigned n = HEAR_MAX;

		for (unsigned k = 0; n == HEAR_MAX && k < HEAR_TIMES; k++) {
			n = pl_news_hear(w, from, news, HEAR_MAX);
			for (unsigned i = 0; p != NULL && i < n; i++)
				hear_one(p, w->id, &news[i]);
		}
	}
}
