// config/policy.schema.json, made from the tables that the reader works from: extensions, tables
// and hooks, settings of conntrack.
//
// "schema print" writes it to standard output (test/generate does), "schema check ROOT" compares it
// with the one of the tree. What a key's value may be comes from the option's row; which keys can
// stand in a rule from the same look-up that the reader does: a target's option belongs to the rule
// that jumps to it, an option of tcp and its like needs the protocol, any other makes its match.
#include "schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/ct_settings.h"
#include "config/timeouts.h"
#include "config/policy.h"

// Names that are no chain's: NULL-terminated arrays would not know their length.
static json_t *
target_names(bool supported)
{
	json_t *names = json_array();

	if (!supported) {
		const char *name;

		for (size_t i = 0; (name = ext_other_at(i)) != NULL; i++)
			if (ext_is_known_target(name))
				json_array_append_new(names, json_string(name));
		return names;
	}
	for (size_t i = 0; i < ext_count(); i++)
		if (ext_at(i)->target)
			schema_names(names, ext_at(i));
	return names;
}

static json_t *
array_joined(json_t *a, json_t *b)
{
	json_array_extend(a, b);
	json_decref(b);
	return a;
}

// Text that can be a chain's name: no blanks, control characters or quotes, no '-' or '!' first.
#define CHAIN_PATTERN "^[^-!\"\\x00-\\x20\\x7f][^\"\\x00-\\x20\\x7f]{0,27}$"

static json_t *
definitions(void)
{
	json_t *d = json_object(), *targets = target_names(true), *others = target_names(false);

	schema_values(d);
	json_object_set_new(d, "family", schema_words("ipv4", "ipv6", "both", NULL));
	json_object_set_new(d, "verdict", schema_words("ACCEPT", "DROP", NULL));
	json_object_set_new(d, "counters",
			    json_pack("{s:s, s:s, s:i, s:i, s:{s:[s,s], s:i, s:s}}", "description",
				      "[packets, bytes]", "type", "array", "minItems", 2,
				      "maxItems", 2, "items", "type", "integer", "string",
				      "minimum", 0, "pattern", "^[0-9]+$"));
	json_object_set_new(d, "chainName",
			    json_pack("{s:[s,s,s], s:s, s:i}", "type", "string", "number",
				      "boolean", "pattern", CHAIN_PATTERN, "minimum", 0));
	json_object_set_new(d, "jump",
			    json_pack("{s:s, s:[{s:O}, {s:[{s:s}, {s:{s:O}}]}]}", "description",
				      "a target, or a user chain that comes back", "anyOf", "enum",
				      targets, "allOf", "$ref", "#/definitions/chainName", "not",
				      "enum", others));
	json_object_set_new(d, "goto",
			    json_pack("{s:s, s:[{s:s}, {s:{s:o}}]}", "description",
				      "a user chain that does not come back", "allOf", "$ref",
				      "#/definitions/chainName", "not", "enum",
				      array_joined(json_copy(targets), json_copy(others))));
	json_decref(targets);
	json_decref(others);
	json_object_set_new(d, "rule", schema_rule());
	json_object_set_new(d, "match", schema_match(d));
	json_object_set_new(d, "rules",
			    json_pack("{s:[s,s], s:{s:s}}", "type", "array", "null", "items",
				      "$ref", "#/definitions/rule"));
	json_object_set_new(d, "userChain",
			    json_pack("{s:[s,s], s:b, s:{s:o, s:o}}", "type", "object", "null",
				      "additionalProperties", 0, "properties", "family",
				      schema_ref("family"), "rules", schema_ref("rules")));
	json_object_set_new(
		d, "builtinChain",
		json_pack("{s:[s,s], s:b, s:{s:o, s:o, s:{s:[o, {s:s,s:b,s:{s:o,s:o}}]}, "
			  "s:{s:[o, {s:s,s:b,s:{s:o,s:o}}]}}}",
			  "type", "object", "null", "additionalProperties", 0, "properties",
			  "family", schema_ref("family"), "rules", schema_ref("rules"), "policy",
			  "anyOf", schema_ref("verdict"), "type", "object", "additionalProperties",
			  0, "properties", "ipv4", schema_ref("verdict"), "ipv6",
			  schema_ref("verdict"), "counters", "anyOf", schema_ref("counters"),
			  "type", "object", "additionalProperties", 0, "properties", "ipv4",
			  schema_ref("counters"), "ipv6", schema_ref("counters")));
	return d;
}

static json_t *
table(enum cfg_table_id id)
{
	json_t *chains = json_object(), *taken = target_names(true), *family;

	array_joined(taken, target_names(false));
	for (int h = 0; h < CFG_HOOKS; h++) {
		if (cfg_table_has_hook(id, h))
			json_object_set_new(chains, cfg_hook_name(h), schema_ref("builtinChain"));
		else
			json_array_append_new(taken, json_string(cfg_hook_name(h)));
	}
	family =
		json_pack("{s:s, s:[o, {s:s, s:[o]}]}", "description",
			  "where the table stands; a map is a chain of that name", "anyOf",
			  schema_ref("family"), "type", "object", "allOf", schema_ref("userChain"));
	json_object_set_new(chains, "family", family);
	return json_pack("{s:[s,s], s:o, s:o, s:{s:s, s:{s:o}}}", "type", "object", "null",
			 "properties", chains, "additionalProperties", schema_ref("userChain"),
			 "propertyNames", "pattern", CHAIN_PATTERN, "not", "enum", taken);
}

// From 1 to max, in any base.
static json_t *
number(json_int_t max)
{
	return json_pack("{s:[s,s], s:s, s:i, s:I}", "type", "integer", "string", "pattern",
			 "^(?:[0-9]+|0[xX][0-9a-fA-F]+)$", "minimum", 1, "maximum", max);
}

static json_t *
conntrack(void)
{
	json_t *rows = json_object();

	for (size_t i = 0; i < cfg_ct_rows; i++) {
		const struct cfg_ct_row *r = &cfg_ct_row[i];
		json_t *row = r->flag ? json_pack("{s:[s,s,s], s:s, s:i, s:i}", "type", "boolean",
						  "string", "integer", "pattern",
						  "^(?:" SCHEMA_TRUE "|" SCHEMA_FALSE
						  "|0*[01]|0[xX]0*[01])$",
						  "minimum", 0, "maximum", 1)
				      : json_pack("{s:s, s:[s,s], s:s, s:i, s:i}", "description",
						  r->unit, "type", "integer", "string", "pattern",
						  "^(?:[0-9]+|0[xX][0-9a-fA-F]+)$", "minimum",
						  !r->zero, "maximum", (int)r->max);

		json_object_set_new(rows, r->name, row);
	}
	return json_pack("{s:[s,s], s:b, s:o}", "type", "object", "null", "additionalProperties", 0,
			 "properties", rows);
}

static json_t *
timeouts(void)
{
	json_t *kinds = json_array();

	for (size_t p = 0; cfg_timeouts_protocol(p) != NULL; p++) {
		json_t *rows = json_object();

		json_object_set_new(rows, "protocol", schema_words(cfg_timeouts_protocol(p), NULL));
		for (size_t i = 0; cfg_timeouts_key(p, i) != NULL; i++)
			json_object_set_new(rows, cfg_timeouts_key(p, i), number(INT32_MAX));
		json_array_append_new(kinds,
				      json_pack("{s:s, s:[s], s:b, s:o}", "type", "object",
						"required", "protocol", "additionalProperties", 0,
						"properties", rows));
	}
	return json_pack("{s:s, s:[s,s], s:{s:o}}", "description",
			 "timeout policies; rules say jump: CT, timeout: NAME", "type", "object",
			 "null", "additionalProperties", "anyOf", kinds);
}

static json_t *
named_lists(const char *description)
{
	return json_pack("{s:s, s:[s,s], s:{s:s}, s:{s:[o, {s:s, s:i, s:o}]}}", "description",
			 description, "type", "object", "null", "propertyNames", "pattern",
			 "^[A-Za-z0-9_-]+$", "additionalProperties", "anyOf", schema_ref("word"),
			 "type", "array", "minItems", 1, "items", schema_ref("word"));
}

static json_t *
option_of_set(bool value)
{
	return value ? json_pack("{s:[s,s], s:s, s:i}", "type", "integer", "string", "pattern",
				 "^(?:[0-9]+|0[xX][0-9a-fA-F]+)$", "minimum", 0)
		     : json_pack("{s:[s,s], s:s}", "type", "boolean", "string", "pattern",
				 "^(?:" SCHEMA_TRUE "|" SCHEMA_FALSE ")$");
}

static json_t *
sets(void)
{
	static const char *const number_of[] = {"bucketsize", "hashsize", "initval", "markmask",
						"maxelem",    "netmask",  "size",    "timeout"};
	json_t *p = json_object(), *types = json_array();

	for (int t = 0; t < CFG_SET_TYPES; t++)
		json_array_append_new(types, json_string(cfg_set_type[t].name));
	json_object_set_new(p, "type", json_pack("{s:o}", "enum", types));
	json_object_set_new(p, "family", schema_words("inet", "inet6", "ipv4", "ipv6", NULL));
	for (size_t i = 0; i < sizeof(number_of) / sizeof(number_of[0]); i++)
		json_object_set_new(p, number_of[i], option_of_set(true));
	json_object_set_new(p, "counters", option_of_set(false));
	json_object_set_new(p, "comment", option_of_set(false));
	json_object_set_new(p, "range", json_pack("{s:s}", "type", "string"));
	json_object_set_new(p, "file",
			    json_pack("{s:s, s:s, s:i}", "description",
				      "what ipset save printed of the set, relative to "
				      "this file",
				      "type", "string", "minLength", 1));
	json_object_set_new(
		p, "entries",
		json_pack("{s:s, s:[{s:[s,s,s,s]}, {s:s, s:{s:[s,s,s,s]}}]}", "description",
			  "a list, or a text with an entry in each line, as ipset add takes them",
			  "anyOf", "type", "string", "number", "boolean", "null", "type", "array",
			  "items", "type", "string", "number", "boolean", "null"));
	return json_pack("{s:[s,s], s:{s:s, s:b, s:[{s:[s]},{s:[s]}], s:o}}", "type", "object",
			 "null", "additionalProperties", "type", "object", "additionalProperties",
			 0, "anyOf", "required", "type", "required", "file", "properties", p);
}

static json_t *
schema(void)
{
	json_t *tables = json_object(), *top = json_object();

	for (int t = 0; t < CFG_TABLES; t++)
		json_object_set_new(tables, cfg_table_name(t), table(t));
	json_object_set_new(top, "version",
			    json_pack("{s:s, s:[i,s]}", "description", "always 1", "enum", 1, "1"));
	json_object_set_new(top, "tables",
			    json_pack("{s:[s,s], s:b, s:o}", "type", "object", "null",
				      "additionalProperties", 0, "properties", tables));
	json_object_set_new(
		top, "include",
		json_pack("{s:s, s:[o, {s:s, s:o}]}", "description",
			  "files or patterns, relative to this file, that are part of the policy",
			  "anyOf", schema_ref("word"), "type", "array", "items",
			  schema_ref("word")));
	json_object_set_new(top, "ports", named_lists("PORT or LOW:HIGH; rules say $NAME"));
	json_object_set_new(top, "addresses", named_lists("addresses; rules say $NAME"));
	json_object_set_new(top, "sets", sets());
	json_object_set_new(top, "conntrack", conntrack());
	json_object_set_new(top, "timeouts", timeouts());
	json_object_set_new(top, "nat",
			    json_pack("{s:[s,s], s:b, s:{s:o}}", "type", "object", "null",
				      "additionalProperties", 0, "properties", "port-selection",
				      schema_words("preserve", "steered", "random", NULL)));
	json_object_set_new(top, "recent",
			    json_pack("{s:[s,s], s:b, s:{s:o, s:o}}", "type", "object", "null",
				      "additionalProperties", 0, "properties", "ip_list_tot",
				      number(CFG_RECENT_LIST_MAX), "ip_pkt_list_tot",
				      number(CFG_RECENT_HITS_MAX)));
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:[s], s:[{s:[s]},{s:[s]},{s:[s]},{s:[s]},{s:[s]}], "
		"s:b, s:o, s:o}",
		"$schema", "http://json-schema.org/draft-07/schema#", "title",
		"Ringwall's policy.yaml", "$comment",
		"Made by test/generate from the table of extensions; "
		"docs/policy-schema.md says what only the reader can tell.",
		"description", "ringwall-policy(5)", "type", "object", "required", "version",
		"anyOf", "required", "tables", "required", "include", "required", "ports",
		"required", "addresses", "required", "sets", "additionalProperties", 0,
		"properties", top, "definitions", definitions());
}

int
main(int argc, char **argv)
{
	json_t *made = schema();
	char *text = made != NULL ? json_dumps(made, JSON_INDENT(1)) : NULL, *have = NULL,
	     *path = NULL;
	size_t len, n;
	int ret = 1;

	if (text == NULL || argc < 2) {
		fprintf(stderr, "schema: it could not be made\n");
		return 2;
	}
	n = strlen(text);
	if (strcmp(argv[1], "print") == 0) {
		puts(text);
		ret = 0;
	} else if (argc == 3) {
		if (asprintf(&path, "%s/config/policy.schema.json", argv[2]) < 0)
			return 2;
		if (cfg_file_read(path, &have, &len) == 0 && len == n + 1 &&
		    memcmp(have, text, n) == 0)
			ret = 0;
		else
			fprintf(stderr, "config/policy.schema.json is stale: run test/generate "
					"BUILD\n");
	}
	free(have);
	free(path);
	free(text);
	json_decref(made);
	return ret;
}
