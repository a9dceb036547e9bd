#pragma once
// The checks of `ringwall doctor`: private to control/cmd_doctor.c and control/doctor_ports.c. Main
// thread.
#include "control/ctl_int.h"

enum ctl_health {
	CTL_HEALTH_OK,
	CTL_HEALTH_NOTE, // costs speed, or is worth knowing; nothing has to be done
	CTL_HEALTH_WARN, // something is lost, or will be
	CTL_HEALTH_FAIL, // does not work as it should
};

struct ctl_doctor {
	const struct ctl *ctl;
	json_t *checks, *ports;
	enum ctl_health worst;
};

// One line of the result. check: what was looked at, a name that stays; subject: of whom ("port
// lan", "worker 1", or NULL: of the gateway).
void ctl_doctor_say(struct ctl_doctor *d, const char *check, const char *subject,
		    enum ctl_health health, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

// Packets that were dropped for this reason, so far and since the sample.
uint64_t ctl_doctor_drops(const struct ctl *c, int reason);
const struct ctl_sample *ctl_doctor_since(const struct ctl *c);
// Seconds between that sample and now; at least 1.
unsigned ctl_doctor_window_sec(const struct ctl *c);

void ctl_doctor_ports(struct ctl_doctor *d); // all checks of every port
