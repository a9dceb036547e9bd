// The first stage: what ip_rcv() and ipv6_rcv() do in Linux before PREROUTING. Frames for other
// stations are dropped, ARP goes between the wire and the host's twin as it is, headers are made
// contiguous and parsed, IPv6 addresses that may not stand on a wire are refused (IPv4's come at
// the routing decision, as in Linux). Packets that other workers handed over and those that the
// gateway made itself come through here too: what they bring along is already in *p
// (pipeline/worker.c).
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <rte_arp.h>
#include <rte_ether.h>

#include "config/policy.h"
#include "net/core.h"
#include "pipeline/note.h"
#include "pipeline/plain.h"

#define HEADERS_MAX 192 // bytes that are made contiguous: link, IP with options or extensions, L4
#define ARP_LEN	    (sizeof(struct rte_ether_hdr) + sizeof(struct rte_arp_hdr))

// Replay: the capture says who has which address (RFC 826's sender fields).
static void
learn_arp(struct net_core *n, const struct pl_pkt *p, uint8_t port)
{
	const struct rte_arp_hdr *arp;
	struct cfg_prefix who = {.family = CFG_IPV4, .len = 32};

	arp = pl_need(p, 0, ARP_LEN);
	if (arp == NULL)
		return;
	arp = (const void *)((const uint8_t *)arp + sizeof(struct rte_ether_hdr));
	if (arp->arp_protocol != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4) || arp->arp_hlen != 6 ||
	    arp->arp_plen != 4 || arp->arp_data.arp_sip == 0)
		return;
	memcpy(who.addr, &arp->arp_data.arp_sip, 4);
	net_table_set_neigh(n->table, port, &who, arp->arp_data.arp_sha.addr_bytes, false);
}

static void
relay_arp(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p)
{
	const struct net_view *v = net_view(w->net->table);
	bool up = p->origin == PL_FROM_WIRE;
	uint8_t port = up ? p->in_port : p->out_port;

	if (up && w->net->learn)
		learn_arp(w->net, p, port);
	if (p->note != NULL) {
		p->note->egress = up ? PL_PORT_NONE : port;
		p->note->to_host = up;
		p->note->verdict = PL_NOTE_ACCEPT;
	}
	if (!net_tx_there(w->net, port, up))
		pl_drop(w, b, p, up ? PL_DROP_NO_TWIN : PL_DROP_PORT_DOWN);
	else if (!up && !v->port[port].info.up)
		pl_drop(w, b, p, PL_DROP_PORT_DOWN);
	else
		net_tx_put(w, port, up, pl_take(b, p));
}

// 0, or a drop reason + 1. A frame from the wire must be for this port, for a group or for all.
static int
check_station(const struct net_view *v, struct pl_pkt *p)
{
	const struct rte_ether_hdr *eth = pl_need(p, 0, sizeof(*eth));

	if (eth == NULL)
		return PL_DROP_SHORT_L2 + 1;
	if (rte_is_multicast_ether_addr(&eth->dst_addr))
		p->flags |= PL_F_BCAST;
	else if (net_mac_word(eth->dst_addr.addr_bytes) != v->port[p->in_port].mac)
		return PL_DROP_NOT_FOR_US + 1;
	return 0;
}

static bool
is_loopback6(const union pl_addr *a)
{
	return a->u64[0] == 0 && a->u32[2] == 0 && a->u32[3] == rte_cpu_to_be_32(1);
}

// RFC 4291 2.5.3, 2.7; RFC 7346: scopes 0 and 1 do not leave a node.
static int
check_addrs6(const struct pl_pkt *p)
{
	if (is_loopback6(&p->src) || p->src.v6[0] == 0xff)
		return PL_DROP_BAD_SOURCE + 1;
	if (is_loopback6(&p->dst) || (p->dst.v6[0] == 0xff && (p->dst.v6[1] & 0x0f) <= 1))
		return PL_DROP_BAD_DESTINATION + 1;
	return 0;
}

// PL_F_PLAIN.
static bool
is_plain(const struct pl_pkt *p)
{
	const uint16_t must = PL_F_L4;
	const uint16_t may = PL_F_HANDED;
	uint8_t tcp_flags;

	return (p->flags & ~may) == must && !p->past_raw && p->ttl > 1 && p->m->nb_segs == 1 &&
	       p->l4_off - p->l3_off == (p->family == 4 ? 20 : 40) &&
	       pl_plain_l4(rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l4_off), p->proto,
			   p->l4_len, &tcp_flags);
}

static int
input_one(const struct net_view *v, struct pl_pkt *p)
{
	int ret;

	if (p->origin == PL_FROM_WIRE) {
		ret = check_station(v, p);
		if (ret != 0)
			return ret;
	}
	// A reassembled packet had its headers made contiguous then, and keeps its seams.
	if (p->m->nb_segs > 1 && !(p->flags & PL_F_REASM) &&
	    rte_pktmbuf_data_len(p->m) < HEADERS_MAX && !net_pull(p->m, HEADERS_MAX))
		return PL_DROP_NO_MBUF + 1;
	ret = pl_parse(p);
	if (ret != 0)
		return ret;
	if (net_is_mcast(p->family, &p->dst) ||
	    (p->family == 4 && p->dst.v4 == RTE_BE32(0xffffffff)))
		p->flags |= PL_F_BCAST;
	if (is_plain(p))
		p->flags |= PL_F_PLAIN;
	if (p->family == 6 && p->origin == PL_FROM_WIRE)
		return check_addrs6(p);
	return 0;
}

// The whole form, for a packet that is not of the sort that nearly all are.
static __rte_noinline void
parse_any(struct pl_worker *w, const struct net_view *v, struct pl_burst *b, struct pl_pkt *p)
{
	int ret;

	if (unlikely(p->flags & PL_F_TX)) {
		net_tx_relay(w, b, p);
		return;
	}
	ret = input_one(v, p);
	if (likely(ret == 0))
		return;
	if (ret == PL_PARSE_ARP)
		relay_arp(w, b, p);
	else
		pl_drop(w, b, p, (enum pl_drop)(ret - 1));
}

// Nothing but a frame from the wire, though it comes from another worker.
static bool
is_bare(const struct pl_pkt *p)
{
	return p->origin == PL_FROM_WIRE && !p->past_raw && (p->flags & ~PL_F_HANDED) == 0;
}

// A burst while it is parsed.
struct parsed {
	bool plain;
	uint64_t checked; // by the ports: RTE_MBUF_F_RX_L4_CKSUM_GOOD while it is so for all
	unsigned n;	  // lines of the index to ask for
	const void *line[PL_AHEAD_AT_ONCE];
};

static __rte_always_inline void
parse_one(struct pl_worker *w, const struct net_view *v, struct pl_burst *b, unsigned i, bool bare,
	  struct parsed *all)
{
	struct pl_pkt *p = &b->pkt[i];
	uint8_t family = bare ? pl_parse_plain(p, v->port[p->in_port].mac) : 0;

	if (unlikely(family == 0)) {
		all->plain = false;
		parse_any(w, v, b, p);
	} else if (likely(w->ahead != NULL)) {
		all->checked &= p->m->ol_flags; // that bit stands in both words that say so
		if (likely(family == 4))
			pl_look_begin(w->ahead, p, 4, &b->look[i]);
		else
			pl_look_begin(w->ahead, p, 6, &b->look[i]);
		all->line[all->n++] = b->look[i].line;
	}
}

// The first stage: live[i] is pkt[i].
void
net_parse_run(struct pl_worker *w, const void *conf __rte_unused, struct pl_burst *b)
{
	const struct net_view *v = net_view(w->net->table);
	struct parsed all = {.plain = w->ahead != NULL, .checked = RTE_MBUF_F_RX_L4_CKSUM_GOOD};

	for (unsigned i = 0, n = b->n; i < n;) {
		const unsigned to = RTE_MIN(n, i + PL_AHEAD_AT_ONCE);

		all.n = 0;
		if (likely(b->wire)) {
			for (; i < to; i++)
				parse_one(w, v, b, i, true, &all);
		} else {
			for (; i < to; i++)
				parse_one(w, v, b, i, is_bare(&b->pkt[i]), &all);
		}
		for (unsigned k = 0; k < all.n; k++)
			rte_prefetch0(all.line[k]);
	}
	b->plain = all.plain;
	b->checked = all.checked != 0;
}

const struct pl_stage net_parse_stage = {"parse", net_parse_run, NULL};
