// Flow logs: see flow_log.h. Each is a listener of the feed. Lines and IPFIX messages gather until
// the feed has been drained (32 ms at the latest) and go out without waiting for anybody: what a
// full disk or a collector that is not there does not take is counted and lost. A file is opened
// anew where it was renamed (logrotate); an IPFIX file begins with its templates, and over UDP they
// go out again and again (RFC 7011 section 8.4). Called by ctl.c, main thread.
#include "control/flow_log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "config/policy.h"
#include "control/flow_view.h"
#include "control/ipfix.h"

#define TICK_MS	     1000
#define TEMPLATE_SEC 600
#define HEADERS4     28 // of IPv4 and UDP
#define HEADERS6     48

struct flow_log {
	const struct cfg_flow_log *conf;
	struct ctl_feed_user user;
	struct ctl_flow_logs_stats *stats;
	FILE *file; // FILE; NULL: it could not be opened anew
	int fd;	    // UDP; -1: none
	bool connected;
	struct ctl_ipfix x;
	uint64_t templates_ms; // when the templates went out last
	bool templates;	       // they are due
	uint64_t gathered;     // records in the file's buffer
};

struct ctl_flow_logs {
	struct ctl_feed *feed;
	struct ctl_flow_logs_stats stats;
	uint64_t tick_ms;
	size_t n;
	struct flow_log log[];
};

// ---- opening
// --------------------------------------------------------------------------------------

static int
open_file(struct flow_log *l)
{
	l->file = fopen(l->conf->to.path, "ae");
	l->templates = true;
	return l->file != NULL ? 0 : -errno;
}

// A network that is not there yet may come: false, and the next tick tries again.
static bool
connect_udp(struct flow_log *l)
{
	const struct cfg_sink *to = &l->conf->to;
	bool v6 = to->family == CFG_IPV6;
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(to->port)};
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(to->port)};

	memcpy(&a6.sin6_addr, to->addr, sizeof(a6.sin6_addr));
	memcpy(&a4.sin_addr, to->addr, sizeof(a4.sin_addr));
	l->connected = connect(l->fd, v6 ? (struct sockaddr *)&a6 : (struct sockaddr *)&a4,
			       v6 ? sizeof(a6) : sizeof(a4)) == 0;
	return l->connected;
}

static int
open_udp(struct flow_log *l)
{
	l->fd = socket(l->conf->to.family == CFG_IPV6 ? AF_INET6 : AF_INET,
		       SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return -errno;
	connect_udp(l);
	l->templates = true;
	return 0;
}

// The largest message that needs no fragments; RFC 7011 section 10.3.3 asks for 512 where nothing
// is known.
static uint16_t
message_max(const struct flow_log *l)
{
	bool v6 = l->conf->to.family == CFG_IPV6;
	int mtu = 0;
	socklen_t len = sizeof(mtu);

	if (l->fd < 0)
		return CTL_IPFIX_MAX;
	if (getsockopt(l->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu, &len) <
	    0)
		return CTL_IPFIX_MIN;
	mtu -= v6 ? HEADERS6 : HEADERS4;
	return (uint16_t)RTE_MIN(RTE_MAX(mtu, CTL_IPFIX_MIN), CTL_IPFIX_MAX);
}

// ---- writing
// --------------------------------------------------------------------------------------

// Bytes that hold so many records, as one datagram or to the end of the file's buffer.
static void
bring_out(struct flow_log *l, const void *bytes, size_t len, uint64_t records)
{
	bool good;

	if (l->conf->to.kind == CFG_SINK_UDP)
		good = l->connected && send(l->fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
	else
		good = l->file != NULL && fwrite(bytes, 1, len, l->file) == len;
	if (!good) {
		l->stats->lost += records;
		l->templates = true; // whoever was away knows none
	} else if (l->conf->to.kind == CFG_SINK_UDP) {
		l->stats->records += records;
	} else {
		l->gathered += records;
	}
}

static void
finish_message(struct flow_log *l, uint32_t wall_sec)
{
	uint64_t records = l->x.records;
	uint16_t len;
	const uint8_t *bytes = ctl_ipfix_finish(&l->x, wall_sec, &len);

	if (bytes != NULL)
		bring_out(l, bytes, len, records);
}

static void
add_templates(struct flow_log *l, uint32_t wall_sec)
{
	for (unsigned i = 0; i < CTL_IPFIX_TEMPLATES; i++) {
		if (!ctl_ipfix_template(&l->x, i)) {
			finish_message(l, wall_sec);
			ctl_ipfix_template(&l->x, i);
		}
	}
	l->templates = false;
}

static uint32_t
wall_sec(void)
{
	return (uint32_t)time(NULL);
}

static void
on_event(void *arg, struct ctl_feed *feed, const struct ct_event *ev)
{
	struct flow_log *l = arg;
	char line[CTL_EVENT_JSON + 1];
	const char *json;
	size_t len;

	if (l->conf->translated && (1 << ev->kind & CT_EVENT_FLOWS) &&
	    !(ev->flow.status & (CT_S_SRC_NAT | CT_S_DST_NAT)))
		return;
	if (l->conf->format == CFG_FLOW_IPFIX) {
		if (l->templates)
			add_templates(l, wall_sec());
		if (!ctl_ipfix_add(&l->x, ev)) {
			finish_message(l, wall_sec());
			ctl_ipfix_add(&l->x, ev);
		}
		return;
	}
	json = ctl_feed_json(feed, &len);
	memcpy(line, json, len);
	line[len] = '\n';
	bring_out(l, line, len + 1, 1);
}

// IPFIX has no element for it; `stats` says it.
static void
on_lost(void *arg, uint64_t n)
{
	struct flow_log *l = arg;
	char line[64];
	int len;

	if (l->conf->format == CFG_FLOW_IPFIX)
		return;
	len = snprintf(line, sizeof(line), "{\"lost\":%llu}\n", (unsigned long long)n);
	bring_out(l, line, (size_t)len, 0);
}

// ---- all of them
// ----------------------------------------------------------------------------------

static int
open_log(struct ctl_flow_logs *logs, struct flow_log *l, struct cfg_err *err)
{
	const struct cfg_flow_log *conf = l->conf;
	bool udp = conf->to.kind == CFG_SINK_UDP;
	int ret = udp ? open_udp(l) : open_file(l);

	if (ret < 0) {
		cfg_err_add(err, conf->pos, "flow log to %s: %s",
			    udp ? "its collector" : conf->to.path, strerror(-ret));
		return ret;
	}
	ctl_ipfix_init(&l->x, conf->domain != CFG_NOT_GIVEN ? conf->domain : 1, message_max(l));
	l->user.event = on_event;
	l->user.lost = on_lost;
	l->user.arg = l;
	static_assert(CFG_FLOW_NEW == 1 << CT_EVENT_NEW &&
			      CFG_FLOW_UPDATE == 1 << CT_EVENT_UPDATE &&
			      CFG_FLOW_DESTROY == 1 << CT_EVENT_DESTROY &&
			      CFG_FLOW_ASSIGN == 1 << CT_EVENT_ASSIGN &&
			      CFG_FLOW_RELEASE == 1 << CT_EVENT_RELEASE,
		      "the same bits");
	l->user.kinds =
		conf->events != 0 ? conf->events : 1 << CT_EVENT_NEW | 1 << CT_EVENT_DESTROY;
	ret = ctl_feed_join(logs->feed, &l->user);
	if (ret < 0)
		cfg_err_add(err, conf->pos, "flow log: %s", strerror(-ret));
	return ret;
}

int
ctl_flow_logs_create(struct ctl_flow_logs **out, const struct cfg_settings *settings,
		     struct ctl_feed *feed, struct cfg_err *err)
{
	size_t n = settings->n_flow_log;
	struct ctl_flow_logs *logs = calloc(1, sizeof(*logs) + n * sizeof(logs->log[0]));
	int ret = 0;

	if (logs == NULL)
		return -ENOMEM;
	logs->feed = feed;
	logs->n = n;
	for (size_t i = 0; i < n; i++) {
		logs->log[i].conf = &settings->flow_log[i];
		logs->log[i].stats = &logs->stats;
		logs->log[i].fd = -1;
	}
	for (size_t i = 0; i < n && ret == 0; i++)
		ret = open_log(logs, &logs->log[i], err);
	if (ret < 0) {
		ctl_flow_logs_free(logs);
		return ret;
	}
	*out = logs;
	return 0;
}

static void
flush_file(struct flow_log *l)
{
	if (l->file == NULL || l->gathered == 0)
		return;
	if (fflush(l->file) == 0) {
		l->stats->records += l->gathered;
	} else {
		l->stats->lost += l->gathered;
		clearerr(l->file);
	}
	l->gathered = 0;
}

void
ctl_flow_logs_free(struct ctl_flow_logs *logs)
{
	if (logs == NULL)
		return;
	ctl_flow_logs_flush(logs, logs->tick_ms, wall_sec());
	for (size_t i = 0; i < logs->n; i++) {
		struct flow_log *l = &logs->log[i];

		ctl_feed_leave(logs->feed, &l->user);
		if (l->file != NULL)
			fclose(l->file);
		if (l->fd >= 0)
			close(l->fd);
	}
	free(logs);
}

// The file that stands at the path is no longer ours: on with a new one.
static void
look_for_rename(struct flow_log *l)
{
	struct stat now, open;

	if (l->file != NULL && stat(l->conf->to.path, &now) == 0 &&
	    fstat(fileno(l->file), &open) == 0 && now.st_ino == open.st_ino &&
	    now.st_dev == open.st_dev)
		return;
	if (l->file != NULL)
		fclose(l->file);
	open_file(l);
}

static void
tick(struct flow_log *l, uint64_t now_ms, uint32_t sec)
{
	uint64_t every =
		l->conf->template_sec != CFG_NOT_GIVEN ? l->conf->template_sec : TEMPLATE_SEC;

	if (l->conf->to.kind == CFG_SINK_FILE) {
		look_for_rename(l);
		return;
	}
	if (!l->connected && !connect_udp(l))
		return;
	if (l->conf->format == CFG_FLOW_IPFIX &&
	    (l->templates || now_ms - l->templates_ms >= every * 1000)) {
		l->templates_ms = now_ms;
		add_templates(l, sec);
		finish_message(l, sec); // where this fails, the next tick tries again
	}
}

void
ctl_flow_logs_flush(struct ctl_flow_logs *logs, uint64_t now_ms, uint32_t sec)
{
	bool ticks = now_ms - logs->tick_ms >= TICK_MS;

	for (size_t i = 0; i < logs->n; i++) {
		struct flow_log *l = &logs->log[i];

		if (l->conf->format == CFG_FLOW_IPFIX)
			finish_message(l, sec);
		flush_file(l);
		if (ticks)
			tick(l, now_ms, sec);
	}
	if (ticks)
		logs->tick_ms = now_ms;
}

void
ctl_flow_logs_stats(const struct ctl_flow_logs *logs, struct ctl_flow_logs_stats *out)
{
	*out = logs->stats;
}
