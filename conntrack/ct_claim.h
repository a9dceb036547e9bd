#pragma once
// What a flow's owner asks and tells other workers, for the files of this room only. All of these
// do nothing and cost nothing without other workers.
#include "conntrack/ct_link.h"
#include "conntrack/ct_table.h"

// May p's flow begin, for all that this worker knows? 0; -EINPROGRESS: another worker must say so
// (ct_ask_home); -EEXIST: a tuple is another flow's; -ENOSPC.
int ct_claim(struct pl_worker *w, const struct pl_pkt *p);
// The home's side: to the worker that asked.
void ct_claim_answer(struct pl_worker *w, uint16_t to, const struct ct_msg *m);
// Answers to what this worker asked.
void ct_claim_drain(struct pl_worker *w);
// What was granted to e. False: no room, try again later.
bool ct_claim_lift(struct ct_table *t, struct ct_entry *e);
// An expectation's key, to all other workers; *planted: a bit for each that was told. -ENOSPC.
int ct_claim_announce(struct ct_table *t, const struct ct_key *k, uint64_t *planted);
// To those again that it was for; takes their bits away. False: no room, try again later.
bool ct_claim_withdraw(struct ct_table *t, const struct ct_key *k, uint64_t *planted);
