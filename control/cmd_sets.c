// The commands about sets: `set` carries ipset's commands out on the running sets, whole or not at
// all; `sets` shows them.
//
// Main thread. The sets are acl/acl_sets.h's, which has the workers do what is to be done.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/acl_sets.h"
#include "control/ctl_int.h"

// Does the running policy, or one that may come back, name the set?
static bool
is_used(void *arg, const char *name)
{
	const struct ctl *c = arg;
	const struct cfg_policy *policy = c->env.policy(c->env.app);

	return (policy != NULL && cfg_policy_names_set(policy, name)) ||
	       (c->pending.undo != NULL && cfg_policy_names_set(c->pending.undo, name));
}

// Sets are asked for and changed on all workers, so none may stand still.
static int
refuse_none(struct ctl_client *cl)
{
	const struct ctl_env *env = &cl->ctl->env;
	int silent;

	if (env->sets == NULL)
		return ctl_fail(cl, -ENOTSUP, "there are no sets here");
	silent = pl_workers_silent(env->worker, env->n_worker, cl->ctl->call_timeout_ms);
	if (silent < 0)
		return 0;
	return ctl_fail(cl, -ETIMEDOUT,
			"worker %d stands still: sets can be neither changed nor "
			"read",
			silent);
}

int
ctl_cmd_set(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err)
{
	struct ctl *c = cl->ctl;
	const json_t *text = json_object_get(request, "text");
	struct acl_sets_batch *b;
	struct cfg_set_do how;
	int ret = refuse_none(cl);

	(void)answer;
	if (ret < 0)
		return ret;
	b = acl_sets_begin(c->env.sets, is_used, c);
	if (b == NULL)
		return -ENOMEM;
	err->file = ctl_arg_text(request, "name");
	how = acl_sets_do(b);
	ret = cfg_set_text(json_string_value(text), json_string_length(text), &how, err);
	if (ret < 0)
		acl_sets_abort(b);
	else
		ret = acl_sets_commit(b, err);
	return ret;
}

// What stands behind "create NAME TYPE ".
static json_t *
header_of(const struct cfg_set *set)
{
	char *text = cfg_set_create_text(set);
	const char *at = text;
	json_t *j;

	for (int i = 0; at != NULL && i < 3; i++) {
		at = strchr(at, ' ');
		at += at != NULL;
	}
	j = ctl_json_text(at != NULL ? at : "");
	free(text);
	return j;
}

static int
set_view(struct ctl *c, const char *name, bool members, json_t *list)
{
	struct cfg_set set;
	int ret = acl_sets_read(c->env.sets, name, &set);
	json_t *view, *entries;

	if (ret < 0)
		return ret;
	view = json_pack("{s:s, s:s, s:o, s:b, s:I}", "name", set.name, "type",
			 cfg_set_type[set.type].name, "header", header_of(&set), "used",
			 is_used(c, name), "count", (json_int_t)set.n_entry);
	entries = json_array();
	for (size_t i = 0; members && i < set.n_entry; i++) {
		char *text = cfg_set_entry_text(&set, &set.entry[i], false);

		json_array_append_new(entries, ctl_json_text(text != NULL ? text : ""));
		free(text);
	}
	if (members)
		json_object_set(view, "members", entries);
	json_decref(entries);
	json_array_append_new(list, view);
	cfg_set_clear(&set);
	return 0;
}

int
ctl_cmd_sets(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err)
{
	struct ctl *c = cl->ctl;
	const char *name = ctl_arg_text(request, "set");
	bool members = !ctl_arg_true(request, "terse");
	const struct cfg_sets *sets;
	json_t *list;
	int ret = refuse_none(cl);

	(void)err;
	if (ret < 0)
		return ret;
	sets = acl_sets_list(c->env.sets);
	if (name != NULL && cfg_set_find(sets, name) == NULL)
		return ctl_fail(cl, -ENOENT, "the set with the given name does not exist: '%.64s'",
				name);
	list = json_array();
	// Lists last, so that a restore finds what is in them.
	for (int lists = 0; lists < 2; lists++) {
		for (size_t i = 0; ret == 0 && i < sets->n; i++) {
			const struct cfg_set *s = &sets->set[i];

			if ((s->type == CFG_SET_LIST_SET) == (lists == 1) &&
			    (name == NULL || strcmp(name, s->name) == 0))
				ret = set_view(c, s->name, members, list);
		}
	}
	json_object_set_new(answer, "sets", list);
	return ret;
}
