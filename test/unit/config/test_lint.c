// The warnings of `ringwall check`: each with a policy that gets it, one that does not, and silence
// on demand.
#include "cfg_test.h"

static char *
lint(const char *text)
{
	struct cfg_policy *p = NULL;
	struct cfg_err err;
	char *said;

	cfg_err_init(&err, NULL);
	cfg_policy_from_yaml(&p, text, strlen(text), &err);
	cr_expect(p != NULL, "%s", text);
	if (p != NULL)
		cfg_policy_lint(p, &err);
	cfg_lint_allow(&err, text, strlen(text));
	said = t_messages(&err);
	cfg_err_free(&err);
	cfg_policy_free(p);
	return said;
}

#define HEAD "version: 1\ntables:\n  filter:\n"

static const struct {
	const char *text, *says; // whole messages' beginnings, '|' between them
	const char *id;
} rows[] = {
	{HEAD "    INPUT: { policy: DROP, rules: [ { ctstate: [ESTABLISHED, RELATED], jump: ACCEPT "
	      "} ] }\n",
	 "", ""},
	{HEAD "    INPUT: { policy: DROP }\n", "", ""}, // nothing is let in at all
	{HEAD
	 "    INPUT: { policy: DROP, rules: [ { protocol: tcp, dport: 22, jump: ACCEPT } ] }\n",
	 "4:5: warning: chain 'INPUT' drops by policy in IPv4 and IPv6",
	 "drop-without-established"},
	{HEAD "    INPUT: { policy: DROP, rules: [ { ctstate: NEW, jump: ACCEPT } ] }\n",
	 "4:5: warning: chain 'INPUT'", "drop-without-established"},
	{HEAD "    INPUT: { policy: DROP, rules: [ { ctstate: ESTABLISHED, jump: DROP } ] }\n",
	 "4:5: warning: chain", "drop-without-established"},
	{HEAD "    INPUT: { policy: DROP, rules: [ { ctstate: ESTABLISHED, source: 10.0.0.1, jump: "
	      "ACCEPT } ] }\n",
	 "4:5: warning: chain", "drop-without-established"},
	{HEAD "    INPUT: { policy: { ipv6: DROP }, rules: [ { ctstate: ESTABLISHED, family: ipv4, "
	      "jump: ACCEPT } ] }\n",
	 "4:5: warning: chain 'INPUT' drops by policy in IPv6", "drop-without-established"},
	{HEAD
	 "    INPUT: { policy: DROP, rules: [ { jump: a } ] }\n    a: { rules: [ { goto: b } ] }\n"
	 "    b: { rules: [ { state: \"!NEW,INVALID\", comment: x, jump: ACCEPT } ] }\n",
	 "", ""},
	{HEAD "    INPUT:\n      rules:\n        - { jump: DROP }\n        - { protocol: tcp, "
	      "jump: ACCEPT }\n",
	 "7:11: warning: no packet gets here: the rule in line 6 ends chain 'INPUT' for all IPv4 "
	 "and IPv6 packets",
	 "unreachable-rule"},
	{HEAD "    INPUT:\n      rules:\n        - { jump: u, in-interface: + }\n        - { "
	      "comment: x, goto: u }\n"
	      "        - { jump: ACCEPT }\n    u: {}\n",
	 "8:11: warning: no packet gets here", "unreachable-rule"},
	{HEAD "    INPUT:\n      rules:\n        - { family: ipv4, jump: DROP }\n        - { jump: "
	      "ACCEPT }\n",
	 "", ""},
	{HEAD "    INPUT:\n      rules:\n        - { family: ipv4, jump: DROP }\n        - { "
	      "source: 1.1.1.1, jump: ACCEPT }\n",
	 "7:11: warning: no packet gets here: the rule in line 6 ends chain 'INPUT' for all IPv4 "
	 "packets",
	 "unreachable-rule"},
	{HEAD "    INPUT:\n      rules:\n        - { in-interface: \"!+\", jump: DROP }\n        - "
	      "{ jump: ACCEPT }\n",
	 "", ""},
	{HEAD "    INPUT:\n      rules:\n        - { comment: only counts }\n        - { protocol: "
	      "all, jump: ACCEPT }\n",
	 "", ""},
	{HEAD "    INPUT: {}\n    u: {}\n", "5:5: warning: no rule jumps to chain 'u'",
	 "unused-chain"},
	{HEAD "    INPUT:\n      rules:\n        - { protocol: tcp, jump: DROP }\n        - { "
	      "protocol: udp, jump: DROP }\n"
	      "        - { jump: DROP, protocol: tcp }\n",
	 "8:11: warning: the same rule stands in line 6 already", "duplicate-rule"},
	{HEAD
	 "    INPUT:\n      rules:\n        - { protocol: tcp }\n        - { protocol: tcp }\n",
	 "", ""}, // counters
	{HEAD "    INPUT:\n      rules:\n        - { protocol: tcp, family: ipv4, jump: DROP }\n"
	      "        - { protocol: tcp, jump: DROP }\n",
	 "", ""},
	{"version: 1\ntables:\n  nat: { family: ipv4 }\n  filter:\n    family: ipv4\n",
	 "3:3: warning: the policy speaks of IPv4 only: every IPv6 packet is dropped",
	 "family-uncovered"},
	{HEAD "    INPUT: { rules: [ { jump: u } ] }\n    u:\n      rules:\n        - { "
	      "out-interface: x, jump: DROP }\n",
	 "7:11: warning: out-interface never matches when chain 'u' is reached from INPUT",
	 "interface-never"},
};

Test(config_lint, warnings)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *want = rows[i].says;
		char *said = lint(rows[i].text), *id;

		cr_assert(ge(int, asprintf(&id, "[%s]", rows[i].id), 0));
		cr_expect(eq(int, said[0] == '\0', want[0] == '\0'), "%s: %s", rows[i].text, said);
		cr_expect(strncmp(said, want, strlen(want)) == 0, "%s\n said %s\n not  %s",
			  rows[i].text, said, want);
		cr_expect(want[0] == '\0' || strstr(said, id) != NULL, "%s: %s", id, said);
		cr_expect(strchr(said, '\n') == NULL, "%s: one warning only: %s", rows[i].text,
			  said);
		free(id);
		free(said);
	}
}

Test(config_lint, silenced)
{
	static const struct {
		const char *comment;
		bool silent;
	} comments[] = {
		{"", false},
		{"# ringwall: allow unreachable-rule", true},
		{"# ringwall: allow duplicate-rule, unreachable-rule", true},
		{"# ringwall: allow duplicate-rule", false},
		{"# ringwall: allow unreachable", false},
		{"# unreachable-rule", false},
	};

	for (size_t i = 0; i < sizeof(comments) / sizeof(comments[0]); i++) {
		char *text, *said;

		cr_assert(ge(int,
			     asprintf(&text,
				      HEAD "    INPUT:\n      rules:\n        - { jump: DROP }\n"
					   "        - { protocol: tcp } %s\n",
				      comments[i].comment),
			     0));
		said = lint(text);
		cr_expect(eq(int, said[0] == '\0', comments[i].silent), "%s: %s",
			  comments[i].comment, said);
		free(said);
		free(text);
	}
}
