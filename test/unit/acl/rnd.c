// Random policies and packets; see rnd.h. Aborts where a packet that was meant to parse does not:
// the tests stand on that.
#include "rnd.h"
#include "flows.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>

#include "test/unit/config/drawn_target.h"

const char *const rnd_port_name[RND_PORTS] = {"lan", "wan", "dmz", "eth0", "eth1", "eth10"};

uint64_t
rnd_next(struct rnd *r)
{
	uint64_t x = r->state += 0x9e3779b97f4a7c15; // splitmix64

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

unsigned
rnd_below(struct rnd *r, unsigned n)
{
	return (unsigned)(rnd_next(r) % n);
}

bool
rnd_one_in(struct rnd *r, unsigned n)
{
	return rnd_below(r, n) == 0;
}

static uint16_t
rnd_port(struct rnd *r)
{
	static const uint16_t edge[] = {0, 1, 80, 443, 65534, 65535};

	return rnd_one_in(r, 5) ? edge[rnd_below(r, RTE_DIM(edge))] : 20 + rnd_below(r, 12);
}

static uint8_t
rnd_proto(struct rnd *r, bool v6)
{
	static const uint8_t proto[] = {IPPROTO_TCP, IPPROTO_UDP,     IPPROTO_TCP,
					IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP,
					50,	     IPPROTO_DCCP,    47};

	if (rnd_one_in(r, 5))
		return v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	return proto[rnd_below(r, RTE_DIM(proto))];
}

static void
rnd_addr(struct rnd *r, uint8_t *a, bool v6)
{
	memset(a, 0, 16);
	if (v6) {
		a[0] = 0x20;
		a[1] = 0x01;
		a[7] = rnd_below(r, 2);
		a[8] = rnd_one_in(r, 4) ? 0x80 : 0;
		a[15] = rnd_below(r, 8);
	} else {
		a[0] = 10;
		a[2] = rnd_below(r, 2) * 128 + rnd_below(r, 2);
		a[3] = rnd_below(r, 8);
	}
}

static void
rnd_cfg_addr(struct rnd *r, struct cfg_addr *out, bool v6)
{
	static const uint8_t len4[] = {32, 32, 31, 30, 24, 17, 16, 8, 1, 0};
	static const uint8_t len6[] = {128, 128, 127, 126, 72, 65, 64, 56, 16, 0};
	unsigned len = v6 ? len6[rnd_below(r, 10)] : len4[rnd_below(r, 10)];

	out->family = v6 ? CFG_IPV6 : CFG_IPV4;
	out->invert = rnd_one_in(r, 4);
	rnd_addr(r, out->addr, v6);
	for (unsigned i = 0; i < len; i++)
		out->mask[i / 8] |= 0x80 >> i % 8;
	if (rnd_one_in(r, 8)) // not contiguous
		out->mask[v6 ? 7 : 2] = 0x01;
	for (unsigned i = 0; i < 16; i++)
		out->addr[i] &= out->mask[i];
}

static void
rnd_iface(struct rnd *r, struct cfg_iface *out)
{
	static const struct cfg_iface choice[] = {
		{.name = "lan"},    {.name = "wan"},
		{.name = "eth1"},   {.name = "eth", .wildcard = true},
		{.wildcard = true}, {.name = "eth1", .wildcard = true},
		{.name = "none"}};

	*out = choice[rnd_below(r, RTE_DIM(choice))];
	out->invert = rnd_one_in(r, 3);
}

static struct cfg_range16
rnd_range(struct rnd *r)
{
	uint16_t a = rnd_port(r), b = rnd_port(r);

	if (rnd_one_in(r, 2))
		b = a;
	return (struct cfg_range16){RTE_MIN(a, b), RTE_MAX(a, b)};
}

static void
rnd_ports_match(struct rnd *r, struct cfg_match *m)
{
	struct cfg_m_ports *p = &m->ports;

	p->sport = p->dport = (struct cfg_range16){0, 65535};
	if (rnd_one_in(r, 3)) {
		p->sport_set = true;
		p->sport = rnd_range(r);
		p->sport_inv = rnd_one_in(r, 3);
	}
	if (!rnd_one_in(r, 3)) {
		p->dport_set = true;
		p->dport = rnd_range(r);
		p->dport_inv = rnd_one_in(r, 4);
	}
	if (m->id == CFG_M_UDP)
		return;
	if (rnd_one_in(r, 4)) {
		p->flags_set = true;
		p->flags_inv = rnd_one_in(r, 3);
		p->flags_mask = rnd_one_in(r, 2) ? 0x17 : rnd_next(r);
		p->flags_comp = rnd_one_in(r, 2) ? 0x02 : rnd_next(r);
		if (!rnd_one_in(r, 10))
			p->flags_comp &= p->flags_mask;
	}
	if (rnd_one_in(r, 6)) {
		p->option = 1 + rnd_below(r, 5);
		p->option_inv = rnd_one_in(r, 3);
	}
}

static void
rnd_icmp_match(struct rnd *r, struct cfg_match *m)
{
	m->icmp.set = !rnd_one_in(r, 6);
	m->icmp.type = rnd_one_in(r, 8) ? 255 : rnd_below(r, 5);
	m->icmp.code_hi = 255;
	if (rnd_one_in(r, 2))
		m->icmp.code_lo = m->icmp.code_hi = rnd_below(r, 4);
	m->icmp.invert = rnd_one_in(r, 3);
}

static void
rnd_multiport_match(struct rnd *r, struct cfg_match *m)
{
	m->multiport.side = rnd_below(r, 3);
	m->multiport.invert = rnd_one_in(r, 3);
	m->multiport.n = 1 + rnd_below(r, rnd_one_in(r, 4) ? CFG_MULTIPORT_MAX : 4);
	for (unsigned i = 0; i < m->multiport.n; i++)
		m->multiport.range[i] = rnd_range(r);
}

static void
rnd_state_match(struct rnd *r, struct cfg_match *m)
{
	m->state.mask = 1 + rnd_below(r, 127);
	if (rnd_one_in(r, 2))
		m->state.mask = rnd_one_in(r, 2) ? CFG_CT_ESTABLISHED | CFG_CT_RELATED : CFG_CT_NEW;
	m->state.invert = rnd_one_in(r, 4);
}

static struct cfg_match *
match_add(struct cfg_rule *rule, enum cfg_match_id id)
{
	struct cfg_match *m = cfg_match_add(rule, id);

	if (m == NULL)
		abort();
	return m;
}

// One of those that look at the packet as a whole.
static void
rnd_packet_match(struct rnd *r, struct cfg_rule *rule)
{
	static const enum cfg_match_id any[] = {CFG_M_MARK, CFG_M_LENGTH, CFG_M_PKTTYPE, CFG_M_MAC,
						CFG_M_TOS,  CFG_M_DSCP,	  CFG_M_ECN,	 CFG_M_TTL};
	struct cfg_match *m = match_add(rule, any[rnd_below(r, RTE_DIM(any))]);
	bool invert = rnd_one_in(r, 3);

	switch (m->id) {
	case CFG_M_MARK:
		m->mark = (struct cfg_m_mark){rnd_below(r, 3), 3, invert};
		break;
	case CFG_M_LENGTH:
		m->length = (struct cfg_m_length){{20 + rnd_below(r, 40), 60}, invert};
		break;
	case CFG_M_PKTTYPE:
		m->pkttype = (struct cfg_m_pkttype){rnd_below(r, 3), invert};
		break;
	case CFG_M_MAC:
		m->mac.addr[5] = rnd_below(r, 2);
		m->mac.invert = invert;
		break;
	case CFG_M_TOS:
		m->tos = (struct cfg_m_tos){rnd_below(r, 8), 7, invert};
		break;
	case CFG_M_DSCP:
		m->tos = (struct cfg_m_tos){.value = rnd_below(r, 2), .invert = invert};
		break;
	case CFG_M_ECN:
		m->ecn = (struct cfg_m_ecn){.ect_set = true, .ect_inv = invert};
		m->ecn.ece = rule->proto == IPPROTO_TCP && !rule->proto_inv;
		break;
	default:
		if (rule->family == CFG_BOTH || rule->family == CFG_IPV6)
			m->id = CFG_M_HL;
		rule->family = m->id == CFG_M_HL ? CFG_IPV6 : CFG_IPV4;
		m->ttl = (struct cfg_m_ttl){rnd_below(r, 3), 63 + rnd_below(r, 3), false};
		break;
	}
}

static void
rnd_limit_match(struct rnd *r, struct cfg_match *m)
{
	m->limit.avg = rnd_one_in(r, 2) ? 10000 / (1 + rnd_below(r, 500)) : 600000;
	m->limit.burst = 1 + rnd_below(r, 12);
}

static uint32_t
drawn_below(void *r, uint32_t n)
{
	return rnd_below(r, n);
}

static void
rnd_matches(struct rnd *r, struct cfg_rule *rule)
{
	if (rnd_one_in(r, 3))
		drawn_match(rule, true, drawn_below, r);
	if (rnd_one_in(r, 4))
		rnd_packet_match(r, rule);
	if (rule->proto_set && !rule->proto_inv) {
		if (rule->proto == IPPROTO_TCP && !rnd_one_in(r, 4))
			rnd_ports_match(r, match_add(rule, CFG_M_TCP));
		if (rule->proto == IPPROTO_UDP && !rnd_one_in(r, 4))
			rnd_ports_match(r, match_add(rule, CFG_M_UDP));
		if (rule->proto == IPPROTO_ICMP && !rnd_one_in(r, 4))
			rnd_icmp_match(r, match_add(rule, CFG_M_ICMP));
		if (rule->proto == IPPROTO_ICMPV6 && !rnd_one_in(r, 4))
			rnd_icmp_match(r, match_add(rule, CFG_M_ICMP6));
		if (rule->proto != IPPROTO_ICMP && rule->proto != IPPROTO_ICMPV6 &&
		    rule->proto != 47 && rule->proto != 50)
			for (unsigned n = rnd_below(r, 5); n > 2; n--)
				rnd_multiport_match(r, match_add(rule, CFG_M_MULTIPORT));
	}
	if (rnd_one_in(r, 4))
		rnd_conn_match(r, rule);
	if (rnd_one_in(r, 8))
		rnd_limit_match(r, match_add(rule, CFG_M_LIMIT));
	for (unsigned n = rnd_below(r, 6); n > 3; n--)
		rnd_state_match(r, match_add(rule, n & 1 ? CFG_M_STATE : CFG_M_CONNTRACK));
}

static void
rnd_nat(struct rnd *r, struct cfg_t_nat *nat, enum cfg_target_id id, bool v6)
{
	if (id == CFG_T_SNAT || id == CFG_T_DNAT || id == CFG_T_NETMAP) {
		nat->family = v6 ? CFG_IPV6 : CFG_IPV4;
		rnd_addr(r, nat->addr_min, v6);
		memcpy(nat->addr_max, nat->addr_min, 16);
	}
	if (id == CFG_T_NETMAP)
		return;
	nat->has_ports = rnd_one_in(r, 2);
	nat->port_min = nat->port_max = rnd_port(r);
	nat->random = rnd_one_in(r, 4);
	nat->persistent = rnd_one_in(r, 4);
}

static void
rnd_target(struct rnd *r, struct cfg_rule *rule, enum cfg_table_id table, const char *to, bool v6)
{
	static const enum cfg_target_id plain[] = {CFG_T_NONE, CFG_T_ACCEPT, CFG_T_ACCEPT,
						   CFG_T_DROP, CFG_T_RETURN, CFG_T_ACCEPT};
	static const enum cfg_target_id nat[] = {CFG_T_MASQUERADE, CFG_T_SNAT, CFG_T_DNAT,
						 CFG_T_REDIRECT, CFG_T_NETMAP};
	struct cfg_target *t = &rule->target;

	if (to != NULL && rnd_one_in(r, 3)) {
		t->id = rnd_one_in(r, 3) ? CFG_T_GOTO : CFG_T_JUMP;
		strcpy(t->chain, to);
		return;
	}
	if (rnd_one_in(r, 7) && drawn_target(rule, table, true, drawn_below, r))
		return;
	t->id = plain[rnd_below(r, RTE_DIM(plain))];
	if (rnd_one_in(r, 7)) {
		t->id = CFG_T_MARK;
		t->mark.value = rnd_below(r, 4);
		t->mark.mask = rnd_one_in(r, 3) ? UINT32_MAX : rnd_below(r, 4);
	}
	if (rnd_one_in(r, 8))
		rnd_connmark(r, t);
	if (table == CFG_RAW && rnd_one_in(r, 6)) {
		t->id = rnd_one_in(r, 2) ? CFG_T_NOTRACK : CFG_T_CT;
		t->ct = (struct cfg_t_ct){.notrack = t->id == CFG_T_CT && rnd_one_in(r, 2)};
	}
	if (table == CFG_FILTER && rnd_one_in(r, 6)) {
		t->id = CFG_T_REJECT;
		t->reject = rnd_one_in(r, 3) ? CFG_REJ_TCP_RESET : CFG_REJ_DEFAULT;
	}
	if (table == CFG_NAT && rnd_one_in(r, 2)) {
		t->id = nat[rnd_below(r, RTE_DIM(nat))];
		t->nat = (struct cfg_t_nat){0};
		rnd_nat(r, &t->nat, t->id, v6);
		if (t->nat.family != 0)
			rule->family = t->nat.family;
	}
}

void
rnd_rule(struct rnd *r, struct cfg_chain *c, enum cfg_table_id table, const char *to)
{
	struct cfg_rule *rule = cfg_rule_add(c);
	bool v6 = rnd_one_in(r, 2);

	if (rule == NULL)
		abort();
	rule->family = rnd_one_in(r, 3) ? CFG_BOTH : v6 ? CFG_IPV6 : CFG_IPV4;
	if (rule->family != CFG_BOTH) {
		if (rnd_one_in(r, 2))
			rnd_cfg_addr(r, &rule->src, v6);
		if (rnd_one_in(r, 2))
			rnd_cfg_addr(r, &rule->dst, v6);
	}
	if (rnd_one_in(r, 5))
		rnd_iface(r, &rule->in);
	if (rnd_one_in(r, 6))
		rnd_iface(r, &rule->out);
	if (!rnd_one_in(r, 4)) {
		rule->proto_set = true;
		rule->proto = rnd_proto(r, v6);
		rule->proto_inv = rnd_one_in(r, 6);
		if (rule->proto == IPPROTO_ICMP || rule->proto == IPPROTO_ICMPV6)
			rule->family = v6 ? CFG_IPV6 : CFG_IPV4;
	}
	if (rule->family == CFG_IPV4 && rnd_one_in(r, 20)) {
		rule->frag = true;
		rule->frag_inv = rnd_one_in(r, 2);
	}
	rnd_matches(r, rule);
	rnd_target(r, rule, table, to, v6);
}

// A rule that names one flow and ends the walk: what long segments are made of.
static void
rnd_narrow_rule(struct rnd *r, struct cfg_chain *c, const char *to)
{
	struct cfg_rule *rule = cfg_rule_add(c);
	bool v6 = rnd_one_in(r, 2);
	struct cfg_match *m;

	if (rule == NULL)
		abort();
	rule->family = v6 ? CFG_IPV6 : CFG_IPV4;
	rnd_cfg_addr(r, &rule->src, v6);
	rnd_cfg_addr(r, &rule->dst, v6);
	rule->src.invert = rule->dst.invert = false;
	rule->proto_set = true;
	rule->proto = rnd_one_in(r, 2) ? IPPROTO_TCP : IPPROTO_UDP;
	m = match_add(rule, rule->proto == IPPROTO_TCP ? CFG_M_TCP : CFG_M_UDP);
	m->ports.sport = (struct cfg_range16){0, 65535};
	m->ports.dport = rnd_range(r);
	m->ports.dport_set = true;
	rule->target.id = rnd_one_in(r, 2) ? CFG_T_ACCEPT : CFG_T_DROP;
	if (to != NULL && rnd_one_in(r, 12)) {
		rule->target.id = CFG_T_JUMP;
		strcpy(rule->target.chain, to);
	}
}

#define USER_CHAINS 5

static void
rnd_table(struct rnd *r, struct cfg_policy *p, enum cfg_table_id id, bool big)
{
	char name[USER_CHAINS][8];

	for (int h = 0; h < CFG_HOOKS; h++) {
		struct cfg_chain *c;

		if (!cfg_table_has_hook(id, h) || rnd_one_in(r, 8))
			continue;
		c = cfg_chain_add(p, id, cfg_hook_name(h));
		c->policy4 = rnd_one_in(r, 4) ? CFG_POLICY_DROP : CFG_POLICY_ACCEPT;
		c->policy6 = rnd_one_in(r, 4) ? CFG_POLICY_DROP : CFG_POLICY_ACCEPT;
	}
	for (unsigned i = 0; i < USER_CHAINS; i++) {
		snprintf(name[i], sizeof(name[i]), "user%u", i);
		cfg_chain_add(p, id, name[i]);
	}
	for (size_t i = 0; i < p->table[id].n_chain; i++) {
		struct cfg_chain *c = p->table[id].chain[i];
		unsigned first = 0, n = rnd_below(r, 12);

		if (c->hook == CFG_HOOK_NONE) // jumps go to later chains only: no loops
			first = c->name[4] - '0' + 1;
		for (unsigned k = 0; k < n; k++)
			rnd_rule(r, c, id,
				 first < USER_CHAINS
					 ? name[first + rnd_below(r, USER_CHAINS - first)]
					 : NULL);
		for (unsigned k = big && rnd_one_in(r, 6) ? 20 + rnd_below(r, 150) : 0; k > 0; k--)
			rnd_narrow_rule(r, c, first < USER_CHAINS ? name[first] : NULL);
	}
}

struct cfg_policy *
rnd_policy(struct rnd *r, bool big)
{
	struct cfg_policy *p = cfg_policy_new();

	if (p == NULL)
		abort();
	for (int id = 0; id < CFG_TABLES; id++)
		if (!rnd_one_in(r, 6))
			rnd_table(r, p, id, big);
	return p;
}

// An L4 header with random fields; returns its length.
static unsigned
rnd_l4(struct rnd *r, uint8_t *l4, uint8_t proto)
{
	uint16_t sport = rte_cpu_to_be_16(rnd_port(r)), dport = rte_cpu_to_be_16(rnd_port(r));
	unsigned options = rnd_one_in(r, 3) ? rnd_below(r, 4) : 0;

	memset(l4, 0, 60);
	memcpy(l4, &sport, 2);
	memcpy(l4 + 2, &dport, 2);
	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
		l4[0] = rnd_below(r, 5);
		l4[1] = rnd_below(r, 4);
		return 8;
	}
	if (proto != IPPROTO_TCP)
		return 16;
	l4[12] = (5 + options) << 4;
	if (rnd_one_in(r, 12))
		l4[12] = rnd_next(r); // a length that may be a lie
	l4[13] = rnd_one_in(r, 2) ? 0x02 : rnd_next(r);
	for (unsigned i = 0; i < options * 4; i++)
		l4[20 + i] = rnd_one_in(r, 2) ? 1 : rnd_below(r, 6);
	return 20 + options * 4;
}

static unsigned
rnd_ipv4(struct rnd *r, uint8_t *ip, uint8_t proto, unsigned l4_len)
{
	unsigned hdr = rnd_one_in(r, 6) ? 24 : 20, total = hdr + l4_len;
	uint16_t frag = 0, sum;
	uint8_t a[16];

	memset(ip, 1, hdr); // options: no-ops
	memset(ip, 0, 20);
	if (rnd_one_in(r, 8))
		frag = rnd_one_in(r, 2) ? rnd_below(r, 3) : 0x2000;
	ip[0] = 0x40 | hdr / 4;
	ip[1] = rnd_below(r, 8);
	ip[2] = total >> 8;
	ip[3] = total;
	ip[6] = frag >> 8;
	ip[7] = frag;
	ip[8] = 64;
	ip[9] = proto;
	rnd_addr(r, a, false);
	memcpy(ip + 12, a, 4);
	rnd_addr(r, a, false);
	memcpy(ip + 16, a, 4);
	sum = ~rte_raw_cksum(ip, hdr);
	memcpy(ip + 10, &sum, 2);
	return hdr;
}

static unsigned
rnd_ipv6(struct rnd *r, uint8_t *ip, uint8_t proto, unsigned l4_len)
{
	unsigned hdr = 40;

	memset(ip, 0, 64);
	ip[0] = 0x60;
	ip[1] = rnd_below(r, 8) << 4;
	ip[6] = proto;
	ip[7] = 64;
	rnd_addr(r, ip + 8, true);
	rnd_addr(r, ip + 24, true);
	if (rnd_one_in(r, 8)) {
		ip[6] = rnd_one_in(r, 2) ? IPPROTO_DSTOPTS : IPPROTO_FRAGMENT;
		ip[40] = proto;
		if (ip[6] == IPPROTO_DSTOPTS)
			ip[42] = 1; // PadN
		else if (rnd_one_in(r, 2))
			ip[43] = rnd_below(r, 3) * 8 | 1;
		if (ip[6] == IPPROTO_DSTOPTS)
			ip[43] = 4;
		else if (rnd_one_in(r, 6))
			ip[40] = IPPROTO_DSTOPTS; // a later fragment may begin with anything
		if (ip[6] == IPPROTO_FRAGMENT && ip[40] == IPPROTO_DSTOPTS)
			ip[43] |= 8;
		hdr = 48;
	}
	ip[4] = (hdr - 40 + l4_len) >> 8;
	ip[5] = hdr - 40 + l4_len;
	return hdr;
}

static void
rnd_way(struct rnd *r, struct pl_pkt *p)
{
	static const uint8_t state[] = {
		PL_CT_NEW,     PL_CT_NEW,     PL_CT_ESTABLISHED, PL_CT_ESTABLISHED,
		PL_CT_RELATED, PL_CT_INVALID, PL_CT_UNTRACKED,	 0};

	p->in_port = rnd_below(r, RND_PORTS);
	p->out_port = rnd_below(r, RND_PORTS);
	p->origin = rnd_one_in(r, 3) ? 1 + rnd_below(r, 2) : PL_FROM_WIRE;
	if (p->origin == PL_FROM_WIRE)
		p->path = rnd_one_in(r, 3) ? PL_PATH_INPUT : PL_PATH_FORWARD;
	else
		p->path = PL_PATH_OUTPUT;
	if (rnd_one_in(r, 8))
		p->in_port = PL_PORT_NONE;
	p->ct_state = state[rnd_below(r, RTE_DIM(state))];
	if (p->ct_state != 0 && rnd_one_in(r, 4))
		p->ct_status = rnd_below(r, 4) << 4 & (PL_CT_SNAT | PL_CT_DNAT);
	p->flags |= (rnd_one_in(r, 2) ? PL_F_NAT_PRE : 0) | (rnd_one_in(r, 2) ? PL_F_NAT_POST : 0);
}

void
rnd_packet(struct rnd *r, struct pl_pkt *p, struct rte_mbuf *m, struct ct_entry *flow,
	   struct ct_entry *at)
{
	bool v6 = rnd_one_in(r, 2);
	uint8_t proto = rnd_proto(r, v6), l4[64], *frame;
	unsigned l4_len = rnd_l4(r, l4, proto), hdr;

	if (rnd_one_in(r, 8))
		l4_len = rnd_below(r, l4_len + 1); // cut off
	rte_pktmbuf_reset(m);
	frame = rte_pktmbuf_mtod(m, uint8_t *);
	memset(frame, 0, 14);
	frame[0] = rnd_one_in(r, 3) ? 1 : 0;
	frame[11] = rnd_below(r, 2);
	frame[12] = v6 ? 0x86 : 0x08;
	frame[13] = v6 ? 0xdd : 0x00;
	hdr = v6 ? rnd_ipv6(r, frame + 14, proto, l4_len) : rnd_ipv4(r, frame + 14, proto, l4_len);
	memcpy(frame + 14 + hdr, l4, l4_len);
	m->data_len = m->pkt_len = 14 + hdr + l4_len;
	memset(p, 0, sizeof(*p));
	p->m = m;
	p->mark = rnd_below(r, 4);
	rnd_way(r, p);
	rnd_flow(r, flow);
	p->ct = (p->ct_state & (PL_CT_INVALID | PL_CT_UNTRACKED)) || p->ct_state == 0 ? NULL : at;
	p->ct_dir = rnd_below(r, 2);
	if (pl_parse(p) != 0) {
		fprintf(stderr, "random packet does not parse\n");
		abort();
	}
}

// The sets that random rules name (drawn_match.c), of a type that both families may ask.
struct acl_sets *
rnd_sets(struct pl_worker *const *w)
{
	static const char *const name[] = {"a",	 "b",  "s0", "s1", "s2", "s3",
					   "s4", "s5", "s6", "s7", "s8", "s9"};
	struct acl_sets *sets = NULL;
	struct acl_sets_batch *b;
	struct cfg_set_do how;
	struct cfg_err err;
	char text[2000] = "";

	for (unsigned i = 0; i < RTE_DIM(name); i++)
		sprintf(text + strlen(text), "create %s bitmap:port range 0-65535%s%s\nadd %s %u\n",
			name[i], i % 2 == 0 ? " counters" : "", i % 3 == 0 ? " timeout 1" : "",
			name[i], i % 2 == 0 ? 80 : 443);
	cfg_err_init(&err, NULL);
	if (acl_sets_create(&sets, w, 1, rnd_port_name, RND_PORTS) < 0)
		abort();
	b = acl_sets_begin(sets, NULL, NULL);
	how = acl_sets_do(b);
	if (cfg_set_text(text, strlen(text), &how, &err) < 0 || acl_sets_commit(b, &err) < 0)
		abort();
	cfg_err_free(&err);
	return sets;
}
