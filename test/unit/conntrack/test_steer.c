// Several workers: every packet reaches its flow's owner wherever it comes in, translated flows
// through redirects, and what happens when two workers want one reply tuple.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "conntrack/ct_redirect.h"
#include "ctt.h"

TestSuite(conntrack_steer, .fini = ctt_stop);

static struct tl_spec
udp(const char *src, const char *dst, uint16_t sport, uint16_t dport)
{
	return (struct tl_spec){.src = src, .dst = dst, .sport = sport, .dport = dport};
}

static struct ct_tuple
tuple4(const char *src, const char *dst, uint16_t sport, uint16_t dport)
{
	struct ct_tuple t = {.family = 4, .proto = IPPROTO_UDP};

	inet_pton(AF_INET, src, &t.src.v4);
	inet_pton(AF_INET, dst, &t.dst.v4);
	t.sport = htons(sport);
	t.dport = htons(dport);
	return t;
}

// Sends one packet into worker `at`; which worker called it what.
static struct ctt_seen
send_at(unsigned at, struct rte_mbuf *m)
{
	ctt.n_seen = 0;
	ctt_feed(at, &m, 1);
	cr_assert(eq(uint, ctt.n_seen, 1u));
	return ctt.seen[0];
}

static unsigned
flows_in_all(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ctt.n; i++)
		n += ct_table_count(ctt.w[i]->ct);
	return n;
}

Test(conntrack_steer, one_owner_wherever_it_comes_in)
{
	static const unsigned workers[] = {1, 2, 4, 8};

	for (unsigned k = 0; k < RTE_DIM(workers); k++) {
		ctt_start(workers[k], 1000);
		for (unsigned i = 0; i < 64; i++) {
			struct tl_spec there =
				udp("192.0.2.1", "198.51.100.2", (uint16_t)(1000 + i), 53);
			struct tl_spec back =
				udp("198.51.100.2", "192.0.2.1", 53, (uint16_t)(1000 + i));
			struct ct_tuple t =
				tuple4("192.0.2.1", "198.51.100.2", (uint16_t)(1000 + i), 53);
			struct ctt_seen s = send_at(i % workers[k], tl_frame(&there));

			cr_expect(eq(u8, s.state, PL_CT_NEW));
			cr_expect(eq(u8, s.worker, ct_tuple_home(ctt.w[0], &t)));
			s = send_at((i + 1) % workers[k], tl_frame(&back));
			cr_expect(eq(u8, s.state, PL_CT_ESTABLISHED));
			cr_expect(eq(u8, s.worker, ct_tuple_home(ctt.w[0], &t)));
		}
		cr_expect(eq(uint, flows_in_all(), 64u), "%u workers", workers[k]);
	}
}

Test(conntrack_steer, errors_follow_the_quote)
{
	ctt_start(4, 1000);
	for (unsigned i = 0; i < 16; i++) {
		struct tl_spec there = udp("192.0.2.1", "198.51.100.2", (uint16_t)(1000 + i), 53);
		struct rte_mbuf *quote = tl_frame(&there), *err;
		struct ctt_seen s, first = send_at(i % 4, tl_frame(&there));

		err = tl_icmp_error("203.0.113.9", "192.0.2.1", ICMP_DEST_UNREACH,
				    ICMP_PORT_UNREACH, 0, quote);
		rte_pktmbuf_free(quote);
		s = send_at((i + 1) % 4, err);
		cr_expect(eq(u8, s.state, PL_CT_RELATED));
		cr_expect(eq(u8, s.worker, first.worker));
		cr_expect(eq(ptr, s.ct, first.ct));
		cr_expect(eq(u8, s.dir, CT_REPLY));
	}
}

Test(conntrack_steer, fragments_meet_at_the_address_pair)
{
	struct tl_spec f = udp("192.0.2.1", "198.51.100.2", 1000, 53);
	struct ct_tuple pair = tuple4("192.0.2.1", "198.51.100.2", 0, 0);
	struct rte_mbuf *m;

	ctt_start(4, 1000);
	for (unsigned i = 0; i < 8; i++) {
		f.sport = (uint16_t)(1000 + i);
		f.frag = i % 2 == 0 ? 0x2000 : 100;
		m = tl_frame(&f);
		cr_expect(eq(u8, send_at(i % 4, m).worker, ct_tuple_home(ctt.w[0], &pair)));
	}
}

// ---- translated flows ---------------------------------------------------------------------------

static int reserve_result;
static uint16_t reply_port; // 0: a different one for each flow

// What nat does: another reply tuple, reserved before the packet leaves.
static void
translate(struct pl_worker *w, struct pl_pkt *p)
{
	struct ct_tuple reply;

	if (p->ct == NULL || !(p->flags & PL_F_NAT_POST))
		return;
	reply = ct_entry_tuple(p->ct, CT_REPLY);
	inet_pton(AF_INET, "203.0.113.1", &reply.dst.v4);
	reply.dport = reply_port != 0 ? htons(reply_port) : (rte_be16_t)~reply.dport;
	ct_set_reply(p->ct, &reply);
	reserve_result = ct_reserve_reply(w, p->ct);
}

static unsigned
redirects_in_all(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ctt.n; i++)
		n += ctt.w[i]->ct->redir != NULL ? ct_redirect_count(ctt.w[i]->ct, false) : 0;
	return n;
}

Test(conntrack_steer, replies_of_translated_flows_find_their_owner)
{
	unsigned elsewhere = 0;

	ctt_start(4, 10000);
	ctt.between = translate;
	reply_port = 0;
	for (unsigned i = 0; i < 400; i++) {
		uint16_t port = (uint16_t)(1000 + i * 37);
		struct tl_spec there = udp("192.0.2.1", "198.51.100.2", port, 53);
		struct tl_spec back = udp("198.51.100.2", "203.0.113.1", 53, (uint16_t)~port);
		struct ct_tuple t = tuple4("198.51.100.2", "203.0.113.1", 53, (uint16_t)~port);
		struct rte_mbuf *quote, *err;
		struct ctt_seen s, first = send_at(i % 4, tl_frame(&there));

		cr_assert(reserve_result == 0 || reserve_result == -EINPROGRESS);
		elsewhere += ct_tuple_home(ctt.w[0], &t) != first.worker;
		s = send_at((unsigned)rand() % 4, tl_frame(&back));
		cr_assert(eq(u8, s.state, PL_CT_ESTABLISHED), "flow %u", i);
		cr_expect(eq(ptr, s.ct, first.ct));
		cr_expect(eq(u8, s.worker, first.worker));

		// An error about what left: it quotes the translated packet.
		struct tl_spec left = udp("203.0.113.1", "198.51.100.2", (uint16_t)~port, 53);
		quote = tl_frame(&left);
		err = tl_icmp_error("198.51.100.9", "203.0.113.1", ICMP_TIME_EXCEEDED, 0, 0, quote);
		rte_pktmbuf_free(quote);
		s = send_at((unsigned)rand() % 4, err);
		cr_expect(eq(u8, s.state, PL_CT_RELATED));
		cr_expect(eq(ptr, s.ct, first.ct));
	}
	cr_expect(ge(uint, elsewhere, 200u), "the test means something");
	cr_expect(eq(uint, redirects_in_all(), elsewhere));
	cr_expect(eq(uint, flows_in_all(), 400u));
	for (unsigned i = 0; i < 4; i++)
		ct_table_flush(ctt.w[i], NULL, NULL);
	ctt_turns();
	ctt_turns();
	cr_expect(eq(uint, redirects_in_all(), 0), "redirects go with their flows");
	cr_expect(eq(uint, flows_in_all(), 0));
}

static bool
drop_all(struct pl_worker *w, const struct pl_pkt *p)
{
	(void)w;
	(void)p;
	return true;
}

Test(conntrack_steer, redirect_of_a_dropped_packet_is_lifted)
{
	ctt_start(2, 1000);
	ctt.between = translate;
	ctt.drop = drop_all;
	reply_port = 0;
	for (unsigned i = 0; i < 50; i++) {
		struct tl_spec there = udp("192.0.2.1", "198.51.100.2", (uint16_t)(1000 + i), 53);

		send_at(0, tl_frame(&there));
	}
	ctt_turns();
	cr_expect(eq(uint, redirects_in_all(), 0));
	cr_expect(eq(uint, flows_in_all(), 0));
}

Test(conntrack_steer, one_reply_tuple_for_two_workers_is_refused)
{
	struct tl_spec back = udp("198.51.100.2", "203.0.113.1", 53, 4242);
	struct ct_tuple t = tuple4("198.51.100.2", "203.0.113.1", 53, 4242);
	unsigned home, owners = 0, clashes = 0;
	struct ctt_seen s;

	ctt_start(8, 1000);
	home = ct_tuple_home(ctt.w[0], &t);
	ctt.between = translate;
	reply_port = 4242; // all flows want this one
	for (unsigned i = 0; i < 64; i++) {
		struct tl_spec there = udp("192.0.2.1", "198.51.100.2", (uint16_t)(1000 + i), 53);

		struct ct_tuple orig =
			tuple4("192.0.2.1", "198.51.100.2", (uint16_t)(1000 + i), 53);

		if (ct_tuple_home(ctt.w[0], &orig) == home)
			continue; // the home would see at once that it is taken, or take it
		send_at(0, tl_frame(&there));
		owners++;
	}
	ctt_turns();
	for (unsigned i = 0; i < 8; i++)
		clashes += ctt.w[i]->ct->stats.clash;
	cr_expect(eq(uint, redirects_in_all(), 1u), "one has it");
	cr_expect(ge(uint, owners, 40u));
	cr_expect(ge(uint, clashes, 6u), "the others were told");
	s = send_at(3, tl_frame(&back));
	cr_expect(eq(u8, s.state, PL_CT_ESTABLISHED));
	unsigned with_it = 0;
	for (unsigned i = 0; i < 8; i++) {
		static struct ct_flow f[100];
		unsigned n = ctt_dump(i, f, 100);

		for (unsigned j = 0; j < n; j++)
			with_it += f[j].tuple[1].dport == htons(4242);
	}
	cr_expect(eq(uint, with_it, 1u), "no two live flows share the tuple");
}

static uint64_t
drops_of(unsigned i, enum pl_drop reason)
{
	return ctt.w[i]->cnt.drop[reason];
}

// n flows' first packets into worker 0, which owns them all; nobody else runs. Their replies' home
// is the other worker. The first port that was not used.
static uint16_t
begin_away(unsigned n, uint16_t port)
{
	for (unsigned i = 0; i < n; port++) {
		struct tl_spec there = udp("192.0.2.1", "198.51.100.2", port, 53);
		struct ct_tuple orig = tuple4("192.0.2.1", "198.51.100.2", port, 53);
		struct ct_tuple t = tuple4("198.51.100.2", "203.0.113.1", 53, (uint16_t)~port);
		struct rte_mbuf *m;

		if (ct_tuple_home(ctt.w[0], &orig) != 0 || ct_tuple_home(ctt.w[0], &t) == 0)
			continue;
		m = tl_frame(&there);
		pl_worker_feed(ctt.w[0], &m, 1, 0, PL_FROM_WIRE);
		i++;
	}
	return port;
}

static unsigned
seen_new(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ctt.n_seen; i++)
		n += ctt.seen[i].state == PL_CT_NEW;
	return n;
}

Test(conntrack_steer, more_than_can_wait_is_dropped_by_name)
{
	ctt_start(2, 5000);
	ctt.between = translate;
	reply_port = 0;
	begin_away(600, 1000);
	cr_expect(eq(u64, drops_of(0, PL_DROP_PARK_FULL), 600 - 512));
	cr_expect(eq(u64, ctt.w[0]->cnt.parked, 512u));
	ctt_turns();
	cr_expect(eq(uint, flows_in_all(), 512u), "those that waited are known now");
	cr_expect(eq(uint, redirects_in_all(), 512u));
	for (unsigned i = 0; i < 2; i++)
		ct_table_flush(ctt.w[i], NULL, NULL);
	ctt_turns();
	ctt_turns();
	cr_expect(eq(uint, redirects_in_all(), 0));
}

// The other worker stands still: what waits for it is dropped by name, and what it grants later is
// given back.
Test(conntrack_steer, late_answers_are_given_back)
{
	ctt_start(2, 5000);
	ctt.between = translate;
	reply_port = 0;
	begin_away(10, 1000);
	for (unsigned ms = 0; ms < 60; ms += 5) {
		pl_worker_turn(ctt.w[0]);
		ctt_advance_ms(5);
	}
	cr_expect(eq(u64, drops_of(0, PL_DROP_PARK_LATE), 10u));
	cr_expect(eq(uint, flows_in_all(), 0));
	cr_expect(eq(uint, ctt.w[0]->n_parked, 0));
	pl_worker_turn(ctt.w[1]);
	cr_expect(eq(uint, redirects_in_all(), 10u));
	ctt_turns();
	ctt_turns();
	cr_expect(eq(uint, redirects_in_all(), 0));
	begin_away(10, 1000); // and they can begin again
	ctt_turns();
	cr_expect(eq(uint, flows_in_all(), 10u));
}

// Packets behind a first one that waits: none is called new a second time, none overtakes.
Test(conntrack_steer, packets_behind_wait_in_order)
{
	uint16_t port;
	struct tl_spec more;

	ctt_start(2, 5000);
	ctt.between = translate;
	reply_port = 0;
	port = (uint16_t)(begin_away(1, 1000) - 1);
	more = udp("192.0.2.1", "198.51.100.2", port, 53);
	for (unsigned i = 0; i < 5; i++) {
		struct rte_mbuf *m = tl_frame(&more);

		pl_worker_feed(ctt.w[0], &m, 1, 0, PL_FROM_WIRE);
		pl_worker_turn(ctt.w[0]);
	}
	cr_expect(eq(uint, ctt.w[0]->n_parked, 6u));
	cr_expect(eq(uint, seen_new(), 1u));
	cr_expect(eq(uint, ctt.n_seen, 1u));
	ctt_turns();
	cr_expect(eq(uint, ctt.n_seen, 6u));
	for (unsigned i = 1; i < 6; i++)
		cr_expect(eq(ptr, ctt.seen[i].ct, ctt.seen[0].ct));
	cr_expect(eq(uint, flows_in_all(), 1u));
}

// Flows that are ended while their first packets wait do not come up afterwards.
Test(conntrack_steer, flush_reaches_what_waits)
{
	ctt_start(2, 5000);
	ctt.between = translate;
	reply_port = 0;
	begin_away(10, 1000);
	ct_table_flush(ctt.w[0], NULL, NULL);
	ctt_turns();
	ctt_turns();
	cr_expect(eq(u64, drops_of(0, PL_DROP_CT_CLASH), 10u));
	cr_expect(eq(uint, flows_in_all(), 0));
	cr_expect(eq(uint, redirects_in_all(), 0));
}

Test(conntrack_steer, overlapping_flows_of_one_tuple_keep_the_redirect)
{
	struct tl_spec there = udp("192.0.2.1", "198.51.100.2", 1000, 53);
	struct tl_spec back = udp("198.51.100.2", "203.0.113.1", 53, (uint16_t)~1000);
	struct ctt_seen s;

	ctt_start(8, 1000);
	ctt.between = translate;
	reply_port = 0;
	s = send_at(0, tl_frame(&there));
	cr_assert(eq(uint, redirects_in_all(), 1u), "the case needs a home elsewhere");
	// It ends, and in the same turn its successor takes the tuple again.
	ct_table_kill(ctt.w[s.worker]->ct, s.ct);
	s = send_at(0, tl_frame(&there));
	cr_expect(eq(u8, s.state, PL_CT_NEW));
	cr_expect(eq(uint, redirects_in_all(), 1u));
	s = send_at(5, tl_frame(&back));
	cr_expect(eq(u8, s.state, PL_CT_ESTABLISHED));
}
