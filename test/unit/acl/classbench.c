// ClassBench sets through the compiler: as a FORWARD chain, classified by the compiled walk and by
// the linear interpreter, which must agree; and no later than at the rule that the set's trace
// names (the traces know a flags column that iptables does not have, so an earlier rule may match
// here). A plain program: its arguments are names in ../shared/corpus/classbench (from the source
// root, or ACL_CORPUS), without "_trace" and ".gz". Prints build time, EAL memory, and ticks per
// packet. ACL_MEM: MiB of EAL heap. ACL_CHECK: packets compared.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "acl/acl_step.h"
#include "ground.h"
#include "rnd.h"

#define SECONDS_MAX 15	    // of CPU to build a set, of 100,000 rules too
#define RSS_MAX_KIB 2097152 // of this program, both walks' policies included
#define SKIPPED	    77	    // meson's word for a test that could not run

struct line { // of a set
	uint32_t src, dst;
	unsigned src_len, dst_len, sport_lo, sport_hi, dport_lo, dport_hi, proto, proto_mask;
};

struct trace {
	struct ground_tuple tuple;
	int64_t rule; // 0-based; -1: unknown
};

static struct ground ground;

static FILE *
corpus_open(const char *name, const char *suffix)
{
	const char *dir = getenv("ACL_CORPUS");
	char path[512], cmd[600];

	snprintf(path, sizeof(path), "%s/%s%s", dir ? dir : "../shared/corpus/classbench", name,
		 suffix);
	if (access(path, R_OK) == 0)
		return fopen(path, "r");
	strcat(path, ".gz");
	if (access(path, R_OK) != 0)
		return NULL;
	snprintf(cmd, sizeof(cmd), "zcat '%s'", path);
	return popen(cmd, "r");
}

static bool
line_read(FILE *f, struct line *l)
{
	unsigned a[4], b[4];
	int n = fscanf(f, " @%u.%u.%u.%u/%u %u.%u.%u.%u/%u %u : %u %u : %u %x/%x %*s", &a[0], &a[1],
		       &a[2], &a[3], &l->src_len, &b[0], &b[1], &b[2], &b[3], &l->dst_len,
		       &l->sport_lo, &l->sport_hi, &l->dport_lo, &l->dport_hi, &l->proto,
		       &l->proto_mask);

	l->src = a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3];
	l->dst = b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
	return n == 16;
}

static void
addr_set(struct cfg_addr *out, uint32_t addr, unsigned len)
{
	uint32_t mask = len == 0 ? 0 : UINT32_MAX << (32 - len);
	rte_be32_t a = rte_cpu_to_be_32(addr & mask), m = rte_cpu_to_be_32(mask);

	out->family = CFG_IPV4;
	memcpy(out->addr, &a, 4);
	memcpy(out->mask, &m, 4);
}

static void
rule_add(struct cfg_chain *c, const struct line *l)
{
	struct cfg_rule *rule = cfg_rule_add(c);
	struct cfg_match *m;
	bool ports = l->sport_lo != 0 || l->sport_hi != 65535 || l->dport_lo != 0 ||
		     l->dport_hi != 65535;

	rule->family = CFG_IPV4;
	addr_set(&rule->src, l->src, l->src_len);
	addr_set(&rule->dst, l->dst, l->dst_len);
	rule->target.id = CFG_T_ACCEPT;
	if (l->proto_mask == 0)
		return;
	rule->proto_set = true;
	rule->proto = l->proto;
	if (!ports || (l->proto != 6 && l->proto != 17))
		return;
	m = cfg_match_add(rule, l->proto == 6 ? CFG_M_TCP : CFG_M_UDP);
	m->ports.sport = (struct cfg_range16){l->sport_lo, l->sport_hi};
	m->ports.dport = (struct cfg_range16){l->dport_lo, l->dport_hi};
	m->ports.sport_set = m->ports.dport_set = true;
}

// What a set asks of protocols without ports cannot be said in iptables: such a set has no trace
// here.
static bool
sayable(const struct line *l)
{
	return (l->sport_lo == 0 && l->sport_hi == 65535 && l->dport_lo == 0 &&
		l->dport_hi == 65535) ||
	       (l->proto_mask == 0xff && (l->proto == 6 || l->proto == 17));
}

static struct cfg_policy *
set_load(const char *name, struct line **lines, unsigned *n)
{
	struct cfg_policy *p = cfg_policy_new();
	struct cfg_chain *c = cfg_chain_add(p, CFG_FILTER, "FORWARD");
	FILE *f = corpus_open(name, "");
	struct line l;

	if (f == NULL) {
		cfg_policy_free(p);
		return NULL;
	}
	c->family = CFG_IPV4;
	*lines = NULL;
	*n = 0;
	while (line_read(f, &l)) {
		if (!sayable(&l))
			continue;
		if ((*n & (*n - 1)) == 0)
			*lines = realloc(*lines, (*n ? *n * 2 : 1) * sizeof(l));
		(*lines)[(*n)++] = l;
		rule_add(c, &l);
	}
	fclose(f);
	return p;
}

static struct trace *
trace_load(const char *name, unsigned *n)
{
	FILE *f = corpus_open(name, "_trace");
	struct trace *t = NULL;
	unsigned src, dst, sport, dport, proto;
	long rule;

	*n = 0;
	while (f != NULL && fscanf(f, "%u %u %u %u %u %*s %ld", &src, &dst, &sport, &dport, &proto,
				   &rule) == 6) {
		if ((*n & (*n - 1)) == 0)
			t = realloc(t, (*n ? *n * 2 : 1) * sizeof(*t));
		t[(*n)++] = (struct trace){.tuple = {.family = 4,
						     .proto = proto,
						     .sport = sport,
						     .dport = dport,
						     .src.v4 = rte_cpu_to_be_32(src),
						     .dst.v4 = rte_cpu_to_be_32(dst)},
					   .rule = rule};
	}
	if (f != NULL)
		fclose(f);
	return t;
}

static uint32_t
inside(struct rnd *r, uint32_t net, unsigned len)
{
	uint32_t host = len == 0 ? UINT32_MAX : (uint32_t)((UINT64_C(1) << (32 - len)) - 1);

	return rte_cpu_to_be_32((net & ~host) | ((uint32_t)rnd_next(r) & host));
}

// Packets in the corners of random rules, for sets that come without a trace.
static struct trace *
trace_make(const struct line *lines, unsigned n_line, unsigned n)
{
	struct trace *t = calloc(n, sizeof(*t));
	struct rnd r = {n_line};

	for (unsigned i = 0; i < n; i++) {
		const struct line *l = &lines[rnd_below(&r, n_line)];

		t[i].rule = -1;
		t[i].tuple.family = 4;
		t[i].tuple.proto = l->proto_mask ? l->proto : 6;
		t[i].tuple.sport = rnd_one_in(&r, 2) ? l->sport_lo : l->sport_hi;
		t[i].tuple.dport = rnd_one_in(&r, 2) ? l->dport_lo : l->dport_hi;
		t[i].tuple.src.v4 = inside(&r, l->src, l->src_len);
		t[i].tuple.dst.v4 = inside(&r, l->dst, l->dst_len);
	}
	return t;
}

// Returns how many packets the two walks judge differently, or later than the trace.
static unsigned
compare(const struct acl_policy *a, const struct acl_policy *b, const struct trace *t, unsigned n,
	unsigned *same)
{
	static struct pl_pkt in[PL_BURST];
	static struct pl_note fast[PL_BURST], slow[PL_BURST];
	unsigned bad = 0;

	*same = 0;
	for (unsigned i = 0; i + PL_BURST <= n; i += PL_BURST) {
		for (unsigned k = 0; k < PL_BURST; k++)
			ground_packet(&ground, k, &t[i + k].tuple, &in[k]);
		memset(fast, 0, sizeof(fast));
		memset(slow, 0, sizeof(slow));
		ground_run(&ground, a, ACL_FILTER, in, fast, NULL);
		ground_run(&ground, b, ACL_FILTER, in, slow, NULL);
		for (unsigned k = 0; k < PL_BURST; k++) {
			bool late = t[i + k].rule >= 0 &&
				    (slow[k].rule == 0 || slow[k].rule > t[i + k].rule + 1);

			bad += fast[k].rule != slow[k].rule || fast[k].verdict != slow[k].verdict ||
			       late;
			*same += fast[k].rule == t[i + k].rule + 1;
		}
	}
	return bad;
}

static unsigned
contexts(const struct acl_policy *p)
{
	const struct acl_table *t = &p->table[ACL_V4][CFG_FILTER];
	unsigned n = 0;

	for (uint32_t i = 0; i < t->n_step; i++)
		n += t->step[i].kind == ACL_STEP_CTX;
	return n;
}

static int
one_set(const char *name)
{
	struct acl_build build = {.port_name = rnd_port_name,
				  .n_port = RND_PORTS,
				  .n_workers = 1,
				  .socket = SOCKET_ID_ANY};
	struct acl_policy *fast, *slow;
	struct cfg_err err;
	struct line *lines;
	unsigned n, n_trace, same, bad, limit = ground_env("ACL_CHECK", 4096);
	struct cfg_policy *policy = set_load(name, &lines, &n);
	struct trace *trace;
	struct ground_tuple *tuples;
	struct ground_ticks ticks;
	size_t heap = ground_heap();
	struct rusage usage;
	double sec = ground_seconds();

	if (policy == NULL)
		return SKIPPED;
	cfg_err_init(&err, name);
	if (acl_policy_create(&fast, policy, &build, &err) < 0) {
		printf("%-22s %6u rules: REFUSED after %.2f s: %s\n", name, n,
		       ground_seconds() - sec, err.n ? err.msgs[0].text : "?");
		return 1;
	}
	sec = ground_seconds() - sec;
	heap = ground_heap() - heap;
	build.linear = true;
	if (acl_policy_create(&slow, policy, &build, &err) < 0)
		abort();
	trace = trace_load(name, &n_trace);
	if (n_trace == 0)
		trace = trace_make(lines, n, n_trace = 4096);
	bad = compare(fast, slow, trace, RTE_MIN(n_trace, limit), &same);
	tuples = calloc(n_trace, sizeof(*tuples));
	for (unsigned i = 0; i < n_trace; i++)
		tuples[i] = trace[i].tuple;
	ticks = ground_measure(&ground, fast, ACL_FILTER, tuples, n_trace, 5);
	getrusage(RUSAGE_SELF, &usage);
	if (sec > SECONDS_MAX || usage.ru_maxrss > RSS_MAX_KIB) {
		printf("%-22s took %.1f s and %ld KiB: more than %d s or %d KiB\n", name, sec,
		       usage.ru_maxrss, SECONDS_MAX, RSS_MAX_KIB);
		bad++;
	}
	printf("%-22s %6u rules: %.3f s, %6.1f MiB, %3u contexts, %5.0f ticks (median %.0f); "
	       "%u packets, %u as traced, %u wrong\n",
	       name, n, sec, heap / 1048576.0, contexts(fast), ticks.min, ticks.median,
	       RTE_MIN(n_trace, limit), same, bad);
	acl_policy_free(fast);
	acl_policy_free(slow);
	cfg_policy_free(policy);
	cfg_err_free(&err);
	free(trace);
	free(tuples);
	free(lines);
	return bad != 0;
}

int
main(int argc, char **argv)
{
	int bad = 0, skipped = 0;

	ground_init(&ground, getenv("ACL_MEM") ? getenv("ACL_MEM") : "512");
	for (int i = 1; i < argc; i++) {
		int ret = one_set(argv[i]);

		skipped += ret == SKIPPED;
		bad += ret != 0 && ret != SKIPPED;
	}
	if (skipped == argc - 1) {
		printf("no ClassBench sets here: skipped\n");
		return SKIPPED;
	}
	return bad;
}
