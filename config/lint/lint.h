#pragma once
// The warnings of `ringwall check`: what is sound and probably not meant. Pure; any thread.
#include "config/policy.h"
#include "config/settings.h"

// Adds warnings about a policy that cfg_policy_check() passed. settings: the machine it is for;
// NULL: not known, and warnings that need it are left out. A note says where the bounds of the work
// kept something from being judged.
void cfg_policy_lint(const struct cfg_policy *policy, const struct cfg_settings *settings,
		     struct cfg_err *err);
// Takes away the warnings whose line in the text has a comment "# ringwall: allow ID" with their
// id. file: whose text it is, as positions say it; NULL: the file that was read.
void cfg_lint_allow(struct cfg_err *err, const char *file, const char *text, size_t len);
// The same for every included file that a warning points at; it is read again.
void cfg_lint_allow_included(struct cfg_err *err);
// Every warning's id, for the manual's test; NULL past the end.
const char *cfg_lint_id(size_t i);
