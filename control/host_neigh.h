#pragma once
// The host's neighbours on the twins: who has which link address, and whom the kernel should ask
// again. Control thread.
#include "net/net.h"

struct ctl_neighs;

enum ctl_neigh_state {
	CTL_NEIGH_VALID, // usable, and confirmed lately or for good
	CTL_NEIGH_STALE, // usable, nobody confirmed it for a while
	CTL_NEIGH_GONE,	 // failed, deleted
};

int ctl_neighs_create(struct ctl_neighs **out, struct net_table *t); // t outlives it
void ctl_neighs_free(struct ctl_neighs *n);			     // NULL is fine

// What the host says about one neighbour. lladdr is not read for GONE. 0, -ENOMEM, or the table's
// error.
int ctl_neighs_set(struct ctl_neighs *n, uint8_t port, const struct cfg_prefix *addr,
		   const uint8_t lladdr[6], enum ctl_neigh_state state, uint64_t now_ms);

// Between mark and sweep all neighbours are set again; who was not is gone.
void ctl_neighs_mark(struct ctl_neighs *n);
void ctl_neighs_sweep(struct ctl_neighs *n);

// Up to max neighbours that have been stale for CTL_NEIGH_REFRESH_MS, each once in that time.
// Returns how many.
#define CTL_NEIGH_REFRESH_MS 20000
unsigned ctl_neighs_refresh(struct ctl_neighs *n, struct cfg_prefix *addr, uint8_t *port,
			    unsigned max, uint64_t now_ms);
