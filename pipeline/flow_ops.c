// The place of the table by which rules ask about flows.
// Written once, by app/ (or a test), before the first packet; read on every worker's thread. The
// functions in it belong to conntrack/, which fills it in.
#include "pipeline/flow_ops.h"

const struct pl_flow_ops *pl_flow_ops;
