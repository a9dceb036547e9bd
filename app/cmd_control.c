// The commands of `ringwall` that ask the running daemon: list, flows, stats, ports, save, restore,
// apply, confirm, rollback. Each reads its arguments into a request, sends it (app/ask.c) and shows
// the answer, for people (app/show_*.c) or with --json as it is. Exit code: 0 done, 1 refused,
// failed or no daemon, 2 usage.
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/ask.h"
#include "app/cmd.h"
#include "app/cmd_diff.h"
#include "app/messages.h"
#include "app/show.h"
#include "config/policy.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

// What an option does to the request. One table of these per command.
enum opt_kind {
	O_TEXT,	  // the argument, as the member `key`
	O_NUMBER, // the argument, a whole number
	O_TRUE,	  // true
	O_IPV4,	  // "family": "ipv4"
	O_IPV6,
	O_JSON,	 // not for the daemon: print the answer as it is
	O_EXACT, // not for the daemon: counters in full
	O_ALL,	 // not for the daemon: drop reasons that are zero as well
	O_FORCE, // not for the daemon: do it though it cuts off who asks
};

struct opt {
	char letter; // 0: only the long form
	const char *name;
	enum opt_kind kind;
	const char *key;
};

struct parsed {
	json_t *request;
	bool json, exact, all, force;
	char *rest[2]; // what is no option
	int n_rest;
};

static int usage(const char *command, const char *text, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int
usage(const char *command, const char *text, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "ringwall %s: ", command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nusage: ringwall %s%s%s\n", command, text[0] != '\0' ? " " : "", text);
	return -EXIT_USAGE;
}

static bool
wants_argument(const struct opt *o)
{
	return o->kind == O_TEXT || o->kind == O_NUMBER;
}

static int
take_option(struct parsed *p, const struct opt *o, const char *command, const char *text,
	    const char *arg)
{
	char *end = NULL;
	long long n;

	switch (o->kind) {
	case O_TEXT:
		if (json_object_set_new(p->request, o->key, json_string(arg)) < 0)
			return usage(command, text, "the argument of '--%s' is not UTF-8", o->name);
		break;
	case O_NUMBER:
		errno = 0;
		n = strtoll(arg, &end, 10);
		if (end == arg || *end != '\0' || errno != 0)
			return usage(command, text, "'--%s %s': expected a whole number", o->name,
				     arg);
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
	case O_FORCE:
		p->force = true;
		break;
	}
	return 0;
}

// argv to a request of that command. rest_max: how many words that are no options it takes. 0, or
// -EXIT_USAGE after the reason was printed; p->request is then freed.
static int
parse(struct parsed *p, int argc, char **argv, const struct opt *opt, size_t n, int rest_max,
      const char *text)
{
	struct option longs[16] = {{0}};
	char shorts[40] = "+:";
	int c, ret = 0;

	memset(p, 0, sizeof(*p));
	p->request = json_pack("{s:s}", "command", argv[0]);
	for (size_t i = 0; i < n; i++) {
		longs[i] =
			(struct option){opt[i].name, wants_argument(&opt[i]), NULL, 256 + (int)i};
		if (opt[i].letter != 0)
			snprintf(shorts + strlen(shorts), 3, "%c%s", opt[i].letter,
				 wants_argument(&opt[i]) ? ":" : "");
	}
	shorts[0] = '-'; // words that are no options come as option 1, wherever they stand
	optind = 0;
	opterr = 0;
	while (ret == 0 && (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct opt *o = NULL;

		for (size_t i = 0; i < n; i++)
			if (c == 256 + (int)i || (opt[i].letter != 0 && c == opt[i].letter))
				o = &opt[i];
		if (o != NULL)
			ret = take_option(p, o, argv[0], text, optarg);
		else if (c == 1 && p->n_rest < rest_max)
			p->rest[p->n_rest++] = optarg;
		else if (c == 1)
			ret = usage(argv[0], text, "unexpected '%s'", optarg);
		else if (c == ':')
			ret = usage(argv[0], text, "'%s' needs an argument", argv[optind - 1]);
		else
			ret = usage(argv[0], text, "unknown option '%s'", argv[optind - 1]);
	}
	for (; ret == 0 && optind < argc; optind++) { // after "--"
		if (p->n_rest < rest_max)
			p->rest[p->n_rest++] = argv[optind];
		else
			ret = usage(argv[0], text, "unexpected '%s'", argv[optind]);
	}
	if (ret < 0)
		json_decref(p->request);
	return ret;
}

#define PARSE(p, opt, rest_max, text)                                                              \
	parse((p), argc, argv, (opt), sizeof(opt) / sizeof((opt)[0]), (rest_max), (text))

static void
print_json(json_t *answer)
{
	json_object_del(answer, "ok");
	json_object_del(answer, "messages");
	json_dumpf(answer, stdout, JSON_INDENT(2));
	putchar('\n');
}

// Full pipes and disks are failures too.
static int
finish(const char *command)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_DONE;
	fprintf(stderr, "ringwall %s: standard output: %s\n", command, strerror(errno));
	return EXIT_FAILED;
}

int
app_cmd_list(int argc, char **argv)
{
	static const char text[] = "[-4 | -6] [-t TABLE] [-x] [--json] [CHAIN]";
	static const struct opt opt[] = {
		{'t', "table", O_TEXT, "table"}, {'4', "ipv4", O_IPV4, NULL},
		{'6', "ipv6", O_IPV6, NULL},	 {'x', "exact", O_EXACT, NULL},
		{0, "json", O_JSON, NULL},
	};
	struct parsed p;
	json_t *answer;

	if (PARSE(&p, opt, 1, text) < 0)
		return EXIT_USAGE;
	if (p.n_rest > 0)
		json_object_set_new(p.request, "chain", json_string(p.rest[0]));
	answer = app_ask(argv[0], p.request);
	if (answer == NULL)
		return EXIT_FAILED;
	if (p.json)
		print_json(answer);
	else
		app_show_policy(answer, p.exact);
	json_decref(answer);
	return finish(argv[0]);
}

// Prints flows as they come. The JSON document is whole even where the listing ends early.
static int
show_flows(struct app_answer *a, const char *command, bool json)
{
	uint64_t count = 0;
	int failed = 0;
	json_t *line;

	if (json)
		printf("{\"flows\": [");
	while ((line = app_ask_next(a, &failed)) != NULL && json_object_get(line, "end") == NULL) {
		const json_t *flow = json_object_get(line, "flow");

		if (json) {
			printf("%s\n", count > 0 ? "," : "");
			json_dumpf(flow, stdout, JSON_COMPACT);
		} else {
			app_show_flow(flow);
		}
		count++;
		json_decref(line);
	}
	if (line != NULL && !json_is_true(json_object_get(line, "end"))) {
		fprintf(stderr, "ringwall %s: %s\n", command,
			json_string_value(json_object_get(line, "error")));
		failed = 1;
	}
	json_decref(line);
	if (json)
		printf("\n], \"count\": %llu, \"complete\": %s}\n", (unsigned long long)count,
		       failed ? "false" : "true");
	return failed;
}

int
app_cmd_flows(int argc, char **argv)
{
	static const char text[] =
		"[-4 | -6] [-p PROTOCOL] [-s ADDRESS[/LENGTH]] [-d ADDRESS[/LENGTH]] "
		"[--sport PORT] [--dport PORT] [--state STATE] [--json]";
	static const struct opt opt[] = {
		{'4', "ipv4", O_IPV4, NULL},
		{'6', "ipv6", O_IPV6, NULL},
		{'p', "protocol", O_TEXT, "protocol"},
		{'s', "src", O_TEXT, "src"},
		{'d', "dst", O_TEXT, "dst"},
		{0, "sport", O_NUMBER, "sport"},
		{0, "dport", O_NUMBER, "dport"},
		{0, "state", O_TEXT, "state"},
		{0, "json", O_JSON, NULL},
	};
	struct app_answer *a;
	struct parsed p;
	int failed, code;

	if (PARSE(&p, opt, 0, text) < 0)
		return EXIT_USAGE;
	a = app_ask_many(argv[0], p.request);
	if (a == NULL)
		return EXIT_FAILED;
	failed = show_flows(a, argv[0], p.json);
	app_ask_end(a);
	code = finish(argv[0]);
	return failed ? EXIT_FAILED : code;
}

int
app_cmd_stats(int argc, char **argv)
{
	static const struct opt opt[] = {{'a', "all", O_ALL, NULL}, {0, "json", O_JSON, NULL}};
	struct parsed p;
	json_t *answer;

	if (PARSE(&p, opt, 0, "[-a] [--json]") < 0)
		return EXIT_USAGE;
	answer = app_ask(argv[0], p.request);
	if (answer == NULL)
		return EXIT_FAILED;
	if (p.json)
		print_json(answer);
	else
		app_show_stats(answer, p.all);
	json_decref(answer);
	return finish(argv[0]);
}

int
app_cmd_ports(int argc, char **argv)
{
	static const struct opt opt[] = {{0, "json", O_JSON, NULL}};
	struct parsed p;
	json_t *answer;

	if (PARSE(&p, opt, 0, "[--json]") < 0)
		return EXIT_USAGE;
	answer = app_ask(argv[0], p.request);
	if (answer == NULL)
		return EXIT_FAILED;
	if (p.json)
		print_json(answer);
	else
		app_show_ports(answer);
	json_decref(answer);
	return finish(argv[0]);
}

int
app_cmd_save(int argc, char **argv)
{
	static const struct opt opt[] = {
		{'4', "ipv4", O_IPV4, NULL},
		{'6', "ipv6", O_IPV6, NULL},
		{'c', "counters", O_TRUE, "counters"},
	};
	const char *saved;
	struct parsed p;
	json_t *answer;

	if (PARSE(&p, opt, 0, "[-4 | -6] [-c]") < 0)
		return EXIT_USAGE;
	answer = app_ask(argv[0], p.request);
	if (answer == NULL)
		return EXIT_FAILED;
	saved = json_string_value(json_object_get(answer, "text"));
	fputs(saved != NULL ? saved : "", stdout);
	json_decref(answer);
	return finish(argv[0]);
}

// A policy that includes others goes to the daemon as one text: what is relative to its file is
// here. NULL after its errors were printed.
static char *
with_includes(const char *path, char *text, size_t *len)
{
	struct cfg_policy *policy = NULL;
	struct cfg_err err;
	char *whole = text;

	if (strcmp(path, "-") == 0 || strstr(text, "include") == NULL)
		return text;
	cfg_err_init(&err, path);
	if (cfg_policy_from_yaml_file(&policy, path, text, *len, &err) < 0) {
		app_print_messages(&err);
		whole = NULL;
	} else if (policy->includes) {
		whole = cfg_policy_to_yaml(policy);
		*len = whole != NULL ? strlen(whole) : 0;
	}
	if (whole != text)
		free(text);
	cfg_policy_free(policy);
	cfg_err_free(&err);
	return whole;
}

// Sends a request that carries a file: its name for messages, and its text.
static json_t *
ask_with_file(const char *command, struct parsed *p, const char *path)
{
	json_t *name = json_string(strcmp(path, "-") == 0 ? "(standard input)" : path), *body;
	char *text;
	size_t len;

	if (app_read_text(command, path, &text, &len) < 0) {
		json_decref(name);
		json_decref(p->request);
		return NULL;
	}
	if (strcmp(command, "apply") == 0 && (text = with_includes(path, text, &len)) == NULL) {
		json_decref(name);
		json_decref(p->request);
		return NULL;
	}
	body = json_stringn(text, len);
	free(text);
	if (body == NULL || name == NULL) {
		fprintf(stderr, "ringwall %s: %s: the file is not UTF-8 text\n", command, path);
		json_decref(body);
		json_decref(name);
		json_decref(p->request);
		return NULL;
	}
	json_object_set_new(p->request, "name", name);
	json_object_set_new(p->request, "text", body);
	return app_ask(command, p->request);
}

int
app_cmd_restore(int argc, char **argv)
{
	static const struct opt opt[] = {
		{'4', "ipv4", O_IPV4, NULL},	       {'6', "ipv6", O_IPV6, NULL},
		{'c', "counters", O_TRUE, "counters"}, {'n', "noflush", O_TRUE, "noflush"},
		{'T', "table", O_TEXT, "table"},
	};
	struct parsed p;
	json_t *answer;

	if (PARSE(&p, opt, 1, "[-4 | -6] [-c] [-n] [-T TABLE] [FILE]") < 0)
		return EXIT_USAGE;
	answer = ask_with_file(argv[0], &p, p.n_rest > 0 ? p.rest[0] : "-");
	json_decref(answer);
	return answer != NULL ? EXIT_DONE : EXIT_FAILED;
}

static long long
number(const json_t *answer, const char *key)
{
	return json_integer_value(json_object_get(answer, key));
}

// Would the change cut off the very session in which it is asked for, for good?
static bool
cuts_off(const char *command, const struct parsed *p)
{
	const char *family = app_session_family(), *running;
	json_t *answer;
	bool cuts;

	if (family == NULL || p->force || strcmp(p->rest[0], "-") == 0 ||
	    json_object_get(p->request, "confirm") != NULL)
		return false;
	answer = app_ask("save", json_pack("{s:s, s:s}", "command", "save", "family", family));
	running = json_string_value(json_object_get(answer, "text"));
	cuts = running != NULL && app_cuts_session(running, p->rest[0]);
	json_decref(answer);
	if (cuts)
		fprintf(stderr,
			"ringwall %s: not applied: use --confirm SECONDS, so that it is undone, or "
			"--force\n",
			command);
	return cuts;
}

int
app_cmd_apply(int argc, char **argv)
{
	static const char text[] = "[--confirm SECONDS | --force] FILE";
	static const struct opt opt[] = {{0, "confirm", O_NUMBER, "confirm"},
					 {0, "force", O_FORCE, NULL}};
	struct parsed p;
	json_t *answer;

	if (PARSE(&p, opt, 1, text) < 0)
		return EXIT_USAGE;
	if (p.n_rest == 0) {
		json_decref(p.request);
		return -usage(argv[0], text, "FILE is missing");
	}
	if (cuts_off(argv[0], &p)) {
		json_decref(p.request);
		return EXIT_FAILED;
	}
	answer = ask_with_file(argv[0], &p, p.rest[0]);
	if (answer == NULL)
		return EXIT_FAILED;
	if (json_object_get(answer, "confirm") != NULL)
		printf("applied as generation %lld, to be undone in %lld s unless `ringwall "
		       "confirm`\n",
		       number(answer, "generation"), number(answer, "confirm"));
	else
		printf("applied as generation %lld\n", number(answer, "generation"));
	json_decref(answer);
	return finish(argv[0]);
}

static int
plain(int argc, char **argv, const char *done)
{
	static const struct opt none[] = {{0, NULL, O_TRUE, NULL}};
	struct parsed p;
	json_t *answer;

	if (parse(&p, argc, argv, none, 0, 0, "") < 0)
		return EXIT_USAGE;
	answer = app_ask(argv[0], p.request);
	if (answer == NULL)
		return EXIT_FAILED;
	printf("%s %lld\n", done, number(answer, "generation"));
	json_decref(answer);
	return finish(argv[0]);
}

int
app_cmd_confirm(int argc, char **argv)
{
	return plain(argc, argv, "confirmed: generation");
}

int
app_cmd_rollback(int argc, char **argv)
{
	return plain(argc, argv, "rolled back: the policy before runs again as generation");
}
