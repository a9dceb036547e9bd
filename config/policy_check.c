// Errors that a policy may have whatever file it came from: a chain that does not exist, jumps in a
// circle, a match or target where it cannot stand.
//
// cfg_policy_check is called by both readers at their end and by tests, on the reading thread; it
// changes nothing. Where something can stand is what the kernel checks: user chains count as
// standing at every hook from which they can be reached, in each family by itself. Stricter than
// the kernel: a circle of jumps is an error even where no packet can get into it, and so is a web
// of jumps in which one packet may walk more than CFG_STEPS_MAX rules.
#include "config/ext/ext.h"
#include "config/model.h"
#include "config/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum colour { WHITE, GREY, BLACK };

struct node {
	struct cfg_chain *chain;
	enum colour colour;
	uint8_t hooks;	  // bit per hook from which it is reached, in the family at hand
	uint32_t steps;	  // rules that the longest walk from its first rule on looks at
	size_t next_rule; // of the walk
	size_t parent;
};

struct checker {
	const struct cfg_policy *policy;
	enum cfg_table_id table;
	uint8_t family; // at hand
	bool too_long;	// told that a walk is
	struct node *node;
	size_t n;
	size_t *order, n_order; // finished chains, callees first
	struct cfg_err *err;
};

static int
by_chain(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return x->chain < y->chain ? -1 : x->chain > y->chain;
}

static struct node *
node_at(const struct checker *c, struct cfg_chain *chain)
{
	const struct node key = {.chain = chain};

	return bsearch(&key, c->node, c->n, sizeof(key), by_chain);
}

static struct node *
node_of(const struct checker *c, const char *name)
{
	struct cfg_chain *chain = cfg_chain_find(c->policy, c->table, name);

	return chain == NULL ? NULL : node_at(c, chain);
}

static bool
is_jump(const struct cfg_rule *r)
{
	return r->target.id == CFG_T_JUMP || r->target.id == CFG_T_GOTO;
}

// The chain that a rule goes to in this family; NULL: it goes nowhere, or the chain is missing.
static struct node *
callee(const struct checker *c, const struct cfg_rule *r)
{
	struct node *to =
		is_jump(r) && (r->family & c->family) ? node_of(c, r->target.chain) : NULL;

	return to != NULL && to->chain->hook == CFG_HOOK_NONE ? to : NULL;
}

static void
circle_found(const struct checker *c, const struct node *from, const struct node *to,
	     const struct cfg_rule *r)
{
	cfg_err_add(c->err, r->target.pos.line != 0 ? r->target.pos : r->pos,
		    "table '%s': the jump from chain '%s' to '%s' closes a circle",
		    cfg_table_name(c->table), from->chain->name, to->chain->name);
}

// Depth first from one chain, without recursion. Notes the order in which chains are done with.
static bool
walk(struct checker *c, size_t root)
{
	size_t at = root;
	bool good = true;

	c->node[root].colour = GREY;
	c->node[root].parent = SIZE_MAX;
	while (at != SIZE_MAX) {
		struct node *n = &c->node[at], *to = NULL;
		const struct cfg_rule *r = NULL;

		while (to == NULL && n->next_rule < n->chain->n_rule) {
			r = &n->chain->rule[n->next_rule++];
			to = callee(c, r);
		}
		if (to == NULL) {
			n->colour = BLACK;
			c->order[c->n_order++] = at;
			at = n->parent;
		} else if (to->colour == GREY) {
			circle_found(c, n, to, r);
			good = false;
		} else if (to->colour == WHITE) {
			to->colour = GREY;
			to->parent = at;
			at = to - c->node;
		}
	}
	return good;
}

// Hooks flow from callers to callees: callers come last in the order.
static void
spread_hooks(struct checker *c)
{
	for (size_t i = c->n_order; i-- > 0;) {
		const struct node *n = &c->node[c->order[i]];

		for (size_t r = 0; r < n->chain->n_rule; r++) {
			struct node *to = callee(c, &n->chain->rule[r]);

			if (to != NULL)
				to->hooks |= n->hooks;
		}
	}
}

// What a packet may cost at most: every jump taken that comes back, each rule looked at once per
// visit. Callees come first in the order. Chains that jump twice to the next one double it each
// time.
static void
check_steps(struct checker *c)
{
	for (size_t i = 0; i < c->n_order; i++) {
		struct node *n = &c->node[c->order[i]];
		uint64_t steps = 0; // from the rule at hand to the end of the walk

		for (size_t r = n->chain->n_rule; r-- > 0;) {
			const struct cfg_rule *rule = &n->chain->rule[r];
			const struct node *to = callee(c, rule);
			uint64_t taken = to != NULL ? to->steps : 0;

			if (!(rule->family & c->family))
				continue;
			if (rule->target.id == CFG_T_JUMP)
				taken += steps;
			steps = 1 + (taken > steps ? taken : steps);
		}
		n->steps = steps > CFG_STEPS_MAX ? CFG_STEPS_MAX + 1 : steps;
		if (steps <= CFG_STEPS_MAX || c->too_long)
			continue;
		cfg_err_add(c->err, n->chain->pos,
			    "table '%s': a packet may walk more than %u rules from chain '%s' on "
			    "(jumps into chains that jump on in many ways)",
			    cfg_table_name(c->table), CFG_STEPS_MAX, n->chain->name);
		c->too_long = true; // so do all chains that lead there
	}
}

static const char *
family_text(uint8_t family)
{
	return family == CFG_IPV4 ? "IPv4" : "IPv6";
}

// The target whose name in capitals this is ("accept"), or NULL.
static const char *
target_in_capitals(const char *name)
{
	char upper[CFG_CHAIN_MAX];
	size_t i = 0;

	for (; name[i] != '\0' && i < sizeof(upper) - 1; i++)
		upper[i] = toupper((unsigned char)name[i]);
	upper[i] = '\0';
	return ext_target_find(upper) != NULL ? ext_target_find(upper)->name : NULL;
}

static void
check_jump(const struct checker *c, const struct cfg_rule *r, struct cfg_pos pos)
{
	const char *name = r->target.chain, *table = cfg_table_name(c->table);
	const struct cfg_chain *to = cfg_chain_find(c->policy, c->table, name);
	const char *meant = target_in_capitals(name);

	if (to == NULL && meant != NULL)
		cfg_err_add(c->err, pos,
			    "chain '%s' does not exist in table '%s' (did you mean target %s?)",
			    name, table, meant);
	else if (to == NULL)
		cfg_err_add(c->err, pos, "chain '%s' does not exist in table '%s'", name, table);
	else if (to->hook != CFG_HOOK_NONE)
		cfg_err_add(c->err, pos, "a rule cannot jump to the built-in chain '%s'", name);
	else if (r->family & ~to->family)
		cfg_err_add(c->err, pos,
			    "chain '%s' does not exist in %s, where this rule stands too", name,
			    family_text(r->family & ~to->family & CFG_IPV4 ? CFG_IPV4 : CFG_IPV6));
}

// Only what a built-in chain says itself, as iptables does.
static void
check_interfaces(const struct checker *c, const struct cfg_chain *chain, const struct cfg_rule *r)
{
	bool in = r->in.name[0] != '\0' || r->in.wildcard,
	     out = r->out.name[0] != '\0' || r->out.wildcard;

	if (in && (chain->hook == CFG_OUTPUT || chain->hook == CFG_POSTROUTING))
		cfg_err_add(c->err, r->pos,
			    "in-interface cannot stand in chain %s: packets have none there",
			    chain->name);
	if (out && (chain->hook == CFG_PREROUTING || chain->hook == CFG_INPUT))
		cfg_err_add(c->err, r->pos,
			    "out-interface cannot stand in chain %s: packets have none there yet",
			    chain->name);
}

static void
check_proto(const struct checker *c, const struct ext *ext, const struct cfg_rule *r,
	    struct cfg_pos pos)
{
	struct cfg_buf b = {0};

	for (const uint8_t *p = ext->proto; p != NULL && *p != 0; p++) {
		if (r->proto == *p && !r->proto_inv) {
			cfg_buf_free(&b);
			return;
		}
		cfg_buf_add(&b, b.len > 0 ? p[1] != 0 ? ", " : " or " : "");
		cfg_buf_add(&b, cfg_proto_name(*p));
	}
	if (ext->proto != NULL && b.text != NULL)
		cfg_err_add(c->err, pos, "%s '%s' needs protocol %s in the same rule%s",
			    ext->target ? "target" : "match", ext->name, b.text,
			    r->proto_inv ? " (not negated)" : "");
	cfg_buf_free(&b);
}

// It may stand in the table that is checked; *can: bits of those in which it may, 0 for all.
static bool
table_fits(const struct checker *c, const struct ext *ext, const void *item, uint8_t *can)
{
	*can = ext->tables_of != NULL ? ext->tables_of(item) : ext->tables;
	return *can == 0 || (*can >> c->table & 1);
}

static void
check_table(const struct checker *c, const struct ext *ext, const void *item, struct cfg_pos pos)
{
	struct cfg_buf b = {0};
	uint8_t can;

	if (table_fits(c, ext, item, &can))
		return;
	for (int t = 0; t < CFG_TABLES; t++) {
		if (!(can >> t & 1))
			continue;
		cfg_buf_add(&b, b.len > 0 ? ", " : "");
		cfg_buf_add(&b, cfg_table_name(t));
	}
	cfg_err_add(c->err, pos, "%s '%s' cannot stand in table '%s' (expected table %s)",
		    ext->target ? "target" : "match", ext->name, cfg_table_name(c->table),
		    b.text != NULL ? b.text : "");
	cfg_buf_free(&b);
}

// Everything about a rule that does not depend on how its chain is reached.
static void
check_rule(const struct checker *c, const struct cfg_chain *chain, const struct cfg_rule *r)
{
	struct cfg_pos pos = r->target.pos.line != 0 ? r->target.pos : r->pos;
	const struct ext *target = ext_of_target(r->target.id);

	if (r->family & ~chain->family)
		cfg_err_add(
			c->err, r->pos, "the rule stands in %s, its chain '%s' does not",
			family_text(r->family & ~chain->family & CFG_IPV4 ? CFG_IPV4 : CFG_IPV6),
			chain->name);
	if (is_jump(r))
		check_jump(c, r, pos);
	check_interfaces(c, chain, r);
	if (target != NULL) {
		check_proto(c, target, r, pos);
		check_table(c, target, &r->target, pos);
		if (target->check != NULL)
			target->check(r, &r->target, pos, c->err);
	}
	for (size_t i = 0; i < r->n_match; i++) {
		const struct cfg_match *m = &r->match[i];
		const struct ext *ext = ext_of_match(m->id);
		struct cfg_pos at = m->pos.line != 0 ? m->pos : r->pos;

		if (r->family & ~ext->families)
			cfg_err_add(c->err, at, "match '%s' is for %s only", ext->name,
				    family_text(ext->families));
		check_proto(c, ext, r, at);
		check_table(c, ext, m, at);
		if (ext->check != NULL)
			ext->check(r, m, at, c->err);
	}
}

static bool
check_hooks(const struct checker *c, const struct ext *ext, const void *item, uint8_t hooks,
	    const struct cfg_chain *chain, struct cfg_pos pos)
{
	uint8_t can = ext->hooks_of != NULL ? ext->hooks_of(item) : ext->hooks;
	uint8_t tables;
	bool misplaced = can != 0 && table_fits(c, ext, item, &tables);
	struct cfg_buf b = {0};
	int bad = 0;

	if (!misplaced || (hooks & ~can) == 0)
		return true;
	while (!((hooks & ~can) >> bad & 1))
		bad++;
	for (int h = 0; h < CFG_HOOKS; h++) {
		if (!(can >> h & 1))
			continue;
		cfg_buf_add(&b, b.len > 0 ? ", " : "");
		cfg_buf_add(&b, cfg_hook_name(h));
	}
	cfg_err_add(c->err, pos, "%s '%s' cannot stand at %s%s%s%s (expected %s)",
		    ext->target ? "target" : "match", ext->name, cfg_hook_name(bad),
		    chain->hook == CFG_HOOK_NONE ? ", from where chain '" : "",
		    chain->hook == CFG_HOOK_NONE ? chain->name : "",
		    chain->hook == CFG_HOOK_NONE ? "' is reached" : "",
		    b.text != NULL ? b.text : "");
	cfg_buf_free(&b);
	return false;
}

// Placement of one rule at the hooks of the family at hand. A rule of both families is told once.
static void
check_rule_hooks(const struct checker *c, const struct node *n, const struct cfg_rule *r,
		 bool told4)
{
	const struct ext *target = ext_of_target(r->target.id);
	struct cfg_pos pos = r->target.pos.line != 0 ? r->target.pos : r->pos;

	if (!(r->family & c->family) || (told4 && r->family == CFG_BOTH))
		return;
	if (target != NULL && !check_hooks(c, target, &r->target, n->hooks, n->chain, pos))
		return;
	for (size_t i = 0; i < r->n_match; i++)
		check_hooks(c, ext_of_match(r->match[i].id), &r->match[i], n->hooks, n->chain,
			    r->match[i].pos.line != 0 ? r->match[i].pos : r->pos);
}

// One family of one table: circles, then placement. Returns false after a circle.
static bool
check_family(struct checker *c, uint8_t family, const uint8_t *hooks4)
{
	bool good = true;

	c->family = family;
	c->n_order = 0;
	for (size_t i = 0; i < c->n; i++) {
		struct node *n = &c->node[i];

		n->colour = WHITE;
		n->next_rule = 0;
		n->hooks = n->chain->hook != CFG_HOOK_NONE && (n->chain->family & family)
				   ? 1 << n->chain->hook
				   : 0;
	}
	for (size_t i = 0; i < c->n; i++) { // in the file's order, so that it always says the same
		const struct node *n = node_at(c, c->policy->table[c->table].chain[i]);

		if (n->colour == WHITE)
			good &= walk(c, n - c->node);
	}
	if (!good)
		return false;
	check_steps(c);
	spread_hooks(c);
	for (size_t i = 0; i < c->n; i++) {
		const struct node *n = &c->node[i];

		for (size_t r = 0; r < n->chain->n_rule; r++)
			check_rule_hooks(c, n, &n->chain->rule[r],
					 hooks4 != NULL && hooks4[i] == n->hooks);
	}
	return true;
}

static void
check_one_table(struct checker *c, const struct cfg_table *table)
{
	uint8_t *hooks4 = calloc(table->n_chain + 1, 1);

	c->n = table->n_chain;
	c->node = calloc(c->n + 1, sizeof(*c->node));
	c->order = calloc(c->n + 1, sizeof(*c->order));
	if (hooks4 == NULL || c->node == NULL || c->order == NULL) {
		cfg_err_add(c->err, (struct cfg_pos){0}, "out of memory");
		goto out;
	}
	for (size_t i = 0; i < c->n; i++)
		c->node[i].chain = table->chain[i];
	for (size_t i = 0; i < c->n; i++)
		for (size_t r = 0; r < table->chain[i]->n_rule; r++)
			check_rule(c, table->chain[i], &table->chain[i]->rule[r]);
	qsort(c->node, c->n, sizeof(*c->node), by_chain);
	if (check_family(c, CFG_IPV4, NULL)) { // a circle would be told again for IPv6
		for (size_t i = 0; i < c->n; i++)
			hooks4[i] = c->node[i].hooks;
		check_family(c, CFG_IPV6, hooks4);
	}
out:
	free(hooks4);
	free(c->node);
	free(c->order);
}

int
cfg_policy_check(const struct cfg_policy *policy, struct cfg_err *err)
{
	enum cfg_judge judge = cfg_err_judge(err, CFG_JUDGE_POLICY);
	size_t before = err->n_errors;

	for (int t = 0; t < CFG_TABLES; t++) {
		struct checker c = {.policy = policy, .table = t, .err = err};

		check_one_table(&c, &policy->table[t]);
	}
	cfg_nat_overlap(policy, err);
	cfg_err_judge(err, judge);
	return err->n_errors == before ? 0 : -EINVAL;
}
