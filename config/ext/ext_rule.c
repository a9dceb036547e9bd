// The options of a rule itself, and of the targets that have no option: rows of the extension
// table.
//
// Parse functions fill struct cfg_rule, show functions print from it; both readers and both writers
// call them through the table. Comma lists of addresses are taken apart by the readers
// (config/rule_in.c).
#include "config/ext/ext.h"
#include "config/value.h"

#include <string.h>

static bool
addr_parse(struct ext_in *in, struct cfg_addr *a)
{
	const char *why;

	if (!cfg_value_addr(in->value[0], in->families, a, &why)) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is %s", in->name, in->value[0], why);
		return false;
	}
	a->invert = in->invert;
	return true;
}

static bool
source_parse(struct ext_in *in)
{
	return addr_parse(in, &in->rule->src);
}

static bool
destination_parse(struct ext_in *in)
{
	return addr_parse(in, &in->rule->dst);
}

static bool
addr_show(struct ext_out *out, const struct cfg_addr *a)
{
	if (a->family == 0 || (!out->yaml && cfg_addr_is_any(a)))
		return false;
	out->invert = a->invert;
	cfg_addr_print(out->text, a);
	return true;
}

static bool
source_show(struct ext_out *out)
{
	return addr_show(out, &out->rule->src);
}

static bool
destination_show(struct ext_out *out)
{
	return addr_show(out, &out->rule->dst);
}

static bool
iface_parse(struct ext_in *in, struct cfg_iface *i)
{
	const char *why;

	if (!cfg_value_iface(in->value[0], i, &why)) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\": %s", in->name, in->value[0], why);
		return false;
	}
	i->invert = in->invert;
	return true;
}

static bool
in_interface_parse(struct ext_in *in)
{
	return iface_parse(in, &in->rule->in);
}

static bool
out_interface_parse(struct ext_in *in)
{
	return iface_parse(in, &in->rule->out);
}

// iptables-save leaves the bare "+" out, inverted or not.
static bool
iface_show(struct ext_out *out, const struct cfg_iface *i)
{
	if (i->name[0] == '\0' && (!i->wildcard || !out->yaml))
		return false;
	out->invert = i->invert;
	cfg_iface_print(out->text, i);
	return true;
}

static bool
in_interface_show(struct ext_out *out)
{
	return iface_show(out, &out->rule->in);
}

static bool
out_interface_show(struct ext_out *out)
{
	return iface_show(out, &out->rule->out);
}

static bool
protocol_parse(struct ext_in *in)
{
	if (!cfg_value_proto(in->value[0], &in->rule->proto)) {
		cfg_err_add(in->err, in->pos,
			    "'%s': unknown protocol \"%s\" (expected a number up to 255 "
			    "or a name such as tcp)",
			    in->name, in->value[0]);
		return false;
	}
	if (in->rule->proto == 0 && in->invert) {
		cfg_err_add(in->err, in->pos, "'%s': no packet matches \"! %s\"", in->name,
			    in->value[0]);
		return false;
	}
	in->rule->proto_set = true;
	in->rule->proto_inv = in->invert;
	return true;
}

static bool
protocol_show(struct ext_out *out)
{
	const char *name = cfg_proto_name(out->rule->proto);

	if (!out->rule->proto_set || (out->rule->proto == 0 && !out->yaml))
		return false;
	out->invert = out->rule->proto_inv;
	if (name != NULL)
		cfg_buf_add(out->text, name);
	else
		cfg_buf_addf(out->text, "%u", out->rule->proto);
	return true;
}

static bool
fragment_parse(struct ext_in *in)
{
	in->rule->frag = true;
	in->rule->frag_inv = in->invert;
	return ext_narrow(in, CFG_IPV4, in->name);
}

static bool
fragment_show(struct ext_out *out)
{
	out->invert = out->rule->frag_inv;
	return out->rule->frag;
}

// In the order in which iptables-save prints them.
static const struct ext_opt rule_opt[] = {
	{.name = "source",
	 .letter = 's',
	 .slot = 0,
	 .value = EXT_LIST,
	 .invertible = true,
	 .parse = source_parse,
	 .show = source_show},
	{.name = "src", .slot = 0, .value = EXT_LIST, .invertible = true, .parse = source_parse},
	{.name = "destination",
	 .letter = 'd',
	 .slot = 1,
	 .value = EXT_LIST,
	 .invertible = true,
	 .parse = destination_parse,
	 .show = destination_show},
	{.name = "dst",
	 .slot = 1,
	 .value = EXT_LIST,
	 .invertible = true,
	 .parse = destination_parse},
	{.name = "in-interface",
	 .letter = 'i',
	 .slot = 2,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = in_interface_parse,
	 .show = in_interface_show},
	{.name = "out-interface",
	 .letter = 'o',
	 .slot = 3,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = out_interface_parse,
	 .show = out_interface_show},
	{.name = "protocol",
	 .letter = 'p',
	 .slot = 4,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = protocol_parse,
	 .show = protocol_show},
	{.name = "fragments",
	 .key = "fragment",
	 .letter = 'f',
	 .slot = 5,
	 .value = EXT_FLAG,
	 .invertible = true,
	 .parse = fragment_parse,
	 .show = fragment_show},
};

const struct ext ext_rule = {
	.name = "rule",
	.families = CFG_BOTH,
	.opt = rule_opt,
	.n_opt = EXT_N(rule_opt),
};

const struct ext ext_accept = {
	.name = "ACCEPT",
	.target = true,
	.id = CFG_T_ACCEPT,
	.families = CFG_BOTH,
};
// iptables refuses it in nat ("not intended for filtering"); a policy there may drop, as in the
// kernel.
const struct ext ext_drop = {
	.name = "DROP",
	.tables = 1 << CFG_RAW | 1 << CFG_MANGLE | 1 << CFG_FILTER | 1 << CFG_SECURITY,
	.target = true,
	.id = CFG_T_DROP,
	.families = CFG_BOTH,
};
const struct ext ext_return = {
	.name = "RETURN",
	.target = true,
	.id = CFG_T_RETURN,
	.families = CFG_BOTH,
};
