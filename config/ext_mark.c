// MARK: its row of the extension table with its parse and show functions.
//
// Called through the table by both readers and both writers. The five ways to say what becomes of
// the mark are one: mark = (mark & ~mask) ^ value, and iptables-save prints only that one.
#include "config/ext.h"
#include "config/value.h"

#include <string.h>

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

static const struct ext_opt mark_opt[] = {
	{.name = "set-xmark", .value = EXT_WORD, .parse = set_xmark_parse, .show = mark_show},
	{.name = "set-mark", .value = EXT_WORD, .parse = set_mark_parse},
	{.name = "and-mark", .value = EXT_WORD, .parse = and_mark_parse},
	{.name = "or-mark", .value = EXT_WORD, .parse = or_mark_parse},
	{.name = "xor-mark", .value = EXT_WORD, .parse = xor_mark_parse},
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
