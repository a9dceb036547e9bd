#pragma once
// What the index is keyed by: one direction of a flow, packed so that two keys are equal exactly
// where their bytes are, and the hash of it.
#include <netinet/in.h>
#include <string.h>

#include "conntrack/ct.h"
#include "pipeline/ahead.h"

// ICMP and ICMPv6: sport is the identifier, dport holds type << 8 | code (as bytes: type first).
struct ct_key {
	union pl_addr src, dst; // IPv4: the rest is zero
	rte_be16_t sport, dport;
	uint16_t zone;
	uint8_t family, proto;
};
static_assert(sizeof(struct ct_key) == 40, "no padding: keys are compared as bytes");

struct ct_seeds {
	uint64_t
		s[PL_AHEAD_SEEDS]; // secret per table, so that nobody outside can aim at one bucket
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

// All of a key but its addresses, in one word.
static inline uint64_t
ct_key_tail(rte_be16_t sport, rte_be16_t dport, uint16_t zone, uint8_t family, uint8_t proto)
{
	return pl_tuple_tail(sport, dport, zone, family, proto);
}

static inline uint64_t
ct_hash(const struct ct_seeds *seeds, uint8_t family, const union pl_addr *src,
	const union pl_addr *dst, uint64_t tail)
{
	return pl_tuple_hash(seeds->s, family, src, dst, tail);
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
