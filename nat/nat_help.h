#pragma once
// nat's part of the helpers, private to the room. Worker's thread.
#include "conntrack/ct_help.h"

extern const struct ct_help_nat nat_help;

// ---- nat_payload.c: see struct ct_help_nat
bool nat_payload_put(struct pl_worker *w, struct pl_pkt *p, uint32_t off, const struct ct_text *t);
bool nat_payload_shift(struct pl_pkt *p, enum ct_dir dir, const struct ct_seqadj seq[2]);

// ---- nat_help_ftp.c
bool nat_help_ftp(struct ct_help_pkt *h, enum ct_ftp_command cmd, struct ct_span where,
		  struct ct_expect *x);

// ---- nat_help_sip.c
bool nat_help_sip_message(struct ct_help_pkt *h);
bool nat_help_sip_contact(struct ct_help_pkt *h, struct ct_span where, struct ct_expect *x);
bool nat_help_sip_media(struct ct_help_pkt *h, struct ct_span where, struct ct_expect *rtp,
			struct ct_expect *rtcp, union pl_addr *addr);
bool nat_help_sip_port(struct ct_help_pkt *h, struct ct_span where, uint16_t port);
bool nat_help_sip_media_addr(struct ct_help_pkt *h, uint32_t off, const union pl_addr *addr);
bool nat_help_sip_session(struct ct_help_pkt *h, uint32_t off, const union pl_addr *addr);

// ---- nat_help.c
// Adds *x with its own port where that is free at the other side, else with one above it; bounded.
// The port (host order), 0: none.
uint16_t nat_help_expect(struct ct_help_pkt *h, struct ct_expect *x);
// As the master was translated (nf_nat_follow_master): source to what the master's other side
// sees, destination to where the payload said.
int nat_help_follow(struct pl_worker *w, struct pl_pkt *p, const struct ct_expect *x,
		    const struct ct_entry *master);
