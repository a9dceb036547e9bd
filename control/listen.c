// Sockets that the daemon listens on; see listen.h: how the file is made, what may stand in its
// place already, and that only our own is removed at the end. Called by ctl.c and nflog.c, main
// thread.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/control.h"
#include "control/listen.h"

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
listen_at(struct ctl_listener *l, const struct sockaddr_un *addr)
{
	struct stat st;

	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (l->fd < 0 || bind(l->fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0)
		return -errno;
	if (lstat(addr->sun_path, &st) < 0)
		return -errno;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	// Nobody can connect before listen(), so there is no moment at which others could.
	if (chmod(addr->sun_path, 0600) < 0 || listen(l->fd, CTL_CLIENTS_MAX) < 0)
		return -errno;
	return 0;
}

int
ctl_listen_open(struct ctl_listener *l, const char *path, const char *what, struct cfg_err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int ret;

	*l = (struct ctl_listener){.fd = -1};
	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG; // config/ refuses such a path with its line
	strcpy(addr.sun_path, path);
	l->path = strdup(path);
	if (l->path == NULL)
		return -ENOMEM;
	ret = make_dirs(path);
	if (ret == 0)
		ret = probe(&addr);
	if (ret == 0)
		ret = listen_at(l, &addr);
	if (ret == -EADDRINUSE)
		cfg_err_add(err, (struct cfg_pos){0, 0}, "%s %s: another daemon answers there",
			    what, path);
	else if (ret == -ENOTSOCK)
		cfg_err_add(err, (struct cfg_pos){0, 0},
			    "%s %s: a file that is no socket stands there, and is left alone", what,
			    path);
	else if (ret < 0)
		cfg_err_add(err, (struct cfg_pos){0, 0}, "%s %s: %s", what, path, strerror(-ret));
	return ret;
}

void
ctl_listen_close(struct ctl_listener *l)
{
	struct stat st;

	if (l->fd >= 0)
		close(l->fd);
	// Only our own: somebody may have moved it away and started another daemon.
	if (l->ino != 0 && lstat(l->path, &st) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	free(l->path);
	*l = (struct ctl_listener){.fd = -1};
}
