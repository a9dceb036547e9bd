// Targets that tell somebody: what is told, in which order, and that nothing else changes. Every
// packet goes through the compiled walk and the interpreter, which must tell the same.
#include "at.h"

#include <stdio.h>

#include "pipeline/event.h"

static struct at t;

static void
open_rules(enum cfg_family family, const char *rules)
{
	at_open(&t, family, rules);
	for (unsigned i = 0; i < 2; i++)
		cr_assert(pl_events_create(t.w[i], 1024) == 0);
}

static void
close_rules(void)
{
	for (unsigned i = 0; i < 2; i++)
		pl_events_free(t.w[i]);
	at_close(&t);
}

// All that was told by one of the two walks, the other's taken away: "LOG a|TRACE INPUT rule 1|".
static void
expect_told(const char *want)
{
	static uint8_t bytes[PL_EVENT_BYTES];
	static const char *const kind[] = {"LOG", "NFLOG", "AUDIT", "TRACE"};
	static const char *const what[] = {"rule", "return", "policy"};
	char got[1024] = "";
	struct pl_event e;
	size_t n = 0, half;

	while (pl_event_take(t.w[0], &e, bytes)) {
		n += snprintf(got + n, sizeof(got) - n, "%s %s", kind[e.kind], e.text);
		if (e.kind == PL_EVENT_TRACE)
			n += snprintf(got + n, sizeof(got) - n, " %s %u", what[e.what], e.rule);
		n += snprintf(got + n, sizeof(got) - n, "|");
	}
	half = n / 2;
	cr_expect(n % 2 == 0 && strncmp(got, got + half, half) == 0, "not twice the same: %s", got);
	got[half] = '\0';
	cr_expect(strcmp(got, want) == 0, "%s\nnot: %s", got, want);
}

static const struct tl_spec udp = {.src = "10.0.0.5", .dst = "192.0.2.9", .sport = 1, .dport = 53};
static const struct tl_spec tcp = {
	.src = "10.0.0.5", .dst = "192.0.2.9", .proto = IPPROTO_TCP, .sport = 1, .dport = 80};
static const struct at_way plain;

Test(acl_tell, the_walk_goes_on)
{
	struct at_result r;

	open_rules(CFG_IPV4,
		   "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
		   "-A FORWARD -p tcp -j LOG --log-prefix \"tcp \"\n"
		   "-A FORWARD -j LOG --log-prefix all\n"
		   "-A FORWARD -p udp -j NFLOG --nflog-prefix n\n"
		   "-A FORWARD -p udp -j AUDIT --type drop\n"
		   "-A FORWARD -p udp -j DROP\n"
		   "-A FORWARD -j LOG\nCOMMIT\n");
	r = at_judge(&t, ACL_FILTER, &udp, &plain, 0);
	cr_expect(r.gone && r.drop == PL_DROP_RULE && r.note.rule == 5);
	expect_told("LOG all|NFLOG n|AUDIT |");
	r = at_judge(&t, ACL_FILTER, &tcp, &plain, 0);
	cr_expect(!r.gone);
	expect_told("LOG tcp |LOG all|LOG |");
	cr_expect(at_packets(&t, CFG_FILTER, "FORWARD", 2) == 2);
	close_rules();
}

Test(acl_tell, what_an_event_holds)
{
	static uint8_t bytes[PL_EVENT_BYTES];
	const struct at_way way = {.in = 2, .out = 1};
	struct pl_event e;

	open_rules(CFG_IPV4, "*mangle\n:FORWARD ACCEPT [0:0]\n"
			     "-A FORWARD -j MARK --set-mark 7\n"
			     "-A FORWARD -j LOG --log-level debug --log-macdecode --log-uid\n"
			     "-A FORWARD -j NFLOG --nflog-group 9 --nflog-size 10 "
			     "--nflog-threshold 3\nCOMMIT\n");
	t.w[0]->now_ns = 12345;
	at_judge(&t, ACL_MANGLE_IN, &udp, &way, 0);
	cr_assert(pl_event_take(t.w[0], &e, bytes));
	cr_expect(e.kind == PL_EVENT_LOG && e.level == 7 && e.mark == 7 && e.in == 1 && e.out == 0);
	cr_expect(e.what == (CFG_LOG_UID | CFG_LOG_MACDECODE) && e.time_ns == 12345);
	cr_expect(e.family == 4 && e.proto == IPPROTO_UDP && e.length == 28 && e.l2_len == 14);
	cr_expect(e.table == CFG_MANGLE && e.hook == CFG_FORWARD && e.n_byte == 42);
	cr_expect(bytes[12] == 8 && bytes[14] == 0x45);
	cr_assert(pl_event_take(t.w[0], &e, bytes));
	cr_expect(e.kind == PL_EVENT_NFLOG && e.group == 9 && e.threshold == 3);
	cr_expect(e.n_byte == 24 && e.length == 28);
	close_rules();
}

// Each line as Linux 6.18 wrote it for the same rules and packet.
Test(acl_tell, trace_follows_the_walk)
{
	open_rules(CFG_IPV4, "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:r - [0:0]\n"
			     "-A PREROUTING -p icmp -j ACCEPT\n"
			     "-A PREROUTING -p udp -j TRACE\n"
			     "-A PREROUTING -j r\n"
			     "-A r -p tcp\n"
			     "-A r -p udp\n"
			     "-A r -p udp -j RETURN\n"
			     "-A r -j DROP\nCOMMIT\n");
	at_judge(&t, ACL_RAW, &udp, &plain, 0);
	expect_told("TRACE PREROUTING rule 3|TRACE r rule 2|TRACE r rule 3|"
		    "TRACE PREROUTING policy 4|");
	cr_expect(at_judge(&t, ACL_RAW, &tcp, &plain, 0).gone);
	expect_told("");
	close_rules();
}

Test(acl_tell, trace_names_ends_as_the_kernel_does)
{
	open_rules(CFG_IPV4,
		   "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:a - [0:0]\n:b - [0:0]\n"
		   "-A PREROUTING -j TRACE\n"
		   "-A PREROUTING -j a\n"
		   "-A PREROUTING -g b\n"
		   "-A PREROUTING -p udp\n"
		   "-A a -p tcp -j ACCEPT\n"
		   "-A b -m comment --comment x -j RETURN\nCOMMIT\n");
	at_judge(&t, ACL_RAW, &udp, &plain, 0);
	expect_told("TRACE PREROUTING rule 2|TRACE a return 2|TRACE PREROUTING rule 3|"
		    "TRACE b rule 1|TRACE PREROUTING policy 5|");
	close_rules();
	// A rule that is nothing but a verdict is an end to it.
	open_rules(CFG_IPV4, "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:a - [0:0]\n"
			     "-A PREROUTING -j TRACE\n"
			     "-A PREROUTING -j a\n"
			     "-A PREROUTING -j ACCEPT\n"
			     "-A a -j RETURN\nCOMMIT\n");
	at_judge(&t, ACL_RAW, &udp, &plain, 0);
	expect_told("TRACE PREROUTING rule 2|TRACE a return 1|TRACE PREROUTING policy 3|");
	close_rules();
}
