// Which flows a request asks for: its members to a filter, and the filter on a flow. Names and
// meaning follow the options of conntrack(8). Parsed on the main thread; the judging is pure, and
// done by workers too where flows are deleted.
#include "control/flow_filter.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/flow_view.h"

const struct ctl_arg ctl_flow_filter_arg[] = {
	{"any_nat", JSON_STRING, false},      {"dnat", JSON_STRING, false},
	{"dport", JSON_INTEGER, false},	      {"dst", JSON_STRING, false},
	{"family", JSON_STRING, false},	      {"icmp_code", JSON_INTEGER, false},
	{"icmp_id", JSON_INTEGER, false},     {"icmp_type", JSON_INTEGER, false},
	{"label", JSON_STRING, false},	      {"mark", JSON_STRING, false},
	{"orig_zone", JSON_INTEGER, false},   {"protocol", JSON_STRING, false},
	{"reply_dport", JSON_INTEGER, false}, {"reply_dst", JSON_STRING, false},
	{"reply_sport", JSON_INTEGER, false}, {"reply_src", JSON_STRING, false},
	{"reply_zone", JSON_INTEGER, false},  {"snat", JSON_STRING, false},
	{"sport", JSON_INTEGER, false},	      {"src", JSON_STRING, false},
	{"state", JSON_STRING, false},	      {"status", JSON_STRING, false},
	{"zone", JSON_INTEGER, false},
};
const size_t ctl_flow_filter_n_arg = sizeof(ctl_flow_filter_arg) / sizeof(ctl_flow_filter_arg[0]);

static int
parse_protocol(struct ctl_client *cl, const json_t *request, struct ctl_flow_filter *f)
{
	const char *text = ctl_arg_text(request, "protocol");
	char *end = NULL;
	unsigned long n;

	f->proto = text != NULL ? ctl_flow_protocol(text) : -1;
	if (text == NULL || f->proto >= 0)
		return 0;
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > 255)
		return ctl_fail(cl, -EINVAL,
				"'protocol' is \"%.64s\": expected a name such as tcp, or 0 to 255",
				text);
	f->proto = (int)n;
	return 0;
}

static int
parse_net(struct ctl_client *cl, const char *name, const char *text, struct ctl_flow_net *net)
{
	char copy[INET6_ADDRSTRLEN + 4], *slash, *end = NULL;
	unsigned long bits;

	if (strlen(text) >= sizeof(copy))
		goto bad;
	strcpy(copy, text);
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash++ = '\0';
	if (inet_pton(AF_INET, copy, &net->addr.v4) == 1)
		net->family = 4;
	else if (inet_pton(AF_INET6, copy, net->addr.v6) == 1)
		net->family = 6;
	else
		goto bad;
	net->len = net->family == 4 ? 32 : 128;
	if (slash == NULL)
		return 0;
	bits = strtoul(slash, &end, 10);
	if (*slash < '0' || *slash > '9' || *end != '\0' || bits > net->len)
		goto bad;
	net->len = (uint8_t)bits;
	return 0;
bad:
	return ctl_fail(cl, -EINVAL,
			"'%s' is \"%.64s\": expected an address, or a network such as 10.0.0.0/8",
			name, text);
}

static int
parse_nets(struct ctl_client *cl, const json_t *request, struct ctl_flow_filter *f)
{
	const struct {
		const char *name;
		struct ctl_flow_net *net;
	} row[] = {
		{"src", &f->src[CT_ORIGINAL]},
		{"dst", &f->dst[CT_ORIGINAL]},
		{"reply_src", &f->src[CT_REPLY]},
		{"reply_dst", &f->dst[CT_REPLY]},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const char *text = ctl_arg_text(request, row[i].name);
		int ret = text != NULL ? parse_net(cl, row[i].name, text, row[i].net) : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}

// "any", or what the translated address must be.
static int
parse_nats(struct ctl_client *cl, const json_t *request, struct ctl_flow_filter *f)
{
	const struct {
		const char *name;
		bool *wanted;
		struct ctl_flow_net *to;
	} row[] = {
		{"snat", &f->snat, &f->snat_to},
		{"dnat", &f->dnat, &f->dnat_to},
		{"any_nat", &f->nat, &f->nat_to},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const char *text = ctl_arg_text(request, row[i].name);

		*row[i].wanted = text != NULL;
		if (text == NULL || strcmp(text, "any") == 0)
			continue;
		if (parse_net(cl, row[i].name, text, row[i].to) < 0)
			return ctl_fail(cl, -EINVAL,
					"'%s' is \"%.64s\": expected \"any\", or the address or "
					"network that it is translated to",
					row[i].name, text);
	}
	return 0;
}

static int
parse_numbers(struct ctl_client *cl, const json_t *request, struct ctl_flow_filter *f)
{
	const struct {
		const char *name;
		int max;
		int *to, *and_to;
	} row[] = {
		{"sport", UINT16_MAX, &f->sport[CT_ORIGINAL], NULL},
		{"dport", UINT16_MAX, &f->dport[CT_ORIGINAL], NULL},
		{"reply_sport", UINT16_MAX, &f->sport[CT_REPLY], NULL},
		{"reply_dport", UINT16_MAX, &f->dport[CT_REPLY], NULL},
		{"icmp_type", UINT8_MAX, &f->icmp_type, NULL},
		{"icmp_code", UINT8_MAX, &f->icmp_code, NULL},
		{"icmp_id", UINT16_MAX, &f->icmp_id, NULL},
		{"zone", UINT16_MAX, &f->zone[CT_ORIGINAL], &f->zone[CT_REPLY]},
		{"orig_zone", UINT16_MAX, &f->zone[CT_ORIGINAL], NULL},
		{"reply_zone", UINT16_MAX, &f->zone[CT_REPLY], NULL},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		*row[i].to = -1;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const json_t *value = json_object_get(request, row[i].name);
		json_int_t n = json_integer_value(value);

		if (value == NULL)
			continue;
		if (n < 0 || n > row[i].max)
			return ctl_fail(cl, -EINVAL,
					"'%s' is %" JSON_INTEGER_FORMAT ": expected 0 to %d",
					row[i].name, n, row[i].max);
		*row[i].to = (int)n;
		if (row[i].and_to != NULL)
			*row[i].and_to = (int)n;
	}
	return 0;
}

static int
parse_mark(struct ctl_client *cl, const json_t *request, struct ctl_flow_filter *f)
{
	const char *text = ctl_arg_text(request, "mark");
	unsigned long value, mask = UINT32_MAX;
	char *end;

	if (text == NULL)
		return 0;
	errno = 0;
	value = strtoul(text, &end, 0);
	if (text[0] >= '0' && text[0] <= '9' && *end == '/' && end[1] >= '0' && end[1] <= '9')
		mask = strtoul(end + 1, &end, 0);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > UINT32_MAX ||
	    mask > UINT32_MAX)
		return ctl_fail(cl, -EINVAL, "'mark' is \"%.64s\": expected VALUE or VALUE/MASK",
				text);
	f->mark = (uint32_t)value;
	f->mark_mask = (uint32_t)mask;
	return 0;
}

// A list of numbers: the flow has all of these labels.
static int
parse_labels(struct ctl_client *cl, const json_t *request, struct ctl_flow_filter *f)
{
	const char *text = ctl_arg_text(request, "label"), *at = text;
	char *end;

	while (at != NULL) {
		unsigned long n = strtoul(at, &end, 10);

		if (*at < '0' || *at > '9' || (*end != ',' && *end != '\0') || n >= PL_FLOW_LABELS)
			return ctl_fail(
				cl, -EINVAL,
				"'label' is \"%.64s\": expected a list of numbers from 0 to %d",
				text, PL_FLOW_LABELS - 1);
		f->label[n / 64] |= UINT64_C(1) << n % 64;
		at = *end == ',' ? end + 1 : NULL;
	}
	return 0;
}

static const struct {
	const char *name;
	uint32_t on, off;
} status_word[] = {
	{"ASSURED", CT_S_ASSURED, 0},	{"DST_NAT", CT_S_DST_NAT, 0},
	{"EXPECTED", CT_S_EXPECTED, 0}, {"SEEN_REPLY", CT_S_SEEN_REPLY, 0},
	{"SRC_NAT", CT_S_SRC_NAT, 0},	{"UNREPLIED", 0, CT_S_SEEN_REPLY},
};

// One word of a status list. False: there is no such.
static bool
take_status(struct ctl_flow_filter *f, const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(status_word) / sizeof(status_word[0]); i++) {
		if (strlen(status_word[i].name) != len ||
		    strncmp(status_word[i].name, word, len) != 0)
			continue;
		f->status_on |= status_word[i].on;
		f->status_off |= status_word[i].off;
		return true;
	}
	return false;
}

static int
parse_status(struct ctl_client *cl, const json_t *request, struct ctl_flow_filter *f)
{
	const char *text = ctl_arg_text(request, "status");

	for (const char *at = text; at != NULL; at = strchr(at, ',')) {
		at += at != text; // behind the comma
		if (!take_status(f, at, strcspn(at, ",")))
			return ctl_fail(cl, -EINVAL,
					"'status' is \"%.64s\": expected a list of ASSURED, "
					"DST_NAT, EXPECTED, SEEN_REPLY, SRC_NAT, UNREPLIED",
					text);
	}
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
	if ((strcmp(text, "ASSURED") != 0 && strcmp(text, "UNREPLIED") != 0) ||
	    !take_status(f, text, strlen(text)))
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
	f->any = true;
	for (size_t i = 0; i < ctl_flow_filter_n_arg; i++)
		f->any &= json_object_get(request, ctl_flow_filter_arg[i].name) == NULL;
	ret = ctl_arg_family(cl, request, 0, &family);
	f->family = family == CFG_IPV4 ? 4 : family == CFG_IPV6 ? 6 : 0;
	if (ret == 0)
		ret = parse_protocol(cl, request, f);
	if (ret == 0)
		ret = parse_nets(cl, request, f);
	if (ret == 0)
		ret = parse_numbers(cl, request, f);
	if (ret == 0)
		ret = parse_mark(cl, request, f);
	if (ret == 0)
		ret = parse_labels(cl, request, f);
	if (ret == 0)
		ret = parse_nats(cl, request, f);
	if (ret == 0)
		ret = parse_status(cl, request, f);
	if (ret == 0)
		ret = parse_state(cl, request, f);
	return ret;
}

static bool
in_net(const union pl_addr *addr, uint8_t family, const struct ctl_flow_net *net)
{
	unsigned whole = net->len / 8, rest = net->len % 8;

	if (net->family == 0)
		return true;
	if (net->family != family || memcmp(addr->v6, net->addr.v6, whole) != 0)
		return false;
	return rest == 0 || ((addr->v6[whole] ^ net->addr.v6[whole]) >> (8 - rest)) == 0;
}

static bool
wants_direction(const struct ctl_flow_filter *f, const struct ct_flow *flow, unsigned dir)
{
	const struct ct_tuple *t = &flow->tuple[dir];
	bool ports = ctl_flow_has_ports(t->proto);

	return in_net(&t->src, t->family, &f->src[dir]) &&
	       in_net(&t->dst, t->family, &f->dst[dir]) &&
	       (f->sport[dir] < 0 || (ports && f->sport[dir] == ntohs(t->sport))) &&
	       (f->dport[dir] < 0 || (ports && f->dport[dir] == ntohs(t->dport))) &&
	       (f->zone[dir] < 0 || f->zone[dir] == t->zone);
}

static bool
wants_icmp(const struct ctl_flow_filter *f, const struct ct_tuple *t)
{
	if (f->icmp_type < 0 && f->icmp_code < 0 && f->icmp_id < 0)
		return true;
	return ctl_flow_has_id(t->proto) && (f->icmp_type < 0 || f->icmp_type == t->icmp_type) &&
	       (f->icmp_code < 0 || f->icmp_code == t->icmp_code) &&
	       (f->icmp_id < 0 || f->icmp_id == ntohs(t->sport));
}

// The address that the source became is where replies go to; that of the destination, where they
// come from.
static bool
wants_nat(const struct ctl_flow_filter *f, const struct ct_flow *flow)
{
	const struct ct_tuple *reply = &flow->tuple[CT_REPLY];
	bool snat = flow->status & CT_S_SRC_NAT, dnat = flow->status & CT_S_DST_NAT;

	if (f->snat && !(snat && in_net(&reply->dst, reply->family, &f->snat_to)))
		return false;
	if (f->dnat && !(dnat && in_net(&reply->src, reply->family, &f->dnat_to)))
		return false;
	return !f->nat || (snat && in_net(&reply->dst, reply->family, &f->nat_to)) ||
	       (dnat && in_net(&reply->src, reply->family, &f->nat_to));
}

static bool
wants_labels(const struct ctl_flow_filter *f, const struct ct_flow *flow)
{
	return (f->label[0] & ~flow->label[0]) == 0 && (f->label[1] & ~flow->label[1]) == 0;
}

bool
ctl_flow_filter_wants(const struct ctl_flow_filter *f, const struct ct_flow *flow)
{
	const struct ct_tuple *t = &flow->tuple[CT_ORIGINAL];

	if (f->any)
		return true;
	if ((f->family != 0 && f->family != t->family) || (f->proto >= 0 && f->proto != t->proto))
		return false;
	if (f->tcp_state >= 0 && (t->proto != IPPROTO_TCP || f->tcp_state != flow->tcp_state))
		return false;
	return wants_direction(f, flow, CT_ORIGINAL) && wants_direction(f, flow, CT_REPLY) &&
	       wants_icmp(f, t) && (flow->mark & f->mark_mask) == f->mark && wants_nat(f, flow) &&
	       wants_labels(f, flow) && (flow->status & f->status_on) == f->status_on &&
	       (flow->status & f->status_off) == 0;
}
