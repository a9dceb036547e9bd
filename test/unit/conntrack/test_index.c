// Buckets, overflow, and that nothing is ever lost or found twice.
#include <errno.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "conntrack/ct_index.h"

// References with that signature, by hash; fills found[] and returns how many.
static unsigned
look(const struct ct_index *ix, uint64_t hash, uint32_t *found, unsigned max)
{
	const struct ct_bucket *b = ct_index_bucket(ix, hash);
	unsigned n = 0;

	for (; b != NULL; b = ct_bucket_next(ix, b)) {
		for (uint32_t m = ct_bucket_match(b, ct_index_sig(hash)); m != 0 && n < max;
		     m &= m - 1)
			found[n++] = b->ref[__builtin_ctz(m)];
	}
	return n;
}

static bool
has(const struct ct_index *ix, uint64_t hash, uint32_t ref)
{
	uint32_t found[512];
	unsigned n = look(ix, hash, found, RTE_DIM(found));

	for (unsigned i = 0; i < n; i++) {
		if (found[i] == ref)
			return true;
	}
	return false;
}

Test(conntrack_index, empty_finds_nothing)
{
	struct ct_index ix;
	uint32_t found[4];

	cr_assert(eq(int, ct_index_init(&ix, 100), 0));
	cr_expect(eq(uint, look(&ix, 0, found, 4), 0), "signature 0 must not match free slots");
	cr_expect(eq(uint, look(&ix, UINT64_MAX, found, 4), 0));
	ct_index_remove(&ix, 0, 7); // not there: nothing happens
	ct_index_fini(&ix);
}

Test(conntrack_index, all_in_one_bucket)
{
	enum { MAX = 200 };
	struct ct_index ix;

	cr_assert(eq(int, ct_index_init(&ix, MAX), 0));
	for (uint32_t ref = 1; ref <= MAX; ref++)
		cr_assert(eq(int, ct_index_insert(&ix, 5ull << 48, ref), 0), "%u", ref);
	for (uint32_t ref = 1; ref <= MAX; ref++)
		cr_expect(has(&ix, 5ull << 48, ref), "%u", ref);
	cr_expect(eq(u32, ix.used_over, MAX / CT_SLOTS),
		  "bucket and its overflow buckets are full");
	for (uint32_t ref = 1; ref <= MAX; ref += 2)
		ct_index_remove(&ix, 5ull << 48, ref);
	for (uint32_t ref = 1; ref <= MAX; ref++)
		cr_expect(eq(int, has(&ix, 5ull << 48, ref), ref % 2 == 0), "%u", ref);
	for (uint32_t ref = 2; ref <= MAX; ref += 2)
		ct_index_remove(&ix, 5ull << 48, ref);
	cr_expect(eq(u32, ct_index_bucket(&ix, 5ull << 48)->next, 0), "overflow buckets went back");
	for (uint32_t ref = 1; ref <= MAX; ref++)
		cr_expect(eq(int, ct_index_insert(&ix, 9ull << 48, ref), 0), "and serve again: %u",
			  ref);
	ct_index_fini(&ix);
}

Test(conntrack_index, full_says_so)
{
	struct ct_index ix;
	uint32_t n = 0;

	cr_assert(eq(int, ct_index_init(&ix, 10), 0));
	while (ct_index_insert(&ix, 1ull << 48, n + 1) == 0)
		n++;
	cr_expect(ge(u32, n, 10u), "all it was made for");
	cr_expect(eq(int, ct_index_insert(&ix, 1ull << 48, 999), -ENOSPC));
	ct_index_fini(&ix);
}

Test(conntrack_index, random_against_model)
{
	enum { KEYS = 3000, OPS = 300000 };
	static uint64_t hash[KEYS];
	static bool in[KEYS];
	struct ct_index ix;
	unsigned live = 0;

	srand(1);
	cr_assert(eq(int, ct_index_init(&ix, 1000), 0));
	for (unsigned i = 0; i < KEYS; i++) // few buckets and few signatures: much overflow
		hash[i] = (uint64_t)(rand() % 7) << 48 | (uint32_t)((unsigned)(rand() % 40) << 26);
	for (unsigned op = 0; op < OPS; op++) {
		unsigned k = (unsigned)rand() % KEYS;

		if (in[k]) {
			ct_index_remove(&ix, hash[k], k + 1);
			live--;
		} else if (live < 1000) {
			cr_assert(eq(int, ct_index_insert(&ix, hash[k], k + 1), 0));
			live++;
		} else {
			continue;
		}
		in[k] = !in[k];
		if (op % 1000 == 0) {
			for (unsigned i = 0; i < KEYS; i++)
				cr_assert(eq(int, has(&ix, hash[i], i + 1), in[i]), "op %u key %u",
					  op, i);
		}
	}
	ct_index_fini(&ix);
}
