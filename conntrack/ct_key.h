#pragma once
// What the index is keyed by: one direction of a flow, packed so that two keys are equal exactly
// where their bytes are, and the hash of it.
#include <netinet/in.h>
#include <string.h>

#include "conntrack/ct.h"

// ICMP and ICMPv6: sport is the identifier, dport holds type << 8 | code (as bytes: type first).
struct ct_key {
	union pl_addr src, dst; // IPv4: the rest is zero
	rte_be16_t sport, dport;
	uint16_t zone;
	uint8_t family, proto;
};
static_assert(sizeof(struct ct_key) == 40, "no padding: keys are compared as bytes");

#define CT_SEEDS 5
struct ct_seeds {
	uint64_t s[CT_SEEDS]; // secret per table, so that nobody outside can aim at one bucket
};

static inline bool
ct_is_icmp(uint8_t proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

static inline rte_be16_t
ct_type_code(uint8_t type, uint8_t code)
{
	return rte_cpu_to_be_16((uint16_t)(type << 8 | code));
}

// Both halves of the 128-bit product, folded: every input bit reaches every output bit.
static inline uint64_t
ct_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

// All of a key but its addresses, in one word.
static inline uint64_t
ct_key_tail(rte_be16_t sport, rte_be16_t dport, uint16_t zone, uint8_t family, uint8_t proto)
{
	return sport | (uint32_t)dport << 16 | (uint64_t)zone << 32 | (uint64_t)family << 48 |
	       (uint64_t)proto << 56;
}

static inline uint64_t
ct_hash(const struct ct_seeds *seeds, uint8_t family, const union pl_addr *src,
	const union pl_addr *dst, uint64_t tail)
{
	const uint64_t *s = seeds->s;
	uint64_t h;

	if (family == 4)
		h = (uint64_t)src->v4 << 32 | dst->v4;
	else
		h = ct_mix(src->u64[0] ^ s[0], src->u64[1] ^ s[1]) ^
		    ct_mix(dst->u64[0] ^ s[2], dst->u64[1] ^ s[3]);
	return ct_mix(ct_mix(h ^ s[3], tail ^ s[4]), s[1] | 1);
}

static inline uint64_t
ct_key_hash(const struct ct_seeds *seeds, const struct ct_key *k)
{
	return ct_hash(seeds, k->family, &k->src, &k->dst,
		       ct_key_tail(k->sport, k->dport, k->zone, k->family, k->proto));
}

// The index's key of a tuple, and back.
void ct_key_of(struct ct_key *k, const struct ct_tuple *t);
void ct_tuple_of(struct ct_tuple *t, const struct ct_key *k);
// Source and destination swapped; ICMP: request and answer. False for an ICMP type that has no
// answer.
bool ct_key_invert(struct ct_key *out, const struct ct_key *in);
