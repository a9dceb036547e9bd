#pragma once
// Random policies and packets for the acl tests: small universes, so that rules meet packets and
// each other. Everything follows from one seed.
#include "acl/acl.h"
#include "acl/acl_sets.h"
#include "pipeline/worker.h"

struct rnd {
	uint64_t state;
};
uint64_t rnd_next(struct rnd *r);
unsigned rnd_below(struct rnd *r, unsigned n); // 0..n-1
bool rnd_one_in(struct rnd *r, unsigned n);

#define RND_PORTS 6
extern const char *const rnd_port_name[RND_PORTS];

// A sound policy: every table may be there, chains of both families, user chains without loops.
// big: now and then a chain of a few hundred rules.
struct cfg_policy *rnd_policy(struct rnd *r, bool big);
// Sets for the rules that name some; w: the one worker. The caller's.
struct acl_sets *rnd_sets(struct pl_worker *const *w);
// One random rule at the end of a chain of the table; `to` (may be NULL) can be jumped to.
void rnd_rule(struct rnd *r, struct cfg_chain *c, enum cfg_table_id table, const char *to);

// A parsed packet with random headers, origin, path, state; its buffer m must hold 256 bytes. All
// but m and note is set. flow: what is made up for the flow that it may have, which will be at
// `at`. Truncated headers, fragments, extension headers and TCP options are among them.
void rnd_packet(struct rnd *r, struct pl_pkt *p, struct rte_mbuf *m, struct ct_entry *flow,
		struct ct_entry *at);
void rnd_flow(struct rnd *r, struct ct_entry *e);
// One of the matches that ask about a flow, and such a target.
void rnd_conn_match(struct rnd *r, struct cfg_rule *rule);
void rnd_connmark(struct rnd *r, struct cfg_target *t);
