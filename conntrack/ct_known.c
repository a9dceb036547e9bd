// The short way's first stage, before raw: which packets belong to flows that know their way
// (pipeline/way.h)? For those all of connection tracking is done here, as ct_lookup would do it,
// and they leave the burst for the stages of the short way. Everybody else goes the whole way,
// and where the flow is known but not its way, what it meets there is recorded. Owner's thread.
//
// Nothing is touched before it is sure that the packet goes the short way. A packet of such a flow
// that cannot go it (a FIN, a bad checksum, too long, put together from fragments ...) makes the
// flow forget its way, so that packets that come after it in this burst do not overtake it.
#include "conntrack/ct_event.h"
#include "conntrack/ct_expect.h"
#include "conntrack/ct_track.h"
#include "pipeline/way.h"

#define TCP_HEAD_MAX 60

// While one packet is worked on, the bucket of a later one and the entry of one between are on
// their way from memory. All at once would be more than a core can wait for, and the rest would not
// be fetched at all.
#define BUCKETS_AHEAD 16
#define ENTRIES_AHEAD 8

struct run { // the same for all packets of a burst
	struct pl_worker *w;
	struct ct_table *t;
	const struct ct_conf *conf;
	struct pl_burst *b;
	uint32_t tick, udp_deadline, stream_deadline;
	bool parts;  // a flow's packets are kept in order (may_part())
	bool errors; // ICMP errors in this burst, which may belong to any flow
};

struct seek { // one packet between the passes
	struct pl_pkt *p;
	uint64_t hash, tail;
	struct ct_entry *e; // that the packet most likely belongs to; NULL: none
	unsigned dir;
};

static uint64_t
tail_of(const struct pl_pkt *p)
{
	return ct_key_tail(p->sport, p->dport, 0, p->family, p->proto);
}

// May it belong to a flow that knows its way?
static bool
asks(const struct pl_pkt *p)
{
	if (likely(p->flags & PL_F_PLAIN))
		return true;
	return (p->flags & (PL_F_L4 | PL_F_LATER_FRAG | PL_F_CT_GIVEN)) == PL_F_L4 &&
	       (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP) && p->origin == PL_FROM_WIRE &&
	       !p->past_raw;
}

// The first of three steps: the key's hash. Its bucket is on the way.
static inline void
want_bucket(const struct ct_table *t, struct seek *s)
{
	const struct pl_pkt *p = s->p;

	s->tail = tail_of(p);
	s->hash = ct_hash(&t->seeds, p->family, &p->src, &p->dst, s->tail);
	ct_index_prefetch(&t->ix, s->hash);
}

// The second: which entry does the bucket name? That is on the way.
static inline void
want_entry(const struct ct_table *t, struct seek *s)
{
	const struct ct_bucket *b = ct_index_bucket(&t->ix, s->hash);
	uint32_t mask = ct_bucket_match(b, ct_index_sig(s->hash));
	uint32_t ref;

	s->e = NULL;
	if (unlikely(mask == 0))
		return;
	ref = b->ref[__builtin_ctz(mask)];
	s->e = ct_entry_at(t, ref >> 1);
	s->dir = ref & 1;
	rte_prefetch0(s->e);
	if (s->p->proto == IPPROTO_TCP)
		rte_prefetch0((const char *)s->e + 64);
	if (s->p->family == 6)
		rte_prefetch0((const char *)s->e + 128);
}

// A segment that moves an established connection's windows and nothing else.
static bool
tcp_fits(const struct ct_entry *e, const struct pl_pkt *p, unsigned dir, struct ct_tcp_seg *seg)
{
	const uint8_t *l4 = pl_need(p, p->l4_off, RTE_MIN(p->l4_len, TCP_HEAD_MAX));

	return e->tcp.state == CT_TCP_ESTABLISHED && (e->status & CT_S_SEEN_REPLY) &&
	       ct_tcp_read(seg, l4, RTE_MIN(p->l4_len, TCP_HEAD_MAX), p->l4_len) &&
	       ct_tcp_fits(&e->tcp, seg, (enum ct_dir)dir);
}

static bool
udp_fits(const struct ct_entry *e, const struct pl_pkt *p, unsigned dir)
{
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l4_off);
	uint16_t len = (uint16_t)(l4[4] << 8 | l4[5]);

	return (dir == CT_REPLY || (e->status & CT_S_SEEN_REPLY)) && len >= 8 && len <= p->l4_len;
}

// Connection tracking of a packet that fits. What ct_lookup's track() and apply() come to.
static __rte_noinline bool
track_tcp(const struct run *r, struct ct_entry *e, const struct pl_pkt *p, unsigned dir)
{
	struct ct_tcp_seg seg;
	struct ct_tcp_out out;

	if (!tcp_fits(e, p, dir, &seg))
		return false;
	ct_tcp_segment(&e->tcp, &seg, (enum ct_dir)dir, e->status, 0, r->conf, &out);
	if (unlikely(out.assured && !(e->status & CT_S_ASSURED)))
		ct_entry_rise(r->t, e, CT_S_ASSURED);
	ct_wheel_refresh(r->t, e, out.timeout_ms);
	return true;
}

static inline bool
track_udp(const struct run *r, struct ct_entry *e, const struct pl_pkt *p, unsigned dir)
{
	const bool answered = e->status & CT_S_SEEN_REPLY;
	const bool stream = answered && (int32_t)(r->tick - e->udp.stream_tick) > 0;

	if (!udp_fits(e, p, dir))
		return false;
	if (answered && unlikely(!(e->status & CT_S_ASSURED)))
		ct_entry_rise(r->t, e, CT_S_ASSURED);
	ct_wheel_refresh_to(r->t, e, stream ? r->stream_deadline : r->udp_deadline);
	return true;
}

// Rules want a flow's packets in order, of both directions (PL_ORDER_FLOWS): they may only part
// where no packet of the flow meets a rule that changes something. What rules change of the flow
// makes it forget its ways.
static bool
may_part(const struct run *r, const struct ct_entry *e)
{
	if (r->errors)
		return false;
	for (unsigned dir = 0; dir < 2; dir++) {
		const struct pl_way *way = pl_way_at(r->w->ways, e->way[dir]);

		if (way->id != e->way[dir] || way->whole)
			return false;
	}
	return true;
}

static inline bool
is_watched(const struct ct_table *t, const struct ct_entry *e)
{
	return unlikely(e->status & CT_I_HELP) && ct_help_watches(t, e);
}

// The packet's flow is known, but it does not go the short way. Is the way to be learned?
static __rte_noinline void
stays(const struct run *r, const struct seek *s, struct ct_entry *e)
{
	const struct pl_way *way = pl_way_at(r->w->ways, e->way[s->dir]);
	const bool holds = way->id == e->way[s->dir];
	struct pl_pkt *p = s->p;
	struct ct_tcp_seg seg;

	if (!(e->status & CT_S_CONFIRMED) || ct_entry_past(r->t, e) || is_watched(r->t, e))
		return;
	if (!(p->flags & PL_F_PLAIN) || !ct_csum_plain(p) ||
	    !(p->proto == IPPROTO_TCP ? tcp_fits(e, p, s->dir, &seg) : udp_fits(e, p, s->dir)) ||
	    (holds && p->l3_len > way->mtu && !way->whole))
		e->way[0] = e->way[1] = 0;
	else if (!holds || (way->in_port != p->in_port && !way->whole))
		pl_record_start(r->w->ways, p, &e->way[s->dir]);
}

// The packet's flow is known, and so is its way.
static inline void
go(const struct run *r, struct pl_pkt *p, struct ct_entry *e, unsigned dir, struct pl_way *way)
{
	ct_entry_account(r->t, e, dir, p->l3_len);
	if (unlikely(dir == CT_REPLY && !(e->status & CT_S_SEEN_REPLY)))
		ct_entry_rise(r->t, e, CT_S_SEEN_REPLY);
	way->packets++;
	way->bytes += p->l3_len;
	ct_set_flow(p, e, dir, PL_CT_ESTABLISHED);
	p->way = way;
	p->out_port = way->out_port;
	p->next_hop = way->next_hop;
	if (unlikely(p->note != NULL))
		pl_way_note(r->w->ways, way, p->note);
	pl_known(r->b, p);
}

// The last of the three steps.
static inline void
settle(const struct run *r, struct seek *s)
{
	struct pl_pkt *p = s->p;
	struct ct_entry *e = s->e;
	struct pl_way *way;

	if (unlikely(e == NULL || !ct_entry_is(e, s->dir, p->family, &p->src, &p->dst, s->tail))) {
		e = ct_table_seek(r->t, p->family, &p->src, &p->dst, s->tail, s->hash, &s->dir);
		if (e == NULL)
			return;
	}
	way = pl_way_at(r->w->ways, e->way[s->dir]);
	if (likely(way->id == e->way[s->dir] && way->in_port == p->in_port &&
		   p->l3_len <= way->mtu && (p->flags & PL_F_PLAIN) &&
		   (e->status & CT_S_CONFIRMED) && !ct_entry_past(r->t, e) &&
		   !is_watched(r->t, e) && ct_csum_plain(p) &&
		   (likely(!r->parts) || may_part(r, e)) &&
		   (p->proto == IPPROTO_TCP ? track_tcp(r, e, p, s->dir)
					    : track_udp(r, e, p, s->dir))))
		go(r, p, e, s->dir, way);
	else
		stays(r, s, e);
}

static bool
has_icmp_error(struct pl_burst *b)
{
	struct pl_pkt *p;

	PL_FOREACH (p, b) {
		if (p->flags & PL_F_ICMP_ERR)
			return true;
	}
	return false;
}

void
ct_known_run(struct pl_worker *w, const void *conf_arg, struct pl_burst *b)
{
	struct ct_table *t = w->ct;
	const struct ct_conf *conf = conf_arg != NULL ? conf_arg : &t->fallback;
	struct run r = {.w = w, .t = t, .conf = conf, .b = b};
	struct seek seek[PL_BURST];
	unsigned n = 0;
	struct pl_pkt *p;

	pl_records_new(w->ways);
	ct_time_set(t, w->now_ns);
	r.tick = (uint32_t)t->tick;
	r.udp_deadline = r.tick + ct_ticks_of_ms(conf->udp_ms);
	r.stream_deadline = r.tick + ct_ticks_of_ms(conf->udp_stream_ms);
	r.parts = w->prog->order != PL_ORDER_BURST;
	r.errors = r.parts && has_icmp_error(b);
	PL_FOREACH (p, b) {
		seek[n].p = p;
		n += asks(p);
	}
	for (unsigned i = 0; i < n && i < BUCKETS_AHEAD; i++)
		want_bucket(t, &seek[i]);
	for (unsigned i = 0; i < n && i < ENTRIES_AHEAD; i++)
		want_entry(t, &seek[i]);
	for (unsigned i = 0; i < n; i++) {
		if (i + BUCKETS_AHEAD < n)
			want_bucket(t, &seek[i + BUCKETS_AHEAD]);
		if (i + ENTRIES_AHEAD < n)
			want_entry(t, &seek[i + ENTRIES_AHEAD]);
		settle(&r, &seek[i]);
	}
	w->cnt.known += b->n_known;
}

const struct pl_stage ct_known_stage = {"ct-known", ct_known_run, NULL};
