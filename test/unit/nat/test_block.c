// Blocks of ports and deterministic NAT: through the real stages and the real conntrack, with 1 to
// 4 workers. Who has a port at any time is known from the records alone, and no two live flows have
// one public tuple.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "nat/nat_core.h"
#include "test/unit/nat/nat_world.h"

TestSuite(nat_block);

#define FAR    "198.51.100.7"
#define SEC_NS 1000000000ull

static struct nw_rule
blocks(unsigned shift, unsigned max, unsigned hold_sec)
{
	struct nw_rule r = {NAT_SRC, -1, WAN, 0, 0, {.kind = PL_NAT_SNAT}};

	r.rule.flags = PL_NAT_BLOCKS | PL_NAT_HAS_ADDR;
	r.rule.port_min = 1024;
	r.rule.port_max = 65535;
	r.rule.block_shift = (uint8_t)shift;
	r.rule.block_max = (uint8_t)max;
	r.rule.block_hold_sec = hold_sec;
	inet_pton(AF_INET, "203.0.113.10", &r.rule.addr_min);
	inet_pton(AF_INET, "203.0.113.13", &r.rule.addr_max);
	return r;
}

static struct tl_spec
udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct tl_spec){
		.src = src, .dst = dst, .proto = IPPROTO_UDP, .sport = sport, .dport = dport};
}

static void
forget_out(void)
{
	while (nw.n_out > 0)
		rte_pktmbuf_free(nw.out[--nw.n_out].m);
}

static uint32_t
blocks_out(void)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < nw.n; i++)
		n += nw.w[i]->nat->blocks.count;
	return n;
}

static void
idle(uint64_t ns)
{
	nw.now_ns += ns;
	for (unsigned turn = 0; turn < 300; turn++) {
		nw.now_ns += 1100000;
		for (unsigned i = 0; i < nw.n; i++) {
			nw.w[i]->now_ns = nw.now_ns;
			pl_worker_turn(nw.w[i]);
		}
	}
}

static void
flush(void)
{
	nw_end_all();
	idle(0);
}

// A subscriber's flows have one address and ports of its blocks; at its limit packets are dropped
// under their own reason, and another subscriber is not disturbed. Blocks are held after the last
// flow, and go.
Test(nat_block, a_subscriber)
{
	struct nw_rule rule = blocks(6, 2, 120);
	struct tl_spec s;
	union pl_addr addr = {0};
	static bool seen[65536];

	nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
	for (unsigned i = 0; i < 128; i++) {
		struct nw_out *o;
		uint16_t port;

		s = udp("192.168.1.2", (uint16_t)(2000 + i), FAR, 53);
		o = nw_packet(&s, LAN);
		port = ntohs(o->p.sport);
		if (i == 0)
			addr = o->p.src;
		cr_assert(o->p.src.u64[0] == addr.u64[0], "one address");
		cr_assert(not(seen[port]), "flow %u", i);
		seen[port] = true;
		cr_assert(eq(u32, blocks_out(), i < 64 ? 1 : 2), "flow %u", i);
	}
	s = udp("192.168.1.2", 5000, FAR, 53);
	cr_expect(eq(int, nw_lost(&s, LAN), PL_DROP_NAT_LIMIT));
	s = udp("192.168.1.2", 5000, "198.51.100.8", 53);
	nw_packet(&s, LAN); // a port may serve another far end
	s = udp("192.168.1.3", 5000, FAR, 53);
	nw_packet(&s, LAN);
	cr_expect(eq(u32, blocks_out(), 3));
	flush();
	cr_expect(eq(u32, blocks_out(), 3), "held");
	idle(100 * SEC_NS);
	cr_expect(eq(u32, blocks_out(), 3), "still held");
	idle(30 * SEC_NS);
	cr_expect(eq(u32, blocks_out(), 0));
	cr_expect(eq(u32, nw.w[0]->nat->blocks.n_idle, 0));
	nw_down();
}

// One record for a block and none for its flows.
Test(nat_block, records)
{
	struct nw_rule rule = blocks(6, 2, 0);
	struct ct_event ev[8];

	nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
	cr_assert(eq(int, ct_events_create(nw.w[0]->ct, 512, 0), 0));
	ct_events_want(nw.w[0]->ct, 1 << CT_EVENT_ASSIGN | 1 << CT_EVENT_RELEASE);
	for (unsigned i = 0; i < 100; i++) {
		struct tl_spec s = udp("192.168.1.2", (uint16_t)(2000 + i), FAR, 53);

		nw_packet(&s, LAN);
	}
	cr_assert(eq(uint, ct_events_take(nw.w[0]->ct, ev, 8), 2));
	cr_expect(eq(uint, ev[0].kind, CT_EVENT_ASSIGN));
	cr_expect(eq(u32, ntohl(ev[0].block.in.v4), 0xc0a80102));
	cr_expect(eq(uint, ev[0].block.last - ev[0].block.first, 63));
	cr_expect(ne(uint, ev[0].block.first, ev[1].block.first));
	flush();
	cr_assert(eq(uint, ct_events_take(nw.w[0]->ct, ev, 8), 2));
	cr_expect(eq(uint, ev[1].kind, CT_EVENT_RELEASE));
	nw_down();
}

// A held block is its subscriber's again, and nobody else's.
Test(nat_block, held)
{
	struct nw_rule rule = blocks(12, 1, 120);
	struct tl_spec a = udp("192.168.1.2", 5000, FAR, 53);
	struct nw_out *o;
	uint16_t block;

	rule.rule.addr_max = rule.rule.addr_min;
	rule.rule.port_min = 4096;
	rule.rule.port_max = 8191; // one block in all
	nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
	o = nw_packet(&a, LAN);
	block = ntohs(o->p.sport) >> 12;
	flush();
	a.src = "192.168.1.3";
	cr_expect(eq(int, nw_lost(&a, LAN), PL_DROP_NAT_NO_PORT));
	a.src = "192.168.1.2";
	o = nw_packet(&a, LAN);
	cr_expect(eq(u16, ntohs(o->p.sport) >> 12, block));
	flush();
	idle(121 * SEC_NS);
	a.src = "192.168.1.3";
	nw_packet(&a, LAN);
	nw_down();
}

// Protocols share a subscriber's blocks; those without ports get its address.
Test(nat_block, protocols)
{
	struct nw_rule rule = blocks(9, 1, 0);
	struct tl_spec s = udp("192.168.1.2", 5000, FAR, 53);
	struct nw_out *o;
	union pl_addr addr;
	uint16_t block;

	nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
	o = nw_packet(&s, LAN);
	addr = o->p.src;
	block = ntohs(o->p.sport) >> 9;
	s.proto = IPPROTO_TCP;
	s.tcp_flags = 2;
	o = nw_packet(&s, LAN);
	cr_expect(eq(u16, ntohs(o->p.sport) >> 9, block));
	cr_expect(o->p.src.u64[0] == addr.u64[0]);
	s = udp("192.168.1.2", 0, FAR, 0);
	s.proto = 47;
	o = nw_packet(&s, LAN);
	cr_expect(o->p.src.u64[0] == addr.u64[0]);
	cr_expect(eq(u32, blocks_out(), 1));
	flush();
	cr_expect(eq(u32, blocks_out(), 0), "held for no time");
	nw_down();
}

struct live {
	struct tl_spec spec;
	char src[16];
	uint32_t out;
	uint16_t port;
};

// Subscribers come and go at random, with 1 to 4 workers: at every moment no two live flows have
// one public tuple, and a grain of ports has one subscriber.
Test(nat_block, property)
{
	for (unsigned workers = 1; workers <= 4; workers++) {
		static struct live live[1200];
		struct nw_rule rule = blocks(6, 8, 0);
		unsigned n = 0, dropped = 0;

		srand(workers);
		rule.rule.addr_max = rule.rule.addr_min;
		nw_up(workers, CFG_PORTS_DEFAULT, &rule, 1);
		for (unsigned i = 0; i < 6000; i++) {
			struct live *l = &live[n];
			enum pl_drop why;
			struct nw_out *o;

			if (n == 1200 || rand() % 2500 == 0) {
				flush();
				cr_assert(eq(u32, blocks_out(), 0));
				n = 0;
				continue;
			}
			snprintf(l->src, sizeof(l->src), "192.168.1.%d", 2 + rand() % 150);
			l->spec = udp(l->src, (uint16_t)(1024 + rand() % 60000), FAR,
				      (uint16_t)(53 + rand() % 2));
			o = nw_send(nf_frame(&l->spec), LAN, PL_FROM_WIRE, &why);
			if (o == NULL) {
				cr_assert(why == PL_DROP_NAT_LIMIT || why == PL_DROP_NAT_NO_PORT);
				dropped++;
				continue;
			}
			l->out = o->p.src.u32[0];
			l->port = ntohs(o->p.sport);
			forget_out();
			for (unsigned k = 0; k < n; k++) {
				bool same_end = live[k].out == l->out && live[k].port == l->port;
				bool same_grain =
					live[k].out == l->out && live[k].port >> 6 == l->port >> 6;
				bool same_source = strcmp(live[k].src, l->src) == 0;
				bool same_flow = same_source &&
						 live[k].spec.sport == l->spec.sport &&
						 live[k].spec.dport == l->spec.dport;

				cr_assert(same_flow || same_end == false ||
						  live[k].spec.dport != l->spec.dport,
					  "%u workers: two flows, one tuple", workers);
				cr_assert(same_source || same_grain == false,
					  "%u workers: %s and %s in one block", workers,
					  live[k].src, l->src);
			}
			n++;
		}
		cr_expect(lt(uint, dropped, 3000));
		flush();
		nw_down();
	}
}

// With one worker endpoint-independent mapping takes its ports out of blocks.
Test(nat_block, mapping)
{
	struct nw_rule rule = blocks(6, 1, 0);
	uint16_t first = 0;

	rule.rule.flags |= PL_NAT_EIM;
	rule.rule.filter = 3;
	nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
	for (unsigned i = 0; i < 64; i++) {
		struct tl_spec s = udp("192.168.1.2", (uint16_t)(2000 + i), FAR, 53);
		struct nw_out *o = nw_packet(&s, LAN);
		uint16_t port = ntohs(o->p.sport);

		first = i == 0 ? port >> 6 : first;
		cr_assert(eq(u16, port >> 6, first));
		cr_assert(eq(u16, port & 1, (2000 + i) & 1), "parity");
		s.dst = "198.51.100.8";
		o = nw_packet(&s, LAN);
		cr_assert(eq(u16, ntohs(o->p.sport), port));
		forget_out();
	}
	flush();
	cr_expect(eq(u32, blocks_out(), 0));
	nw_down();
}

// The computation, and its inverse, with 1 to 4 workers.
Test(nat_block, deterministic)
{
	for (unsigned workers = 1; workers <= 4; workers++) {
		struct nw_rule rule = {NAT_SRC, -1, WAN, 0, 0, {.kind = PL_NAT_SNAT}};

		rule.rule.flags = PL_NAT_DETERMINISTIC | PL_NAT_HAS_ADDR;
		rule.rule.port_min = 1024;
		rule.rule.port_max = 65535;
		rule.rule.det_mask = 255;
		rule.rule.det_shift = 6;
		rule.rule.det_ports = 1008;
		inet_pton(AF_INET, "203.0.113.8", &rule.rule.addr_min);
		inet_pton(AF_INET, "203.0.113.11", &rule.rule.addr_max);
		nw_up(workers, CFG_PORTS_DEFAULT, &rule, 1);
		for (unsigned i = 0; i < 256; i++) {
			char src[32];
			struct tl_spec s;
			struct nw_out *o;
			uint32_t out, number;

			snprintf(src, sizeof(src), "192.168.1.%u", i);
			if (i < 2 || i == 255)
				continue;
			s = udp(src, (uint16_t)(40000 + i), FAR, 53);
			o = nw_packet(&s, LAN);
			out = ntohl(o->p.src.u32[0]) - 0xcb007108;
			number = (out << 6) + (ntohs(o->p.sport) - 1024u) / 1008;
			cr_assert(eq(uint, number, i));
			forget_out();
		}
		nw_down();
	}
}
