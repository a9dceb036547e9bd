// The command `doctor`: is this gateway well? Each check is a function below that says a line or a
// few; those of the ports are in control/doctor_ports.c. What was lost counts from a sample of half
// a minute to a minute ago, so that what ails the gateway now is not hidden by, or mistaken for,
// what did last week. docs/ringwall.8.scd lists the checks with their bounds. Main thread.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_mempool.h>

#include "control/doctor.h"
#include "control/flow_log.h"
#include "control/host_facts.h"

#define TABLE_HIGH  80 // per cent of a worker's flow table
#define BUFFERS_LOW 5  // per cent of the packet buffers that are free
#define CPUS_TEXT   128

static const char *const health_name[] = {"ok", "note", "warn", "fail"};

// Reasons that mean a queue, a ring or a table was too small or a worker too slow.
static const enum pl_drop overflows[] = {
	PL_DROP_FRAG_LIMIT,  PL_DROP_FRAG_NO_MEM, PL_DROP_HANDOFF_FULL, PL_DROP_HOST_QUEUE,
	PL_DROP_NEIGH_QUEUE, PL_DROP_NEIGH_TABLE, PL_DROP_NO_MBUF,	PL_DROP_PARK_FULL,
	PL_DROP_PARK_LATE,   PL_DROP_SELF_FULL,	  PL_DROP_TX_QUEUE,
};

void
ctl_doctor_say(struct ctl_doctor *d, const char *check, const char *subject, enum ctl_health health,
	       const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	d->worst = RTE_MAX(d->worst, health);
	json_array_append_new(
		d->checks, json_pack("{s:s, s:o, s:s, s:o}", "check", check, "subject",
				     subject != NULL ? ctl_json_text(subject) : json_null(),
				     "health", health_name[health], "text", ctl_json_text(text)));
}

uint64_t
ctl_doctor_drops(const struct ctl *c, int reason)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < c->env.n_worker; i++)
		sum += __atomic_load_n(&c->env.worker[i]->cnt.drop[reason], __ATOMIC_RELAXED);
	return sum;
}

// A minute ago at most, half a minute at least, but for a gateway that is younger.
const struct ctl_sample *
ctl_doctor_since(const struct ctl *c)
{
	return &c->sample[1];
}

unsigned
ctl_doctor_window_sec(const struct ctl *c)
{
	uint64_t since = c->sample[1].at_ms != 0 ? c->sample[1].at_ms : c->start_ms;
	uint64_t sec = (c->now_ms() - since) / 1000;

	return sec != 0 ? (unsigned)sec : 1;
}

void
ctl_sample_tick(struct ctl *c)
{
	uint64_t now = c->now_ms();
	struct ctl_sample *s = &c->sample[0];
	unsigned n = net_ports_count(c->env.ports);

	if (now - (s->at_ms != 0 ? s->at_ms : c->start_ms) < CTL_SAMPLE_MS)
		return;
	c->sample[1] = *s;
	s->at_ms = now;
	for (int i = 0; i < PL_DROP_COUNT; i++)
		s->drop[i] = ctl_doctor_drops(c, i);
	for (unsigned i = 0; i < n && i < PL_PORT_MAX; i++) {
		struct net_port_state state;

		if (net_ports_state(c->env.ports, i, &state) == 0)
			s->missed[i] = state.rx_missed;
	}
}

static uint64_t
lately(const struct ctl *c, int reason)
{
	return ctl_doctor_drops(c, reason) - ctl_doctor_since(c)->drop[reason];
}

// ---- the checks

static void
check_policy(struct ctl_doctor *d)
{
	const struct ctl *c = d->ctl;
	const struct cfg_policy *policy = c->env.policy(c->env.app);
	json_t *left = ctl_pending_view(c);

	ctl_doctor_say(d, "policy", NULL, CTL_HEALTH_OK, "%s is loaded, generation %llu",
		       policy != NULL && policy->file != NULL ? policy->file : "a policy",
		       (unsigned long long)c->env.generation(c->env.app));
	if (json_is_integer(left))
		ctl_doctor_say(d, "policy-confirm", NULL, CTL_HEALTH_NOTE,
			       "the change waits for `ringwall confirm`: undone in %lld s",
			       (long long)json_integer_value(left));
	json_decref(left);
}

static void
check_hugepages(struct ctl_doctor *d)
{
	struct ctl_hugepages h;

	if (rte_eal_has_hugepages())
		ctl_doctor_say(d, "hugepages", NULL, CTL_HEALTH_OK, "in use");
	else
		ctl_doctor_say(d, "hugepages", NULL, CTL_HEALTH_NOTE,
			       "not in use (--no-huge): large tables cost more per packet%s",
			       ctl_hugepages(&h) && h.free_kib > 0 ? "; this machine has free ones"
								   : "");
}

static bool
cpus_of(const struct pl_worker *w, cpu_set_t *out)
{
	int tid = atomic_load_explicit(&w->tid, memory_order_relaxed);

	return tid != 0 && sched_getaffinity(tid, sizeof(*out), out) == 0;
}

// Who else may run where worker i runs: "worker 0, control".
static void
sharers(const struct ctl *c, unsigned i, const cpu_set_t *cpus, char *text, size_t len)
{
	cpu_set_t other, both;
	size_t at = 0;

	text[0] = '\0';
	for (unsigned k = 0; k <= c->env.n_worker && at < len; k++) {
		bool control = k == c->env.n_worker;

		if (k == i || (control ? sched_getaffinity(0, sizeof(other), &other) != 0
				       : !cpus_of(c->env.worker[k], &other)))
			continue;
		CPU_AND(&both, cpus, &other);
		if (CPU_COUNT(&both) == 0)
			continue;
		at += (size_t)snprintf(text + at, len - at, "%s", at > 0 ? ", " : "");
		if (at < len)
			at += control ? (size_t)snprintf(text + at, len - at, "control")
				      : (size_t)snprintf(text + at, len - at, "worker %u", k);
	}
}

static void
check_core(struct ctl_doctor *d, unsigned i, const char *subject)
{
	char where[CPUS_TEXT], who[512];
	cpu_set_t cpus, isolated, both;

	if (!cpus_of(d->ctl->env.worker[i], &cpus))
		return;
	ctl_cpus_write(&cpus, where, sizeof(where));
	sharers(d->ctl, i, &cpus, who, sizeof(who));
	if (who[0] != '\0') {
		ctl_doctor_say(d, "worker-core", subject, CTL_HEALTH_NOTE,
			       "CPU %s, shared with %s: while one runs the other may wait", where,
			       who);
		return;
	}
	ctl_cpus_isolated(&isolated);
	CPU_AND(&both, &cpus, &isolated);
	if (CPU_EQUAL(&both, &cpus))
		ctl_doctor_say(d, "worker-core", subject, CTL_HEALTH_OK,
			       "CPU %s, its own and isolated", where);
	else
		ctl_doctor_say(d, "worker-core", subject, CTL_HEALTH_NOTE,
			       "CPU %s, its own, but not isolated (isolcpus): the kernel may run "
			       "other programs there",
			       where);
}

static void
check_workers(struct ctl_doctor *d)
{
	const struct ctl *c = d->ctl;

	for (unsigned i = 0; i < c->env.n_worker; i++) {
		char subject[32];
		uint64_t still;

		snprintf(subject, sizeof(subject), "worker %u", i);
		if (ctl_pulse_stalled(c, i, &still))
			ctl_doctor_say(d, "worker-heartbeat", subject, CTL_HEALTH_FAIL,
				       "stands still since %llu.%llu s: its flows' packets are "
				       "lost, the other workers go on",
				       (unsigned long long)(still / 1000),
				       (unsigned long long)(still % 1000 / 100));
		else
			ctl_doctor_say(d, "worker-heartbeat", subject, CTL_HEALTH_OK, "runs");
		check_core(d, i, subject);
	}
}

// Each worker has a table of its own, so the fullest one counts.
static void
check_table(struct ctl_doctor *d)
{
	const struct ctl *c = d->ctl;
	const struct cfg_policy *policy = c->env.policy(c->env.app);
	uint64_t flows = 0, max = 0, full = lately(c, PL_DROP_CT_TABLE_FULL);
	uint64_t share = policy != NULL ? policy->conntrack.max / c->env.n_worker : 0;
	unsigned worst = 0;

	for (unsigned i = 0; i < c->env.n_worker; i++) {
		uint64_t n = ct_table_count(c->env.worker[i]->ct);
		uint64_t m = ct_table_max(c->env.worker[i]->ct);

		if (share != 0)
			m = RTE_MIN(m, share);
		flows += n;
		max += m;
		worst = RTE_MAX(worst, (unsigned)(m != 0 ? 100 * n / m : 0));
	}
	if (full != 0)
		ctl_doctor_say(d, "flow-table", NULL, CTL_HEALTH_FAIL,
			       "full: %llu new flows refused in the last %u s (%llu of %llu "
			       "flows): sizes.flows in ringwall.conf, conntrack max in the policy",
			       (unsigned long long)full, ctl_doctor_window_sec(c),
			       (unsigned long long)flows, (unsigned long long)max);
	else
		ctl_doctor_say(d, "flow-table", NULL,
			       worst >= TABLE_HIGH ? CTL_HEALTH_WARN : CTL_HEALTH_OK,
			       "%llu of %llu flows; the fullest worker's table is full to %u %%",
			       (unsigned long long)flows, (unsigned long long)max, worst);
}

static void
check_nat(struct ctl_doctor *d)
{
	uint64_t lost = lately(d->ctl, PL_DROP_NAT_NO_PORT);

	if (lost != 0)
		ctl_doctor_say(d, "nat-ports", NULL, CTL_HEALTH_FAIL,
			       "exhausted: %llu packets found no free translation port in the last "
			       "%u s: more public addresses, or shorter timeouts",
			       (unsigned long long)lost, ctl_doctor_window_sec(d->ctl));
	else
		ctl_doctor_say(d, "nat-ports", NULL, CTL_HEALTH_OK,
			       "no packet was without a translation port in the last %u s",
			       ctl_doctor_window_sec(d->ctl));
}

static void
check_overflows(struct ctl_doctor *d)
{
	const struct ctl *c = d->ctl;
	uint64_t ever = 0, recent = 0;

	for (size_t i = 0; i < RTE_DIM(overflows); i++) {
		uint64_t n = lately(c, overflows[i]);

		ever += ctl_doctor_drops(c, overflows[i]);
		recent += n;
		if (n != 0)
			ctl_doctor_say(d, "overflow", pl_drop_name(overflows[i]), CTL_HEALTH_WARN,
				       "%llu packets lost in the last %u s: %s",
				       (unsigned long long)n, ctl_doctor_window_sec(c),
				       pl_drop_text(overflows[i]));
	}
	if (recent == 0)
		ctl_doctor_say(d, "overflow", NULL, CTL_HEALTH_OK,
			       "no packet was lost to a full ring, queue or pool in the last %u s "
			       "(%llu since the start)",
			       ctl_doctor_window_sec(c), (unsigned long long)ever);
}

static void
check_buffers(struct ctl_doctor *d)
{
	const struct rte_mempool *pool = d->ctl->env.worker[0]->pool;
	unsigned avail = rte_mempool_avail_count(pool);

	ctl_doctor_say(d, "buffers", NULL,
		       avail < pool->size / 100 * BUFFERS_LOW ? CTL_HEALTH_WARN : CTL_HEALTH_OK,
		       "%u of %u packet buffers are free", avail, pool->size);
}

static void
check_events(struct ctl_doctor *d)
{
	const struct ctl *c = d->ctl;
	struct ctl_flow_logs_stats logs;
	struct ctl_events_stats s;
	uint64_t lost;

	ctl_events_stats(c->events, &s);
	ctl_flow_logs_stats(c->flow_logs, &logs);
	lost = s.not_written + s.ring_full + s.nflog_not_written + logs.lost +
	       ctl_feed_lost(c->feed);
	if (lost != 0)
		ctl_doctor_say(d, "logs", NULL, CTL_HEALTH_NOTE,
			       "%llu log lines and events were lost since the start (`ringwall "
			       "stats` says where)",
			       (unsigned long long)lost);
	else
		ctl_doctor_say(d, "logs", NULL, CTL_HEALTH_OK,
			       "no log line or event was lost since the start");
}

int
ctl_cmd_doctor(struct ctl_client *cl, const json_t *request, json_t *answer, struct cfg_err *err)
{
	struct ctl_doctor d = {.ctl = cl->ctl, .checks = json_array(), .ports = json_array()};

	(void)request;
	(void)err;
	check_policy(&d);
	check_hugepages(&d);
	check_workers(&d);
	check_table(&d);
	check_nat(&d);
	check_overflows(&d);
	check_buffers(&d);
	check_events(&d);
	ctl_doctor_ports(&d);
	json_object_set_new(answer, "health", json_string(health_name[d.worst]));
	json_object_set_new(answer, "checks", d.checks);
	json_object_set_new(answer, "ports", d.ports);
	return 0;
}
