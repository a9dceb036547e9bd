#pragma once
// What the readers of this room need of the model beyond config/policy.h. Private to config/.
#include "config/policy.h"

// Takes all rules out of a chain; the chain stays.
void cfg_chain_clear(struct cfg_chain *chain);
// Takes everything out of a table: afterwards the file never spoke of it.
void cfg_table_clear(struct cfg_table *table);
