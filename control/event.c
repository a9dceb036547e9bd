// The way of events from the workers' rings to log, files and sockets; see event.h. The log's rate
// is bounded here, over all workers and kinds of lines, by the time at which the packets came: a
// flood of logged packets costs lines, never packets. Main thread.
#include "control/event.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control/log_line.h"
#include "control/log_sink.h"
#include "control/nflog.h"
#include "pipeline/worker.h"

#define DRAIN_MAX 2048 // events of one worker in one go
#define TICK_MS	  1000
#define SECOND_NS UINT64_C(1000000000)

struct ctl_events {
	struct ctl_events_conf conf;
	const char *port_name[PL_PORT_MAX + 1];
	struct ctl_log_sink *log;
	struct ctl_nflog *nflog;
	uint64_t credit_ns; // saved up: a line costs SECOND_NS / rate
	uint64_t last_ns;   // of the workers' clock
	uint64_t tick_ms;
	int64_t wall_offset; // to the workers' clock gives the time since 1970
	uint64_t told_lost;  // lines, told of in the log
	struct ctl_events_stats stats;
	uint8_t bytes[PL_EVENT_BYTES];
};

static uint64_t
clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * SECOND_NS + (uint64_t)ts.tv_nsec;
}

static int
open_log(struct ctl_events *ev, struct cfg_err *err)
{
	const char *dir = ev->conf.dir;
	struct cfg_sink to = ev->conf.settings->log.to;
	char path[1024];

	if (dir != NULL) {
		if (snprintf(path, sizeof(path), "%s/log.txt", dir) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		to = (struct cfg_sink){CFG_SINK_FILE, path};
	}
	return ctl_log_sink_open(&ev->log, &to, dir != NULL, err);
}

int
ctl_events_create(struct ctl_events **out, const struct ctl_events_conf *conf, struct cfg_err *err)
{
	const struct cfg_settings *s = conf->settings;
	struct ctl_events *ev = calloc(1, sizeof(*ev));
	const struct ctl_nflog_conf nflog = {
		.group = s->nflog,
		.n_group = s->n_nflog,
		.port_name = ev != NULL ? ev->port_name : NULL,
		.n_port = (unsigned)s->n_port,
		.dir = conf->dir,
	};
	int ret = ev != NULL ? 0 : -ENOMEM;

	if (ret == 0) {
		ev->conf = *conf;
		for (size_t i = 0; i < s->n_port; i++)
			ev->port_name[i] = s->port[i].name;
		ev->credit_ns = s->log.rate != 0 ? s->log.burst * (SECOND_NS / s->log.rate) : 0;
		ret = open_log(ev, err);
	}
	if (ret == 0)
		ret = ctl_nflog_create(&ev->nflog, &nflog, err);
	if (ret < 0) {
		if (err->n_errors == 0)
			cfg_err_add(err, (struct cfg_pos){0, 0}, "log: out of memory");
		ctl_events_free(ev);
		return ret;
	}
	*out = ev;
	return 0;
}

void
ctl_events_free(struct ctl_events *ev)
{
	if (ev == NULL)
		return;
	if (ev->nflog != NULL)
		while (ctl_events_drain(ev, ev->tick_ms) > 0)
			;
	ctl_nflog_free(ev->nflog);
	ctl_log_sink_close(ev->log);
	free(ev);
}

// May one more line be written at this time?
static bool
rate_allows(struct ctl_events *ev, uint64_t now_ns)
{
	const struct cfg_log *conf = &ev->conf.settings->log;
	uint64_t cost, cap;

	if (conf->rate == 0)
		return true;
	cost = SECOND_NS / conf->rate;
	cap = conf->burst * cost;
	if (now_ns > ev->last_ns) { // several workers' clocks: never back
		uint64_t gone = now_ns - ev->last_ns;

		ev->credit_ns = gone > cap - ev->credit_ns ? cap : ev->credit_ns + gone;
		ev->last_ns = now_ns;
	}
	if (ev->credit_ns < cost)
		return false;
	ev->credit_ns -= cost;
	return true;
}

static void
write_line(struct ctl_events *ev, const struct pl_event *e, uint64_t wall_ns)
{
	char line[CTL_LOG_LINE];
	size_t len;

	if (!rate_allows(ev, e->time_ns)) {
		ev->stats.over_rate++;
		return;
	}
	len = ctl_log_line(line, sizeof(line), e, ev->bytes, ev->port_name);
	if (ctl_log_sink_write(ev->log, e->level, wall_ns, line, len))
		ev->stats.lines++;
	else
		ev->stats.not_written++;
}

static unsigned
drain_worker(struct ctl_events *ev, struct pl_worker *w)
{
	struct pl_event e;
	unsigned n = 0;

	while (n < DRAIN_MAX && pl_event_take(w, &e, ev->bytes)) {
		uint64_t wall_ns = e.time_ns + (uint64_t)ev->wall_offset;

		n++;
		if (e.kind == PL_EVENT_NFLOG)
			ctl_nflog_put(ev->nflog, &e, ev->bytes, wall_ns);
		else
			write_line(ev, &e, wall_ns);
	}
	return n;
}

// Says in the log what is missing in it.
static void
tell_lost(struct ctl_events *ev)
{
	struct ctl_events_stats s;
	char line[160];
	uint64_t lost;
	int len;

	ctl_events_stats(ev, &s);
	lost = s.over_rate + s.not_written + s.ring_full;
	if (lost == ev->told_lost)
		return;
	len = snprintf(line, sizeof(line),
		       "log: %" PRIu64 " lost (of all: %" PRIu64 " over log.rate, %" PRIu64
		       " not written, %" PRIu64 " in full rings)",
		       lost - ev->told_lost, s.over_rate, s.not_written, s.ring_full);
	if (ctl_log_sink_write(ev->log, 4, clock_ns(CLOCK_REALTIME), line, (size_t)len))
		ev->told_lost = lost;
}

unsigned
ctl_events_drain(struct ctl_events *ev, uint64_t now_ms)
{
	bool tick = now_ms - ev->tick_ms >= TICK_MS;
	unsigned n = 0;

	if (ev->conf.dir == NULL)
		ev->wall_offset = (int64_t)(clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC));
	for (unsigned i = 0; i < ev->conf.n_worker; i++)
		n += drain_worker(ev, ev->conf.worker[i]);
	ctl_nflog_flush(ev->nflog, tick);
	if (tick && ev->conf.dir == NULL) {
		ctl_log_sink_tick(ev->log);
		tell_lost(ev);
	}
	if (tick)
		ev->tick_ms = now_ms;
	ctl_log_sink_flush(ev->log);
	return n;
}

void
ctl_events_stats(const struct ctl_events *ev, struct ctl_events_stats *out)
{
	const struct ctl_nflog_stats *nflog = ctl_nflog_stats(ev->nflog);

	*out = ev->stats;
	for (unsigned i = 0; i < ev->conf.n_worker; i++)
		out->ring_full +=
			__atomic_load_n(&ev->conf.worker[i]->cnt.events_lost, __ATOMIC_RELAXED);
	out->nflog_packets = nflog->packets;
	out->nflog_no_group = nflog->no_group;
	out->nflog_not_written = nflog->not_written;
}
