// The first look at a packet: is it tracked at all, is it well formed enough to belong to anything,
// and what is its key? Pure; called by ct_stage.c for each packet of a burst before the table is
// touched. What is INVALID here is so in Linux as well (nf_conntrack's error checks of each
// protocol).
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "conntrack/ct_track.h"

#define PROTO_UDPLITE 136

// nf_conntrack_checksum off: nobody looks.
static bool
csum_ok(const struct pl_pkt *p, bool csum)
{
	return !csum || ct_csum_ok(p);
}

static enum ct_kind
judge_icmp(struct ct_key *k, const struct pl_pkt *p, bool csum)
{
	if (!(p->flags & PL_F_L4) || p->family != 4 || !csum_ok(p, csum) ||
	    p->icmp_type > NR_ICMP_TYPES)
		return CT_K_INVALID;
	if (p->flags & PL_F_ICMP_ERR)
		return ct_key_of_quote(k, p) ? CT_K_RELATED : CT_K_INVALID;
	k->sport = p->sport;
	k->dport = ct_type_code(p->icmp_type, p->icmp_code);
	return CT_K_FLOW;
}

// Neighbour discovery and multicast listeners are the link's own business and never tracked.
static bool
icmp6_untracked(uint8_t type)
{
	return (type >= MLD_LISTENER_QUERY && type <= ND_NEIGHBOR_ADVERT) || type == 143; // MLDv2
}

static enum ct_kind
judge_icmp6(struct ct_key *k, const struct pl_pkt *p, bool csum)
{
	const uint8_t *h = pl_need(p, p->l4_off, 8);

	if (!(p->flags & PL_F_L4) || p->family != 6 || h == NULL || !csum_ok(p, csum))
		return CT_K_INVALID;
	if (icmp6_untracked(p->icmp_type))
		return CT_K_UNTRACKED;
	if (p->icmp_type < 128 || p->icmp_type == ND_REDIRECT)
		return ct_key_of_quote(k, p) ? CT_K_RELATED : CT_K_INVALID;
	memcpy(&k->sport, h + 4, 2);
	k->dport = ct_type_code(p->icmp_type, p->icmp_code);
	return CT_K_FLOW;
}

static bool
udp_ok(const struct pl_pkt *p, bool csum)
{
	const uint8_t *h = pl_need(p, p->l4_off, 8);
	uint16_t len;

	if (!(p->flags & PL_F_L4) || h == NULL)
		return false;
	len = (uint16_t)(h[4] << 8 | h[5]);
	return len >= 8 && len <= p->l4_len && csum_ok(p, csum);
}

// RFC 3828: a checksum there must be, over as much as the length field says (0: all).
static bool
udplite_ok(const struct pl_pkt *p, bool csum)
{
	const uint8_t *h = pl_need(p, p->l4_off, 8);
	uint16_t cover;

	if (!(p->flags & PL_F_L4) || h == NULL || (h[6] == 0 && h[7] == 0))
		return false;
	cover = (uint16_t)(h[4] << 8 | h[5]);
	return (cover == 0 || (cover >= 8 && cover <= p->l4_len)) && csum_ok(p, csum);
}

enum ct_kind
ct_key_of_pkt(struct ct_key *k, const struct pl_pkt *p, bool csum)
{
	if (p->flags & PL_F_NOTRACK)
		return CT_K_UNTRACKED;
	if (p->flags & PL_F_LATER_FRAG)
		return CT_K_INVALID;
	k->src = p->src;
	k->dst = p->dst;
	k->sport = k->dport = 0;
	k->zone = 0;
	k->family = p->family;
	k->proto = p->proto;
	switch (p->proto) {
	case IPPROTO_ICMP:
		return judge_icmp(k, p, csum);
	case IPPROTO_ICMPV6:
		return judge_icmp6(k, p, csum);
	case IPPROTO_UDP:
		if (!udp_ok(p, csum))
			return CT_K_INVALID;
		break;
	case IPPROTO_TCP:
		if (!(p->flags & PL_F_L4) || !csum_ok(p, csum))
			return CT_K_INVALID;
		break;
	case IPPROTO_SCTP:
		if (!(p->flags & PL_F_L4) || !csum_ok(p, csum))
			return CT_K_INVALID;
		break;
	case PROTO_UDPLITE:
		if (!udplite_ok(p, csum))
			return CT_K_INVALID;
		break;
	case IPPROTO_NONE:
		return p->family == 6 ? CT_K_INVALID : CT_K_FLOW;
	default:
		return CT_K_FLOW;
	}
	k->sport = p->sport;
	k->dport = p->dport;
	return CT_K_FLOW;
}
