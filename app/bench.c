// `ringwall bench`: the named cases, their measurement and what is printed. Times are TSC ticks per
// packet through receive, every stage and transmit of the daemon's pipeline, NIC driver excluded;
// the machine is shared, so minimum and median of repeated batches are given.
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "app/bench.h"
#include "app/cmd.h"
#include "conntrack/ct.h"

struct bench_result {
	uint64_t min, median;  // ticks per packet, rounded up
	double per_second;     // new-connections only
	double bytes_per_flow; // memory only
	uint64_t lost;
	unsigned n_stage;
	struct {
		const char *name;
		double ticks;
	} stage[PL_STAGES_MAX];
};

struct bench_options {
	const char *name, *compare;
	uint32_t flows, rules, repeats;
	uint8_t family;
	uint16_t frame;
	bool json, frame_set;
};

struct bench_case {
	const char *name;
	const char *csit; // FD.io CSIT's name for the nearest thing; NULL: none
	enum bench_policy policy;
	bool wants_rules;
	int (*measure)(struct bench_rig *r, const struct bench_options *o,
		       struct bench_result *out);
};

// ---- stages
// -------------------------------------------------------------------------------------------------

// Stands in front of a real stage in a copy of the program and adds up its ticks.
struct timed {
	const struct pl_stage *stage;
	const void *conf;
	uint64_t ticks;
};

static void
timed_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct timed *t = (struct timed *)(uintptr_t)conf;
	uint64_t began = rte_rdtsc();

	t->stage->run(w, t->conf, b);
	t->ticks += rte_rdtsc() - began;
}

static const struct pl_stage timed_stage = {"timed", timed_run, NULL};

static void
measure_stages(struct bench_rig *r, const struct bench_options *o, struct bench_result *out)
{
	const struct pl_program *real = pl_program_current();
	struct pl_program prog = *real;
	struct timed timed[PL_STAGES_MAX];
	uint64_t packets = 0;

	for (unsigned i = 0; i < prog.n_stage; i++) {
		timed[i] = (struct timed){.stage = real->step[i].stage, .conf = real->step[i].conf};
		prog.step[i].stage = &timed_stage;
		prog.step[i].conf = &timed[i];
	}
	pl_program_publish(&prog);
	for (uint32_t i = 0; i < o->repeats; i++) {
		bench_prepare(r, BENCH_BATCH, bench_random_flow, NULL, false);
		packets += r->n_ready;
		bench_run(r);
	}
	pl_program_publish(real);
	out->n_stage = prog.n_stage;
	for (unsigned i = 0; i < prog.n_stage; i++) {
		out->stage[i].name = timed[i].stage->name;
		out->stage[i].ticks = (double)timed[i].ticks / (double)packets;
	}
}

// ---- cases
// --------------------------------------------------------------------------------------------------

static int
by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int
summary(struct bench_result *out, uint64_t *ticks, uint32_t n)
{
	qsort(ticks, n, sizeof(*ticks), by_value);
	out->min = ticks[0];
	out->median = ticks[n / 2];
	return 0;
}

// Known flows visited at random.
static int
measure_established(struct bench_rig *r, const struct bench_options *o, struct bench_result *out)
{
	uint64_t *ticks = calloc(o->repeats, sizeof(*ticks));
	uint64_t before;

	if (ticks == NULL)
		return -ENOMEM;
	out->lost = bench_establish(r);
	for (uint32_t i = 0; i < 3; i++) { // warm-up
		bench_prepare(r, BENCH_BATCH, bench_random_flow, NULL, false);
		bench_run(r);
	}
	before = r->sent;
	for (uint32_t i = 0; i < o->repeats; i++) {
		bench_prepare(r, BENCH_BATCH, bench_random_flow, NULL, false);
		ticks[i] = (bench_run(r) + BENCH_BATCH - 1) / BENCH_BATCH;
	}
	out->lost += (uint64_t)o->repeats * BENCH_BATCH - (r->sent - before);
	summary(out, ticks, o->repeats);
	free(ticks);
	measure_stages(r, o, out);
	return 0;
}

static uint32_t
next_flow(struct bench_rig *r, uint32_t i, void *arg)
{
	(void)r;
	(void)i;
	return (*(uint32_t *)arg)++;
}

// First packets of flows that were never seen, while as many old ones expire.
static int
measure_new(struct bench_rig *r, const struct bench_options *o, struct bench_result *out)
{
	uint64_t *ticks = calloc(o->repeats, sizeof(*ticks));
	uint32_t flow = r->shape.flows;
	uint64_t step_ns =
		30000000000ull / r->shape.flows * BENCH_BATCH; // udp_timeout over the live flows
	uint64_t before;

	if (ticks == NULL)
		return -ENOMEM;
	// The live ones, half-open, spread evenly over the timeout.
	for (uint32_t f = 0; f < r->shape.flows; f += BENCH_BATCH) {
		uint32_t live = f;

		bench_prepare(r, BENCH_BATCH, next_flow, &live, false);
		bench_run(r);
		r->base_ns += step_ns;
	}
	before = r->sent;
	for (uint32_t i = 0; i < o->repeats; i++) {
		bench_prepare(r, BENCH_BATCH, next_flow, &flow, false);
		ticks[i] = (bench_run(r) + BENCH_BATCH - 1) / BENCH_BATCH;
		r->base_ns += step_ns;
	}
	out->lost = (uint64_t)o->repeats * BENCH_BATCH - (r->sent - before);
	summary(out, ticks, o->repeats);
	out->per_second = (double)rte_get_tsc_hz() / (double)out->median;
	free(ticks);
	return 0;
}

// Resident bytes of this process.
static uint64_t
resident(void)
{
	unsigned long size = 0, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f != NULL) {
		if (fscanf(f, "%lu %lu", &size, &pages) != 2)
			pages = 0;
		fclose(f);
	}
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int
measure_memory(struct bench_rig *r, const struct bench_options *o, struct bench_result *out)
{
	uint32_t from = 0, before_n = ct_table_count(r->w->ct);
	uint64_t before = resident();

	(void)o;
	for (uint32_t f = 0; f < r->shape.flows; f += BENCH_BATCH) {
		bench_prepare(r, RTE_MIN(r->shape.flows - f, (uint32_t)BENCH_BATCH), next_flow,
			      &from, false);
		bench_run(r);
	}
	out->bytes_per_flow =
		(double)(resident() - before) / (double)(ct_table_count(r->w->ct) - before_n);
	return 0;
}

static const struct bench_case cases[] = {
	{"conntrack", NULL, BENCH_CONNTRACK, false, measure_established},
	{"conntrack-rules", "ethip4udp-ip4base-iacl-stateful", BENCH_CT_RULES, true,
	 measure_established},
	{"masquerade", "ethip4udp-nat44ed", BENCH_MASQ, false, measure_established},
	{"masquerade-rules", NULL, BENCH_MASQ_RULES, true, measure_established},
	{"new-connections", "ethip4udp-nat44ed-cps", BENCH_MASQ_RULES, true, measure_new},
	{"memory", NULL, BENCH_MASQ, false, measure_memory},
};

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
	json_object_set_new(o, "stages", stages);
	json_object_set_new(o, "lost", json_integer((json_int_t)res->lost));
	json_object_set_new(o, "tsc_hz", json_integer((json_int_t)rte_get_tsc_hz()));
	if (c->csit != NULL)
		json_object_set_new(o, "csit", json_string(c->csit));
	return o;
}

static void
print(const struct bench_case *c, const struct bench_shape *s, const struct bench_result *res,
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
	printf("%-18s %7u rules %9u flows ipv%u", c->name, c->wants_rules ? s->rules : 0, s->flows,
	       s->family);
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
	for (unsigned i = 0; i < res->n_stage; i++)
		printf("    %-16s %7.1f\n", res->stage[i].name, res->stage[i].ticks);
	fflush(stdout);
}

// What got slower since `file`, a former --json output: lines of the same case and shape.
static int
compare(const char *file, const struct bench_case *c, const struct bench_shape *s,
	const struct bench_result *res)
{
	FILE *f = fopen(file, "r");
	static char line[8192]; // one thread
	json_t *now = to_json(c, s, res);
	int slower = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		static const char *const same[] = {"case", "rules", "flows", "family", "frame"};
		json_t *old = json_loads(line, 0, NULL);
		bool match = old != NULL;
		json_int_t was = json_integer_value(json_object_get(old, "ticks_min"));

		for (size_t i = 0; i < RTE_DIM(same) && match; i++)
			match = json_equal(json_object_get(old, same[i]),
					   json_object_get(now, same[i]));
		if (match && was > 0 && res->min > 0) {
			double percent = 100.0 * ((double)res->min - (double)was) / (double)was;

			slower = percent > 10;
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

static int
usage(void)
{
	fprintf(stderr,
		"usage: ringwall bench [--json] [--case NAME] [--flows N] [--rules N] [--family "
		"4|6]\n"
		"                      [--frame BYTES|imix] [--repeats N] [--compare FILE]\n"
		"cases:");
	for (size_t i = 0; i < RTE_DIM(cases); i++)
		fprintf(stderr, " %s", cases[i].name);
	fputc('\n', stderr);
	return 2;
}

static int
parse_args(struct bench_options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"case", required_argument, NULL, 'c'},
		{"flows", required_argument, NULL, 'f'},
		{"rules", required_argument, NULL, 'r'},
		{"family", required_argument, NULL, '6'},
		{"frame", required_argument, NULL, 's'},
		{"repeats", required_argument, NULL, 'n'},
		{"compare", required_argument, NULL, 'p'},
		{NULL, 0, NULL, 0},
	};
	bool known = true;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long n = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;

		if (c == 'j')
			o->json = true;
		else if (c == 'c')
			o->name = optarg;
		else if (c == 'p')
			o->compare = optarg;
		else if (c == 'f' && n >= 64 && n <= 16000000)
			o->flows = (uint32_t)n;
		else if (c == 'r' && n <= 1000000)
			o->rules = (uint32_t)n;
		else if (c == '6' && (n == 4 || n == 6))
			o->family = (uint8_t)n;
		else if (c == 'n' && n >= 1 && n <= 100000)
			o->repeats = (uint32_t)n;
		else if (c == 's' && (strcmp(optarg, "imix") == 0 || (n >= 64 && n <= 1518)))
			o->frame = (uint16_t)n;
		else
			return -EINVAL;
	}
	if (o->name != NULL) {
		known = false;
		for (size_t i = 0; i < RTE_DIM(cases); i++)
			known |= strcmp(cases[i].name, o->name) == 0;
	}
	return optind == argc && known ? 0 : -EINVAL;
}

static int
run_case(const struct bench_case *c, const struct bench_options *o, struct cfg_err *err)
{
	static struct bench_rig rig;
	struct bench_shape shape = {
		.policy = c->policy,
		.rules = c->wants_rules ? o->rules : 0,
		.flows = o->flows,
		.family = o->family,
		.frame = o->frame,
	};
	struct bench_result res = {0};
	int ret = bench_rig_start(&rig, &shape, err);

	if (ret == 0)
		ret = c->measure(&rig, o, &res);
	bench_rig_stop(&rig);
	if (ret < 0)
		return ret;
	print(c, &shape, &res, o);
	return o->compare != NULL ? compare(o->compare, c, &shape, &res) : 0;
}

int
app_cmd_bench(int argc, char **argv)
{
	struct bench_options o = {
		.flows = 65536, .rules = 1000, .repeats = 31, .family = 4, .frame = 64};
	struct cfg_err err;
	int slower = 0, ret;

	if (parse_args(&o, argc, argv) < 0)
		return usage();
	cfg_err_init(&err, "bench");
	ret = app_eal_start_replay(&err);
	for (size_t i = 0; i < RTE_DIM(cases) && ret >= 0; i++) {
		if (o.name != NULL && strcmp(cases[i].name, o.name) != 0)
			continue;
		ret = run_case(&cases[i], &o, &err);
		slower += ret > 0;
	}
	if (ret < 0 && err.n_errors == 0)
		cfg_err_add(&err, (struct cfg_pos){0, 0}, "does not run: %s", strerror(-ret));
	app_err_print(&err);
	return ret < 0 || slower != 0 ? 1 : 0;
}
