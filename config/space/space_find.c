// Searching for a packet that gets to one or two places: begin with all that match there and on the
// way there, try one packet, take away the box of those that fail like it, go on with what is left.
//
// Called by config/lint/lint_space.c and config/policy_diff.c. Nothing left is a proof that there
// is no such packet; a packet found has been walked. Most searches end with their first packet. The
// work is bounded: STARTS_MAX boxes to begin with, TRIES_MAX packets, and what the caller allows in
// w->work_max; beyond that the answer is that nobody knows.
#include "config/space/space_step.h"

#include <stdlib.h>
#include <string.h>

#define STARTS_MAX  4096
#define TRIES_MAX   3000
#define PARTS_MAX   20000
#define FACTORS_MAX 96
#define ENTRANCES   4 // changes of state on the way to a copy that are followed back

// One condition that every packet must meet: it lies in one of these boxes of a program, or of
// those given.
struct factor {
	const struct space_prog *p; // NULL: box
	const struct space_box *box;
	uint32_t first, n;
};

struct search {
	const struct space_target *target;
	unsigned n_target;
	struct factor factor[FACTORS_MAX];
	unsigned n_factor;
	struct space_world *w;
	struct space_list left;
	struct space_point *found;
	struct space_causes *causes;
	unsigned tries, starts;
	uint64_t seed;
};

static bool
add_factor(struct search *s, struct space_prog *p, uint32_t copy, uint32_t pos, bool must)
{
	struct factor f = {.p = p};

	if (!space_prog_boxes(p, copy, pos, &f.first, &f.n))
		return false;
	if (f.n == 0 && !must)
		return true; // asked in another state
	if (s->n_factor == FACTORS_MAX)
		return false;
	s->factor[s->n_factor++] = f;
	return true;
}

// The condition of a position and of the jumps that lead there.
static bool
add_position(struct search *s, struct space_prog *p, uint32_t copy, uint32_t pos)
{
	bool must = true;

	for (; pos != SPACE_NOWHERE; pos = p->pos[pos].parent, must = false)
		if (!add_factor(s, p, copy, pos, must))
			return false;
	return true;
}

// Where only one rule leads into a copy, its condition holds for all who come there.
static bool
add_entrance(struct search *s, struct space_prog *p, uint32_t copy, uint32_t before)
{
	for (unsigned depth = 0; copy != 0 && depth < ENTRANCES; depth++) {
		uint32_t from = SPACE_NOWHERE, pos = 0;

		for (uint32_t c = 0; c < p->n_copy; c++) {
			for (uint32_t i = 0; i < p->copy[c].n_skip; i++) {
				const struct space_entry *e = &p->copy[c].entry[p->copy[c].skip[i]];

				if (e->kind != SPACE_STATE || e->to_copy != copy ||
				    e->pos >= before)
					continue;
				if (from != SPACE_NOWHERE)
					return true; // several
				from = c;
				pos = e->pos;
			}
		}
		if (from == SPACE_NOWHERE)
			return true;
		if (!add_position(s, p, from, pos))
			return false;
		copy = from;
		before = pos;
	}
	return true;
}

static void
note_cause(struct search *s, uint32_t pos)
{
	struct space_causes *c = s->causes;

	if (c == NULL)
		return;
	for (unsigned i = 0; i < c->n; i++)
		if (c->pos[i] == pos)
			return;
	if (c->n == SPACE_CAUSES)
		c->more = true;
	else
		c->pos[c->n++] = pos;
}

// Tries one packet of the piece; where it fails, what is left of the piece goes back to the list.
static enum space_found
try_one(struct search *s, const struct space_box *piece)
{
	struct space_point pt;
	struct space_box like;
	size_t before = s->left.n;

	space_pick(&pt, piece, s->seed++);
	for (unsigned i = 0; i < s->n_target; i++) {
		const struct space_target *t = &s->target[i];
		struct space_cause why;

		if (space_gets_to(t, &pt, &why))
			continue;
		if (s->w->oom || !space_explain(t, &pt, &why, &like))
			return SPACE_UNKNOWN;
		if (i == 0)
			note_cause(s, why.away != SPACE_NOWHERE
					      ? why.away
					      : t->p->copy[why.copy].entry[why.entry].pos);
		if (!space_minus(&s->left, piece, &like)) {
			s->w->oom = true;
			return SPACE_UNKNOWN;
		}
		for (size_t k = before; k < s->left.n; k++)
			if (s->left.box[k].loose)
				return SPACE_UNKNOWN;
		return SPACE_NONE;
	}
	if (s->found != NULL)
		*s->found = pt;
	return SPACE_FOUND;
}

static enum space_found
search_box(struct search *s, const struct space_box *start)
{
	s->left.n = 0;
	if (!space_list_add(&s->left, start)) {
		s->w->oom = true;
		return SPACE_UNKNOWN;
	}
	while (s->left.n > 0) {
		struct space_box piece = s->left.box[--s->left.n];
		enum space_found got;

		if (s->tries++ >= TRIES_MAX || s->left.n > PARTS_MAX ||
		    (s->w->work_max != 0 && s->w->work > s->w->work_max))
			return SPACE_UNKNOWN;
		got = try_one(s, &piece);
		if (got != SPACE_NONE)
			return got;
	}
	return SPACE_NONE;
}

static enum space_found
from_factor(struct search *s, unsigned at, const struct space_box *b)
{
	const struct factor *f = &s->factor[at];
	bool unknown = false;

	if (at == s->n_factor) {
		if (s->starts++ >= STARTS_MAX)
			return SPACE_UNKNOWN;
		if (s->causes != NULL)
			s->causes->no_packet = false;
		return search_box(s, b);
	}
	for (uint32_t i = 0; i < f->n; i++) {
		struct space_box cut = *b;
		enum space_found got;

		if (!space_cut(&cut, f->p != NULL ? &f->p->boxes.box[f->first + i] : &f->box[i]))
			continue;
		if (cut.loose)
			return SPACE_UNKNOWN;
		got = from_factor(s, at + 1, &cut);
		if (got == SPACE_FOUND)
			return got;
		unknown |= got == SPACE_UNKNOWN;
		if (unknown && s->starts >= STARTS_MAX)
			break;
	}
	return unknown ? SPACE_UNKNOWN : SPACE_NONE;
}

static bool
set_up(struct search *s, const struct space_box *within, struct space_box *universe)
{
	struct space_prog *p = s->target[0].p;

	s->factor[s->n_factor++] =
		(struct factor){.box = universe, .n = space_universe(p->w, p->path, universe)};
	if (within != NULL)
		s->factor[s->n_factor++] = (struct factor){.box = within, .n = 1};
	for (unsigned i = 0; i < s->n_target; i++) {
		const struct space_target *t = &s->target[i];

		if (!add_position(s, t->p, t->copy, t->pos) ||
		    !add_entrance(s, t->p, t->copy, t->pos))
			return false;
	}
	return true;
}

enum space_found
space_find(const struct space_target *target, unsigned n, const struct space_box *within,
	   struct space_point *found, struct space_causes *causes)
{
	struct space_world *w = target[0].p->w;
	struct space_box *universe = calloc(SPACE_UNIVERSE, sizeof(*universe)), all;
	struct search s = {.target = target,
			   .n_target = n,
			   .w = w,
			   .found = found,
			   .causes = causes,
			   .seed = target[0].pos};
	enum space_found got = SPACE_UNKNOWN;

	if (causes != NULL)
		*causes = (struct space_causes){.no_packet = true};
	if (universe == NULL)
		w->oom = true;
	else if (set_up(&s, within, universe)) {
		space_all(&all);
		got = from_factor(&s, 0, &all);
	}
	free(universe);
	free(s.left.box);
	return w->oom ? SPACE_UNKNOWN : got;
}

// Is whoever comes to the target's chain also in the chain of the other position?
static bool
is_around(const struct space_prog *p, uint32_t parent, uint32_t target)
{
	for (uint32_t at = p->pos[target].parent;; at = p->pos[at].parent) {
		if (at == parent)
			return true;
		if (at == SPACE_NOWHERE)
			return false;
	}
}

static bool
any_meets(const struct space_prog *p, const struct space_entry *e, uint32_t first, uint32_t n)
{
	for (uint32_t i = e->box; i < e->box + e->n_box; i++)
		for (uint32_t k = first; k < first + n; k++)
			if (space_meets(&p->boxes.box[i], &p->boxes.box[k]))
				return true;
	return false;
}

static bool
all_within(const struct space_prog *p, const struct space_entry *e, uint32_t first, uint32_t n)
{
	for (uint32_t k = first; k < first + n; k++)
		if (e->n_box != 1 || !space_within(&p->boxes.box[k], &p->boxes.box[e->box]))
			return false;
	return true;
}

// Does no rule before the entry lead packets of the boxes around it, but to the target?
static bool
is_unavoidable(const struct space_target *t, const struct space_entry *e, uint32_t first,
	       uint32_t n)
{
	const struct space_copy *c = &t->p->copy[0];

	for (uint32_t i = 0; i < c->n_skip && &c->entry[c->skip[i]] < e; i++) {
		const struct space_entry *q = &c->entry[c->skip[i]];
		uint32_t end = t->p->pos[q->pos].end;

		if (q->kind == SPACE_SKIP && (end <= e->pos || end > t->pos))
			continue;
		if (any_meets(t->p, q, first, n))
			return false;
	}
	return true;
}

uint32_t
space_one_cause(const struct space_target *t)
{
	struct space_prog *p = t->p;
	const struct space_copy *c = &p->copy[0];
	uint32_t first, n;

	if (t->copy != 0 || !space_prog_boxes(p, 0, t->pos, &first, &n) || n == 0)
		return SPACE_NOWHERE;
	for (uint32_t i = 0; i < c->n_entry && c->entry[i].pos < t->pos; i++) {
		const struct space_entry *e = &c->entry[i];
		uint32_t end = p->pos[e->pos].end;

		if (e->kind != SPACE_END && (e->kind != SPACE_SKIP || end <= t->pos))
			continue;
		if (is_around(p, p->pos[e->pos].parent, t->pos) && all_within(p, e, first, n) &&
		    is_unavoidable(t, e, first, n))
			return e->pos;
	}
	return SPACE_NOWHERE;
}
