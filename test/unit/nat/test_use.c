// How far public addresses are used up: distinct ports, flows, and packets for which none was free,
// through the real stages, with 1 to 4 workers; and the table on its own when it is full.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>

#include "nat/nat_core.h"
#include "test/unit/nat/nat_world.h"

TestSuite(nat_use);

#define FAR  "198.51.100.7"
#define FAR2 "198.51.100.8"

// Of UDP at the gateway's wan address, over all workers.
static struct nat_use_view
use_of(uint8_t proto)
{
	struct nat_use_view sum = {0}, one;

	for (unsigned i = 0; i < nw.n; i++) {
		for (unsigned r = 0; r < NAT_USE_ROWS; r++) {
			if (!nat_use_read(nw.w[i], r, &one) || one.proto != proto)
				continue;
			sum.ports += one.ports;
			sum.flows += one.flows;
			sum.exhausted += one.exhausted;
			sum.room = RTE_MAX(sum.room, one.room);
		}
	}
	return sum;
}

static void
flush(void)
{
	nw_end_all();
	for (unsigned turn = 0; turn < 3; turn++) {
		for (unsigned i = 0; i < nw.n; i++)
			pl_worker_turn(nw.w[i]);
	}
}

static struct tl_spec
udp(uint16_t sport, const char *dst)
{
	return (struct tl_spec){.src = "192.168.1.2",
				.dst = dst,
				.proto = IPPROTO_UDP,
				.sport = sport,
				.dport = 53};
}

// Eight ports: the ninth flow to one far end is dropped under its reason and counted at the
// address; another far end may use them again; they all come back.
Test(nat_use, eight_ports)
{
	for (unsigned workers = 1; workers <= 4; workers *= 2) {
		struct nw_rule rule = {NAT_SRC, -1, WAN, 0, 0, {.kind = PL_NAT_MASQUERADE}};
		struct nat_use_view u;

		rule.rule.flags |= PL_NAT_HAS_PORTS;
		rule.rule.port_min = 6000;
		rule.rule.port_max = 6007;
		nw_up(workers, CFG_PORTS_PRESERVE, &rule, 1);
		for (uint16_t n = 0; n < 8; n++) {
			struct tl_spec s = udp(5000 + n, FAR);

			nw_packet(&s, LAN);
			u = use_of(IPPROTO_UDP);
			cr_assert(eq(u32, u.ports, n + 1u), "%u workers, flow %u", workers, n);
		}
		cr_expect(eq(u32, u.room, 8));
		cr_expect(eq(u64, u.exhausted, 0));
		for (uint16_t n = 0; n < 3; n++) {
			struct tl_spec s = udp(7000 + n, FAR);

			cr_expect(eq(int, nw_lost(&s, LAN), PL_DROP_NAT_NO_PORT));
		}
		u = use_of(IPPROTO_UDP);
		cr_expect(eq(u64, u.exhausted, 3), "%u workers", workers);
		cr_expect(eq(u64, u.flows, 8));
		if (workers == 1) {
			struct tl_spec s = udp(5000, FAR2);

			nw_packet(&s, LAN);
			u = use_of(IPPROTO_UDP);
			cr_expect(eq(u64, u.flows, 9));
			cr_expect(eq(u32, u.ports, 8), "one port, two far ends");
		}
		flush();
		u = use_of(IPPROTO_UDP);
		cr_expect(eq(u64, u.flows, 0));
		cr_expect(eq(u32, u.ports, 0));
		cr_expect(eq(u64, u.exhausted, 3), "stays: it is a counter");
		nw_down();
	}
}

// What is not translated, and what a null binding moves, is no use of a public address.
Test(nat_use, only_snat)
{
	struct nw_rule rule = {NAT_DST, LAN, -1, 0, 0, {.kind = PL_NAT_DNAT}};
	struct tl_spec s = udp(5000, FAR);

	rule.rule.flags = PL_NAT_HAS_ADDR;
	inet_pton(AF_INET, FAR2, &rule.rule.addr_min);
	rule.rule.addr_max = rule.rule.addr_min;
	nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
	nw_packet(&s, LAN);
	cr_expect(eq(u64, use_of(IPPROTO_UDP).flows, 0));
	nw_down();
}

static struct ct_tuple
reply_to(uint32_t addr, uint16_t port)
{
	return (struct ct_tuple){.family = 4,
				 .proto = IPPROTO_TCP,
				 .dst = {.u32 = {rte_cpu_to_be_32(addr)}},
				 .dport = rte_cpu_to_be_16(port)};
}

// More addresses than rows: nothing goes wrong, what has no row is counted as others', and a row of
// an address without flows makes way.
Test(nat_use, more_addresses_than_rows)
{
	struct nat_use *u = aligned_alloc(64, sizeof(*u));
	bool *had = calloc(4 * NAT_USE_ROWS, sizeof(*had));
	unsigned rows = 0;

	cr_assert(u != NULL && had != NULL);
	memset(u, 0, sizeof(*u));
	cr_assert(eq(int, nat_use_init(u, 12345), 0));
	for (uint32_t a = 0; a < 4 * NAT_USE_ROWS; a++) {
		struct ct_tuple t = reply_to(0xcb007100 + a, 1024 + a);

		had[a] = nat_use_take(u, &t, 64512);
		rows += had[a];
		if (!had[a])
			nat_use_exhausted(u, &t, 64512);
	}
	cr_expect(le(uint, rows, NAT_USE_ROWS));
	cr_expect(ge(uint, rows, NAT_USE_ROWS * 9 / 10));
	cr_expect(eq(u64, u->other.exhausted, 4 * NAT_USE_ROWS - rows));
	for (uint32_t a = 0; a < 4 * NAT_USE_ROWS; a++) {
		struct ct_tuple t = reply_to(0xcb007100 + a, 1024 + a);

		if (had[a])
			nat_use_give(u, &t);
	}
	for (uint32_t a = 0; a < NAT_USE_ROWS; a++)
		cr_assert(u->row[a].flows == 0 && u->row[a].ports == 0);
	for (uint32_t a = 0; a < 4; a++) {
		struct ct_tuple t = reply_to(0x01020304 + a, 9);

		cr_expect(nat_use_take(u, &t, 64512), "an idle row makes way");
	}
	nat_use_fini(u);
	free(had);
	free(u);
}
