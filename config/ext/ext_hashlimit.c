// hashlimit: its row of the extension table and its words.
//
// Called through the table by both readers and both writers. The model keeps what was written, as
// far as it makes a difference; iptables-save text shows what cfg_hashlimit_resolve() makes of it.
// iptables reads rates with atoll(), so "3x/sec" is 3 a second, and so it is here.
#include "config/ext/ext.h"
#include "config/value.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_LEN_MAX 254

static const struct unit {
	const char *name, *shown;
	uint32_t seconds;
} units[] = {
	{"second", "sec", 1}, {"minute", "min", 60}, {"hour", "hour", 3600}, {"day", "day", 86400}};

static const struct {
	const char *name;
	uint8_t bit;
} modes[] = {
	{"srcip", CFG_HL_SRCIP},
	{"srcport", CFG_HL_SRCPORT},
	{"dstip", CFG_HL_DSTIP},
	{"dstport", CFG_HL_DSTPORT},
};

const char *
cfg_hashlimit_name(const struct cfg_match *m)
{
	return m->data;
}

static bool
bad_rate(struct ext_in *in, const char *expected)
{
	cfg_err_add(in->err, in->pos, "'%s': bad rate \"%s\" (expected %s)", in->name, in->value[0],
		    expected);
	return false;
}

// NUMBER[k|m]b/s. True: it is one of these; *good says whether it can be used.
static bool
bytes_parse(struct ext_in *in, struct cfg_m_hashlimit *m, bool *good)
{
	const char *text = in->value[0], *slash = strstr(text, "b/s");
	uint64_t rate, bytes;

	if (slash == NULL || slash == text || (rate = strtoll(text, NULL, 10)) == 0)
		return false;
	*good = rate <= INT64_MAX &&
		!__builtin_mul_overflow(rate, cfg_hashlimit_factor(slash[-1]), &bytes) &&
		(m->avg = cfg_hashlimit_cost(bytes)) != 0;
	if (!*good)
		bad_rate(in, "a lower rate");
	m->bytes = true;
	m->unit = CFG_HL_BYTE_EXPIRE / 1000;
	return true;
}

// NUMBER or NUMBER/UNIT; the unit may be cut short.
static bool
packets_parse(struct ext_in *in, struct cfg_m_hashlimit *m)
{
	const char *text = in->value[0], *slash = strchr(text, '/');
	const char *expected = "NUMBER/second, /minute, /hour or /day, or NUMBER[k|m]b/s";
	uint64_t rate = strtoll(text, NULL, 10);
	size_t len, u = 0;

	if (slash != NULL) {
		len = strlen(slash + 1);
		while (u < EXT_N(units) && strncasecmp(slash + 1, units[u].name, len) != 0)
			u++;
		if (len == 0 || u == EXT_N(units))
			return bad_rate(in, expected);
	}
	if (rate == 0)
		return bad_rate(in, expected);
	m->unit = units[u].seconds;
	m->avg = CFG_HL_SCALE * m->unit / rate;
	return m->avg != 0 || bad_rate(in, "at most 1000000 a second");
}

static bool
rate_parse(struct ext_in *in, bool above)
{
	struct cfg_m_hashlimit *m = &in->match->hashlimit;
	bool good;

	m->above = above != in->invert;
	return bytes_parse(in, m, &good) ? good : packets_parse(in, m);
}

static bool
upto_parse(struct ext_in *in)
{
	return rate_parse(in, false);
}

static bool
above_parse(struct ext_in *in)
{
	return rate_parse(in, true);
}

// As iptables prints it: in the largest of m and k, or of the units, that says it exactly, as far
// as 32 bits can tell.
static void
bytes_show(struct cfg_buf *text, uint64_t cost)
{
	static const char *const letter[] = {"m", "k", ""};
	uint64_t bytes = cfg_hashlimit_bytes(cost);
	size_t u = 0;

	while (u < 2 && (bytes < cfg_hashlimit_factor(*letter[u]) ||
			 cfg_hashlimit_cost(bytes & (uint32_t) ~(cfg_hashlimit_factor(*letter[u]) -
								 1)) != cost))
		u++;
	cfg_buf_addf(text, "%" PRIu64 "%sb/s", bytes / cfg_hashlimit_factor(*letter[u]), letter[u]);
}

// Down from the day until a unit is shorter than one packet takes, or rounds off more than it
// shows. Returns the unit that was taken.
static const struct unit *
packets_show(struct cfg_buf *text, uint64_t avg)
{
	size_t u = EXT_N(units) - 1;

	while (u > 0) {
		uint64_t smaller = units[u - 1].seconds * CFG_HL_SCALE;

		if (avg > smaller || smaller / avg < smaller % avg)
			break;
		u--;
	}
	cfg_buf_addf(text, "%" PRIu64 "/%s", units[u].seconds * CFG_HL_SCALE / avg, units[u].shown);
	return &units[u];
}

static void
resolved(const struct ext_out *out, struct cfg_hashlimit *c)
{
	cfg_hashlimit_resolve(&out->match->hashlimit, out->family == CFG_IPV6 ? CFG_IPV6 : CFG_IPV4,
			      c);
}

static bool
rate_show(struct ext_out *out, bool above)
{
	const struct cfg_m_hashlimit *m = &out->match->hashlimit;
	struct cfg_hashlimit c;
	size_t u = 0;

	if (m->avg == 0 || m->above != above)
		return false;
	resolved(out, &c);
	if (m->bytes && out->yaml && cfg_hashlimit_bytes(m->avg) == 0) { // "0b/s" cannot be read
		cfg_buf_add(out->text, "1b/s");
	} else if (m->bytes) {
		bytes_show(out->text, m->avg);
	} else if (!out->yaml) {
		packets_show(out->text, c.avg);
	} else {
		while (units[u].seconds != m->unit)
			u++;
		cfg_buf_addf(out->text, "%" PRIu64 "/%s", m->unit * CFG_HL_SCALE / m->avg,
			     units[u].shown);
	}
	return true;
}

static bool
upto_show(struct ext_out *out)
{
	return rate_show(out, false);
}

static bool
above_show(struct ext_out *out)
{
	return rate_show(out, true);
}

// A number of packets, or of bytes where a letter stands behind it.
static bool
burst_parse(struct ext_in *in)
{
	struct cfg_m_hashlimit *m = &in->match->hashlimit;
	const char *text = in->value[0];
	unsigned long long v;
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	errno = 0;
	v = strtoull(text, &end, 0);
	if (*text == '-' || end == text || errno != 0 || v == 0 ||
	    (*end == '\0' && v > CFG_HL_BURST_MAX) ||
	    __builtin_mul_overflow(v, cfg_hashlimit_factor(*end), &m->burst)) {
		cfg_err_add(in->err, in->pos,
			    "'%s': bad burst \"%s\" (expected 1 to %d, or a number of bytes with "
			    "k or m)",
			    in->name, in->value[0], CFG_HL_BURST_MAX);
		return false;
	}
	m->burst_set = true;
	return true;
}

static bool
burst_show(struct ext_out *out)
{
	static const char *const letter[] = {"m", "k", ""};
	const struct cfg_m_hashlimit *m = &out->match->hashlimit;
	struct cfg_hashlimit c;
	uint64_t bytes;
	size_t u = 0;

	resolved(out, &c);
	if (!m->bytes) {
		cfg_buf_addf(out->text, "%" PRIu64, c.burst);
		return !out->yaml || m->burst_set;
	}
	if (out->yaml) {
		while (m->burst % cfg_hashlimit_factor(*letter[u]) != 0)
			u++;
		cfg_buf_addf(out->text, "%" PRIu64 "%sb",
			     m->burst / cfg_hashlimit_factor(*letter[u]), letter[u]);
		return m->burst_set;
	}
	bytes = c.burst * cfg_hashlimit_bytes(m->avg);
	while (u < 2 && bytes < cfg_hashlimit_factor(*letter[u]))
		u++;
	cfg_buf_addf(out->text, "%" PRIu64 "%sb", bytes / cfg_hashlimit_factor(*letter[u]),
		     letter[u]);
	return c.burst != 0;
}

static bool
mode_parse(struct ext_in *in)
{
	struct cfg_m_hashlimit *m = &in->match->hashlimit;
	const char *at = in->value[0];

	for (;;) {
		size_t n, i = 0;

		at += strspn(at, ",|");
		n = strcspn(at, ",|");
		if (n == 0)
			return true;
		while (i < EXT_N(modes) &&
		       (strlen(modes[i].name) != n || strncmp(at, modes[i].name, n) != 0))
			i++;
		if (i == EXT_N(modes)) {
			cfg_err_add(in->err, in->pos,
				    "'%s': bad mode \"%s\" (expected a list of srcip, srcport, "
				    "dstip, dstport)",
				    in->name, in->value[0]);
			return false;
		}
		m->mode |= modes[i].bit;
		at += n;
	}
}

static bool
mode_show(struct ext_out *out)
{
	uint8_t mode = out->match->hashlimit.mode;

	for (size_t i = 0; i < EXT_N(modes); i++) {
		if (!(mode & modes[i].bit))
			continue;
		cfg_buf_add(out->text, mode & (modes[i].bit - 1) ? "," : "");
		cfg_buf_add(out->text, modes[i].name);
	}
	return mode != 0;
}

static bool
name_parse(struct ext_in *in)
{
	return ext_table_name(in, NAME_LEN_MAX) && ext_table_name_keep(in);
}

static bool
name_show(struct ext_out *out)
{
	if (out->match->data == NULL)
		return false;
	cfg_buf_add(out->text, out->match->data);
	return true;
}

static bool
number(struct ext_in *in, uint32_t least, uint32_t *to)
{
	if (cfg_value_u32(in->value[0], UINT32_MAX, to) && *to >= least)
		return true;
	cfg_err_add(in->err, in->pos,
		    "'%s': bad number \"%s\" (expected %" PRIu32 " to %" PRIu32 ")", in->name,
		    in->value[0], least, UINT32_MAX);
	return false;
}

static bool
number_show(struct ext_out *out, uint32_t n, uint32_t unsaid)
{
	cfg_buf_addf(out->text, "%" PRIu32, n);
	return n != unsaid;
}

static bool
size_parse(struct ext_in *in)
{
	return number(in, 0, &in->match->hashlimit.size);
}

static bool
size_show(struct ext_out *out)
{
	struct cfg_hashlimit c;

	resolved(out, &c);
	return number_show(out, out->yaml ? out->match->hashlimit.size : c.size, 0);
}

static bool
max_parse(struct ext_in *in)
{
	return number(in, 0, &in->match->hashlimit.max);
}

static bool
max_show(struct ext_out *out)
{
	struct cfg_hashlimit c;

	resolved(out, &c);
	return number_show(out, out->yaml ? out->match->hashlimit.max : c.max, 0);
}

static bool
gcinterval_parse(struct ext_in *in)
{
	return number(in, 1, &in->match->hashlimit.gcinterval);
}

static bool
gcinterval_show(struct ext_out *out)
{
	struct cfg_hashlimit c;

	resolved(out, &c);
	return out->yaml ? number_show(out, out->match->hashlimit.gcinterval, 0)
			 : number_show(out, c.gcinterval, CFG_HL_GCINTERVAL);
}

static bool
expire_parse(struct ext_in *in)
{
	return number(in, 1, &in->match->hashlimit.expire);
}

// iptables-save leaves out what the rate as printed implies.
static bool
expire_show(struct ext_out *out)
{
	struct cfg_hashlimit c;
	struct cfg_buf rate = {0};
	uint32_t implied;

	if (out->yaml)
		return number_show(out, out->match->hashlimit.expire, 0);
	resolved(out, &c);
	if (c.avg == 0)
		return false;
	implied = !c.bytes	 ? packets_show(&rate, c.avg)->seconds * 1000
		  : c.burst != 0 ? CFG_HL_BYTE_EXPIRE_BURST
				 : CFG_HL_BYTE_EXPIRE;
	cfg_buf_free(&rate);
	return number_show(out, c.expire, implied);
}

// A prefix length, or a mask that is one.
static bool
mask_parse(struct ext_in *in, uint8_t *len)
{
	struct cfg_addr a;
	char text[80];
	const char *why;
	uint32_t n;
	bool good = cfg_value_u32(in->value[0], 128, &n);

	if (good && n > 32 && !ext_narrow(in, CFG_IPV6, in->name))
		return false;
	if (!good && strlen(in->value[0]) < 60) {
		bool six = strchr(in->value[0], ':') != NULL;

		snprintf(text, sizeof(text), "%s/%s", six ? "::" : "0.0.0.0", in->value[0]);
		good = cfg_value_addr(text, CFG_BOTH, &a, &why);
		for (n = 0;
		     good && n < (six ? 128u : 32u) && (a.mask[n / 8] >> (7 - n % 8) & 1) != 0;)
			n++;
		for (uint32_t i = n; good && i < (six ? 128u : 32u); i++)
			good = (a.mask[i / 8] >> (7 - i % 8) & 1) == 0;
		if (good && !ext_narrow(in, six ? CFG_IPV6 : CFG_IPV4, in->name))
			return false;
	}
	if (!good)
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a prefix length", in->name,
			    in->value[0]);
	*len = n;
	return good;
}

static bool
mask_show(struct ext_out *out, bool set, uint8_t len)
{
	cfg_buf_addf(out->text, "%u", len);
	return set && (out->yaml || len != (out->family == CFG_IPV6 ? 128 : 32));
}

static bool
srcmask_parse(struct ext_in *in)
{
	in->match->hashlimit.srcmask_set = true;
	return mask_parse(in, &in->match->hashlimit.srcmask);
}

static bool
srcmask_show(struct ext_out *out)
{
	return mask_show(out, out->match->hashlimit.srcmask_set, out->match->hashlimit.srcmask);
}

static bool
dstmask_parse(struct ext_in *in)
{
	in->match->hashlimit.dstmask_set = true;
	return mask_parse(in, &in->match->hashlimit.dstmask);
}

static bool
dstmask_show(struct ext_out *out)
{
	return mask_show(out, out->match->hashlimit.dstmask_set, out->match->hashlimit.dstmask);
}

static bool
rate_match_parse(struct ext_in *in)
{
	in->match->hashlimit.rate_match = true;
	return true;
}

static bool
rate_match_show(struct ext_out *out)
{
	return out->match->hashlimit.rate_match;
}

static bool
interval_parse(struct ext_in *in)
{
	long n = strtol(in->value[0], NULL, 10);

	in->match->hashlimit.interval = n;
	if (n > 0 && n <= INT32_MAX)
		return true;
	cfg_err_add(in->err, in->pos, "'%s': bad number \"%s\" (expected 1 to %d seconds)",
		    in->name, in->value[0], INT32_MAX);
	return false;
}

static bool
interval_show(struct ext_out *out)
{
	const struct cfg_m_hashlimit *m = &out->match->hashlimit;
	struct cfg_hashlimit c;

	if (out->yaml)
		return number_show(out, m->interval, 0);
	resolved(out, &c);
	return m->rate_match && number_show(out, c.interval, 1);
}

static bool
hashlimit_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos,
		struct cfg_err *err)
{
	const struct cfg_m_hashlimit *m = &((const struct cfg_match *)item)->hashlimit;
	const char *why;

	if (m->avg == 0)
		why = "needs 'hashlimit-upto' or 'hashlimit-above'";
	else
		why = cfg_hashlimit_bad(m, rule->family == CFG_IPV6 ? CFG_IPV6 : CFG_IPV4);
	if (why != NULL)
		cfg_err_add(err, pos, "hashlimit: %s", why);
	return why == NULL;
}

#define OPT(word, number, of, function, ...)                                                       \
	{                                                                                          \
		.name = "hashlimit-" word, .slot = (number), .value = EXT_##of,                    \
		.parse = function##_parse, .show = function##_show, ##__VA_ARGS__                  \
	}

static const struct ext_opt hashlimit_opt[] = {
	OPT("upto", 0, WORD, upto, .invertible = true),
	OPT("above", 0, WORD, above, .invertible = true),
	{.name = "hashlimit",
	 .slot = 0,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = upto_parse},
	OPT("burst", 1, WORD, burst),
	OPT("mode", 2, LIST, mode),
	OPT("name", 3, WORD, name, .required = true),
	OPT("htable-size", 4, WORD, size),
	OPT("htable-max", 5, WORD, max),
	OPT("htable-gcinterval", 6, WORD, gcinterval),
	OPT("htable-expire", 7, WORD, expire),
	OPT("srcmask", 8, WORD, srcmask),
	OPT("dstmask", 9, WORD, dstmask),
	OPT("rate-match", 10, FLAG, rate_match),
	OPT("rate-interval", 11, WORD, interval),
};

const struct ext ext_hashlimit = {
	.name = "hashlimit",
	.id = CFG_M_HASHLIMIT,
	.families = CFG_BOTH,
	.opt = hashlimit_opt,
	.n_opt = EXT_N(hashlimit_opt),
	.check = hashlimit_check,
};
