#pragma once
// What the tests of config/ share: text in, text or messages out.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/policy.h"

// All messages, one a line, newly allocated.
static inline char *
t_messages(const struct cfg_err *err)
{
	char *all = NULL;
	size_t len;
	FILE *f = open_memstream(&all, &len);

	for (size_t i = 0; i < err->n; i++) {
		char *line = cfg_msg_format(&err->msgs[i]);

		fprintf(f, "%s%s", i > 0 ? "\n" : "", line);
		free(line);
	}
	fclose(f);
	return all;
}

// A policy from iptables-save text; NULL where it was refused. *said: its messages.
static inline struct cfg_policy *
t_save_in(enum cfg_family family, const char *text, char **said)
{
	struct cfg_policy *p = NULL;
	struct cfg_err err;
	int ret;

	cfg_err_init(&err, NULL);
	ret = cfg_policy_from_save(&p, family, text, strlen(text), &err);
	*said = t_messages(&err);
	cr_expect(eq(int, ret, err.n_errors > 0 ? -22 : 0), "%s", *said);
	cfg_err_free(&err);
	return ret == 0 ? p : NULL;
}

static inline struct cfg_policy *
t_yaml_in(const char *text, char **said)
{
	struct cfg_policy *p = NULL;
	struct cfg_err err;
	int ret;

	cfg_err_init(&err, NULL);
	ret = cfg_policy_from_yaml(&p, text, strlen(text), &err);
	*said = t_messages(&err);
	cr_expect(eq(int, ret, err.n_errors > 0 ? -22 : 0), "%s", *said);
	cfg_err_free(&err);
	return ret == 0 ? p : NULL;
}

// Its -A lines, without the newline of the last.
static inline char *
t_rules(const struct cfg_policy *p, enum cfg_family family)
{
	char *text = cfg_policy_to_save(p, family, false), *to = text;

	for (char *line = text, *next; *line != '\0'; line = next) {
		next = strchr(line, '\n') + 1;
		if (strncmp(line, "-A ", 3) == 0) {
			memmove(to, line, next - line);
			to += next - line;
		}
	}
	if (to > text)
		to--;
	*to = '\0';
	return text;
}
