#pragma once
// Private to control/: the control's own state, a client's, and what a command is. All of it lives
// on the main thread.
#include <jansson.h>

#include "control/control.h"
#include "control/event.h"
#include "control/listen.h"
#include "control/nat_view.h"

struct ctl_client;

// An answer of many lines that is made while it is being read, so that a million flows need no
// memory.
struct ctl_stream {
	// Adds the next lines with ctl_client_send(); true: that was the last of them. Bounded
	// work.
	bool (*more)(struct ctl_client *cl, struct ctl_stream *s);
	void (*free)(struct ctl_stream *s);
	// It gets its lines from elsewhere (ctl_client_poke()); more() is only asked when what
	// there was is sent, or the client said something.
	bool waits;
};

struct ctl_client {
	struct ctl *ctl;
	int fd;
	char *in; // received, not served yet
	size_t in_len, in_cap;
	size_t in_seen; // of in: holds no newline
	char *out;	// to send: out_len bytes from out_at on
	size_t out_at, out_len, out_cap;
	struct ctl_stream *stream; // the answer under way, or NULL
	bool eof;		   // the peer sends no more
	bool closing;		   // close it when out is empty
	bool dead;		   // close it now
	char error[512];	   // why the running command failed
};

// A change that undoes itself unless confirmed.
struct ctl_pending {
	struct cfg_policy *undo; // what to go back to; NULL: nothing is pending
	uint64_t deadline_ms;
};

// How a worker's heartbeat looked at the last ticks.
struct ctl_pulse {
	uint64_t beat;
	uint64_t since_ms; // when it was seen to change
	bool stalled;	   // and that was said
};

// What had been lost at a moment: `doctor` tells what was lost lately from what was long ago.
struct ctl_sample {
	uint64_t at_ms;
	uint64_t drop[PL_DROP_COUNT];
	uint64_t missed[PL_PORT_MAX];
};

struct ctl {
	struct ctl_env env;
	int epoll_fd;
	struct ctl_listener listener;
	struct ctl_events *events;
	struct ctl_feed *feed; // of flows
	struct ctl_flow_logs *flow_logs;
	int poll_ms; // until the workers' events are looked for again
	struct ctl_nat *nat;
	struct ctl_netlink *netlink;
	struct ctl_client *client[CTL_CLIENTS_MAX];
	unsigned n_client;
	struct ctl_pending pending;
	struct ctl_pulse pulse[PL_WORKERS_MAX];
	struct ctl_sample sample[2]; // the newest one first
	uint64_t start_ms, tick_ms;
	uint64_t (*now_ms)(void); // monotonic; tests set their own
	unsigned call_timeout_ms; // for pl_worker_call
};

#define CTL_TICK_MS   100
#define CTL_POLL_MS   32 // longest wait between two looks for events; shorter while there are some
#define CTL_SAMPLE_MS 30000 // between two samples
#define CTL_STALL_MS  1000  // a worker whose heartbeat stands still for so long is called stalled
#define CTL_OUT_HIGH                                                                               \
	(1u << 20)	      // a client with more than this to read gets nothing further meanwhile
#define CTL_CONFIRM_MAX 86400 // seconds

// ---- control/ctl.c
// One pass: waits at most timeout_ms, serves what is ready; *signalled is set when the signal
// descriptor is. 0 or -errno.
int ctl_step(struct ctl *c, int timeout_ms, bool *signalled);
int ctl_watch(struct ctl *c, int op, int fd, uint32_t events, void *who);
uint64_t ctl_clock_ms(void); // CLOCK_MONOTONIC

// ---- control/client.c
int ctl_client_add(struct ctl *c, int fd); // takes fd over
void ctl_client_free(struct ctl_client *cl);
// Serves what epoll saw; the client is marked dead when it is to be freed.
void ctl_client_ready(struct ctl_client *cl, uint32_t events);
// One JSON object and a newline into the output; takes the reference. Out of memory: the client is
// dropped.
void ctl_client_send(struct ctl_client *cl, json_t *line);
// The same for a line that is JSON already, without its newline.
void ctl_client_line(struct ctl_client *cl, const char *line, size_t len);
// Sends what was added to a stream that waits.
void ctl_client_poke(struct ctl_client *cl);

// ---- control/command.c
// Serves one request line (without its newline) and sends the answer, or its first line.
void ctl_command(struct ctl_client *cl, const char *line, size_t len);

struct ctl_arg {
	const char *name;
	json_type type; // JSON_TRUE stands for both truth values
	bool required;
};

struct ctl_command {
	const char *name;
	const struct ctl_arg *arg;
	size_t n_arg;
	// Adds to the answer, an object that holds "ok": true. A negative errno with ctl_fail()
	// said, or messages in err, makes it {"ok": false, ...}. May set cl->stream: the answer is
	// then its first line.
	int (*run)(struct ctl_client *cl, const json_t *request, json_t *answer,
		   struct cfg_err *err);
	bool of_flows; // its request may have the members of a filter as well: flow_filter.h
};

// Says why the command fails; returns ret.
int ctl_fail(struct ctl_client *cl, int ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

// Members of a request, or what stands for one that is missing. ctl_command() has checked the
// types.
const char *ctl_arg_text(const json_t *request, const char *name); // NULL
bool ctl_arg_true(const json_t *request, const char *name);	   // false
// "ipv4" or "ipv6" to enum cfg_family, deflt where it is missing; anything else fails.
int ctl_arg_family(struct ctl_client *cl, const json_t *request, int deflt, int *out);

// A JSON string whatever the bytes: what is not UTF-8 becomes U+FFFD.
json_t *ctl_json_text(const char *text);
json_t *ctl_json_messages(const struct cfg_err *err);

// ---- the commands
int ctl_cmd_list(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err);
int ctl_cmd_save(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err);
int ctl_cmd_flows(struct ctl_client *cl, const json_t *request, json_t *answer,
		  struct cfg_err *err);
int ctl_cmd_flows_delete(struct ctl_client *cl, const json_t *request, json_t *answer,
			 struct cfg_err *err);
int ctl_cmd_flows_follow(struct ctl_client *cl, const json_t *request, json_t *answer,
			 struct cfg_err *err);
int ctl_cmd_flows_flush(struct ctl_client *cl, const json_t *request, json_t *answer,
			struct cfg_err *err);
int ctl_cmd_stats(struct ctl_client *cl, const json_t *request, json_t *answer,
		  struct cfg_err *err);
int ctl_cmd_ports(struct ctl_client *cl, const json_t *request, json_t *answer,
		  struct cfg_err *err);
int ctl_cmd_doctor(struct ctl_client *cl, const json_t *request, json_t *answer,
		   struct cfg_err *err);
int ctl_cmd_apply(struct ctl_client *cl, const json_t *request, json_t *answer,
		  struct cfg_err *err);
int ctl_cmd_confirm(struct ctl_client *cl, const json_t *request, json_t *answer,
		    struct cfg_err *err);
int ctl_cmd_rollback(struct ctl_client *cl, const json_t *request, json_t *answer,
		     struct cfg_err *err);
int ctl_cmd_restore(struct ctl_client *cl, const json_t *request, json_t *answer,
		    struct cfg_err *err);
int ctl_cmd_reload(struct ctl_client *cl, const json_t *request, json_t *answer,
		   struct cfg_err *err);
int ctl_cmd_set(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err);
int ctl_cmd_sets(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err);

// ---- control/change.c
void ctl_pending_tick(struct ctl *c);	       // undoes what was not confirmed in time
json_t *ctl_pending_view(const struct ctl *c); // seconds left to confirm, or null
// ---- control/cmd_doctor.c
void ctl_sample_tick(struct ctl *c);
// ---- control/cmd_stats.c
void ctl_pulse_tick(struct ctl *c);
// Has the worker's heartbeat stood still for CTL_STALL_MS? Then *still_ms says for how long.
bool ctl_pulse_stalled(const struct ctl *c, unsigned worker, uint64_t *still_ms);
