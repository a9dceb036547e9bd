#pragma once
// The room's own types: a worker's block, the choice of tuples. Worker's thread.
#include "nat/nat.h"
#include "nat/nat_block.h"
#include "nat/nat_map.h"
#include "nat/nat_rewrite.h"
#include "nat/nat_use.h"

// The flows with a translated source, by what their source is at home: a second flow from there
// goes out as the first one does where it can (netfilter's nat_bysource). Chained through the
// flows' own areas.
struct nat_bysrc {
	uint32_t mask;	  // heads - 1
	int32_t *head;	  // links, 0: none; a page is there when it is first touched
	const char *base; // what links count from, in units of 64 bytes; NULL before the first flow
	const struct ct_table *ct; // the flows' table; set with base
	uint64_t key;
};

// Reply tuples that another worker refused a short while ago: they are in use there, which this
// worker's table cannot know. Direct-mapped; one that is pushed out costs another refusal, no more.
#define NAT_REFUSED    256
#define NAT_REFUSED_NS 60000000000 // so long they count as taken
struct nat_refused {
	uint64_t sig; // of the tuple
	uint64_t until_ns;
};

// Far ends towards which some searches in a row, a moment ago, found no free port at an address:
// what comes next searches only shortly, so that a flood of first packets does not cost a long
// search each. Direct-mapped.
#define NAT_FULL       64
#define NAT_FULL_TRIES 4
#define NAT_FULL_NS    100000000
struct nat_full {
	uint64_t sig; // of the two ends
	uint64_t until_ns;
	uint32_t failed; // in a row
};

struct nat_core {
	struct nat_env env;
	uint16_t worker;
	const struct ct_table *hooked; // the table whose flows tell us when they go
	uint64_t key[2];	       // of the random numbers
	uint64_t drawn;		       // how many were drawn
	struct nat_bysrc bysrc;
	struct nat_maps maps;
	struct nat_use use;
	struct nat_blocks blocks;
	struct nat_refused refused[NAT_REFUSED];
	struct nat_full full[NAT_FULL];
};

// What nat keeps in a flow (ct_entry_nat_area).
struct nat_area {
	int32_t next, prev; // links of nat_bysrc, 0: none
	uint8_t masq_port;  // exit port of MASQUERADE + 1; 0: not masqueraded
	bool linked : 1;    // in nat_bysrc
	bool inbound : 1;   // a mapping gave the destination
	bool permits : 1;   // uses a NAT_PERMIT, too
	bool counted : 1;   // in nat_use
	bool block : 1;	    // its port is of a block
	uint8_t refused;    // how often another worker had the reply tuple
	uint8_t tag;	    // of nat_bysrc: 8 bits of the source's hash
	uint32_t map;	    // the mapping that it uses; 0: none
};
static_assert(sizeof(struct nat_area) <= CT_NAT_AREA, "fits into the flow");

static inline struct nat_area *
nat_area(const struct ct_table *t, const struct ct_entry *e)
{
	return ct_entry_nat_area(t, e);
}

static inline struct ct_tuple
nat_tuple(const struct ct_entry *e, enum ct_dir dir)
{
	return ct_entry_tuple(e, dir);
}

// A keyed hash of an address and of what else tells apart; its upper half is the better one.
static inline uint64_t
nat_addr_hash(uint64_t key, const union pl_addr *a, uint64_t rest)
{
	uint64_t h = (a->u64[0] ^ key) * 0x9e3779b97f4a7c15;

	h = (h ^ h >> 32 ^ a->u64[1]) * 0x9e3779b97f4a7c15;
	return (h ^ h >> 32 ^ rest) * 0x9e3779b97f4a7c15;
}

// 64 random bits that cannot be foretold from the ones before (the ports that are seen outside).
uint64_t nat_random(struct nat_core *n);

// Binds one side of p's flow by p->nat_rule (NULL: null binding): chooses, writes the reply tuple,
// sets the status bits of flow and packet. 0, a drop reason + 1, or NAT_ASK: another worker must be
// asked (ct_ask_home), and then this is called again.
#define NAT_ASK (-1)
int nat_bind(struct pl_worker *w, const struct nat_conf *conf, struct pl_pkt *p,
	     enum nat_side side);
// The same by a range that no rule gave, for a flow that was expected; the nat table is then not
// asked for that side. The side that comes last reserves the reply tuple.
int nat_bind_to(struct pl_worker *w, struct pl_pkt *p, enum nat_side side,
		const struct pl_nat_rule *range, bool last);

// ---- nat_ahead.c: before the new flows of a burst are bound
void nat_ahead_dst(const struct pl_worker *w, const struct pl_burst *b);
void nat_ahead_src(struct pl_worker *w, const struct pl_burst *b);

// ---- nat_bysrc.c
// heads for about `flows` flows. 0 or -ENOMEM.
int nat_bysrc_init(struct nat_bysrc *s, uint32_t flows, uint64_t key);
void nat_bysrc_fini(struct nat_bysrc *s);
// The source of a flow of ct was just translated.
void nat_bysrc_add(struct nat_bysrc *s, const struct ct_table *ct, struct ct_entry *e);
// Asks memory for what nat_bysrc_find() begins with, which is given back; for what it goes on with,
// once that is there; and for what nat_bysrc_del() needs.
const int32_t *nat_bysrc_ahead(const struct nat_bysrc *s, const struct ct_tuple *orig);
void nat_bysrc_ahead_first(const struct nat_bysrc *s, const int32_t *head);
void nat_bysrc_del_ahead(const struct nat_bysrc *s, const struct ct_entry *e);
void nat_bysrc_del(struct nat_bysrc *s, struct ct_entry *e); // fine where it is not in
// Calls fit() with the reply tuples of the flows from the same source as e's, newest first, until
// it says yes (true) or NAT_BYSRC_STEPS flows were looked at (false).
#define NAT_BYSRC_STEPS 32
bool nat_bysrc_find(const struct nat_bysrc *s, const struct ct_tuple *orig,
		    bool (*fit)(void *ctx, const struct ct_tuple *reply), void *ctx);
