// The host's routes and neighbours as control/ keeps them, without a kernel: what the table is
// told, in order.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "control/host_neigh.h"
#include "control/host_routes.h"
#include "test/unit/control/fake_net.h"

static struct ctl_route
route(const char *to, const char *via, uint8_t port, uint32_t metric)
{
	struct ctl_route r = {.to = prefix(to), .metric = metric, .port = port};

	if (via != NULL)
		r.via = prefix(via);
	r.blackhole = port == PL_PORT_NONE;
	return r;
}

#define EXPECT(text) cr_expect(eq(str, (char *)said(), text))

Test(ctl_host, the_lowest_metric_counts_and_the_next_one_takes_over)
{
	struct ctl_route a = route("10.0.0.0/8", "192.0.2.1", 0, 100),
			 b = route("10.0.0.0/8", "192.0.2.2", 1, 20),
			 c = route("10.0.0.0/8", NULL, 1, 300),
			 other = route("10.0.0.0/9", "192.0.2.1", 0, 1);
	struct ctl_routes *r;

	cr_assert(eq(int, ctl_routes_create(&r, NULL), 0));
	ctl_routes_del(r, &a);
	EXPECT("");
	ctl_routes_add(r, &a, false);
	EXPECT("route+ 10.0.0.0/8 via 192.0.2.1 port 0\n");
	ctl_routes_add(r, &a, false);
	EXPECT("");
	ctl_routes_add(r, &b, false);
	EXPECT("route+ 10.0.0.0/8 via 192.0.2.2 port 1\n");
	ctl_routes_add(r, &c, false);
	EXPECT("");
	ctl_routes_del(r, &other);
	EXPECT("");
	ctl_routes_del(r, &a);
	EXPECT("");
	ctl_routes_del(r, &b);
	EXPECT("route+ 10.0.0.0/8 via - port 1\n");
	ctl_routes_del(r, &c);
	EXPECT("route- 10.0.0.0/8\n");
	cr_expect(eq(sz, ctl_routes_count(r), 0));
	ctl_routes_free(r);
}

Test(ctl_host, a_replacement_takes_the_place_of_its_metric_only)
{
	struct ctl_route a = route("::/0", "fe80::1", 0, 1024),
			 b = route("::/0", "fe80::2", 0, 1024),
			 c = route("::/0", "fe80::3", 1, 512),
			 hole = route("::/0", NULL, PL_PORT_NONE, 1);
	struct ctl_routes *r;

	cr_assert(eq(int, ctl_routes_create(&r, NULL), 0));
	ctl_routes_add(r, &a, false);
	ctl_routes_add(r, &b, false);
	EXPECT("route+ ::/0 via fe80::1 port 0\n");
	ctl_routes_add(r, &c, false);
	EXPECT("route+ ::/0 via fe80::3 port 1\n");
	ctl_routes_add(r, &b, true);
	EXPECT("");
	cr_expect(eq(sz, ctl_routes_count(r), 2));
	ctl_routes_del(r, &c);
	EXPECT("route+ ::/0 via fe80::2 port 0\n");
	ctl_routes_add(r, &hole, false);
	EXPECT("route+ ::/0 via - port 63 blackhole\n");
	ctl_routes_free(r);
}

Test(ctl_host, what_a_dump_does_not_name_is_gone)
{
	struct ctl_route a = route("10.0.0.0/8", "192.0.2.1", 0, 0),
			 b = route("10.0.0.0/8", "192.0.2.2", 0, 5),
			 c = route("172.16.0.0/12", "192.0.2.1", 0, 0),
			 own = route("172.16.0.0/12", "198.51.100.1", 1, 0);
	struct ctl_routes *r;

	cr_assert(eq(int, ctl_routes_create(&r, NULL), 0));
	ctl_routes_static(r, &own);
	EXPECT("route+ 172.16.0.0/12 via 198.51.100.1 port 1\n");
	ctl_routes_add(r, &a, false);
	ctl_routes_add(r, &b, false);
	ctl_routes_add(r, &c, false);
	EXPECT("route+ 10.0.0.0/8 via 192.0.2.1 port 0\nroute+ 172.16.0.0/12 via 192.0.2.1 port "
	       "0\n");
	ctl_routes_mark(r);
	ctl_routes_add(r, &b, false);
	EXPECT("");
	ctl_routes_sweep(r);
	cr_expect(eq(sz, ctl_routes_count(r), 2));
	// In which order the two prefixes come is not said.
	cr_expect_not_null(strstr(log_text, "route+ 10.0.0.0/8 via 192.0.2.2 port 0\n"));
	cr_expect_not_null(strstr(log_text, "route+ 172.16.0.0/12 via 198.51.100.1 port 1\n"));
	said();
	ctl_routes_mark(r);
	ctl_routes_sweep(r);
	EXPECT("route- 10.0.0.0/8\n");
	ctl_routes_free(r);
}

Test(ctl_host, a_refused_route_is_tried_again_when_something_changes)
{
	struct ctl_route a = route("10.0.0.0/8", "192.0.2.1", 0, 0),
			 b = route("10.0.0.0/8", "192.0.2.2", 0, 5);
	struct ctl_routes *r;

	cr_assert(eq(int, ctl_routes_create(&r, NULL), 0));
	fail_add = -ENOSPC;
	ctl_routes_add(r, &a, false);
	EXPECT("route+ 10.0.0.0/8 via 192.0.2.1 port 0\n");
	ctl_routes_add(r, &b, false);
	EXPECT("route+ 10.0.0.0/8 via 192.0.2.1 port 0\n");
	ctl_routes_free(r);
}

Test(ctl_host, many_routes_come_and_go)
{
	struct ctl_routes *r;

	cr_assert(eq(int, ctl_routes_create(&r, NULL), 0));
	for (unsigned round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < 20000; i++) {
			struct ctl_route x = route("0.0.0.0/24", "192.0.2.1", 0, 0);

			memcpy(x.to.addr, &i, 3);
			if (round == 0)
				cr_assert(eq(int, ctl_routes_add(r, &x, false), 0));
			else
				ctl_routes_del(r, &x);
			log_text[0] = '\0';
		}
		cr_expect(eq(sz, ctl_routes_count(r), round == 0 ? 20000 : 0));
	}
	ctl_routes_free(r);
}

static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 0xa}, mac_b[6] = {2, 0, 0, 0, 0, 0xb};

Test(ctl_host, neighbours_are_told_on_change_only)
{
	struct cfg_prefix a = prefix("192.0.2.1"), b = prefix("2001:db8::1");
	struct ctl_neighs *n;

	cr_assert(eq(int, ctl_neighs_create(&n, NULL), 0));
	ctl_neighs_set(n, 0, &a, NULL, CTL_NEIGH_GONE, 0);
	EXPECT("");
	ctl_neighs_set(n, 0, &a, mac_a, CTL_NEIGH_VALID, 0);
	EXPECT("neigh+ 0 192.0.2.1 02:00:00:00:00:0a\n");
	ctl_neighs_set(n, 0, &a, mac_a, CTL_NEIGH_STALE, 0);
	EXPECT("");
	ctl_neighs_set(n, 1, &a, mac_a, CTL_NEIGH_VALID, 0);
	ctl_neighs_set(n, 1, &b, mac_b, CTL_NEIGH_VALID, 0);
	EXPECT("neigh+ 1 192.0.2.1 02:00:00:00:00:0a\nneigh+ 1 2001:db8::1 02:00:00:00:00:0b\n");
	ctl_neighs_set(n, 0, &a, mac_b, CTL_NEIGH_VALID, 0);
	EXPECT("neigh+ 0 192.0.2.1 02:00:00:00:00:0b\n");
	ctl_neighs_set(n, 0, &a, NULL, CTL_NEIGH_GONE, 0);
	EXPECT("neigh- 0 192.0.2.1\n");
	ctl_neighs_mark(n);
	ctl_neighs_set(n, 1, &b, mac_b, CTL_NEIGH_VALID, 0);
	ctl_neighs_sweep(n);
	EXPECT("neigh- 1 192.0.2.1\n");
	ctl_neighs_free(n);
}

Test(ctl_host, stale_neighbours_are_named_to_the_kernel_once_in_a_while)
{
	struct cfg_prefix a = prefix("192.0.2.1"), b = prefix("192.0.2.2"), got[4];
	struct ctl_neighs *n;
	uint8_t port[4];

	cr_assert(eq(int, ctl_neighs_create(&n, NULL), 0));
	cr_expect(eq(uint, ctl_neighs_refresh(n, got, port, 4, 1u << 30), 0));
	ctl_neighs_set(n, 2, &a, mac_a, CTL_NEIGH_STALE, 1000);
	ctl_neighs_set(n, 0, &b, mac_b, CTL_NEIGH_VALID, 1000);
	cr_expect(
		eq(uint, ctl_neighs_refresh(n, got, port, 4, 1000 + CTL_NEIGH_REFRESH_MS - 1), 0));
	// Stale again says nothing new.
	ctl_neighs_set(n, 2, &a, mac_a, CTL_NEIGH_STALE, 15000);
	cr_expect(eq(uint, ctl_neighs_refresh(n, got, port, 4, 1000 + CTL_NEIGH_REFRESH_MS), 1));
	cr_expect(eq(uint, port[0], 2));
	cr_expect(eq(str, (char *)text_of(&got[0], false), "192.0.2.1"));
	cr_expect(eq(uint, ctl_neighs_refresh(n, got, port, 4, 2000 + CTL_NEIGH_REFRESH_MS), 0));
	ctl_neighs_set(n, 2, &a, mac_a, CTL_NEIGH_VALID, 30000);
	cr_expect(eq(uint, ctl_neighs_refresh(n, got, port, 4, 1u << 30), 0));
	ctl_neighs_free(n);
}

Test(ctl_host, many_neighbours_come_and_go_in_any_order)
{
	struct ctl_neighs *n;
	bool have[512] = {0};
	unsigned seed = 42, count = 0;

	cr_assert(eq(int, ctl_neighs_create(&n, NULL), 0));
	for (unsigned i = 0; i < 50000; i++) {
		unsigned k = (seed = seed * 1103515245 + 12345) >> 16 & 511;
		struct cfg_prefix a = prefix("10.0.0.0");

		a.addr[2] = (uint8_t)(k >> 8);
		a.addr[3] = (uint8_t)k;
		ctl_neighs_set(n, 0, &a, mac_a, have[k] ? CTL_NEIGH_GONE : CTL_NEIGH_VALID, 0);
		cr_assert(eq(int, said()[5] == '+', !have[k]), "step %u: each change is told once",
			  i);
		have[k] = !have[k];
	}
	for (unsigned k = 0; k < 512; k++)
		count += have[k];
	ctl_neighs_mark(n);
	ctl_neighs_sweep(n);
	for (const char *s = said(); *s != '\0'; s = strchr(s, '\n') + 1)
		count--;
	cr_expect(eq(uint, count, 0));
	ctl_neighs_free(n);
}
