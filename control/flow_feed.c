// Flows' events from the workers' rings to their listeners: see flow_feed.h. A worker is told what
// kinds of events somebody wants whenever that changes, through pl_worker_call(); its ring is made
// when the first listener comes and lives as long as its table. Called by ctl.c (drain) and by the
// listeners, on the main thread.
#include "control/flow_feed.h"

#include <errno.h>
#include <stdlib.h>

#include "control/flow_view.h"

#define USERS_MAX 96   // clients, and logs
#define DRAIN_MAX 2048 // events of one worker in one go
#define BURST	  32

struct ctl_feed {
	struct ctl_feed_conf conf;
	struct ctl_feed_user *user[USERS_MAX];
	unsigned n_user;
	uint8_t kinds[PL_WORKERS_MAX]; // what each worker was told to tell
	uint64_t told_lost;
	const struct ct_event *now; // being told
	size_t json_len;	    // 0: not made yet
	char json[CTL_EVENT_JSON];
	struct ct_event burst[BURST];
};

int
ctl_feed_create(struct ctl_feed **out, const struct ctl_feed_conf *conf)
{
	struct ctl_feed *feed = calloc(1, sizeof(*feed));

	if (feed == NULL)
		return -ENOMEM;
	feed->conf = *conf;
	*out = feed;
	return 0;
}

void
ctl_feed_free(struct ctl_feed *feed)
{
	free(feed);
}

static bool
want(struct pl_worker *w, void *kinds)
{
	ct_events_want(w->ct, *(const uint8_t *)kinds);
	return true;
}

// Brings the workers to tell what the users want. 0, or -errno where one does not.
static int
tell_workers(struct ctl_feed *feed)
{
	uint8_t kinds = 0;
	int failed = 0;

	for (unsigned i = 0; i < feed->n_user; i++)
		kinds |= feed->user[i]->kinds;
	for (unsigned i = 0; i < feed->conf.n_worker; i++) {
		struct pl_worker *w = feed->conf.worker[i];
		int ret = 0;

		if (feed->kinds[i] == kinds)
			continue;
		if (kinds != 0)
			ret = ct_events_create(w->ct, feed->conf.room, w->socket);
		if (ret == 0)
			ret = pl_worker_call(w, want, &kinds, feed->conf.call_timeout_ms);
		if (ret == 0)
			feed->kinds[i] = kinds;
		else
			failed = ret;
	}
	return failed;
}

int
ctl_feed_join(struct ctl_feed *feed, struct ctl_feed_user *u)
{
	int ret;

	if (feed->n_user == USERS_MAX)
		return -EMFILE;
	feed->user[feed->n_user++] = u;
	ret = tell_workers(feed);
	if (ret < 0)
		ctl_feed_leave(feed, u);
	return ret;
}

void
ctl_feed_leave(struct ctl_feed *feed, struct ctl_feed_user *u)
{
	for (unsigned i = 0; i < feed->n_user; i++) {
		if (feed->user[i] != u)
			continue;
		feed->user[i] = feed->user[--feed->n_user];
		tell_workers(feed); // one that does not answer tells what nobody hears
		return;
	}
}

static void
tell(struct ctl_feed *feed, const struct ct_event *ev)
{
	feed->now = ev;
	feed->json_len = 0;
	for (unsigned i = 0; i < feed->n_user; i++)
		if (feed->user[i]->kinds & 1 << ev->kind)
			feed->user[i]->event(feed->user[i]->arg, feed, ev);
}

static void
tell_lost(struct ctl_feed *feed)
{
	uint64_t lost = ctl_feed_lost(feed), more = lost - feed->told_lost;

	feed->told_lost = lost;
	if (more > 0)
		for (unsigned i = 0; i < feed->n_user; i++)
			feed->user[i]->lost(feed->user[i]->arg, more);
}

unsigned
ctl_feed_drain(struct ctl_feed *feed)
{
	unsigned total = 0;

	if (feed->n_user == 0)
		return 0;
	for (unsigned i = 0; i < feed->conf.n_worker; i++) {
		unsigned n, got = 0;

		do {
			n = ct_events_take(feed->conf.worker[i]->ct, feed->burst, BURST);
			for (unsigned k = 0; k < n; k++)
				tell(feed, &feed->burst[k]);
			got += n;
		} while (n == BURST && got < DRAIN_MAX);
		total += got;
	}
	tell_lost(feed);
	return total;
}

uint64_t
ctl_feed_lost(const struct ctl_feed *feed)
{
	uint64_t lost = 0;

	for (unsigned i = 0; i < feed->conf.n_worker; i++)
		lost += __atomic_load_n(&ct_table_stats(feed->conf.worker[i]->ct)->events_lost,
					__ATOMIC_RELAXED);
	return lost;
}

const char *
ctl_feed_json(struct ctl_feed *feed, size_t *len)
{
	if (feed->json_len == 0)
		feed->json_len = ctl_event_json(feed->json, sizeof(feed->json), feed->now);
	*len = feed->json_len;
	return feed->json;
}
