#pragma once
// Sets, as ipset has them: addresses, networks, ports and more under one name, which rules ask for
// by the match set. Part of the policy model: see config/policy.h. Multi-byte integers are in host
// order, addresses are bytes in network order.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cfg_err.h"

#define CFG_SET_NAME 32 // with the NUL

struct cfg_set {
	char name[CFG_SET_NAME];
	struct cfg_pos pos;
	uint8_t family; // enum cfg_family; CFG_BOTH: its entries have no addresses
};

struct cfg_sets {
	struct cfg_set *set;
	size_t n;
};

// The set of that name, or NULL.
struct cfg_set *cfg_set_find(const struct cfg_sets *sets, const char *name);
