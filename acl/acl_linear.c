// The plain interpreter: rules in order, one packet, as ipt_do_table() walks them. It is the
// specification that the compiled walk is held against, serves explain and trace, and takes the
// packets whose headers are cut off. Called on a worker's thread (or by a test); keeps nothing.
#include "acl/acl_kind.h"

static void
credit(struct pl_counter *cnt, uint32_t i, const struct acl_view *v)
{
	if (cnt == NULL)
		return;
	pl_counter_add(&cnt[i], 1, v->pkt->l3_len);
	pl_record_credit(v->pkt, &cnt[i]);
}

// Does what the rule's target asks for. True: the walk ends with *verdict.
static bool
ends_here(const struct acl_rule *r, struct acl_view *v, enum acl_verdict *verdict)
{
	const struct acl_target_kind *kind = &acl_target_kind[r->target];

	*verdict = kind->apply == NULL ? kind->verdict : ACL_DROP;
	return kind->apply == NULL || kind->apply(r, v) == ACL_STOP_DROP;
}

// The kernel takes a rule that is nothing but ACCEPT, DROP or RETURN for the end of its chain.
static void
trace_rule(const struct acl_chain *c, const struct acl_rule *r, const struct acl_view *v)
{
	bool end =
		(r->flags & ACL_R_PLAIN) &&
		(r->target == CFG_T_ACCEPT || r->target == CFG_T_DROP || r->target == CFG_T_RETURN);

	acl_trace(c, r->number,
		  !end			     ? PL_TRACE_RULE
		  : c->hook == CFG_HOOK_NONE ? PL_TRACE_RETURN
					     : PL_TRACE_POLICY,
		  v);
}

struct acl_end
acl_linear_run(const struct acl_table *t, const struct acl_chain *start, struct acl_view *v,
	       struct pl_counter *cnt, uint32_t *stack)
{
	const struct acl_chain *c =
		start; // where the walk is; a goto leaves no way back into the old one
	uint32_t i = c->first, end = c->first + c->n, depth = 0;
	enum acl_verdict verdict;

	for (;;) {
		const struct acl_rule *r = &t->rule[i];
		enum acl_hit hit = i < end ? acl_rule_match(r, v) : ACL_MISS;
		bool back = i >= end;

		if (back && v->pkt->rec != NULL)
			acl_record_end(t, c, v);
		if (hit == ACL_HOT)
			return (struct acl_end){.verdict = ACL_HOTDROP, .chain = c, .rule = r};
		if (hit == ACL_HIT) {
			credit(cnt, r->counter, v);
			if (v->pkt->rec != NULL)
				acl_record_rule(t, r, v);
			if (unlikely(v->pkt->trace))
				trace_rule(c, r, v);
			if (r->target == CFG_T_JUMP || r->target == CFG_T_GOTO) {
				if (r->target == CFG_T_JUMP)
					stack[depth++] =
						i; // bounded by the longest path, see acl_model.c
				c = &t->chain[r->chain];
				i = c->first;
				end = c->first + c->n;
				continue;
			}
			back = r->target == CFG_T_RETURN;
			if (!back && r->target != CFG_T_NONE && ends_here(r, v, &verdict))
				return (struct acl_end){verdict, c, r};
		}
		if (unlikely(v->pkt->trace) && i >= end && c->hook == CFG_HOOK_NONE)
			acl_trace(c, c->n + 1, PL_TRACE_RETURN, v);
		if (!back) {
			i++;
		} else if (depth ==
			   0) { // in the built-in chain, or where nobody waits for a return
			credit(cnt, start->counter, v);
			if (unlikely(v->pkt->trace))
				acl_trace(start, start->n + 1, PL_TRACE_POLICY, v);
			return (struct acl_end){start->drop ? ACL_DROP : ACL_ACCEPT, start, NULL};
		} else {
			i = stack[--depth];
			c = &t->chain[t->rule[i].home];
			end = c->first + c->n;
			i++;
		}
	}
}

enum acl_verdict
acl_linear_walk(const struct acl_policy *p, enum cfg_table_id table, enum cfg_hook hook,
		struct pl_pkt *pkt, uint16_t worker, bool count, struct pl_note *note)
{
	const struct acl_table *t = &p->table[acl_family_of(pkt)][table];
	struct acl_view v = acl_view(pkt, table, hook);
	struct acl_end end = {.verdict = ACL_ACCEPT};

	v.net = p->net;
	if (t->hook[hook] != ACL_NO_CHAIN)
		end = acl_linear_run(t, &t->chain[t->hook[hook]], &v,
				     count ? p->counter[worker] : NULL, p->stack[worker]);
	acl_end_apply(pkt, &end);
	if (note != NULL)
		acl_note(note, table, hook, &end);
	return end.verdict;
}
