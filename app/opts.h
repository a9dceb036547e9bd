#pragma once
// Arguments of the commands that ask the running daemon: a table of options each, to the request
// that is sent.
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

// What an option does to the request. One table of these per command.
enum app_opt_kind {
	O_TEXT,	  // the argument, as the member `key`
	O_ADDR,	  // the same, or "any" without one: the next word is one unless it is an option
	O_NUMBER, // the argument, a whole number
	O_TRUE,	  // true
	O_IPV4,	  // "family": "ipv4"
	O_IPV6,
	O_JSON,	  // not for the daemon: print the answer as it is
	O_EXACT,  // not for the daemon: counters in full
	O_ALL,	  // not for the daemon: drop reasons that are zero as well
	O_FOLLOW, // not for the daemon: events as they happen
	O_TIME,	  // not for the daemon: with the time
	O_FORCE,  // not for the daemon: do it though it cuts off who asks
};

struct app_opt {
	char letter; // 0: only the long form
	const char *name;
	enum app_opt_kind kind;
	const char *key;
};

struct app_opts {
	json_t *request;
	bool json, exact, all, force, follow, time;
	char *rest[2]; // what is no option
	int n_rest;
};

// Prints what is wrong and how the command is used; returns -EXIT_USAGE.
int app_opts_usage(const char *command, const char *text, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

// argv to a request of that command. rest_max: how many words that are no options it takes. 0, or
// -EXIT_USAGE after the reason was printed; p->request is then freed.
int app_opts_parse(struct app_opts *p, int argc, char **argv, const struct app_opt *opt, size_t n,
		   int rest_max, const char *text);
#define APP_OPTS(p, opt, rest_max, text)                                                           \
	app_opts_parse((p), argc, argv, (opt), sizeof(opt) / sizeof((opt)[0]), (rest_max), (text))

// Brings out what is left of the standard output. The exit code: full pipes and disks are failures
// too.
int app_finish(const char *command);
