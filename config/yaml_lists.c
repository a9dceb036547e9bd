// The named lists of a policy file, `ports: { web: [80, 443] }` and `addresses: { ... }`, and
// rules'
// "$web" written out.
//
// Called by policy_yaml.c (once a file) and yaml_rule.c (for every value that is a comma list), on
// their thread. A list is judged where it stands, used or not; there are no lists of lists. Nothing
// of them is kept in the model: a rule has the numbers, as an iptables rule would.
#include "config/yaml_lists.h"
#include "config/policy.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>

static const struct yaml_list *
find(const struct yaml_lists *lists, const char *name, size_t n)
{
	for (size_t i = 0; i < lists->n; i++)
		if (strncmp(lists->list[i].name, name, n) == 0 && lists->list[i].name[n] == '\0')
			return &lists->list[i];
	return NULL;
}

// PORT or LOW:HIGH.
static bool
is_port(const char *text)
{
	const char *colon = strchr(text, ':');
	char low[64];
	uint16_t port;

	if (colon == NULL)
		return cfg_value_port(text, NULL, &port);
	if ((size_t)(colon - text) >= sizeof(low))
		return false;
	memcpy(low, text, colon - text);
	low[colon - text] = '\0';
	return cfg_value_port(low, NULL, &port) && cfg_value_port(colon + 1, NULL, &port);
}

static bool
element(const struct yaml_node *e, bool ports, struct cfg_err *err)
{
	struct cfg_addr a;
	const char *why;

	if (e->kind != YAML_TEXT || yaml_is_null(e)) {
		cfg_err_add(err, e->pos, "%s in a named list (expected %s)", yaml_kind_text(e),
			    ports ? "a port" : "an address");
		return false;
	}
	if (ports ? is_port(e->text) : cfg_value_addr(e->text, CFG_BOTH, &a, &why))
		return true;
	cfg_err_add_of(err, CFG_JUDGE_VALUE, e->pos, "\"%s\" in a named list (expected %s)",
		       e->text, ports ? "PORT or LOW:HIGH" : "ADDRESS or ADDRESS/LENGTH");
	return false;
}

static bool
elements(const struct yaml_node *value, bool ports, struct cfg_err *err)
{
	bool good = true;

	if (value->kind != YAML_LIST)
		return element(value, ports, err);
	for (size_t i = 0; i < value->n; i++)
		good &= element(value->item[i], ports, err);
	if (value->n == 0)
		cfg_err_add(err, value->pos, "an empty named list (expected at least one element)");
	return good && value->n > 0;
}

static bool
is_name(const char *s)
{
	return *s != '\0' && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789_-")] == '\0';
}

static void
add(struct yaml_lists *lists, const struct yaml_node *key, const struct yaml_node *value,
    bool ports, struct cfg_err *err)
{
	struct yaml_list *grown;

	if (!is_name(key->text)) {
		cfg_err_add(err, key->pos,
			    "a list's name is of letters, digits, '_' and '-', not \"%s\"",
			    key->text);
		return;
	}
	if (find(lists, key->text, strlen(key->text)) != NULL) {
		cfg_err_add_of(err, CFG_JUDGE_POLICY, key->pos,
			       "list '%s' stands here a second time", key->text);
		return;
	}
	if (!elements(value, ports, err))
		value = NULL; // known, so that only the list is complained of
	grown = reallocarray(lists->list, lists->n + 1, sizeof(*grown));
	if (grown == NULL) {
		cfg_err_add(err, key->pos, "out of memory");
		return;
	}
	lists->list = grown;
	grown[lists->n++] = (struct yaml_list){key->text, value, ports};
}

void
yaml_lists_read(struct yaml_lists *lists, const struct yaml_node *root, struct cfg_err *err)
{
	for (size_t i = 0; i < root->n; i++) {
		const struct yaml_node *key = root->item[2 * i], *map = root->item[2 * i + 1];
		bool ports = strcmp(key->text, "ports") == 0;

		if (!ports && strcmp(key->text, "addresses") != 0)
			continue;
		if (map->kind != YAML_MAP) {
			if (!yaml_is_null(map))
				cfg_err_add(err, map->pos,
					    "'%s' is %s (expected a map of names and lists)",
					    key->text, yaml_kind_text(map));
			continue;
		}
		for (size_t j = 0; j < map->n; j++)
			add(lists, map->item[2 * j], map->item[2 * j + 1], ports, err);
	}
}

void
yaml_lists_free(struct yaml_lists *lists)
{
	free(lists->list);
	*lists = (struct yaml_lists){0};
}

static void
write_out(struct cfg_buf *b, const struct yaml_node *value)
{
	if (value->kind == YAML_TEXT)
		cfg_buf_add(b, value->text);
	for (size_t i = 0; value->kind == YAML_LIST && i < value->n; i++) {
		cfg_buf_add(b, i > 0 ? "," : "");
		cfg_buf_add(b, value->item[i]->text);
	}
}

bool
yaml_lists_expand(const struct yaml_lists *lists, struct cfg_buf *b, const char *text,
		  bool addresses, const char *key, struct cfg_pos pos, struct cfg_err *err)
{
	for (;; text++) {
		size_t n = strcspn(text, ",");

		if (*text == '$') {
			const struct yaml_list *l = find(lists, text + 1, n - 1);

			if (l == NULL || (addresses && l->ports)) {
				cfg_err_add_of(err, CFG_JUDGE_POLICY, pos,
					       "'%s': there is no list of %s called '%.*s'", key,
					       addresses ? "addresses" : "ports or addresses",
					       (int)n, text);
				return false;
			}
			if (l->value == NULL)
				return false; // told where it stands
			write_out(b, l->value);
		} else {
			cfg_buf_addn(b, text, n);
		}
		text += n;
		if (*text == '\0')
			return !b->oom;
		cfg_buf_addc(b, ',');
	}
}
