// Whole conversations through the stages, with the real conntrack: what leaves, what comes back,
// what the errors about it say. Both families; every packet that comes out has right checksums
// (nw_packet).
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

#include <rte_tcp.h>

#include "test/unit/nat/nat_world.h"

TestSuite(nat_stage);

#define EXPECT_TEXT(o, want) cr_expect(eq(str, (char *)nw_text(o), (char *)(want)))

static const struct nw_rule masq = {NAT_SRC, -1, WAN, 0, 0, {.kind = PL_NAT_MASQUERADE}};

static struct nw_rule
dnat(int in, uint16_t dport, const char *to, uint16_t port)
{
	return (struct nw_rule){NAT_DST,
				in,
				-1,
				0,
				dport,
				{.kind = PL_NAT_DNAT,
				 .flags = PL_NAT_HAS_ADDR | (port != 0 ? PL_NAT_HAS_PORTS : 0),
				 .addr_min = nf_addr(to),
				 .addr_max = nf_addr(to),
				 .port_min = port,
				 .port_max = port}};
}

static const char *const client[2] = {"192.168.1.2", "fd00::2"},
			 *const server[2] = {"198.51.100.7", "2001:db8:1::7"},
			 *const gateway[2] = {"203.0.113.1", "2001:db8:ffff::1"},
			 *const inner[2] = {"10.0.0.9", "fd01::9"},
			 *const router[2] = {"198.51.100.254", "2001:db8:2::fe"};

static const char *
flow(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	static char text[4][128];
	static unsigned i;

	i = (i + 1) % 4;
	snprintf(text[i], sizeof(text[i]), "%s:%u>%s:%u", src, sport, dst, dport);
	return text[i];
}

Test(nat_stage, udp_there_and_back)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct tl_spec s = {.src = client[v6],
				    .dst = server[v6],
				    .sport = 4000,
				    .dport = 53,
				    .payload_len = 9};
		struct nw_out *o;

		nw_up(1, CFG_PORTS_DEFAULT, &masq, 1);
		for (unsigned i = 0; i < 3; i++) {
			struct tl_spec back;

			o = nw_packet(&s, LAN);
			EXPECT_TEXT(o, flow(gateway[v6], 4000, server[v6], 53));
			cr_expect(eq(int, o->p.ct_status, PL_CT_SNAT));
			cr_expect(eq(int, o->p.ct_state, i == 0 ? PL_CT_NEW : PL_CT_ESTABLISHED));
			back = nw_answer(o);
			o = nw_packet(&back, WAN);
			EXPECT_TEXT(o, flow(server[v6], 53, client[v6], 4000));
			cr_expect(eq(int, o->p.out_port, LAN));
			cr_expect(eq(int, o->p.ct_status, PL_CT_SNAT));
		}
		nw_down();
	}
}

// Every protocol, byte for byte: out as the gateway would have sent it, back as the server sent it
// to the client.
Test(nat_stage, protocols_there_and_back)
{
	static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP, IPPROTO_DCCP,
					 IPPROTO_GRE, IPPROTO_ESP,     250};

	// SCTP is tracked by its chunks: type, flags, length, tag, window, streams out and in, TSN.
	static const uint8_t init[20] = {1, 0, 0, 20, 1, 2, 3, 4, 0, 1,
					 0, 0, 0, 1,  0, 1, 0, 0, 0, 9};
	static const uint8_t init_ack[20] = {2, 0, 0, 20, 5, 6, 7, 8, 0, 1,
					     0, 0, 0, 1,  0, 1, 0, 0, 0, 8};

	for (unsigned i = 0; i < 2 * RTE_DIM(protos); i++) {
		unsigned v6 = i % 2;
		// DCCP has ports, but is tracked by its addresses alone: they stay.
		bool dccp = protos[i / 2] == IPPROTO_DCCP;
		bool ports = protos[i / 2] != IPPROTO_GRE && protos[i / 2] != IPPROTO_ESP &&
			     protos[i / 2] != 250 && !dccp;
		struct nw_rule rule = masq;
		struct tl_spec s = {.src = client[v6],
				    .dst = server[v6],
				    .proto = protos[i / 2],
				    .payload_len = 33},
			       want, back;
		struct nw_out *o;
		struct rte_mbuf *m;

		if (s.proto == IPPROTO_SCTP) {
			s.payload = init;
			s.payload_len = sizeof(init);
		}
		if (ports) {
			rule.rule.flags = PL_NAT_HAS_PORTS;
			rule.rule.port_min = rule.rule.port_max = 5000;
			s.sport = 4000;
			s.dport = 53;
		}
		if (dccp) {
			s.sport = 4000;
			s.dport = 53;
		}
		nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
		want = s;
		want.src = gateway[v6];
		want.sport = ports ? 5000 : s.sport;
		o = nw_packet(&s, LAN);
		m = nf_frame(&want);
		cr_expect(nf_same(o->m, m), "protocol %u out", s.proto);
		rte_pktmbuf_free(m);
		back = nw_answer(o);
		back.payload_len = 7;
		if (s.proto == IPPROTO_SCTP) {
			back.payload = init_ack;
			back.payload_len = sizeof(init_ack);
			back.seq = 0x01020304;
		}
		want = back;
		want.dst = client[v6];
		want.dport = s.sport;
		o = nw_packet(&back, WAN);
		m = nf_frame(&want);
		cr_expect(nf_same(o->m, m), "protocol %u back", s.proto);
		cr_expect(eq(int, o->p.ct_state, PL_CT_ESTABLISHED), "protocol %u", s.proto);
		rte_pktmbuf_free(m);
		nw_down();
	}
}

Test(nat_stage, tcp_connection)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct tl_spec out = {.src = client[v6],
				      .dst = server[v6],
				      .proto = IPPROTO_TCP,
				      .sport = 4000,
				      .dport = 443};
		struct tl_spec in = {.src = server[v6],
				     .dst = gateway[v6],
				     .proto = IPPROTO_TCP,
				     .sport = 443,
				     .dport = 4000};
		static const struct {
			bool back;
			uint8_t flags;
			uint32_t seq, ack;
			uint16_t len;
		} step[] = {
			{false, RTE_TCP_SYN_FLAG, 100, 0, 0},
			{true, RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG, 900, 101, 0},
			{false, RTE_TCP_ACK_FLAG, 101, 901, 0},
			{false, RTE_TCP_ACK_FLAG | RTE_TCP_PSH_FLAG, 101, 901, 77},
			{true, RTE_TCP_ACK_FLAG, 901, 178, 500},
			{false, RTE_TCP_ACK_FLAG | RTE_TCP_FIN_FLAG, 178, 1401, 0},
			{true, RTE_TCP_ACK_FLAG | RTE_TCP_FIN_FLAG, 1401, 179, 0},
			{false, RTE_TCP_ACK_FLAG, 179, 1402, 0},
		};

		nw_up(1, CFG_PORTS_DEFAULT, &masq, 1);
		for (size_t i = 0; i < RTE_DIM(step); i++) {
			struct tl_spec s = step[i].back ? in : out;
			struct nw_out *o;

			s.tcp_flags = step[i].flags;
			s.seq = step[i].seq;
			s.ack = step[i].ack;
			s.payload_len = step[i].len;
			o = nw_packet(&s, step[i].back ? WAN : LAN);
			EXPECT_TEXT(o, step[i].back ? flow(server[v6], 443, client[v6], 4000)
						    : flow(gateway[v6], 4000, server[v6], 443));
		}
		nw_down();
	}
}

Test(nat_stage, echo_there_and_back)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct tl_spec s = {.src = client[v6],
				    .dst = server[v6],
				    .sport = 77,
				    .dport = 1,
				    .payload_len = 56,
				    .proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
				    .icmp_type = v6 ? 128 : 8};
		struct tl_spec other = s, back;
		struct nw_out *o;

		other.src = v6 ? "fd00::3" : "192.168.1.3";
		nw_up(1, CFG_PORTS_DEFAULT, &masq, 1);
		EXPECT_TEXT(nw_packet(&s, LAN), flow(gateway[v6], 77, server[v6], 77));
		o = nw_packet(&other, LAN);
		cr_expect(ne(u16, ntohs(o->p.sport), 77), "taken: another identifier");
		back = nw_answer(o);
		EXPECT_TEXT(nw_packet(&back, WAN), flow(server[v6], 77, other.src, 77));
		back.sport = 77;
		EXPECT_TEXT(nw_packet(&back, WAN), flow(server[v6], 77, client[v6], 77));
		nw_down();
	}
}

Test(nat_stage, dnat_there_and_back)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct nw_rule rule = dnat(WAN, 80, inner[v6], 8080);
		struct tl_spec s = {.src = server[v6],
				    .dst = gateway[v6],
				    .sport = 5555,
				    .dport = 80},
			       back;
		struct nw_out *o;

		nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
		for (unsigned i = 0; i < 2; i++) {
			o = nw_packet(&s, WAN);
			EXPECT_TEXT(o, flow(server[v6], 5555, inner[v6], 8080));
			cr_expect(eq(int, o->p.out_port, DMZ), "routed by the new destination");
			cr_expect(eq(int, o->p.ct_status, PL_CT_DNAT));
			back = nw_answer(o);
			EXPECT_TEXT(nw_packet(&back, DMZ), flow(gateway[v6], 80, server[v6], 5555));
		}
		nw_down();
	}
}

// A client and a server on one network; the client knows only the outside address.
Test(nat_stage, hairpin)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		const char *mate = v6 ? "fd00::9" : "192.168.1.9",
			   *lan = v6 ? "fd00::1" : "192.168.1.1";
		struct nw_rule rules[2] = {dnat(-1, 80, mate, 8080),
					   {NAT_SRC, LAN, LAN, 0, 0, {.kind = PL_NAT_MASQUERADE}}};
		struct tl_spec s = {.src = client[v6],
				    .dst = gateway[v6],
				    .sport = 4000,
				    .dport = 80},
			       back;
		struct nw_out *o;

		nw_up(1, CFG_PORTS_DEFAULT, rules, 2);
		for (unsigned i = 0; i < 2; i++) {
			o = nw_packet(&s, LAN);
			EXPECT_TEXT(o, flow(lan, 4000, mate, 8080));
			cr_expect(eq(int, o->p.ct_status, PL_CT_DNAT | PL_CT_SNAT));
			back = nw_answer(o);
			EXPECT_TEXT(nw_packet(&back, LAN), flow(gateway[v6], 80, client[v6], 4000));
		}
		nw_down();
	}
}

// One address for each: the network is the rule's, the host part stays, as do ports, in both
// directions and at both ends. The rule's side is where it stands.
Test(nat_stage, netmap)
{
	static const struct {
		const char *min, *max, *mapped; // of the client, then of the server
	} row[2][2] = {{{"10.8.0.0", "10.8.3.255", "10.8.1.2"},
			{"172.16.0.0", "172.16.0.255", "172.16.0.7"}},
		       {{"fd08::", "fd08::ff", "fd08::2"},
			{"fd09:0:0:7::", "fd09::7:ffff:ffff:ffff:ffff", "fd09:0:0:7::7"}}};

	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct nw_rule rule[2] = {{NAT_SRC, -1, -1, 0, 0, {.kind = PL_NAT_NETMAP}},
					  {NAT_DST, -1, -1, 0, 0, {.kind = PL_NAT_NETMAP}}};
		struct tl_spec s = {.src = client[v6],
				    .dst = server[v6],
				    .sport = 4000,
				    .dport = 53},
			       back;
		struct nw_out *o;

		for (unsigned i = 0; i < 2; i++) {
			rule[i].rule.flags = PL_NAT_HAS_ADDR;
			rule[i].rule.addr_min = nf_addr(row[v6][i].min);
			rule[i].rule.addr_max = nf_addr(row[v6][i].max);
		}
		for (unsigned workers = 1; workers <= 8; workers *= 2) {
			nw_up(workers, CFG_PORTS_DEFAULT, rule, 2);
			for (unsigned i = 0; i < 2; i++) {
				o = nw_packet(&s, LAN);
				EXPECT_TEXT(o,
					    flow(row[v6][0].mapped, 4000, row[v6][1].mapped, 53));
				back = nw_answer(o);
				EXPECT_TEXT(nw_packet(&back, WAN),
					    flow(server[v6], 53, client[v6], 4000));
			}
			nw_down();
		}
	}
}

Test(nat_stage, redirect_to_the_gateway)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		static const struct nw_rule rule = {
			NAT_DST,
			LAN,
			-1,
			0,
			80,
			{.kind = PL_NAT_REDIRECT, .flags = PL_NAT_HAS_PORTS, .port_min = 3128, .port_max = 3128}};
		const char *lan = v6 ? "fd00::1" : "192.168.1.1";
		struct tl_spec s = {.src = client[v6],
				    .dst = server[v6],
				    .sport = 4000,
				    .dport = 80},
			       back;
		struct nw_out *o;

		nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
		o = nw_packet(&s, LAN);
		EXPECT_TEXT(o, flow(client[v6], 4000, lan, 3128));
		cr_expect(eq(int, o->p.path, PL_PATH_INPUT));
		back = nw_answer(o);
		o = nw_send(nf_frame(&back), LAN, PL_FROM_HOST, NULL);
		EXPECT_TEXT(o, flow(server[v6], 80, client[v6], 4000));
		nw_down();
	}
}

// The host's own packets cannot be redirected to the host (docs/decisions/0110): they are not let
// through either.
Test(nat_stage, redirect_of_the_hosts_own_is_refused)
{
	static const struct nw_rule rule = {NAT_DST, -1, -1, 0, 80, {.kind = PL_NAT_REDIRECT}};
	struct tl_spec s = {
		.src = "203.0.113.1", .dst = "198.51.100.7", .sport = 4000, .dport = 80};
	enum pl_drop reason;

	nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
	cr_expect(nw_send(nf_frame(&s), WAN, PL_FROM_HOST, &reason) == NULL);
	cr_expect(eq(int, reason, PL_DROP_NAT_FAILED));
	nw_down();
}

Test(nat_stage, dnat_of_the_hosts_own_routes_again)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct nw_rule rule = dnat(-1, 80, inner[v6], 8080);
		struct tl_spec s = {.src = gateway[v6],
				    .dst = server[v6],
				    .sport = 4000,
				    .dport = 80},
			       back;
		struct nw_out *o;

		nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
		for (unsigned i = 0; i < 2; i++) {
			o = nw_send(nf_frame(&s), WAN, PL_FROM_HOST, NULL);
			EXPECT_TEXT(o, flow(gateway[v6], 4000, inner[v6], 8080));
			cr_expect(ne(int, o->p.flags &PL_F_MANGLED, 0));
			cr_expect(eq(int, o->p.out_port, DMZ));
			back = nw_answer(o);
			EXPECT_TEXT(nw_packet(&back, DMZ), flow(server[v6], 80, gateway[v6], 4000));
		}
		s.dport = 81; // not for the rule
		o = nw_send(nf_frame(&s), WAN, PL_FROM_HOST, NULL);
		cr_expect(eq(int, o->p.flags &PL_F_MANGLED, 0));
		nw_down();
	}
}

// SNAT in nat INPUT: the host sees another client.
Test(nat_stage, snat_in_input)
{
	struct nw_rule rule = {NAT_SRC,
			       LAN,
			       PL_PORT_NONE,
			       0,
			       0,
			       {.kind = PL_NAT_SNAT,
				.flags = PL_NAT_HAS_ADDR,
				.addr_min = nf_addr("192.168.1.99"),
				.addr_max = nf_addr("192.168.1.99")}};
	struct tl_spec s = {.src = client[0], .dst = "192.168.1.1", .sport = 4000, .dport = 80},
		       back;
	struct nw_out *o;

	nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
	o = nw_packet(&s, LAN);
	EXPECT_TEXT(o, "192.168.1.99:4000>192.168.1.1:80");
	back = nw_answer(o);
	o = nw_send(nf_frame(&back), LAN, PL_FROM_HOST, NULL);
	EXPECT_TEXT(o, "192.168.1.1:80>192.168.1.2:4000");
	cr_expect(ne(int, o->p.flags &PL_F_MANGLED, 0),
		  "back to the client it goes by its real address");
	nw_down();
}

// What is not tracked passes as it is, whatever the rules say.
Test(nat_stage, invalid_passes_untouched)
{
	struct tl_spec s = {.src = client[0],
			    .dst = server[0],
			    .proto = IPPROTO_TCP,
			    .sport = 4000,
			    .dport = 80,
			    .tcp_flags = RTE_TCP_SYN_FLAG | RTE_TCP_FIN_FLAG};
	struct rte_mbuf *m, *was;
	struct nw_out *o;

	nw_up(1, CFG_PORTS_DEFAULT, &masq, 1);
	m = nf_frame(&s);
	was = nf_frame(&s);
	o = nw_send(m, LAN, PL_FROM_WIRE, NULL);
	cr_assert(o != NULL);
	cr_expect(eq(int, o->p.ct_state, PL_CT_INVALID));
	cr_expect(nf_same(o->m, was));
	rte_pktmbuf_free(was);
	nw_down();
}

// A masqueraded flow that leaves by another port has the wrong address there (netfilter's
// oif_changed).
Test(nat_stage, exit_moved)
{
	static const struct nw_rule rule = {NAT_SRC, -1, -1, 0, 0, {.kind = PL_NAT_MASQUERADE}};
	struct tl_spec s = {.src = client[0], .dst = server[0], .sport = 4000, .dport = 53};

	nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
	EXPECT_TEXT(nw_packet(&s, LAN), "203.0.113.1:4000>198.51.100.7:53");
	nw.move_out = 1 + DMZ;
	cr_expect(eq(int, nw_lost(&s, LAN), PL_DROP_NAT_FAILED));
	EXPECT_TEXT(nw_packet(&s, LAN), "10.0.0.1:4000>198.51.100.7:53"); // a new flow
	cr_expect(eq(u32, ct_table_count(nw.w[0]->ct), 1));
	nw_down();
}

// A reset for a connection's first packet passes nat POSTROUTING before any packet of the
// connection did: the chain is walked for it, as in the kernel (its counters show it); a reset
// later on, or an ICMP error, does not.
Test(nat_stage, reset_of_a_new_connection)
{
	struct tl_spec s = {.src = client[0],
			    .dst = server[0],
			    .proto = IPPROTO_TCP,
			    .sport = 4000,
			    .dport = 80};
	struct nw_out *o;

	nw_up(1, CFG_PORTS_DEFAULT, &masq, 1);
	nw.reject = true;
	o = nw_packet(&s, LAN);
	EXPECT_TEXT(o, flow(server[0], 80, client[0], 4000));
	cr_expect(ne(int, o->p.flags &PL_F_NAT_POST, 0));
	cr_expect(eq(u32, ct_table_count(nw.w[0]->ct), 0), "it makes no flow known");
	nw.reject = false;
	o = nw_packet(&s, LAN);
	EXPECT_TEXT(o, flow(gateway[0], 4000, server[0], 80));
	nw.reject = true;
	s.seq++;
	o = nw_packet(&s, LAN);
	cr_expect(eq(int, o->p.flags &PL_F_NAT_POST, 0));
	nw_down();
}

// ---- ICMP errors

static struct nw_out *
complain(const char *from, const char *to, struct rte_mbuf *about, uint8_t port)
{
	bool v6 = strchr(from, ':') != NULL;
	struct rte_mbuf *m = tl_icmp_error(from, to, v6 ? 1 : 3, v6 ? 4 : 3, 0, about);
	struct nw_out *o = nw_send(m, port, PL_FROM_WIRE, NULL);

	cr_assert(o != NULL, "the error should have come out");
	cr_expect(eq(int, o->p.ct_state, PL_CT_RELATED));
	cr_expect(tl_csums_ok(o->m));
	return o;
}

// The packet quoted in o is, byte for byte, the one that was sent (but for the hop limit, which
// nobody lowered here).
static void
expect_quote(const struct nw_out *o, const struct tl_spec *sent)
{
	struct rte_mbuf *m = nf_frame(sent);

	cr_expect(memcmp(rte_pktmbuf_mtod_offset(o->m, void *, o->p.l4_off + 8),
			 rte_pktmbuf_mtod_offset(m, void *, 14), m->data_len - 14) == 0,
		  "quote");
	rte_pktmbuf_free(m);
}

Test(nat_stage, errors_about_masqueraded_packets)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct tl_spec s = {.src = client[v6],
				    .dst = server[v6],
				    .sport = 4000,
				    .dport = 53,
				    .payload_len = 8};
		struct tl_spec back;
		struct nw_out *o, *e;

		nw_up(1, CFG_PORTS_DEFAULT, &masq, 1);
		o = nw_packet(&s, LAN);
		e = complain(server[v6], gateway[v6], o->m, WAN);
		EXPECT_TEXT(e, flow(server[v6], 0, client[v6], 0));
		cr_expect(eq(int, e->p.out_port, LAN));
		expect_quote(e, &s);
		e = complain(router[v6], gateway[v6], o->m, WAN);
		EXPECT_TEXT(e, flow(router[v6], 0, client[v6], 0));
		expect_quote(e, &s);
		// The client complains about the answer: the server must see its own packet quoted.
		back = nw_answer(o);
		o = nw_packet(&back, WAN);
		e = complain(client[v6], server[v6], o->m, LAN);
		EXPECT_TEXT(e, flow(gateway[v6], 0, server[v6], 0));
		expect_quote(e, &back);
		nw_down();
	}
}

Test(nat_stage, errors_about_dnat_packets)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct nw_rule rule = dnat(WAN, 80, inner[v6], 8080);
		struct tl_spec s = {.src = server[v6],
				    .dst = gateway[v6],
				    .sport = 5555,
				    .dport = 80,
				    .payload_len = 8};
		struct tl_spec back;
		struct nw_out *o, *e;

		nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
		o = nw_packet(&s, WAN);
		e = complain(inner[v6], server[v6], o->m, DMZ);
		EXPECT_TEXT(e, flow(gateway[v6], 0, server[v6], 0));
		expect_quote(e, &s);
		// As the kernel does: whoever in there complains, the address outside is the one
		// that was asked.
		e = complain(v6 ? "fd01::1:1" : "10.0.0.254", server[v6], o->m, DMZ);
		EXPECT_TEXT(e, flow(gateway[v6], 0, server[v6], 0));
		expect_quote(e, &s);
		back = nw_answer(o);
		o = nw_packet(&back, DMZ);
		e = complain(server[v6], gateway[v6], o->m, WAN);
		EXPECT_TEXT(e, flow(server[v6], 0, inner[v6], 0));
		expect_quote(e, &back);
		nw_down();
	}
}

Test(nat_stage, errors_about_hairpin_packets)
{
	struct nw_rule rules[2] = {dnat(-1, 80, "192.168.1.9", 8080),
				   {NAT_SRC, LAN, LAN, 0, 0, {.kind = PL_NAT_MASQUERADE}}};
	struct tl_spec s = {
		.src = client[0], .dst = gateway[0], .sport = 4000, .dport = 80, .payload_len = 8};
	struct nw_out *o, *e;

	nw_up(1, CFG_PORTS_DEFAULT, rules, 2);
	o = nw_packet(&s, LAN);
	e = complain("192.168.1.9", "192.168.1.1", o->m, LAN);
	EXPECT_TEXT(e, flow(gateway[0], 0, client[0], 0));
	expect_quote(e, &s);
	nw_down();
}

// The gateway complains itself. A packet that was not yet (or no longer) translated where it failed
// is quoted as it was there; writing what is already so must do no harm.
Test(nat_stage, errors_of_the_gateway)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct tl_spec s = {.src = client[v6],
				    .dst = server[v6],
				    .sport = 4000,
				    .dport = 53,
				    .payload_len = 8};
		struct tl_spec back, inside;
		struct nw_out *o, *e;
		struct rte_mbuf *q;
		uint8_t type = v6 ? 3 : 11;

		nw_up(1, CFG_PORTS_DEFAULT, &masq, 1);
		o = nw_packet(&s, LAN);
		// About the client's packet, still untranslated in FORWARD.
		q = nf_frame(&s);
		e = nw_own(tl_icmp_error(v6 ? "fd00::1" : "192.168.1.1", client[v6], type, 0, 0, q),
			   o, CT_REPLY);
		EXPECT_TEXT(e, flow(v6 ? "fd00::1" : "192.168.1.1", 0, client[v6], 0));
		expect_quote(e, &s);
		rte_pktmbuf_free(q);
		// About the server's answer, already translated back in FORWARD: the server must
		// not see the client.
		back = nw_answer(o);
		inside = back;
		inside.dst = client[v6];
		inside.dport = 4000;
		q = nf_frame(&inside);
		e = nw_own(tl_icmp_error(gateway[v6], server[v6], type, 0, 0, q), o, CT_ORIGINAL);
		EXPECT_TEXT(e, flow(gateway[v6], 0, server[v6], 0));
		cr_expect(tl_csums_ok(e->m));
		expect_quote(e, &back);
		rte_pktmbuf_free(q);
		nw_down();
	}
}

Test(nat_stage, gateway_complains_about_dnat)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct nw_rule rule = dnat(WAN, 80, inner[v6], 8080);
		struct tl_spec s = {.src = server[v6],
				    .dst = gateway[v6],
				    .sport = 5555,
				    .dport = 80,
				    .payload_len = 8};
		struct tl_spec inside = s;
		struct nw_out *o, *e;
		struct rte_mbuf *q;

		nw_up(1, CFG_PORTS_DEFAULT, &rule, 1);
		o = nw_packet(&s, WAN);
		inside.dst = inner[v6];
		inside.dport = 8080;
		q = nf_frame(&inside);
		e = nw_own(tl_icmp_error(gateway[v6], server[v6], v6 ? 3 : 11, 0, 0, q), o,
			   CT_REPLY);
		EXPECT_TEXT(e, flow(gateway[v6], 0, server[v6], 0));
		cr_expect(tl_csums_ok(e->m));
		expect_quote(e, &s);
		rte_pktmbuf_free(q);
		nw_down();
	}
}

// An ICMP redirect about a translated flow is of no use to anybody and does not pass.
Test(nat_stage, icmp_redirect_of_a_translated_flow)
{
	struct tl_spec s = {
		.src = client[0], .dst = server[0], .sport = 4000, .dport = 53, .payload_len = 8};
	struct nw_out *o;
	enum pl_drop reason;

	nw_up(1, CFG_PORTS_DEFAULT, &masq, 1);
	o = nw_packet(&s, LAN);
	cr_expect(nw_send(tl_icmp_error(router[0], gateway[0], 5, 1, 0, o->m), WAN, PL_FROM_WIRE,
			  &reason) == NULL);
	cr_expect(eq(int, reason, PL_DROP_NAT_FAILED));
	nw_down();
}
