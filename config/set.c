// Sets of the policy model: which there are.
//
// Called by the readers of this room and by whoever runs a policy, on their thread.
#include "config/set.h"

#include <string.h>

struct cfg_set *
cfg_set_find(const struct cfg_sets *sets, const char *name)
{
	for (size_t i = 0; i < sets->n; i++)
		if (strcmp(sets->set[i].name, name) == 0)
			return &sets->set[i];
	return NULL;
}
