#pragma once
// What the readers of this room need of the model beyond config/policy.h. Private to config/.
#include "config/policy.h"

// Errors where rules that promise whose a port is meet others (nat_overlap.c).
void cfg_nat_overlap(const struct cfg_policy *policy, struct cfg_err *err);
// Gives back what a rule owns; the rule itself stays.
void cfg_rule_clear(struct cfg_rule *rule);
// A new rule, all zero, before the one at `at` (past the end: at the end); NULL when out of memory.
struct cfg_rule *cfg_rule_insert(struct cfg_chain *chain, size_t at);
// Takes the rule at `at` out of its chain.
void cfg_rule_remove(struct cfg_chain *chain, size_t at);
// Takes all rules out of a chain; the chain stays.
void cfg_chain_clear(struct cfg_chain *chain);
// Takes everything out of a table: afterwards the file never spoke of it.
void cfg_table_clear(struct cfg_table *table);
// The tables that the file spoke of, in its order (by number where no position says). Returns how
// many.
size_t cfg_table_order(const struct cfg_policy *policy, enum cfg_table_id order[CFG_TABLES]);
// A chain without rules that nobody needs any more.
void cfg_chain_remove(struct cfg_policy *policy, enum cfg_table_id table, struct cfg_chain *chain);
// Another name for a user chain; rules that jump to it follow. The name is sound and free.
void cfg_chain_rename(struct cfg_policy *policy, enum cfg_table_id table, struct cfg_chain *chain,
		      const char *name);
