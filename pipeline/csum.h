#pragma once
// Incremental Internet checksum (RFC 1624, eqn. 3: HC' = ~(~HC + ~m + m')), pure.
// All words in network order as they stand in the packet.
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

// Both halves of a sum, each added to the other: the carry of the lower addition goes into the
// upper one, whose own is that same carry.
static inline uint16_t
pl_csum_fold(uint32_t sum)
{
	return (uint16_t)((sum + (sum << 16 | sum >> 16)) >> 16);
}

// Adds in ones' complement: a sum is 0 only where all that was added is 0.
static inline uint64_t
pl_csum_add(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

// A ones' complement sum of any width up to 64 bits, as one of 16.
static inline uint16_t
pl_csum_fold64(uint64_t sum)
{
	return pl_csum_fold((uint32_t)((sum + (sum << 32 | sum >> 32)) >> 32));
}

// Sum of n bytes, for pl_csum_fold64(); an odd byte counts as if a 0 followed.
static inline uint64_t
pl_csum_sum(const void *data, uint32_t n)
{
	const uint8_t *at = data;
	uint64_t sum = 0, word;
	uint32_t half;
	uint16_t quarter;

	for (; n >= 8; n -= 8, at += 8) {
		memcpy(&word, at, 8);
		sum = pl_csum_add(sum, word);
	}
	if (n & 4) {
		memcpy(&half, at, 4);
		sum = pl_csum_add(sum, half);
		at += 4;
	}
	if (n & 2) {
		memcpy(&quarter, at, 2);
		sum = pl_csum_add(sum, quarter);
		at += 2;
	}
	return n & 1 ? pl_csum_add(sum, rte_cpu_to_le_16(*at)) : sum;
}

static inline uint16_t
pl_csum_update16(uint16_t csum, uint16_t from, uint16_t to)
{
	return (uint16_t)~pl_csum_fold((uint16_t)~csum + (uint32_t)(uint16_t)~from + to);
}

static inline uint16_t
pl_csum_update32(uint16_t csum, uint32_t from, uint32_t to)
{
	uint32_t sum = (uint16_t)~csum;

	sum += (uint16_t) ~(from & 0xffff) + (uint32_t)(uint16_t) ~(from >> 16);
	sum += (to & 0xffff) + (to >> 16);
	return (uint16_t)~pl_csum_fold(sum);
}

// n bytes, n even.
static inline uint16_t
pl_csum_update(uint16_t csum, const void *from, const void *to, unsigned n)
{
	const uint16_t *f = from, *t = to;
	uint32_t sum = (uint16_t)~csum;

	for (unsigned i = 0; i < n / 2; i++)
		sum += (uint32_t)(uint16_t)~f[i] + t[i];
	return (uint16_t)~pl_csum_fold(sum);
}
