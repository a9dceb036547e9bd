#pragma once
// What flows tell of themselves (conntrack/ct.h, "events"), from the workers' rings to whoever
// listens: clients that follow (cmd_follow.c) and flow logs. While nobody listens the workers tell
// nothing. Main thread.
#include "conntrack/ct.h"

struct ctl_feed;

struct ctl_feed_user {
	void (*event)(void *arg, struct ctl_feed *feed, const struct ct_event *ev);
	// n more events that nobody got: a worker's ring had no room.
	void (*lost)(void *arg, uint64_t n);
	void *arg;
	uint8_t kinds; // 1 << enum ct_event_kind
};

struct ctl_feed_conf {
	struct pl_worker *const *worker; // of n_worker workers; outlives this
	unsigned n_worker;
	uint32_t room; // events in a worker's ring
	unsigned call_timeout_ms;
};

int ctl_feed_create(struct ctl_feed **out, const struct ctl_feed_conf *conf); // 0 or -ENOMEM
void ctl_feed_free(struct ctl_feed *feed); // NULL is fine; users need not leave before

// From now on u is told (it stays the caller's). 0; -ETIMEDOUT where a worker does not answer,
// -ENOMEM, -EMFILE where there are too many.
int ctl_feed_join(struct ctl_feed *feed, struct ctl_feed_user *u);
void ctl_feed_leave(struct ctl_feed *feed, struct ctl_feed_user *u); // fine where it never joined

// Takes out what is there, at most some thousand events, and tells the users. How many.
unsigned ctl_feed_drain(struct ctl_feed *feed);
// Events that found no room in their worker's ring.
uint64_t ctl_feed_lost(const struct ctl_feed *feed);

// The event that is being told, as a line of JSON without a newline: made once for all users.
const char *ctl_feed_json(struct ctl_feed *feed, size_t *len);
