// See flows.h.
#include "flows.h"

static uint8_t
status(const struct ct_entry *e)
{
	return e->status;
}

static void
side(const struct ct_entry *e, unsigned dir, struct pl_flow_side *out)
{
	*out = e->side[dir];
}

static uint32_t
mark(const struct ct_entry *e)
{
	return e->mark;
}

static void
set_mark(const struct pl_worker *w, struct ct_entry *e, uint32_t to)
{
	(void)w;
	e->mark = to;
}

static bool
counted(const struct pl_worker *w, const struct ct_entry *e, unsigned dir, uint64_t *packets,
	uint64_t *bytes)
{
	(void)w;
	*packets = e->packets[dir];
	*bytes = e->bytes[dir];
	return !e->uncounted;
}

static uint32_t
expires_sec(const struct pl_worker *w, const struct ct_entry *e)
{
	(void)w;
	return e->expires;
}

static bool
has_label(const struct pl_worker *w, const struct ct_entry *e, unsigned bit)
{
	(void)w;
	return e->label[bit / 64] >> bit % 64 & 1;
}

static void
set_label(const struct pl_worker *w, struct ct_entry *e, unsigned bit)
{
	(void)w;
	e->label[bit / 64] |= UINT64_C(1) << bit % 64;
}

static uint8_t
expected_by(const struct pl_worker *w, const struct ct_entry *e)
{
	(void)w;
	return e->helper;
}

static void
began(const struct pl_worker *w, const struct ct_entry *e, union pl_addr *out)
{
	(void)w;
	*out = e->side[0].src;
}

static void
name(const struct ct_entry *e, struct pl_flow_name *out)
{
	const struct pl_flow_side *s = &e->side[0];

	*out = (struct pl_flow_name){.src = s->src,
				     .dst = s->dst,
				     .sport = s->sport,
				     .dport = s->dport,
				     .family = 4,
				     .proto = s->proto};
}

static bool all_open;

void
flows_open_all(bool open)
{
	all_open = open;
}

static bool
is_open(const struct pl_worker *w, const struct pl_flow_name *n)
{
	(void)w;
	(void)n;
	return all_open;
}

void
flows_init(void)
{
	static const struct pl_flow_ops ops = {
		.status = status,
		.side = side,
		.mark = mark,
		.set_mark = set_mark,
		.counted = counted,
		.expires_sec = expires_sec,
		.has_label = has_label,
		.set_label = set_label,
		.expected_by = expected_by,
		.began = began,
		.name = name,
		.is_open = is_open,
	};

	pl_flow_ops = &ops;
}
