// policy: row of the extension table with its parse, show and check functions, called through the
// table by both readers and both writers. No packet here was in an IPsec tunnel of the gateway's
// own, so the match answers as the kernel does for such packets, whatever its elements say.
//
// An element is what is asked of one transformation. In iptables' words the options behind --next
// are the next one's; in YAML the first one's options are keys of the rule and `next` is a list of
// the others, each the words of its options: "not proto esp mode tunnel tunnel-dst 192.0.2.1".
#include "config/ext/ext.h"
#include "config/value.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define NO_LENGTH 255

static bool
dir_parse(struct ext_in *in)
{
	in->match->policy.dir_set = true;
	in->match->policy.out = strcmp(in->value[0], "out") == 0;
	if (in->match->policy.out || strcmp(in->value[0], "in") == 0)
		return true;
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not in or out", in->name, in->value[0]);
	return false;
}

static bool
dir_show(struct ext_out *out)
{
	cfg_buf_add(out->text, out->match->policy.out ? "out" : "in");
	return true;
}

static bool
pol_parse(struct ext_in *in)
{
	in->match->policy.none = strcmp(in->value[0], "none") == 0;
	if (in->match->policy.none || strcmp(in->value[0], "ipsec") == 0)
		return true;
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not none or ipsec", in->name, in->value[0]);
	return false;
}

static bool
pol_show(struct ext_out *out)
{
	cfg_buf_add(out->text, out->match->policy.none ? "none" : "ipsec");
	return true;
}

static bool
strict_parse(struct ext_in *in)
{
	in->match->policy.strict = true;
	return true;
}

static bool
strict_show(struct ext_out *out)
{
	return out->match->policy.strict;
}

// ---- elements
// The one that options are about now; the rule gets room for as many as there can be.
static struct cfg_policy_element *
element(struct ext_in *in, uint8_t bit)
{
	struct cfg_policy_element *e = in->match->data;

	if (e == NULL && (e = ext_data(in, CFG_POLICY_MAX * sizeof(*e))) == NULL)
		return NULL;
	e += in->match->policy.now;
	e->asked |= bit;
	e->inverted |= in->invert ? bit : 0;
	return e;
}

static bool
reqid_parse(struct ext_in *in)
{
	struct cfg_policy_element *e = element(in, CFG_POL_REQID);

	return e != NULL && ext_number(in, 0, UINT32_MAX, &e->reqid);
}

static bool
spi_parse(struct ext_in *in)
{
	struct cfg_policy_element *e = element(in, CFG_POL_SPI);

	return e != NULL && ext_number(in, 0, UINT32_MAX, &e->spi);
}

static bool
proto_parse(struct ext_in *in)
{
	struct cfg_policy_element *e = element(in, CFG_POL_PROTO);
	uint16_t proto = 0;

	if (!cfg_value_proto(in->value[0], &proto) ||
	    (proto != IPPROTO_AH && proto != IPPROTO_ESP && proto != IPPROTO_COMP)) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not ah, esp or ipcomp", in->name,
			    in->value[0]);
		return false;
	}
	if (e != NULL)
		e->proto = (uint8_t)proto;
	return e != NULL;
}

static bool
mode_parse(struct ext_in *in)
{
	struct cfg_policy_element *e = element(in, CFG_POL_MODE);
	bool tunnel = strcmp(in->value[0], "tunnel") == 0;

	if (!tunnel && strcmp(in->value[0], "transport") != 0) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not tunnel or transport", in->name,
			    in->value[0]);
		return false;
	}
	if (e != NULL)
		e->tunnel = tunnel;
	return e != NULL;
}

// ADDRESS or ADDRESS/MASK; what is behind the mask is kept, to be printed.
static bool
tunnel_parse(struct ext_in *in, uint8_t bit, int side)
{
	struct cfg_policy_element *e = element(in, bit);
	const char *word = in->value[0], *slash = strchr(word, '/'), *why;
	char host[INET6_ADDRSTRLEN] = "";
	struct cfg_addr a;
	uint8_t family;
	int len;

	if (!cfg_value_addr(word, in->families, &a, &why)) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\": %s", in->name, word, why);
		return false;
	}
	if (e == NULL || !ext_narrow(in, a.family, in->name))
		return false;
	len = cfg_mask_len(a.mask, a.family);
	e->family = a.family;
	e->len[side] = slash == NULL || len < 0 || len == (a.family == CFG_IPV4 ? 32 : 128)
			       ? NO_LENGTH
			       : (uint8_t)len;
	if (slash != NULL && (size_t)(slash - word) < sizeof(host))
		memcpy(host, word, (size_t)(slash - word));
	if (slash == NULL || !cfg_value_host(host, a.family, &family, e->address[side]))
		memcpy(e->address[side], a.addr, sizeof(a.addr));
	return true;
}

static bool
tunnel_dst_parse(struct ext_in *in)
{
	return tunnel_parse(in, CFG_POL_DST, 0);
}

static bool
tunnel_src_parse(struct ext_in *in)
{
	return tunnel_parse(in, CFG_POL_SRC, 1);
}

// One option of an element, its word only; false: it is not asked.
static bool
word_print(struct cfg_buf *b, const struct cfg_policy_element *e, uint8_t bit)
{
	int side = bit == CFG_POL_SRC;

	if (bit == CFG_POL_REQID)
		cfg_buf_addf(b, "%u", e->reqid);
	else if (bit == CFG_POL_SPI)
		cfg_buf_addf(b, "0x%x", e->spi);
	else if (bit == CFG_POL_PROTO)
		cfg_buf_add(b, (e->asked & bit) ? cfg_proto_name(e->proto) : "");
	else if (bit == CFG_POL_MODE)
		cfg_buf_add(b, e->tunnel ? "tunnel" : "transport");
	else if (e->asked & bit) {
		cfg_host_print(b, e->family, e->address[side]);
		if (e->len[side] != NO_LENGTH)
			cfg_buf_addf(b, "/%u", e->len[side]);
	}
	return e->asked & bit;
}

// Of "none" iptables-save prints nothing more.
static bool
first_show(struct ext_out *out, uint8_t bit)
{
	const struct cfg_policy_element *e = out->match->data;

	if (e == NULL || out->match->policy.none)
		return false;
	out->invert = e->inverted & bit;
	return word_print(out->text, e, bit);
}

#define SHOW(name, bit)                                                                            \
	static bool name(struct ext_out *out)                                                      \
	{                                                                                          \
		return first_show(out, bit);                                                       \
	}
SHOW(reqid_show, CFG_POL_REQID)
SHOW(spi_show, CFG_POL_SPI)
SHOW(proto_show, CFG_POL_PROTO)
SHOW(mode_show, CFG_POL_MODE)
SHOW(tunnel_dst_show, CFG_POL_DST)
SHOW(tunnel_src_show, CFG_POL_SRC)

#define FIRST_SLOT 3
// In the order in which iptables-save prints them, and of enum cfg_policy_bit.
static const struct part {
	const char *name;
	ext_parse parse;
} part[] = {
	{"reqid", reqid_parse},		  {"spi", spi_parse},
	{"proto", proto_parse},		  {"mode", mode_parse},
	{"tunnel-dst", tunnel_dst_parse}, {"tunnel-src", tunnel_src_parse},
};

static bool
next_element(struct ext_in *in)
{
	if (in->match->policy.last + 1 == CFG_POLICY_MAX) {
		cfg_err_add(in->err, in->pos, "'%s': more than %d elements", in->name,
			    CFG_POLICY_MAX);
		return false;
	}
	in->match->policy.now = ++in->match->policy.last;
	return element(in, 0) != NULL;
}

// Behind it every option can stand once more.
static bool
next_parse(struct ext_in *in)
{
	*in->seen &= (1u << FIRST_SLOT) - 1;
	return next_element(in);
}

static void
rest_print(struct ext_out *out, const char *no, const char *dashes, const char *between)
{
	const struct cfg_policy_element *first = out->match->data;

	for (unsigned i = 1; i <= out->match->policy.last; i++) {
		const struct cfg_policy_element *e = &first[i];
		const char *blank = "";

		cfg_buf_add(out->text, i > 1 ? between : "");
		for (size_t j = 0; j < EXT_N(part); j++) {
			uint8_t bit = (uint8_t)(1 << j);

			if (!(e->asked & bit))
				continue;
			cfg_buf_addf(out->text, "%s%s%s%s ", blank, e->inverted & bit ? no : "",
				     dashes, part[j].name);
			word_print(out->text, e, bit);
			blank = " ";
		}
	}
}

static bool
next_show(struct ext_out *out)
{
	if (out->yaml || out->match->policy.last == 0 || out->match->policy.none)
		return false;
	rest_print(out, "! ", "--", " --next ");
	return true;
}

// One part of an element's words: its end, or NULL with an error.
static const char *
part_parse(struct ext_in *in, const char *at)
{
	char name[16], value[64];
	struct ext_in sub = *in;
	int n = 0;

	sub.invert = strncmp(at, "not ", 4) == 0;
	at += sub.invert ? 4 : 0;
	if (sscanf(at, "%15s %63s%n", name, value, &n) == 2) {
		for (size_t j = 0; j < EXT_N(part); j++) {
			const struct cfg_policy_element *e = element(in, 0);

			if (strcmp(part[j].name, name) != 0 || e == NULL ||
			    (e->asked & 1 << j) != 0)
				continue;
			sub.value[0] = value;
			if (!part[j].parse(&sub))
				return NULL;
			in->families = sub.families;
			return at + n + strspn(at + n, " ");
		}
	}
	cfg_err_add(
		in->err, in->pos,
		"'%s': \"%s\": expected reqid, spi, proto, mode, tunnel-dst or tunnel-src, once "
		"each, and its value",
		in->name, at);
	return NULL;
}

static bool
next_list_parse(struct ext_in *in)
{
	const char *rest = in->value[0];
	char words[256];

	while (rest != NULL) {
		const char *at = words;

		if (!cfg_value_next(&rest, words, sizeof(words)))
			strcpy(words, "...");
		at += strspn(at, " ");
		in->invert = false;
		if (!next_element(in))
			return false;
		do {
			at = part_parse(in, at);
		} while (at != NULL && *at != '\0');
		if (at == NULL)
			return false;
	}
	in->match->policy.now = 0;
	return true;
}

static bool
next_list_show(struct ext_out *out)
{
	if (!out->yaml || out->match->policy.last == 0 || out->match->policy.none)
		return false;
	rest_print(out, "not ", "", ",");
	return true;
}

static const char *
element_bad(const struct cfg_policy_element *e, bool strict)
{
	if (strict && e->asked == 0)
		return "'strict' needs one of reqid, spi, proto, mode, tunnel-dst and tunnel-src";
	if ((e->asked & (CFG_POL_DST | CFG_POL_SRC)) &&
	    (!(e->asked & CFG_POL_MODE) || e->tunnel == ((e->inverted & CFG_POL_MODE) != 0)))
		return "'tunnel-dst' and 'tunnel-src' need 'mode' tunnel";
	return NULL;
}

static bool
policy_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	const struct cfg_match *match = item;
	const struct cfg_m_policy *m = &match->policy;
	static const struct cfg_policy_element none;
	const struct cfg_policy_element *e = match->data;
	const char *why = NULL;

	(void)rule;
	if (m->last > 0 && !m->strict)
		why = "'next' needs 'strict'";
	else if (m->none && (m->strict || m->last > 0))
		why = "'strict' cannot go with 'pol' none";
	for (unsigned i = 0; why == NULL && !m->none && i <= m->last; i++)
		why = element_bad(e != NULL ? &e[i] : &none, m->strict);
	if (why != NULL)
		cfg_err_add(err, pos, "match 'policy': %s", why);
	return why == NULL;
}

static uint8_t
policy_hooks(const void *item)
{
	const struct cfg_m_policy *m = &((const struct cfg_match *)item)->policy;

	return m->out ? 1 << CFG_FORWARD | 1 << CFG_OUTPUT | 1 << CFG_POSTROUTING
		      : 1 << CFG_PREROUTING | 1 << CFG_INPUT | 1 << CFG_FORWARD;
}

#define ELEMENT(opt, n, p, s)                                                                      \
	{                                                                                          \
		.name = opt, .slot = FIRST_SLOT + (n), .value = EXT_WORD, .invertible = true,      \
		.parse = p, .show = s                                                              \
	}
// In the order in which iptables-save prints them.
static const struct ext_opt policy_opt[] = {
	{.name = "dir",
	 .slot = 0,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = dir_parse,
	 .show = dir_show},
	{.name = "pol", .slot = 1, .value = EXT_WORD, .parse = pol_parse, .show = pol_show},
	{.name = "strict", .slot = 2, .parse = strict_parse, .show = strict_show},
	ELEMENT("reqid", 0, reqid_parse, reqid_show),
	ELEMENT("spi", 1, spi_parse, spi_show),
	ELEMENT("proto", 2, proto_parse, proto_show),
	ELEMENT("mode", 3, mode_parse, mode_show),
	ELEMENT("tunnel-dst", 4, tunnel_dst_parse, tunnel_dst_show),
	ELEMENT("tunnel-src", 5, tunnel_src_parse, tunnel_src_show),
	{.name = "next", .key = "", .slot = FIRST_SLOT + 6, .parse = next_parse, .show = next_show},
	{.name = "",
	 .key = "next",
	 .slot = FIRST_SLOT + 7,
	 .value = EXT_LIST,
	 .pattern = " *(?:(?:not +)?[a-z-]+ +[^ ,]+ *)+",
	 .parse = next_list_parse,
	 .show = next_list_show},
};

const struct ext ext_policy = {
	.name = "policy",
	.id = CFG_M_POLICY,
	.families = CFG_BOTH,
	.hooks_of = policy_hooks,
	.opt = policy_opt,
	.n_opt = EXT_N(policy_opt),
	.check = policy_check,
};
