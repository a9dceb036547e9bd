// Names and texts of the drop reasons, for listings: `ringwall stats`, replay's verdicts, metrics.
// Constant tables made from the one list in drop.h; any thread.
// Out of range gives "?", so that a reader may print whatever it was given.
#include "pipeline/drop.h"

static const char *const drop_name[PL_DROP_COUNT] = {
#define X(id, text) #id,
	PL_DROP_LIST(X)
#undef X
};

static const char *const drop_text[PL_DROP_COUNT] = {
#define X(id, text) text,
	PL_DROP_LIST(X)
#undef X
};

const char *
pl_drop_name(enum pl_drop reason)
{
	return reason < PL_DROP_COUNT ? drop_name[reason] : "?";
}

const char *
pl_drop_text(enum pl_drop reason)
{
	return reason < PL_DROP_COUNT ? drop_text[reason] : "?";
}
