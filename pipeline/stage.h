#pragma once
// The contract between the worker and the stages. The packet's way is an array of these
// (app/datapath.c).
#include "pipeline/burst.h"

struct pl_worker;

struct pl_stage {
	const char *name;
	// Runs the packets of b that are still on their way. conf is what the program built for
	// this stage.
	void (*run)(struct pl_worker *w, const void *conf, struct pl_burst *b);
	// Once per turn of the loop, bounded work (timers, queues); may be NULL.
	void (*idle)(struct pl_worker *w);
};

#define PL_STAGES_MAX 32

// What runs together. Stage by stage is the same as packet by packet as long as no stage writes
// what an earlier one reads; where the rules do that, a burst goes in parts, each with all that it
// gives rise to before the next (docs/decisions/0001-bursts-are-sequential.md).
enum pl_order {
	PL_ORDER_BURST,	  // the whole burst
	PL_ORDER_FLOWS,	  // parts without two packets of one flow
	PL_ORDER_PACKETS, // one packet
};

// Everything a worker needs to judge packets. Immutable after it was published; freed after every
// worker passed a quiescent state.
struct pl_program {
	uint64_t generation;   // counts applied policies, from 1
	uint8_t order;	       // enum pl_order
	unsigned ordered_from; // stages before this one always take the whole burst
	unsigned n_stage;
	struct {
		const struct pl_stage *stage;
		const void *conf;
	} step[PL_STAGES_MAX];
	const struct acl_policy *acl; // who owns the conf pointers of acl's stages
};
