// The registry of sets and its batches of changes. A batch is checked against what is there before
// a single worker sees any of it: names and kinds as its commands come in, entries when it is
// committed, by asking worker 0 about those that it touches and playing it through on tables that
// hold only them. Then every worker carries out the same list of operations.
//
// Control thread. The registry belongs to app/; batches free themselves.
#include "acl/acl_sets_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct set_view *
view_of(const struct acl_sets *sets)
{
	return sets->open != NULL ? &sets->open->view : &sets->view;
}

static int
slot_in(const struct set_view *v, const char *name)
{
	for (size_t i = 0; i < v->list.n; i++)
		if (strcmp(v->list.set[i].name, name) == 0)
			return v->slot[i];
	return -1;
}

int
acl_sets_slot(const struct acl_sets *sets, const char *name)
{
	return slot_in(view_of(sets), name);
}

const struct cfg_sets *
acl_sets_list(const struct acl_sets *sets)
{
	return &view_of(sets)->list;
}

struct set_tab **
acl_sets_of(const struct acl_sets *sets, uint16_t worker)
{
	return sets->of[worker];
}

const char *
acl_sets_port(const struct acl_sets *sets, uint8_t port)
{
	return port < PL_PORT_MAX ? sets->port[port] : "";
}

int
acl_sets_create(struct acl_sets **out, struct pl_worker *const *worker, uint16_t n_worker,
		const char *const *port_name, unsigned n_port)
{
	struct acl_sets *sets = calloc(1, sizeof(*sets));

	if (sets == NULL)
		return -ENOMEM;
	sets->worker = worker;
	sets->n_worker = n_worker;
	for (unsigned i = 0; i < n_port && i < PL_PORT_MAX; i++)
		snprintf(sets->port[i], sizeof(sets->port[i]), "%s",
			 port_name[i] != NULL ? port_name[i] : "");
	for (uint16_t w = 0; w < n_worker; w++) {
		sets->of[w] = calloc(CFG_SETS_MAX, sizeof(*sets->of[w]));
		if (sets->of[w] == NULL) {
			acl_sets_free(sets);
			return -ENOMEM;
		}
	}
	*out = sets;
	return 0;
}

static void
comments_free(struct set_comments *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		free(c->text[i]);
	free(c->text);
	*c = (struct set_comments){0};
}

void
acl_sets_free(struct acl_sets *sets)
{
	if (sets == NULL)
		return;
	for (unsigned s = 0; s < CFG_SETS_MAX; s++)
		comments_free(&sets->comments[s]);
	for (uint16_t w = 0; w < sets->n_worker; w++) {
		for (unsigned s = 0; sets->of[w] != NULL && s < CFG_SETS_MAX; s++)
			set_tab_free(sets->of[w][s]);
		free(sets->of[w]);
	}
	cfg_sets_free(&sets->view.list);
	free(sets);
}

// ---- a batch
static bool
view_copy(struct set_view *to, const struct set_view *from)
{
	memcpy(to->slot, from->slot, sizeof(to->slot));
	for (size_t i = 0; i < from->list.n; i++)
		if (cfg_set_add(&to->list, &from->list.set[i]) == NULL)
			return false;
	return true;
}

// Contents at the end of the batch's. UINT32_MAX: no memory.
static uint32_t
content_add(struct acl_sets_batch *b, const struct cfg_set *conf, uint16_t origin)
{
	struct set_content *grown = reallocarray(b->content, b->n_content + 1, sizeof(*grown));

	if (grown == NULL)
		return UINT32_MAX;
	b->content = grown;
	grown[b->n_content] = (struct set_content){.origin = origin,
						   .empty = origin == UINT16_MAX,
						   .conf = *conf,
						   .max = conf->maxelem};
	return b->n_content++;
}

struct acl_sets_batch *
acl_sets_begin(struct acl_sets *sets, bool (*uses)(void *arg, const char *name), void *arg)
{
	struct acl_sets_batch *b = calloc(1, sizeof(*b));
	bool good = b != NULL && view_copy(&b->view, &sets->view);

	for (size_t i = 0; good && i < b->view.list.n; i++) {
		uint16_t slot = b->view.slot[i];

		b->content_of[slot] = content_add(b, &b->view.list.set[i], slot);
		good = b->content_of[slot] != UINT32_MAX;
	}
	if (b == NULL)
		return NULL;
	b->sets = sets;
	b->uses = uses;
	b->arg = arg;
	sets->open = b;
	if (good)
		return b;
	acl_sets_abort(b);
	return NULL;
}

void
acl_sets_abort(struct acl_sets_batch *b)
{
	if (b == NULL)
		return;
	b->sets->open = NULL;
	for (size_t i = 0; i < b->n_op; i++) {
		free(b->op[i].comment);
		for (uint16_t w = 0; b->op[i].tab != NULL && w < b->sets->n_worker; w++)
			set_tab_free(b->op[i].tab[w]);
		free(b->op[i].tab);
	}
	for (uint32_t i = 0; i < b->n_content; i++)
		set_tab_free(b->content[i].overlay);
	cfg_sets_free(&b->view.list);
	free(b->content);
	free(b->op);
	free(b);
}

// A further operation on the set at the slot; NULL: no memory.
static struct set_op *
op_add(struct acl_sets_batch *b, enum set_op_kind kind, uint16_t slot, struct cfg_pos pos)
{
	struct set_op *grown = b->op;

	if ((b->n_op & (b->n_op - 1)) == 0)
		grown = reallocarray(b->op, b->n_op == 0 ? 1 : b->n_op * 2, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	b->op = grown;
	grown += b->n_op++;
	*grown = (struct set_op){
		.kind = kind, .slot = slot, .from = b->content_of[slot], .pos = pos};
	return grown;
}

static const char *const NO_MEMORY = "out of memory";

// One table for each worker, to be put into the slot.
static bool
put_tables(struct acl_sets_batch *b, uint16_t slot, const struct cfg_set *conf)
{
	struct set_op *op = op_add(b, SET_OP_PUT, slot, conf->pos);
	uint32_t id;

	if (op == NULL)
		return false;
	op->tab = calloc(b->sets->n_worker, sizeof(*op->tab));
	if (op->tab == NULL)
		return false;
	b->sets->next_id = (b->sets->next_id + 1) & 0x1fffff;
	id = ACL_SETS_NEWS | b->sets->next_id << 10 | slot;
	for (uint16_t w = 0; w < b->sets->n_worker; w++) {
		op->tab[w] = set_tab_create(conf);
		if (op->tab[w] == NULL)
			return false;
		op->tab[w]->id = id;
	}
	b->content_of[slot] = content_add(b, conf, UINT16_MAX);
	op->from = b->content_of[slot];
	return op->from != UINT32_MAX;
}

static uint16_t
free_slot(const struct acl_sets_batch *b)
{
	bool used[CFG_SETS_MAX] = {false};
	uint16_t slot = 0;

	for (size_t i = 0; i < b->view.list.n; i++)
		used[b->view.slot[i]] = true;
	for (size_t i = 0; i < b->sets->view.list.n; i++) // news about it may be on their way
		used[b->sets->view.slot[i]] = true;
	while (slot < CFG_SETS_MAX && used[slot])
		slot++;
	return slot;
}

static const char *
create(struct acl_sets_batch *b, const struct cfg_set *conf, bool exist)
{
	const struct cfg_set *old = cfg_set_find(&b->view.list, conf->name);
	uint16_t slot = free_slot(b);

	if (old != NULL)
		return exist && cfg_set_same_kind(old, conf)
			       ? NULL
			       : "cannot be created: a set with the same name already exists";
	if (slot == CFG_SETS_MAX)
		return "there are 1024 sets already";
	if (cfg_set_add(&b->view.list, conf) == NULL)
		return NO_MEMORY;
	b->view.slot[b->view.list.n - 1] = slot;
	return put_tables(b, slot, conf) ? NULL : NO_MEMORY;
}

const char *
acl_sets_replace(struct acl_sets_batch *b, struct cfg_set *there, const struct cfg_set *conf)
{
	if (!put_tables(b, (uint16_t)slot_in(&b->view, conf->name), conf))
		return NO_MEMORY;
	*there = *conf;
	there->entry = NULL;
	there->n_entry = 0;
	return NULL;
}

// Makes the key of a list's member complete: its number.
static const char *
member(struct acl_sets_batch *b, struct cfg_set_key *key)
{
	const struct cfg_set *m = cfg_set_find(&b->view.list, key->set);

	if (m == NULL)
		return "the set to be added, deleted or tested as an entry does not exist";
	if (m->type == CFG_SET_LIST_SET)
		return "sets of type list:set cannot be added to the set";
	key->port = (uint16_t)slot_in(&b->view, key->set);
	return NULL;
}

static const char *
entry_op(struct acl_sets_batch *b, const struct cfg_set *conf, const struct cfg_set_entry *e,
	 bool add, bool exist, struct cfg_pos pos)
{
	int slot = slot_in(&b->view, conf->name);
	struct cfg_set_key key = e->key;
	uint32_t timeout = e->timeout_set ? e->timeout : conf->timeout;
	const char *why = conf->type == CFG_SET_LIST_SET ? member(b, &key) : NULL;
	struct set_op *op;

	if (why != NULL)
		return why;
	op = op_add(b, add ? SET_OP_ADD : SET_OP_DEL, (uint16_t)slot, pos);
	if (op == NULL)
		return NO_MEMORY;
	op->exist = exist;
	op->key = key;
	op->ext = (struct set_ext){.nomatch = e->nomatch,
				   .stays = (uint64_t)timeout * SET_TICKS,
				   .packets = e->packets,
				   .bytes = e->bytes};
	if (add && e->comment != NULL && (op->comment = strdup(e->comment)) == NULL)
		return NO_MEMORY;
	b->content[op->from].n_ops++;
	return NULL;
}

static const char *
test(struct acl_sets_batch *b, const struct cfg_set *conf, const struct cfg_set_entry *e)
{
	int slot = slot_in(&b->view, conf->name);
	const struct cfg_set_type *t = &cfg_set_type[conf->type];
	uint8_t bits = conf->family == CFG_IPV6 ? 128 : 32;
	struct cfg_set_key key = e->key;
	bool host = t->nomatch;
	const char *why = conf->type == CFG_SET_LIST_SET ? member(b, &key) : NULL;
	unsigned n_addr = 0;
	char *text;

	if (why != NULL)
		return why;
	if (b->n_op != 0)
		return "test cannot stand among commands that change sets";
	for (unsigned i = 0; i < t->n_dim; i++)
		if (t->dim[i] == CFG_SD_NET || t->dim[i] == CFG_SD_IP)
			host &= e->key.len[n_addr++] == bits;
	if ((set_is_in(b->sets, (uint16_t)slot, &key, host) > 0) != e->nomatch)
		return NULL;
	text = cfg_set_entry_text(conf, e, true);
	snprintf(b->said, sizeof(b->said), "%.100s is NOT in set %s.", text != NULL ? text : "",
		 conf->name);
	free(text);
	return b->said;
}

// Is the set in a list?
static bool
in_list(struct acl_sets_batch *b, const char *name)
{
	for (size_t i = 0; i < b->view.list.n; i++) {
		const struct cfg_set *l = &b->view.list.set[i];
		uint16_t slot = b->view.slot[i];
		bool in = false;
		size_t n = 0;
		struct set_seen *seen;

		if (l->type != CFG_SET_LIST_SET)
			continue;
		if (!b->content[b->content_of[slot]].empty) {
			seen = set_see(b->sets, b->content[b->content_of[slot]].origin, &n);
			for (size_t k = 0; seen != NULL && k < n; k++)
				in |= strcmp(seen[k].elem.key.set, name) == 0;
			free(seen);
		}
		for (size_t k = 0; k < b->n_op; k++)
			if (b->op[k].from == b->content_of[slot] &&
			    strcmp(b->op[k].key.set, name) == 0)
				in = b->op[k].kind == SET_OP_ADD;
		if (in)
			return true;
	}
	return false;
}

static bool
in_use(struct acl_sets_batch *b, const char *name)
{
	return (b->uses != NULL && b->uses(b->arg, name)) || in_list(b, name);
}

static const char *
destroy(struct acl_sets_batch *b, const char *name, struct cfg_pos pos)
{
	int slot = slot_in(&b->view, name);
	struct set_op *op;
	size_t i = 0;

	if (in_use(b, name))
		return "cannot be destroyed: it is in use by a rule or another set";
	op = op_add(b, SET_OP_TAKE, (uint16_t)slot, pos);
	if (op == NULL || (op->tab = calloc(b->sets->n_worker, sizeof(*op->tab))) == NULL)
		return NO_MEMORY;
	while (b->view.slot[i] != slot)
		i++;
	b->view.list.n--;
	memmove(&b->view.list.set[i], &b->view.list.set[i + 1],
		(b->view.list.n - i) * sizeof(b->view.list.set[0]));
	memmove(&b->view.slot[i], &b->view.slot[i + 1],
		(b->view.list.n - i) * sizeof(b->view.slot[0]));
	return NULL;
}

static const char *
flush(struct acl_sets_batch *b, uint16_t slot, struct cfg_pos pos)
{
	const struct cfg_set conf = b->content[b->content_of[slot]].conf; // the array moves
	uint32_t content;

	if (op_add(b, SET_OP_FLUSH, slot, pos) == NULL)
		return NO_MEMORY;
	content = content_add(b, &conf, UINT16_MAX);
	b->content_of[slot] = content;
	return content != UINT32_MAX ? NULL : NO_MEMORY;
}

// As ipset: of the same type and family.
static const char *
swap(struct acl_sets_batch *b, struct cfg_set *one, const char *name, struct cfg_pos pos)
{
	struct cfg_set *two = cfg_set_find(&b->view.list, name), held;
	uint16_t x, y;
	struct set_op *op;
	uint32_t content;

	if (two == NULL)
		return "sets cannot be swapped: the second set does not exist";
	if (one->type != two->type || one->family != two->family)
		return "the sets cannot be swapped: their type does not match";
	x = (uint16_t)slot_in(&b->view, one->name);
	y = (uint16_t)slot_in(&b->view, two->name);
	op = op_add(b, SET_OP_SWAP, x, pos);
	if (op == NULL)
		return NO_MEMORY;
	op->other = y;
	content = b->content_of[x];
	b->content_of[x] = b->content_of[y];
	b->content_of[y] = content;
	held = *one; // what they are goes along with what they hold, not their names
	*one = *two;
	*two = held;
	strcpy(two->name, one->name);
	strcpy(one->name, held.name);
	return NULL;
}

static const char *
rename_set(struct acl_sets_batch *b, struct cfg_set *set, const char *name)
{
	if (cfg_set_find(&b->view.list, name) != NULL)
		return "cannot be renamed: a set with the new name already exists";
	if (strlen(name) >= CFG_SET_NAME)
		return "the new name is longer than 31 characters";
	if (in_use(b, set->name))
		return "cannot be renamed: it is in use by a rule or another set";
	strcpy(set->name, name);
	return NULL;
}

// Those without a set's name are for all sets.
static const char *
for_all(struct acl_sets_batch *b, const struct cfg_set_cmd *cmd)
{
	const char *why = NULL;

	for (size_t i = b->view.list.n; why == NULL && i-- > 0;) {
		const struct cfg_set *s = &b->view.list.set[i];

		why = cmd->id == CFG_SC_FLUSH ? flush(b, b->view.slot[i], cmd->pos)
		      : s->type == CFG_SET_LIST_SET
			      ? destroy(b, s->name, cmd->pos) // before what is in them
			      : NULL;
	}
	for (size_t i = b->view.list.n; why == NULL && cmd->id == CFG_SC_DESTROY && i-- > 0;)
		why = destroy(b, b->view.list.set[i].name, cmd->pos);
	return why;
}

static const struct cfg_set *
do_find(void *arg, const char *name)
{
	const struct acl_sets_batch *b = arg;

	return cfg_set_find(&b->view.list, name);
}

static const char *
do_run(void *arg, const struct cfg_set_cmd *cmd)
{
	struct acl_sets_batch *b = arg;
	struct cfg_set *set = cmd->name != NULL ? cfg_set_find(&b->view.list, cmd->name) : NULL;

	if (cmd->id == CFG_SC_CREATE)
		return create(b, cmd->set, cmd->exist);
	if (cmd->name == NULL)
		return for_all(b, cmd);
	if (set == NULL)
		return cmd->exist && (cmd->id == CFG_SC_DESTROY || cmd->id == CFG_SC_FLUSH)
			       ? NULL
			       : "the set with the given name does not exist";
	switch (cmd->id) {
	case CFG_SC_ADD:
	case CFG_SC_DEL:
		return entry_op(b, set, cmd->entry, cmd->id == CFG_SC_ADD, cmd->exist, cmd->pos);
	case CFG_SC_DESTROY:
		return destroy(b, cmd->name, cmd->pos);
	case CFG_SC_FLUSH:
		return flush(b, (uint16_t)slot_in(&b->view, cmd->name), cmd->pos);
	case CFG_SC_RENAME:
		return rename_set(b, set, cmd->other);
	case CFG_SC_SWAP:
		return swap(b, set, cmd->other, cmd->pos);
	default:
		return test(b, set, cmd->entry);
	}
}

struct cfg_set_do
acl_sets_do(struct acl_sets_batch *b)
{
	return (struct cfg_set_do){b, do_find, do_run};
}
