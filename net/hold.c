// The waiting room: packets whose next hop's link address is not known yet. The worker asks the
// control thread for the address (once a second), which has the host's stack resolve it; when it
// comes, the packets leave in order. After three seconds without an answer each one is reported to
// its sender as host (address) unreachable and dropped, as Linux does. Everything is bounded:
// neighbours waited for, packets for each (the oldest makes way), packets in all.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "net/core.h"

#define ASK_NS	 1000000000ull
#define PER_TURN 8 // entries looked at in one turn
#define NO_SLOT	 NET_HOLD_PACKETS

void
net_hold_init(struct net_hold *h)
{
	for (unsigned i = 0; i < NET_HOLD_PACKETS; i++)
		h->slot[i].next = i + 1;
	h->free_slot = 0;
}

void
net_hold_free(struct net_hold *h)
{
	for (unsigned i = 0; i < NET_HOLD_PACKETS; i++)
		rte_pktmbuf_free(h->slot[i].m);
}

static struct net_hold_entry *
find(struct net_hold *h, const struct net_out *out, bool make)
{
	uint64_t hash = (out->addr.u64[0] ^ out->port) * 0x9e3779b97f4a7c15ull;
	struct net_hold_entry *set, *unused = NULL;

	hash = (hash ^ out->addr.u64[1] ^ hash >> 31) * 0xc2b2ae3d27d4eb4full;
	set = &h->entry[(hash >> 58) * NET_HOLD_WAYS];
	for (unsigned i = 0; i < NET_HOLD_WAYS; i++) {
		struct net_hold_entry *e = &set[i];

		if (e->n == 0)
			unused = e;
		else if (e->port == out->port && e->family == out->family &&
			 pl_addr_eq(&e->addr, &out->addr))
			return e;
	}
	return make ? unused : NULL;
}

static struct rte_mbuf *
take_first(struct net_hold *h, struct net_hold_entry *e, uint8_t *origin)
{
	uint16_t i = e->first;
	struct rte_mbuf *m = h->slot[i].m;

	*origin = h->slot[i].origin;
	e->first = h->slot[i].next;
	h->slot[i].m = NULL;
	h->slot[i].next = h->free_slot;
	h->free_slot = i;
	h->n_packets--;
	if (--e->n == 0)
		h->n_entries--;
	return m;
}

static void
append(struct net_hold *h, struct net_hold_entry *e, struct rte_mbuf *m, uint8_t origin)
{
	uint16_t i = h->free_slot;

	h->free_slot = h->slot[i].next;
	h->slot[i].m = m;
	h->slot[i].origin = origin;
	h->slot[i].next = NO_SLOT;
	if (e->n++ == 0) {
		e->first = i;
		h->n_entries++;
	} else {
		h->slot[e->last].next = i;
	}
	e->last = i;
	h->n_packets++;
}

static void
ask(struct pl_worker *w, struct net_hold_entry *e)
{
	e->asked_ns = w->now_ns;
	net_neigh_want(w->net->table, w->id, e->port, e->family, &e->addr);
}

void
net_hold_put(struct pl_worker *w, const struct net_out *out, struct rte_mbuf *m)
{
	struct net_hold *h = &w->net->hold;
	struct net_hold_entry *e = find(h, out, true);
	uint8_t origin;

	if (e == NULL) {
		pl_drop_mbuf(w, m, PL_DROP_NEIGH_TABLE);
		return;
	}
	if (e->n == NET_HOLD_PER_HOST) {
		pl_drop_mbuf(w, take_first(h, e, &origin), PL_DROP_NEIGH_QUEUE);
	} else if (h->free_slot == NO_SLOT) {
		pl_drop_mbuf(w, m, PL_DROP_NEIGH_QUEUE);
		return;
	}
	if (e->n == 0) {
		e->addr = out->addr;
		e->port = out->port;
		e->family = out->family;
		e->since_ns = w->now_ns;
		ask(w, e);
	}
	append(h, e, m, out->origin);
}

static void
release(struct pl_worker *w, struct net_hold_entry *e, uint64_t dmac)
{
	struct net_out out = {.port = e->port, .family = e->family, .addr = e->addr, .dmac = dmac};

	while (e->n != 0) {
		uint8_t origin;
		struct rte_mbuf *m = take_first(&w->net->hold, e, &origin);

		net_out_frame(w, &out, m);
	}
}

// The flow may be gone by now, so the error goes out without one: conntrack finds it by what it
// quotes.
static void
fail(struct pl_worker *w, struct net_hold_entry *e)
{
	while (e->n != 0) {
		struct pl_pkt p = {.in_port = PL_PORT_NONE, .out_port = e->port};

		p.m = take_first(&w->net->hold, e, &p.origin);
		if (pl_parse(&p) == 0) {
			if (p.family == 4)
				net_icmp_error(w, &p, ICMP_DEST_UNREACH, ICMP_HOST_UNREACH, 0);
			else
				net_icmp_error(w, &p, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_ADDR, 0);
		}
		pl_drop_mbuf(w, p.m, PL_DROP_NEIGH_FAILED);
	}
}

static void
look_at(struct pl_worker *w, struct net_hold_entry *e)
{
	const struct net_table *t = w->net->table;
	uint32_t i = net_neigh_find(t, e->port, e->family, &e->addr);
	uint64_t dmac = i != 0 ? net_neigh_mac(&t->neigh[i]) : 0;

	if (dmac != 0)
		release(w, e, dmac);
	else if (w->now_ns - e->since_ns >= NET_HOLD_NS)
		fail(w, e);
	else if (w->now_ns - e->asked_ns >= ASK_NS)
		ask(w, e);
}

void
net_hold_idle(struct pl_worker *w)
{
	struct net_hold *h = &w->net->hold;

	if (likely(h->n_entries == 0))
		return;
	// The table is walked round and round; a used entry costs a look-up, a free one next to
	// nothing.
	for (unsigned steps = 0, looked = 0; steps < NET_HOLD_ENTRIES && looked < PER_TURN;
	     steps++) {
		struct net_hold_entry *e = &h->entry[h->cursor++ % NET_HOLD_ENTRIES];

		if (e->n == 0)
			continue;
		look_at(w, e);
		looked++;
	}
}
