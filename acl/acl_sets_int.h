#pragma once
// Private to acl/: the registry of sets (acl_sets.c) and what runs on the workers for it
// (acl_sets_run.c).
#include "acl/acl_set_tab.h"
#include "acl/acl_sets.h"

struct set_comments { // of one set's entries, on the control thread; an entry has 1 + the index
	char **text;
	uint32_t n, hint; // below hint none is free
};

// Which sets there are: list.set[i] is number slot[i].
struct set_view {
	struct cfg_sets list;
	uint16_t slot[CFG_SETS_MAX];
};

struct acl_sets {
	struct pl_worker *const *worker;
	uint16_t n_worker;
	char port[PL_PORT_MAX][CFG_IFNAMSIZ];
	struct set_view view;
	struct acl_sets_batch *open;
	struct set_comments comments[CFG_SETS_MAX]; // by slot
	uint32_t next_id;
	struct set_tab **of[PL_WORKERS_MAX]; // [worker][slot], that worker's
};

enum set_op_kind { SET_OP_ADD, SET_OP_DEL, SET_OP_FLUSH, SET_OP_PUT, SET_OP_TAKE, SET_OP_SWAP };

struct set_op {
	uint8_t kind; // enum set_op_kind
	bool exist;
	bool there; // worker 0's answer: it had the entry before the batch
	uint16_t slot, other;
	uint32_t from; // index of the contents in the batch
	char *comment; // owned
	struct cfg_pos pos;
	struct cfg_set_key key;
	struct set_ext ext;
	struct set_tab **tab; // PUT: [worker], to be put in; TAKE and PUT: what was there before
};

// What the set's entries were when the batch began, and what became of them in it.
struct set_content {
	uint16_t origin; // slot where they are now
	bool empty;	 // nothing is there: made or flushed in this batch
	uint32_t n_ops, n, max;
	struct cfg_set conf;
	struct set_tab *overlay; // entries that operations have touched
};

struct acl_sets_batch {
	struct acl_sets *sets;
	bool (*uses)(void *arg, const char *name);
	void *arg;
	struct set_view view;
	uint32_t content_of[CFG_SETS_MAX]; // by slot: index in content
	struct set_content *content;
	uint32_t n_content;
	struct set_op *op;
	size_t n_op;
	char said[160]; // for a refusal
};

// In the place of a set of the batch's view an empty one of another kind. NULL, or why not.
const char *acl_sets_replace(struct acl_sets_batch *b, struct cfg_set *there,
			     const struct cfg_set *conf);

// Asks worker 0 which entries that the operations are about are there, and how many each set has.
void set_ask_there(struct acl_sets_batch *b);
// Carries the operations out on all workers. Returns how many found no room after all.
size_t set_run(struct acl_sets_batch *b);
// Elements of a set as worker 0 has them, in the order of their places (list:set: their own).
// Newly allocated; NULL: no memory.
struct set_seen {
	struct set_elem elem;
	uint32_t left; // seconds
};
struct set_seen *set_see(struct acl_sets *sets, uint16_t slot, size_t *n);
// Is it in the set, as worker 0 has it? 1, 0, -1 as set_tab_test; host: a packet's address.
int set_is_in(struct acl_sets *sets, uint16_t slot, const struct cfg_set_key *key, bool host);
