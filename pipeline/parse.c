// The header parser: the only code that reads Ethernet and IP headers of a received packet before
// the stages. Called by net's parse stage, by conntrack and nat for quoted packets, and by the
// fuzzers. Pure apart from trimming link padding off the mbuf; any thread. What Linux checks before
// PREROUTING (ip_rcv, ipv6_rcv) is checked here; what it leaves to conntrack or to matches is left
// to them. Follows RFC 791, RFC 8200, RFC 792, RFC 4443.
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include "pipeline/csum.h"
#include "pipeline/drop.h"
#include "pipeline/pkt.h"

#define FAIL(reason) (PL_DROP_##reason + 1)

#define IPPROTO_DCCP_	 33
#define IPPROTO_UDPLITE_ 136
#define EXT_HEADERS_MAX                                                                            \
	16 // extension headers in one packet; Linux has no limit but the packet's end

bool
pl_icmp_has_id(uint8_t family, uint8_t type)
{
	if (family == 6)
		return type == ICMP6_ECHO_REQUEST || type == ICMP6_ECHO_REPLY;
	switch (type) {
	case ICMP_ECHO:
	case ICMP_ECHOREPLY:
	case ICMP_TIMESTAMP:
	case ICMP_TIMESTAMPREPLY:
	case ICMP_INFO_REQUEST:
	case ICMP_INFO_REPLY:
	case ICMP_ADDRESS:
	case ICMP_ADDRESSREPLY:
		return true;
	default:
		return false;
	}
}

static bool
icmp4_is_error(uint8_t type)
{
	return type == ICMP_DEST_UNREACH || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
	       type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETERPROB;
}

static void
parse_icmp(struct pl_pkt *p, const uint8_t *l4, bool v6)
{
	p->icmp_type = l4[0];
	p->icmp_code = l4[1];
	p->flags |= PL_F_L4;
	if (v6 ? l4[0] < 128 : icmp4_is_error(l4[0]))
		p->flags |= PL_F_ICMP_ERR;
	if (pl_icmp_has_id(p->family, l4[0]))
		memcpy(&p->sport, l4 + 4, sizeof(p->sport));
	p->dport = p->sport;
}

// Bytes of the L4 header that the parser reads; 0: of a protocol that it does not know.
static uint16_t
l4_need(const struct pl_pkt *p)
{
	switch (p->proto) {
	case IPPROTO_TCP:
		return 20;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE_:
		return 8;
	case IPPROTO_SCTP:
	case IPPROTO_DCCP_:
		return 12;
	case IPPROTO_ICMP:
		return p->family == 4 ? 8 : 0;
	case IPPROTO_ICMPV6:
		return p->family == 6 ? 8 : 0;
	default:
		return 0;
	}
}

// Ports, flags, type and code. A header that is cut short leaves PL_F_L4 unset; nothing is dropped
// here.
static inline void
parse_l4(struct pl_pkt *p)
{
	uint16_t need = likely(p->proto == IPPROTO_UDP) ? 8 : l4_need(p);
	const uint8_t *l4 = pl_need(p, p->l4_off, need);

	if (need == 0 || l4 == NULL || p->l4_len < need || (p->flags & PL_F_LATER_FRAG))
		return;
	if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) {
		parse_icmp(p, l4, p->family == 6);
		return;
	}
	memcpy(&p->sport, l4, sizeof(p->sport));
	memcpy(&p->dport, l4 + 2, sizeof(p->dport));
	if (p->proto == IPPROTO_TCP)
		p->tcp_flags = l4[13];
	p->flags |= PL_F_L4;
}

// Cuts link padding off, so that the mbuf ends where the IP packet ends (as pskb_trim does in
// Linux).
static void
trim(struct pl_pkt *p)
{
	uint32_t want = (uint32_t)p->l3_off + p->l3_len;
	uint32_t have = rte_pktmbuf_pkt_len(p->m);

	if (have <= want)
		return;
	if (rte_pktmbuf_trim(p->m, have - want) == 0)
		return;
	// The padding spans segments: take them off one by one.
	while (rte_pktmbuf_pkt_len(p->m) > want) {
		struct rte_mbuf *last = rte_pktmbuf_lastseg(p->m);
		uint32_t over = rte_pktmbuf_pkt_len(p->m) - want;
		uint16_t cut = over < last->data_len ? over : last->data_len;

		if (cut == 0 || rte_pktmbuf_trim(p->m, cut) != 0)
			return; // an empty last segment: harmless, lengths in p are right
	}
}

static inline int
parse_ipv4(struct pl_pkt *p)
{
	const struct rte_ipv4_hdr *ip = pl_need(p, p->l3_off, sizeof(*ip));
	uint32_t room = rte_pktmbuf_pkt_len(p->m) - p->l3_off;
	uint16_t frag, hlen;

	if (ip == NULL)
		return FAIL(SHORT_L3);
	if (ip->version_ihl >> 4 != 4)
		return FAIL(BAD_VERSION);
	hlen = (ip->version_ihl & 0xf) * 4;
	if (hlen < sizeof(*ip) || pl_need(p, p->l3_off, hlen) == NULL)
		return FAIL(BAD_HDRLEN);
	p->l3_len = rte_be_to_cpu_16(ip->total_length);
	if (p->l3_len > room || p->l3_len < hlen)
		return FAIL(BAD_LENGTH);
	// Two calls: the length is known in the first, which needs no loop.
	if (unlikely((hlen == sizeof(*ip) ? pl_csum_fold64(pl_csum_sum(ip, sizeof(*ip)))
					  : pl_csum_fold64(pl_csum_sum(ip, hlen))) != 0xffff))
		return FAIL(BAD_CSUM);
	if (room != p->l3_len)
		trim(p);
	p->l4_off = p->l3_off + hlen;
	p->l4_len = p->l3_len - hlen;
	p->proto = ip->next_proto_id;
	p->ttl = ip->time_to_live;
	p->src = (union pl_addr){.u64 = {ip->src_addr}};
	p->dst = (union pl_addr){.u64 = {ip->dst_addr}};
	frag = ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK);
	if (unlikely(frag != 0)) {
		p->flags |= PL_F_FRAG;
		if (frag & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK))
			p->flags |= PL_F_LATER_FRAG;
	}
	parse_l4(p);
	return 0;
}

// Walks the extension headers to the upper-layer header (RFC 8200 section 4). An ESP or "no next
// header" ends the walk, as does a later fragment, whose upper layer is elsewhere.
static int
parse_ext(struct pl_pkt *p, uint8_t next)
{
	uint32_t off = p->l3_off + sizeof(struct rte_ipv6_hdr);
	uint32_t end = (uint32_t)p->l3_off + p->l3_len;

	for (unsigned i = 0; i < EXT_HEADERS_MAX; i++) {
		const uint8_t *h;
		uint32_t len;

		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_AH:
		case IPPROTO_FRAGMENT:
			break;
		default:
			p->proto = next;
			p->l4_off = off;
			p->l4_len = end - off;
			return 0;
		}
		h = pl_need(p, off, 8);
		if (h == NULL || off + 8 > end)
			return FAIL(BAD_EXTHDR);
		if (next == IPPROTO_FRAGMENT) {
			uint16_t frag = (uint16_t)(h[2] << 8 | h[3]);

			len = 8;
			p->flags |= PL_F_FRAG; // even alone: reassembly takes the header out
			if (frag & 0xfff8) {
				p->flags |= PL_F_LATER_FRAG;
				p->proto = h[0];
				p->l4_off = off + len;
				p->l4_len = end - p->l4_off;
				return 0;
			}
		} else {
			len = next == IPPROTO_AH ? (h[1] + 2u) * 4 : (h[1] + 1u) * 8;
		}
		next = h[0];
		off += len;
		if (off > end)
			return FAIL(BAD_EXTHDR);
	}
	return FAIL(BAD_EXTHDR);
}

static int
parse_ipv6(struct pl_pkt *p)
{
	const struct rte_ipv6_hdr *ip = pl_need(p, p->l3_off, sizeof(*ip));
	uint32_t room = rte_pktmbuf_pkt_len(p->m) - p->l3_off;
	uint32_t len;
	int ret;

	if (ip == NULL)
		return FAIL(SHORT_L3);
	if ((rte_be_to_cpu_32(ip->vtc_flow) >> 28) != 6)
		return FAIL(BAD_VERSION);
	len = rte_be_to_cpu_16(ip->payload_len) + (uint32_t)sizeof(*ip);
	// A jumbogram says 0 here and its length in a hop-by-hop option; frames of that size do not
	// exist here.
	if (len > room || len > UINT16_MAX)
		return FAIL(BAD_LENGTH);
	p->l3_len = len;
	trim(p);
	p->ttl = ip->hop_limits;
	memcpy(p->src.v6, ip->src_addr, 16);
	memcpy(p->dst.v6, ip->dst_addr, 16);
	ret = parse_ext(p, ip->proto);
	if (ret != 0)
		return ret;
	parse_l4(p);
	return 0;
}

int
pl_parse_l3(struct pl_pkt *p, uint16_t l3_off, uint8_t family)
{
	if (l3_off > rte_pktmbuf_data_len(p->m))
		return FAIL(SHORT_L3);
	p->l3_off = l3_off;
	p->family = family;
	p->sport = p->dport = 0;
	p->icmp_type = p->icmp_code = p->tcp_flags = 0;
	p->flags &= ~(PL_F_L4 | PL_F_FRAG | PL_F_LATER_FRAG | PL_F_ICMP_ERR);
	return family == 4 ? parse_ipv4(p) : parse_ipv6(p);
}

int
pl_parse(struct pl_pkt *p)
{
	const struct rte_ether_hdr *eth = pl_need(p, 0, sizeof(*eth));

	if (eth == NULL)
		return FAIL(SHORT_L2);
	switch (rte_be_to_cpu_16(eth->ether_type)) {
	case RTE_ETHER_TYPE_IPV4:
		return pl_parse_l3(p, sizeof(*eth), 4);
	case RTE_ETHER_TYPE_IPV6:
		return pl_parse_l3(p, sizeof(*eth), 6);
	case RTE_ETHER_TYPE_ARP:
		return PL_PARSE_ARP;
	default:
		return FAIL(NOT_IP);
	}
}
