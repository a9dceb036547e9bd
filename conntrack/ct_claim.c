// The owner's side of redirects: before the first packet of a flow leaves, the homes of its two
// tuples are asked whether they are free, where those are other workers. Meanwhile the packet is
// parked (pipeline/park.h) and its flow, not confirmed yet, is kept beside. Granted, the packet
// goes on where it stood; refused, nat chooses another tuple, or the packet is dropped. What is
// granted after the wait was over is given back. Called by ct_stage.c and nat, and while the rings
// are emptied, on the owner's thread. docs/decisions/0303-redirects.md.
#include <errno.h>

#include "conntrack/ct_claim.h"
#include "conntrack/ct_redirect.h"
#include "pipeline/park.h"
#include "pipeline/toeplitz.h"

static struct ct_ring *
ask_ring(const struct ct_table *t, unsigned to)
{
	return &t->links->pair[t->worker * t->links->n + to].ask;
}

static bool
tell(struct ct_table *t, unsigned to, enum ct_msg_op op, const struct ct_key *key)
{
	struct ct_msg m = {.key = *key, .op = (uint8_t)op};

	if (ct_ring_put(ask_ring(t, to), &m))
		return true;
	pl_count(&t->stats.unsent, 1);
	return false;
}

// ---- asking -------------------------------------------------------------------------------------

// A flow that was handed over to the worker where its master is, or to one whose flow with that
// tuple is gone by now, is not at its home, which must know of it.
static bool
must_ask_away(const struct pl_worker *w, const struct pl_pkt *p)
{
	return p->origin != PL_FROM_SELF && !(p->ct->status & CT_I_AWAY) &&
	       pl_reta_worker(w->reta, p->hash) != w->id;
}

int
ct_claim(struct pl_worker *w, const struct pl_pkt *p)
{
	struct ct_table *t = w->ct;
	struct ct_entry *e = p->ct;
	struct ct_key k;
	int ret;

	if (t->redir == NULL)
		return 0;
	if (e->status & (CT_S_DYING | CT_S_CLASHED))
		return -EEXIST;
	ret = ct_reserve_reply(w, e);
	if (ret < 0)
		return ret;
	if (unlikely(must_ask_away(w, p)))
		return -EINPROGRESS;
	// Another worker may have been granted it while this flow was being born.
	ct_entry_key(e, CT_ORIGINAL, &k);
	return ct_redirect_taken(t, &k) ? -EEXIST : 0;
}

// The packet does not wait any longer.
static int
leave(struct pl_worker *w, struct pl_pkt *p)
{
	struct ct_entry *e = p->ct;
	bool dying = e->status & CT_S_DYING;

	ct_list_del(w->ct, e);
	ct_list_add(w->ct, e, dying ? CT_LIST_DEAD : CT_LIST_FRESH);
	return dying ? PL_DROP_CT_CLASH + 1 : 0;
}

static uint16_t
home_of(const struct pl_worker *w, const struct ct_entry *e, enum ct_dir dir)
{
	struct ct_tuple tuple = ct_entry_tuple(e, dir);

	return ct_tuple_home(w, &tuple);
}

void
ct_ask_home(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p)
{
	struct ct_table *t = w->ct;
	struct ct_entry *e = p->ct;
	const bool ask[2] = {must_ask_away(w, p), e->status & CT_I_ASK};
	const uint16_t home[2] = {pl_reta_worker(w->reta, p->hash), home_of(w, e, CT_REPLY)};
	struct ct_msg m = {.op = CT_M_RESERVE};

	for (unsigned dir = 0; dir < 2; dir++) {
		if (!ask[dir] || (ct_ring_room(ask_ring(t, home[dir])) >= 2 &&
				  t->asked[home[dir]] <= CT_LINK_SIZE - 2))
			continue;
		pl_count(&t->stats.unsent, 1);
		pl_drop(w, b, p, PL_DROP_PARK_FULL);
		return;
	}
	m.ticket = pl_park(w, b, p, ask[0] + ask[1], leave);
	if (m.ticket == 0) {
		pl_drop(w, b, p, PL_DROP_PARK_FULL);
		return;
	}
	ct_list_del(t, e);
	ct_list_add(t, e, CT_LIST_PARKED);
	// The original tuple first: before the expectation is withdrawn that brought the packet
	// here, in this turn.
	for (unsigned dir = 0; dir < 2; dir++) {
		if (!ask[dir])
			continue;
		ct_entry_key(e, dir, &m.key);
		m.dir = (uint8_t)dir;
		ct_ring_put(ask_ring(t, home[dir]), &m);
		t->asked[home[dir]]++;
		t->n_asked++;
		pl_rest_wake(w->peer[home[dir]]);
	}
}

// ---- answers ------------------------------------------------------------------------------------

void
ct_claim_answer(struct pl_worker *w, uint16_t to, const struct ct_msg *m)
{
	struct ct_links *l = w->ct->links;

	ct_ring_put(&l->pair[w->ct->worker * l->n + to].answer, m); // has room: see ct_ask_home()
	pl_rest_wake(w->peer[to]);
}

static void
granted(struct ct_entry *e, enum ct_dir dir)
{
	if (dir == CT_ORIGINAL) {
		e->status |= CT_I_AWAY;
		return;
	}
	e->status &= (uint16_t)~CT_I_ASK;
	e->status |= CT_I_PLANTED;
}

// The tuple is another flow's. Nat may choose another reply; an original one cannot be chosen.
static void
denied(struct ct_table *t, struct ct_entry *e, enum ct_dir dir)
{
	pl_count(&t->stats.clash, 1);
	if (dir == CT_ORIGINAL) {
		ct_table_kill(t, e);
		return;
	}
	if (e->status & CT_I_RESERVED)
		ct_table_unindex_reply(t, e);
	e->status &= (uint16_t)~CT_I_ASK;
	e->status |= CT_S_CLASHED;
}

// The flow that waits for this answer; NULL: none does any more.
static struct ct_entry *
waiting_for(const struct pl_worker *w, const struct ct_msg *m)
{
	struct pl_pkt *p = pl_parked(w, m->ticket);
	struct ct_key k;

	if (p == NULL)
		return NULL;
	ct_entry_key(p->ct, m->dir, &k);
	return memcmp(&k, &m->key, sizeof(k)) == 0 ? p->ct : NULL;
}

void
ct_claim_drain(struct pl_worker *w)
{
	struct ct_table *t = w->ct;

	for (unsigned from = 0; from < t->links->n; from++) {
		struct ct_ring *r = &t->links->pair[from * t->links->n + t->worker].answer;
		const struct ct_msg *m;

		while (t->asked[from] != 0 && (m = ct_ring_first(r)) != NULL) {
			struct ct_entry *e = waiting_for(w, m);

			if (e == NULL && m->op == CT_M_GRANT && !tell(t, from, CT_M_LIFT, &m->key))
				break; // no room: in another turn
			if (e != NULL && m->op == CT_M_GRANT)
				granted(e, m->dir);
			else if (e != NULL)
				denied(t, e, m->dir);
			if (e != NULL)
				pl_park_answer(w, m->ticket);
			t->asked[from]--;
			t->n_asked--;
			ct_ring_next(r);
		}
	}
}

// ---- giving back --------------------------------------------------------------------------------

static bool
lift_one(struct ct_table *t, struct ct_entry *e, enum ct_dir dir, uint16_t planted)
{
	struct ct_key k;

	if (!(e->status & planted))
		return true;
	ct_entry_key(e, dir, &k);
	if (!tell(t, home_of(t->w, e, dir), CT_M_LIFT, &k))
		return false;
	e->status &= (uint16_t)~planted;
	return true;
}

bool
ct_claim_lift(struct ct_table *t, struct ct_entry *e)
{
	return lift_one(t, e, CT_REPLY, CT_I_PLANTED) && lift_one(t, e, CT_ORIGINAL, CT_I_AWAY);
}

// ---- expectations -------------------------------------------------------------------------------

int
ct_claim_announce(struct ct_table *t, const struct ct_key *k, uint64_t *planted)
{
	for (unsigned to = 0; t->links != NULL && to < t->links->n; to++) {
		if (to == t->worker)
			continue;
		if (!tell(t, to, CT_M_ANNOUNCE, k))
			return -ENOSPC;
		*planted |= UINT64_C(1) << to;
	}
	return 0;
}

bool
ct_claim_withdraw(struct ct_table *t, const struct ct_key *k, uint64_t *planted)
{
	while (*planted != 0) {
		unsigned to = (unsigned)__builtin_ctzll(*planted);

		if (!tell(t, to, CT_M_LIFT, k))
			return false;
		*planted &= *planted - 1;
	}
	return true;
}
