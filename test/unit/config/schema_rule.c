// The schema's part that says what a rule is: its keys, what their values look like, which go with
// which jump and protocol.
#include "schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/value.h"

#define KEYS_MAX   600
#define OWNERS_MAX 24

// A key and what it can belong to, in the reader's order: targets first, then matches up to the one
// that needs no protocol.
struct owner {
	const struct ext *ext;
	const struct ext_opt *opt;
};
struct key {
	const char *name;
	struct owner owner[OWNERS_MAX];
	size_t n;
};

static struct key keys[KEYS_MAX];
static size_t n_keys;

json_t *
schema_ref(const char *name)
{
	return json_pack("{s:s+}", "$ref", "#/definitions/", name);
}

json_t *
schema_words(const char *first, ...)
{
	json_t *words = json_array();
	va_list ap;

	va_start(ap, first);
	for (const char *w = first; w != NULL; w = va_arg(ap, const char *))
		json_array_append_new(words, json_string(w));
	va_end(ap);
	return json_pack("{s:o}", "enum", words);
}

void
schema_names(json_t *names, const struct ext *ext)
{
	const char *alias = ext->alias;
	char word[64];

	json_array_append_new(names, json_string(ext->name));
	while (alias != NULL && cfg_value_next(&alias, word, sizeof(word)))
		json_array_append_new(names, json_string(word));
}

// Text, or what YAML takes for a number or a truth value: the reader sees the letters.
static json_t *
scalar(json_t *pattern)
{
	json_t *s = json_pack("{s:[s,s,s]}", "type", "string", "number", "boolean");

	if (pattern != NULL)
		json_object_set_new(s, "pattern", pattern);
	return s;
}

#define PART json_string("^(?:[^!,][^,]*|)$") // of a list; may be empty

static json_t *
list_of(json_t *text, json_t *part)
{
	return json_pack("{s:[o, {s:s, s:i, s:o}]}", "anyOf", text, "type", "array", "minItems", 1,
			 "items", part);
}

static json_t *
pair_of(bool invertible)
{
	json_t *part = list_of(scalar(NULL), scalar(PART));

	return json_pack("{s:[{s:s,s:s}, {s:s, s:i, s:i, s:o}]}", "anyOf", "type", "string",
			 "pattern",
			 invertible ? "^(?:! *[^ ]+|[^! ][^ ]*|) +[^ ]+$" : "^[^ ]* +[^ ]+$",
			 "type", "array", "minItems", 2, "maxItems", 2, "items", part);
}

void
schema_values(json_t *d)
{
	json_object_set_new(d, "flag",
			    json_pack("{s:[s,s], s:s}", "type", "boolean", "string", "pattern",
				      "^(?:" SCHEMA_TRUE "|" SCHEMA_FALSE ")$"));
	json_object_set_new(d, "flagOrNot",
			    json_pack("{s:[s,s], s:s}", "type", "boolean", "string", "pattern",
				      "^(?:" SCHEMA_TRUE "|" SCHEMA_FALSE "|! *(?:" SCHEMA_TRUE
				      ")?)$"));
	json_object_set_new(d, "word", scalar(NULL));
	json_object_set_new(d, "list", list_of(scalar(NULL), scalar(PART)));
	json_object_set_new(d, "pair", pair_of(false));
	json_object_set_new(d, "pairOrNot", pair_of(true));
}

// What a key's value looks like as that option.
static json_t *
value_of(const struct ext_opt *o)
{
	const char *not = o->invertible ? "(?:! *)?" : "", *p = o->pattern;
	if (o->parse == NULL)
		return json_false();
	switch (o->value) {
	case EXT_FLAG:
		return schema_ref(o->invertible ? "flagOrNot" : "flag");
	case EXT_PAIR:
		return schema_ref(o->invertible ? "pairOrNot" : "pair");
	case EXT_WORD:
		if (p == NULL)
			return schema_ref("word");
		return scalar(json_sprintf("^%s(?:%s)$", not, p));
	default:
		if (p == NULL)
			return schema_ref("list");
		return list_of(
			scalar(json_sprintf("^%s(?:\\$.*|%s)(?:,(?:\\$.*|%s))*$", not, p, p)),
			scalar(json_sprintf("^(?:\\$.*|%s)$", p)));
	}
}

static const char *
key_name(const struct ext_opt *o)
{
	return o->key != NULL ? o->key : o->name;
}

static const struct ext_opt *
opt_of(const struct ext *ext, const char *key)
{
	for (size_t i = 0; i < ext->n_opt; i++)
		if (strcmp(key_name(&ext->opt[i]), key) == 0)
			return &ext->opt[i];
	return NULL;
}

static const struct key *
key_find(const char *name)
{
	for (size_t i = 0; i < n_keys; i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static void
key_owner(struct key *k, const struct ext *ext)
{
	const struct ext_opt *o = opt_of(ext, k->name);

	if (o != NULL && k->n < OWNERS_MAX)
		k->owner[k->n++] = (struct owner){ext, o};
}

static void
key_add(const char *name)
{
	struct key *k = &keys[n_keys];

	if (name[0] == '\0' || key_find(name) != NULL || opt_of(&ext_rule, name) != NULL ||
	    n_keys == KEYS_MAX)
		return;
	*k = (struct key){.name = name};
	for (size_t i = 0; i < ext_count(); i++)
		if (ext_at(i)->target)
			key_owner(k, ext_at(i));
	for (size_t i = 0; i < ext_count(); i++) {
		if (ext_at(i)->target)
			continue;
		key_owner(k, ext_at(i));
		if (k->n > 0 && k->owner[k->n - 1].ext == ext_at(i) && !ext_at(i)->proto_key)
			break;
	}
	for (size_t i = 0; i < k->n; i++) {
		if (k->owner[i].opt->parse != NULL) {
			n_keys++;
			return;
		}
	}
}

static void
keys_collect(void)
{
	for (size_t i = 0; i < ext_count(); i++)
		for (size_t j = 0; j < ext_at(i)->n_opt; j++)
			key_add(key_name(&ext_at(i)->opt[j]));
}

// The rule jumps to the target.
static json_t *
jumps_to(const struct ext *ext)
{
	json_t *names = json_array();

	schema_names(names, ext);
	return json_pack("{s:[s], s:{s:{s:o}}}", "required", "jump", "properties", "jump", "enum",
			 names);
}

// The rule is of the protocol, by name in any case or by number.
static json_t *
has_protocol(uint16_t proto)
{
	char pattern[512];
	const char *name;
	size_t n = snprintf(pattern, sizeof(pattern), "^(?:%u|0+%o|0[xX]0*%x", proto, proto, proto);

	for (size_t i = 0; (name = cfg_proto_alias(proto, i)) != NULL; i++) {
		n += snprintf(pattern + n, sizeof(pattern) - n, "|");
		for (; *name != '\0'; name++)
			n += *name >= 'a' && *name <= 'z'
				     ? snprintf(pattern + n, sizeof(pattern) - n, "[%c%c]", *name,
						*name - 'a' + 'A')
				     : snprintf(pattern + n, sizeof(pattern) - n, "%s%c",
						*name == '.' ? "\\" : "", *name);
	}
	snprintf(pattern + n, sizeof(pattern) - n, ")$");
	return json_pack("{s:[s], s:{s:{s:[{s:i}, {s:s, s:s}]}}}", "required", "protocol",
			 "properties", "protocol", "anyOf", "const", proto, "type", "string",
			 "pattern", pattern);
}

static json_t *
condition(const struct ext *ext)
{
	return ext->target	? jumps_to(ext)
	       : ext->proto_key ? has_protocol(ext->proto[0])
				: json_true();
}

// For each owner in turn: where its condition holds, the value is what its row says; elsewhere what
// the next one says, and where there is none the key cannot stand. Owners that say the same of a
// value share a branch.
static json_t *
key_branches(const struct key *k)
{
	json_t *whole = json_false();

	for (size_t i = k->n; i-- > 0;) {
		json_t *value = value_of(k->owner[i].opt), *any = json_array();
		size_t first = i;

		json_array_append_new(any, condition(k->owner[i].ext));
		while (first > 0) {
			json_t *before = value_of(k->owner[first - 1].opt);
			bool same = json_equal(before, value);

			json_decref(before);
			if (!same)
				break;
			first--;
			json_array_insert_new(any, 0, condition(k->owner[first].ext));
		}
		i = first;
		value = json_pack("{s:{s:o}}", "properties", k->name, value);
		if (json_is_true(json_array_get(any, json_array_size(any) - 1))) {
			json_decref(any);
			json_decref(whole);
			whole = value;
		} else if (json_is_false(whole)) {
			whole = json_pack("{s:[{s:o}, o]}", "allOf", "anyOf", any, value);
		} else {
			whole = json_pack("{s:{s:o}, s:o, s:o}", "if", "anyOf", any, "then", value,
					  "else", whole);
		}
	}
	return whole;
}

static json_t *
described(json_t *value, const struct owner *o, size_t n)
{
	char text[512];
	size_t len = 0;

	if (!json_is_object(value))
		return value;
	for (size_t i = 0; i < n && len < sizeof(text) - 64; i++)
		len += snprintf(text + len, sizeof(text) - len, "%s%s %s", i > 0 ? ", " : "",
				o[i].ext->target ? "-j" : "-m", o[i].ext->name);
	return json_pack("{s:s++, s:[o]}", "description", text, " --", o[0].opt->name, "allOf",
			 value);
}

// The value alone where all owners say the same of it; else the branches say.
static json_t *
key_value(const struct key *k)
{
	json_t *value = value_of(k->owner[0].opt);
	bool same = true;

	for (size_t i = 1; i < k->n; i++) {
		json_t *other = value_of(k->owner[i].opt);

		same &= json_equal(value, other);
		json_decref(other);
	}
	if (!same) {
		json_decref(value);
		value = json_object();
	}
	return described(value, k->owner, k->n);
}

// Present, and not a flag that says no.
static void
present(json_t *required, json_t *properties, const struct ext_opt *o)
{
	json_array_append_new(required, json_string(key_name(o)));
	if (o->value == EXT_FLAG)
		json_object_set_new(properties, key_name(o),
				    json_pack("{s:{s:[{s:b}, {s:s, s:s}]}}", "not", "anyOf",
					      "const", 0, "type", "string", "pattern",
					      "^(?:" SCHEMA_FALSE ")$"));
}

static json_t *
not_both(const struct ext_opt *a, const struct ext_opt *b)
{
	json_t *required = json_array(), *properties = json_object();

	present(required, properties, a);
	present(required, properties, b);
	return json_pack("{s:{s:o, s:o}}", "not", "required", required, "properties", properties);
}

// Options that share a slot exclude each other, and what must be there is.
static void
slots(json_t *all, const struct ext *ext,
      bool (*skip)(const struct ext_opt *a, const struct ext_opt *b))
{
	for (size_t i = 0; i < ext->n_opt; i++)
		for (size_t j = i + 1; j < ext->n_opt; j++)
			if (ext->opt[i].slot == ext->opt[j].slot && ext->opt[i].parse != NULL &&
			    ext->opt[j].parse != NULL &&
			    (skip == NULL || !skip(&ext->opt[i], &ext->opt[j])))
				json_array_append_new(all, not_both(&ext->opt[i], &ext->opt[j]));
}

// One of the options that fill the slot.
static json_t *
slot_filled(const struct ext *ext, uint8_t slot)
{
	json_t *any = json_array();

	for (size_t i = 0; i < ext->n_opt; i++)
		if (ext->opt[i].slot == slot && ext->opt[i].parse != NULL)
			json_array_append_new(
				any, json_pack("{s:[s]}", "required", key_name(&ext->opt[i])));
	return json_pack("{s:o}", "anyOf", any);
}

static void
required(json_t *all, const struct ext *ext)
{
	uint32_t done = 0;

	for (size_t i = 0; i < ext->n_opt; i++) {
		if (!ext->opt[i].required || (done >> ext->opt[i].slot & 1))
			continue;
		done |= 1u << ext->opt[i].slot;
		json_array_append_new(all, slot_filled(ext, ext->opt[i].slot));
	}
	if (ext->some_option) {
		json_t *any = json_array();

		for (size_t i = 0; i < ext->n_opt; i++)
			if (ext->opt[i].parse != NULL)
				json_array_append_new(any, json_pack("{s:[s]}", "required",
								     key_name(&ext->opt[i])));
		json_array_append_new(all, json_pack("{s:o}", "anyOf", any));
	}
}

// Do the two keys belong to the same extensions, whatever the rule says, with one slot in each?
static bool
always_together(const struct ext_opt *a, const struct ext_opt *b)
{
	const struct key *x = key_find(key_name(a)), *y = key_find(key_name(b));
	bool same = x != NULL && y != NULL && x->n == y->n;

	for (size_t i = 0; same && i < x->n; i++)
		same = x->owner[i].ext == y->owner[i].ext &&
		       x->owner[i].opt->slot == y->owner[i].opt->slot;
	return same;
}

static json_t *
rule_conditions(void)
{
	json_t *all = json_array(), *then;

	json_array_append_new(all, json_pack("{s:{s:[s,s]}}", "not", "required", "jump", "goto"));
	slots(all, &ext_rule, NULL);
	// Short keys of one match or target that fill one slot.
	for (size_t i = 0; i < n_keys; i++)
		for (size_t j = i + 1; j < n_keys; j++)
			if (keys[i].owner[0].ext == keys[j].owner[0].ext &&
			    keys[i].owner[0].opt->slot == keys[j].owner[0].opt->slot &&
			    always_together(keys[i].owner[0].opt, keys[j].owner[0].opt))
				json_array_append_new(
					all, not_both(keys[i].owner[0].opt, keys[j].owner[0].opt));
	for (size_t i = 0; i < ext_count(); i++) {
		if (!ext_at(i)->target)
			continue;
		then = json_array();
		slots(then, ext_at(i), always_together);
		required(then, ext_at(i));
		if (json_array_size(then) > 0)
			json_array_append_new(all,
					      json_pack("{s:o, s:{s:o}}", "if", jumps_to(ext_at(i)),
							"then", "allOf", then));
		else
			json_decref(then);
	}
	return all;
}

// What a key asks of the rest of the rule: its branches, and its match's other options.
static json_t *
key_needs(const struct key *k)
{
	json_t *all = json_array();
	const struct owner *o = &k->owner[0];

	if (k->n > 1 || o->ext->target || o->ext->proto_key)
		json_array_append_new(all, key_branches(k));
	if (k->n == 1 && !o->ext->target)
		required(all, o->ext);
	if (json_array_size(all) > 0)
		return json_pack("{s:o}", "allOf", all);
	json_decref(all);
	return NULL;
}

json_t *
schema_rule(void)
{
	json_t *properties = json_object(), *needs = json_object(), *need;

	keys_collect();
	json_object_set_new(properties, "family", schema_ref("family"));
	json_object_set_new(properties, "counters", schema_ref("counters"));
	json_object_set_new(properties, "jump", schema_ref("jump"));
	json_object_set_new(properties, "goto", schema_ref("goto"));
	json_object_set_new(properties, "match", schema_ref("match"));
	for (size_t i = 0; i < ext_rule.n_opt; i++)
		json_object_set_new(properties, key_name(&ext_rule.opt[i]),
				    value_of(&ext_rule.opt[i]));
	for (size_t i = 0; i < n_keys; i++) {
		json_object_set_new(properties, keys[i].name, key_value(&keys[i]));
		need = key_needs(&keys[i]);
		if (need != NULL)
			json_object_set_new(needs, keys[i].name, need);
	}
	return json_pack("{s:s, s:s, s:b, s:o, s:o, s:o}", "type", "object", "description",
			 "what packets the rule is for, and what becomes of them",
			 "additionalProperties", 0, "properties", properties, "dependencies", needs,
			 "allOf", rule_conditions());
}

// The map { match: NAME, option: value ... } of one match.
static json_t *
match_map(const struct ext *ext)
{
	json_t *properties = json_object(), *all = json_array(), *map;

	json_object_set_new(properties, "match", json_object());
	for (size_t i = 0; i < ext->n_opt; i++)
		if (ext->opt[i].parse != NULL &&
		    json_object_get(properties, key_name(&ext->opt[i])) == NULL)
			json_object_set_new(properties, key_name(&ext->opt[i]),
					    value_of(&ext->opt[i]));
	slots(all, ext, NULL);
	required(all, ext);
	map = json_pack("{s:b, s:o}", "additionalProperties", 0, "properties", properties);
	if (json_array_size(all) > 0)
		json_object_set_new(map, "allOf", all);
	else
		json_decref(all);
	return map;
}

json_t *
schema_match(json_t *definitions)
{
	json_t *names = json_array(), *bare = json_array(), *cases = json_array(), *map;

	for (size_t i = 0; i < ext_count(); i++) {
		const struct ext *ext = ext_at(i);
		json_t *own = json_array(), *none;
		char name[80];

		if (ext->target) {
			json_decref(own);
			continue;
		}
		schema_names(own, ext);
		schema_names(names, ext);
		none = json_array();
		required(none, ext);
		if (json_array_size(none) == 0)
			schema_names(bare, ext);
		json_decref(none);
		snprintf(name, sizeof(name), "match-%s", ext->name);
		json_object_set_new(definitions, name, match_map(ext));
		json_array_append_new(cases,
				      json_pack("{s:{s:{s:{s:o}}}, s:o}", "if", "properties",
						"match", "enum", own, "then", schema_ref(name)));
	}
	map = json_pack("{s:s, s:[s], s:{s:{s:o}}, s:o}", "type", "object", "required", "match",
			"properties", "match", "enum", names, "allOf", cases);
	json_object_set_new(definitions, "matchMap", map);
	json_object_set_new(definitions, "matchName", json_pack("{s:o}", "enum", bare));
	return json_pack(
		"{s:s, s:[o, o, {s:s, s:{s:[o,o]}}]}", "description",
		"what keys of the rule cannot say: a match without options, the same match "
		"twice",
		"anyOf", schema_ref("matchName"), schema_ref("matchMap"), "type", "array", "items",
		"anyOf", schema_ref("matchName"), schema_ref("matchMap"));
}
