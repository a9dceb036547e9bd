// The open corpus against the reader and the writers: real rulesets here, iptables' own test lines
// in oracle.c.
//
// Run by meson with what to do and the source root; reads ../shared/corpus from there and ends with
// 77 (skipped) where it is absent. A ruleset either comes out as iptables-save prints it, through
// YAML and back, or is refused naming an extension that Ringwall lacks; nothing else will do.
// "page" writes docs/iptables-compatibility.md to standard output, "page-check" compares it with
// the one that is there.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy.h"
#include "corpus.h"

unsigned n_exact, n_refused, n_bad;
static char *lacking[2000]; // texts "... is not supported yet", with repetitions
static size_t n_lacking;

char *
messages(const struct cfg_err *err)
{
	char *all = NULL;
	size_t len;
	FILE *f = open_memstream(&all, &len);

	for (size_t i = 0; i < err->n; i++)
		fprintf(f, "%u:%u: %s\n", err->msgs[i].pos.line, err->msgs[i].pos.column,
			err->msgs[i].text);
	fclose(f);
	return all;
}

bool
all_lacking(const struct cfg_err *err)
{
	for (size_t i = 0; i < err->n; i++)
		if (err->msgs[i].severity == CFG_ERROR &&
		    strstr(err->msgs[i].text, "is not supported") == NULL)
			return false;
	for (size_t i = 0; i < err->n && n_lacking < 2000; i++)
		if (i == 0 || strcmp(err->msgs[i].text, err->msgs[i - 1].text) != 0)
			lacking[n_lacking++] = strdup(err->msgs[i].text);
	return true;
}

void
bad(const char *what, const char *why, const char *detail)
{
	n_bad++;
	fprintf(stderr, "not ok: %s: %s\n%.600s\n", what, why, detail != NULL ? detail : "");
}

// Golden texts were made by a restore without -c: policies count from 0.
static void
zero_policies(struct cfg_policy *p)
{
	for (int t = 0; t < CFG_TABLES; t++) {
		for (size_t c = 0; c < p->table[t].n_chain; c++) {
			struct cfg_chain *chain = p->table[t].chain[c];

			chain->packets4 = chain->bytes4 = chain->packets6 = chain->bytes6 = 0;
		}
	}
}

static char *export(struct cfg_policy *p, enum cfg_family family)
{
	zero_policies(p);
	return cfg_policy_to_save(p, family, false);
}

char *
round_trip(const char *text, size_t len, enum cfg_family family, const struct cfg_restore *how,
	   struct cfg_err *err, bool *via_yaml, bool *able)
{
	struct cfg_policy *p = NULL, *q = NULL;
	char *yaml, *direct, *out = NULL;
	struct cfg_err unable;

	*able = false;
	*via_yaml = true;
	if (cfg_policy_restore(&p, family, how, text, len, err) < 0)
		return NULL;
	cfg_err_init(&unable, NULL);
	*able = cfg_policy_able(p, CFG_ERROR, &unable) == 0;
	cfg_err_free(&unable);
	yaml = cfg_policy_to_yaml(p);
	direct = export(p, family);
	if (cfg_policy_from_yaml(&q, yaml, strlen(yaml), err) == 0)
		out = export(q, family);
	*via_yaml = out != NULL && strcmp(out, direct) == 0;
	free(out);
	free(yaml);
	cfg_policy_free(p);
	cfg_policy_free(q);
	return direct;
}

static enum cfg_family
family_of(const char *name)
{
	return strstr(name, ".v6.") != NULL ? CFG_IPV6 : CFG_IPV4;
}

static void
accept_one(const char *folder, const char *name)
{
	char *path = PATH("%s/%s", folder, name), *text = NULL, *want = NULL, *got, *said;
	size_t len, want_len, stem = strlen(name) - strlen(".rules");
	struct cfg_err err;
	bool via_yaml, able;

	if (cfg_file_read(path, &text, &len) < 0)
		bad(name, "cannot be read", NULL);
	free(path);
	path = PATH("%s/%.*s.expected-save", folder, (int)stem, name);
	if (text == NULL || cfg_file_read(path, &want, &want_len) < 0) {
		bad(name, "no expected text", NULL);
		free(path);
		free(text);
		return;
	}
	cfg_err_init(&err, name);
	// Some had sets when the golden texts were made, which are not beside them.
	got = round_trip(text, len, family_of(name), &(struct cfg_restore){0}, &err, &via_yaml,
			 &able);
	said = messages(&err);
	// A ruleset that ends with a blank line has one in the golden text as well.
	while (want_len > 1 && want[want_len - 1] == '\n' && want[want_len - 2] == '\n')
		want[--want_len] = '\0';
	if (got == NULL && all_lacking(&err)) {
		n_refused++;
	} else if (got == NULL) {
		bad(name, "refused for a reason of its own", said);
	} else if (!via_yaml) {
		bad(name, "lost on the way through YAML", said);
	} else if (strcmp(got, want) != 0) {
		size_t at = 0;

		while (got[at] == want[at])
			at++;
		bad(name, "differs from iptables-save, from", got + (at > 40 ? at - 40 : 0));
	} else {
		n_exact++;
	}
	cfg_err_free(&err);
	free(path);
	free(said);
	free(got);
	free(text);
	free(want);
}

static void
reject_one(const char *folder, const char *name)
{
	struct cfg_policy *p = NULL;
	struct cfg_err err;
	char *path = PATH("%s/%s", folder, name), *text;
	size_t len;
	int ret = cfg_file_read(path, &text, &len);

	free(path);
	if (ret < 0) {
		bad(name, "cannot be read", NULL);
		return;
	}
	cfg_err_init(&err, name);
	if (cfg_policy_from_save(&p, family_of(name), text, len, &err) == 0)
		bad(name, "accepted, iptables-restore refuses it", NULL);
	else
		n_refused++;
	cfg_err_free(&err);
	cfg_policy_free(p);
	free(text);
}

static int
each_file(const char *folder, void (*one)(const char *, const char *))
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	if (dir == NULL)
		return SKIPPED;
	while ((e = readdir(dir)) != NULL)
		if (strlen(e->d_name) > 6 &&
		    strcmp(e->d_name + strlen(e->d_name) - 6, ".rules") == 0)
			one(folder, e->d_name);
	closedir(dir);
	return 0;
}

static int
rules(const char *corpus)
{
	char *folder = PATH("%s/rules/accept", corpus);
	int ret = each_file(folder, accept_one);

	free(folder);
	if (ret != 0)
		return ret;
	printf("rulesets that the kernel takes: %u exact, %u refused by name\n", n_exact,
	       n_refused);
	n_refused = 0;
	folder = PATH("%s/rules/reject", corpus);
	each_file(folder, reject_one);
	free(folder);
	printf("rulesets that the kernel refuses: %u refused\n", n_refused);
	return n_bad != 0 || n_exact == 0;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
main(int argc, char **argv)
{
	char *corpus;
	int ret;

	if (argc != 3)
		return 2;
	corpus = PATH("%s/../shared/corpus", argv[2]);
	if (strcmp(argv[1], "rules") == 0)
		ret = rules(corpus);
	else if (strcmp(argv[1], "lines") == 0)
		ret = oracle_lines(corpus);
	else if (strcmp(argv[1], "page") == 0)
		ret = oracle_page(corpus, NULL);
	else
		ret = oracle_page(corpus, argv[2]);
	free(corpus);
	if (ret == SKIPPED) {
		fprintf(stderr, "skipped: no corpus at ../shared/corpus\n");
		return SKIPPED;
	}
	if (strncmp(argv[1], "page", 4) == 0)
		n_lacking = 0;
	qsort(lacking, n_lacking, sizeof(lacking[0]), by_text);
	for (size_t i = 0, same = 1; i < n_lacking; i++, same++) {
		if (i + 1 == n_lacking || strcmp(lacking[i], lacking[i + 1]) != 0) {
			printf("%6zu x %s\n", same, lacking[i]);
			same = 0;
		}
	}
	for (size_t i = 0; i < n_lacking; i++)
		free(lacking[i]);
	return ret;
}
