// One worker's network block (struct net_core): tx buffers, waiting room, reassembly, rate limits.
// Made before the worker runs and freed after it stopped, both on the main thread; in between only
// the worker touches it. Frees the frames that it still holds.
#include <errno.h>

#include <rte_malloc.h>
#include <rte_random.h>

#include "net/core.h"

int
net_core_create(struct net_core **out, const struct net_core_conf *conf, uint16_t worker,
		int socket)
{
	struct net_core *n =
		rte_zmalloc_socket("net_core", sizeof(*n), RTE_CACHE_LINE_SIZE, socket);
	int ret;

	if (n == NULL)
		return -ENOMEM;
	n->table = conf->table;
	n->worker = worker;
	n->learn = conf->replay;
	n->ident = (uint32_t)rte_rand();
	net_hold_init(&n->hold);
	net_limit_init(&n->limit);
	ret = net_frags_init(&n->frags, conf->fragments, socket);
	if (ret < 0) {
		rte_free(n);
		return ret;
	}
	*out = n;
	return 0;
}

void
net_core_free(struct net_core *n)
{
	if (n == NULL)
		return;
	for (unsigned host = 0; host < 2; host++) {
		for (unsigned port = 0; port <= PL_PORT_MAX; port++)
			rte_pktmbuf_free_bulk(n->q[host][port].m, n->q[host][port].n);
	}
	net_hold_free(&n->hold);
	net_frags_free(&n->frags);
	rte_free(n);
}

void
net_core_set_tx(struct net_core *n, uint8_t port, bool host, const struct net_tx *tx)
{
	n->q[host][port].tx = *tx;
}

void
net_flush(struct pl_worker *w)
{
	net_hold_idle(w);
	net_frags_idle(w);
	net_tx_flush(w);
}
