// The published program and the quiescent states of the workers (rte_rcu_qsbr). The control thread
// writes, worker threads read one pointer per turn. start + check is used and not _synchronize():
// it is inline, so that the thread sanitizer sees it.
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <rte_pause.h>
#include <rte_rcu_qsbr.h>

#include "pipeline/worker.h"

struct rte_rcu_qsbr *pl_qsbr;
static _Atomic(const struct pl_program *) current_program;
static _Atomic unsigned waiting;
static uint64_t late; // what a wait was for that ended without somebody; 0: none

#define SPIN_US 50 // a wait is usually over by then

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
	late = 0;
}

uint64_t
pl_clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

// Has everybody passed since the token was given?
static bool
passed(uint64_t token)
{
	return rte_rcu_qsbr_check(pl_qsbr, token, false) == 1;
}

int
pl_rcu_wait(void)
{
	uint64_t token, start;

	if (pl_qsbr == NULL)
		return 0;
	if (late != 0 && !passed(late))
		return -ETIMEDOUT;
	late = 0;
	atomic_fetch_add_explicit(&waiting, 1, memory_order_relaxed);
	token = rte_rcu_qsbr_start(pl_qsbr);
	start = pl_clock_us();
	while (!passed(token)) {
		uint64_t us = pl_clock_us() - start;

		if (us >= PL_RCU_WAIT_MS * 1000) {
			late = token;
			break;
		}
		if (us >= SPIN_US)
			usleep(SPIN_US);
		else
			rte_pause();
	}
	atomic_fetch_sub_explicit(&waiting, 1, memory_order_relaxed);
	return late != 0 ? -ETIMEDOUT : 0;
}

bool
pl_rcu_waiting(void)
{
	return atomic_load_explicit(&waiting, memory_order_relaxed) != 0;
}

int
pl_program_publish(const struct pl_program *next, const struct pl_program **prev)
{
	const struct pl_program *before =
		atomic_exchange_explicit(&current_program, next, memory_order_acq_rel);

	if (prev != NULL)
		*prev = before;
	return pl_rcu_wait();
}

const struct pl_program *
pl_program_current(void)
{
	return atomic_load_explicit(&current_program, memory_order_acquire);
}
