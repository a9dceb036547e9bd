// iptables-save text as a file: tables, chains, counters, commands. Expectations were compared with
// iptables-legacy-restore and -save 1.8.9.
#include "cfg_test.h"

#define HEADS ":INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"

static void
expect_same(const char *in, const char *want)
{
	char *said, *got;
	struct cfg_policy *p = t_save_in(CFG_IPV4, in, &said);

	cr_expect(p != NULL, "%s: %s", in, said);
	free(said);
	if (p == NULL)
		return;
	got = cfg_policy_to_save(p, CFG_IPV4, true);
	cr_expect(eq(str, got, (char *)want), "%s", in);
	free(got);
	cfg_policy_free(p);
}

Test(config_save_file, accepted)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"", ""},
		{"# only a comment\n\n", ""},
		{"*filter\nCOMMIT\n", "*filter\n" HEADS "COMMIT\n"},
		{"* filter\nCOMMIT\n", "*filter\n" HEADS "COMMIT\n"},
		{"*filter\r\n:INPUT DROP [1:2]\r\nCOMMIT\r\n",
		 "*filter\n:INPUT DROP [1:2]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT "
		 "[0:0]\nCOMMIT\n"},
		{"*filter\nCOMMIT", "*filter\n" HEADS "COMMIT\n"},
		{"*filter\n:INPUT - [0:0]\n:FORWARD ACCEPT\nCOMMIT\n",
		 "*filter\n" HEADS "COMMIT\n"},
		{"*filter\n:zz - [0:0]\n:aa - [0:0]\n:Z - [0:0]\n[7:8] -A zz -j aa\nCOMMIT\n",
		 "*filter\n" HEADS
		 ":Z - [0:0]\n:aa - [0:0]\n:zz - [0:0]\n[7:8] -A zz -j aa\nCOMMIT\n"},
		{"*filter\n[5:6] -A INPUT -j DROP\n[5:6]-A INPUT -j ACCEPT\n-A INPUT -c 9 "
		 "8\nCOMMIT\n",
		 "*filter\n" HEADS
		 "[5:6] -A INPUT -j DROP\n[5:6] -A INPUT -j ACCEPT\n[9:8] -A INPUT\nCOMMIT\n"},
		// The table that was loaded last comes first.
		{"*raw\nCOMMIT\n*filter\nCOMMIT\n",
		 "*filter\n" HEADS
		 "COMMIT\n*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"},
		{"*filter\nCOMMIT\n*raw\nCOMMIT\n",
		 "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n*filter\n" HEADS
		 "COMMIT\n"},
		{"*nat\nCOMMIT\n",
		 "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
		 ":POSTROUTING ACCEPT [0:0]\nCOMMIT\n"},
		{"*security\n-A OUTPUT -j DROP\nCOMMIT\n",
		 "*security\n" HEADS "[0:0] -A OUTPUT -j DROP\nCOMMIT\n"},
		{"*mangle\nCOMMIT\n",
		 "*mangle\n:PREROUTING ACCEPT [0:0]\n" HEADS ":POSTROUTING ACCEPT [0:0]\nCOMMIT\n"},
		// Commands inside a restore.
		{"*filter\n-N u\n-P INPUT DROP\n-A u -j RETURN\nCOMMIT\n",
		 "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:u - "
		 "[0:0]\n"
		 "[0:0] -A u -j RETURN\nCOMMIT\n"},
		{"*filter\n-A INPUT -j DROP\n-I INPUT 2 -j RETURN\n-I INPUT 1 -s "
		 "1.1.1.1,2.2.2.2\n-I INPUT -p tcp\nCOMMIT\n",
		 "*filter\n" HEADS "[0:0] -A INPUT -p tcp\n[0:0] -A INPUT -s 2.2.2.2/32\n"
		 "[0:0] -A INPUT -s 1.1.1.1/32\n[0:0] -A INPUT -j DROP\n[0:0] -A INPUT -j "
		 "RETURN\nCOMMIT\n"},
		{"*filter\n-A INPUT -j DROP\n-F INPUT\n-A INPUT -j ACCEPT\n-F\n[3:4] -A OUTPUT -j "
		 "ACCEPT\n-Z\nCOMMIT\n",
		 "*filter\n" HEADS "[0:0] -A OUTPUT -j ACCEPT\nCOMMIT\n"},
		{"*filter\n:u - [0:0]\n:v - [0:0]\n-X u\n-X\n-N w\nCOMMIT\n",
		 "*filter\n" HEADS ":w - [0:0]\nCOMMIT\n"},
		// Lines of the other family are passed over, whatever they say.
		{"*filter\n-6 -A INPUT --foo\n-4 -A INPUT -j DROP\nCOMMIT\n",
		 "*filter\n" HEADS "[0:0] -A INPUT -j DROP\nCOMMIT\n"},
		{"*filter\n -A INPUT\t-j \"DROP\"\nCOMMIT\n",
		 "*filter\n" HEADS "[0:0] -A INPUT -j DROP\nCOMMIT\n"},
		{"*filter\n-p tcp --dport 1 -j ACCEPT -A INPUT\nCOMMIT\n",
		 "*filter\n" HEADS "[0:0] -A INPUT -p tcp -m tcp --dport 1 -j ACCEPT\nCOMMIT\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_same(rows[i].in, rows[i].out);
}

Test(config_save_file, commands)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		// Rules and chains that a text makes and changes again.
		{"*filter\n--append=INPUT -j DROP\n-IINPUT 1 -j RETURN\n-A INPUT --\nCOMMIT\n",
		 "*filter\n" HEADS "[0:0] -A INPUT -j RETURN\n[0:0] -A INPUT -j DROP\n[0:0] -A "
		 "INPUT\nCOMMIT\n"},
		{"*filter\n-N u\n-A INPUT -g u\n-E u v\n-A v -j DROP\n-A INPUT -j v\nCOMMIT\n",
		 "*filter\n" HEADS ":v - [0:0]\n[0:0] -A INPUT -g v\n[0:0] -A INPUT -j v\n[0:0] -A "
		 "v -j DROP\nCOMMIT\n"},
		{"*filter\n-A INPUT -j DROP\n-A INPUT -s 1.1.1.1\n-A INPUT -s 2.2.2.2\n-D INPUT "
		 "1\n-D "
		 "INPUT -s 1.1.1.1/32,2.2.2.2\n-A INPUT -p tcp\n-C INPUT -p 6\nCOMMIT\n",
		 "*filter\n" HEADS "[0:0] -A INPUT -p tcp\nCOMMIT\n"},
		{"*filter\n[1:2] -A INPUT -j DROP\n-A INPUT\n-R INPUT 1 -m comment --comment x\n"
		 "[3:4] -R INPUT 2 -j ACCEPT\nCOMMIT\n",
		 "*filter\n" HEADS "[0:0] -A INPUT -m comment --comment x\n[3:4] -A INPUT -j "
		 "ACCEPT\nCOMMIT\n"},
		{"*filter\n[1:2] -A INPUT\n[3:4] -A INPUT -j DROP\n-Z INPUT 2\n-P INPUT DROP -c 5 "
		 "6\n[7:8] -P OUTPUT DROP\n-A OUTPUT -c 9,10\nCOMMIT\n",
		 "*filter\n:INPUT DROP [5:6]\n:FORWARD ACCEPT [0:0]\n:OUTPUT DROP [7:8]\n[1:2] -A "
		 "INPUT\n[0:0] -A INPUT -j DROP\n[9:10] -A OUTPUT\nCOMMIT\n"},
		// A line of the other family ends where it says so; what has no rule is done.
		{"*filter\n-N u -6\n-A INPUT -s 1.1.1.1 -6 --foo\nCOMMIT\n",
		 "*filter\n" HEADS ":u - [0:0]\nCOMMIT\n"},
		// With no look at the name: the mask says everything.
		{"*filter\n-A INPUT -s any/0\n-A INPUT -s \"1.1.1.1, 2.2.2.2\"\nCOMMIT\n",
		 "*filter\n" HEADS "[0:0] -A INPUT\n[0:0] -A INPUT -s 1.1.1.1/32\n[0:0] -A INPUT "
		 "-s 2.2.2.2/32\nCOMMIT\n"},
		{"*filter\n:aaaaaaaaaaaaaaaaaaaaaaaaaaaa - [0:0]\nCOMMIT\n",
		 "*filter\n" HEADS ":aaaaaaaaaaaaaaaaaaaaaaaaaaaa - [0:0]\nCOMMIT\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_same(rows[i].in, rows[i].out);
}

Test(config_save_file, repeated_table_replaces)
{
	char *said, *got;
	struct cfg_policy *p =
		t_save_in(CFG_IPV4,
			  "*filter\n:INPUT DROP [0:0]\n:u - [0:0]\n-A INPUT -j u\nCOMMIT\n"
			  "*filter\n:v - [0:0]\n-A INPUT -j v\nCOMMIT\n",
			  &said);

	cr_assert(p != NULL);
	cr_expect(strstr(said, "6:2: warning:") != NULL && strstr(said, "[table-repeated]") != NULL,
		  "%s", said);
	got = t_rules(p, CFG_IPV4);
	cr_expect(eq(str, got, "-A INPUT -j v"));
	cr_expect(cfg_chain_find(p, CFG_FILTER, "u") == NULL);
	cr_expect(eq(int, cfg_chain_find(p, CFG_FILTER, "INPUT")->policy4, CFG_POLICY_DROP));
	free(got);
	free(said);
	cfg_policy_free(p);
}

static const struct {
	const char *in,
		*says; // all messages, each "LINE:COLUMN: error: PART"; '|' between them
} refused_rows[] = {
	{"foo\n*filter\nCOMMIT\n", "1:1: error: expected a table"},
	{"  *filter\nCOMMIT\n", "1:1: error: expected a table|2:1: error: expected a table"},
	{"-A INPUT -j DROP\n", "1:1: error: expected a table"},
	{"*filter\n-A INPUT -j DROP\n", "2: error: the text ends inside table (expected COMMIT)"},
	{"*filter\n*nat\nCOMMIT\n", "2:1: error: expected COMMIT"},
	{"*foo\n-A X\nCOMMIT\n", "1:2: error: table 'foo' does not exist"},
	{"*security\n-A PREROUTING\nCOMMIT\n",
	 "2:4: error: no chain 'PREROUTING' in table 'security'"},
	{"*\nCOMMIT\n", "1:1: error: expected a table's name behind '*'"},
	{"*\"filter\"\nCOMMIT\n", "1:2: error: table '\"filter\"' does not exist"},
	{"*filter\n:u\nCOMMIT\n", "2:1: error: expected ':CHAIN POLICY"},
	{"*filter\n:u ACCEPT [0:0]\nCOMMIT\n", "2:4: error: chain 'u' is not built in"},
	{"*filter\n:INPUT RETURN [0:0]\nCOMMIT\n", "2:8: error: bad policy 'RETURN'"},
	{"*filter\n:INPUT DROP [x]\nCOMMIT\n", "2:13: error: bad counters '[x]'"},
	{"*filter\n:INPUT DROP [1:2]x\nCOMMIT\n", "2:13: error: bad counters"},
	{"*filter\n:INPUT DROP [1:99999999999999999999]\nCOMMIT\n", "2:13: error: bad counters"},
	{"*filter\n:u - [0:0]\n:u - [0:0]\nCOMMIT\n",
	 "3:2: error: chain 'u' exists already (line 2)"},
	{"*filter\n:PREROUTING - [0:0]\nCOMMIT\n",
	 "2:2: error: chain 'PREROUTING': a built-in chain's name"},
	{"*filter\n:LOG - [0:0]\nCOMMIT\n", "2:2: error: chain 'LOG': a target has this name"},
	{"*filter\n:aaaaaaaaaaaaaaaaaaaaaaaaaaaaa - [0:0]\nCOMMIT\n",
	 "2:2: error: chain 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaa': "
	 "a chain's name has at most 28"},
	{"*filter\n-N u\n-N u\nCOMMIT\n", "3:4: error: chain 'u': a chain has this name already"},
	{"*filter\n-N INPUT\nCOMMIT\n", "2:4: error: chain 'INPUT': a chain has this name already"},
	{"*filter\n-N REJECT\nCOMMIT\n", "2:4: error: chain 'REJECT': a target has this name"},
	{"*filter\n-N -x\nCOMMIT\n", "2:4: error: chain '-x': a chain's name must not begin"},
	{"*filter\n-A u -j DROP\nCOMMIT\n", "2:4: error: no chain 'u' in table 'filter'"},
	{"*filter\n-A INPUT -j u\n:u - [0:0]\nCOMMIT\n", "2:10: error: no target and no chain 'u'"},
	{"*filter\n-P u DROP\nCOMMIT\n", "2:4: error: no chain 'u'"},
	{"*filter\n-P INPUT REJECT\nCOMMIT\n", "2:10: error: expected ACCEPT or DROP"},
	{"*filter\n-P INPUT\nCOMMIT\n", "2:1: error: expected CHAIN and POLICY"},
	{"*filter\n-I INPUT 2 -j DROP\nCOMMIT\n", "2:4: error: chain 'INPUT' has 0 rules"},
	{"*filter\n-I INPUT 0 -j DROP\nCOMMIT\n", "2:10: error: not a rule number: '0'"},
	{"*filter\n-X INPUT\nCOMMIT\n", "2:4: error: a built-in chain stays"},
	{"*filter\n-N u\n-A u -j DROP\n-X u\nCOMMIT\n",
	 "4:4: error: the chain to delete has rules"},
	{"*filter\n-N u\n-A INPUT -j u\n-X u\nCOMMIT\n", "4:4: error: a rule still jumps"},
	{"*filter\n-D INPUT 1\nCOMMIT\n", "2:4: error: chain 'INPUT' has 0 rules: number 1"},
	{"*filter\n-D INPUT -j DROP\nCOMMIT\n", "2:4: error: no such rule in chain 'INPUT'"},
	{"*filter\n-A INPUT\n-D INPUT 1 -j DROP\nCOMMIT\n",
	 "3:12: error: a rule's number was given; this cannot follow: '-j'"},
	{"*filter\n-A INPUT -j DROP\n-C INPUT -j ACCEPT\nCOMMIT\n",
	 "3:4: error: no such rule in chain 'INPUT'"},
	{"*filter\n-A INPUT\n-R INPUT -j DROP\nCOMMIT\n", "3:1: error: expected a rule's number"},
	{"*filter\n-A INPUT\n-R INPUT 2 -j DROP\nCOMMIT\n",
	 "3:4: error: chain 'INPUT' has 1 rules: number 2"},
	{"*filter\n-A INPUT\n-R INPUT 1 -s 1.1.1.1,2.2.2.2\nCOMMIT\n",
	 "3:1: error: one rule cannot become several"},
	{"*filter\n-E a b\nCOMMIT\n", "2:4: error: no chain 'a'"},
	{"*filter\n-N a\n-N b\n-E a b\nCOMMIT\n", "4:6: error: chain 'b': a chain has this name"},
	{"*filter\n-E INPUT b\nCOMMIT\n", "2:4: error: a built-in chain keeps its name"},
	{"*filter\n-N a\n-E a\nCOMMIT\n", "3:1: error: expected two chains' names"},
	{"*filter\n-Z INPUT 1\nCOMMIT\n", "2:4: error: chain 'INPUT' has 0 rules"},
	{"*filter\n-N u -j DROP\nCOMMIT\n", "2:6: error: only a rule can have this"},
	{"*filter\n-F -s 1.1.1.1\nCOMMIT\n", "2:4: error: only a rule can have this"},
	{"*filter\n-N u -c 1 2\nCOMMIT\n", "2:6: error: counters cannot go with the command '-N'"},
	{"*filter\n[1:2] -A INPUT -c 3 4\nCOMMIT\n", "2:16: error: counters stand twice"},
	{"*filter\n-A INPUT -c 1 2 -c 3 4\nCOMMIT\n", "2:17: error: counters stand twice"},
	{"*nat\n-P OUTPUT DROP\nCOMMIT\n", "2:11: error: nat is not for filtering"},
	{"*filter\n-j DROP\nCOMMIT\n", "2:1: error: no command in the line"},
	{"*filter\n  # foo\nCOMMIT\n", "2:3: error: an option is expected here, not '#'"},
	{"*filter\n[5:6] [7:8] -A INPUT\nCOMMIT\n",
	 "2:7: error: an option is expected here, not '[7:8]'"},
	{"*filter\n[5:6 -A INPUT\nCOMMIT\n", "2:1: error: bad counters"},
	{"*filter\nCOMMIT x\nCOMMIT\n", "2:1: error: an option is expected here, not 'COMMIT'"},
	// Every error of the text, not only the first.
	{"*filter\n-A INPUT -j nope\n-A INPUT -m ipvs\n-A INPUT -p tcp --dport "
	 "x\nCOMMIT\n",
	 "2:10: error: no target and no chain 'nope'|3:10: error: match 'ipvs' is not "
	 "supported: there is no virtual server here; match the service's address and port|"
	 "4:17: error: 'dport': \"x\" is not a port"},
};

Test(config_save_file, refused)
{
	for (size_t i = 0; i < sizeof(refused_rows) / sizeof(refused_rows[0]); i++) {
		const char *want = refused_rows[i].says;
		char *said, *line;
		struct cfg_policy *p = t_save_in(CFG_IPV4, refused_rows[i].in, &said);

		cr_expect(p == NULL, "accepted: %s", refused_rows[i].in);
		cfg_policy_free(p);
		for (line = strtok(said, "\n"); line != NULL; line = strtok(NULL, "\n")) {
			size_t n = strcspn(want, "|");

			cr_expect(n > 0 && strncmp(line, want, n) == 0, "%s\n said %s\n not  %.*s",
				  refused_rows[i].in, line, (int)n, want);
			want += want[n] == '|' ? n + 1 : n;
		}
		cr_expect(want[0] == '\0', "%s: not said: %s", refused_rows[i].in, want);
		free(said);
	}
}

Test(config_save_file, nul_byte)
{
	static const char text[] = "*filter\n-A IN\0PUT -j DROP\nCOMMIT\n";
	struct cfg_policy *p = NULL;
	struct cfg_err err;

	cfg_err_init(&err, "x");
	cr_expect(eq(int, cfg_policy_from_save(&p, CFG_IPV4, text, sizeof(text) - 1, &err), -22));
	cr_expect(eq(sz, err.n_errors, 1));
	cr_expect(eq(uint, err.msgs[0].pos.line, 2));
	cr_expect(eq(uint, err.msgs[0].pos.column, 6));
	cfg_err_free(&err);
}

// What iptables-restore passes over in silence is told.
Test(config_save_file, rest_ignored)
{
	char *said;
	struct cfg_policy *p = t_save_in(
		CFG_IPV4, "*filter # main\n:INPUT DROP # no\n:OUTPUT DROP [1:2] x y\nCOMMIT\n",
		&said);

	cr_assert(p != NULL);
	cr_expect(strstr(said, "1:9: warning: '#' and what follows") != NULL, "%s", said);
	cr_expect(strstr(said, "2:13: warning: '#' and what follows") != NULL, "%s", said);
	cr_expect(strstr(said, "3:20: warning: 'x' and what follows") != NULL, "%s", said);
	cr_expect(eq(u64, cfg_chain_find(p, CFG_FILTER, "OUTPUT")->packets4, 1));
	free(said);
	cfg_policy_free(p);
}

// iptables-restore's own options; its answers were compared with the real one's.
Test(config_save_file, restore_options)
{
	static const char base[] =
		"*filter\n:INPUT DROP [5:6]\n:FORWARD ACCEPT [0:0]\n"
		":OUTPUT ACCEPT [0:0]\n:u - [0:0]\n:v - [0:0]\n"
		"[1:2] -A INPUT -j u\n[3:4] -A u -j DROP\nCOMMIT\n*raw\nCOMMIT\n";
	static const struct {
		struct cfg_restore how;
		const char *in, *out;
	} rows[] = {
		// Without counters: [p:b] is not even read, -c is.
		{{.no_counters = true},
		 "*filter\n:INPUT DROP [x]\n[a:b] -A INPUT\n[1:2] -A INPUT -c 3 4\nCOMMIT\n",
		 "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
		 "[0:0] -A INPUT\n[3:4] -A INPUT\nCOMMIT\n"},
		// One table; what stands in the others may be anything.
		{{.table = "filter"},
		 "*foo\nwhatever\nCOMMIT\n*filter\n-A INPUT\nCOMMIT\n*nat\n:x\n-A\nCOMMIT\n",
		 "*filter\n" HEADS "[0:0] -A INPUT\nCOMMIT\n"},
		// noflush: a chain with a line of its own begins anew, the rest stays.
		{{.base = base},
		 "*filter\n:u - [0:0]\n:w - [0:0]\n-A w -j u\n-I INPUT -j w\n-X v\nCOMMIT\n",
		 "*filter\n:INPUT DROP [5:6]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
		 ":u - [0:0]\n:w - [0:0]\n[0:0] -A INPUT -j w\n[1:2] -A INPUT -j u\n[0:0] -A w -j "
		 "u\nCOMMIT\n"},
		{{.base = base},
		 "*nat\nCOMMIT\n*nat\n-A OUTPUT\nCOMMIT\n",
		 "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
		 ":POSTROUTING ACCEPT [0:0]\n[0:0] -A OUTPUT\nCOMMIT\n"},
		{{.base = base},
		 "*filter\n-D INPUT -j u\n-F u\n-X\nCOMMIT\n",
		 "*filter\n:INPUT DROP [5:6]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT "
		 "[0:0]\nCOMMIT\n"},
		{{.resolve = true},
		 "*filter\n-A INPUT -s localhost/8 -d 1.2.3.4\nCOMMIT\n",
		 "*filter\n" HEADS "[0:0] -A INPUT -s 127.0.0.0/8 -d 1.2.3.4/32\nCOMMIT\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cfg_policy *p = NULL;
		struct cfg_err err;
		char *got, *said;

		cfg_err_init(&err, NULL);
		cr_expect(eq(int,
			     cfg_policy_restore(&p, CFG_IPV4, &rows[i].how, rows[i].in,
						strlen(rows[i].in), &err),
			     0));
		said = t_messages(&err);
		cr_assert(p != NULL, "%s: %s", rows[i].in, said);
		got = cfg_policy_to_save(p, CFG_IPV4, true);
		cr_expect(eq(str, got, (char *)rows[i].out), "%s", rows[i].in);
		free(got);
		free(said);
		cfg_policy_free(p);
		cfg_err_free(&err);
	}
}

Test(config_save_file, host_unknown)
{
	static const struct cfg_restore how = {.resolve = true};
	static const char text[] = "*filter\n-A INPUT -s no-such-host.invalid\nCOMMIT\n";
	struct cfg_policy *p = NULL;
	struct cfg_err err;

	cfg_err_init(&err, NULL);
	cr_expect(
		eq(int, cfg_policy_restore(&p, CFG_IPV4, &how, text, sizeof(text) - 1, &err), -22));
	cr_assert(eq(sz, err.n_errors, 1));
	cr_expect(strstr(err.msgs[0].text, "'source': host 'no-such-host.invalid': ") != NULL);
	cfg_err_free(&err);
}

// A rule's text alone is what a listing and a reload compare.
Test(config_save_file, one_rule)
{
	char *said, *text;
	struct cfg_policy *p =
		t_save_in(CFG_IPV4, "*filter\n-A INPUT -j DROP\n-A INPUT\nCOMMIT\n", &said);
	struct cfg_chain *c;

	cr_assert(p != NULL);
	c = cfg_chain_find(p, CFG_FILTER, "INPUT");
	text = cfg_rule_to_save(&c->rule[0], CFG_IPV4);
	cr_expect(eq(str, text, "-j DROP"));
	free(text);
	text = cfg_rule_to_save(&c->rule[1], CFG_IPV4);
	cr_expect(eq(str, text, ""));
	free(text);
	free(said);
	cfg_policy_free(p);
}
