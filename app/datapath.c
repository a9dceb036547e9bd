// The packet's way, on one page: every stage in netfilter's order (docs/architecture.md says which
// file holds which). The main thread builds programs from this table, workers run them. A stage
// that the policy or the machine has no use for is left out of the program.
#include "acl/acl.h"
#include "app/gateway.h"
#include "conntrack/ct.h"
#include "nat/nat.h"
#include "net/net.h"

enum conf_kind { NOTHING, RULES, CONNTRACK, FRAGS, NAT, STEER };
// Only with several workers, or where parts of a burst are told apart by what steers them; only
// with several workers and zones; only with a verdict cache.
enum only { ALWAYS, WORKERS, ZONES, WAYS };

static const struct {
	const struct pl_stage *stage;
	enum conf_kind conf;
	enum acl_point point; // RULES only
	enum only only;
} path[] = {
	{&net_parse_stage, NOTHING, 0},
	{&ct_steer_stage, STEER, .only = WORKERS}, // fragments: to the worker of the address pair
	{&net_defrag_stage, FRAGS, 0},
	{&ct_steer_stage, STEER, .only = WORKERS}, // whole datagrams: to the flow's owner
	// The short way. Packets of flows whose verdict is cached leave the burst here, and are
	// sent.
	{&ct_known_stage, CONNTRACK, .only = WAYS},
	{&nat_known_stage, NOTHING, .only = WAYS},
	{&net_known_stage, NOTHING, .only = WAYS},
	// The whole way.
	{&acl_stage[ACL_RAW], RULES, ACL_RAW},
	{&ct_steer_zones_stage, NOTHING, .only = ZONES}, // only now it shows whose flow it is
	{&ct_lookup_stage, CONNTRACK, 0},
	{&acl_stage[ACL_MANGLE_PRE], RULES, ACL_MANGLE_PRE},
	{&acl_stage[ACL_NAT_DST], RULES, ACL_NAT_DST},
	{&nat_dst_stage, NAT, 0},
	{&net_route_stage, NOTHING, 0},
	{&acl_stage[ACL_MANGLE_IN], RULES, ACL_MANGLE_IN},
	{&acl_stage[ACL_FILTER], RULES, ACL_FILTER},
	{&acl_stage[ACL_SECURITY], RULES, ACL_SECURITY},
	{&net_reject_stage, NOTHING, 0},
	{&net_exit_stage, NOTHING, 0}, // DNAT in OUTPUT: the new exit
	{&acl_stage[ACL_MANGLE_POST], RULES, ACL_MANGLE_POST},
	{&acl_stage[ACL_NAT_SRC], RULES, ACL_NAT_SRC},
	{&nat_src_stage, NAT, 0},
	{&ct_confirm_stage, CONNTRACK, 0},
	{&net_output_stage, NOTHING, 0},
};
static_assert(RTE_DIM(path) <= PL_STAGES_MAX, "a program holds the whole way");

static bool
left_out(enum only only, const struct pl_program *prog, const struct app_path_conf *conf)
{
	switch (only) {
	case WORKERS:
		return conf->n_workers == 1 && prog->order != PL_ORDER_FLOWS;
	case ZONES:
		return conf->n_workers == 1 || !acl_policy_has_zones(conf->acl);
	case WAYS:
		return !conf->ways;
	default:
		return false;
	}
}

void
app_path_build(struct pl_program *prog, const struct app_path_conf *conf)
{
	prog->n_stage = 0;
	prog->acl = conf->acl;
	prog->order = acl_policy_order(conf->acl);
	for (unsigned i = 0; i < RTE_DIM(path); i++) {
		const void *c = NULL;

		if (left_out(path[i].only, prog, conf))
			continue;
		switch (path[i].conf) {
		case NOTHING:
			break;
		case RULES:
			if (path[i].point == ACL_RAW)
				prog->ordered_from = prog->n_stage;
			c = acl_policy_point(conf->acl, path[i].point);
			if (c == NULL)
				continue;
			break;
		case CONNTRACK:
			c = conf->ct;
			break;
		case FRAGS:
			c = conf->frags;
			break;
		case NAT:
			c = conf->nat;
			break;
		case STEER:
			c = acl_policy_has_zones(conf->acl) ? &ct_steer_by_hash : NULL;
			break;
		}
		prog->step[prog->n_stage].stage = path[i].stage;
		prog->step[prog->n_stage].conf = c;
		prog->n_stage++;
	}
}

// The stages' idle functions in the order of the way, each once.
void (*const *app_path_idle(void))(struct pl_worker *w)
{
	static void (*idle[RTE_DIM(path) + 1])(struct pl_worker * w);
	unsigned n = 0;

	for (unsigned i = 0; i < RTE_DIM(path); i++) {
		void (*fn)(struct pl_worker * w) = path[i].stage->idle;
		bool known = fn == NULL;

		for (unsigned k = 0; k < n && !known; k++)
			known = idle[k] == fn;
		if (!known)
			idle[n++] = fn;
	}
	idle[n] = NULL;
	return idle;
}
