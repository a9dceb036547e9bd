#pragma once
// Connection tracking: one table per worker. Only the worker that owns a table calls these, except
// where said. State machines, timeouts and names follow Linux nf_conntrack.
#include "config/policy.h"
#include "pipeline/flow_ops.h"
#include "pipeline/stage.h"
#include "pipeline/worker.h"

struct ct_table;
struct ct_entry;

// One direction of a flow. ICMP echo and its kin: sport = dport = identifier; type and code are
// part of the tuple (the reply's type is the answer's), for two pings with one identifier in
// opposite directions are two flows. Protocols without ports: both 0.
struct ct_tuple {
	union pl_addr src, dst; // IPv4: the rest is zero
	rte_be16_t sport, dport;
	uint8_t family; // 4 or 6
	uint8_t proto;
	uint16_t zone;		      // raw's CT --zone: tuples of two zones are two flows'
	uint8_t icmp_type, icmp_code; // 0 for all but ICMP and ICMPv6
};

enum ct_dir { CT_ORIGINAL, CT_REPLY };

enum ct_status { // bits, names as in conntrack -L
	CT_S_SEEN_REPLY = 1 << 0,
	CT_S_ASSURED = 1 << 1,
	CT_S_CONFIRMED = 1 << 2,
	CT_S_SRC_NAT = 1 << 3,
	CT_S_DST_NAT = 1 << 4,
	CT_S_SRC_NAT_DONE = 1 << 5,
	CT_S_DST_NAT_DONE = 1 << 6,
	CT_S_DYING = 1 << 7,
	CT_S_CLASHED = 1 << 8,	// the reply's home says that the tuple is another flow's
	CT_S_EXPECTED = 1 << 9, // a helper had announced it
};

// What the trackers ask once a flow, or never.
struct ct_switches {
	bool acct_off;	     // flows born now do not count
	bool timestamp;	     // flows born now know when
	bool events_off;     // flows tell nobody anything
	uint8_t log_invalid; // protocol whose INVALID packets are logged; 255: all, 0: none
};

// Timeouts in ms and switches, from the policy, defaults filled in (at most 49 days,
// CT_TIMEOUT_MAX_MS, which is also what a longer setting counts as). Immutable; the program's conf
// of the conntrack stages points at one; NULL there means the kernel's defaults.
struct ct_conf {
	uint32_t tcp_ms[16]; // by enum ct_tcp_state
	uint32_t tcp_retrans_ms, tcp_unack_ms;
	uint32_t udp_ms, udp_stream_ms, icmp_ms, icmpv6_ms, generic_ms;
	uint32_t gre_ms, gre_stream_ms;
	uint32_t sctp_ms[9]; // by enum ct_sctp_state (conntrack/ct_sctp.h)
	uint32_t tcp_max_retrans;
	uint32_t max;	     // flows in the whole system; 0: as many as the tables hold
	uint32_t source_max; // flows of one source in the whole system; 0: no limit
	uint32_t expect_max; // flows that helpers may announce in the whole system; 0: 4096
	bool tcp_loose, tcp_be_liberal, tcp_ignore_invalid_rst, checksum_off;
	struct ct_switches sw;
	// Of the flows that a rule gave a timeout policy, by its number (ct_times_id()): settings
	// as these but for times. n_own 0: none.
	const struct ct_conf *own;
	uint16_t n_own;
	uint64_t generation; // of the policy
};
#define CT_TIMEOUT_MAX_MS                                                                          \
	(49u * 24 * 3600 * 1000) // in 32 bits, and less than what a flow's clock can tell
void ct_conf_init(struct ct_conf *conf, const struct cfg_conntrack *settings, uint64_t generation);
// The number of the timeout policy of that name, the same as long as the process lives: 1 and up,
// or -ENOSPC where there were too many. Control thread.
int ct_times_id(const char *name);
// Fills in conf->own for the policy's timeout policies. A flow that was given one that is no more
// lives by conf itself. 0, -ENOMEM or -ENOSPC. Control thread.
int ct_times_make(struct ct_conf *conf, const struct cfg_policy *policy);
void ct_times_free(struct ct_conf *conf);

// Table for up to max_entries flows of this worker: address space for all of them, memory as it is
// first touched (so on the NUMA node of the worker's thread). On error -errno, and *out is left
// alone.
int ct_table_create(struct ct_table **out, uint32_t max_entries, uint16_t worker, int socket);
// NULL is fine. The release hook runs for each flow, with the worker that last used the table: free
// it before that worker and before what the hook needs.
void ct_table_free(struct ct_table *t);

// Joins the tables of all workers (w[i]->ct, in the order of their ids) by message rings, through
// which a worker that owns a flow tells the home of its reply tuple where the replies belong.
// Control thread, after all tables were created and before the workers run; not needed with one
// worker. The rings live until every joined table was freed. 0, or -errno with nothing joined.
int ct_join(struct pl_worker *const *w, unsigned n);

// Where the table's look-ups begin, for pl_worker.ahead; lives as long as the table.
const struct pl_ahead *ct_table_ahead(const struct ct_table *t);

// Called on the owner's thread when a flow's last reference goes; nat keeps it for address and port
// returns.
void ct_table_set_release(struct ct_table *t, void (*fn)(struct pl_worker *w, struct ct_entry *e));
// Called for flows that are soon to end, several in a row, so that what fn needs of them can be on
// its way from memory. fn changes nothing.
void ct_table_set_ending(struct ct_table *t,
			 void (*fn)(struct pl_worker *w, const struct ct_entry *e));

// ---- stages
// -------------------------------------------------------------------------------------------
// ct_steer: sets pkt->hash (symmetric Toeplitz of the tuple; of the quoted packet for ICMP errors;
// of the
//   addresses for fragments) and hands over what another worker owns. Stands twice in the packet's
//   way: for fragments before reassembly (they go to the worker of the address pair) and for the
//   whole datagram after it. PL_F_HANDED: not a second time by hash; a redirect entry found in this
//   worker's table is always followed.
// ct_lookup: finds or creates the flow; sets ct, ct_state, ct_dir, ct_status, NAT_PRE/NAT_POST;
// PL_F_NOTRACK,
//   ND and MLD give UNTRACKED; what does not fit the state gives INVALID (never a drop by itself).
//   A packet whose hash equals that of a flow made earlier in this same burst is deferred
//   (pl_defer).
// ct_confirm: inserts flows whose first packet got this far. Clash: PL_DROP_CT_CLASH.
// ct_known: before all that; packets of flows that know their way (pipeline/way.h) are tracked and
//   leave for the short way. Only where the worker has ways.
extern const struct pl_flow_ops ct_flow_ops; // for pl_flow_ops (pipeline/flow_ops.h)
//   With conf = &ct_steer_by_hash by the hash only: for policies that have zones, where what
//   belongs to the few flows whose owner is not where they hash shows behind raw (ct_steer_zones).
extern const struct pl_stage ct_known_stage, ct_steer_stage, ct_steer_zones_stage, ct_lookup_stage,
	ct_confirm_stage;
extern const char ct_steer_by_hash;
void ct_known_run(struct pl_worker *w, const void *conf, struct pl_burst *b);
void ct_steer_run(struct pl_worker *w, const void *conf, struct pl_burst *b);
void ct_steer_zones_run(struct pl_worker *w, const void *conf, struct pl_burst *b);
void ct_lookup_run(struct pl_worker *w, const void *conf, struct pl_burst *b);
void ct_confirm_run(struct pl_worker *w, const void *conf, struct pl_burst *b);
// Frees flows created in this turn that were never confirmed, then lets the timer wheel catch up
// (bounded). It is ct_confirm_stage's idle function.
void ct_turn_end(struct pl_worker *w);

// ---- what nat needs
// -----------------------------------------------------------------------------------
struct ct_tuple ct_entry_tuple(const struct ct_entry *e,
			       enum ct_dir dir); // by value: entries keep it packed
// One end of that: the source of direction dir, or its destination (address whole, IPv4's rest
// zero; ICMP: the identifier). What nat needs for each packet.
void ct_entry_side(const struct ct_entry *e, enum ct_dir dir, bool source, union pl_addr *addr,
		   rte_be16_t *port);
// Addresses (IPv4) and ports of direction dir, as they stand in the flow, for what is done to every
// packet; ports as in ct_entry_side() but for ICMP.
struct ct_pair {
	rte_be32_t src, dst;
	rte_be16_t sport, dport;
};
static inline const struct ct_pair *
ct_entry_pair(const struct ct_entry *e, enum ct_dir dir)
{
	return (const struct ct_pair *)(const void *)e + dir;
}
uint32_t ct_entry_status(const struct ct_entry *e);
void ct_entry_set_status(struct ct_entry *e, uint32_t bits); // ors
void ct_entry_clear_status(struct ct_entry *e, uint32_t bits);
// Ends the flow: out of the index at once, freed (release hook) at the end of the turn. Packets
// that point at it may go on to the end of theirs.
void ct_entry_end(struct pl_worker *w, struct ct_entry *e);
uint32_t ct_entry_mark(const struct ct_entry *e);
// Forgets the flow's ways: rules may ask for the mark. w: whose it is; NULL: nobody is told.
void ct_entry_set_mark(const struct pl_worker *w, struct ct_entry *e, uint32_t mark);
// CT_NAT_AREA bytes for nat, zero in a new flow of t.
void *ct_entry_nat_area(const struct ct_table *t, const struct ct_entry *e);
#define CT_NAT_AREA 16

// Is this reply tuple (or original tuple) known to this worker's table, other than as e's own? For
// ICMP the type and code are taken from e's reply tuple where e is given.
bool ct_tuple_taken(const struct ct_table *t, const struct ct_tuple *tuple,
		    const struct ct_entry *e);
// Asks memory for what ct_tuple_taken() begins with.
void ct_tuple_ahead(const struct ct_table *t, const struct ct_tuple *tuple);
// The tuple is taken: can it be had all the same? True where it is the reply of a translated TCP
// connection in TIME_WAIT (or CLOSE) and e opens a connection with a sequence number beyond it;
// that one is ended then. As Linux since 6.7 does where ports are scarce.
bool ct_tuple_evict(struct pl_worker *w, const struct ct_tuple *tuple, const struct ct_entry *e);
// Replaces e's reply tuple. Until then the reply tuple is the inverse of the original one.
// Only before e is confirmed. ICMP: type and code stay those of the answer, whatever reply says.
void ct_set_reply(struct ct_entry *e, const struct ct_tuple *reply);
// Puts the reply tuple into the index at once, so that no other flow of this worker can choose it.
// 0, -EEXIST (taken meanwhile), -ENOSPC (table full), or -EINPROGRESS: the reply's home is another
// worker (steering hash), which knows whether the tuple is free and must be asked before the
// flow's first packet leaves: now, by ct_ask_home(), or else ct_confirm does.
int ct_reserve_reply(struct pl_worker *w, struct ct_entry *e);
// p, whose flow begins, leaves the burst until the home or homes have answered, and enters the
// running stage again. Where the reply was refused, the flow has CT_S_CLASHED then and no reserved
// reply: ct_set_reply() and ct_reserve_reply() try another. Or p is dropped: no room to wait
// (PARK_FULL), no answer (PARK_LATE). docs/decisions/0303-redirects.md.
void ct_ask_home(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p);
void ct_tuple_invert(struct ct_tuple *out, const struct ct_tuple *in);
// Worker that a packet with this tuple reaches.
uint16_t ct_tuple_home(const struct pl_worker *w, const struct ct_tuple *tuple);

// Inner packet of an ICMP error: the flow that it belongs to and the direction of the quoted
// packet, set by ct_lookup for RELATED packets. Everything else about the quote, nat parses for
// itself.

// ---- listing (owner's thread, through pl_worker_call)
// --------------------------------------------------
struct ct_flow { // a snapshot of one flow
	struct ct_tuple tuple[2];
	uint32_t status; // enum ct_status
	uint32_t mark;
	uint8_t tcp_state; // enum ct_tcp_state
	uint8_t icmp_type, icmp_code;
	uint32_t timeout_sec; // left
	uint64_t packets[2], bytes[2];
	uint16_t worker;
	bool uncounted;	   // packets and bytes are 0: born while acct was off
	uint64_t start_ns; // since 1970; 0: born while timestamp was off
	uint64_t age_ns;   // with start_ns
	uint64_t label[PL_FLOW_LABELS / 64];
};
// Copies up to max flows from *cursor on (0 to start); *cursor is UINT64_MAX after the last one. A
// flow that lives through the whole listing is in it exactly once. Returns how many; 0 does not
// mean the end (work per call is bounded), only the cursor does.
unsigned ct_table_dump(struct ct_table *t, uint64_t now_ns, uint64_t *cursor, struct ct_flow *out,
		       unsigned max);
// The same for flows to be ended: looks at no more than max of them, ends those that are wanted,
// and gives out what these were.
unsigned ct_table_end_some(struct pl_worker *w, uint64_t *cursor, struct ct_flow *out, unsigned max,
			   bool (*want)(const struct ct_flow *flow, const void *arg),
			   const void *arg);

// ---- events: flows are born, change, end; nat's blocks of ports come and go. Told to the control
// thread where somebody listens
enum ct_event_kind {
	CT_EVENT_NEW,	 // confirmed: its first packet got through
	CT_EVENT_UPDATE, // protocol's state, SEEN_REPLY, ASSURED or the mark are not what they were
	CT_EVENT_DESTROY, // counters are final
	CT_EVENT_ASSIGN,  // of a block of ports
	CT_EVENT_RELEASE,
	CT_EVENT_KINDS,
};
#define CT_EVENT_FLOWS ((1 << CT_EVENT_NEW) | (1 << CT_EVENT_UPDATE) | (1 << CT_EVENT_DESTROY))
enum ct_end { // why a flow ended; values of IPFIX's flowEndReason
	CT_END_IDLE = 1,
	CT_END_FINISHED = 3,  // its protocol said so: timed out after FIN or RST, or reopened
	CT_END_FORCED = 4,    // an operator, an address that went, a clash
	CT_END_RESOURCES = 5, // made way in a full table
};
struct ct_block { // ports of a public address that an inside address has to itself
	union pl_addr in, out;
	uint16_t first, last; // ports, host order
	uint16_t zone;
	uint8_t family;
};
struct ct_event {
	uint64_t wall_ns; // since 1970, of the worker's turn
	union {
		struct ct_flow flow;
		struct ct_block block; // ASSIGN, RELEASE
	};
	uint8_t kind; // enum ct_event_kind
	uint8_t why;  // enum ct_end; DESTROY only
};
// A ring for `room` events (rounded up to a power of two) of t, where it has none yet. Control
// thread. 0 or -errno; the table frees it.
int ct_events_create(struct ct_table *t, uint32_t room, int socket);
// From now on t tells these kinds (1 << enum ct_event_kind), if it has a ring. Owner's thread.
void ct_events_want(struct ct_table *t, uint8_t kinds);
// Tells of a block: ASSIGN or RELEASE. Owner's thread.
void ct_event_block(struct pl_worker *w, enum ct_event_kind kind, const struct ct_block *block);
// The oldest ones, at most max; how many. Control thread. What found no room is counted in
// ct_stats.events_lost.
unsigned ct_events_take(struct ct_table *t, struct ct_event *out, unsigned max);

uint32_t ct_table_count(const struct ct_table *t); // relaxed, any thread
uint32_t ct_table_max(const struct ct_table *t);
struct ct_stats {		   // this worker writes, anybody reads with relaxed loads
	uint64_t created;	   // flows confirmed
	uint64_t expired;	   // by time
	uint64_t early_drop;	   // made way in a full table
	uint64_t clash;		   // tuples that their home refused, expectations that gave way
	uint64_t unsent;	   // times a message to another worker had to wait for room
	uint64_t expect_made;	   // flows that helpers announced
	uint64_t expected;	   // and those of them that came
	uint64_t events_lost;	   // that found no room in the ring
	uint64_t invalid_unlogged; // INVALID packets beyond the lines of a second
};
const struct ct_stats *ct_table_stats(const struct ct_table *t);
// Ends all flows (masquerade: address gone; tests). Owner's thread.
unsigned ct_table_flush(struct pl_worker *w, bool (*want)(const struct ct_entry *e, void *arg),
			void *arg);

enum ct_tcp_state {
	CT_TCP_NONE,
	CT_TCP_SYN_SENT,
	CT_TCP_SYN_RECV,
	CT_TCP_ESTABLISHED,
	CT_TCP_FIN_WAIT,
	CT_TCP_CLOSE_WAIT,
	CT_TCP_LAST_ACK,
	CT_TCP_TIME_WAIT,
	CT_TCP_CLOSE,
	CT_TCP_SYN_SENT2,
	CT_TCP_STATES,
};
const char *ct_tcp_state_name(enum ct_tcp_state s); // "ESTABLISHED"; as conntrack -L prints
