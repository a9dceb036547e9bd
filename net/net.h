#pragma once
// The network around the pipeline: ports, addresses, routes, neighbours, the host's twins, ICMP
// errors, fragments. What lives here is either per worker (struct net_core) or a table that the
// control thread changes and the workers read (struct net_table).
#include "config/policy.h"
#include "config/settings.h"
#include "pipeline/stage.h"
#include "pipeline/worker.h"

struct net_core;  // one per worker: tx buffers, reassembly, ICMP rate limits, packets that wait for
		  // a neighbour
struct net_table; // ports, addresses, routes, neighbours; one per gateway

// ---- the table: one writer (control thread), read by all workers, RCU (quiescent states of the
// worker loop)
struct net_port_info {
	char name[16];
	uint8_t mac[6];
	uint16_t mtu;
	bool up;
	bool has_twin;
};

struct net_table_conf {
	uint32_t routes4, routes6, neighbours;
	uint16_t n_workers;
	int socket;
	bool small; // tests: no 64 MiB of FIB tables, a slower look-up with the same results
	// Replay: nobody answers ARP and ND, so every neighbour is known by assumption (a MAC made
	// from its address, 02:00 + last four bytes) unless the configuration or the captures say
	// otherwise.
	bool assume_neighbours;
};
int net_table_create(struct net_table **out, const struct net_table_conf *conf);
void net_table_free(struct net_table *t);

// What rules may ask of it; lives as long as the table.
struct pl_net_ops;
const struct pl_net_ops *net_table_ops(const struct net_table *t);

// All of these: control thread. 0 or -errno.
int net_table_set_port(struct net_table *t, uint8_t port, const struct net_port_info *info);
int net_table_add_addr(struct net_table *t, uint8_t port,
		       const struct cfg_prefix *addr); // with its connected route
int net_table_del_addr(struct net_table *t, uint8_t port, const struct cfg_prefix *addr);
int net_table_add_route(struct net_table *t, const struct cfg_prefix *to,
			const struct cfg_prefix *via, uint8_t port,
			bool blackhole); // port PL_PORT_NONE: found from via
int net_table_del_route(struct net_table *t, const struct cfg_prefix *to);
int net_table_set_neigh(struct net_table *t, uint8_t port, const struct cfg_prefix *addr,
			const uint8_t lladdr[6], bool permanent);
int net_table_del_neigh(struct net_table *t, uint8_t port,
			const struct cfg_prefix *addr); // failed or gone
// Does what a worker that stood still has kept from the routes (they were changed all the same, but
// for those that had to wait for it). Now and then.
void net_table_settle(struct net_table *t);
// Neighbours that workers want resolved since the last call (bounded, each once per second).
unsigned net_table_wanted(struct net_table *t, struct cfg_prefix *addr, uint8_t *port,
			  unsigned max);
// All of a settings file: addresses, routes, neighbours. Errors with their line to err.
int net_table_load(struct net_table *t, const struct cfg_settings *s, struct cfg_err *err);

// Primary address of a port (nat's hook). Worker's thread.
bool net_port_addr(const struct pl_worker *w, uint8_t port, uint8_t family,
		   const union pl_addr *dst, union pl_addr *out);

// ---- per worker
//
// tx: how the last stage gives frames away; the twin's is the same with host true.
struct net_tx {
	uint16_t (*burst)(void *ctx, uint16_t queue, struct rte_mbuf **m,
			  uint16_t n); // NULL: no such port
	void *ctx;
	uint16_t queue;
	// A port with fewer tx queues than workers: frames go through the ring of this worker
	// instead.
	bool via_worker;
	uint16_t worker;
};
struct net_core_conf {
	struct net_table *table;
	uint32_t fragments; // datagrams in reassembly
	bool replay;	    // with assume_neighbours
};
int net_core_create(struct net_core **out, const struct net_core_conf *conf, uint16_t worker,
		    int socket);
void net_core_free(struct net_core *n);
void net_core_set_tx(struct net_core *n, uint8_t port, bool host, const struct net_tx *tx);

// What a policy says of reassembly (Linux's sysctls ipfrag_* and nf_conntrack_frag6_*), [0]: IPv4,
// [1]: IPv6. Immutable once published.
struct net_frag_conf {
	uint64_t time_ns[2]; // from a datagram's first fragment on
	uint64_t high[2]; // bytes of buffers of one worker, above which no datagram is begun; 0: no
			  // limit
	uint32_t max_dist; // ipfrag_max_dist; 0: never
};
// settings NULL: defaults.
void net_frag_conf_init(struct net_frag_conf *conf, const struct cfg_conntrack *settings,
			unsigned n_workers);

// ---- stages
//
// - net_parse: pl_parse(); ARP goes between wire and twin as it is; frames for other stations are
//   dropped.
// - net_defrag: collects fragments (both families); the whole datagram goes on, to its owner. conf:
//   struct net_frag_conf, or NULL for defaults.
// - net_route: wire packets: local or forward (next hop, hop limit checked and lowered, MTU, ICMP
//   errors, as Linux does before the FORWARD hook); host packets keep the twin's port unless DNAT
//   moved the destination. pkt->ttl stays what was received.
// - net_reject: builds the answer of REJECT (ICMP error or TCP reset) and ends the packet
//   (PL_DROP_REJECT).
// - net_exit: where DNAT in OUTPUT moved the destination, out_port becomes the one that the route
//   chose, for POSTROUTING.
// - net_output: fragments where larger than the MTU, link header, neighbour, tx; path INPUT: up
//   the twin.
// - net_known: the short way (pipeline/way.h); hop limit, link header and tx of the burst's known
//   packets.
extern const struct pl_stage net_parse_stage, net_defrag_stage, net_route_stage, net_exit_stage,
	net_reject_stage, net_output_stage, net_known_stage;
void net_known_run(struct pl_worker *w, const void *conf, struct pl_burst *b);
void net_parse_run(struct pl_worker *w, const void *conf, struct pl_burst *b);
void net_defrag_run(struct pl_worker *w, const void *conf, struct pl_burst *b);
void net_route_run(struct pl_worker *w, const void *conf, struct pl_burst *b);
void net_exit_run(struct pl_worker *w, const void *conf, struct pl_burst *b);
void net_reject_run(struct pl_worker *w, const void *conf, struct pl_burst *b);
void net_output_run(struct pl_worker *w, const void *conf, struct pl_burst *b);

// ICMP errors: quotes p, attaches p's flow as RELATED in the other direction, rate limited as Linux
// does, never about an ICMP error, a later fragment, a multicast or a broadcast. type and code of
// p's family. info: MTU for "too big"/"fragmentation needed", else 0. The packet p is left to the
// caller.
void net_icmp_error(struct pl_worker *w, struct pl_pkt *p, uint8_t type, uint8_t code,
		    uint32_t info);

// Sends what is in the tx buffers, reassembly and neighbour timers. It is net_output_stage's idle
// function.
void net_flush(struct pl_worker *w);
