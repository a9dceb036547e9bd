// Timeout policies (CT --timeout): their numbers, and what a policy's ones come to as settings. A
// flow keeps the number of its own beside it (struct ct_help), so that it finds it again by name in
// whatever policy follows. Called by app/reload.c on the control thread; what is made here belongs
// to the program and is read by the trackers (ct_times_of()).
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conntrack/ct.h"

#define IDS_MAX 1024 // names since the process began

static char names[IDS_MAX][CFG_TIMEOUT_NAME]; // [0] is not used
static unsigned n_names = 1;

int
ct_times_id(const char *name)
{
	unsigned i = 1;

	while (i < n_names && strcmp(names[i], name) != 0)
		i++;
	if (i == IDS_MAX)
		return -ENOSPC;
	if (i == n_names) {
		memcpy(names[i], name, strnlen(name, CFG_TIMEOUT_NAME - 1));
		n_names++;
	}
	return (int)i;
}

int
ct_times_make(struct ct_conf *conf, const struct cfg_policy *policy)
{
	const struct cfg_timeouts *timeouts = &policy->timeouts;
	struct ct_conf *own;

	for (size_t i = 0; i < timeouts->n; i++)
		if (ct_times_id(timeouts->item[i].name) < 0)
			return -ENOSPC;
	if (timeouts->n == 0)
		return 0;
	own = calloc(n_names, sizeof(*own));
	if (own == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < n_names; i++)
		own[i] = *conf;
	for (size_t i = 0; i < timeouts->n; i++) {
		const struct cfg_timeout *t = &timeouts->item[i];
		struct cfg_conntrack settings = policy->conntrack;

		cfg_timeout_over(&settings, t);
		ct_conf_init(&own[ct_times_id(t->name)], &settings, conf->generation);
	}
	conf->own = own;
	conf->n_own = (uint16_t)n_names;
	return 0;
}

void
ct_times_free(struct ct_conf *conf)
{
	free((void *)(uintptr_t)conf->own);
	conf->own = NULL;
	conf->n_own = 0;
}
