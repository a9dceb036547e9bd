// The command `doctor`: what each check says, when it starts to complain, and when it stops.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "control/host_facts.h"
#include "test/unit/control/ground.h"

static const char policy[] = "version: 1\ntables: { filter: { INPUT: { policy: DROP } } }\n";
static struct ground g;

static void
setup(void)
{
	ground_open(&g, policy);
}

static void
teardown(void)
{
	ground_close(&g);
}

TestSuite(control_doctor, .init = setup, .fini = teardown);

// Lets the control's clock run, ticks and all.
static void
pass_ms(uint64_t ms)
{
	bool signalled = false;

	for (uint64_t end = ground_ms + ms; ground_ms < end;) {
		ground_ms += 100;
		ctl_step(g.ctl, 0, &signalled);
	}
}

// "HEALTH: TEXT" of a check, "(none)" where it is not said. subject NULL: whatever it is.
static char *
said(const char *check, const char *subject)
{
	json_t *answer = ground_ask(&g, "{\"command\": \"doctor\"}"), *c;
	static char out[4][640];
	static unsigned at;
	char *text = out[at++ % 4];
	size_t i;

	strcpy(text, "(none)");
	json_array_foreach(json_object_get(answer, "checks"), i, c)
	{
		const char *of = json_string_value(json_object_get(c, "subject"));

		if (strcmp(json_string_value(json_object_get(c, "check")), check) != 0 ||
		    (subject != NULL && (of == NULL || strcmp(of, subject) != 0)))
			continue;
		snprintf(text, sizeof(out[0]), "%s: %s",
			 json_string_value(json_object_get(c, "health")),
			 json_string_value(json_object_get(c, "text")));
		break;
	}
	json_decref(answer);
	return text;
}

static char *
health(void)
{
	json_t *answer = ground_ask(&g, "{\"command\": \"doctor\"}");
	static char out[8];

	snprintf(out, sizeof(out), "%s", json_string_value(json_object_get(answer, "health")));
	json_decref(answer);
	return out;
}

#define EXPECT_SAID(check, subject, words)                                                         \
	do {                                                                                       \
		const char *is_ = said(check, subject);                                            \
		cr_expect(strstr(is_, words) != NULL, "%s: %s", check, is_);                       \
	} while (0)

// Workers that turn, whatever else time brings.
static void
beat(uint64_t ms, bool both)
{
	for (uint64_t t = 0; t < ms; t += 100) {
		for (unsigned i = 0; i < (both ? 2u : 1u); i++)
			atomic_fetch_add(&g.worker[i]->heartbeat, 1);
		pass_ms(100);
	}
}

Test(control_doctor, whole_answer)
{
	json_t *answer, *port;

	ground_health[0].steering = NET_STEER_HARDWARE;
	ground_health[0].reta_size = 512;
	ground_health[0].tcp_csum = true;
	g.worker[0]->cnt.port[0].rx_packets = 60;
	g.worker[1]->cnt.port[0].rx_packets = 40;
	g.worker[1]->cnt.port_handed[0] = 25;
	answer = ground_ask(&g, "{\"command\": \"doctor\"}");
	cr_expect(ground_true(answer, "ok"));
	port = json_array_get(json_object_get(answer, "ports"), 0);
	cr_expect(
		eq(str, (char *)json_string_value(json_object_get(port, "steering")), "hardware"));
	cr_expect(eq(llong, json_integer_value(json_object_get(port, "reta_size")), 512));
	cr_expect(eq(llong, json_integer_value(json_object_get(port, "received")), 100));
	cr_expect(eq(llong, json_integer_value(json_object_get(port, "handed_over")), 25));
	cr_expect(eq(dbl, json_real_value(json_object_get(port, "handed_over_share")), 0.25));
	cr_expect(ground_true(json_object_get(port, "checksums"), "tcp"));
	cr_expect(ground_false(json_object_get(port, "checksums"), "udp"));
	json_decref(answer);
	EXPECT_SAID("port-handover", "port lan", "ok: 25 of 100 packets received (25.0 %)");
	EXPECT_SAID("port-checksums", "port lan", "receives: TCP;");
	EXPECT_SAID("port-checksums", "port wan", "in software");
	EXPECT_SAID("policy", NULL, "generation 1");
	EXPECT_SAID("hugepages", NULL, "note: not in use");
	EXPECT_SAID("buffers", NULL, "ok: ");
	EXPECT_SAID("port-link", "port lan", "ok: net_null0, net_null: link is up");
	EXPECT_SAID("port-link", "port wan", "warn: ");
	cr_expect(eq(str, health(), "warn"), "one port has no link");
}

Test(control_doctor, steering)
{
	static const struct {
		enum net_steering is;
		const char *words;
	} row[] = {
		{NET_STEER_ALONE, "ok: one worker"},
		{NET_STEER_HARDWARE, "ok: the hardware steers"},
		{NET_STEER_UNABLE, "note: software steering: the device has no RSS"},
		{NET_STEER_QUEUES, "note: software steering: the device does not have one queue"},
		{NET_STEER_TABLE, "note: software steering: the size"},
		{NET_STEER_KEY_DIFFERS, "warn: software steering: the RSS key"},
		{NET_STEER_TABLE_DIFFERS, "warn: software steering: the indirection table"},
	};

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		ground_health[0].steering = row[i].is;
		EXPECT_SAID("port-steering", "port lan", row[i].words);
	}
}

Test(control_doctor, ports_and_host)
{
	struct net_port_health *h = &ground_health[1];

	EXPECT_SAID("port-mtu", "port wan", "ok: MTU 1500");
	h->mtu = 1400;
	EXPECT_SAID("port-mtu", "port wan", "note: MTU 1400, though the device has 1500");
	EXPECT_SAID("port-twin", "port wan", "ok: twin wan0 is up");
	EXPECT_SAID("host-stack", "port wan", "ok: ");
	h->twin_up = false;
	EXPECT_SAID("port-twin", "port wan", "warn: its twin wan0 is down");
	h->twin_there = false;
	EXPECT_SAID("port-twin", "port wan", "fail: its twin wan0 is gone");
	h->twin = false;
	EXPECT_SAID("port-twin", "port wan", "ok: no twin");
	strcpy(h->leak, "net.ipv4.conf.wan0.forwarding is 1");
	EXPECT_SAID("host-stack", "port wan", "fail: ");
	EXPECT_SAID("host-stack", "port wan", "net.ipv4.conf.wan0.forwarding is 1");
	cr_expect(eq(str, health(), "fail"));
}

Test(control_doctor, stalled_worker)
{
	beat(3000, true);
	EXPECT_SAID("worker-heartbeat", "worker 1", "ok: runs");
	beat(2500, false);
	EXPECT_SAID("worker-heartbeat", "worker 0", "ok: runs");
	EXPECT_SAID("worker-heartbeat", "worker 1", "fail: stands still since 2.");
	beat(200, true);
	EXPECT_SAID("worker-heartbeat", "worker 1", "ok: runs");
}

// What was lost long ago is told, but ails nobody.
Test(control_doctor, losses_are_forgotten)
{
	static const struct {
		enum pl_drop reason;
		const char *check, *bad, *good;
	} row[] = {
		{PL_DROP_HANDOFF_FULL, "overflow", "warn: 7 packets lost in the last", "ok: "},
		{PL_DROP_TX_QUEUE, "overflow", "warn: 7 packets lost in the last", "ok: "},
		{PL_DROP_NAT_NO_PORT, "nat-ports", "fail: exhausted: 7 packets", "ok: "},
		{PL_DROP_CT_TABLE_FULL, "flow-table", "fail: full: 7 new flows", "ok: "},
	};

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		EXPECT_SAID(row[i].check, NULL, row[i].good);
		g.worker[1]->cnt.drop[row[i].reason] += 7;
		EXPECT_SAID(row[i].check, NULL, row[i].bad);
		pass_ms(29000);
		EXPECT_SAID(row[i].check, NULL, row[i].bad);
		pass_ms(33000);
		EXPECT_SAID(row[i].check, NULL, row[i].good);
	}
	EXPECT_SAID("overflow", NULL, "(14 since the start)");
}

Test(control_doctor, missed_by_the_device)
{
	pass_ms(61000);
	EXPECT_SAID("port-missed", "port lan", "(none)");
	ground_missed += 3;
	EXPECT_SAID("port-missed", "port lan", "warn: the device dropped 3 packets");
	pass_ms(62000);
	EXPECT_SAID("port-missed", "port lan", "(none)");
}

static struct ct_flow
no_flow(unsigned worker, unsigned i)
{
	(void)worker;
	(void)i;
	return (struct ct_flow){0};
}

Test(control_doctor, table_fill)
{
	ground_flow = no_flow;
	EXPECT_SAID("flow-table", NULL, "ok: 0 of 2000 flows");
	ground_flows = 799;
	EXPECT_SAID("flow-table", NULL,
		    "ok: 1598 of 2000 flows; the fullest worker's table is full "
		    "to 79 %");
	ground_flows = 800;
	EXPECT_SAID("flow-table", NULL, "warn: 1600 of 2000");
	// The policy allows fewer.
	g.policy->conntrack.max = 1000;
	ground_flows = 100;
	EXPECT_SAID("flow-table", NULL, "ok: 200 of 1000");
	ground_flows = 450;
	EXPECT_SAID("flow-table", NULL, "warn: 900 of 1000");
}

Test(host_facts, sets_of_cpus)
{
	static const struct {
		const char *text, *same;
	} row[] = {
		{"", ""},	  {"\n", ""},	    {"0\n", "0"},    {"0-3,7", "0-3,7"},
		{"1,2,3", "1-3"}, {"5-5,9", "5,9"}, {"3-1", NULL},   {"x", NULL},
		{"1-", NULL},	  {"1;2", NULL},    {"99999", NULL},
	};

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		cpu_set_t set;
		char text[64];

		cr_expect(eq(int, ctl_cpus_read(row[i].text, &set), row[i].same != NULL), "%s",
			  row[i].text);
		if (row[i].same == NULL)
			continue;
		ctl_cpus_write(&set, text, sizeof(text));
		cr_expect(eq(str, text, (char *)row[i].same));
	}
}
