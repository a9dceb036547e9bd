// The plain walk of one packet through a policy: every rule in order, every condition by itself,
// straight from the model.
//
// Called by config/policy_diff.c, which prints no packet that this does not confirm, and by tests,
// which hold the sets against it. It shares nothing with the boxes but the texts by which matches
// that are not modelled are known. The meanings are those of acl/acl_match.c and
// acl/acl_match_more.c.
#include "config/space/space_eval.h"
#include "config/buf.h"
#include "config/ext/ext.h"
#include "config/space/space_layout.h"
#include "config/value.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64

struct walk {
	struct space_prog *p;
	const struct space_point *pt;
	struct space_packet now; // as rules see it: what was translated is so already
	struct space_state state;
	enum cfg_table_id table;
	enum cfg_hook hook;
	const struct cfg_chain *chain; // that rules are asked of
	bool failed;
};

static void
bytes_of(uint8_t out[16], space_wide v, uint8_t family)
{
	unsigned n = family == CFG_IPV4 ? 4 : 16;

	memset(out, 0, 16);
	for (unsigned i = 0; i < n; i++)
		out[i] = (uint8_t)(v >> 8 * (n - 1 - i));
}

void
space_packet(struct space_packet *out, const struct space_world *w, const struct space_point *pt)
{
	static const uint8_t state[SPACE_STATES] = {
		[SPACE_ST_INVALID] = CFG_CT_INVALID,
		[SPACE_ST_ESTABLISHED] = CFG_CT_ESTABLISHED,
		[SPACE_ST_RELATED] = CFG_CT_RELATED,
		[SPACE_ST_NEW] = CFG_CT_NEW,
		[SPACE_ST_UNTRACKED] = CFG_CT_UNTRACKED,
	};
	unsigned ct = pt->b[SPACE_CT];

	*out = (struct space_packet){.proto = pt->b[SPACE_PROTO],
				     .flags = pt->b[SPACE_FLAGS],
				     .tos = pt->b[SPACE_TOS],
				     .ttl = (uint8_t)pt->s[SPACE_TTL],
				     .pkttype = pt->b[SPACE_PKTTYPE],
				     .sport = pt->s[SPACE_SPORT],
				     .dport = pt->s[SPACE_DPORT],
				     .length = pt->s[SPACE_LENGTH],
				     .has_mac = pt->w[SPACE_MAC] != SPACE_NO_MAC,
				     .fragment = pt->b[SPACE_FRAG],
				     .ct = state[ct / 4] | (ct & 2 ? CFG_CT_SNAT : 0) |
					   (ct & 1 ? CFG_CT_DNAT : 0)};
	bytes_of(out->src, pt->w[SPACE_SRC], w->family);
	bytes_of(out->dst, pt->w[SPACE_DST], w->family);
	memcpy(out->in, w->name[pt->b[SPACE_IN]], sizeof(out->in));
	memcpy(out->out, w->name[pt->b[SPACE_OUT]], sizeof(out->out));
	for (unsigned i = 0; i < 6; i++)
		out->mac[i] = (uint8_t)(pt->w[SPACE_MAC] >> 8 * (5 - i));
}

// What the point says to a text; no where it says nothing.
static bool
answer(struct walk *w, char *text)
{
	bool yes = false;

	if (text == NULL) {
		w->failed = true;
		return false;
	}
	for (unsigned i = 0; i < w->pt->n_lit; i++)
		if (strcmp(w->p->w->atom[w->pt->lit[i] >> 1], text) == 0)
			yes = !(w->pt->lit[i] & 1);
	free(text);
	return yes;
}

// The name of a rule's own answers, as config/space/space_prog.c makes it.
static char *
rule_key(struct walk *w, const struct cfg_rule *r)
{
	const struct space_rule_info *info = space_rule_info(w->p, w->chain, r);
	char *text = space_rule_text(r, w->p->w->family);
	struct cfg_buf b = {0};

	if (info != NULL && text != NULL)
		cfg_buf_addf(&b, "%s %s %u %s", cfg_table_name(w->table), w->chain->name, info->nth,
			     text);
	free(text);
	return cfg_buf_take(&b);
}

static bool
opaque(struct walk *w, const struct cfg_rule *r, const struct cfg_match *m)
{
	char *key = rule_key(w, r);
	const struct space_ask ask = {w->p->w, &w->state, 0, key};
	char *text = key != NULL ? space_match_text(&ask, r, m) : NULL;

	free(key);
	return answer(w, text);
}

// An option that is answered by a literal of the rule: a destination that nobody knows, a mask with
// holes.
static bool
option(struct walk *w, const struct cfg_rule *r, const char *words, const struct cfg_addr *a,
       bool own)
{
	char *key = rule_key(w, r);
	struct cfg_buf b = {0};

	cfg_buf_add(&b, words);
	cfg_addr_print(&b, a);
	if (own)
		cfg_buf_addf(&b, "%c%s", SPACE_TEXT_KEY, key != NULL ? key : "");
	w->failed |= key == NULL;
	free(key);
	return answer(w, cfg_buf_take(&b)) != a->invert;
}

static bool
has_holes(const struct cfg_addr *a)
{
	unsigned n = a->family == CFG_IPV4 ? 32 : 128;
	bool ended = false;

	for (unsigned i = 0; i < n; i++) {
		bool bit = a->mask[i / 8] >> (7 - i % 8) & 1;

		if (bit && ended)
			return true;
		ended |= !bit;
	}
	return false;
}

static bool
addr(struct walk *w, const struct cfg_rule *r, const struct cfg_addr *a, bool dst)
{
	const uint8_t *is = dst ? w->now.dst : w->now.src;
	bool unknown = dst && w->state.dst == SPACE_DST_UNKNOWN;
	bool same = true;

	if (a->family == 0)
		return true;
	if (unknown || (has_holes(a) && !(dst && w->state.dst == SPACE_DST_FIXED)))
		return option(w, r, dst ? "-d " : "-s ", a, unknown);
	for (unsigned i = 0; i < 16; i++)
		same &= (is[i] & a->mask[i]) == (a->addr[i] & a->mask[i]);
	return same != a->invert;
}

static bool
iface(const struct cfg_iface *i, const char *name)
{
	size_t len = strlen(i->name);

	if (len == 0)
		return !i->wildcard || !i->invert;
	return (i->wildcard ? strncmp(name, i->name, len) == 0 : strcmp(name, i->name) == 0) !=
	       i->invert;
}

static bool
in(const struct cfg_range16 *r, uint16_t v)
{
	return v >= r->lo && v <= r->hi;
}

static bool
ports(struct walk *w, const struct cfg_rule *r, const struct cfg_match *m)
{
	const struct cfg_m_ports *p = &m->ports;
	const struct space_packet *k = &w->now;
	struct cfg_buf b = {0};

	if (k->fragment || (p->sport_set && in(&p->sport, k->sport) == p->sport_inv))
		return false;
	if (p->dport_set && w->state.dport == SPACE_DST_UNKNOWN && !opaque(w, r, m))
		return false;
	if (p->dport_set && w->state.dport != SPACE_DST_UNKNOWN &&
	    in(&p->dport, k->dport) == p->dport_inv)
		return false;
	if (p->flags_set && (w->p->w->spoiled & SPACE_SPOILS_FLAGS) && (p->flags_mask & 0xc0)) {
		if (!opaque(w, r, m))
			return false;
	} else if (p->flags_set && ((k->flags & p->flags_mask) == p->flags_comp) == p->flags_inv) {
		return false;
	}
	if (p->option == 0)
		return true;
	cfg_buf_addf(&b, "-m tcp --tcp-option %u", p->option);
	if (w->p->w->spoiled & SPACE_SPOILS_OPTIONS) {
		char *key = rule_key(w, r);

		cfg_buf_addf(&b, "%c%s", SPACE_TEXT_KEY, key != NULL ? key : "");
		free(key);
	}
	return answer(w, cfg_buf_take(&b)) != p->option_inv;
}

static bool
icmp(const struct space_packet *k, const struct cfg_match *m)
{
	const struct cfg_m_icmp *i = &m->icmp;
	uint8_t code = k->dport & 0xff;
	bool same = k->dport >> 8 == i->type && code >= i->code_lo && code <= i->code_hi;

	if (k->fragment)
		return false;
	same |= m->id == CFG_M_ICMP && i->type == 255;
	return !i->set || same != i->invert;
}

static bool
multiport(struct walk *w, const struct cfg_rule *r, const struct cfg_match *m)
{
	const struct cfg_m_multiport *mp = &m->multiport;
	const struct space_packet *k = &w->now;
	bool found = false;

	if (k->fragment ||
	    (k->proto != IPPROTO_TCP && k->proto != IPPROTO_UDP && k->proto != IPPROTO_UDPLITE &&
	     k->proto != IPPROTO_SCTP && k->proto != IPPROTO_DCCP))
		return false;
	if (mp->side != CFG_MP_SOURCE && w->state.dport != SPACE_DST_OWN)
		return opaque(w, r, m);
	for (unsigned i = 0; i < mp->n; i++) {
		found |= mp->side != CFG_MP_DESTINATION && in(&mp->range[i], k->sport);
		found |= mp->side != CFG_MP_SOURCE && in(&mp->range[i], k->dport);
	}
	return found != mp->invert;
}

static bool
ct_state(struct walk *w, const struct cfg_rule *r, const struct cfg_match *m)
{
	char *text = cfg_match_to_save(r, m, w->p->w->family);
	bool more = text != NULL && space_more_than_state(text);
	uint8_t bits = w->now.ct;

	w->failed |= text == NULL;
	free(text);
	if (w->state.untracked)
		bits = CFG_CT_UNTRACKED;
	else if (w->table == CFG_RAW)
		bits = CFG_CT_INVALID;
	if ((m->state.mask & CFG_CT_DNAT) &&
	    (w->state.dst == SPACE_DST_UNKNOWN || w->state.dport == SPACE_DST_UNKNOWN))
		return opaque(w, r, m);
	if (m->state.mask != 0 && !!(m->state.mask & bits) == m->state.invert)
		return false;
	return !more || opaque(w, r, m);
}

static bool
iprange(struct walk *w, const struct cfg_rule *r, const struct cfg_match *m)
{
	const struct cfg_m_iprange *i = &m->iprange;
	const struct space_packet *k = &w->now;

	if (i->src_set && (memcmp(k->src, i->src_lo, 16) >= 0 &&
			   memcmp(k->src, i->src_hi, 16) <= 0) == i->src_inv)
		return false;
	if (i->dst_set && w->state.dst == SPACE_DST_UNKNOWN)
		return opaque(w, r, m);
	return !i->dst_set || (memcmp(k->dst, i->dst_lo, 16) >= 0 &&
			       memcmp(k->dst, i->dst_hi, 16) <= 0) != i->dst_inv;
}

static bool
ttl(struct walk *w, const struct cfg_rule *r, const struct cfg_match *m)
{
	const struct cfg_m_ttl *t = &m->ttl;
	uint8_t v = w->now.ttl - (w->p->path == SPACE_FORWARD && w->hook != CFG_PREROUTING);

	if (w->p->w->spoiled & SPACE_SPOILS_TTL)
		return opaque(w, r, m);
	if (t->op == CFG_TTL_LT)
		return v < t->value;
	return t->op == CFG_TTL_GT ? v > t->value : (v == t->value) != t->invert;
}

static bool
tos(struct walk *w, const struct cfg_rule *r, const struct cfg_match *m)
{
	const struct cfg_m_tos *t = &m->tos;

	if (w->p->w->spoiled & SPACE_SPOILS_TOS)
		return opaque(w, r, m);
	if (m->id == CFG_M_DSCP)
		return (w->now.tos >> 2 == t->value) != t->invert;
	return ((w->now.tos & t->mask) == t->value) != t->invert;
}

static bool
ecn(struct walk *w, const struct cfg_rule *r, const struct cfg_match *m)
{
	const struct cfg_m_ecn *e = &m->ecn;
	unsigned spoiled = w->p->w->spoiled;

	if (e->ect_set && (spoiled & SPACE_SPOILS_TOS ? !opaque(w, r, m)
						      : ((w->now.tos & 3) == e->ect) == e->ect_inv))
		return false;
	if (!e->ece && !e->cwr)
		return true;
	if (w->now.fragment)
		return false;
	if (spoiled & SPACE_SPOILS_FLAGS)
		return opaque(w, r, m);
	return (!e->ece || !(w->now.flags & 0x40) == e->ece_inv) &&
	       (!e->cwr || !(w->now.flags & 0x80) == e->cwr_inv);
}

static bool
match(struct walk *w, const struct cfg_rule *r, const struct cfg_match *m)
{
	const struct space_packet *k = &w->now;

	switch (m->id) {
	case CFG_M_COMMENT:
		return true;
	case CFG_M_CONNTRACK:
	case CFG_M_STATE:
		return ct_state(w, r, m);
	case CFG_M_DSCP:
	case CFG_M_TOS:
		return tos(w, r, m);
	case CFG_M_ECN:
		return ecn(w, r, m);
	case CFG_M_HL:
	case CFG_M_TTL:
		return ttl(w, r, m);
	case CFG_M_ICMP:
	case CFG_M_ICMP6:
		return icmp(k, m);
	case CFG_M_IPRANGE:
		return iprange(w, r, m);
	case CFG_M_LENGTH:
		return in(&m->length.range, k->length) != m->length.invert;
	case CFG_M_MAC:
		return k->has_mac && (memcmp(k->mac, m->mac.addr, 6) == 0) != m->mac.invert;
	case CFG_M_MARK:
		if (w->p->w->spoiled & SPACE_SPOILS_MARK)
			return opaque(w, r, m);
		return ((w->state.mark & m->mark.mask) == m->mark.value) != m->mark.invert;
	case CFG_M_MULTIPORT:
		return multiport(w, r, m);
	case CFG_M_PKTTYPE:
		return (k->pkttype == m->pkttype.type) != m->pkttype.invert;
	case CFG_M_TCP:
	case CFG_M_UDP:
		return ports(w, r, m);
	default:
		return opaque(w, r, m);
	}
}

static bool
rule_matches(struct walk *w, const struct cfg_rule *r)
{
	bool no_out = w->hook == CFG_PREROUTING || w->hook == CFG_INPUT;

	if (!addr(w, r, &r->src, false) || !addr(w, r, &r->dst, true) ||
	    !iface(&r->in, w->now.in) || !iface(&r->out, no_out ? "" : w->now.out))
		return false;
	if (r->proto_set && r->proto != 0 && (w->now.proto == r->proto) == r->proto_inv)
		return false;
	if (r->frag && w->now.fragment == r->frag_inv)
		return false;
	for (size_t i = 0; i < r->n_match; i++)
		if (!match(w, r, &r->match[i]))
			return false;
	return true;
}

// What a target that goes on, or a translation, changes for the rules behind it.
static void
apply(struct walk *w, const struct cfg_rule *r)
{
	struct space_packet was = w->now;
	const uint8_t family = w->p->w->family;

	w->state = space_state_after(w->p->w, &w->state, r);
	if (space_effect(r) != SPACE_TRANSLATES)
		return;
	if (w->state.dst == SPACE_DST_FIXED)
		bytes_of(w->now.dst, w->state.addr, family);
	if (w->state.dport == SPACE_DST_FIXED)
		w->now.dport = w->state.port;
	if (w->state.dst == SPACE_DST_UNKNOWN || w->state.dport == SPACE_DST_UNKNOWN)
		return;
	if (memcmp(was.dst, w->now.dst, 16) == 0 && was.dport == w->now.dport)
		w->state = (struct space_state){.mark = w->state.mark,
						.untracked = w->state.untracked};
	else
		w->now.ct |= CFG_CT_DNAT;
}

// One built-in chain. False: it ended the packet's way, and *fate says how; true: it goes on.
static bool
chain_walk(struct walk *w, enum space_use use, struct space_fate *fate)
{
	struct {
		const struct cfg_chain *chain;
		size_t next;
	} stack[DEPTH_MAX];
	const struct cfg_chain *top = w->chain, *c = top;
	unsigned depth = 0;
	size_t i = 0;

	for (;;) {
		const struct cfg_rule *r = i < c->n_rule ? &c->rule[i++] : NULL;
		enum space_effect e;

		w->chain = c;
		if (r != NULL && (!(r->family & w->p->w->family) || !rule_matches(w, r)))
			continue;
		e = r != NULL ? space_effect(r) : SPACE_RETURNS;
		if (e == SPACE_RETURNS && depth > 0) {
			c = stack[--depth].chain;
			i = stack[depth].next;
			continue;
		}
		if (e == SPACE_JUMPS || e == SPACE_GOES_TO) {
			if (depth == DEPTH_MAX) {
				w->failed = true;
				return false;
			}
			if (e == SPACE_JUMPS) {
				stack[depth].chain = c;
				stack[depth++].next = i;
			}
			c = cfg_chain_find(w->p->policy, w->table, r->target.chain);
			i = 0;
			continue;
		}
		if (e == SPACE_GOES_ON || e == SPACE_MARKS || e == SPACE_UNTRACKS) {
			apply(w, r);
			continue;
		}
		if (e == SPACE_RETURNS) {
			bool drop = (w->p->w->family == CFG_IPV4 ? top->policy4 : top->policy6) ==
				    CFG_POLICY_DROP;

			e = drop ? SPACE_DROPS : SPACE_ACCEPTS;
			r = NULL;
			c = top;
		}
		if (e != SPACE_ACCEPTS || w->table == CFG_FILTER || use == SPACE_FOR_NAT)
			*fate = (struct space_fate){e, w->table, c, r};
		if (e == SPACE_TRANSLATES && use != SPACE_FOR_NAT) {
			apply(w, r);
			return true;
		}
		return e == SPACE_ACCEPTS;
	}
}

// Is nat asked for the packet?
static bool
begins_connection(struct walk *w)
{
	if (w->state.untracked || w->now.ct == CFG_CT_NEW)
		return !w->state.untracked;
	return w->now.ct == CFG_CT_RELATED && answer(w, strdup(SPACE_FIRST_PACKET));
}

static bool
hook_walk(struct walk *w, enum cfg_table_id t, enum cfg_hook h, enum space_use use,
	  struct space_fate *fate)
{
	w->table = t;
	w->hook = h;
	w->chain = cfg_chain_find(w->p->policy, t, cfg_hook_name(h));
	if (w->chain == NULL || w->chain->hook != h || !(w->chain->family & w->p->w->family))
		return true;
	if (t == CFG_NAT && !begins_connection(w))
		return true;
	return chain_walk(w, use, fate);
}

bool
space_eval(struct space_prog *p, enum space_use use, enum cfg_hook nat_hook,
	   const struct space_point *pt, struct space_fate *fate)
{
	static const enum cfg_hook hooks[SPACE_PATHS][3] = {
		[SPACE_INPUT] = {CFG_PREROUTING, CFG_INPUT, CFG_HOOK_NONE},
		[SPACE_FORWARD] = {CFG_PREROUTING, CFG_FORWARD, CFG_POSTROUTING},
		[SPACE_OUTPUT] = {CFG_OUTPUT, CFG_POSTROUTING, CFG_HOOK_NONE},
	};
	struct walk w = {.p = p, .pt = pt};

	*fate = (struct space_fate){.effect = SPACE_ACCEPTS, .table = CFG_FILTER};
	space_packet(&w.now, p->w, pt);
	if (use == SPACE_FOR_NAT) {
		hook_walk(&w, CFG_NAT, nat_hook, use, fate);
		return !w.failed && !p->w->oom;
	}
	for (unsigned i = 0; i < 3 && hooks[p->path][i] != CFG_HOOK_NONE; i++) {
		enum cfg_hook h = hooks[p->path][i];
		bool nat_last = h == CFG_INPUT || h == CFG_POSTROUTING;

		for (int t = 0; t < CFG_TABLES; t++)
			if ((t != CFG_NAT || !nat_last) && !hook_walk(&w, t, h, use, fate))
				return !w.failed && !p->w->oom;
	}
	return !w.failed && !p->w->oom;
}
