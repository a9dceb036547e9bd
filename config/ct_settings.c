// The conntrack settings of a policy as a table: name, where it is stored, the kernel's default.
//
// Used by the YAML reader and writer. Defaults are those of nf_conntrack in Linux 6.1; a field that
// is 0 means that default, so that a policy that says nothing changes nothing.
#include "config/ct_settings.h"

#include <string.h>

#define NUM(field, def, what)                                                                      \
	{                                                                                          \
#field, offsetof(struct cfg_conntrack, field), false, false, def, what             \
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
	NUM(expect_max, 4096, "flows"),
	{"checksum", offsetof(struct cfg_conntrack, checksum_off), true, true, 1, NULL},
	{"tcp_ignore_invalid_rst", offsetof(struct cfg_conntrack, tcp_ignore_invalid_rst), true,
	 false, 0, NULL},
	{"tcp_be_liberal", offsetof(struct cfg_conntrack, tcp_be_liberal), true, false, 0, NULL},
	{"tcp_loose", offsetof(struct cfg_conntrack, tcp_loose_off), true, true, 1, NULL},
	NUM(tcp_max_retrans, 3, "packets"),
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
	{"acct", "every flow counts, there is nothing to switch"},
	{"buckets", "sizes.flows in ringwall.conf makes the tables"},
	{"count", "it is read only: `ringwall stats` shows it"},
	{"dccp_*", "DCCP is tracked like any protocol without ports of its own: generic_timeout"},
	{"events", "flows tell what happens to them as soon as somebody listens: `ringwall flows "
		   "--follow`, or flow-log in ringwall.conf"},
	{"frag6_*", "sizes.fragments in ringwall.conf bounds reassembly"},
	{"helper", "no helper is attached by itself, only by rules: jump CT with helper"},
	{"ipfrag_*", "sizes.fragments in ringwall.conf bounds reassembly"},
	{"log_invalid", "a rule does it: ctstate INVALID, jump LOG"},
	{"timestamp",
	 "births and ends have their time in `ringwall flows --follow` and in flow-log"},
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

uint32_t
cfg_ct_get(const struct cfg_conntrack *c, const struct cfg_ct_row *row)
{
	const char *at = (const char *)c + row->offset;

	if (row->flag)
		return *(const bool *)at != row->off;
	return *(const uint32_t *)at;
}

void
cfg_ct_set(struct cfg_conntrack *c, const struct cfg_ct_row *row, uint32_t value)
{
	char *at = (char *)c + row->offset;

	if (row->flag)
		*(bool *)at = (value != 0) != row->off;
	else
		*(uint32_t *)at = value;
}
