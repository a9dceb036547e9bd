// Reassembly and fragmentation by property: random cuts, orders, repeats and overlaps against a
// naive model; what comes out in fragments is the same datagram; limits and timeouts; no buffer is
// lost (rig_down).
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <rte_ip.h>

#include "net/core.h"
#include "test/unit/net/rig.h"

#define MAX 65535

static uint8_t payload[MAX + 1];

struct cut {
	uint32_t off, end;
	bool more;
};

static void
fill_payload(uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		payload[i] = rand();
}

static struct rte_mbuf *
frame4(uint16_t id, const char *dst, struct cut c)
{
	uint8_t f[2048] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1, 2, 8, 0};
	struct rte_ipv4_hdr *ip = (void *)(f + 14);

	ip->version_ihl = 0x45;
	ip->total_length = htons(20 + c.end - c.off);
	ip->packet_id = htons(id);
	ip->fragment_offset = htons(c.off / 8 | (c.more ? RTE_IPV4_HDR_MF_FLAG : 0));
	ip->time_to_live = 64;
	ip->next_proto_id = 99;
	ip->src_addr = htonl(0x0a010002);
	inet_pton(AF_INET, dst, &ip->dst_addr);
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	memcpy(f + 34, payload + c.off, c.end - c.off);
	return rig_frame(f, 34 + c.end - c.off);
}

static struct rte_mbuf *
frame6(uint16_t id, const char *dst, struct cut c)
{
	uint8_t f[2048] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1, 2, 0x86, 0xdd};
	struct rte_ipv6_hdr *ip = (void *)(f + 14);
	uint16_t field = htons(c.off | c.more), be = htons(id);

	ip->vtc_flow = htonl(6u << 28);
	ip->payload_len = htons(8 + c.end - c.off);
	ip->proto = IPPROTO_FRAGMENT;
	ip->hop_limits = 64;
	inet_pton(AF_INET6, "2001:db8:1::2", ip->src_addr);
	inet_pton(AF_INET6, dst, ip->dst_addr);
	f[54] = 99;
	memcpy(f + 56, &field, 2);
	memcpy(f + 60, &be, 2);
	memcpy(f + 62, payload + c.off, c.end - c.off);
	return rig_frame(f, 62 + c.end - c.off);
}

static struct rte_mbuf *
frame_of(uint8_t family, uint16_t id, struct cut c)
{
	return family == 4 ? frame4(id, "10.2.0.2", c) : frame6(id, "2001:db8:2::2", c);
}

// Cuts [0, len) into pieces of at most max, multiples of eight but for the last. Returns how many.
static unsigned
cuts(struct cut *c, uint32_t len, uint32_t max)
{
	unsigned n = 0;

	for (uint32_t at = 0; at < len; n++) {
		uint32_t step = 8 * (1 + rand() % (max / 8));

		c[n].off = at;
		at = at + step < len ? at + step : len;
		c[n].end = at;
		c[n].more = at < len;
	}
	return n;
}

static void
shuffle(struct cut *c, unsigned n)
{
	for (unsigned i = n; i > 1; i--) {
		unsigned k = rand() % i;
		struct cut x = c[i - 1];

		c[i - 1] = c[k];
		c[k] = x;
	}
}

// Pastes what left on a port back together by the offsets; false: holes, or not `len` bytes of
// payload.
static bool
same_datagram(const struct rig_queue *q, uint8_t family, uint32_t len, uint16_t mtu)
{
	static uint8_t got[MAX + 1], seen[MAX + 1];
	uint32_t total = 0;

	memset(seen, 0, len);
	for (unsigned i = 0; i < q->n; i++) {
		const uint8_t *f = rte_pktmbuf_mtod(q->m[i], const uint8_t *);
		unsigned head = family == 4 ? 34 : 62;
		unsigned field = family == 4 ? (f[20] << 8 | f[21]) : (f[56] << 8 | f[57]);
		unsigned off = family == 4 ? (field & 0x1fff) * 8 : field & 0xfff8;
		unsigned n = q->m[i]->pkt_len - head;
		bool more = family == 4 ? field & 0x2000 : field & 1;

		if (q->m[i]->pkt_len > mtu + 14u || q->m[i]->nb_segs != 1 || off + n > len ||
		    (more && n % 8 != 0) || more != (off + n < len) ||
		    (family == 4 && rte_raw_cksum(f + 14, 20) != 0xffff))
			return false;
		memcpy(got + off, f + head, n);
		memset(seen + off, 1, n);
		total += n;
	}
	return total == len && memchr(seen, 0, len) == NULL && memcmp(got, payload, len) == 0;
}

static void
send_all(struct rig *r, uint8_t family, uint16_t id, const struct cut *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		rig_feed(r, frame_of(family, id, c[i]), RIG_LAN, PL_FROM_WIRE);
}

Test(net_frag, random_cuts_and_orders)
{
	static struct cut c[MAX / 8];
	struct rig r;

	srand(2);
	rig_up(&r);
	for (unsigned i = 0; i < 400; i++) {
		uint8_t family = i % 2 ? 4 : 6;
		uint32_t len = 1409 + rand() % 20000;
		unsigned n;

		fill_payload(len);
		n = cuts(c, len, 1400);
		if (family == 6 && c[n - 1].end == c[n - 1].off)
			continue;
		shuffle(c, n);
		send_all(&r, family, i, c, n);
		cr_expect(same_datagram(&r.wire[RIG_WAN], family, len, 1500),
			  "round %u: %u parts of %u in, %u out", i, n, len, r.wire[RIG_WAN].n);
		cr_expect(rig_drops(&r) == 0);
		rig_clear(&r);
	}
	rig_down(&r);
}

// ---- overlaps: a model that keeps runs in a list and looks at all of them
struct model {
	struct {
		uint32_t start, end;
	} run[64];
	unsigned n;
	uint32_t len, meat;
	bool last, dead, done;
};

// 0 taken, 1 dropped alone, 2 the datagram is dropped
static int
model_add(struct model *m, struct cut c)
{
	unsigned tail = 0;

	if (!c.more) {
		if (c.end < m->len || (m->last && c.end != m->len))
			return 2;
		m->last = true;
		m->len = c.end;
	} else if (c.end > m->len) {
		if (m->last)
			return 2;
		m->len = c.end;
	}
	for (unsigned i = 1; i < m->n; i++) {
		if (m->run[i].end > m->run[tail].end)
			tail = i;
	}
	if (m->n != 0 && m->run[tail].end < c.end) {
		if (c.off < m->run[tail].end)
			return 2;
		if (c.off == m->run[tail].end) {
			m->run[tail].end = c.end;
			m->meat += c.end - c.off;
			return 0;
		}
	}
	for (unsigned i = 0; i < m->n; i++) {
		if (c.end <= m->run[i].start || c.off >= m->run[i].end)
			continue;
		return c.off >= m->run[i].start && c.end <= m->run[i].end ? 1 : 2;
	}
	m->run[m->n].start = c.off;
	m->run[m->n++].end = c.end;
	m->meat += c.end - c.off;
	return 0;
}

Test(net_frag, overlaps_as_the_model_says)
{
	unsigned whole = 0, alone = 0, spoiled = 0;
	struct rig r;

	srand(3);
	rig_up(&r);
	for (unsigned round = 0; round < 3000; round++) {
		const uint32_t len = 96;
		struct model m = {0};
		struct cut list[32];
		unsigned n = cuts(list, len, 40);
		bool over = false;

		// True pieces in a random order, mostly, and some that lie anywhere.
		shuffle(list, rand() % 2 ? n : 1);
		for (unsigned extra = rand() % 3; extra != 0; extra--) {
			struct cut c = {.off = 8 * (rand() % 12)};
			unsigned at = rand() % (n + 1);

			c.end = RTE_MIN(c.off + 8 * (1 + rand() % 4), len);
			c.more = c.end < len || rand() % 20 == 0;
			memmove(&list[at + 1], &list[at], (n++ - at) * sizeof(c));
			list[at] = c;
		}
		fill_payload(len);
		for (unsigned i = 0; i < n && !over; i++) {
			struct cut c = list[i];
			uint64_t before = rig_drops(&r);
			int want;

			want = model_add(&m, c);
			rig_feed(&r, frame_of(4, round, c), RIG_LAN, PL_FROM_WIRE);
			m.done = want == 0 && m.last && m.meat == m.len;
			over = want == 2 || m.done;
			cr_expect((rig_drops(&r) > before) == (want != 0), "round %u: fragment %u",
				  round, i);
			whole += r.wire[RIG_WAN].n != 0;
			alone += want == 1;
			spoiled += want == 2;
			if (m.done)
				cr_expect(same_datagram(&r.wire[RIG_WAN], 4, len, 1500), "round %u",
					  round);
			else
				cr_expect(r.wire[RIG_WAN].n == 0, "round %u: too early", round);
		}
		rig_idle(&r, 31000000000ull);
		cr_expect(r.w->net->frags.n_dgram == 0 && r.w->net->frags.n_mbuf == 0);
		rig_clear(&r);
	}
	cr_expect(whole > 100 && alone > 100 && spoiled > 100, "%u %u %u", whole, alone, spoiled);
	rig_down(&r);
}

// ---- size
static void
largest(uint8_t family, uint16_t mtu, bool to_host)
{
	static struct cut c[MAX / 8];
	uint32_t head = family == 4 ? 20 : 48, len = family == 4 ? 65535 - 20 : 65535 - 40;
	unsigned n = 0;
	struct rig r;

	rig_up(&r);
	fill_payload(len);
	for (uint32_t at = 0; at < len; n++) {
		c[n].off = at;
		at = RTE_MIN(at + ((mtu - head) & ~7u), len);
		c[n].end = at;
		c[n].more = at < len;
	}
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = !to_host	   ? frame_of(family, 1, c[i])
				     : family == 4 ? frame4(1, "10.1.0.1", c[i])
						   : frame6(1, "2001:db8:1::1", c[i]);

		rig_feed(&r, m, RIG_LAN, PL_FROM_WIRE);
	}
	cr_expect(rig_drops(&r) == 0);
	cr_expect(same_datagram(to_host ? &r.host[RIG_LAN] : &r.wire[RIG_WAN], family, len, mtu),
		  "IPv%u in fragments of %u", family, mtu);
	rig_down(&r);
}

Test(net_frag, sixty_four_kilobytes)
{
	largest(4, 576, false);
	largest(4, 1500, false);
	largest(4, 576, true); // up the twin, which has the port's MTU
	largest(6, 1280, false);
	largest(6, 1280, true);
}

// Where the headers grew or the seams are lost, the packet is cut anew, never larger than its
// largest part was.
static void
lose_seams(struct pl_worker *w __rte_unused, struct pl_pkt *p)
{
	if (p->m->nb_segs > 1)
		net_pull(p->m, p->m->data_len + 3);
}

Test(net_frag, cut_anew_where_the_seams_are_lost)
{
	struct cut c[3] = {{0, 1000, true}, {1000, 1400, true}, {1400, 1600, false}};
	struct rig r;

	for (uint8_t family = 4; family <= 6; family += 2) {
		rig_up(&r);
		rig_hook = lose_seams;
		fill_payload(1600);
		send_all(&r, family, 1, c, 3);
		cr_expect(r.wire[RIG_WAN].n == 2, "%u", r.wire[RIG_WAN].n);
		cr_expect(same_datagram(&r.wire[RIG_WAN], family, 1600, family == 4 ? 1020 : 1280),
			  "IPv%u", family);
		rig_down(&r);
	}
}

// ---- bounds
Test(net_frag, datagrams_are_bounded_and_time_out)
{
	struct cut c = {0, 8, true};
	struct rig r;

	rig_up(&r);
	for (unsigned i = 0; i < 100; i++)
		rig_feed(&r, frame_of(4, i, c), RIG_LAN, PL_FROM_WIRE);
	cr_expect(r.w->cnt.drop[PL_DROP_FRAG_LIMIT] == 36, "64 have room");
	rig_idle(&r, 29000000000ull);
	cr_expect(r.w->cnt.drop[PL_DROP_FRAG_TIMEOUT] == 0);
	rig_idle(&r, 1000000000ull);
	cr_expect(r.w->cnt.drop[PL_DROP_FRAG_TIMEOUT] == 64);
	cr_expect(r.wire[RIG_LAN].n == 0, "forwarded IPv4 is not reported");
	rig_feed(&r, frame_of(6, 1, c), RIG_LAN, PL_FROM_WIRE);
	rig_idle(&r, 59000000000ull);
	cr_expect(r.w->cnt.drop[PL_DROP_FRAG_TIMEOUT] == 64);
	rig_idle(&r, 1000000000ull);
	cr_expect(r.w->cnt.drop[PL_DROP_FRAG_TIMEOUT] == 65);
	rig_down(&r);
}

Test(net_frag, fragments_of_one_datagram_are_bounded)
{
	struct rig r;

	rig_up(&r);
	for (unsigned i = 0; i < 300; i++) {
		struct cut c = {16 * i, 16 * i + 8, true};

		rig_feed(&r, frame_of(4, 1, c), RIG_LAN, PL_FROM_WIRE);
	}
	cr_expect(r.w->cnt.drop[PL_DROP_FRAG_LIMIT] == NET_FRAGS_PER_DGRAM + 1,
		  "the datagram goes as a whole: %u", (unsigned)r.w->cnt.drop[PL_DROP_FRAG_LIMIT]);
	rig_down(&r);
}

Test(net_frag, buffers_are_bounded)
{
	struct cut c[250];
	struct rig r;

	rig_up(&r);
	for (unsigned i = 0; i < 250; i++)
		c[i] = (struct cut){16 * i, 16 * i + 8, true};
	for (unsigned id = 0; id < 8; id++)
		send_all(&r, 4, id, c, 250);
	cr_expect(r.w->net->frags.n_mbuf <= 4095 / 4, "a quarter of the pool");
	cr_expect(r.w->cnt.drop[PL_DROP_FRAG_LIMIT] == 2000 - r.w->net->frags.n_mbuf);
	rig_down(&r);
}

static struct net_frag_conf
said(const struct cfg_conntrack *settings)
{
	struct net_frag_conf conf;

	net_frag_conf_init(&conf, settings, 1);
	return conf;
}

Test(net_frag, times_are_the_policys)
{
	const struct cfg_conntrack settings = {.ipfrag_time = 5, .frag6_timeout = 7};
	struct cut c = {0, 8, true};
	struct rig r;

	rig_up(&r);
	r.w->net->frags.conf = said(&settings);
	rig_feed(&r, frame_of(4, 1, c), RIG_LAN, PL_FROM_WIRE);
	rig_feed(&r, frame_of(6, 1, c), RIG_LAN, PL_FROM_WIRE);
	rig_idle(&r, 4999000000ull);
	cr_expect(r.w->cnt.drop[PL_DROP_FRAG_TIMEOUT] == 0);
	rig_idle(&r, 1000000ull);
	cr_expect(r.w->cnt.drop[PL_DROP_FRAG_TIMEOUT] == 1);
	rig_idle(&r, 1999000000ull);
	cr_expect(r.w->cnt.drop[PL_DROP_FRAG_TIMEOUT] == 1);
	rig_idle(&r, 1000000ull);
	cr_expect(r.w->cnt.drop[PL_DROP_FRAG_TIMEOUT] == 2);
	rig_down(&r);
}

// Each family has its own bound, and what was begun is finished above it.
Test(net_frag, bytes_are_the_policys)
{
	struct cfg_conntrack settings = {.ipfrag_high_thresh = 1};
	struct cut a = {0, 8, true}, b = {8, 16, false};
	struct rig r;

	rig_up(&r);
	settings.ipfrag_high_thresh = 3 * r.w->pool->elt_size;
	r.w->net->frags.conf = said(&settings);
	for (unsigned i = 0; i < 6; i++) {
		rig_feed(&r, frame_of(4, i, a), RIG_LAN, PL_FROM_WIRE);
		rig_feed(&r, frame_of(6, i, a), RIG_LAN, PL_FROM_WIRE);
	}
	cr_expect(r.w->cnt.drop[PL_DROP_FRAG_LIMIT] == 2, "the fourth is the first above it");
	rig_feed(&r, frame_of(4, 3, b), RIG_LAN, PL_FROM_WIRE);
	cr_expect(r.w->cnt.drop[PL_DROP_FRAG_LIMIT] == 2, "begun, so finished");
	cr_expect(r.w->net->frags.n_mbuf == 3 + 6);
	rig_down(&r);
}

// `between` fragments of the same source between two of one datagram: does it get through?
static bool
survives(const struct cfg_conntrack *settings, unsigned between, bool same_source)
{
	struct cut a = {0, 8, true}, b = {8, 16, false};
	struct rig r;
	bool whole;

	rig_up(&r);
	r.w->net->frags.conf = said(settings);
	rig_feed(&r, frame_of(4, 1, a), RIG_LAN, PL_FROM_WIRE);
	for (unsigned i = 0; i < between; i++) {
		struct rte_mbuf *m = frame4((uint16_t)(100 + i / 8), "10.2.0.3",
					    (struct cut){16 * (i % 8), 16 * (i % 8) + 8, true});
		struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, void *, 14);

		if (!same_source)
			ip->src_addr = htonl(0x0a010063);
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		rig_feed(&r, m, RIG_LAN, PL_FROM_WIRE);
	}
	rig_feed(&r, frame_of(4, 1, b), RIG_LAN, PL_FROM_WIRE);
	whole = r.w->cnt.drop[PL_DROP_FRAG_DISTANCE] == 0;
	if (!whole)
		cr_expect(r.w->cnt.drop[PL_DROP_FRAG_DISTANCE] == 1, "the first of the two");
	rig_down(&r);
	return whole;
}

// As Linux counts: the fragment in hand is one of them (ip_frag_too_far()).
Test(net_frag, distance)
{
	const struct cfg_conntrack none = {0}, never = {.ipfrag_max_dist = 1},
				   three = {.ipfrag_max_dist = 4};

	cr_expect(survives(&none, 63, true));
	cr_expect(!survives(&none, 64, true));
	cr_expect(survives(&none, 64, false), "of another source");
	cr_expect(survives(&never, 100, true));
	cr_expect(survives(&three, 2, true));
	cr_expect(!survives(&three, 3, true));
}

// The host's own fragments and those of the wire do not mix, nor do protocols.
Test(net_frag, keys)
{
	struct cut a = {0, 8, true}, b = {8, 16, false};
	struct rte_mbuf *m;
	struct rig r;

	rig_up(&r);
	fill_payload(16);
	rig_feed(&r, frame_of(4, 1, a), RIG_LAN, PL_FROM_WIRE);
	rig_feed(&r, frame_of(4, 2, b), RIG_LAN, PL_FROM_WIRE);
	rig_feed(&r, frame_of(4, 1, b), RIG_WAN, PL_FROM_HOST);
	m = frame_of(4, 1, b);
	rte_pktmbuf_mtod(m, uint8_t *)[23] = 98;
	rte_pktmbuf_mtod(m, uint8_t *)[25] += 1; // the checksum with it
	rig_feed(&r, m, RIG_LAN, PL_FROM_WIRE);
	cr_expect(r.wire[RIG_WAN].n == 0 && rig_drops(&r) == 0 && r.w->net->frags.n_dgram == 4);
	rig_feed(&r, frame_of(4, 1, b), RIG_LAN, PL_FROM_WIRE);
	cr_expect(same_datagram(&r.wire[RIG_WAN], 4, 16, 1500));
	rig_down(&r);
}
