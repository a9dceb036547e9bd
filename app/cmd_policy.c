// `ringwall import` and `export`: the policy file without a daemon and without DPDK.
//
// Run by the main function of `ringwall` on its only thread; everything is read into memory, judged
// by config/ and printed. Messages go to standard error, text to standard output, which stays empty
// where anything is wrong. Exit codes: 0 done, 1 not, 2 usage.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd.h"
#include "app/messages.h"
#include "config/policy.h"

enum { DONE = 0, FAILED = 1, USAGE = 2 };

struct args {
	bool counters, resolve;
	enum cfg_family family;
	const char *path; // NULL: none given
	const char *sets; // a file of them; NULL: none given
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
		{"ipv4", no_argument, NULL, '4'},	{"ipv6", no_argument, NULL, '6'},
		{"counters", no_argument, NULL, 'c'},	{"resolve", no_argument, NULL, 'r'},
		{"sets", required_argument, NULL, 's'}, {0},
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
		a->counters |= c == 'c';
		a->resolve |= c == 'r';
		a->sets = c == 's' ? optarg : a->sets;
		if (c == '4' || c == '6')
			a->family = c == '4' ? CFG_IPV4 : CFG_IPV6;
	}
	if (optind < argc)
		a->path = argv[optind++];
	return optind == argc;
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

// One text into the other: how it is read, and what is printed of it.
struct conversion {
	const char *options, *usage;
	int (*read)(struct cfg_policy **out, const struct args *a, const char *text, size_t len,
		    struct cfg_err *err);
	char *(*print)(struct cfg_policy *policy, const struct args *a);
	bool for_iptables; // who reads it
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
	if (app_read_policy_text(a.path, &text, &len, &err))
		how->read(&policy, &a, text, len, &err);
	if (policy != NULL)
		cfg_policy_able(policy, CFG_WARNING, &err);
	if (policy != NULL && how->for_iptables)
		cfg_policy_foreign(policy, &err);
	if (policy != NULL)
		cfg_policy_sets_missing(policy, &err);
	app_print_messages(&err);
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
	struct cfg_restore how = {.resolve = a->resolve};
	struct cfg_sets sets = {0};
	const char *before = err->file;
	char *more = NULL;
	size_t more_len;
	int ret = 0;

	if (a->sets != NULL) {
		err->file = a->sets;
		if (!app_read_policy_text(a->sets, &more, &more_len, err))
			ret = -EINVAL;
		else
			ret = cfg_sets_read(&sets, more, more_len, err);
		err->file = before;
		how.sets = &sets;
	}
	if (ret == 0)
		ret = cfg_policy_restore(out, a->family, &how, text, len, err);
	if (ret == 0)
		(*out)->sets = sets;
	else
		cfg_sets_free(&sets);
	free(more);
	return ret;
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
	static const struct conversion how = {"46rs:", "[-6] [-r] [--sets FILE] [FILE]", read_save,
					      print_yaml};

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
	const char *path = strcmp(a->path, "-") == 0 ? NULL : a->path;

	return cfg_policy_from_yaml_file(out, path, text, len, err);
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
	static const struct conversion how = {"46c", "[-6] [-c] [FILE]", read_yaml, print_save,
					      true};

	return convert(argc, argv, &how);
}
