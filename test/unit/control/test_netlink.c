// Netlink against the real kernel, in a namespace of the test's own; the table and the ports stand
// in for themselves (fake_net.h).
#include <net/if.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "control/netlink.h"
#include "test/unit/control/fake_net.h"
#include "test/unit/net/ns.h"

static struct ctl_netlink *nl;
static struct cfg_err err;
static uint64_t clock_ms = 1000000000;

static void
gone(void *arg, uint8_t port, const struct cfg_prefix *addr)
{
	(void)arg;
	SAY("gone %u %s\n", port, text_of(addr, false));
}

static void
open_it(const struct cfg_settings *s)
{
	struct ctl_netlink_conf conf = {.settings = s, .address_gone = gone};

	cfg_err_init(&err, "ringwall.conf");
	cr_assert(eq(int, ctl_netlink_create(&nl, &conf, &err), 0));
}

// lan and wan are twins; mgmt is an interface of the host.
static void
topology(void)
{
	ns_enter();
	ns_peer_start();
	ns_sh("ip link add lan type veth peer name lan0 netns %d && ip link add wan type veth peer "
	      "name wan0 && "
	      "ip link add mgmt type veth peer name mgmt0 && ip addr add 192.168.1.1/24 dev lan && "
	      "ip link set "
	      "lan up && "
	      "ip link set wan up && ip link set mgmt up && ip link set wan0 up && ip link set "
	      "mgmt0 up && ip addr add 172.31.0.1/24 dev mgmt && "
	      "nsenter -t %d -n sh -c 'ip link set lan0 address 02:00:00:00:00:02 && ip link set "
	      "lan0 up && "
	      "ip addr add 192.168.1.2/24 dev lan0'",
	      ns_peer, ns_peer);
	usleep(50000);
	fake_ports = 2;
	fake_ifindex[0] = if_nametoindex("lan");
	fake_ifindex[1] = if_nametoindex("wan");
	cr_assert(fake_ifindex[0] != 0 && fake_ifindex[1] != 0);
}

// What the daemon's loop does for a while.
static void
run(unsigned ms)
{
	for (unsigned i = 0; i < ms; i += 10) {
		usleep(10000);
		ctl_netlink_on_readable(nl);
		if (i % 100 == 0)
			ctl_netlink_on_tick(nl, clock_ms += 100);
	}
}

TestSuite(ctl_netlink, .timeout = 60);

Test(ctl_netlink, starts_from_what_the_host_has)
{
	static const char *const has[] = {
		"addr+ 0 192.168.1.1/24\n",
		"route+ 10.0.0.0/8 via 192.168.1.9 port 0\n",
		"route+ 10.7.0.0/16 via - port 63 blackhole\n",
		"route+ 10.8.0.0/16 via - port 1\n",
		"route+ 2001:db8:1::/48 via fe80::9 port 1\n",
		"neigh+ 0 192.168.1.9 02:00:00:00:00:09\n",
		"twin 0 up 1500\n",
		"route+ 100.64.0.0/10 via 203.0.113.1 port 1\n",
	};
	static const char *const hasnt[] = {"172.",   "192.168.1.0/24", "192.168.1.255",
					    "10.99.", "ff02::",		"gone"};
	struct cfg_route own = {
		.to = prefix("100.64.0.0/10"), .via = prefix("203.0.113.1"), .port = "alone"};
	struct cfg_settings s = {.route = &own, .n_route = 1};
	const char *text;

	topology();
	ns_sh("ip route add 10.0.0.0/8 via 192.168.1.9 && ip route add unreachable 10.7.0.0/16 && "
	      "ip route add 10.8.0.0/16 dev wan && ip -6 route add 2001:db8:1::/48 via fe80::9 dev "
	      "wan && "
	      "ip neigh add 192.168.1.9 dev lan lladdr 02:00:00:00:00:09 && "
	      "ip route add 172.20.0.0/16 via 172.31.0.9 && ip route add 10.99.0.0/16 dev lan "
	      "table 77");
	open_it(&s);
	text = said();
	for (size_t i = 0; i < sizeof(has) / sizeof(has[0]); i++)
		cr_expect_not_null(strstr(text, has[i]), "%s in\n%s", has[i], text);
	for (size_t i = 0; i < sizeof(hasnt) / sizeof(hasnt[0]); i++)
		cr_expect_null(strstr(text, hasnt[i]), "%s in\n%s", hasnt[i], text);
	run(50);
	said(); // the twins' own multicast and link-local noise of the start
	run(200);
	cr_expect(eq(str, (char *)said(), ""), "nothing new, nothing said");
	ctl_netlink_free(nl);
	ns_peer_stop();
}

Test(ctl_netlink, follows_what_the_host_changes)
{
	static const struct {
		const char *cmd, *told;
	} row[] = {
		{"ip addr add 198.51.100.1/24 dev wan", "addr+ 1 198.51.100.1/24\n"},
		{"ip route add 10.0.0.0/8 via 192.168.1.9 metric 50",
		 "route+ 10.0.0.0/8 via 192.168.1.9 port 0\n"},
		{"ip route add 10.0.0.0/8 via 198.51.100.9 metric 10",
		 "route+ 10.0.0.0/8 via 198.51.100.9 port 1\n"},
		{"ip route add 10.0.0.0/8 via 172.31.0.9 metric 5", ""},
		{"ip route replace 10.0.0.0/8 via 198.51.100.8 metric 10",
		 "route+ 10.0.0.0/8 via 198.51.100.8 port 1\n"},
		{"ip route replace 10.0.0.0/8 via 172.31.0.9 metric 10",
		 "route+ 10.0.0.0/8 via 192.168.1.9 port 0\n"},
		{"ip route del 10.0.0.0/8 via 192.168.1.9 metric 50", "route- 10.0.0.0/8\n"},
		{"ip route add blackhole 10.1.0.0/16",
		 "route+ 10.1.0.0/16 via - port 63 blackhole\n"},
		{"ip route del blackhole 10.1.0.0/16", "route- 10.1.0.0/16\n"},
		{"ip route add 10.2.0.0/16 nexthop via 192.168.1.7 nexthop via 198.51.100.7",
		 "route+ 10.2.0.0/16 via 192.168.1.7 port 0\n"},
		{"ip -6 addr add 2001:db8::1/64 dev wan nodad", "addr+ 1 2001:db8::1/64\n"},
		{"ip -6 route add 2001:db8:5::/48 via 2001:db8::9",
		 "route+ 2001:db8:5::/48 via 2001:db8::9 port 1\n"},
		{"ip -6 route del 2001:db8:5::/48", "route- 2001:db8:5::/48\n"},
		{"ip neigh add 192.168.1.77 dev lan lladdr 02:00:00:00:00:77 nud stale",
		 "neigh+ 0 192.168.1.77 02:00:00:00:00:77\n"},
		{"ip neigh change 192.168.1.77 dev lan lladdr 02:00:00:00:00:78 nud permanent",
		 "neigh+ 0 192.168.1.77 02:00:00:00:00:78\n"},
		{"ip neigh del 192.168.1.77 dev lan", "neigh- 0 192.168.1.77\n"},
		{"ip link set wan mtu 1400", "twin 1 up 1400\n"},
		// The kernel takes the route through 198.51.100.7 away with the address and says
		// nothing about it.
		{"ip route add 10.3.0.0/16 via 198.51.100.7 src 198.51.100.1",
		 "route+ 10.3.0.0/16 via 198.51.100.7 port 1\n"},
		{"ip addr del 198.51.100.1/24 dev wan",
		 "addr- 1 198.51.100.1/24\ngone 1 198.51.100.1\nroute- 10.3.0.0/16\n"},
	};

	topology();
	open_it(NULL);
	run(200);
	said();
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		ns_sh("%s", row[i].cmd);
		run(300);
		cr_expect(eq(str, (char *)said(), (char *)row[i].told), "%s", row[i].cmd);
	}
	ns_sh("ip link set lan down");
	run(300);
	cr_expect_not_null(strstr(log_text, "twin 0 down"));
	cr_expect_not_null(strstr(log_text, "route- 10.2.0.0/16\n"), "%s", log_text);
	ctl_netlink_free(nl);
	ns_peer_stop();
}

Test(ctl_netlink, has_the_kernel_ask_for_whom_a_worker_wants)
{
	struct ctl_netlink_stats st;

	topology();
	open_it(NULL);
	run(200);
	said();
	wanted_addr[0] = prefix("192.168.1.2");
	wanted_addr[1] = prefix("192.168.1.66"); // nobody
	wanted_addr[2] = prefix("192.168.1.2");
	wanted_port[0] = wanted_port[1] = 0;
	wanted_port[2] = 3; // no such port
	n_wanted = 3;
	run(300);
	cr_expect(eq(str, (char *)said(), "neigh+ 0 192.168.1.2 02:00:00:00:00:02\n"));
	ctl_netlink_stats(nl, &st);
	cr_expect(eq(u64, st.asked, 2));
	ctl_netlink_free(nl);
	ns_peer_stop();
}

Test(ctl_netlink, reads_everything_again_when_events_were_lost)
{
	struct ctl_netlink_stats st;
	unsigned added = 0, deleted = 0;

	topology();
	ns_sh("for i in $(seq 0 255); do echo route add 10.1.$i.0/24 via 192.168.1.9; done | ip "
	      "-batch -");
	open_it(NULL);
	run(200);
	said();
	// More events than the socket holds, before anybody reads.
	ns_sh("for k in $(seq 150); do for i in $(seq 0 255); do echo route replace 10.2.$i.0/24 "
	      "via 192.168.1.$((k + 2)); "
	      "done; done | ip -batch - && for i in $(seq 0 127); do echo route del 10.1.$i.0/24; "
	      "done | ip -batch -");
	run(1500);
	ctl_netlink_stats(nl, &st);
	cr_expect(gt(u64, st.overruns, 0), "the test did not make the kernel lose events");
	cr_expect(eq(sz, st.routes, 128 + 256));
	for (const char *s = said(); *s != '\0'; s = strchr(s, '\n') + 1) {
		added += strstr(s, "via 192.168.1.152 ") != NULL &&
			 strncmp(s, "route+ 10.2.", 12) == 0;
		deleted += strncmp(s, "route- 10.1.", 12) == 0;
	}
	cr_expect(eq(uint, deleted, 128));
	cr_expect(ge(uint, added, 256));
	ctl_netlink_free(nl);
	ns_peer_stop();
}
