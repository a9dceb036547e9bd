// The merge behind `restore`: iptables-save text speaks of one family and of some tables, the model
// holds both families in one. A rule of both families loses the one that is replaced and stays for
// the other. As iptables-legacy-restore does, a table that the text names loses all rules and user
// chains, and a built-in chain that has no line of its own in the text keeps its policy
// (iptables-nft-restore sets it to ACCEPT; no command leaves this gateway open by accident). Pure
// work on models through their public functions; called by change.c on the main thread.
#include "control/merge.h"

#include <errno.h>
#include <string.h>

// Moves from's rules that stand in `family` to the end of `to`, for that family.
static int
move_rules(struct cfg_chain *to, struct cfg_chain *from, uint8_t family)
{
	for (size_t i = 0; i < from->n_rule; i++) {
		struct cfg_rule *rule;

		if ((from->rule[i].family & family) == 0)
			continue; // freed with from
		rule = cfg_rule_add(to);
		if (rule == NULL)
			return -ENOMEM;
		*rule = from->rule[i];
		rule->family &= family;
		from->rule[i].match = NULL;
		from->rule[i].n_match = 0;
	}
	return 0;
}

static void
take_policy(struct cfg_chain *to, const struct cfg_chain *from, uint8_t family)
{
	if ((family & CFG_IPV4) != 0) {
		to->policy4 = from->policy4;
		to->packets4 = from->packets4;
		to->bytes4 = from->bytes4;
	}
	if ((family & CFG_IPV6) != 0) {
		to->policy6 = from->policy6;
		to->packets6 = from->packets6;
		to->bytes6 = from->bytes6;
	}
}

// Does the text have a ":CHAIN POLICY" line for it? The reader makes all built-in chains of a
// table, and those that have no line of their own stand where the table does.
static bool
is_named(const struct cfg_table *part, const struct cfg_chain *chain)
{
	return chain->hook == CFG_HOOK_NONE || chain->pos.line != part->pos.line;
}

// The chain of that name in the new table, made where it is not there yet, and there in no family.
static struct cfg_chain *
chain_for(struct cfg_policy *fresh, enum cfg_table_id id, const struct cfg_chain *like)
{
	struct cfg_chain *chain = cfg_chain_find(fresh, id, like->name);

	if (chain != NULL)
		return chain;
	chain = cfg_chain_add(fresh, id, like->name);
	if (chain == NULL)
		return NULL;
	chain->family = 0;
	chain->pos = like->pos;
	return chain;
}

// What the table keeps: all of the other family, and the policies of the built-in chains.
static int
keep_other(struct cfg_policy *fresh, enum cfg_table_id id, struct cfg_chain *old, uint8_t family)
{
	uint8_t stays = old->family & (uint8_t)~family;
	struct cfg_chain *chain;

	if (stays == 0 && old->hook == CFG_HOOK_NONE)
		return 0;
	chain = chain_for(fresh, id, old);
	if (chain == NULL)
		return -ENOMEM;
	chain->family = old->hook == CFG_HOOK_NONE ? stays : old->family;
	take_policy(chain, old, CFG_BOTH);
	return move_rules(chain, old, stays);
}

static int
take_new(struct cfg_policy *fresh, enum cfg_table_id id, const struct cfg_table *part,
	 struct cfg_chain *from, uint8_t family)
{
	bool known = cfg_chain_find(fresh, id, from->name) != NULL;
	struct cfg_chain *chain = chain_for(fresh, id, from);

	if (chain == NULL)
		return -ENOMEM;
	// A chain that gets its first policy here has the default one.
	if (is_named(part, from) || !known || (chain->family & family) == 0)
		take_policy(chain, from, family);
	chain->family |= family;
	return move_rules(chain, from, family);
}

// A place behind all tables that the policy has.
static struct cfg_pos
place_of_new(const struct cfg_policy *policy)
{
	struct cfg_pos last = {1, 1};

	for (int id = 0; id < CFG_TABLES; id++)
		if (policy->table[id].present && policy->table[id].pos.line >= last.line)
			last.line = policy->table[id].pos.line + 1;
	return last;
}

static int
merge_table(struct cfg_policy *fresh, struct cfg_table *old, struct cfg_table *in,
	    enum cfg_table_id id, uint8_t family, struct cfg_pos last)
{
	struct cfg_table *table = &fresh->table[id];
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < old->n_chain; i++)
		ret = keep_other(fresh, id, old->chain[i], family);
	for (size_t i = 0; ret == 0 && i < in->n_chain; i++)
		ret = take_new(fresh, id, in, in->chain[i], family);
	table->present = true;
	table->pos = old->present ? old->pos : last; // its place in listings and saved text
	table->family = family;
	for (size_t i = 0; i < table->n_chain; i++)
		table->family |= table->chain[i]->family;
	return ret;
}

int
ctl_merge_tables(struct cfg_policy *policy, struct cfg_policy *part, enum cfg_family family)
{
	struct cfg_policy *fresh = cfg_policy_new();
	int ret = fresh != NULL ? 0 : -ENOMEM;

	for (int id = 0; ret == 0 && id < CFG_TABLES; id++) {
		struct cfg_table old = policy->table[id];

		if (!part->table[id].present)
			continue;
		ret = merge_table(fresh, &old, &part->table[id], id, (uint8_t)family,
				  place_of_new(policy));
		policy->table[id] = fresh->table[id];
		fresh->table[id] = old;
	}
	cfg_policy_free(fresh);
	return ret;
}

unsigned
ctl_merge_named(const struct cfg_policy *part)
{
	unsigned named = 0;

	for (int id = 0; id < CFG_TABLES; id++)
		if (part->table[id].present)
			named |= 1u << id;
	return named;
}

void
ctl_merge_keep_counters(struct cfg_policy *policy, const struct cfg_policy *live)
{
	for (int id = 0; id < CFG_TABLES; id++) {
		for (size_t i = 0; i < policy->table[id].n_chain; i++) {
			struct cfg_chain *to = policy->table[id].chain[i];
			const struct cfg_chain *from = cfg_chain_find(live, id, to->name);

			if (from == NULL)
				continue;
			to->packets4 = from->packets4;
			to->bytes4 = from->bytes4;
			to->packets6 = from->packets6;
			to->bytes6 = from->bytes6;
		}
	}
}
