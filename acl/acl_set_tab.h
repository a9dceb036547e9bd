#pragma once
// One worker's copy of a set: a table of typed keys, with what ipset keeps beside an entry. All of
// its memory is there from the start, as much as the set may ever need, so that packets can add to
// it; the kernel gives pages when they are first written. Whoever owns the copy calls these: a
// worker, or the control thread for one that no worker has (yet).
#include "acl/acl_int.h"

#define SET_TICKS	CFG_LIMIT_TICKS // per second: what time is counted in
#define SET_NONE	UINT32_MAX
#define SET_SHAPES	256 // combinations of prefix lengths that one set may hold
#define SET_IFACES	64  // entries of hash:net,iface with the same network
#define SET_NOW(now_ns) ((now_ns) / (UINT64_C(1000000000) / SET_TICKS))

enum set_elem_flags {
	SET_E_USED = 1 << 0,
	SET_E_NOMATCH = 1 << 1,
};

struct set_elem {
	struct cfg_set_key key;
	uint32_t next;	  // in its bucket, or of the free ones
	uint32_t comment; // its number among the set's comments; 0: none
	uint8_t flags;	  // enum set_elem_flags
	uint64_t expires; // ticks after the table's base; 0: never
	uint64_t packets, bytes;
};

struct set_shape { // prefix lengths that entries have
	uint8_t len[2];
	uint32_t n; // entries
	union pl_addr mask[2];
};

struct set_tab {
	uint32_t id; // what news call it
	uint8_t type, family, netmask;
	bool timeouts, counters, iface;
	bool based;	  // base is known: somebody has looked at a clock
	uint64_t base;	  // tick that expires counts from
	uint32_t timeout; // ticks an entry stays that does not say; 0: for good
	uint32_t markmask, seed;
	uint32_t lo, hi;      // bounds of a bitmap
	uint32_t max, n;      // entries: most, now (expired ones that nobody swept included)
	uint32_t high;	      // elements above were never used
	uint32_t free, sweep; // first free one; where the next sweep begins
	uint32_t buckets;     // a power of two
	uint32_t n_shape;
	struct set_shape shape[SET_SHAPES]; // longest first
	uint16_t *order;		    // list:set: n slots of members
	uint32_t *bucket;
	struct set_elem *elem;
};

// What an entry is to have beside its key.
struct set_ext {
	bool nomatch;
	uint32_t comment;
	uint64_t stays; // ticks from now; 0: for good
	uint64_t packets, bytes;
};

struct set_tab *set_tab_create(const struct cfg_set *set); // NULL when out of memory
void set_tab_free(struct set_tab *t);			   // NULL is fine

// The entry with exactly this key that has not expired, or NULL. now: ticks of the owner's clock.
struct set_elem *set_tab_get(struct set_tab *t, const struct cfg_set_key *key, uint64_t now);
// 0; -EEXIST: there is such an entry already (exist: it is written over); -ENOSPC: full; -E2BIG:
// more combinations of prefix lengths than SET_SHAPES, or interfaces than SET_IFACES.
int set_tab_add(struct set_tab *t, const struct cfg_set_key *key, const struct set_ext *ext,
		bool exist, uint64_t now);
int set_tab_del(struct set_tab *t, const struct cfg_set_key *key, uint64_t now); // 0 or -ENOENT
void set_tab_flush(struct set_tab *t);
// Looks at up to n elements and takes out what has expired.
void set_tab_sweep(struct set_tab *t, unsigned n, uint64_t now);
// Seconds that the entry stays, at least 1; 0: for good.
uint32_t set_tab_left(struct set_tab *t, const struct set_elem *e, uint64_t now);

// What a packet asks.
struct set_ask {
	const struct cfg_m_set *m; // NULL: nothing of counters
	bool update;		   // counters count it
	uint32_t bytes;
	uint64_t now;
};
// Is what the probe (whole addresses) stands for in the set? 1: yes; -1: in an exception; 0: no.
int set_tab_test(struct set_tab *t, const struct cfg_set_key *probe, const struct set_ask *ask);

// list:set: the element of the set with that number. And what is asked of it beside its members.
struct set_elem *set_tab_member(struct set_tab *t, uint16_t slot);
int set_tab_judge(struct set_tab *t, struct set_elem *e, const struct set_ask *ask);

static inline bool
set_expired(struct set_tab *t, const struct set_elem *e, uint64_t now)
{
	if (!t->timeouts || e->expires == 0)
		return false;
	if (!t->based) {
		t->base = now;
		t->based = true;
	}
	return now > t->base + e->expires;
}
