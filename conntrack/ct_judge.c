// The first look at a packet: is it tracked at all, is it well formed enough to belong to anything,
// and what is its key? Pure; called by ct_stage.c for each packet of a burst before the table is
// touched. What is INVALID here is so in Linux as well (nf_conntrack's error checks of each
// protocol).
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "conntrack/ct_invalid.h"
#include "conntrack/ct_track.h"

#define PROTO_UDPLITE 136

// nf_conntrack_checksum off: nobody looks.
static bool
csum_ok(const struct pl_pkt *p, bool csum)
{
	return !csum || ct_csum_ok(p);
}

static enum ct_kind
invalid(struct ct_look *look, enum ct_why why)
{
	look->why = (uint8_t)why;
	return CT_K_INVALID;
}

static enum ct_kind
related(struct ct_look *look, const struct pl_pkt *p)
{
	return ct_key_of_quote(&look->key, p) ? CT_K_RELATED : invalid(look, CT_WHY_NO_QUOTE);
}

static enum ct_kind
judge_icmp(struct ct_look *look, const struct pl_pkt *p, bool csum)
{
	struct ct_key *k = &look->key;

	if (!(p->flags & PL_F_L4))
		return invalid(look, CT_WHY_HEADER);
	if (p->family != 4 || p->icmp_type > NR_ICMP_TYPES)
		return invalid(look, CT_WHY_ICMP_TYPE);
	if (!csum_ok(p, csum))
		return invalid(look, CT_WHY_CSUM);
	if (p->flags & PL_F_ICMP_ERR)
		return related(look, p);
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
judge_icmp6(struct ct_look *look, const struct pl_pkt *p, bool csum)
{
	const uint8_t *h = pl_need(p, p->l4_off, 8);
	struct ct_key *k = &look->key;

	if (!(p->flags & PL_F_L4) || h == NULL)
		return invalid(look, CT_WHY_HEADER);
	if (p->family != 6)
		return invalid(look, CT_WHY_ICMP_TYPE);
	if (!csum_ok(p, csum))
		return invalid(look, CT_WHY_CSUM);
	if (icmp6_untracked(p->icmp_type))
		return CT_K_UNTRACKED;
	if (p->icmp_type < 128 || p->icmp_type == ND_REDIRECT)
		return related(look, p);
	memcpy(&k->sport, h + 4, 2);
	k->dport = ct_type_code(p->icmp_type, p->icmp_code);
	return CT_K_FLOW;
}

static enum ct_why
judge_udp(const struct pl_pkt *p, bool csum)
{
	const uint8_t *h = pl_need(p, p->l4_off, 8);
	uint16_t len;

	if (!(p->flags & PL_F_L4) || h == NULL)
		return CT_WHY_HEADER;
	len = (uint16_t)(h[4] << 8 | h[5]);
	if (len < 8 || len > p->l4_len)
		return CT_WHY_LENGTH;
	return csum_ok(p, csum) ? CT_WHY_NONE : CT_WHY_CSUM;
}

// RFC 3828: a checksum there must be, over as much as the length field says (0: all).
static enum ct_why
judge_udplite(const struct pl_pkt *p, bool csum)
{
	const uint8_t *h = pl_need(p, p->l4_off, 8);
	uint16_t cover;

	if (!(p->flags & PL_F_L4) || h == NULL)
		return CT_WHY_HEADER;
	if (h[6] == 0 && h[7] == 0)
		return CT_WHY_NO_CSUM;
	cover = (uint16_t)(h[4] << 8 | h[5]);
	if (cover != 0 && (cover < 8 || cover > p->l4_len))
		return CT_WHY_LENGTH;
	return csum_ok(p, csum) ? CT_WHY_NONE : CT_WHY_CSUM;
}

static enum ct_why
judge_other(const struct pl_pkt *p, bool csum)
{
	if (!(p->flags & PL_F_L4))
		return CT_WHY_HEADER;
	return csum_ok(p, csum) ? CT_WHY_NONE : CT_WHY_CSUM;
}

enum ct_kind
ct_key_of_pkt(struct ct_look *look, const struct pl_pkt *p, bool csum)
{
	struct ct_key *k = &look->key;
	enum ct_why why;

	if (p->flags & PL_F_NOTRACK)
		return CT_K_UNTRACKED;
	if (p->flags & PL_F_LATER_FRAG)
		return invalid(look, CT_WHY_FRAGMENT);
	k->src = p->src;
	k->dst = p->dst;
	k->sport = k->dport = 0;
	k->zone = 0;
	k->family = p->family;
	k->proto = p->proto;
	switch (p->proto) {
	case IPPROTO_ICMP:
		return judge_icmp(look, p, csum);
	case IPPROTO_ICMPV6:
		return judge_icmp6(look, p, csum);
	case IPPROTO_UDP:
		why = judge_udp(p, csum);
		break;
	case IPPROTO_TCP:
	case IPPROTO_SCTP:
		why = judge_other(p, csum);
		break;
	case PROTO_UDPLITE:
		why = judge_udplite(p, csum);
		break;
	case IPPROTO_NONE:
		return p->family == 6 ? invalid(look, CT_WHY_NO_NEXT) : CT_K_FLOW;
	default:
		return CT_K_FLOW;
	}
	if (why != CT_WHY_NONE)
		return invalid(look, why);
	k->sport = p->sport;
	k->dport = p->dport;
	return CT_K_FLOW;
}
