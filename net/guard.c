// A kernel interface that is a port of the gateway is still an interface of the host: its stack
// sees every frame that we see. Without addresses of its own it would all the same answer ARP for
// addresses of other interfaces, accept packets to them (weak host model) and forward. So the guard
// makes it deaf, by means that every kernel has:
//   rp_filter      an interface without addresses then has no valid source: all IPv4 input is
//   dropped
//                  (the kernel uses the larger of all and this one; 1 and 2 both do it)
//   arp_ignore 8   no ARP answer for any local address
//   forwarding 0   nothing that comes in here is forwarded
//   disable_ipv6 1 no IPv6 input, no link-local address, no neighbour discovery
// What it cannot stop is a program of the host that opens a packet socket here, or a UDP socket
// that waits for broadcasts from 0.0.0.0 (a DHCP server). docs/decisions/0301-guarded-interfaces.md
// has the rest. Called by net/port.c on the control thread before the device is probed and after it
// is gone.
#include "net/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>

#include "config/policy.h"
#include "net/rtnl.h"
#include "net/sysctl.h"

static const struct key {
	const char *family, *name;
	int value;
} keys[] = {
	{"ipv6", "disable_ipv6", 1}, {"ipv4", "rp_filter", 1},	   {"ipv4", "arp_ignore", 8},
	{"ipv4", "forwarding", 0},   {"ipv4", "accept_local", 0},  {"ipv4", "route_localnet", 0},
	{"ipv4", "proxy_arp", 0},    {"ipv4", "bc_forwarding", 0},
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

struct net_guard {
	char iface[IF_NAMESIZE];
	unsigned ifindex;
	int sock; // for ioctls, in the namespace where the guard was set
	int old[N_KEYS];
	bool changed[N_KEYS];
	struct ifreq mac;
	int mtu;
	bool was_down;
	bool gro_off, lro_off; // we turned them off
};

static int
ifreq_do(const struct net_guard *g, unsigned long request, struct ifreq *ifr)
{
	memcpy(ifr->ifr_name, g->iface, sizeof(ifr->ifr_name));
	return ioctl(g->sock, request, ifr) < 0 ? -errno : 0;
}

static int
ethtool_value(const struct net_guard *g, uint32_t cmd, uint32_t *data)
{
	struct ethtool_value ev = {.cmd = cmd, .data = *data};
	struct ifreq ifr = {.ifr_data = (char *)&ev};
	int ret = ifreq_do(g, SIOCETHTOOL, &ifr);

	*data = ev.data;
	return ret;
}

// GRO and LRO hand up packets that never were on the wire. A device without the switch has nothing
// to turn off.
static void
merge_off(struct net_guard *g)
{
	uint32_t data = 0;

	if (ethtool_value(g, ETHTOOL_GGRO, &data) == 0 && data != 0) {
		data = 0;
		g->gro_off = ethtool_value(g, ETHTOOL_SGRO, &data) == 0;
	}
	data = 0;
	if (ethtool_value(g, ETHTOOL_GFLAGS, &data) == 0 && (data & ETH_FLAG_LRO) != 0) {
		data &= ~(uint32_t)ETH_FLAG_LRO;
		g->lro_off = ethtool_value(g, ETHTOOL_SFLAGS, &data) == 0;
	}
}

static void
merge_restore(struct net_guard *g)
{
	uint32_t data = 1;

	if (g->gro_off)
		ethtool_value(g, ETHTOOL_SGRO, &data);
	data = 0;
	if (g->lro_off && ethtool_value(g, ETHTOOL_GFLAGS, &data) == 0) {
		data |= ETH_FLAG_LRO;
		ethtool_value(g, ETHTOOL_SFLAGS, &data);
	}
}

// Addresses would be answered, and a route out of the interface would give rp_filter valid sources.
static int
refuse_addresses(const struct net_guard *g, char *why, size_t why_len)
{
	struct cfg_prefix addr = {0}, route = {0};
	struct net_rtnl *r;
	char text[INET6_ADDRSTRLEN] = "?";
	int ret = net_rtnl_open(&r), routes;

	if (ret < 0) {
		snprintf(why, why_len, "no netlink socket: %s", strerror(-ret));
		return ret;
	}
	ret = net_rtnl_addrs(r, g->ifindex, &addr, 1);
	routes = ret == 0 ? net_rtnl_routes(r, g->ifindex, &route, 1) : 0;
	net_rtnl_close(r);
	if (ret > 0) {
		inet_ntop(addr.family == CFG_IPV4 ? AF_INET : AF_INET6, addr.addr, text,
			  sizeof(text));
		snprintf(why, why_len,
			 "interface %s has the address %s/%u: the host's own stack would answer "
			 "there, past "
			 "the firewall. Remove it (ip addr flush dev %s) and, if the gateway shall "
			 "have it, "
			 "write it to the port's addresses",
			 g->iface, text, addr.len, g->iface);
		return -EADDRINUSE;
	}
	if (routes > 0) {
		inet_ntop(AF_INET, route.addr, text, sizeof(text));
		snprintf(why, why_len,
			 "the host has a route to %s/%u out of interface %s: its own stack would "
			 "take packets "
			 "there, past the firewall. Delete the route; the gateway's routes stand "
			 "in its file",
			 text, route.len, g->iface);
		return -EADDRINUSE;
	}
	ret = ret < 0 ? ret : routes;
	if (ret < 0)
		snprintf(why, why_len, "addresses and routes of interface %s cannot be read: %s",
			 g->iface, strerror(-ret));
	return ret;
}

static int
remember_link(struct net_guard *g, char *why, size_t why_len)
{
	struct ifreq ifr = {0};
	int ret = ifreq_do(g, SIOCGIFHWADDR, &g->mac);

	if (ret == 0)
		ret = ifreq_do(g, SIOCGIFMTU, &ifr);
	g->mtu = ifr.ifr_mtu;
	if (ret < 0)
		snprintf(why, why_len, "interface %s cannot be read: %s", g->iface, strerror(-ret));
	return ret;
}

// A gateway that was killed left the interface as it had set it. Nobody else sets all of these at
// once, so what is to be put back then is the namespace's default.
static bool
left_behind(const struct net_guard *g)
{
	for (size_t i = 0; i < N_KEYS; i++) {
		int is;

		if (net_sysctl_get(keys[i].family, g->iface, keys[i].name, &is) == 0 &&
		    is != keys[i].value)
			return false;
	}
	return true;
}

static int
set_keys(struct net_guard *g, char *why, size_t why_len)
{
	const char *from = left_behind(g) ? "default" : g->iface;

	for (size_t i = 0; i < N_KEYS; i++) {
		const struct key *k = &keys[i];
		int ret = net_sysctl_get(k->family, from, k->name, &g->old[i]);

		if (ret == -ENOENT) // a kernel without IPv6, or older than the key
			continue;
		if (ret == 0 && g->old[i] == k->value)
			continue;
		if (ret == 0)
			ret = net_sysctl_set(k->family, g->iface, k->name, k->value);
		if (ret < 0) {
			snprintf(why, why_len,
				 "net.%s.conf.%s.%s cannot be set to %d: %s; without it the host's "
				 "stack "
				 "would answer past the firewall",
				 k->family, g->iface, k->name, k->value, strerror(-ret));
			return ret;
		}
		g->changed[i] = true;
	}
	return 0;
}

static int
set_up(struct net_guard *g, char *why, size_t why_len)
{
	struct ifreq ifr = {0};
	int ret = ifreq_do(g, SIOCGIFFLAGS, &ifr);

	if (ret == 0 && (ifr.ifr_flags & IFF_UP) == 0) {
		ifr.ifr_flags |= IFF_UP;
		ret = ifreq_do(g, SIOCSIFFLAGS, &ifr);
		g->was_down = ret == 0;
	}
	if (ret < 0)
		snprintf(why, why_len, "interface %s does not come up: %s", g->iface,
			 strerror(-ret));
	return ret;
}

int
net_guard_start(struct net_guard **out, const char *iface, char *why, size_t why_len)
{
	struct net_guard *g = calloc(1, sizeof(*g));
	int ret;

	if (g == NULL) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	g->sock = -1;
	snprintf(g->iface, sizeof(g->iface), "%s", iface);
	g->ifindex = if_nametoindex(iface);
	if (g->ifindex == 0) {
		ret = -ENODEV;
		snprintf(why, why_len, "there is no interface %s in this network namespace", iface);
		goto fail;
	}
	g->sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (g->sock < 0) {
		ret = -errno;
		snprintf(why, why_len, "no socket: %s", strerror(-ret));
		goto fail;
	}
	ret = refuse_addresses(g, why, why_len);
	if (ret == 0)
		ret = remember_link(g, why, why_len);
	if (ret == 0)
		ret = set_keys(g, why, why_len);
	if (ret == 0)
		ret = set_up(g, why, why_len);
	if (ret < 0)
		goto fail;
	merge_off(g);
	*out = g;
	return 0;
fail:
	net_guard_stop(g);
	return ret;
}

int
net_guard_mtu(struct net_guard *g, uint32_t mtu, char *why, size_t why_len)
{
	struct ifreq ifr = {.ifr_mtu = (int)mtu};
	int ret = g->mtu == ifr.ifr_mtu ? 0 : ifreq_do(g, SIOCSIFMTU, &ifr);

	if (ret < 0)
		snprintf(why, why_len, "interface %s refuses an MTU of %u: %s", g->iface, mtu,
			 strerror(-ret));
	return ret;
}

bool
net_guard_holds(const struct net_guard *g, char *why, size_t why_len)
{
	for (size_t i = 0; i < N_KEYS; i++) {
		const struct key *k = &keys[i];
		int is;

		if (net_sysctl_get(k->family, g->iface, k->name, &is) < 0 || is == k->value)
			continue;
		snprintf(why, why_len, "net.%s.conf.%s.%s is %d: the gateway set it to %d",
			 k->family, g->iface, k->name, is, k->value);
		return false;
	}
	return refuse_addresses(g, why, why_len) == 0;
}

bool
net_guard_running(const struct net_guard *g)
{
	struct ifreq ifr = {0};
	uint32_t link = 0;

	// IFF_RUNNING follows the carrier by up to a second; the driver's own word does not.
	if (ethtool_value(g, ETHTOOL_GLINK, &link) == 0)
		return link != 0;
	return ifreq_do(g, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_RUNNING) != 0;
}

static void
restore_link(struct net_guard *g)
{
	struct ifreq ifr = {0};

	if (g->mtu != 0 && ifreq_do(g, SIOCGIFMTU, &ifr) == 0 && ifr.ifr_mtu != g->mtu) {
		ifr.ifr_mtu = g->mtu;
		ifreq_do(g, SIOCSIFMTU, &ifr);
	}
	if (g->mtu != 0 && ifreq_do(g, SIOCGIFHWADDR, &ifr) == 0 &&
	    memcmp(ifr.ifr_hwaddr.sa_data, g->mac.ifr_hwaddr.sa_data, 6) != 0)
		ifreq_do(g, SIOCSIFHWADDR, &g->mac);
	if (g->was_down && ifreq_do(g, SIOCGIFFLAGS, &ifr) == 0) {
		ifr.ifr_flags &= ~IFF_UP;
		ifreq_do(g, SIOCSIFFLAGS, &ifr);
	}
}

void
net_guard_stop(struct net_guard *g)
{
	if (g == NULL)
		return;
	// The name may belong to another interface by now: leave that one alone.
	if (g->sock >= 0 && if_nametoindex(g->iface) == g->ifindex) {
		restore_link(g);
		merge_restore(g);
		for (size_t i = N_KEYS; i-- > 0;) {
			if (g->changed[i])
				net_sysctl_set(keys[i].family, g->iface, keys[i].name, g->old[i]);
		}
	}
	if (g->sock >= 0)
		close(g->sock);
	free(g);
}
