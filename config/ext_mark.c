// NOTRACK, CT and MARK: rows of the extension table with their parse and show functions.
//
// Called through the table by both readers and both writers. CT's options other than --notrack have
// a row without a parse function: they are refused by name. MARK's five ways to say what becomes of
// the mark are one: mark = (mark & ~mask) ^ value, and iptables-save prints only that one.
#include "config/ext.h"
#include "config/value.h"

#include <string.h>

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

static bool
bad_mark(struct ext_in *in, const char *expected)
{
	cfg_err_add(in->err, in->pos, "'%s': bad mark \"%s\" (expected %s of 32 bits)", in->name,
		    in->value[0], expected);
	return false;
}

// VALUE or VALUE/MASK.
static bool
value_mask(struct ext_in *in, uint32_t *value, uint32_t *mask)
{
	const char *text = in->value[0], *slash = strchr(text, '/');
	char first[32];
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);

	*mask = UINT32_MAX;
	if (n >= sizeof(first))
		return bad_mark(in, "VALUE or VALUE/MASK");
	memcpy(first, text, n);
	first[n] = '\0';
	if (!cfg_value_u32(first, UINT32_MAX, value) ||
	    (slash != NULL && !cfg_value_u32(slash + 1, UINT32_MAX, mask)))
		return bad_mark(in, "VALUE or VALUE/MASK");
	return true;
}

static bool
set_xmark_parse(struct ext_in *in)
{
	return value_mask(in, &in->target->mark.value, &in->target->mark.mask);
}

// Sets the value's bits even where the mask does not name them.
static bool
set_mark_parse(struct ext_in *in)
{
	struct cfg_t_mark *m = &in->target->mark;

	if (!value_mask(in, &m->value, &m->mask))
		return false;
	m->mask |= m->value;
	return true;
}

static bool
one_value(struct ext_in *in, uint32_t *bits)
{
	return cfg_value_u32(in->value[0], UINT32_MAX, bits) || bad_mark(in, "a number");
}

static bool
and_mark_parse(struct ext_in *in)
{
	uint32_t bits;

	if (!one_value(in, &bits))
		return false;
	in->target->mark = (struct cfg_t_mark){0, ~bits};
	return true;
}

static bool
or_mark_parse(struct ext_in *in)
{
	uint32_t bits;

	if (!one_value(in, &bits))
		return false;
	in->target->mark = (struct cfg_t_mark){bits, bits};
	return true;
}

static bool
xor_mark_parse(struct ext_in *in)
{
	uint32_t bits;

	if (!one_value(in, &bits))
		return false;
	in->target->mark = (struct cfg_t_mark){bits, 0};
	return true;
}

static bool
mark_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "0x%x/0x%x", out->target->mark.value, out->target->mark.mask);
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

static const struct ext_opt mark_opt[] = {
	{.name = "set-xmark", .value = EXT_WORD, .parse = set_xmark_parse, .show = mark_show},
	{.name = "set-mark", .value = EXT_WORD, .parse = set_mark_parse},
	{.name = "and-mark", .value = EXT_WORD, .parse = and_mark_parse},
	{.name = "or-mark", .value = EXT_WORD, .parse = or_mark_parse},
	{.name = "xor-mark", .value = EXT_WORD, .parse = xor_mark_parse},
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
const struct ext ext_mark_target = {
	.name = "MARK",
	.target = true,
	.id = CFG_T_MARK,
	.families = CFG_BOTH,
	.some_option = true,
	.opt = mark_opt,
	.n_opt = EXT_N(mark_opt),
};
