// Reassembly before connection tracking, both families, as nf_defrag_ipv4 and nf_defrag_ipv6 do it
// (RFC 791 3.2, RFC 8200 4.5, RFC 5722). One table for each worker; fragments of an address pair
// meet in one worker (ct_steer). Bounded: datagrams, fragments in each, buffers in all, time from
// the first fragment on, and what the policy says (struct net_frag_conf). A fragment that lies
// within what came already is dropped alone, one that overlaps takes the whole datagram with it.
// The buffers stay as they are and are chained, so that net_output can take the packet apart along
// the same seams.
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <rte_ip.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "net/core.h"

#define EXPIRE_PER_TURN 4
#define L4_HEADER	20 // bytes made contiguous where the first fragment is tiny

// Where a waiting fragment lies in the datagram. Kept in the buffer's hash word, which nobody needs
// here. A run is a stretch that grew at the datagram's end; Linux compares with runs, not with
// single fragments.
#define RUN_START (1u << 31)

// What one fragment says about itself.
struct frag {
	uint32_t offset, end; // bytes of payload
	uint32_t id;
	uint16_t payload_off; // from the start of the frame
	uint16_t ip_hlen; // IP header bytes (IPv6: with extension headers and the fragment header)
	uint8_t ecn;
	bool more, df;
	bool odd; // IPv6: more to come, but not a multiple of eight bytes
	bool cut; // IPv6: the first one, without a whole upper-layer header
};

static uint32_t
offset_of(const struct rte_mbuf *m)
{
	return m->hash.usr & ~RUN_START;
}

static uint32_t
end_of(const struct net_dgram *d, const struct rte_mbuf *m)
{
	return offset_of(m) + m->data_len - (offset_of(m) == 0 ? d->l4_off : 0);
}

// ---- table
int
net_frags_init(struct net_frags *f, uint32_t max, int socket)
{
	uint32_t buckets;

	max = RTE_MAX(max, 16u);
	buckets = rte_align32pow2(max);
	f->dgram = rte_zmalloc_socket("net_dgrams", (max + 1ull) * sizeof(f->dgram[0]),
				      RTE_CACHE_LINE_SIZE, socket);
	f->bucket = rte_zmalloc_socket("net_frags", buckets * sizeof(f->bucket[0]),
				       RTE_CACHE_LINE_SIZE, socket);
	if (f->dgram == NULL || f->bucket == NULL) {
		rte_free(f->dgram);
		rte_free(f->bucket);
		return -ENOMEM;
	}
	f->bucket_mask = buckets - 1;
	f->seed = (uint32_t)rte_rand();
	net_frag_conf_init(&f->conf, NULL, 1);
	f->max = max;
	for (uint32_t i = 1; i < max; i++)
		f->dgram[i].hash_next = i + 1;
	f->free = 1;
	return 0;
}

void
net_frags_free(struct net_frags *f)
{
	for (uint32_t i = 1; f->dgram != NULL && i <= f->max; i++)
		rte_pktmbuf_free(f->dgram[i].head); // the chain with it
	rte_free(f->dgram);
	rte_free(f->bucket);
}

static uint32_t *
bucket_of(struct net_frags *f, const struct net_dgram *key)
{
	uint64_t h = (key->src.u64[0] ^ key->dst.u64[0] ^ ((uint64_t)key->id << 32 | f->seed)) *
		     0x9e3779b97f4a7c15ull;

	h = (h ^ key->src.u64[1] ^ key->dst.u64[1] ^ h >> 29) * 0xc2b2ae3d27d4eb4full;
	return &f->bucket[(uint32_t)(h >> 32) & f->bucket_mask];
}

static bool
same_key(const struct net_dgram *a, const struct net_dgram *b)
{
	return a->id == b->id && a->family == b->family && a->proto == b->proto &&
	       a->origin == b->origin && a->port == b->port && pl_addr_eq(&a->src, &b->src) &&
	       pl_addr_eq(&a->dst, &b->dst);
}

static void
make_key(struct net_dgram *key, const struct pl_pkt *p, const struct frag *fr)
{
	memset(key, 0, sizeof(*key));
	key->src = p->src;
	key->dst = p->dst;
	key->id = fr->id;
	key->family = p->family;
	key->origin = p->origin;
	if (p->family == 4)
		key->proto = p->proto;
	else if (net_is_link_local6(&p->dst) || p->dst.v6[0] == 0xff)
		key->port = p->in_port;
}

static struct net_dgram *
find(struct net_frags *f, const struct net_dgram *key)
{
	uint32_t i = *bucket_of(f, key);

	while (i != 0 && !same_key(&f->dgram[i], key))
		i = f->dgram[i].hash_next;
	return i != 0 ? &f->dgram[i] : NULL;
}

static struct net_dgram *
add(struct net_frags *f, const struct net_dgram *key, uint64_t now_ns)
{
	unsigned list = key->family == 6;
	uint32_t i = f->free, *bucket = bucket_of(f, key);
	struct net_dgram *d = &f->dgram[i];

	if (i == 0)
		return NULL;
	f->free = d->hash_next;
	f->n_dgram++;
	*d = *key;
	d->since_ns = now_ns;
	d->hash_next = *bucket;
	*bucket = i;
	d->older = f->newest[list];
	if (f->newest[list] != 0)
		f->dgram[f->newest[list]].newer = i;
	else
		f->oldest[list] = i;
	f->newest[list] = i;
	return d;
}

// Out of hash and list; its buffers were taken or dropped before.
static void
forget(struct net_frags *f, struct net_dgram *d)
{
	unsigned list = d->family == 6;
	uint32_t i = (uint32_t)(d - f->dgram), *at = bucket_of(f, d);

	while (*at != i)
		at = &f->dgram[*at].hash_next;
	*at = d->hash_next;
	if (d->older != 0)
		f->dgram[d->older].newer = d->newer;
	else
		f->oldest[list] = d->newer;
	if (d->newer != 0)
		f->dgram[d->newer].older = d->older;
	else
		f->newest[list] = d->older;
	memset(d, 0, sizeof(*d));
	d->hash_next = f->free;
	f->free = i;
	f->n_dgram--;
}

static void
drop_all(struct pl_worker *w, struct net_dgram *d, enum pl_drop reason)
{
	struct net_frags *f = &w->net->frags;
	struct rte_mbuf *m = d->head;

	f->n_mbuf -= d->n;
	f->n_of[d->family == 6] -= d->n;
	while (m != NULL) {
		struct rte_mbuf *next = m->next;

		m->next = NULL;
		pl_drop_mbuf(w, m, reason);
		m = next;
	}
	d->head = NULL;
	forget(f, d);
}

// ---- reading a fragment's headers. 0, or a drop reason + 1.
static int
read4(const struct pl_pkt *p, struct frag *fr)
{
	const struct rte_ipv4_hdr *ip = pl_need(p, p->l3_off, sizeof(*ip));
	uint16_t field = rte_be_to_cpu_16(ip->fragment_offset);

	fr->offset = (field & RTE_IPV4_HDR_OFFSET_MASK) * 8u;
	fr->end = fr->offset + p->l4_len;
	fr->more = field & RTE_IPV4_HDR_MF_FLAG;
	fr->df = field & RTE_IPV4_HDR_DF_FLAG;
	fr->id = ip->packet_id;
	fr->ecn = ip->type_of_service & 3;
	fr->payload_off = p->l4_off;
	fr->ip_hlen = p->l4_off - p->l3_off;
	return 0;
}

// Offset of the fragment header and of the next-header field that names it; false: there is none.
static bool
find_frag_header(const struct pl_pkt *p, unsigned *at, unsigned *named_at)
{
	unsigned off = p->l3_off + sizeof(struct rte_ipv6_hdr), next_at = p->l3_off + 6;

	for (;;) {
		const uint8_t *named = pl_need(p, next_at, 1), *h = pl_need(p, off, 8);

		if (named == NULL || h == NULL)
			return false;
		switch (*named) {
		case IPPROTO_FRAGMENT:
			*at = off;
			*named_at = next_at;
			return true;
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			next_at = off;
			off += (h[1] + 1u) * 8;
			break;
		case IPPROTO_AH:
			next_at = off;
			off += (h[1] + 2u) * 4;
			break;
		default:
			return false;
		}
	}
}

// RFC 8200 4.5 wants all headers in the first fragment. Linux takes these bytes for enough.
static bool
upper_layer_is_cut(const struct pl_pkt *p)
{
	uint16_t need = 1;

	if (p->flags & PL_F_LATER_FRAG)
		return false;
	if (p->proto == IPPROTO_TCP)
		need = 20;
	else if (p->proto == IPPROTO_UDP || p->proto == IPPROTO_ICMPV6)
		need = 8;
	return p->proto != IPPROTO_NONE && p->l4_len < need;
}

static int
read6(const struct pl_pkt *p, struct frag *fr)
{
	const struct rte_ipv6_hdr *ip = pl_need(p, p->l3_off, sizeof(*ip));
	unsigned at, named_at;
	const uint8_t *h;
	uint16_t field;

	if (!find_frag_header(p, &at, &named_at))
		return PL_DROP_FRAG_BAD + 1;
	h = pl_need(p, at, 8);
	field = (uint16_t)(h[2] << 8 | h[3]);
	fr->payload_off = at + 8;
	fr->offset = field & 0xfff8;
	fr->end = fr->offset + p->l3_off + p->l3_len - fr->payload_off;
	fr->more = field & 1;
	fr->df = false;
	memcpy(&fr->id, h + 4, 4);
	fr->ecn = (rte_be_to_cpu_32(ip->vtc_flow) >> 20) & 3;
	fr->ip_hlen = fr->payload_off - p->l3_off;
	if (fr->end > UINT16_MAX)
		return PL_DROP_FRAG_BAD + 1;
	fr->odd = fr->more && fr->end % 8 != 0;
	fr->cut = upper_layer_is_cut(p);
	return 0;
}

// ---- the chain
enum fit { FIT_OK, FIT_DUPLICATE, FIT_OVERLAP };

// Finds the place for [offset, end): after *prev (NULL: at the front). The common case, the end,
// costs no walk.
static enum fit
find_place(const struct net_dgram *d, uint32_t offset, uint32_t end, struct rte_mbuf **prev)
{
	uint32_t run_start = 0, run_end = 0;

	*prev = d->tail;
	if (d->tail == NULL)
		return FIT_OK;
	if (end_of(d, d->tail) < end)
		return offset < end_of(d, d->tail) ? FIT_OVERLAP : FIT_OK;
	*prev = NULL;
	for (struct rte_mbuf *m = d->head; m != NULL; m = m->next) {
		if (m->hash.usr & RUN_START) {
			if (run_end > offset)
				break;
			if (end <= offset_of(m))
				return FIT_OK;
			run_start = offset_of(m);
		}
		run_end = end_of(d, m);
		if (run_end <= offset)
			*prev = m;
	}
	if (run_end <= offset)
		return FIT_OK;
	return offset >= run_start && end <= run_end ? FIT_DUPLICATE : FIT_OVERLAP;
}

static void
link_in(struct net_dgram *d, struct rte_mbuf *m, struct rte_mbuf *prev, uint32_t offset)
{
	bool grows = prev != NULL && prev == d->tail && end_of(d, prev) == offset;

	m->hash.usr = offset | (grows ? 0 : RUN_START);
	m->ol_flags &= ~RTE_MBUF_F_RX_RSS_HASH;
	if (prev == NULL) {
		m->next = d->head;
		d->head = m;
	} else {
		m->next = prev->next;
		prev->next = m;
	}
	if (m->next == NULL)
		d->tail = m;
	d->n++;
}

// Length bookkeeping and its contradictions. 0: fine; 1: drop the fragment; 2: drop the datagram.
static int
account_end(struct net_dgram *d, struct frag *fr)
{
	int bad = d->family == 4 ? 2 : 1;

	if (!fr->more) {
		if (fr->end < d->len || (d->have_last && fr->end != d->len))
			return bad;
		d->have_last = true;
		d->len = fr->end;
	} else {
		fr->end &= ~7u; // IPv4: what does not make eight bytes is cut off
		if (fr->end > d->len) {
			if (d->have_last)
				return bad;
			d->len = fr->end;
		}
	}
	return fr->end <= fr->offset ? bad : 0;
}

static void
account_sizes(struct net_dgram *d, const struct frag *fr, const struct pl_pkt *p)
{
	uint32_t len = fr->end - fr->offset, size = len + fr->ip_hlen;

	d->meat += len;
	d->ecn |= 1u << fr->ecn;
	if (size > d->max_size)
		d->max_size = size;
	if (fr->df && size > d->max_df_size)
		d->max_df_size = size;
	if (fr->offset == 0) {
		d->have_first = true;
		d->l4_off = fr->payload_off;
		d->in_port = p->in_port;
	}
}

// ---- the whole
// RFC 3168 5.3: congestion experienced in one is congestion experienced; not-ECT mixed with ECT is
// a lie. Returns the bits to or into the header, or -1.
static int
merged_ecn(uint8_t seen)
{
	if ((seen & 1) && (seen & ~1))
		return -1;
	return (seen & 8) && (seen & 6) ? 3 : 0;
}

static bool
finish4(struct net_dgram *d, struct rte_mbuf *m, const struct pl_pkt *p, int ecn)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, p->l3_off);
	unsigned hlen = (ip->version_ihl & 0xf) * 4;

	if (hlen + d->len > UINT16_MAX)
		return false;
	ip->total_length = rte_cpu_to_be_16(hlen + d->len);
	// "Do not fragment" holds for the whole where its largest fragment had it.
	ip->fragment_offset = d->max_df_size == d->max_size ? RTE_BE16(RTE_IPV4_HDR_DF_FLAG) : 0;
	ip->type_of_service |= ecn;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, hlen);
	return true;
}

// Takes the fragment header out of the first fragment.
static bool
finish6(struct net_dgram *d, struct rte_mbuf *m, const struct pl_pkt *p, int ecn)
{
	struct pl_pkt first = {.m = m, .l3_off = p->l3_off};
	struct rte_ipv6_hdr *ip;
	unsigned at, named_at;
	uint8_t *frame;

	if (!find_frag_header(&first, &at, &named_at) ||
	    at - p->l3_off - sizeof(*ip) + d->len > UINT16_MAX)
		return false;
	frame = rte_pktmbuf_mtod(m, uint8_t *);
	frame[named_at] = frame[at];
	memmove(frame + 8, frame, at);
	rte_pktmbuf_adj(m, 8); // of the first buffer; m->pkt_len with it
	ip = rte_pktmbuf_mtod_offset(m, void *, p->l3_off);
	ip->payload_len = rte_cpu_to_be_16(at - p->l3_off - sizeof(*ip) + d->len);
	ip->vtc_flow |= rte_cpu_to_be_32((uint32_t)ecn << 20);
	return true;
}

// The chain as one packet.
static struct rte_mbuf *
join(struct net_frags *f, struct net_dgram *d)
{
	struct rte_mbuf *m = d->head;
	uint32_t len = 0;

	for (struct rte_mbuf *x = m; x != NULL; x = x->next)
		len += x->data_len;
	m->pkt_len = len;
	m->nb_segs = d->n;
	f->n_mbuf -= d->n;
	f->n_of[d->family == 6] -= d->n;
	d->head = NULL;
	return m;
}

// d is complete and p is its last fragment (already in the chain): p becomes the whole packet.
static void
complete(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p, struct net_dgram *d)
{
	struct net_frags *f = &w->net->frags;
	uint16_t frag_max = RTE_MAX(d->max_size, d->max_df_size);
	int ecn = merged_ecn(d->ecn), ret;
	bool ok;

	p->m = join(f, d);
	ok = ecn >= 0 && (p->family == 4 ? finish4(d, p->m, p, ecn) : finish6(d, p->m, p, ecn));
	forget(f, d);
	if (!ok) {
		pl_drop(w, b, p, PL_DROP_FRAG_BAD);
		return;
	}
	ret = pl_parse(p);
	if (ret == 0 && !(p->flags & PL_F_L4) && p->m->nb_segs > 1) {
		// A tiny first fragment: the rest of its L4 header is in the next one.
		net_pull(p->m, p->l4_off + L4_HEADER);
		ret = pl_parse(p);
	}
	if (ret != 0) {
		pl_drop(w, b, p, (enum pl_drop)(ret - 1));
		return;
	}
	pl_meta(p->m)->frag_max = frag_max;
	pl_meta(p->m)->note = p->note;
	p->flags = (p->flags | PL_F_REASM) & ~PL_F_HANDED;
}

// ---- one fragment
static uint32_t
max_mbufs(struct pl_worker *w)
{
	struct net_frags *f = &w->net->frags;

	if (unlikely(f->max_mbuf == 0)) { // once: a quarter of this worker's share of the buffers
		f->max_mbuf = RTE_MAX(w->pool->size / 4 / w->n_workers, 64u);
		f->mbuf_bytes = w->pool->elt_size;
	}
	return f->max_mbuf;
}

// The datagram's place, made where there is none and may be one more; NULL: it may not.
static struct net_dgram *
place_for(struct net_frags *f, const struct net_dgram *key, uint64_t now_ns)
{
	const unsigned list = key->family == 6;
	struct net_dgram *d = find(f, key);

	if (d != NULL)
		return d;
	if (f->conf.high[list] != 0 && (uint64_t)f->n_of[list] * f->mbuf_bytes > f->conf.high[list])
		return NULL;
	return add(f, key, now_ns);
}

// Drops what was collected of d and begins it anew with the fragment in hand.
static struct net_dgram *
begin_anew(struct pl_worker *w, struct net_dgram *d, const struct net_dgram *key)
{
	const uint32_t rid = d->rid, born = d->source_born;

	drop_all(w, d, PL_DROP_FRAG_DISTANCE);
	d = add(&w->net->frags, key, w->now_ns); // into the place that was given back
	d->rid = rid;
	d->source_born = born;
	return d;
}

// Cuts the buffer down to what the chain keeps: the first fragment its headers, all of them no link
// padding and no bytes past end.
static bool
trim(struct rte_mbuf *m, const struct frag *fr)
{
	uint32_t want = fr->payload_off + fr->end - fr->offset;

	if (m->nb_segs > 1 && rte_pktmbuf_linearize(m) < 0)
		return false;
	if (m->pkt_len > want)
		rte_pktmbuf_trim(m, m->pkt_len - want);
	if (fr->offset != 0)
		rte_pktmbuf_adj(m, fr->payload_off);
	return true;
}

static void
one(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p)
{
	struct net_frags *f = &w->net->frags;
	struct net_dgram key, *d;
	struct rte_mbuf *prev;
	struct frag fr = {0};
	int ret = p->family == 4 ? read4(p, &fr) : read6(p, &fr);

	make_key(&key, p, &fr);
	d = find(f, &key);
	if (ret != 0) {
		pl_drop(w, b, p, (enum pl_drop)(ret - 1));
		return;
	}
	if (fr.cut) // goes on as it is, and waits for nothing
		return;
	if (fr.odd) {
		// It spoils its datagram, and goes on alone: its destination has to complain (RFC
		// 8200 4.5).
		if (d != NULL)
			drop_all(w, d, PL_DROP_FRAG_BAD);
		return;
	}
	if (f->n_mbuf >= max_mbufs(w) || (d = place_for(f, &key, w->now_ns)) == NULL) {
		pl_drop(w, b, p, PL_DROP_FRAG_LIMIT);
		return;
	}
	if (unlikely(net_frag_too_far(f, d)))
		d = begin_anew(w, d, &key);
	ret = account_end(d, &fr);
	if (ret != 0) {
		if (ret == 2 || d->n == 0)
			drop_all(w, d, PL_DROP_FRAG_BAD);
		pl_drop(w, b, p, PL_DROP_FRAG_BAD);
		return;
	}
	switch (find_place(d, fr.offset, fr.end, &prev)) {
	case FIT_DUPLICATE:
		pl_drop(w, b, p, PL_DROP_FRAG_OVERLAP);
		return;
	case FIT_OVERLAP:
		drop_all(w, d, PL_DROP_FRAG_OVERLAP);
		pl_drop(w, b, p, PL_DROP_FRAG_OVERLAP);
		return;
	case FIT_OK:
		break;
	}
	if (d->n == NET_FRAGS_PER_DGRAM || !trim(p->m, &fr)) {
		drop_all(w, d, PL_DROP_FRAG_LIMIT);
		pl_drop(w, b, p, PL_DROP_FRAG_LIMIT);
		return;
	}
	account_sizes(d, &fr, p);
	link_in(d, p->m, prev, fr.offset);
	f->n_mbuf++;
	f->n_of[d->family == 6]++;
	if (d->have_first && d->have_last && d->meat == d->len)
		complete(w, b, p, d);
	else
		pl_take(b, p);
}

void
net_defrag_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	if (likely(b->plain))
		return;
	PL_FOREACH (p, b) {
		if (likely(!(p->flags & PL_F_FRAG)))
			continue;
		if (conf != NULL)
			w->net->frags.conf = *(const struct net_frag_conf *)conf;
		one(w, b, p);
	}
}

// Time is up. Who sent the first fragment is told (RFC 792, RFC 4443 3.3); IPv4 only where the
// datagram was for the gateway itself, as Linux does for fragments that connection tracking
// collects.
static void
expire(struct pl_worker *w, struct net_dgram *d)
{
	struct pl_pkt p = {.origin = d->origin, .in_port = PL_PORT_NONE, .out_port = PL_PORT_NONE};
	const struct net_table *t = w->net->table;

	if (d->have_first && d->origin == PL_FROM_WIRE) {
		struct rte_mbuf *next = d->head->next;

		p.m = d->head;
		p.in_port = d->in_port;
		p.m->next = NULL; // the first fragment alone is quoted
		if (pl_parse(&p) == 0) {
			if (p.family == 6)
				net_icmp_error(w, &p, ICMP6_TIME_EXCEEDED,
					       ICMP6_TIME_EXCEED_REASSEMBLY, 0);
			else if (net_fib_lookup(t, 4, &p.dst) == NET_NH_LOCAL)
				net_icmp_error(w, &p, ICMP_TIME_EXCEEDED, ICMP_EXC_FRAGTIME, 0);
		}
		p.m->next = next;
	}
	drop_all(w, d, PL_DROP_FRAG_TIMEOUT);
}

void
net_frags_idle(struct pl_worker *w)
{
	struct net_frags *f = &w->net->frags;

	if (likely(f->n_dgram == 0))
		return;
	for (unsigned list = 0; list < 2; list++) {
		for (unsigned n = 0; n < EXPIRE_PER_TURN && f->oldest[list] != 0; n++) {
			struct net_dgram *d = &f->dgram[f->oldest[list]];

			if (d->since_ns + f->conf.time_ns[list] > w->now_ns)
				break;
			expire(w, d);
		}
	}
}

const struct pl_stage net_defrag_stage = {"defrag", net_defrag_run, NULL};
