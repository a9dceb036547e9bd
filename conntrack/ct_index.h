#pragma once
// The index: from a 64-bit hash to 32-bit references. Buckets are one cache line: ten references
// with a 16-bit signature each, so that a miss costs one line and a hit one line and the entry. A
// bucket that is full goes on in an overflow bucket; there is room for as many of those as could
// ever be needed, so an insert fails only past `max` references. One thread only.
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <rte_common.h>
#include <rte_prefetch.h>

#define CT_SLOTS 10

struct ct_bucket {
	uint16_t sig[CT_SLOTS]; // 0: free; used slots come first
	uint32_t ref[CT_SLOTS];
	uint32_t next; // overflow bucket, 0: none
} __rte_cache_aligned;
static_assert(sizeof(struct ct_bucket) == 64, "one cache line");

struct ct_index {
	struct ct_bucket *bucket; // n, then the overflow buckets from 1 on (0 stands for none)
	struct ct_bucket *over;
	uint32_t n;		       // buckets
	uint32_t n_over;	       // overflow buckets there is room for
	uint32_t used_over;	       // ever taken: those above were never touched
	uint32_t free_over;	       // list through next
	size_t bucket_size, over_size; // bytes mapped
};

// Room for max references; memory is mapped, and taken as it is touched. 0 or -errno.
int ct_index_init(struct ct_index *ix, uint32_t max);
void ct_index_fini(struct ct_index *ix);
// Reference 0 is none. -ENOSPC past max.
int ct_index_insert(struct ct_index *ix, uint64_t hash, uint32_t ref);
void ct_index_remove(struct ct_index *ix, uint64_t hash, uint32_t ref); // it must be there

static inline struct ct_bucket *
ct_index_bucket(const struct ct_index *ix, uint64_t hash)
{
	return &ix->bucket[(uint64_t)(uint32_t)hash * ix->n >> 32];
}

static inline uint16_t
ct_index_sig(uint64_t hash)
{
	return (uint16_t)(hash >> 48) | 1; // 0 is nobody's
}

static inline void
ct_index_prefetch(const struct ct_index *ix, uint64_t hash)
{
	rte_prefetch0(ct_index_bucket(ix, hash));
}

// Bits of the slots whose signature is sig.
static inline uint32_t
ct_bucket_match(const struct ct_bucket *b, uint16_t sig)
{
#ifdef __SSE2__
	const __m128i want = _mm_set1_epi16((short)sig);
	uint32_t two;

	memcpy(&two, &b->sig[8], sizeof(two)); // the rest of that vector is 0, which no flow has
	__m128i first = _mm_cmpeq_epi16(_mm_load_si128((const __m128i *)b->sig), want);
	__m128i last = _mm_cmpeq_epi16(_mm_cvtsi32_si128((int)two), want);

	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(first, last));
#else
	uint32_t mask = 0;

	for (unsigned i = 0; i < CT_SLOTS; i++)
		mask |= (uint32_t)(b->sig[i] == sig) << i;
	return mask;
#endif
}

static inline const struct ct_bucket *
ct_bucket_next(const struct ct_index *ix, const struct ct_bucket *b)
{
	return b->next != 0 ? &ix->over[b->next] : NULL;
}
