#pragma once
// What the warnings share. Private to config/lint*.c.
#include "config/lint/lint.h"
#include "config/space/space_walk.h"

extern const char lint_default_permit[], lint_drop_without_established[], lint_duplicate[],
	lint_established_late[], lint_family_uncovered[], lint_interface_never[],
	lint_nat_without_address[], lint_never_matches[], lint_unreachable[], lint_unused_chain[],
	lint_wide_open[];

// One rule of the policy, and what has been found out about it.
struct lint_rule {
	const struct cfg_rule *rule;
	const struct cfg_chain *chain;
	uint8_t table;	 // enum cfg_table_id
	uint8_t used;	 // families in which some way leads to its chain
	uint8_t reached; // families in which a packet gets there and matches, or may
	bool told;	 // something that makes more warnings about it pointless
	bool alone;	 // `why` is a single rule, or no packet at all
	const char *id;	 // of the warning that `why` belongs to
	char *why;	 // nothing gets there: the reason in the first family
};

struct lint_base; // chains with their first rule's number

struct lint {
	const struct cfg_policy *policy;
	const struct cfg_settings *settings; // NULL: not known
	struct cfg_err *err;
	struct lint_rule *rule; // of all tables, chain by chain
	size_t n_rule;
	struct lint_base *base;
	size_t n_base;
	struct space_world *world[2];		 // IPv4, IPv6
	struct space_prog *prog[2][SPACE_PATHS]; // NULL: cannot be judged
	bool incomplete;			 // something was too large to be judged
};

static inline uint8_t
lint_family(unsigned f)
{
	return f == 0 ? CFG_IPV4 : CFG_IPV6;
}

const char *lint_family_text(uint8_t families); // "IPv4 and IPv6"
struct lint_rule *lint_rule_of(const struct lint *l, const struct cfg_chain *chain,
			       const struct cfg_rule *r);
size_t lint_chain_number(const struct lint *l, const struct cfg_chain *chain); // below n_base
bool lint_is_unconditional(const struct cfg_rule *r);

// lint_chains.c: from the rules' words and the jumps between chains.
void lint_families(struct lint *l);
void lint_duplicates(struct lint *l);
void lint_unused(struct lint *l);

// lint_reach.c: which rules no packet can get to.
void lint_reach(struct lint *l);

// lint_default.c: what becomes of traffic that no rule names.
void lint_established(struct lint *l);
void lint_permit(struct lint *l);

// lint_nat.c: what needs to know the machine.
void lint_nat(struct lint *l);

// The boxes of packets that match at a position and at every jump that leads there, in copy 0.
// False: too many, or no memory.
bool lint_conditions(struct space_prog *p, uint32_t pos, struct space_list *list);
