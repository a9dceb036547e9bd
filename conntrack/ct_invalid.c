// nf_conntrack_log_invalid: a log line about each packet that belongs to no flow, with the reason.
// The record goes the way of the target LOG's (pipeline/event.h) and looks as one of the kernel's
// does: prefix nf_ct_proto_N, level notice, TCP's options and numbers shown. Called by ct_stage.c
// on the owner's thread, only for packets that are INVALID.
#include "conntrack/ct_invalid.h"

#include <stdio.h>

#include "config/policy.h"
#include "conntrack/ct_table.h"
#include "pipeline/event.h"

// As the target LOG: headers, and behind an ICMP error's own those of what it quotes.
#define L4_BYTES     192
#define ALL	     255
#define NOTICE	     5 // syslog's severity
#define SECOND_TICKS (1000000000u >> CT_TICK_SHIFT)

static const char *const text[] = {
#define X(name, text) [CT_WHY_##name] = text,
	CT_WHY_LIST(X)
#undef X
};

// A second's lines, and then none until it is over.
static bool
in_rate(struct ct_table *t)
{
	uint32_t now = (uint32_t)t->tick;

	if (now - t->invalid_since >= SECOND_TICKS) {
		t->invalid_since = now;
		t->invalid_lines = 0;
	}
	return t->invalid_lines++ < CT_INVALID_LINES;
}

void
ct_invalid_log(struct ct_table *t, const struct pl_pkt *p, enum ct_why why)
{
	const uint8_t wanted = t->sw.log_invalid;
	struct pl_event e;

	if (wanted == 0 || (wanted != p->proto && wanted != ALL))
		return;
	if (!in_rate(t)) {
		pl_count(&t->stats.invalid_unlogged, 1);
		return;
	}
	pl_event_init(&e, PL_EVENT_LOG, t->w, p);
	if (p->origin == PL_FROM_WIRE)
		e.in = p->in_port;
	else
		e.out = p->out_port;
	e.level = NOTICE;
	e.what = CFG_LOG_TCP_SEQUENCE | CFG_LOG_TCP_OPTIONS | CFG_LOG_IP_OPTIONS;
	snprintf(e.text, sizeof(e.text), "nf_ct_proto_%u: %s ", p->proto, text[why]);
	pl_event_put(t->w, &e, p, p->l4_off - p->l3_off + L4_BYTES);
}
