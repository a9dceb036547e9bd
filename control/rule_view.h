#pragma once
// A rule in the columns and words of `iptables -L -v -n`.
#include <jansson.h>

#include "config/policy.h"

// One rule of a chain as JSON, with the counters of that family; number counts from 1 among the
// chain's rules of the family. Keys: docs/control-protocol.md. NULL when out of memory.
json_t *ctl_rule_view(const struct cfg_rule *rule, enum cfg_family family, unsigned number);
