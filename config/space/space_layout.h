#pragma once
// How a program's positions come about: between config/space/space_layout.c and
// config/space/space_prog.c.
#include "config/buf.h"
#include "config/space/space_prog.h"

struct space_rule_info {
	uint64_t hash; // of its words, comments left out
	uint32_t nth;  // of the rules of its chain with the same words
};

// False: out of memory (p->w->oom), or too large.
bool space_layout(struct space_prog *p, const struct cfg_policy *policy, enum space_use use,
		  enum cfg_hook nat_hook);

bool space_infos_init(struct space_prog *p, const struct cfg_policy *policy);
void space_infos_free(struct space_prog *p);
const struct space_rule_info *space_rule_info(struct space_prog *p, const struct cfg_chain *chain,
					      const struct cfg_rule *r);
// The rule as iptables-save prints it, without its comments. NULL: out of memory.
char *space_rule_text(const struct cfg_rule *r, uint8_t family);
