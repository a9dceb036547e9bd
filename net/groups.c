// Multicast groups: which of them a packet from the wire may reach the host through. Linux delivers
// only what somebody joined on the interface; here that is what the host's stack has joined on the
// port's twin (read from /proc/net/igmp and igmp6 by the control thread) besides the groups that
// every router is in. Workers look them up in the view.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/port.h"
#include "net/table.h"

static uint8_t
port_of(const struct net_ports *ps, unsigned ifindex)
{
	for (unsigned i = 0; ifindex != 0 && i < net_ports_count(ps) && i < PL_PORT_MAX; i++) {
		if (net_ports_twin_ifindex(ps, i) == ifindex)
			return i;
	}
	return PL_PORT_NONE;
}

static void
add(struct net_group *list, unsigned *n, uint8_t port, uint8_t family, const union pl_addr *addr)
{
	if (port == PL_PORT_NONE || *n == NET_GROUPS)
		return;
	list[*n].addr = *addr;
	list[*n].port = port;
	list[(*n)++].family = family;
}

// A line with a device's index, then lines with its groups: eight hex digits, the address as it
// lies in memory.
static void
read4(const struct net_ports *ps, struct net_group *list, unsigned *n)
{
	FILE *f = fopen("/proc/net/igmp", "re");
	uint8_t port = PL_PORT_NONE;
	char line[256];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		union pl_addr addr = {0};
		unsigned index;

		if (line[0] != '\t' && line[0] != ' ') {
			port = sscanf(line, "%u", &index) == 1 ? port_of(ps, index) : PL_PORT_NONE;
		} else if (sscanf(line, " %8x", &index) == 1) {
			addr.v4 = index;
			add(list, n, port, 4, &addr);
		}
	}
	if (f != NULL)
		fclose(f);
}

// Index, device, and 32 hex digits.
static void
read6(const struct net_ports *ps, struct net_group *list, unsigned *n)
{
	FILE *f = fopen("/proc/net/igmp6", "re");
	char line[256], hex[33];
	unsigned index;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		union pl_addr addr = {0};
		bool ok = sscanf(line, "%u %*s %32s", &index, hex) == 2;

		for (unsigned i = 0; ok && i < 16; i++)
			ok = sscanf(hex + 2 * i, "%2hhx", &addr.v6[i]) == 1;
		if (ok)
			add(list, n, port_of(ps, index), 6, &addr);
	}
	if (f != NULL)
		fclose(f);
}

int
net_groups_refresh(struct net_table *t, const struct net_ports *ps)
{
	struct net_group list[NET_GROUPS];
	unsigned n = 0;

	memset(list, 0, sizeof(list));
	read4(ps, list, &n);
	read6(ps, list, &n);
	return net_table_set_groups(t, list, n);
}

int
net_table_set_groups(struct net_table *t, const struct net_group *list, unsigned n)
{
	struct net_group before[NET_GROUPS];
	unsigned n_before = t->n_group;
	int ret;

	if (n > NET_GROUPS)
		return -ENOSPC;
	if (n == n_before && memcmp(list, t->group, n * sizeof(*list)) == 0)
		return 0;
	memcpy(before, t->group, sizeof(before));
	memcpy(t->group, list, n * sizeof(*list));
	t->n_group = n;
	ret = net_view_publish(t, PL_PORT_NONE, NULL);
	if (ret < 0) {
		memcpy(t->group, before, sizeof(before));
		t->n_group = n_before;
	}
	return ret;
}

static bool
every_router6(const union pl_addr *a)
{
	static const union pl_addr group[] = {
		{.v6 = {0xff, 0x02, [15] = 1}}, // all nodes
		{.v6 = {0xff, 0x02, [15] = 2}}, // all routers
		{.v6 = {0xff, 0x05, [15] = 2}},
	};

	for (unsigned i = 0; i < RTE_DIM(group); i++) {
		if (pl_addr_eq(a, &group[i]))
			return true;
	}
	return false;
}

bool
net_view_joined(const struct net_view *v, uint8_t port, uint8_t family, const union pl_addr *addr)
{
	if (family == 4 ? addr->v4 == RTE_BE32(0xe0000001)
			: every_router6(addr) || net_view_solicited(v, port, addr))
		return true;
	for (unsigned i = 0; i < v->n_group; i++) {
		if (v->group[i].port == port && v->group[i].family == family &&
		    pl_addr_eq(&v->group[i].addr, addr))
			return true;
	}
	return false;
}
