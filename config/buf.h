#pragma once
// Text that grows: what the writers of this room print into. Private to config/.
#include <stdbool.h>
#include <stddef.h>

struct cfg_buf {
	char *text; // NUL-terminated once anything was added
	size_t len, cap;
	bool oom; // something did not fit: the text is not complete
};

void cfg_buf_addn(struct cfg_buf *b, const char *s, size_t n);
void cfg_buf_add(struct cfg_buf *b, const char *s);
void cfg_buf_addc(struct cfg_buf *b, char c);
void cfg_buf_addf(struct cfg_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void cfg_buf_reset(struct cfg_buf *b); // empty, the memory stays
void cfg_buf_free(struct cfg_buf *b);
// The text, now the caller's ("" where nothing was added); NULL when out of memory.
char *cfg_buf_take(struct cfg_buf *b);
