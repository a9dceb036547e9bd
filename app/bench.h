#pragma once
// `ringwall bench`: the daemon's own gateway, fed by an in-process generator through the port
// abstraction.
#include <stdint.h>

#include "app/gateway.h"

enum bench_policy {
	BENCH_FORWARD,	  // untracked, no rules: what forwarding itself costs
	BENCH_FILTER,	  // untracked, rules
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
	bool no_cache;	// verdict-cache = false
	bool software;	// the port does not check L4 checksums: the pipeline does
	bool full;	// the table has room for the flows and no more
};

// Packets prepared, then measured: as many buffers as a receive ring of the daemon has by default,
// so the caches see as many of them as with a NIC.
#define BENCH_BATCH 1024

struct bench_rig {
	struct bench_shape shape;
	struct cfg_settings *settings;
	struct app_gateway gateway;
	struct pl_worker *w;
	struct rte_mbuf *ready[BENCH_BATCH]; // what the generator port will give
	uint16_t len[BENCH_BATCH];	     // of their frames
	uint32_t n_ready, next;
	struct rte_mbuf *free[BENCH_BATCH]; // what came out, to be filled again
	uint32_t n_free;
	bool one_far; // all flows go to one address and port
	uint64_t sent, base_ns, random;
	uint64_t held_ns; // the clock stands at this; 0: it goes
	uint64_t driver;  // ticks spent in the generator ports, which stand for the NIC's driver
	double ns_per_tick;
};

// EAL must be up. 0 or -errno with messages in err.
int bench_rig_start(struct bench_rig *r, const struct bench_shape *shape, struct cfg_err *err);
void bench_rig_stop(struct bench_rig *r);

// Fills the batch: n packets of flows chosen by `flow` (index i of the batch -> flow number).
typedef uint32_t (*bench_flow_fn)(struct bench_rig *r, uint32_t i, void *arg);
void bench_prepare(struct bench_rig *r, uint32_t n, bench_flow_fn flow, void *arg, bool reply);
// Runs turns until the batch is gone; TSC ticks that they took, the driver's not counted.
uint64_t bench_run(struct bench_rig *r);
// Every flow once in the original direction, once in reply, and once more in the original one:
// established from here on, and seen as such in both directions. Returns how many packets did not
// come out.
uint64_t bench_establish(struct bench_rig *r);
void bench_visit(struct bench_rig *r); // every flow once, in the original direction
// Both at one moment of the flows' clock: with many of them it takes longer than they live.
uint32_t bench_random_flow(struct bench_rig *r, uint32_t i, void *arg);

// ---- what is measured

#define BENCH_FIGURES 24

struct bench_result {
	uint64_t min, median;  // ticks per packet, rounded up; 0: the case has other figures
	double per_second;     // new-connections only
	double bytes_per_flow; // memory only
	uint64_t lost;	       // packets that should have come out and did not
	unsigned n_stage, n_figure;
	struct {
		const char *name;
		double ticks;
	} stage[PL_STAGES_MAX];
	struct { // what only some cases have
		const char *name, *unit;
		double value;
	} figure[BENCH_FIGURES];
};

struct bench_options {
	const char *name, *compare;
	uint32_t flows, rules, repeats;
	uint8_t family;
	uint16_t frame;
	bool json, frame_set, no_cache, software;
};

struct bench_case {
	const char *name;
	const char *csit; // FD.io CSIT's name for the nearest thing; NULL: none
	enum bench_policy policy;
	bool wants_rules;
	// 0 or -errno. The rig is up and has seen no packet.
	int (*measure)(struct bench_rig *r, const struct bench_options *o,
		       struct bench_result *out);
	bool full; // of a table with room for the flows and no more
};
extern const struct bench_case bench_cases[]; // bench_case.c; the last one has no name

void bench_figure(struct bench_result *out, const char *name, const char *unit, double value);
// Sorts ticks and takes minimum and median of them.
void bench_summary(struct bench_result *out, uint64_t *ticks, uint32_t n);
uint32_t bench_next_flow(struct bench_rig *r, uint32_t i, void *arg); // arg: uint32_t, counts up

// Which cores this process may use, before EAL ties its threads to some of them.
void bench_cores_note(void);
int bench_latency(struct bench_rig *r, const struct bench_options *o, struct bench_result *out);
int bench_reload(struct bench_rig *r, const struct bench_options *o, struct bench_result *out);
int bench_counters(struct bench_rig *r, const struct bench_options *o, struct bench_result *out);
int bench_expiry(struct bench_rig *r, const struct bench_options *o, struct bench_result *out);
int bench_nat_exhaustion(struct bench_rig *r, const struct bench_options *o,
			 struct bench_result *out);
int bench_table_full(struct bench_rig *r, const struct bench_options *o, struct bench_result *out);

// One result: a line of JSON, or a table's.
void bench_print(const struct bench_case *c, const struct bench_shape *s,
		 const struct bench_result *res, const struct bench_options *o);
// What got slower since `file`, a former --json output, on standard error: 1 where something did.
int bench_compare(const char *file, const struct bench_case *c, const struct bench_shape *s,
		  const struct bench_result *res);
// The policy of a shape, also for one with other rules. 0 or -ENOMEM.
int bench_policy_build(struct cfg_policy **out, const struct bench_shape *s);
