// policy.yaml to the policy model: version, tables, chains, conntrack and NAT settings.
//
// cfg_policy_from_yaml and cfg_policy_load are called by app/ and control/ on the control thread;
// the policy belongs to the caller. The file is read into nodes first (yaml_node.c), so that what
// stands below
// (`family` after `rules`) is known above. Every error is told with its place; only a syntax error
// of YAML itself ends the reading. The language is described in ringwall-policy(5).
#include "config/ct_settings.h"
#include "config/timeouts.h"
#include "config/model.h"
#include "config/value.h"
#include "config/yaml_in.h"
#include "config/yaml_include.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct yin {
	struct cfg_policy *policy;
	enum cfg_table_id table; // at hand
	struct yaml_lists lists;
	bool conntrack, nat, recent, timeouts; // a file before this one said so
	size_t budget;
	struct cfg_err *err;
};

static int
key_cmp(const void *a, const void *b)
{
	const struct yaml_node *x = *(struct yaml_node *const *)a,
			       *y = *(struct yaml_node *const *)b;
	int by_text = strcmp(x->text, y->text);

	if (by_text != 0)
		return by_text;
	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	return x->pos.column < y->pos.column ? -1 : x->pos.column > y->pos.column;
}

static void
twice(const struct yaml_node *key, const struct yaml_node *first, struct cfg_err *err)
{
	cfg_err_add(err, key->pos, "key '%s' stands here a second time (the first is in line %u)",
		    key->text, first->pos.line);
}

bool
yaml_keys_once(const struct yaml_node *map, struct cfg_err *err)
{
	struct yaml_node **key, *few[16];
	bool good = true;

	key = map->n > 16 ? calloc(map->n, sizeof(struct yaml_node *)) : few;
	if (key == NULL) {
		cfg_err_add(err, map->pos, "out of memory");
		return false;
	}
	for (size_t i = 0; i < map->n; i++)
		key[i] = map->item[2 * i];
	if (map->n > 1)
		qsort(key, map->n, sizeof(struct yaml_node *), key_cmp);
	for (size_t i = 1; i < map->n; i++) {
		if (strcmp(key[i - 1]->text, key[i]->text) == 0) {
			twice(key[i], key[i - 1], err);
			good = false;
		}
	}
	if (key != few)
		free(key);
	return good;
}

bool
yaml_family(const struct yaml_node *node, uint8_t *family, struct cfg_err *err)
{
	static const char *const name[] = {"ipv4", "ipv6", "both"};

	for (uint8_t f = CFG_IPV4; f <= CFG_BOTH && node->kind == YAML_TEXT; f++) {
		if (strcmp(node->text, name[f - 1]) == 0) {
			*family = f;
			return true;
		}
	}
	cfg_err_add(err, node->pos, "'family' is %s%s%s (expected ipv4, ipv6 or both)",
		    node->kind == YAML_TEXT ? "\"" : yaml_kind_text(node),
		    node->kind == YAML_TEXT ? node->text : "", node->kind == YAML_TEXT ? "\"" : "");
	return false;
}

bool
yaml_counters(const struct yaml_node *node, uint64_t *packets, uint64_t *bytes, struct cfg_err *err)
{
	bool form = node->kind == YAML_LIST && node->n == 2 && node->item[0]->kind == YAML_TEXT &&
		    node->item[1]->kind == YAML_TEXT;

	if (form && cfg_value_u64(node->item[0]->text, strlen(node->item[0]->text), packets) &&
	    cfg_value_u64(node->item[1]->text, strlen(node->item[1]->text), bytes))
		return true;
	cfg_err_add_of(err, form ? CFG_JUDGE_VALUE : CFG_JUDGE_FORM, node->pos,
		       "bad 'counters' (expected [packets, bytes])");
	return false;
}

// Letters to change, add or drop to make b of a; more than 2 count as 3.
static unsigned
distance(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	unsigned row[40], up, left;

	if (nb >= EXT_N(row) || na > nb + 2 || nb > na + 2)
		return 3;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		left = row[0];
		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			up = row[j];
			row[j] = a[i - 1] == b[j - 1] ? left : left + 1;
			if (row[j] > up + 1)
				row[j] = up + 1;
			if (row[j] > row[j - 1] + 1)
				row[j] = row[j - 1] + 1;
			left = up;
		}
	}
	return row[nb] < 3 ? row[nb] : 3;
}

const char *
yaml_nearest(const char *word, const char *const *known, size_t n)
{
	const char *best = NULL;
	unsigned min = 3;

	for (size_t i = 0; i < n; i++) {
		unsigned d = distance(word, known[i]);

		if (d < min && d < strlen(known[i])) {
			min = d;
			best = known[i];
		}
	}
	return best;
}

static void
unknown_key(struct yin *y, const struct yaml_node *key, const char *where, const char *expected)
{
	cfg_err_add(y->err, key->pos, "unknown key '%s' %s (expected %s)", key->text, where,
		    expected);
}

static bool
is_map(struct yin *y, const struct yaml_node *key, const struct yaml_node *value)
{
	if (value->kind == YAML_MAP)
		return true;
	if (!yaml_is_null(value))
		cfg_err_add(y->err, value->pos, "'%s' is %s (expected a map)", key->text,
			    yaml_kind_text(value));
	return false;
}

static void
rules_key(struct yin *y, struct cfg_chain *chain, const struct yaml_node *value)
{
	if (yaml_is_null(value))
		return;
	if (value->kind != YAML_LIST) {
		cfg_err_add(y->err, value->pos, "'rules' is %s (expected a list)",
			    yaml_kind_text(value));
		return;
	}
	for (size_t i = 0; i < value->n; i++)
		yaml_rule(value->item[i], chain, &y->lists, &y->policy->sets, &y->budget, y->err);
}

static bool
verdict(struct yin *y, const struct yaml_node *node, enum cfg_verdict *out)
{
	bool drop = node->kind == YAML_TEXT && strcmp(node->text, "DROP") == 0;

	if (!drop && (node->kind != YAML_TEXT || strcmp(node->text, "ACCEPT") != 0)) {
		cfg_err_add(y->err, node->pos, "bad 'policy' (expected ACCEPT or DROP%s)",
			    node->kind == YAML_TEXT
				    ? ""
				    : ", or a map { ipv4: ..., ipv6: ... } of them");
		return false;
	}
	*out = drop ? CFG_POLICY_DROP : CFG_POLICY_ACCEPT;
	return true;
}

// A value for each family: { ipv4: X, ipv6: Y }. Families that the chain does not have are errors.
static bool
per_family(struct yin *y, const struct cfg_chain *chain, const struct yaml_node *map,
	   const char *name, const struct yaml_node **v4, const struct yaml_node **v6)
{
	bool good = yaml_keys_once(map, y->err);

	for (size_t i = 0; i < map->n; i++) {
		const struct yaml_node *key = map->item[2 * i];
		uint8_t family = strcmp(key->text, "ipv4") == 0	  ? CFG_IPV4
				 : strcmp(key->text, "ipv6") == 0 ? CFG_IPV6
								  : 0;

		if (!(family & chain->family)) {
			cfg_err_add_of(y->err, family != 0 ? CFG_JUDGE_RULE : CFG_JUDGE_FORM,
				       key->pos, "'%s': key '%s' (expected %s)", name, key->text,
				       chain->family == CFG_BOTH ? "ipv4 or ipv6"
				       : chain->family == CFG_IPV4
					       ? "ipv4 only: the chain stands there"
					       : "ipv6 only: the chain stands there");
			good = false;
		} else {
			*(family == CFG_IPV4 ? v4 : v6) = map->item[2 * i + 1];
		}
	}
	return good;
}

static void
policy_key(struct yin *y, struct cfg_chain *chain, const struct yaml_node *key,
	   const struct yaml_node *value)
{
	const struct yaml_node *v4 = value, *v6 = value;

	if (chain->hook == CFG_HOOK_NONE) {
		cfg_err_add(y->err, key->pos, "chain '%s' is not built in and has no policy",
			    chain->name);
		return;
	}
	if (value->kind == YAML_MAP) {
		v4 = v6 = NULL;
		if (!per_family(y, chain, value, "policy", &v4, &v6))
			return;
	}
	if (v4 != NULL && (chain->family & CFG_IPV4) && !verdict(y, v4, &chain->policy4))
		return;
	if (v6 != NULL && (chain->family & CFG_IPV6))
		verdict(y, v6, &chain->policy6);
}

static void
counters_key(struct yin *y, struct cfg_chain *chain, const struct yaml_node *key,
	     const struct yaml_node *value)
{
	const struct yaml_node *v4 = NULL, *v6 = NULL;

	if (chain->hook == CFG_HOOK_NONE) {
		cfg_err_add(y->err, key->pos, "chain '%s' is not built in: only a policy counts",
			    chain->name);
		return;
	}
	if (value->kind == YAML_MAP) {
		if (!per_family(y, chain, value, "counters", &v4, &v6))
			return;
	} else if (chain->family == CFG_BOTH) {
		cfg_err_add_of(y->err, CFG_JUDGE_RULE, value->pos,
			       "'counters' of a chain in both families (expected "
			       "{ ipv4: [packets, bytes], ipv6: [packets, bytes] })");
		return;
	} else {
		*(chain->family == CFG_IPV4 ? &v4 : &v6) = value;
	}
	if (v4 != NULL)
		yaml_counters(v4, &chain->packets4, &chain->bytes4, y->err);
	if (v6 != NULL)
		yaml_counters(v6, &chain->packets6, &chain->bytes6, y->err);
}

static void
chain_family(struct yin *y, struct cfg_chain *chain, uint8_t table_family,
	     const struct yaml_node *map)
{
	chain->family = table_family;
	for (size_t i = 0; i < map->n; i++) {
		const struct yaml_node *value = map->item[2 * i + 1];
		uint8_t family;

		if (strcmp(map->item[2 * i]->text, "family") != 0 ||
		    !yaml_family(value, &family, y->err))
			continue;
		if (family & ~table_family)
			cfg_err_add_of(y->err, CFG_JUDGE_RULE, value->pos,
				       "'family': \"%s\", but the table stands in %s only",
				       value->text, table_family == CFG_IPV4 ? "ipv4" : "ipv6");
		else
			chain->family = family;
	}
}

static void
chain_map(struct yin *y, struct cfg_chain *chain, const struct yaml_node *map)
{
	yaml_keys_once(map, y->err);
	for (size_t i = 0; i < map->n; i++) {
		const struct yaml_node *key = map->item[2 * i], *value = map->item[2 * i + 1];

		if (strcmp(key->text, "policy") == 0)
			policy_key(y, chain, key, value);
		else if (strcmp(key->text, "counters") == 0)
			counters_key(y, chain, key, value);
		else if (strcmp(key->text, "rules") == 0)
			rules_key(y, chain, value);
		else if (strcmp(key->text, "family") != 0)
			unknown_key(y, key, "in a chain", "policy, family, counters or rules");
	}
}

static struct cfg_chain *
chain_new(struct yin *y, const struct yaml_node *key, uint8_t family)
{
	const char *name = key->text, *why = cfg_chain_name_bad(name);
	struct cfg_chain *chain;

	if (why == NULL)
		why = ext_chain_name_taken(y->table, name);
	if (why != NULL) {
		// A schema counts a name's characters, not its bytes.
		cfg_err_add_of(y->err,
			       strlen(name) < CFG_CHAIN_MAX ? CFG_JUDGE_FORM : CFG_JUDGE_VALUE,
			       key->pos, "chain '%s' in table '%s': %s", name,
			       cfg_table_name(y->table), why);
		return NULL;
	}
	chain = cfg_chain_find(y->policy, y->table, name);
	if (chain != NULL) {
		cfg_err_add_of(y->err, CFG_JUDGE_POLICY, key->pos,
			       "chain '%s' stands here a second time (the first is in line %u%s%s)",
			       name, chain->pos.line, chain->pos.file != NULL ? " of " : "",
			       chain->pos.file != NULL ? chain->pos.file : "");
		return NULL;
	}
	chain = cfg_chain_add(y->policy, y->table, name);
	if (chain == NULL) {
		cfg_err_add(y->err, key->pos, "out of memory");
		return NULL;
	}
	chain->pos = key->pos;
	chain->family = family;
	return chain;
}

// `family: ipv4` is the table's; a map under that key is a chain of that name.
static bool
is_table_family(const struct yaml_node *key, const struct yaml_node *value)
{
	return strcmp(key->text, "family") == 0 && value->kind != YAML_MAP;
}

static void
table_map(struct yin *y, struct cfg_table *table, const struct yaml_node *map)
{
	const struct yaml_node *said = NULL;
	uint8_t family = CFG_BOTH; // table->family will be the union of the chains'

	for (size_t i = 0; i < map->n; i++) {
		if (!is_table_family(map->item[2 * i], map->item[2 * i + 1]))
			continue;
		if (said != NULL)
			twice(map->item[2 * i], said, y->err);
		said = map->item[2 * i];
		yaml_family(map->item[2 * i + 1], &family, y->err);
	}
	table->family = family;
	// All chains first: a rule may jump to one that stands below it.
	for (size_t i = 0; i < map->n; i++) {
		const struct yaml_node *key = map->item[2 * i], *value = map->item[2 * i + 1];
		struct cfg_chain *chain;

		if (is_table_family(key, value))
			continue;
		chain = chain_new(y, key, family);
		if (chain != NULL && is_map(y, key, value))
			chain_family(y, chain, family, value);
	}
	for (size_t i = 0; i < map->n; i++) {
		const struct yaml_node *key = map->item[2 * i], *value = map->item[2 * i + 1];
		struct cfg_chain *chain = cfg_chain_find(y->policy, y->table, key->text);

		// A second chain of the same name was told above.
		if (value->kind == YAML_MAP && chain != NULL && chain->pos.line == key->pos.line &&
		    chain->pos.column == key->pos.column && chain->pos.file == key->pos.file)
			chain_map(y, chain, value);
	}
}

static void
tables_key(struct yin *y, const struct yaml_node *map)
{
	bool seen[CFG_TABLES] = {false};

	yaml_keys_once(map, y->err);
	for (size_t i = 0; i < map->n; i++) {
		const struct yaml_node *key = map->item[2 * i], *value = map->item[2 * i + 1];
		struct cfg_table *table;
		int t = 0;

		while (t < CFG_TABLES && strcmp(key->text, cfg_table_name(t)) != 0)
			t++;
		if (t == CFG_TABLES) {
			unknown_key(y, key, "under 'tables'",
				    "raw, mangle, nat, filter or security");
			continue;
		}
		table = &y->policy->table[t];
		if (seen[t])
			continue; // told as a second key
		seen[t] = true;
		if (!table->present)
			table->pos = key->pos;
		table->present = true;
		table->family = CFG_BOTH;
		y->table = t;
		if (is_map(y, key, value))
			table_map(y, table, value);
		if (table->n_chain > 0) {
			table->family = 0;
			for (size_t c = 0; c < table->n_chain; c++)
				table->family |= table->chain[c]->family;
		}
	}
}

static void
conntrack_key(struct yin *y, const struct yaml_node *map)
{
	yaml_keys_once(map, y->err);
	for (size_t i = 0; i < map->n; i++) {
		const struct yaml_node *key = map->item[2 * i], *value = map->item[2 * i + 1];
		const struct cfg_ct_row *row = cfg_ct_find(key->text);
		enum cfg_judge judge = value->kind == YAML_TEXT && !yaml_is_null(value)
					       ? CFG_JUDGE_VALUE
					       : CFG_JUDGE_FORM;
		uint32_t number = 0;
		bool on = false;

		if (row == NULL && cfg_ct_elsewhere(key->text) != NULL) {
			cfg_err_add(y->err, key->pos, "'%s' is no setting here: %s", key->text,
				    cfg_ct_elsewhere(key->text));
		} else if (row == NULL) {
			unknown_key(y, key, "under 'conntrack'",
				    "a sysctl of nf_conntrack without that prefix, such as "
				    "tcp_timeout_established");
		} else if (row->flag) {
			if (!yaml_bool(value, &on) &&
			    (value->kind != YAML_TEXT || !cfg_value_u32(value->text, 1, &number))) {
				cfg_err_add_of(y->err, judge, value->pos,
					       "bad '%s' (expected true or false)", row->name);
				continue;
			}
			cfg_ct_set(&y->policy->conntrack, row, on || number != 0);
		} else if (value->kind != YAML_TEXT ||
			   !cfg_value_u32(value->text, row->max, &number) ||
			   (number == 0 && !row->zero)) {
			cfg_err_add_of(y->err, judge, value->pos,
				       "bad '%s' (expected %s%s, %d to %u)", row->name,
				       row->zero ? "" : "a number of ", row->unit, !row->zero,
				       row->max);
		} else {
			cfg_ct_set(&y->policy->conntrack, row, number);
		}
	}
}

static void
nat_key(struct yin *y, const struct yaml_node *map)
{
	yaml_keys_once(map, y->err);
	for (size_t i = 0; i < map->n; i++) {
		const struct yaml_node *key = map->item[2 * i], *value = map->item[2 * i + 1];
		const char *text = value->kind == YAML_TEXT ? value->text : "";

		if (strcmp(key->text, "port-selection") != 0)
			unknown_key(y, key, "under 'nat'", "port-selection");
		else if (strcmp(text, "preserve") == 0)
			y->policy->port_selection = CFG_PORTS_PRESERVE;
		else if (strcmp(text, "steered") == 0)
			y->policy->port_selection = CFG_PORTS_STEERED;
		else if (strcmp(text, "random") == 0)
			y->policy->port_selection = CFG_PORTS_RANDOM;
		else
			cfg_err_add(y->err, value->pos,
				    "bad 'port-selection' (expected preserve, steered or random)");
	}
}

// A key that may stand in one of the policy's files.
static bool
once(struct yin *y, bool *said, const struct yaml_node *key)
{
	if (*said)
		cfg_err_add_of(y->err, CFG_JUDGE_POLICY, key->pos,
			       "'%s' stands in another file of this policy as well", key->text);
	*said = true;
	return true;
}

static void
root_key(struct yin *y, const struct yaml_node *key, const struct yaml_node *value)
{
	if (strcmp(key->text, "version") == 0) {
		if (value->kind != YAML_TEXT || strcmp(value->text, "1") != 0)
			cfg_err_add_of(y->err,
				       value->kind == YAML_TEXT ? CFG_JUDGE_VALUE : CFG_JUDGE_FORM,
				       value->pos, "bad 'version' (expected 1)");
	} else if (strcmp(key->text, "tables") == 0) {
		if (is_map(y, key, value))
			tables_key(y, value);
	} else if (strcmp(key->text, "conntrack") == 0) {
		if (once(y, &y->conntrack, key) && is_map(y, key, value))
			conntrack_key(y, value);
	} else if (strcmp(key->text, "nat") == 0) {
		if (once(y, &y->nat, key) && is_map(y, key, value))
			nat_key(y, value);
	} else if (strcmp(key->text, "recent") == 0) {
		if (once(y, &y->recent, key) && is_map(y, key, value))
			yaml_recent(value, &y->policy->recent, y->err);
	} else if (strcmp(key->text, "timeouts") == 0) {
		if (once(y, &y->timeouts, key) && is_map(y, key, value))
			yaml_timeouts(value, &y->policy->timeouts, y->err);
	} else if (strcmp(key->text, "ports") != 0 && strcmp(key->text, "addresses") != 0 &&
		   strcmp(key->text, "include") != 0 && strcmp(key->text, "sets") != 0) {
		unknown_key(y, key, "at the top",
			    "version, tables, include, ports, addresses, sets, conntrack, "
			    "timeouts, nat or recent");
	}
}

static void
root_map(struct yin *y, const struct yaml_node *map)
{
	static const char *const instead[] = {"tables", "include", "ports", "addresses", "sets"};
	bool version = false, content = false;

	yaml_keys_once(map, y->err);
	for (size_t i = 0; i < map->n; i++) {
		const char *key = map->item[2 * i]->text;

		version |= strcmp(key, "version") == 0;
		for (size_t j = 0; j < EXT_N(instead); j++)
			content |= strcmp(key, instead[j]) == 0;
		root_key(y, map->item[2 * i], map->item[2 * i + 1]);
	}
	if (!version)
		cfg_err_add(y->err, map->pos, "'version' is missing (expected version: 1)");
	if (!content)
		cfg_err_add(y->err, map->pos, "'tables' is missing");
}

int
cfg_policy_from_yaml_file(struct cfg_policy **out, const char *path, const char *text, size_t len,
			  struct cfg_err *err)
{
	struct yin y = {.policy = cfg_policy_new(), .budget = RULE_IN_MAX, .err = err};
	struct yaml_files *files = calloc(1, sizeof(*files));
	size_t before = err->n_errors;
	int ret = -ENOMEM;

	if (y.policy == NULL || files == NULL ||
	    (err->file != NULL && (y.policy->file = strdup(err->file)) == NULL))
		goto out;
	ret = -EINVAL;
	yaml_files_read(files, path, text, len, err);
	// Lists first: the rules of every file know those of all.
	for (size_t i = 0; i < files->n_order; i++)
		yaml_lists_read(&y.lists, files->file[files->order[i]].root, err);
	for (size_t i = 0; i < files->n_order; i++)
		yaml_sets_read(&y.policy->sets, files->file[files->order[i]].root,
			       files->file[files->order[i]].path, &y.policy->includes, err);
	yaml_sets_check(&y.policy->sets, err);
	for (size_t i = 0; i < files->n_order; i++)
		root_map(&y, files->file[files->order[i]].root);
	y.policy->includes |= files->n > 1;
	if (files->n_order == files->n)
		cfg_policy_check(y.policy, err);
	if (err->n_errors != before)
		goto out;
	*out = y.policy;
	y.policy = NULL;
	ret = 0;
out:
	yaml_lists_free(&y.lists);
	if (files != NULL)
		yaml_files_free(files);
	free(files);
	cfg_policy_free(y.policy);
	return ret;
}

int
cfg_policy_from_yaml(struct cfg_policy **out, const char *text, size_t len, struct cfg_err *err)
{
	return cfg_policy_from_yaml_file(out, NULL, text, len, err);
}

int
cfg_policy_load(struct cfg_policy **out, const char *path, struct cfg_err *err)
{
	struct cfg_policy *policy = NULL;
	const char *outer = err->file;
	char *text = NULL;
	size_t len;
	int ret = cfg_file_read(path, &text, &len);

	err->file = path;
	if (ret < 0)
		cfg_err_add(err, (struct cfg_pos){0}, "cannot be read: %s", strerror(-ret));
	else
		ret = cfg_policy_from_yaml_file(&policy, path, text, len, err);
	if (ret == 0)
		ret = cfg_policy_able(policy, CFG_ERROR, err);
	if (ret == 0)
		*out = policy;
	else
		cfg_policy_free(policy);
	err->file = outer;
	free(text);
	return ret;
}
