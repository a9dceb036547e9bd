// `ringwall list` and `ringwall flows` for people: the looks of `iptables -L -v -n --line-numbers`
// (1.8.9; its protocol column here with names) and of `conntrack -L`, from the daemon's JSON.
// Called by cmd_control.c.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "app/show.h"

static const char *
text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value != NULL ? value : "";
}

static uint64_t
number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

static bool
is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

// iptables' way to fit a counter into five columns: 99999, 100K, 9999K, 10M ...
static void
counter_text(uint64_t n, bool exact, char out[24])
{
	static const char unit[] = "KMGT";
	size_t u = 0;

	if (exact || n <= 99999) {
		snprintf(out, 24, "%" PRIu64, n);
		return;
	}
	n = (n + 500) / 1000;
	while (n > 9999 && u < sizeof(unit) - 2) {
		n = (n + 500) / 1000;
		u++;
	}
	snprintf(out, 24, "%" PRIu64 "%c", n, unit[u]);
}

// A column whose value may be negated: '!' stands in front of it, in the gap.
static void
print_negatable(const char *value, int width, const char *gap)
{
	bool negated = value[0] == '!';

	printf("%c%-*s%s", negated ? '!' : ' ', width, value + negated, gap);
}

static void
print_rule(const json_t *rule, bool exact)
{
	char packets[24], bytes[24];
	const char *fragments = text(rule, "fragments"), *details = text(rule, "details");
	bool is_goto = is_true(rule, "goto");

	counter_text(number(rule, "packets"), exact, packets);
	counter_text(number(rule, "bytes"), exact, bytes);
	printf("%-4" PRIu64 " ", number(rule, "number"));
	printf(exact ? "%8s %10s " : "%5s %5s ", packets, bytes);
	printf("%-9s ", text(rule, "target"));
	print_negatable(text(rule, "protocol"), 6, " ");
	printf("%2s ", fragments[0] != '\0' ? fragments : "--");
	print_negatable(text(rule, "in"), 6, "");
	print_negatable(text(rule, "out"), 6, " ");
	print_negatable(text(rule, "source"), 19, " ");
	print_negatable(text(rule, "destination"), details[0] != '\0' || is_goto ? 19 : 0, "");
	printf("%s%s%s\n", is_goto ? "  [goto]" : "", details[0] != '\0' ? "  " : "", details);
}

static void
print_chain(const json_t *chain, bool exact)
{
	char packets[24], bytes[24];
	const json_t *rule;
	size_t i;

	if (json_object_get(chain, "packets") != NULL) {
		counter_text(number(chain, "packets"), exact, packets);
		counter_text(number(chain, "bytes"), exact, bytes);
		printf("Chain %s (policy %s %s packets, %s bytes)\n", text(chain, "chain"),
		       text(chain, "policy"), packets, bytes);
	} else if (json_object_get(chain, "policy") != NULL) {
		printf("Chain %s (policy %s)\n", text(chain, "chain"), text(chain, "policy"));
	} else {
		printf("Chain %s (%" PRIu64 " references)\n", text(chain, "chain"),
		       number(chain, "references"));
	}
	printf(exact ? "%-4s %8s %10s " : "%-4s %5s %5s ", "num", "pkts", "bytes");
	printf("%-9s  %-6s %s %-6s %-6s  %-19s  %s\n", "target", "prot", "opt", "in", "out",
	       "source", "destination");
	json_array_foreach(json_object_get(chain, "rules"), i, rule)
	{
		print_rule(rule, exact);
	}
	putchar('\n');
}

void
app_show_policy(const json_t *answer, bool exact)
{
	const json_t *table, *chain;
	size_t t, c;

	json_array_foreach(json_object_get(answer, "tables"), t, table)
	{
		if (json_array_size(json_object_get(table, "chains")) == 0)
			continue; // of a listing of one chain that is not in this table
		printf("Table %s (%s)\n\n", text(table, "table"),
		       strcmp(text(table, "family"), "ipv6") == 0 ? "IPv6" : "IPv4");
		json_array_foreach(json_object_get(table, "chains"), c, chain)
		{
			print_chain(chain, exact);
		}
	}
}

static void
print_side(const json_t *side, bool counters)
{
	printf("src=%s dst=%s ", text(side, "src"), text(side, "dst"));
	if (json_object_get(side, "sport") != NULL)
		printf("sport=%" PRIu64 " dport=%" PRIu64 " ", number(side, "sport"),
		       number(side, "dport"));
	if (json_object_get(side, "type") != NULL)
		printf("type=%" PRIu64 " code=%" PRIu64 " id=%" PRIu64 " ", number(side, "type"),
		       number(side, "code"), number(side, "id"));
	if (number(side, "zone") != 0)
		printf("zone=%" PRIu64 " ", number(side, "zone"));
	if (!counters || json_object_get(side, "packets") == NULL)
		return;
	printf("packets=%" PRIu64 " bytes=%" PRIu64 " ", number(side, "packets"),
	       number(side, "bytes"));
}

static void
print_labels(const json_t *labels)
{
	const json_t *label;
	size_t i;

	json_array_foreach(labels, i, label)
	{
		printf("%s%" JSON_INTEGER_FORMAT, i == 0 ? "labels=" : ",",
		       json_integer_value(label));
	}
	if (i > 0)
		putchar(' ');
}

// As conntrack -o ktimestamp: how many seconds, and since when.
static void
print_times(uint64_t start_us, uint64_t duration_us)
{
	time_t start = (time_t)(start_us / 1000000);
	char when[64] = "";
	struct tm tm;

	if (localtime_r(&start, &tm) != NULL)
		strftime(when, sizeof(when), "%a %b %e %H:%M:%S %Y", &tm);
	printf("delta-time=%" PRIu64 " [start=%s] ", duration_us / 1000000, when);
}

static void
print_flow(const json_t *flow, bool timeout, bool counters)
{
	printf("%-8s %" PRIu64 " ", text(flow, "protocol"), number(flow, "protocol_number"));
	if (timeout)
		printf("%" PRIu64 " ", number(flow, "timeout_sec"));
	if (json_object_get(flow, "state") != NULL)
		printf("%s ", text(flow, "state"));
	print_side(json_object_get(flow, "original"), counters);
	if (!is_true(flow, "seen_reply"))
		printf("[UNREPLIED] ");
	print_side(json_object_get(flow, "reply"), counters);
	if (is_true(flow, "assured"))
		printf("[ASSURED] ");
	printf("mark=%" PRIu64 " ", number(flow, "mark"));
	print_labels(json_object_get(flow, "labels"));
	if (json_object_get(flow, "start_us") != NULL)
		print_times(number(flow, "start_us"), number(flow, "duration_us"));
	printf("worker=%" PRIu64 "\n", number(flow, "worker"));
}

void
app_show_flow(const json_t *flow)
{
	print_flow(flow, true, true);
}

void
app_show_event(const json_t *event, bool time)
{
	const char *kind = text(event, "event");
	bool end = strcmp(kind, "destroy") == 0;
	uint64_t us = number(event, "time_us");

	if (time)
		printf("[%" PRIu64 ".%06" PRIu64 "]\t", us / 1000000, us % 1000000);
	printf("%9s ", end ? "[DESTROY]" : strcmp(kind, "new") == 0 ? "[NEW]" : "[UPDATE]");
	print_flow(json_object_get(event, "flow"), !end, end);
}
