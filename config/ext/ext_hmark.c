// HMARK: row of the extension table with its parse and show functions, called through the table by
// both readers and both writers. --hmark-tuple says in short what the prefixes and masks say one by
// one, and counts as having given them: iptables-save prints only those, and "ct".
#include "config/ext/ext.h"
#include "config/value.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

// What an option gives, unless it or the tuple has given it before.
static bool
give(struct ext_in *in, enum cfg_hmark_field field)
{
	struct cfg_t_hmark *h = &in->target->hmark;

	if (h->set & field) {
		cfg_err_add(in->err, in->pos,
			    "'%s' can stand only once, and not behind an 'hmark-tuple' that says "
			    "the same",
			    in->name);
		return false;
	}
	h->set |= field;
	return true;
}

// A length or a mask without gaps, as iptables reads masks: numbers in any base count as lengths
// first, and then, in IPv4, as masks.
static bool
prefix_word(struct ext_in *in, uint8_t *len)
{
	struct cfg_addr a = {0};
	const char *text = in->value[0], *why;
	char both[64];
	uint32_t v;
	int n;

	if (cfg_value_u32(text, in->families & CFG_IPV6 ? 128 : 32, &v)) {
		*len = (uint8_t)v;
		return v <= 32 || ext_narrow(in, CFG_IPV6, in->name);
	}
	if (cfg_value_u32(text, UINT32_MAX, &v))
		snprintf(both, sizeof(both), "0.0.0.0/%u.%u.%u.%u", v >> 24, v >> 16 & 0xff,
			 v >> 8 & 0xff, v & 0xff);
	else
		snprintf(both, sizeof(both), "%s/%.45s", strchr(text, ':') ? "::" : "0.0.0.0",
			 text);
	n = cfg_value_addr(both, in->families, &a, &why) ? cfg_mask_len(a.mask, a.family) : -1;
	if (n >= 0) {
		*len = (uint8_t)n;
		return ext_narrow(in, a.family, in->name);
	}
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a prefix length or a mask without gaps",
		    in->name, text);
	return false;
}

static void
prefix_show(struct ext_out *out, uint8_t len)
{
	bool v4 = (out->yaml ? out->rule->family : out->family) == CFG_IPV4;

	cfg_buf_addf(out->text, "%u", len != CFG_HMARK_WHOLE ? len : v4 ? 32 : 128);
}

// In YAML of both families the whole address is the tuple's word: lengths differ.
static bool
says_prefix(const struct ext_out *out, enum cfg_hmark_field field, uint8_t len)
{
	return (out->target->hmark.set & field) &&
	       !(out->yaml && out->rule->family == CFG_BOTH && len == CFG_HMARK_WHOLE);
}

#define PREFIX(which, field)                                                                       \
	static bool which##_parse(struct ext_in *in)                                               \
	{                                                                                          \
		return give(in, field) && prefix_word(in, &in->target->hmark.which);               \
	}                                                                                          \
	static bool which##_show(struct ext_out *out)                                              \
	{                                                                                          \
		prefix_show(out, out->target->hmark.which);                                        \
		return says_prefix(out, field, out->target->hmark.which);                          \
	}
PREFIX(src_len, CFG_HMARK_SRC)
PREFIX(dst_len, CFG_HMARK_DST)

#define NUMBER(which, field, min, max, format)                                                     \
	static bool which##_parse(struct ext_in *in)                                               \
	{                                                                                          \
		uint32_t v = 0;                                                                    \
		if (!give(in, field) || !ext_number(in, min, max, &v))                             \
			return false;                                                              \
		in->target->hmark.which = v;                                                       \
		return true;                                                                       \
	}                                                                                          \
	static bool which##_show(struct ext_out *out)                                              \
	{                                                                                          \
		cfg_buf_addf(out->text, format, out->target->hmark.which);                         \
		return out->target->hmark.set & (field);                                           \
	}
NUMBER(sport_mask, CFG_HMARK_SPORT_MASK, 0, UINT16_MAX, "0x%04x")
NUMBER(dport_mask, CFG_HMARK_DPORT_MASK, 0, UINT16_MAX, "0x%04x")
NUMBER(spi_mask, CFG_HMARK_SPI_MASK, 0, UINT32_MAX, "0x%08x")
NUMBER(sport, CFG_HMARK_SPORT, 0, UINT16_MAX, "0x%04x")
NUMBER(dport, CFG_HMARK_DPORT, 0, UINT16_MAX, "0x%04x")
NUMBER(spi, CFG_HMARK_SPI, 0, UINT32_MAX, "0x%08x")
NUMBER(proto_mask, CFG_HMARK_PROTO_MASK, 0, UINT16_MAX, "0x%02x")
NUMBER(rnd, CFG_HMARK_RND, 0, UINT32_MAX, "0x%08x")
NUMBER(mod, CFG_HMARK_MOD, 1, UINT32_MAX, "%u")
NUMBER(offset, CFG_HMARK_OFFSET, 0, UINT32_MAX, "%u")

static bool
tuple_word(struct cfg_t_hmark *h, const char *word)
{
	static const struct {
		const char *name;
		enum cfg_hmark_field field;
	} names[] = {
		{"src", CFG_HMARK_SRC},
		{"dst", CFG_HMARK_DST},
		{"sport", CFG_HMARK_SPORT_MASK},
		{"dport", CFG_HMARK_DPORT_MASK},
		{"proto", CFG_HMARK_PROTO_MASK},
		{"spi", CFG_HMARK_SPI_MASK},
		{"ct", CFG_HMARK_CT},
	};
	size_t i = 0;

	while (i < EXT_N(names) && strcasecmp(names[i].name, word) != 0)
		i++;
	if (i == EXT_N(names))
		return false;
	h->set |= names[i].field;
	switch (names[i].field) {
	case CFG_HMARK_SRC:
		h->src_len = CFG_HMARK_WHOLE;
		break;
	case CFG_HMARK_DST:
		h->dst_len = CFG_HMARK_WHOLE;
		break;
	case CFG_HMARK_SPORT_MASK:
		h->sport_mask = UINT16_MAX;
		break;
	case CFG_HMARK_DPORT_MASK:
		h->dport_mask = UINT16_MAX;
		break;
	case CFG_HMARK_PROTO_MASK:
		h->proto_mask = UINT16_MAX;
		break;
	case CFG_HMARK_SPI_MASK:
		h->spi_mask = UINT32_MAX;
		break;
	default:
		break;
	}
	return true;
}

static bool
tuple_parse(struct ext_in *in)
{
	const char *rest = in->value[0];
	char word[16];

	while (rest != NULL) {
		if (cfg_value_next(&rest, word, sizeof(word)) &&
		    tuple_word(&in->target->hmark, word))
			continue;
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is not a list of src, dst, sport, dport, spi, proto and "
			    "ct",
			    in->name, in->value[0]);
		return false;
	}
	return true;
}

static bool
tuple_show(struct ext_out *out)
{
	const struct cfg_t_hmark *h = &out->target->hmark;
	bool both = out->yaml && out->rule->family == CFG_BOTH;
	bool src = both && (h->set & CFG_HMARK_SRC) && h->src_len == CFG_HMARK_WHOLE;
	bool dst = both && (h->set & CFG_HMARK_DST) && h->dst_len == CFG_HMARK_WHOLE;
	bool ct = h->set & CFG_HMARK_CT;

	if (src)
		cfg_buf_add(out->text, "src");
	if (dst)
		cfg_buf_add(out->text, src ? ",dst" : "dst");
	if (ct)
		cfg_buf_add(out->text, src || dst ? ",ct" : "ct");
	return src || dst || ct;
}

static bool
hmark_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	const uint16_t set = ((const struct cfg_target *)item)->hmark.set;
	const uint16_t ports = CFG_HMARK_SPORT_MASK | CFG_HMARK_DPORT_MASK;
	const uint16_t values = CFG_HMARK_SPORT | CFG_HMARK_DPORT;

	(void)rule;
	if ((set & ~(CFG_HMARK_RND | CFG_HMARK_MOD | CFG_HMARK_OFFSET)) == 0)
		cfg_err_add(err, pos, "target 'HMARK' needs 'hmark-tuple' or one of its parts");
	else if ((set & CFG_HMARK_SPI_MASK) && (set & ports))
		cfg_err_add(err, pos, "'hmark-spi-mask' cannot stand together with port masks");
	else if ((set & CFG_HMARK_SPI) && (set & values))
		cfg_err_add(err, pos, "'hmark-spi' cannot stand together with ports");
	else
		return true;
	return false;
}

#define OPT(text, number, which)                                                                   \
	.name = "hmark-" text, .slot = number, .value = EXT_WORD, .parse = which##_parse,          \
	.show = which##_show

// In the order in which iptables-save prints them.
static const struct ext_opt hmark_opt[] = {
	{OPT("src-prefix", 0, src_len)},
	{OPT("dst-prefix", 1, dst_len)},
	{OPT("sport-mask", 2, sport_mask), .pattern = EXT_P_NUMBER},
	{OPT("dport-mask", 3, dport_mask), .pattern = EXT_P_NUMBER},
	{OPT("spi-mask", 4, spi_mask), .pattern = EXT_P_NUMBER},
	{OPT("sport", 5, sport), .pattern = EXT_P_NUMBER},
	{OPT("dport", 6, dport), .pattern = EXT_P_NUMBER},
	{OPT("spi", 7, spi), .pattern = EXT_P_NUMBER},
	{OPT("proto-mask", 8, proto_mask), .pattern = EXT_P_NUMBER},
	{OPT("rnd", 9, rnd), .pattern = EXT_P_NUMBER, .required = true},
	{OPT("mod", 10, mod), .pattern = EXT_P_NUMBER, .required = true},
	{OPT("offset", 11, offset), .pattern = EXT_P_NUMBER},
	{.name = "hmark-tuple",
	 .slot = 12,
	 .value = EXT_LIST,
	 .parse = tuple_parse,
	 .show = tuple_show},
};

const struct ext ext_hmark = {
	.name = "HMARK",
	.target = true,
	.id = CFG_T_HMARK,
	.families = CFG_BOTH,
	.opt = hmark_opt,
	.n_opt = EXT_N(hmark_opt),
	.check = hmark_check,
};
