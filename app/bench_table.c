// The bench's cases about the flow table: how much the end of a flow costs, and what a full table
// does to the flows that are known. Called through the list in bench_case.c, on the main thread,
// with a fresh gateway.
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "app/bench.h"
#include "conntrack/ct.h"

#define UDP_TIMEOUT_NS 30000000000ull // of a half-open UDP flow

// Half-open flows until `flows` of them were tried, from number `from` on.
static void
half_open(struct bench_rig *r, uint32_t from, uint32_t flows)
{
	while (flows > 0) {
		uint32_t n = RTE_MIN(flows, (uint32_t)BENCH_BATCH), next = from;

		bench_prepare(r, n, bench_next_flow, &next, false);
		bench_run(r);
		from += n;
		flows -= n;
	}
}

// One turn of a worker that receives nothing.
static uint64_t
empty_turn(struct bench_rig *r)
{
	uint64_t began = rte_rdtsc();

	r->w->now_ns = r->base_ns + (uint64_t)((double)began * r->ns_per_tick);
	r->w->prog = pl_program_current();
	pl_worker_turn(r->w);
	return rte_rdtsc() - began;
}

// All flows are past their time: turns without packets until the last one is gone.
int
bench_expiry(struct bench_rig *r, const struct bench_options *o, struct bench_result *out)
{
	uint64_t *ticks = calloc(o->repeats, sizeof(*ticks));
	uint64_t longest = 0;
	uint32_t repeats = RTE_MAX(1u, RTE_MIN(o->repeats, 5000000 / r->shape.flows));

	if (ticks == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < repeats; i++) {
		uint64_t sum = 0;
		uint32_t n;

		half_open(r, i * r->shape.flows, r->shape.flows);
		n = ct_table_count(r->w->ct);
		r->base_ns += UDP_TIMEOUT_NS + 1000000000ull;
		while (ct_table_count(r->w->ct) != 0) {
			uint64_t turn = empty_turn(r);

			sum += turn;
			longest = RTE_MAX(longest, turn);
		}
		ticks[i] = (sum + n - 1) / n;
	}
	bench_summary(out, ticks, repeats);
	bench_figure(out, "longest_turn", "us", (double)longest * 1e6 / (double)rte_get_tsc_hz());
	free(ticks);
	return 0;
}

#define KNOWN 1024 // established flows beside the flood

// Every second packet belongs to one of the known flows, the others are a flood of new ones.
struct mix {
	uint32_t flood;
};

static uint32_t
mixed_flow(struct bench_rig *r, uint32_t i, void *arg)
{
	struct mix *m = arg;

	return i % 2 == 0 ? bench_random_flow(r, i, NULL) % KNOWN : m->flood++;
}

int
bench_table_full(struct bench_rig *r, const struct bench_options *o, struct bench_result *out)
{
	uint64_t *ticks = calloc(o->repeats, sizeof(*ticks));
	uint32_t all = r->shape.flows, room = ct_table_max(r->w->ct);
	struct mix mix = {.flood = 1u << 22};
	uint64_t before, known = 0, created;

	if (ticks == NULL)
		return -ENOMEM;
	r->shape.flows = KNOWN;
	bench_establish(r);
	r->base_ns += 3000000000ull; // a UDP flow is assured once it has been a stream for a while
	bench_establish(r);
	r->shape.flows = all;
	half_open(r, KNOWN, room);
	created = ct_table_stats(r->w->ct)->created;
	for (uint32_t i = 0; i < o->repeats; i++) {
		bench_prepare(r, BENCH_BATCH, mixed_flow, &mix, false);
		before = r->sent;
		ticks[i] = (bench_run(r) + BENCH_BATCH - 1) / BENCH_BATCH;
		known += r->sent - before;
	}
	created = ct_table_stats(r->w->ct)->created - created;
	// What came out and is no new flow's packet is a known flow's.
	known -= RTE_MIN(known, created);
	out->lost = (uint64_t)o->repeats * (BENCH_BATCH / 2) - known;
	bench_summary(out, ticks, o->repeats);
	bench_figure(out, "table_size", "flows", room);
	bench_figure(out, "new_flows", "let in", (double)created);
	bench_figure(out, "early_drops", "flows", (double)ct_table_stats(r->w->ct)->early_drop);
	free(ticks);
	return 0;
}
