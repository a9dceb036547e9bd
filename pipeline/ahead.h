#pragma once
// Asking memory early for what a look-up will need. The table of a worker's flows is larger than
// any cache, and a core can wait for some twenty lines at once only: so the line of the index that
// a packet's look-up begins with is asked for where the packet is parsed (net/input.c), many
// packets before it is looked at (conntrack/ct_known.c). The room that has the table says where its
// lines are and by which hash they are found; this is the hash.
#include <netinet/in.h>

#include <rte_prefetch.h>

#include "pipeline/pkt.h"

// Lines are asked for so many at a time, in a loop of nothing else: where the address of one is not
// in the translation look-aside buffer, the core goes on with little more until the page tables
// were walked, but walks that begin close together go side by side.
#define PL_AHEAD_AT_ONCE 16
#define PL_AHEAD_SEEDS	 5
#define PL_AHEAD_LINE	 64 // bytes

struct pl_ahead {
	uint64_t seed[PL_AHEAD_SEEDS]; // secret, so that nobody outside can aim at one line
	const char *line;	       // n of them
	uint32_t n;
};

// What is known of a packet's look-up.
struct pl_look {
	uint64_t hash;
	const void *line;
};

// Both halves of the 128-bit product, folded: every input bit reaches every output bit.
static inline uint64_t
pl_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

// All of a tuple but its addresses, in one word.
static inline uint64_t
pl_tuple_tail(rte_be16_t sport, rte_be16_t dport, uint16_t zone, uint8_t family, uint8_t proto)
{
	return sport | (uint32_t)dport << 16 | (uint64_t)zone << 32 | (uint64_t)family << 48 |
	       (uint64_t)proto << 56;
}

static __rte_always_inline uint64_t
pl_tuple_hash(const uint64_t seed[PL_AHEAD_SEEDS], uint8_t family, const union pl_addr *src,
	      const union pl_addr *dst, uint64_t tail)
{
	uint64_t h;

	if (family == 4)
		h = (uint64_t)src->v4 << 32 | dst->v4;
	else
		h = pl_mix(src->u64[0] ^ seed[0], src->u64[1] ^ seed[1]) ^
		    pl_mix(dst->u64[0] ^ seed[2], dst->u64[1] ^ seed[3]);
	return pl_mix(pl_mix(h ^ seed[3], tail ^ seed[4]), seed[1] | 1);
}

static __rte_always_inline const void *
pl_ahead_line(const struct pl_ahead *a, uint64_t hash)
{
	return a->line + ((uint64_t)(uint32_t)hash * a->n >> 32) * PL_AHEAD_LINE;
}

// Which line p's look-up begins with; zone 0. It is not asked for here. family: p's, as a constant
// where it is known.
static __rte_always_inline void
pl_look_begin(const struct pl_ahead *a, const struct pl_pkt *p, uint8_t family,
	      struct pl_look *look)
{
	look->hash = pl_tuple_hash(a->seed, family, &p->src, &p->dst,
				   pl_tuple_tail(p->sport, p->dport, 0, family, p->proto));
	look->line = pl_ahead_line(a, look->hash);
}
