#pragma once
// Changes to the host's own network stack by netlink: links, addresses, routes, neighbours.
// Blocking, with the kernel's answer. Control thread.
#include "config/settings.h"

#define NET_RTPROT 82 // rtm_protocol of the routes that we install: `ip route show proto 82`

struct net_rtnl;
int net_rtnl_open(struct net_rtnl **out); // in the caller's network namespace
void net_rtnl_close(struct net_rtnl *r);  // NULL is fine

// All: 0 or the kernel's -errno.
// mac NULL and mtu 0: as they are.
int net_rtnl_link(struct net_rtnl *r, unsigned ifindex, const uint8_t mac[6], uint32_t mtu,
		  bool up);
int net_rtnl_addr_add(struct net_rtnl *r, unsigned ifindex, const struct cfg_prefix *addr);
// ifindex 0: blackhole. via->family 0 or via NULL: on link. -EEXIST where the main table has that
// prefix.
int net_rtnl_route_add(struct net_rtnl *r, unsigned ifindex, const struct cfg_prefix *to,
		       const struct cfg_prefix *via);
int net_rtnl_route_del(struct net_rtnl *r, const struct cfg_prefix *to); // a blackhole of ours
int net_rtnl_neigh_add(struct net_rtnl *r, unsigned ifindex, const struct cfg_prefix *addr,
		       const uint8_t lladdr[6]); // permanent

// Addresses on an interface, IPv6 link-local ones left out. Up to max are stored; returns how many
// there are.
int net_rtnl_addrs(struct net_rtnl *r, unsigned ifindex, struct cfg_prefix *out, unsigned max);
// The same for IPv4 routes out of an interface, in any table.
int net_rtnl_routes(struct net_rtnl *r, unsigned ifindex, struct cfg_prefix *out, unsigned max);
