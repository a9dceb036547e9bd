#pragma once
// News: short notes from one worker to all others, for what every worker has a copy of and any of
// them may change (a table of addresses recently seen, a set). Nobody waits for an answer: a copy
// is behind by as long as the notes take, a turn of the loop or two, and where a ring has no room
// the note is lost to that worker and counted.
#include <assert.h>
#include <stdint.h>

struct pl_worker;

struct pl_news {
	uint64_t time_ns; // the teller's clock
	uint32_t object;  // which thing; its owner's numbers
	uint16_t kind;	  // the owner's
	uint16_t number;  // the owner's
	uint8_t data[48]; // the owner's
};
static_assert(sizeof(struct pl_news) == 64, "one cache line");

// Tells all other workers. Worker's own thread. Without others it does nothing.
void pl_news_tell(struct pl_worker *w, const struct pl_news *news);
// Takes what worker `from` has told this one, oldest first, at most n. Returns how many.
unsigned pl_news_hear(struct pl_worker *w, uint16_t from, struct pl_news *news, unsigned n);
