#pragma once
// Port blocks (RFC 6888 REQ-14, RFC 7422): an inside address, the subscriber, has blocks of ports
// of one public address, and its flows use ports of these alone. Each worker gives out blocks of
// its own share of every public address, so that no two workers can give out the same one and
// nobody asks (docs/decisions/0310-port-blocks.md). All on the worker's own thread but for init and
// fini.
#include <stdbool.h>
#include <stdint.h>

#include "pipeline/pkt.h"

struct ct_tuple;
struct pl_worker;

#define NAT_BLOCK_MAX	 16   // blocks of a subscriber, at most, in a worker
#define NAT_BLOCK_MIN	 64   // ports of a block; powers of two up to NAT_BLOCK_UNIT
#define NAT_BLOCK_UNIT	 4096 // ports that belong to one worker: unit u to worker u % n
#define NAT_BLOCK_UNITS	 16
#define NAT_BLOCK_GRAINS 1024 // of NAT_BLOCK_MIN ports

struct nat_pub { // a public address
	union pl_addr addr;
	uint16_t zone;
	uint8_t family;
	uint32_t next;			  // with the same hash; also of free ones
	uint32_t used;			  // blocks
	uint64_t busy[NAT_BLOCK_UNITS];	  // bit per grain
	uint32_t owner[NAT_BLOCK_GRAINS]; // block, 0: none
};

struct nat_sub { // a subscriber
	union pl_addr in;
	uint32_t pub, next;
	uint16_t zone, port_min, port_max; // of the rule that it came by
	uint8_t family, shift, n;
	uint16_t first[NAT_BLOCK_MAX]; // ports of its n blocks
};

struct nat_block {
	uint32_t sub, pub, refs; // flows
	uint32_t prev, next;	 // of idle ones; free ones: next
	uint32_t hold_sec;
	uint64_t until_ns; // idle: so long it stays the subscriber's
	uint16_t first;
	uint8_t shift;
	bool idle;
};

struct nat_blocks {
	struct nat_pub *pub; // from 1; memory as it is touched
	struct nat_sub *sub;
	struct nat_block *block;
	uint32_t *by_addr, *by_in;
	uint32_t pub_used, pub_free, sub_used, sub_free, block_used, block_free;
	uint32_t idle_first, idle_last, n_idle;
	uint32_t count; // blocks that are somebody's
	uint64_t key, looked_ns;
};

int nat_blocks_init(struct nat_blocks *b, uint64_t key); // 0 or -ENOMEM
void nat_blocks_fini(struct nat_blocks *b);

// The subscriber with this inside address and the zone of its replies, whose blocks lie in the
// rule's addresses and ports. NULL: it has none.
struct nat_sub *nat_sub_find(const struct nat_blocks *b, const union pl_addr *in, uint8_t family,
			     uint16_t zone, const struct pl_nat_rule *rule);
// The one at this public address, whatever its rule. NULL: none.
struct nat_sub *nat_sub_at(const struct nat_blocks *b, const union pl_addr *in, uint8_t family,
			   uint16_t zone, const union pl_addr *out);
const struct nat_pub *nat_sub_pub(const struct nat_blocks *b, const struct nat_sub *s);
bool nat_sub_has(const struct nat_sub *s, uint16_t port);

enum nat_block_got { NAT_BLOCK_GOT, NAT_BLOCK_LIMIT, NAT_BLOCK_NONE };
// One block more for the subscriber at *sub, or the first one of a new subscriber (*sub NULL: set)
// at the public address `out` or one close behind it in the rule's range. LIMIT: it has as many as
// it may; NONE: no block is free, or no memory. Told to the flow logs.
enum nat_block_got nat_block_add(struct pl_worker *w, struct nat_sub **sub, const union pl_addr *in,
				 const union pl_addr *out, uint8_t family, uint16_t zone,
				 const struct pl_nat_rule *rule);
// A flow with this reply has a port of a block, or has no longer. False: it is in no block.
bool nat_block_hold(struct nat_blocks *b, const struct ct_tuple *reply);
void nat_block_leave(struct pl_worker *w, const struct ct_tuple *reply);
// Is the reply's port in somebody's block?
bool nat_block_reserved(const struct nat_blocks *b, const struct ct_tuple *reply);
// Blocks that nobody has used for as long as they are held go back. Once per turn, bounded.
void nat_blocks_turn(struct pl_worker *w);
