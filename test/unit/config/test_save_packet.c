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
