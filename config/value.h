#pragma once
// The words that iptables' options take, read and printed: numbers, ports, protocols, addresses,
// interfaces. Readers give false for what iptables 1.8.9 does not accept. Private to config/.
#include "config/buf.h"
#include "config/policy.h"

// A whole number up to max as iptables reads it: decimal, 0x hexadecimal, leading 0 octal.
bool cfg_value_u32(const char *s, uint32_t max, uint32_t *out);
// A counter: decimal only, the whole string of n bytes.
bool cfg_value_u64(const char *s, size_t n, uint64_t *out);
// A port number, or a service's name (in /etc/services) for a protocol ("tcp"; NULL: any).
bool cfg_value_port(const char *s, const char *proto, uint16_t *out);
// A protocol's number or name in any case; "all" is 0.
bool cfg_value_proto(const char *s, uint16_t *out);
// The type and code that a name means (without any code: 0), or "TYPE/CODE", of ICMP or ICMPv6
// (family); names may be shortened while only one begins like that. And the name, NULL: none.
// (ext_icmp.c)
bool cfg_value_icmp(const char *s, uint8_t family, uint8_t *type, uint8_t *code);
const char *cfg_icmp_name(uint8_t family, uint8_t type, uint8_t code);
// The name that iptables-save prints, NULL for a protocol without one. /etc/protocols of Debian 12
// is built in, so that the text does not depend on the machine.
const char *cfg_proto_name(uint16_t proto);
// All names of it that are built in, one after the other; NULL past the last.
const char *cfg_proto_alias(uint16_t proto, size_t i);

// ADDRESS[/LENGTH | /MASK] of one of the families in `families` (the text says which). Clears host
// bits. On false *why says what is wrong: one of a few constant sentences.
bool cfg_value_addr(const char *s, uint8_t families, struct cfg_addr *out, const char **why);
void cfg_addr_print(struct cfg_buf *b, const struct cfg_addr *a); // without the '!'
bool cfg_addr_is_any(const struct cfg_addr *a); // matches every address of its family, not inverted

// The prefix length of a contiguous mask of an address of one family, else -1.
int cfg_mask_len(const uint8_t mask[16], uint8_t family);

// A bare host address as NAT targets take it.
bool cfg_value_host(const char *s, uint8_t families, uint8_t *family, uint8_t addr[16]);
void cfg_host_print(struct cfg_buf *b, uint8_t family, const uint8_t addr[16]);

bool cfg_value_iface(const char *s, struct cfg_iface *out, const char **why);
void cfg_iface_print(struct cfg_buf *b, const struct cfg_iface *i);

// A chain's name may be this (NULL), or why not.
const char *cfg_chain_name_bad(const char *name);

// UTF-8 that can stand as one word in iptables-save text: not empty, no blanks, control characters
// or '"'.
bool cfg_value_is_word(const char *s);

// Length of the UTF-8 character at s; 0: not UTF-8.
size_t cfg_utf8_len(const char *s);

// The first comma-separated part of *s, copied to word (size bytes); *s moves behind it, NULL after
// the last. False: the part does not fit.
bool cfg_value_next(const char **s, char *word, size_t size);
