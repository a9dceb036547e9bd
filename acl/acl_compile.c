// Chains to steps. Rules are gathered into segments: as long as no rule can match a packet that an
// earlier "open" rule of the segment matched, one look-up of the first match in order is enough.
// Open is a rule after which the walk may go on (no target, a jump), or whose boxes cover more than
// the rule. So a run of rules that end the walk is one segment, an open rule closes it for those
// that overlap it, and jumps that exclude one another share one. Long segments become rte_acl
// contexts, short ones are compared in line. Control thread, at build. rte_acl takes its memory
// from the EAL heap: where a context does not fit, the segment is halved; where that does not help,
// the policy is refused.
#include "acl/acl_kind.h"
#include "acl/acl_step.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_log.h>

#define HALF_MIN 64 // a segment is not halved below this
#define OPEN_MAX                                                                                   \
	2048 // boxes of open rules in a segment: bounds the time to compare with all of them
#define INLINE_BOXES 2 // of one rule in line; more are one box around them and the exact match
#define MERGE_MAX    1000000 // see acl_ctx_build(): about a second of building per table
#define PEEL_MAX     4 // leading rules of a long segment that only ask for the state stay in line

struct acl_tuning acl_tuning = {.segment_min = 16, .context_max = UINT32_MAX, .merge_boxes = 1200};

struct compile {
	struct acl_table *t;
	enum cfg_table_id id;
	enum acl_family family;
	const struct acl_classes *cl;
	struct cfg_err *err;
	const struct acl_room *room;
	bool untracks; // some rule of the table does
	struct acl_step *step;
	uint32_t n_step, cap_step;
	struct acl_seg_rule *rule; // of the segment that grows
	uint32_t n_rule;
	struct acl_box *box;
	uint32_t n_box, cap_box;
	uint32_t *open; // boxes of open rules
	uint32_t n_open, cap_open;
	uint64_t merge_left;	 // see acl_ctx_build()
	struct acl_boxes *boxes; // of one rule
};

// Room for n more of an array that grows. False when out of memory.
static bool
grow(void *array, uint32_t *cap, uint32_t used, uint32_t n, size_t size)
{
	void *old, *new;
	uint32_t want = *cap;

	if (used + n <= *cap)
		return true;
	while (want < used + n)
		want = want * 2 + 64;
	memcpy(&old, array, sizeof(old));
	new = realloc(old, want * size);
	if (new == NULL)
		return false;
	memcpy(array, &new, sizeof(new));
	*cap = want;
	return true;
}

static struct acl_step *
step_add(struct compile *c, enum acl_step_kind kind)
{
	struct acl_step *s;

	if (!grow(&c->step, &c->cap_step, c->n_step, 1, sizeof(*c->step)))
		return NULL;
	s = &c->step[c->n_step++];
	memset(s, 0, sizeof(*s));
	s->kind = kind;
	return s;
}

static void
mask_of(union pl_addr *mask, unsigned len)
{
	for (unsigned i = 0; i < 16; i++)
		mask->v6[i] = len >= i * 8 + 8 ? 0xff
			      : len <= i * 8   ? 0
					       : 0xff << (i * 8 + 8 - len);
}

static uint64_t
classes_ports(const struct acl_classes *cl, unsigned lo, unsigned hi)
{
	uint64_t set = 0;

	for (unsigned c = lo; c <= hi && c < cl->n; c++)
		set |= cl->member[c];
	return set;
}

static int
box_step(struct compile *c, const struct acl_box *b, uint32_t rule, bool verify)
{
	struct acl_step *s = step_add(c, ACL_STEP_BOX);

	if (s == NULL)
		return -ENOMEM;
	s->src = b->src;
	s->dst = b->dst;
	mask_of(&s->src_mask, b->src_len);
	mask_of(&s->dst_mask, b->dst_len);
	s->in = classes_ports(c->cl, b->in_lo, b->in_hi);
	s->out = classes_ports(c->cl, b->out_lo, b->out_hi);
	s->misc_mask = acl_misc(b->proto_lo == b->proto_hi ? 255 : 0, b->ct_mask, b->flags_mask);
	s->misc = acl_misc(b->proto_lo, b->ct_value, b->flags_value) & s->misc_mask;
	s->sport_lo = b->sport_lo;
	s->sport_span = b->sport_hi - b->sport_lo;
	s->dport_lo = b->dport_lo;
	s->dport_span = b->dport_hi - b->dport_lo;
	s->rule = rule;
	// A range of protocols ("! -p tcp") is not compared here.
	s->verify =
		verify || (b->proto_lo != b->proto_hi && !(b->proto_lo == 0 && b->proto_hi == 255));
	return 0;
}

static int
rule_inline(struct compile *c, const struct acl_seg_rule *r)
{
	const struct acl_box *box = &c->box[r->first];
	struct acl_box hull;
	int ret = 0;

	if (r->n > INLINE_BOXES || (r->n > 1 && (c->t->rule[r->rule].flags & ACL_R_STATE))) {
		hull = acl_box_hull(box, r->n);
		ret = box_step(c, &hull, r->rule, true);
	} else {
		for (uint32_t i = 0; ret == 0 && i < r->n; i++)
			ret = box_step(c, &box[i], r->rule, !r->exact);
	}
	c->t->rule[r->rule].next = c->n_step;
	return ret;
}

// n rules as one step, or as several in order where one is too much for rte_acl or for the heap.
static int
ctx_steps(struct compile *c, const struct acl_seg_rule *rule, uint32_t n)
{
	uint32_t size = RTE_MIN(n, acl_tuning.context_max);
	int ret = 0;

	while (n > 0) {
		struct acl_step *s = step_add(c, ACL_STEP_CTX);

		if (s == NULL)
			return -ENOMEM;
		size = RTE_MIN(size, n);
		ret = acl_ctx_build(s, rule, size, c->box, c->family, c->room->socket,
				    &c->merge_left);
		if (ret == 0 && acl_room_over(c->room))
			return -EDQUOT;
		if (ret == 0) {
			rule += size;
			n -= size;
			continue;
		}
		c->n_step--;
		if (size < HALF_MIN)
			return ret;
		size /= 2;
	}
	return 0;
}

static bool
only_state(const struct acl_box *b)
{
	return b->src_len == 0 && b->dst_len == 0 && b->sport_lo == 0 && b->sport_hi == 65535 &&
	       b->dport_lo == 0 && b->dport_hi == 65535 && b->proto_hi - b->proto_lo == 255;
}

static int
segment_close(struct compile *c, const struct acl_chain *chain)
{
	const struct acl_seg_rule *r = c->rule;
	uint32_t n = c->n_rule, peeled = 0;
	int ret = 0;

	while (ret == 0 && n > 0 &&
	       (c->n_rule < acl_tuning.segment_min ||
		(peeled < PEEL_MAX && r->n <= INLINE_BOXES && only_state(&c->box[r->first])))) {
		ret = rule_inline(c, r++);
		n--;
		peeled++;
	}
	if (ret == 0 && n > 0)
		ret = ctx_steps(c, r, n);
	for (uint32_t i = 0; i < n; i++) {
		c->t->rule[r[i].rule].next = c->n_step;
		if (!r[i].exact)
			c->t->rule[r[i].rule].flags |= ACL_R_VERIFY;
	}
	if (ret == -EDQUOT)
		cfg_err_add(c->err, (struct cfg_pos){0},
			    "table %s chain %s: with it the rules take more memory than the %zu "
			    "MiB that they may (sizes.rules-memory in ringwall.conf)",
			    cfg_table_name(c->id), chain->name, c->room->limit >> 20);
	else if (ret < 0)
		cfg_err_add(c->err, (struct cfg_pos){0},
			    "table %s chain %s: its %" PRIu32 " rules from number %" PRIu32
			    " on do not fit rte_acl: %s (EAL's memory is what -m or the hugepages "
			    "give)",
			    cfg_table_name(c->id), chain->name, c->n_rule,
			    c->t->rule[c->rule[0].rule].number, strerror(-ret));
	c->n_rule = c->n_box = c->n_open = 0;
	return ret;
}

// May the rule whose boxes are in c->boxes join the segment?
static bool
fits(const struct compile *c)
{
	if (c->n_open > OPEN_MAX)
		return false;
	for (unsigned i = 0; i < c->boxes->n; i++)
		for (uint32_t k = 0; k < c->n_open; k++)
			if (!acl_box_disjoint(&c->box[c->open[k]], &c->boxes->box[i]))
				return false;
	return true;
}

static int
rule_add(struct compile *c, uint32_t rule)
{
	const struct acl_boxes *b = c->boxes;
	uint8_t target = c->t->rule[rule].target;

	if (!grow(&c->box, &c->cap_box, c->n_box, b->n, sizeof(*c->box)) ||
	    !grow(&c->open, &c->cap_open, c->n_open, b->n, sizeof(*c->open)))
		return -ENOMEM;
	c->rule[c->n_rule++] = (struct acl_seg_rule){rule, c->n_box, b->n, b->exact};
	if (!b->exact || target == CFG_T_NONE || target == CFG_T_JUMP ||
	    acl_target_kind[target].apply != NULL)
		for (unsigned i = 0; i < b->n; i++)
			c->open[c->n_open++] = c->n_box + i;
	memcpy(&c->box[c->n_box], b->box, b->n * sizeof(*b->box));
	c->n_box += b->n;
	return 0;
}

static bool
untracks(const struct acl_rule *r)
{
	return acl_target_kind[r->target].flags & ACL_K_UNTRACKS;
}

// A packet may come back from this rule with another state than it came with.
static bool
changes_state(const struct compile *c, const struct acl_rule *r)
{
	return untracks(r) || (c->untracks && r->target == CFG_T_JUMP);
}

static int
compile_chain(struct compile *c, struct acl_chain *chain)
{
	int ret = 0;

	chain->step = c->n_step;
	for (uint32_t i = chain->first; ret == 0 && i < chain->first + chain->n; i++) {
		acl_rule_boxes(c->boxes, &c->t->rule[i], c->family, c->cl);
		if (c->boxes->n == 0)
			continue; // no packet can match it
		if (c->n_rule > 0 && !fits(c))
			ret = segment_close(c, chain);
		if (ret == 0)
			ret = rule_add(c, i);
		// After it the state is another one: boxes before and after cannot be compared.
		if (ret == 0 && changes_state(c, &c->t->rule[i]))
			ret = segment_close(c, chain);
	}
	if (ret == 0 && c->n_rule > 0)
		ret = segment_close(c, chain);
	if (ret == 0) {
		struct acl_step *end = step_add(c, ACL_STEP_END);

		if (end != NULL)
			end->chain = (uint32_t)(chain - c->t->chain);
		else
			ret = -ENOMEM;
	}
	return ret;
}

int
acl_compile_table(struct acl_table *t, enum cfg_table_id id, enum acl_family family,
		  const struct acl_classes *cl, const struct acl_room *room, struct cfg_err *err)
{
	struct compile c = {.t = t,
			    .id = id,
			    .family = family,
			    .cl = cl,
			    .room = room,
			    .err = err,
			    .merge_left = MERGE_MAX};
	int level = rte_log_get_level(RTE_LOGTYPE_ACL);
	int ret = 0;

	c.rule = calloc(t->n_rule + 1, sizeof(*c.rule));
	c.boxes = malloc(sizeof(*c.boxes));
	if (c.rule == NULL || c.boxes == NULL)
		ret = -ENOMEM;
	for (uint32_t i = 0; i < t->n_rule; i++)
		c.untracks |= untracks(&t->rule[i]);
	rte_log_set_level(RTE_LOGTYPE_ACL, RTE_LOG_CRIT); // a context that does not fit is no news
	for (uint32_t i = 0; ret == 0 && i < t->n_chain; i++)
		ret = compile_chain(&c, &t->chain[i]);
	if (level >= 0)
		rte_log_set_level(RTE_LOGTYPE_ACL, level);
	t->step = aligned_alloc(RTE_CACHE_LINE_SIZE, (c.n_step + 1) * sizeof(*t->step));
	if (t->step != NULL) {
		if (c.n_step > 0)
			memcpy(t->step, c.step, c.n_step * sizeof(*t->step));
		t->n_step = c.n_step;
	} else {
		for (uint32_t i = 0; i < c.n_step; i++)
			acl_ctx_free(&c.step[i]);
		ret = -ENOMEM;
	}
	free(c.step);
	free(c.rule);
	free(c.box);
	free(c.open);
	free(c.boxes);
	return ret;
}

void
acl_steps_free(struct acl_table *t)
{
	for (uint32_t i = 0; i < t->n_step; i++)
		acl_ctx_free(&t->step[i]);
	free(t->step);
}
