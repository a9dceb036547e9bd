// The match hashlimit: what a bucket holds, when it fills and is forgotten, what makes one, how
// workers and policies share a table. What is expected was seen of xt_hashlimit.
#include "at.h"

#include "acl/acl_kind.h"

#define SEC  UINT64_C(1000000000)
#define TICK (SEC / 250)
#define HEAD "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n"
#define RULE(options)                                                                              \
	HEAD "-A FORWARD -m hashlimit --hashlimit-name x --hashlimit-" options "\nCOMMIT\n"

static struct at t;

static void
clock_at(uint64_t ns)
{
	t.w[0]->now_ns = t.w[1]->now_ns = ns;
}

// How many of n packets the first rule counts.
static unsigned
counted(const struct tl_spec *s, unsigned n)
{
	uint64_t before = at_packets(&t, CFG_FILTER, "FORWARD", 1);

	while (n-- > 0)
		at_judge(&t, ACL_FILTER, s, &(struct at_way){0}, 0);
	return at_packets(&t, CFG_FILTER, "FORWARD", 1) - before;
}

static unsigned
from(const char *src, unsigned n)
{
	return counted(&(struct tl_spec){.src = src, .dst = "192.0.2.9", .sport = 1, .dport = 2},
		       n);
}

Test(acl_hashlimit, a_bucket_for_each_source)
{
	at_open(&t, CFG_IPV4, RULE("upto 2/sec --hashlimit-burst 3 --hashlimit-mode srcip"));
	clock_at(SEC);
	cr_expect(from("10.0.0.1", 5) == 3, "the burst");
	cr_expect(from("10.0.0.2", 5) == 3, "another one");
	clock_at(SEC + SEC / 2 - TICK);
	cr_expect(from("10.0.0.1", 1) == 0, "a tick too early");
	clock_at(SEC + SEC / 2);
	cr_expect(from("10.0.0.1", 2) == 1, "one for each half second");
	at_close(&t);
}

Test(acl_hashlimit, above_is_the_other_half)
{
	at_open(&t, CFG_IPV4, RULE("above 1/hour --hashlimit-burst 2 --hashlimit-mode srcip"));
	clock_at(SEC);
	cr_expect(from("10.0.0.1", 5) == 3);
	at_close(&t);
}

Test(acl_hashlimit, forgotten_at_the_sweep_after_it_expired)
{
	at_open(&t, CFG_IPV4,
		RULE("upto 1/hour --hashlimit-burst 4 --hashlimit-htable-expire 1500 "
		     "--hashlimit-mode srcip"));
	clock_at(10 * SEC); // sweeps at 11 s, 12 s ...
	cr_expect(from("10.0.0.1", 9) == 4);
	clock_at(11 * SEC + SEC * 3 / 4);
	cr_expect(from("10.0.0.1", 1) == 0, "expired at 11.5 s, but not swept before 12 s");
	clock_at(13 * SEC + SEC * 3 / 4);
	cr_expect(from("10.0.0.1", 1) == 0, "that packet made it live until 13.25 s");
	clock_at(16 * SEC);
	cr_expect(from("10.0.0.1", 9) == 4, "gone at 16 s, and full again");
	at_close(&t);
}

Test(acl_hashlimit, bytes_and_bursts)
{
	struct tl_spec s = {.src = "10.0.0.1", .dst = "192.0.2.9", .payload_len = 100 - 28};

	at_open(&t, CFG_IPV4,
		RULE("upto 512b/s --hashlimit-burst 1kb --hashlimit-mode srcip,dstip"));
	clock_at(SEC);
	// 7 sixteens a packet of 32 a second and one more: 4 of them, and so for both bursts.
	cr_expect(counted(&s, 20) == 12);
	clock_at(2 * SEC);
	cr_expect(counted(&s, 20) == 4, "a second's worth, no burst any more");
	at_close(&t);
}

Test(acl_hashlimit, rate_match)
{
	at_open(&t, CFG_IPV4,
		RULE("upto 3/sec --hashlimit-rate-match --hashlimit-burst 2 "
		     "--hashlimit-rate-interval 2 --hashlimit-htable-expire 60000"));
	clock_at(SEC);
	cr_expect(from("10.0.0.1", 9) == 5, "rate and burst");
	clock_at(3 * SEC - TICK);
	cr_expect(from("10.0.0.1", 9) == 0, "the interval is not over");
	clock_at(3 * SEC);
	cr_expect(from("10.0.0.1", 3) == 0, "18 in 2 s were over 3 a second");
	clock_at(5 * SEC);
	cr_expect(from("10.0.0.1", 9) == 5, "3 in 2 s were not");
	at_close(&t);
}

Test(acl_hashlimit, masks_and_ports)
{
	struct tl_spec s = {.src = "10.0.1.1", .dst = "192.0.2.9", .sport = 5, .dport = 80};

	at_open(&t, CFG_IPV4,
		RULE("upto 1/hour --hashlimit-burst 1 --hashlimit-mode srcip,dstport "
		     "--hashlimit-srcmask 24"));
	clock_at(SEC);
	cr_expect(counted(&s, 2) == 1);
	s.src = "10.0.1.200";
	s.sport = 6;
	cr_expect(counted(&s, 2) == 0, "the same net and port");
	s.dport = 81;
	cr_expect(counted(&s, 2) == 1, "another port");
	s.src = "10.0.2.1";
	cr_expect(counted(&s, 2) == 1, "another net");
	s.proto = IPPROTO_ICMP;
	cr_expect(counted(&s, 2) == 1, "no ports: a bucket of its own");
	at_close(&t);
}

Test(acl_hashlimit, a_header_that_is_cut_off_is_dropped)
{
	struct tl_spec s = {.src = "10.0.1.1", .dst = "192.0.2.9", .sport = 5, .dport = 80};
	struct at_result r;

	at_open(&t, CFG_IPV4, RULE("above 1/hour --hashlimit-mode dstport"));
	r = at_judge(&t, ACL_FILTER, &s, &(struct at_way){.cut = 4}, 0);
	cr_expect(r.gone);
	r = at_judge(&t, ACL_FILTER, &s, &(struct at_way){.cut = 5}, 0);
	cr_expect(!r.gone);
	at_close(&t);
}

Test(acl_hashlimit, a_full_table_drops_what_it_cannot_hold)
{
	struct tl_spec s = {.dst = "192.0.2.9", .sport = 1, .dport = 2};
	const char *const src[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
	struct at_result r;

	at_open(&t, CFG_IPV4,
		RULE("upto 1/min --hashlimit-htable-size 2 --hashlimit-htable-max 1 "
		     "--hashlimit-mode srcip"));
	clock_at(SEC);
	for (unsigned i = 0; i < 3; i++) {
		s.src = src[i];
		r = at_judge(&t, ACL_FILTER, &s, &(struct at_way){0}, 0);
		cr_expect(r.gone == (i == 2), "%u", i);
	}
	clock_at(61 * SEC);
	r = at_judge(&t, ACL_FILTER, &s, &(struct at_way){0}, 0);
	cr_expect(!r.gone, "the first two have expired");
	at_close(&t);
}

// One packet through one policy, on one worker; did the rule count it?
static bool
alone(struct acl_policy *p, unsigned worker, const char *src, unsigned rule)
{
	struct tl_spec s = {.src = src, .dst = "192.0.2.9", .sport = 1, .dport = 2};
	struct pl_worker *w = t.w[worker];
	struct pl_pkt *pkt = tl_pkt(w, &s, 0);
	struct rte_mbuf *m = pkt->m;
	uint64_t before;

	acl_policy_counters(p, t.model);
	before = cfg_chain_find(t.model, CFG_FILTER, "FORWARD")->rule[rule - 1].packets;
	pkt->path = PL_PATH_FORWARD;
	pkt->out_port = 1;
	acl_stage[ACL_FILTER].run(w, acl_policy_point(p, ACL_FILTER), &w->burst);
	rte_pktmbuf_free(m);
	acl_policy_counters(p, t.model);
	return cfg_chain_find(t.model, CFG_FILTER, "FORWARD")->rule[rule - 1].packets != before;
}

Test(acl_hashlimit, workers_share_a_bucket)
{
	struct pl_program prog = {0};

	at_open(&t, CFG_IPV4, RULE("upto 1/hour --hashlimit-burst 2 --hashlimit-mode srcip"));
	prog.acl = t.compiled;
	t.w[0]->prog = t.w[1]->prog = &prog;
	cr_expect(alone(t.compiled, 0, "10.0.0.1", 1));
	acl_hear(t.w[1]);
	cr_expect(alone(t.compiled, 1, "10.0.0.1", 1));
	cr_expect(!alone(t.compiled, 1, "10.0.0.1", 1), "one here, one there");
	acl_hear(t.w[0]);
	cr_expect(!alone(t.compiled, 0, "10.0.0.1", 1));
	prog.acl = NULL;
	at_close(&t);
}

Test(acl_hashlimit, a_table_outlives_the_policy_that_named_it)
{
	struct acl_build b = {.port_name = at_port,
			      .n_port = RTE_DIM(at_port),
			      .n_workers = 2,
			      .socket = SOCKET_ID_ANY};
	struct acl_policy *p = NULL;
	struct cfg_err err;

	at_open(&t, CFG_IPV4, RULE("upto 1/hour --hashlimit-burst 2 --hashlimit-mode srcip"));
	cr_expect(alone(t.compiled, 0, "10.0.0.1", 1));
	b.prev = t.compiled;
	cfg_err_init(&err, "test");
	cr_assert(acl_policy_create(&p, t.model, &b, &err) == 0);
	acl_policy_free(t.compiled);
	t.compiled = NULL;
	cr_expect(alone(p, 0, "10.0.0.1", 1));
	cr_expect(!alone(p, 0, "10.0.0.1", 1));
	acl_policy_free(p);
	at_close(&t);
}
