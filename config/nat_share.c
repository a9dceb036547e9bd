// How a deterministic SNAT rule divides its public addresses and ports among the addresses of its
// `source` (RFC 7422). Called by the reader, which refuses what does not come out, by acl/ when the
// policy is built; pure. Counts of subscribers are powers of two, so that the packet path needs no
// more than shifts.
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "config/policy.h"

// The prefix length of a mask; -1: it has gaps.
static int
prefix_len(const uint8_t *mask, int size)
{
	int ones = 0, all = 0;

	while (ones < 8 * size && (mask[ones / 8] & 0x80 >> ones % 8))
		ones++;
	for (int i = 0; i < size; i++)
		all += __builtin_popcount(mask[i]);
	return all == ones ? ones : -1;
}

// How many addresses the range has; 0: more than deterministic NAT can have.
static uint32_t
range_size(const struct cfg_t_nat *nat, int size)
{
	uint64_t n = 0;

	for (int i = 0; i < size; i++) {
		n = (n << 8) + nat->addr_max[i] - nat->addr_min[i];
		if (n >> CFG_SUBSCRIBERS != 0 && i + 1 < size)
			return 0;
	}
	return n >> CFG_SUBSCRIBERS == 0 ? (uint32_t)n + 1 : 0;
}

bool
cfg_nat_share(const struct cfg_rule *rule, struct cfg_nat_share *out, char *why, size_t size)
{
	const struct cfg_t_nat *nat = &rule->target.nat;
	int bytes = nat->family == CFG_IPV4 ? 4 : 16, len;
	uint32_t first = nat->has_ports ? nat->port_min : CFG_PORT_MIN;
	uint32_t last = nat->has_ports ? nat->port_max : UINT16_MAX, ports;

	if (nat->family == 0 || rule->src.family != nat->family || rule->src.invert) {
		snprintf(why, size,
			 "needs addresses in 'to-source', and 'source' with the "
			 "inside network of that family in the same rule");
		return false;
	}
	len = prefix_len(rule->src.mask, bytes);
	if (len < 0 || 8 * bytes - len > CFG_SUBSCRIBERS) {
		snprintf(why, size, "'source' must be a prefix of at most %u addresses",
			 1u << CFG_SUBSCRIBERS);
		return false;
	}
	out->inside = 1u << (8 * bytes - len);
	out->outside = range_size(nat, bytes);
	if (out->outside == 0) {
		snprintf(why, size, "'to-source' has more than %u addresses",
			 1u << CFG_SUBSCRIBERS);
		return false;
	}
	out->shift = 0;
	while ((uint64_t)out->outside << out->shift < out->inside)
		out->shift++;
	ports = ((last - first + 1) >> out->shift) & ~1u; // even: parity may be kept
	if (ports < CFG_BLOCK_MIN) {
		snprintf(why, size,
			 "%u inside addresses on %u outside ones with %u ports each leave %u ports "
			 "for each of %u to an address; at least %u are needed",
			 out->inside, out->outside, last - first + 1, ports, 1u << out->shift,
			 CFG_BLOCK_MIN);
		return false;
	}
	out->port_min = (uint16_t)first;
	out->ports = (uint16_t)(ports > UINT16_MAX ? UINT16_MAX - 1 : ports);
	return true;
}
