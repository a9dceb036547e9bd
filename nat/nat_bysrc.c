// Flows by their source before translation. Called by nat_pick.c and nat_core.c on the worker's
// thread. Netfilter lets a second flow of the same address and port go out with the translation of
// the first (find_appropriate_src): with an address pool the server sees one client, and a port
// that was once moved stays where it was moved to. The flows are chained through their own nat
// areas in doubly linked lists, by 32-bit distances from the first flow ever seen; a flow too far
// from there for that (128 GB) is left out, as is one beyond the first NAT_BYSRC_STEPS of a list:
// both only lose the likeness of their ports.
#include <errno.h>
#include <stdlib.h>

#include "nat/nat_core.h"

#define UNIT 64 // flows stand at cache lines

int
nat_bysrc_init(struct nat_bysrc *s, uint32_t flows, uint64_t key)
{
	uint32_t n = rte_align32pow2(RTE_MIN(RTE_MAX(flows, 1024u), 1u << 24));

	s->head = calloc(n, sizeof(s->head[0]));
	if (s->head == NULL)
		return -ENOMEM;
	s->mask = n - 1;
	s->key = key;
	return 0;
}

void
nat_bysrc_fini(struct nat_bysrc *s)
{
	free(s->head);
	s->head = NULL;
}

static int32_t *
head_of(const struct nat_bysrc *s, const struct ct_tuple *orig)
{
	uint64_t h = (orig->src.u64[0] ^ s->key) * 0x9e3779b97f4a7c15;

	h = (h ^ h >> 32 ^ orig->src.u64[1]) * 0x9e3779b97f4a7c15;
	h = (h ^ h >> 32 ^ orig->sport ^ (uint32_t)orig->proto << 16) * 0x9e3779b97f4a7c15;
	return &s->head[h >> 32 & s->mask];
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
	int32_t *head = head_of(s, &orig), link = link_of(s, ct, e);
	struct nat_area *area = nat_area(ct, e);

	if (link == 0 || area->linked)
		return;
	area->next = *head;
	area->prev = 0;
	area->linked = true;
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

		*head_of(s, &orig) = area->next;
	}
}

bool
nat_bysrc_find(const struct nat_bysrc *s, const struct ct_tuple *orig,
	       bool (*fit)(void *ctx, const struct ct_tuple *reply), void *ctx)
{
	const struct ct_entry *e = entry_of(s, *head_of(s, orig));

	for (unsigned i = 0; e != NULL && i < NAT_BYSRC_STEPS; i++) {
		struct ct_tuple its = nat_tuple(e, CT_ORIGINAL);

		if (its.src.u64[0] == orig->src.u64[0] && its.src.u64[1] == orig->src.u64[1] &&
		    its.sport == orig->sport && its.proto == orig->proto &&
		    its.family == orig->family && its.zone == orig->zone) {
			its = nat_tuple(e, CT_REPLY);
			if (fit(ctx, &its))
				return true;
		}
		e = entry_of(s, nat_area(s->ct, e)->next);
	}
	return false;
}
