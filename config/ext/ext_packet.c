// mark, length, iprange, pkttype and mac: rows of the extension table with their parse and show
// functions.
//
// Called through the table by both readers and both writers. Numbers may have a base prefix, as
// everywhere in iptables.
#include "config/ext/ext.h"
#include "config/value.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

// Copies up to the separator into word; *rest is what stands behind it, NULL where there is none.
// False: too long to be right.
static bool
split(const char *text, char sep, char *word, size_t size, const char **rest)
{
	const char *at = strchr(text, sep);
	size_t n = at != NULL ? (size_t)(at - text) : strlen(text);

	if (n >= size)
		return false;
	memcpy(word, text, n);
	word[n] = '\0';
	*rest = at != NULL ? at + 1 : NULL;
	return true;
}

bool // connmark's too
ext_mark_parse(struct ext_in *in)
{
	struct cfg_m_mark *m = &in->match->mark;
	const char *mask;
	char word[16];

	m->invert = in->invert;
	m->mask = UINT32_MAX;
	if (!split(in->value[0], '/', word, sizeof(word), &mask) ||
	    !cfg_value_u32(word, UINT32_MAX, &m->value) ||
	    (mask != NULL && !cfg_value_u32(mask, UINT32_MAX, &m->mask))) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not MARK or MARK/MASK, each 32 bits",
			    in->name, in->value[0]);
		return false;
	}
	return true;
}

bool
ext_mark_show(struct ext_out *out)
{
	const struct cfg_m_mark *m = &out->match->mark;

	out->invert = m->invert;
	cfg_buf_addf(out->text, "0x%x", m->value);
	if (m->mask != UINT32_MAX)
		cfg_buf_addf(out->text, "/0x%x", m->mask);
	return true;
}

static bool
length_parse(struct ext_in *in)
{
	struct cfg_m_length *m = &in->match->length;
	uint32_t lo = 0, hi = UINT16_MAX;
	const char *second;
	char word[16];

	m->invert = in->invert;
	if (!split(in->value[0], ':', word, sizeof(word), &second) ||
	    (word[0] == '\0' && second == NULL) ||
	    (word[0] != '\0' && !cfg_value_u32(word, UINT16_MAX, &lo)) ||
	    (second != NULL && *second != '\0' && !cfg_value_u32(second, UINT16_MAX, &hi))) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not LENGTH or LOW:HIGH, 0 to 65535",
			    in->name, in->value[0]);
		return false;
	}
	m->range = (struct cfg_range16){lo, second != NULL ? hi : lo};
	return true;
}

static bool
length_show(struct ext_out *out)
{
	const struct cfg_m_length *m = &out->match->length;

	out->invert = m->invert;
	cfg_buf_addf(out->text, "%u", m->range.lo);
	if (m->range.lo != m->range.hi)
		cfg_buf_addf(out->text, ":%u", m->range.hi);
	return true;
}

static bool
range_end(struct ext_in *in, const char *word, uint8_t addr[16])
{
	struct cfg_addr a;
	const char *why = "not a single address";

	if (strchr(word, '/') != NULL || strpbrk(word, ".:") == NULL ||
	    !cfg_value_addr(word, in->families, &a, &why)) {
		cfg_err_add(in->err, in->pos, "'%s': in \"%s\", \"%s\" is %s", in->name,
			    in->value[0], word, why);
		return false;
	}
	memcpy(addr, a.addr, 16);
	in->match->iprange.family = a.family;
	return ext_narrow(in, a.family, in->name);
}

static bool
iprange_parse(struct ext_in *in, uint8_t lo[16], uint8_t hi[16])
{
	const char *second;
	char word[64];

	if (!split(in->value[0], '-', word, sizeof(word), &second)) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not ADDRESS-ADDRESS", in->name,
			    in->value[0]);
		return false;
	}
	if (!range_end(in, word, lo) || !range_end(in, second != NULL ? second : word, hi))
		return false;
	if (memcmp(lo, hi, 16) > 0) {
		cfg_err_add(in->err, in->pos, "'%s': the address range \"%s\" runs backwards",
			    in->name, in->value[0]);
		return false;
	}
	return true;
}

static bool
src_range_parse(struct ext_in *in)
{
	struct cfg_m_iprange *m = &in->match->iprange;

	m->src_set = true;
	m->src_inv = in->invert;
	return iprange_parse(in, m->src_lo, m->src_hi);
}

static bool
dst_range_parse(struct ext_in *in)
{
	struct cfg_m_iprange *m = &in->match->iprange;

	m->dst_set = true;
	m->dst_inv = in->invert;
	return iprange_parse(in, m->dst_lo, m->dst_hi);
}

static void
iprange_print(struct ext_out *out, const uint8_t lo[16], const uint8_t hi[16])
{
	cfg_host_print(out->text, out->match->iprange.family, lo);
	cfg_buf_addc(out->text, '-');
	cfg_host_print(out->text, out->match->iprange.family, hi);
}

static bool
src_range_show(struct ext_out *out)
{
	const struct cfg_m_iprange *m = &out->match->iprange;

	if (!m->src_set)
		return false;
	out->invert = m->src_inv;
	iprange_print(out, m->src_lo, m->src_hi);
	return true;
}

static bool
dst_range_show(struct ext_out *out)
{
	const struct cfg_m_iprange *m = &out->match->iprange;

	if (!m->dst_set)
		return false;
	out->invert = m->dst_inv;
	iprange_print(out, m->dst_lo, m->dst_hi);
	return true;
}

// The first name of a type is what iptables-save prints.
static const struct {
	const char *name;
	uint8_t type;
} pkttypes[] = {
	{"unicast", CFG_PKT_UNICAST},	  {"broadcast", CFG_PKT_BROADCAST},
	{"multicast", CFG_PKT_MULTICAST}, {"otherhost", CFG_PKT_OTHERHOST},
	{"host", CFG_PKT_UNICAST},	  {"bcast", CFG_PKT_BROADCAST},
	{"mcast", CFG_PKT_MULTICAST},
};

static bool
pkttype_parse(struct ext_in *in)
{
	in->match->pkttype.invert = in->invert;
	for (size_t i = 0; i < EXT_N(pkttypes); i++) {
		if (strcasecmp(in->value[0], pkttypes[i].name) == 0) {
			in->match->pkttype.type = pkttypes[i].type;
			return true;
		}
	}
	cfg_err_add(in->err, in->pos,
		    "'%s': \"%s\" is not a packet type (expected unicast, broadcast or multicast)",
		    in->name, in->value[0]);
	return false;
}

static bool
pkttype_show(struct ext_out *out)
{
	out->invert = out->match->pkttype.invert;
	cfg_buf_add(out->text, pkttypes[out->match->pkttype.type].name);
	return true;
}

static bool
mac_read(const char *s, uint8_t addr[6])
{
	for (int i = 0; i < 6; i++) {
		unsigned v = 0, n = 0;

		for (; isxdigit((unsigned char)*s) && n < 3; s++, n++)
			v = v * 16 + (isdigit((unsigned char)*s) ? *s - '0' : (*s | 32) - 'a' + 10);
		if (n < 1 || n > 2 || *s != (i < 5 ? ':' : '\0'))
			return false;
		addr[i] = v;
		s++;
	}
	return true;
}

static bool
mac_parse(struct ext_in *in)
{
	in->match->mac.invert = in->invert;
	if (!mac_read(in->value[0], in->match->mac.addr)) {
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is not a MAC address such as 02:00:5e:10:00:01", in->name,
			    in->value[0]);
		return false;
	}
	return true;
}

static bool
mac_show(struct ext_out *out)
{
	const uint8_t *a = out->match->mac.addr;

	out->invert = out->match->mac.invert;
	cfg_buf_addf(out->text, "%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4],
		     a[5]);
	return true;
}

#define ONE_OPT(array, text, form, p, s)                                                           \
	static const struct ext_opt array[] = {{.name = text,                                      \
						.value = EXT_WORD,                                 \
						.invertible = true,                                \
						.required = true,                                  \
						.pattern = form,                                   \
						.parse = p,                                        \
						.show = s}}
ONE_OPT(mark_opt, "mark", EXT_P_NUMBER "(?:/" EXT_P_NUMBER ")?", ext_mark_parse, ext_mark_show);
ONE_OPT(length_opt, "length", EXT_P_NUMBER "|" EXT_P_NUMBER "?:" EXT_P_NUMBER "?", length_parse,
	length_show);
ONE_OPT(pkttype_opt, "pkt-type", "[a-zA-Z]+", pkttype_parse, pkttype_show);
ONE_OPT(mac_opt, "mac-source", "[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}", mac_parse, mac_show);
static const struct ext_opt iprange_opt[] = {
	{.name = "src-range",
	 .slot = 0,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = src_range_parse,
	 .show = src_range_show},
	{.name = "dst-range",
	 .slot = 1,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = dst_range_parse,
	 .show = dst_range_show},
};

const struct ext ext_mark = {
	.name = "mark",
	.id = CFG_M_MARK,
	.families = CFG_BOTH,
	.opt = mark_opt,
	.n_opt = EXT_N(mark_opt),
};
const struct ext ext_length = {
	.name = "length",
	.id = CFG_M_LENGTH,
	.families = CFG_BOTH,
	.opt = length_opt,
	.n_opt = EXT_N(length_opt),
};
const struct ext ext_iprange = {
	.name = "iprange",
	.id = CFG_M_IPRANGE,
	.families = CFG_BOTH,
	.some_option = true,
	.opt = iprange_opt,
	.n_opt = EXT_N(iprange_opt),
};
const struct ext ext_pkttype = {
	.name = "pkttype",
	.id = CFG_M_PKTTYPE,
	.families = CFG_BOTH,
	.opt = pkttype_opt,
	.n_opt = EXT_N(pkttype_opt),
};
const struct ext ext_mac = {
	.name = "mac",
	.id = CFG_M_MAC,
	.families = CFG_BOTH,
	.hooks = 1 << CFG_PREROUTING | 1 << CFG_INPUT | 1 << CFG_FORWARD,
	.opt = mac_opt,
	.n_opt = EXT_N(mac_opt),
};
