// Reading and editing a payload as text: see ct_text.h. Called by the helpers of this room and by
// nat's part of them, on the owner's thread; pure but for the text that is edited, which belongs to
// the caller.
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conntrack/ct_text.h"

bool
ct_text_edit(struct ct_text *t, uint32_t off, uint32_t old, const char *s, uint32_t n)
{
	char *at = t->at + t->msg + off;
	uint32_t behind;

	if (off > t->n || old > t->n - off || n > old + (t->room - t->len))
		return false;
	behind = t->len - t->msg - off - old;
	memmove(at + n, at + old, behind);
	memcpy(at, s, n);
	t->len = t->len - old + n;
	t->n = t->n - old + n;
	t->changed = true;
	return true;
}

uint64_t
ct_text_number(const char *at, uint32_t off, uint32_t len, uint32_t *n)
{
	uint64_t value = 0;
	uint32_t i = off;

	for (; i < len && ct_is_digit(at[i]); i++)
		value = value * 10 + (uint64_t)(at[i] - '0');
	if (n != NULL)
		*n = i - off;
	return value;
}

bool
ct_text_is(const char *at, uint32_t off, uint32_t len, const char *word, uint32_t n)
{
	return off <= len && len - off >= n && strncasecmp(at + off, word, n) == 0;
}

static bool
in_addr4(char c)
{
	return ct_is_digit(c) || c == '.';
}

static bool
in_addr6(char c)
{
	return in_addr4(c) || c == ':' || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Four numbers up to 255 with dots between; any number of leading zeros, which inet_pton() refuses.
static uint32_t
addr4(const char *at, uint32_t off, uint32_t len, union pl_addr *addr)
{
	uint8_t byte[4];
	uint32_t i = off;

	for (unsigned k = 0; k < 4; k++) {
		uint32_t digits;
		uint64_t value = ct_text_number(at, i, len, &digits);

		if (digits == 0 || digits > 9 || value > 255)
			return 0;
		byte[k] = (uint8_t)value;
		i += digits;
		if (k < 3 && (i >= len || at[i++] != '.'))
			return 0;
	}
	// Anything that could go on as an address makes it none.
	if (i < len && in_addr6(at[i]) && at[i] != ':')
		return 0;
	memset(addr, 0, sizeof(*addr));
	memcpy(&addr->v4, byte, 4);
	return i - off;
}

uint32_t
ct_text_addr(const char *at, uint32_t off, uint32_t len, uint8_t family, union pl_addr *addr)
{
	char word[INET6_ADDRSTRLEN];
	uint32_t n = 0;

	if (family == 4)
		return addr4(at, off, len, addr);
	while (off + n < len && in_addr6(at[off + n])) {
		if (n == sizeof(word) - 1)
			return 0;
		word[n] = at[off + n];
		n++;
	}
	word[n] = '\0';
	return inet_pton(AF_INET6, word, addr) == 1 ? n : 0;
}

uint32_t
ct_text_addr_put(char out[CT_ADDR_TEXT], uint8_t family, const union pl_addr *addr, bool brackets,
		 uint16_t port)
{
	char word[INET6_ADDRSTRLEN];
	bool around = brackets && family == 6;
	int n;

	if (inet_ntop(family == 4 ? AF_INET : AF_INET6, addr, word, sizeof(word)) == NULL)
		word[0] = '\0'; // cannot be: the family is one of the two and the room is there
	n = snprintf(out, CT_ADDR_TEXT, "%s%s%s", around ? "[" : "", word, around ? "]" : "");
	if (port != 0)
		n += snprintf(out + n, CT_ADDR_TEXT - (size_t)n, ":%u", port);
	return (uint32_t)n;
}
