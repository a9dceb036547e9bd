#pragma once
// What workers tell the control thread without waiting for it: a single-producer single-consumer
// ring of records per worker. A worker copies the record into its ring and goes on; what does not
// fit is counted and lost. The control thread takes records out, formats them and brings them to
// whoever asked (control/event.c, app/replay.c). No record points into a policy or a packet.
#include <stdbool.h>
#include <stdint.h>

#include "pipeline/pkt.h"

struct pl_worker;

enum pl_event_kind {
	PL_EVENT_LOG,	// target LOG: a line
	PL_EVENT_NFLOG, // target NFLOG: a packet for a group
	PL_EVENT_AUDIT, // target AUDIT: a line
	PL_EVENT_TRACE, // a rule or policy that a traced packet met
};

// The `what` of a PL_EVENT_TRACE.
enum pl_event_trace {
	PL_TRACE_RULE,	 // a rule matched
	PL_TRACE_RETURN, // the end of a user chain
	PL_TRACE_POLICY, // a built-in chain's policy
};

#define PL_EVENT_TEXT  64    // with its NUL: prefix (NFLOG has the longest), chain's name
#define PL_EVENT_BYTES 16384 // of a packet at most

struct pl_event {
	uint8_t kind;	     // enum pl_event_kind
	uint8_t family;	     // 4 or 6
	uint8_t table, hook; // enum cfg_table_id, cfg_hook: where the rule stands
	uint8_t in, out;     // port index or PL_PORT_NONE, as the rule sees them
	uint8_t origin;	     // enum pl_origin
	uint8_t what;	     // LOG: flags; AUDIT: type; TRACE: enum pl_event_trace
	uint8_t level;	     // LOG: syslog severity
	uint8_t proto;	     // L4 protocol after extension headers
	uint16_t group;	     // NFLOG
	uint16_t threshold;  // NFLOG: packets that may wait for each other
	uint16_t l2_len;     // of bytes: the link header; 0: the packet has none (yet)
	uint32_t mark;
	uint32_t rule;	  // TRACE: 1-based in its chain
	uint32_t length;  // of the IP packet
	uint32_t n_byte;  // bytes behind this record: link header, then the packet's beginning
	uint64_t time_ns; // the worker's clock
	char text[PL_EVENT_TEXT];
};

// A worker's ring for `slots` pieces of 64 bytes (rounded up to a power of two). Before its first
// turn; control thread. 0 or -errno.
int pl_events_create(struct pl_worker *w, uint32_t slots);
void pl_events_free(struct pl_worker *w); // no turn after this; without a ring: nothing

// Fills in what an event says of the packet itself: family, origin, mark, length, time. The rest is
// zero, the ports are PL_PORT_NONE. Worker's thread.
void pl_event_init(struct pl_event *e, enum pl_event_kind kind, const struct pl_worker *w,
		   const struct pl_pkt *p);
// Tells it, with the link header that p came with and the first `snap` bytes of its IP packet (at
// most PL_EVENT_BYTES of both together). What finds no room is counted (cnt.events_lost). Worker's
// thread.
void pl_event_put(struct pl_worker *w, struct pl_event *e, const struct pl_pkt *p, uint32_t snap);

// The oldest event of a worker; bytes has room for PL_EVENT_BYTES. False: there is none. Control
// thread.
bool pl_event_take(struct pl_worker *w, struct pl_event *e, uint8_t *bytes);
