// The walk of one packet through a program, and how far what it shows holds for others.
//
// Called by config/space/space_find.c, config/lint/lint_space.c and config/policy_diff.c. A walk
// that does not get to where it was meant to has a cause: the entry that ended it or led it past.
// The box around the packet that space_explain makes holds only packets that fail as well: those
// that match the cause, but for those which some rule before it would lead around it. Where that
// cannot be told from the cause alone, the box holds only packets whose whole walk is the same.
#include "config/space/space_index.h"
#include "config/space/space_step.h"

#include <string.h>

static bool
hits(const struct space_prog *p, uint32_t first, uint32_t n, const struct space_point *pt,
     uint32_t *which)
{
	for (uint32_t i = first; i < first + n; i++) {
		if (!space_holds(&p->boxes.box[i], pt))
			continue;
		if (which != NULL)
			*which = i;
		return true;
	}
	return false;
}

bool
space_step(struct space_prog *p, struct space_at *at, const struct space_point *pt)
{
	const struct space_copy *c = &p->copy[at->copy];
	const struct space_entry *e = &c->entry[at->entry];

	p->w->work++;
	at->hit = hits(p, e->box, e->n_box, pt, &at->box);
	if (at->hit && e->kind == SPACE_END)
		return false;
	if (at->hit ? e->kind == SPACE_SKIP || e->kind == SPACE_STATE : e->kind == SPACE_JUMP) {
		at->copy = e->to_copy;
		at->entry = e->to;
		at->from = p->pos[e->pos].end;
	} else {
		at->entry++;
		at->from = e->pos + 1;
	}
	return true;
}

// Moves on to the next entry that the packet may match; those between match it no more than they
// matter.
struct hop {
	uint32_t copy; // that cur is of
	struct space_cursor cur;
};

static void
hop(struct space_prog *p, struct hop *h, struct space_at *at, const struct space_point *pt)
{
	const struct space_copy *c = &p->copy[at->copy];

	if (c->index.mask == 0)
		return;
	if (h->copy != at->copy) {
		space_cursor_init(&h->cur, &c->index, pt, p->w->family);
		h->copy = at->copy;
	}
	at->entry = space_cursor_next(&h->cur, at->entry, c->n_entry);
}

uint32_t
space_walk(struct space_prog *p, const struct space_point *pt)
{
	struct hop h = {.copy = SPACE_NOWHERE};
	struct space_at at = {0};

	do
		hop(p, &h, &at, pt);
	while (space_step(p, &at, pt));
	return p->copy[at.copy].entry[at.entry].pos;
}

// Keeps b to packets that fare at this entry as the packet does.
static bool
like(const struct space_prog *p, const struct space_entry *e, const struct space_at *at,
     const struct space_point *pt, struct space_box *b)
{
	if (at->hit)
		return space_cut(b, &p->boxes.box[at->box]) && !b->loose;
	for (uint32_t i = e->box; i < e->box + e->n_box; i++)
		if (!space_avoid(b, pt, &p->boxes.box[i]))
			return false;
	return true;
}

// Up to the entry `until` of copy `copy`, that one too.
static bool
cell(struct space_prog *p, const struct space_point *pt, struct space_box *b, uint32_t copy,
     uint32_t until)
{
	struct space_at at = {0};

	for (;;) {
		uint32_t c = at.copy, i = at.entry;
		bool on = space_step(p, &at, pt);

		if (!like(p, &p->copy[c].entry[i], &at, pt, b))
			return false;
		if (!on || (c == copy && i == until))
			return true;
	}
}

bool
space_cell(struct space_prog *p, const struct space_point *pt, struct space_box *b)
{
	return cell(p, pt, b, SPACE_NOWHERE, 0);
}

bool
space_gets_to(const struct space_target *t, const struct space_point *pt, struct space_cause *why)
{
	struct space_prog *p = t->p;
	struct hop h = {.copy = SPACE_NOWHERE};
	struct space_at at = {0};
	uint32_t first, n;

	*why = (struct space_cause){.away = SPACE_NOWHERE};
	for (;;) {
		const struct space_copy *c = &p->copy[at.copy];
		const struct space_entry *e;

		hop(p, &h, &at, pt);
		e = &c->entry[at.entry];

		if (at.copy == t->copy && at.from <= t->pos && e->pos >= t->pos) {
			why->copy = SPACE_NOWHERE; // comes by, but does not match
			return space_prog_boxes(p, t->copy, t->pos, &first, &n) &&
			       hits(p, first, n, pt, NULL);
		}
		if (at.from > t->pos)
			return false;
		why->copy = at.copy;
		why->entry = at.entry;
		if (!space_step(p, &at, pt))
			return false;
		if (!at.hit || e->kind != SPACE_STATE)
			continue;
		why->states++;
		why->away = at.copy != t->copy ? e->pos : SPACE_NOWHERE;
	}
}

// No packet of b carries out the entry: its own boxes or those of a jump on the way to it are kept
// clear of. False: the packet itself stands in all of them.
static bool
keep_off(struct space_prog *p, uint32_t copy, const struct space_entry *e,
	 const struct space_point *pt, struct space_box *b)
{
	uint32_t first = e->box, n = e->n_box, pos = e->pos;

	for (;;) {
		bool meets = false;

		for (uint32_t i = first; i < first + n && !meets; i++)
			meets = space_meets(b, &p->boxes.box[i]);
		if (!meets)
			return true;
		pos = p->pos[pos].parent;
		if (pos == SPACE_NOWHERE)
			break;
		if (!space_prog_boxes(p, copy, pos, &first, &n))
			return false;
	}
	first = e->box;
	n = e->n_box;
	pos = e->pos;
	while (hits(p, first, n, pt, NULL)) {
		pos = p->pos[pos].parent;
		if (pos == SPACE_NOWHERE || !space_prog_boxes(p, copy, pos, &first, &n))
			return false;
	}
	for (uint32_t i = first; i < first + n; i++)
		if (!space_avoid(b, pt, &p->boxes.box[i]))
			return false;
	return true;
}

// Cuts b to the boxes in which the packet stands: those of the entry and of the jumps that lead to
// it.
static bool
cut_to(struct space_prog *p, uint32_t copy, const struct space_entry *e,
       const struct space_point *pt, struct space_box *b)
{
	uint32_t first = e->box, n = e->n_box, which, pos = e->pos;

	for (;;) {
		if (!hits(p, first, n, pt, &which) || !space_cut(b, &p->boxes.box[which]) ||
		    b->loose)
			return false;
		pos = p->pos[pos].parent;
		if (pos == SPACE_NOWHERE)
			return true;
		if (!space_prog_boxes(p, copy, pos, &first, &n))
			return false;
	}
}

// The box from the cause alone; false: not this way.
static bool
from_cause(const struct space_target *t, const struct space_point *pt,
	   const struct space_cause *why, struct space_box *b)
{
	struct space_prog *p = t->p;
	const struct space_copy *c = &p->copy[0];
	const struct space_entry *k = &c->entry[why->entry];

	if (why->states != 0 || why->copy != 0 || k->kind == SPACE_JUMP || k->kind == SPACE_STATE)
		return false;
	if (!cut_to(p, 0, k, pt, b))
		return false;
	for (uint32_t i = 0; i < c->n_skip && c->skip[i] < why->entry; i++) {
		const struct space_entry *q = &c->entry[c->skip[i]];
		uint32_t end = p->pos[q->pos].end;
		bool past = q->kind == SPACE_SKIP && t->copy == 0 && end > t->pos;

		if ((q->kind == SPACE_SKIP && end <= k->pos) || past)
			continue; // meets the cause all the same, or misses the target, too
		if (!keep_off(p, 0, q, pt, b))
			return false;
	}
	return true;
}

bool
space_explain(const struct space_target *t, const struct space_point *pt,
	      const struct space_cause *why, struct space_box *b)
{
	if (why->copy == SPACE_NOWHERE)
		return false;
	space_all(b);
	if (from_cause(t, pt, why, b))
		return true;
	space_all(b);
	return cell(t->p, pt, b, why->copy, why->entry);
}
