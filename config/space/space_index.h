#pragma once
// Finding the entries that a packet can match without looking at all of them. Private to config/.
#include "config/space/space_prog.h"

// False: out of memory. A few entries get no index.
bool space_index_make(struct space_index *ix, const struct space_entry *entry, uint32_t n,
		      const struct space_box *box, uint8_t family);
void space_index_free(struct space_index *ix);

// Where a walk is in the lists that hold its packet's entries.
struct space_cursor {
	const uint32_t *at[SPACE_BLOCKS + 1], *end[SPACE_BLOCKS + 1];
};
void space_cursor_init(struct space_cursor *cur, const struct space_index *ix,
		       const struct space_point *pt, uint8_t family);
// The next entry that the packet may match, not before `from`; n where there is none.
uint32_t space_cursor_next(struct space_cursor *cur, uint32_t from, uint32_t n);
