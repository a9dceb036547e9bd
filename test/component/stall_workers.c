// Three workers with threads of their own, and a stage in which one of them comes to stand: the
// others go on, control learns who it is and waits for it no longer than it says, a policy that the
// one may still run is not called free, and the routes that were changed meanwhile are right when
// it has gone on. A plain program, so that it runs under the thread sanitizer as well; meson runs
// it as component_stall. Exit 0: nothing wrong was seen.
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "config/policy.h"
#include "net/table.h"
#include "test/lib/tl.h"

#define WORKERS 3
#define STANDS	2

static struct pl_worker *worker[WORKERS];
static struct net_table *table;
static _Atomic bool stand;  // the stage shall block
static _Atomic bool stands; // it does
static _Atomic uint64_t turns[WORKERS];
static unsigned wrong;

#define SHALL(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "line %d: not so: %s\n", __LINE__, #x);                    \
			wrong++;                                                                   \
		}                                                                                  \
	} while (0)

static void
idle(struct pl_worker *w)
{
	atomic_fetch_add_explicit(&turns[w->id], 1, memory_order_relaxed);
	if (w->id != STANDS || !atomic_load_explicit(&stand, memory_order_acquire))
		return;
	atomic_store_explicit(&stands, true, memory_order_release);
	while (atomic_load_explicit(&stand, memory_order_acquire))
		usleep(1000);
}

static void *
run(void *arg)
{
	pl_worker_loop(arg);
	return NULL;
}

static bool
goes_on(unsigned i)
{
	uint64_t was = atomic_load(&turns[i]);

	for (unsigned ms = 0; ms < 5000; ms++) {
		if (atomic_load(&turns[i]) > was + 10)
			return true;
		usleep(1000);
	}
	return false;
}

static struct cfg_prefix
prefix4(uint32_t addr, uint8_t len)
{
	struct cfg_prefix p = {.family = CFG_IPV4, .len = len};

	for (unsigned i = 0; i < 4; i++)
		p.addr[i] = (uint8_t)(addr >> (24 - 8 * i));
	return p;
}

// The gateway's last byte behind 20.N.0.1, 0: no route.
static unsigned
gateway_of(unsigned n)
{
	union pl_addr a = {.v6 = {20, (uint8_t)n, 0, 1}};
	const struct net_nh *nh = &table->nh[net_fib_lookup(table, 4, &a)];

	return nh->type == NET_T_GATEWAY ? nh->gw.v6[3] : 0;
}

static int
route(unsigned n, unsigned gateway)
{
	struct cfg_prefix to = prefix4(0x14000000 | n << 16, 16);
	struct cfg_prefix via = prefix4(0x0a000000 | gateway, 32);

	return gateway != 0 ? net_table_add_route(table, &to, &via, 0, false)
			    : net_table_del_route(table, &to);
}

static bool
call(struct pl_worker *w, void *arg)
{
	(void)w;
	*(bool *)arg = true;
	return true;
}

static void
while_it_stands(const struct pl_program *was, const struct pl_program *next)
{
	const struct pl_program *before = NULL;
	uint64_t from = pl_clock_us() / 1000, took;
	bool called = false;

	SHALL(pl_program_publish(next, &before) == -ETIMEDOUT);
	took = pl_clock_us() / 1000 - from;
	SHALL(took >= PL_RCU_WAIT_MS && took < PL_RCU_WAIT_MS + 3000);
	SHALL(before == was);
	from = pl_clock_us() / 1000;
	SHALL(pl_rcu_wait() == -ETIMEDOUT); // known by now: said at once
	SHALL(pl_clock_us() / 1000 - from < 500);
	SHALL(!pl_rcu_waiting());
	SHALL(pl_workers_silent(worker, WORKERS, 200) == STANDS);
	SHALL(pl_worker_call(worker[STANDS], call, &called, 100) == -ETIMEDOUT);
	SHALL(!called);
	for (unsigned i = 0; i < WORKERS; i++)
		SHALL(i == STANDS || goes_on(i));

	// All of them are taken, and have to wait.
	SHALL(route(1, 9) == 0 && route(2, 8) == 0 && route(0, 0) == 0 && route(3, 7) == 0);
	net_table_settle(table);
	SHALL(gateway_of(0) == 5);
}

static void
behind(void)
{
	SHALL(pl_rcu_wait() == 0);
	SHALL(pl_workers_silent(worker, WORKERS, 5000) == -1);
	net_table_settle(table);
	SHALL(gateway_of(0) == 0);
	SHALL(gateway_of(1) == 9);
	SHALL(gateway_of(2) == 8);
	SHALL(gateway_of(3) == 7);
	SHALL(route(0, 4) == 0 && route(2, 0) == 0);
	SHALL(gateway_of(0) == 4);
	SHALL(gateway_of(2) == 0);
}

int
main(void)
{
	static void (*const idles[])(struct pl_worker * w) = {idle, NULL};
	static struct pl_program program[3];
	const struct net_table_conf conf = {.routes4 = 100,
					    .routes6 = 100,
					    .neighbours = 100,
					    .n_workers = WORKERS,
					    .socket = SOCKET_ID_ANY,
					    .small = true};
	const struct net_port_info port = {.name = "lan", .mtu = 1500, .up = true};
	struct cfg_prefix addr = prefix4(0x0a000001, 8), extra = prefix4(0x0b000001, 24);
	pthread_t thread[WORKERS];

	tl_init();
	if (pl_rcu_create(WORKERS, SOCKET_ID_ANY) < 0 || net_table_create(&table, &conf) < 0)
		return 2;
	tl_workers(worker, WORKERS);
	pl_program_publish(&program[0], NULL);
	for (unsigned i = 0; i < WORKERS; i++) {
		worker[i]->idle = idles;
		pthread_create(&thread[i], NULL, run, worker[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		SHALL(goes_on(i));
	SHALL(net_table_set_port(table, 0, &port) == 0);
	SHALL(net_table_add_addr(table, 0, &addr) == 0);
	SHALL(route(0, 5) == 0 && gateway_of(0) == 5);

	atomic_store(&stand, true);
	while (!atomic_load(&stands))
		usleep(1000);
	while_it_stands(&program[0], &program[1]);
	SHALL(net_table_add_addr(table, 0, &extra) == 0);
	atomic_store(&stand, false);
	SHALL(goes_on(STANDS));
	behind();
	SHALL(pl_program_publish(&program[2], NULL) == 0);
	for (unsigned i = 0; i < WORKERS; i++)
		atomic_store_explicit(&worker[i]->stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(thread[i], NULL);
	pl_program_publish(NULL, NULL);
	net_table_free(table);
	for (unsigned i = 0; i < WORKERS; i++)
		pl_worker_free(worker[i]);
	pl_rcu_free();
	printf("%s\n", wrong == 0 ? "a worker that stands still stops nobody else" : "see above");
	return wrong == 0 ? 0 : 1;
}
