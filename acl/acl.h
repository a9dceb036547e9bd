#pragma once
// The rules: a policy compiled to segments over rte_acl, the stages that walk them, and the plain
// linear interpreter of the same policy. Built on the control thread, immutable afterwards
// (counters apart).
#include "config/policy.h"
#include "pipeline/note.h"
#include "pipeline/stage.h"

struct acl_policy;
struct pl_net_ops;

struct acl_build {
	const char *const *port_name; // index = port; what -i and -o are matched against
	unsigned n_port;
	uint16_t n_workers; // counter blocks
	int socket;
	size_t memory; // bytes that the compiled policy may take; 0: as much as there is
	const struct pl_net_ops *net;  // whom rules ask about addresses; outlives the policy. NULL:
				       // a policy that asks is refused
	struct acl_sets *sets;	       // that rules may name (acl_sets.h); NULL: there are none
	const struct acl_policy *prev; // what runs now: things that rules name live on; NULL: none
	bool linear; // compile nothing: every walk is done by the interpreter (tests, explain)
};

// Compiles a sound policy (cfg_policy_check passed). Takes nothing of `policy`: it may be freed.
// 0 or a negative errno with the reason in err; *out only on 0. Control thread.
int acl_policy_create(struct acl_policy **out, const struct cfg_policy *policy,
		      const struct acl_build *build, struct cfg_err *err);
void acl_policy_free(struct acl_policy *p); // no worker may still use it; NULL is fine

// Takes over the counters of prev's rules that are also in p (same table, chain, family and text,
// in order). Call when no worker runs prev any more.
void acl_policy_inherit(struct acl_policy *p, const struct acl_policy *prev);

// Sums all workers' counters into the rules and chains of `policy`, which must be the model that p
// was made from (the control thread keeps it). Control thread.
void acl_policy_counters(const struct acl_policy *p, struct cfg_policy *policy);
// The other way: sets the counters of one family's rules and chains, in the tables whose bits (1 <<
// enum cfg_table_id) are given, to those that the model holds. Packets counted meanwhile may be
// lost. Control thread.
void acl_policy_load(struct acl_policy *p, const struct cfg_policy *policy, enum cfg_family family,
		     unsigned tables);
void acl_policy_zero(struct acl_policy *p); // not part of any command yet: tests

// The stage conf of one table at the hooks at which the packet is at this point of its way:
//   raw, mangle-pre, nat-dst: PREROUTING (wire) or OUTPUT (host, self)
//   filter, security, mangle-in: INPUT, FORWARD or (not mangle) OUTPUT, by pkt->path
//   mangle-post, nat-src:     POSTROUTING; nat-src also nat INPUT for path INPUT
// NULL where the policy has no rules and only ACCEPT policies there: the stage can be left out.
enum acl_point {
	ACL_RAW,	 // raw PREROUTING | OUTPUT
	ACL_MANGLE_PRE,	 // mangle PREROUTING | OUTPUT
	ACL_NAT_DST,	 // nat PREROUTING | OUTPUT: packets with PL_F_NAT_PRE; sets pkt->nat_rule
	ACL_MANGLE_IN,	 // mangle INPUT | FORWARD
	ACL_FILTER,	 // filter INPUT | FORWARD | OUTPUT
	ACL_SECURITY,	 // security INPUT | FORWARD | OUTPUT
	ACL_MANGLE_POST, // mangle POSTROUTING
	ACL_NAT_SRC,	 // nat POSTROUTING | INPUT: packets with PL_F_NAT_POST; sets pkt->nat_rule
	ACL_POINTS,
};
const void *acl_policy_point(const struct acl_policy *p, enum acl_point point);
// In what parts bursts must go through the policy's points and what is between them, so that rules
// that share something find what one packet at a time would have left (acl_order.c).
enum pl_order acl_policy_order(const struct acl_policy *p);
// Does some rule of raw put packets into a zone?
bool acl_policy_has_zones(const struct acl_policy *p);

// The stage function for every point. Ends packets with PL_DROP_RULE, CHAIN_POLICY, HOTDROP,
// NO_POLICY (family that no table of the policy speaks of: at ACL_RAW, which is therefore never
// NULL); REJECT sets pkt->reject and leaves the packet to net_reject_run.
void acl_stage_run(struct pl_worker *w, const void *conf, struct pl_burst *b);
extern const struct pl_stage acl_stage[ACL_POINTS];
// Takes in what other workers have told of named things; an idle function of the stages.
void acl_hear(struct pl_worker *w);

// One packet through one built-in chain by the linear interpreter, for explain and tests. counters:
// credit them or not. Returns the verdict and fills *note (table, chain, rule).
enum acl_verdict { ACL_ACCEPT, ACL_DROP, ACL_REJECT, ACL_HOTDROP, ACL_NAT };
enum acl_verdict acl_linear_walk(const struct acl_policy *p, enum cfg_table_id table,
				 enum cfg_hook hook, struct pl_pkt *pkt, uint16_t worker,
				 bool count, struct pl_note *note);
