// RATEEST: row of the extension table with its parse and show functions, called through the table
// by both readers and both writers. Intervals and averages are rounded as iptables 1.8.9 does it.
// Nobody estimates rates here: such a rule is read, checked and printed like any other, but not
// run.
#include "config/ext/ext.h"
#include "config/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define USEC_PER_SEC	1000000
#define QUARTER_USEC	(USEC_PER_SEC / 4)
#define INTERVALS	6 // a quarter second to 8 seconds, each twice the one before
#define EWMA_LOG_BOUNDS 31

static bool
name_parse(struct ext_in *in)
{
	char *name = in->target->rateest.name;

	strncpy(name, in->value[0], sizeof(in->target->rateest.name) - 1);
	if (cfg_value_is_word(name))
		return true;
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a word", in->name, in->value[0]);
	return false;
}

static bool
name_show(struct ext_out *out)
{
	cfg_buf_add(out->text, out->target->rateest.name);
	return true;
}

// A number with a unit, in microseconds modulo 2^32.
static bool
time_word(struct ext_in *in, uint32_t *usec)
{
	static const struct {
		const char *name;
		double usec;
	} unit[] = {
		{"", 1},       {"s", 1e6},     {"sec", 1e6}, {"secs", 1e6}, {"ms", 1e3},
		{"msec", 1e3}, {"msecs", 1e3}, {"us", 1},    {"usec", 1},   {"usecs", 1},
	};
	const char *text = in->value[0];
	char *end = NULL;
	double v = strtod(text, &end);

	for (size_t i = 0; i < EXT_N(unit) && end != text; i++) {
		if (strcasecmp(end, unit[i].name) != 0)
			continue;
		v *= unit[i].usec;
		if (!(fabs(v) < 9e15)) // as a number that is out of range there
			v = 0;
		*usec = (uint32_t)(int64_t)v;
		return true;
	}
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a time such as 250ms or 1.5s", in->name,
		    text);
	return false;
}

static bool
interval_parse(struct ext_in *in)
{
	return time_word(in, &in->target->rateest.interval_usec);
}

static bool
ewmalog_parse(struct ext_in *in)
{
	return time_word(in, &in->target->rateest.ewma_usec);
}

static int
interval_of(const struct cfg_t_rateest *t)
{
	int i = 0;

	while (i < INTERVALS && t->interval_usec > (uint32_t)QUARTER_USEC << i)
		i++;
	return i;
}

// How many times the interval, as a power of 2, the average looks back.
static int
ewma_log_of(const struct cfg_t_rateest *t)
{
	int n = 1;

	for (; n < EWMA_LOG_BOUNDS + 1; n++)
		if (t->interval_usec / -log(1.0 - 1.0 / (double)(UINT64_C(1) << n)) > t->ewma_usec)
			break;
	return n - 1;
}

static void
time_print(struct cfg_buf *b, double usec)
{
	if (usec >= USEC_PER_SEC)
		cfg_buf_addf(b, "%.1fs", usec / USEC_PER_SEC);
	else
		cfg_buf_addf(b, "%.1fms", usec / 1000);
}

static double
rounded_interval(const struct cfg_t_rateest *t)
{
	return (double)((uint32_t)QUARTER_USEC << interval_of(t));
}

static bool
interval_show(struct ext_out *out)
{
	if (out->yaml)
		cfg_buf_addf(out->text, "%uus", out->target->rateest.interval_usec);
	else
		time_print(out->text, rounded_interval(&out->target->rateest));
	return true;
}

static bool
ewmalog_show(struct ext_out *out)
{
	const struct cfg_t_rateest *t = &out->target->rateest;

	if (out->yaml)
		cfg_buf_addf(out->text, "%uus", t->ewma_usec);
	else
		time_print(out->text, ldexp(rounded_interval(t), ewma_log_of(t)));
	return true;
}

static bool
rateest_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos,
	      struct cfg_err *err)
{
	const struct cfg_t_rateest *t = &((const struct cfg_target *)item)->rateest;
	int n = ewma_log_of(t);

	(void)rule;
	if (interval_of(t) == INTERVALS) {
		cfg_err_add(err, pos, "'rateest-interval' is more than 8 seconds");
		return false;
	}
	if (n > 0 && n < EWMA_LOG_BOUNDS)
		return true;
	cfg_err_add(err, pos,
		    "'rateest-ewmalog' is too small or too large for that 'rateest-interval'");
	return false;
}

static const char *
rateest_unable(const struct cfg_rule *rule, const void *item)
{
	(void)rule;
	(void)item;
	return "nobody estimates rates here; every rule counts packets and bytes by itself "
	       "(ringwall list), and limit bounds a rate";
}

static const struct ext_opt rateest_opt[] = {
	{.name = "rateest-name",
	 .slot = 0,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = name_parse,
	 .show = name_show},
	{.name = "rateest-interval",
	 .slot = 1,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = interval_parse,
	 .show = interval_show},
	{.name = "rateest-ewmalog",
	 .slot = 2,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = ewmalog_parse,
	 .show = ewmalog_show},
};

const struct ext ext_rateest_target = {
	.name = "RATEEST",
	.target = true,
	.id = CFG_T_RATEEST,
	.families = CFG_BOTH,
	.opt = rateest_opt,
	.n_opt = EXT_N(rateest_opt),
	.check = rateest_check,
	.unable = rateest_unable,
};
