// The policies of `ringwall bench`: rules that the traffic passes by, and what its case asks of the
// tables. Called by the rig before a case, and by the case that reloads. The caller owns the
// policy.
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "app/bench.h"

// A rule that the traffic passes by: as real lists have them, by source net, destination, protocol
// and port.
static void
add_rule(struct cfg_chain *chain, uint32_t i, uint8_t family)
{
	struct cfg_rule *rule = cfg_rule_add(chain);
	struct cfg_match *m;
	uint32_t x = i * 2654435761u;

	rule->family = family == 4 ? CFG_IPV4 : CFG_IPV6;
	rule->src.family = rule->dst.family = rule->family;
	if (family == 4) {
		memcpy(rule->src.addr, (uint8_t[4]){10, x >> 24, x >> 16 & 0xff, 0}, 4);
		memcpy(rule->src.mask, (uint8_t[4]){255, 255, 255, 0}, 4);
		memcpy(rule->dst.addr,
		       (uint8_t[4]){172, 16 + (i & 15), i >> 4 & 0xff, i >> 12 & 0xff}, 4);
		memset(rule->dst.mask, 255, 4);
	} else {
		memcpy(rule->src.addr,
		       (uint8_t[8]){0x20, 1, 0x0d, 0xb8, 0, 10, x >> 24, x >> 16 & 0xff}, 8);
		memset(rule->src.mask, 255, 8);
		memcpy(rule->dst.addr,
		       (uint8_t[8]){0x20, 1, 0x0d, 0xb8, 0xdd, i & 0xff, i >> 8 & 0xff, i >> 16},
		       8);
		memset(rule->dst.mask, 255, 8);
	}
	rule->proto_set = true;
	rule->proto = i % 3 == 0 ? IPPROTO_TCP : IPPROTO_UDP;
	m = cfg_match_add(rule, i % 3 == 0 ? CFG_M_TCP : CFG_M_UDP);
	m->ports.sport = (struct cfg_range16){0, 65535};
	m->ports.dport = (struct cfg_range16){x & 0xffff, x & 0xffff};
	m->ports.dport_set = true;
	rule->target.id = CFG_T_DROP;
}

static struct cfg_rule *
bare_rule(struct cfg_policy *p, enum cfg_table_id table, const char *chain_name,
	  enum cfg_target_id target)
{
	struct cfg_chain *chain = cfg_chain_add(p, table, chain_name);
	struct cfg_rule *rule;

	if (chain == NULL)
		return NULL;
	chain->family = CFG_BOTH;
	rule = cfg_rule_add(chain);
	if (rule != NULL) {
		rule->family = CFG_BOTH;
		rule->target.id = target;
	}
	return rule;
}

int
bench_policy_build(struct cfg_policy **out, const struct bench_shape *s)
{
	struct cfg_policy *p = cfg_policy_new();
	struct cfg_chain *chain = p != NULL ? cfg_chain_add(p, CFG_FILTER, "FORWARD") : NULL;
	bool untracked = s->policy == BENCH_FORWARD || s->policy == BENCH_FILTER;
	struct cfg_rule *rule = NULL;

	if (chain == NULL)
		goto fail;
	chain->family = CFG_BOTH;
	for (uint32_t i = 0; i < s->rules; i++)
		add_rule(chain, i, s->family);
	if (untracked) {
		if (bare_rule(p, CFG_RAW, "PREROUTING", CFG_T_NOTRACK) == NULL)
			goto fail;
	} else if (s->policy >= BENCH_MASQ) {
		rule = bare_rule(p, CFG_NAT, "POSTROUTING", CFG_T_MASQUERADE);
		if (rule == NULL)
			goto fail;
		strcpy(rule->out.name, "wan");
	}
	*out = p;
	return 0;
fail:
	cfg_policy_free(p);
	return -ENOMEM;
}
