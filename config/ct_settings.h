#pragma once
// The rows of `conntrack:` in a policy file: nf_conntrack's sysctls without that prefix. Private to
// config/.
#include "config/policy.h"

struct cfg_ct_row {
	const char *name;
	size_t offset;	// in struct cfg_conntrack
	bool flag;	// a bool, not a uint32_t
	bool off;	// the flag is stored the other way round
	bool zero;	// of a number: 0 can be said. Stored is the value + 1 then
	uint32_t value; // the default; flags: 0 or 1
	const char *unit;
	uint32_t max;
};

extern const struct cfg_ct_row cfg_ct_row[];
extern const size_t cfg_ct_rows;

const struct cfg_ct_row *cfg_ct_find(const char *name); // NULL: no such setting
// Why a sysctl is no setting here and what does the same, in words; NULL: there is no such sysctl.
const char *cfg_ct_elsewhere(const char *name);
// Does the policy say it, other than a flag as it is by default?
bool cfg_ct_said(const struct cfg_conntrack *c, const struct cfg_ct_row *row);
// The number, or for a flag whether the sysctl is on; what is not said, by default.
uint32_t cfg_ct_get(const struct cfg_conntrack *c, const struct cfg_ct_row *row);
void cfg_ct_set(struct cfg_conntrack *c, const struct cfg_ct_row *row, uint32_t value);
