// Births, changes and ends of flows, told to the control thread: a single-producer single-consumer
// ring of snapshots per table, made when somebody first listens. Flows tell where they are born,
// change state or end (ct_table.c, ct_stage.c, ct_known.c, ct_ops.c), never for a packet that
// changes nothing. What finds no room is counted and lost: packets never wait. Tell and want:
// owner's thread; create and take: control thread; ct_table_free() frees the ring.
#include "conntrack/ct_event.h"

#include <stdio.h>

#include <rte_errno.h>
#include <rte_ring_elem.h>

#include "conntrack/ct_table.h"

int
ct_events_create(struct ct_table *t, uint32_t room, int socket)
{
	char name[RTE_RING_NAMESIZE];

	if (t->events != NULL)
		return 0;
	snprintf(name, sizeof(name), "ct_ev_%p", (void *)t);
	t->events = rte_ring_create_elem(name, sizeof(struct ct_event), rte_align32pow2(room),
					 socket, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return t->events != NULL ? 0 : -rte_errno;
}

void
ct_events_free(struct ct_table *t)
{
	rte_ring_free(t->events);
	t->events = NULL;
}

void
ct_events_want(struct ct_table *t, uint8_t kinds)
{
	t->tells = t->events != NULL ? kinds : 0;
}

unsigned
ct_events_take(struct ct_table *t, struct ct_event *out, unsigned max)
{
	if (t->events == NULL)
		return 0;
	return rte_ring_sc_dequeue_burst_elem(t->events, out, sizeof(*out), max, NULL);
}

void
ct_event_tell(struct ct_table *t, const struct ct_entry *e, enum ct_event_kind kind,
	      enum ct_end why)
{
	struct ct_event ev = {.kind = (uint8_t)kind, .why = (uint8_t)why};

	if (t->sw.events_off)
		return;
	ev.wall_ns = t->w != NULL ? t->w->wall_ns : 0;
	ct_flow_of(t, e, &ev.flow);
	if (rte_ring_sp_enqueue_elem(t->events, &ev, sizeof(ev)) != 0)
		pl_count(&t->stats.events_lost, 1);
}

void
ct_event_block(struct pl_worker *w, enum ct_event_kind kind, const struct ct_block *block)
{
	struct ct_table *t = w->ct;
	struct ct_event ev = {.kind = (uint8_t)kind, .wall_ns = w->wall_ns};

	if (!(t->tells & 1 << kind))
		return;
	ev.block = *block;
	if (rte_ring_sp_enqueue_elem(t->events, &ev, sizeof(ev)) != 0)
		pl_count(&t->stats.events_lost, 1);
}
