#pragma once
// What flows tell of themselves, for the files of this room: see ct_event.c. The rest of the
// program sees ct_events_*() in ct.h.
#include "conntrack/ct_table.h"

void ct_events_free(struct ct_table *t);

// Into the ring; only where somebody wants that kind (ct_tell()).
void ct_event_tell(struct ct_table *t, const struct ct_entry *e, enum ct_event_kind kind,
		   enum ct_end why);

static inline void
ct_tell(struct ct_table *t, const struct ct_entry *e, enum ct_event_kind kind, enum ct_end why)
{
	if (unlikely(t->tells & 1 << kind))
		ct_event_tell(t, e, kind, why);
}

// What an update tells of: compared before and after a packet.
static inline uint32_t
ct_event_look(const struct ct_entry *e)
{
	uint32_t state = e->proto == IPPROTO_TCP    ? e->tcp.state
			 : e->proto == IPPROTO_SCTP ? e->sctp.state
						    : 0;

	return (e->status & (CT_S_ASSURED | CT_S_SEEN_REPLY)) | state << 16;
}

// One more bit of the status, of a flow that is known.
static inline void
ct_entry_rise(struct ct_table *t, struct ct_entry *e, enum ct_status bit)
{
	e->status |= (uint16_t)bit;
	ct_tell(t, e, CT_EVENT_UPDATE, 0);
}
