#pragma once
// What rules may ask about the flow of a packet, and write into it. acl/ knows nothing of
// conntrack/ but this table, which conntrack/ fills in (ct_flow_ops) and app/ puts here before the
// first packet. A worker asks about its own flows only; w is whose packet it is.
#include <stdbool.h>
#include <stdint.h>

#include "pipeline/pkt.h"

struct pl_worker;

enum pl_flow_status { // bits of status()
	PL_FLOW_EXPECTED = 1 << 0,
	PL_FLOW_SEEN_REPLY = 1 << 1,
	PL_FLOW_ASSURED = 1 << 2,
	PL_FLOW_CONFIRMED = 1 << 3,
};

// One direction. Ports in host order; ICMP and ICMPv6: sport is the identifier, dport type << 8 |
// code, as netfilter's tuple has them. All zero for what has no ports.
struct pl_flow_side {
	union pl_addr src, dst; // IPv4: the rest is zero
	uint16_t sport, dport;
	uint8_t proto;
};

// What names a flow as long as it lives: its tuple in direction original, ports as above. Without
// padding: compared byte by byte.
struct pl_flow_name {
	union pl_addr src, dst;
	uint16_t sport, dport;
	uint16_t zone;
	uint8_t family, proto;
};

#define PL_FLOW_LABELS 128

struct pl_flow_ops {
	uint8_t (*status)(const struct ct_entry *e);
	// dir: 0 original, 1 reply
	void (*side)(const struct ct_entry *e, unsigned dir, struct pl_flow_side *out);
	uint32_t (*mark)(const struct ct_entry *e);
	// and the flow forgets its ways
	void (*set_mark)(const struct pl_worker *w, struct ct_entry *e, uint32_t mark);
	// What the flow has counted in one direction, IP lengths, this packet included. False: it
	// was born while nothing was counted (nf_conntrack_acct).
	bool (*counted)(const struct pl_worker *w, const struct ct_entry *e, unsigned dir,
			uint64_t *packets, uint64_t *bytes);
	uint32_t (*expires_sec)(const struct pl_worker *w, const struct ct_entry *e); // left
	// bit below PL_FLOW_LABELS; set_label: and the flow forgets its ways
	bool (*has_label)(const struct pl_worker *w, const struct ct_entry *e, unsigned bit);
	void (*set_label)(const struct pl_worker *w, struct ct_entry *e, unsigned bit);
	// The helper (enum cfg_helper) of the flow that this one was expected because of; 0: it was
	// not.
	uint8_t (*expected_by)(const struct pl_worker *w, const struct ct_entry *e);
	// The address that began the flow; where it was expected, the one that began the flow
	// because of which it was.
	void (*began)(const struct pl_worker *w, const struct ct_entry *e, union pl_addr *out);
	void (*name)(const struct ct_entry *e, struct pl_flow_name *out);
	// Does the worker have a flow of that name, which packets have made known, and which is not
	// a TCP connection that has been closed?
	bool (*is_open)(const struct pl_worker *w, const struct pl_flow_name *name);
};

extern const struct pl_flow_ops *pl_flow_ops;
