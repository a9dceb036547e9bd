#pragma once
// Flows that lose their address: netlink's hooks (control/netlink.h) to nat's flows.
#include "config/settings.h"

struct ctl;

// An address of a port went: the flows masqueraded behind it end, on every worker. arg: struct ctl.
void ctl_flush_addr(void *arg, uint8_t port, const struct cfg_prefix *addr);
// A port went down: the same for all of its addresses.
void ctl_flush_port(void *arg, uint8_t port);
