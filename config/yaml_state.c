// The policy file's settings for matches that keep something: `recent`.
//
// Called by policy_yaml.c on its thread. The language is described in ringwall-policy(5).
#include "config/value.h"
#include "config/yaml_in.h"

#include <string.h>

void
yaml_recent(const struct yaml_node *map, struct cfg_recent *recent, struct cfg_err *err)
{
	const struct {
		const char *name;
		uint32_t *at, max;
	} row[] = {
		{"ip_list_tot", &recent->ip_list_tot, CFG_RECENT_LIST_MAX},
		{"ip_pkt_list_tot", &recent->ip_pkt_list_tot, CFG_RECENT_HITS_MAX},
	};

	yaml_keys_once(map, err);
	for (size_t i = 0; i < map->n; i++) {
		const struct yaml_node *key = map->item[2 * i], *value = map->item[2 * i + 1];
		size_t r = 0;

		while (r < EXT_N(row) && strcmp(key->text, row[r].name) != 0)
			r++;
		if (r == EXT_N(row))
			cfg_err_add(err, key->pos,
				    "unknown key '%s' under 'recent' (expected ip_list_tot or "
				    "ip_pkt_list_tot)",
				    key->text);
		else if (value->kind != YAML_TEXT ||
			 !cfg_value_u32(value->text, row[r].max, row[r].at) || *row[r].at == 0)
			cfg_err_add_of(
				err, value->kind == YAML_TEXT ? CFG_JUDGE_VALUE : CFG_JUDGE_FORM,
				value->pos, "bad '%s' (expected 1 to %u)", row[r].name, row[r].max);
	}
}
