// Random sound policies: every field of the model takes every kind of value sooner or later, within
// what cfg_policy_check lets pass.
#include "random_policy.h"
#include "drawn_target.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gen {
	uint64_t state;
	struct cfg_policy *p;
	enum cfg_table_id table;
};

static uint32_t
rnd(struct gen *g, uint32_t n)
{
	g->state ^= g->state << 13;
	g->state ^= g->state >> 7;
	g->state ^= g->state << 17;
	return (g->state >> 16) % n;
}

static bool
one_in(struct gen *g, uint32_t n)
{
	return rnd(g, n) == 0;
}

static uint32_t
rnd_of(void *gen, uint32_t n)
{
	return rnd(gen, n);
}

static void
random_mask(struct gen *g, uint8_t *mask, unsigned bytes)
{
	unsigned len = rnd(g, bytes * 8 + 1);

	memset(mask, 0, 16);
	for (unsigned i = 0; i < len; i++)
		mask[i / 8] |= 0x80 >> i % 8;
	if (one_in(g, 8)) // not contiguous
		mask[rnd(g, bytes)] ^= 1 << rnd(g, 8);
}

static void
random_addr(struct gen *g, struct cfg_addr *a, uint8_t family)
{
	unsigned bytes = family == CFG_IPV4 ? 4 : 16;

	*a = (struct cfg_addr){.family = family, .invert = one_in(g, 4)};
	random_mask(g, a->mask, bytes);
	for (unsigned i = 0; i < bytes; i++)
		a->addr[i] = rnd(g, 256) & a->mask[i];
}

static void
random_iface(struct gen *g, struct cfg_iface *i)
{
	static const char *const name[] = {
		"eth0", "lan", "wan.100", "a", "br-1_2@x", "fifteen-chars-x", ""};

	*i = (struct cfg_iface){.invert = one_in(g, 3)};
	strcpy(i->name, name[rnd(g, 7)]);
	i->wildcard = i->name[0] == '\0' || (strlen(i->name) < 15 && one_in(g, 3));
}

static struct cfg_range16
random_range(struct gen *g)
{
	struct cfg_range16 r = {rnd(g, 65536), 0};

	r.hi = one_in(g, 2) ? r.lo : r.lo + rnd(g, 65536 - r.lo);
	return r;
}

static void
random_ports(struct gen *g, struct cfg_match *m)
{
	struct cfg_m_ports *p = &m->ports;

	if ((p->sport_set = one_in(g, 2))) {
		p->sport = one_in(g, 6) ? (struct cfg_range16){0, 65535} : random_range(g);
		p->sport_inv = one_in(g, 3);
	}
	if ((p->dport_set = one_in(g, 2))) {
		p->dport = random_range(g);
		p->dport_inv = one_in(g, 3);
	}
	if (m->id != CFG_M_TCP)
		return;
	if ((p->flags_set = one_in(g, 3))) {
		p->flags_mask = one_in(g, 3) ? 0x17 : rnd(g, 64);
		p->flags_comp = one_in(g, 3) ? 0x02 : rnd(g, 64);
		p->flags_inv = one_in(g, 2);
	}
	if (one_in(g, 4)) {
		p->option = 1 + rnd(g, 255);
		p->option_inv = one_in(g, 2);
	}
}

static void
random_multiport(struct gen *g, struct cfg_m_multiport *m)
{
	unsigned slots = 1 + rnd(g, CFG_MULTIPORT_MAX);

	m->side = rnd(g, 3);
	m->invert = one_in(g, 3);
	while (slots > 0) {
		struct cfg_range16 r = random_range(g);

		if (slots == 1)
			r.hi = r.lo;
		slots -= r.hi == r.lo ? 1 : 2;
		m->range[m->n++] = r;
	}
}

static void
random_comment(struct gen *g, struct cfg_match *m)
{
	static const char *const piece[] = {"a",
					    "Z9",
					    " ",
					    "\"",
					    "\\",
					    "'",
					    "!",
					    "#",
					    ": ",
					    ", ",
					    "[",
					    "{",
					    "&*",
					    "\t",
					    "-",
					    "\xc3\xa4",
					    "\xe2\x82\xac",
					    "\xf0\x9f\x98\x80",
					    "\xc2\x85",
					    "\xe2\x80\xa8",
					    "null",
					    "true",
					    "0x10",
					    "1e3",
					    "~",
					    "%",
					    "@`|>",
					    "?"};
	char text[256] = "";
	unsigned n = rnd(g, 12);

	while (n-- > 0)
		strcat(text, piece[rnd(g, sizeof(piece) / sizeof(piece[0]))]);
	m->data = strdup(text);
	m->data_size = strlen(text) + 1;
}

// A rate that a text can say, so that it comes back the same.
static void
random_limit(struct gen *g, struct cfg_m_limit *l)
{
	static const uint32_t second[] = {1, 60, 3600};
	uint32_t cost, cap;

	l->avg = 10000 * second[rnd(g, 3)] / (1 + rnd(g, 59));
	l->burst = one_in(g, 3) ? 0 : 1 + rnd(g, 100);
	if (l->burst == 5)
		l->burst = 0;
	if (!cfg_limit_credits(l, &cost, &cap))
		l->burst = 1;
}

static void
random_iprange(struct gen *g, struct cfg_m_iprange *m, uint8_t family)
{
	unsigned bytes = family == CFG_IPV4 ? 4 : 16, given = 1 + rnd(g, 3);

	m->family = family;
	m->src_set = given & 1;
	m->dst_set = given & 2;
	m->src_inv = m->src_set && one_in(g, 3);
	m->dst_inv = m->dst_set && one_in(g, 3);
	for (unsigned i = 0; i < bytes; i++) {
		if (m->src_set)
			m->src_lo[i] = m->src_hi[i] = rnd(g, 256);
		if (m->dst_set)
			m->dst_lo[i] = m->dst_hi[i] = rnd(g, 256);
	}
	if (m->src_set)
		m->src_hi[bytes - 2] |= rnd(g, 256);
	if (m->dst_set)
		m->dst_hi[bytes - 2] |= rnd(g, 256);
}

// False: not one of those that look at the packet as a whole.
static bool
random_packet_match(struct gen *g, struct cfg_match *m, uint8_t family)
{
	bool invert = one_in(g, 3);

	switch (m->id) {
	case CFG_M_MARK:
		m->mark = (struct cfg_m_mark){
			rnd(g, UINT32_MAX), one_in(g, 2) ? UINT32_MAX : rnd(g, UINT32_MAX), invert};
		return true;
	case CFG_M_LENGTH:
		m->length = (struct cfg_m_length){random_range(g), invert};
		return true;
	case CFG_M_IPRANGE:
		random_iprange(g, &m->iprange, family);
		return true;
	case CFG_M_TTL:
	case CFG_M_HL:
		m->ttl = (struct cfg_m_ttl){rnd(g, 3), rnd(g, 256), false};
		m->ttl.invert = m->ttl.op == CFG_TTL_EQ && invert;
		return true;
	case CFG_M_PKTTYPE:
		m->pkttype = (struct cfg_m_pkttype){rnd(g, 4), invert};
		return true;
	case CFG_M_MAC:
		m->mac.invert = invert;
		for (unsigned i = 0; i < 6; i++)
			m->mac.addr[i] = rnd(g, 256);
		return true;
	case CFG_M_TOS:
		m->tos = (struct cfg_m_tos){rnd(g, 256), rnd(g, 256), invert};
		return true;
	case CFG_M_DSCP:
		m->tos = (struct cfg_m_tos){.value = rnd(g, 64), .invert = invert};
		return true;
	case CFG_M_ECN:
		m->ecn = (struct cfg_m_ecn){.ect_set = true, .ect_inv = invert, .ect = rnd(g, 4)};
		return true;
	default:
		return false;
	}
}

static void
random_match(struct gen *g, struct cfg_rule *r, enum cfg_match_id id)
{
	struct cfg_match *m = cfg_match_add(r, id);

	if (random_packet_match(g, m, r->family))
		return;
	switch (id) {
	case CFG_M_TCP:
	case CFG_M_UDP:
		random_ports(g, m);
		break;
	case CFG_M_ICMP:
	case CFG_M_ICMP6:
		m->icmp = (struct cfg_m_icmp){
			.set = true, .invert = one_in(g, 3), .type = rnd(g, 256), .code_hi = 255};
		if (m->icmp.type != 255 && one_in(g, 2))
			m->icmp.code_lo = m->icmp.code_hi = rnd(g, 256);
		break;
	case CFG_M_MULTIPORT:
		random_multiport(g, &m->multiport);
		break;
	case CFG_M_CONNTRACK:
		m->state = (struct cfg_m_state){1 + rnd(g, 127), one_in(g, 3)};
		break;
	case CFG_M_LIMIT:
		random_limit(g, &m->limit);
		break;
	case CFG_M_STATE:
		m->state = (struct cfg_m_state){1 + rnd(g, 15), one_in(g, 3)};
		break;
	default:
		random_comment(g, m);
		break;
	}
}

// Of those that look at the packet as a whole, one that can stand in the rule.
static void
random_packet_matches(struct gen *g, struct cfg_rule *r)
{
	static const enum cfg_match_id any[] = {CFG_M_MARK, CFG_M_LENGTH, CFG_M_PKTTYPE,
						CFG_M_TOS,  CFG_M_DSCP,	  CFG_M_ECN};
	unsigned n = rnd(g, 8);

	if (n < 6)
		random_match(g, r, any[n]);
	else if (r->family == CFG_BOTH)
		return;
	else if (n == 6)
		random_match(g, r, CFG_M_IPRANGE);
	else
		random_match(g, r, r->family == CFG_IPV4 ? CFG_M_TTL : CFG_M_HL);
	if (n == 5 && !r->proto_inv && r->proto == IPPROTO_TCP) {
		struct cfg_m_ecn *m = &r->match[r->n_match - 1].ecn;

		m->ece = one_in(g, 2);
		m->ece_inv = m->ece && one_in(g, 2);
		m->cwr = one_in(g, 2);
		m->cwr_inv = m->cwr && one_in(g, 2);
	}
}

static void
random_matches(struct gen *g, struct cfg_rule *r)
{
	if (one_in(g, 3))
		random_packet_matches(g, r);
	if (one_in(g, 2))
		drawn_match(r, false, rnd_of, g);
	if (one_in(g, 4))
		random_conn_match((uint64_t)rnd(g, UINT32_MAX) << 32 | 1, r);
	for (unsigned n = rnd(g, 5); n > 0; n--) {
		switch (rnd(g, 7)) {
		case 4:
			random_match(g, r, CFG_M_LIMIT);
			break;
		case 0:
			random_match(g, r, CFG_M_COMMENT);
			break;
		case 1:
			random_match(g, r, CFG_M_CONNTRACK);
			break;
		case 2:
			random_match(g, r, CFG_M_STATE);
			break;
		case 3:
			if (!r->proto_inv && (r->proto == IPPROTO_TCP || r->proto == IPPROTO_UDP ||
					      r->proto == IPPROTO_SCTP))
				random_match(g, r, CFG_M_MULTIPORT);
			break;
		default:
			if (!r->proto_inv && r->proto == IPPROTO_TCP)
				random_match(g, r, CFG_M_TCP);
			else if (!r->proto_inv && r->proto == IPPROTO_UDP)
				random_match(g, r, CFG_M_UDP);
			else if (!r->proto_inv && r->proto == IPPROTO_ICMP && r->family == CFG_IPV4)
				random_match(g, r, CFG_M_ICMP);
			else if (!r->proto_inv && r->proto == IPPROTO_ICMPV6 &&
				 r->family == CFG_IPV6)
				random_match(g, r, CFG_M_ICMP6);
		}
	}
}

static void
random_reject(struct gen *g, const struct cfg_rule *r, struct cfg_target *t)
{
	t->id = CFG_T_REJECT;
	if (r->proto == IPPROTO_TCP && !r->proto_inv && one_in(g, 2))
		t->reject = CFG_REJ_TCP_RESET;
	else if (r->family == CFG_IPV4)
		t->reject = CFG_REJ_NET_UNREACH + rnd(g, CFG_REJ_TCP_RESET);
	else if (r->family == CFG_IPV6)
		t->reject = CFG_REJ6_NO_ROUTE + rnd(g, CFG_REJ_DEFAULT - CFG_REJ6_NO_ROUTE);
	else
		t->reject = CFG_REJ_DEFAULT;
}

static void
random_nat_addr(struct gen *g, const struct cfg_rule *r, struct cfg_t_nat *n)
{
	unsigned bytes = r->family == CFG_IPV4 ? 4 : 16;

	n->family = r->family;
	for (unsigned i = 0; i < bytes; i++)
		n->addr_min[i] = rnd(g, 256);
	memcpy(n->addr_max, n->addr_min, 16);
	if (one_in(g, 2) && n->addr_max[bytes - 1] < 255)
		n->addr_max[bytes - 1] += 1 + rnd(g, 255 - n->addr_max[bytes - 1]);
}

static void
random_nat(struct gen *g, const struct cfg_rule *r, enum cfg_target_id id, struct cfg_target *t)
{
	bool addr = id == CFG_T_SNAT || id == CFG_T_DNAT;
	struct cfg_t_nat *n = &t->nat;
	struct cfg_range16 ports = random_range(g);

	t->id = id;
	n->has_ports =
		(r->proto == IPPROTO_TCP || r->proto == IPPROTO_UDP || r->proto == IPPROTO_SCTP) &&
		one_in(g, 2);
	if (addr && r->family != CFG_BOTH && (!n->has_ports || !one_in(g, 4)))
		random_nat_addr(g, r, n);
	if (addr && n->family == 0 && !n->has_ports) {
		t->id = CFG_T_RETURN;
		return;
	}
	if (n->has_ports) {
		n->port_min = ports.lo;
		n->port_max = ports.hi;
		if (id == CFG_T_DNAT && ports.lo != ports.hi && one_in(g, 3))
			n->port_base = 1 + rnd(g, 65535);
	}
	n->random = one_in(g, 3);
	n->random_fully = (id == CFG_T_SNAT || id == CFG_T_MASQUERADE) && one_in(g, 3);
	n->persistent = addr && one_in(g, 3);
}

// A chain that stands below and exists in the rule's families, so that nothing closes a circle.
static void
random_jump(struct gen *g, const struct cfg_rule *r, size_t below, struct cfg_target *t)
{
	const struct cfg_table *table = &g->p->table[g->table];
	const struct cfg_chain *to;

	if (below >= table->n_chain)
		return;
	to = table->chain[below + rnd(g, table->n_chain - below)];
	if (to->hook != CFG_HOOK_NONE || (r->family & ~to->family) != 0)
		return;
	t->id = one_in(g, 3) ? CFG_T_GOTO : CFG_T_JUMP;
	strcpy(t->chain, to->name);
}

static void
random_mark(struct gen *g, struct cfg_target *t)
{
	uint32_t value = rnd(g, UINT32_MAX), mask = rnd(g, UINT32_MAX);

	t->id = CFG_T_MARK;
	t->mark.value = one_in(g, 4) ? 0 : value >> rnd(g, 32);
	t->mark.mask = one_in(g, 3) ? UINT32_MAX : one_in(g, 3) ? 0 : mask >> rnd(g, 32);
}

static void
random_ct(struct gen *g, const struct cfg_rule *r, struct cfg_target *t)
{
	t->id = one_in(g, 2) ? CFG_T_NOTRACK : CFG_T_CT;
	if (t->id == CFG_T_NOTRACK)
		return;
	if (r->proto_set && !r->proto_inv && r->proto == IPPROTO_TCP && one_in(g, 2)) {
		t->ct.helper = one_in(g, 2) ? CFG_HELPER_FTP : CFG_HELPER_SIP;
		strcpy(t->ct.helper_name, cfg_helper_name(t->ct.helper));
	}
	if (one_in(g, 2)) {
		t->ct.zone = rnd(g, 65536);
		t->ct.zone_dirs = rnd(g, 3);
		t->ct.zone_mark = one_in(g, 4);
		if (t->ct.zone_mark)
			t->ct.zone = 0; // says nothing then
		if (t->ct.zone == 0 && !t->ct.zone_mark)
			t->ct.zone_dirs = 0;
	}
	if (one_in(g, 3)) {
		t->ct.ctevents = rnd(g, 1024);
		t->ct.expevents = one_in(g, 2);
		t->data = strdup("slow_ones");
		t->data_size = sizeof("slow_ones");
	}
	t->ct.notrack = one_in(g, 4);
}

static void
random_target(struct gen *g, const struct cfg_chain *c, size_t below, struct cfg_rule *r)
{
	static const enum cfg_target_id plain[] = {CFG_T_ACCEPT, CFG_T_DROP, CFG_T_RETURN};
	struct cfg_target *t = &r->target;

	switch (rnd(g, 7)) {
	case 0:
		break;
	case 4:
		if (g->table == CFG_RAW && one_in(g, 2))
			random_ct(g, r, t);
		else if (one_in(g, 2))
			random_connmark((uint64_t)rnd(g, UINT32_MAX) << 32 | 1, t);
		else
			random_mark(g, t);
		break;
	case 1:
	case 2:
		random_jump(g, r, below, t);
		break;
	case 3:
		t->id = plain[rnd(g, 3)];
		if (g->table == CFG_NAT && t->id == CFG_T_DROP)
			t->id = CFG_T_ACCEPT; // iptables does not have it there
		break;
	default:
		if (g->table == CFG_FILTER)
			random_reject(g, r, t);
		else if (g->table == CFG_NAT && c->hook == CFG_POSTROUTING)
			random_nat(g, r, one_in(g, 2) ? CFG_T_SNAT : CFG_T_MASQUERADE, t);
		else if (g->table == CFG_NAT &&
			 (c->hook == CFG_PREROUTING || c->hook == CFG_OUTPUT))
			random_nat(g, r, one_in(g, 2) ? CFG_T_DNAT : CFG_T_REDIRECT, t);
		else if (!drawn_target(r, g->table, false, rnd_of, g))
			t->id = CFG_T_ACCEPT;
	}
}

static void
random_rule(struct gen *g, struct cfg_chain *c, size_t below)
{
	static const uint8_t proto[] = {6, 6, 6, 17, 17, 1, 58, 132, 47, 200, 255};
	struct cfg_rule *r = cfg_rule_add(c);

	r->family = c->family == CFG_BOTH ? 1 + rnd(g, 3) : c->family;
	if (r->family != CFG_BOTH && one_in(g, 3))
		random_addr(g, &r->src, r->family);
	if (r->family != CFG_BOTH && one_in(g, 3))
		random_addr(g, &r->dst, r->family);
	if (one_in(g, 4) && c->hook != CFG_OUTPUT && c->hook != CFG_POSTROUTING)
		random_iface(g, &r->in);
	if (one_in(g, 4) && c->hook != CFG_PREROUTING && c->hook != CFG_INPUT)
		random_iface(g, &r->out);
	if (!one_in(g, 3)) {
		r->proto_set = true;
		r->proto = proto[rnd(g, sizeof(proto))];
		r->proto_inv = one_in(g, 6);
	}
	if (r->family == CFG_IPV4 && one_in(g, 8)) {
		r->frag = true;
		r->frag_inv = one_in(g, 2);
	}
	random_matches(g, r);
	random_target(g, c, below, r);
	if (one_in(g, 3)) {
		r->packets = rnd(g, 1000000);
		r->bytes = (uint64_t)rnd(g, 1000000) * 1500;
	}
}

static void
random_chains(struct gen *g, uint8_t families)
{
	static const char *const user[] = {"a",
					   "zone_lan",
					   "Z-1",
					   "family",
					   "null",
					   "80",
					   "twenty-eight-characters-long",
					   "\xc3\xa4"};
	struct cfg_table *table = &g->p->table[g->table];

	for (int h = 0; h < CFG_HOOKS; h++) {
		struct cfg_chain *c;

		if (!cfg_table_has_hook(g->table, h))
			continue;
		c = cfg_chain_add(g->p, g->table, cfg_hook_name(h));
		c->family = families;
		if (families & CFG_IPV4) {
			c->policy4 = rnd(g, 2);
			c->packets4 = one_in(g, 2) ? rnd(g, 1000) : 0;
		}
		if (families & CFG_IPV6) {
			c->policy6 = rnd(g, 2);
			c->bytes6 = one_in(g, 2) ? rnd(g, 1000) : 0;
		}
	}
	for (size_t i = 0; i < sizeof(user) / sizeof(user[0]); i++)
		if (one_in(g, 2))
			cfg_chain_add(g->p, g->table, user[i])->family =
				families == CFG_BOTH ? 1 + rnd(g, 3) : families;
	for (size_t i = 0; i < table->n_chain; i++) {
		struct cfg_chain *c = table->chain[i];
		size_t below = i + 1;

		while (below < table->n_chain && table->chain[below]->hook != CFG_HOOK_NONE)
			below++;
		for (unsigned n = rnd(g, 8); n > 0; n--)
			random_rule(g, c, below);
	}
	table->family = families;
}

struct cfg_policy *
random_policy(uint64_t seed, uint8_t families)
{
	struct gen g = {.state = seed * 0x9e3779b97f4a7c15 + 1, .p = cfg_policy_new()};
	struct cfg_conntrack *ct = &g.p->conntrack;

	for (int i = 0; i < 8; i++)
		rnd(&g, 2);
	for (int t = 0; t < CFG_TABLES; t++) {
		g.table = t;
		if (one_in(&g, 3))
			continue;
		random_chains(&g, families);
		g.p->table[t].pos = (struct cfg_pos){1 + rnd(&g, 1000), 3};
	}
	if (families == CFG_BOTH) {
		ct->max = one_in(&g, 2) ? 1 + rnd(&g, 100000) : 0;
		ct->icmpv6_timeout = one_in(&g, 2) ? 1 + rnd(&g, 100) : 0;
		ct->sctp_timeout_established = one_in(&g, 2) ? 1 + rnd(&g, 100) : 0;
		ct->max_per_source = one_in(&g, 2) ? 1 + rnd(&g, 1000) : 0;
		ct->expect_max = one_in(&g, 2) ? 1 + rnd(&g, 100) : 0;
		ct->frag6_timeout = one_in(&g, 2) ? 1 + rnd(&g, 100) : 0;
		ct->ipfrag_high_thresh = one_in(&g, 2) ? 1 + rnd(&g, 100000) : 0;
		ct->ipfrag_max_dist = rnd(&g, 3);
		ct->events = rnd(&g, 4);
		ct->log_invalid = one_in(&g, 2) ? rnd(&g, 257) : 0;
		ct->acct_off = one_in(&g, 2);
		ct->timestamp = one_in(&g, 2);
		ct->tcp_ignore_invalid_rst = one_in(&g, 2);
		ct->checksum_off = one_in(&g, 2);
		ct->tcp_be_liberal = one_in(&g, 2);
		ct->tcp_loose_off = one_in(&g, 2);
		g.p->port_selection = rnd(&g, 4);
	}
	return g.p;
}
