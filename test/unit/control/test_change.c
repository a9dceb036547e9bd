// Changing the policy: what is refused leaves everything as it was; what waits for a confirmation
// undoes itself.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/control/ground.h"

static const char start[] =
	"version: 1\n"
	"tables:\n"
	"  filter:\n"
	"    INPUT: { policy: DROP, rules: [ { protocol: tcp, dport: 80, jump: ACCEPT } ] }\n"
	"  nat:\n"
	"    POSTROUTING: { rules: [ { family: ipv4, out-interface: wan, jump: MASQUERADE } ] }\n";
static const char other[] = "version: 1\ntables: { filter: { FORWARD: { policy: DROP } } }\n";

static json_t *
change(struct ground *g, const char *command, const char *text, int confirm)
{
	json_t *request =
		json_pack("{s:s, s:s, s:s}", "command", command, "name", "new.file", "text", text);
	json_t *answer;
	char *line;

	if (confirm > 0)
		json_object_set_new(request, "confirm", json_integer(confirm));
	line = json_dumps(request, JSON_COMPACT);
	answer = ground_ask(g, line);
	free(line);
	json_decref(request);
	return answer;
}

static bool
good(json_t *answer)
{
	bool ok = json_is_true(json_object_get(answer, "ok"));

	if (!ok)
		cr_log_info("refused: %s", json_string_value(json_object_get(answer, "error")));
	json_decref(answer);
	return ok;
}

static void
tick(struct ground *g, uint64_t ms)
{
	bool signalled = false;

	ground_ms += ms;
	cr_assert(eq(int, ctl_step(g->ctl, 0, &signalled), 0));
}

// The running policy as text: what every test compares.
static char *
running(struct ground *g, const char *family)
{
	char request[64];
	json_t *answer;
	char *text;

	snprintf(request, sizeof(request), "{\"command\": \"save\", \"family\": \"%s\"}", family);
	answer = ground_ask(g, request);
	text = strdup(json_string_value(json_object_get(answer, "text")));
	json_decref(answer);
	for (char *c = text; *c != '\0'; c++) // the comments hold the time
		if (*c == '#' && (c == text || c[-1] == '\n'))
			while (*c != '\n' && *c != '\0')
				*c++ = '#';
	return text;
}

static bool
is_running(struct ground *g, const char *words)
{
	char *text = running(g, "ipv4");
	bool found = strstr(text, words) != NULL;

	free(text);
	return found;
}

Test(control_change, a_bad_policy_changes_nothing)
{
	static const struct {
		const char *text, *words;
		unsigned line;
	} row[] = {
		{"version: 1\ntables:\n  filter:\n    INPUT: { rules: [ { jump: NOWHERE } ] }\n",
		 "NOWHERE", 4},
		{"version: 1\ntables:\n  filtre: {}\n", "filtre", 3},
		{"{", "", 0},
		{"", "", 0},
	};
	struct ground g;

	ground_open(&g, start);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		json_t *answer = change(&g, "apply", row[i].text, i % 2 == 0 ? 10 : 0), *first;

		cr_expect(ground_false(answer, "ok"), "row %zu", i);
		first = json_array_get(json_object_get(answer, "messages"), 0);
		cr_assert(ne(ptr, first, NULL), "row %zu", i);
		cr_expect(eq(str, (char *)json_string_value(json_object_get(first, "file")),
			     "new.file"));
		cr_expect(strstr(json_string_value(json_object_get(first, "text")), row[i].words) !=
			  NULL);
		if (row[i].line != 0) {
			cr_expect(eq(int, (int)json_integer_value(json_object_get(first, "line")),
				     (int)row[i].line));
			cr_expect(gt(int, (int)json_integer_value(json_object_get(first, "column")),
				     0));
		}
		json_decref(answer);
	}
	cr_expect(eq(u64, g.generation, 1));
	cr_expect(is_running(&g, "--dport 80"));
	cr_expect(eq(ptr, g.ctl->pending.undo, NULL), "no window was opened");
	ground_close(&g);
}

Test(control_change, a_policy_that_does_not_compile_changes_nothing)
{
	struct ground g;
	json_t *answer;

	ground_open(&g, start);
	g.apply_fails = -ENOMEM;
	answer = change(&g, "apply", other, 10);
	cr_expect(eq(str, (char *)json_string_value(json_object_get(answer, "error")),
		     "the test says no"));
	json_decref(answer);
	cr_expect(is_running(&g, "--dport 80"));
	cr_expect(eq(ptr, g.ctl->pending.undo, NULL));
	ground_close(&g);
}

Test(control_change, applied_for_good)
{
	struct ground g;

	ground_open(&g, start);
	cr_assert(good(change(&g, "apply", other, 0)));
	cr_expect(eq(u64, g.generation, 2));
	cr_expect(not(is_running(&g, "--dport 80")));
	tick(&g, 3600 * 1000);
	cr_expect(eq(u64, g.generation, 2), "nothing undoes it");
	ground_close(&g);
}

Test(control_change, undone_unless_confirmed)
{
	char *before, *after, *error;
	struct ground g;

	ground_open(&g, start);
	before = running(&g, "ipv4");
	cr_assert(good(change(&g, "apply", other, 10)));
	cr_expect(not(is_running(&g, "--dport 80")));
	tick(&g, 9999);
	cr_expect(eq(u64, g.generation, 2), "a millisecond early");
	error = ground_error(&g, "{\"command\": \"reload\"}");
	cr_expect(error != NULL && strstr(error, "waits for its confirmation (1 s left)") != NULL,
		  "%s", error);
	free(error);
	cr_expect(not(good(change(&g, "apply", start, 0))), "a second change has to wait");
	cr_expect(not(good(change(&g, "restore", "*filter\nCOMMIT\n", 0))), "of whatever kind");
	tick(&g, 1);
	tick(&g, 100);
	cr_expect(eq(u64, g.generation, 3));
	after = running(&g, "ipv4");
	cr_expect(eq(str, after, before), "exactly what was there");
	free(before);
	free(after);
	error = ground_error(&g, "{\"command\": \"confirm\"}");
	cr_expect(error != NULL, "too late");
	free(error);
	cr_expect(good(change(&g, "apply", other, 0)), "and the next change may come");
	ground_close(&g);
}

Test(control_change, confirmed)
{
	struct ground g;

	ground_open(&g, start);
	cr_assert(good(change(&g, "apply", other, 10)));
	tick(&g, 9000);
	cr_assert(good(ground_ask(&g, "{\"command\": \"confirm\"}")));
	tick(&g, 3600 * 1000);
	cr_expect(eq(u64, g.generation, 2));
	cr_expect(not(is_running(&g, "--dport 80")));
	ground_close(&g);
}

Test(control_change, rolled_back)
{
	struct ground g;

	ground_open(&g, start);
	cr_assert(good(change(&g, "apply", other, 10)));
	cr_assert(good(ground_ask(&g, "{\"command\": \"rollback\"}")));
	cr_expect(is_running(&g, "--dport 80"));
	cr_expect(eq(u64, g.generation, 3));
	tick(&g, 20000);
	cr_expect(eq(u64, g.generation, 3), "only once");
	ground_close(&g);
}

Test(control_change, undoing_is_tried_again)
{
	struct ground g;

	ground_open(&g, start);
	cr_assert(good(change(&g, "apply", other, 10)));
	g.apply_fails = -ENOMEM;
	cr_expect(not(good(ground_ask(&g, "{\"command\": \"rollback\"}"))), "says that it failed");
	cr_assert(ne(ptr, g.ctl->pending.undo, NULL), "and keeps the window open");
	g.apply_fails = -ENOMEM;
	tick(&g, 10000);
	cr_expect(eq(u64, g.generation, 2));
	tick(&g, 500);
	cr_expect(eq(u64, g.generation, 2), "not in every tick");
	tick(&g, 600);
	cr_expect(eq(u64, g.generation, 3));
	cr_expect(is_running(&g, "--dport 80"));
	ground_close(&g);
}

Test(control_change, reload_reads_the_file)
{
	char *error;
	struct ground g;

	ground_open(&g, start);
	error = ground_error(&g, "{\"command\": \"reload\"}");
	cr_expect(error != NULL, "there is no file");
	free(error);
	ground_policy_file(&g, "version: 1\ntables: [\n");
	error = ground_error(&g, "{\"command\": \"reload\"}");
	cr_expect(error != NULL, "not a policy");
	free(error);
	cr_expect(eq(u64, g.generation, 1));
	ground_policy_file(&g, other);
	cr_expect(good(ground_ask(&g, "{\"command\": \"reload\"}")));
	cr_expect(eq(u64, g.generation, 2));
	cr_expect(not(is_running(&g, "--dport 80")));
	ground_close(&g);
}

Test(control_change, restore_replaces_the_tables_it_names)
{
	char *v6_before, *v6_after;
	struct ground g;

	ground_open(&g, start);
	v6_before = running(&g, "ipv6");
	cr_expect(not(good(change(&g, "restore", "*filter\n-A INPUT -j NOWHERE\nCOMMIT\n", 0))));
	cr_expect(not(good(change(&g, "restore", "*filter\n-A INPUT -j ACCEPT\n", 0))),
		  "no COMMIT");
	cr_expect(eq(u64, g.generation, 1));
	cr_assert(good(change(&g, "restore",
			      "*filter\n:FORWARD DROP [0:0]\n:mine - [0:0]\n-A FORWARD -p udp -m "
			      "udp --dport 53 -j mine\n"
			      "-A mine -j ACCEPT\nCOMMIT\n",
			      0)));
	cr_expect(not(is_running(&g, "--dport 80")), "INPUT's rules went");
	cr_expect(is_running(&g, ":INPUT DROP"), "its policy was not named and stays");
	cr_expect(is_running(&g, ":FORWARD DROP"));
	cr_expect(is_running(&g, "-A FORWARD -p udp -m udp --dport 53 -j mine"));
	cr_expect(is_running(&g, "-A POSTROUTING -o wan -j MASQUERADE"),
		  "nat was not named and stays");
	v6_after = running(&g, "ipv6");
	cr_expect(eq(str, v6_after, v6_before), "IPv6 is another family");
	cr_expect(strstr(v6_after, "--dport 80") != NULL, "and keeps its half of the rule");
	free(v6_before);
	free(v6_after);
	ground_close(&g);
}

static json_int_t
saved_counter(struct ground *g, const char *family, const char *rule)
{
	char request[80];
	json_int_t n = -1;
	json_t *answer;
	char *at;

	snprintf(request, sizeof(request),
		 "{\"command\": \"save\", \"counters\": true, \"family\": \"%s\"}", family);
	answer = ground_ask(g, request);
	at = strstr(json_string_value(json_object_get(answer, "text")), rule);
	while (at != NULL && *at != '[')
		at--;
	if (at != NULL)
		n = strtoll(at + 1, NULL, 10);
	json_decref(answer);
	return n;
}

Test(control_change, restore_with_and_without_counters)
{
	static const char with[] = "*filter\n:INPUT DROP [7:700]\n[5:500] -A INPUT -p tcp -m tcp "
				   "--dport 80 -j ACCEPT\n"
				   "[6:600] -A INPUT -p tcp -m tcp --dport 81 -j ACCEPT\nCOMMIT\n";
	struct ground g;
	json_t *request, *answer;
	char *line;

	ground_open(&g, start);
	request = json_pack("{s:s, s:s, s:s, s:b}", "command", "restore", "name", "f", "text", with,
			    "counters", 1);
	line = json_dumps(request, 0);
	answer = ground_ask(&g, line);
	cr_assert(good(answer));
	cr_expect(eq(llong, saved_counter(&g, "ipv4", "-A INPUT -p tcp -m tcp --dport 80"), 5));
	cr_expect(eq(llong, saved_counter(&g, "ipv4", "-A INPUT -p tcp -m tcp --dport 81"), 6));
	cr_expect(is_running(&g, ":INPUT DROP [7:700]"));
	cr_expect(eq(llong, saved_counter(&g, "ipv6", "-A INPUT -p tcp -m tcp --dport 80"), 0));
	// The same once more: set, not added.
	cr_assert(good(ground_ask(&g, line)));
	cr_expect(eq(llong, saved_counter(&g, "ipv4", "-A INPUT -p tcp -m tcp --dport 80"), 5));
	cr_expect(good(change(&g, "restore", "*nat\nCOMMIT\n", 0)));
	cr_expect(eq(llong, saved_counter(&g, "ipv4", "-A INPUT -p tcp -m tcp --dport 81"), 6),
		  "not named: they live");
	cr_expect(good(change(&g, "restore", with, 0)));
	cr_expect(eq(llong, saved_counter(&g, "ipv4", "-A INPUT -p tcp -m tcp --dport 81"), 0),
		  "without -c: zero");
	cr_expect(is_running(&g, ":INPUT DROP [0:0]"));
	free(line);
	json_decref(request);
	ground_close(&g);
}

// As iptables-restore --noflush and --table: the running tables are what the text works on.
Test(control_change, restore_onto_what_runs)
{
	struct ground g;

	ground_open(&g, start);
	cr_assert(good(ground_ask(
		&g, "{\"command\": \"restore\", \"name\": \"f\", \"counters\": true, \"text\": "
		    "\"*filter\\n:INPUT DROP [7:700]\\n:u - [0:0]\\n[5:6] -A INPUT -j "
		    "u\\nCOMMIT\\n\"}")));
	cr_assert(good(ground_ask(
		&g, "{\"command\": \"restore\", \"name\": \"f\", \"noflush\": true, \"text\": "
		    "\"*filter\\n[8:8] -I INPUT -p udp\\n-A u -j DROP\\nCOMMIT\\n*raw\\n-A OUTPUT "
		    "-c 3 4\\nCOMMIT\\n\"}")));
	cr_expect(is_running(&g, "-A INPUT -p udp\n-A INPUT -j u\n-A u -j DROP\n"));
	cr_expect(is_running(&g, ":INPUT DROP [7:700]"), "what no line names stays");
	cr_expect(eq(llong, saved_counter(&g, "ipv4", "-A INPUT -j u"), 5));
	cr_expect(eq(llong, saved_counter(&g, "ipv4", "-A INPUT -p udp"), 0), "without -c");
	cr_expect(eq(llong, saved_counter(&g, "ipv4", "-A OUTPUT"), 3), "its own -c counts");
	cr_expect(is_running(&g, "-A POSTROUTING -o wan -j MASQUERADE"));
	cr_expect(good(ground_ask(&g,
				  "{\"command\": \"restore\", \"name\": \"f\", \"noflush\": true, "
				  "\"text\": \"*filter\\n-D INPUT -j u\\n-F u\\n-X "
				  "u\\nCOMMIT\\n\"}")));
	cr_expect(not(is_running(&g, ":u")));
	cr_expect(good(ground_ask(&g,
				  "{\"command\": \"restore\", \"name\": \"f\", \"table\": \"nat\", "
				  "\"text\": \"*filter\\n-A INPUT\\nCOMMIT\\n*nat\\n-A OUTPUT -j "
				  "ACCEPT\\nCOMMIT\\n\"}")));
	cr_expect(is_running(&g, "-A INPUT -p udp"), "filter was not meant");
	cr_expect(is_running(&g, "-A OUTPUT -j ACCEPT"));
	cr_expect(not(is_running(&g, "MASQUERADE")));
	cr_expect(not(good(ground_ask(&g, "{\"command\": \"restore\", \"name\": \"f\", \"table\": "
					  "\"natt\", \"text\": \"\"}"))));
	ground_close(&g);
}
