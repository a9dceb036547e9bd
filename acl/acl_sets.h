#pragma once
// The sets of the running gateway: made by a policy's `sets:` or by command, asked for and changed
// by rules, alive until they are destroyed. Each worker has a copy of every set; the control thread
// has its commands carried out on all of them, one after the other, between two bursts
// (pl_worker_call), and what the target SET does on one worker is told to the others by news.
//
// All of this is called by the control thread but acl_sets_hear().
#include "config/policy.h"
#include "pipeline/news.h"
#include "pipeline/worker.h"

struct acl_sets;
struct set_tab;

// worker: those that the sets are for; they outlive the sets. port_name: as in struct acl_build.
// 0 or -ENOMEM.
int acl_sets_create(struct acl_sets **out, struct pl_worker *const *worker, uint16_t n_worker,
		    const char *const *port_name, unsigned n_port);
void acl_sets_free(struct acl_sets *sets); // no worker runs any more; NULL is fine

// The sets that there are, without their entries: valid until the next change.
const struct cfg_sets *acl_sets_list(const struct acl_sets *sets);

// Changes: a batch is begun, filled, and carried out whole on every worker, or dropped. While it is
// open acl_sets_list() and acl_sets_slot() tell what will be, so that a policy can be built on it.
// One at a time.
struct acl_sets_batch;
// uses: does a rule, or a policy that may come back, name the set? Then it can be neither destroyed
// nor renamed. NULL: no one does. NULL when out of memory.
struct acl_sets_batch *acl_sets_begin(struct acl_sets *sets,
				      bool (*uses)(void *arg, const char *name), void *arg);
// Fills it from the text of commands (cfg_set_text, cfg_set_line).
struct cfg_set_do acl_sets_do(struct acl_sets_batch *b);
// Fills it with what leads from what one policy declares (prev; NULL: nothing) to what the next
// does: sets that are new are made, and made anew where they are of another kind; entries that are
// declared newly are added, those no longer declared deleted, all else stays as it is. Sets that
// are declared no longer stay for acl_sets_forget(). 0, or -errno with the reason in err.
int acl_sets_declare(struct acl_sets_batch *b, const struct cfg_sets *next,
		     const struct cfg_sets *prev, struct cfg_err *err);
// Carries it out and frees it. -EINVAL, with the reason and its place in err and nothing changed,
// where an entry is there already, is not there, or finds no room.
int acl_sets_commit(struct acl_sets_batch *b, struct cfg_err *err);
void acl_sets_abort(struct acl_sets_batch *b); // frees it; NULL is fine

// Destroys the sets of prev that next has no more and nobody uses.
void acl_sets_forget(struct acl_sets *sets, const struct cfg_sets *next,
		     const struct cfg_sets *prev, bool (*uses)(void *arg, const char *name),
		     void *arg);

// The set with its entries as they are now: counters summed over the workers, timeouts what is
// left of them. 0, -ENOENT or -ENOMEM. The caller clears it (cfg_set_clear).
int acl_sets_read(struct acl_sets *sets, const char *name, struct cfg_set *out);

// ---- for the rules
// The set's number, or -1.
int acl_sets_slot(const struct acl_sets *sets, const char *name);
// A worker's copies by number; NULL where there is no such set.
struct set_tab **acl_sets_of(const struct acl_sets *sets, uint16_t worker);
const char *acl_sets_port(const struct acl_sets *sets, uint8_t port); // "" past the last
#define ACL_SETS_NEWS 0x80000000u // this bit of a note's object: it is about a set
// What another worker did. Worker's thread.
void acl_sets_hear(struct acl_sets *sets, uint16_t worker, const struct pl_news *news);
