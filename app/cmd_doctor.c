// `ringwall doctor`: the daemon's own checks (control/cmd_doctor.c), one line each; without a
// daemon what can be said of the machine. Called by ringwall.c. Exit code: 0 healthy, 1 something
// needs attention (a warn or a fail), 2 usage.
#include <stdio.h>
#include <string.h>

#include "app/ask.h"
#include "app/cmd.h"
#include "app/opts.h"
#include "control/host_facts.h"

static void
add(json_t *checks, const char *check, const char *health, const char *text)
{
	json_array_append_new(checks, json_pack("{s:s, s:n, s:s, s:s}", "check", check, "subject",
						"health", health, "text", text));
}

static json_t *
machine(void)
{
	json_t *checks = json_array();
	struct ctl_hugepages h;
	char text[256], cpus[128];
	cpu_set_t isolated;

	add(checks, "daemon", "fail",
	    "does not answer: nothing is forwarded by it; see standard error for the reason");
	if (ctl_hugepages(&h) && h.total_kib != 0) {
		snprintf(text, sizeof(text), "%llu MiB, %llu MiB free",
			 (unsigned long long)(h.total_kib / 1024),
			 (unsigned long long)(h.free_kib / 1024));
		add(checks, "hugepages", h.free_kib != 0 ? "ok" : "note", text);
	} else {
		add(checks, "hugepages", "note",
		    "this machine has none: large tables cost more per packet "
		    "(vm.nr_hugepages)");
	}
	if (ctl_cpus_isolated(&isolated) && CPU_COUNT(&isolated) != 0) {
		ctl_cpus_write(&isolated, cpus, sizeof(cpus));
		snprintf(text, sizeof(text), "CPUs %s are isolated: workers are best there", cpus);
		add(checks, "cpus", "ok", text);
	} else {
		add(checks, "cpus", "note",
		    "no CPU is isolated (isolcpus): other programs may run where workers poll");
	}
	return json_pack("{s:s, s:o, s:[]}", "health", "fail", "checks", checks, "ports");
}

static const char *
text_of(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value != NULL ? value : "-";
}

static void
show(const json_t *answer)
{
	const json_t *check;
	size_t i;

	json_array_foreach(json_object_get(answer, "checks"), i, check)
	{
		const json_t *subject = json_object_get(check, "subject");
		char what[80];

		snprintf(what, sizeof(what), "%s%s%s", text_of(check, "check"),
			 json_is_string(subject) ? ", " : "",
			 json_is_string(subject) ? json_string_value(subject) : "");
		printf("%-4s  %-30s  %s\n", text_of(check, "health"), what, text_of(check, "text"));
	}
}

int
app_cmd_doctor(int argc, char **argv)
{
	static const struct app_opt opt[] = {{0, "json", O_JSON, NULL}};
	struct app_opts p;
	json_t *answer;
	bool healthy;

	if (APP_OPTS(&p, opt, 0, "[--json]") < 0)
		return EXIT_USAGE;
	answer = app_ask(argv[0], p.request);
	if (answer == NULL)
		answer = machine();
	json_object_del(answer, "ok");
	if (p.json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		show(answer);
	}
	healthy = strcmp(text_of(answer, "health"), "ok") == 0 ||
		  strcmp(text_of(answer, "health"), "note") == 0;
	json_decref(answer);
	return app_finish(argv[0]) == EXIT_DONE && healthy ? EXIT_DONE : EXIT_FAILED;
}
