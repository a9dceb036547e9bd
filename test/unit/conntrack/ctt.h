#pragma once
// What the tests of conntrack share: workers that run the real stages (parse, steer, look-up, a
// filter that the test sets, confirm) and note what each packet was called.
#include "conntrack/ct_table.h"
#include "test/lib/tl.h"

#define CTT_SEEN 256

struct ctt_seen {
	uint8_t state, dir, status, worker;
	uint16_t flags;
	uint32_t hash;
	struct ct_entry *ct;
};

struct ctt {
	struct pl_worker *w[8];
	unsigned n;
	bool (*drop)(struct pl_worker *w, const struct pl_pkt *p); // the filter; NULL lets all pass
	void (*between)(struct pl_worker *w, struct pl_pkt *p); // after the look-up; NULL: nothing
	const struct cfg_t_ct *ct_rule; // what raw says of every packet; NULL: nothing
	const struct cfg_t_ct *(*raw)(const struct pl_pkt *p); // the same for each; NULL: ct_rule
	struct ctt_seen seen[CTT_SEEN];
	unsigned n_seen;
	struct ct_conf conf; // the kernel's defaults after ctt_start()
};
extern struct ctt ctt;

// Component tests: reassembly, and what a worker needs for it. Kept over ctt_start() and
// ctt_stop().
extern const struct pl_stage *ctt_defrag;
extern void (*ctt_on_start)(struct pl_worker *w), (*ctt_on_stop)(struct pl_worker *w);

// n workers with tables of max flows each, clock at 1 s. Frees the ones before.
void ctt_start(unsigned n, uint32_t max);
void ctt_stop(void);
// From now on until ctt_stop(): the way of a policy whose raw puts packets into zones.
void ctt_zones(void);
// Feeds frames as one burst to worker i, and ends the turn (all workers' turns until nothing
// moves).
void ctt_feed(unsigned i, struct rte_mbuf **m, unsigned n);
void ctt_turns(void);
// One packet through worker 0; what it was called (enum pl_ct_state), 0 where it was dropped before
// the end.
uint8_t ctt_one(const struct tl_spec *s);
uint8_t ctt_frame(struct rte_mbuf *m);
void ctt_advance_ms(uint64_t ms);
// All flows, at most max.
unsigned ctt_dump(unsigned i, struct ct_flow *out, unsigned max);
