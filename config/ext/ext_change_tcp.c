// Targets that change a TCP header's options: TCPMSS and TCPOPTSTRIP. Rows of the extension table
// with their parse and show functions, called through the table by both readers and both writers.
// Limits are those of iptables 1.8.9 and of the kernel's xt_TCPMSS and xt_TCPOPTSTRIP.
#include "config/ext/ext.h"
#include "config/value.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

// Largest packet less the IP header.
#define MSS_MAX4 (65535 - 20)
#define MSS_MAX6 (65535 - 40)

static const uint8_t tcp_only[] = {IPPROTO_TCP, 0};

// The one that was given last counts.
static bool
set_mss_parse(struct ext_in *in)
{
	uint32_t v;

	if (!ext_number(in, 0, in->families & CFG_IPV6 ? MSS_MAX6 : MSS_MAX4, &v))
		return false;
	in->target->tcpmss = (struct cfg_t_tcpmss){.mss = (uint16_t)v};
	return true;
}

static bool
set_mss_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->target->tcpmss.mss);
	return !out->target->tcpmss.clamp;
}

static bool
clamp_parse(struct ext_in *in)
{
	in->target->tcpmss = (struct cfg_t_tcpmss){.clamp = true};
	return true;
}

static bool
clamp_show(struct ext_out *out)
{
	return out->target->tcpmss.clamp;
}

static uint8_t
tcpmss_hooks(const void *item)
{
	const struct cfg_target *t = item;

	return t->tcpmss.clamp ? 1 << CFG_FORWARD | 1 << CFG_OUTPUT | 1 << CFG_POSTROUTING : 0;
}

// Only a SYN has room for the option: some tcp match must ask for one.
static bool
tcpmss_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	(void)item;
	for (size_t i = 0; i < rule->n_match; i++) {
		const struct cfg_m_ports *m = &rule->match[i].ports;

		if (rule->match[i].id == CFG_M_TCP && m->flags_set && !m->flags_inv &&
		    (m->flags_comp & TH_SYN))
			return true;
	}
	cfg_err_add(err, pos,
		    "target 'TCPMSS' needs a match for SYN in the same rule ('syn', or "
		    "'tcp-flags' with SYN set)");
	return false;
}

static const struct {
	const char *name;
	uint8_t kind;
} option_names[] = {
	{"wscale", 3}, {"mss", 2},	 {"sack-permitted", 4},
	{"sack", 5},   {"timestamp", 8}, {"md5", 19},
};

static bool
strip_one(struct ext_in *in, const char *word, uint32_t *kind)
{
	for (size_t i = 0; i < EXT_N(option_names); i++) {
		if (strcmp(word, option_names[i].name) == 0) {
			*kind = option_names[i].kind;
			return true;
		}
	}
	if (cfg_value_u32(word, UINT8_MAX, kind) && *kind > 1)
		return true;
	cfg_err_add(in->err, in->pos,
		    "'%s': \"%s\" is not an option to strip (expected 2 to 255, or mss, wscale, "
		    "sack-permitted, sack, timestamp, md5)",
		    in->name, word);
	return false;
}

static bool
strip_parse(struct ext_in *in)
{
	uint32_t *bits = in->target->tcpoptstrip.kind, kind;
	const char *rest = in->value[0];
	char word[32];

	while (rest != NULL) {
		if (!cfg_value_next(&rest, word, sizeof(word)))
			strcpy(word, "...");
		if (!strip_one(in, word, &kind))
			return false;
		if (bits[kind / 32] >> kind % 32 & 1) {
			cfg_err_add(in->err, in->pos, "'%s': option %u stands twice", in->name,
				    kind);
			return false;
		}
		bits[kind / 32] |= UINT32_C(1) << kind % 32;
	}
	return true;
}

static bool
strip_show(struct ext_out *out)
{
	const uint32_t *bits = out->target->tcpoptstrip.kind;
	bool any = false;

	for (unsigned kind = 0; kind < 256; kind++) {
		if (!(bits[kind / 32] >> kind % 32 & 1))
			continue;
		cfg_buf_addf(out->text, "%s%u", any ? "," : "", kind);
		any = true;
	}
	return any;
}

static const struct ext_opt tcpmss_opt[] = {
	{.name = "set-mss",
	 .slot = 0,
	 .value = EXT_WORD,
	 .pattern = EXT_P_NUMBER,
	 .parse = set_mss_parse,
	 .show = set_mss_show},
	{.name = "clamp-mss-to-pmtu",
	 .slot = 1,
	 .value = EXT_FLAG,
	 .parse = clamp_parse,
	 .show = clamp_show},
};
static const struct ext_opt tcpoptstrip_opt[] = {
	{.name = "strip-options", .value = EXT_LIST, .parse = strip_parse, .show = strip_show},
};

const struct ext ext_tcpmss_target = {
	.name = "TCPMSS",
	.target = true,
	.id = CFG_T_TCPMSS,
	.families = CFG_BOTH,
	.hooks_of = tcpmss_hooks,
	.some_option = true,
	.opt = tcpmss_opt,
	.n_opt = EXT_N(tcpmss_opt),
	.check = tcpmss_check,
};
const struct ext ext_tcpoptstrip = {
	.name = "TCPOPTSTRIP",
	.target = true,
	.id = CFG_T_TCPOPTSTRIP,
	.families = CFG_BOTH,
	.tables = 1 << CFG_MANGLE,
	.proto = tcp_only,
	.opt = tcpoptstrip_opt,
	.n_opt = EXT_N(tcpoptstrip_opt),
};
