// Boxes of packets: cutting, subtracting, picking.
//
// Called by the rest of config/space/space_*.c; pure functions on the caller's memory. A box is
// never empty: what would make it so says false instead. Whoever subtracts much must bound it: each
// subtraction may leave as many parts as there are fields.
#include "config/space/space.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t first_word[SPACE_BITS + 1] = {0, 4, 8, 12, 16, 20, 21, 22, 23};

unsigned
space_first_word(enum space_bits_field f)
{
	return first_word[f];
}

unsigned
space_n_words(enum space_bits_field f)
{
	return first_word[f + 1] - first_word[f];
}

uint64_t *
space_bits(struct space_box *b, enum space_bits_field f)
{
	return &b->bits[first_word[f]];
}

const uint64_t *
space_bits_of(const struct space_box *b, enum space_bits_field f)
{
	return &b->bits[first_word[f]];
}

bool
space_bit(const struct space_box *b, enum space_bits_field f, unsigned value)
{
	return b->bits[first_word[f] + value / 64] >> value % 64 & 1;
}

void
space_all(struct space_box *b)
{
	memset(b, 0, sizeof(*b));
	memset(b->whi, 0xff, sizeof(b->whi));
	memset(b->shi, 0xff, sizeof(b->shi));
	memset(b->bits, 0xff, sizeof(b->bits));
	b->whi[SPACE_MAC] = SPACE_NO_MAC;
}

void
space_only(struct space_box *b, enum space_bits_field f, unsigned value)
{
	memset(space_bits(b, f), 0, space_n_words(f) * sizeof(uint64_t));
	b->bits[first_word[f] + value / 64] = UINT64_C(1) << value % 64;
}

bool
space_add_lit(struct space_box *b, space_lit lit)
{
	unsigned at = 0;

	while (at < b->n_lit && b->lit[at] < (lit & ~1u))
		at++;
	if (at < b->n_lit && b->lit[at] >> 1 == lit >> 1)
		return b->lit[at] == lit;
	if (b->n_lit == SPACE_LITS) {
		b->loose = true;
		return true;
	}
	memmove(&b->lit[at + 1], &b->lit[at], (b->n_lit - at) * sizeof(lit));
	b->lit[at] = lit;
	b->n_lit++;
	return true;
}

// What the packet says to the literal's atom: is the literal true of it?
static bool
lit_true(const struct space_point *p, space_lit lit)
{
	for (unsigned i = 0; i < p->n_lit; i++)
		if (p->lit[i] >> 1 == lit >> 1)
			return p->lit[i] == lit;
	return lit & 1;
}

bool
space_holds(const struct space_box *b, const struct space_point *p)
{
	for (unsigned f = 0; f < SPACE_WIDES; f++)
		if (p->w[f] < b->wlo[f] || p->w[f] > b->whi[f])
			return false;
	for (unsigned f = 0; f < SPACE_SHORTS; f++)
		if (p->s[f] < b->slo[f] || p->s[f] > b->shi[f])
			return false;
	for (unsigned f = 0; f < SPACE_BITS; f++)
		if (!space_bit(b, f, p->b[f]))
			return false;
	for (unsigned i = 0; i < b->n_lit; i++)
		if (!lit_true(p, b->lit[i]))
			return false;
	return true;
}

static bool
bits_meet(const struct space_box *a, const struct space_box *b, unsigned f)
{
	for (unsigned w = first_word[f]; w < first_word[f + 1]; w++)
		if (a->bits[w] & b->bits[w])
			return true;
	return false;
}

// Does one box ask for an atom's yes and the other for its no?
static bool
lits_clash(const struct space_box *a, const struct space_box *b)
{
	for (unsigned i = 0, j = 0; i < a->n_lit && j < b->n_lit;) {
		if (a->lit[i] >> 1 == b->lit[j] >> 1) {
			if (a->lit[i++] != b->lit[j++])
				return true;
		} else if (a->lit[i] < b->lit[j]) {
			i++;
		} else {
			j++;
		}
	}
	return false;
}

bool
space_meets(const struct space_box *a, const struct space_box *b)
{
	for (unsigned f = 0; f < SPACE_WIDES; f++)
		if (a->whi[f] < b->wlo[f] || b->whi[f] < a->wlo[f])
			return false;
	for (unsigned f = 0; f < SPACE_SHORTS; f++)
		if (a->shi[f] < b->slo[f] || b->shi[f] < a->slo[f])
			return false;
	for (unsigned f = 0; f < SPACE_BITS; f++)
		if (!bits_meet(a, b, f))
			return false;
	return !lits_clash(a, b);
}

static bool
has_lit(const struct space_box *b, space_lit lit)
{
	for (unsigned i = 0; i < b->n_lit; i++)
		if (b->lit[i] == lit)
			return true;
	return false;
}

static bool
bits_within(const struct space_box *inner, const struct space_box *outer, unsigned f)
{
	for (unsigned w = first_word[f]; w < first_word[f + 1]; w++)
		if (inner->bits[w] & ~outer->bits[w])
			return false;
	return true;
}

bool
space_within(const struct space_box *inner, const struct space_box *outer)
{
	for (unsigned f = 0; f < SPACE_WIDES; f++)
		if (inner->wlo[f] < outer->wlo[f] || inner->whi[f] > outer->whi[f])
			return false;
	for (unsigned f = 0; f < SPACE_SHORTS; f++)
		if (inner->slo[f] < outer->slo[f] || inner->shi[f] > outer->shi[f])
			return false;
	for (unsigned f = 0; f < SPACE_BITS; f++)
		if (!bits_within(inner, outer, f))
			return false;
	for (unsigned i = 0; i < outer->n_lit; i++)
		if (!has_lit(inner, outer->lit[i]))
			return false;
	return true;
}

bool
space_cut(struct space_box *a, const struct space_box *b)
{
	if (!space_meets(a, b))
		return false;
	for (unsigned f = 0; f < SPACE_WIDES; f++) {
		a->wlo[f] = a->wlo[f] > b->wlo[f] ? a->wlo[f] : b->wlo[f];
		a->whi[f] = a->whi[f] < b->whi[f] ? a->whi[f] : b->whi[f];
	}
	for (unsigned f = 0; f < SPACE_SHORTS; f++) {
		a->slo[f] = a->slo[f] > b->slo[f] ? a->slo[f] : b->slo[f];
		a->shi[f] = a->shi[f] < b->shi[f] ? a->shi[f] : b->shi[f];
	}
	for (unsigned w = 0; w < SPACE_WORDS; w++)
		a->bits[w] &= b->bits[w];
	for (unsigned i = 0; i < b->n_lit; i++)
		space_add_lit(a, b->lit[i]); // no clash: they meet
	a->loose |= b->loose;
	return true;
}

bool
space_list_add(struct space_list *list, const struct space_box *b)
{
	struct space_box *grown = list->box;

	if (list->n == list->room) {
		size_t room = list->room != 0 ? list->room * 2 : 16;

		grown = reallocarray(list->box, room, sizeof(*grown));
		if (grown == NULL)
			return false;
		list->box = grown;
		list->room = room;
	}
	grown[list->n++] = *b;
	return true;
}

// What is left of `rest` after the part outside of b in each field was split off goes on to the
// next field; what is left at the end is inside of b in every field.
static bool
minus_ranges(struct space_list *list, struct space_box *rest, const struct space_box *b)
{
	struct space_box part;
	bool room = true;

	for (unsigned f = 0; f < SPACE_WIDES; f++) {
		if (rest->wlo[f] < b->wlo[f]) {
			part = *rest;
			part.whi[f] = b->wlo[f] - 1;
			rest->wlo[f] = b->wlo[f];
			room &= space_list_add(list, &part);
		}
		if (rest->whi[f] > b->whi[f]) {
			part = *rest;
			part.wlo[f] = b->whi[f] + 1;
			rest->whi[f] = b->whi[f];
			room &= space_list_add(list, &part);
		}
	}
	for (unsigned f = 0; f < SPACE_SHORTS; f++) {
		if (rest->slo[f] < b->slo[f]) {
			part = *rest;
			part.shi[f] = b->slo[f] - 1;
			rest->slo[f] = b->slo[f];
			room &= space_list_add(list, &part);
		}
		if (rest->shi[f] > b->shi[f]) {
			part = *rest;
			part.slo[f] = b->shi[f] + 1;
			rest->shi[f] = b->shi[f];
			room &= space_list_add(list, &part);
		}
	}
	return room;
}

bool
space_minus(struct space_list *list, const struct space_box *a, const struct space_box *b)
{
	struct space_box rest = *a, part;
	bool room;

	if (!space_meets(a, b))
		return space_list_add(list, &rest);
	room = minus_ranges(list, &rest, b);
	for (unsigned f = 0; f < SPACE_BITS; f++) {
		if (bits_within(&rest, b, f))
			continue;
		part = rest;
		for (unsigned w = first_word[f]; w < first_word[f + 1]; w++) {
			part.bits[w] &= ~b->bits[w];
			rest.bits[w] &= b->bits[w];
		}
		room &= space_list_add(list, &part);
	}
	for (unsigned i = 0; i < b->n_lit; i++) {
		if (has_lit(&rest, b->lit[i]))
			continue;
		part = rest;
		space_add_lit(&part, b->lit[i] ^ 1);
		space_add_lit(&rest, b->lit[i]);
		room &= space_list_add(list, &part);
	}
	return room;
}

// The ways to keep clear of another box: in one field, on the side where the packet stands.
enum way { WAY_NONE, WAY_WIDE, WAY_SHORT, WAY_BITS, WAY_LIT };
struct avoid {
	enum way way;
	unsigned field;
	space_lit lit;
	double left; // of the field's values
};

static void
better(struct avoid *best, enum way way, unsigned field, double left)
{
	if (best->way == WAY_NONE || left > best->left)
		*best = (struct avoid){.way = way, .field = field, .left = left};
}

static void
avoid_ranges(struct avoid *best, const struct space_box *b, const struct space_point *p,
	     const struct space_box *other)
{
	for (unsigned f = 0; f < SPACE_WIDES; f++) {
		double all = (double)(b->whi[f] - b->wlo[f]) + 1;

		if (p->w[f] < other->wlo[f])
			better(best, WAY_WIDE, f, (double)(other->wlo[f] - b->wlo[f]) / all);
		else if (p->w[f] > other->whi[f])
			better(best, WAY_WIDE, f, (double)(b->whi[f] - other->whi[f]) / all);
	}
	for (unsigned f = 0; f < SPACE_SHORTS; f++) {
		double all = b->shi[f] - b->slo[f] + 1.0;

		if (p->s[f] < other->slo[f])
			better(best, WAY_SHORT, f, (other->slo[f] - b->slo[f]) / all);
		else if (p->s[f] > other->shi[f])
			better(best, WAY_SHORT, f, (b->shi[f] - other->shi[f]) / all);
	}
}

static void
avoid_bits(struct avoid *best, const struct space_box *b, const struct space_point *p,
	   const struct space_box *other)
{
	for (unsigned f = 0; f < SPACE_BITS; f++) {
		unsigned all = 0, left = 0;

		if (space_bit(other, f, p->b[f]))
			continue;
		for (unsigned w = first_word[f]; w < first_word[f + 1]; w++) {
			all += __builtin_popcountll(b->bits[w]);
			left += __builtin_popcountll(b->bits[w] & ~other->bits[w]);
		}
		better(best, WAY_BITS, f, (double)left / all);
	}
}

bool
space_avoid(struct space_box *b, const struct space_point *p, const struct space_box *other)
{
	struct avoid best = {.way = WAY_NONE};

	if (!space_meets(b, other))
		return true;
	avoid_ranges(&best, b, p, other);
	avoid_bits(&best, b, p, other);
	for (unsigned i = 0; i < other->n_lit && b->n_lit < SPACE_LITS; i++) {
		if (lit_true(p, other->lit[i]))
			continue;
		better(&best, WAY_LIT, 0, 0.5);
		if (best.way == WAY_LIT)
			best.lit = other->lit[i];
	}
	switch (best.way) {
	case WAY_WIDE:
		if (p->w[best.field] < other->wlo[best.field])
			b->whi[best.field] = other->wlo[best.field] - 1;
		else
			b->wlo[best.field] = other->whi[best.field] + 1;
		return true;
	case WAY_SHORT:
		if (p->s[best.field] < other->slo[best.field])
			b->shi[best.field] = other->slo[best.field] - 1;
		else
			b->slo[best.field] = other->shi[best.field] + 1;
		return true;
	case WAY_BITS:
		for (unsigned w = first_word[best.field]; w < first_word[best.field + 1]; w++)
			b->bits[w] &= ~other->bits[w];
		return true;
	case WAY_LIT:
		return space_add_lit(b, best.lit ^ 1);
	case WAY_NONE:
		break;
	}
	return false;
}

static uint64_t
next(uint64_t *seed)
{
	uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15); // splitmix64

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static unsigned
pick_bit(const struct space_box *b, unsigned f, uint64_t *seed)
{
	unsigned all = 0, nth;

	for (unsigned w = first_word[f]; w < first_word[f + 1]; w++)
		all += __builtin_popcountll(b->bits[w]);
	nth = next(seed) % all;
	for (unsigned w = first_word[f];; w++) {
		unsigned here = __builtin_popcountll(b->bits[w]);
		uint64_t left = b->bits[w];

		if (nth >= here) {
			nth -= here;
			continue;
		}
		while (nth-- > 0)
			left &= left - 1;
		return (w - first_word[f]) * 64 + __builtin_ctzll(left);
	}
}

void
space_pick(struct space_point *p, const struct space_box *b, uint64_t seed)
{
	memset(p, 0, sizeof(*p));
	for (unsigned f = 0; f < SPACE_WIDES; f++) {
		space_wide all = b->whi[f] - b->wlo[f] + 1; // 0: all of 128 bits
		space_wide r = (space_wide)next(&seed) << 64;

		r |= next(&seed);
		p->w[f] = b->wlo[f] + (all != 0 ? r % all : r);
	}
	for (unsigned f = 0; f < SPACE_SHORTS; f++)
		p->s[f] = b->slo[f] + next(&seed) % (b->shi[f] - b->slo[f] + 1u);
	for (unsigned f = 0; f < SPACE_BITS; f++)
		p->b[f] = pick_bit(b, f, &seed);
	p->n_lit = b->n_lit;
	memcpy(p->lit, b->lit, b->n_lit * sizeof(b->lit[0]));
}
