// Reading a whole file into memory, for the readers of this room and the commands that use them.
//
// Called on the thread that reads a configuration; the caller owns the text. Pipes and standard
// input work as well as files: nothing is asked about the size beforehand.
#include "config/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)256 << 20) // bytes: a policy is text that a person can open

static int
read_all(FILE *f, char **text, size_t *len)
{
	size_t cap = 65536, n = 0, got;
	char *buf = NULL, *grown;

	for (;;) {
		grown = realloc(buf, cap + 1);
		if (grown == NULL) {
			free(buf);
			return -ENOMEM;
		}
		buf = grown;
		got = fread(buf + n, 1, cap - n, f);
		n += got;
		if (ferror(f) || n > FILE_MAX) {
			int ret = ferror(f) ? -errno : -EFBIG;

			free(buf);
			return ret != 0 ? ret : -EIO;
		}
		if (n < cap)
			break;
		cap *= 2;
	}
	buf[n] = '\0';
	*text = buf;
	*len = n;
	return 0;
}

int
cfg_file_read(const char *path, char **text, size_t *len)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	int ret;

	if (f == NULL)
		return -errno;
	ret = read_all(f, text, len);
	if (f != stdin)
		fclose(f);
	return ret;
}
