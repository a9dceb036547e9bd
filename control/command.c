// A request line to an answer line. The table below names every command with the members that its
// request may have and their types; whatever is not in it is refused by name. Called by client.c,
// main thread.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/flow_filter.h"

#define ARGS(rows) (rows), sizeof(rows) / sizeof((rows)[0])

static const struct ctl_arg list_arg[] = {
	{"table", JSON_STRING, false},
	{"chain", JSON_STRING, false},
	{"family", JSON_STRING, false},
};
static const struct ctl_arg flush_arg[] = {
	{"family", JSON_STRING, false},
};
static const struct ctl_arg follow_arg[] = {
	{"events", JSON_STRING, false},
};
static const struct ctl_arg save_arg[] = {
	{"family", JSON_STRING, false},
	{"counters", JSON_TRUE, false},
};
static const struct ctl_arg apply_arg[] = {
	{"name", JSON_STRING, true},
	{"text", JSON_STRING, true},
	{"confirm", JSON_INTEGER, false},
};
static const struct ctl_arg set_arg[] = {
	{"name", JSON_STRING, true},
	{"text", JSON_STRING, true},
};
static const struct ctl_arg sets_arg[] = {
	{"set", JSON_STRING, false},
	{"terse", JSON_TRUE, false},
};
static const struct ctl_arg restore_arg[] = {
	{"name", JSON_STRING, true},	{"text", JSON_STRING, true},
	{"family", JSON_STRING, false}, {"counters", JSON_TRUE, false},
	{"noflush", JSON_TRUE, false},	{"table", JSON_STRING, false},
};

static const struct ctl_command commands[] = {
	{"list", ARGS(list_arg), ctl_cmd_list, false},
	{"flows", NULL, 0, ctl_cmd_flows, true},
	{"flows_delete", NULL, 0, ctl_cmd_flows_delete, true},
	{"flows_follow", ARGS(follow_arg), ctl_cmd_flows_follow, true},
	{"flows_flush", ARGS(flush_arg), ctl_cmd_flows_flush, false},
	{"doctor", NULL, 0, ctl_cmd_doctor, false},
	{"stats", NULL, 0, ctl_cmd_stats, false},
	{"ports", NULL, 0, ctl_cmd_ports, false},
	{"save", ARGS(save_arg), ctl_cmd_save, false},
	{"restore", ARGS(restore_arg), ctl_cmd_restore, false},
	{"apply", ARGS(apply_arg), ctl_cmd_apply, false},
	{"confirm", NULL, 0, ctl_cmd_confirm, false},
	{"rollback", NULL, 0, ctl_cmd_rollback, false},
	{"reload", NULL, 0, ctl_cmd_reload, false},
	{"set", ARGS(set_arg), ctl_cmd_set, false},
	{"sets", ARGS(sets_arg), ctl_cmd_sets, false},
};

int
ctl_fail(struct ctl_client *cl, int ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cl->error, sizeof(cl->error), fmt, ap);
	va_end(ap);
	return ret;
}

const char *
ctl_arg_text(const json_t *request, const char *name)
{
	return json_string_value(json_object_get(request, name));
}

bool
ctl_arg_true(const json_t *request, const char *name)
{
	return json_is_true(json_object_get(request, name));
}

int
ctl_arg_family(struct ctl_client *cl, const json_t *request, int deflt, int *out)
{
	const char *text = ctl_arg_text(request, "family");

	if (text == NULL)
		*out = deflt;
	else if (strcmp(text, "ipv4") == 0)
		*out = CFG_IPV4;
	else if (strcmp(text, "ipv6") == 0)
		*out = CFG_IPV6;
	else
		return ctl_fail(cl, -EINVAL, "'family' is \"%s\": expected \"ipv4\" or \"ipv6\"",
				text);
	return 0;
}

// Length of the UTF-8 sequence at s, 0 where there is none (overlong forms and surrogates are
// none).
static unsigned
utf8_len(const unsigned char *s)
{
	unsigned n = s[0] < 0x80   ? 1
		     : s[0] < 0xc2 ? 0
		     : s[0] < 0xe0 ? 2
		     : s[0] < 0xf0 ? 3
		     : s[0] < 0xf5 ? 4
				   : 0;

	for (unsigned i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

json_t *
ctl_json_text(const char *text)
{
	json_t *j = json_string(text);
	char *clean, *to;

	if (j != NULL)
		return j;
	clean = to = malloc(3 * strlen(text) + 1);
	if (clean == NULL)
		return NULL;
	while (*text != '\0') {
		unsigned n = utf8_len((const unsigned char *)text);

		memcpy(to, n > 0 ? text : "\xef\xbf\xbd", n > 0 ? n : 3);
		to += n > 0 ? n : 3;
		text += n > 0 ? n : 1;
	}
	*to = '\0';
	j = json_string(clean);
	free(clean);
	return j;
}

json_t *
ctl_json_messages(const struct cfg_err *err)
{
	json_t *list = json_array();

	for (size_t i = 0; i < err->n; i++) {
		const struct cfg_msg *m = &err->msgs[i];

		json_array_append_new(
			list,
			json_pack("{s:s, s:s?, s:o?, s:i, s:i, s:o}", "severity",
				  m->severity == CFG_ERROR ? "error" : "warning", "id", m->id,
				  "file", m->file != NULL ? ctl_json_text(m->file) : json_null(),
				  "line", (int)m->pos.line, "column", (int)m->pos.column, "text",
				  ctl_json_text(m->text)));
	}
	return list;
}

static const char *
type_name(json_type type)
{
	switch (type) {
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "a whole number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_REAL:
		return "a number with a fraction";
	default:
		return "null";
	}
}

static bool
has_type(const json_t *value, json_type type)
{
	return type == JSON_TRUE ? json_is_boolean(value) : json_typeof(value) == type;
}

static const struct ctl_arg *
find_arg(const struct ctl_arg *arg, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(arg[i].name, key) == 0)
			return &arg[i];
	return NULL;
}

// Every member is known and of its type, and none is missing.
static int
check_args(struct ctl_client *cl, const struct ctl_command *cmd, json_t *request)
{
	const char *key;
	json_t *value;

	json_object_foreach(request, key, value)
	{
		const struct ctl_arg *arg;

		if (strcmp(key, "command") == 0)
			continue;
		arg = find_arg(cmd->arg, cmd->n_arg, key);
		if (arg == NULL && cmd->of_flows)
			arg = find_arg(ctl_flow_filter_arg, ctl_flow_filter_n_arg, key);
		if (arg == NULL)
			return ctl_fail(cl, -EINVAL, "command '%s' does not know '%.64s'",
					cmd->name, key);
		if (!has_type(value, arg->type))
			return ctl_fail(cl, -EINVAL, "'%s' is %s: expected %s", key,
					type_name(json_typeof(value)), type_name(arg->type));
	}
	for (size_t i = 0; i < cmd->n_arg; i++)
		if (cmd->arg[i].required && json_object_get(request, cmd->arg[i].name) == NULL)
			return ctl_fail(cl, -EINVAL, "command '%s' needs '%s'", cmd->name,
					cmd->arg[i].name);
	return 0;
}

static int
run(struct ctl_client *cl, json_t *request, json_t *answer, struct cfg_err *err)
{
	const char *name = ctl_arg_text(request, "command");
	int ret;

	if (name == NULL)
		return ctl_fail(cl, -EINVAL, "expected an object with \"command\", a string");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) != 0)
			continue;
		ret = check_args(cl, &commands[i], request);
		return ret == 0 ? commands[i].run(cl, request, answer, err) : ret;
	}
	return ctl_fail(cl, -ENOTSUP, "unknown command '%.64s'", name);
}

// "error" for people: what the command said, else the first error of the list, else errno's text.
static json_t *
error_text(const struct ctl_client *cl, int ret, const struct cfg_err *err)
{
	if (cl->error[0] != '\0')
		return ctl_json_text(cl->error);
	for (size_t i = 0; i < err->n; i++)
		if (err->msgs[i].severity == CFG_ERROR)
			return ctl_json_text(err->msgs[i].text);
	return ctl_json_text(strerror(-ret));
}

void
ctl_command(struct ctl_client *cl, const char *line, size_t len)
{
	json_t *answer = json_object(), *request;
	json_error_t bad;
	struct cfg_err err;
	int ret;

	cfg_err_init(&err, NULL);
	cl->error[0] = '\0';
	json_object_set_new(answer, "ok", json_true());
	request = json_loadb(line, len, JSON_REJECT_DUPLICATES, &bad);
	if (request == NULL)
		ret = ctl_fail(cl, -EINVAL, "not a JSON object: %s (byte %d)", bad.text,
			       bad.position);
	else
		ret = run(cl, request, answer, &err);
	if (ret < 0) {
		json_object_clear(answer);
		json_object_set_new(answer, "ok", json_false());
		json_object_set_new(answer, "error", error_text(cl, ret, &err));
		json_object_set_new(answer, "messages", ctl_json_messages(&err));
	} else if (err.n > 0) { // warnings
		json_object_set_new(answer, "messages", ctl_json_messages(&err));
	}
	ctl_client_send(cl, answer);
	json_decref(request);
	cfg_err_free(&err);
}
