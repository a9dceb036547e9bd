// The index of one table: inserting and removing references, overflow buckets (see ct_index.h).
// Called by ct_table.c and ct_redirect.c on the owner's thread; the memory belongs to struct
// ct_index.
#include <errno.h>

#include "conntrack/ct_index.h"
#include "pipeline/mem.h"

#define LOAD 7 // references per bucket when full: 1 in 10 buckets then has an overflow bucket

int
ct_index_init(struct ct_index *ix, uint32_t max)
{
	memset(ix, 0, sizeof(*ix));
	ix->n = max / LOAD + 1;
	ix->n_over = max / CT_SLOTS + 2; // were they all in one bucket
	ix->bucket_size = (size_t)ix->n * sizeof(*ix->bucket);
	ix->over_size = (size_t)ix->n_over * sizeof(*ix->over);
	ix->used_over = 1;
	ix->bucket = pl_mem_map(ix->bucket_size);
	ix->over = pl_mem_map(ix->over_size);
	if (ix->bucket != NULL && ix->over != NULL)
		return 0;
	ct_index_fini(ix);
	return -ENOMEM;
}

void
ct_index_fini(struct ct_index *ix)
{
	pl_mem_unmap(ix->bucket, ix->bucket_size);
	pl_mem_unmap(ix->over, ix->over_size);
	memset(ix, 0, sizeof(*ix));
}

static unsigned
slots_used(const struct ct_bucket *b)
{
	unsigned n = 0;

	while (n < CT_SLOTS && b->sig[n] != 0)
		n++;
	return n;
}

static struct ct_bucket *
over_take(struct ct_index *ix, struct ct_bucket *last)
{
	uint32_t at = ix->free_over;

	if (at != 0)
		ix->free_over = ix->over[at].next;
	else if (ix->used_over < ix->n_over)
		at = ix->used_over++;
	else
		return NULL;
	memset(&ix->over[at], 0, sizeof(ix->over[at]));
	last->next = at;
	return &ix->over[at];
}

int
ct_index_insert(struct ct_index *ix, uint64_t hash, uint32_t ref)
{
	struct ct_bucket *b = ct_index_bucket(ix, hash);
	unsigned n;

	while (b->next != 0)
		b = &ix->over[b->next];
	n = slots_used(b);
	if (n == CT_SLOTS) {
		b = over_take(ix, b);
		if (b == NULL)
			return -ENOSPC;
		n = 0;
	}
	b->sig[n] = ct_index_sig(hash);
	b->ref[n] = ref;
	return 0;
}

// The hole is filled with the last reference of the chain, so that used slots always come first.
void
ct_index_remove(struct ct_index *ix, uint64_t hash, uint32_t ref)
{
	struct ct_bucket *b = ct_index_bucket(ix, hash), *hole = NULL, *before = NULL;
	unsigned at = 0, last;

	for (;;) {
		for (unsigned i = 0; hole == NULL && i < CT_SLOTS && b->sig[i] != 0; i++) {
			if (b->ref[i] == ref) {
				hole = b;
				at = i;
			}
		}
		if (b->next == 0)
			break;
		before = b;
		b = &ix->over[b->next];
	}
	if (hole == NULL)
		return;
	last = slots_used(b) - 1;
	hole->sig[at] = b->sig[last];
	hole->ref[at] = b->ref[last];
	b->sig[last] = 0;
	b->ref[last] = 0;
	if (last == 0 && before != NULL) {
		uint32_t freed = before->next;

		before->next = 0;
		b->next = ix->free_over;
		ix->free_over = freed;
	}
}
