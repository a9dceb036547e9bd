#pragma once
// The policy reader's halves: the file (policy_yaml.c) and one rule (yaml_rule.c). Private to
// config/.
#include "config/rule_in.h"
#include "config/yaml_lists.h"
#include "config/yaml_node.h"

// One rule, a map, into a chain. The chain's family bounds the rule's. Errors go to err.
void yaml_rule(const struct yaml_node *map, struct cfg_chain *chain, const struct yaml_lists *lists,
	       size_t *budget, struct cfg_err *err);

// The setting `recent`. (yaml_state.c)
void yaml_recent(const struct yaml_node *map, struct cfg_recent *recent, struct cfg_err *err);

// Tells every key of a map that stands twice. False: there is one.
bool yaml_keys_once(const struct yaml_node *map, struct cfg_err *err);
// ipv4, ipv6 or both.
bool yaml_family(const struct yaml_node *node, uint8_t *family, struct cfg_err *err);
// [packets, bytes]
bool yaml_counters(const struct yaml_node *node, uint64_t *packets, uint64_t *bytes,
		   struct cfg_err *err);
// The known word that an unknown one was probably meant to be: at most two letters differ. Or NULL.
const char *yaml_nearest(const char *word, const char *const *known, size_t n);
