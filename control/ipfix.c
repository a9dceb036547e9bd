// IPFIX messages: see ipfix.h. There are eight templates of flows, for IPv4 and IPv6, translated or
// not, with or without what is known at a flow's end, and two of blocks of ports; the same list of
// fields makes the template and its records, so the two cannot differ. Elements are those of IANA's
// registry; NAT's follow RFC 8158. Called by flow_log.c, main thread; pure.
#include "control/ipfix.h"

#include <netinet/in.h>

#include <rte_byteorder.h>

#define VERSION	     10
#define MESSAGE_HEAD 16
#define SET_HEAD     4
#define TEMPLATE_SET 2
#define TEMPLATE_ID0 256

enum element {
	E_PROTOCOL = 4,
	E_SPORT = 7,
	E_SRC4 = 8,
	E_DPORT = 11,
	E_DST4 = 12,
	E_SRC6 = 27,
	E_DST6 = 28,
	E_ICMP4 = 32,
	E_END_REASON = 136,
	E_ICMP6 = 139,
	E_POST_SRC4 = 225,
	E_POST_DST4 = 226,
	E_POST_SPORT = 227,
	E_POST_DPORT = 228,
	E_NAT_REALM = 229, // natOriginatingAddressRealm
	E_NAT_EVENT = 230,
	E_INITIATOR_OCTETS = 231,
	E_RESPONDER_OCTETS = 232,
	E_FIREWALL_EVENT = 233,
	E_INGRESS_VRF = 234, // the zone
	E_POST_SRC6 = 281,
	E_POST_DST6 = 282,
	E_INITIATOR_PACKETS = 298,
	E_RESPONDER_PACKETS = 299,
	E_TIME_MS = 323,    // observationTimeMilliseconds
	E_PORT_FIRST = 361, // portRangeStart
	E_PORT_LAST = 362,
};

// Which records a field is in.
enum { ON_V4 = 1, ON_V6 = 2, ON_NAT = 4, ON_PLAIN = 8, ON_END = 16 };
#define ON_ANY (ON_V4 | ON_V6)

static const struct field {
	uint16_t id, len;
	uint8_t on; // a family's bit, and all others that are set
} fields[] = {
	{E_TIME_MS, 8, ON_ANY},
	{E_NAT_EVENT, 1, ON_ANY | ON_NAT},
	{E_NAT_REALM, 1, ON_ANY | ON_NAT},
	{E_FIREWALL_EVENT, 1, ON_ANY | ON_PLAIN},
	{E_INGRESS_VRF, 4, ON_ANY},
	{E_PROTOCOL, 1, ON_ANY},
	{E_SRC4, 4, ON_V4},
	{E_SRC6, 16, ON_V6},
	{E_POST_SRC4, 4, ON_V4 | ON_NAT},
	{E_POST_SRC6, 16, ON_V6 | ON_NAT},
	{E_SPORT, 2, ON_ANY},
	{E_POST_SPORT, 2, ON_ANY | ON_NAT},
	{E_DST4, 4, ON_V4},
	{E_DST6, 16, ON_V6},
	{E_POST_DST4, 4, ON_V4 | ON_NAT},
	{E_POST_DST6, 16, ON_V6 | ON_NAT},
	{E_DPORT, 2, ON_ANY},
	{E_POST_DPORT, 2, ON_ANY | ON_NAT},
	{E_ICMP4, 2, ON_V4},
	{E_ICMP6, 2, ON_V6},
	{E_END_REASON, 1, ON_ANY | ON_END},
	{E_INITIATOR_PACKETS, 8, ON_ANY | ON_END},
	{E_RESPONDER_PACKETS, 8, ON_ANY | ON_END},
	{E_INITIATOR_OCTETS, 8, ON_ANY | ON_END},
	{E_RESPONDER_OCTETS, 8, ON_ANY | ON_END},
};

static const struct field block_fields[] = {
	{E_TIME_MS, 8, ON_ANY},	  {E_NAT_EVENT, 1, ON_ANY},  {E_INGRESS_VRF, 4, ON_ANY},
	{E_SRC4, 4, ON_V4},	  {E_SRC6, 16, ON_V6},	     {E_POST_SRC4, 4, ON_V4},
	{E_POST_SRC6, 16, ON_V6}, {E_PORT_FIRST, 2, ON_ANY}, {E_PORT_LAST, 2, ON_ANY},
};

// A template's number is these bits; T_BLOCK stands with none but T_V6.
enum { T_V6 = 1, T_NAT = 2, T_END = 4, T_BLOCK = 8 };

static const struct field *
list_of(unsigned template, size_t *n)
{
	*n = template & T_BLOCK ? RTE_DIM(block_fields) : RTE_DIM(fields);
	return template & T_BLOCK ? block_fields : fields;
}

static bool
has_field(unsigned template, const struct field *f)
{
	unsigned family = template & T_V6 ? ON_V6 : ON_V4;
	unsigned have = (template & T_NAT ? ON_NAT : ON_PLAIN) | (template & T_END ? ON_END : 0);
	unsigned need = f->on & (unsigned)~ON_ANY;

	return (f->on & family) != 0 && (need & have) == need;
}

void
ctl_ipfix_init(struct ctl_ipfix *x, uint32_t domain, uint16_t max)
{
	memset(x, 0, sizeof(*x));
	x->domain = domain;
	x->max = max;
	x->len = MESSAGE_HEAD;
}

static void
put(struct ctl_ipfix *x, uint64_t value, unsigned bytes)
{
	while (bytes-- > 0)
		x->buf[x->len++] = (uint8_t)(value >> 8 * bytes);
}

static void
put_at(struct ctl_ipfix *x, uint16_t at, uint16_t value)
{
	x->buf[at] = (uint8_t)(value >> 8);
	x->buf[at + 1] = (uint8_t)value;
}

static void
close_set(struct ctl_ipfix *x)
{
	if (x->set_at != 0)
		put_at(x, x->set_at + 2, x->len - x->set_at);
	x->set_at = 0;
}

// Room for `bytes` in a set with that number, begun where it is not there. False: the message is
// full.
static bool
open_set(struct ctl_ipfix *x, uint16_t id, unsigned bytes)
{
	bool begun = x->set_at != 0 && x->set_id == id;

	if (x->len + (begun ? 0u : SET_HEAD) + bytes > x->max)
		return false;
	if (begun)
		return true;
	close_set(x);
	x->set_at = x->len;
	x->set_id = id;
	put(x, id, 2);
	put(x, 0, 2); // its length
	return true;
}

bool
ctl_ipfix_template(struct ctl_ipfix *x, unsigned template)
{
	size_t n_list;
	const struct field *list = list_of(template, &n_list);
	unsigned n = 0;

	for (size_t i = 0; i < n_list; i++)
		n += has_field(template, &list[i]);
	if (!open_set(x, TEMPLATE_SET, 4 + 4 * n))
		return false;
	put(x, TEMPLATE_ID0 + template, 2);
	put(x, n, 2);
	for (size_t i = 0; i < n_list; i++) {
		if (has_field(template, &list[i])) {
			put(x, list[i].id, 2);
			put(x, list[i].len, 2);
		}
	}
	return true;
}

// IANA's natEvent: NAT44 session create and delete (RFC 8158). It has no numbers for a translation
// between IPv6 addresses: those of any translation stand for it.
static uint8_t
nat_event(const struct ct_event *ev)
{
	bool end = ev->kind == CT_EVENT_DESTROY;

	if (ev->flow.tuple[CT_ORIGINAL].family == 6)
		return end ? 2 : 1;
	return end ? 5 : 4;
}

static uint8_t
firewall_event(const struct ct_event *ev)
{
	return ev->kind == CT_EVENT_NEW ? 1 : ev->kind == CT_EVENT_DESTROY ? 2 : 5;
}

// Numbers of an element; addresses are put_field()'s. What the source became is the destination of
// replies.
static uint64_t
number_of(const struct ct_event *ev, uint16_t id)
{
	const struct ct_flow *f = &ev->flow;
	const struct ct_tuple *t = &f->tuple[CT_ORIGINAL], *r = &f->tuple[CT_REPLY];
	bool icmp = t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6;

	switch (id) {
	case E_TIME_MS:
		return ev->wall_ns / 1000000;
	case E_NAT_EVENT:
		return nat_event(ev);
	case E_NAT_REALM: // 1: private, 2: public
		return f->status & CT_S_SRC_NAT ? 1 : 2;
	case E_FIREWALL_EVENT:
		return firewall_event(ev);
	case E_INGRESS_VRF:
		return t->zone;
	case E_PROTOCOL:
		return t->proto;
	case E_SPORT: // ICMP: the identifier
		return rte_be_to_cpu_16(t->sport);
	case E_POST_SPORT:
		return rte_be_to_cpu_16(r->dport);
	case E_DPORT:
		return icmp ? 0 : rte_be_to_cpu_16(t->dport);
	case E_POST_DPORT:
		return icmp ? 0 : rte_be_to_cpu_16(r->sport);
	case E_ICMP4:
	case E_ICMP6:
		return (uint64_t)t->icmp_type << 8 | t->icmp_code;
	case E_END_REASON:
		return ev->why;
	case E_INITIATOR_PACKETS:
		return f->packets[CT_ORIGINAL];
	case E_RESPONDER_PACKETS:
		return f->packets[CT_REPLY];
	case E_INITIATOR_OCTETS:
		return f->bytes[CT_ORIGINAL];
	default:
		return f->bytes[CT_REPLY]; // E_RESPONDER_OCTETS
	}
}

static void
put_field(struct ctl_ipfix *x, const struct ct_event *ev, const struct field *f)
{
	const struct ct_tuple *t = ev->flow.tuple;
	const union pl_addr *addr = NULL;

	if (f->id == E_SRC4 || f->id == E_SRC6)
		addr = &t[CT_ORIGINAL].src;
	else if (f->id == E_DST4 || f->id == E_DST6)
		addr = &t[CT_ORIGINAL].dst;
	else if (f->id == E_POST_SRC4 || f->id == E_POST_SRC6)
		addr = &t[CT_REPLY].dst;
	else if (f->id == E_POST_DST4 || f->id == E_POST_DST6)
		addr = &t[CT_REPLY].src;
	if (addr == NULL) {
		put(x, number_of(ev, f->id), f->len);
		return;
	}
	memcpy(x->buf + x->len, addr, f->len);
	x->len += f->len;
}

static bool
is_block(const struct ct_event *ev)
{
	return ev->kind == CT_EVENT_ASSIGN || ev->kind == CT_EVENT_RELEASE;
}

static void
put_block_field(struct ctl_ipfix *x, const struct ct_event *ev, const struct field *f)
{
	const struct ct_block *b = &ev->block;
	const union pl_addr *addr = f->id == E_SRC4 || f->id == E_SRC6 ? &b->in : &b->out;

	switch (f->id) {
	case E_TIME_MS:
		put(x, ev->wall_ns / 1000000, f->len);
		return;
	case E_NAT_EVENT: // port block allocation and de-allocation (RFC 8158)
		put(x, ev->kind == CT_EVENT_ASSIGN ? 16 : 17, f->len);
		return;
	case E_INGRESS_VRF:
		put(x, b->zone, f->len);
		return;
	case E_PORT_FIRST:
		put(x, b->first, f->len);
		return;
	case E_PORT_LAST:
		put(x, b->last, f->len);
		return;
	default:
		memcpy(x->buf + x->len, addr, f->len);
		x->len += f->len;
	}
}

static unsigned
template_of(const struct ct_event *ev)
{
	const uint32_t nat = CT_S_SRC_NAT | CT_S_DST_NAT;
	unsigned template;

	if (is_block(ev))
		return T_BLOCK | (ev->block.family == 6 ? T_V6 : 0);
	template = ev->flow.tuple[CT_ORIGINAL].family == 6 ? T_V6 : 0;
	if (ev->kind != CT_EVENT_UPDATE && (ev->flow.status & nat) != 0)
		template |= T_NAT; // natEvent has no number for an update
	if (ev->kind == CT_EVENT_DESTROY)
		template |= T_END;
	return template;
}

bool
ctl_ipfix_add(struct ctl_ipfix *x, const struct ct_event *ev)
{
	unsigned template = template_of(ev), bytes = 0;
	size_t n;
	const struct field *list = list_of(template, &n);

	for (size_t i = 0; i < n; i++)
		bytes += has_field(template, &list[i]) ? list[i].len : 0;
	if (!open_set(x, (uint16_t)(TEMPLATE_ID0 + template), bytes))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!has_field(template, &list[i]))
			continue;
		if (template & T_BLOCK)
			put_block_field(x, ev, &list[i]);
		else
			put_field(x, ev, &list[i]);
	}
	x->records++;
	return true;
}

const uint8_t *
ctl_ipfix_finish(struct ctl_ipfix *x, uint32_t sec, uint16_t *len)
{
	if (x->len == MESSAGE_HEAD)
		return NULL;
	close_set(x);
	*len = x->len;
	x->len = 0;
	put(x, VERSION, 2);
	put(x, *len, 2);
	put(x, sec, 4);
	put(x, x->sequence, 4);
	put(x, x->domain, 4);
	x->sequence += x->records;
	x->records = 0;
	return x->buf;
}
