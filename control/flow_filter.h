#pragma once
// Which flows a request asks for. The members of a request that say so are those of conntrack(8)'s
// options; docs/control-protocol.md lists them.
#include "control/ctl_int.h"

struct ctl_flow_net {
	union pl_addr addr;
	uint8_t family; // 0: any
	uint8_t len;	// prefix length in bits
};

struct ctl_flow_filter {
	bool any;	// nothing was asked for: all flows
	uint8_t family; // 4, 6; 0: both
	int proto;	// -1: any
	// By direction: enum ct_dir.
	struct ctl_flow_net src[2], dst[2];
	int sport[2], dport[2];		     // host order; -1: any
	int zone[2];			     // -1: any
	int icmp_type, icmp_code, icmp_id;   // -1: any
	uint32_t mark, mark_mask;	     // mark & mark_mask == mark
	uint64_t label[PL_FLOW_LABELS / 64]; // all that must be set
	int tcp_state;			     // enum ct_tcp_state; -1: any
	uint32_t status_on;		     // enum ct_status bits that must be set
	uint32_t status_off;		     // and that must not be
	bool snat, dnat, nat;		     // translated, and into one of these addresses
	struct ctl_flow_net snat_to, dnat_to, nat_to;
};

// The members of a request that a filter may have, for a command's table.
extern const struct ctl_arg ctl_flow_filter_arg[];
extern const size_t ctl_flow_filter_n_arg;

// From the request's members. 0, or -EINVAL with ctl_fail() said.
int ctl_flow_filter_parse(struct ctl_client *cl, const json_t *request, struct ctl_flow_filter *f);
bool ctl_flow_filter_wants(const struct ctl_flow_filter *f, const struct ct_flow *flow);
