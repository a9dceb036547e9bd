// REJECT: its row of the extension table and the names of the answers it can send.
//
// Called through the table by both readers and both writers. A rule of both families may leave the
// answer out (port-unreachable of the packet's family) or ask for a TCP reset; every other answer
// belongs to one family and takes the rule there.
#include "config/ext/ext.h"

#include <netinet/in.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name, *alias;
	uint8_t families;
	enum cfg_reject with;
} rejects[] = {
	// In iptables' own order: the first name that begins with the word given is meant.
	{"icmp-net-unreachable", "net-unreach", CFG_IPV4, CFG_REJ_NET_UNREACH},
	{"icmp-host-unreachable", "host-unreach", CFG_IPV4, CFG_REJ_HOST_UNREACH},
	{"icmp-proto-unreachable", "proto-unreach", CFG_IPV4, CFG_REJ_PROTO_UNREACH},
	{"icmp-port-unreachable", "port-unreach", CFG_IPV4, CFG_REJ_PORT_UNREACH},
	{"icmp-net-prohibited", "net-prohib", CFG_IPV4, CFG_REJ_NET_PROHIB},
	{"icmp-host-prohibited", "host-prohib", CFG_IPV4, CFG_REJ_HOST_PROHIB},
	{"tcp-reset", "tcp-rst", CFG_IPV4, CFG_REJ_TCP_RESET},
	{"icmp-admin-prohibited", "admin-prohib", CFG_IPV4, CFG_REJ_ADMIN_PROHIB},
	{"icmp6-no-route", "no-route", CFG_IPV6, CFG_REJ6_NO_ROUTE},
	{"icmp6-adm-prohibited", "adm-prohibited", CFG_IPV6, CFG_REJ6_ADM_PROHIBITED},
	{"icmp6-addr-unreachable", "addr-unreach", CFG_IPV6, CFG_REJ6_ADDR_UNREACH},
	{"icmp6-port-unreachable", "port-unreach", CFG_IPV6, CFG_REJ6_PORT_UNREACH},
	{"tcp-reset", "tcp-reset", CFG_IPV6, CFG_REJ_TCP_RESET},
	{"icmp6-policy-fail", "policy-fail", CFG_IPV6, CFG_REJ6_POLICY_FAIL},
	{"icmp6-reject-route", "reject-route", CFG_IPV6, CFG_REJ6_REJECT_ROUTE},
};

// The row that a word means in one family, or -1.
static int
reject_row(const char *word, uint8_t family)
{
	size_t len = strlen(word);

	for (size_t i = 0; i < EXT_N(rejects) && len > 0; i++)
		if ((rejects[i].families & family) &&
		    (strncasecmp(rejects[i].name, word, len) == 0 ||
		     strncasecmp(rejects[i].alias, word, len) == 0))
			return i;
	return -1;
}

static bool
reject_parse(struct ext_in *in)
{
	int row4 = in->families & CFG_IPV4 ? reject_row(in->value[0], CFG_IPV4) : -1;
	int row6 = in->families & CFG_IPV6 ? reject_row(in->value[0], CFG_IPV6) : -1;

	if (row4 < 0 && row6 < 0) {
		cfg_err_add(in->err, in->pos, "'%s': unknown answer \"%s\" (expected %s)", in->name,
			    in->value[0],
			    in->families == CFG_IPV6
				    ? "icmp6-port-unreachable, icmp6-no-route, "
				      "icmp6-adm-prohibited, icmp6-addr-unreachable, "
				      "icmp6-policy-fail, icmp6-reject-route or tcp-reset"
				    : "icmp-port-unreachable, icmp-net-unreachable, "
				      "icmp-host-unreachable, icmp-proto-unreachable, "
				      "icmp-net-prohibited, icmp-host-prohibited, "
				      "icmp-admin-prohibited, tcp-reset, or icmp6-... in IPv6");
		return false;
	}
	// A word of both families ("port-unreach", "tcp-rst") leaves the rule in both.
	if (row4 >= 0 && row6 >= 0)
		in->target->reject = rejects[row4].with == CFG_REJ_TCP_RESET ? CFG_REJ_TCP_RESET
									     : CFG_REJ_DEFAULT;
	else
		in->target->reject = rejects[row4 >= 0 ? row4 : row6].with;
	if (row4 < 0 || row6 < 0)
		return ext_narrow(in, row4 >= 0 ? CFG_IPV4 : CFG_IPV6, in->name);
	return true;
}

static bool
reject_show(struct ext_out *out)
{
	enum cfg_reject with = out->target->reject;

	if (with == CFG_REJ_DEFAULT) {
		if (out->yaml)
			return false;
		with = out->family == CFG_IPV4 ? CFG_REJ_PORT_UNREACH : CFG_REJ6_PORT_UNREACH;
	}
	for (size_t i = 0; i < EXT_N(rejects); i++) {
		if (rejects[i].with == with) {
			cfg_buf_add(out->text, rejects[i].name);
			return true;
		}
	}
	return false;
}

static bool
reject_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	const struct cfg_target *t = item;

	if (t->reject != CFG_REJ_TCP_RESET || (rule->proto == IPPROTO_TCP && !rule->proto_inv))
		return true;
	cfg_err_add(err, pos, "reject-with tcp-reset needs protocol tcp in the same rule");
	return false;
}

static const struct ext_opt reject_opt[] = {
	{.name = "reject-with", .value = EXT_WORD, .parse = reject_parse, .show = reject_show},
};

const struct ext ext_reject = {
	.name = "REJECT",
	.target = true,
	.id = CFG_T_REJECT,
	.families = CFG_BOTH,
	.tables = 1 << CFG_FILTER,
	.hooks = 1 << CFG_INPUT | 1 << CFG_FORWARD | 1 << CFG_OUTPUT,
	.opt = reject_opt,
	.n_opt = EXT_N(reject_opt),
	.check = reject_check,
};
