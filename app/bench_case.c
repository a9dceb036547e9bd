// The cases of `ringwall bench` that count ticks per packet, connections and bytes, and the list of
// all cases. Times are TSC ticks per packet through the daemon's loop: the turn, every stage,
// buffers for transmit. What stands for the NIC's driver (bench_rig.c) is excluded. The machine is
// shared, so minimum and median of repeated batches are given. One thread.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "app/bench.h"
#include "conntrack/ct.h"

// ---- stages
// -------------------------------------------------------------------------------------------------

// Stands in front of a real stage in a copy of the program and adds up its ticks.
struct timed {
	const struct pl_stage *stage;
	const void *conf;
	uint64_t ticks;
};

static void
timed_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct timed *t = (struct timed *)(uintptr_t)conf;
	uint64_t began = rte_rdtsc();

	t->stage->run(w, t->conf, b);
	t->ticks += rte_rdtsc() - began;
}

static const struct pl_stage timed_stage = {"timed", timed_run, NULL};

#define ROUNDS 8 // batches in one measurement

// Ticks of ROUNDS batches.
static uint64_t
run_rounds(struct bench_rig *r, bench_flow_fn flow, void *arg)
{
	uint64_t ticks = 0;

	for (unsigned i = 0; i < ROUNDS; i++) {
		bench_prepare(r, BENCH_BATCH, flow, arg, false);
		ticks += bench_run(r);
	}
	return ticks;
}

static uint64_t
per_packet(uint64_t ticks)
{
	return (ticks + ROUNDS * BENCH_BATCH - 1) / (ROUNDS * BENCH_BATCH);
}

// The stages of the fastest of the repeats: what else the machine does would stand in one of them.
static void
measure_stages(struct bench_rig *r, const struct bench_options *o, struct bench_result *out)
{
	const struct pl_program *real = pl_program_current();
	struct pl_program prog = *real;
	struct timed timed[PL_STAGES_MAX];
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < prog.n_stage; i++) {
		timed[i] = (struct timed){.stage = real->step[i].stage, .conf = real->step[i].conf};
		out->stage[i].name = timed[i].stage->name;
		prog.step[i].stage = &timed_stage;
		prog.step[i].conf = &timed[i];
	}
	out->n_stage = prog.n_stage;
	pl_program_publish(&prog, NULL);
	bench_visit(r); // a flow's verdict is remembered for one program
	for (uint32_t n = 0; n < o->repeats; n++) {
		uint64_t ticks;

		for (unsigned i = 0; i < prog.n_stage; i++)
			timed[i].ticks = 0;
		ticks = run_rounds(r, bench_random_flow, NULL);
		if (ticks >= best)
			continue;
		best = ticks;
		for (unsigned i = 0; i < prog.n_stage; i++)
			out->stage[i].ticks = (double)timed[i].ticks / (ROUNDS * BENCH_BATCH);
	}
	pl_program_publish(real, NULL);
}

// ---- cases
// --------------------------------------------------------------------------------------------------

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void
bench_summary(struct bench_result *out, uint64_t *ticks, uint32_t n)
{
	qsort(ticks, n, sizeof(*ticks), by_value);
	out->min = ticks[0];
	out->median = ticks[n / 2];
}

void
bench_figure(struct bench_result *out, const char *name, const char *unit, double value)
{
	if (out->n_figure < BENCH_FIGURES) {
		out->figure[out->n_figure].name = name;
		out->figure[out->n_figure].unit = unit;
		out->figure[out->n_figure++].value = value;
	}
}

// Known flows visited at random.
static int
measure_established(struct bench_rig *r, const struct bench_options *o, struct bench_result *out)
{
	uint64_t *ticks = calloc(o->repeats, sizeof(*ticks));
	uint64_t before;

	if (ticks == NULL)
		return -ENOMEM;
	out->lost = bench_establish(r);
	for (uint32_t i = 0; i < 3; i++) // warm-up
		run_rounds(r, bench_random_flow, NULL);
	before = r->sent;
	for (uint32_t i = 0; i < o->repeats; i++)
		ticks[i] = per_packet(run_rounds(r, bench_random_flow, NULL));
	out->lost += (uint64_t)o->repeats * ROUNDS * BENCH_BATCH - (r->sent - before);
	bench_summary(out, ticks, o->repeats);
	free(ticks);
	measure_stages(r, o, out);
	return 0;
}

uint32_t
bench_next_flow(struct bench_rig *r, uint32_t i, void *arg)
{
	(void)r;
	(void)i;
	return (*(uint32_t *)arg)++;
}

// First packets of flows that were never seen, while as many old ones expire.
static int
measure_new(struct bench_rig *r, const struct bench_options *o, struct bench_result *out)
{
	uint64_t *ticks = calloc(o->repeats, sizeof(*ticks));
	uint32_t flow = r->shape.flows;
	uint64_t step_ns = 30000000000ull / r->shape.flows * ROUNDS *
			   BENCH_BATCH; // udp_timeout over the live flows
	uint64_t before;

	if (ticks == NULL)
		return -ENOMEM;
	// The live ones, half-open, spread evenly over the timeout.
	for (uint32_t f = 0; f < r->shape.flows; f += ROUNDS * BENCH_BATCH) {
		uint32_t live = f;

		run_rounds(r, bench_next_flow, &live);
		r->base_ns += step_ns;
	}
	before = r->sent;
	for (uint32_t i = 0; i < o->repeats; i++) {
		ticks[i] = per_packet(run_rounds(r, bench_next_flow, &flow));
		r->base_ns += step_ns;
	}
	out->lost = (uint64_t)o->repeats * ROUNDS * BENCH_BATCH - (r->sent - before);
	bench_summary(out, ticks, o->repeats);
	out->per_second = (double)rte_get_tsc_hz() / (double)out->median;
	free(ticks);
	return 0;
}

// Resident bytes of this process.
static uint64_t
resident(void)
{
	unsigned long size = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f != NULL) {
		if (fscanf(f, "%lu %lu", &size, &pages) != 2)
			pages = 0;
		fclose(f);
	}
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int
measure_memory(struct bench_rig *r, const struct bench_options *o, struct bench_result *out)
{
	uint32_t from = 0, before_n = ct_table_count(r->w->ct);
	uint64_t before = resident();

	(void)o;
	for (uint32_t f = 0; f < r->shape.flows; f += BENCH_BATCH) {
		bench_prepare(r, RTE_MIN(r->shape.flows - f, (uint32_t)BENCH_BATCH),
			      bench_next_flow, &from, false);
		bench_run(r);
	}
	out->bytes_per_flow =
		(double)(resident() - before) / (double)(ct_table_count(r->w->ct) - before_n);
	return 0;
}

const struct bench_case bench_cases[] = {
	{"forward", "ethip4-ip4base", BENCH_FORWARD, false, measure_established},
	{"filter", "ethip4udp-ip4base-iacl-stateless", BENCH_FILTER, true, measure_established},
	{"conntrack", NULL, BENCH_CONNTRACK, false, measure_established},
	{"conntrack-rules", "ethip4udp-ip4base-iacl-stateful", BENCH_CT_RULES, true,
	 measure_established},
	{"masquerade", "ethip4udp-nat44ed", BENCH_MASQ, false, measure_established},
	{"masquerade-rules", NULL, BENCH_MASQ_RULES, true, measure_established},
	{"new-connections", "ethip4udp-nat44ed-cps", BENCH_MASQ_RULES, true, measure_new},
	{"expiry", NULL, BENCH_MASQ, false, bench_expiry},
	{"nat-exhaustion", NULL, BENCH_MASQ, false, bench_nat_exhaustion},
	{"table-full", NULL, BENCH_MASQ_RULES, true, bench_table_full},
	{"counters", NULL, BENCH_MASQ_RULES, true, bench_counters},
	{"reload", NULL, BENCH_MASQ_RULES, true, bench_reload},
	{"latency", NULL, BENCH_MASQ_RULES, true, bench_latency},
	{"memory", NULL, BENCH_MASQ, false, measure_memory, true},
	{0},
};
