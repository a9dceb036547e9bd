#pragma once
// Network namespaces for tests: the test process moves into one of its own, and a child that only
// waits holds another, the "peer". Both end with the test's process; nothing is left on the
// machine.
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <criterion/criterion.h>

static pid_t ns_peer;

// Exit status of a shell command, in this process's namespace. Quiet.
static inline int
ns_try(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;
	int n = snprintf(cmd, sizeof(cmd), "exec >/dev/null 2>&1; ");

	va_start(ap, fmt);
	vsnprintf(cmd + n, sizeof(cmd) - (size_t)n, fmt, ap);
	va_end(ap);
	return system(cmd);
}

#define ns_sh(...) cr_assert_eq(ns_try(__VA_ARGS__), 0, __VA_ARGS__)

// First line of what a command prints.
static inline const char *
ns_out(const char *cmd)
{
	static char line[512];
	FILE *f = popen(cmd, "r");

	line[0] = '\0';
	if (f != NULL) {
		if (fgets(line, sizeof(line), f) == NULL)
			line[0] = '\0';
		pclose(f);
	}
	line[strcspn(line, "\n")] = '\0';
	return line;
}

// A fresh namespace for this process; without the right to make one the test is skipped.
static inline void
ns_enter(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0)
		cr_skip_test("needs root: no network namespace of its own");
	// /sys shows the interfaces of the namespace that mounted it.
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("sysfs", "/sys", "sysfs", 0, NULL), 0);
	ns_sh("ip link set lo up");
}

// The peer: `nsenter -t PID -n` runs commands in it.
static inline void
ns_peer_start(void)
{
	int ready[2];
	char c;

	cr_assert_eq(pipe(ready), 0);
	ns_peer = fork();
	if (ns_peer == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "x", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	cr_assert_eq(read(ready[0], &c, 1), 1);
	close(ready[0]);
	ns_sh("nsenter -t %d -n ip link set lo up", ns_peer);
}

static inline void
ns_peer_stop(void)
{
	if (ns_peer > 0) {
		kill(ns_peer, SIGKILL);
		waitpid(ns_peer, NULL, 0);
	}
	ns_peer = 0;
}
