#pragma once
// What a rule does with a packet: -j and -g. Part of the policy model: see config/policy.h.
// Multi-byte integers are in host order, addresses are bytes in network order.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cfg_err.h"

#define CFG_CHAIN_MAX 29 // XT_EXTENSION_MAXNAMELEN: longest chain name, without the NUL, is 28

enum cfg_target_id {
	CFG_T_NONE, // no -j: counts, goes on
	CFG_T_ACCEPT,
	CFG_T_DROP,
	CFG_T_RETURN,
	CFG_T_JUMP, // -j user chain
	CFG_T_GOTO, // -g user chain
	CFG_T_REJECT,
	CFG_T_MASQUERADE,
	CFG_T_SNAT,
	CFG_T_DNAT,
	CFG_T_REDIRECT,
	CFG_T_NOTRACK, // raw; goes on after it
	CFG_T_CT,      // raw; goes on after it
	CFG_T_MARK,    // goes on after it
	// From here on in the alphabet's order; all of these go on.
	CFG_T_AUDIT,
	CFG_T_CHECKSUM,
	CFG_T_CLASSIFY, // not run
	CFG_T_CONNMARK,
	CFG_T_CONNSECMARK, // not run
	CFG_T_DNPT,	   // mangle, IPv6
	CFG_T_DSCP,	   // mangle
	CFG_T_ECN,	   // mangle, IPv4
	CFG_T_HL,	   // mangle, IPv6
	CFG_T_HMARK,
	CFG_T_IDLETIMER, // not run
	CFG_T_LOG,
	CFG_T_NETMAP, // ends the walk. addr_min and addr_max of nat are its network
	CFG_T_NFLOG,
	CFG_T_NFQUEUE, // not run; ends the walk
	CFG_T_QUEUE,   // not run; ends the walk
	CFG_T_RATEEST, // not run
	CFG_T_SET,
	CFG_T_SNPT,	// mangle, IPv6
	CFG_T_SYNPROXY, // not run; ends the walk
	CFG_T_TCPMSS,
	CFG_T_TCPOPTSTRIP, // mangle
	CFG_T_TEE,
	CFG_T_TOS,    // mangle
	CFG_T_TPROXY, // mangle PREROUTING, not run; ends the walk
	CFG_T_TRACE,  // raw
	CFG_T_TTL,    // mangle, IPv4
	CFG_TARGETS,
};

enum cfg_reject {
	CFG_REJ_NET_UNREACH, // v4 only from here
	CFG_REJ_HOST_UNREACH,
	CFG_REJ_PROTO_UNREACH,
	CFG_REJ_PORT_UNREACH, // the v4 default
	CFG_REJ_NET_PROHIB,
	CFG_REJ_HOST_PROHIB,
	CFG_REJ_ADMIN_PROHIB,
	CFG_REJ_TCP_RESET, // both families
	CFG_REJ6_NO_ROUTE, // v6 only from here
	CFG_REJ6_ADM_PROHIBITED,
	CFG_REJ6_ADDR_UNREACH,
	CFG_REJ6_PORT_UNREACH, // the v6 default
	CFG_REJ6_POLICY_FAIL,
	CFG_REJ6_REJECT_ROUTE,
	CFG_REJ_DEFAULT, // a rule of both families that did not say: port-unreachable of the
			 // packet's family
};

enum cfg_nat_mapping {	  // RFC 4787's names
	CFG_MAPPING_NONE, // the rule did not say: as CFG_MAPPING_ADDRESS_PORT
	CFG_MAPPING_ENDPOINT,
	CFG_MAPPING_ADDRESS_PORT,
};
enum cfg_nat_filtering {
	CFG_FILTER_NONE, // the rule did not say: as CFG_FILTER_ADDRESS_PORT
	CFG_FILTER_ENDPOINT,
	CFG_FILTER_ADDRESS,
	CFG_FILTER_ADDRESS_PORT,
};

struct cfg_t_nat {
	uint8_t family; // of the addresses; 0: none given
	bool has_ports;
	bool random, random_fully, persistent;
	bool deterministic;  // the source's place in `source` gives address and ports (RFC 7422)
	uint8_t block_limit; // blocks of an inside address; 0: not given
	uint16_t block_size; // ports; 0: no blocks
	uint32_t block_hold; // seconds, with block_hold_set
	bool block_hold_set;
	uint8_t mapping;		    // enum cfg_nat_mapping
	uint8_t filtering;		    // enum cfg_nat_filtering
	uint8_t addr_min[16], addr_max[16]; // equal for a single address
	uint16_t port_min, port_max;	    // equal for a single port
	uint16_t port_base;		    // DNAT port shift "lo-hi/base"; 0: none
};

#define CFG_BLOCK_MIN	64 // ports of a block: powers of two
#define CFG_BLOCK_MAX	4096
#define CFG_BLOCKS_MAX	16 // of an inside address
#define CFG_BLOCKS	4  // where the rule does not say
#define CFG_BLOCK_HOLD	120
#define CFG_PORT_MIN	1024 // of blocks and deterministic NAT where the rule gives no ports
#define CFG_SUBSCRIBERS 20   // bits: inside addresses of deterministic NAT

// How a deterministic rule divides its public addresses and ports. Inside address number i (counted
// from the first of `source`) has address number i >> shift of the rule's range, and the `ports`
// ports from port_min + (i % (1 << shift)) * ports on.
struct cfg_nat_share {
	uint32_t inside; // addresses in `source`: a power of two
	uint32_t outside;
	uint8_t shift;
	uint16_t port_min;
	uint16_t ports;
};

struct cfg_t_mark { // mark = (mark & ~mask) ^ value
	uint32_t value, mask;
};

enum cfg_connmark {
	CFG_CM_NONE,	// the rule did not say
	CFG_CM_SET,	// flow's mark = (flow's & ~ctmask) ^ value
	CFG_CM_SAVE,	// flow's mark = (flow's & ~ctmask) ^ (packet's & nfmask)
	CFG_CM_RESTORE, // packet's mark = (packet's & ~nfmask) ^ (flow's & ctmask)
};
struct cfg_t_connmark {
	uint32_t value;
	uint32_t ctmask_off, nfmask_off; // bits that are not in the masks
	uint8_t op;			 // enum cfg_connmark
	uint8_t shift;		  // 0 to 31 bits: SET: of all that it gives; else of what is copied
	bool right;		  // that way
	bool one_mask, two_masks; // which options said so: they exclude each other
};

// The helpers of this appliance, which read in a flow's payload what other flows will come of it.
enum cfg_helper {
	CFG_HELPER_NONE,
	CFG_HELPER_FTP,
	CFG_HELPER_SIP,
	CFG_HELPER_TFTP,
	CFG_HELPER_OTHER, // iptables has it, this appliance has not
};
const char *cfg_helper_name(enum cfg_helper id); // "ftp"; "" for none and other

#define CFG_TIMEOUT_NAME 32 // with the NUL
enum cfg_ct_zone_dirs {	    // bits
	CFG_ZONE_ORIG = 1 << 0,
	CFG_ZONE_REPLY = 1 << 1,
};
enum cfg_ct_event { // bits of --ctevents
	CFG_CTE_NEW = 1 << 0,
	CFG_CTE_RELATED = 1 << 1,
	CFG_CTE_DESTROY = 1 << 2,
	CFG_CTE_REPLY = 1 << 3,
	CFG_CTE_ASSURED = 1 << 4,
	CFG_CTE_PROTOINFO = 1 << 5,
	CFG_CTE_HELPER = 1 << 6,
	CFG_CTE_MARK = 1 << 7,
	CFG_CTE_NATSEQINFO = 1 << 8,
	CFG_CTE_SECMARK = 1 << 9,
};

#define CFG_HELPER_MAX 16		  // with the NUL
struct cfg_t_ct {			  // what a flow gets that begins with the packet
	bool notrack;			  // none at all; nothing else counts then
	uint8_t helper;			  // enum cfg_helper
	char helper_name[CFG_HELPER_MAX]; // as written; "": none
	uint16_t zone;			  // 0: the one that all are in otherwise
	uint8_t zone_dirs;		  // of enum cfg_ct_zone_dirs; none is both
	bool zone_mark;			  // the lower half of the packet's mark is the zone
	uint16_t timeout;		  // --timeout's number (cfg_timeouts_bind()); 0: none
	uint16_t ctevents;		  // of enum cfg_ct_event; 0: not given
	bool expevents;			  // --expevents new; the target's data: --timeout's name
};

enum cfg_log_flags { // values are nf_log's
	CFG_LOG_TCP_SEQUENCE = 1 << 0,
	CFG_LOG_TCP_OPTIONS = 1 << 1,
	CFG_LOG_IP_OPTIONS = 1 << 2,
	CFG_LOG_UID = 1 << 3,
	CFG_LOG_MACDECODE = 1 << 5,
};
#define CFG_LOG_WARNING 4 // syslog's severity, and the default level
struct cfg_t_log {
	uint8_t level;	 // syslog severity
	uint8_t flags;	 // enum cfg_log_flags
	char prefix[30]; // with its NUL
};

#define CFG_NFLOG_PREFIX 64 // with its NUL
struct cfg_t_nflog {	    // the prefix is the target's data; NULL: none
	uint16_t group, threshold;
	bool size_set;	 // length counts; else it is --nflog-range's, which does nothing
	uint32_t length; // bytes of the packet
};

struct cfg_t_nfqueue {
	uint16_t first, last; // queues, equal for a single one
	bool bypass, cpu_fanout;
};

struct cfg_t_synproxy {
	bool sack_perm, timestamp, ecn, wscale_set, mss_set;
	uint8_t wscale;
	uint16_t mss;
};

enum cfg_hmark_field { // bits
	CFG_HMARK_SRC = 1 << 0,
	CFG_HMARK_DST = 1 << 1,
	CFG_HMARK_SPORT_MASK = 1 << 2,
	CFG_HMARK_DPORT_MASK = 1 << 3,
	CFG_HMARK_SPI_MASK = 1 << 4,
	CFG_HMARK_SPORT = 1 << 5,
	CFG_HMARK_DPORT = 1 << 6,
	CFG_HMARK_SPI = 1 << 7,
	CFG_HMARK_PROTO_MASK = 1 << 8,
	CFG_HMARK_RND = 1 << 9,
	CFG_HMARK_MOD = 1 << 10,
	CFG_HMARK_OFFSET = 1 << 11,
	CFG_HMARK_CT = 1 << 12, // of the flow
};
#define CFG_HMARK_WHOLE 255 // prefix: the whole address of either family
struct cfg_t_hmark {	    // mark = (hash * mod >> 32) + offset
	uint16_t set;	    // of enum cfg_hmark_field; what was not given is 0
	uint8_t src_len, dst_len;
	uint16_t sport_mask, dport_mask, sport, dport, proto_mask;
	uint32_t spi_mask, spi, rnd, mod, offset;
};

struct cfg_t_npt {
	uint8_t src[16], dst[16];
	uint8_t src_len, dst_len; // at most 64; all bits behind are 0
};

struct cfg_t_tee {
	uint8_t family;
	uint8_t gateway[16];
	char oif[16]; // "": not given
	uint8_t port; // acl's own, in its copy: oif's
};

#define CFG_IDLE_SECONDS_MAX 2147482
struct cfg_t_idletimer {
	uint32_t seconds;
	bool alarm;
	char label[28]; // with its NUL
};

struct cfg_t_rateest { // as asked for; both are rounded when they are printed
	uint32_t interval_usec, ewma_usec;
	char name[16]; // with its NUL
};

struct cfg_t_tproxy {
	uint8_t family; // of the address; 0: none given
	uint16_t port;
	uint8_t addr[16];
	struct cfg_t_mark mark;
};

enum cfg_ttl_mode { CFG_TTL_SET, CFG_TTL_INC, CFG_TTL_DEC };
struct cfg_t_ttl {    // TTL, HL
	uint8_t mode; // enum cfg_ttl_mode
	uint8_t value;
};

struct cfg_t_tos { // TOS: byte = (byte & ~mask) ^ value; DSCP: value is the upper six bits, no mask
	uint8_t value, mask;
};

struct cfg_t_ecn {
	bool ect_set, ece_set, cwr_set; // what is changed
	uint8_t ect;			// lower two bits of the TOS byte
	bool ece, cwr;			// TCP flags
};

struct cfg_t_tcpmss {
	bool clamp; // to the path's MTU; mss does not count then
	uint16_t mss;
};

struct cfg_t_tcpoptstrip {
	uint32_t kind[8]; // bit per option
};

enum cfg_set_what { CFG_SET_ADD, CFG_SET_DEL, CFG_SET_MAP, CFG_SET_WHATS };
struct cfg_t_set { // the sets are in data: struct cfg_set_ref of each enum cfg_set_what, n 0: none
	bool exist, timeout_set, map_mark, map_prio, map_queue;
	uint32_t timeout; // seconds
};

struct cfg_target {
	enum cfg_target_id id;
	uint32_t slot;	  // as in struct cfg_match
	size_t data_size; // bytes of data
	void *data;	  // owned, one flat piece; NULL: nothing
	struct cfg_pos pos;
	char chain[CFG_CHAIN_MAX]; // JUMP and GOTO
	union {
		enum cfg_reject reject;
		struct cfg_t_nat nat;
		struct cfg_t_mark mark;
		struct cfg_t_connmark connmark;
		struct cfg_t_ct ct; // CFG_T_CT
		struct cfg_t_log log;
		struct cfg_t_nflog nflog;
		struct cfg_t_nfqueue nfqueue;
		struct cfg_t_synproxy synproxy;
		struct cfg_t_set set;
		uint32_t priority;    // CFG_T_CLASSIFY
		struct cfg_t_ttl ttl; // CFG_T_TTL, CFG_T_HL
		struct cfg_t_tos tos; // CFG_T_TOS, CFG_T_DSCP
		struct cfg_t_ecn ecn;
		struct cfg_t_tcpmss tcpmss;
		struct cfg_t_tcpoptstrip tcpoptstrip;
		struct cfg_t_hmark hmark;
		struct cfg_t_idletimer idletimer;
		struct cfg_t_npt npt; // CFG_T_DNPT, CFG_T_SNPT
		struct cfg_t_rateest rateest;
		struct cfg_t_tee tee;
		struct cfg_t_tproxy tproxy;
		bool restore;  // CFG_T_CONNSECMARK: else save
		uint8_t audit; // CFG_T_AUDIT: 0 accept, 1 drop, 2 reject
	};
};

// A second target that owns a copy of the data. False: no memory, *to is left alone.
bool cfg_target_copy(struct cfg_target *to, const struct cfg_target *from);
// "MASQUERADE"; NULL for none, jump and goto.
const char *cfg_target_name(enum cfg_target_id id);

struct cfg_rule;
// The shares of a deterministic rule. False: it does not come out; *why says why (a buffer of
// `size` bytes).
bool cfg_nat_share(const struct cfg_rule *rule, struct cfg_nat_share *out, char *why, size_t size);
// The first option of a NAT target that is no iptables' ("mapping"); NULL: it has none.
const char *cfg_nat_own(const struct cfg_target *t);
