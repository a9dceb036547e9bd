#pragma once
// The TCP tracker: states and windows of one flow, as pure functions. Follows Linux 6.x
// (nf_conntrack_proto_tcp): same states, same window bounds, same exceptions.
#include "conntrack/ct_invalid.h"

// What one side has sent and been promised (sequence numbers in host order).
struct ct_tcp_side {
	uint32_t end;	 // highest sequence number sent, plus one
	uint32_t maxend; // highest that the other side's window allows
	uint32_t maxwin; // largest window that this side announced, scaled; 0: this side was not
			 // seen yet
	uint32_t maxack; // highest acknowledgement sent
};

enum ct_tcp_side_flags {
	CT_TCP_F_WSCALE = 1 << 0,     // sent the window scale option
	CT_TCP_F_SACK = 1 << 1,	      // allows selective acknowledgement
	CT_TCP_F_CLOSE_INIT = 1 << 2, // sent the first FIN
	CT_TCP_F_LIBERAL = 1 << 3,    // picked up in the middle: windows are not held against it
	CT_TCP_F_UNACKED = 1 << 4,    // has data on its way that was not acknowledged
	CT_TCP_F_MAXACK = 1 << 5,     // maxack is set
	// only in ct_tcp.last_flags
	CT_TCP_F_CHALLENGE = 1 << 6, // an ACK to come may be an RFC 5961 challenge
	CT_TCP_F_SIMOPEN = 1 << 7,   // both sides sent a SYN
};

// Kinds of segments, by their flags.
enum ct_tcp_kind { CT_TCP_SYN, CT_TCP_SYNACK, CT_TCP_FIN, CT_TCP_ACK, CT_TCP_RST, CT_TCP_BARE };

// 56 bytes of a flow. last_*: the last segment that was let through.
struct ct_tcp {
	uint32_t last_seq, last_ack, last_end;
	struct ct_tcp_side side[2]; // by enum ct_dir
	uint8_t scale[2];
	uint8_t flags[2]; // enum ct_tcp_side_flags
	uint16_t last_win;
	uint8_t state;	    // enum ct_tcp_state
	uint8_t retrans;    // how often the last ACK was repeated
	uint8_t last_flags; // of a SYN that was let through unjudged, with CHALLENGE and SIMOPEN
	uint8_t last_kind : 3, last_dir : 1, last_scale : 4;
	uint16_t unused;
};
static_assert(sizeof(struct ct_tcp) == 56, "fits the entry");

// One segment, host order.
struct ct_tcp_seg {
	uint32_t seq, ack, end; // end: seq + payload + SYN + FIN
	int32_t ack_shift;	// by how much ack and SACK are ahead of what the other side counts
	uint16_t win;
	uint8_t flags; // as in the header
	uint8_t n_opt;
	const uint8_t *opt;
};

enum ct_verdict {
	CT_INVALID, // does not belong: the packet has no flow
	CT_PASS,    // belongs, but changes neither time nor counters
	CT_REFRESH, // belongs: counts, and the flow lives for timeout_ms from now
	CT_COUNT,   // belongs and counts, deadline stays
	CT_KILL,    // belongs and counts, and the flow ends with it
	CT_AGAIN,   // the flow ends, and the packet starts another
};

struct ct_tcp_out {
	uint32_t timeout_ms; // CT_REFRESH; CT_INVALID: the most that the flow may still live, 0: as
			     // it was
	bool assured;	     // the flow is now assured
	uint8_t why;	     // CT_INVALID: enum ct_why
};

static inline enum ct_verdict
ct_is_invalid(struct ct_tcp_out *out, enum ct_why why)
{
	out->why = (uint8_t)why;
	return CT_INVALID;
}

// The segment in the L4 header at l4 (l4_len bytes to the end of the packet, n_head of them
// contiguous). False where it is cut short, lies about its length, or has flags that no TCP sends.
bool ct_tcp_read(struct ct_tcp_seg *seg, const uint8_t *l4, uint32_t n_head, uint32_t l4_len);
// First segment of a flow. False: it cannot start one.
bool ct_tcp_start(struct ct_tcp *tcp, const struct ct_tcp_seg *seg, const struct ct_conf *conf);
// Any segment, the first included. status: the flow's enum ct_status before it; left_ms: until its
// deadline.
enum ct_verdict ct_tcp_segment(struct ct_tcp *tcp, const struct ct_tcp_seg *seg, enum ct_dir dir,
			       uint32_t status, uint32_t left_ms, const struct ct_conf *conf,
			       struct ct_tcp_out *out);
// Is a segment with no flags but ACK and PSH of an ESTABLISHED connection inside both windows, so
// that ct_tcp_segment() would say CT_REFRESH? Changes nothing.
bool ct_tcp_fits(const struct ct_tcp *tcp, const struct ct_tcp_seg *seg, enum ct_dir dir);
// On its way to the end: may make way for others in a full table even if assured.
static inline bool
ct_tcp_closing(const struct ct_tcp *tcp)
{
	return tcp->state >= CT_TCP_FIN_WAIT && tcp->state <= CT_TCP_CLOSE;
}
