// Timeout policies: what is read and written, what is refused, which rules may name them.
#include "cfg_test.h"

#define HEAD "version: 1\ntables: { raw: { PREROUTING: { rules: [ "
#define TAIL " ] } } }\n"
#define RULE "{ family: ipv4, protocol: tcp, jump: CT, timeout: slow }"

Test(config_timeouts, read_and_written)
{
	char *said, *yaml, *again, *rules;
	struct cfg_policy *p, *q;
	struct cfg_conntrack c = {.tcp_timeout_close = 7};

	p = t_yaml_in(HEAD RULE TAIL "timeouts: { slow: { protocol: tcp, established: 3600, "
				     "syn_sent2: 4 }, q: { protocol: generic } }\n",
		      &said);
	cr_assert(p != NULL, "%s", said);
	rules = t_rules(p, CFG_IPV4);
	cr_expect(eq(str, rules, (char *)"-A PREROUTING -p tcp -j CT --timeout slow"));
	cfg_timeout_over(&c, cfg_timeout_find(&p->timeouts, "slow"));
	cr_expect(eq(u32, c.tcp_timeout_established, 3600));
	cr_expect(eq(u32, c.tcp_timeout_syn_sent2, 4));
	cr_expect(eq(u32, c.tcp_timeout_close, 7), "not said: as it was");
	yaml = cfg_policy_to_yaml(p);
	q = t_yaml_in(yaml, &said);
	cr_assert(q != NULL, "%s\n%s", said, yaml);
	again = cfg_policy_to_yaml(q);
	cr_expect(eq(str, yaml, again));
	cr_expect(strstr(yaml, "{ protocol: tcp, established: 3600, syn_sent2: 4 }") != NULL, "%s",
		  yaml);
	cfg_policy_free(p);
	cfg_policy_free(q);
	free(yaml);
	free(again);
	free(rules);
}

Test(config_timeouts, refused)
{
	static const struct {
		const char *in, *says;
	} rows[] = {
		{"timeouts: { a: { established: 1 } }\n", "'protocol' is missing"},
		{"timeouts: { a: { protocol: dccp } }\n", "3:28: error: bad 'protocol'"},
		{"timeouts: { a: { protocol: udp, established: 1 } }\n",
		 "3:33: error: unknown key 'established' of a timeout policy of udp (expected "
		 "unreplied, replied)"},
		{"timeouts: { a: { protocol: icmp, timeout: 0 } }\n", "3:43: error: bad 'timeout'"},
		{"timeouts: { a: 5 }\n", "timeout policy 'a' is text"},
		{"timeouts: { \"a b\": { protocol: tcp } }\n", "no blanks"},
		{"timeouts: { aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: { protocol: tcp } }\n", "1 to 31"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text, *said;
		struct cfg_policy *p;

		cr_assert(asprintf(&text, HEAD TAIL "%s", rows[i].in) > 0);
		p = t_yaml_in(text, &said);
		cr_expect(strstr(said, rows[i].says) != NULL, "%s: %s", rows[i].in, said);
		cfg_policy_free(p);
		free(text);
		free(said);
	}
}

Test(config_timeouts, which_rules_may_name_them)
{
	static const struct {
		const char *rule, *says; // NULL: it runs
	} rows[] = {
		{RULE, NULL},
		{"{ protocol: tcp, jump: CT, timeout: fast }",
		 "2:64: error: CT: there is no timeout policy \"fast\""},
		{"{ protocol: udp, jump: CT, timeout: slow }",
		 "needs a rule with its protocol (tcp)"},
		{"{ protocol: \"!tcp\", jump: CT, timeout: slow }",
		 "needs a rule with its protocol"},
		{"{ jump: CT, timeout: slow }", "needs a rule with its protocol"},
		{"{ protocol: ospf, jump: CT, timeout: rest }", NULL},
		{"{ protocol: udp, jump: CT, timeout: rest }", "one without times of its own"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text, *said, *why;
		struct cfg_policy *p;
		struct cfg_err err;

		cr_assert(asprintf(&text,
				   HEAD "%s" TAIL "timeouts: { slow: { protocol: tcp }, rest: { "
					"protocol: generic, timeout: 9 } }\n",
				   rows[i].rule) > 0);
		p = t_yaml_in(text, &said);
		cr_assert(p != NULL, "%s: %s", rows[i].rule, said);
		cfg_err_init(&err, NULL);
		cr_expect(eq(int, cfg_policy_able(p, CFG_ERROR, &err), rows[i].says ? -22 : 0),
			  "%s", rows[i].rule);
		why = t_messages(&err);
		if (rows[i].says != NULL)
			cr_expect(strstr(why, rows[i].says) != NULL, "%s: %s", rows[i].rule, why);
		cfg_err_free(&err);
		free(why);
		free(said);
		free(text);
		cfg_policy_free(p);
	}
}
