#pragma once
// How far each public address is used up: flows, distinct ports, and packets for which no port was
// free, by address, protocol and zone. One table per worker, of NAT_USE_ROWS rows: the worker
// writes, control reads with nat_use_read() (nat/nat.h).
#include <stdbool.h>
#include <stdint.h>

#include "nat/nat.h"

// 512 rows: 256 addresses with two protocols. What finds no row is counted in the table's `other`.
#define NAT_USE_PROBES 16 // rows that an address may stand in

struct nat_use_row {
	uint32_t version; // odd while the row changes hands
	uint16_t zone;
	uint8_t family, proto; // family 0: free
	union pl_addr addr;
	uint32_t room;	// ports that the widest rule has at the address
	uint32_t ports; // of them in use
	uint64_t flows, exhausted;
} __rte_cache_aligned;

struct nat_use {
	struct nat_use_row row[NAT_USE_ROWS];
	struct nat_use_row other;   // of all addresses that have no row
	uint16_t (*refs)[1u << 16]; // of each row's ports; memory as it is touched
	uint64_t key;
};

int nat_use_init(struct nat_use *u, uint64_t key); // 0 or -ENOMEM
void nat_use_fini(struct nat_use *u);
// A flow has got the source that its reply goes to, one of `room` ports of a rule. False: there was
// no row, and nat_use_give() is not for this flow.
bool nat_use_take(struct nat_use *u, const struct ct_tuple *reply, uint32_t room);
void nat_use_give(struct nat_use *u, const struct ct_tuple *reply); // it ended
// A packet was dropped because no port of the address was free.
void nat_use_exhausted(struct nat_use *u, const struct ct_tuple *reply, uint32_t room);
