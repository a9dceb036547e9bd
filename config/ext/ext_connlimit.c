// connlimit: its row of the extension table and its words.
//
// Called through the table by both readers and both writers. Read as iptables reads it: of a mask
// only how many bits are set at its beginning counts, all of them where it has holes.
#include "config/ext/ext.h"
#include "config/value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

static bool
limit_parse(struct ext_in *in, bool above)
{
	in->match->connlimit.above = above != in->invert;
	in->match->connlimit.set = true;
	return ext_number(in, 0, UINT32_MAX, &in->match->connlimit.limit);
}

static bool
upto_parse(struct ext_in *in)
{
	return limit_parse(in, false);
}

static bool
above_parse(struct ext_in *in)
{
	return limit_parse(in, true);
}

static bool
limit_show(struct ext_out *out, bool above)
{
	cfg_buf_addf(out->text, "%" PRIu32, out->match->connlimit.limit);
	return out->match->connlimit.above == above;
}

static bool
upto_show(struct ext_out *out)
{
	return limit_show(out, false);
}

static bool
above_show(struct ext_out *out)
{
	return limit_show(out, true);
}

// Bits at the beginning of a mask; all of them where there are more behind a gap.
static uint8_t
prefix_of(const uint8_t *mask, unsigned bits)
{
	unsigned n = 0;

	while (n < bits && mask[n / 8] >> (7 - n % 8) & 1)
		n++;
	for (unsigned i = n; i < bits; i++)
		if (mask[i / 8] >> (7 - i % 8) & 1)
			return (uint8_t)bits;
	return (uint8_t)n;
}

static bool
mask_parse(struct ext_in *in)
{
	struct cfg_m_connlimit *m = &in->match->connlimit;
	const char *text = in->value[0];
	uint8_t mask[16];
	uint32_t n;

	m->mask_set = true;
	if (inet_pton(AF_INET6, text, mask) == 1) {
		m->mask = prefix_of(mask, 128);
		return ext_narrow(in, CFG_IPV6, in->name);
	}
	if (inet_pton(AF_INET, text, mask) == 1) {
		m->mask = prefix_of(mask, 32);
		return ext_narrow(in, CFG_IPV4, in->name);
	}
	if (cfg_value_u32(text, 128, &n)) {
		m->mask = (uint8_t)n;
		return true;
	}
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a prefix length", in->name, text);
	return false;
}

static bool
mask_show(struct ext_out *out)
{
	const struct cfg_m_connlimit *m = &out->match->connlimit;

	cfg_buf_addf(out->text, "%u", out->yaml ? m->mask : cfg_connlimit_bits(m, out->family));
	return m->mask_set || !out->yaml;
}

static bool
saddr_parse(struct ext_in *in)
{
	in->match->connlimit.daddr = false;
	return true;
}

static bool
saddr_show(struct ext_out *out)
{
	return !out->yaml && !out->match->connlimit.daddr;
}

static bool
daddr_parse(struct ext_in *in)
{
	in->match->connlimit.daddr = true;
	return true;
}

static bool
daddr_show(struct ext_out *out)
{
	return out->match->connlimit.daddr;
}

unsigned
cfg_connlimit_bits(const struct cfg_m_connlimit *m, unsigned family)
{
	unsigned bits = family == CFG_IPV6 ? 128 : 32;

	return m->mask_set && m->mask < bits ? m->mask : bits;
}

static bool
connlimit_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos,
		struct cfg_err *err)
{
	const struct cfg_match *m = item;

	(void)rule;
	if (!m->connlimit.set)
		cfg_err_add(err, pos, "connlimit: needs 'connlimit-upto' or 'connlimit-above'");
	return m->connlimit.set;
}

#define OPT(word, number, of, ...)                                                                 \
	{                                                                                          \
		.name = "connlimit-" #word, .slot = (number), .value = EXT_##of,                   \
		.parse = word##_parse, .show = word##_show, ##__VA_ARGS__                          \
	}

static const struct ext_opt connlimit_opt[] = {
	OPT(upto, 0, WORD, .invertible = true),
	OPT(above, 0, WORD, .invertible = true),
	OPT(mask, 1, WORD),
	OPT(saddr, 2, FLAG),
	OPT(daddr, 2, FLAG),
};

const struct ext ext_connlimit = {
	.name = "connlimit",
	.id = CFG_M_CONNLIMIT,
	.families = CFG_BOTH,
	.opt = connlimit_opt,
	.n_opt = EXT_N(connlimit_opt),
	.check = connlimit_check,
};
