// The published program and the quiescent states of the workers (rte_rcu_qsbr). The control thread
// writes, worker threads read one pointer per turn. start + check is used and not _synchronize():
// it is inline, so that the thread sanitizer sees it.
#include <errno.h>

#include <rte_malloc.h>
#include <rte_pause.h>
#include <rte_rcu_qsbr.h>

#include "pipeline/worker.h"

struct rte_rcu_qsbr *pl_qsbr;
static _Atomic(const struct pl_program *) current_program;
static _Atomic unsigned waiting;

int
pl_rcu_create(uint16_t n_workers, int socket)
{
	struct rte_rcu_qsbr *v;
	size_t size = rte_rcu_qsbr_get_memsize(n_workers);

	v = rte_zmalloc_socket("pl_rcu", size, RTE_CACHE_LINE_SIZE, socket);
	if (v == NULL)
		return -ENOMEM;
	if (rte_rcu_qsbr_init(v, n_workers) != 0) {
		rte_free(v);
		return -EINVAL;
	}
	pl_qsbr = v;
	return 0;
}

void
pl_rcu_free(void)
{
	rte_free(pl_qsbr);
	pl_qsbr = NULL;
}

void
pl_rcu_wait(void)
{
	if (pl_qsbr == NULL)
		return;
	atomic_fetch_add_explicit(&waiting, 1, memory_order_relaxed);
	rte_rcu_qsbr_check(pl_qsbr, rte_rcu_qsbr_start(pl_qsbr), true);
	atomic_fetch_sub_explicit(&waiting, 1, memory_order_relaxed);
}

bool
pl_rcu_waiting(void)
{
	return atomic_load_explicit(&waiting, memory_order_relaxed) != 0;
}

const struct pl_program *
pl_program_publish(const struct pl_program *next)
{
	const struct pl_program *prev =
		atomic_exchange_explicit(&current_program, next, memory_order_acq_rel);

	pl_rcu_wait();
	return prev;
}

const struct pl_program *
pl_program_current(void)
{
	return atomic_load_explicit(&current_program, memory_order_acquire);
}
