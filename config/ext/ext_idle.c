// CONNSECMARK, IDLETIMER, QUEUE and TPROXY: rows of the extension table with their parse and show
// functions. All of them work with something else in a host's kernel (security labels, timers that
// programs watch, programs that decide, sockets of a proxy), which is not here: such a rule is
// read, checked and printed like any other, but not run.
//
// Called through the table by both readers and both writers. Limits are those of iptables 1.8.9 and
// of the kernel's modules.
#include "config/ext/ext.h"
#include "config/value.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

// ---- CONNSECMARK
static bool
save_parse(struct ext_in *in)
{
	in->target->restore = false;
	return true;
}

static bool
save_show(struct ext_out *out)
{
	return !out->target->restore;
}

static bool
restore_parse(struct ext_in *in)
{
	in->target->restore = true;
	return true;
}

static bool
restore_show(struct ext_out *out)
{
	return out->target->restore;
}

static const char *
connsecmark_unable(const struct cfg_rule *rule, const void *item)
{
	(void)rule;
	(void)item;
	return "packets have no security labels here; use marks (MARK and CONNMARK) instead";
}

// ---- IDLETIMER
static bool
timeout_parse(struct ext_in *in)
{
	return ext_number(in, 1, CFG_IDLE_SECONDS_MAX, &in->target->idletimer.seconds);
}

static bool
timeout_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->target->idletimer.seconds);
	return true;
}

// The kernel makes a file of that name.
static bool
label_parse(struct ext_in *in)
{
	static const char *const taken[] = {".", "..", "power", "subsystem", "uevent"};
	struct cfg_t_idletimer *t = &in->target->idletimer;
	bool good;

	strncpy(t->label, in->value[0], sizeof(t->label) - 1);
	good = cfg_value_is_word(t->label) && strchr(t->label, '/') == NULL;
	for (size_t i = 0; i < EXT_N(taken); i++)
		good = good && strcmp(t->label, taken[i]) != 0;
	if (!good)
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is not a label (a word without '/', and no name that the "
			    "kernel takes itself)",
			    in->name, in->value[0]);
	return good;
}

static bool
label_show(struct ext_out *out)
{
	cfg_buf_add(out->text, out->target->idletimer.label);
	return true;
}

static bool
alarm_parse(struct ext_in *in)
{
	in->target->idletimer.alarm = true;
	return true;
}

static bool
alarm_show(struct ext_out *out)
{
	return out->target->idletimer.alarm;
}

static const char *
idletimer_unable(const struct cfg_rule *rule, const void *item)
{
	(void)rule;
	(void)item;
	return "there are no timers that a program could watch here; watch the counters of a rule "
	       "without target (ringwall list --json) instead";
}

// ---- QUEUE
static const char *
queue_unable(const struct cfg_rule *rule, const void *item)
{
	(void)rule;
	(void)item;
	return "no program can be asked about a packet here; let rules decide, and copy to a "
	       "program what it has to see with NFLOG";
}

// ---- TPROXY
// A service's name, or a number of which the lower 16 bits count, as 1.8.9 reads it.
static bool
on_port_parse(struct ext_in *in)
{
	const char *text = in->value[0];
	uint64_t v;

	if (cfg_value_u64(text, strlen(text), &v)) {
		in->target->tproxy.port = (uint16_t)v;
		return true;
	}
	if (text[0] != '0' && cfg_value_port(text, NULL, &in->target->tproxy.port))
		return true;
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a port", in->name, text);
	return false;
}

static bool
on_port_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->target->tproxy.port);
	return true;
}

static bool
on_ip_parse(struct ext_in *in)
{
	struct cfg_t_tproxy *t = &in->target->tproxy;

	if (!cfg_value_host(in->value[0], in->families, &t->family, t->addr)) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not an address of the rule's family",
			    in->name, in->value[0]);
		return false;
	}
	return ext_narrow(in, t->family, in->name);
}

static bool
on_ip_show(struct ext_out *out)
{
	const struct cfg_t_tproxy *t = &out->target->tproxy;

	if (t->family == 0 && out->yaml)
		return false;
	cfg_host_print(out->text, t->family != 0 ? t->family : out->family, t->addr);
	return true;
}

// VALUE or VALUE/MASK.
static bool
tproxy_mark_parse(struct ext_in *in)
{
	const char *text = in->value[0], *slash = strchr(text, '/');
	struct cfg_t_mark *m = &in->target->tproxy.mark;
	size_t n = strcspn(text, "/");
	char first[16] = "";

	m->mask = UINT32_MAX;
	if (n < sizeof(first))
		memcpy(first, text, n);
	if (cfg_value_u32(first, UINT32_MAX, &m->value) &&
	    (slash == NULL || cfg_value_u32(slash + 1, UINT32_MAX, &m->mask)))
		return true;
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not VALUE or VALUE/MASK of 32 bits",
		    in->name, text);
	return false;
}

static bool
tproxy_mark_show(struct ext_out *out)
{
	const struct cfg_t_mark *m = &out->target->tproxy.mark;

	cfg_buf_addf(out->text, "0x%x/0x%x", m->value, m->mask);
	return !out->yaml || m->value != 0 || m->mask != 0;
}

static bool
tproxy_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	(void)item;
	if ((rule->proto == IPPROTO_TCP || rule->proto == IPPROTO_UDP) && !rule->proto_inv)
		return true;
	cfg_err_add(err, pos, "target 'TPROXY' needs protocol tcp or udp in the same rule");
	return false;
}

static const char *
tproxy_unable(const struct cfg_rule *rule, const void *item)
{
	(void)rule;
	(void)item;
	return "the sockets of a proxy on this machine are its kernel's, which takes no packet "
	       "that is addressed to somebody else; send it to the proxy with REDIRECT or DNAT "
	       "(nat PREROUTING) instead";
}

static const struct ext_opt connsecmark_opt[] = {
	{.name = "save", .slot = 0, .parse = save_parse, .show = save_show},
	{.name = "restore", .slot = 0, .parse = restore_parse, .show = restore_show},
};
static const struct ext_opt idletimer_opt[] = {
	{.name = "timeout",
	 .slot = 0,
	 .value = EXT_WORD,
	 .required = true,
	 .pattern = EXT_P_NUMBER,
	 .parse = timeout_parse,
	 .show = timeout_show},
	{.name = "label",
	 .slot = 1,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = label_parse,
	 .show = label_show},
	{.name = "alarm", .slot = 2, .parse = alarm_parse, .show = alarm_show},
};
static const struct ext_opt tproxy_opt[] = {
	{.name = "on-port",
	 .slot = 0,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = on_port_parse,
	 .show = on_port_show},
	{.name = "on-ip", .slot = 1, .value = EXT_WORD, .parse = on_ip_parse, .show = on_ip_show},
	{.name = "tproxy-mark",
	 .slot = 2,
	 .value = EXT_WORD,
	 .parse = tproxy_mark_parse,
	 .show = tproxy_mark_show},
};

const struct ext ext_connsecmark = {
	.name = "CONNSECMARK",
	.target = true,
	.id = CFG_T_CONNSECMARK,
	.families = CFG_BOTH,
	.tables = 1 << CFG_MANGLE | 1 << CFG_SECURITY,
	.some_option = true,
	.opt = connsecmark_opt,
	.n_opt = EXT_N(connsecmark_opt),
	.unable = connsecmark_unable,
};
const struct ext ext_idletimer = {
	.name = "IDLETIMER",
	.target = true,
	.id = CFG_T_IDLETIMER,
	.families = CFG_BOTH,
	.opt = idletimer_opt,
	.n_opt = EXT_N(idletimer_opt),
	.unable = idletimer_unable,
};
const struct ext ext_queue = {
	.name = "QUEUE",
	.target = true,
	.id = CFG_T_QUEUE,
	.families = CFG_BOTH,
	.unable = queue_unable,
};
const struct ext ext_tproxy = {
	.name = "TPROXY",
	.target = true,
	.id = CFG_T_TPROXY,
	.families = CFG_BOTH,
	.tables = 1 << CFG_MANGLE,
	.hooks = 1 << CFG_PREROUTING,
	.opt = tproxy_opt,
	.n_opt = EXT_N(tproxy_opt),
	.check = tproxy_check,
	.unable = tproxy_unable,
};
