#pragma once
// Route netlink messages to and from plain data: private to control/netlink*.c. Pure.
#include <libmnl/libmnl.h>

#include "config/settings.h"

#define CTL_NL_HOPS 16

struct ctl_nl_addr {
	unsigned ifindex;
	bool del; // deleted, or of no use: duplicate address detection failed
	struct cfg_prefix addr;
};

struct ctl_nl_hop {
	unsigned ifindex;
	struct cfg_prefix via; // family 0: on link
};

struct ctl_nl_route {
	bool del, replace;
	bool blackhole; // blackhole, unreachable, prohibit: no hops
	struct cfg_prefix to;
	uint32_t metric;
	unsigned n_hop;
	struct ctl_nl_hop hop[CTL_NL_HOPS];
};

struct ctl_nl_neigh {
	unsigned ifindex;
	uint16_t state; // NUD_*; 0 where the entry was deleted
	bool has_lladdr;
	struct cfg_prefix addr;
	uint8_t lladdr[6];
};

struct ctl_nl_link {
	unsigned ifindex;
	bool del, up;
	uint32_t mtu;
};

// False: the message is well formed and of no interest, or is not well formed. Nothing else may be
// read then.
bool ctl_nl_addr_read(const struct nlmsghdr *h, struct ctl_nl_addr *out);
bool ctl_nl_route_read(const struct nlmsghdr *h, struct ctl_nl_route *out);
bool ctl_nl_neigh_read(const struct nlmsghdr *h, struct ctl_nl_neigh *out);
bool ctl_nl_link_read(const struct nlmsghdr *h, struct ctl_nl_link *out);

// A request that makes the kernel resolve addr on the interface, as if it had a packet for it.
struct nlmsghdr *ctl_nl_use_put(void *buf, unsigned ifindex, const struct cfg_prefix *addr);
// A request for all of one kind: RTM_GETADDR, RTM_GETROUTE, RTM_GETNEIGH, RTM_GETLINK.
struct nlmsghdr *ctl_nl_dump_put(void *buf, uint16_t type, uint32_t seq);
