// The way of a burst through stages: ends, deferral, hand-over, own packets, and that no mbuf is
// lost.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <rte_mempool.h>

#include "pipeline/note.h"
#include "test/lib/tl.h"

static struct pl_worker *w[2];
static unsigned seen[4], order[64], n_order;

static void
setup(void)
{
	tl_init();
	tl_workers(w, 2);
}

TestSuite(pipeline_worker, .init = setup);

static unsigned
id_of(struct pl_pkt *p)
{
	return p->m->port;
}

static void
drop_odd(struct pl_worker *wk, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	PL_FOREACH (p, b) {
		seen[0]++;
		if (id_of(p) % 2)
			pl_drop(wk, b, p, PL_DROP_RULE);
	}
	(void)conf;
}

static void
take_all(struct pl_worker *wk, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	PL_FOREACH (p, b) {
		seen[1]++;
		order[n_order++] = id_of(p);
		rte_pktmbuf_free(pl_take(b, p));
	}
	(void)wk;
	(void)conf;
}

// Lets one packet of a burst pass at a time.
static void
one_by_one(struct pl_worker *wk, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;
	bool first = true;

	PL_FOREACH (p, b) {
		seen[2]++;
		if (!first)
			pl_defer(wk, b, p);
		first = false;
	}
	(void)conf;
}

static void
to_the_other(struct pl_worker *wk, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	PL_FOREACH (p, b) {
		if (!(p->flags & PL_F_HANDED))
			pl_hand_over(wk, b, p, !wk->id);
	}
	(void)conf;
}

static void
answer(struct pl_worker *wk, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	PL_FOREACH (p, b) {
		if (p->origin != PL_FROM_SELF) {
			struct rte_mbuf *m = rte_pktmbuf_alloc(wk->pool);

			m->port = id_of(p) + 100;
			*pl_meta(m) = (struct pl_meta){.origin = PL_FROM_SELF,
						       .in_port = PL_PORT_NONE,
						       .out_port = 7,
						       .flags = PL_F_CT_GIVEN};
			pl_self_send(wk, m);
		} else {
			cr_expect(eq(int, p->out_port, 7));
			cr_expect(eq(int, p->flags, PL_F_CT_GIVEN));
		}
	}
	(void)conf;
}

static const struct pl_stage s_drop_odd = {"drop_odd", drop_odd, NULL},
			     s_take = {"take", take_all, NULL}, s_one = {"one", one_by_one, NULL},
			     s_other = {"other", to_the_other, NULL},
			     s_answer = {"answer", answer, NULL};

static void
feed(struct pl_worker *wk, unsigned n)
{
	struct rte_mbuf *m[PL_BURST];

	for (unsigned i = 0; i < n; i++) {
		m[i] = rte_pktmbuf_alloc(tl_pool);
		m[i]->port = i;
	}
	pl_worker_feed(wk, m, n, 3, PL_FROM_WIRE);
}

Test(pipeline_worker, drop_ends_a_packet_and_is_counted)
{
	struct pl_program prog = {.n_stage = 2, .step = {{&s_drop_odd, NULL}, {&s_take, NULL}}};

	w[0]->prog = &prog;
	feed(w[0], 64);
	pl_worker_turn(w[0]);
	cr_expect(eq(uint, seen[0], 64));
	cr_expect(eq(uint, seen[1], 32));
	cr_expect(eq(u64, w[0]->cnt.drop[PL_DROP_RULE], 32));
	cr_expect(eq(u64, w[0]->cnt.port[3].rx_packets, 64));
	cr_expect(eq(uint, rte_mempool_in_use_count(tl_pool), 0));
}

Test(pipeline_worker, deferred_packets_keep_their_order_and_enter_the_same_stage)
{
	struct pl_program prog = {.n_stage = 3,
				  .step = {{&s_drop_odd, NULL}, {&s_one, NULL}, {&s_take, NULL}}};

	w[0]->prog = &prog;
	feed(w[0], 64);
	cr_expect(eq(uint, seen[0], 64), "the stage before saw each packet once");
	cr_expect(eq(uint, seen[1], 32));
	cr_expect(eq(uint, seen[2], 32 * 33 / 2));
	for (unsigned i = 0; i < 32; i++)
		cr_expect(eq(uint, order[i], 2 * i));
	pl_worker_turn(w[0]);
	cr_expect(eq(uint, rte_mempool_in_use_count(tl_pool), 0));
}

Test(pipeline_worker, handed_over_packets_arrive_once)
{
	struct pl_program prog = {.n_stage = 2, .step = {{&s_other, NULL}, {&s_take, NULL}}};

	w[0]->prog = w[1]->prog = &prog;
	feed(w[0], 10);
	cr_expect(eq(uint, seen[1], 0));
	pl_worker_turn(w[1]);
	cr_expect(eq(uint, seen[1], 10));
	cr_expect(eq(u64, w[0]->cnt.handed_over, 10));
	cr_expect(eq(u64, w[1]->cnt.taken_over, 10));
	cr_expect(eq(uint, rte_mempool_in_use_count(tl_pool), 0));
}

Test(pipeline_worker, a_full_ring_drops_by_name_and_free_frees_the_rest)
{
	struct pl_program prog = {.n_stage = 2, .step = {{&s_other, NULL}, {&s_take, NULL}}};

	w[0]->prog = &prog;
	for (unsigned i = 0; i < 17; i++)
		feed(w[0], 64);
	cr_expect(eq(u64, w[0]->cnt.drop[PL_DROP_HANDOFF_FULL], 17 * 64 - 1023));
	pl_worker_free(w[0]);
	pl_worker_free(w[1]);
	cr_expect(eq(uint, rte_mempool_in_use_count(tl_pool), 0));
}

Test(pipeline_worker, own_packets_start_in_the_same_turn)
{
	struct pl_program prog = {.n_stage = 2, .step = {{&s_answer, NULL}, {&s_take, NULL}}};

	w[0]->prog = &prog;
	feed(w[0], 3);
	pl_worker_turn(w[0]);
	cr_expect(eq(uint, seen[1], 6));
	cr_expect(eq(uint, order[3], 100));
	cr_expect(eq(uint, rte_mempool_in_use_count(tl_pool), 0));
}

// Flow 1, 2, 1, 1, 3 ... : hashes as ct_steer would have left them.
static void
hash_them(struct pl_worker *wk, const void *conf, struct pl_burst *b)
{
	static const uint8_t flow[] = {1, 2, 1, 1, 3, 2, 4, 5};
	struct pl_pkt *p;

	PL_FOREACH (p, b)
		p->hash = flow[id_of(p) % RTE_DIM(flow)];
	(void)wk;
	(void)conf;
}

static void
log_run(struct pl_worker *wk, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	PL_FOREACH (p, b)
		order[n_order++] = id_of(p) + *(const unsigned *)conf;
	(void)wk;
}

static const struct pl_stage s_hash = {"hash", hash_them, NULL}, s_log = {"log", log_run, NULL};

static void
expect_order(const char *what, const unsigned *want, unsigned n)
{
	cr_expect(eq(uint, n_order, n), "%s", what);
	for (unsigned i = 0; i < n && i < n_order; i++)
		cr_expect(eq(uint, order[i], want[i]), "%s: %u", what, i);
	n_order = 0;
}

Test(pipeline_worker, a_burst_goes_in_parts_where_the_program_says_so)
{
	static const unsigned before = 0, first = 100, last = 200;
	// 0 1 | 2 | 3 4 5: the first part ends where flow 1 comes again
	static const unsigned flows[] = {0,   1,   2,	3,   4,	  5,   100, 101, 200,
					 201, 102, 202, 103, 104, 105, 203, 204, 205};
	static const unsigned packets[] = {0, 1, 2, 100, 200, 101, 201, 102, 202};
	struct pl_program prog = {
		.order = PL_ORDER_FLOWS,
		.ordered_from = 2,
		.n_stage = 5,
		.step = {{&s_hash, NULL},
			 {&s_log, &before},
			 {&s_log, &first},
			 {&s_log, &last},
			 {&s_drop_odd, NULL}},
	};

	w[0]->prog = &prog;
	feed(w[0], 6);
	expect_order("flows", flows, RTE_DIM(flows));
	prog.order = PL_ORDER_PACKETS;
	feed(w[0], 3);
	expect_order("packets", packets, RTE_DIM(packets));
	pl_worker_turn(w[0]);
	cr_expect(eq(uint, rte_mempool_in_use_count(tl_pool), 0));
}

Test(pipeline_worker, what_a_part_gives_rise_to_comes_before_the_next_part)
{
	struct pl_program prog = {
		.order = PL_ORDER_PACKETS,
		.n_stage = 3,
		.step = {{&s_answer, NULL}, {&s_one, NULL}, {&s_take, NULL}},
	};

	w[0]->prog = &prog;
	feed(w[0], 3);
	pl_worker_turn(w[0]);
	expect_order("answers", (const unsigned[]){0, 100, 1, 101, 2, 102}, 6);
	cr_expect(eq(u64, w[0]->cnt.deferred, 0));
	// Packets put off in the middle of the parts leave the parts behind them alone.
	prog.order = PL_ORDER_FLOWS;
	feed(w[0], 3); // all hashes are 0
	pl_worker_turn(w[0]);
	expect_order("answers", (const unsigned[]){0, 100, 1, 101, 2, 102}, 6);
	cr_expect(eq(uint, rte_mempool_in_use_count(tl_pool), 0));
}

static bool
thrice(struct pl_worker *wk, void *arg)
{
	(void)wk;
	return ++*(unsigned *)arg == 3;
}

Test(pipeline_worker, a_call_runs_until_it_is_done)
{
	unsigned n = 0;

	cr_expect(eq(int, pl_worker_call(w[0], thrice, &n, 10), 0));
	cr_expect(eq(uint, n, 3));
	// A worker that does not turn: the call is withdrawn.
	atomic_store(&w[0]->running, true);
	cr_expect(eq(int, pl_worker_call(w[0], thrice, &n, 10), -ETIMEDOUT));
	cr_expect(eq(ptr, atomic_load(&w[0]->call), NULL));
}
