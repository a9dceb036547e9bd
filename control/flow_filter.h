#pragma once
// Which flows a request asks for, and a flow as JSON.
#include <jansson.h>

#include "conntrack/ct.h"

struct ctl_client;

struct ctl_flow_filter {
	uint8_t family;	  // 4, 6; 0: both
	int proto;	  // -1: any
	int sport, dport; // host order; -1: any
	struct {
		union pl_addr addr;
		uint8_t family; // 0: any
		uint8_t len;	// prefix length in bits
	} src, dst;
	int tcp_state;	     // enum ct_tcp_state; -1: any
	uint32_t status_on;  // enum ct_status bits that must be set
	uint32_t status_off; // and that must not be
};

// From the request's members. 0, or -EINVAL with ctl_fail() said.
int ctl_flow_filter_parse(struct ctl_client *cl, const json_t *request, struct ctl_flow_filter *f);
bool ctl_flow_filter_wants(const struct ctl_flow_filter *f, const struct ct_flow *flow);

json_t *ctl_flow_view(const struct ct_flow *flow);
