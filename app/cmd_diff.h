#pragma once
// What app/cmd_check.c hands over for `check --diff`.
#include <stdbool.h>

struct app_diff {
	const char *old, *new; // files
	bool strict, json;
};
int app_diff(const struct app_diff *how); // the exit code
