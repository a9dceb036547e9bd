// One rule of iptables-save text in and out, row by row of the extension table. What is expected
// here was printed (or refused) by iptables-legacy 1.8.9 for the same line.
#include "save_rows.h"

Test(config_save_rule, own_options)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "", NULL},
		{CFG_IPV4, IN, "-s 10/8", "-s 10.0.0.0/8"},
		{CFG_IPV4, IN, "-s 010.0.0.1", "-s 8.0.0.1/32"},
		{CFG_IPV4, IN, "-s 10.1/16", "-s 10.1.0.0/16"},
		{CFG_IPV4, IN, "-s 1.2.3", "-s 1.2.3.0/32"},
		{CFG_IPV4, IN, "-s 0x0a000001", "-s 10.0.0.1/32"},
		{CFG_IPV4, IN, "-s 1.2.3.4/255.0.255.0", "-s 1.0.3.0/255.0.255.0"},
		{CFG_IPV4, IN, "-s 1.2.3.4/0.0.0.255", "-s 0.0.0.4/0.0.0.255"},
		{CFG_IPV4, IN, "-s 1.2.3.4/0", ""},
		{CFG_IPV4, IN, "! -s 0/0", "! -s 0.0.0.0/0"},
		{CFG_IPV4, IN, "! -s 1.2.3.4", "! -s 1.2.3.4/32"},
		{CFG_IPV4, IN, "--src 1.2.3.4 --dst 2.3.4.5", "-s 1.2.3.4/32 -d 2.3.4.5/32"},
		{CFG_IPV4, IN, "--dest 1.2.3.4", "-d 1.2.3.4/32"},
		{CFG_IPV4, IN, "--source=1.2.3.4", "-s 1.2.3.4/32"},
		{CFG_IPV4, IN, "-s1.2.3.4 -ptcp -jACCEPT", "-s 1.2.3.4/32 -p tcp -j ACCEPT"},
		{CFG_IPV4, IN, "-s 1.1.1.1,2.2.2.2 -d 9.9.9.9,8.8.8.8 -j uu",
		 "-s 1.1.1.1/32 -d 9.9.9.9/32 -j uu|-s 1.1.1.1/32 -d 8.8.8.8/32 -j uu|"
		 "-s 2.2.2.2/32 -d 9.9.9.9/32 -j uu|-s 2.2.2.2/32 -d 8.8.8.8/32 -j uu"},
		{CFG_IPV4, IN, "-i +", ""},
		{CFG_IPV4, IN, "! -i +", ""},
		{CFG_IPV4, IN, "-i e+x", NULL},
		{CFG_IPV4, IN, "-i eth+", NULL},
		{CFG_IPV4, IN, "! -i alongifacename0", NULL},
		{CFG_IPV4, "filter FORWARD", "-i eth0 -o alongifacenam+", NULL},
		{CFG_IPV4, "filter FORWARD", "--in-interface a --out-interface b", "-i a -o b"},
		{CFG_IPV4, IN, "-p all", ""},
		{CFG_IPV4, IN, "-p 0", ""},
		{CFG_IPV4, IN, "-p TCP", "-p tcp"},
		{CFG_IPV4, IN, "-p 06", "-p tcp"},
		{CFG_IPV4, IN, "--proto tcp", "-p tcp"},
		{CFG_IPV4, IN, "! -p udp", NULL},
		{CFG_IPV4, IN, "-p 255", NULL},
		{CFG_IPV4, IN, "-p 41", "-p ipv6"},
		{CFG_IPV4, IN, "-p 200", NULL},
		{CFG_IPV4, IN, "-p mh", "-p mobility-header"},
		{CFG_IPV4, IN, "-p icmpv6", "-p ipv6-icmp"},
		{CFG_IPV4, IN, "-p udplite", NULL},
		{CFG_IPV4, IN, "-p esp", NULL},
		{CFG_IPV4, IN, "-f", NULL},
		{CFG_IPV4, IN, "! -f", NULL},
		{CFG_IPV4, IN, "--fragment", "-f"},
		{CFG_IPV4, IN, "-fptcp", "-p tcp -f"},
		{CFG_IPV4, IN, "-p tcp --dport 80 ! -s 1.2.3.4",
		 "! -s 1.2.3.4/32 -p tcp -m tcp --dport 80"},
		{CFG_IPV4, IN, "-c 5 6 -j ACCEPT", "-j ACCEPT"},
		{CFG_IPV4, IN, "-v -j ACCEPT", "-j ACCEPT"},
		{CFG_IPV4, IN, "-4 -j ACCEPT", "-j ACCEPT"},
		{CFG_IPV6, IN, "-6 -j ACCEPT", "-j ACCEPT"},
		{CFG_IPV6, IN, "-s dead::1", "-s dead::1/128"},
		{CFG_IPV6, IN, "-s dead::1/ffff::", "-s dead::/16"},
		{CFG_IPV6, IN, "-s dead::1/ffff::ffff", NULL},
		{CFG_IPV6, IN, "-s ::/0", ""},
		{CFG_IPV6, IN, "! -s ::/0", NULL},
		{CFG_IPV6, IN, "-s ::ffff:1.2.3.4", "-s ::ffff:1.2.3.4/128"},
		{CFG_IPV6, IN, "-s ::1.2.3.4", "-s ::1.2.3.4/128"},
		{CFG_IPV6, IN, "-s 1:0:0:2:0:0:0:3", "-s 1:0:0:2::3/128"},
		{CFG_IPV6, IN, "-s dead::1,dead::2", "-s dead::1/128|-s dead::2/128"},
		{CFG_IPV6, IN, "-p icmp", NULL},
		{CFG_IPV6, IN, "-p 58", "-p ipv6-icmp"},
		{CFG_IPV6, IN, "-p hopopt", ""},
	};

	EXPECT_ROWS(rows);
}

Test(config_save_rule, ports)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-p tcp -m tcp --sport 1", NULL},
		{CFG_IPV4, IN, "-p tcp -m tcp", NULL},
		{CFG_IPV4, IN, "-m tcp -p tcp", "-p tcp -m tcp"},
		{CFG_IPV4, IN, "-p 6 --dport 80", "-p tcp -m tcp --dport 80"},
		{CFG_IPV4, IN, "-p tcp --sport 1024:", "-p tcp -m tcp --sport 1024:65535"},
		{CFG_IPV4, IN, "-p tcp --sport :80", "-p tcp -m tcp --sport 0:80"},
		{CFG_IPV4, IN, "-p tcp --sport 0:65535", "-p tcp -m tcp"},
		{CFG_IPV4, IN, "-p tcp ! --sport 0:65535", "-p tcp -m tcp"},
		{CFG_IPV4, IN, "-p tcp --sport :", "-p tcp -m tcp"},
		{CFG_IPV4, IN, "-p tcp --sport 0x50", "-p tcp -m tcp --sport 80"},
		{CFG_IPV4, IN, "-p tcp ! --sport 1 --dport 65535",
		 "-p tcp -m tcp ! --sport 1 --dport 65535"},
		{CFG_IPV4, IN, "-p tcp --source-port 1 --destination-port 2",
		 "-p tcp -m tcp --sport 1 --dport 2"},
		{CFG_IPV4, IN, "-p tcp --dpor 1", "-p tcp -m tcp --dport 1"},
		{CFG_IPV4, IN, "-p tcp --sourc 1", "-s 1.0.0.0/32 -p tcp"},
		{CFG_IPV4, IN, "-p udp --dport 53", "-p udp -m udp --dport 53"},
		{CFG_IPV6, IN, "-p udp ! --sport 1:2 --dport 53",
		 "-p udp -m udp ! --sport 1:2 --dport 53"},
		{CFG_IPV4, IN, "-p tcp --syn", "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN"},
		{CFG_IPV4, IN, "-p tcp ! --syn", "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN"},
		{CFG_IPV4, IN, "-p tcp --tcp-flags ALL NONE",
		 "-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG NONE"},
		{CFG_IPV4, IN, "-p tcp --tcp-flags syn,ack syn",
		 "-p tcp -m tcp --tcp-flags SYN,ACK SYN"},
		{CFG_IPV4, IN, "-p tcp --tcp-flags NONE NONE", "-p tcp -m tcp"},
		{CFG_IPV4, IN, "-p tcp ! --tcp-flags NONE NONE",
		 "-p tcp -m tcp ! --tcp-flags NONE NONE"},
		{CFG_IPV4, IN, "-p tcp --tcp-flags SYN,ACK,ALL SYN",
		 "-p tcp -m tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG SYN"},
		{CFG_IPV4, IN, "-p tcp ! --tcp-flags SYN ACK",
		 "-p tcp -m tcp ! --tcp-flags SYN ACK"},
		{CFG_IPV4, IN, "-p tcp --tcp-option 8", "-p tcp -m tcp --tcp-option 8"},
		{CFG_IPV4, IN, "-p tcp ! --tcp-option 8 --dport 2",
		 "-p tcp -m tcp --dport 2 ! --tcp-option 8"},
		{CFG_IPV4, IN, "-p tcp -m tcp -m tcp --dport 80", NULL},
		{CFG_IPV4, IN, "-p tcp -m tcp --dport 80 -m tcp --dport 90", NULL},
		{CFG_IPV4, IN, "-p tcp -m multiport --dports 1", NULL},
		{CFG_IPV4, IN, "-p tcp -m multiport --dport 80", "-p tcp -m multiport --dports 80"},
		{CFG_IPV4, IN, "-p tcp -m multiport --source-ports 80",
		 "-p tcp -m multiport --sports 80"},
		{CFG_IPV4, IN, "-p tcp -m multiport ! --ports 53,1024:65535", NULL},
		{CFG_IPV4, IN, "-p udplite -m multiport --dports 53,1024:65535", NULL},
		{CFG_IPV4, IN, "-p tcp -m multiport --dports 1:2,3:4,5:6,7:8,9:10,11:12,13:14,15",
		 NULL},
		{CFG_IPV4, IN, "-p tcp -m multiport --ports 1,2,3,4,6,7,8,9,10,11,12,13,14,15",
		 NULL},
	};

	EXPECT_ROWS(rows);
}

Test(config_save_rule, services)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-p tcp --dport http:https", "-p tcp -m tcp --dport 80:443"},
		{CFG_IPV4, IN, "-p udp --dport domain", "-p udp -m udp --dport 53"},
		{CFG_IPV4, IN, "-p tcp -m multiport --dports http,ftp-data",
		 "-p tcp -m multiport --dports 80,20"},
		{CFG_IPV4, "nat PREROUTING", "-p tcp -j REDIRECT --to-ports http",
		 "-p tcp -j REDIRECT --to-ports 80"},
		{CFG_IPV4, "nat POSTROUTING", "-p udp -j SNAT --to-source 1.1.1.1:domain",
		 "-p udp -j SNAT --to-source 1.1.1.1:53"},
	};

	if (access("/etc/services", R_OK) != 0)
		cr_skip_test("no /etc/services here");
	EXPECT_ROWS(rows);
}

Test(config_save_rule, icmp)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-p icmp -m icmp --icmp-type any", NULL},
		{CFG_IPV4, IN, "-p icmp -m icmp ! --icmp-type any", NULL},
		{CFG_IPV4, IN, "-p ICMP --icmp-type 8", "-p icmp -m icmp --icmp-type 8"},
		{CFG_IPV4, IN, "-p icmp --icmp-type echo-req", "-p icmp -m icmp --icmp-type 8"},
		{CFG_IPV4, IN, "-p icmp --icmp-type Echo-Reply", "-p icmp -m icmp --icmp-type 0"},
		{CFG_IPV4, IN, "-p icmp --icmp-type de", "-p icmp -m icmp --icmp-type 3"},
		{CFG_IPV4, IN, "-p icmp --icmp-type host-unknown",
		 "-p icmp -m icmp --icmp-type 3/7"},
		{CFG_IPV4, IN, "-p icmp --icmp-type 8/0", "-p icmp -m icmp --icmp-type 8/0"},
		{CFG_IPV4, IN, "-p icmp --icmp-type 255", "-p icmp -m icmp --icmp-type any"},
		{CFG_IPV4, IN, "-p icmp --icmp-type 255/3", "-p icmp -m icmp --icmp-type any"},
		{CFG_IPV6, IN, "-p icmpv6 --icmpv6-type 128",
		 "-p ipv6-icmp -m icmp6 --icmpv6-type 128"},
		{CFG_IPV6, IN, "-p icmpv6 -m icmpv6 --icmpv6-type 1/0",
		 "-p ipv6-icmp -m icmp6 --icmpv6-type 1/0"},
		{CFG_IPV6, IN, "-p icmpv6 --icmpv6-type 255",
		 "-p ipv6-icmp -m icmp6 --icmpv6-type 255"},
		{CFG_IPV6, IN, "-p icmpv6 ! --icmpv6-type 128/3",
		 "-p ipv6-icmp -m icmp6 ! --icmpv6-type 128/3"},
		{CFG_IPV6, IN, "-p icmpv6 --icmpv6-type no-rout",
		 "-p ipv6-icmp -m icmp6 --icmpv6-type 1/0"},
		{CFG_IPV6, IN, "-p 58 -m ipv6-icmp --icmpv6-type neighbour-adv",
		 "-p ipv6-icmp -m icmp6 --icmpv6-type 136"},
	};

	EXPECT_ROWS(rows);
}

// What is too long for a comment is cut, as iptables does; in YAML it is an error.
Test(config_save_rule, a_long_comment)
{
	char in[400] = "-m comment --comment ", out[400], *text, *said;
	struct row row = {CFG_IPV4, IN, in, out};
	const size_t head = strlen(in);

	memset(in + head, 'a', 300);
	memcpy(out, in, head + 255);
	out[head + 255] = '\0';
	expect_rows(&row, 1);
	memset(in + head, 'a', 254);
	strcpy(in + head + 254, "\xc3\xa4"); // no half of a character
	memcpy(out, in, head + 254);
	out[head + 254] = '\0';
	expect_rows(&row, 1);
	cr_assert(ge(int,
		     asprintf(&text,
			      "tables: { filter: { INPUT: { rules: [ { comment: %0300d, jump: "
			      "ACCEPT } ] } } }\n",
			      0),
		     0));
	cr_assert(eq(ptr, t_yaml_in(text, &said), NULL));
	cr_assert(ne(ptr, strstr(said, "at most 255 bytes, this one 300"), NULL), "%s", said);
	free(said);
	free(text);
}

Test(config_save_rule, state_and_comment)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-m state --state new,Established",
		 "-m state --state NEW,ESTABLISHED"},
		{CFG_IPV4, IN, "-m state ! --state NEW,NEW", "-m state ! --state NEW"},
		{CFG_IPV4, IN, "-m conntrack --ctstate ESTABLISHED,RELATED",
		 "-m conntrack --ctstate RELATED,ESTABLISHED"},
		{CFG_IPV4, IN, "-m conntrack ! --ctstate INVALID,NEW", NULL},
		{CFG_IPV4, IN, "-m conntrack --ctstate SNAT,DNAT", NULL},
		// iptables takes the beginning of a name for it.
		{CFG_IPV4, IN, "-m state --state EST,r", "-m state --state RELATED,ESTABLISHED"},
		{CFG_IPV6, IN, "-m conntrack --ctstate inv,D",
		 "-m conntrack --ctstate INVALID,DNAT"},
		{CFG_IPV4, IN, "-m conntrack --ctstatus ASSUR,exp",
		 "-m conntrack --ctstatus EXPECTED,ASSURED"},
		{CFG_IPV4, IN, "-m conntrack --ctstate UNTRACKED -m state --state NEW", NULL},
		{CFG_IPV4, IN, "-m comment --comment foo", NULL},
		{CFG_IPV4, IN, "-m comment --comment=foo", "-m comment --comment foo"},
		{CFG_IPV4, IN, "-m comment --comment \"a b\"", NULL},
		{CFG_IPV4, IN, "-m comment --comment \"\"", NULL},
		{CFG_IPV4, IN, "-m comment --comment \"q\\\"uo\\\\te\"", NULL},
		{CFG_IPV4, IN, "-m comment --comment it's", "-m comment --comment \"it\\'s\""},
		{CFG_IPV4, IN, "-m comment --comment a\\b", "-m comment --comment \"a\\\\b\""},
		{CFG_IPV4, IN, "-m comment --comment #foo", "-m comment --comment \"#foo\""},
		{CFG_IPV4, IN, "-m comment --comment a\"b c\"", "-m comment --comment \"ab c\""},
		{CFG_IPV4, IN, "-m comment --comment \"a\tb\"", NULL},
		{CFG_IPV4, IN, "-m comment --comment \"\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\"",
		 NULL},
		{CFG_IPV4, IN, "-m comment --comment \"\xc2\x85\xef\xbb\xbf\xe2\x80\xa8\"", NULL},
		{CFG_IPV4, IN, "-p tcp -m comment --comment a -m comment --comment b", NULL},
		{CFG_IPV4, IN, "-p tcp -m comment --comment foo -m tcp --dport 22", NULL},
		{CFG_IPV4, IN, "-p tcp -m tcp --dport 22 -m comment --comment foo", NULL},
		{CFG_IPV4, IN, "-p tcp -m state --state NEW --dport 22",
		 "-p tcp -m state --state NEW -m tcp --dport 22"},
		{CFG_IPV4, IN, "-m comment --comment !foo -j ACCEPT",
		 "-m comment --comment \"!foo\" -j ACCEPT"},
	};

	EXPECT_ROWS(rows);
}

Test(config_save_rule, targets)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-j ACCEPT", NULL},
		{CFG_IPV4, IN, "-j DROP", NULL},
		{CFG_IPV4, IN, "-j RETURN", NULL},
		{CFG_IPV4, IN, "-j uu", NULL},
		{CFG_IPV4, IN, "-g uu", NULL},
		{CFG_IPV4, IN, "--jum ACCEPT", "-j ACCEPT"},
		{CFG_IPV4, IN, "-j REJECT", "-j REJECT --reject-with icmp-port-unreachable"},
		{CFG_IPV6, IN, "-j REJECT", "-j REJECT --reject-with icmp6-port-unreachable"},
		{CFG_IPV4, IN, "-j REJECT --reject-with icmp-net-unreachable", NULL},
		{CFG_IPV4, IN, "-j REJECT --reject-with icmp-host-unreachable", NULL},
		{CFG_IPV4, IN, "-j REJECT --reject-with icmp-proto-unreachable", NULL},
		{CFG_IPV4, IN, "-j REJECT --reject-with icmp-net-prohibited", NULL},
		{CFG_IPV4, IN, "-j REJECT --reject-with icmp-host-prohibited", NULL},
		{CFG_IPV4, IN, "-j REJECT --reject-with icmp-admin-prohibited", NULL},
		{CFG_IPV4, IN, "-j REJECT --reject-with icmp-host",
		 "-j REJECT --reject-with icmp-host-unreachable"},
		{CFG_IPV4, IN, "-j REJECT --reject-with icmp",
		 "-j REJECT --reject-with icmp-net-unreachable"},
		{CFG_IPV4, IN, "-j REJECT --reject-with port-unreach",
		 "-j REJECT --reject-with icmp-port-unreachable"},
		{CFG_IPV4, IN, "-j REJECT --reject-with ICMP-NET-UNREACHABLE",
		 "-j REJECT --reject-with icmp-net-unreachable"},
		{CFG_IPV4, IN, "-p tcp -j REJECT --reject-with tcp-rst",
		 "-p tcp -j REJECT --reject-with tcp-reset"},
		{CFG_IPV6, IN, "-p tcp -j REJECT --reject-with tcp-reset", NULL},
		{CFG_IPV6, IN, "-j REJECT --reject-with icmp6-no-route", NULL},
		{CFG_IPV6, IN, "-j REJECT --reject-with no-route",
		 "-j REJECT --reject-with icmp6-no-route"},
		{CFG_IPV6, IN, "-j REJECT --reject-with icmp6-adm-prohibited", NULL},
		{CFG_IPV6, IN, "-j REJECT --reject-with icmp6-addr-unreachable", NULL},
		{CFG_IPV6, IN, "-j REJECT --reject-with icmp6-policy-fail", NULL},
		{CFG_IPV6, IN, "-j REJECT --reject-with icmp6-reject-route", NULL},
		{CFG_IPV6, IN, "-j REJECT --reject-with icmp6-port",
		 "-j REJECT --reject-with icmp6-port-unreachable"},
	};

	EXPECT_ROWS(rows);
}

#define PRE  "nat PREROUTING"
#define POST "nat POSTROUTING"

Test(config_save_rule, nat)
{
	static const struct row rows[] = {
		{CFG_IPV4, POST, "-o wan -j MASQUERADE", NULL},
		{CFG_IPV4, POST, "-p tcp -j MASQUERADE --to-ports 5", NULL},
		{CFG_IPV4, POST, "-p tcp -j MASQUERADE --to-ports 5-10 --random --random-fully",
		 NULL},
		{CFG_IPV4, POST, "-p tcp -j MASQUERADE --to-ports 0", NULL},
		{CFG_IPV6, POST, "-j MASQUERADE", NULL},
		{CFG_IPV4, POST, "-j SNAT --to 1.1.1.1", "-j SNAT --to-source 1.1.1.1"},
		{CFG_IPV4, POST, "-j SNAT --to-source 1.1.1.1-1.1.1.10", NULL},
		{CFG_IPV4, POST, "-j SNAT --to-source 1.1.1.1-1.1.1.1",
		 "-j SNAT --to-source 1.1.1.1"},
		{CFG_IPV4, POST, "-p tcp -j SNAT --to-source :5-6", NULL},
		{CFG_IPV4, POST, "-p tcp -j SNAT --to-source 1.1.1.1:0", NULL},
		{CFG_IPV4, POST, "-p tcp -j SNAT --to-source 1.1.1.1:5-5",
		 "-p tcp -j SNAT --to-source 1.1.1.1:5"},
		{CFG_IPV4, POST, "-p icmp -j SNAT --to-source 1.1.1.1:5", NULL},
		{CFG_IPV4, POST, "! -p tcp -j SNAT --to-source 1.1.1.1:5", NULL},
		{CFG_IPV4, POST, "-p tcp -j SNAT --to-source 1.1.1.1:0x50",
		 "-p tcp -j SNAT --to-source 1.1.1.1:80"},
		{CFG_IPV4, POST, "-j SNAT --to-source 1.1.1.1 --persistent --random-fully --random",
		 "-j SNAT --to-source 1.1.1.1 --random --random-fully --persistent"},
		{CFG_IPV4, "nat INPUT", "-j SNAT --to-source 1.1.1.1", NULL},
		{CFG_IPV6, POST, "-j SNAT --to-source dead::beef-dead::fee7", NULL},
		{CFG_IPV6, POST, "-p tcp -j SNAT --to-source [dead::beef]:1025-65535", NULL},
		{CFG_IPV4, PRE, "-j DNAT --to-destination 1.1.1.1", NULL},
		{CFG_IPV4, PRE, "-p tcp -j DNAT --to-destination 1.1.1.1-1.1.1.5:80-90", NULL},
		{CFG_IPV4, PRE, "-p tcp -j DNAT --to-destination 1.1.1.1:80-90/70", NULL},
		{CFG_IPV4, PRE, "-p tcp -j DNAT --to-destination 1.1.1.1:80-90/100", NULL},
		{CFG_IPV4, PRE, "-p tcp -j DNAT --to-destination :80", NULL},
		{CFG_IPV4, PRE, "-p tcp -j DNAT --to-destination :0-65535", NULL},
		{CFG_IPV4, PRE, "-j DNAT --to 1.1.1.1 --persistent --random",
		 "-j DNAT --to-destination 1.1.1.1 --random --persistent"},
		{CFG_IPV4, "nat OUTPUT", "-j DNAT --to-destination 1.1.1.1", NULL},
		{CFG_IPV6, PRE, "-p tcp -j DNAT --to-destination [dead::1]",
		 "-p tcp -j DNAT --to-destination dead::1"},
		{CFG_IPV6, PRE, "-p tcp -j DNAT --to-destination dead::1:80", NULL},
		{CFG_IPV6, PRE, "-p tcp -j DNAT --to-destination :80", NULL},
		{CFG_IPV6, PRE, "-p tcp -j DNAT --to-destination []:80",
		 "-p tcp -j DNAT --to-destination :80"},
		{CFG_IPV6, PRE, "-p tcp -j DNAT --to-destination [dead::1-dead::5]:80-90/70", NULL},
		{CFG_IPV4, PRE, "-j REDIRECT", NULL},
		{CFG_IPV4, PRE, "-j REDIRECT --random", NULL},
		{CFG_IPV4, PRE, "-p tcp -j REDIRECT --to-port 5",
		 "-p tcp -j REDIRECT --to-ports 5"},
		{CFG_IPV4, PRE, "-p tcp -j REDIRECT --to-ports 5-10 --random", NULL},
		{CFG_IPV4, PRE, "-p icmp -j REDIRECT --to-ports 5", NULL},
		{CFG_IPV6, PRE, "-p tcp -j REDIRECT --to-ports 80", NULL},
	};

	EXPECT_ROWS(rows);
}

Test(config_save_rule, refused_syntax)
{
	static const struct bad rows[] = {
		{CFG_IPV4, IN, "-s ! 1.2.3.4", 10, "\"!\" is not an address"},
		{CFG_IPV4, IN, "-p tcp --dport ! 80", 17, "\"!\" is not a port"},
		{CFG_IPV4, IN, "! -s 1.2.3.4,5.6.7.8", 12, "list of addresses"},
		{CFG_IPV4, IN, "-s 1.2.3.4,", 10, "\"\" is not an address"},
		{CFG_IPV4, IN, "-s \"\"", 10, "not an address"},
		{CFG_IPV4, IN, "-s localhost", 10, "host names are resolved by"},
		{CFG_IPV4, IN, "-s 300.1.1.1", 10, "not an address"},
		{CFG_IPV4, IN, "-s 1.2.3.4.5", 10, "not an address"},
		{CFG_IPV4, IN, "-s 1.2.3.4/33", 10, "bad mask"},
		{CFG_IPV4, IN, "-s 1.2.3.4/255.255", 10, "bad mask"},
		{CFG_IPV4, IN, "-s 1.2.3.4/", 10, "bad mask"},
		{CFG_IPV4, IN, "-s dead::1", 10, "an IPv6 address where only IPv4"},
		{CFG_IPV6, IN, "-s 1.2.3.4", 10, "an IPv4 address where only IPv6"},
		{CFG_IPV6, IN, "-s dead::1/129", 10, "bad mask"},
		{CFG_IPV6, IN, "-s dead::1%eth0", 10, "not an address"},
		{CFG_IPV4, IN, "-i \"\"", 10, "must not be empty"},
		{CFG_IPV4, IN, "-i thisinterfaceistoolong0", 10, "at most 15"},
		{CFG_IPV4, IN, "-i alongifacename0+", 10, "at most 15"},
		{CFG_IPV4, IN, "-i a/b", 10, "'/'"},
		{CFG_IPV4, IN, "-p 256", 10, "unknown protocol"},
		{CFG_IPV4, IN, "-p tc", 10, "unknown protocol"},
		{CFG_IPV4, IN, "! -p all", 12, "no packet matches"},
		{CFG_IPV6, IN, "-f", 10, "'fragments' is for IPv4"},
		{CFG_IPV4, IN, "-s 1.1.1.1 -s 2.2.2.2", 21, "only once"},
		{CFG_IPV4, IN, "-i a -i b", 15, "only once"},
		{CFG_IPV4, IN, "-p tcp --protocol udp", 17, "only once"},
		{CFG_IPV4, IN, "! ! -s 1.1.1.1", 12, "two in a row"},
		{CFG_IPV4, IN, "! -j ACCEPT", 12, "cannot stand before '-j'"},
		{CFG_IPV4, IN, "-j ACCEPT !", 20, "nothing stands behind"},
		{CFG_IPV4, IN, "foo", 10, "an option is expected here, not 'foo'"},
		{CFG_IPV4, IN, "-j ACCEPT # drop", 20, "not '#'"},
		{CFG_IPV4, IN, "--s 1.2.3.4", 10, "unknown option '--s'"},
		{CFG_IPV4, IN, "--foo", 10, "unknown option '--foo'"},
		{CFG_IPV4, IN, "-k", 10, "unknown option"},
		{CFG_IPV4, IN, "--fragments=1", 10, "no argument"},
		{CFG_IPV4, IN, "-t nat -j ACCEPT", 10, "'table' is not supported"},
		{CFG_IPV4, IN, "-n", 10, "'numeric' is not supported"},
		{CFG_IPV4, IN, "-m", 10, "requires an argument"},
		{CFG_IPV4, IN, "-j", 10, "requires an argument"},
		{CFG_IPV4, IN, "-c 5", 10, "expected PACKETS and BYTES"},
		{CFG_IPV4, IN, "-I INPUT", 10, "two commands"},
		{CFG_IPV4, IN, "-j ACCEPT -j DROP", 20, "one jump or goto"},
		{CFG_IPV4, IN, "-j ACCEPT -g uu", 20, "one jump or goto"},
		{CFG_IPV4, IN, "-g ACCEPT", 10, "no chain 'ACCEPT'"},
		{CFG_IPV4, IN, "-j nope", 10, "no target and no chain 'nope'"},
		{CFG_IPV4, IN, "-j INPUT", 10, "built-in chain 'INPUT'"},
		{CFG_IPV4, IN, "-m nope", 10, "unknown match 'nope'"},
		{CFG_IPV4, IN, "-m comment --comment \"a", 31, "does not end"},
		{CFG_IPV4, IN, "-m comment --comment a\"b c\"d", 37, "not 'd'"},
	};

	EXPECT_BAD(rows);
}

Test(config_save_rule, refused_options)
{
	static const struct bad rows[] = {
		{CFG_IPV4, IN, "-p tcp --sport 65536", 17, "not a port"},
		{CFG_IPV4, IN, "-p tcp --sport -1", 17, "not a port"},
		{CFG_IPV4, IN, "-p tcp --sport 5:4", 17, "not a range"},
		{CFG_IPV4, IN, "-p tcp --dport 080", 17, "not a port"},
		{CFG_IPV4, IN, "-p tcp --dport \"\"", 17, "not a port"},
		{CFG_IPV4, IN, "-p tcp --sport 1 --sport 2", 27, "only once"},
		{CFG_IPV4, IN, "-p tcp --dports 1", 17, "unknown option '--dports'"},
		{CFG_IPV4, IN, "-p udplite --dport 5", 21, "unknown option"},
		{CFG_IPV4, IN, "-p tcp --tcp-flags SYN", 17, "requires two arguments"},
		{CFG_IPV4, IN, "-p tcp --tcp-flags SYN -j ACCEPT", 17, "requires two arguments"},
		{CFG_IPV4, IN, "-p tcp --tcp-flags SYN,BAD SYN", 17, "unknown TCP flag"},
		{CFG_IPV4, IN, "-p tcp --syn --tcp-flags ALL SYN", 23, "together with"},
		{CFG_IPV4, IN, "-p tcp --tcp-option 0", 17, "not a TCP option"},
		{CFG_IPV4, IN, "-p udp --syn", 17, "unknown option"},
		{CFG_IPV4, IN, "-m multiport", 10, "needs one of its options"},
		{CFG_IPV4, IN, "-p tcp -m multiport --dports 1:1", 30, "not a range"},
		{CFG_IPV4, IN, "-p tcp -m multiport --dports 5,,4", 30, "\"\" is not a port"},
		{CFG_IPV4, IN, "-p tcp -m multiport --dports 1:", 30, "not a port"},
		{CFG_IPV4, IN, "-p tcp -m multiport --dports 1,2 --sports 3", 43, "together with"},
		{CFG_IPV4, IN,
		 "-p tcp -m multiport --dports 1:2,3:4,5:6,7:8,9:10,11:12,13:14,15:16", 30,
		 "too many"},
		{CFG_IPV4, IN, "-p tcp --multiport", 17, "unknown option"},
		{CFG_IPV4, IN, "-p icmp -m icmp", 18, "needs option 'icmp-type'"},
		{CFG_IPV4, IN, "-p icmp --icmp-type ttl", 18, "may be"},
		{CFG_IPV4, IN, "-p icmp --icmp-type 256", 18, "not TYPE"},
		{CFG_IPV4, IN, "-p icmp --icmp-type 8/", 18, "not TYPE"},
		{CFG_IPV4, IN, "-p icmp --icmp-type 8-9", 18, "not TYPE"},
		{CFG_IPV4, IN, "-p icmp --icmp-type x", 18, "unknown type"},
		{CFG_IPV6, IN, "-p icmpv6 --icmpv6-type any", 20, "unknown type"},
		{CFG_IPV6, IN, "-p icmp -m icmp --icmp-type 8", 18, "not for IPv6"},
		{CFG_IPV4, IN, "-m icmp6", 10, "not for IPv4"},
		{CFG_IPV4, IN, "-m state", 10, "needs option 'state'"},
		{CFG_IPV4, IN, "-m state --state SNAT", 19, "unknown state"},
		{CFG_IPV4, IN, "-m state --state ,", 19, "unknown state"},
		{CFG_IPV4, IN, "-m state --state NEW,", 19, "unknown state"},
		{CFG_IPV4, IN, "-m state --state NEW --state NEW", 31, "only once"},
		{CFG_IPV4, IN, "-m conntrack", 10, "needs one of its options"},
		{CFG_IPV4, IN, "-m conntrack --ctstate wrong", 23, "unknown state"},
		{CFG_IPV4, IN, "-m comment", 10, "needs option 'comment'"},
		{CFG_IPV4, IN, "-m comment --comment", 21, "requires an argument"},
		{CFG_IPV4, IN, "-m comment ! --comment foo", 23, "cannot be negated"},
		{CFG_IPV4, IN, "-m comment --comment \xff", 21, "UTF-8"},
		{CFG_IPV4, IN, "-m comment --comment \xed\xa0\x80", 21, "UTF-8"},
		{CFG_IPV4, IN, "-j REJECT --reject-with x", 20, "unknown answer"},
		{CFG_IPV4, IN, "-j REJECT --reject-with echo-reply", 20, "unknown answer"},
		{CFG_IPV6, IN, "-j REJECT --reject-with icmp-port-unreachable", 20,
		 "unknown answer"},
		{CFG_IPV4, POST, "-p tcp -j MASQUERADE --to-ports 10-5", 37, "backwards"},
		{CFG_IPV4, POST, "-p tcp -j MASQUERADE --to-ports 5:6", 37, "bad port"},
		{CFG_IPV4, POST, "-p tcp -j SNAT --to-source 1.1.1.1:80-", 31, "bad port"},
		{CFG_IPV4, POST, "-p tcp -j SNAT --to-source 1.1.1.1:5/6", 31, "bad port"},
		{CFG_IPV4, POST, "-p tcp -j SNAT --to-source 1.1.1.1:1-65536", 31, "bad port"},
		{CFG_IPV4, POST, "-j SNAT --to-source 1.1.1", 24, "bad address"},
		{CFG_IPV4, POST, "-j SNAT --to-source 1.1.1.9-1.1.1.1", 24, "runs backwards"},
		{CFG_IPV4, POST, "-j SNAT --to-source 1.1.1.1 --to-source 2.2.2.2", 44,
		 "only once"},
		{CFG_IPV4, POST, "-j SNAT --random", 16, "needs option 'to-source'"},
		{CFG_IPV4, POST, "-j SNAT ! --to-source 1.1.1.1", 26, "cannot be negated"},
		{CFG_IPV4, PRE, "-j DNAT --to-destination 1.1.1.1 --random-fully", 48,
		 "unknown option"},
		{CFG_IPV4, PRE, "-p tcp -j DNAT --to-destination 1.1.1.1:80/100", 30, "bad port"},
		{CFG_IPV4, PRE, "-p tcp -j DNAT --to-destination 1.1.1.1:", 30, "bad port"},
		{CFG_IPV6, PRE, "-p tcp -j DNAT --to-destination [dead::1]-[dead::5]:80", 30,
		 "not [ADDRESS]"},
		{CFG_IPV6, PRE, "-p tcp -j DNAT --to-destination 1.1.1.1", 30, "bad address"},
		{CFG_IPV4, PRE, "-p tcp -j REDIRECT --to-ports 5-10/3", 34, "bad port"},
		{CFG_IPV4, PRE, "-j REDIRECT --persistent", 27, "unknown option"},
	};

	EXPECT_BAD(rows);
}

Test(config_save_rule, limit)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-m limit", "-m limit --limit 3/hour"},
		{CFG_IPV4, IN, "-m limit --limit-burst 5", "-m limit --limit 3/hour"},
		{CFG_IPV4, IN, "-m limit --limit 5/minute --limit-burst 7",
		 "-m limit --limit 5/min --limit-burst 7"},
		{CFG_IPV4, IN, "-m limit --limit 10", "-m limit --limit 10/sec"},
		{CFG_IPV6, IN, "-m limit --limit 5/sEc", "-m limit --limit 5/sec"},
		{CFG_IPV4, IN, "-m limit --limit 10000/s --limit-burst 10000",
		 "-m limit --limit 10000/sec --limit-burst 10000"},
		{CFG_IPV4, IN, "-m limit --limit 3599/s", "-m limit --limit 5000/sec"},
		{CFG_IPV4, IN, "-m limit --limit 10000/m", "-m limit --limit 166/sec"},
		{CFG_IPV4, IN, "-m limit --limit 60/m", "-m limit --limit 1/sec"},
		{CFG_IPV4, IN, "-m limit --limit 3600/d", "-m limit --limit 150/hour"},
		{CFG_IPV4, IN, "-m limit --limit 7200/d", "-m limit --limit 5/min"},
		{CFG_IPV4, IN, "-m limit --limit 1440/d", "-m limit --limit 1/min"},
		{CFG_IPV4, IN, "-m limit --limit 3601/h", "-m limit --limit 3601/hour"},
		{CFG_IPV4, IN, "-m limit --limit 60/d", "-m limit --limit 60/day"},
		{CFG_IPV4, IN, "-m limit --limit 2/day", NULL},
		{CFG_IPV4, IN, "-m limit --limit 1/s --limit-burst 0x10",
		 "-m limit --limit 1/sec --limit-burst 16"},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, "-m limit --limit 0/s", 19, "bad rate"},
		{CFG_IPV4, IN, "-m limit --limit 10001/s", 19, "bad rate"},
		{CFG_IPV4, IN, "-m limit --limit 600001/m", 19, "bad rate"},
		{CFG_IPV4, IN, "-m limit --limit 1/", 19, "bad rate"},
		{CFG_IPV4, IN, "-m limit --limit /s", 19, "bad rate"},
		{CFG_IPV4, IN, "-m limit --limit 1/week", 19, "bad rate"},
		{CFG_IPV4, IN, "-m limit --limit 5/minutes", 19, "bad rate"},
		{CFG_IPV4, IN, "-m limit --limit 0x10/s", 19, "bad rate"},
		{CFG_IPV4, IN, "-m limit --limit -1/s", 19, "bad rate"},
		{CFG_IPV4, IN, "-m limit --limit 1/s --limit-burst 0", 31, "bad burst"},
		{CFG_IPV4, IN, "-m limit --limit 1/s --limit-burst 10001", 31, "bad burst"},
		{CFG_IPV4, IN, "-m limit --limit 1/d", 10, "so large a burst"},
		{CFG_IPV4, IN, "-m limit --limit 3/d", 10, "so large a burst"},
		{CFG_IPV4, IN, "-m limit --limit 1/s --limit 2/s", 31, "'limit' can"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

Test(config_save_rule, notrack_ct_and_mark)
{
	static const struct row rows[] = {
		{CFG_IPV4, RAW, "-j NOTRACK", NULL},
		{CFG_IPV6, RAW, "-j CT --notrack", NULL},
		{CFG_IPV4, RAW, "-p tcp -j CT --helper ftp", NULL},
		{CFG_IPV6, RAW, "-p udp -j CT --helper sip", NULL},
		{CFG_IPV4, RAW, "-p tcp -m tcp --dport 1720 -j CT --helper Q.931", NULL},
		{CFG_IPV4, RAW, "-p tcp -j CT --helper ftp --notrack",
		 "-p tcp -j CT --notrack --helper ftp"},
		{CFG_IPV4, RAW, "-j CT --notrack --helper a-name-that-is-too-long",
		 "-j CT --notrack --helper a-name-that-is-"},
		{CFG_IPV4, IN, "-j MARK --set-xmark 0xfeedcafe/0xfeedcafe", NULL},
		{CFG_IPV4, IN, "-j MARK --set-xmark 0x0", "-j MARK --set-xmark 0x0/0xffffffff"},
		{CFG_IPV6, IN, "-j MARK --set-xmark 4294967295",
		 "-j MARK --set-xmark 0xffffffff/0xffffffff"},
		{CFG_IPV4, IN, "-j MARK --set-xmark 010", "-j MARK --set-xmark 0x8/0xffffffff"},
		{CFG_IPV4, IN, "-j MARK --set-mark 0x100/0xff", "-j MARK --set-xmark 0x100/0x1ff"},
		{CFG_IPV4, IN, "-j MARK --and-mark 0xf0", "-j MARK --set-xmark 0x0/0xffffff0f"},
		{CFG_IPV4, IN, "-j MARK --or-mark 0xf0", "-j MARK --set-xmark 0xf0/0xf0"},
		{CFG_IPV4, IN, "-j MARK --xor-mark 0xf0", "-j MARK --set-xmark 0xf0/0x0"},
		{CFG_IPV4, RAW, "-j MARK --set-mark 1", "-j MARK --set-xmark 0x1/0xffffffff"},
		{CFG_IPV4, PRE, "-j MARK --set-mark 1", "-j MARK --set-xmark 0x1/0xffffffff"},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, "-j NOTRACK", 10, "NOTRACK"},
		{CFG_IPV4, IN, "-j CT --notrack", 10, "CT"},
		{CFG_IPV4, RAW, "-j CT --notrack --notrack", 31, "'notrack' can"},
		{CFG_IPV4, IN, "-j MARK", 10, "MARK"},
		{CFG_IPV4, IN, "-j MARK --set-xmark 4294967296", 18, "bad mark"},
		{CFG_IPV4, IN, "-j MARK --set-xmark -1", 18, "bad mark"},
		{CFG_IPV4, IN, "-j MARK --set-mark 1/", 18, "bad mark"},
		{CFG_IPV4, IN, "-j MARK --set-mark 1/2/3", 18, "bad mark"},
		{CFG_IPV4, IN, "-j MARK --and-mark 1/2", 18, "bad mark"},
		{CFG_IPV4, IN, "-j MARK --set-mark 1 --or-mark 2", 31, "together with"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

// What iptables has and Ringwall does not is named.
Test(config_save_rule, refused_by_name)
{
	static const struct bad rows[] = {
		{CFG_IPV4, IN, "-m ipvs --vport 80 -j ACCEPT", 10,
		 "match 'ipvs' is not supported: there is no virtual server here"},
		{CFG_IPV4, IN, "-j ULOG --ulog-prefix \"x: \"", 10,
		 "target 'ULOG' is not supported: NFLOG took its place"},
	};
	struct bad fixed[sizeof(rows) / sizeof(rows[0])];

	memcpy(fixed, rows, sizeof(rows));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]);
	     i++) // "-A CHAIN " in front of the rule
		fixed[i].column = strlen(strchr(rows[i].chain, ' ')) - 1 + 5;
	EXPECT_BAD(fixed);
}
