#pragma once
// The room's own types: a worker's block, the choice of tuples. Worker's thread.
#include "nat/nat.h"
#include "nat/nat_rewrite.h"

struct nat_core {
	struct nat_env env;
	uint16_t worker;
	uint64_t key[2]; // of the random numbers
	uint64_t drawn;	 // how many were drawn
};

// What nat keeps in a flow (ct_entry_nat_area).
struct nat_area {
	uint8_t masq_port; // exit port of MASQUERADE + 1; 0: not masqueraded
	uint8_t unused[CT_NAT_AREA - 1];
};
static_assert(sizeof(struct nat_area) <= CT_NAT_AREA, "fits into the flow");

// 64 random bits that cannot be foretold from the ones before (the ports that are seen outside).
uint64_t nat_random(struct nat_core *n);

// Binds one side of p's flow by p->nat_rule (NULL: null binding): chooses, writes the reply tuple,
// sets the status bits of flow and packet. 0, or a drop reason + 1.
int nat_bind(struct pl_worker *w, const struct nat_conf *conf, struct pl_pkt *p,
	     enum nat_side side);
