// The use of public addresses: see nat_use.h. Called by nat_pick.c when a flow's source is chosen
// and when the flow ends, on the worker's thread; a look-up costs at most NAT_USE_PROBES rows. A
// port that serves several far ends counts once: for each port of an address there is a number of
// the flows that have it. A row whose flows have all gone makes way for another address when there
// is no other place for that, and its packets go to `other`.
//
// nat_use_read() may run on any thread: a row's version is odd while the row changes hands, as in a
// seqlock; its counters are read each for itself.
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include <netinet/in.h>

#include "nat/nat_core.h"
#include "nat/nat_use.h"
#include "pipeline/mem.h"

#define REFS_SIZE (NAT_USE_ROWS * sizeof(((struct nat_use *)0)->refs[0]))

int
nat_use_init(struct nat_use *u, uint64_t key)
{
	u->refs = pl_mem_space(REFS_SIZE);
	u->key = key;
	return u->refs != NULL ? 0 : -ENOMEM;
}

void
nat_use_fini(struct nat_use *u)
{
	pl_mem_unmap(u->refs, REFS_SIZE);
	u->refs = NULL;
}

static bool
is_row(const struct nat_use_row *r, const struct ct_tuple *t)
{
	return r->family == t->family && r->proto == t->proto && r->zone == t->zone &&
	       pl_addr_eq(&r->addr, &t->dst);
}

static uint32_t
place_of(const struct nat_use *u, const struct ct_tuple *t)
{
	uint64_t what = (uint64_t)t->zone << 16 | (uint64_t)t->family << 8 | t->proto;

	return (uint32_t)(nat_addr_hash(u->key, &t->dst, what) >> 40) % NAT_USE_ROWS;
}

static struct nat_use_row *
find(struct nat_use *u, const struct ct_tuple *t)
{
	uint32_t at = place_of(u, t);

	for (unsigned i = 0; i < NAT_USE_PROBES; i++) {
		struct nat_use_row *r = &u->row[(at + i) % NAT_USE_ROWS];

		if (is_row(r, t))
			return r;
	}
	return NULL;
}

static void
set32(uint32_t *to, uint32_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELAXED);
}

// The row becomes t's address's.
static void
give_row(struct nat_use *u, struct nat_use_row *r, const struct ct_tuple *t)
{
	set32(&r->version, r->version + 1);
	atomic_thread_fence(memory_order_release);
	if (r->family != 0)
		pl_count(&u->other.exhausted, r->exhausted);
	__atomic_store_n(&r->addr.u64[0], t->dst.u64[0], __ATOMIC_RELAXED);
	__atomic_store_n(&r->addr.u64[1], t->dst.u64[1], __ATOMIC_RELAXED);
	__atomic_store_n(&r->zone, t->zone, __ATOMIC_RELAXED);
	__atomic_store_n(&r->proto, t->proto, __ATOMIC_RELAXED);
	__atomic_store_n(&r->family, t->family, __ATOMIC_RELAXED);
	__atomic_store_n(&r->exhausted, 0, __ATOMIC_RELAXED);
	set32(&r->room, 0);
	__atomic_store_n(&r->version, r->version + 1, __ATOMIC_RELEASE);
}

// The address's row, given to it where it has none. NULL: no place.
static struct nat_use_row *
row_of(struct nat_use *u, const struct ct_tuple *t, uint32_t room)
{
	struct nat_use_row *r = find(u, t), *idle = NULL;
	uint32_t at;

	if (r == NULL) {
		at = place_of(u, t);
		for (unsigned i = 0; i < NAT_USE_PROBES; i++) {
			r = &u->row[(at + i) % NAT_USE_ROWS];
			if (r->family == 0)
				break;
			if (r->flows == 0 && (idle == NULL || r->exhausted < idle->exhausted))
				idle = r;
			r = NULL;
		}
		r = r != NULL ? r : idle;
		if (r == NULL)
			return NULL;
		give_row(u, r, t);
	}
	if (room > r->room)
		set32(&r->room, room);
	return r;
}

static uint16_t *
refs_of(struct nat_use *u, const struct nat_use_row *r, const struct ct_tuple *t)
{
	return &u->refs[r - u->row][rte_be_to_cpu_16(t->dport)];
}

bool
nat_use_take(struct nat_use *u, const struct ct_tuple *reply, uint32_t room)
{
	struct nat_use_row *r = row_of(u, reply, room);
	uint16_t *refs;

	if (r == NULL)
		return false;
	pl_count(&r->flows, 1);
	refs = refs_of(u, r, reply);
	if (*refs == 0)
		set32(&r->ports, r->ports + 1);
	if (*refs != UINT16_MAX) // stays there: nobody knows any more when it is free
		++*refs;
	return true;
}

void
nat_use_give(struct nat_use *u, const struct ct_tuple *reply)
{
	struct nat_use_row *r = find(u, reply);
	uint16_t *refs;

	if (r == NULL)
		return;
	pl_count(&r->flows, UINT64_MAX); // one less
	refs = refs_of(u, r, reply);
	if (*refs != UINT16_MAX && --*refs == 0)
		set32(&r->ports, r->ports - 1);
}

void
nat_use_exhausted(struct nat_use *u, const struct ct_tuple *reply, uint32_t room)
{
	struct nat_use_row *r = row_of(u, reply, room);

	pl_count(r != NULL ? &r->exhausted : &u->other.exhausted, 1);
}

// ---- readers
// --------------------------------------------------------------------------------------

static void
copy_row(struct nat_use_view *out, const struct nat_use_row *r)
{
	out->addr.u64[0] = __atomic_load_n(&r->addr.u64[0], __ATOMIC_RELAXED);
	out->addr.u64[1] = __atomic_load_n(&r->addr.u64[1], __ATOMIC_RELAXED);
	out->zone = __atomic_load_n(&r->zone, __ATOMIC_RELAXED);
	out->family = __atomic_load_n(&r->family, __ATOMIC_RELAXED);
	out->proto = __atomic_load_n(&r->proto, __ATOMIC_RELAXED);
	out->room = __atomic_load_n(&r->room, __ATOMIC_RELAXED);
	out->ports = __atomic_load_n(&r->ports, __ATOMIC_RELAXED);
	out->flows = __atomic_load_n(&r->flows, __ATOMIC_RELAXED);
	out->exhausted = __atomic_load_n(&r->exhausted, __ATOMIC_RELAXED);
}

bool
nat_use_read(const struct pl_worker *w, unsigned row, struct nat_use_view *out)
{
	const struct nat_use *u = &w->nat->use;
	const struct nat_use_row *r = &u->row[row];
	uint32_t version = __atomic_load_n(&r->version, __ATOMIC_ACQUIRE);

	if (version == 0 || version & 1) // free, or in other hands: the next time
		return false;
	copy_row(out, r);
	atomic_thread_fence(memory_order_acquire);
	return __atomic_load_n(&r->version, __ATOMIC_RELAXED) == version;
}

uint64_t
nat_use_other(const struct pl_worker *w)
{
	return __atomic_load_n(&w->nat->use.other.exhausted, __ATOMIC_RELAXED);
}
