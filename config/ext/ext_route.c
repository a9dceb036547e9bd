// addrtype and rpfilter: rows of the extension table with their parse and show functions.
//
// Called through the table by both readers and both writers. Where an address type or a limit to
// an interface can stand is what the kernel checks.
#include "config/ext/ext.h"
#include "config/value.h"

#include <string.h>
#include <strings.h>

// In the order of their bits, which is that in which iptables-save prints them.
static const char *const types[] = {
	"UNSPEC",    "UNICAST",	    "LOCAL",	"BROADCAST", "ANYCAST", "MULTICAST",
	"BLACKHOLE", "UNREACHABLE", "PROHIBIT", "THROW",     "NAT",	"XRESOLVE",
};

// A name in any case, or its beginning: of several the first in the order.
static bool
type_word(const char *word, uint16_t *mask)
{
	size_t n = strlen(word);

	for (size_t i = 0; n > 0 && i < EXT_N(types); i++) {
		if (strncasecmp(word, types[i], n) == 0) {
			*mask |= 1u << i;
			return true;
		}
	}
	return false;
}

static bool
types_parse(struct ext_in *in, uint16_t *out)
{
	const char *rest = in->value[0];
	uint16_t mask = 0;
	char word[16];

	while (rest != NULL) {
		if (!cfg_value_next(&rest, word, sizeof(word)) || !type_word(word, &mask)) {
			cfg_err_add(in->err, in->pos,
				    "'%s': unknown type in \"%s\" (expected a list of UNICAST, "
				    "LOCAL, BROADCAST, ANYCAST, MULTICAST ...)",
				    in->name, in->value[0]);
			return false;
		}
	}
	*out = mask;
	if (mask & ~CFG_AT_IPV6)
		return ext_narrow(in, CFG_IPV4, types[__builtin_ctz(mask & ~CFG_AT_IPV6)]);
	return true;
}

static bool
src_type_parse(struct ext_in *in)
{
	in->match->addrtype.src_inv = in->invert;
	return types_parse(in, &in->match->addrtype.src);
}

static bool
dst_type_parse(struct ext_in *in)
{
	in->match->addrtype.dst_inv = in->invert;
	return types_parse(in, &in->match->addrtype.dst);
}

static bool
types_show(struct ext_out *out, uint16_t mask, bool invert)
{
	const char *sep = "";

	out->invert = invert;
	for (size_t i = 0; i < EXT_N(types); i++) {
		if (!(mask >> i & 1))
			continue;
		cfg_buf_add(out->text, sep);
		cfg_buf_add(out->text, types[i]);
		sep = ",";
	}
	return mask != 0;
}

static bool
src_type_show(struct ext_out *out)
{
	return types_show(out, out->match->addrtype.src, out->match->addrtype.src_inv);
}

static bool
dst_type_show(struct ext_out *out)
{
	return types_show(out, out->match->addrtype.dst, out->match->addrtype.dst_inv);
}

static bool
limit_in_parse(struct ext_in *in)
{
	in->match->addrtype.limit_in = true;
	return true;
}

static bool
limit_in_show(struct ext_out *out)
{
	return out->match->addrtype.limit_in;
}

static bool
limit_out_parse(struct ext_in *in)
{
	in->match->addrtype.limit_out = true;
	return true;
}

static bool
limit_out_show(struct ext_out *out)
{
	return out->match->addrtype.limit_out;
}

static bool
addrtype_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos,
	       struct cfg_err *err)
{
	const struct cfg_m_addrtype *m = &((const struct cfg_match *)item)->addrtype;

	(void)rule;
	if (m->src != 0 || m->dst != 0)
		return true;
	cfg_err_add(err, pos, "match 'addrtype' needs 'src-type' or 'dst-type'");
	return false;
}

// A packet has no input interface any more after it was sent, and no output before it was routed.
static uint8_t
addrtype_hooks(const void *item)
{
	const struct cfg_m_addrtype *m = &((const struct cfg_match *)item)->addrtype;

	if (m->limit_in)
		return 1 << CFG_PREROUTING | 1 << CFG_INPUT | 1 << CFG_FORWARD;
	if (m->limit_out)
		return 1 << CFG_FORWARD | 1 << CFG_OUTPUT | 1 << CFG_POSTROUTING;
	return 0;
}

static const char *
addrtype_unable(const struct cfg_rule *rule, const void *item)
{
	const struct cfg_m_addrtype *m = &((const struct cfg_match *)item)->addrtype;

	if ((m->limit_in || m->limit_out) && ((m->src | m->dst) & CFG_AT_UNREACHABLE) &&
	    (rule->family & CFG_IPV6))
		return "which IPv6 addresses cannot be reached through one interface is not known, "
		       "only the best route to each; leave the limit out";
	return NULL;
}

#define FLAG(field)                                                                                \
	static bool field##_parse(struct ext_in *in)                                               \
	{                                                                                          \
		in->match->rpfilter.field = true;                                                  \
		return true;                                                                       \
	}                                                                                          \
	static bool field##_show(struct ext_out *out)                                              \
	{                                                                                          \
		return out->match->rpfilter.field;                                                 \
	}
FLAG(loose)
FLAG(validmark)
FLAG(accept_local)
FLAG(invert)

static const struct ext_opt addrtype_opt[] = {
	{.name = "src-type",
	 .slot = 0,
	 .value = EXT_LIST,
	 .invertible = true,
	 .parse = src_type_parse,
	 .show = src_type_show},
	{.name = "dst-type",
	 .slot = 1,
	 .value = EXT_LIST,
	 .invertible = true,
	 .parse = dst_type_parse,
	 .show = dst_type_show},
	{.name = "limit-iface-in", .slot = 2, .parse = limit_in_parse, .show = limit_in_show},
	{.name = "limit-iface-out", .slot = 2, .parse = limit_out_parse, .show = limit_out_show},
};
static const struct ext_opt rpfilter_opt[] = {
	{.name = "loose", .slot = 0, .parse = loose_parse, .show = loose_show},
	{.name = "validmark", .slot = 1, .parse = validmark_parse, .show = validmark_show},
	{.name = "accept-local", .slot = 2, .parse = accept_local_parse, .show = accept_local_show},
	{.name = "invert", .slot = 3, .parse = invert_parse, .show = invert_show},
};

const struct ext ext_addrtype = {
	.name = "addrtype",
	.id = CFG_M_ADDRTYPE,
	.families = CFG_BOTH,
	.hooks_of = addrtype_hooks,
	.opt = addrtype_opt,
	.n_opt = EXT_N(addrtype_opt),
	.check = addrtype_check,
	.unable = addrtype_unable,
};
const struct ext ext_rpfilter = {
	.name = "rpfilter",
	.id = CFG_M_RPFILTER,
	.families = CFG_BOTH,
	.tables = 1 << CFG_RAW | 1 << CFG_MANGLE,
	.hooks = 1 << CFG_PREROUTING,
	.opt = rpfilter_opt,
	.n_opt = EXT_N(rpfilter_opt),
};
