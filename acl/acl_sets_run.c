// What the control thread has done on the workers for its sets: changes, questions, listings. Each
// is a call (pl_worker_call) that does a bounded piece of its work in each turn of the worker, so
// that forwarding never waits for a large set.
//
// Called by acl_sets.c on the control thread; what is called `on_` here runs on a worker's.
#include "acl/acl_sets_int.h"
#include "pipeline/way.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIECE	256 // operations or questions in one turn
#define PLACES	2048
#define CALL_MS 1000

// As long as it takes: all workers must come to the same.
static void
call(struct pl_worker *w, bool (*fn)(struct pl_worker *w, void *arg), void *arg)
{
	while (pl_worker_call(w, fn, arg, CALL_MS) != 0)
		;
}

static uint64_t
clock_of(const struct pl_worker *w)
{
	return SET_NOW(w->now_ns);
}

struct there {
	struct acl_sets_batch *b;
	size_t at;
};

static bool
on_there(struct pl_worker *w, void *arg)
{
	struct there *t = arg;
	struct acl_sets_batch *b = t->b;
	size_t end = RTE_MIN(t->at + PIECE, b->n_op);

	for (; t->at < end; t->at++) {
		struct set_op *op = &b->op[t->at];
		const struct set_content *c = &b->content[op->from];
		struct set_tab *tab;

		if ((op->kind != SET_OP_ADD && op->kind != SET_OP_DEL) || c->origin == UINT16_MAX)
			continue;
		tab = b->sets->of[w->id][c->origin];
		op->there = set_tab_get(tab, &op->key, clock_of(w)) != NULL;
	}
	if (t->at < b->n_op)
		return false;
	for (uint32_t i = 0; i < b->n_content; i++)
		if (b->content[i].origin != UINT16_MAX)
			b->content[i].n = b->sets->of[w->id][b->content[i].origin]->n;
	return true;
}

void
set_ask_there(struct acl_sets_batch *b)
{
	struct there t = {.b = b};

	call(b->sets->worker[0], on_there, &t);
}

struct run {
	struct acl_sets_batch *b;
	size_t at, failed;
};

static void
run_op(struct set_tab **of, struct set_op *op, uint16_t worker, uint64_t now, size_t *failed)
{
	struct set_tab *tab = of[op->slot];
	struct set_ext ext = op->ext;

	switch (op->kind) {
	case SET_OP_ADD:
		if (worker != 0) // what was counted before is counted once
			ext.packets = ext.bytes = 0;
		*failed += set_tab_add(tab, &op->key, &ext, true, now) < 0;
		break;
	case SET_OP_DEL:
		set_tab_del(tab, &op->key, now);
		break;
	case SET_OP_FLUSH:
		set_tab_flush(tab);
		break;
	case SET_OP_SWAP:
		of[op->slot] = of[op->other];
		of[op->other] = tab;
		break;
	default: // PUT, TAKE
		of[op->slot] = op->tab[worker];
		op->tab[worker] = tab;
		break;
	}
}

static bool
on_run(struct pl_worker *w, void *arg)
{
	struct run *r = arg;
	size_t end = RTE_MIN(r->at + PIECE, r->b->n_op);

	for (; r->at < end; r->at++)
		run_op(r->b->sets->of[w->id], &r->b->op[r->at], w->id, clock_of(w), &r->failed);
	if (r->at < r->b->n_op)
		return false;
	if (w->ways != NULL)
		pl_ways_forget(w); // what flows met may be another now
	return true;
}

size_t
set_run(struct acl_sets_batch *b)
{
	size_t failed = 0;

	for (uint16_t i = 0; i < b->sets->n_worker; i++) {
		struct run r = {.b = b};

		call(b->sets->worker[i], on_run, &r);
		failed = RTE_MAX(failed, r.failed);
	}
	return failed;
}

struct see {
	struct acl_sets *sets;
	uint16_t slot;
	uint32_t at;
	struct set_seen *seen;
	size_t n, room;
	bool full; // no room: more of it is wanted
};

// Places from at on, of a list in its own order.
static bool
on_see(struct pl_worker *w, void *arg)
{
	struct see *s = arg;
	struct set_tab *t = s->sets->of[w->id][s->slot];
	uint32_t end = RTE_MIN(s->at + PLACES, t->high);
	uint64_t now = clock_of(w);

	s->full = false;
	for (; s->at < end; s->at++) {
		const struct set_elem *e = &t->elem[s->at];

		if (!(e->flags & SET_E_USED) || set_expired(t, e, now))
			continue;
		if (s->n == s->room) {
			s->full = true;
			return true;
		}
		s->seen[s->n++] = (struct set_seen){*e, set_tab_left(t, e, now)};
	}
	return s->at >= t->high;
}

struct sum {
	struct acl_sets *sets;
	uint16_t slot;
	struct set_seen *seen;
	size_t n, at;
};

// Adds this worker's counters.
static bool
on_sum(struct pl_worker *w, void *arg)
{
	struct sum *s = arg;
	struct set_tab *t = s->sets->of[w->id][s->slot];
	size_t end = RTE_MIN(s->at + PIECE, s->n);

	for (; s->at < end; s->at++) {
		struct set_elem *to = &s->seen[s->at].elem;
		const struct set_elem *e = set_tab_get(t, &to->key, clock_of(w));

		to->packets += e != NULL ? e->packets : 0;
		to->bytes += e != NULL ? e->bytes : 0;
	}
	return s->at == s->n;
}

struct set_seen *
set_see(struct acl_sets *sets, uint16_t slot, size_t *n)
{
	struct see s = {.sets = sets, .slot = slot, .room = 64};

	do {
		struct set_seen *grown = reallocarray(s.seen, s.room *= 2, sizeof(*grown));

		if (grown == NULL) {
			free(s.seen);
			return NULL;
		}
		s.seen = grown;
		call(sets->worker[0], on_see, &s);
	} while (s.full);
	for (uint16_t i = 1; i < sets->n_worker && sets->of[0][slot]->counters; i++) {
		struct sum sum = {sets, slot, s.seen, s.n, 0};

		call(sets->worker[i], on_sum, &sum);
	}
	*n = s.n;
	return s.seen;
}

struct is_in {
	struct acl_sets *sets;
	uint16_t slot;
	const struct cfg_set_key *key;
	bool host;
	int answer;
};

static bool
on_is_in(struct pl_worker *w, void *arg)
{
	struct is_in *q = arg;
	struct set_tab *t = q->sets->of[w->id][q->slot];
	const struct set_ask ask = {.now = clock_of(w)};
	const struct set_elem *e;

	if (q->host) {
		q->answer = set_tab_test(t, q->key, &ask);
		return true;
	}
	e = set_tab_get(t, q->key, ask.now);
	q->answer = e == NULL ? 0 : e->flags & SET_E_NOMATCH ? -1 : 1;
	return true;
}

int
set_is_in(struct acl_sets *sets, uint16_t slot, const struct cfg_set_key *key, bool host)
{
	struct is_in q = {sets, slot, key, host, 0};

	call(sets->worker[0], on_is_in, &q);
	return q.answer;
}
