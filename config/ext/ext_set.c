// The match set and the target SET: rows of the extension table with their parse and show
// functions. The sets themselves are in set.c and its neighbours.
//
// Called through the table by both readers and both writers. Which sets there are is told by
// whoever reads the text (struct cfg_restore), or nobody knows.
#include "config/ext/ext.h"
#include "config/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool
bad_set(struct ext_in *in, const char *expected)
{
	cfg_err_add(in->err, in->pos, "'%s': bad set \"%s %s\" (expected %s)", in->name,
		    in->value[0], in->value[1], expected);
	return false;
}

// Is there a set of the name, for rules of these families? iptables asks the same as soon as it
// reads the name. A rule that may stand in both families stands in the set's.
static bool
set_there(struct ext_in *in)
{
	const struct cfg_set *s = in->sets != NULL ? cfg_set_find(in->sets, in->value[0]) : NULL;

	if (s == NULL && in->sets != NULL && !in->sets_open)
		cfg_err_add_of(in->err, CFG_JUDGE_POLICY, in->pos, "'%s': Set %s doesn't exist.",
			       in->name, in->value[0]);
	if (s == NULL)
		return in->sets == NULL || in->sets_open;
	if (in->families & s->family) {
		in->families &= s->family;
		return true;
	}
	cfg_err_add_of(in->err, CFG_JUDGE_POLICY, in->pos,
		       "'%s': The protocol family of set %s is %s, which is not applicable.",
		       in->name, s->name, s->family == CFG_IPV4 ? "IPv4" : "IPv6");
	return false;
}

// NAME src,dst,...
static bool
set_ref(struct ext_in *in, struct cfg_set_ref *out)
{
	struct cfg_set_ref ref = {.n = 0};
	const char *rest = in->value[1];
	char word[8];

	if (!cfg_value_is_word(in->value[0]) || strlen(in->value[0]) >= sizeof(ref.name))
		return bad_set(in, "a name of at most 31 characters");
	strcpy(ref.name, in->value[0]);
	while (rest != NULL) {
		bool fits = cfg_value_next(&rest, word, sizeof(word));

		if (!fits || (strcmp(word, "src") != 0 && strcmp(word, "dst") != 0))
			return bad_set(in, "a list of src and dst behind the name");
		if (ref.n == CFG_SET_DIRS)
			return bad_set(in, "at most 6 of src and dst");
		ref.src |= (uint8_t)((word[0] == 's') << ref.n++);
	}
	if (!set_there(in))
		return false;
	*out = ref;
	return true;
}

static bool
ref_show(struct ext_out *out, const struct cfg_set_ref *ref)
{
	if (ref == NULL || ref->n == 0)
		return false;
	cfg_buf_addf(out->text, "%s ", ref->name);
	for (unsigned i = 0; i < ref->n; i++)
		cfg_buf_addf(out->text, "%s%s", i > 0 ? "," : "",
			     (ref->src >> i & 1) != 0 ? "src" : "dst");
	return true;
}

// ---- the match
static bool
match_set_parse(struct ext_in *in)
{
	struct cfg_set_ref *ref = ext_data(in, sizeof(*ref));

	in->match->set.invert = in->invert;
	return ref != NULL && set_ref(in, ref);
}

static bool
match_set_show(struct ext_out *out)
{
	out->invert = out->match->set.invert;
	return ref_show(out, out->match->data);
}

static bool
return_nomatch_parse(struct ext_in *in)
{
	in->match->set.return_nomatch = true;
	return true;
}

static bool
return_nomatch_show(struct ext_out *out)
{
	return out->match->set.return_nomatch;
}

// Counters are updated unless the option is inverted; iptables-save prints it only then.
#define SET_COUNTERS(name, field)                                                                  \
	static bool name##_parse(struct ext_in *in)                                                \
	{                                                                                          \
		in->match->set.field = in->invert;                                                 \
		return true;                                                                       \
	}                                                                                          \
	static bool name##_show(struct ext_out *out)                                               \
	{                                                                                          \
		out->invert = true;                                                                \
		return out->match->set.field;                                                      \
	}
SET_COUNTERS(update_counters, keep_counters)
SET_COUNTERS(update_subcounters, keep_subcounters)

#define SET_COUNT(what, op, OP)                                                                    \
	static bool what##_##op##_parse(struct ext_in *in)                                         \
	{                                                                                          \
		in->match->set.what##_op = (OP);                                                   \
		in->match->set.what##_inv = in->invert;                                            \
		return ext_number64(in, &in->match->set.what);                                     \
	}                                                                                          \
	static bool what##_##op##_show(struct ext_out *out)                                        \
	{                                                                                          \
		out->invert = out->match->set.what##_inv;                                          \
		cfg_buf_addf(out->text, "%" PRIu64, out->match->set.what);                         \
		return out->match->set.what##_op == (OP);                                          \
	}
SET_COUNT(packets, eq, CFG_SET_EQ)
SET_COUNT(packets, lt, CFG_SET_LT)
SET_COUNT(packets, gt, CFG_SET_GT)
SET_COUNT(bytes, eq, CFG_SET_EQ)
SET_COUNT(bytes, lt, CFG_SET_LT)
SET_COUNT(bytes, gt, CFG_SET_GT)

// ---- the target
static bool
target_set(struct ext_in *in, enum cfg_set_what what)
{
	struct cfg_target *t = in->target;

	if (t->data == NULL) {
		t->data = calloc(CFG_SET_WHATS, sizeof(struct cfg_set_ref));
		t->data_size = CFG_SET_WHATS * sizeof(struct cfg_set_ref);
	}
	if (t->data == NULL) {
		cfg_err_add(in->err, in->pos, "out of memory");
		return false;
	}
	return set_ref(in, (struct cfg_set_ref *)t->data + what);
}

static bool
target_has(const struct cfg_target *t, enum cfg_set_what what)
{
	return t->data != NULL && ((const struct cfg_set_ref *)t->data)[what].n > 0;
}

static const char *
target_unable(const struct cfg_rule *rule, const void *item)
{
	const struct cfg_target *t = item;

	(void)rule;
	return target_has(t, CFG_SET_MAP)
		       ? "sets keep no marks, classes or queues here (map-set): rules with the "
			 "match set and MARK or CLASSIFY give them"
		       : NULL;
}

#define SET_TARGET(name, what)                                                                     \
	static bool name##_parse(struct ext_in *in)                                                \
	{                                                                                          \
		return target_set(in, what);                                                       \
	}                                                                                          \
	static bool name##_show(struct ext_out *out)                                               \
	{                                                                                          \
		return target_has(out->target, what) &&                                            \
		       ref_show(out, (const struct cfg_set_ref *)out->target->data + (what));      \
	}
SET_TARGET(add_set, CFG_SET_ADD)
SET_TARGET(del_set, CFG_SET_DEL)
SET_TARGET(map_set, CFG_SET_MAP)

#define SET_FLAG(field)                                                                            \
	static bool field##_parse(struct ext_in *in)                                               \
	{                                                                                          \
		in->target->set.field = true;                                                      \
		return true;                                                                       \
	}                                                                                          \
	static bool field##_show(struct ext_out *out)                                              \
	{                                                                                          \
		return out->target->set.field;                                                     \
	}
SET_FLAG(exist)
SET_FLAG(map_mark)
SET_FLAG(map_prio)
SET_FLAG(map_queue)

static bool
timeout_parse(struct ext_in *in)
{
	in->target->set.timeout_set = true;
	return ext_number(in, 0, UINT32_MAX - 1, &in->target->set.timeout);
}

static bool
timeout_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->target->set.timeout);
	return out->target->set.timeout_set;
}

static bool
target_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	const struct cfg_target *t = item;
	const char *wrong = NULL;
	bool map = t->set.map_mark || t->set.map_prio || t->set.map_queue;

	(void)rule;
	if (t->data == NULL)
		wrong = "needs 'add-set', 'del-set' or 'map-set'";
	else if (!target_has(t, CFG_SET_ADD) && (t->set.exist || t->set.timeout_set))
		wrong = "'exist' and 'timeout' go with 'add-set' only";
	else if (target_has(t, CFG_SET_MAP) != map)
		wrong = "'map-set' goes with 'map-mark', 'map-prio' or 'map-queue'";
	if (wrong != NULL)
		cfg_err_add(err, pos, "SET: %s", wrong);
	return wrong == NULL;
}

static uint8_t
target_hooks(const void *item)
{
	const struct cfg_target *t = item;

	return t->set.map_prio || t->set.map_queue
		       ? 1 << CFG_FORWARD | 1 << CFG_OUTPUT | 1 << CFG_POSTROUTING
		       : 0;
}

static uint8_t
target_tables(const void *item)
{
	return target_has(item, CFG_SET_MAP) ? 1 << CFG_MANGLE : 0;
}

#define COUNT_OPT(text, number, fn, inv)                                                           \
	{                                                                                          \
		.name = text, .slot = number, .value = EXT_WORD, .invertible = inv,                \
		.pattern = EXT_P_NUMBER, .parse = fn##_parse, .show = fn##_show                    \
	}
// All in the order in which iptables-save prints them.
static const struct ext_opt set_opt[] = {
	{.name = "match-set",
	 .slot = 0,
	 .value = EXT_PAIR,
	 .invertible = true,
	 .required = true,
	 .parse = match_set_parse,
	 .show = match_set_show},
	{.name = "return-nomatch",
	 .slot = 1,
	 .parse = return_nomatch_parse,
	 .show = return_nomatch_show},
	{.name = "update-counters",
	 .slot = 2,
	 .invertible = true,
	 .parse = update_counters_parse,
	 .show = update_counters_show},
	{.name = "update-subcounters",
	 .slot = 3,
	 .invertible = true,
	 .parse = update_subcounters_parse,
	 .show = update_subcounters_show},
	COUNT_OPT("packets-eq", 4, packets_eq, true),
	COUNT_OPT("packets-lt", 4, packets_lt, false),
	COUNT_OPT("packets-gt", 4, packets_gt, false),
	COUNT_OPT("bytes-eq", 5, bytes_eq, true),
	COUNT_OPT("bytes-lt", 5, bytes_lt, false),
	COUNT_OPT("bytes-gt", 5, bytes_gt, false),
};
static const struct ext_opt target_opt[] = {
	{.name = "add-set",
	 .slot = 0,
	 .value = EXT_PAIR,
	 .parse = add_set_parse,
	 .show = add_set_show},
	{.name = "exist", .slot = 1, .parse = exist_parse, .show = exist_show},
	COUNT_OPT("timeout", 2, timeout, false),
	{.name = "del-set",
	 .slot = 3,
	 .value = EXT_PAIR,
	 .parse = del_set_parse,
	 .show = del_set_show},
	{.name = "map-set",
	 .slot = 4,
	 .value = EXT_PAIR,
	 .parse = map_set_parse,
	 .show = map_set_show},
	{.name = "map-mark", .slot = 5, .parse = map_mark_parse, .show = map_mark_show},
	{.name = "map-prio", .slot = 6, .parse = map_prio_parse, .show = map_prio_show},
	{.name = "map-queue", .slot = 7, .parse = map_queue_parse, .show = map_queue_show},
};

const struct ext ext_set = {
	.name = "set",
	.id = CFG_M_SET,
	.families = CFG_BOTH,
	.opt = set_opt,
	.n_opt = EXT_N(set_opt),
};
const struct ext ext_set_target = {
	.name = "SET",
	.target = true,
	.id = CFG_T_SET,
	.families = CFG_BOTH,
	.hooks_of = target_hooks,
	.tables_of = target_tables,
	.opt = target_opt,
	.n_opt = EXT_N(target_opt),
	.check = target_check,
	.unable = target_unable,
};
