// NOTRACK and CT: rows of the extension table with their parse and show functions, and the helpers
// that CT can name.
//
// Called through the table by both readers and both writers. As xt_CT, which looks at nothing else
// where a rule says --notrack.
#include "config/ext/ext.h"
#include "config/value.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

// A zone's number, or mark. Whichever option comes last says the number; mark stays once it was
// said.
static bool
zone_value(struct ext_in *in, uint8_t dirs)
{
	struct cfg_t_ct *ct = &in->target->ct;
	uint32_t zone;

	ct->zone_dirs |= dirs;
	if (strcasecmp(in->value[0], "mark") == 0) {
		ct->zone_mark = true;
		return true;
	}
	if (!cfg_value_u32(in->value[0], UINT16_MAX, &zone)) {
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is no zone (expected 0 to 65535, or mark)", in->name,
			    in->value[0]);
		return false;
	}
	ct->zone = (uint16_t)zone;
	return true;
}

static bool
zone_parse(struct ext_in *in)
{
	return zone_value(in, 0);
}

static bool
zone_orig_parse(struct ext_in *in)
{
	return zone_value(in, CFG_ZONE_ORIG);
}

static bool
zone_reply_parse(struct ext_in *in)
{
	return zone_value(in, CFG_ZONE_REPLY);
}

static bool
zone_value_show(struct ext_out *out, bool wanted)
{
	const struct cfg_t_ct *ct = &out->target->ct;

	if (!wanted || (ct->zone == 0 && !ct->zone_mark))
		return false;
	if (ct->zone_mark)
		cfg_buf_add(out->text, "mark");
	else
		cfg_buf_addf(out->text, "%u", ct->zone);
	return true;
}

static bool
zone_show(struct ext_out *out)
{
	uint8_t dirs = out->target->ct.zone_dirs;

	return zone_value_show(out, dirs == 0 || dirs == (CFG_ZONE_ORIG | CFG_ZONE_REPLY));
}

static bool
zone_orig_show(struct ext_out *out)
{
	return zone_value_show(out, out->target->ct.zone_dirs == CFG_ZONE_ORIG);
}

static bool
zone_reply_show(struct ext_out *out)
{
	return zone_value_show(out, out->target->ct.zone_dirs == CFG_ZONE_REPLY);
}

// In the order in which iptables-save prints them; their bits are in the same order.
static const char *const events[] = {"new",	  "related", "destroy", "reply",      "assured",
				     "protoinfo", "helper",  "mark",	"natseqinfo", "secmark"};

static bool
ctevents_parse(struct ext_in *in)
{
	const char *rest = in->value[0];
	char word[16];

	while (rest != NULL) {
		size_t i = 0;

		if (!cfg_value_next(&rest, word, sizeof(word)))
			word[0] = '\0';
		while (i < EXT_N(events) && strcmp(word, events[i]) != 0)
			i++;
		if (i == EXT_N(events)) {
			cfg_err_add(in->err, in->pos,
				    "'%s': unknown event in \"%s\" (expected a list of new, "
				    "related, destroy, reply, assured, protoinfo, helper, mark, "
				    "natseqinfo, secmark)",
				    in->name, in->value[0]);
			return false;
		}
		in->target->ct.ctevents |= (uint16_t)(1u << i);
	}
	return true;
}

static bool
ctevents_show(struct ext_out *out)
{
	const char *sep = "";

	for (size_t i = 0; i < EXT_N(events); i++) {
		if (!(out->target->ct.ctevents >> i & 1))
			continue;
		cfg_buf_add(out->text, sep);
		cfg_buf_add(out->text, events[i]);
		sep = ",";
	}
	return out->target->ct.ctevents != 0;
}

static bool
expevents_parse(struct ext_in *in)
{
	in->target->ct.expevents = strcmp(in->value[0], "new") == 0;
	if (!in->target->ct.expevents)
		cfg_err_add(in->err, in->pos, "'%s': unknown event in \"%s\" (expected new)",
			    in->name, in->value[0]);
	return in->target->ct.expevents;
}

static bool
expevents_show(struct ext_out *out)
{
	if (out->target->ct.expevents)
		cfg_buf_add(out->text, "new");
	return out->target->ct.expevents;
}

static bool
timeout_parse(struct ext_in *in)
{
	size_t n = strlen(in->value[0]);

	if (n == 0 || n >= CFG_TIMEOUT_NAME) {
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is no name of a timeout policy (1 to %d "
			    "bytes)",
			    in->name, in->value[0], CFG_TIMEOUT_NAME - 1);
		return false;
	}
	in->target->data = strdup(in->value[0]);
	in->target->data_size = n + 1;
	if (in->target->data == NULL)
		cfg_err_add(in->err, in->pos, "out of memory");
	return in->target->data != NULL;
}

static bool
timeout_show(struct ext_out *out)
{
	if (out->target->data == NULL)
		return false;
	cfg_buf_add(out->text, out->target->data);
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

	if (t->ct.notrack)
		return NULL;
	if (t->ct.ctevents != 0 || t->ct.expevents)
		return "it tells nobody of single connections' events: leave ctevents and "
		       "expevents away, and choose from the list of flows instead";
	if (t->ct.helper_name[0] == '\0')
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
	{.name = "timeout",
	 .slot = 2,
	 .value = EXT_WORD,
	 .parse = timeout_parse,
	 .show = timeout_show},
	{.name = "ctevents",
	 .slot = 3,
	 .value = EXT_LIST,
	 .parse = ctevents_parse,
	 .show = ctevents_show},
	{.name = "expevents",
	 .slot = 4,
	 .value = EXT_LIST,
	 .parse = expevents_parse,
	 .show = expevents_show},
	{.name = "zone-orig",
	 .slot = 5,
	 .value = EXT_WORD,
	 .parse = zone_orig_parse,
	 .show = zone_orig_show},
	{.name = "zone-reply",
	 .slot = 6,
	 .value = EXT_WORD,
	 .parse = zone_reply_parse,
	 .show = zone_reply_show},
	{.name = "zone", .slot = 7, .value = EXT_WORD, .parse = zone_parse, .show = zone_show},
};

const struct ext ext_notrack = {
	.name = "NOTRACK",
	.target = true,
	.id = CFG_T_NOTRACK,
	.families = CFG_BOTH,
	.tables = 1 << CFG_RAW,
};
// A bare CT is not nothing: no NOTRACK behind it counts.
const struct ext ext_ct = {
	.name = "CT",
	.target = true,
	.id = CFG_T_CT,
	.families = CFG_BOTH,
	.tables = 1 << CFG_RAW,
	.opt = ct_opt,
	.n_opt = EXT_N(ct_opt),
	.check = ct_check,
	.unable = ct_unable,
};
