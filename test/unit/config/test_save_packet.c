// The matches that look at a packet's route, its payload and the headers of less common protocols:
// iptables-save text in and out. What is expected here was printed (or refused) by iptables-legacy
// 1.8.9 for the same line.
#include "save_rows.h"

Test(config_save_packet, routes)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-m addrtype --src-type local,unicast",
		 "-m addrtype --src-type UNICAST,LOCAL"},
		{CFG_IPV4, IN, "-m addrtype --dst-type BROADCAST ! --src-type LOC",
		 "-m addrtype ! --src-type LOCAL --dst-type BROADCAST"},
		{CFG_IPV4, IN, "-m addrtype --dst-type UN", "-m addrtype --dst-type UNSPEC"},
		{CFG_IPV4, IN,
		 "-m addrtype --dst-type UNSPEC,UNICAST,LOCAL,BROADCAST,ANYCAST,MULTICAST,"
		 "BLACKHOLE,UNREACHABLE,PROHIBIT,THROW,NAT,XRESOLVE",
		 NULL},
		{CFG_IPV4, IN, "-m addrtype --limit-iface-in ! --src-type LOCAL",
		 "-m addrtype ! --src-type LOCAL --limit-iface-in"},
		{CFG_IPV4, "filter FORWARD", "-m addrtype --src-type LOCAL --limit-iface-out",
		 NULL},
		{CFG_IPV4, "nat POSTROUTING", "-m addrtype --src-type LOCAL --limit-iface-out",
		 NULL},
		{CFG_IPV6, IN,
		 "-m addrtype --src-type UNSPEC,UNICAST,LOCAL,ANYCAST,MULTICAST,UNREACHABLE", NULL},
		{CFG_IPV4, RAW, "-m rpfilter", NULL},
		{CFG_IPV6, "mangle PREROUTING",
		 "-m rpfilter --invert --accept-local --validmark --loose",
		 "-m rpfilter --loose --validmark --accept-local --invert"},
	};

	EXPECT_ROWS(rows);
}

Test(config_save_packet, bad_routes)
{
	static const struct bad rows[] = {
		{CFG_IPV4, IN, "-m addrtype", 10, "needs 'src-type' or 'dst-type'"},
		{CFG_IPV4, IN, "-m addrtype --limit-iface-in", 10, "needs 'src-type'"},
		{CFG_IPV4, IN, "-m addrtype --dst-type FOO", 22, "unknown type"},
		{CFG_IPV4, IN, "-m addrtype --dst-type LOCAL,", 22, "unknown type"},
		{CFG_IPV4, IN, "-m addrtype --dst-type ,LOCAL", 22, "unknown type"},
		{CFG_IPV4, IN, "-m addrtype --src-type LOCAL --limit-iface-out", 10,
		 "cannot stand at INPUT"},
		{CFG_IPV4, "filter OUTPUT", "-m addrtype --src-type LOCAL --limit-iface-in", 11,
		 "cannot stand at OUTPUT"},
		{CFG_IPV4, "filter FORWARD",
		 "-m addrtype --src-type NAT --limit-iface-in --limit-iface-out", 56,
		 "together with 'limit-iface-in'"},
		{CFG_IPV6, IN, "-m addrtype --src-type BROADCAST", 22, "'BROADCAST' is for IPv4"},
		{CFG_IPV6, IN, "-m addrtype --src-type LOCAL,BLACKHOLE", 22, "'BLACKHOLE'"},
		{CFG_IPV4, IN, "-m rpfilter", 10, "cannot stand in table 'filter'"},
		{CFG_IPV4, "raw OUTPUT", "-m rpfilter", 11, "cannot stand at OUTPUT"},
		{CFG_IPV4, RAW, "-m rpfilter ! --loose", 29, "cannot be negated"},
	};

	EXPECT_BAD(rows);
}

// Read and printed, though never run here.
Test(config_save_packet, what_only_a_host_knows)
{
	static const struct row rows[] = {
		{CFG_IPV4, "filter OUTPUT", "-m owner --uid-owner root", "-m owner --uid-owner 0"},
		{CFG_IPV6, "mangle POSTROUTING",
		 "-m owner ! --gid-owner 5:6 --suppl-groups --uid-owner 1000-2000 ! "
		 "--socket-exists",
		 "-m owner ! --socket-exists --uid-owner 1000-2000 ! --gid-owner 5-6 "
		 "--suppl-groups"},
		{CFG_IPV4, "filter OUTPUT", "-m owner --uid-owner 0x10-0x10",
		 "-m owner --uid-owner 16"},
		{CFG_IPV4, IN, "-m cgroup ! --cgroup 0x5", "-m cgroup ! --cgroup 5"},
		{CFG_IPV4, "filter OUTPUT", "-m cgroup --path \"/a/b\"", NULL},
		{CFG_IPV4, IN, "-m socket", NULL},
		{CFG_IPV6, "mangle PREROUTING",
		 "-m socket --restore-skmark --nowildcard --transparent",
		 "-m socket --transparent --nowildcard --restore-skmark"},
		{CFG_IPV4, IN, "-m nfacct --nfacct-name a_b.c", "-m nfacct --nfacct-name  a_b.c"},
		{CFG_IPV4, IN, "-p tcp -m osf ! --genre Linux:3.x --log 0 --ttl 1",
		 "-p tcp -m osf ! --genre Linux:3.x --ttl 1 --log 0"},
		// Another match has keys of the same names.
		{CFG_IPV4, IN, "-p tcp -m osf --genre Linux --ttl 2 -m ttl --ttl-eq 9", NULL},
		{CFG_IPV4, IN, "-m realm --realm 4/0xff", "-m realm --realm 0x4/0xff"},
		{CFG_IPV4, "filter FORWARD", "-m realm ! --realm 4/0xffffffff",
		 "-m realm ! --realm 0x4"},
		{CFG_IPV4, IN, "-m realm --realm 0", "-m realm --realm cosmos"},
		{CFG_IPV4, IN, "-m realm --realm cosmos", NULL},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, "-m owner --uid-owner 0", 10, "cannot stand at INPUT"},
		{CFG_IPV4, "filter OUTPUT", "-m owner", 11, "needs one of its options"},
		{CFG_IPV4, "filter OUTPUT", "-m owner --uid-owner 4294967295", 20, "not a user"},
		{CFG_IPV4, "filter OUTPUT", "-m owner --uid-owner no-such-user", 20, "not a user"},
		{CFG_IPV4, "filter OUTPUT", "-m owner --gid-owner 6-5", 20, "not a group"},
		{CFG_IPV4, "filter OUTPUT", "-m owner --suppl-groups --gid-owner 5", 20,
		 "needs 'gid-owner' before"},
		{CFG_IPV4, IN, "-m cgroup --cgroup 1 --path /", 31, "together with"},
		{CFG_IPV4, IN, "-m cgroup", 10, "needs one of its options"},
		{CFG_IPV4, "filter FORWARD", "-m cgroup --cgroup 1", 12, "cannot stand at FORWARD"},
		{CFG_IPV4, "filter FORWARD", "-m socket", 12, "cannot stand at FORWARD"},
		{CFG_IPV4, IN, "-m nfacct", 10, "needs option 'nfacct-name'"},
		{CFG_IPV4, IN, "-m osf --genre Linux", 10, "needs protocol tcp"},
		{CFG_IPV4, IN, "-p tcp -m osf --genre Linux --ttl 3", 38, "from 0 to 2"},
		{CFG_IPV6, IN, "-p tcp -m osf --genre Linux", 17, "is not for IPv6"},
		{CFG_IPV4, RAW, "-m realm --realm 4", 15, "cannot stand at PREROUTING"},
		{CFG_IPV4, IN, "-m realm --realm nowhere", 19, "not REALM"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

Test(config_save_packet, not_run_here)
{
	static const struct {
		const char *rule, *says;
	} row[] = {
		{"-A OUTPUT -m owner --uid-owner 0", "match 'owner' cannot be run here"},
		{"-A OUTPUT -m cgroup --cgroup 5", "match 'cgroup' cannot be run here"},
		{"-A INPUT -m socket", "match 'socket' cannot be run here"},
		{"-A INPUT -m nfacct --nfacct-name a", "a rule without target"},
		{"-A INPUT -p tcp -m osf --genre Linux", "fingerprints"},
		{"-A INPUT -m realm --realm 1", "no realms"},
		{"-A INPUT -m addrtype --src-type UNREACHABLE --limit-iface-in", NULL},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char *text, *said, *why;
		struct cfg_policy *p;
		struct cfg_err err;

		cr_assert(ge(int, asprintf(&text, "*filter\n%s -j ACCEPT\nCOMMIT\n", row[i].rule),
			     0));
		p = t_save_in(CFG_IPV4, text, &said);
		cr_assert(p != NULL, "%s", said);
		cfg_err_init(&err, NULL);
		cr_expect(eq(int, cfg_policy_able(p, CFG_ERROR, &err), row[i].says ? -22 : 0), "%s",
			  row[i].rule);
		why = t_messages(&err);
		if (row[i].says != NULL)
			cr_expect(strstr(why, row[i].says) != NULL, "%s: %s", row[i].rule, why);
		free(why);
		cfg_err_free(&err);
		cfg_policy_free(p);
		free(text);
		free(said);
	}
}

Test(config_save_packet, payload)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-m string --algo bm --string test",
		 "-m string --string \"test\" --algo bm"},
		{CFG_IPV4, IN, "-m string --algo kmp ! --string test --icase --from 3",
		 "-m string ! --string \"test\" --algo kmp --from 3 --icase"},
		{CFG_IPV4, IN, "-m string --algo bm --string \"te'st\\\\x\"",
		 "-m string --string \"te'st\\\\x\" --algo bm"},
		{CFG_IPV4, IN, "-m string --algo bm --string \"te\\\"st\"",
		 "-m string --string \"te\\\"st\" --algo bm"},
		{CFG_IPV4, IN, "-m string --algo bm --string !foo",
		 "-m string --string \"!foo\" --algo bm"},
		{CFG_IPV4, IN, "-m string --algo bm --string \"\xc3\xa9\"",
		 "-m string --hex-string \"|c3a9|\" --algo bm"},
		{CFG_IPV4, IN, "-m string --algo bm --hex-string \"|0a0D|GET\"",
		 "-m string --hex-string \"|0a0d474554|\" --algo bm"},
		{CFG_IPV4, IN, "-m string --algo bm --hex-string \"a|41|b|42 43|\"",
		 "-m string --string \"aAbBC\" --algo bm"},
		{CFG_IPV4, IN, "-m string --algo bm --hex-string \"|41||42|\"",
		 "-m string --string \"A|42\" --algo bm"},
		{CFG_IPV4, IN, "-m string --algo bm --hex-string \"a\\\\|b\"",
		 "-m string --string \"a|b\" --algo bm"},
		{CFG_IPV4, IN, "-m string --algo bm --hex-string \"a|27 22 5c|\"",
		 "-m string --hex-string \"|6127225c|\" --algo bm"},
		{CFG_IPV6, IN, "-m string --algo bm --string test --from 0 --to 65535",
		 "-m string --string \"test\" --algo bm"},
		{CFG_IPV4, IN, "-m string --algo bm --string test --to 0",
		 "-m string --string \"test\" --algo bm --to 0"},
		{CFG_IPV4, IN, "-m u32 ! --u32 \"0 & 0xFFFF = 0x100:0xFFFF , 9\"",
		 "-m u32 ! --u32 \"0x0&0xffff=0x100:0xffff,0x9\""},
		{CFG_IPV4, IN, "-m u32 --u32 \"6&0xFF=1&&0>>22&0x3C@0>>24=0\"",
		 "-m u32 --u32 \"0x6&0xff=0x1&&0x0>>0x16&0x3c@0x0>>0x18=0x0\""},
		{CFG_IPV6, IN, "-m u32 --u32 \"0<<31=010\"", "-m u32 --u32 \"0x0<<0x1f=0x8\""},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, "-m string --string test", 10, "needs option 'algo'"},
		{CFG_IPV4, IN, "-m string --algo bm", 10, "needs 'string' or 'hex-string'"},
		{CFG_IPV4, IN, "-m string --algo fsm --string a", 20, "unknown algorithm"},
		{CFG_IPV4, IN, "-m string --algo bm --string \"\"", 30, "not 1 to 128 bytes"},
		{CFG_IPV4, IN, "-m string --algo bm --hex-string \"|414|\"", 30, "hexadecimal"},
		{CFG_IPV4, IN, "-m string --algo bm --hex-string \"|41\"", 30, "hexadecimal"},
		{CFG_IPV4, IN, "-m string --algo bm --hex-string \"||\"", 30, "hexadecimal"},
		{CFG_IPV4, IN, "-m string --algo bm --string a --from 20 --to 10", 10,
		 "behind 'to'"},
		{CFG_IPV4, IN, "-m string --algo bm --string a --from 65536", 41,
		 "from 0 to 65535"},
		{CFG_IPV4, IN, "-m u32 --u32 \"0=\"", 17, "expected a number at character 3"},
		{CFG_IPV4, IN, "-m u32 --u32 \"0=0 1=1\"", 17, "at character 5"},
		{CFG_IPV4, IN, "-m u32 --u32 \"0>>32=0\"", 17, "at most 31"},
		{CFG_IPV4, IN, "-m u32 --u32 \"0&1&2&3&4&5&6&7&8&9&10=0\"", 17, "fewer operators"},
		{CFG_IPV4, IN, "-m u32 --u32 \"0=0&&\"", 17, "expected a number"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

Test(config_save_packet, transport_headers)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-p tcp -m tcpmss ! --mss :600", "-p tcp -m tcpmss ! --mss 0:600"},
		{CFG_IPV6, IN, "-p tcp -m tcpmss --mss 0:65535", NULL},
		{CFG_IPV4, IN, "-p sctp --sport 5: ! --dport 80",
		 "-p sctp -m sctp --sport 5:65535 ! --dport 80"},
		{CFG_IPV4, IN, "-p sctp -m sctp ! --chunk-types ANY data,init,data:b",
		 "-p sctp -m sctp ! --chunk-types any DATA:b,INIT"},
		{CFG_IPV4, IN, "-p sctp -m sctp --chunk-types all DATA:BEUIbeui",
		 "-p sctp -m sctp --chunk-types all DATA:IUBE"},
		{CFG_IPV4, IN, "-p sctp -m sctp --chunk-types only none",
		 "-p sctp -m sctp --chunk-types only NONE"},
		{CFG_IPV4, IN, "-p sctp -m sctp --chunk-types all I_DATA:B,ABORT:t,",
		 "-p sctp -m sctp --chunk-types all ABORT:t,I_DATA"},
		{CFG_IPV4, IN, "-p esp ! --espspi 5:9", "-p esp -m esp ! --espspi 5:9"},
		{CFG_IPV4, IN, "-p 51 -m ah --ahspi 5:0x3", "-p ah -m ah --ahspi 5:3"},
		{CFG_IPV6, IN, "-m ah ! --ahlen 12 --ahres ! --ahspi 1",
		 "-m ah ! --ahspi 1 ! --ahlen 12 --ahres"},
		{CFG_IPV4, "filter FORWARD", "-m physdev ! --physdev-is-bridged --physdev-out eth0",
		 "-m physdev --physdev-out eth0 ! --physdev-is-bridged"},
		{CFG_IPV4, "filter OUTPUT", "-m physdev --physdev-is-bridged --physdev-out eth0",
		 "-m physdev --physdev-out eth0 --physdev-is-bridged"},
		{CFG_IPV4, IN, "-m physdev --physdev-in + --physdev-is-in",
		 "-m physdev --physdev-is-in --physdev-in +"},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, "-p tcp -m tcpmss --mss 600:500", 27, "runs backwards"},
		{CFG_IPV4, IN, "-m tcpmss --mss 5", 10, "needs protocol tcp"},
		{CFG_IPV4, IN, "-p sctp --sport 9:5", 18, "runs backwards"},
		{CFG_IPV4, IN, "-p sctp -m sctp --chunk-types foo DATA", 26, "any, all or only"},
		{CFG_IPV4, IN, "-p sctp -m sctp --chunk-types all PAD:B", 26,
		 "list of chunk types"},
		{CFG_IPV4, IN, "-m esp --espspi 4", 10, "needs protocol esp"},
		{CFG_IPV4, IN, "-m ah", 10, "needs protocol ah"},
		{CFG_IPV4, IN, "-p ah -m ah --ahlen 5", 22, "is for IPv6"},
		{CFG_IPV4, "filter OUTPUT", "-m physdev --physdev-out eth0", 11,
		 "cannot stand at OUTPUT"},
		{CFG_IPV4, IN, "-m physdev", 10, "needs one of its options"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

Test(config_save_packet, rare)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-p 33 -m dccp", "-p dccp -m dccp"},
		{CFG_IPV6, IN, "-p dccp --sport 5:3 ! --dport 0:65535",
		 "-p dccp -m dccp --sport 5:3 ! --dport 0:65535"},
		{CFG_IPV4, IN,
		 "-p dccp -m dccp --dccp-option 0x10 ! --dccp-types request,,INVALID,",
		 "-p dccp -m dccp ! --dccp-types REQUEST,INVALID --dccp-option 16"},
		{CFG_IPV4, IN, "-p 108 -m ipcomp", "-p ipcomp -m ipcomp --ipcompspi 0"},
		{CFG_IPV4, IN, "-p ipcomp -m ipcomp ! --ipcompspi 0:4294967295 --compres",
		 "-p ipcomp -m ipcomp --compres"},
		{CFG_IPV6, IN, "-p ipcomp -m ipcomp --ipcompspi :5",
		 "-p ipcomp -m ipcomp --ipcompspi 0:5"},
		{CFG_IPV4, "filter FORWARD", "-m devgroup ! --dst-group 2/0xf --src-group 010",
		 "-m devgroup --src-group 0x8 ! --dst-group 0x2/0xf"},
		{CFG_IPV4, IN, "-m devgroup ! --src-group 0", "-m devgroup ! --src-group default"},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, "-m dccp", 10, "dccp"},
		{CFG_IPV4, IN, "-p dccp -m dccp --dccp-types ALL", 26, "not a list"},
		{CFG_IPV4, IN, "-p dccp -m dccp --dccp-option 0", 26, "not a number"},
		{CFG_IPV4, IN, "-p tcp -m ipcomp", 17, "ipcomp"},
		{CFG_IPV4, IN, "-p ipcomp -m ipcomp --ipcompspi 4294967296", 30, "not a number"},
		{CFG_IPV4, IN, "-m devgroup", 10, "devgroup"},
		{CFG_IPV4, IN, "-m devgroup --src-group foo", 22, "not a group"},
		{CFG_IPV4, IN, "-m devgroup --src-group 1/", 22, "not a group"},
		{CFG_IPV4, IN, "-m devgroup --dst-group 1", 10, "cannot stand at INPUT"},
		{CFG_IPV4, "filter OUTPUT", "-m devgroup --src-group 1", 11,
		 "cannot stand at OUTPUT"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

// As iptables-legacy 1.8.9 and the kernel took or refused them.
Test(config_save_packet, bpf)
{
#define BPF(text) "-m bpf --bytecode \"" text "\""
	static const struct row rows[] = {
		{CFG_IPV4, IN, BPF("4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0"), NULL},
		{CFG_IPV4, IN, BPF("1,6 0 0 -1,"), BPF("1,6 0 0 4294967295")},
		{CFG_IPV6, IN, BPF(" +65537,  65542 256 300 4294967296 junk"), BPF("1,6 0 44 0")},
		{CFG_IPV6, IN, BPF("1,6 0 0 0x10"), BPF("1,6 0 0 0")},
		{CFG_IPV4, IN, BPF("1,6 0 0 99999999999999999999999"), BPF("1,6 0 0 4294967295")},
		{CFG_IPV4, IN, BPF("1,22 0 0 0"), NULL},
		{CFG_IPV4, IN, BPF("3,2 0 0 3,96 0 0 3,6 0 0 1"), NULL},
		{CFG_IPV4, IN, BPF("3,5 0 0 1,96 0 0 3,6 0 0 1"), NULL},
		{CFG_IPV4, IN, BPF("2,48 0 0 4294963200,6 0 0 1"), NULL},
		{CFG_IPV4, IN, BPF("2,177 0 0 4294963201,6 0 0 1"), NULL},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, "-m bpf", 10, "needs option 'bytecode'"},
		{CFG_IPV4, IN, "-m bpf ! --bytecode \"1,6 0 0 1\"", 19, "cannot be negated"},
		{CFG_IPV4, IN, "-m bpf --object-pinned /a", 17, "give the same in classic BPF"},
		{CFG_IPV4, IN, BPF("1,6 0 0 1,6 0 0 0"), 17, "more instructions than it says"},
		{CFG_IPV4, IN, BPF("2,6 0 0 1"), 17, "fewer instructions than it says"},
		{CFG_IPV4, IN, BPF("0,"), 17, "not 1 to 64 instructions"},
		{CFG_IPV4, IN, BPF("65,6 0 0 1"), 17, "not 1 to 64 instructions"},
		{CFG_IPV4, IN, BPF("1"), 17, "does not begin with the number"},
		{CFG_IPV4, IN, BPF("1;6 0 0 1"), 17, "does not begin with the number"},
		{CFG_IPV4, IN, BPF("1,6 0 0"), 17, "not CODE JT JF K (instruction 0)"},
		{CFG_IPV4, IN, BPF("1,14 0 0 0"), 10, "instruction 0 is none of classic BPF's"},
		{CFG_IPV4, IN, BPF("2,140 0 0 0,6 0 0 1"), 10, "none of classic BPF's"},
		{CFG_IPV4, IN, BPF("2,13 0 0 0,6 0 0 1"), 10, "none of classic BPF's"},
		{CFG_IPV4, IN, BPF("2,180 0 0 3,6 0 0 1"), 10, "none of classic BPF's"},
		{CFG_IPV4, IN, BPF("1,0 0 0 0"), 10, "instruction 0 is the last one and no RET"},
		{CFG_IPV4, IN, BPF("2,52 0 0 0,6 0 0 1"), 10, "divides by zero"},
		{CFG_IPV4, IN, BPF("2,100 0 0 32,6 0 0 1"), 10, "more than 31 bits"},
		{CFG_IPV4, IN, BPF("2,5 0 0 1,6 0 0 1"), 10, "jumps past the end"},
		{CFG_IPV4, IN, BPF("2,21 0 1 0,6 0 0 1"), 10, "jumps past the end"},
		{CFG_IPV4, IN, BPF("2,96 0 0 16,6 0 0 1"), 10, "there is not (0 to 15)"},
		{CFG_IPV4, IN, BPF("2,96 0 0 3,6 0 0 1"), 10, "instruction 0 reads a word"},
		{CFG_IPV4, IN, BPF("4,21 1 0 1,2 0 0 3,96 0 0 3,6 0 0 1"), 10,
		 "instruction 2 reads a word"},
		{CFG_IPV4, IN, BPF("2,32 0 0 4294963264,6 0 0 1"), 10, "there is not"},
		{CFG_IPV4, IN, BPF("2,40 0 0 4294963202,6 0 0 1"), 10, "there is not"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

Test(config_save_packet, cluster)
{
#define C     "-m cluster "
#define NODES "--cluster-total-nodes "
	static const struct row rows[] = {
		{CFG_IPV4, IN, C NODES "2 --cluster-local-node 1 --cluster-hash-seed 0xdeadbeef",
		 C "--cluster-local-nodemask 0x00000001 " NODES "2 --cluster-hash-seed 0xdeadbeef"},
		{CFG_IPV6, IN, C NODES "32 ! --cluster-local-node 32 --cluster-hash-seed 010",
		 C "! --cluster-local-nodemask 0x80000000 " NODES
		   "32 --cluster-hash-seed 0x00000008"},
		{CFG_IPV4, IN, C "--cluster-local-nodemask 5 --cluster-hash-seed 1 " NODES "3",
		 C "--cluster-local-nodemask 0x00000005 " NODES "3 --cluster-hash-seed 0x00000001"},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, C NODES "3 --cluster-local-node 1", 10, "'cluster-hash-seed'"},
		{CFG_IPV4, IN, C NODES "33 --cluster-local-node 1", 21, "from 1 to 32"},
		{CFG_IPV4, IN, C "! " NODES "3 --cluster-local-node 1", 23, "cannot be negated"},
		{CFG_IPV4, IN, C NODES "2 --cluster-local-node 0 --cluster-hash-seed 1", 45,
		 "from 1 to 32"},
		{CFG_IPV4, IN, C NODES "2 --cluster-local-nodemask 4 --cluster-hash-seed 1", 10,
		 "no such node"},
		{CFG_IPV4, IN, C NODES "2 --cluster-local-node 3 --cluster-hash-seed 1", 10,
		 "no such node"},
		{CFG_IPV4, IN,
		 C NODES
		 "3 --cluster-local-node 1 --cluster-local-nodemask 1 --cluster-hash-seed 1",
		 68, "only once"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

Test(config_save_packet, policy)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-m policy --dir in", "-m policy --dir in --pol ipsec"},
		{CFG_IPV4, IN, "-m policy --dir in --pol none --reqid 1",
		 "-m policy --dir in --pol none"},
		{CFG_IPV6, "filter FORWARD",
		 "-m policy --strict --dir out ! --proto 50 --spi 16 --mode transport",
		 "-m policy --dir out --pol ipsec --strict --spi 0x10 ! --proto esp --mode "
		 "transport"},
		{CFG_IPV4, IN,
		 "-m policy --dir in --reqid 1 --next --pol ipsec --strict ! --proto esp --next "
		 "--tunnel-dst 10.1.2.3/8 --mode tunnel ! --tunnel-src 1.2.3.4/32",
		 "-m policy --dir in --pol ipsec --strict --reqid 1 --next ! --proto esp --next "
		 "--mode tunnel --tunnel-dst 10.1.2.3/8 ! --tunnel-src 1.2.3.4"},
		{CFG_IPV6, IN, "-m policy --dir in ! --mode transport --tunnel-src 2001:db8::1/32",
		 "-m policy --dir in --pol ipsec ! --mode transport --tunnel-src 2001:db8::1/32"},
		{CFG_IPV4, IN, "-m policy --dir in --pol none --tunnel-src 1.2.3.4",
		 "-m policy --dir in --pol none"},
		{CFG_IPV4, IN,
		 "-m policy --dir in --pol ipsec --strict --reqid 1 --next --reqid 2 --next "
		 "--reqid 3 --next --reqid 4",
		 NULL},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, "-m policy --dir in --reqid 1 --next --reqid 2", 10,
		 "needs 'strict'"},
		{CFG_IPV4, IN, "-m policy --dir in --strict --reqid 1 --next", 10, "needs one of"},
		{CFG_IPV4, IN, "-m policy --dir in --strict --reqid 1 ! --next --reqid 2", 50,
		 "cannot be negated"},
		{CFG_IPV4, IN, "-m policy --dir in --strict --next --reqid 2", 10, "needs one of"},
		{CFG_IPV4, IN, "-m policy --dir in --strict --reqid 1 --next --reqid 2 --reqid 3",
		 65, "only once"},
		{CFG_IPV4, IN, "-m policy --dir in --tunnel-src 1.2.3.4", 10, "need 'mode' tunnel"},
		{CFG_IPV4, IN, "-m policy --dir in ! --mode tunnel --tunnel-src 1.2.3.4", 10,
		 "need 'mode' tunnel"},
		{CFG_IPV4, IN, "-m policy --dir in --mode tunnel --tunnel-src 2001:db8::1", 43,
		 "tunnel-src"},
		{CFG_IPV4, IN,
		 "-m policy --dir in --strict --reqid 1 --next --reqid 2 --next --reqid 3 --next "
		 "--reqid 4 --next --reqid 5",
		 99, "more than 4 elements"},
		{CFG_IPV4, IN, "-m policy --pol none", 10, "needs option 'dir'"},
		{CFG_IPV4, IN, "-m policy --dir out --pol none", 10, "cannot stand at INPUT"},
		{CFG_IPV4, IN, "-m policy --dir in --pol ipsec --strict", 10, "needs one of reqid"},
		{CFG_IPV4, IN, "-m policy --dir in --pol none --strict", 10, "cannot go with"},
		{CFG_IPV4, IN, "-m policy --dir in --pol ipsec --proto tcp", 41,
		 "not ah, esp or ipcomp"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}
