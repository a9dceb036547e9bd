// tcpmss, sctp, dccp, esp, ah, ipcomp, physdev and policy, as their xt modules judge a packet: the
// same answer for fragments and for headers that are cut off. Called by acl_rule_match() for both
// walks. Pure. No packet here came over a bridge or out of an IPsec tunnel of this gateway: physdev
// and policy say what the kernel says of such packets.
#include "acl/acl_kind.h"

#include <netinet/in.h>
#include <rte_tcp.h>

static inline enum acl_hit
yes(bool is)
{
	return is ? ACL_HIT : ACL_MISS;
}

static const void *
l4_header(const struct pl_pkt *p, uint32_t off, uint32_t len)
{
	return p->l4_len < off + len ? NULL : pl_need(p, p->l4_off + off, len);
}

enum acl_hit
acl_tcpmss_judge(const struct cfg_match *m, const struct acl_view *v)
{
	const struct cfg_m_length *want = &m->length;
	const struct rte_tcp_hdr *th = l4_header(v->pkt, 0, sizeof(*th));
	uint32_t len = th != NULL ? (th->data_off >> 4) * 4u : 0;
	const uint8_t *op;

	if (len < sizeof(*th))
		return ACL_HOT;
	len -= sizeof(*th);
	op = l4_header(v->pkt, sizeof(*th), len);
	if (op == NULL)
		return ACL_HOT;
	for (uint32_t i = 0; i < len;) {
		if (op[i] == 2 && len - i >= 4 && op[i + 1] == 4) {
			uint16_t mss = (uint16_t)(op[i + 2] << 8 | op[i + 3]);

			return yes((mss >= want->range.lo && mss <= want->range.hi) !=
				   want->invert);
		}
		if (op[i] < 2 || i + 1 >= len || op[i + 1] == 0)
			i++;
		else
			i += op[i + 1];
	}
	return yes(want->invert);
}

static bool
flags_match(const struct cfg_m_sctp *m, uint8_t type, uint8_t flags)
{
	for (unsigned i = 0; i < m->n_flag; i++)
		if (m->flag[i].type == type)
			return (flags & m->flag[i].mask) == m->flag[i].value;
	return true;
}

// Walks the chunks as xt_sctp does; each is at least 4 bytes long.
static enum acl_hit
chunks_match(const struct cfg_m_sctp *m, const struct pl_pkt *p)
{
	uint8_t left[32];
	uint32_t off = 12;
	bool over = false;

	memcpy(left, m->chunk, sizeof(left));
	do {
		const uint8_t *c = l4_header(p, off, 4);
		uint32_t len = c != NULL ? (uint32_t)c[2] << 8 | c[3] : 0;
		bool named, good;

		if (len == 0)
			return ACL_HOT;
		off += RTE_ALIGN_CEIL(len, 4);
		named = m->chunk[c[0] / 8] >> c[0] % 8 & 1;
		good = named && flags_match(m, c[0], c[1]);
		if (m->chunk_how == CFG_SCTP_ANY && good)
			return ACL_HIT;
		if (m->chunk_how == CFG_SCTP_ONLY && !good)
			return ACL_MISS;
		if (good)
			left[c[0] / 8] &= ~(1 << c[0] % 8);
	} while (off < p->l4_len);
	for (unsigned i = 0; i < sizeof(left); i++)
		over |= left[i] != 0;
	return yes(m->chunk_how == CFG_SCTP_ONLY || (m->chunk_how == CFG_SCTP_ALL && !over));
}

static bool
port_is(const struct cfg_range16 *r, const uint8_t *port)
{
	uint16_t n = (uint16_t)(port[0] << 8 | port[1]);

	return n >= r->lo && n <= r->hi;
}

enum acl_hit
acl_sctp_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_sctp *m = &match->sctp;
	const struct pl_pkt *p = v->pkt;
	const uint8_t *h;
	enum acl_hit hit;

	if (p->flags & PL_F_LATER_FRAG)
		return ACL_MISS;
	h = l4_header(p, 0, 12);
	if (h == NULL)
		return ACL_HOT;
	if ((m->sport_set && port_is(&m->sport, h) == m->sport_inv) ||
	    (m->dport_set && port_is(&m->dport, h + 2) == m->dport_inv))
		return ACL_MISS;
	if (m->chunk_how == CFG_SCTP_NO_CHUNKS)
		return ACL_HIT;
	hit = chunks_match(m, p);
	return hit == ACL_HOT ? hit : yes((hit == ACL_HIT) != m->chunk_inv);
}

static bool
spi_is(const struct cfg_m_spi *m, const uint8_t *at)
{
	uint32_t spi = (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];

	return !m->set || (spi >= m->range.lo && spi <= m->range.hi) != m->invert;
}

// Bytes of a DCCP header before its options (RFC 4340 section 5), by packet type and X.
static uint32_t
dccp_header(const uint8_t *h)
{
	static const uint8_t rest[16] = {4, 12, 0, 8, 8, 8, 8, 12, 8, 8, 12, 12, 12, 12, 12, 12};

	return 12u + (h[8] & 1 ? 4 : 0) + rest[h[8] >> 1 & 15];
}

static enum acl_hit
dccp_option_found(const struct pl_pkt *p, const uint8_t *h, uint8_t kind)
{
	uint32_t begin = dccp_header(h), end = h[4] * 4u, n = end - begin;
	const uint8_t *op;

	if (end <= begin)
		return end < begin ? ACL_HOT : ACL_MISS;
	op = l4_header(p, begin, n);
	if (op == NULL)
		return ACL_HOT;
	for (uint32_t i = 0; i < n;) {
		if (op[i] == kind)
			return ACL_HIT;
		i += op[i] < 2 || i + 1 >= n || op[i + 1] == 0 ? 1 : op[i + 1];
	}
	return ACL_MISS;
}

enum acl_hit
acl_dccp_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_dccp *m = &match->dccp;
	const struct pl_pkt *p = v->pkt;
	const uint8_t *h;
	enum acl_hit hit;

	if (p->flags & PL_F_LATER_FRAG)
		return ACL_MISS;
	h = l4_header(p, 0, 12);
	if (h == NULL)
		return ACL_HOT;
	if ((m->sport_set && port_is(&m->sport, h) == m->sport_inv) ||
	    (m->dport_set && port_is(&m->dport, h + 2) == m->dport_inv) ||
	    (m->types != 0 && (m->types >> (h[8] >> 1 & 15) & 1) == m->types_inv))
		return ACL_MISS;
	if (m->option == 0)
		return ACL_HIT;
	hit = dccp_option_found(p, h, m->option);
	return hit == ACL_HOT ? hit : yes((hit == ACL_HIT) != m->option_inv);
}

enum acl_hit
acl_ipcomp_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_spi *m = &match->spi;
	const uint8_t *h;
	uint16_t cpi;

	if (v->pkt->flags & PL_F_LATER_FRAG)
		return ACL_MISS;
	h = l4_header(v->pkt, 0, 4);
	if (h == NULL)
		return ACL_HOT;
	cpi = (uint16_t)(h[2] << 8 | h[3]);
	return yes((cpi >= m->range.lo && cpi <= m->range.hi) != m->invert);
}

enum acl_hit
acl_esp_judge(const struct cfg_match *m, const struct acl_view *v)
{
	const uint8_t *h;

	if (v->pkt->flags & PL_F_LATER_FRAG)
		return ACL_MISS;
	h = l4_header(v->pkt, 0, 8);
	return h == NULL ? ACL_HOT : yes(spi_is(&m->spi, h));
}

enum acl_hit
acl_ah_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_spi *m = &match->spi;
	const struct pl_pkt *p = v->pkt;
	enum acl_hit found;
	const uint8_t *h;
	uint32_t at;

	if (p->family == 4) {
		if (p->flags & PL_F_LATER_FRAG)
			return ACL_MISS;
		h = l4_header(p, 0, 12);
		return h == NULL ? ACL_HOT : yes(spi_is(m, h + 4));
	}
	found = acl_ip6_find(p, IPPROTO_AH, &at); // there it is an extension header (RFC 4302)
	if (found != ACL_HIT)
		return found;
	h = at + 12 <= p->l3_len ? pl_need(p, p->l3_off + at, 12) : NULL;
	if (h == NULL)
		return ACL_HOT;
	return yes(spi_is(m, h + 4) && (m->len == 0 || (m->len == (h[1] + 2u) * 4) != m->len_inv) &&
		   !(m->res && (h[2] | h[3]) != 0));
}

enum acl_hit
acl_physdev_judge(const struct cfg_match *m, const struct acl_view *v)
{
	(void)v;
	return yes(m->physdev.asked == m->physdev.inverted);
}

enum acl_hit
acl_policy_judge(const struct cfg_match *m, const struct acl_view *v)
{
	(void)v;
	return yes(m->policy.none);
}
