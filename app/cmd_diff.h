#pragma once
// Two policies beside each other: for `check --diff` (app/cmd_check.c) and `apply`.
#include <stdbool.h>

struct app_diff {
	const char *old, *new; // files
	bool strict, json;
};
int app_diff(const struct app_diff *how); // the exit code

// "ipv4" or "ipv6" where SSH_CONNECTION names the connection by which the command was given.
const char *app_session_family(void);
// Would the policy of a file stop that connection, which the running one (iptables-save text of its
// family) lets through? Says so. False where that is not known: the daemon judges the file.
bool app_cuts_session(const char *running, const char *path);
