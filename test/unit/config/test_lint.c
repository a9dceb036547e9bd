// The warnings of `ringwall check`: each with a policy that gets it, one that does not, and silence
// on demand.
#include "cfg_test.h"
#include "config/lint/lint.h"

static int
by_line(const void *a, const void *b)
{
	const struct cfg_msg *x = a, *y = b;
	int c = strcmp(x->id != NULL ? x->id : "", y->id != NULL ? y->id : "");

	return x->pos.line != y->pos.line ? (x->pos.line < y->pos.line ? -1 : 1) : c;
}

// "7 unused-chain, 9 duplicate-rule", and all messages.
static char *
lint(const char *text, const char *conf, char **said)
{
	struct cfg_settings *settings = NULL;
	struct cfg_policy *p = NULL;
	struct cfg_err err;
	char *ids = NULL;
	size_t len;
	FILE *f = open_memstream(&ids, &len);

	cfg_err_init(&err, NULL);
	cfg_policy_from_yaml(&p, text, strlen(text), &err);
	if (conf != NULL)
		cfg_settings_from_text(&settings, conf, "/", &err);
	*said = t_messages(&err);
	cr_assert(p != NULL && (conf == NULL || settings != NULL), "%s\n%s", text, *said);
	free(*said);
	cfg_policy_lint(p, settings, &err);
	cfg_lint_allow(&err, NULL, text, strlen(text));
	if (err.n > 1)
		qsort(err.msgs, err.n, sizeof(*err.msgs), by_line);
	for (size_t i = 0; i < err.n; i++)
		fprintf(f, "%s%u %s", i > 0 ? ", " : "", err.msgs[i].pos.line, err.msgs[i].id);
	fclose(f);
	*said = t_messages(&err);
	cfg_err_free(&err);
	cfg_settings_free(settings);
	cfg_policy_free(p);
	return ids;
}

struct row {
	const char *rules, *ids;
	const char *says; // part of the messages; NULL: whatever they are
};

static void
try_rows(const char *head, const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *text, *said, *ids;

		cr_assert(ge(int, asprintf(&text, "%s%s", head, rows[i].rules), 0));
		ids = lint(text, NULL, &said);
		cr_expect(eq(str, ids, (char *)rows[i].ids), "%s\n%s", text, said);
		cr_expect(rows[i].says == NULL || strstr(said, rows[i].says) != NULL,
			  "%s\nsaid %s\nnot  %s", text, said, rows[i].says);
		free(ids);
		free(said);
		free(text);
	}
}
#define TRY(head, rows) try_rows(head, rows, sizeof(rows) / sizeof((rows)[0]))

// Line 4 keeps the policy from being wide open.
#define FILTER "version: 1\ntables:\n  filter:\n    FORWARD: { policy: DROP }\n"
#define INPUT  FILTER "    INPUT:\n      rules:\n" // its first rule is line 7
#define EST    "{ ctstate: [ESTABLISHED, RELATED], jump: ACCEPT }"

Test(config_lint, established)
{
	static const struct row rows[] = {
		{"    INPUT: { policy: DROP, rules: [ " EST " ] }\n", "", NULL},
		{"    INPUT: { policy: DROP }\n", "", NULL}, // nothing is let in at all
		{"    INPUT: { policy: DROP, rules: [ { protocol: tcp, dport: 22, jump: ACCEPT } ] "
		 "}\n",
		 "5 drop-without-established",
		 "chain 'INPUT' drops by default in IPv4 and IPv6 and no rule accepts"},
		{"    INPUT: { policy: DROP, rules: [ { ctstate: NEW, protocol: tcp, jump: ACCEPT "
		 "} "
		 "] }\n",
		 "5 drop-without-established", NULL},
		{"    INPUT: { policy: DROP, rules: [ { ctstate: ESTABLISHED, jump: DROP } ] }\n",
		 "5 drop-without-established", NULL},
		{"    INPUT: { policy: DROP, rules: [ { ctstate: ESTABLISHED, source: 10.0.0.1, "
		 "jump: ACCEPT } ] }\n",
		 "5 drop-without-established", NULL},
		{"    INPUT: { policy: DROP, rules: [ { ctstate: ESTABLISHED, family: ipv4, jump: "
		 "ACCEPT } ] }\n",
		 "5 drop-without-established", "drops by default in IPv6 and no rule"},
		{"    INPUT: { policy: DROP, rules: [ { jump: a } ] }\n    a: { rules: [ { goto: b "
		 "} "
		 "] }\n    b: { rules: [ { state: \"!NEW,INVALID\", comment: x, jump: ACCEPT } ] "
		 "}\n",
		 "", NULL},
		// By protocol, as some do.
		{"    INPUT: { policy: DROP, rules: [ { ctstate: ESTABLISHED, protocol: tcp, jump: "
		 "ACCEPT }, { ctstate: ESTABLISHED, protocol: udp, jump: ACCEPT } ] }\n",
		 "5 established-late", NULL},
		{"    INPUT: { policy: DROP, rules: [ { ctstate: ESTABLISHED, protocol: tcp, jump: "
		 "ACCEPT } ] }\n",
		 "5 drop-without-established", NULL},
		// Closed by its last rule.
		{"    INPUT: { rules: [ { protocol: tcp, jump: ACCEPT }, { jump: REJECT } ] }\n",
		 "5 drop-without-established", NULL},
		// Too late: the first drop has taken answers.
		{"    INPUT:\n      policy: DROP\n      rules:\n"
		 "      - { protocol: tcp, dport: 23, jump: DROP }\n      - " EST "\n",
		 "8 drop-without-established", "before ESTABLISHED,RELATED are accepted in line 9"},
		// Drops that take no answers, or only those of some addresses.
		{"    INPUT:\n      policy: DROP\n      rules:\n"
		 "      - { ctstate: INVALID, jump: DROP }\n      - { in-interface: lo, jump: "
		 "ACCEPT }\n"
		 "      - " EST "\n",
		 "", NULL},
		{"    INPUT:\n      policy: DROP\n      rules:\n"
		 "      - { source: 192.0.2.0/24, jump: DROP }\n"
		 "      - { protocol: tcp, tcp-flags: \"ALL NONE\", jump: DROP }\n      - " EST
		 "\n",
		 "10 established-late", "held against 2 other rules of chain 'INPUT'"},
		// Late, in an open chain as well as in a closed one.
		{"    INPUT:\n      policy: DROP\n      rules:\n"
		 "      - { protocol: tcp, dport: 22, jump: ACCEPT }\n"
		 "      - { protocol: tcp, dport: 80, jump: ACCEPT }\n      - " EST "\n",
		 "10 established-late", "held against 2 other rules of chain 'INPUT'"},
		{"    OUTPUT:\n      rules:\n      - { protocol: tcp, dport: 25, jump: a }\n      "
		 "- " EST "\n    a: { rules: [ { jump: REJECT } ] }\n",
		 "8 established-late", "1 other rule of"},
	};

	TRY(FILTER, rows);
}

Test(config_lint, open_policies)
{
	static const struct row rows[] = {
		{"  filter:\n    INPUT: { policy: DROP }\n    FORWARD: { policy: DROP }\n", "",
		 NULL},
		{"  filter:\n    INPUT: {}\n", "3 wide-open", "no new connection is ever dropped"},
		{"  nat:\n    POSTROUTING: { rules: [ { jump: MASQUERADE } ] }\n", "3 wide-open",
		 NULL},
		{"  filter:\n    INPUT: { rules: [ { ctstate: INVALID, jump: DROP } ] }\n",
		 "3 wide-open", NULL},
		{"  filter:\n    INPUT: { policy: { ipv4: DROP } }\n", "3 wide-open",
		 "wide open in IPv6"},
		// The drop is never reached.
		{"  filter:\n    INPUT: { rules: [ { jump: ACCEPT }, { jump: DROP } ] }\n",
		 "3 wide-open, 4 unreachable-rule", NULL},
		{"  mangle:\n    PREROUTING: { rules: [ { jump: DROP } ] }\n", "", NULL},
		// Open by default, and a few holes stopped.
		{"  filter:\n    INPUT: { rules: [ { protocol: tcp, dport: 23, jump: DROP } ] }\n",
		 "4 default-permit", "chain 'INPUT' accepts by default in IPv4 and IPv6"},
		{"  filter:\n    FORWARD: { rules: [ { source: 192.0.2.1, jump: DROP }, { source: "
		 "\"2001:db8::/32\", jump: REJECT } ] }\n",
		 "4 default-permit", NULL},
		{"  filter:\n    FORWARD: { rules: [ { jump: a } ] }\n    a: { rules: [ { "
		 "protocol: "
		 "udp, jump: DROP } ] }\n",
		 "4 default-permit", "'FORWARD' accepts by default"},
		// Closed behind all, or towards one side.
		{"  filter:\n    INPUT: { rules: [ { ctstate: ESTABLISHED, jump: ACCEPT }, { jump: "
		 "DROP } ] }\n",
		 "", NULL},
		{"  filter:\n    INPUT: { rules: [ { ctstate: ESTABLISHED, jump: ACCEPT }, { "
		 "in-interface: wan, jump: DROP } ] }\n",
		 "", NULL},
	};

	TRY("version: 1\ntables:\n", rows);
}

Test(config_lint, unreachable)
{
	static const struct row rows[] = {
		{"      - { protocol: udp, jump: DROP }\n      - { protocol: tcp, jump: DROP }\n"
		 "      - { protocol: tcp, dport: 80, jump: ACCEPT }\n",
		 "5 default-permit, 9 unreachable-rule",
		 "no packet gets here: all that it would match is taken by line 8 ["},
		{"      - { protocol: icmp, jump: DROP, family: ipv4 }\n      - { protocol: all }\n"
		 "      - { protocol: icmp, icmp-type: 8, jump: ACCEPT }\n",
		 "5 default-permit, 9 unreachable-rule", "taken by line 7"},
		// Only together.
		{"      - { source: 10.0.0.0/9, jump: DROP }\n      - { source: 10.128.0.0/9, "
		 "jump: "
		 "ACCEPT }\n      - { source: 10.1.0.0/16, protocol: tcp }\n"
		 "      - { source: 10.0.0.0/8, protocol: tcp, jump: ACCEPT }\n",
		 "5 default-permit, 9 unreachable-rule, 10 unreachable-rule",
		 "taken by line 7, line 8 together"},
		{"      - { protocol: tcp, dport: \"0:1023\", jump: DROP }\n"
		 "      - { protocol: tcp, dport: \"1024:\", in-interface: eth+, jump: DROP }\n"
		 "      - { protocol: tcp, dport: \"1024:\", in-interface: \"!eth+\", jump: ACCEPT "
		 "}\n"
		 "      - { protocol: tcp, syn: true, jump: REJECT }\n",
		 "5 default-permit, 10 unreachable-rule", "line 7, line 8, line 9 together"},
		{"      - { protocol: tcp, dports: [1, 2, 3], jump: DROP }\n"
		 "      - { protocol: tcp, dport: \"1:3\", jump: ACCEPT }\n",
		 "5 default-permit, 8 unreachable-rule", NULL},
		// One value of one field is left over.
		{"      - { protocol: tcp, dport: \"!80\", jump: DROP }\n"
		 "      - { protocol: tcp, dport: \"79:81\", jump: ACCEPT }\n",
		 "5 default-permit", NULL},
		{"      - { ctstate: [NEW, ESTABLISHED, RELATED, INVALID], jump: DROP, family: "
		 "ipv4 }\n"
		 "      - { source: 1.1.1.1, jump: ACCEPT }\n",
		 "8 unreachable-rule", NULL},
		// What is not modelled may say no, and the same may say yes twice.
		{"      - { protocol: udp, limit: 1/second, jump: DROP }\n"
		 "      - { protocol: udp, limit: 1/second, jump: ACCEPT }\n",
		 "5 default-permit", NULL},
		{"      - { protocol: tcp, tcp-option: 8, jump: DROP }\n"
		 "      - { protocol: tcp, tcp-option: 8, dport: 1, jump: ACCEPT }\n"
		 "      - { protocol: tcp, tcp-option: \"!8\", dport: 1, jump: ACCEPT }\n"
		 "      - { protocol: tcp, dport: 1, jump: DROP }\n",
		 "5 default-permit, 8 unreachable-rule, 10 unreachable-rule",
		 "taken by line 7, line 9 together"},
		// Through chains: what comes back, and what does not.
		{"      - { jump: a }\n      - { jump: DROP, source: 10.0.0.1 }\n"
		 "    a: { rules: [ { protocol: tcp, jump: RETURN }, { jump: ACCEPT } ] }\n",
		 "5 default-permit", NULL},
		{"      - { jump: a }\n      - { jump: DROP, protocol: udp }\n"
		 "    a: { rules: [ { protocol: tcp, jump: RETURN }, { jump: ACCEPT } ] }\n",
		 "8 unreachable-rule", "taken by line 9 (chain 'a')"},
		{"      - { goto: a }\n      - { protocol: tcp, jump: DROP }\n    a: {}\n",
		 "8 unreachable-rule", "taken by line 7"},
		// A chain is reached by other ways, too; or only by packets that cannot match.
		{"      - { protocol: udp, jump: a }\n      - { protocol: tcp, jump: a }\n"
		 "    a: { rules: [ { protocol: tcp, jump: DROP } ] }\n",
		 "5 default-permit", NULL},
		{"      - { protocol: udp, jump: DROP }\n      - { protocol: udp, jump: a }\n"
		 "    a:\n      rules:\n      - { source: 10.0.0.1 }\n",
		 "5 default-permit, 8 unreachable-rule, 11 unreachable-rule",
		 "11:9: warning: no packet gets here: all that it would match is taken by line 7 "
		 "(filter INPUT)"},
	};

	TRY(INPUT, rows);
}

Test(config_lint, tables_and_families)
{
	static const struct row rows[] = {
		{"  raw:\n    PREROUTING: { rules: [ { protocol: udp, jump: DROP } ] }\n"
		 "  filter:\n    INPUT: { rules: [ { protocol: udp, dport: 53, jump: ACCEPT } ] }\n"
		 "    FORWARD: { policy: DROP }\n",
		 "6 default-permit, 6 unreachable-rule", "taken by line 4 (raw PREROUTING)"},
		{"  filter:\n    INPUT:\n      policy: DROP\n      rules:\n"
		 "      - { family: ipv4, jump: DROP }\n      - { source: 1.1.1.1, jump: ACCEPT "
		 "}\n",
		 "4 drop-without-established, 8 unreachable-rule", NULL},
		{"  filter:\n    INPUT:\n      policy: DROP\n      rules:\n      - " EST "\n"
		 "      - { family: ipv4, jump: DROP }\n      - { jump: ACCEPT }\n",
		 "3 wide-open", "in IPv6"},
		// Marks are known: 0 until a rule sets them.
		{"  mangle:\n    PREROUTING: { rules: [ { in-interface: a, jump: MARK, set-mark: 7 "
		 "} ] }\n"
		 "  filter:\n    INPUT:\n      policy: DROP\n      rules:\n"
		 "      - { mark: 7, in-interface: b, jump: ACCEPT }\n"
		 "      - { mark: 7, in-interface: a, jump: ACCEPT }\n"
		 "      - { mark: 0, jump: DROP }\n"
		 "      - { in-interface: \"!a\", protocol: tcp, jump: ACCEPT }\n",
		 "6 drop-without-established, 9 never-matches, 12 unreachable-rule",
		 "(a packet begins with mark 0)"},
		// Translated destinations are what filter sees.
		{"  nat:\n    PREROUTING: { rules: [ { destination: 192.0.2.1, jump: DNAT, "
		 "to-destination: 10.0.0.1 } ] }\n"
		 "  filter:\n    FORWARD:\n      policy: DROP\n      rules:\n      - " EST "\n"
		 "      - { ctstate: DNAT, destination: 10.0.0.1, jump: ACCEPT }\n"
		 "      - { destination: 192.0.2.1, ctstate: NEW, jump: ACCEPT }\n"
		 "      - { destination: 10.0.0.1, ctstate: NEW, jump: ACCEPT }\n",
		 "11 unreachable-rule", "taken by line 4 (nat PREROUTING)"},
		// Nat sees nothing but NEW; nothing is left of UNTRACKED without NOTRACK in IPv4.
		{"  nat:\n    POSTROUTING: { rules: [ { ctstate: ESTABLISHED, jump: MASQUERADE } ] "
		 "}\n"
		 "  filter:\n    INPUT: { policy: DROP }\n    FORWARD: { policy: DROP }\n",
		 "4 never-matches", "nat is asked for packets that begin a connection only"},
		{"  filter:\n    FORWARD: { policy: DROP }\n    INPUT: { rules: [ { fragment: "
		 "true, "
		 "jump: DROP } ] }\n",
		 "5 never-matches", "fragments are put together"},
		{"  filter:\n    FORWARD: { policy: DROP }\n    INPUT:\n      rules:\n"
		 "      - { protocol: tcp, syn: true, jump: DROP, "
		 "match: { match: tcp, tcp-flags: \"ACK ACK\" } }\n",
		 "7 never-matches", NULL},
	};

	TRY("version: 1\ntables:\n", rows);
}

Test(config_lint, words_and_chains)
{
	static const struct row rows[] = {
		{"    INPUT: {}\n    u: {}\n", "6 unused-chain", "no rule jumps to chain 'u'"},
		{"    INPUT: {}\n    u: { rules: [ { jump: v } ] }\n    v: { rules: [ { jump: "
		 "ACCEPT }, { jump: DROP } ] }\n",
		 "6 unused-chain, 7 unused-chain",
		 "no packet gets to chain 'v': only chains that nobody jumps to"},
		{"    INPUT:\n      policy: DROP\n      rules:\n        - { protocol: tcp, jump: "
		 "DROP }\n"
		 "        - { protocol: udp, jump: DROP }\n"
		 "        - { jump: DROP, protocol: tcp }\n",
		 "5 drop-without-established, 10 duplicate-rule",
		 "the same rule stands in line 8 already"},
		{"    INPUT:\n      rules:\n        - { protocol: tcp }\n        - { protocol: tcp "
		 "}\n",
		 "", NULL}, // counters
		{"    INPUT:\n      policy: DROP\n      rules:\n        - { protocol: tcp, family: "
		 "ipv4, "
		 "jump: DROP }\n        - { protocol: tcp, jump: DROP }\n",
		 "5 drop-without-established", NULL},
		{"    INPUT: { policy: DROP, rules: [ " EST
		 ", { jump: u } ] }\n    u:\n      rules:\n"
		 "        - { out-interface: x, jump: DROP }\n",
		 "8 interface-never",
		 "out-interface never matches where chain 'u' is reached from: packets have none"},
		// Reached from FORWARD, too, it does match.
		{"    INPUT: { policy: DROP, rules: [ " EST
		 ", { jump: u } ] }\n    u:\n      rules:\n"
		 "        - { out-interface: x, jump: v }\n    v: {}\n",
		 "8 interface-never", NULL},
	};
	static const struct row whole[] = {
		{"  nat: { family: ipv4 }\n  filter:\n    family: ipv4\n    INPUT: { policy: DROP "
		 "}\n",
		 "3 family-uncovered",
		 "the policy speaks of IPv4 only: every IPv6 packet is dropped"},
		{"  filter:\n    INPUT: { policy: DROP, rules: [ " EST ", { jump: u } ] }\n"
		 "    FORWARD: { policy: DROP, rules: [ " EST
		 ", { jump: u } ] }\n    u:\n      rules:\n"
		 "        - { out-interface: x, jump: DROP }\n",
		 "", NULL},
	};

	TRY(FILTER, rows);
	TRY("version: 1\ntables:\n", whole);
}

Test(config_lint, nat_without_address)
{
	static const char conf[] =
		"workers = [ 1 ]; policy = \"p\";\nports = (\n"
		"{ name = \"lan\"; device = \"net_null0\"; addresses = [ \"10.0.0.1/24\" ]; },\n"
		"{ name = \"wan0\"; device = \"net_null1\"; addresses = [ \"192.0.2.1/24\", "
		"\"2001:db8::1/64\" ]; },\n"
		"{ name = \"wan1\"; device = \"net_null2\"; } );\n";
	static const struct {
		const char *rule, *ids, *says;
	} rows[] = {
		{"POSTROUTING: { rules: [ { out-interface: wan0, jump: MASQUERADE } ] }", "", ""},
		{"POSTROUTING: { rules: [ { jump: MASQUERADE } ] }", "", ""},
		{"POSTROUTING: { rules: [ { out-interface: wan1, jump: MASQUERADE } ] }",
		 "6 nat-without-address",
		 "MASQUERADE needs an address of interface 'wan1', which has no IPv4 or IPv6"},
		{"POSTROUTING: { rules: [ { out-interface: wan+, jump: MASQUERADE } ] }",
		 "6 nat-without-address", "'wan1'"},
		{"POSTROUTING: { rules: [ { out-interface: lan, family: ipv6, jump: MASQUERADE } ] "
		 "}",
		 "6 nat-without-address", "'lan', which has no IPv6 address"},
		{"POSTROUTING: { rules: [ { out-interface: lan, jump: MASQUERADE } ] }", "", ""},
		{"POSTROUTING: { rules: [ { out-interface: wan1, jump: a } ] }\n    a:\n      "
		 "rules:\n"
		 "      - { jump: MASQUERADE }",
		 "9 nat-without-address", "'wan1'"},
		{"PREROUTING: { rules: [ { in-interface: wan1, protocol: tcp, dport: 80, jump: "
		 "REDIRECT, to-ports: 8080 } ] }",
		 "6 nat-without-address", "REDIRECT needs an address of interface 'wan1'"},
		{"POSTROUTING: { rules: [ { out-interface: wan1, jump: SNAT, to-source: 192.0.2.9 "
		 "} "
		 "] }",
		 "", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text, *said, *ids;

		cr_assert(ge(int,
			     asprintf(&text,
				      "version: 1\ntables:\n  filter: { INPUT: { policy: DROP } }\n"
				      "  nat:\n\n    %s\n",
				      rows[i].rule),
			     0));
		ids = lint(text, conf, &said);
		cr_expect(eq(str, ids, (char *)rows[i].ids), "%s\n%s", text, said);
		cr_expect(strstr(said, rows[i].says) != NULL, "%s\n%s", text, said);
		free(ids);
		free(said);
		ids = lint(text, NULL, &said); // the machine is not known
		cr_expect(eq(str, ids, ""), "%s\n%s", text, said);
		free(ids);
		free(said);
		free(text);
	}
}

// Every id can be silenced in the line it points at, and only by its own name.
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
		char *text, *said, *ids;

		cr_assert(ge(int,
			     asprintf(&text,
				      INPUT "        - { jump: DROP }\n"
					    "        - { protocol: tcp } %s\n",
				      comments[i].comment),
			     0));
		ids = lint(text, NULL, &said);
		cr_expect(eq(str, ids, comments[i].silent ? "" : "8 unreachable-rule"), "%s: %s",
			  comments[i].comment, said);
		free(ids);
		free(said);
		free(text);
	}
}

// Ten thousand rules, each to be looked at: seconds at most. The last is shadowed by two of them.
Test(config_lint, many_rules, .timeout = 60)
{
	char *text = NULL, *said, *ids;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, FILTER "    INPUT:\n      policy: DROP\n      rules:\n      - " EST "\n");
	for (unsigned i = 0; i < 10000; i++)
		fprintf(f,
			"      - { protocol: tcp, source: %u.%u.%u.0/24, dport: \"%u:%u\", jump: "
			"%s }\n",
			10 + i % 7, i / 7 % 200, i / 1400, i % 2 ? 0 : 100, i % 2 ? 99 : 65535,
			i % 3 ? "ACCEPT" : "DROP");
	fprintf(f, "      - { protocol: tcp, source: 10.0.0.0/25, dport: 50, jump: ACCEPT }\n"
		   "      - { protocol: tcp, source: 17.0.0.0/24, jump: ACCEPT }\n");
	fclose(f);
	ids = lint(text, NULL, &said);
	cr_expect(eq(str, ids, ""), "%.3000s", said);
	free(ids);
	free(said);
	free(text);
}
