// Flow logs: IPFIX messages byte by byte where bytes matter, sizes that are kept, files that are
// renamed, collectors that are not there. That records are right is what test/e2e/t_flowlog.sh
// shows with a decoder of its own.
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/policy.h"
#include "control/flow_log.h"
#include "control/flow_view.h"
#include "control/ipfix.h"
#include "test/lib/tl.h"

// ---- stand-ins for conntrack: one worker, whose events the test makes
static struct ct_event waiting[512];
static unsigned n_waiting;
static struct ct_stats stats;

int
ct_events_create(struct ct_table *t, uint32_t room, int socket)
{
	(void)t;
	(void)room;
	(void)socket;
	return 0;
}

void
ct_events_want(struct ct_table *t, uint8_t kinds)
{
	(void)t;
	(void)kinds;
}

unsigned
ct_events_take(struct ct_table *t, struct ct_event *out, unsigned max)
{
	unsigned n = RTE_MIN(max, n_waiting);

	(void)t;
	memcpy(out, waiting, n * sizeof(*out));
	n_waiting -= n;
	memmove(waiting, waiting + n, n_waiting * sizeof(*out));
	return n;
}

const struct ct_stats *
ct_table_stats(const struct ct_table *t)
{
	(void)t;
	return &stats;
}

const char *
ct_tcp_state_name(enum ct_tcp_state s)
{
	(void)s;
	return "ESTABLISHED";
}

static struct ct_event
event(enum ct_event_kind kind, uint8_t family, bool nat, uint16_t sport)
{
	struct ct_event ev = {.kind = (uint8_t)kind,
			      .why = kind == CT_EVENT_DESTROY ? CT_END_IDLE : 0,
			      .wall_ns = 1700000000123456789};

	for (int d = 0; d < 2; d++) {
		struct ct_tuple *t = &ev.flow.tuple[d];

		t->family = family;
		t->proto = IPPROTO_UDP;
		t->src.v4 = htonl(d == 0 ? 0x0a000001 : 0xcb007109);
		t->dst.v4 = htonl(d == 0 ? 0xcb007109 : nat ? 0xcb007101 : 0x0a000001);
		t->sport = htons(d == 0 ? sport : 53);
		t->dport = htons(d == 0 ? 53 : sport);
	}
	ev.flow.status = CT_S_CONFIRMED | (nat ? CT_S_SRC_NAT : 0);
	return ev;
}

static unsigned
be16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static unsigned
be32(const uint8_t *p)
{
	return be16(p) << 16 | be16(p + 2);
}

Test(flow_log, a_message)
{
	const struct ct_event born = event(CT_EVENT_NEW, 4, true, 4001);
	struct ctl_ipfix x;
	const uint8_t *m, *r;
	uint16_t len;

	ctl_ipfix_init(&x, 42, CTL_IPFIX_MAX);
	cr_expect(eq(ptr, (void *)ctl_ipfix_finish(&x, 1, &len), NULL), "nothing in it");
	cr_assert(ctl_ipfix_template(&x, 2)); // IPv4, translated
	cr_assert(ctl_ipfix_add(&x, &born));
	cr_assert(ctl_ipfix_add(&x, &born));
	m = ctl_ipfix_finish(&x, 0x12345678, &len);
	cr_assert(ne(ptr, (void *)m, NULL));
	cr_expect(eq(uint, be16(m), 10));
	cr_expect(eq(uint, be16(m + 2), len));
	cr_expect(eq(uint, be32(m + 4), 0x12345678));
	cr_expect(eq(uint, be32(m + 8), 0), "no record was sent before");
	cr_expect(eq(uint, be32(m + 12), 42));
	cr_expect(eq(uint, be16(m + 16), 2), "a set of templates");
	cr_expect(eq(uint, be16(m + 20), 258));
	r = m + 16 + be16(m + 18);
	cr_expect(eq(uint, be16(r), 258), "a set of records");
	cr_expect(eq(uint, be16(r + 2), len - (unsigned)(r - m)));
	cr_expect(eq(uint, (be16(r + 2) - 4) % 2, 0));
	cr_expect(eq(u64, (uint64_t)be32(r + 4) << 32 | be32(r + 8), 1700000000123));
	cr_expect(eq(uint, r[12], 4), "natEvent: NAT44 session create");
	cr_expect(eq(uint, r[13], 1), "from the private realm");
	cr_assert(ctl_ipfix_add(&x, &born));
	m = ctl_ipfix_finish(&x, 0, &len);
	cr_expect(eq(uint, be32(m + 8), 2), "two records were sent before");
}

// A block of ports: RFC 8158's port block allocation and de-allocation, and the same as a line.
Test(flow_log, blocks)
{
	static const uint8_t record[] = {16, 0, 0, 0, 9, 10, 0, 0, 1, 203, 0, 113, 7};
	struct ct_event ev = {.kind = CT_EVENT_ASSIGN, .wall_ns = 1700000000123456789};
	struct ctl_ipfix x;
	const uint8_t *m;
	char line[CTL_EVENT_JSON];
	uint16_t len;

	ev.block.family = 4;
	ev.block.zone = 9;
	ev.block.first = 1024;
	ev.block.last = 1535;
	ev.block.in.v4 = htonl(0x0a000001);
	ev.block.out.v4 = htonl(0xcb007107);
	ctl_ipfix_init(&x, 42, CTL_IPFIX_MAX);
	cr_assert(ctl_ipfix_add(&x, &ev));
	m = ctl_ipfix_finish(&x, 1, &len);
	cr_assert(eq(uint, len, 16 + 4 + 8 + 17));
	cr_expect(eq(uint, be16(m + 16), 256 + 8));
	cr_expect(eq(u64, (uint64_t)be32(m + 20) << 32 | be32(m + 24), 1700000000123));
	cr_expect(memcmp(m + 28, record, sizeof(record)) == 0);
	cr_expect(eq(uint, be16(m + 41), 1024));
	cr_expect(eq(uint, be16(m + 43), 1535));
	ev.kind = CT_EVENT_RELEASE;
	cr_assert(ctl_ipfix_add(&x, &ev));
	m = ctl_ipfix_finish(&x, 1, &len);
	cr_expect(eq(uint, m[28], 17));
	line[ctl_event_json(line, sizeof(line), &ev)] = '\0';
	cr_expect(eq(str, line,
		     "{\"event\":\"release\",\"time_us\":1700000000123456,\"block\":{\"family\":"
		     "\"ipv4\","
		     "\"zone\":9,\"inside\":\"10.0.0.1\",\"outside\":\"203.0.113.7\",\"first_"
		     "port\":1024,"
		     "\"last_port\":1535}}"));
}

Test(flow_log, messages_keep_their_size)
{
	static const uint8_t family[] = {4, 6};
	struct ctl_ipfix x;
	uint16_t len;

	ctl_ipfix_init(&x, 1, CTL_IPFIX_MIN);
	for (unsigned i = 0; i < CTL_IPFIX_TEMPLATES; i++) {
		if (ctl_ipfix_template(&x, i))
			continue;
		cr_assert(ne(ptr, (void *)ctl_ipfix_finish(&x, 0, &len), NULL));
		cr_expect(le(uint, len, CTL_IPFIX_MIN));
		cr_assert(ctl_ipfix_template(&x, i), "one fits into an empty message");
	}
	for (unsigned i = 0; i < 1000; i++) {
		struct ct_event ev = event(i % 3, family[i / 3 % 2], i / 7 % 2, (uint16_t)i);

		if (ctl_ipfix_add(&x, &ev))
			continue;
		cr_assert(ne(ptr, (void *)ctl_ipfix_finish(&x, 0, &len), NULL));
		cr_expect(le(uint, len, CTL_IPFIX_MIN));
		cr_assert(ctl_ipfix_add(&x, &ev), "one fits into an empty message");
	}
}

// ---- logs

struct world {
	struct pl_worker worker, *list[1];
	struct cfg_settings settings;
	struct cfg_flow_log conf[2];
	struct ctl_feed *feed;
	struct ctl_flow_logs *logs;
	char dir[64], path[96];
	uint64_t ms;
};

static int
world_open(struct world *t, struct cfg_err *err)
{
	struct ctl_feed_conf conf = {.worker = t->list, .n_worker = 1, .room = 512};

	t->list[0] = &t->worker;
	t->settings.flow_log = t->conf;
	t->ms = 100000;
	cr_assert(ctl_feed_create(&t->feed, &conf) == 0);
	return ctl_flow_logs_create(&t->logs, &t->settings, t->feed, err);
}

static void
world_init(struct world *t)
{
	memset(t, 0, sizeof(*t));
	strcpy(t->dir, "/tmp/rw-flowlog-XXXXXX");
	cr_assert(mkdtemp(t->dir) != NULL);
	snprintf(t->path, sizeof(t->path), "%s/log", t->dir);
	for (int i = 0; i < 2; i++) {
		t->conf[i].domain = t->conf[i].template_sec = CFG_NOT_GIVEN;
		t->conf[i].to = (struct cfg_sink){.kind = CFG_SINK_FILE, .path = t->path};
	}
	t->settings.n_flow_log = 1;
	n_waiting = 0;
	stats.events_lost = 0;
}

static void
turn(struct world *t, uint64_t ms)
{
	t->ms += ms;
	ctl_feed_drain(t->feed);
	ctl_flow_logs_flush(t->logs, t->ms, 1700000000);
}

static unsigned
lines(const char *path, const char *with)
{
	FILE *f = fopen(path, "r");
	char line[2048];
	unsigned n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, with) != NULL;
	if (f != NULL)
		fclose(f);
	return n;
}

static void
world_close(struct world *t)
{
	ctl_flow_logs_free(t->logs);
	ctl_feed_free(t->feed);
	unlink(t->path);
	rmdir(t->dir);
}

Test(flow_log, lines_of_what_is_wanted)
{
	struct ctl_flow_logs_stats s;
	struct cfg_err err;
	static struct world t;
	char old[128];

	cfg_err_init(&err, "c");
	world_init(&t);
	t.conf[0].translated = true;
	cr_assert(eq(int, world_open(&t, &err), 0));
	waiting[n_waiting++] = event(CT_EVENT_NEW, 4, true, 1);
	waiting[n_waiting++] = event(CT_EVENT_UPDATE, 4, true, 1);
	waiting[n_waiting++] = event(CT_EVENT_NEW, 4, false, 2);
	waiting[n_waiting++] = event(CT_EVENT_DESTROY, 4, true, 1);
	stats.events_lost = 9;
	turn(&t, 30);
	cr_expect(eq(uint, lines(t.path, "\"sport\":1,"), 2), "born and ended");
	cr_expect(eq(uint, lines(t.path, "\"sport\":2,"), 0), "not translated");
	cr_expect(eq(uint, lines(t.path, "{\"lost\":9}"), 1));
	ctl_flow_logs_stats(t.logs, &s);
	cr_expect(eq(u64, s.records, 2));
	snprintf(old, sizeof(old), "%s.1", t.path);
	cr_assert(rename(t.path, old) == 0);
	turn(&t, 1000);
	waiting[n_waiting++] = event(CT_EVENT_NEW, 4, true, 3);
	turn(&t, 30);
	cr_expect(eq(uint, lines(t.path, "\"sport\":3,"), 1), "on in a new file");
	unlink(old);
	world_close(&t);
}

Test(flow_log, a_file_that_cannot_be)
{
	struct cfg_err err;
	static struct world t;

	cfg_err_init(&err, "c");
	world_init(&t);
	t.conf[0].to.path = "/nowhere/log";
	cr_assert(lt(int, world_open(&t, &err), 0));
	cr_expect(eq(str, err.msgs[0].text, "flow log to /nowhere/log: No such file or directory"));
	t.logs = NULL;
	world_close(&t);
}

Test(flow_log, a_collector_that_comes_late)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof(to);
	struct ctl_flow_logs_stats s;
	uint8_t m[2048];
	struct cfg_err err;
	static struct world t;
	ssize_t n;

	cr_assert(bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	cr_assert(getsockname(fd, (struct sockaddr *)&to, &size) == 0);
	close(fd); // nobody is there, on a port that nobody else takes
	cfg_err_init(&err, "c");
	world_init(&t);
	t.conf[0].format = CFG_FLOW_IPFIX;
	t.conf[0].template_sec = 2;
	t.conf[0].to = (struct cfg_sink){
		.kind = CFG_SINK_UDP, .family = CFG_IPV4, .port = ntohs(to.sin_port)};
	memcpy(t.conf[0].to.addr, &to.sin_addr, 4);
	cr_assert(eq(int, world_open(&t, &err), 0));
	for (unsigned i = 0; i < 10; i++) {
		waiting[n_waiting++] = event(CT_EVENT_NEW, 4, true, 1);
		turn(&t, 30);
	}
	ctl_flow_logs_stats(t.logs, &s);
	cr_expect(eq(u64, s.records + s.lost, 10));
	cr_expect(gt(u64, s.lost, 0), "the host said that nobody is there");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	cr_assert(bind(fd, (struct sockaddr *)&to, sizeof(to)) == 0);
	turn(&t, 2000); // may still hear that nobody was there
	turn(&t, 1000);
	n = recv(fd, m, sizeof(m), 0);
	cr_assert(gt(long, n, 16), "templates without a record");
	cr_expect(eq(uint, be16(m + 16), 2));
	while (recv(fd, m, sizeof(m), 0) > 0)
		;
	waiting[n_waiting++] = event(CT_EVENT_NEW, 4, true, 1);
	turn(&t, 30);
	n = recv(fd, m, sizeof(m), 0);
	cr_assert(gt(long, n, 16));
	cr_expect(eq(uint, be16(m + 16), 258), "a record");
	cr_expect(eq(uint, be32(m + 8), 10), "that the lost ones show in");
	close(fd);
	world_close(&t);
}
