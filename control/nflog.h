#pragma once
// NFLOG's packets: each group of ringwall.conf goes to a pcapng file, or to whoever is connected to
// its unix socket, as a pcapng stream. Main thread.
#include <stdbool.h>
#include <stdint.h>

#include "config/settings.h"
#include "pipeline/event.h"

struct ctl_nflog;

struct ctl_nflog_conf {
	const struct cfg_nflog *group; // copied
	size_t n_group;
	const char *const *port_name; // of n_port ports; outlives this
	unsigned n_port;
	const char *dir; // replay: groups that packets name get DIR/nflog-GROUP.pcapng; else NULL
};

struct ctl_nflog_stats {
	uint64_t packets;     // written, or given to at least one reader
	uint64_t no_group;    // ringwall.conf has no such group, or nobody listens to it
	uint64_t not_written; // the file failed, or a reader was too slow
};

// Opens files and sockets. 0, or -errno with the reason in err.
int ctl_nflog_create(struct ctl_nflog **out, const struct ctl_nflog_conf *conf,
		     struct cfg_err *err);
void ctl_nflog_free(struct ctl_nflog *n); // NULL is fine

// One NFLOG event with its bytes; wall_ns: since 1970.
void ctl_nflog_put(struct ctl_nflog *n, const struct pl_event *e, const uint8_t *bytes,
		   uint64_t wall_ns);
// After a round of ctl_nflog_put(): groups whose threshold is reached are written; tick (about once
// a second): all are, new readers are let in, and full files put aside.
void ctl_nflog_flush(struct ctl_nflog *n, bool tick);
const struct ctl_nflog_stats *ctl_nflog_stats(const struct ctl_nflog *n);
