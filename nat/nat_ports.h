#pragma once
// Choice of a port (or ICMP identifier) in a range, pure: no flows, no mbufs. Host order.
#include <stdbool.h>
#include <stdint.h>

#include "pipeline/toeplitz.h"

// Which ports bring the reply home: those p for which reta[(base ^ toeplitz16(p))] is the worker.
struct nat_home {
	const uint8_t *reta; // NULL: any port will do
	uint32_t base;	     // hash of the reply tuple with port 0
	uint16_t worker;
};

static inline bool
nat_port_home(const struct nat_home *h, uint16_t port)
{
	return h->reta == NULL ||
	       pl_reta_worker(h->reta, h->base ^ pl_toeplitz16(rte_cpu_to_be_16(port))) ==
		       h->worker;
}

struct nat_search {
	uint16_t min;  // first port of the range
	uint8_t shift; // with block
	// NULL: one range. Else it consists of pieces of 1 << shift ports, which begin at these.
	const uint16_t *block;
	uint32_t size;	 // how many, 1..65536
	uint32_t start;	 // where the search begins, below size
	bool brief;	 // only a short search: a long one found none a moment ago
	bool scatter;	 // ports after the first are drawn, not counted up
	uint16_t spread; // of how many workers one is home; 1 where home takes any
	struct nat_home home;
	bool (*taken)(void *ctx, uint16_t port, bool last); // last: of a round's last tries
	uint64_t (*random)(void *ctx);			    // where the next round begins
	void *ctx;
};

// Port number `at` of the range.
static inline uint16_t
nat_port_at(const struct nat_search *s, uint32_t at)
{
	if (s->block == NULL)
		return (uint16_t)(s->min + at);
	return (uint16_t)(s->block[at >> s->shift] + (at & ((1u << s->shift) - 1)));
}

// Netfilter's figures: ports tried in the first round, half as many in each that follows; the round
// after one with fewer than LAST is not done; the LAST_TRIES of a round may take a port from
// somebody who is done with it.
#define NAT_ROUND_FIRST 128
#define NAT_ROUND_LAST	16
#define NAT_LAST_TRIES	32

// The range that a source port may move in where the rule gives none (RFC 6056 knows no better;
// netfilter's).
void nat_port_class(uint16_t port, uint16_t *min, uint32_t *size);

// A free port of the range. False: none found; *out is then the last one tried.
bool nat_port_search(const struct nat_search *s, uint16_t *out);
