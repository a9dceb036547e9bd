#pragma once
// The policy as plain data: tables, chains and rules as iptables has them. No DPDK, no file format.
// Filled by config/policy_yaml.c and config/policy_save.c, judged by config/policy_check.c,
// compiled by acl/. Multi-byte integers are in host order, addresses are bytes in network order.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/cfg_err.h"
#include "config/match.h"
#include "config/set.h"
#include "config/target.h"

enum cfg_family {
	CFG_IPV4 = 1,
	CFG_IPV6 = 2,
	CFG_BOTH = 3,
};

enum cfg_table_id { CFG_RAW, CFG_MANGLE, CFG_NAT, CFG_FILTER, CFG_SECURITY, CFG_TABLES };
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

struct cfg_addr {
	uint8_t family; // CFG_IPV4 or CFG_IPV6; 0: option not given, matches everything
	bool invert;
	uint8_t addr[16]; // IPv4 in the first four bytes; host bits already cleared
	uint8_t mask[16]; // need not be contiguous, as in iptables
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
	uint32_t max;		 // flows per system; 0: from ringwall.conf
	uint32_t max_per_source; // flows of one source address; 0: no limit. Our own
	uint32_t generic_timeout;
	uint32_t tcp_timeout_syn_sent, tcp_timeout_syn_recv, tcp_timeout_established;
	uint32_t tcp_timeout_fin_wait, tcp_timeout_close_wait, tcp_timeout_last_ack;
	uint32_t tcp_timeout_time_wait, tcp_timeout_close;
	uint32_t tcp_timeout_max_retrans, tcp_timeout_unacknowledged;
	uint32_t udp_timeout, udp_timeout_stream;
	uint32_t icmp_timeout, icmpv6_timeout;
	uint32_t gre_timeout, gre_timeout_stream;
	uint32_t sctp_timeout_closed, sctp_timeout_cookie_wait, sctp_timeout_cookie_echoed;
	uint32_t sctp_timeout_established, sctp_timeout_shutdown_sent, sctp_timeout_shutdown_recd;
	uint32_t sctp_timeout_shutdown_ack_sent, sctp_timeout_heartbeat_sent;
	uint32_t tcp_timeout_syn_sent2; // no sysctl: timeout policies have it
	uint32_t expect_max;		// flows per system that helpers may announce; default 4096
	uint32_t frag6_timeout, ipfrag_time;		// of a datagram in reassembly
	uint32_t frag6_high_thresh, ipfrag_high_thresh; // bytes per system
	// Of these 0 can be said: the value + 1, 0 where nothing was said.
	uint32_t ipfrag_max_dist;    // fragments; default 64
	uint32_t events;	     // 0 to 2; default 2
	uint32_t log_invalid;	     // protocol, 255: all; default 0, none
	bool acct_off;		     // acct: default on. Linux's is off
	bool timestamp;		     // default off
	bool checksum_off;	     // checksum: default on
	bool tcp_ignore_invalid_rst; // default off
	bool tcp_be_liberal;	     // default off
	bool tcp_loose_off;	     // tcp_loose: default on
	uint32_t tcp_max_retrans;    // default 3
};

// Times that new flows get by a rule (CT --timeout) instead of those above.
struct cfg_timeout {
	char name[CFG_TIMEOUT_NAME];
	struct cfg_pos pos;
	uint8_t proto;		   // 0: all that have no times of their own
	struct cfg_conntrack time; // those of proto's times that it says
};
struct cfg_timeouts {
	struct cfg_timeout *item; // owned
	size_t n;
};
#define CFG_TIMEOUTS_MAX 64

enum cfg_port_selection {
	CFG_PORTS_DEFAULT,
	CFG_PORTS_PRESERVE,
	CFG_PORTS_STEERED,
	CFG_PORTS_RANDOM
};

// What the match recent remembers: the names are those of xt_recent's module parameters.
struct cfg_recent {
	uint32_t ip_list_tot;	  // addresses in a table; 0: 100
	uint32_t ip_pkt_list_tot; // times of each, at least; 0: as many as the rules' hitcount asks
};
#define CFG_RECENT_LIST_DEFAULT 100
#define CFG_RECENT_LIST_MAX	1000000

struct cfg_policy {
	char *file;    // for messages; owned
	bool includes; // other files are part of it, policies or sets
	struct cfg_table table[CFG_TABLES];
	struct cfg_conntrack conntrack;
	struct cfg_timeouts timeouts;
	enum cfg_port_selection port_selection;
	struct cfg_recent recent;
	struct cfg_sets sets;
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

// The one of that name, or NULL.
const struct cfg_timeout *cfg_timeout_find(const struct cfg_timeouts *timeouts, const char *name);
// Lays what the timeout policy says over *c.
void cfg_timeout_over(struct cfg_conntrack *c, const struct cfg_timeout *timeout);
// Into *to, which is empty. 0 or -ENOMEM.
int cfg_timeouts_copy(struct cfg_timeouts *to, const struct cfg_timeouts *from);
// Gives every rule's CT --timeout its number (cfg_t_ct.timeout): id(name), 0 where that is
// negative.
void cfg_timeouts_bind(struct cfg_policy *policy, int (*id)(const char *name));

// YAML text in memory to a policy. All errors go to err (with err->file). 0, or -EINVAL after at
// least one error, or -ENOMEM; *out only on 0. Runs policy_check's errors too: what comes out is
// sound.
int cfg_policy_from_yaml(struct cfg_policy **out, const char *text, size_t len,
			 struct cfg_err *err);
// The same for the text of a file, which may include others relative to its path. In a text alone
// `include` is refused.
int cfg_policy_from_yaml_file(struct cfg_policy **out, const char *path, const char *text,
			      size_t len, struct cfg_err *err);
// The same for the file of a policy that is to be run: cfg_policy_able() too. A file that cannot be
// read is an error in err and gives -errno.
int cfg_policy_load(struct cfg_policy **out, const char *path, struct cfg_err *err);
// How iptables-save text is read. All zero: the text alone, with its counters.
struct cfg_restore {
	bool no_counters;  // "[p:b]" is passed over, as by iptables-restore without -c; "-c p b" is
			   // not
	bool resolve;	   // host names are looked up, now and for good; false: refused
	const char *table; // only this table's lines are read; NULL: all
	// What the tables hold before the text is carried out on them, as cfg_policy_to_save prints
	// it with counters (iptables-restore --noflush). NULL: nothing, and every table is flushed.
	const char *base;
	// The sets that there are: a rule that names another is refused, as iptables does it. NULL:
	// nobody knows which there are, and any name will do.
	const struct cfg_sets *sets;
};
// iptables-save text of one family (CFG_IPV4 or CFG_IPV6). The policy has the tables that the text
// names.
int cfg_policy_restore(struct cfg_policy **out, enum cfg_family family,
		       const struct cfg_restore *how, const char *text, size_t len,
		       struct cfg_err *err);
// The same with nothing said about how.
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
// What one match, or the rule's target, says there: "--dport 80", "--to-ports 8080".
char *cfg_match_to_save(const struct cfg_rule *rule, const struct cfg_match *match,
			enum cfg_family family);
char *cfg_target_to_save(const struct cfg_rule *rule, enum cfg_family family);

// Most rules that one packet may have to be held against in one table: more would stop a worker.
#define CFG_STEPS_MAX 1000000u
// Errors a policy may have whatever file it came from: missing chain, jump loop, a walk of more
// than CFG_STEPS_MAX rules, match or target where it cannot stand. Adds to err; 0 or -EINVAL.
int cfg_policy_check(const struct cfg_policy *policy, struct cfg_err *err);
// What iptables' language has but this appliance cannot do, each with its reason: for the readers
// of a policy that is to be run or checked. A text that is only turned into another one may have
// it, and gets warnings. Adds to err; 0 or, with CFG_ERROR, -EINVAL.
int cfg_policy_able(const struct cfg_policy *policy, enum cfg_severity severity,
		    struct cfg_err *err);
// Warns of each rule with an option that iptables does not have: iptables-restore refuses the text,
// ringwall's import and restore read it.
void cfg_policy_foreign(const struct cfg_policy *policy, struct cfg_err *err);
// Does a rule name the set?
bool cfg_policy_names_set(const struct cfg_policy *policy, const char *name);
// Sets that rules or lists name and the policy does not have: it can be run only where they are
// there already. Adds warnings to err.
void cfg_policy_sets_missing(const struct cfg_policy *policy, struct cfg_err *err);
// A whole file, or standard input for "-", with a NUL behind it. 0 or -errno (-EFBIG above 256
// MiB).
int cfg_file_read(const char *path, char **text, size_t *len);
