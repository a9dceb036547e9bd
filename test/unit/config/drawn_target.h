#pragma once
// Random targets out of sample texts, for the property tests of config/ and acl/: what a text can
// say of each target that has no generator of its own. All of them let the walk go on.
#include "config/policy.h"
#include "test/unit/config/drawn_match.h"

// A target for the rule, which has none yet, of those that its families, its protocol and the
// table allow. runs: only one that can be run. False: none was found at the first try.
bool drawn_target(struct cfg_rule *rule, enum cfg_table_id table, bool runs, drawn_rnd rnd,
		  void *ctx);
