#pragma once
// Inside of net/: frames that the gateway makes itself (ICMP errors, TCP resets).
#include <rte_ether.h>

#include "net/core.h"

// A new frame: Ethernet header (addresses zero, type by family) and len zero bytes behind it; NULL:
// no buffer (counted).
struct rte_mbuf *net_made_alloc(struct pl_worker *w, uint8_t family, uint16_t len);

// Checksum of an L4 part of len bytes in one piece, with the pseudo header of the IP header at l3
// (RFC 1071, RFC 8200 8.1); field itself zero. with_pseudo false: ICMP of IPv4.
uint16_t net_made_csum(const void *l3, uint8_t family, uint8_t proto, const void *l4, uint16_t len,
		       bool with_pseudo);

// TEE's copies (pl_net_ops), copy.c.
struct pl_copy;
void net_copy(struct pl_worker *w, const struct pl_pkt *p, const struct pl_copy *to);
// A copy that goes where it was sent to, and not where its destination leads.
bool net_is_copy(const struct pl_pkt *p);

// Sends it: attaches the flow of the packet that it answers, RELATED in the other direction
// (nf_ct_attach).
void net_made_send(struct pl_worker *w, struct rte_mbuf *m, const struct pl_pkt *cause,
		   uint8_t out_port);
