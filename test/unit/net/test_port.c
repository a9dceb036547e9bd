// Ports in a namespace of the test's own: real veth, real af_packet, real twins. What the stages
// and the network table would do is recorded by the two functions at the top, which stand in for
// theirs.
#include <net/if.h>
#include <poll.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <rte_dev.h>
#include <rte_ethdev.h>

#include "net/port.h"
#include "test/lib/tl.h"
#include "test/unit/net/ns.h"

#define MAC "02:00:00:00:00:2a"

static struct net_port_info seen[PL_PORT_MAX];
static struct net_tx wire_tx[4][8], host_tx[4][8];

int
net_table_set_port(struct net_table *t, uint8_t port, const struct net_port_info *info)
{
	(void)t;
	seen[port] = *info;
	return 0;
}

// The worker's number travels in place of its net_core.
void
net_core_set_tx(struct net_core *n, uint8_t port, bool host, const struct net_tx *tx)
{
	unsigned w = (unsigned)((uintptr_t)n - 1);

	(host ? host_tx : wire_tx)[w][port] = *tx;
}

static struct cfg_err err;
static struct cfg_settings *settings;

static int
start(struct net_ports **ps, const char *text, uint16_t workers)
{
	cfg_settings_free(settings);
	cfg_err_free(&err);
	settings = NULL;
	cfg_err_init(&err, "ringwall.conf");
	cr_assert_eq(cfg_settings_from_text(&settings, text, ".", &err), 0, "%s", text);
	return net_ports_start(ps, settings, NULL, tl_pool, workers, &err);
}

static struct net_ports *
must_start(const char *text, uint16_t workers)
{
	struct net_ports *ps = NULL;
	int ret = start(&ps, text, workers);

	cr_assert_eq(ret, 0, "%s", err.n > 0 ? err.msgs[0].text : "no message");
	return ps;
}

static void
veth(void)
{
	ns_enter();
	ns_peer_start();
	ns_sh("ip link add veth-lan address 02:00:00:00:00:01 type veth peer name lan0 netns %d && "
	      "nsenter -t %d -n sh -c 'ip addr add 192.168.1.2/24 dev lan0 && ip link set lan0 up "
	      "address 02:00:00:00:00:02'",
	      ns_peer, ns_peer);
	tl_init();
}

static void
nothing_left(const char *of)
{
	uint16_t id;

	RTE_ETH_FOREACH_DEV(id)
	cr_expect(false, "%s: ethdev %u is still there", of, id);
	cr_expect(eq(str,
		     (char *)ns_out("ip -o link | grep -cv -e ' lo:' "
				    "-e veth-lan"),
		     "0"),
		  "%s: %s", of, ns_out("ip -o link | tail -1"));
	cr_expect(ne(str, (char *)ns_out("cat /proc/sys/net/ipv4/conf/veth-lan/arp_ignore"), "8"),
		  "%s", of);
	cr_expect(eq(str, (char *)ns_out("cat /proc/sys/net/ipv6/conf/veth-lan/disable_ipv6"), "0"),
		  "%s", of);
}

TestSuite(net_port, .timeout = 60);

Test(net_port, bad_devices_are_refused_in_words)
{
	static const struct {
		const char *ports, *word;
		unsigned line;
	} row[] = {
		{"{ name = \"lan\"; device = \"net_af_packet0,iface=nosuch\"; }",
		 "no interface nosuch", 1},
		{"{ name = \"lan\"; device = \"net_nosuch0,iface=veth-lan\"; }", "no driver", 1},
		{"{ name = \"lan\"; device = \"0000:7f:00.0\"; }", "no driver", 1},
		{"{ name = \"lan\"; device = \"net_af_packet0,iface=veth-lan,nosuch=1\"; }",
		 "no driver", 1},
		{"{ name = \"lan\"; device = \"net_null0\"; },\n"
		 "{ name = \"wan\"; device = \"net_null0,size=64\"; }",
		 "'net_null0' is port 'lan' already", 2},
		{"{ name = \"lan\"; device = \"net_af_packet0,iface=veth-lan\"; },\n"
		 "{ name = \"wan\"; device = \"net_af_packet1,iface=veth-lan\"; }",
		 "interface veth-lan belongs to port 'lan' already", 2},
		{"{ name = \"veth-lan\"; device = \"net_null0\"; }",
		 "named veth-lan is there already", 1},
		{"{ name = \"wan\"; device = \"net_null0\"; twin = \"none\"; },\n"
		 "{ name = \"lan\"; device = \"net_af_packet0,iface=veth-lan\"; twin = "
		 "\"veth-lan\"; }",
		 "named veth-lan is there already", 2},
		{"{ name = \"lan\"; device = \"net_af_packet0,iface=veth-lan\"; mtu = 9000; }",
		 "packet buffers of 2048 bytes are too small", 1},
	};

	veth();
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		struct net_ports *ps = NULL;
		char text[1024];

		snprintf(text, sizeof(text), "ports = ( %s );", row[i].ports);
		cr_expect(lt(int, start(&ps, text, 1), 0), "%s", row[i].ports);
		cr_expect_null(ps);
		cr_expect(eq(sz, err.n_errors, 1), "%s", row[i].ports);
		if (err.n == 0)
			continue;
		cr_expect_not_null(strstr(err.msgs[0].text, row[i].word), "%s: %s", row[i].ports,
				   err.msgs[0].text);
		cr_expect(eq(uint, err.msgs[0].pos.line, row[i].line), "%s", row[i].ports);
		nothing_left(row[i].ports);
	}
	ns_peer_stop();
}

Test(net_port, an_interface_with_an_address_is_refused)
{
	struct net_ports *ps = NULL;

	veth();
	ns_sh("ip addr add 192.168.1.1/24 dev veth-lan");
	cr_expect(lt(
		int,
		start(&ps,
		      "ports = ({ name = \"lan\"; device = \"net_af_packet0,iface=veth-lan\"; });",
		      1),
		0));
	cr_assert(eq(sz, err.n_errors, 1));
	cr_expect_not_null(strstr(err.msgs[0].text, "192.168.1.1/24"), "%s", err.msgs[0].text);
	nothing_left("address");
	ns_peer_stop();
}

#define GATEWAY                                                                                    \
	"ports = ( { name = \"lan\"; device = \"net_af_packet0,iface=veth-lan\"; mtu = 1400; "     \
	"addresses = [ \"192.168.1.1/24\", \"2001:db8::1/64\" ]; } );\n"                           \
	"routes = ( { to = \"10.0.0.0/8\"; via = \"192.168.1.9\"; }, "                             \
	"{ to = \"10.66.0.0/16\"; blackhole = true; }, "                                           \
	"{ to = \"2001:db8:5::/48\"; via = \"2001:db8::9\"; } );\n"                                \
	"neighbours = ( { port = \"lan\"; address = \"192.168.1.9\"; lladdr = \"" MAC "\"; } );"

Test(net_port, the_twin_is_the_port_in_the_hosts_stack)
{
	static const struct {
		const char *cmd, *out;
	} row[] = {
		{"cat /sys/class/net/lan/address", "02:00:00:00:00:01"},
		{"cat /sys/class/net/lan/mtu", "1400"},
		{"ip -o -4 addr show dev lan | grep -c 192.168.1.1/24", "1"},
		{"ip -o -6 addr show dev lan | grep -v tentative | grep -c 2001:db8::1/64", "1"},
		{"ip -o -6 addr show dev lan | grep -v tentative | grep -c fe80::ff:fe00:1/64",
		 "1"},
		{"ip -4 route show proto 82 10.0.0.0/8 | grep -c 'via 192.168.1.9 dev lan'", "1"},
		{"ip -4 route show proto 82 | grep -c 'blackhole 10.66.0.0/16'", "1"},
		{"ip -6 route show proto 82 | grep -c '2001:db8:5::/48 via 2001:db8::9 dev lan'",
		 "1"},
		{"ip neigh show 192.168.1.9 dev lan", "192.168.1.9 lladdr " MAC " PERMANENT "},
		{"cat /proc/sys/net/ipv4/conf/lan/forwarding", "0"},
		{"cat /sys/class/net/veth-lan/mtu", "1400"},
		{"cat /proc/sys/net/ipv4/conf/veth-lan/arp_ignore", "8"},
		{"ip -6 addr show dev veth-lan | wc -l", "0"},
	};
	struct net_ports *ps;

	veth();
	ps = must_start(GATEWAY, 1);
	// Even an address without duplicate address detection is tentative until a kernel thread
	// says so.
	for (int i = 0;
	     i < 200 && ns_try("ip -6 addr show dev lan tentative | grep -q tentative") == 0; i++)
		usleep(10000);
	for (size_t i = 0; i < RTE_DIM(row); i++)
		cr_expect(eq(str, (char *)ns_out(row[i].cmd), (char *)row[i].out), "%s",
			  row[i].cmd);
	cr_expect(eq(str, seen[0].name, "lan"));
	cr_expect(eq(uint, seen[0].mtu, 1400));
	cr_expect_arr_eq(seen[0].mac, ((uint8_t[]){2, 0, 0, 0, 0, 1}), 6);
	cr_expect(seen[0].up && seen[0].has_twin);
	cr_expect(eq(uint, net_ports_twin_ifindex(ps, 0), if_nametoindex("lan")));
	net_ports_stop(ps);
	nothing_left("stop");
	cr_expect(eq(str, (char *)ns_out("ip -4 route show proto 82 | wc -l"), "0"));
	cr_expect(eq(str, (char *)ns_out("cat /sys/class/net/veth-lan/mtu"), "1500"));
	// A second start finds everything as the first did.
	ps = must_start(GATEWAY, 1);
	net_ports_stop(ps);
	ns_peer_stop();
}

// A wire between port and twin, without any firewall: what net_parse does for ARP, for everything.
static void
pump(struct pl_worker *const *w, unsigned n_workers, FILE *until)
{
	struct pollfd done = {.fd = fileno(until), .events = POLLIN};

	while (poll(&done, 1, 0) == 0) {
		for (unsigned k = 0; k < n_workers * RTE_DIM(w[0]->rx); k++) {
			const struct pl_worker *worker = w[k / RTE_DIM(w[0]->rx)];
			const struct pl_rx *rx = &worker->rx[k % RTE_DIM(w[0]->rx)];
			const struct net_tx *tx = rx->origin == PL_FROM_WIRE
							  ? &host_tx[worker->id][rx->port]
							  : &wire_tx[worker->id][rx->port];
			struct rte_mbuf *m[PL_BURST];
			uint16_t n, sent = 0;

			if (k % RTE_DIM(w[0]->rx) >= worker->n_rx)
				continue;
			n = rx->burst(rx->ctx, rx->queue, m, PL_BURST);
			if (n > 0)
				sent = tx->burst(tx->ctx, tx->queue, m, n);
			for (; sent < n; sent++)
				rte_pktmbuf_free(m[sent]);
		}
		usleep(50);
	}
}

static struct pl_worker *
attached(struct net_ports *ps, uint16_t id, uint16_t n)
{
	struct pl_worker *w = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*w));

	memset(w, 0, sizeof(*w));
	w->id = id;
	w->n_workers = n;
	w->net = (struct net_core *)(uintptr_t)(id + 1);
	net_ports_attach(ps, w);
	return w;
}

// IPv4 fragments must come as they were: net_af_packet would have the kernel put them together.
Test(net_port, frames_go_both_ways_and_no_buffer_is_lost)
{
	static const struct {
		uint16_t workers;
		const char *ping, *received;
	} row[] = {
		// 1372 + 28 fill the MTU; ARP in both directions comes first.
		{1, "-i 0.01 -c 50 -s 1372 192.168.1.1", "50 packets transmitted, 50 received, 0%"},
		{1, "-i 0.01 -c 20 -s 6000 192.168.1.1", "20 packets transmitted, 20 received, 0%"},
		{1, "-i 0.01 -c 20 -s 6000 2001:db8::1", "20 packets transmitted, 20 received, 0%"},
		{3, "-i 0.01 -c 50 -s 1372 192.168.1.1", "50 packets transmitted, 50 received, 0%"},
		{3, "-i 0.01 -c 20 -s 6000 192.168.1.1", "20 packets transmitted, 20 received, 0%"},
	};

	veth();
	ns_sh("nsenter -t %d -n sh -c 'ip link set lan0 mtu 1400; ip addr add 2001:db8::2/64 dev "
	      "lan0 nodad'",
	      ns_peer);
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		unsigned before = rte_mempool_avail_count(tl_pool);
		struct net_ports *ps = must_start(GATEWAY, row[i].workers);
		struct net_port_state st;
		struct pl_worker *w[3];
		char line[256];
		FILE *ping;

		for (uint16_t k = 0; k < row[i].workers; k++)
			w[k] = attached(ps, k, row[i].workers);
		snprintf(line, sizeof(line),
			 "nsenter -t %d -n sh -c 'sleep 0.2; ping -q -W 5 %s; echo, failed' 2>&1 | "
			 "grep ,",
			 ns_peer, row[i].ping);
		ping = popen(line, "r");
		pump(w, row[i].workers, ping);
		cr_assert_not_null(fgets(line, sizeof(line), ping));
		pclose(ping);
		cr_expect_not_null(strstr(line, row[i].received), "%u workers, %s: %s",
				   row[i].workers, row[i].ping, line);
		cr_assert(eq(int, net_ports_state(ps, 0, &st), 0));
		cr_expect(st.link_up);
		cr_expect(ge(u64, st.rx_packets, 20));
		cr_expect(ge(u64, st.tx_packets, 20));
		cr_expect(eq(uint, st.rx_queues, row[i].workers));
		cr_expect(eq(str, st.driver, "net_af_packet"));
		cr_expect(eq(str, st.twin, "lan"));
		cr_expect(eq(int, net_ports_state(ps, 1, &st), -ENOENT));
		net_ports_stop(ps);
		for (uint16_t k = 0; k < row[i].workers; k++)
			free(w[k]);
		cr_expect(eq(uint, rte_mempool_avail_count(tl_pool), before), "buffers");
	}
	ns_peer_stop();
}

Test(net_port, queues_spread_over_the_workers)
{
	struct net_ports *ps;
	struct pl_worker *w[3];
	unsigned queues = 0, twins = 0;

	veth();
	// net_null has as many queues as asked for; net_pcap has the one that its argument makes.
	ps = must_start(
		"ports = ( { name = \"a\"; device = \"net_null0\"; }, "
		"{ name = \"b\"; device = \"net_null1\"; rx-queues = 1; }, "
		"{ name = \"c\"; device = \"net_pcap0,rx_iface=veth-lan,tx_pcap=/dev/null\"; "
		"twin = \"none\"; } );",
		3);
	for (uint16_t i = 0; i < 3; i++) {
		w[i] = attached(ps, i, 3);
		for (unsigned k = 0; k < w[i]->n_rx; k++) {
			const struct pl_rx *rx = &w[i]->rx[k];

			if (rx->origin == PL_FROM_HOST) {
				twins++;
				cr_expect(eq(uint, i, 0), "one worker reads all twins");
				continue;
			}
			queues++;
			cr_expect(eq(uint, (rx->port + rx->queue) % 3u, i));
		}
		cr_expect(eq(int, wire_tx[i][0].via_worker, false));
		cr_expect(eq(int, wire_tx[i][2].via_worker, i > 0));
		cr_expect(eq(uint, wire_tx[i][2].worker, 0));
		cr_expect_null(host_tx[i][2].burst);
		free(w[i]);
	}
	cr_expect(eq(uint, queues, 3 + 1 + 1));
	cr_expect(eq(uint, twins, 2));
	net_ports_stop(ps);
	ns_peer_stop();
}

// net_null has a key and a table that can be set and read; net_pcap has neither, and one queue.
Test(net_port, steering_is_read_back)
{
	struct rte_eth_rss_reta_entry64 reta[8] = {{.mask = 1, .reta = {1}}};
	struct net_port_health h;
	struct net_ports *ps;
	uint8_t key[40] = {1};
	struct rte_eth_rss_conf rss = {
		.rss_key = key, .rss_key_len = sizeof(key), .rss_hf = RTE_ETH_RSS_IP};
	uint16_t eth;

	veth();
	ps = must_start(
		"ports = ( { name = \"a\"; device = \"net_null0\"; }, "
		"{ name = \"b\"; device = \"net_null1\"; rx-queues = 1; }, "
		"{ name = \"c\"; device = \"net_pcap0,rx_iface=veth-lan,tx_pcap=/dev/null\"; "
		"twin = \"none\"; } );",
		2);
	cr_assert(eq(int, net_ports_health(ps, 0, &h), 0));
	cr_expect(eq(int, h.steering, NET_STEER_HARDWARE));
	cr_expect(ge(uint, h.reta_size, 128));
	cr_expect(h.twin && h.twin_there && h.twin_up);
	cr_expect(eq(str, h.leak, ""));
	cr_assert(eq(int, net_ports_health(ps, 1, &h), 0));
	cr_expect(eq(int, h.steering, NET_STEER_QUEUES));
	cr_assert(eq(int, net_ports_health(ps, 2, &h), 0));
	cr_expect(eq(int, h.steering, NET_STEER_UNABLE));
	cr_expect_not(h.twin);
	cr_expect(eq(int, net_ports_health(ps, 3, &h), -ENOENT));

	// Somebody changes the device behind our back, and the host's switches.
	cr_assert(eq(int, rte_eth_dev_get_port_by_name("net_null0", &eth), 0));
	cr_assert(eq(int, net_ports_health(ps, 0, &h), 0));
	cr_assert(eq(int, rte_eth_dev_rss_reta_update(eth, reta, h.reta_size), 0));
	cr_assert(eq(int, net_ports_health(ps, 0, &h), 0));
	cr_expect(eq(int, h.steering, NET_STEER_TABLE_DIFFERS));
	cr_assert(eq(int, rte_eth_dev_rss_hash_update(eth, &rss), 0));
	cr_assert(eq(int, net_ports_health(ps, 0, &h), 0));
	cr_expect(eq(int, h.steering, NET_STEER_KEY_DIFFERS));
	ns_sh("sysctl -qw net.ipv4.ip_forward=1");
	cr_assert(eq(int, net_ports_health(ps, 0, &h), 0));
	cr_expect(eq(str, h.leak, "net.ipv4.conf.a.forwarding is 1"));
	cr_assert(eq(int, net_ports_health(ps, 2, &h), 0));
	cr_expect_not_null(strstr(h.leak, "net.ipv4.conf.veth-lan.forwarding is 1"), "%s", h.leak);
	ns_sh("sysctl -qw net.ipv4.ip_forward=0; ip link del dev b");
	cr_assert(eq(int, net_ports_health(ps, 1, &h), 0));
	cr_expect_not(h.twin_there);
	net_ports_stop(ps);
	ns_peer_stop();
}

// EAL's --vdev gives the device; the file only names it, and the interface is guarded all the same.
// Not so net_af_packet: for it the kernel would reassemble.
Test(net_port, a_device_of_eals_own_is_guarded_too)
{
	struct net_ports *ps;

	veth();
	ns_sh("ip link set veth-lan up");
	cr_assert_eq(rte_dev_probe("net_pcap0,iface=veth-lan"), 0);
	cr_expect(lt(int,
		     start(&ps,
			   "ports = ({ name = \"lan\"; device = \"net_pcap0,iface=veth-lan\"; });",
			   1),
		     0));
	cr_assert(eq(sz, err.n_errors, 1));
	cr_expect_not_null(strstr(err.msgs[0].text, "only the name here"), "%s", err.msgs[0].text);
	ps = must_start("ports = ({ name = \"lan\"; device = \"net_pcap0\"; });", 1);
	cr_expect(eq(str, (char *)ns_out("cat /proc/sys/net/ipv4/conf/veth-lan/arp_ignore"), "8"));
	net_ports_stop(ps);
	nothing_left("stop");
	cr_assert_eq(rte_dev_probe("net_af_packet0,iface=veth-lan"), 0);
	cr_expect(lt(int,
		     start(&ps, "ports = ({ name = \"lan\"; device = \"net_af_packet0\"; });", 1),
		     0));
	cr_assert(eq(sz, err.n_errors, 1));
	cr_expect_not_null(strstr(err.msgs[0].text, "reassemble"), "%s", err.msgs[0].text);
	nothing_left("refused");
	ns_peer_stop();
}

// The kernel's link watch takes its time: up to a second for what is not urgent.
static uint64_t
refreshed(struct net_ports *ps, bool up)
{
	uint64_t down = 0;

	for (int i = 0; i < 300 && seen[0].up != up; i++) {
		down |= net_ports_refresh(ps, NULL);
		usleep(10000);
	}
	return down;
}

Test(net_port, links_are_followed)
{
	struct net_ports *ps;

	veth();
	ps = must_start(GATEWAY, 1);
	refreshed(ps, true);
	cr_expect(seen[0].up);
	cr_expect(eq(u64, net_ports_refresh(ps, NULL), 0));
	ns_sh("nsenter -t %d -n ip link set lan0 down", ns_peer);
	cr_expect(eq(u64, refreshed(ps, false), 1), "port 0 went down");
	cr_expect_not(seen[0].up);
	cr_expect(eq(str, (char *)ns_out("cat /sys/class/net/lan/carrier"), "0"));
	cr_expect(eq(u64, net_ports_refresh(ps, NULL), 0), "said once");
	ns_sh("nsenter -t %d -n ip link set lan0 up", ns_peer);
	cr_expect(eq(u64, refreshed(ps, true), 0));
	cr_expect(seen[0].up);
	cr_expect(eq(str, (char *)ns_out("cat /sys/class/net/lan/carrier"), "1"));
	net_ports_set_twin(ps, 0, true, 1300);
	cr_expect(eq(u64, net_ports_refresh(ps, NULL), 0));
	cr_expect(eq(uint, seen[0].mtu, 1300));
	net_ports_set_twin(ps, 0, false, 9000);
	cr_expect(eq(u64, net_ports_refresh(ps, NULL), 1));
	cr_expect_not(seen[0].up);
	cr_expect(eq(uint, seen[0].mtu, 1400), "not wider than the device");
	net_ports_stop(ps);
	ns_peer_stop();
}
