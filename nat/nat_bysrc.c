// Flows by their source before translation. Called by nat_pick.c and nat_core.c on the worker's
// thread. Netfilter lets a second flow of the same address and port go out with the translation of
// the first (find_appropriate_src): with an address pool the server sees one client, and a port
// that was once moved stays where it was moved to. The flows are chained through their own nat
// areas in doubly linked lists, by 32-bit distances from the first flow ever seen; a flow too far
// from there for that (128 GB) is left out, as is one beyond the first NAT_BYSRC_STEPS of a list:
// both only lose the likeness of their ports.
#include <errno.h>

#include "pipeline/mem.h"
#include "nat/nat_core.h"

#define UNIT 64 // flows stand at cache lines

int
nat_bysrc_init(struct nat_bysrc *s, uint32_t flows, uint64_t key)
{
	uint32_t n = rte_align32prevpow2(RTE_MIN(RTE_MAX(flows, 1024u), 1u << 24));

	s->head = pl_mem_map(n * sizeof(s->head[0]));
	if (s->head == NULL)
		return -ENOMEM;
	s->mask = n - 1;
	s->key = key;
	return 0;
}

void
nat_bysrc_fini(struct nat_bysrc *s)
{
	pl_mem_unmap(s->head, ((size_t)s->mask + 1) * sizeof(s->head[0]));
	s->head = NULL;
}

static uint64_t
hash_of(const struct nat_bysrc *s, const struct ct_tuple *orig)
{
	return nat_addr_hash(s->key, &orig->src, orig->sport ^ (uint32_t)orig->proto << 16);
}

static int32_t *
head_of(const struct nat_bysrc *s, uint64_t hash)
{
	return &s->head[hash >> 32 & s->mask];
}

static uint8_t
tag_of(uint64_t hash)
{
	return (uint8_t)(hash >> 24);
}

static struct ct_entry *
entry_of(const struct nat_bysrc *s, int32_t link)
{
	return link == 0 ? NULL : (struct ct_entry *)(uintptr_t)(s->base + (int64_t)link * UNIT);
}

// 0: it cannot be said.
static int32_t
link_of(struct nat_bysrc *s, const struct ct_table *ct, const struct ct_entry *e)
{
	int64_t off;

	if (s->base == NULL) {
		s->base = (const char *)e - UNIT;
		s->ct = ct;
	}
	off = (const char *)e - s->base;
	if (off % UNIT != 0 || off / UNIT > INT32_MAX || off / UNIT < INT32_MIN)
		return 0;
	return (int32_t)(off / UNIT);
}

void
nat_bysrc_add(struct nat_bysrc *s, const struct ct_table *ct, struct ct_entry *e)
{
	struct ct_tuple orig = nat_tuple(e, CT_ORIGINAL);
	uint64_t hash = hash_of(s, &orig);
	int32_t *head = head_of(s, hash), link = link_of(s, ct, e);
	struct nat_area *area = nat_area(ct, e);

	if (link == 0 || area->linked)
		return;
	area->next = *head;
	area->prev = 0;
	area->linked = true;
	area->tag = tag_of(hash);
	if (*head != 0)
		nat_area(s->ct, entry_of(s, *head))->prev = link;
	*head = link;
}

void
nat_bysrc_del(struct nat_bysrc *s, struct ct_entry *e)
{
	struct nat_area *area;

	if (s->base == NULL)
		return; // nobody is in
	area = nat_area(s->ct, e);
	if (!area->linked)
		return;
	area->linked = false;
	if (area->next != 0)
		nat_area(s->ct, entry_of(s, area->next))->prev = area->prev;
	if (area->prev != 0) {
		nat_area(s->ct, entry_of(s, area->prev))->next = area->next;
	} else {
		struct ct_tuple orig = nat_tuple(e, CT_ORIGINAL);

		*head_of(s, hash_of(s, &orig)) = area->next;
	}
}

const int32_t *
nat_bysrc_ahead(const struct nat_bysrc *s, const struct ct_tuple *orig)
{
	const int32_t *head = head_of(s, hash_of(s, orig));

	rte_prefetch0(head);
	return head;
}

void
nat_bysrc_ahead_first(const struct nat_bysrc *s, const int32_t *head)
{
	if (*head != 0)
		rte_prefetch0(nat_area(s->ct, entry_of(s, *head)));
}

void
nat_bysrc_del_ahead(const struct nat_bysrc *s, const struct ct_entry *e)
{
	const struct nat_area *area;
	struct ct_tuple orig;

	if (s->base == NULL)
		return;
	area = nat_area(s->ct, e);
	if (!area->linked)
		return;
	if (area->next != 0)
		rte_prefetch0(nat_area(s->ct, entry_of(s, area->next)));
	if (area->prev != 0) {
		rte_prefetch0(nat_area(s->ct, entry_of(s, area->prev)));
	} else {
		orig = nat_tuple(e, CT_ORIGINAL);
		rte_prefetch0(head_of(s, hash_of(s, &orig)));
	}
}

static bool
same_source(const struct ct_tuple *a, const struct ct_tuple *b)
{
	return pl_addr_eq(&a->src, &b->src) && a->sport == b->sport && a->proto == b->proto &&
	       a->family == b->family && a->zone == b->zone;
}

bool
nat_bysrc_find(const struct nat_bysrc *s, const struct ct_tuple *orig,
	       bool (*fit)(void *ctx, const struct ct_tuple *reply), void *ctx)
{
	uint64_t hash = hash_of(s, orig);
	int32_t link = *head_of(s, hash);

	for (unsigned i = 0; link != 0 && i < NAT_BYSRC_STEPS; i++) {
		const struct ct_entry *e = entry_of(s, link);
		const struct nat_area *area = nat_area(s->ct, e);
		struct ct_tuple its;

		link = area->next;
		if (area->tag != tag_of(hash))
			continue; // the entry itself need not come from memory
		its = nat_tuple(e, CT_ORIGINAL);
		if (!same_source(&its, orig))
			continue;
		its = nat_tuple(e, CT_REPLY);
		if (fit(ctx, &its))
			return true;
	}
	return false;
}
