#pragma once
// The parser's short form, for the frames that nearly all are: an IPv4 packet without options, not
// a fragment, in one segment, to this port's own address and to no group, with a whole UDP header
// or one of a TCP segment that has no flags but ACK and PSH, and with a right header checksum. What
// it leaves in *p is what pl_parse() and net's checks leave there
// (test/unit/pipeline/test_plain.c). Pure, any thread.
#include <netinet/in.h>
#include <string.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "pipeline/csum.h"
#include "pipeline/pkt.h"

#define PL_PLAIN_TCP_PSH 0x08
#define PL_PLAIN_TCP_ACK 0x10

// p is as the worker made it, of origin WIRE; mac: the port's in the low 48 bits, in memory order.
// False: it is some other frame, and *p is untouched.
static inline bool
pl_parse_plain(struct pl_pkt *p, uint64_t mac)
{
	const uint32_t l3_off = sizeof(struct rte_ether_hdr), l4_off = l3_off + 20;
	const uint8_t *frame = rte_pktmbuf_mtod(p->m, const uint8_t *);
	uint32_t have = p->m->data_len, src, dst, ports;
	uint64_t dmac, a, b;
	uint16_t type, len;
	uint8_t proto, tcp_flags = 0;

	if (unlikely(have < l4_off + 8 || p->m->nb_segs != 1))
		return false;
	memcpy(&dmac, frame, sizeof(dmac));
	memcpy(&type, frame + 12, sizeof(type));
	memcpy(&a, frame + l3_off, sizeof(a));
	memcpy(&b, frame + l3_off + 8, sizeof(b));
	memcpy(&dst, frame + l3_off + 16, sizeof(dst));
	memcpy(&ports, frame + l4_off, sizeof(ports));
	if (unlikely(((dmac ^ mac) & rte_cpu_to_le_64(0xffffffffffff)) != 0 ||
		     type != RTE_BE16(RTE_ETHER_TYPE_IPV4) || frame[l3_off] != 0x45 ||
		     (frame[l3_off + 16] & 0xf0) == 0xe0 || dst == 0xffffffff))
		return false;
	memcpy(&len, frame + l3_off + 2, sizeof(len));
	memcpy(&src, frame + l3_off + 12, sizeof(src));
	len = rte_be_to_cpu_16(len);
	proto = frame[l3_off + 9];
	if (unlikely(len < 28 || len > have - l3_off || frame[l3_off + 8] <= 1 ||
		     ((frame[l3_off + 6] & 0x3f) | frame[l3_off + 7]) != 0))
		return false;
	if (proto != IPPROTO_UDP) {
		if (proto != IPPROTO_TCP || len < 40)
			return false;
		tcp_flags = frame[l4_off + 13];
		if ((tcp_flags & ~PL_PLAIN_TCP_PSH) != PL_PLAIN_TCP_ACK)
			return false;
	}
	if (unlikely(pl_csum_fold64(pl_csum_add(pl_csum_add(a, b), dst)) != 0xffff))
		return false;
	if (have != l3_off + len) // link padding
		rte_pktmbuf_trim(p->m, (uint16_t)(have - l3_off - len));
	p->l3_off = (uint16_t)l3_off;
	p->l4_off = (uint16_t)l4_off;
	p->l3_len = len;
	p->l4_len = len - 20;
	p->src.v4 = src;
	p->dst.v4 = dst;
	memcpy(&p->sport, &ports, sizeof(ports));
	p->family = 4;
	p->proto = proto;
	p->tcp_flags = tcp_flags;
	p->ttl = frame[l3_off + 8];
	p->flags |= PL_F_L4 | PL_F_PLAIN;
	return true;
}
