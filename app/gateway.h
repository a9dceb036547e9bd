#pragma once
// A gateway: packet buffers, tables, workers and the program they run. The same for the daemon
// (real ports, a thread for each worker) and for replay (captures, all workers by turns in one
// thread).
#include "config/policy.h"
#include "config/settings.h"
#include "net/net.h"
#include "pipeline/worker.h"

struct acl_sets;
struct app_program;

struct app_gateway {
	const struct cfg_settings *settings;
	bool replay;
	uint16_t n_worker;
	struct pl_worker *worker[PL_WORKERS_MAX];
	struct rte_mempool *pool;
	struct net_table *table;
	struct acl_sets *sets;
	struct app_program *program; // what the workers run; NULL before the first apply
	uint64_t generation;
	const char *port_name[PL_PORT_MAX];
};

// Everything but ports and threads. socket_of[i]: NUMA node of worker i, or NULL. Control thread.
// 0, or -errno with the reason in err; nothing is left behind on failure.
int app_gateway_create(struct app_gateway *g, const struct cfg_settings *settings,
		       uint16_t n_worker, const int *socket_of, bool replay, struct cfg_err *err);
void app_gateway_destroy(struct app_gateway *g); // workers have stopped

// Can the NAT rules be carried out by so many workers? 0, or -EINVAL with the rules' lines in err.
int app_nat_able(const struct cfg_policy *policy, unsigned n_worker, struct cfg_err *err);

// app/reload.c: compiles policy aside, publishes it, waits until no worker uses the one before,
// hands the counters over. Takes policy over on 0; on error the old one goes on and policy stays
// the caller's.
int app_apply(struct app_gateway *g, struct cfg_policy *policy, struct cfg_err *err);
struct cfg_policy *app_policy(struct app_gateway *g);
// With all that was counted so far in its counters.
struct acl_policy *app_acl(struct app_gateway *g);
const struct pl_program *app_program(struct app_gateway *g);
void app_program_drop(struct app_gateway *g); // the end: no worker runs any more

// app/datapath.c: the packet's way.
struct app_path_conf {
	struct acl_policy *acl;
	const struct ct_conf *ct;
	const struct net_frag_conf *frags;
	const struct nat_conf *nat;
	uint16_t n_workers;
	bool ways; // the workers have a verdict cache
};
void app_path_build(struct pl_program *prog, const struct app_path_conf *conf);
void (*const *app_path_idle(void))(
	struct pl_worker *w); // the stages' idle functions, NULL at the end

// app/eal.c: EAL from the settings' arguments and what follows from the machine (no free hugepages:
// --no-huge; no --file-prefix: one of this process). 0 or -errno.
int app_eal_start(const struct cfg_settings *settings, struct cfg_err *err);
int app_eal_start_replay(struct cfg_err *err);

// Prints all messages of err to standard error and frees them.
void app_err_print(struct cfg_err *err);
