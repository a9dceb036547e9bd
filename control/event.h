#pragma once
// Takes the workers' events out of their rings and brings them where they belong: lines of LOG,
// TRACE and AUDIT to the log, packets of NFLOG to their groups. Main thread; the daemon's control
// loop and replay call it.
#include "config/settings.h"
#include "pipeline/event.h"

struct ctl_events;

struct ctl_events_conf {
	const struct cfg_settings *settings; // outlives this
	struct pl_worker *const *worker;     // of n_worker workers; outlives this
	unsigned n_worker;
	// Replay: everything goes to files in this folder (log.txt, nflog-GROUP.pcapng), and the
	// workers' clock is that of the captures. NULL: where the settings say.
	const char *dir;
};

struct ctl_events_stats {
	uint64_t lines;		// in the log
	uint64_t over_rate;	// lines that log.rate did not let through
	uint64_t not_written;	// lines that the log did not take
	uint64_t ring_full;	// events of any kind that found no room in their worker's ring
	uint64_t nflog_packets; // see control/nflog.h
	uint64_t nflog_no_group, nflog_not_written;
};

// Opens the log, the files and sockets. 0, or -errno with the reason in err.
int ctl_events_create(struct ctl_events **out, const struct ctl_events_conf *conf,
		      struct cfg_err *err);
void ctl_events_free(struct ctl_events *ev); // drains first; NULL is fine

// Takes out what is there, at most a few thousand events. Returns how many. now_ms: the caller's
// monotonic clock, for what is done once a second.
unsigned ctl_events_drain(struct ctl_events *ev, uint64_t now_ms);
void ctl_events_stats(const struct ctl_events *ev, struct ctl_events_stats *out);
