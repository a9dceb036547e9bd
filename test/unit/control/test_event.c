// From the workers' rings to log, files and sockets: what is written, what is bounded, and under
// which name each loss is counted. Packets are real, the clock is the test's.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/event.h"
#include "test/lib/tl.h"

struct world {
	char dir[64];
	struct cfg_settings s;
	struct cfg_port port[2];
	struct cfg_nflog group[2];
	struct pl_worker *w[2];
	struct ctl_events *ev;
};

static char *
path_in(const struct world *t, const char *name)
{
	static char path[4][128];
	static unsigned n;
	char *p = path[n++ % 4];

	snprintf(p, sizeof(path[0]), "%s/%s", t->dir, name);
	return p;
}

static void
world_set(struct world *t)
{
	tl_init();
	memset(t, 0, sizeof(*t));
	strcpy(t->dir, "/tmp/ctl_event.XXXXXX");
	cr_assert(mkdtemp(t->dir) != NULL);
	t->port[0].name = "lan";
	t->port[1].name = "wan";
	t->s.port = t->port;
	t->s.n_port = 2;
	t->s.log.to = (struct cfg_sink){CFG_SINK_FILE, strdup(path_in(t, "log"))};
	t->s.log.burst = 1;
	tl_workers(t->w, 2);
	for (unsigned i = 0; i < 2; i++)
		cr_assert(eq(int, pl_events_create(t->w[i], 512), 0));
}

static void
world_open(struct world *t)
{
	const struct ctl_events_conf conf = {.settings = &t->s, .worker = t->w, .n_worker = 2};
	struct cfg_err err;

	cfg_err_init(&err, NULL);
	cr_assert(eq(int, ctl_events_create(&t->ev, &conf, &err), 0), "%s",
		  err.n > 0 ? err.msgs[0].text : "");
	cfg_err_free(&err);
}

static void
world_end(struct world *t)
{
	char cmd[128];

	ctl_events_free(t->ev);
	for (unsigned i = 0; i < 2; i++) {
		pl_events_free(t->w[i]);
		pl_worker_free(t->w[i]);
	}
	snprintf(cmd, sizeof(cmd), "rm -r %s", t->dir);
	cr_expect(eq(int, system(cmd), 0));
	free(t->s.log.to.path);
}

// One UDP packet with n bytes of payload, told of by worker i at a time.
static void
tell(struct world *t, unsigned i, enum pl_event_kind kind, uint64_t ms, const char *text,
     uint16_t group, uint16_t n)
{
	const struct tl_spec spec = {
		.src = "10.0.0.2", .dst = "10.0.0.3", .sport = 7, .dport = 9, .payload_len = n};
	struct pl_pkt *p = tl_pkt(t->w[i], &spec, 0);
	struct rte_mbuf *m = p->m;
	struct pl_event e;

	t->w[i]->now_ns = ms * 1000000;
	pl_event_init(&e, kind, t->w[i], p);
	e.in = 0;
	e.level = 4;
	e.group = group;
	strcpy(e.text, text);
	pl_event_put(t->w[i], &e, p, UINT32_MAX);
	rte_pktmbuf_free(m);
	t->w[i]->burst.n = t->w[i]->burst.used = 0;
}

// Lines of a file that hold the words.
static unsigned
count_lines(const char *path, const char *words)
{
	FILE *f = fopen(path, "r");
	static char line[4096];
	unsigned n = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		n += strstr(line, words) != NULL;
	if (f != NULL)
		fclose(f);
	return n;
}

static struct ctl_events_stats
stats(const struct world *t)
{
	struct ctl_events_stats s;

	ctl_events_stats(t->ev, &s);
	return s;
}

Test(ctl_event, lines_of_all_workers)
{
	struct world t;
	char *log;

	world_set(&t);
	world_open(&t);
	tell(&t, 0, PL_EVENT_LOG, 1, "a: ", 0, 5);
	tell(&t, 1, PL_EVENT_LOG, 1, "b: ", 0, 5);
	tell(&t, 1, PL_EVENT_AUDIT, 2, "", 0, 5);
	cr_expect(eq(uint, ctl_events_drain(t.ev, 10), 3));
	cr_expect(eq(uint, ctl_events_drain(t.ev, 11), 0));
	log = path_in(&t, "log");
	cr_expect(eq(uint, count_lines(log, "<4> a: IN=lan OUT= MAC=02:00:00:00:00:01:"), 1));
	cr_expect(eq(uint, count_lines(log, "<4> b: IN=lan"), 1));
	cr_expect(eq(uint, count_lines(log, "saddr=10.0.0.2 daddr=10.0.0.3 proto=17"), 1));
	cr_expect(eq(u64, stats(&t).lines, 3));
	world_end(&t);
}

Test(ctl_event, rate_is_bounded_and_losses_are_told)
{
	struct world t;

	world_set(&t);
	t.s.log.rate = 10;
	t.s.log.burst = 3;
	world_open(&t);
	for (unsigned i = 0; i < 8; i++) // both workers share the rate
		tell(&t, i & 1, PL_EVENT_LOG, 5000, "x", 0, 0);
	ctl_events_drain(t.ev, 10);
	cr_expect(eq(u64, stats(&t).lines, 3));
	cr_expect(eq(u64, stats(&t).over_rate, 5));
	tell(&t, 0, PL_EVENT_LOG, 5200, "y", 0, 0); // two more were earned
	tell(&t, 0, PL_EVENT_LOG, 5200, "y", 0, 0);
	tell(&t, 0, PL_EVENT_LOG, 5200, "y", 0, 0);
	tell(&t, 1, PL_EVENT_LOG, 4000, "late clock", 0, 0);
	ctl_events_drain(t.ev, 20);
	cr_expect(eq(u64, stats(&t).lines, 5));
	cr_expect(eq(uint, count_lines(path_in(&t, "log"), "lost"), 0));
	ctl_events_drain(t.ev, 1100);
	cr_expect(eq(uint, count_lines(path_in(&t, "log"), "log: 7 lost (of all: 7 over log.rate"),
		     1));
	ctl_events_drain(t.ev, 2200); // once
	cr_expect(eq(uint, count_lines(path_in(&t, "log"), "lost"), 1));
	world_end(&t);
}

Test(ctl_event, full_ring)
{
	struct world t;

	world_set(&t);
	world_open(&t);
	for (unsigned i = 0; i < 200; i++) // 172 bytes each: 3 of 511 pieces
		tell(&t, 0, PL_EVENT_LOG, 1, "x", 0, 20);
	cr_expect(eq(uint, ctl_events_drain(t.ev, 10), 170));
	cr_expect(eq(u64, stats(&t).ring_full, 30));
	for (unsigned round = 0; round < 50; round++) { // over the ring's end, whole each time
		for (unsigned i = 0; i < 7; i++)
			tell(&t, 0, PL_EVENT_LOG, 1, "r", 0, (uint16_t)(i * 31));
		cr_expect(eq(uint, ctl_events_drain(t.ev, 10), 7));
	}
	cr_expect(eq(uint, count_lines(path_in(&t, "log"), "PROTO=UDP SPT=7 DPT=9 LEN="), 520));
	world_end(&t);
}

Test(ctl_event, log_file_is_opened_anew)
{
	struct world t;

	world_set(&t);
	world_open(&t);
	tell(&t, 0, PL_EVENT_LOG, 1, "one", 0, 0);
	ctl_events_drain(t.ev, 10);
	rename(path_in(&t, "log"), path_in(&t, "log.0"));
	ctl_events_drain(t.ev, 1100);
	tell(&t, 0, PL_EVENT_LOG, 1, "two", 0, 0);
	ctl_events_drain(t.ev, 1110);
	cr_expect(eq(uint, count_lines(path_in(&t, "log.0"), "one"), 1));
	cr_expect(eq(uint, count_lines(path_in(&t, "log"), "two"), 1));
	cr_expect(eq(uint, count_lines(path_in(&t, "log"), "one"), 0));
	world_end(&t);
}

// The packets of a capture: how many, and the length of the last one as captured.
static unsigned
packets_in(const char *path, unsigned *last)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *p = pcap_open_offline(path, why);
	struct pcap_pkthdr *h;
	const u_char *bytes;
	unsigned n = 0;

	cr_assert(p != NULL, "%s", why);
	cr_expect(eq(int, pcap_datalink(p), DLT_EN10MB));
	while (pcap_next_ex(p, &h, &bytes) == 1) {
		cr_expect(eq(int, bytes[14], 0x45));
		cr_expect(eq(uint, h->caplen, h->len));
		*last = h->caplen;
		n++;
	}
	cr_expect(eq(str, pcap_geterr(p), ""));
	pcap_close(p);
	return n;
}

static bool
holds(const char *path, const char *words)
{
	static char bytes[4096];
	FILE *f = fopen(path, "r");
	size_t n = fread(bytes, 1, sizeof(bytes), f);

	fclose(f);
	return memmem(bytes, n, words, strlen(words)) != NULL;
}

Test(ctl_event, packets_to_files)
{
	struct world t;
	struct stat st;
	unsigned last;

	world_set(&t);
	t.group[0] = (struct cfg_nflog){.group = 5, .to = {CFG_SINK_FILE, path_in(&t, "five")}};
	t.group[1] = (struct cfg_nflog){
		.group = 6, .to = {CFG_SINK_FILE, path_in(&t, "six")}, .max_mib = 1};
	t.s.nflog = t.group;
	t.s.n_nflog = 2;
	world_open(&t);
	tell(&t, 0, PL_EVENT_NFLOG, 1, "hello", 5, 100);
	tell(&t, 1, PL_EVENT_NFLOG, 2, "", 5, 1001);
	tell(&t, 1, PL_EVENT_NFLOG, 2, "", 7, 10);
	ctl_events_drain(t.ev, 10);
	cr_expect(eq(uint, packets_in(path_in(&t, "five"), &last), 2));
	cr_expect(eq(uint, last, 1043));
	cr_expect(holds(path_in(&t, "five"), "hello"));
	cr_expect(holds(path_in(&t, "five"), "wan"));
	cr_expect(eq(u64, stats(&t).nflog_packets, 2));
	cr_expect(eq(u64, stats(&t).nflog_no_group, 1));
	for (unsigned i = 0; i < 900; i++) {
		tell(&t, 0, PL_EVENT_NFLOG, 3, "", 6, 1400);
		ctl_events_drain(t.ev, 20);
	}
	ctl_events_drain(t.ev, 1100); // it is full: put aside, and a new one begun
	tell(&t, 0, PL_EVENT_NFLOG, 3, "", 6, 77);
	ctl_events_drain(t.ev, 1110);
	cr_expect(eq(uint, packets_in(path_in(&t, "six.1"), &last), 900));
	cr_expect(eq(uint, packets_in(path_in(&t, "six"), &last), 1));
	cr_expect(eq(uint, last, 119));
	cr_expect(eq(int, stat(path_in(&t, "six"), &st), 0));
	cr_expect(eq(int, st.st_mode & 0777, 0640));
	world_end(&t);
}

static int
connect_to(const char *path)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	strcpy(to.sun_path, path);
	cr_assert(eq(int, connect(fd, (struct sockaddr *)&to, sizeof(to)), 0));
	return fd;
}

// What has come on a socket, as a file; NULL: thrown away.
static void
save_stream(int fd, const char *path)
{
	FILE *f = path != NULL ? fopen(path, "w") : NULL;
	static char buf[65536];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		if (f != NULL)
			cr_assert(eq(sz, fwrite(buf, 1, (size_t)n, f), (size_t)n));
	if (f != NULL)
		fclose(f);
}

Test(ctl_event, packets_to_sockets)
{
	struct world t;
	unsigned last;
	int quick, slow;

	world_set(&t);
	t.group[0] = (struct cfg_nflog){.group = 9, .to = {CFG_SINK_SOCKET, path_in(&t, "nine")}};
	t.s.nflog = t.group;
	t.s.n_nflog = 1;
	world_open(&t);
	tell(&t, 0, PL_EVENT_NFLOG, 1, "", 9, 10); // nobody is there
	ctl_events_drain(t.ev, 10);
	cr_expect(eq(u64, stats(&t).nflog_no_group, 1));
	quick = connect_to(path_in(&t, "nine"));
	slow = connect_to(path_in(&t, "nine"));
	ctl_events_drain(t.ev, 1100); // lets them in
	tell(&t, 0, PL_EVENT_NFLOG, 1, "", 9, 10);
	tell(&t, 0, PL_EVENT_NFLOG, 1, "", 9, 20);
	ctl_events_drain(t.ev, 1110);
	save_stream(quick, path_in(&t, "stream"));
	cr_expect(eq(uint, packets_in(path_in(&t, "stream"), &last), 2));
	cr_expect(eq(uint, last, 62));
	// One that does not read delays neither control nor the other.
	for (unsigned i = 0; i < 2000; i++) {
		tell(&t, 0, PL_EVENT_NFLOG, 2, "", 9, 1400);
		ctl_events_drain(t.ev, 1120);
		save_stream(quick, NULL);
	}
	cr_expect(eq(u64, stats(&t).nflog_packets, 2002));
	cr_expect(gt(u64, stats(&t).nflog_not_written, 100));
	close(slow);
	close(quick);
	tell(&t, 0, PL_EVENT_NFLOG, 1, "", 9, 10);
	ctl_events_drain(t.ev, 3000);
	world_end(&t);
}

Test(ctl_event, replay_writes_into_its_folder)
{
	struct world t;
	struct ctl_events_conf conf;
	struct cfg_err err;
	unsigned last;

	world_set(&t);
	cfg_err_init(&err, NULL);
	conf = (struct ctl_events_conf){
		.settings = &t.s, .worker = t.w, .n_worker = 2, .dir = t.dir};
	cr_assert(eq(int, ctl_events_create(&t.ev, &conf, &err), 0));
	cfg_err_free(&err);
	tell(&t, 0, PL_EVENT_LOG, 1234567, "p ", 0, 5);
	tell(&t, 0, PL_EVENT_NFLOG, 1234567, "", 77, 5);
	ctl_events_drain(t.ev, 0);
	cr_expect(eq(uint, count_lines(path_in(&t, "log.txt"), "1234.567000 <4> p IN=lan"), 1));
	ctl_events_free(t.ev);
	t.ev = NULL;
	cr_expect(eq(uint, packets_in(path_in(&t, "nflog-77.pcapng"), &last), 1));
	world_end(&t);
}

Test(ctl_event, what_cannot_be_opened)
{
	struct world t;
	struct ctl_events_conf conf;
	struct cfg_err err;

	world_set(&t);
	cfg_err_init(&err, NULL);
	free(t.s.log.to.path);
	t.s.log.to.path = strdup("/nowhere/log");
	conf = (struct ctl_events_conf){.settings = &t.s, .worker = t.w, .n_worker = 2};
	cr_expect(eq(int, ctl_events_create(&t.ev, &conf, &err), -ENOENT));
	cr_expect(err.n == 1 && strstr(err.msgs[0].text, "log file /nowhere/log") != NULL);
	cfg_err_free(&err);
	world_end(&t);
}
