// Targets after which the walk goes on: MARK, NOTRACK and CT. Called by both walks on the worker's
// thread when their rule matched, through their rows in acl_kind.c; what they change is the packet,
// and what later rules see of it. They keep nothing.
#include "acl/acl_kind.h"

enum acl_next
acl_mark_apply(const struct acl_rule *r, struct acl_view *v)
{
	const struct cfg_t_mark *m = &r->data->mark;

	v->pkt->mark = (v->pkt->mark & ~m->mask) ^ m->value;
	return ACL_GO_ON;
}

// A packet that has a flow, or whose cause was untracked, stays as it is (xt_CT looks at
// skb->_nfct, which nf_ct_attach() has set in the answer).
enum acl_next
acl_notrack_apply(const struct acl_rule *r, struct acl_view *v)
{
	struct pl_pkt *p = v->pkt;

	(void)r;
	if (p->ct != NULL || p->ct_state != 0 || (p->flags & PL_F_CT_ATTACHED))
		return ACL_GO_ON;
	p->flags |= PL_F_NOTRACK;
	v->ct = PL_CT_UNTRACKED;
	return ACL_GO_ON_CHANGED;
}
