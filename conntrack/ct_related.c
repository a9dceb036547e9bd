// ICMP errors: whose packet do they quote? The quoted packet went out in one direction of a flow,
// so the error travels in the other one: the key looked up is the inverse of the quote's. Also what
// the steering stage needs of a quote. Pure; owner's thread. RFC 792, RFC 4443; behaviour of
// Linux's nf_conntrack_inet_error.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <rte_ip.h>

#include "conntrack/ct_track.h"

#define PROTO_UDPLITE 136
#define EXT_MAX	      16

// len bytes at off, copied to buf where they lie in two segments (an error that came in fragments).
static const void *
bytes(const struct pl_pkt *p, uint32_t off, uint32_t len, void *buf)
{
	return rte_pktmbuf_read(p->m, off, len, buf); // NULL: not that many
}

// Where an IPv6 quote's upper layer begins; 0: cannot be said. *proto: in, the first header; out,
// the last.
static uint32_t
skip_ext(const struct pl_pkt *p, uint32_t off, uint8_t *proto)
{
	for (unsigned i = 0; i < EXT_MAX; i++) {
		uint8_t buf[8];
		const uint8_t *h;

		switch (*proto) {
		case IPPROTO_NONE:
			return 0;
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
		case IPPROTO_AH:
		case IPPROTO_FRAGMENT:
			break;
		default:
			return off;
		}
		h = bytes(p, off, sizeof(buf), buf);
		if (h == NULL)
			return 0;
		if (*proto == IPPROTO_FRAGMENT) {
			if (h[2] != 0 || (h[3] & 0xf8) != 0)
				return 0; // a later fragment has no upper layer
			off += 8;
		} else {
			off += *proto == IPPROTO_AH ? (h[1] + 2u) * 4 : (h[1] + 1u) * 8;
		}
		*proto = h[0];
	}
	return 0;
}

// Ports, or identifier, type and code, of a quoted packet. Routers quote little: no more is asked
// for than what the key needs.
static bool
quote_l4(struct ct_key *k, const struct pl_pkt *p, uint32_t off)
{
	uint8_t buf[8];
	const uint8_t *h;

	switch (k->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case PROTO_UDPLITE:
	case IPPROTO_SCTP:
		h = bytes(p, off, 4, buf);
		if (h == NULL)
			return false;
		memcpy(&k->sport, h, 2);
		memcpy(&k->dport, h + 2, 2);
		return true;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		h = bytes(p, off, 8, buf);
		if (h == NULL)
			return false;
		memcpy(&k->sport, h + 4, 2);
		k->dport = ct_type_code(h[0], h[1]);
		return true;
	default:
		return true;
	}
}

static bool
quote_key(struct ct_key *k, const struct pl_pkt *p, uint32_t off)
{
	memset(k, 0, sizeof(*k));
	k->family = p->family;
	if (p->family == 4) {
		struct rte_ipv4_hdr buf;
		const struct rte_ipv4_hdr *ip = bytes(p, off, sizeof(buf), &buf);

		if (ip == NULL ||
		    (ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_OFFSET_MASK)))
			return false;
		k->src.v4 = ip->src_addr;
		k->dst.v4 = ip->dst_addr;
		k->proto = ip->next_proto_id;
		off += (ip->version_ihl & 0xf) * 4u;
		if (off > (uint32_t)p->l3_off + p->l3_len)
			return false;
	} else {
		struct rte_ipv6_hdr buf;
		const struct rte_ipv6_hdr *ip = bytes(p, off, sizeof(buf), &buf);

		if (ip == NULL)
			return false;
		memcpy(&k->src, ip->src_addr, 16);
		memcpy(&k->dst, ip->dst_addr, 16);
		k->proto = ip->proto;
		off = skip_ext(p, off + sizeof(*ip), &k->proto);
		if (off == 0)
			return false;
	}
	return quote_l4(k, p, off);
}

// A redirect (RFC 4861 section 4.5) quotes in an option; it counts only where a neighbour sent it.
// 0: no quote.
static uint32_t
redirect_quote(const struct pl_pkt *p)
{
	uint8_t buf[8];
	const uint8_t *opt = bytes(p, p->l4_off + 40u, sizeof(buf), buf);

	if (opt == NULL || p->icmp_code != 0 || p->ttl != 255 || p->src.v6[0] != 0xfe ||
	    (p->src.v6[1] & 0xc0) != 0x80)
		return 0;
	return opt[0] == ND_OPT_REDIRECTED_HEADER && opt[1] != 0 ? p->l4_off + 48u : 0;
}

bool
ct_key_of_quote(struct ct_key *k, const struct pl_pkt *p)
{
	struct ct_key quote;

	uint32_t off = p->l4_off + 8u;

	if (p->family == 6 && p->icmp_type == ND_REDIRECT) {
		off = redirect_quote(p);
		if (off == 0)
			return false;
	}
	if (!quote_key(&quote, p, off))
		return false;
	return ct_key_invert(k, &quote);
}
