#pragma once
// How much memory a policy may take: the tables of the model, counted, and rte_acl's contexts, as
// they show in EAL's heap. Control thread, which alone takes from that heap while a policy is
// built.
#include <stddef.h>
#include <stdbool.h>

struct acl_table;

struct acl_room {
	int socket;    // where contexts are made; SOCKET_ID_ANY
	size_t limit;  // bytes; 0: as much as there is
	size_t before; // of EAL's heap, in use when the building began
	size_t plain;  // bytes of tables so far
};

void acl_room_init(struct acl_room *room, int socket, size_t limit);
// Counts the arrays of a table, and its rules' counters for so many workers.
void acl_room_table(struct acl_room *room, const struct acl_table *t, unsigned n_workers);
bool acl_room_over(const struct acl_room *room);
