// RFC 1624 updates against a sum over the whole, with the edge cases 0x0000 and 0xffff.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <rte_ip.h>
#include <rte_random.h>

#include "pipeline/csum.h"

#define WORDS 20

static uint16_t
whole(const uint16_t *w)
{
	return (uint16_t)~rte_raw_cksum(w, WORDS * 2);
}

// The two representations of zero are the same sum; a receiver accepts both.
static bool
same(uint16_t a, uint16_t b)
{
	return a == b || (a == 0 && b == 0xffff) || (a == 0xffff && b == 0);
}

Test(pipeline_csum, updates_equal_the_whole_sum)
{
	static const uint16_t edge[] = {0, 0xffff, 1, 0xff00, 0x00ff};
	uint16_t w[WORDS], from[8];

	for (unsigned i = 0; i < 50000; i++) {
		uint16_t csum, updated;
		unsigned at = rte_rand() % (WORDS - 8);

		for (unsigned k = 0; k < WORDS; k++)
			w[k] = rte_rand() % 4 ? (uint16_t)rte_rand() : edge[rte_rand() % 5];
		csum = whole(w);
		memcpy(from, w + at, sizeof(from));
		for (unsigned k = 0; k < 8; k++)
			w[at + k] = rte_rand() % 4 ? (uint16_t)rte_rand() : edge[rte_rand() % 5];

		updated = pl_csum_update(csum, from, w + at, 16);
		cr_assert(same(updated, whole(w)), "16 bytes: %04x %04x", updated, whole(w));
		updated = csum;
		for (unsigned k = 0; k < 8; k++)
			updated = pl_csum_update16(updated, from[k], w[at + k]);
		cr_assert(same(updated, whole(w)), "by 16 bits");
		updated = csum;
		for (unsigned k = 0; k < 8; k += 2) {
			uint32_t f, t;

			memcpy(&f, from + k, 4);
			memcpy(&t, w + at + k, 4);
			updated = pl_csum_update32(updated, f, t);
		}
		cr_assert(same(updated, whole(w)), "by 32 bits");
	}
}
