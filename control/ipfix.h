#pragma once
// Flows' events as IPFIX messages (RFC 7011): templates, and a data record for each event, with the
// elements of RFC 8158 where NAT changed the flow. Pure: bytes in memory, sent by flow_log.c.
#include "conntrack/ct.h"

#define CTL_IPFIX_TEMPLATES 10
#define CTL_IPFIX_MIN	    512	 // bytes of a message that always do
#define CTL_IPFIX_MAX	    1472 // what a frame of Ethernet can take

struct ctl_ipfix {
	uint32_t domain;   // observation domain
	uint32_t sequence; // data records sent before this message
	uint32_t records;  // in this message
	uint16_t max;	   // bytes of a message
	uint16_t len;	   // so far
	uint16_t set_at;   // where the set that is being filled begins; 0: none
	uint16_t set_id;
	uint8_t buf[CTL_IPFIX_MAX];
};

// max: bytes of a message, CTL_IPFIX_MIN to CTL_IPFIX_MAX.
void ctl_ipfix_init(struct ctl_ipfix *x, uint32_t domain, uint16_t max);
// Adds template i, below CTL_IPFIX_TEMPLATES. False: the message is full, finish it first.
bool ctl_ipfix_template(struct ctl_ipfix *x, unsigned i);
// Adds a record. False: the message is full, finish it first.
bool ctl_ipfix_add(struct ctl_ipfix *x, const struct ct_event *ev);
// Ends the message: its bytes, *len of them, until the next call; NULL where it holds nothing.
// sec: time of export, since 1970.
const uint8_t *ctl_ipfix_finish(struct ctl_ipfix *x, uint32_t sec, uint16_t *len);
