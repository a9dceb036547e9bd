#pragma once
// Entries with keys that are found by hash and stand in the order in which they were last wanted:
// what recent's addresses and hashlimit's buckets have in common. The memory is the caller's, all
// of it given at the start; an entry begins with its links, and its key is the caller's. Worker's
// thread, on the worker's own copy.
#include <stddef.h>
#include <stdint.h>

#define ACL_AGED_NONE UINT32_MAX

struct acl_aged_link {
	uint32_t self;	       // its own number
	uint32_t next;	       // in its bucket, or of the free ones
	uint32_t older, newer; // by when they were last wanted
};

struct acl_aged {
	uint32_t seed, mask; // of hashes
	uint32_t n, max;     // entries in use, in all
	uint32_t oldest, newest, free;
	uint32_t *bucket;
	char *entry;
	size_t size; // bytes of an entry
};

// Bytes for so many entries of `size` bytes, a multiple of 8, and their buckets.
size_t acl_aged_bytes(uint32_t max, size_t size);
// memory: zeroed, aligned to 8 bytes.
void acl_aged_init(struct acl_aged *a, void *memory, uint32_t max, size_t size);
// A free entry, now the newest in that bucket and of all; there must be one (n < max).
void *acl_aged_add(struct acl_aged *a, uint32_t *bucket);
// It was wanted: now it is the newest.
void acl_aged_touch(struct acl_aged *a, struct acl_aged_link *e);
void acl_aged_forget(struct acl_aged *a, uint32_t *bucket, struct acl_aged_link *e);

// NULL for ACL_AGED_NONE.
static inline void *
acl_aged_at(const struct acl_aged *a, uint32_t i)
{
	return i != ACL_AGED_NONE ? a->entry + i * a->size : NULL;
}

static inline uint32_t *
acl_aged_bucket(const struct acl_aged *a, uint32_t hash)
{
	return &a->bucket[hash & a->mask];
}
