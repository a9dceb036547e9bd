// NOTRACK and CT: rows of the extension table with their parse and show functions.
//
// Called through the table by both readers and both writers. CT's options other than --notrack have
// a row without a parse function: they are refused by name.
#include "config/ext.h"

static bool
notrack_parse(struct ext_in *in)
{
	(void)in; // the target has nothing else to say
	return true;
}

static bool
notrack_show(struct ext_out *out)
{
	(void)out;
	return true;
}

static const struct ext_opt ct_opt[] = {
	{.name = "notrack",
	 .slot = 0,
	 .value = EXT_FLAG,
	 .parse = notrack_parse,
	 .show = notrack_show},
	{.name = "helper", .slot = 1, .value = EXT_WORD},
	{.name = "timeout", .slot = 2, .value = EXT_WORD},
	{.name = "ctevents", .slot = 3, .value = EXT_LIST},
	{.name = "expevents", .slot = 4, .value = EXT_LIST},
	{.name = "zone-orig", .slot = 5, .value = EXT_WORD},
	{.name = "zone-reply", .slot = 6, .value = EXT_WORD},
	{.name = "zone", .slot = 7, .value = EXT_WORD},
};

const struct ext ext_notrack = {
	.name = "NOTRACK",
	.target = true,
	.id = CFG_T_NOTRACK,
	.families = CFG_BOTH,
	.tables = 1 << CFG_RAW,
};
// iptables 1.8.9 takes a bare CT, which changes nothing; here it has to say something.
const struct ext ext_ct = {
	.name = "CT",
	.target = true,
	.id = CFG_T_CT,
	.families = CFG_BOTH,
	.tables = 1 << CFG_RAW,
	.some_option = true,
	.opt = ct_opt,
	.n_opt = EXT_N(ct_opt),
};
