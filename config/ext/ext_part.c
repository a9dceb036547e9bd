// cpu, quota and statistic: rows of the extension table with their words.
//
// Called through the table by both readers and both writers. A probability is kept as netfilter
// keeps it, in 31 bits, and printed with eleven digits as iptables does.
#include "config/ext/ext.h"
#include "config/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ONE 0x80000000u // probability 1

static bool
cpu_parse(struct ext_in *in)
{
	in->match->cpu.invert = in->invert;
	if (cfg_value_u32(in->value[0], UINT32_MAX, &in->match->cpu.number))
		return true;
	cfg_err_add(in->err, in->pos, "'%s': bad number \"%s\"", in->name, in->value[0]);
	return false;
}

static bool
cpu_show(struct ext_out *out)
{
	out->invert = out->match->cpu.invert;
	cfg_buf_addf(out->text, "%" PRIu32, out->match->cpu.number);
	return true;
}

static bool
quota_parse(struct ext_in *in)
{
	in->match->quota.invert = in->invert;
	return ext_number64(in, &in->match->quota.bytes);
}

static bool
quota_show(struct ext_out *out)
{
	out->invert = out->match->quota.invert;
	cfg_buf_addf(out->text, "%" PRIu64, out->match->quota.bytes);
	return true;
}

static bool
mode_parse(struct ext_in *in)
{
	in->match->statistic.nth = strcmp(in->value[0], "nth") == 0;
	if (in->match->statistic.nth || strcmp(in->value[0], "random") == 0)
		return true;
	cfg_err_add(in->err, in->pos, "'%s': bad mode \"%s\" (expected random or nth)", in->name,
		    in->value[0]);
	return false;
}

static bool
mode_show(struct ext_out *out)
{
	cfg_buf_add(out->text, out->match->statistic.nth ? "nth" : "random");
	return true;
}

static bool
probability_parse(struct ext_in *in)
{
	struct cfg_m_statistic *m = &in->match->statistic;
	char *end;
	double p = strtod(in->value[0], &end);

	if (end == in->value[0] || *end != '\0' || !(p >= 0 && p <= 1)) {
		cfg_err_add(in->err, in->pos, "'%s': bad probability \"%s\" (expected 0 to 1)",
			    in->name, in->value[0]);
		return false;
	}
	m->probability = (uint32_t)(ONE * p + 0.5);
	m->invert = in->invert;
	m->probability_set = true;
	return true;
}

static bool
probability_show(struct ext_out *out)
{
	const struct cfg_m_statistic *m = &out->match->statistic;

	out->invert = m->invert;
	cfg_buf_addf(out->text, "%.11f", 1.0 * m->probability / ONE);
	return !m->nth && m->probability_set;
}

static bool
every_parse(struct ext_in *in)
{
	struct cfg_m_statistic *m = &in->match->statistic;

	m->invert = in->invert;
	if (cfg_value_u32(in->value[0], UINT32_MAX, &m->every) && m->every != 0)
		return true;
	cfg_err_add(in->err, in->pos, "'%s': bad number \"%s\" (expected 1 to %" PRIu32 ")",
		    in->name, in->value[0], UINT32_MAX);
	return false;
}

static bool
every_show(struct ext_out *out)
{
	const struct cfg_m_statistic *m = &out->match->statistic;

	out->invert = m->invert;
	cfg_buf_addf(out->text, "%" PRIu32, m->every);
	return m->every != 0;
}

static bool
packet_parse(struct ext_in *in)
{
	struct cfg_m_statistic *m = &in->match->statistic;

	m->packet_set = true;
	if (cfg_value_u32(in->value[0], UINT32_MAX, &m->packet))
		return true;
	cfg_err_add(in->err, in->pos, "'%s': bad number \"%s\"", in->name, in->value[0]);
	return false;
}

static bool
packet_show(struct ext_out *out)
{
	const struct cfg_m_statistic *m = &out->match->statistic;

	cfg_buf_addf(out->text, "%" PRIu32, m->packet);
	return m->packet_set;
}

static bool
statistic_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos,
		struct cfg_err *err)
{
	const struct cfg_m_statistic *m = &((const struct cfg_match *)item)->statistic;
	const char *why = NULL;

	(void)rule;
	if (!m->nth && (!m->probability_set || m->every != 0 || m->packet_set))
		why = "mode random takes 'probability', and nothing else";
	else if (m->nth && (m->probability_set || m->every == 0 || !m->packet_set))
		why = "mode nth takes 'every' and 'packet'";
	else if (m->nth && m->packet >= m->every)
		why = "'packet' must be less than 'every'";
	if (why != NULL)
		cfg_err_add(err, pos, "statistic: %s", why);
	return why == NULL;
}

static const struct ext_opt cpu_opt[] = {
	{.name = "cpu",
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .parse = cpu_parse,
	 .show = cpu_show},
};
static const struct ext_opt quota_opt[] = {
	{.name = "quota",
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .parse = quota_parse,
	 .show = quota_show},
};
static const struct ext_opt statistic_opt[] = {
	{.name = "mode",
	 .slot = 0,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = mode_parse,
	 .show = mode_show},
	{.name = "probability",
	 .slot = 1,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = probability_parse,
	 .show = probability_show},
	{.name = "every",
	 .slot = 2,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = every_parse,
	 .show = every_show},
	{.name = "packet",
	 .slot = 3,
	 .value = EXT_WORD,
	 .parse = packet_parse,
	 .show = packet_show},
};

const struct ext ext_cpu = {
	.name = "cpu",
	.id = CFG_M_CPU,
	.families = CFG_BOTH,
	.opt = cpu_opt,
	.n_opt = EXT_N(cpu_opt),
};
const struct ext ext_quota = {
	.name = "quota",
	.id = CFG_M_QUOTA,
	.families = CFG_BOTH,
	.opt = quota_opt,
	.n_opt = EXT_N(quota_opt),
};
const struct ext ext_statistic = {
	.name = "statistic",
	.id = CFG_M_STATISTIC,
	.families = CFG_BOTH,
	.opt = statistic_opt,
	.n_opt = EXT_N(statistic_opt),
	.check = statistic_check,
};
