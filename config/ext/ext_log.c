// LOG, NFLOG, AUDIT and TRACE: rows of the extension table with their parse and show functions.
//
// Called through the table by both readers and both writers. A prefix that is too long is cut, as
// iptables-restore cuts it, but never inside a character.
#include "config/ext/ext.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// The prefix of at most max bytes, cut where it is longer. Its length, or -1 after an error.
static int
prefix_of(struct ext_in *in, size_t max)
{
	const char *text = in->value[0];
	size_t n = 0, len;

	if (text[0] == '\0') {
		cfg_err_add(in->err, in->pos, "'%s': a prefix has at least one character",
			    in->name);
		return -1;
	}
	for (const char *c = text; *c != '\0'; c += len) {
		len = cfg_utf8_len(c);
		if (len == 0 || ((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f) {
			cfg_err_add(in->err, in->pos,
				    "'%s': a prefix is one line of UTF-8 without control "
				    "characters",
				    in->name);
			return -1;
		}
		if (n == (size_t)(c - text) && n + len <= max)
			n += len;
	}
	return (int)n;
}

static bool
log_prefix_parse(struct ext_in *in)
{
	struct cfg_t_log *log = &in->target->log;
	int n = prefix_of(in, sizeof(log->prefix) - 1);

	if (n >= 0)
		memcpy(log->prefix, in->value[0], (size_t)n);
	return n >= 0;
}

static bool
log_prefix_show(struct ext_out *out)
{
	cfg_buf_add(out->text, out->target->log.prefix);
	return out->target->log.prefix[0] != '\0';
}

static bool
log_level_parse(struct ext_in *in)
{
	static const struct {
		const char *name;
		uint8_t level;
	} names[] = {
		{"alert", 1}, {"crit", 2},   {"debug", 7}, {"emerg", 0},   {"error", 3},
		{"info", 6},  {"notice", 5}, {"panic", 0}, {"warning", 4},
	};
	struct cfg_t_log *log = &in->target->log;
	uint32_t level = UINT32_MAX;

	for (size_t i = 0; i < EXT_N(names); i++)
		if (strcmp(in->value[0], names[i].name) == 0)
			level = names[i].level;
	if (level > 7 && !cfg_value_u32(in->value[0], 7, &level)) {
		cfg_err_add(in->err, in->pos,
			    "'%s': unknown level \"%s\" (expected 0 to 7, or one of emerg, alert, "
			    "crit, error, warning, notice, info, debug)",
			    in->name, in->value[0]);
		return false;
	}
	log->level = (uint8_t)level;
	return true;
}

static bool
log_level_show(struct ext_out *out)
{
	const struct cfg_t_log *log = &out->target->log;

	cfg_buf_addf(out->text, "%u", log->level);
	return log->level != CFG_LOG_WARNING;
}

#define LOG_FLAG(name, flag)                                                                       \
	static bool log_##name##_parse(struct ext_in *in)                                          \
	{                                                                                          \
		in->target->log.flags |= (flag);                                                   \
		return true;                                                                       \
	}                                                                                          \
	static bool log_##name##_show(struct ext_out *out)                                         \
	{                                                                                          \
		return (out->target->log.flags & (flag)) != 0;                                     \
	}
LOG_FLAG(tcp_sequence, CFG_LOG_TCP_SEQUENCE)
LOG_FLAG(tcp_options, CFG_LOG_TCP_OPTIONS)
LOG_FLAG(ip_options, CFG_LOG_IP_OPTIONS)
LOG_FLAG(uid, CFG_LOG_UID)
LOG_FLAG(macdecode, CFG_LOG_MACDECODE)

static bool
nflog_prefix_parse(struct ext_in *in)
{
	int n = prefix_of(in, CFG_NFLOG_PREFIX - 1);

	if (n < 0)
		return false;
	in->target->data = strndup(in->value[0], (size_t)n);
	in->target->data_size = (size_t)n + 1;
	if (in->target->data == NULL)
		cfg_err_add(in->err, in->pos, "out of memory");
	return in->target->data != NULL;
}

static bool
nflog_prefix_show(struct ext_out *out)
{
	if (out->target->data == NULL)
		return false;
	cfg_buf_add(out->text, out->target->data);
	return true;
}

static bool
number(struct ext_in *in, uint32_t max, uint32_t *out)
{
	if (cfg_value_u32(in->value[0], max, out))
		return true;
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a number from 0 to %u", in->name,
		    in->value[0], max);
	return false;
}

static bool
nflog_group_parse(struct ext_in *in)
{
	uint32_t v = 0;

	if (!number(in, UINT16_MAX, &v))
		return false;
	in->target->nflog.group = (uint16_t)v;
	return true;
}

static bool
nflog_group_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->target->nflog.group);
	return out->target->nflog.group != 0;
}

static bool
nflog_range_parse(struct ext_in *in)
{
	return number(in, UINT32_MAX, &in->target->nflog.length);
}

static bool
nflog_range_show(struct ext_out *out)
{
	const struct cfg_t_nflog *n = &out->target->nflog;

	cfg_buf_addf(out->text, "%u", n->length);
	return !n->size_set && n->length != 0;
}

static bool
nflog_size_parse(struct ext_in *in)
{
	in->target->nflog.size_set = true;
	return nflog_range_parse(in);
}

static bool
nflog_size_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->target->nflog.length);
	return out->target->nflog.size_set;
}

static bool
nflog_threshold_parse(struct ext_in *in)
{
	uint32_t v = 0;

	if (!number(in, UINT16_MAX, &v))
		return false;
	in->target->nflog.threshold = (uint16_t)v;
	return true;
}

static bool
nflog_threshold_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->target->nflog.threshold);
	return out->target->nflog.threshold != 0;
}

static const char *const audit_names[] = {"accept", "drop", "reject"};

static bool
audit_type_parse(struct ext_in *in)
{
	for (size_t i = 0; i < EXT_N(audit_names); i++) {
		if (strcasecmp(in->value[0], audit_names[i]) == 0) {
			in->target->audit = (uint8_t)i;
			return true;
		}
	}
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is none of accept, drop, reject", in->name,
		    in->value[0]);
	return false;
}

static bool
audit_type_show(struct ext_out *out)
{
	cfg_buf_add(out->text, audit_names[out->target->audit]);
	return true;
}

#define LOG_OPT(text, number, fn)                                                                  \
	{                                                                                          \
		.name = text, .slot = number, .value = EXT_FLAG, .parse = log_##fn##_parse,        \
		.show = log_##fn##_show                                                            \
	}
// All in the order in which iptables-save prints them.
static const struct ext_opt log_opt[] = {
	{.name = "log-prefix",
	 .slot = 0,
	 .value = EXT_WORD,
	 .quoted = true,
	 .parse = log_prefix_parse,
	 .show = log_prefix_show},
	{.name = "log-level",
	 .slot = 1,
	 .value = EXT_WORD,
	 .parse = log_level_parse,
	 .show = log_level_show},
	LOG_OPT("log-tcp-sequence", 2, tcp_sequence),
	LOG_OPT("log-tcp-options", 3, tcp_options),
	LOG_OPT("log-ip-options", 4, ip_options),
	LOG_OPT("log-uid", 5, uid),
	LOG_OPT("log-macdecode", 6, macdecode),
};
static const struct ext_opt nflog_opt[] = {
	{.name = "nflog-prefix",
	 .slot = 0,
	 .value = EXT_WORD,
	 .quoted = true,
	 .parse = nflog_prefix_parse,
	 .show = nflog_prefix_show},
	{.name = "nflog-group",
	 .slot = 1,
	 .value = EXT_WORD,
	 .parse = nflog_group_parse,
	 .show = nflog_group_show},
	{.name = "nflog-size",
	 .slot = 2,
	 .value = EXT_WORD,
	 .parse = nflog_size_parse,
	 .show = nflog_size_show},
	{.name = "nflog-range",
	 .slot = 2,
	 .value = EXT_WORD,
	 .parse = nflog_range_parse,
	 .show = nflog_range_show},
	{.name = "nflog-threshold",
	 .slot = 3,
	 .value = EXT_WORD,
	 .parse = nflog_threshold_parse,
	 .show = nflog_threshold_show},
};
static const struct ext_opt audit_opt[] = {
	{.name = "type",
	 .value = EXT_WORD,
	 .required = true,
	 .parse = audit_type_parse,
	 .show = audit_type_show},
};

const struct ext ext_audit = {
	.name = "AUDIT",
	.target = true,
	.id = CFG_T_AUDIT,
	.families = CFG_BOTH,
	.opt = audit_opt,
	.n_opt = EXT_N(audit_opt),
};
const struct ext ext_log = {
	.name = "LOG",
	.target = true,
	.id = CFG_T_LOG,
	.families = CFG_BOTH,
	.opt = log_opt,
	.n_opt = EXT_N(log_opt),
};
const struct ext ext_nflog = {
	.name = "NFLOG",
	.target = true,
	.id = CFG_T_NFLOG,
	.families = CFG_BOTH,
	.opt = nflog_opt,
	.n_opt = EXT_N(nflog_opt),
};
const struct ext ext_trace = {
	.name = "TRACE",
	.target = true,
	.id = CFG_T_TRACE,
	.families = CFG_BOTH,
	.tables = 1 << CFG_RAW,
};
