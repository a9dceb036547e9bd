// One rule, one packet: what each match says, with the cases in which the kernel does the
// unexpected. The rule drops in FORWARD, whose policy accepts: MATCH, MISS, or HOT (dropped without
// a verdict). Each row goes through the compiled walk and the interpreter (at.c compares them).
#include "match_rows.h"

Test(acl_match, addresses_protocols_interfaces)
{
	static const struct row row[] = {
		{"-s 10.0.0.0/8", UDP(1), {0}, MATCH},
		{"-s 11.0.0.0/8", UDP(1), {0}, MISS},
		{"! -s 10.0.0.0/8", UDP(1), {0}, MISS},
		{"! -s 11.0.0.0/8", UDP(1), {0}, MATCH},
		{"! -s 10.0.0.5/32 -d 192.0.2.9/32", UDP(1), {0}, MISS},
		{"-s 10.0.0.5/255.0.0.255", UDP(1), {0}, MATCH},
		{"-s 10.0.0.4/255.0.0.255", UDP(1), {0}, MISS},
		{"! -d 0.0.0.9/0.0.0.255", UDP(1), {0}, MISS},
		{"! -d 0.0.0.8/0.0.0.255", UDP(1), {0}, MATCH},
		{"-p udp", UDP(1), {0}, MATCH},
		{"-p tcp", UDP(1), {0}, MISS},
		{"! -p tcp", UDP(1), {0}, MATCH},
		{"! -p udp", UDP(1), {0}, MISS},
		{"-i lan -o wan", UDP(1), {0}, MATCH},
		{"-i wan", UDP(1), {0}, MISS},
		{"! -i wan", UDP(1), {0}, MATCH},
		{"! -i lan", UDP(1), {0}, MISS},
		{"-i la+", UDP(1), {0}, MATCH},
		{"-i lan+", UDP(1), {0}, MATCH},
		{"-i lan0+", UDP(1), {0}, MISS},
		{"! -o w+", UDP(1), {0}, MISS},
		{"-i eth0", UDP(1), {.in = 3}, MISS},
		{"-i eth+", UDP(1), {.in = 3}, MATCH},
		{"-i lan", UDP(1), {.in = AT_NONE}, MISS},
		{"! -i lan", UDP(1), {.in = AT_NONE}, MATCH},
		{"! -i la+", UDP(1), {.in = AT_NONE}, MATCH},
		{"-i nosuch", UDP(1), {0}, MISS},
	};

	expect_rows(CFG_IPV4, row, RTE_DIM(row));
}

Test(acl_match, ports_and_flags)
{
	static const struct row row[] = {
		{"-p tcp -m tcp --dport 80", TCP(80), {0}, MATCH},
		{"-p tcp -m tcp --dport 80", TCP(81), {0}, MISS},
		{"-p tcp -m tcp --dport 80", UDP(80), {0}, MISS},
		{"-p tcp -m tcp ! --dport 80", TCP(80), {0}, MISS},
		{"-p tcp -m tcp ! --dport 80", TCP(81), {0}, MATCH},
		{"-p tcp -m tcp --sport 1000:2000 --dport 80:90", TCP(90), {0}, MATCH},
		{"-p tcp -m tcp --sport 1000:2000 --dport 80:90", TCP(91), {0}, MISS},
		{"-p udp -m udp --sport 999 --dport 53", UDP(53), {0}, MISS},
		{"-p udp -m udp ! --sport 999 --dport 53", UDP(53), {0}, MATCH},
		{"-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN",
		 TCP(1, .tcp_flags = 0x02),
		 {0},
		 MATCH},
		{"-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN",
		 TCP(1, .tcp_flags = 0x12),
		 {0},
		 MISS},
		{"-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN",
		 TCP(1, .tcp_flags = 0x12),
		 {0},
		 MATCH},
		{"-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN",
		 TCP(1, .tcp_flags = 0x42),
		 {0},
		 MISS},
		{"-p tcp -m multiport --dports 22,80:90", TCP(85), {0}, MATCH},
		{"-p tcp -m multiport --dports 22,80:90", TCP(1000), {0}, MISS},
		{"-p tcp -m multiport --sports 22,80:90", TCP(85), {0}, MISS},
		{"-p tcp -m multiport --ports 22,1000", TCP(85), {0}, MATCH},
		{"-p tcp -m multiport ! --ports 22,1000", TCP(85), {0}, MISS},
		{"-p tcp -m multiport ! --dports 22,1000", TCP(85), {0}, MATCH},
		{"-p tcp -m multiport ! --ports 22,85", TCP(85), {0}, MISS},
		{"-p udp -m multiport --dports 1,2 -m multiport --sports 1000", UDP(2), {0}, MATCH},
	};

	expect_rows(CFG_IPV4, row, RTE_DIM(row));
}

Test(acl_match, tcp_options)
{
	static const uint8_t mss[] = {2, 4, 5, 180}, pad[] = {1, 1, 3, 3, 7, 0, 0, 0};
	static const struct row row[] = {
		{"-p tcp -m tcp --tcp-option 2",
		 TCP(1, .payload = mss, .payload_len = 4),
		 {.data_off = 6},
		 MATCH},
		{"-p tcp -m tcp ! --tcp-option 2",
		 TCP(1, .payload = mss, .payload_len = 4),
		 {.data_off = 6},
		 MISS},
		{"-p tcp -m tcp --tcp-option 5", // a byte inside another option
		 TCP(1, .payload = mss, .payload_len = 4),
		 {.data_off = 6},
		 MISS},
		{"-p tcp -m tcp --tcp-option 3",
		 TCP(1, .payload = pad, .payload_len = 8),
		 {.data_off = 7},
		 MATCH},
		{"-p tcp -m tcp --tcp-option 3",
		 TCP(1, .payload = pad, .payload_len = 8),
		 {.data_off = 5},
		 MISS},
		{"-p tcp -m tcp ! --tcp-option 3", TCP(1), {.data_off = 5}, MATCH},
		{"-p tcp -m tcp --tcp-option 3", TCP(1), {.data_off = 4}, HOT},
		{"-p tcp -m tcp --tcp-option 3", TCP(1), {.data_off = 6}, HOT},
		{"-p tcp -m tcp --dport 2 --tcp-option 3", TCP(1), {.data_off = 4}, MISS},
	};

	expect_rows(CFG_IPV4, row, RTE_DIM(row));
}

Test(acl_match, cut_headers_and_fragments)
{
	static const struct row row[] = {
		{"-p tcp", TCP(80), {.cut = 8 + 1}, MATCH},
		{"-p tcp -m tcp --dport 80", TCP(80), {.cut = 19 + 1}, HOT},
		{"-p tcp -m tcp --dport 81", TCP(80), {.cut = 19 + 1}, HOT},
		{"-s 11.0.0.0/8 -p tcp -m tcp --dport 80", TCP(80), {.cut = 19 + 1}, MISS},
		{"-p udp -m udp --dport 80", TCP(80), {.cut = 19 + 1}, MISS},
		{"-p udp -m udp --dport 80", UDP(80), {.cut = 7 + 1}, HOT},
		{"-p tcp -m multiport --dports 80", TCP(80), {.cut = 4 + 1}, MATCH},
		{"-p tcp -m multiport --dports 80", TCP(80), {.cut = 3 + 1}, HOT},
		{"-p icmp -m icmp --icmp-type 8",
		 {.proto = IPPROTO_ICMP, .icmp_type = 8},
		 {.cut = 7 + 1},
		 HOT},
		{"-p tcp -m tcp --dport 80", FRAG(IPPROTO_TCP, 0x2000), {0}, MATCH}, // the first
		{"-p tcp -m tcp --dport 0:65535", FRAG(IPPROTO_TCP, 2), {0}, MISS},
		{"-p tcp -m multiport ! --dports 1", FRAG(IPPROTO_TCP, 2), {0}, MISS},
		{"-p tcp", FRAG(IPPROTO_TCP, 2), {0}, MATCH},
		{"-p tcp -m tcp --dport 1", FRAG(IPPROTO_TCP, 1), {0}, HOT},
		{"-p udp -m udp --dport 1", FRAG(IPPROTO_UDP, 1), {0}, MISS},
		{"-f", FRAG(IPPROTO_UDP, 2), {0}, MATCH},
		{"-f", FRAG(IPPROTO_UDP, 0x2000), {0}, MISS},
		{"! -f", FRAG(IPPROTO_UDP, 2), {0}, MISS},
		{"! -f", FRAG(IPPROTO_UDP, 0x2000), {0}, MATCH},
	};

	expect_rows(CFG_IPV4, row, RTE_DIM(row));
}

Test(acl_match, icmp_and_state)
{
	static const struct row row[] = {
		{"-p icmp -m icmp --icmp-type 8",
		 {.proto = IPPROTO_ICMP, .icmp_type = 8},
		 {0},
		 MATCH},
		{"-p icmp -m icmp --icmp-type 8",
		 {.proto = IPPROTO_ICMP, .icmp_type = 0},
		 {0},
		 MISS},
		{"-p icmp -m icmp --icmp-type 3/4",
		 {.proto = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 4},
		 {0},
		 MATCH},
		{"-p icmp -m icmp --icmp-type 3/4",
		 {.proto = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 3},
		 {0},
		 MISS},
		{"-p icmp -m icmp ! --icmp-type 3/4",
		 {.proto = IPPROTO_ICMP, .icmp_type = 3, .icmp_code = 3},
		 {0},
		 MATCH},
		{"-p icmp -m icmp --icmp-type 255",
		 {.proto = IPPROTO_ICMP, .icmp_type = 3},
		 {0},
		 MATCH},
		{"-p icmp -m icmp ! --icmp-type 255",
		 {.proto = IPPROTO_ICMP, .icmp_type = 3},
		 {0},
		 MISS},
		{"-m conntrack --ctstate NEW", UDP(1), {0}, MATCH},
		{"-m conntrack --ctstate RELATED,ESTABLISHED", UDP(1), {0}, MISS},
		{"-m conntrack --ctstate RELATED,ESTABLISHED",
		 UDP(1),
		 {.ct_state = PL_CT_RELATED},
		 MATCH},
		{"-m conntrack ! --ctstate RELATED,ESTABLISHED", UDP(1), {0}, MATCH},
		{"-m conntrack --ctstate INVALID", UDP(1), {.ct_state = AT_NONE}, MATCH},
		{"-m conntrack --ctstate UNTRACKED", UDP(1), {.ct_state = PL_CT_UNTRACKED}, MATCH},
		{"-m conntrack --ctstate DNAT", UDP(1), {.ct_status = PL_CT_SNAT}, MISS},
		{"-m conntrack --ctstate SNAT", UDP(1), {.ct_status = PL_CT_SNAT}, MATCH},
		{"-m conntrack --ctstate ESTABLISHED,SNAT",
		 UDP(1),
		 {.ct_status = PL_CT_SNAT},
		 MATCH},
		{"-m conntrack ! --ctstate ESTABLISHED,SNAT",
		 UDP(1),
		 {.ct_status = PL_CT_SNAT},
		 MISS},
		{"-m state --state NEW -m conntrack --ctstate SNAT",
		 UDP(1),
		 {.ct_status = PL_CT_SNAT},
		 MATCH},
	};

	expect_rows(CFG_IPV4, row, RTE_DIM(row));
}

Test(acl_match, ipv6)
{
	static const struct row row[] = {
		{"-s 2001:db8::/32", UDP(1), {0}, MATCH},
		{"! -s 2001:db8::/32", UDP(1), {0}, MISS},
		{"! -s 2001:db8::6/128", UDP(1), {0}, MATCH},
		{"-d 2001:db8::9/128", UDP(1), {0}, MATCH},
		{"-d ::9/::ff", UDP(1), {0}, MATCH},
		{"-d ::8/::ff", UDP(1), {0}, MISS},
		{"-p tcp -m tcp --dport 80", TCP(80), {0}, MATCH},
		{"-p tcp -m tcp --dport 80", TCP(80), {.cut = 10 + 1}, HOT},
		{"! -p tcp", TCP(80), {0}, MISS},
		{"-p ipv6-icmp -m icmp6 --icmpv6-type 128",
		 {.proto = IPPROTO_ICMPV6, .icmp_type = 128},
		 {0},
		 MATCH},
		{"-p ipv6-icmp -m icmp6 ! --icmpv6-type 128",
		 {.proto = IPPROTO_ICMPV6, .icmp_type = 128},
		 {0},
		 MISS},
		{"-m conntrack --ctstate NEW -i lan", UDP(1), {0}, MATCH},
	};

	expect_rows(CFG_IPV6, row, RTE_DIM(row));
}

Test(acl_match, packet_as_a_whole)
{
	static const uint8_t all[] = {255, 255, 255, 255, 255, 255}, group[] = {1, 0, 94, 0, 0, 9};
	static const struct row row[] = {
		{"-m mark --mark 0x0", UDP(1), {0}, MATCH},
		{"-m mark ! --mark 0x0", UDP(1), {0}, MISS},
		{"-m mark --mark 0x1/0x1", UDP(1), {0}, MISS},
		{"-m mark --mark 0x1/0x0", UDP(1), {0}, MISS},
		{"-m length --length 28", UDP(1), {0}, MATCH},
		{"-m length --length 29:", UDP(1), {0}, MISS},
		{"-m length ! --length :27", UDP(1), {0}, MATCH},
		{"-m length --length 30:20", UDP(1), {0}, MISS},
		{"-m length ! --length 30:20", UDP(1), {0}, MATCH},
		{"-m iprange --src-range 10.0.0.1-10.0.0.5", UDP(1), {0}, MATCH},
		{"-m iprange --src-range 10.0.0.5-10.1.0.0", UDP(1), {0}, MATCH},
		{"-m iprange --src-range 10.0.0.6-10.1.0.0", UDP(1), {0}, MISS},
		{"-m iprange ! --src-range 10.0.0.6-10.1.0.0", UDP(1), {0}, MATCH},
		{"-m iprange --src-range 10.0.0.5 ! --dst-range 192.0.2.9", UDP(1), {0}, MISS},
		{"-m iprange --src-range 10.0.0.5 --dst-range 192.0.2.9", UDP(1), {0}, MATCH},
		{"-m pkttype --pkt-type unicast", UDP(1), {0}, MATCH},
		{"-m pkttype --pkt-type unicast", {.dmac = all}, {0}, MISS},
		{"-m pkttype --pkt-type broadcast", {.dmac = all}, {0}, MATCH},
		{"-m pkttype --pkt-type broadcast", {.dmac = group}, {0}, MISS},
		{"-m pkttype ! --pkt-type multicast", {.dmac = group}, {.flags = PL_F_BCAST}, MISS},
		{"-m pkttype --pkt-type otherhost", UDP(1), {0}, MISS},
		{"-m mac --mac-source 02:00:00:00:00:02", UDP(1), {0}, MATCH},
		{"-m mac --mac-source 02:00:00:00:00:03", UDP(1), {0}, MISS},
		{"-m mac ! --mac-source 02:00:00:00:00:03", UDP(1), {0}, MATCH},
		{"-m mac ! --mac-source 02:00:00:00:00:02", UDP(1), {0}, MISS},
	};

	expect_rows(CFG_IPV4, row, RTE_DIM(row));
}

Test(acl_match, header_fields)
{
	static const struct row row[] = {
		{"-m ttl --ttl-eq 64", UDP(1), {0}, MATCH},
		{"-m ttl ! --ttl-eq 64", UDP(1), {0}, MISS},
		{"-m ttl --ttl-lt 64", UDP(1), {0}, MISS},
		{"-m ttl --ttl-lt 65", UDP(1), {0}, MATCH},
		{"-m ttl --ttl-gt 64", UDP(1), {0}, MISS},
		{"-m ttl --ttl-gt 63", UDP(1), {0}, MATCH},
		{"-m tos --tos 0x00", UDP(1), {0}, MATCH},
		{"-m tos --tos 0x10/0x10", UDP(1), {0}, MISS},
		{"-m tos --tos 0x10/0x0f", UDP(1), {0}, MISS},
		{"-m dscp --dscp 0", UDP(1), {0}, MATCH},
		{"-m dscp ! --dscp 0", UDP(1), {0}, MISS},
		{"-m dscp --dscp-class EF", UDP(1), {0}, MISS},
		{"-m ecn --ecn-ip-ect 0", UDP(1), {0}, MATCH},
		{"-m ecn ! --ecn-ip-ect 0", UDP(1), {0}, MISS},
		{"-p tcp -m ecn --ecn-tcp-ece", TCP(1, .tcp_flags = 0x42), {0}, MATCH},
		{"-p tcp -m ecn --ecn-tcp-ece", TCP(1, .tcp_flags = 0x82), {0}, MISS},
		{"-p tcp -m ecn --ecn-tcp-cwr", TCP(1, .tcp_flags = 0x82), {0}, MATCH},
		{"-p tcp -m ecn --ecn-tcp-cwr ! --ecn-tcp-ece",
		 TCP(1, .tcp_flags = 0xc2),
		 {0},
		 MISS},
		{"-p tcp -m ecn ! --ecn-tcp-cwr", TCP(1), {0}, MATCH},
		// Cut off: xt_ecn says no, negated or not, and drops nothing.
		{"-p tcp -m ecn ! --ecn-tcp-cwr", TCP(1), {.cut = 10 + 1}, MISS},
	};
	static const struct row row6[] = {
		{"-m hl --hl-eq 64", UDP(1), {0}, MATCH},
		{"-m hl --hl-lt 64", UDP(1), {0}, MISS},
		{"-m hl --hl-gt 63", UDP(1), {0}, MATCH},
		{"-m tos --tos 0x00", UDP(1), {0}, MATCH},
		{"-m dscp ! --dscp 0", UDP(1), {0}, MISS},
		{"-m length --length 48", UDP(1), {0}, MATCH},
		{"-m iprange --src-range 2001:db8::1-2001:db8::5", UDP(1), {0}, MATCH},
		{"-m iprange --dst-range 2001:db8::1-2001:db8::8", UDP(1), {0}, MISS},
	};

	expect_rows(CFG_IPV4, row, RTE_DIM(row));
	expect_rows(CFG_IPV6, row6, RTE_DIM(row6));
}
