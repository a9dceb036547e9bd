#pragma once
// The payload of one packet as flat text while a helper reads it, and small readers of it. Bounded:
// nothing reads past the end that it was given. Owner's thread; the bytes are the worker's scratch.
#include <stdbool.h>
#include <stdint.h>

#include "pipeline/pkt.h"

#define CT_TEXT_MAX 65535

struct ct_text {
	char *at;      // the whole payload
	uint32_t len;  // of it
	uint32_t room; // len may grow so far
	uint32_t msg;  // where the message that is being read begins
	uint32_t n;    // bytes of that message
	bool changed;
};

// Replaces `old` bytes at `off` of the message by the n bytes at s. False: it would not fit into a
// packet; nothing was changed then.
bool ct_text_edit(struct ct_text *t, uint32_t off, uint32_t old, const char *s, uint32_t n);

// A place in some text.
struct ct_span {
	uint32_t off, len;
};

// Decimal digits at off. Value modulo 2^64, as far as there are digits; *n: how many (may be NULL).
uint64_t ct_text_number(const char *at, uint32_t off, uint32_t len, uint32_t *n);
// Do the n bytes of word stand at off? Letters of either case.
bool ct_text_is(const char *at, uint32_t off, uint32_t len, const char *word, uint32_t n);
// An address of that family at off, without brackets. How many bytes it takes; 0: none there. What
// ends it is any byte that cannot belong to one.
uint32_t ct_text_addr(const char *at, uint32_t off, uint32_t len, uint8_t family,
		      union pl_addr *addr);
#define CT_ADDR_TEXT 48 // holds an address in brackets, a port and the NUL
// The address as text, "[...]" around it where brackets is set and it is IPv6, ":PORT" behind it
// where port is not 0 (host order). Returns the length.
uint32_t ct_text_addr_put(char out[CT_ADDR_TEXT], uint8_t family, const union pl_addr *addr,
			  bool brackets, uint16_t port);

// <ctype.h>'s functions depend on the locale.
static inline bool
ct_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
ct_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
