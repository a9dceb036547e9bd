#pragma once
// Message rings between the tables of all workers, for the files of this room only: one pair of
// rings for each ordered pair of workers, each with one writer and one reader. Questions and what
// needs no answer go through `ask`; answers through a ring of their own, which always has room for
// them: nobody has more questions open than it holds.
#include <stdatomic.h>

#include "conntrack/ct_key.h"

#define CT_LINK_SIZE 1024 // messages; a power of two

enum ct_msg_op {
	CT_M_ANNOUNCE, // an expectation's key
	CT_M_RESERVE,  // may a flow of mine have this tuple? Your redirect for it, if so
	CT_M_LIFT,     // one flow less (or expectation) that has it
	CT_M_GRANT,    // yes; answers
	CT_M_DENY,     // no
};

struct ct_msg {
	struct ct_key key; // of a flow's packets in one direction, or of an expectation
	uint32_t ticket;   // of the packet that waits (pipeline/park.h); comes back with the answer
	uint8_t op;	   // enum ct_msg_op
	uint8_t dir;	   // enum ct_dir: which of its tuples the key is
};

struct ct_ring {
	_Atomic uint32_t head __rte_cache_aligned; // writer's
	_Atomic uint32_t tail __rte_cache_aligned; // reader's
	struct ct_msg msg[CT_LINK_SIZE] __rte_cache_aligned;
};

struct ct_links { // of all workers; freed with the last table
	_Atomic unsigned users;
	unsigned n;
	size_t size;
	struct {
		struct ct_ring ask, answer;
	} pair[]; // [from * n + to]
};

// How many messages there is room for. Writer.
static inline uint32_t
ct_ring_room(struct ct_ring *r)
{
	return CT_LINK_SIZE - (atomic_load_explicit(&r->head, memory_order_relaxed) -
			       atomic_load_explicit(&r->tail, memory_order_acquire));
}

// False: no room. Writer.
static inline bool
ct_ring_put(struct ct_ring *r, const struct ct_msg *m)
{
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (ct_ring_room(r) == 0)
		return false;
	r->msg[head % CT_LINK_SIZE] = *m;
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
}

// The first message, which stays there until ct_ring_next(); NULL: none. Reader.
static inline const struct ct_msg *
ct_ring_first(struct ct_ring *r)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail == atomic_load_explicit(&r->head, memory_order_acquire))
		return NULL;
	return &r->msg[tail % CT_LINK_SIZE];
}

static inline void
ct_ring_next(struct ct_ring *r)
{
	uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
}
