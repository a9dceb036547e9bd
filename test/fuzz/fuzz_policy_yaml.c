// libFuzzer target of the policy reader. Whatever the bytes: a sound policy or at least one error,
// never both. What was accepted must be written so that it reads back the same, in YAML and in each
// family.
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/lint/lint.h"
#include "config/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct cfg_policy *
must_read(const char *text)
{
	struct cfg_policy *p = NULL;
	struct cfg_err err;

	cfg_err_init(&err, NULL);
	if (cfg_policy_from_yaml(&p, text, strlen(text), &err) != 0) {
		fprintf(stderr, "%u:%u: %s\n%s\n", err.msgs[0].pos.line, err.msgs[0].pos.column,
			err.msgs[0].text, text);
		abort();
	}
	cfg_err_free(&err);
	return p;
}

static void
written_again(const struct cfg_policy *p)
{
	char *yaml = cfg_policy_to_yaml(p), *again;
	struct cfg_policy *q = must_read(yaml);

	again = cfg_policy_to_yaml(q);
	assert(strcmp(yaml, again) == 0);
	free(again);
	for (int f = CFG_IPV4; f <= CFG_IPV6; f++) {
		char *a = cfg_policy_to_save(p, f, true), *b = cfg_policy_to_save(q, f, true);
		struct cfg_policy *s = NULL;
		struct cfg_err err;

		assert(strcmp(a, b) == 0);
		cfg_err_init(&err, NULL);
		if (cfg_policy_from_save(&s, f, a, strlen(a), &err) != 0) {
			fprintf(stderr, "%u: %s\n%s\n", err.msgs[0].pos.line, err.msgs[0].text, a);
			abort();
		}
		cfg_err_free(&err);
		cfg_policy_free(s);
		free(a);
		free(b);
	}
	cfg_policy_free(q);
	free(yaml);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cfg_policy *p = NULL;
	struct cfg_err err;
	int ret;

	cfg_err_init(&err, NULL);
	ret = cfg_policy_from_yaml(&p, (const char *)data, size, &err);
	assert((ret == 0) == (err.n_errors == 0) && (ret == 0) == (p != NULL));
	if (ret == 0) {
		written_again(p);
		cfg_policy_lint(p, NULL, &err);
		cfg_lint_allow(&err, NULL, (const char *)data, size);
	}
	cfg_policy_free(p);
	cfg_err_free(&err);
	return 0;
}
