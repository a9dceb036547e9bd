#pragma once
// Redirects, seen from the steering stage; private to this room.
#include "conntrack/ct_table.h"

bool ct_redirect_lookup(const struct ct_table *t, const struct ct_key *k, uint16_t *owner);
uint32_t ct_redirect_count(const struct ct_table *t, bool expect); // of flows, of expectations

// Has another worker claimed the packets with this key, which hash here? Costs nothing while none
// has.
static inline bool
ct_redirect_find(const struct ct_table *t, const struct ct_key *k, uint16_t *owner)
{
	return t->redir != NULL && ct_redirect_count(t, false) != 0 &&
	       ct_redirect_lookup(t, k, owner);
}

// Does another worker expect what has the expectation's key k? The same.
static inline bool
ct_redirect_expected(const struct ct_table *t, const struct ct_key *k, uint16_t *owner)
{
	return t->redir != NULL && ct_redirect_count(t, true) != 0 &&
	       ct_redirect_lookup(t, k, owner);
}
