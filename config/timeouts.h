#pragma once
// Timeout policies: a policy file's `timeouts`, which rules give to new flows by name (CT
// --timeout), as nfct(8) makes them for the kernel. Private to config/ but for struct cfg_timeout
// (policy.h).
#include "config/buf.h"
#include "config/policy.h"
#include "config/yaml_node.h"

// The key `timeouts`. (timeouts.c)
void yaml_timeouts(const struct yaml_node *map, struct cfg_timeouts *timeouts, struct cfg_err *err);
void cfg_timeouts_write(struct cfg_buf *b, const struct cfg_timeouts *timeouts);

// The words of the table, for schema and manual: the protocols, and the times of one; NULL past the
// last.
const char *cfg_timeouts_protocol(size_t i);
const char *cfg_timeouts_key(size_t protocol, size_t i);

// What is wrong with a rule's --timeout, told at its target's place. CFG_ERROR or CFG_WARNING.
void cfg_timeouts_judge(const struct cfg_policy *policy, const struct cfg_rule *rule,
			enum cfg_severity severity, struct cfg_err *err);
