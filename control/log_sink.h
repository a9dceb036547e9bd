#pragma once
// Where log lines go: the system's log, standard error, or a file. None of them ever blocks for
// long: what the system's log does not take at once is lost, and the caller counts it. Main thread.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/settings.h"

struct ctl_log_sink;

// `to` is copied; kind NONE is the system's log. plain: the file's lines begin with seconds instead
// of a date (replay). A file that cannot be opened is an error in err; a system's log that is not
// there is tried again later. 0 or -errno.
int ctl_log_sink_open(struct ctl_log_sink **out, const struct cfg_sink *to, bool plain,
		      struct cfg_err *err);
void ctl_log_sink_close(struct ctl_log_sink *s); // NULL is fine

// One line without a newline. level: syslog severity; wall_ns: since 1970. False: it is lost.
bool ctl_log_sink_write(struct ctl_log_sink *s, unsigned level, uint64_t wall_ns, const char *text,
			size_t len);
// Brings to the file what is buffered. False: some of it is lost.
bool ctl_log_sink_flush(struct ctl_log_sink *s);
// About once a second: opens the file anew where it was renamed or removed (logrotate), and the
// system's log where it was not there.
void ctl_log_sink_tick(struct ctl_log_sink *s);
