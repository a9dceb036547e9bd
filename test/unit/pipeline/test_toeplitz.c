// The table hash against DPDK's bit-by-bit one, and the properties that port selection relies on.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <rte_random.h>
#include <rte_thash.h>

#include "pipeline/toeplitz.h"

static const uint8_t key[40] = {0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
				0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
				0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a,
				0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a, 0x6d, 0x5a};

static void
random_addr(union pl_addr *a, uint8_t family)
{
	memset(a, 0, sizeof(*a));
	for (unsigned i = 0; i < (family == 4 ? 1u : 4u); i++)
		a->u32[i] = (uint32_t)rte_rand();
}

// What a NIC hashes: the tuple in host-order words, as rte_softrss wants them.
static uint32_t
reference(uint8_t family, const union pl_addr *src, const union pl_addr *dst, rte_be16_t sport,
	  rte_be16_t dport)
{
	uint32_t word[9];
	unsigned n = family == 4 ? 1 : 4;

	for (unsigned i = 0; i < n; i++) {
		word[i] = rte_be_to_cpu_32(src->u32[i]);
		word[n + i] = rte_be_to_cpu_32(dst->u32[i]);
	}
	word[2 * n] = (uint32_t)rte_be_to_cpu_16(sport) << 16 | rte_be_to_cpu_16(dport);
	return rte_softrss(word, 2 * n + 1, key);
}

Test(pipeline_toeplitz, same_as_the_nic_and_symmetric)
{
	pl_toeplitz_init();
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t family = i % 2 ? 4 : 6;
		union pl_addr a, b;
		rte_be16_t s = (rte_be16_t)rte_rand(), d = (rte_be16_t)rte_rand();
		uint32_t want;

		random_addr(&a, family);
		random_addr(&b, family);
		want = reference(family, &a, &b, s, d);
		cr_assert(eq(u32, pl_toeplitz(family, &a, &b, s, d), want));
		cr_assert(eq(u32, pl_toeplitz(family, &b, &a, d, s), want));
	}
}

Test(pipeline_toeplitz, one_port_is_one_xor)
{
	union pl_addr a, b;

	pl_toeplitz_init();
	random_addr(&a, 4);
	random_addr(&b, 4);
	for (uint32_t port = 0; port < 65536; port += 7) {
		rte_be16_t be = rte_cpu_to_be_16(port);
		uint32_t base = pl_toeplitz(4, &a, &b, 443, 0);

		cr_assert(eq(u32, base ^ pl_toeplitz16(be), pl_toeplitz(4, &a, &b, 443, be)));
	}
}
