// The view: ports and addresses as the workers see them, immutable once published (net/table.h).
// Built and freed by the control thread; the questions at the end may be asked by any thread that
// holds a view within its turn.
#include <errno.h>
#include <stdlib.h>

#include "net/table.h"
#include "pipeline/way.h"

void
net_addr_mask(union pl_addr *a, uint8_t family, uint8_t len)
{
	unsigned bytes = family == 4 ? 4 : 16;

	for (unsigned i = 0; i < bytes; i++) {
		unsigned from = i * 8;

		if (len <= from)
			a->v6[i] = 0;
		else if (len < from + 8)
			a->v6[i] &= (uint8_t)(0xff << (from + 8 - len));
	}
	memset(a->v6 + bytes, 0, 16 - bytes);
}

bool
net_addr_in(const union pl_addr *a, const union pl_addr *prefix, uint8_t family, uint8_t len)
{
	union pl_addr x = *a, y = *prefix;

	net_addr_mask(&x, family, len);
	net_addr_mask(&y, family, len);
	return pl_addr_eq(&x, &y);
}

// RFC 4291 appendix A.
static void
eui64(union pl_addr *out, const uint8_t mac[6])
{
	memset(out, 0, sizeof(*out));
	out->v6[0] = 0xfe;
	out->v6[1] = 0x80;
	memcpy(out->v6 + 8, mac, 3);
	out->v6[8] ^= 0x02;
	out->v6[11] = 0xff;
	out->v6[12] = 0xfe;
	memcpy(out->v6 + 13, mac + 3, 3);
}

static uint32_t
own_slot(uint32_t mask, rte_be32_t addr)
{
	return (addr * 0x9e3779b1u >> 7) & mask;
}

static void
own_put(struct net_view *v, rte_be32_t addr)
{
	uint32_t i = own_slot(v->own_mask, addr);

	while (v->own[i] != 0 && v->own[i] != addr)
		i = (i + 1) & v->own_mask;
	v->own[i] = addr;
}

static int
fill_own(struct net_view *v)
{
	uint32_t size = 64;

	while (size < v->n_addr * 8)
		size *= 2;
	v->own = calloc(size, sizeof(v->own[0]));
	if (v->own == NULL)
		return -ENOMEM;
	v->own_mask = size - 1;
	for (unsigned i = 0; i < v->n_addr; i++) {
		const struct net_addr *a = &v->addr[i];

		if (a->family != 4)
			continue;
		own_put(v, a->addr.v4);
	}
	return 0;
}

void
net_view_free(struct net_view *v)
{
	if (v == NULL)
		return;
	free(v->addr);
	free(v->own);
	free(v->kin);
	free(v);
}

// Those before it, which no worker looks at any more; there is more than one where a worker stood
// still.
void
net_view_leave(struct net_view *v)
{
	while (v->before != NULL) {
		struct net_view *old = v->before;

		v->before = old->before;
		net_view_free(old);
	}
}

int
net_view_publish(struct net_table *t, uint8_t port_changed, const struct net_port_info *info)
{
	struct net_view *old = atomic_load_explicit(&t->view, memory_order_relaxed);
	struct net_view *v = calloc(1, sizeof(*v));
	uint16_t n = 0;

	if (v == NULL)
		return -ENOMEM;
	if (old != NULL)
		memcpy(v->port, old->port, sizeof(v->port));
	if (info != NULL) {
		v->port[port_changed].info = *info;
		v->port[port_changed].present = true;
	}
	v->n_addr = t->n_addr;
	v->n_group = t->n_group;
	memcpy(v->group, t->group, sizeof(v->group));
	v->addr = calloc(t->n_addr + 1, sizeof(v->addr[0]));
	if (v->addr == NULL)
		goto fail;
	for (unsigned port = 0; port <= PL_PORT_MAX; port++) {
		struct net_view_port *vp = &v->port[port];

		vp->mac = net_mac_word(vp->info.mac);
		eui64(&vp->ll, vp->info.mac);
		for (unsigned f = 0; f < 2; f++) {
			vp->first[f] = n;
			for (unsigned i = 0; i < t->n_addr; i++) {
				if (t->addr[i].port == port &&
				    t->addr[i].family == (f == 0 ? 4 : 6))
					v->addr[n++] = t->addr[i];
			}
			vp->n[f] = n - vp->first[f];
		}
	}
	if (fill_own(v) < 0 || net_kin_fill(v) < 0)
		goto fail;
	atomic_store_explicit(&t->view, v, memory_order_release);
	pl_world_changed();
	v->before = old;
	if (pl_rcu_wait() == 0)
		net_view_leave(v);
	return 0;
fail:
	net_view_free(v);
	return -ENOMEM;
}

bool
net_view_own4(const struct net_view *v, rte_be32_t addr)
{
	uint32_t i = own_slot(v->own_mask, addr);

	// At most a quarter full: this ends.
	for (; v->own[i] != 0; i = (i + 1) & v->own_mask) {
		if (v->own[i] == addr)
			return true;
	}
	return false;
}

bool
net_view_link_local(const struct net_view *v, uint8_t port, const union pl_addr *addr)
{
	const struct net_view_port *vp = &v->port[port];

	if (pl_addr_eq(addr, &vp->ll))
		return true;
	for (unsigned i = 0; i < vp->n[1]; i++) {
		const struct net_addr *a = &v->addr[vp->first[1] + i];

		if (a->link_local && pl_addr_eq(addr, &a->addr))
			return true;
	}
	return false;
}

bool
net_view_solicited(const struct net_view *v, uint8_t port, const union pl_addr *addr)
{
	static const uint8_t prefix[13] = {0xff, 0x02, [11] = 1, [12] = 0xff};
	const struct net_view_port *vp = &v->port[port];

	if (memcmp(addr->v6, prefix, sizeof(prefix)) != 0)
		return false;
	// A router is in the group of fe80:: and other subnets' anycast addresses as well.
	if (memcmp(addr->v6 + 13, vp->ll.v6 + 13, 3) == 0 ||
	    (addr->v6[13] | addr->v6[14] | addr->v6[15]) == 0)
		return true;
	for (unsigned i = 0; i < vp->n[1]; i++) {
		if (memcmp(addr->v6 + 13, v->addr[vp->first[1] + i].addr.v6 + 13, 3) == 0)
			return true;
	}
	return false;
}

// The first address whose subnet holds next_hop, else the first one, as inet_select_addr() in
// Linux.
static bool
source4(const struct net_view *v, uint8_t port, const union pl_addr *next_hop, union pl_addr *out)
{
	const struct net_view_port *vp = &v->port[port];
	const struct net_addr *a = &v->addr[vp->first[0]];

	for (unsigned i = 0; next_hop != NULL && i < vp->n[0]; i++) {
		if (net_addr_in(next_hop, &a[i].addr, 4, a[i].len)) {
			*out = a[i].addr;
			return true;
		}
	}
	if (vp->n[0] == 0)
		return false;
	*out = a[0].addr;
	return true;
}

static unsigned
common_bits(const union pl_addr *a, const union pl_addr *b)
{
	for (unsigned i = 0; i < 16; i++) {
		uint8_t diff = a->v6[i] ^ b->v6[i];

		if (diff != 0)
			return i * 8 + (unsigned)__builtin_clz(diff) - 24;
	}
	return 128;
}

// RFC 6724 section 5 as far as it can matter here: appropriate scope, then the longest common
// prefix within the subnet's length. Among equals the first one in the file, as for IPv4 (Linux
// would take the one that was added last).
static bool
source6(const struct net_view *v, uint8_t port, const union pl_addr *dst, union pl_addr *out)
{
	const struct net_view_port *vp = &v->port[port];
	const struct net_addr *best = NULL;
	bool want_ll = dst != NULL && net_is_link_local6(dst);
	unsigned best_bits = 0;

	for (unsigned i = 0; i < vp->n[1]; i++) {
		const struct net_addr *a = &v->addr[vp->first[1] + i];
		unsigned bits = dst != NULL ? common_bits(&a->addr, dst) : 0;

		bits = RTE_MIN(bits, a->len);
		if (a->link_local != want_ll || (best != NULL && bits <= best_bits))
			continue;
		best = a;
		best_bits = bits;
	}
	if (best != NULL) {
		*out = best->addr;
		return true;
	}
	if (want_ll && vp->present) {
		*out = vp->ll;
		return true;
	}
	return false;
}

bool
net_view_source(const struct net_view *v, uint8_t port, uint8_t family,
		const union pl_addr *next_hop, union pl_addr *out)
{
	if (family == 4)
		return source4(v, port, next_hop, out);
	return source6(v, port, next_hop, out);
}

uint8_t
net_view_owner(const struct net_view *v, uint8_t family, const union pl_addr *addr, uint8_t dflt)
{
	uint8_t owner = PL_PORT_NONE;

	for (unsigned i = 0; i < v->n_addr; i++) {
		const struct net_addr *a = &v->addr[i];

		if (a->family != family || !pl_addr_eq(&a->addr, addr))
			continue;
		if (a->port == dflt)
			return dflt;
		if (owner == PL_PORT_NONE)
			owner = a->port;
	}
	return owner != PL_PORT_NONE ? owner : dflt;
}
