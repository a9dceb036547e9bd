#pragma once
// One packet against a policy, rule by rule: the plain second opinion on what the sets say. Private
// to config/.
#include "config/space/space_prog.h"

// A packet as it comes to the first hook of its way. Addresses as in struct cfg_addr.
struct space_packet {
	uint8_t src[16], dst[16];
	char in[SPACE_NAME], out[SPACE_NAME]; // "": none
	uint8_t proto, flags, tos, ttl, pkttype;
	uint16_t sport, dport; // ICMP: type << 8 | code in dport
	uint16_t length;
	bool has_mac, fragment;
	uint8_t mac[6];
	uint8_t ct; // enum cfg_ctstate: the state, with SNAT and DNAT
};
void space_packet(struct space_packet *out, const struct space_world *w,
		  const struct space_point *pt);

// How it ended.
struct space_fate {
	enum space_effect effect; // ACCEPTS, DROPS, REJECTS, TAKES; with SPACE_FOR_NAT: TRANSLATES
	// Who decided: of an accepted packet, the rule of filter (or of nat, for SPACE_FOR_NAT).
	enum cfg_table_id table;
	const struct cfg_chain *chain; // NULL: no chain at all
	const struct cfg_rule *rule;   // NULL: the chain's policy
};
// Walks the packet of a point the way of the program, but through the policy itself. Matches that
// are not modelled answer what the point's literals say, no where they say nothing. False: the
// point is no real packet, or there is no memory.
bool space_eval(struct space_prog *p, enum space_use use, enum cfg_hook nat_hook,
		const struct space_point *pt, struct space_fate *fate);
