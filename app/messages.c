// Messages about policies for people and for programs.
//
// Called by the commands that work on policy files, on the only thread of `ringwall`.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/messages.h"
#include "config/policy.h"

// By line; what concerns the whole file first. Stable: messages of one place keep their order.
static int
by_place(const void *a, const void *b)
{
	const struct cfg_msg *x = *(const struct cfg_msg *const *)a,
			     *y = *(const struct cfg_msg *const *)b;

	const char *in_x = x->pos.file != NULL ? x->pos.file : "",
		   *in_y = y->pos.file != NULL ? y->pos.file : "";

	if (strcmp(in_x, in_y) != 0)
		return strcmp(in_x, in_y);
	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	if (x->pos.column != y->pos.column)
		return x->pos.column < y->pos.column ? -1 : 1;
	return x < y ? -1 : x > y;
}

static const struct cfg_msg **
sorted(const struct cfg_err *err)
{
	const struct cfg_msg **list = calloc(err->n + 1, sizeof(*list));

	for (size_t i = 0; list != NULL && i < err->n; i++)
		list[i] = &err->msgs[i];
	if (list != NULL && err->n > 1)
		qsort(list, err->n, sizeof(*list), by_place);
	return list;
}

void
app_print_messages(const struct cfg_err *err)
{
	const struct cfg_msg **list = sorted(err);

	for (size_t i = 0; i < err->n; i++) {
		char *line = cfg_msg_format(list != NULL ? list[i] : &err->msgs[i]);

		fprintf(stderr, "%s\n", line != NULL ? line : "out of memory");
		free(line);
	}
	if (err->truncated)
		fprintf(stderr, "... and more (%zu errors in all)\n", err->n_errors);
	free(list);
}

// A JSON string of text that may not be UTF-8: other bytes become '?'.
json_t *
app_json_text(const char *s)
{
	json_t *j = json_string(s);
	char *copy;

	if (j != NULL || (copy = strdup(s)) == NULL)
		return j;
	for (char *c = copy; *c != '\0'; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	j = json_string(copy);
	free(copy);
	return j;
}

json_t *
app_json_messages(const struct cfg_err *err)
{
	const struct cfg_msg **list = sorted(err);
	json_t *array = json_array();

	for (size_t i = 0; list != NULL && i < err->n; i++) {
		const struct cfg_msg *m = list[i];
		json_t *o = json_object();

		json_object_set_new(o, "file",
				    m->file != NULL ? app_json_text(m->file) : json_null());
		json_object_set_new(o, "line", json_integer(m->pos.line));
		json_object_set_new(o, "column", json_integer(m->pos.column));
		json_object_set_new(o, "severity", json_string(cfg_severity_name(m->severity)));
		json_object_set_new(o, "id", m->id != NULL ? json_string(m->id) : json_null());
		json_object_set_new(o, "text", app_json_text(m->text));
		json_array_append_new(array, o);
	}
	free(list);
	return array;
}

int
app_put_json(json_t *json)
{
	char *text = json_dumps(json, JSON_INDENT(2));
	int code = 0;

	json_decref(json);
	if (text == NULL || puts(text) == EOF || fflush(stdout) == EOF) {
		fprintf(stderr, "standard output: %s\n",
			text != NULL ? strerror(errno) : "out of memory");
		code = 1;
	}
	free(text);
	return code;
}

size_t
app_count_warnings(const struct cfg_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < err->n; i++)
		n += err->msgs[i].severity == CFG_WARNING;
	return n;
}

// The file's text, or a message. The name for messages is "-" for standard input.
bool
app_read_policy_text(const char *path, char **text, size_t *len, struct cfg_err *err)
{
	int ret = cfg_file_read(path, text, len);

	if (ret < 0)
		cfg_err_add(err, (struct cfg_pos){0}, "cannot be read: %s", strerror(-ret));
	return ret == 0;
}
