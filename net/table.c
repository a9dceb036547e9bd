// The network table: what the control thread may tell it about ports, addresses and routes. How the
// workers read it without a lock stands in net/table.h; neighbours are in net/neigh.c. Errors are
// negative errnos; after an error the table is as it was.
#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_random.h>

#include "config/policy.h"
#include "net/table.h"

static int
to_addr(union pl_addr *out, uint8_t *family, const struct cfg_prefix *p)
{
	memset(out, 0, sizeof(*out));
	if (p->family != CFG_IPV4 && p->family != CFG_IPV6)
		return -EINVAL;
	*family = p->family == CFG_IPV4 ? 4 : 6;
	if (p->len > (*family == 4 ? 32 : 128))
		return -EINVAL;
	memcpy(out->v6, p->addr, *family == 4 ? 4 : 16);
	return 0;
}

int
net_table_create(struct net_table **out, const struct net_table_conf *conf)
{
	struct net_table *t = calloc(1, sizeof(*t));
	uint32_t buckets;
	int ret = -ENOMEM;

	if (t == NULL)
		return -ENOMEM;
	t->conf = *conf;
	t->assume = conf->assume_neighbours;
	t->n_neigh = RTE_MAX(conf->neighbours, 16u) + 1;
	t->neigh_fresh = 1;
	buckets = rte_align32pow2(t->n_neigh);
	t->bucket_mask = buckets - 1;
	t->seed = (uint32_t)rte_rand();
	t->book_mask = rte_align32pow2(RTE_MIN(conf->routes4 + conf->routes6 + 64, 1u << 20)) - 1;
	t->nh = calloc(NET_NH_CAP, sizeof(t->nh[0]));
	t->neigh = calloc(t->n_neigh, sizeof(t->neigh[0]));
	t->bucket = calloc(buckets, sizeof(t->bucket[0]));
	t->book = calloc(t->book_mask + 1, sizeof(t->book[0]));
	t->wanted =
		aligned_alloc(RTE_CACHE_LINE_SIZE, (conf->n_workers + 1u) * sizeof(t->wanted[0]));
	if (t->nh == NULL || t->neigh == NULL || t->bucket == NULL || t->book == NULL ||
	    t->wanted == NULL)
		goto fail;
	memset(t->wanted, 0, (conf->n_workers + 1u) * sizeof(t->wanted[0]));
	net_nh_init(t);
	net_kin_ops(t);
	ret = net_view_publish(t, PL_PORT_NONE, NULL);
	if (ret == 0)
		ret = net_fib_open(t);
	if (ret < 0)
		goto fail;
	*out = t;
	return 0;
fail:
	net_table_free(t);
	return ret;
}

void
net_table_free(struct net_table *t)
{
	struct net_view *view;

	if (t == NULL)
		return;
	view = atomic_load_explicit(&t->view, memory_order_relaxed);
	net_fib_close(t);
	if (view != NULL)
		net_view_leave(view);
	net_view_free(view);
	net_book_free(t);
	free(t->nh);
	free(t->neigh);
	free(t->bucket);
	free(t->wanted);
	free(t->addr);
	free(t);
}

static int
republish(struct net_table *t)
{
	return net_view_publish(t, PL_PORT_NONE, NULL);
}

int
net_table_set_port(struct net_table *t, uint8_t port, const struct net_port_info *info)
{
	if (port >= PL_PORT_MAX)
		return -EINVAL;
	return net_view_publish(t, port, info);
}

// ---- addresses
static struct net_addr *
find_addr(struct net_table *t, uint8_t port, uint8_t family, const union pl_addr *a)
{
	for (unsigned i = 0; i < t->n_addr; i++) {
		struct net_addr *x = &t->addr[i];

		if (x->port == port && x->family == family && pl_addr_eq(&x->addr, a))
			return x;
	}
	return NULL;
}

// What Linux puts into its tables for an interface address (fib_add_ifaddr, addrconf): the address
// itself, the subnet, the subnet's broadcast address; for IPv6 the subnet-router anycast address
// (RFC 4291 2.6.1, not for /127 and longer). row returns false past the last one.
static bool
addr_row(unsigned row, const struct net_addr *a, enum net_book_kind *kind, union pl_addr *addr,
	 uint8_t *len)
{
	uint8_t full = a->family == 4 ? 32 : 128;

	*addr = a->addr;
	*len = full;
	switch (row) {
	case 0:
		*kind = NET_BOOK_LOCAL;
		return true;
	case 1:
		if (a->len == full)
			return false;
		*kind = NET_BOOK_LINK;
		*len = a->len;
		net_addr_mask(addr, a->family, a->len);
		return true;
	case 2:
		if (a->len >= full - 1)
			return false;
		if (a->family == 4) {
			*kind = NET_BOOK_BCAST;
			addr->v4 |= rte_cpu_to_be_32(0xffffffffu >> a->len);
		} else {
			*kind = NET_BOOK_LOCAL;
			net_addr_mask(addr, 6, a->len);
		}
		return true;
	default:
		return false;
	}
}

static void
book_out(struct net_table *t, const struct net_addr *a, unsigned rows)
{
	enum net_book_kind kind;
	union pl_addr addr;
	uint8_t len;

	while (rows-- > 0) {
		addr_row(rows, a, &kind, &addr, &len);
		net_book_del(t, kind, a->family, &addr, len, a->port);
	}
}

static unsigned
addr_rows(const struct net_addr *a)
{
	enum net_book_kind kind;
	union pl_addr addr;
	unsigned n = 0;
	uint8_t len;

	while (!a->link_local && addr_row(n, a, &kind, &addr, &len))
		n++;
	return n;
}

static int
book_in(struct net_table *t, const struct net_addr *a)
{
	enum net_book_kind kind;
	union pl_addr addr;
	uint8_t len;

	for (unsigned row = 0; row < addr_rows(a); row++) {
		int ret;

		addr_row(row, a, &kind, &addr, &len);
		ret = net_book_add(t, kind, a->family, &addr, len, a->port);
		if (ret < 0) {
			book_out(t, a, row);
			return ret;
		}
	}
	return 0;
}

int
net_table_add_addr(struct net_table *t, uint8_t port, const struct cfg_prefix *prefix)
{
	struct net_addr a = {.port = port, .len = prefix->len};
	int ret = to_addr(&a.addr, &a.family, prefix);

	if (ret < 0 || port >= PL_PORT_MAX)
		return -EINVAL;
	a.link_local = a.family == 6 && net_is_link_local6(&a.addr);
	if (net_is_mcast(a.family, &a.addr) || (a.addr.u64[0] == 0 && a.addr.u64[1] == 0))
		return -EADDRNOTAVAIL;
	if (find_addr(t, port, a.family, &a.addr) != NULL)
		return -EEXIST;
	if (t->n_addr == UINT16_MAX)
		return -ENOSPC;
	if (t->n_addr == t->addr_cap) {
		unsigned cap = t->addr_cap * 2 + 16;
		struct net_addr *more = realloc(t->addr, cap * sizeof(*more));

		if (more == NULL)
			return -ENOMEM;
		t->addr = more;
		t->addr_cap = cap;
	}
	ret = book_in(t, &a);
	if (ret < 0)
		return ret;
	t->addr[t->n_addr++] = a;
	ret = republish(t);
	if (ret < 0) {
		t->n_addr--;
		book_out(t, &a, addr_rows(&a));
	}
	return ret;
}

int
net_table_del_addr(struct net_table *t, uint8_t port, const struct cfg_prefix *prefix)
{
	union pl_addr addr;
	struct net_addr *a, gone;
	uint8_t family;

	if (to_addr(&addr, &family, prefix) < 0)
		return -EINVAL;
	a = find_addr(t, port, family, &addr);
	if (a == NULL)
		return -EADDRNOTAVAIL;
	gone = *a;
	t->n_addr--;
	memmove(a, a + 1, (size_t)(&t->addr[t->n_addr] - a) * sizeof(*a));
	book_out(t, &gone, addr_rows(&gone));
	return republish(t);
}

// ---- routes
// The port whose subnet holds gw, the longest one; PL_PORT_NONE: no port's does.
static uint8_t
port_towards(const struct net_table *t, uint8_t family, const union pl_addr *gw)
{
	uint8_t port = PL_PORT_NONE;
	int best = -1;

	for (unsigned i = 0; i < t->n_addr; i++) {
		const struct net_addr *a = &t->addr[i];

		if (a->family == family && a->len > best && !a->link_local &&
		    net_addr_in(gw, &a->addr, family, a->len)) {
			best = a->len;
			port = a->port;
		}
	}
	return port;
}

int
net_table_add_route(struct net_table *t, const struct cfg_prefix *to, const struct cfg_prefix *via,
		    uint8_t port, bool blackhole)
{
	union pl_addr addr, gw;
	uint8_t family, gw_family;
	uint16_t nh;
	int ret;

	if (to_addr(&addr, &family, to) < 0 || port > PL_PORT_NONE)
		return -EINVAL;
	net_addr_mask(&addr, family, to->len);
	// Link-local and multicast destinations belong to the port they came in on; no table
	// decides.
	if (family == 6 && to->len >= 8 &&
	    (addr.v6[0] == 0xff || (to->len >= 10 && net_is_link_local6(&addr))))
		return 0;
	if (blackhole) {
		nh = NET_NH_BLACKHOLE;
	} else if (via != NULL && via->family != 0) {
		if (to_addr(&gw, &gw_family, via) < 0 || gw_family != family)
			return -EINVAL;
		if (port == PL_PORT_NONE)
			port = port_towards(t, family, &gw);
		if (port == PL_PORT_NONE)
			return -ENETUNREACH;
		ret = net_nh_gateway(t, port, family, &gw, to->len, &nh);
		if (ret < 0)
			return ret;
	} else {
		if (port == PL_PORT_NONE)
			return -EINVAL;
		nh = net_nh_link(port, family, to->len);
	}
	ret = net_book_route(t, family, &addr, to->len, nh);
	if (ret < 0)
		net_nh_put(t, nh);
	return ret;
}

int
net_table_del_route(struct net_table *t, const struct cfg_prefix *to)
{
	union pl_addr addr;
	uint8_t family;

	if (to_addr(&addr, &family, to) < 0)
		return -EINVAL;
	net_addr_mask(&addr, family, to->len);
	return net_book_route(t, family, &addr, to->len, NET_NH_NONE);
}
