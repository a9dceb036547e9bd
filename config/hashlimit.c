// What the words of hashlimit amount to: defaults that depend on other options, bytes in sixteens,
// credits.
//
// Called by the extension's row (ext_hashlimit.c) and, when a policy is built, by acl/. Pure. The
// figures and their overflows are those of iptables 1.8.9 and of netfilter with 250 ticks a second.
#include "config/policy.h"

#include <string.h>

#define BURST_DEFAULT 5
#define BYTE_SHIFT    4 // bytes are counted in sixteens

// What a byte rate is kept as; iptables has 32 bits for its sixteens.
uint64_t
cfg_hashlimit_cost(uint64_t bytes)
{
	uint32_t sixteens = bytes >> BYTE_SHIFT;

	return UINT32_MAX / ((uint64_t)sixteens + 1 > UINT32_MAX ? 1 : sixteens + 1u);
}

uint64_t
cfg_hashlimit_bytes(uint64_t cost)
{
	return ((cost != 0 ? UINT32_MAX / cost : UINT32_MAX) - 1) << BYTE_SHIFT;
}

uint64_t
cfg_hashlimit_credits(uint64_t time)
{
	return time * (CFG_LIMIT_TICKS * CFG_HL_CREDITS / CFG_HL_SCALE);
}

uint32_t
cfg_hashlimit_byte_credits(uint64_t cost)
{
	return cost * CFG_LIMIT_TICKS * CFG_HL_BYTE_CREDITS >> 32;
}

void
cfg_hashlimit_resolve(const struct cfg_m_hashlimit *m, unsigned family, struct cfg_hashlimit *out)
{
	uint8_t bits = family == CFG_IPV4 ? 32 : 128;

	memset(out, 0, sizeof(*out));
	out->avg = m->avg;
	out->burst = m->burst_set ? m->burst : BURST_DEFAULT;
	out->size = m->size < CFG_HL_SIZE_MAX ? m->size : CFG_HL_SIZE_MAX;
	out->max = m->max < CFG_HL_SIZE_MAX ? m->max : CFG_HL_SIZE_MAX;
	out->gcinterval = m->gcinterval != 0 ? m->gcinterval : CFG_HL_GCINTERVAL;
	out->expire = m->unit * 1000;
	out->interval = m->interval;
	out->mode = m->mode;
	out->srcmask = m->srcmask_set ? m->srcmask : bits;
	out->dstmask = m->dstmask_set ? m->dstmask : bits;
	out->bits = bits;
	out->bytes = m->bytes;
	out->rate_match = m->rate_match;
	if (m->bytes) {
		uint64_t one = cfg_hashlimit_bytes(m->avg);

		out->expire = m->burst_set ? CFG_HL_BYTE_EXPIRE_BURST : CFG_HL_BYTE_EXPIRE;
		out->burst = 0;
		if (m->burst_set && one != 0) // multiples of the rate
			out->burst = (uint32_t)m->burst / one + (m->burst % one != 0);
	}
	if (m->expire != 0)
		out->expire = m->expire;
	if (!m->rate_match)
		return;
	if (!m->bytes)
		out->avg /= m->unit;
	if (out->interval == 0)
		out->interval = m->bytes ? 1 : m->unit;
}

uint64_t
cfg_hashlimit_factor(char letter)
{
	return letter == 'm' ? 1024 * 1024 : letter == 'k' ? 1024 : 1;
}

// What iptables and xt_hashlimit refuse of a rule that is complete.
const char *
cfg_hashlimit_bad(const struct cfg_m_hashlimit *m, unsigned family)
{
	uint64_t one = cfg_hashlimit_bytes(m->avg);
	struct cfg_hashlimit c;

	if (m->bytes && m->burst_set && (one == 0 || m->burst < one))
		return "hashlimit-burst is less than the bytes of one second";
	if (!m->bytes && m->burst_set && m->burst > CFG_HL_BURST_MAX)
		return "hashlimit-burst is more than 1000000 packets";
	cfg_hashlimit_resolve(m, family, &c);
	if (m->rate_match)
		return c.avg == 0 ? "the rate is too fast" : NULL;
	if (m->bytes)
		return cfg_hashlimit_byte_credits(c.avg) == 0 ? "the rate is too fast" : NULL;
	// In 64 bits, with the overflow that netfilter's has.
	if (cfg_hashlimit_credits(c.avg * c.burst) < cfg_hashlimit_credits(c.avg))
		return "netfilter cannot save up so large a burst at so slow a rate (give a "
		       "smaller hashlimit-burst)";
	return NULL;
}
