// One packet of a replay as a line of JSON: what happened to it, who decided, and how it left. The
// names are netfilter's; STOLEN is a packet that a stage kept (a fragment, until its datagram is
// whole). Called after the last packet, one thread.
#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>

#include "app/verdicts.h"

static const char *
ct_state_name(uint8_t state)
{
	switch (state) {
	case PL_CT_INVALID:
		return "INVALID";
	case PL_CT_ESTABLISHED:
		return "ESTABLISHED";
	case PL_CT_RELATED:
		return "RELATED";
	case PL_CT_NEW:
		return "NEW";
	case PL_CT_UNTRACKED:
		return "UNTRACKED";
	default:
		return NULL; // never reached connection tracking
	}
}

// A packet without a verdict was kept by a stage: a fragment that became part of a datagram, say.
static const char *
verdict_name(uint8_t verdict)
{
	switch (verdict) {
	case PL_NOTE_ACCEPT:
		return "ACCEPT";
	case PL_NOTE_DROP:
		return "DROP";
	case PL_NOTE_REJECT:
		return "REJECT";
	default:
		return "STOLEN";
	}
}

static json_t *
string_or_null(const char *s)
{
	return s != NULL ? json_string(s) : json_null();
}

static json_t *
tuple(const struct pl_note *n)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	int family = n->family == 6 ? AF_INET6 : AF_INET;

	if (n->verdict != PL_NOTE_ACCEPT || n->family == 0)
		return json_null();
	inet_ntop(family, &n->src, src, sizeof(src));
	inet_ntop(family, &n->dst, dst, sizeof(dst));
	return json_pack("{s:s, s:s, s:i, s:i, s:i}", "src", src, "dst", dst, "protocol", n->proto,
			 "sport", ntohs(n->sport), "dport", ntohs(n->dport));
}

static json_t *
egress(const struct pl_note *n, const char *const *port_name)
{
	if (n->verdict != PL_NOTE_ACCEPT)
		return json_null();
	if (n->to_host)
		return json_string("host");
	return n->egress == PL_PORT_NONE ? json_null() : json_string(port_name[n->egress]);
}

int
app_verdict_write(FILE *to, const struct app_verdict *v, const char *const *port_name)
{
	const struct pl_note *n = &v->note;
	bool dropped = n->verdict == PL_NOTE_DROP || n->verdict == PL_NOTE_REJECT;
	// Rules that accepted before the data path dropped the packet did not decide it.
	bool by_rule = n->table != NULL &&
		       (!dropped || n->drop == PL_DROP_RULE || n->drop == PL_DROP_CHAIN_POLICY ||
			n->drop == PL_DROP_REJECT || n->drop == PL_DROP_HOTDROP);
	char time[32];
	json_t *line;
	int ret;

	snprintf(time, sizeof(time), "%llu.%09llu", (unsigned long long)(v->time_ns / 1000000000u),
		 (unsigned long long)(v->time_ns % 1000000000u));
	line = json_pack("{s:i, s:s, s:f, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "index",
			 (int)n->index, "port", v->port, "time", strtod(time, NULL), "ct_state",
			 string_or_null(ct_state_name(n->ct_state)), "verdict",
			 verdict_name(n->verdict), "table",
			 string_or_null(by_rule ? n->table : NULL), "chain",
			 string_or_null(by_rule ? n->chain : NULL), "rule_number",
			 by_rule ? json_integer(n->rule) : json_null(), "translated_tuple",
			 tuple(n), "egress_port", egress(n, port_name), "reason",
			 string_or_null(dropped ? pl_drop_name((enum pl_drop)n->drop) : NULL));
	if (line == NULL)
		return -ENOMEM;
	ret = json_dumpf(line, to, JSON_COMPACT | JSON_REAL_PRECISION(17)) < 0 ||
			      fputc('\n', to) == EOF
		      ? -EIO
		      : 0;
	json_decref(line);
	return ret;
}
