// The simple trackers: UDP and its streams, GRE, ICMP requests, all the rest; and the timeouts of
// all of them from the policy. Pure; called by ct_stage.c on the owner's thread. Behaviour and
// default times are those of Linux's nf_conntrack_proto_udp, _gre, _icmp, _icmpv6, _generic.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "conntrack/ct_track.h"

// GRE, UDP-Lite: lives longer, and is assured, from the first packet after an answer.
enum ct_verdict
ct_pair_packet(uint32_t status, uint32_t ms, uint32_t stream_ms, struct ct_tcp_out *out)
{
	out->assured = status & CT_S_SEEN_REPLY;
	out->timeout_ms = out->assured ? stream_ms : ms;
	return CT_REFRESH;
}

bool
ct_icmp_starts(uint8_t proto, uint8_t type)
{
	if (proto == IPPROTO_ICMPV6)
		return type == ICMP6_ECHO_REQUEST || type == 139; // node information query
	return type == ICMP_ECHO || type == ICMP_TIMESTAMP || type == ICMP_INFO_REQUEST ||
	       type == ICMP_ADDRESS;
}

enum ct_verdict
ct_icmp_packet(uint8_t proto, rte_be16_t orig_type_code, const struct ct_conf *conf,
	       struct ct_tcp_out *out)
{
	if (!ct_icmp_starts(proto, (uint8_t)(rte_be_to_cpu_16(orig_type_code) >> 8)))
		return ct_is_invalid(out, CT_WHY_NOT_ASKED);
	out->timeout_ms = proto == IPPROTO_ICMPV6 ? conf->icmpv6_ms : conf->icmp_ms;
	out->assured = false;
	return CT_REFRESH;
}

enum ct_verdict
ct_generic_packet(const struct ct_conf *conf, struct ct_tcp_out *out)
{
	out->timeout_ms = conf->generic_ms;
	out->assured = false;
	return CT_REFRESH;
}

static uint32_t
ms_or(uint32_t seconds, uint32_t kernels)
{
	uint64_t ms = (uint64_t)(seconds != 0 ? seconds : kernels) * 1000;

	return ms < CT_TIMEOUT_MAX_MS ? (uint32_t)ms : CT_TIMEOUT_MAX_MS;
}

static void
sctp_times(uint32_t ms[CT_SCTP_STATES], const struct cfg_conntrack *s)
{
	ms[CT_SCTP_NONE] = ms_or(0, 10); // no sysctl of its own
	ms[CT_SCTP_CLOSED] = ms_or(s->sctp_timeout_closed, 10);
	ms[CT_SCTP_COOKIE_WAIT] = ms_or(s->sctp_timeout_cookie_wait, 3);
	ms[CT_SCTP_COOKIE_ECHOED] = ms_or(s->sctp_timeout_cookie_echoed, 3);
	ms[CT_SCTP_ESTABLISHED] = ms_or(s->sctp_timeout_established, 210);
	ms[CT_SCTP_SHUTDOWN_SENT] = ms_or(s->sctp_timeout_shutdown_sent, 3);
	ms[CT_SCTP_SHUTDOWN_RECD] = ms_or(s->sctp_timeout_shutdown_recd, 3);
	ms[CT_SCTP_SHUTDOWN_ACK_SENT] = ms_or(s->sctp_timeout_shutdown_ack_sent, 3);
	ms[CT_SCTP_HEARTBEAT_SENT] = ms_or(s->sctp_timeout_heartbeat_sent, 30);
	static_assert(CT_SCTP_STATES == 9, "one for each state");
}

void
ct_conf_init(struct ct_conf *conf, const struct cfg_conntrack *s, uint64_t generation)
{
	static const struct cfg_conntrack none;
	if (s == NULL)
		s = &none;
	memset(conf, 0, sizeof(*conf));
	conf->tcp_ms[CT_TCP_NONE] = 0;
	conf->tcp_ms[CT_TCP_SYN_SENT] = ms_or(s->tcp_timeout_syn_sent, 120);
	conf->tcp_ms[CT_TCP_SYN_RECV] = ms_or(s->tcp_timeout_syn_recv, 60);
	conf->tcp_ms[CT_TCP_ESTABLISHED] = ms_or(s->tcp_timeout_established, 432000);
	conf->tcp_ms[CT_TCP_FIN_WAIT] = ms_or(s->tcp_timeout_fin_wait, 120);
	conf->tcp_ms[CT_TCP_CLOSE_WAIT] = ms_or(s->tcp_timeout_close_wait, 60);
	conf->tcp_ms[CT_TCP_LAST_ACK] = ms_or(s->tcp_timeout_last_ack, 30);
	conf->tcp_ms[CT_TCP_TIME_WAIT] = ms_or(s->tcp_timeout_time_wait, 120);
	conf->tcp_ms[CT_TCP_CLOSE] = ms_or(s->tcp_timeout_close, 10);
	conf->tcp_ms[CT_TCP_SYN_SENT2] = ms_or(s->tcp_timeout_syn_sent2, 120);
	conf->tcp_retrans_ms = ms_or(s->tcp_timeout_max_retrans, 300);
	conf->tcp_unack_ms = ms_or(s->tcp_timeout_unacknowledged, 300);
	conf->udp_ms = ms_or(s->udp_timeout, 30);
	conf->udp_stream_ms = ms_or(s->udp_timeout_stream, 120);
	conf->icmp_ms = ms_or(s->icmp_timeout, 30);
	conf->icmpv6_ms = ms_or(s->icmpv6_timeout, 30);
	conf->generic_ms = ms_or(s->generic_timeout, 600);
	conf->gre_ms = ms_or(s->gre_timeout, 30);
	conf->gre_stream_ms = ms_or(s->gre_timeout_stream, 180);
	sctp_times(conf->sctp_ms, s);
	conf->expect_max = s->expect_max;
	conf->tcp_ignore_invalid_rst = s->tcp_ignore_invalid_rst;
	conf->tcp_max_retrans = s->tcp_max_retrans != 0 ? s->tcp_max_retrans : 3;
	conf->max = s->max;
	conf->source_max = s->max_per_source;
	conf->tcp_loose = !s->tcp_loose_off;
	conf->tcp_be_liberal = s->tcp_be_liberal;
	conf->checksum_off = s->checksum_off;
	conf->sw = (struct ct_switches){
		.acct_off = s->acct_off,
		.timestamp = s->timestamp,
		.events_off = s->events == 1, // as value + 1
		.log_invalid = (uint8_t)(s->log_invalid != 0 ? s->log_invalid - 1 : 0),
	};
	conf->generation = generation;
}
