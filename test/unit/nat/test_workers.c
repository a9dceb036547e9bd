// Several workers: what goes out comes back to the worker that owns the flow, and no two flows
// share a reply tuple. Workers run by turns; a packet is received where the NIC's hash would put
// it.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

#include "pipeline/toeplitz.h"
#include "test/unit/nat/nat_world.h"

TestSuite(nat_workers);

static const struct nw_rule masq = {NAT_SRC, -1, WAN, 0, 0, {.kind = PL_NAT_MASQUERADE}};

static uint64_t
handed_over(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < nw.n; i++)
		sum += nw.w[i]->cnt.handed_over;
	return sum;
}

// Takes the packet out of the world's list again, keeping what was seen of it.
static struct nw_out
last(void)
{
	struct nw_out o = nw.out[--nw.n_out];

	rte_pktmbuf_free(o.m);
	o.m = NULL;
	return o;
}

static void
round_trip(const struct tl_spec *s, bool *kept, uint32_t *handed)
{
	char want[96];
	struct nw_out o;
	struct tl_spec back;
	uint64_t before;

	nw_packet(s, LAN);
	o = last();
	*kept = o.p.sport == htons(s->sport);
	back = nw_answer(&o);
	before = handed_over();
	nw_packet(&back, WAN);
	*handed += handed_over() - before;
	o = last();
	snprintf(want, sizeof(want), "%s:%u>%s:%u", s->dst, s->dport, s->src, s->sport);
	cr_expect(eq(str, (char *)nw_text(&o), want));
	cr_expect(eq(int, o.p.ct_state, PL_CT_ESTABLISHED), "a known flow is never called new");
}

static void
many(unsigned workers, enum cfg_port_selection sel, unsigned v6, unsigned *kept, uint32_t *handed)
{
	*kept = 0;
	*handed = 0;
	nw_up(workers, sel, &masq, 1);
	for (unsigned i = 0; i < 200; i++) {
		struct tl_spec s = {.dst = v6 ? "2001:db8:1::7" : "198.51.100.7",
				    .sport = 30000 + i,
				    .dport = 53};
		char src[32];
		bool same = false;

		snprintf(src, sizeof(src), v6 ? "fd00::%u" : "192.168.1.%u", 2 + i % 50);
		s.src = src;
		round_trip(&s, &same, handed);
		*kept += same;
	}
	nw_down();
}

Test(nat_workers, steered_replies_come_home)
{
	static const unsigned workers[] = {2, 4, 8};

	for (size_t i = 0; i < RTE_DIM(workers); i++) {
		for (unsigned v6 = 0; v6 < 2; v6++) {
			unsigned kept;
			uint32_t handed;

			many(workers[i], CFG_PORTS_DEFAULT, v6, &kept, &handed);
			cr_expect(eq(u32, handed, 0), "%u workers", workers[i]);
			cr_expect(ge(uint, kept, 1), "kept where it is home all the same");
			many(workers[i], CFG_PORTS_RANDOM, v6, &kept, &handed);
			cr_expect(eq(u32, handed, 0), "%u workers, random", workers[i]);
			cr_expect(le(uint, kept, 3));
		}
	}
}

// Ports preserved: the replies go where the NIC's hash says, find the redirect there, and arrive.
Test(nat_workers, preserved_ports_find_their_owner)
{
	static const unsigned workers[] = {2, 4, 8};

	for (size_t i = 0; i < RTE_DIM(workers); i++) {
		for (unsigned v6 = 0; v6 < 2; v6++) {
			unsigned kept;
			uint32_t handed;

			many(workers[i], CFG_PORTS_PRESERVE, v6, &kept, &handed);
			cr_expect(eq(uint, kept, 200), "%u workers: %u kept", workers[i], kept);
			cr_expect(ge(u32, handed, 1), "%u workers", workers[i]);
		}
	}
}

static uint64_t
clashes(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < nw.n; i++)
		sum += ct_table_stats(nw.w[i]->ct)->clash;
	return sum;
}

// Two clients want one port towards one server, and different workers own their flows: neither can
// see the other. The reply's home refuses the second, whose first packet has not left yet: it moves
// its port, and both talk.
Test(nat_workers, preserved_port_that_is_taken_elsewhere)
{
	static const unsigned workers[] = {2, 4, 8};
	uint64_t refused = 0;

	for (size_t i = 0; i < RTE_DIM(workers); i++) {
		nw_up(workers[i], CFG_PORTS_PRESERVE, &masq, 1);
		for (unsigned k = 0; k < 60; k++) {
			struct tl_spec a = {.src = "192.168.1.2",
					    .dst = "198.51.100.7",
					    .sport = 30000 + k,
					    .dport = 53};
			struct tl_spec b = a;
			uint32_t handed;
			bool kept;

			b.src = "192.168.1.3";
			round_trip(&a, &kept, &handed);
			cr_expect(kept);
			nw_packet(&b, LAN);
			cr_expect(ne(u16, last().p.sport, htons(b.sport)), "not for one packet");
			round_trip(&b, &kept, &handed);
			cr_expect(not(kept), "%u workers", workers[i]);
			round_trip(&a, &kept, &handed);
			cr_expect(kept, "the first is not disturbed");
		}
		refused += clashes();
		nw_down();
	}
	cr_expect(ge(u64, refused, 50u), "the case was hardly met");
}

Test(nat_workers, dnat_and_hairpin)
{
	static const unsigned workers[] = {2, 4, 8};

	for (size_t i = 0; i < RTE_DIM(workers); i++) {
		struct nw_rule rules[] = {
			{NAT_DST,
			 -1,
			 -1,
			 0,
			 80,
			 {.kind = PL_NAT_DNAT,
			  .flags = PL_NAT_HAS_ADDR | PL_NAT_HAS_PORTS,
			  .addr_min = nf_addr("192.168.1.9"),
			  .addr_max = nf_addr("192.168.1.9"),
			  .port_min = 8080,
			  .port_max = 8080}},
			{NAT_SRC, LAN, LAN, 0, 0, {.kind = PL_NAT_MASQUERADE}},
		};

		nw_up(workers[i], CFG_PORTS_DEFAULT, rules, 2);
		for (unsigned k = 0; k < 64; k++) {
			struct tl_spec s = {.src = k % 2 ? "192.168.1.2" : "198.51.100.7",
					    .dst = "203.0.113.1",
					    .sport = 20000 + k,
					    .dport = 80},
				       back;
			char want[96];
			struct nw_out o;

			nw_packet(&s, k % 2 ? LAN : WAN);
			o = last();
			back = nw_answer(&o);
			nw_packet(&back, LAN);
			o = last();
			snprintf(want, sizeof(want), "203.0.113.1:80>%s:%u", s.src, s.sport);
			cr_expect(eq(str, (char *)nw_text(&o), want), "%u workers", workers[i]);
			nw_packet(&s, k % 2 ? LAN : WAN); // and once more
			o = last();
			cr_expect(eq(int, o.p.ct_state, PL_CT_ESTABLISHED));
		}
		nw_down();
	}
}

// Echo: no identifier can steer. Errors: they hash by what they quote.
Test(nat_workers, echo_and_errors)
{
	static const unsigned workers[] = {2, 4, 8};

	for (size_t i = 0; i < RTE_DIM(workers); i++) {
		nw_up(workers[i], CFG_PORTS_DEFAULT, &masq, 1);
		for (unsigned k = 0; k < 50; k++) {
			char src[32];
			struct tl_spec s = {.src = src,
					    .dst = "198.51.100.7",
					    .proto = IPPROTO_ICMP,
					    .icmp_type = 8,
					    .sport = 500 + k,
					    .dport = 1};
			struct tl_spec u = {.src = src,
					    .dst = "198.51.100.7",
					    .sport = 4000,
					    .dport = 53},
				       back;
			struct nw_out *sent, *got;
			struct rte_mbuf *err;

			snprintf(src, sizeof(src), "192.168.1.%u", 2 + k);
			sent = nw_packet(&s, LAN);
			back = nw_answer(sent);
			got = nw_packet(&back, WAN);
			cr_expect(eq(u32, got->p.dst.v4, nf_addr(src).v4), "%u workers",
				  workers[i]);
			cr_expect(eq(u16, ntohs(got->p.dport), 500 + k));
			sent = nw_packet(&u, LAN);
			err = tl_icmp_error("198.51.100.254", "203.0.113.1", 11, 0, 0, sent->m);
			got = nw_send_at(k % workers[i], err, WAN, PL_FROM_WIRE, NULL);
			cr_assert(got != NULL);
			cr_expect(eq(int, got->p.ct_state, PL_CT_RELATED), "%u workers",
				  workers[i]);
			cr_expect(eq(u32, got->p.dst.v4, nf_addr(src).v4), "%u workers",
				  workers[i]);
			while (nw.n_out != 0)
				rte_pktmbuf_free(nw.out[--nw.n_out].m);
		}
		nw_down();
	}
}

// A range too small to steer in is still used, to the last port.
Test(nat_workers, small_range)
{
	static const struct nw_rule rule = {NAT_SRC,
					    -1,
					    WAN,
					    0,
					    0,
					    {.kind = PL_NAT_MASQUERADE,
					     .flags = PL_NAT_HAS_PORTS,
					     .port_min = 5000,
					     .port_max = 5003}};
	bool seen[4] = {false};

	nw_up(8, CFG_PORTS_DEFAULT, &rule, 1);
	for (unsigned i = 0; i < 4; i++) {
		struct tl_spec s = {.src = "192.168.1.2",
				    .dst = "198.51.100.7",
				    .sport = 4000,
				    .dport = 53},
			       back;
		struct nw_out o;
		uint16_t port;

		// Ports that bring the flow itself to one and the same worker.
		for (unsigned k = 0; k < i; k++) {
			union pl_addr a = nf_addr(s.src), b = nf_addr(s.dst);
			uint32_t want = pl_toeplitz(4, &a, &b, htons(4000), htons(53)) % 512 % 8;

			do
				s.sport++;
			while (pl_toeplitz(4, &a, &b, htons(s.sport), htons(53)) % 512 % 8 != want);
		}
		nw_packet(&s, LAN);
		o = last();
		port = ntohs(o.p.sport);
		cr_assert(port >= 5000 && port <= 5003 && !seen[port - 5000], "%u", port);
		seen[port - 5000] = true;
		back = nw_answer(&o);
		nw_packet(&back, WAN);
		o = last();
		cr_expect(eq(u16, ntohs(o.p.dport), s.sport));
	}
	nw_down();
}

// All workers together never give out one reply tuple twice, however scarce ports are.
Test(nat_workers, no_two_flows_share_a_reply)
{
	static const unsigned workers[] = {2, 4, 8};

	for (size_t i = 0; i < RTE_DIM(workers); i++) {
		static uint8_t used[65536];
		unsigned flows = 0;

		memset(used, 0, sizeof(used));
		nw_up(workers[i], CFG_PORTS_DEFAULT, &masq, 1);
		for (unsigned k = 0; k < 600; k++) {
			struct tl_spec s = {.src = k % 2 ? "192.168.1.2" : "192.168.1.3",
					    .dst = "198.51.100.7",
					    .sport = 1 + k / 2,
					    .dport = 53}; // ports 1-300: a class of 511
			enum pl_drop reason;
			struct nw_out o;

			if (nw_send(nf_frame(&s), LAN, PL_FROM_WIRE, &reason) == NULL) {
				cr_assert(eq(int, reason, PL_DROP_NAT_NO_PORT));
				continue;
			}
			o = last();
			cr_assert(le(u16, ntohs(o.p.sport), 511));
			cr_expect(eq(int, used[ntohs(o.p.sport)]++, 0), "%u workers, port %u",
				  workers[i], ntohs(o.p.sport));
			flows++;
		}
		cr_expect(ge(uint, flows, 300), "%u workers: %u flows", workers[i], flows);
		nw_down();
	}
}
