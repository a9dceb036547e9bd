// Counters as readers see them: summed over the workers, carried from one policy to the next.
// Control thread. Workers write theirs with relaxed stores meanwhile, so a sum is a moment's view
// of each counter.
#include "acl/acl_int.h"

#include <stdlib.h>
#include <string.h>

static struct pl_counter
counter_sum(const struct acl_policy *p, uint32_t i)
{
	struct pl_counter sum = {0};

	for (unsigned w = 0; w <= p->n_workers; w++) {
		sum.packets += __atomic_load_n(&p->counter[w][i].packets, __ATOMIC_RELAXED);
		sum.bytes += __atomic_load_n(&p->counter[w][i].bytes, __ATOMIC_RELAXED);
	}
	return sum;
}

static void
chain_counters(const struct acl_policy *p, const struct acl_table *t, const struct acl_chain *c,
	       struct cfg_chain *model, enum cfg_family family)
{
	struct pl_counter sum = counter_sum(p, c->counter);
	uint32_t i = c->first;

	if (family == CFG_IPV4) {
		model->packets4 = sum.packets;
		model->bytes4 = sum.bytes;
	} else {
		model->packets6 = sum.packets;
		model->bytes6 = sum.bytes;
	}
	for (size_t k = 0; k < model->n_rule; k++) {
		if (!(model->rule[k].family & family))
			continue;
		sum = counter_sum(p, t->rule[i++].counter);
		model->rule[k].packets += sum.packets;
		model->rule[k].bytes += sum.bytes;
		if (family == CFG_IPV6) {
			model->rule[k].packets6 = sum.packets;
			model->rule[k].bytes6 = sum.bytes;
		}
	}
}

void
acl_policy_counters(const struct acl_policy *p, struct cfg_policy *policy)
{
	for (int id = 0; id < CFG_TABLES; id++) {
		struct cfg_table *table = &policy->table[id];

		for (size_t c = 0; c < table->n_chain; c++)
			for (size_t k = 0; k < table->chain[c]->n_rule; k++) {
				struct cfg_rule *rule = &table->chain[c]->rule[k];

				rule->packets = rule->bytes = 0;
				rule->packets6 = rule->bytes6 = 0;
			}
		for (int f = 0; f < ACL_FAMILIES; f++) {
			const struct acl_table *t = &p->table[f][id];

			for (uint32_t c = 0; c < t->n_chain; c++)
				chain_counters(p, t, &t->chain[c], table->chain[t->chain[c].model],
					       acl_cfg_family(f));
		}
	}
}

// The workers' blocks are theirs to write, so the control thread's own takes up the difference
// (modulo 2^64, as the sum is).
static void
counter_set(struct acl_policy *p, uint32_t i, uint64_t packets, uint64_t bytes)
{
	struct pl_counter sum = counter_sum(p, i), *own = &p->counter[p->n_workers][i];

	__atomic_store_n(&own->packets, own->packets + packets - sum.packets, __ATOMIC_RELAXED);
	__atomic_store_n(&own->bytes, own->bytes + bytes - sum.bytes, __ATOMIC_RELAXED);
}

static void
load_chain(struct acl_policy *p, const struct acl_table *t, const struct acl_chain *c,
	   const struct cfg_chain *model, enum cfg_family family)
{
	uint32_t i = c->first;
	uint64_t packets, bytes;

	if (family == CFG_IPV4)
		counter_set(p, c->counter, model->packets4, model->bytes4);
	else
		counter_set(p, c->counter, model->packets6, model->bytes6);
	for (size_t k = 0; k < model->n_rule; k++) {
		if (!(model->rule[k].family & family))
			continue;
		cfg_rule_counters(&model->rule[k], family, &packets, &bytes);
		counter_set(p, t->rule[i++].counter, packets, bytes);
	}
}

void
acl_policy_load(struct acl_policy *p, const struct cfg_policy *policy, enum cfg_family family,
		unsigned tables)
{
	for (int f = 0; f < ACL_FAMILIES; f++) {
		for (int id = 0; id < CFG_TABLES; id++) {
			const struct acl_table *t = &p->table[f][id];

			if (acl_cfg_family(f) != family || (tables >> id & 1) == 0)
				continue;
			for (uint32_t c = 0; c < t->n_chain; c++)
				load_chain(p, t, &t->chain[c],
					   policy->table[id].chain[t->chain[c].model], family);
		}
	}
}

void
acl_policy_zero(struct acl_policy *p)
{
	for (unsigned w = 0; w <= p->n_workers; w++)
		for (uint32_t i = 0; i < p->n_counter; i++) {
			__atomic_store_n(&p->counter[w][i].packets, 0, __ATOMIC_RELAXED);
			__atomic_store_n(&p->counter[w][i].bytes, 0, __ATOMIC_RELAXED);
		}
}

// Rules in order of text, then of place: the same text's first one meets the other policy's first
// one.
static int
rule_cmp(const void *a, const void *b)
{
	const struct acl_rule *x = *(const struct acl_rule *const *)a;
	const struct acl_rule *y = *(const struct acl_rule *const *)b;
	int d = memcmp(x->text, y->text, sizeof(x->text));

	return d != 0 ? d : (x->number > y->number) - (x->number < y->number);
}

static const struct acl_rule **
rules_sorted(const struct acl_table *t, const struct acl_chain *c)
{
	const struct acl_rule **list = calloc(c->n + 1, sizeof(*list));

	if (list == NULL)
		return NULL;
	for (uint32_t i = 0; i < c->n; i++)
		list[i] = &t->rule[c->first + i];
	qsort(list, c->n, sizeof(*list), rule_cmp);
	return list;
}

static void
inherit_one(struct acl_policy *p, uint32_t i, const struct acl_policy *prev, uint32_t from)
{
	struct pl_counter sum = counter_sum(prev, from);

	pl_counter_add(&p->counter[p->n_workers][i], sum.packets,
		       sum.bytes); // the control thread's block
}

static void
inherit_chain(struct acl_policy *p, const struct acl_table *t, const struct acl_chain *c,
	      const struct acl_policy *prev, const struct acl_table *prev_t,
	      const struct acl_chain *prev_c)
{
	const struct acl_rule **a = rules_sorted(t, c), **b = rules_sorted(prev_t, prev_c);
	uint32_t i = 0, k = 0;

	inherit_one(p, c->counter, prev, prev_c->counter);
	while (a != NULL && b != NULL && i < c->n && k < prev_c->n) {
		int d = memcmp(a[i]->text, b[k]->text, sizeof(a[i]->text));

		if (d == 0)
			inherit_one(p, a[i]->counter, prev, b[k]->counter);
		i += d <= 0;
		k += d >= 0;
	}
	free(a);
	free(b);
}

void
acl_policy_inherit(struct acl_policy *p, const struct acl_policy *prev)
{
	for (int f = 0; f < ACL_FAMILIES; f++) {
		for (int id = 0; id < CFG_TABLES; id++) {
			const struct acl_table *t = &p->table[f][id], *pt = &prev->table[f][id];

			for (uint32_t c = 0; c < t->n_chain; c++) {
				const struct acl_chain *pc = acl_chain_find(pt, t->chain[c].name);

				if (pc != NULL)
					inherit_chain(p, t, &t->chain[c], prev, pt, pc);
			}
		}
	}
}
