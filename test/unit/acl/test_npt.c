// SNPT and DNPT: prefixes are exchanged, checksums stay right. What is expected is what Linux 6.18
// made of the same packets.
#include "at.h"

#include <arpa/inet.h>
#include <rte_ip.h>

static struct at t;
static struct rte_ipv6_hdr after[2];
static bool csums[2]; // are all right

static bool
through(const struct acl_policy *pol, unsigned at, enum acl_point point, const struct tl_spec *spec)
{
	struct pl_worker *w = t.w[0];
	struct pl_pkt *p = tl_pkt(w, spec, 0);
	struct rte_mbuf *m = p->m;
	bool on;

	p->path = point == ACL_MANGLE_PRE ? PL_PATH_NONE : PL_PATH_FORWARD;
	p->out_port = 1;
	p->ct_state = PL_CT_NEW;
	acl_stage[point].run(w, acl_policy_point(pol, point), &w->burst);
	on = p->m != NULL;
	memcpy(&after[at], rte_pktmbuf_mtod_offset(m, void *, p->l3_off), sizeof(after[0]));
	csums[at] = tl_csums_ok(m);
	if (on) {
		cr_expect(memcmp(p->src.v6, after[at].src_addr, 16) == 0);
		cr_expect(memcmp(p->dst.v6, after[at].dst_addr, 16) == 0);
	}
	w->n_dead = 0;
	rte_pktmbuf_free(m);
	return on;
}

// rules: behind "-A CHAIN ", more after "\n-A CHAIN ". False: the packet was dropped.
static bool
change(const char *chain, const char *rules, const struct tl_spec *spec)
{
	enum acl_point point = strcmp(chain, "PREROUTING") == 0 ? ACL_MANGLE_PRE : ACL_MANGLE_POST;
	char text[1024];
	bool on;

	snprintf(text, sizeof(text), "*mangle\n:%s ACCEPT [0:0]\n:u - [0:0]\n-A %s %s\nCOMMIT\n",
		 chain, chain, rules);
	at_open(&t, CFG_IPV6, text);
	on = through(t.compiled, 0, point, spec);
	cr_expect(on == through(t.linear, 1, point, spec), "%s", rules);
	cr_expect(memcmp(&after[0], &after[1], sizeof(after[0])) == 0, "%s", rules);
	at_close(&t);
	return on;
}

static bool
is(const uint8_t *addr, const char *text)
{
	uint8_t want[16];

	inet_pton(AF_INET6, text, want);
	return memcmp(addr, want, sizeof(want)) == 0;
}

Test(acl_npt, source)
{
	static const struct {
		const char *from, *to, *src, *want;
		bool inside; // the source is in its prefix: nothing is lost
	} rows[] = {
		{"2001:db8:1:2::/64", "2001:db8:7:9::/64", "2001:db8:1:2::5",
		 "2001:db8:7:9:fff2::5", true},
		{"2001:db8:1:2::/64", "2001:db8:7:9::/64", "2001:db8:3:4:ffff::5",
		 "2001:db8:7:9:ffff:fff2:0:5", false},
		{"2001:db8:1:2::/64", "2001:db8:7:9::/64", "2001:db8:1:2:d::5", "2001:db8:7:9::5",
		 true}, // a sum of ffff is 0
		{"2001:db8:1::/48", "2001:db8:5::/48", "2001:db8:1:7::5", "2001:db8:5:3::5", true},
		{"::/0", "2001:db8:4::/48", "2001:db8:1:7::5", "2001:db8:4:d249::5", false},
	};
	struct tl_spec s = {.dst = "2001:db8:d::5", .sport = 5, .dport = 80};
	char rule[256];

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		snprintf(rule, sizeof(rule), "-j SNPT --src-pfx %s --dst-pfx %s", rows[i].from,
			 rows[i].to);
		s.src = rows[i].src;
		cr_expect(change("POSTROUTING", rule, &s), "%s", rule);
		cr_expect(is(after[0].src_addr, rows[i].want), "%s of %s", rule, rows[i].src);
		cr_expect(is(after[0].dst_addr, s.dst));
		cr_expect(csums[0] == rows[i].inside, "%s of %s", rule, rows[i].src);
	}
	s.src = "2001:db8:1:2:ffff:ffff:ffff:ffff";
	cr_expect(!change("POSTROUTING",
			  "-j SNPT --src-pfx 2001:db8:1:2::/64 --dst-pfx 2001:db8:7:9::/64", &s));
}

// Rules behind it, and those that a walk comes back to, see the new address.
Test(acl_npt, later_rules)
{
	const struct tl_spec s = {
		.src = "fd00::1", .dst = "2001:db8:1:2::5", .sport = 5, .dport = 80};

	cr_expect(change("PREROUTING",
			 "-j DNPT --src-pfx 2001:db8:1:2::/64 --dst-pfx 2001:db8:7:9::/64", &s));
	cr_expect(is(after[0].dst_addr, "2001:db8:7:9:fff2::5") && csums[0]);
	cr_expect(!change("PREROUTING",
			  "-j DNPT --src-pfx 2001:db8:1:2::/64 --dst-pfx 2001:db8:7:9::/64\n"
			  "-A PREROUTING -d 2001:db8:7:9::/64 -j DROP",
			  &s));
	cr_expect(change("PREROUTING",
			 "-j DNPT --src-pfx 2001:db8:1:2::/64 --dst-pfx 2001:db8:7:9::/64\n"
			 "-A PREROUTING -d 2001:db8:1:2::/64 -j DROP",
			 &s));
	cr_expect(!change("PREROUTING",
			  "-d 2001:db8:1:2::/64 -j u\n"
			  "-A PREROUTING -d 2001:db8:7:9::/64 -j DROP\n"
			  "-A u -j DNPT --src-pfx 2001:db8:1:2::/64 --dst-pfx 2001:db8:7:9::/64",
			  &s));
}
