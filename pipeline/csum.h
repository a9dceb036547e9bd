#pragma once
// Incremental Internet checksum (RFC 1624, eqn. 3: HC' = ~(~HC + ~m + m')), pure.
// All words in network order as they stand in the packet.
#include <stdint.h>

static inline uint16_t
pl_csum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
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
