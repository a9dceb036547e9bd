// The conntrack settings of a policy as a table: name, where it is stored, the kernel's default.
//
// Used by the YAML reader and writer. Defaults are those of Linux 6.1, but for acct and the bounds
// of reassembly in bytes; a field that is 0 means the default, so that a policy that says nothing
// changes nothing. Timeouts are of nf_conntrack, those of fragments of the reassembly before it.
#include "config/ct_settings.h"

#include <string.h>

#define NUM(field, def, what)                                                                      \
	{                                                                                          \
#field, offsetof(struct cfg_conntrack, field), false, false, false, def, what,     \
			INT32_MAX                                                                  \
	}
#define NUM_FROM_0(field, def, what, max)                                                          \
	{                                                                                          \
#field, offsetof(struct cfg_conntrack, field), false, false, true, def, what, max  \
	}
// off: name and field say the opposite.
#define FLAG(name, field, off, def)                                                                \
	{                                                                                          \
#name, offsetof(struct cfg_conntrack, field), true, off, false, def, NULL, 1       \
	}

const struct cfg_ct_row cfg_ct_row[] = {
	NUM(max, 262144, "flows"),
	NUM(max_per_source, 0, "flows"),
	NUM(generic_timeout, 600, "seconds"),
	NUM(tcp_timeout_syn_sent, 120, "seconds"),
	NUM(tcp_timeout_syn_recv, 60, "seconds"),
	NUM(tcp_timeout_established, 432000, "seconds"),
	NUM(tcp_timeout_fin_wait, 120, "seconds"),
	NUM(tcp_timeout_close_wait, 60, "seconds"),
	NUM(tcp_timeout_last_ack, 30, "seconds"),
	NUM(tcp_timeout_time_wait, 120, "seconds"),
	NUM(tcp_timeout_close, 10, "seconds"),
	NUM(tcp_timeout_max_retrans, 300, "seconds"),
	NUM(tcp_timeout_unacknowledged, 300, "seconds"),
	NUM(udp_timeout, 30, "seconds"),
	NUM(udp_timeout_stream, 120, "seconds"),
	NUM(icmp_timeout, 30, "seconds"),
	NUM(icmpv6_timeout, 30, "seconds"),
	NUM(gre_timeout, 30, "seconds"),
	NUM(gre_timeout_stream, 180, "seconds"),
	NUM(sctp_timeout_closed, 10, "seconds"),
	NUM(sctp_timeout_cookie_wait, 3, "seconds"),
	NUM(sctp_timeout_cookie_echoed, 3, "seconds"),
	NUM(sctp_timeout_established, 210, "seconds"),
	NUM(sctp_timeout_shutdown_sent, 3, "seconds"),
	NUM(sctp_timeout_shutdown_recd, 3, "seconds"),
	NUM(sctp_timeout_shutdown_ack_sent, 3, "seconds"),
	NUM(sctp_timeout_heartbeat_sent, 30, "seconds"),
	NUM(frag6_timeout, 60, "seconds"),
	NUM(frag6_high_thresh, 0, "bytes"),
	NUM(ipfrag_time, 30, "seconds"),
	NUM(ipfrag_high_thresh, 0, "bytes"),
	NUM_FROM_0(ipfrag_max_dist, 64, "fragments", INT32_MAX),
	NUM(expect_max, 4096, "flows"),
	NUM(tcp_max_retrans, 3, "packets"),
	NUM_FROM_0(events, 2, "when flows tell", 2),
	NUM_FROM_0(log_invalid, 0, "a protocol, 255 for all", 255),
	FLAG(acct, acct_off, true, 1),
	FLAG(checksum, checksum_off, true, 1),
	FLAG(tcp_be_liberal, tcp_be_liberal, false, 0),
	FLAG(tcp_ignore_invalid_rst, tcp_ignore_invalid_rst, false, 0),
	FLAG(tcp_loose, tcp_loose_off, true, 1),
	FLAG(timestamp, timestamp, false, 0),
};
const size_t cfg_ct_rows = sizeof(cfg_ct_row) / sizeof(cfg_ct_row[0]);

const struct cfg_ct_row *
cfg_ct_find(const char *name)
{
	for (size_t i = 0; i < cfg_ct_rows; i++)
		if (strcmp(cfg_ct_row[i].name, name) == 0)
			return &cfg_ct_row[i];
	return NULL;
}

// Sysctls that there are in Linux and not here. A name that ends in '*' stands for all that begin
// so.
static const struct {
	const char *name, *instead;
} elsewhere[] = {
	{"buckets", "the tables are made at the start, as large as sizes.flows in ringwall.conf"},
	{"count", "it is read only: `ringwall stats` shows it"},
	{"dccp_*", "DCCP is tracked like any protocol without ports of its own: generic_timeout"},
	{"frag6_low_thresh", "Linux has not looked at it since 4.17; frag6_high_thresh bounds"},
	{"helper", "no helper is attached by itself, only by rules: jump CT with helper"},
	{"ip6frag_*", "what passes is put together by conntrack: the frag6_ settings"},
	{"ipfrag_low_thresh", "Linux has not looked at it since 4.17; ipfrag_high_thresh bounds"},
	{"ipfrag_secret_interval", "Linux has not looked at it since 3.17"},
	{"tcp_no_window_check", "tcp_be_liberal is its name in Linux"},
};

const char *
cfg_ct_elsewhere(const char *name)
{
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		const char *star = strchr(elsewhere[i].name, '*');
		size_t n = star != NULL ? (size_t)(star - elsewhere[i].name) : strlen(name) + 1;

		if (strncmp(elsewhere[i].name, name, n) == 0)
			return elsewhere[i].instead;
	}
	return NULL;
}

static uint32_t
stored(const struct cfg_conntrack *c, const struct cfg_ct_row *row)
{
	const char *at = (const char *)c + row->offset;

	return row->flag ? *(const bool *)at : *(const uint32_t *)at;
}

bool
cfg_ct_said(const struct cfg_conntrack *c, const struct cfg_ct_row *row)
{
	return row->flag ? cfg_ct_get(c, row) != row->value : stored(c, row) != 0;
}

uint32_t
cfg_ct_get(const struct cfg_conntrack *c, const struct cfg_ct_row *row)
{
	uint32_t is = stored(c, row);

	if (row->flag)
		return (is != 0) != row->off;
	return is != 0 ? is - row->zero : row->value;
}

void
cfg_ct_set(struct cfg_conntrack *c, const struct cfg_ct_row *row, uint32_t value)
{
	char *at = (char *)c + row->offset;

	if (row->flag)
		*(bool *)at = (value != 0) != row->off;
	else
		*(uint32_t *)at = value + row->zero;
}
