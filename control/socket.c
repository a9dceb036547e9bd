// The control socket's file: made with its directory, mode 0600, so that only its owner (root) can
// give orders; a file that a dead daemon left is replaced, a living daemon's never. Called by
// ctl.c, main thread.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/ctl_int.h"

// Makes the directories above path, mode 0755.
static int
make_dirs(const char *path)
{
	char *copy = strdup(path);
	int ret = copy != NULL ? 0 : -ENOMEM;

	for (char *p = copy; ret == 0 && (p = strchr(p + 1, '/')) != NULL;) {
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST)
			ret = -errno;
		*p = '/';
	}
	free(copy);
	return ret;
}

// Is the socket at addr one that nobody listens on? 0 yes (or no file at all), -EADDRINUSE somebody
// does, -ENOTSOCK something else is there, or -errno.
static int
probe(const struct sockaddr_un *addr)
{
	struct stat st;
	int fd, ret;

	if (lstat(addr->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	ret = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 ? 0 : -errno;
	close(fd);
	if (ret == 0 || ret == -EAGAIN) // EAGAIN: it listens, and its queue is full
		return -EADDRINUSE;
	if (ret != -ECONNREFUSED)
		return ret;
	return unlink(addr->sun_path) == 0 ? 0 : -errno;
}

static int
listen_at(struct ctl *c, const struct sockaddr_un *addr)
{
	struct stat st;

	c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->listen_fd < 0 ||
	    bind(c->listen_fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		return -errno;
	if (lstat(addr->sun_path, &st) < 0)
		return -errno;
	c->sock_dev = st.st_dev;
	c->sock_ino = st.st_ino;
	// Nobody can connect before listen(), so there is no moment at which others could.
	if (chmod(addr->sun_path, 0600) < 0 || listen(c->listen_fd, CTL_CLIENTS_MAX) < 0)
		return -errno;
	return 0;
}

int
ctl_socket_open(struct ctl *c, struct cfg_err *err)
{
	const char *path = c->env.settings->control;
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int ret;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG; // config/settings_value.c refuses such a path with its line
	strcpy(addr.sun_path, path);
	c->path = strdup(path);
	if (c->path == NULL)
		return -ENOMEM;
	ret = make_dirs(path);
	if (ret == 0)
		ret = probe(&addr);
	if (ret == 0)
		ret = listen_at(c, &addr);
	if (ret == -EADDRINUSE)
		cfg_err_add(err, (struct cfg_pos){0, 0},
			    "control socket %s: another daemon answers there", path);
	else if (ret == -ENOTSOCK)
		cfg_err_add(err, (struct cfg_pos){0, 0},
			    "control socket %s: a file that is no socket stands there, and is left "
			    "alone",
			    path);
	else if (ret < 0)
		cfg_err_add(err, (struct cfg_pos){0, 0}, "control socket %s: %s", path,
			    strerror(-ret));
	return ret;
}

void
ctl_socket_close(struct ctl *c)
{
	struct stat st;

	if (c->listen_fd >= 0)
		close(c->listen_fd);
	// Only our own: somebody may have moved it away and started another daemon.
	if (c->sock_ino != 0 && lstat(c->path, &st) == 0 && st.st_dev == c->sock_dev &&
	    st.st_ino == c->sock_ino)
		unlink(c->path);
	free(c->path);
}
