#pragma once
// One worker's table, for the files of this room only: entries, their places in the index and in
// time.
#include <stdatomic.h>

#include "conntrack/ct_index.h"
#include "conntrack/ct_key.h"
#include "conntrack/ct_sctp.h"
#include "conntrack/ct_source.h"
#include "conntrack/ct_tcp.h"
#include "pipeline/flow_ops.h"
#include "pipeline/worker.h"

// Time in an entry: ticks of 2^22 ns (4.2 ms) in 32 bits. Differences of up to 2^30 ticks (52 days)
// are right; a clock that jumps further ends all flows (ct_time_jumped).
#define CT_TICK_SHIFT 22
// The wheel turns in steps of 64 ticks (0.27 s) and reaches 4,095 steps (18 minutes) ahead; what is
// due later comes by once per round and is put off.
#define CT_STEP_SHIFT (CT_TICK_SHIFT + 6)
#define CT_WHEEL      4096
enum { // lists besides the wheel's slots; a flow is in exactly one of them
	CT_LIST_FRESH = CT_WHEEL, // made in this turn, not confirmed
	CT_LIST_PARKED, // not confirmed, their first packets wait for another worker's word
	CT_LIST_DEAD,	// out of the index, memory still referenced by packets of this turn
	CT_LISTS,
};

enum ct_inner_status {		 // bits beside those of enum ct_status
	CT_I_HELP = 1 << 10,	 // has a struct ct_help: a helper, was expected, own timeouts
	CT_I_AWAY = 1 << 11,	 // born away from its home, which has a redirect for it
	CT_I_RESERVED = 1 << 12, // reply tuple is in the index before the flow is confirmed
	CT_I_PLANTED = 1 << 13,	 // another worker has a redirect for the reply tuple
	CT_I_SOURCED = 1 << 15,	 // counts for its source (ct_source.c)
	CT_I_ASK = 1 << 14,	 // reserved, but its home is another worker, which must say so
};
#define CT_STATUS_PUBLIC 0x3ff

struct ct_udp {
	uint32_t stream_tick; // from then on it is a stream, if answered
};

// The first cache line is all that a UDP packet of a known flow touches: it is found by it,
// translated by it and counted in it. TCP's numbers are in the second. Two directions of an IPv4
// flow stand in the first line; an IPv6 flow has its addresses in a third (struct ct_entry6).
struct ct_entry {
	struct ct_pair dir[2];
	uint16_t zone; // from here on as in ct_key_tail()
	uint8_t family, proto;
	uint16_t status;	       // enum ct_status, enum ct_inner_status
	uint16_t list : 13;	       // wheel slot or CT_LIST_*
	uint16_t zone_off : 2;	       // bit per direction whose tuple is in zone 0 all the same
	uint16_t uncounted : 1;	       // born while acct was off: its counters are shown to nobody
	uint32_t way[2];	       // by direction: pl_way that its packets go, 0: none
	uint32_t deadline;	       // tick
	uint32_t packets[2], bytes[2]; // low words; what they carry over is in struct ct_cold
	union {
		struct ct_tcp tcp;
		struct ct_udp udp;
		struct ct_sctp sctp;
	};
	uint32_t mark;
} __rte_cache_aligned;
static_assert(sizeof(struct ct_entry) == 128, "two cache lines");
static_assert(offsetof(struct ct_entry, udp) + sizeof(struct ct_udp) == 64,
	      "UDP's is in the first");
static_assert(offsetof(struct ct_entry, dir) == 0, "ct_entry_pair() knows it");

struct ct_entry6 {
	struct ct_entry e;
	struct {
		union pl_addr src, dst;
	} addr[2];
};
static_assert(sizeof(struct ct_entry6) == 192, "three cache lines");

// What is not touched by a packet of a known flow. Same index as the entry.
struct ct_cold {
	uint32_t next, prev; // of the list that the flow is in; free entries: next
	uint32_t bytes_hi[2];
	uint16_t packets_hi[2];
	uint32_t nat[CT_NAT_AREA / sizeof(uint32_t)];
};
static_assert(sizeof(struct ct_cold) == 36,
	      "memory per flow: 128 + 36 + 19 of index; IPv6 64 more");

// What few flows have; memory is taken as it is first touched, so it costs nothing where no rule
// needs it. Same index as the entry. Zero in a new flow.
struct ct_extra {
	uint64_t label[PL_FLOW_LABELS / 64];
	uint32_t help; // with CT_I_HELP: place of its struct ct_help
};

// An entry by number: place in its pool << 1 | is IPv6; 0: none. In the index: that << 1 |
// direction.
typedef uint32_t ct_id;

struct ct_pool {
	char *base;
	struct ct_cold *cold;
	struct ct_extra *extra;
	uint64_t *start_ns; // when flows were confirmed, since 1970; 0: born without timestamp
	uint32_t stride;
	uint32_t room; // entries
	uint32_t used; // places ever taken; those above were never touched
	uint32_t free; // list of ct_id
};

struct ct_look { // one packet between the passes of ct_lookup_run
	struct ct_key key;
	uint64_t hash;
	uint8_t kind;	     // enum ct_kind
	uint8_t why;	     // of CT_K_INVALID: enum ct_why
	bool apart;	     // the two directions' zones are not the same
	uint16_t reply_zone; // with `apart`; the key has the original direction's
};

struct ct_redirects;
struct ct_links;
struct ct_helps;

struct ct_table {
	struct ct_index ix;
	struct ct_pool pool[2]; // IPv4, IPv6
	struct ct_seeds seeds;
	struct pl_ahead ahead;	 // of ix and seeds
	struct ct_conf fallback; // the kernel's defaults, for a program without settings
	struct pl_worker *w;	 // whose turn it is; NULL before the first
	void (*release)(struct pl_worker *w, struct ct_entry *e);
	void (*ending)(struct pl_worker *w, const struct ct_entry *e);
	struct ct_redirects *redir;	// NULL with one worker
	struct ct_links *links;		// the same
	uint32_t n_asked;		// questions to other workers, not answered yet
	uint16_t asked[PL_WORKERS_MAX]; // to each
	uint32_t max;
	uint32_t limit;			    // max, or less where the policy says so
	uint32_t conf_max, conf_expect_max; // that the limits were made from
	uint32_t n_expect;		    // flows that helpers of this worker announced
	uint32_t expect_limit;
	uint32_t conf_source_max, source_limit; // the same of flows per source; 0: no limit
	struct ct_sources sources;
	struct ct_helps *helps; // ct_help.c
	uint16_t worker;
	bool has_extra;		// some flow of this table has, or had, something there
	bool has_start;		// the same of start_ns
	struct ct_switches sw;	// of the policy that the last packets were looked up under
	uint32_t invalid_since; // tick; of the second whose lines are counted
	uint32_t invalid_lines; // told, or left out, since then
	uint64_t tick;		// of the last turn, 64 bits
	uint64_t step;		// of the wheel: all up to this one were dealt with
	struct ct_stats stats;
	struct rte_ring *events; // ct_event.c; NULL until somebody listened
	uint8_t tells;		 // kinds that somebody listens to: 1 << enum ct_event_kind
	_Atomic uint32_t count;
	ct_id list[CT_LISTS];
	struct ct_look look[PL_BURST];
	uint32_t fresh[PL_BURST]; // packet hashes of the flows made in this burst
	unsigned n_fresh;
	const struct ct_entry *met[PL_BURST]; // translated flows of this burst's packets
	unsigned n_met;
};

static inline struct ct_entry *
ct_entry_at(const struct ct_table *t, ct_id id)
{
	const struct ct_pool *pool = &t->pool[id & 1];

	return (struct ct_entry *)(pool->base + (size_t)(id >> 1) * pool->stride);
}

static inline ct_id
ct_id_of(const struct ct_table *t, const struct ct_entry *e)
{
	const struct ct_pool *pool = &t->pool[e->family == 6];
	size_t off = (size_t)((const char *)e - pool->base);

	return e->family == 6 ? (ct_id)(off / sizeof(struct ct_entry6)) << 1 | 1
			      : (ct_id)(off / sizeof(struct ct_entry)) << 1;
}

static inline struct ct_cold *
ct_cold_at(const struct ct_table *t, ct_id id)
{
	return &t->pool[id & 1].cold[id >> 1];
}

static inline struct ct_extra *
ct_extra_at(const struct ct_table *t, ct_id id)
{
	return &t->pool[id & 1].extra[id >> 1];
}

static inline uint64_t *
ct_start_at(const struct ct_table *t, ct_id id)
{
	return &t->pool[id & 1].start_ns[id >> 1];
}

// zone, family and proto of one direction, as in the upper half of ct_key_tail().
static inline uint32_t
ct_entry_rest(const struct ct_entry *e, unsigned dir)
{
	uint32_t rest;

	memcpy(&rest, &e->zone, sizeof(rest));
	return unlikely(e->zone_off >> dir & 1) ? rest & ~(uint32_t)UINT16_MAX : rest;
}

static inline uint16_t
ct_entry_zone(const struct ct_entry *e, unsigned dir)
{
	return e->zone_off >> dir & 1 ? 0 : e->zone;
}

// Is it the flow with this key in that direction? tail: ct_key_tail().
static inline bool
ct_entry_is(const struct ct_entry *e, unsigned dir, uint8_t family, const union pl_addr *src,
	    const union pl_addr *dst, uint64_t tail)
{
	const struct ct_entry6 *e6 = (const struct ct_entry6 *)e;
	uint32_t ports;

	memcpy(&ports, &e->dir[dir].sport, sizeof(ports));
	if (ports != (uint32_t)tail || ct_entry_rest(e, dir) != (uint32_t)(tail >> 32))
		return false;
	if (family == 4)
		return ((e->dir[dir].src ^ src->v4) | (e->dir[dir].dst ^ dst->v4)) == 0;
	return ((e6->addr[dir].src.u64[0] ^ src->u64[0]) |
		(e6->addr[dir].src.u64[1] ^ src->u64[1]) |
		(e6->addr[dir].dst.u64[0] ^ dst->u64[0]) |
		(e6->addr[dir].dst.u64[1] ^ dst->u64[1])) == 0;
}

static inline bool
ct_entry_past(const struct ct_table *t, const struct ct_entry *e)
{
	return (int32_t)(e->deadline - (uint32_t)t->tick) <= 0;
}

static inline uint32_t
ct_ticks_of_ms(uint32_t ms)
{
	uint32_t capped = ms < CT_TIMEOUT_MAX_MS ? ms : CT_TIMEOUT_MAX_MS;

	return (uint32_t)(((uint64_t)capped * 1000000 + (1u << CT_TICK_SHIFT) - 1) >>
			  CT_TICK_SHIFT);
}

static inline uint32_t
ct_ms_left(const struct ct_table *t, const struct ct_entry *e)
{
	int32_t left = (int32_t)(e->deadline - (uint32_t)t->tick);

	return left <= 0 ? 0 : (uint32_t)(((uint64_t)left << CT_TICK_SHIFT) / 1000000);
}

// ---- ct_table.c
void ct_entry_key(const struct ct_entry *e, unsigned dir, struct ct_key *k);
void ct_entry_set_key(struct ct_entry *e, unsigned dir, const struct ct_key *k);
// The entry with that key in either direction, or NULL. Expired ones count as there: see
// ct_table_find_live.
struct ct_entry *ct_table_find(const struct ct_table *t, const struct ct_key *k, uint64_t hash,
			       unsigned *dir);
// The same for a key in pieces; tail: ct_key_tail().
struct ct_entry *ct_table_seek(const struct ct_table *t, uint8_t family, const union pl_addr *src,
			       const union pl_addr *dst, uint64_t tail, uint64_t hash,
			       unsigned *dir);
// The same, but one past its deadline is ended and not found.
struct ct_entry *ct_table_find_live(struct ct_table *t, const struct ct_key *k, uint64_t hash,
				    unsigned *dir);
// The live flow of a packet that raw put into a zone in one direction only: its tuple is looked for
// among the original ones in one zone, and among the replies in another.
struct ct_entry *ct_table_find_apart(struct ct_table *t, const struct ct_look *look, unsigned *dir);
// A new flow with both tuples (whose zones are equal, or one of them is 0), on the fresh list; NULL
// where the table is full and nothing could make way.
struct ct_entry *ct_table_new(struct ct_table *t, const struct ct_key *orig,
			      const struct ct_key *reply, uint64_t hash);
// Puts it into the index and on the wheel. -EEXIST: a tuple is taken; -ENOSPC.
int ct_table_confirm(struct ct_table *t, struct ct_entry *e);
// Out of the index and the wheel at once; freed at the end of the turn.
void ct_table_kill(struct ct_table *t, struct ct_entry *e);
// The same with what an event gives as the reason; of ct_table_kill() it is the flow's time, or
// somebody's will.
void ct_table_end(struct ct_table *t, struct ct_entry *e, enum ct_end why);
// Asks memory for what ct_table_end() will need of e.
void ct_table_end_ahead(const struct ct_table *t, const struct ct_entry *e);
void ct_table_free_dead(struct ct_table *t); // and what was never confirmed
int ct_table_index_reply(struct ct_table *t, struct ct_entry *e);
void ct_table_unindex_reply(struct ct_table *t, struct ct_entry *e);
void ct_entry_carry(struct ct_table *t, struct ct_entry *e, unsigned dir, bool packets, bool bytes);
// Makes room for one flow in a full table: true where a flow near `hash` in the index made way.
bool ct_table_make_way(struct ct_table *t, uint64_t hash);
uint64_t ct_cold_packets(const struct ct_table *t, const struct ct_entry *e, unsigned dir);
void ct_flow_of(const struct ct_table *t, const struct ct_entry *e, struct ct_flow *f); // ct_list.c
uint64_t ct_cold_bytes(const struct ct_table *t, const struct ct_entry *e, unsigned dir);

// ---- ct_wheel.c
void ct_list_add(struct ct_table *t, struct ct_entry *e, unsigned list);
void ct_list_del(struct ct_table *t, struct ct_entry *e);
// Clock of this turn. Where it jumped further than an entry's deadline can tell, all flows end.
void ct_time_set(struct ct_table *t, uint64_t now_ns);
// The deadline moved forward from `before`, to where the wheel may come by too late.
void ct_wheel_hasten(struct ct_table *t, struct ct_entry *e);
void ct_wheel_start(struct ct_table *t, struct ct_entry *e); // e is in no list
// Deals with at most `budget` flows (and eight times as many empty slots) that are due.
void ct_wheel_turn(struct ct_table *t, unsigned budget);

// Lives until that tick. Confirmed flows are moved on the wheel only where they would come by too
// late.
static inline void
ct_wheel_refresh_to(struct ct_table *t, struct ct_entry *e, uint32_t deadline)
{
	uint32_t before = e->deadline;

	if (before == deadline)
		return;
	e->deadline = deadline;
	if (unlikely((int32_t)(deadline - before) < 0 && e->list < CT_WHEEL))
		ct_wheel_hasten(t, e);
}

// Lives for ms from now.
static inline void
ct_wheel_refresh(struct ct_table *t, struct ct_entry *e, uint32_t ms)
{
	ct_wheel_refresh_to(t, e, (uint32_t)t->tick + ct_ticks_of_ms(ms));
}

static inline void
ct_entry_account(struct ct_table *t, struct ct_entry *e, unsigned dir, uint32_t bytes)
{
	bool more_packets = ++e->packets[dir] == 0;
	bool more_bytes = (e->bytes[dir] += bytes) < bytes;

	if (unlikely(more_packets | more_bytes))
		ct_entry_carry(t, e, dir, more_packets, more_bytes);
}

// ---- ct_redirect.c: nothing without other workers
bool ct_redirect_taken(const struct ct_table *t, const struct ct_key *k);
// What other workers said. Before each burst and at the end of each turn.
void ct_redirect_drain(struct pl_worker *w);
void ct_redirect_free(struct ct_table *t);
