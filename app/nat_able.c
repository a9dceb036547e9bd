// What of a policy's NAT cannot be done with the workers that there are: blocks of ports, of which
// each worker gives out its own (docs/decisions/0310-port-blocks.md). Called by app_apply() before
// anything is built, on the control thread; changes nothing.
#include <errno.h>

#include "app/gateway.h"
#include "config/policy.h"

#define UNIT 4096 // ports of an address that one worker gives out blocks of (nat/nat_block.h)

// Does every worker have room for a block among the rule's ports?
static bool
all_have_ports(const struct cfg_t_nat *nat, unsigned n_worker)
{
	uint32_t low = nat->has_ports ? nat->port_min : CFG_PORT_MIN, size = nat->block_size;
	uint32_t end = (nat->has_ports ? nat->port_max : UINT16_MAX) + 1u;
	uint32_t first = (low + size - 1) / size * size, last = end / size * size;

	return first < last && (last - 1) / UNIT - first / UNIT + 1 >= n_worker;
}

static void
judge(const struct cfg_rule *rule, unsigned n, struct cfg_err *err)
{
	const struct cfg_t_nat *nat = &rule->target.nat;
	struct cfg_pos pos = rule->target.pos.line != 0 ? rule->target.pos : rule->pos;
	unsigned limit = nat->block_limit != 0 ? nat->block_limit : CFG_BLOCKS;

	if (nat->block_size == 0 || n <= 1)
		return;
	if (nat->mapping == CFG_MAPPING_ENDPOINT)
		cfg_err_add(
			err, pos,
			"'port-block-size' with 'mapping: endpoint-independent' needs one worker, "
			"and there are %u: each gives out blocks of its own, and a mapping is "
			"all workers'; 'deterministic' can be had with any number",
			n);
	if (limit < n)
		cfg_err_add(
			err, pos,
			"'port-block-limit' is %u, and there are %u workers: each gives out blocks "
			"of its own, so %u at least are needed",
			limit, n, n);
	if (!all_have_ports(nat, n))
		cfg_err_add(err, pos,
			    "'port-block-size': the rule's ports do not give each of %u workers a "
			    "block: a worker has every %uth %u of an address's ports",
			    n, n, UNIT);
}

int
app_nat_able(const struct cfg_policy *policy, unsigned n_worker, struct cfg_err *err)
{
	const struct cfg_table *t = &policy->table[CFG_NAT];
	size_t before = err->n_errors;

	for (size_t c = 0; c < t->n_chain; c++) {
		for (size_t i = 0; i < t->chain[c]->n_rule; i++) {
			const struct cfg_rule *r = &t->chain[c]->rule[i];

			if (r->target.id == CFG_T_SNAT || r->target.id == CFG_T_MASQUERADE)
				judge(r, n_worker, err);
		}
	}
	return err->n_errors == before ? 0 : -EINVAL;
}
