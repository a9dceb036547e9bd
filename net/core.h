#pragma once
// Inside of one worker's network block: what net/'s stages share. Only the worker's thread touches
// it.
#include <rte_ip.h>

#include "net/table.h"
#include "pipeline/csum.h"

// ---- tx buffers (net/tx.c)
#define NET_TX_BUF 64
struct net_txq {
	struct net_tx tx; // tx.burst NULL and not via_worker: no such port
	uint16_t n;
	struct rte_mbuf *m[NET_TX_BUF];
};

// ---- packets that wait for a neighbour (net/hold.c)
#define NET_HOLD_WAYS	  4
#define NET_HOLD_SETS	  64
#define NET_HOLD_ENTRIES  (NET_HOLD_WAYS * NET_HOLD_SETS)
#define NET_HOLD_PACKETS  1024 // of one worker
#define NET_HOLD_PER_HOST 64   // of one neighbour: a 64 KiB datagram in fragments of 1500 fits
#define NET_HOLD_NS	  3000000000ull
struct net_hold_entry {
	union pl_addr addr;
	uint64_t since_ns, asked_ns;
	uint8_t port, family;
	uint16_t n;	      // 0: entry is free
	uint16_t first, last; // of net_hold.slot
};
struct net_hold {
	struct net_hold_entry entry[NET_HOLD_ENTRIES];
	struct {
		struct rte_mbuf *m;
		uint16_t next;
		uint8_t origin;
	} slot[NET_HOLD_PACKETS];
	uint16_t free_slot; // NET_HOLD_PACKETS: none
	uint16_t n_entries, n_packets;
	uint16_t cursor;
};

// ---- reassembly (net/frag_in.c)
#define NET_FRAGS_PER_DGRAM 256
struct net_dgram {
	union pl_addr src, dst;
	uint32_t id;
	uint8_t family, proto, origin,
		port;	 // proto: IPv4 only; port: IPv6 link-local and multicast only
	uint8_t in_port; // of the first fragment
	bool have_first, have_last;
	uint8_t ecn; // bit n: a fragment had ECN field n
	uint16_t n;
	uint16_t l4_off; // in the first fragment: where its part of the payload starts
	uint16_t max_size, max_df_size;
	uint32_t len, meat;
	uint64_t since_ns; // the first fragment came
	uint32_t rid;	   // of the source's fragments, the last one of this datagram's
	uint32_t source_born;
	struct rte_mbuf *head, *tail; // by offset; chained through mbuf->next, nb_segs 1 each
	uint32_t hash_next;
	uint32_t older, newer; // in the order of their times, a list for each family
};
// How many fragments an IPv4 source has sent; the one that was silent for longest makes way.
#define NET_FRAG_SOURCE_WAYS 4
#define NET_FRAG_SOURCE_SETS 256
struct net_frag_source {
	uint32_t addr; // 0: free
	uint32_t sent;
	uint32_t born, last; // of the worker's fragments, counted from 1
};
struct net_frags {
	struct net_dgram *dgram; // [0] is not used
	uint32_t *bucket;
	uint32_t bucket_mask, seed;
	uint32_t max, free;
	uint32_t oldest[2], newest[2];
	uint32_t n_dgram, n_mbuf, max_mbuf;
	uint32_t n_of[2];    // of n_mbuf, by family
	uint32_t mbuf_bytes; // that one takes
	uint32_t seen;	     // IPv4 fragments
	struct net_frag_conf conf;
	struct net_frag_source source[NET_FRAG_SOURCE_SETS][NET_FRAG_SOURCE_WAYS];
};

// ---- ICMP rate limits (net/limit.c)
#define NET_PEER_WAYS 4
#define NET_PEER_SETS 256
struct net_peer {
	uint64_t key; // keyed hash of family and address; 0: free
	uint64_t last_ns;
	uint64_t tokens_ns;
};
struct net_limit {
	uint64_t seed;
	uint64_t global_last_ns, global_tokens_ns;
	struct net_peer peer[NET_PEER_SETS][NET_PEER_WAYS];
};

struct net_core {
	struct net_table *table;
	uint16_t worker;
	bool learn;	   // replay: neighbours are taken from the captures' ARP and ND
	uint64_t dirty[2]; // ports with frames in q[host]
	struct net_txq q[2][PL_PORT_MAX + 1];
	uint32_t ident; // of IP packets made here
	struct net_hold hold;
	struct net_frags frags;
	struct net_limit limit;
};

// ---- net/tx.c
static inline bool
net_tx_there(const struct net_core *n, uint8_t port, bool host)
{
	const struct net_tx *tx = &n->q[host][port].tx;

	return tx->burst != NULL || tx->via_worker;
}
void net_tx_full(struct pl_worker *w, uint8_t port, bool host); // sends what is buffered
static inline void
net_tx_put(struct pl_worker *w, uint8_t port, bool host, struct rte_mbuf *m)
{
	struct net_core *n = w->net;
	struct net_txq *q = &n->q[host][port];

	q->m[q->n++] = m;
	n->dirty[host] |= 1ull << port;
	if (unlikely(q->n == NET_TX_BUF))
		net_tx_full(w, port, host);
}
void net_tx_flush(struct pl_worker *w);
// A finished frame from another worker (PL_F_TX).
void net_tx_relay(struct pl_worker *w, struct pl_burst *b, struct pl_pkt *p);

// ---- net/output.c: where a packet goes, resolved
struct net_out {
	uint8_t port;
	bool host;    // up the twin of port
	bool keep_l2; // the link header is right already
	uint8_t family;
	uint8_t origin;	    // enum pl_origin of the packet
	uint64_t dmac;	    // destination, or 0: not known yet, wait for addr
	union pl_addr addr; // next hop
};
// Next hop's address of p->next_hop on out->port and, where it is known, its MAC.
void net_resolve(const struct net_table *t, const struct pl_pkt *p, struct net_out *out);
void net_note_sent(struct pl_pkt *p, uint8_t egress, bool to_host); // p->note is there
// Both addresses of a frame's link header.
struct net_link_addrs {
	uint8_t dst[6], src[6];
};
// From what net_mac_word() made.
static inline struct net_link_addrs
net_link_addrs(uint64_t dmac, uint64_t smac)
{
	struct net_link_addrs a;

	memcpy(a.dst, &dmac, sizeof(a.dst));
	memcpy(a.src, &smac, sizeof(a.src));
	return a;
}
// Link header and tx buffer, or into the waiting room.
void net_out_frame(struct pl_worker *w, const struct net_out *out, struct rte_mbuf *m);

// ---- net/frag_out.c
// Splits the IP packet of m (l3 at l3_off) and gives each part to net_out_frame(). Takes m. limit:
// largest part.
void net_frag_out(struct pl_worker *w, const struct net_out *out, struct rte_mbuf *m,
		  uint8_t family, uint16_t l3_off, uint16_t limit);

// ---- net/hold.c
void net_hold_init(struct net_hold *h);
void net_hold_put(struct pl_worker *w, const struct net_out *out, struct rte_mbuf *m);
void net_hold_idle(struct pl_worker *w);
void net_hold_free(struct net_hold *h);

// ---- net/frag_in.c
int net_frags_init(struct net_frags *f, uint32_t max, int socket);
void net_frags_idle(struct pl_worker *w);
void net_frags_free(struct net_frags *f);

// ---- net/frag_bound.c
// Counts a fragment of d's source that d will take. Did the source send so many fragments of other
// datagrams since the last one of this that it may have used its identification a second time?
bool net_frag_too_far(struct net_frags *f, struct net_dgram *d);

// ---- net/limit.c
void net_limit_init(struct net_limit *l);
// extra: one more token is taken, and the bucket holds five, as Linux does for packets without a
// route.
bool net_limit_peer(struct net_limit *l, uint64_t now_ns, uint8_t family, const union pl_addr *peer,
		    uint64_t cost_ns, bool extra);
bool net_limit_global(struct net_limit *l, uint64_t now_ns, uint16_t n_workers);

// ---- net/icmp.c: as info of net_icmp_error(): the packet had no route, which Linux limits twice
#define NET_ICMP_NO_ROUTE UINT32_MAX

// ---- net/route.c
void net_lower_hop_limit(struct pl_pkt *p);
// The same to an IP header; hop limit at least 1.
static inline void
net_lower_hop_limit_at(void *l3, uint8_t family)
{
	struct rte_ipv4_hdr *ip = l3;

	if (family == 6) {
		((struct rte_ipv6_hdr *)l3)->hop_limits--;
		return;
	}
	// The word of time to live and protocol gets less by one in its first byte; ~from + to is
	// then always the same (RFC 1624).
	ip->time_to_live--;
	ip->hdr_checksum = (uint16_t)~pl_csum_fold((uint16_t)~ip->hdr_checksum +
						   (uint32_t)(uint16_t)~RTE_BE16(0x0100));
}
struct net_path {
	uint8_t port;	   // PL_PORT_NONE: local
	uint16_t nh;	   // index
	union pl_addr src; // own address to speak from
	bool has_src;
};
// Where would a packet of our own to dst go, and from which address? scope: the port for link-local
// addresses.
bool net_path_to(const struct pl_worker *w, uint8_t family, const union pl_addr *dst, uint8_t scope,
		 struct net_path *out);

// ---- net/contig.c
// Makes the first want bytes of the frame (or all of it) contiguous. False: no room in the first
// buffer.
bool net_pull(struct rte_mbuf *m, uint32_t want);
