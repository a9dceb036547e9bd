#pragma once
// The SCTP tracker: states and verification tags of one association. Follows Linux 6.x
// (nf_conntrack_proto_sctp): same states, same tag checks.
#include "conntrack/ct_tcp.h"

enum ct_sctp_state { // names as conntrack -L prints them
	CT_SCTP_NONE,
	CT_SCTP_CLOSED,
	CT_SCTP_COOKIE_WAIT,
	CT_SCTP_COOKIE_ECHOED,
	CT_SCTP_ESTABLISHED,
	CT_SCTP_SHUTDOWN_SENT,
	CT_SCTP_SHUTDOWN_RECD,
	CT_SCTP_SHUTDOWN_ACK_SENT,
	CT_SCTP_HEARTBEAT_SENT,
	CT_SCTP_STATES,
};

struct ct_sctp {
	rte_be32_t vtag[2]; // by direction: the tag that its packets must carry
	uint8_t state;	    // enum ct_sctp_state
	uint8_t tag_failed; // a heartbeat had a new tag; its answer may confirm it
	uint8_t last_dir;   // of that heartbeat
};

// Any packet of an association; the first (not confirmed) one starts it. p's checksum was checked.
enum ct_verdict ct_sctp_packet(struct ct_sctp *s, const struct pl_pkt *p, enum ct_dir dir,
			       uint32_t status, const struct ct_conf *conf, struct ct_tcp_out *out);
// CRC32c of the whole packet (RFC 9260 appendix A).
bool ct_sctp_crc_ok(const struct pl_pkt *p);

static inline bool
ct_sctp_closing(const struct ct_sctp *s)
{
	return s->state >= CT_SCTP_SHUTDOWN_SENT && s->state <= CT_SCTP_SHUTDOWN_ACK_SENT;
}
