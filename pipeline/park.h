#pragma once
// Packets that wait for another worker's word before they go on (conntrack asks whether a tuple is
// free: docs/decisions/0303-redirects.md). A parked packet is a copy of its struct pl_pkt and the
// stage at which it enters again. Packets of the same flow that come meanwhile stand behind it, in
// order. Places are few and a wait is short: who finds no place is dropped (PARK_FULL), and so is
// who waited for PL_PARK_NS (PARK_LATE), with all that stands behind it.
//
// A parked packet points into the program and the network table, and so its worker keeps its
// program and passes no quiescent state meanwhile. Where control waits for that, the worker takes
// nothing in until the last one has gone on.
//
// Only with several workers; the worker's own thread.
#include "pipeline/worker.h"

#define PL_PARK_PLACES 512
#define PL_PARK_NS     50000000

// The packet's wait is over, however it ended; called before it goes on or is dropped. 0, or a drop
// reason + 1.
typedef int (*pl_park_leave)(struct pl_worker *w, struct pl_pkt *p);

int pl_park_create(struct pl_worker *w); // 0 or -ENOMEM
void pl_park_free(struct pl_worker *w);	 // with the packets that still wait

// p leaves the burst until pl_park_answer() was called `answers` times with the ticket, which is
// returned. 0: no place; p stays.
uint32_t pl_park(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p, unsigned answers,
		 pl_park_leave leave);
// Does a packet with this steering hash wait? The ticket of the first one, 0: none.
uint32_t pl_park_find(const struct pl_worker *w, uint32_t hash);
// p stands behind it, to enter the running stage again. Dropped where there is no place.
void pl_park_behind(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p, uint32_t ticket);
// The packet that waits with this ticket; NULL: none does any more.
struct pl_pkt *pl_parked(const struct pl_worker *w, uint32_t ticket);
void pl_park_answer(struct pl_worker *w, uint32_t ticket); // one that waits
// Those that have their answers go on, then what stood behind them; those that are late are
// dropped. Between two bursts.
void pl_park_turn(struct pl_worker *w);
// Once per turn while packets wait: does control wait for this worker?
void pl_park_hold(struct pl_worker *w);
