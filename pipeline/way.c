// The verdict cache: learning, sharing and forgetting ways (see way.h). Ways stand in a ring: a new
// one takes the place of the oldest. Worker's thread; the memory belongs to the worker
// (pl_worker.ways), the counters to the policy that the worker runs.
#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "pipeline/way.h"

_Atomic uint64_t pl_world;

int
pl_ways_create(struct pl_ways **out, int socket)
{
	struct pl_ways *ws =
		rte_zmalloc_socket("pl_ways", sizeof(*ws), RTE_CACHE_LINE_SIZE, socket);

	if (ws == NULL)
		return -ENOMEM;
	ws->way[0].id = UINT32_MAX; // what a flow without a way keeps is 0, which is nobody's
	ws->last = PL_WAYS;
	*out = ws;
	return 0;
}

void
pl_ways_free(struct pl_ways *ws)
{
	rte_free(ws);
}

void
pl_world_changed(void)
{
	atomic_fetch_add_explicit(&pl_world, 1, memory_order_acq_rel);
}

void
pl_record_start(struct pl_ways *ws, struct pl_pkt *p, uint32_t *slot)
{
	struct pl_record *r = &ws->rec[ws->n_rec++];

	r->slot = slot;
	r->n = 0;
	r->broken = false;
	memset(&r->note, 0, sizeof(r->note));
	p->rec = r;
}

static void
settle_one(struct pl_way *way, struct pl_way_cold *cold)
{
	for (uint32_t i = 0; i < cold->n && way->packets != 0; i++)
		pl_counter_add(cold->credit[i], way->packets, way->bytes);
	way->packets = way->bytes = 0;
}

// Places ever taken: all of them once the ring has gone round.
static unsigned
places(const struct pl_ways *ws)
{
	return ws->round ? PL_WAYS : (ws->last & (PL_WAYS - 1)) + 1;
}

void
pl_ways_settle(struct pl_ways *ws)
{
	for (unsigned i = 1, n = places(ws); i < n; i++)
		settle_one(&ws->way[i], &ws->cold[i]);
}

void
pl_ways_forget(struct pl_worker *w)
{
	struct pl_ways *ws = w->ways;

	// Read first: what changes from here on is found next time.
	ws->world = atomic_load_explicit(&pl_world, memory_order_acquire);
	for (unsigned i = 1, n = places(ws); i < n; i++) {
		settle_one(&ws->way[i], &ws->cold[i]);
		ws->way[i].id = 0;
		ws->cold[i].n = 0;
	}
	ws->prog = w->prog;
	ws->whole = 0;
	memset(ws->bucket, 0, sizeof(ws->bucket));
}

// ---- sharing

static uint32_t
mix(uint32_t h, uint64_t word)
{
	uint64_t x = (h ^ word) * 0x9e3779b97f4a7c15;

	return (uint32_t)(x ^ x >> 32);
}

static uint32_t
hash_of(const struct pl_record *r, const struct pl_pkt *p, uint16_t mtu)
{
	uint32_t h = mix(mtu, (uint64_t)p->next_hop << 16 | p->in_port << 8 | p->out_port);

	for (uint32_t i = 0; i < r->n; i++)
		h = mix(h, (uintptr_t)r->credit[i]);
	return h;
}

static bool
same(const struct pl_way *way, const struct pl_way_cold *cold, const struct pl_record *r,
     const struct pl_pkt *p, uint16_t mtu)
{
	return way->next_hop == p->next_hop && way->mtu == mtu && way->in_port == p->in_port &&
	       way->out_port == p->out_port && cold->n == r->n &&
	       memcmp(cold->credit, r->credit, r->n * sizeof(r->credit[0])) == 0 &&
	       cold->note.table == r->note.table && cold->note.chain == r->note.chain &&
	       cold->note.rule == r->note.rule;
}

static void
unchain(struct pl_ways *ws, unsigned at)
{
	uint32_t *link = &ws->bucket[ws->cold[at].hash & (PL_WAYS - 1)];

	while (*link != at)
		link = &ws->cold[*link].next;
	*link = ws->cold[at].next;
}

// The next place of the ring, empty.
static unsigned
take_place(struct pl_ways *ws)
{
	unsigned at;

	if ((++ws->last & (PL_WAYS - 1)) == 0) {
		ws->last++;
		ws->round = true;
	}
	at = ws->last & (PL_WAYS - 1);
	settle_one(&ws->way[at], &ws->cold[at]);
	if (at == ws->whole)
		ws->whole = 0;
	else if (ws->way[at].id != 0)
		unchain(ws, at);
	return at;
}

// The one way of all flows that have none.
static uint32_t
whole_way(struct pl_ways *ws)
{
	if (ws->whole == 0) {
		ws->whole = take_place(ws);
		ws->way[ws->whole] = (struct pl_way){.id = ws->last, .whole = true};
		ws->cold[ws->whole].n = 0;
	}
	return ws->way[ws->whole].id;
}

// The way that the record describes: one that is there already, or a new one.
static uint32_t
described_way(struct pl_ways *ws, const struct pl_record *r, const struct pl_pkt *p, uint16_t mtu)
{
	uint32_t h = hash_of(r, p, mtu), *head = &ws->bucket[h & (PL_WAYS - 1)];
	unsigned at;

	for (at = *head; at != 0; at = ws->cold[at].next) {
		if (ws->cold[at].hash == h && same(&ws->way[at], &ws->cold[at], r, p, mtu))
			break;
	}
	if (at == 0) {
		struct pl_way_cold *cold;

		at = take_place(ws);
		cold = &ws->cold[at];
		ws->way[at] = (struct pl_way){
			.id = ws->last,
			.next_hop = p->next_hop,
			.mtu = mtu,
			.in_port = p->in_port,
			.out_port = p->out_port,
		};
		cold->note = r->note;
		cold->n = r->n;
		memcpy(cold->credit, r->credit, r->n * sizeof(r->credit[0]));
		cold->hash = h;
		cold->next = *head;
		*head = at;
	}
	return ws->way[at].id;
}

void
pl_way_learn(struct pl_worker *w, const struct pl_pkt *p, uint16_t mtu)
{
	const struct pl_record *r = p->rec;

	*r->slot = r->broken ? whole_way(w->ways) : described_way(w->ways, r, p, mtu);
}

void
pl_way_note(const struct pl_ways *ws, const struct pl_way *way, struct pl_note *note)
{
	const struct pl_note *from = &ws->cold[way - ws->way].note;

	note->verdict = from->verdict;
	note->drop = from->drop;
	note->table = from->table;
	note->chain = from->chain;
	note->rule = from->rule;
}
