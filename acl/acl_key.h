#pragma once
// What the compiled walk looks at: one key per packet and hook, made from struct pl_pkt and never
// from raw packet bytes. rte_acl wants one byte first, then groups of four bytes; the field tables
// stand beside the structs. Fields that no rule of a segment uses are left out of its trie by
// rte_acl itself.
#include <stddef.h>

#include <rte_acl.h>

#include "acl/acl_int.h"

// The part that both families have. Ports: ICMP has its type and code there; 0 without an L4
// header.
struct acl_key_tail {
	rte_be16_t sport, dport;
	uint8_t in, out; // interface class, see struct acl_classes
	uint8_t ct;	 // state bits and ACL_KEY_L4
	uint8_t flags;	 // of TCP; 0 for others
};
#define ACL_KEY_L4                                                                                 \
	0x80 // in ct: the L4 header is there (not a later fragment), ports and flags count
static_assert((ACL_CT_BITS & ACL_KEY_L4) == 0 && (PL_CT_SNAT & ACL_KEY_L4) == 0 &&
		      (PL_CT_DNAT & ACL_KEY_L4) == 0,
	      "a bit of its own");

struct acl_key4 {
	uint8_t proto, zero[3];
	rte_be32_t src, dst;
	struct acl_key_tail tail;
};
struct acl_key6 {
	uint8_t proto, zero[3];
	rte_be32_t src[4], dst[4];
	struct acl_key_tail tail;
};
static_assert(sizeof(struct acl_key4) == 20 && sizeof(struct acl_key6) == 44, "packed by nature");

#define ACL_FIELD(key, kind, index, group, member, bytes)                                          \
	{                                                                                          \
		.type = RTE_ACL_FIELD_TYPE_##kind, .size = (bytes), .field_index = (index),        \
		.input_index = (group), .offset = offsetof(struct key, member)                     \
	}
#define ACL_TAIL_FIELDS(key, index, group)                                                         \
	ACL_FIELD(key, RANGE, index, group, tail.sport, 2),                                        \
		ACL_FIELD(key, RANGE, index + 1, group, tail.dport, 2),                            \
		ACL_FIELD(key, RANGE, index + 2, group + 1, tail.in, 1),                           \
		ACL_FIELD(key, RANGE, index + 3, group + 1, tail.out, 1),                          \
		ACL_FIELD(key, BITMASK, index + 4, group + 1, tail.ct, 1),                         \
		ACL_FIELD(key, BITMASK, index + 5, group + 1, tail.flags, 1)

// Two orders: which address comes first decides how large a trie gets (acl_ctx.c). field_index
// names the place in the rule and is the same in both.
#define ACL_FIELDS4 9
static const struct rte_acl_field_def acl_fields4[2][ACL_FIELDS4] = {
	{
		ACL_FIELD(acl_key4, RANGE, 0, 0, proto, 1),
		ACL_FIELD(acl_key4, MASK, 1, 1, src, 4),
		ACL_FIELD(acl_key4, MASK, 2, 2, dst, 4),
		ACL_TAIL_FIELDS(acl_key4, 3, 3),
	},
	{
		ACL_FIELD(acl_key4, RANGE, 0, 0, proto, 1),
		ACL_FIELD(acl_key4, MASK, 2, 1, dst, 4),
		ACL_FIELD(acl_key4, MASK, 1, 2, src, 4),
		ACL_TAIL_FIELDS(acl_key4, 3, 3),
	},
};

#define ACL_FIELDS6 15
#define ACL_ADDR6_FIELDS(index, group, member)                                                     \
	ACL_FIELD(acl_key6, MASK, index, group, member[0], 4),                                     \
		ACL_FIELD(acl_key6, MASK, index + 1, group + 1, member[1], 4),                     \
		ACL_FIELD(acl_key6, MASK, index + 2, group + 2, member[2], 4),                     \
		ACL_FIELD(acl_key6, MASK, index + 3, group + 3, member[3], 4)
static const struct rte_acl_field_def acl_fields6[2][ACL_FIELDS6] = {
	{
		ACL_FIELD(acl_key6, RANGE, 0, 0, proto, 1),
		ACL_ADDR6_FIELDS(1, 1, src),
		ACL_ADDR6_FIELDS(5, 5, dst),
		ACL_TAIL_FIELDS(acl_key6, 9, 9),
	},
	{
		ACL_FIELD(acl_key6, RANGE, 0, 0, proto, 1),
		ACL_ADDR6_FIELDS(5, 1, dst),
		ACL_ADDR6_FIELDS(1, 5, src),
		ACL_TAIL_FIELDS(acl_key6, 9, 9),
	},
};

RTE_ACL_RULE_DEF(acl_rte_rule4, ACL_FIELDS4);
RTE_ACL_RULE_DEF(acl_rte_rule6, ACL_FIELDS6);

// Ports that no rule of the policy tells apart have one class: a rule's set of ports is then a few
// ranges of classes, negated or not.
struct acl_classes {
	uint8_t of[PL_PORT_MAX + 1];	  // class of a port index
	uint64_t member[PL_PORT_MAX + 1]; // ports of a class
	uint8_t n;
};
