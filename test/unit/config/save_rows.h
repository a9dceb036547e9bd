#pragma once
// What the tests of single rules share: rows of iptables-save text in and out, and rows that are
// refused with place and reason. Each test file that includes this has its own copy.
#include "cfg_test.h"

struct row {
	int family;
	const char *chain; // TABLE CHAIN
	const char *in;	   // behind "-A CHAIN "
	const char *out;   // NULL: the same; behind "-A CHAIN ", more rules after '|' and an option
};

static inline char *
text_of(const struct row *r)
{
	char table[16], chain[32], *text;

	sscanf(r->chain, "%15s %31s", table, chain);
	cr_assert(ge(int,
		     asprintf(&text, "*%s\n:uu - [0:0]\n-A %s %s\nCOMMIT\n", table, chain, r->in),
		     0));
	return text;
}

static inline char *
expected_of(const struct row *r)
{
	const char *chain = strchr(r->chain, ' ') + 1, *out = r->out != NULL ? r->out : r->in;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "-A %s%s", chain, *out != '\0' ? " " : "");
	for (; *out != '\0'; out++) {
		if (*out == '|' && strchr("-!", out[1]) != NULL && out[1] != '\0')
			fprintf(f, "\n-A %s ", chain);
		else
			fputc(*out, f);
	}
	fclose(f);
	return text;
}

static inline void
expect_rows(const struct row *row, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *text = text_of(&row[i]), *want = expected_of(&row[i]), *said, *again, *got;
		struct cfg_policy *p = t_save_in(row[i].family, text, &said), *q;

		cr_expect(p != NULL, "%s: %s", row[i].in, said);
		free(said);
		if (p != NULL) {
			got = t_rules(p, row[i].family);
			cr_expect(eq(str, got, want), "%s", row[i].in);
			free(got);
			// The same through YAML.
			again = cfg_policy_to_yaml(p);
			q = t_yaml_in(again, &said);
			cr_expect(q != NULL, "%s: %s\n%s", row[i].in, said, again);
			free(said);
			if (q != NULL) {
				char *yaml = cfg_policy_to_yaml(q);

				got = t_rules(q, row[i].family);
				cr_expect(eq(str, got, want), "%s", again);
				cr_expect(eq(str, yaml, again));
				free(got);
				free(yaml);
			}
			free(again);
			cfg_policy_free(q);
		}
		cfg_policy_free(p);
		free(text);
		free(want);
	}
}
#define EXPECT_ROWS(rows) expect_rows(rows, sizeof(rows) / sizeof((rows)[0]))

#define IN  "filter INPUT"
#define RAW "raw PREROUTING"

// Line, the column (in "-A CHAIN ..."), and a part of what must be said.
struct bad {
	int family;
	const char *chain, *in;
	unsigned column;
	const char *says;
};

static inline void
expect_bad(const struct bad *bad, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct row row = {bad[i].family, bad[i].chain, bad[i].in, NULL};
		char *text = text_of(&row), *said, place[32];
		struct cfg_policy *p = t_save_in(bad[i].family, text, &said);

		snprintf(place, sizeof(place), "3:%u: error: ", bad[i].column);
		cr_expect(p == NULL, "accepted: %s", bad[i].in);
		cr_expect(strncmp(said, place, strlen(place)) == 0, "%s: at %s not %s", bad[i].in,
			  said, place);
		cr_expect(strstr(said, bad[i].says) != NULL, "%s: %s", bad[i].in, said);
		cr_expect(strchr(said, '\n') == NULL, "%s: more than one message: %s", bad[i].in,
			  said);
		cfg_policy_free(p);
		free(text);
		free(said);
	}
}
#define EXPECT_BAD(rows) expect_bad(rows, sizeof(rows) / sizeof((rows)[0]))
