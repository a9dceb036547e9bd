#pragma once
// What the acl measuring programs share: EAL with a heap of their choice, one worker, frames, and
// the walk of a burst with the clock around it.
#include "acl/acl_int.h"
#include "pipeline/worker.h"

struct ground {
	struct pl_worker *w;
	struct rte_mempool *pool;
	struct rte_mbuf *buf[PL_BURST];
};

void ground_init(struct ground *g, const char *mem_mb); // aborts on failure
size_t ground_heap(void);				// bytes taken from the EAL heap
double ground_seconds(void);				// of CPU time: the machine may be busy
uint64_t ground_env(const char *name, uint64_t otherwise);

struct ground_tuple {
	uint8_t family, proto;
	uint16_t sport, dport;
	union pl_addr src, dst;
};
// Fills packet i (of PL_BURST) with a parsed frame of the tuple, on its way through FORWARD from
// port 0 to 1.
void ground_packet(struct ground *g, unsigned i, const struct ground_tuple *t, struct pl_pkt *out);

// All packets through the point of the policy; note and pkt are what comes out. Returns TSC ticks
// of the stage.
uint64_t ground_run(struct ground *g, const struct acl_policy *p, enum acl_point point,
		    const struct pl_pkt *in, struct pl_note *note, struct pl_pkt *out);

struct ground_ticks {
	double min, median;
};
// Ticks per packet of the point over n packets, in bursts, `rounds` times.
struct ground_ticks ground_measure(struct ground *g, const struct acl_policy *p,
				   enum acl_point point, const struct ground_tuple *t, unsigned n,
				   unsigned rounds);
