// The last stage: a routed, filtered and translated packet leaves. Path INPUT goes up the twin of
// the port it came in on; all else goes to its next hop: split into fragments where it is larger
// than the port's MTU, given a link header, put into the tx buffer, or into the waiting room while
// the next hop's address is not known. ip_output() and ip6_output() in Linux.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include <rte_ether.h>
#include <rte_ip.h>

#include "net/made.h"
#include "net/core.h"
#include "pipeline/note.h"
#include "pipeline/way.h"

void
net_note_sent(struct pl_pkt *p, uint8_t egress, bool to_host)
{
	struct pl_note *n = p->note;

	n->verdict = PL_NOTE_ACCEPT;
	n->ct_state = p->ct_state;
	n->family = p->family;
	n->proto = p->proto;
	n->egress = egress;
	n->to_host = to_host;
	n->src = p->src;
	n->dst = p->dst;
	n->sport = p->sport;
	n->dport = p->dport;
}

void
net_out_frame(struct pl_worker *w, const struct net_out *out, struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);
	uint64_t smac;

	if (!out->keep_l2) {
		if (out->dmac == 0) {
			net_hold_put(w, out, m);
			return;
		}
		smac = net_view(w->net->table)->port[out->port].mac;
		memcpy(&eth->dst_addr, &out->dmac, 6);
		memcpy(&eth->src_addr, &smac, 6);
	}
	// Some drivers send the first buffer only; a frame that fits one is put into one.
	if (unlikely(m->nb_segs > 1))
		net_pull(m, m->pkt_len);
	net_tx_put(w, out->port, out->host, m);
}

// RFC 1112 6.4, RFC 2464 7; all ones for the limited broadcast.
static uint64_t
group_mac(uint8_t family, const union pl_addr *a)
{
	uint8_t mac[6];

	if (family == 6) {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, a->v6 + 12, 4);
	} else if (a->v4 == RTE_BE32(0xffffffff)) {
		memset(mac, 0xff, sizeof(mac));
	} else {
		mac[0] = 0x01;
		mac[1] = 0x00;
		mac[2] = 0x5e;
		mac[3] = a->v6[1] & 0x7f;
		memcpy(mac + 4, a->v6 + 2, 2);
	}
	return net_mac_word(mac);
}

void
net_resolve(const struct net_table *t, const struct pl_pkt *p, struct net_out *out)
{
	const struct net_nh *nh = &t->nh[p->next_hop];
	uint32_t neigh;

	if (nh->type == NET_T_GATEWAY) {
		out->family = nh->family;
		out->addr = nh->gw;
		neigh = nh->neigh;
	} else {
		out->addr = unlikely(net_is_copy(p)) ? pl_meta(p->m)->via : p->dst;
		if (unlikely(net_is_mcast(p->family, &out->addr) ||
			     (p->family == 4 && out->addr.v4 == RTE_BE32(0xffffffff)))) {
			out->dmac = group_mac(p->family, &out->addr);
			return;
		}
		neigh = net_neigh_find(t, out->port, out->family, &out->addr);
	}
	out->dmac = neigh != 0 ? net_neigh_mac(&t->neigh[neigh]) : 0;
	if (out->dmac == 0 && t->assume)
		out->dmac = net_neigh_assumed(out->family, &out->addr);
}

// Larger than the MTU. IPv4 may be split unless it says no; IPv6, and IPv4 that says no, only where
// it came in fragments that all fit. Sends the ICMP error otherwise.
static bool
may_split(struct pl_worker *w, struct pl_pkt *p, uint16_t mtu)
{
	const struct rte_ipv4_hdr *ip;
	bool fits = (p->flags & PL_F_REASM) && pl_meta(p->m)->frag_max <= mtu;

	if (p->family == 6) {
		if (!fits)
			net_icmp_error(w, p, ICMP6_PACKET_TOO_BIG, 0, mtu);
		return fits;
	}
	ip = pl_need(p, p->l3_off, sizeof(*ip));
	if (!(ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)) || fits)
		return true;
	net_icmp_error(w, p, ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
	return false;
}

// The MTU binds, and what came in fragments leaves in fragments no larger.
static void
transmit(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p, const struct net_out *out,
	 uint16_t mtu)
{
	uint16_t limit = mtu, frag_max;
	uint16_t l3_off = p->l3_off;
	uint8_t family = p->family;
	bool split = p->l3_len > mtu;

	// Up a twin, anything the wire could carry fits; only a reassembled packet is too large.
	if (split && !(p->path == PL_PATH_INPUT && (p->flags & PL_F_REASM)) &&
	    !may_split(w, p, mtu)) {
		pl_drop(w, b, p, PL_DROP_TOO_BIG);
		return;
	}
	if (unlikely(p->flags & PL_F_REASM)) {
		frag_max = pl_meta(p->m)->frag_max;
		limit = RTE_MIN(limit, frag_max);
		if (family == 6 && limit < NET_IPV6_MIN_MTU)
			limit = NET_IPV6_MIN_MTU;
		split = split || family == 4 || p->l3_len > frag_max;
	}
	if (p->note != NULL)
		net_note_sent(p, out->host ? PL_PORT_NONE : out->port, out->host);
	// Where it leaves is now known: from the wire to the wire, in one piece.
	if (p->rec != NULL && p->path == PL_PATH_FORWARD && !split && !(p->flags & PL_F_REASM))
		pl_way_learn(w, p, mtu);
	if (split)
		net_frag_out(w, out, pl_take(b, p), family, l3_off, limit);
	else
		net_out_frame(w, out, pl_take(b, p));
}

static void
to_twin(struct pl_worker *w, const struct net_view *v, struct pl_burst *b, struct pl_pkt *p,
	uint8_t port, bool keep_l2)
{
	struct net_out out = {.port = port,
			      .host = true,
			      .keep_l2 = keep_l2,
			      .family = p->family,
			      .origin = p->origin};

	if (port >= PL_PORT_MAX || !v->port[port].info.has_twin ||
	    !net_tx_there(w->net, port, true)) {
		pl_drop(w, b, p, PL_DROP_NO_TWIN);
		return;
	}
	out.dmac = v->port[port].mac; // our own packets: the twin has the port's address
	transmit(w, b, p, &out, net_mtu(v, port, p->family));
}

static void
to_wire(struct pl_worker *w, const struct net_view *v, struct pl_burst *b, struct pl_pkt *p)
{
	struct net_out out = {.port = p->out_port, .family = p->family, .origin = p->origin};

	if (p->out_port >= PL_PORT_MAX || !v->port[p->out_port].info.up ||
	    !net_tx_there(w->net, p->out_port, false)) {
		pl_drop(w, b, p, PL_DROP_PORT_DOWN);
		return;
	}
	if (p->next_hop == NET_NH_ASIS)
		out.keep_l2 = true;
	else
		net_resolve(w->net->table, p, &out);
	transmit(w, b, p, &out, net_mtu(v, p->out_port, p->family));
}

// The host's own address that a packet of the host or of ours goes to says whose twin it is.
static uint8_t
own_twin(const struct net_view *v, const struct pl_pkt *p)
{
	uint8_t dflt = p->origin == PL_FROM_SELF ? pl_meta(p->m)->out_port : 0;

	return net_view_owner(v, p->family, &p->dst, dflt);
}

void
net_output_run(struct pl_worker *w, const void *conf __rte_unused, struct pl_burst *b)
{
	const struct net_view *v = net_view(w->net->table);
	struct pl_pkt *p;

	PL_FOREACH (p, b) {
		if (p->path == PL_PATH_INPUT)
			to_twin(w, v, b, p, p->in_port, true);
		else if (p->next_hop == NET_NH_TWIN)
			to_twin(w, v, b, p, own_twin(v, p), false);
		else
			to_wire(w, v, b, p);
	}
}

const struct pl_stage net_output_stage = {"output", net_output_run, net_flush};
