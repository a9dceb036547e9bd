// Asking memory early for what binding the new flows of a burst will need. Each of them looks for
// its source's other flows and asks the index whether its reply tuple is free: lines that nobody
// has touched for long, one after the other, while a core can wait for many at a time
// (pipeline/ahead.h). Called by nat_stage.c before it binds; worker's thread. What is asked for is
// a guess at the usual case, and nothing depends on it.
#include "nat/nat_core.h"
#include "pipeline/burst.h"

static bool
binds(const struct pl_pkt *p, uint16_t flag)
{
	return (p->flags & flag) && p->ct != NULL &&
	       (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP);
}

void
nat_ahead_dst(const struct pl_worker *w, const struct pl_burst *b)
{
	const struct pl_pkt *p;

	PL_FOREACH (p, b) {
		struct ct_tuple reply;

		if (!binds(p, PL_F_NAT_PRE))
			continue;
		reply = nat_tuple(p->ct, CT_REPLY);
		ct_tuple_ahead(w->ct, &reply);
	}
}

// The source that the flow's rule would give it. False: it cannot be said.
static bool
guess_source(struct pl_worker *w, const struct pl_pkt *p, union pl_addr *src)
{
	const struct pl_nat_rule *r = p->nat_rule;

	if (r == NULL)
		return true;
	if (r->flags & (PL_NAT_RANDOM | PL_NAT_RANDOM_FULLY | PL_NAT_HAS_PORTS))
		return false;
	if (r->kind == PL_NAT_MASQUERADE)
		return w->nat->env.port_addr(w, p->out_port, p->family, &p->dst, src);
	*src = r->addr_min;
	return r->kind == PL_NAT_SNAT;
}

void
nat_ahead_src(struct pl_worker *w, const struct pl_burst *b)
{
	const int32_t *head[PL_BURST];
	const struct pl_pkt *p;
	unsigned n = 0;

	PL_FOREACH (p, b) {
		struct ct_tuple orig, reply;

		if (!binds(p, PL_F_NAT_POST))
			continue;
		orig = nat_tuple(p->ct, CT_ORIGINAL);
		head[n++] = nat_bysrc_ahead(&w->nat->bysrc, &orig);
		reply = nat_tuple(p->ct, CT_REPLY);
		if (guess_source(w, p, &reply.dst))
			ct_tuple_ahead(w->ct, &reply);
	}
	for (unsigned i = 0; i < n; i++)
		nat_bysrc_ahead_first(&w->nat->bysrc, head[i]);
}
