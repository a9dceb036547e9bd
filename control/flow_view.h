#pragma once
// A flow as JSON, and the names of protocols in it.
#include <jansson.h>

#include "conntrack/ct.h"

int ctl_flow_protocol(const char *name);	   // "tcp" to 6; -1: not one with a name
const char *ctl_flow_protocol_name(uint8_t proto); // "unknown" where it has none
// Are the tuple's sport and dport ports? Else they are an ICMP identifier, or nothing.
bool ctl_flow_has_ports(uint8_t proto);
bool ctl_flow_has_id(uint8_t proto); // ICMP's identifier, type and code

json_t *ctl_flow_view(const struct ct_flow *flow); // NULL: out of memory

// Words of an event in JSON: "new", "update", "destroy", "assign", "release"; why a flow ended:
// "idle", "finished", "forced", "resources".
const char *ctl_event_kind(enum ct_event_kind kind);
const char *ctl_event_why(enum ct_end why);

// An event as one line of JSON, without a newline; the flow is what ctl_flow_view() makes of it.
// Fits in any case. Returns its length.
#define CTL_EVENT_JSON 1400
size_t ctl_event_json(char *out, size_t size, const struct ct_event *ev);
