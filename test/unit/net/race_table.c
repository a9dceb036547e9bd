// The network table under a writer and two readers, as the control thread and two workers use it. A
// reader must never see a prefix vanish while another route covers it, half a link address, a next
// hop that is not complete, or a view that is freed. A plain program, since Criterion crashes under
// the thread sanitizer; run by meson as net_race. Exit 0: nothing wrong was seen.
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rte_rcu_qsbr.h>

#include "config/policy.h"
#include "net/table.h"
#include "test/lib/tl.h"

#define READERS 2

static struct net_table *table;
static _Atomic bool stop;
static _Atomic unsigned wrong;
static _Atomic unsigned long looks;

static struct cfg_prefix
prefix4(uint32_t addr, uint8_t len)
{
	struct cfg_prefix p = {.family = CFG_IPV4, .len = len};

	for (unsigned i = 0; i < 4; i++)
		p.addr[i] = addr >> (24 - 8 * i);
	return p;
}

static void
bad(const char *what)
{
	if (atomic_fetch_add_explicit(&wrong, 1, memory_order_relaxed) < 10)
		fprintf(stderr, "seen: %s\n", what);
}

// 20.0.0.0/8 is always there; something longer comes and goes below it, by link or by gateway.
static void
look_at_routes(unsigned *seed)
{
	union pl_addr a = {0};
	const struct net_nh *nh;

	a.v4 = rte_cpu_to_be_32(0x14000000 | (rand_r(seed) & 0x00ffffff));
	nh = &table->nh[net_fib_lookup(table, 4, &a)];
	if (nh->type == NET_T_GATEWAY) {
		const struct net_neigh *e = &table->neigh[nh->neigh];

		if (nh->neigh == 0 || nh->gw.v6[0] != 10 || !pl_addr_eq(&e->addr, &nh->gw))
			bad("a gateway that is not complete");
	} else if (nh->type != NET_T_LINK) {
		bad("no route below a covering prefix");
	}
}

static void
look_at_neighbours(void)
{
	union pl_addr a = {.v6 = {10, 0, 0, 7}};
	uint32_t i = net_neigh_find(table, 0, 4, &a);
	uint64_t mac = i != 0 ? net_neigh_mac(&table->neigh[i]) : 0;
	uint8_t b[6];

	memcpy(b, &mac, 6);
	for (unsigned k = 1; k < 6 && mac != 0; k++) {
		if (b[k] != b[0])
			bad("half a link address");
	}
}

static void
look_at_view(void)
{
	const struct net_view *v = net_view(table);
	union pl_addr src;

	if (!net_view_source(v, 0, 4, NULL, &src) || src.v6[0] != 10)
		bad("a port without its address");
	if (v->port[0].info.mtu != 1000 && v->port[0].info.mtu != 2000)
		bad("an MTU that nobody set");
}

static void *
reader(void *arg)
{
	unsigned id = (unsigned)(uintptr_t)arg, seed = id;

	rte_rcu_qsbr_thread_register(pl_qsbr, id);
	rte_rcu_qsbr_thread_online(pl_qsbr, id);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		for (unsigned i = 0; i < 64; i++) {
			look_at_routes(&seed);
			look_at_neighbours();
			look_at_view();
		}
		atomic_fetch_add_explicit(&looks, 64, memory_order_relaxed);
		rte_rcu_qsbr_quiescent(pl_qsbr, id);
		sched_yield(); // there may be fewer cores than threads
	}
	rte_rcu_qsbr_thread_offline(pl_qsbr, id);
	rte_rcu_qsbr_thread_unregister(pl_qsbr, id);
	return NULL;
}

static int
change(unsigned n, unsigned *seed)
{
	struct cfg_prefix to = prefix4(0x14000000 | (rand_r(seed) & 0x0000ff00), 9 + n % 24);
	struct cfg_prefix via = prefix4(0x0a000000 | (8 + rand_r(seed) % 100), 32);
	struct cfg_prefix who = prefix4(0x0a000007, 32), extra = prefix4(0x0b000001, 24);
	struct net_port_info info = {.mtu = n % 2 ? 1000 : 2000, .up = true};
	uint8_t mac[6];

	memset(mac, n % 200, sizeof(mac));
	switch (n % 8) {
	case 0:
	case 1:
	case 2:
		return net_table_add_route(table, &to, n % 3 ? &via : NULL, 0, false);
	case 3:
	case 4:
		net_table_del_route(table, &to);
		return 0;
	case 5:
		return net_table_set_neigh(table, 0, &who, mac, false);
	case 6:
		if (n % 3 == 0)
			net_table_del_neigh(table, 0, &who);
		net_table_del_addr(table, 1, &extra);
		return net_table_add_addr(table, 1, &extra);
	default:
		return net_table_set_port(table, 0, &info);
	}
}

static int
set_up(void)
{
	const struct net_table_conf conf = {.routes4 = 4096,
					    .routes6 = 64,
					    .neighbours = 256,
					    .n_workers = READERS,
					    .socket = SOCKET_ID_ANY,
					    .small = true};
	const struct net_port_info info = {.mtu = 1000, .up = true};
	struct cfg_prefix own = prefix4(0x0a000001, 24), wide = prefix4(0x14000000, 8);

	if (pl_rcu_create(READERS, SOCKET_ID_ANY) < 0 || net_table_create(&table, &conf) < 0)
		return -1;
	if (net_table_set_port(table, 0, &info) < 0 || net_table_add_addr(table, 0, &own) < 0)
		return -1;
	return net_table_add_route(table, &wide, NULL, 0, false);
}

int
main(void)
{
	pthread_t thread[READERS];
	unsigned n = 0, seed = 7, failed = 0;
	time_t end;

	tl_init();
	if (set_up() < 0)
		return 2;
	for (unsigned i = 0; i < READERS; i++)
		pthread_create(&thread[i], NULL, reader, (void *)(uintptr_t)i);
	end = time(NULL) + 3;
	while (time(NULL) < end)
		failed += change(n++, &seed) < 0;
	atomic_store_explicit(&stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < READERS; i++)
		pthread_join(thread[i], NULL);
	printf("%u changes, %u failed, %lu looks, %u wrong\n", n, failed, atomic_load(&looks),
	       atomic_load(&wrong));
	net_table_free(table);
	pl_rcu_free();
	return wrong != 0 || failed != 0;
}
