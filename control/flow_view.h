#pragma once
// A flow as JSON, and the names of protocols in it.
#include <jansson.h>

#include "conntrack/ct.h"

int ctl_flow_protocol(const char *name); // "tcp" to 6; -1: not one with a name
// Are the tuple's sport and dport ports? Else they are an ICMP identifier, or nothing.
bool ctl_flow_has_ports(uint8_t proto);
bool ctl_flow_has_id(uint8_t proto); // ICMP's identifier, type and code

json_t *ctl_flow_view(const struct ct_flow *flow); // NULL: out of memory
