// time: its row of the extension table and its words.
//
// Called through the table by both readers and both writers; acl/ asks cfg_time_matches(). Numbers
// are read as iptables reads them (a part that is left out is 0, the 31st of February is the 3rd of
// March), negated days become the days that are left, as iptables-save shows them.
#include "config/ext/ext.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY	      86400
#define DAYS_TO_1970  719468 // from the first of March of the year 0
#define DAY_LAST      (DAY - 1)
#define ALL_WEEK      0xfeu
#define ALL_MONTH     0xfffffffeu
#define WEEKDAYS      7
#define MONTH_LONGEST 31

static const char *const weekday[WEEKDAYS + 1] = {NULL,	 "Mon", "Tue", "Wed",
						  "Thu", "Fri", "Sat", "Sun"};

// The next number of *text, up to max, which must stand before one of the characters in `ends` or
// the text's end; *end is what stood there.
static bool
part(const char **text, unsigned max, char ends, unsigned *n, char *end)
{
	char *e;
	unsigned long v = strtoul(*text, &e, 10);

	*n = (unsigned)v;
	*end = *e;
	if ((*e != ends && *e != '\0') || *n > max)
		return false;
	*text = e + (*e != '\0');
	return true;
}

static bool
clock_parse(struct ext_in *in, uint32_t *out)
{
	const char *text = in->value[0];
	unsigned h, m = 0, s = 0;
	char end;

	if (part(&text, 23, ':', &h, &end) && end == ':' && part(&text, 59, ':', &m, &end) &&
	    (end == '\0' || part(&text, 59, '\0', &s, &end))) {
		*out = h * 3600 + m * 60 + s;
		return true;
	}
	cfg_err_add(in->err, in->pos, "'%s': bad time \"%s\" (expected hh:mm or hh:mm:ss)",
		    in->name, in->value[0]);
	return false;
}

static bool
date_parse(struct ext_in *in, uint32_t *out)
{
	const char *text = in->value[0];
	unsigned year, month = 1, day = 1, h = 0, m = 0, s = 0;
	struct tm tm = {0};
	time_t t;
	char end;
	bool good = part(&text, 2038, '-', &year, &end) && year >= 1970 &&
		    (end == '\0' || part(&text, 12, '-', &month, &end)) &&
		    (end == '\0' || part(&text, 31, 'T', &day, &end)) &&
		    (end == '\0' || part(&text, 23, ':', &h, &end)) &&
		    (end == '\0' || part(&text, 59, ':', &m, &end)) &&
		    (end == '\0' || part(&text, 59, '\0', &s, &end));

	if (good) {
		tm.tm_year = (int)year - 1900;
		tm.tm_mon = (int)month - 1;
		tm.tm_mday = (int)day;
		tm.tm_hour = (int)h;
		tm.tm_min = (int)m;
		tm.tm_sec = (int)s;
		t = timegm(&tm);
		good = t >= 0;
		*out = (uint32_t)t;
	}
	if (!good)
		cfg_err_add(in->err, in->pos,
			    "'%s': bad date \"%s\" (expected YYYY[-MM[-DD[Thh[:mm[:ss]]]]], 1970 "
			    "to 2038)",
			    in->name, in->value[0]);
	return good;
}

static void
clock_show(struct cfg_buf *text, uint32_t t)
{
	cfg_buf_addf(text, "%02u:%02u:%02u", t / 3600, t / 60 % 60, t % 60);
}

static void
date_show(struct cfg_buf *text, uint32_t date)
{
	time_t t = date;
	struct tm tm;
	char s[32];

	gmtime_r(&t, &tm);
	strftime(s, sizeof(s), "%Y-%m-%dT%H:%M:%S", &tm);
	cfg_buf_add(text, s);
}

static bool
timestart_parse(struct ext_in *in)
{
	return clock_parse(in, &in->match->time.day_start);
}

static bool
timestop_parse(struct ext_in *in)
{
	uint32_t t;

	if (!clock_parse(in, &t))
		return false;
	in->match->time.day_rest = DAY_LAST - t;
	return true;
}

static bool
timestart_show(struct ext_out *out)
{
	const struct cfg_m_time *m = &out->match->time;

	clock_show(out->text, m->day_start);
	return m->day_start != 0 || (!out->yaml && m->day_rest != 0);
}

static bool
timestop_show(struct ext_out *out)
{
	const struct cfg_m_time *m = &out->match->time;

	clock_show(out->text, DAY_LAST - m->day_rest);
	return m->day_rest != 0 || (!out->yaml && m->day_start != 0);
}

static bool
datestart_parse(struct ext_in *in)
{
	return date_parse(in, &in->match->time.date_start);
}

static bool
datestop_parse(struct ext_in *in)
{
	in->match->time.date_stop_set = true;
	if (!date_parse(in, &in->match->time.date_stop))
		return false;
	in->match->time.date_stop_set = in->match->time.date_stop != INT32_MAX;
	return true;
}

static uint32_t
date_stop(const struct cfg_m_time *m)
{
	return m->date_stop_set ? m->date_stop : INT32_MAX;
}

static bool
datestart_show(struct ext_out *out)
{
	date_show(out->text, out->match->time.date_start);
	return out->match->time.date_start != 0;
}

// iptables-save shows the end of 32-bit time where none was given, and nothing for 1970.
static bool
datestop_show(struct ext_out *out)
{
	uint32_t stop = date_stop(&out->match->time);

	date_show(out->text, stop);
	return out->yaml ? out->match->time.date_stop_set : stop != 0;
}

// One part of a list into buf, cut off where it is too long, as iptables cuts it; false at the end.
static bool
next_day(const char **text, char *buf, size_t size)
{
	size_t n = strcspn(*text, ",");

	if (**text == '\0')
		return false;
	memcpy(buf, *text, n < size ? n : size - 1);
	buf[n < size ? n : size - 1] = '\0';
	*text += n + ((*text)[n] == ',');
	return true;
}

// What is kept are the days that are not meant, so that all are where nothing is said.
static bool
days_set(struct ext_in *in, uint32_t days, uint32_t all, uint32_t *not_days)
{
	*not_days = (in->invert ? days : days ^ all) & all;
	if (*not_days != all)
		return true;
	cfg_err_add(in->err, in->pos,
		    "'%s': no day is left (iptables prints such a rule in a way that it cannot "
		    "read)",
		    in->name);
	return false;
}

static bool
monthdays_parse(struct ext_in *in)
{
	const char *text = in->value[0];
	uint32_t days = 0;
	char day[3], *end;

	while (next_day(&text, day, sizeof(day))) {
		unsigned long d = strtoul(day, &end, 0);

		if (*end != '\0' || d > MONTH_LONGEST) {
			cfg_err_add(in->err, in->pos,
				    "'%s': bad day \"%s\" (expected a list of 1 to 31)", in->name,
				    day);
			return false;
		}
		days |= UINT32_C(1) << d;
	}
	return days_set(in, days, ALL_MONTH, &in->match->time.not_monthdays);
}

static bool
monthdays_show(struct ext_out *out)
{
	uint32_t not_days = out->match->time.not_monthdays;
	const char *comma = "";

	for (unsigned d = 1; d <= MONTH_LONGEST; d++) {
		if (not_days >> d & 1)
			continue;
		cfg_buf_addf(out->text, "%s%u", comma, d);
		comma = ",";
	}
	return not_days != 0;
}

// A number, which iptables shifts by in 32 bits and keeps in 8, or a name of which two letters
// count.
static bool
weekdays_parse(struct ext_in *in)
{
	const char *text = in->value[0];
	uint32_t days = 0;
	char day[4], *end;

	while (next_day(&text, day, sizeof(day))) {
		unsigned long d = strtoul(day, &end, 0);
		unsigned i = 1;

		if (*end == '\0' && d != 0) {
			days |= UINT32_C(1) << d % 32;
			continue;
		}
		while (i <= WEEKDAYS && strncmp(day, weekday[i], 2) != 0)
			i++;
		if (*end == '\0' || i > WEEKDAYS) {
			cfg_err_add(in->err, in->pos,
				    "'%s': bad day \"%s\" (expected a list of Mon, Tue, Wed, Thu, "
				    "Fri, Sat, Sun, or 1 to 7)",
				    in->name, day);
			return false;
		}
		days |= 1u << i;
	}
	return days_set(in, days, ALL_WEEK, &in->match->time.not_weekdays);
}

static bool
weekdays_show(struct ext_out *out)
{
	uint32_t not_days = out->match->time.not_weekdays;
	const char *comma = "";

	for (unsigned d = 1; d <= WEEKDAYS; d++) {
		if (not_days >> d & 1)
			continue;
		cfg_buf_addf(out->text, "%s%s", comma, weekday[d]);
		comma = ",";
	}
	return not_days != 0;
}

static bool
contiguous_parse(struct ext_in *in)
{
	in->match->time.contiguous = true;
	return true;
}

static bool
contiguous_show(struct ext_out *out)
{
	return out->match->time.contiguous;
}

static bool
kerneltz_parse(struct ext_in *in)
{
	in->match->time.kerneltz = true;
	return true;
}

static bool
kerneltz_show(struct ext_out *out)
{
	return out->match->time.kerneltz;
}

static bool
utc_parse(struct ext_in *in)
{
	(void)in; // it is so anyway
	return true;
}

static bool
time_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	const struct cfg_m_time *m = &((const struct cfg_match *)item)->time;

	(void)rule;
	if (!m->contiguous || m->day_start >= DAY_LAST - m->day_rest)
		return true;
	cfg_err_add(err, pos, "time: 'contiguous' needs a 'timestop' before 'timestart'");
	return false;
}

// Day of the month, of days since the first of March of the year 0 in our calendar, whose years
// then end with the day that leaps.
static unsigned
month_day(uint32_t days)
{
	uint32_t era_day = days % 146097;
	uint32_t year = (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
	uint32_t year_day = era_day - (365 * year + year / 4 - year / 100);

	return year_day - (153 * ((5 * year_day + 2) / 153) + 2) / 5 + 1;
}

bool
cfg_time_matches(const struct cfg_m_time *m, int64_t now)
{
	uint32_t stop = DAY_LAST - m->day_rest, second, days;

	if (now < m->date_start || now > date_stop(m) || now < 0)
		return false;
	second = (uint32_t)(now % DAY);
	days = (uint32_t)(now / DAY) + DAYS_TO_1970;
	if (m->day_start < stop) {
		if (second < m->day_start || second > stop)
			return false;
	} else {
		if (second < m->day_start && second > stop)
			return false;
		if (m->contiguous && second <= stop)
			days--; // it belongs to the day before
	}
	if (m->not_weekdays >> ((days + 2) % 7 + 1) & 1) // the first of March was a Wednesday
		return false;
	return m->not_monthdays == 0 || !(m->not_monthdays >> month_day(days) & 1);
}

#define OPT(word, number, of, ...)                                                                 \
	{                                                                                          \
		.name = #word, .slot = (number), .value = EXT_##of, .parse = word##_parse,         \
		.show = word##_show, ##__VA_ARGS__                                                 \
	}

static const struct ext_opt time_opt[] = {
	OPT(timestart, 0, WORD),
	OPT(timestop, 1, WORD),
	OPT(monthdays, 2, LIST, .invertible = true),
	OPT(weekdays, 3, LIST, .invertible = true),
	OPT(datestart, 4, WORD),
	OPT(datestop, 5, WORD),
	OPT(kerneltz, 6, FLAG),
	OPT(contiguous, 7, FLAG),
	{.name = "localtz", .slot = 6, .value = EXT_FLAG, .parse = kerneltz_parse},
	{.name = "utc", .slot = 6, .value = EXT_FLAG, .parse = utc_parse},
};

const struct ext ext_time = {
	.name = "time",
	.id = CFG_M_TIME,
	.families = CFG_BOTH,
	.opt = time_opt,
	.n_opt = EXT_N(time_opt),
	.check = time_check,
};
