// The host's neighbours. The kernel asks (ARP, neighbour solicitation) and keeps its own states;
// here is only what the pipeline needs of them. A usable entry goes to the network table. The
// kernel lets an entry that it does not use itself go stale and never asks again, but workers send
// to it all the time: so stale entries are named to the kernel from time to time, which then
// confirms them or finds that they are gone. An array with an open hash over it. Called by
// control/netlink.c on the control thread.
#include "control/host_neigh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy.h"

struct neigh {
	struct cfg_prefix addr;
	uint64_t due_ms; // stale: when the kernel is to look again
	uint32_t hash;
	uint8_t port;
	uint8_t lladdr[6];
	bool stale;  // enum ctl_neigh_state
	bool unseen; // between mark and sweep
};

struct ctl_neighs {
	struct net_table *table;
	struct neigh *e;
	size_t n, cap;
	uint32_t *slot; // index + 1; 0: free
	uint32_t mask;
	size_t next; // where the last refresh ended
};

int
ctl_neighs_create(struct ctl_neighs **out, struct net_table *t)
{
	struct ctl_neighs *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return -ENOMEM;
	n->table = t;
	*out = n;
	return 0;
}

void
ctl_neighs_free(struct ctl_neighs *n)
{
	if (n == NULL)
		return;
	free(n->e);
	free(n->slot);
	free(n);
}

static size_t
bytes_of(const struct cfg_prefix *p)
{
	return p->family == CFG_IPV4 ? 4 : 16;
}

static uint32_t
hash_of(uint8_t port, const struct cfg_prefix *addr)
{
	uint32_t h = 2166136261u ^ port ^ (uint32_t)addr->family << 8; // FNV-1a

	for (size_t i = 0; i < bytes_of(addr); i++)
		h = (h ^ addr->addr[i]) * 16777619u;
	return h ^ h >> 15;
}

// The slot of the neighbour, or the free one where it would be.
static uint32_t *
find(const struct ctl_neighs *n, uint8_t port, const struct cfg_prefix *addr, uint32_t hash)
{
	uint32_t i = hash & n->mask;

	while (n->slot[i] != 0) {
		const struct neigh *e = &n->e[n->slot[i] - 1];

		if (e->hash == hash && e->port == port && e->addr.family == addr->family &&
		    memcmp(e->addr.addr, addr->addr, bytes_of(addr)) == 0)
			break;
		i = (i + 1) & n->mask;
	}
	return &n->slot[i];
}

static void
fill_slots(struct ctl_neighs *n)
{
	memset(n->slot, 0, ((size_t)n->mask + 1) * sizeof(*n->slot));
	for (size_t i = 0; i < n->n; i++)
		*find(n, n->e[i].port, &n->e[i].addr, n->e[i].hash) = (uint32_t)i + 1;
}

// Room for one more, slots at most half full.
static int
make_room(struct ctl_neighs *n)
{
	size_t cap = n->cap != 0 ? n->cap * 2 : 64;
	struct neigh *e;
	uint32_t *slot;

	if (n->n < n->cap)
		return 0;
	e = realloc(n->e, cap * sizeof(*e));
	if (e == NULL)
		return -ENOMEM;
	n->e = e;
	slot = calloc(cap * 2, sizeof(*slot));
	if (slot == NULL)
		return -ENOMEM;
	free(n->slot);
	n->slot = slot;
	n->cap = cap;
	n->mask = (uint32_t)cap * 2 - 1;
	fill_slots(n);
	return 0;
}

// The last entry takes the place of the one that goes; the hash is laid again from the gap on.
static void
take_out(struct ctl_neighs *n, size_t i)
{
	uint32_t at = (uint32_t)(find(n, n->e[i].port, &n->e[i].addr, n->e[i].hash) - n->slot);

	n->slot[at] = 0;
	for (uint32_t k = (at + 1) & n->mask; n->slot[k] != 0; k = (k + 1) & n->mask) {
		uint32_t moved = n->slot[k];
		const struct neigh *e = &n->e[moved - 1];

		n->slot[k] = 0;
		*find(n, e->port, &e->addr, e->hash) = moved;
	}
	n->n--;
	if (i == n->n)
		return;
	*find(n, n->e[n->n].port, &n->e[n->n].addr, n->e[n->n].hash) = (uint32_t)i + 1;
	n->e[i] = n->e[n->n];
}

static void
forget(struct ctl_neighs *n, size_t i)
{
	net_table_del_neigh(n->table, n->e[i].port,
			    &n->e[i].addr); // -ESRCH: the operator's own stays
	take_out(n, i);
}

int
ctl_neighs_set(struct ctl_neighs *n, uint8_t port, const struct cfg_prefix *addr,
	       const uint8_t lladdr[6], enum ctl_neigh_state state, uint64_t now_ms)
{
	uint32_t hash = hash_of(port, addr);
	uint32_t *slot = n->slot != NULL ? find(n, port, addr, hash) : NULL;
	struct neigh *e = slot != NULL && *slot != 0 ? &n->e[*slot - 1] : NULL;
	int ret;

	if (state == CTL_NEIGH_GONE) {
		if (e != NULL)
			forget(n, (size_t)(e - n->e));
		return 0;
	}
	if (e == NULL || memcmp(e->lladdr, lladdr, 6) != 0) {
		ret = e == NULL ? make_room(n) : 0;
		if (ret == 0)
			ret = net_table_set_neigh(n->table, port, addr, lladdr, false);
		if (ret < 0)
			return ret;
	}
	if (e == NULL) {
		e = &n->e[n->n++];
		*e = (struct neigh){.addr = *addr, .hash = hash, .port = port};
		*find(n, port, addr, hash) = (uint32_t)n->n;
	}
	memcpy(e->lladdr, lladdr, 6);
	e->unseen = false;
	if (state == CTL_NEIGH_STALE && !e->stale)
		e->due_ms = now_ms + CTL_NEIGH_REFRESH_MS;
	e->stale = state == CTL_NEIGH_STALE;
	return 0;
}

void
ctl_neighs_mark(struct ctl_neighs *n)
{
	for (size_t i = 0; i < n->n; i++)
		n->e[i].unseen = true;
}

void
ctl_neighs_sweep(struct ctl_neighs *n)
{
	for (size_t i = n->n; i-- > 0;) {
		if (n->e[i].unseen)
			forget(n, i);
	}
}

unsigned
ctl_neighs_refresh(struct ctl_neighs *n, struct cfg_prefix *addr, uint8_t *port, unsigned max,
		   uint64_t now_ms)
{
	unsigned found = 0;

	for (size_t k = 0; k < n->n && found < max; k++) {
		struct neigh *e;

		n->next = n->next + 1 < n->n ? n->next + 1 : 0;
		e = &n->e[n->next];
		if (!e->stale || now_ms < e->due_ms)
			continue;
		e->due_ms = now_ms + CTL_NEIGH_REFRESH_MS;
		addr[found] = e->addr;
		port[found++] = e->port;
	}
	return found;
}
