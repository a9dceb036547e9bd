// What cfg_policy_check refuses: missing chains, circles of jumps, matches and targets where they
// cannot stand. Cases marked "kernel" were tried with iptables-legacy-restore: it refuses them as
// well.
#include "cfg_test.h"

static const struct {
	const char *name, *in, *says; // NULL: sound
} rows[] = {
	{"sound",
	 "*filter\n:u - [0:0]\n:v - [0:0]\n-A INPUT -j u\n-A INPUT -j v\n-A u -g "
	 "v\nCOMMIT\n",
	 NULL},
	{"self", "*filter\n:u - [0:0]\n-A INPUT -j u\n-A u -g u\nCOMMIT\n",
	 "4:6: error: table 'filter': the jump from chain 'u' to 'u' closes a "
	 "circle"}, // kernel
	{"circle nobody enters",
	 "*filter\n:u - [0:0]\n:v - [0:0]\n-A u -j v\n-A v -p tcp -j u\nCOMMIT\n",
	 "5:13: error: table 'filter': the jump from chain 'v' to 'u' closes a "
	 "circle"},
	{"tcp without -p", "*filter\n-A INPUT -m tcp --dport 1\nCOMMIT\n",
	 "2:10: error: match 'tcp' needs protocol tcp in the same rule"}, // kernel
	{"tcp with -p udp", "*filter\n-A INPUT -p udp -m tcp\nCOMMIT\n",
	 "2:17: error: match 'tcp' needs protocol tcp"},
	{"udp with ! -p udp", "*filter\n-A INPUT ! -p udp -m udp\nCOMMIT\n",
	 "2:19: error: match 'udp' needs protocol udp in the same rule (not "
	 "negated)"},
	{"multiport without", "*filter\n-A INPUT -m multiport --dports 1\nCOMMIT\n",
	 "2:10: error: match 'multiport' needs protocol tcp, udp, udplite, sctp or "
	 "dccp"},
	{"icmp without", "*filter\n-A INPUT -m icmp --icmp-type 8\nCOMMIT\n",
	 "2:10: error: match 'icmp' needs"},
	{"helper without -p", "*raw\n-A OUTPUT -j CT --helper ftp\nCOMMIT\n",
	 "2:11: error: CT: helper \"ftp\" needs a rule with its protocol "
	 "(expected tcp)"}, // kernel
	{"helper's protocol", "*raw\n-A OUTPUT -p tcp -j CT --helper tftp\nCOMMIT\n",
	 "2:18: error: CT: helper \"tftp\" needs a rule with its protocol "
	 "(expected udp)"}, // kernel
	{"helper with ! -p", "*raw\n-A OUTPUT ! -p tcp -j CT --helper sip\nCOMMIT\n",
	 "2:20: error: CT: helper \"sip\" needs a rule with its protocol "
	 "(expected udp or tcp)"}, // kernel
	{"no such helper", "*raw\n-A OUTPUT -p tcp -j CT --helper FTP\nCOMMIT\n",
	 "2:18: error: CT: no such helper \"FTP\" "
	 "(expected ftp, sip or tftp)"}, // kernel
	{"helper, notrack", "*raw\n-A OUTPUT -j CT --notrack --helper FTP\nCOMMIT\n", NULL},
	{"REJECT outside filter", "*nat\n-A OUTPUT -j REJECT\nCOMMIT\n",
	 "2:11: error: target 'REJECT' cannot stand in table 'nat' (expected table "
	 "filter)"}, // kernel
	{"tcp-reset without tcp", "*filter\n-A INPUT -j REJECT --reject-with tcp-reset\nCOMMIT\n",
	 "2:10: error: reject-with tcp-reset needs protocol tcp"}, // kernel
	{"tcp-reset, not tcp",
	 "*filter\n-A INPUT ! -p tcp -j REJECT --reject-with tcp-reset\nCOMMIT\n",
	 "2:19: error: reject-with tcp-reset needs protocol tcp"},
	{"DROP in nat", "*nat\n-A OUTPUT -j DROP\nCOMMIT\n",
	 "2:11: error: target 'DROP' cannot stand in table 'nat' (expected table "
	 "raw, mangle, filter, security)"}, // iptables
	{"MASQUERADE in filter", "*filter\n-A OUTPUT -j MASQUERADE\nCOMMIT\n",
	 "2:11: error: target 'MASQUERADE' cannot stand in table 'filter' "
	 "(expected table nat)"}, // kernel
	{"MASQUERADE in PREROUTING", "*nat\n-A PREROUTING -j MASQUERADE\nCOMMIT\n",
	 "2:15: error: target 'MASQUERADE' cannot stand at PREROUTING (expected "
	 "POSTROUTING)"}, // kernel
	{"SNAT in INPUT", "*nat\n-A INPUT -j SNAT --to-source 1.1.1.1\nCOMMIT\n", NULL},
	{"SNAT in OUTPUT", "*nat\n-A OUTPUT -j SNAT --to-source 1.1.1.1\nCOMMIT\n",
	 "2:11: error: target 'SNAT' cannot stand at OUTPUT (expected INPUT, "
	 "POSTROUTING)"}, // kernel
	{"DNAT in POSTROUTING", "*nat\n-A POSTROUTING -j DNAT --to-destination 1.1.1.1\nCOMMIT\n",
	 "2:16: error: target 'DNAT' cannot stand at POSTROUTING (expected "
	 "PREROUTING, OUTPUT)"}, // kernel
	{"REDIRECT in INPUT", "*nat\n-A INPUT -j REDIRECT\nCOMMIT\n",
	 "2:10: error: target 'REDIRECT' cannot stand"},
	// User chains stand wherever they can be reached from.
	{"through a chain",
	 "*nat\n:u - [0:0]\n:v - [0:0]\n-A u -g v\n-A v -j MASQUERADE\n-A "
	 "POSTROUTING -j u\n"
	 "-A OUTPUT -j u\nCOMMIT\n",
	 "5:6: error: target 'MASQUERADE' cannot stand at OUTPUT, from where chain "
	 "'v' is reached (expected "
	 "POSTROUTING)"}, // kernel
	{"chain not reached",
	 "*nat\n:u - [0:0]\n-A u -j MASQUERADE\n-A u -j DNAT --to-destination "
	 "1.1.1.1\nCOMMIT\n",
	 NULL}, // kernel
	{"ports without protocol", "*nat\n-A POSTROUTING -j MASQUERADE --to-ports 5\nCOMMIT\n",
	 "2:16: error: ports in a translation need protocol"}, // kernel
	{"ports, udplite", "*nat\n-A PREROUTING -p udplite -j REDIRECT --to-ports 5\nCOMMIT\n",
	 "2:26: error: ports in a translation need protocol"}, // kernel
	{"-i in OUTPUT", "*filter\n-A OUTPUT -i eth0\nCOMMIT\n",
	 "2:1: error: in-interface cannot stand in chain OUTPUT"},
	{"-i in POSTROUTING", "*mangle\n-A POSTROUTING ! -i eth0\nCOMMIT\n",
	 "2:1: error: in-interface cannot stand"},
	{"-o in INPUT", "*filter\n-A INPUT -o eth0\nCOMMIT\n",
	 "2:1: error: out-interface cannot stand in chain INPUT"},
	{"-o in PREROUTING", "*raw\n-A PREROUTING -o eth+\nCOMMIT\n",
	 "2:1: error: out-interface cannot stand"},
	{"-o in a user chain", "*filter\n:u - [0:0]\n-A INPUT -j u\n-A u -o eth0\nCOMMIT\n", NULL},
};

Test(config_check, placement)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *said;
		struct cfg_policy *p = t_save_in(CFG_IPV4, rows[i].in, &said);

		cr_expect(eq(int, p != NULL, rows[i].says == NULL), "%s: %s", rows[i].name, said);
		if (rows[i].says != NULL) {
			cr_expect(strncmp(said, rows[i].says, strlen(rows[i].says)) == 0, "%s: %s",
				  rows[i].name, said);
			cr_expect(strchr(said, '\n') == NULL, "%s: one message only: %s",
				  rows[i].name, said);
		}
		free(said);
		cfg_policy_free(p);
	}
}

// Each family is judged by itself.
Test(config_check, families)
{
	static const struct {
		const char *text, *says;
	} yaml[] = {
		{"version: 1\ntables:\n  nat:\n"
		 "    PREROUTING: { rules: [ { family: ipv4, jump: u } ] }\n"
		 "    POSTROUTING: { rules: [ { family: ipv6, jump: u } ] }\n"
		 "    u: { rules: [ { family: ipv4, jump: REDIRECT }, { family: ipv6, jump: "
		 "MASQUERADE } ] }\n",
		 ""},
		{"version: 1\ntables:\n  nat:\n"
		 "    PREROUTING: { rules: [ { family: ipv4, jump: u } ] }\n"
		 "    POSTROUTING: { rules: [ { family: ipv6, jump: u } ] }\n"
		 "    u: { rules: [ { jump: REDIRECT } ] }\n",
		 "6:27: error: target 'REDIRECT' cannot stand at POSTROUTING, from where chain 'u' "
		 "is reached"},
		{"version: 1\ntables:\n  nat:\n    INPUT: { rules: [ { jump: MASQUERADE } ] }\n",
		 "4:31: error: target 'MASQUERADE' cannot stand at INPUT"},
		{"version: 1\ntables:\n  filter:\n"
		 "    INPUT: { rules: [ { jump: u } ] }\n    u: { family: ipv4 }\n",
		 "4:31: error: chain 'u' does not exist in IPv6"},
		{"version: 1\ntables:\n  filter:\n"
		 "    INPUT: { rules: [ { jump: u, family: ipv4 } ] }\n    u: { family: ipv4 }\n",
		 ""},
		{"version: 1\ntables:\n  filter:\n"
		 "    a: { rules: [ { jump: b, family: ipv4 } ] }\n    b: { rules: [ { jump: a, "
		 "family: ipv6 } ] }\n",
		 ""},
		{"version: 1\ntables:\n  filter:\n"
		 "    a: { rules: [ { jump: b } ] }\n    b: { rules: [ { jump: a, family: ipv6 } ] "
		 "}\n",
		 "5:27: error: table 'filter': the jump from chain 'b' to 'a' closes a circle"},
	};

	for (size_t i = 0; i < sizeof(yaml) / sizeof(yaml[0]); i++) {
		char *said;
		struct cfg_policy *p = t_yaml_in(yaml[i].text, &said);

		cr_expect(eq(int, p != NULL, yaml[i].says[0] == '\0'), "%s: %s", yaml[i].text,
			  said);
		cr_expect(strncmp(said, yaml[i].says, strlen(yaml[i].says)) == 0, "%s: %s",
			  yaml[i].text, said);
		cr_expect(strchr(said, '\n') == NULL, "one message only: %s", said);
		free(said);
		cfg_policy_free(p);
	}
}

// A hundred thousand chains in a row: no recursion, nothing quadratic.
Test(config_check, deep, .timeout = 60)
{
	char *text = NULL, *said;
	struct cfg_policy *p;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "*filter\n");
	for (int i = 0; i < 100000; i++)
		fprintf(f, ":c%d - [0:0]\n", i);
	for (int i = 0; i < 99999; i++)
		fprintf(f, "-A c%d -j c%d\n", i, i + 1);
	fprintf(f, "-A INPUT -j c0\nCOMMIT\n");
	fclose(f);
	p = t_save_in(CFG_IPV4, text, &said);
	cr_expect(p != NULL, "%.200s", said);
	free(said);
	cfg_policy_free(p);
	cr_assert(
		ge(int, asprintf(&said, "%.*s-A c99999 -j c5\nCOMMIT\n", (int)(len - 7), text), 0));
	free(text);
	text = said;
	p = t_save_in(CFG_IPV4, text, &said);
	cr_expect(p == NULL);
	cr_expect(strstr(said, "closes a circle") != NULL, "%.200s", said);
	free(said);
	free(text);
}

// n chains, each jumping `times` times to the next one by `how`; INPUT goes to the first.
static char *
fan(unsigned n, unsigned times, const char *how)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "*filter\n");
	for (unsigned i = 0; i < n; i++)
		fprintf(f, ":c%u - [0:0]\n", i);
	for (unsigned i = 0; i + 1 < n; i++)
		for (unsigned j = 0; j < times; j++)
			fprintf(f, "-A c%u %s c%u\n", i, how, i + 1);
	fprintf(f, "-A INPUT -j c0\nCOMMIT\n");
	fclose(f);
	return text;
}

// One packet may have to walk 2^(n-1) - 1 rules where each chain jumps to the next twice.
Test(config_check, fan_out)
{
	static const struct {
		unsigned n, times;
		const char *how;
		const char *says; // NULL: sound
	} fans[] = {
		{19, 2, "-j", NULL}, // 2 + 4 + ... + 2^18: 524286 rules
		{64, 1, "-j", NULL},
		{64, 2, "-g", NULL}, // a goto does not come back
		{20, 2, "-j", "a packet may walk more than 1000000 rules from chain 'c0' on"},
		{64, 2, "-j", "a packet may walk more than 1000000 rules from chain 'c44' on"},
	};

	for (size_t i = 0; i < sizeof(fans) / sizeof(fans[0]); i++) {
		char *text = fan(fans[i].n, fans[i].times, fans[i].how), *said;
		struct cfg_policy *p = t_save_in(CFG_IPV4, text, &said);

		cr_expect(eq(int, p != NULL, fans[i].says == NULL), "%zu: %s", i, said);
		cr_expect(fans[i].says == NULL ? said[0] == '\0'
					       : strstr(said, fans[i].says) != NULL,
			  "%zu: %s", i, said);
		cr_expect(strchr(said, '\n') == NULL, "%zu: told once: %s", i, said);
		free(said);
		free(text);
		cfg_policy_free(p);
	}
}
