// ICMP errors: the packet that the error quotes is translated the other way round than the error
// itself (RFC 5508 section 4). Called by nat_stage.c on the worker's thread for RELATED ICMP and
// ICMPv6 packets; owns nothing. An error about a packet to the translated address comes back
// quoting that packet as it left us; the sender must find in it what it sent itself. Netfilter's
// nf_nat_icmp_reply_translation is the model: the outer address becomes that of the flow's other
// end even where a router in between sent the error. The quote may end anywhere after its first 8
// bytes of L4 header: what is not there is not touched.
#include <netinet/in.h>

#include <rte_ip.h>

#include "nat/nat_rewrite.h"
#include "pipeline/csum.h"

#define ICMP_HDR    8  // both families, all error types
#define EXT_MAX	    16 // extension headers in a quote
#define CSUM_WINDOW 20 // L4 bytes among which all the written ones are

struct quote {
	struct nat_view v;
	uint32_t l4_off; // from the frame's start
	bool whole;	 // the quote holds the packet to its end
};

static bool
quote_ipv4(struct quote *q, uint32_t off, uint32_t room)
{
	const struct rte_ipv4_hdr *ip = (const struct rte_ipv4_hdr *)q->v.l3;
	uint32_t hlen, total;

	if (room < sizeof(*ip) || ip->version_ihl >> 4 != 4)
		return false;
	hlen = (ip->version_ihl & 0xf) * 4u;
	total = rte_be_to_cpu_16(ip->total_length);
	if (hlen < sizeof(*ip) || hlen > room)
		return false;
	q->v.proto = ip->next_proto_id;
	q->v.no_l4 = rte_be_to_cpu_16(ip->fragment_offset) & RTE_IPV4_HDR_OFFSET_MASK;
	q->v.l4 = q->v.l3 + hlen;
	q->v.l4_room = room - hlen;
	q->l4_off = off + hlen;
	q->whole = total >= hlen && total <= room;
	if (q->whole)
		q->v.l4_room = total - hlen; // RFC 4884 pads a quote: the rest is not the packet's
	return true;
}

// The L4 header behind the extension headers (RFC 8200 section 4).
static bool
quote_ipv6(struct quote *q, uint32_t off, uint32_t room)
{
	const struct rte_ipv6_hdr *ip = (const struct rte_ipv6_hdr *)q->v.l3;
	uint32_t at = sizeof(*ip), total;
	uint8_t next;

	if (room < sizeof(*ip) || (q->v.l3[0] >> 4) != 6)
		return false;
	total = rte_be_to_cpu_16(ip->payload_len) + (uint32_t)sizeof(*ip);
	q->whole = total <= room;
	if (q->whole)
		room = total;
	next = ip->proto;
	for (unsigned i = 0; i < EXT_MAX; i++) {
		const uint8_t *h = q->v.l3 + at;
		bool ext = next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
			   next == IPPROTO_DSTOPTS || next == IPPROTO_AH ||
			   next == IPPROTO_FRAGMENT;

		if (!ext || q->v.no_l4) {
			q->v.proto = next;
			q->v.l4 = q->v.l3 + at;
			q->v.l4_room = room - at;
			q->l4_off = off + at;
			return true;
		}
		if (at + 8 > room)
			return false;
		if (next == IPPROTO_FRAGMENT) {
			q->v.no_l4 = (h[2] << 8 | h[3]) & 0xfff8;
			at += 8;
		} else {
			at += next == IPPROTO_AH ? (h[1] + 2u) * 4 : (h[1] + 1u) * 8;
		}
		next = h[0];
		if (at > room)
			return false;
	}
	return false;
}

// One's complement sum over the bytes of a quote that rewriting may change. Headers have an even
// length; where an odd byte ends the quote it is beyond every field that is written.
static uint16_t
sum_of(const struct quote *q)
{
	uint32_t l3 = q->v.family == 4 ? sizeof(struct rte_ipv4_hdr) : sizeof(struct rte_ipv6_hdr);
	uint32_t l4 = RTE_MIN(q->v.l4_room, CSUM_WINDOW) & ~1u;

	return pl_csum_fold((uint32_t)rte_raw_cksum(q->v.l3, l3) + rte_raw_cksum(q->v.l4, l4));
}

// The quoted packet's side, and the outer checksum by the difference.
static bool
write_quote(struct pl_pkt *p, uint8_t *icmp, struct quote *q, enum nat_side side,
	    const union pl_addr *addr, rte_be16_t port)
{
	uint16_t before = sum_of(q), csum;
	bool crc;

	if (!nat_view_write(&q->v, side, addr, port, &crc))
		return false;
	memcpy(&csum, icmp + 2, sizeof(csum));
	csum = pl_csum_update16(csum, before, sum_of(q));
	memcpy(icmp + 2, &csum, sizeof(csum));
	if (!crc || !q->whole)
		return true; // a CRC over bytes that are not quoted can be checked by nobody
	before = sum_of(q);
	if (!nat_sctp_finish(p->m, q->l4_off, q->v.l4_room))
		return true;
	csum = pl_csum_update16(csum, before, sum_of(q));
	memcpy(icmp + 2, &csum, sizeof(csum));
	return true;
}

bool
nat_rewrite_error(struct pl_pkt *p, enum nat_side side, const struct ct_tuple *other)
{
	uint32_t have = rte_pktmbuf_data_len(p->m);
	uint32_t room = p->l4_off < have ? RTE_MIN((uint32_t)p->l4_len, have - p->l4_off) : 0;
	uint32_t off = p->l4_off + ICMP_HDR;
	struct quote q = {.v = {.family = p->family}};
	uint8_t *icmp;
	bool ok;

	if (room < ICMP_HDR)
		return false;
	icmp = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l4_off);
	q.v.l3 = icmp + ICMP_HDR;
	room -= ICMP_HDR;
	ok = p->family == 4 ? quote_ipv4(&q, off, room) : quote_ipv6(&q, off, room);
	if (!ok)
		return false;
	if (side == NAT_SRC) // the error's source is the quoted packet's destination
		ok = write_quote(p, icmp, &q, NAT_DST, &other->dst, other->dport);
	else
		ok = write_quote(p, icmp, &q, NAT_SRC, &other->src, other->sport);
	if (!ok)
		return false;
	return nat_rewrite(p, side, side == NAT_SRC ? &other->dst : &other->src, 0);
}
