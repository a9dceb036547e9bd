#pragma once
// A burst: up to 64 packets that move through the stages together. A stage loops over the packets
// that are still on their way with PL_FOREACH; it ends a packet with pl_drop() or pl_take(), and
// the worker closes the gaps between two stages.
#include "pipeline/ahead.h"
#include "pipeline/pkt.h"

#define PL_BURST  64
#define PL_COPIES (4 * PL_BURST) // packets that one stage may have copied

struct pl_burst {
	struct pl_pkt *live[PL_BURST]; // in order of arrival
	uint16_t n;		       // of live
	uint16_t ended;		       // how many of live[] ended in this stage
	uint16_t stage;		       // index of the running stage in the program
	uint16_t used;		       // of pkt
	bool wire;    // as they were received on a port: nothing in pkt but m, in_port
	bool plain;   // since parsed: all are plain, and their look-ups have begun (look)
	bool checked; // and the ports found their L4 checksums right
	uint16_t n_known;
	struct pl_pkt
		*known[PL_BURST]; // packets that left live[] for the short way (pipeline/way.h)
	struct pl_pkt pkt[PL_BURST];
	struct pl_look look[PL_BURST]; // of pkt, in the same order
} __rte_cache_aligned;

static inline struct pl_look *
pl_look_of(struct pl_burst *b, const struct pl_pkt *p)
{
	return &b->look[p - b->pkt];
}

// p runs over the packets that had not ended before this stage.
#define PL_FOREACH(p, b)                                                                           \
	for (uint16_t pl_i_ = 0; pl_i_ < (b)->n && ((p) = (b)->live[pl_i_], 1); pl_i_++)           \
		if ((p)->m != NULL)
