// The socket's file: who may have it, who gets it, and that it goes.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "test/unit/control/ground.h"

static const char policy[] = "version: 1\ntables: { filter: { INPUT: { policy: DROP } } }\n";

static int
second(struct ground *g, struct ctl **out, struct cfg_err *err)
{
	cfg_err_init(err, NULL);
	return ctl_create(out, &g->ctl->env, err);
}

Test(control_socket, a_living_daemon_is_not_pushed_away)
{
	struct ground g;
	struct ctl *other = NULL;
	struct cfg_err err;
	char *error;

	ground_open(&g, policy);
	cr_expect(eq(int, second(&g, &other, &err), -EADDRINUSE));
	cr_assert(eq(sz, err.n_errors, 1));
	cr_expect(strstr(err.msgs[0].text, g.path) != NULL &&
		  strstr(err.msgs[0].text, "another daemon") != NULL);
	cfg_err_free(&err);
	error = ground_error(&g, "{\"command\": \"stats\"}");
	cr_expect(eq(ptr, error, NULL), "the first one still answers");
	ground_close(&g);
}

Test(control_socket, another_file_is_left_alone)
{
	struct ground g;
	struct ctl *other = NULL;
	struct cfg_err err;
	int fd;

	ground_open(&g, policy);
	unlink(g.path);
	fd = open(g.path, O_CREAT | O_WRONLY, 0644);
	cr_assert(fd >= 0);
	close(fd);
	cr_expect(eq(int, second(&g, &other, &err), -ENOTSOCK));
	cfg_err_free(&err);
	cr_expect(eq(int, access(g.path, F_OK), 0), "still there");
	ctl_free(g.ctl);
	g.ctl = NULL;
	cr_expect(eq(int, access(g.path, F_OK), 0), "not ours: not removed at the end either");
	unlink(g.path);
	ground_close(&g);
}

Test(control_socket, what_a_dead_daemon_left_is_replaced)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct ground g;
	struct cfg_err err;
	struct ctl *next = NULL;
	struct ctl_env env;
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ground_open(&g, policy);
	env = g.ctl->env;
	ctl_free(g.ctl);
	g.ctl = NULL;
	strcpy(addr.sun_path, g.path);
	cr_assert(bind(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 && listen(fd, 1) == 0);
	close(fd); // dies without unlinking
	cr_expect(eq(int, stat(g.path, &st), 0));
	cfg_err_init(&err, NULL);
	cr_assert(eq(int, ctl_create(&next, &env, &err), 0));
	cfg_err_free(&err);
	g.ctl = next;
	cr_expect(eq(ptr, ground_error(&g, "{\"command\": \"stats\"}"), NULL));
	ground_close(&g);
}

Test(control_socket, only_its_owner_may_write)
{
	struct ground g;
	struct stat st;

	ground_open(&g, policy);
	cr_assert(eq(int, stat(g.path, &st), 0));
	cr_expect(eq(uint, st.st_mode & 07777, 0600));
	cr_expect(eq(uint, st.st_mode & S_IFMT, S_IFSOCK));
	ground_close(&g);
}

Test(control_socket, a_folder_that_cannot_be_made_is_an_error)
{
	struct ground g;
	struct ctl *other = NULL;
	struct cfg_err err;

	ground_open(&g, policy);
	g.settings.control = (char *)"/proc/nowhere/control.sock";
	cr_expect(lt(int, second(&g, &other, &err), 0));
	cr_assert(eq(sz, err.n_errors, 1));
	cr_expect(strstr(err.msgs[0].text, "/proc/nowhere/control.sock") != NULL);
	cfg_err_free(&err);
	g.settings.control = g.path;
	ground_close(&g);
}
