// The switches that are looked at once a flow, or never: acct, timestamp, events, log_invalid.
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "conntrack/ct_invalid.h"
#include "ctt.h"
#include "pipeline/event.h"

#define A "192.0.2.1"
#define B "198.51.100.2"
#define T 1700000000000000000ull

static const struct tl_spec there = {.src = A, .dst = B, .sport = 1000, .dport = 53};
static const struct tl_spec back = {.src = B, .dst = A, .sport = 53, .dport = 1000};
static const struct tl_spec other = {.src = A, .dst = B, .sport = 1001, .dport = 53};

static void
setup(void)
{
	ctt_start(1, 1000);
	cr_assert(pl_events_create(ctt.w[0], 4096) == 0);
}

static void
teardown(void)
{
	pl_events_free(ctt.w[0]);
	ctt_stop();
}

TestSuite(conntrack_knobs, .init = setup, .fini = teardown);

static struct ct_flow flow[8];

static const struct ct_flow *
flow_from(uint16_t sport)
{
	unsigned n = ctt_dump(0, flow, RTE_DIM(flow));

	for (unsigned i = 0; i < n; i++)
		if (flow[i].tuple[0].sport == htons(sport))
			return &flow[i];
	cr_fatal("no such flow");
}

// As with the kernel's extension: what a flow was born as it stays.
Test(conntrack_knobs, acct)
{
	const struct ct_entry *e;
	uint64_t p, b;

	ctt.conf.sw.acct_off = true;
	ctt_one(&there);
	e = ctt.seen[ctt.n_seen - 1].ct;
	cr_expect(not(ct_flow_ops.counted(ctt.w[0], e, 0, &p, &b)));
	ctt.conf.sw.acct_off = false;
	ctt_one(&back);
	ctt_one(&other);
	cr_expect(flow_from(1000)->uncounted && flow_from(1000)->packets[1] == 0);
	cr_expect(not(ct_flow_ops.counted(ctt.w[0], e, 1, &p, &b)));
	ctt.conf.sw.acct_off = true;
	ctt_one(&other);
	cr_expect(flow_from(1001)->packets[0] == 2 && !flow_from(1001)->uncounted);
}

Test(conntrack_knobs, timestamp)
{
	struct ct_event ev[4];

	cr_assert(ct_events_create(ctt.w[0]->ct, 16, SOCKET_ID_ANY) == 0);
	ct_events_want(ctt.w[0]->ct, 1 << CT_EVENT_DESTROY);
	ctt.w[0]->wall_ns = T;
	ctt_one(&other); // before it is on
	ctt.conf.sw.timestamp = true;
	ctt_one(&there);
	ctt.w[0]->wall_ns = T + 5000;
	ctt_one(&back);
	cr_expect(eq(u64, flow_from(1001)->start_ns, 0));
	cr_expect(eq(u64, flow_from(1000)->start_ns, T));
	cr_expect(eq(u64, flow_from(1000)->age_ns, 5000));
	ctt.w[0]->wall_ns = T + 9000;
	ct_table_flush(ctt.w[0], NULL, NULL);
	cr_assert(eq(uint, ct_events_take(ctt.w[0]->ct, ev, RTE_DIM(ev)), 2));
	for (unsigned i = 0; i < 2; i++) {
		bool stamped = ev[i].flow.tuple[0].sport == htons(1000);

		cr_expect(eq(u64, ev[i].flow.start_ns, stamped ? T : 0));
		cr_expect(eq(u64, ev[i].flow.age_ns, stamped ? 9000 : 0));
	}
	// A place that had a time is another flow's that has none.
	ctt_turns();
	ctt.conf.sw.timestamp = false;
	ctt_one(&there);
	ctt_one(&other);
	cr_expect(flow_from(1000)->start_ns == 0 && flow_from(1001)->start_ns == 0);
}

Test(conntrack_knobs, events)
{
	struct ct_event ev[4];

	cr_assert(ct_events_create(ctt.w[0]->ct, 16, SOCKET_ID_ANY) == 0);
	ct_events_want(ctt.w[0]->ct, 1 << CT_EVENT_NEW);
	ctt.conf.sw.events_off = true;
	ctt_one(&there);
	cr_expect(eq(uint, ct_events_take(ctt.w[0]->ct, ev, RTE_DIM(ev)), 0));
	ctt.conf.sw.events_off = false;
	ctt_one(&other);
	cr_expect(eq(uint, ct_events_take(ctt.w[0]->ct, ev, RTE_DIM(ev)), 1));
}

// Own times by number, the policy's where there are none of that number, and in the short way too.
Test(conntrack_knobs, timeout_policies)
{
	static struct cfg_timeout item[] = {
		{.name = "quick", .proto = IPPROTO_UDP, .time = {.udp_timeout = 3}},
		{.name = "slow", .proto = IPPROTO_TCP, .time = {.tcp_timeout_syn_sent = 5}},
	};
	const struct cfg_policy policy = {.timeouts = {item, RTE_DIM(item)},
					  .conntrack = {.udp_timeout_stream = 77}};
	struct cfg_t_ct rule = {.timeout = (uint16_t)ct_times_id("quick")};
	struct tl_spec syn = {.src = A,
			      .dst = B,
			      .proto = IPPROTO_TCP,
			      .sport = 7,
			      .dport = 80,
			      .tcp_flags = TH_SYN};

	cr_expect(eq(int, ct_times_id("quick"), rule.timeout), "a name keeps its number");
	cr_assert(ct_times_make(&ctt.conf, &policy) == 0);
	ctt.ct_rule = &rule;
	ctt_one(&there);
	rule.timeout = (uint16_t)ct_times_id("slow");
	ctt_one(&syn);
	ctt.ct_rule = NULL;
	ctt_one(&other);
	cr_expect(eq(u32, flow_from(1000)->timeout_sec, 3));
	cr_expect(eq(u32, flow_from(7)->timeout_sec, 5));
	cr_expect(eq(u32, flow_from(1001)->timeout_sec, 30));
	ctt_advance_ms(2500);
	ctt_one(&back); // the rule of the first packet counts
	cr_expect(eq(u32, flow_from(1000)->timeout_sec, 3));
	ctt_one(&there);
	cr_expect(eq(u32, flow_from(1000)->timeout_sec, 77), "what it does not say");
	ct_times_free(&ctt.conf); // the next policy has none of that name
	ctt_one(&back);
	cr_expect(eq(u32, flow_from(1000)->timeout_sec, 120));
	ctt_advance_ms(3000);
	cr_expect(eq(u8, ctt_one(&syn), PL_CT_NEW), "the first one's time was up");
}

static const char *
line(void)
{
	static uint8_t bytes[PL_EVENT_BYTES];
	static struct pl_event e;

	return pl_event_take(ctt.w[0], &e, bytes) ? e.text : "";
}

static void
expect_line(const struct tl_spec *s, const char *want)
{
	const char *is;

	cr_expect(eq(u8, ctt_one(s), PL_CT_INVALID), "%s", want);
	is = line();
	cr_expect(strcmp(is, want) == 0, "\"%s\", not \"%s\"", is, want);
	cr_expect(strcmp(line(), "") == 0, "one line");
}

static struct tl_spec
tcp(uint8_t flags, uint32_t seq, uint32_t ack)
{
	return (struct tl_spec){.src = A,
				.dst = B,
				.proto = IPPROTO_TCP,
				.sport = 1000,
				.dport = 80,
				.tcp_flags = flags,
				.seq = seq,
				.ack = ack};
}

static struct tl_spec
tcp_back(uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct tl_spec s = tcp(flags, seq, ack);

	s.src = B;
	s.dst = A;
	s.sport = 80;
	s.dport = 1000;
	return s;
}

Test(conntrack_knobs, log_invalid_says_why)
{
	struct tl_spec s;

	ctt.conf.sw.log_invalid = 255;
	s = tcp(TH_SYN | TH_FIN, 1, 0);
	expect_line(&s, "nf_ct_proto_6: flags that no TCP sends ");
	s = tcp(TH_RST, 1, 0);
	expect_line(&s, "nf_ct_proto_6: cannot begin a connection ");
	s = tcp(TH_SYN, 100, 0);
	ctt_one(&s);
	s = tcp_back(TH_SYN | TH_ACK, 500, 101);
	ctt_one(&s);
	s = tcp(TH_ACK, 101, 501);
	ctt_one(&s);
	s = tcp(TH_ACK, 900000, 501);
	expect_line(&s, "nf_ct_proto_6: outside the window ");
	s = (struct tl_spec){
		.src = A, .dst = B, .proto = IPPROTO_ICMP, .icmp_type = ICMP_ECHOREPLY};
	expect_line(&s, "nf_ct_proto_1: answer that nobody asked for ");
	s = (struct tl_spec){.src = A, .dst = B, .proto = IPPROTO_ICMP, .icmp_type = 99};
	expect_line(&s, "nf_ct_proto_1: unknown ICMP type or family ");
	cr_expect(eq(u8, ctt_one(&there), PL_CT_NEW));
	cr_expect(strcmp(line(), "") == 0, "of what is not INVALID nothing is said");
}

Test(conntrack_knobs, log_invalid_of_one_protocol)
{
	struct tl_spec s = tcp(TH_SYN | TH_FIN, 1, 0);

	ctt.conf.sw.log_invalid = IPPROTO_UDP;
	ctt_one(&s);
	cr_expect(strcmp(line(), "") == 0);
	ctt.conf.sw.log_invalid = IPPROTO_TCP;
	ctt_one(&s);
	cr_expect(strcmp(line(), "") != 0);
	ctt.conf.sw.log_invalid = 0;
	ctt_one(&s);
	cr_expect(strcmp(line(), "") == 0);
}

Test(conntrack_knobs, log_invalid_is_bounded)
{
	struct tl_spec s = tcp(TH_SYN | TH_FIN, 1, 0);
	unsigned n = 0;

	ctt.conf.sw.log_invalid = 255;
	for (unsigned second = 1; second <= 2; second++) {
		for (unsigned i = 0; i < 2 * CT_INVALID_LINES; i++)
			ctt_one(&s);
		while (strcmp(line(), "") != 0)
			n++;
		cr_expect(eq(uint, n, second * CT_INVALID_LINES));
		cr_expect(eq(u64, ct_table_stats(ctt.w[0]->ct)->invalid_unlogged,
			     (uint64_t)second * CT_INVALID_LINES));
		ctt_advance_ms(1001);
	}
}

// Every reason fits the room that a prefix has.
Test(conntrack_knobs, reasons_fit)
{
	static const char *const text[] = {
#define X(name, text) text,
		CT_WHY_LIST(X)
#undef X
	};

	for (unsigned i = 0; i < RTE_DIM(text); i++)
		cr_expect(strlen("nf_ct_proto_255: ") + strlen(text[i]) + 1 < PL_EVENT_TEXT, "%s",
			  text[i]);
}
