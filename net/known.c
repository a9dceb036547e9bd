// The short way's last stage: hop limit, link header and tx buffer of packets whose way says where
// they leave. What net_route and net_output do on the whole way, without what a way has settled:
// the route, the port, the MTU. Worker's thread.
#include "net/core.h"
#include "pipeline/way.h"

void
net_known_run(struct pl_worker *w, const void *conf __rte_unused, struct pl_burst *b)
{
	for (uint16_t i = 0; i < b->n_known; i++) {
		struct pl_pkt *p = b->known[i];
		struct net_out out = {
			.port = p->out_port, .family = p->family, .origin = p->origin};

		net_lower_hop_limit(p);
		net_resolve(w->net->table, p, &out);
		if (unlikely(p->note != NULL))
			net_note_sent(p, out.port, false);
		net_out_frame(w, &out, p->m);
	}
	b->n_known = 0;
}

const struct pl_stage net_known_stage = {"known-output", net_known_run, NULL};
