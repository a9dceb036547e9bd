#pragma once
// The policy reader's halves: the file (policy_yaml.c) and one rule (yaml_rule.c). Private to
// config/.
#include "config/rule_in.h"
#include "config/yaml_lists.h"
#include "config/yaml_node.h"

// One rule, a map, into a chain. The chain's family bounds the rule's. Errors go to err.
void yaml_rule(const struct yaml_node *map, struct cfg_chain *chain, const struct yaml_lists *lists,
	       const struct cfg_sets *sets, size_t *budget, struct cfg_err *err);

// The setting `recent`. (yaml_state.c)
void yaml_recent(const struct yaml_node *map, struct cfg_recent *recent, struct cfg_err *err);

// The sets of a file's `sets`, behind those that are there; path: what files in them are relative
// to, NULL: none. Then, when all are there, what they say of each other. (yaml_sets.c)
// Sets *files where one had a file.
void yaml_sets_read(struct cfg_sets *sets, const struct yaml_node *root, const char *path,
		    bool *files, struct cfg_err *err);
void yaml_sets_check(const struct cfg_sets *sets, struct cfg_err *err);
void yaml_sets_write(struct cfg_buf *b, const struct cfg_sets *sets);

// Tells every key of a map that stands twice. False: there is one.
bool yaml_keys_once(const struct yaml_node *map, struct cfg_err *err);
// ipv4, ipv6 or both.
bool yaml_family(const struct yaml_node *node, uint8_t *family, struct cfg_err *err);
// [packets, bytes]
bool yaml_counters(const struct yaml_node *node, uint64_t *packets, uint64_t *bytes,
		   struct cfg_err *err);
// The known word that an unknown one was probably meant to be: at most two letters differ. Or NULL.
const char *yaml_nearest(const char *word, const char *const *known, size_t n);
