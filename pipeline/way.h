#pragma once
// The verdict cache of one worker (DESIGN.md section 4). A way is what packets of known flows met
// between the first look-up and transmit, with nothing in it that only one of them has: which rules
// and policies were credited, where they left, and what their notes say. A flow keeps the number of
// a way for each of its directions, many flows share one, and a packet whose flow knows its way
// goes the short way: no rules, no route. How much a way is used is counted in the way and credited
// to the rules' counters before anybody reads them (pl_ways_settle).
//
// A way holds as long as the program, routes, neighbours and ports stay what they were when it was
// learned. Whoever changes one of the latter calls pl_world_changed(), and each worker forgets all
// its ways before its next burst, as it does where the program is another one. A flow may keep a
// number that is long forgotten: it is given out again after four thousand million others only, and
// until then whoever keeps numbers has come by and dropped those that no longer stand for a way.
//
// All of this is the worker's own thread's, but for creation, freeing, and pl_world_changed().
#include <stdatomic.h>

#include "pipeline/note.h"
#include "pipeline/worker.h"

#define PL_WAYS	       4096 // of one worker; power of two
#define PL_WAY_CREDITS 32   // counters that one way credits; a longer one is not kept

struct pl_counter {
	uint64_t packets, bytes; // one writer, relaxed readers
};

static inline void
pl_counter_add(struct pl_counter *c, uint64_t packets, uint64_t bytes)
{
	__atomic_store_n(&c->packets, c->packets + packets, __ATOMIC_RELAXED);
	__atomic_store_n(&c->bytes, c->bytes + bytes, __ATOMIC_RELAXED);
}

struct pl_way {	     // what every packet needs
	uint32_t id; // that flows keep; its low bits are this place
	uint32_t next_hop;
	uint64_t packets; // used since it was settled, and bytes
	uint16_t mtu; // of out_port and the packet's family: the longest IP packet that may take it
	uint8_t in_port, out_port;
	bool whole; // packets of flows that keep it go the whole way; mtu is then 0
	uint64_t bytes;
} __rte_cache_aligned;

// What a packet meets on the whole way, while it is being learned. p->rec points at one; who finds
// that the packet's state is not that of the flow's next ones sets p->rec to NULL.
struct pl_record {
	bool broken;	// something that the flow's next packet may not meet
	uint32_t *slot; // where the flow keeps the number
	struct pl_note note;
	uint32_t n;
	struct pl_counter *credit[PL_WAY_CREDITS];
};

struct pl_way_cold {
	struct pl_note note;
	uint32_t hash, next; // chain of equal hashes, by place; 0: end
	uint32_t n;
	struct pl_counter *credit[PL_WAY_CREDITS];
};

struct pl_ways {
	struct pl_way way[PL_WAYS]; // [0] is never used
	struct pl_way_cold cold[PL_WAYS];
	uint32_t bucket[PL_WAYS];
	uint32_t last;		       // number given last
	bool round;		       // all places were taken once
	unsigned whole;		       // place of the one of that sort; 0: none
	uint64_t world;		       // what pl_world was when they were learned
	const struct pl_program *prog; // under which they were
	struct pl_record rec[PL_BURST];
	unsigned n_rec;
};

// 0 or -ENOMEM.
int pl_ways_create(struct pl_ways **out, int socket);
void pl_ways_free(struct pl_ways *ws); // NULL is fine; what was not settled is lost

// Something that ways depend on is now another. Any thread, after the change can be seen.
void pl_world_changed(void);
extern _Atomic uint64_t pl_world;

// The way with that number, or what has taken its place: the caller compares the number.
static inline struct pl_way *
pl_way_at(struct pl_ways *ws, uint32_t id)
{
	return &ws->way[id & (PL_WAYS - 1)];
}

// Does the number stand for a way?
static inline bool
pl_way_holds(struct pl_ways *ws, uint32_t id)
{
	return pl_way_at(ws, id)->id == id;
}

// A record for p, whose flow keeps the number in *slot. At most one for each packet of a burst, of
// which pl_records_new() begins a new one.
void pl_record_start(struct pl_ways *ws, struct pl_pkt *p, uint32_t *slot);
static inline void
pl_records_new(struct pl_ways *ws)
{
	ws->n_rec = 0;
}

// p was credited to c.
static inline void
pl_record_credit(struct pl_pkt *p, struct pl_counter *c)
{
	struct pl_record *r = p->rec;

	if (likely(r == NULL))
		return;
	if (r->n == PL_WAY_CREDITS)
		r->broken = true;
	else
		r->credit[r->n++] = c;
}

// p met something that its flow's next packet may not meet: these go the whole way, unrecorded, for
// as long as a way would hold.
static inline void
pl_record_break(struct pl_pkt *p)
{
	if (p->rec != NULL)
		p->rec->broken = true;
}

// The packet leaves as the record says, on p->out_port by p->next_hop: from now on its flow knows
// the way.
void pl_way_learn(struct pl_worker *w, const struct pl_pkt *p, uint16_t mtu);
// What the whole way would have noted before transmit.
void pl_way_note(const struct pl_ways *ws, const struct pl_way *way, struct pl_note *note);
// Credits what was counted in the ways. Before the counters are read.
void pl_ways_settle(struct pl_ways *ws);
// The same, and no way holds any longer. Also before a policy's counters are freed.
void pl_ways_forget(struct pl_worker *w);

// Before each burst.
static inline void
pl_ways_check(struct pl_worker *w)
{
	if (unlikely(w->ways->world != atomic_load_explicit(&pl_world, memory_order_acquire) ||
		     w->ways->prog != w->prog))
		pl_ways_forget(w);
}
