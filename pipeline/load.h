#pragma once
// Words of a packet as they stand there (network order), at any address: no alignment is asked for.
// Pure, any thread.
#include <stdint.h>
#include <string.h>

#include <rte_common.h>

static __rte_always_inline uint16_t
pl_load16(const void *at)
{
	uint16_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static __rte_always_inline uint32_t
pl_load32(const void *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}

static __rte_always_inline uint64_t
pl_load64(const void *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return v;
}
