// The bench's cases with a second thread: a policy swapped in while packets flow, and counters read
// while packets flow. The worker runs the daemon's own loop in a thread of its own, fed by a port
// that gives it the same packets again as soon as they came out; the port notes how long it was not
// asked, which is a gap in forwarding. The other thread is what the daemon's main thread is. Where
// the process may use two cores, each has its own.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_rcu_qsbr.h>

#include "acl/acl.h"
#include "app/bench.h"
#include "conntrack/ct.h"

#define FRAME_MAX 128
#define RELOADS	  8

// A packet as it has to be put back before it is given again.
struct original {
	uint8_t bytes[FRAME_MAX];
	uint16_t len;
};

struct carousel {
	struct bench_rig *r;
	struct original *original; // [n]
	struct rte_mbuf **free;	   // ring of what came out
	uint32_t n, head, tail, next;
	uint64_t asked;		  // tick of the last call
	_Atomic uint64_t longest; // ticks between two calls, since it was last set to 0
	_Atomic uint64_t packets;
};

static uint16_t
carousel_rx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct carousel *c = ctx;
	uint64_t now = rte_rdtsc();
	uint16_t got = 0;

	(void)queue;
	if (c->asked != 0 &&
	    now - c->asked > atomic_load_explicit(&c->longest, memory_order_relaxed))
		atomic_store_explicit(&c->longest, now - c->asked, memory_order_relaxed);
	c->asked = now;
	for (; got < n && c->tail != c->head; c->tail++) {
		struct rte_mbuf *pkt = c->free[c->tail % c->n];
		const struct original *o = &c->original[c->next++ % c->n];

		rte_pktmbuf_reset(pkt);
		memcpy(rte_pktmbuf_mtod(pkt, void *), o->bytes, FRAME_MAX);
		pkt->data_len = o->len;
		pkt->pkt_len = o->len;
		m[got++] = pkt;
	}
	return got;
}

static uint16_t
carousel_tx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct carousel *c = ctx;

	(void)queue;
	for (uint16_t i = 0; i < n; i++)
		c->free[c->head++ % c->n] = m[i];
	atomic_store_explicit(&c->packets,
			      atomic_load_explicit(&c->packets, memory_order_relaxed) + n,
			      memory_order_relaxed);
	return n;
}

static cpu_set_t cores;

void
bench_cores_note(void)
{
	if (sched_getaffinity(0, sizeof(cores), &cores) != 0)
		CPU_ZERO(&cores);
}

// The n-th core that this process may use, from the end; -1: there are not so many.
static int
core_from_end(unsigned n)
{
	for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--)
		if (CPU_ISSET(cpu, &cores) && n-- == 0)
			return cpu;
	return -1;
}

static void
pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	pthread_setaffinity_np(thread, sizeof(set), &set);
}

static void *
worker_thread(void *w)
{
	pl_worker_loop(w);
	return NULL;
}

static int
carousel_start(struct carousel *c, struct bench_rig *r)
{
	struct net_tx tx = {.burst = carousel_tx, .ctx = c};

	memset(c, 0, sizeof(*c));
	c->r = r;
	c->n = BENCH_BATCH;
	bench_prepare(r, c->n, bench_random_flow, NULL, false);
	c->n = r->n_ready;
	c->original = calloc(c->n, sizeof(*c->original));
	c->free = calloc(c->n, sizeof(struct rte_mbuf *));
	if (c->original == NULL || c->free == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->n; i++) {
		struct rte_mbuf *m = r->ready[i];

		c->original[i].len = RTE_MIN(m->data_len, (uint16_t)FRAME_MAX);
		memcpy(c->original[i].bytes, rte_pktmbuf_mtod(m, void *), c->original[i].len);
		c->free[c->head++] = m;
	}
	r->n_ready = r->next = 0;
	r->w->rx[0].burst = carousel_rx;
	r->w->rx[0].ctx = c;
	for (uint8_t port = 0; port < 2; port++)
		net_core_set_tx(r->w->net, port, false, &tx);
	return pl_rcu_create(1, SOCKET_ID_ANY);
}

// The packets go back to the rig. Returns how many got lost.
static uint64_t
carousel_stop(struct carousel *c)
{
	uint64_t lost = c->n - (c->head - c->tail);

	for (; c->tail != c->head; c->tail++)
		c->r->free[c->r->n_free++] = c->free[c->tail % c->n];
	pl_rcu_free();
	free(c->original);
	free(c->free);
	return lost;
}

static double
longest_us(struct carousel *c)
{
	return (double)atomic_load(&c->longest) * 1e6 / (double)rte_get_tsc_hz();
}

// Runs `work` on this thread while the worker forwards on another.
static int
beside(struct bench_rig *r, struct bench_result *out,
       int (*work)(struct bench_rig *r, struct carousel *c, struct bench_result *out))
{
	int mine = core_from_end(1), theirs = core_from_end(0);
	cpu_set_t before;
	struct carousel c;
	pthread_t thread;
	int ret;

	out->lost = bench_establish(r);
	ret = carousel_start(&c, r);
	if (ret < 0)
		return ret;
	sched_getaffinity(0, sizeof(before), &before);
	ret = -pthread_create(&thread, NULL, worker_thread, r->w);
	if (ret == 0) {
		pin(thread, theirs);
		pin(pthread_self(), mine);
		usleep(200000); // warm-up
		ret = work(r, &c, out);
		atomic_store(&r->w->stop, true);
		pthread_join(thread, NULL);
		sched_setaffinity(0, sizeof(before), &before);
	}
	out->lost += carousel_stop(&c);
	bench_figure(out, "cores", "", mine >= 0 ? 2 : 1);
	return ret;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int
reload_work(struct bench_rig *r, struct carousel *c, struct bench_result *out)
{
	double gap[RELOADS], quiet[RELOADS], build_ms = 0;
	struct bench_shape shape = r->shape;
	struct cfg_err err;
	int ret = 0;

	cfg_err_init(&err, "bench");
	for (unsigned i = 0; i < RELOADS && ret == 0; i++) {
		struct cfg_policy *next = NULL;
		uint64_t began;

		shape.rules = r->shape.rules + 1 + i % 2; // never the same list
		ret = bench_policy_build(&next, &shape);
		if (ret < 0)
			break;
		began = rte_rdtsc();
		atomic_store(&c->longest, 0);
		ret = app_apply(&r->gateway, next, &err);
		if (ret < 0)
			cfg_policy_free(next);
		usleep(50000); // every flow asks the new rules once
		gap[i] = longest_us(c);
		build_ms += (double)(rte_rdtsc() - began) * 1e3 / (double)rte_get_tsc_hz() - 50;
		// As long without a reload: what the machine itself does to this loop.
		atomic_store(&c->longest, 0);
		usleep((useconds_t)(50000 + build_ms * 1000 / (i + 1)));
		quiet[i] = longest_us(c);
	}
	cfg_err_free(&err);
	if (ret < 0)
		return ret;
	qsort(gap, RELOADS, sizeof(gap[0]), by_value);
	qsort(quiet, RELOADS, sizeof(quiet[0]), by_value);
	bench_figure(out, "gap_min", "us, longest gap around a reload", gap[0]);
	bench_figure(out, "gap_median", "us", gap[RELOADS / 2]);
	bench_figure(out, "gap_max", "us", gap[RELOADS - 1]);
	bench_figure(out, "quiet_min", "us, longest gap of as long a time without one", quiet[0]);
	bench_figure(out, "quiet_median", "us", quiet[RELOADS / 2]);
	bench_figure(out, "quiet_max", "us", quiet[RELOADS - 1]);
	bench_figure(out, "apply", "ms, compile and publish", build_ms / RELOADS);
	return 0;
}

int
bench_reload(struct bench_rig *r, const struct bench_options *o, struct bench_result *out)
{
	(void)o;
	return beside(r, out, reload_work);
}

// Packets a second over some time, with somebody reading all counters without a pause, or nobody.
static double
mpps(struct bench_rig *r, struct carousel *c, bool reading, double *reads)
{
	uint64_t before = atomic_load(&c->packets), began = rte_rdtsc(), n = 0, ticks;

	do {
		if (reading)
			acl_policy_counters(app_acl(&r->gateway), app_policy(&r->gateway));
		else
			usleep(1000);
		n++;
		ticks = rte_rdtsc() - began;
	} while (ticks < rte_get_tsc_hz() / 2);
	*reads = (double)n * (double)rte_get_tsc_hz() / (double)ticks;
	return (double)(atomic_load(&c->packets) - before) * (double)rte_get_tsc_hz() /
	       (double)ticks / 1e6;
}

static int
counters_work(struct bench_rig *r, struct carousel *c, struct bench_result *out)
{
	double alone = 0, read = 0, reads = 0, none;

	for (unsigned i = 0; i < 4; i++) {
		alone = RTE_MAX(alone, mpps(r, c, false, &none));
		read = RTE_MAX(read, mpps(r, c, true, &reads));
	}
	bench_figure(out, "unread_mpps", "Mpps", alone);
	bench_figure(out, "read_mpps", "Mpps while all counters are read", read);
	bench_figure(out, "reads", "readings of all rules a second", reads);
	return 0;
}

int
bench_counters(struct bench_rig *r, const struct bench_options *o, struct bench_result *out)
{
	(void)o;
	return beside(r, out, counters_work);
}
