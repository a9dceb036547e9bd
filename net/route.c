// The routing decision. Packets from the wire: for the host, to be forwarded, or neither; what
// Linux does in ip_route_input() and in ip_forward()/ip6_forward() before the FORWARD hook
// (martians, hop limit, MTU, and the ICMP errors about them) is done here. Packets from the host
// keep the way that its stack chose unless DNAT moved their destination; our own are routed by
// destination. All look-ups of a burst go in one call for each family.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <rte_ip.h>

#include "net/made.h"
#include "net/core.h"
#include "pipeline/csum.h"

#define IPOPT_LSRR_ 131
#define IPOPT_SSRR_ 137

enum { LOOK_UP = -1 }; // what classify() says where the table must decide; else a next hop

struct lookup4 {
	unsigned n;
	struct pl_pkt *p[PL_BURST];
	uint32_t ip[PL_BURST];
	uint64_t nh[PL_BURST];
};
struct lookup6 {
	unsigned n;
	struct pl_pkt *p[PL_BURST];
	uint8_t ip[PL_BURST][16];
	uint64_t nh[PL_BURST];
};

static bool
in_net4(rte_be32_t addr, uint32_t net, unsigned len)
{
	return (rte_be_to_cpu_32(addr) ^ net) >> (32 - len) == 0;
}

// A source route is refused, as with Linux's default accept_source_route 0.
static bool
source_routed(const struct pl_pkt *p)
{
	unsigned end = p->l4_off, off = p->l3_off + sizeof(struct rte_ipv4_hdr);
	const uint8_t *h = pl_need(p, 0, end);

	while (h != NULL && off < end && h[off] != 0) {
		if (h[off] == IPOPT_LSRR_ || h[off] == IPOPT_SSRR_)
			return true;
		if (h[off] == 1) {
			off++;
			continue;
		}
		if (off + 1 >= end || h[off + 1] < 2)
			break;
		off += h[off + 1];
	}
	return false;
}

// Addresses that no table has to be asked about. A drop reason goes to *drop.
static int
classify4(const struct net_view *v, const struct pl_pkt *p, enum pl_drop *drop)
{
	rte_be32_t src = p->src.v4, dst = p->dst.v4;
	bool mcast = in_net4(dst, 0xe0000000, 4), lbcast = dst == RTE_BE32(0xffffffff);

	*drop = PL_DROP_BAD_SOURCE;
	if (in_net4(src, 0xe0000000, 4) || src == RTE_BE32(0xffffffff) ||
	    in_net4(src, 0x7f000000, 8) || (src != 0 && net_view_own4(v, src)))
		return NET_NH_NONE;
	// Source 0.0.0.0: DHCP's broadcasts, IGMP and the local groups.
	if (src == 0 && dst != 0 && !lbcast &&
	    !(mcast && (in_net4(dst, 0xe0000000, 24) || p->proto == IPPROTO_IGMP)))
		return NET_NH_NONE;
	*drop = PL_DROP_NOT_FOR_US;
	if (mcast)
		return net_view_joined(v, p->in_port, 4, &p->dst) ? NET_NH_LOCAL : NET_NH_NONE;
	if (lbcast || (src == 0 && dst == 0))
		return NET_NH_LOCAL;
	*drop = PL_DROP_BAD_DESTINATION;
	if (dst == 0 || in_net4(dst, 0x7f000000, 8))
		return NET_NH_NONE;
	*drop = PL_DROP_BAD_OPTIONS;
	if (p->l4_off != p->l3_off + sizeof(struct rte_ipv4_hdr) && source_routed(p))
		return NET_NH_NONE;
	return LOOK_UP;
}

static int
classify6(const struct net_view *v, const struct pl_pkt *p, enum pl_drop *drop)
{
	if (p->dst.v6[0] == 0xff) {
		*drop = PL_DROP_NOT_FOR_US;
		if (!net_view_joined(v, p->in_port, 6, &p->dst))
			return NET_NH_NONE;
		return NET_NH_LOCAL;
	}
	if (net_is_link_local6(&p->dst))
		return net_view_link_local(v, p->in_port, &p->dst) ? NET_NH_LOCAL
								   : net_nh_link(p->in_port, 6, 64);
	return LOOK_UP;
}

static int
classify_own(struct pl_pkt *p)
{
	if (unlikely(p->origin == PL_FROM_SELF && pl_meta(p->m)->copy)) {
		if (net_is_copy(p))
			return (int)pl_meta(p->m)->next_hop;
		p->flags |= PL_F_MANGLED;
	}
	if (p->origin == PL_FROM_HOST && !(p->flags & PL_F_MANGLED))
		return NET_NH_ASIS;
	if (net_is_mcast(p->family, &p->dst) || (p->family == 6 && net_is_link_local6(&p->dst)))
		return p->out_port < PL_PORT_MAX ? net_nh_link(p->out_port, p->family, 64)
						 : NET_NH_NONE;
	return LOOK_UP;
}

static void
no_route(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p)
{
	if (p->origin == PL_FROM_WIRE) {
		if (p->family == 4)
			net_icmp_error(w, p, ICMP_DEST_UNREACH, ICMP_NET_UNREACH,
				       NET_ICMP_NO_ROUTE);
		else
			net_icmp_error(w, p, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE, 0);
	}
	pl_drop(w, b, p, PL_DROP_NO_ROUTE);
}

// ip_exceeds_mtu(), ip6_pkt_too_big(). A reassembled packet will leave in fragments, of which the
// largest counts (IPv4: only where it forbade fragmentation itself).
static bool
too_big(const struct pl_pkt *p, uint16_t mtu)
{
	const struct rte_ipv4_hdr *ip;

	if (likely(p->l3_len <= mtu))
		return false;
	if (p->family == 4) {
		ip = pl_need(p, p->l3_off, sizeof(*ip));
		if (!(ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)))
			return false;
	}
	return !(p->flags & PL_F_REASM) || pl_meta(p->m)->frag_max > mtu;
}

static bool
bad_forward_source6(const struct pl_pkt *p, bool *link_local)
{
	*link_local = net_is_link_local6(&p->src);
	return p->src.u64[0] == 0 && p->src.u64[1] == 0;
}

void
net_lower_hop_limit(struct pl_pkt *p)
{
	net_lower_hop_limit_at(rte_pktmbuf_mtod_offset(p->m, void *, p->l3_off), p->family);
}

static void
forward(struct pl_worker *w, const struct net_view *v, struct pl_burst *b, struct pl_pkt *p,
	const struct net_nh *nh)
{
	uint16_t mtu = net_mtu(v, nh->port, p->family);
	bool link_local;

	if (unlikely(p->flags & PL_F_BCAST)) { // unicast packet in a frame for all or a group
		pl_drop(w, b, p, PL_DROP_BAD_DESTINATION);
		return;
	}
	if (unlikely(p->ttl <= 1)) {
		if (p->family == 4)
			net_icmp_error(w, p, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 0);
		else
			net_icmp_error(w, p, ICMP6_TIME_EXCEEDED, ICMP6_TIME_EXCEED_TRANSIT, 0);
		pl_drop(w, b, p, PL_DROP_TTL_EXPIRED);
		return;
	}
	if (p->family == 6 && nh->port != p->in_port) {
		bool bad = bad_forward_source6(p, &link_local);

		if (link_local)
			net_icmp_error(w, p, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_BEYONDSCOPE, 0);
		if (bad || link_local) {
			pl_drop(w, b, p, PL_DROP_BAD_SOURCE);
			return;
		}
	}
	if (unlikely(too_big(p, mtu))) {
		if (p->family == 4)
			net_icmp_error(w, p, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
		else
			net_icmp_error(w, p, ICMP6_PACKET_TOO_BIG, 0, mtu);
		pl_drop(w, b, p, PL_DROP_TOO_BIG);
		return;
	}
	net_lower_hop_limit(p);
	p->path = PL_PATH_FORWARD;
	p->out_port = nh->port;
}

static void
routed_wire(struct pl_worker *w, const struct net_view *v, struct pl_burst *b, struct pl_pkt *p)
{
	const struct net_nh *nh = &w->net->table->nh[p->next_hop];

	switch (nh->type) {
	case NET_T_BCAST:
		p->flags |= PL_F_BCAST;
		// fall through
	case NET_T_LOCAL:
		p->path = PL_PATH_INPUT;
		p->out_port = PL_PORT_NONE;
		break;
	case NET_T_LINK:
	case NET_T_GATEWAY:
		forward(w, v, b, p, nh);
		break;
	case NET_T_BLACKHOLE:
		pl_drop(w, b, p, PL_DROP_BLACKHOLE);
		break;
	default:
		no_route(w, b, p);
		break;
	}
}

// A packet that DNAT sent elsewhere keeps its old exit through the OUTPUT hook: net_exit_run().
static void
routed_own(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p)
{
	const struct net_nh *nh = &w->net->table->nh[p->next_hop];

	p->path = PL_PATH_OUTPUT;
	switch (nh->type) {
	case NET_T_ASIS:
		break;
	case NET_T_LOCAL:
		p->next_hop = NET_NH_TWIN;
		if (p->origin == PL_FROM_SELF)
			p->out_port = PL_PORT_NONE; // Linux's lo, which is no port
		break;
	case NET_T_LINK:
	case NET_T_GATEWAY:
		if (!(p->flags & PL_F_MANGLED))
			p->out_port = nh->port;
		break;
	case NET_T_BLACKHOLE:
		pl_drop(w, b, p, PL_DROP_BLACKHOLE);
		break;
	case NET_T_BCAST:
		pl_drop(w, b, p, PL_DROP_BAD_DESTINATION);
		break;
	default:
		no_route(w, b, p);
		break;
	}
}

static void
routed(struct pl_worker *w, const struct net_view *v, struct pl_burst *b, struct pl_pkt *p,
       uint16_t nh)
{
	p->next_hop = nh;
	if (p->origin == PL_FROM_WIRE)
		routed_wire(w, v, b, p);
	else
		routed_own(w, b, p);
}

static void
want_lookup(struct lookup4 *l4, struct lookup6 *l6, struct pl_pkt *p)
{
	if (p->family == 4) {
		l4->ip[l4->n] = rte_be_to_cpu_32(p->dst.v4);
		l4->p[l4->n++] = p;
	} else {
		memcpy(l6->ip[l6->n], p->dst.v6, 16);
		l6->p[l6->n++] = p;
	}
}

void
net_route_run(struct pl_worker *w, const void *conf __rte_unused, struct pl_burst *b)
{
	const struct net_table *t = w->net->table;
	const struct net_view *v = net_view(t);
	const struct net_fibs *f = net_fibs(t);
	struct lookup4 l4;
	struct lookup6 l6;
	struct pl_pkt *p;

	l4.n = l6.n = 0;
	PL_FOREACH (p, b) {
		enum pl_drop drop = PL_DROP_NO_ROUTE;
		int nh;

		if (p->origin != PL_FROM_WIRE)
			nh = classify_own(p);
		else
			nh = p->family == 4 ? classify4(v, p, &drop) : classify6(v, p, &drop);
		if (nh == LOOK_UP)
			want_lookup(&l4, &l6, p);
		else if (nh == NET_NH_NONE)
			pl_drop(w, b, p, drop);
		else
			routed(w, v, b, p, nh);
	}
	if (l4.n != 0)
		rte_fib_lookup_bulk(f->v4, l4.ip, l4.nh, (int)l4.n);
	for (unsigned i = 0; i < l4.n; i++)
		routed(w, v, b, l4.p[i], l4.nh[i]);
	if (l6.n != 0)
		rte_fib6_lookup_bulk(f->v6, l6.ip, l6.nh, (int)l6.n);
	for (unsigned i = 0; i < l6.n; i++)
		routed(w, v, b, l6.p[i], l6.nh[i]);
}

// A hook sees one exit from its first table to its last (nf_hook_state.out): where DNAT in OUTPUT
// moved the destination, the new exit counts from POSTROUTING on.
void
net_exit_run(struct pl_worker *w, const void *conf __rte_unused, struct pl_burst *b)
{
	struct pl_pkt *p;

	PL_FOREACH (p, b) {
		if (likely(!(p->flags & PL_F_MANGLED)))
			continue;
		p->out_port = p->next_hop == NET_NH_TWIN ? PL_PORT_NONE
							 : w->net->table->nh[p->next_hop].port;
		p->flags &= ~PL_F_MANGLED;
	}
}

// ---- for packets of our own
static bool
source_on_any(const struct net_view *v, uint8_t first, uint8_t family,
	      const union pl_addr *next_hop, union pl_addr *out)
{
	if (net_view_source(v, first, family, next_hop, out))
		return true;
	for (unsigned port = 0; port < PL_PORT_MAX; port++) {
		if (net_view_source(v, port, family, next_hop, out))
			return true;
	}
	return false;
}

bool
net_path_to(const struct pl_worker *w, uint8_t family, const union pl_addr *dst, uint8_t scope,
	    struct net_path *out)
{
	const struct net_table *t = w->net->table;
	const struct net_view *v = net_view(t);
	const union pl_addr *towards = dst;
	const struct net_nh *nh;

	if (family == 6 && net_is_link_local6(dst)) {
		if (scope >= PL_PORT_MAX)
			return false;
		out->port = scope;
		out->nh = net_nh_link(scope, 6, 64);
		out->has_src = net_view_source(v, scope, 6, dst, &out->src);
		return true;
	}
	out->nh = net_fib_lookup(t, family, dst);
	nh = &t->nh[out->nh];
	switch (nh->type) {
	case NET_T_LOCAL:
		out->port = PL_PORT_NONE;
		out->src = *dst;
		out->has_src = true;
		return true;
	case NET_T_GATEWAY:
		if (family == 4)
			towards = &nh->gw;
		break;
	case NET_T_LINK:
		break;
	default:
		return false;
	}
	out->port = nh->port;
	out->has_src = source_on_any(v, nh->port, family, towards, &out->src);
	return true;
}

bool
net_port_addr(const struct pl_worker *w, uint8_t port, uint8_t family, const union pl_addr *dst,
	      union pl_addr *out)
{
	const struct net_table *t = w->net->table;
	const struct net_view *v = net_view(t);
	const struct net_nh *nh;

	if (port >= PL_PORT_MAX)
		return false;
	if (dst != NULL && family == 4) {
		nh = &t->nh[net_fib_lookup(t, 4, dst)];
		if (nh->type == NET_T_GATEWAY && nh->port == port)
			dst = &nh->gw;
	}
	return net_view_source(v, port, family, dst, out);
}

const struct pl_stage net_route_stage = {"route", net_route_run, NULL};
const struct pl_stage net_exit_stage = {"exit", net_exit_run, NULL};
