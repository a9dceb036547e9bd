// The words that iptables' options take, read and printed.
//
// Called by the extension table (config/ext*.c) and by both readers, on the thread that reads a
// policy. What is accepted here was compared with iptables-legacy 1.8.9: base-prefixed numbers,
// "10/8", masks that are not contiguous, "eth+". Host names are not resolved here: a policy must
// mean the same wherever and whenever it is read.
#include "config/value.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>

bool
cfg_value_u32(const char *s, uint32_t max, uint32_t *out)
{
	unsigned long long v;
	char *end;

	if (!isdigit((unsigned char)*s)) // no sign, no blank, not empty
		return false;
	errno = 0;
	v = strtoull(s, &end, 0);
	if (*end != '\0' || errno != 0 || v > max)
		return false;
	*out = v;
	return true;
}

bool
cfg_value_u64(const char *s, size_t n, uint64_t *out)
{
	uint64_t v = 0;

	if (n == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]) || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, s[i] - '0', &v))
			return false;
	}
	*out = v;
	return true;
}

bool
cfg_value_port(const char *s, const char *proto, uint16_t *out)
{
	struct servent ent, *found = NULL;
	char names[2048];
	uint32_t v;

	if (cfg_value_u32(s, UINT16_MAX, &v)) {
		*out = v;
		return true;
	}
	if (isdigit((unsigned char)*s) || *s == '\0' ||
	    getservbyname_r(s, proto, &ent, names, sizeof(names), &found) != 0 || found == NULL)
		return false;
	*out = ntohs(found->s_port);
	return true;
}

static const struct {
	const char *name;
	uint8_t number;
} protos[] = {
	// What is common first: both look-ups go from the top. The first name of a number is
	// printed.
	{"tcp", 6},
	{"udp", 17},
	{"icmp", 1},
	{"ipv6-icmp", 58},
	{"all", 0},
	{"esp", 50},
	{"ah", 51},
	{"gre", 47},
	{"sctp", 132},
	{"igmp", 2},
	{"ip", 0},
	{"hopopt", 0},
	{"ggp", 3},
	{"ipencap", 4},
	{"st", 5},
	{"egp", 8},
	{"igp", 9},
	{"pup", 12},
	{"hmp", 20},
	{"xns-idp", 22},
	{"rdp", 27},
	{"iso-tp4", 29},
	{"dccp", 33},
	{"xtp", 36},
	{"ddp", 37},
	{"idpr-cmtp", 38},
	{"ipv6", 41},
	{"ipv6-route", 43},
	{"ipv6-frag", 44},
	{"idrp", 45},
	{"rsvp", 46},
	{"skip", 57},
	{"ipv6-nonxt", 59},
	{"ipv6-opts", 60},
	{"rspf", 73},
	{"vmtp", 81},
	{"eigrp", 88},
	{"ospf", 89},
	{"ax.25", 93},
	{"ipip", 94},
	{"etherip", 97},
	{"encap", 98},
	{"pim", 103},
	{"ipcomp", 108},
	{"vrrp", 112},
	{"l2tp", 115},
	{"isis", 124},
	{"fc", 133},
	{"udplite", 136},
	{"manet", 138},
	{"mpls-in-ip", 137},
	{"hip", 139},
	{"shim6", 140},
	{"wesp", 141},
	{"rohc", 142},
	{"ethernet", 143},
	{"mobility-header", 135},
	// Names of iptables itself and aliases in /etc/protocols.
	{"icmpv6", 58},
	{"ipv6-mh", 135},
	{"mh", 135},
};

bool
cfg_value_proto(const char *s, uint16_t *out)
{
	struct protoent ent, *found = NULL;
	char low[32], names[2048];
	size_t n = strlen(s);
	uint32_t v;

	if (cfg_value_u32(s, UINT8_MAX, &v)) {
		*out = v;
		return true;
	}
	if (n == 0 || n >= sizeof(low))
		return false;
	for (size_t i = 0; i <= n; i++)
		low[i] = tolower((unsigned char)s[i]);
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (strcmp(low, protos[i].name) == 0) {
			*out = protos[i].number;
			return true;
		}
	}
	if (getprotobyname_r(low, &ent, names, sizeof(names), &found) != 0 || found == NULL ||
	    found->p_proto > UINT8_MAX)
		return false;
	*out = found->p_proto;
	return true;
}

const char *
cfg_proto_alias(uint16_t proto, size_t i)
{
	for (size_t p = 0; p < sizeof(protos) / sizeof(protos[0]); p++)
		if (protos[p].number == proto && i-- == 0)
			return protos[p].name;
	return NULL;
}

const char *
cfg_proto_name(uint16_t proto)
{
	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++)
		if (protos[i].number == proto)
			return protos[i].name;
	return NULL;
}

// Dotted IPv4 as iptables reads it: parts in any base, missing parts at the end are 0 ("10.1" is a
// network); as a mask it must have all four parts. A number above 255 alone is the whole address.
static bool
dotted(const char *s, bool mask, uint8_t addr[4])
{
	char part[16];
	uint32_t v;
	int i;

	memset(addr, 0, 4);
	if (!mask && strchr(s, '.') == NULL && cfg_value_u32(s, UINT32_MAX, &v) && v > UINT8_MAX) {
		v = htonl(v);
		memcpy(addr, &v, 4);
		return true;
	}
	for (i = 0; i < 4; i++) {
		size_t n = strcspn(s, ".");

		if (n >= sizeof(part))
			return false;
		memcpy(part, s, n);
		part[n] = '\0';
		if (!cfg_value_u32(part, UINT8_MAX, &v))
			return false;
		addr[i] = v;
		s += n;
		if (*s == '\0')
			return !mask || i == 3;
		s++;
	}
	return false; // a fifth part
}

static void
prefix_mask(uint8_t mask[16], unsigned len)
{
	memset(mask, 0, 16);
	memset(mask, 0xff, len / 8);
	if (len % 8 != 0)
		mask[len / 8] = 0xff << (8 - len % 8);
}

static bool
read_mask(const char *s, uint8_t family, uint8_t mask[16])
{
	uint32_t len;

	memset(mask, 0, 16);
	if (family == CFG_IPV4 && dotted(s, true, mask))
		return true;
	if (family == CFG_IPV6 && inet_pton(AF_INET6, s, mask) == 1)
		return true;
	if (!cfg_value_u32(s, family == CFG_IPV4 ? 32 : 128, &len))
		return false;
	prefix_mask(mask, len);
	return true;
}

static bool
is_zero(const uint8_t mask[16])
{
	static const uint8_t zero[16];

	return memcmp(mask, zero, sizeof(zero)) == 0;
}

bool
cfg_value_addr(const char *s, uint8_t families, struct cfg_addr *out, const char **why)
{
	const char *slash = strchr(s, '/');
	size_t n = slash != NULL ? (size_t)(slash - s) : strlen(s);
	struct cfg_addr a = {0};
	char host[64];

	*why = "not an address (host names are resolved by 'ringwall import --resolve' only)";
	if (n == 0 || n >= sizeof(host))
		return false;
	memcpy(host, s, n);
	host[n] = '\0';
	if (inet_pton(AF_INET6, host, a.addr) == 1)
		a.family = CFG_IPV6;
	else if (strchr(host, ':') == NULL && dotted(host, false, a.addr))
		a.family = CFG_IPV4;
	if (families != CFG_BOTH && slash != NULL && !(a.family & families) &&
	    read_mask(slash + 1, families, a.mask) && is_zero(a.mask)) {
		// "any/0": nobody looks at the name.
		*out = (struct cfg_addr){.family = families};
		return true;
	}
	if (a.family == 0)
		return false;
	if (!(a.family & families)) {
		*why = a.family == CFG_IPV4 ? "an IPv4 address where only IPv6 can stand"
					    : "an IPv6 address where only IPv4 can stand";
		return false;
	}
	prefix_mask(a.mask, a.family == CFG_IPV4 ? 32 : 128);
	if (slash != NULL && !read_mask(slash + 1, a.family, a.mask)) {
		*why = "bad mask (expected a prefix length or a mask such as 255.255.255.0)";
		return false;
	}
	for (int i = 0; i < 16; i++)
		a.addr[i] &= a.mask[i];
	*out = a;
	return true;
}

int
cfg_mask_len(const uint8_t mask[16], uint8_t family)
{
	unsigned bits = family == CFG_IPV4 ? 32 : 128, len = 0;
	uint8_t want[16];

	while (len < bits && mask[len / 8] >> (7 - len % 8) & 1)
		len++;
	prefix_mask(want, len);
	return memcmp(want, mask, bits / 8) == 0 ? (int)len : -1;
}

void
cfg_host_print(struct cfg_buf *b, uint8_t family, const uint8_t addr[16])
{
	char text[INET6_ADDRSTRLEN];

	if (inet_ntop(family == CFG_IPV4 ? AF_INET : AF_INET6, addr, text, sizeof(text)) != NULL)
		cfg_buf_add(b, text);
}

void
cfg_addr_print(struct cfg_buf *b, const struct cfg_addr *a)
{
	int len = cfg_mask_len(a->mask, a->family);

	cfg_host_print(b, a->family, a->addr);
	cfg_buf_addc(b, '/');
	if (len >= 0)
		cfg_buf_addf(b, "%d", len);
	else
		cfg_host_print(b, a->family, a->mask);
}

bool
cfg_addr_is_any(const struct cfg_addr *a)
{
	return a->family == 0 || (!a->invert && is_zero(a->mask));
}

bool
cfg_value_host(const char *s, uint8_t families, uint8_t *family, uint8_t addr[16])
{
	uint8_t read[16] = {0};
	uint8_t is = inet_pton(AF_INET, s, read) == 1	 ? CFG_IPV4
		     : inet_pton(AF_INET6, s, read) == 1 ? CFG_IPV6
							 : 0;

	if ((is & families) == 0)
		return false;
	*family = is;
	memcpy(addr, read, 16);
	return true;
}

size_t
cfg_utf8_len(const char *s)
{
	unsigned char c = s[0];
	size_t n = c < 0x80		   ? 1
		   : c >= 0xc2 && c < 0xe0 ? 2
		   : c >= 0xe0 && c < 0xf0 ? 3
		   : c >= 0xf0 && c < 0xf5 ? 4
					   : 0;

	for (size_t i = 1; i < n; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
	if (n == 3 && ((c == 0xe0 && (unsigned char)s[1] < 0xa0) ||
		       (c == 0xed && (unsigned char)s[1] > 0x9f)))
		return 0;
	if (n == 4 && ((c == 0xf0 && (unsigned char)s[1] < 0x90) ||
		       (c == 0xf4 && (unsigned char)s[1] > 0x8f)))
		return 0;
	return n;
}

bool
cfg_value_is_word(const char *s)
{
	if (*s == '\0')
		return false;
	for (size_t n; *s != '\0'; s += n) {
		n = cfg_utf8_len(s);
		if (n == 0 || (unsigned char)*s <= ' ' || *s == 0x7f || *s == '"')
			return false;
	}
	return true;
}

bool
cfg_value_iface(const char *s, struct cfg_iface *out, const char **why)
{
	size_t n = strlen(s);

	*why = NULL;
	if (n == 0)
		*why = "an interface name must not be empty";
	else if (n >= CFG_IFNAMSIZ)
		*why = "an interface name has at most 15 characters";
	else if (*s == '!')
		*why = "an interface name does not begin with '!'";
	else if (strchr(s, '/') != NULL || !cfg_value_is_word(s))
		*why = "an interface name is UTF-8 without '/', '\"', blanks and control "
		       "characters";
	if (*why != NULL)
		return false;
	*out = (struct cfg_iface){.wildcard = s[n - 1] == '+'};
	memcpy(out->name, s, out->wildcard ? n - 1 : n);
	return true;
}

void
cfg_iface_print(struct cfg_buf *b, const struct cfg_iface *i)
{
	cfg_buf_add(b, i->name);
	if (i->wildcard)
		cfg_buf_addc(b, '+');
}

const char *
cfg_chain_name_bad(const char *name)
{
	if (*name == '\0')
		return "a chain's name must not be empty";
	if (strlen(name) >= CFG_CHAIN_MAX)
		return "a chain's name has at most 28 characters";
	if (*name == '-' || *name == '!')
		return "a chain's name must not begin with '-' or '!'";
	if (!cfg_value_is_word(name))
		return "a chain's name is UTF-8 without blanks, control characters and '\"'";
	return NULL;
}

bool
cfg_value_next(const char **s, char *word, size_t size)
{
	size_t n = strcspn(*s, ",");

	if (n >= size)
		return false;
	memcpy(word, *s, n);
	word[n] = '\0';
	*s = (*s)[n] == ',' ? *s + n + 1 : NULL;
	return true;
}
