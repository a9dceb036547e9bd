// The policy model itself: names of tables and hooks, chains and rules as growing arrays, and the
// index that finds a chain by name.
//
// Called by the readers of this room, by acl/ and control/ (look-ups) and by tests that build a
// policy by hand; never on the packet path. A policy owns everything below it; cfg_policy_free
// gives it all back. Arrays double when their length is a power of two, so that a hundred thousand
// rules cost a hundred thousand steps; the chain index is an open-addressed hash of pointers, at
// most half full.
#include "config/policy.h"
#include "config/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct cfg_index {
	size_t size; // power of two
	struct cfg_chain *slot[];
};

const char *
cfg_table_name(enum cfg_table_id id)
{
	static const char *const name[CFG_TABLES] = {
		[CFG_RAW] = "raw",	 [CFG_MANGLE] = "mangle",     [CFG_NAT] = "nat",
		[CFG_FILTER] = "filter", [CFG_SECURITY] = "security",
	};

	return (unsigned)id < CFG_TABLES ? name[id] : NULL;
}

const char *
cfg_hook_name(enum cfg_hook hook)
{
	static const char *const name[CFG_HOOKS] = {
		[CFG_PREROUTING] = "PREROUTING",   [CFG_INPUT] = "INPUT",
		[CFG_FORWARD] = "FORWARD",	   [CFG_OUTPUT] = "OUTPUT",
		[CFG_POSTROUTING] = "POSTROUTING",
	};

	return (unsigned)hook < CFG_HOOKS ? name[hook] : NULL;
}

bool
cfg_table_has_hook(enum cfg_table_id id, enum cfg_hook hook)
{
	static const uint8_t hooks[CFG_TABLES] = {
		[CFG_RAW] = 1 << CFG_PREROUTING | 1 << CFG_OUTPUT,
		[CFG_MANGLE] = (1 << CFG_HOOKS) - 1,
		[CFG_NAT] = ((1 << CFG_HOOKS) - 1) & ~(1 << CFG_FORWARD),
		[CFG_FILTER] = 1 << CFG_INPUT | 1 << CFG_FORWARD | 1 << CFG_OUTPUT,
		[CFG_SECURITY] = 1 << CFG_INPUT | 1 << CFG_FORWARD | 1 << CFG_OUTPUT,
	};

	return (unsigned)id < CFG_TABLES && (unsigned)hook < CFG_HOOKS && (hooks[id] >> hook & 1);
}

struct cfg_policy *
cfg_policy_new(void)
{
	return calloc(1, sizeof(struct cfg_policy));
}

void
cfg_rule_clear(struct cfg_rule *rule)
{
	for (size_t i = 0; i < rule->n_match; i++)
		free(rule->match[i].data);
	free(rule->match);
	free(rule->target.data);
	rule->match = NULL;
	rule->n_match = 0;
	rule->target.data = NULL;
}

// Gives *data a copy of size bytes from elsewhere. False: no memory.
static bool
data_copy(void **data, const void *from, size_t size)
{
	*data = NULL;
	if (from == NULL)
		return true;
	*data = malloc(size);
	if (*data != NULL)
		memcpy(*data, from, size);
	return *data != NULL;
}

bool
cfg_match_copy(struct cfg_match *to, const struct cfg_match *from)
{
	void *data;

	if (!data_copy(&data, from->data, from->data_size))
		return false;
	*to = *from;
	to->data = data;
	return true;
}

bool
cfg_target_copy(struct cfg_target *to, const struct cfg_target *from)
{
	void *data;

	if (!data_copy(&data, from->data, from->data_size))
		return false;
	*to = *from;
	to->data = data;
	return true;
}

void
cfg_chain_clear(struct cfg_chain *chain)
{
	for (size_t i = 0; i < chain->n_rule; i++)
		cfg_rule_clear(&chain->rule[i]);
	free(chain->rule);
	chain->rule = NULL;
	chain->n_rule = 0;
}

void
cfg_table_clear(struct cfg_table *table)
{
	for (size_t i = 0; i < table->n_chain; i++) {
		cfg_chain_clear(table->chain[i]);
		free(table->chain[i]);
	}
	free(table->chain);
	free(table->index);
	*table = (struct cfg_table){0};
}

void
cfg_policy_free(struct cfg_policy *policy)
{
	if (policy == NULL)
		return;
	for (int t = 0; t < CFG_TABLES; t++)
		cfg_table_clear(&policy->table[t]);
	cfg_sets_free(&policy->sets);
	free(policy->timeouts.item);
	free(policy->file);
	free(policy);
}

static size_t
name_hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325; // FNV-1a

	for (; *name != '\0'; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3;
	return h ^ h >> 32;
}

// The slot that holds the name, or the empty one where it belongs.
static struct cfg_chain **
index_slot(struct cfg_index *index, const char *name)
{
	size_t i = name_hash(name);

	for (;; i++) {
		struct cfg_chain **slot = &index->slot[i & (index->size - 1)];

		if (*slot == NULL || strcmp((*slot)->name, name) == 0)
			return slot;
	}
}

// Makes room in the index for one more chain than the table has.
static bool
index_reserve(struct cfg_table *table)
{
	struct cfg_index *old = table->index, *grown;
	size_t size = old != NULL ? old->size : 16;

	if (old != NULL && (table->n_chain + 1) * 2 <= size)
		return true;
	if (old != NULL)
		size *= 2;
	grown = calloc(1, sizeof(*grown) + size * sizeof(grown->slot[0]));
	if (grown == NULL)
		return false;
	grown->size = size;
	for (size_t i = 0; i < table->n_chain; i++)
		*index_slot(grown, table->chain[i]->name) = table->chain[i];
	free(old);
	table->index = grown;
	return true;
}

struct cfg_chain *
cfg_chain_find(const struct cfg_policy *policy, enum cfg_table_id id, const char *name)
{
	const struct cfg_table *table = &policy->table[id];

	return table->index != NULL ? *index_slot(table->index, name) : NULL;
}

static enum cfg_hook
hook_by_name(enum cfg_table_id id, const char *name)
{
	for (int h = 0; h < CFG_HOOKS; h++)
		if (strcmp(cfg_hook_name(h), name) == 0 && cfg_table_has_hook(id, h))
			return h;
	return CFG_HOOK_NONE;
}

// An array of n elements with room for one more: the same pointer, or a larger copy of it.
static void *
array_grow(void *array, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0)
		return array;
	return reallocarray(array, n == 0 ? 1 : n * 2, size);
}

struct cfg_chain *
cfg_chain_add(struct cfg_policy *policy, enum cfg_table_id id, const char *name)
{
	struct cfg_table *table = &policy->table[id];
	struct cfg_chain **grown, *chain;
	size_t at = table->n_chain;

	if (strlen(name) >= CFG_CHAIN_MAX)
		return NULL;
	grown = array_grow(table->chain, table->n_chain, sizeof(*grown));
	if (grown == NULL)
		return NULL;
	table->chain = grown;
	chain = index_reserve(table) ? calloc(1, sizeof(*chain)) : NULL;
	if (chain == NULL)
		return NULL;
	strcpy(chain->name, name);
	chain->family = CFG_BOTH;
	chain->hook = hook_by_name(id, name);
	if (chain->hook != CFG_HOOK_NONE) // user chains have the largest hook value: they stay last
		while (at > 0 && table->chain[at - 1]->hook > chain->hook)
			at--;
	memmove(&table->chain[at + 1], &table->chain[at], (table->n_chain - at) * sizeof(*grown));
	table->chain[at] = chain;
	table->n_chain++;
	*index_slot(table->index, name) = chain;
	table->present = true;
	table->family |= chain->family;
	return chain;
}

int
cfg_policy_complete(struct cfg_policy *policy)
{
	for (enum cfg_table_id t = 0; t < CFG_TABLES; t++) {
		const uint8_t family = policy->table[t].family;

		for (enum cfg_hook h = 0; h < CFG_HOOKS && policy->table[t].present; h++) {
			struct cfg_chain *chain;

			if (!cfg_table_has_hook(t, h))
				continue;
			chain = cfg_chain_find(policy, t, cfg_hook_name(h));
			if (chain == NULL) {
				chain = cfg_chain_add(policy, t, cfg_hook_name(h));
				if (chain == NULL)
					return -ENOMEM;
				chain->family = 0;
			}
			if (!(chain->family & CFG_IPV4))
				chain->policy4 = CFG_POLICY_ACCEPT;
			if (!(chain->family & CFG_IPV6))
				chain->policy6 = CFG_POLICY_ACCEPT;
			chain->family |= family;
		}
		policy->table[t].family = family;
	}
	return 0;
}

// The index anew, after a chain is gone or has another name.
static void
index_fill(struct cfg_table *table)
{
	memset(table->index->slot, 0, table->index->size * sizeof(table->index->slot[0]));
	for (size_t i = 0; i < table->n_chain; i++)
		*index_slot(table->index, table->chain[i]->name) = table->chain[i];
}

void
cfg_chain_remove(struct cfg_policy *policy, enum cfg_table_id id, struct cfg_chain *chain)
{
	struct cfg_table *table = &policy->table[id];
	size_t at = 0;

	while (table->chain[at] != chain)
		at++;
	table->n_chain--;
	memmove(&table->chain[at], &table->chain[at + 1], (table->n_chain - at) * sizeof(chain));
	index_fill(table);
	cfg_chain_clear(chain);
	free(chain);
}

void
cfg_chain_rename(struct cfg_policy *policy, enum cfg_table_id id, struct cfg_chain *chain,
		 const char *name)
{
	struct cfg_table *table = &policy->table[id];
	char old[CFG_CHAIN_MAX];

	strcpy(old, chain->name);
	strcpy(chain->name, name);
	index_fill(table);
	for (size_t c = 0; c < table->n_chain; c++)
		for (size_t r = 0; r < table->chain[c]->n_rule; r++)
			if (strcmp(table->chain[c]->rule[r].target.chain, old) == 0)
				strcpy(table->chain[c]->rule[r].target.chain, name);
}

static bool
stands_before(const struct cfg_pos *a, const struct cfg_pos *b)
{
	if (a->file != b->file) // what a file includes counts before it
		return b->file == NULL || (a->file != NULL && strcmp(a->file, b->file) < 0);
	return a->line != b->line ? a->line < b->line : a->column < b->column;
}

size_t
cfg_table_order(const struct cfg_policy *policy, enum cfg_table_id order[CFG_TABLES])
{
	size_t n = 0, at;

	for (int t = 0; t < CFG_TABLES; t++) {
		if (!policy->table[t].present)
			continue;
		for (at = n++; at > 0; at--) {
			if (!stands_before(&policy->table[t].pos,
					   &policy->table[order[at - 1]].pos))
				break;
			order[at] = order[at - 1];
		}
		order[at] = t;
	}
	return n;
}

struct cfg_rule *
cfg_rule_insert(struct cfg_chain *chain, size_t at)
{
	struct cfg_rule *grown = array_grow(chain->rule, chain->n_rule, sizeof(*grown));

	if (grown == NULL)
		return NULL;
	chain->rule = grown;
	if (at > chain->n_rule)
		at = chain->n_rule;
	memmove(&grown[at + 1], &grown[at], (chain->n_rule - at) * sizeof(*grown));
	chain->n_rule++;
	memset(&grown[at], 0, sizeof(*grown));
	return &grown[at];
}

void
cfg_rule_remove(struct cfg_chain *chain, size_t at)
{
	cfg_rule_clear(&chain->rule[at]);
	chain->n_rule--;
	memmove(&chain->rule[at], &chain->rule[at + 1],
		(chain->n_rule - at) * sizeof(*chain->rule));
}

struct cfg_rule *
cfg_rule_add(struct cfg_chain *chain)
{
	return cfg_rule_insert(chain, SIZE_MAX);
}

void
cfg_rule_counters(const struct cfg_rule *rule, enum cfg_family family, uint64_t *packets,
		  uint64_t *bytes)
{
	bool both = rule->family == CFG_BOTH;

	*packets = both && family == CFG_IPV6 ? rule->packets6
		   : both		      ? rule->packets - rule->packets6
					      : rule->packets;
	*bytes = both && family == CFG_IPV6 ? rule->bytes6
		 : both			    ? rule->bytes - rule->bytes6
					    : rule->bytes;
}

struct cfg_match *
cfg_match_add(struct cfg_rule *rule, enum cfg_match_id id)
{
	struct cfg_match *grown = array_grow(rule->match, rule->n_match, sizeof(*grown));

	if (grown == NULL)
		return NULL;
	rule->match = grown;
	grown = &rule->match[rule->n_match++];
	memset(grown, 0, sizeof(*grown));
	grown->id = id;
	if (id == CFG_M_TCP || id == CFG_M_UDP)
		grown->ports.sport.hi = grown->ports.dport.hi = UINT16_MAX;
	return grown;
}
