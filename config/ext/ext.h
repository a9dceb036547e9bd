#pragma once
// The one table of iptables' options: the rule's own (-s, -p ...), every match and every target.
// Both readers and both writers of the policy work from its rows, and the checker takes from it
// where a match or target can stand. A new extension is: an id and a struct in config/policy.h, a
// row here, a parse and a show function in one of config/ext/ext_*.c. Private to config/.
#include "config/buf.h"
#include "config/policy.h"

// One option with its words, on its way into a rule.
struct ext_in {
	struct cfg_rule *rule;
	struct cfg_match *match;   // the match it belongs to; NULL: not a match's option
	struct cfg_target *target; // the target it belongs to
	uint8_t families;	   // where the rule can still stand; parse functions take bits away
	bool invert;
	bool iptables;	      // the text is iptables' own: it shortens names, and cuts comments
	const char *name;     // as written, for messages
	const char *value[2]; // as many as the row says
	struct cfg_pos pos;
	const struct cfg_sets *sets; // NULL: any may be there
	bool sets_open;		     // there may be others
	uint32_t *seen;		     // slots of the item's options so far, this one included
	struct cfg_err *err;
};

// One option on its way out.
struct ext_out {
	const struct cfg_rule *rule;
	const struct cfg_match *match;
	const struct cfg_target *target;
	uint8_t family;	      // of the text: CFG_IPV4 or CFG_IPV6
	bool yaml;	      // keep what iptables-save leaves out because it changes nothing
	bool invert;	      // set by show
	struct cfg_buf *text; // the words, separated by one blank
};

enum ext_value {
	EXT_FLAG, // no word; iptables-save prints what show adds behind it
	EXT_WORD, // one word
	EXT_LIST, // one word of parts with commas between; in YAML a list as well
	EXT_PAIR, // two words; in YAML one string or a list of two
};

// false: an error is in in->err (the only other reason, no memory, sets its `truncated`).
typedef bool (*ext_parse)(struct ext_in *in);
// false: the option is not set, nothing to print.
typedef bool (*ext_show)(struct ext_out *out);

struct ext_opt {
	const char *name; // iptables' long option; "": YAML only
	const char *key;  // YAML key; NULL: the name; "": iptables only
	char letter;	  // iptables' short option; 0: none
	uint8_t slot; // options with the same slot exclude each other (and themselves) in one match
	enum ext_value value;
	bool invertible;
	bool required;
	bool quoted; // iptables-save puts the word in quotes unless it is of plain letters
	// What its word looks like, or for EXT_LIST one part of it: a regular expression that both
	// ECMA 262 and Python know, without anchors and the '!'. For the schema only; it may let
	// more through than parse takes, never less. NULL: nothing to say.
	const char *pattern;
	ext_parse parse;     // NULL: refused by name
	const char *instead; // what to use then; NULL: it is not supported yet
	ext_show show;	     // NULL: another way to write an option that has its own row
};

// For struct ext_opt's pattern.
#define EXT_P_NUMBER "(?:0[xX][0-9a-fA-F]+|[0-9]+)"
#define EXT_P_PORTS  "[^,:! ]+|[^,:! ]*:[^,:! ]*"

#define EXT_OPTS_MAX 32 // slots are bits

struct ext {
	const char *name;  // as -m or -j takes it
	const char *alias; // comma separated further names; NULL: none
	bool target;
	int id;					// enum cfg_match_id or cfg_target_id
	uint8_t families;			// where the extension exists
	uint8_t tables;				// bit per enum cfg_table_id; 0: any
	uint8_t (*tables_of)(const void *item); // the same where its options say more; NULL: tables
	uint8_t hooks; // bit per enum cfg_hook from which it may be reached; 0: any
	uint8_t (*hooks_of)(const void *item); // the same where its options say more; NULL: hooks
	bool proto_key;	      // its short YAML keys mean it only under `protocol:` of its own proto
	const uint8_t *proto; // protocols it needs, 0-terminated; NULL: any
	bool some_option;     // needs at least one option
	const struct ext_opt *opt;
	size_t n_opt;
	// What only shows when the rule is complete, protocol and all; pos is the match's or
	// target's. NULL: nothing.
	bool (*check)(const struct cfg_rule *rule, const void *item, struct cfg_pos pos,
		      struct cfg_err *err);
	// Why this appliance cannot do what the item asks, and what to use instead ("it knows no
	// sockets: ..."); NULL: it can. Such a rule is read and written, but not run. NULL: it
	// always can.
	const char *(*unable)(const struct cfg_rule *rule, const void *item);
};

extern const struct ext ext_rule; // the rule's own options
size_t ext_count(void);
const struct ext *ext_at(size_t i); // every supported match and target

const struct ext *ext_match_find(const char *name);
const struct ext *ext_target_find(const char *name);
const struct ext *ext_of_match(enum cfg_match_id id);
const struct ext *ext_of_target(enum cfg_target_id id); // NULL for none, jump and goto
// The names of those that are not supported, one after the other; NULL past the last.
const char *ext_other_at(size_t i);
// iptables 1.8.9 has a match or target of this name that is not supported here (yet).
bool ext_is_known_match(const char *name);
bool ext_is_known_target(const char *name);
// The error that a match or target of that name is not supported, with what to use instead where
// there is something to say.
void ext_not_supported(struct cfg_err *err, struct cfg_pos pos, bool target, const char *name);
// Why a user chain cannot have this name: a target has it, or another table's built-in chain. NULL:
// it can.
const char *ext_chain_name_taken(enum cfg_table_id table, const char *name);
// The extension whose option a key of a rule is, in YAML: of the target's options, then of the
// matches' the first that has it. Matches of one protocol only (tcp and udp share keys) have it
// where the rule says that protocol. NULL: none.
const struct ext *ext_of_key(const struct cfg_rule *rule, const char *key,
			     const struct ext_opt **opt);
// The option of an extension that has the YAML key; NULL: none.
const struct ext_opt *ext_opt_by_key(const struct ext *ext, const char *key);
// A YAML key that iptables would know as an option of one of those: that extension's name, or NULL.
const char *ext_known_option(const char *name);

// Parse and show functions and option rows, by file.
extern const struct ext ext_tcp, ext_udp, ext_multiport;			// ext_ports.c
extern const struct ext ext_icmp, ext_icmp6;					// ext_icmp.c
extern const struct ext ext_state, ext_comment;					// ext_state.c
extern const struct ext ext_conntrack;						// ext_conntrack.c
extern const struct ext ext_connbytes, ext_connlabel, ext_connmark, ext_helper; // ext_conn.c
extern const struct ext ext_reject;						// ext_reject.c
extern const struct ext ext_connsecmark, ext_idletimer, ext_queue, ext_tproxy;	// ext_idle.c
extern const struct ext ext_hmark;						// ext_hmark.c
extern const struct ext ext_dnpt, ext_snpt, ext_tee;				// ext_npt.c
extern const struct ext ext_rateest_target;					// ext_rateest.c
extern const struct ext ext_nfqueue, ext_synproxy;				// ext_divert.c
extern const struct ext ext_checksum, ext_classify;				// ext_class.c
extern const struct ext ext_masquerade, ext_snat, ext_dnat, ext_redirect, ext_netmap; // ext_nat.c
extern const struct ext ext_notrack, ext_ct;					      // ext_ct.c
extern const struct ext ext_audit, ext_log, ext_nflog, ext_trace;		      // ext_log.c
extern const struct ext ext_mark_target, ext_connmark_target;			      // ext_mark.c
extern const struct ext ext_dscp_target, ext_ecn_target, ext_hl_target, ext_tos_target,
	ext_ttl_target;								 // ext_change.c
extern const struct ext ext_tcpmss_target, ext_tcpoptstrip;			 // ext_change_tcp.c
extern const struct ext ext_accept, ext_drop, ext_return;			 // ext_rule.c
extern const struct ext ext_mark, ext_length, ext_iprange, ext_pkttype, ext_mac; // ext_packet.c
extern const struct ext ext_ttl, ext_hl, ext_tos, ext_dscp, ext_ecn;		 // ext_header.c
extern const struct ext ext_connlimit;						 // ext_connlimit.c
extern const struct ext ext_hashlimit;						 // ext_hashlimit.c
extern const struct ext ext_limit;						 // ext_limit.c
extern const struct ext ext_cpu, ext_quota, ext_statistic;			 // ext_part.c
extern const struct ext ext_time;						 // ext_time.c
extern const struct ext ext_recent;						 // ext_recent.c
extern const struct ext ext_set, ext_set_target;				 // ext_set.c
extern const struct ext ext_owner, ext_cgroup, ext_socket, ext_nfacct, ext_osf,
	ext_realm; // ext_host.c
extern const struct ext ext_frag, ext_hbh, ext_dst, ext_rt, ext_mh, ext_ipv6header,
	ext_eui64;					       // ext_ip6.c
extern const struct ext ext_dccp, ext_ipcomp, ext_devgroup;    // ext_rare.c
extern const struct ext ext_physdev;			       // ext_iface.c
extern const struct ext ext_policy;			       // ext_policy.c
extern const struct ext ext_tcpmss, ext_sctp, ext_esp, ext_ah; // ext_l4.c
extern const struct ext ext_string, ext_u32;		       // ext_payload.c
extern const struct ext ext_bpf;			       // ext_bpf.c
extern const struct ext ext_cluster;			       // ext_cluster.c
extern const struct ext ext_addrtype, ext_rpfilter;	       // ext_route.c

// Parts of rows that several files use.
bool ext_states_parse(struct ext_in *in); // --ctstate, --state; ext_state.c
bool ext_states_show(struct ext_out *out);
bool ext_mark_parse(struct ext_in *in); // MARK[/MASK]: mark, connmark; ext_packet.c
bool ext_mark_show(struct ext_out *out);

// Takes away from in->families all but `families`; false with an error where nothing remains.
bool ext_narrow(struct ext_in *in, uint8_t families, const char *what);
// ext_value.c: words that several extensions take; false with an error.
// Is the word that name? In any case of letters; iptables takes the name's beginning for it, too.
bool ext_is_name(const struct ext_in *in, const char *word, const char *name);
// The option's only word is the name of a table, of at most max bytes, that a file in /proc could
// have; the second function makes it the match's data.
bool ext_table_name(struct ext_in *in, size_t max);
bool ext_table_name_keep(struct ext_in *in);
// The option's only word, a number from `min` to `max`.
bool ext_number(struct ext_in *in, uint32_t min, uint32_t max, uint32_t *out);
// N or LOW:HIGH, either of which may be left out. May run backwards: iptables takes that.
bool ext_range(struct ext_in *in, uint32_t max, struct cfg_range32 *out);
void ext_range_show(struct ext_out *out, const struct cfg_range32 *r);
// The same in 64 bits, 0 to its end.
bool ext_number64(struct ext_in *in, uint64_t *out);
// in->match->data: size bytes, zero. NULL with an error.
void *ext_data(struct ext_in *in, size_t size);
// The option's word, of at most `max` bytes, into in->match->data; without blanks and control
// characters, which iptables-save could not print.
bool ext_text(struct ext_in *in, size_t max);
// ext_header.c: VALUE[/MASK] or a name of the TOS byte, and a class of its upper six bits.
bool ext_tos_word(struct ext_in *in, uint8_t *value, uint8_t *mask);
bool ext_dscp_class(struct ext_in *in, uint8_t *value);
#define EXT_N(array) (sizeof(array) / sizeof((array)[0]))
