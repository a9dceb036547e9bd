// Adaptive polling: when a worker that finds nothing begins to pause, and how long. Without
// threads; sleeping and waking are seen in test/e2e/t_adaptive.sh.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "pipeline/rest.h"

#define US UINT64_C(1000)

Test(pipeline_rest, pauses_grow)
{
	static const struct {
		uint64_t at_us; // when the turn began
		unsigned found;
		uint32_t pause_us;
	} row[] = {
		{1000, 3, 0},						    // busy
		{1001, 0, 0},						    // nothing since here
		{1090, 0, 0},						    // not for long enough
		{1101, 0, 4},						    // 100 us of nothing
		{1105, 0, 8},  {1113, 0, 16}, {1129, 0, 32}, {1161, 0, 60}, // never longer
		{1221, 0, 60}, {1281, 1, 0}, // something came: all over again
		{1282, 0, 0},  {1381, 0, 0},  {1382, 0, 4},
	};
	struct pl_rest r = {.poll = PL_POLL_ADAPTIVE};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		cr_expect(eq(u32, pl_rest_pause(&r, row[i].found, row[i].at_us * US),
			     row[i].pause_us * 1000),
			  "turn at %lu us", (unsigned long)row[i].at_us);
}
