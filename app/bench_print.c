// What `ringwall bench` prints of a case: a line of a table or of JSON (a contract: keys change
// only with a version), and what got slower since an earlier run. Called by bench.c after each
// case, on the main thread; keeps nothing.
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include "app/bench.h"

// ---- output
// -------------------------------------------------------------------------------------------------

static json_t *
to_json(const struct bench_case *c, const struct bench_shape *s, const struct bench_result *res)
{
	json_t *o = json_pack("{s:s, s:i, s:i, s:s}", "case", c->name, "rules",
			      c->wants_rules ? (int)s->rules : 0, "flows", (int)s->flows, "family",
			      s->family == 4 ? "ipv4" : "ipv6");
	json_t *stages = json_object();

	if (s->frame != 0)
		json_object_set_new(o, "frame", json_integer(s->frame));
	else
		json_object_set_new(o, "frame", json_string("imix"));
	json_object_set_new(o, "checksum", json_string(s->software ? "software" : "port"));
	if (res->min != 0) {
		json_object_set_new(o, "ticks_min", json_integer((json_int_t)res->min));
		json_object_set_new(o, "ticks_median", json_integer((json_int_t)res->median));
		json_object_set_new(
			o, "mpps", json_real((double)rte_get_tsc_hz() / (double)res->median / 1e6));
	}
	if (res->per_second > 0)
		json_object_set_new(o, "per_second", json_integer((json_int_t)res->per_second));
	if (res->bytes_per_flow > 0)
		json_object_set_new(o, "bytes_per_flow", json_real(res->bytes_per_flow));
	for (unsigned i = 0; i < res->n_stage; i++) {
		double sum = json_real_value(json_object_get(stages, res->stage[i].name)) +
			     res->stage[i].ticks;

		json_object_set_new(stages, res->stage[i].name, json_real(sum));
	}
	for (unsigned i = 0; i < res->n_figure; i++)
		json_object_set_new(o, res->figure[i].name, json_real(res->figure[i].value));
	json_object_set_new(o, "stages", stages);
	json_object_set_new(o, "lost", json_integer((json_int_t)res->lost));
	json_object_set_new(o, "tsc_hz", json_integer((json_int_t)rte_get_tsc_hz()));
	if (c->csit != NULL)
		json_object_set_new(o, "csit", json_string(c->csit));
	return o;
}

void
bench_print(const struct bench_case *c, const struct bench_shape *s, const struct bench_result *res,
	    const struct bench_options *o)
{
	if (o->json) {
		json_t *line = to_json(c, s, res);

		json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
		putchar('\n');
		json_decref(line);
		fflush(stdout);
		return;
	}
	printf("%-18s %7u rules %9u flows ipv%u, checksums by %s", c->name,
	       c->wants_rules ? s->rules : 0, s->flows, s->family,
	       s->software ? "software" : "the port");
	if (res->min != 0)
		printf("  %5llu min %5llu median ticks  %6.2f Mpps", (unsigned long long)res->min,
		       (unsigned long long)res->median,
		       (double)rte_get_tsc_hz() / (double)res->median / 1e6);
	if (res->per_second > 0)
		printf("  %.2f M/s", res->per_second / 1e6);
	if (res->bytes_per_flow > 0)
		printf("  %.1f bytes a flow", res->bytes_per_flow);
	if (res->lost != 0)
		printf("  (%llu lost)", (unsigned long long)res->lost);
	putchar('\n');
	for (unsigned i = 0; i < res->n_figure; i++)
		printf("    %-28s %12.1f %s\n", res->figure[i].name, res->figure[i].value,
		       res->figure[i].unit);
	for (unsigned i = 0; i < res->n_stage; i++)
		printf("    %-16s %7.1f\n", res->stage[i].name, res->stage[i].ticks);
	fflush(stdout);
}

// Lines of the same case and shape.
int
bench_compare(const char *file, const struct bench_case *c, const struct bench_shape *s,
	      const struct bench_result *res)
{
	FILE *f = fopen(file, "r");
	static char line[8192]; // one thread
	json_t *now = to_json(c, s, res);
	int slower = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		static const char *const same[] = {"case",   "rules", "flows",
						   "family", "frame", "checksum"};
		json_t *old = json_loads(line, 0, NULL);
		bool match = old != NULL;
		json_int_t was = json_integer_value(json_object_get(old, "ticks_min"));

		for (size_t i = 0; i < RTE_DIM(same) && match; i++)
			match = json_equal(json_object_get(old, same[i]),
					   json_object_get(now, same[i]));
		if (match && was > 0 && res->min > 0) {
			double percent = 100.0 * ((double)res->min - (double)was) / (double)was;

			slower |= percent > 10;
			fprintf(stderr, "%s: %+.1f %% against %s%s\n", c->name, percent, file,
				slower ? ": slower" : "");
		}
		json_decref(old);
	}
	if (f == NULL)
		fprintf(stderr, "ringwall bench: %s: %s\n", file, strerror(errno));
	else
		fclose(f);
	json_decref(now);
	return slower;
}
