#pragma once
// Things that rules share by name: a table of addresses recently seen, a table of rates, a set.
// Each worker has a copy of its own, all copies are kept alike by news (pipeline/news.h), and as
// long as the policy that follows names the thing as well and asks the same of it, it lives on.
// Made and freed on the control thread; a copy is its worker's alone.
#include "acl/acl_int.h"
#include "pipeline/news.h"

// The head of every copy.
struct acl_copy {
	uint32_t id; // of the thing; what news call it
};

struct acl_named_kind {
	bool per_family;    // the name means another thing in each family
	size_t params_size; // what the rules together ask of it, compared byte by byte
	size_t (*size)(const void *params); // bytes of a copy
	// Control thread. The memory is zero but for its head.
	void (*init)(void *copy, const void *params);
	// What another worker did. The copy's worker.
	void (*hear)(void *copy, const struct pl_news *news);
};

// How a match uses one; its row's name_of says which.
struct acl_named_use {
	const struct acl_named_kind *kind;
	// Adds what this rule asks to the params; first: nobody asked before, they are zero. Rules
	// come in the order in which netfilter checks them.
	void (*want)(void *params, const struct cfg_match *m, const struct acl_policy *p,
		     enum acl_family family, bool first);
};

struct acl_named {
	const struct acl_named_kind *kind;
	char *name;
	void *params;
	uint32_t id;
	uint32_t refs; // policies
	uint16_t n_copy;
	uint8_t family; // enum acl_family; ACL_FAMILIES: of both
	void **copy;	// [worker]
};

// Everything that p's rules name, taken over from prev (NULL: none) where it asks the same. 0 or
// -ENOMEM; acl_named_drop() cleans up either way.
int acl_named_build(struct acl_policy *p, const struct cfg_policy *policy,
		    const struct acl_policy *prev);
void acl_named_drop(struct acl_policy *p);
// The thing, or NULL. family is ignored where the kind is of both.
struct acl_named *acl_named_find(const struct acl_policy *p, const struct acl_named_kind *kind,
				 enum acl_family family, const char *name);

// In which family the match stands, which is one of p's.
enum acl_family acl_family_of_match(const struct acl_policy *p, const struct cfg_match *m);

// acl_match_hashlimit.c
extern const struct acl_named_kind acl_hashlimit_kind;
extern const struct acl_named_use acl_hashlimit_use;
// acl_match_recent.c
extern const struct acl_named_kind acl_recent_kind;
extern const struct acl_named_use acl_recent_use;
