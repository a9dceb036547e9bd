// The matches that never end a walk by themselves: mark, length, iprange, ttl, hl, pkttype, mac,
// eui64, tos, dscp, ecn, each as its xt module judges a packet. Called by acl_rule_match(), by the
// interpreter and by the compiled walk alike: none of these is in its keys. Pure; any thread. IP
// and Ethernet headers are read where they lie, because stages before this one may have written to
// them (the TTL is one less from FORWARD on, as in the kernel).
#include "acl/acl_kind.h"

#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_tcp.h>

static bool
iprange_match(const struct cfg_m_iprange *m, const struct pl_pkt *p)
{
	size_t n = p->family == 4 ? 4 : 16;

	if (m->src_set && (memcmp(p->src.v6, m->src_lo, n) >= 0 &&
			   memcmp(p->src.v6, m->src_hi, n) <= 0) == m->src_inv)
		return false;
	return !m->dst_set || (memcmp(p->dst.v6, m->dst_lo, n) >= 0 &&
			       memcmp(p->dst.v6, m->dst_hi, n) <= 0) != m->dst_inv;
}

// The packet's IP header; the parser saw that it is whole.
static const uint8_t *
ip_header(const struct pl_pkt *p)
{
	return rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l3_off);
}

static bool
ttl_match(const struct cfg_m_ttl *m, uint8_t ttl)
{
	if (m->op == CFG_TTL_LT)
		return ttl < m->value;
	if (m->op == CFG_TTL_GT)
		return ttl > m->value;
	return (ttl == m->value) != m->invert;
}

// The Ethernet header that a packet came with. NULL: it was made here.
static const struct rte_ether_hdr *
ether_header(const struct pl_pkt *p)
{
	if (p->origin != PL_FROM_WIRE || p->l3_off < sizeof(struct rte_ether_hdr))
		return NULL;
	return rte_pktmbuf_mtod(p->m, const struct rte_ether_hdr *);
}

uint8_t
acl_pkttype(const struct pl_pkt *p)
{
	const struct rte_ether_hdr *eth = ether_header(p);

	if (eth != NULL && rte_is_broadcast_ether_addr(&eth->dst_addr))
		return CFG_PKT_BROADCAST;
	// Not for one that the match cluster took in.
	if (eth != NULL && rte_is_multicast_ether_addr(&eth->dst_addr) && (p->flags & PL_F_BCAST))
		return CFG_PKT_MULTICAST;
	return CFG_PKT_UNICAST;
}

static bool
mac_match(const struct cfg_m_mac *m, const struct pl_pkt *p)
{
	const struct rte_ether_hdr *eth = ether_header(p);

	return eth != NULL &&
	       (memcmp(eth->src_addr.addr_bytes, m->addr, sizeof(m->addr)) == 0) != m->invert;
}

// Was the source address made from the frame's source MAC (RFC 4291 appendix A)?
static bool
eui64_match(const struct pl_pkt *p)
{
	const struct rte_ether_hdr *eth = ether_header(p);
	const uint8_t *mac = eth != NULL ? eth->src_addr.addr_bytes : NULL;
	const uint8_t *id = ip_header(p) + 8 + 8; // the lower half of the source address

	return mac != NULL && id[0] == (mac[0] ^ 2) && memcmp(id + 1, mac + 1, 2) == 0 &&
	       id[3] == 0xff && id[4] == 0xfe && memcmp(id + 5, mac + 3, 3) == 0;
}

static uint8_t
tos_byte(const struct pl_pkt *p)
{
	const uint8_t *ip = ip_header(p);

	return p->family == 4 ? ip[1] : (uint8_t)(ip[0] << 4 | ip[1] >> 4);
}

// xt_ecn asks for no first fragment: what it takes for the flags of a later one is its payload.
// With IPv6 the kernel has no offset for those, and neither have we.
static bool
ecn_flags(const struct cfg_m_ecn *m, const struct pl_pkt *p)
{
	const struct rte_tcp_hdr *th;

	if (p->l4_len < sizeof(*th) || (p->family == 6 && (p->flags & PL_F_LATER_FRAG)))
		return false;
	th = pl_need(p, p->l4_off, sizeof(*th));
	if (th == NULL)
		return false;
	if (m->ece && !(th->tcp_flags & RTE_TCP_ECE_FLAG) != m->ece_inv)
		return false;
	return !m->cwr || !(th->tcp_flags & RTE_TCP_CWR_FLAG) == m->cwr_inv;
}

static bool
ecn_match(const struct cfg_m_ecn *m, const struct pl_pkt *p)
{
	if (m->ect_set && ((tos_byte(p) & 3) == m->ect) == m->ect_inv)
		return false;
	return (!m->ece && !m->cwr) || ecn_flags(m, p);
}

static inline enum acl_hit
yes(bool is)
{
	return is ? ACL_HIT : ACL_MISS;
}

enum acl_hit
acl_dscp_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return yes((tos_byte(v->pkt) >> 2 == m->tos.value) != m->tos.invert);
}

enum acl_hit
acl_ecn_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return yes(ecn_match(&m->ecn, v->pkt));
}

enum acl_hit
acl_eui64_judge(const struct cfg_match *m, const struct acl_view *v)
{
	(void)m;
	return yes(eui64_match(v->pkt));
}

enum acl_hit
acl_hl_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return yes(ttl_match(&m->ttl, ip_header(v->pkt)[7]));
}

enum acl_hit
acl_iprange_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return yes(iprange_match(&m->iprange, v->pkt));
}

enum acl_hit
acl_length_judge(const struct cfg_match *m, const struct acl_view *v)
{
	const struct cfg_range16 *r = &m->length.range;
	uint16_t len = v->pkt->l3_len;

	return yes((len >= r->lo && len <= r->hi) != m->length.invert);
}

enum acl_hit
acl_mac_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return yes(mac_match(&m->mac, v->pkt));
}

enum acl_hit
acl_mark_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return yes(((v->pkt->mark & m->mark.mask) == m->mark.value) != m->mark.invert);
}

enum acl_hit
acl_pkttype_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return yes((acl_pkttype(v->pkt) == m->pkttype.type) != m->pkttype.invert);
}

enum acl_hit
acl_tos_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return yes(((tos_byte(v->pkt) & m->tos.mask) == m->tos.value) != m->tos.invert);
}

enum acl_hit
acl_ttl_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return yes(ttl_match(&m->ttl, ip_header(v->pkt)[8]));
}
