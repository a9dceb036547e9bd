#pragma once
// Symmetric Toeplitz hash by tables: the function that NICs compute with the key 6d 5a 6d 5a ...,
// for which swapping source and destination does not change the hash. Linear: hash(a ^ b) = hash(a)
// ^ hash(b).
#include "pipeline/pkt.h"

// Because the key repeats every 16 bits, one byte's contribution depends only on whether its
// position is even or odd: two tables of 256 words serve every field. row[0]: high byte of a 16-bit
// word, row[1]: low.
extern uint32_t pl_toeplitz_row[2][256];

void pl_toeplitz_init(void); // idempotent; before the first packet

// Addresses and ports (ports 0 for fragments and protocols without ports). ICMP echo: id in both
// ports cancels out to a constant, so an echo hashes by its addresses alone.
uint32_t pl_toeplitz(uint8_t family, const union pl_addr *src, const union pl_addr *dst,
		     rte_be16_t sport, rte_be16_t dport);
// What one 16-bit word in network order adds.
static inline uint32_t
pl_toeplitz16(rte_be16_t word)
{
	const uint8_t *b = (const uint8_t *)&word;

	return pl_toeplitz_row[0][b[0]] ^ pl_toeplitz_row[1][b[1]];
}

#define PL_RETA_SIZE 512
static inline uint16_t
pl_reta_worker(const uint8_t *reta, uint32_t hash)
{
	return reta[hash & (PL_RETA_SIZE - 1)];
}
