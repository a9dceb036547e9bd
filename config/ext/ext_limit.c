// limit: its row of the extension table, its words and its arithmetic.
//
// Called through the table by both readers and both writers; acl/ asks cfg_limit_credits() at
// build. The rate is kept as netfilter keeps it, as the time that one packet takes, so that an
// exported text shows what 1.8.9 would show ("60/min" is "1/sec").
#include "config/ext/ext.h"
#include "config/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SCALE	      10000u
#define DEFAULT_AVG   (3600 * SCALE / 3)
#define DEFAULT_BURST 5

static const struct unit {
	const char *name, *shown;
	uint32_t seconds;
} units[] = {
	{"second", "sec", 1}, {"minute", "min", 60}, {"hour", "hour", 3600}, {"day", "day", 86400}};

// In 32 bits, with the overflow that netfilter's has.
static uint32_t
credits(uint32_t time)
{
	const uint32_t per_second = CFG_LIMIT_TICKS * CFG_LIMIT_CREDITS;

	return time > UINT32_MAX / per_second ? time / SCALE * per_second
					      : time * per_second / SCALE;
}

bool
cfg_limit_credits(const struct cfg_m_limit *limit, uint32_t *cost, uint32_t *cap)
{
	uint32_t avg = limit->avg != 0 ? limit->avg : DEFAULT_AVG;

	*cost = credits(avg);
	*cap = credits(avg * (limit->burst != 0 ? limit->burst : DEFAULT_BURST));
	return *cap >= *cost;
}

static bool
bad_rate(struct ext_in *in, const char *expected)
{
	cfg_err_add(in->err, in->pos, "'%s': bad rate \"%s\" (expected %s)", in->name, in->value[0],
		    expected);
	return false;
}

// NUMBER or NUMBER/UNIT; the unit may be cut short.
static bool
limit_parse(struct ext_in *in)
{
	const char *text = in->value[0], *slash = strchr(text, '/');
	size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text), len, u = 0;
	const char *expected = "NUMBER/second, /minute, /hour or /day";
	uint64_t rate;

	if (!cfg_value_u64(text, n, &rate) || rate == 0)
		return bad_rate(in, expected);
	if (slash != NULL) {
		len = strlen(slash + 1);
		while (u < EXT_N(units) && strncasecmp(slash + 1, units[u].name, len) != 0)
			u++;
		if (len == 0 || u == EXT_N(units))
			return bad_rate(in, expected);
	}
	if (rate / units[u].seconds > SCALE || rate > SCALE * units[u].seconds)
		return bad_rate(in, "at most 10000 a second");
	in->match->limit.avg = (uint32_t)(SCALE * units[u].seconds / rate);
	return true;
}

static bool
burst_parse(struct ext_in *in)
{
	uint32_t burst;

	if (!cfg_value_u32(in->value[0], 10000, &burst) || burst == 0) {
		cfg_err_add(in->err, in->pos, "'%s': bad burst \"%s\" (expected 1 to 10000)",
			    in->name, in->value[0]);
		return false;
	}
	in->match->limit.burst = burst != DEFAULT_BURST ? burst : 0;
	return true;
}

// In the smallest unit that tells the rate well enough: down from the day until a unit is shorter
// than one packet takes, or rounds off more than it shows.
uint32_t
cfg_limit_rate(const struct cfg_m_limit *limit, const char **unit)
{
	uint32_t avg = limit->avg != 0 ? limit->avg : DEFAULT_AVG;
	size_t u = EXT_N(units) - 1;

	while (u > 0) {
		uint32_t smaller = units[u - 1].seconds * SCALE;

		if (avg > smaller || smaller / avg < smaller % avg)
			break;
		u--;
	}
	*unit = units[u].shown;
	return units[u].seconds * SCALE / avg;
}

static bool
limit_show(struct ext_out *out)
{
	const struct cfg_m_limit *m = &out->match->limit;
	const char *unit;

	if (m->avg == 0 && out->yaml)
		return false;
	cfg_buf_addf(out->text, "%" PRIu32, cfg_limit_rate(m, &unit));
	cfg_buf_addf(out->text, "/%s", unit);
	return true;
}

static bool
burst_show(struct ext_out *out)
{
	uint32_t burst = out->match->limit.burst;

	if (burst == 0 || burst == DEFAULT_BURST)
		return false;
	cfg_buf_addf(out->text, "%" PRIu32, burst);
	return true;
}

static bool
limit_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	const struct cfg_match *m = item;
	uint32_t cost, cap;

	(void)rule;
	if (cfg_limit_credits(&m->limit, &cost, &cap))
		return true;
	cfg_err_add(err, pos,
		    "limit: netfilter cannot save up so large a burst at so slow a rate (give a "
		    "smaller limit-burst)");
	return false;
}

static const struct ext_opt limit_opt[] = {
	{.name = "limit", .slot = 0, .value = EXT_WORD, .parse = limit_parse, .show = limit_show},
	{.name = "limit-burst",
	 .slot = 1,
	 .value = EXT_WORD,
	 .parse = burst_parse,
	 .show = burst_show},
};

const struct ext ext_limit = {
	.name = "limit",
	.id = CFG_M_LIMIT,
	.families = CFG_BOTH,
	.opt = limit_opt,
	.n_opt = EXT_N(limit_opt),
	.check = limit_check,
};
