#pragma once
// How many flows each source address has, where the policy limits that: see ct_source.c.
#include <stdbool.h>
#include <stdint.h>

struct ct_entry;
struct ct_key;
struct ct_source;
struct ct_table;

struct ct_sources {
	struct ct_source *slot;
	uint32_t mask;
};

// Address space for the sources of max flows. 0 or -ENOMEM. Control thread.
int ct_sources_init(struct ct_sources *s, uint32_t max);
void ct_sources_fini(struct ct_sources *s);

// Has the source of this original tuple as many flows as it may have?
bool ct_source_full(const struct ct_table *t, const struct ct_key *orig);
// e counts for its source from now on, until ct_source_give().
void ct_source_take(struct ct_table *t, struct ct_entry *e);
void ct_source_give(struct ct_table *t, struct ct_entry *e);
