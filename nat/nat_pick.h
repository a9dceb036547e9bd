#pragma once
// The choice of one side of a flow's translation, between nat_pick.c, which makes it as netfilter
// does, and nat_eim.c, which makes it by the inside end alone. Worker's thread.
#include "nat/nat_core.h"
#include "nat/nat_ports.h"

struct nat_pick {
	struct pl_worker *w;
	const struct ct_entry *e;
	struct ct_tuple reply; // the candidate
	struct pl_nat_rule range;
	struct nat_pair map; // with mapped: the mapping that gave the candidate
	enum nat_side side;
	uint8_t egress; // source: the port behind which a mapping holds
	bool icmp;	// identifier instead of ports
	bool ports;	// has ports
	bool keep_home; // a port that is kept must be home, too
	bool mapped;
	bool limited;	     // its subscriber has as many blocks as it may have
	struct nat_sub *sub; // the ports are of this one's blocks
	bool counts;	     // source of SNAT or MASQUERADE: nat_use counts it
	bool inbound;	     // destination: a mapping let it in
};

// ---- nat_pick.c
bool nat_pick_taken(const struct nat_pick *k);
bool nat_pick_random(const struct nat_pick *k); // the rule does not want ports kept
bool nat_pick_in_range(const struct nat_pick *k);
uint16_t nat_pick_port(const struct nat_pick *k); // of the candidate
void nat_pick_set_port(struct nat_pick *k, uint16_t port);
void nat_pick_addr(struct nat_pick *k); // puts an address of the range into the candidate
// The range in which the port (or identifier) may move. False: it may not.
bool nat_pick_port_range(const struct nat_pick *k, struct nat_search *s);

// ---- nat_range.c
// The range that p's rule stands for, for this packet, into k->range. 0 or a drop reason + 1.
int nat_pick_range(struct nat_pick *k, struct pl_pkt *p, const struct nat_conf *conf);

// ---- nat_eim.c
enum nat_eim { NAT_EIM_NO, NAT_EIM_YES, NAT_EIM_PASS };
// A rule with endpoint-independent mapping chooses: the candidate is the flow's (YES), there is
// none (NO), or the end's mapping cannot serve this flow: choose as if the rule had none (PASS).
enum nat_eim nat_eim_choose(struct nat_pick *k);
// No rule translates the destination of p: does a mapping's filtering let it in? Sets the range.
bool nat_eim_inbound(struct nat_pick *k, const struct pl_pkt *p);
// No rule translates the source of p, which a mapping turned round to the inside (hairpin): its
// source becomes its own mapping (RFC 4787 REQ-9). Sets the range.
bool nat_eim_hairpin(struct nat_pick *k, const struct pl_pkt *p);
// Is the candidate's source the outside end of a mapping?
bool nat_eim_reserved(const struct nat_pick *k);
// The flow uses the mapping that it was chosen by. False: no room for it.
bool nat_eim_hold(struct nat_pick *k);
void nat_eim_leave(struct nat_core *n, const struct ct_entry *e, struct nat_area *area);
