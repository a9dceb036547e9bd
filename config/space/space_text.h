#pragma once
// Boxes and packets in words. Private to config/.
#include "config/buf.h"
#include "config/space/space_world.h"

void space_box_words(struct cfg_buf *b, const struct space_world *w, const struct space_box *box,
		     enum space_path path);
void space_point_words(struct cfg_buf *b, const struct space_world *w,
		       const struct space_point *pt);
// A packet of the box that looks like one: usual addresses, ports and flags where there is a
// choice.
void space_pick_plain(struct space_point *p, const struct space_world *w,
		      const struct space_box *box);
