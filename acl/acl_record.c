// May a flow's next packets be spared this walk? While a packet is being recorded (pipeline/way.h)
// both walks tell every rule that they take and every chain that they come to the end of. What a
// rule asks may be the same for all plain packets of a flow (PL_F_PLAIN), or differ from packet to
// packet: a length, a rate, a clock. The walk may be kept only where every rule of the latter sort
// that it passed, matched or not, is out of question for this flow for other reasons. The builder
// lists these rules (control thread); the rest runs on the worker's thread.
#include "acl/acl_kind.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

// Rules of one chain that are looked at for one packet; a chain with more of them is not kept.
#define LOOK_MAX 32

#define PLAIN_FREE (TH_PUSH) // the flags in which plain segments differ; the others are just ACK

bool
acl_tcp_fixed(const struct cfg_match *m)
{
	return m->ports.option == 0 && (!m->ports.flags_set || !(m->ports.flags_mask & PLAIN_FREE));
}

bool
acl_tcp_could(const struct cfg_match *m, const struct acl_view *v)
{
	struct cfg_match ports = *m;

	ports.ports.option = 0;
	ports.ports.flags_set = false;
	if (acl_tcp_judge(&ports, v) == ACL_MISS)
		return false;
	// Some flag outside PLAIN_FREE is wrong: no segment has them all right.
	if (m->ports.flags_set &&
	    ((TH_ACK ^ m->ports.flags_comp) & m->ports.flags_mask & ~PLAIN_FREE) != 0)
		return m->ports.flags_inv;
	return true;
}

static bool
match_fixed(const struct cfg_match *m)
{
	const struct acl_match_kind *kind = &acl_match_kind[m->id];

	return (kind->flags & ACL_K_FLOW) || (kind->fixed != NULL && kind->fixed(m));
}

static bool
asks_packets(const struct acl_rule *r)
{
	for (unsigned i = 0; i < r->n_match; i++) {
		if (!match_fixed(&r->match[i]))
			return true;
	}
	return false;
}

static bool
target_fixed(const struct acl_rule *r)
{
	const struct acl_target_kind *kind = &acl_target_kind[r->target];

	return (kind->flags & ACL_K_FLOW) || (kind->fixed != NULL && kind->fixed(r->data));
}

int
acl_record_init(struct acl_table *t)
{
	t->varies = calloc(t->n_rule + 1, sizeof(*t->varies));
	if (t->varies == NULL)
		return -ENOMEM;
	for (uint32_t c = 0; c < t->n_chain; c++) {
		struct acl_chain *chain = &t->chain[c];

		chain->varies = t->n_varies;
		for (uint32_t i = chain->first; i < chain->first + chain->n; i++) {
			struct acl_rule *r = &t->rule[i];
			bool asks = asks_packets(r);

			if (asks || !target_fixed(r))
				r->flags |= ACL_R_VARIES;
			if (asks)
				t->varies[t->n_varies++] = i;
		}
		chain->n_varies = t->n_varies - chain->varies;
	}
	return 0;
}

static bool
match_could(const struct cfg_match *m, const struct acl_view *v)
{
	const struct acl_match_kind *kind = &acl_match_kind[m->id];

	if (match_fixed(m))
		return kind->judge(m, v) != ACL_MISS;
	return kind->could == NULL || kind->could(m, v);
}

// Could the rule match another plain packet of the flow?
static bool
rule_could(const struct acl_rule *r, const struct acl_view *v)
{
	if (acl_rule_head_match(r, v) == ACL_MISS)
		return false;
	for (unsigned i = 0; i < r->n_match; i++) {
		if (!match_could(&r->match[i], v))
			return false;
	}
	return true;
}

// Rules up to the one with that index were passed and did not match.
static void
passed(const struct acl_table *t, const struct acl_chain *c, uint32_t upto,
       const struct acl_view *v)
{
	for (uint32_t i = 0; i < c->n_varies && t->varies[c->varies + i] < upto; i++) {
		if (i == LOOK_MAX || rule_could(&t->rule[t->varies[c->varies + i]], v)) {
			pl_record_break(v->pkt);
			return;
		}
	}
}

void
acl_record_rule(const struct acl_table *t, const struct acl_rule *r, const struct acl_view *v)
{
	if (r->flags & ACL_R_VARIES)
		pl_record_break(v->pkt);
	else
		passed(t, &t->chain[r->home], (uint32_t)(r - t->rule), v);
}

void
acl_record_end(const struct acl_table *t, const struct acl_chain *c, const struct acl_view *v)
{
	passed(t, c, c->first + c->n, v);
}
