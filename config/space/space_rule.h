#pragma once
// One rule as a set of packets. Private to config/.
#include "config/space/space_world.h"

// What the walk so far has made of a packet: rules later on see this and not what came in.
struct space_state {
	uint32_t mark;
	bool untracked; // NOTRACK
	uint8_t dst;	// enum space_dst
	uint8_t dport;	// the same
	uint16_t port;	// the translated ones
	space_wide addr;
};
enum space_dst {
	SPACE_DST_OWN,	   // as it came
	SPACE_DST_FIXED,   // translated to one address or port
	SPACE_DST_UNKNOWN, // translated to one of several
};

// Where a rule is asked.
enum space_place {
	SPACE_AT_NO_OUT = 1 << 0,   // before routing: no way out yet
	SPACE_AT_LESS_TTL = 1 << 1, // forwarded: one less than it came with
	SPACE_AT_RAW = 1 << 2,	    // before connection tracking
};

struct space_ask {
	struct space_world *w;
	const struct space_state *state;
	unsigned place;	 // of enum space_place
	const char *key; // tells this rule from all others of its policy
};

// The packets that a rule matches, as boxes whose union it is: grows *list. Fields of the boxes are
// those of the packet as it came. No box: it can match none. Out of memory sets w->oom.
void space_rule(const struct space_ask *ask, const struct cfg_rule *r, struct space_list *list);

// The state behind a MARK, NOTRACK, CT or translating rule of nat PREROUTING or OUTPUT.
struct space_state space_state_after(const struct space_world *w, const struct space_state *s,
				     const struct cfg_rule *r);
bool space_state_same(const struct space_state *a, const struct space_state *b);

// How a match that is not modelled is known: its text, and behind SPACE_TEXT_KEY its rule's key
// where two of the same text may answer differently. Newly allocated; NULL: out of memory.
#define SPACE_TEXT_KEY '\001'
char *space_match_text(const struct space_ask *ask, const struct cfg_rule *r,
		       const struct cfg_match *m);
// Does a text of conntrack or state ask for more than --ctstate or --state?
bool space_more_than_state(const char *text);
