#pragma once
// Sets of packets for `ringwall check`: a box is one condition per field, a set is a list of boxes.
// Fields that nothing here models are literals: "this match of that text says yes" or no, so that
// equal ones cancel out and different ones never get in each other's way. Private to config/; pure
// functions, any thread. Addresses are numbers in host order (IPv4 in the low 32 bits).
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef unsigned __int128 space_wide;

enum space_wide_field { SPACE_SRC, SPACE_DST, SPACE_MAC, SPACE_WIDES };
// DPORT is type << 8 | code of ICMP: no rule can ask for both, since each needs its protocol.
enum space_short_field { SPACE_SPORT, SPACE_DPORT, SPACE_LENGTH, SPACE_TTL, SPACE_SHORTS };
enum space_bits_field {
	SPACE_IN, // interface classes (config/space/space_world.h)
	SPACE_OUT,
	SPACE_PROTO,
	SPACE_FLAGS, // the TCP flags byte
	SPACE_TOS,
	SPACE_CT, // space_ct()
	SPACE_PKTTYPE,
	SPACE_FRAG, // 1: second or further fragment
	SPACE_BITS
};

#define SPACE_WORDS  23			   // of all the bits: five fields of 256, three of 64
#define SPACE_LITS   24			   // in one box
#define SPACE_NO_MAC ((space_wide)1 << 48) // the MAC of a packet that came in no frame

// Values of SPACE_CT: the state, and whether the flow's source and destination are translated.
enum space_ct_state {
	SPACE_ST_INVALID,
	SPACE_ST_ESTABLISHED,
	SPACE_ST_RELATED,
	SPACE_ST_NEW,
	SPACE_ST_UNTRACKED,
	SPACE_STATES
};
static inline unsigned
space_ct(enum space_ct_state state, bool snat, bool dnat)
{
	return (unsigned)state * 4 + snat * 2 + dnat;
}

// Atom number << 1 | 1 where the atom says no.
typedef uint32_t space_lit;

struct space_box {
	space_wide wlo[SPACE_WIDES], whi[SPACE_WIDES]; // both inclusive
	uint16_t slo[SPACE_SHORTS], shi[SPACE_SHORTS];
	uint64_t bits[SPACE_WORDS];
	bool loose; // a literal did not fit: the box holds more than it should
	uint8_t n_lit;
	space_lit lit[SPACE_LITS]; // sorted
};

// One packet. Atoms say no where no literal says otherwise.
struct space_point {
	space_wide w[SPACE_WIDES];
	uint16_t s[SPACE_SHORTS];
	uint8_t b[SPACE_BITS];
	uint8_t n_lit;
	space_lit lit[SPACE_LITS];
};

// Where a field's bits begin, and how many there are.
unsigned space_first_word(enum space_bits_field f);
unsigned space_n_words(enum space_bits_field f);
uint64_t *space_bits(struct space_box *b, enum space_bits_field f);
const uint64_t *space_bits_of(const struct space_box *b, enum space_bits_field f);
bool space_bit(const struct space_box *b, enum space_bits_field f, unsigned value);

// Everything: every value of every field, no literal.
void space_all(struct space_box *b);
// Takes all values of the field away but one.
void space_only(struct space_box *b, enum space_bits_field f, unsigned value);
// Adds a literal; false: the box says the opposite, and would be empty.
bool space_add_lit(struct space_box *b, space_lit lit);

bool space_holds(const struct space_box *b, const struct space_point *p);
bool space_meets(const struct space_box *a, const struct space_box *b);
bool space_within(const struct space_box *inner, const struct space_box *outer);
// a = a and b; false: nothing is left, and a is not to be used.
bool space_cut(struct space_box *a, const struct space_box *b);

// Boxes that grow in number; all zero is empty. The box must not lie in the list itself. False: out
// of memory.
struct space_list {
	struct space_box *box;
	size_t n, room;
};
bool space_list_add(struct space_list *list, const struct space_box *b);

// Adds the parts of a that are not in b, disjoint. False: out of memory.
bool space_minus(struct space_list *list, const struct space_box *a, const struct space_box *b);

// Makes b smaller until it has nothing in common with `other`, but still holds p, which other does
// not. False: no literal fits any more.
bool space_avoid(struct space_box *b, const struct space_point *p, const struct space_box *other);

// Some packet of the box; the same for the same seed.
void space_pick(struct space_point *p, const struct space_box *b, uint64_t seed);
