#pragma once
// A policy's rules along one way through the hooks, laid out as one program: positions in the order
// in which a packet meets them, user chains written out where they are jumped to. Private to
// config/.
#include "config/space/space_rule.h"

enum space_kind {
	SPACE_PASS,  // goes on whether it matches or not
	SPACE_JUMP,  // not matched: goes on at `end`
	SPACE_SKIP,  // matched: goes on at `end`
	SPACE_STATE, // matched: goes on at `end`, in another state
	SPACE_END,   // matched: the verdict is `effect`
};

#define SPACE_NOWHERE UINT32_MAX
// The atom of packets of state RELATED for which nat is asked: those that begin a connection which
// another one announced. NEW ones always do.
#define SPACE_FIRST_PACKET "it begins a connection of its own"

struct space_pos {
	const struct cfg_rule *rule; // NULL: a chain's policy, or what the layout needs
	const struct cfg_chain *chain;
	uint64_t key[2];  // the same position of another policy has the same
	uint32_t parent;  // position of the jump that leads here; SPACE_NOWHERE: none
	uint32_t end;	  // where the walk goes on
	uint32_t verdict; // END: number of the atom with its words (space_world)
	uint8_t kind;	  // enum space_kind
	uint8_t effect;	  // enum space_effect
	uint8_t table;	  // enum cfg_table_id
	uint8_t place;	  // enum space_place
	bool gate;	  // no rule: nat's question whether the packet begins a connection
};

// One position in one state: what a walk really looks at. PASS positions have none.
struct space_entry {
	uint32_t pos;
	uint32_t box, n_box; // of the program's boxes
	uint32_t to;	     // entry of copy to_copy where a match (JUMP: a miss) goes on
	uint16_t to_copy;
	uint8_t kind;
};

// Which entries of a copy a packet can match, judged by the upper bits of one of its addresses: one
// list for each kind of block of addresses, and one for all entries that lie in no such block.
#define SPACE_BLOCKS 4
struct space_index {
	uint32_t mask;		       // of a block's hash; 0: there is no index
	uint32_t *first[SPACE_BLOCKS]; // by hash: where its entries begin in list[], and end
	uint32_t *list[SPACE_BLOCKS];  // numbers of entries, growing
	uint32_t *wide, n_wide;
};

struct space_copy { // the positions from `start` on, in one state
	struct space_state state;
	uint32_t start;
	struct space_entry *entry;
	uint32_t n_entry;
	uint32_t *skip; // its SKIP and STATE entries
	uint32_t n_skip;
	struct space_index index;
};

#define SPACE_COPIES 64
struct space_prog {
	struct space_world *w;
	const struct cfg_policy *policy;
	enum space_path path;
	struct space_pos *pos;
	uint32_t n_pos, pos_room;
	struct space_copy copy[SPACE_COPIES];
	uint32_t n_copy, n_entry; // of all copies
	struct space_list boxes;  // the first is everything
	struct space_set *set;	  // which boxes belong to a rule, by state and place: a hash
	uint32_t n_set, set_room;
	struct space_infos *infos; // config/space/space_layout.c
	bool too_large;		   // nothing can be said
};

enum space_use {
	SPACE_FOR_LINT, // every rule has a position, nat at the end of the way too
	SPACE_FOR_DIFF, // an ACCEPT after which nothing can drop is the end
	SPACE_FOR_NAT,	// only one chain of nat: how it ends is the verdict
};

// The policy along one way (SPACE_FOR_LINT, SPACE_FOR_DIFF), or its chain of nat at one hook alone
// (SPACE_FOR_NAT). False: out of memory (w->oom), or too large (p->too_large). Policy and world
// must outlive it.
bool space_prog_init(struct space_prog *p, struct space_world *w, const struct cfg_policy *policy,
		     enum space_path path, enum space_use use, enum cfg_hook nat_hook);
void space_prog_free(struct space_prog *p); // also after a failed init

// The boxes of a position's own condition in a copy: index of the first in p->boxes, and how many;
// none: it can never match there. False: out of memory.
bool space_prog_boxes(struct space_prog *p, uint32_t copy, uint32_t pos, uint32_t *first,
		      uint32_t *n);
