// Flows counted by the source of their original direction, for the policy's max_per_source: a hash
// table of addresses beside the flows, open addressing with a secret seed, at most half full
// because there are no more sources than flows. Only flows that are born under such a limit are in
// it (they have CT_I_SOURCED), so without one it costs a test at birth and end, and no memory.
// Owner's thread.
#include "conntrack/ct_source.h"

#include <errno.h>

#include "pipeline/mem.h"
#include "conntrack/ct_table.h"

struct ct_source {
	union pl_addr addr;
	uint32_t count; // 0: the slot is free
	uint32_t family;
};

int
ct_sources_init(struct ct_sources *s, uint32_t max)
{
	uint32_t n = rte_align32pow2(max < 8 ? 16 : 2 * max);

	s->slot = pl_mem_map((size_t)n * sizeof(*s->slot));
	s->mask = n - 1;
	return s->slot != NULL ? 0 : -ENOMEM;
}

void
ct_sources_fini(struct ct_sources *s)
{
	pl_mem_unmap(s->slot, ((size_t)s->mask + 1) * sizeof(*s->slot));
}

static uint32_t
home_of(const struct ct_table *t, const union pl_addr *addr, uint8_t family)
{
	static const union pl_addr none;

	return (uint32_t)ct_hash(&t->seeds, family, addr, &none, family) & t->sources.mask;
}

// The address's slot, or the free one where it would stand.
static uint32_t
place_of(const struct ct_table *t, const union pl_addr *addr, uint8_t family)
{
	const struct ct_source *slot = t->sources.slot;
	uint32_t i = home_of(t, addr, family);

	while (slot[i].count != 0 &&
	       (slot[i].family != family || slot[i].addr.u64[0] != addr->u64[0] ||
		slot[i].addr.u64[1] != addr->u64[1]))
		i = (i + 1) & t->sources.mask;
	return i;
}

bool
ct_source_full(const struct ct_table *t, const struct ct_key *orig)
{
	return t->sources.slot[place_of(t, &orig->src, orig->family)].count >= t->source_limit;
}

void
ct_source_take(struct ct_table *t, struct ct_entry *e)
{
	struct ct_source *s;
	struct ct_key k;

	ct_entry_key(e, CT_ORIGINAL, &k);
	s = &t->sources.slot[place_of(t, &k.src, k.family)];
	s->addr = k.src;
	s->family = k.family;
	s->count++;
	e->status |= CT_I_SOURCED;
}

// Those behind a slot that came free move up where it is on their way from home.
static void
close_gap(struct ct_table *t, uint32_t gap)
{
	struct ct_source *slot = t->sources.slot;
	const uint32_t mask = t->sources.mask;

	for (uint32_t i = (gap + 1) & mask; slot[i].count != 0; i = (i + 1) & mask) {
		uint32_t home = home_of(t, &slot[i].addr, (uint8_t)slot[i].family);

		if (((i - home) & mask) < ((i - gap) & mask))
			continue;
		slot[gap] = slot[i];
		slot[i].count = 0;
		gap = i;
	}
}

void
ct_source_give(struct ct_table *t, struct ct_entry *e)
{
	struct ct_key k;
	uint32_t i;

	ct_entry_key(e, CT_ORIGINAL, &k);
	i = place_of(t, &k.src, k.family);
	e->status &= (uint16_t)~CT_I_SOURCED;
	if (--t->sources.slot[i].count == 0)
		close_gap(t, i);
}
