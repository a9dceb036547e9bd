#pragma once
// Between config/space/space_walk.c and config/space/space_find.c.
#include "config/space/space_walk.h"

// A walk on its way: the entry that is looked at next. All zero is the beginning.
struct space_at {
	uint32_t copy, entry;
	uint32_t from; // the position from which on the walk is at
	uint32_t box;  // where the last entry was hit: the box that holds the packet
	bool hit;
};
// Looks at one entry and goes on. False: it was an END and matched; *at still says which.
bool space_step(struct space_prog *p, struct space_at *at, const struct space_point *pt);

// What kept a packet from a target: the last entry that the walk looked at before it was past it.
struct space_cause {
	uint32_t copy, entry;
	unsigned states; // changes of state before it
	uint32_t away;	 // position of the rule that led to another copy than the target's
};
bool space_gets_to(const struct space_target *t, const struct space_point *pt,
		   struct space_cause *why);
// A box around the packet, none of which gets to the target either. False: none could be made.
bool space_explain(const struct space_target *t, const struct space_point *pt,
		   const struct space_cause *why, struct space_box *b);
