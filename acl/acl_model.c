// From the policy model to one family's rules of one table: plain conversion, nothing is optimized
// here. Called by acl_policy_create() on the control thread; the table owns its arrays, and takes
// nothing of the model with it.
#include "acl/acl_kind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct table_build {
	struct acl_policy *p;
	struct acl_table *t;
	const struct acl_build *build;
	struct cfg_err *err;
	enum cfg_family family;
};

static int
name_cmp(const void *a, const void *b)
{
	return strcmp(((const struct acl_name *)a)->name, ((const struct acl_name *)b)->name);
}

const struct acl_chain *
acl_chain_find(const struct acl_table *t, const char *name)
{
	const struct acl_name key = {.name = name};
	const struct acl_name *row = bsearch(&key, t->name, t->n_chain, sizeof(*row), name_cmp);

	return row != NULL ? &t->chain[row->chain] : NULL;
}

// Bit per port whose name the option matches. Without the option: all of them.
static uint64_t
iface_ports(const struct cfg_iface *want, const struct acl_build *build)
{
	size_t len = strlen(want->name);
	uint64_t set = 0;

	if (len == 0 && !want->wildcard)
		return UINT64_MAX;
	if (len == 0) // the bare "+" is the one name that the empty one of "no interface" matches
		return want->invert ? 0 : UINT64_MAX;
	for (unsigned i = 0; i < build->n_port; i++)
		if (want->wildcard ? strncmp(build->port_name[i], want->name, len) == 0
				   : strcmp(build->port_name[i], want->name) == 0)
			set |= UINT64_C(1) << i;
	return want->invert ? ~set : set;
}

static void
addr_set(union pl_addr *addr, union pl_addr *mask, uint16_t *flags, uint16_t inv,
	 const struct cfg_addr *from)
{
	if (from->family == 0)
		return;
	memcpy(addr, from->addr, sizeof(*addr));
	memcpy(mask, from->mask, sizeof(*mask));
	addr->u64[0] &= mask->u64[0];
	addr->u64[1] &= mask->u64[1];
	if (from->invert)
		*flags |= inv;
}

static uint8_t
reject_kind(enum cfg_reject kind, enum cfg_family family)
{
	if (kind == CFG_REJ_DEFAULT)
		kind = family == CFG_IPV4 ? CFG_REJ_PORT_UNREACH : CFG_REJ6_PORT_UNREACH;
	return (uint8_t)kind + 1;
}

// What RFC 6888 and RFC 7422 ask of a translation. The reader has checked that it comes out.
static void
shares_set(struct pl_nat_rule *out, const struct cfg_rule *rule)
{
	const struct cfg_t_nat *nat = &rule->target.nat;
	struct cfg_nat_share share;
	char why[160];

	if (!nat->has_ports && (nat->block_size != 0 || nat->deterministic)) {
		out->port_min = CFG_PORT_MIN;
		out->port_max = UINT16_MAX;
	}
	if (nat->block_size != 0) {
		out->flags |= PL_NAT_BLOCKS;
		out->block_shift = (uint8_t)__builtin_ctz(nat->block_size);
		out->block_max = nat->block_limit != 0 ? nat->block_limit : CFG_BLOCKS;
		out->block_hold_sec = nat->block_hold_set ? nat->block_hold : CFG_BLOCK_HOLD;
	}
	if (nat->deterministic && cfg_nat_share(rule, &share, why, sizeof(why))) {
		out->flags |= PL_NAT_DETERMINISTIC;
		out->det_mask = share.inside - 1;
		out->det_shift = share.shift;
		out->det_ports = share.ports;
	}
}

static void
nat_set(struct pl_nat_rule *out, const struct cfg_rule *rule)
{
	const struct cfg_target *target = &rule->target;
	const struct cfg_t_nat *nat = &target->nat;

	switch (target->id) {
	case CFG_T_SNAT:
		out->kind = PL_NAT_SNAT;
		break;
	case CFG_T_DNAT:
		out->kind = PL_NAT_DNAT;
		break;
	case CFG_T_NETMAP:
		out->kind = PL_NAT_NETMAP;
		break;
	case CFG_T_REDIRECT:
		out->kind = PL_NAT_REDIRECT;
		break;
	default:
		out->kind = PL_NAT_MASQUERADE;
		break;
	}
	out->flags = (nat->family != 0 ? PL_NAT_HAS_ADDR : 0) |
		     (nat->has_ports ? PL_NAT_HAS_PORTS : 0) | (nat->random ? PL_NAT_RANDOM : 0) |
		     (nat->random_fully ? PL_NAT_RANDOM_FULLY : 0) |
		     (nat->persistent ? PL_NAT_PERSISTENT : 0) |
		     (nat->port_base != 0 ? PL_NAT_PORT_SHIFT : 0);
	if (nat->mapping == CFG_MAPPING_ENDPOINT)
		out->flags |= PL_NAT_EIM;
	out->filter = nat->filtering == CFG_FILTER_NONE ? CFG_FILTER_ADDRESS_PORT : nat->filtering;
	out->port_min = nat->port_min;
	out->port_max = nat->port_max;
	out->port_base = nat->port_base;
	memcpy(&out->addr_min, nat->addr_min, sizeof(out->addr_min));
	memcpy(&out->addr_max, nat->addr_max, sizeof(out->addr_max));
	shares_set(out, rule);
}

static bool
target_is_nat(enum cfg_target_id id)
{
	return id == CFG_T_MASQUERADE || id == CFG_T_SNAT || id == CFG_T_DNAT ||
	       id == CFG_T_NETMAP || id == CFG_T_REDIRECT;
}

// 128 bits of the rule's text: equal texts are the same rule to acl_policy_inherit().
static void
text_hash(uint64_t out[2], const char *text)
{
	uint64_t a = 0xcbf29ce484222325, b = 0x9e3779b97f4a7c15;

	for (const char *c = text; *c != '\0'; c++) {
		a = (a ^ (uint8_t)*c) * 0x100000001b3;
		b = (b + (uint8_t)*c) * 0xff51afd7ed558ccd;
		b ^= b >> 29;
	}
	out[0] = a;
	out[1] = b;
}

// The place of what a worker remembers for one match or target of rule r.
static uint32_t
state_place(struct table_build *tb, struct acl_rule *r, uint8_t flags,
	    const struct acl_kind_state *state)
{
	uint32_t place = tb->p->state_size;

	if (flags & ACL_K_STATE) {
		tb->t->keeps_state = true;
		r->flags |= ACL_R_STATE;
	}
	tb->p->state_size += RTE_ALIGN_CEIL(state->size, sizeof(uint64_t));
	return place;
}

// A row without anything: the target is only read and written.
static bool
cannot_run(const struct acl_target_kind *kind)
{
	return kind->apply == NULL && kind->verdict == 0 && kind->flags == 0;
}

static int
target_set(struct table_build *tb, struct acl_rule *r, const struct cfg_rule *from)
{
	const struct acl_target_kind *kind = &acl_target_kind[from->target.id];
	const struct acl_chain *to;

	if (cannot_run(&acl_target_kind[from->target.id])) { // has been asked: cfg_policy_able()
		cfg_err_add(tb->err, from->target.pos, "target '%s' cannot be run here",
			    cfg_target_name(from->target.id));
		return -EINVAL;
	}
	if ((acl_target_kind[from->target.id].flags & ACL_K_NET) && tb->build->net == NULL) {
		cfg_err_add(tb->err, from->target.pos, "there is no network here to ask");
		return -EINVAL;
	}
	r->target = from->target.id;
	if (kind->apply == NULL && kind->verdict == 0 && kind->flags == 0) {
		cfg_err_add(tb->err, from->target.pos, "target '%s' cannot be run here",
			    cfg_target_name(from->target.id));
		return -EINVAL;
	}
	tb->t->traces |= r->target == CFG_T_TRACE;
	if (r->target == CFG_T_REJECT) {
		r->reject = reject_kind(from->target.reject, tb->family);
	} else if (target_is_nat(r->target)) {
		struct pl_nat_rule *nat = &tb->t->nat[tb->t->n_nat++];

		nat_set(nat, from);
		r->nat = nat;
	} else if (acl_target_kind[r->target].apply != NULL) {
		struct cfg_target *data = &tb->t->target[tb->t->n_target];

		if (!cfg_target_copy(data, &from->target))
			return -ENOMEM;
		tb->t->n_target++;
		data->slot = state_place(tb, r, acl_target_kind[r->target].flags,
					 &acl_target_kind[r->target].state);
		r->data = data;
		return kind->prepare != NULL ? kind->prepare(data, tb->p, tb->family, tb->err) : 0;
	} else if (r->target == CFG_T_JUMP || r->target == CFG_T_GOTO) {
		to = acl_chain_find(tb->t, from->target.chain);
		if (to == NULL || to->hook != CFG_HOOK_NONE) {
			cfg_err_add(tb->err, from->target.pos,
				    "chain '%s': no such user chain in this family",
				    from->target.chain);
			return -EINVAL;
		}
		r->chain = to - tb->t->chain;
	}
	return 0;
}

// ip_tables.c's unconditional(): the rule is nothing but its target.
static bool
is_plain(const struct acl_rule *r, const struct cfg_rule *from)
{
	static const union pl_addr any;

	return r->flags == 0 && from->n_match == 0 && from->in.name[0] == '\0' &&
	       !from->in.wildcard && from->out.name[0] == '\0' && !from->out.wildcard &&
	       memcmp(&r->src_mask, &any, sizeof(any)) == 0 &&
	       memcmp(&r->dst_mask, &any, sizeof(any)) == 0;
}

static int
rule_set(struct table_build *tb, struct acl_rule *r, const struct cfg_rule *from)
{
	char *text = cfg_rule_to_save(from, tb->family);
	int ret;

	if (text == NULL)
		return -ENOMEM;
	text_hash(r->text, text);
	free(text);
	addr_set(&r->src, &r->src_mask, &r->flags, ACL_R_SRC_INV, &from->src);
	addr_set(&r->dst, &r->dst_mask, &r->flags, ACL_R_DST_INV, &from->dst);
	r->in = iface_ports(&from->in, tb->build);
	r->out = iface_ports(&from->out, tb->build);
	if (from->proto_set && from->proto != 0) {
		r->flags |= ACL_R_PROTO | (from->proto_inv ? ACL_R_PROTO_INV : 0);
		r->proto = (uint8_t)from->proto;
	}
	if (from->frag)
		r->flags |= from->frag_inv ? ACL_R_NOT_FRAG : ACL_R_FRAG;
	if (is_plain(r, from))
		r->flags |= ACL_R_PLAIN;
	r->match = &tb->t->match[tb->t->n_match];
	for (size_t i = 0; i < from->n_match; i++) {
		const struct acl_match_kind *kind = &acl_match_kind[from->match[i].id];
		struct cfg_match *m = &tb->t->match[tb->t->n_match];

		if (from->match[i].id == CFG_M_COMMENT)
			continue;
		if (kind->judge == NULL) { // whoever runs a policy has asked cfg_policy_able()
			cfg_err_add(tb->err, from->match[i].pos, "match '%s' cannot be run here",
				    cfg_match_name(from->match[i].id));
			return -EINVAL;
		}
		if ((kind->flags & ACL_K_NET) && tb->build->net == NULL) {
			cfg_err_add(tb->err, from->match[i].pos, "there is no network here to ask");
			return -EINVAL;
		}
		if (!cfg_match_copy(m, &from->match[i]))
			return -ENOMEM;
		m->slot = state_place(tb, r, kind->flags, &kind->state);
		tb->t->n_match++;
		r->n_match++;
		ret = kind->prepare != NULL ? kind->prepare(m, tb->p, tb->family, tb->err) : 0;
		if (ret < 0)
			return ret;
	}
	return target_set(tb, r, from);
}

static int
chain_set(struct table_build *tb, uint32_t index, const struct cfg_chain *from)
{
	struct acl_chain *c = &tb->t->chain[index];
	int ret;

	c->first = tb->t->n_rule;
	for (size_t i = 0; i < from->n_rule; i++) {
		struct acl_rule *r = &tb->t->rule[tb->t->n_rule];

		if (!(from->rule[i].family & tb->family))
			continue;
		ret = rule_set(tb, r, &from->rule[i]);
		if (ret < 0)
			return ret;
		r->home = index;
		r->number = ++c->n;
		r->counter = tb->p->n_counter++;
		tb->t->n_rule++;
	}
	return 0;
}

// How many jumps a walk that starts in each chain may have to remember. The chains that a chain
// jumps to are finished first: a depth-first walk with its own stack, so that no policy can exhaust
// ours.
static int
chain_depths(struct table_build *tb)
{
	struct acl_table *t = tb->t;
	struct visit {
		uint32_t chain, rule;
	} *stack = calloc(t->n_chain + 1, sizeof(*stack));
	uint8_t *state = calloc(t->n_chain + 1, 1); // 0: new, 1: on the stack, 2: done
	int ret = stack != NULL && state != NULL ? 0 : -ENOMEM;

	for (uint32_t root = 0; ret == 0 && root < t->n_chain; root++) {
		uint32_t n = 0;

		if (state[root] == 0) {
			stack[n++] = (struct visit){root, 0};
			state[root] = 1;
		}
		while (n > 0) {
			struct visit *v = &stack[n - 1];
			struct acl_chain *c = &t->chain[v->chain];
			const struct acl_rule *r = &t->rule[c->first + v->rule];

			if (v->rule == c->n) {
				state[v->chain] = 2;
				n--;
			} else if (r->target != CFG_T_JUMP && r->target != CFG_T_GOTO) {
				v->rule++;
			} else if (state[r->chain] == 0) {
				stack[n++] = (struct visit){r->chain, 0};
				state[r->chain] = 1;
			} else if (state[r->chain] == 1) {
				cfg_err_add(tb->err, (struct cfg_pos){0},
					    "chain '%s': loop of jumps", t->chain[r->chain].name);
				ret = -ELOOP;
				break;
			} else {
				uint32_t d = t->chain[r->chain].depth + (r->target == CFG_T_JUMP);

				c->depth = RTE_MAX(c->depth, d);
				v->rule++;
			}
		}
	}
	free(stack);
	free(state);
	return ret;
}

static int
table_alloc(struct table_build *tb, const struct cfg_table *from)
{
	struct acl_table *t = tb->t;
	size_t rules = 0, matches = 0, targets = 0, nats = 0, chains = 0;

	for (size_t c = 0; c < from->n_chain; c++) {
		const struct cfg_chain *chain = from->chain[c];

		if (!(chain->family & tb->family))
			continue;
		chains++;
		for (size_t i = 0; i < chain->n_rule; i++) {
			if (!(chain->rule[i].family & tb->family))
				continue;
			rules++;
			matches += chain->rule[i].n_match;
			targets += acl_target_kind[chain->rule[i].target.id].apply != NULL;
			nats += target_is_nat(chain->rule[i].target.id);
		}
	}
	// One more than needed: pointers to the first of none stay valid.
	t->chain = calloc(chains + 1, sizeof(*t->chain));
	t->rule = calloc(rules + 1, sizeof(*t->rule));
	t->match = calloc(matches + 1, sizeof(*t->match));
	t->target = calloc(targets + 1, sizeof(*t->target));
	t->nat = calloc(nats + 1, sizeof(*t->nat));
	tb->t->name = calloc(chains + 1, sizeof(*tb->t->name));
	return t->chain == NULL || t->rule == NULL || t->match == NULL || t->target == NULL ||
			       t->nat == NULL || tb->t->name == NULL
		       ? -ENOMEM
		       : 0;
}

static void
chains_name(struct table_build *tb, const struct cfg_table *from)
{
	struct acl_table *t = tb->t;

	for (size_t i = 0; i < from->n_chain; i++) {
		const struct cfg_chain *cc = from->chain[i];
		struct acl_chain *c = &t->chain[t->n_chain];
		bool drop = (tb->family == CFG_IPV4 ? cc->policy4 : cc->policy6) == CFG_POLICY_DROP;

		if (!(cc->family & tb->family))
			continue;
		memcpy(c->name, cc->name, sizeof(c->name));
		c->hook = cc->hook;
		c->drop = cc->hook != CFG_HOOK_NONE && drop;
		c->model = i;
		c->counter = tb->p->n_counter++;
		tb->t->name[t->n_chain] = (struct acl_name){c->name, t->n_chain};
		if (cc->hook != CFG_HOOK_NONE)
			t->hook[cc->hook] = t->n_chain;
		t->n_chain++;
	}
	qsort(tb->t->name, t->n_chain, sizeof(*tb->t->name), name_cmp);
}

int
acl_table_create(struct acl_policy *p, struct acl_table *t, const struct cfg_policy *policy,
		 enum cfg_table_id id, enum acl_family family, const struct acl_build *build,
		 struct cfg_err *err)
{
	const struct cfg_table *from = &policy->table[id];
	struct table_build tb = {
		.p = p, .t = t, .build = build, .err = err, .family = acl_cfg_family(family)};
	int ret = table_alloc(&tb, from);

	for (int h = 0; h < CFG_HOOKS; h++)
		t->hook[h] = ACL_NO_CHAIN;
	if (ret == 0)
		chains_name(&tb, from);
	for (uint32_t i = 0; ret == 0 && i < t->n_chain; i++)
		ret = chain_set(&tb, i, from->chain[t->chain[i].model]);
	if (ret == 0)
		ret = chain_depths(&tb);
	if (ret == 0)
		ret = acl_record_init(t);
	for (uint32_t i = 0; ret == 0 && i < t->n_chain; i++)
		if (t->chain[i].hook != CFG_HOOK_NONE)
			p->depth = RTE_MAX(p->depth, t->chain[i].depth);
	return ret; // acl_policy_free() cleans up
}

void
acl_table_free(struct acl_table *t)
{
	for (uint32_t i = 0; i < t->n_match; i++)
		free(t->match[i].data);
	for (uint32_t i = 0; i < t->n_target; i++)
		free(t->target[i].data);
	free(t->chain);
	free(t->rule);
	free(t->match);
	free(t->target);
	free(t->nat);
	free(t->varies);
	free(t->name);
}
