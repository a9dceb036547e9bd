// policy.yaml to the model: what the keys mean, and where each error is told.
#include "cfg_test.h"

// A filter table of both families around the lines of INPUT's rules.
#define FILTER(rules)                                                                              \
	"version: 1\ntables:\n  filter:\n    INPUT:\n      rules:\n" rules "    uu: {}\n"
#define NAT(chain, rules) "version: 1\ntables:\n  nat:\n    " chain ":\n      rules:\n" rules
#define RULE(text)	  "        - " text "\n"

static const struct {
	const char *rule, *v4,
		*v6; // the -A lines behind "-A INPUT"; NULL: none in that family
} rules_rows[] = {
	{"{}", "", ""},
	{"{ jump: ACCEPT }", " -j ACCEPT", " -j ACCEPT"},
	{"{ protocol: tcp, dport: 80, jump: ACCEPT }", " -p tcp -m tcp --dport 80 -j ACCEPT",
	 " -p tcp -m tcp --dport 80 -j ACCEPT"},
	{"{ dport: 80, jump: ACCEPT, protocol: udp }", " -p udp -m udp --dport 80 -j ACCEPT",
	 " -p udp -m udp --dport 80 -j ACCEPT"},
	{"{ protocol: tcp, source-port: 1, destination-port: \"!2:3\" }",
	 " -p tcp -m tcp --sport 1 ! --dport 2:3", " -p tcp -m tcp --sport 1 ! --dport 2:3"},
	{"{ ctstate: [ESTABLISHED, RELATED], jump: ACCEPT, comment: return traffic }",
	 " -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment \"return "
	 "traffic\" -j ACCEPT",
	 " -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment \"return "
	 "traffic\" -j ACCEPT"},
	{"{ ctstate: \"!INVALID, NEW\" }", NULL, NULL}, // a blank is no state
	{"{ ctstate: \"!INVALID,NEW\" }", " -m conntrack ! --ctstate INVALID,NEW",
	 " -m conntrack ! --ctstate INVALID,NEW"},
	{"{ ctstate: \"! INVALID\" }", " -m conntrack ! --ctstate INVALID",
	 " -m conntrack ! --ctstate INVALID"},
	{"{ state: NEW }", " -m state --state NEW", " -m state --state NEW"},
	{"{ source: 10.0.0.0/8 }", " -s 10.0.0.0/8", NULL},
	{"{ src: 10.0.0.1, dst: \"!10.0.0.2\" }", " -s 10.0.0.1/32 ! -d 10.0.0.2/32", NULL},
	{"{ source: \"dead::/16\" }", NULL, " -s dead::/16"},
	{"{ source: [10.0.0.1, 10.0.0.2], destination: \"10.0.1.0/24,10.0.2.0/24\" }",
	 " -s 10.0.0.1/32 -d 10.0.1.0/24\n-A INPUT -s 10.0.0.1/32 -d 10.0.2.0/24\n"
	 "-A INPUT -s 10.0.0.2/32 -d 10.0.1.0/24\n-A INPUT -s 10.0.0.2/32 -d 10.0.2.0/24",
	 NULL},
	{"{ source: [10.0.0.1, \"dead::1\"], jump: DROP }", " -s 10.0.0.1/32 -j DROP",
	 " -s dead::1/128 -j DROP"},
	{"{ source: [10.0.0.1, \"dead::1\"], destination: [\"dead::2\", 10.0.0.2] }",
	 " -s 10.0.0.1/32 -d 10.0.0.2/32", " -s dead::1/128 -d dead::2/128"},
	{"{ in-interface: \"!eth+\" }", " ! -i eth+", " ! -i eth+"},
	{"{ fragment: true }", " -f", NULL},
	{"{ fragment: \"!\" }", " ! -f", NULL},
	{"{ fragment: \"!true\" }", " ! -f", NULL},
	{"{ fragment: no }", "", ""},
	{"{ protocol: icmp }", " -p icmp", NULL},
	{"{ protocol: ipv6-icmp }", NULL, " -p ipv6-icmp"},
	{"{ protocol: icmp, family: both }", " -p icmp", " -p icmp"},
	{"{ protocol: icmp, family: ipv6 }", NULL, " -p icmp"},
	{"{ protocol: \"!icmp\" }", " ! -p icmp", " ! -p icmp"},
	{"{ protocol: icmp, icmp-type: echo-request }", " -p icmp -m icmp --icmp-type 8", NULL},
	{"{ protocol: icmpv6, icmpv6-type: 1/0 }", NULL,
	 " -p ipv6-icmp -m icmp6 --icmpv6-type 1/0"},
	{"{ jump: REJECT }", " -j REJECT --reject-with icmp-port-unreachable",
	 " -j REJECT --reject-with icmp6-port-unreachable"},
	{"{ jump: REJECT, reject-with: port-unreach }",
	 " -j REJECT --reject-with icmp-port-unreachable",
	 " -j REJECT --reject-with icmp6-port-unreachable"},
	{"{ jump: REJECT, reject-with: icmp-host-prohibited }",
	 " -j REJECT --reject-with icmp-host-prohibited", NULL},
	{"{ jump: REJECT, reject-with: icmp6-no-route }", NULL,
	 " -j REJECT --reject-with icmp6-no-route"},
	{"{ protocol: tcp, jump: REJECT, reject-with: tcp-reset }",
	 " -p tcp -j REJECT --reject-with tcp-reset", " -p tcp -j REJECT --reject-with tcp-reset"},
	{"{ protocol: tcp, dports: [80, 443, \"8000:8080\"] }",
	 " -p tcp -m multiport --dports 80,443,8000:8080",
	 " -p tcp -m multiport --dports 80,443,8000:8080"},
	{"{ protocol: tcp, dports: \"!80,443\" }", " -p tcp -m multiport ! --dports 80,443",
	 " -p tcp -m multiport ! --dports 80,443"},
	{"{ protocol: tcp, ports: 80 }", " -p tcp -m multiport --ports 80",
	 " -p tcp -m multiport --ports 80"},
	{"{ protocol: tcp, tcp-flags: \"SYN,ACK SYN\" }", " -p tcp -m tcp --tcp-flags SYN,ACK SYN",
	 " -p tcp -m tcp --tcp-flags SYN,ACK SYN"},
	{"{ protocol: tcp, tcp-flags: [[SYN, ACK], SYN] }",
	 " -p tcp -m tcp --tcp-flags SYN,ACK SYN", " -p tcp -m tcp --tcp-flags SYN,ACK SYN"},
	{"{ protocol: tcp, tcp-flags: \"!ALL NONE\" }",
	 " -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE",
	 " -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE"},
	{"{ protocol: tcp, syn: true, tcp-option: 7 }",
	 " -p tcp -m tcp --tcp-option 7 --tcp-flags FIN,SYN,RST,ACK SYN",
	 " -p tcp -m tcp --tcp-option 7 --tcp-flags FIN,SYN,RST,ACK SYN"},
	// The order of keys is the order of matches; one match is where its first key
	// stands.
	{"{ protocol: tcp, sport: 1, ctstate: NEW, dport: 2 }",
	 " -p tcp -m tcp --sport 1 --dport 2 -m conntrack --ctstate NEW",
	 " -p tcp -m tcp --sport 1 --dport 2 -m conntrack --ctstate NEW"},
	{"{ protocol: tcp, comment: a, dport: 2 }",
	 " -p tcp -m comment --comment a -m tcp --dport 2",
	 " -p tcp -m comment --comment a -m tcp --dport 2"},
	{"{ protocol: tcp, match: tcp, jump: uu }", " -p tcp -m tcp -j uu", " -p tcp -m tcp -j uu"},
	{"{ protocol: tcp, match: [tcp, { match: comment, comment: x }, { match: tcp, "
	 "dport: 2 }], comment: y }",
	 " -p tcp -m tcp -m comment --comment x -m tcp --dport 2 -m comment --comment y",
	 " -p tcp -m tcp -m comment --comment x -m tcp --dport 2 -m comment --comment y"},
	{"{ match: { match: comment, comment: \"!x\" }, goto: uu }",
	 " -m comment --comment \"!x\" -g uu", " -m comment --comment \"!x\" -g uu"},
	{"{ family: ipv4, jump: uu }", " -j uu", NULL},
	{"{ jump: DROP, counters: [3, 4] }", " -j DROP", " -j DROP"},
};

Test(config_yaml, rules)
{
	for (size_t i = 0; i < sizeof(rules_rows) / sizeof(rules_rows[0]); i++) {
		char *text, *said, *want, *got;
		struct cfg_policy *p;

		cr_assert(ge(int, asprintf(&text, FILTER(RULE("%s")), rules_rows[i].rule), 0));
		p = t_yaml_in(text, &said);
		if (rules_rows[i].v4 == NULL && rules_rows[i].v6 == NULL) {
			cr_expect(p == NULL, "accepted: %s", rules_rows[i].rule);
		} else {
			cr_expect(p != NULL, "%s: %s", rules_rows[i].rule, said);
		}
		for (int f = CFG_IPV4; p != NULL && f <= CFG_IPV6; f++) {
			const char *out = f == CFG_IPV4 ? rules_rows[i].v4 : rules_rows[i].v6;

			cr_assert(ge(int,
				     asprintf(&want, "%s%s", out != NULL ? "-A INPUT" : "",
					      out != NULL ? out : ""),
				     0));
			got = t_rules(p, f);
			cr_expect(eq(str, got, want), "%s", rules_rows[i].rule);
			free(got);
			free(want);
		}
		free(said);
		free(text);
		cfg_policy_free(p);
	}
}

Test(config_yaml, nat)
{
	static const struct {
		const char *text, *v4, *v6;
	} rows[] = {
		{NAT("POSTROUTING", RULE("{ out-interface: wan, jump: MASQUERADE, random: true }")),
		 "-A POSTROUTING -o wan -j MASQUERADE --random",
		 "-A POSTROUTING -o wan -j MASQUERADE --random"},
		{NAT("POSTROUTING",
		     RULE("{ protocol: udp, jump: MASQUERADE, to-ports: 5-6, random-fully: yes }")),
		 "-A POSTROUTING -p udp -j MASQUERADE --to-ports 5-6 --random-fully",
		 "-A POSTROUTING -p udp -j MASQUERADE --to-ports 5-6 --random-fully"},
		{NAT("POSTROUTING",
		     RULE("{ to-source: 1.1.1.1-1.1.1.2, jump: SNAT, persistent: true }")),
		 "-A POSTROUTING -j SNAT --to-source 1.1.1.1-1.1.1.2 --persistent", ""},
		{NAT("PREROUTING", RULE("{ protocol: tcp, dport: 80, jump: DNAT, to-destination: "
					"\"[dead::1]:8080\" }")),
		 "",
		 "-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination [dead::1]:8080"},
		{NAT("PREROUTING",
		     RULE("{ protocol: tcp, jump: DNAT, to-destination: \":8080\" }")),
		 "-A PREROUTING -p tcp -j DNAT --to-destination :8080",
		 "-A PREROUTING -p tcp -j DNAT --to-destination :8080"},
		{NAT("OUTPUT", RULE("{ protocol: tcp, jump: REDIRECT, to-ports: 8080 }")),
		 "-A OUTPUT -p tcp -j REDIRECT --to-ports 8080",
		 "-A OUTPUT -p tcp -j REDIRECT --to-ports 8080"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *said, *got;
		struct cfg_policy *p = t_yaml_in(rows[i].text, &said);

		cr_expect(p != NULL, "%s: %s", rows[i].text, said);
		for (int f = CFG_IPV4; p != NULL && f <= CFG_IPV6; f++) {
			got = t_rules(p, f);
			cr_expect(eq(str, got, (char *)(f == CFG_IPV4 ? rows[i].v4 : rows[i].v6)));
			free(got);
		}
		free(said);
		cfg_policy_free(p);
	}
}

Test(config_yaml, chains_and_settings)
{
	char *said;
	struct cfg_policy *p =
		t_yaml_in("version: 1\n"
			  "nat: { port-selection: steered }\n"
			  "recent: { ip_list_tot: 0x100 }\n"
			  "conntrack: { max: 1000, tcp_timeout_established: 7200, tcp_loose: "
			  "false, tcp_be_liberal: on, checksum: 0 }\n"
			  "tables:\n"
			  "  nat: {}\n"
			  "  filter:\n"
			  "    late: { rules: [ { jump: later } ] }\n"
			  "    OUTPUT: { policy: { ipv6: DROP } }\n"
			  "    INPUT: { policy: DROP, counters: { ipv4: [1, 2], ipv6: [3, 4] }, "
			  "rules: [ { jump: late } ] }\n"
			  "    FORWARD: { family: ipv4, policy: DROP, counters: [5, 6] }\n"
			  "    later:\n"
			  "    family: { rules: }\n"
			  "  raw:\n"
			  "    family: ipv6\n"
			  "    PREROUTING: { rules: [ { protocol: icmp } ] }\n",
			  &said);
	struct cfg_chain *c;

	cr_assert(p != NULL, "%s", said);
	free(said);
	cr_expect(eq(int, p->port_selection, CFG_PORTS_STEERED));
	cr_expect(eq(u32, p->recent.ip_list_tot, 256));
	cr_expect(eq(u32, p->conntrack.max, 1000));
	cr_expect(eq(u32, p->conntrack.tcp_timeout_established, 7200));
	cr_expect(p->conntrack.tcp_loose_off && p->conntrack.tcp_be_liberal);
	cr_expect(p->conntrack.checksum_off);
	cr_expect(p->table[CFG_NAT].present && p->table[CFG_NAT].n_chain == 0);
	cr_expect(eq(int, p->table[CFG_NAT].family, CFG_BOTH));
	cr_expect(p->table[CFG_MANGLE].present == false);
	cr_expect(eq(int, p->table[CFG_RAW].family, CFG_IPV6));
	cr_expect(eq(int, p->table[CFG_RAW].chain[0]->rule[0].family, CFG_IPV6));
	cr_expect(eq(sz, p->table[CFG_FILTER].n_chain, 6));
	// Built-in chains in hook order, then the others as they stand.
	for (int h = CFG_INPUT; h <= CFG_OUTPUT; h++)
		cr_expect(eq(int, p->table[CFG_FILTER].chain[h - CFG_INPUT]->hook, h));
	cr_expect(eq(str, p->table[CFG_FILTER].chain[3]->name, "late"));
	cr_expect(eq(str, p->table[CFG_FILTER].chain[5]->name, "family"));
	c = cfg_chain_find(p, CFG_FILTER, "INPUT");
	cr_expect(c->policy4 == CFG_POLICY_DROP && c->policy6 == CFG_POLICY_DROP);
	cr_expect(c->packets4 == 1 && c->bytes4 == 2 && c->packets6 == 3 && c->bytes6 == 4);
	c = cfg_chain_find(p, CFG_FILTER, "OUTPUT");
	cr_expect(c->policy4 == CFG_POLICY_ACCEPT && c->policy6 == CFG_POLICY_DROP);
	c = cfg_chain_find(p, CFG_FILTER, "FORWARD");
	cr_expect(c->family == CFG_IPV4 && c->policy4 == CFG_POLICY_DROP && c->packets4 == 5);
	cr_expect(eq(uint, c->pos.line, 11));
	cr_expect(eq(uint, c->pos.column, 5));
	cfg_policy_free(p);
}

// Anchors and aliases, block style, quotes.
Test(config_yaml, styles)
{
	char *said, *got;
	struct cfg_policy *p = t_yaml_in("version: 1\n"
					 "tables:\n"
					 "  filter:\n"
					 "    INPUT:\n"
					 "      rules:\n"
					 "        - protocol: tcp\n"
					 "          source: &lan [10.0.0.1, 10.0.0.2]\n"
					 "          dport: '80'\n"
					 "          jump: ACCEPT # comment\n"
					 "        - source: *lan\n"
					 "          jump: !!str DROP\n",
					 &said);

	cr_assert(p != NULL, "%s", said);
	got = t_rules(p, CFG_IPV4);
	cr_expect(eq(str, got,
		     "-A INPUT -s 10.0.0.1/32 -p tcp -m tcp --dport 80 -j ACCEPT\n"
		     "-A INPUT -s 10.0.0.2/32 -p tcp -m tcp --dport 80 -j ACCEPT\n"
		     "-A INPUT -s 10.0.0.1/32 -j DROP\n-A INPUT -s 10.0.0.2/32 -j DROP"));
	free(got);
	free(said);
	cfg_policy_free(p);
}

static void
expect_says(const char *text, const char *want)
{
	char *said, *line;
	const char *next = want;
	struct cfg_policy *p = t_yaml_in(text, &said);

	cr_expect(p == NULL, "accepted: %s", text);
	cfg_policy_free(p);
	for (line = strtok(said, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		size_t n = strcspn(next, "|");

		cr_expect(n > 0 && strncmp(line, next, n) == 0, "%s\n said %s\n not  %.*s", text,
			  line, (int)n, next);
		next += next[n] == '|' ? n + 1 : n;
	}
	cr_expect(next[0] == '\0', "%s: not said: %s", text, next);
	free(said);
}

// One bad rule in line 6; the map begins in column 11.
static const struct {
	const char *rule, *says;
} bad_rules_rows[] = {
	{"x", "6:11: error: a rule is text (expected a map"},
	{"[ jump ]", "6:11: error: a rule is a list"},
	{"{ jmp: ACCEPT }", "6:13: error: unknown key 'jmp' in a rule (did you mean 'jump'?)"},
	{"{ zzzzzzzz: 1 }",
	 "6:13: error: unknown key 'zzzzzzzz' in a rule (expected an iptables option"},
	{"{ dport: 80 }", "6:13: error: 'dport' needs 'protocol: dccp' or 'protocol: sctp' or "
			  "'protocol: tcp' or 'protocol: udp'"},
	{"{ protocol: \"!tcp\", dport: 80 }",
	 "6:31: error: 'dport' needs 'protocol: dccp' or 'protocol: sctp' or 'protocol: tcp' or "
	 "'protocol: udp' in"},
	{"{ protocol: udp, syn: true }",
	 "6:28: error: 'syn' needs 'protocol: tcp' in the same rule"},
	{"{ jump: ACCEPT, to-source: 1.1.1.1 }", "6:27: error: 'to-source' belongs to target SNAT"},
	{"{ limit: 5/week }", "6:20: error: 'limit': bad rate"},
	{"{ ctproto: 256 }", "6:22: error: 'ctproto': \"256\" (expected a protocol's number"},
	{"{ jump: ULOG }", "6:19: error: target 'ULOG' is not supported: NFLOG took its place"},
	{"{ match: ipvs }",
	 "6:20: error: match 'ipvs' is not supported: there is no virtual server here; match the "
	 "service's address and port"},
	{"{ match: nope }", "6:20: error: unknown match 'nope'"},
	{"{ match: [[tcp]] }", "6:21: error: a list in the list under 'match'"},
	{"{ match: { comment: x } }", "6:20: error: a map under 'match' needs the key 'match'"},
	{"{ match: { match: comment, foo: x } }",
	 "6:38: error: match 'comment' has no option 'foo'"},
	{"{ match: comment }", "6:20: error: match 'comment' needs option 'comment'"},
	{"{ match: multiport }", "6:20: error: match 'multiport' needs one of its options"},
	{"{ jump: [a] }", "6:19: error: 'jump' is a list (expected a target or a chain)"},
	{"{ jump: }", "6:19: error: 'jump' is nothing"},
	{"{ jump: nope }", "6:19: error: chain 'nope' does not exist in table 'filter'"},
	{"{ jump: accept }", "6:19: error: chain 'accept' does not exist in table 'filter' (did "
			     "you mean target ACCEPT?)"},
	{"{ jump: INPUT }", "6:19: error: a rule cannot jump to the built-in chain 'INPUT'"},
	{"{ goto: ACCEPT }", "6:19: error: 'goto' takes a chain, 'ACCEPT' is a target"},
	{"{ jump: ACCEPT, goto: uu }", "6:33: error: a rule has one jump or goto, not two"},
	{"{ jump: \"a b\" }", "6:19: error: 'jump': \"a b\": a chain's name"},
	{"{ source: { a: b } }", "6:21: error: 'source' is a map (expected text or a list)"},
	{"{ source: [] }", "6:21: error: 'source' is a list (expected at least one element"},
	{"{ source: [ [a] ] }", "6:23: error: 'source' is a list (expected text in the list)"},
	{"{ source: [\"!10.0.0.1\"] }", "6:22: error: 'source': \"!10.0.0.1\" in a list"},
	{"{ source: \"!10.0.0.1,10.0.0.2\" }", "6:21: error: 'source': \"!\" and a list"},
	{"{ source: !10.0.0.1 }", "6:21: error: !10.0.0.1 without quotes is a YAML tag"},
	{"{ source: ! 10.0.0.1 }", "6:21: error: ! without quotes is a YAML tag"},
	{"{ in-interface: ! \"wan\" }", "6:27: error: ! without quotes is a YAML tag"},
	{"{ in-interface: &x ! wan }", "6:27: error: ! without quotes is a YAML tag"},
	{"{ comment: \"an ! inside\", source: ! }", "6:45: error: ! without quotes is a YAML tag"},
	{"{ source: 10.0.0.1/ }", "6:21: error: 'source': \"10.0.0.1/\" is bad mask"},
	{"{ source: example.com }", "6:21: error: 'source': \"example.com\" is not an address"},
	{"{ source: 1.1.1.1, destination: \"dead::1\" }",
	 "6:43: error: 'destination': \"dead::1\" is an IPv6 address where only IPv4 can "
	 "stand"},
	{"{ source: [1.1.1.1, \"dead::1\"], destination: 2.2.2.2 }",
	 "6:11: error: the rule has an IPv6 address that nothing else in it can go with"},
	{"{ source: 1.1.1.1, family: ipv6 }",
	 "6:21: error: 'source': \"1.1.1.1\" is an IPv4 address where only"},
	{"{ family: ipv5 }", "6:21: error: 'family' is \"ipv5\" (expected ipv4, ipv6 or both)"},
	{"{ family: [ipv4] }", "6:21: error: 'family' is a list"},
	{"{ family: ipv4, protocol: icmpv6, icmpv6-type: 1 }", "6:45: error: 'icmp6' is for IPv6"},
	{"{ protocol: [tcp] }", "6:23: error: 'protocol' is a list (expected text)"},
	{"{ protocol: nope }", "6:23: error: 'protocol': unknown protocol \"nope\""},
	{"{ protocol: tcp, dport: 80, dport: 81 }",
	 "6:39: error: key 'dport' stands here a second time (the first "
	 "is in line 6)"},
	{"{ protocol: tcp, dport: 80, destination-port: 81 }",
	 "6:57: error: 'destination-port' can"},
	{"{ protocol: tcp, dport: [80] }", "6:35: error: 'dport' is a list (expected text)"},
	{"{ protocol: tcp, dport: 65536 }", "6:35: error: 'dport': \"65536\" is not a port"},
	{"{ protocol: tcp, tcp-flags: SYN }",
	 "6:39: error: 'tcp-flags' is text (expected two words"},
	{"{ protocol: tcp, tcp-flags: [SYN] }",
	 "6:39: error: 'tcp-flags' is a list (expected two words"},
	{"{ protocol: tcp, syn: maybe }",
	 "6:33: error: 'syn' is text (expected true, false or \"!\")"},
	{"{ protocol: tcp, syn: \"!no\" }", "6:33: error: 'syn' is text"},
	{"{ counters: [1] }", "6:23: error: bad 'counters' (expected [packets, bytes])"},
	{"{ counters: [1, -1] }", "6:23: error: bad 'counters'"},
	{"{ comment: \"a\\nb\" }", "6:22: error: 'comment': a comment is one line"},
	{"{ comment: \"a\\0b\" }", "6:22: error: a NUL byte"},
	{"{ ? [a] : b }", "6:15: error: a key must be text"},
	{"{ source: *nope }", "6:21: error: alias '*nope'"},
	{"{ source: &a [ *a ] }", "6:26: error: alias '*a'"},
	{"{ out-interface: x }", "6:11: error: out-interface cannot stand in chain INPUT"},
	{"{ <<: { jump: DROP } }", "6:13: error: unknown key '<<'"},
	{"{ jump: nope, source: x, vport: 1 }",
	 "6:33: error: 'source': \"x\"|6:36: error: key 'vport'"},
};

Test(config_yaml, bad_rules)
{
	for (size_t i = 0; i < sizeof(bad_rules_rows) / sizeof(bad_rules_rows[0]); i++) {
		char *text;

		cr_assert(ge(int, asprintf(&text, FILTER(RULE("%s")), bad_rules_rows[i].rule), 0));
		expect_says(text, bad_rules_rows[i].says);
		free(text);
	}
}

static const struct {
	const char *text, *says;
} bad_files_rows[] = {
	{"", "error: the file holds nothing"},
	{"# nothing\n", "error: the file holds nothing"},
	{"[]", "1:1: error: the file holds a list"},
	{"tables: {}\n", "1:1: error: 'version' is missing"},
	{"version: 1\n", "1:1: error: 'tables' is missing"},
	{"version: 2\ntables: {}\n", "1:10: error: bad 'version' (expected 1)"},
	{"version: 1\ntables: []\n", "2:9: error: 'tables' is a list (expected a map)"},
	{"version: 1\ntables: {}\nfoo: 1\n", "3:1: error: unknown key 'foo' at the top"},
	{"version: 1\nversion: 1\ntables: {}\n",
	 "2:1: error: key 'version' stands here a second time"},
	{"version: 1\ntables: { filtr: {} }\n", "2:11: error: unknown key 'filtr' under 'tables'"},
	{"version: 1\ntables: { security: { PREROUTING: {} } }\n",
	 "2:23: error: chain 'PREROUTING' in table 'security': a built-in chain's name"},
	{"version: 1\ntables: { filter: 1 }\n", "2:19: error: 'filter' is text"},
	{"version: 1\ntables: { filter: {}, filter: {} }\n",
	 "2:23: error: key 'filter' stands here a second time"},
	{"version: 1\ntables: { filter: { INPUT: [] } }\n", "2:28: error: 'INPUT' is a list"},
	{"version: 1\ntables: { filter: { PREROUTING: {} } }\n",
	 "2:21: error: chain 'PREROUTING' in table 'filter': a built-in chain's name"},
	{"version: 1\ntables: { filter: { LOG: {} } }\n",
	 "2:21: error: chain 'LOG' in table 'filter': a target"},
	{"version: 1\ntables: { filter: { \"a b\": {} } }\n",
	 "2:21: error: chain 'a b' in table 'filter'"},
	{"version: 1\ntables: { filter: { a: {}, a: {} } }\n",
	 "2:28: error: chain 'a' stands here a second time"},
	{"version: 1\ntables: { filter: { family: ipv4, family: ipv4 } }\n",
	 "2:35: error: key 'family' stands"},
	{"version: 1\ntables: { filter: { family: x } }\n", "2:29: error: 'family' is \"x\""},
	{"version: 1\ntables: { filter: { family: ipv4, INPUT: { family: ipv6 } } }\n",
	 "2:52: error: 'family': \"ipv6\", but the table stands in ipv4 only"},
	{"version: 1\ntables: { filter: { INPUT: { family: ipv4, rules: [ { family: both } "
	 "] } } }\n",
	 "2:63: error: 'family': \"both\", but the chain stands in ipv4 only"},
	{"version: 1\ntables: { filter: { INPUT: { policy: DORP } } }\n",
	 "2:38: error: bad 'policy'"},
	{"version: 1\ntables: { filter: { INPUT: { policy: [DROP] } } }\n",
	 "2:38: error: bad 'policy'"},
	{"version: 1\ntables: { filter: { INPUT: { policy: { ipv5: DROP } } } }\n",
	 "2:40: error: 'policy': key 'ipv5'"},
	{"version: 1\ntables: { filter: { family: ipv4, INPUT: { policy: { ipv6: DROP } } "
	 "} }\n",
	 "2:54: error: 'policy': key 'ipv6' (expected ipv4 only"},
	{"version: 1\ntables: { filter: { u: { policy: DROP } } }\n",
	 "2:26: error: chain 'u' is not built in"},
	{"version: 1\ntables: { filter: { u: { counters: [1, 2] } } }\n",
	 "2:26: error: chain 'u' is not built in"},
	{"version: 1\ntables: { filter: { INPUT: { counters: [1, 2] } } }\n",
	 "2:40: error: 'counters' of a chain"},
	{"version: 1\ntables: { filter: { INPUT: { rules: {} } } }\n",
	 "2:37: error: 'rules' is a map"},
	{"version: 1\ntables: { filter: { INPUT: { foo: 1 } } }\n",
	 "2:30: error: unknown key 'foo' in a chain"},
	{"version: 1\ntables: {}\nconntrack: { foo: 1 }\n",
	 "3:14: error: unknown key 'foo' under 'conntrack'"},
	{"version: 1\ntables: {}\nconntrack: { buckets: 1 }\n",
	 "3:14: error: 'buckets' is no setting here: the tables are made at the start"},
	{"version: 1\ntables: {}\nconntrack: { dccp_loose: 1 }\n",
	 "3:14: error: 'dccp_loose' is no setting here: DCCP is tracked like any protocol"},
	{"version: 1\ntables: {}\nconntrack: { log_invalid: 256 }\n",
	 "3:27: error: bad 'log_invalid' (expected a protocol, 255 for all, 0 to 255)"},
	{"version: 1\ntables: {}\nconntrack: { events: 3 }\n",
	 "3:22: error: bad 'events' (expected when flows tell, 0 to 2)"},
	{"version: 1\ntables: {}\nconntrack: { acct: 2 }\n", "3:20: error: bad 'acct'"},
	{"version: 1\ntables: {}\nconntrack: { accts: 1 }\n",
	 "3:14: error: unknown key 'accts' under 'conntrack'"},
	{"version: 1\ntables: {}\nconntrack: { checksum: 5 }\n", "3:24: error: bad 'checksum'"},
	{"version: 1\ntables: {}\nconntrack: { max: 0 }\n",
	 "3:19: error: bad 'max' (expected a number of flows"},
	{"version: 1\ntables: {}\nconntrack: { udp_timeout: -5 }\n",
	 "3:27: error: bad 'udp_timeout'"},
	{"version: 1\ntables: {}\nconntrack: { tcp_loose: 2 }\n", "3:25: error: bad 'tcp_loose'"},
	{"version: 1\ntables: {}\nconntrack: 5\n", "3:12: error: 'conntrack' is text"},
	{"version: 1\ntables: {}\nrecent: { ip_list_tot: 0 }\n",
	 "3:24: error: bad 'ip_list_tot' (expected 1 to 1000000)"},
	{"version: 1\ntables: {}\nrecent: { ip_list: 5 }\n",
	 "3:11: error: unknown key 'ip_list' under 'recent'"},
	{"version: 1\ntables: {}\nnat: { port-selection: x }\n",
	 "3:24: error: bad 'port-selection'"},
	{"version: 1\ntables: {}\nnat: { foo: x }\n", "3:8: error: unknown key 'foo' under 'nat'"},
	{"version: 1\ntables: {}\n---\nversion: 1\n", "3:1: error: a second document"},
	{"version: 1\ntables: { filter: [\n", "3:1: error: not YAML: "},
	{"version: 1\n\ttables: {}\n", "2:1: error: not YAML: "},
	{"version: 1\ntables: \"\xff\"\n", "2:10: error: not YAML: "},
	{"version: \x01\n", "1:10: error: not YAML: "},
	{"a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	 "1:35: error: lists and maps nested too deep"},
};

Test(config_yaml, bad_files)
{
	for (size_t i = 0; i < sizeof(bad_files_rows) / sizeof(bad_files_rows[0]); i++)
		expect_says(bad_files_rows[i].text, bad_files_rows[i].says);
}

Test(config_yaml, too_many_rules)
{
	char *text = NULL, *said;
	struct cfg_policy *p;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "version: 1\ntables:\n  filter:\n    INPUT:\n      rules:\n        - { source: "
		   "&a [");
	for (int i = 0; i < 1100; i++)
		fprintf(f, "%s10.1.%d.%d", i > 0 ? ", " : "", i / 256, i % 256);
	fprintf(f, "], destination: *a }\n");
	fclose(f);
	p = t_yaml_in(text, &said);
	cr_expect(p == NULL);
	cr_expect(strstr(said, "6:11: error: more than 1000000 rules") != NULL, "%s", said);
	free(said);
	free(text);
}

Test(config_yaml, file)
{
	char path[] = "/tmp/config_yaml_XXXXXX";
	int fd = mkstemp(path);
	struct cfg_policy *p = NULL;
	struct cfg_err err;

	cr_assert(ge(int, fd, 0));
	cr_assert(eq(int, write(fd, "version: 1\ntables: { nat: {} }\n", 31), 31));
	close(fd);
	cfg_err_init(&err, "outer");
	cr_expect(eq(int, cfg_policy_load(&p, path, &err), 0));
	cr_expect(eq(str, p->file, path));
	cr_expect(eq(str, (char *)err.file, "outer"));
	cfg_policy_free(p);
	p = NULL;
	unlink(path);
	cr_expect(eq(int, cfg_policy_load(&p, path, &err), -2));
	cr_expect(p == NULL && err.n_errors == 1);
	cr_expect(eq(str, err.msgs[0].file, path));
	cfg_err_free(&err);
}
