// Random policies through both writers and both readers: nothing is lost, added or changed.
#include "cfg_test.h"
#include "random_policy.h"

#include <stdlib.h>

#define SEEDS 3000

// What iptables-save says of them, and what does not fit into a match itself.
static bool
same_text(const struct cfg_match *a, const struct cfg_match *b)
{
	static const struct cfg_rule rule;
	bool same = a->data_size == b->data_size &&
		    (a->data == NULL || memcmp(a->data, b->data, a->data_size) == 0);

	for (int family = CFG_IPV4; family <= CFG_IPV6; family++) {
		char *x = cfg_match_to_save(&rule, a, family),
		     *y = cfg_match_to_save(&rule, b, family);

		same &= strcmp(x, y) == 0;
		free(x);
		free(y);
	}
	return same;
}

// Field by field, positions apart.
static bool
same_match(const struct cfg_match *a, const struct cfg_match *b)
{
	struct cfg_match x = *a, y = *b;

	if (a->id != b->id)
		return false;
	if (a->id == CFG_M_COMMENT)
		return strcmp(a->data, b->data) == 0;
	x.pos = y.pos = (struct cfg_pos){0};
	switch (a->id) {
	case CFG_M_TCP:
	case CFG_M_UDP:
		return memcmp(&x.ports, &y.ports, sizeof(x.ports)) == 0;
	case CFG_M_ICMP:
	case CFG_M_ICMP6:
		return memcmp(&x.icmp, &y.icmp, sizeof(x.icmp)) == 0;
	case CFG_M_LIMIT:
		return a->limit.avg == b->limit.avg && a->limit.burst == b->limit.burst;
	case CFG_M_MULTIPORT:
		return a->multiport.side == b->multiport.side &&
		       a->multiport.invert == b->multiport.invert &&
		       a->multiport.n == b->multiport.n &&
		       memcmp(a->multiport.range, b->multiport.range, sizeof(a->multiport.range)) ==
			       0;
	case CFG_M_MARK:
		return memcmp(&x.mark, &y.mark, sizeof(x.mark)) == 0;
	case CFG_M_LENGTH:
		return memcmp(&x.length, &y.length, sizeof(x.length)) == 0;
	case CFG_M_IPRANGE:
		return memcmp(&x.iprange, &y.iprange, sizeof(x.iprange)) == 0;
	case CFG_M_TTL:
	case CFG_M_HL:
		return memcmp(&x.ttl, &y.ttl, sizeof(x.ttl)) == 0;
	case CFG_M_PKTTYPE:
		return memcmp(&x.pkttype, &y.pkttype, sizeof(x.pkttype)) == 0;
	case CFG_M_MAC:
		return memcmp(&x.mac, &y.mac, sizeof(x.mac)) == 0;
	case CFG_M_TOS:
	case CFG_M_DSCP:
		return memcmp(&x.tos, &y.tos, sizeof(x.tos)) == 0;
	case CFG_M_ECN:
		return memcmp(&x.ecn, &y.ecn, sizeof(x.ecn)) == 0;
	case CFG_M_STATE:
		return a->state.mask == b->state.mask && a->state.invert == b->state.invert;
	default:
		return same_text(a, b);
	}
}

// What no field-by-field comparison knows: the text that says it.
static bool
same_target_text(const struct cfg_target *a, const struct cfg_target *b, uint8_t family)
{
	const struct cfg_rule x = {.target = *a}, y = {.target = *b};
	enum cfg_family f = family & CFG_IPV4 ? CFG_IPV4 : CFG_IPV6;
	char *s = cfg_target_to_save(&x, f), *t = cfg_target_to_save(&y, f);
	bool same = s != NULL && t != NULL && strcmp(s, t) == 0;

	free(s);
	free(t);
	return same;
}

static bool
same_target(const struct cfg_target *a, const struct cfg_target *b, uint8_t family)
{
	const struct cfg_t_nat *x = &a->nat, *y = &b->nat;

	if (a->id != b->id || strcmp(a->chain, b->chain) != 0)
		return false;
	if (a->id == CFG_T_REJECT)
		return a->reject == b->reject;
	if (a->id == CFG_T_MARK)
		return a->mark.value == b->mark.value && a->mark.mask == b->mark.mask;
	if (a->id == CFG_T_CT)
		return a->ct.notrack == b->ct.notrack && a->ct.helper == b->ct.helper &&
		       strcmp(a->ct.helper_name, b->ct.helper_name) == 0 &&
		       a->ct.zone == b->ct.zone && a->ct.zone_dirs == b->ct.zone_dirs &&
		       a->ct.zone_mark == b->ct.zone_mark && a->ct.ctevents == b->ct.ctevents &&
		       a->ct.expevents == b->ct.expevents && a->data_size == b->data_size;
	if (a->id == CFG_T_CONNMARK)
		return a->connmark.op == b->connmark.op && a->connmark.value == b->connmark.value &&
		       a->connmark.ctmask_off == b->connmark.ctmask_off &&
		       a->connmark.nfmask_off == b->connmark.nfmask_off &&
		       a->connmark.shift == b->connmark.shift &&
		       a->connmark.right == b->connmark.right;
	if (a->id < CFG_T_MASQUERADE || a->id == CFG_T_NOTRACK)
		return true;
	if (a->id > CFG_T_MARK)
		return same_target_text(a, b, family);
	return x->family == y->family && x->has_ports == y->has_ports && x->random == y->random &&
	       x->random_fully == y->random_fully && x->persistent == y->persistent &&
	       memcmp(x->addr_min, y->addr_min, 16) == 0 &&
	       memcmp(x->addr_max, y->addr_max, 16) == 0 && x->port_min == y->port_min &&
	       x->port_max == y->port_max && x->port_base == y->port_base;
}

static const char *
rule_differs(const struct cfg_rule *a, const struct cfg_rule *b)
{
	if (a->family != b->family)
		return "family";
	if (memcmp(&a->src, &b->src, sizeof(a->src)) != 0 ||
	    memcmp(&a->dst, &b->dst, sizeof(a->dst)) != 0)
		return "address";
	if (memcmp(&a->in, &b->in, sizeof(a->in)) != 0 ||
	    memcmp(&a->out, &b->out, sizeof(a->out)) != 0)
		return "interface";
	if (a->proto != b->proto || a->proto_set != b->proto_set || a->proto_inv != b->proto_inv)
		return "protocol";
	if (a->frag != b->frag || a->frag_inv != b->frag_inv)
		return "fragment";
	if (a->n_match != b->n_match)
		return "number of matches";
	for (size_t i = 0; i < a->n_match; i++)
		if (!same_match(&a->match[i], &b->match[i]))
			return "match";
	if (!same_target(&a->target, &b->target, a->family))
		return "target";
	return a->packets != b->packets || a->bytes != b->bytes ? "counters" : NULL;
}

static const char *
chain_differs(const struct cfg_chain *a, const struct cfg_chain *b)
{
	if (strcmp(a->name, b->name) != 0 || a->hook != b->hook || a->family != b->family)
		return "chain";
	if (a->policy4 != b->policy4 || a->policy6 != b->policy6)
		return "policy";
	if (a->packets4 != b->packets4 || a->bytes4 != b->bytes4 || a->packets6 != b->packets6 ||
	    a->bytes6 != b->bytes6)
		return "policy counters";
	if (a->n_rule != b->n_rule)
		return "number of rules";
	for (size_t i = 0; i < a->n_rule; i++)
		if (rule_differs(&a->rule[i], &b->rule[i]) != NULL)
			return rule_differs(&a->rule[i], &b->rule[i]);
	return NULL;
}

static const char *
differs(const struct cfg_policy *a, const struct cfg_policy *b)
{
	for (int t = 0; t < CFG_TABLES; t++) {
		const struct cfg_table *x = &a->table[t], *y = &b->table[t];

		if (x->present != y->present || x->n_chain != y->n_chain || x->family != y->family)
			return "table";
		for (size_t i = 0; i < x->n_chain; i++)
			if (chain_differs(x->chain[i], y->chain[i]) != NULL)
				return chain_differs(x->chain[i], y->chain[i]);
	}
	if (memcmp(&a->conntrack, &b->conntrack, sizeof(a->conntrack)) != 0)
		return "conntrack";
	return a->port_selection != b->port_selection ? "port selection" : NULL;
}

Test(config_property, yaml_keeps_everything, .timeout = 120)
{
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		uint8_t families = 1 + seed % 3;
		struct cfg_policy *p = random_policy(seed, families), *q;
		char *yaml = cfg_policy_to_yaml(p), *said;
		struct cfg_err err;

		cfg_err_init(&err, NULL);
		cr_assert(eq(int, cfg_policy_check(p, &err), 0), "seed %lu: %s", seed,
			  t_messages(&err));
		q = t_yaml_in(yaml, &said);
		cr_assert(q != NULL, "seed %lu: %s\n%s", seed, said, yaml);
		cr_assert(differs(p, q) == NULL, "seed %lu: %s\n%s", seed, differs(p, q), yaml);
		for (int f = CFG_IPV4; f <= CFG_IPV6; f++) {
			char *a = cfg_policy_to_save(p, f, true),
			     *b = cfg_policy_to_save(q, f, true);

			cr_assert(eq(str, a, b), "seed %lu", seed);
			free(a);
			free(b);
		}
		free(said);
		free(yaml);
		cfg_err_free(&err);
		cfg_policy_free(p);
		cfg_policy_free(q);
	}
}

// What iptables-save text cannot say (order of user chains, what matches everything) is gone after
// one turn; the second turn changes nothing.
Test(config_property, save_is_stable, .timeout = 120)
{
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		enum cfg_family family = 1 + seed % 2;
		struct cfg_policy *p = random_policy(seed, family), *q;
		char *text = cfg_policy_to_save(p, family, true), *again, *twice, *said;

		q = t_save_in(family, text, &said);
		cr_assert(q != NULL, "seed %lu: %s\n%s", seed, said, text);
		free(said);
		again = cfg_policy_to_save(q, family, true);
		cfg_policy_free(q);
		q = t_save_in(family, again, &said);
		cr_assert(q != NULL, "seed %lu: %s\n%s", seed, said, again);
		twice = cfg_policy_to_save(q, family, true);
		// Tables come out in reverse, as in the kernel: two turns bring them back.
		cr_assert(eq(str, text, twice), "seed %lu", seed);
		free(said);
		free(text);
		free(again);
		free(twice);
		cfg_policy_free(p);
		cfg_policy_free(q);
	}
}
