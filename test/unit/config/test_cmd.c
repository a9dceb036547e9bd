// `ringwall check`, `import` and `export` as the operator runs them: exit codes, what goes where,
// JSON.
#include "cfg_test.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/wait.h>

#include "app/cmd.h"

static char dir[] = "/tmp/config_cmd_XXXXXX";

static char *
slurp(const char *path)
{
	char *text;
	size_t len;

	cr_assert(eq(int, cfg_file_read(path, &text, &len), 0), "%s", path);
	return text;
}

static const char *
in_dir(const char *name)
{
	static char path[4][256];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[0]), "%s/%s", dir, name);
	return path[next];
}

static void
write_file(const char *name, const char *text)
{
	FILE *f = fopen(in_dir(name), "w");

	cr_assert(f != NULL);
	fputs(text, f);
	fclose(f);
}

// Runs a command in a child with its files on standard input, output and error. The exit code.
static int
run(int (*command)(int, char **), const char *in, char *const argv[])
{
	pid_t pid = fork();
	int argc = 0, status;

	while (argv[argc] != NULL)
		argc++;
	if (pid == 0) {
		if (dup2(open(in != NULL ? in_dir(in) : "/dev/null", O_RDONLY), 0) < 0 ||
		    dup2(open(in_dir("out"), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1) < 0 ||
		    dup2(open(in_dir("err"), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2) < 0)
			_exit(99);
		status = command(argc, (char **)argv);
		fflush(stdout);
		_exit(status);
	}
	cr_assert(eq(int, waitpid(pid, &status, 0), pid));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
#define RUN(command, in, ...)                                                                      \
	run(app_cmd_##command, in, (char *const[]){#command, ##__VA_ARGS__, NULL})

static void
expect_file(const char *name, const char *want)
{
	char *got = slurp(in_dir(name));

	cr_expect(eq(str, got, (char *)want));
	free(got);
}

static void
set_up(void)
{
	cr_assert(mkdtemp(dir) != NULL);
	write_file("good", "version: 1\ntables:\n  filter:\n    INPUT:\n      policy: DROP\n      "
			   "counters: { ipv4: [5, 6] }\n"
			   "      rules:\n        - { ctstate: ESTABLISHED, jump: ACCEPT, "
			   "counters: [7, 8] }\n");
	write_file("warned",
		   "version: 1\ntables:\n  filter:\n    u: {}\n    INPUT: { policy: DROP }\n");
	write_file("allowed",
		   "version: 1\ntables:\n  filter:\n    u: {} # ringwall: allow unused-chain\n"
		   "    INPUT: { policy: DROP }\n");
	write_file("bad", "version: 2\ntables:\n  filtr: {}\n  nat: { u: { rules: [ { jump: "
			  "\"\xc3\xa4\" } ] } }\n");
	write_file("save", "*filter\n:INPUT DROP [1:2]\n-A INPUT -j ACCEPT\nCOMMIT\n");
	write_file("save6", "*filter\n-A INPUT -s dead::1 -j ACCEPT\nCOMMIT\n");
}

static void
tear_down(void)
{
	static const char *const name[] = {"good", "warned", "allowed", "bad",
					   "save", "save6",  "out",	"err"};

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		unlink(in_dir(name[i]));
	rmdir(dir);
}

TestSuite(config_cmd, .init = set_up, .fini = tear_down);

Test(config_cmd, check)
{
	char *said, want[600];

	cr_expect(eq(int, RUN(check, NULL, (char *)in_dir("good")), 0));
	expect_file("out", "");
	expect_file("err", "");
	cr_expect(eq(int, RUN(check, NULL, (char *)in_dir("warned")), 0));
	snprintf(want, sizeof(want), "%s:4:5: warning: no rule jumps to chain 'u' [unused-chain]\n",
		 in_dir("warned"));
	expect_file("err", want);
	cr_expect(eq(int, RUN(check, NULL, "--strict", (char *)in_dir("warned")), 1));
	cr_expect(eq(int, RUN(check, NULL, "--strict", (char *)in_dir("allowed")), 0));
	cr_expect(eq(int, RUN(check, NULL, (char *)in_dir("bad")), 1));
	said = slurp(in_dir("err"));
	cr_expect(strstr(said, "bad:1:10: error: bad 'version'") != NULL, "%s", said);
	cr_expect(strstr(said, "bad:3:3: error: unknown key 'filtr'") != NULL, "%s", said);
	cr_expect(strstr(said, "bad:4:32: error: chain '\xc3\xa4' does not exist") != NULL, "%s",
		  said);
	free(said);
	cr_expect(eq(int, RUN(check, NULL, (char *)in_dir("absent")), 1));
	cr_expect(eq(int, RUN(check, "good", "-"), 0));
	// YAML only.
	cr_expect(eq(int, RUN(check, NULL, (char *)in_dir("save")), 1));
}

Test(config_cmd, check_json)
{
	char *text;
	json_t *list, *first;

	cr_expect(eq(int, RUN(check, NULL, "--json", (char *)in_dir("good")), 0));
	expect_file("out", "[]\n");
	cr_expect(eq(int, RUN(check, NULL, (char *)in_dir("bad"), "--json"), 1));
	expect_file("err", "");
	text = slurp(in_dir("out"));
	list = json_loads(text, 0, NULL);
	cr_assert(list != NULL, "%s", text);
	cr_expect(eq(sz, json_array_size(list), 3));
	first = json_array_get(list, 0);
	cr_expect(eq(str, (char *)json_string_value(json_object_get(first, "file")),
		     (char *)in_dir("bad")));
	cr_expect(eq(int, json_integer_value(json_object_get(first, "line")), 1));
	cr_expect(eq(int, json_integer_value(json_object_get(first, "column")), 10));
	cr_expect(eq(str, (char *)json_string_value(json_object_get(first, "severity")), "error"));
	cr_expect(eq(int, json_typeof(json_object_get(first, "id")), JSON_NULL));
	cr_expect(eq(str, (char *)json_string_value(json_object_get(first, "text")),
		     "bad 'version' (expected 1)"));
	json_decref(list);
	free(text);
	cr_expect(eq(int, RUN(check, NULL, "--json", "--strict", (char *)in_dir("warned")), 1));
	text = slurp(in_dir("out"));
	list = json_loads(text, 0, NULL);
	first = json_array_get(list, 0);
	cr_expect(
		eq(str, (char *)json_string_value(json_object_get(first, "severity")), "warning"));
	cr_expect(eq(str, (char *)json_string_value(json_object_get(first, "id")), "unused-chain"));
	json_decref(list);
	free(text);
}

Test(config_cmd, diff)
{
	static const char text[] =
		"version: 1\ntables:\n  filter:\n    INPUT:\n      policy: DROP\n      rules:\n"
		"        - { protocol: tcp, dport: %s, jump: ACCEPT }\n";
	char *said, policy[400];
	json_t *j, *change;

	unsetenv("SSH_CONNECTION");
	snprintf(policy, sizeof(policy), text, "22");
	write_file("good", policy);
	snprintf(policy, sizeof(policy), text, "80");
	write_file("warned", policy);
	cr_expect(eq(int,
		     RUN(check, NULL, "--diff", (char *)in_dir("good"), (char *)in_dir("good"),
			 "--strict"),
		     0));
	expect_file("out", "no traffic changes verdict\n");
	cr_expect(eq(int,
		     RUN(check, NULL, "--diff", (char *)in_dir("good"), (char *)in_dir("warned")),
		     0));
	said = slurp(in_dir("out"));
	cr_expect(strstr(said, "INPUT, IPv4: ACCEPT becomes DROP\n  what    tcp, port 22\n") !=
			  NULL,
		  "%s", said);
	cr_expect(strstr(said, "INPUT, IPv6: DROP becomes ACCEPT\n  what    tcp, port 80\n") !=
			  NULL,
		  "%s", said);
	free(said);
	said = slurp(in_dir("err"));
	cr_expect(strstr(said, "control by TCP port 22 may be cut off") != NULL, "%s", said);
	cr_expect(strstr(said, "[cuts-control]") != NULL, "%s", said);
	free(said);
	cr_expect(eq(int,
		     RUN(check, NULL, "--strict", "--diff", (char *)in_dir("good"),
			 (char *)in_dir("warned")),
		     1));
	setenv("SSH_CONNECTION", "192.0.2.7 50000 10.0.0.1 80", 1);
	cr_expect(eq(int,
		     RUN(check, NULL, "--json", "--diff", (char *)in_dir("warned"),
			 (char *)in_dir("good")),
		     0));
	unsetenv("SSH_CONNECTION");
	said = slurp(in_dir("out"));
	j = json_loads(said, 0, NULL);
	cr_assert(j != NULL, "%s", said);
	cr_expect(eq(int, json_typeof(json_object_get(j, "complete")), JSON_TRUE));
	cr_expect(strstr(said, "this very connection (SSH_CONNECTION) may be cut off") != NULL,
		  "%s", said);
	change = json_array_get(json_object_get(j, "changes"), 0);
	cr_expect(eq(str, (char *)json_string_value(json_object_get(change, "way")), "INPUT"));
	cr_expect(eq(int,
		     json_integer_value(json_object_get(json_object_get(change, "old"), "line")),
		     7));
	json_decref(j);
	free(said);
	cr_expect(eq(int,
		     RUN(check, NULL, "--diff", (char *)in_dir("absent"), (char *)in_dir("good")),
		     1));
	cr_expect(eq(int, RUN(check, NULL, "--diff", (char *)in_dir("good")), 2));
}

Test(config_cmd, usage)
{
	cr_expect(eq(int, RUN(check, NULL), 2));
	cr_expect(eq(int, RUN(check, NULL, "a", "b"), 2));
	cr_expect(eq(int, RUN(check, NULL, "-6", "a"), 2));
	cr_expect(eq(int, RUN(check, NULL, "--foo", "a"), 2));
	cr_expect(eq(int, RUN(import, NULL, "a", "b"), 2));
	cr_expect(eq(int, RUN(import, NULL, "-c"), 2));
	cr_expect(eq(int, RUN(import, NULL, "--json"), 2));
	cr_expect(eq(int, RUN(export, NULL, "--strict"), 2));
	cr_expect(eq(int, RUN(export, NULL, "-x"), 2));
	expect_file("out", "");
}

Test(config_cmd, import_export)
{
	static const char yaml[] =
		"version: 1\ntables:\n  filter:\n    family: ipv4\n    INPUT:\n      policy: DROP\n"
		"      counters: [1, 2]\n      rules:\n        - { jump: ACCEPT }\n"
		"    FORWARD:\n      policy: ACCEPT\n    OUTPUT:\n      policy: ACCEPT\n";

	cr_expect(eq(int, RUN(import, NULL, (char *)in_dir("save")), 0));
	expect_file("out", yaml);
	cr_expect(eq(int, RUN(import, "save"), 0));
	expect_file("out", yaml);
	cr_expect(eq(int, RUN(import, "save", "-4", "-"), 0));
	expect_file("out", yaml);
	// The wrong family, and nothing on standard output.
	cr_expect(eq(int, RUN(import, "save6"), 1));
	expect_file("out", "");
	cr_expect(eq(int, RUN(import, "save6", "-6"), 0));
	cr_expect(eq(int, RUN(import, NULL, (char *)in_dir("absent")), 1));

	cr_expect(eq(int, RUN(export, NULL, (char *)in_dir("good")), 0));
	expect_file("out",
		    "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
		    "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\nCOMMIT\n");
	cr_expect(eq(int, RUN(export, "good", "-c"), 0));
	expect_file("out",
		    "*filter\n:INPUT DROP [5:6]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
		    "[7:8] -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\nCOMMIT\n");
	cr_expect(eq(int, RUN(export, NULL, "-6", (char *)in_dir("good")), 0));
	cr_expect(eq(int, RUN(export, NULL, (char *)in_dir("bad")), 1));
	expect_file("out", "");
}

// A full disk is a failure, not a short file.
Test(config_cmd, output_fails)
{
	char *const argv[] = {"import", (char *)in_dir("save"), NULL};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (dup2(open("/dev/full", O_WRONLY), 1) < 0 ||
		    dup2(open("/dev/null", O_WRONLY), 2) < 0)
			_exit(99);
		_exit(app_cmd_import(2, (char **)argv));
	}
	cr_assert(eq(int, waitpid(pid, &status, 0), pid));
	cr_expect(eq(int, WEXITSTATUS(status), 1));
}
