// The matches that limit by key or by time: iptables-save text in and out. What is expected here
// was printed (or refused) by iptables-legacy 1.8.9 and its kernel for the same line.
#include "save_rows.h"

#define HL "-m hashlimit --hashlimit-"

Test(config_save_limits, hashlimit)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, HL "upto 5 --hashlimit-name a",
		 HL "upto 5/sec --hashlimit-burst 5 --hashlimit-name a"},
		{CFG_IPV6, IN, "-m hashlimit --hashlimit 5/s --hashlimit-name a",
		 HL "upto 5/sec --hashlimit-burst 5 --hashlimit-name a"},
		{CFG_IPV4, IN, "-m hashlimit ! --hashlimit-above 5/s --hashlimit-name a",
		 HL "upto 5/sec --hashlimit-burst 5 --hashlimit-name a"},
		{CFG_IPV4, IN,
		 HL "above 5/min --hashlimit-name a --hashlimit-mode dstport,srcip,dstip,srcport "
		    "--hashlimit-burst 7",
		 HL "above 5/min --hashlimit-burst 7 --hashlimit-mode srcip,srcport,dstip,dstport "
		    "--hashlimit-name a"},
		{CFG_IPV4, IN, HL "above 120/min --hashlimit-name a --hashlimit-dstmask 8",
		 HL "above 2/sec --hashlimit-burst 5 --hashlimit-name a "
		    "--hashlimit-htable-expire 60000 --hashlimit-dstmask 8"},
		{CFG_IPV4, IN, HL "above 3x/sec --hashlimit-name a --hashlimit-burst 5k",
		 HL "above 3/sec --hashlimit-burst 5120 --hashlimit-name a"},
		{CFG_IPV4, IN, HL "upto 999999/sec --hashlimit-name a",
		 HL "upto 1000000/sec --hashlimit-burst 5 --hashlimit-name a"},
		{CFG_IPV4, IN,
		 HL "upto 3/min --hashlimit-htable-size 100000000 --hashlimit-htable-max 1048577 "
		    "--hashlimit-htable-gcinterval 500 --hashlimit-htable-expire 60000 "
		    "--hashlimit-name a",
		 HL "upto 3/min --hashlimit-burst 5 --hashlimit-name a "
		    "--hashlimit-htable-size 1048576 --hashlimit-htable-max 1048576 "
		    "--hashlimit-htable-gcinterval 500"},
		{CFG_IPV4, IN, HL "above 100b/s --hashlimit-name a --hashlimit-mode srcip,",
		 HL "above 96b/s --hashlimit-mode srcip --hashlimit-name a"},
		{CFG_IPV4, IN, HL "above 10mb/s --hashlimit-burst 25mb --hashlimit-name a",
		 HL "above 10mb/s --hashlimit-burst 30mb --hashlimit-name a"},
		{CFG_IPV4, IN, HL "upto 65536mb/s --hashlimit-name a",
		 HL "upto 0b/s --hashlimit-name a"},
		{CFG_IPV4, IN, HL "upto 1000000mb/s --hashlimit-name a",
		 HL "upto 22906492224b/s --hashlimit-name a"},
		{CFG_IPV4, IN, HL "upto 5/min --hashlimit-rate-match --hashlimit-name a",
		 HL "upto 5/sec --hashlimit-burst 5 --hashlimit-name a "
		    "--hashlimit-htable-expire 60000 --hashlimit-rate-match "
		    "--hashlimit-rate-interval 60"},
		{CFG_IPV4, IN,
		 HL "upto 1mb/s --hashlimit-rate-match --hashlimit-rate-interval 3x "
		    "--hashlimit-name a",
		 HL "upto 1mb/s --hashlimit-name a --hashlimit-rate-match "
		    "--hashlimit-rate-interval 3"},
		{CFG_IPV4, IN, HL "upto 5/s --hashlimit-rate-interval 3 --hashlimit-name a",
		 HL "upto 5/sec --hashlimit-burst 5 --hashlimit-name a"},
		{CFG_IPV6, IN, HL "upto 5/s --hashlimit-name a --hashlimit-srcmask 64",
		 HL "upto 5/sec --hashlimit-burst 5 --hashlimit-name a --hashlimit-srcmask 64"},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, HL "above 3/s --hashlimit-mode srcip", 10, "'hashlimit-name'"},
		{CFG_IPV4, IN, "-m hashlimit --hashlimit-name a", 10, "needs 'hashlimit-upto'"},
		{CFG_IPV4, IN, HL "above 0/s --hashlimit-name a", 23, "bad rate"},
		{CFG_IPV4, IN, HL "above 1000001/s --hashlimit-name a", 23, "at most 1000000"},
		{CFG_IPV4, IN, HL "above 3/fort --hashlimit-name a", 23, "bad rate"},
		{CFG_IPV4, IN, HL "above 0b/s --hashlimit-name a", 23, "bad rate"},
		{CFG_IPV4, IN, HL "above 3/s --hashlimit-upto 3/s --hashlimit-name a", 45,
		 "together with"},
		{CFG_IPV4, IN, HL "upto 3/s --hashlimit-mode src --hashlimit-name a", 44,
		 "bad mode"},
		{CFG_IPV4, IN, HL "upto 1/day --hashlimit-burst 1000000 --hashlimit-name a", 10,
		 "so large a burst"},
		{CFG_IPV4, IN, HL "upto 5mb/s --hashlimit-burst 10kb --hashlimit-name a", 10,
		 "less than the bytes of one second"},
		{CFG_IPV4, IN, HL "upto 5/s --hashlimit-htable-expire 0 --hashlimit-name a", 44,
		 "bad number"},
		{CFG_IPV4, IN, HL "upto 5/s --hashlimit-name a/b", 44, "bad name"},
		{CFG_IPV4, IN, HL "upto 5/s --hashlimit-name a --hashlimit-srcmask 33", 63,
		 "is for IPv6"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

#define END " --datestop 2038-01-19T03:14:07"

Test(config_save_limits, time)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-m time", "-m time" END},
		{CFG_IPV6, IN, "-m time --timestart 1:2",
		 "-m time --timestart 01:02:00 --timestop 23:59:59" END},
		{CFG_IPV4, IN, "-m time --timestop 23:59",
		 "-m time --timestart 00:00:00 --timestop 23:59:00" END},
		{CFG_IPV4, IN, "-m time --timestart 00:00 --timestop 23:59:59", "-m time" END},
		{CFG_IPV4, IN, "-m time --timestart \" +1:05\" --timestop :05",
		 "-m time --timestart 01:05:00 --timestop 00:05:00" END},
		{CFG_IPV4, IN, "-m time --timestart 06:00 --timestop 06:00 --contiguous",
		 "-m time --timestart 06:00:00 --timestop 06:00:00" END " --contiguous"},
		{CFG_IPV4, IN, "-m time ! --weekdays Mon,2",
		 "-m time --weekdays Wed,Thu,Fri,Sat,Sun" END},
		{CFG_IPV4, IN, "-m time --weekdays Sunday,MoTu,33,9",
		 "-m time --weekdays Mon,Sun" END},
		{CFG_IPV4, IN, "-m time --weekdays 1,2,3,4,5,6,7", "-m time" END},
		{CFG_IPV4, IN, "-m time --monthdays 123,5,5,0,31",
		 "-m time --monthdays 5,12,31" END},
		{CFG_IPV4, IN,
		 "-m time ! --monthdays 4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24",
		 "-m time --monthdays 1,2,3,25,26,27,28,29,30,31" END},
		{CFG_IPV4, IN, "-m time --datestart 2010",
		 "-m time --datestart 2010-01-01T00:00:00" END},
		{CFG_IPV4, IN, "-m time --datestart 2010-02-31 --datestop 2010-00",
		 "-m time --datestart 2010-03-03T00:00:00 --datestop 2009-12-01T00:00:00"},
		{CFG_IPV4, IN, "-m time --datestop 2038-12-31T23:59:59", NULL},
		{CFG_IPV4, IN, "-m time --datestop 1970", "-m time"},
		{CFG_IPV4, IN, "-m time --datestart 1970 --utc", "-m time" END},
		{CFG_IPV4, IN, "-m time --localtz", "-m time" END " --kerneltz"},
		{CFG_IPV4, IN,
		 "-m time --contiguous --datestart 2010 --timestart 5:00 --weekdays Fri "
		 "--monthdays 3 --kerneltz --timestop 4:00 --datestop 2020",
		 "-m time --timestart 05:00:00 --timestop 04:00:00 --monthdays 3 --weekdays Fri "
		 "--datestart 2010-01-01T00:00:00 --datestop 2020-01-01T00:00:00 --kerneltz "
		 "--contiguous"},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, "-m time --timestop 24:00", 18, "bad time"},
		{CFG_IPV4, IN, "-m time --timestart 6", 18, "bad time"},
		{CFG_IPV4, IN, "-m time --timestart 06:05:61", 18, "bad time"},
		{CFG_IPV4, IN, "-m time --timestart -1:05", 18, "bad time"},
		{CFG_IPV4, IN, "-m time --weekdays Mond,tue", 18, "bad day \"tue\""},
		{CFG_IPV4, IN, "-m time --weekdays 0", 18, "bad day"},
		{CFG_IPV4, IN, "-m time --monthdays 32", 18, "bad day"},
		{CFG_IPV4, IN, "-m time --monthdays 08", 18, "bad day"},
		// iptables takes these two, and prints what iptables-restore cannot read.
		{CFG_IPV4, IN, "-m time --weekdays 8", 18, "no day is left"},
		{CFG_IPV4, IN, "-m time --monthdays 0", 18, "no day is left"},
		{CFG_IPV4, IN, "-m time --datestart 2010-13", 18, "bad date"},
		{CFG_IPV4, IN, "-m time --datestart 1970-00", 18, "bad date"},
		{CFG_IPV4, IN, "-m time --datestart 2039", 18, "bad date"},
		{CFG_IPV4, IN, "-m time --datestart 2010-02-03T04:05:06Z", 18, "bad date"},
		{CFG_IPV4, IN, "-m time --timestart 06:00 --timestop 22:00 --contiguous", 10,
		 "before 'timestart'"},
		{CFG_IPV4, IN, "-m time --contiguous", 10, "before 'timestart'"},
		{CFG_IPV4, IN, "-m time --utc --kerneltz", 24, "only once"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

Test(config_save_limits, connlimit)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-m connlimit --connlimit-upto 0",
		 "-m connlimit --connlimit-upto 0 --connlimit-mask 32 --connlimit-saddr"},
		{CFG_IPV6, IN, "-m connlimit ! --connlimit-upto 0x10 --connlimit-daddr",
		 "-m connlimit --connlimit-above 16 --connlimit-mask 128 --connlimit-daddr"},
		{CFG_IPV4, IN, "-m connlimit --connlimit-above 1 --connlimit-mask 255.255.0.0",
		 "-m connlimit --connlimit-above 1 --connlimit-mask 16 --connlimit-saddr"},
		{CFG_IPV4, IN, "-m connlimit --connlimit-above 1 --connlimit-mask 255.0.255.0",
		 "-m connlimit --connlimit-above 1 --connlimit-mask 32 --connlimit-saddr"},
		{CFG_IPV4, IN, "-m connlimit --connlimit-above 1 --connlimit-mask 64",
		 "-m connlimit --connlimit-above 1 --connlimit-mask 32 --connlimit-saddr"},
		{CFG_IPV6, IN, "-m connlimit --connlimit-above 1 --connlimit-mask ffff::",
		 "-m connlimit --connlimit-above 1 --connlimit-mask 16 --connlimit-saddr"},
		{CFG_IPV4, IN,
		 "-m connlimit --connlimit-upto 4294967295 --connlimit-mask 0 --connlimit-saddr",
		 NULL},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, "-m connlimit", 10, "needs 'connlimit-upto'"},
		{CFG_IPV4, IN, "-m connlimit --connlimit-mask 24", 10, "needs 'connlimit-upto'"},
		{CFG_IPV4, IN, "-m connlimit --connlimit-upto 4294967296", 23,
		 "is not a number from"},
		{CFG_IPV4, IN, "-m connlimit --connlimit-upto -1", 23, "is not a number from"},
		{CFG_IPV4, IN, "-m connlimit --connlimit-upto 1 --connlimit-mask 129", 42,
		 "not a prefix length"},
		{CFG_IPV4, IN, "-m connlimit --connlimit-upto 1 --connlimit-mask ffff::", 42,
		 "is for IPv6"},
		{CFG_IPV4, IN, "-m connlimit --connlimit-above 1 ! --connlimit-daddr", 45,
		 "cannot be negated"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}
