// `ringwall flows`: what the daemon's tables of connections hold, and the ends of some of them.
// Called by ringwall.c; asks the daemon (ask.c) and prints line by line as the answer comes, so
// that a million flows need no memory. Exit code: 0 done, 1 refused, failed or no daemon, 2 usage.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "app/ask.h"
#include "app/cmd.h"
#include "app/opts.h"
#include "app/show.h"

// Prints flows as they come; of those that were ended also how many. The JSON document is whole
// even where the listing ends early.
static int
show_flows(struct app_answer *a, const char *command, bool json, bool ended)
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
	else if (ended)
		printf("%llu flows ended\n", (unsigned long long)count);
	return failed;
}

static const char text_of_use[] =
	"[FILTER ...] [--json]\n"
	"       ringwall flows --follow [FILTER ...] [-e EVENTS] [--timestamp] [--json]\n"
	"       ringwall flows delete FILTER ... [--json]\n"
	"       ringwall flows flush [-4 | -6]\n"
	"FILTER: [-4 | -6] [-p PROTOCOL] [-s ADDRESS[/LENGTH]] [-d ADDRESS[/LENGTH]]\n"
	"  [--sport PORT] [--dport PORT] [-r ADDRESS[/LENGTH]] [-q ADDRESS[/LENGTH]]\n"
	"  [--reply-port-src PORT] [--reply-port-dst PORT] [--icmp-type N] [--icmp-code N]\n"
	"  [--icmp-id N] [--state STATE] [-u STATUS,...] [-m MARK[/MASK]] [-l LABEL,...]\n"
	"  [-w ZONE] [--orig-zone ZONE] [--reply-zone ZONE] [-n [ADDRESS]] [-g [ADDRESS]] [-j "
	"[ADDRESS]]";

// conntrack(8)'s names, and iptables' where they were here first.
static const struct app_opt flows_opt[] = {
	{'4', "ipv4", O_IPV4, NULL},
	{'6', "ipv6", O_IPV6, NULL},
	{'f', "family", O_TEXT, "family"},
	{'p', "protocol", O_TEXT, "protocol"},
	{0, "proto", O_TEXT, "protocol"},
	{'s', "src", O_TEXT, "src"},
	{0, "orig-src", O_TEXT, "src"},
	{'d', "dst", O_TEXT, "dst"},
	{0, "orig-dst", O_TEXT, "dst"},
	{'r', "reply-src", O_TEXT, "reply_src"},
	{'q', "reply-dst", O_TEXT, "reply_dst"},
	{0, "sport", O_NUMBER, "sport"},
	{0, "orig-port-src", O_NUMBER, "sport"},
	{0, "dport", O_NUMBER, "dport"},
	{0, "orig-port-dst", O_NUMBER, "dport"},
	{0, "reply-port-src", O_NUMBER, "reply_sport"},
	{0, "reply-port-dst", O_NUMBER, "reply_dport"},
	{0, "icmp-type", O_NUMBER, "icmp_type"},
	{0, "icmp-code", O_NUMBER, "icmp_code"},
	{0, "icmp-id", O_NUMBER, "icmp_id"},
	{0, "state", O_TEXT, "state"},
	{'u', "status", O_TEXT, "status"},
	{'m', "mark", O_TEXT, "mark"},
	{'l', "label", O_TEXT, "label"},
	{'w', "zone", O_NUMBER, "zone"},
	{0, "orig-zone", O_NUMBER, "orig_zone"},
	{0, "reply-zone", O_NUMBER, "reply_zone"},
	{'n', "src-nat", O_ADDR, "snat"},
	{'g', "dst-nat", O_ADDR, "dnat"},
	{'j', "any-nat", O_ADDR, "any_nat"},
	{'E', "follow", O_FOLLOW, NULL},
	{'e', "event-mask", O_TEXT, "events"},
	{0, "timestamp", O_TIME, NULL},
	{0, "json", O_JSON, NULL},
};

// The word behind `flows`, to the request's command; NULL: there is no such.
static const char *
command_of(const struct app_opts *p)
{
	if (p->n_rest == 0)
		return p->follow ? "flows_follow" : "flows";
	if (strcmp(p->rest[0], "delete") == 0)
		return "flows_delete";
	return strcmp(p->rest[0], "flush") == 0 ? "flows_flush" : NULL;
}

// What is wrong with the arguments as a whole; the daemon sees to the rest.
static int
check(const struct app_opts *p, const char *command)
{
	if (command == NULL)
		return app_opts_usage("flows", text_of_use,
				      "unexpected '%s': expected 'delete' or 'flush'", p->rest[0]);
	if (strcmp(command, "flows_follow") != 0 &&
	    (p->follow || p->time || json_object_get(p->request, "events") != NULL))
		return app_opts_usage("flows", text_of_use,
				      "'--event-mask' and '--timestamp' go with '--follow', which "
				      "takes no other word");
	if (strcmp(command, "flows_delete") == 0 && json_object_size(p->request) == 1)
		return app_opts_usage("flows", text_of_use,
				      "'delete' needs to be told which flows; 'flush' ends all");
	if (strcmp(command, "flows_flush") == 0 &&
	    json_object_size(p->request) >
		    1u + (json_object_get(p->request, "family") != NULL ? 1u : 0u))
		return app_opts_usage("flows", text_of_use,
				      "'flush' takes no filter but -4 and -6; 'delete' does");
	return 0;
}

// One line {"end": true, "count": N}.
static int
show_count(struct app_answer *a, const char *command, bool json)
{
	int failed;
	json_t *line = app_ask_next(a, &failed);
	long long count = json_integer_value(json_object_get(line, "count"));

	if (line != NULL && !json_is_true(json_object_get(line, "end"))) {
		fprintf(stderr, "ringwall %s: %s\n", command,
			json_string_value(json_object_get(line, "error")));
		failed = 1;
	}
	if (line != NULL && json)
		printf("{\"count\": %lld, \"complete\": %s}\n", count, failed ? "false" : "true");
	else if (line != NULL)
		printf("%lld flows ended\n", count);
	json_decref(line);
	return failed;
}

// Events as they come, each line at once, until the daemon ends or somebody stops this. Never
// returns 0: there is no good end.
static int
follow(struct app_answer *a, const char *command, const struct app_opts *p)
{
	json_t *line;
	int failed;

	app_ask_patient(a);
	while ((line = app_ask_next(a, &failed)) != NULL) {
		json_t *lost = json_object_get(line, "lost");

		if (lost != NULL)
			fprintf(stderr, "ringwall %s: %lld events were lost\n", command,
				(long long)json_integer_value(lost));
		if (p->json && (json_dumpf(line, stdout, JSON_COMPACT) < 0 || putchar('\n') < 0))
			break;
		if (!p->json && lost == NULL)
			app_show_event(line, p->time);
		if (fflush(stdout) != 0)
			break;
		json_decref(line);
	}
	json_decref(line);
	return 1;
}

int
app_cmd_flows(int argc, char **argv)
{
	const char *command;
	struct app_answer *a;
	struct app_opts p;
	int failed, code;

	if (APP_OPTS(&p, flows_opt, 1, text_of_use) < 0)
		return EXIT_USAGE;
	command = command_of(&p);
	if (check(&p, command) < 0) {
		json_decref(p.request);
		return EXIT_USAGE;
	}
	json_object_set_new(p.request, "command", json_string(command));
	a = app_ask_many(argv[0], p.request);
	if (a == NULL)
		return EXIT_FAILED;
	if (strcmp(command, "flows_follow") == 0)
		failed = follow(a, argv[0], &p);
	else if (strcmp(command, "flows_flush") == 0)
		failed = show_count(a, argv[0], p.json);
	else
		failed = show_flows(a, argv[0], p.json, strcmp(command, "flows_delete") == 0);
	app_ask_end(a);
	code = app_finish(argv[0]);
	return failed ? EXIT_FAILED : code;
}
