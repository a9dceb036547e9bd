// One rule, one packet: the matches that look at IPv6's extension headers, as the kernel judged the
// same packets (test/diff).
#include "match_rows.h"

// A packet whose first header behind IPv6's is of this kind; the bytes are it and what follows.
#define HEAD(kind, ...)                                                                            \
	{                                                                                          \
		.proto = (kind), .bare = true, .payload = (const uint8_t[]){__VA_ARGS__},          \
		.payload_len = sizeof((const uint8_t[]){__VA_ARGS__})                              \
	}
#define REST		0, 80, 0, 80, 0, 8, 0, 0 // a UDP header
#define ADDRESS(n)	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n
#define FRAGMENT(...)	HEAD(IPPROTO_FRAGMENT, 17, __VA_ARGS__, REST)
#define ROUTE(len, ...) HEAD(IPPROTO_ROUTING, 17, len, __VA_ARGS__, REST)

Test(acl_ip6, fragments)
{
	const struct row row[] = {
		{"-m frag", UDP(1), {0}, MISS},
		{"-m frag", FRAGMENT(0, 0, 0, 0, 0, 0, 7), {0}, MATCH},
		{"-m frag --fragid 7", FRAGMENT(0, 0, 0, 0, 0, 0, 7), {0}, MATCH},
		{"-m frag --fragid 8", FRAGMENT(0, 0, 0, 0, 0, 0, 7), {0}, MISS},
		{"-m frag ! --fragid 8", FRAGMENT(0, 0, 0, 0, 0, 0, 7), {0}, MATCH},
		{"-m frag --fragid 9:5", FRAGMENT(0, 0, 0, 0, 0, 0, 7), {0}, MISS},
		{"-m frag ! --fragid 0:4294967295", FRAGMENT(0, 0, 0, 0, 0, 0, 7), {0}, MISS},
		{"-m frag --fraglen 99", FRAGMENT(0, 0, 0, 0, 0, 0, 7), {0}, MATCH},
		{"-m frag --fragres", FRAGMENT(0, 0, 0, 0, 0, 0, 7), {0}, MATCH},
		{"-m frag --fragres", FRAGMENT(1, 0, 0, 0, 0, 0, 7), {0}, MISS},
		{"-m frag --fragres", FRAGMENT(0, 0, 2, 0, 0, 0, 7), {0}, MISS},
		{"-m frag --fragfirst", FRAGMENT(0, 0, 1, 0, 0, 0, 7), {0}, MATCH},
		{"-m frag --fragfirst", FRAGMENT(0, 0, 8, 0, 0, 0, 7), {0}, MISS},
		{"-m frag --fragmore", FRAGMENT(0, 0, 1, 0, 0, 0, 7), {0}, MATCH},
		{"-m frag --fraglast", FRAGMENT(0, 0, 1, 0, 0, 0, 7), {0}, MISS},
		{"-m frag --fraglast", FRAGMENT(0, 0, 8, 0, 0, 0, 7), {0}, MATCH},
		// What is behind a later fragment's header is not looked at.
		{"-m dst", HEAD(60, 44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 8, REST), {0}, MATCH},
		{"-m dst", HEAD(44, 60, 0, 0, 8, 0, 0, 0, 7, 17, 0, REST), {0}, MISS},
	};

	expect_rows(CFG_IPV6, row, RTE_DIM(row));
}

// Pad1 is one byte, PadN (1) and option 30 have a length.
Test(acl_ip6, options)
{
// Not where it belongs, but found (a protocol of 0 is none to tl_frame()).
#define HOP	 HEAD(60, 0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0, REST)
#define DST(...) HEAD(IPPROTO_DSTOPTS, 17, 0, __VA_ARGS__, REST)
	const struct row row[] = {
		{"-m hbh", DST(1, 4, 0, 0, 0, 0), {0}, MISS},
		{"-m hbh", HOP, {0}, MATCH},
		{"-m hbh --hbh-opts 1:4", HOP, {0}, MATCH},
		{"-m hbh ! --hbh-len 8", HOP, {0}, MISS},
		{"-m dst", DST(1, 4, 0, 0, 0, 0), {0}, MATCH},
		{"-m dst --dst-len 8", DST(1, 4, 0, 0, 0, 0), {0}, MATCH},
		{"-m dst ! --dst-len 8", DST(1, 4, 0, 0, 0, 0), {0}, MISS},
		{"-m dst --dst-len 16", DST(1, 4, 0, 0, 0, 0), {0}, MISS},
		{"-m dst --dst-opts 1", DST(1, 4, 0, 0, 0, 0), {0}, MATCH},
		{"-m dst --dst-opts 1:4", DST(1, 4, 0, 0, 0, 0), {0}, MATCH},
		{"-m dst --dst-opts 1:3", DST(1, 4, 0, 0, 0, 0), {0}, MISS},
		{"-m dst --dst-opts 1,0", DST(1, 4, 0, 0, 0, 0), {0}, MISS},
		{"-m dst --dst-opts 1,0", DST(1, 3, 0, 0, 0, 0), {0}, MATCH},
		{"-m dst --dst-opts 0,1:3", DST(0, 1, 3, 0, 0, 0), {0}, MATCH},
		{"-m dst --dst-opts 1:0,30:0,1", DST(1, 0, 30, 0, 1, 0), {0}, MATCH},
		{"-m dst --dst-opts 30", DST(1, 0, 30, 0, 1, 0), {0}, MISS},
		// The last one may claim more than there is.
		{"-m dst --dst-opts 1:0,30:9", DST(1, 0, 30, 9, 1, 0), {0}, MATCH},
		{"-m dst --dst-opts 1:0,30:9,1", DST(1, 0, 30, 9, 1, 0), {0}, MISS},
		{"-m dst --dst-opts 0,0,0,0,0,0", DST(0, 0, 0, 0, 0, 0), {0}, MATCH},
		{"-m dst --dst-opts 0,0,0,0,0,0,0", DST(0, 0, 0, 0, 0, 0), {0}, MISS},
	};

	expect_rows(CFG_IPV6, row, RTE_DIM(row));
}

Test(acl_ip6, routes)
{
#define ONE ROUTE(2, 0, 1, 0, 0, 0, 0, ADDRESS(1))
#define TWO ROUTE(4, 0, 2, 0, 0, 0, 9, ADDRESS(1), ADDRESS(2))
	const struct row row[] = {
		{"-m rt", UDP(1), {0}, MISS},
		{"-m rt", ONE, {0}, MATCH},
		{"-m rt --rt-type 0", ONE, {0}, MATCH},
		{"-m rt ! --rt-type 0", ONE, {0}, MISS},
		{"-m rt --rt-type 256", ONE, {0}, MISS},
		{"-m rt --rt-segsleft 2:3", TWO, {0}, MATCH},
		{"-m rt ! --rt-segsleft 2:3", TWO, {0}, MISS},
		{"-m rt ! --rt-segsleft 0:4294967295", TWO, {0}, MISS},
		{"-m rt --rt-len 40", TWO, {0}, MATCH},
		{"-m rt ! --rt-len 24", ONE, {0}, MISS},
		{"-m rt --rt-type 0 --rt-0-res", ONE, {0}, MATCH},
		{"-m rt --rt-type 0 --rt-0-res", TWO, {0}, MISS},
		{"-m rt --rt-type 0 --rt-0-addrs ::1", ONE, {0}, MATCH},
		{"-m rt --rt-type 0 --rt-0-addrs ::2", ONE, {0}, MISS},
		{"-m rt --rt-type 0 --rt-0-addrs ::1", TWO, {0}, MISS},
		{"-m rt --rt-type 0 --rt-0-addrs ::1,::2", TWO, {0}, MATCH},
		{"-m rt --rt-type 0 --rt-0-addrs ::2,::1", TWO, {0}, MISS},
		{"-m rt --rt-type 0 --rt-0-addrs ::1,::2,::3", TWO, {0}, MISS},
		{"-m rt --rt-type 0 --rt-0-addrs ::2 --rt-0-not-strict", TWO, {0}, MATCH},
		{"-m rt --rt-type 0 --rt-0-addrs ::2,::1 --rt-0-not-strict", TWO, {0}, MISS},
	};

	expect_rows(CFG_IPV6, row, RTE_DIM(row));
}

Test(acl_ip6, mobility)
{
#define MH(next, type) HEAD(IPPROTO_MH, next, 0, type, 0, 0, 0, 0, 0)
#define P	       "-p mobility-header -m mh"
	const struct row row[] = {
		{P, MH(59, 5), {0}, MATCH},
		{P " --mh-type 5", MH(59, 5), {0}, MATCH},
		{P " --mh-type 6:", MH(59, 5), {0}, MISS},
		{P " ! --mh-type 6:", MH(59, 5), {0}, MATCH},
		{P " ! --mh-type 0:255", MH(59, 5), {0}, MISS},
		{P " --mh-type 6", MH(17, 5), {0}, HOT},
		{P, HEAD(IPPROTO_MH, 59, 0, 5, 0, 0), {0}, HOT},
		{P, HEAD(44, IPPROTO_MH, 0, 0, 8, 0, 0, 0, 0, 59, 0, 5, 0, 0, 0), {0}, MISS},
	};

	expect_rows(CFG_IPV6, row, RTE_DIM(row));
}

Test(acl_ip6, headers)
{
#define M	"-m ipv6header"
#define HOP_DST HEAD(60, 0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0, REST)
	const struct row row[] = {
		{M " --header prot", UDP(1), {0}, MATCH},
		{M " ! --header prot", UDP(1), {0}, MISS},
		{M " --header dst", UDP(1), {0}, MISS},
		{M " --header hop,dst,prot", HOP_DST, {0}, MATCH},
		{M " --header hop,dst", HOP_DST, {0}, MISS},
		{M " ! --header hop,dst", HOP_DST, {0}, MATCH},
		{M " --header hop,dst --soft", HOP_DST, {0}, MATCH},
		{M " --header hop,route --soft", HOP_DST, {0}, MISS},
		{M " ! --header hop,route --soft", HOP_DST, {0}, MISS},
		{M " ! --header frag,route --soft", HOP_DST, {0}, MATCH},
		{M " --header none", HEAD(59, 0), {0}, MATCH},
		{M " --header esp", HEAD(50, 0, 0, 0, 7, 0, 0, 0, 1), {0}, MATCH},
		{M " --header esp,prot", HEAD(50, 0, 0, 0, 7, 0, 0, 0, 1), {0}, MISS},
		{M " ! --header prot", HEAD(50, 0), {0}, MISS}, // ends before
		{M " --header frag,prot", FRAGMENT(0, 0, 0, 0, 0, 0, 7), {0}, MATCH},
		{M " --header route,prot", ROUTE(0, 2, 0, 0, 0, 0, 0), {0}, MATCH},
		{M " --header auth,prot",
		 HEAD(51, 17, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, REST),
		 {0},
		 MATCH},
		{"-m ah --ahspi 7",
		 HEAD(51, 17, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, REST),
		 {0},
		 MATCH},
		{"-m ah --ahspi 7 --ahlen 12",
		 HEAD(51, 17, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, REST),
		 {0},
		 MATCH},
		{"-m ah --ahspi 8", HEAD(51, 17, 1, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1, REST), {0}, MISS},
	};

	expect_rows(CFG_IPV6, row, RTE_DIM(row));
}

// The frame's source is 02:00:00:00:00:02.
Test(acl_ip6, eui64)
{
	const struct row row[] = {
		{"-m eui64", UDP(1, .src = "2001:db8::ff:fe00:2"), {0}, MATCH},
		{"-m eui64", UDP(1, .src = "2001:db8::200:ff:fe00:2"), {0}, MISS},
		{"-m eui64", UDP(1, .src = "2001:db8::ff:fe00:3"), {0}, MISS},
		{"-m eui64", UDP(1, .src = "2001:db8::fe:fe00:2"), {0}, MISS},
		{"-m eui64", UDP(1), {0}, MISS},
	};

	expect_rows(CFG_IPV6, row, RTE_DIM(row));
}
