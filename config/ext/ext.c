// The table of extensions: which there are, how to find one, and which names of iptables are known
// but not supported.
//
// Called by both readers, both writers and the checker. All of it is constant data. The rows
// themselves stand beside their parse and show functions in config/ext/ext_*.c.
#include "config/ext/ext.h"

#include <string.h>

// In the alphabet's order.
// clang-format off
static const struct ext *const exts[] = {
	&ext_accept,
	&ext_addrtype,
	&ext_ah,
	&ext_audit,
	&ext_bpf,
	&ext_cgroup,
	&ext_checksum,
	&ext_classify,
	&ext_cluster,
	&ext_comment,
	&ext_connbytes,
	&ext_connlabel,
	&ext_connlimit,
	&ext_connmark,
	&ext_connmark_target,
	&ext_connsecmark,
	&ext_conntrack,
	&ext_cpu,
	&ext_ct,
	&ext_dccp,
	&ext_devgroup,
	&ext_dnat,
	&ext_dnpt,
	&ext_drop,
	&ext_dscp,
	&ext_dscp_target,
	&ext_dst,
	&ext_ecn,
	&ext_ecn_target,
	&ext_esp,
	&ext_eui64,
	&ext_frag,
	&ext_hashlimit,
	&ext_hbh,
	&ext_helper,
	&ext_hl,
	&ext_hl_target,
	&ext_hmark,
	&ext_icmp,
	&ext_icmp6,
	&ext_idletimer,
	&ext_ipcomp,
	&ext_iprange,
	&ext_ipv6header,
	&ext_length,
	&ext_limit,
	&ext_log,
	&ext_mac,
	&ext_mark,
	&ext_mark_target,
	&ext_masquerade,
	&ext_mh,
	&ext_multiport,
	&ext_netmap,
	&ext_nfacct,
	&ext_nflog,
	&ext_nfqueue,
	&ext_notrack,
	&ext_osf,
	&ext_owner,
	&ext_physdev,
	&ext_pkttype,
	&ext_policy,
	&ext_queue,
	&ext_quota,
	&ext_rateest_target,
	&ext_realm,
	&ext_recent,
	&ext_redirect,
	&ext_reject,
	&ext_return,
	&ext_rpfilter,
	&ext_rt,
	&ext_sctp,
	&ext_set,
	&ext_set_target,
	&ext_snat,
	&ext_snpt,
	&ext_socket,
	&ext_state,
	&ext_statistic,
	&ext_string,
	&ext_synproxy,
	&ext_tcp,
	&ext_tcpmss,
	&ext_tcpmss_target,
	&ext_tcpoptstrip,
	&ext_tee,
	&ext_time,
	&ext_tos,
	&ext_tos_target,
	&ext_tproxy,
	&ext_trace,
	&ext_ttl,
	&ext_ttl_target,
	&ext_u32,
	&ext_udp,
};
// clang-format on

// iptables 1.8.9 has these; a rule with one of them is refused by that name, and in YAML so is a
// key that is one of its options (the first few that people use without naming the extension).
struct other {
	const char *name, *options;
	const char *instead; // NULL: not supported yet
};
static const struct other other_match[] = {
	{"ipvs", "vproto,vaddr,vport",
	 "there is no virtual server here; match the service's address and port"},
	{"rateest", "rateest,rateest1,rateest2"},
};
static const struct other other_target[] = {
	{"CLUSTERIP", "hashmode,clustermac",
	 "Linux has dropped it, too; share an address between machines with VRRP"},
	{"LED", "led-trigger-id", "there are no lights here; LOG or NFLOG what should be seen"},
	{"SECMARK", "selctx", "packets have no security labels here; use MARK"},
	{"ULOG", "ulog-nlgroup,ulog-prefix", "NFLOG took its place"},
};

size_t
ext_count(void)
{
	return EXT_N(exts);
}

const struct ext *
ext_at(size_t i)
{
	return exts[i];
}

static bool
in_list(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (; list != NULL; list = strchr(list, ',') != NULL ? strchr(list, ',') + 1 : NULL)
		if (strncmp(list, word, n) == 0 && (list[n] == ',' || list[n] == '\0'))
			return true;
	return false;
}

static const struct ext *
find(const char *name, bool target)
{
	for (size_t i = 0; i < EXT_N(exts); i++)
		if (exts[i]->target == target &&
		    (strcmp(exts[i]->name, name) == 0 || in_list(exts[i]->alias, name)))
			return exts[i];
	return NULL;
}

const struct ext *
ext_match_find(const char *name)
{
	return find(name, false);
}

const struct ext *
ext_target_find(const char *name)
{
	return find(name, true);
}

static const struct ext *
by_id(int id, bool target)
{
	for (size_t i = 0; i < EXT_N(exts); i++)
		if (exts[i]->target == target && exts[i]->id == id)
			return exts[i];
	return NULL;
}

const struct ext *
ext_of_match(enum cfg_match_id id)
{
	return by_id(id, false);
}

const struct ext *
ext_of_target(enum cfg_target_id id)
{
	return by_id(id, true);
}

const char *
cfg_match_name(enum cfg_match_id id)
{
	return ext_of_match(id)->name;
}

const char *
cfg_target_name(enum cfg_target_id id)
{
	const struct ext *ext = ext_of_target(id);

	return ext != NULL ? ext->name : NULL;
}

const char *
ext_other_at(size_t i)
{
	size_t n = EXT_N(other_match);

	return i < n			     ? other_match[i].name
	       : i - n < EXT_N(other_target) ? other_target[i - n].name
					     : NULL;
}

bool
ext_is_known_match(const char *name)
{
	for (size_t i = 0; i < EXT_N(other_match); i++)
		if (strcmp(other_match[i].name, name) == 0)
			return true;
	return false;
}

bool
ext_is_known_target(const char *name)
{
	for (size_t i = 0; i < EXT_N(other_target); i++)
		if (strcmp(other_target[i].name, name) == 0)
			return true;
	return false;
}

void
ext_not_supported(struct cfg_err *err, struct cfg_pos pos, bool target, const char *name)
{
	const struct other *list = target ? other_target : other_match;
	size_t n = target ? EXT_N(other_target) : EXT_N(other_match);
	const char *kind = target ? "target" : "match", *instead = NULL;

	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0)
			instead = list[i].instead;
	if (instead != NULL)
		cfg_err_add(err, pos, "%s '%s' is not supported: %s", kind, name, instead);
	else
		cfg_err_add(err, pos, "%s '%s' is not supported yet", kind, name);
}

const char *
ext_chain_name_taken(enum cfg_table_id table, const char *name)
{
	if (ext_target_find(name) != NULL || ext_is_known_target(name))
		return "a target has this name";
	for (int h = 0; h < CFG_HOOKS; h++)
		if (strcmp(cfg_hook_name(h), name) == 0 && !cfg_table_has_hook(table, h))
			return "a built-in chain's name that this table does not have";
	return NULL;
}

const char *
ext_known_option(const char *name)
{
	for (size_t i = 0; i < EXT_N(other_match); i++)
		if (in_list(other_match[i].options, name))
			return other_match[i].name;
	for (size_t i = 0; i < EXT_N(other_target); i++)
		if (in_list(other_target[i].options, name))
			return other_target[i].name;
	return NULL;
}

const struct ext_opt *
ext_opt_by_key(const struct ext *ext, const char *key)
{
	for (size_t i = 0; i < ext->n_opt && key[0] != '\0'; i++) {
		const struct ext_opt *o = &ext->opt[i];

		if (strcmp(o->key != NULL ? o->key : o->name, key) == 0)
			return o;
	}
	return NULL;
}

const struct ext *
ext_of_key(const struct cfg_rule *rule, const char *key, const struct ext_opt **opt)
{
	const struct ext *target = ext_of_target(rule->target.id);

	if (target != NULL && (*opt = ext_opt_by_key(target, key)) != NULL)
		return target;
	for (size_t i = 0; i < EXT_N(exts); i++) {
		const struct ext *ext = exts[i];

		if (ext->target || (*opt = ext_opt_by_key(ext, key)) == NULL)
			continue;
		if (!ext->proto_key || (rule->proto == ext->proto[0] && !rule->proto_inv))
			return ext;
	}
	return NULL;
}

bool
ext_narrow(struct ext_in *in, uint8_t families, const char *what)
{
	if ((in->families & families) == 0) {
		cfg_err_add(in->err, in->pos, "'%s' is for %s, but the rule can only stand in %s",
			    what, families == CFG_IPV4 ? "IPv4" : "IPv6",
			    families == CFG_IPV4 ? "IPv6" : "IPv4");
		return false;
	}
	in->families &= families;
	return true;
}
