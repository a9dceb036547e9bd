// The bench's latency case: packets come when their time has come, whether the pipeline is ready or
// not (an open loop, exponential gaps), and each carries the tick at which it was due. What passes
// from then to its transmission is its latency, waiting included. Measured at 10, 50 and 90 % of
// the throughput that a saturated run of the same flows gives. One thread; NIC driver excluded.
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_mbuf_dyn.h>

#include "app/bench.h"

static const unsigned loads[] = {10, 50, 90};

struct open_loop {
	struct bench_rig *r;
	int due_off; // of the mbuf's field with the tick at which it is due
	uint64_t begin, *due;
	float *latency; // ticks
	uint64_t n_latency, room;
};

static uint64_t *
due_of(const struct open_loop *l, struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, l->due_off, uint64_t *);
}

static uint16_t
open_rx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct open_loop *l = ctx;
	struct bench_rig *r = l->r;
	uint64_t now = rte_rdtsc();
	uint16_t got = 0;

	(void)queue;
	while (got < n && r->next < r->n_ready && l->begin + l->due[r->next] <= now) {
		m[got] = r->ready[r->next];
		*due_of(l, m[got]) = l->begin + l->due[r->next];
		r->next++;
		got++;
	}
	return got;
}

static uint16_t
open_tx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct open_loop *l = ctx;
	uint64_t now = rte_rdtsc();

	(void)queue;
	for (uint16_t i = 0; i < n; i++) {
		if (l->n_latency < l->room)
			l->latency[l->n_latency++] = (float)(now - *due_of(l, m[i]));
		l->r->free[l->r->n_free++] = m[i];
	}
	l->r->sent += n;
	return n;
}

static int
by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

// 0 to 1, both excluded.
static double
fraction(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return ((double)(*seed >> 11) + 0.5) / 9007199254740992.0;
}

static void
percentiles(struct open_loop *l, struct bench_result *out, unsigned load)
{
	static const struct {
		unsigned load;
		double part;
		const char *name;
	} row[] = {
		{10, 0.5, "latency_10_p50"},	{10, 0.99, "latency_10_p99"},
		{10, 0.999, "latency_10_p999"}, {50, 0.5, "latency_50_p50"},
		{50, 0.99, "latency_50_p99"},	{50, 0.999, "latency_50_p999"},
		{90, 0.5, "latency_90_p50"},	{90, 0.99, "latency_90_p99"},
		{90, 0.999, "latency_90_p999"},
	};
	double us = 1e6 / (double)rte_get_tsc_hz();

	qsort(l->latency, l->n_latency, sizeof(*l->latency), by_value);
	for (size_t i = 0; i < RTE_DIM(row); i++)
		if (row[i].load == load && l->n_latency > 0)
			bench_figure(
				out, row[i].name, "us",
				us * l->latency[(uint64_t)((double)l->n_latency * row[i].part)]);
}

// One load: `repeats` batches whose packets come `ticks` apart on average.
static void
offer(struct open_loop *l, const struct bench_options *o, double ticks, uint64_t *seed)
{
	struct bench_rig *r = l->r;

	l->n_latency = 0;
	for (uint32_t k = 0; k < o->repeats; k++) {
		double at = 0;

		bench_prepare(r, BENCH_BATCH, bench_random_flow, NULL, false);
		for (uint32_t i = 0; i < r->n_ready; i++) {
			at += -log(fraction(seed)) * ticks;
			l->due[i] = (uint64_t)at;
		}
		l->begin = rte_rdtsc() + 10000;
		bench_run(r);
	}
}

int
bench_latency(struct bench_rig *r, const struct bench_options *o, struct bench_result *out)
{
	static const struct rte_mbuf_dynfield field = {
		.name = "ringwall_bench_due", .size = sizeof(uint64_t), .align = sizeof(uint64_t)};
	struct open_loop l = {.r = r, .room = (uint64_t)o->repeats * BENCH_BATCH};
	struct net_tx tx = {.burst = open_tx, .ctx = &l};
	uint64_t best = UINT64_MAX, seed = 1, before;
	int ret = -ENOMEM;

	l.due_off = rte_mbuf_dynfield_register(&field);
	l.due = calloc(BENCH_BATCH, sizeof(*l.due));
	l.latency = calloc(l.room, sizeof(*l.latency));
	if (l.due_off < 0 || l.due == NULL || l.latency == NULL)
		goto out;
	out->lost = bench_establish(r);
	for (unsigned i = 0; i < 8; i++) { // throughput
		bench_prepare(r, BENCH_BATCH, bench_random_flow, NULL, false);
		best = RTE_MIN(best, bench_run(r));
	}
	r->w->rx[0].burst = open_rx;
	r->w->rx[0].ctx = &l;
	for (uint8_t port = 0; port < 2; port++)
		net_core_set_tx(r->w->net, port, false, &tx);
	before = r->sent;
	for (size_t i = 0; i < RTE_DIM(loads); i++) {
		offer(&l, o, (double)best / BENCH_BATCH * 100 / loads[i], &seed);
		percentiles(&l, out, loads[i]);
	}
	out->lost += RTE_DIM(loads) * (uint64_t)o->repeats * BENCH_BATCH - (r->sent - before);
	bench_figure(out, "saturated_mpps", "Mpps",
		     (double)rte_get_tsc_hz() / ((double)best / BENCH_BATCH) / 1e6);
	ret = 0;
out:
	free(l.due);
	free(l.latency);
	return ret;
}
