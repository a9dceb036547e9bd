// The bound on a policy's memory (sizes.rules-memory): asked by acl_policy.c for the tables and by
// acl_compile.c after every context, which is rte_acl's and does not tell its size, so the heap is
// asked. What rte_acl needs for a moment while it builds is not in it. Control thread.
#include "acl/acl_room.h"

#include <rte_malloc.h>

#include "acl/acl_step.h"

static size_t
heap_used(void)
{
	struct rte_malloc_socket_stats s;
	size_t used = 0;

	for (unsigned i = 0; i < rte_socket_count(); i++) {
		int socket = rte_socket_id_by_idx(i);

		if (socket >= 0 && rte_malloc_get_socket_stats(socket, &s) == 0)
			used += s.heap_allocsz_bytes;
	}
	return used;
}

void
acl_room_init(struct acl_room *room, int socket, size_t limit)
{
	*room = (struct acl_room){.socket = socket, .limit = limit, .before = heap_used()};
}

void
acl_room_table(struct acl_room *room, const struct acl_table *t, unsigned n_workers)
{
	room->plain += t->n_chain * sizeof(*t->chain) + t->n_rule * sizeof(*t->rule) +
		       t->n_match * sizeof(*t->match) + t->n_target * sizeof(*t->target) +
		       t->n_nat * sizeof(*t->nat) +
		       (size_t)t->n_rule * (n_workers + 1) * sizeof(struct pl_counter);
	for (uint32_t i = 0; i < t->n_match; i++)
		room->plain += t->match[i].data_size;
	for (uint32_t i = 0; i < t->n_target; i++)
		room->plain += t->target[i].data_size;
}

bool
acl_room_over(const struct acl_room *room)
{
	size_t now;

	if (room->limit == 0)
		return false;
	now = heap_used();
	return room->plain + (now > room->before ? now - room->before : 0) > room->limit;
}
