// The guard against the kernel: the same packets with and without it. Without the first half of
// each row the second would prove nothing.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "net/guard.h"
#include "test/unit/net/ns.h"

static char why[512];

// veth-lan in this namespace without an address; the host has 10.9.9.9 elsewhere and forwards to
// dmz.
static void
topology(void)
{
	ns_enter();
	ns_peer_start();
	ns_sh("ip link add veth-lan address 02:00:00:00:00:01 type veth peer name lan0 netns %d && "
	      "ip link set veth-lan up && ip addr add 10.9.9.9/32 dev lo && ip -6 addr add "
	      "2001:db8:9::9/128 dev lo "
	      "&& ip link add dmz type veth peer name dmz0 && ip addr add 10.8.0.1/24 dev dmz && "
	      "ip link set dmz up && ip link set dmz0 up && "
	      "ip neigh add 10.8.0.2 dev dmz lladdr 02:00:00:00:00:88 nud permanent && "
	      "sysctl -w net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 "
	      "net.ipv4.conf.veth-lan.rp_filter=0 net.ipv4.icmp_echo_ignore_broadcasts=0 && "
	      "nsenter -t %d -n sh -c 'ip addr add 10.1.1.2/8 dev lan0 && ip addr add "
	      "2001:db8:9::2/64 dev lan0 "
	      "nodad && ip link set lan0 up address 02:00:00:00:00:02'",
	      ns_peer, ns_peer);
	usleep(200000);
}

static int
in_peer(const char *cmd)
{
	return ns_try("nsenter -t %d -n sh -c '%s'", ns_peer, cmd);
}

static long
counter(const char *awk)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "awk '%s' /proc/net/snmp", awk);
	return atol(ns_out(cmd));
}

#define FRAME                                                                                      \
	"ip neigh replace 10.9.9.9 dev lan0 lladdr 02:00:00:00:00:01 nud permanent; "              \
	"ip neigh replace 10.8.0.2 dev lan0 lladdr 02:00:00:00:00:01 nud permanent; "              \
	"ip -6 neigh replace 2001:db8:9::9 dev lan0 lladdr 02:00:00:00:00:01 nud permanent; "

// What gets through to the host's stack: ARP answered, echoes counted, packets forwarded, IPv6
// echoes.
struct seen {
	bool arp;
	long echo, forwarded, echo6;
};

static struct seen
attack(void)
{
	struct seen s = {0};
	long echo = counter("/^Icmp: [0-9]/ {print $9}");
	long fwd = counter("/^Ip: [0-9]/ {print $7}");
	long in6 = atol(ns_out("awk '/^Icmp6InEchos / {print $2}' /proc/net/snmp6"));

	in_peer("ip neigh del 10.9.9.9 dev lan0; ping -c 1 -W 1 10.9.9.9");
	s.arp = in_peer("ip neigh show 10.9.9.9 | grep -q 02:00:00:00:00:01") == 0;
	in_peer(FRAME "ping -c 1 -W 1 10.9.9.9 & ping -c 1 -W 1 10.8.0.2 & ping -b -c 1 -W 1 "
		      "255.255.255.255 & "
		      "ping -c 1 -W 1 2001:db8:9::9 & ping -c 1 -W 1 ff02::1%lan0 & wait");
	s.echo = counter("/^Icmp: [0-9]/ {print $9}") - echo;
	s.forwarded = counter("/^Ip: [0-9]/ {print $7}") - fwd;
	s.echo6 = atol(ns_out("awk '/^Icmp6InEchos / {print $2}' /proc/net/snmp6")) - in6;
	return s;
}

TestSuite(net_guard, .timeout = 60);

Test(net_guard, the_hosts_stack_is_deaf_behind_it)
{
	struct net_guard *g = NULL;
	struct seen s;

	topology();
	s = attack();
	cr_expect(s.arp, "without the guard the host answers ARP for another interface's address");
	cr_expect(gt(long, s.echo, 0), "without the guard the host takes echo requests");
	cr_expect(gt(long, s.forwarded, 0), "without the guard the host forwards");
	cr_expect(gt(long, s.echo6, 0), "without the guard the host takes IPv6");
	cr_assert_eq(net_guard_start(&g, "veth-lan", why, sizeof(why)), 0, "%s", why);
	s = attack();
	cr_expect_not(s.arp);
	cr_expect(eq(long, s.echo, 0));
	cr_expect(eq(long, s.forwarded, 0));
	cr_expect(eq(long, s.echo6, 0));
	net_guard_stop(g);
	s = attack();
	cr_expect(s.arp, "stop puts back what start changed");
	cr_expect(gt(long, s.echo, 0));
	cr_expect(gt(long, s.forwarded, 0));
	cr_expect(gt(long, s.echo6, 0));
	ns_peer_stop();
}

Test(net_guard, refuses_what_would_stay_open)
{
	static const struct {
		const char *set_up, *iface, *word;
	} row[] = {
		{"true", "nosuch", "no interface nosuch"},
		{"ip addr add 192.0.2.1/24 dev veth-lan", "veth-lan", "192.0.2.1/24"},
		{"ip addr flush dev veth-lan; ip -6 addr add 2001:db8::7/64 dev veth-lan nodad",
		 "veth-lan", "2001:db8::7/64"},
		{"ip -6 addr flush dev veth-lan scope global; ip route add 192.0.2.0/24 dev "
		 "veth-lan",
		 "veth-lan", "192.0.2.0/24"},
	};

	topology();
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct net_guard *g = NULL;

		ns_sh("%s", row[i].set_up);
		cr_expect(lt(int, net_guard_start(&g, row[i].iface, why, sizeof(why)), 0), "%s",
			  row[i].set_up);
		cr_expect_null(g);
		cr_expect_not_null(strstr(why, row[i].word), "%s: %s", row[i].set_up, why);
		cr_expect(ne(str, (char *)ns_out("cat /proc/sys/net/ipv4/conf/veth-lan/arp_ignore"),
			     "8"));
	}
	ns_peer_stop();
}

Test(net_guard, leaves_alone_what_came_after_it)
{
	struct net_guard *g = NULL;

	ns_enter();
	ns_sh("ip link add veth-lan type veth peer name lan0");
	cr_assert_eq(net_guard_start(&g, "veth-lan", why, sizeof(why)), 0, "%s", why);
	ns_sh("ip link del veth-lan; ip link add veth-lan type veth peer name lan0; "
	      "sysctl -w net.ipv4.conf.veth-lan.arp_ignore=3");
	net_guard_stop(g);
	cr_expect(eq(str, (char *)ns_out("cat /proc/sys/net/ipv4/conf/veth-lan/arp_ignore"), "3"));
}

Test(net_guard, an_interface_that_was_down_is_up_and_down_again)
{
	struct net_guard *g = NULL;

	ns_enter();
	ns_sh("ip link add veth-lan type veth peer name lan0 && ip link set lan0 up");
	cr_assert_eq(net_guard_start(&g, "veth-lan", why, sizeof(why)), 0, "%s", why);
	cr_expect(eq(str, (char *)ns_out("ip -o link show up dev veth-lan | wc -l"), "1"));
	net_guard_stop(g);
	cr_expect(eq(str, (char *)ns_out("ip -o link show up dev veth-lan | wc -l"), "0"));
}

// What a killed gateway left is not taken for the operator's own.
Test(net_guard, finds_the_way_back_after_one_that_was_killed)
{
	static const char *const key[] = {"ipv4/conf/veth-lan/arp_ignore",
					  "ipv4/conf/veth-lan/rp_filter",
					  "ipv6/conf/veth-lan/disable_ipv6"};
	struct net_guard *dead = NULL, *g = NULL;
	char cmd[128], before[3][8];

	ns_enter();
	ns_sh("ip link add veth-lan type veth peer name lan0");
	for (int i = 0; i < 3; i++) {
		snprintf(cmd, sizeof(cmd), "cat /proc/sys/net/%s", key[i]);
		snprintf(before[i], sizeof(before[i]), "%s", ns_out(cmd));
	}
	cr_assert_eq(net_guard_start(&dead, "veth-lan", why, sizeof(why)), 0, "%s", why);
	cr_expect(eq(str, (char *)ns_out("cat /proc/sys/net/ipv4/conf/veth-lan/arp_ignore"), "8"));
	cr_assert_eq(net_guard_start(&g, "veth-lan", why, sizeof(why)), 0, "%s", why);
	cr_expect(eq(str, (char *)ns_out("cat /proc/sys/net/ipv4/conf/veth-lan/arp_ignore"), "8"));
	net_guard_stop(g);
	free(dead); // as the kernel frees what a killed one had
	for (int i = 0; i < 3; i++) {
		snprintf(cmd, sizeof(cmd), "cat /proc/sys/net/%s", key[i]);
		cr_expect(eq(str, (char *)ns_out(cmd), before[i]), "%s", key[i]);
	}
}
