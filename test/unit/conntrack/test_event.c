// What flows tell of themselves: births, changes and ends with their reasons, only where somebody
// listens, and what happens where nobody takes the events.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "ctt.h"

#define A   "192.0.2.1"
#define B   "198.51.100.2"
#define ALL ((1 << CT_EVENT_KINDS) - 1)

static const struct tl_spec there = {.src = A, .dst = B, .sport = 1000, .dport = 53};
static const struct tl_spec back = {.src = B, .dst = A, .sport = 53, .dport = 1000};

static struct ct_table *t;

static void
setup(void)
{
	ctt_start(1, 1000);
	t = ctt.w[0]->ct;
	cr_assert(ct_events_create(t, 1024, SOCKET_ID_ANY) == 0);
	ct_events_want(t, ALL);
}

TestSuite(conntrack_event, .init = setup, .fini = ctt_stop);

static struct ct_event event[64];

// Takes all there is into event[]; how many.
static unsigned
heard(void)
{
	return ct_events_take(t, event, RTE_DIM(event));
}

static void
tcp(const char *src, uint16_t sport, const char *dst, uint16_t dport, uint8_t flags, uint32_t seq,
    uint32_t ack)
{
	const struct tl_spec s = {.src = src,
				  .dst = dst,
				  .proto = IPPROTO_TCP,
				  .sport = sport,
				  .dport = dport,
				  .tcp_flags = flags,
				  .seq = seq,
				  .ack = ack};

	ctt_one(&s);
}

Test(conntrack_event, a_datagram_and_its_answer)
{
	ctt.w[0]->wall_ns = 1700000000123456789;
	ctt_one(&there);
	cr_assert(eq(uint, heard(), 1));
	cr_expect(eq(u8, event[0].kind, CT_EVENT_NEW));
	cr_expect(eq(u64, event[0].wall_ns, 1700000000123456789));
	cr_expect(eq(u16, event[0].flow.tuple[0].dport, htons(53)));
	cr_expect(eq(u64, event[0].flow.packets[0], 1));
	cr_expect(
		eq(u32, event[0].flow.status & (CT_S_CONFIRMED | CT_S_SEEN_REPLY), CT_S_CONFIRMED));
	ctt_one(&there);
	cr_expect(eq(uint, heard(), 0), "a packet that changes nothing");
	ctt_one(&back);
	cr_assert(eq(uint, heard(), 1));
	cr_expect(eq(u8, event[0].kind, CT_EVENT_UPDATE));
	cr_expect(ne(u32, event[0].flow.status & CT_S_SEEN_REPLY, 0));
	ctt_advance_ms(121000);
	ctt_turns();
	cr_assert(eq(uint, heard(), 1));
	cr_expect(eq(u8, event[0].kind, CT_EVENT_DESTROY));
	cr_expect(eq(u8, event[0].why, CT_END_IDLE));
	cr_expect(eq(u64, event[0].flow.packets[0], 2), "final counters");
	cr_expect(eq(u64, event[0].flow.packets[1], 1));
}

Test(conntrack_event, states_of_a_connection)
{
	static const uint8_t state[] = {CT_TCP_SYN_RECV,   CT_TCP_ESTABLISHED, CT_TCP_FIN_WAIT,
					CT_TCP_CLOSE_WAIT, CT_TCP_LAST_ACK,    CT_TCP_TIME_WAIT};
	unsigned n;

	tcp(A, 1000, B, 80, TH_SYN, 100, 0);
	cr_assert(eq(uint, heard(), 1));
	cr_expect(eq(u8, event[0].flow.tcp_state, CT_TCP_SYN_SENT));
	tcp(B, 80, A, 1000, TH_SYN | TH_ACK, 500, 101);
	tcp(A, 1000, B, 80, TH_ACK, 101, 501);
	tcp(A, 1000, B, 80, TH_FIN | TH_ACK, 101, 501);
	tcp(B, 80, A, 1000, TH_ACK, 501, 102);
	tcp(B, 80, A, 1000, TH_FIN | TH_ACK, 501, 102);
	tcp(A, 1000, B, 80, TH_ACK, 102, 502);
	n = heard();
	cr_assert(eq(uint, n, RTE_DIM(state)));
	for (unsigned i = 0; i < n; i++) {
		cr_expect(eq(u8, event[i].kind, CT_EVENT_UPDATE));
		cr_expect(eq(u8, event[i].flow.tcp_state, state[i]), "%u", i);
	}
	ctt_advance_ms(121000);
	ctt_turns();
	cr_assert(eq(uint, heard(), 1));
	cr_expect(eq(u8, event[0].why, CT_END_FINISHED), "it said goodbye");
}

Test(conntrack_event, why_they_end)
{
	tcp(A, 1000, B, 80, TH_SYN, 100, 0);
	tcp(B, 80, A, 1000, TH_RST | TH_ACK, 0, 101);
	cr_assert(eq(uint, heard(), 2));
	cr_expect(eq(u8, event[1].kind, CT_EVENT_DESTROY));
	cr_expect(eq(u8, event[1].why, CT_END_FINISHED), "refused");
	ctt_one(&there);
	ct_table_flush(ctt.w[0], NULL, NULL);
	cr_assert(eq(uint, heard(), 2));
	cr_expect(eq(u8, event[1].why, CT_END_FORCED));
	ctt_turns();

	ctt_stop();
	ctt_start(1, 1);
	t = ctt.w[0]->ct;
	cr_assert(ct_events_create(t, 1024, SOCKET_ID_ANY) == 0);
	ct_events_want(t, 1 << CT_EVENT_DESTROY);
	ctt_one(&there);
	tcp(A, 1000, B, 80, TH_SYN, 100, 0);
	cr_assert(eq(uint, heard(), 1), "births are not wanted");
	cr_expect(eq(u8, event[0].why, CT_END_RESOURCES), "the table has room for one");
}

static bool
drop_all(struct pl_worker *w, const struct pl_pkt *p)
{
	(void)w;
	(void)p;
	return true;
}

Test(conntrack_event, what_was_never_known_is_not_told)
{
	ctt.drop = drop_all;
	ctt_one(&there);
	cr_expect(eq(uint, heard(), 0));
	ctt.drop = NULL;
}

static void
mark(struct pl_worker *w, struct pl_pkt *p)
{
	ct_flow_ops.set_mark(w, p->ct, 7);
}

Test(conntrack_event, marks)
{
	ctt.between = mark;
	ctt_one(&there);
	cr_assert(eq(uint, heard(), 1), "the birth has it");
	cr_expect(eq(u32, event[0].flow.mark, 7));
	ctt_one(&there);
	cr_expect(eq(uint, heard(), 0), "the same mark");
	ctt.between = NULL;
	ct_flow_ops.set_mark(ctt.w[0], ctt.seen[0].ct, 8);
	cr_assert(eq(uint, heard(), 1));
	cr_expect(eq(u8, event[0].kind, CT_EVENT_UPDATE));
	cr_expect(eq(u32, event[0].flow.mark, 8));
}

Test(conntrack_event, nobody_listens_any_more)
{
	ct_events_want(t, 0);
	ctt_one(&there);
	ctt_one(&back);
	ct_table_flush(ctt.w[0], NULL, NULL);
	cr_expect(eq(uint, heard(), 0));
	cr_expect(eq(u64, ct_table_stats(t)->events_lost, 0));
}

Test(conntrack_event, nobody_takes_them)
{
	unsigned n = 0, got;

	for (unsigned i = 0; i < 700; i++) {
		struct tl_spec s = there;

		s.sport = (uint16_t)(2000 + i);
		ctt_one(&s);
	}
	ct_table_flush(ctt.w[0], NULL, NULL);
	while ((got = heard()) > 0)
		n += got;
	cr_expect(eq(uint, n, 1023), "what a ring of 1024 takes");
	cr_expect(eq(u64, ct_table_stats(t)->events_lost, 1400 - 1023));
}
