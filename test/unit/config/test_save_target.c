// Targets after which the walk goes on: iptables-save text in and out. What is expected here was
// printed (or refused) by iptables-legacy 1.8.9 for the same line.
#include "save_rows.h"

#include <stdio.h>
#include <string.h>

Test(config_save_target, tell)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-j LOG", NULL},
		{CFG_IPV4, IN, "-j LOG --log-prefix plain --log-level warning",
		 "-j LOG --log-prefix plain"},
		{CFG_IPV4, IN, "-j LOG --log-prefix \"pl:ain\"", NULL},
		{CFG_IPV4, IN, "-j LOG --log-prefix \"a\\\"b\\\\c'd\"",
		 "-j LOG --log-prefix \"a\\\"b\\\\c\\'d\""},
		{CFG_IPV4, IN, "-j LOG --log-prefix \"123456789012345678901234567890\"",
		 "-j LOG --log-prefix 12345678901234567890123456789"},
		// 1.8.9 cuts the last character in the middle.
		{CFG_IPV4, IN, "-j LOG --log-prefix \"1234567890123456789012345678é\"",
		 "-j LOG --log-prefix 1234567890123456789012345678"},
		{CFG_IPV6, "mangle uu", "-j LOG --log-prefix \"äöü \" --log-level 4",
		 "-j LOG --log-prefix \"äöü \""},
		{CFG_IPV4, IN, "-j LOG --log-level emerg", "-j LOG --log-level 0"},
		{CFG_IPV4, IN, "-j LOG --log-level panic", "-j LOG --log-level 0"},
		{CFG_IPV4, IN, "-j LOG --log-level error", "-j LOG --log-level 3"},
		{CFG_IPV4, IN, "-j LOG --log-level 0x7", "-j LOG --log-level 7"},
		{CFG_IPV6, "nat POSTROUTING",
		 "-j LOG --log-macdecode --log-uid --log-ip-options --log-tcp-options "
		 "--log-tcp-sequence --log-level 6 --log-prefix x",
		 "-j LOG --log-prefix x --log-level 6 --log-tcp-sequence --log-tcp-options "
		 "--log-ip-options --log-uid --log-macdecode"},
		{CFG_IPV4, IN, "-j NFLOG", NULL},
		{CFG_IPV4, IN, "-j NFLOG --nflog-group 0 --nflog-threshold 0 --nflog-range 0",
		 "-j NFLOG"},
		{CFG_IPV4, IN, "-j NFLOG --nflog-size 0", NULL},
		{CFG_IPV4, IN, "-j NFLOG --nflog-range 4294967295", NULL},
		{CFG_IPV6, IN,
		 "-j NFLOG --nflog-threshold 20 --nflog-size 0x5 --nflog-group 7 --nflog-prefix "
		 "\"a b\"",
		 "-j NFLOG --nflog-prefix \"a b\" --nflog-group 7 --nflog-size 5 --nflog-threshold "
		 "20"},
		{CFG_IPV4, IN, "-s 1.1.1.1,2.2.2.2 -j NFLOG --nflog-prefix twice",
		 "-s 1.1.1.1/32 -j NFLOG --nflog-prefix twice|-s 2.2.2.2/32 -j NFLOG "
		 "--nflog-prefix twice"},
		{CFG_IPV4, "nat PREROUTING", "-j AUDIT --type REJECT", "-j AUDIT --type reject"},
		{CFG_IPV6, "raw OUTPUT", "-j TRACE", NULL},
	};

	EXPECT_ROWS(rows);
}

Test(config_save_target, bad_tell)
{
	static const struct bad rows[] = {
		{CFG_IPV4, IN, "-j LOG --log-prefix \"\"", 17, "at least one character"},
		{CFG_IPV4, IN, "-j LOG --log-prefix \"a\001\"", 17, "without control characters"},
		{CFG_IPV4, IN, "-j LOG --log-prefix \"\xff\"", 17, "one line of UTF-8"},
		{CFG_IPV4, IN, "-j LOG ! --log-prefix x", 19, "cannot be negated"},
		{CFG_IPV4, IN, "-j LOG --log-level 8", 17, "0 to 7"},
		{CFG_IPV4, IN, "-j LOG --log-level DEBUG", 17, "unknown level \"DEBUG\""},
		{CFG_IPV4, IN, "-j LOG --log-level warn", 17, "unknown level"},
		{CFG_IPV4, IN, "-j LOG --log-uid --log-uid", 27, "only once"},
		{CFG_IPV4, IN, "-j NFLOG --nflog-group 65536", 19, "0 to 65535"},
		{CFG_IPV4, IN, "-j NFLOG --nflog-range 4294967296", 19, "0 to 4294967295"},
		{CFG_IPV4, IN, "-j NFLOG --nflog-size 1 --nflog-range 1", 34, "together with"},
		{CFG_IPV4, IN, "-j NFLOG --nflog-prefix \"\"", 19, "at least one character"},
		{CFG_IPV4, IN, "-j AUDIT", 10, "needs option 'type'"},
		{CFG_IPV4, IN, "-j AUDIT --type acc", 19, "accept, drop, reject"},
		{CFG_IPV4, IN, "-j TRACE", 10, "table"},
	};

	EXPECT_BAD(rows);
}

// Not iptables' own: RFC 4787's behaviours.
Test(config_save_target, mapping_and_filtering)
{
	static const struct row rows[] = {
		{CFG_IPV4, "nat POSTROUTING", "-j MASQUERADE --mapping endpoint-independent", NULL},
		{CFG_IPV6, "nat POSTROUTING",
		 "-j MASQUERADE --filtering address-dependent --mapping endpoint-independent",
		 "-j MASQUERADE --mapping endpoint-independent --filtering address-dependent"},
		{CFG_IPV4, "nat POSTROUTING",
		 "-j SNAT --to-source 192.0.2.1-192.0.2.9 --mapping endpoint-independent "
		 "--filtering "
		 "endpoint-independent",
		 NULL},
		{CFG_IPV4, "nat INPUT",
		 "-j SNAT --to-source 192.0.2.1 --mapping address-and-port-dependent --filtering "
		 "address-and-port-dependent",
		 NULL},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, "nat POSTROUTING", "-j MASQUERADE --mapping address-dependent", 30,
		 "is not one of endpoint-independent or address-and-port-dependent"},
		{CFG_IPV4, "nat POSTROUTING", "-j MASQUERADE --filtering all", 30, "is not one of"},
		{CFG_IPV4, "nat POSTROUTING", "-j MASQUERADE --filtering endpoint-independent", 16,
		 "needs 'mapping: endpoint-independent'"},
		{CFG_IPV4, "nat PREROUTING", "-j REDIRECT --mapping endpoint-independent", 27,
		 "mapping"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

// Nor these: RFC 6888's and RFC 7422's.
Test(config_save_target, blocks_and_deterministic)
{
	static const struct row rows[] = {
		{CFG_IPV4, "nat POSTROUTING", "-j MASQUERADE --port-block-size 512", NULL},
		{CFG_IPV6, "nat POSTROUTING",
		 "-j SNAT --to-source 2001:db8::1 --port-block-size 64 --port-block-limit 16 "
		 "--port-block-hold 0",
		 NULL},
		{CFG_IPV4, "nat POSTROUTING",
		 "-s 100.64.0.0/24 -j SNAT --to-source 192.0.2.1-192.0.2.4 --deterministic", NULL},
		{CFG_IPV4, "nat POSTROUTING",
		 "-s 100.64.0.0/23 -p udp -j SNAT --to-source 192.0.2.1:1024-65535 --deterministic",
		 NULL},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, "nat POSTROUTING", "-j MASQUERADE --port-block-size 500", 30,
		 "no power of two"},
		{CFG_IPV4, "nat POSTROUTING", "-j MASQUERADE --port-block-size 8192", 30,
		 "64 to 4096"},
		{CFG_IPV4, "nat POSTROUTING", "-j MASQUERADE --port-block-limit 4", 16,
		 "needs 'port-block-size'"},
		{CFG_IPV4, "nat POSTROUTING", "-j MASQUERADE --deterministic", 30, "deterministic"},
		{CFG_IPV4, "nat POSTROUTING",
		 "-p udp -j SNAT --to-source 192.0.2.1:5000-5400 --port-block-size 512", 23,
		 "no block of 512 ports fits into 5000-5400"},
		{CFG_IPV4, "nat POSTROUTING", "-j SNAT --to-source 192.0.2.1 --deterministic", 16,
		 "needs addresses in 'to-source', and 'source'"},
		{CFG_IPV4, "nat POSTROUTING",
		 "-s 100.64.0.0/16 -j SNAT --to-source 192.0.2.1 --deterministic", 33,
		 "65536 inside addresses on 1 outside ones"},
		{CFG_IPV4, "nat POSTROUTING",
		 "-s 10.0.0.0/8 -j SNAT --to-source 192.0.2.1 --deterministic", 30,
		 "prefix of at most"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

// A port that is promised to one inside address is no other rule's.
Test(config_save_target, promised_ports)
{
	static const struct {
		const char *rules;
		bool good;
	} row[] = {
		{"-A POSTROUTING -s 10.1.0.0/24 -j SNAT --to-source 192.0.2.1 --port-block-size "
		 "64\n"
		 "-A POSTROUTING -s 10.2.0.0/24 -j SNAT --to-source 192.0.2.1 --port-block-size "
		 "512\n",
		 true},
		{"-A POSTROUTING -s 10.1.0.0/24 -j SNAT --to-source 192.0.2.1 --port-block-size "
		 "64\n"
		 "-A POSTROUTING -j SNAT --to-source 192.0.2.1\n",
		 false},
		{"-A POSTROUTING -s 10.1.0.0/25 -j SNAT --to-source 192.0.2.1 --deterministic\n"
		 "-A POSTROUTING -s 10.2.0.0/25 -j SNAT --to-source 192.0.2.1 --deterministic\n",
		 false},
		{"-A POSTROUTING -s 10.1.0.0/25 -p udp -j SNAT --to-source 192.0.2.1 "
		 "--deterministic\n"
		 "-A POSTROUTING -s 10.1.0.0/25 -p tcp -j SNAT --to-source 192.0.2.1 "
		 "--deterministic\n",
		 true},
		{"-A POSTROUTING -s 10.1.0.0/25 -j SNAT --to-source 192.0.2.1 --deterministic\n"
		 "-A POSTROUTING -s 10.2.0.0/25 -j SNAT --to-source 192.0.2.2 --deterministic\n",
		 true},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct cfg_policy *p = NULL;
		struct cfg_err err;
		char text[512];
		bool good;

		snprintf(text, sizeof(text), "*nat\n%sCOMMIT\n", row[i].rules);
		cfg_err_init(&err, "t");
		good = cfg_policy_from_save(&p, CFG_IPV4, text, strlen(text), &err) == 0;
		cr_expect(eq(int, good, row[i].good), "row %zu", i);
		cfg_policy_free(p);
		cfg_err_free(&err);
	}
}

Test(config_save_target, checksum_classify_netmap)
{
	static const struct row rows[] = {
		{CFG_IPV4, "mangle PREROUTING", "-j CHECKSUM --checksum-fill", NULL},
		{CFG_IPV6, "mangle INPUT", "-j CHECKSUM --checksum-fill", NULL},
		{CFG_IPV4, "mangle POSTROUTING", "-j CLASSIFY --set-class 0:0",
		 "-j CLASSIFY --set-class 0000:0000"},
		{CFG_IPV4, "mangle OUTPUT", "-j CLASSIFY --set-class 0x1:2x",
		 "-j CLASSIFY --set-class 0001:0002"},
		{CFG_IPV6, "filter FORWARD", "-j CLASSIFY --set-class 12345678:ffff",
		 "-j CLASSIFY --set-class 5678:ffff"},
		{CFG_IPV4, "nat PREROUTING", "-j NETMAP --to 1.2.3.4", "-j NETMAP --to 1.2.3.4/32"},
		{CFG_IPV4, "nat INPUT", "-j NETMAP --to 1.2.3.4/24", "-j NETMAP --to 1.2.3.0/24"},
		{CFG_IPV4, "nat OUTPUT", "-j NETMAP --to 1.2.3.0/255.255.255.0",
		 "-j NETMAP --to 1.2.3.0/24"},
		{CFG_IPV4, "nat PREROUTING", "-j NETMAP --to 0.0.0.0/0", NULL},
		{CFG_IPV6, "nat POSTROUTING", "-j NETMAP --to dead::1/64",
		 "-j NETMAP --to dead::/64"},
		{CFG_IPV6, "nat PREROUTING", "-j NETMAP --to dead::beef",
		 "-j NETMAP --to dead::beef/128"},
		{CFG_IPV6, "nat PREROUTING", "-j NETMAP --to ::/0", NULL},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, "mangle FORWARD", "-j CHECKSUM", 12, "needs option 'checksum-fill'"},
		{CFG_IPV4, IN, "-j CHECKSUM --checksum-fill", 10, "CHECKSUM"},
		{CFG_IPV4, "mangle INPUT", "-j CLASSIFY --set-class 1:1", 10, "INPUT"},
		{CFG_IPV4, "mangle FORWARD", "-j CLASSIFY", 12, "needs option 'set-class'"},
		{CFG_IPV4, "mangle FORWARD", "-j CLASSIFY --set-class 1:", 24, "not a class"},
		{CFG_IPV4, "mangle FORWARD", "-j CLASSIFY --set-class :1", 24, "not a class"},
		{CFG_IPV4, "nat PREROUTING", "-j NETMAP", 15, "needs option 'to'"},
		{CFG_IPV4, "nat PREROUTING", "-j NETMAP --to 1.2.3.4/255.0.255.0", 25, "has gaps"},
		{CFG_IPV4, "nat PREROUTING", "-j NETMAP --to dead::", 25, "dead::"},
		{CFG_IPV6, "nat PREROUTING", "-j NETMAP --to dead::/129", 25, "dead::/129"},
		{CFG_IPV4, "mangle PREROUTING", "-j NETMAP --to 1.2.3.4", 15, "NETMAP"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

Test(config_save_target, nfqueue_synproxy)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-j NFQUEUE", "-j NFQUEUE --queue-num 0"},
		{CFG_IPV6, "raw PREROUTING", "-j NFQUEUE --queue-num 65535", NULL},
		{CFG_IPV4, IN, "-j NFQUEUE --queue-bypass",
		 "-j NFQUEUE --queue-num 0 --queue-bypass"},
		{CFG_IPV4, IN, "-j NFQUEUE --queue-cpu-fanout --queue-bypass --queue-balance 1:3",
		 "-j NFQUEUE --queue-balance 1:3 --queue-bypass --queue-cpu-fanout"},
		{CFG_IPV4, IN, "-j NFQUEUE --queue-balance 1:65535", NULL},
		{CFG_IPV4, IN, "-p tcp -j SYNPROXY", NULL},
		{CFG_IPV6, "filter FORWARD",
		 "-p tcp -j SYNPROXY --mss 1460 --wscale 7 --timestamp --sack-perm --ecn",
		 "-p tcp -j SYNPROXY --sack-perm --timestamp --wscale 7 --mss 1460 --ecn"},
		{CFG_IPV4, "mangle INPUT", "-p tcp -j SYNPROXY --wscale 0 --mss 0", NULL},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, "-j NFQUEUE --queue-num 65536", 21, "from 0 to 65535"},
		{CFG_IPV4, IN, "-j NFQUEUE --queue-balance 3:3", 21, "FIRST:LAST"},
		{CFG_IPV4, IN, "-j NFQUEUE --queue-balance 1", 21, "FIRST:LAST"},
		{CFG_IPV4, IN, "-j NFQUEUE --queue-balance 0:65535", 21, "FIRST:LAST"},
		{CFG_IPV4, IN, "-j NFQUEUE --queue-cpu-fanout", 10, "needs 'queue-balance'"},
		{CFG_IPV4, IN, "-j SYNPROXY", 10, "needs protocol tcp"},
		{CFG_IPV4, IN, "! -p tcp -j SYNPROXY", 19, "needs protocol tcp"},
		{CFG_IPV4, "filter OUTPUT", "-p tcp -j SYNPROXY", 18, "OUTPUT"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

#define PRE "mangle PREROUTING"
#define FWD "mangle FORWARD"
#define SYN "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN "

Test(config_save_target, change)
{
	static const struct row rows[] = {
		{CFG_IPV4, PRE, "-j TTL --ttl-set 0", NULL},
		{CFG_IPV4, PRE, "-j TTL --ttl-inc 0x10", "-j TTL --ttl-inc 16"},
		{CFG_IPV6, "mangle uu", "-j HL --hl-dec 255", NULL},
		{CFG_IPV4, PRE, "-j TOS --set-tos 1", "-j TOS --set-tos 0x01/0xff"},
		{CFG_IPV4, PRE, "-j TOS --set-tos minimize-cost", "-j TOS --set-tos 0x02/0x3f"},
		{CFG_IPV4, PRE, "-j TOS --and-tos 0x12", "-j TOS --set-tos 0x00/0xed"},
		{CFG_IPV6, PRE, "-j TOS --or-tos 0x12", "-j TOS --set-tos 0x12/0x12"},
		{CFG_IPV6, PRE, "-j TOS --xor-tos 0x12", "-j TOS --set-tos 0x12/0x00"},
		{CFG_IPV4, PRE, "-j DSCP --set-dscp 0", "-j DSCP --set-dscp 0x00"},
		{CFG_IPV6, PRE, "-j DSCP --set-dscp-class af11", "-j DSCP --set-dscp 0x0a"},
		{CFG_IPV4, PRE, "-j ECN --ecn-ip-ect 2", NULL},
		{CFG_IPV4, PRE, "-p tcp -j ECN --ecn-tcp-remove", NULL},
		{CFG_IPV4, PRE, "-p tcp -j ECN --ecn-tcp-cwr 0 --ecn-tcp-ece 0",
		 "-p tcp -j ECN --ecn-tcp-remove"},
		{CFG_IPV4, PRE, "-p tcp -j ECN --ecn-tcp-cwr 1", NULL},
		{CFG_IPV4, PRE, "-p tcp -j ECN --ecn-tcp-remove --ecn-ip-ect 1",
		 "-p tcp -j ECN --ecn-tcp-ece 0 --ecn-tcp-cwr 0 --ecn-ip-ect 1"},
		{CFG_IPV4, FWD, SYN "-j TCPMSS --set-mss 65515", NULL},
		{CFG_IPV6, "filter FORWARD", SYN "-j TCPMSS --set-mss 0", NULL},
		{CFG_IPV4, "raw PREROUTING", SYN "-j TCPMSS --set-mss 5", NULL},
		{CFG_IPV4, "mangle POSTROUTING",
		 "-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu", NULL},
		{CFG_IPV4, FWD, SYN "-j TCPMSS --clamp-mss-to-pmtu --set-mss 1",
		 SYN "-j TCPMSS --set-mss 1"},
		{CFG_IPV4, FWD, SYN "-j TCPMSS --set-mss 1 --clamp-mss-to-pmtu",
		 SYN "-j TCPMSS --clamp-mss-to-pmtu"},
		{CFG_IPV4, FWD, "-p tcp -j TCPOPTSTRIP", NULL},
		{CFG_IPV6, FWD, "-p tcp -j TCPOPTSTRIP --strip-options md5,mss,0xff,wscale",
		 "-p tcp -j TCPOPTSTRIP --strip-options 2,3,19,255"},
	};

	EXPECT_ROWS(rows);
}

Test(config_save_target, bad_change)
{
	static const struct bad rows[] = {
		{CFG_IPV4, PRE, "-j TTL", 15, "needs one of its options"},
		{CFG_IPV4, PRE, "-j TTL --ttl-inc 0", 22, "from 1 to 255"},
		{CFG_IPV4, PRE, "-j TTL --ttl-dec 1 --ttl-inc 1", 34, "together with"},
		{CFG_IPV4, IN, "-j TTL --ttl-set 1", 10, "table"},
		{CFG_IPV4, PRE, "-j HL --hl-set 1", 15, "IPv4"},
		{CFG_IPV4, PRE, "-j TOS --set-tos 256", 22, "0 to 255"},
		{CFG_IPV4, PRE, "-j TOS --xor-tos 1 --or-tos 1", 34, "cannot stand"},
		{CFG_IPV4, PRE, "-j DSCP --set-dscp 64", 23, "from 0 to 63"},
		{CFG_IPV4, PRE, "-j DSCP --set-dscp-class LE", 23, "unknown class"},
		{CFG_IPV4, PRE, "-j ECN --ecn-tcp-remove", 15, "need protocol tcp"},
		{CFG_IPV4, PRE, "! -p tcp -j ECN --ecn-tcp-remove", 24, "need protocol tcp"},
		{CFG_IPV4, PRE, "-p tcp -j ECN --ecn-tcp-remove --ecn-tcp-ece 1", 46,
		 "together with 'ecn-tcp-remove'"},
		{CFG_IPV4, PRE, "-p tcp -j ECN --ecn-tcp-ece 1 --ecn-tcp-remove", 45,
		 "together with 'ecn-tcp-ece'"},
		{CFG_IPV4, FWD, SYN "-j TCPMSS --set-mss 65516", 68, "from 0 to 65515"},
		{CFG_IPV6, FWD, SYN "-j TCPMSS --set-mss 65496", 68, "from 0 to 65495"},
		{CFG_IPV4, FWD, "-p tcp -j TCPMSS --set-mss 1", 19, "match for SYN"},
		{CFG_IPV4, FWD, "-p tcp -m tcp --tcp-flags SYN,RST RST -j TCPMSS --set-mss 1", 50,
		 "match for SYN"},
		{CFG_IPV4, FWD, "-p tcp -m tcp ! --syn -j TCPMSS --set-mss 1", 34, "match for SYN"},
		{CFG_IPV4, PRE, SYN "-j TCPMSS --clamp-mss-to-pmtu", 61,
		 "cannot stand at PREROUTING"},
		{CFG_IPV4, FWD, "-j TCPOPTSTRIP", 12, "tcp"},
		{CFG_IPV4, FWD, "-p tcp -j TCPOPTSTRIP --strip-options 1", 34, "2 to 255"},
		{CFG_IPV4, FWD, "-p tcp -j TCPOPTSTRIP --strip-options 2,mss", 34, "stands twice"},
		{CFG_IPV4, FWD, "-p tcp -j TCPOPTSTRIP --strip-options MSS", 34, "\"MSS\" is not"},
	};

	EXPECT_BAD(rows);
}

#define PROXY "mangle PREROUTING", "-p udp -j TPROXY --on-port "

Test(config_save_target, idle)
{
	static const struct row rows[] = {
		{CFG_IPV4, PRE, "-p tcp -j TPROXY --on-port 15006",
		 "-p tcp -j TPROXY --on-port 15006 --on-ip 0.0.0.0 --tproxy-mark 0x0/0x0"},
		{CFG_IPV6, PRE, "! -s ::1 -p udp -j TPROXY --tproxy-mark 1337 --on-port http",
		 "! -s ::1/128 -p udp -j TPROXY --on-port 80 --on-ip :: --tproxy-mark "
		 "0x539/0xffffffff"},
		{CFG_IPV4, PROXY "0 --on-ip 1.2.3.4 --tproxy-mark 0x5/0x3", NULL},
		{CFG_IPV6, PROXY "80 --on-ip ::1 --tproxy-mark 0x23/0xff", NULL},
		{CFG_IPV4, PROXY "70000 --on-ip 0.0.0.0 --tproxy-mark 0/0",
		 "-p udp -j TPROXY --on-port 4464 --on-ip 0.0.0.0 --tproxy-mark 0x0/0x0"},
		{CFG_IPV4, PROXY "010",
		 "-p udp -j TPROXY --on-port 10 --on-ip 0.0.0.0 --tproxy-mark 0x0/0x0"},
		{CFG_IPV4, "mangle uu", "-p tcp -j TPROXY --on-port 1",
		 "-p tcp -j TPROXY --on-port 1 --on-ip 0.0.0.0 --tproxy-mark 0x0/0x0"},
		{CFG_IPV4, IN, "-j IDLETIMER --timeout 42 --label foo", NULL},
		{CFG_IPV6, "raw OUTPUT", "-j IDLETIMER --alarm --label é --timeout 0x10",
		 "-j IDLETIMER --timeout 16 --label é --alarm"},
		{CFG_IPV4, IN,
		 "-j IDLETIMER --timeout 2147482 --label 1234567890123456789012345678",
		 "-j IDLETIMER --timeout 2147482 --label 123456789012345678901234567"},
		{CFG_IPV4, "mangle INPUT", "-j CONNSECMARK --save", NULL},
		{CFG_IPV6, "security OUTPUT", "-j CONNSECMARK --restore", NULL},
		{CFG_IPV4, IN, "-j QUEUE", NULL},
		{CFG_IPV6, "nat PREROUTING", "-j QUEUE", NULL},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, PRE, "-p udp -j TPROXY", 22, "needs option 'on-port'"},
		{CFG_IPV4, PRE, "-j TPROXY --on-port 1", 15, "needs protocol tcp or udp"},
		{CFG_IPV4, PRE, "! -p tcp -j TPROXY --on-port 1", 24, "needs protocol tcp or udp"},
		{CFG_IPV4, PRE, "-p icmp -j TPROXY --on-port 1", 23, "needs protocol tcp or udp"},
		{CFG_IPV4, "mangle OUTPUT", "-p udp -j TPROXY --on-port 1", 18, "OUTPUT"},
		{CFG_IPV4, RAW, "-p udp -j TPROXY --on-port 1", 22, "mangle"},
		{CFG_IPV4, PROXY "0x50", 32, "not a port"},
		{CFG_IPV4, PROXY "-1", 32, "not a port"},
		{CFG_IPV4, PROXY "80x", 32, "not a port"},
		{CFG_IPV4, PROXY "1 --on-ip ::1", 44, "not an address"},
		{CFG_IPV6, PROXY "1 --on-ip 1.2.3.4", 44, "not an address"},
		{CFG_IPV4, PROXY "1 --tproxy-mark 5/", 44, "VALUE/MASK"},
		{CFG_IPV4, PROXY "1 --tproxy-mark 0x100000000", 44, "VALUE/MASK"},
		{CFG_IPV4, PROXY "1 --on-port 2", 44, "only once"},
		{CFG_IPV4, IN, "-j IDLETIMER --timeout 42", 10, "needs option 'label'"},
		{CFG_IPV4, IN, "-j IDLETIMER --label a", 10, "needs option 'timeout'"},
		{CFG_IPV4, IN, "-j IDLETIMER --label a --timeout 0", 33, "1 to 2147482"},
		{CFG_IPV4, IN, "-j IDLETIMER --label a --timeout 2147483", 33, "1 to 2147482"},
		{CFG_IPV4, IN, "-j IDLETIMER --timeout 1 --label a/b", 35, "not a label"},
		{CFG_IPV4, IN, "-j IDLETIMER --timeout 1 --label ..", 35, "not a label"},
		{CFG_IPV4, IN, "-j IDLETIMER --timeout 1 --label power", 35, "not a label"},
		{CFG_IPV4, "mangle INPUT", "-j CONNSECMARK", 10, "needs one of its options"},
		{CFG_IPV4, "mangle INPUT", "-j CONNSECMARK --save --restore", 32, "together with"},
		{CFG_IPV4, IN, "-j CONNSECMARK --save", 10, "mangle"},
		{CFG_IPV4, IN, "-g QUEUE", 10, "no chain 'QUEUE'"},
		{CFG_IPV4, "mangle INPUT", "-j SECMARK --selctx a", 10, "no security labels"},
		{CFG_IPV4, IN, "-j LED --led-trigger-id a", 10, "no lights"},
		{CFG_IPV4, IN, "-j CLUSTERIP --new", 10, "VRRP"},
		{CFG_IPV6, IN, "-m ipvs --ipvs", 10, "no virtual server"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

#define EST "-j RATEEST --rateest-name "

Test(config_save_target, rateest)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, EST "RE1 --rateest-interval 250.0ms --rateest-ewmalog 500.0ms",
		 NULL},
		{CFG_IPV6, PRE, EST "q --rateest-ewmalog 8Secs --rateest-interval 1S",
		 EST "q --rateest-interval 1.0s --rateest-ewmalog 8.0s"},
		{CFG_IPV4, IN, EST "a --rateest-interval 100ms --rateest-ewmalog 1s",
		 EST "a --rateest-interval 250.0ms --rateest-ewmalog 2.0s"},
		{CFG_IPV4, IN, EST "a --rateest-interval 500000usec --rateest-ewmalog 1500msecs",
		 EST "a --rateest-interval 500.0ms --rateest-ewmalog 1.0s"},
		{CFG_IPV4, IN, EST "a --rateest-interval 8000000 --rateest-ewmalog 100000000us",
		 EST "a --rateest-interval 8.0s --rateest-ewmalog 64.0s"},
		{CFG_IPV4, IN, EST "a --rateest-interval 0.25s --rateest-ewmalog 4096s",
		 EST "a --rateest-interval 250.0ms --rateest-ewmalog 4096.0s"},
		// More than 32 bits of microseconds.
		{CFG_IPV4, IN, EST "a --rateest-interval 0.25s --rateest-ewmalog 8000s",
		 EST "a --rateest-interval 250.0ms --rateest-ewmalog 2048.0s"},
		{CFG_IPV4, IN, EST "1234567890123456 --rateest-interval 0.3s --rateest-ewmalog 20s",
		 EST "123456789012345 --rateest-interval 500.0ms --rateest-ewmalog 32.0s"},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, EST "a --rateest-interval 1s", 10, "needs option 'rateest-ewmalog'"},
		{CFG_IPV4, IN, EST "a --rateest-ewmalog 1s", 10, "needs option 'rateest-interval'"},
		{CFG_IPV4, IN, "-j RATEEST --rateest-interval 1s --rateest-ewmalog 8s", 10,
		 "needs option 'rateest-name'"},
		{CFG_IPV4, IN, EST "a --rateest-interval 9s --rateest-ewmalog 99s", 10,
		 "more than 8 seconds"},
		{CFG_IPV4, IN, EST "a --rateest-interval -1s --rateest-ewmalog 99s", 10,
		 "more than 8 seconds"},
		{CFG_IPV4, IN, EST "a --rateest-interval 0.5s --rateest-ewmalog 0.6s", 10,
		 "'rateest-ewmalog' is too small"},
		{CFG_IPV4, IN, EST "a --rateest-interval inf --rateest-ewmalog 8s", 10,
		 "'rateest-ewmalog' is too small or too large"},
		{CFG_IPV4, IN, EST "a --rateest-interval 0.5x --rateest-ewmalog 8s", 38,
		 "not a time"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

#define NPT	"--src-pfx dead::/64 --dst-pfx 1c3::/64"
#define HM	" --hmark-rnd 0x00000004 --hmark-mod 42"
#define HASH(x) "-j HMARK " x HM

Test(config_save_target, npt_tee)
{
	static const struct row rows[] = {
		{CFG_IPV6, "mangle POSTROUTING", "-j SNPT " NPT, NULL},
		{CFG_IPV6, "mangle INPUT", "-j SNPT --dst-pfx 2::/ffff:: --src-pfx 1::/0x10",
		 "-j SNPT --src-pfx 1::/16 --dst-pfx 2::/16"},
		{CFG_IPV6, "mangle INPUT", "-j SNPT --src-pfx ::/0 --dst-pfx ::/64",
		 "-j SNPT --dst-pfx ::/64"},
		{CFG_IPV6, "mangle OUTPUT", "-j DNPT --src-pfx dead::/63 --dst-pfx 1c3::/48", NULL},
		{CFG_IPV6, PRE, "-j DNPT " NPT, NULL},
		{CFG_IPV4, IN, "-j TEE --gateway 1.1.1.1", NULL},
		{CFG_IPV4, RAW, "-j TEE --oif 1234567890123456 --gateway 224.0.0.1",
		 "-j TEE --gateway 224.0.0.1 --oif 123456789012345"},
		{CFG_IPV6, "nat POSTROUTING", "-j TEE --gateway 2001:db8::1 --oif a+", NULL},
	};
	static const struct bad bad[] = {
		{CFG_IPV6, "mangle INPUT", "-j SNPT --src-pfx dead::/64", 10,
		 "needs option 'dst-pfx'"},
		{CFG_IPV6, "mangle FORWARD", "-j SNPT " NPT, 12, "FORWARD"},
		{CFG_IPV6, "mangle POSTROUTING", "-j DNPT " NPT, 16, "POSTROUTING"},
		{CFG_IPV6, IN, "-j SNPT " NPT, 10, "mangle"},
		{CFG_IPV4, "mangle INPUT", "-j SNPT " NPT, 10, "IPv4"},
		{CFG_IPV6, PRE, "-j DNPT --src-pfx dead::/65 --dst-pfx 1c3::/64", 23,
		 "longer than /64"},
		{CFG_IPV6, PRE, "-j DNPT --src-pfx dead::beef --dst-pfx 1c3::/64", 23,
		 "longer than /64"},
		{CFG_IPV6, PRE, "-j DNPT --src-pfx dead::1/64 --dst-pfx 1c3::/64", 23,
		 "bits set behind"},
		{CFG_IPV6, PRE, "-j DNPT --src-pfx dead::/129 --dst-pfx 1c3::/64", 23,
		 "not an IPv6 prefix"},
		{CFG_IPV6, PRE, "-j DNPT --src-pfx 1.2.3.4/24 --dst-pfx 1c3::/64", 23,
		 "not an IPv6 prefix"},
		{CFG_IPV4, IN, "-j TEE", 10, "needs option 'gateway'"},
		{CFG_IPV4, IN, "-j TEE --gateway 0.0.0.0", 17, "not an address"},
		{CFG_IPV4, IN, "-j TEE --gateway 1.1.1.1/24", 17, "not an address"},
		{CFG_IPV6, IN, "-j TEE --gateway 1.1.1.1", 17, "not an address"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

Test(config_save_target, hmark)
{
	static const struct row rows[] = {
		{CFG_IPV4, PRE, HASH("--hmark-src-prefix 32"), NULL},
		{CFG_IPV4, PRE, HASH("--hmark-tuple src,dst,sport,dport,proto"),
		 HASH("--hmark-src-prefix 32 --hmark-dst-prefix 32 --hmark-sport-mask 0xffff "
		      "--hmark-dport-mask 0xffff --hmark-proto-mask 0xffff")},
		{CFG_IPV6, "mangle OUTPUT", HASH("--hmark-tuple CT,src,dst"),
		 HASH("--hmark-src-prefix 128 --hmark-dst-prefix 128") " --hmark-tuple ct"},
		{CFG_IPV4, IN, HASH("--hmark-src-prefix 24 --hmark-tuple src"),
		 HASH("--hmark-src-prefix 32")},
		{CFG_IPV4, RAW, HASH("--hmark-src-prefix 0 --hmark-dst-prefix 255.255.0.0"),
		 HASH("--hmark-src-prefix 0 --hmark-dst-prefix 16")},
		{CFG_IPV4, RAW, HASH("--hmark-src-prefix 0xff000000"),
		 HASH("--hmark-src-prefix 8")},
		{CFG_IPV6, RAW, HASH("--hmark-src-prefix ffff:: --hmark-dst-prefix 99"),
		 HASH("--hmark-src-prefix 16 --hmark-dst-prefix 99")},
		{CFG_IPV4, PRE,
		 HASH("--hmark-dport 4 --hmark-sport 3 --hmark-dport-mask 2 --hmark-sport-mask 1"),
		 HASH("--hmark-sport-mask 0x0001 --hmark-dport-mask 0x0002 --hmark-sport 0x0003 "
		      "--hmark-dport 0x0004")},
		{CFG_IPV4, PRE, HASH("--hmark-spi-mask 0x00000004 --hmark-proto-mask 0x05"), NULL},
		{CFG_IPV4, PRE, HASH("--hmark-spi-mask 0x00000001 --hmark-sport 0x0003"), NULL},
		{CFG_IPV4, PRE, HASH("--hmark-sport-mask 0x0003 --hmark-spi 0x00000001"), NULL},
		{CFG_IPV4, PRE, HASH("--hmark-tuple ct") " --hmark-offset 0xff",
		 "-j HMARK" HM " --hmark-offset 255 --hmark-tuple ct"},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, PRE, "-j HMARK --hmark-rnd 4", 15, "needs option 'hmark-mod'"},
		{CFG_IPV4, PRE, "-j HMARK --hmark-mod 42 --hmark-tuple src", 15,
		 "needs option 'hmark-rnd'"},
		{CFG_IPV4, PRE, "-j HMARK --hmark-mod 42 --hmark-rnd 4 --hmark-offset 1", 15,
		 "needs 'hmark-tuple'"},
		{CFG_IPV4, PRE, "-j HMARK --hmark-mod 0", 24, "from 1 to 4294967295"},
		{CFG_IPV4, PRE, "-j HMARK --hmark-sport 65536", 24, "from 0 to 65535"},
		{CFG_IPV4, PRE, "-j HMARK --hmark-tuple foo", 24, "is not a list"},
		{CFG_IPV4, PRE, "-j HMARK --hmark-tuple src,", 24, "is not a list"},
		{CFG_IPV4, PRE, "-j HMARK --hmark-tuple src --hmark-src-prefix 8", 42, "only once"},
		{CFG_IPV4, PRE, HASH("--hmark-tuple spi,sport"), 15, "with port masks"},
		{CFG_IPV4, PRE, HASH("--hmark-spi 1 --hmark-sport 2"), 15, "with ports"},
		{CFG_IPV6, PRE, "-j HMARK --hmark-src-prefix 129", 24, "not a prefix length"},
		{CFG_IPV4, PRE, "-j HMARK --hmark-src-prefix 255.0.255.0", 24,
		 "not a prefix length"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}
