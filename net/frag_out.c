// Splits a packet into fragments (RFC 791 3.2, RFC 8200 4.5). A packet that was put together here
// and still consists of the buffers of its fragments is taken apart along the old seams, as Linux
// does; anything else is copied into new buffers of at most `limit` bytes of IP. Called by
// net_output; worker's thread.
#include <netinet/in.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "net/core.h"

#define ETH	    sizeof(struct rte_ether_hdr)
#define HEADERS_MAX 256 // link and IP headers in front of each part

struct split {
	uint8_t head[HEADERS_MAX]; // of every part; IPv6: with a fragment header at the end
	uint16_t head_len;	   // link header included
	uint16_t l3_off;
	uint16_t body_off; // where the payload starts in the whole packet
	uint16_t frag_off; // IPv6: of the fragment header in head
	uint8_t family;
	uint16_t base; // IPv4: offset and flags that the packet itself had
};

// Options without the copy bit belong into the first fragment only; the others get them as
// no-operation.
static void
blank_options(uint8_t *ip, unsigned hlen)
{
	unsigned off = 20;

	while (off < hlen && ip[off] != 0) {
		unsigned len = ip[off] == 1 ? 1 : off + 1 < hlen ? ip[off + 1] : 0;

		if (len == 0 || (ip[off] != 1 && len < 2) || off + len > hlen)
			return;
		if (!(ip[off] & 0x80))
			memset(ip + off, 1, len);
		off += len;
	}
}

static bool
prepare4(struct split *s, const uint8_t *frame, uint16_t l3_off)
{
	const struct rte_ipv4_hdr *ip = (const void *)(frame + l3_off);
	unsigned hlen = (ip->version_ihl & 0xf) * 4;

	s->family = 4;
	s->l3_off = l3_off;
	s->head_len = s->body_off = l3_off + hlen;
	s->base = rte_be_to_cpu_16(ip->fragment_offset);
	memcpy(s->head, frame, s->head_len);
	return true;
}

// The unfragmentable part: hop-by-hop and routing headers, and destination options unless they come
// after a routing header (RFC 8200 4.5, ip6_find_1stfragopt).
static bool
prepare6(struct split *s, const uint8_t *frame, uint16_t avail, uint16_t l3_off, uint32_t ident)
{
	unsigned next_at = l3_off + 6, cut = l3_off + sizeof(struct rte_ipv6_hdr);
	bool routing = false;
	uint8_t *fh;

	for (;;) {
		uint8_t next = frame[next_at];

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING &&
		    (next != IPPROTO_DSTOPTS || routing))
			break;
		routing = routing || next == IPPROTO_ROUTING;
		if (cut + 8 > avail)
			return false;
		next_at = cut;
		cut += (frame[cut + 1] + 1u) * 8;
		if (cut > avail || cut + 8 > HEADERS_MAX)
			return false;
	}
	s->family = 6;
	s->l3_off = l3_off;
	s->body_off = cut;
	s->frag_off = cut;
	s->head_len = cut + 8;
	memcpy(s->head, frame, cut);
	fh = s->head + cut;
	fh[0] = s->head[next_at];
	s->head[next_at] = IPPROTO_FRAGMENT;
	memcpy(fh + 4, &ident, 4);
	return true;
}

// Completes the header in front of a part: offset in bytes of the payload, len bytes in this part.
static void
seal(const struct split *s, uint8_t *frame, uint32_t offset, uint16_t len, bool more)
{
	if (s->family == 4) {
		struct rte_ipv4_hdr *ip = (void *)(frame + s->l3_off);
		unsigned hlen = s->head_len - s->l3_off;
		uint16_t field = s->base + offset / 8;

		if (more)
			field |= RTE_IPV4_HDR_MF_FLAG;
		if (offset != 0)
			blank_options((uint8_t *)ip, hlen);
		ip->total_length = rte_cpu_to_be_16(hlen + len);
		ip->fragment_offset = rte_cpu_to_be_16(field);
		ip->hdr_checksum = 0;
		ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, hlen);
	} else {
		struct rte_ipv6_hdr *ip = (void *)(frame + s->l3_off);
		rte_be16_t field = rte_cpu_to_be_16(offset | more);

		ip->payload_len = rte_cpu_to_be_16(s->head_len - s->l3_off - sizeof(*ip) + len);
		frame[s->frag_off + 1] = 0;
		memcpy(frame + s->frag_off + 2, &field, 2);
	}
}

// ---- along the old seams
static bool
seams_hold(const struct split *s, const struct rte_mbuf *m, uint16_t limit)
{
	unsigned room = limit - (s->head_len - s->l3_off);
	unsigned first = m->data_len - s->body_off;

	if (m->nb_segs < 2 || m->data_len <= s->body_off || first > room || first % 8 != 0)
		return false;
	if (s->family == 6 && rte_pktmbuf_headroom(m) < 8)
		return false;
	for (const struct rte_mbuf *x = m->next; x != NULL; x = x->next) {
		if (x->data_len == 0 || x->data_len > room ||
		    (x->next != NULL && x->data_len % 8 != 0) ||
		    rte_pktmbuf_headroom(x) < s->head_len || rte_mbuf_refcnt_read(x) != 1 ||
		    !RTE_MBUF_DIRECT(x))
			return false;
	}
	return true;
}

static void
split_at_seams(struct pl_worker *w, const struct net_out *out, struct split *s, struct rte_mbuf *m)
{
	uint32_t offset = 0;
	bool first = true;

	s->base &= ~RTE_IPV4_HDR_DF_FLAG; // as Linux does here, and only here

	while (m != NULL) {
		struct rte_mbuf *next = m->next;
		uint16_t len = first ? m->data_len - s->body_off : m->data_len;
		uint8_t *frame;

		m->next = NULL;
		m->nb_segs = 1;
		m->pkt_len = m->data_len;
		if (first)
			frame = (uint8_t *)rte_pktmbuf_prepend(m, s->head_len - s->body_off);
		else
			frame = (uint8_t *)rte_pktmbuf_prepend(m, s->head_len);
		memcpy(frame, s->head, s->head_len);
		seal(s, frame, offset, len, next != NULL || (s->base & RTE_IPV4_HDR_MF_FLAG));
		net_out_frame(w, out, m);
		offset += len;
		first = false;
		m = next;
	}
}

// ---- into new buffers
static struct rte_mbuf *
copy_part(struct pl_worker *w, const struct split *s, struct rte_mbuf *m, uint32_t offset,
	  uint16_t len)
{
	struct rte_mbuf *part = rte_pktmbuf_alloc(w->pool);
	const void *from;
	uint8_t *frame;

	if (part == NULL)
		return NULL;
	frame = (uint8_t *)rte_pktmbuf_append(part, s->head_len + len);
	if (frame == NULL) {
		rte_pktmbuf_free(part);
		return NULL;
	}
	memset(pl_meta(part), 0, sizeof(struct pl_meta));
	memcpy(frame, s->head, s->head_len);
	from = rte_pktmbuf_read(m, s->body_off + offset, len, frame + s->head_len);
	if (from != NULL && from != frame + s->head_len)
		memcpy(frame + s->head_len, from, len);
	return part;
}

static void
split_by_copy(struct pl_worker *w, const struct net_out *out, const struct split *s,
	      struct rte_mbuf *m, uint16_t limit)
{
	uint32_t left = m->pkt_len - s->body_off, offset = 0;
	uint32_t room = limit - (s->head_len - s->l3_off);

	while (left != 0) {
		uint16_t len = left <= room ? left : room & ~7u;
		struct rte_mbuf *part = copy_part(w, s, m, offset, len);

		if (part == NULL) { // the rest would be of no use to anybody
			pl_drop_mbuf(w, m, PL_DROP_FRAG_NO_MEM);
			return;
		}
		left -= len;
		seal(s, rte_pktmbuf_mtod(part, uint8_t *), offset, len,
		     left != 0 || (s->base & RTE_IPV4_HDR_MF_FLAG));
		net_out_frame(w, out, part);
		offset += len;
	}
	rte_pktmbuf_free(m);
}

void
net_frag_out(struct pl_worker *w, const struct net_out *out, struct rte_mbuf *m, uint8_t family,
	     uint16_t l3_off, uint16_t limit)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	uint32_t ident = ++w->net->ident * 0x9e3779b1u;
	struct split s;

	s.base = 0;
	if (!(family == 4 ? prepare4(&s, frame, l3_off)
			  : prepare6(&s, frame, rte_pktmbuf_data_len(m), l3_off, ident)) ||
	    limit < s.head_len - l3_off + 8) {
		pl_drop_mbuf(w, m, PL_DROP_TOO_BIG);
		return;
	}
	if (seams_hold(&s, m, limit))
		split_at_seams(w, out, &s, m);
	else
		split_by_copy(w, out, &s, m, limit);
}
