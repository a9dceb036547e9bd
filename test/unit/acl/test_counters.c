// Counters: summed over workers, both families in one model, inherited by the next policy.
#include "at.h"

#define FILTER "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"

static const struct tl_spec udp = {
	.src = "10.0.0.5", .dst = "192.0.2.9", .proto = IPPROTO_UDP, .sport = 1000, .dport = 53};
static const struct at_way forward;

// Judges one packet per port of the list, then reads the counters of a policy that inherits from
// the first.
static void
inherit(const char *before, const char *after, const uint64_t *want, unsigned n)
{
	struct at a, b;
	struct tl_spec s = udp;

	at_open(&a, CFG_IPV4, before);
	for (unsigned port = 1; port <= 5; port++) {
		s.dport = port;
		for (unsigned k = 0; k < port; k++) // port n is seen n times
			at_judge(&a, ACL_FILTER, &s, &forward, k & 1);
	}
	at_open(&b, CFG_IPV4, after);
	acl_policy_inherit(b.compiled, a.compiled);
	acl_policy_inherit(b.linear, a.linear);
	for (unsigned i = 0; i < n; i++) {
		uint64_t got = at_packets(&b, CFG_FILTER, "FORWARD", i);

		cr_expect(got == want[i], "rule %u: %lu, want %lu", i, got, want[i]);
	}
	s.dport = 5;
	at_judge(&b, ACL_FILTER, &s, &forward, 1); // goes on from there
	cr_expect(at_packets(&b, CFG_FILTER, "FORWARD", 0) +
			  at_packets(&b, CFG_FILTER, "FORWARD", n - 1) ==
		  want[0] + want[n - 1] + 1);
	acl_policy_zero(b.compiled);
	acl_policy_zero(b.linear);
	for (unsigned i = 0; i < n; i++)
		cr_expect(at_packets(&b, CFG_FILTER, "FORWARD", i) == 0);
	at_close(&a);
	at_close(&b);
}

#define PORT(n, target) "-A FORWARD -p udp -m udp --dport " #n " -j " target "\n"

Test(acl_counters, inherited_by_text_in_order)
{
	static const char before[] =
		FILTER PORT(1, "ACCEPT") PORT(2, "DROP") PORT(3, "ACCEPT") "COMMIT\n";

	inherit(before, before, (const uint64_t[]){9, 1, 2, 3}, 4);
	// moved, removed, new, changed target
	inherit(before,
		FILTER PORT(3, "ACCEPT") PORT(4, "ACCEPT") PORT(2, "ACCEPT")
			PORT(1, "ACCEPT") "COMMIT\n",
		(const uint64_t[]){9, 3, 0, 0, 1}, 5);
	// the same text twice: the first stands for the first
	inherit(FILTER PORT(1, "ACCEPT") PORT(1, "ACCEPT") "COMMIT\n",
		FILTER PORT(9, "ACCEPT") PORT(1, "ACCEPT") PORT(1, "ACCEPT") "COMMIT\n",
		(const uint64_t[]){14, 0, 1, 0}, 4);
}

Test(acl_counters, a_rule_of_both_families)
{
	static const struct tl_spec v6 = {.src = "2001:db8::1",
					  .dst = "2001:db8::2",
					  .proto = IPPROTO_UDP,
					  .payload_len = 12};
	struct cfg_chain *c;
	struct cfg_rule *rule;
	struct at t;

	at_open(&t, CFG_IPV4, FILTER "COMMIT\n");
	acl_policy_free(t.compiled);
	c = cfg_chain_find(t.model, CFG_FILTER, "FORWARD");
	c->family = CFG_BOTH;
	rule = cfg_rule_add(c);
	rule->family = CFG_IPV6; // takes no number among IPv4's rules
	rule->target.id = CFG_T_NONE;
	rule = cfg_rule_add(c);
	rule->family = CFG_BOTH;
	rule->target.id = CFG_T_DROP;
	{
		struct acl_build b = {
			.port_name = at_port, .n_port = 3, .n_workers = 2, .socket = SOCKET_ID_ANY};
		struct cfg_err err;

		cfg_err_init(&err, "test");
		cr_assert(acl_policy_create(&t.compiled, t.model, &b, &err) == 0);
		acl_policy_free(t.linear);
		b.linear = true;
		cr_assert(acl_policy_create(&t.linear, t.model, &b, &err) == 0);
	}
	cr_expect(at_judge(&t, ACL_FILTER, &udp, &forward, 0).note.rule == 1);
	cr_expect(at_judge(&t, ACL_FILTER, &v6, &forward, 1).note.rule == 2);
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 1) == 1);
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 2) == 2);
	cr_expect(at_bytes(&t, CFG_FILTER, "FORWARD", 2) == 28 + 60);
	at_close(&t);
}

// What control must be told instead of building something else.
Test(acl_counters, unsound_policies_are_refused)
{
	struct acl_build b = {
		.port_name = at_port, .n_port = 3, .n_workers = 1, .socket = SOCKET_ID_ANY};
	struct acl_policy *p = (void *)&b;
	struct cfg_policy *model;
	struct cfg_rule *rule;
	struct cfg_err err;

	tl_init();
	for (int loop = 0; loop < 2; loop++) {
		model = cfg_policy_new();
		cfg_chain_add(model, CFG_FILTER, "FORWARD");
		if (loop)
			cfg_chain_add(model, CFG_FILTER, "a");
		rule = cfg_rule_add(cfg_chain_find(model, CFG_FILTER, loop ? "a" : "FORWARD"));
		rule->family = CFG_BOTH;
		rule->target.id = CFG_T_JUMP;
		strcpy(rule->target.chain, "a");
		cfg_err_init(&err, "test");
		cr_expect(acl_policy_create(&p, model, &b, &err) < 0);
		cr_expect(err.n_errors > 0 && p == (void *)&b, "nothing but a message");
		cfg_err_free(&err);
		cfg_policy_free(model);
	}
}
