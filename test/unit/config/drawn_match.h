#pragma once
// Random matches out of sample texts, for the property tests of config/ and acl/: what a text can
// say of each extension that has no generator of its own.
#include "config/policy.h"

// Gives 0..n-1.
typedef uint32_t (*drawn_rnd)(void *ctx, uint32_t n);

// A further match for the rule, of those that its families and its protocol allow. runs: of those
// that can be run here, wherever iptables would take them; else of those that every hook takes.
// False: the first try gave none.
bool drawn_match(struct cfg_rule *rule, bool runs, drawn_rnd rnd, void *ctx);
