// Named lists of a policy file: written out in rules, refused where they are not sound.
#include "cfg_test.h"

#define RULE(r) "tables: { filter: { INPUT: { rules: [ " r " ] } } }\n"
#define LISTS                                                                                      \
	"version: 1\nports: { web: [80, \"443\", \"8000:8080\"], ssh: 22 }\n"                      \
	"addresses: { lan: [10.0.0.0/8, \"fd00::/8\"], dns: 1.1.1.1 }\n"

Test(config_yaml_lists, written_out)
{
	static const struct {
		const char *in, *out4, *out6;
	} rows[] = {
		{"{ protocol: tcp, dports: $web }",
		 "-A INPUT -p tcp -m multiport --dports 80,443,8000:8080",
		 "-A INPUT -p tcp -m multiport --dports 80,443,8000:8080"},
		{"{ family: ipv4, protocol: udp, sports: \"!$ssh,53\" }",
		 "-A INPUT -p udp -m multiport ! --sports 22,53", ""},
		{"{ family: ipv4, protocol: tcp, match: { match: multiport, ports: [1, $ssh] } }",
		 "-A INPUT -p tcp -m multiport --ports 1,22", ""},
		{"{ source: $lan, jump: DROP }", "-A INPUT -s 10.0.0.0/8 -j DROP",
		 "-A INPUT -s fd00::/8 -j DROP"},
		{"{ destination: [$dns, 9.9.9.9] }",
		 "-A INPUT -d 1.1.1.1/32\n-A INPUT -d 9.9.9.9/32", ""},
		{"{ src: \"!$dns\" }", "-A INPUT ! -s 1.1.1.1/32", ""},
		// Only comma lists know them.
		{"{ family: ipv4, comment: $web }", "-A INPUT -m comment --comment \"$web\"", ""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text, *said, *got;
		struct cfg_policy *p;

		cr_assert(asprintf(&text, LISTS RULE("%s"), rows[i].in) > 0);
		p = t_yaml_in(text, &said);
		cr_assert(p != NULL, "%s: %s", rows[i].in, said);
		got = t_rules(p, CFG_IPV4);
		cr_expect(eq(str, got, (char *)rows[i].out4));
		free(got);
		got = t_rules(p, CFG_IPV6);
		cr_expect(eq(str, got, (char *)rows[i].out6));
		free(got);
		free(said);
		free(text);
		cfg_policy_free(p);
	}
}

Test(config_yaml_lists, refused)
{
	static const struct {
		const char *in, *says;
	} rows[] = {
		{LISTS RULE("{ protocol: tcp, dports: $no }"),
		 "4:64: error: 'dports': there is no list of ports or addresses called '$no'"},
		{LISTS RULE("{ source: $web }"),
		 "4:49: error: 'source': there is no list of addresses called '$web'"},
		{LISTS RULE("{ source: $we }"), "no list of addresses called '$we'"},
		{LISTS RULE("{ source: \"!$lan\" }"), "\"!\" and a list of addresses do not go"},
		{LISTS RULE("{ protocol: tcp, dports: $lan }"), "4:64: error: 'dports'"},
		{"version: 1\ntables: {}\nports: [80]\n",
		 "3:8: error: 'ports' is a list (expected a map"},
		{"version: 1\ntables: {}\nports: { a: [] }\n", "3:13: error: an empty named list"},
		{"version: 1\ntables: {}\nports: { a: [[80]] }\n",
		 "3:14: error: a list in a named list"},
		{"version: 1\ntables: {}\nports: { a: }\n", "error: nothing in a named list"},
		{"version: 1\ntables: {}\nports: { a: [80, 70000] }\n",
		 "3:18: error: \"70000\" in a named list (expected PORT"},
		{"version: 1\ntables: {}\nports: { b: 80, a: $b }\n",
		 "3:20: error: \"$b\" in a named list"},
		{"version: 1\ntables: {}\nports: { \"a b\": 80 }\n",
		 "3:10: error: a list's name is of"},
		{"version: 1\ntables: {}\naddresses: { a: host.example }\n",
		 "3:17: error: \"host.example\" in a named list"},
		{"version: 1\ntables: {}\naddresses: { a: 1.1.1.1 }\nports: { a: 1 }\n",
		 "4:10: error: list 'a' stands here a second time"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *said;
		struct cfg_policy *p = t_yaml_in(rows[i].in, &said);

		cr_expect(p == NULL, "accepted: %s", rows[i].in);
		cr_expect(strstr(said, rows[i].says) != NULL, "%s\n said %s\n not %s", rows[i].in,
			  said, rows[i].says);
		free(said);
		cfg_policy_free(p);
	}
}
