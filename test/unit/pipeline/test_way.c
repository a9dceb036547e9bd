// The verdict cache's ways: sharing, counting, eviction, forgetting.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "pipeline/way.h"
#include "test/lib/tl.h"

static struct pl_worker *w;
static struct pl_program prog[2];
static struct pl_counter counter[PL_WAY_CREDITS + 2];

static void
ground(void)
{
	tl_init();
	tl_workers(&w, 1);
	cr_assert(eq(int, pl_ways_create(&w->ways, SOCKET_ID_ANY), 0));
	w->prog = &prog[0];
	pl_ways_check(w);
	memset(counter, 0, sizeof(counter));
}

// A packet that was credited to n counters from the first one on and leaves by next_hop.
static uint32_t
learn(uint32_t next_hop, unsigned n, bool broken)
{
	struct pl_pkt p = {.next_hop = next_hop, .in_port = 1, .out_port = 2};
	uint32_t slot = 0;

	pl_records_new(w->ways);
	pl_record_start(w->ways, &p, &slot);
	for (unsigned i = 0; i < n; i++)
		pl_record_credit(&p, &counter[i]);
	if (broken)
		pl_record_break(&p);
	pl_way_learn(w, &p, 1500);
	return slot;
}

static bool
holds(uint32_t id)
{
	return pl_way_at(w->ways, id)->id == id;
}

static void
use(uint32_t id, uint64_t bytes)
{
	struct pl_way *way = pl_way_at(w->ways, id);

	way->packets++;
	way->bytes += bytes;
}

Test(pipeline_way, a_flow_without_a_way_has_none)
{
	ground();
	cr_expect(not(holds(0)));
}

Test(pipeline_way, equal_ones_are_shared)
{
	uint32_t a, b;

	ground();
	a = learn(7, 2, false);
	b = learn(7, 2, false);
	cr_expect(eq(u32, a, b));
	cr_expect(holds(a));
	cr_expect(ne(u32, learn(8, 2, false), a), "another next hop");
	cr_expect(ne(u32, learn(7, 1, false), a), "other rules");
	cr_expect(eq(u32, pl_way_at(w->ways, a)->next_hop, 7));
}

Test(pipeline_way, counts_reach_the_rules_when_settled)
{
	uint32_t a;

	ground();
	a = learn(7, 2, false);
	use(a, 100);
	use(a, 60);
	cr_expect(eq(u64, counter[0].packets, 0));
	pl_ways_settle(w->ways);
	pl_ways_settle(w->ways);
	for (unsigned i = 0; i < 2; i++) {
		cr_expect(eq(u64, counter[i].packets, 2));
		cr_expect(eq(u64, counter[i].bytes, 160));
	}
	cr_expect(eq(u64, counter[2].packets, 0));
	cr_expect(holds(a));
}

Test(pipeline_way, the_world_and_the_program_end_them)
{
	uint32_t a, b;

	ground();
	a = learn(7, 1, false);
	use(a, 100);
	pl_ways_check(w);
	cr_expect(holds(a), "nothing has changed");
	pl_world_changed();
	pl_ways_check(w);
	cr_expect(not(holds(a)));
	cr_expect(eq(u64, counter[0].packets, 1), "what it counted is not lost");
	b = learn(7, 1, false);
	cr_expect(ne(u32, a, b), "numbers are never used twice");
	w->prog = &prog[1];
	pl_ways_check(w);
	cr_expect(not(holds(b)));
}

Test(pipeline_way, the_oldest_makes_room)
{
	uint32_t first, last = 0;

	ground();
	first = learn(1, 1, false);
	use(first, 10);
	for (uint32_t i = 2; i < 3 * PL_WAYS; i++)
		last = learn(i, 1, false);
	cr_expect(not(holds(first)));
	cr_expect(holds(last));
	cr_expect(not(holds(0)));
	cr_expect(eq(u64, counter[0].packets, 1));
	cr_expect(eq(u32, learn(3 * PL_WAYS - 1, 1, false), last), "still found");
}

Test(pipeline_way, what_varies_is_not_kept)
{
	uint32_t a, b;

	ground();
	a = learn(7, 1, true);
	b = learn(9, 2, true);
	cr_expect(eq(u32, a, b), "one for all of them");
	cr_expect(pl_way_at(w->ways, a)->whole);
	cr_expect(eq(u32, learn(7, PL_WAY_CREDITS + 1, false), a), "too many rules");
	cr_expect(not(pl_way_at(w->ways, learn(7, PL_WAY_CREDITS, false))->whole));
	pl_world_changed();
	pl_ways_check(w);
	cr_expect(not(holds(a)), "tried again in another world");
}
