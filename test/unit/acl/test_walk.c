// Walking chains and what the stages make of it: jump, goto, RETURN, policies, which hook a packet
// is at, REJECT and NAT targets, notes.
#include "at.h"

#define FILTER "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
#define NAT                                                                                        \
	"*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"              \
	":POSTROUTING ACCEPT [0:0]\n"

static const struct tl_spec udp = {
	.src = "10.0.0.5", .dst = "192.0.2.9", .proto = IPPROTO_UDP, .sport = 1000, .dport = 53};
static const struct at_way forward;

Test(acl_walk, order_of_chains_and_rules)
{
	static const struct {
		const char *name, *rules, *chain;
		unsigned rule;
		bool drop;
	} row[] = {
		{"first match wins", "-A FORWARD -p udp -j DROP\n-A FORWARD -j ACCEPT\n", "FORWARD",
		 1, true},
		{"a rule without target goes on", "-A FORWARD\n-A FORWARD -j DROP\n", "FORWARD", 2,
		 true},
		{"the end of a chain returns",
		 ":a - [0:0]\n-A FORWARD -j a\n-A FORWARD -j DROP\n-A a -p tcp -j ACCEPT\n",
		 "FORWARD", 2, true},
		{"RETURN returns",
		 ":a - [0:0]\n-A FORWARD -j a\n-A FORWARD -j DROP\n-A a -j RETURN\n-A a -j "
		 "ACCEPT\n",
		 "FORWARD", 2, true},
		{"a verdict below is final",
		 ":a - [0:0]\n-A FORWARD -j a\n-A FORWARD -j ACCEPT\n-A a -j DROP\n", "a", 1, true},
		{"RETURN in a built-in chain is its policy",
		 "-A FORWARD -j RETURN\n-A FORWARD -j DROP\n", "FORWARD", 0, false},
		{"goto from a built-in chain comes back to the policy",
		 ":a - [0:0]\n-A FORWARD -g a\n-A FORWARD -j DROP\n-A a -p tcp -j DROP\n",
		 "FORWARD", 0, false},
		{"goto from a user chain comes back to its caller",
		 ":a - [0:0]\n:b - [0:0]\n-A FORWARD -j a\n-A FORWARD -j DROP\n-A a -g b\n-A a -j "
		 "ACCEPT\n"
		 "-A b -j RETURN\n",
		 "FORWARD", 2, true},
		{"jump below a goto comes back to the goto's chain",
		 ":a - [0:0]\n:b - [0:0]\n-A FORWARD -g a\n-A FORWARD -j ACCEPT\n-A a -j b\n-A a "
		 "-j DROP\n",
		 "a", 2, true},
		{"jumps that exclude one another",
		 ":a - [0:0]\n:b - [0:0]\n-A FORWARD -p tcp -j a\n-A FORWARD -p udp -j b\n-A "
		 "FORWARD -j DROP\n"
		 "-A a -j ACCEPT\n",
		 "FORWARD", 3, true},
		{"an empty chain", ":a - [0:0]\n-A FORWARD -j a\n-A FORWARD -j DROP\n", "FORWARD",
		 2, true},
	};

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		struct at_result r;
		char text[1024];
		struct at t;

		snprintf(text, sizeof(text), FILTER "%sCOMMIT\n", row[i].rules);
		at_open(&t, CFG_IPV4, text);
		r = at_judge(&t, ACL_FILTER, &udp, &forward, 0);
		cr_expect(r.gone == row[i].drop, "%s", row[i].name);
		cr_expect(strcmp(r.note.chain, row[i].chain) == 0 && r.note.rule == row[i].rule,
			  "%s: %s %u", row[i].name, r.note.chain, r.note.rule);
		cr_expect(at_packets(&t, CFG_FILTER, row[i].chain, row[i].rule) == 1, "%s",
			  row[i].name);
		at_close(&t);
	}
}

Test(acl_walk, counters_on_the_way)
{
	struct at t;

	at_open(&t, CFG_IPV4,
		FILTER ":a - [0:0]\n:b - [0:0]\n-A FORWARD\n-A FORWARD -p tcp\n-A FORWARD -j a\n"
		       "-A FORWARD -p udp -g b\n-A a -p udp -j RETURN\n-A a\n-A b\nCOMMIT\n");
	for (int i = 0; i < 3; i++)
		at_judge(&t, ACL_FILTER, &udp, &forward, i & 1);
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 1) == 3);
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 2) == 0);
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 3) == 3);
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 4) == 3);
	cr_expect(at_packets(&t, CFG_FILTER, "a", 1) == 3);
	cr_expect(at_packets(&t, CFG_FILTER, "a", 2) == 0);
	cr_expect(at_packets(&t, CFG_FILTER, "b", 1) == 3);
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 0) == 3, "the policy decided");
	cr_expect(at_bytes(&t, CFG_FILTER, "FORWARD", 0) == 3 * 28, "IP length, no link header");
	at_close(&t);
}

Test(acl_walk, a_hundred_jumps_deep)
{
	char *text = malloc(100000), *c = text;
	struct at_result r;
	struct at t;

	c += sprintf(c, FILTER);
	for (int i = 0; i < 100; i++)
		c += sprintf(c, ":c%d - [0:0]\n", i);
	c += sprintf(c, "-A FORWARD -j c0\n-A FORWARD -j DROP\n");
	for (int i = 0; i < 99; i++)
		c += sprintf(c, "-A c%d -j c%d\n-A c%d\n", i, i + 1, i);
	sprintf(c, "COMMIT\n");
	at_open(&t, CFG_IPV4, text);
	r = at_judge(&t, ACL_FILTER, &udp, &forward, 0);
	cr_expect(r.gone && r.note.rule == 2);
	for (int i = 0; i < 99; i++) {
		char name[8];

		sprintf(name, "c%d", i);
		cr_expect(at_packets(&t, CFG_FILTER, name, 2) == 1, "%s", name);
	}
	at_close(&t);
	free(text);
}

Test(acl_walk, hooks_of_the_points)
{
	// Every chain drops under its own name, so the note says where the packet was judged.
	static const char text[] =
		"*raw\n:PREROUTING DROP [0:0]\n:OUTPUT DROP [0:0]\nCOMMIT\n"
		"*mangle\n:PREROUTING DROP [0:0]\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n"
		":OUTPUT DROP [0:0]\n:POSTROUTING DROP [0:0]\nCOMMIT\n"
		"*nat\n:PREROUTING DROP [0:0]\n:INPUT DROP [0:0]\n:OUTPUT DROP [0:0]\n"
		":POSTROUTING DROP [0:0]\nCOMMIT\n"
		"*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT DROP [0:0]\nCOMMIT\n";
	static const struct at_way in = {.path = PL_PATH_INPUT};
	static const struct at_way host = {.origin = PL_FROM_HOST, .path = PL_PATH_OUTPUT};
	static const struct at_way self = {.origin = PL_FROM_SELF, .path = PL_PATH_OUTPUT};
	static const struct at_way pre = {.flags = PL_F_NAT_PRE}, post = {.flags = PL_F_NAT_POST};
	static const struct at_way host_pre = {
		.origin = PL_FROM_HOST, .path = PL_PATH_OUTPUT, .flags = PL_F_NAT_PRE};
	static const struct at_way in_post = {.path = PL_PATH_INPUT, .flags = PL_F_NAT_POST};
	static const struct {
		enum acl_point point;
		const struct at_way *way;
		const char *table, *chain; // NULL: passes by
	} row[] = {
		{ACL_RAW, &forward, "raw", "PREROUTING"},
		{ACL_RAW, &host, "raw", "OUTPUT"},
		{ACL_RAW, &self, "raw", "OUTPUT"},
		{ACL_MANGLE_PRE, &in, "mangle", "PREROUTING"},
		{ACL_MANGLE_PRE, &host, "mangle", "OUTPUT"},
		{ACL_NAT_DST, &forward, NULL, NULL},
		{ACL_NAT_DST, &pre, "nat", "PREROUTING"},
		{ACL_NAT_DST, &host, NULL, NULL},
		{ACL_NAT_DST, &host_pre, "nat", "OUTPUT"},
		{ACL_MANGLE_IN, &in, "mangle", "INPUT"},
		{ACL_MANGLE_IN, &forward, "mangle", "FORWARD"},
		{ACL_MANGLE_IN, &host, NULL, NULL},
		{ACL_FILTER, &in, "filter", "INPUT"},
		{ACL_FILTER, &forward, "filter", "FORWARD"},
		{ACL_FILTER, &host, "filter", "OUTPUT"},
		{ACL_MANGLE_POST, &in, NULL, NULL},
		{ACL_MANGLE_POST, &forward, "mangle", "POSTROUTING"},
		{ACL_MANGLE_POST, &self, "mangle", "POSTROUTING"},
		{ACL_NAT_SRC, &forward, NULL, NULL},
		{ACL_NAT_SRC, &post, "nat", "POSTROUTING"},
		{ACL_NAT_SRC, &in, NULL, NULL},
		{ACL_NAT_SRC, &in_post, "nat", "INPUT"},
	};
	struct at t;

	at_open(&t, CFG_IPV4, text);
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		struct at_result r = at_judge(&t, row[i].point, &udp, row[i].way, 0);

		cr_expect(r.gone == (row[i].table != NULL), "row %zu", i);
		if (row[i].table == NULL)
			continue;
		cr_expect(r.drop == PL_DROP_CHAIN_POLICY && r.note.rule == 0, "row %zu", i);
		cr_expect(strcmp(r.note.table, row[i].table) == 0 &&
				  strcmp(r.note.chain, row[i].chain) == 0,
			  "row %zu: %s %s", i, r.note.table, r.note.chain);
	}
	at_close(&t);
}

// Which interface a hook shows, as netfilter does it: user chains may be reached from anywhere.
Test(acl_walk, interfaces_of_the_hooks)
{
	static const char text[] =
		"*mangle\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n"
		":OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n:a - [0:0]\n"
		"-A PREROUTING -j a\n-A INPUT -j a\n-A FORWARD -j a\n-A OUTPUT -j a\n-A "
		"POSTROUTING -j a\n"
		"-A a -i lan -o wan -j DROP\n-A a -i lan -j DROP\n-A a -o wan -j DROP\n-A a -j "
		"DROP\nCOMMIT\n";
	static const struct at_way in = {.path = PL_PATH_INPUT};
	static const struct at_way host = {.origin = PL_FROM_HOST, .path = PL_PATH_OUTPUT};
	static const struct {
		enum acl_point point;
		const struct at_way *way;
		unsigned rule;
	} row[] = {
		{ACL_MANGLE_PRE, &forward, 2}, {ACL_MANGLE_IN, &in, 2},
		{ACL_MANGLE_IN, &forward, 1},  {ACL_MANGLE_PRE, &host, 3},
		{ACL_MANGLE_POST, &host, 3},   {ACL_MANGLE_POST, &forward, 1}, // since Linux 5.7
	};
	struct at t;

	at_open(&t, CFG_IPV4, text);
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		struct at_result r = at_judge(&t, row[i].point, &udp, row[i].way, 0);

		cr_expect(r.note.rule == row[i].rule, "row %zu: %u", i, r.note.rule);
	}
	at_close(&t);
}

Test(acl_walk, a_family_without_policy_is_dropped_first)
{
	static const struct tl_spec v6 = {.src = "2001:db8::1", .dst = "2001:db8::2"};
	struct at_result r;
	struct at t;

	at_open(&t, CFG_IPV4, FILTER "COMMIT\n");
	r = at_judge(&t, ACL_RAW, &v6, &forward, 0);
	cr_expect(r.gone && r.drop == PL_DROP_NO_POLICY);
	r = at_judge(&t, ACL_RAW, &udp, &forward, 0);
	cr_expect(!r.gone);
	cr_expect(acl_policy_point(t.compiled, ACL_RAW) != NULL);
	cr_expect(acl_policy_point(t.compiled, ACL_FILTER) != NULL);
	cr_expect(acl_policy_point(t.compiled, ACL_NAT_DST) == NULL);
	at_close(&t);
}

Test(acl_walk, reject_stays_for_its_answer)
{
	static const struct {
		enum cfg_family family;
		const char *rule;
		enum cfg_reject kind;
	} row[] = {
		{CFG_IPV4, "-j REJECT --reject-with icmp-port-unreachable", CFG_REJ_PORT_UNREACH},
		{CFG_IPV4, "-p tcp -j REJECT --reject-with tcp-reset", CFG_REJ_TCP_RESET},
		{CFG_IPV4, "-j REJECT --reject-with icmp-admin-prohibited", CFG_REJ_ADMIN_PROHIB},
		{CFG_IPV6, "-j REJECT --reject-with icmp6-adm-prohibited", CFG_REJ6_ADM_PROHIBITED},
	};
	struct tl_spec s = {.proto = IPPROTO_TCP};

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		struct at_result r;
		char text[512];
		struct at t;

		s.src = row[i].family == CFG_IPV4 ? "10.0.0.5" : "2001:db8::5";
		s.dst = row[i].family == CFG_IPV4 ? "10.0.0.6" : "2001:db8::6";
		snprintf(text, sizeof(text), FILTER "-A FORWARD %s\nCOMMIT\n", row[i].rule);
		at_open(&t, row[i].family, text);
		r = at_judge(&t, ACL_FILTER, &s, &forward, 0);
		cr_expect(!r.gone && r.reject == row[i].kind + 1, "row %zu: %u", i, r.reject);
		cr_expect(r.note.verdict == PL_NOTE_REJECT && r.note.rule == 1);
		at_close(&t);
	}
}

Test(acl_walk, nat_targets)
{
	struct at_way pre = {.flags = PL_F_NAT_PRE}, post = {.flags = PL_F_NAT_POST};
	struct tl_spec s = udp;
	struct at_result r;
	struct at t;

	at_open(&t, CFG_IPV4,
		NAT "-A PREROUTING -p udp -m udp --dport 53 -j DNAT --to-destination "
		    "10.1.1.1-10.1.1.9:5300-5399\n"
		    "-A PREROUTING -p udp -m udp --dport 54 -j REDIRECT --to-ports 99\n"
		    "-A PREROUTING -p udp -m udp --dport 55 -j ACCEPT\n"
		    "-A PREROUTING -p udp -m udp --dport 56 -j NETMAP --to 10.1.0.0/23\n"
		    "-A POSTROUTING -o eth1 -j SNAT --to-source 198.51.100.7\n"
		    "-A POSTROUTING -j MASQUERADE --random\nCOMMIT\n");
	r = at_judge(&t, ACL_NAT_DST, &s, &pre, 0);
	cr_expect(r.has_nat && r.nat.kind == PL_NAT_DNAT);
	cr_expect(r.nat.flags == (PL_NAT_HAS_ADDR | PL_NAT_HAS_PORTS));
	cr_expect(r.nat.addr_min.v4 == RTE_BE32(0x0a010101) &&
		  r.nat.addr_max.v4 == RTE_BE32(0x0a010109));
	cr_expect(r.nat.port_min == 5300 && r.nat.port_max == 5399);
	cr_expect(r.note.verdict == PL_NOTE_ACCEPT && r.note.rule == 1);
	s.dport = 54;
	r = at_judge(&t, ACL_NAT_DST, &s, &pre, 0);
	cr_expect(r.has_nat && r.nat.kind == PL_NAT_REDIRECT && r.nat.port_min == 99);
	s.dport = 55;
	r = at_judge(&t, ACL_NAT_DST, &s, &pre, 0);
	cr_expect(!r.has_nat && r.note.rule == 3);
	s.dport = 56;
	r = at_judge(&t, ACL_NAT_DST, &s, &pre, 0);
	cr_expect(r.has_nat && r.nat.kind == PL_NAT_NETMAP && r.nat.flags == PL_NAT_HAS_ADDR);
	cr_expect(r.nat.addr_min.v4 == RTE_BE32(0x0a010000) &&
		  r.nat.addr_max.v4 == RTE_BE32(0x0a0101ff));
	s.dport = 55;
	r = at_judge(&t, ACL_NAT_SRC, &s, &post, 0);
	cr_expect(r.has_nat && r.nat.kind == PL_NAT_MASQUERADE && r.nat.flags == PL_NAT_RANDOM);
	post.out = 3;
	r = at_judge(&t, ACL_NAT_SRC, &s, &post, 0);
	cr_expect(r.has_nat && r.nat.kind == PL_NAT_SNAT && r.nat.flags == PL_NAT_HAS_ADDR);
	at_close(&t);
}

// One packet through several points with one note, as on its way.
Test(acl_walk, note_keeps_what_filter_decided)
{
	struct pl_note note = {0};
	struct pl_pkt *p;
	struct at t;

	at_open(&t, CFG_IPV4,
		FILTER "-A FORWARD -p udp -j ACCEPT\nCOMMIT\n" NAT
		       "-A POSTROUTING -j MASQUERADE\nCOMMIT\n");
	p = tl_pkt(t.w[0], &udp, 0);
	p->note = &note;
	p->path = PL_PATH_FORWARD;
	p->flags |= PL_F_NAT_PRE | PL_F_NAT_POST;
	acl_stage[ACL_NAT_DST].run(t.w[0], acl_policy_point(t.compiled, ACL_NAT_DST),
				   &t.w[0]->burst);
	cr_expect(strcmp(note.table, "nat") == 0 && strcmp(note.chain, "PREROUTING") == 0);
	acl_stage[ACL_FILTER].run(t.w[0], acl_policy_point(t.compiled, ACL_FILTER), &t.w[0]->burst);
	acl_stage[ACL_NAT_SRC].run(t.w[0], acl_policy_point(t.compiled, ACL_NAT_SRC),
				   &t.w[0]->burst);
	cr_expect(p->nat_rule != NULL);
	cr_expect(strcmp(note.table, "filter") == 0 && note.rule == 1);
	rte_pktmbuf_free(p->m);
	at_close(&t);
}

// A rejected packet waits for its answer: no later table may count or judge it.
Test(acl_walk, rejected_packets_are_not_judged_again)
{
	struct pl_pkt *p;
	struct at t;

	at_open(&t, CFG_IPV4,
		FILTER "-A FORWARD -j REJECT --reject-with icmp-port-unreachable\nCOMMIT\n"
		       "*mangle\n:POSTROUTING DROP [0:0]\nCOMMIT\n");
	p = tl_pkt(t.w[0], &udp, 0);
	p->path = PL_PATH_FORWARD;
	acl_stage[ACL_FILTER].run(t.w[0], acl_policy_point(t.compiled, ACL_FILTER), &t.w[0]->burst);
	acl_stage[ACL_MANGLE_POST].run(t.w[0], acl_policy_point(t.compiled, ACL_MANGLE_POST),
				       &t.w[0]->burst);
	cr_expect(p->m != NULL && p->reject != 0);
	rte_pktmbuf_free(p->m);
	at_close(&t);
}

Test(acl_walk, filter_is_noted_without_rules)
{
	struct at_result r;
	struct at t;

	at_open(&t, CFG_IPV4, "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n");
	r = at_judge(&t, ACL_FILTER, &udp, &forward, 0);
	cr_expect(!r.gone && r.note.verdict == PL_NOTE_ACCEPT && r.note.rule == 0);
	cr_expect(strcmp(r.note.table, "filter") == 0 && strcmp(r.note.chain, "FORWARD") == 0);
	at_close(&t);
}

// xt_CT, xt_MARK: the walk goes on, and the rules behind see what became of the packet.
Test(acl_walk, notrack_and_mark_go_on)
{
	static const char raw[] =
		"*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:u - [0:0]\n"
		"-A PREROUTING -m state --state UNTRACKED\n"
		"-A PREROUTING -m state --state INVALID -p udp -j u\n"
		"-A PREROUTING -m state --state UNTRACKED -j MARK --set-xmark 0x3/0x1\n"
		"-A PREROUTING -m state --state INVALID -j DROP\n"
		"-A PREROUTING -j MARK --set-xmark 0x1/0x0\n"
		"-A u -j NOTRACK\n-A u -m state ! --state UNTRACKED -j DROP\nCOMMIT\n";
	static const struct {
		const char *name;
		uint8_t state;
		uint16_t flags;
		bool untracked, gone;
		uint32_t mark;
	} row[] = {
		{"new to conntrack", 0, 0, true, false, 0x86},
		{"has a flow", PL_CT_INVALID, 0, false, true, 0x84},
		{"answers an untracked one", 0, PL_F_CT_ATTACHED, false, true, 0x84},
	};

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		for (int linear = 0; linear < 2; linear++) {
			struct pl_pkt *p;
			struct at t;

			at_open(&t, CFG_IPV4, raw);
			p = tl_pkt(t.w[0], &udp, 0);
			p->ct_state = row[i].state;
			p->flags |= row[i].flags;
			p->mark = 0x84;
			acl_stage[ACL_RAW].run(
				t.w[0], acl_policy_point(linear ? t.linear : t.compiled, ACL_RAW),
				&t.w[0]->burst);
			cr_expect((p->m == NULL) == row[i].gone, "%s", row[i].name);
			cr_expect(!!(p->flags & PL_F_NOTRACK) == row[i].untracked, "%s",
				  row[i].name);
			cr_expect(p->mark == row[i].mark, "%s: 0x%x", row[i].name, p->mark);
			if (p->m != NULL)
				rte_pktmbuf_free(p->m);
			at_close(&t);
		}
	}
}

// xt_limit, half of it for each of two workers: the burst, then one packet for the credits of ticks
// that went by; what comes before the match in the rule is judged first, what comes after it is
// judged too late to save the credit.
Test(acl_walk, limit_spends_in_order)
{
	static const char text[] = FILTER
		"-A FORWARD -p tcp -m limit --limit 10/sec --limit-burst 3 -j DROP\n"
		"-A FORWARD -m limit --limit 10/sec --limit-burst 3 -m udp -p udp --sport 7\n"
		"-A FORWARD -p udp -m limit --limit 20/sec --limit-burst 6 -j DROP\nCOMMIT\n";
	static const struct {
		unsigned ms;
		bool drop;
	} row[] = {
		{4, true},    {4, true},   {4, true},	 {4, false},   {103, false}, {104, true},
		{104, false}, {204, true}, {9000, true}, {9000, true}, {9000, true}, {9000, false},
	};
	struct at t;

	at_open(&t, CFG_IPV4, text);
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		struct at_result r;

		for (int w = 0; w < 2; w++)
			t.w[w]->now_ns = row[i].ms * UINT64_C(1000000);
		r = at_judge(&t, ACL_FILTER, &udp, &forward, 0);
		cr_expect(r.gone == row[i].drop, "packet %zu", i);
	}
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 1) == 0);
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 2) == 0);
	at_close(&t);
}
