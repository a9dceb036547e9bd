#pragma once
// What the acl unit tests share: a policy from iptables-save text, compiled and linear, and one
// packet through one stage of both, which must agree.
#include <criterion/criterion.h>
#include <netinet/in.h>

#include "acl/acl_int.h"
#include "flows.h"
#include "test/lib/tl.h"

struct at { // a policy under test
	struct cfg_policy *model;
	struct acl_policy *compiled, *linear;
	struct acl_sets *sets[2]; // of compiled, of linear: each changes its own
	struct pl_worker *w[2];
};

extern const char *const at_port[3]; // lan, wan, eth1

// text: rules of one family. Fails the test where it does not load.
void at_open(struct at *t, enum cfg_family family, const char *text);
// The same with sets, from text as of `ipset save`.
void at_open_sets(struct at *t, enum cfg_family family, const char *text, const char *sets);
// A line of ipset's words, carried out on both; what was said where it was refused, else NULL (to
// be freed).
char *at_set(struct at *t, const char *line);
void at_close(struct at *t);

struct at_way { // of a packet; all zero: from the wire, FORWARD, in lan, out wan, NEW
	uint8_t origin, path;
	uint8_t in, out;  // port + 1; 0: lan, wan; AT_NONE: no interface
	uint8_t ct_state; // 0: NEW; AT_NONE: none yet
	uint8_t ct_status;
	uint16_t flags;	     // to add
	uint16_t cut;	     // bytes of L4 that are left, + 1; 0: all
	uint8_t data_off;    // TCP header words to claim; 0: as made
	struct ct_entry *ct; // flows.h
	uint8_t ct_dir;
	const struct cfg_t_ct *ct_rule;
	uint32_t mark;
};
#define AT_NONE 255

struct at_result {
	bool gone;
	uint8_t drop; // enum pl_drop, where gone
	uint8_t reject;
	bool has_nat;
	struct pl_nat_rule nat;
	struct pl_note note; // as it was before, where nothing was noted
};
// One packet through the point of both policies, with worker `worker`'s counters (0 or 1).
struct at_result at_judge(struct at *t, enum acl_point point, const struct tl_spec *s,
			  const struct at_way *way, unsigned worker);

// Packets that the rule (1-based, of the model's family) of a chain counted; 0: the policy. Both
// policies must agree.
uint64_t at_packets(struct at *t, enum cfg_table_id table, const char *chain, unsigned rule);
uint64_t at_bytes(struct at *t, enum cfg_table_id table, const char *chain, unsigned rule);
