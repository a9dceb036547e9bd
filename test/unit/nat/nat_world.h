#pragma once
// A small gateway for nat's stage tests: real parser, steering, conntrack and nat between a toy nat
// table and a toy route. Ports: 0 lan 192.168.1.1 fd00::1, 1 wan 203.0.113.1 2001:db8:ffff::1, 2
// dmz 10.0.0.1 (no IPv6).
#include "nat/nat.h"
#include "nat/nat_rewrite.h"
#include "test/unit/nat/nat_frames.h"

enum { LAN, WAN, DMZ };
#define NW_WORKERS 8

struct nw_out { // one packet that came out, in order
	struct rte_mbuf *m;
	struct pl_pkt p; // as the last stage saw it; p.m is NULL
	uint16_t worker;
};

struct nw_rule {	// of the toy nat table; the first that fits counts
	uint8_t side;	// enum nat_side
	int in, out;	// port, -1: any
	uint8_t proto;	// 0: any
	uint16_t dport; // 0: any
	struct pl_nat_rule rule;
};

struct nat_world {
	struct pl_worker *w[NW_WORKERS];
	unsigned n;
	const struct nw_rule *rules;
	unsigned n_rules;
	struct nw_out out[512];
	unsigned n_out;
	uint64_t now_ns;
	bool wan_has_no_addr;
	bool reject;			// what is forwarded is answered by a TCP reset and dropped
	int move_out;			// 1 + port by which everything leaves, 0: by route
	const struct cfg_t_ct *ct_rule; // what raw says of every packet; NULL: nothing
};
extern struct nat_world nw;

void nw_up(unsigned workers, enum cfg_port_selection sel, const struct nw_rule *rules,
	   unsigned n_rules);
void nw_down(void);		    // checks that every mbuf came back
void nw_end_flows(unsigned worker); // all of its flows, freed at the end of its turn
void nw_end_all(void);		    // those of all workers

// One frame into the worker that its hash calls for / into worker `at`; everything runs until
// quiet. Returns what came out of it, or NULL where nothing did (then *reason says which drop
// counter moved).
struct nw_out *nw_send(struct rte_mbuf *m, uint8_t port, uint8_t origin, enum pl_drop *reason);
struct nw_out *nw_send_at(unsigned at, struct rte_mbuf *m, uint8_t port, uint8_t origin,
			  enum pl_drop *reason);
struct nw_out *nw_packet(const struct tl_spec *s, uint8_t port); // from the wire; must come out
enum pl_drop nw_lost(const struct tl_spec *s, uint8_t port);	 // from the wire; must not
// The packet that answers o.
struct tl_spec nw_answer(const struct nw_out *o);
// "192.168.1.2:4000>198.51.100.7:80", for comparing.
const char *nw_text(const struct nw_out *o);
// A packet of the gateway's own, about the flow of the packet that the last stage saw as o.
struct nw_out *nw_own(struct rte_mbuf *m, const struct nw_out *o, uint8_t ct_dir);
