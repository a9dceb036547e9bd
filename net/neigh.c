// Neighbours: who on a port has which link address. The control thread adds, changes and removes
// entries (from the configuration and from the host's stack by netlink); workers look them up
// without a lock. A removed entry is unlinked first and reused only when every worker has passed a
// quiescent state. What a worker cannot find it asks for through a small ring of its own;
// net_table_wanted() collects.
#include <errno.h>
#include <time.h>

#include "config/policy.h"
#include "net/table.h"

static uint32_t
bucket_of(const struct net_table *t, uint8_t port, uint8_t family, const union pl_addr *addr)
{
	uint64_t h = addr->u64[0] * 0x9e3779b97f4a7c15ull;

	h ^= (addr->u64[1] ^ t->seed ^ ((uint64_t)port << 40) ^ ((uint64_t)family << 48)) *
	     0xc2b2ae3d27d4eb4full;
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9ull;
	return (uint32_t)(h >> 32) & t->bucket_mask;
}

uint32_t
net_neigh_find(const struct net_table *t, uint8_t port, uint8_t family, const union pl_addr *addr)
{
	uint32_t i = atomic_load_explicit(&t->bucket[bucket_of(t, port, family, addr)],
					  memory_order_acquire);

	while (i != 0) {
		const struct net_neigh *e = &t->neigh[i];

		if (e->port == port && e->family == family && pl_addr_eq(&e->addr, addr))
			return i;
		i = atomic_load_explicit(&e->next, memory_order_acquire);
	}
	return 0;
}

// A free entry, or 0. Entries in limbo were unlinked, but a worker may still stand on one: wait
// first.
static uint32_t
entry_alloc(struct net_table *t)
{
	uint32_t i;

	if (t->neigh_free == 0 && t->neigh_fresh < t->n_neigh)
		return t->neigh_fresh++;
	if (t->neigh_free == 0 && t->neigh_limbo != 0 && !t->late && pl_rcu_wait() == 0) {
		t->neigh_free = t->neigh_limbo;
		t->neigh_limbo = 0;
	}
	i = t->neigh_free;
	if (i != 0)
		t->neigh_free = t->neigh[i].next_free;
	return i;
}

int
net_neigh_get(struct net_table *t, uint8_t port, uint8_t family, const union pl_addr *addr,
	      uint32_t *out)
{
	_Atomic uint32_t *bucket = &t->bucket[bucket_of(t, port, family, addr)];
	uint32_t i = net_neigh_find(t, port, family, addr);
	struct net_neigh *e;

	if (i == 0) {
		i = entry_alloc(t);
		if (i == 0)
			return -ENOSPC;
		e = &t->neigh[i];
		e->addr = *addr;
		e->port = port;
		e->family = family;
		e->permanent = false;
		e->refs = 0;
		atomic_store_explicit(&e->mac, 0, memory_order_relaxed);
		atomic_store_explicit(&e->next, atomic_load_explicit(bucket, memory_order_relaxed),
				      memory_order_relaxed);
		atomic_store_explicit(bucket, i,
				      memory_order_release); // readers find it from here on
	}
	*out = i;
	return 0;
}

static void
entry_free(struct net_table *t, uint32_t i)
{
	struct net_neigh *e = &t->neigh[i];
	_Atomic uint32_t *link = &t->bucket[bucket_of(t, e->port, e->family, &e->addr)];

	while (atomic_load_explicit(link, memory_order_relaxed) != i)
		link = &t->neigh[atomic_load_explicit(link, memory_order_relaxed)].next;
	// e->next stays: a reader that stands on e goes on from there.
	atomic_store_explicit(link, atomic_load_explicit(&e->next, memory_order_relaxed),
			      memory_order_release);
	e->next_free = t->neigh_limbo;
	t->neigh_limbo = i;
}

void
net_neigh_put(struct net_table *t, uint32_t index)
{
	struct net_neigh *e = &t->neigh[index];

	if (--e->refs == 0 && atomic_load_explicit(&e->mac, memory_order_relaxed) == 0)
		entry_free(t, index);
}

static bool
to_addr(union pl_addr *out, uint8_t *family, const struct cfg_prefix *p)
{
	memset(out, 0, sizeof(*out));
	if (p->family == CFG_IPV4)
		memcpy(out->v6, p->addr, 4);
	else if (p->family == CFG_IPV6)
		memcpy(out->v6, p->addr, 16);
	else
		return false;
	*family = p->family == CFG_IPV4 ? 4 : 6;
	return true;
}

int
net_table_set_neigh(struct net_table *t, uint8_t port, const struct cfg_prefix *addr,
		    const uint8_t lladdr[6], bool permanent)
{
	union pl_addr a;
	uint8_t family;
	uint32_t i;
	int ret;

	if (port >= PL_PORT_MAX || !to_addr(&a, &family, addr))
		return -EINVAL;
	ret = net_neigh_get(t, port, family, &a, &i);
	if (ret < 0)
		return ret;
	// What the operator wrote down stands against what the network says.
	if (t->neigh[i].permanent && !permanent &&
	    atomic_load_explicit(&t->neigh[i].mac, memory_order_relaxed) != 0)
		return 0;
	t->neigh[i].permanent = permanent;
	atomic_store_explicit(&t->neigh[i].mac, net_mac_word(lladdr), memory_order_release);
	return 0;
}

int
net_table_del_neigh(struct net_table *t, uint8_t port, const struct cfg_prefix *addr)
{
	union pl_addr a;
	uint8_t family;
	uint32_t i;

	if (port >= PL_PORT_MAX || !to_addr(&a, &family, addr))
		return -EINVAL;
	i = net_neigh_find(t, port, family, &a);
	if (i == 0 || t->neigh[i].permanent)
		return -ESRCH;
	atomic_store_explicit(&t->neigh[i].mac, 0, memory_order_release);
	if (t->neigh[i].refs == 0)
		entry_free(t, i);
	return 0;
}

uint64_t
net_neigh_assumed(uint8_t family, const union pl_addr *addr)
{
	uint8_t mac[6] = {0x02, 0x00};

	memcpy(mac + 2, family == 4 ? addr->v6 : addr->v6 + 12, 4);
	return net_mac_word(mac);
}

void
net_neigh_want(struct net_table *t, uint16_t worker, uint8_t port, uint8_t family,
	       const union pl_addr *addr)
{
	struct net_want_ring *r = &t->wanted[worker];
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&r->tail, memory_order_acquire) == NET_WANT_RING)
		return;
	r->want[head % NET_WANT_RING] =
		(struct net_want){.addr = *addr, .port = port, .family = family};
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

// True the first time within a second.
static bool
not_asked_lately(struct net_table *t, const struct net_want *want, uint64_t now_ns)
{
	unsigned slot = NET_ASKED;

	for (unsigned i = 0; i < NET_ASKED; i++) {
		const struct net_want *a = &t->asked[i].want;

		if (a->family != want->family || a->port != want->port ||
		    !pl_addr_eq(&a->addr, &want->addr))
			continue;
		if (now_ns - t->asked[i].at_ns < 1000000000u)
			return false;
		slot = i;
		break;
	}
	if (slot == NET_ASKED)
		slot = t->asked_next++ % NET_ASKED;
	t->asked[slot].want = *want;
	t->asked[slot].at_ns = now_ns;
	return true;
}

unsigned
net_table_wanted(struct net_table *t, struct cfg_prefix *addr, uint8_t *port, unsigned max)
{
	struct timespec ts;
	uint64_t now_ns;
	unsigned n = 0;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	for (uint16_t w = 0; w < t->conf.n_workers; w++) {
		struct net_want_ring *r = &t->wanted[w];
		uint32_t head = atomic_load_explicit(&r->head, memory_order_acquire);
		uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

		for (; tail != head && n < max; tail++) {
			const struct net_want *want = &r->want[tail % NET_WANT_RING];

			if (!not_asked_lately(t, want, now_ns))
				continue;
			memset(&addr[n], 0, sizeof(addr[n]));
			addr[n].family = want->family == 4 ? CFG_IPV4 : CFG_IPV6;
			addr[n].len = want->family == 4 ? 32 : 128;
			memcpy(addr[n].addr, want->addr.v6, 16);
			port[n++] = want->port;
		}
		atomic_store_explicit(&r->tail, tail, memory_order_release);
	}
	return n;
}
