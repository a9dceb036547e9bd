// Redirects: where a tuple of a flow hashes to another worker (its home) than the one that owns
// the flow, the home has a redirect for it, and hands over what comes. Made before the flow's first
// packet leaves: the owner asks (ct_claim.c), the home answers GRANT where the tuple is no other
// flow's, else DENY; LIFT takes the redirect away. Expectations' redirects are announced, and not
// refused. Every worker touches its own redirects only. docs/decisions/0303-redirects.md.
#include <errno.h>
#include <stdlib.h>

#include "conntrack/ct_claim.h"
#include "conntrack/ct_expect.h"
#include "pipeline/mem.h"
#include "conntrack/ct_redirect.h"

struct redirect {
	struct ct_key key;
	uint32_t plants; // flows of that owner that count on it: one that ends and one that begins
			 // may overlap
	uint32_t next;	 // free list
	uint16_t owner;
};

struct ct_redirects {
	struct ct_index ix;
	struct redirect *at;
	size_t size;
	uint32_t room, used, free;
	uint32_t max;	   // of flows; expectations have room besides
	uint32_t count[2]; // of flows, of expectations
};

static inline bool
is_expect(const struct ct_key *k)
{
	return k->family & CT_EXPECT_MARK;
}

// ---- this worker's redirects --------------------------------------------------------------------

uint32_t
ct_redirect_count(const struct ct_table *t, bool expect)
{
	return t->redir->count[expect];
}

#define ANY UINT16_MAX

// The redirect to that owner; ANY: to the one with the smallest number.
static uint32_t
find(const struct ct_table *t, const struct ct_key *k, uint64_t hash, uint16_t owner)
{
	const struct ct_redirects *r = t->redir;
	const struct ct_bucket *b = ct_index_bucket(&r->ix, hash);
	uint32_t best = 0;

	for (; b != NULL; b = ct_bucket_next(&r->ix, b)) {
		for (uint32_t m = ct_bucket_match(b, ct_index_sig(hash)); m != 0; m &= m - 1) {
			uint32_t at = b->ref[__builtin_ctz(m)];

			if (memcmp(&r->at[at].key, k, sizeof(*k)) != 0)
				continue;
			if (r->at[at].owner == owner)
				return at;
			if (owner == ANY && (best == 0 || r->at[at].owner < r->at[best].owner))
				best = at;
		}
	}
	return best;
}

bool
ct_redirect_lookup(const struct ct_table *t, const struct ct_key *k, uint16_t *owner)
{
	uint32_t at = find(t, k, ct_key_hash(&t->seeds, k), ANY);

	if (at == 0)
		return false;
	*owner = t->redir->at[at].owner;
	return true;
}

bool
ct_redirect_taken(const struct ct_table *t, const struct ct_key *k)
{
	uint16_t owner;

	return ct_redirect_find(t, k, &owner);
}

// A new redirect; false where there is no room.
static bool
add(struct ct_redirects *r, const struct ct_key *k, uint64_t hash, uint16_t owner)
{
	uint32_t at = r->free;

	if (!is_expect(k) && r->count[false] == r->max)
		return false;
	if (at == 0 && r->used == r->room)
		return false;
	if (ct_index_insert(&r->ix, hash, at != 0 ? at : r->used) < 0)
		return false;
	if (at != 0)
		r->free = r->at[at].next;
	else
		at = r->used++;
	r->at[at] = (struct redirect){.key = *k, .plants = 1, .owner = owner};
	r->count[is_expect(k)]++;
	return true;
}

// An expectation: several workers may have one tuple, until those that lost have heard of it. The
// owners find that out from each other: the one with the smallest number keeps it. There is room
// for all that all others can have.
static void
announced(struct ct_table *t, uint16_t from, const struct ct_key *k)
{
	uint64_t hash = ct_key_hash(&t->seeds, k);
	uint32_t at = find(t, k, hash, from);

	if (from < t->worker)
		ct_expect_lost(t, k);
	if (at != 0)
		t->redir->at[at].plants++;
	else
		add(t->redir, k, hash, from);
}

// Does a flow of this worker have the tuple, or is it reserved for one that is being born?
static bool
is_held(struct ct_table *t, const struct ct_key *k, uint64_t hash)
{
	unsigned dir;
	struct ct_entry *e = ct_table_find(t, k, hash, &dir);

	if (e == NULL)
		return false;
	return !(e->status & CT_S_CONFIRMED) || ct_table_find_live(t, k, hash, &dir) != NULL;
}

static bool
reserve_here(struct ct_table *t, uint16_t from, const struct ct_key *k)
{
	uint64_t hash = ct_key_hash(&t->seeds, k);
	uint32_t at = find(t, k, hash, ANY);

	if (at != 0 && t->redir->at[at].owner != from)
		return false;
	if (at != 0) {
		t->redir->at[at].plants++;
		return true;
	}
	return !is_held(t, k, hash) && add(t->redir, k, hash, from);
}

static void
lift_here(struct ct_table *t, uint16_t from, const struct ct_key *k)
{
	uint64_t hash = ct_key_hash(&t->seeds, k);
	struct ct_redirects *r = t->redir;
	uint32_t at = find(t, k, hash, from);

	if (at == 0 || --r->at[at].plants != 0)
		return;
	ct_index_remove(&r->ix, hash, at);
	r->at[at].next = r->free;
	r->free = at;
	r->count[is_expect(k)]--;
}

// One of another worker's messages.
static void
take(struct pl_worker *w, uint16_t from, const struct ct_msg *m)
{
	struct ct_msg answer = *m;

	switch ((enum ct_msg_op)m->op) {
	case CT_M_ANNOUNCE:
		announced(w->ct, from, &m->key);
		return;
	case CT_M_RESERVE:
		answer.op = reserve_here(w->ct, from, &m->key) ? CT_M_GRANT : CT_M_DENY;
		ct_claim_answer(w, from, &answer);
		return;
	case CT_M_LIFT:
		lift_here(w->ct, from, &m->key);
		return;
	case CT_M_GRANT:
	case CT_M_DENY:
		return; // go another way
	}
}

void
ct_redirect_drain(struct pl_worker *w)
{
	struct ct_table *t = w->ct;
	struct ct_links *l = t->links;

	if (l == NULL)
		return;
	for (uint16_t from = 0; from < l->n; from++) {
		struct ct_ring *r = &l->pair[from * l->n + t->worker].ask;
		const struct ct_msg *m;

		while ((m = ct_ring_first(r)) != NULL) {
			take(w, from, m);
			ct_ring_next(r);
		}
	}
	if (t->n_asked != 0)
		ct_claim_drain(w);
}

// ---- joining ------------------------------------------------------------------------------------

void
ct_redirect_free(struct ct_table *t)
{
	struct ct_redirects *r = t->redir;

	if (r == NULL)
		return;
	if (atomic_fetch_sub_explicit(&t->links->users, 1, memory_order_acq_rel) == 1)
		pl_mem_unmap(t->links, t->links->size);
	ct_index_fini(&r->ix);
	pl_mem_unmap(r->at, r->size);
	free(r);
	t->redir = NULL;
	t->links = NULL;
}

static int
redirects_create(struct ct_table *t, struct ct_links *links)
{
	const uint32_t max = t->max + (links->n - 1) * CT_EXPECT_SLOTS;
	struct ct_redirects *r = calloc(1, sizeof(*r));
	int ret;

	if (r == NULL)
		return -ENOMEM;
	r->max = t->max;
	r->room = max + 1;
	r->used = 1; // place 0 stands for none
	r->size = (size_t)r->room * sizeof(*r->at);
	ret = ct_index_init(&r->ix, max);
	if (ret == 0) {
		r->at = pl_mem_map(r->size);
		ret = r->at != NULL ? 0 : -ENOMEM;
	}
	if (ret < 0) {
		ct_index_fini(&r->ix);
		free(r);
		return ret;
	}
	atomic_fetch_add_explicit(&links->users, 1, memory_order_relaxed);
	t->redir = r;
	t->links = links;
	return 0;
}

int
ct_join(struct pl_worker *const *w, unsigned n)
{
	struct ct_links *links;
	size_t size;
	int ret = 0;

	if (n < 2)
		return 0;
	size = sizeof(*links) + (size_t)n * n * sizeof(links->pair[0]);
	links = pl_mem_map(size);
	if (links == NULL)
		return -ENOMEM;
	links->n = n;
	links->size = size;
	atomic_store_explicit(&links->users, 1,
			      memory_order_relaxed); // this function, until it returns
	for (unsigned i = 0; i < n && ret == 0; i++)
		ret = redirects_create(w[i]->ct, links);
	for (unsigned i = 0; ret < 0 && i < n; i++)
		ct_redirect_free(w[i]->ct);
	if (atomic_fetch_sub_explicit(&links->users, 1, memory_order_acq_rel) == 1)
		pl_mem_unmap(links, size);
	return ret;
}
