#pragma once
// What a SIP message says (RFC 3261, RFC 4566), for the helper and for nat's part of it: where in
// the text a header's value stands, and addresses and ports in it. All offsets are within the
// message. Pure, bounded by the message. Spellings that count are those of nf_conntrack_sip.
#include "conntrack/ct_help.h"

enum ct_sip_header {
	CT_SIP_CSEQ, // the number
	CT_SIP_FROM, // these three: host and port of the URI
	CT_SIP_TO,
	CT_SIP_CONTACT,
	CT_SIP_VIA, // host and port behind the transport
	CT_SIP_EXPIRES,
	CT_SIP_LENGTH,
};
enum ct_sdp_line { CT_SDP_VERSION, CT_SDP_OWNER, CT_SDP_CONNECTION, CT_SDP_MEDIA, CT_SDP_NONE };

// The first such header from byte `off` on. 1; 0: none; -1: its value makes no sense (*at is then
// where the value begins).
int ct_sip_header(const struct ct_help_pkt *h, uint32_t off, enum ct_sip_header what,
		  struct ct_span *at);
// The same with address and port of the value; 5060 where it names no port. *off: where to look
// from, and behind it from then on; *inside: the last one was in a list that may go on. One with a
// port below 1024 does not count. 1 or 0.
int ct_sip_uri(const struct ct_help_pkt *h, uint32_t *off, enum ct_sip_header what, bool *inside,
	       struct ct_span *at, union pl_addr *addr, rte_be16_t *port);
// Address and port of a request's URI.
int ct_sip_request_uri(const struct ct_help_pkt *h, struct ct_span *at, union pl_addr *addr,
		       rte_be16_t *port);
// Parameters behind byte `off`, up to the next comma: "maddr=", "rport=" ... 1, 0, and -1 where the
// number has no digits.
int ct_sip_addr_param(const struct ct_help_pkt *h, uint32_t off, const char *name, bool brackets,
		      struct ct_span *at, union pl_addr *addr);
int ct_sip_number_param(const struct ct_help_pkt *h, uint32_t off, const char *name,
			struct ct_span *at, uint32_t *value);
// Is the transport parameter behind `off`, if any, this packet's protocol?
bool ct_sip_transport_ok(const struct ct_help_pkt *h, uint32_t off);
// The first such line of the session description from byte `off` on, up to the first `until` line.
int ct_sdp_find(const struct ct_help_pkt *h, uint32_t off, enum ct_sdp_line what,
		enum ct_sdp_line until, struct ct_span *at);
int ct_sdp_addr(const struct ct_help_pkt *h, uint32_t off, union pl_addr *addr);
