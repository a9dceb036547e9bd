// conntrack: its row of the extension table with its parse and show functions.
//
// Called through the table by both readers and both writers. What is asked beyond the state stands
// in a struct cfg_conn of its own, which the match owns. A mask that is no prefix is kept, but
// iptables-save has no way to print it and leaves it out; so does the text written here, not YAML.
#include "config/ext/ext.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// The option's place in struct cfg_conn, made when the first option needs it.
static struct cfg_conn *
conn_of(struct ext_in *in, uint16_t field)
{
	struct cfg_conn *c = in->match->data;

	if (c == NULL) {
		c = calloc(1, sizeof(*c));
		if (c == NULL) {
			cfg_err_add(in->err, in->pos, "out of memory");
			return NULL;
		}
		in->match->data = c;
		in->match->data_size = sizeof(*c);
	}
	c->set |= field;
	if (in->invert)
		c->inv |= field;
	return c;
}

// NULL: the option was not given.
static const struct cfg_conn *
shown(struct ext_out *out, uint16_t field)
{
	const struct cfg_conn *c = out->match->data;

	if (c == NULL || !(c->set & field))
		return NULL;
	out->invert = c->inv & field;
	return c;
}

static bool
bad(struct ext_in *in, const char *expected)
{
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" (expected %s)", in->name, in->value[0],
		    expected);
	return false;
}

static bool
proto_parse(struct ext_in *in)
{
	struct cfg_conn *c = conn_of(in, CFG_CONN_PROTO);
	uint16_t proto;

	if (c == NULL)
		return false;
	if (!cfg_value_proto(in->value[0], &proto))
		return bad(in, "a protocol's number up to 255 or its name");
	c->proto = (uint8_t)proto;
	return true;
}

static bool
proto_show(struct ext_out *out)
{
	const struct cfg_conn *c = shown(out, CFG_CONN_PROTO);

	if (c == NULL)
		return false;
	cfg_buf_addf(out->text, "%u", c->proto);
	return true;
}

// ADDRESS or ADDRESS/MASK; the address stays as it is written.
static bool
addr_parse(struct ext_in *in, unsigned at)
{
	struct cfg_conn *c = conn_of(in, (uint16_t)(CFG_CONN_ORIGSRC << at));
	size_t n = strcspn(in->value[0], "/");
	struct cfg_addr masked;
	const char *why;
	uint8_t family;
	char host[64];

	if (c == NULL)
		return false;
	if (!cfg_value_addr(in->value[0], in->families, &masked, &why)) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is %s", in->name, in->value[0], why);
		return false;
	}
	if (n >= sizeof(host))
		return bad(in, "ADDRESS or ADDRESS/MASK");
	memcpy(host, in->value[0], n);
	host[n] = '\0';
	if (!cfg_value_host(host, in->families, &family, c->addr[at].addr))
		return bad(in, "a whole address, or ADDRESS/MASK");
	memcpy(c->addr[at].mask, masked.mask, sizeof(masked.mask));
	c->family = family;
	return ext_narrow(in, family, in->name);
}

static bool
addr_show(struct ext_out *out, unsigned at)
{
	const struct cfg_conn *c = shown(out, (uint16_t)(CFG_CONN_ORIGSRC << at));
	int len;

	if (c == NULL)
		return false;
	len = cfg_mask_len(c->addr[at].mask, c->family);
	cfg_host_print(out->text, c->family, c->addr[at].addr);
	if (len >= 0 && len != (c->family == CFG_IPV4 ? 32 : 128)) {
		cfg_buf_addf(out->text, "/%d", len);
	} else if (len < 0 && out->yaml) {
		cfg_buf_addc(out->text, '/');
		cfg_host_print(out->text, c->family, c->addr[at].mask);
	}
	return true;
}

// PORT or LOW:HIGH, either end of which may be left out. Services are of any protocol.
static bool
port_parse(struct ext_in *in, unsigned at)
{
	struct cfg_conn *c = conn_of(in, (uint16_t)(CFG_CONN_ORIGSRCPORT << at));
	const char *colon = strchr(in->value[0], ':');
	struct cfg_range16 r = {0, UINT16_MAX};
	size_t n = strcspn(in->value[0], ":");
	char low[64];

	if (c == NULL)
		return false;
	if (n >= sizeof(low))
		return bad(in, "PORT or LOW:HIGH");
	memcpy(low, in->value[0], n);
	low[n] = '\0';
	if ((n > 0 || colon == NULL) && !cfg_value_port(low, NULL, &r.lo))
		return bad(in, "a port from 0 to 65535, a service, or LOW:HIGH of them");
	if (colon != NULL && colon[1] != '\0' && !cfg_value_port(colon + 1, NULL, &r.hi))
		return bad(in, "a port from 0 to 65535, a service, or LOW:HIGH of them");
	c->port[at] = colon != NULL ? r : (struct cfg_range16){r.lo, r.lo};
	return true;
}

static bool
port_show(struct ext_out *out, unsigned at)
{
	const struct cfg_conn *c = shown(out, (uint16_t)(CFG_CONN_ORIGSRCPORT << at));

	if (c == NULL)
		return false;
	cfg_buf_addf(out->text, "%u", c->port[at].lo);
	if (c->port[at].hi != c->port[at].lo)
		cfg_buf_addf(out->text, ":%u", c->port[at].hi);
	return true;
}

#define FOUR(kind, option, at)                                                                     \
	static bool option##_parse(struct ext_in *in)                                              \
	{                                                                                          \
		return kind##_parse(in, at);                                                       \
	}                                                                                          \
	static bool option##_show(struct ext_out *out)                                             \
	{                                                                                          \
		return kind##_show(out, at);                                                       \
	}
FOUR(addr, origsrc, 0)
FOUR(addr, origdst, 1)
FOUR(addr, replsrc, 2)
FOUR(addr, repldst, 3)
FOUR(port, origsrcport, 0)
FOUR(port, origdstport, 1)
FOUR(port, replsrcport, 2)
FOUR(port, repldstport, 3)

// In the order in which iptables-save prints them.
static const struct {
	const char *name;
	uint8_t bit;
} statuses[] = {
	{"EXPECTED", CFG_CONN_EXPECTED},
	{"SEEN_REPLY", CFG_CONN_SEEN_REPLY},
	{"ASSURED", CFG_CONN_ASSURED},
	{"CONFIRMED", CFG_CONN_CONFIRMED},
};

static bool
status_parse(struct ext_in *in)
{
	struct cfg_conn *c = conn_of(in, CFG_CONN_STATUS);
	const char *rest = in->value[0];
	char word[16];

	if (c == NULL)
		return false;
	while (rest != NULL) {
		size_t i = 0;

		if (!cfg_value_next(&rest, word, sizeof(word)))
			word[0] = '\0';
		while (i < EXT_N(statuses) && !ext_is_name(in, word, statuses[i].name))
			i++;
		if (i < EXT_N(statuses))
			c->status |= statuses[i].bit;
		else if (!ext_is_name(in, word, "NONE"))
			return bad(in, "a list of NONE, EXPECTED, SEEN_REPLY, ASSURED, CONFIRMED");
	}
	return true;
}

static bool
status_show(struct ext_out *out)
{
	const struct cfg_conn *c = shown(out, CFG_CONN_STATUS);
	const char *sep = "";

	if (c == NULL)
		return false;
	if (c->status == 0)
		cfg_buf_add(out->text, "NONE");
	for (size_t i = 0; i < EXT_N(statuses); i++) {
		if (c->status & statuses[i].bit) {
			cfg_buf_add(out->text, sep);
			cfg_buf_add(out->text, statuses[i].name);
			sep = ",";
		}
	}
	return true;
}

// SECONDS or LOW:HIGH, either end of which may be left out.
static bool
expire_parse(struct ext_in *in)
{
	struct cfg_conn *c = conn_of(in, CFG_CONN_EXPIRE);
	const char *colon = strchr(in->value[0], ':');
	size_t n = strcspn(in->value[0], ":");
	uint32_t lo = 0, hi = UINT32_MAX;
	char low[16];

	if (c == NULL)
		return false;
	if (n >= sizeof(low))
		return bad(in, "SECONDS or LOW:HIGH of 32 bits");
	memcpy(low, in->value[0], n);
	low[n] = '\0';
	if (((n > 0 || colon == NULL) && !cfg_value_u32(low, UINT32_MAX, &lo)) ||
	    (colon != NULL && colon[1] != '\0' && !cfg_value_u32(colon + 1, UINT32_MAX, &hi)))
		return bad(in, "SECONDS or LOW:HIGH of 32 bits");
	c->expire_lo = lo;
	c->expire_hi = colon != NULL ? hi : lo;
	return true;
}

static bool
expire_show(struct ext_out *out)
{
	const struct cfg_conn *c = shown(out, CFG_CONN_EXPIRE);

	if (c == NULL)
		return false;
	cfg_buf_addf(out->text, "%u", c->expire_lo);
	if (c->expire_hi != c->expire_lo)
		cfg_buf_addf(out->text, ":%u", c->expire_hi);
	return true;
}

static bool
dir_parse(struct ext_in *in)
{
	struct cfg_conn *c = conn_of(in, CFG_CONN_DIR);

	if (c == NULL)
		return false;
	c->reply = strcasecmp(in->value[0], "REPLY") == 0;
	return c->reply || strcasecmp(in->value[0], "ORIGINAL") == 0 ||
	       bad(in, "ORIGINAL or REPLY");
}

static bool
dir_show(struct ext_out *out)
{
	const struct cfg_conn *c = shown(out, CFG_CONN_DIR);

	if (c == NULL)
		return false;
	cfg_buf_add(out->text, c->reply ? "REPLY" : "ORIGINAL");
	return true;
}

#define OPT(text, number, kind, p)                                                                 \
	{                                                                                          \
		.name = text, .slot = number, .value = kind, .invertible = true,                   \
		.parse = p##_parse, .show = p##_show                                               \
	}
// In the order in which iptables-save prints them.
static const struct ext_opt conntrack_opt[] = {
	OPT("ctstate", 0, EXT_LIST, ext_states),
	OPT("ctproto", 1, EXT_WORD, proto),
	OPT("ctorigsrc", 2, EXT_WORD, origsrc),
	OPT("ctorigdst", 3, EXT_WORD, origdst),
	OPT("ctreplsrc", 4, EXT_WORD, replsrc),
	OPT("ctrepldst", 5, EXT_WORD, repldst),
	OPT("ctorigsrcport", 6, EXT_WORD, origsrcport),
	OPT("ctorigdstport", 7, EXT_WORD, origdstport),
	OPT("ctreplsrcport", 8, EXT_WORD, replsrcport),
	OPT("ctrepldstport", 9, EXT_WORD, repldstport),
	OPT("ctstatus", 10, EXT_LIST, status),
	OPT("ctexpire", 11, EXT_WORD, expire),
	{.name = "ctdir", .slot = 12, .value = EXT_WORD, .parse = dir_parse, .show = dir_show},
};

const struct ext ext_conntrack = {
	.name = "conntrack",
	.id = CFG_M_CONNTRACK,
	.families = CFG_BOTH,
	.some_option = true,
	.opt = conntrack_opt,
	.n_opt = EXT_N(conntrack_opt),
};
