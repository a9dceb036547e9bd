// Expectations: flows that helpers announced. They live at the worker that owns their master, by
// exact key (addresses, protocol, destination port; any source port). As the first packet of such
// a flow can arrive at any worker, each of the others has a redirect for the key and hands it over
// (docs/decisions/0308-expectations.md). Called by the helpers, by ct_stage.c and at the end of
// each turn; owner's thread. Memory is mapped when the table is created. Follows
// nf_conntrack_expect.
#include <errno.h>

#include "conntrack/ct_expect.h"
#include "conntrack/ct_claim.h"
#include "conntrack/ct_redirect.h"

#define SWEEP 4 // slots looked at in one turn

void
ct_expect_key(struct ct_key *k, const struct ct_expect *x)
{
	memset(k, 0, sizeof(*k));
	k->src = x->src;
	k->dst = x->dst;
	k->dport = x->dport;
	k->zone = x->zone;
	k->family = x->family | CT_EXPECT_MARK;
	k->proto = x->proto;
}

static bool
past(const struct ct_table *t, const struct ct_expect_slot *s)
{
	return (int32_t)(s->deadline - (uint32_t)t->tick) <= 0;
}

static struct ct_help *
help_of_master(const struct ct_table *t, const struct ct_expect_slot *s)
{
	return ct_help_of(t, ct_entry_at(t, s->master));
}

// ---- leaving ------------------------------------------------------------------------------------

// Out of the index and the master's list. The slot is free when all workers were told.
void
ct_expect_withdraw(struct ct_table *t, struct ct_expect_slot *s)
{
	struct ct_helps *hs = t->helps;
	struct ct_help *help = help_of_master(t, s);
	uint32_t at = (uint32_t)(s - hs->slot);
	struct ct_key k;

	ct_expect_key(&k, &s->x);
	ct_index_remove(&hs->ix, ct_key_hash(&t->seeds, &k), at);
	if (s->next != 0)
		hs->slot[s->next].prev = s->prev;
	if (s->prev != 0)
		hs->slot[s->prev].next = s->next;
	else
		help->expect = s->next;
	help->n_expect[s->x.class]--;
	s->master = 0;
	s->next = hs->withdrawn;
	hs->withdrawn = at;
	t->n_expect--;
}

void
ct_expect_forget(struct ct_table *t, struct ct_help *help)
{
	while (help->expect != 0)
		ct_expect_withdraw(t, &t->helps->slot[help->expect]);
}

void
ct_expect_turn(struct ct_table *t)
{
	struct ct_helps *hs = t->helps;
	uint32_t *link = &hs->withdrawn;

	while (*link != 0) {
		struct ct_expect_slot *s = &hs->slot[*link];
		uint32_t at = *link;
		struct ct_key k;

		ct_expect_key(&k, &s->x);
		if (s->planted != 0 && !ct_claim_withdraw(t, &k, &s->planted)) {
			link = &s->next;
			continue; // no room in a ring: in another turn
		}
		*link = s->next;
		s->next = hs->free;
		hs->free = at;
	}
	for (unsigned i = 0; i < SWEEP && t->n_expect != 0; i++) {
		struct ct_expect_slot *s;

		if (++hs->sweep >= hs->used)
			hs->sweep = 1;
		s = &hs->slot[hs->sweep];
		if (s->master != 0 && past(t, s))
			ct_expect_withdraw(t, s);
	}
}

// ---- finding ------------------------------------------------------------------------------------

struct ct_expect_slot *
ct_expect_at(struct ct_table *t, const struct ct_key *k)
{
	struct ct_helps *hs = t->helps;
	uint64_t hash = ct_key_hash(&t->seeds, k);
	const struct ct_bucket *b = ct_index_bucket(&hs->ix, hash);

	for (; b != NULL; b = ct_bucket_next(&hs->ix, b)) {
		for (uint32_t m = ct_bucket_match(b, ct_index_sig(hash)); m != 0; m &= m - 1) {
			struct ct_expect_slot *s = &hs->slot[b->ref[__builtin_ctz(m)]];
			struct ct_key its;

			ct_expect_key(&its, &s->x);
			if (memcmp(&its, k, sizeof(its)) != 0)
				continue;
			if (!past(t, s))
				return s;
			ct_expect_withdraw(t, s);
			return NULL;
		}
	}
	return NULL;
}

const struct ct_expect_slot *
ct_expect_find(struct ct_table *t, const struct ct_key *k)
{
	struct ct_key want = *k;
	struct ct_expect_slot *s;

	want.sport = 0;
	want.family |= CT_EXPECT_MARK;
	s = ct_expect_at(t, &want);
	if (s == NULL || (s->x.flags & CT_E_INACTIVE) ||
	    !(ct_entry_at(t, s->master)->status & CT_S_CONFIRMED))
		return NULL;
	return s;
}

void
ct_expect_used(struct ct_table *t, const struct ct_expect_slot *used)
{
	if (!(used->x.flags & CT_E_PERMANENT))
		ct_expect_withdraw(t, &t->helps->slot[used - t->helps->slot]);
}

void
ct_expect_lost(struct ct_table *t, const struct ct_key *k)
{
	struct ct_expect_slot *s = ct_expect_at(t, k);

	if (s == NULL)
		return;
	ct_expect_withdraw(t, s);
	pl_count(&t->stats.clash, 1);
}

const struct ct_expect *
ct_expect_next(const struct pl_worker *w, const struct ct_entry *master, uint32_t *at)
{
	const struct ct_helps *hs = w->ct->helps;

	*at = *at == 0 ? ct_help_of(w->ct, master)->expect : hs->slot[*at].next;
	return *at != 0 ? &hs->slot[*at].x : NULL;
}

// ---- coming -------------------------------------------------------------------------------------

void
ct_expect_init(const struct ct_help_pkt *h, struct ct_expect *x, unsigned class,
	       const union pl_addr *src, const union pl_addr *dst, uint8_t proto, rte_be16_t dport)
{
	const struct ct_help *help = ct_help_of(h->w->ct, h->e);

	memset(x, 0, sizeof(*x));
	x->src = *src;
	x->dst = *dst;
	x->dport = dport;
	x->zone = h->e->zone;
	x->family = h->e->family;
	x->proto = proto;
	x->class = (uint8_t) class;
	x->timeout_ms = ct_helper_of(help->helper)->class[class].ms;
}

// The tuple may be expected: 0, or -EBUSY, -EALREADY.
static int
may_expect(const struct ct_help_pkt *h, const struct ct_expect *x, const struct ct_key *k,
	   bool others_too)
{
	struct ct_table *t = h->w->ct;
	struct ct_expect_slot *s = ct_expect_at(t, k);
	uint16_t owner;

	if (s != NULL) {
		if (s->master != ct_id_of(t, h->e) || s->x.class != x->class)
			return others_too ? -EALREADY : -EBUSY;
		ct_expect_withdraw(t, s);
	} else if (ct_redirect_expected(t, k, &owner)) {
		return others_too ? -EALREADY : -EBUSY;
	}
	return 0;
}

static void
evict_oldest(struct ct_table *t, struct ct_help *help, unsigned class)
{
	struct ct_expect_slot *oldest = NULL;

	for (uint32_t at = help->expect; at != 0; at = t->helps->slot[at].next) {
		if (t->helps->slot[at].x.class == class)
			oldest = &t->helps->slot[at];
	}
	if (oldest != NULL)
		ct_expect_withdraw(t, oldest);
}

static struct ct_expect_slot *
slot_take(struct ct_helps *hs)
{
	uint32_t at = hs->free;

	if (at != 0)
		hs->free = hs->slot[at].next;
	else if (hs->used < CT_EXPECT_SLOTS)
		at = hs->used++;
	else
		return NULL;
	return memset(&hs->slot[at], 0, sizeof(hs->slot[at]));
}

int
ct_expect_add(const struct ct_help_pkt *h, const struct ct_expect *x, bool others_too)
{
	struct ct_table *t = h->w->ct;
	struct ct_help *help = ct_help_of(t, h->e);
	struct ct_helps *hs = t->helps;
	struct ct_expect_slot *s;
	uint8_t max = ct_helper_of(help->helper)->class[x->class].max;
	struct ct_key k;
	uint32_t at;
	int ret;

	ct_expect_key(&k, x);
	ret = may_expect(h, x, &k, others_too);
	if (ret < 0)
		return ret;
	if (max != 0 && help->n_expect[x->class] >= max)
		evict_oldest(t, help, x->class);
	s = t->n_expect < t->expect_limit ? slot_take(hs) : NULL;
	if (s == NULL)
		return -EMFILE;
	at = (uint32_t)(s - hs->slot);
	if (ct_index_insert(&hs->ix, ct_key_hash(&t->seeds, &k), at) < 0) {
		s->next = hs->free;
		hs->free = at;
		return -EMFILE;
	}
	s->x = *x;
	s->master = ct_id_of(t, h->e);
	s->deadline = (uint32_t)t->tick + ct_ticks_of_ms(x->timeout_ms);
	s->next = help->expect;
	if (s->next != 0)
		hs->slot[s->next].prev = at;
	help->expect = at;
	help->n_expect[x->class]++;
	t->n_expect++;
	ret = ct_claim_announce(t, &k, &s->planted);
	if (ret < 0)
		ct_expect_withdraw(t, s);
	else
		pl_count(&t->stats.expect_made, 1);
	return ret;
}

void
ct_expect_remove(const struct ct_help_pkt *h, const struct ct_expect *x)
{
	struct ct_expect_slot *s;
	struct ct_key k;

	ct_expect_key(&k, x);
	s = ct_expect_at(h->w->ct, &k);
	if (s != NULL && s->master == ct_id_of(h->w->ct, h->e))
		ct_expect_withdraw(h->w->ct, s);
}
