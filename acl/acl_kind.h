#pragma once
// What each match and each target is to the walks: a row per kind, written by hand once
// (acl_kind.c), read by the compiler (boxes, flags), the interpreter and the compiled walk (judge,
// apply) and the builder (what a worker remembers for it). A new match or target is a row there
// beside its functions in one of acl_match_*.c and acl_target_*.c.
#include "acl/acl_int.h"

struct acl_boxes;

enum acl_kind_flags {
	// Asks for nothing but what all packets of one direction of a flow share as long as policy,
	// route, connection state and mark stay the same: a verdict cache may keep its answer.
	ACL_K_FLOW = 1 << 0,
	// Keeps something, or its answer changes with time: it is judged or applied exactly once
	// per packet that gets to it, and in the packets' order.
	ACL_K_STATE = 1 << 1,
	// Target: later rules may see another connection state (raw's NOTRACK) or address (SNPT).
	ACL_K_UNTRACKS = 1 << 2,
	// Match without boxes: may say ACL_HOT, so that no later match may narrow the boxes.
	ACL_K_HOT = 1 << 3,
	// Asks the network (struct acl_view's net).
	ACL_K_NET = 1 << 4,
};

// What a match or target reads or writes beyond the packet and its own rule's counters, where
// another packet's walk may write or read it. Walks are stage by stage over a burst: a later packet
// passes an earlier stage first. acl_order.c finds out whether that could be noticed and how the
// bursts have to be run then; a row says nothing else about it.
enum acl_shares {
	ACL_SHARES_NOTHING,
	ACL_SHARES_RULE,   // something of this very rule: a credit, a quota
	ACL_SHARES_NAME,   // something with a name, of all rules of the family that give the name
	ACL_SHARES_NAME46, // the same, of both families' rules
	ACL_SHARES_FLOW,   // something of the packet's flow that conntrack or rules write
	ACL_SHARES_FLOWS,  // something of any flow
};

// What one worker remembers for one match or target of one rule. The memory is zero before init.
struct acl_kind_state {
	size_t size; // bytes; 0: nothing
	// Control thread, before the policy is published. 0 or -errno.
	int (*init)(void *state, const void *item, const struct acl_policy *p, uint16_t worker);
	void (*free)(void *state, const void *item); // NULL: nothing to give back
};

struct acl_match_kind {
	// Judges one packet as netfilter's module does. ACL_HOT: it must be dropped.
	enum acl_hit (*judge)(const struct cfg_match *m, const struct acl_view *v);
	// Narrows the rule's boxes to what the match says, or declares them inexact. False: nothing
	// after this match may narrow them (the match changes something, or may say ACL_HOT). NULL:
	// the key has nothing of it; its rules are compared exactly behind their box.
	bool (*boxes)(struct acl_boxes *out, const struct cfg_match *m);
	uint8_t flags;	// enum acl_kind_flags
	uint8_t shares; // enum acl_shares
	// For rows that share only with some of their options: this and not `shares` says. NULL:
	// always.
	enum acl_shares (*shares_of)(const struct cfg_match *m);
	const char *(*name_of)(const struct cfg_match *m); // ACL_SHARES_NAME, _NAME46
	struct acl_kind_state state;
	// Where only some matches of the kind are as ACL_K_FLOW says: is this one? NULL: as the
	// flags say.
	bool (*fixed)(const struct cfg_match *m);
	// Of one that is not: could another plain packet of this packet's flow and direction match?
	// NULL: it could.
	bool (*could)(const struct cfg_match *m, const struct acl_view *v);
	// Makes in the policy's own copy of the match what judge wants ready: may put another piece
	// in the place of data. Control thread; 0 or -errno, with the reason in err where it is
	// more than no memory. NULL: nothing to do.
	int (*prepare)(struct cfg_match *m, const struct acl_policy *p, enum cfg_family family,
		       struct cfg_err *err);
	const struct acl_named_use *named; // what it shares by name; NULL: nothing
	const void *thing; // what kind of thing the name is of, where other rows name it as well
};
extern const struct acl_match_kind acl_match_kind[CFG_MATCHES];

enum acl_next {
	ACL_GO_ON,
	ACL_GO_ON_CHANGED, // the packet's connection state or mark as rules see them has changed
	ACL_STOP_DROP,	   // the packet must be dropped here
};

struct acl_target_kind {
	// Does what the target asks for; the walk goes on at the next rule. NULL: the target ends
	// the walk, or is a jump.
	enum acl_next (*apply)(const struct acl_rule *r, struct acl_view *v);
	uint8_t verdict; // enum acl_verdict where it ends the walk
	uint8_t flags;	 // enum acl_kind_flags
	uint8_t shares;	 // enum acl_shares
	enum acl_shares (*shares_of)(const struct cfg_target *t); // as in struct acl_match_kind
	bool (*fixed)(const struct cfg_target *t);		  // the same
	const char *(*name_of)(const struct cfg_target *t);
	struct acl_kind_state state;
	int (*prepare)(struct cfg_target *t, const struct acl_policy *p, enum cfg_family family,
		       struct cfg_err *err); // as of a match
	const void *thing;
};
extern const struct acl_target_kind acl_target_kind[CFG_TARGETS];

// Where this worker keeps what the match or target with this slot remembers; NULL in a hypothetical
// walk.
static inline void *
acl_state_of(const struct acl_view *v, uint32_t slot)
{
	return v->state != NULL ? v->state + slot : NULL;
}

// ---- judges and boxes, by file
enum acl_hit acl_tcp_judge(const struct cfg_match *m, const struct acl_view *v); // acl_match.c
enum acl_hit acl_udp_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_icmp_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_icmp6_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_multiport_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_state_judge(const struct cfg_match *m, const struct acl_view *v);
bool acl_tcp_boxes(struct acl_boxes *out, const struct cfg_match *m); // acl_box.c
bool acl_udp_boxes(struct acl_boxes *out, const struct cfg_match *m);
bool acl_icmp_boxes(struct acl_boxes *out, const struct cfg_match *m);
bool acl_icmp6_boxes(struct acl_boxes *out, const struct cfg_match *m);
bool acl_multiport_boxes(struct acl_boxes *out, const struct cfg_match *m);
bool acl_state_boxes(struct acl_boxes *out, const struct cfg_match *m);

bool acl_tcp_fixed(const struct cfg_match *m); // acl_record.c
bool acl_tcp_could(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_cluster_judge(const struct cfg_match *m,
			       const struct acl_view *v); // acl_match_cluster.c
enum acl_hit acl_connbytes_judge(const struct cfg_match *m,
				 const struct acl_view *v); // acl_match_conn.c
enum acl_hit acl_connlabel_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_shares acl_connlabel_shares(const struct cfg_match *m);
enum acl_hit acl_connmark_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_conntrack_judge(const struct cfg_match *m, const struct acl_view *v);
bool acl_conntrack_fixed(const struct cfg_match *m);
enum acl_shares acl_conntrack_shares(const struct cfg_match *m);
bool acl_conntrack_boxes(struct acl_boxes *out, const struct cfg_match *m); // acl_box.c
enum acl_hit acl_helper_judge(const struct cfg_match *m, const struct acl_view *v);

enum acl_hit acl_dscp_judge(const struct cfg_match *m,
			    const struct acl_view *v); // acl_match_more.c
enum acl_hit acl_ecn_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_eui64_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_hl_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_iprange_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_length_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_mac_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_mark_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_pkttype_judge(const struct cfg_match *m, const struct acl_view *v);
uint8_t acl_pkttype(const struct pl_pkt *p); // enum cfg_pkttype
enum acl_hit acl_tos_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_ttl_judge(const struct cfg_match *m, const struct acl_view *v);

enum acl_hit acl_addrtype_judge(const struct cfg_match *m,
				const struct acl_view *v); // acl_match_route.c
enum acl_hit acl_rpfilter_judge(const struct cfg_match *m, const struct acl_view *v);

// acl_match_ip6.c
enum acl_hit acl_dst_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_frag_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_hbh_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_ipv6header_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_mh_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_rt_judge(const struct cfg_match *m, const struct acl_view *v);
// The first extension header of this kind (IPPROTO_*) in an IPv6 packet: *at is its offset from the
// IP header, and 8 bytes of it are there. ACL_MISS: none before the upper layer or a later
// fragment's data; ACL_HOT: cut off.
enum acl_hit acl_ip6_find(const struct pl_pkt *p, uint8_t kind, uint32_t *at);

enum acl_hit acl_ah_judge(const struct cfg_match *m, const struct acl_view *v); // acl_match_l4.c
enum acl_hit acl_dccp_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_esp_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_ipcomp_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_physdev_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_policy_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_sctp_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_tcpmss_judge(const struct cfg_match *m, const struct acl_view *v);

enum acl_hit acl_bpf_judge(const struct cfg_match *m,
			   const struct acl_view *v); // acl_match_bpf.c
enum acl_hit acl_string_judge(const struct cfg_match *m,
			      const struct acl_view *v); // acl_match_payload.c
int acl_string_prepare(struct cfg_match *m, const struct acl_policy *p, enum cfg_family family,
		       struct cfg_err *err);
enum acl_hit acl_u32_judge(const struct cfg_match *m, const struct acl_view *v);

enum acl_hit acl_limit_judge(const struct cfg_match *m, const struct acl_view *v); // acl_limit.c
int acl_limit_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker);
#define ACL_LIMIT_SIZE 32

// acl_match_connlimit.c
enum acl_hit acl_connlimit_judge(const struct cfg_match *m, const struct acl_view *v);
int acl_connlimit_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker);
void acl_connlimit_free(void *state, const void *item);

// acl_match_hashlimit.c
enum acl_hit acl_hashlimit_judge(const struct cfg_match *m, const struct acl_view *v);
int acl_hashlimit_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker);

enum acl_hit acl_time_judge(const struct cfg_match *m,
			    const struct acl_view *v); // acl_match_time.c
int acl_time_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker);
#define ACL_TIME_SIZE 16

// acl_match_part.c
enum acl_hit acl_cpu_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_quota_judge(const struct cfg_match *m, const struct acl_view *v);
enum acl_hit acl_statistic_judge(const struct cfg_match *m, const struct acl_view *v);
int acl_quota_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker);
int acl_statistic_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker);

// acl_match_recent.c
enum acl_hit acl_recent_judge(const struct cfg_match *m, const struct acl_view *v);
int acl_recent_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker);

// acl_target_change.c
enum acl_next acl_dscp_apply(const struct acl_rule *r, struct acl_view *v);
enum acl_next acl_ecn_apply(const struct acl_rule *r, struct acl_view *v);
enum acl_next acl_hl_apply(const struct acl_rule *r, struct acl_view *v);
enum acl_next acl_tos_apply(const struct acl_rule *r, struct acl_view *v);
enum acl_next acl_ttl_apply(const struct acl_rule *r, struct acl_view *v);
// acl_target_hmark.c
enum acl_next acl_hmark_apply(const struct acl_rule *r, struct acl_view *v);
bool acl_hmark_fixed(const struct cfg_target *t);
// acl_target_npt.c
enum acl_next acl_dnpt_apply(const struct acl_rule *r, struct acl_view *v);
enum acl_next acl_snpt_apply(const struct acl_rule *r, struct acl_view *v);
// acl_target_tee.c
enum acl_next acl_tee_apply(const struct acl_rule *r, struct acl_view *v);
int acl_tee_prepare(struct cfg_target *t, const struct acl_policy *p, enum cfg_family family,
		    struct cfg_err *err);
// acl_target_tcp.c
enum acl_next acl_tcpmss_apply(const struct acl_rule *r, struct acl_view *v);
enum acl_next acl_tcpoptstrip_apply(const struct acl_rule *r, struct acl_view *v);
// acl_match_set.c
enum acl_hit acl_set_judge(const struct cfg_match *m, const struct acl_view *v);
int acl_set_prepare(struct cfg_match *m, const struct acl_policy *p, enum cfg_family family,
		    struct cfg_err *err);
enum acl_next acl_set_apply(const struct acl_rule *r, struct acl_view *v);
int acl_set_target_prepare(struct cfg_target *t, const struct acl_policy *p, enum cfg_family family,
			   struct cfg_err *err);
int acl_set_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker);
const char *acl_set_name(const struct cfg_match *m);
const char *acl_set_target_name(const struct cfg_target *t);
extern const char acl_set_thing;

// acl_target_log.c
enum acl_next acl_audit_apply(const struct acl_rule *r, struct acl_view *v);
enum acl_next acl_log_apply(const struct acl_rule *r, struct acl_view *v);
enum acl_next acl_nflog_apply(const struct acl_rule *r, struct acl_view *v);
enum acl_next acl_trace_apply(const struct acl_rule *r, struct acl_view *v);

enum acl_next acl_connmark_apply(const struct acl_rule *r, struct acl_view *v); // acl_target.c
enum acl_next acl_mark_apply(const struct acl_rule *r, struct acl_view *v);
enum acl_next acl_checksum_apply(const struct acl_rule *r, struct acl_view *v);
enum acl_next acl_ct_apply(const struct acl_rule *r, struct acl_view *v);
enum acl_next acl_notrack_apply(const struct acl_rule *r, struct acl_view *v);
