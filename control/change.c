// Changing the policy of the running gateway: apply, confirm, rollback, restore, reload. A change
// is compiled and published by env->apply(), which leaves the old policy in place when it fails.
// With a confirmation window the model from before the change is kept here, sound and ready, and
// goes back in when the window closes, by the command or by the clock. While a window is open every
// other change is refused: it would not be clear what there is to go back to. Main thread.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <rte_log.h>

#include "acl/acl_sets.h"
#include "control/ctl_int.h"
#include "control/merge.h"

#define UNDO_RETRY_MS 1000

RTE_LOG_REGISTER(ctl_log, ringwall.ctl, NOTICE);
#define LOG(level, ...) rte_log(RTE_LOG_##level, ctl_log, "control: " __VA_ARGS__)

static void
log_errors(const struct cfg_err *err)
{
	for (size_t i = 0; i < err->n; i++) {
		char *line = cfg_msg_format(&err->msgs[i]);

		LOG(ERR, "%s\n", line != NULL ? line : "out of memory");
		free(line);
	}
}

static uint64_t
seconds_left(const struct ctl *c)
{
	uint64_t now = c->now_ms();

	return c->pending.deadline_ms > now ? (c->pending.deadline_ms - now + 999) / 1000 : 0;
}

json_t *
ctl_pending_view(const struct ctl *c)
{
	return c->pending.undo != NULL ? json_integer((json_int_t)seconds_left(c)) : json_null();
}

static int
refuse_pending(struct ctl_client *cl)
{
	if (cl->ctl->pending.undo == NULL)
		return 0;
	return ctl_fail(cl, -EBUSY,
			"a change waits for its confirmation (%" PRIu64
			" s left): confirm or roll back first",
			seconds_left(cl->ctl));
}

static void
answer_generation(struct ctl *c, json_t *answer)
{
	json_object_set_new(answer, "generation",
			    json_integer((json_int_t)c->env.generation(c->env.app)));
}

// A second policy that says the same. The YAML form is the model's full text, so there is no other
// copier that a new field could be forgotten in.
static int
copy_policy(struct cfg_policy **out, const struct cfg_policy *policy, struct cfg_err *err)
{
	char *yaml = policy != NULL ? cfg_policy_to_yaml(policy) : NULL;
	const char *before = err->file;
	int ret;

	if (policy == NULL)
		return -ENOENT;
	if (yaml == NULL)
		return -ENOMEM;
	err->file = "(the running policy)";
	ret = cfg_policy_from_yaml(out, yaml, strlen(yaml), err);
	err->file = before;
	free(yaml);
	if (ret == 0 && policy->file != NULL) {
		free((*out)->file);
		(*out)->file = strdup(policy->file);
	}
	return ret;
}

static int
get_window(struct ctl_client *cl, const json_t *request, uint64_t *ms)
{
	const json_t *confirm = json_object_get(request, "confirm");
	json_int_t sec = json_integer_value(confirm);

	if (confirm != NULL && (sec < 1 || sec > CTL_CONFIRM_MAX))
		return ctl_fail(cl, -EINVAL,
				"'confirm' is %" JSON_INTEGER_FORMAT ": expected 1 to %d seconds",
				sec, CTL_CONFIRM_MAX);
	*ms = (uint64_t)sec * 1000;
	return 0;
}

int
ctl_cmd_apply(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err)
{
	struct ctl *c = cl->ctl;
	const json_t *text = json_object_get(request, "text");
	struct cfg_policy *next = NULL, *undo = NULL;
	uint64_t window_ms = 0;
	int ret = get_window(cl, request, &window_ms);

	if (ret == 0)
		ret = refuse_pending(cl);
	if (ret < 0)
		return ret;
	err->file = ctl_arg_text(request, "name");
	ret = cfg_policy_from_yaml(&next, json_string_value(text), json_string_length(text), err);
	if (ret == 0)
		ret = cfg_policy_able(next, CFG_ERROR, err);
	if (ret == 0 && window_ms > 0)
		ret = copy_policy(&undo, c->env.policy(c->env.app), err);
	if (ret == 0)
		ret = c->env.apply(c->env.app, next, err);
	if (ret < 0) {
		cfg_policy_free(next);
		cfg_policy_free(undo);
		return ret;
	}
	if (window_ms > 0) {
		c->pending.undo = undo;
		c->pending.deadline_ms = c->now_ms() + window_ms;
		json_object_set_new(answer, "confirm",
				    json_integer((json_int_t)(window_ms / 1000)));
	}
	LOG(NOTICE, "policy %s applied as generation %" PRIu64 "%s\n",
	    ctl_arg_text(request, "name"), c->env.generation(c->env.app),
	    window_ms > 0 ? ", to be confirmed" : "");
	answer_generation(c, answer);
	return 0;
}

int
ctl_cmd_confirm(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err)
{
	struct ctl *c = cl->ctl;

	(void)request;
	(void)err;
	if (c->pending.undo == NULL)
		return ctl_fail(cl, -ENOENT, "no change waits for its confirmation");
	cfg_policy_free(c->pending.undo);
	c->pending.undo = NULL;
	LOG(NOTICE, "generation %" PRIu64 " confirmed\n", c->env.generation(c->env.app));
	answer_generation(c, answer);
	return 0;
}

// Puts the old policy back. Where that fails (out of memory) it stays pending, and the clock tries
// again.
static int
undo_change(struct ctl *c, struct cfg_err *err)
{
	int ret = c->env.apply(c->env.app, c->pending.undo, err);

	if (ret < 0)
		return ret;
	c->pending.undo = NULL;
	return 0;
}

int
ctl_cmd_rollback(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err)
{
	struct ctl *c = cl->ctl;
	int ret;

	(void)request;
	if (c->pending.undo == NULL)
		return ctl_fail(
			cl, -ENOENT,
			"no change waits for its confirmation: there is nothing to roll back");
	ret = undo_change(c, err);
	if (ret < 0)
		return ret;
	LOG(NOTICE, "change rolled back, generation %" PRIu64 "\n", c->env.generation(c->env.app));
	answer_generation(c, answer);
	return 0;
}

void
ctl_pending_tick(struct ctl *c)
{
	struct cfg_err err;

	if (c->pending.undo == NULL || c->now_ms() < c->pending.deadline_ms)
		return;
	cfg_err_init(&err, NULL);
	if (undo_change(c, &err) == 0) {
		LOG(WARNING, "change was not confirmed in time: undone, generation %" PRIu64 "\n",
		    c->env.generation(c->env.app));
	} else {
		LOG(ERR,
		    "change was not confirmed in time and cannot be undone yet; trying again:\n");
		log_errors(&err);
		c->pending.deadline_ms = c->now_ms() + UNDO_RETRY_MS;
	}
	cfg_err_free(&err);
}

// The running policy with part's tables in place of its own.
static int
merged_policy(struct ctl *c, struct cfg_policy **out, struct cfg_policy *part, int family,
	      struct cfg_err *err)
{
	struct cfg_policy *live = c->env.policy(c->env.app), *next = NULL;
	struct acl_policy *acl = c->env.acl(c->env.app);
	int ret = copy_policy(&next, live, err);

	if (ret < 0)
		return ret;
	if (acl != NULL)
		acl_policy_counters(acl, live);
	ctl_merge_keep_counters(next, live);
	ret = ctl_merge_tables(next, part, family);
	if (ret == 0)
		ret = cfg_policy_check(next, err);
	if (ret < 0)
		cfg_policy_free(next);
	else
		*out = next;
	return ret;
}

// How the request wants its text read. *base is what --noflush builds on, to be freed.
static int
restore_how(struct ctl_client *cl, const json_t *request, int family, struct cfg_restore *how,
	    char **base)
{
	struct ctl *c = cl->ctl;
	struct cfg_policy *live = c->env.policy(c->env.app);
	struct acl_policy *acl = c->env.acl(c->env.app);
	int t = 0;

	*how = (struct cfg_restore){
		.no_counters = !ctl_arg_true(request, "counters"),
		.table = ctl_arg_text(request, "table"),
		.sets = c->env.sets != NULL ? acl_sets_list(c->env.sets) : NULL,
	};
	while (how->table != NULL && t < CFG_TABLES && strcmp(how->table, cfg_table_name(t)) != 0)
		t++;
	if (t == CFG_TABLES)
		return ctl_fail(cl, -EINVAL, "'table' is \"%s\": there is no such table",
				how->table);
	if (!ctl_arg_true(request, "noflush") || live == NULL)
		return 0;
	if (acl != NULL)
		acl_policy_counters(acl, live);
	how->base = *base = cfg_policy_to_save(live, family, true);
	return *base != NULL ? 0 : -ENOMEM;
}

int
ctl_cmd_restore(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err)
{
	struct ctl *c = cl->ctl;
	const json_t *text = json_object_get(request, "text");
	struct cfg_policy *part = NULL, *next = NULL;
	struct cfg_restore how;
	char *base = NULL;
	int family, ret = ctl_arg_family(cl, request, CFG_IPV4, &family);
	unsigned named;

	if (ret == 0)
		ret = refuse_pending(cl);
	if (ret == 0)
		ret = restore_how(cl, request, family, &how, &base);
	if (ret < 0)
		return ret;
	err->file = ctl_arg_text(request, "name");
	ret = cfg_policy_restore(&part, family, &how, json_string_value(text),
				 json_string_length(text), err);
	free(base);
	if (ret == 0 && c->env.policy(c->env.app) != NULL) // the text's rules may name them
		ret = cfg_timeouts_copy(&part->timeouts, &c->env.policy(c->env.app)->timeouts);
	if (ret == 0)
		ret = cfg_policy_able(part, CFG_ERROR, err);
	if (ret < 0) {
		cfg_policy_free(part);
		return ret;
	}
	named = ctl_merge_named(part);
	ret = merged_policy(c, &next, part, family, err);
	cfg_policy_free(part);
	if (ret == 0)
		ret = c->env.apply(c->env.app, next, err);
	if (ret < 0) {
		cfg_policy_free(next);
		return ret;
	}
	if (c->env.acl(c->env.app) != NULL)
		acl_policy_load(c->env.acl(c->env.app), next, family, named);
	LOG(NOTICE, "tables of %s restored, generation %" PRIu64 "\n",
	    ctl_arg_text(request, "name"), c->env.generation(c->env.app));
	answer_generation(c, answer);
	return 0;
}

int
ctl_reload(struct ctl *c, struct cfg_err *err)
{
	struct cfg_policy *next = NULL;
	int ret;

	if (c->pending.undo != NULL) {
		cfg_err_add(err, (struct cfg_pos){0, 0},
			    "not reloaded: a change waits for its confirmation (%" PRIu64
			    " s left)",
			    seconds_left(c));
		return -EBUSY;
	}
	ret = cfg_policy_load(&next, c->env.settings->policy, err);
	if (ret == 0)
		ret = c->env.apply(c->env.app, next, err);
	if (ret < 0) {
		cfg_policy_free(next);
		return ret;
	}
	LOG(NOTICE, "policy %s read again, generation %" PRIu64 "\n", c->env.settings->policy,
	    c->env.generation(c->env.app));
	return 0;
}

int
ctl_cmd_reload(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err)
{
	int ret;

	(void)request;
	ret = refuse_pending(cl);
	if (ret == 0)
		ret = ctl_reload(cl->ctl, err);
	if (ret == 0)
		answer_generation(cl->ctl, answer);
	return ret;
}
