#pragma once
// Expectations and helped flows of one worker's table, private to this room. A flow that has a
// helper, that was expected, or that has a timeout policy, has a struct ct_help beside it
// (CT_I_HELP in its status).
#include "conntrack/ct_help.h"
#include "conntrack/ct_seqadj.h"
#include "conntrack/ct_table.h"

#define CT_CLASSES	4
#define CT_EXPECT_MAX	4096 // expectations of one table; nf_conntrack_expect_max's default
#define CT_EXPECT_SLOTS (2 * CT_EXPECT_MAX) // with those that other workers still know of
#define CT_EXPECT_MARK	0x80 // in a key's family: the key of an expectation, its sport is 0

struct ct_helper {
	// Reads one packet that has payload. False: the packet is dropped, for what it asks for
	// cannot be followed.
	bool (*packet)(struct ct_help_pkt *h);
	struct {
		uint8_t max; // expectations of one flow at a time; 0: as many as there may be
		uint32_t ms; // they live so long
	} class[CT_CLASSES];
};
extern const struct ct_helper ct_helper_ftp, ct_helper_sip, ct_helper_tftp;
const struct ct_helper *ct_helper_of(uint8_t id); // enum cfg_helper; NULL: none

struct ct_ftp_state {
	uint32_t line[2][2]; // by direction: where a line began, as far as we know
	uint8_t n[2];	     // of line
};

struct ct_help {
	ct_id flow;		       // 0: free
	uint32_t next;		       // free list
	uint32_t serial;	       // tells the flows apart that had this place
	uint32_t master;	       // its struct ct_help, 0: was not expected
	uint32_t master_serial;	       // the master is that flow while this is its serial
	uint32_t expect;	       // list, newest first
	union pl_addr master_src;      // who began the master
	uint8_t helper, master_helper; // enum cfg_helper
	uint8_t n_expect[CT_CLASSES];
	bool shifted;	  // seq counts
	uint16_t timeout; // number of its timeout policy; 0: none
	struct ct_seqadj seq[2];
	union {
		struct ct_ftp_state ftp;
		struct ct_sip_state sip;
	};
};

struct ct_expect_slot {
	struct ct_expect x;
	uint64_t planted;    // bit per worker that knows of it
	uint32_t next, prev; // of the master's list; withdrawn and free: next
	uint32_t deadline;   // tick
	ct_id master;	     // 0: withdrawn or free
};

struct ct_helps {
	struct ct_index ix; // of what is expected, by key
	struct ct_expect_slot *slot;
	uint32_t used, free;
	uint32_t withdrawn; // list: other workers may still know of these
	uint32_t sweep;	    // slot to look at next for one that is past its time
	struct ct_help *help;
	uint32_t help_room, help_used, help_free;
	char *text; // the payload that is being read
	const struct ct_help_nat *nat;
};

int ct_helps_create(struct ct_helps **out, uint32_t max_entries); // 0 or -errno
void ct_helps_free(struct ct_helps *hs);			  // NULL is fine

// ---- ct_expect.c
// The live one with that tuple, whosever it is, used or not; NULL: none.
struct ct_expect_slot *ct_expect_at(struct ct_table *t, const struct ct_key *k);
void ct_expect_withdraw(struct ct_table *t, struct ct_expect_slot *s);
// The one by which a new flow with this key is expected, NULL: none.
const struct ct_expect_slot *ct_expect_find(struct ct_table *t, const struct ct_key *k);
// The flow came. The slot stays readable until the end of the turn.
void ct_expect_used(struct ct_table *t, const struct ct_expect_slot *used);
void ct_expect_forget(struct ct_table *t, struct ct_help *help); // all of a master's
// Another worker announced this tuple as well and keeps it: ours goes.
void ct_expect_lost(struct ct_table *t, const struct ct_key *k);
void ct_expect_turn(struct ct_table *t); // bounded; every turn
void ct_expect_key(struct ct_key *k, const struct ct_expect *x);

// ---- ct_help.c
static inline struct ct_help *
ct_help_of(const struct ct_table *t, const struct ct_entry *e)
{
	return e->status & CT_I_HELP ? &t->helps->help[ct_extra_at(t, ct_id_of(t, e))->help] : NULL;
}
// Must all of this flow's packets pass ct_help_packet()?
static inline bool
ct_help_watches(const struct ct_table *t, const struct ct_entry *e)
{
	const struct ct_help *help = ct_help_of(t, e);

	return help->helper != CFG_HELPER_NONE || help->shifted;
}
// The settings that hold for a flow: of its timeout policy, or conf.
static inline const struct ct_conf *
ct_times_of(const struct ct_table *t, const struct ct_entry *e, const struct ct_conf *conf)
{
	uint16_t own = ct_help_of(t, e)->timeout;

	return own != 0 && own < conf->n_own ? &conf->own[own] : conf;
}
// A place for e, which had none. NULL: no room.
struct ct_help *ct_help_new(struct ct_table *t, struct ct_entry *e);
void ct_help_end(struct ct_table *t, struct ct_entry *e);  // the flow ends: it expects nothing
void ct_help_free(struct ct_table *t, struct ct_entry *e); // its memory goes
// A new flow's packet p: gives it what was expected of it, or the helper that raw chose. *slot: as
// ct_expect_find() says. False: no room.
bool ct_help_begin(struct ct_table *t, struct ct_entry *e, const struct ct_key *k,
		   const struct pl_pkt *p, const struct ct_expect_slot **slot);
// The flow that p begins was expected so: nat binds it. 0, or a drop reason + 1.
int ct_help_come(struct ct_table *t, struct pl_pkt *p, const struct ct_expect_slot *slot);
// A packet of a helped flow on its way out. False: it was dropped.
bool ct_help_packet(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p);
// TCP: how far what acknowledges the other direction is shifted.
int32_t ct_help_ack_shift(const struct ct_table *t, const struct ct_entry *e, unsigned dir,
			  uint32_t ack);
