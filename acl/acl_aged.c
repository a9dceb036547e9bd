// Entries by hash and by age: see acl_aged.h. The matches recent and hashlimit call it on the
// worker's thread, and on the control thread for a copy that no worker has yet. Nothing here is
// taken from the heap, and no step is longer than a bucket.
#include "acl/acl_aged.h"

#include <string.h>
#include <sys/random.h>

#include <rte_common.h>

size_t
acl_aged_bytes(uint32_t max, size_t size)
{
	return max * size + rte_align32pow2(max) * sizeof(uint32_t);
}

static struct acl_aged_link *
link_at(const struct acl_aged *a, uint32_t i)
{
	return acl_aged_at(a, i);
}

void
acl_aged_init(struct acl_aged *a, void *memory, uint32_t max, size_t size)
{
	uint32_t buckets = rte_align32pow2(max);

	*a = (struct acl_aged){.mask = buckets - 1,
			       .max = max,
			       .oldest = ACL_AGED_NONE,
			       .newest = ACL_AGED_NONE,
			       .entry = memory,
			       .size = size};
	if (getrandom(&a->seed, sizeof(a->seed), GRND_NONBLOCK) != sizeof(a->seed))
		a->seed = 0x5bd1e995;
	a->bucket = (uint32_t *)(a->entry + max * size);
	memset(a->bucket, 0xff, buckets * sizeof(uint32_t)); // ACL_AGED_NONE
	for (uint32_t i = 0; i < max; i++)
		*link_at(a, i) = (struct acl_aged_link){
			.self = i, .next = i + 1 < max ? i + 1 : ACL_AGED_NONE};
}

static void
take(struct acl_aged *a, const struct acl_aged_link *e)
{
	*(e->older != ACL_AGED_NONE ? &link_at(a, e->older)->newer : &a->oldest) = e->newer;
	*(e->newer != ACL_AGED_NONE ? &link_at(a, e->newer)->older : &a->newest) = e->older;
}

static void
put(struct acl_aged *a, struct acl_aged_link *e)
{
	e->older = a->newest;
	e->newer = ACL_AGED_NONE;
	*(a->newest != ACL_AGED_NONE ? &link_at(a, a->newest)->newer : &a->oldest) = e->self;
	a->newest = e->self;
}

void *
acl_aged_add(struct acl_aged *a, uint32_t *bucket)
{
	struct acl_aged_link *e = link_at(a, a->free);

	a->free = e->next;
	a->n++;
	e->next = *bucket;
	*bucket = e->self;
	put(a, e);
	return e;
}

void
acl_aged_touch(struct acl_aged *a, struct acl_aged_link *e)
{
	take(a, e);
	put(a, e);
}

void
acl_aged_forget(struct acl_aged *a, uint32_t *bucket, struct acl_aged_link *e)
{
	while (*bucket != e->self)
		bucket = &link_at(a, *bucket)->next;
	*bucket = e->next;
	take(a, e);
	e->next = a->free;
	a->free = e->self;
	a->n--;
}
