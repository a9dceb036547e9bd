#pragma once
// Rewriting, private to the room. One side of a packet (source or destination) is set to given
// values: doing it twice changes nothing the second time. All of it runs on the worker's thread.
#include "conntrack/ct.h"
#include "pipeline/pkt.h"

enum nat_side { NAT_SRC, NAT_DST }; // which half of the packet's tuple is written

// The headers that are written: p's own, or those of the packet quoted in an ICMP error.
struct nat_view {
	uint8_t *l3;	  // IP header
	uint8_t *l4;	  // L4 header; valid for l4_room bytes
	uint16_t l4_room; // bytes of the L4 part that are there, in the first segment
	uint8_t family, proto;
	bool no_l4; // later fragment: addresses only
};

// Writes address and port (ICMP: identifier) of one side with IPv4 header checksum and L4 checksum.
// addr and port in network order. *crc is set where an SCTP checksum has to be computed anew.
// False: the L4 header is too short to hold what must be written; nothing was changed.
bool nat_view_write(const struct nat_view *v, enum nat_side side, const union pl_addr *addr,
		    rte_be16_t port, bool *crc);

// The SCTP checksum (RFC 9260 appendix A) of len bytes from off on, put at its place. False: not
// all there.
bool nat_sctp_finish(const struct rte_mbuf *m, uint32_t off, uint32_t len);

// p's own headers; p->src, dst, sport, dport follow. False: the packet cannot be translated.
bool nat_rewrite(struct pl_pkt *p, enum nat_side side, const union pl_addr *addr, rte_be16_t port);

// An ICMP error that belongs to a flow: one side of the outer packet, and the other side of the
// packet that it quotes, become what they are in `other`, the flow's tuple of the direction against
// which the error travels. The quote's checksums follow where they are quoted, the outer one
// always. False: as above.
bool nat_rewrite_error(struct pl_pkt *p, enum nat_side side, const struct ct_tuple *other);
