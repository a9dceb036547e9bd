#pragma once
// What every test that needs EAL, packets or workers shares.
#include <stdbool.h>
#include <stdint.h>

#include "pipeline/worker.h"

extern struct rte_mempool *tl_pool; // 4095 mbufs with struct pl_meta in their private area

// EAL once per process (--no-huge --no-shconf --no-pci -m 128, a file prefix of its own), pool,
// Toeplitz tables.
void tl_init(void);

struct tl_spec {
	const char *src, *dst; // text; the family follows from them
	uint8_t proto;	       // IPPROTO_*; 0: UDP
	uint16_t sport, dport; // ICMP: sport is the identifier, dport the sequence number
	uint8_t tcp_flags;     // 0: SYN
	uint32_t seq, ack;
	uint16_t window; // 0: 65535
	uint8_t icmp_type, icmp_code;
	const void *payload; // NULL: payload_len zero bytes
	uint16_t payload_len;
	bool bare;     // nothing but the payload is behind the IP header
	uint8_t ttl;   // 0: 64
	uint16_t frag; // IPv4 flags and offset field, host order
	uint16_t id;
	const uint8_t *dmac, *smac; // NULL: 02:00:00:00:00:01 and :02
};
// A whole Ethernet frame with right checksums; m->port is left alone.
struct rte_mbuf *tl_frame(const struct tl_spec *s);
// ICMP error (v4 or v6 by the quote's family) about the IP packet in `quoted` (frame with Ethernet
// header).
struct rte_mbuf *tl_icmp_error(const char *src, const char *dst, uint8_t type, uint8_t code,
			       uint32_t info, const struct rte_mbuf *quoted);
// All checksums in the frame right: IPv4 header, TCP/UDP/ICMP/ICMPv6, and those inside a quoted
// packet (its IPv4 header; its L4 only where it is quoted whole)?
bool tl_csums_ok(const struct rte_mbuf *m);

// A parsed packet in a fresh burst position: frame built and pl_parse()d, in_port and origin set.
struct pl_pkt *tl_pkt(struct pl_worker *w, const struct tl_spec *s, uint8_t in_port);
// n workers joined by hand-over rings, reta spread evenly; no rx, no program.
void tl_workers(struct pl_worker **w, unsigned n);
