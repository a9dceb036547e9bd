#pragma once
// `ringwall bench`: the daemon's own gateway, fed by an in-process generator through the port
// abstraction.
#include <stdint.h>

#include "app/gateway.h"

enum bench_policy {
	BENCH_CONNTRACK,  // tracked, chain policies only
	BENCH_CT_RULES,	  // tracked and rules
	BENCH_MASQ,	  // masqueraded, no filter rules
	BENCH_MASQ_RULES, // everything on
};

struct bench_shape {
	enum bench_policy policy;
	uint32_t rules; // in filter FORWARD
	uint32_t flows;
	uint8_t family; // 4 or 6
	uint16_t frame; // bytes with FCS: 64 ...; 0: IMIX (7 x 64, 4 x 570, 1 x 1518)
};

#define BENCH_BATCH 8192 // packets prepared, then measured

struct bench_rig {
	struct bench_shape shape;
	struct cfg_settings *settings;
	struct app_gateway gateway;
	struct pl_worker *w;
	struct rte_mbuf *ready[BENCH_BATCH]; // what the generator port will give
	uint32_t n_ready, next;
	struct rte_mbuf *free[BENCH_BATCH]; // what came out, to be filled again
	uint32_t n_free;
	uint64_t sent, base_ns, random;
	double ns_per_tick;
};

// EAL must be up. 0 or -errno with messages in err.
int bench_rig_start(struct bench_rig *r, const struct bench_shape *shape, struct cfg_err *err);
void bench_rig_stop(struct bench_rig *r);

// Fills the batch: n packets of flows chosen by `flow` (index i of the batch -> flow number).
typedef uint32_t (*bench_flow_fn)(struct bench_rig *r, uint32_t i, void *arg);
void bench_prepare(struct bench_rig *r, uint32_t n, bench_flow_fn flow, void *arg, bool reply);
// Runs turns until the batch is gone; TSC ticks that they took.
uint64_t bench_run(struct bench_rig *r);
// Every flow once in the original direction and once in reply: established from here on.
// Returns how many packets did not come out.
uint64_t bench_establish(struct bench_rig *r);
uint32_t bench_random_flow(struct bench_rig *r, uint32_t i, void *arg);
