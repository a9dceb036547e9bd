#pragma once
// A unix stream socket that the daemon listens on: made with its directory, mode 0600, so that only
// its owner (root) can connect; a file that a dead daemon left is replaced, a living one's never.
// Main thread.
#include <stdint.h>

#include "config/cfg_err.h"

struct ctl_listener {
	int fd; // -1: not open
	char *path;
	uint64_t dev, ino; // of the socket that we made
};

// what: the socket's name in messages ("control socket"). 0 or -errno with the reason in err, but
// for out of memory.
int ctl_listen_open(struct ctl_listener *l, const char *path, const char *what,
		    struct cfg_err *err);
// Removes the file where it is still ours. Fine where ctl_listen_open failed.
void ctl_listen_close(struct ctl_listener *l);
