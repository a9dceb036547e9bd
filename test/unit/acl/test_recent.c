// The match recent: what a table remembers and for how long, how names join rules, families,
// workers and policies. What is expected was seen of xt_recent.
#include "at.h"

#include "acl/acl_named.h"

#define SEC UINT64_C(1000000000)

static struct at t;

// Rules of FORWARD, all families' tables alike; "-j" is added.
static void
open_rules(enum cfg_family family, const char *const *rule, unsigned n)
{
	char text[2048] = "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n";

	for (unsigned i = 0; i < n; i++)
		sprintf(text + strlen(text), "-A FORWARD %s\n", rule[i]);
	strcat(text, "COMMIT\n");
	at_open(&t, family, text);
}
#define OPEN(...)                                                                                  \
	open_rules(CFG_IPV4, (const char *const[]){__VA_ARGS__},                                   \
		   RTE_DIM(((const char *const[]){__VA_ARGS__})))

// A datagram from the address; did rule `rule` count it?
static bool
counted(const char *src, unsigned rule)
{
	struct tl_spec s = {.src = src, .dst = "192.0.2.9", .sport = 1, .dport = 2};
	uint64_t before = at_packets(&t, CFG_FILTER, "FORWARD", rule);

	at_judge(&t, ACL_FILTER, &s, &(struct at_way){0}, 0);
	return at_packets(&t, CFG_FILTER, "FORWARD", rule) != before;
}

static void
clock_at(uint64_t ns)
{
	t.w[0]->now_ns = t.w[1]->now_ns = ns;
}

Test(acl_recent, hits_within_seconds)
{
	OPEN("-m recent --name x --update --seconds 10 --hitcount 3", "-m recent --name x --set");
	clock_at(SEC);
	cr_expect(!counted("10.0.0.1", 1), "never seen");
	cr_expect(!counted("10.0.0.1", 1), "once");
	cr_expect(!counted("10.0.0.1", 1), "twice");
	cr_expect(counted("10.0.0.1", 1), "three times");
	cr_expect(!counted("10.0.0.2", 1), "another one");
	clock_at(11 * SEC);
	cr_expect(counted("10.0.0.1", 1), "ten seconds ago is within ten seconds");
	clock_at(21 * SEC + SEC / 250);
	cr_expect(!counted("10.0.0.1", 1), "the last two were at 11 s, more than ten ago");
	at_close(&t);
}

Test(acl_recent, an_update_that_does_not_match_is_none)
{
	OPEN("-m recent --name x --rcheck --hitcount 2", "-m recent --name x --update --seconds 5",
	     "-m recent --name y ! --rcheck", "-p udp -m recent --name x --set");
	clock_at(SEC);
	counted("10.0.0.1", 1); // rule 4 sets
	clock_at(7 * SEC);
	cr_expect(!counted("10.0.0.1", 2), "too old: not updated; rule 4 sets again");
	cr_expect(counted("10.0.0.1", 1), "two");
	cr_expect(counted("10.0.0.1", 3), "inverted: not in y");
	at_close(&t);
}

Test(acl_recent, remove_and_reap)
{
	OPEN("-m length --length 28 -m recent --name x --set", "-m recent --name x --rcheck",
	     "-s 10.0.0.1 -m length --length 29 -m recent --name x --remove",
	     "-m length --length 30 -m recent --name x --rcheck --seconds 5 --reap");
	struct tl_spec s = {.src = "10.0.0.1", .dst = "192.0.2.9", .sport = 1, .dport = 2};
	const struct at_way way = {0};

	clock_at(SEC);
	cr_expect(counted("10.0.0.1", 2));
	s.payload_len = 1; // removes
	at_judge(&t, ACL_FILTER, &s, &way, 0);
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 3) == 1);
	at_judge(&t, ACL_FILTER, &s, &way, 0);
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 3) == 1, "it was gone");
	counted("10.0.0.7", 1);
	clock_at(4 * SEC);
	counted("10.0.0.1", 1);
	clock_at(8 * SEC);
	s.payload_len = 2; // reaps 10.0.0.7, seen 7 s ago; 10.0.0.1 was seen 4 s ago
	at_judge(&t, ACL_FILTER, &s, &way, 0);
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 4) == 1);
	s.payload_len = 3;
	s.src = "10.0.0.7";
	at_judge(&t, ACL_FILTER, &s, &way, 0);
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 2) == 5, "10.0.0.7 was not seen");
	at_close(&t);
}

Test(acl_recent, the_oldest_makes_room)
{
	char addr[20];

	OPEN("-m recent --name x --rcheck", "-m recent --name x --set");
	clock_at(SEC);
	for (unsigned i = 0; i < 100; i++) {
		snprintf(addr, sizeof(addr), "10.0.1.%u", i);
		cr_expect(!counted(addr, 1));
	}
	cr_expect(counted("10.0.1.0", 1), "a hundred are remembered; this one is the newest now");
	cr_expect(!counted("10.0.2.1", 1), "10.0.1.1 goes");
	cr_expect(counted("10.0.1.0", 1));
	cr_expect(!counted("10.0.1.1", 1), "went; 10.0.1.2 goes");
	cr_expect(counted("10.0.1.3", 1));
	cr_expect(!counted("10.0.1.2", 1));
	at_close(&t);
}

Test(acl_recent, the_first_rule_says_the_mask_and_all_say_the_hits)
{
	OPEN("-m recent --name x --rcheck --mask 255.255.255.0 --hitcount 40",
	     "-m recent --name x --set", "-m recent --name x --rcheck --hitcount 33");
	clock_at(SEC);
	for (unsigned i = 0; i < 32; i++)
		cr_expect(!counted("10.0.0.1", 3), "%u", i);
	cr_expect(counted("10.0.0.2", 3), "the 33rd of the net, though rule 2 asks for 32 at most");
	for (unsigned i = 0; i < 7; i++)
		cr_expect(!counted("10.0.0.3", 1), "%u", i);
	cr_expect(counted("10.0.0.4", 1), "it was seen 40 times");
	at_close(&t);
}

Test(acl_recent, ttl_as_it_came)
{
	static const struct at_way forward = {0}, input = {.path = PL_PATH_INPUT, .out = AT_NONE};
	struct tl_spec s = {
		.src = "10.0.0.1", .dst = "192.0.2.9", .sport = 1, .dport = 2, .ttl = 64};

	at_open(&t, CFG_IPV4,
		"*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n"
		"-A INPUT -m recent --name x --set\n"
		"-A FORWARD -m recent --name x --rcheck --rttl\nCOMMIT\n");
	at_judge(&t, ACL_FILTER, &s, &input, 0);
	at_judge(&t, ACL_FILTER, &s, &forward, 0);
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 1) == 0, "it came with 65");
	s.ttl = 63;
	at_judge(&t, ACL_FILTER, &s, &forward, 0);
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 1) == 1);
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

Test(acl_recent, workers_tell_one_another)
{
	struct pl_program prog = {0};

	OPEN("-s 10.0.0.9 -m recent --name x --remove", "-m recent --name x --rcheck --hitcount 2",
	     "-m recent --name x --set");
	prog.acl = t.compiled;
	t.w[0]->prog = t.w[1]->prog = &prog;
	cr_expect(!alone(t.compiled, 0, "10.0.0.1", 2));
	cr_expect(!alone(t.compiled, 1, "10.0.0.1", 2), "has not heard of it");
	acl_hear(t.w[0]);
	acl_hear(t.w[1]);
	cr_expect(alone(t.compiled, 0, "10.0.0.1", 2), "once here, once there");
	cr_expect(alone(t.compiled, 1, "10.0.0.1", 2));
	alone(t.compiled, 0, "10.0.0.9", 1);
	acl_hear(t.w[1]);
	cr_expect(alone(t.compiled, 1, "10.0.0.9", 1), "what one saw another can remove");
	acl_hear(t.w[0]);
	cr_expect(alone(t.compiled, 0, "10.0.0.9", 1), "set again by the rule behind it");
	prog.acl = NULL;
	acl_hear(t.w[0]); // nobody is left to hear it
	acl_hear(t.w[1]);
	at_close(&t);
}

static struct acl_policy *
follow(const struct acl_policy *prev, const char *text)
{
	struct acl_build b = {.port_name = at_port,
			      .n_port = RTE_DIM(at_port),
			      .n_workers = 2,
			      .socket = SOCKET_ID_ANY,
			      .prev = prev};
	struct acl_policy *p = NULL;
	struct cfg_err err;

	cfg_err_init(&err, "test");
	cfg_policy_free(t.model);
	t.model = NULL;
	cr_assert(cfg_policy_from_save(&t.model, CFG_IPV4, text, strlen(text), &err) == 0);
	cr_assert(acl_policy_create(&p, t.model, &b, &err) == 0);
	cfg_err_free(&err);
	return p;
}

#define HEAD "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n"

Test(acl_recent, a_table_outlives_the_policy_that_named_it)
{
	struct acl_policy *next, *wider, *other;

	OPEN("-m recent --name x --set");
	alone(t.compiled, 0, "10.0.0.1", 1);
	next = follow(t.compiled, HEAD "-A FORWARD -p udp\n-A FORWARD -m recent --name x --rcheck\n"
				       "-A FORWARD -m recent --name y --rcheck\nCOMMIT\n");
	acl_policy_free(t.compiled);
	t.compiled = NULL;
	cr_expect(alone(next, 0, "10.0.0.1", 2));
	cr_expect(!alone(next, 0, "10.0.0.2", 2));
	wider = follow(next, HEAD "-A FORWARD -m recent --name x --rcheck --hitcount 50\n"
				  "-A FORWARD -m recent --name x --rcheck\nCOMMIT\n");
	cr_expect(!alone(wider, 0, "10.0.0.1", 2), "more times to remember: it begins anew");
	other = follow(wider, HEAD "-A FORWARD -m recent --name y --rcheck\nCOMMIT\n");
	cr_expect(other->n_named == 1);
	acl_policy_free(next);
	acl_policy_free(wider);
	acl_policy_free(other);
	at_close(&t);
}
