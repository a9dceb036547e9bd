#pragma once
// Replaying a capture through the stages, as the kernel's counts were made: the IP packets of each
// frame, link headers and tags taken off, one after the other without the pauses between them, into
// a router that has a default route and takes everything of IPv6 for its own.
#include "ctt.h"

struct corpus_counts {
	unsigned v4[7], v6[7]; // by state, as the bits of enum pl_ct_state are numbered; see
			       // corpus_state_name
	unsigned sent;	       // IP packets in the file
	unsigned fragments;
	unsigned flows; // in the table at the end
};

// What raw says of each packet of a replay; NULL: nothing.
extern const struct cfg_t_ct *(*corpus_raw)(const struct pl_pkt *p);
// 0, or -1 where the file cannot be read.
int corpus_replay(const char *path, struct corpus_counts *out);

struct corpus_known {
	const char *file, *why;
};
// Every capture with (or without) fragments against pcaps/KERNEL-CTSTATE.tsv of the shared corpus:
// each must agree, or be in the list; one that agrees though listed fails too. Skips the test where
// the corpus is absent.
void corpus_compare(const struct corpus_known *known, unsigned n_known, bool fragments);
