#pragma once
// Translation: what a flow's packets look like on the other side. Chooses addresses and ports for a
// flow's first packet, rewrites every packet (headers, checksums, the packets quoted in ICMP
// errors).
#include "conntrack/ct.h"
#include "pipeline/stage.h"
#include "pipeline/worker.h"

struct nat_core; // one per worker

// Addresses of the ports, for MASQUERADE and REDIRECT; made by net, immutable, swapped whole.
// The address of a port for a family, as inet_select_addr()/ipv6_dev_get_saddr() would choose for
// packets to dst, or its first one where dst is NULL; false where there is none. Provided by net/
// (see net/net.h) through this hook so that nat need not know net.
struct nat_env {
	bool (*port_addr)(const struct pl_worker *w, uint8_t port, uint8_t family,
			  const union pl_addr *dst, union pl_addr *out);
	// The egress that a packet to dst will take (for SNAT of locally made packets); unused by
	// wire packets.
	enum cfg_port_selection port_selection; // where the policy's is CFG_PORTS_DEFAULT
	uint32_t flows;				// about how many this worker will have; 0: 65536
};

// Seeds itself from the system. 0, -ENOMEM, -EIO. Main thread.
int nat_core_create(struct nat_core **out, const struct nat_env *env, uint16_t worker, int socket);
// After the worker's conntrack table was freed, whose flows call nat as they go (where it goes
// first, w->nat must be NULL by then). NULL is fine.
void nat_core_free(struct nat_core *n);
// Joins the mappings of all workers (w[i]->nat, in the order of their ids). Control thread, before
// the workers run; not needed with one worker. 0 or -ENOMEM with nothing joined.
int nat_join(struct pl_worker *const *w, unsigned n);
// From here on the same random choices in every run (replay, tests).
void nat_core_seed(struct nat_core *n, uint64_t seed);

// How many mappings the worker knows (nat_map.h). Owner's thread.
uint32_t nat_maps_count(const struct pl_worker *w);

// ---- how far public addresses are used up
#define NAT_USE_ROWS 512 // addresses, protocols and zones that a worker can tell apart
struct nat_use_view {
	union pl_addr addr; // what flows of this worker have as their source outside
	uint16_t zone;	    // of replies
	uint8_t family, proto;
	uint32_t ports; // or ICMP identifiers in use; one that serves several far ends counts once
	uint32_t room;	// how many the widest rule may use at the address; 0: no ports
	uint64_t flows; // SNAT's and MASQUERADE's
	uint64_t exhausted; // packets dropped because none was free
};
// Row `row` (below NAT_USE_ROWS) of a worker's table. False: nobody is in it. Any thread.
bool nat_use_read(const struct pl_worker *w, unsigned row, struct nat_use_view *out);
// Packets dropped for want of a port at addresses that had no row. Any thread.
uint64_t nat_use_other(const struct pl_worker *w);

// ---- an address goes away (MASQUERADE's flows go with it, as in netfilter)
// ------------------------------ Is e masqueraded behind this port, with this address (family 0:
// any)? Owner's thread.
bool nat_flow_uses_addr(const struct ct_table *t, const struct ct_entry *e, uint8_t port,
			uint8_t family, const union pl_addr *addr);
// End the flows masqueraded behind a port (the port went down), or behind one address of it (the
// address was taken away). Return how many. Owner's thread: control comes through pl_worker_call.
unsigned nat_flush_port(struct pl_worker *w, uint8_t port);
unsigned nat_flush_addr(struct pl_worker *w, uint8_t port, uint8_t family,
			const union pl_addr *addr);

// ---- stages
// -------------------------------------------------------------------------------------------
// nat_dst: after the nat table's PREROUTING/OUTPUT walk. First packets: binds the destination
// (DNAT,
//   REDIRECT, or nothing). Every packet of a flow with destination work: rewrites the destination
//   (original direction: DNAT; reply direction: undoes SNAT), ICMP errors inside and out.
// nat_src: after POSTROUTING (and nat INPUT): binds the source (SNAT, MASQUERADE, or nothing: a
// null binding
//   that still moves the port where the reply tuple is taken), reserves the reply tuple, rewrites
//   the source.
// nat_known: the short way (pipeline/way.h); both sides of the burst's known packets at once.
extern const struct pl_stage nat_dst_stage, nat_src_stage, nat_known_stage;
void nat_known_run(struct pl_worker *w, const void *conf, struct pl_burst *b);
void nat_dst_run(struct pl_worker *w, const void *conf, struct pl_burst *b);
void nat_src_run(struct pl_worker *w, const void *conf, struct pl_burst *b);

// What the program gives both stages as conf: the policy's NAT settings.
struct nat_conf {
	enum cfg_port_selection port_selection;
	uint64_t generation;
};
