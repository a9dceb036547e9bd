// frag, hbh, dst, rt, mh, ipv6header and eui64: what rules ask of IPv6's extension headers (RFC
// 8200) and of addresses made from MACs. Rows of the extension table with their parse and show
// functions.
//
// Called through the table by both readers and both writers.
#include "config/ext/ext.h"
#include "config/value.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// ---- frag
static bool
fragid_parse(struct ext_in *in)
{
	in->match->frag.id_set = true;
	in->match->frag.id_inv = in->invert;
	return ext_range(in, UINT32_MAX, &in->match->frag.id);
}

// iptables-save leaves a range of all out, negated or not.
static bool
fragid_show(struct ext_out *out)
{
	const struct cfg_m_frag *m = &out->match->frag;

	if (!m->id_set || (!out->yaml && m->id.lo == 0 && m->id.hi == UINT32_MAX))
		return false;
	out->invert = m->id_inv;
	ext_range_show(out, &m->id);
	return true;
}

static bool
fraglen_parse(struct ext_in *in)
{
	in->match->frag.len_set = true;
	in->match->frag.len_inv = in->invert;
	return ext_number(in, 0, UINT32_MAX, &in->match->frag.len);
}

static bool
fraglen_show(struct ext_out *out)
{
	out->invert = out->match->frag.len_inv;
	cfg_buf_addf(out->text, "%u", out->match->frag.len);
	return out->match->frag.len_set;
}

#define FRAG_FLAG(flag)                                                                            \
	static bool frag_##flag##_parse(struct ext_in *in)                                         \
	{                                                                                          \
		in->match->frag.flag = true;                                                       \
		return true;                                                                       \
	}                                                                                          \
	static bool frag_##flag##_show(struct ext_out *out)                                        \
	{                                                                                          \
		return out->match->frag.flag;                                                      \
	}
FRAG_FLAG(res)
FRAG_FLAG(first)
FRAG_FLAG(more)
FRAG_FLAG(last)

// ---- hbh, dst
static bool
opts_len_parse(struct ext_in *in)
{
	in->match->opts.len_set = true;
	in->match->opts.len_inv = in->invert;
	return ext_number(in, 0, UINT32_MAX, &in->match->opts.len);
}

static bool
opts_len_show(struct ext_out *out)
{
	out->invert = out->match->opts.len_inv;
	cfg_buf_addf(out->text, "%u", out->match->opts.len);
	return out->match->opts.len_set;
}

// TYPE or TYPE:LENGTH. As in 1.8.9 only the lower eight bits of both count, a length of 255 is any,
// and Pad1, which has no length field, takes none.
static bool
opt_word(struct cfg_m_opts *m, char *word)
{
	char *colon = strchr(word, ':');
	uint32_t type, len = CFG_OPT_ANY_LEN;

	if (colon != NULL)
		*colon++ = '\0';
	if (!cfg_value_u32(word, UINT32_MAX, &type) ||
	    (colon != NULL && !cfg_value_u32(colon, UINT32_MAX, &len)) ||
	    (colon != NULL && (uint8_t)type == 0))
		return false;
	m->opt[m->n].type = type;
	m->opt[m->n++].len = len;
	return true;
}

static bool
opts_parse(struct ext_in *in)
{
	struct cfg_m_opts *m = &in->match->opts;
	const char *rest = in->value[0];
	char word[64];

	m->n = 0;
	while (rest != NULL) {
		if (m->n < CFG_OPTS_MAX && cfg_value_next(&rest, word, sizeof(word)) &&
		    opt_word(m, word))
			continue;
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is not a list of at most %d options, each TYPE or "
			    "TYPE:LENGTH (0 to 255; type 0 has no length)",
			    in->name, in->value[0], CFG_OPTS_MAX);
		return false;
	}
	return true;
}

static bool
opts_show(struct ext_out *out)
{
	const struct cfg_m_opts *m = &out->match->opts;

	for (unsigned i = 0; i < m->n; i++) {
		cfg_buf_addf(out->text, "%s%u", i > 0 ? "," : "", m->opt[i].type);
		if (m->opt[i].len != CFG_OPT_ANY_LEN)
			cfg_buf_addf(out->text, ":%u", m->opt[i].len);
	}
	return m->n > 0;
}

// ---- rt
static bool
rt_type_parse(struct ext_in *in)
{
	in->match->rt.type_set = true;
	in->match->rt.type_inv = in->invert;
	return ext_number(in, 0, UINT32_MAX, &in->match->rt.type);
}

static bool
rt_type_show(struct ext_out *out)
{
	out->invert = out->match->rt.type_inv;
	cfg_buf_addf(out->text, "%u", out->match->rt.type);
	return out->match->rt.type_set;
}

static bool
segsleft_parse(struct ext_in *in)
{
	in->match->rt.left_set = true;
	in->match->rt.left_inv = in->invert;
	return ext_range(in, UINT32_MAX, &in->match->rt.left);
}

// iptables-save leaves a range of all out, negated or not.
static bool
segsleft_show(struct ext_out *out)
{
	const struct cfg_m_rt *m = &out->match->rt;

	if (!m->left_set || (!out->yaml && m->left.lo == 0 && m->left.hi == UINT32_MAX))
		return false;
	out->invert = m->left_inv;
	ext_range_show(out, &m->left);
	return true;
}

static bool
rt_len_parse(struct ext_in *in)
{
	in->match->rt.len_set = true;
	in->match->rt.len_inv = in->invert;
	return ext_number(in, 0, UINT32_MAX, &in->match->rt.len);
}

static bool
rt_len_show(struct ext_out *out)
{
	out->invert = out->match->rt.len_inv;
	cfg_buf_addf(out->text, "%u", out->match->rt.len);
	return out->match->rt.len_set;
}

// What is asked of a header of type 0 comes behind that type.
static bool
type_0(struct ext_in *in)
{
	const struct cfg_m_rt *m = &in->match->rt;

	if (m->type_set && m->type == 0 && !m->type_inv)
		return true;
	cfg_err_add(in->err, in->pos, "'%s' needs 'rt-type' 0 before it", in->name);
	return false;
}

static bool
rt_res_parse(struct ext_in *in)
{
	in->match->rt.res = true;
	return type_0(in);
}

static bool
rt_res_show(struct ext_out *out)
{
	return out->match->rt.res;
}

static bool
rt_addrs_parse(struct ext_in *in)
{
	struct in6_addr addr[CFG_RT_ADDRS_MAX], *data;
	const char *rest = in->value[0];
	char word[INET6_ADDRSTRLEN];
	unsigned n = 0;

	if (!type_0(in))
		return false;
	while (rest != NULL) {
		if (n < CFG_RT_ADDRS_MAX && cfg_value_next(&rest, word, sizeof(word)) &&
		    inet_pton(AF_INET6, word, &addr[n]) == 1) {
			n++;
			continue;
		}
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is not a list of at most %d IPv6 addresses", in->name,
			    in->value[0], CFG_RT_ADDRS_MAX);
		return false;
	}
	data = ext_data(in, n * sizeof(*data));
	if (data != NULL)
		memcpy(data, addr, n * sizeof(*data));
	return data != NULL;
}

static bool
rt_addrs_show(struct ext_out *out)
{
	const uint8_t *addr = out->match->data;

	for (size_t i = 0; i < out->match->data_size; i += 16) {
		cfg_buf_add(out->text, i > 0 ? "," : "");
		cfg_host_print(out->text, CFG_IPV6, addr + i);
	}
	return addr != NULL;
}

static bool
not_strict_parse(struct ext_in *in)
{
	in->match->rt.not_strict = true;
	if (in->match->data != NULL)
		return true;
	cfg_err_add(in->err, in->pos, "'%s' needs 'rt-0-addrs' before it", in->name);
	return false;
}

static bool
not_strict_show(struct ext_out *out)
{
	return out->match->rt.not_strict;
}

// ---- mh
// In this order: a beginning of several names is the first of them (RFC 6275 section 6.1).
static const struct {
	const char *name;
	uint8_t type;
} mh_types[] = {
	{"binding-refresh-request", 0},
	{"brr", 0},
	{"home-test-init", 1},
	{"hoti", 1},
	{"careof-test-init", 2},
	{"coti", 2},
	{"home-test", 3},
	{"hot", 3},
	{"careof-test", 4},
	{"cot", 4},
	{"binding-update", 5},
	{"bu", 5},
	{"binding-acknowledgement", 6},
	{"ba", 6},
	{"binding-error", 7},
	{"be", 7},
};

static bool
mh_type(const char *word, uint8_t *type)
{
	size_t n = strlen(word), found = EXT_N(mh_types);
	uint32_t number;

	for (size_t i = 0; i < EXT_N(mh_types); i++)
		if (strncasecmp(mh_types[i].name, word, n) == 0 &&
		    (found == EXT_N(mh_types) || mh_types[i].name[n] == '\0'))
			found = i;
	if (found < EXT_N(mh_types))
		*type = mh_types[found].type;
	else if (cfg_value_u32(word, UINT8_MAX, &number))
		*type = number;
	else
		return false;
	return true;
}

static bool
mh_type_parse(struct ext_in *in)
{
	struct cfg_m_mh *m = &in->match->mh;
	const char *text = in->value[0], *colon = strchr(text, ':');
	size_t n = colon != NULL ? (size_t)(colon - text) : strlen(text);
	char low[32];
	bool good = n < sizeof(low);

	m->set = true;
	m->invert = in->invert;
	m->lo = 0;
	m->hi = UINT8_MAX;
	memcpy(low, text, good ? n : 0);
	low[good ? n : 0] = '\0';
	if (good && (colon == NULL || n > 0))
		good = mh_type(low, &m->lo);
	if (good && colon == NULL)
		m->hi = m->lo;
	else if (good && colon[1] != '\0')
		good = mh_type(colon + 1, &m->hi);
	if (good && m->lo <= m->hi)
		return true;
	cfg_err_add(in->err, in->pos,
		    "'%s': \"%s\" is not a type (0 to 255 or a name: binding-update, bu ...) or a "
		    "range LOW:HIGH",
		    in->name, text);
	return false;
}

// iptables-save leaves all types out, negated or not.
static bool
mh_type_show(struct ext_out *out)
{
	const struct cfg_m_mh *m = &out->match->mh;

	if (!m->set || (!out->yaml && m->lo == 0 && m->hi == UINT8_MAX))
		return false;
	out->invert = m->invert;
	ext_range_show(out, &(struct cfg_range32){m->lo, m->hi});
	return true;
}

// ---- ipv6header
// The first name of each is the one that is printed.
static const struct {
	const char *names;
	uint8_t bit; // enum cfg_ip6header
} headers[] = {
	{"hop-by-hop,hop,hopopt,HOPOPT,ip,IP,0", CFG_H6_HOP},
	{"ipv6-opts,IPv6-Opts,dst,60", CFG_H6_DST},
	{"ipv6-route,IPv6-Route,route,43", CFG_H6_ROUTE},
	{"ipv6-frag,IPv6-Frag,frag,44", CFG_H6_FRAG},
	{"ah,IPSEC-AH,auth,51", CFG_H6_AH},
	{"esp,IPSEC-ESP,50", CFG_H6_ESP},
	{"ipv6-nonxt,IPv6-NoNxt,none,59", CFG_H6_NONE},
	{"protocol,prot,255", CFG_H6_PROTO},
};

static bool
header_word(const char *word, uint8_t *bits)
{
	char name[16];

	for (size_t i = 0; i < EXT_N(headers); i++) {
		const char *names = headers[i].names;

		while (names != NULL) {
			if (!cfg_value_next(&names, name, sizeof(name)) || strcmp(name, word) != 0)
				continue;
			*bits |= headers[i].bit;
			return true;
		}
	}
	return word[0] == '\0'; // strtok() sees nothing between two commas
}

static bool
header_parse(struct ext_in *in)
{
	struct cfg_m_ip6header *m = &in->match->ip6header;
	const char *rest = in->value[0];
	char word[32];

	m->invert = in->invert;
	while (rest != NULL)
		if (!cfg_value_next(&rest, word, sizeof(word)) || !header_word(word, &m->headers))
			break;
	if (rest == NULL && m->headers != 0)
		return true;
	cfg_err_add(in->err, in->pos,
		    "'%s': \"%s\" is not a list of headers (hop-by-hop, ipv6-opts, ipv6-route, "
		    "ipv6-frag, ah, esp, ipv6-nonxt, protocol)",
		    in->name, in->value[0]);
	return false;
}

static bool
header_show(struct ext_out *out)
{
	const struct cfg_m_ip6header *m = &out->match->ip6header;
	const char *sep = "";

	out->invert = m->invert;
	for (size_t i = 0; i < EXT_N(headers); i++) {
		if (!(m->headers & headers[i].bit))
			continue;
		cfg_buf_add(out->text, sep);
		cfg_buf_addn(out->text, headers[i].names, strcspn(headers[i].names, ","));
		sep = ",";
	}
	return true;
}

static bool
soft_parse(struct ext_in *in)
{
	in->match->ip6header.soft = true;
	return true;
}

static bool
soft_show(struct ext_out *out)
{
	return out->match->ip6header.soft;
}

static const struct ext_opt frag_opt[] = {
	{.name = "fragid",
	 .slot = 0,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = fragid_parse,
	 .show = fragid_show},
	{.name = "fraglen",
	 .slot = 1,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = fraglen_parse,
	 .show = fraglen_show},
	{.name = "fragres", .slot = 2, .parse = frag_res_parse, .show = frag_res_show},
	{.name = "fragfirst", .slot = 3, .parse = frag_first_parse, .show = frag_first_show},
	{.name = "fragmore", .slot = 4, .parse = frag_more_parse, .show = frag_more_show},
	{.name = "fraglast", .slot = 4, .parse = frag_last_parse, .show = frag_last_show},
};
#define OPTIONS(n)                                                                                 \
	{.name = n "-len",                                                                         \
	 .slot = 0,                                                                                \
	 .value = EXT_WORD,                                                                        \
	 .invertible = true,                                                                       \
	 .parse = opts_len_parse,                                                                  \
	 .show = opts_len_show},                                                                   \
	{                                                                                          \
		.name = n "-opts", .slot = 1, .value = EXT_LIST, .parse = opts_parse,              \
		.show = opts_show                                                                  \
	}
static const struct ext_opt hbh_opt[] = {OPTIONS("hbh")};
static const struct ext_opt dst_opt[] = {OPTIONS("dst")};
static const struct ext_opt rt_opt[] = {
	{.name = "rt-type",
	 .slot = 0,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = rt_type_parse,
	 .show = rt_type_show},
	{.name = "rt-segsleft",
	 .slot = 1,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = segsleft_parse,
	 .show = segsleft_show},
	{.name = "rt-len",
	 .slot = 2,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = rt_len_parse,
	 .show = rt_len_show},
	{.name = "rt-0-res", .slot = 3, .parse = rt_res_parse, .show = rt_res_show},
	{.name = "rt-0-addrs",
	 .slot = 4,
	 .value = EXT_LIST,
	 .parse = rt_addrs_parse,
	 .show = rt_addrs_show},
	{.name = "rt-0-not-strict", .slot = 5, .parse = not_strict_parse, .show = not_strict_show},
};
static const struct ext_opt mh_opt[] = {
	{.name = "mh-type",
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = mh_type_parse,
	 .show = mh_type_show},
};
static const struct ext_opt ipv6header_opt[] = {
	{.name = "header",
	 .slot = 0,
	 .value = EXT_LIST,
	 .invertible = true,
	 .required = true,
	 .parse = header_parse,
	 .show = header_show},
	{.name = "soft", .slot = 1, .parse = soft_parse, .show = soft_show},
};

static const uint8_t proto_mh[] = {IPPROTO_MH, 0};

const struct ext ext_frag = {
	.name = "frag",
	.id = CFG_M_FRAG,
	.families = CFG_IPV6,
	.opt = frag_opt,
	.n_opt = EXT_N(frag_opt),
};
const struct ext ext_hbh = {
	.name = "hbh",
	.id = CFG_M_HBH,
	.families = CFG_IPV6,
	.opt = hbh_opt,
	.n_opt = EXT_N(hbh_opt),
};
const struct ext ext_dst = {
	.name = "dst",
	.id = CFG_M_DST,
	.families = CFG_IPV6,
	.opt = dst_opt,
	.n_opt = EXT_N(dst_opt),
};
const struct ext ext_rt = {
	.name = "rt",
	.id = CFG_M_RT,
	.families = CFG_IPV6,
	.opt = rt_opt,
	.n_opt = EXT_N(rt_opt),
};
const struct ext ext_mh = {
	.name = "mh",
	.id = CFG_M_MH,
	.families = CFG_IPV6,
	.proto = proto_mh,
	.opt = mh_opt,
	.n_opt = EXT_N(mh_opt),
};
const struct ext ext_ipv6header = {
	.name = "ipv6header",
	.id = CFG_M_IP6HEADER,
	.families = CFG_IPV6,
	.opt = ipv6header_opt,
	.n_opt = EXT_N(ipv6header_opt),
};
const struct ext ext_eui64 = {
	.name = "eui64",
	.id = CFG_M_EUI64,
	.families = CFG_IPV6,
	.hooks = 1 << CFG_PREROUTING | 1 << CFG_INPUT | 1 << CFG_FORWARD,
};
