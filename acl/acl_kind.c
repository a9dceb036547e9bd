// The tables of match and target kinds: which function judges or applies each, what the compiler
// may make of it, whether its answer holds for a whole flow, and what a worker remembers for it.
// Constant data, read on every thread. Without ACL_K_FLOW nothing that the row had a part in is
// kept: that is the safe thing to say of a new one.
#include "acl/acl_kind.h"
#include "acl/acl_named.h"

// Both in the alphabet's order.
const struct acl_match_kind acl_match_kind[CFG_MATCHES] = {
	[CFG_M_ADDRTYPE] = {.judge = acl_addrtype_judge, .flags = ACL_K_FLOW | ACL_K_NET},
	[CFG_M_COMMENT] = {.flags = ACL_K_FLOW}, // not kept: asks nothing
	[CFG_M_CONNBYTES] = {.judge = acl_connbytes_judge, .shares = ACL_SHARES_FLOW},
	[CFG_M_CONNLABEL] = {.judge = acl_connlabel_judge,
			     .flags = ACL_K_FLOW | ACL_K_STATE,
			     .shares_of = acl_connlabel_shares},
	[CFG_M_CONNMARK] = {.judge = acl_connmark_judge, .flags = ACL_K_FLOW},
	[CFG_M_CONNTRACK] = {acl_conntrack_judge, acl_conntrack_boxes,
			     .shares_of = acl_conntrack_shares, .fixed = acl_conntrack_fixed},
	[CFG_M_CPU] = {.judge = acl_cpu_judge},
	[CFG_M_DSCP] = {.judge = acl_dscp_judge},
	[CFG_M_ECN] = {.judge = acl_ecn_judge},
	[CFG_M_HELPER] = {.judge = acl_helper_judge, .flags = ACL_K_FLOW},
	[CFG_M_HL] = {.judge = acl_hl_judge},
	[CFG_M_ICMP] = {acl_icmp_judge, acl_icmp_boxes},
	[CFG_M_ICMP6] = {acl_icmp6_judge, acl_icmp6_boxes},
	[CFG_M_IPRANGE] = {.judge = acl_iprange_judge, .flags = ACL_K_FLOW},
	[CFG_M_LENGTH] = {.judge = acl_length_judge},
	[CFG_M_LIMIT] = {acl_limit_judge, .flags = ACL_K_STATE, .shares = ACL_SHARES_RULE,
			 .state = {ACL_LIMIT_SIZE, acl_limit_init, NULL}},
	[CFG_M_MAC] = {.judge = acl_mac_judge},
	[CFG_M_MARK] = {.judge = acl_mark_judge, .flags = ACL_K_FLOW},
	[CFG_M_MULTIPORT] = {acl_multiport_judge, acl_multiport_boxes, ACL_K_FLOW},
	[CFG_M_PKTTYPE] = {.judge = acl_pkttype_judge},
	[CFG_M_QUOTA] = {acl_quota_judge, .flags = ACL_K_STATE, .shares = ACL_SHARES_RULE,
			 .state = {sizeof(uint64_t), acl_quota_init, NULL}},
	[CFG_M_RECENT] = {acl_recent_judge, .flags = ACL_K_STATE, .shares = ACL_SHARES_NAME46,
			  .name_of = cfg_recent_name,
			  .state = {sizeof(void *), acl_recent_init, NULL},
			  .named = &acl_recent_use},
	[CFG_M_RPFILTER] = {.judge = acl_rpfilter_judge, .flags = ACL_K_NET},
	[CFG_M_STATE] = {acl_state_judge, acl_state_boxes, ACL_K_FLOW},
	[CFG_M_STRING] = {.judge = acl_string_judge, .prepare = acl_string_prepare},
	[CFG_M_STATISTIC] = {acl_statistic_judge, .flags = ACL_K_STATE, .shares = ACL_SHARES_RULE,
			     .state = {sizeof(uint64_t), acl_statistic_init, NULL}},
	[CFG_M_TCP] = {acl_tcp_judge, acl_tcp_boxes, .fixed = acl_tcp_fixed,
		       .could = acl_tcp_could},
	[CFG_M_TOS] = {.judge = acl_tos_judge},
	[CFG_M_TTL] = {.judge = acl_ttl_judge},
	[CFG_M_U32] = {.judge = acl_u32_judge},
	[CFG_M_UDP] = {acl_udp_judge, acl_udp_boxes, ACL_K_FLOW},
};

const struct acl_target_kind acl_target_kind[CFG_TARGETS] = {
	[CFG_T_ACCEPT] = {.verdict = ACL_ACCEPT, .flags = ACL_K_FLOW},
	[CFG_T_AUDIT] = {acl_audit_apply},
	[CFG_T_CONNMARK] = {acl_connmark_apply, .flags = ACL_K_FLOW, .shares = ACL_SHARES_FLOW},
	[CFG_T_CT] = {acl_ct_apply, .flags = ACL_K_FLOW | ACL_K_UNTRACKS},
	[CFG_T_DNAT] = {.verdict = ACL_NAT, .flags = ACL_K_FLOW},
	[CFG_T_DROP] = {.verdict = ACL_DROP, .flags = ACL_K_FLOW},
	[CFG_T_LOG] = {acl_log_apply},
	[CFG_T_MARK] = {acl_mark_apply, .flags = ACL_K_FLOW},
	[CFG_T_MASQUERADE] = {.verdict = ACL_NAT, .flags = ACL_K_FLOW},
	[CFG_T_NFLOG] = {acl_nflog_apply},
	[CFG_T_NONE] = {.flags = ACL_K_FLOW},
	[CFG_T_NOTRACK] = {acl_notrack_apply, .flags = ACL_K_FLOW | ACL_K_UNTRACKS},
	[CFG_T_REDIRECT] = {.verdict = ACL_NAT, .flags = ACL_K_FLOW},
	[CFG_T_REJECT] = {.verdict = ACL_REJECT},
	[CFG_T_RETURN] = {.flags = ACL_K_FLOW},
	[CFG_T_JUMP] = {.flags = ACL_K_FLOW},
	[CFG_T_GOTO] = {.flags = ACL_K_FLOW},
	[CFG_T_SNAT] = {.verdict = ACL_NAT, .flags = ACL_K_FLOW},
	[CFG_T_TRACE] = {acl_trace_apply},
};
