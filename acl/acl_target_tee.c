// TEE: a copy of the packet goes to a gateway, as xt_TEE sends it. Called by both walks on the
// worker's thread when their rule matched, through its row in acl_kind.c; net/ makes the copy and
// sends it (pl_net_ops). No copy is copied again. A hypothetical walk, which has no worker, sends
// nothing.
#include "acl/acl_kind.h"

#include <errno.h>

#include "pipeline/net_ops.h"
#include "pipeline/worker.h"

int
acl_tee_prepare(struct cfg_target *t, const struct acl_policy *p, enum cfg_family family,
		struct cfg_err *err)
{
	(void)family;
	(void)err;
	t->tee.port = PL_PORT_NONE;
	for (unsigned i = 0; i < p->build->n_port && t->tee.oif[0] != '\0'; i++)
		if (strcmp(p->build->port_name[i], t->tee.oif) == 0)
			t->tee.port = (uint8_t)i;
	return 0;
}

enum acl_next
acl_tee_apply(const struct acl_rule *r, struct acl_view *v)
{
	const struct cfg_t_tee *t = &r->data->tee;
	struct pl_copy to = {.port = t->port,
			     .lower = v->hook == CFG_PREROUTING || v->hook == CFG_INPUT};

	if (v->w == NULL || (v->pkt->origin == PL_FROM_SELF && pl_meta(v->pkt->m)->copy))
		return ACL_GO_ON;
	memcpy(&to.gateway, t->gateway, sizeof(to.gateway));
	v->net->copy(v->w, v->pkt, &to);
	return ACL_GO_ON;
}
