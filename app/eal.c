// EAL bring-up for the daemon, and for replay and bench, which ask for nothing but memory. What the
// operator wrote goes to EAL as it is; what the machine makes necessary is added and said.
// Main thread, once.
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "app/gateway.h"

#define ARGS_MAX 128

struct args {
	char *argv[ARGS_MAX];
	int argc;
};

static void
add(struct args *a, const char *arg)
{
	if (a->argc < ARGS_MAX - 1)
		a->argv[a->argc++] = strdup(arg);
}

static bool
given(const struct cfg_settings *s, const char *option)
{
	size_t len = strlen(option);

	for (size_t i = 0; i < s->n_eal; i++) {
		if (strncmp(s->eal[i], option, len) == 0 &&
		    (s->eal[i][len] == '\0' || s->eal[i][len] == '='))
			return true;
	}
	return false;
}

// Free hugepages of any size on this machine?
static bool
hugepages_free(void)
{
	static const char base[] = "/sys/kernel/mm/hugepages";
	DIR *dir = opendir(base);
	struct dirent *e;
	bool found = false;

	if (dir == NULL)
		return false;
	while (!found && (e = readdir(dir)) != NULL) {
		char path[512];
		unsigned long n = 0;
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s/free_hugepages", base, e->d_name);
		f = e->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (f == NULL)
			continue;
		found = fscanf(f, "%lu", &n) == 1 && n > 0;
		fclose(f);
	}
	closedir(dir);
	return found;
}

// EAL keeps pointers into argv: it is never freed.
static int
start(struct args *a, struct cfg_err *err)
{
	int n = rte_eal_init(a->argc, a->argv);

	if (n < 0) {
		int e = rte_errno;

		cfg_err_add(err, (struct cfg_pos){0, 0},
			    "EAL does not start: %s (its own words are above)", rte_strerror(e));
		return e != 0 ? -e : -EINVAL;
	}
	return 0;
}

int
app_eal_start(const struct cfg_settings *s, struct cfg_err *err)
{
	struct args a = {0};
	char prefix[64];

	if (s->n_eal > ARGS_MAX - 8) {
		cfg_err_add(err, (struct cfg_pos){0, 0}, "eal: more than %d arguments",
			    ARGS_MAX - 8);
		return -E2BIG;
	}
	add(&a, "ringwalld");
	for (size_t i = 0; i < s->n_eal; i++)
		add(&a, s->eal[i]);
	if (!given(s, "--no-huge") && !given(s, "--huge-dir") && !hugepages_free()) {
		fprintf(stderr,
			"ringwalld: no free hugepages: using ordinary memory (--no-huge)\n");
		add(&a, "--no-huge");
		if (!given(s, "-m") && !given(s, "--socket-mem")) {
			add(&a, "-m");
			add(&a, "512");
		}
	}
	if (!given(s, "--file-prefix")) {
		snprintf(prefix, sizeof(prefix), "--file-prefix=ringwall%d", getpid());
		add(&a, prefix);
	}
	return start(&a, err);
}

// EAL makes this folder even where it leaves nothing in it.
static void
remove_runtime_dir(void)
{
	if (rmdir(rte_eal_get_runtime_dir()) < 0)
		fprintf(stderr, "ringwall: %s: %s\n", rte_eal_get_runtime_dir(), strerror(errno));
}

int
app_eal_start_replay(struct cfg_err *err)
{
	struct args a = {0};
	char prefix[64];
	int ret;

	snprintf(prefix, sizeof(prefix), "--file-prefix=ringwall-replay%d", getpid());
	add(&a, "ringwall");
	add(&a, "--no-huge");
	add(&a, "--no-shconf");
	add(&a, "--no-pci");
	add(&a, "--no-telemetry");
	add(&a, "--log-level=lib.eal:error");
	add(&a, "-m");
	add(&a, "1024");
	add(&a, prefix);
	ret = start(&a, err);
	if (ret == 0)
		atexit(remove_runtime_dir);
	return ret;
}

void
app_err_print(struct cfg_err *err)
{
	for (size_t i = 0; i < err->n; i++) {
		char *line = cfg_msg_format(&err->msgs[i]);

		fprintf(stderr, "%s\n", line != NULL ? line : err->msgs[i].text);
		free(line);
	}
	if (err->truncated)
		fprintf(stderr, "(further messages left out)\n");
	cfg_err_free(err);
}
