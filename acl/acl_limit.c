// limit: a bucket per rule and worker, as xt_limit's, but for a wait of more than 37 hours, after
// which its 32 bits wrap and it may forget what was saved up. With n workers each serves 1/n of the
// rate, so that together they never pass more than it.
#include "acl/acl_kind.h"

struct bucket {
	uint64_t credit, tick; // saved up, and when that was counted
	uint64_t cost, cap;    // of a packet of this worker; credits as xt_limit's, in 64 bits
};
static_assert(sizeof(struct bucket) == ACL_LIMIT_SIZE, "acl_kind.h knows it");

int
acl_limit_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker)
{
	const struct cfg_match *m = item;
	struct bucket *b = state;
	uint32_t cost, cap;

	(void)worker;
	cfg_limit_credits(&m->limit, &cost, &cap);
	b->cost = (uint64_t)cost * p->n_workers;
	b->cap = RTE_MAX(cap, b->cost); // one packet at least
	b->credit = b->cap;
	return 0;
}

enum acl_hit
acl_limit_judge(const struct cfg_match *m, const struct acl_view *v)
{
	struct bucket *b = acl_state_of(v, m->slot);
	uint64_t tick = v->now_ns / (UINT64_C(1000000000) / CFG_LIMIT_TICKS);

	if (b == NULL) // hypothetical: lets everything through
		return ACL_HIT;
	if (tick > b->tick) {
		uint64_t ticks = RTE_MIN(tick - b->tick, UINT32_MAX);

		b->credit = RTE_MIN(b->credit + ticks * CFG_LIMIT_CREDITS, b->cap);
		b->tick = tick;
	}
	if (b->credit < b->cost)
		return ACL_MISS;
	b->credit -= b->cost;
	return ACL_HIT;
}
