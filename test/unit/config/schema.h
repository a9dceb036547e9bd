#pragma once
// The parts that config/policy.schema.json is put together from: schema.c, schema_rule.c.
#include <jansson.h>

#include "config/ext/ext.h"

#define SCHEMA_TRUE  "[tT][rR][uU][eE]|[yY][eE][sS]|[oO][nN]"
#define SCHEMA_FALSE "[fF][aA][lL][sS][eE]|[nN][oO]|[oO][fF][fF]"

// {"$ref": "#/definitions/NAME"}
json_t *schema_ref(const char *name);
// {"enum": [...]}; the last word is NULL.
json_t *schema_words(const char *first, ...);
// Appends an extension's name and its aliases.
void schema_names(json_t *names, const struct ext *ext);
// Puts what values look like that rows do not say more about into the definitions.
void schema_values(json_t *definitions);
// A rule.
json_t *schema_rule(void);
// What stands under a rule's "match", with a definition for each match's map.
json_t *schema_match(json_t *definitions);
