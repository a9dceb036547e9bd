// Hand-over: single-producer single-consumer rings, one for each ordered pair of workers. The
// producer is the worker that received (or holds) the packet, the consumer the one that owns its
// flow. Made and freed on the main thread while no worker runs; the packets in a ring at the end
// are freed with it.
#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "pipeline/park.h"
#include "pipeline/toeplitz.h"
#include "pipeline/worker.h"

#define HANDOFF_RING 1024 // packets; a few bursts from every receive queue

static int
ring_create(struct pl_worker *from, struct pl_worker *to)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "pl_%p_%u_%u", (void *)from, from->id, to->id);
	r = rte_ring_create(name, HANDOFF_RING, to->socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (r == NULL)
		return -rte_errno;
	from->to[to->id] = r;
	from->peer[to->id] = to;
	to->from[from->id] = r;
	return 0;
}

int
pl_workers_join(struct pl_worker **w, uint16_t n)
{
	uint8_t *reta;

	if (n == 0 || n > PL_WORKERS_MAX)
		return -EINVAL;
	for (uint16_t i = 0; i < n; i++) {
		reta = rte_malloc_socket("pl_reta", PL_RETA_SIZE, RTE_CACHE_LINE_SIZE,
					 w[i]->socket);
		if (reta == NULL)
			return -ENOMEM;
		for (unsigned k = 0; k < PL_RETA_SIZE; k++)
			reta[k] = k % n;
		w[i]->reta = reta;
		if (n > 1 && pl_park_create(w[i]) < 0)
			return -ENOMEM;
	}
	for (uint16_t i = 0; i < n; i++) {
		for (uint16_t k = 0; k < n; k++) {
			int ret = i == k ? 0 : ring_create(w[i], w[k]);

			if (ret == 0 && i != k)
				ret = pl_news_join(w[i], w[k]);
			if (ret < 0)
				return ret; // pl_worker_free() frees the rings that were made
		}
	}
	return 0;
}

void
pl_hand_over(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p, uint16_t to)
{
	struct pl_meta *meta = pl_meta(p->m);

	meta->note = p->note;
	meta->ct = NULL;
	meta->mark = p->mark;
	meta->origin = p->origin;
	meta->in_port = p->in_port;
	meta->out_port = p->out_port;
	meta->ct_state = 0;
	meta->ct_status = 0;
	meta->ct_dir = 0;
	meta->flags = (p->flags & (PL_F_REASM | PL_F_TX | PL_F_BCAST)) | PL_F_HANDED;
	meta->past_raw = p->past_raw;
	meta->zone[0] = p->zone[0];
	meta->zone[1] = p->zone[1];
	meta->trace = p->trace;
	if (rte_ring_sp_enqueue(w->to[to], p->m) != 0) {
		pl_drop(w, b, p, PL_DROP_HANDOFF_FULL);
		return;
	}
	pl_count(&w->cnt.handed_over, 1);
	if (!(p->flags & PL_F_HANDED)) // once for each packet
		pl_count(&w->cnt.port_handed[p->in_port], 1);
	pl_rest_wake(w->peer[to]);
	pl_take(b, p);
}
