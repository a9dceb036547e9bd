// physdev and policy: rows of the extension table with their parse and show functions. A gateway
// routes: no packet comes by a bridge's port, and none was in an IPsec tunnel of its own, so both
// answer as the kernel does for such packets.
//
// Called through the table by both readers and both writers.
#include "config/ext/ext.h"
#include "config/value.h"

#include <netinet/in.h>
#include <string.h>

// ---- physdev
static bool
dev_parse(struct ext_in *in, struct cfg_iface *i, uint8_t bit)
{
	const char *why;

	if (!cfg_value_iface(in->value[0], i, &why)) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\": %s", in->name, in->value[0], why);
		return false;
	}
	in->match->physdev.asked |= bit;
	in->match->physdev.inverted |= in->invert ? bit : 0;
	return true;
}

static bool
dev_flag(struct ext_in *in, uint8_t bit)
{
	in->match->physdev.asked |= bit;
	in->match->physdev.inverted |= in->invert ? bit : 0;
	return true;
}

static bool
dev_show(struct ext_out *out, const struct cfg_iface *i, uint8_t bit)
{
	out->invert = out->match->physdev.inverted & bit;
	if (i != NULL)
		cfg_iface_print(out->text, i);
	return out->match->physdev.asked & bit;
}

static bool
is_in_parse(struct ext_in *in)
{
	return dev_flag(in, CFG_PD_IS_IN);
}

static bool
is_in_show(struct ext_out *out)
{
	return dev_show(out, NULL, CFG_PD_IS_IN);
}

static bool
in_parse(struct ext_in *in)
{
	return dev_parse(in, &in->match->physdev.in, CFG_PD_IN);
}

static bool
in_show(struct ext_out *out)
{
	return dev_show(out, &out->match->physdev.in, CFG_PD_IN);
}

static bool
is_out_parse(struct ext_in *in)
{
	return dev_flag(in, CFG_PD_IS_OUT);
}

static bool
is_out_show(struct ext_out *out)
{
	return dev_show(out, NULL, CFG_PD_IS_OUT);
}

static bool
out_parse(struct ext_in *in)
{
	return dev_parse(in, &in->match->physdev.out, CFG_PD_OUT);
}

static bool
out_show(struct ext_out *out)
{
	return dev_show(out, &out->match->physdev.out, CFG_PD_OUT);
}

static bool
is_bridged_parse(struct ext_in *in)
{
	return dev_flag(in, CFG_PD_IS_BRIDGED);
}

static bool
is_bridged_show(struct ext_out *out)
{
	return dev_show(out, NULL, CFG_PD_IS_BRIDGED);
}

// In OUTPUT the kernel does not know the port yet, unless only bridged packets are meant.
static uint8_t
physdev_hooks(const void *item)
{
	const struct cfg_m_physdev *m = &((const struct cfg_match *)item)->physdev;

	if ((m->asked & (CFG_PD_OUT | CFG_PD_IS_OUT)) &&
	    !(m->asked & ~m->inverted & CFG_PD_IS_BRIDGED))
		return 1 << CFG_PREROUTING | 1 << CFG_INPUT | 1 << CFG_FORWARD |
		       1 << CFG_POSTROUTING;
	return 0;
}

// ---- policy
static bool
dir_parse(struct ext_in *in)
{
	in->match->policy.dir_set = true;
	in->match->policy.out = strcmp(in->value[0], "out") == 0;
	if (in->match->policy.out || strcmp(in->value[0], "in") == 0)
		return true;
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not in or out", in->name, in->value[0]);
	return false;
}

static bool
dir_show(struct ext_out *out)
{
	cfg_buf_add(out->text, out->match->policy.out ? "out" : "in");
	return true;
}

static bool
pol_parse(struct ext_in *in)
{
	in->match->policy.none = strcmp(in->value[0], "none") == 0;
	if (in->match->policy.none || strcmp(in->value[0], "ipsec") == 0)
		return true;
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not none or ipsec", in->name, in->value[0]);
	return false;
}

static bool
pol_show(struct ext_out *out)
{
	cfg_buf_add(out->text, out->match->policy.none ? "none" : "ipsec");
	return true;
}

static bool
strict_parse(struct ext_in *in)
{
	in->match->policy.strict = true;
	return true;
}

static bool
strict_show(struct ext_out *out)
{
	return out->match->policy.strict;
}

static bool
element(struct ext_in *in, uint8_t bit)
{
	in->match->policy.asked |= bit;
	in->match->policy.inverted |= in->invert ? bit : 0;
	return true;
}

// Of "none" iptables-save prints nothing more.
static bool
element_show(struct ext_out *out, uint8_t bit)
{
	const struct cfg_m_policy *m = &out->match->policy;

	out->invert = m->inverted & bit;
	return (m->asked & bit) && !m->none;
}

static bool
reqid_parse(struct ext_in *in)
{
	return element(in, CFG_POL_REQID) &&
	       ext_number(in, 0, UINT32_MAX, &in->match->policy.reqid);
}

static bool
reqid_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->match->policy.reqid);
	return element_show(out, CFG_POL_REQID);
}

static bool
pol_spi_parse(struct ext_in *in)
{
	return element(in, CFG_POL_SPI) && ext_number(in, 0, UINT32_MAX, &in->match->policy.spi);
}

static bool
pol_spi_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "0x%x", out->match->policy.spi);
	return element_show(out, CFG_POL_SPI);
}

static bool
pol_proto_parse(struct ext_in *in)
{
	uint16_t proto = 0;

	element(in, CFG_POL_PROTO);
	if (!cfg_value_proto(in->value[0], &proto) ||
	    (proto != IPPROTO_AH && proto != IPPROTO_ESP && proto != IPPROTO_COMP)) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not ah, esp or ipcomp", in->name,
			    in->value[0]);
		return false;
	}
	in->match->policy.proto = proto;
	return true;
}

static bool
pol_proto_show(struct ext_out *out)
{
	const char *name = cfg_proto_name(out->match->policy.proto);

	cfg_buf_add(out->text, name != NULL ? name : "");
	return element_show(out, CFG_POL_PROTO);
}

static bool
mode_parse(struct ext_in *in)
{
	element(in, CFG_POL_MODE);
	in->match->policy.tunnel = strcmp(in->value[0], "tunnel") == 0;
	if (in->match->policy.tunnel || strcmp(in->value[0], "transport") == 0)
		return true;
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not tunnel or transport", in->name,
		    in->value[0]);
	return false;
}

static bool
mode_show(struct ext_out *out)
{
	cfg_buf_add(out->text, out->match->policy.tunnel ? "tunnel" : "transport");
	return element_show(out, CFG_POL_MODE);
}

static bool
policy_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	const struct cfg_m_policy *m = &((const struct cfg_match *)item)->policy;

	(void)rule;
	if (m->strict && m->none)
		cfg_err_add(err, pos, "match 'policy': 'strict' cannot go with 'pol' none");
	else if (m->strict && m->asked == 0)
		cfg_err_add(err, pos,
			    "match 'policy': 'strict' needs one of reqid, spi, proto and mode");
	else
		return true;
	return false;
}

static uint8_t
policy_hooks(const void *item)
{
	const struct cfg_m_policy *m = &((const struct cfg_match *)item)->policy;

	return m->out ? 1 << CFG_FORWARD | 1 << CFG_OUTPUT | 1 << CFG_POSTROUTING
		      : 1 << CFG_PREROUTING | 1 << CFG_INPUT | 1 << CFG_FORWARD;
}

#define DEV(opt, n, v, p, s)                                                                       \
	{                                                                                          \
		.name = opt, .slot = n, .value = v, .invertible = true, .parse = p, .show = s      \
	}
// Both in the order in which iptables-save prints them.
static const struct ext_opt physdev_opt[] = {
	DEV("physdev-is-in", 0, EXT_FLAG, is_in_parse, is_in_show),
	DEV("physdev-in", 1, EXT_WORD, in_parse, in_show),
	DEV("physdev-is-out", 2, EXT_FLAG, is_out_parse, is_out_show),
	DEV("physdev-out", 3, EXT_WORD, out_parse, out_show),
	DEV("physdev-is-bridged", 4, EXT_FLAG, is_bridged_parse, is_bridged_show),
};
static const struct ext_opt policy_opt[] = {
	{.name = "dir",
	 .slot = 0,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = dir_parse,
	 .show = dir_show},
	{.name = "pol", .slot = 1, .value = EXT_WORD, .parse = pol_parse, .show = pol_show},
	{.name = "strict", .slot = 2, .parse = strict_parse, .show = strict_show},
	DEV("reqid", 3, EXT_WORD, reqid_parse, reqid_show),
	DEV("spi", 4, EXT_WORD, pol_spi_parse, pol_spi_show),
	DEV("proto", 5, EXT_WORD, pol_proto_parse, pol_proto_show),
	DEV("mode", 6, EXT_WORD, mode_parse, mode_show),
	// Refused by name.
	{.name = "tunnel-dst", .slot = 7, .value = EXT_WORD, .invertible = true},
	{.name = "tunnel-src", .slot = 8, .value = EXT_WORD, .invertible = true},
	{.name = "next", .slot = 9},
};

const struct ext ext_physdev = {
	.name = "physdev",
	.id = CFG_M_PHYSDEV,
	.families = CFG_BOTH,
	.hooks_of = physdev_hooks,
	.some_option = true,
	.opt = physdev_opt,
	.n_opt = EXT_N(physdev_opt),
};
const struct ext ext_policy = {
	.name = "policy",
	.id = CFG_M_POLICY,
	.families = CFG_BOTH,
	.hooks_of = policy_hooks,
	.opt = policy_opt,
	.n_opt = EXT_N(policy_opt),
	.check = policy_check,
};
