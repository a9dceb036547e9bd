#pragma once
// The parser's short form, for the frames that nearly all are: an IPv4 packet without options, not
// a fragment, or an IPv6 packet without extension headers, in one segment, to this port's own
// address and to no group, with a whole UDP datagram or TCP segment that has no flags but ACK and
// PSH, and with a right header checksum. What it leaves in *p is what pl_parse() and net's checks
// leave there (test/unit/pipeline/test_plain.c). Pure, any thread.
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "pipeline/csum.h"
#include "pipeline/load.h"
#include "pipeline/pkt.h"

#define PL_PLAIN_TCP_PSH 0x08
#define PL_PLAIN_TCP_ACK 0x10
#define PL_PLAIN_L3	 sizeof(struct rte_ether_hdr)

// The L4 header at l4, of len bytes with its payload: one whose packets may go the short way? And
// the flags of a TCP segment.
static __rte_always_inline bool
pl_plain_l4(const uint8_t *l4, uint8_t proto, uint16_t len, uint8_t *tcp_flags)
{
	uint16_t says;

	if (likely(proto == IPPROTO_UDP)) {
		says = rte_be_to_cpu_16(pl_load16(l4 + 4));
		return says >= 8 && says <= len;
	}
	if (proto != IPPROTO_TCP || len < 20)
		return false;
	*tcp_flags = l4[13];
	return (*tcp_flags & ~PL_PLAIN_TCP_PSH) == PL_PLAIN_TCP_ACK;
}

// What both families leave in *p.
static __rte_always_inline void
pl_plain_fill(struct pl_pkt *p, const uint8_t *l4, uint8_t family, uint16_t l3_len,
	      uint8_t tcp_flags)
{
	const uint16_t head = family == 4 ? 20 : 40;

	if (unlikely(p->m->data_len != PL_PLAIN_L3 + l3_len)) // link padding
		rte_pktmbuf_trim(p->m, (uint16_t)(p->m->data_len - PL_PLAIN_L3 - l3_len));
	p->l3_off = PL_PLAIN_L3;
	p->l4_off = (uint16_t)(PL_PLAIN_L3 + head);
	p->l3_len = l3_len;
	p->l4_len = (uint16_t)(l3_len - head);
	memcpy(&p->sport, l4, 4);
	p->family = family;
	p->tcp_flags = tcp_flags;
	p->flags |= PL_F_L4 | PL_F_PLAIN;
}

static __rte_always_inline bool
pl_parse_plain4(struct pl_pkt *p, const uint8_t *l3, uint32_t room)
{
	const bool checked = (p->m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) ==
			     RTE_MBUF_F_RX_IP_CKSUM_GOOD; // by the port
	const uint8_t *l4 = l3 + 20;
	const uint16_t len = rte_be_to_cpu_16(pl_load16(l3 + 2));
	uint8_t tcp_flags = 0;

	// Version and length; no group, no broadcast; more fragments and offset; hop limit.
	if (unlikely(l3[0] != 0x45 || l3[16] >= 0xe0 || len < 28 || len > room ||
		     ((l3[6] & 0x3f) | l3[7]) != 0 || l3[8] <= 1 ||
		     !pl_plain_l4(l4, l3[9], len - 20, &tcp_flags) ||
		     !(likely(checked) || pl_csum_fold64(pl_csum_sum(l3, 20)) == 0xffff)))
		return false;
	memcpy(&p->src.v4, l3 + 12, 4);
	memcpy(&p->dst.v4, l3 + 16, 4);
	p->proto = l3[9];
	p->ttl = l3[8];
	pl_plain_fill(p, l4, 4, len, tcp_flags);
	return true;
}

static __rte_always_inline bool
pl_parse_plain6(struct pl_pkt *p, const uint8_t *l3, uint32_t room)
{
	const uint32_t len = rte_be_to_cpu_16(pl_load16(l3 + 4)) + 40u;
	const uint8_t *l4 = l3 + 40;
	uint8_t tcp_flags = 0;

	// Version; hop limit; no group; and nothing that could be the loopback address.
	if (unlikely(room < 48 || l3[0] >> 4 != 6 || len > room || l3[7] <= 1 || l3[8] == 0xff ||
		     l3[24] == 0xff || pl_load64(l3 + 8) == 0 || pl_load64(l3 + 24) == 0 ||
		     !pl_plain_l4(l4, l3[6], (uint16_t)(len - 40), &tcp_flags)))
		return false;
	memcpy(&p->src, l3 + 8, 16);
	memcpy(&p->dst, l3 + 24, 16);
	p->proto = l3[6];
	p->ttl = l3[7];
	pl_plain_fill(p, l4, 6, (uint16_t)len, tcp_flags);
	return true;
}

// p is as the worker made it, of origin WIRE; mac: the port's in the low 48 bits, in memory order.
// Returns the family; 0: it is some other frame, and *p is untouched.
static __rte_always_inline uint8_t
pl_parse_plain(struct pl_pkt *p, uint64_t mac)
{
	const uint8_t *frame = rte_pktmbuf_mtod(p->m, const uint8_t *);
	const uint32_t room = p->m->data_len - (uint32_t)PL_PLAIN_L3;

	if (unlikely(p->m->data_len < PL_PLAIN_L3 + 28 || p->m->nb_segs != 1 ||
		     (pl_load64(frame) ^ mac) << 16 != 0))
		return 0;
	switch (pl_load16(frame + 12)) {
	case RTE_BE16(RTE_ETHER_TYPE_IPV4):
		return pl_parse_plain4(p, frame + PL_PLAIN_L3, room) ? 4 : 0;
	case RTE_BE16(RTE_ETHER_TYPE_IPV6):
		return pl_parse_plain6(p, frame + PL_PLAIN_L3, room) ? 6 : 0;
	default:
		return 0;
	}
}
