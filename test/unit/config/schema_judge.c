// The policy reader's word on many documents, for schema_test.py.
//
// "judge" reads documents from standard input, each behind a line with its length in bytes, and
// answers each with a line: "." where the reader takes it, else the kinds of errors it found, a
// letter each (F form, V value, R rule, P policy), and the first message of the first kind.
// "random SEED COUNT" writes random policies in the same shape, "import 4|6 FILE" what an
// iptables-save text becomes.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy.h"
#include "random_policy.h"

static void
put(const char *text)
{
	printf("%zu\n%s", strlen(text), text);
}

static void
judge(const char *text, size_t len)
{
	static const char letter[] = {[CFG_JUDGE_FORM] = 'F',
				      [CFG_JUDGE_VALUE] = 'V',
				      [CFG_JUDGE_RULE] = 'R',
				      [CFG_JUDGE_POLICY] = 'P'};
	struct cfg_policy *p = NULL;
	const struct cfg_msg *first = NULL;
	struct cfg_err err;
	bool seen[4] = {false};

	cfg_err_init(&err, NULL);
	cfg_policy_from_yaml(&p, text, len, &err);
	for (size_t i = 0; i < err.n; i++) {
		if (err.msgs[i].severity != CFG_ERROR)
			continue;
		seen[err.msgs[i].judge] = true;
		if (first == NULL || err.msgs[i].judge < first->judge)
			first = &err.msgs[i];
	}
	for (int j = 0; j < 4; j++)
		if (seen[j])
			putchar(letter[j]);
	if (p != NULL)
		putchar('.');
	putchar(' ');
	for (const char *s = first != NULL ? first->text : ""; *s != '\0'; s++)
		putchar(*s == '\n' ? ' ' : *s);
	putchar('\n');
	fflush(stdout);
	cfg_policy_free(p);
	cfg_err_free(&err);
}

static int
judge_all(void)
{
	char *text = NULL;
	size_t len;

	while (scanf("%zu", &len) == 1) {
		text = realloc(text, len + 1);
		if (text == NULL || getchar() != '\n' || fread(text, 1, len, stdin) != len)
			return 1;
		judge(text, len);
	}
	free(text);
	return 0;
}

static int
random_all(uint64_t seed, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct cfg_policy *p = random_policy(seed + i, 1 + i % 3);
		char *yaml = cfg_policy_to_yaml(p);

		put(yaml);
		free(yaml);
		cfg_policy_free(p);
	}
	return 0;
}

static int
import(const char *family, const char *path)
{
	struct cfg_policy *p = NULL;
	struct cfg_err err;
	char *text, *yaml;
	size_t len;

	cfg_err_init(&err, NULL);
	if (cfg_file_read(path, &text, &len) < 0)
		return 1;
	cfg_policy_from_save(&p, family[0] == '6' ? CFG_IPV6 : CFG_IPV4, text, len, &err);
	yaml = p != NULL ? cfg_policy_to_yaml(p) : NULL;
	if (yaml != NULL)
		put(yaml);
	free(yaml);
	free(text);
	cfg_policy_free(p);
	cfg_err_free(&err);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "judge") == 0)
		return judge_all();
	if (argc == 4 && strcmp(argv[1], "random") == 0)
		return random_all(strtoull(argv[2], NULL, 10), atoi(argv[3]));
	if (argc == 4 && strcmp(argv[1], "import") == 0)
		return import(argv[2], argv[3]);
	return 2;
}
