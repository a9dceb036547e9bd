#pragma once
// The control thread: socket and its JSON, netlink, reload. The daemon's main thread runs it.
#include "acl/acl.h"
#include "conntrack/ct.h"
#include "net/port.h"
#include "pipeline/worker.h"

// What the control room may see of the running gateway. app/ fills it; pointers live as long as the
// control.
struct ctl_env {
	const struct cfg_settings *settings;
	struct pl_worker **worker;
	unsigned n_worker;
	struct net_ports *ports;
	struct net_table *table;
	struct acl_sets *sets; // acl/acl_sets.h
	// The applied policy: model and compiled form (app/reload.c owns both; valid until the next
	// apply).
	void *app;
	struct cfg_policy *(*policy)(void *app);
	struct acl_policy *(*acl)(void *app);
	uint64_t (*generation)(void *app);
	// Replaces the policy; takes next over on 0, else leaves it to the caller and says why in
	// err.
	int (*apply)(void *app, struct cfg_policy *next, struct cfg_err *err);
};

struct ctl;
// Opens the socket (mode 0600, its directory made) and netlink. Errors to err: -EADDRINUSE where
// another daemon answers there. Main thread.
int ctl_create(struct ctl **out, const struct ctl_env *env, struct cfg_err *err);
void ctl_free(struct ctl *c); // removes the socket; NULL is fine

// Serves the socket, netlink and the clock. Whenever signal_fd (a signalfd or eventfd of the
// caller) is readable it calls on_signal(arg), which reads the descriptor and returns true when the
// daemon shall end. 0 after it said so, or -errno. Main thread.
int ctl_run(struct ctl *c, int signal_fd, bool (*on_signal)(void *arg), void *arg);

// Reads the policy file of the settings again and applies it: SIGHUP and the command `reload`. On
// failure the old policy stays, and err says why; -EBUSY while an `apply --confirm` waits for its
// confirmation.
int ctl_reload(struct ctl *c, struct cfg_err *err);

// The protocol: docs/control-protocol.md. One JSON object per line each way over a unix stream
// socket. Request {"command": NAME, ...}; answer {"ok": true, ...} or {"ok": false, "error": TEXT,
// "messages": [...]}.
#define CTL_REQUEST_MAX (64u << 20) // bytes of a request line
#define CTL_CLIENTS_MAX 64
