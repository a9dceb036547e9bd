// The life of a compiled policy: built from the model on the control thread, published by
// app/reload.c, freed when no worker runs it any more. The policy owns everything in it, also each
// worker's counters and working memory, which that worker alone writes.
#include "acl/acl_kind.h"
#include "acl/acl_named.h"
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
	[ACL_SECURITY] = {CFG_SECURITY, 1 << CFG_INPUT | 1 << CFG_FORWARD | 1 << CFG_OUTPUT},
	[ACL_MANGLE_POST] = {CFG_MANGLE, 1 << CFG_POSTROUTING},
	[ACL_NAT_SRC] = {CFG_NAT, 1 << CFG_POSTROUTING | 1 << CFG_INPUT},
};

// Calls fn for each match and target that a worker remembers something for, until it says other
// than 0.
static int
states_each(const struct acl_policy *p, uint16_t worker,
	    int (*fn)(const struct acl_policy *p, uint16_t worker, void *state, const void *item,
		      const struct acl_kind_state *kind))
{
	int ret = 0;

	for (int f = 0; f < ACL_FAMILIES; f++) {
		for (int id = 0; id < CFG_TABLES; id++) {
			const struct acl_table *t = &p->table[f][id];

			for (uint32_t i = 0; ret == 0 && i < t->n_match; i++)
				ret = fn(p, worker, p->state[worker] + t->match[i].slot,
					 &t->match[i], &acl_match_kind[t->match[i].id].state);
			for (uint32_t i = 0; ret == 0 && i < t->n_target; i++)
				ret = fn(p, worker, p->state[worker] + t->target[i].slot,
					 &t->target[i], &acl_target_kind[t->target[i].id].state);
		}
	}
	return ret;
}

static int
state_init(const struct acl_policy *p, uint16_t worker, void *state, const void *item,
	   const struct acl_kind_state *kind)
{
	return kind->size != 0 && kind->init != NULL ? kind->init(state, item, p, worker) : 0;
}

static int
state_free(const struct acl_policy *p, uint16_t worker, void *state, const void *item,
	   const struct acl_kind_state *kind)
{
	(void)p;
	(void)worker;
	if (kind->size != 0 && kind->free != NULL)
		kind->free(state, item);
	return 0;
}

// 0 or -errno; p->state[worker] is NULL or to be given back by states_free().
static int
states_create(struct acl_policy *p, uint16_t worker)
{
	size_t size = RTE_ALIGN_CEIL((size_t)p->state_size + 1, RTE_CACHE_LINE_SIZE);

	p->state[worker] = aligned_alloc(RTE_CACHE_LINE_SIZE, size);
	if (p->state[worker] == NULL)
		return -ENOMEM;
	memset(p->state[worker], 0, size);
	return states_each(p, worker, state_init);
}

static void
states_free(struct acl_policy *p, uint16_t worker)
{
	if (p->state[worker] != NULL)
		states_each(p, worker, state_free);
	free(p->state[worker]);
}

static int
workers_create(struct acl_policy *p)
{
	size_t size =
		RTE_ALIGN_CEIL((p->n_counter + 1) * sizeof(struct pl_counter), RTE_CACHE_LINE_SIZE);
	size_t stack = RTE_ALIGN_CEIL((p->depth + 1) * sizeof(uint32_t), RTE_CACHE_LINE_SIZE);
	int ret;

	p->counter = calloc(p->n_workers + 1u, sizeof(*p->counter));
	p->state = calloc(p->n_workers, sizeof(*p->state));
	p->stack = calloc(p->n_workers, sizeof(*p->stack));
	p->scratch = calloc(p->n_workers, sizeof(*p->scratch));
	if (p->counter == NULL || p->state == NULL || p->stack == NULL || p->scratch == NULL)
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
		if (p->stack[w] == NULL || p->scratch[w] == NULL)
			return -ENOMEM;
		ret = states_create(p, w);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int
compile(struct acl_policy *p, const struct acl_build *build, struct cfg_err *err)
{
	struct acl_room room;
	int ret = 0;

	acl_room_init(&room, build->socket, build->memory);
	for (int f = 0; f < ACL_FAMILIES; f++)
		for (int id = 0; id < CFG_TABLES; id++)
			acl_room_table(&room, &p->table[f][id], p->n_workers);
	if (acl_room_over(&room)) {
		cfg_err_add(err, (struct cfg_pos){0},
			    "the rules alone take more memory than the %zu MiB that they may "
			    "(sizes.rules-memory in ringwall.conf)",
			    room.limit >> 20);
		return -EDQUOT;
	}
	p->classes = calloc(1, sizeof(*p->classes));
	if (p->classes == NULL)
		return -ENOMEM;
	acl_classes_init(p->classes, p);
	for (int f = 0; ret == 0 && f < ACL_FAMILIES; f++)
		for (int id = 0; ret == 0 && id < CFG_TABLES; id++)
			ret = acl_compile_table(&p->table[f][id], id, f, p->classes, &room, err);
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
		p->net = build->net;
		p->build = build;
		p->sets = build->sets;
		p->recent = policy->recent;
		if (p->recent.ip_list_tot == 0)
			p->recent.ip_list_tot = CFG_RECENT_LIST_DEFAULT;
	}
	for (int f = 0; ret == 0 && f < ACL_FAMILIES; f++) {
		for (int id = 0; ret == 0 && id < CFG_TABLES; id++) {
			ret = acl_table_create(p, &p->table[f][id], policy, id, f, build, err);
			p->covered[f] |= ret == 0 && p->table[f][id].n_chain != 0;
		}
	}
	if (ret == 0)
		ret = acl_order_set(p);
	if (ret == 0 && !build->linear)
		ret = compile(p, build, err);
	if (ret == 0)
		ret = acl_named_build(p, policy, build->prev);
	if (ret == 0)
		ret = workers_create(p);
	if (ret < 0) {
		if (err->n_errors == errors) // who knew more has said so
			cfg_err_add(err, (struct cfg_pos){0}, "rules: %s", strerror(-ret));
		acl_policy_free(p);
		return ret;
	}
	points_set(p);
	p->build = NULL;
	*out = p;
	return 0;
}

void
acl_policy_free(struct acl_policy *p)
{
	if (p == NULL)
		return;
	for (unsigned w = 0; p->state != NULL && w < p->n_workers; w++)
		states_free(p, w);
	free(p->state);
	acl_named_drop(p);
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
	free(p->stack);
	free(p->scratch);
	free(p->classes);
	free(p);
}

bool
acl_policy_has_zones(const struct acl_policy *p)
{
	for (int f = 0; f < ACL_FAMILIES; f++) {
		const struct acl_table *t = &p->table[f][CFG_RAW];

		for (uint32_t i = 0; i < t->n_target; i++)
			if (t->target[i].id == CFG_T_CT &&
			    (t->target[i].ct.zone != 0 || t->target[i].ct.zone_mark))
				return true;
	}
	return false;
}

const void *
acl_policy_point(const struct acl_policy *p, enum acl_point point)
{
	// raw judges families without a policy, filter's decision is what a note tells
	if (p->point[point].any || point == ACL_FILTER ||
	    (point == ACL_RAW && !(p->covered[ACL_V4] && p->covered[ACL_V6])))
		return &p->point[point];
	return NULL;
}
