#pragma once
// What inside ends have outside, beyond a single flow: endpoint-independent mappings (RFC 4787
// REQ-1), whom they talked to (REQ-8's address-dependent filtering), and port blocks (RFC 7422).
// Every worker has a copy; each counts its own flows' use of a link and tells the others by rings
// when the first comes and when the last has gone. docs/decisions/0307-mappings.md says what that
// promises. All on the worker's own thread but for create, join and free.
#include <stdbool.h>
#include <stdint.h>

#include "pipeline/pkt.h"

struct pl_worker;

enum nat_map_kind {
	NAT_MAP,    // inside address and port to outside address and port
	NAT_PERMIT, // in: an address far away, port 0; out: the mapping that talked to it
	NAT_BLOCK,  // in: an inside address, port 0; out: address and first port of its block
};

struct nat_pair {
	union pl_addr in, out;
	rte_be16_t in_port, out_port; // or identifier
	uint16_t zone;
	uint8_t family, proto;
	uint8_t kind;	// enum nat_map_kind
	uint8_t egress; // port of the gateway behind which it holds
	uint8_t filter; // enum cfg_nat_filtering
	uint8_t nth;	// NAT_BLOCK: of the inside address's blocks
};
static_assert(sizeof(struct nat_pair) == 48, "a message with its op is one cache line");

struct nat_link {
	struct nat_pair pair;
	uint64_t users; // bit per worker that has flows of it
	uint32_t refs;	// this worker's flows
	uint32_t next_in, next_out, next_owed;
	bool owed; // the others have to be told that refs is 0
};

struct nat_rings;
struct nat_maps {
	struct nat_link *at; // from 1; 0 is none
	uint32_t *by_in, *by_out;
	uint32_t mask, room, used, free, count;
	uint32_t owed; // list
	uint64_t key;  // the same for all workers
	uint16_t worker, n_workers;
	struct nat_rings *rings; // NULL: one worker
};

// Room for so many links; memory is taken as it is first touched. 0 or -ENOMEM.
int nat_maps_init(struct nat_maps *m, uint32_t room, uint64_t key, uint16_t worker);
void nat_maps_fini(struct nat_maps *m); // the last one of those joined frees the rings

// What the other workers told since the last time.
void nat_maps_hear(struct nat_maps *m);
// The same, and what could not be told for want of room in a ring. Once per turn.
void nat_maps_turn(struct nat_maps *m);

// The link with this pair's kind, family, proto, zone and inside end that fit() likes (NULL: any),
// the one with the smallest outside end: all workers find the same. NULL: none.
const struct nat_pair *nat_map_of_in(const struct nat_maps *m, const struct nat_pair *in,
				     bool (*fit)(void *ctx, const struct nat_pair *p), void *ctx);
// The same by the outside end.
const struct nat_pair *nat_map_of_out(const struct nat_maps *m, const struct nat_pair *out);
// A flow of this worker uses the pair, which becomes known where it is not yet. The link's number
// for nat_map_leave(), 0: no room here or in a ring; nothing was changed.
uint32_t nat_map_use(struct nat_maps *m, const struct nat_pair *pair);
void nat_map_leave(struct nat_maps *m, uint32_t link);
// The number of the link with exactly this pair; 0: none.
uint32_t nat_map_number(const struct nat_maps *m, const struct nat_pair *pair);
// 64 bits from a pair's inside end and a number, the same in all workers; nobody outside can
// foretell them.
uint64_t nat_map_draw(const struct nat_maps *m, const struct nat_pair *in, uint32_t nth);
