// What a policy asks for that iptables' language has and this appliance cannot do: a rule with such
// a match or target is imported, exported and printed like any other, but never run.
//
// cfg_policy_able is called by whoever is about to run a policy (daemon, replay, apply, restore)
// and by `ringwall check`, with errors, and by import and export, with warnings. It reads the rows
// of the extension table, whose `unable` knows the reason; it changes nothing.
#include "config/ext.h"

#include <errno.h>

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
			}
		}
	}
	return err->n_errors == before ? 0 : -EINVAL;
}
