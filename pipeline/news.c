// News: a single-producer single-consumer ring of notes for each ordered pair of workers. Made by
// pl_workers_join() and freed with the workers, on the main thread while none of them runs. Who
// tells and who hears are the workers' own threads.
#include "pipeline/news.h"

#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>
#include <rte_ring_elem.h>

#include "pipeline/worker.h"

#define NEWS_RING 1024 // notes; several turns of a busy worker

int
pl_news_join(struct pl_worker *from, struct pl_worker *to)
{
	char name[RTE_RING_NAMESIZE];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "pn_%p_%u_%u", (void *)from, from->id, to->id);
	r = rte_ring_create_elem(name, sizeof(struct pl_news), NEWS_RING, to->socket,
				 RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (r == NULL)
		return -rte_errno;
	from->news_to[to->id] = r;
	to->news_from[from->id] = r;
	return 0;
}

void
pl_news_tell(struct pl_worker *w, const struct pl_news *news)
{
	for (uint16_t i = 0; i < w->n_workers; i++) {
		struct rte_ring *r = w->news_to[i];

		if (r == NULL)
			continue;
		if (rte_ring_sp_enqueue_elem(r, (void *)(uintptr_t)news, sizeof(*news)) != 0)
			pl_count(&w->cnt.news_lost, 1);
		else
			pl_rest_wake(w->peer[i]);
	}
}

unsigned
pl_news_hear(struct pl_worker *w, uint16_t from, struct pl_news *news, unsigned n)
{
	struct rte_ring *r = w->news_from[from];

	return r != NULL ? rte_ring_sc_dequeue_burst_elem(r, news, sizeof(*news), n, NULL) : 0;
}
