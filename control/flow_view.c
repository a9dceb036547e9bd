// A flow as JSON, as the control protocol shows it, and the names of protocols. Called by the flow
// commands (cmd_flows.c) and by the filter, which workers run too where flows are deleted; pure,
// and what is made belongs to the caller.
#include "control/flow_view.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>

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

int
ctl_flow_protocol(const char *name)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (strcmp(protocols[i].name, name) == 0)
			return protocols[i].number;
	return -1;
}

bool
ctl_flow_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_DCCP || proto == PROTO_UDPLITE;
}

bool
ctl_flow_has_id(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

const char *
ctl_flow_protocol_name(uint8_t proto)
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
	view = json_pack("{s:s, s:s, s:i}", "src", src, "dst", dst, "zone", (int)t->zone);
	if (!flow->uncounted) {
		json_object_set_new(view, "packets", json_integer((json_int_t)flow->packets[dir]));
		json_object_set_new(view, "bytes", json_integer((json_int_t)flow->bytes[dir]));
	}
	if (ctl_flow_has_ports(t->proto)) {
		json_object_set_new(view, "sport", json_integer(ntohs(t->sport)));
		json_object_set_new(view, "dport", json_integer(ntohs(t->dport)));
	} else if (ctl_flow_has_id(t->proto)) {
		json_object_set_new(view, "type", json_integer(t->icmp_type));
		json_object_set_new(view, "code", json_integer(t->icmp_code));
		json_object_set_new(view, "id", json_integer(ntohs(t->sport)));
	}
	return view;
}

static bool
has_label(const struct ct_flow *flow, unsigned bit)
{
	return flow->label[bit / 64] >> bit % 64 & 1;
}

static json_t *
labels_view(const struct ct_flow *flow)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < PL_FLOW_LABELS; i++)
		if (has_label(flow, i))
			json_array_append_new(list, json_integer((json_int_t)i));
	return list;
}

json_t *
ctl_flow_view(const struct ct_flow *flow)
{
	const struct ct_tuple *t = &flow->tuple[CT_ORIGINAL];
	json_t *view = json_pack(
		"{s:s, s:s, s:i, s:I, s:b, s:b, s:b, s:b, s:I, s:i, s:o, s:o}", "family",
		t->family == 6 ? "ipv6" : "ipv4", "protocol", ctl_flow_protocol_name(t->proto),
		"protocol_number", (int)t->proto, "timeout_sec", (json_int_t)flow->timeout_sec,
		"seen_reply", (flow->status & CT_S_SEEN_REPLY) != 0, "assured",
		(flow->status & CT_S_ASSURED) != 0, "snat", (flow->status & CT_S_SRC_NAT) != 0,
		"dnat", (flow->status & CT_S_DST_NAT) != 0, "mark", (json_int_t)flow->mark,
		"worker", (int)flow->worker, "original", side_view(flow, CT_ORIGINAL), "reply",
		side_view(flow, CT_REPLY));

	if (t->proto == IPPROTO_TCP)
		json_object_set_new(view, "state", json_string(ct_tcp_state_name(flow->tcp_state)));
	if ((flow->label[0] | flow->label[1]) != 0)
		json_object_set_new(view, "labels", labels_view(flow));
	if (flow->start_ns != 0) {
		json_object_set_new(view, "start_us",
				    json_integer((json_int_t)(flow->start_ns / 1000)));
		json_object_set_new(view, "duration_us",
				    json_integer((json_int_t)(flow->age_ns / 1000)));
	}
	return view;
}

// ---- the same by hand: thousands of events a second are too many for objects

struct line {
	char *at;
	size_t left;
};

static void put(struct line *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
put(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->at, l->left, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < l->left) {
		l->at += n;
		l->left -= (size_t)n;
	}
}

static const char *
truth(bool is)
{
	return is ? "true" : "false";
}

static void
put_side(struct line *l, const char *name, const struct ct_flow *flow, enum ct_dir dir)
{
	const struct ct_tuple *t = &flow->tuple[dir];
	int af = t->family == 6 ? AF_INET6 : AF_INET;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

	inet_ntop(af, &t->src, src, sizeof(src));
	inet_ntop(af, &t->dst, dst, sizeof(dst));
	put(l, ",\"%s\":{\"src\":\"%s\",\"dst\":\"%s\",\"zone\":%u", name, src, dst, t->zone);
	if (!flow->uncounted)
		put(l, ",\"packets\":%" PRIu64 ",\"bytes\":%" PRIu64, flow->packets[dir],
		    flow->bytes[dir]);
	if (ctl_flow_has_ports(t->proto))
		put(l, ",\"sport\":%u,\"dport\":%u", ntohs(t->sport), ntohs(t->dport));
	else if (ctl_flow_has_id(t->proto))
		put(l, ",\"type\":%u,\"code\":%u,\"id\":%u", t->icmp_type, t->icmp_code,
		    ntohs(t->sport));
	put(l, "}");
}

static void
put_labels(struct line *l, const struct ct_flow *flow)
{
	const char *comma = "";

	if ((flow->label[0] | flow->label[1]) == 0)
		return;
	put(l, ",\"labels\":[");
	for (unsigned i = 0; i < PL_FLOW_LABELS; i++) {
		if (!has_label(flow, i))
			continue;
		put(l, "%s%u", comma, i);
		comma = ",";
	}
	put(l, "]");
}

static void
put_flow(struct line *l, const struct ct_flow *flow)
{
	const struct ct_tuple *t = &flow->tuple[CT_ORIGINAL];

	put(l, "{\"family\":\"%s\",\"protocol\":\"%s\",\"protocol_number\":%u,\"timeout_sec\":%u",
	    t->family == 6 ? "ipv6" : "ipv4", ctl_flow_protocol_name(t->proto), t->proto,
	    flow->timeout_sec);
	put(l, ",\"seen_reply\":%s,\"assured\":%s,\"snat\":%s,\"dnat\":%s",
	    truth(flow->status & CT_S_SEEN_REPLY), truth(flow->status & CT_S_ASSURED),
	    truth(flow->status & CT_S_SRC_NAT), truth(flow->status & CT_S_DST_NAT));
	put(l, ",\"mark\":%u,\"worker\":%u", flow->mark, flow->worker);
	put_side(l, "original", flow, CT_ORIGINAL);
	put_side(l, "reply", flow, CT_REPLY);
	if (t->proto == IPPROTO_TCP)
		put(l, ",\"state\":\"%s\"", ct_tcp_state_name(flow->tcp_state));
	put_labels(l, flow);
	if (flow->start_ns != 0)
		put(l, ",\"start_us\":%" PRIu64 ",\"duration_us\":%" PRIu64, flow->start_ns / 1000,
		    flow->age_ns / 1000);
	put(l, "}");
}

const char *
ctl_event_kind(enum ct_event_kind kind)
{
	static const char *const word[CT_EVENT_KINDS] = {"new", "update", "destroy", "assign",
							 "release"};

	return word[kind];
}

const char *
ctl_event_why(enum ct_end why)
{
	switch (why) {
	case CT_END_IDLE:
		return "idle";
	case CT_END_FINISHED:
		return "finished";
	case CT_END_RESOURCES:
		return "resources";
	case CT_END_FORCED:
		break;
	}
	return "forced";
}

static void
put_block(struct line *l, const struct ct_block *b)
{
	int af = b->family == 6 ? AF_INET6 : AF_INET;
	char in[INET6_ADDRSTRLEN], out[INET6_ADDRSTRLEN];

	inet_ntop(af, &b->in, in, sizeof(in));
	inet_ntop(af, &b->out, out, sizeof(out));
	put(l,
	    ",\"block\":{\"family\":\"%s\",\"zone\":%u,\"inside\":\"%s\",\"outside\":\"%s\","
	    "\"first_port\":%u,\"last_port\":%u}}",
	    b->family == 6 ? "ipv6" : "ipv4", b->zone, in, out, b->first, b->last);
}

size_t
ctl_event_json(char *out, size_t size, const struct ct_event *ev)
{
	struct line l = {out, size};

	put(&l, "{\"event\":\"%s\",\"time_us\":%" PRIu64, ctl_event_kind(ev->kind),
	    ev->wall_ns / 1000);
	if (ev->kind == CT_EVENT_ASSIGN || ev->kind == CT_EVENT_RELEASE) {
		put_block(&l, &ev->block);
		return (size_t)(l.at - out);
	}
	if (ev->kind == CT_EVENT_DESTROY)
		put(&l, ",\"reason\":\"%s\"", ctl_event_why(ev->why));
	put(&l, ",\"flow\":");
	put_flow(&l, &ev->flow);
	put(&l, "}");
	return (size_t)(l.at - out);
}
