// Rings of events: see event.h. A record takes one or more slots of 64 bytes, in one piece of ring
// or not at all, so that the reader never sees half of one. The producer writes in place
// (rte_ring's zero-copy mode): a packet's bytes are copied once. Put: worker's thread. Create,
// take, free: control thread.
#include "pipeline/event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_ring.h>

#include "pipeline/worker.h"

#define SLOT 64

int
pl_events_create(struct pl_worker *w, uint32_t slots)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof(name), "pl_ev_%p", (void *)w);
	w->events = rte_ring_create_elem(name, SLOT, rte_align32pow2(slots), w->socket,
					 RING_F_SP_ENQ | RING_F_SC_DEQ);
	return w->events != NULL ? 0 : -rte_errno;
}

void
pl_events_free(struct pl_worker *w)
{
	rte_ring_free(w->events);
	w->events = NULL;
}

void
pl_event_init(struct pl_event *e, enum pl_event_kind kind, const struct pl_worker *w,
	      const struct pl_pkt *p)
{
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	e->family = p->family;
	e->in = e->out = PL_PORT_NONE;
	e->origin = p->origin;
	e->proto = p->proto;
	e->mark = p->mark;
	e->length = p->l3_len;
	e->time_ns = w->now_ns;
}

// Copies len bytes to the offset at of the reserved slots, which may be in two pieces.
static void
put_bytes(const struct rte_ring_zc_data *to, uint32_t at, const void *from, uint32_t len)
{
	const uint32_t first = to->n1 * SLOT;
	uint32_t n = at < first ? RTE_MIN(len, first - at) : 0;

	if (n > 0)
		memcpy(RTE_PTR_ADD(to->ptr1, at), from, n);
	if (n < len)
		memcpy(RTE_PTR_ADD(to->ptr2, at + n - first), RTE_PTR_ADD(from, n), len - n);
}

// The frame's bytes from off on, which may be in several segments.
static void
put_frame(const struct rte_ring_zc_data *to, uint32_t at, const struct rte_mbuf *m, uint32_t off,
	  uint32_t len)
{
	for (; m != NULL && len > 0; m = m->next) {
		uint32_t have = rte_pktmbuf_data_len(m), n;

		if (off >= have) {
			off -= have;
			continue;
		}
		n = RTE_MIN(len, have - off);
		put_bytes(to, at, rte_pktmbuf_mtod_offset(m, const void *, off), n);
		at += n;
		len -= n;
		off = 0;
	}
}

void
pl_event_put(struct pl_worker *w, struct pl_event *e, const struct pl_pkt *p, uint32_t snap)
{
	struct rte_ring_zc_data to;
	uint32_t n_slot;

	e->l2_len = p->origin == PL_FROM_WIRE && p->l3_off >= sizeof(struct rte_ether_hdr)
			    ? p->l3_off
			    : 0;
	snap = RTE_MIN(snap, (uint32_t)p->l3_len);
	e->n_byte = e->l2_len + RTE_MIN(snap, (uint32_t)PL_EVENT_BYTES - e->l2_len);
	n_slot = (sizeof(*e) + e->n_byte + SLOT - 1) / SLOT;
	if (w->events == NULL ||
	    rte_ring_enqueue_zc_bulk_elem_start(w->events, SLOT, n_slot, &to, NULL) == 0) {
		pl_count(&w->cnt.events_lost, 1);
		return;
	}
	put_bytes(&to, 0, e, sizeof(*e));
	put_frame(&to, sizeof(*e), p->m, p->l3_off - e->l2_len, e->n_byte);
	rte_ring_enqueue_zc_elem_finish(w->events, n_slot);
}

// The other way: len bytes from the offset at of the slots.
static void
take_bytes(const struct rte_ring_zc_data *from, uint32_t at, void *to, uint32_t len)
{
	const uint32_t first = from->n1 * SLOT;
	uint32_t n = at < first ? RTE_MIN(len, first - at) : 0;

	if (n > 0)
		memcpy(to, RTE_PTR_ADD(from->ptr1, at), n);
	if (n < len)
		memcpy(RTE_PTR_ADD(to, n), RTE_PTR_ADD(from->ptr2, at + n - first), len - n);
}

bool
pl_event_take(struct pl_worker *w, struct pl_event *e, uint8_t *bytes)
{
	struct rte_ring_zc_data from;
	uint32_t n_slot = (sizeof(*e) + SLOT - 1) / SLOT;

	if (w->events == NULL ||
	    rte_ring_dequeue_zc_bulk_elem_start(w->events, SLOT, n_slot, &from, NULL) == 0)
		return false;
	take_bytes(&from, 0, e, sizeof(*e));
	// The whole record is there: start again with its real length.
	rte_ring_dequeue_zc_elem_finish(w->events, 0);
	n_slot = (sizeof(*e) + e->n_byte + SLOT - 1) / SLOT;
	rte_ring_dequeue_zc_bulk_elem_start(w->events, SLOT, n_slot, &from, NULL);
	take_bytes(&from, sizeof(*e), bytes, e->n_byte);
	rte_ring_dequeue_zc_elem_finish(w->events, n_slot);
	return true;
}
