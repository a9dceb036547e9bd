// `ringwall check`: is a policy sound, and what about it is probably not meant?
//
// Run by the main function of `ringwall` on its only thread, without a daemon and without DPDK.
// Messages go to standard error, with --json to standard output. Exit codes: 0 sound, 1 not (with
// --strict: or a warning), 2 usage.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd.h"
#include "app/cmd_diff.h"
#include "app/messages.h"
#include "config/lint/lint.h"

enum { DONE = 0, FAILED = 1, USAGE = 2 };

struct args {
	bool strict, json;
	const char *conf; // NULL: none given
	const char *old;  // of --diff
	const char *path;
};

static bool
parse(struct args *a, int argc, char **argv)
{
	static const struct option options[] = {
		{"conf", required_argument, NULL, 'c'},
		{"diff", required_argument, NULL, 'd'},
		{"json", no_argument, NULL, 'j'},
		{"strict", no_argument, NULL, 's'},
		{0},
	};
	int c;

	*a = (struct args){0};
	optind = 0; // GNU: begin anew
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return false;
		a->strict |= c == 's';
		a->json |= c == 'j';
		if (c == 'c')
			a->conf = optarg;
		if (c == 'd')
			a->old = optarg;
	}
	if (optind < argc)
		a->path = argv[optind++];
	return optind == argc && a->path != NULL && (a->old == NULL || a->conf == NULL);
}

// The machine, where it was given. False: it cannot be read, and err says why.
static bool
read_settings(const struct args *a, struct cfg_settings **settings, struct cfg_err *err)
{
	const char *file = err->file;
	bool good;

	if (a->conf == NULL)
		return true;
	err->file = a->conf;
	good = cfg_settings_load(settings, a->conf, err) == 0;
	err->file = file;
	return good;
}

// Standard input is no file that others could be relative to.
static const char *
path_of(const struct args *a)
{
	return strcmp(a->path, "-") == 0 ? NULL : a->path;
}

int
app_cmd_check(int argc, char **argv)
{
	struct cfg_settings *settings = NULL;
	struct cfg_policy *policy = NULL;
	struct cfg_err err;
	struct args a;
	char *text = NULL;
	size_t len;
	int code;

	if (!parse(&a, argc, argv)) {
		fprintf(stderr, "usage: ringwall check [--strict] [--json] [--conf FILE] FILE\n"
				"       ringwall check [--strict] [--json] --diff OLD NEW\n");
		return USAGE;
	}
	if (a.old != NULL)
		return app_diff(&(struct app_diff){a.old, a.path, a.strict, a.json});
	cfg_err_init(&err, a.path);
	if (read_settings(&a, &settings, &err) && app_read_policy_text(a.path, &text, &len, &err) &&
	    cfg_policy_from_yaml_file(&policy, path_of(&a), text, len, &err) == 0) {
		cfg_policy_lint(policy, settings, &err);
		cfg_lint_allow(&err, NULL, text, len);
		cfg_lint_allow_included(&err);
		cfg_policy_able(policy, CFG_ERROR, &err);
		cfg_policy_sets_missing(policy, &err);
	}
	code = err.n_errors > 0 || (a.strict && app_count_warnings(&err) > 0) ? FAILED : DONE;
	if (a.json)
		code |= app_put_json(app_json_messages(&err));
	else
		app_print_messages(&err);
	cfg_settings_free(settings);
	cfg_policy_free(policy);
	cfg_err_free(&err);
	free(text);
	return code;
}
