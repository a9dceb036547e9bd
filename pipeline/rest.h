#pragma once
// Adaptive polling: what a worker does when it finds nothing to do. Busy workers never come here.
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct pl_worker;

enum pl_poll {
	PL_POLL_BUSY,	  // asks its queues without a pause
	PL_POLL_ADAPTIVE, // pauses, or sleeps until a queue wakes it, when nothing has come for a
			  // while
};

// What is asked of a source of packets that can wake a worker. All on the worker's own thread.
enum pl_wake {
	PL_WAKE_ADD, // to the thread's epoll set, once; 0 or -errno
	PL_WAKE_ON,  // tell of the next packet
	PL_WAKE_OFF,
};

#define PL_REST_BUSY_NS	 100000 // of nothing before the first pause
#define PL_REST_MIN_NS	 4000	// first pause; each is twice the one before
#define PL_REST_MAX_NS	 60000	// longest one: with the timer's own delay, awake within 100 us
#define PL_REST_SLEEP_MS 10	// longest sleep: what idle functions do must not wait longer

struct pl_rest {
	uint8_t poll;  // enum pl_poll
	bool wakeable; // all sources can wake: sleeps instead of pauses
	bool armed;    // they were told to
	int event_fd;  // what other threads wake it with; -1: none. Fixed like poll
	uint32_t pause_ns;
	uint64_t since_ns;   // the first turn that found nothing; 0: the last one found something
	_Atomic bool asleep; // or about to be: others must wake it. Worker: write, others: read
	_Atomic uint64_t pauses, sleeps; // worker: write, others: relaxed read
};

// How the worker is to poll. Main thread, before its thread starts. 0 or -errno.
int pl_rest_set(struct pl_worker *w, enum pl_poll poll);
// Before the first turn and after the last, on the worker's thread. Start never fails: what cannot
// wake is asked after pauses.
void pl_rest_start(struct pl_worker *w);
void pl_rest_stop(struct pl_worker *w);

// After a turn that found this many packets, between two of them (a quiescent state). May take up
// to PL_REST_SLEEP_MS.
void pl_rest(struct pl_worker *w, unsigned found);

// How long to pause after a turn that began at now_ns and found this many packets, in ns; 0: not at
// all. Pure but for what it keeps in r.
uint32_t pl_rest_pause(struct pl_rest *r, unsigned found, uint64_t now_ns);

// Wakes the worker if it sleeps: after something was left for it in a ring or in its block. Any
// thread.
void pl_rest_wake(struct pl_worker *w);
