// dccp, ipcomp and devgroup: rows of the extension table with their parse and show functions.
//
// Called through the table by both readers and both writers.
#include "config/ext/ext.h"
#include "config/value.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>

// ---- dccp
// PORT or LOW:HIGH, either of which may be left out. May run backwards: 1.8.9 takes that.
static bool
ports_parse(struct ext_in *in, struct cfg_range16 *out)
{
	const char *text = in->value[0], *colon = strchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : strlen(text);
	struct cfg_range16 r = {0, UINT16_MAX};
	char low[64];
	bool good = n < sizeof(low);

	memcpy(low, text, good ? n : 0);
	low[good ? n : 0] = '\0';
	if (good && (n > 0 || colon == NULL))
		good = cfg_value_port(low, "dccp", &r.lo) || cfg_value_port(low, NULL, &r.lo);
	if (good && colon == NULL)
		r.hi = r.lo;
	else if (good && colon[1] != '\0')
		good = cfg_value_port(colon + 1, "dccp", &r.hi) ||
		       cfg_value_port(colon + 1, NULL, &r.hi);
	if (good)
		*out = r;
	else
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a port or LOW:HIGH, 0 to 65535",
			    in->name, text);
	return good;
}

static bool
sport_parse(struct ext_in *in)
{
	in->match->dccp.sport_set = true;
	in->match->dccp.sport_inv = in->invert;
	return ports_parse(in, &in->match->dccp.sport);
}

static bool
dport_parse(struct ext_in *in)
{
	in->match->dccp.dport_set = true;
	in->match->dccp.dport_inv = in->invert;
	return ports_parse(in, &in->match->dccp.dport);
}

static bool
sport_show(struct ext_out *out)
{
	const struct cfg_m_dccp *m = &out->match->dccp;

	out->invert = m->sport_inv;
	ext_range_show(out, &(struct cfg_range32){m->sport.lo, m->sport.hi});
	return m->sport_set;
}

static bool
dport_show(struct ext_out *out)
{
	const struct cfg_m_dccp *m = &out->match->dccp;

	out->invert = m->dport_inv;
	ext_range_show(out, &(struct cfg_range32){m->dport.lo, m->dport.hi});
	return m->dport_set;
}

static const char *const packet_type[] = { // by number (RFC 4340 section 5.1)
	"REQUEST", "RESPONSE", "DATA", "ACK",	  "DATAACK", "CLOSEREQ",
	"CLOSE",   "RESET",    "SYNC", "SYNCACK", "INVALID"};

static bool
types_parse(struct ext_in *in)
{
	struct cfg_m_dccp *m = &in->match->dccp;
	const char *rest = in->value[0];
	char word[16];

	m->types_inv = in->invert;
	while (rest != NULL) {
		size_t i = 0;

		if (!cfg_value_next(&rest, word, sizeof(word)))
			break;
		while (i < EXT_N(packet_type) && strcasecmp(word, packet_type[i]) != 0)
			i++;
		if (i < EXT_N(packet_type))
			m->types |= 1 << i;
		else if (word[0] != '\0') // nothing between two commas is nothing
			break;
	}
	if (rest == NULL && m->types != 0)
		return true;
	cfg_err_add(in->err, in->pos,
		    "'%s': \"%s\" is not a list of packet types (REQUEST, RESPONSE, DATA, ACK, "
		    "DATAACK, CLOSEREQ, CLOSE, RESET, SYNC, SYNCACK, INVALID)",
		    in->name, in->value[0]);
	return false;
}

static bool
types_show(struct ext_out *out)
{
	const struct cfg_m_dccp *m = &out->match->dccp;
	const char *sep = "";

	out->invert = m->types_inv;
	for (size_t i = 0; i < EXT_N(packet_type); i++) {
		if (!(m->types >> i & 1))
			continue;
		cfg_buf_addf(out->text, "%s%s", sep, packet_type[i]);
		sep = ",";
	}
	return m->types != 0;
}

static bool
option_parse(struct ext_in *in)
{
	uint32_t kind;

	if (!ext_number(in, 1, UINT8_MAX, &kind))
		return false;
	in->match->dccp.option = kind;
	in->match->dccp.option_inv = in->invert;
	return true;
}

static bool
option_show(struct ext_out *out)
{
	const struct cfg_m_dccp *m = &out->match->dccp;

	out->invert = m->option_inv;
	cfg_buf_addf(out->text, "%u", m->option);
	return m->option != 0;
}

// ---- ipcomp
static bool
cpi_parse(struct ext_in *in)
{
	in->match->spi.set = true;
	in->match->spi.invert = in->invert;
	return ext_range(in, UINT32_MAX, &in->match->spi.range);
}

// Not given it is 0, and iptables-save prints that; it leaves a range of all out, negated or not.
static bool
cpi_show(struct ext_out *out)
{
	const struct cfg_m_spi *m = &out->match->spi;

	if (!out->yaml && m->range.lo == 0 && m->range.hi == UINT32_MAX)
		return false;
	out->invert = m->invert;
	ext_range_show(out, &m->range);
	return m->set || !out->yaml;
}

static bool
compres_parse(struct ext_in *in)
{
	in->match->spi.res = true;
	return true;
}

static bool
compres_show(struct ext_out *out)
{
	return out->match->spi.res;
}

// ---- devgroup
// NUMBER[/MASK] or "default", which is group 0 in iproute2's table.
static bool
group_parse(struct ext_in *in, struct cfg_devgroup *g)
{
	const char *text = in->value[0], *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char value[16];
	bool good = n < sizeof(value);

	g->set = true;
	g->invert = in->invert;
	g->mask = UINT32_MAX;
	if (strcmp(text, "default") == 0)
		return true;
	memcpy(value, text, good ? n : 0);
	value[good ? n : 0] = '\0';
	if (good && cfg_value_u32(value, UINT32_MAX, &g->value) &&
	    (slash == NULL || cfg_value_u32(slash + 1, UINT32_MAX, &g->mask)))
		return true;
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a group: NUMBER[/MASK] or default",
		    in->name, text);
	return false;
}

static bool
group_show(struct ext_out *out, const struct cfg_devgroup *g)
{
	out->invert = g->invert;
	if (g->value == 0 && g->mask == UINT32_MAX)
		cfg_buf_add(out->text, "default");
	else
		cfg_buf_addf(out->text, "0x%x", g->value);
	if (g->mask != UINT32_MAX)
		cfg_buf_addf(out->text, "/0x%x", g->mask);
	return g->set;
}

static bool
src_group_parse(struct ext_in *in)
{
	return group_parse(in, &in->match->devgroup.src);
}

static bool
dst_group_parse(struct ext_in *in)
{
	return group_parse(in, &in->match->devgroup.dst);
}

static bool
src_group_show(struct ext_out *out)
{
	return group_show(out, &out->match->devgroup.src);
}

static bool
dst_group_show(struct ext_out *out)
{
	return group_show(out, &out->match->devgroup.dst);
}

static uint8_t
devgroup_hooks(const void *item)
{
	const struct cfg_m_devgroup *m = &((const struct cfg_match *)item)->devgroup;
	uint8_t hooks = UINT8_MAX;

	if (m->src.set)
		hooks &= 1 << CFG_PREROUTING | 1 << CFG_INPUT | 1 << CFG_FORWARD;
	if (m->dst.set)
		hooks &= 1 << CFG_FORWARD | 1 << CFG_OUTPUT | 1 << CFG_POSTROUTING;
	return hooks;
}

static const char *
devgroup_unable(const struct cfg_rule *rule, const void *item)
{
	(void)rule;
	(void)item;
	return "ports of the gateway are in no groups; name them in 'in-interface' and "
	       "'out-interface', several that begin alike with a '+' (lan+)";
}

#define OPT(n, s, v, inv, fn)                                                                      \
	{                                                                                          \
		.name = n, .slot = s, .value = v, .invertible = inv, .parse = fn##_parse,          \
		.show = fn##_show                                                                  \
	}
#define ALIAS(n, s, fn)                                                                            \
	{                                                                                          \
		.name = n, .slot = s, .value = EXT_WORD, .invertible = true, .parse = fn##_parse   \
	}
static const struct ext_opt dccp_opt[] = {
	OPT("sport", 0, EXT_WORD, true, sport),	     ALIAS("source-port", 0, sport),
	OPT("dport", 1, EXT_WORD, true, dport),	     ALIAS("destination-port", 1, dport),
	OPT("dccp-types", 2, EXT_LIST, true, types), OPT("dccp-option", 3, EXT_WORD, true, option),
};
static const struct ext_opt ipcomp_opt[] = {
	OPT("ipcompspi", 0, EXT_WORD, true, cpi),
	OPT("compres", 1, EXT_FLAG, false, compres),
};
static const struct ext_opt devgroup_opt[] = {
	OPT("src-group", 0, EXT_WORD, true, src_group),
	OPT("dst-group", 1, EXT_WORD, true, dst_group),
};

static const uint8_t proto_dccp[] = {IPPROTO_DCCP, 0};
static const uint8_t proto_comp[] = {IPPROTO_COMP, 0};

const struct ext ext_dccp = {
	.name = "dccp",
	.id = CFG_M_DCCP,
	.families = CFG_BOTH,
	.proto = proto_dccp,
	.proto_key = true,
	.opt = dccp_opt,
	.n_opt = EXT_N(dccp_opt),
};
const struct ext ext_ipcomp = {
	.name = "ipcomp",
	.id = CFG_M_IPCOMP,
	.families = CFG_BOTH,
	.proto = proto_comp,
	.opt = ipcomp_opt,
	.n_opt = EXT_N(ipcomp_opt),
};
const struct ext ext_devgroup = {
	.name = "devgroup",
	.id = CFG_M_DEVGROUP,
	.families = CFG_BOTH,
	.hooks_of = devgroup_hooks,
	.some_option = true,
	.opt = devgroup_opt,
	.n_opt = EXT_N(devgroup_opt),
	.unable = devgroup_unable,
};
