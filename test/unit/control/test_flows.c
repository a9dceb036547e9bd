// The flow commands: filters, what is shown of a flow, which flows are ended, events.
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/flow_view.h"
#include "test/unit/control/ground.h"

static const char policy[] = "version: 1\ntables:\n  filter:\n    INPUT: { policy: DROP }\n";

static char *
text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return (char *)(value != NULL ? value : "(none)");
}

static long long
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

// Flow i of a worker: TCP, UDP, ICMP and one of IPv6 in turn.
static struct ct_flow
some_flow(unsigned worker, unsigned i)
{
	static const uint8_t proto[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_TCP};
	struct ct_flow f = {.worker = (uint16_t)worker, .timeout_sec = 100 + i, .mark = 5};

	for (int d = 0; d < 2; d++) {
		struct ct_tuple *t = &f.tuple[d];

		t->family = i % 4 == 3 ? 6 : 4;
		t->proto = proto[i % 4];
		inet_pton(t->family == 6 ? AF_INET6 : AF_INET,
			  t->family == 6 ? "2001:db8::1" : "10.0.0.1", d == 0 ? &t->src : &t->dst);
		inet_pton(t->family == 6 ? AF_INET6 : AF_INET,
			  t->family == 6 ? "2001:db8::2" : "10.0.1.2", d == 0 ? &t->dst : &t->src);
		t->sport = htons(d == 0 ? (uint16_t)(1000 + i) : 80);
		t->dport = htons(d == 0 ? 80 : (uint16_t)(1000 + i));
		if (t->proto == IPPROTO_ICMP) {
			t->sport = t->dport = htons(77);
			t->icmp_type = d == 0 ? 8 : 0;
		}
		f.packets[d] = 1 + (unsigned)d;
		f.bytes[d] = 100;
	}
	// Every worker's second four are translated: sources to 192.0.2.1, destinations
	// from 10.0.1.2.
	if (i >= 4 && i % 4 != 3) {
		inet_pton(AF_INET, "192.0.2.1", &f.tuple[1].dst);
		inet_pton(AF_INET, "10.9.9.9", &f.tuple[1].src);
		f.status = i % 2 == 0 ? CT_S_SRC_NAT | CT_S_DST_NAT : CT_S_SRC_NAT;
	}
	f.tuple[0].zone = f.tuple[1].zone = i == 1 ? 7 : 0;
	f.tuple[1].zone = i == 2 ? 7 : f.tuple[1].zone;
	f.tcp_state = i < 4 ? CT_TCP_ESTABLISHED : CT_TCP_TIME_WAIT;
	f.status |= CT_S_CONFIRMED | (i % 2 == 0 ? CT_S_SEEN_REPLY | CT_S_ASSURED : 0);
	return f;
}

// How many of the 2 x 8 flows an answer holds.
static unsigned
ask_flows(struct ground *g, const char *command, const char *filter, json_t **first)
{
	char request[256], *line;
	unsigned n = 0;
	int fd = ground_connect(g);

	snprintf(request, sizeof(request), "{\"command\": \"%s\"%s%s}\n", command,
		 filter[0] != '\0' ? ", " : "", filter);
	ground_send(g, fd, request, strlen(request));
	line = ground_line(g, fd);
	cr_assert(line != NULL && strstr(line, "stream") != NULL, "%s: %s", request, line);
	free(line);
	while ((line = ground_line(g, fd)) != NULL && strncmp(line, "{\"end\"", 6) != 0) {
		if (n++ == 0 && first != NULL)
			*first = json_loads(line, 0, NULL);
		free(line);
	}
	free(line);
	close(fd);
	return n;
}

static unsigned
count_flows(struct ground *g, const char *filter, json_t **first)
{
	return ask_flows(g, "flows", filter, first);
}

Test(control_flows, flow_filters)
{
	static const struct {
		const char *filter;
		unsigned n;
	} row[] = {
		{"", 16},
		{"\"family\": \"ipv4\"", 12},
		{"\"family\": \"ipv6\"", 4},
		{"\"protocol\": \"tcp\"", 8},
		{"\"protocol\": \"17\"", 4},
		{"\"protocol\": \"icmp\"", 4},
		{"\"protocol\": \"sctp\"", 0},
		{"\"src\": \"10.0.0.1\"", 12},
		{"\"src\": \"10.0.1.2\"", 0},
		{"\"src\": \"10.0.0.0/23\"", 12},
		{"\"src\": \"10.0.0.2/31\"", 0},
		{"\"src\": \"0.0.0.0/0\"", 12},
		{"\"src\": \"::/0\"", 4},
		{"\"dst\": \"2001:db8::/64\"", 4},
		{"\"dst\": \"10.0.1.0/24\", \"protocol\": \"udp\"", 4},
		{"\"sport\": 1000", 2},
		{"\"dport\": 80", 12},
		{"\"dport\": 77", 0},
		{"\"state\": \"ESTABLISHED\"", 4},
		{"\"state\": \"TIME_WAIT\"", 4},
		{"\"state\": \"ASSURED\"", 8},
		{"\"state\": \"UNREPLIED\"", 8},
		{"\"reply_src\": \"10.0.1.2\"", 6},
		{"\"reply_src\": \"10.9.9.0/24\"", 6},
		{"\"reply_dst\": \"192.0.2.1\"", 6},
		{"\"reply_dst\": \"2001:db8::/63\"", 4},
		{"\"reply_sport\": 80", 12},
		{"\"reply_sport\": 81", 0},
		{"\"reply_dport\": 1001", 2},
		{"\"icmp_id\": 77", 4},
		{"\"icmp_id\": 78", 0},
		{"\"icmp_type\": 8, \"icmp_code\": 0", 4},
		{"\"icmp_type\": 0", 0},
		{"\"icmp_code\": 1", 0},
		{"\"mark\": \"5\"", 16},
		{"\"mark\": \"0x4/0x4\"", 16},
		{"\"mark\": \"2/2\"", 0},
		{"\"mark\": \"6\"", 0},
		{"\"zone\": 0", 12},
		{"\"zone\": 7", 2},
		{"\"reply_zone\": 7", 4},
		{"\"orig_zone\": 0, \"reply_zone\": 7", 2},
		{"\"snat\": \"any\"", 6},
		{"\"snat\": \"192.0.2.0/24\"", 6},
		{"\"snat\": \"10.9.9.9\"", 0},
		{"\"snat\": \"::/0\"", 0},
		{"\"dnat\": \"any\"", 4},
		{"\"dnat\": \"10.9.9.9\"", 4},
		{"\"any_nat\": \"any\"", 6},
		{"\"any_nat\": \"10.9.9.9\"", 4},
		{"\"status\": \"ASSURED,SRC_NAT\"", 4},
		{"\"status\": \"UNREPLIED\", \"snat\": \"any\"", 2},
		{"\"status\": \"EXPECTED\"", 0},
	};
	struct ground g;

	ground_open(&g, policy);
	ground_flow = some_flow;
	ground_flows = 8;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		cr_expect(eq(uint, count_flows(&g, row[i].filter, NULL), row[i].n), "%s",
			  row[i].filter);
	ground_close(&g);
}

Test(control_flows, flow_members)
{
	struct ground g;
	json_t *line;
	const json_t *flow, *side;

	ground_open(&g, policy);
	ground_flow = some_flow;
	ground_flows = 4;
	count_flows(&g, "\"protocol\": \"tcp\"", &line);
	flow = json_object_get(line, "flow");
	cr_expect(eq(str, text(flow, "family"), "ipv4"));
	cr_expect(eq(str, text(flow, "protocol"), "tcp"));
	cr_expect(eq(llong, number(flow, "protocol_number"), 6));
	cr_expect(eq(str, text(flow, "state"), "ESTABLISHED"));
	cr_expect(eq(llong, number(flow, "timeout_sec"), 100));
	cr_expect(eq(llong, number(flow, "mark"), 5));
	cr_expect(ground_true(flow, "assured"));
	side = json_object_get(flow, "reply");
	cr_expect(eq(str, text(side, "src"), "10.0.1.2"));
	cr_expect(eq(llong, number(side, "dport"), 1000));
	cr_expect(eq(llong, number(side, "packets"), 2));
	json_decref(line);
	count_flows(&g, "\"protocol\": \"icmp\"", &line);
	flow = json_object_get(line, "flow");
	cr_expect(eq(ptr, json_object_get(flow, "state"), NULL));
	side = json_object_get(flow, "original");
	cr_expect(eq(llong, number(side, "type"), 8));
	cr_expect(eq(llong, number(side, "id"), 77));
	cr_expect(eq(llong, number(json_object_get(flow, "reply"), "type"), 0));
	cr_expect(eq(ptr, json_object_get(side, "sport"), NULL));
	json_decref(line);
	ground_close(&g);
}

static const char *
last_line(struct ground *g, const char *request, char *out, size_t size)
{
	int fd = ground_connect(g);
	char *line;

	ground_text(g, fd, request);
	out[0] = '\0';
	while ((line = ground_line(g, fd)) != NULL) {
		bool end = strncmp(line, "{\"end\"", 6) == 0 || strstr(line, "error") != NULL;

		snprintf(out, size, "%s", line);
		free(line);
		if (end)
			break;
	}
	close(fd);
	return out;
}

Test(control_flows, ending)
{
	char line[512], *error;
	json_t *first;
	struct ground g;

	ground_open(&g, policy);
	ground_flow = some_flow;
	ground_flows = 300; // more than one slice
	cr_expect(eq(uint, ask_flows(&g, "flows_delete", "\"protocol\": \"udp\"", &first), 150));
	cr_expect(eq(str, text(json_object_get(first, "flow"), "protocol"), "udp"));
	json_decref(first);
	cr_expect(eq(str,
		     (char *)last_line(&g, "{\"command\": \"flows_flush\"}\n", line, sizeof(line)),
		     "{\"end\":true,\"count\":600}"));
	cr_expect(eq(uint, ask_flows(&g, "flows_flush", "", NULL), 0), "no flow is listed");
	last_line(&g, "{\"command\": \"flows_flush\", \"family\": \"ipv6\"}\n", line, sizeof(line));
	cr_expect(eq(str, line, "{\"end\":true,\"count\":150}"));
	error = ground_error(&g, "{\"command\": \"flows_delete\"}");
	cr_expect(eq(str, error,
		     "'flows_delete' needs to be told which flows; 'flows_flush' ends all"));
	free(error);
	error = ground_error(&g, "{\"command\": \"flows_flush\", \"src\": \"10.0.0.1\"}");
	cr_expect(eq(str, error, "command 'flows_flush' does not know 'src'"));
	free(error);
	ground_close(&g);
}

// ---- events

static int
follow(struct ground *g, const char *members)
{
	int fd = ground_connect(g);
	char request[256], *line;

	snprintf(request, sizeof(request), "{\"command\": \"flows_follow\"%s}\n", members);
	ground_text(g, fd, request);
	line = ground_line(g, fd);
	cr_assert(line != NULL && strcmp(line, "{\"ok\":true,\"stream\":true}") == 0, "%s", line);
	free(line);
	return fd;
}

static void
happen(enum ct_event_kind kind, unsigned flow, enum ct_end why)
{
	ground_event[ground_events++] = (struct ct_event){.wall_ns = 1700000000123456789,
							  .flow = some_flow(0, flow),
							  .kind = (uint8_t)kind,
							  .why = (uint8_t)why};
}

static json_t *
next(struct ground *g, int fd)
{
	char *line = ground_line(g, fd);
	json_error_t bad;
	json_t *json = line != NULL ? json_loads(line, 0, &bad) : NULL;

	cr_assert(ne(ptr, json, NULL), "%s", line != NULL ? line : "nothing came");
	free(line);
	return json;
}

// The line made by hand holds what the listing shows, for every kind of flow.
Test(control_flows, an_event_shows_the_flow_as_a_listing_does)
{
	struct ct_flow shown;
	struct ground g;
	json_t *event, *flow;
	int fd;

	ground_open(&g, policy);
	fd = follow(&g, "");
	cr_expect(eq(u8, ground_told[0], 7));
	cr_expect(eq(u8, ground_told[1], 7));
	for (unsigned i = 0; i < 8; i++) {
		happen(CT_EVENT_DESTROY, i, CT_END_FINISHED);
		event = next(&g, fd);
		shown = some_flow(0, i);
		flow = ctl_flow_view(&shown);
		cr_expect(json_equal(json_object_get(event, "flow"), flow) == 1, "flow %u", i);
		cr_expect(eq(str, text(event, "event"), "destroy"));
		cr_expect(eq(str, text(event, "reason"), "finished"));
		cr_expect(eq(llong, number(event, "time_us"), 1700000000123456));
		json_decref(flow);
		json_decref(event);
	}
	close(fd);
	cr_expect(eq(ptr, ground_error(&g, "{\"command\": \"stats\"}"), NULL));
	cr_expect(eq(u8, ground_told[0], 0), "nobody listens any more");
	ground_close(&g);
}

Test(control_flows, only_what_is_asked_for)
{
	struct ground g;
	json_t *event;
	int fd, other;

	ground_open(&g, policy);
	fd = follow(&g, ", \"events\": \"NEW,DESTROY\", \"protocol\": \"udp\"");
	cr_expect(eq(u8, ground_told[0], 1 << CT_EVENT_NEW | 1 << CT_EVENT_DESTROY));
	other = follow(&g, ", \"events\": \"UPDATES\"");
	cr_expect(eq(u8, ground_told[0], 7), "what any of them wants");
	happen(CT_EVENT_NEW, 0, 0); // tcp
	happen(CT_EVENT_UPDATE, 1, 0);
	happen(CT_EVENT_NEW, 1, 0);
	event = next(&g, fd);
	cr_expect(eq(str, text(event, "event"), "new"));
	cr_expect(eq(ptr, json_object_get(event, "reason"), NULL));
	json_decref(event);
	event = next(&g, other);
	cr_expect(eq(str, text(event, "event"), "update"));
	json_decref(event);
	ground_text(&g, fd, "{\"command\": \"ports\"}\n");
	event = next(&g, fd);
	cr_expect(ground_true(event, "end"), "it ends when the client says anything");
	cr_expect(eq(llong, number(event, "count"), 1));
	json_decref(event);
	event = next(&g, fd);
	cr_expect(ground_true(event, "ok"), "which is then answered");
	json_decref(event);
	cr_expect(eq(u8, ground_told[1], 1 << CT_EVENT_UPDATE));
	close(fd);
	close(other);
	ground_close(&g);
}

Test(control_flows, what_is_lost_is_said)
{
	struct ground g;
	json_t *event;
	int fd;

	ground_open(&g, policy);
	fd = follow(&g, "");
	ground_stats.events_lost = 3; // of each worker
	happen(CT_EVENT_NEW, 0, 0);
	event = next(&g, fd);
	json_decref(event);
	event = next(&g, fd);
	cr_expect(eq(llong, number(event, "lost"), 6));
	json_decref(event);
	event = ground_ask(&g, "{\"command\": \"stats\"}");
	cr_expect(eq(llong, number(json_object_get(event, "events"), "flow_lost"), 6));
	json_decref(event);
	ground_stats.events_lost = 0;
	close(fd);
	ground_close(&g);
}

// One that does not read: the control keeps no more for it than for anybody.
Test(control_flows, a_follower_that_does_not_read_loses_events)
{
	long long lost = 0, got = 0, told = 0;
	struct ground g;
	json_t *event;
	int fd;

	ground_open(&g, policy);
	fd = follow(&g, "");
	for (unsigned round = 0; round < 8; round++) {
		bool signalled = false;

		while (ground_events < 2000) {
			happen(CT_EVENT_NEW, 1, 0);
			told++;
		}
		while (ground_events > 0)
			cr_assert(ctl_step(g.ctl, 0, &signalled) == 0);
	}
	cr_expect(lt(sz, g.ctl->client[0]->out_cap, 4 * CTL_OUT_HIGH));
	while (got + lost < told) {
		event = next(&g, fd);
		if (json_object_get(event, "lost") != NULL)
			lost += number(event, "lost");
		else
			got++;
		json_decref(event);
	}
	cr_expect(gt(llong, lost, 0));
	cr_expect(eq(llong, got + lost, told), "every event came, or was said to be lost");
	close(fd);
	ground_close(&g);
}

Test(control_flows, follow_refused)
{
	struct ground g;
	char *error;

	ground_open(&g, policy);
	error = ground_error(&g, "{\"command\": \"flows_follow\", \"events\": \"NEW,\"}");
	cr_expect(ne(ptr, strstr(error, "expected a list of NEW, UPDATES, DESTROY, or ALL"), NULL));
	free(error);
	ground_no_events = -ENOMEM;
	error = ground_error(&g, "{\"command\": \"flows_follow\"}");
	cr_expect(eq(str, error, "events of flows: Cannot allocate memory"));
	free(error);
	ground_no_events = 0;
	cr_expect(eq(u8, ground_told[0], 0));
	ground_close(&g);
}
