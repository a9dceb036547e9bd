// What rules say about connections: iptables-save text in and out. What is expected here was
// printed (or refused) by iptables-legacy 1.8.9 for the same line.
#include "save_rows.h"

#define CM  "mangle FORWARD"
#define RAW "raw PREROUTING"
#define CB  "--connbytes-mode packets --connbytes-dir original"

Test(config_save_conn, conntrack)
{
	static const struct row rows[] = {
		{CFG_IPV4, IN, "-m conntrack --ctproto tcp", "-m conntrack --ctproto 6"},
		{CFG_IPV4, IN, "-m conntrack ! --ctproto 17", NULL},
		{CFG_IPV4, IN, "-m conntrack --ctproto all", "-m conntrack --ctproto 0"},
		{CFG_IPV4, IN, "-m conntrack --ctorigsrc 10.0.0.1/8", NULL},
		{CFG_IPV4, IN, "-m conntrack ! --ctorigsrc 0.0.0.0/0", NULL},
		{CFG_IPV4, IN, "-m conntrack --ctorigsrc 1.1.1.1/255.255.255.0",
		 "-m conntrack --ctorigsrc 1.1.1.1/24"},
		{CFG_IPV4, IN, "-m conntrack --ctorigsrc 0.0.0.0", NULL},
		{CFG_IPV6, IN, "-m conntrack --ctorigsrc ::/0", NULL},
		{CFG_IPV6, IN,
		 "-m conntrack ! --ctreplsrc 2001:db8::1/64 --ctrepldst 2001::2 --ctorigdst "
		 "2001::3",
		 "-m conntrack --ctorigdst 2001::3 ! --ctreplsrc 2001:db8::1/64 --ctrepldst "
		 "2001::2"},
		{CFG_IPV4, IN,
		 "-m conntrack --ctrepldst 4.4.4.4 --ctreplsrc 3.3.3.3 --ctorigdst 2.2.2.2 "
		 "--ctorigsrc 1.1.1.1 --ctproto 6 --ctstate NEW --ctstatus ASSURED --ctexpire 3:5 "
		 "--ctdir REPLY --ctorigsrcport 1:2 --ctorigdstport 3 --ctreplsrcport 4: "
		 "--ctrepldstport :5",
		 "-m conntrack --ctstate NEW --ctproto 6 --ctorigsrc 1.1.1.1 --ctorigdst 2.2.2.2 "
		 "--ctreplsrc 3.3.3.3 --ctrepldst 4.4.4.4 --ctorigsrcport 1:2 --ctorigdstport 3 "
		 "--ctreplsrcport 4:65535 --ctrepldstport 0:5 --ctstatus ASSURED --ctexpire 3:5 "
		 "--ctdir REPLY"},
		{CFG_IPV4, IN,
		 "-m conntrack ! --ctstate NEW ! --ctproto 6 ! --ctorigsrcport 1:2 ! "
		 "--ctorigdstport 3 ! --ctreplsrcport 4:6 ! --ctrepldstport 0:5 ! --ctstatus "
		 "ASSURED ! --ctexpire 3:5",
		 NULL},
		{CFG_IPV4, IN, "-m conntrack --ctdir original", "-m conntrack --ctdir ORIGINAL"},
		{CFG_IPV4, IN, "-m conntrack ! --ctstatus NONE", NULL},
		{CFG_IPV4, IN, "-m conntrack --ctstatus ASSURED,NONE",
		 "-m conntrack --ctstatus ASSURED"},
		{CFG_IPV4, IN, "-m conntrack --ctstatus confirmed,EXPECTED,SEEN_REPLY,ASSURED",
		 "-m conntrack --ctstatus EXPECTED,SEEN_REPLY,ASSURED,CONFIRMED"},
		{CFG_IPV4, IN, "-m conntrack --ctexpire 5:3", NULL},
		{CFG_IPV4, IN, "-m conntrack --ctexpire 5:5", "-m conntrack --ctexpire 5"},
		{CFG_IPV4, IN, "-m conntrack --ctexpire :", "-m conntrack --ctexpire 0:4294967295"},
		{CFG_IPV4, IN,
		 "-m conntrack --ctexpire 0x10:", "-m conntrack --ctexpire 16:4294967295"},
		{CFG_IPV4, IN, "-m conntrack --ctorigsrcport http:https",
		 "-m conntrack --ctorigsrcport 80:443"},
		{CFG_IPV4, IN, "-m conntrack --ctorigsrcport 5:3", NULL},
		{CFG_IPV4, IN,
		 "-m conntrack --ctorigsrcport :", "-m conntrack --ctorigsrcport 0:65535"},
	};

	EXPECT_ROWS(rows);
}

Test(config_save_conn, bad_conntrack)
{
	static const struct bad rows[] = {
		{CFG_IPV4, IN, "-m conntrack", 10, "needs one of its options"},
		{CFG_IPV4, IN, "-m conntrack --ctproto 256", 23, "a protocol's number"},
		{CFG_IPV4, IN, "-m conntrack --ctorigsrc ::1", 23, "IPv6 address"},
		{CFG_IPV4, IN, "-m conntrack --ctorigsrc 1.1.1.1,2.2.2.2", 23, "not an address"},
		{CFG_IPV4, IN, "-m conntrack --ctorigsrc 1.1.1.1/", 23, "bad mask"},
		{CFG_IPV4, IN, "-m conntrack ! --ctdir REPLY", 25, "cannot be negated"},
		{CFG_IPV4, IN, "-m conntrack --ctdir FOO", 23, "ORIGINAL or REPLY"},
		{CFG_IPV4, IN, "-m conntrack --ctstatus DYING", 23, "a list of NONE"},
		{CFG_IPV4, IN, "-m conntrack --ctstatus ,ASSURED", 23, "a list of NONE"},
		{CFG_IPV4, IN, "-m conntrack --ctexpire -1", 23, "LOW:HIGH"},
		{CFG_IPV4, IN, "-m conntrack --ctorigsrcport 1,2", 23, "a port"},
		{CFG_IPV4, IN, "-m conntrack --ctproto 6 --ctproto 7", 35, "only once"},
	};

	EXPECT_BAD(rows);
}

Test(config_save_conn, other_matches)
{
	static const struct row rows[] = {
		{CFG_IPV4, CM, "-m connmark --mark 1", "-m connmark --mark 0x1"},
		{CFG_IPV4, CM, "-m connmark ! --mark 0x10/16", "-m connmark ! --mark 0x10/0x10"},
		{CFG_IPV6, CM, "-m mark --mark 0x1 -m connmark --mark 0x1ff/0xff", NULL},
		{CFG_IPV4, IN, "-m connbytes --connbytes 0:1000 " CB, NULL},
		{CFG_IPV4, IN, "-m connbytes --connbytes 5: " CB, "-m connbytes --connbytes 5 " CB},
		{CFG_IPV4, IN, "-m connbytes --connbytes : " CB, "-m connbytes --connbytes 0 " CB},
		{CFG_IPV4, IN, "-m connbytes ! --connbytes 3:5 " CB, NULL},
		{CFG_IPV4, IN, "-m connbytes ! --connbytes 5 " CB, NULL},
		{CFG_IPV4, IN, "-m connbytes ! --connbytes 5:5 " CB,
		 "-m connbytes --connbytes 5:5 " CB},
		{CFG_IPV4, IN,
		 "-m connbytes --connbytes-dir both --connbytes-mode avgpkt --connbytes 010:0x10",
		 "-m connbytes --connbytes 8:16 --connbytes-mode avgpkt --connbytes-dir both"},
		{CFG_IPV6, IN,
		 "-m connbytes --connbytes 18446744073709551615 --connbytes-mode bytes "
		 "--connbytes-dir reply",
		 NULL},
		{CFG_IPV4, IN, "-m connlabel --label 0x7f", "-m connlabel --label \"127\""},
		{CFG_IPV4, IN, "-m connlabel ! --label \"5\" --set", NULL},
		{CFG_IPV4, IN, "-m helper ! --helper ftp-2121", NULL},
		{CFG_IPV4, IN, "-m helper --helper \"\"", NULL},
		{CFG_IPV4, IN, "-m helper --helper \"a b\"", NULL},
		{CFG_IPV4, IN, "-m helper --helper aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 "-m helper --helper aaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, CM, "-m connmark", 12, "needs option 'mark'"},
		{CFG_IPV4, IN, "-m connbytes --connbytes 5:3 " CB, 23, "FROM at most TO"},
		{CFG_IPV4, IN, "-m connbytes --connbytes 1:2:3 " CB, 23, "each of 64 bits"},
		{CFG_IPV4, IN, "-m connbytes --connbytes 0:18446744073709551616 " CB, 23,
		 "each of 64 bits"},
		{CFG_IPV4, IN, "-m connbytes --connbytes 5 --connbytes-dir both", 10,
		 "needs option 'connbytes-mode'"},
		{CFG_IPV4, IN,
		 "-m connbytes --connbytes 5 --connbytes-mode PACKETS --connbytes-dir both", 37,
		 "packets, bytes or avgpkt"},
		{CFG_IPV4, IN, "-m connlabel --label 128", 23, "0 to 127"},
		{CFG_IPV4, IN, "-m connlabel --set", 10, "needs option 'label'"},
		{CFG_IPV4, IN, "-m connlabel --label 4 ! --set", 35, "cannot be negated"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

Test(config_save_conn, connmark_target)
{
	static const struct row rows[] = {
		{CFG_IPV4, CM, "-j CONNMARK --set-mark 1/0xf0", "-j CONNMARK --set-xmark 0x1/0xf1"},
		{CFG_IPV4, "filter FORWARD", "-j CONNMARK --and-mark 0xf",
		 "-j CONNMARK --set-xmark 0x0/0xfffffff0"},
		{CFG_IPV4, "nat PREROUTING", "-j CONNMARK --or-mark 0xf",
		 "-j CONNMARK --set-xmark 0xf/0xf"},
		{CFG_IPV6, RAW, "-j CONNMARK --xor-mark 0xf", "-j CONNMARK --set-xmark 0xf/0x0"},
		{CFG_IPV4, CM, "-j CONNMARK --save-mark",
		 "-j CONNMARK --save-mark --nfmask 0xffffffff --ctmask 0xffffffff"},
		{CFG_IPV4, CM, "-j CONNMARK --restore-mark --mask 0xff",
		 "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff"},
		{CFG_IPV4, CM, "-j CONNMARK --ctmask 0xf0 --save-mark --nfmask 0xff",
		 "-j CONNMARK --save-mark --nfmask 0xff --ctmask 0xf0"},
		{CFG_IPV4, CM, "-j CONNMARK --set-mark 0x11 --mask 0xf",
		 "-j CONNMARK --set-xmark 0x11/0xf"},
		{CFG_IPV4, CM, "-j CONNMARK --mask 0xf --set-mark 0x11",
		 "-j CONNMARK --set-xmark 0x11/0xffffffff"},
		{CFG_IPV4, CM, "-j CONNMARK --set-mark 0x11 --nfmask 0xf",
		 "-j CONNMARK --set-xmark 0x11/0xffffffff"},
		{CFG_IPV4, CM, "-j CONNMARK --left-shift-mark 3 --set-mark 5",
		 "-j CONNMARK --set-xmark 0x5/0xffffffff --left-shift-mark 3"},
		{CFG_IPV4, CM,
		 "-j CONNMARK --restore-mark --right-shift-mark 31 --nfmask 0xff --ctmask 0xff",
		 "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff --right-shift-mark 31"},
		{CFG_IPV4, CM, "-j CONNMARK --set-mark 5 --left-shift-mark 3 --right-shift-mark 0",
		 "-j CONNMARK --set-xmark 0x5/0xffffffff"},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, CM, "-j CONNMARK", 12, "says nothing to do"},
		{CFG_IPV4, CM, "-j CONNMARK --mask 0xf", 12, "says nothing to do"},
		{CFG_IPV4, CM, "-j CONNMARK --set-mark 1 --save-mark", 37, "together with"},
		{CFG_IPV4, CM, "-j CONNMARK --save-mark --mask 1 --ctmask 2", 45, "with 'mask'"},
		{CFG_IPV4, CM, "-j CONNMARK --save-mark --ctmask 2 --mask 1", 47, "with 'ctmask'"},
		{CFG_IPV4, CM, "-j CONNMARK --save-mark --mask 1/2", 36, "a number"},
		{CFG_IPV4, CM, "-j CONNMARK --set-mark 5 --left-shift-mark 32", 37, "0 to 31"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}

Test(config_save_conn, ct_target)
{
	static const struct row rows[] = {
		{CFG_IPV4, RAW, "-j CT", NULL},
		{CFG_IPV4, RAW, "-j CT --zone 0", "-j CT"},
		{CFG_IPV4, RAW, "-j CT --zone 0x10", "-j CT --zone 16"},
		{CFG_IPV6, RAW, "-j CT --zone MARK", "-j CT --zone mark"},
		{CFG_IPV4, RAW, "-j CT --zone-orig 5", NULL},
		{CFG_IPV4, RAW, "-j CT --zone-reply 65535", NULL},
		{CFG_IPV4, RAW, "-j CT --zone-orig 5 --zone-reply 6", "-j CT --zone 6"},
		{CFG_IPV4, RAW, "-j CT --zone-orig 5 --zone 7", "-j CT --zone-orig 7"},
		{CFG_IPV4, RAW, "-j CT --zone mark --zone-orig 5", "-j CT --zone-orig mark"},
		{CFG_IPV4, RAW, "-j CT --zone-orig 0", "-j CT"},
		{CFG_IPV4, RAW, "-j CT --notrack --zone-orig 5", NULL},
		{CFG_IPV4, RAW, "-j CT --ctevents mark,new", "-j CT --ctevents new,mark"},
		{CFG_IPV4, RAW, "-j CT --zone 3 --expevents new --ctevents secmark",
		 "-j CT --ctevents secmark --expevents new --zone 3"},
		{CFG_IPV4, RAW, "-p tcp -j CT --zone 4 --helper ftp --timeout slow",
		 "-p tcp -j CT --helper ftp --timeout slow --zone 4"},
	};
	static const struct bad bad[] = {
		{CFG_IPV4, RAW, "-j CT --zone 65536", 21, "is no zone"},
		{CFG_IPV4, RAW, "-j CT --zone -1", 21, "is no zone"},
		{CFG_IPV4, RAW, "-j CT --zone 3 --zone 4", 30, "only once"},
		{CFG_IPV4, RAW, "-j CT --ctevents NEW", 21, "unknown event"},
		{CFG_IPV4, RAW, "-j CT --ctevents new,", 21, "unknown event"},
		{CFG_IPV4, RAW, "-j CT --expevents destroy", 21, "unknown event"},
		{CFG_IPV4, RAW, "-j CT --timeout aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 21,
		 "no name of a timeout policy"},
		{CFG_IPV4, IN, "-j CT --zone 1", 10, "CT"},
	};

	EXPECT_ROWS(rows);
	EXPECT_BAD(bad);
}
