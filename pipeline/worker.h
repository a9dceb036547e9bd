#pragma once
// One worker: its private block, and one turn of its poll loop. The daemon runs one per lcore;
// replay and the component tests run any number of them by turns in one thread. Only its own thread
// touches a worker, but for the fields marked otherwise.
#include <stdatomic.h>

#include <rte_interrupts.h>
#include <rte_ring.h>

#include "pipeline/burst.h"
#include "pipeline/drop.h"
#include "pipeline/news.h"
#include "pipeline/rest.h"
#include "pipeline/stage.h"

#define PL_WORKERS_MAX 64

struct ct_table;
struct nat_core;
struct net_core;
struct pl_parking;

// Rx and tx of one queue. ctx and queue are the driver's; for ethdev see net/port.c, for captures
// app/replay.c.
struct pl_rx {
	uint16_t (*burst)(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n);
	void *ctx;
	uint16_t queue;
	uint8_t port;	// gateway port index
	uint8_t origin; // PL_FROM_WIRE, or PL_FROM_HOST for a twin
	// Lets the source wake the worker; -ENOTSUP where it cannot. NULL: it cannot.
	int (*wake)(void *ctx, uint16_t queue, enum pl_wake what);
};

// Counters: this worker writes, anybody reads with relaxed loads.
struct pl_counters {
	uint64_t drop[PL_DROP_COUNT];
	uint64_t loops, busy_loops; // turns, and turns that found packets
	uint64_t handed_over, taken_over;
	uint64_t deferred;    // packets that waited for their flow's first packet
	uint64_t parked;      // packets that waited for another worker's word (pipeline/park.h)
	uint64_t known;	      // packets that went the short way (pipeline/way.h)
	uint64_t events_lost; // pipeline/event.h: no room in the ring
	uint64_t news_lost;   // notes that had no room in another worker's ring (pipeline/news.h)
	struct {
		uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
		uint64_t host_rx_packets, host_rx_bytes; // from the twin
		uint64_t host_tx_packets, host_tx_bytes; // to the twin
	} port[PL_PORT_MAX + 1];
	// Of what came in by a port's wire (PL_PORT_NONE: from the host), what went on to another
	// worker.
	uint64_t port_handed[PL_PORT_MAX + 1];
};

// How all such counters are counted (no lock: there is one writer).
static inline void
pl_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

// What the control thread may ask of a worker; runs between two bursts on the worker's thread.
struct pl_call {
	// Returns true when it is done; false: call again in the next turn (bounded work each
	// time).
	bool (*fn)(struct pl_worker *w, void *arg);
	void *arg;
	_Atomic bool done; // worker writes (release), control reads (acquire)
};

struct pl_worker {
	uint16_t id; // index, also the RCU thread id
	uint16_t n_workers;
	int socket;
	uint64_t now_ns; // monotonic; read once per turn; virtual in replay
	uint64_t
		wall_ns; // time of day (UTC, since 1970), to a few milliseconds; read once per turn
	const struct pl_program
		*prog; // of this turn, set by the caller; NULL: no policy, nothing is polled
	struct ct_table *ct;
	struct nat_core *nat;
	struct net_core *net;
	const struct pl_ahead *ahead; // of ct's table; NULL: look-ups begin when they are needed
	struct pl_ways *ways;	      // verdict cache; NULL: every packet goes the whole way
	struct rte_mempool *pool;     // for packets made here
	void (*const *idle)(struct pl_worker *w); // the stages' idle functions, NULL at the end;
						  // run with or without a policy

	bool notes; // replay: every received mbuf's pl_meta has a note

	struct pl_rx rx[2 * (PL_PORT_MAX + 1)];
	unsigned n_rx;
	struct rte_ring *from[PL_WORKERS_MAX];	// SPSC, from worker i to this one; NULL for itself
	struct rte_ring *to[PL_WORKERS_MAX];	// SPSC, from this one to worker i
	struct pl_worker *peer[PL_WORKERS_MAX]; // worker i, only to be woken; NULL for itself
	struct rte_ring *events;		// pipeline/event.h; NULL: nobody listens
	struct rte_ring *news_from[PL_WORKERS_MAX], *news_to[PL_WORKERS_MAX]; // the same for news
	const uint8_t *reta; // 512 entries: hash & 511 -> worker id; the same for all workers

	struct pl_burst burst;	  // being run
	struct pl_burst later[2]; // packets that a stage deferred: run next, from stage .stage
	struct pl_burst own;	  // packets made here, being run
	struct pl_burst copies;	  // copies of packets, being run between two stages of another
	uint8_t later_at;	  // which of later[] takes what is deferred now
	struct rte_mbuf *self[PL_BURST];  // made by the gateway in this turn, to start at OUTPUT
	struct rte_mbuf *copy[PL_COPIES]; // the same, but before the burst's next stage
	uint16_t n_self, n_copy;
	struct rte_mbuf *dead[2 * PL_BURST]; // freed together at the end of the turn
	uint16_t n_dead;
	uint16_t n_parked;	    // packets in parking
	bool hold;		    // takes nothing in: control waits until none are
	struct pl_parking *parking; // pipeline/park.h; NULL with one worker

	struct pl_rest rest __rte_cache_aligned;
	struct rte_epoll_event rest_event; // of rest.event_fd

	struct pl_counters cnt __rte_cache_aligned;
	_Atomic(struct pl_call *) call
		__rte_cache_aligned; // control: write when NULL, worker: clears
	_Atomic bool stop;	     // control: write, worker: read
	_Atomic bool running;	     // worker: its loop is being run by a thread of its own
	_Atomic uint64_t heartbeat;  // worker: write once per turn, control: read
	_Atomic int tid;	     // its thread's id in the kernel, 0: none yet; written once
} __rte_cache_aligned;

// What a packet carries from one worker to another, from its maker to OUTPUT, and through
// reassembly. Lives in the mbuf's private area (every pool is made with this size); valid only on
// those ways.
struct pl_meta {
	union pl_addr via; // copy: whose frame it is in where the next hop is a port's link
	struct pl_note *note;
	struct ct_entry *ct; // origin SELF
	uint32_t mark;
	uint8_t origin; // enum pl_origin
	uint8_t in_port, out_port;
	uint8_t ct_state, ct_dir, ct_status;
	uint16_t flags;	  // enum pl_pkt_flags to set
	uint16_t zone[2]; // with past_raw, as in struct pl_pkt
	bool past_raw;
	uint8_t trace;
	uint8_t copy_tos; // copy: as it was made; a rule that changes it, or the mark, has it
			  // routed
	bool copy;	  // origin SELF: TEE's, with next_hop and via
	uint32_t next_hop;
	uint32_t copy_mark;
	uint16_t frag_max; // with PL_F_REASM: length of its largest fragment; stays with the mbuf
			   // to the end
};

static inline struct pl_meta *
pl_meta(struct rte_mbuf *m)
{
	return rte_mbuf_to_priv(m);
}

// Ends a packet: counts the reason, frees the mbuf at the end of the turn.
void pl_drop(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p, enum pl_drop reason);

// What replay and explain hear of it; a part of pl_drop().
void pl_drop_note(struct pl_pkt *p, enum pl_drop reason);

// Counts a drop of something that is no longer (or not yet) a pl_pkt: fragments in a queue, made
// packets.
void pl_drop_mbuf(struct pl_worker *w, struct rte_mbuf *m, enum pl_drop reason);

// The stage keeps the mbuf (sent, queued, handed over); the packet leaves the burst.
static inline struct rte_mbuf *
pl_take(struct pl_burst *b, struct pl_pkt *p)
{
	struct rte_mbuf *m = p->m;

	p->m = NULL;
	b->ended++;
	return m;
}

// The packet leaves the stages for those of the short way, which take it.
static inline void
pl_known(struct pl_burst *b, struct pl_pkt *p)
{
	b->known[b->n_known++] = p;
	p->path = PL_PATH_KNOWN;
	b->ended++;
}

// Puts the packet off: it enters the running stage again, alone with the others put off, when this
// burst has gone through all stages. Used for packets of a flow whose first packet is in this
// burst.
void pl_defer(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p);

// Hands the packet to another worker; it starts at the parse stage there with PL_F_HANDED.
// Counts HANDOFF_FULL and drops where the ring has no room.
void pl_hand_over(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p, uint16_t to);

// A packet of the gateway's own: frame with room for an Ethernet header in front, IP header at
// l2_len 14. meta (origin SELF, ct and its state, in/out ports) must be filled. Enters OUTPUT in
// this turn.
void pl_self_send(struct pl_worker *w, struct rte_mbuf *m);
// The same for a copy of a packet that a stage has before it: it is through before that one's next
// stage begins.
void pl_copy_send(struct pl_worker *w, struct rte_mbuf *m);

// One turn: the caller has set w->now_ns and w->prog. Receives, runs all bursts, transmits, timers,
// calls. Returns how many packets it took in.
unsigned pl_worker_turn(struct pl_worker *w);

// Runs frames as one received burst, all at once, then what they gave rise to; a part of a turn (no
// idle work). n <= PL_BURST. Replay and tests feed packets with it.
void pl_worker_feed(struct pl_worker *w, struct rte_mbuf **m, uint16_t n, uint8_t port,
		    uint8_t origin);

// Runs one packet, which left a burst before, from that stage on, and what it gives rise to.
// Between two bursts.
void pl_resume(struct pl_worker *w, const struct pl_pkt *p, unsigned stage);

// Rings between all workers (packets, news) and the table hash -> worker. Before the first turn; 0
// or -errno. n = 1: only the table.
int pl_workers_join(struct pl_worker **w, uint16_t n);

int pl_news_join(struct pl_worker *from, struct pl_worker *to); // a part of it; 0 or -errno

int pl_worker_create(struct pl_worker **out, uint16_t id, uint16_t n_workers, int socket,
		     struct rte_mempool *pool);
void pl_worker_free(struct pl_worker *w); // NULL is fine; frees what it still holds

// Asks the worker to run fn until it says done; returns 0, or -ETIMEDOUT after timeout_ms (then the
// call was withdrawn or finished: arg is no longer used). Control thread only, one at a time per
// worker.
int pl_worker_call(struct pl_worker *w, bool (*fn)(struct pl_worker *w, void *arg), void *arg,
		   unsigned timeout_ms);

uint64_t pl_clock_us(void); // monotonic; for those who wait, not for packets

// A worker whose thread has not gone round once while up to timeout_ms passed; -1 as soon as all
// have. Asked before what has to be done on all of them or on none. Control thread.
int pl_workers_silent(struct pl_worker *const *w, unsigned n, unsigned timeout_ms);

// ---- what all workers run, published by the control thread (pipeline/program.c)
// -------------------------
struct rte_rcu_qsbr;
extern struct rte_rcu_qsbr *pl_qsbr; // NULL where no worker has a thread of its own (tests, replay)
int pl_rcu_create(uint16_t n_workers, int socket); // 0 or -errno
void pl_rcu_free(void);

// Waits until every worker thread has passed a quiescent state since the call. 0, at once without
// threads; -ETIMEDOUT where some worker has not for PL_RCU_WAIT_MS: it stands still, and what was
// to be freed must be kept. While that goes on, further calls say so at once. Control thread.
#define PL_RCU_WAIT_MS 2000
int pl_rcu_wait(void);

// Does anybody wait in there? Any thread.
bool pl_rcu_waiting(void);

// Makes next the program of all workers and waits, as pl_rcu_wait() does: on 0 nobody uses the one
// before any more, which *prev (NULL is fine) is set to in either case (NULL: there was none).
int pl_program_publish(const struct pl_program *next, const struct pl_program **prev);
const struct pl_program *pl_program_current(void);

// The loop of a worker's thread: registers with RCU, reads the clock and the program once per turn,
// until w->stop.
int pl_worker_loop(void *worker);
