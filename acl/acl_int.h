#pragma once
// Private to acl/: the policy as the walks see it. Per family and table an array of chains; a chain
// is a run of rules in its table's rule array. Everything is immutable after acl_policy_create(),
// but for the counters, which their worker alone writes.
#include "acl/acl.h"
#include "pipeline/event.h"
#include "pipeline/pkt.h"
#include "pipeline/way.h"

enum acl_family { ACL_V4, ACL_V6, ACL_FAMILIES };

static inline enum acl_family
acl_family_of(const struct pl_pkt *pkt)
{
	return pkt->family == 4 ? ACL_V4 : ACL_V6;
}

static inline enum cfg_family
acl_cfg_family(enum acl_family family)
{
	return family == ACL_V4 ? CFG_IPV4 : CFG_IPV6;
}

#define ACL_NO_CHAIN UINT32_MAX
#define ACL_CT_BITS                                                                                \
	(PL_CT_INVALID | PL_CT_ESTABLISHED | PL_CT_RELATED | PL_CT_NEW | PL_CT_UNTRACKED)

enum acl_rule_flags {
	ACL_R_SRC_INV = 1 << 0,
	ACL_R_DST_INV = 1 << 1,
	ACL_R_PROTO = 1 << 2, // -p given
	ACL_R_PROTO_INV = 1 << 3,
	ACL_R_FRAG = 1 << 4, // -f
	ACL_R_NOT_FRAG = 1 << 5,
	ACL_R_STATE = 1 << 7,  // a match or the target keeps state: once per packet, in order
	ACL_R_PLAIN = 1 << 9,  // asks for nothing at all, not even a comment
	ACL_R_VERIFY = 1 << 6, // compiled: what a context says of it needs acl_rule_match()
	ACL_R_VARIES = 1 << 8, // what it says or does may differ between plain packets of a flow
};

// One rule as it stands in one family.
struct acl_rule {
	union pl_addr src, src_mask, dst, dst_mask; // in packet order; mask 0: any
	uint64_t in,
		out; // bit per port index (PL_PORT_NONE is one of them): negation is already in it
	uint16_t flags; // enum acl_rule_flags
	uint8_t proto;
	uint8_t target; // enum cfg_target_id
	uint8_t reject; // enum cfg_reject + 1, CFG_REJ_DEFAULT resolved
	uint16_t n_match;
	uint32_t home;	  // its chain's index in the table
	uint32_t chain;	  // JUMP and GOTO: index in the table
	uint32_t number;  // 1-based in its chain, as this family's iptables counts
	uint32_t counter; // index in a worker's block
	uint32_t
		next; // step at which a walk that comes back from this rule goes on (acl_compile.c)
	const struct cfg_match *match; // in the table's match array; comments are not kept
	union {
		const struct pl_nat_rule *nat; // targets that translate
		const struct cfg_target *data; // targets after which the walk goes on
	};
	uint64_t text[2]; // hash of what iptables-save prints: identity across reloads
};

struct acl_chain {
	char name[CFG_CHAIN_MAX];
	uint8_t hook;	   // enum cfg_hook; CFG_HOOK_NONE: a user chain
	uint8_t drop;	   // policy DROP
	uint32_t model;	   // index in the model's chain array
	uint32_t first, n; // of the table's rules
	uint32_t counter;  // of the policy
	uint32_t depth;	   // longest path of jumps that have to be remembered below this chain
	uint32_t step;	   // first step (acl_compile.c)
	uint32_t varies, n_varies; // of the table's varies
};

struct acl_step;
struct acl_name {
	const char *name;
	uint32_t chain;
};

struct acl_table {
	struct acl_chain *chain;
	struct acl_rule *rule;
	struct cfg_match *match;
	struct cfg_target *target;
	struct pl_nat_rule *nat;
	struct acl_step *step; // NULL: build.linear
	struct acl_name *name; // chains sorted by name
	uint32_t *varies;      // rules that ask for more than plain packets share, in order
	uint32_t n_varies;
	bool keeps_state; // some rule has ACL_R_STATE
	bool traces;	  // some rule has the target TRACE: every walk is the interpreter's
	uint32_t n_chain, n_rule, n_match, n_target, n_nat, n_step;
	uint32_t hook[CFG_HOOKS]; // chain index or ACL_NO_CHAIN
};

struct acl_scratch; // acl_walk.c: one worker's working memory

struct acl_point_conf {
	const struct acl_policy *policy;
	enum acl_point point;
	uint8_t any; // there is at least one chain here
};

struct acl_named;
struct acl_sets;
struct acl_policy {
	struct acl_table table[ACL_FAMILIES][CFG_TABLES];
	bool covered[ACL_FAMILIES]; // the policy speaks of this family
	bool linear;
	uint8_t order; // enum pl_order
	uint16_t n_workers;
	uint32_t depth; // of all built-in chains, the deepest
	uint32_t n_counter;
	uint32_t state_size; // bytes of what one worker remembers for all matches and targets
	struct pl_counter *
		*counter; // [worker][n_counter]; one more: what was inherited, control thread
	struct acl_scratch **scratch;  // [worker]
	char **state;		       // [worker][state_size], see acl_kind.h
	const struct pl_net_ops *net;  // NULL: no rule asks
	const struct acl_build *build; // while it is built
	uint32_t **stack;	       // [worker][depth]: the linear walk's jumps
	struct acl_point_conf point[ACL_POINTS];
	struct acl_classes *classes; // acl_compile.c
	struct cfg_recent recent;    // of the model, defaults resolved
	struct acl_named **named;    // acl_named.h; sorted by id
	struct acl_sets *sets;	     // acl_sets.h; NULL: there are none
	uint32_t n_named;
};

// What a rule asks about a packet at one hook, apart from the packet itself: which ports it sees
// there.
struct acl_view {
	struct pl_pkt *pkt;  // targets that go on change its mark and flags
	struct pl_worker *w; // whose packet it is; NULL: hypothetical, nothing outside it changes
	char *state;	     // what this worker remembers; NULL: hypothetical
	uint64_t now_ns;     // the worker's clock
	const struct pl_net_ops *net;
	uint64_t in_bit, out_bit;
	uint8_t in, out; // port index or PL_PORT_NONE
	uint8_t ct;	 // state bit, or'ed with SNAT and DNAT of the flow
	uint8_t hook;	 // enum cfg_hook
	uint8_t table;	 // enum cfg_table_id
};

// As netfilter's hooks: no output device before routing, no input device for what is made locally.
static inline struct acl_view
acl_view(struct pl_pkt *pkt, enum cfg_table_id table, enum cfg_hook hook)
{
	struct acl_view v = {
		.pkt = pkt, .in = pkt->in_port, .out = pkt->out_port, .table = table, .hook = hook};

	if (hook == CFG_OUTPUT || pkt->origin != PL_FROM_WIRE)
		v.in = PL_PORT_NONE;
	if (hook == CFG_PREROUTING || hook == CFG_INPUT)
		v.out = PL_PORT_NONE;
	v.in_bit = UINT64_C(1) << (v.in & 63);
	v.out_bit = UINT64_C(1) << (v.out & 63);
	// Before conntrack a packet has no flow, which netfilter's matches call INVALID.
	v.ct = pkt->ct_state != 0	   ? pkt->ct_state | pkt->ct_status
	       : pkt->flags & PL_F_NOTRACK ? PL_CT_UNTRACKED
					   : PL_CT_INVALID;
	return v;
}

enum acl_hit { ACL_MISS, ACL_HIT, ACL_HOT };

// Does the whole rule match, exactly as netfilter's modules judge? ACL_HOT: the packet must be
// dropped.
enum acl_hit acl_rule_match(const struct acl_rule *r, const struct acl_view *v);
// Addresses, interfaces, protocol and fragment of it alone.
enum acl_hit acl_rule_head_match(const struct acl_rule *r, const struct acl_view *v);
// How a walk ended.
struct acl_end {
	uint8_t verdict; // enum acl_verdict
	const struct acl_chain *chain;
	const struct acl_rule *rule; // NULL: the chain's policy
};

// acl_record.c: what a recorded packet meets (v->pkt->rec is there). init: control thread, when the
// table's rules are set. 0 or -ENOMEM.
int acl_record_init(struct acl_table *t);
void acl_record_rule(const struct acl_table *t, const struct acl_rule *r, const struct acl_view *v);
void acl_record_end(const struct acl_table *t, const struct acl_chain *c, const struct acl_view *v);

// acl_linear.c. cnt NULL: credit nothing. stack has room for t's deepest path.
struct acl_end acl_linear_run(const struct acl_table *t, const struct acl_chain *start,
			      struct acl_view *v, struct pl_counter *cnt, uint32_t *stack);

// acl_target_log.c: tells that a traced packet met rule `number` of the chain, or its end (one more
// than it has rules).
void acl_trace(const struct acl_chain *c, uint32_t number, enum pl_event_trace what,
	       const struct acl_view *v);

// Writes what the rule asks of later stages into the packet: pkt->reject, pkt->nat_rule.
static inline void
acl_end_apply(struct pl_pkt *pkt, const struct acl_end *end)
{
	if (end->verdict == ACL_REJECT)
		pkt->reject = end->rule->reject;
	else if (end->verdict == ACL_NAT)
		pkt->nat_rule = end->rule->nat;
}

// acl_order.c: sets p->order; all tables are made. 0 or -ENOMEM.
int acl_order_set(struct acl_policy *p);

// acl_stage.c: how a walk ended, for explain. Without a chain the hook has no rules: its policy is
// ACCEPT.
void acl_note(struct pl_note *note, enum cfg_table_id table, enum cfg_hook hook,
	      const struct acl_end *end);

// acl_model.c: one table of one family from the model. 0 or -errno with the reason in err.
int acl_table_create(struct acl_policy *p, struct acl_table *t, const struct cfg_policy *policy,
		     enum cfg_table_id id, enum acl_family family, const struct acl_build *build,
		     struct cfg_err *err);
void acl_table_free(struct acl_table *t);
const struct acl_chain *acl_chain_find(const struct acl_table *t, const char *name); // NULL: none
