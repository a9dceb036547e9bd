// Targets that change the packet: headers before and after, with checksums that are right still.
// Every packet goes through the compiled walk and the interpreter, which must give the same bytes.
#include "at.h"

#include <rte_ip.h>
#include <rte_tcp.h>

#include "fake_net.h"

static struct at t;
static uint8_t after[2][256];
static uint16_t after_len[2];

// The packet of spec through mangle FORWARD of one policy; its bytes from the IP header on. Returns
// whether it goes on.
static bool
through(const struct acl_policy *pol, unsigned at, const struct tl_spec *spec)
{
	struct pl_worker *w = t.w[0];
	struct pl_pkt *p = tl_pkt(w, spec, 0);
	struct rte_mbuf *m = p->m;
	bool on;

	p->path = PL_PATH_FORWARD;
	p->out_port = 1;
	p->ct_state = PL_CT_NEW;
	acl_stage[ACL_MANGLE_IN].run(w, acl_policy_point(pol, ACL_MANGLE_IN), &w->burst);
	on = p->m != NULL;
	after_len[at] = p->l3_len;
	cr_assert(p->l3_len <= sizeof(after[0]) &&
		  p->l3_off + p->l3_len <= rte_pktmbuf_data_len(m));
	memcpy(after[at], rte_pktmbuf_mtod_offset(m, void *, p->l3_off), p->l3_len);
	if (on)
		cr_expect(tl_csums_ok(m));
	w->n_dead = 0;
	rte_pktmbuf_free(m);
	return on;
}

// One rule for the packet. False: it was dropped.
static bool
change(enum cfg_family family, const char *rule, const struct tl_spec *spec)
{
	char text[512];
	bool on;

	snprintf(text, sizeof(text), "*mangle\n:FORWARD ACCEPT [0:0]\n-A FORWARD %s\nCOMMIT\n",
		 rule);
	at_open(&t, family, text);
	on = through(t.compiled, 0, spec);
	cr_expect(on == through(t.linear, 1, spec), "%s", rule);
	cr_expect(after_len[0] == after_len[1] && memcmp(after[0], after[1], after_len[0]) == 0,
		  "%s", rule);
	at_close(&t);
	return on;
}

static const struct tl_spec udp4 = {.src = "10.0.0.6", .dst = "192.0.2.9", .sport = 1, .dport = 53};
static const struct tl_spec udp6 = {
	.src = "2001:db8::6", .dst = "2001:db8::9", .sport = 1, .dport = 53};

Test(acl_change, hop_limit)
{
	static const struct {
		const char *rule;
		uint8_t ttl;
	} row[] = {{"set 0", 0},  {"set 255", 255}, {"inc 1", 65}, {"inc 255", 255},
		   {"dec 1", 63}, {"dec 64", 0},    {"dec 255", 0}};
	char rule[64];

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		snprintf(rule, sizeof(rule), "-j TTL --ttl-%s", row[i].rule);
		cr_expect(change(CFG_IPV4, rule, &udp4));
		cr_expect(after[0][8] == row[i].ttl, "%s", rule);
		snprintf(rule, sizeof(rule), "-j HL --hl-%s", row[i].rule);
		cr_expect(change(CFG_IPV6, rule, &udp6));
		cr_expect(after[0][7] == row[i].ttl, "%s", rule);
	}
}

Test(acl_change, tos)
{
	change(CFG_IPV4, "-j TOS --set-tos 0xff", &udp4);
	cr_expect(after[0][1] == 0xff);
	change(CFG_IPV4, "-j TOS --xor-tos 0x11", &udp4);
	cr_expect(after[0][1] == 0x11);
	change(CFG_IPV4, "-j DSCP --set-dscp-class EF", &udp4);
	cr_expect(after[0][1] == 0xb8);
	change(CFG_IPV4, "-j ECN --ecn-ip-ect 2", &udp4);
	cr_expect(after[0][1] == 2);
	change(CFG_IPV6, "-j TOS --set-tos 0xa5", &udp6);
	cr_expect(after[0][0] == 0x6a && after[0][1] >> 4 == 5);
	change(CFG_IPV6, "-j DSCP --set-dscp 0x3f", &udp6);
	cr_expect(after[0][0] == 0x6f && after[0][1] >> 4 == 0xc);
	change(CFG_IPV4, "-j CHECKSUM --checksum-fill", &udp4);
	cr_expect(after[0][1] == 0 && after_len[0] == 28);
}

static struct tl_spec
tcp(const char *src, const char *dst, uint8_t flags)
{
	return (struct tl_spec){.src = src,
				.dst = dst,
				.proto = IPPROTO_TCP,
				.sport = 1000,
				.dport = 80,
				.tcp_flags = flags};
}

Test(acl_change, ecn_flags)
{
	struct tl_spec s = tcp("10.0.0.6", "192.0.2.9", 0xc2);

	cr_expect(change(CFG_IPV4, "-p tcp -j ECN --ecn-tcp-remove", &s));
	cr_expect(after[0][33] == 0x02);
	cr_expect(change(CFG_IPV4, "-p tcp -j ECN --ecn-tcp-cwr 0", &s));
	cr_expect(after[0][33] == 0x42);
	s.tcp_flags = 0x02;
	cr_expect(change(CFG_IPV4, "-p tcp -j ECN --ecn-tcp-ece 1", &s));
	cr_expect(after[0][33] == 0x42);
}

#define SYN "-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS "

// A SYN without the option gets it; nothing larger than what stands in no header at all.
Test(acl_change, mss_is_added)
{
	struct tl_spec s = tcp("10.0.0.6", "192.0.2.11", 0x02);
	struct tl_spec s6 = tcp("2001:db8::6", "2001:db8::11", 0x02);

	cr_expect(change(CFG_IPV4, SYN "--set-mss 1400", &s));
	cr_expect(after_len[0] == 44 && after[0][3] == 44 && after[0][32] >> 4 == 6);
	cr_expect(memcmp(after[0] + 40, "\x02\x04\x02\x18", 4) == 0); // 536
	cr_expect(change(CFG_IPV4, SYN "--set-mss 500", &s));
	cr_expect(memcmp(after[0] + 40, "\x02\x04\x01\xf4", 4) == 0);
	cr_expect(change(CFG_IPV6, SYN "--set-mss 1400", &s6));
	cr_expect(after_len[0] == 64 && after[0][5] == 24 && after[0][52] >> 4 == 6);
	cr_expect(memcmp(after[0] + 60, "\x02\x04\x04\xc4", 4) == 0); // 1220
	s.payload_len = 3;					      // no room in front of data
	cr_expect(change(CFG_IPV4, SYN "--set-mss 1400", &s));
	cr_expect(after_len[0] == 43);
}

// To the smaller of both ends' routes (fake_net.h), less 40 or 60 bytes.
Test(acl_change, mss_is_clamped)
{
	struct tl_spec s = tcp("10.0.0.7", "192.0.2.11", 0x02);

	cr_expect(change(CFG_IPV4, SYN "--clamp-mss-to-pmtu", &s));
	cr_expect(memcmp(after[0] + 40, "\x02\x04\x02\x18", 4) == 0); // 560, at most 536
	s = tcp("2001:db8::11", "2001:db8::7", 0x02);
	cr_expect(change(CFG_IPV6, SYN "--clamp-mss-to-pmtu", &s));
	cr_expect(memcmp(after[0] + 60, "\x02\x04\x02\x1c", 4) == 0); // 540
	s = tcp("10.0.0.1", "192.0.2.8", 0x02);			      // 40 bytes take headers only
	cr_expect(!change(CFG_IPV4, SYN "--clamp-mss-to-pmtu", &s));
}

Test(acl_change, options_are_stripped)
{
	struct tl_spec s = tcp("10.0.0.6", "192.0.2.11", 0x02);

	// The option that one rule adds the next one takes away again.
	cr_expect(change(CFG_IPV4,
			 SYN "--set-mss 1400\n-A FORWARD -p tcp -j TCPOPTSTRIP "
			     "--strip-options mss",
			 &s));
	cr_expect(after_len[0] == 44 && memcmp(after[0] + 40, "\x01\x01\x01\x01", 4) == 0);
}
