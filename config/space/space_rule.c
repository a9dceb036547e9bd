// One rule as boxes: each of its conditions cuts the list of boxes that it begins with, the whole
// space.
//
// Called by config/space/space_prog.c. A condition is a list of ranges of one field, bits of one
// field, or a literal for what is not modelled. What the walk has rewritten by then (mark, state,
// destination) is known and not asked of the packet; what a target somewhere may have rewritten is
// a literal of its own for each rule. A rule that would take more than BOXES_MAX boxes asks a
// literal as well. The meanings are those of acl/acl_match.c and acl/acl_match_more.c, for packets
// whose headers are whole.
#include "config/space/space_rule.h"
#include "config/buf.h"
#include "config/ext/ext.h"
#include "config/value.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define BOXES_MAX 128

struct range {
	space_wide lo, hi;
};

// A rule on its way to boxes.
struct making {
	const struct space_ask *ask;
	const struct cfg_rule *rule;
	struct space_list *list;
	size_t first; // of its boxes
};

static bool
add(struct making *m, const struct space_box *b)
{
	if (space_list_add(m->list, b))
		return true;
	m->ask->w->oom = true;
	return false;
}

// Every box keeps the parts that lie in one of the ranges, in a wide or a short field.
static void
keep_ranges(struct making *m, bool wide, unsigned field, const struct range *r, unsigned n)
{
	size_t end = m->list->n, kept = m->first;

	for (size_t i = m->first; i < end; i++) {
		for (unsigned k = 0; k < n; k++) {
			struct space_box b = m->list->box[i];
			space_wide lo = wide ? b.wlo[field] : b.slo[field];
			space_wide hi = wide ? b.whi[field] : b.shi[field];

			lo = r[k].lo > lo ? r[k].lo : lo;
			hi = r[k].hi < hi ? r[k].hi : hi;
			if (lo > hi)
				continue;
			if (wide) {
				b.wlo[field] = lo;
				b.whi[field] = hi;
			} else {
				b.slo[field] = lo;
				b.shi[field] = hi;
			}
			if (!add(m, &b))
				return;
		}
	}
	for (size_t i = end; i < m->list->n; i++)
		m->list->box[kept++] = m->list->box[i];
	m->list->n = kept;
}

static void
keep_bits(struct making *m, enum space_bits_field f, const uint64_t *bits)
{
	size_t kept = m->first;

	for (size_t i = m->first; i < m->list->n; i++) {
		struct space_box *b = &m->list->box[i];
		uint64_t any = 0;

		for (unsigned w = 0; w < space_n_words(f); w++)
			any |= space_bits(b, f)[w] &= bits[w];
		if (any != 0)
			m->list->box[kept++] = *b;
	}
	m->list->n = kept;
}

static void
keep_none(struct making *m)
{
	m->list->n = m->first;
}

// The text's literal; own: nobody else's answer to the same text need be the same.
static void
keep_lit(struct making *m, const char *text, bool own, bool invert)
{
	struct cfg_buf b = {0};
	size_t kept = m->first;
	uint32_t atom;

	cfg_buf_add(&b, text != NULL ? text : "");
	if (own)
		cfg_buf_addf(&b, "%c%s", SPACE_TEXT_KEY, m->ask->key);
	if (text == NULL || b.oom || b.text == NULL) {
		m->ask->w->oom = true;
		cfg_buf_free(&b);
		return;
	}
	atom = space_atom(m->ask->w, b.text);
	cfg_buf_free(&b);
	for (size_t i = m->first; i < m->list->n; i++)
		if (space_add_lit(&m->list->box[i], atom << 1 | invert))
			m->list->box[kept++] = m->list->box[i];
	m->list->n = kept;
}

// Ranges that hold what the others do not, up to max. The others are sorted and do not touch.
static unsigned
complement(struct range *out, const struct range *r, unsigned n, space_wide max)
{
	space_wide from = 0;
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++) {
		if (r[i].lo > from)
			out[k++] = (struct range){from, r[i].lo - 1};
		if (r[i].hi >= max)
			return k;
		from = r[i].hi + 1;
	}
	out[k++] = (struct range){from, max};
	return k;
}

static bool
too_many(const struct making *m, unsigned n)
{
	return (m->list->n - m->first) * n > BOXES_MAX;
}

static void
keep_wide(struct making *m, enum space_wide_field f, struct range r, bool invert, space_wide max)
{
	struct range out[2];

	if (invert)
		keep_ranges(m, true, f, out, complement(out, &r, 1, max));
	else
		keep_ranges(m, true, f, &r, 1);
}

static void
keep_short(struct making *m, enum space_short_field f, struct range r, bool invert, uint16_t max)
{
	struct range out[2];

	if (invert)
		keep_ranges(m, false, f, out, complement(out, &r, 1, max));
	else
		keep_ranges(m, false, f, &r, 1);
}

static space_wide
number(const uint8_t *bytes, uint8_t family)
{
	space_wide v = 0;

	for (unsigned i = 0; i < (family == CFG_IPV4 ? 4 : 16); i++)
		v = v << 8 | bytes[i];
	return v;
}

static space_wide
wide_max(const struct making *m)
{
	return m->ask->w->family == CFG_IPV4 ? UINT32_MAX : ~(space_wide)0;
}

// The bits that the walk may have rewritten say nothing of the packet: a literal of the rule.
static void
keep_option(struct making *m, const char *option, const struct cfg_addr *a, bool own)
{
	struct cfg_buf b = {0};

	cfg_buf_add(&b, option);
	cfg_addr_print(&b, a);
	keep_lit(m, b.oom ? NULL : b.text, own, a->invert);
	cfg_buf_free(&b);
}

static void
addr(struct making *m, enum space_wide_field f, const struct cfg_addr *a)
{
	const struct space_state *s = m->ask->state;
	space_wide max = wide_max(m), mask, lo;

	if (a->family == 0)
		return;
	mask = number(a->mask, a->family);
	lo = number(a->addr, a->family) & mask;
	if (f == SPACE_DST && s->dst == SPACE_DST_FIXED) {
		if (((s->addr & mask) == lo) == a->invert)
			keep_none(m);
	} else if ((~mask & max & ((~mask & max) + 1)) != 0 ||
		   (f == SPACE_DST && s->dst == SPACE_DST_UNKNOWN)) {
		keep_option(m, f == SPACE_SRC ? "-s " : "-d ", a,
			    f == SPACE_DST && s->dst == SPACE_DST_UNKNOWN);
	} else if (mask == 0) {
		if (a->invert)
			keep_none(m);
	} else {
		keep_wide(m, f, (struct range){lo, lo | (~mask & max)}, a->invert, max);
	}
}

static void
iface(struct making *m, enum space_bits_field f, const struct cfg_iface *i)
{
	uint64_t bits[4];

	if (i->name[0] == '\0' && !i->wildcard)
		return;
	space_iface_classes(m->ask->w, i, bits);
	if (f == SPACE_OUT && (m->ask->place & SPACE_AT_NO_OUT)) {
		if (!(bits[0] >> SPACE_IFACE_NONE & 1))
			keep_none(m);
		return;
	}
	keep_bits(m, f, bits);
}

static void
proto(struct making *m, const struct cfg_rule *r)
{
	uint64_t bits[4] = {0};

	if (!r->proto_set || r->proto == 0)
		return;
	bits[(r->proto & 0xff) / 64] = UINT64_C(1) << r->proto % 64;
	for (unsigned i = 0; r->proto_inv && i < 4; i++)
		bits[i] = ~bits[i];
	keep_bits(m, SPACE_PROTO, bits);
}

static void
fragment(struct making *m, bool is)
{
	const uint64_t bits = is ? 2 : 1;

	keep_bits(m, SPACE_FRAG, &bits);
}

// A match that is not modelled.
static void
opaque(struct making *m, const struct cfg_match *match)
{
	char *text = space_match_text(m->ask, m->rule, match);

	keep_lit(m, text, false, false);
	free(text);
}

static void
dport(struct making *m, const struct cfg_match *match, struct range r, bool invert)
{
	const struct space_state *s = m->ask->state;

	if (s->dport == SPACE_DST_OWN)
		keep_short(m, SPACE_DPORT, r, invert, UINT16_MAX);
	else if (s->dport == SPACE_DST_UNKNOWN)
		opaque(m, match);
	else if ((s->port >= r.lo && s->port <= r.hi) == invert)
		keep_none(m);
}

static void
tcp_flags(struct making *m, const struct cfg_match *match, uint8_t mask, uint8_t comp, bool invert)
{
	uint64_t bits[4] = {0};

	if ((m->ask->w->spoiled & SPACE_SPOILS_FLAGS) && (mask & 0xc0)) {
		opaque(m, match);
		return;
	}
	for (unsigned v = 0; v < 256; v++)
		if (((v & mask) == comp) != invert)
			bits[v / 64] |= UINT64_C(1) << v % 64;
	keep_bits(m, SPACE_FLAGS, bits);
}

static void
ports(struct making *m, const struct cfg_match *match)
{
	const struct cfg_m_ports *p = &match->ports;
	struct cfg_buf b = {0};

	fragment(m, false);
	if (p->sport_set)
		keep_short(m, SPACE_SPORT, (struct range){p->sport.lo, p->sport.hi}, p->sport_inv,
			   UINT16_MAX);
	if (p->dport_set)
		dport(m, match, (struct range){p->dport.lo, p->dport.hi}, p->dport_inv);
	if (p->flags_set)
		tcp_flags(m, match, p->flags_mask, p->flags_comp, p->flags_inv);
	if (p->option != 0) {
		cfg_buf_addf(&b, "-m tcp --tcp-option %u", p->option);
		keep_lit(m, b.oom ? NULL : b.text, m->ask->w->spoiled & SPACE_SPOILS_OPTIONS,
			 p->option_inv);
		cfg_buf_free(&b);
	}
}

static void
icmp(struct making *m, const struct cfg_match *match)
{
	const struct cfg_m_icmp *i = &match->icmp;
	bool any = match->id == CFG_M_ICMP && i->type == 255;

	fragment(m, false);
	if (!i->set || (any && !i->invert))
		return;
	if (any)
		keep_none(m);
	else
		keep_short(m, SPACE_DPORT,
			   (struct range){i->type << 8 | i->code_lo, i->type << 8 | i->code_hi},
			   i->invert, UINT16_MAX);
}

static int
by_low(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->lo < y->lo ? -1 : x->lo > y->lo;
}

// The ports as sorted ranges that do not touch.
static unsigned
port_ranges(struct range *out, const struct cfg_m_multiport *mp)
{
	unsigned n = 0;

	for (unsigned i = 0; i < mp->n; i++)
		out[i] = (struct range){mp->range[i].lo, mp->range[i].hi};
	qsort(out, mp->n, sizeof(*out), by_low);
	for (unsigned i = 1; i < mp->n; i++) {
		if (out[i].lo <= out[n].hi + 1)
			out[n].hi = out[i].hi > out[n].hi ? out[i].hi : out[n].hi;
		else
			out[++n] = out[i];
	}
	return n + 1;
}

// Either side: boxes of one side, then, from a copy, those of the other.
static void
either_port(struct making *m, const struct range *r, unsigned n)
{
	size_t from = m->first, end = m->list->n;

	for (size_t i = from; i < end; i++) {
		struct space_box copy = m->list->box[i];

		if (!add(m, &copy))
			return;
	}
	m->first = end;
	keep_ranges(m, false, SPACE_DPORT, r, n);
	for (size_t i = from; i < end && !m->ask->w->oom; i++) {
		struct space_box copy = m->list->box[i];

		m->first = m->list->n;
		add(m, &copy);
		keep_ranges(m, false, SPACE_SPORT, r, n);
	}
	memmove(&m->list->box[from], &m->list->box[end],
		(m->list->n - end) * sizeof(struct space_box));
	m->list->n -= end - from;
	m->first = from;
}

static void
multiport(struct making *m, const struct cfg_match *match)
{
	static const uint8_t ported[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP,
					 IPPROTO_DCCP};
	const struct cfg_m_multiport *mp = &match->multiport;
	struct range r[CFG_MULTIPORT_MAX + 1], out[CFG_MULTIPORT_MAX + 1];
	uint64_t bits[4] = {0};
	unsigned n = port_ranges(r, mp);
	const struct range *use = r;

	for (size_t i = 0; i < EXT_N(ported); i++)
		bits[ported[i] / 64] |= UINT64_C(1) << ported[i] % 64;
	keep_bits(m, SPACE_PROTO, bits);
	fragment(m, false);
	if (mp->invert) {
		n = complement(out, r, n, UINT16_MAX);
		use = out;
	}
	if ((mp->side != CFG_MP_SOURCE && m->ask->state->dport != SPACE_DST_OWN) ||
	    too_many(m, mp->side == CFG_MP_EITHER ? n * (mp->invert ? n : 2) : n)) {
		opaque(m, match);
		return;
	}
	if (mp->side == CFG_MP_EITHER && !mp->invert) {
		either_port(m, use, n);
		return;
	}
	if (mp->side != CFG_MP_DESTINATION)
		keep_ranges(m, false, SPACE_SPORT, use, n);
	if (mp->side != CFG_MP_SOURCE)
		keep_ranges(m, false, SPACE_DPORT, use, n);
}

// What conntrack and state see of a packet that came with this value of SPACE_CT.
static unsigned
state_bits(const struct making *m, unsigned ct)
{
	static const uint8_t bit[SPACE_STATES] = {
		[SPACE_ST_INVALID] = CFG_CT_INVALID,
		[SPACE_ST_ESTABLISHED] = CFG_CT_ESTABLISHED,
		[SPACE_ST_RELATED] = CFG_CT_RELATED,
		[SPACE_ST_NEW] = CFG_CT_NEW,
		[SPACE_ST_UNTRACKED] = CFG_CT_UNTRACKED,
	};
	const struct space_state *s = m->ask->state;
	bool translated = s->dst != SPACE_DST_OWN || s->dport != SPACE_DST_OWN;

	if (s->untracked)
		return CFG_CT_UNTRACKED;
	if (m->ask->place & SPACE_AT_RAW)
		return CFG_CT_INVALID;
	return bit[ct / 4] | (ct & 2 ? CFG_CT_SNAT : 0) |
	       ((ct & 1) || translated ? CFG_CT_DNAT : 0);
}

static void
ct_state(struct making *m, const struct cfg_match *match)
{
	const struct cfg_m_state *s = &match->state;
	uint64_t bits = 0;
	char *text;

	if ((s->mask & CFG_CT_DNAT) && (m->ask->state->dst == SPACE_DST_UNKNOWN ||
					m->ask->state->dport == SPACE_DST_UNKNOWN)) {
		opaque(m, match); // it may have been translated to what it was
		return;
	}
	for (unsigned ct = 0; ct < SPACE_STATES * 4; ct++)
		if (!!(s->mask & state_bits(m, ct)) != s->invert)
			bits |= UINT64_C(1) << ct;
	if (s->mask != 0)
		keep_bits(m, SPACE_CT, &bits);
	text = cfg_match_to_save(m->rule, match, m->ask->w->family);
	if (text == NULL)
		m->ask->w->oom = true;
	else if (space_more_than_state(text))
		opaque(m, match);
	free(text);
}

static void
mark(struct making *m, const struct cfg_match *match)
{
	const struct cfg_m_mark *k = &match->mark;

	if (m->ask->w->spoiled & SPACE_SPOILS_MARK)
		opaque(m, match);
	else if (((m->ask->state->mark & k->mask) == k->value) == k->invert)
		keep_none(m);
}

static void
length(struct making *m, const struct cfg_match *match)
{
	const struct cfg_m_length *l = &match->length;

	if (l->range.lo <= l->range.hi)
		keep_short(m, SPACE_LENGTH, (struct range){l->range.lo, l->range.hi}, l->invert,
			   UINT16_MAX);
	else if (!l->invert)
		keep_none(m);
}

static void
iprange(struct making *m, const struct cfg_match *match)
{
	const struct cfg_m_iprange *i = &match->iprange;
	const struct space_state *s = m->ask->state;
	struct range r;

	if (i->src_set) {
		r = (struct range){number(i->src_lo, i->family), number(i->src_hi, i->family)};
		keep_wide(m, SPACE_SRC, r, i->src_inv, wide_max(m));
	}
	if (!i->dst_set)
		return;
	r = (struct range){number(i->dst_lo, i->family), number(i->dst_hi, i->family)};
	if (s->dst == SPACE_DST_OWN)
		keep_wide(m, SPACE_DST, r, i->dst_inv, wide_max(m));
	else if (s->dst == SPACE_DST_UNKNOWN)
		opaque(m, match);
	else if ((s->addr >= r.lo && s->addr <= r.hi) == i->dst_inv)
		keep_none(m);
}

static void
ttl(struct making *m, const struct cfg_match *match)
{
	const struct cfg_m_ttl *t = &match->ttl;
	uint16_t less = m->ask->place & SPACE_AT_LESS_TTL ? 1 : 0;
	struct range r = {t->value + less, t->value + less};

	if (m->ask->w->spoiled & SPACE_SPOILS_TTL) {
		opaque(m, match);
		return;
	}
	if (t->op == CFG_TTL_LT) {
		r = (struct range){0, t->value + less - 1};
		if (t->value == 0) {
			keep_none(m);
			return;
		}
	} else if (t->op == CFG_TTL_GT) {
		r = (struct range){t->value + less + 1, UINT16_MAX};
	}
	keep_short(m, SPACE_TTL, r, t->invert && t->op == CFG_TTL_EQ, UINT16_MAX);
}

static void
mac(struct making *m, const struct cfg_match *match)
{
	space_wide v = 0;

	for (unsigned i = 0; i < 6; i++)
		v = v << 8 | match->mac.addr[i];
	keep_wide(m, SPACE_MAC, (struct range){v, v}, match->mac.invert, SPACE_NO_MAC - 1);
}

static void
pkttype(struct making *m, const struct cfg_match *match)
{
	uint64_t bits = UINT64_C(1) << match->pkttype.type;

	bits = match->pkttype.invert ? ~bits : bits;
	keep_bits(m, SPACE_PKTTYPE, &bits);
}

static void
tos_bits(struct making *m, const struct cfg_match *match, uint8_t value, uint8_t mask, bool invert)
{
	uint64_t bits[4] = {0};

	if (m->ask->w->spoiled & SPACE_SPOILS_TOS) {
		opaque(m, match);
		return;
	}
	for (unsigned v = 0; v < 256; v++)
		if (((v & mask) == value) != invert)
			bits[v / 64] |= UINT64_C(1) << v % 64;
	keep_bits(m, SPACE_TOS, bits);
}

static void
ecn(struct making *m, const struct cfg_match *match)
{
	const struct cfg_m_ecn *e = &match->ecn;

	if (e->ect_set)
		tos_bits(m, match, e->ect, 3, e->ect_inv);
	if (e->ece || e->cwr)
		fragment(m, false);
	if (e->ece)
		tcp_flags(m, match, 0x40, 0x40, e->ece_inv);
	if (e->cwr)
		tcp_flags(m, match, 0x80, 0x80, e->cwr_inv);
}

static void
match(struct making *m, const struct cfg_match *i)
{
	switch (i->id) {
	case CFG_M_COMMENT:
		break;
	case CFG_M_CONNTRACK:
	case CFG_M_STATE:
		ct_state(m, i);
		break;
	case CFG_M_DSCP:
		tos_bits(m, i, i->tos.value << 2, 0xfc, i->tos.invert);
		break;
	case CFG_M_ECN:
		ecn(m, i);
		break;
	case CFG_M_HL:
	case CFG_M_TTL:
		ttl(m, i);
		break;
	case CFG_M_ICMP:
	case CFG_M_ICMP6:
		icmp(m, i);
		break;
	case CFG_M_IPRANGE:
		iprange(m, i);
		break;
	case CFG_M_LENGTH:
		length(m, i);
		break;
	case CFG_M_MAC:
		mac(m, i);
		break;
	case CFG_M_MARK:
		mark(m, i);
		break;
	case CFG_M_MULTIPORT:
		multiport(m, i);
		break;
	case CFG_M_PKTTYPE:
		pkttype(m, i);
		break;
	case CFG_M_TCP:
	case CFG_M_UDP:
		ports(m, i);
		break;
	case CFG_M_TOS:
		tos_bits(m, i, i->tos.value, i->tos.mask, i->tos.invert);
		break;
	default:
		opaque(m, i);
	}
}

void
space_rule(const struct space_ask *ask, const struct cfg_rule *r, struct space_list *list)
{
	struct making m = {.ask = ask, .rule = r, .list = list, .first = list->n};
	struct space_box all;

	space_all(&all);
	if (!add(&m, &all))
		return;
	addr(&m, SPACE_SRC, &r->src);
	addr(&m, SPACE_DST, &r->dst);
	iface(&m, SPACE_IN, &r->in);
	iface(&m, SPACE_OUT, &r->out);
	proto(&m, r);
	if (r->frag)
		fragment(&m, !r->frag_inv);
	for (size_t i = 0; i < r->n_match; i++)
		match(&m, &r->match[i]);
}
