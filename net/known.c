// The short way's last stage: hop limit, link header and tx buffer of packets whose way says where
// they leave. What net_route and net_output do on the whole way, without what a way has settled:
// the route, the port, the MTU. Worker's thread.
#include <rte_ether.h>

#include "net/core.h"
#include "pipeline/way.h"

// What packets of one way get, the last one looked up: most often the next packet's as well.
struct link {
	const struct pl_way *way; // NULL: none yet
	bool ready;		  // addrs is what each packet gets
	struct net_link_addrs addrs;
	struct net_txq *q;
};

// Where the next hop is a gateway whose link address is known, that is all of its packets' address.
static __rte_noinline void
link_of(struct net_core *n, const struct pl_way *way, struct link *out)
{
	const struct net_nh *nh = &n->table->nh[way->next_hop];
	uint64_t dmac = nh->type == NET_T_GATEWAY ? net_neigh_mac(&n->table->neigh[nh->neigh]) : 0;

	out->way = way;
	out->ready = dmac != 0;
	out->addrs = net_link_addrs(dmac, net_view(n->table)->port[way->out_port].mac);
	out->q = &n->q[false][way->out_port];
	n->dirty[false] |= 1ull << way->out_port;
}

// Somebody wants to know where it goes, or the next hop is the destination itself, or its address
// is not known.
static __rte_noinline void
to_any(struct pl_worker *w, struct pl_pkt *p)
{
	struct net_out out = {.port = p->way->out_port, .family = p->family, .origin = p->origin};

	p->out_port = p->way->out_port;
	p->next_hop = p->way->next_hop;
	if (p->note != NULL)
		net_note_sent(p, p->out_port, false);
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
		uint8_t *frame = rte_pktmbuf_mtod(p->m, uint8_t *);

		if (unlikely(p->way != link.way))
			link_of(w->net, p->way, &link);
		if (unlikely(!link.ready || p->note != NULL)) {
			to_any(w, p);
			continue;
		}
		net_lower_hop_limit_at(frame + sizeof(struct rte_ether_hdr), p->family);
		memcpy(frame, &link.addrs, sizeof(link.addrs));
		link.q->m[link.q->n++] = p->m;
		if (unlikely(link.q->n == NET_TX_BUF))
			net_tx_full(w, link.way->out_port, false);
	}
	b->n_known = 0;
}

const struct pl_stage net_known_stage = {"known-output", net_known_run, NULL};
