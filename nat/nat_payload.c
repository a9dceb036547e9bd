// Payload that a helper changed goes back into its packet: bytes, lengths, checksums; and the TCP
// numbers that are shifted from then on. Called through conntrack's hook (nat_help.c) on the
// worker's thread; owns nothing. The text may be longer than what it replaces: further segments are
// taken from the worker's pool. Checksums over changed payload are made anew, as netfilter does;
// those over shifted numbers by the difference (RFC 1624). RFC 2018 for SACK.
#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>

#include "nat/nat_help.h"
#include "pipeline/csum.h"
#include "pipeline/load.h"

#define OPT_NOP	 1
#define OPT_SACK 5

// ---- bytes --------------------------------------------------------------------------------------

// Segment m holds n of its bytes from `at` on; what it could hold is used.
static uint32_t
fill(struct rte_mbuf *m, uint32_t at, const char *text, uint32_t n)
{
	uint32_t room = (uint32_t)m->data_len + rte_pktmbuf_tailroom(m) - at;
	uint32_t part = RTE_MIN(n, room);

	memcpy(rte_pktmbuf_mtod_offset(m, char *, at), text, part);
	m->data_len = (uint16_t)(at + part);
	return part;
}

// Can the segments be written to?
static bool
is_ours(const struct rte_mbuf *m)
{
	for (; m != NULL; m = m->next) {
		if (!RTE_MBUF_DIRECT(m) || rte_mbuf_refcnt_read(m) != 1)
			return false;
	}
	return true;
}

// The n bytes of text from `off` on in place of all that is there. False: no buffer; the packet is
// then good for nothing.
static bool
put(struct pl_worker *w, struct rte_mbuf *m, uint32_t off, const char *text, uint32_t n)
{
	struct rte_mbuf *last = m;
	uint32_t done = fill(m, off, text, n);

	m->pkt_len = off + n;
	while (done < n) {
		if (last->next == NULL) {
			struct rte_mbuf *more = rte_pktmbuf_alloc(w->pool);

			if (more == NULL)
				return false;
			last->next = more;
			m->nb_segs++;
		}
		last = last->next;
		done += fill(last, 0, text + done, n - done);
	}
	rte_pktmbuf_free(last->next); // what is left over; NULL is fine
	last->next = NULL;
	m->nb_segs = 1;
	for (const struct rte_mbuf *s = m->next; s != NULL; s = s->next)
		m->nb_segs++;
	return true;
}

// ---- lengths and checksums ----------------------------------------------------------------------

static void
ip_length(struct pl_pkt *p, int32_t more)
{
	void *l3 = rte_pktmbuf_mtod_offset(p->m, void *, p->l3_off);

	if (p->family == 4) {
		struct rte_ipv4_hdr *ip = l3;
		rte_be16_t old = ip->total_length;

		ip->total_length = rte_cpu_to_be_16((uint16_t)(rte_be_to_cpu_16(old) + more));
		ip->hdr_checksum = pl_csum_update16(ip->hdr_checksum, old, ip->total_length);
	} else {
		struct rte_ipv6_hdr *ip = l3;
		uint16_t len = rte_be_to_cpu_16(ip->payload_len);

		ip->payload_len = rte_cpu_to_be_16((uint16_t)(len + more));
	}
	p->l3_len = (uint16_t)(p->l3_len + more);
	p->l4_len = (uint16_t)(p->l4_len + more);
}

static uint32_t
pseudo(const struct pl_pkt *p)
{
	uint32_t sum = rte_cpu_to_be_16(p->l4_len) + rte_cpu_to_be_16(p->proto);

	for (unsigned i = 0; i < (p->family == 4 ? 1 : 4); i++) {
		sum += (p->src.u32[i] & 0xffff) + (p->src.u32[i] >> 16);
		sum += (p->dst.u32[i] & 0xffff) + (p->dst.u32[i] >> 16);
	}
	return sum;
}

static bool
l4_checksum(const struct pl_pkt *p)
{
	uint8_t *l4 = rte_pktmbuf_mtod_offset(p->m, uint8_t *, p->l4_off);
	uint8_t *at = l4 + (p->proto == IPPROTO_TCP ? 16 : 6);
	uint16_t raw, sum;

	if (p->proto == IPPROTO_UDP) {
		rte_be16_t len = rte_cpu_to_be_16(p->l4_len);

		memcpy(l4 + 4, &len, sizeof(len));
		if (at[0] == 0 && at[1] == 0)
			return true; // none was sent
	}
	memset(at, 0, 2);
	if (rte_raw_cksum_mbuf(p->m, p->l4_off, p->l4_len, &raw) != 0)
		return false;
	sum = (uint16_t)~pl_csum_fold(pseudo(p) + raw);
	if (p->proto == IPPROTO_UDP && sum == 0)
		sum = 0xffff;
	memcpy(at, &sum, sizeof(sum));
	return true;
}

bool
nat_payload_put(struct pl_worker *w, struct pl_pkt *p, uint32_t off, const struct ct_text *t)
{
	uint32_t before = p->l4_off + p->l4_len - off;

	if (off > rte_pktmbuf_data_len(p->m) || !is_ours(p->m) ||
	    off - p->l3_off + t->len > UINT16_MAX)
		return false;
	if (!put(w, p->m, off, t->at, t->len))
		return false;
	ip_length(p, (int32_t)(t->len - before));
	return l4_checksum(p);
}

// ---- TCP's numbers ------------------------------------------------------------------------------

static uint32_t
load32(const uint8_t *at)
{
	return rte_be_to_cpu_32(pl_load32(at));
}

// The number at `at` becomes v, and the checksum follows. An odd place counts the other way round.
static void
store32(uint8_t *tcp, uint8_t *at, uint32_t v)
{
	uint32_t old, now = rte_cpu_to_be_32(v);
	uint16_t csum;

	memcpy(&old, at, sizeof(old));
	memcpy(at, &now, sizeof(now));
	if ((at - tcp) % 2 != 0) {
		old = rte_bswap32(old);
		now = rte_bswap32(now);
	}
	memcpy(&csum, tcp + 16, sizeof(csum));
	csum = pl_csum_update32(csum, old, now);
	memcpy(tcp + 16, &csum, sizeof(csum));
}

static void
shift_sack(uint8_t *tcp, uint8_t *opt, const uint8_t *end, const struct ct_seqadj *other)
{
	while (opt + 2 <= end && *opt != 0) {
		if (*opt == OPT_NOP) {
			opt++;
			continue;
		}
		if (opt[1] < 2 || opt + opt[1] > end)
			return;
		for (uint8_t *edge = opt + 2; *opt == OPT_SACK && edge + 4 <= opt + opt[1];
		     edge += 4) {
			uint32_t v = load32(edge);

			if ((opt[1] - 2) % 8 != 0)
				break;
			store32(tcp, edge, v - (uint32_t)ct_seqadj_of_ack(other, v));
		}
		opt += opt[1];
	}
}

bool
nat_payload_shift(struct pl_pkt *p, enum ct_dir dir, const struct ct_seqadj seq[2])
{
	const struct ct_seqadj *mine = &seq[dir], *other = &seq[!dir];
	uint8_t *tcp = pl_need(p, p->l4_off, 20);
	uint32_t hlen, v;

	if (p->proto != IPPROTO_TCP)
		return true;
	if (tcp == NULL)
		return false;
	hlen = (tcp[12] >> 4) * 4u;
	if (hlen < 20 || pl_need(p, p->l4_off, hlen) == NULL)
		return false;
	v = load32(tcp + 4);
	store32(tcp, tcp + 4, v + (uint32_t)ct_seqadj_of(mine, v));
	if (!(tcp[13] & 0x10))
		return true;
	v = load32(tcp + 8);
	store32(tcp, tcp + 8, v - (uint32_t)ct_seqadj_of_ack(other, v));
	shift_sack(tcp, tcp + 20, tcp + hlen, other);
	return true;
}
