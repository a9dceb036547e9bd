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

// While some packets are worked on, the entries of later ones are on their way from memory, as
// their buckets were while others were parsed (pipeline/ahead.h, also on why some at a time). All
// at once would be more than a core can wait for, and the rest would not be fetched at all.
#define ENTRIES_AHEAD	16
#define ENTRIES_AT_ONCE 8

// A flow that both ends have spoken in and that no helper listens to.
#define STEADY	    (CT_S_CONFIRMED | CT_S_SEEN_REPLY)
#define STEADY_MASK (STEADY | CT_I_HELP)

struct run { // the same for all packets of a burst
	struct pl_worker *w;
	struct ct_table *t;
	const struct ct_conf *conf;
	struct pl_burst *b;
	uint32_t tick, udp_deadline, stream_deadline;
	bool checked; // no L4 checksum is wrong
	bool parts;   // a flow's packets are kept in order (may_part())
	bool errors;  // ICMP errors in this burst, which may belong to any flow
};

// An entry and the direction in which a packet belongs to it: entries stand at cache lines, so the
// direction is the lowest bit. 0: none.
typedef uintptr_t found;

static inline struct ct_entry *
entry_of(found f)
{
	return (struct ct_entry *)(f & ~(found)1);
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

// Which entry does the packet's bucket name? It is on the way from here on.
static __rte_always_inline found
seek(const struct ct_table *t, const struct pl_look *look, const struct pl_pkt *p)
{
	const struct ct_bucket *b = look->line;
	uint32_t mask = ct_bucket_match(b, ct_index_sig(look->hash));
	const char *e;
	uint32_t ref;

	if (unlikely(mask == 0))
		return 0;
	ref = b->ref[__builtin_ctz(mask)];
	if (likely(!(ref & 2))) {
		e = t->pool[0].base + (size_t)(ref >> 2) * sizeof(struct ct_entry);
	} else {
		e = t->pool[1].base + (size_t)(ref >> 2) * sizeof(struct ct_entry6);
		rte_prefetch0(e + sizeof(struct ct_entry));
	}
	rte_prefetch0(e);
	if (p->proto == IPPROTO_TCP)
		rte_prefetch0(e + RTE_CACHE_LINE_SIZE);
	return (found)e | (ref & 1);
}

// Is it the flow of a packet of zone 0? What ct_entry_is() says, but for flows of another zone with
// one direction in that one.
static __rte_always_inline bool
is_its_flow(const struct ct_entry *e, unsigned dir, const struct pl_pkt *p)
{
	const struct ct_entry6 *e6 = (const struct ct_entry6 *)e;
	const struct ct_pair *pair = &e->dir[dir];
	uint32_t ports, want_ports, rest;
	uint16_t want_rest;

	static_assert(offsetof(struct pl_pkt, proto) == offsetof(struct pl_pkt, family) + 1 &&
			      offsetof(struct ct_entry, proto) ==
				      offsetof(struct ct_entry, family) + 1,
		      "family and protocol are compared at once");
	memcpy(&ports, &pair->sport, sizeof(ports));
	memcpy(&want_ports, &p->sport, sizeof(want_ports));
	memcpy(&rest, &e->zone, sizeof(rest));
	memcpy(&want_rest, &p->family, sizeof(want_rest));
	if (ports != want_ports || rest != (uint32_t)want_rest << 16)
		return false;
	if (likely(p->family == 4))
		return pair->src == p->src.v4 && pair->dst == p->dst.v4;
	return ((e6->addr[dir].src.u64[0] ^ p->src.u64[0]) |
		(e6->addr[dir].src.u64[1] ^ p->src.u64[1]) |
		(e6->addr[dir].dst.u64[0] ^ p->dst.u64[0]) |
		(e6->addr[dir].dst.u64[1] ^ p->dst.u64[1])) == 0;
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

// A datagram of a flow that both ends have spoken in, or the first one's answer.
static bool
udp_fits(const struct ct_entry *e, unsigned dir)
{
	return dir == CT_REPLY || (e->status & CT_S_SEEN_REPLY);
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

static inline void
track_udp(const struct run *r, struct ct_entry *e)
{
	const bool answered = e->status & CT_S_SEEN_REPLY;
	const bool stream = answered && (int32_t)(r->tick - e->udp.stream_tick) > 0;

	if (unlikely(stream && !(e->status & CT_S_ASSURED)))
		ct_entry_rise(r->t, e, CT_S_ASSURED);
	ct_wheel_refresh_to(r->t, e, stream ? r->stream_deadline : r->udp_deadline);
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

static bool
is_watched(const struct ct_table *t, const struct ct_entry *e)
{
	return (e->status & CT_I_HELP) && ct_help_watches(t, e);
}

// The same burst for a flow that may have a timeout policy.
static const struct run *
own_times(const struct run *r, const struct ct_entry *e, struct run *own)
{
	*own = *r;
	own->conf = ct_times_of(r->t, e, r->conf);
	own->udp_deadline = r->tick + ct_ticks_of_ms(own->conf->udp_ms);
	own->stream_deadline = r->tick + ct_ticks_of_ms(own->conf->udp_stream_ms);
	return own;
}

// The packet's flow is known, and so is its way.
static __rte_always_inline void
go(const struct run *r, struct pl_pkt *p, struct ct_entry *e, unsigned dir, struct pl_way *way)
{
	struct pl_burst *b = r->b;

	ct_entry_account(r->t, e, dir, p->l3_len);
	way->packets++;
	way->bytes += p->l3_len;
	ct_set_flow(p, e, dir, PL_CT_ESTABLISHED);
	p->way = way;
	if (unlikely(p->note != NULL))
		pl_way_note(r->w->ways, way, p->note);
	pl_known(b, p);
}

// The nearly common case is not met: the packet's bucket names another flow first, the flow is
// young, its way is still to be learned, it is no packet for the short way ...
static __rte_noinline void
settle_any(const struct run *r, struct pl_pkt *p, found f)
{
	struct ct_entry *e = entry_of(f);
	const struct pl_look *look = pl_look_of(r->b, p);
	const uint64_t tail = ct_key_tail(p->sport, p->dport, 0, p->family, p->proto);
	unsigned dir = f & 1;
	struct pl_way *way;
	struct ct_tcp_seg seg;
	struct run own;
	bool holds;

	if (e == NULL || !ct_entry_is(e, dir, p->family, &p->src, &p->dst, tail))
		e = ct_table_seek(r->t, p->family, &p->src, &p->dst, tail, look->hash, &dir);
	if (e == NULL || !(e->status & CT_S_CONFIRMED) || ct_entry_past(r->t, e) ||
	    is_watched(r->t, e))
		return;
	way = pl_way_at(r->w->ways, e->way[dir]);
	holds = way->id == e->way[dir];
	if (!(p->flags & PL_F_PLAIN) || !ct_csum_plain(p) ||
	    !(p->proto == IPPROTO_TCP ? tcp_fits(e, p, dir, &seg) : udp_fits(e, dir)) ||
	    (holds && p->l3_len > way->mtu && !way->whole)) {
		e->way[0] = e->way[1] = 0;
	} else if (!holds || way->in_port != p->in_port || way->whole) {
		if (!holds || !way->whole)
			pl_record_start(r->w->ways, p, &e->way[dir]);
	} else if (!r->parts || may_part(r, e)) {
		if (unlikely(e->status & CT_I_HELP))
			r = own_times(r, e, &own);
		if (p->proto == IPPROTO_TCP)
			track_tcp(r, e, p, dir);
		else
			track_udp(r, e);
		if (dir == CT_REPLY && !(e->status & CT_S_SEEN_REPLY))
			ct_entry_rise(r->t, e, CT_S_SEEN_REPLY);
		go(r, p, e, dir, way);
	}
}

// The last step, for a datagram of a flow that talks: that it is, where its way leads, and what
// tracking makes of it.
static __rte_always_inline void
settle(const struct run *r, struct pl_pkt *p, found f)
{
	struct ct_entry *e = entry_of(f);
	const unsigned dir = f & 1;
	struct pl_way *way;

	if (unlikely(e == NULL || !is_its_flow(e, dir, p) || (e->status & STEADY_MASK) != STEADY ||
		     ct_entry_past(r->t, e)))
		goto any;
	way = pl_way_at(r->w->ways, e->way[dir]);
	if (unlikely(way->id != e->way[dir] || way->in_port != p->in_port || p->l3_len > way->mtu ||
		     !(p->flags & PL_F_PLAIN) || r->parts || !(r->checked || ct_csum_plain(p))))
		goto any;
	if (likely(p->proto == IPPROTO_UDP))
		track_udp(r, e);
	else if (!track_tcp(r, e, p, dir))
		goto any;
	go(r, p, e, dir, way);
	return;
any:
	settle_any(r, p, f);
}

// The packets that ask, their look-ups begun; most often all of the burst.
static unsigned
collect(const struct ct_table *t, struct pl_burst *b, struct pl_pkt **pkt)
{
	unsigned n = 0;
	struct pl_pkt *p;

	PL_FOREACH (p, b) {
		if (!asks(p))
			continue;
		pl_look_begin(&t->ahead, p, p->family, pl_look_of(b, p));
		rte_prefetch0(pl_look_of(b, p)->line);
		pkt[n++] = p;
	}
	return n;
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
	struct pl_pkt *some[PL_BURST], **pkt = b->live;
	found f[PL_BURST];
	unsigned n = b->n;

	pl_records_new(w->ways);
	ct_time_set(t, w->now_ns);
	r.tick = (uint32_t)t->tick;
	r.udp_deadline = r.tick + ct_ticks_of_ms(conf->udp_ms);
	r.stream_deadline = r.tick + ct_ticks_of_ms(conf->udp_stream_ms);
	r.parts = w->prog->order != PL_ORDER_BURST;
	r.errors = r.parts && has_icmp_error(b);
	r.checked = b->plain && b->checked;
	if (!b->plain) {
		n = collect(t, b, some);
		pkt = some;
	}
	for (unsigned i = 0, asked = 0; i < n;) {
		const unsigned to = RTE_MIN(n, i + ENTRIES_AT_ONCE);

		for (; asked < RTE_MIN(n, to + ENTRIES_AHEAD); asked++)
			f[asked] = seek(t, pl_look_of(b, pkt[asked]), pkt[asked]);
		for (; i < to; i++)
			settle(&r, pkt[i], f[i]);
	}
	pl_count(&w->cnt.known, b->n_known);
}

const struct pl_stage ct_known_stage = {"ct-known", ct_known_run, NULL};
