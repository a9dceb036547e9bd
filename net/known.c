// The short way's last stage: hop limit, link header and tx buffer of packets whose way says where
// they leave. What net_route and net_output do on the whole way, without what a way has settled:
// the route, the port, the MTU. Worker's thread.
#include <rte_ether.h>

#include "net/core.h"
#include "pipeline/way.h"

// What packets of one way get, the last one looked up: most often the next packet's as well.
struct link {
	const struct pl_way *way; // NULL: none yet
	uint64_t dmac, smac;	  // dmac 0: to be found for each packet
};

// Where the next hop is a gateway whose link address is known, that is all of its packets' address.
static __rte_noinline void
link_of(const struct net_table *t, const struct pl_way *way, struct link *out)
{
	const struct net_nh *nh = &t->nh[way->next_hop];

	out->way = way;
	out->dmac = nh->type == NET_T_GATEWAY ? net_neigh_mac(&t->neigh[nh->neigh]) : 0;
	out->smac = net_view(t)->port[way->out_port].mac;
}

// The next hop is the destination itself, or its address is not known.
static __rte_noinline void
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
	struct link link = {0};

	for (uint16_t i = 0, n = b->n_known; i < n; i++) {
		struct pl_pkt *p = b->known[i];
		const struct pl_way *way = p->way;
		uint8_t *frame = rte_pktmbuf_mtod(p->m, uint8_t *);

		if (unlikely(way != link.way))
			link_of(w->net->table, way, &link);
		p->out_port = way->out_port;
		p->next_hop = way->next_hop;
		if (unlikely(p->note != NULL))
			net_note_sent(p, p->out_port, false);
		if (unlikely(link.dmac == 0)) {
			to_any(w, p);
			continue;
		}
		net_lower_hop_limit_at(frame + sizeof(struct rte_ether_hdr), p->family);
		net_link_addrs(frame, link.dmac, link.smac);
		net_tx_put(w, way->out_port, false, p->m);
	}
	b->n_known = 0;
}

const struct pl_stage net_known_stage = {"known-output", net_known_run, NULL};
