// The matches that look at a packet as a whole, or at fields of its IP header: iptables-save text
// in and out. What is expected here was printed (or refused) by iptables-legacy 1.8.9 for the same
// line.
#include "save_rows.h"

Test(config_save_match, packet_as_a_whole)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-m mark --mark 1/0", "-m mark --mark 0x1/0x0"},
		{CFG_IPV4, IN, "-m mark ! --mark 010/0xff", "-m mark ! --mark 0x8/0xff"},
		{CFG_IPV4, IN, "-m mark --mark 0xf00/0xff", NULL},
		{CFG_IPV6, IN, "-m mark --mark 4294967295", "-m mark --mark 0xffffffff"},
		{CFG_IPV4, IN, "-m length --length :2", "-m length --length 0:2"},
		{CFG_IPV4, IN, "-m length ! --length 4:", "-m length ! --length 4:65535"},
		{CFG_IPV4, IN, "-m length --length 5:3", NULL},
		{CFG_IPV4, IN, "-m length --length 0x10:0x20", "-m length --length 16:32"},
		{CFG_IPV4, IN, "-m length --length 5:5", "-m length --length 5"},
		{CFG_IPV4, IN, "-m length --length :", "-m length --length 0:65535"},
		{CFG_IPV4, IN,
		 "-m iprange --dst-range 2.2.2.2-3.3.3.3 ! --src-range 1.1.1.1-1.1.1.2",
		 "-m iprange ! --src-range 1.1.1.1-1.1.1.2 --dst-range 2.2.2.2-3.3.3.3"},
		{CFG_IPV4, IN, "-m iprange --src-range 1.1.1.9",
		 "-m iprange --src-range 1.1.1.9-1.1.1.9"},
		{CFG_IPV4, IN, "-m iprange --src-range 1.1.1-1.1.2",
		 "-m iprange --src-range 1.1.1.0-1.1.2.0"},
		{CFG_IPV6, IN, "-m iprange --src-range ::1-::ffff ! --dst-range fe80::1",
		 "-m iprange --src-range ::1-::ffff ! --dst-range fe80::1-fe80::1"},
		{CFG_IPV4, IN, "-m pkttype --pkt-type BCAST", "-m pkttype --pkt-type broadcast"},
		{CFG_IPV4, IN, "-m pkttype --pkt-type host", "-m pkttype --pkt-type unicast"},
		{CFG_IPV4, IN, "-m pkttype ! --pkt-type multicast", NULL},
		{CFG_IPV6, IN, "-m pkttype --pkt-type otherhost", NULL},
		{CFG_IPV4, IN, "-m mac --mac-source 0:1:2:3:4:5",
		 "-m mac --mac-source 00:01:02:03:04:05"},
		{CFG_IPV6, "filter FORWARD", "-m mac ! --mac-source 42:Aa:00:00:00:0F",
		 "-m mac ! --mac-source 42:aa:00:00:00:0f"},
		{CFG_IPV4, IN, "-m mark --mark 0x1 -m mark ! --mark 0x2 -j ACCEPT", NULL},
	};

	EXPECT_ROWS(rows);
}

Test(config_save_match, header_fields)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-m ttl --ttl 5", "-m ttl --ttl-eq 5"},
		{CFG_IPV4, IN, "-m ttl ! --ttl 5", "-m ttl ! --ttl-eq 5"},
		{CFG_IPV4, IN, "-m ttl --ttl-lt 0x40", "-m ttl --ttl-lt 64"},
		{CFG_IPV4, IN, "-m ttl --ttl-gt 255", NULL},
		{CFG_IPV6, IN, "-m hl ! --hl-eq 42", NULL},
		{CFG_IPV6, IN, "-m hl --hl 5", "-m hl --hl-eq 5"},
		{CFG_IPV6, IN, "-m hl --hl-lt 0", NULL},
		{CFG_IPV4, IN, "-m tos --tos 0xff", "-m tos --tos 0xff/0xff"},
		{CFG_IPV4, IN, "-m tos --tos 0x10/0x0f", NULL},
		{CFG_IPV4, IN, "-m tos ! --tos minimize-delay", "-m tos ! --tos 0x10/0x3f"},
		{CFG_IPV4, IN, "-m tos --tos Normal-Service", "-m tos --tos 0x00/0x3f"},
		{CFG_IPV6, IN, "-m tos --tos 8/0x1c", "-m tos --tos 0x08/0x1c"},
		{CFG_IPV4, IN, "-m dscp --dscp 10", "-m dscp --dscp 0x0a"},
		{CFG_IPV4, IN, "-m dscp ! --dscp-class af43", "-m dscp ! --dscp 0x26"},
		{CFG_IPV4, IN, "-m dscp --dscp-class EF", "-m dscp --dscp 0x2e"},
		{CFG_IPV4, IN, "-m dscp --dscp-class CS7", "-m dscp --dscp 0x38"},
		{CFG_IPV6, IN, "-m dscp ! --dscp 077", "-m dscp ! --dscp 0x3f"},
		{CFG_IPV4, IN, "-m ecn ! --ecn-ip-ect 0x3", "-m ecn ! --ecn-ip-ect 3"},
		{CFG_IPV6, IN, "-p tcp -m ecn --ecn-ip-ect 1 ! --ecn-tcp-cwr --ecn-tcp-ece",
		 "-p tcp -m ecn --ecn-tcp-ece ! --ecn-tcp-cwr --ecn-ip-ect 1"},
	};

	EXPECT_ROWS(rows);
}

Test(config_save_match, bad_packet_matches)
{
	static const struct bad rows[] = {
		{CFG_IPV4, IN, "-m mark --mark 4294967296", 18, "not MARK or MARK/MASK"},
		{CFG_IPV4, IN, "-m mark --mark -1", 18, "not MARK or MARK/MASK"},
		{CFG_IPV4, IN, "-m mark --mark 1/", 18, "not MARK or MARK/MASK"},
		{CFG_IPV4, IN, "-m mark", 10, "needs option 'mark'"},
		{CFG_IPV4, IN, "-m length --length 0:65536", 20, "not LENGTH"},
		{CFG_IPV4, IN, "-m length --length 1:2:3", 20, "not LENGTH"},
		{CFG_IPV4, IN, "-m iprange", 10, "needs one of its options"},
		{CFG_IPV4, IN, "-m iprange --src-range 1.1.1.9-1.1.1.1", 21, "runs backwards"},
		{CFG_IPV4, IN, "-m iprange --src-range 1.1.1.1-", 21, "not a single address"},
		{CFG_IPV4, IN, "-m iprange --src-range 1.1.1.1/8", 21, "not a single address"},
		{CFG_IPV6, IN, "-m iprange --src-range 1.1.1.1", 21, "only IPv6"},
		{CFG_IPV4, IN, "-m pkttype --pkt-type uni", 21, "not a packet type"},
		{CFG_IPV4, IN, "-m mac --mac-source 42:aa:00:00:00", 17, "not a MAC"},
		{CFG_IPV4, IN, "-m mac --mac-source 042:1:1:1:1:1", 17, "not a MAC"},
		{CFG_IPV4, IN, "-m mac --mac-source 2:1:1:1:1:1:1", 17, "not a MAC"},
		{CFG_IPV4, "filter OUTPUT", "-m mac --mac-source 2:1:1:1:1:1", 11,
		 "cannot stand at OUTPUT"},
		{CFG_IPV4, IN, "-m ttl ! --ttl-lt 5", 19, "cannot be negated"},
		{CFG_IPV4, IN, "-m ttl --ttl-eq 256", 17, "0 to 255"},
		{CFG_IPV4, IN, "-m ttl --ttl-gt 5 --ttl-lt 9", 28, "together with"},
		{CFG_IPV4, IN, "-m ttl", 10, "needs one of its options"},
		{CFG_IPV4, IN, "-m hl --hl-eq 5", 10, "is not for IPv4"},
		{CFG_IPV4, IN, "-m tos --tos Min", 17, "Minimize-Delay"},
		{CFG_IPV4, IN, "-m tos --tos 1/256", 17, "0 to 255"},
		{CFG_IPV4, IN, "-m dscp --dscp 0x40", 18, "0 to 63"},
		{CFG_IPV4, IN, "-m dscp --dscp 0 --dscp-class CS0", 27, "together with"},
		{CFG_IPV4, IN, "-m dscp --dscp-class le", 18, "unknown class"},
		{CFG_IPV4, IN, "-m ecn --ecn-ip-ect 4", 17, "0 to 3"},
		{CFG_IPV4, IN, "-m ecn --ecn-tcp-cwr", 10, "need protocol tcp"},
		{CFG_IPV4, IN, "! -p tcp -m ecn --ecn-tcp-ece", 19, "need protocol tcp"},
	};

	EXPECT_BAD(rows);
}
