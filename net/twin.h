#pragma once
// A port's twin: a TAP in the host's network stack with the port's MAC and addresses. Frames that
// INPUT accepted go up it; what the host sends comes down it.
#include <stddef.h>

#include "config/settings.h"
#include "net/rtnl.h"
#include "pipeline/rest.h"

struct rte_mbuf;
struct rte_mempool;
struct net_twin;

struct net_twin_conf {
	const char *name;
	uint8_t mac[6];
	uint32_t mtu;
	const struct cfg_prefix *addr;
	size_t n_addr;
	struct rte_mempool *pool;
};

// Makes the interface, sets it up. 0, or -errno with the reason in words in why. Control thread.
int net_twin_create(struct net_twin **out, const struct net_twin_conf *conf, struct net_rtnl *rtnl,
		    char *why, size_t why_len);
void net_twin_free(struct net_twin *t); // the interface goes, with its routes; NULL is fine
unsigned net_twin_ifindex(const struct net_twin *t);
// Does the host's own stack forward what comes in by the twin of this name? Then why says by which
// switch.
bool net_twin_leaks(const char *name, char *why, size_t why_len);
// Carries the port's link state to the twin.
void net_twin_carrier(struct net_twin *t, bool up);

// ctx is the twin. rx: from one worker only. tx: from any number of workers. As
// rte_eth_rx/tx_burst.
int net_twin_wake(void *ctx, uint16_t queue, enum pl_wake what); // struct pl_rx
uint16_t net_twin_rx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n);
uint16_t net_twin_tx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n);
