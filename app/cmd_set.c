// `ringwall set`: ipset's commands for the sets of the running daemon. What changes goes to it as
// the text of one command (or of a file, for restore); list and save print what it answers, in the
// form of ipset 7.17. Exit code: 0 done, 1 refused, not in the set or no daemon, 2 usage.
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/ask.h"
#include "app/cmd.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static int
usage(const char *what)
{
	fprintf(stderr,
		"ringwall set: %s\n"
		"usage: ringwall set create NAME TYPE [OPTION ...] [-exist]\n"
		"       ringwall set add | del | test NAME ENTRY [OPTION ...] [-exist]\n"
		"       ringwall set flush | destroy [NAME]\n"
		"       ringwall set swap | rename NAME NAME\n"
		"       ringwall set restore [-exist] [FILE]\n"
		"       ringwall set list [-t] [-n] [--json] [NAME]\n"
		"       ringwall set save [NAME]\n",
		what);
	return EXIT_USAGE;
}

static int
finish(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_DONE;
	fprintf(stderr, "ringwall set: standard output: %s\n", strerror(errno));
	return EXIT_FAILED;
}

// The words as a line of a restore; NULL where one cannot stand there.
static char *
line_of(int argc, char **argv)
{
	char *line = NULL;
	size_t len;
	FILE *f = open_memstream(&line, &len);

	for (int i = 0; i < argc; i++) {
		bool quote = argv[i][0] == '\0' || strpbrk(argv[i], " \t") != NULL;

		if (strpbrk(argv[i], "\"\n") != NULL) {
			fclose(f);
			free(line);
			return NULL;
		}
		fprintf(f, quote ? "%s\"%s\"" : "%s%s", i > 0 ? " " : "", argv[i]);
	}
	fclose(f);
	return line;
}

static int
ask_text(const char *name, const char *text)
{
	json_t *request =
		json_pack("{s:s, s:s, s:s}", "command", "set", "name", name, "text", text);
	json_t *answer;

	if (request == NULL) {
		fprintf(stderr, "ringwall set: the text is not UTF-8\n");
		return EXIT_FAILED;
	}
	answer = app_ask("set", request);
	json_decref(answer);
	return answer != NULL ? EXIT_DONE : EXIT_FAILED;
}

static int
change(int argc, char **argv)
{
	char *line = line_of(argc, argv);
	int ret;

	if (line == NULL)
		return usage("a word has a quote or a line's end in it");
	ret = ask_text("(command line)", line);
	if (ret == EXIT_DONE && strcmp(argv[0], "test") == 0)
		printf("%s is in set %s.\n", argv[2], argv[1]);
	free(line);
	return ret == EXIT_DONE ? finish() : ret;
}

static int
restore(int argc, char **argv)
{
	const char *path = "-";
	bool exist = false;
	char *text, *all = NULL;
	size_t len, all_len;
	FILE *f;
	int ret;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "-exist") == 0 || strcmp(argv[i], "-!") == 0)
			exist = true;
		else if (argv[i][0] == '-' && argv[i][1] != '\0')
			return usage("restore: unknown option");
		else
			path = argv[i];
	}
	if (app_read_text("set", path, &text, &len) < 0)
		return EXIT_FAILED;
	// Each line says for itself that what is there already is no error.
	f = open_memstream(&all, &all_len);
	for (const char *at = text, *end = text + len; at < end; at++) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		int n = (int)((nl != NULL ? nl : end) - at);

		fprintf(f, "%.*s%s\n", n, at, exist && n > 0 && *at != '#' ? " -exist" : "");
		at += n;
	}
	fclose(f);
	ret = ask_text(strcmp(path, "-") == 0 ? "(standard input)" : path, all);
	free(all);
	free(text);
	return ret;
}

static const char *
text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s != NULL ? s : "";
}

static void
print_list(const json_t *set, bool first, bool terse)
{
	const json_t *members = json_object_get(set, "members"), *m;
	size_t i;

	printf("%sName: %s\nType: %s\nHeader: %s\nReferences: %d\nNumber of entries: %lld\n",
	       first ? "" : "\n", text_of(set, "name"), text_of(set, "type"),
	       text_of(set, "header"), json_is_true(json_object_get(set, "used")) ? 1 : 0,
	       (long long)json_integer_value(json_object_get(set, "count")));
	if (terse)
		return;
	printf("Members:\n");
	json_array_foreach(members, i, m) printf("%s\n", json_string_value(m));
}

static void
print_save(const json_t *set)
{
	const json_t *members = json_object_get(set, "members"), *m;
	size_t i;

	printf("create %s %s %s\n", text_of(set, "name"), text_of(set, "type"),
	       text_of(set, "header"));
	json_array_foreach(members, i, m)
		printf("add %s %s\n", text_of(set, "name"), json_string_value(m));
}

static int
show(int argc, char **argv)
{
	bool save = strcmp(argv[0], "save") == 0, terse = false, names = false, json = false;
	json_t *request = json_pack("{s:s}", "command", "sets"), *answer;
	const json_t *sets, *set;
	size_t i;

	for (int a = 1; a < argc; a++) {
		if (!save && (strcmp(argv[a], "-t") == 0 || strcmp(argv[a], "-terse") == 0))
			terse = true;
		else if (!save && (strcmp(argv[a], "-n") == 0 || strcmp(argv[a], "-name") == 0))
			names = terse = true;
		else if (!save && strcmp(argv[a], "--json") == 0)
			json = true;
		else if (argv[a][0] != '-' && json_object_get(request, "set") == NULL)
			json_object_set_new(request, "set", json_string(argv[a]));
		else {
			json_decref(request);
			return usage("unknown option or too many words");
		}
	}
	if (terse)
		json_object_set_new(request, "terse", json_true());
	answer = app_ask("set", request);
	if (answer == NULL)
		return EXIT_FAILED;
	sets = json_object_get(answer, "sets");
	if (json) {
		json_object_del(answer, "ok");
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_array_foreach(sets, i, set)
	{
		if (save)
			print_save(set);
		else if (names && !json)
			printf("%s\n", text_of(set, "name"));
		else if (!json)
			print_list(set, i == 0, terse);
	}
	json_decref(answer);
	return finish();
}

int
app_cmd_set(int argc, char **argv)
{
	static const struct {
		const char *name;
		int least; // words behind it
	} changes[] = {{"add", 2},   {"create", 2}, {"del", 2},	 {"destroy", 0},
		       {"flush", 0}, {"rename", 2}, {"swap", 2}, {"test", 2}};

	if (argc < 2)
		return usage("what is to be done with a set?");
	if (strcmp(argv[1], "list") == 0 || strcmp(argv[1], "save") == 0)
		return show(argc - 1, argv + 1);
	if (strcmp(argv[1], "restore") == 0)
		return restore(argc - 1, argv + 1);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		if (strcmp(argv[1], changes[i].name) != 0)
			continue;
		return argc - 2 < changes[i].least ? usage("words are missing")
						   : change(argc - 1, argv + 1);
	}
	return usage("unknown command");
}
