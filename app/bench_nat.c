// The bench's case about scarce ports: what choosing one costs while 0, 50, 90, 99 and 100 % of an
// address's ports towards one far end are taken. Measured is the stage that chooses (nat-src), for
// first packets. Called through the list in bench_case.c, on the main thread, with a fresh gateway.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <netinet/in.h>

#include <rte_cycles.h>

#include "app/bench.h"
#include "nat/nat.h"

#define BATCH	  64 // new flows in one measurement: 0.1 % of the ports
#define FILL_MAX  (1u << 22)
#define LEVELS	  5
#define STEP_NS	  100000 // of the flows' clock for a batch: none may expire meanwhile
#define UDP_PORTS 64512

struct choosing {
	const struct pl_stage *stage;
	const void *conf;
	uint64_t ticks;
};

static void
timed_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct choosing *t = (struct choosing *)(uintptr_t)conf;
	uint64_t began = rte_rdtsc_precise();

	t->stage->run(w, t->conf, b);
	t->ticks += rte_rdtsc_precise() - began;
}

static const struct pl_stage timed_stage = {"timed", timed_run, NULL};

// Ports of the wan address in use.
static uint32_t
ports_used(const struct bench_rig *r)
{
	struct nat_use_view u;

	for (unsigned i = 0; i < NAT_USE_ROWS; i++)
		if (nat_use_read(r->w, i, &u) && u.proto == IPPROTO_UDP)
			return u.ports;
	return 0;
}

static void
new_flows(struct bench_rig *r, uint32_t *from, uint32_t n)
{
	bench_prepare(r, n, bench_next_flow, from, false);
	bench_run(r);
	r->held_ns += STEP_NS;
}

// The flows whose number (of their source's address: bench_rig.c) is *first or more.
static bool
since(const struct ct_entry *e, void *first)
{
	struct ct_tuple t = ct_entry_tuple(e, CT_ORIGINAL);

	return (rte_be_to_cpu_32(t.src.u32[0]) & 0xffffff) >= *(uint32_t *)first;
}

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

// New flows, a batch at a time, each of which is ended again.
static void
measure_level(struct bench_rig *r, struct choosing *t, uint64_t *ticks, uint32_t repeats,
	      uint32_t *next, const char *const name[3], struct bench_result *out)
{
	uint64_t sent = r->sent;

	for (uint32_t i = 0; i < repeats; i++) {
		uint32_t first = *next;

		t->ticks = 0;
		new_flows(r, next, BATCH);
		ticks[i] = t->ticks / BATCH;
		ct_table_flush(r->w, since, &first);
		*next = first + BATCH;
	}
	qsort(ticks, repeats, sizeof(*ticks), by_value);
	bench_figure(out, name[0], "ticks", (double)ticks[0]);
	bench_figure(out, name[1], "ticks", (double)ticks[repeats / 2]);
	bench_figure(out, name[2], "%",
		     100.0 * (double)(r->sent - sent) / ((double)repeats * BATCH));
}

int
bench_nat_exhaustion(struct bench_rig *r, const struct bench_options *o, struct bench_result *out)
{
	static const struct {
		unsigned percent;
		const char *name[3];
	} level[LEVELS] = {
		{0, {"min_0", "median_0", "found_0"}},
		{50, {"min_50", "median_50", "found_50"}},
		{90, {"min_90", "median_90", "found_90"}},
		{99, {"min_99", "median_99", "found_99"}},
		{100, {"min_100", "median_100", "found_100"}},
	};
	const struct pl_program *real = pl_program_current();
	uint64_t *ticks = calloc(o->repeats, sizeof(*ticks));
	struct pl_program prog = *real;
	struct choosing t = {0};
	uint32_t next = 0;

	if (ticks == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < prog.n_stage; i++) {
		if (prog.step[i].stage != &nat_src_stage)
			continue;
		t.stage = prog.step[i].stage;
		t.conf = prog.step[i].conf;
		prog.step[i].stage = &timed_stage;
		prog.step[i].conf = &t;
	}
	pl_program_publish(&prog, NULL);
	r->one_far = true;
	r->held_ns = 1000000000;
	for (unsigned i = 0; i < LEVELS; i++) {
		uint32_t want = UDP_PORTS * level[i].percent / 100, used;

		while ((used = ports_used(r)) < want && next < FILL_MAX)
			new_flows(r, &next, RTE_MIN(want - used, (uint32_t)BENCH_BATCH));
		if (used < want) {
			free(ticks);
			return -ERANGE;
		}
		measure_level(r, &t, ticks, o->repeats, &next, level[i].name, out);
	}
	pl_program_publish(real, NULL);
	free(ticks);
	return 0;
}
