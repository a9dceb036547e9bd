#pragma once
// DIR/verdicts.jsonl: one line for each packet of a replay. The keys are a contract (ringwall(8)).
#include <stdio.h>

#include "pipeline/note.h"

// What is said of one packet besides its note.
struct app_verdict {
	const char *port; // its --in name, "host:lan" for what the host sent
	uint64_t time_ns;
	struct pl_note note;
};
// 0 or -EIO.
int app_verdict_write(FILE *to, const struct app_verdict *v, const char *const *port_name);
