#pragma once
// How far public addresses are used up, over all workers: what `stats` shows of it, and the lines
// in the log when one comes near its end. Main thread.
#include <jansson.h>

struct ctl;
struct ctl_nat; // what has been warned of

#define CTL_NAT_WARN_PERCENT 80 // of an address's ports in use: warning
#define CTL_NAT_CALM_PERCENT 70 // below this again: no warning any more

int ctl_nat_create(struct ctl_nat **out); // 0 or -ENOMEM
void ctl_nat_free(struct ctl_nat *n);	  // NULL is fine
// Once a second: looks at all addresses, warns.
void ctl_nat_tick(struct ctl *c);
// {"addresses": [...], "untracked_exhausted": N}
json_t *ctl_nat_view(const struct ctl *c);
