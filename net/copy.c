// TEE: copies of packets on their way to a gateway, as nf_dup_ipv4 and nf_dup_ipv6 do in Linux. A
// copy is a packet of our own: it starts at OUTPUT, untracked, and is through before its original
// goes on. Its next hop is
// found when it is made and holds as long as no rule of mangle changes its mark or traffic class;
// then it is routed as what it is (ip_route_me_harder). Called by the rules through pl_net_ops, and
// by the stages of this room; worker's thread.
#include <rte_ip.h>

#include "net/made.h"
#include "pipeline/net_ops.h"

// The traffic class, or with IPv6 that and the hop limit, which are what has a packet routed anew.
static uint8_t
class_of(const struct rte_mbuf *m, uint16_t l3_off, uint8_t family)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, l3_off);

	return family == 4 ? ip[1] : (uint8_t)((ip[0] << 4 | ip[1] >> 4) ^ ip[7]);
}

bool
net_is_copy(const struct pl_pkt *p)
{
	const struct pl_meta *meta;

	if (likely(p->origin != PL_FROM_SELF))
		return false;
	meta = pl_meta(p->m);
	return meta->copy && meta->copy_mark == p->mark &&
	       meta->copy_tos == class_of(p->m, p->l3_off, p->family);
}

// The gateway's next hop; NET_NH_NONE: there is no way to it, or not by that port.
static uint16_t
next_hop(const struct net_table *t, uint8_t family, const struct pl_copy *to)
{
	uint16_t i = net_fib_lookup(t, family, &to->gateway);
	const struct net_nh *nh = &t->nh[i];
	bool leads = nh->type == NET_T_LINK || nh->type == NET_T_GATEWAY;

	if (family == 6 && net_is_link_local6(&to->gateway))
		return to->port != PL_PORT_NONE ? net_nh_link(to->port, 6, 64) : NET_NH_NONE;
	return leads && (to->port == PL_PORT_NONE || nh->port == to->port) ? i : NET_NH_NONE;
}

static void
lower(struct rte_mbuf *m, uint8_t family, bool hop_limit, bool reassembled)
{
	const uint16_t l3 = sizeof(struct rte_ether_hdr);
	struct rte_ipv6_hdr *ip6 = rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, l3);
	struct rte_ipv4_hdr *ip4 = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, l3);

	if (family == 6) {
		ip6->hop_limits -= hop_limit;
		return;
	}
	if (!reassembled) // that leaves in the fragments in which it came
		ip4->fragment_offset |= RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
	ip4->time_to_live -= hop_limit;
	ip4->hdr_checksum = 0;
	ip4->hdr_checksum = rte_ipv4_cksum(ip4);
}

void
net_copy(struct pl_worker *w, const struct pl_pkt *p, const struct pl_copy *to)
{
	const struct net_table *t = w->net->table;
	const uint16_t l2 = sizeof(struct rte_ether_hdr);
	uint16_t nh = next_hop(t, p->family, to), frag_max = 0;
	struct pl_meta *meta;
	struct rte_mbuf *m;

	if (nh == NET_NH_NONE || p->l3_off < l2) {
		pl_count(&w->cnt.drop[PL_DROP_NO_ROUTE], 1);
		return;
	}
	m = rte_pktmbuf_copy(p->m, w->pool, p->l3_off - l2, l2 + p->l3_len);
	if (m == NULL) {
		pl_count(&w->cnt.drop[PL_DROP_NO_MBUF], 1);
		return;
	}
	if (p->flags & PL_F_REASM)
		frag_max = pl_meta(p->m)->frag_max;
	lower(m, p->family, to->lower, (p->flags & PL_F_REASM) != 0);
	meta = pl_meta(m);
	*meta = (struct pl_meta){.via = to->gateway,
				 .mark = p->mark,
				 .origin = PL_FROM_SELF,
				 .in_port = PL_PORT_NONE,
				 .out_port = t->nh[nh].port,
				 .flags = PL_F_NOTRACK | (p->flags & PL_F_REASM),
				 .copy = true,
				 .copy_mark = p->mark,
				 .copy_tos = class_of(m, l2, p->family),
				 .next_hop = nh,
				 .frag_max = frag_max};
	pl_copy_send(w, m);
}
