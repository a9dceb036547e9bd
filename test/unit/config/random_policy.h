#pragma once
// Random sound policies of everything that the model can hold, for property tests.
#include "config/policy.h"

// The same policy for the same seed. families: CFG_IPV4, CFG_IPV6 (as import gives them) or
// CFG_BOTH.
struct cfg_policy *random_policy(uint64_t seed, uint8_t families);
// A match of the rule, or a target, that is about connections (random_conn.c).
void random_conn_match(uint64_t seed, struct cfg_rule *rule);
void random_connmark(uint64_t seed, struct cfg_target *t);
