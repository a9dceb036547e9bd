// The rte_acl contexts of one step. rte_acl looks fields up one after another in a trie, so a box
// that leaves the first field open is copied below every value of it that other boxes name:
// thousands of "anything to this host" beside thousands of "this host to anything" take 6 GiB and
// 40 s to build (measured: ClassBench fw1, 10,000 rules, one context). So boxes are told apart by
// shape: those that name the source best are looked up source first, those that name the
// destination best destination first, and those that name neither are a context of their own; the
// walk asks all of them and takes the first rule in order. The same set takes 0.5 s and 8 MiB then,
// and a third of the ticks per packet. Where there are few boxes, one context for all shapes is
// faster to ask. Control thread.
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>

#include "acl/acl_step.h"

enum shape { SHAPE_WIDE, SHAPE_SRC, SHAPE_DST, SHAPES };
static_assert(ACL_STEP_CTX_MAX >= (int)SHAPES, "a place for each");

#define NARROW4	 16 // prefix bits from which an IPv4 address is named well
#define NARROW6	 40
#define WIDE_MAX 2048 // of boxes that name neither address: more are split in order

struct shapes {
	unsigned ctx_of[SHAPES]; // shape whose context takes this one's boxes
	uint32_t n[SHAPES];	 // boxes by context
};

static enum shape
box_shape(const struct acl_box *b, enum acl_family family)
{
	unsigned narrow = family == ACL_V4 ? NARROW4 : NARROW6;

	if (b->src_len < narrow && b->dst_len < narrow)
		return SHAPE_WIDE;
	return b->dst_len >= b->src_len ? SHAPE_DST : SHAPE_SRC;
}

static void
merge(struct shapes *sh, enum shape from, enum shape into, uint64_t *left)
{
	uint64_t cost = (uint64_t)sh->n[from] * sh->n[into];

	if (cost == 0 || sh->n[from] + sh->n[into] > acl_tuning.merge_boxes || cost > *left)
		return;
	*left -= cost;
	sh->n[into] += sh->n[from];
	sh->n[from] = 0;
	for (unsigned i = 0; i < SHAPES; i++)
		if (sh->ctx_of[i] == from)
			sh->ctx_of[i] = into;
}

static struct shapes
shapes_of(const struct acl_seg_rule *rule, uint32_t n, const struct acl_box *box,
	  enum acl_family family, uint64_t *merge_left)
{
	struct shapes sh = {.ctx_of = {SHAPE_WIDE, SHAPE_SRC, SHAPE_DST}};

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t k = 0; k < rule[i].n; k++)
			sh.n[box_shape(&box[rule[i].first + k], family)]++;
	merge(&sh, SHAPE_WIDE, sh.n[SHAPE_SRC] != 0 ? SHAPE_SRC : SHAPE_DST, merge_left);
	merge(&sh, SHAPE_DST, SHAPE_SRC, merge_left);
	return sh;
}

static void
field_range8(struct rte_acl_field *f, uint8_t lo, uint8_t hi)
{
	f->value.u8 = lo;
	f->mask_range.u8 = hi;
}

static void
field_range16(struct rte_acl_field *f, uint16_t lo, uint16_t hi)
{
	f->value.u16 = lo;
	f->mask_range.u16 = hi;
}

static void
fields_addr(struct rte_acl_field *f, const union pl_addr *addr, unsigned len, unsigned words)
{
	for (unsigned i = 0; i < words; i++) {
		f[i].value.u32 = rte_be_to_cpu_32(addr->u32[i]);
		f[i].mask_range.u32 = len <= i * 32 ? 0 : RTE_MIN(len - i * 32, 32u);
	}
}

static void
fields_set(struct rte_acl_field *f, const struct acl_box *b, enum acl_family family)
{
	unsigned words = family == ACL_V4 ? 1 : 4;

	field_range8(f++, b->proto_lo, b->proto_hi);
	fields_addr(f, &b->src, b->src_len, words);
	fields_addr(f + words, &b->dst, b->dst_len, words);
	f += 2 * words;
	field_range16(f++, b->sport_lo, b->sport_hi);
	field_range16(f++, b->dport_lo, b->dport_hi);
	field_range8(f++, b->in_lo, b->in_hi);
	field_range8(f++, b->out_lo, b->out_hi);
	field_range8(f++, b->ct_value, b->ct_mask); // value and mask, not a range
	field_range8(f, b->flags_value, b->flags_mask);
}

struct fill {
	const struct acl_seg_rule *rule;
	uint32_t n;
	const struct acl_box *box;
	enum acl_family family;
	const struct shapes *shapes;
};

// Adds those boxes that belong to the context of this shape; earlier rules have higher priority.
static int
ctx_fill(struct rte_acl_ctx *ctx, const struct fill *f, enum shape shape)
{
	int ret = 0;

	for (uint32_t i = 0; ret == 0 && i < f->n; i++) {
		for (uint32_t k = 0; ret == 0 && k < f->rule[i].n; k++) {
			const struct acl_box *b = &f->box[f->rule[i].first + k];
			struct acl_rte_rule6 rule = {
				.data = {.category_mask = 1,
					 .priority = (int32_t)(RTE_ACL_MAX_PRIORITY - i),
					 .userdata = f->rule[i].rule + 1},
			};

			if (f->shapes->ctx_of[box_shape(b, f->family)] != shape)
				continue;
			fields_set(rule.field, b, f->family);
			// rule_size says how much of it a context of this family takes
			ret = rte_acl_add_rules(ctx, (const struct rte_acl_rule *)&rule, 1);
		}
	}
	return ret;
}

static int
ctx_create(struct rte_acl_ctx **out, const struct fill *f, enum shape shape, int socket)
{
	static uint32_t serial; // names are unique in the process; control thread only
	bool v4 = f->family == ACL_V4, dst_first = shape == SHAPE_DST;
	char name[RTE_ACL_NAMESIZE];
	struct rte_acl_param param = {
		.name = name,
		.socket_id = socket,
		.max_rule_num = f->shapes->n[shape],
		.rule_size = v4 ? sizeof(struct acl_rte_rule4) : sizeof(struct acl_rte_rule6),
	};
	struct rte_acl_config cfg = {.num_categories = 1,
				     .num_fields = v4 ? ACL_FIELDS4 : ACL_FIELDS6};
	struct rte_acl_ctx *ctx;
	int ret;

	if (v4)
		memcpy(cfg.defs, acl_fields4[dst_first], sizeof(acl_fields4[0]));
	else
		memcpy(cfg.defs, acl_fields6[dst_first], sizeof(acl_fields6[0]));
	snprintf(name, sizeof(name), "rw-%" PRIu32, serial++);
	ctx = rte_acl_create(&param);
	if (ctx == NULL)
		return rte_errno != 0 ? -rte_errno : -ENOMEM;
	ret = ctx_fill(ctx, f, shape);
	if (ret == 0)
		ret = rte_acl_build(ctx, &cfg);
	if (ret < 0) {
		rte_acl_free(ctx);
		return ret;
	}
	*out = ctx;
	return 0;
}

int
acl_ctx_build(struct acl_step *s, const struct acl_seg_rule *rule, uint32_t n,
	      const struct acl_box *box, enum acl_family family, int socket, uint64_t *merge_left)
{
	struct shapes sh = shapes_of(rule, n, box, family, merge_left);
	struct fill f = {.rule = rule, .n = n, .box = box, .family = family, .shapes = &sh};
	int ret = sh.n[SHAPE_WIDE] > WIDE_MAX ? -E2BIG : 0;

	for (unsigned shape = 0; ret == 0 && shape < SHAPES; shape++) {
		if (sh.n[shape] == 0)
			continue;
		ret = ctx_create(&s->ctx[s->n_ctx], &f, shape, socket);
		s->n_ctx += ret == 0;
	}
	if (ret < 0)
		acl_ctx_free(s);
	return ret;
}

void
acl_ctx_free(struct acl_step *s)
{
	for (unsigned i = 0; i < s->n_ctx; i++)
		rte_acl_free(s->ctx[i]);
	s->n_ctx = 0;
}
