// A growing text buffer for the writers of this room.
//
// Used on the thread that writes; the owner frees it or takes the text. Running out of memory is
// remembered instead of reported, so that a writer prints a whole file and asks once, at the end.
#include "config/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
reserve(struct cfg_buf *b, size_t more)
{
	size_t cap = b->cap != 0 ? b->cap : 64;
	char *grown;

	if (b->oom)
		return false;
	if (b->len + more + 1 <= b->cap)
		return true;
	while (cap < b->len + more + 1)
		cap *= 2;
	grown = realloc(b->text, cap);
	if (grown == NULL) {
		b->oom = true;
		return false;
	}
	b->text = grown;
	b->cap = cap;
	return true;
}

void
cfg_buf_addn(struct cfg_buf *b, const char *s, size_t n)
{
	if (!reserve(b, n))
		return;
	memcpy(b->text + b->len, s, n);
	b->len += n;
	b->text[b->len] = '\0';
}

void
cfg_buf_add(struct cfg_buf *b, const char *s)
{
	cfg_buf_addn(b, s, strlen(s));
}

void
cfg_buf_addc(struct cfg_buf *b, char c)
{
	cfg_buf_addn(b, &c, 1);
}

void
cfg_buf_addf(struct cfg_buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !reserve(b, n)) {
		b->oom = true;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(b->text + b->len, n + 1, fmt, ap);
	va_end(ap);
	b->len += n;
}

void
cfg_buf_reset(struct cfg_buf *b)
{
	b->len = 0;
	if (b->text != NULL)
		b->text[0] = '\0';
}

void
cfg_buf_free(struct cfg_buf *b)
{
	free(b->text);
	*b = (struct cfg_buf){0};
}

char *
cfg_buf_take(struct cfg_buf *b)
{
	char *text = NULL;

	if (!b->oom)
		text = b->text != NULL ? b->text : strdup("");
	if (text == NULL)
		free(b->text);
	*b = (struct cfg_buf){0};
	return text;
}
