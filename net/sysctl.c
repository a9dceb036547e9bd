// Interface sysctls by their files, as sysctl(8) does it. Used by net/guard.c and net/twin.c on the
// control thread when ports start and stop. Interface names may hold dots, so the path is built
// from its parts and never from a dotted name.
#include "net/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
open_key(const char *family, const char *iface, const char *key, int flags)
{
	char path[128];
	int fd;

	if (snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, iface, key) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int
net_sysctl_get(const char *family, const char *iface, const char *key, int *value)
{
	char text[32];
	int fd = open_key(family, iface, key, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	*value = atoi(text);
	return 0;
}

int
net_sysctl_set(const char *family, const char *iface, const char *key, int value)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%d\n", value);
	int fd = open_key(family, iface, key, O_WRONLY);
	int ret = 0;

	if (fd < 0)
		return fd;
	if (write(fd, text, (size_t)len) != len)
		ret = errno != 0 ? -errno : -EIO;
	close(fd);
	return ret;
}
