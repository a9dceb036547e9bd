#pragma once
// The trackers of everything but TCP, and the look at a packet that comes before any of them.
// Private to this room.
#include "conntrack/ct_table.h"
#include "pipeline/csum.h"

// What becomes of a packet before the table is asked.
enum ct_kind {
	CT_K_LEAVE,	// not tracked here: given by its maker, or an answer was found already
	CT_K_UNTRACKED, // raw's NOTRACK, neighbour discovery, MLD
	CT_K_INVALID,
	CT_K_FLOW,    // key is the packet's own
	CT_K_RELATED, // ICMP error: key is the inverse of the quoted packet's
};

// Judges headers, lengths and checksums, and makes look->key. Pure.
// csum: L4 checksums are looked at.
// INVALID: with look->why.
enum ct_kind ct_key_of_pkt(struct ct_look *look, const struct pl_pkt *p, bool csum);
// The same for an ICMP or ICMPv6 error; false: the quote cannot be read. ct_related.c
bool ct_key_of_quote(struct ct_key *k, const struct pl_pkt *p);
// The steering hash of a key: ct_steer.c
uint32_t ct_steer_hash(const struct ct_key *k);
// The zones that raw, here or at another worker, put the packet into, by direction. ct_stage.c
void ct_zones_of(uint16_t zone[2], const struct pl_pkt *p);
// Is the L4 checksum right (or vouched for by the device)? ct_csum.c
bool ct_csum_ok(const struct pl_pkt *p);

// The same for a plain packet (PL_F_PLAIN) from the wire.
static inline bool
ct_csum_plain(const struct pl_pkt *p)
{
	const uint64_t said = p->m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l4_off);
	uint64_t sum;

	if (said != RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN)
		return said != RTE_MBUF_F_RX_L4_CKSUM_BAD;
	if (p->proto == IPPROTO_UDP && (l4[6] | l4[7]) == 0)
		return true;
	sum = (uint64_t)p->src.v4 + p->dst.v4;
	if (p->family == 6) {
		for (unsigned i = 1; i < 4; i++)
			sum += (uint64_t)p->src.u32[i] + p->dst.u32[i];
	}
	sum += (uint32_t)rte_cpu_to_be_16(p->proto) + rte_cpu_to_be_16(p->l4_len);
	return pl_csum_fold64(pl_csum_add(sum, pl_csum_sum(l4, p->l4_len))) == 0xffff;
}
// What a packet learns of its flow.
static inline void
ct_set_flow(struct pl_pkt *p, struct ct_entry *e, unsigned dir, enum pl_ct_state state)
{
	static_assert(CT_S_SRC_NAT << 1 == PL_CT_SNAT && CT_S_DST_NAT << 1 == PL_CT_DNAT,
		      "one shift does both");
	p->ct = e;
	p->ct_dir = (uint8_t)dir;
	p->ct_state = (uint8_t)state;
	p->ct_status = (uint8_t)(e->status << 1 & (PL_CT_SNAT | PL_CT_DNAT));
}

enum ct_verdict ct_pair_packet(uint32_t status, uint32_t ms, uint32_t stream_ms,
			       struct ct_tcp_out *out);
enum ct_verdict ct_icmp_packet(uint8_t proto, rte_be16_t orig_type_code, const struct ct_conf *conf,
			       struct ct_tcp_out *out);
enum ct_verdict ct_generic_packet(const struct ct_conf *conf, struct ct_tcp_out *out);
// May this ICMP or ICMPv6 message start a flow? Only requests that have an answer.
bool ct_icmp_starts(uint8_t proto, uint8_t type);

#define CT_STREAM_TICKS ((2000000000u >> CT_TICK_SHIFT) + 1) // two seconds

// Answered and still talking after two seconds: a stream, which lives longer and is assured, as
// since Linux 5.15.
static inline enum ct_verdict
ct_udp_packet(struct ct_udp *udp, uint32_t status, uint32_t tick, const struct ct_conf *conf,
	      struct ct_tcp_out *out)
{
	if (!(status & CT_S_CONFIRMED))
		udp->stream_tick = tick + CT_STREAM_TICKS;
	out->timeout_ms = conf->udp_ms;
	out->assured = false;
	if ((status & CT_S_SEEN_REPLY) && (int32_t)(tick - udp->stream_tick) > 0) {
		out->timeout_ms = conf->udp_stream_ms;
		out->assured = true;
	}
	return CT_REFRESH;
}
