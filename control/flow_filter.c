// Flows as a request names them and as an answer shows them. Addresses and ports of a filter are
// those of the original direction, as conntrack -L -s -d has it. Called by cmd_flows.c, main
// thread; pure.
#include "control/flow_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ctl_int.h"

#define PROTO_UDPLITE 136

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{"icmp", IPPROTO_ICMP},	    {"tcp", IPPROTO_TCP},	{"udp", IPPROTO_UDP},
	{"dccp", IPPROTO_DCCP},	    {"gre", IPPROTO_GRE},	{"esp", IPPROTO_ESP},
	{"ah", IPPROTO_AH},	    {"icmpv6", IPPROTO_ICMPV6}, {"sctp", IPPROTO_SCTP},
	{"udplite", PROTO_UDPLITE},
};

static int
parse_protocol(struct ctl_client *cl, const json_t *request, int *out)
{
	const char *text = ctl_arg_text(request, "protocol");
	char *end = NULL;
	unsigned long n;

	*out = -1;
	if (text == NULL)
		return 0;
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(protocols[i].name, text) == 0) {
			*out = protocols[i].number;
			return 0;
		}
	}
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > 255)
		return ctl_fail(cl, -EINVAL,
				"'protocol' is \"%.64s\": expected a name such as tcp, or 0 to 255",
				text);
	*out = (int)n;
	return 0;
}

static int
parse_addr(struct ctl_client *cl, const json_t *request, const char *name, union pl_addr *addr,
	   uint8_t *family, uint8_t *len)
{
	const char *text = ctl_arg_text(request, name);
	char copy[INET6_ADDRSTRLEN + 4], *slash, *end = NULL;
	unsigned long bits;

	if (text == NULL)
		return 0;
	if (strlen(text) >= sizeof(copy))
		goto bad;
	strcpy(copy, text);
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash++ = '\0';
	if (inet_pton(AF_INET, copy, &addr->v4) == 1)
		*family = 4;
	else if (inet_pton(AF_INET6, copy, addr->v6) == 1)
		*family = 6;
	else
		goto bad;
	*len = *family == 4 ? 32 : 128;
	if (slash == NULL)
		return 0;
	bits = strtoul(slash, &end, 10);
	if (*slash < '0' || *slash > '9' || *end != '\0' || bits > *len)
		goto bad;
	*len = (uint8_t)bits;
	return 0;
bad:
	return ctl_fail(cl, -EINVAL,
			"'%s' is \"%.64s\": expected an address, or a network such as 10.0.0.0/8",
			name, text);
}

static int
parse_port(struct ctl_client *cl, const json_t *request, const char *name, int *out)
{
	const json_t *port = json_object_get(request, name);
	json_int_t n = json_integer_value(port);

	*out = -1;
	if (port == NULL)
		return 0;
	if (n < 0 || n > UINT16_MAX)
		return ctl_fail(cl, -EINVAL,
				"'%s' is %" JSON_INTEGER_FORMAT ": expected 0 to 65535", name, n);
	*out = (int)n;
	return 0;
}

static int
parse_state(struct ctl_client *cl, const json_t *request, struct ctl_flow_filter *f)
{
	const char *text = ctl_arg_text(request, "state");

	f->tcp_state = -1;
	if (text == NULL)
		return 0;
	for (int s = CT_TCP_SYN_SENT; s < CT_TCP_STATES; s++) {
		if (strcmp(ct_tcp_state_name(s), text) == 0) {
			f->tcp_state = s;
			return 0;
		}
	}
	if (strcmp(text, "ASSURED") == 0)
		f->status_on = CT_S_ASSURED;
	else if (strcmp(text, "UNREPLIED") == 0)
		f->status_off = CT_S_SEEN_REPLY;
	else
		return ctl_fail(cl, -EINVAL,
				"'state' is \"%.64s\": expected a TCP state such as ESTABLISHED, "
				"or ASSURED or UNREPLIED",
				text);
	return 0;
}

int
ctl_flow_filter_parse(struct ctl_client *cl, const json_t *request, struct ctl_flow_filter *f)
{
	int family, ret;

	memset(f, 0, sizeof(*f));
	ret = ctl_arg_family(cl, request, 0, &family);
	f->family = family == CFG_IPV4 ? 4 : family == CFG_IPV6 ? 6 : 0;
	if (ret == 0)
		ret = parse_protocol(cl, request, &f->proto);
	if (ret == 0)
		ret = parse_addr(cl, request, "src", &f->src.addr, &f->src.family, &f->src.len);
	if (ret == 0)
		ret = parse_addr(cl, request, "dst", &f->dst.addr, &f->dst.family, &f->dst.len);
	if (ret == 0)
		ret = parse_port(cl, request, "sport", &f->sport);
	if (ret == 0)
		ret = parse_port(cl, request, "dport", &f->dport);
	if (ret == 0)
		ret = parse_state(cl, request, f);
	return ret;
}

static bool
in_prefix(const union pl_addr *addr, const union pl_addr *net, uint8_t len)
{
	unsigned whole = len / 8, rest = len % 8;

	if (memcmp(addr->v6, net->v6, whole) != 0)
		return false;
	return rest == 0 || ((addr->v6[whole] ^ net->v6[whole]) >> (8 - rest)) == 0;
}

// Does the protocol have ports? Then sport and dport are ports, else an ICMP identifier or nothing.
static bool
has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP || proto == PROTO_UDPLITE;
}

bool
ctl_flow_filter_wants(const struct ctl_flow_filter *f, const struct ct_flow *flow)
{
	const struct ct_tuple *t = &flow->tuple[CT_ORIGINAL];

	if ((f->family != 0 && f->family != t->family) || (f->proto >= 0 && f->proto != t->proto))
		return false;
	if (f->src.family != 0 &&
	    (f->src.family != t->family || !in_prefix(&t->src, &f->src.addr, f->src.len)))
		return false;
	if (f->dst.family != 0 &&
	    (f->dst.family != t->family || !in_prefix(&t->dst, &f->dst.addr, f->dst.len)))
		return false;
	if (f->sport >= 0 && (!has_ports(t->proto) || f->sport != ntohs(t->sport)))
		return false;
	if (f->dport >= 0 && (!has_ports(t->proto) || f->dport != ntohs(t->dport)))
		return false;
	if (f->tcp_state >= 0 && (t->proto != IPPROTO_TCP || f->tcp_state != flow->tcp_state))
		return false;
	return (flow->status & f->status_on) == f->status_on && (flow->status & f->status_off) == 0;
}

static const char *
protocol_name(uint8_t proto)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (protocols[i].number == proto)
			return protocols[i].name;
	return "unknown";
}

static json_t *
side_view(const struct ct_flow *flow, enum ct_dir dir)
{
	const struct ct_tuple *t = &flow->tuple[dir];
	int af = t->family == 6 ? AF_INET6 : AF_INET;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	json_t *view;

	inet_ntop(af, &t->src, src, sizeof(src));
	inet_ntop(af, &t->dst, dst, sizeof(dst));
	view = json_pack("{s:s, s:s, s:I, s:I}", "src", src, "dst", dst, "packets",
			 (json_int_t)flow->packets[dir], "bytes", (json_int_t)flow->bytes[dir]);
	if (has_ports(t->proto)) {
		json_object_set_new(view, "sport", json_integer(ntohs(t->sport)));
		json_object_set_new(view, "dport", json_integer(ntohs(t->dport)));
	} else if (t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6) {
		json_object_set_new(view, "type", json_integer(t->icmp_type));
		json_object_set_new(view, "code", json_integer(t->icmp_code));
		json_object_set_new(view, "id", json_integer(ntohs(t->sport)));
	}
	if (t->zone != 0)
		json_object_set_new(view, "zone", json_integer(t->zone));
	return view;
}

json_t *
ctl_flow_view(const struct ct_flow *flow)
{
	const struct ct_tuple *t = &flow->tuple[CT_ORIGINAL];
	json_t *view = json_pack(
		"{s:s, s:s, s:i, s:I, s:b, s:b, s:b, s:b, s:I, s:i, s:o, s:o}", "family",
		t->family == 6 ? "ipv6" : "ipv4", "protocol", protocol_name(t->proto),
		"protocol_number", (int)t->proto, "timeout_sec", (json_int_t)flow->timeout_sec,
		"seen_reply", (flow->status & CT_S_SEEN_REPLY) != 0, "assured",
		(flow->status & CT_S_ASSURED) != 0, "snat", (flow->status & CT_S_SRC_NAT) != 0,
		"dnat", (flow->status & CT_S_DST_NAT) != 0, "mark", (json_int_t)flow->mark,
		"worker", (int)flow->worker, "original", side_view(flow, CT_ORIGINAL), "reply",
		side_view(flow, CT_REPLY));

	if (t->proto == IPPROTO_TCP)
		json_object_set_new(view, "state", json_string(ct_tcp_state_name(flow->tcp_state)));
	return view;
}
