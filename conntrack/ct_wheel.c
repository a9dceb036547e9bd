// Time: lists of flows, and the wheel on which they come due. A packet only moves its flow's
// deadline; the flow stays in its slot, and when the wheel gets there it is ended or put off. Only
// where the deadline moves to before the slot (a connection that closes) is it moved at once. The
// wheel may lag behind: a flow past its deadline is dead for every look-up all the same. Owner's
// thread.
#include "conntrack/ct_table.h"
#include "pipeline/way.h"

#define JUMP_TICKS  (1u << 30)
#define DUE_AT_ONCE 16 // flows that are asked for together (pipeline/ahead.h)

void
ct_list_add(struct ct_table *t, struct ct_entry *e, unsigned list)
{
	ct_id id = ct_id_of(t, e), head = t->list[list];
	struct ct_cold *c = ct_cold_at(t, id);

	c->prev = 0;
	c->next = head;
	if (head != 0)
		ct_cold_at(t, head)->prev = id;
	t->list[list] = id;
	e->list = (uint16_t)list;
}

void
ct_list_del(struct ct_table *t, struct ct_entry *e)
{
	struct ct_cold *c = ct_cold_at(t, ct_id_of(t, e));

	if (c->prev != 0)
		ct_cold_at(t, c->prev)->next = c->next;
	else
		t->list[e->list] = c->next;
	if (c->next != 0)
		ct_cold_at(t, c->next)->prev = c->prev;
}

// The step at which the wheel should look at a flow with this deadline.
static uint64_t
step_due(const struct ct_table *t, uint32_t deadline)
{
	uint64_t due = t->tick + (uint64_t)(int64_t)(int32_t)(deadline - (uint32_t)t->tick);

	return (due + 63) >> (CT_STEP_SHIFT - CT_TICK_SHIFT);
}

static unsigned
slot_for(const struct ct_table *t, uint32_t deadline)
{
	uint64_t due = step_due(t, deadline);

	if (due <= t->step)
		due = t->step + 1;
	else if (due > t->step + CT_WHEEL - 1)
		due = t->step + CT_WHEEL - 1;
	return due % CT_WHEEL;
}

// The step at which the slot that e is in comes by.
static uint64_t
step_of_slot(const struct ct_table *t, unsigned slot)
{
	return t->step + 1 + (slot - (unsigned)(t->step + 1)) % CT_WHEEL;
}

void
ct_wheel_start(struct ct_table *t, struct ct_entry *e)
{
	ct_list_add(t, e, slot_for(t, e->deadline));
}

void
ct_wheel_hasten(struct ct_table *t, struct ct_entry *e)
{
	if (step_of_slot(t, e->list) > step_due(t, e->deadline)) {
		ct_list_del(t, e);
		ct_wheel_start(t, e);
	}
}

void
ct_time_set(struct ct_table *t, uint64_t now_ns)
{
	uint64_t tick = now_ns >> CT_TICK_SHIFT;

	if (likely(tick - t->tick < JUMP_TICKS)) {
		t->tick = tick;
		return;
	}
	if (tick < t->tick)
		return; // a clock that runs backwards stands still here
	// Every deadline lies within 49 days of the tick it was set at, so all are past.
	for (unsigned slot = 0; slot < CT_WHEEL; slot++) {
		while (t->list[slot] != 0) {
			ct_table_kill(t, ct_entry_at(t, t->list[slot]));
			pl_count(&t->stats.expired, 1);
		}
	}
	t->tick = tick;
	t->step = now_ns >> CT_STEP_SHIFT;
}

// The wheel comes by every flow at least once a round, which is what the numbers of ways rely on
// (pipeline/way.h).
static void
drop_old_ways(const struct ct_table *t, struct ct_entry *e)
{
	for (unsigned dir = 0; dir < 2; dir++) {
		if (e->way[dir] != 0 &&
		    (t->w->ways == NULL || !pl_way_holds(t->w->ways, e->way[dir])))
			e->way[dir] = 0;
	}
}

// The flows of a slot were born together and lie together, but they may have been a while ago, and
// their buckets are anywhere: all that the first of the list will need is asked for at once.
static void
ask_for_due(const struct ct_table *t, ct_id id)
{
	const struct ct_entry *e[DUE_AT_ONCE];
	unsigned n = 0;

	for (; id != 0 && n < DUE_AT_ONCE; id = ct_cold_at(t, id)->next) {
		e[n] = ct_entry_at(t, id);
		rte_prefetch0(e[n++]);
	}
	for (unsigned i = 0; i < n; i++) {
		if (ct_entry_past(t, e[i]))
			ct_table_end_ahead(t, e[i]);
	}
}

void
ct_wheel_turn(struct ct_table *t, unsigned budget)
{
	const uint64_t now = t->tick >> (CT_STEP_SHIFT - CT_TICK_SHIFT);
	unsigned slots = budget * 8, asked = 0;

	// More than a round behind: every slot is due, so leave out whole rounds.
	if (now - t->step > 2 * CT_WHEEL && now > t->step)
		t->step += (now - t->step - CT_WHEEL) / CT_WHEEL * CT_WHEEL;
	while (t->step < now) {
		ct_id *head = &t->list[(t->step + 1) % CT_WHEEL];

		if (*head == 0) {
			t->step++;
			asked = 0;
			if (--slots == 0)
				return;
			continue;
		}
		if (budget-- == 0)
			return;
		if (asked-- == 0) {
			ask_for_due(t, *head);
			asked = DUE_AT_ONCE - 1;
		}
		struct ct_entry *e = ct_entry_at(t, *head);

		if (ct_entry_past(t, e)) {
			ct_table_kill(t, e);
			pl_count(&t->stats.expired, 1);
			continue;
		}
		drop_old_ways(t, e);
		ct_list_del(t, e);
		uint64_t due = step_due(t, e->deadline);

		// Not before the step being dealt with is over, or it would come by again at once.
		if (due < t->step + 2)
			due = t->step + 2;
		if (due > t->step + CT_WHEEL)
			due = t->step + CT_WHEEL;
		ct_list_add(t, e, due % CT_WHEEL);
	}
}
