// libFuzzer target of the iptables-save reader (first byte odd: IPv6). Whatever the bytes: a sound
// policy or at least one error, never both. What was accepted must go through both writers and come
// back the same.
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/lint/lint.h"
#include "config/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must_read(int ret, const struct cfg_err *err, const char *text)
{
	if (ret == 0)
		return;
	for (size_t i = 0; i < err->n; i++)
		fprintf(stderr, "%u:%u: %s\n", err->msgs[i].pos.line, err->msgs[i].pos.column,
			err->msgs[i].text);
	fprintf(stderr, "%s\n", text);
	abort();
}

// save -> model -> save: two turns bring the tables back into their order.
static void
save_again(const char *text, enum cfg_family family)
{
	struct cfg_policy *p = NULL;
	struct cfg_err err;
	char *once, *twice;

	cfg_err_init(&err, NULL);
	must_read(cfg_policy_from_save(&p, family, text, strlen(text), &err), &err, text);
	once = cfg_policy_to_save(p, family, true);
	cfg_policy_free(p);
	p = NULL;
	must_read(cfg_policy_from_save(&p, family, once, strlen(once), &err), &err, once);
	twice = cfg_policy_to_save(p, family, true);
	assert(strcmp(text, twice) == 0);
	free(once);
	free(twice);
	cfg_policy_free(p);
	cfg_err_free(&err);
}

static void
yaml_again(const struct cfg_policy *p, const char *save, enum cfg_family family)
{
	char *yaml = cfg_policy_to_yaml(p), *again;
	struct cfg_policy *q = NULL;
	struct cfg_err err;

	cfg_err_init(&err, NULL);
	must_read(cfg_policy_from_yaml(&q, yaml, strlen(yaml), &err), &err, yaml);
	again = cfg_policy_to_save(q, family, true);
	if (strcmp(save, again) != 0) {
		fprintf(stderr, "--- %s\n--- %s\n--- %s\n", save, yaml, again);
		abort();
	}
	free(again);
	free(yaml);
	cfg_policy_lint(q, NULL, &err);
	cfg_policy_free(q);
	cfg_err_free(&err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum cfg_family family = size > 0 && data[0] & 1 ? CFG_IPV6 : CFG_IPV4;
	struct cfg_policy *p = NULL;
	struct cfg_err err;
	char *save;
	int ret;

	if (size == 0)
		return 0;
	cfg_err_init(&err, NULL);
	ret = cfg_policy_from_save(&p, family, (const char *)data + 1, size - 1, &err);
	assert((ret == 0) == (err.n_errors == 0) && (ret == 0) == (p != NULL));
	if (ret == 0) {
		save = cfg_policy_to_save(p, family, true);
		save_again(save, family);
		yaml_again(p, save, family);
		free(save);
	}
	cfg_policy_free(p);
	cfg_err_free(&err);
	return 0;
}
