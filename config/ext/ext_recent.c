// recent: its row of the extension table and its words.
//
// Called through the table by both readers and both writers; acl/ asks cfg_recent_name(). Options
// that stand where the kernel's xt_recent refuses them are errors here, told by recent_check() when
// the rule is complete. A table's name is a file's name in /proc/net/xt_recent there, hence its
// limits.
#include "config/ext/ext.h"
#include "config/value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NAME_DEFAULT "DEFAULT"
#define NAME_LEN_MAX 199

const char *
cfg_recent_name(const struct cfg_match *m)
{
	return m->data != NULL ? m->data : NAME_DEFAULT;
}

static bool
op_parse(struct ext_in *in, enum cfg_recent_op op)
{
	in->match->recent.op = op;
	in->match->recent.invert = in->invert;
	return true;
}

static bool
op_show(struct ext_out *out, enum cfg_recent_op op)
{
	out->invert = out->match->recent.invert;
	return out->match->recent.op == op;
}

#define OP(word, op)                                                                               \
	static bool word##_parse(struct ext_in *in)                                                \
	{                                                                                          \
		return op_parse(in, op);                                                           \
	}                                                                                          \
	static bool word##_show(struct ext_out *out)                                               \
	{                                                                                          \
		return op_show(out, op);                                                           \
	}
OP(set, CFG_RECENT_SET)
OP(rcheck, CFG_RECENT_RCHECK)
OP(update, CFG_RECENT_UPDATE)
OP(remove, CFG_RECENT_REMOVE)

static bool
seconds_parse(struct ext_in *in)
{
	if (cfg_value_u32(in->value[0], UINT32_MAX, &in->match->recent.seconds) &&
	    in->match->recent.seconds != 0)
		return true;
	cfg_err_add(in->err, in->pos, "'%s': bad number \"%s\" (expected 1 to %" PRIu32 " seconds)",
		    in->name, in->value[0], UINT32_MAX);
	return false;
}

// iptables-save prints it with a sign.
static bool
seconds_show(struct ext_out *out)
{
	uint32_t seconds = out->match->recent.seconds;

	if (out->yaml)
		cfg_buf_addf(out->text, "%" PRIu32, seconds);
	else
		cfg_buf_addf(out->text, "%" PRId32, (int32_t)seconds);
	return seconds != 0;
}

static bool
reap_parse(struct ext_in *in)
{
	in->match->recent.reap = true;
	return true;
}

static bool
reap_show(struct ext_out *out)
{
	return out->match->recent.reap;
}

static bool
hitcount_parse(struct ext_in *in)
{
	if (cfg_value_u32(in->value[0], CFG_RECENT_HITS_MAX, &in->match->recent.hitcount))
		return true;
	cfg_err_add(in->err, in->pos, "'%s': bad number \"%s\" (expected 0 to %d)", in->name,
		    in->value[0], CFG_RECENT_HITS_MAX);
	return false;
}

static bool
hitcount_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%" PRIu32, out->match->recent.hitcount);
	return out->match->recent.hitcount != 0;
}

static bool
rttl_parse(struct ext_in *in)
{
	in->match->recent.rttl = true;
	return true;
}

static bool
rttl_show(struct ext_out *out)
{
	return out->match->recent.rttl;
}

static bool
name_parse(struct ext_in *in)
{
	if (!ext_table_name(in, NAME_LEN_MAX))
		return false;
	return strcmp(in->value[0], NAME_DEFAULT) == 0 || ext_table_name_keep(in);
}

static bool
name_show(struct ext_out *out)
{
	cfg_buf_add(out->text, cfg_recent_name(out->match));
	return !out->yaml || out->match->data != NULL;
}

// An address whose bits count; the parts of an IPv4 one as inet_aton() takes them ("24" is
// 0.0.0.24).
static bool
mask_parse(struct ext_in *in)
{
	struct cfg_m_recent *m = &in->match->recent;
	const char *text = in->value[0];
	uint8_t ones[16], family = 0;

	memset(ones, 0xff, sizeof(ones));
	if (inet_pton(AF_INET6, text, m->mask) == 1) {
		family = CFG_IPV6;
	} else if (text[strspn(text, "0123456789abcdefABCDEFxX.")] == '\0') {
		struct in_addr addr;

		if (inet_aton(text, &addr) == 1)
			family = CFG_IPV4;
		memcpy(m->mask, &addr, sizeof(addr));
	}
	if (family == 0) {
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is not a mask (expected one such as 255.255.255.0; host "
			    "names are not resolved)",
			    in->name, text);
		return false;
	}
	if (memcmp(m->mask, ones, family == CFG_IPV4 ? 4 : 16) != 0)
		m->mask_family = family;
	return ext_narrow(in, family, in->name);
}

static bool
mask_show(struct ext_out *out)
{
	const struct cfg_m_recent *m = &out->match->recent;
	uint8_t ones[16];

	memset(ones, 0xff, sizeof(ones));
	cfg_host_print(out->text, m->mask_family != 0 ? m->mask_family : out->family,
		       m->mask_family != 0 ? m->mask : ones);
	return !out->yaml || m->mask_family != 0;
}

// Of --rsource and --rdest the last one counts.
static bool
rsource_parse(struct ext_in *in)
{
	in->match->recent.dest = false;
	return true;
}

static bool
rsource_show(struct ext_out *out)
{
	return !out->yaml && !out->match->recent.dest;
}

static bool
rdest_parse(struct ext_in *in)
{
	in->match->recent.dest = true;
	return true;
}

static bool
rdest_show(struct ext_out *out)
{
	return out->match->recent.dest;
}

static bool
recent_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	const struct cfg_m_recent *m = &((const struct cfg_match *)item)->recent;
	const char *why = NULL;

	(void)rule;
	if (m->op == CFG_RECENT_NONE)
		why = "needs one of 'set', 'rcheck', 'update' and 'remove'";
	else if (m->op == CFG_RECENT_RCHECK || m->op == CFG_RECENT_UPDATE)
		why = m->reap && m->seconds == 0 ? "'reap' needs 'seconds'" : NULL;
	else if (m->seconds != 0 || m->hitcount != 0 || m->reap || m->rttl)
		why = "'seconds', 'hitcount', 'reap' and 'rttl' go with 'rcheck' and 'update' only";
	if (why != NULL)
		cfg_err_add(err, pos, "recent: %s", why);
	return why == NULL;
}

#define FLAG(word, number, may_invert)                                                             \
	{                                                                                          \
		.name = #word, .slot = (number), .value = EXT_FLAG, .invertible = (may_invert),    \
		.parse = word##_parse, .show = word##_show                                         \
	}
#define WORD(word, number)                                                                         \
	{                                                                                          \
		.name = #word, .slot = (number), .value = EXT_WORD, .parse = word##_parse,         \
		.show = word##_show                                                                \
	}

static const struct ext_opt recent_opt[] = {
	FLAG(set, 0, true), FLAG(rcheck, 0, true), FLAG(update, 0, true),   FLAG(remove, 0, true),
	WORD(seconds, 1),   FLAG(reap, 2, false),  WORD(hitcount, 3),	    FLAG(rttl, 4, false),
	WORD(name, 5),	    WORD(mask, 6),	   FLAG(rsource, 7, false), FLAG(rdest, 8, false),
};

const struct ext ext_recent = {
	.name = "recent",
	.id = CFG_M_RECENT,
	.families = CFG_BOTH,
	.opt = recent_opt,
	.n_opt = EXT_N(recent_opt),
	.check = recent_check,
};
