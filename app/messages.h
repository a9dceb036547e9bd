#pragma once
// What the commands say of policies, and how they read them.
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/cfg_err.h"

// By place, one a line, on standard error.
void app_print_messages(const struct cfg_err *err);
// A list of objects, as ringwall(8) describes it; the caller's.
json_t *app_json_messages(const struct cfg_err *err);
// A JSON string of text that may not be UTF-8: other bytes become '?'.
json_t *app_json_text(const char *s);
// Prints it on standard output and gives it back. 0, or 1 where that failed, which is told.
int app_put_json(json_t *json);
size_t app_count_warnings(const struct cfg_err *err);
// The file's text, or a message. "-" is standard input.
bool app_read_policy_text(const char *path, char **text, size_t *len, struct cfg_err *err);
