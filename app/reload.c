// Build, publish, wait, free: how one policy follows another while packets flow. Control thread. A
// program is immutable once published; the one before is freed when every worker has passed a
// quiescent state.
#include <errno.h>
#include <stdlib.h>

#include "acl/acl.h"
#include "acl/acl_sets.h"
#include "app/gateway.h"
#include "conntrack/ct.h"
#include "nat/nat.h"
#include "net/net.h"
#include "pipeline/way.h"

#define CALL_MS	  1000
#define SILENT_MS 1000 // a worker that has not gone round for so long is not waited for

struct app_program {
	struct pl_program prog;
	struct ct_conf ct;
	struct net_frag_conf frags;
	struct nat_conf nat;
	struct acl_policy *acl;
	struct cfg_policy *model;
	// The one before, while a worker that stands still may not have left it.
	struct app_program *before;
};

static void
program_free(struct app_program *p)
{
	if (p == NULL)
		return;
	acl_policy_free(p->acl);
	ct_times_free(&p->ct);
	cfg_policy_free(p->model);
	free(p);
}

static int
program_build(struct app_program **out, const struct app_gateway *g,
	      const struct cfg_policy *policy, struct cfg_err *err)
{
	const struct acl_build build = {
		.port_name = g->port_name,
		.n_port = (unsigned)g->settings->n_port,
		.n_workers = g->n_worker,
		.socket = g->worker[0]->socket,
		.memory = (size_t)g->settings->rules_memory << 20,
		.net = net_table_ops(g->table),
		.sets = g->sets,
		.prev = g->program != NULL ? g->program->acl : NULL,
	};
	struct app_program *p = calloc(1, sizeof(*p));
	int ret;

	if (p == NULL)
		return -ENOMEM;
	if (policy->conntrack.max > g->settings->flows) {
		cfg_err_add(err, (struct cfg_pos){0, 0},
			    "conntrack: max %u is more than the tables hold (sizes.flows %u in "
			    "ringwall.conf)",
			    policy->conntrack.max, g->settings->flows);
		free(p);
		return -EINVAL;
	}
	ret = app_nat_able(policy, g->n_worker, err);
	if (ret == 0)
		ret = acl_policy_create(&p->acl, policy, &build, err);
	if (ret < 0) {
		free(p);
		return ret;
	}
	p->prog.generation = g->generation + 1;
	ct_conf_init(&p->ct, &policy->conntrack, p->prog.generation);
	ret = ct_times_make(&p->ct, policy);
	if (ret < 0) {
		program_free(p);
		return ret;
	}
	net_frag_conf_init(&p->frags, &policy->conntrack, g->n_worker);
	p->nat.port_selection = policy->port_selection;
	p->nat.generation = p->prog.generation;
	app_path_build(&p->prog, &(struct app_path_conf){
					 .acl = p->acl,
					 .ct = &p->ct,
					 .frags = &p->frags,
					 .nat = &p->nat,
					 .n_workers = g->n_worker,
					 .ways = g->worker[0]->ways != NULL,
				 });
	*out = p;
	return 0;
}

static bool
settle(struct pl_worker *w, void *arg)
{
	(void)arg;
	pl_ways_settle(w->ways);
	return true;
}

static bool
forget(struct pl_worker *w, void *arg)
{
	(void)arg;
	pl_ways_forget(w);
	return true;
}

// No worker runs the program before any more; from here on no way points at its counters either.
// 0 or -ETIMEDOUT.
static int
leave_ways(struct app_gateway *g)
{
	for (uint16_t i = 0; i < g->n_worker; i++) {
		struct pl_worker *w = g->worker[i];
		int ret = w->ways != NULL ? pl_worker_call(w, forget, NULL, CALL_MS) : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}

static bool
names_set(void *policy, const char *name)
{
	return cfg_policy_names_set(policy, name);
}

// Frees the program before the one that runs, if there still is one, once nobody uses it; what it
// counted goes to the rules that are still there. 0 or -ETIMEDOUT: some worker stands still, and it
// stays.
static int
leave_before(struct app_gateway *g)
{
	struct app_program *now = g->program, *before = now != NULL ? now->before : NULL;
	int ret;

	if (before == NULL)
		return 0;
	ret = pl_rcu_wait();
	if (ret == 0)
		ret = leave_ways(g);
	if (ret < 0)
		return ret;
	acl_policy_inherit(now->acl, before->acl);
	acl_sets_forget(g->sets, &now->model->sets, &before->model->sets, names_set, now->model);
	program_free(before);
	now->before = NULL;
	return 0;
}

static int
all_answer(const struct app_gateway *g, struct cfg_err *err)
{
	int silent = pl_workers_silent(g->worker, g->n_worker, SILENT_MS);

	if (silent < 0)
		return 0;
	cfg_err_add(err, (struct cfg_pos){0, 0},
		    "worker %d stands still: the policy cannot be changed, and the one that runs "
		    "stays",
		    silent);
	return -ETIMEDOUT;
}

// NFLOG's packets for a group that ringwall.conf does not have go nowhere, as in the kernel without
// a listener: said once, when the policy is applied.
static void
warn_groups(const struct app_gateway *g, const struct cfg_chain *chain, struct cfg_err *err)
{
	for (size_t i = 0; i < chain->n_rule; i++) {
		const struct cfg_target *t = &chain->rule[i].target;
		size_t k = 0;

		if (t->id != CFG_T_NFLOG)
			continue;
		while (k < g->settings->n_nflog && g->settings->nflog[k].group != t->nflog.group)
			k++;
		if (k == g->settings->n_nflog)
			cfg_warn_add(err, t->pos, "nflog-group",
				     "NFLOG: ringwall.conf has no nflog group %u: its packets are "
				     "counted and lost",
				     t->nflog.group);
	}
}

int
app_apply(struct app_gateway *g, struct cfg_policy *policy, struct cfg_err *err)
{
	struct app_program *next = NULL, *prev = g->program;
	struct acl_sets_batch *sets = acl_sets_begin(g->sets, NULL, NULL);
	int ret = sets != NULL ? cfg_policy_complete(policy) : -ENOMEM;

	if (ret == 0 && (ret = leave_before(g)) < 0)
		cfg_err_add(err, (struct cfg_pos){0, 0},
			    "a worker stands still and has not left the policy before this one: no "
			    "further change until it goes on");

	// Rules are built on the sets that will be; they come into being when nothing can fail any
	// more but their entries.
	if (ret == 0)
		ret = acl_sets_declare(sets, &policy->sets,
				       prev != NULL ? &prev->model->sets : NULL, err);
	if (ret == 0) {
		cfg_timeouts_bind(policy, ct_times_id);
		ret = program_build(&next, g, policy, err);
	}
	// Sets must change on all workers or on none, so none may stand still by now.
	if (ret == 0)
		ret = all_answer(g, err);
	if (ret < 0)
		acl_sets_abort(sets);
	else
		ret = acl_sets_commit(sets, err);
	if (ret < 0) {
		program_free(next);
		if (err->n_errors == 0)
			cfg_err_add(err, (struct cfg_pos){0, 0}, "policy does not compile: %s",
				    strerror(-ret));
		return ret;
	}
	for (int t = 0; t < CFG_TABLES && !g->replay; t++)
		for (size_t c = 0; c < policy->table[t].n_chain; c++)
			warn_groups(g, policy->table[t].chain[c], err);
	next->model = policy;
	next->before = prev;
	g->program = next;
	g->generation = next->prog.generation;
	if (pl_program_publish(&next->prog, NULL) < 0 || leave_before(g) < 0)
		cfg_warn_add(err, (struct cfg_pos){0, 0}, "worker-silent",
			     "a worker stands still and may still run the policy before; the "
			     "others run this one");
	return 0;
}

void
app_program_drop(struct app_gateway *g)
{
	pl_program_publish(NULL,
			   NULL); // no worker runs, so nobody will settle what ways still count
	if (g->program != NULL)
		program_free(g->program->before);
	program_free(g->program);
	g->program = NULL;
}

struct cfg_policy *
app_policy(struct app_gateway *g)
{
	return g->program->model;
}

struct acl_policy *
app_acl(struct app_gateway *g)
{
	leave_before(g); // what it counted, if that had to wait
	for (uint16_t i = 0; i < g->n_worker; i++) {
		if (g->worker[i]->ways != NULL)
			pl_worker_call(g->worker[i], settle, NULL, CALL_MS);
	}
	return g->program->acl;
}

const struct pl_program *
app_program(struct app_gateway *g)
{
	return &g->program->prog;
}
