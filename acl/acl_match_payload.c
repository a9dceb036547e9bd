// string and u32: the matches that look at any byte of a packet, as their xt modules judge it.
// Called by acl_rule_match() for both walks. A packet may lie in several segments. Work is bounded:
// string reads each byte of the packet once (Knuth, Morris, Pratt; its table is made when the
// policy is built), u32 at most a hundred words.
#include "acl/acl_kind.h"

#include <errno.h>
#include <stdlib.h>

struct pattern {
	uint8_t n;
	bool icase;
	uint8_t byte[CFG_STRING_MAX];
	uint8_t back[CFG_STRING_MAX]; // bytes that still match where byte i does not
};

// Case as the kernel's ctype has it: Latin 1.
static inline uint8_t
fold(uint8_t c)
{
	if ((c >= 'a' && c <= 'z') || c == 0xdf || (c >= 0xe0 && c != 0xf7))
		return c - 32;
	return c;
}

int
acl_string_prepare(struct cfg_match *m, const struct acl_policy *policy, enum cfg_family family,
		   struct cfg_err *err)
{
	struct pattern *p = calloc(1, sizeof(*p));
	unsigned k = 0;

	(void)policy;
	(void)family;
	(void)err;
	if (p == NULL)
		return -ENOMEM;
	p->n = m->data_size;
	p->icase = m->string.icase;
	memcpy(p->byte, m->data, m->data_size);
	for (unsigned i = 0; p->icase && i < p->n; i++)
		p->byte[i] = fold(p->byte[i]);
	for (unsigned i = 1; i < p->n; i++) {
		while (k > 0 && p->byte[k] != p->byte[i])
			k = p->back[k - 1];
		k += p->byte[k] == p->byte[i];
		p->back[i] = k;
	}
	free(m->data);
	m->data = p;
	m->data_size = sizeof(*p);
	return 0;
}

// Goes on with a search through one piece of the packet; *k bytes match up to there.
static bool
found_in(const struct pattern *p, const uint8_t *text, uint32_t n, unsigned *k)
{
	for (uint32_t i = 0; i < n; i++) {
		uint8_t c = p->icase ? fold(text[i]) : text[i];

		while (*k > 0 && p->byte[*k] != c)
			*k = p->back[*k - 1];
		if (p->byte[*k] == c && ++*k == p->n)
			return true;
	}
	return false;
}

// from and to count from the IP header.
static bool
found(const struct pattern *p, const struct pl_pkt *pkt, uint32_t from, uint32_t to)
{
	uint32_t off = pkt->l3_off + from, end = pkt->l3_off + RTE_MIN(to, pkt->l3_len);
	unsigned k = 0;

	for (const struct rte_mbuf *m = pkt->m; m != NULL && off < end; m = m->next) {
		uint32_t len = rte_pktmbuf_data_len(m);

		if (off < len && found_in(p, rte_pktmbuf_mtod_offset(m, const uint8_t *, off),
					  RTE_MIN(len, end) - off, &k))
			return true;
		off = off > len ? off - len : 0;
		end = end > len ? end - len : 0;
	}
	return false;
}

enum acl_hit
acl_string_judge(const struct cfg_match *m, const struct acl_view *v)
{
	const struct cfg_m_string *s = &m->string;

	return found(m->data, v->pkt, s->from, UINT16_MAX - s->not_after) != s->invert ? ACL_HIT
										       : ACL_MISS;
}

// The 32 bits at an offset from the IP header.
static bool
word_at(const struct pl_pkt *p, uint64_t at, uint32_t *out)
{
	const void *w;
	rte_be32_t room;

	if (at + 4 > p->l3_len)
		return false;
	w = rte_pktmbuf_read(p->m, p->l3_off + (uint32_t)at, 4, &room);
	if (w == NULL)
		return false;
	memcpy(&room, w, 4);
	*out = rte_be_to_cpu_32(room);
	return true;
}

static bool
u32_value(const struct cfg_u32_test *t, const struct pl_pkt *p, uint32_t *out)
{
	uint32_t at = 0, val;

	if (!word_at(p, t->loc[0].number, &val))
		return false;
	for (unsigned i = 1; i < t->n_loc; i++) {
		uint32_t number = t->loc[i].number;

		switch (t->loc[i].op) {
		case CFG_U32_AND:
			val &= number;
			break;
		case CFG_U32_LEFT:
			val <<= number;
			break;
		case CFG_U32_RIGHT:
			val >>= number;
			break;
		default:
			if (at + val < at) // what is @ goes on from where the last one was
				return false;
			at += val;
			if (!word_at(p, (uint64_t)at + number, &val))
				return false;
		}
	}
	*out = val;
	return true;
}

static bool
u32_match(const struct cfg_match *m, const struct pl_pkt *p)
{
	const struct cfg_u32_test *t = m->data, *end = t + m->data_size / sizeof(*t);

	for (; t < end; t++) {
		unsigned i = 0;
		uint32_t val;

		if (!u32_value(t, p, &val))
			return false;
		while (i < t->n_val && (val < t->val[i].lo || val > t->val[i].hi))
			i++;
		if (i == t->n_val)
			return false;
	}
	return true;
}

enum acl_hit
acl_u32_judge(const struct cfg_match *m, const struct acl_view *v)
{
	return u32_match(m, v->pkt) != m->u32.invert ? ACL_HIT : ACL_MISS;
}
