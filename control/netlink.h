#pragma once
// Linux is the control plane: addresses, routes, neighbours and links of the twins, as the host's
// stack has them, go into the network table; neighbours that workers want go to the host's stack to
// be asked for. Control thread. The one that calls ctl_netlink_create() must be in the twins'
// network namespace.
#include "net/port.h"

struct ctl_netlink;

struct ctl_netlink_conf {
	const struct cfg_settings *settings; // routes of ports without a twin; may be NULL
	struct net_ports *ports;
	struct net_table *table;
	// An address of a port went: flows that are masqueraded behind it go too. May be NULL.
	void (*address_gone)(void *arg, uint8_t port, const struct cfg_prefix *addr);
	// A port went down, for the same reason. May be NULL.
	void (*port_down)(void *arg, uint8_t port);
	void *arg;
};

// Opens the sockets, brings the table in line with the host. Errors to err as well.
int ctl_netlink_create(struct ctl_netlink **out, const struct ctl_netlink_conf *conf,
		       struct cfg_err *err);
void ctl_netlink_free(struct ctl_netlink *nl); // NULL is fine

// Readable when ctl_netlink_on_readable() has something to do: messages, or (every 10 ms)
// neighbours to ask for.
int ctl_netlink_fd(const struct ctl_netlink *nl);
void ctl_netlink_on_readable(
	struct ctl_netlink *nl); // bounded; the descriptor stays readable while there is more
// Every 100 ms: links of the ports, what was lost, stale neighbours.
void ctl_netlink_on_tick(struct ctl_netlink *nl, uint64_t now_ms);

struct ctl_netlink_stats {
	uint64_t messages, overruns, resyncs, asked; // asked: neighbours named to the kernel
	size_t routes;
};
void ctl_netlink_stats(const struct ctl_netlink *nl, struct ctl_netlink_stats *out);
