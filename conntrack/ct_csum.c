// L4 checksums of received packets: a wrong one makes a packet INVALID, as with
// nf_conntrack_checksum. Where the device has checked, its word counts; else the sum is made here.
// Pure; called by ct_key.c's users on the owner's thread.
#include <rte_ip.h>

#include "conntrack/ct_track.h"
#include "pipeline/csum.h"

#define PROTO_UDPLITE 136

static uint32_t
pseudo(const struct pl_pkt *p)
{
	uint32_t sum = rte_cpu_to_be_16(p->l4_len);
	unsigned words = p->family == 4 ? 1 : 4;

	if (p->proto == IPPROTO_ICMP)
		return 0; // RFC 792: the message alone
	sum += rte_cpu_to_be_16(p->proto);
	for (unsigned i = 0; i < words; i++) {
		sum += (p->src.u32[i] & 0xffff) + (p->src.u32[i] >> 16);
		sum += (p->dst.u32[i] & 0xffff) + (p->dst.u32[i] >> 16);
	}
	return sum;
}

// Bytes under the checksum: all, but for UDP-Lite what it says itself. (Linux takes UDP's number
// into UDP-Lite's pseudo header when it has to sum for itself, and so calls every UDP-Lite packet
// INVALID; that is not followed.)
static uint32_t
covered(const struct pl_pkt *p)
{
	const uint8_t *l4 = p->proto == PROTO_UDPLITE ? pl_need(p, p->l4_off, 8) : NULL;
	uint16_t cover = l4 != NULL ? (uint16_t)(l4[4] << 8 | l4[5]) : 0;

	return cover != 0 ? cover : p->l4_len;
}

// The sum over the whole message and its pseudo header is all ones where the checksum in it is
// right.
static bool
sum_is_right(const struct pl_pkt *p)
{
	uint32_t sum = pseudo(p), n = covered(p);
	const uint8_t *l4 = pl_need(p, p->l4_off, n);
	uint16_t raw;

	if (likely(l4 != NULL))
		raw = pl_csum_fold64(pl_csum_sum(l4, n));
	else if (rte_raw_cksum_mbuf(p->m, p->l4_off, n, &raw) != 0)
		return false;
	sum += raw;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff;
}

bool
ct_csum_ok(const struct pl_pkt *p)
{
	const uint8_t *l4;

	if (p->origin != PL_FROM_WIRE)
		return true; // only what comes in is checked, as on PREROUTING
	switch (p->proto) {
	case IPPROTO_UDP:
		l4 = pl_need(p, p->l4_off, 8);
		if (l4 != NULL && l4[6] == 0 && l4[7] == 0)
			return true; // none was sent; also for IPv6, which Linux lets pass
		break;
	case IPPROTO_TCP:
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
	case IPPROTO_SCTP:
	case PROTO_UDPLITE:
		break;
	default:
		return true;
	}
	if (p->flags & PL_F_L4_CSUM_BAD)
		return false;
	if (!(p->flags & PL_F_REASM)) {
		switch (p->m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) {
		case RTE_MBUF_F_RX_L4_CKSUM_GOOD:
		case RTE_MBUF_F_RX_L4_CKSUM_NONE: // not written yet, but the data is right (virtio)
			return true;
		case RTE_MBUF_F_RX_L4_CKSUM_BAD:
			return false;
		default:
			break;
		}
	}
	return p->proto == IPPROTO_SCTP ? ct_sctp_crc_ok(p) : sum_is_right(p);
}
