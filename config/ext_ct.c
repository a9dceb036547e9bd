// NOTRACK and CT: rows of the extension table with their parse and show functions, and the helpers
// that CT can name.
//
// Called through the table by both readers and both writers. CT's options that have a row without a
// parse function are refused by name. As xt_CT, which looks at nothing else where a rule says
// --notrack.
#include "config/ext.h"

#include <netinet/in.h>
#include <string.h>

// All that Linux 6.x brings, by the protocols and families it has them for.
static const struct helper {
	const char *name;
	enum cfg_helper id;
	uint8_t proto[2];
	uint8_t families;
} helpers[] = {
	{"H.245", CFG_HELPER_OTHER, {IPPROTO_UDP}, CFG_BOTH},
	{"Q.931", CFG_HELPER_OTHER, {IPPROTO_TCP}, CFG_BOTH},
	{"RAS", CFG_HELPER_OTHER, {IPPROTO_UDP}, CFG_BOTH},
	{"amanda", CFG_HELPER_OTHER, {IPPROTO_UDP}, CFG_BOTH},
	{"ftp", CFG_HELPER_FTP, {IPPROTO_TCP}, CFG_BOTH},
	{"irc", CFG_HELPER_OTHER, {IPPROTO_TCP}, CFG_IPV4},
	{"netbios-ns", CFG_HELPER_OTHER, {IPPROTO_UDP}, CFG_IPV4},
	{"pptp", CFG_HELPER_OTHER, {IPPROTO_TCP}, CFG_IPV4},
	{"sane", CFG_HELPER_OTHER, {IPPROTO_TCP}, CFG_BOTH},
	{"sip", CFG_HELPER_SIP, {IPPROTO_UDP, IPPROTO_TCP}, CFG_BOTH},
	{"snmp", CFG_HELPER_OTHER, {IPPROTO_UDP}, CFG_IPV4},
	{"snmp_trap", CFG_HELPER_OTHER, {IPPROTO_UDP}, CFG_IPV4},
	{"tftp", CFG_HELPER_TFTP, {IPPROTO_UDP}, CFG_BOTH},
};

static const struct helper *
helper_find(const char *name)
{
	for (size_t i = 0; i < EXT_N(helpers); i++)
		if (strcmp(helpers[i].name, name) == 0)
			return &helpers[i];
	return NULL;
}

const char *
cfg_helper_name(enum cfg_helper id)
{
	for (size_t i = 0; i < EXT_N(helpers); i++)
		if (helpers[i].id == id && id != CFG_HELPER_OTHER)
			return helpers[i].name;
	return "";
}

static bool
notrack_parse(struct ext_in *in)
{
	in->target->ct.notrack = true;
	return true;
}

static bool
notrack_show(struct ext_out *out)
{
	return out->target->ct.notrack;
}

// Longer names are cut off, as iptables does; whether there is such a helper shows when the rule is
// complete.
static bool
helper_parse(struct ext_in *in)
{
	struct cfg_t_ct *ct = &in->target->ct;
	size_t n = strnlen(in->value[0], sizeof(ct->helper_name) - 1);
	const struct helper *h;

	memcpy(ct->helper_name, in->value[0], n);
	ct->helper_name[n] = '\0';
	h = helper_find(ct->helper_name);
	ct->helper = h != NULL ? h->id : CFG_HELPER_NONE;
	return true;
}

static bool
helper_show(struct ext_out *out)
{
	const char *name = out->target->ct.helper_name;

	if (name[0] == '\0')
		return false;
	cfg_buf_add(out->text, name);
	return true;
}

static bool
ct_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	const struct cfg_target *t = item;
	const char *name = t->ct.helper_name;
	const struct helper *h = helper_find(name);

	if (t->ct.notrack || name[0] == '\0')
		return true;
	if (h == NULL) {
		cfg_err_add(err, pos, "CT: no such helper \"%s\" (expected ftp, sip or tftp)",
			    name);
		return false;
	}
	if (!rule->proto_set || rule->proto_inv ||
	    (rule->proto != h->proto[0] && (h->proto[1] == 0 || rule->proto != h->proto[1]))) {
		cfg_err_add(err, pos,
			    "CT: helper \"%s\" needs a rule with its protocol (expected %s)", name,
			    h->proto[0] == IPPROTO_TCP ? "tcp"
			    : h->proto[1] != 0	       ? "udp or tcp"
						       : "udp");
		return false;
	}
	if ((rule->family & ~h->families) != 0) {
		cfg_err_add(err, pos, "CT: helper \"%s\" is for IPv4 only (expected family: ipv4)",
			    name);
		return false;
	}
	return true;
}

static const char *
ct_unable(const struct cfg_rule *rule, const void *item)
{
	const struct cfg_target *t = item;

	if (t->ct.notrack || t->ct.helper_name[0] == '\0')
		return NULL;
	if (t->ct.helper == CFG_HELPER_SIP && rule->proto == IPPROTO_TCP)
		return "its SIP helper reads UDP: let the phones use that, or allow their calls "
		       "and "
		       "media by rules of their own";
	if (t->ct.helper != CFG_HELPER_OTHER)
		return NULL;
	return "it has no such helper: allow the flows that the helper would expect by rules of "
	       "their own";
}

static const struct ext_opt ct_opt[] = {
	{.name = "notrack",
	 .slot = 0,
	 .value = EXT_FLAG,
	 .parse = notrack_parse,
	 .show = notrack_show},
	{.name = "helper",
	 .slot = 1,
	 .value = EXT_WORD,
	 .parse = helper_parse,
	 .show = helper_show},
	{.name = "timeout", .slot = 2, .value = EXT_WORD},
	{.name = "ctevents", .slot = 3, .value = EXT_LIST},
	{.name = "expevents", .slot = 4, .value = EXT_LIST},
	{.name = "zone-orig", .slot = 5, .value = EXT_WORD},
	{.name = "zone-reply", .slot = 6, .value = EXT_WORD},
	{.name = "zone", .slot = 7, .value = EXT_WORD},
};

const struct ext ext_notrack = {
	.name = "NOTRACK",
	.target = true,
	.id = CFG_T_NOTRACK,
	.families = CFG_BOTH,
	.tables = 1 << CFG_RAW,
};
// iptables 1.8.9 takes a bare CT, which changes nothing; here it has to say something.
const struct ext ext_ct = {
	.name = "CT",
	.target = true,
	.id = CFG_T_CT,
	.families = CFG_BOTH,
	.tables = 1 << CFG_RAW,
	.some_option = true,
	.opt = ct_opt,
	.n_opt = EXT_N(ct_opt),
	.check = ct_check,
	.unable = ct_unable,
};
