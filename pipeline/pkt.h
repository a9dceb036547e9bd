#pragma once
// One packet on its way through the stages: what the parser found, and what the stages decided.
// Lives in the worker's burst (pipeline/burst.h), 128 bytes, hot in L1. Nothing after the parse
// stage reads headers other than through the offsets kept here.
#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_mbuf.h>

#define PL_PORT_MAX  63 // ports per gateway
#define PL_PORT_NONE 63 // "no interface": matches as the empty name does in netfilter

enum pl_origin {
	PL_FROM_WIRE, // received on a port: starts at PREROUTING
	PL_FROM_HOST, // from a port's twin: starts at OUTPUT, out_port is the twin's port
	PL_FROM_SELF, // made by the gateway (ICMP error, TCP reset): starts at OUTPUT
};

enum pl_path {
	PL_PATH_NONE,	 // not routed yet
	PL_PATH_INPUT,	 // to the host: INPUT, then up the twin
	PL_PATH_FORWARD, // FORWARD, POSTROUTING
	PL_PATH_OUTPUT,	 // OUTPUT, POSTROUTING
	PL_PATH_KNOWN,	 // forwarded by the short way
};

// ct_state: exactly one bit. Same values as enum cfg_ctstate in config/policy.h; 0 before the
// conntrack stage.
enum pl_ct_state {
	PL_CT_INVALID = 1 << 0,
	PL_CT_ESTABLISHED = 1 << 1,
	PL_CT_RELATED = 1 << 2,
	PL_CT_NEW = 1 << 3,
	PL_CT_SNAT = 1 << 4, // only in ct_status
	PL_CT_DNAT = 1 << 5, // only in ct_status
	PL_CT_UNTRACKED = 1 << 6,
};

enum pl_pkt_flags {
	PL_F_L4 = 1 << 0, // the L4 header that the parser knows is whole: sport/dport or type/code
			  // are valid
	PL_F_FRAG = 1 << 1,	  // a fragment, first or later; IPv6: has that header
	PL_F_LATER_FRAG = 1 << 2, // offset > 0: no L4 header
	PL_F_NAT_PRE =
		1 << 3, // first packet of a flow: walk nat PREROUTING/OUTPUT and bind destination
	PL_F_NAT_POST =
		1 << 4,	       // first packet of a flow: walk nat POSTROUTING/INPUT and bind source
	PL_F_NOTRACK = 1 << 5, // raw said: do not track
	PL_F_ICMP_ERR = 1 << 6, // ICMP error that quotes a packet
	PL_F_BCAST = 1 << 7,	// link or network broadcast or multicast
	PL_F_CT_GIVEN =
		1 << 8, // origin SELF: ct, ct_state and ct_dir were set by the maker; no look-up
	PL_F_HANDED = 1 << 9, // came through a hand-over ring: do not hand over a second time
	PL_F_REASM =
		1 << 10, // put together from fragments: send in fragments no larger than they were
	PL_F_MANGLED = 1 << 11, // DNAT in OUTPUT changed the destination: route again
	PL_F_L4_CSUM_BAD =
		1 << 12, // parser or device found a wrong L4 checksum (conntrack calls it INVALID)
	PL_F_TX =
		1
		<< 13, // a finished frame for out_port, handed to the worker that has the tx queue
	PL_F_CT_ATTACHED =
		1 << 14,      // origin SELF: answers an untracked packet; raw cannot untrack it
	PL_F_PLAIN = 1 << 15, // nothing but a whole TCP segment (no flags but ACK and PSH) or UDP
			      // datagram, to be forwarded by unicast: may go the short way
};

enum pl_trace {		       // bits of pl_pkt's trace
	PL_TRACE_LOG = 1 << 0, // raw's TRACE: a log line for every rule that it meets
};

struct ct_entry;    // conntrack/ct.h; opaque here
struct cfg_t_ct;    // config/target.h; opaque here
struct pl_nat_rule; // below
struct pl_note;	    // pipeline/note.h: what explain, trace and replay want to know; NULL otherwise
struct pl_record;   // pipeline/way.h
struct pl_way;	    // pipeline/way.h

union pl_addr {
	rte_be32_t v4;
	uint8_t v6[16];
	uint64_t u64[2];
	uint32_t u32[4];
};

static inline bool
pl_addr_eq(const union pl_addr *a, const union pl_addr *b)
{
	return a->u64[0] == b->u64[0] && a->u64[1] == b->u64[1];
}

struct pl_pkt {
	struct rte_mbuf *m;  // NULL once dropped, sent, handed over or kept
	struct ct_entry *ct; // NULL: untracked or invalid
	const struct pl_nat_rule
		*nat_rule; // chosen by the nat table's stage for the nat stage that follows it
	struct pl_note *note;
	const struct cfg_t_ct *ct_rule; // raw's CT target: what a flow gets that begins here
	union {				// pipeline/way.h
		struct pl_record *rec;	// what it meets is recorded; NULL: not
		struct pl_way *way;	// in burst.known: the way that it goes
	};
	union pl_addr src, dst; // copies, kept in step by nat's rewriting; IPv4: rest is zero
	uint32_t hash; // symmetric Toeplitz of the tuple (addresses only for fragments); set by
		       // ct_steer
	uint32_t mark;
	uint32_t next_hop; // net's index, set by the route stage
	uint16_t l3_off;   // of the IP header, from the start of the frame
	uint16_t l4_off;   // of the L4 header, from the start of the frame
	uint16_t l3_len;   // IP packet length in bytes, headers included: what rule counters count
	uint16_t l4_len;   // bytes from l4_off to the end of the IP packet
	rte_be16_t sport,
		dport;	// TCP, UDP, SCTP, DCCP, UDP-Lite; ICMP echo: the identifier in both
	uint16_t flags; // enum pl_pkt_flags
	uint8_t family; // 4 or 6
	uint8_t proto;	// L4 protocol after extension headers
	uint8_t icmp_type, icmp_code;
	uint8_t tcp_flags;
	uint8_t ttl;		   // as received, or as a rule set it
	uint8_t in_port, out_port; // index or PL_PORT_NONE
	uint8_t origin;		   // enum pl_origin
	uint8_t path;		   // enum pl_path
	uint8_t ct_state;	   // enum pl_ct_state, one bit
	uint8_t ct_status;	   // PL_CT_SNAT | PL_CT_DNAT of the flow
	uint8_t ct_dir;		   // 0 original, 1 reply
	uint8_t reject;		   // enum cfg_reject + 1 where a rule said REJECT; 0: none
	uint8_t trace;		   // enum pl_trace; 0: nobody asked
	bool past_raw;		   // another worker's raw saw it, and put it into these zones
	uint16_t zone[2];	   // by direction
} __rte_cache_aligned;
static_assert(sizeof(struct pl_pkt) == 128, "two cache lines");

// What a NAT target asks for. Made by acl/ from the rule, immutable while the policy lives.
enum pl_nat_kind {
	PL_NAT_SNAT,
	PL_NAT_DNAT,
	PL_NAT_MASQUERADE,
	PL_NAT_REDIRECT,
	PL_NAT_NETMAP, // addr_min to addr_max is a network; which side: where the rule stands
};
enum pl_nat_flags {
	PL_NAT_HAS_ADDR = 1 << 0,
	PL_NAT_HAS_PORTS = 1 << 1,
	PL_NAT_RANDOM = 1 << 2,
	PL_NAT_RANDOM_FULLY = 1 << 3,
	PL_NAT_PERSISTENT = 1 << 4,
	PL_NAT_PORT_SHIFT = 1 << 5,    // port_base counts
	PL_NAT_EIM = 1 << 6,	       // endpoint-independent mapping; filter counts
	PL_NAT_BLOCKS = 1 << 7,	       // of ports for each inside address: block_*, and port_* too
	PL_NAT_DETERMINISTIC = 1 << 8, // det_*, addr_min and port_min
};
struct pl_nat_rule {
	uint8_t kind;				// enum pl_nat_kind
	uint16_t flags;				// enum pl_nat_flags
	uint16_t port_min, port_max, port_base; // host order
	uint8_t filter;				// enum cfg_nat_filtering
	uint8_t block_shift;			// a block has 1 << block_shift ports
	uint8_t block_max;			// blocks of an inside address, over all workers
	uint32_t block_hold_sec;		// after its last flow
	// Inside address number i (its bits in det_mask) has address number i >> det_shift of the
	// range, and there det_ports ports from port_min + (i % (1 << det_shift)) * det_ports on.
	uint32_t det_mask;
	uint16_t det_ports;
	uint8_t det_shift;
	union pl_addr addr_min, addr_max;
};

// The header parser: fills *p from p->m, whose frame starts with an Ethernet header (0-2 VLAN tags
// are not stripped: they are NOT_IP). p->m, in_port and origin are set by the caller. Pure, any
// thread. Returns 0, or a drop reason + 1. ARP is PL_PARSE_ARP.
#define PL_PARSE_ARP (-1)
int pl_parse(struct pl_pkt *p);
// Queries and answers that carry an identifier (RFC 792, RFC 950, RFC 4443: echo and its kin), by
// family (4 or 6).
bool pl_icmp_has_id(uint8_t family, uint8_t type);
// The same for an IP packet at l3_off, whatever is before it (quoted packets, packets that we
// made).
int pl_parse_l3(struct pl_pkt *p, uint16_t l3_off, uint8_t family);

// len bytes at off from the frame's start, or NULL where they are not all in the first segment.
// The parse stage makes all headers contiguous.
static inline void *
pl_need(const struct pl_pkt *p, uint32_t off, uint32_t len)
{
	if (unlikely(off + len > rte_pktmbuf_data_len(p->m))) // both at most 64 KiB: no wrap
		return NULL;
	return rte_pktmbuf_mtod_offset(p->m, void *, off);
}
