// The table behind a set. An entry is found by one look-up; sets of networks make one for each
// combination of prefix lengths that their entries have, longest first, as ipset does. Which
// entry answers, and what beside it counts, follows the kernel's ip_set as it was seen to behave.
//
// Called by acl_match_set.c (worker's thread) and acl_sets.c. No function here allocates but
// set_tab_create().
#include "acl/acl_set_tab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <rte_jhash.h>

#define KEY_WORDS  (sizeof(struct cfg_set_key) / 4)
#define SWEEP_FULL 64 // elements looked at where a full table is added to
static_assert(sizeof(struct cfg_set_key) % 4 == 0, "hashed in words");

struct set_tab *
set_tab_create(const struct cfg_set *set)
{
	struct set_tab *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->type = set->type;
	t->family = set->family;
	t->netmask = set->netmask;
	t->timeouts = set->timeout_set;
	t->timeout = set->timeout * SET_TICKS;
	t->counters = set->counters;
	t->iface = set->type == CFG_SET_HASH_NET_IFACE;
	t->markmask = set->markmask;
	t->lo = set->lo;
	t->hi = set->hi;
	t->max = set->maxelem;
	t->buckets = rte_align32pow2(RTE_MAX(t->max, 2u));
	t->free = SET_NONE;
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != sizeof(t->seed))
		t->seed = 0x5bd1e995;
	t->elem = calloc(t->max, sizeof(*t->elem)); // large: fresh pages, not touched
	t->bucket = calloc(t->buckets, sizeof(*t->bucket));
	if (set->type == CFG_SET_LIST_SET)
		t->order = calloc(t->max, sizeof(*t->order));
	if (t->elem == NULL || t->bucket == NULL ||
	    (set->type == CFG_SET_LIST_SET && t->order == NULL)) {
		set_tab_free(t);
		return NULL;
	}
	return t;
}

void
set_tab_free(struct set_tab *t)
{
	if (t == NULL)
		return;
	free(t->elem);
	free(t->bucket);
	free(t->order);
	free(t);
}

// Entries of hash:net,iface with the same network share a bucket: a packet asks for all of them.
static uint32_t *
bucket_of(const struct set_tab *t, const struct cfg_set_key *key)
{
	uint32_t hash;

	if (t->iface)
		hash = rte_jhash_32b((const uint32_t *)key, 4, t->seed + key->len[0]);
	else
		hash = rte_jhash_32b((const uint32_t *)key, KEY_WORDS, t->seed);
	return &t->bucket[hash & (t->buckets - 1)];
}

static bool
same_net(const struct cfg_set_key *a, const struct cfg_set_key *b)
{
	return a->len[0] == b->len[0] && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

// Does the element stand for the key? One with a wildcard stands for all names that begin with its
// own, also where entries are added and deleted.
static bool
is_key(const struct set_tab *t, const struct set_elem *e, const struct cfg_set_key *key)
{
	if (!t->iface)
		return memcmp(&e->key, key, sizeof(*key)) == 0;
	return same_net(&e->key, key) &&
	       (e->key.wildcard ? strncmp(e->key.iface, key->iface, strlen(e->key.iface)) == 0
				: strcmp(e->key.iface, key->iface) == 0);
}

// Buckets hold element numbers plus 1: zero pages are empty buckets.
static struct set_elem *
first(struct set_tab *t, const struct cfg_set_key *key)
{
	uint32_t at = *bucket_of(t, key);

	return at != 0 ? &t->elem[at - 1] : NULL;
}

static struct set_elem *
next(struct set_tab *t, const struct set_elem *e)
{
	return e->next != 0 ? &t->elem[e->next - 1] : NULL;
}

static struct set_elem *
find(struct set_tab *t, const struct cfg_set_key *key)
{
	struct set_elem *e = first(t, key);

	while (e != NULL && !is_key(t, e, key))
		e = next(t, e);
	return e;
}

struct set_elem *
set_tab_get(struct set_tab *t, const struct cfg_set_key *key, uint64_t now)
{
	struct set_elem *e = find(t, key);

	return e != NULL && !set_expired(t, e, now) ? e : NULL;
}

static void
mask_set(union pl_addr *mask, uint8_t len)
{
	memset(mask, 0, sizeof(*mask));
	memset(mask->v6, 0xff, len / 8);
	if (len % 8 != 0)
		mask->v6[len / 8] = (uint8_t)(0xff << (8 - len % 8));
}

static int
shape_cmp(const struct set_shape *s, const uint8_t len[2])
{
	return s->len[0] != len[0] ? s->len[0] - len[0] : s->len[1] - len[1];
}

// Its place among the shapes, or where it would stand.
static uint32_t
shape_at(const struct set_tab *t, const uint8_t len[2])
{
	uint32_t i = 0;

	while (i < t->n_shape && shape_cmp(&t->shape[i], len) > 0)
		i++;
	return i;
}

static bool
shape_in(struct set_tab *t, const uint8_t len[2])
{
	uint32_t i = shape_at(t, len);

	if (i == t->n_shape || shape_cmp(&t->shape[i], len) != 0) {
		if (t->n_shape == SET_SHAPES)
			return false;
		memmove(&t->shape[i + 1], &t->shape[i], (t->n_shape - i) * sizeof(t->shape[0]));
		t->n_shape++;
		t->shape[i] = (struct set_shape){.len = {len[0], len[1]}};
		mask_set(&t->shape[i].mask[0], len[0]);
		mask_set(&t->shape[i].mask[1], len[1]);
	}
	t->shape[i].n++;
	return true;
}

static void
shape_out(struct set_tab *t, const uint8_t len[2])
{
	uint32_t i = shape_at(t, len);

	if (--t->shape[i].n > 0)
		return;
	t->n_shape--;
	memmove(&t->shape[i], &t->shape[i + 1], (t->n_shape - i) * sizeof(t->shape[0]));
}

static void
order_out(struct set_tab *t, uint16_t slot)
{
	uint32_t i = 0;

	while (t->order[i] != slot)
		i++;
	memmove(&t->order[i], &t->order[i + 1], (t->n - i) * sizeof(t->order[0]));
}

static void
take_out(struct set_tab *t, struct set_elem *e)
{
	uint32_t *link = bucket_of(t, &e->key), at = (uint32_t)(e - t->elem);

	while (*link != at + 1)
		link = &t->elem[*link - 1].next;
	*link = e->next;
	shape_out(t, e->key.len);
	t->n--;
	if (t->order != NULL)
		order_out(t, e->key.port);
	e->flags = 0;
	e->next = t->free;
	t->free = at;
}

void
set_tab_sweep(struct set_tab *t, unsigned n, uint64_t now)
{
	if (!t->timeouts)
		return;
	for (; n > 0 && t->high > 0; n--) {
		struct set_elem *e;

		if (t->sweep >= t->high)
			t->sweep = 0;
		e = &t->elem[t->sweep++];
		if ((e->flags & SET_E_USED) && set_expired(t, e, now))
			take_out(t, e);
	}
}

// An element that is in no bucket; NULL: there is none.
static struct set_elem *
unused(struct set_tab *t)
{
	struct set_elem *e;

	if (t->free == SET_NONE)
		return t->high < t->max ? &t->elem[t->high++] : NULL;
	e = &t->elem[t->free];
	t->free = e->next;
	return e;
}

static void
write_ext(struct set_tab *t, struct set_elem *e, const struct set_ext *ext, uint64_t now)
{
	e->flags = SET_E_USED | (ext->nomatch ? SET_E_NOMATCH : 0);
	e->comment = ext->comment;
	e->packets = ext->packets;
	e->bytes = ext->bytes;
	e->expires = 0;
	if (!t->timeouts || ext->stays == 0)
		return;
	e->expires = ext->stays + (t->based && now > t->base ? now - t->base : 0);
}

static bool
ifaces_full(struct set_tab *t, const struct cfg_set_key *key)
{
	unsigned n = 0;

	for (const struct set_elem *e = first(t, key); e != NULL; e = next(t, e))
		n += same_net(&e->key, key);
	return n >= SET_IFACES;
}

int
set_tab_add(struct set_tab *t, const struct cfg_set_key *key, const struct set_ext *ext, bool exist,
	    uint64_t now)
{
	struct set_elem *e = find(t, key);
	uint32_t *bucket;

	if (e != NULL) {
		if (!exist && !set_expired(t, e, now))
			return -EEXIST;
		e->key = *key; // another wildcard, perhaps
		write_ext(t, e, ext, now);
		return 0;
	}
	if (t->iface && ifaces_full(t, key))
		return -E2BIG;
	if (t->n == t->max)
		set_tab_sweep(t, SWEEP_FULL, now);
	if (t->n == t->max)
		return -ENOSPC;
	if (!shape_in(t, key->len))
		return -E2BIG;
	e = unused(t);
	if (t->order != NULL)
		t->order[t->n] = key->port;
	t->n++;
	bucket = bucket_of(t, key);
	e->key = *key;
	write_ext(t, e, ext, now);
	e->next = *bucket;
	*bucket = (uint32_t)(e - t->elem) + 1;
	return 0;
}

int
set_tab_del(struct set_tab *t, const struct cfg_set_key *key, uint64_t now)
{
	struct set_elem *e = find(t, key);
	bool there = e != NULL && !set_expired(t, e, now);

	if (e != NULL)
		take_out(t, e);
	return there ? 0 : -ENOENT;
}

void
set_tab_flush(struct set_tab *t)
{
	memset(t->bucket, 0, t->buckets * sizeof(*t->bucket));
	memset(t->elem, 0, t->high * sizeof(*t->elem));
	t->n = t->high = t->sweep = t->n_shape = 0;
	t->free = SET_NONE;
}

uint32_t
set_tab_left(struct set_tab *t, const struct set_elem *e, uint64_t now)
{
	uint64_t gone = t->based && now > t->base ? now - t->base : 0;

	if (!t->timeouts || e->expires == 0)
		return 0;
	return e->expires > gone + SET_TICKS ? (uint32_t)((e->expires - gone) / SET_TICKS) : 1;
}

// A list has few members: they are looked through.
struct set_elem *
set_tab_member(struct set_tab *t, uint16_t slot)
{
	for (uint32_t i = 0; i < t->high; i++)
		if ((t->elem[i].flags & SET_E_USED) && t->elem[i].key.port == slot)
			return &t->elem[i];
	return NULL;
}

static bool
counter_is(uint64_t have, uint8_t op, bool inverted, uint64_t want)
{
	switch (op) {
	case CFG_SET_EQ:
		return (have == want) != inverted;
	case CFG_SET_LT:
		return have < want;
	case CFG_SET_GT:
		return have > want;
	default:
		return true;
	}
}

int
set_tab_judge(struct set_tab *t, struct set_elem *e, const struct set_ask *ask)
{
	const struct cfg_m_set *m = ask->m;

	if (set_expired(t, e, ask->now))
		return 0;
	if (t->counters) {
		if (ask->update) {
			e->packets++;
			e->bytes += ask->bytes;
		}
		if (m != NULL &&
		    !(counter_is(e->packets, m->packets_op, m->packets_inv, m->packets) &&
		      counter_is(e->bytes, m->bytes_op, m->bytes_inv, m->bytes)))
			return 0;
	}
	return e->flags & SET_E_NOMATCH ? -1 : 1;
}

static void
mask_key(struct cfg_set_key *key, const struct cfg_set_key *probe, const struct set_shape *s,
	 bool two)
{
	const union pl_addr *m = &s->mask[0];
	union pl_addr a;

	*key = *probe;
	key->len[0] = s->len[0];
	key->len[1] = s->len[1];
	memcpy(&a, probe->addr, sizeof(a));
	a.u64[0] &= m->u64[0];
	a.u64[1] &= m->u64[1];
	memcpy(key->addr, &a, sizeof(a));
	if (!two)
		return;
	m = &s->mask[1];
	memcpy(&a, probe->addr2, sizeof(a));
	a.u64[0] &= m->u64[0];
	a.u64[1] &= m->u64[1];
	memcpy(key->addr2, &a, sizeof(a));
}

int
set_tab_test(struct set_tab *t, const struct cfg_set_key *probe, const struct set_ask *ask)
{
	bool two = cfg_set_type[t->type].n_addr == 2;
	bool nets = cfg_set_type[t->type].nomatch;
	struct set_elem *e;

	if (!nets) {
		e = find(t, probe);
		return e != NULL ? set_tab_judge(t, e, ask) : 0;
	}
	for (uint32_t i = 0; i < t->n_shape; i++) {
		struct cfg_set_key key;
		bool net = false; // an interface of this network was found: no wider one answers

		mask_key(&key, probe, &t->shape[i], two);
		for (e = first(t, &key); e != NULL; e = next(t, e)) {
			int ret;

			net |= t->iface && same_net(&e->key, &key);
			ret = is_key(t, e, &key) ? set_tab_judge(t, e, ask) : 0;
			if (ret != 0)
				return ret;
			if (!t->iface && is_key(t, e, &key))
				break;
		}
		if (net)
			return 0;
	}
	return 0;
}
