#pragma once
// The flow logs of ringwall.conf: events of flows as lines of JSON or as IPFIX, to files or over
// UDP. Main thread.
#include "config/settings.h"
#include "control/flow_feed.h"

struct ctl_flow_logs;

struct ctl_flow_logs_stats {
	uint64_t records; // written or sent
	uint64_t lost;	  // that file or network did not take
};

// Opens them and joins the feed, which outlives them. Without any it does nothing. 0, or -errno
// with the reason in err.
int ctl_flow_logs_create(struct ctl_flow_logs **out, const struct cfg_settings *settings,
			 struct ctl_feed *feed, struct cfg_err *err);
void ctl_flow_logs_free(struct ctl_flow_logs *logs); // brings out what is left; NULL is fine

// After the feed was drained: brings out what was gathered, and about once a second looks for files
// that were renamed. now_ms: the caller's monotonic clock; wall_sec: since 1970.
void ctl_flow_logs_flush(struct ctl_flow_logs *logs, uint64_t now_ms, uint32_t wall_sec);
void ctl_flow_logs_stats(const struct ctl_flow_logs *logs, struct ctl_flow_logs_stats *out);
