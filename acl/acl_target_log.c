// Targets that tell somebody: LOG, NFLOG, AUDIT, TRACE. Called by both walks on the worker's thread
// when their rule matched, through their rows in acl_kind.c. They put a record into the worker's
// ring (pipeline/event.h), or mark the packet as traced, and change nothing else. A hypothetical
// walk, which has no worker, tells nobody.
#include "acl/acl_kind.h"

#include <string.h>

#include "pipeline/event.h"
#include "pipeline/worker.h"

// What of a packet a log line can tell of: its headers, and behind an ICMP error's own those of the
// packet that it quotes.
#define LOG_L4_BYTES 192

static void
event_start(struct pl_event *e, enum pl_event_kind kind, const struct acl_view *v)
{
	pl_event_init(e, kind, v->w, v->pkt);
	e->table = v->table;
	e->hook = v->hook;
	e->in = v->in;
	e->out = v->out;
}

static uint32_t
log_bytes(const struct pl_pkt *p)
{
	return p->l4_off - p->l3_off + LOG_L4_BYTES;
}

enum acl_next
acl_log_apply(const struct acl_rule *r, struct acl_view *v)
{
	const struct cfg_t_log *log = &r->data->log;
	struct pl_event e;

	if (v->w == NULL)
		return ACL_GO_ON;
	event_start(&e, PL_EVENT_LOG, v);
	e.level = log->level;
	e.what = log->flags;
	memcpy(e.text, log->prefix, sizeof(log->prefix));
	pl_event_put(v->w, &e, v->pkt, log_bytes(v->pkt));
	return ACL_GO_ON;
}

enum acl_next
acl_nflog_apply(const struct acl_rule *r, struct acl_view *v)
{
	const struct cfg_t_nflog *n = &r->data->nflog;
	struct pl_event e;

	if (v->w == NULL)
		return ACL_GO_ON;
	event_start(&e, PL_EVENT_NFLOG, v);
	e.group = n->group;
	e.threshold = n->threshold;
	if (r->data->data != NULL)
		memcpy(e.text, r->data->data, r->data->data_size);
	pl_event_put(v->w, &e, v->pkt, n->size_set ? n->length : UINT32_MAX);
	return ACL_GO_ON;
}

enum acl_next
acl_audit_apply(const struct acl_rule *r, struct acl_view *v)
{
	struct pl_event e;

	if (v->w == NULL)
		return ACL_GO_ON;
	event_start(&e, PL_EVENT_AUDIT, v);
	e.what = r->data->audit;
	pl_event_put(v->w, &e, v->pkt, log_bytes(v->pkt));
	return ACL_GO_ON;
}

enum acl_next
acl_trace_apply(const struct acl_rule *r, struct acl_view *v)
{
	(void)r;
	v->pkt->trace |= PL_TRACE_LOG;
	return ACL_GO_ON;
}

void
acl_trace(const struct acl_chain *c, uint32_t number, enum pl_event_trace what,
	  const struct acl_view *v)
{
	struct pl_event e;

	if (v->w == NULL)
		return;
	event_start(&e, PL_EVENT_TRACE, v);
	e.level = CFG_LOG_WARNING;
	e.what = what;
	e.rule = number;
	memcpy(e.text, c->name, sizeof(c->name));
	pl_event_put(v->w, &e, v->pkt, log_bytes(v->pkt));
}
