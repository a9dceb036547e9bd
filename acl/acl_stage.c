// The stages: at each point of a packet's way the chain of the hook at which it is gets walked, and
// the verdict is carried out. Runs on the worker's thread; conf is a struct acl_point_conf of the
// published policy, which outlives the burst.
#include "acl/acl_step.h"

#include <string.h>

#include "pipeline/worker.h"

static_assert(PL_CT_INVALID == (int)CFG_CT_INVALID &&
		      PL_CT_ESTABLISHED == (int)CFG_CT_ESTABLISHED &&
		      PL_CT_RELATED == (int)CFG_CT_RELATED && PL_CT_NEW == (int)CFG_CT_NEW &&
		      PL_CT_SNAT == (int)CFG_CT_SNAT && PL_CT_DNAT == (int)CFG_CT_DNAT &&
		      PL_CT_UNTRACKED == (int)CFG_CT_UNTRACKED,
	      "rules' state bits are the packets'");

static const enum cfg_table_id point_table[ACL_POINTS] = {
	[ACL_RAW] = CFG_RAW,	      [ACL_MANGLE_PRE] = CFG_MANGLE, [ACL_NAT_DST] = CFG_NAT,
	[ACL_MANGLE_IN] = CFG_MANGLE, [ACL_FILTER] = CFG_FILTER,     [ACL_MANGLE_POST] = CFG_MANGLE,
	[ACL_NAT_SRC] = CFG_NAT,      [ACL_SECURITY] = CFG_SECURITY,
};

// The hook at which the packet is at this point; CFG_HOOK_NONE: it passes by.
static inline enum cfg_hook
hook_at(enum acl_point point, const struct pl_pkt *p)
{
	switch (point) {
	case ACL_NAT_DST:
		if (!(p->flags & PL_F_NAT_PRE))
			return CFG_HOOK_NONE;
		return p->origin == PL_FROM_WIRE ? CFG_PREROUTING : CFG_OUTPUT;
	case ACL_RAW:
		if (p->past_raw)
			return CFG_HOOK_NONE;
		// fall through
	case ACL_MANGLE_PRE:
		return p->origin == PL_FROM_WIRE ? CFG_PREROUTING : CFG_OUTPUT;
	case ACL_MANGLE_IN:
		if (p->path == PL_PATH_OUTPUT)
			return CFG_HOOK_NONE; // was at mangle OUTPUT before it was routed
					      // fall through
	case ACL_FILTER:
	case ACL_SECURITY:
		return p->path == PL_PATH_INPUT	    ? CFG_INPUT
		       : p->path == PL_PATH_FORWARD ? CFG_FORWARD
						    : CFG_OUTPUT;
	case ACL_MANGLE_POST:
		return p->path == PL_PATH_INPUT ? CFG_HOOK_NONE : CFG_POSTROUTING;
	case ACL_NAT_SRC:
		if (!(p->flags & PL_F_NAT_POST))
			return CFG_HOOK_NONE;
		return p->path == PL_PATH_INPUT ? CFG_INPUT : CFG_POSTROUTING;
	case ACL_POINTS:
		break;
	}
	return CFG_HOOK_NONE;
}

void
acl_note(struct pl_note *note, enum cfg_table_id table, enum cfg_hook hook,
	 const struct acl_end *end)
{
	static const struct {
		uint8_t verdict, drop;
	} as[] = {
		[ACL_ACCEPT] = {PL_NOTE_ACCEPT, 0},
		[ACL_DROP] = {PL_NOTE_DROP, PL_DROP_RULE},
		[ACL_REJECT] = {PL_NOTE_REJECT, PL_DROP_REJECT},
		[ACL_HOTDROP] = {PL_NOTE_DROP, PL_DROP_HOTDROP},
		[ACL_NAT] = {PL_NOTE_ACCEPT, 0},
	};

	// What filter accepted stays filter's, though security, mangle and nat accept it
	// afterwards.
	if (as[end->verdict].verdict == PL_NOTE_ACCEPT && table != CFG_FILTER &&
	    note->table == cfg_table_name(CFG_FILTER))
		return;
	note->verdict = as[end->verdict].verdict;
	note->drop = as[end->verdict].drop;
	if (end->verdict == ACL_DROP && end->rule == NULL)
		note->drop = PL_DROP_CHAIN_POLICY;
	note->table = cfg_table_name(table);
	note->chain = end->chain != NULL ? end->chain->name : cfg_hook_name(hook);
	note->rule = end->rule != NULL ? end->rule->number : 0;
}

static void
carry_out(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p, const struct acl_end *end)
{
	acl_end_apply(p, end);
	if (end->verdict == ACL_DROP)
		pl_drop(w, b, p, end->rule != NULL ? PL_DROP_RULE : PL_DROP_CHAIN_POLICY);
	else if (end->verdict == ACL_HOTDROP)
		pl_drop(w, b, p, PL_DROP_HOTDROP);
}

// What became of a packet at this point: the note where there is one, then the verdict.
static void
finish(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p, const struct acl_point_conf *pc,
       enum cfg_hook hook, const struct acl_end *end)
{
	if (unlikely(p->note != NULL))
		acl_note(p->note, point_table[pc->point], hook, end);
	if (unlikely(p->rec != NULL))
		acl_note(&p->rec->note, point_table[pc->point], hook, end);
	carry_out(w, b, p, end);
}

// The packet has a hook here: decides at once, or puts it into a lane. Returns 1 for a lane.
static inline unsigned
enter(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p, const struct acl_point_conf *pc,
      const struct acl_table *t, enum cfg_hook hook, struct acl_lane *lane)
{
	struct pl_counter *cnt = pc->policy->counter[w->id];
	struct acl_end end = {.verdict = ACL_ACCEPT};
	const struct acl_chain *c;

	if (t->hook[hook] == ACL_NO_CHAIN) {
		if (point_table[pc->point] == CFG_FILTER)
			finish(w, b, p, pc, hook, &end);
		return 0;
	}
	c = &t->chain[t->hook[hook]];
	if (c->n != 0 || unlikely(p->trace)) {
		lane->pkt = p;
		lane->v = acl_view(p, point_table[pc->point], hook);
		lane->v.w = w;
		lane->v.state = pc->policy->state[w->id];
		lane->v.now_ns = w->now_ns;
		lane->v.net = pc->policy->net;
		lane->start = c;
		return 1;
	}
	pl_counter_add(&cnt[c->counter], 1, p->l3_len);
	pl_record_credit(p, &cnt[c->counter]);
	end.verdict = c->drop ? ACL_DROP : ACL_ACCEPT;
	end.chain = c;
	finish(w, b, p, pc, hook, &end);
	return 0;
}

static void
walk_lanes(struct pl_worker *w, const struct acl_policy *p, const struct acl_table *t,
	   enum acl_family family, struct acl_scratch *sc, unsigned n)
{
	struct pl_counter *cnt = p->counter[w->id];

	if (!p->linear) {
		acl_walk(p, t, family, sc, n, cnt);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		struct acl_lane *l = &sc->lane[i];

		l->end = acl_linear_run(t, l->start, &l->v, cnt, l->stack);
	}
}

void
acl_stage_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	const struct acl_point_conf *pc = conf;
	const struct acl_policy *pol = pc->policy;
	struct acl_scratch *sc = pol->scratch[w->id];
	struct pl_pkt *p;

	// A table per family, so a pass per family; a burst of one family pays for one look at each
	// packet.
	for (enum acl_family f = ACL_V4; f < ACL_FAMILIES; f++) {
		const struct acl_table *t = &pol->table[f][point_table[pc->point]];
		unsigned n = 0;

		PL_FOREACH (p, b) {
			enum cfg_hook hook = hook_at(pc->point, p);

			if (acl_family_of(p) != f)
				continue;
			if (unlikely(!pol->covered[f]) && pc->point == ACL_RAW)
				pl_drop(w, b, p, PL_DROP_NO_POLICY);
			else if (hook != CFG_HOOK_NONE && p->reject == 0)
				n += enter(w, b, p, pc, t, hook, &sc->lane[n]);
		}
		if (n > 0)
			walk_lanes(w, pol, t, f, sc, n);
		for (unsigned i = 0; i < n; i++) {
			const struct acl_lane *l = &sc->lane[i];

			finish(w, b, l->pkt, pc, l->start->hook, &l->end);
		}
	}
}

const struct pl_stage acl_stage[ACL_POINTS] = {
	[ACL_RAW] = {"raw", acl_stage_run, acl_hear},
	[ACL_MANGLE_PRE] = {"mangle-pre", acl_stage_run, NULL},
	[ACL_NAT_DST] = {"nat-dst-rules", acl_stage_run, NULL},
	[ACL_MANGLE_IN] = {"mangle-in", acl_stage_run, NULL},
	[ACL_FILTER] = {"filter", acl_stage_run, NULL},
	[ACL_SECURITY] = {"security", acl_stage_run, NULL},
	[ACL_MANGLE_POST] = {"mangle-post", acl_stage_run, NULL},
	[ACL_NAT_SRC] = {"nat-src-rules", acl_stage_run, NULL},
};
