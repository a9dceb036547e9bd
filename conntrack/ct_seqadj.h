#pragma once
// Shifted TCP numbers (struct ct_seqadj), pure. As nf_conntrack_seqadj: the shift of a number
// depends on whether it is behind the last change; older changes are no longer told apart.
#include "conntrack/ct_help.h"

// The payload that begins at seq became `more` bytes longer (or shorter). A segment that is sent
// again changes nothing.
static inline void
ct_seqadj_note(struct ct_seqadj *s, uint32_t seq, int32_t more)
{
	if (more == 0 || (s->before != s->after && !ct_seq_after(seq, s->pos)))
		return;
	s->pos = seq;
	s->before = s->after;
	s->after += more;
}
