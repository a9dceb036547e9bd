// Adaptive polling. A worker that has found nothing for a while pauses between two turns: a few
// microseconds at first, twice as long each time, up to what still answers within 100 us. Where all
// its sources can wake it (rx interrupts of the driver, a twin's file descriptor) it sleeps in
// epoll instead. Before it sleeps it asks the sources to wake it, lets others see that it is about
// to, and makes one more turn: what came in between is found by that turn, what comes later wakes
// it. Called by pl_worker_loop() on the worker's thread; others only call pl_rest_wake().
#include "pipeline/rest.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <rte_interrupts.h>
#include <rte_rcu_qsbr.h>

#include "pipeline/worker.h"

#define EVENTS 16

static int
wake_all(struct pl_worker *w, enum pl_wake what)
{
	for (unsigned i = 0; i < w->n_rx; i++) {
		const struct pl_rx *rx = &w->rx[i];
		int ret = rx->wake != NULL ? rx->wake(rx->ctx, rx->queue, what) : -ENOTSUP;

		if (ret < 0)
			return ret;
	}
	return 0;
}

int
pl_rest_set(struct pl_worker *w, enum pl_poll poll)
{
	w->rest.poll = poll;
	if (poll != PL_POLL_ADAPTIVE || w->rest.event_fd >= 0)
		return 0;
	w->rest.event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return w->rest.event_fd < 0 ? -errno : 0;
}

void
pl_rest_start(struct pl_worker *w)
{
	struct pl_rest *r = &w->rest;

	if (r->poll != PL_POLL_ADAPTIVE)
		return;
	prctl(PR_SET_TIMERSLACK, 1); // ns; by default a pause would be 50 us longer
	if (wake_all(w, PL_WAKE_ADD) < 0)
		return;
	w->rest_event = (struct rte_epoll_event){.epdata.event = EPOLLIN};
	r->wakeable = rte_epoll_ctl(RTE_EPOLL_PER_THREAD, EPOLL_CTL_ADD, r->event_fd,
				    &w->rest_event) == 0;
}

void
pl_rest_stop(struct pl_worker *w)
{
	struct pl_rest *r = &w->rest;

	atomic_store_explicit(&r->asleep, false, memory_order_relaxed);
	if (r->armed)
		wake_all(w, PL_WAKE_OFF);
	if (r->wakeable)
		rte_epoll_ctl(RTE_EPOLL_PER_THREAD, EPOLL_CTL_DEL, r->event_fd, &w->rest_event);
	r->armed = r->wakeable = false;
}

uint32_t
pl_rest_pause(struct pl_rest *r, unsigned found, uint64_t now_ns)
{
	if (found != 0 || r->since_ns == 0) {
		r->since_ns = found != 0 ? 0 : now_ns;
		r->pause_ns = 0;
		return 0;
	}
	if (now_ns - r->since_ns < PL_REST_BUSY_NS)
		return 0;
	r->pause_ns = r->pause_ns == 0 ? PL_REST_MIN_NS : RTE_MIN(r->pause_ns * 2, PL_REST_MAX_NS);
	return r->pause_ns;
}

static void
count(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
			      memory_order_relaxed);
}

static void
arm(struct pl_worker *w)
{
	if (wake_all(w, PL_WAKE_ON) < 0) {
		w->rest.wakeable = false; // pauses from now on
		return;
	}
	w->rest.armed = true;
	// Pairs with the fence of pl_rest_wake(): either they see this, or the next turn sees what
	// they left.
	atomic_store_explicit(&w->rest.asleep, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

static void
disarm(struct pl_worker *w)
{
	w->rest.armed = false;
	atomic_store_explicit(&w->rest.asleep, false, memory_order_relaxed);
	wake_all(w, PL_WAKE_OFF);
}

// Nobody waits for this worker while it sleeps: it holds no program.
static void
sleep_until_woken(struct pl_worker *w)
{
	struct rte_epoll_event event[EVENTS];
	uint64_t value;
	int n;

	count(&w->rest.sleeps);
	rte_rcu_qsbr_thread_offline(pl_qsbr, w->id);
	n = rte_epoll_wait(RTE_EPOLL_PER_THREAD, event, EVENTS, PL_REST_SLEEP_MS);
	rte_rcu_qsbr_thread_online(pl_qsbr, w->id);
	// A driver may show the packet a moment after it woke us, and wake for it once.
	if (n > 0)
		w->rest.since_ns = 0;
	if (read(w->rest.event_fd, &value, sizeof(value)) < 0)
		value = 0; // it was something else
	disarm(w);
}

void
pl_rest(struct pl_worker *w, unsigned found)
{
	struct pl_rest *r = &w->rest;
	uint32_t pause = pl_rest_pause(r, found, w->now_ns);
	struct timespec ts = {.tv_nsec = pause};

	if (pause == 0) {
		if (r->armed)
			disarm(w);
	} else if (!r->wakeable) {
		count(&r->pauses);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
	} else if (!r->armed) {
		arm(w); // and one more turn
	} else {
		sleep_until_woken(w);
	}
}

void
pl_rest_wake(struct pl_worker *w)
{
	const uint64_t one = 1;

	if (w->rest.poll != PL_POLL_ADAPTIVE)
		return;
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&w->rest.asleep, memory_order_relaxed) &&
	    write(w->rest.event_fd, &one, sizeof(one)) < 0)
		return; // full: it was woken already
}
