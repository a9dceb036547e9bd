// iptables' own test lines against the reader and the writers, and the page that says how far they
// agree.
//
// ORACLE-1.8.9.tsv has what iptables 1.8.9 made of each line of the .t files. Run by corpus.c's
// main.
#include <string.h>

#include "config/ext/ext.h"
#include "corpus.h"

enum verdict { SAME, LACKING, DIFFERS };

// A row of the page. Lines of both families and of all files of that name come together.
struct row {
	char name[64];
	const struct ext *ext; // NULL: not supported
	bool target, lines_only;
	unsigned lines, of[3], not_run;
};

static struct row row[200];
static size_t n_row;

// Where line `number` of a .t file stands: "*table" and ":CHAIN,CHAIN" above it.
static void
context(const char *folder, const char *file, unsigned number, char table[32], char chains[128])
{
	char *path = PATH("%s/%s", folder, file), line[2048];
	unsigned n = 0;
	FILE *f = fopen(path, "re");

	free(path);
	strcpy(table, "filter");
	strcpy(chains, "INPUT");
	while (f != NULL && ++n < number && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\r\n")] = '\0';
		if (line[0] == '*')
			snprintf(table, 32, "%.31s", line + 1);
		else if (line[0] == ':')
			snprintf(chains, 128, "%.127s", line + 1);
	}
	if (f != NULL)
		fclose(f);
}

// One rule in one chain: must give the text that 1.8.9 gave, or be refused where it was.
static enum verdict
one_line(const char *what, enum cfg_family family, const char *table, const char *chain,
	 const char *rule, const char *save, bool accepted, bool *not_run)
{
	static const struct cfg_sets none; // as when the oracle was asked
	static const struct cfg_restore how = {.sets = &none};
	char *text = NULL, *want = NULL, *got, *said;
	enum verdict verdict = DIFFERS;
	struct cfg_err err;
	bool via_yaml, able;

	if (asprintf(&text, "*%s\n-A %s %s\nCOMMIT\n", table, chain, rule) < 0 ||
	    asprintf(&want, "\n-A %s%s%s\n", chain, *save != '\0' ? " " : "", save) < 0)
		abort();
	cfg_err_init(&err, what);
	got = round_trip(text, strlen(text), family, &how, &err, &via_yaml, &able);
	said = messages(&err);
	if (got == NULL && all_lacking(&err))
		verdict = LACKING;
	else if (got == NULL && accepted)
		bad(what, rule, said);
	else if (got == NULL)
		verdict = SAME;
	else if (!accepted)
		bad(what, "accepted, 1.8.9 refuses it", rule);
	else if (!via_yaml)
		bad(what, "lost on the way through YAML", rule);
	else if (strstr(got, want) == NULL)
		bad(what, want, got);
	else
		verdict = SAME;
	n_exact += verdict == SAME;
	n_refused += verdict == LACKING;
	*not_run |= got != NULL && !able;
	cfg_err_free(&err);
	free(said);
	free(got);
	free(text);
	free(want);
	return verdict;
}

static struct row *
row_of(const char *name)
{
	for (size_t i = 0; i < n_row; i++)
		if (strcmp(row[i].name, name) == 0)
			return &row[i];
	if (n_row == EXT_N(row))
		abort();
	snprintf(row[n_row].name, sizeof(row[0].name), "%s", name);
	return &row[n_row++];
}

// "libxt_mark.t" is about "mark", "iptables.t" about the rule itself.
static struct row *
row_of_file(const char *file)
{
	const char *name = strchr(file, '_');
	char stem[64];

	if (name == NULL)
		return row_of("(the rule's own options)");
	snprintf(stem, sizeof(stem), "%.*s", (int)strcspn(name + 1, "."), name + 1);
	return row_of(stem);
}

// One row of the oracle, in every chain that its file names.
static void
oracle_line(const char *folder, char *field[10])
{
	char table[32], chains[128], what[256], *chain, *next = chains;
	struct row *r = row_of_file(field[0]);
	enum verdict worst = SAME;
	bool not_run = false;

	context(folder, field[0], atoi(field[1]), table, chains);
	snprintf(what, sizeof(what), "%s:%s", field[0], field[1]);
	while ((chain = strsep(&next, ",")) != NULL) {
		enum verdict v =
			one_line(what, field[2][0] == '6' ? CFG_IPV6 : CFG_IPV4, table, chain,
				 field[6], field[8], strcmp(field[5], "FAIL") != 0, &not_run);

		worst = v > worst ? v : worst;
	}
	r->lines++;
	r->of[worst]++;
	r->not_run += not_run;
}

static int
read_oracle(const char *corpus)
{
	char *folder = PATH("%s/iptables-tests", corpus),
	     *path = PATH("%s/ORACLE-1.8.9.tsv", folder), *line = NULL;
	FILE *f = fopen(path, "re");
	size_t cap = 0;

	free(path);
	if (f == NULL) {
		free(folder);
		return SKIPPED;
	}
	while (getline(&line, &cap, f) > 0) {
		char *field[10] = {NULL}, *rest = line;
		size_t n = 0;

		line[strcspn(line, "\n")] = '\0';
		while (n < 10 && (field[n] = strsep(&rest, "\t")) != NULL)
			n++;
		// nft's own quirks in printing are not the yardstick, legacy is what the rulesets
		// were made with.
		if (n >= 9 && strcmp(field[3], "legacy") == 0)
			oracle_line(folder, field);
	}
	fclose(f);
	free(line);
	free(folder);
	return 0;
}

int
oracle_lines(const char *corpus)
{
	int ret = read_oracle(corpus);

	if (ret != 0)
		return ret;
	printf("test lines of iptables, in each chain: %u as 1.8.9, %u refused by name\n", n_exact,
	       n_refused);
	return n_bad != 0 || n_exact == 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

// Does Ringwall have all of it? Options without a parse function are refused by name.
static const char *
support(const struct row *r)
{
	if (r->ext == NULL)
		return "no";
	for (size_t i = 0; i < r->ext->n_opt; i++)
		if (r->ext->opt[i].parse == NULL)
			return "some options";
	return r->ext->unable != NULL ? "read; see manual" : "yes";
}

static void
page_head(FILE *f)
{
	fputs("# iptables compatibility\n\n"
	      "Made by `test/generate BUILD` from the table of extensions and the corpus; a test "
	      "fails when "
	      "it is stale.\n\n"
	      "A row is a match (small letters) or target (capitals) of iptables 1.8.9. "
	      "*Supported*: `yes`; "
	      "`some options`, the\nothers are refused by name; `read; see manual`: read, checked "
	      "and "
	      "written, but not everything it can say can be run\nhere, and what cannot is refused "
	      "by "
	      "`check`, `apply` and the daemon with the reason; `no`: refused by name. *Lines*: "
	      "of\n"
	      "iptables' own tests, as iptables-legacy 1.8.9 answered them. *Same*: Ringwall gives "
	      "the same "
	      "text, or refuses what it\nrefused. *Refused*: by name, as not supported. *Differs* "
	      "must be 0. "
	      "*Not run*: of the same, those that are read and not\nrun.\n\n"
	      "| extension | supported | lines | same | refused | differs | not run |\n"
	      "| --- | --- | ---: | ---: | ---: | ---: | ---: |\n",
	      f);
}

static void
page_write(FILE *f)
{
	struct row sum = {0};

	page_head(f);
	qsort(row, n_row, sizeof(row[0]), by_name);
	for (size_t i = 0; i < n_row; i++) {
		const struct row *r = &row[i];

		fprintf(f, "| %s | %s | %u | %u | %u | %u | %u |\n", r->name, support(r), r->lines,
			r->of[SAME], r->of[LACKING], r->of[DIFFERS], r->not_run);
		sum.lines += r->lines;
		for (int v = SAME; v <= DIFFERS; v++)
			sum.of[v] += r->of[v];
		sum.not_run += r->not_run;
	}
	fprintf(f, "\n%u lines: %u the same (%u of them not run), %u refused by name, %u differ.\n",
		sum.lines, sum.of[SAME], sum.not_run, sum.of[LACKING], sum.of[DIFFERS]);
}

// A row for every name, with or without lines.
static void
all_rows(void)
{
	const char *name;

	row_of("(the rule's own options)")->ext = &ext_rule;
	for (size_t i = 0; i < ext_count(); i++)
		row_of(ext_at(i)->name)->ext = ext_at(i);
	for (size_t i = 0; (name = ext_other_at(i)) != NULL; i++)
		row_of(name);
}

int
oracle_page(const char *corpus, const char *root)
{
	char *made = NULL, *path, *have = NULL;
	size_t size, len;
	int ret = read_oracle(corpus);
	FILE *f;

	if (ret != 0)
		return ret;
	all_rows();
	f = root != NULL ? open_memstream(&made, &size) : stdout;
	page_write(f);
	if (root == NULL)
		return 0;
	fclose(f);
	path = PATH("%s/docs/iptables-compatibility.md", root);
	ret = cfg_file_read(path, &have, &len) == 0 && strcmp(have, made) == 0 ? 0 : 1;
	if (ret != 0)
		fprintf(stderr,
			"docs/iptables-compatibility.md is stale: run test/generate BUILD\n");
	free(path);
	free(have);
	free(made);
	return ret != 0 || n_bad != 0;
}
