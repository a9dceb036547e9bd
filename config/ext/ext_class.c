// CHECKSUM and CLASSIFY: rows of the extension table with their parse and show functions. Both are
// about what a host leaves to its network devices: checksums that are still to be filled in, which
// no packet here lacks, and classes of queueing disciplines, which are not here.
//
// Called through the table by both readers and both writers.
#include "config/ext/ext.h"

#include <stdio.h>

static bool
fill_parse(struct ext_in *in)
{
	(void)in;
	return true;
}

static bool
fill_show(struct ext_out *out)
{
	(void)out;
	return true;
}

// MAJOR:MINOR, hexadecimal. Like iptables, which reads them with scanf(), this takes what stands
// behind them and of longer numbers the last four digits.
static bool
set_class_parse(struct ext_in *in)
{
	unsigned int major, minor;

	if (sscanf(in->value[0], "%x:%x", &major, &minor) != 2) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a class MAJOR:MINOR", in->name,
			    in->value[0]);
		return false;
	}
	in->target->priority = major << 16 | (minor & 0xffff);
	return true;
}

static bool
set_class_show(struct ext_out *out)
{
	uint32_t class = out->target->priority;

	cfg_buf_addf(out->text, "%04x:%04x", class >> 16, class & 0xffff);
	return true;
}

static const char *
classify_unable(const struct cfg_rule *rule, const void *item)
{
	(void)rule;
	(void)item;
	return "there are no queueing disciplines here; mark the packets with DSCP and let the "
	       "next device queue by that instead";
}

static const struct ext_opt checksum_opt[] = {
	{.name = "checksum-fill", .required = true, .parse = fill_parse, .show = fill_show},
};
static const struct ext_opt classify_opt[] = {
	{.name = "set-class",
	 .value = EXT_WORD,
	 .required = true,
	 .parse = set_class_parse,
	 .show = set_class_show},
};

const struct ext ext_checksum = {
	.name = "CHECKSUM",
	.target = true,
	.id = CFG_T_CHECKSUM,
	.families = CFG_BOTH,
	.tables = 1 << CFG_MANGLE,
	.opt = checksum_opt,
	.n_opt = EXT_N(checksum_opt),
};
const struct ext ext_classify = {
	.name = "CLASSIFY",
	.target = true,
	.id = CFG_T_CLASSIFY,
	.families = CFG_BOTH,
	.hooks = 1 << CFG_FORWARD | 1 << CFG_OUTPUT | 1 << CFG_POSTROUTING,
	.opt = classify_opt,
	.n_opt = EXT_N(classify_opt),
	.unable = classify_unable,
};
