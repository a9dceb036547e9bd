// Packets that wait for another worker's word (see park.h). Called by conntrack's stages, by the
// worker's turn and by its loop, on the worker's thread; memory is made with the hand-over rings.
// A place holds one packet: a head, which waits for answers and is found by its steering hash, or
// one in the queue behind a head. While a queue is run its next packets stand in `behind`, and go
// over to the packet of the same hash that parks meanwhile, so that no packet overtakes another.
#include "pipeline/park.h"

#include <errno.h>

#include <rte_malloc.h>
#include <rte_mbuf.h>

#define BUCKETS	 256 // a power of two
#define NO_PLACE 0

enum kind { FREE, HEAD, BEHIND };

struct place {
	struct pl_pkt pkt;
	uint64_t deadline_ns;
	pl_park_leave leave;
	uint16_t stage; // of the program
	uint16_t serial;
	uint16_t next, last;   // of the queue; a head knows the last one. Free places: next
	uint16_t chain;	       // heads of one bucket
	uint16_t older, newer; // heads, in the order in which they are late
	uint8_t kind;	       // enum kind
	uint8_t answers;       // that a head waits for
};

struct pl_parking {
	uint16_t bucket[BUCKETS];
	uint16_t ready[PL_PARK_PLACES + 1];
	unsigned n_ready;
	uint16_t oldest, newest;
	uint16_t used, free;
	bool running;
	uint16_t behind; // of the queue that is being run
	uint32_t running_hash;
	uint64_t hold_ns;			// since when control waits; 0: it does not
	struct place place[PL_PARK_PLACES + 1]; // place 0 stands for none
};

int
pl_park_create(struct pl_worker *w)
{
	w->parking = rte_zmalloc_socket("pl_parking", sizeof(*w->parking), RTE_CACHE_LINE_SIZE,
					w->socket);
	if (w->parking == NULL)
		return -ENOMEM;
	w->parking->used = 1;
	return 0;
}

void
pl_park_free(struct pl_worker *w)
{
	for (unsigned i = 1; w->parking != NULL && i < w->parking->used; i++) {
		if (w->parking->place[i].kind != FREE)
			rte_pktmbuf_free(w->parking->place[i].pkt.m);
	}
	rte_free(w->parking);
	w->parking = NULL;
}

// ---- places -------------------------------------------------------------------------------------

static uint16_t *
bucket_of(struct pl_parking *k, uint32_t hash)
{
	return &k->bucket[(hash ^ hash >> 8 ^ hash >> 16 ^ hash >> 24) % BUCKETS];
}

static uint32_t
ticket_of(const struct pl_parking *k, uint16_t at)
{
	return (uint32_t)k->place[at].serial << 16 | at;
}

// The packet leaves the burst for a place of its own.
static uint16_t
place_take(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p, enum kind kind)
{
	struct pl_parking *k = w->parking;
	uint16_t at = k->free, serial;
	struct place *s;

	if (at != NO_PLACE)
		k->free = k->place[at].next;
	else if (k->used <= PL_PARK_PLACES)
		at = k->used++;
	else
		return NO_PLACE;
	s = &k->place[at];
	serial = s->serial;
	*s = (struct place){.pkt = *p, .stage = b->stage, .serial = serial, .kind = (uint8_t)kind};
	s->pkt.rec = NULL;
	w->n_parked++;
	pl_take(b, p);
	return at;
}

static void
place_free(struct pl_worker *w, uint16_t at)
{
	struct pl_parking *k = w->parking;
	struct place *s = &k->place[at];

	s->kind = FREE;
	s->serial++;
	s->next = k->free;
	k->free = at;
	w->n_parked--;
}

static void
head_add(struct pl_parking *k, uint16_t at)
{
	struct place *s = &k->place[at];
	uint16_t *bucket = bucket_of(k, s->pkt.hash);

	s->chain = *bucket;
	*bucket = at;
	s->older = k->newest;
	if (k->newest != NO_PLACE)
		k->place[k->newest].newer = at;
	else
		k->oldest = at;
	k->newest = at;
	s->last = at;
	if (!k->running || k->running_hash != s->pkt.hash || k->behind == NO_PLACE)
		return;
	s->next = k->behind;
	k->behind = NO_PLACE;
	while (k->place[s->last].next != NO_PLACE)
		s->last = k->place[s->last].next;
}

static void
head_del(struct pl_parking *k, uint16_t at)
{
	struct place *s = &k->place[at];
	uint16_t *link = bucket_of(k, s->pkt.hash);

	while (*link != at)
		link = &k->place[*link].chain;
	*link = s->chain;
	if (s->older != NO_PLACE)
		k->place[s->older].newer = s->newer;
	else
		k->oldest = s->newer;
	if (s->newer != NO_PLACE)
		k->place[s->newer].older = s->older;
	else
		k->newest = s->older;
}

// ---- coming -------------------------------------------------------------------------------------

uint32_t
pl_park(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p, unsigned answers,
	pl_park_leave leave)
{
	struct pl_parking *k = w->parking;
	uint16_t at = place_take(w, b, p, HEAD);

	if (at == NO_PLACE)
		return 0;
	k->place[at].deadline_ns = w->now_ns + PL_PARK_NS;
	k->place[at].leave = leave;
	k->place[at].answers = (uint8_t)answers;
	head_add(k, at);
	pl_count(&w->cnt.parked, 1);
	return ticket_of(k, at);
}

uint32_t
pl_park_find(const struct pl_worker *w, uint32_t hash)
{
	struct pl_parking *k = w->parking;

	for (uint16_t at = *bucket_of(k, hash); at != NO_PLACE; at = k->place[at].chain) {
		if (k->place[at].pkt.hash == hash)
			return ticket_of(k, at);
	}
	return 0;
}

void
pl_park_behind(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p, uint32_t ticket)
{
	struct pl_parking *k = w->parking;
	uint16_t at = place_take(w, b, p, BEHIND), head = (uint16_t)ticket;

	if (at == NO_PLACE) {
		pl_drop(w, b, p, PL_DROP_PARK_FULL);
		return;
	}
	k->place[k->place[head].last].next = at;
	k->place[head].last = at;
}

struct pl_pkt *
pl_parked(const struct pl_worker *w, uint32_t ticket)
{
	struct place *s = &w->parking->place[(uint16_t)ticket];

	return s->kind == HEAD && ticket_of(w->parking, (uint16_t)ticket) == ticket ? &s->pkt
										    : NULL;
}

void
pl_park_answer(struct pl_worker *w, uint32_t ticket)
{
	struct pl_parking *k = w->parking;
	uint16_t at = (uint16_t)ticket;

	if (--k->place[at].answers == 0)
		k->ready[k->n_ready++] = at;
}

// ---- going --------------------------------------------------------------------------------------

static void
drop(struct pl_worker *w, struct pl_pkt *p, enum pl_drop reason)
{
	pl_drop_note(p, reason);
	pl_drop_mbuf(w, p->m, reason);
}

static void
drop_queue(struct pl_worker *w, uint16_t at, enum pl_drop reason)
{
	while (at != NO_PLACE) {
		struct place *s = &w->parking->place[at];
		uint16_t next = s->next;

		drop(w, &s->pkt, reason);
		place_free(w, at);
		at = next;
	}
}

static void
drop_head(struct pl_worker *w, uint16_t at)
{
	struct place *s = &w->parking->place[at];

	head_del(w->parking, at);
	s->leave(w, &s->pkt);
	drop_queue(w, at, PL_DROP_PARK_LATE);
}

static void
run_place(struct pl_worker *w, uint16_t at)
{
	struct pl_pkt p = w->parking->place[at].pkt;
	uint16_t stage = w->parking->place[at].stage;

	place_free(w, at);
	pl_resume(w, &p, stage);
}

static void
run_head(struct pl_worker *w, uint16_t at)
{
	struct pl_parking *k = w->parking;
	struct place *s = &k->place[at];
	int ret;

	head_del(k, at);
	k->running = true;
	k->running_hash = s->pkt.hash;
	k->behind = s->next;
	ret = s->leave(w, &s->pkt);
	if (ret != 0) {
		drop(w, &s->pkt, (enum pl_drop)(ret - 1));
		place_free(w, at);
	} else {
		run_place(w, at);
	}
	while (k->behind != NO_PLACE) {
		uint16_t next = k->behind;

		k->behind = k->place[next].next;
		run_place(w, next);
	}
	k->running = false;
}

void
pl_park_turn(struct pl_worker *w)
{
	struct pl_parking *k = w->parking;

	// What is run may park again, but its answer only comes in when rings are looked at: what
	// is ready by then goes on as well, and that ends with the answers that were asked for.
	for (unsigned i = 0; i < k->n_ready; i++)
		run_head(w, k->ready[i]);
	k->n_ready = 0;
	while (k->oldest != NO_PLACE && k->place[k->oldest].deadline_ns <= w->now_ns)
		drop_head(w, k->oldest);
}

void
pl_park_hold(struct pl_worker *w)
{
	struct pl_parking *k = w->parking;

	w->hold = pl_rcu_waiting();
	if (!w->hold) {
		k->hold_ns = 0;
		return;
	}
	if (k->hold_ns == 0)
		k->hold_ns = w->now_ns;
	if (k->n_ready != 0 || w->now_ns - k->hold_ns < PL_PARK_NS)
		return; // those that have their answers go on in this turn
	while (k->oldest != NO_PLACE)
		drop_head(w, k->oldest);
}
