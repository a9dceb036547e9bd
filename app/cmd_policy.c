// `ringwall check`, `import` and `export`: the policy file without a daemon and without DPDK.
//
// Run by the main function of `ringwall` on its only thread; everything is read into memory, judged
// by config/ and printed. Messages go to standard error (with --json to standard output), text to
// standard output, which stays empty where anything is wrong. Exit codes: 0 sound or done, 1 not, 2
// usage.
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd.h"
#include "config/policy.h"

enum { DONE = 0, FAILED = 1, USAGE = 2 };

struct args {
	bool strict, json, counters, resolve;
	enum cfg_family family;
	const char *path; // NULL: none given
};

static int
usage(const char *name, const char *text)
{
	fprintf(stderr, "usage: ringwall %s %s\n", name, text);
	return USAGE;
}

static bool
parse(struct args *a, int argc, char **argv, const char *letters)
{
	static const struct option options[] = {
		{"strict", no_argument, NULL, 's'},
		{"json", no_argument, NULL, 'j'},
		{"ipv4", no_argument, NULL, '4'},
		{"ipv6", no_argument, NULL, '6'},
		{"counters", no_argument, NULL, 'c'},
		{"resolve", no_argument, NULL, 'r'},
		{0},
	};
	int c;

	*a = (struct args){.family = CFG_IPV4};
	optind = 0; // GNU: begin anew
	while ((c = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (c == '?' || strchr(letters, c) == NULL) {
			if (c != '?')
				fprintf(stderr, "ringwall %s: unknown option\n", argv[0]);
			return false;
		}
		a->strict |= c == 's';
		a->json |= c == 'j';
		a->counters |= c == 'c';
		a->resolve |= c == 'r';
		if (c == '4' || c == '6')
			a->family = c == '4' ? CFG_IPV4 : CFG_IPV6;
	}
	if (optind < argc)
		a->path = argv[optind++];
	return optind == argc;
}

// By line; what concerns the whole file first. Stable: messages of one place keep their order.
static int
by_place(const void *a, const void *b)
{
	const struct cfg_msg *x = *(const struct cfg_msg *const *)a,
			     *y = *(const struct cfg_msg *const *)b;

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

static void
print_messages(const struct cfg_err *err)
{
	const struct cfg_msg **list = sorted(err);

	for (size_t i = 0; i < err->n; i++) {
		char *line = cfg_msg_format(list != NULL ? list[i] : &err->msgs[i]);

		fprintf(stderr, "%s\n", line != NULL ? line : "out of memory");
		free(line);
	}
	if (err->truncated)
		fprintf(stderr, "... and more: %zu errors in all\n", err->n_errors);
	free(list);
}

// A JSON string of text that may not be UTF-8: other bytes become '?'.
static json_t *
json_text(const char *s)
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

static void
print_json(const struct cfg_err *err)
{
	const struct cfg_msg **list = sorted(err);
	json_t *array = json_array();
	char *text;

	for (size_t i = 0; list != NULL && i < err->n; i++) {
		const struct cfg_msg *m = list[i];
		json_t *o = json_object();

		json_object_set_new(o, "file", m->file != NULL ? json_text(m->file) : json_null());
		json_object_set_new(o, "line", json_integer(m->pos.line));
		json_object_set_new(o, "column", json_integer(m->pos.column));
		json_object_set_new(o, "severity",
				    json_string(m->severity == CFG_ERROR ? "error" : "warning"));
		json_object_set_new(o, "id", m->id != NULL ? json_string(m->id) : json_null());
		json_object_set_new(o, "text", json_text(m->text));
		json_array_append_new(array, o);
	}
	text = json_dumps(array, JSON_INDENT(2));
	printf("%s\n", text != NULL ? text : "[]");
	free(text);
	json_decref(array);
	free(list);
}

// The file's text, or a message. The name for messages is "-" for standard input.
static bool
read_text(const char *path, char **text, size_t *len, struct cfg_err *err)
{
	int ret = cfg_file_read(path, text, len);

	if (ret < 0)
		cfg_err_add(err, (struct cfg_pos){0}, "cannot be read: %s", strerror(-ret));
	return ret == 0;
}

// Standard output is part of the work: a full disk is a failure.
static int
put_text(char *text)
{
	int code = DONE;

	if (text == NULL) {
		fprintf(stderr, "out of memory\n");
		return FAILED;
	}
	if (fputs(text, stdout) == EOF || fflush(stdout) == EOF) {
		fprintf(stderr, "standard output: %s\n", strerror(errno));
		code = FAILED;
	}
	free(text);
	return code;
}

int
app_cmd_check(int argc, char **argv)
{
	struct cfg_policy *policy = NULL;
	struct cfg_err err;
	struct args a;
	char *text = NULL;
	size_t len;
	int code;

	if (!parse(&a, argc, argv, "sj") || a.path == NULL)
		return usage(argv[0], "[--strict] [--json] FILE");
	cfg_err_init(&err, a.path);
	if (read_text(a.path, &text, &len, &err) &&
	    cfg_policy_from_yaml(&policy, text, len, &err) == 0) {
		cfg_policy_lint(policy, &err);
		cfg_lint_allow(&err, text, len);
	}
	if (policy != NULL)
		cfg_policy_able(policy, CFG_ERROR, &err);
	code = err.n_errors > 0 || (a.strict && err.n > 0) ? FAILED : DONE;
	if (a.json)
		print_json(&err);
	else
		print_messages(&err);
	cfg_policy_free(policy);
	cfg_err_free(&err);
	free(text);
	return code;
}

// One text into the other: how it is read, and what is printed of it.
struct conversion {
	const char *options, *usage;
	int (*read)(struct cfg_policy **out, const struct args *a, const char *text, size_t len,
		    struct cfg_err *err);
	char *(*print)(struct cfg_policy *policy, const struct args *a);
};

static int
convert(int argc, char **argv, const struct conversion *how)
{
	struct cfg_policy *policy = NULL;
	struct cfg_err err;
	struct args a;
	char *text = NULL;
	int code = FAILED;
	size_t len;

	if (!parse(&a, argc, argv, how->options))
		return usage(argv[0], how->usage);
	a.path = a.path != NULL ? a.path : "-";
	cfg_err_init(&err, a.path);
	if (read_text(a.path, &text, &len, &err))
		how->read(&policy, &a, text, len, &err);
	if (policy != NULL)
		cfg_policy_able(policy, CFG_WARNING, &err);
	print_messages(&err);
	if (policy != NULL)
		code = put_text(how->print(policy, &a));
	cfg_policy_free(policy);
	cfg_err_free(&err);
	free(text);
	return code;
}

static int
read_save(struct cfg_policy **out, const struct args *a, const char *text, size_t len,
	  struct cfg_err *err)
{
	const struct cfg_restore how = {.resolve = a->resolve};

	return cfg_policy_restore(out, a->family, &how, text, len, err);
}

static char *
print_yaml(struct cfg_policy *policy, const struct args *a)
{
	(void)a;
	return cfg_policy_to_yaml(policy);
}

int
app_cmd_import(int argc, char **argv)
{
	static const struct conversion how = {"46r", "[-6] [-r] [FILE]", read_save, print_yaml};

	return convert(argc, argv, &how);
}

// What iptables-save prints after a restore without -c: no counter is taken over.
static void
forget_counters(struct cfg_policy *policy)
{
	for (int t = 0; t < CFG_TABLES; t++) {
		for (size_t c = 0; c < policy->table[t].n_chain; c++) {
			struct cfg_chain *chain = policy->table[t].chain[c];

			chain->packets4 = chain->bytes4 = chain->packets6 = chain->bytes6 = 0;
		}
	}
}

static int
read_yaml(struct cfg_policy **out, const struct args *a, const char *text, size_t len,
	  struct cfg_err *err)
{
	(void)a;
	return cfg_policy_from_yaml(out, text, len, err);
}

static char *
print_save(struct cfg_policy *policy, const struct args *a)
{
	if (!a->counters)
		forget_counters(policy);
	return cfg_policy_to_save(policy, a->family, a->counters);
}

int
app_cmd_export(int argc, char **argv)
{
	static const struct conversion how = {"46c", "[-6] [-c] [FILE]", read_yaml, print_save};

	return convert(argc, argv, &how);
}
