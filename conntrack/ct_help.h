#pragma once
// Helpers: who reads in a flow's payload which other flows will come of it (FTP's data connections,
// TFTP's transfers), what is expected then, and the hook through which nat has its say. conntrack
// calls, nat fills in struct ct_help_nat. Owner's thread only. Follows Linux's nf_conntrack_helper,
// nf_conntrack_expect and nf_conntrack_seqadj.
#include "conntrack/ct.h"
#include "conntrack/ct_text.h"

enum ct_expect_flags {
	CT_E_PERMANENT = 1 << 0, // the flow that comes does not use it up
	CT_E_INACTIVE = 1 << 1,	 // nothing is let come yet
};

// A flow that will come: from src and whatever port to dst and dport.
struct ct_expect {
	union pl_addr src, dst;
	rte_be16_t dport;
	uint16_t zone;
	uint8_t family, proto;
	uint8_t class;	     // which of the helper's limits it counts for
	uint8_t flags;	     // enum ct_expect_flags
	uint8_t helper;	     // enum cfg_helper that the flow gets
	uint32_t timeout_ms; // it is let come so long
	// nat's: binds the flow that came (p->ct, its first packet p); 0 or a drop reason + 1.
	// NULL: the nat table decides.
	int (*bind)(struct pl_worker *w, struct pl_pkt *p, const struct ct_expect *x,
		    const struct ct_entry *master);
	union pl_addr saved_addr; // nat's: where the payload said
	rte_be16_t saved_port;
	uint8_t dir; // nat's: enum ct_dir of the master, the one in which the flow begins
};

// Numbers that both ends of a TCP connection see shifted because payload was made longer or
// shorter: those of one direction. Host order.
struct ct_seqadj {
	uint32_t pos;	       // of the last change, as its sender counts
	int32_t before, after; // what is added up to there, and behind it
};

static inline bool
ct_seq_after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

// What is added to a number that the sender of this direction wrote.
static inline int32_t
ct_seqadj_of(const struct ct_seqadj *s, uint32_t seq)
{
	return ct_seq_after(seq, s->pos) ? s->after : s->before;
}

// What is taken from a number with which the other end acknowledges this direction.
static inline int32_t
ct_seqadj_of_ack(const struct ct_seqadj *s, uint32_t ack)
{
	return ct_seq_after(ack - (uint32_t)s->before, s->pos) ? s->after : s->before;
}

struct ct_help_nat;

// One packet in a helper's hands.
struct ct_help_pkt {
	struct pl_worker *w;
	struct pl_pkt *p;
	struct ct_entry *e;
	struct ct_text text;
	uint32_t seq; // TCP: of the payload's first byte, as its sender counts
	enum ct_dir dir;
	const struct ct_help_nat *nat; // NULL: the flow is not translated
};

enum ct_ftp_command { CT_FTP_PORT, CT_FTP_EPRT, CT_FTP_PASV, CT_FTP_EPSV };

// What nat does for helpers. Where a function says false the packet is dropped.
struct ct_help_nat {
	// The text was changed: puts it into the packet, in the place of what stands from byte
	// `off` of the frame to the end; lengths and checksums follow.
	bool (*payload)(struct pl_worker *w, struct pl_pkt *p, uint32_t off,
			const struct ct_text *t);
	// Shifts sequence, acknowledgement and SACK numbers. seq: of both directions.
	bool (*shift)(struct pl_pkt *p, enum ct_dir dir, const struct ct_seqadj seq[2]);
	// Adds *x, which the command at `where` of the text announces, as it will arrive here, and
	// writes into the text what the other side is to see.
	bool (*ftp)(struct ct_help_pkt *h, enum ct_ftp_command cmd, struct ct_span where,
		    struct ct_expect *x);
	bool (*tftp)(struct ct_help_pkt *h, struct ct_expect *x); // adds *x likewise
	// SIP. Rewrites the message's own addresses, after all else was done with it.
	bool (*sip_message)(struct ct_help_pkt *h);
	// Adds *x, the registration that the address at `where` announces, and rewrites that.
	bool (*sip_contact)(struct ct_help_pkt *h, struct ct_span where, struct ct_expect *x);
	// Adds both, RTP and RTCP, of the media line at `where`, and rewrites its port. *addr: the
	// media's address as the other side is to see it.
	bool (*sip_media)(struct ct_help_pkt *h, struct ct_span where, struct ct_expect *rtp,
			  struct ct_expect *rtcp, union pl_addr *addr);
	// Writes another port into the media line.
	bool (*sip_port)(struct ct_help_pkt *h, struct ct_span where, uint16_t port);
	// Writes addr into the connection line of the media line at `off`.
	bool (*sip_media_addr)(struct ct_help_pkt *h, uint32_t off, const union pl_addr *addr);
	// Writes addr into the session's owner and connection lines.
	bool (*sip_session)(struct ct_help_pkt *h, uint32_t off, const union pl_addr *addr);
};
struct ct_sip_state {
	uint32_t invite_cseq, register_cseq;
	rte_be16_t forced_dport; // answers go there; 0: where they are addressed to
};
struct ct_sip_state *ct_help_sip(const struct ct_help_pkt *h);
// The next expectation of a master after *at (0: the first); NULL: no more.
const struct ct_expect *ct_expect_next(const struct pl_worker *w, const struct ct_entry *master,
				       uint32_t *at);

void ct_help_set_nat(struct ct_table *t, const struct ct_help_nat *nat);

// *x for a flow of h's master, with the limits of its helper; class: one of those.
void ct_expect_init(const struct ct_help_pkt *h, struct ct_expect *x, unsigned class,
		    const union pl_addr *src, const union pl_addr *dst, uint8_t proto,
		    rte_be16_t dport);
// From now on the flow is expected, by all workers. One that the same master expects already with
// the same tuple is replaced; where it expects more than it may, its oldest goes. -EBUSY: another
// flow expects that tuple (-EALREADY where that is all right with the caller); -EMFILE, -ENOSPC:
// too many.
int ct_expect_add(const struct ct_help_pkt *h, const struct ct_expect *x, bool others_too);
// No longer: the one that the master expects with this tuple.
void ct_expect_remove(const struct ct_help_pkt *h, const struct ct_expect *x);
