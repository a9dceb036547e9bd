#pragma once
// The line that an event of LOG, TRACE or AUDIT becomes: character for character what the kernel's
// nf_log_syslog prints (without its level), so that whatever reads those lines reads these. Pure;
// any thread.
#include <stddef.h>

#include "pipeline/event.h"

#define CTL_LOG_LINE 2048 // longer than any line can be

// port_name[i]: what IN= and OUT= say. bytes: the event's. Writes a NUL-terminated line without
// newline, cut at size, and returns its length. Like the kernel's it ends with a blank.
size_t ctl_log_line(char *out, size_t size, const struct pl_event *e, const uint8_t *bytes,
		    const char *const *port_name);
