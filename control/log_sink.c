// Where log lines go; see log_sink.h. The system's log is spoken to as syslog(3) does (RFC 3164
// over the datagram socket /dev/log), but without waiting: syslog(3) would hold up the control
// thread as long as journald is busy. Called by control/event.c on the main thread.
#include "control/log_sink.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define DEV_LOG "/dev/log"

struct ctl_log_sink {
	enum cfg_sink_kind kind;
	bool plain;
	char *path;
	FILE *file; // FILE
	int fd;	    // SYSLOG; -1: not there
};

static void
syslog_connect(struct ctl_log_sink *s)
{
	const struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = DEV_LOG};

	s->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd >= 0 && connect(s->fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		close(s->fd);
		s->fd = -1;
	}
}

int
ctl_log_sink_open(struct ctl_log_sink **out, const struct cfg_sink *to, bool plain,
		  struct cfg_err *err)
{
	struct ctl_log_sink *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (s == NULL)
		return ret;
	s->kind = to->kind != CFG_SINK_NONE ? to->kind : CFG_SINK_SYSLOG;
	s->plain = plain;
	s->fd = -1;
	if (s->kind == CFG_SINK_SYSLOG)
		syslog_connect(s);
	if (s->kind == CFG_SINK_FILE) {
		s->path = strdup(to->path);
		if (s->path == NULL)
			goto fail;
		s->file = fopen(s->path, plain ? "we" : "ae");
		if (s->file == NULL) {
			ret = -errno;
			cfg_err_add(err, (struct cfg_pos){0, 0}, "log file %s: %s", s->path,
				    strerror(-ret));
			goto fail;
		}
	}
	*out = s;
	return 0;
fail:
	ctl_log_sink_close(s);
	return ret;
}

void
ctl_log_sink_close(struct ctl_log_sink *s)
{
	if (s == NULL)
		return;
	if (s->file != NULL)
		fclose(s->file);
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
}

static bool
to_syslog(struct ctl_log_sink *s, unsigned level, uint64_t wall_ns, const char *text, size_t len)
{
	time_t sec = (time_t)(wall_ns / 1000000000u);
	char packet[2300], when[32];
	struct tm tm;
	int n;

	localtime_r(&sec, &tm);
	strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	n = snprintf(packet, sizeof(packet), "<%u>%s ringwalld[%d]: %.*s", LOG_DAEMON | level, when,
		     (int)getpid(), (int)len, text);
	if (n >= (int)sizeof(packet))
		n = sizeof(packet) - 1;
	if (s->fd >= 0 && send(s->fd, packet, (size_t)n, MSG_NOSIGNAL) == n)
		return true;
	if (s->fd >= 0 && errno != EAGAIN && errno != ENOBUFS) { // it went away: try again later
		close(s->fd);
		s->fd = -1;
	}
	return false;
}

static bool
to_file(struct ctl_log_sink *s, unsigned level, uint64_t wall_ns, const char *text, size_t len)
{
	time_t sec = (time_t)(wall_ns / 1000000000u);
	unsigned usec = (unsigned)(wall_ns % 1000000000u / 1000);
	char when[32];
	struct tm tm;

	if (s->file == NULL)
		return false;
	if (s->plain)
		return fprintf(s->file, "%" PRIu64 ".%06u <%u> %.*s\n", (uint64_t)sec, usec, level,
			       (int)len, text) > 0;
	gmtime_r(&sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	return fprintf(s->file, "%s.%06uZ <%u> %.*s\n", when, usec, level, (int)len, text) > 0;
}

bool
ctl_log_sink_write(struct ctl_log_sink *s, unsigned level, uint64_t wall_ns, const char *text,
		   size_t len)
{
	switch (s->kind) {
	case CFG_SINK_SYSLOG:
		return to_syslog(s, level, wall_ns, text, len);
	case CFG_SINK_STDERR:
		return fprintf(stderr, "%.*s\n", (int)len, text) > 0;
	default:
		return to_file(s, level, wall_ns, text, len);
	}
}

bool
ctl_log_sink_flush(struct ctl_log_sink *s)
{
	if (s->file == NULL || fflush(s->file) == 0)
		return true;
	clearerr(s->file);
	return false;
}

void
ctl_log_sink_tick(struct ctl_log_sink *s)
{
	struct stat now, open;

	if (s->kind == CFG_SINK_SYSLOG && s->fd < 0)
		syslog_connect(s);
	if (s->kind != CFG_SINK_FILE || s->plain)
		return;
	if (s->file != NULL && stat(s->path, &now) == 0 && fstat(fileno(s->file), &open) == 0 &&
	    now.st_ino == open.st_ino && now.st_dev == open.st_dev)
		return;
	if (s->file != NULL)
		fclose(s->file);
	s->file = fopen(s->path, "ae");
}
