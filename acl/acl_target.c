// Targets after which the walk goes on: CONNMARK, MARK, CHECKSUM, NOTRACK and CT. Called by both
// walks on the worker's thread when their rule matched, through their rows in acl_kind.c; what they
// change is the packet, and what later rules see of it. They keep nothing.
#include "acl/acl_kind.h"
#include "pipeline/flow_ops.h"

enum acl_next
acl_mark_apply(const struct acl_rule *r, struct acl_view *v)
{
	const struct cfg_t_mark *m = &r->data->mark;

	v->pkt->mark = (v->pkt->mark & ~m->mask) ^ m->value;
	return ACL_GO_ON;
}

static uint32_t
shifted(const struct cfg_t_connmark *m, uint32_t bits)
{
	return m->right ? bits >> m->shift : bits << m->shift;
}

// A packet without a flow passes by.
enum acl_next
acl_connmark_apply(const struct acl_rule *r, struct acl_view *v)
{
	const struct cfg_t_connmark *m = &r->data->connmark;
	struct pl_pkt *p = v->pkt;
	uint32_t old, mark;

	if (p->ct == NULL)
		return ACL_GO_ON;
	old = pl_flow_ops->mark(p->ct);
	if (m->op == CFG_CM_RESTORE) {
		p->mark = (p->mark & m->nfmask_off) ^ shifted(m, old & ~m->ctmask_off);
		return ACL_GO_ON_CHANGED;
	}
	if (m->op == CFG_CM_SET)
		mark = shifted(m, (old & m->ctmask_off) ^ m->value);
	else
		mark = (old & m->ctmask_off) ^ shifted(m, p->mark & ~m->nfmask_off);
	if (mark != old && v->state != NULL) {
		pl_flow_ops->set_mark(v->w, p->ct, mark);
		p->rec = NULL; // the flow's next packet finds another mark
	}
	return ACL_GO_ON;
}

// Has the packet what CT and NOTRACK give already? One that has a flow, or whose cause was
// untracked (nf_ct_attach() has set it in the answer), or that met another such rule before.
static bool
is_settled(const struct pl_pkt *p)
{
	return p->ct != NULL || p->ct_state != 0 || p->ct_rule != NULL ||
	       (p->flags & (PL_F_CT_ATTACHED | PL_F_NOTRACK));
}

enum acl_next
acl_notrack_apply(const struct acl_rule *r, struct acl_view *v)
{
	struct pl_pkt *p = v->pkt;

	(void)r;
	if (is_settled(p))
		return ACL_GO_ON;
	p->flags |= PL_F_NOTRACK;
	v->ct = PL_CT_UNTRACKED;
	return ACL_GO_ON_CHANGED;
}

// The first CT rule counts; later rules of raw call its packet NEW.
enum acl_next
acl_ct_apply(const struct acl_rule *r, struct acl_view *v)
{
	struct pl_pkt *p = v->pkt;

	if (r->data->ct.notrack)
		return acl_notrack_apply(r, v);
	if (is_settled(p))
		return ACL_GO_ON;
	p->ct_rule = &r->data->ct;
	v->ct = PL_CT_NEW;
	return ACL_GO_ON_CHANGED;
}

// The checksums of every packet here are whole when rules see it; the kernel fills in only what a
// host left to its device.
enum acl_next
acl_checksum_apply(const struct acl_rule *r, struct acl_view *v)
{
	(void)r;
	(void)v;
	return ACL_GO_ON;
}
