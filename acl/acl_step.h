#pragma once
// The compiled form of a chain: steps in the order of its rules. A step compares one box in line,
// or asks an rte_acl context that stands for a whole segment of rules, or ends the chain. A walk is
// at one step of its table at any time; on a miss it goes to the next step.
#include "acl/acl_box.h"
#include "acl/acl_int.h"
#include "acl/acl_room.h"

enum acl_step_kind { ACL_STEP_BOX, ACL_STEP_CTX, ACL_STEP_END };

#define ACL_STEP_CTX_MAX 3 // one per shape (acl_ctx.c)

struct acl_step {
	union {
		struct { // ACL_STEP_BOX
			union pl_addr src, src_mask, dst, dst_mask;
		};
		// ACL_STEP_CTX: their results are rule index + 1; the first rule in order is the
		// answer
		struct rte_acl_ctx *ctx[ACL_STEP_CTX_MAX];
	};
	uint64_t in, out;	  // bit per port
	uint32_t misc, misc_mask; // acl_misc()
	uint16_t sport_lo, sport_span, dport_lo, dport_span;
	union {
		uint32_t rule;
		uint32_t chain; // ACL_STEP_END: whose
	};
	uint8_t kind;	// enum acl_step_kind
	uint8_t verify; // the box covers more than the rule
	uint8_t n_ctx;
} __rte_cache_aligned;
static_assert(sizeof(struct acl_step) == 128, "two cache lines");

static inline uint32_t
acl_misc(uint8_t proto, uint8_t ct, uint8_t flags)
{
	return proto | (uint32_t)ct << 8 | (uint32_t)flags << 16;
}

// A rule in a segment that is being built; its boxes are in an array of the segment's.
struct acl_seg_rule {
	uint32_t rule;
	uint32_t first, n; // of box
	bool exact;
};

// The contexts of one step, for n rules in order. Few contexts make fast walks, but a trie that
// mixes boxes of different shapes can grow with the product of their numbers: *merge_left is what
// may still be spent on that, and is taken from. 0 or -errno: then the step holds nothing.
int acl_ctx_build(struct acl_step *s, const struct acl_seg_rule *rule, uint32_t n,
		  const struct acl_box *box, enum acl_family family, int socket,
		  uint64_t *merge_left);
void acl_ctx_free(struct acl_step *s); // any kind of step

// What was found by measuring (test/unit/acl/speed.c and classbench.c). Tests set it to get
// contexts from few rules, and several from one segment. Control thread.
struct acl_tuning {
	unsigned segment_min; // rules in a segment from which it is a context; fewer are faster in
			      // line
	unsigned context_max; // rules in a context
	unsigned merge_boxes; // boxes of two shapes that may share a context
};
extern struct acl_tuning acl_tuning;

// Makes t->step. 0 or -errno with the reason in err.
int acl_compile_table(struct acl_table *t, enum cfg_table_id id, enum acl_family family,
		      const struct acl_classes *cl, const struct acl_room *room,
		      struct cfg_err *err);
void acl_steps_free(struct acl_table *t);

// ---- walking
struct acl_lane { // one packet on its way through a table
	struct pl_pkt *pkt;
	struct acl_view v; // of pkt
	const struct acl_chain *start;
	uint32_t pos;	// step
	uint32_t depth; // of stack
	uint32_t *stack;
	uint32_t misc;
	uint16_t sport, dport; // host order, as in the key
	union {
		struct acl_key4 v4;
		struct acl_key6 v6;
	} key;
	struct acl_end end;
};

struct acl_scratch {
	struct acl_lane lane[PL_BURST];
	const uint8_t *key[PL_BURST];
	uint32_t result[PL_BURST], other[PL_BURST];
	struct acl_lane *waiting[PL_BURST], *group[PL_BURST];
};

// Worker's memory for a table depth. NULL when out of memory; free() gives it back.
struct acl_scratch *acl_scratch_create(uint32_t depth);
// Walks the first n lanes, whose pkt, v and start are set; leaves how each ended in its end. cnt:
// this worker's.
void acl_walk(const struct acl_policy *p, const struct acl_table *t, enum acl_family family,
	      struct acl_scratch *sc, unsigned n, struct pl_counter *cnt);
