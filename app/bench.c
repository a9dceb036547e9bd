// `ringwall bench`: the command line, and one case after the other, each on a gateway of its own
// that goes with it. Main thread; EAL is started for the whole run. The cases are in bench_case.c
// and the files beside it.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/bench.h"
#include "app/cmd.h"

static int
usage(void)
{
	fprintf(stderr,
		"usage: ringwall bench [--json] [--case NAME] [--flows N] [--rules N] [--family "
		"4|6]\n"
		"                      [--frame BYTES|imix] [--checksum port|software] "
		"[--repeats N]\n"
		"                      [--compare FILE] [--no-cache]\n"
		"cases:");
	for (const struct bench_case *c = bench_cases; c->name != NULL; c++)
		fprintf(stderr, " %s", c->name);
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
		{"no-cache", no_argument, NULL, 'w'},
		{"checksum", required_argument, NULL, 'k'},
		{NULL, 0, NULL, 0},
	};
	bool known = true;
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long n = optarg != NULL ? strtoul(optarg, NULL, 10) : 0;

		if (c == 'j')
			o->json = true;
		else if (c == 'w')
			o->no_cache = true;
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
		else if (c == 'k' && strcmp(optarg, "software") == 0)
			o->software = true;
		else if (c == 'k' && strcmp(optarg, "port") == 0)
			o->software = false;
		else
			return -EINVAL;
	}
	if (o->name != NULL) {
		known = false;
		for (const struct bench_case *k = bench_cases; k->name != NULL; k++)
			known |= strcmp(k->name, o->name) == 0;
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
		.no_cache = o->no_cache,
		.software = o->software,
		.full = c->full,
	};
	struct bench_result res = {0};
	int ret = bench_rig_start(&rig, &shape, err);

	if (ret == 0)
		ret = c->measure(&rig, o, &res);
	bench_rig_stop(&rig);
	if (ret < 0)
		return ret;
	bench_print(c, &shape, &res, o);
	return o->compare != NULL ? bench_compare(o->compare, c, &shape, &res) : 0;
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
	bench_cores_note();
	cfg_err_init(&err, "bench");
	ret = app_eal_start_replay(&err);
	for (const struct bench_case *c = bench_cases; c->name != NULL && ret >= 0; c++) {
		if (o.name != NULL && strcmp(c->name, o.name) != 0)
			continue;
		ret = run_case(c, &o, &err);
		slower += ret > 0;
	}
	if (ret < 0 && err.n_errors == 0)
		cfg_err_add(&err, (struct cfg_pos){0, 0}, "does not run: %s", strerror(-ret));
	app_err_print(&err);
	return ret < 0 || slower != 0 ? 1 : 0;
}
