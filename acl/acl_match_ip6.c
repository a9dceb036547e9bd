// frag, hbh, dst, rt, mh and ipv6header: what rules ask of IPv6's extension headers (RFC 8200), as
// their xt modules judge a packet. Called by acl_rule_match() for both walks. Pure. The parser has
// walked the headers before, and seen that all of them are in the packet; they may lie in several
// segments. Work is bounded: 17 headers, 16 options, 128 addresses.
#include "acl/acl_kind.h"

#include <netinet/in.h>

#define HEADERS_MAX 17 // one more than the parser lets pass

static inline enum acl_hit
yes(bool is)
{
	return is ? ACL_HIT : ACL_MISS;
}

// Bytes at an offset from the IP header; NULL: they are not all in the packet.
static const uint8_t *
bytes(const struct pl_pkt *p, uint32_t at, uint32_t len, void *room)
{
	return at + len > p->l3_len ? NULL : rte_pktmbuf_read(p->m, p->l3_off + at, len, room);
}

static bool
in_range(const struct cfg_range32 *r, uint32_t n)
{
	return n >= r->lo && n <= r->hi;
}

static bool
is_extension(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_DSTOPTS ||
	       next == IPPROTO_FRAGMENT || next == IPPROTO_AH;
}

static uint32_t
header_len(uint8_t kind, const uint8_t *h)
{
	if (kind == IPPROTO_FRAGMENT)
		return 8;
	return kind == IPPROTO_AH ? (h[1] + 2u) * 4 : (h[1] + 1u) * 8;
}

enum acl_hit
acl_ip6_find(const struct pl_pkt *p, uint8_t kind, uint32_t *at)
{
	uint8_t room[40];
	const uint8_t *h = bytes(p, 0, 40, room);
	uint8_t next = h != NULL ? h[6] : IPPROTO_NONE;
	uint32_t off = 40;

	for (unsigned i = 0; i < HEADERS_MAX && is_extension(next); i++) {
		h = bytes(p, off, 8, room);
		if (h == NULL)
			return ACL_HOT;
		*at = off;
		if (next == kind)
			return ACL_HIT;
		if (next == IPPROTO_FRAGMENT && ((h[2] << 8 | h[3]) & 0xfff8))
			return ACL_MISS; // what comes then is in another fragment
		off += header_len(next, h);
		next = h[0];
	}
	return ACL_MISS;
}

enum acl_hit
acl_frag_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_frag *m = &match->frag;
	uint32_t at, id;
	enum acl_hit found = acl_ip6_find(v->pkt, IPPROTO_FRAGMENT, &at);
	uint8_t room[8];
	const uint8_t *h = found == ACL_HIT ? bytes(v->pkt, at, 8, room) : NULL;

	if (h == NULL)
		return found;
	id = (uint32_t)h[4] << 24 | h[5] << 16 | h[6] << 8 | h[7];
	return yes((!m->id_set || in_range(&m->id, id) != m->id_inv) &&
		   !(m->res && (h[1] != 0 || (h[3] & 6) != 0)) &&
		   !(m->first && ((h[2] << 8 | h[3]) & 0xfff8) != 0) && !(m->more && !(h[3] & 1)) &&
		   !(m->last && (h[3] & 1)));
}

// Are these the options that the header of `len` bytes begins with? As ip6t_hbh has it: one that
// does not fit, and is not the last that is asked for, is none.
static bool
options_are(const struct cfg_m_opts *m, const struct pl_pkt *p, uint32_t at, uint32_t len)
{
	for (unsigned i = 0; i < m->n; i++) {
		uint8_t room[2];
		const uint8_t *o = len < 1 ? NULL : bytes(p, at, 1, room);
		uint32_t size = 1;

		if (o == NULL || o[0] != m->opt[i].type)
			return false;
		if (o[0] != 0) {
			o = len < 2 ? NULL : bytes(p, at, 2, room);
			if (o == NULL ||
			    (m->opt[i].len != CFG_OPT_ANY_LEN && m->opt[i].len != o[1]))
				return false;
			size = o[1] + 2u;
		}
		if (i + 1u < m->n && (at + size > p->l3_len || len < size))
			return false;
		at += size;
		len -= size;
	}
	return true;
}

static enum acl_hit
options_judge(const struct cfg_m_opts *m, const struct pl_pkt *p, uint8_t kind)
{
	uint32_t at, len;
	enum acl_hit found = acl_ip6_find(p, kind, &at);
	uint8_t room[2];
	const uint8_t *h = found == ACL_HIT ? bytes(p, at, 2, room) : NULL;

	if (h == NULL)
		return found;
	len = header_len(kind, h);
	if (m->len_set && (m->len == len) == m->len_inv)
		return ACL_MISS;
	return yes(options_are(m, p, at + 2, len - 2));
}

enum acl_hit
acl_dst_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return options_judge(&m->opts, v->pkt, IPPROTO_DSTOPTS);
}

enum acl_hit
acl_hbh_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return options_judge(&m->opts, v->pkt, IPPROTO_HOPOPTS);
}

// The addresses of a routing header of type 0, n of them at `at`: strict: just those that are
// asked for; else these in this order, others between.
static enum acl_hit
addresses_are(const struct cfg_match *match, const struct pl_pkt *p, uint32_t at, uint32_t n)
{
	const uint8_t *want = match->data;
	uint32_t n_want = match->data_size / 16, k = 0;

	if (n_want > n)
		return ACL_MISS;
	for (uint32_t i = 0; i < n && k < n_want; i++) {
		uint8_t room[16];
		const uint8_t *a = bytes(p, at + 16 * i, 16, room);

		if (a == NULL)
			return ACL_HOT;
		if (memcmp(a, want + (size_t)16 * k, 16) == 0)
			k++;
		else if (!match->rt.not_strict)
			return ACL_MISS;
	}
	return yes(k == n_want && (match->rt.not_strict || k == n));
}

enum acl_hit
acl_rt_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_rt *m = &match->rt;
	const struct pl_pkt *p = v->pkt;
	uint32_t at, len;
	enum acl_hit found = acl_ip6_find(p, IPPROTO_ROUTING, &at);
	uint8_t room[8];
	const uint8_t *h = found == ACL_HIT ? bytes(p, at, 8, room) : NULL;

	if (h == NULL)
		return found;
	len = header_len(IPPROTO_ROUTING, h);
	if ((m->left_set && in_range(&m->left, h[3]) == m->left_inv) ||
	    (m->len_set && (m->len == len) == m->len_inv) ||
	    (m->type_set && (m->type == h[2]) == m->type_inv) ||
	    (m->res && (h[4] | h[5] | h[6] | h[7]) != 0))
		return ACL_MISS;
	return match->data == NULL ? ACL_HIT : addresses_are(match, p, at + 8, (len - 8) / 16);
}

enum acl_hit
acl_mh_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_mh *m = &match->mh;
	const struct pl_pkt *p = v->pkt;
	uint8_t room[6];
	const uint8_t *h;

	if (p->flags & PL_F_LATER_FRAG)
		return ACL_MISS;
	h = bytes(p, p->l4_off - p->l3_off, 6, room);
	if (h == NULL || h[0] != IPPROTO_NONE) // nothing may follow a mobility header
		return ACL_HOT;
	return yes(!m->set || (h[2] >= m->lo && h[2] <= m->hi) != m->invert);
}

// The headers of a packet, as bits of enum cfg_ip6header. Unlike elsewhere ESP is one, and what a
// later fragment begins with is taken for what it claims to be.
static enum acl_hit
headers_of(const struct pl_pkt *p, uint8_t *bits)
{
	uint8_t room[40];
	const uint8_t *h = bytes(p, 0, 40, room);
	uint8_t next = h != NULL ? h[6] : IPPROTO_NONE;
	uint32_t off = 40;

	*bits = 0;
	for (unsigned i = 0; i < HEADERS_MAX && is_extension(next); i++) {
		if (off + 2 > p->l3_len)
			return ACL_MISS;
		h = bytes(p, off, 2, room);
		if (h == NULL)
			return ACL_HOT;
		*bits |= next == IPPROTO_HOPOPTS    ? CFG_H6_HOP
			 : next == IPPROTO_ROUTING  ? CFG_H6_ROUTE
			 : next == IPPROTO_FRAGMENT ? CFG_H6_FRAG
			 : next == IPPROTO_AH	    ? CFG_H6_AH
						    : CFG_H6_DST;
		off += header_len(next, h);
		next = h[0];
	}
	if (next == IPPROTO_ESP && off + 2 > p->l3_len)
		return ACL_MISS;
	*bits |= next == IPPROTO_NONE  ? CFG_H6_NONE
		 : next == IPPROTO_ESP ? CFG_H6_ESP
				       : CFG_H6_PROTO;
	return ACL_HIT;
}

enum acl_hit
acl_ipv6header_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_ip6header *m = &match->ip6header;
	uint8_t bits;
	enum acl_hit hit = headers_of(v->pkt, &bits);

	if (hit != ACL_HIT)
		return hit;
	if (m->soft)
		return yes((bits & m->headers) == (m->invert ? 0 : m->headers));
	return yes((bits == m->headers) != m->invert);
}
