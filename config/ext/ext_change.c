// Targets that change a packet's IP header: TTL, HL, TOS, DSCP, ECN. Rows of the extension table
// with their parse and show functions, called through the table by both readers and both writers.
// Words for the TOS byte are those of the matches (ext_header.c).
#include "config/ext/ext.h"
#include "config/value.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static bool
ttl_parse(struct ext_in *in, enum cfg_ttl_mode mode)
{
	uint32_t v;

	if (!ext_number(in, mode == CFG_TTL_SET ? 0 : 1, UINT8_MAX, &v))
		return false;
	in->target->ttl = (struct cfg_t_ttl){mode, (uint8_t)v};
	return true;
}

static bool
ttl_show(struct ext_out *out, enum cfg_ttl_mode mode)
{
	cfg_buf_addf(out->text, "%u", out->target->ttl.value);
	return out->target->ttl.mode == mode;
}

static bool
ttl_set_parse(struct ext_in *in)
{
	return ttl_parse(in, CFG_TTL_SET);
}

static bool
ttl_inc_parse(struct ext_in *in)
{
	return ttl_parse(in, CFG_TTL_INC);
}

static bool
ttl_dec_parse(struct ext_in *in)
{
	return ttl_parse(in, CFG_TTL_DEC);
}

static bool
ttl_set_show(struct ext_out *out)
{
	return ttl_show(out, CFG_TTL_SET);
}

static bool
ttl_inc_show(struct ext_out *out)
{
	return ttl_show(out, CFG_TTL_INC);
}

static bool
ttl_dec_show(struct ext_out *out)
{
	return ttl_show(out, CFG_TTL_DEC);
}

static bool
set_tos_parse(struct ext_in *in)
{
	return ext_tos_word(in, &in->target->tos.value, &in->target->tos.mask);
}

// and, or, xor: one number, told as value and mask.
static bool
tos_bits(struct ext_in *in, uint8_t value_of_bits, uint8_t mask_of_bits, uint8_t mask_xor)
{
	uint32_t v;

	if (!ext_number(in, 0, UINT8_MAX, &v))
		return false;
	in->target->tos.value = (uint8_t)v & value_of_bits;
	in->target->tos.mask = ((uint8_t)v & mask_of_bits) ^ mask_xor;
	return true;
}

static bool
and_tos_parse(struct ext_in *in)
{
	return tos_bits(in, 0, 0xff, 0xff);
}

static bool
or_tos_parse(struct ext_in *in)
{
	return tos_bits(in, 0xff, 0xff, 0);
}

static bool
xor_tos_parse(struct ext_in *in)
{
	return tos_bits(in, 0xff, 0, 0);
}

static bool
set_tos_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "0x%02x/0x%02x", out->target->tos.value, out->target->tos.mask);
	return true;
}

static bool
set_dscp_parse(struct ext_in *in)
{
	uint32_t v;

	if (!ext_number(in, 0, 63, &v))
		return false;
	in->target->tos.value = (uint8_t)v;
	return true;
}

static bool
set_dscp_class_parse(struct ext_in *in)
{
	return ext_dscp_class(in, &in->target->tos.value);
}

static bool
set_dscp_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "0x%02x", out->target->tos.value);
	return true;
}

// In iptables --ecn-tcp-remove is both flags, and neither goes with it.
static bool
ecn_remove_parse(struct ext_in *in)
{
	struct cfg_t_ecn *e = &in->target->ecn;

	if (e->ece_set || e->cwr_set) {
		cfg_err_add(in->err, in->pos,
			    "'%s' cannot stand together with 'ecn-tcp-ece' or 'ecn-tcp-cwr'",
			    in->name);
		return false;
	}
	e->ece_set = e->cwr_set = true;
	e->ece = e->cwr = false;
	return true;
}

static bool
ecn_flag_parse(struct ext_in *in, bool *set, bool *flag)
{
	uint32_t v;

	if (*set) {
		cfg_err_add(in->err, in->pos, "'%s' cannot stand together with 'ecn-tcp-remove'",
			    in->name);
		return false;
	}
	if (!ext_number(in, 0, 1, &v))
		return false;
	*set = true;
	*flag = v != 0;
	return true;
}

static bool
ecn_ece_parse(struct ext_in *in)
{
	return ecn_flag_parse(in, &in->target->ecn.ece_set, &in->target->ecn.ece);
}

static bool
ecn_cwr_parse(struct ext_in *in)
{
	return ecn_flag_parse(in, &in->target->ecn.cwr_set, &in->target->ecn.cwr);
}

static bool
ecn_ect_parse(struct ext_in *in)
{
	uint32_t v;

	if (!ext_number(in, 0, 3, &v))
		return false;
	in->target->ecn.ect_set = true;
	in->target->ecn.ect = (uint8_t)v;
	return true;
}

static bool
ecn_is_remove(const struct cfg_t_ecn *e)
{
	return e->ece_set && e->cwr_set && !e->ece && !e->cwr && !e->ect_set;
}

static bool
ecn_remove_show(struct ext_out *out)
{
	return ecn_is_remove(&out->target->ecn);
}

static bool
ecn_ece_show(struct ext_out *out)
{
	const struct cfg_t_ecn *e = &out->target->ecn;

	cfg_buf_addf(out->text, "%d", e->ece);
	return e->ece_set && !ecn_is_remove(e);
}

static bool
ecn_cwr_show(struct ext_out *out)
{
	const struct cfg_t_ecn *e = &out->target->ecn;

	cfg_buf_addf(out->text, "%d", e->cwr);
	return e->cwr_set && !ecn_is_remove(e);
}

static bool
ecn_ect_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->target->ecn.ect);
	return out->target->ecn.ect_set;
}

static bool
ecn_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	const struct cfg_t_ecn *e = &((const struct cfg_target *)item)->ecn;

	if ((!e->ece_set && !e->cwr_set) || (rule->proto == IPPROTO_TCP && !rule->proto_inv))
		return true;
	cfg_err_add(err, pos, "target 'ECN': TCP's flags need protocol tcp in the same rule");
	return false;
}

#define TTL_OPT(text, fn)                                                                          \
	{                                                                                          \
		.name = text, .value = EXT_WORD, .pattern = EXT_P_NUMBER, .parse = fn##_parse,     \
		.show = fn##_show                                                                  \
	}
static const struct ext_opt ttl_opt[] = {
	TTL_OPT("ttl-set", ttl_set),
	TTL_OPT("ttl-dec", ttl_dec),
	TTL_OPT("ttl-inc", ttl_inc),
};
static const struct ext_opt hl_opt[] = {
	TTL_OPT("hl-set", ttl_set),
	TTL_OPT("hl-dec", ttl_dec),
	TTL_OPT("hl-inc", ttl_inc),
};
static const struct ext_opt tos_opt[] = {
	{.name = "set-tos", .value = EXT_WORD, .parse = set_tos_parse, .show = set_tos_show},
	{.name = "and-tos", .value = EXT_WORD, .pattern = EXT_P_NUMBER, .parse = and_tos_parse},
	{.name = "or-tos", .value = EXT_WORD, .pattern = EXT_P_NUMBER, .parse = or_tos_parse},
	{.name = "xor-tos", .value = EXT_WORD, .pattern = EXT_P_NUMBER, .parse = xor_tos_parse},
};
static const struct ext_opt dscp_opt[] = {
	{.name = "set-dscp",
	 .value = EXT_WORD,
	 .pattern = EXT_P_NUMBER,
	 .parse = set_dscp_parse,
	 .show = set_dscp_show},
	{.name = "set-dscp-class", .value = EXT_WORD, .parse = set_dscp_class_parse},
};
// In the order in which iptables-save prints them.
static const struct ext_opt ecn_opt[] = {
	{.name = "ecn-tcp-remove",
	 .slot = 0,
	 .value = EXT_FLAG,
	 .parse = ecn_remove_parse,
	 .show = ecn_remove_show},
	{.name = "ecn-tcp-ece",
	 .slot = 1,
	 .value = EXT_WORD,
	 .pattern = EXT_P_NUMBER,
	 .parse = ecn_ece_parse,
	 .show = ecn_ece_show},
	{.name = "ecn-tcp-cwr",
	 .slot = 2,
	 .value = EXT_WORD,
	 .pattern = EXT_P_NUMBER,
	 .parse = ecn_cwr_parse,
	 .show = ecn_cwr_show},
	{.name = "ecn-ip-ect",
	 .slot = 3,
	 .value = EXT_WORD,
	 .pattern = EXT_P_NUMBER,
	 .parse = ecn_ect_parse,
	 .show = ecn_ect_show},
};
#define CHANGE(text, number, family_bits, rows)                                                    \
	.name = text, .target = true, .id = number, .families = family_bits,                       \
	.tables = 1 << CFG_MANGLE, .some_option = true, .opt = rows, .n_opt = EXT_N(rows)

const struct ext ext_dscp_target = {CHANGE("DSCP", CFG_T_DSCP, CFG_BOTH, dscp_opt)};
const struct ext ext_ecn_target = {CHANGE("ECN", CFG_T_ECN, CFG_IPV4, ecn_opt), .check = ecn_check};
const struct ext ext_hl_target = {CHANGE("HL", CFG_T_HL, CFG_IPV6, hl_opt)};
const struct ext ext_tos_target = {CHANGE("TOS", CFG_T_TOS, CFG_BOTH, tos_opt)};
const struct ext ext_ttl_target = {CHANGE("TTL", CFG_T_TTL, CFG_IPV4, ttl_opt)};
