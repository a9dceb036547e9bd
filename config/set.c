// Sets of the policy model: a growing array of sets, each with a growing array of entries.
//
// Called by the readers of this room and by whoever runs a policy, on their thread.
#include "config/set.h"

#include <stdlib.h>
#include <string.h>

struct cfg_set *
cfg_set_find(const struct cfg_sets *sets, const char *name)
{
	for (size_t i = 0; i < sets->n; i++)
		if (strcmp(sets->set[i].name, name) == 0)
			return &sets->set[i];
	return NULL;
}

// As in policy.c: arrays double when their length is a power of two.
static void *
grow(void *array, size_t n, size_t size)
{
	return (n & (n - 1)) != 0 ? array : reallocarray(array, n == 0 ? 1 : n * 2, size);
}

struct cfg_set *
cfg_set_add(struct cfg_sets *sets, const struct cfg_set *set)
{
	struct cfg_set *grown = grow(sets->set, sets->n, sizeof(*grown));

	if (grown == NULL)
		return NULL;
	sets->set = grown;
	grown += sets->n++;
	*grown = *set;
	grown->entry = NULL;
	grown->n_entry = 0;
	return grown;
}

bool
cfg_set_entry_add(struct cfg_set *set, const struct cfg_set_entry *entry)
{
	char *comment = entry->comment != NULL ? strdup(entry->comment) : NULL;
	struct cfg_set_entry *grown = grow(set->entry, set->n_entry, sizeof(*grown));

	if (grown != NULL)
		set->entry = grown;
	if (grown == NULL || (entry->comment != NULL && comment == NULL)) {
		free(comment);
		return false;
	}
	grown += set->n_entry++;
	*grown = *entry;
	grown->comment = comment;
	return true;
}

void
cfg_set_clear(struct cfg_set *set)
{
	for (size_t i = 0; i < set->n_entry; i++)
		free(set->entry[i].comment);
	free(set->entry);
	set->entry = NULL;
	set->n_entry = 0;
}

void
cfg_sets_free(struct cfg_sets *sets)
{
	for (size_t i = 0; i < sets->n; i++)
		cfg_set_clear(&sets->set[i]);
	free(sets->set);
	*sets = (struct cfg_sets){0};
}

bool
cfg_set_same_kind(const struct cfg_set *a, const struct cfg_set *b)
{
	return a->type == b->type && a->family == b->family && a->timeout_set == b->timeout_set &&
	       a->timeout == b->timeout && a->counters == b->counters && a->comment == b->comment &&
	       a->netmask == b->netmask && a->maxelem == b->maxelem && a->markmask == b->markmask &&
	       a->lo == b->lo && a->hi == b->hi;
}
