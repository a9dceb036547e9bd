// What rules say about a packet's flow: conntrack, connbytes, connlabel, connmark, helper,
// CONNMARK. Compiled and linear must agree (at_judge); what is expected is what Linux 6.18's
// modules do.
#include "at.h"
#include "flows.h"

#include <arpa/inet.h>

#define FILTER "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"

static const struct tl_spec udp = {
	.src = "10.0.0.5", .dst = "192.0.2.9", .proto = IPPROTO_UDP, .sport = 1000, .dport = 53};

// 10.0.0.5:1000 -> 192.0.2.9:53, sent out as 198.51.100.1:2000.
static struct ct_entry
flow(void)
{
	struct ct_entry e = {
		.status = PL_FLOW_SEEN_REPLY | PL_FLOW_CONFIRMED,
		.side = {{.sport = 1000, .dport = 53, .proto = IPPROTO_UDP},
			 {.sport = 53, .dport = 2000, .proto = IPPROTO_UDP}},
		.mark = 0x12,
		.expires = 29,
		.packets = {3, 2},
		.bytes = {299, 1000},
	};

	inet_pton(AF_INET, "10.0.0.5", &e.side[0].src);
	inet_pton(AF_INET, "192.0.2.9", &e.side[0].dst);
	inet_pton(AF_INET, "192.0.2.9", &e.side[1].src);
	inet_pton(AF_INET, "198.51.100.1", &e.side[1].dst);
	return e;
}

// Does a rule with this match drop the packet?
static bool
matches(const char *match, const struct at_way *way)
{
	struct at_result r;
	char text[512];
	struct at t;

	snprintf(text, sizeof(text), FILTER "-A FORWARD %s -j DROP\nCOMMIT\n", match);
	at_open(&t, CFG_IPV4, text);
	r = at_judge(&t, ACL_FILTER, &udp, way, 0);
	at_close(&t);
	return r.gone;
}

struct row {
	const char *match;
	bool hit;
};

static void
expect_rows(const struct row *row, size_t n, const struct at_way *way)
{
	for (size_t i = 0; i < n; i++)
		cr_expect(matches(row[i].match, way) == row[i].hit, "%s", row[i].match);
}

TestSuite(acl_conn, .init = flows_init);

Test(acl_conn, conntrack)
{
	static const struct row rows[] = {
		{"-m conntrack --ctproto 17", true},
		{"-m conntrack ! --ctproto 17", false},
		{"-m conntrack --ctorigsrc 10.0.0.9/24", true}, // host bits count nothing
		{"-m conntrack --ctorigsrc 10.0.0.9", false},
		{"-m conntrack ! --ctorigsrc 10.0.0.9", true},
		{"-m conntrack --ctorigdst 192.0.2.9 --ctreplsrc 192.0.2.0/24", true},
		{"-m conntrack --ctrepldst 198.51.100.1", true},
		{"-m conntrack ! --ctrepldst 198.51.100.1", false},
		{"-m conntrack --ctorigsrcport 1000 --ctorigdstport 50:60 --ctreplsrcport 53 "
		 "--ctrepldstport 2000",
		 true},
		{"-m conntrack --ctorigsrcport 1001", false},
		{"-m conntrack --ctorigsrcport 1001:999", false},
		{"-m conntrack ! --ctorigsrcport 1001:999", true},
		{"-m conntrack --ctstatus SEEN_REPLY", true},
		{"-m conntrack --ctstatus EXPECTED,ASSURED", false},
		{"-m conntrack ! --ctstatus EXPECTED,ASSURED", true},
		{"-m conntrack --ctstatus NONE", false},
		{"-m conntrack ! --ctstatus NONE", true},
		{"-m conntrack --ctexpire 29", true},
		{"-m conntrack --ctexpire 30:", false},
		{"-m conntrack ! --ctexpire 30:5", true},
		{"-m conntrack --ctdir ORIGINAL", false},
		{"-m conntrack --ctdir REPLY", true},
		{"-m conntrack --ctstate NEW --ctproto 17", false},
		{"-m conntrack --ctstate ESTABLISHED --ctproto 17", true},
		{"-m conntrack --ctstate ESTABLISHED --ctproto 6", false},
		{"-m conntrack --ctstate DNAT --ctproto 17", false},
		{"-m conntrack --ctstate SNAT --ctproto 17", true},
	};
	struct ct_entry e = flow();
	const struct at_way way = {
		.ct = &e, .ct_dir = 1, .ct_state = PL_CT_ESTABLISHED, .ct_status = PL_CT_SNAT};

	expect_rows(rows, RTE_DIM(rows), &way);
}

// Without a flow nothing but the state is asked.
Test(acl_conn, no_flow)
{
	static const struct row rows[] = {
		{"-m conntrack --ctproto 17", false},
		{"-m conntrack ! --ctproto 17", false},
		{"-m conntrack ! --ctstatus ASSURED", false},
		{"-m conntrack --ctstate INVALID --ctproto 6", true},
		{"-m conntrack ! --ctstate INVALID --ctproto 6", false},
		{"-m connmark --mark 0", false},
		{"-m connmark ! --mark 0", false},
		{"-m connbytes --connbytes 0 --connbytes-mode packets --connbytes-dir both", false},
		{"-m connlabel --label 1", false},
		{"-m connlabel ! --label 1", true},
		{"-m connlabel --label 1 --set", false},
		{"-m connlabel ! --label 1 --set", true},
		{"-m helper --helper ftp", false},
		{"-m helper ! --helper ftp", true},
		{"-m helper --helper \"\"", false},
	};
	const struct at_way way = {.ct_state = PL_CT_INVALID};

	expect_rows(rows, RTE_DIM(rows), &way);
}

#define CB(range, mode, dir) "-m connbytes " range " --connbytes-mode " mode " --connbytes-dir " dir

Test(acl_conn, connbytes_and_others)
{
	static const struct row rows[] = {
		{CB("--connbytes 3:3", "packets", "original"), true},
		{CB("--connbytes 4", "packets", "original"), false},
		{CB("! --connbytes 4", "packets", "original"), true},
		{CB("--connbytes :2", "packets", "reply"), true},
		{CB("--connbytes 5:5", "packets", "both"), true},
		{CB("--connbytes 299:299", "bytes", "original"), true},
		{CB("--connbytes 1300", "bytes", "both"), false},
		{CB("! --connbytes 1000:1298", "bytes", "both"), true},
		{CB("! --connbytes 1000:1299", "bytes", "both"), false},
		{CB("--connbytes 99:99", "avgpkt", "original"), true}, // 299 / 3
		{CB("--connbytes 100", "avgpkt", "original"), false},
		{CB("--connbytes :98", "avgpkt", "original"), false},
		{CB("--connbytes 500:500", "avgpkt", "reply"), true},
		{CB("--connbytes 0:18446744073709551615", "avgpkt", "reply"), true},
		{CB("! --connbytes 259:259", "avgpkt", "both"), true}, // as iptables has it
		{"-m connmark --mark 0x12", true},
		{"-m connmark --mark 0x2/0xf", true},
		{"-m connmark ! --mark 0x2/0xf", false},
		{"-m connmark --mark 0x12/0xf", false},
		{"-m connlabel --label 70", true},
		{"-m connlabel ! --label 70", false},
		{"-m connlabel --label 71", false},
		{"-m helper --helper ftp", true},
		{"-m helper --helper ftp-2121", true},
		{"-m helper --helper f", false},
		{"-m helper ! --helper sip", true},
		{"-m helper --helper \"\"", true},
	};
	struct ct_entry e = flow();
	const struct at_way way = {.ct = &e, .ct_state = PL_CT_ESTABLISHED};

	e.label[1] = 1 << 6;
	e.helper = CFG_HELPER_FTP;
	expect_rows(rows, RTE_DIM(rows), &way);
	e.packets[0] = e.bytes[0] = 0;
	cr_expect(matches(CB("--connbytes 0:0", "avgpkt", "original"), &way));
	cr_expect(!matches(CB("--connbytes 1", "avgpkt", "original"), &way));
	e.packets[0] = UINT64_MAX;
	e.bytes[0] = UINT64_MAX;
	cr_expect(matches(CB("--connbytes 1:1", "avgpkt", "original"), &way));
	cr_expect(matches(CB("! --connbytes 2", "avgpkt", "original"), &way));
}

Test(acl_conn, a_label_is_set_where_the_match_is_asked)
{
	struct ct_entry e = flow();
	const struct at_way way = {.ct = &e, .ct_state = PL_CT_ESTABLISHED};

	cr_expect(matches("-m connlabel --label 3 --set", &way));
	cr_expect(matches("-m connlabel --label 3", &way));
	cr_expect(!matches("-m connlabel ! --label 4 --set", &way));
	cr_expect(matches("-m connlabel --label 4", &way));
	cr_expect(!matches("-p tcp -m connlabel --label 5 --set", &way));
	cr_expect(!matches("-m connlabel --label 5", &way), "another match said no before");
}

// Behind raw's CT netfilter's template stands in for the flow.
Test(acl_conn, template)
{
	static const struct cfg_t_ct zone;
	static const struct row rows[] = {
		{"-m conntrack --ctproto 17", false},
		{"-m conntrack --ctproto 0", true},
		{"-m conntrack --ctorigsrc 0.0.0.0 --ctrepldstport 0", true},
		{"-m conntrack --ctorigsrc 10.0.0.5", false},
		{"-m conntrack --ctstatus CONFIRMED", true},
		{"-m conntrack --ctdir ORIGINAL", true},
		{"-m conntrack --ctexpire 0", true},
		{"-m connmark --mark 0", true},
		{"-m connlabel --label 1 --set", false},
		{"-m helper ! --helper ftp", true},
		{CB("--connbytes 0", "packets", "both"), false},
	};
	const struct at_way way = {.ct_state = AT_NONE, .ct_rule = &zone};

	expect_rows(rows, RTE_DIM(rows), &way);
}

Test(acl_conn, connmark_target)
{
	static const struct {
		const char *target;
		uint32_t flow, packet, flow_after, packet_after;
	} row[] = {
		{"--set-xmark 0x3/0xf", 0xff, 1, 0xf3, 1},
		{"--set-mark 0x11/0xf", 0xff, 1, 0xf1, 1},
		{"--and-mark 0xf0", 0xff, 1, 0xf0, 1},
		{"--or-mark 0x100", 0xff, 1, 0x1ff, 1},
		{"--xor-mark 0xf", 0xff, 1, 0xf0, 1},
		{"--save-mark", 0xff, 0x12345, 0x12345, 0x12345},
		{"--save-mark --nfmask 0xff --ctmask 0xf", 0xf0, 0x12345, 0xb5, 0x12345},
		{"--restore-mark", 0xff, 0x12345, 0xff, 0xff},
		{"--restore-mark --nfmask 0xff --ctmask 0xf", 0xab, 0x12345, 0xab, 0x1230b},
		{"--set-xmark 0x3/0xf --left-shift-mark 4", 0xff, 1, 0xf30, 1},
		{"--save-mark --mask 0xff --right-shift-mark 4", 0xf00, 0xab, 0xf0a, 0xab},
		{"--restore-mark --mask 0xff --left-shift-mark 8", 0xab, 0x11, 0xab, 0xab00},
	};

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		struct ct_entry e = flow();
		const struct at_way way = {
			.ct = &e, .ct_state = PL_CT_ESTABLISHED, .mark = row[i].packet};
		struct at_result r;
		char text[512];
		struct at t;

		e.mark = row[i].flow;
		snprintf(text, sizeof(text),
			 FILTER "-A FORWARD -j CONNMARK %s\n-A FORWARD -m mark --mark %u -j "
				"DROP\nCOMMIT\n",
			 row[i].target, row[i].packet_after);
		at_open(&t, CFG_IPV4, text);
		cr_expect(acl_policy_order(t.compiled) == PL_ORDER_FLOWS);
		r = at_judge(&t, ACL_FILTER, &udp, &way, 0);
		cr_expect(r.gone, "%s: the packet's mark", row[i].target);
		cr_expect(e.mark == row[i].flow_after, "%s: the flow's mark is %x", row[i].target,
			  e.mark);
		at_close(&t);
	}
}

// The node is what Linux 6.18 says: by the address that began the flow, whichever way it goes.
Test(acl_conn, cluster)
{
	struct ct_entry e = flow();
	const struct at_way orig = {.ct = &e}, reply = {.ct = &e, .ct_dir = 1}, none = {0};

	cr_expect(matches("-m cluster --cluster-total-nodes 7 --cluster-local-node 5 "
			  "--cluster-hash-seed 0",
			  &orig));
	cr_expect(matches("-m cluster --cluster-total-nodes 7 --cluster-local-node 5 "
			  "--cluster-hash-seed 0",
			  &reply));
	cr_expect(matches("-m cluster --cluster-total-nodes 7 --cluster-local-node 6 "
			  "--cluster-hash-seed 0xdeadbeef",
			  &orig));
	cr_expect(!matches("-m cluster --cluster-total-nodes 7 ! --cluster-local-node 5 "
			   "--cluster-hash-seed 0",
			   &orig));
	cr_expect(matches("-m cluster --cluster-total-nodes 32 --cluster-local-nodemask 0x40001 "
			  "--cluster-hash-seed 0",
			  &orig));
	cr_expect(!matches("-m cluster --cluster-total-nodes 1 --cluster-local-node 1 "
			   "--cluster-hash-seed 0",
			   &none));
	cr_expect(!matches("-m cluster --cluster-total-nodes 1 ! --cluster-local-node 1 "
			   "--cluster-hash-seed 0",
			   &none));
}
