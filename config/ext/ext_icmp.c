// icmp and icmp6: rows of the extension table, and the names of types and codes that iptables
// knows.
//
// Called through the table by both readers and both writers. A name may be shortened as long as
// only one begins like that, as in iptables; numbers are what iptables-save prints.
#include "config/ext/ext.h"
#include "config/value.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct icmp_name {
	const char *name;
	uint8_t type, code_lo, code_hi;
};

#define ANY_CODE 0, 255
static const struct icmp_name icmp4_name[] = {
	{"any", 255, ANY_CODE},
	{"echo-reply", 0, ANY_CODE},
	{"pong", 0, ANY_CODE},
	{"destination-unreachable", 3, ANY_CODE},
	{"network-unreachable", 3, 0, 0},
	{"host-unreachable", 3, 1, 1},
	{"protocol-unreachable", 3, 2, 2},
	{"port-unreachable", 3, 3, 3},
	{"fragmentation-needed", 3, 4, 4},
	{"source-route-failed", 3, 5, 5},
	{"network-unknown", 3, 6, 6},
	{"host-unknown", 3, 7, 7},
	{"network-prohibited", 3, 9, 9},
	{"host-prohibited", 3, 10, 10},
	{"TOS-network-unreachable", 3, 11, 11},
	{"TOS-host-unreachable", 3, 12, 12},
	{"communication-prohibited", 3, 13, 13},
	{"host-precedence-violation", 3, 14, 14},
	{"precedence-cutoff", 3, 15, 15},
	{"source-quench", 4, ANY_CODE},
	{"redirect", 5, ANY_CODE},
	{"network-redirect", 5, 0, 0},
	{"host-redirect", 5, 1, 1},
	{"TOS-network-redirect", 5, 2, 2},
	{"TOS-host-redirect", 5, 3, 3},
	{"echo-request", 8, ANY_CODE},
	{"ping", 8, ANY_CODE},
	{"router-advertisement", 9, ANY_CODE},
	{"router-solicitation", 10, ANY_CODE},
	{"time-exceeded", 11, ANY_CODE},
	{"ttl-exceeded", 11, ANY_CODE},
	{"ttl-zero-during-transit", 11, 0, 0},
	{"ttl-zero-during-reassembly", 11, 1, 1},
	{"parameter-problem", 12, ANY_CODE},
	{"ip-header-bad", 12, 0, 0},
	{"required-option-missing", 12, 1, 1},
	{"timestamp-request", 13, ANY_CODE},
	{"timestamp-reply", 14, ANY_CODE},
	{"address-mask-request", 17, ANY_CODE},
	{"address-mask-reply", 18, ANY_CODE},
};

static const struct icmp_name icmp6_name[] = {
	{"destination-unreachable", 1, ANY_CODE},
	{"no-route", 1, 0, 0},
	{"communication-prohibited", 1, 1, 1},
	{"beyond-scope", 1, 2, 2},
	{"address-unreachable", 1, 3, 3},
	{"port-unreachable", 1, 4, 4},
	{"failed-policy", 1, 5, 5},
	{"reject-route", 1, 6, 6},
	{"packet-too-big", 2, ANY_CODE},
	{"time-exceeded", 3, ANY_CODE},
	{"ttl-exceeded", 3, ANY_CODE},
	{"ttl-zero-during-transit", 3, 0, 0},
	{"ttl-zero-during-reassembly", 3, 1, 1},
	{"parameter-problem", 4, ANY_CODE},
	{"bad-header", 4, 0, 0},
	{"unknown-header-type", 4, 1, 1},
	{"unknown-option", 4, 2, 2},
	{"echo-request", 128, ANY_CODE},
	{"ping", 128, ANY_CODE},
	{"echo-reply", 129, ANY_CODE},
	{"pong", 129, ANY_CODE},
	{"router-solicitation", 133, ANY_CODE},
	{"router-advertisement", 134, ANY_CODE},
	{"neighbour-solicitation", 135, ANY_CODE},
	{"neighbor-solicitation", 135, ANY_CODE},
	{"neighbour-advertisement", 136, ANY_CODE},
	{"neighbor-advertisement", 136, ANY_CODE},
	{"redirect", 137, ANY_CODE},
};

static bool
by_name(struct ext_in *in, const struct icmp_name *names, size_t n, struct cfg_m_icmp *out)
{
	const struct icmp_name *found = NULL;
	const char *text = in->value[0];
	size_t len = strlen(text);

	for (size_t i = 0; i < n && len > 0; i++) {
		if (strncasecmp(text, names[i].name, len) != 0)
			continue;
		if (found != NULL) {
			cfg_err_add(in->err, in->pos, "'%s': \"%s\" may be %s or %s", in->name,
				    text, found->name, names[i].name);
			return false;
		}
		found = &names[i];
	}
	if (found == NULL) {
		cfg_err_add(in->err, in->pos,
			    "'%s': unknown type \"%s\" (expected TYPE, TYPE/CODE or a name such as "
			    "echo-request)",
			    in->name, text);
		return false;
	}
	out->type = found->type;
	out->code_lo = found->code_lo;
	out->code_hi = found->code_hi;
	return true;
}

static bool
type_parse(struct ext_in *in, const struct icmp_name *names, size_t n)
{
	struct cfg_m_icmp *m = &in->match->icmp;
	const char *text = in->value[0], *slash = strchr(text, '/');
	uint32_t type, code = 0;
	char word[8];

	m->set = true;
	m->invert = in->invert;
	if (text[0] < '0' || text[0] > '9')
		return by_name(in, names, n, m);
	word[0] = '\0';
	if (slash == NULL && strlen(text) < sizeof(word))
		strcpy(word, text);
	else if (slash != NULL && (size_t)(slash - text) < sizeof(word)) {
		memcpy(word, text, slash - text);
		word[slash - text] = '\0';
	}
	if (!cfg_value_u32(word, UINT8_MAX, &type) ||
	    (slash != NULL && !cfg_value_u32(slash + 1, UINT8_MAX, &code))) {
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is not TYPE or TYPE/CODE, each 0 to 255", in->name, text);
		return false;
	}
	m->type = type;
	m->code_lo = slash != NULL ? code : 0;
	m->code_hi = slash != NULL ? code : UINT8_MAX;
	return true;
}

static bool
icmp_type_parse(struct ext_in *in)
{
	return type_parse(in, icmp4_name, EXT_N(icmp4_name));
}

static bool
icmp6_type_parse(struct ext_in *in)
{
	return type_parse(in, icmp6_name, EXT_N(icmp6_name));
}

bool
cfg_value_icmp(const char *s, uint8_t family, uint8_t *type, uint8_t *code)
{
	const struct icmp_name *names = family == CFG_IPV4 ? icmp4_name : icmp6_name, *found = NULL;
	size_t n = family == CFG_IPV4 ? EXT_N(icmp4_name) : EXT_N(icmp6_name), len = strlen(s);
	unsigned t, c;
	char rest;

	if (sscanf(s, "%3u/%3u%c", &t, &c, &rest) == 2 && t <= UINT8_MAX && c <= UINT8_MAX) {
		*type = (uint8_t)t;
		*code = (uint8_t)c;
		return true;
	}
	for (size_t i = 0; i < n && len > 0; i++) {
		if (strncasecmp(s, names[i].name, len) != 0)
			continue;
		if (names[i].name[len] != '\0' && found != NULL)
			return false;
		found = &names[i];
		if (names[i].name[len] == '\0')
			break;
	}
	if (found == NULL || found->type == 255)
		return false;
	*type = found->type;
	*code = found->code_lo;
	return true;
}

const char *
cfg_icmp_name(uint8_t family, uint8_t type, uint8_t code)
{
	const struct icmp_name *names = family == CFG_IPV4 ? icmp4_name : icmp6_name, *found = NULL;
	size_t n = family == CFG_IPV4 ? EXT_N(icmp4_name) : EXT_N(icmp6_name);

	for (size_t i = 0; i < n; i++) {
		if (names[i].type != type || names[i].code_lo != code || type == 255)
			continue;
		if (names[i].code_hi == code) // the very code rather than any
			return names[i].name;
		found = found != NULL ? found : &names[i];
	}
	return found != NULL ? found->name : NULL;
}

static bool
type_show(struct ext_out *out)
{
	const struct cfg_m_icmp *m = &out->match->icmp;
	bool any = out->match->id == CFG_M_ICMP && m->type == 255;

	if (!m->set)
		return false;
	out->invert = m->invert;
	if (any && (!out->yaml || (m->code_lo == 0 && m->code_hi == UINT8_MAX))) {
		cfg_buf_add(out->text, "any");
		return true;
	}
	cfg_buf_addf(out->text, "%u", m->type);
	if (m->code_lo != 0 || m->code_hi != UINT8_MAX)
		cfg_buf_addf(out->text, "/%u", m->code_lo);
	return true;
}

static const struct ext_opt icmp_opt[] = {
	{.name = "icmp-type",
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .parse = icmp_type_parse,
	 .show = type_show},
};
static const struct ext_opt icmp6_opt[] = {
	{.name = "icmpv6-type",
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .parse = icmp6_type_parse,
	 .show = type_show},
};
static const uint8_t proto_icmp[] = {IPPROTO_ICMP, 0};
static const uint8_t proto_icmp6[] = {IPPROTO_ICMPV6, 0};

const struct ext ext_icmp = {
	.name = "icmp",
	.id = CFG_M_ICMP,
	.families = CFG_IPV4,
	.proto = proto_icmp,
	.opt = icmp_opt,
	.n_opt = EXT_N(icmp_opt),
};
const struct ext ext_icmp6 = {
	.name = "icmp6",
	.alias = "icmpv6,ipv6-icmp",
	.id = CFG_M_ICMP6,
	.families = CFG_IPV6,
	.proto = proto_icmp6,
	.opt = icmp6_opt,
	.n_opt = EXT_N(icmp6_opt),
};
