#pragma once
// The TCP window check, pure; see ct_tcp_window.c. Private to the tracker.
#include "conntrack/ct_tcp.h"

enum ct_win {
	CT_WIN_IN,     // fits; the sides' numbers were moved on
	CT_WIN_IGNORE, // does not fit, but harmless: let through, nothing learnt
	CT_WIN_OUT,    // does not fit
};

static inline bool
ct_seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

enum ct_win ct_tcp_window(struct ct_tcp *tcp, const struct ct_tcp_seg *seg, enum ct_tcp_kind kind,
			  enum ct_dir dir, bool liberal);
// Scale and SACK permission of a SYN; a segment without options leaves both as they are.
void ct_tcp_options(const struct ct_tcp_seg *seg, uint8_t *scale, uint8_t *flags);
