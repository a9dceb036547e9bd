// One worker's copy of the mappings, and the rings that keep the copies alike: hash tables by the
// inside and by the outside end over one array. Called by nat_eim.c, nat_block.c and nat_core.c on
// the worker's thread. A worker tells all others HOLD when the first of its flows uses a link,
// before that flow's first packet leaves, and DROP when the last has gone; a link goes when no
// worker holds it. Messages from one worker arrive in their order; what two workers tell at the
// same time may name two outside ends for one inside end or the reverse: both links stay, and
// everybody prefers the same one.
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "nat/nat_core.h"
#include "pipeline/mem.h"

#define RING_SIZE 1024 // messages; a power of two
#define HEAR_MAX  256  // messages from one worker in a turn

enum op { OP_HOLD, OP_DROP };

struct msg {
	struct nat_pair pair;
	uint8_t op; // enum op
} __rte_cache_aligned;

struct ring {
	_Atomic uint32_t head __rte_cache_aligned; // writer's
	_Atomic uint32_t tail __rte_cache_aligned; // reader's
	struct msg msg[RING_SIZE];
};

struct nat_rings { // of all workers; freed with the last copy
	_Atomic unsigned users;
	struct ring ring[]; // [from * n_workers + to]
};

int
nat_maps_init(struct nat_maps *m, uint32_t room, uint64_t key, uint16_t worker)
{
	uint32_t heads = rte_align32pow2(RTE_MIN(RTE_MAX(room, 1024u), 1u << 24));

	*m = (struct nat_maps){.mask = heads - 1, .room = room, .used = 1, .key = key};
	m->worker = worker;
	m->n_workers = 1;
	m->at = pl_mem_space((room + 1ull) * sizeof(m->at[0]));
	m->by_in = pl_mem_space(heads * sizeof(m->by_in[0]));
	m->by_out = pl_mem_space(heads * sizeof(m->by_out[0]));
	if (m->at != NULL && m->by_in != NULL && m->by_out != NULL)
		return 0;
	nat_maps_fini(m);
	return -ENOMEM;
}

void
nat_maps_fini(struct nat_maps *m)
{
	pl_mem_unmap(m->at, (m->room + 1ull) * sizeof(m->at[0]));
	pl_mem_unmap(m->by_in, (m->mask + 1ull) * sizeof(m->by_in[0]));
	pl_mem_unmap(m->by_out, (m->mask + 1ull) * sizeof(m->by_out[0]));
	if (m->rings != NULL && atomic_fetch_sub(&m->rings->users, 1) == 1)
		free(m->rings);
	*m = (struct nat_maps){0};
}

int
nat_join(struct pl_worker *const *w, unsigned n)
{
	size_t size = sizeof(struct nat_rings) + (size_t)n * n * sizeof(struct ring);
	struct nat_rings *rings;

	if (n <= 1)
		return 0;
	rings = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(size, RTE_CACHE_LINE_SIZE));
	if (rings == NULL)
		return -ENOMEM;
	memset(rings, 0, size);
	atomic_store(&rings->users, n);
	for (unsigned i = 0; i < n; i++) {
		struct nat_maps *m = &w[i]->nat->maps;

		m->rings = rings;
		m->n_workers = (uint16_t)n;
		m->key = w[0]->nat->maps.key;
	}
	return 0;
}

uint32_t
nat_maps_count(const struct pl_worker *w)
{
	return w->nat->maps.count;
}

// ---- hashes -------------------------------------------------------------------------------------

static uint64_t
mix(uint64_t h, uint64_t x)
{
	h = (h ^ x) * 0x9e3779b97f4a7c15;
	return h ^ h >> 29;
}

static uint64_t
hash_end(const struct nat_maps *m, const struct nat_pair *p, const union pl_addr *a,
	 rte_be16_t port)
{
	uint64_t what = (uint64_t)p->zone << 32 | (uint64_t)p->family << 24 |
			(uint64_t)p->proto << 16 | p->kind;

	return mix(mix(mix(m->key, a->u64[0]), a->u64[1] ^ what << 16), port);
}

uint64_t
nat_map_draw(const struct nat_maps *m, const struct nat_pair *in, uint32_t nth)
{
	uint64_t h = hash_end(m, in, &in->in, in->in_port);

	return mix(mix(h, nth + 1ull), m->key >> 7);
}

// Of a permit both ends count: one address far away may have talked to all mappings, and one
// mapping to any number of addresses; nobody looks for a permit by one end.
static uint64_t
hash_link(const struct nat_maps *m, const struct nat_pair *p, bool in)
{
	uint64_t h = in ? hash_end(m, p, &p->in, p->in_port) : hash_end(m, p, &p->out, p->out_port);

	if (p->kind != NAT_PERMIT)
		return h;
	return in ? mix(mix(mix(h, p->out.u64[0]), p->out.u64[1]), p->out_port)
		  : mix(mix(h, p->in.u64[0]), p->in.u64[1]);
}

static uint32_t *
head_in(const struct nat_maps *m, const struct nat_pair *p)
{
	return &m->by_in[hash_link(m, p, true) >> 20 & m->mask];
}

static uint32_t *
head_out(const struct nat_maps *m, const struct nat_pair *p)
{
	return &m->by_out[hash_link(m, p, false) >> 20 & m->mask];
}

// ---- the table ----------------------------------------------------------------------------------

static bool
same_kind(const struct nat_pair *a, const struct nat_pair *b)
{
	return a->kind == b->kind && a->family == b->family && a->proto == b->proto &&
	       a->zone == b->zone;
}

static bool
same_end(const union pl_addr *a, rte_be16_t a_port, const union pl_addr *b, rte_be16_t b_port)
{
	return pl_addr_eq(a, b) && a_port == b_port;
}

static bool
before(const union pl_addr *a, rte_be16_t a_port, const union pl_addr *b, rte_be16_t b_port)
{
	int diff = memcmp(a, b, sizeof(*a));

	return diff < 0 || (diff == 0 && a_port < b_port);
}

const struct nat_pair *
nat_map_of_in(const struct nat_maps *m, const struct nat_pair *in,
	      bool (*fit)(void *ctx, const struct nat_pair *p), void *ctx)
{
	const struct nat_pair *best = NULL;

	for (uint32_t i = *head_in(m, in); i != 0; i = m->at[i].next_in) {
		const struct nat_pair *p = &m->at[i].pair;

		if (same_kind(p, in) && same_end(&p->in, p->in_port, &in->in, in->in_port) &&
		    (fit == NULL || fit(ctx, p)) &&
		    (best == NULL || before(&p->out, p->out_port, &best->out, best->out_port)))
			best = p;
	}
	return best;
}

const struct nat_pair *
nat_map_of_out(const struct nat_maps *m, const struct nat_pair *out)
{
	const struct nat_pair *best = NULL;

	for (uint32_t i = *head_out(m, out); i != 0; i = m->at[i].next_out) {
		const struct nat_pair *p = &m->at[i].pair;

		if (same_kind(p, out) && same_end(&p->out, p->out_port, &out->out, out->out_port) &&
		    (best == NULL || before(&p->in, p->in_port, &best->in, best->in_port)))
			best = p;
	}
	return best;
}

uint32_t
nat_map_number(const struct nat_maps *m, const struct nat_pair *pair)
{
	for (uint32_t i = *head_in(m, pair); i != 0; i = m->at[i].next_in) {
		const struct nat_pair *p = &m->at[i].pair;

		if (same_kind(p, pair) && same_end(&p->in, p->in_port, &pair->in, pair->in_port) &&
		    same_end(&p->out, p->out_port, &pair->out, pair->out_port))
			return i;
	}
	return 0;
}

static uint32_t
add(struct nat_maps *m, const struct nat_pair *pair)
{
	uint32_t i = m->free, *in = head_in(m, pair), *out = head_out(m, pair);

	if (i != 0)
		m->free = m->at[i].next_in;
	else if (m->used <= m->room)
		i = m->used++;
	else
		return 0;
	m->at[i] = (struct nat_link){.pair = *pair, .next_in = *in, .next_out = *out};
	*in = *out = i;
	m->count++;
	return i;
}

static void
del(struct nat_maps *m, uint32_t i)
{
	struct nat_link *l = &m->at[i];
	uint32_t *at;

	for (at = head_in(m, &l->pair); *at != i; at = &m->at[*at].next_in)
		;
	*at = l->next_in;
	for (at = head_out(m, &l->pair); *at != i; at = &m->at[*at].next_out)
		;
	*at = l->next_out;
	l->next_in = m->free;
	m->free = i;
	m->count--;
}

// ---- between workers ----------------------------------------------------------------------------

static struct ring *
ring(const struct nat_maps *m, unsigned from, unsigned to)
{
	return &m->rings->ring[from * m->n_workers + to];
}

// One message to all others, or to none.
static bool
tell(struct nat_maps *m, enum op op, const struct nat_pair *pair)
{
	if (m->rings == NULL)
		return true;
	for (unsigned to = 0; to < m->n_workers; to++) {
		struct ring *r = ring(m, m->worker, to);

		if (to != m->worker &&
		    atomic_load_explicit(&r->head, memory_order_relaxed) -
				    atomic_load_explicit(&r->tail, memory_order_acquire) ==
			    RING_SIZE)
			return false;
	}
	for (unsigned to = 0; to < m->n_workers; to++) {
		struct ring *r = ring(m, m->worker, to);
		uint32_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

		if (to == m->worker)
			continue;
		r->msg[head % RING_SIZE] = (struct msg){.pair = *pair, .op = (uint8_t)op};
		atomic_store_explicit(&r->head, head + 1, memory_order_release);
	}
	return true;
}

static void
take(struct nat_maps *m, unsigned from, const struct msg *msg)
{
	uint32_t i = nat_map_number(m, &msg->pair);

	if (i == 0 && msg->op == OP_HOLD)
		i = add(m, &msg->pair);
	if (i == 0)
		return; // a full copy knows less: its own flows of that end get another mapping
	if (msg->op == OP_HOLD)
		m->at[i].users |= 1ull << from;
	else
		m->at[i].users &= ~(1ull << from);
	if (m->at[i].users == 0)
		del(m, i);
}

void
nat_maps_hear(struct nat_maps *m)
{
	if (m->rings == NULL)
		return;
	for (unsigned from = 0; from < m->n_workers; from++) {
		struct ring *r = ring(m, from, m->worker);
		uint32_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
		uint32_t n = atomic_load_explicit(&r->head, memory_order_acquire) - tail;

		if (from == m->worker || n == 0)
			continue;
		for (n = RTE_MIN(n, (uint32_t)HEAR_MAX); n != 0; n--)
			take(m, from, &r->msg[tail++ % RING_SIZE]);
		atomic_store_explicit(&r->tail, tail, memory_order_release);
	}
}

// The others are told that this worker is done with the link. False: no room.
static bool
let_go(struct nat_maps *m, uint32_t i)
{
	struct nat_link *l = &m->at[i];

	if (!tell(m, OP_DROP, &l->pair))
		return false;
	l->users &= ~(1ull << m->worker);
	if (l->users == 0)
		del(m, i);
	return true;
}

void
nat_maps_turn(struct nat_maps *m)
{
	nat_maps_hear(m);
	while (m->owed != 0) {
		uint32_t i = m->owed, next = m->at[i].next_owed;

		if (m->at[i].refs == 0 && !let_go(m, i))
			return;
		m->at[i].owed = false;
		m->owed = next;
	}
}

uint32_t
nat_map_use(struct nat_maps *m, const struct nat_pair *pair)
{
	uint32_t i = nat_map_number(m, pair);

	if (i == 0)
		i = add(m, pair);
	if (i == 0)
		return 0;
	if (m->at[i].refs == 0 && !m->at[i].owed) {
		if (!tell(m, OP_HOLD, pair)) {
			if (m->at[i].users == 0)
				del(m, i);
			return 0;
		}
		m->at[i].users |= 1ull << m->worker;
	}
	m->at[i].refs++;
	return i;
}

void
nat_map_leave(struct nat_maps *m, uint32_t link)
{
	struct nat_link *l = &m->at[link];

	if (--l->refs != 0 || l->owed || let_go(m, link))
		return;
	l->owed = true;
	l->next_owed = m->owed;
	m->owed = link;
}
