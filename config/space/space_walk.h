#pragma once
// Walks through programs, and searches for packets that get somewhere. Private to config/.
#include "config/space/space_prog.h"

// A place in a program. `as` is what has to happen there: an END, SKIP or STATE entry must be
// carried out; for a PASS or JUMP position the walk must come by and the packet match.
struct space_target {
	struct space_prog *p;
	uint32_t copy, pos;
};

// Position at which the packet's walk ends (an END).
uint32_t space_walk(struct space_prog *p, const struct space_point *pt);

// Makes b, which holds the packet, smaller until every packet of it walks exactly like this one up
// to its end. False: no literal fits any more.
bool space_cell(struct space_prog *p, const struct space_point *pt, struct space_box *b);

// Why packets do not get to a target: the positions that keep them from it, each once.
#define SPACE_CAUSES 32
struct space_causes {
	uint32_t pos[SPACE_CAUSES]; // of the first target's program
	unsigned n;
	bool more;	// than there is room for
	bool no_packet; // the conditions on the way exclude each other
};

enum space_found { SPACE_FOUND, SPACE_NONE, SPACE_UNKNOWN };
// A packet that gets to all the targets (at most two programs, of one world and way), among those
// of `within` (NULL: all there can be). NONE is certain, FOUND is a walk that was done; UNKNOWN:
// the bounds of the work were reached. causes may be NULL.
enum space_found space_find(const struct space_target *target, unsigned n,
			    const struct space_box *within, struct space_point *found,
			    struct space_causes *causes);

// Among the causes of a NONE for one target, one that alone would have been enough, or
// SPACE_NOWHERE.
uint32_t space_one_cause(const struct space_target *target);
