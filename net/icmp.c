// ICMP errors as Linux makes them (icmp_send, icmp6_send; RFC 792, RFC 1812 4.3.2, RFC 4443 2.4):
// about what they are never sent, how much they quote, which address they come from, and how many
// there may be. Called by the stages of this room for a packet that they are about to drop; the
// error enters OUTPUT in the same turn.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <rte_icmp.h>
#include <rte_ip.h>

#include "net/made.h"

#define QUOTE4_MAX (576 - 20 - 8)  // the whole answer is at most 576 bytes (RFC 1812 4.3.2.3)
#define QUOTE6_MAX (1280 - 40 - 8) // and at most the smallest MTU of IPv6 (RFC 4443 2.4 c)
#define ICMP_HDR   8
#define HOP_LIMIT  64
#define SECOND	   1000000000ull

// The type of an ICMP packet, wherever its header stands; false where there is none to read.
static bool
read_icmp_type(const struct pl_pkt *p, uint8_t *type)
{
	const uint8_t *h = pl_need(p, p->l4_off, 1);

	if (h == NULL || p->l4_len < 1)
		return false;
	*type = *h;
	return true;
}

static bool
may_answer4(const struct pl_pkt *p, uint8_t type)
{
	uint32_t src = rte_be_to_cpu_32(p->src.v4);
	uint8_t quoted;

	if (p->flags & (PL_F_BCAST | PL_F_LATER_FRAG))
		return false;
	if (src == 0 || src >> 24 == 127 || src >> 28 == 0xe || src == UINT32_MAX)
		return false;
	// Whatever is not known to be a query or its answer counts as an error.
	if (p->proto == IPPROTO_ICMP && !pl_icmp_has_id(4, type))
		return read_icmp_type(p, &quoted) && pl_icmp_has_id(4, quoted);
	return true;
}

static bool
may_answer6(const struct pl_pkt *p, uint8_t type)
{
	uint8_t quoted;

	// RFC 4443 2.4 e.3: Packet Too Big may answer a multicast, for path MTU discovery.
	if ((p->flags & PL_F_BCAST) && type != ICMP6_PACKET_TOO_BIG)
		return false;
	if (p->src.v6[0] == 0xff || (p->src.u64[0] == 0 && p->src.u64[1] == 0))
		return false;
	if (p->proto != IPPROTO_ICMPV6 || (p->flags & PL_F_LATER_FRAG))
		return true;
	return read_icmp_type(p, &quoted) && (quoted & 0x80);
}

// icmp_ratelimit 1000 ms for dest-unreachable (but for "fragmentation needed"), source quench, time
// exceeded and parameter problem (icmp_ratemask 0x1818).
static bool
rate_ok4(struct pl_worker *w, const struct pl_pkt *p, uint8_t type, uint8_t code, bool no_route)
{
	struct net_limit *l = &w->net->limit;

	if (type == ICMP_DEST_UNREACH && code == ICMP_FRAG_NEEDED)
		return true;
	return net_limit_global(l, w->now_ns, w->n_workers) &&
	       net_limit_peer(l, w->now_ns, 4, &p->src, SECOND, no_route);
}

// icmp6_ratelimit 1000 ms, halved for each 32 bits that the route to the peer is wider than a host.
static bool
rate_ok6(struct pl_worker *w, const struct pl_pkt *p, uint8_t type, const struct net_path *path)
{
	struct net_limit *l = &w->net->limit;

	if (type == ICMP6_PACKET_TOO_BIG)
		return true;
	return net_limit_global(l, w->now_ns, w->n_workers) &&
	       net_limit_peer(l, w->now_ns, 6, &p->src,
			      SECOND >> w->net->table->nh[path->nh].rl_class, false);
}

static bool
is_local(const struct pl_worker *w, const struct pl_pkt *p)
{
	const struct net_table *t = w->net->table;

	if (p->family == 6 && net_is_link_local6(&p->dst))
		return p->in_port < PL_PORT_MAX &&
		       net_view_link_local(net_view(t), p->in_port, &p->dst);
	return net_fib_lookup(t, p->family, &p->dst) == NET_NH_LOCAL;
}

// A packet to us is answered from the address that it was sent to. What our own host sent is
// answered in the name of its destination: from an address of its own the host would not take it
// off a twin (martian).
static bool
source_of(const struct pl_worker *w, const struct pl_pkt *p, const struct net_path *path,
	  union pl_addr *src)
{
	if (!(p->flags & PL_F_BCAST) && (p->origin == PL_FROM_HOST || is_local(w, p))) {
		*src = p->dst;
		return true;
	}
	*src = path->src;
	return path->has_src;
}

static void
build4(struct pl_worker *w, const struct pl_pkt *p, const union pl_addr *src, const uint8_t head[8],
       uint8_t port)
{
	uint16_t quote = RTE_MIN(p->l3_len, QUOTE4_MAX);
	struct rte_mbuf *m = net_made_alloc(w, 4, sizeof(struct rte_ipv4_hdr) + ICMP_HDR + quote);
	const struct rte_ipv4_hdr *in = pl_need(p, p->l3_off, sizeof(*in));
	struct rte_ipv4_hdr *ip;
	const void *from;
	uint16_t csum;
	uint8_t *icmp;

	if (m == NULL)
		return;
	ip = rte_pktmbuf_mtod_offset(m, void *, sizeof(struct rte_ether_hdr));
	icmp = (uint8_t *)(ip + 1);
	ip->version_ihl = RTE_IPV4_VHL_DEF;
	ip->type_of_service =
		(in->type_of_service & 0x1e) | 0xc0; // precedence: internetwork control
	ip->total_length = rte_cpu_to_be_16(sizeof(*ip) + ICMP_HDR + quote);
	ip->packet_id = rte_cpu_to_be_16((uint16_t)++w->net->ident);
	ip->time_to_live = HOP_LIMIT;
	ip->next_proto_id = IPPROTO_ICMP;
	ip->src_addr = src->v4;
	ip->dst_addr = p->src.v4;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	memcpy(icmp, head, ICMP_HDR);
	from = rte_pktmbuf_read(p->m, p->l3_off, quote, icmp + ICMP_HDR);
	if (from != NULL && from != icmp + ICMP_HDR)
		memcpy(icmp + ICMP_HDR, from, quote);
	csum = net_made_csum(ip, 4, IPPROTO_ICMP, icmp, ICMP_HDR + quote, false);
	memcpy(icmp + 2, &csum, 2);
	net_made_send(w, m, p, port);
}

static void
build6(struct pl_worker *w, const struct pl_pkt *p, const union pl_addr *src, const uint8_t head[8],
       uint8_t port)
{
	uint16_t quote = RTE_MIN(p->l3_len, QUOTE6_MAX);
	struct rte_mbuf *m = net_made_alloc(w, 6, sizeof(struct rte_ipv6_hdr) + ICMP_HDR + quote);
	struct rte_ipv6_hdr *ip;
	const void *from;
	uint16_t csum;
	uint8_t *icmp;

	if (m == NULL)
		return;
	ip = rte_pktmbuf_mtod_offset(m, void *, sizeof(struct rte_ether_hdr));
	icmp = (uint8_t *)(ip + 1);
	ip->vtc_flow = RTE_BE32(6u << 28);
	ip->payload_len = rte_cpu_to_be_16(ICMP_HDR + quote);
	ip->proto = IPPROTO_ICMPV6;
	ip->hop_limits = HOP_LIMIT;
	memcpy(ip->src_addr, src->v6, 16);
	memcpy(ip->dst_addr, p->src.v6, 16);
	memcpy(icmp, head, ICMP_HDR);
	from = rte_pktmbuf_read(p->m, p->l3_off, quote, icmp + ICMP_HDR);
	if (from != NULL && from != icmp + ICMP_HDR)
		memcpy(icmp + ICMP_HDR, from, quote);
	csum = net_made_csum(ip, 6, IPPROTO_ICMPV6, icmp, ICMP_HDR + quote, true);
	memcpy(icmp + 2, &csum, 2);
	net_made_send(w, m, p, port);
}

void
net_icmp_error(struct pl_worker *w, struct pl_pkt *p, uint8_t type, uint8_t code, uint32_t info)
{
	bool no_route = info == NET_ICMP_NO_ROUTE;
	uint8_t scope = p->in_port < PL_PORT_MAX ? p->in_port : p->out_port;
	uint8_t head[ICMP_HDR] = {type, code};
	rte_be32_t be = rte_cpu_to_be_32(no_route ? 0 : info);
	struct net_path path;
	union pl_addr src;

	memcpy(head + 4, &be, 4);
	if (!(p->family == 4 ? may_answer4(p, type) : may_answer6(p, type)))
		return;
	if (!net_path_to(w, p->family, &p->src, scope, &path) || !source_of(w, p, &path, &src))
		return;
	if (!(p->family == 4 ? rate_ok4(w, p, type, code, no_route)
			     : rate_ok6(w, p, type, &path))) {
		pl_count(&w->cnt.drop[PL_DROP_LOCAL_ICMP_RATE], 1);
		return;
	}
	if (p->family == 4)
		build4(w, p, &src, head, path.port);
	else
		build6(w, p, &src, head, path.port);
}
