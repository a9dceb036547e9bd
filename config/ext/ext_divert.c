// NFQUEUE and SYNPROXY: rows of the extension table with their parse and show functions. They give
// a packet to a program or a proxy of the host's kernel, which is not here: such a rule is read,
// checked and printed like any other, but not run.
//
// Called through the table by both readers and both writers.
#include "config/ext/ext.h"

#include <netinet/in.h>

static bool
queue_num_parse(struct ext_in *in)
{
	uint32_t v;

	if (!ext_number(in, 0, UINT16_MAX, &v))
		return false;
	in->target->nfqueue.first = in->target->nfqueue.last = v;
	return true;
}

static bool
queue_num_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->target->nfqueue.first);
	return out->target->nfqueue.first == out->target->nfqueue.last;
}

// FIRST:LAST; the kernel counts them in 16 bits, so all 65536 are too many.
static bool
queue_balance_parse(struct ext_in *in)
{
	struct cfg_range32 r = {0, 0};

	if (!ext_range(in, UINT16_MAX, &r))
		return false;
	if (r.lo >= r.hi || r.hi - r.lo == UINT16_MAX) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not FIRST:LAST, 2 to 65535 queues",
			    in->name, in->value[0]);
		return false;
	}
	in->target->nfqueue.first = r.lo;
	in->target->nfqueue.last = r.hi;
	return true;
}

static bool
queue_balance_show(struct ext_out *out)
{
	const struct cfg_t_nfqueue *q = &out->target->nfqueue;

	if (q->first == q->last)
		return false;
	cfg_buf_addf(out->text, "%u:%u", q->first, q->last);
	return true;
}

#define FLAG(of, field)                                                                            \
	static bool field##_parse(struct ext_in *in)                                               \
	{                                                                                          \
		in->target->of.field = true;                                                       \
		return true;                                                                       \
	}                                                                                          \
	static bool field##_show(struct ext_out *out)                                              \
	{                                                                                          \
		return out->target->of.field;                                                      \
	}
FLAG(nfqueue, bypass)
FLAG(nfqueue, cpu_fanout)
FLAG(synproxy, sack_perm)
FLAG(synproxy, timestamp)
FLAG(synproxy, ecn)

static bool
nfqueue_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos,
	      struct cfg_err *err)
{
	const struct cfg_target *t = item;

	(void)rule;
	if (!t->nfqueue.cpu_fanout || t->nfqueue.first != t->nfqueue.last)
		return true;
	cfg_err_add(err, pos, "'queue-cpu-fanout' needs 'queue-balance'");
	return false;
}

static const char *
nfqueue_unable(const struct cfg_rule *rule, const void *item)
{
	(void)rule;
	(void)item;
	return "no program can be asked about a packet here; let rules decide, and copy to a "
	       "program what it has to see with NFLOG";
}

static bool
wscale_parse(struct ext_in *in)
{
	uint32_t v;

	if (!ext_number(in, 0, UINT8_MAX, &v))
		return false;
	in->target->synproxy.wscale_set = true;
	in->target->synproxy.wscale = v;
	return true;
}

static bool
wscale_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->target->synproxy.wscale);
	return out->target->synproxy.wscale_set;
}

static bool
mss_parse(struct ext_in *in)
{
	uint32_t v;

	if (!ext_number(in, 0, UINT16_MAX, &v))
		return false;
	in->target->synproxy.mss_set = true;
	in->target->synproxy.mss = v;
	return true;
}

static bool
mss_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->target->synproxy.mss);
	return out->target->synproxy.mss_set;
}

static bool
synproxy_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos,
	       struct cfg_err *err)
{
	(void)item;
	if (rule->proto == IPPROTO_TCP && !rule->proto_inv)
		return true;
	cfg_err_add(err, pos, "target 'SYNPROXY' needs protocol tcp in the same rule");
	return false;
}

static const char *
synproxy_unable(const struct cfg_rule *rule, const void *item)
{
	(void)rule;
	(void)item;
	return "no handshake is answered for a server here; bound the rate of SYNs with limit, and "
	       "let the server send SYN cookies";
}

static const struct ext_opt nfqueue_opt[] = {
	{.name = "queue-num",
	 .slot = 0,
	 .value = EXT_WORD,
	 .parse = queue_num_parse,
	 .show = queue_num_show},
	{.name = "queue-balance",
	 .slot = 0,
	 .value = EXT_WORD,
	 .parse = queue_balance_parse,
	 .show = queue_balance_show},
	{.name = "queue-bypass", .slot = 1, .parse = bypass_parse, .show = bypass_show},
	{.name = "queue-cpu-fanout", .slot = 2, .parse = cpu_fanout_parse, .show = cpu_fanout_show},
};
static const struct ext_opt synproxy_opt[] = {
	{.name = "sack-perm", .slot = 0, .parse = sack_perm_parse, .show = sack_perm_show},
	{.name = "timestamp", .slot = 1, .parse = timestamp_parse, .show = timestamp_show},
	{.name = "wscale",
	 .slot = 2,
	 .value = EXT_WORD,
	 .parse = wscale_parse,
	 .show = wscale_show},
	{.name = "mss", .slot = 3, .value = EXT_WORD, .parse = mss_parse, .show = mss_show},
	{.name = "ecn", .slot = 4, .parse = ecn_parse, .show = ecn_show},
};

const struct ext ext_nfqueue = {
	.name = "NFQUEUE",
	.target = true,
	.id = CFG_T_NFQUEUE,
	.families = CFG_BOTH,
	.opt = nfqueue_opt,
	.n_opt = EXT_N(nfqueue_opt),
	.check = nfqueue_check,
	.unable = nfqueue_unable,
};
const struct ext ext_synproxy = {
	.name = "SYNPROXY",
	.target = true,
	.id = CFG_T_SYNPROXY,
	.families = CFG_BOTH,
	.hooks = 1 << CFG_INPUT | 1 << CFG_FORWARD,
	.opt = synproxy_opt,
	.n_opt = EXT_N(synproxy_opt),
	.check = synproxy_check,
	.unable = synproxy_unable,
};
