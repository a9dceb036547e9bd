// SNPT, DNPT and TEE: rows of the extension table with their parse and show functions, called
// through the table by both readers and both writers. Limits are those of iptables 1.8.9 and of the
// kernel's ip6t_NPT and xt_TEE.
#include "config/ext/ext.h"
#include "config/value.h"

#include <string.h>

#define PREFIX_MAX 64

// ---- SNPT, DNPT
// ADDRESS[/LENGTH | /MASK] without bits behind the length.
static bool
prefix_word(struct ext_in *in, uint8_t prefix[16], uint8_t *len)
{
	const char *text = in->value[0], *why;
	size_t n = strcspn(text, "/");
	uint8_t host[16], family;
	struct cfg_addr a = {0};
	char address[64] = "";
	int ones;

	if (n < sizeof(address))
		memcpy(address, text, n);
	if (!cfg_value_host(address, CFG_IPV6, &family, host) ||
	    !cfg_value_addr(text, CFG_IPV6, &a, &why)) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not an IPv6 prefix", in->name, text);
		return false;
	}
	ones = cfg_mask_len(a.mask, CFG_IPV6);
	if (ones < 0 || ones > PREFIX_MAX) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is longer than /%u", in->name, text,
			    PREFIX_MAX);
		return false;
	}
	if (memcmp(a.addr, host, sizeof(host)) != 0) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" has bits set behind its length",
			    in->name, text);
		return false;
	}
	memcpy(prefix, host, sizeof(host));
	*len = (uint8_t)ones;
	return true;
}

static bool
src_pfx_parse(struct ext_in *in)
{
	return prefix_word(in, in->target->npt.src, &in->target->npt.src_len);
}

static bool
dst_pfx_parse(struct ext_in *in)
{
	return prefix_word(in, in->target->npt.dst, &in->target->npt.dst_len);
}

// iptables-save leaves out ::/0.
static bool
prefix_show(struct ext_out *out, const uint8_t prefix[16], uint8_t len)
{
	cfg_host_print(out->text, CFG_IPV6, prefix);
	cfg_buf_addf(out->text, "/%u", len);
	return out->yaml || len != 0;
}

static bool
src_pfx_show(struct ext_out *out)
{
	return prefix_show(out, out->target->npt.src, out->target->npt.src_len);
}

static bool
dst_pfx_show(struct ext_out *out)
{
	return prefix_show(out, out->target->npt.dst, out->target->npt.dst_len);
}

// ---- TEE
static bool
gateway_parse(struct ext_in *in)
{
	static const uint8_t none[16];
	struct cfg_t_tee *t = &in->target->tee;

	if (!cfg_value_host(in->value[0], in->families, &t->family, t->gateway) ||
	    memcmp(t->gateway, none, sizeof(none)) == 0) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not an address of the rule's family",
			    in->name, in->value[0]);
		return false;
	}
	return ext_narrow(in, t->family, in->name);
}

static bool
gateway_show(struct ext_out *out)
{
	cfg_host_print(out->text, out->target->tee.family, out->target->tee.gateway);
	return true;
}

static bool
oif_parse(struct ext_in *in)
{
	char *name = in->target->tee.oif;

	strncpy(name, in->value[0], sizeof(in->target->tee.oif) - 1);
	if (in->value[0][0] == '\0' || cfg_value_is_word(name))
		return true;
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not an interface's name", in->name,
		    in->value[0]);
	return false;
}

static bool
oif_show(struct ext_out *out)
{
	cfg_buf_add(out->text, out->target->tee.oif);
	return out->target->tee.oif[0] != '\0';
}

static const struct ext_opt npt_opt[] = {
	{.name = "src-pfx",
	 .slot = 0,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = src_pfx_parse,
	 .show = src_pfx_show},
	{.name = "dst-pfx",
	 .slot = 1,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = dst_pfx_parse,
	 .show = dst_pfx_show},
};
static const struct ext_opt tee_opt[] = {
	{.name = "gateway",
	 .slot = 0,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = gateway_parse,
	 .show = gateway_show},
	{.name = "oif", .slot = 1, .value = EXT_WORD, .parse = oif_parse, .show = oif_show},
};

#define NPT(text, number, hook_bits)                                                               \
	.name = text, .target = true, .id = number, .families = CFG_IPV6,                          \
	.tables = 1 << CFG_MANGLE, .hooks = hook_bits, .opt = npt_opt, .n_opt = EXT_N(npt_opt)

const struct ext ext_dnpt = {NPT("DNPT", CFG_T_DNPT, 1 << CFG_PREROUTING | 1 << CFG_OUTPUT)};
const struct ext ext_snpt = {NPT("SNPT", CFG_T_SNPT, 1 << CFG_INPUT | 1 << CFG_POSTROUTING)};
const struct ext ext_tee = {
	.name = "TEE",
	.target = true,
	.id = CFG_T_TEE,
	.families = CFG_BOTH,
	.opt = tee_opt,
	.n_opt = EXT_N(tee_opt),
};
