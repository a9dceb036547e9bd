// The matches that ask the gateway's routing table: addrtype and rpfilter, as their xt modules
// judge a packet. Called by acl_rule_match() for both walks; the table's answer comes through
// pipeline/net_ops.h. validmark changes nothing: routes here do not depend on a packet's mark.
#include "acl/acl_kind.h"
#include "pipeline/net_ops.h"

static_assert(CFG_AT_UNICAST == 1 << PL_ADDR_UNICAST && CFG_AT_LOCAL == 1 << PL_ADDR_LOCAL &&
		      CFG_AT_BROADCAST == 1 << PL_ADDR_BROADCAST &&
		      CFG_AT_ANYCAST == 1 << PL_ADDR_ANYCAST &&
		      CFG_AT_MULTICAST == 1 << PL_ADDR_MULTICAST &&
		      CFG_AT_UNREACHABLE == 1 << PL_ADDR_UNREACHABLE,
	      "rules' types are the network's");

static bool
is_any6(const union pl_addr *a)
{
	return (a->u64[0] | a->u64[1]) == 0;
}

// Linux calls everything unicast but the unspecified address, multicast and mapped IPv4 addresses.
static bool
is_unicast6(const union pl_addr *a)
{
	if (a->v6[0] == 0xff || is_any6(a))
		return false;
	return a->u64[0] != 0 || a->u32[2] != RTE_BE32(0x0000ffff);
}

// xt_addrtype's match_type6(): what shows from the address must hold all at once, then one of what
// the routes say.
static bool
types_match6(const struct pl_net_ops *net, const union pl_addr *a, uint8_t port, uint16_t mask)
{
	const uint16_t routed = CFG_AT_LOCAL | CFG_AT_ANYCAST | CFG_AT_UNREACHABLE;

	if ((mask & CFG_AT_MULTICAST) && a->v6[0] != 0xff)
		return false;
	if ((mask & CFG_AT_UNICAST) && !is_unicast6(a))
		return false;
	if ((mask & CFG_AT_UNSPEC) && !is_any6(a))
		return false;
	return !(mask & routed) || (net->addr_types(net->net, 6, a, port) & mask & routed);
}

static bool
types_match(const struct acl_view *v, const union pl_addr *a, uint8_t port, uint16_t mask)
{
	if (v->pkt->family == 6)
		return types_match6(v->net, a, port, mask);
	return v->net->addr_types(v->net->net, 4, a, port) & mask;
}

enum acl_hit
acl_addrtype_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_addrtype *m = &match->addrtype;
	uint8_t port = m->limit_in ? v->in : m->limit_out ? v->out : PL_PORT_NONE;

	if (m->src != 0 && types_match(v, &v->pkt->src, port, m->src) == m->src_inv)
		return ACL_MISS;
	if (m->dst != 0 && types_match(v, &v->pkt->dst, port, m->dst) == m->dst_inv)
		return ACL_MISS;
	return ACL_HIT;
}

// Sources that no route leads to and that are in order nevertheless: DHCP's and IGMP's 0.0.0.0, and
// the unspecified IPv6 address, which goes no further than the first hop anyway.
static bool
without_source(const struct pl_pkt *p)
{
	if (p->family == 6)
		return is_any6(&p->src);
	return p->src.v6[0] == 0 && (p->dst.v4 == RTE_BE32(0xffffffff) ||
				     (p->dst.v4 & RTE_BE32(0xffffff00)) == RTE_BE32(0xe0000000));
}

enum acl_hit
acl_rpfilter_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_rpfilter *m = &match->rpfilter;
	const struct pl_pkt *p = v->pkt;
	bool good = without_source(p);

	if (!good) {
		switch (v->net->way(v->net->net, p->family, &p->src, v->in)) {
		case PL_WAY_NONE:
			break;
		case PL_WAY_LOCAL:
			good = m->accept_local;
			break;
		case PL_WAY_LOCAL_OTHER: // IPv6 does not ask which port has the address
			good = m->accept_local && (m->loose || p->family == 6);
			break;
		case PL_WAY_PORT:
			good = true;
			break;
		case PL_WAY_OTHER:
			good = m->loose;
			break;
		}
	}
	return good != m->invert ? ACL_HIT : ACL_MISS;
}
