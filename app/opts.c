// Arguments to a request: see opts.h. Called by the commands that ask the daemon (cmd_control.c,
// cmd_flows.c), in their only thread. Options may stand before, between and behind words. The
// request belongs to the caller once parsing succeeded.
#include "app/opts.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTS_MAX 40 // of a command

int
app_opts_usage(const char *command, const char *text, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "ringwall %s: ", command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nusage: ringwall %s%s%s\n", command, text[0] != '\0' ? " " : "", text);
	return -EXIT_USAGE;
}

// no_argument, required_argument or optional_argument, which are as many colons.
static int
argument_of(const struct app_opt *o)
{
	return o->kind == O_ADDR			  ? optional_argument
	       : o->kind == O_TEXT || o->kind == O_NUMBER ? required_argument
							  : no_argument;
}

static int
take_option(struct app_opts *p, const struct app_opt *o, const char *command, const char *text,
	    const char *arg)
{
	char *end = NULL;
	long long n;

	switch (o->kind) {
	case O_ADDR:
		arg = arg != NULL ? arg : "any";
		// fall through
	case O_TEXT:
		if (json_object_set_new(p->request, o->key, json_string(arg)) < 0)
			return app_opts_usage(command, text, "the argument of '--%s' is not UTF-8",
					      o->name);
		break;
	case O_NUMBER:
		errno = 0;
		n = strtoll(arg, &end, 10);
		if (end == arg || *end != '\0' || errno != 0)
			return app_opts_usage(command, text, "'--%s %s': expected a whole number",
					      o->name, arg);
		json_object_set_new(p->request, o->key, json_integer(n));
		break;
	case O_TRUE:
		json_object_set_new(p->request, o->key, json_true());
		break;
	case O_IPV4:
	case O_IPV6:
		json_object_set_new(p->request, "family",
				    json_string(o->kind == O_IPV4 ? "ipv4" : "ipv6"));
		break;
	case O_JSON:
		p->json = true;
		break;
	case O_EXACT:
		p->exact = true;
		break;
	case O_ALL:
		p->all = true;
		break;
	case O_FOLLOW:
		p->follow = true;
		break;
	case O_TIME:
		p->time = true;
		break;
	case O_FORCE:
		p->force = true;
		break;
	}
	return 0;
}

int
app_opts_parse(struct app_opts *p, int argc, char **argv, const struct app_opt *opt, size_t n,
	       int rest_max, const char *text)
{
	struct option longs[OPTS_MAX + 1] = {{0}};
	char shorts[3 + 3 * OPTS_MAX] = "+:";
	int c, ret = 0;

	assert(n <= OPTS_MAX);
	memset(p, 0, sizeof(*p));
	p->request = json_pack("{s:s}", "command", argv[0]);
	for (size_t i = 0; i < n; i++) {
		int arg = argument_of(&opt[i]);

		longs[i] = (struct option){opt[i].name, arg, NULL, 256 + (int)i};
		if (opt[i].letter != 0)
			snprintf(shorts + strlen(shorts), 4, "%c%.*s", opt[i].letter, arg, "::");
	}
	shorts[0] = '-'; // words that are no options come as option 1, wherever they stand
	optind = 0;
	opterr = 0;
	while (ret == 0 && (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct app_opt *o = NULL;

		for (size_t i = 0; i < n; i++)
			if (c == 256 + (int)i || (opt[i].letter != 0 && c == opt[i].letter))
				o = &opt[i];
		if (o != NULL && o->kind == O_ADDR && optarg == NULL && optind < argc &&
		    argv[optind][0] != '-')
			optarg = argv[optind++];
		if (o != NULL)
			ret = take_option(p, o, argv[0], text, optarg);
		else if (c == 1 && p->n_rest < rest_max)
			p->rest[p->n_rest++] = optarg;
		else if (c == 1)
			ret = app_opts_usage(argv[0], text, "unexpected '%s'", optarg);
		else if (c == ':')
			ret = app_opts_usage(argv[0], text, "'%s' needs an argument",
					     argv[optind - 1]);
		else
			ret = app_opts_usage(argv[0], text, "unknown option '%s'",
					     argv[optind - 1]);
	}
	for (; ret == 0 && optind < argc; optind++) { // after "--"
		if (p->n_rest < rest_max)
			p->rest[p->n_rest++] = argv[optind];
		else
			ret = app_opts_usage(argv[0], text, "unexpected '%s'", argv[optind]);
	}
	if (ret < 0)
		json_decref(p->request);
	return ret;
}

int
app_finish(const char *command)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_DONE;
	fprintf(stderr, "ringwall %s: standard output: %s\n", command, strerror(errno));
	return EXIT_FAILED;
}
