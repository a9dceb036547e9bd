// Redirects: where the reply of a translated flow hashes to another worker (its home), the flow's
// owner tells the home, by a message that is in the home's ring before the flow's first packet
// leaves. A home drains its rings before it looks at a burst, so that a reply always finds the
// redirect. Messages: PLANT and LIFT from the owner, CLASH back where the tuple was taken. Every
// ring has one writer and one reader; each worker touches its own redirects only. What this can
// promise and what not: docs/decisions/0303-redirects.md.
#include <errno.h>
#include <stdlib.h>

#include "conntrack/ct_expect.h"
#include "conntrack/ct_mem.h"
#include "conntrack/ct_redirect.h"

#define RING_SIZE 1024 // messages; a power of two

enum op { OP_PLANT, OP_LIFT, OP_CLASH };

struct msg {
	struct ct_key key; // of a flow's packets in one direction, or of an expectation
	uint16_t from;	   // worker
	uint8_t op;	   // enum op
};

struct ring {
	_Atomic uint32_t head __rte_cache_aligned; // writer's
	_Atomic uint32_t tail __rte_cache_aligned; // reader's
	struct msg msg[RING_SIZE] __rte_cache_aligned;
};

struct links { // of all workers; freed with the last table
	_Atomic unsigned users;
	unsigned n;
	size_t size;
	struct ring ring[]; // [from * n + to]
};

struct redirect {
	struct ct_key key;
	uint32_t plants; // flows of that owner that count on it: one that ends and one that begins
			 // may overlap
	uint32_t next;	 // free list
	uint16_t owner;
};

struct ct_redirects {
	struct links *links;
	struct ct_index ix;
	struct redirect *at;
	size_t size;
	uint32_t room, used, free;
	uint32_t count[2]; // of flows, of expectations
};

static inline bool
is_expect(const struct ct_key *k)
{
	return k->family & CT_EXPECT_MARK;
}

static bool
message(struct ct_table *t, uint16_t to, enum op op, const struct ct_key *key)
{
	struct links *l = t->redir->links;
	struct ring *r = &l->ring[t->worker * l->n + to];
	uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&r->tail, memory_order_acquire) == RING_SIZE)
		return false;
	r->msg[head % RING_SIZE] = (struct msg){.key = *key, .from = t->worker, .op = op};
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	return true;
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
// owners find that out from each other: the one with the smallest number keeps it.
static bool
plant_expect_here(struct ct_table *t, const struct msg *m)
{
	uint64_t hash = ct_key_hash(&t->seeds, &m->key);
	uint32_t at = find(t, &m->key, hash, m->from);

	if (m->from < t->worker)
		ct_expect_lost(t, &m->key);
	if (at == 0)
		return add(t->redir, &m->key, hash, m->from);
	t->redir->at[at].plants++;
	return true;
}

static bool
plant_here(struct ct_table *t, const struct msg *m)
{
	uint64_t hash = ct_key_hash(&t->seeds, &m->key);
	uint32_t at = find(t, &m->key, hash, ANY);
	unsigned dir;

	if (is_expect(&m->key))
		return plant_expect_here(t, m);
	if (at != 0 && t->redir->at[at].owner != m->from)
		return false;
	if (at != 0) {
		t->redir->at[at].plants++;
		return true;
	}
	if (ct_table_find_live(t, &m->key, hash, &dir) != NULL)
		return false; // a flow of this worker has the tuple
	return add(t->redir, &m->key, hash, m->from);
}

static void
lift_here(struct ct_table *t, const struct msg *m)
{
	uint64_t hash = ct_key_hash(&t->seeds, &m->key);
	struct ct_redirects *r = t->redir;
	uint32_t at = find(t, &m->key, hash, m->from);

	if (at == 0 || --r->at[at].plants != 0)
		return;
	ct_index_remove(&r->ix, hash, at);
	r->at[at].next = r->free;
	r->free = at;
	r->count[is_expect(&m->key)]--;
}

// The home has given the tuple to another flow: ours cannot get its packets, so it ends, and its
// next packet begins again with another choice.
static void
clash_here(struct ct_table *t, const struct msg *m)
{
	struct ct_entry *e;
	uint16_t planted;
	unsigned dir;

	if (is_expect(&m->key)) {
		ct_expect_clash(t, &m->key, m->from);
		return;
	}
	e = ct_table_find(t, &m->key, ct_key_hash(&t->seeds, &m->key), &dir);
	if (e == NULL)
		return;
	planted = dir == CT_REPLY ? CT_I_PLANTED : CT_I_AWAY;
	if (!(e->status & planted))
		return;
	e->status &= (uint16_t)~planted; // nothing of it stands there
	e->status |= CT_S_CLASHED;
	ct_table_kill(t, e);
	t->stats.clash++;
}

void
ct_redirect_drain(struct ct_table *t)
{
	struct links *l;

	if (t->redir == NULL)
		return;
	l = t->redir->links;
	for (unsigned from = 0; from < l->n; from++) {
		struct ring *r = &l->ring[from * l->n + t->worker];
		uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
		uint32_t head = atomic_load_explicit(&r->head, memory_order_acquire);

		for (; tail != head; tail++) {
			const struct msg *m = &r->msg[tail % RING_SIZE];

			if (m->op == OP_LIFT)
				lift_here(t, m);
			else if (m->op == OP_CLASH)
				clash_here(t, m);
			else if (!plant_here(t, m) && !message(t, m->from, OP_CLASH, &m->key))
				t->stats.unsent++; // the loser will see no replies, and time out
			atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
		}
	}
}

// ---- the owner's side ---------------------------------------------------------------------------

int
ct_redirect_plant(struct ct_table *t, struct ct_entry *e, uint16_t home)
{
	struct ct_key k;

	if (home == t->worker || t->redir == NULL) {
		ct_entry_key(e, CT_REPLY, &k);
		return ct_redirect_taken(t, &k) ? -EEXIST : 0;
	}
	ct_entry_key(e, CT_REPLY, &k);
	if (!message(t, home, OP_PLANT, &k)) {
		t->stats.unsent++;
		return -ENOSPC;
	}
	e->status |= CT_I_PLANTED;
	return 0;
}

int
ct_redirect_plant_away(struct ct_table *t, struct ct_entry *e, uint16_t home)
{
	struct ct_key k;

	ct_entry_key(e, CT_ORIGINAL, &k);
	if (!message(t, home, OP_PLANT, &k)) {
		t->stats.unsent++;
		return -ENOSPC;
	}
	e->status |= CT_I_AWAY;
	return 0;
}

static bool
lift_one(struct ct_table *t, struct ct_entry *e, enum ct_dir dir, uint16_t planted)
{
	struct ct_tuple tuple = ct_entry_tuple(e, dir);
	struct ct_key k;

	if (!(e->status & planted))
		return true;
	ct_entry_key(e, dir, &k);
	if (!message(t, ct_tuple_home(t->w, &tuple), OP_LIFT, &k)) {
		t->stats.unsent++;
		return false;
	}
	e->status &= (uint16_t)~planted;
	return true;
}

bool
ct_redirect_lift(struct ct_table *t, struct ct_entry *e)
{
	return lift_one(t, e, CT_REPLY, CT_I_PLANTED) && lift_one(t, e, CT_ORIGINAL, CT_I_AWAY);
}

int
ct_redirect_announce(struct ct_table *t, const struct ct_key *k, uint64_t *planted)
{
	for (unsigned to = 0; t->redir != NULL && to < t->redir->links->n; to++) {
		if (to == t->worker)
			continue;
		if (!message(t, (uint16_t)to, OP_PLANT, k)) {
			t->stats.unsent++;
			return -ENOSPC;
		}
		*planted |= UINT64_C(1) << to;
	}
	return 0;
}

bool
ct_redirect_withdraw(struct ct_table *t, const struct ct_key *k, uint64_t *planted)
{
	while (*planted != 0) {
		unsigned to = (unsigned)__builtin_ctzll(*planted);

		if (!message(t, (uint16_t)to, OP_LIFT, k)) {
			t->stats.unsent++;
			return false;
		}
		*planted &= *planted - 1;
	}
	return true;
}

// ---- joining ------------------------------------------------------------------------------------

void
ct_redirect_free(struct ct_table *t)
{
	struct ct_redirects *r = t->redir;

	if (r == NULL)
		return;
	if (atomic_fetch_sub_explicit(&r->links->users, 1, memory_order_acq_rel) == 1)
		ct_mem_unmap(r->links, r->links->size);
	ct_index_fini(&r->ix);
	ct_mem_unmap(r->at, r->size);
	free(r);
	t->redir = NULL;
}

static int
redirects_create(struct ct_redirects **out, struct links *links, uint32_t max)
{
	struct ct_redirects *r = calloc(1, sizeof(*r));
	int ret;

	if (r == NULL)
		return -ENOMEM;
	r->links = links;
	r->room = max + 1;
	r->used = 1; // place 0 stands for none
	r->size = (size_t)r->room * sizeof(*r->at);
	ret = ct_index_init(&r->ix, max);
	if (ret == 0) {
		r->at = ct_mem_map(r->size);
		ret = r->at != NULL ? 0 : -ENOMEM;
	}
	if (ret < 0) {
		ct_index_fini(&r->ix);
		free(r);
		return ret;
	}
	atomic_fetch_add_explicit(&links->users, 1, memory_order_relaxed);
	*out = r;
	return 0;
}

int
ct_join(struct pl_worker *const *w, unsigned n)
{
	struct links *links;
	size_t size;
	int ret = 0;

	if (n < 2)
		return 0;
	size = sizeof(*links) + (size_t)n * n * sizeof(links->ring[0]);
	links = ct_mem_map(size);
	if (links == NULL)
		return -ENOMEM;
	links->n = n;
	links->size = size;
	atomic_store_explicit(&links->users, 1,
			      memory_order_relaxed); // this function, until it returns
	for (unsigned i = 0; i < n && ret == 0; i++)
		ret = redirects_create(&w[i]->ct->redir, links, w[i]->ct->max);
	for (unsigned i = 0; ret < 0 && i < n; i++)
		ct_redirect_free(w[i]->ct);
	if (atomic_fetch_sub_explicit(&links->users, 1, memory_order_acq_rel) == 1)
		ct_mem_unmap(links, size);
	return ret;
}
