#pragma once
// The rows of `conntrack:` in a policy file: nf_conntrack's sysctls without that prefix. Private to
// config/.
#include "config/policy.h"

struct cfg_ct_row {
	const char *name;
	size_t offset;	// in struct cfg_conntrack
	bool flag;	// a bool, not a uint32_t
	bool off;	// the flag is stored the other way round
	uint32_t value; // the kernel's default; flags: 0 or 1
	const char *unit;
};

extern const struct cfg_ct_row cfg_ct_row[];
extern const size_t cfg_ct_rows;

const struct cfg_ct_row *cfg_ct_find(const char *name); // NULL: no such setting
// What does the same here as a sysctl that is no setting, in words; NULL: there is no such sysctl.
const char *cfg_ct_elsewhere(const char *name);
// The number, or for a flag whether the sysctl is on. 0 of a number: not set.
uint32_t cfg_ct_get(const struct cfg_conntrack *c, const struct cfg_ct_row *row);
void cfg_ct_set(struct cfg_conntrack *c, const struct cfg_ct_row *row, uint32_t value);
