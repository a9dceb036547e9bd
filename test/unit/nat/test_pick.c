// Which address and port a flow gets, through the real stages and the real conntrack with one
// worker. Rows marked "kernel" are what Linux 6.18 gave for the same packets and rule
// (iptables 1.8.9, conntrack -L).
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

#include "test/unit/nat/nat_world.h"

TestSuite(nat_pick);

#define SNAT(...)                                                                                  \
	{                                                                                          \
		NAT_SRC, -1, WAN, 0, 0,                                                            \
		{                                                                                  \
			.kind = PL_NAT_SNAT, __VA_ARGS__                                           \
		}                                                                                  \
	}
#define MASQ(...)                                                                                  \
	{                                                                                          \
		NAT_SRC, -1, WAN, 0, 0,                                                            \
		{                                                                                  \
			.kind = PL_NAT_MASQUERADE, __VA_ARGS__                                     \
		}                                                                                  \
	}
#define DNAT(...)                                                                                  \
	{                                                                                          \
		NAT_DST, LAN, -1, 0, 0,                                                            \
		{                                                                                  \
			.kind = PL_NAT_DNAT, __VA_ARGS__                                           \
		}                                                                                  \
	}

static void
up(struct nw_rule *rule, const char *lo, const char *hi)
{
	if (lo != NULL) {
		rule->rule.addr_min = nf_addr(lo);
		rule->rule.addr_max = nf_addr(hi);
		rule->rule.flags |= PL_NAT_HAS_ADDR;
	}
	nw_up(1, CFG_PORTS_DEFAULT, rule, 1);
}

static struct tl_spec
udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	return (struct tl_spec){
		.src = src, .dst = dst, .sport = sport, .dport = dport, .payload_len = 4};
}

static struct nw_out *
send_udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	struct tl_spec s = udp(src, sport, dst, dport);

	return nw_packet(&s, LAN);
}

Test(nat_pick, pool_by_the_kernels_hash)
{
	static const struct {
		bool v6, persistent;
		unsigned from, to;
		const char *want;
	} row[] = {
		{0, 0, 2, 7, "203.0.113.145"},	     {0, 0, 2, 8, "203.0.113.180"},
		{0, 0, 3, 7, "203.0.113.189"},	     {0, 0, 3, 8, "203.0.113.138"},
		{0, 0, 4, 7, "203.0.113.52"},	     {0, 0, 4, 8, "203.0.113.124"},
		{0, 0, 5, 7, "203.0.113.95"},	     {0, 0, 6, 8, "203.0.113.74"},
		{0, 1, 2, 7, "203.0.113.174"},	     {0, 1, 2, 8, "203.0.113.174"},
		{0, 1, 3, 7, "203.0.113.99"},	     {0, 1, 4, 8, "203.0.113.200"},
		{0, 1, 5, 7, "203.0.113.206"},	     {0, 1, 6, 7, "203.0.113.206"},
		{1, 0, 2, 7, "2001:db8:ffff::def0"}, {1, 0, 2, 8, "2001:db8:ffff::b92e"},
		{1, 0, 3, 7, "2001:db8:ffff::ea7b"}, {1, 0, 3, 8, "2001:db8:ffff::2ffa"},
		{1, 0, 6, 8, "2001:db8:ffff::f369"}, {1, 1, 2, 7, "2001:db8:ffff::172a"},
		{1, 1, 2, 8, "2001:db8:ffff::172a"}, {1, 1, 5, 7, "2001:db8:ffff::d186"},
	}; // kernel

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		struct nw_rule rule = SNAT(.flags = row[i].persistent ? PL_NAT_PERSISTENT : 0);
		char from[32], to[32], want[96];
		struct nw_out *o;

		snprintf(from, sizeof(from), row[i].v6 ? "fd00::%u" : "192.168.1.%u", row[i].from);
		snprintf(to, sizeof(to), row[i].v6 ? "2001:db8:1::%u" : "198.51.100.%u", row[i].to);
		snprintf(want, sizeof(want), "%s:%u>%s:80", row[i].want, 4000 + row[i].to, to);
		if (row[i].v6)
			up(&rule, "2001:db8:ffff::10", "2001:db8:ffff::1:210");
		else
			up(&rule, "203.0.113.10", "203.0.113.210");
		o = send_udp(from, 4000 + row[i].to, to, 80);
		cr_expect(eq(str, (char *)nw_text(o), want), "row %zu", i);
		nw_down();
	}
}

Test(nat_pick, destination_pool_by_the_kernels_hash)
{
	static const char *const want[] = {"192.168.1.2:4000>198.51.100.58:8000",
					   "192.168.1.3:4000>198.51.100.158:8000",
					   "192.168.1.4:4000>198.51.100.117:8000"}; // kernel
	struct nw_rule rule = DNAT(.flags = PL_NAT_HAS_PORTS, .port_min = 8000, .port_max = 8003);
	char from[32];

	up(&rule, "198.51.100.10", "198.51.100.200");
	for (unsigned i = 0; i < RTE_DIM(want); i++) {
		snprintf(from, sizeof(from), "192.168.1.%u", 2 + i);
		cr_expect(eq(str, (char *)nw_text(send_udp(from, 4000, "203.0.113.1", 80)),
			     (char *)want[i]));
	}
	nw_down();
}

Test(nat_pick, port_shift)
{
	static const struct {
		uint16_t dport, want;
	} row[] = {{3000, 4000}, {3003, 4003}, {3010, 4010},
		   {3011, 4001}, {3020, 4009}, {3030, 4008}}; // kernel
	struct nw_rule rule = DNAT(.flags = PL_NAT_HAS_PORTS | PL_NAT_PORT_SHIFT, .port_min = 4000,
				   .port_max = 4010, .port_base = 3000);

	up(&rule, "198.51.100.9", "198.51.100.9");
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		struct nw_out *o = send_udp("192.168.1.2", 4000, "203.0.113.1", row[i].dport);

		// 3000 and 3011 differ, so that nothing is taken and the source port stays.
		cr_expect(eq(u16, ntohs(o->p.dport), row[i].want), "%u", row[i].dport);
		cr_expect(eq(u16, ntohs(o->p.sport), 4000), "%u", row[i].dport);
	}
	nw_down();
}

// A destination port in the range stays; only ports given, the address stays.
Test(nat_pick, destination_ports_only)
{
	struct nw_rule rule = DNAT(.flags = PL_NAT_HAS_PORTS, .port_min = 8000, .port_max = 8003);

	up(&rule, NULL, NULL);
	cr_expect(eq(str, (char *)nw_text(send_udp("192.168.1.2", 4000, "198.51.100.1", 8001)),
		     "192.168.1.2:4000>198.51.100.1:8001"));
	cr_expect(eq(str, (char *)nw_text(send_udp("192.168.1.2", 4000, "198.51.100.1", 80)),
		     "192.168.1.2:4000>198.51.100.1:8000"));
	// The reply tuple of port 8000 is taken by the flow before, the next port is free.
	cr_expect(eq(str, (char *)nw_text(send_udp("192.168.1.2", 4000, "198.51.100.1", 81)),
		     "192.168.1.2:4000>198.51.100.1:8002"));
	nw_down();
}

// Port kept where the reply tuple is free, else moved within its class; both families, TCP, UDP,
// echo.
Test(nat_pick, kept_or_moved_in_its_class)
{
	static const struct {
		uint16_t port, lo, hi;
	} row[] = {{4000, 1024, 65535}, {65535, 1024, 65535}, {1024, 1024, 65535},
		   {1023, 600, 1023},	{512, 600, 1023},     {700, 600, 1023},
		   {511, 1, 511},	{1, 1, 511}};
	struct nw_rule rule = MASQ(.flags = 0);

	up(&rule, NULL, NULL);
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		for (unsigned v6 = 0; v6 < 2; v6++) {
			char server[32];
			struct nw_out *o;
			uint16_t moved;

			snprintf(server, sizeof(server), v6 ? "2001:db8:1::%zu" : "198.51.100.%zu",
				 i + 1);
			o = send_udp(v6 ? "fd00::2" : "192.168.1.2", row[i].port, server, 80);

			cr_expect(eq(u16, ntohs(o->p.sport), row[i].port), "free: kept");
			o = send_udp(v6 ? "fd00::3" : "192.168.1.3", row[i].port, server, 80);
			moved = ntohs(o->p.sport);
			cr_expect(moved != row[i].port && moved >= row[i].lo && moved <= row[i].hi,
				  "%u moved to %u", row[i].port, moved);
			o = send_udp(v6 ? "fd00::3" : "192.168.1.3", row[i].port, server, 81);
			cr_expect(eq(u16, ntohs(o->p.sport), moved),
				  "the source's other flows go with it (kernel)");
		}
	}
	nw_down();
}

Test(nat_pick, echo_identifiers)
{
	struct nw_rule rule = MASQ(.flags = 0);
	struct tl_spec s = {.src = "192.168.1.2",
			    .dst = "198.51.100.7",
			    .proto = IPPROTO_ICMP,
			    .icmp_type = 8,
			    .sport = 77};
	struct nw_out *o;

	up(&rule, NULL, NULL);
	o = nw_packet(&s, LAN);
	cr_expect(eq(str, (char *)nw_text(o), "203.0.113.1:77>198.51.100.7:77"));
	s.src = "192.168.1.3";
	o = nw_packet(&s, LAN);
	cr_expect(ne(u16, ntohs(o->p.sport), 77));
	s.src = "192.168.1.4";
	s.dst = "198.51.100.8";
	o = nw_packet(&s, LAN);
	cr_expect(eq(u16, ntohs(o->p.sport), 77), "another server: free");
	nw_down();
}

// Protocols without ports: one flow per far end; the second has nothing to be told apart by.
Test(nat_pick, no_ports_no_second_flow)
{
	struct nw_rule rule = MASQ(.flags = 0);
	struct tl_spec s = {.src = "192.168.1.2",
			    .dst = "198.51.100.7",
			    .proto = IPPROTO_ESP,
			    .payload_len = 20};

	up(&rule, NULL, NULL);
	nw_packet(&s, LAN);
	s.src = "192.168.1.3";
	cr_expect(eq(int, nw_lost(&s, LAN), PL_DROP_NAT_NO_PORT));
	s.dst = "198.51.100.8";
	nw_packet(&s, LAN);
	nw_down();
}

Test(nat_pick, to_ports_and_exhaustion)
{
	struct nw_rule rule = MASQ(.flags = PL_NAT_HAS_PORTS, .port_min = 5000, .port_max = 5003);
	bool seen[4] = {false};
	struct tl_spec s;

	up(&rule, NULL, NULL);
	for (unsigned i = 0; i < 4; i++) {
		uint16_t port =
			ntohs(send_udp("192.168.1.2", 4000 + i, "198.51.100.7", 80)->p.sport);

		cr_assert(port >= 5000 && port <= 5003, "%u", port);
		cr_assert(not(seen[port - 5000]), "%u twice", port);
		seen[port - 5000] = true;
	}
	s = udp("192.168.1.2", 4100, "198.51.100.7", 80);
	cr_expect(eq(int, nw_lost(&s, LAN), PL_DROP_NAT_NO_PORT));
	s = udp("192.168.1.2", 5001, "198.51.100.7", 80);
	cr_expect(eq(int, nw_lost(&s, LAN), PL_DROP_NAT_NO_PORT), "in the range, but taken");
	s = udp("192.168.1.2", 5001, "198.51.100.8", 80);
	cr_expect(eq(u16, ntohs(nw_packet(&s, LAN)->p.sport), 5001), "another server: kept");
	nw_down();
}

Test(nat_pick, one_port_for_all)
{
	struct nw_rule rule = MASQ(.flags = PL_NAT_HAS_PORTS, .port_min = 5000, .port_max = 5000);
	struct tl_spec s = udp("192.168.1.2", 5000, "198.51.100.7", 80);

	up(&rule, NULL, NULL);
	nw_packet(&s, LAN);
	s.src = "192.168.1.3";
	cr_expect(eq(int, nw_lost(&s, LAN), PL_DROP_NAT_NO_PORT));
	s.dport = 81;
	nw_packet(&s, LAN);
	nw_down();
}

Test(nat_pick, random_ports)
{
	static const uint8_t flag[] = {PL_NAT_RANDOM, PL_NAT_RANDOM_FULLY};

	for (unsigned i = 0; i < RTE_DIM(flag); i++) {
		struct nw_rule rule = MASQ(.flags = flag[i]);
		unsigned kept = 0;

		up(&rule, NULL, NULL);
		for (unsigned k = 0; k < 50; k++) {
			uint16_t port = ntohs(
				send_udp("192.168.1.2", 4000 + k, "198.51.100.7", 80)->p.sport);

			kept += port == 4000 + k;
			cr_expect(ge(u16, port, 1024));
		}
		cr_expect(lt(uint, kept, 3));
		nw_down();
	}
}

Test(nat_pick, same_seed_same_ports)
{
	uint16_t first = 0;

	for (unsigned i = 0; i < 2; i++) {
		struct nw_rule rule = MASQ(.flags = PL_NAT_RANDOM);
		uint16_t port;

		up(&rule, NULL, NULL);
		port = ntohs(send_udp("192.168.1.2", 4000, "198.51.100.7", 80)->p.sport);
		if (i == 0)
			first = port;
		cr_expect(eq(u16, port, first));
		nw_down();
	}
}

Test(nat_pick, no_address_no_masquerade)
{
	struct nw_rule rule = {NAT_SRC, -1, -1, 0, 0, {.kind = PL_NAT_MASQUERADE}};
	struct tl_spec s = udp("fd00::2", 4000, "fd01::7", 80); // the dmz has no IPv6 address

	up(&rule, NULL, NULL);
	cr_expect(eq(int, nw_lost(&s, LAN), PL_DROP_NAT_NO_ADDRESS));
	nw.wan_has_no_addr = true;
	s = udp("192.168.1.2", 4000, "198.51.100.7", 80);
	cr_expect(eq(int, nw_lost(&s, LAN), PL_DROP_NAT_NO_ADDRESS));
	nw.wan_has_no_addr = false;
	nw_packet(&s, LAN);
	nw_down();
}

// Two destinations become one: the second flow's source port is moved out of the way (kernel).
Test(nat_pick, null_binding_moves_the_port)
{
	static const struct {
		uint16_t port, lo, hi;
	} row[] = {{4000, 1024, 65535}, {500, 1, 511}, {700, 600, 1023}};
	struct nw_rule rule = DNAT(.flags = PL_NAT_HAS_PORTS, .port_min = 8080, .port_max = 8080);

	up(&rule, "198.51.100.9", "198.51.100.9");
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		struct nw_out *a = send_udp("192.168.1.2", row[i].port, "203.0.113.1", 80), *b;
		uint16_t moved;

		cr_expect(eq(u16, ntohs(a->p.sport), row[i].port));
		cr_expect(eq(int, a->p.ct_status, PL_CT_DNAT));
		b = send_udp("192.168.1.2", row[i].port, "203.0.113.1", 8080);
		moved = ntohs(b->p.sport);
		cr_expect(moved != row[i].port && moved >= row[i].lo && moved <= row[i].hi, "%u",
			  moved);
		cr_expect(eq(int, b->p.ct_status, PL_CT_DNAT | PL_CT_SNAT));
		cr_expect(
			eq(str, (char *)nw_text(b) + strlen(nw_text(b)) - 17, "198.51.100.9:8080"));
	}
	nw_down();
}

// The gateway's own flows and the masqueraded ones share the address, and never a tuple.
Test(nat_pick, translated_and_untranslated_do_not_clash)
{
	for (unsigned host_first = 0; host_first < 2; host_first++) {
		struct nw_rule rule = {NAT_SRC, LAN, WAN, 0, 0, {.kind = PL_NAT_MASQUERADE}};
		struct tl_spec own = udp("203.0.113.1", 4000, "198.51.100.7", 80);
		struct tl_spec lan = udp("192.168.1.2", 4000, "198.51.100.7", 80);
		struct nw_out *a, *b;
		struct tl_spec s;

		up(&rule, NULL, NULL);
		if (host_first) {
			a = nw_send(nf_frame(&own), WAN, PL_FROM_HOST, NULL);
			b = nw_packet(&lan, LAN);
		} else {
			a = nw_packet(&lan, LAN);
			b = nw_send(nf_frame(&own), WAN, PL_FROM_HOST, NULL);
		}
		cr_assert(a != NULL && b != NULL);
		cr_expect(eq(u16, ntohs(a->p.sport), 4000), "first come");
		cr_expect(ne(u16, ntohs(b->p.sport), 4000), "second moved");
		s = nw_answer(a);
		cr_expect(eq(str, (char *)nw_text(nw_packet(&s, WAN)),
			     host_first ? "198.51.100.7:80>203.0.113.1:4000"
					: "198.51.100.7:80>192.168.1.2:4000"));
		s = nw_answer(b);
		cr_expect(eq(str, (char *)nw_text(nw_packet(&s, WAN)),
			     host_first ? "198.51.100.7:80>192.168.1.2:4000"
					: "198.51.100.7:80>203.0.113.1:4000"));
		nw_down();
	}
}

static void
tcp_step(const struct tl_spec *at, bool back, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct tl_spec s = *at;

	if (back)
		s = (struct tl_spec){
			.src = at->dst, .dst = "203.0.113.1", .sport = at->dport, .dport = 5000};
	s.proto = IPPROTO_TCP;
	s.tcp_flags = flags;
	s.seq = seq;
	s.ack = ack;
	nw_packet(&s, back ? WAN : LAN);
}

// One port for all, and its last connection is in TIME_WAIT: the next one may have it where its
// sequence number shows the server that it is a new one (kernel: 6.18 does, iptables --to-ports
// 5000-5000).
Test(nat_pick, port_of_a_finished_connection)
{
	struct nw_rule rule = MASQ(.flags = PL_NAT_HAS_PORTS, .port_min = 5000, .port_max = 5000);
	struct tl_spec a = {.src = "192.168.1.2",
			    .dst = "198.51.100.7",
			    .proto = IPPROTO_TCP,
			    .sport = 4000,
			    .dport = 80};
	struct tl_spec b = a;

	up(&rule, NULL, NULL);
	b.sport = 4001;
	tcp_step(&a, false, 0x02, 1000, 0);
	tcp_step(&a, true, 0x12, 9000, 1001);
	tcp_step(&a, false, 0x10, 1001, 9001);
	b.seq = 5000;
	cr_expect(eq(int, nw_lost(&b, LAN), PL_DROP_NAT_NO_PORT),
		  "not from a connection that lives");
	tcp_step(&a, false, 0x11, 1001, 9001);
	tcp_step(&a, true, 0x11, 9001, 1002);
	tcp_step(&a, false, 0x10, 1002, 9002);
	b.seq = 500;
	cr_expect(eq(int, nw_lost(&b, LAN), PL_DROP_NAT_NO_PORT), "sequence number of the past");
	b.seq = 5000;
	cr_expect(eq(u16, ntohs(nw_packet(&b, LAN)->p.sport), 5000));
	cr_expect(eq(u32, ct_table_count(nw.w[0]->ct), 1));
	nw_down();
}

// A flow's name at home is forgotten when it ends; nothing of it is left behind.
Test(nat_pick, source_is_forgotten_with_the_flow)
{
	struct nw_rule rule = MASQ(.flags = 0);
	struct nw_out *o;

	up(&rule, NULL, NULL);
	send_udp("192.168.1.2", 4000, "198.51.100.7", 80);
	o = send_udp("192.168.1.3", 4000, "198.51.100.7", 80);
	cr_expect(ne(u16, ntohs(o->p.sport), 4000));
	cr_expect(eq(uint, nat_flush_port(nw.w[0], WAN), 2));
	ct_turn_end(nw.w[0]);
	o = send_udp("192.168.1.3", 4000, "198.51.100.9", 80);
	cr_expect(eq(u16, ntohs(o->p.sport), 4000));
	nw_down();
}

// Whichever way flows of one source come and go, the list of them stays whole.
Test(nat_pick, many_flows_of_one_source)
{
	struct nw_rule rule = MASQ(.flags = 0);
	char server[32];

	up(&rule, NULL, NULL);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 1; i < 100; i++) {
			snprintf(server, sizeof(server), "198.51.100.%u", i);
			send_udp("192.168.1.2", 4000, server, 80 + round);
			rte_pktmbuf_free(nw.out[--nw.n_out].m);
		}
		nw.now_ns += 20000000000; // 20 s: the round before last runs out, this one does not
	}
	cr_expect(eq(uint, nat_flush_port(nw.w[0], LAN), 0), "another port's");
	cr_expect(ge(uint, nat_flush_port(nw.w[0], WAN), 99));
	ct_turn_end(nw.w[0]);
	cr_expect(eq(u32, ct_table_count(nw.w[0]->ct), 0));
	nw_down();
}

Test(nat_pick, flush_by_address)
{
	struct nw_rule rule = MASQ(.flags = 0);
	union pl_addr wan = nf_addr("203.0.113.1"), other = nf_addr("203.0.113.2"),
		      wan6 = nf_addr("2001:db8:ffff::1");

	up(&rule, NULL, NULL);
	send_udp("192.168.1.2", 4000, "198.51.100.7", 80);
	send_udp("fd00::2", 4000, "2001:db8:1::7", 80);
	send_udp("192.168.1.2", 4000, "10.0.0.7", 80); // not masqueraded
	cr_expect(eq(uint, nat_flush_addr(nw.w[0], WAN, 4, &other), 0));
	cr_expect(eq(uint, nat_flush_addr(nw.w[0], WAN, 4, &wan), 1));
	cr_expect(eq(uint, nat_flush_addr(nw.w[0], WAN, 4, &wan), 0));
	cr_expect(eq(uint, nat_flush_addr(nw.w[0], WAN, 6, &wan6), 1));
	nw_down();
}
