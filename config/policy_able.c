// What a policy asks for that iptables' language has and this appliance cannot do: a rule with such
// a match or target is imported, exported and printed like any other, but never run.
//
// cfg_policy_able is called by whoever is about to run a policy (daemon, replay, apply, restore)
// and by `ringwall check`, with errors, and by import and export, with warnings. It reads the rows
// of the extension table, whose `unable` knows the reason; it changes nothing.
#include "config/ext/ext.h"
#include "config/timeouts.h"

#include <errno.h>
#include <string.h>

struct able {
	enum cfg_severity severity;
	struct cfg_err *err;
};

static void
judge(const struct able *a, const struct ext *ext, const struct cfg_rule *rule, const void *item,
      struct cfg_pos pos)
{
	const char *why = ext != NULL && ext->unable != NULL ? ext->unable(rule, item) : NULL;
	const char *kind = ext != NULL && ext->target ? "target" : "match";

	if (why == NULL)
		return;
	if (pos.line == 0)
		pos = rule->pos;
	if (a->severity == CFG_ERROR)
		cfg_err_add(a->err, pos, "%s '%s' cannot be run here: %s", kind, ext->name, why);
	else
		cfg_warn_add(a->err, pos, "cannot-run", "%s '%s' cannot be run here: %s", kind,
			     ext->name, why);
}

int
cfg_policy_able(const struct cfg_policy *policy, enum cfg_severity severity, struct cfg_err *err)
{
	const struct able a = {severity, err};
	size_t before = err->n_errors;

	for (int t = 0; t < CFG_TABLES; t++) {
		for (size_t c = 0; c < policy->table[t].n_chain; c++) {
			const struct cfg_chain *chain = policy->table[t].chain[c];

			for (size_t i = 0; i < chain->n_rule; i++) {
				const struct cfg_rule *r = &chain->rule[i];

				for (size_t m = 0; m < r->n_match; m++)
					judge(&a, ext_of_match(r->match[m].id), r, &r->match[m],
					      r->match[m].pos);
				judge(&a, ext_of_target(r->target.id), r, &r->target,
				      r->target.pos);
				cfg_timeouts_judge(policy, r, severity, err);
			}
		}
	}
	return err->n_errors == before ? 0 : -EINVAL;
}

void
cfg_policy_foreign(const struct cfg_policy *policy, struct cfg_err *err)
{
	const struct cfg_table *t = &policy->table[CFG_NAT];

	for (size_t c = 0; c < t->n_chain; c++) {
		for (size_t i = 0; i < t->chain[c]->n_rule; i++) {
			const struct cfg_rule *r = &t->chain[c]->rule[i];
			const char *own = cfg_nat_own(&r->target);

			if (own != NULL)
				cfg_warn_add(err, r->target.pos.line != 0 ? r->target.pos : r->pos,
					     "not-iptables",
					     "'%s' is no option of iptables: iptables-restore will "
					     "refuse this rule, ringwall reads it back",
					     own);
		}
	}
}

// The n-th reference to a set in a rule's matches and target; NULL past the last.
static const struct cfg_set_ref *
set_ref(const struct cfg_rule *r, size_t nth, struct cfg_pos *pos)
{
	for (size_t m = 0; m < r->n_match; m++) {
		*pos = r->match[m].pos;
		if (r->match[m].id == CFG_M_SET && r->match[m].data != NULL && nth-- == 0)
			return r->match[m].data;
	}
	*pos = r->target.pos;
	for (int i = 0; r->target.id == CFG_T_SET && i < CFG_SET_WHATS; i++) {
		const struct cfg_set_ref *ref = (const struct cfg_set_ref *)r->target.data + i;

		if (r->target.data != NULL && ref->n > 0 && nth-- == 0)
			return ref;
	}
	return NULL;
}

// Calls fn for every reference until it says false.
static bool
each_ref(const struct cfg_policy *policy,
	 bool (*fn)(void *arg, const char *name, struct cfg_pos pos), void *arg)
{
	for (int t = 0; t < CFG_TABLES; t++) {
		for (size_t c = 0; c < policy->table[t].n_chain; c++) {
			const struct cfg_chain *chain = policy->table[t].chain[c];

			for (size_t i = 0; i < chain->n_rule; i++) {
				const struct cfg_set_ref *ref;
				struct cfg_pos pos;

				for (size_t k = 0; (ref = set_ref(&chain->rule[i], k, &pos)); k++)
					if (!fn(arg, ref->name,
						pos.line != 0 ? pos : chain->rule[i].pos))
						return false;
			}
		}
	}
	return true;
}

static bool
is_other(void *arg, const char *name, struct cfg_pos pos)
{
	(void)pos;
	return strcmp(arg, name) != 0;
}

bool
cfg_policy_names_set(const struct cfg_policy *policy, const char *name)
{
	return !each_ref(policy, is_other, (void *)(uintptr_t)name);
}

struct missing {
	const struct cfg_sets *sets;
	struct cfg_err *err;
};

static bool
warn_missing(void *arg, const char *name, struct cfg_pos pos)
{
	const struct missing *m = arg;

	if (cfg_set_find(m->sets, name) == NULL)
		cfg_warn_add(m->err, pos, "set-missing",
			     "Set %s doesn't exist here: the policy is refused unless the gateway "
			     "has it already (see 'sets' in ringwall-policy(5))",
			     name);
	return true;
}

void
cfg_policy_sets_missing(const struct cfg_policy *policy, struct cfg_err *err)
{
	struct missing m = {&policy->sets, err};

	each_ref(policy, warn_missing, &m);
}
