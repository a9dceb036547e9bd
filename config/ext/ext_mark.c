// MARK and CONNMARK: rows of the extension table with their parse and show functions.
//
// Called through the table by both readers and both writers. The five ways to say what becomes of
// the mark are one: mark = (mark & ~mask) ^ value, and iptables-save prints only that one. CONNMARK
// can also copy between the packet's mark and the flow's; a mask that stands behind a value
// takes the place of the value's own, as the options are read in their order.
#include "config/ext/ext.h"
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

// What one of the five options makes of a mark.
struct change {
	uint32_t value, mask;
};

static bool
set_xmark(struct ext_in *in, struct change *c)
{
	return value_mask(in, &c->value, &c->mask);
}

// Sets the value's bits even where the mask does not name them.
static bool
set_mark(struct ext_in *in, struct change *c)
{
	if (!value_mask(in, &c->value, &c->mask))
		return false;
	c->mask |= c->value;
	return true;
}

static bool
one_value(struct ext_in *in, uint32_t *bits)
{
	return cfg_value_u32(in->value[0], UINT32_MAX, bits) || bad_mark(in, "a number");
}

static bool
and_mark(struct ext_in *in, struct change *c)
{
	uint32_t bits;

	if (!one_value(in, &bits))
		return false;
	*c = (struct change){0, ~bits};
	return true;
}

static bool
or_mark(struct ext_in *in, struct change *c)
{
	uint32_t bits;

	if (!one_value(in, &bits))
		return false;
	*c = (struct change){bits, bits};
	return true;
}

static bool
xor_mark(struct ext_in *in, struct change *c)
{
	uint32_t bits;

	if (!one_value(in, &bits))
		return false;
	*c = (struct change){bits, 0};
	return true;
}

#define CHANGE(option)                                                                             \
	static bool mark_##option(struct ext_in *in)                                               \
	{                                                                                          \
		struct change c;                                                                   \
                                                                                                   \
		if (!option(in, &c))                                                               \
			return false;                                                              \
		in->target->mark = (struct cfg_t_mark){c.value, c.mask};                           \
		return true;                                                                       \
	}                                                                                          \
	static bool connmark_##option(struct ext_in *in)                                           \
	{                                                                                          \
		struct change c;                                                                   \
                                                                                                   \
		if (!option(in, &c))                                                               \
			return false;                                                              \
		in->target->connmark.op = CFG_CM_SET;                                              \
		in->target->connmark.value = c.value;                                              \
		in->target->connmark.ctmask_off = ~c.mask;                                         \
		return true;                                                                       \
	}
CHANGE(set_xmark)
CHANGE(set_mark)
CHANGE(and_mark)
CHANGE(or_mark)
CHANGE(xor_mark)

static bool
mark_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "0x%x/0x%x", out->target->mark.value, out->target->mark.mask);
	return true;
}

static bool
save_parse(struct ext_in *in)
{
	in->target->connmark.op = CFG_CM_SAVE;
	return true;
}

static bool
restore_parse(struct ext_in *in)
{
	in->target->connmark.op = CFG_CM_RESTORE;
	return true;
}

static bool
nfmask_parse(struct ext_in *in)
{
	uint32_t mask;

	if (!one_value(in, &mask))
		return false;
	in->target->connmark.nfmask_off = ~mask;
	return true;
}

static bool
ctmask_parse(struct ext_in *in)
{
	struct cfg_t_connmark *c = &in->target->connmark;
	uint32_t mask;

	if (c->one_mask) {
		cfg_err_add(in->err, in->pos, "'%s' cannot stand together with 'mask'", in->name);
		return false;
	}
	if (!one_value(in, &mask))
		return false;
	c->ctmask_off = ~mask;
	c->two_masks = true;
	return true;
}

static bool
mask_parse(struct ext_in *in)
{
	struct cfg_t_connmark *c = &in->target->connmark;
	uint32_t mask;

	if (c->two_masks) {
		cfg_err_add(in->err, in->pos, "'%s' cannot stand together with 'ctmask'", in->name);
		return false;
	}
	if (!one_value(in, &mask))
		return false;
	c->ctmask_off = c->nfmask_off = ~mask;
	c->one_mask = true;
	return true;
}

static bool
shift_parse(struct ext_in *in, bool right)
{
	uint32_t bits;

	if (!cfg_value_u32(in->value[0], 31, &bits)) {
		cfg_err_add(in->err, in->pos, "'%s': bad shift \"%s\" (expected 0 to 31)", in->name,
			    in->value[0]);
		return false;
	}
	in->target->connmark.shift = (uint8_t)bits;
	in->target->connmark.right = right;
	return true;
}

static bool
left_parse(struct ext_in *in)
{
	return shift_parse(in, false);
}

static bool
right_parse(struct ext_in *in)
{
	return shift_parse(in, true);
}

static bool
connmark_show(struct ext_out *out)
{
	const struct cfg_t_connmark *c = &out->target->connmark;

	if (c->op != CFG_CM_SET)
		return false;
	cfg_buf_addf(out->text, "0x%x/0x%x", c->value, ~c->ctmask_off);
	return true;
}

static bool
save_show(struct ext_out *out)
{
	return out->target->connmark.op == CFG_CM_SAVE;
}

static bool
restore_show(struct ext_out *out)
{
	return out->target->connmark.op == CFG_CM_RESTORE;
}

static bool
nfmask_show(struct ext_out *out)
{
	if (out->target->connmark.op == CFG_CM_SET)
		return false;
	cfg_buf_addf(out->text, "0x%x", ~out->target->connmark.nfmask_off);
	return true;
}

static bool
ctmask_show(struct ext_out *out)
{
	if (out->target->connmark.op == CFG_CM_SET)
		return false;
	cfg_buf_addf(out->text, "0x%x", ~out->target->connmark.ctmask_off);
	return true;
}

static bool
shift_show(struct ext_out *out, bool right)
{
	const struct cfg_t_connmark *c = &out->target->connmark;

	if (c->shift == 0 || c->right != right)
		return false;
	cfg_buf_addf(out->text, "%u", c->shift);
	return true;
}

static bool
left_show(struct ext_out *out)
{
	return shift_show(out, false);
}

static bool
right_show(struct ext_out *out)
{
	return shift_show(out, true);
}

static bool
connmark_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos,
	       struct cfg_err *err)
{
	const struct cfg_target *t = item;

	(void)rule;
	if (t->connmark.op != CFG_CM_NONE)
		return true;
	cfg_err_add(err, pos,
		    "CONNMARK says nothing to do (expected set-xmark, save-mark, restore-mark or "
		    "the like)");
	return false;
}

static const struct ext_opt mark_opt[] = {
	{.name = "set-xmark", .value = EXT_WORD, .parse = mark_set_xmark, .show = mark_show},
	{.name = "set-mark", .value = EXT_WORD, .parse = mark_set_mark},
	{.name = "and-mark", .value = EXT_WORD, .parse = mark_and_mark},
	{.name = "or-mark", .value = EXT_WORD, .parse = mark_or_mark},
	{.name = "xor-mark", .value = EXT_WORD, .parse = mark_xor_mark},
};

#define WORD(text, number, p)                                                                      \
	{                                                                                          \
		.name = text, .slot = number, .value = EXT_WORD, .parse = p                        \
	}
static const struct ext_opt connmark_opt[] = {
	{.name = "set-xmark",
	 .slot = 0,
	 .value = EXT_WORD,
	 .parse = connmark_set_xmark,
	 .show = connmark_show},
	WORD("set-mark", 0, connmark_set_mark),
	WORD("and-mark", 0, connmark_and_mark),
	WORD("or-mark", 0, connmark_or_mark),
	WORD("xor-mark", 0, connmark_xor_mark),
	{.name = "save-mark", .slot = 0, .value = EXT_FLAG, .parse = save_parse, .show = save_show},
	{.name = "restore-mark",
	 .slot = 0,
	 .value = EXT_FLAG,
	 .parse = restore_parse,
	 .show = restore_show},
	WORD("mask", 1, mask_parse),
	{.name = "nfmask",
	 .slot = 1,
	 .value = EXT_WORD,
	 .parse = nfmask_parse,
	 .show = nfmask_show},
	{.name = "ctmask",
	 .slot = 2,
	 .value = EXT_WORD,
	 .parse = ctmask_parse,
	 .show = ctmask_show},
	{.name = "left-shift-mark",
	 .slot = 3,
	 .value = EXT_WORD,
	 .parse = left_parse,
	 .show = left_show},
	{.name = "right-shift-mark",
	 .slot = 4,
	 .value = EXT_WORD,
	 .parse = right_parse,
	 .show = right_show},
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
const struct ext ext_connmark_target = {
	.name = "CONNMARK",
	.target = true,
	.id = CFG_T_CONNMARK,
	.families = CFG_BOTH,
	.opt = connmark_opt,
	.n_opt = EXT_N(connmark_opt),
	.check = connmark_check,
};
