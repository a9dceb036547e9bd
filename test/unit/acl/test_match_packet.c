// One rule, one packet: the matches that look at a packet's route, its payload and the headers of
// less common protocols, with the cases in which the kernel does the unexpected.
#include "match_rows.h"

// The network that answers is fake_net.h's.
Test(acl_match_packet, addrtype)
{
	static const struct row row4[] = {
		{"-m addrtype --dst-type LOCAL", UDP(1, .dst = "192.0.2.1"), {0}, MATCH},
		{"-m addrtype --dst-type LOCAL", UDP(1), {0}, MISS},
		{"-m addrtype ! --dst-type LOCAL", UDP(1), {0}, MATCH},
		{"-m addrtype ! --dst-type LOCAL", UDP(1, .dst = "192.0.2.1"), {0}, MISS},
		{"-m addrtype --src-type UNICAST --dst-type LOCAL,BROADCAST",
		 UDP(1, .dst = "192.0.2.255"),
		 {0},
		 MATCH},
		{"-m addrtype --src-type LOCAL --dst-type LOCAL,BROADCAST",
		 UDP(1, .dst = "192.0.2.255"),
		 {0},
		 MISS},
		{"-m addrtype --dst-type MULTICAST", UDP(1, .dst = "224.1.2.3"), {0}, MATCH},
		{"-m addrtype --src-type LOCAL --limit-iface-in",
		 UDP(1, .src = "10.0.0.1"),
		 {0},
		 MATCH},
		{"-m addrtype --src-type LOCAL --limit-iface-out",
		 UDP(1, .src = "10.0.0.1"),
		 {0},
		 MISS},
		{"-m addrtype --src-type LOCAL --limit-iface-out",
		 UDP(1, .src = "10.0.0.2"),
		 {0},
		 MATCH},
		{"-m addrtype --src-type UNSPEC,ANYCAST,BLACKHOLE,UNREACHABLE,PROHIBIT,THROW,NAT",
		 UDP(1),
		 {0},
		 MISS},
	};
	static const struct row row6[] = {
		{"-m addrtype --dst-type LOCAL", UDP(1, .dst = "2001:db8::1"), {0}, MATCH},
		{"-m addrtype --dst-type LOCAL", UDP(1), {0}, MISS},
		{"-m addrtype --dst-type UNREACHABLE", UDP(1), {0}, MATCH},
		{"-m addrtype --dst-type ANYCAST", UDP(1, .dst = "2001:db8::3"), {0}, MATCH},
		{"-m addrtype --src-type UNICAST", UDP(1), {0}, MATCH},
		{"-m addrtype --src-type UNICAST", UDP(1, .src = "::ffff:10.0.0.1"), {0}, MISS},
		{"-m addrtype --src-type UNICAST", UDP(1, .src = "::"), {0}, MISS},
		{"-m addrtype --src-type UNSPEC", UDP(1, .src = "::"), {0}, MATCH},
		// Unlike in IPv4, what shows from the address must hold beside what the routes say.
		{"-m addrtype --dst-type UNICAST,LOCAL", UDP(1), {0}, MISS},
		{"-m addrtype --dst-type UNICAST,LOCAL", UDP(1, .dst = "2001:db8::1"), {0}, MATCH},
		{"-m addrtype --dst-type UNICAST,MULTICAST", UDP(1), {0}, MISS},
		{"-m addrtype ! --dst-type UNICAST,MULTICAST", UDP(1), {0}, MATCH},
		{"-m addrtype --dst-type MULTICAST", UDP(1, .dst = "ff05::9"), {0}, MATCH},
		{"-m addrtype --dst-type LOCAL --limit-iface-in",
		 UDP(1, .dst = "2001:db8::2"),
		 {0},
		 MISS},
		{"-m addrtype --dst-type LOCAL --limit-iface-in",
		 UDP(1, .dst = "2001:db8::2"),
		 {.in = 2},
		 MATCH},
	};

	expect_rows(CFG_IPV4, row4, RTE_DIM(row4));
	expect_rows(CFG_IPV6, row6, RTE_DIM(row6));
}

static void
expect_filtered(enum cfg_family family, const char *options, const char *src, uint8_t in,
		bool match)
{
	const struct tl_spec s = {.src = src,
				  .dst = family == CFG_IPV4 ? "255.255.255.255" : "2001:db8::9"};
	const struct at_way way = {.in = in, .ct_state = AT_NONE};
	struct at_result r;
	char text[256];
	struct at t;

	snprintf(text, sizeof(text),
		 "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
		 "-A PREROUTING -m rpfilter%s -j DROP\nCOMMIT\n",
		 options);
	at_open(&t, family, text);
	r = at_judge(&t, ACL_RAW, &s, &way, 0);
	cr_expect(r.gone == match, "rpfilter%s, source %s, port %u: %d", options, src, in - 1,
		  r.gone);
	at_close(&t);
}

Test(acl_match_packet, rpfilter)
{
	static const struct {
		const char *options, *src4, *src6;
		uint8_t in; // port + 1
		bool match4, match6;
	} row[] = {
		{"", "10.0.0.4", "2001:db8::4", 1, true, true},
		{"", "10.0.0.4", "2001:db8::4", 2, false, false},
		{" --loose", "10.0.0.4", "2001:db8::4", 2, true, true},
		{" --loose", "10.0.0.9", "2001:db8::9", 1, false, false},
		{" --invert", "10.0.0.4", "2001:db8::4", 1, false, false},
		{" --validmark --invert", "10.0.0.4", "2001:db8::4", 2, true, true},
		{" --loose", "10.0.0.1", "2001:db8::1", 1, false, false},
		{" --accept-local", "10.0.0.1", "2001:db8::1", 1, true, true},
		{" --accept-local", "10.0.0.2", "2001:db8::2", 1, false, true},
		{" --accept-local --loose", "10.0.0.2", "2001:db8::2", 1, true, true},
		{"", "0.0.0.0", "::", 2, true, true},
	};

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		expect_filtered(CFG_IPV4, row[i].options, row[i].src4, row[i].in, row[i].match4);
		expect_filtered(CFG_IPV6, row[i].options, row[i].src6, row[i].in, row[i].match6);
	}
}

#define TEXT(text) UDP(1, .payload = text, .payload_len = sizeof(text) - 1)

// The payload of a datagram begins at 28 (IPv6: 48).
Test(acl_match_packet, payload)
{
	static const struct row row[] = {
		{"-m string --algo kmp --string abab", TEXT("xababab"), {0}, MATCH},
		{"-m string --algo bm --string ababc", TEXT("abababc"), {0}, MATCH},
		{"-m string --algo bm --string ababd", TEXT("abababc"), {0}, MISS},
		{"-m string --algo bm ! --string abab", TEXT("xababab"), {0}, MISS},
		{"-m string --algo bm --string ABAB", TEXT("xababab"), {0}, MISS},
		{"-m string --algo bm --string ABAB --icase", TEXT("xabAbab"), {0}, MATCH},
		{"-m string --algo bm --string abc --from 28", TEXT("abc"), {0}, MATCH},
		{"-m string --algo bm --string abc --from 29", TEXT("abc"), {0}, MISS},
		{"-m string --algo bm --string abc --to 31", TEXT("abc"), {0}, MATCH},
		{"-m string --algo bm --string abc --to 30", TEXT("abc"), {0}, MISS},
		{"-m string --algo bm --hex-string \"|45|\" --to 1", TEXT("abc"), {0}, MATCH},
		{"-m string --algo bm --string abcd", TEXT("abc"), {0}, MISS},
		{"-m u32 --u32 \"0>>24=0x45\"", TEXT("abc"), {0}, MATCH},
		{"-m u32 --u32 \"0&0xffff=31&&6&0xff=17\"", TEXT("abc"), {0}, MATCH},
		{"-m u32 --u32 \"0&0xffff=32:40,1,30\"", TEXT("abc"), {0}, MISS},
		{"-m u32 ! --u32 \"0&0xffff=32:40\"", TEXT("abc"), {0}, MATCH},
		{"-m u32 --u32 \"0>>22&0x3C@0>>16=1000\"", TEXT("abc"), {0}, MATCH},
		{"-m u32 --u32 \"27=0:4294967295\"", TEXT("abc"), {0}, MATCH},
		{"-m u32 --u32 \"28=0:4294967295\"", TEXT("abc"), {0}, MISS}, // ends before
		{"-m u32 ! --u32 \"28=0:4294967295\"", TEXT("abc"), {0}, MATCH},
		{"-m u32 --u32 \"0@0=0:4294967295\"", TEXT("abc"), {0}, MISS}, // far away
	};

	expect_rows(CFG_IPV4, row, RTE_DIM(row));
}

Test(acl_match_packet, transport_headers)
{
	static const uint8_t mss[] = {1, 2, 4, 5, 180, 0, 0, 0}, none[] = {1, 1, 1, 0};
	// Behind an SCTP header: DATA with flag E, then ABORT; a chunk of no length.
	static const uint8_t sctp[24] = {[1] = 1, [3] = 20, [20] = 6, [23] = 4}, cut[4] = {0};
	static const uint8_t rest[12];
#define MSS(o) TCP(1, .payload = (o), .payload_len = sizeof(o))
#define RAW4(p, b)                                                                                 \
	{                                                                                          \
		.proto = (p), .payload = (b), .payload_len = sizeof(b)                             \
	}
	static const struct row row[] = {
		{"-p tcp -m tcpmss --mss 1460", MSS(mss), {.data_off = 7}, MATCH},
		{"-p tcp -m tcpmss --mss 1461:2000", MSS(mss), {.data_off = 7}, MISS},
		{"-p tcp -m tcpmss ! --mss 1460", MSS(mss), {.data_off = 7}, MISS},
		{"-p tcp -m tcpmss --mss 0:65535", MSS(none), {.data_off = 6}, MISS},
		{"-p tcp -m tcpmss ! --mss 0:65535", MSS(none), {.data_off = 6}, MATCH},
		{"-p tcp -m tcpmss ! --mss 1", TCP(1), {.data_off = 5}, MATCH},
		{"-p tcp -m tcpmss ! --mss 1", TCP(1), {.data_off = 4}, HOT},
		{"-p tcp -m tcpmss ! --mss 1", TCP(1), {.data_off = 6}, HOT},
		{"-p esp -m esp --espspi 0:300", RAW4(IPPROTO_ESP, rest), {0}, MATCH},
		{"-p esp -m esp ! --espspi 0:300", RAW4(IPPROTO_ESP, rest), {0}, MISS},
		{"-p esp -m esp --espspi 1", RAW4(IPPROTO_ESP, rest), {.cut = 7 + 1}, HOT},
		{"-p ah -m ah --ahspi 0:4294967295", RAW4(IPPROTO_AH, rest), {0}, MATCH},
		{"-p ah -m ah --ahspi 300", RAW4(IPPROTO_AH, rest), {.cut = 11 + 1}, HOT},
		{"-m physdev --physdev-is-bridged", UDP(1), {0}, MISS},
		{"-m physdev ! --physdev-is-bridged ! --physdev-in a", UDP(1), {0}, MATCH},
		{"-m physdev ! --physdev-is-bridged --physdev-in a", UDP(1), {0}, MISS},
		{"-m policy --dir in --pol none", UDP(1), {0}, MATCH},
		{"-m policy --dir in --pol ipsec", UDP(1), {0}, MISS},
	};
#define S(rule, bytes, want)                                                                       \
	{                                                                                          \
		"-p sctp -m sctp " rule, RAW4(IPPROTO_SCTP, bytes), {0}, want                      \
	}
	static const struct row chunk[] = {
		S("--chunk-types any INIT,ABORT", sctp, MATCH),
		S("--chunk-types any INIT", sctp, MISS),
		S("! --chunk-types any INIT", sctp, MATCH),
		S("--chunk-types all DATA,ABORT", sctp, MATCH),
		S("--chunk-types all DATA,ABORT,INIT", sctp, MISS),
		S("--chunk-types only DATA,ABORT,INIT", sctp, MATCH),
		S("--chunk-types only DATA", sctp, MISS),
		S("--chunk-types any DATA:E", sctp, MATCH),
		S("--chunk-types any DATA:BE", sctp, MISS),
		S("--chunk-types any DATA:bE", sctp, MATCH),
		S("--chunk-types any ABORT:T", sctp, MISS),
		S("--chunk-types any ABORT", cut, HOT),
		S("--sport 0:65535", cut, MATCH),
	};

	expect_rows(CFG_IPV4, row, RTE_DIM(row));
	expect_rows(CFG_IPV4, chunk, RTE_DIM(chunk));
}

Test(acl_match_packet, dccp_and_ipcomp)
{
	// Ports 80 and 443; RESET with 28 bytes of header, of which 4 are options: Ignored's
	// kin 2, and 37 with a length of 3; a REQUEST that claims less than its header.
	static const uint8_t reset[28] = {0, 80, 1, 187, 7, [8] = 7 << 1, [24] = 1, 37, 3, 9};
	static const uint8_t low[16] = {0, 80, 1, 187, 3, [8] = 0},
			     bare[12] = {[4] = 3, [8] = 2 << 1};
	static const uint8_t comp[4] = {4, 0, 0, 7};
#define BARE(p, b)                                                                                 \
	{                                                                                          \
		.proto = (p), .bare = true, .payload = (b), .payload_len = sizeof(b)               \
	}
#define D(rule, bytes, want)                                                                       \
	{                                                                                          \
		"-p dccp -m dccp " rule, BARE(IPPROTO_DCCP, bytes), {0}, want                      \
	}
#define C(rule, want)                                                                              \
	{                                                                                          \
		"-p ipcomp -m ipcomp " rule, BARE(IPPROTO_COMP, comp), {0}, want                   \
	}
	static const struct row dccp[] = {
		D("", reset, MATCH),
		D("--sport 80 --dport 400:", reset, MATCH),
		D("! --sport 80", reset, MISS),
		D("--sport 90:70", reset, MISS),
		D("--dccp-types DATA,RESET", reset, MATCH),
		D("! --dccp-types DATA,RESET", reset, MISS),
		D("--dccp-types REQUEST", low, MATCH),
		D("--dccp-option 37", reset, MATCH),
		D("! --dccp-option 37", reset, MISS),
		D("--dccp-option 9", reset, MISS),
		D("! --dccp-option 9", low, HOT),
		D("! --dccp-option 9", bare, MATCH),
		{"-p dccp -m dccp", BARE(IPPROTO_DCCP, comp), {0}, HOT},
		C("", MISS),
		C("--ipcompspi 7", MATCH),
		C("! --ipcompspi 5:9 --compres", MISS),
		C("--ipcompspi 0:4294967295", MATCH),
	};

	expect_rows(CFG_IPV4, dccp, RTE_DIM(dccp));
}

// What the kernel said of such packets.
Test(acl_match_packet, bpf)
{
	static const uint8_t pay[] = {1, 2, 3, 4, 5, 6};
#define B(text, ...)                                                                               \
	{                                                                                          \
		"-m bpf --bytecode \"" text "\"", UDP(80, .payload = pay, .payload_len = 6),       \
			##__VA_ARGS__                                                              \
	}
	static const struct row row4[] = {
		B("4,48 0 0 9,21 0 1 17,6 0 0 1,6 0 0 0", {0}, MATCH), // ldb [9]: UDP
		B("4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0", {0}, MISS),
		// ldx 4*([0]&0xf); ldh [x + 2]: the port
		B("5,177 0 0 0,72 0 0 2,21 0 1 80,6 0 0 1,6 0 0 0", {0}, MATCH),
		// the last byte, and the one behind it
		B("2,48 0 0 33,6 0 0 1", {0}, MATCH),
		B("2,48 0 0 34,6 0 0 1", {0}, MISS),
		B("2,32 0 0 31,6 0 0 1", {0}, MISS),
		B("2,32 0 0 2147483647,6 0 0 1", {0}, MISS),
		// ldx #1; ldb [x - 1]
		B("5,1 0 0 1,80 0 0 4294967295,21 0 1 69,6 0 0 1,6 0 0 0", {0}, MATCH),
		// ld len; the same in M[]
		B("6,128 0 0 0,2 0 0 15,0 0 0 7,96 0 0 15,20 0 0 34,22 0 0 0", {0}, MISS),
		B("6,128 0 0 0,2 0 0 15,0 0 0 7,97 0 0 15,12 0 0 0,22 0 0 0", {0}, MATCH),
		// division and remainder by X = 0; a shift by X = 32 shifts by 0
		B("4,0 0 0 7,1 0 0 0,60 0 0 0,6 0 0 1", {0}, MISS),
		B("4,0 0 0 7,1 0 0 0,156 0 0 0,6 0 0 1", {0}, MISS),
		B("6,0 0 0 7,1 0 0 32,108 0 0 0,21 0 1 7,6 0 0 1,6 0 0 0", {0}, MATCH),
		// protocol, type of the frame, mark, A ^ X
		B("4,40 0 0 4294963200,21 0 1 2048,6 0 0 1,6 0 0 0", {0}, MATCH),
		B("2,32 0 0 4294963204,22 0 0 0", {0}, MISS),
		B("2,32 0 0 4294963220,22 0 0 0", {.mark = 7}, MATCH),
		B("4,0 0 0 5,1 0 0 5,32 0 0 4294963240,22 0 0 0", {0}, MISS),
		// from the network header, and from the frame
		B("4,48 0 0 4293918729,21 0 1 17,6 0 0 1,6 0 0 0", {0}, MATCH),
		B("4,40 0 0 4292870156,21 0 1 2048,6 0 0 1,6 0 0 0", {0}, MATCH),
		B("2,48 0 0 4292870144,6 0 0 1", {.origin = PL_FROM_HOST}, MISS),
		// ja over a ret
		B("3,5 0 0 1,6 0 0 1,6 0 0 0", {0}, MISS),
	};
	static const struct row row6[] = {
		B("4,48 0 0 6,21 0 1 17,6 0 0 1,6 0 0 0", {0}, MATCH),
		B("4,40 0 0 4294963200,21 0 1 34525,6 0 0 1,6 0 0 0", {0}, MATCH),
	};

	expect_rows(CFG_IPV4, row4, RTE_DIM(row4));
	expect_rows(CFG_IPV6, row6, RTE_DIM(row6));
}
