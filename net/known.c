// The short way's last stage: hop limit, link header and tx buffer of packets whose way says where
// they leave. What net_route and net_output do on the whole way, without what a way has settled:
// the route, the port, the MTU. Worker's thread.
#include "net/core.h"
#include "pipeline/way.h"

// The common case: the next hop is a gateway whose link address is known.
static inline bool
to_gateway(struct pl_worker *w, const struct net_view *v, struct pl_pkt *p)
{
	const struct net_table *t = w->net->table;
	const struct net_nh *nh = &t->nh[p->next_hop];
	uint8_t *frame = rte_pktmbuf_mtod(p->m, uint8_t *);
	uint64_t dmac;

	if (unlikely(nh->type != NET_T_GATEWAY))
		return false;
	dmac = net_neigh_mac(&t->neigh[nh->neigh]);
	if (unlikely(dmac == 0))
		return false;
	net_lower_hop_limit_at(frame + p->l3_off, p->family);
	net_link_addrs(frame, dmac, v->port[p->out_port].mac);
	net_tx_put(w, p->out_port, false, p->m);
	return true;
}

static void
to_any(struct pl_worker *w, struct pl_pkt *p)
{
	struct net_out out = {.port = p->out_port, .family = p->family, .origin = p->origin};

	net_lower_hop_limit(p);
	net_resolve(w->net->table, p, &out);
	net_out_frame(w, &out, p->m);
}

void
net_known_run(struct pl_worker *w, const void *conf __rte_unused, struct pl_burst *b)
{
	const struct net_view *v = net_view(w->net->table);

	for (uint16_t i = 0; i < b->n_known; i++) {
		struct pl_pkt *p = b->known[i];

		if (unlikely(p->note != NULL))
			net_note_sent(p, p->out_port, false);
		if (unlikely(!to_gateway(w, v, p)))
			to_any(w, p);
	}
	b->n_known = 0;
}

const struct pl_stage net_known_stage = {"known-output", net_known_run, NULL};
