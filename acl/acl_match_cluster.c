// cluster: is a flow this node's, of several that all see its packets? As xt_cluster judges: a hash
// of the address that began the flow (of the one that it was expected because of, where it was),
// the very hash that Linux nodes compute (lookup3), which has only the first 32 bits of an IPv6
// address in it. Called by acl_rule_match() for both walks, on
// the worker's thread. No flow: no match, inverted or not. The cluster has a group's MAC address in
// common: a frame for a group that brought a unicast packet counts from here on as one for us.
#include "acl/acl_kind.h"
#include "pipeline/flow_ops.h"

#include <rte_ether.h>
#include <rte_jhash.h>

static bool
is_group(const struct pl_pkt *p)
{
	return p->family == 4 ? (p->dst.v6[0] & 0xf0) == 0xe0 : p->dst.v6[0] == 0xff;
}

static void
take_in(struct pl_pkt *p)
{
	const struct rte_ether_hdr *eth;

	if (!(p->flags & PL_F_BCAST) || p->origin != PL_FROM_WIRE || is_group(p))
		return;
	eth = rte_pktmbuf_mtod(p->m, const struct rte_ether_hdr *);
	if (!rte_is_broadcast_ether_addr(&eth->dst_addr))
		p->flags &= (uint16_t)~PL_F_BCAST;
}

enum acl_hit
acl_cluster_judge(const struct cfg_match *m, const struct acl_view *v)
{
	const struct cfg_m_cluster *c = &m->cluster;
	union pl_addr src;
	uint32_t hash;
	unsigned node;

	take_in(v->pkt);
	if (v->pkt->ct == NULL)
		return ACL_MISS;
	pl_flow_ops->began(v->w, v->pkt->ct, &src);
	hash = rte_jhash_1word(src.u32[0], c->seed);
	node = (unsigned)((uint64_t)hash * c->total >> 32);
	return (c->mask >> node & 1) != c->invert ? ACL_HIT : ACL_MISS;
}
