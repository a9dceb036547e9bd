#pragma once
// What the two halves of the corpus test share: corpus.c and oracle.c.
#include <stdio.h>
#include <stdlib.h>

#include "config/policy.h"

#define SKIPPED 77

// A path of printf's making; a few kilobytes are never given back.
#define PATH(...)                                                                                  \
	({                                                                                         \
		char *path_ = NULL;                                                                \
		if (asprintf(&path_, __VA_ARGS__) < 0)                                             \
			abort();                                                                   \
		path_;                                                                             \
	})

extern unsigned n_exact, n_refused, n_bad;

char *messages(const struct cfg_err *err);
// Every error names something that Ringwall does not have; those go to a list that main prints.
bool all_lacking(const struct cfg_err *err);
void bad(const char *what, const char *why, const char *detail);
// save -> model -> YAML -> model -> save. NULL where refused, with the messages in err. *able: the
// policy could be run as well.
char *round_trip(const char *text, size_t len, enum cfg_family family,
		 const struct cfg_restore *how, struct cfg_err *err, bool *via_yaml, bool *able);

// iptables' test lines; 0, 1 or SKIPPED.
int oracle_lines(const char *corpus);
// docs/iptables-compatibility.md to standard output, or (root not NULL) compared with that of root.
int oracle_page(const char *corpus, const char *root);
