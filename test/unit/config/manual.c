// ringwall-policy(5) names every row of the tables: each key of a rule, each setting with its unit
// and default, each warning.
//
// Run by meson with the source root; prints what is missing.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/ct_settings.h"
#include "config/ext/ext.h"
#include "config/lint/lint.h"
#include "config/timeouts.h"

static unsigned missing;

static void
expect(const char *manual, const char *what, const char *word)
{
	char bold[64];

	snprintf(bold, sizeof(bold), "*%s*", word);
	if (strstr(manual, bold) == NULL) {
		printf("ringwall-policy.5.scd does not name %s %s\n", what, bold);
		missing++;
	}
}

// "*name* (unit, default)". What is 0 and cannot be said to be 0 stands in words, and so does max.
static void
expect_setting(const char *manual, const struct cfg_ct_row *row)
{
	char head[160];
	size_t n = (size_t)snprintf(head, sizeof(head), "*%s* (%s, ", row->name,
				    row->flag ? "true or false" : row->unit);

	if (row->flag)
		snprintf(head + n, sizeof(head) - n, "%s)", row->value != 0 ? "true" : "false");
	else if ((row->value != 0 || row->zero) && strcmp(row->name, "max") != 0)
		snprintf(head + n, sizeof(head) - n, "%u)", row->value);
	if (strstr(manual, head) == NULL) {
		printf("ringwall-policy.5.scd does not say \"%s\"\n", head);
		missing++;
	}
}

int
main(int argc, char **argv)
{
	char path[512], *manual;
	size_t len;

	if (argc != 2 ||
	    snprintf(path, sizeof(path), "%s/docs/ringwall-policy.5.scd", argv[1]) >= 512 ||
	    cfg_file_read(path, &manual, &len) < 0)
		return 2;
	for (size_t i = 0; i <= ext_count(); i++) {
		const struct ext *ext = i == 0 ? &ext_rule : ext_at(i - 1);

		for (size_t j = 0; j < ext->n_opt; j++)
			if (ext->opt[j].key == NULL || ext->opt[j].key[0] != '\0')
				expect(manual, "key",
				       ext->opt[j].key != NULL ? ext->opt[j].key
							       : ext->opt[j].name);
		if (ext->target && ext->n_opt > 0)
			expect(manual, "target", ext->name);
	}
	for (size_t i = 0; i < cfg_ct_rows; i++)
		expect_setting(manual, &cfg_ct_row[i]);
	for (size_t i = 0; cfg_lint_id(i) != NULL; i++)
		expect(manual, "warning", cfg_lint_id(i));
	expect(manual, "warning", "cuts-control"); // of check --diff
	expect(manual, "warning", "rest-ignored"); // these two are of import
	expect(manual, "warning", "table-repeated");
	for (size_t p = 0; cfg_timeouts_protocol(p) != NULL; p++) {
		expect(manual, "protocol", cfg_timeouts_protocol(p));
		for (size_t i = 0; cfg_timeouts_key(p, i) != NULL; i++)
			expect(manual, "time", cfg_timeouts_key(p, i));
	}
	free(manual);
	return missing != 0;
}
