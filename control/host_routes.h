#pragma once
// The routes of the host's main table that concern the gateway, and which of them counts for each
// prefix. Control thread.
#include "net/net.h"

struct ctl_routes;

struct ctl_route {
	struct cfg_prefix to, via; // via.family 0: on link
	uint32_t metric;
	uint8_t port;	// PL_PORT_NONE: found from via (static routes), or a blackhole
	bool blackhole; // also unreachable and prohibit
};

// What counts for a prefix goes to t; t outlives it.
int ctl_routes_create(struct ctl_routes **out, struct net_table *t);
void ctl_routes_free(struct ctl_routes *r); // leaves the table as it is; NULL is fine

// A route of ringwall.conf that the host's stack does not have (its port has no twin): counts where
// the host has nothing for the prefix. 0 or -ENOMEM.
int ctl_routes_static(struct ctl_routes *r, const struct ctl_route *route);

// The host added a route; replace: it took the place of those with the same prefix and metric.
int ctl_routes_add(struct ctl_routes *r, const struct ctl_route *route, bool replace);
void ctl_routes_del(struct ctl_routes *r,
		    const struct ctl_route *route); // unknown: nothing happens

// Between mark and sweep the host's whole table is added again; what was not is gone.
void ctl_routes_mark(struct ctl_routes *r);
void ctl_routes_sweep(struct ctl_routes *r);

size_t ctl_routes_count(const struct ctl_routes *r);
