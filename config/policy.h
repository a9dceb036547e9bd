#pragma once
// The policy as plain data: tables, chains and rules as iptables has them. No DPDK, no file format.
// Filled by config/policy_yaml.c and config/policy_save.c, judged by config/policy_check.c,
// compiled by acl/. Multi-byte integers are in host order, addresses are bytes in network order.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cfg_err.h"

enum cfg_family {
	CFG_IPV4 = 1,
	CFG_IPV6 = 2,
	CFG_BOTH = 3,
};

enum cfg_table_id { CFG_RAW, CFG_MANGLE, CFG_NAT, CFG_FILTER, CFG_TABLES };
enum cfg_hook {
	CFG_PREROUTING,
	CFG_INPUT,
	CFG_FORWARD,
	CFG_OUTPUT,
	CFG_POSTROUTING,
	CFG_HOOKS,
	CFG_HOOK_NONE = CFG_HOOKS, // a user chain
};

// Names as iptables writes them; NULL past the end.
const char *cfg_table_name(enum cfg_table_id id);
const char *cfg_hook_name(enum cfg_hook hook);
// Does netfilter have a built-in chain for this table at this hook (nat: all but FORWARD ...)?
bool cfg_table_has_hook(enum cfg_table_id id, enum cfg_hook hook);

#define CFG_IFNAMSIZ  16
#define CFG_CHAIN_MAX 29 // XT_EXTENSION_MAXNAMELEN: longest chain name, without the NUL, is 28

struct cfg_addr {
	uint8_t family; // CFG_IPV4 or CFG_IPV6; 0: option not given, matches everything
	bool invert;
	uint8_t addr[16]; // IPv4 in the first four bytes; host bits already cleared
	uint8_t mask[16]; // need not be contiguous, as in iptables
};

struct cfg_iface {
	char name[CFG_IFNAMSIZ]; // without the '+'; "" and not wildcard: option not given
	bool wildcard;		 // name is a prefix ("eth+"); the bare "+" is "" and wildcard
	bool invert;
};

struct cfg_range16 {
	uint16_t lo, hi; // both inclusive
};

enum cfg_match_id {
	CFG_M_TCP,	 // -m tcp
	CFG_M_UDP,	 // -m udp
	CFG_M_ICMP,	 // -m icmp
	CFG_M_ICMP6,	 // -m icmp6
	CFG_M_MULTIPORT, // -m multiport
	CFG_M_CONNTRACK, // -m conntrack --ctstate
	CFG_M_STATE,	 // -m state --state
	CFG_M_COMMENT,	 // -m comment
	CFG_M_MARK,	 // -m mark
	CFG_M_LENGTH,	 // -m length
	CFG_M_IPRANGE,	 // -m iprange
	CFG_M_TTL,	 // -m ttl, IPv4 only
	CFG_M_HL,	 // -m hl, IPv6 only
	CFG_M_PKTTYPE,	 // -m pkttype
	CFG_M_MAC,	 // -m mac
	CFG_M_TOS,	 // -m tos
	CFG_M_DSCP,	 // -m dscp
	CFG_M_ECN,	 // -m ecn
	CFG_M_LIMIT,	 // -m limit
	CFG_MATCHES,
};

// Bits of --ctstate; the values are those of struct pl_pkt's ct_state (pipeline/pkt.h asserts
// that).
enum cfg_ctstate {
	CFG_CT_INVALID = 1 << 0,
	CFG_CT_ESTABLISHED = 1 << 1,
	CFG_CT_RELATED = 1 << 2,
	CFG_CT_NEW = 1 << 3,
	CFG_CT_SNAT = 1 << 4,
	CFG_CT_DNAT = 1 << 5,
	CFG_CT_UNTRACKED = 1 << 6,
};

struct cfg_m_ports {			 // tcp, udp
	struct cfg_range16 sport, dport; // 0..65535 where not given
	bool sport_set, dport_set;	 // given, even if 0:65535
	bool sport_inv, dport_inv;
	bool flags_set, flags_inv; // tcp only: --tcp-flags mask comp, --syn
	uint8_t flags_mask, flags_comp;
	uint8_t option; // tcp only: --tcp-option kind, 0 where not given
	bool option_inv;
};

struct cfg_m_icmp { // icmp, icmp6
	bool set;
	bool invert;
	uint8_t type; // 255 with codes 0..255 in IPv4: any
	uint8_t code_lo, code_hi;
};

#define CFG_MULTIPORT_MAX 15
enum cfg_multiport_side { CFG_MP_SOURCE, CFG_MP_DESTINATION, CFG_MP_EITHER };
struct cfg_m_multiport {
	enum cfg_multiport_side side;
	bool invert;
	uint8_t n;
	struct cfg_range16 range[CFG_MULTIPORT_MAX];
};

struct cfg_m_state {  // conntrack --ctstate, state --state
	uint8_t mask; // of enum cfg_ctstate
	bool invert;
};

struct cfg_m_comment {
	char *text; // owned; at most 255 bytes
};

struct cfg_m_mark { // the packet's mark & mask is value: bits outside the mask never match
	uint32_t value, mask;
	bool invert;
};

struct cfg_m_length {		  // of the IP packet, headers included
	struct cfg_range16 range; // may run backwards: then no length is in it
	bool invert;
};

struct cfg_m_iprange {
	uint8_t family; // of the addresses
	bool src_set, src_inv, dst_set, dst_inv;
	uint8_t src_lo[16], src_hi[16], dst_lo[16], dst_hi[16]; // both inclusive
};

enum cfg_ttl_op { CFG_TTL_EQ, CFG_TTL_LT, CFG_TTL_GT };
struct cfg_m_ttl { // ttl, hl
	uint8_t op, value;
	bool invert; // EQ only
};

// What the frame that brought the packet was addressed to. Nothing for another host gets as far as
// a rule.
enum cfg_pkttype { CFG_PKT_UNICAST, CFG_PKT_BROADCAST, CFG_PKT_MULTICAST, CFG_PKT_OTHERHOST };
struct cfg_m_pkttype {
	uint8_t type; // enum cfg_pkttype
	bool invert;
};

struct cfg_m_mac { // source address of the frame
	uint8_t addr[6];
	bool invert;
};

struct cfg_m_tos { // tos; dscp: value is the upper six bits, no mask
	uint8_t value, mask;
	bool invert;
};

struct cfg_m_ecn {
	bool ece, ece_inv, cwr, cwr_inv; // TCP flags that must be set, or clear
	bool ect_set, ect_inv;
	uint8_t ect; // lower two bits of the TOS byte
};

// Credits as netfilter counts them: xt_limit with 250 ticks a second.
#define CFG_LIMIT_TICKS	  250 // per second
#define CFG_LIMIT_CREDITS 128 // gained per tick
struct cfg_m_limit {
	uint32_t avg;	// 1/10000 seconds per packet; 0: 3 an hour
	uint32_t burst; // packets; 0: 5
	uint32_t slot;	// acl's own, in its copy of the match
};
// What a packet costs and how much can be saved up, in credits. False: netfilter's 32 bits cannot
// hold so much, and it refuses the rule.
bool cfg_limit_credits(const struct cfg_m_limit *limit, uint32_t *cost, uint32_t *cap);
// The rate as iptables prints it: how many per "sec", "min", "hour" or "day".
uint32_t cfg_limit_rate(const struct cfg_m_limit *limit, const char **unit);

struct cfg_match {
	enum cfg_match_id id;
	struct cfg_pos pos;
	union {
		struct cfg_m_ports ports; // CFG_M_TCP, CFG_M_UDP
		struct cfg_m_icmp icmp;
		struct cfg_m_multiport multiport;
		struct cfg_m_state state; // CFG_M_CONNTRACK, CFG_M_STATE
		struct cfg_m_comment comment;
		struct cfg_m_mark mark;
		struct cfg_m_length length;
		struct cfg_m_iprange iprange;
		struct cfg_m_ttl ttl; // CFG_M_TTL, CFG_M_HL
		struct cfg_m_pkttype pkttype;
		struct cfg_m_mac mac;
		struct cfg_m_tos tos; // CFG_M_TOS, CFG_M_DSCP
		struct cfg_m_ecn ecn;
		struct cfg_m_limit limit;
	};
};

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
	CFG_T_CT,      // raw; CT --notrack, the only thing it can say yet
	CFG_T_MARK,    // goes on after it
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

struct cfg_t_nat {
	uint8_t family; // of the addresses; 0: none given
	bool has_ports;
	bool random, random_fully, persistent;
	uint8_t addr_min[16], addr_max[16]; // equal for a single address
	uint16_t port_min, port_max;	    // equal for a single port
	uint16_t port_base;		    // DNAT port shift "lo-hi/base"; 0: none
};

struct cfg_t_mark { // mark = (mark & ~mask) ^ value
	uint32_t value, mask;
};

struct cfg_target {
	enum cfg_target_id id;
	struct cfg_pos pos;
	char chain[CFG_CHAIN_MAX]; // JUMP and GOTO
	union {
		enum cfg_reject reject;
		struct cfg_t_nat nat;
		struct cfg_t_mark mark;
	};
};

struct cfg_rule {
	struct cfg_pos pos;
	uint8_t family; // enum cfg_family: where this rule stands; CFG_BOTH in both families'
			// chains
	struct cfg_addr src, dst;
	struct cfg_iface in, out;
	uint16_t proto; // 0: any; else the IP protocol number
	bool proto_set, proto_inv;
	bool frag, frag_inv; // -f, IPv4 only: second and further fragments
	struct cfg_match *match;
	size_t n_match;
	struct cfg_target target;
	uint64_t packets, bytes; // counters that a file brought ([p:b]) or that a listing fills in
	uint64_t packets6,
		bytes6; // of these, what IPv6 counted; only where the rule stands in both families
};

enum cfg_verdict { CFG_POLICY_ACCEPT, CFG_POLICY_DROP };

struct cfg_chain {
	char name[CFG_CHAIN_MAX];
	struct cfg_pos pos;
	uint8_t family; // in which families the chain exists
	enum cfg_hook hook;
	enum cfg_verdict policy4, policy6;	     // built-in chains only
	uint64_t packets4, bytes4, packets6, bytes6; // of the policy
	struct cfg_rule *rule;
	size_t n_rule;
};

struct cfg_index; // chains by name; private to config/policy.c

struct cfg_table {
	bool present;	// the file spoke of it
	uint8_t family; // union of its chains' families
	struct cfg_pos pos;
	struct cfg_chain *
		*chain; // built-in ones first in hook order, then user chains in file order
	size_t n_chain;
	struct cfg_index *index;
};

// nf_conntrack's sysctls without the nf_conntrack_ prefix; seconds; 0: the kernel's default.
// The rows (name, field, default) are the table in config/ct_settings.c.
struct cfg_conntrack {
	uint32_t max; // flows per system; 0: from ringwall.conf
	uint32_t generic_timeout;
	uint32_t tcp_timeout_syn_sent, tcp_timeout_syn_recv, tcp_timeout_established;
	uint32_t tcp_timeout_fin_wait, tcp_timeout_close_wait, tcp_timeout_last_ack;
	uint32_t tcp_timeout_time_wait, tcp_timeout_close;
	uint32_t tcp_timeout_max_retrans, tcp_timeout_unacknowledged;
	uint32_t udp_timeout, udp_timeout_stream;
	uint32_t icmp_timeout, icmpv6_timeout;
	bool tcp_be_liberal;	  // default off
	bool tcp_loose_off;	  // tcp_loose: default on
	uint32_t tcp_max_retrans; // default 3
};

enum cfg_port_selection {
	CFG_PORTS_DEFAULT,
	CFG_PORTS_PRESERVE,
	CFG_PORTS_STEERED,
	CFG_PORTS_RANDOM
};

struct cfg_policy {
	char *file; // for messages; owned
	struct cfg_table table[CFG_TABLES];
	struct cfg_conntrack conntrack;
	enum cfg_port_selection port_selection;
};

struct cfg_policy *cfg_policy_new(void);	 // NULL when out of memory
void cfg_policy_free(struct cfg_policy *policy); // NULL is fine

// The chain of that name, or NULL.
struct cfg_chain *cfg_chain_find(const struct cfg_policy *policy, enum cfg_table_id table,
				 const char *name);
// A new empty chain at the end (built-in names get their hook and their place); NULL when out of
// memory.
struct cfg_chain *cfg_chain_add(struct cfg_policy *policy, enum cfg_table_id table,
				const char *name);
// A new rule at the end, all zero; NULL when out of memory. Moves earlier rules: keep no pointers
// to them.
struct cfg_rule *cfg_rule_add(struct cfg_chain *chain);
// What the rule counted in one of the families it stands in.
void cfg_rule_counters(const struct cfg_rule *rule, enum cfg_family family, uint64_t *packets,
		       uint64_t *bytes);
struct cfg_match *cfg_match_add(struct cfg_rule *rule, enum cfg_match_id id);

// Adds the built-in chains that a table of the policy has but the file did not name, with policy
// ACCEPT: as in netfilter, where a table is there whole and each of its chains counts. 0 or
// -ENOMEM.
int cfg_policy_complete(struct cfg_policy *policy);

// YAML text in memory to a policy. All errors go to err (with err->file). 0, or -EINVAL after at
// least one error, or -ENOMEM; *out only on 0. Runs policy_check's errors too: what comes out is
// sound.
int cfg_policy_from_yaml(struct cfg_policy **out, const char *text, size_t len,
			 struct cfg_err *err);
// The same for a file; a file that cannot be read is an error in err and gives -errno.
int cfg_policy_load(struct cfg_policy **out, const char *path, struct cfg_err *err);
// iptables-save text of one family (CFG_IPV4 or CFG_IPV6).
int cfg_policy_from_save(struct cfg_policy **out, enum cfg_family family, const char *text,
			 size_t len, struct cfg_err *err);

// Newly allocated text (NUL-terminated), or NULL when out of memory.
char *cfg_policy_to_yaml(const struct cfg_policy *policy);
// One family's rules as iptables-save 1.8.9 prints them; counters: with [p:b] before each rule
// (-c).
char *cfg_policy_to_save(const struct cfg_policy *policy, enum cfg_family family, bool counters);
// One rule as iptables-save would print it, without "-A CHAIN" (also the rule's identity across
// reloads).
char *cfg_rule_to_save(const struct cfg_rule *rule, enum cfg_family family);

// Errors a policy may have whatever file it came from: missing chain, jump loop, match or target
// where it cannot stand. Adds to err; 0 or -EINVAL.
int cfg_policy_check(const struct cfg_policy *policy, struct cfg_err *err);
// Warnings of `ringwall check`. Adds to err.
void cfg_policy_lint(const struct cfg_policy *policy, struct cfg_err *err);
// Takes away the warnings whose line in the text has a comment "# ringwall: allow ID" with their
// id.
void cfg_lint_allow(struct cfg_err *err, const char *text, size_t len);
// A whole file, or standard input for "-", with a NUL behind it. 0 or -errno (-EFBIG above 256
// MiB).
int cfg_file_read(const char *path, char **text, size_t *len);
