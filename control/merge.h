#pragma once
// What `restore` does to the model: the tables that an iptables-save text names replace those of
// one family.
#include "config/policy.h"

// Moves the tables that `part` (one family's, from cfg_policy_from_save) speaks of into `policy`,
// in place of that family's rules and chains there; the other family and all other tables stay.
// part is emptied of what was moved and stays to be freed. 0, or -ENOMEM (policy is then fit only
// for cfg_policy_free).
int ctl_merge_tables(struct cfg_policy *policy, struct cfg_policy *part, enum cfg_family family);

// The chains' counters of policy, a copy of live, made those of live.
void ctl_merge_keep_counters(struct cfg_policy *policy, const struct cfg_policy *live);

// Bits 1 << enum cfg_table_id of the tables that part speaks of.
unsigned ctl_merge_named(const struct cfg_policy *part);
