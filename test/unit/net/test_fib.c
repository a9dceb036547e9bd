// The real longest-prefix tables (DIR24_8 and TRIE, both sides) beside the plain ones: the same
// changes, the same answers; and they fit into 512 MiB without hugepages. An EAL of its own, with
// that much memory.
#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_malloc.h>

#include "config/policy.h"
#include "net/table.h"

static void
eal(void)
{
	char prefix[64];
	char *argv[] = {
		"test", "--no-huge",	  "--no-shconf", "--no-pci",	  "-m",	 "512", "-l",
		"0",	"--no-telemetry", "--log-level", "lib.eal:error", prefix};

	snprintf(prefix, sizeof(prefix), "--file-prefix=rwfib%d", getpid());
	cr_assert(rte_eal_init(RTE_DIM(argv), argv) >= 0);
}

static struct net_table *
table(bool small)
{
	const struct net_table_conf conf = {.routes4 = 65536,
					    .routes6 = 16384,
					    .neighbours = 4096,
					    .n_workers = 1,
					    .socket = SOCKET_ID_ANY,
					    .small = small};
	struct net_table *t;
	int ret = net_table_create(&t, &conf);

	cr_assert(ret == 0, "%d", ret);
	return t;
}

static struct cfg_prefix
random_prefix(bool v6)
{
	struct cfg_prefix p = {.family = v6 ? CFG_IPV6 : CFG_IPV4};
	unsigned bytes = v6 ? 16 : 4;

	p.addr[0] = v6 ? 0x20 : 20;
	for (unsigned i = 1; i < bytes; i++)
		p.addr[i] = rand() % 4;
	p.len = rand() % (bytes * 8 + 1);
	return p;
}

static uint16_t
look(const struct net_table *t, const struct cfg_prefix *p)
{
	union pl_addr a = {0};

	memcpy(a.v6, p->addr, p->family == CFG_IPV4 ? 4 : 16);
	return net_fib_lookup(t, p->family == CFG_IPV4 ? 4 : 6, &a);
}

Test(net_fib, large_tables_answer_as_small_ones)
{
	struct net_table *big, *small;
	struct rte_malloc_socket_stats before, after;

	eal();
	srand(4);
	rte_malloc_get_socket_stats(0, &before);
	big = table(false);
	rte_malloc_get_socket_stats(0, &after);
	cr_expect(after.heap_allocsz_bytes - before.heap_allocsz_bytes < 256u << 20, "%zu MiB",
		  (after.heap_allocsz_bytes - before.heap_allocsz_bytes) >> 20);
	small = table(true);
	for (unsigned i = 0; i < 4000; i++) {
		struct cfg_prefix p = random_prefix(i % 2), q;
		uint8_t port = rand() % 60;
		int a, b;

		if (rand() % 3 == 0) {
			a = net_table_del_route(big, &p);
			b = net_table_del_route(small, &p);
		} else {
			a = net_table_add_route(big, &p, NULL, port, false);
			b = net_table_add_route(small, &p, NULL, port, false);
		}
		cr_assert(a == b, "change %u: %d, %d", i, a, b);
		for (unsigned k = 0; k < 4; k++) {
			q = k == 0 ? p : random_prefix(k % 2);
			cr_expect(look(big, &q) == look(small, &q), "change %u", i);
		}
	}
	net_table_free(big);
	net_table_free(small);
}
