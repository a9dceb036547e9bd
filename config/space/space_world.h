#pragma once
// What the sets of one comparison share: names of interfaces as classes, texts of what is not
// modelled as atoms, and which packets there can be at all. One family. Private to config/.
#include "config/policy.h"
#include "config/space/space.h"

// Interface class 0 is "none": before routing no packet has a way out, what the machine itself
// sends has none in.
#define SPACE_IFACE_NONE 0
#define SPACE_CLASSES	 256
#define SPACE_NAME	 24 // of an interface, quite enough for CFG_IFNAMSIZ and an invented end

// What targets somewhere in the policies change, so that tests of it say nothing certain.
enum space_spoil {
	SPACE_SPOILS_MARK = 1 << 0,  // by other than MARK: CONNMARK, HMARK
	SPACE_SPOILS_TOS = 1 << 1,   // TOS, DSCP, ECN
	SPACE_SPOILS_TTL = 1 << 2,   // TTL, HL
	SPACE_SPOILS_FLAGS = 1 << 3, // ECN: the TCP flags ECE and CWR
	SPACE_SPOILS_CONNMARK = 1 << 4,
	SPACE_SPOILS_SET = 1 << 5,
	SPACE_SPOILS_OPTIONS = 1 << 6, // TCPMSS, TCPOPTSTRIP, SYNPROXY
};

struct space_world {
	uint8_t family;	  // CFG_IPV4 or CFG_IPV6
	unsigned spoiled; // of enum space_spoil
	bool length;	  // some rule asks for it
	unsigned n_class; // class i is called name[i]; all other names behave like one of them
	char name[SPACE_CLASSES][SPACE_NAME];
	unsigned n_named; // the first of them stand in the policies; behind them, invented ones
	bool too_many;	  // interfaces: nothing can be said
	bool oom;
	uint64_t work;	   // entries that walks have looked at
	uint64_t work_max; // beyond which searches give up; 0: none
	char **atom;	   // text by number
	uint32_t n_atom, n_slot, *slot;
};

// The ways through the hooks.
enum space_path { SPACE_INPUT, SPACE_FORWARD, SPACE_OUTPUT, SPACE_PATHS };
const char *space_path_name(enum space_path path);

// For one policy, or two (b may be NULL). False: out of memory.
bool space_world_init(struct space_world *w, uint8_t family, const struct cfg_policy *a,
		      const struct cfg_policy *b);
void space_world_free(struct space_world *w);

// The atom of that text; the same text, the same atom. Out of memory sets w->oom.
uint32_t space_atom(struct space_world *w, const char *text);

// Which classes the option matches, as bits of SPACE_IN or SPACE_OUT. The option must be given.
void space_iface_classes(const struct space_world *w, const struct cfg_iface *i, uint64_t bits[4]);

// The packets that may go this way, as at most SPACE_UNIVERSE disjoint boxes. Returns how many.
#define SPACE_UNIVERSE 24
unsigned space_universe(const struct space_world *w, enum space_path path,
			struct space_box box[SPACE_UNIVERSE]);

// What becomes of a packet that a target takes.
enum space_effect {
	SPACE_GOES_ON,
	SPACE_MARKS,	// MARK
	SPACE_UNTRACKS, // NOTRACK, CT --notrack
	SPACE_ACCEPTS,
	SPACE_DROPS,
	SPACE_REJECTS,
	SPACE_TRANSLATES, // nat: the walk ends, the packet goes on
	SPACE_TAKES,	  // something else has it then: NFQUEUE, TPROXY, SYNPROXY
	SPACE_RETURNS,
	SPACE_JUMPS,
	SPACE_GOES_TO,
};
enum space_effect space_effect(const struct cfg_rule *r);
// Does the walk of its chain end there for every packet that matches?
bool space_ends_walk(const struct cfg_rule *r);
