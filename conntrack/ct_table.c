// One worker's table: pools of entries, the index of both directions, birth and death of flows.
// Only the owner's thread calls these (create and free: control thread). Memory is sized at
// creation, mapped then and taken as it is first touched; entries never move, so packets of a turn
// may point at them, and what ended in a turn is freed at its end.
#include <errno.h>
#include <sys/random.h>

#include "conntrack/ct_claim.h"
#include "conntrack/ct_event.h"
#include "conntrack/ct_expect.h"
#include "pipeline/mem.h"

// Entries beyond max, for flows that ended in this turn and whose memory is not free yet.
#define TURN_SLACK 16384

static int
pool_init(struct ct_pool *pool, uint32_t room, uint32_t stride)
{
	pool->stride = stride;
	pool->room = room;
	pool->used = 1; // place 0 stands for none
	pool->base = pl_mem_map((size_t)room * stride);
	pool->cold = pl_mem_map((size_t)room * sizeof(*pool->cold));
	pool->extra = pl_mem_map((size_t)room * sizeof(*pool->extra));
	pool->start_ns = pl_mem_map((size_t)room * sizeof(*pool->start_ns));
	if (pool->base == NULL || pool->cold == NULL || pool->extra == NULL ||
	    pool->start_ns == NULL)
		return -ENOMEM; // pool_fini() undoes any
	return 0;
}

static void
pool_fini(struct ct_pool *pool)
{
	pl_mem_unmap(pool->base, (size_t)pool->room * pool->stride);
	pl_mem_unmap(pool->cold, (size_t)pool->room * sizeof(*pool->cold));
	pl_mem_unmap(pool->extra, (size_t)pool->room * sizeof(*pool->extra));
	pl_mem_unmap(pool->start_ns, (size_t)pool->room * sizeof(*pool->start_ns));
}

static void
table_unmap(struct ct_table *t)
{
	ct_redirect_free(t);
	ct_helps_free(t->helps);
	ct_events_free(t);
	pool_fini(&t->pool[0]);
	pool_fini(&t->pool[1]);
	ct_sources_fini(&t->sources);
	ct_index_fini(&t->ix);
	pl_mem_unmap(t, sizeof(*t));
}

int
ct_table_create(struct ct_table **out, uint32_t max_entries, uint16_t worker, int socket)
{
	struct ct_table *t;
	uint32_t room;
	int ret;

	(void)socket; // pages come from the node of the thread that first touches them: the owner
	if (max_entries == 0 || max_entries > 1u << 28)
		return -EINVAL;
	t = pl_mem_map(sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->max = t->limit = max_entries;
	t->expect_limit = CT_EXPECT_MAX;
	t->worker = worker;
	ct_conf_init(&t->fallback, NULL, 0);
	room = max_entries + TURN_SLACK + 1;
	ret = ct_index_init(&t->ix, 2 * max_entries);
	if (ret == 0)
		ret = pool_init(&t->pool[0], room, sizeof(struct ct_entry));
	if (ret == 0)
		ret = pool_init(&t->pool[1], room, sizeof(struct ct_entry6));
	if (ret == 0)
		ret = ct_sources_init(&t->sources, max_entries);
	if (ret == 0)
		ret = ct_helps_create(&t->helps, room);
	if (ret == 0 && getrandom(&t->seeds, sizeof(t->seeds), 0) != (ssize_t)sizeof(t->seeds))
		ret = -EIO;
	if (ret < 0) {
		table_unmap(t);
		return ret;
	}
	memcpy(t->ahead.seed, t->seeds.s, sizeof(t->ahead.seed));
	t->ahead.line = (const char *)t->ix.bucket;
	t->ahead.n = t->ix.n;
	*out = t;
	return 0;
}

const struct pl_ahead *
ct_table_ahead(const struct ct_table *t)
{
	return &t->ahead;
}

void
ct_table_free(struct ct_table *t)
{
	if (t == NULL)
		return;
	for (unsigned list = 0; list < CT_LISTS; list++) {
		for (ct_id id = t->list[list]; id != 0; id = ct_cold_at(t, id)->next) {
			if (t->release != NULL)
				t->release(t->w, ct_entry_at(t, id));
		}
	}
	table_unmap(t);
}

void
ct_table_set_release(struct ct_table *t, void (*fn)(struct pl_worker *w, struct ct_entry *e))
{
	t->release = fn;
}

void
ct_table_set_ending(struct ct_table *t, void (*fn)(struct pl_worker *w, const struct ct_entry *e))
{
	t->ending = fn;
}

uint32_t
ct_table_count(const struct ct_table *t)
{
	return atomic_load_explicit(&t->count, memory_order_relaxed);
}

uint32_t
ct_table_max(const struct ct_table *t)
{
	return t->max;
}

const struct ct_stats *
ct_table_stats(const struct ct_table *t)
{
	return &t->stats;
}

static void
count_add(struct ct_table *t, uint32_t n)
{
	atomic_store_explicit(&t->count, ct_table_count(t) + n, memory_order_relaxed);
}

// ---- keys of entries ----------------------------------------------------------------------------

void
ct_entry_key(const struct ct_entry *e, unsigned dir, struct ct_key *k)
{
	memset(k, 0, sizeof(*k));
	if (e->family == 4) {
		k->src.v4 = e->dir[dir].src;
		k->dst.v4 = e->dir[dir].dst;
	} else {
		const struct ct_entry6 *e6 = (const struct ct_entry6 *)e;

		k->src = e6->addr[dir].src;
		k->dst = e6->addr[dir].dst;
	}
	k->sport = e->dir[dir].sport;
	k->dport = e->dir[dir].dport;
	k->zone = ct_entry_zone(e, dir);
	k->family = e->family;
	k->proto = e->proto;
}

void
ct_entry_set_key(struct ct_entry *e, unsigned dir, const struct ct_key *k)
{
	if (e->family == 4) {
		e->dir[dir].src = k->src.v4;
		e->dir[dir].dst = k->dst.v4;
	} else {
		struct ct_entry6 *e6 = (struct ct_entry6 *)e;

		e6->addr[dir].src = k->src;
		e6->addr[dir].dst = k->dst;
	}
	e->dir[dir].sport = k->sport;
	e->dir[dir].dport = k->dport;
}

static uint64_t
entry_hash(const struct ct_table *t, const struct ct_entry *e, unsigned dir)
{
	struct ct_key k;

	ct_entry_key(e, dir, &k);
	return ct_key_hash(&t->seeds, &k);
}

static uint32_t
ref_of(const struct ct_table *t, const struct ct_entry *e, unsigned dir)
{
	return ct_id_of(t, e) << 1 | dir;
}

// ---- finding ------------------------------------------------------------------------------------

struct ct_entry *
ct_table_seek(const struct ct_table *t, uint8_t family, const union pl_addr *src,
	      const union pl_addr *dst, uint64_t tail, uint64_t hash, unsigned *dir)
{
	const struct ct_bucket *b = ct_index_bucket(&t->ix, hash);
	const uint16_t sig = ct_index_sig(hash);

	do {
		for (uint32_t mask = ct_bucket_match(b, sig); mask != 0; mask &= mask - 1) {
			uint32_t ref = b->ref[__builtin_ctz(mask)];
			struct ct_entry *e = ct_entry_at(t, ref >> 1);

			if (ct_entry_is(e, ref & 1, family, src, dst, tail)) {
				*dir = ref & 1;
				return e;
			}
		}
		b = ct_bucket_next(&t->ix, b);
	} while (unlikely(b != NULL));
	return NULL;
}

struct ct_entry *
ct_table_find(const struct ct_table *t, const struct ct_key *k, uint64_t hash, unsigned *dir)
{
	uint64_t tail = ct_key_tail(k->sport, k->dport, k->zone, k->family, k->proto);

	return ct_table_seek(t, k->family, &k->src, &k->dst, tail, hash, dir);
}

// Of those with that key in one direction.
static struct ct_entry *
find_dir(const struct ct_table *t, const struct ct_key *k, uint64_t hash, unsigned dir)
{
	uint64_t tail = ct_key_tail(k->sport, k->dport, k->zone, k->family, k->proto);
	const struct ct_bucket *b = ct_index_bucket(&t->ix, hash);

	for (; b != NULL; b = ct_bucket_next(&t->ix, b)) {
		uint32_t mask = ct_bucket_match(b, ct_index_sig(hash));

		for (; mask != 0; mask &= mask - 1) {
			uint32_t ref = b->ref[__builtin_ctz(mask)];
			struct ct_entry *e = ct_entry_at(t, ref >> 1);

			if ((ref & 1) == dir &&
			    ct_entry_is(e, dir, k->family, &k->src, &k->dst, tail))
				return e;
		}
	}
	return NULL;
}

// Who has the tuple that e wants in this direction, as Linux sees it: a flow whose two directions
// are in different zones may share it with another's opposite direction.
static struct ct_entry *
holder_of(const struct ct_table *t, const struct ct_key *k, uint64_t hash, unsigned dir,
	  const struct ct_entry *e)
{
	unsigned d;

	return unlikely(e != NULL && e->zone_off != 0) ? find_dir(t, k, hash, dir)
						       : ct_table_find(t, k, hash, &d);
}

static struct ct_entry *
alive(struct ct_table *t, struct ct_entry *e)
{
	if (e == NULL || !(e->status & CT_S_CONFIRMED))
		return NULL; // a reserved reply tuple is no flow yet
	if (unlikely(ct_entry_past(t, e))) {
		ct_table_kill(t, e);
		pl_count(&t->stats.expired, 1);
		return NULL;
	}
	return e;
}

struct ct_entry *
ct_table_find_live(struct ct_table *t, const struct ct_key *k, uint64_t hash, unsigned *dir)
{
	return alive(t, ct_table_find(t, k, hash, dir));
}

struct ct_entry *
ct_table_find_apart(struct ct_table *t, const struct ct_look *look, unsigned *dir)
{
	struct ct_entry *e = alive(t, find_dir(t, &look->key, look->hash, CT_ORIGINAL));
	struct ct_key k = look->key;

	*dir = CT_ORIGINAL;
	if (e != NULL)
		return e;
	*dir = CT_REPLY;
	k.zone = look->reply_zone;
	return alive(t, find_dir(t, &k, ct_key_hash(&t->seeds, &k), CT_REPLY));
}

bool
ct_tuple_taken(const struct ct_table *t, const struct ct_tuple *tuple, const struct ct_entry *e)
{
	struct ct_key k;
	struct ct_entry *other;

	ct_key_of(&k, tuple);
	if (e != NULL && ct_is_icmp(k.proto))
		k.dport = e->dir[CT_REPLY].dport;
	other = holder_of(t, &k, ct_key_hash(&t->seeds, &k), CT_REPLY, e);
	if (other != NULL && other != e)
		return !(other->status & CT_S_CONFIRMED) || !ct_entry_past(t, other);
	return ct_redirect_taken(t, &k);
}

void
ct_tuple_ahead(const struct ct_table *t, const struct ct_tuple *tuple)
{
	struct ct_key k;

	ct_key_of(&k, tuple);
	ct_index_prefetch(&t->ix, ct_key_hash(&t->seeds, &k));
}

// ---- birth --------------------------------------------------------------------------------------

static struct ct_entry *
entry_take(struct ct_table *t, bool v6)
{
	struct ct_pool *pool = &t->pool[v6];
	ct_id id = pool->free;

	if (id != 0)
		pool->free = ct_cold_at(t, id)->next;
	else if (pool->used < pool->room)
		id = pool->used++ << 1 | v6;
	else
		return NULL;
	memset(ct_cold_at(t, id), 0, sizeof(struct ct_cold));
	if (unlikely(t->has_extra))
		memset(ct_extra_at(t, id), 0, sizeof(struct ct_extra));
	return memset(ct_entry_at(t, id), 0, pool->stride);
}

struct ct_entry *
ct_table_new(struct ct_table *t, const struct ct_key *orig, const struct ct_key *reply,
	     uint64_t hash)
{
	struct ct_entry *e;

	if (ct_table_count(t) >= t->limit && !ct_table_make_way(t, hash))
		return NULL;
	e = entry_take(t, orig->family == 6);
	if (e == NULL)
		return NULL;
	count_add(t, 1);
	e->family = orig->family;
	e->proto = orig->proto;
	e->uncounted = t->sw.acct_off;
	e->zone = orig->zone | reply->zone;
	e->zone_off = (uint16_t)((orig->zone != e->zone) | (reply->zone != e->zone) << 1) & 3;
	ct_entry_set_key(e, CT_ORIGINAL, orig);
	ct_entry_set_key(e, CT_REPLY, reply);
	ct_list_add(t, e, CT_LIST_FRESH);
	return e;
}

// Is the tuple of e in this direction another live flow's? Flows past their time are cleared away.
static bool
tuple_clashes(struct ct_table *t, const struct ct_entry *e, unsigned dir, uint64_t *hash)
{
	struct ct_entry *other;
	struct ct_key k;

	ct_entry_key(e, dir, &k);
	*hash = ct_key_hash(&t->seeds, &k);
	other = holder_of(t, &k, *hash, dir, e);
	if (other == NULL || other == e)
		return false;
	if ((other->status & CT_S_CONFIRMED) && ct_entry_past(t, other)) {
		ct_table_kill(t, other);
		pl_count(&t->stats.expired, 1);
		return false;
	}
	return true;
}

int
ct_table_index_reply(struct ct_table *t, struct ct_entry *e)
{
	uint64_t hash;
	int ret;

	if (tuple_clashes(t, e, CT_REPLY, &hash))
		return -EEXIST;
	ret = ct_index_insert(&t->ix, hash, ref_of(t, e, CT_REPLY));
	if (ret == 0)
		e->status |= CT_I_RESERVED;
	return ret;
}

void
ct_table_unindex_reply(struct ct_table *t, struct ct_entry *e)
{
	ct_index_remove(&t->ix, entry_hash(t, e, CT_REPLY), ref_of(t, e, CT_REPLY));
	e->status &= (uint16_t) ~(CT_I_RESERVED | CT_I_ASK);
}

// When it began, or that nobody knows: its place may have been another's that did.
static void
stamp(struct ct_table *t, const struct ct_entry *e)
{
	t->has_start = true;
	*ct_start_at(t, ct_id_of(t, e)) = t->sw.timestamp && t->w != NULL ? t->w->wall_ns : 0;
}

int
ct_table_confirm(struct ct_table *t, struct ct_entry *e)
{
	uint64_t hash;
	int ret;

	if (tuple_clashes(t, e, CT_ORIGINAL, &hash))
		return -EEXIST;
	if (!(e->status & CT_I_RESERVED)) {
		ret = ct_table_index_reply(t, e);
		if (ret < 0)
			return ret;
	}
	ret = ct_index_insert(&t->ix, hash, ref_of(t, e, CT_ORIGINAL));
	if (ret < 0)
		return ret;
	ct_list_del(t, e);
	e->status |= CT_S_CONFIRMED;
	ct_wheel_start(t, e);
	if (unlikely(t->sw.timestamp | t->has_start))
		stamp(t, e);
	pl_count(&t->stats.created, 1);
	ct_tell(t, e, CT_EVENT_NEW, 0);
	return 0;
}

// ---- death --------------------------------------------------------------------------------------

static bool
is_closing(const struct ct_entry *e)
{
	return (e->proto == IPPROTO_TCP && ct_tcp_closing(&e->tcp)) ||
	       (e->proto == IPPROTO_SCTP && ct_sctp_closing(&e->sctp));
}

void
ct_table_kill(struct ct_table *t, struct ct_entry *e)
{
	ct_table_end(t, e,
		     !ct_entry_past(t, e) ? CT_END_FORCED
		     : is_closing(e)	  ? CT_END_FINISHED
					  : CT_END_IDLE);
}

void
ct_table_end_ahead(const struct ct_table *t, const struct ct_entry *e)
{
	for (unsigned dir = 0; dir < 2; dir++)
		ct_index_prefetch(&t->ix, entry_hash(t, e, dir));
	if (t->ending != NULL)
		t->ending(t->w, e);
}

void
ct_table_end(struct ct_table *t, struct ct_entry *e, enum ct_end why)
{
	if (e->status & CT_S_DYING)
		return;
	if (e->status & CT_S_CONFIRMED)
		ct_tell(t, e, CT_EVENT_DESTROY, why);
	e->status |= CT_S_DYING;
	if (unlikely(e->status & CT_I_HELP))
		ct_help_end(t, e);
	if (unlikely(e->status & CT_I_SOURCED))
		ct_source_give(t, e);
	if (e->status & CT_S_CONFIRMED)
		ct_index_remove(&t->ix, entry_hash(t, e, CT_ORIGINAL), ref_of(t, e, CT_ORIGINAL));
	if (e->status & CT_I_RESERVED)
		ct_table_unindex_reply(t, e);
	if (e->list != CT_LIST_PARKED) { // else its packet still points at it
		ct_list_del(t, e);
		ct_list_add(t, e, CT_LIST_DEAD);
	}
	count_add(t, (uint32_t)-1);
}

bool
ct_tuple_evict(struct pl_worker *w, const struct ct_tuple *tuple, const struct ct_entry *e)
{
	const uint16_t need = CT_S_CONFIRMED | CT_S_SRC_NAT;
	struct ct_table *t = w->ct;
	struct ct_entry *old;
	struct ct_key k;
	unsigned dir;

	if (e->proto != IPPROTO_TCP || e->tcp.state != CT_TCP_SYN_SENT)
		return false;
	ct_key_of(&k, tuple);
	old = ct_table_find(t, &k, ct_key_hash(&t->seeds, &k), &dir);
	if (old == NULL || old == e || dir != CT_REPLY || (old->status & need) != need ||
	    old->tcp.state < CT_TCP_TIME_WAIT)
		return false;
	if ((int32_t)(e->tcp.side[CT_ORIGINAL].end - old->tcp.side[CT_ORIGINAL].end) <= 0)
		return false;
	ct_table_end(t, old, CT_END_FINISHED);
	return true;
}

void
ct_entry_end(struct pl_worker *w, struct ct_entry *e)
{
	ct_table_kill(w->ct, e);
}

void
ct_table_free_dead(struct ct_table *t)
{
	ct_id id, next;

	while (t->list[CT_LIST_FRESH] != 0)
		ct_table_kill(t, ct_entry_at(t, t->list[CT_LIST_FRESH]));
	for (id = t->list[CT_LIST_DEAD]; id != 0; id = next) {
		struct ct_entry *e = ct_entry_at(t, id);

		next = ct_cold_at(t, id)->next;
		if ((e->status & (CT_I_PLANTED | CT_I_AWAY)) && !ct_claim_lift(t, e))
			continue; // no room in the ring: in another turn
		if (t->release != NULL)
			t->release(t->w, e);
		if (unlikely(e->status & CT_I_HELP))
			ct_help_free(t, e);
		ct_list_del(t, e);
		e->status = 0;
		ct_cold_at(t, id)->next = t->pool[id & 1].free;
		t->pool[id & 1].free = id;
	}
}

// The kernel's early drop: a few buckets from the newcomer's on are searched for a flow that is
// past its time or not assured, then for a connection that is closing.
#define WAY_BUCKETS 8

bool
ct_table_make_way(struct ct_table *t, uint64_t hash)
{
	const struct ct_bucket *first = ct_index_bucket(&t->ix, hash), *b = first;
	struct ct_entry *closing = NULL;

	for (unsigned i = 0; i < WAY_BUCKETS; i++) {
		for (unsigned s = 0; s < CT_SLOTS && b->sig[s] != 0; s++) {
			struct ct_entry *e = ct_entry_at(t, b->ref[s] >> 1);

			if (!(e->status & CT_S_CONFIRMED))
				continue;
			if (!(e->status & CT_S_ASSURED) || ct_entry_past(t, e)) {
				ct_table_end(t, e, CT_END_RESOURCES);
				pl_count(&t->stats.early_drop, 1);
				return true;
			}
			if (is_closing(e))
				closing = e;
		}
		b = b + 1 < t->ix.bucket + t->ix.n ? b + 1 : t->ix.bucket;
	}
	if (closing == NULL)
		return false;
	ct_table_end(t, closing, CT_END_RESOURCES);
	pl_count(&t->stats.early_drop, 1);
	return true;
}

// ---- counters -----------------------------------------------------------------------------------

void
ct_entry_carry(struct ct_table *t, struct ct_entry *e, unsigned dir, bool packets, bool bytes)
{
	struct ct_cold *cold = ct_cold_at(t, ct_id_of(t, e));

	cold->packets_hi[dir] += packets;
	cold->bytes_hi[dir] += bytes;
}

uint64_t
ct_cold_packets(const struct ct_table *t, const struct ct_entry *e, unsigned dir)
{
	return (uint64_t)ct_cold_at(t, ct_id_of(t, e))->packets_hi[dir] << 32 | e->packets[dir];
}

uint64_t
ct_cold_bytes(const struct ct_table *t, const struct ct_entry *e, unsigned dir)
{
	return (uint64_t)ct_cold_at(t, ct_id_of(t, e))->bytes_hi[dir] << 32 | e->bytes[dir];
}
