#pragma once
// What rules may ask of the network: the kind of an address, the way back to a sender, an MTU. net/
// answers (net_table_ops()), acl/ asks through the pointer that its policy was built with: neither
// room knows the other. Read-only; on a worker's thread within its turn, or on the control thread.
#include "pipeline/pkt.h"

// Numbered as Linux's route types (RTN_*), whose names iptables uses.
enum pl_addr_type {
	PL_ADDR_UNICAST = 1,
	PL_ADDR_LOCAL,
	PL_ADDR_BROADCAST,
	PL_ADDR_ANYCAST,
	PL_ADDR_MULTICAST,
	PL_ADDR_UNREACHABLE = 7,
};

// Where packets to an address would go.
enum pl_way_to {
	PL_WAY_NONE,	    // nowhere: no route, a black hole, a broadcast or anycast address
	PL_WAY_LOCAL,	    // to this machine, by an address of the port that was asked about
	PL_WAY_LOCAL_OTHER, // to this machine, by another of its addresses
	PL_WAY_PORT,	    // out of the port that was asked about
	PL_WAY_OTHER,	    // out of another port
};

// TEE's wish: where a copy goes.
struct pl_copy {
	union pl_addr gateway; // of the packet's family
	uint8_t port;	       // PL_PORT_NONE: the one that the routes say
	bool lower;	       // its hop limit, by one
};

struct pl_worker;
struct pl_net_ops {
	const void *net; // first argument of the others
	// Bits 1 << enum pl_addr_type. IPv4: exactly one, as Linux's inet_dev_addr_type() has it.
	// IPv6: of LOCAL, ANYCAST and UNREACHABLE those that hold, by its routes. family is 4 or 6,
	// port PL_PORT_NONE or the only one whose addresses count (UNREACHABLE is not told then).
	uint16_t (*addr_types)(const void *net, uint8_t family, const union pl_addr *addr,
			       uint8_t port);
	enum pl_way_to (*way)(const void *net, uint8_t family, const union pl_addr *to,
			      uint8_t port);
	// The longest packet that the route to an address takes; UINT16_MAX: there is none, or it
	// leads to this machine.
	uint16_t (*mtu)(const void *net, uint8_t family, const union pl_addr *to);
	// Sends a copy of the packet, untracked, by way of the gateway: it starts at OUTPUT and
	// is through before the packet goes on. What cannot be sent is counted as a drop. Worker's
	// thread.
	void (*copy)(struct pl_worker *w, const struct pl_pkt *p, const struct pl_copy *to);
};
