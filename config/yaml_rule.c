// One rule of a policy file: a YAML map of iptables' long options to a rule in its chain.
//
// Called by policy_yaml.c for every element of `rules:`, on its thread. Keys are the rows of the
// extension table (config/ext/ext.h). A match's option used as a key of the rule makes that match,
// in the order in which the keys stand; what cannot be said like that (a match without options, the
// same match twice) stands under `match:`. A leading "!" negates where the option can be negated.
// All errors of a rule are told.
#include "config/model.h"
#include "config/value.h"
#include "config/yaml_in.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 200 // in one map of options

struct yrule {
	struct rule_in in;
	const struct yaml_node *map;
	const struct yaml_lists *lists;
	struct cfg_err *err;
	size_t short_match[CFG_MATCHES]; // 1 + index of the match that short keys made; 0: none yet
	struct cfg_buf word[2];		 // values put together
};

static bool
bad_value(struct yrule *y, const struct yaml_node *key, const struct yaml_node *value,
	  const char *expected)
{
	cfg_err_add(y->err, value->pos, "'%s' is %s (expected %s)", key->text,
		    yaml_kind_text(value), expected);
	return false;
}

// The text behind a leading '!'.
static const char *
negation(const char *text, bool *invert)
{
	*invert = *text == '!';
	if (*invert)
		for (text++; *text == ' '; text++)
			;
	return text;
}

// A list of texts joined with commas into b.
static bool
join(struct yrule *y, const struct yaml_node *key, const struct yaml_node *list, struct cfg_buf *b)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct yaml_node *part = list->item[i];

		if (part->kind != YAML_TEXT || yaml_is_null(part))
			return bad_value(y, key, part, "text in the list");
		if (part->text[0] == '!' || strchr(part->text, ',') != NULL) {
			cfg_err_add(y->err, part->pos,
				    "'%s': \"%s\" in a list (expected one value; negate a list as "
				    "\"!A,B\")",
				    key->text, part->text);
			return false;
		}
		if (i > 0)
			cfg_buf_addc(b, ',');
		cfg_buf_add(b, part->text);
	}
	if (list->n == 0)
		return bad_value(y, key, list, "at least one element in the list");
	return !b->oom;
}

// Two words: a text with a blank between them, or a list of two (each text or a list).
static bool
pair(struct yrule *y, const struct yaml_node *key, const struct yaml_node *value,
     struct rule_opt *o)
{
	const char *text, *gap;

	if (value->kind == YAML_LIST && value->n == 2) {
		for (size_t i = 0; i < 2; i++) {
			const struct yaml_node *part = value->item[i];

			if (part->kind == YAML_LIST ? !join(y, key, part, &y->word[i])
						    : part->kind != YAML_TEXT || yaml_is_null(part))
				return bad_value(y, key, part, "text or a list");
			if (part->kind == YAML_TEXT)
				cfg_buf_add(&y->word[i], part->text);
		}
	} else if (value->kind == YAML_TEXT) {
		text = o->opt->invertible ? negation(value->text, &o->invert) : value->text;
		gap = text + strcspn(text, " ");
		cfg_buf_addn(&y->word[0], text, gap - text);
		cfg_buf_add(&y->word[1], gap + strspn(gap, " "));
		if (y->word[1].len == 0 || strchr(y->word[1].text, ' ') != NULL)
			return bad_value(y, key, value, "two words with a blank between them");
	} else {
		return bad_value(y, key, value, "two words");
	}
	o->value[0] = y->word[0].text;
	o->value[1] = y->word[1].text;
	return !y->word[0].oom && !y->word[1].oom;
}

// true, false, "!" or "!true". *set false: the flag is not given.
static bool
flag(struct yrule *y, const struct yaml_node *key, const struct yaml_node *value,
     struct rule_opt *o, bool *set)
{
	struct yaml_node rest = *value;

	*set = true;
	if (value->kind == YAML_TEXT && o->opt->invertible)
		rest.text = negation(value->text, &o->invert);
	if (o->invert && rest.text[0] == '\0')
		return true;
	if (!yaml_bool(&rest, set) || (o->invert && !*set))
		return bad_value(y, key, value,
				 o->opt->invertible ? "true, false or \"!\"" : "true or false");
	return true;
}

// "$NAME" in a comma list, written out.
static bool
named_lists(struct yrule *y, struct rule_opt *o)
{
	if (strchr(o->value[0], '$') == NULL)
		return true;
	cfg_buf_reset(&y->word[1]);
	if (!yaml_lists_expand(y->lists, &y->word[1], o->value[0], o->ext == &ext_rule, o->name,
			       o->pos, y->err))
		return false;
	o->value[0] = y->word[1].text;
	return true;
}

static bool
option(struct yrule *y, struct rule_opt *o, const struct yaml_node *key,
       const struct yaml_node *value)
{
	bool set = true, good;

	o->name = key->text;
	o->pos = value->pos;
	cfg_buf_reset(&y->word[0]);
	cfg_buf_reset(&y->word[1]);
	if (o->opt->value == EXT_FLAG) {
		good = flag(y, key, value, o, &set);
	} else if (o->opt->value == EXT_PAIR) {
		good = pair(y, key, value, o);
	} else if (o->opt->value == EXT_LIST && value->kind == YAML_LIST) {
		good = join(y, key, value, &y->word[0]);
		o->value[0] = y->word[0].text;
	} else if (value->kind != YAML_TEXT || yaml_is_null(value)) {
		good = bad_value(y, key, value,
				 o->opt->value == EXT_LIST ? "text or a list" : "text");
	} else {
		o->value[0] = o->opt->invertible ? negation(value->text, &o->invert) : value->text;
		good = true;
	}
	if (good && o->opt->value == EXT_LIST)
		good = named_lists(y, o);
	return good && (!set || rule_in_option(&y->in, o));
}

static const char *
nearest_key(const char *key)
{
	static const char *const own[] = {"jump", "goto", "family", "counters", "match"};
	const char *known[256];
	size_t n = 0;

	for (size_t i = 0; i < EXT_N(own); i++)
		known[n++] = own[i];
	for (size_t i = 0; i <= ext_count(); i++) {
		const struct ext *ext = i == 0 ? &ext_rule : ext_at(i - 1);

		for (size_t j = 0; j < ext->n_opt && n < EXT_N(known); j++)
			known[n++] = ext->opt[j].key != NULL ? ext->opt[j].key : ext->opt[j].name;
	}
	return yaml_nearest(key, known, n);
}

// A key of tcp, udp or the like in a rule without their protocol.
static bool
protocol_missing(struct yrule *y, const struct yaml_node *key)
{
	struct cfg_buf b = {0};
	bool said;

	for (size_t i = 0; i < ext_count(); i++) {
		if (!ext_at(i)->proto_key || ext_opt_by_key(ext_at(i), key->text) == NULL)
			continue;
		cfg_buf_addf(&b, "%s'protocol: %s'", b.len > 0 ? " or " : "", ext_at(i)->name);
	}
	if (b.text != NULL)
		cfg_err_add(y->err, key->pos, "'%s' needs %s in the same rule", key->text, b.text);
	said = b.len > 0;
	cfg_buf_free(&b);
	return said;
}

// A key that no row explains: what it may be.
static void
unknown_key(struct yrule *y, const struct yaml_node *key)
{
	const char *near, *of = ext_known_option(key->text);

	for (size_t i = 0; i < ext_count(); i++) {
		if (!ext_at(i)->target || ext_opt_by_key(ext_at(i), key->text) == NULL)
			continue;
		cfg_err_add(y->err, key->pos,
			    "'%s' belongs to target %s, which this rule does not jump to",
			    key->text, ext_at(i)->name);
		return;
	}
	if (protocol_missing(y, key))
		return;
	near = nearest_key(key->text);
	if (of != NULL)
		cfg_err_add(y->err, key->pos, "key '%s': extension '%s' is not supported yet",
			    key->text, of);
	else if (near != NULL)
		cfg_err_add(y->err, key->pos, "unknown key '%s' in a rule (did you mean '%s'?)",
			    key->text, near);
	else
		cfg_err_add(y->err, key->pos,
			    "unknown key '%s' in a rule (expected an iptables option such as "
			    "protocol, source, "
			    "dport, ctstate, jump)",
			    key->text);
}

static bool
short_key(struct yrule *y, const struct yaml_node *key, const struct yaml_node *value)
{
	struct rule_opt o = {0};
	size_t *made;

	o.ext = ext_of_key(&y->in.rule, key->text, &o.opt);
	if (o.ext == NULL) {
		unknown_key(y, key);
		return false;
	}
	if (o.ext->target)
		return option(y, &o, key, value);
	made = &y->short_match[o.ext->id];
	if (*made == 0) {
		if (!rule_in_match(&y->in, o.ext, key->pos, &o.match))
			return false;
		*made = o.match + 1;
	}
	o.match = *made - 1;
	return option(y, &o, key, value);
}

static const struct ext *
match_by_name(struct yrule *y, const struct yaml_node *name)
{
	const struct ext *ext = name->kind == YAML_TEXT ? ext_match_find(name->text) : NULL;

	if (ext != NULL)
		return ext;
	if (name->kind != YAML_TEXT || yaml_is_null(name))
		cfg_err_add(y->err, name->pos, "'match' is %s (expected a match's name)",
			    yaml_kind_text(name));
	else if (ext_is_known_match(name->text))
		ext_not_supported(y->err, name->pos, false, name->text);
	else
		cfg_err_add(y->err, name->pos, "unknown match '%s'", name->text);
	return NULL;
}

// { match: NAME, option: value, ... }
static bool
match_map(struct yrule *y, const struct yaml_node *map)
{
	const struct ext *ext = NULL;
	bool good = true, named = false;
	size_t index;

	if (!yaml_keys_once(map, y->err))
		return false;
	for (size_t i = 0; i < map->n; i++) {
		if (strcmp(map->item[2 * i]->text, "match") == 0) {
			named = true;
			ext = match_by_name(y, map->item[2 * i + 1]);
		}
	}
	if (!named)
		cfg_err_add(y->err, map->pos,
			    "a map under 'match' needs the key 'match' with the match's name");
	if (ext == NULL || !rule_in_match(&y->in, ext, map->pos, &index))
		return false;
	for (size_t i = 0; i < map->n; i++) {
		const struct yaml_node *key = map->item[2 * i];
		struct rule_opt o = {
			.ext = ext, .opt = ext_opt_by_key(ext, key->text), .match = index};

		if (strcmp(key->text, "match") == 0)
			continue;
		if (o.opt == NULL) {
			cfg_err_add(y->err, key->pos, "match '%s' has no option '%s'", ext->name,
				    key->text);
			good = false;
		} else {
			good &= option(y, &o, key, map->item[2 * i + 1]);
		}
	}
	return good;
}

// match: NAME, or a list of names and maps.
static bool
match_key(struct yrule *y, const struct yaml_node *value)
{
	const struct ext *ext;
	bool good = true;
	size_t index;

	if (value->kind == YAML_MAP)
		return match_map(y, value);
	if (value->kind == YAML_TEXT) {
		ext = match_by_name(y, value);
		return ext != NULL && rule_in_match(&y->in, ext, value->pos, &index);
	}
	for (size_t i = 0; i < value->n; i++) {
		if (value->item[i]->kind == YAML_LIST) {
			cfg_err_add(y->err, value->item[i]->pos,
				    "a list in the list under 'match' (expected a "
				    "match's name or a map)");
			good = false;
		} else {
			good &= match_key(y, value->item[i]);
		}
	}
	return good;
}

static bool
jump_key(struct yrule *y, const struct yaml_node *key, const struct yaml_node *value)
{
	bool go = strcmp(key->text, "goto") == 0;
	const struct ext *ext;

	if (value->kind != YAML_TEXT || yaml_is_null(value))
		return bad_value(y, key, value, "a target or a chain");
	ext = ext_target_find(value->text);
	if (ext != NULL && !go)
		return rule_in_target(&y->in, ext, value->pos);
	if (ext != NULL || ext_is_known_target(value->text)) {
		if (go)
			cfg_err_add(y->err, value->pos, "'goto' takes a chain, '%s' is a target",
				    value->text);
		else
			ext_not_supported(y->err, value->pos, true, value->text);
		return false;
	}
	return rule_in_chain(&y->in, value->text, go, value->pos);
}

static bool
family_key(struct yrule *y, const struct yaml_node *value)
{
	uint8_t family;

	if (!yaml_family(value, &family, y->err))
		return false;
	if (family & ~y->in.families) {
		cfg_err_add_of(y->err, CFG_JUDGE_RULE, value->pos,
			       "'family': \"%s\", but the chain stands in %s only", value->text,
			       y->in.families == CFG_IPV4 ? "ipv4" : "ipv6");
		return false;
	}
	y->in.families = family;
	y->in.family_given = true;
	return true;
}

// Does the same key stand in the map before number i?
static bool
stands_above(const struct yaml_node *map, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(map->item[2 * j]->text, map->item[2 * i]->text) == 0)
			return true;
	return false;
}

// What the other keys depend on comes first, wherever it stands in the map.
static bool
first_keys(struct yrule *y)
{
	static const char *const first[] = {"family", "protocol", "jump", "goto", "counters"};
	bool good = true;

	for (size_t f = 0; f < EXT_N(first); f++) {
		for (size_t i = 0; i < y->map->n; i++) {
			const struct yaml_node *key = y->map->item[2 * i],
					       *value = y->map->item[2 * i + 1];
			struct rule_opt o = {.ext = &ext_rule};

			if (strcmp(key->text, first[f]) != 0 || stands_above(y->map, i))
				continue;
			if (f == 0) {
				good &= family_key(y, value);
			} else if (f == 1) {
				o.opt = ext_opt_by_key(&ext_rule, "protocol");
				good &= option(y, &o, key, value);
			} else if (f <= 3) {
				good &= jump_key(y, key, value);
			} else {
				good &= yaml_counters(value, &y->in.rule.packets, &y->in.rule.bytes,
						      y->err);
			}
		}
	}
	return good;
}

static bool
other_key(struct yrule *y, const struct yaml_node *key, const struct yaml_node *value)
{
	static const char *const done[] = {"family", "protocol", "jump", "goto", "counters"};
	struct rule_opt o = {.ext = &ext_rule};

	for (size_t i = 0; i < EXT_N(done); i++)
		if (strcmp(key->text, done[i]) == 0)
			return true;
	if (strcmp(key->text, "match") == 0)
		return match_key(y, value);
	o.opt = ext_opt_by_key(&ext_rule, key->text);
	return o.opt != NULL ? option(y, &o, key, value) : short_key(y, key, value);
}

void
yaml_rule(const struct yaml_node *map, struct cfg_chain *chain, const struct yaml_lists *lists,
	  const struct cfg_sets *sets, size_t *budget, struct cfg_err *err)
{
	struct yrule y = {.map = map, .lists = lists, .err = err};
	bool good;

	if (map->kind != YAML_MAP) {
		cfg_err_add(
			err, map->pos,
			"a rule is %s (expected a map such as { protocol: tcp, dport: 22, jump: "
			"ACCEPT })",
			yaml_kind_text(map));
		return;
	}
	if (map->n > KEYS_MAX) {
		cfg_err_add_of(err, CFG_JUDGE_RULE, map->pos, "more than %d keys in a rule",
			       KEYS_MAX);
		return;
	}
	rule_in_begin(&y.in, chain->family, map->pos, err);
	y.in.sets = sets;
	y.in.sets_open = true;
	good = yaml_keys_once(map, err);
	good &= first_keys(&y);
	for (size_t i = 0; i < map->n; i++)
		if (good || !stands_above(map, i)) // told already
			good &= other_key(&y, map->item[2 * i], map->item[2 * i + 1]);
	if (good)
		rule_in_done(&y.in, chain, SIZE_MAX, budget);
	rule_in_free(&y.in);
	cfg_buf_free(&y.word[0]);
	cfg_buf_free(&y.word[1]);
}
