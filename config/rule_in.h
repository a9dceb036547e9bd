#pragma once
// One rule on its way from a file into a chain: what the YAML reader and the iptables-save reader
// share. Private to config/.
#include "config/ext/ext.h"

#define RULE_IN_MATCHES 64	// matches in one rule
#define RULE_IN_MAX	1000000 // rules in one file, lists of addresses multiplied out

struct rule_in {
	struct cfg_rule rule;
	struct cfg_addr *src, *dst; // the lists; the rule is repeated for every pair
	size_t n_src, n_dst;
	uint32_t seen; // slots of the rule's own options
	uint32_t match_seen[RULE_IN_MATCHES];
	uint32_t target_seen;
	const struct ext *target;    // NULL: none, or a chain
	uint8_t families;	     // where it can still stand
	bool resolve;		     // host names in lists of addresses are looked up
	bool iptables;		     // its own text, read as it reads it (see struct ext_in)
	bool family_given;	     // `family:` said so: the protocol alone does not change it
	const struct cfg_sets *sets; // that there are; NULL: any may be there
	bool sets_open;		     // there may be others
	struct cfg_err *err;
};

// An option as a reader found it.
struct rule_opt {
	const struct ext *ext; // &ext_rule, a match or the target
	const struct ext_opt *opt;
	size_t match; // of a match's option: which one
	const char *name;
	const char *value[2];
	bool invert;
	struct cfg_pos pos;
};

void rule_in_begin(struct rule_in *in, uint8_t families, struct cfg_pos pos, struct cfg_err *err);
void rule_in_free(struct rule_in *in);

// All of these give false after an error in in->err.
// A further match; *index is its number for rule_opt.match.
bool rule_in_match(struct rule_in *in, const struct ext *ext, struct cfg_pos pos, size_t *index);
bool rule_in_target(struct rule_in *in, const struct ext *ext, struct cfg_pos pos);
bool rule_in_chain(struct rule_in *in, const char *chain, bool go, struct cfg_pos pos);
bool rule_in_option(struct rule_in *in, const struct rule_opt *o);
// The rule is complete: what is missing, then into the chain at `at` (SIZE_MAX: the end; each
// further one of a list goes to the same place, as iptables -I does). *budget counts down from
// RULE_IN_MAX.
bool rule_in_done(struct rule_in *in, struct cfg_chain *chain, size_t at, size_t *budget);
