// The gateway without its ports and threads.
// Makes and frees what the daemon and replay have in common: pool, network table, workers with
// their tables. Control thread, before the first and after the last turn of any worker.
#include <errno.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>

#include "acl/acl_sets.h"
#include "app/gateway.h"
#include "conntrack/ct.h"
#include "nat/nat.h"
#include "net/port.h"
#include "pipeline/event.h"
#include "pipeline/toeplitz.h"
#include "pipeline/way.h"

#define LINK_ROOM 32 // Ethernet header, tags and a little: what a frame has besides its IP packet

static const struct cfg_pos whole_file = {0, 0};

// Buffers large enough for the largest MTU in one piece (a net_af_packet port has no scattered
// receive).
// n buffers, each right behind the one before. rte_pktmbuf_pool_create() keeps each of them within
// a page: without hugepages that is one buffer to a page, so the heads of all of them, and all
// frames, would share a few places of the first-level cache. Where devices see physical addresses
// that is how it must be.
static struct rte_mempool *
pool_of(unsigned n, unsigned cache, uint16_t room, int socket)
{
	const uint16_t priv = RTE_ALIGN_CEIL(sizeof(struct pl_meta), RTE_MBUF_PRIV_ALIGN);
	struct rte_pktmbuf_pool_private shape = {.mbuf_data_room_size = room,
						 .mbuf_priv_size = priv};
	struct rte_mempool *mp;

	if (rte_eal_iova_mode() != RTE_IOVA_VA)
		return rte_pktmbuf_pool_create("packets", n, cache, priv, room, socket);
	mp = rte_mempool_create_empty("packets", n, sizeof(struct rte_mbuf) + priv + room, cache,
				      sizeof(shape), socket, RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	if (mp == NULL)
		return NULL;
	rte_errno = -rte_mempool_set_ops_byname(mp, rte_mbuf_best_mempool_ops(), NULL);
	if (rte_errno == 0) {
		int ret;

		rte_pktmbuf_pool_init(mp, &shape);
		ret = rte_mempool_populate_default(mp);
		rte_errno = ret < 0 ? -ret : 0;
	}
	if (rte_errno != 0) {
		int why = rte_errno;

		rte_mempool_free(mp);
		rte_errno = why;
		return NULL;
	}
	rte_mempool_obj_iter(mp, rte_pktmbuf_init, NULL);
	return mp;
}

static struct rte_mempool *
pool_create(const struct app_gateway *g, int socket)
{
	const struct cfg_settings *s = g->settings;
	uint32_t room = 2048;

	for (size_t i = 0; i < s->n_port; i++)
		room = RTE_MAX(room, RTE_ALIGN_CEIL(s->port[i].mtu + LINK_ROOM, 64));
	if (!g->replay)
		room = RTE_MAX(room, (uint32_t)net_ports_buffer_size(s) - RTE_PKTMBUF_HEADROOM);
	return pool_of(cfg_settings_mbufs(s, g->n_worker), g->replay ? 0 : 256,
		       (uint16_t)(room + RTE_PKTMBUF_HEADROOM), socket);
}

static int
worker_create(struct app_gateway *g, uint16_t i, int socket, struct cfg_err *err)
{
	const struct cfg_settings *s = g->settings;
	const struct nat_env nat_env = {.port_addr = net_port_addr,
					.flows = s->flows / g->n_worker};
	const struct net_core_conf net_conf = {
		.table = g->table,
		.fragments = s->fragments,
		.replay = g->replay,
	};
	struct pl_worker *w;
	int ret;

	ret = pl_worker_create(&g->worker[i], i, g->n_worker, socket, g->pool);
	if (ret < 0)
		goto fail;
	w = g->worker[i];
	w->idle = app_path_idle();
	if (s->verdict_cache) {
		ret = pl_ways_create(&w->ways, socket);
		if (ret < 0)
			goto fail;
	}
	ret = pl_events_create(w, s->events);
	if (ret < 0)
		goto fail;
	ret = ct_table_create(&w->ct, RTE_MAX(s->flows / g->n_worker, 64u), i, socket);
	if (ret < 0)
		goto fail;
	w->ahead = w->ways != NULL ? ct_table_ahead(w->ct) : NULL;
	ret = nat_core_create(&w->nat, &nat_env, i, socket);
	if (ret < 0)
		goto fail;
	if (g->replay) // the same captures give the same ports
		nat_core_seed(w->nat, 1);
	ret = net_core_create(&w->net, &net_conf, i, socket);
	if (ret < 0)
		goto fail;
	return 0;
fail:
	cfg_err_add(err, whole_file,
		    "worker %u does not start: %s (%u flows, %u fragments, %u events)", i,
		    strerror(-ret), s->flows, s->fragments, s->events);
	return ret;
}

static void
name_ports(struct app_gateway *g)
{
	for (size_t i = 0; i < g->settings->n_port; i++)
		g->port_name[i] = g->settings->port[i].name;
}

int
app_gateway_create(struct app_gateway *g, const struct cfg_settings *settings, uint16_t n_worker,
		   const int *socket_of, bool replay, struct cfg_err *err)
{
	struct net_table_conf table_conf = {
		.routes4 = settings->routes4,
		.routes6 = settings->routes6,
		.neighbours = settings->neighbours,
		.n_workers = n_worker,
		.socket = SOCKET_ID_ANY,
		.small = replay,
		.assume_neighbours = replay,
	};
	int ret;

	memset(g, 0, sizeof(*g));
	g->settings = settings;
	g->replay = replay;
	g->n_worker = n_worker;
	name_ports(g);
	pl_toeplitz_init();
	pl_flow_ops = &ct_flow_ops;
	g->pool = pool_create(g, SOCKET_ID_ANY);
	if (g->pool == NULL) {
		ret = -rte_errno;
		cfg_err_add(err, whole_file, "no memory for %u packet buffers (mbufs, EAL -m): %s",
			    cfg_settings_mbufs(settings, n_worker), rte_strerror(rte_errno));
		goto fail;
	}
	ret = net_table_create(&g->table, &table_conf);
	if (ret < 0) {
		cfg_err_add(err, whole_file, "no memory for the routing tables (EAL -m): %s",
			    strerror(-ret));
		goto fail;
	}
	for (uint16_t i = 0; i < n_worker; i++) {
		ret = worker_create(g, i, socket_of != NULL ? socket_of[i] : SOCKET_ID_ANY, err);
		if (ret < 0)
			goto fail;
	}
	ret = acl_sets_create(&g->sets, g->worker, n_worker, g->port_name,
			      (unsigned)settings->n_port);
	if (ret < 0) {
		cfg_err_add(err, whole_file, "no memory for sets: %s", strerror(-ret));
		goto fail;
	}
	ret = pl_workers_join(g->worker, n_worker);
	if (ret == 0)
		ret = ct_join(g->worker, n_worker);
	if (ret == 0)
		ret = nat_join(g->worker, n_worker);
	if (ret < 0) {
		cfg_err_add(err, whole_file, "no memory for the rings between workers: %s",
			    strerror(-ret));
		goto fail;
	}
	return 0;
fail:
	app_gateway_destroy(g);
	return ret;
}

void
app_gateway_destroy(struct app_gateway *g)
{
	app_program_drop(g);
	acl_sets_free(g->sets);
	for (uint16_t i = 0; i < g->n_worker; i++) {
		struct pl_worker *w = g->worker[i];

		if (w == NULL)
			continue;
		ct_table_free(w->ct);
		nat_core_free(w->nat);
		net_core_free(w->net);
		pl_events_free(w);
	}
	for (uint16_t i = 0; i < g->n_worker; i++)
		pl_worker_free(g->worker[i]);
	net_table_free(g->table);
	rte_mempool_free(g->pool);
	memset(g, 0, sizeof(*g));
}
