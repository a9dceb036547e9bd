#pragma once
// The control room's tests stand on this: a control over a made-up gateway, stepped by the test
// itself, and clients that never block it. Conntrack, ports, nat and netlink are stood in for;
// policies and their compiled form are real.
#include <jansson.h>

#include "control/ctl_int.h"
#include "nat/nat.h"

struct ground {
	char dir[64], path[128]; // of the socket
	struct cfg_settings settings;
	struct cfg_policy *policy;
	struct acl_policy *acl;
	uint64_t generation;
	int apply_fails; // -errno for the next apply, once
	struct pl_worker *worker[2];
	struct ctl *ctl;
};

// A gateway with two workers, no flows and this policy (YAML).
void ground_open(struct ground *g, const char *yaml);
void ground_close(struct ground *g);
void ground_policy_file(struct ground *g, const char *text); // writes what settings.policy names

extern uint64_t ground_ms;    // the control's clock
extern unsigned ground_flows; // how many flows each worker's table shows
extern struct ct_flow (*ground_flow)(unsigned worker, unsigned i);

// Events of flows that the first worker has to tell; what each worker was asked for; what making
// rings gives; what every worker has counted.
#define GROUND_EVENTS 4096
extern struct ct_event ground_event[GROUND_EVENTS];
extern unsigned ground_events;
extern uint8_t ground_told[2];
extern int ground_no_events;
extern struct ct_stats ground_stats;
// What `doctor` hears of the two ports; what their devices have missed.
extern struct net_port_health ground_health[2];
extern uint64_t ground_missed;

// What the first worker tells of public addresses (rows that have a family).
extern struct nat_use_view ground_use[4];

// A connected client, without and with a message. Reading steps the control until there is a whole
// line.
int ground_connect(struct ground *g);
void ground_send(struct ground *g, int fd, const char *bytes, size_t len);
void ground_text(struct ground *g, int fd, const char *text);
// NULL: the peer closed, or nothing came in 200 steps.
char *ground_line(struct ground *g, int fd);
bool ground_closed(struct ground *g, int fd); // after the answers were read

// One request on a connection of its own: its answer.
json_t *ground_ask(struct ground *g, const char *request);
// Its "error", newly allocated; NULL where the answer was good.
char *ground_error(struct ground *g, const char *request);

// Criterion cannot take jansson's macros.
bool ground_true(const json_t *object, const char *key);
bool ground_false(const json_t *object, const char *key);
