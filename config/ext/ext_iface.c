// physdev: row of the extension table with its parse and show functions. A gateway routes: no
// packet comes by a bridge's port, so it answers as the kernel does for such packets.
//
// Called through the table by both readers and both writers.
#include "config/ext/ext.h"
#include "config/value.h"

#include <string.h>

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

#define DEV(opt, n, v, p, s)                                                                       \
	{                                                                                          \
		.name = opt, .slot = n, .value = v, .invertible = true, .parse = p, .show = s      \
	}
// In the order in which iptables-save prints them.
static const struct ext_opt physdev_opt[] = {
	DEV("physdev-is-in", 0, EXT_FLAG, is_in_parse, is_in_show),
	DEV("physdev-in", 1, EXT_WORD, in_parse, in_show),
	DEV("physdev-is-out", 2, EXT_FLAG, is_out_parse, is_out_show),
	DEV("physdev-out", 3, EXT_WORD, out_parse, out_show),
	DEV("physdev-is-bridged", 4, EXT_FLAG, is_bridged_parse, is_bridged_show),
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
