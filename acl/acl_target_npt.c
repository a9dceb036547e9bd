// SNPT and DNPT: IPv6-to-IPv6 network prefix translation (RFC 6296) as ip6t_NPT does it: the prefix
// is replaced, and a word behind it takes up the difference, so that no checksum changes. Called by
// both walks on the worker's thread when their rule matched, through their rows in acl_kind.c; they
// keep nothing. In an ICMPv6 error the quoted packet's address is translated back along with it.
#include "acl/acl_kind.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <rte_ip.h>

#include "pipeline/csum.h"

// The checksum of both prefixes: what has to be added to a word of the address.
static uint16_t
adjustment(const struct cfg_t_npt *n)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < 16; i += 2) {
		uint16_t from = (uint16_t)(n->src[i] << 8 | n->src[i + 1]);
		uint16_t to = (uint16_t)(n->dst[i] << 8 | n->dst[i + 1]);

		sum += from + (uint32_t)(uint16_t)~to;
	}
	return pl_csum_fold(sum);
}

static uint8_t
prefix_mask(unsigned len, unsigned byte)
{
	return len >= 8 * byte + 8 ? 0xff : len <= 8 * byte ? 0 : (uint8_t)(0xff00 >> (len % 8));
}

// The last byte of a prefix of at most 64 bits is the eighth. False: the address has no word that
// can take up the difference (its prefix is replaced nevertheless).
static bool
map(const struct cfg_t_npt *n, uint8_t *addr)
{
	unsigned len = RTE_MAX(n->src_len, n->dst_len), at = 3;
	uint16_t word;

	for (unsigned i = 0; i < 8; i++) {
		uint8_t mask = prefix_mask(len, i);

		addr[i] = (addr[i] & (uint8_t)~mask) | (n->dst[i] & mask);
	}
	if (len > 48)
		for (at = 4; at < 8 && addr[2 * at] == 0xff && addr[2 * at + 1] == 0xff;)
			at++;
	if (at == 8)
		return false;
	word = pl_csum_fold((uint32_t)(addr[2 * at] << 8 | addr[2 * at + 1]) + adjustment(n));
	if (word == 0xffff)
		word = 0;
	addr[2 * at] = (uint8_t)(word >> 8);
	addr[2 * at + 1] = (uint8_t)word;
	return true;
}

static bool
is_inside(const struct cfg_t_npt *n, const uint8_t *addr)
{
	for (unsigned i = 0; i < 8; i++)
		if ((addr[i] ^ n->src[i]) & prefix_mask(n->src_len, i))
			return false;
	return true;
}

// The header that an ICMPv6 error right behind the IPv6 header quotes; NULL: none.
static struct rte_ipv6_hdr *
quoted(const struct pl_pkt *p, const struct rte_ipv6_hdr *ip)
{
	const uint32_t off = sizeof(*ip) + sizeof(struct icmp6_hdr);
	const struct icmp6_hdr *icmp;

	if (ip->proto != IPPROTO_ICMPV6 || p->l3_len < off + sizeof(*ip))
		return NULL;
	icmp = pl_need(p, p->l3_off + sizeof(*ip), sizeof(*icmp));
	if (icmp == NULL || icmp->icmp6_type < ICMP6_DST_UNREACH ||
	    icmp->icmp6_type > ICMP6_PARAM_PROB)
		return NULL;
	return pl_need(p, p->l3_off + off, sizeof(*ip));
}

enum acl_next
acl_snpt_apply(const struct acl_rule *r, struct acl_view *v)
{
	const struct cfg_t_npt *n = &r->data->npt;
	struct pl_pkt *p = v->pkt;
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(p->m, void *, p->l3_off), *inner;

	if (!map(n, ip->src_addr))
		return ACL_STOP_DROP;
	memcpy(p->src.v6, ip->src_addr, sizeof(p->src.v6));
	inner = quoted(p, ip);
	if (inner != NULL && is_inside(n, inner->dst_addr))
		map(n, inner->dst_addr);
	return ACL_GO_ON_CHANGED;
}

enum acl_next
acl_dnpt_apply(const struct acl_rule *r, struct acl_view *v)
{
	const struct cfg_t_npt *n = &r->data->npt;
	struct pl_pkt *p = v->pkt;
	struct rte_ipv6_hdr *ip = rte_pktmbuf_mtod_offset(p->m, void *, p->l3_off), *inner;

	if (!map(n, ip->dst_addr))
		return ACL_STOP_DROP;
	memcpy(p->dst.v6, ip->dst_addr, sizeof(p->dst.v6));
	if (v->hook == CFG_OUTPUT)
		p->flags |= PL_F_MANGLED; // the host's route was for the old destination
	inner = quoted(p, ip);
	if (inner != NULL && is_inside(n, inner->src_addr))
		map(n, inner->src_addr);
	return ACL_GO_ON_CHANGED;
}
