// The two stages of connection tracking: finding or making each packet's flow, and letting new
// flows become known once their first packet got through. Owner's thread. The look-up runs over the
// burst in passes, so that the cache lines of all packets are on their way at once: keys and
// buckets, then entries, then, in the order of arrival, the state machines.
#include <errno.h>

#include "conntrack/ct_claim.h"
#include "conntrack/ct_event.h"
#include "conntrack/ct_expect.h"
#include "conntrack/ct_track.h"
#include "pipeline/park.h"
#include "pipeline/toeplitz.h"

#define PROTO_UDPLITE 136
#define TCP_HEAD_MAX  60 // with all options
#define WHEEL_BUDGET  64 // flows that the wheel deals with in one turn

const struct pl_stage ct_lookup_stage = {"ct-lookup", ct_lookup_run, NULL};
const struct pl_stage ct_confirm_stage = {"ct-confirm", ct_confirm_run, ct_turn_end};

static void
set_none(struct pl_pkt *p, enum pl_ct_state state)
{
	p->rec = NULL;
	p->ct = NULL;
	p->ct_dir = CT_ORIGINAL;
	p->ct_state = (uint8_t)state;
	p->ct_status = 0;
}

static void
set_invalid(struct ct_table *t, struct pl_pkt *p, enum ct_why why)
{
	set_none(p, PL_CT_INVALID);
	if (unlikely(t->sw.log_invalid != 0))
		ct_invalid_log(t, p, why);
}

// The packet's flow, in the zone or zones that raw put it into.
static inline struct ct_entry *
flow_of(struct ct_table *t, const struct ct_look *look, unsigned *dir)
{
	return unlikely(look->apart) ? ct_table_find_apart(t, look, dir)
				     : ct_table_find_live(t, &look->key, look->hash, dir);
}

// An ICMP error must go to the end that sent the quoted packet: else anybody could claim a
// relation.
static void
relate(struct ct_table *t, struct pl_pkt *p, const struct ct_look *look)
{
	struct ct_key k;
	unsigned dir;
	struct ct_entry *e = flow_of(t, look, &dir);

	if (e == NULL) {
		set_invalid(t, p, CT_WHY_NO_FLOW);
		return;
	}
	ct_entry_key(e, dir, &k);
	if (k.dst.u64[0] != p->dst.u64[0] || k.dst.u64[1] != p->dst.u64[1])
		set_invalid(t, p, CT_WHY_NOT_SENDER);
	else
		ct_set_flow(p, e, dir, PL_CT_RELATED);
}

static enum ct_verdict
track_tcp(struct ct_table *t, struct ct_entry *e, const struct pl_pkt *p, unsigned dir,
	  const struct ct_conf *conf, struct ct_tcp_out *out)
{
	const uint32_t want = p->l4_len < TCP_HEAD_MAX ? p->l4_len : TCP_HEAD_MAX;
	uint8_t head[TCP_HEAD_MAX]; // for a header that was put together from fragments
	struct ct_tcp_seg seg;

	if (!ct_tcp_read(&seg, rte_pktmbuf_read(p->m, p->l4_off, want, head), want, p->l4_len))
		return ct_is_invalid(out, CT_WHY_FLAGS);
	if (unlikely(e->status & CT_I_HELP))
		seg.ack_shift = ct_help_ack_shift(t, e, dir, seg.ack);
	if (!(e->status & CT_S_CONFIRMED) && !ct_tcp_start(&e->tcp, &seg, conf))
		return ct_is_invalid(out, CT_WHY_NO_START);
	return ct_tcp_segment(&e->tcp, &seg, (enum ct_dir)dir, e->status, ct_ms_left(t, e), conf,
			      out);
}

static enum ct_verdict
track(struct ct_table *t, struct ct_entry *e, const struct pl_pkt *p, unsigned dir,
      const struct ct_conf *conf, struct ct_tcp_out *out)
{
	out->timeout_ms = 0;
	out->assured = false;
	if (unlikely(e->status & CT_I_HELP))
		conf = ct_times_of(t, e, conf);
	switch (e->proto) {
	case IPPROTO_TCP:
		return track_tcp(t, e, p, dir, conf, out);
	case IPPROTO_UDP:
		return ct_udp_packet(&e->udp, e->status, (uint32_t)t->tick, conf, out);
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return ct_icmp_packet(e->proto, e->dir[CT_ORIGINAL].dport, conf, out);
	case IPPROTO_SCTP:
		return ct_sctp_packet(&e->sctp, p, (enum ct_dir)dir, e->status, conf, out);
	case IPPROTO_GRE:
		return ct_pair_packet(e->status, conf->gre_ms, conf->gre_stream_ms, out);
	case PROTO_UDPLITE:
		return ct_pair_packet(e->status, conf->udp_ms, conf->udp_stream_ms, out);
	default:
		return ct_generic_packet(conf, out);
	}
}

// What the tracker said, done to the flow. False: the packet is INVALID.
static bool
apply(struct ct_table *t, struct ct_entry *e, const struct pl_pkt *p, unsigned dir,
      enum ct_verdict verdict, const struct ct_tcp_out *out)
{
	switch (verdict) {
	case CT_REFRESH:
		if (out->assured)
			e->status |= CT_S_ASSURED;
		ct_wheel_refresh(t, e, out->timeout_ms);
		ct_entry_account(t, e, dir, p->l3_len);
		return true;
	case CT_COUNT:
		ct_entry_account(t, e, dir, p->l3_len);
		return true;
	case CT_KILL:
		ct_entry_account(t, e, dir, p->l3_len);
		ct_table_end(t, e, CT_END_FINISHED);
		return true;
	case CT_PASS:
		if (out->assured)
			e->status |= CT_S_ASSURED;
		return true;
	case CT_INVALID:
	case CT_AGAIN:
		break;
	}
	if (out->timeout_ms != 0)
		ct_wheel_refresh(t, e, out->timeout_ms);
	return false;
}

// Of the pair of addresses and ports, in whichever direction. With one worker nobody has steered
// the packet.
static uint32_t
pair_hash(const struct pl_pkt *p, const struct ct_look *look)
{
	return p->hash != 0 ? p->hash : ct_steer_hash(&look->key);
}

// A flow's first packet. 0, or a drop reason + 1.
static int
begin(struct ct_table *t, struct pl_pkt *p, const struct ct_look *look, const struct ct_conf *conf)
{
	const bool counts = t->source_limit != 0 && p->origin == PL_FROM_WIRE;
	const struct ct_expect_slot *expected;
	struct ct_tcp_out out;
	struct ct_entry *e;
	struct ct_key reply;
	enum ct_verdict v;

	if (!ct_key_invert(&reply, &look->key)) {
		set_invalid(t, p, CT_WHY_NOT_ASKED);
		return 0;
	}
	if (unlikely(look->apart))
		reply.zone = look->reply_zone;
	if (unlikely(counts) && ct_source_full(t, &look->key))
		return PL_DROP_CT_SOURCE_FULL + 1;
	e = ct_table_new(t, &look->key, &reply, look->hash);
	if (e == NULL)
		return PL_DROP_CT_TABLE_FULL + 1;
	if (unlikely(counts))
		ct_source_take(t, e);
	if (!ct_help_begin(t, e, &look->key, p, &expected))
		return PL_DROP_CT_TABLE_FULL + 1;
	v = track(t, e, p, CT_ORIGINAL, conf, &out);
	if (!apply(t, e, p, CT_ORIGINAL, v, &out)) {
		ct_table_kill(t, e);
		set_invalid(t, p, out.why);
		if (expected != NULL)
			ct_expect_used(t, expected); // it came, whatever it was
		return 0;
	}
	p->rec = NULL;
	ct_set_flow(p, e, CT_ORIGINAL, expected != NULL ? PL_CT_RELATED : PL_CT_NEW);
	p->flags |= PL_F_NAT_PRE | PL_F_NAT_POST;
	t->fresh[t->n_fresh++] = pair_hash(p, look);
	return expected != NULL ? ct_help_come(t, p, expected) : 0;
}

// 0, or a drop reason + 1.
static int
known(struct ct_table *t, struct pl_pkt *p, const struct ct_look *look, const struct ct_conf *conf)
{
	enum pl_ct_state state = PL_CT_ESTABLISHED;
	struct ct_tcp_out out;
	enum ct_verdict v;
	struct ct_entry *e;
	uint32_t before;
	unsigned dir;

	e = flow_of(t, look, &dir);
	if (e == NULL)
		return begin(t, p, look, conf);
	before = ct_event_look(e);
	v = track(t, e, p, dir, conf, &out);
	if (v == CT_AGAIN) {
		ct_table_end(t, e, CT_END_FINISHED);
		return begin(t, p, look, conf);
	}
	if (dir == CT_ORIGINAL && !(e->status & CT_S_SEEN_REPLY))
		state = e->status & CT_S_EXPECTED ? PL_CT_RELATED : PL_CT_NEW;
	if (!apply(t, e, p, dir, v, &out)) {
		set_invalid(t, p, out.why);
		return 0;
	}
	if (dir == CT_REPLY)
		e->status |= CT_S_SEEN_REPLY;
	if (ct_event_look(e) != before && !(e->status & CT_S_DYING))
		ct_tell(t, e, CT_EVENT_UPDATE, 0);
	if (state != PL_CT_ESTABLISHED)
		p->rec = NULL;
	ct_set_flow(p, e, dir, state);
	return 0;
}

static bool
is_fresh(const struct ct_table *t, uint32_t hash)
{
	for (unsigned i = 0; i < t->n_fresh; i++) {
		if (t->fresh[i] == hash)
			return true;
	}
	return false;
}

// Where the program wants no two packets of a flow together (PL_ORDER_FLOWS), the worker has seen
// to those with equal hashes; the two directions of a translated flow are told apart here. True:
// the packet's flow has had one in this burst.
static bool
is_second(struct ct_table *t, const struct ct_look *look)
{
	unsigned dir;
	struct ct_entry *e = flow_of(t, look, &dir);

	if (e == NULL || !(e->status & (CT_S_SRC_NAT | CT_S_DST_NAT)))
		return false;
	for (unsigned i = 0; i < t->n_met; i++) {
		if (t->met[i] == e)
			return true;
	}
	t->met[t->n_met++] = e;
	return false;
}

// A packet of a flow whose first packet waits for another worker's word: where it has to stand; 0:
// it does not.
static uint32_t
stands_behind(const struct pl_worker *w, const struct pl_pkt *p, const struct ct_look *look)
{
	struct ct_table *t = w->ct;
	struct ct_entry *e;
	uint32_t ticket;
	struct ct_key k;
	unsigned dir;

	if (look->kind < CT_K_FLOW || flow_of(t, look, &dir) != NULL)
		return 0;
	ticket = pl_park_find(w, pair_hash(p, look));
	if (ticket != 0)
		return ticket;
	e = ct_table_find(t, &look->key, look->hash, &dir); // by its reserved reply
	if (e == NULL || e->list != CT_LIST_PARKED)
		return 0;
	ct_entry_key(e, CT_ORIGINAL, &k);
	return pl_park_find(w, ct_steer_hash(&k));
}

// Must the packet wait until this burst is through?
static bool
waits(struct ct_table *t, const struct pl_pkt *p, const struct ct_look *look, bool by_flow)
{
	if (look->kind < CT_K_FLOW)
		return false;
	return (t->n_fresh != 0 && is_fresh(t, pair_hash(p, look))) ||
	       (by_flow && is_second(t, look));
}

// Asks for the entry that a packet will most likely need, once its bucket has arrived.
static void
prefetch_entry(const struct ct_table *t, uint64_t hash)
{
	const struct ct_bucket *b = ct_index_bucket(&t->ix, hash);
	uint32_t mask = ct_bucket_match(b, ct_index_sig(hash));

	if (mask != 0) {
		const char *e = (const char *)ct_entry_at(t, b->ref[__builtin_ctz(mask)] >> 1);

		rte_prefetch0(e);
		rte_prefetch0(e + 64);
		if (b->ref[__builtin_ctz(mask)] & 2)
			rte_prefetch0(e + 128);
	}
}

void
ct_zones_of(uint16_t zone[2], const struct pl_pkt *p)
{
	const struct cfg_t_ct *ct = p->ct_rule;
	uint16_t id;

	if (ct == NULL) {
		memcpy(zone, p->zone, sizeof(p->zone));
		return;
	}
	id = ct->zone_mark ? (uint16_t)p->mark : ct->zone;
	zone[CT_ORIGINAL] = ct->zone_dirs == CFG_ZONE_REPLY ? 0 : id;
	zone[CT_REPLY] = ct->zone_dirs == CFG_ZONE_ORIG ? 0 : id;
}

// What was begun to be recorded for the flow with this tuple in zone 0 is not this packet's.
static void
set_zone(struct ct_look *look, struct pl_pkt *p)
{
	uint16_t zone[2];

	ct_zones_of(zone, p);
	look->key.zone = zone[CT_ORIGINAL];
	look->reply_zone = zone[CT_REPLY];
	look->apart = zone[CT_ORIGINAL] != zone[CT_REPLY];
	if ((zone[CT_ORIGINAL] | zone[CT_REPLY]) != 0)
		p->rec = NULL;
}

// This worker's shares of what the policy allows the whole system; a new policy is rare.
static void
set_limits(struct ct_table *t, const struct pl_worker *w, const struct ct_conf *conf)
{
	uint32_t share = RTE_MAX(conf->max / w->n_workers, 1u);
	uint32_t expect = conf->expect_max != 0 ? conf->expect_max : CT_EXPECT_MAX;

	t->conf_max = conf->max;
	t->conf_expect_max = conf->expect_max;
	t->conf_source_max = conf->source_max;
	t->source_limit = (conf->source_max + w->n_workers - 1) / w->n_workers;
	t->limit = conf->max != 0 && share < t->max ? share : t->max;
	t->expect_limit = RTE_MIN(RTE_MAX(expect / w->n_workers, 1u), (uint32_t)CT_EXPECT_MAX);
}

void
ct_lookup_run(struct pl_worker *w, const void *conf_arg, struct pl_burst *b)
{
	const bool by_flow = w->prog != NULL && w->prog->order == PL_ORDER_FLOWS;
	struct ct_table *t = w->ct;
	const struct ct_conf *conf = conf_arg != NULL ? conf_arg : &t->fallback;
	struct pl_pkt *p;

	t->w = w;
	t->sw = conf->sw;
	t->n_fresh = t->n_met = 0;
	if (unlikely(conf->max != t->conf_max || conf->expect_max != t->conf_expect_max ||
		     conf->source_max != t->conf_source_max))
		set_limits(t, w, conf);
	ct_time_set(t, w->now_ns);
	PL_FOREACH (p, b) {
		struct ct_look *look = &t->look[pl_i_];

		look->kind = p->flags & PL_F_CT_GIVEN ? CT_K_LEAVE
						      : ct_key_of_pkt(look, p, !conf->checksum_off);
		look->apart = false;
		if (look->kind < CT_K_FLOW)
			continue;
		if (unlikely(p->ct_rule != NULL || p->past_raw))
			set_zone(look, p);
		look->hash = ct_key_hash(&t->seeds, &look->key);
		ct_index_prefetch(&t->ix, look->hash);
	}
	PL_FOREACH (p, b) {
		if (t->look[pl_i_].kind >= CT_K_FLOW)
			prefetch_entry(t, t->look[pl_i_].hash);
	}
	PL_FOREACH (p, b) {
		const struct ct_look *look = &t->look[pl_i_];
		uint32_t ticket;
		int ret;

		if (unlikely(w->n_parked != 0) && (ticket = stands_behind(w, p, look)) != 0) {
			pl_park_behind(w, b, p, ticket);
			continue;
		}
		if (waits(t, p, look, by_flow)) {
			pl_defer(w, b, p);
			continue;
		}
		switch ((enum ct_kind)look->kind) {
		case CT_K_LEAVE:
			break;
		case CT_K_UNTRACKED:
			set_none(p, PL_CT_UNTRACKED);
			break;
		case CT_K_INVALID:
			set_invalid(t, p, look->why);
			break;
		case CT_K_RELATED:
			relate(t, p, look);
			break;
		case CT_K_FLOW:
			ret = known(t, p, look, conf);
			if (unlikely(ret != 0))
				pl_drop(w, b, p, ret - 1);
			break;
		}
	}
}

static int
confirm(struct ct_table *t, struct ct_entry *e)
{
	return e->status & CT_S_DYING ? -EEXIST : ct_table_confirm(t, e);
}

void
ct_confirm_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	(void)conf;
	PL_FOREACH (p, b) {
		bool born;
		int ret;

		if (p->ct == NULL)
			continue;
		// An answer of the gateway's own travels the other way and does not make a flow
		// known.
		born = p->ct_dir == CT_ORIGINAL && !(p->ct->status & CT_S_CONFIRMED);
		ret = born ? ct_claim(w, p) : 0;
		if (ret == -EINPROGRESS) {
			ct_ask_home(w, b, p);
			continue;
		}
		if (ret == 0 && unlikely(p->ct->status & CT_I_HELP) && !ct_help_packet(w, b, p))
			continue;
		if (ret == 0 && born)
			ret = confirm(w->ct, p->ct);
		if (ret == -ENOSPC)
			pl_drop(w, b, p, PL_DROP_CT_TABLE_FULL);
		else if (ret < 0)
			pl_drop(w, b, p, PL_DROP_CT_CLASH);
	}
}

void
ct_turn_end(struct pl_worker *w)
{
	struct ct_table *t = w->ct;

	if (t == NULL)
		return;
	t->w = w;
	ct_time_set(t, w->now_ns);
	// First, so that tuples of flows that were not to be are free for others.
	if ((t->list[CT_LIST_FRESH] | t->list[CT_LIST_DEAD]) != 0)
		ct_table_free_dead(t);
	ct_redirect_drain(w);
	ct_expect_turn(t);
	ct_wheel_turn(t, WHEEL_BUDGET);
}
