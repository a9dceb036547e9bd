// The control thread: one epoll over the caller's signal descriptor, the listening socket, the
// clients, netlink, a clock of 100 ms, and a look for the workers' events, whose rings nobody
// wakes it for. app/ calls ctl_create(), ctl_run() and ctl_free() on the
// daemon's main thread; everything in this room runs there and nowhere else, so nothing here is
// locked. What must see a worker's own data goes through pl_worker_call().
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "control/ctl_int.h"
#include "control/flow_log.h"
#include "control/flush.h"
#include "control/netlink.h"

#define EVENTS_MAX 16

static char signal_mark, listen_mark, netlink_mark; // what epoll's data points at for these three

uint64_t
ctl_clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int
ctl_watch(struct ctl *c, int op, int fd, uint32_t events, void *who)
{
	struct epoll_event ev = {.events = events, .data.ptr = who};

	return epoll_ctl(c->epoll_fd, op, fd, &ev) == 0 ? 0 : -errno;
}

static int
open_netlink(struct ctl *c, struct cfg_err *err)
{
	const struct ctl_netlink_conf conf = {
		.settings = c->env.settings,
		.ports = c->env.ports,
		.table = c->env.table,
		.address_gone = ctl_flush_addr,
		.port_down = ctl_flush_port,
		.arg = c,
	};
	int ret = ctl_netlink_create(&c->netlink, &conf, err);

	if (ret < 0)
		return ret;
	return ctl_watch(c, EPOLL_CTL_ADD, ctl_netlink_fd(c->netlink), EPOLLIN, &netlink_mark);
}

static int
open_events(struct ctl *c, struct cfg_err *err)
{
	const struct ctl_events_conf conf = {
		.settings = c->env.settings,
		.worker = c->env.worker,
		.n_worker = c->env.n_worker,
	};

	return ctl_events_create(&c->events, &conf, err);
}

static int
open_feed(struct ctl *c, struct cfg_err *err)
{
	const struct ctl_feed_conf conf = {
		.worker = c->env.worker,
		.n_worker = c->env.n_worker,
		.room = c->env.settings->flow_events,
		.call_timeout_ms = c->call_timeout_ms,
	};

	int ret = ctl_feed_create(&c->feed, &conf);

	return ret == 0 ? ctl_flow_logs_create(&c->flow_logs, c->env.settings, c->feed, err) : ret;
}

int
ctl_create(struct ctl **out, const struct ctl_env *env, struct cfg_err *err)
{
	struct ctl *c = calloc(1, sizeof(*c));
	int ret = -ENOMEM;

	if (c == NULL)
		goto fail;
	c->env = *env;
	c->listener.fd = -1;
	c->poll_ms = CTL_POLL_MS;
	c->now_ms = ctl_clock_ms;
	c->start_ms = c->tick_ms = c->now_ms();
	c->call_timeout_ms = 1000;
	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll_fd < 0) {
		ret = -errno;
		goto fail;
	}
	ret = ctl_listen_open(&c->listener, env->settings->control, "control socket", err);
	if (ret == 0)
		ret = ctl_watch(c, EPOLL_CTL_ADD, c->listener.fd, EPOLLIN, &listen_mark);
	if (ret == 0)
		ret = open_netlink(c, err);
	if (ret == 0)
		ret = open_events(c, err);
	if (ret == 0)
		ret = open_feed(c, err);
	if (ret == 0)
		ret = ctl_nat_create(&c->nat);
	if (ret < 0)
		goto fail;
	*out = c;
	return 0;
fail:
	if (err->n_errors == 0)
		cfg_err_add(err, (struct cfg_pos){0, 0}, "control: %s", strerror(-ret));
	ctl_free(c);
	return ret;
}

void
ctl_free(struct ctl *c)
{
	if (c == NULL)
		return;
	while (c->n_client > 0)
		ctl_client_free(c->client[--c->n_client]);
	ctl_netlink_free(c->netlink);
	ctl_events_free(c->events);
	if (c->flow_logs != NULL)
		ctl_feed_drain(c->feed);
	ctl_flow_logs_free(c->flow_logs);
	ctl_feed_free(c->feed);
	ctl_nat_free(c->nat);
	ctl_listen_close(&c->listener);
	if (c->epoll_fd >= 0)
		close(c->epoll_fd);
	cfg_policy_free(c->pending.undo);
	free(c);
}

static void
accept_clients(struct ctl *c)
{
	int fd;

	while ((fd = accept4(c->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		if (ctl_client_add(c, fd) < 0)
			close(fd);
}

static void
bury_clients(struct ctl *c)
{
	for (unsigned i = 0; i < c->n_client;) {
		if (!c->client[i]->dead) {
			i++;
			continue;
		}
		ctl_client_free(c->client[i]);
		c->client[i] = c->client[--c->n_client];
	}
}

static void
tick(struct ctl *c)
{
	uint64_t now = c->now_ms();

	if (now - c->tick_ms < CTL_TICK_MS)
		return;
	c->tick_ms = now;
	ctl_netlink_on_tick(c->netlink, now);
	ctl_pulse_tick(c);
	ctl_sample_tick(c);
	ctl_nat_tick(c);
	ctl_pending_tick(c);
}

// Soon again while there is something, less and less often while there is not.
static void
drain_events(struct ctl *c)
{
	unsigned told = ctl_feed_drain(c->feed);

	for (unsigned i = 0; told > 0 && i < c->n_client; i++)
		ctl_client_poke(c->client[i]);
	ctl_flow_logs_flush(c->flow_logs, c->now_ms(), (uint32_t)time(NULL));
	if (ctl_events_drain(c->events, c->now_ms()) + told > 0)
		c->poll_ms = 1;
	else if (c->poll_ms < CTL_POLL_MS)
		c->poll_ms *= 2;
}

int
ctl_step(struct ctl *c, int timeout_ms, bool *signalled)
{
	struct epoll_event ev[EVENTS_MAX];
	int n = epoll_wait(c->epoll_fd, ev, EVENTS_MAX, timeout_ms);

	if (n < 0 && errno != EINTR)
		return -errno;
	// Clients are freed after the whole batch: an event further back may name one.
	for (int i = 0; i < n; i++) {
		if (ev[i].data.ptr == &signal_mark)
			*signalled = true;
		else if (ev[i].data.ptr == &listen_mark)
			accept_clients(c);
		else if (ev[i].data.ptr == &netlink_mark)
			ctl_netlink_on_readable(c->netlink);
		else
			ctl_client_ready(ev[i].data.ptr, ev[i].events);
	}
	bury_clients(c);
	drain_events(c);
	tick(c);
	return 0;
}

int
ctl_run(struct ctl *c, int signal_fd, bool (*on_signal)(void *arg), void *arg)
{
	int ret = ctl_watch(c, EPOLL_CTL_ADD, signal_fd, EPOLLIN, &signal_mark);
	bool signalled;

	if (ret < 0)
		return ret;
	do {
		uint64_t since = c->now_ms() - c->tick_ms;
		int left = since < CTL_TICK_MS ? (int)(CTL_TICK_MS - since) : 0;

		signalled = false;
		ret = ctl_step(c, RTE_MIN(left, c->poll_ms), &signalled);
	} while (ret == 0 && !(signalled && on_signal(arg)));
	epoll_ctl(c->epoll_fd, EPOLL_CTL_DEL, signal_fd, NULL);
	return ret;
}
