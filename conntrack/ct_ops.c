// What rules may ask about flows: the table behind pipeline/flow_ops.h. Called from acl/ on the
// owner's thread, for flows of packets in hand; w is NULL for a packet that nobody sent (explain),
// of whose flow only what is in the entry itself can be told.
#include "conntrack/ct_expect.h"
#include "pipeline/flow_ops.h"

static uint8_t
status(const struct ct_entry *e)
{
	static const struct {
		uint16_t its;
		uint8_t rules;
	} bit[] = {
		{CT_S_EXPECTED, PL_FLOW_EXPECTED},
		{CT_S_SEEN_REPLY, PL_FLOW_SEEN_REPLY},
		{CT_S_ASSURED, PL_FLOW_ASSURED},
		{CT_S_CONFIRMED, PL_FLOW_CONFIRMED},
	};
	uint8_t out = 0;

	for (unsigned i = 0; i < RTE_DIM(bit); i++)
		out |= e->status & bit[i].its ? bit[i].rules : 0;
	return out;
}

static void
side(const struct ct_entry *e, unsigned dir, struct pl_flow_side *out)
{
	struct ct_key k;

	ct_entry_key(e, dir, &k);
	out->src = k.src;
	out->dst = k.dst;
	out->sport = rte_be_to_cpu_16(k.sport);
	out->dport = rte_be_to_cpu_16(k.dport);
	out->proto = k.proto;
}

static bool
counted(const struct pl_worker *w, const struct ct_entry *e, unsigned dir, uint64_t *packets,
	uint64_t *bytes)
{
	if (e->uncounted)
		return false;
	*packets = w != NULL ? ct_cold_packets(w->ct, e, dir) : e->packets[dir];
	*bytes = w != NULL ? ct_cold_bytes(w->ct, e, dir) : e->bytes[dir];
	return true;
}

// A flow that no packet has made known yet has no deadline that counts (nf_ct_expires()).
static uint32_t
expires_sec(const struct pl_worker *w, const struct ct_entry *e)
{
	return w != NULL && (e->status & CT_S_CONFIRMED) ? ct_ms_left(w->ct, e) / 1000 : 0;
}

static bool
has_label(const struct pl_worker *w, const struct ct_entry *e, unsigned bit)
{
	const struct ct_extra *x;

	if (w == NULL || !w->ct->has_extra)
		return false;
	x = ct_extra_at(w->ct, ct_id_of(w->ct, e));
	return x->label[bit / 64] >> bit % 64 & 1;
}

static void
set_label(const struct pl_worker *w, struct ct_entry *e, unsigned bit)
{
	e->way[0] = e->way[1] = 0;
	w->ct->has_extra = true;
	ct_extra_at(w->ct, ct_id_of(w->ct, e))->label[bit / 64] |= UINT64_C(1) << bit % 64;
}

static uint8_t
expected_by(const struct pl_worker *w, const struct ct_entry *e)
{
	const struct ct_help *help;

	if (w == NULL || !(e->status & CT_I_HELP))
		return CFG_HELPER_NONE;
	help = ct_help_of(w->ct, e);
	return help->master != 0 ? help->master_helper : CFG_HELPER_NONE;
}

static void
began(const struct pl_worker *w, const struct ct_entry *e, union pl_addr *out)
{
	struct ct_key k;

	if (w != NULL && (e->status & CT_I_HELP) && ct_help_of(w->ct, e)->master != 0) {
		*out = ct_help_of(w->ct, e)->master_src;
		return;
	}
	ct_entry_key(e, 0, &k);
	*out = k.src;
}

static void
name(const struct ct_entry *e, struct pl_flow_name *out)
{
	struct ct_key k;

	ct_entry_key(e, 0, &k);
	*out = (struct pl_flow_name){.src = k.src,
				     .dst = k.dst,
				     .sport = rte_be_to_cpu_16(k.sport),
				     .dport = rte_be_to_cpu_16(k.dport),
				     .zone = k.zone,
				     .family = k.family,
				     .proto = k.proto};
}

static bool
is_open(const struct pl_worker *w, const struct pl_flow_name *name)
{
	struct ct_key k = {.src = name->src,
			   .dst = name->dst,
			   .sport = rte_cpu_to_be_16(name->sport),
			   .dport = rte_cpu_to_be_16(name->dport),
			   .zone = name->zone,
			   .family = name->family,
			   .proto = name->proto};
	unsigned dir;
	const struct ct_entry *e = ct_table_find(w->ct, &k, ct_key_hash(&w->ct->seeds, &k), &dir);

	if (e == NULL || dir != 0 || !(e->status & CT_S_CONFIRMED) || ct_entry_past(w->ct, e))
		return false;
	return e->proto != IPPROTO_TCP ||
	       (e->tcp.state != CT_TCP_TIME_WAIT && e->tcp.state != CT_TCP_CLOSE);
}

const struct pl_flow_ops ct_flow_ops = {
	.status = status,
	.side = side,
	.mark = ct_entry_mark,
	.set_mark = ct_entry_set_mark,
	.counted = counted,
	.expires_sec = expires_sec,
	.has_label = has_label,
	.set_label = set_label,
	.expected_by = expected_by,
	.began = began,
	.name = name,
	.is_open = is_open,
};
