#pragma once
// Inside of the network table: what net/'s own files share. Other rooms see net/net.h only.
//
// One writer, the control thread; the workers read with no lock. Four things are read, each with a
// scheme of its own:
//   view    ports and addresses, a few kilobytes. Immutable; a change makes a new one, publishes
//   the pointer,
//           waits for the workers (pl_rcu_wait) and frees the old one.
//   fib     longest-prefix tables, tens of megabytes. Left and right: readers use the active one,
//   the writer
//           changes the other, publishes it, and repeats the change on the first once no reader is
//           left there. rte_fib alone would not do: it clears and reuses second-level groups while
//           a reader is inside.
//   nh      next hops, a fixed array. An entry is written before a fib names it and reused only
//   after a wait. neigh   neighbours, a fixed array with hash chains. The link address and its
//   validity are one 64-bit word,
//           so that no reader ever sees half of it.
#include <stdatomic.h>

#include <rte_fib.h>
#include <rte_fib6.h>

#include "net/net.h"
#include "pipeline/net_ops.h"

// ---- next hops
enum net_nh_type {
	NET_T_NONE,
	NET_T_BLACKHOLE,
	NET_T_LOCAL,
	NET_T_BCAST,
	NET_T_ASIS,
	NET_T_TWIN,
	NET_T_LINK,
	NET_T_GATEWAY
};

// Fixed indices. What pl_pkt.next_hop holds.
enum {
	NET_NH_NONE = NET_T_NONE,	    // no route
	NET_NH_BLACKHOLE = NET_T_BLACKHOLE, // drop in silence
	NET_NH_LOCAL = NET_T_LOCAL,	    // an address of ours
	NET_NH_BCAST = NET_T_BCAST,	    // broadcast address of a subnet of ours
	NET_NH_ASIS = NET_T_ASIS, // the frame's link header is right already (from the host)
	NET_NH_TWIN = NET_T_TWIN, // to our own host: up the twin of the port that has the address
	NET_NH_LINK = 8,	  // + 5 * port + class: the destination is a neighbour on the port
	NET_NH_FIRST_GW = NET_NH_LINK + 5 * (PL_PORT_MAX + 1),
	NET_NH_CAP = 16384, // two-byte fib entries hold up to 32767
};

struct net_nh {
	uint8_t type; // enum net_nh_type
	uint8_t port;
	uint8_t family;	  // GATEWAY: of gw
	uint8_t rl_class; // (128 - prefix length) / 32 of an IPv6 route: Linux allows wide prefixes
			  // more ICMP errors
	uint32_t neigh;	  // GATEWAY: its neighbour entry, never 0
	union pl_addr gw;
	uint32_t refs; // control thread only: prefixes that use it
	uint32_t next_free;
};

// ---- neighbours
#define NET_MAC_VALID (1ull << 63)
struct net_neigh {
	union pl_addr addr;
	_Atomic uint64_t
		mac; // bytes of the address in memory order in the low 48 bits, NET_MAC_VALID
	_Atomic uint32_t next; // chain of the hash bucket; 0: end
	uint8_t port, family;
	bool permanent; // control thread only, as the rest
	uint32_t refs;	// gateways that point here
	uint32_t next_free;
};

// ---- ports and addresses
struct net_addr {
	union pl_addr addr;
	uint8_t family, port, len;
	bool link_local; // fe80::/10
};

struct net_view_port {
	struct net_port_info info;
	bool present;
	uint64_t mac;		 // as in struct net_neigh
	union pl_addr ll;	 // fe80:: and the EUI-64 of the MAC
	uint16_t first[2], n[2]; // of view->addr: IPv4, IPv6
};

#define NET_GROUPS 128 // joined multicast groups, of all ports
struct net_group {
	union pl_addr addr;
	uint8_t port, family;
};

// An address that is ours in some way: our own, a subnet's broadcast or anycast address.
struct net_kin {
	union pl_addr addr;
	uint8_t family, port;
	uint8_t type; // LOCAL, BROADCAST or ANYCAST of enum pl_addr_type; 0: empty
};

struct net_view {
	struct net_view_port port[PL_PORT_MAX + 1];
	unsigned n_addr;
	struct net_addr *addr; // by port, IPv4 before IPv6, in the order they were added
	// Open hash of our own IPv4 addresses, which cannot be a source on the wire.
	uint32_t own_mask;
	rte_be32_t *own; // 0: empty
	uint32_t kin_mask;
	struct net_kin *kin; // open hash (net/kin.c); an address has an entry per type and port
	unsigned n_group;
	struct net_group group[NET_GROUPS];
	struct net_view *before; // which a worker that stands still may yet look at
};

struct net_fibs {
	struct rte_fib *v4;
	struct rte_fib6 *v6;
};

// ---- the control thread's book of prefixes
struct net_prefix {
	struct net_prefix *next;
	union pl_addr addr;
	uint8_t family, len;
	uint16_t n_local, n_bcast;
	uint16_t n_link;
	uint8_t *link;	 // ports whose address makes this prefix connected, in order
	uint16_t user;	 // next hop of the route added by net_table_add_route; NET_NH_NONE: none
	uint16_t in_fib; // next hop that the fib has now
};

struct net_pending_op {
	bool used, add;
	uint8_t family, len;
	union pl_addr addr;
	uint16_t nh;
};

#define NET_WANT_RING 64
struct net_want {
	union pl_addr addr;
	uint8_t port, family;
};
struct net_want_ring { // one worker writes, the control thread reads
	_Atomic uint32_t head __rte_cache_aligned;
	_Atomic uint32_t tail __rte_cache_aligned;
	struct net_want want[NET_WANT_RING];
} __rte_cache_aligned;

#define NET_ASKED 128
struct net_table {
	// read by workers
	_Atomic(struct net_view *) view;
	_Atomic(struct net_fibs *) fib;
	struct net_nh *nh;
	struct net_neigh *neigh; // [0] is not used
	_Atomic uint32_t *bucket;
	uint32_t bucket_mask;
	uint32_t seed;
	bool assume;
	struct pl_net_ops ops;
	// control thread only
	struct net_table_conf conf;
	struct net_fibs side[2];
	struct net_pending_op pending; // done on the active side only
	struct net_addr *addr;
	unsigned n_addr, addr_cap;
	struct net_group group[NET_GROUPS];
	unsigned n_group;
	struct net_prefix **book;
	uint32_t book_mask;
	bool late;			      // some prefix is not in the fib as the book has it
	uint32_t n_neigh;		      // capacity
	uint32_t nh_fresh, nh_free, nh_limbo; // never used yet; reusable; reusable after a wait
	uint32_t neigh_fresh, neigh_free, neigh_limbo;
	struct net_want_ring *wanted; // [n_workers]
	struct {
		struct net_want want;
		uint64_t at_ns;
	} asked[NET_ASKED]; // what net_table_wanted() gave out lately
	unsigned asked_next;
};

#define NET_DEFAULT_MTU	 1500 // of a port that nobody described
#define NET_IPV6_MIN_MTU 1280
static inline uint16_t
net_mtu(const struct net_view *v, uint8_t port, uint8_t family)
{
	uint16_t mtu = v->port[port].info.mtu != 0 ? v->port[port].info.mtu : NET_DEFAULT_MTU;

	return family == 6 && mtu < NET_IPV6_MIN_MTU ? NET_IPV6_MIN_MTU : mtu;
}

static inline const struct net_view *
net_view(const struct net_table *t)
{
	return atomic_load_explicit(&t->view, memory_order_acquire);
}

static inline const struct net_fibs *
net_fibs(const struct net_table *t)
{
	return atomic_load_explicit(&t->fib, memory_order_acquire);
}

// ---- net/fib.c (control thread)
int net_fib_open(struct net_table *t);
void net_fib_close(struct net_table *t);
int net_fib_set(struct net_table *t, uint8_t family, const union pl_addr *addr, uint8_t len,
		uint16_t nh); // nh 0: delete
// Look-ups; any thread.
uint16_t net_fib_lookup(const struct net_table *t, uint8_t family, const union pl_addr *addr);

// ---- net/nexthop.c (control thread)
void net_nh_init(struct net_table *t);
uint16_t net_nh_link(uint8_t port, uint8_t family, uint8_t prefix_len);
int net_nh_gateway(struct net_table *t, uint8_t port, uint8_t family, const union pl_addr *gw,
		   uint8_t prefix_len,
		   uint16_t *out); // takes a reference
void net_nh_put(struct net_table *t, uint16_t nh);

// ---- net/neigh.c
// Any thread: index or 0.
uint32_t net_neigh_find(const struct net_table *t, uint8_t port, uint8_t family,
			const union pl_addr *addr);
// Control thread: finds or makes the entry.
int net_neigh_get(struct net_table *t, uint8_t port, uint8_t family, const union pl_addr *addr,
		  uint32_t *out);
void net_neigh_put(struct net_table *t, uint32_t index); // a gateway's reference goes
// Worker: asks the control thread to have addr resolved; a full ring is no error, the worker asks
// again.
void net_neigh_want(struct net_table *t, uint16_t worker, uint8_t port, uint8_t family,
		    const union pl_addr *addr);
static inline uint64_t
net_neigh_mac(const struct net_neigh *e)
{
	return atomic_load_explicit(&e->mac, memory_order_acquire);
}
static inline uint64_t
net_mac_word(const uint8_t mac[6])
{
	uint64_t word = 0;

	memcpy(&word, mac, 6);
	return word | NET_MAC_VALID;
}
// The MAC that a neighbour is assumed to have (replay).
uint64_t net_neigh_assumed(uint8_t family, const union pl_addr *addr);

// ---- net/book.c (control thread): which routes a prefix has, and which of them counts
enum net_book_kind { NET_BOOK_LOCAL, NET_BOOK_BCAST, NET_BOOK_LINK };
int net_book_add(struct net_table *t, enum net_book_kind kind, uint8_t family,
		 const union pl_addr *addr, uint8_t len, uint8_t port);
void net_book_del(struct net_table *t, enum net_book_kind kind, uint8_t family,
		  const union pl_addr *addr, uint8_t len, uint8_t port);
// nh with the caller's reference, which the book keeps; NET_NH_NONE removes (-ESRCH where there is
// none).
int net_book_route(struct net_table *t, uint8_t family, const union pl_addr *addr, uint8_t len,
		   uint16_t nh);
void net_book_free(struct net_table *t);

// ---- net/view.c
// Control thread: a new view from the one before, t->addr, and info of port (NULL: nothing new
// about ports).
int net_view_publish(struct net_table *t, uint8_t port, const struct net_port_info *info);
void net_view_leave(struct net_view *v); // frees those before it
void net_view_free(struct net_view *v);	 // itself; NULL is fine
bool net_view_own4(const struct net_view *v, rte_be32_t addr);
// fe80::/10 only: is it the port's?
bool net_view_link_local(const struct net_view *v, uint8_t port, const union pl_addr *addr);
// Is it a solicited-node multicast address (ff02::1:ff00:0/104) of one of the port's addresses?
bool net_view_solicited(const struct net_view *v, uint8_t port, const union pl_addr *addr);
// ---- net/kin.c (control thread)
int net_kin_fill(struct net_view *v); // from v's addresses and ports; 0 or -ENOMEM
void net_kin_ops(struct net_table *t);
// ---- net/groups.c
int net_table_set_groups(struct net_table *t, const struct net_group *list, unsigned n); // control
// Does a packet to this group from this port go up to the host?
bool net_view_joined(const struct net_view *v, uint8_t port, uint8_t family,
		     const union pl_addr *addr);

// Source address on a port towards next_hop (gateway or destination; NULL: the first one).
bool net_view_source(const struct net_view *v, uint8_t port, uint8_t family,
		     const union pl_addr *next_hop, union pl_addr *out);

// The port that has the address; dflt where that is one of those that have it, or none has.
uint8_t net_view_owner(const struct net_view *v, uint8_t family, const union pl_addr *addr,
		       uint8_t dflt);

// ---- addresses (net/view.c)
void net_addr_mask(union pl_addr *a, uint8_t family, uint8_t len);
bool net_addr_in(const union pl_addr *a, const union pl_addr *prefix, uint8_t family, uint8_t len);
static inline bool
net_is_link_local6(const union pl_addr *a)
{
	return a->v6[0] == 0xfe && (a->v6[1] & 0xc0) == 0x80;
}
static inline bool
net_is_mcast(uint8_t family, const union pl_addr *a)
{
	return family == 4 ? (a->v6[0] & 0xf0) == 0xe0 : a->v6[0] == 0xff;
}
