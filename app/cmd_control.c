// The commands of `ringwall` that ask the running daemon: list, stats, ports, save, restore,
// apply, confirm, rollback. Each reads its arguments into a request, sends it (app/ask.c) and shows
// the answer, for people (app/show_*.c) or with --json as it is. Exit code: 0 done, 1 refused,
// failed or no daemon, 2 usage.
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/ask.h"
#include "app/cmd.h"
#include "app/cmd_diff.h"
#include "app/messages.h"
#include "app/opts.h"
#include "app/show.h"
#include "config/policy.h"

static void
print_json(json_t *answer)
{
	json_object_del(answer, "ok");
	json_object_del(answer, "messages");
	json_dumpf(answer, stdout, JSON_INDENT(2));
	putchar('\n');
}

int
app_cmd_list(int argc, char **argv)
{
	static const char text[] = "[-4 | -6] [-t TABLE] [-x] [--json] [CHAIN]";
	static const struct app_opt opt[] = {
		{'t', "table", O_TEXT, "table"}, {'4', "ipv4", O_IPV4, NULL},
		{'6', "ipv6", O_IPV6, NULL},	 {'x', "exact", O_EXACT, NULL},
		{0, "json", O_JSON, NULL},
	};
	struct app_opts p;
	json_t *answer;

	if (APP_OPTS(&p, opt, 1, text) < 0)
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
	return app_finish(argv[0]);
}

int
app_cmd_stats(int argc, char **argv)
{
	static const struct app_opt opt[] = {{'a', "all", O_ALL, NULL}, {0, "json", O_JSON, NULL}};
	struct app_opts p;
	json_t *answer;

	if (APP_OPTS(&p, opt, 0, "[-a] [--json]") < 0)
		return EXIT_USAGE;
	answer = app_ask(argv[0], p.request);
	if (answer == NULL)
		return EXIT_FAILED;
	if (p.json)
		print_json(answer);
	else
		app_show_stats(answer, p.all);
	json_decref(answer);
	return app_finish(argv[0]);
}

int
app_cmd_ports(int argc, char **argv)
{
	static const struct app_opt opt[] = {{0, "json", O_JSON, NULL}};
	struct app_opts p;
	json_t *answer;

	if (APP_OPTS(&p, opt, 0, "[--json]") < 0)
		return EXIT_USAGE;
	answer = app_ask(argv[0], p.request);
	if (answer == NULL)
		return EXIT_FAILED;
	if (p.json)
		print_json(answer);
	else
		app_show_ports(answer);
	json_decref(answer);
	return app_finish(argv[0]);
}

int
app_cmd_save(int argc, char **argv)
{
	static const struct app_opt opt[] = {
		{'4', "ipv4", O_IPV4, NULL},
		{'6', "ipv6", O_IPV6, NULL},
		{'c', "counters", O_TRUE, "counters"},
	};
	const char *saved;
	struct app_opts p;
	json_t *answer;

	if (APP_OPTS(&p, opt, 0, "[-4 | -6] [-c]") < 0)
		return EXIT_USAGE;
	answer = app_ask(argv[0], p.request);
	if (answer == NULL)
		return EXIT_FAILED;
	saved = json_string_value(json_object_get(answer, "text"));
	fputs(saved != NULL ? saved : "", stdout);
	json_decref(answer);
	return app_finish(argv[0]);
}

// A policy that includes others, or files of sets, goes to the daemon as one text: what is relative
// to its file is here. NULL after its errors were printed.
static char *
with_includes(const char *path, char *text, size_t *len)
{
	struct cfg_policy *policy = NULL;
	struct cfg_err err;
	char *whole = text;

	if (strcmp(path, "-") == 0 ||
	    (strstr(text, "include") == NULL && strstr(text, "file") == NULL))
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
ask_with_file(const char *command, struct app_opts *p, const char *path)
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
	static const struct app_opt opt[] = {
		{'4', "ipv4", O_IPV4, NULL},	       {'6', "ipv6", O_IPV6, NULL},
		{'c', "counters", O_TRUE, "counters"}, {'n', "noflush", O_TRUE, "noflush"},
		{'T', "table", O_TEXT, "table"},
	};
	struct app_opts p;
	json_t *answer;

	if (APP_OPTS(&p, opt, 1, "[-4 | -6] [-c] [-n] [-T TABLE] [FILE]") < 0)
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
cuts_off(const char *command, const struct app_opts *p)
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
	static const struct app_opt opt[] = {{0, "confirm", O_NUMBER, "confirm"},
					     {0, "force", O_FORCE, NULL}};
	struct app_opts p;
	json_t *answer;

	if (APP_OPTS(&p, opt, 1, text) < 0)
		return EXIT_USAGE;
	if (p.n_rest == 0) {
		json_decref(p.request);
		return -app_opts_usage(argv[0], text, "FILE is missing");
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
	return app_finish(argv[0]);
}

static int
plain(int argc, char **argv, const char *done)
{
	static const struct app_opt none[] = {{0, NULL, O_TRUE, NULL}};
	struct app_opts p;
	json_t *answer;

	if (app_opts_parse(&p, argc, argv, none, 0, 0, "") < 0)
		return EXIT_USAGE;
	answer = app_ask(argv[0], p.request);
	if (answer == NULL)
		return EXIT_FAILED;
	printf("%s %lld\n", done, number(answer, "generation"));
	json_decref(answer);
	return app_finish(argv[0]);
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
