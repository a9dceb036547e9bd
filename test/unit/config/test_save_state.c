// The matches that keep something or look at the clock: iptables-save text in and out. What is
// expected here was printed (or refused) by iptables-legacy 1.8.9 and its kernel for the same line.
#include "save_rows.h"

#define X32  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X199 X32 X32 X32 X32 X32 X32 "xxxxxxx"
#define ALL4 "--mask 255.255.255.255"
#define ALL6 "--mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"

Test(config_save_state, recent)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-m recent --set",
		 "-m recent --set --name DEFAULT " ALL4 " --rsource"},
		{CFG_IPV6, IN, "-m recent ! --set",
		 "-m recent ! --set --name DEFAULT " ALL6 " --rsource"},
		{CFG_IPV4, IN, "-m recent --update --hitcount 0",
		 "-m recent --update --name DEFAULT " ALL4 " --rsource"},
		{CFG_IPV4, IN, "-m recent --rcheck --reap --seconds 0x10",
		 "-m recent --rcheck --seconds 16 --reap --name DEFAULT " ALL4 " --rsource"},
		{CFG_IPV4, IN, "-m recent --rcheck --rdest --rsource --rttl",
		 "-m recent --rcheck --rttl --name DEFAULT " ALL4 " --rsource"},
		{CFG_IPV4, IN, "-m recent --remove --name %CURRENTTIME --mask 255.255.0.0 --rdest",
		 NULL},
		{CFG_IPV4, IN, "-m recent --remove --name %CURRENTTIME --rdest --mask 255.255.0.0",
		 "-m recent --remove --name %CURRENTTIME --mask 255.255.0.0 --rdest"},
		{CFG_IPV4, IN, "-m recent --rcheck --mask 24",
		 "-m recent --rcheck --name DEFAULT --mask 0.0.0.24 --rsource"},
		{CFG_IPV6, IN, "-m recent --rcheck --mask FFFF::1.2.3.4",
		 "-m recent --rcheck --name DEFAULT --mask ffff::102:304 --rsource"},
		{CFG_IPV4, IN,
		 "-m recent --update --rttl --reap --seconds 7 --hitcount 3 --rdest --name q -j "
		 "DROP",
		 "-m recent --update --seconds 7 --reap --hitcount 3 --rttl --name q " ALL4
		 " --rdest -j DROP"},
		{CFG_IPV4, IN, "-m recent --rcheck --hitcount 65535 --name " X199,
		 "-m recent --rcheck --hitcount 65535 --name " X199 " " ALL4 " --rsource"},
		{CFG_IPV4, IN, "-m recent --rcheck --name a -m recent --set --name b",
		 "-m recent --rcheck --name a " ALL4 " --rsource -m recent --set --name b " ALL4
		 " --rsource"},
	};

	EXPECT_ROWS(rows);
}

Test(config_save_state, parts)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-m cpu ! --cpu 3", NULL},
		{CFG_IPV6, IN, "-m cpu --cpu 4294967295", NULL},
		{CFG_IPV4, IN, "-m quota ! --quota 0x10", "-m quota ! --quota 16"},
		{CFG_IPV4, IN, "-m quota --quota 18446744073709551615", NULL},
		{CFG_IPV4, IN, "-m quota --quota 0", NULL},
		{CFG_IPV4, IN, "-m statistic --mode random ! --probability .33333",
		 "-m statistic --mode random ! --probability 0.33332999982"},
		{CFG_IPV4, IN, "-m statistic --probability 0.33333333349 --mode random",
		 "-m statistic --mode random --probability 0.33333333349"},
		{CFG_IPV4, IN, "-m statistic --mode random --probability 1e-3",
		 "-m statistic --mode random --probability 0.00100000016"},
		{CFG_IPV4, IN, "-m statistic --mode random --probability 0",
		 "-m statistic --mode random --probability 0.00000000000"},
		{CFG_IPV6, IN, "-m statistic --mode nth ! --every 3 --packet 2", NULL},
		{CFG_IPV4, IN, "-m statistic --mode nth --every 1 --packet 0", NULL},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, IN, "-m quota", 10, "needs option 'quota'"},
		{CFG_IPV4, IN, "-m quota --quota 18446744073709551616", 19, "not a number"},
		{CFG_IPV4, IN, "-m quota --quota 5k", 19, "not a number"},
		{CFG_IPV4, IN, "-m statistic --mode random", 10, "takes 'probability'"},
		{CFG_IPV4, IN, "-m statistic --mode random --probability 1.1", 37, "0 to 1"},
		{CFG_IPV4, IN, "-m statistic --mode nth --every 5", 10, "'every' and 'packet'"},
		{CFG_IPV4, IN, "-m statistic --mode nth --every 5 --packet 5", 10, "less than"},
		{CFG_IPV4, IN, "-m statistic --mode ran --probability 1", 23, "random or nth"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

Test(config_save_state, bad_recent)
{
	static const struct bad rows[] = {
		{CFG_IPV4, IN, "-m recent", 10, "needs one of 'set'"},
		{CFG_IPV4, IN, "-m recent --set --rcheck", 26, "together with 'set'"},
		{CFG_IPV4, IN, "-m recent --update --seconds 0", 29, "expected 1 to"},
		{CFG_IPV4, IN, "-m recent --rcheck --reap", 10, "'reap' needs 'seconds'"},
		{CFG_IPV4, IN, "-m recent --set --seconds 5", 10, "'rcheck' and 'update' only"},
		{CFG_IPV4, IN, "-m recent --remove --hitcount 5", 10, "'rcheck' and 'update' only"},
		{CFG_IPV4, IN, "-m recent --set --rttl", 10, "'rcheck' and 'update' only"},
		{CFG_IPV4, IN, "-m recent --rcheck --rdest --rdest", 37, "only once"},
		{CFG_IPV4, IN, "-m recent --rcheck --hitcount 65536", 29, "expected 0 to 65535"},
		{CFG_IPV4, IN, "-m recent --rcheck --name \"\"", 29, "bad name"},
		{CFG_IPV4, IN, "-m recent --rcheck --name a/b", 29, "bad name"},
		{CFG_IPV4, IN, "-m recent --rcheck --name ..", 29, "bad name"},
		{CFG_IPV4, IN, "-m recent --rcheck --name " X199 "x", 29, "at most 199"},
		// iptables takes these two, and prints what iptables-restore cannot read.
		{CFG_IPV4, IN, "-m recent --rcheck --name \"a b\"", 29, "bad name"},
		{CFG_IPV4, IN, "-m recent --rcheck --name \"a\\\"b\"", 29, "bad name"},
		{CFG_IPV4, IN, "-m recent --rcheck --mask ffff::", 29, "is for IPv6"},
		{CFG_IPV6, IN, "-m recent --rcheck --mask 255.0.0.0", 29, "is for IPv4"},
		{CFG_IPV4, IN, "-m recent --rcheck --mask localhost", 29, "is not a mask"},
		{CFG_IPV4, IN, "-m recent --rcheck ! --seconds 5", 31, "cannot be negated"},
	};

	EXPECT_BAD(rows);
}
