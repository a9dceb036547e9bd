// What a NIC computes bit by bit, by tables.
// The Toeplitz tables (see toeplitz.h). Filled once at start on the main thread, read-only
// afterwards.
#include <string.h>

#include "pipeline/toeplitz.h"

#define KEY_WORD 0x6d5au // the symmetric key: this 16-bit word over and over

uint32_t pl_toeplitz_row[2][256];

// 32 bits of the endless key from bit `start` (0 = most significant of the first word).
static uint32_t
key_window(unsigned start)
{
	const uint64_t key = (uint64_t)KEY_WORD << 48 | (uint64_t)KEY_WORD << 32 |
			     (uint64_t)KEY_WORD << 16 | KEY_WORD;

	return (uint32_t)(key << (start % 16) >> 32);
}

void
pl_toeplitz_init(void)
{
	for (unsigned odd = 0; odd < 2; odd++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			uint32_t hash = 0;

			for (unsigned bit = 0; bit < 8; bit++) {
				if (byte & (0x80u >> bit))
					hash ^= key_window(odd * 8 + bit);
			}
			pl_toeplitz_row[odd][byte] = hash;
		}
	}
}

// The hash of a run of bytes is the xor over its 16-bit words, and every word uses the same two
// tables: so the words may be folded together first.
static uint16_t
fold(const uint32_t *word, unsigned n)
{
	uint32_t x = 0;

	for (unsigned i = 0; i < n; i++)
		x ^= word[i];
	return (uint16_t)(x ^ x >> 16);
}

uint32_t
pl_toeplitz(uint8_t family, const union pl_addr *src, const union pl_addr *dst, rte_be16_t sport,
	    rte_be16_t dport)
{
	unsigned n = family == 4 ? 1 : 4;

	return pl_toeplitz16(fold(src->u32, n) ^ fold(dst->u32, n) ^ sport ^ dport);
}
