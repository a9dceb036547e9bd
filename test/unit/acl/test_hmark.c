// HMARK. The marks that are expected here are what Linux 6.18 gave the same packets.
#include "at.h"
#include "flows.h"

#include <arpa/inet.h>

// Has the packet this mark behind the rule? Compiled and linear must agree (at_judge).
static bool
marks(enum cfg_family family, const char *options, const struct tl_spec *spec,
      const struct at_way *way, uint32_t mark)
{
	struct at_result r;
	char text[512];
	struct at t;

	snprintf(
		text, sizeof(text),
		"*mangle\n:FORWARD ACCEPT [0:0]\n-A FORWARD -j HMARK %s\n-A FORWARD -m mark --mark "
		"0x%x -j DROP\nCOMMIT\n",
		options, mark);
	at_open(&t, family, text);
	r = at_judge(&t, ACL_MANGLE_IN, spec, way, 0);
	at_close(&t);
	return r.gone;
}

#define SCALE "--hmark-rnd 0x1234 --hmark-mod 0xffffffff --hmark-offset 7 "
#define WHOLE SCALE "--hmark-tuple src,dst,sport,dport,proto"

static const struct tl_spec udp4 = {
	.src = "10.1.2.3", .dst = "192.0.2.77", .sport = 5, .dport = 80};
static const struct tl_spec odd4 = {
	.src = "10.1.2.3", .dst = "192.0.2.77", .sport = 0x1234, .dport = 0xabcd};
static const struct at_way way;

TestSuite(acl_hmark, .init = flows_init);

Test(acl_hmark, whole)
{
	struct tl_spec s = udp4;

	cr_expect(marks(CFG_IPV4, WHOLE, &s, &way, 0xe1857e2c));
	s.src = udp4.dst;
	s.dst = udp4.src;
	s.sport = 80;
	s.dport = 5;
	cr_expect(marks(CFG_IPV4, WHOLE, &s, &way, 0xe1857e2c)); // the way back
	s.proto = IPPROTO_TCP;
	s.sport = 0x102;
	s.dport = 0x304;
	cr_expect(marks(CFG_IPV4, WHOLE, &s, &way, 0x275f1c39));
	s.proto = IPPROTO_ICMP;
	s.icmp_type = 8;
	cr_expect(marks(CFG_IPV4, WHOLE, &s, &way, 0x44262853));
	s = (struct tl_spec){
		.src = "2001:db8::7:8", .dst = "2001:db8:5::9", .sport = 0x102, .dport = 0x304};
	cr_expect(marks(CFG_IPV6, WHOLE, &s, &way, 0xeea4423e));
	s.proto = IPPROTO_ICMPV6;
	s.icmp_type = 128;
	cr_expect(marks(CFG_IPV6, WHOLE, &s, &way, 0xca74a9d6));
	s = (struct tl_spec){
		.src = "2001:db8::7:8", .dst = "2001:db8:5::9", .sport = 7, .dport = 9};
	cr_expect(marks(CFG_IPV6, SCALE "--hmark-src-prefix 40 --hmark-dst-prefix 127", &s, &way,
			0x358209e1));
}

Test(acl_hmark, parts)
{
	static const struct {
		const char *options;
		uint32_t mark;
	} rows[] = {
		{"--hmark-src-prefix 24", 0x34156df3},
		{"--hmark-dst-prefix 9", 0xd2dee556},
		{"--hmark-sport-mask 0xf0", 0x9e108d64},
		{"--hmark-dport-mask 0xf3", 0x01e313ee},
		{"--hmark-sport 80 --hmark-dport 9", 0xc7f369c2},
		{"--hmark-spi-mask 0xf00ff0ff", 0x6cb361e8},
		{"--hmark-spi 0x102", 0xf3d2ae97},
		{"--hmark-proto-mask 0xff01", 0x819a2415},
		{"--hmark-spi-mask 0xff --hmark-sport 3", 0xbcdbb825},
		{"--hmark-spi 1 --hmark-sport-mask 3", 0xaf4cf2f5},
		{"--hmark-tuple src", 0x13cdb807},
	};
	char options[256];

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		snprintf(options, sizeof(options), SCALE "%s", rows[i].options);
		cr_expect(marks(CFG_IPV4, options, &odd4, &way, rows[i].mark), "%s",
			  rows[i].options);
	}
	cr_expect(marks(CFG_IPV4,
			"--hmark-tuple src,dst,sport,dport --hmark-mod 10 --hmark-rnd 0 "
			"--hmark-offset 4294967295",
			&odd4, &way, 5));
}

// Who began the flow and who answers, whichever of them sent the packet; no mark without a flow.
Test(acl_hmark, flow)
{
	const char *options = "--hmark-rnd 4 --hmark-mod 42 --hmark-offset 1 "
			      "--hmark-tuple src,dst,sport,dport,proto,ct";
	struct ct_entry e = {.side = {{.sport = 1000, .dport = 54, .proto = IPPROTO_UDP},
				      {.sport = 53, .dport = 2000, .proto = IPPROTO_UDP}}};
	const struct at_way known = {.ct = &e, .ct_state = PL_CT_ESTABLISHED, .ct_dir = 1};

	inet_pton(AF_INET, "10.0.0.5", &e.side[0].src);
	inet_pton(AF_INET, "192.0.2.9", &e.side[1].src);
	cr_expect(marks(CFG_IPV4, options, &udp4, &known, 0x29));
	cr_expect(marks(CFG_IPV4, options, &udp4, &way, 0));
}
