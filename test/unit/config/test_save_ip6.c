// The matches on IPv6's extension headers: iptables-save text in and out. What is expected here was
// printed (or refused) by ip6tables-legacy 1.8.9 for the same line.
#include "save_rows.h"

#define SIX(in, out)                                                                               \
	{                                                                                          \
		CFG_IPV6, IN, in, out                                                              \
	}
Test(config_save_ip6, printed)
{
	static const struct row rows[] = {
		SIX("-m frag", NULL),
		SIX("-m frag ! --fragid 0:4294967295", "-m frag"),
		SIX("-m frag --fragid 1:", "-m frag --fragid 1:4294967295"),
		SIX("-m frag --fragid 5:1", NULL),
		SIX("-m frag --fragid 5:5 ! --fraglen 0x0", "-m frag --fragid 5 ! --fraglen 0"),
		SIX("-m frag --fraglast --fragfirst --fragres",
		    "-m frag --fragres --fragfirst --fraglast"),
		SIX("-m hbh ! --hbh-len 4294967295", NULL),
		SIX("-m hbh --hbh-opts 1 --hbh-len 2", "-m hbh --hbh-len 2 --hbh-opts 1"),
		SIX("-m hbh --hbh-opts 0x5:0x6,010,255:255,1:256,256",
		    "-m hbh --hbh-opts 5:6,8,255,1:0,0"),
		SIX("-m hbh --hbh-opts 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", NULL),
		SIX("-m dst", NULL),
		SIX("-m dst ! --dst-len 42 --dst-opts 149:92,12:12,123:12", NULL),
		SIX("-m rt", NULL),
		SIX("-m rt ! --rt-segsleft 0:4294967295", "-m rt"),
		SIX("-m rt --rt-type 42 --rt-segsleft 12:42 --rt-len 42", NULL),
		SIX("-m rt --rt-type 0 ! --rt-segsleft 1:23 ! --rt-len 42 --rt-0-res", NULL),
		SIX("-m rt --rt-type 0 --rt-0-addrs 2001:db8::1,::ffff:1.2.3.4 --rt-0-not-strict",
		    NULL),
		SIX("-p 135 -m mh", "-p mobility-header -m mh"),
		SIX("-p mobility-header -m mh ! --mh-type 0:255", "-p mobility-header -m mh"),
		SIX("-p mobility-header -m mh --mh-type bu:",
		    "-p mobility-header -m mh --mh-type 5:255"),
		SIX("-p mobility-header -m mh --mh-type :BE",
		    "-p mobility-header -m mh --mh-type 0:7"),
		SIX("-p mobility-header -m mh --mh-type binding",
		    "-p mobility-header -m mh --mh-type 0"),
		SIX("-p mobility-header -m mh ! --mh-type home-test",
		    "-p mobility-header -m mh ! --mh-type 3"),
		SIX("-m ipv6header --header hop,dst,route,frag,auth,esp,none,prot",
		    "-m ipv6header --header "
		    "hop-by-hop,ipv6-opts,ipv6-route,ipv6-frag,ah,esp,ipv6-nonxt,protocol"),
		SIX("-m ipv6header --soft ! --header ,IPSEC-AH,,0,255",
		    "-m ipv6header ! --header hop-by-hop,ah,protocol --soft"),
		SIX("-m eui64", NULL),
		{CFG_IPV6, "nat PREROUTING", "-m eui64", NULL},
	};

	EXPECT_ROWS(rows);
}

#define BAD(in, column, says)                                                                      \
	{                                                                                          \
		CFG_IPV6, IN, in, column, says                                                     \
	}
Test(config_save_ip6, refused)
{
	static const struct bad rows[] = {
		{CFG_IPV4, IN, "-m frag", 10, "not for IPv4"},
		BAD("-m frag --fragid 4294967296", 18, "not a number"),
		BAD("-m frag --fraglen 1:2", 18, "not a number"),
		BAD("-m frag ! --fragres", 20, "cannot be negated"),
		BAD("-m frag --fragmore --fraglast", 29, "fraglast"),
		BAD("-m hbh --hbh-opts 1:", 17, "not a list"),
		BAD("-m hbh --hbh-opts 0:0", 17, "type 0 has no length"),
		BAD("-m hbh --hbh-opts 1,,2", 17, "not a list"),
		BAD("-m hbh --hbh-opts 1:2:3", 17, "not a list"),
		BAD("-m hbh ! --hbh-opts 1", 19, "cannot be negated"),
		BAD("-m dst --dst-opts 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", 17,
		    "at most 16"),
		BAD("-m rt --rt-0-res --rt-type 0", 16, "needs 'rt-type' 0 before it"),
		BAD("-m rt ! --rt-type 0 --rt-0-res", 30, "needs 'rt-type' 0 before it"),
		BAD("-m rt --rt-type 0 --rt-0-addrs ::1,", 28, "not a list"),
		BAD("-m rt --rt-type 0 --rt-0-addrs ::1/64", 28, "not a list"),
		BAD("-m rt --rt-type 0 --rt-0-not-strict", 28, "needs 'rt-0-addrs' before it"),
		BAD("-m mh", 10, "mh"),
		BAD("! -p mobility-header -m mh", 31, "mh"),
		BAD("-p mobility-header -m mh --mh-type 5:2", 35, "not a type"),
		BAD("-p mobility-header -m mh --mh-type 256", 35, "not a type"),
		BAD("-m ipv6header --soft", 10, "header"),
		BAD("-m ipv6header --header 6", 24, "not a list of headers"),
		BAD("-m ipv6header --header AH", 24, "not a list of headers"),
		BAD("-m ipv6header --header ,", 24, "not a list of headers"),
		{CFG_IPV6, "filter OUTPUT", "-m eui64", 11, "cannot stand at OUTPUT"},
	};

	EXPECT_BAD(rows);
}
