// Workers with threads of their own, and a control thread beside them, as in the daemon: flows of
// three clients that want the same ports (so that reply tuples are asked for, granted and denied
// between workers), packets that arrive at wrong workers, policies that come and go, listings,
// flushes, counters that are read. For the thread sanitizer, under which Criterion crashes: a plain
// program, run by meson as component_race, for 3 seconds or as many as the first argument says.
//
// The sanitizer does not see into DPDK's libraries, so packets come from a pool whose memory goes
// through a mutex here; rings and RCU are inline (built with RTE_USE_C11_MEM_MODEL, or rings would
// be plain stores to it).
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_ip.h>
#include <rte_mempool.h>
#include <rte_udp.h>

#include "nat/nat.h"
#include "pipeline/park.h"
#include "test/lib/tl.h"

#define WORKERS 4
#define PORTS	400 // of each client
#define BACK	256
#define POOL	8191
enum { LAN, WAN };

struct source { // of one worker
	unsigned id;
	unsigned calls;
	uint32_t seed;
	struct rte_mbuf *back[BACK]; // answers on their way
	unsigned n_back;
};

static struct pl_worker *worker[WORKERS];
static struct source source[WORKERS];
static struct rte_mempool *pool;
static struct rte_mbuf *sample;
static _Atomic bool flows_end; // from now on control ends flows, so their packets are new again
static _Atomic unsigned wrong;
static _Atomic unsigned long answers;

static void
bad(const char *what)
{
	if (atomic_fetch_add_explicit(&wrong, 1, memory_order_relaxed) < 10)
		fprintf(stderr, "seen: %s\n", what);
}

// ---- a pool that the sanitizer can follow -------------------------------------------------------

struct stack {
	pthread_mutex_t lock;
	unsigned n;
	void *at[POOL];
};

static int
stack_alloc(struct rte_mempool *mp)
{
	struct stack *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return -1;
	pthread_mutex_init(&s->lock, NULL);
	mp->pool_data = s;
	return 0;
}

static void
stack_free(struct rte_mempool *mp)
{
	free(mp->pool_data);
}

static int
stack_put(struct rte_mempool *mp, void *const *obj, unsigned n)
{
	struct stack *s = mp->pool_data;

	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < n; i++)
		s->at[s->n++] = obj[i];
	pthread_mutex_unlock(&s->lock);
	return 0;
}

static int
stack_get(struct rte_mempool *mp, void **obj, unsigned n)
{
	struct stack *s = mp->pool_data;
	int ret = -1;

	pthread_mutex_lock(&s->lock);
	if (s->n >= n) {
		for (unsigned i = 0; i < n; i++)
			obj[i] = s->at[--s->n];
		ret = 0;
	}
	pthread_mutex_unlock(&s->lock);
	return ret;
}

static unsigned
stack_count(const struct rte_mempool *mp)
{
	struct stack *s = mp->pool_data;
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->n;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static const struct rte_mempool_ops stack_ops = {
	.name = "tl_stack",
	.alloc = stack_alloc,
	.free = stack_free,
	.enqueue = stack_put,
	.dequeue = stack_get,
	.get_count = stack_count,
};
RTE_MEMPOOL_REGISTER_OPS(stack_ops);

// ---- packets ------------------------------------------------------------------------------------

static struct rte_udp_hdr *
udp_of(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, struct rte_udp_hdr *, 34);
}

static struct rte_ipv4_hdr *
ip_of(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
}

static struct rte_mbuf *
make(struct source *s)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint32_t random = s->seed = s->seed * 1664525 + 1013904223;
	struct rte_ipv4_hdr *ip;

	if (m == NULL)
		return NULL;
	memcpy(rte_pktmbuf_append(m, rte_pktmbuf_data_len(sample)),
	       rte_pktmbuf_mtod(sample, void *), rte_pktmbuf_data_len(sample));
	ip = ip_of(m);
	ip->src_addr = rte_cpu_to_be_32(0xc0a80102 + (random >> 8) % 3);
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	udp_of(m)->src_port = rte_cpu_to_be_16((uint16_t)(30000 + (random >> 12) % PORTS));
	udp_of(m)->dgram_cksum = 0;
	return m;
}

static uint16_t
from_lan(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct source *s = ctx;
	uint16_t got = 0;

	(void)queue;
	if (++s->calls % 64 > 16) // silence, in which workers rest
		return 0;
	while (got < 4 && got < n && (m[got] = make(s)) != NULL)
		got++;
	return got;
}

static uint16_t
from_wan(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct source *s = ctx;
	uint16_t got = 0;

	(void)queue;
	while (got < n && s->n_back != 0)
		m[got++] = s->back[--s->n_back];
	return got;
}

static int
wake(void *ctx, uint16_t queue, enum pl_wake what)
{
	(void)ctx;
	(void)queue;
	(void)what;
	return 0;
}

// ---- stages -------------------------------------------------------------------------------------

static const struct pl_nat_rule masquerade = {.kind = PL_NAT_MASQUERADE};

static void
parse_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	(void)conf;
	PL_FOREACH (p, b) {
		int ret = pl_parse(p);

		if (ret != 0)
			pl_drop(w, b, p, ret > 0 ? (enum pl_drop)(ret - 1) : PL_DROP_NOT_IP);
	}
}

static void
route_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	(void)w;
	PL_FOREACH (p, b) {
		p->path = PL_PATH_FORWARD;
		p->out_port = p->in_port == LAN ? WAN : LAN;
		p->nat_rule = p->out_port == WAN ? conf : NULL; // of this program: freed with it
	}
}

static void
sink_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct source *s = &source[w->id];
	struct pl_pkt *p;

	(void)conf;
	PL_FOREACH (p, b) {
		struct rte_mbuf *m = pl_take(b, p);
		struct rte_ipv4_hdr *ip = ip_of(m);
		struct rte_udp_hdr *udp = udp_of(m);
		rte_be32_t addr = ip->src_addr;
		rte_be16_t port = udp->src_port;

		if (p->out_port == LAN) {
			if (p->ct_state == PL_CT_NEW &&
			    !atomic_load_explicit(&flows_end, memory_order_relaxed))
				bad("an answer was called new");
			atomic_fetch_add_explicit(&answers, 1, memory_order_relaxed);
		}
		if (p->out_port == LAN || s->n_back == BACK) {
			rte_pktmbuf_free(m);
			continue;
		}
		ip->src_addr = ip->dst_addr;
		ip->dst_addr = addr;
		udp->src_port = udp->dst_port;
		udp->dst_port = port;
		s->back[s->n_back++] = m;
	}
}

static const struct pl_stage parse = {"parse", parse_run, NULL}, route = {"route", route_run, NULL},
			     sink = {"sink", sink_run, NULL};

struct policy { // what is published, and freed when no worker has it any more
	struct pl_program prog;
	struct ct_conf ct;
	struct nat_conf nat;
	struct pl_nat_rule rule;
};

static struct policy *
policy_new(uint64_t generation)
{
	struct policy *c = calloc(1, sizeof(*c));
	const struct pl_stage *stages[] = {
		&parse, &ct_steer_stage, &ct_lookup_stage,  &nat_dst_stage,
		&route, &nat_src_stage,	 &ct_confirm_stage, &sink};

	if (c == NULL)
		abort();
	ct_conf_init(&c->ct, NULL, generation);
	c->nat.port_selection = CFG_PORTS_PRESERVE;
	c->rule = masquerade;
	c->prog.generation = generation;
	c->prog.n_stage = RTE_DIM(stages);
	for (unsigned i = 0; i < RTE_DIM(stages); i++) {
		bool ct = stages[i] == &ct_lookup_stage || stages[i] == &ct_confirm_stage;
		bool nat = stages[i] == &nat_dst_stage || stages[i] == &nat_src_stage;

		c->prog.step[i].stage = stages[i];
		c->prog.step[i].conf = ct		     ? (const void *)&c->ct
				       : nat		     ? (const void *)&c->nat
				       : stages[i] == &route ? (const void *)&c->rule
							     : NULL;
	}
	return c;
}

static void
policy_free(const struct pl_program *prog)
{
	struct policy *c = (struct policy *)(uintptr_t)prog;

	if (c != NULL)
		memset(c, 0xff, sizeof(*c)); // who still looks at it falls over it
	free(c);
}

// ---- control ------------------------------------------------------------------------------------

struct listing {
	uint64_t cursor;
	uint8_t *used; // by port of a reply
};

static bool
list(struct pl_worker *w, void *arg)
{
	struct listing *l = arg;
	static struct ct_flow flow[512];
	unsigned n = ct_table_dump(w->ct, w->now_ns, &l->cursor, flow, RTE_DIM(flow));

	for (unsigned i = 0; i < n; i++) {
		uint16_t port = rte_be_to_cpu_16(flow[i].tuple[CT_REPLY].dport);

		// A listing takes a while: what ends meanwhile may be there twice.
		if (l->used[port]++ != 0 && !atomic_load_explicit(&flows_end, memory_order_relaxed))
			bad("two flows share a reply tuple");
	}
	return l->cursor == UINT64_MAX;
}

static bool
flush(struct pl_worker *w, void *arg)
{
	(void)arg;
	ct_table_flush(w, NULL, NULL);
	return true;
}

static uint64_t
load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static uint64_t
sum_of(size_t off)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < WORKERS; i++)
		sum += load((const uint64_t *)((const char *)&worker[i]->cnt + off));
	return sum;
}

static void
look(void)
{
	static uint8_t used[UINT16_MAX + 1];

	memset(used, 0, sizeof(used));
	for (unsigned i = 0; i < WORKERS; i++) {
		struct listing l = {.used = used};

		if (pl_worker_call(worker[i], list, &l, 10000) != 0)
			bad("a worker does not answer");
		(void)load(&ct_table_stats(worker[i]->ct)->created);
		(void)ct_table_count(worker[i]->ct);
	}
	for (unsigned d = 0; d < PL_DROP_COUNT; d++) {
		bool fine = d == PL_DROP_PARK_LATE || d == PL_DROP_PARK_FULL ||
			    d == PL_DROP_HANDOFF_FULL || d == PL_DROP_CT_CLASH;

		if (sum_of(offsetof(struct pl_counters, drop[d])) != 0 && !fine)
			bad(pl_drop_name((enum pl_drop)d));
	}
}

static void
control(unsigned seconds)
{
	const time_t end = time(NULL) + (time_t)seconds;
	uint64_t generation = 1;

	while (time(NULL) < end) {
		const struct pl_program *before;

		if (pl_program_publish(&policy_new(++generation)->prog, &before) != 0)
			bad("a worker stands still");
		policy_free(before);
		look();
		if (time(NULL) + (time_t)seconds / 3 < end)
			continue;
		atomic_store_explicit(&flows_end, true, memory_order_relaxed);
		for (unsigned i = 0; i < WORKERS; i++)
			pl_worker_call(worker[i], flush, NULL, 10000);
	}
	printf("%lu policies, %lu answers, %lu handed over, %lu packets waited, %lu clashes\n",
	       (unsigned long)generation, atomic_load(&answers),
	       (unsigned long)sum_of(offsetof(struct pl_counters, handed_over)),
	       (unsigned long)sum_of(offsetof(struct pl_counters, parked)),
	       (unsigned long)load(&ct_table_stats(worker[0]->ct)->clash));
}

// ---- start and end ------------------------------------------------------------------------------

static bool
port_addr(const struct pl_worker *w, uint8_t port, uint8_t family, const union pl_addr *dst,
	  union pl_addr *out)
{
	(void)w;
	(void)dst;
	out->v4 = rte_cpu_to_be_32(0xcb007101);
	return family == 4 && port == WAN;
}

static int
set_up(void)
{
	static void (*const idle[])(struct pl_worker * w) = {ct_turn_end, NULL};
	const struct nat_env env = {.port_addr = port_addr};

	tl_init();
	sample = tl_frame(&(struct tl_spec){.src = "192.168.1.2", .dst = "198.51.100.7"});
	pool = rte_pktmbuf_pool_create_by_ops("race", POOL, 0, sizeof(struct pl_meta),
					      RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY, "tl_stack");
	if (pool == NULL || pl_rcu_create(WORKERS, SOCKET_ID_ANY) < 0)
		return -1;
	tl_workers(worker, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++) {
		struct pl_worker *w = worker[i];

		source[i] = (struct source){.id = i, .seed = i};
		w->rx[0] = (struct pl_rx){from_lan, &source[i], 0, LAN, PL_FROM_WIRE, wake};
		w->rx[1] = (struct pl_rx){from_wan, &source[i], 0, WAN, PL_FROM_WIRE, wake};
		w->n_rx = 2;
		w->idle = idle;
		if (ct_table_create(&w->ct, 8192, (uint16_t)i, SOCKET_ID_ANY) < 0 ||
		    nat_core_create(&w->nat, &env, (uint16_t)i, SOCKET_ID_ANY) < 0 ||
		    pl_rest_set(w, PL_POLL_ADAPTIVE) < 0)
			return -1;
	}
	return ct_join(worker, WORKERS);
}

static void *
run(void *arg)
{
	pl_worker_loop(arg);
	return NULL;
}

int
main(int argc, char **argv)
{
	pthread_t thread[WORKERS];
	unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 3;
	const struct pl_program *last;

	if (set_up() < 0)
		return 2;
	pl_program_publish(&policy_new(1)->prog, NULL);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_create(&thread[i], NULL, run, worker[i]);
	control(seconds);
	for (unsigned i = 0; i < WORKERS; i++)
		atomic_store_explicit(&worker[i]->stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(thread[i], NULL);
	pl_program_publish(NULL, &last);
	policy_free(last);
	for (unsigned i = 0; i < WORKERS; i++) {
		rte_pktmbuf_free_bulk(source[i].back, source[i].n_back);
		ct_table_free(worker[i]->ct);
		nat_core_free(worker[i]->nat);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		pl_worker_free(worker[i]);
	if (rte_mempool_in_use_count(pool) != 0)
		bad("a packet's memory is lost");
	if (atomic_load(&answers) == 0)
		bad("no answer at all");
	rte_mempool_free(pool);
	pl_rcu_free();
	return atomic_load(&wrong) != 0;
}
