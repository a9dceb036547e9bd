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
	{"*security\n-A INPUT\nCOMMIT\n", "1:2: error: table 'security' is not supported"},
	{"*filter x\nCOMMIT\n", "1:1: error: expected a table's name alone"},
	{"*\nCOMMIT\n", "1:1: error: expected a table's name alone"},
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
	{"*filter\n-N u\n-N u\nCOMMIT\n", "3:4: error: chain 'u' exists already"},
	{"*filter\n-N INPUT\nCOMMIT\n", "2:4: error: chain 'INPUT' exists already"},
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
	{"*filter\n-D INPUT 1\nCOMMIT\n", "2:1: error: 'delete' is not supported"},
	{"*filter\n-E a b\nCOMMIT\n", "2:1: error: 'rename-chain' is not supported"},
	{"*filter\n-j DROP\nCOMMIT\n", "2:1: error: no command in the line"},
	{"*filter\n  # foo\nCOMMIT\n", "2:3: error: an option is expected here, not '#'"},
	{"*filter\n[5:6] [7:8] -A INPUT\nCOMMIT\n",
	 "2:7: error: an option is expected here, not '[7:8]'"},
	{"*filter\n[5:6 -A INPUT\nCOMMIT\n", "2:1: error: bad counters"},
	{"*filter\nCOMMIT x\nCOMMIT\n", "2:1: error: an option is expected here, not 'COMMIT'"},
	// Every error of the text, not only the first.
	{"*filter\n-A INPUT -j nope\n-A INPUT -m recent\n-A INPUT -p tcp --dport "
	 "x\nCOMMIT\n",
	 "2:10: error: no target and no chain 'nope'|3:10: error: match 'recent' is not "
	 "supported yet|"
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
