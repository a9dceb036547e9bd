// The index of a program's entries: a few short lists for every packet instead of one long one.
//
// Made by config/space/space_prog.c, used by the walks of config/space/space_walk.c. An entry whose
// boxes all lie in one block of destinations or sources stands in the list of that block's hash;
// all others, and every JUMP, whose miss matters as well, in the list for everybody.
#include "config/space/space_index.h"

#include <stdlib.h>
#include <string.h>

#define WORTH_IT 64 // entries

// Small blocks first. Bits below those that make a block, in IPv4 and IPv6.
static const struct {
	enum space_wide_field field;
	uint8_t low4, low6;
} blocks[SPACE_BLOCKS] = {
	{SPACE_DST, 8, 64},
	{SPACE_SRC, 8, 64},
	{SPACE_DST, 16, 80},
	{SPACE_SRC, 16, 80},
};

static uint64_t
block(unsigned k, space_wide address, uint8_t family)
{
	return (uint64_t)(address >> (family == CFG_IPV4 ? blocks[k].low4 : blocks[k].low6));
}

static uint32_t
hash(uint64_t b)
{
	b *= UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(b >> 32);
}

// SPACE_BLOCKS: for everybody.
static unsigned
list_of(const struct space_entry *e, const struct space_box *box, uint8_t family, uint64_t *b)
{
	for (unsigned k = 0; k < SPACE_BLOCKS && e->kind != SPACE_JUMP; k++) {
		enum space_wide_field f = blocks[k].field;
		bool one = true;

		*b = block(k, box[e->box].wlo[f], family);
		for (uint32_t i = e->box; i < e->box + e->n_box && one; i++)
			one = block(k, box[i].wlo[f], family) == *b &&
			      block(k, box[i].whi[f], family) == *b;
		if (one)
			return k;
	}
	return SPACE_BLOCKS;
}

// Counts, then fills: first[] says afterwards where each hash's entries begin.
static void
fill(struct space_index *ix, const struct space_entry *entry, uint32_t n,
     const struct space_box *box, uint8_t family)
{
	uint64_t b;

	for (uint32_t i = 0; i < n; i++) {
		unsigned k = list_of(&entry[i], box, family, &b);

		if (k < SPACE_BLOCKS)
			ix->first[k][(hash(b) & ix->mask) + 2]++;
	}
	for (unsigned k = 0; k < SPACE_BLOCKS; k++)
		for (uint32_t h = 2; h <= ix->mask + 2; h++)
			ix->first[k][h] += ix->first[k][h - 1];
	for (uint32_t i = 0; i < n; i++) {
		unsigned k = list_of(&entry[i], box, family, &b);

		if (k < SPACE_BLOCKS)
			ix->list[k][ix->first[k][(hash(b) & ix->mask) + 1]++] = i;
		else
			ix->wide[ix->n_wide++] = i;
	}
}

bool
space_index_make(struct space_index *ix, const struct space_entry *entry, uint32_t n,
		 const struct space_box *box, uint8_t family)
{
	uint32_t size = 64;
	bool room;

	*ix = (struct space_index){0};
	if (n < WORTH_IT)
		return true;
	while (size < n)
		size *= 2;
	ix->wide = calloc(n, sizeof(uint32_t));
	room = ix->wide != NULL;
	for (unsigned k = 0; k < SPACE_BLOCKS; k++) {
		ix->first[k] = calloc(size + 2, sizeof(uint32_t));
		ix->list[k] = calloc(n, sizeof(uint32_t));
		room = room && ix->first[k] != NULL && ix->list[k] != NULL;
	}
	if (!room) {
		space_index_free(ix);
		return false;
	}
	ix->mask = size - 1;
	fill(ix, entry, n, box, family);
	return true;
}

void
space_index_free(struct space_index *ix)
{
	for (unsigned k = 0; k < SPACE_BLOCKS; k++) {
		free(ix->first[k]);
		free(ix->list[k]);
	}
	free(ix->wide);
	*ix = (struct space_index){0};
}

void
space_cursor_init(struct space_cursor *cur, const struct space_index *ix,
		  const struct space_point *pt, uint8_t family)
{
	for (unsigned k = 0; k < SPACE_BLOCKS; k++) {
		uint32_t h = hash(block(k, pt->w[blocks[k].field], family)) & ix->mask;

		cur->at[k] = ix->list[k] + ix->first[k][h];
		cur->end[k] = ix->list[k] + ix->first[k][h + 1];
	}
	cur->at[SPACE_BLOCKS] = ix->wide;
	cur->end[SPACE_BLOCKS] = ix->wide + ix->n_wide;
}

uint32_t
space_cursor_next(struct space_cursor *cur, uint32_t from, uint32_t n)
{
	uint32_t next = n;

	for (unsigned k = 0; k <= SPACE_BLOCKS; k++) {
		while (cur->at[k] < cur->end[k] && *cur->at[k] < from)
			cur->at[k]++;
		if (cur->at[k] < cur->end[k] && *cur->at[k] < next)
			next = *cur->at[k];
	}
	return next;
}
