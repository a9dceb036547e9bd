// ttl, hl, tos, dscp and ecn: rows of the extension table with their parse and show functions.
//
// Called through the table by both readers and both writers. Names of classes (RFC 791, RFC 2474,
// RFC 2597, RFC 3246) are read; numbers are what iptables-save prints.
#include "config/ext/ext.h"
#include "config/value.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>

static bool
number(struct ext_in *in, uint32_t max, uint8_t *out)
{
	uint32_t v;

	if (!cfg_value_u32(in->value[0], max, &v)) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a number from 0 to %u", in->name,
			    in->value[0], max);
		return false;
	}
	*out = v;
	return true;
}

static bool
ttl_parse(struct ext_in *in, enum cfg_ttl_op op)
{
	in->match->ttl.op = op;
	in->match->ttl.invert = in->invert;
	return number(in, UINT8_MAX, &in->match->ttl.value);
}

static bool
ttl_eq_parse(struct ext_in *in)
{
	return ttl_parse(in, CFG_TTL_EQ);
}

static bool
ttl_lt_parse(struct ext_in *in)
{
	return ttl_parse(in, CFG_TTL_LT);
}

static bool
ttl_gt_parse(struct ext_in *in)
{
	return ttl_parse(in, CFG_TTL_GT);
}

static bool
ttl_show(struct ext_out *out, enum cfg_ttl_op op)
{
	if (out->match->ttl.op != op)
		return false;
	out->invert = out->match->ttl.invert;
	cfg_buf_addf(out->text, "%u", out->match->ttl.value);
	return true;
}

static bool
ttl_eq_show(struct ext_out *out)
{
	return ttl_show(out, CFG_TTL_EQ);
}

static bool
ttl_lt_show(struct ext_out *out)
{
	return ttl_show(out, CFG_TTL_LT);
}

static bool
ttl_gt_show(struct ext_out *out)
{
	return ttl_show(out, CFG_TTL_GT);
}

static const struct {
	const char *name;
	uint8_t value;
} tos_names[] = {
	{"Minimize-Delay", 0x10}, {"Maximize-Throughput", 0x08}, {"Maximize-Reliability", 0x04},
	{"Minimize-Cost", 0x02},  {"Normal-Service", 0x00},
};

bool
ext_tos_word(struct ext_in *in, uint8_t *value, uint8_t *mask)
{
	const char *text = in->value[0], *slash = strchr(text, '/');
	uint32_t v, m = UINT8_MAX;
	char word[16];

	for (size_t i = 0; i < EXT_N(tos_names); i++) {
		if (strcasecmp(text, tos_names[i].name) == 0) {
			*value = tos_names[i].value;
			*mask = 0x3f;
			return true;
		}
	}
	word[0] = '\0';
	if (strcspn(text, "/") < sizeof(word))
		strncat(word, text, strcspn(text, "/"));
	if (!cfg_value_u32(word, UINT8_MAX, &v) ||
	    (slash != NULL && !cfg_value_u32(slash + 1, UINT8_MAX, &m))) {
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is not VALUE or VALUE/MASK, each 0 to 255, or a name "
			    "such as Minimize-Delay",
			    in->name, text);
		return false;
	}
	*value = (uint8_t)v;
	*mask = (uint8_t)m;
	return true;
}

static bool
tos_parse(struct ext_in *in)
{
	in->match->tos.invert = in->invert;
	return ext_tos_word(in, &in->match->tos.value, &in->match->tos.mask);
}

static bool
tos_show(struct ext_out *out)
{
	const struct cfg_m_tos *m = &out->match->tos;

	out->invert = m->invert;
	cfg_buf_addf(out->text, "0x%02x/0x%02x", m->value, m->mask);
	return true;
}

static bool
dscp_parse(struct ext_in *in)
{
	in->match->tos.invert = in->invert;
	return number(in, 63, &in->match->tos.value);
}

// BE, EF, CSn (class selector n) and AFcd (class c, drop precedence d).
bool
ext_dscp_class(struct ext_in *in, uint8_t *value)
{
	const char *s = in->value[0];
	size_t n = strlen(s);

	if (strcasecmp(s, "BE") == 0)
		*value = 0;
	else if (strcasecmp(s, "EF") == 0)
		*value = 46;
	else if (n == 3 && strncasecmp(s, "CS", 2) == 0 && s[2] >= '0' && s[2] <= '7')
		*value = (s[2] - '0') << 3;
	else if (n == 4 && strncasecmp(s, "AF", 2) == 0 && s[2] >= '1' && s[2] <= '4' &&
		 s[3] >= '1' && s[3] <= '3')
		*value = (s[2] - '0') << 3 | (s[3] - '0') << 1;
	else {
		cfg_err_add(in->err, in->pos,
			    "'%s': unknown class \"%s\" (expected BE, EF, CS0 to CS7 or AF11 to "
			    "AF43)",
			    in->name, s);
		return false;
	}
	return true;
}

static bool
dscp_class_parse(struct ext_in *in)
{
	in->match->tos.invert = in->invert;
	return ext_dscp_class(in, &in->match->tos.value);
}

static bool
dscp_show(struct ext_out *out)
{
	out->invert = out->match->tos.invert;
	cfg_buf_addf(out->text, "0x%02x", out->match->tos.value);
	return true;
}

static bool
ece_parse(struct ext_in *in)
{
	in->match->ecn.ece = true;
	in->match->ecn.ece_inv = in->invert;
	return true;
}

static bool
ece_show(struct ext_out *out)
{
	out->invert = out->match->ecn.ece_inv;
	return out->match->ecn.ece;
}

static bool
cwr_parse(struct ext_in *in)
{
	in->match->ecn.cwr = true;
	in->match->ecn.cwr_inv = in->invert;
	return true;
}

static bool
cwr_show(struct ext_out *out)
{
	out->invert = out->match->ecn.cwr_inv;
	return out->match->ecn.cwr;
}

static bool
ect_parse(struct ext_in *in)
{
	in->match->ecn.ect_set = true;
	in->match->ecn.ect_inv = in->invert;
	return number(in, 3, &in->match->ecn.ect);
}

static bool
ect_show(struct ext_out *out)
{
	if (!out->match->ecn.ect_set)
		return false;
	out->invert = out->match->ecn.ect_inv;
	cfg_buf_addf(out->text, "%u", out->match->ecn.ect);
	return true;
}

static bool
ecn_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	const struct cfg_m_ecn *m = &((const struct cfg_match *)item)->ecn;

	if ((!m->ece && !m->cwr) || (rule->proto == IPPROTO_TCP && !rule->proto_inv))
		return true;
	cfg_err_add(err, pos, "match 'ecn': 'ecn-tcp-ece' and 'ecn-tcp-cwr' need protocol tcp");
	return false;
}

#define TTL_OPTS(array, text)                                                                      \
	static const struct ext_opt array[] = {                                                    \
		{.name = text "-eq",                                                               \
		 .value = EXT_WORD,                                                                \
		 .invertible = true,                                                               \
		 .pattern = EXT_P_NUMBER,                                                          \
		 .parse = ttl_eq_parse,                                                            \
		 .show = ttl_eq_show},                                                             \
		{.name = text,                                                                     \
		 .value = EXT_WORD,                                                                \
		 .invertible = true,                                                               \
		 .pattern = EXT_P_NUMBER,                                                          \
		 .parse = ttl_eq_parse},                                                           \
		{.name = text "-lt",                                                               \
		 .value = EXT_WORD,                                                                \
		 .pattern = EXT_P_NUMBER,                                                          \
		 .parse = ttl_lt_parse,                                                            \
		 .show = ttl_lt_show},                                                             \
		{.name = text "-gt",                                                               \
		 .value = EXT_WORD,                                                                \
		 .pattern = EXT_P_NUMBER,                                                          \
		 .parse = ttl_gt_parse,                                                            \
		 .show = ttl_gt_show},                                                             \
	}
TTL_OPTS(ttl_opt, "ttl");
TTL_OPTS(hl_opt, "hl");
static const struct ext_opt tos_opt[] = {
	{.name = "tos",
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .parse = tos_parse,
	 .show = tos_show},
};
static const struct ext_opt dscp_opt[] = {
	{.name = "dscp",
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .parse = dscp_parse,
	 .show = dscp_show},
	{.name = "dscp-class", .value = EXT_WORD, .invertible = true, .parse = dscp_class_parse},
};
// In the order in which iptables-save prints them.
static const struct ext_opt ecn_opt[] = {
	{.name = "ecn-tcp-ece",
	 .slot = 0,
	 .value = EXT_FLAG,
	 .invertible = true,
	 .parse = ece_parse,
	 .show = ece_show},
	{.name = "ecn-tcp-cwr",
	 .slot = 1,
	 .value = EXT_FLAG,
	 .invertible = true,
	 .parse = cwr_parse,
	 .show = cwr_show},
	{.name = "ecn-ip-ect",
	 .slot = 2,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = ect_parse,
	 .show = ect_show},
};

const struct ext ext_ttl = {
	.name = "ttl",
	.id = CFG_M_TTL,
	.families = CFG_IPV4,
	.some_option = true,
	.opt = ttl_opt,
	.n_opt = EXT_N(ttl_opt),
};
const struct ext ext_hl = {
	.name = "hl",
	.id = CFG_M_HL,
	.families = CFG_IPV6,
	.some_option = true,
	.opt = hl_opt,
	.n_opt = EXT_N(hl_opt),
};
const struct ext ext_tos = {
	.name = "tos",
	.id = CFG_M_TOS,
	.families = CFG_BOTH,
	.opt = tos_opt,
	.n_opt = EXT_N(tos_opt),
};
const struct ext ext_dscp = {
	.name = "dscp",
	.id = CFG_M_DSCP,
	.families = CFG_BOTH,
	.opt = dscp_opt,
	.n_opt = EXT_N(dscp_opt),
};
const struct ext ext_ecn = {
	.name = "ecn",
	.id = CFG_M_ECN,
	.families = CFG_BOTH,
	.some_option = true,
	.opt = ecn_opt,
	.n_opt = EXT_N(ecn_opt),
	.check = ecn_check,
};
