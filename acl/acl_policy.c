// The life of a compiled policy: built from the model on the control thread, published by
// app/reload.c, freed when no worker runs it any more. The policy owns everything in it, also each
// worker's counters and working memory, which that worker alone writes.
#include "acl/acl_step.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct point_row {
	enum cfg_table_id table;
	uint8_t hooks; // bit per enum cfg_hook
} point_row[ACL_POINTS] = {
	[ACL_RAW] = {CFG_RAW, 1 << CFG_PREROUTING | 1 << CFG_OUTPUT},
	[ACL_MANGLE_PRE] = {CFG_MANGLE, 1 << CFG_PREROUTING | 1 << CFG_OUTPUT},
	[ACL_NAT_DST] = {CFG_NAT, 1 << CFG_PREROUTING | 1 << CFG_OUTPUT},
	[ACL_MANGLE_IN] = {CFG_MANGLE, 1 << CFG_INPUT | 1 << CFG_FORWARD},
	[ACL_FILTER] = {CFG_FILTER, 1 << CFG_INPUT | 1 << CFG_FORWARD | 1 << CFG_OUTPUT},
	[ACL_MANGLE_POST] = {CFG_MANGLE, 1 << CFG_POSTROUTING},
	[ACL_NAT_SRC] = {CFG_NAT, 1 << CFG_POSTROUTING | 1 << CFG_INPUT},
};

// One worker's buckets, full: as in netfilter, where a table that is replaced starts anew.
static struct acl_limit *
limits_create(const struct acl_policy *p)
{
	size_t size =
		RTE_ALIGN_CEIL((p->n_limit + 1) * sizeof(struct acl_limit), RTE_CACHE_LINE_SIZE);
	struct acl_limit *limit = aligned_alloc(RTE_CACHE_LINE_SIZE, size);

	if (limit == NULL)
		return NULL;
	memset(limit, 0, size);
	for (int f = 0; f < ACL_FAMILIES; f++) {
		for (int id = 0; id < CFG_TABLES; id++) {
			const struct acl_table *t = &p->table[f][id];

			for (uint32_t i = 0; i < t->n_match; i++) {
				struct acl_limit *l;
				uint32_t cost, cap;

				if (t->match[i].id != CFG_M_LIMIT)
					continue;
				cfg_limit_credits(&t->match[i].limit, &cost, &cap);
				l = &limit[t->match[i].limit.slot];
				l->cost = (uint64_t)cost * p->n_workers;
				l->cap = RTE_MAX(cap, l->cost); // one packet at least
				l->credit = l->cap;
			}
		}
	}
	return limit;
}

static int
workers_create(struct acl_policy *p)
{
	size_t size = RTE_ALIGN_CEIL((p->n_counter + 1) * sizeof(struct acl_counter),
				     RTE_CACHE_LINE_SIZE);
	size_t stack = RTE_ALIGN_CEIL((p->depth + 1) * sizeof(uint32_t), RTE_CACHE_LINE_SIZE);

	p->counter = calloc(p->n_workers + 1u, sizeof(*p->counter));
	p->limit = calloc(p->n_workers, sizeof(*p->limit));
	p->stack = calloc(p->n_workers, sizeof(*p->stack));
	p->scratch = calloc(p->n_workers, sizeof(*p->scratch));
	if (p->counter == NULL || p->limit == NULL || p->stack == NULL || p->scratch == NULL)
		return -ENOMEM;
	for (unsigned w = 0; w <= p->n_workers; w++) {
		p->counter[w] = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
		if (p->counter[w] == NULL)
			return -ENOMEM;
		memset(p->counter[w], 0, size);
	}
	for (unsigned w = 0; w < p->n_workers; w++) {
		p->stack[w] = aligned_alloc(RTE_CACHE_LINE_SIZE, stack);
		p->scratch[w] = acl_scratch_create(p->depth);
		p->limit[w] = limits_create(p);
		if (p->limit[w] == NULL || p->stack[w] == NULL || p->scratch[w] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int
compile(struct acl_policy *p, int socket, struct cfg_err *err)
{
	int ret = 0;

	p->classes = calloc(1, sizeof(*p->classes));
	if (p->classes == NULL)
		return -ENOMEM;
	acl_classes_init(p->classes, p);
	for (int f = 0; ret == 0 && f < ACL_FAMILIES; f++)
		for (int id = 0; ret == 0 && id < CFG_TABLES; id++)
			ret = acl_compile_table(&p->table[f][id], id, f, p->classes, socket, err);
	return ret;
}

static void
table_free(struct acl_table *t)
{
	acl_steps_free(t);
	acl_table_free(t);
}

static void
points_set(struct acl_policy *p)
{
	for (int i = 0; i < ACL_POINTS; i++) {
		struct acl_point_conf *conf = &p->point[i];

		conf->policy = p;
		conf->point = i;
		for (int f = 0; f < ACL_FAMILIES; f++)
			for (int h = 0; h < CFG_HOOKS; h++)
				if ((point_row[i].hooks & 1 << h) &&
				    p->table[f][point_row[i].table].hook[h] != ACL_NO_CHAIN)
					conf->any = true;
	}
}

int
acl_policy_create(struct acl_policy **out, const struct cfg_policy *policy,
		  const struct acl_build *build, struct cfg_err *err)
{
	struct acl_policy *p = calloc(1, sizeof(*p));
	size_t errors = err->n_errors;
	int ret = p != NULL ? 0 : -ENOMEM;

	if (ret == 0 && (build->n_port > PL_PORT_MAX || build->n_workers == 0))
		ret = -EINVAL;
	if (ret == 0) {
		p->linear = build->linear;
		p->n_workers = build->n_workers;
	}
	for (int f = 0; ret == 0 && f < ACL_FAMILIES; f++) {
		for (int id = 0; ret == 0 && id < CFG_TABLES; id++) {
			ret = acl_table_create(p, &p->table[f][id], policy, id, f, build, err);
			p->covered[f] |= ret == 0 && p->table[f][id].n_chain != 0;
		}
	}
	if (ret == 0 && !build->linear)
		ret = compile(p, build->socket, err);
	if (ret == 0)
		ret = workers_create(p);
	if (ret < 0) {
		if (err->n_errors == errors) // who knew more has said so
			cfg_err_add(err, (struct cfg_pos){0}, "rules: %s", strerror(-ret));
		acl_policy_free(p);
		return ret;
	}
	points_set(p);
	*out = p;
	return 0;
}

void
acl_policy_free(struct acl_policy *p)
{
	if (p == NULL)
		return;
	for (int f = 0; f < ACL_FAMILIES; f++)
		for (int id = 0; id < CFG_TABLES; id++)
			table_free(&p->table[f][id]);
	for (unsigned w = 0; p->counter != NULL && w <= p->n_workers; w++)
		free(p->counter[w]);
	for (unsigned w = 0; p->stack != NULL && w < p->n_workers; w++)
		free(p->stack[w]);
	for (unsigned w = 0; p->scratch != NULL && w < p->n_workers; w++)
		free(p->scratch[w]);
	free(p->counter);
	for (unsigned w = 0; p->limit != NULL && w < p->n_workers; w++)
		free(p->limit[w]);
	free(p->limit);
	free(p->stack);
	free(p->scratch);
	free(p->classes);
	free(p);
}

const void *
acl_policy_point(const struct acl_policy *p, enum acl_point point)
{
	// raw judges families without a policy, filter's decision is what a note tells
	if (p->point[point].any || point == ACL_RAW || point == ACL_FILTER)
		return &p->point[point];
	return NULL;
}
