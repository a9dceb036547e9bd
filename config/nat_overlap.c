// Rules whose public addresses and ports meet although one of them promises that a port has one
// subscriber: with blocks of ports or deterministic NAT a record, or a computation, says who had a
// port, and another rule that uses the same ports would make that a lie. Called by
// cfg_policy_check() on the reading thread; pure. Every such rule is compared with every SNAT rule.
#include "config/policy.h"

#include <string.h>

#include "config/model.h"

static bool
meets(const struct cfg_target *a, const struct cfg_target *b)
{
	const struct cfg_t_nat *x = &a->nat, *y = &b->nat;

	return x->family == y->family && memcmp(x->addr_min, y->addr_max, 16) <= 0 &&
	       memcmp(y->addr_min, x->addr_max, 16) <= 0 &&
	       (!x->has_ports || !y->has_ports ||
		(x->port_min <= y->port_max && y->port_min <= x->port_max));
}

// Both give every inside address the same ports, or both take blocks.
static bool
agrees(const struct cfg_rule *a, const struct cfg_rule *b)
{
	const struct cfg_t_nat *x = &a->target.nat, *y = &b->target.nat;

	if (x->deterministic != y->deterministic)
		return false;
	if (!x->deterministic)
		return (x->block_size != 0) == (y->block_size != 0);
	return a->src.family == b->src.family && memcmp(a->src.addr, b->src.addr, 16) == 0 &&
	       memcmp(a->src.mask, b->src.mask, 16) == 0 &&
	       memcmp(x->addr_min, y->addr_min, 16) == 0 &&
	       memcmp(x->addr_max, y->addr_max, 16) == 0 && x->has_ports == y->has_ports &&
	       x->port_min == y->port_min && x->port_max == y->port_max;
}

static void
compare(const struct cfg_policy *policy, const struct cfg_rule *r, struct cfg_err *err)
{
	const struct cfg_table *nat = &policy->table[CFG_NAT];
	struct cfg_pos pos = r->target.pos.line != 0 ? r->target.pos : r->pos;

	for (size_t c = 0; c < nat->n_chain; c++) {
		for (size_t i = 0; i < nat->chain[c]->n_rule; i++) {
			const struct cfg_rule *o = &nat->chain[c]->rule[i];

			if (o == r || o->target.id != CFG_T_SNAT || !(o->family & r->family) ||
			    !meets(&o->target, &r->target) || agrees(o, r))
				continue;
			cfg_err_add(err, pos,
				    "'%s' promises that a port of its addresses has one inside "
				    "address, and the rule in line %u uses the same addresses and "
				    "ports otherwise",
				    r->target.nat.deterministic ? "deterministic"
								: "port-block-size",
				    o->pos.line);
			return;
		}
	}
}

void
cfg_nat_overlap(const struct cfg_policy *policy, struct cfg_err *err)
{
	const struct cfg_table *nat = &policy->table[CFG_NAT];

	for (size_t c = 0; c < nat->n_chain; c++) {
		for (size_t i = 0; i < nat->chain[c]->n_rule; i++) {
			const struct cfg_rule *r = &nat->chain[c]->rule[i];

			if (r->target.id == CFG_T_SNAT && r->target.nat.family != 0 &&
			    (r->target.nat.deterministic || r->target.nat.block_size != 0))
				compare(policy, r, err);
		}
	}
}
