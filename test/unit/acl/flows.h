#pragma once
// Flows for the acl tests, which know no conntrack: plain data behind pl_flow_ops.
#include "pipeline/flow_ops.h"

struct ct_entry { // a test's own
	uint8_t status;
	struct pl_flow_side side[2];
	uint32_t mark, expires;
	uint64_t packets[2], bytes[2];
	uint64_t label[2];
	uint8_t helper; // enum cfg_helper
	bool uncounted;
};

void flows_open_all(bool open); // are flows that rules ask about by name
void flows_init(void);		// these are what rules ask
