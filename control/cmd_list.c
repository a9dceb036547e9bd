// The commands `list` and `save`: the applied policy with its counters, as JSON and as
// iptables-save text. The counters are summed over the workers into the model just before it is
// shown. Main thread.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/ctl_int.h"
#include "control/rule_view.h"

// Which chains a request asks for; NULL and CFG_BOTH: all of them.
struct want {
	const char *table, *chain;
	int family;
	bool found;
};

static struct cfg_policy *
policy_with_counters(struct ctl_client *cl)
{
	const struct ctl_env *env = &cl->ctl->env;
	struct cfg_policy *policy = env->policy(env->app);
	struct acl_policy *acl = env->acl(env->app);

	if (policy == NULL)
		ctl_fail(cl, -ENOENT, "no policy is applied");
	else if (acl != NULL)
		acl_policy_counters(acl, policy);
	return policy;
}

// How many rules lead to each user chain of a table: {"name": count}.
static json_t *
count_references(const struct cfg_table *table, enum cfg_family family)
{
	json_t *count = json_object();

	for (size_t i = 0; i < table->n_chain; i++) {
		for (size_t k = 0; k < table->chain[i]->n_rule; k++) {
			const struct cfg_rule *r = &table->chain[i]->rule[k];
			bool leads = r->target.id == CFG_T_JUMP || r->target.id == CFG_T_GOTO;
			json_t *n;

			if (!leads || (r->family & family) == 0)
				continue;
			n = json_object_get(count, r->target.chain);
			if (n != NULL)
				json_integer_set(n, json_integer_value(n) + 1);
			else
				json_object_set_new(count, r->target.chain, json_integer(1));
		}
	}
	return count;
}

static json_t *
chain_view(const struct cfg_chain *chain, enum cfg_family family, const json_t *references)
{
	bool v4 = family == CFG_IPV4;
	json_t *view = json_object(), *rules = json_array();
	unsigned number = 0;

	json_object_set_new(view, "chain", json_string(chain->name));
	if (chain->hook != CFG_HOOK_NONE) {
		enum cfg_verdict policy = v4 ? chain->policy4 : chain->policy6;

		json_object_set_new(view, "policy",
				    json_string(policy == CFG_POLICY_ACCEPT ? "ACCEPT" : "DROP"));
		json_object_set_new(
			view, "packets",
			json_integer((json_int_t)(v4 ? chain->packets4 : chain->packets6)));
		json_object_set_new(view, "bytes",
				    json_integer((json_int_t)(v4 ? chain->bytes4 : chain->bytes6)));
	} else {
		json_int_t n = json_integer_value(json_object_get(references, chain->name));

		json_object_set_new(view, "references", json_integer(n));
	}
	for (size_t i = 0; i < chain->n_rule; i++)
		if ((chain->rule[i].family & family) != 0)
			json_array_append_new(rules,
					      ctl_rule_view(&chain->rule[i], family, ++number));
	json_object_set_new(view, "rules", rules);
	return view;
}

// A built-in chain that the policy does not speak of: packets pass, and nothing counts them.
static json_t *
open_chain_view(enum cfg_hook hook)
{
	return json_pack("{s:s, s:s, s:[]}", "chain", cfg_hook_name(hook), "policy", "ACCEPT",
			 "rules");
}

static bool
wanted(struct want *want, const char *chain)
{
	bool is = want->chain == NULL || strcmp(want->chain, chain) == 0;

	want->found |= is;
	return is;
}

static json_t *
table_view(const struct cfg_policy *policy, enum cfg_table_id id, enum cfg_family family,
	   struct want *want)
{
	const struct cfg_table *table = &policy->table[id];
	json_t *chains = json_array(), *references = count_references(table, family);

	for (int h = 0; h < CFG_HOOKS; h++) {
		const struct cfg_chain *chain;

		if (!cfg_table_has_hook(id, h) || !wanted(want, cfg_hook_name(h)))
			continue;
		chain = cfg_chain_find(policy, id, cfg_hook_name(h));
		json_array_append_new(chains, chain != NULL && (chain->family & family) != 0
						      ? chain_view(chain, family, references)
						      : open_chain_view(h));
	}
	for (size_t i = 0; i < table->n_chain; i++) {
		const struct cfg_chain *chain = table->chain[i];

		if (chain->hook == CFG_HOOK_NONE && (chain->family & family) != 0 &&
		    wanted(want, chain->name))
			json_array_append_new(chains, chain_view(chain, family, references));
	}
	json_decref(references);
	return json_pack("{s:s, s:s, s:o}", "table", cfg_table_name(id), "family",
			 family == CFG_IPV4 ? "ipv4" : "ipv6", "chains", chains);
}

static bool
is_table(const char *name)
{
	for (int id = 0; id < CFG_TABLES; id++)
		if (strcmp(cfg_table_name(id), name) == 0)
			return true;
	return false;
}

int
ctl_cmd_list(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err)
{
	static const enum cfg_family families[] = {CFG_IPV4, CFG_IPV6};
	struct want want = {.table = ctl_arg_text(request, "table"),
			    .chain = ctl_arg_text(request, "chain")};
	int ret = ctl_arg_family(cl, request, CFG_BOTH, &want.family);
	struct ctl *c = cl->ctl;
	struct cfg_policy *policy;
	json_t *tables;

	(void)err;
	if (ret < 0)
		return ret;
	if (want.table != NULL && !is_table(want.table))
		return ctl_fail(
			cl, -EINVAL,
			"'table' is \"%.64s\": expected raw, mangle, nat, filter or security",
			want.table);
	policy = policy_with_counters(cl);
	if (policy == NULL)
		return -ENOENT;
	tables = json_array();
	for (int id = 0; id < CFG_TABLES; id++) {
		const struct cfg_table *table = &policy->table[id];
		const char *name = cfg_table_name(id);

		if (!table->present || (want.table != NULL && strcmp(want.table, name) != 0))
			continue;
		for (int f = 0; f < 2; f++)
			if ((table->family & families[f] & want.family) != 0)
				json_array_append_new(tables,
						      table_view(policy, id, families[f], &want));
	}
	if (want.chain != NULL && !want.found) {
		json_decref(tables);
		return ctl_fail(cl, -ENOENT, "there is no chain '%.64s'", want.chain);
	}
	json_object_set_new(answer, "generation",
			    json_integer((json_int_t)c->env.generation(c->env.app)));
	json_object_set_new(answer, "tables", tables);
	return 0;
}

int
ctl_cmd_save(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err)
{
	struct cfg_policy *policy;
	int family, ret = ctl_arg_family(cl, request, CFG_IPV4, &family);
	char *text;

	(void)err;
	if (ret < 0)
		return ret;
	policy = policy_with_counters(cl);
	if (policy == NULL)
		return -ENOENT;
	text = cfg_policy_to_save(policy, family, ctl_arg_true(request, "counters"));
	if (text == NULL)
		return -ENOMEM;
	json_object_set_new(answer, "text", ctl_json_text(text));
	free(text);
	return 0;
}
