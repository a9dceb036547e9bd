// The match time: which moments it is about. What is expected is what xt_time says of them.
#include "at.h"

#include <time.h>

static struct at t;

// Does a packet at that moment (UTC) meet the rule?
static bool
at_time(const char *moment)
{
	struct tl_spec s = {.src = "10.0.0.1", .dst = "192.0.2.9", .sport = 1, .dport = 2};
	uint64_t before = at_packets(&t, CFG_FILTER, "FORWARD", 1);
	struct tm tm = {0};

	cr_assert(strptime(moment, "%Y-%m-%d %H:%M:%S", &tm) != NULL, "%s", moment);
	t.w[0]->wall_ns = (uint64_t)timegm(&tm) * 1000000000 + 999999999;
	at_judge(&t, ACL_FILTER, &s, &(struct at_way){0}, 0);
	return at_packets(&t, CFG_FILTER, "FORWARD", 1) != before;
}

static void
open_rule(const char *options)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n"
		 "-A FORWARD -m time %s\nCOMMIT\n",
		 options);
	at_open(&t, CFG_IPV4, text);
}

struct moment {
	const char *when;
	bool hit;
};

static void
expect(const char *options, const struct moment *m, unsigned n)
{
	open_rule(options);
	for (unsigned i = 0; i < n; i++)
		cr_expect(at_time(m[i].when) == m[i].hit, "%s at %s", options, m[i].when);
	at_close(&t);
}
#define EXPECT(options, ...)                                                                       \
	expect(options, (const struct moment[]){__VA_ARGS__},                                      \
	       sizeof((const struct moment[]){__VA_ARGS__}) / sizeof(struct moment))

Test(acl_time, of_the_day)
{
	EXPECT("--timestart 09:00 --timestop 17:30", {"2026-11-24 08:59:59", false},
	       {"2026-11-24 09:00:00", true}, {"2026-11-24 09:00:00", true},
	       {"2026-11-24 17:30:00", true}, {"2026-11-24 17:30:01", false});
	EXPECT("--timestart 22:00 --timestop 06:00", {"2026-11-24 21:59:59", false},
	       {"2026-11-24 22:00:00", true}, {"2026-11-25 00:00:00", true},
	       {"2026-11-25 06:00:00", true}, {"2026-11-25 06:00:01", false});
	EXPECT("", {"1970-01-01 00:00:00", true}, {"2038-01-19 03:14:07", true},
	       {"2038-01-19 03:14:08", false});
}

Test(acl_time, over_midnight)
{
	EXPECT("--timestart 23:00 --timestop 01:00 --weekdays Mon", {"2026-11-23 00:30:00", true},
	       {"2026-11-23 23:30:00", true}, {"2026-11-24 00:30:00", false});
	EXPECT("--timestart 23:00 --timestop 01:00 --weekdays Mon --contiguous",
	       {"2026-11-23 00:30:00", false}, {"2026-11-23 23:30:00", true},
	       {"2026-11-24 00:30:00", true}, {"2026-11-24 01:00:01", false});
	EXPECT("--timestart 23:00 --timestop 01:00 --monthdays 31 --contiguous",
	       {"2027-01-01 00:30:00", true}, {"2027-01-31 00:30:00", false});
}

Test(acl_time, days)
{
	EXPECT("! --weekdays Sat,Sun", {"2026-11-20 12:00:00", true},
	       {"2026-11-21 00:00:00", false}, {"2026-11-22 23:59:59", false},
	       {"2026-11-23 00:00:00", true}, {"1970-01-01 00:00:00", true},
	       {"1970-01-03 00:00:00", false});
	EXPECT("--monthdays 1,29", {"2028-02-29 12:00:00", true}, {"2028-03-01 00:00:00", true},
	       {"2027-02-28 23:59:59", false}, {"2027-03-01 00:00:00", true},
	       {"2000-02-29 23:59:59", true}, {"2026-12-31 23:59:59", false},
	       {"2027-01-01 00:00:00", true}, {"1970-01-01 00:00:00", true});
}

Test(acl_time, dates)
{
	EXPECT("--datestart 2026-11-24T10:00 --datestop 2026-11-24T11:00:30",
	       {"2026-11-24 09:59:59", false}, {"2026-11-24 10:00:00", true},
	       {"2026-11-24 11:00:30", true}, {"2026-11-24 11:00:31", false});
}

// Every day of two centuries' worth of leap years, against the C library.
Test(acl_time, the_calendar_is_libc_s)
{
	for (uint32_t day = 0; day < 40000; day++) {
		time_t when = (time_t)day * 86400 + day % 86400;
		struct cfg_m_time m = {.date_stop_set = true, .date_stop = UINT32_MAX};
		struct tm tm;

		gmtime_r(&when, &tm);
		m.not_monthdays = ~(UINT32_C(1) << tm.tm_mday);
		m.not_weekdays = ~(1u << (tm.tm_wday == 0 ? 7 : tm.tm_wday));
		cr_assert(cfg_time_matches(&m, when), "day %u", day);
	}
}
