// One rule against one packet, exactly as netfilter's ip_packet_match(), ip6_packet_match() and the
// xt modules judge it: the same order of tests, the same answer for fragments and for headers that
// are cut off. Used by the linear interpreter, and by the compiled walk for what its keys cannot
// say. Pure. Ports are taken from the packet itself, not from what the parser
// made of them, so that truncated headers are seen as the kernel sees them.
#include "acl/acl_kind.h"

#include <netinet/in.h>
#include <rte_ip.h>
#include <rte_tcp.h>

static inline bool
addr_differs(const union pl_addr *a, const union pl_addr *mask, const union pl_addr *want)
{
	return (((a->u64[0] & mask->u64[0]) ^ want->u64[0]) |
		((a->u64[1] & mask->u64[1]) ^ want->u64[1])) != 0;
}

// A later IPv6 fragment that begins with an extension header: what comes after it is unknown, and
// ipv6_find_hdr() fails.
static bool
no_upper_layer(const struct pl_pkt *p)
{
	return p->family == 6 && (p->flags & PL_F_LATER_FRAG) &&
	       (p->proto == IPPROTO_HOPOPTS || p->proto == IPPROTO_ROUTING ||
		p->proto == IPPROTO_FRAGMENT || p->proto == IPPROTO_AH ||
		p->proto == IPPROTO_DSTOPTS);
}

enum acl_hit
acl_rule_head_match(const struct acl_rule *r, const struct acl_view *v)
{
	const struct pl_pkt *p = v->pkt;
	bool later = p->flags & PL_F_LATER_FRAG;

	if (addr_differs(&p->src, &r->src_mask, &r->src) != !!(r->flags & ACL_R_SRC_INV))
		return ACL_MISS;
	if (addr_differs(&p->dst, &r->dst_mask, &r->dst) != !!(r->flags & ACL_R_DST_INV))
		return ACL_MISS;
	if (!(r->in & v->in_bit) || !(r->out & v->out_bit))
		return ACL_MISS;
	if (r->flags & ACL_R_PROTO) {
		if (unlikely(no_upper_layer(p)))
			return ACL_HOT;
		if ((p->proto == r->proto) == !!(r->flags & ACL_R_PROTO_INV))
			return ACL_MISS;
	}
	if (later ? r->flags & ACL_R_NOT_FRAG : r->flags & ACL_R_FRAG)
		return ACL_MISS;
	return ACL_HIT;
}

// len bytes of the L4 header, or NULL where the packet ends before.
static const void *
l4_header(const struct pl_pkt *p, uint32_t len)
{
	return p->l4_len < len ? NULL : pl_need(p, p->l4_off, len);
}

static bool
in_range(const struct cfg_range16 *r, uint16_t port)
{
	return port >= r->lo && port <= r->hi;
}

static bool
tcp_option_found(const uint8_t *op, uint32_t len, uint8_t kind)
{
	for (uint32_t i = 0; i < len;) {
		if (op[i] == kind)
			return true;
		if (op[i] < 2 || i + 1 >= len || op[i + 1] == 0)
			i++; // end, no-op, or a length that leads nowhere: byte by byte
		else
			i += op[i + 1];
	}
	return false;
}

static enum acl_hit
tcp_option_match(const struct cfg_m_ports *m, const struct pl_pkt *p, const struct rte_tcp_hdr *th)
{
	uint32_t hdr = (th->data_off >> 4) * 4u;
	const uint8_t *all;

	if (hdr < sizeof(*th))
		return ACL_HOT;
	if (hdr == sizeof(*th))
		return m->option_inv ? ACL_HIT : ACL_MISS;
	all = l4_header(p, hdr);
	if (all == NULL)
		return ACL_HOT;
	return tcp_option_found(all + sizeof(*th), hdr - sizeof(*th), m->option) != m->option_inv
		       ? ACL_HIT
		       : ACL_MISS;
}

// A TCP fragment at offset 1 (8 bytes) can only be there to rewrite the flags of the first one.
static bool
overwrites_flags(const struct pl_pkt *p)
{
	const struct rte_ipv4_hdr *ip;

	if (p->family != 4)
		return false;
	ip = pl_need(p, p->l3_off, sizeof(*ip));
	return ip != NULL &&
	       (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK)) == RTE_BE16(1);
}

enum acl_hit
acl_tcp_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_ports *m = &match->ports;
	const struct pl_pkt *p = v->pkt;
	const struct rte_tcp_hdr *th;

	if (p->proto != IPPROTO_TCP)
		return ACL_MISS;
	if (p->flags & PL_F_LATER_FRAG)
		return overwrites_flags(p) ? ACL_HOT : ACL_MISS;
	th = l4_header(p, sizeof(*th));
	if (th == NULL)
		return ACL_HOT;
	if (in_range(&m->sport, rte_be_to_cpu_16(th->src_port)) == m->sport_inv ||
	    in_range(&m->dport, rte_be_to_cpu_16(th->dst_port)) == m->dport_inv)
		return ACL_MISS;
	if (m->flags_set && ((th->tcp_flags & m->flags_mask) == m->flags_comp) == m->flags_inv)
		return ACL_MISS;
	return m->option != 0 ? tcp_option_match(m, p, th) : ACL_HIT;
}

enum acl_hit
acl_udp_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_ports *m = &match->ports;
	const struct pl_pkt *p = v->pkt;
	const rte_be16_t *port;

	if (p->proto != IPPROTO_UDP && p->proto != IPPROTO_UDPLITE)
		return ACL_MISS;
	if (p->flags & PL_F_LATER_FRAG)
		return ACL_MISS;
	port = l4_header(p, 8);
	if (port == NULL)
		return ACL_HOT;
	return in_range(&m->sport, rte_be_to_cpu_16(port[0])) != m->sport_inv &&
			       in_range(&m->dport, rte_be_to_cpu_16(port[1])) != m->dport_inv
		       ? ACL_HIT
		       : ACL_MISS;
}

static enum acl_hit
icmp_match(const struct cfg_m_icmp *m, const struct pl_pkt *p, uint8_t proto)
{
	const uint8_t *icmp;
	bool same;

	if (p->proto != proto || (p->flags & PL_F_LATER_FRAG))
		return ACL_MISS;
	icmp = l4_header(p, 8);
	if (icmp == NULL)
		return ACL_HOT;
	if (!m->set)
		return ACL_HIT;
	same = icmp[0] == m->type && icmp[1] >= m->code_lo && icmp[1] <= m->code_hi;
	same |= proto == IPPROTO_ICMP && m->type == 255; // any
	return same != m->invert ? ACL_HIT : ACL_MISS;
}

enum acl_hit
acl_icmp_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return icmp_match(&m->icmp, v->pkt, IPPROTO_ICMP);
}

enum acl_hit
acl_icmp6_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return icmp_match(&m->icmp, v->pkt, IPPROTO_ICMPV6);
}

enum acl_hit
acl_multiport_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_multiport *m = &match->multiport;
	const struct pl_pkt *p = v->pkt;
	const rte_be16_t *port;
	bool found = false;

	if (p->proto != IPPROTO_TCP && p->proto != IPPROTO_UDP && p->proto != IPPROTO_UDPLITE &&
	    p->proto != IPPROTO_SCTP && p->proto != IPPROTO_DCCP)
		return ACL_MISS;
	if (p->flags & PL_F_LATER_FRAG)
		return ACL_MISS;
	port = l4_header(p, 4);
	if (port == NULL)
		return ACL_HOT;
	for (unsigned i = 0; i < m->n && !found; i++) {
		if (m->side != CFG_MP_DESTINATION)
			found = in_range(&m->range[i], rte_be_to_cpu_16(port[0]));
		if (m->side != CFG_MP_SOURCE)
			found |= in_range(&m->range[i], rte_be_to_cpu_16(port[1]));
	}
	return found != m->invert ? ACL_HIT : ACL_MISS;
}

enum acl_hit
acl_state_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return !!(m->state.mask & v->ct) != m->state.invert ? ACL_HIT : ACL_MISS;
}

enum acl_hit
acl_rule_match(const struct acl_rule *r, const struct acl_view *v)
{
	enum acl_hit hit = acl_rule_head_match(r, v);

	for (unsigned i = 0; hit == ACL_HIT && i < r->n_match; i++)
		hit = acl_match_kind[r->match[i].id].judge(&r->match[i], v);
	return hit;
}
