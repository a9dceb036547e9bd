// The compiled walk: a burst's packets go through one table's steps together. Each packet runs on
// alone through the steps that are compared in line; where it comes to an rte_acl context it waits,
// and all packets that wait at the same one are classified at once. Runs on the worker's thread
// with the worker's own scratch; no heap, no recursion: the stack of each packet is as deep as the
// policy's longest path of jumps. Packets whose L4 header is cut off, which matches may have to
// hot-drop, go to the linear interpreter: keys cannot say "unreadable". So do packets that are
// traced.
#include "acl/acl_kind.h"
#include "acl/acl_step.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/worker.h"

struct acl_scratch *
acl_scratch_create(uint32_t depth)
{
	size_t head = RTE_ALIGN_CEIL(sizeof(struct acl_scratch), RTE_CACHE_LINE_SIZE);
	size_t stack = RTE_ALIGN_CEIL((depth + 1) * sizeof(uint32_t), RTE_CACHE_LINE_SIZE);
	struct acl_scratch *sc = aligned_alloc(RTE_CACHE_LINE_SIZE, head + PL_BURST * stack);

	if (sc == NULL)
		return NULL;
	memset(sc, 0, head);
	for (unsigned i = 0; i < PL_BURST; i++)
		sc->lane[i].stack = RTE_PTR_ADD(sc, head + i * stack);
	return sc;
}

// The protocols whose header some match reads.
static inline bool
has_l4_match(const struct pl_pkt *p)
{
	switch (p->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return true;
	case IPPROTO_ICMP:
		return p->family == 4;
	case IPPROTO_ICMPV6:
		return p->family == 6;
	default:
		return false;
	}
}

// Can a key tell all that matters for this packet? Not where a header is cut off, or a fragment is
// of the kind that matches treat in their own way.
static inline bool
key_says_all(const struct pl_pkt *p)
{
	if (likely(p->flags & PL_F_L4))
		return true;
	if (p->flags & PL_F_LATER_FRAG)
		return p->family == 4 && p->proto != IPPROTO_TCP;
	return !has_l4_match(p);
}

static inline void
tail_set(struct acl_lane *l, struct acl_key_tail *tail, const struct acl_classes *cl)
{
	const struct pl_pkt *p = l->v.pkt;
	uint8_t ct = l->v.ct;

	tail->sport = tail->dport = 0;
	tail->flags = 0;
	if (p->flags & PL_F_L4) {
		ct |= ACL_KEY_L4;
		tail->sport = p->sport;
		tail->dport = p->dport;
		if (p->proto == IPPROTO_TCP) {
			tail->flags = p->tcp_flags;
		} else if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) {
			tail->sport = rte_cpu_to_be_16(p->icmp_type);
			tail->dport = rte_cpu_to_be_16(p->icmp_code);
		}
	}
	tail->in = cl->of[l->v.in];
	tail->out = cl->of[l->v.out];
	tail->ct = ct;
	l->sport = rte_be_to_cpu_16(tail->sport);
	l->dport = rte_be_to_cpu_16(tail->dport);
	l->misc = acl_misc(p->proto, ct, tail->flags);
}

static __rte_always_inline void
key_set(struct acl_lane *l, enum acl_family family, const struct acl_classes *cl)
{
	const struct pl_pkt *p = l->v.pkt;

	if (family == ACL_V4) {
		l->key.v4.proto = p->proto;
		l->key.v4.src = p->src.v4;
		l->key.v4.dst = p->dst.v4;
		tail_set(l, &l->key.v4.tail, cl);
	} else {
		l->key.v6.proto = p->proto;
		memcpy(l->key.v6.src, &p->src, 16);
		memcpy(l->key.v6.dst, &p->dst, 16);
		tail_set(l, &l->key.v6.tail, cl);
	}
}

// The packet's state or an IPv6 address has changed on the way: what key and steps say of it
// follows.
static inline void
key_state(struct acl_lane *l)
{
	struct acl_key_tail *tail = l->v.pkt->family == 4 ? &l->key.v4.tail : &l->key.v6.tail;

	if (l->v.pkt->family == 6) {
		memcpy(l->key.v6.src, &l->v.pkt->src, 16);
		memcpy(l->key.v6.dst, &l->v.pkt->dst, 16);
	}
	tail->ct = l->v.ct | (tail->ct & ACL_KEY_L4);
	l->misc = acl_misc(l->v.pkt->proto, tail->ct, tail->flags);
}

static __rte_always_inline bool
box_match(const struct acl_step *s, const struct acl_lane *l, enum acl_family family)
{
	const struct pl_pkt *p = l->v.pkt;
	uint64_t diff = (l->misc & s->misc_mask) ^ s->misc;

	if (family == ACL_V4) {
		diff |= (p->src.v4 & s->src_mask.v4) ^ s->src.v4;
		diff |= (p->dst.v4 & s->dst_mask.v4) ^ s->dst.v4;
	} else {
		diff |= (p->src.u64[0] & s->src_mask.u64[0]) ^ s->src.u64[0];
		diff |= (p->src.u64[1] & s->src_mask.u64[1]) ^ s->src.u64[1];
		diff |= (p->dst.u64[0] & s->dst_mask.u64[0]) ^ s->dst.u64[0];
		diff |= (p->dst.u64[1] & s->dst_mask.u64[1]) ^ s->dst.u64[1];
	}
	return diff == 0 && (s->in & l->v.in_bit) && (s->out & l->v.out_bit) &&
	       (uint16_t)(l->sport - s->sport_lo) <= s->sport_span &&
	       (uint16_t)(l->dport - s->dport_lo) <= s->dport_span;
}

static inline void
lane_credit(const struct acl_lane *l, struct pl_counter *cnt, uint32_t counter)
{
	pl_counter_add(&cnt[counter], 1, l->v.pkt->l3_len);
	pl_record_credit(l->v.pkt, &cnt[counter]);
}

static inline void
lane_end(struct acl_lane *l, enum acl_verdict verdict, const struct acl_chain *c,
	 const struct acl_rule *r)
{
	l->end = (struct acl_end){verdict, c, r};
}

// End of a chain, or RETURN. True when the walk is over.
static inline bool
lane_return(struct acl_lane *l, struct pl_counter *cnt)
{
	if (l->depth > 0) {
		l->pos = l->stack[--l->depth];
		return false;
	}
	lane_credit(l, cnt, l->start->counter);
	lane_end(l, l->start->drop ? ACL_DROP : ACL_ACCEPT, l->start, NULL);
	return true;
}

// A target that is more than a way to go. True when the walk is over.
static inline bool
lane_target(const struct acl_table *t, struct acl_lane *l, const struct acl_rule *r)
{
	const struct acl_target_kind *kind = &acl_target_kind[r->target];
	enum acl_next next;

	if (kind->apply == NULL) {
		lane_end(l, kind->verdict, &t->chain[r->home], r);
		return true;
	}
	next = kind->apply(r, &l->v);
	if (next == ACL_STOP_DROP) {
		lane_end(l, ACL_DROP, &t->chain[r->home], r);
		return true;
	}
	if (next == ACL_GO_ON_CHANGED)
		key_state(l);
	l->pos = r->next;
	return false;
}

// The rule matched. True when the walk is over.
static inline bool
lane_take(const struct acl_table *t, struct acl_lane *l, const struct acl_rule *r,
	  struct pl_counter *cnt)
{
	lane_credit(l, cnt, r->counter);
	if (unlikely(l->v.pkt->rec != NULL))
		acl_record_rule(t, r, &l->v);
	switch (r->target) {
	case CFG_T_NONE:
		l->pos = r->next;
		return false;
	case CFG_T_JUMP:
		l->stack[l->depth++] = r->next; // bounded: see chain_depths()
						// fall through
	case CFG_T_GOTO:
		l->pos = t->chain[r->chain].step;
		return false;
	case CFG_T_RETURN:
		return lane_return(l, cnt);
	default:
		return lane_target(t, l, r);
	}
}

// A look-up found the rule. True when the walk is over.
static inline bool
lane_found(const struct acl_table *t, struct acl_lane *l, const struct acl_rule *r, bool verify,
	   struct pl_counter *cnt)
{
	if (verify) {
		enum acl_hit hit = acl_rule_match(r, &l->v);

		if (hit == ACL_MISS) {
			l->pos++;
			return false;
		}
		if (hit == ACL_HOT) {
			lane_end(l, ACL_HOTDROP, &t->chain[r->home], r);
			return true;
		}
	}
	return lane_take(t, l, r, cnt);
}

// Runs until the walk is over (true) or the packet waits at a context (false).
static __rte_always_inline bool
lane_run(const struct acl_table *t, struct acl_lane *l, enum acl_family family,
	 struct pl_counter *cnt)
{
	for (;;) {
		const struct acl_step *s = &t->step[l->pos];

		if (s->kind == ACL_STEP_BOX) {
			if (!box_match(s, l, family))
				l->pos++;
			else if (lane_found(t, l, &t->rule[s->rule], s->verify, cnt))
				return true;
		} else if (s->kind == ACL_STEP_CTX) {
			return false;
		} else {
			if (unlikely(l->v.pkt->rec != NULL))
				acl_record_end(t, &t->chain[s->chain], &l->v);
			if (lane_return(l, cnt))
				return true;
		}
	}
}

// The first rule in order that any of the step's contexts finds, for m keys. Results are rule index
// + 1, 0 is none: one less, as unsigned, puts "none" last.
static inline void
first_match(const struct acl_step *s, struct acl_scratch *sc, unsigned m)
{
	// It fails for bad arguments only, and ours are right.
	rte_acl_classify(s->ctx[0], sc->key, sc->result, m, 1);
	for (unsigned c = 1; c < s->n_ctx; c++) {
		rte_acl_classify(s->ctx[c], sc->key, sc->other, m, 1);
		for (unsigned i = 0; i < m; i++)
			if (sc->other[i] - 1 < sc->result[i] - 1)
				sc->result[i] = sc->other[i];
	}
}

// Classifies all waiting packets that stand where the first one does. Returns how many still wait.
static __rte_always_inline unsigned
classify(const struct acl_table *t, struct acl_scratch *sc, unsigned n, enum acl_family family,
	 struct pl_counter *cnt)
{
	uint32_t pos = sc->waiting[0]->pos;
	unsigned left = 0, m = 0;

	for (unsigned i = 0; i < n; i++) {
		struct acl_lane *l = sc->waiting[i];

		if (l->pos != pos) {
			sc->waiting[left++] = l;
			continue;
		}
		sc->key[m] = (const uint8_t *)&l->key;
		sc->group[m++] = l;
	}
	first_match(&t->step[pos], sc, m);
	for (unsigned i = 0; i < m; i++) {
		struct acl_lane *l = sc->group[i];
		bool over = false;

		if (sc->result[i] == 0) {
			l->pos++;
		} else {
			const struct acl_rule *r = &t->rule[sc->result[i] - 1];

			over = lane_found(t, l, r, r->flags & ACL_R_VERIFY, cnt);
		}
		if (!over && !lane_run(t, l, family, cnt))
			sc->waiting[left++] = l;
	}
	return left;
}

static __rte_always_inline void
walk(const struct acl_policy *p, const struct acl_table *t, enum acl_family family,
     struct acl_scratch *sc, unsigned n, struct pl_counter *cnt)
{
	unsigned waiting = 0;

	for (unsigned i = 0; i < n; i++) {
		struct acl_lane *l = &sc->lane[i];

		if (unlikely(!key_says_all(l->v.pkt) || l->v.pkt->trace || t->traces)) {
			l->end = acl_linear_run(t, l->start, &l->v, cnt, l->stack);
			continue;
		}
		key_set(l, family, p->classes);
		l->pos = l->start->step;
		l->depth = 0;
		if (!lane_run(t, l, family, cnt))
			sc->waiting[waiting++] = l;
		while (unlikely(t->keeps_state) && waiting > 0) // one packet after the other
			waiting = classify(t, sc, waiting, family, cnt);
	}
	while (waiting > 0)
		waiting = classify(t, sc, waiting, family, cnt);
}

void
acl_walk(const struct acl_policy *p, const struct acl_table *t, enum acl_family family,
	 struct acl_scratch *sc, unsigned n, struct pl_counter *cnt)
{
	if (family == ACL_V4)
		walk(p, t, ACL_V4, sc, n, cnt);
	else
		walk(p, t, ACL_V6, sc, n, cnt);
}
