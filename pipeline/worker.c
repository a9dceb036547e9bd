// A worker: its block, the way of one burst through the stages, and one turn of the poll loop.
// Everything here runs on the worker's own thread, but for creation, freeing and pl_worker_call()
// (control thread).
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_memcpy.h>
#include <rte_rcu_qsbr.h>

#include "pipeline/note.h"
#include "pipeline/park.h"
#include "pipeline/way.h"
#include "pipeline/worker.h"

#define SELF_ROUNDS                                                                                \
	4 // bursts of own packets in one turn; an own packet never causes another, so 1 would do
#define DRAIN_TURNS 1000 // turns without receiving at the end; microseconds each

int
pl_worker_create(struct pl_worker **out, uint16_t id, uint16_t n_workers, int socket,
		 struct rte_mempool *pool)
{
	struct pl_worker *w =
		rte_zmalloc_socket("pl_worker", sizeof(*w), RTE_CACHE_LINE_SIZE, socket);

	if (w == NULL)
		return -ENOMEM;
	w->id = id;
	w->n_workers = n_workers;
	w->socket = socket;
	w->pool = pool;
	w->rest.event_fd = -1;
	*out = w;
	return 0;
}

void
pl_worker_free(struct pl_worker *w)
{
	struct rte_mbuf *m;

	if (w == NULL)
		return;
	rte_pktmbuf_free_bulk(w->dead, w->n_dead);
	rte_pktmbuf_free_bulk(w->self, w->n_self);
	rte_pktmbuf_free_bulk(w->copy, w->n_copy);
	for (unsigned i = 0; i < PL_WORKERS_MAX; i++) {
		rte_ring_free(w->news_from[i]);
		if (w->from[i] == NULL)
			continue;
		while (rte_ring_sc_dequeue(w->from[i], (void **)&m) == 0)
			rte_pktmbuf_free(m);
		rte_ring_free(w->from[i]);
	}
	if (w->rest.event_fd >= 0)
		close(w->rest.event_fd);
	pl_park_free(w);
	rte_free((void *)(uintptr_t)w->reta);
	pl_ways_free(w->ways);
	rte_free(w);
}

void
pl_drop_mbuf(struct pl_worker *w, struct rte_mbuf *m, enum pl_drop reason)
{
	pl_count(&w->cnt.drop[reason], 1);
	if (w->n_dead == RTE_DIM(w->dead)) {
		rte_pktmbuf_free_bulk(w->dead, w->n_dead);
		w->n_dead = 0;
	}
	w->dead[w->n_dead++] = m;
}

void
pl_drop_note(struct pl_pkt *p, enum pl_drop reason)
{
	if (p->note == NULL)
		return;
	p->note->drop = reason;
	p->note->verdict = reason == PL_DROP_REJECT ? PL_NOTE_REJECT : PL_NOTE_DROP;
	p->note->ct_state = p->ct_state;
}

void
pl_drop(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p, enum pl_drop reason)
{
	pl_drop_note(p, reason);
	pl_drop_mbuf(w, pl_take(b, p), reason);
}

void
pl_defer(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p)
{
	struct pl_burst *later = &w->later[w->later_at];
	struct pl_pkt *copy = &later->pkt[later->used++]; // at most one for each packet of b

	later->stage = b->stage;
	*copy = *p;
	copy->rec = NULL;
	later->live[later->n++] = copy;
	pl_count(&w->cnt.deferred, 1);
	pl_take(b, p);
}

// Closes the gaps that ended packets left.
static void
compact(struct pl_burst *b)
{
	uint16_t n = 0;

	for (uint16_t i = 0; i < b->n && b->ended != b->n; i++) {
		if (b->live[i]->m != NULL && b->live[i]->path != PL_PATH_KNOWN)
			b->live[n++] = b->live[i];
	}
	b->n = n;
	b->ended = 0;
}

static void run_copies(struct pl_worker *w);

// From one stage up to another. What reaches the program's end is taken or dropped by its last
// stage; were that to forget one, the mbuf must not be lost.
static void
run_stages(struct pl_worker *w, struct pl_burst *b, unsigned first, unsigned end)
{
	const struct pl_program *prog = w->prog;

	for (unsigned i = first; i < end && (b->n | b->n_known) != 0; i++) {
		b->stage = (uint16_t)i;
		prog->step[i].stage->run(w, prog->step[i].conf, b);
		if (b->ended != 0)
			compact(b);
		if (unlikely(w->n_copy != 0))
			run_copies(w);
	}
	while (unlikely(b->n != 0 && end == prog->n_stage))
		pl_drop_mbuf(w, b->live[--b->n]->m, PL_DROP_CT_DROP);
	while (unlikely(b->n_known != 0))
		pl_drop_mbuf(w, b->known[--b->n_known]->m, PL_DROP_CT_DROP);
}

// Packets put off by the burst before, from the stage that put them off.
static void
run_later(struct pl_worker *w)
{
	struct pl_burst *b;

	while ((b = &w->later[w->later_at])->n != 0) {
		w->later_at ^= 1;
		b->ended = 0;
		run_stages(w, b, b->stage, w->prog->n_stage);
		b->n = b->used = 0;
	}
}

// What a hand-over or a maker left in the mbuf's private area comes back.
static void
enter_with_meta(struct pl_pkt *p, struct rte_mbuf *m)
{
	const struct pl_meta *meta = pl_meta(m);

	memset(p, 0, sizeof(*p));
	p->m = m;
	p->note = meta->note;
	p->ct = meta->ct;
	p->mark = meta->mark;
	p->origin = meta->origin;
	p->in_port = meta->in_port;
	p->out_port = meta->out_port;
	p->ct_state = meta->ct_state;
	p->ct_dir = meta->ct_dir;
	p->ct_status = meta->ct_status;
	p->flags = meta->flags;
	p->past_raw = meta->past_raw;
	p->zone[0] = meta->zone[0];
	p->zone[1] = meta->zone[1];
	p->trace = meta->trace;
}

static void
enter_all_with_meta(struct pl_burst *b, struct rte_mbuf **m, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		enter_with_meta(&b->pkt[i], m[i]);
		b->live[i] = &b->pkt[i];
	}
	b->n = b->used = n;
	b->ended = 0;
	b->wire = false;
}

// Copies made by the stage that just ended, before the next one has the packets themselves, as
// where packets come one at a time. No copy is copied again: this does not call itself.
static void
run_copies(struct pl_worker *w)
{
	struct rte_mbuf *m[PL_COPIES];
	uint16_t n = w->n_copy;

	memcpy(m, w->copy, n * sizeof(m[0]));
	w->n_copy = 0;
	for (uint16_t done = 0; done < n; done += PL_BURST) {
		enter_all_with_meta(&w->copies, m + done, RTE_MIN(PL_BURST, n - done));
		run_stages(w, &w->copies, 0, w->prog->n_stage);
	}
}

// Everything that packets before gave rise to: packets put off, then packets of our own.
static void
run_consequences(struct pl_worker *w)
{
	run_later(w);
	for (unsigned round = 0; w->n_self != 0 && round < SELF_ROUNDS; round++) {
		struct rte_mbuf *m[PL_BURST];
		uint16_t n = w->n_self;

		memcpy(m, w->self, n * sizeof(m[0]));
		w->n_self = 0;
		enter_all_with_meta(&w->own, m, n);
		run_stages(w, &w->own, 0, w->prog->n_stage);
		run_later(w);
	}
}

// How many of the n packets go together as the next part.
static uint16_t
part_size(enum pl_order order, struct pl_pkt *const *pkt, uint16_t n)
{
	uint64_t seen[4] = {0}; // bit per value of the hashes' mixed bits: a first, quick look

	if (order == PL_ORDER_PACKETS)
		return 1;
	for (uint16_t i = 0; i < n; i++) {
		uint8_t h = (uint8_t)((pkt[i]->hash * 0x9e3779b1u) >> 24);

		for (uint16_t k = 0; (seen[h >> 6] >> (h & 63) & 1) && k < i; k++)
			if (pkt[k]->hash == pkt[i]->hash)
				return i;
		seen[h >> 6] |= UINT64_C(1) << (h & 63);
	}
	return n;
}

// The rest of the way in parts. A translated flow's two directions have different hashes:
// ct_lookup puts the second one off.
static void
run_parts(struct pl_worker *w, struct pl_burst *b)
{
	const struct pl_program *prog = w->prog;
	struct pl_pkt *all[PL_BURST];
	uint16_t left = b->n, size;

	memcpy(all, b->live, left * sizeof(all[0]));
	for (struct pl_pkt **next = all; left != 0; next += size, left -= size) {
		size = part_size(prog->order, next, left);
		memcpy(b->live, next, size * sizeof(next[0]));
		b->n = size;
		run_stages(w, b, prog->ordered_from, prog->n_stage);
		run_consequences(w);
	}
}

// The whole way, and all that comes of it.
static void
run_burst(struct pl_worker *w, struct pl_burst *b)
{
	const struct pl_program *prog = w->prog;

	if (w->ways != NULL)
		pl_ways_check(w); // also for what only other workers hand over
	if (likely(prog->order == PL_ORDER_BURST)) {
		run_stages(w, b, 0, prog->n_stage);
	} else {
		run_stages(w, b, 0, prog->ordered_from);
		run_parts(w, b);
	}
	run_consequences(w);
}

void
pl_resume(struct pl_worker *w, const struct pl_pkt *p, unsigned stage)
{
	struct pl_burst *b = &w->burst;

	if (w->ways != NULL)
		pl_ways_check(w);
	b->pkt[0] = *p;
	b->live[0] = &b->pkt[0];
	b->n = b->used = 1;
	b->ended = 0;
	run_stages(w, b, stage, w->prog->n_stage);
	run_consequences(w);
}

void
pl_self_send(struct pl_worker *w, struct rte_mbuf *m)
{
	if (w->n_self == RTE_DIM(w->self)) {
		pl_drop_mbuf(w, m, PL_DROP_SELF_FULL);
		return;
	}
	w->self[w->n_self++] = m;
}

void
pl_copy_send(struct pl_worker *w, struct rte_mbuf *m)
{
	if (w->n_copy == RTE_DIM(w->copy)) {
		pl_drop_mbuf(w, m, PL_DROP_SELF_FULL);
		return;
	}
	w->copy[w->n_copy++] = m;
}

void
pl_worker_feed(struct pl_worker *w, struct rte_mbuf **m, uint16_t n, uint8_t port, uint8_t origin)
{
	struct pl_burst *b = &w->burst;
	const struct pl_pkt blank = {
		.origin = origin,
		.in_port = origin == PL_FROM_WIRE ? port : PL_PORT_NONE,
		.out_port = origin == PL_FROM_HOST ? port : PL_PORT_NONE,
	};
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct pl_pkt *p = &b->pkt[i];

		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
		rte_mov128((uint8_t *)p, (const uint8_t *)&blank);
		p->m = m[i];
		b->live[i] = p;
		bytes += rte_pktmbuf_pkt_len(m[i]);
	}
	for (uint16_t i = 0; unlikely(w->notes) && i < n; i++)
		b->pkt[i].note = pl_meta(m[i])->note;
	b->n = b->used = n;
	b->ended = 0;
	b->wire = origin == PL_FROM_WIRE;
	if (origin == PL_FROM_HOST) {
		pl_count(&w->cnt.port[port].host_rx_packets, n);
		pl_count(&w->cnt.port[port].host_rx_bytes, bytes);
	} else {
		pl_count(&w->cnt.port[port].rx_packets, n);
		pl_count(&w->cnt.port[port].rx_bytes, bytes);
	}
	run_burst(w, b);
}

// Packets that other workers handed over; at most one burst from each per turn.
static unsigned
take_over(struct pl_worker *w)
{
	struct rte_mbuf *m[PL_BURST];
	unsigned sum = 0;

	for (uint16_t i = 0; i < w->n_workers; i++) {
		unsigned n;

		if (w->from[i] == NULL)
			continue;
		n = rte_ring_sc_dequeue_burst(w->from[i], (void **)m, PL_BURST, NULL);
		if (n == 0)
			continue;
		pl_count(&w->cnt.taken_over, n);
		sum += n;
		enter_all_with_meta(&w->burst, m, (uint16_t)n);
		run_burst(w, &w->burst);
	}
	return sum;
}

// What the control thread asked for. The call is taken out while it runs, so that the caller cannot
// withdraw it in the middle.
static void
serve_call(struct pl_worker *w)
{
	struct pl_call *call;

	if (atomic_load_explicit(&w->call, memory_order_relaxed) == NULL)
		return;
	call = atomic_exchange_explicit(&w->call, NULL, memory_order_acquire);
	if (call == NULL)
		return;
	if (call->fn(w, call->arg))
		atomic_store_explicit(&call->done, true, memory_order_release);
	else
		atomic_store_explicit(&w->call, call, memory_order_release);
}

static unsigned
take_in(struct pl_worker *w)
{
	struct rte_mbuf *m[PL_BURST];
	unsigned sum = 0;

	for (unsigned i = 0; i < w->n_rx; i++) {
		const struct pl_rx *rx = &w->rx[i];
		uint16_t n = rx->burst(rx->ctx, rx->queue, m, PL_BURST);

		if (n == 0)
			continue;
		sum += n;
		pl_worker_feed(w, m, n, rx->port, rx->origin);
	}
	if (w->n_workers > 1)
		sum += take_over(w);
	return sum;
}

unsigned
pl_worker_turn(struct pl_worker *w)
{
	unsigned sum = 0;

	if (w->prog != NULL) {
		if (unlikely(w->n_parked != 0))
			pl_park_turn(w);
		if (unlikely(w->n_self != 0))
			run_consequences(w); // made by the idle functions of the turn before
		if (likely(!w->hold))
			sum = take_in(w);
	}
	for (unsigned i = 0; w->idle != NULL && w->idle[i] != NULL; i++)
		w->idle[i](w);
	serve_call(w);
	rte_pktmbuf_free_bulk(w->dead, w->n_dead);
	w->n_dead = 0;
	pl_count(&w->cnt.loops, 1);
	pl_count(&w->cnt.busy_loops, sum != 0);
	atomic_store_explicit(&w->heartbeat, w->cnt.loops, memory_order_relaxed);
	return sum + w->n_parked; // who waits for an answer does not rest
}

int
pl_worker_call(struct pl_worker *w, bool (*fn)(struct pl_worker *w, void *arg), void *arg,
	       unsigned timeout_ms)
{
	struct pl_call call = {.fn = fn, .arg = arg};
	struct pl_call *mine = &call;
	uint64_t start;

	if (!atomic_load_explicit(&w->running, memory_order_acquire)) {
		while (!fn(w, arg))
			;
		return 0;
	}
	atomic_store_explicit(&w->call, &call, memory_order_release);
	pl_rest_wake(w);
	start = pl_clock_us();
	while (pl_clock_us() - start < timeout_ms * 1000ull) {
		if (atomic_load_explicit(&call.done, memory_order_acquire))
			return 0;
		usleep(50);
	}
	// Withdraw it; while the worker has it in hand it is not in w->call, and comes back or is
	// done soon.
	for (;;) {
		if (atomic_load_explicit(&call.done, memory_order_acquire))
			return 0;
		if (atomic_compare_exchange_strong_explicit(
			    &w->call, &mine, NULL, memory_order_acq_rel, memory_order_relaxed))
			return -ETIMEDOUT;
		mine = &call;
		usleep(50);
	}
}

int
pl_workers_silent(struct pl_worker *const *w, unsigned n, unsigned timeout_ms)
{
	uint64_t seen[PL_WORKERS_MAX], start = pl_clock_us();
	unsigned i;

	for (i = 0; i < n; i++)
		seen[i] = atomic_load_explicit(&w[i]->heartbeat, memory_order_relaxed);
	i = 0;
	for (;;) {
		while (i < n &&
		       (!atomic_load_explicit(&w[i]->running, memory_order_acquire) ||
			atomic_load_explicit(&w[i]->heartbeat, memory_order_relaxed) != seen[i]))
			i++;
		if (i == n)
			return -1;
		if (pl_clock_us() - start >= timeout_ms * 1000ull)
			return (int)i;
		usleep(50);
	}
}

// Without a system call: the kernel keeps it in a page that every process sees.
static inline uint64_t
wall_clock(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int
pl_worker_loop(void *worker)
{
	struct pl_worker *w = worker;
	const double ns_per_tick = 1e9 / (double)rte_get_tsc_hz();
	const uint64_t start = rte_rdtsc();
	struct timespec ts;
	uint64_t base_ns;
	unsigned found;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	base_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	rte_rcu_qsbr_thread_register(pl_qsbr, w->id);
	rte_rcu_qsbr_thread_online(pl_qsbr, w->id);
	pl_rest_start(w);
	atomic_store_explicit(&w->tid, (int)gettid(), memory_order_relaxed);
	atomic_store_explicit(&w->running, true, memory_order_release);
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		w->wall_ns = wall_clock();
		w->now_ns = base_ns + (uint64_t)((double)(rte_rdtsc() - start) * ns_per_tick);
		if (likely(w->n_parked == 0)) {
			w->hold = false;
			w->prog = pl_program_current();
		} else {
			pl_park_hold(w);
		}
		found = pl_worker_turn(w);
		if (likely(w->n_parked == 0))
			rte_rcu_qsbr_quiescent(pl_qsbr, w->id);
		if (w->rest.poll == PL_POLL_ADAPTIVE)
			pl_rest(w, found);
	}
	pl_rest_stop(w);
	// Nothing new comes in; what other workers hand over and what is buffered still goes out.
	w->n_rx = 0;
	w->hold = false;
	for (unsigned i = 0; i < DRAIN_TURNS; i++)
		pl_worker_turn(w);
	atomic_store_explicit(&w->running, false, memory_order_release);
	rte_rcu_qsbr_thread_offline(pl_qsbr, w->id);
	rte_rcu_qsbr_thread_unregister(pl_qsbr, w->id);
	return 0;
}
