// Policies of several files: what comes together, whose name messages carry, what is refused.
#include "cfg_test.h"

#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/ringwall-include-XXXXXX";
static const char *const names[] = {"main", "a.yaml", "b.yaml", "c.yaml", "sub/d.yaml"};

static void
put(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	cr_assert(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void
set_up(void)
{
	char sub[128];

	cr_assert(mkdtemp(dir) != NULL);
	snprintf(sub, sizeof(sub), "%s/sub", dir);
	cr_assert(eq(int, mkdir(sub, 0700), 0));
}

static void
tear_down(void)
{
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/sub", dir);
	rmdir(path);
	rmdir(dir);
}

TestSuite(config_yaml_include, .init = set_up, .fini = tear_down);

// The main file read; *said has its messages.
static struct cfg_policy *
load(const char *text, char **said)
{
	struct cfg_policy *p = NULL;
	char path[128];
	struct cfg_err err;

	put("main", text);
	snprintf(path, sizeof(path), "%s/main", dir);
	cfg_err_init(&err, NULL);
	cfg_policy_load(&p, path, &err);
	*said = t_messages(&err);
	for (size_t i = 0; i < err.n; i++)
		if (err.msgs[i].file != NULL) {
			char *with, *base = strrchr(err.msgs[i].file, '/');

			cr_assert(asprintf(&with, "%s@%s ", *said, base + 1) > 0);
			free(*said);
			*said = with;
		}
	cfg_err_free(&err);
	return p;
}

#define FILE_OF(chain, rule)                                                                       \
	"version: 1\ntables:\n  filter:\n    " chain ":\n      rules:\n        - " rule "\n"

Test(config_yaml_include, comes_together)
{
	struct cfg_policy *p;
	char *said, *got;

	put("a.yaml", FILE_OF("mine", "{ protocol: tcp, dports: $web, jump: DROP }"));
	put("b.yaml", "version: 1\ninclude: sub/*.yaml\nports: { web: [80, 443] }\n");
	put("sub/d.yaml", "version: 1\naddresses: { lan: 10.0.0.0/8 }\n");
	p = load("version: 1\ninclude: [\"[ab].yaml\", \"none*.yaml\"]\ntables:\n  filter:\n    "
		 "INPUT:\n"
		 "      rules:\n        - { source: $lan, jump: mine }\n",
		 &said);
	cr_assert(p != NULL, "%s", said);
	got = t_rules(p, CFG_IPV4);
	cr_expect(
		eq(str, got,
		   "-A INPUT -s 10.0.0.0/8 -j mine\n-A mine -p tcp -m multiport --dports 80,443 -j "
		   "DROP"));
	cr_expect(p->includes);
	free(got);
	free(said);
	cfg_policy_free(p);
}

Test(config_yaml_include, refused)
{
	static const struct {
		const char *main, *a, *b, *says; // parts with '|' between them
	} rows[] = {
		{"version: 1\ninclude: nowhere.yaml\n", NULL, NULL,
		 "2:10: error: '|cannot be read|@main"},
		{"version: 1\ninclude: [[a]]\n", NULL, NULL, "2:11: error: a list in the list"},
		{"version: 1\ninclude: { a: 1 }\n", NULL, NULL, "2:10: error: 'include' is a map"},
		{"version: 1\ninclude: ~\n", NULL, NULL, "2:10: error: 'include' is nothing"},
		{"version: 1\ninclude: main\n", NULL, NULL, "2:10: error: '|in a circle"},
		{"version: 1\ninclude: a.yaml\n", "version: 1\ninclude: b.yaml\n",
		 "version: 1\ninclude: a.yaml\n", "2:10: error: '|in a circle|@b.yaml"},
		{"version: 1\ninclude: [a.yaml, a.yaml]\n", "version: 1\nports: { a: 1 }\n", NULL,
		 "2:19: error: '|a second time"},
		{"version: 1\ninclude: a.yaml\n", FILE_OF("INPUT", "{ jump: nowhere }"), NULL,
		 "6:19: error:|nowhere|@a.yaml"},
		{"version: 1\ninclude: a.yaml\n", "version: 1\ntables: [\n", NULL,
		 "not YAML|@a.yaml"},
		{"version: 1\ninclude: a.yaml\n", "tables: {}\n", NULL,
		 "'version' is missing|@a.yaml"},
		{"version: 1\ninclude: [a.yaml, b.yaml]\n", FILE_OF("INPUT", "{}"),
		 FILE_OF("INPUT", "{}"),
		 "4:5: error: chain 'INPUT' stands here a second time (the first is in line 4 of "
		 "|@b.yaml"},
		{"version: 1\ninclude: a.yaml\nnat: {}\ntables: {}\n",
		 "version: 1\nnat: {}\ntables: {}\n", NULL,
		 "3:1: error: 'nat' stands in another file|@main"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cfg_policy *p;
		char *said, *want, *rest, *part;

		put("a.yaml", rows[i].a != NULL ? rows[i].a : "");
		put("b.yaml", rows[i].b != NULL ? rows[i].b : "");
		p = load(rows[i].main, &said);
		cr_expect(p == NULL, "accepted: %s", rows[i].main);
		rest = want = strdup(rows[i].says);
		while ((part = strsep(&rest, "|")) != NULL)
			cr_expect(strstr(said, part) != NULL, "%s\n said %s\n not %s", rows[i].main,
				  said, part);
		free(want);
		free(said);
		cfg_policy_free(p);
	}
}

// A text that is no file has no place that others could be relative to.
Test(config_yaml_include, text_alone)
{
	char *said;
	struct cfg_policy *p = t_yaml_in("version: 1\ninclude: a.yaml\n", &said);

	cr_expect(p == NULL);
	cr_expect(strstr(said, "2:10: error: 'include' works in a file only") != NULL, "%s", said);
	free(said);
}
