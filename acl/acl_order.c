// In what parts a burst has to be run, so that it gives what one packet at a time would: found when
// the policy is built, from what its matches and targets share (enum acl_shares). Called by
// acl_policy_create() on the control thread; nothing but the answer is kept.
//
// Within a stage packets are walked in order (ACL_K_STATE). Between two stages they are not: all
// packets of a burst pass the first before any of them gets to the second. So something that is
// written at one stage and read at another, by rules or by conntrack, needs parts:
// without two packets of a flow where only the flow's own packets touch it, else one packet each.
// Something that one rule keeps for itself needs nothing, unless the rule can be reached at
// two stages.
#include "acl/acl_kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct shared { // one thing with a name
	const char *name;
	const void *kind; // row: things of different kinds may have one name
	uint32_t places;
	enum acl_family family; // whose; ACL_FAMILIES: both families' together
};

struct order_build {
	enum pl_order order;
	struct shared *shared;
	size_t n, room;
};

static_assert(2 * ACL_POINTS <= 32, "a bit for each point and family");

static enum acl_point
point_of(enum cfg_table_id table, enum cfg_hook hook)
{
	switch (table) {
	case CFG_RAW:
		return ACL_RAW;
	case CFG_MANGLE:
		return hook == CFG_POSTROUTING			      ? ACL_MANGLE_POST
		       : hook == CFG_PREROUTING || hook == CFG_OUTPUT ? ACL_MANGLE_PRE
								      : ACL_MANGLE_IN;
	case CFG_NAT:
		return hook == CFG_PREROUTING || hook == CFG_OUTPUT ? ACL_NAT_DST : ACL_NAT_SRC;
	case CFG_SECURITY:
		return ACL_SECURITY;
	default:
		return ACL_FILTER;
	}
}

static void
raise_to(struct order_build *ob, enum pl_order order)
{
	ob->order = RTE_MAX(ob->order, order);
}

// A further rule, at these places, that touches the thing.
static int
named(struct order_build *ob, const void *kind, const char *name, enum acl_family family,
      uint32_t places)
{
	struct shared *s = ob->shared;

	while (s < ob->shared + ob->n &&
	       (s->kind != kind || s->family != family || strcmp(s->name, name) != 0))
		s++;
	if (s == ob->shared + ob->n) {
		if (ob->n == ob->room) {
			s = reallocarray(ob->shared, ob->room + 64, sizeof(*s));
			if (s == NULL)
				return -ENOMEM;
			ob->shared = s;
			ob->room += 64;
		}
		s = &ob->shared[ob->n++];
		*s = (struct shared){.name = name, .kind = kind, .family = family};
	}
	s->places |= places;
	if (__builtin_popcount(s->places) > 1)
		raise_to(ob, PL_ORDER_PACKETS);
	return 0;
}

// points: bit per enum acl_point at which the rule is met.
static int
shares(struct order_build *ob, enum acl_shares what, const void *kind, const char *name,
       uint32_t points, enum acl_family family)
{
	switch (what) {
	case ACL_SHARES_NOTHING:
		break;
	case ACL_SHARES_RULE:
		if (__builtin_popcount(points) > 1)
			raise_to(ob, PL_ORDER_PACKETS);
		break;
	case ACL_SHARES_NAME:
		return named(ob, kind, name, family, points);
	case ACL_SHARES_NAME46:
		// The families are walked one after the other: to each other they are two stages.
		return named(ob, kind, name, ACL_FAMILIES, points << family * ACL_POINTS);
	case ACL_SHARES_FLOW:
		raise_to(ob, PL_ORDER_FLOWS);
		break;
	case ACL_SHARES_FLOWS:
		raise_to(ob, PL_ORDER_PACKETS);
		break;
	}
	return 0;
}

static int
rule_shares(struct order_build *ob, const struct acl_rule *r, uint32_t points,
	    enum acl_family family)
{
	const struct acl_target_kind *tk = &acl_target_kind[r->target];
	int ret = 0;

	for (unsigned i = 0; ret == 0 && i < r->n_match; i++) {
		const struct cfg_match *m = &r->match[i];
		const struct acl_match_kind *mk = &acl_match_kind[m->id];
		enum acl_shares what = mk->shares_of != NULL ? mk->shares_of(m) : mk->shares;

		ret = shares(ob, what, mk->thing != NULL ? mk->thing : mk,
			     mk->name_of != NULL ? mk->name_of(m) : "", points, family);
	}
	if (ret == 0 && tk->apply != NULL)
		ret = shares(ob, tk->shares_of != NULL ? tk->shares_of(r->data) : tk->shares,
			     tk->thing != NULL ? tk->thing : tk,
			     tk->name_of != NULL ? tk->name_of(r->data) : "", points, family);
	return ret;
}

// Passes the points of each chain on to those that it jumps to, until nothing changes. A chain's
// set grows at most ACL_POINTS times; jumps have no loops, so this ends.
static void
spread(const struct acl_table *t, uint32_t *points)
{
	bool again = true;

	while (again) {
		again = false;
		for (uint32_t i = 0; i < t->n_rule; i++) {
			const struct acl_rule *r = &t->rule[i];

			if (r->target != CFG_T_JUMP && r->target != CFG_T_GOTO)
				continue;
			if (points[r->home] & ~points[r->chain]) {
				points[r->chain] |= points[r->home];
				again = true;
			}
		}
	}
}

static int
table_shares(struct order_build *ob, const struct acl_table *t, enum cfg_table_id id,
	     enum acl_family family)
{
	uint32_t *points = calloc(t->n_chain + 1, sizeof(*points));
	int ret = points != NULL ? 0 : -ENOMEM;

	for (int h = 0; ret == 0 && h < CFG_HOOKS; h++)
		if (t->hook[h] != ACL_NO_CHAIN)
			points[t->hook[h]] = UINT32_C(1) << point_of(id, h);
	if (ret == 0)
		spread(t, points);
	for (uint32_t i = 0; ret == 0 && i < t->n_rule; i++)
		if (points[t->rule[i].home] != 0)
			ret = rule_shares(ob, &t->rule[i], points[t->rule[i].home], family);
	free(points);
	return ret;
}

int
acl_order_set(struct acl_policy *p)
{
	struct order_build ob = {.order = PL_ORDER_BURST};
	int ret = 0;

	for (int f = 0; f < ACL_FAMILIES; f++)
		for (int id = 0; ret == 0 && id < CFG_TABLES; id++)
			ret = table_shares(&ob, &p->table[f][id], id, f);
	free(ob.shared);
	p->order = ob.order;
	return ret;
}

enum pl_order
acl_policy_order(const struct acl_policy *p)
{
	return p->order;
}
