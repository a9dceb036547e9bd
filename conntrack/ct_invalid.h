#pragma once
// Why a packet is INVALID, and the log lines about it (nf_conntrack_log_invalid): see ct_invalid.c.
#include "conntrack/ct.h"

// The name, and what the log says: short enough for a line's prefix (PL_EVENT_TEXT).
#define CT_WHY_LIST(X)                                                                             \
	X(HEADER, "header cut short or wrong")                                                     \
	X(LENGTH, "length field lies")                                                             \
	X(CSUM, "bad checksum")                                                                    \
	X(NO_CSUM, "checksum missing")                                                             \
	X(FRAGMENT, "fragment without its datagram")                                               \
	X(FLAGS, "flags that no TCP sends")                                                        \
	X(ICMP_TYPE, "unknown ICMP type or family")                                                \
	X(NO_QUOTE, "error quotes nothing readable")                                               \
	X(NO_FLOW, "error about no known flow")                                                    \
	X(NOT_SENDER, "error not to the quoted sender")                                            \
	X(NOT_ASKED, "answer that nobody asked for")                                               \
	X(NO_START, "cannot begin a connection")                                                   \
	X(STATE, "does not fit the state")                                                         \
	X(RST, "reset of what was acknowledged")                                                   \
	X(WINDOW, "outside the window")                                                            \
	X(CHUNKS, "chunks cut short or misplaced")                                                 \
	X(TAG, "wrong verification tag")                                                           \
	X(NO_NEXT, "no next header")

enum ct_why {
	CT_WHY_NONE,
#define X(name, text) CT_WHY_##name,
	CT_WHY_LIST(X)
#undef X
};

// A line about a packet that is INVALID, where the policy wants one about its protocol. At most
// CT_INVALID_LINES a second of a worker, and what control writes is bounded besides (log.rate of
// ringwall.conf); what is left out is counted. Owner's thread.
#define CT_INVALID_LINES 100
void ct_invalid_log(struct ct_table *t, const struct pl_pkt *p, enum ct_why why);
