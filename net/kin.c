// Which addresses are our own, and how: what rules ask about a packet's addresses, and about the
// way back to its source (pipeline/net_ops.h). The hash belongs to the view, which the control
// thread builds and frees; asked by any thread that holds the view within its turn. IPv4 answers
// follow Linux's table "local" alone, as inet_dev_addr_type() does; IPv6 answers its whole table.
#include <errno.h>
#include <stdlib.h>

#include "net/made.h"
#include "net/table.h"

static uint32_t
slot_of(const struct net_view *v, uint8_t family, const union pl_addr *addr)
{
	uint64_t h = (addr->u64[0] ^ family) * 0x9e3779b97f4a7c15ull;

	h ^= addr->u64[1] * 0xc2b2ae3d27d4eb4full;
	h ^= h >> 32;
	return (uint32_t)(h * 0xbf58476d1ce4e5b9ull >> 32) & v->kin_mask;
}

static void
kin_put(struct net_view *v, uint8_t family, const union pl_addr *addr, uint8_t port, uint8_t type)
{
	uint32_t i = slot_of(v, family, addr);

	while (v->kin[i].type != 0)
		i = (i + 1) & v->kin_mask;
	v->kin[i] = (struct net_kin){.addr = *addr, .family = family, .port = port, .type = type};
}

// The first address of the subnet belongs to all of its routers (RFC 4291 section 2.6.1).
static void
put_anycast(struct net_view *v, const struct net_addr *a)
{
	union pl_addr first = a->addr;

	if (a->len >= 127)
		return;
	net_addr_mask(&first, 6, a->len);
	kin_put(v, 6, &first, a->port, PL_ADDR_ANYCAST);
}

static void
put_broadcast(struct net_view *v, const struct net_addr *a)
{
	union pl_addr last = a->addr;

	if (a->len >= 31)
		return;
	last.v4 |= rte_cpu_to_be_32(0xffffffffu >> a->len);
	kin_put(v, 4, &last, a->port, PL_ADDR_BROADCAST);
}

int
net_kin_fill(struct net_view *v)
{
	uint32_t size = rte_align32pow2((2 * v->n_addr + 2 * PL_PORT_MAX) * 4);

	v->kin = calloc(size, sizeof(v->kin[0]));
	if (v->kin == NULL)
		return -ENOMEM;
	v->kin_mask = size - 1;
	for (unsigned i = 0; i < v->n_addr; i++)
		kin_put(v, v->addr[i].family, &v->addr[i].addr, v->addr[i].port, PL_ADDR_LOCAL);
	for (unsigned port = 0; port < PL_PORT_MAX; port++) {
		const struct net_addr ll = {
			.addr = v->port[port].ll, .family = 6, .port = port, .len = 64};

		if (!v->port[port].present)
			continue;
		kin_put(v, 6, &ll.addr, port, PL_ADDR_LOCAL);
		put_anycast(v, &ll);
	}
	for (unsigned i = 0; i < v->n_addr; i++) {
		if (v->addr[i].family == 4)
			put_broadcast(v, &v->addr[i]);
		else
			put_anycast(v, &v->addr[i]);
	}
	return 0;
}

// Bits of the types that the address has on the port (PL_PORT_NONE: on any), and of the first one
// that was put in, with its port.
struct kin_found {
	uint16_t types;
	uint8_t first, first_port; // first 0: none
};

static struct kin_found
kin_find(const struct net_view *v, uint8_t family, const union pl_addr *addr, uint8_t port)
{
	struct kin_found f = {0};

	// At most a quarter full: this ends.
	for (uint32_t i = slot_of(v, family, addr); v->kin[i].type != 0;
	     i = (i + 1) & v->kin_mask) {
		const struct net_kin *k = &v->kin[i];

		if (k->family != family || !pl_addr_eq(&k->addr, addr))
			continue;
		if (f.first == 0) {
			f.first = k->type;
			f.first_port = k->port;
		}
		if (port == PL_PORT_NONE || port == k->port)
			f.types |= 1u << k->type;
	}
	return f;
}

static bool
is_loopback(uint8_t family, const union pl_addr *addr)
{
	static const union pl_addr one = {.v6 = {[15] = 1}};

	return family == 4 ? addr->v6[0] == 127 : pl_addr_eq(addr, &one);
}

static uint8_t
type4(const struct net_view *v, const union pl_addr *addr, uint8_t port)
{
	struct kin_found f;

	if (addr->v6[0] == 0 || addr->v4 == RTE_BE32(0xffffffff))
		return PL_ADDR_BROADCAST;
	if (net_is_mcast(4, addr))
		return PL_ADDR_MULTICAST;
	if (is_loopback(4, addr))
		return port == PL_PORT_NONE ? PL_ADDR_LOCAL : PL_ADDR_UNICAST;
	// Of two ports with the same address Linux's table finds the one that had it first.
	f = kin_find(v, 4, addr, PL_PORT_NONE);
	if (f.first != 0 && (port == PL_PORT_NONE || port == f.first_port))
		return f.first;
	return PL_ADDR_UNICAST;
}

static uint16_t
types6(const struct net_table *t, const union pl_addr *addr, uint8_t port)
{
	struct kin_found f = kin_find(net_view(t), 6, addr, port);
	uint16_t nh;

	if (f.types & 1 << PL_ADDR_LOCAL || (port == PL_PORT_NONE && is_loopback(6, addr)))
		return 1 << PL_ADDR_LOCAL;
	if (f.types != 0)
		return f.types;
	if (port != PL_PORT_NONE || net_is_mcast(6, addr) || net_is_link_local6(addr))
		return 0;
	nh = net_fib_lookup(t, 6, addr);
	return nh == NET_NH_NONE || nh == NET_NH_BLACKHOLE ? 1 << PL_ADDR_UNREACHABLE : 0;
}

static uint16_t
addr_types(const void *net, uint8_t family, const union pl_addr *addr, uint8_t port)
{
	const struct net_table *t = net;

	return family == 4 ? 1u << type4(net_view(t), addr, port) : types6(t, addr, port);
}

static enum pl_way_to
way(const void *net, uint8_t family, const union pl_addr *to, uint8_t port)
{
	const struct net_table *t = net;
	struct kin_found f = kin_find(net_view(t), family, to, PL_PORT_NONE);
	const struct net_nh *nh;

	if (f.first == PL_ADDR_BROADCAST || f.first == PL_ADDR_ANYCAST)
		return PL_WAY_NONE;
	if (f.first == PL_ADDR_LOCAL && f.first_port == port)
		return PL_WAY_LOCAL;
	if (f.first == PL_ADDR_LOCAL || is_loopback(family, to))
		return PL_WAY_LOCAL_OTHER;
	if (family == 6 && net_is_link_local6(to)) // every port has the prefix
		return PL_WAY_PORT;
	nh = &t->nh[net_fib_lookup(t, family, to)];
	if (nh->type != NET_T_LINK && nh->type != NET_T_GATEWAY)
		return PL_WAY_NONE;
	return nh->port == port ? PL_WAY_PORT : PL_WAY_OTHER;
}

static uint16_t
mtu(const void *net, uint8_t family, const union pl_addr *to)
{
	const struct net_table *t = net;
	const struct net_view *v = net_view(t);
	struct kin_found f = kin_find(v, family, to, PL_PORT_NONE);
	const struct net_nh *nh;

	if (f.first == PL_ADDR_LOCAL || is_loopback(family, to))
		return UINT16_MAX;
	nh = &t->nh[net_fib_lookup(t, family, to)];
	if (nh->type != NET_T_LINK && nh->type != NET_T_GATEWAY)
		return UINT16_MAX;
	return net_mtu(v, nh->port, family);
}

void
net_kin_ops(struct net_table *t)
{
	t->ops = (struct pl_net_ops){
		.net = t, .addr_types = addr_types, .way = way, .mtu = mtu, .copy = net_copy};
}

const struct pl_net_ops *
net_table_ops(const struct net_table *t)
{
	return &t->ops;
}
