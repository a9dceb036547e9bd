// What a NAT rule asks for, for one packet: the range of addresses and ports in which nat_pick.c
// and nat_eim.c then choose. The exit port's address for MASQUERADE, the entry port's for REDIRECT,
// the host's place in the network for NETMAP, the subscriber's share for deterministic NAT; without
// a rule the packet's own end (netfilter's null binding), or what a mapping lets in. Called by
// nat_pick.c on the worker's thread; owns nothing.
#include <string.h>

#include <netinet/in.h>

#include "nat/nat_pick.h"

#define SCOPE_LINK   2
#define SCOPE_GLOBAL 0xe

static enum cfg_port_selection
selection(const struct pl_worker *w, const struct nat_conf *conf)
{
	enum cfg_port_selection sel = conf != NULL ? conf->port_selection : CFG_PORTS_DEFAULT;

	if (sel == CFG_PORTS_DEFAULT)
		sel = w->nat->env.port_selection;
	if (sel == CFG_PORTS_DEFAULT)
		sel = w->n_workers > 1 ? CFG_PORTS_STEERED : CFG_PORTS_PRESERVE;
	return sel;
}

// "This address as it is": netfilter's null binding.
static void
null_range(struct nat_pick *k)
{
	const union pl_addr *a = k->side == NAT_SRC ? &k->reply.dst : &k->reply.src;

	k->range = (struct pl_nat_rule){.flags = PL_NAT_HAS_ADDR, .addr_min = *a, .addr_max = *a};
}

static int
port_address(struct nat_pick *k, const struct pl_pkt *p, uint8_t port, const union pl_addr *peer)
{
	const struct nat_env *env = &k->w->nat->env;
	union pl_addr a = {0};

	if (!env->port_addr(k->w, port, p->family, peer, &a))
		return PL_DROP_NAT_NO_ADDRESS + 1;
	k->range.flags |= PL_NAT_HAS_ADDR;
	k->range.addr_min = k->range.addr_max = a;
	return 0;
}

static int
masquerade(struct nat_pick *k, struct pl_pkt *p)
{
	static const union pl_addr any;
	struct ct_tuple orig = nat_tuple(p->ct, CT_ORIGINAL);
	int ret;

	// A source that is not set yet (DHCP) is not masqueraded.
	if (memcmp(&orig.src, &any, sizeof(any)) == 0 && p->family == 4) {
		null_range(k);
		return 0;
	}
	ret = port_address(k, p, p->out_port, &p->dst);
	if (ret == 0)
		nat_area(k->w->ct, p->ct)->masq_port = p->out_port + 1;
	return ret;
}

// The IPv6 scope of a packet's destination (RFC 4291 section 2.7).
static uint8_t
scope6(const union pl_addr *dst)
{
	if (dst->v6[0] == 0xff)
		return dst->v6[1] & 0xf;
	return dst->v6[0] == 0xfe && (dst->v6[1] & 0xc0) == 0x80 ? SCOPE_LINK : SCOPE_GLOBAL;
}

// Redirected packets go to the first address of the port they came in by (IPv6: of the scope that
// was asked for; groups of other scopes get none). Netfilter sends those of the host itself to its
// loopback; our host is behind a twin, which gives it back no packet with its own source, and its
// answer would never pass here: refused (docs/decisions/0110-redirect-in-output.md).
static int
redirect(struct nat_pick *k, struct pl_pkt *p)
{
	static const union pl_addr link_local = {.v6 = {0xfe, 0x80}};
	uint8_t scope = p->family == 6 ? scope6(&p->dst) : SCOPE_GLOBAL;

	if (p->origin != PL_FROM_WIRE)
		return PL_DROP_NAT_FAILED + 1;
	if (scope != SCOPE_LINK && scope != SCOPE_GLOBAL)
		return PL_DROP_NAT_NO_ADDRESS + 1;
	return port_address(k, p, p->in_port, scope == SCOPE_LINK ? &link_local : NULL);
}

// One address for each: the network of the rule, the host part of the packet. Its port is kept
// whatever port-selection says, so that both sides can count on each other's tuple.
static void
netmap(struct nat_pick *k, const struct pl_pkt *p)
{
	const union pl_addr *own = k->side == NAT_SRC ? &p->src : &p->dst;
	struct pl_nat_rule *r = &k->range;

	for (unsigned i = 0; i < 2; i++) {
		uint64_t host = r->addr_min.u64[i] ^ r->addr_max.u64[i];

		r->addr_min.u64[i] |= own->u64[i] & host;
		r->addr_max.u64[i] = r->addr_min.u64[i];
	}
}

// The inside address's own address and ports (RFC 7422).
static void
deterministic(struct nat_pick *k)
{
	struct ct_tuple orig = nat_tuple(k->e, CT_ORIGINAL);
	unsigned last = orig.family == 4 ? 0 : 3;
	struct pl_nat_rule *r = &k->range;
	uint32_t number = rte_be_to_cpu_32(orig.src.u32[last]) & r->det_mask;
	uint32_t place = number & ((1u << r->det_shift) - 1);
	uint32_t addr = rte_be_to_cpu_32(r->addr_min.u32[last]) + (number >> r->det_shift);

	r->addr_min.u32[last] = rte_cpu_to_be_32(addr);
	r->addr_max = r->addr_min;
	r->port_min = (uint16_t)(r->port_min + place * r->det_ports);
	r->port_max = (uint16_t)(r->port_min + r->det_ports - 1);
	r->flags |= PL_NAT_HAS_PORTS;
}

static bool
for_side(const struct pl_nat_rule *rule, enum nat_side side)
{
	bool source = rule->kind == PL_NAT_SNAT || rule->kind == PL_NAT_MASQUERADE;

	return rule->kind == PL_NAT_NETMAP || source == (side == NAT_SRC);
}

int
nat_pick_range(struct nat_pick *k, struct pl_pkt *p, const struct nat_conf *conf)
{
	enum cfg_port_selection sel = selection(k->w, conf);
	const struct pl_nat_rule *rule = p->nat_rule;

	if (rule == NULL || !for_side(rule, k->side)) {
		if (k->side == NAT_DST ? !nat_eim_inbound(k, p) : !nat_eim_hairpin(k, p))
			null_range(k);
		k->keep_home = (k->range.flags & PL_NAT_EIM) && sel != CFG_PORTS_PRESERVE;
		return 0;
	}
	k->range = *rule;
	if (rule->kind == PL_NAT_NETMAP) {
		netmap(k, p);
		return 0;
	}
	if (k->side == NAT_SRC) {
		k->counts = true;
		k->keep_home = sel != CFG_PORTS_PRESERVE;
		if (sel == CFG_PORTS_RANDOM)
			k->range.flags |= PL_NAT_RANDOM_FULLY;
	}
	if (rule->flags & PL_NAT_DETERMINISTIC)
		deterministic(k);
	if (rule->kind == PL_NAT_MASQUERADE)
		return masquerade(k, p);
	if (rule->kind == PL_NAT_REDIRECT)
		return redirect(k, p);
	return 0;
}
