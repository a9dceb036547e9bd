// Entries of sets as ipset writes them: "192.0.2.1,tcp:80 timeout 60", and what a range in one
// stands for. Each part of an entry is read into a span first; then every combination of the
// spans is one entry.
//
// Called by the readers of this room and, for commands and listings, by control/, on their thread.
// Which forms there are was tried with ipset 7.17; names of hosts are not looked up.
#include "config/policy.h"
#include "config/set_in.h"
#include "config/value.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 3

struct span {
	enum cfg_set_dim dim;
	uint32_t lo, hi;  // addresses in IPv4, ports; the only one is lo == hi
	uint8_t addr[16]; // IPv6, a single one
	uint8_t len;	  // of the prefix
	bool split;	  // a range, to be covered by networks
	uint8_t proto;
	const char *text; // interface, set
	uint8_t mac[6];
	bool wildcard;
};

struct entry_in {
	const struct cfg_set *set;
	const struct cfg_set_type *type;
	struct cfg_pos pos;
	struct cfg_err *err;
	struct span span[PARTS];
	struct cfg_set_entry entry; // its options
	char comment[CFG_SET_COMMENT];
	bool (*put)(void *arg, const struct cfg_set_entry *entry);
	void *arg;
	uint64_t left; // entries that may still come
};

static bool
fail(struct entry_in *in, const char *why, const char *text)
{
	cfg_err_add(in->err, in->pos, "set '%s': %s%s%s%s", in->set->name, why,
		    text != NULL ? ": \"" : "", text != NULL ? text : "", text != NULL ? "\"" : "");
	return false;
}

static uint32_t
load(const uint8_t a[16])
{
	return (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];
}

static void
store(uint8_t a[16], uint32_t v)
{
	a[0] = (uint8_t)(v >> 24);
	a[1] = (uint8_t)(v >> 16);
	a[2] = (uint8_t)(v >> 8);
	a[3] = (uint8_t)v;
}

static uint32_t
mask4(unsigned len)
{
	return len == 0 ? 0 : ~UINT32_C(0) << (32 - len);
}

// Clears what is behind the prefix.
static void
cut(uint8_t a[16], unsigned len, unsigned bits)
{
	for (unsigned i = 0; i < bits / 8; i++)
		a[i] &= len >= 8 * (i + 1) ? 255
			: len <= 8 * i	   ? 0
					   : (uint8_t)(255 << (8 * (i + 1) - len));
}

// ADDRESS or ADDRESS/LENGTH of the set's family; len is the whole address where none was said.
static bool
address(struct entry_in *in, const char *text, uint8_t addr[16], uint32_t *len)
{
	uint32_t bits = in->set->family == CFG_IPV6 ? 128 : 32;
	const char *slash = strchr(text, '/');
	uint8_t family;
	char word[64];

	snprintf(word, sizeof(word), "%.*s", slash != NULL ? (int)(slash - text) : 63, text);
	if (!cfg_value_host(word, in->set->family, &family, addr))
		return fail(in, bits == 32 ? "not an IPv4 address" : "not an IPv6 address", word);
	*len = bits;
	if (slash != NULL && !cfg_value_u32(slash + 1, bits, len))
		return fail(in, "bad prefix length", text);
	return true;
}

static bool
addresses(struct entry_in *in, struct span *s, const char *text, bool first)
{
	bool net = s->dim == CFG_SD_NET, six = in->set->family == CFG_IPV6;
	const char *dash = strchr(text, '-');
	uint32_t len = 0, len2;
	uint8_t addr[16];
	char from[64];

	snprintf(from, sizeof(from), "%.*s", dash != NULL ? (int)(dash - text) : 63, text);
	if (!address(in, from, addr, &len))
		return false;
	// A host stands alone in IPv6, and where it is the second address.
	if ((!net && (six || !first) && (dash != NULL || len != (six ? 128 : 32))) ||
	    (six && dash != NULL))
		return fail(in, "a plain address must be given", text);
	s->len = (uint8_t)len;
	if (six) {
		cut(addr, len, 128);
		memcpy(s->addr, addr, 16);
	} else {
		s->lo = load(addr) & mask4(len);
		s->hi = load(addr) | ~mask4(len);
	}
	if (dash != NULL) {
		if (len != 32 || !address(in, dash + 1, addr, &len2) || len2 != 32)
			return fail(in, "bad range", text);
		s->hi = load(addr);
		s->split = true;
		if (s->lo > s->hi) {
			len = s->lo;
			s->lo = s->hi;
			s->hi = len;
		}
	}
	if (net && len == 0 && !in->type->zero)
		return fail(in, "a prefix of length 0 cannot be stored", text);
	return true;
}

// [PROTOCOL:]PORT[-PORT], icmp:TYPE, or PROTOCOL:0 of a protocol without ports.
static bool
ports(struct entry_in *in, struct span *s, const char *text)
{
	const char *colon = strchr(text, ':'), *dash, *name;
	uint8_t type, code;
	uint16_t proto = IPPROTO_TCP, lo, hi;
	char word[64];

	s->proto = IPPROTO_TCP;
	if (colon != NULL) {
		snprintf(word, sizeof(word), "%.*s", (int)(colon - text), text);
		if (!cfg_value_proto(word, &proto) || proto == 0)
			return fail(in, "unknown protocol", word);
		text = colon + 1;
	}
	s->proto = (uint8_t)proto;
	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
		uint8_t family = proto == IPPROTO_ICMP ? CFG_IPV4 : CFG_IPV6;

		if (in->type->n_addr > 0 && family != in->set->family)
			return fail(in, "of the other family", word);
		if (!cfg_value_icmp(text, family, &type, &code))
			return fail(in, "unknown type of ICMP", text);
		s->lo = s->hi = (uint32_t)type << 8 | code;
		return true;
	}
	name = proto == IPPROTO_TCP	  ? "tcp"
	       : proto == IPPROTO_UDP	  ? "udp"
	       : proto == IPPROTO_SCTP	  ? "sctp"
	       : proto == IPPROTO_UDPLITE ? "udplite"
					  : NULL;
	if (name == NULL) {
		s->lo = s->hi = 0;
		return strcmp(text, "0") == 0 || fail(in, "the protocol has no ports but 0", word);
	}
	dash = strchr(text, '-');
	if (dash != NULL && !cfg_value_port(text, name, &lo)) { // names may have a dash
		snprintf(word, sizeof(word), "%.*s", (int)(dash - text), text);
		if (!cfg_value_port(word, name, &lo) || !cfg_value_port(dash + 1, name, &hi))
			return fail(in, "bad port", text);
	} else if (cfg_value_port(text, name, &lo)) {
		hi = lo;
	} else {
		return fail(in, "bad port", text);
	}
	s->lo = lo < hi ? lo : hi;
	s->hi = lo < hi ? hi : lo;
	if (in->set->type == CFG_SET_BITMAP_PORT)
		s->proto = 0; // any that has ports
	return true;
}

static bool
mac(struct entry_in *in, struct span *s, const char *text)
{
	unsigned b[6];
	char rest;
	bool any = false;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &rest) != 6)
		return fail(in, "bad MAC address", text);
	for (unsigned i = 0; i < 6; i++) {
		s->mac[i] = (uint8_t)b[i];
		any |= b[i] != 0;
	}
	return any || fail(in, "zero cannot be stored in a hash", text);
}

static bool
part(struct entry_in *in, struct span *s, const char *text, bool first)
{
	switch (s->dim) {
	case CFG_SD_IP:
	case CFG_SD_NET:
		return addresses(in, s, text, first);
	case CFG_SD_PORT:
		return ports(in, s, text);
	case CFG_SD_MARK:
		if (!cfg_value_u32(text, UINT32_MAX, &s->lo))
			return fail(in, "bad mark", text);
		s->lo &= in->set->markmask;
		s->hi = s->lo;
		return true;
	case CFG_SD_MAC:
		return mac(in, s, text);
	case CFG_SD_IFACE:
		if (strncmp(text, "physdev:", 8) == 0)
			return fail(in, "no packet comes over a bridge here", text);
		if (*text == '\0' || strlen(text) > 15)
			return fail(in, "bad name of an interface (1 to 15 characters)", text);
		s->text = text;
		return true;
	default:
		if (*text == '\0' || strlen(text) >= CFG_SET_NAME)
			return fail(in, "bad name of a set", text);
		s->text = text;
		return true;
	}
}

// Splits the element at its commas.
static bool
element_words(struct entry_in *in, char *text)
{
	char *at = text;

	for (unsigned i = 0; i < in->type->n_dim; i++) {
		char *comma = at != NULL ? strchr(at, ',') : NULL;

		if (at == NULL)
			return fail(in, "a part of the entry is missing", text);
		if (comma != NULL)
			*comma++ = '\0';
		in->span[i].dim = in->type->dim[i];
		if (!part(in, &in->span[i], at, i == 0))
			return false;
		at = comma;
	}
	return at == NULL || fail(in, "more parts than an entry of this type has", at);
}

static bool
options(struct entry_in *in, char *const *word, int n)
{
	struct cfg_set_entry *e = &in->entry;
	const struct cfg_set *set = in->set;

	for (int i = 0; i < n; i++) {
		const char *name = word[i], *value = i + 1 < n ? word[i + 1] : "";
		uint32_t v;

		if (strcmp(name, "nomatch") == 0 && in->type->nomatch) {
			e->nomatch = true;
		} else if (strcmp(name, "wildcard") == 0 && set->type == CFG_SET_HASH_NET_IFACE) {
			e->key.wildcard = 1;
		} else if (strcmp(name, "timeout") == 0) {
			if (!set->timeout_set)
				return fail(in, "timeout cannot be used: the set has none", NULL);
			if (!cfg_value_u32(value, CFG_SET_TIMEOUT_MAX, &v))
				return fail(in, "timeout is out of range 0-2147483", value);
			e->timeout_set = true;
			e->timeout = v;
			i++;
		} else if (strcmp(name, "packets") == 0 || strcmp(name, "bytes") == 0) {
			if (!set->counters)
				return fail(in, "counters cannot be used: the set has none", NULL);
			if (!cfg_value_u64(value, strlen(value),
					   *name == 'p' ? &e->packets : &e->bytes))
				return fail(in, "bad counter", value);
			e->counters_set = true;
			i++;
		} else if (strcmp(name, "comment") == 0) {
			if (!set->comment)
				return fail(in, "comment cannot be used: the set has none", NULL);
			if (i + 1 == n || strlen(value) >= sizeof(in->comment) ||
			    strchr(value, '"') != NULL)
				return fail(in, "bad comment (at most 255 bytes, no '\"')", value);
			strcpy(in->comment, value);
			e->comment = in->comment;
			i++;
		} else if (strcmp(name, "before") == 0 || strcmp(name, "after") == 0) {
			return fail(in,
				    "entries of a list stand in the order in which they are "
				    "added; cannot be used here",
				    name);
		} else if (strncmp(name, "skb", 3) == 0) {
			return fail(in, "nothing is mapped by sets here", name);
		} else {
			return fail(in, "unknown argument", name);
		}
	}
	return true;
}

// The first network of what is left from lo on: the largest that begins there and fits.
static uint8_t
network(uint32_t lo, uint32_t hi)
{
	uint8_t len = 32;

	while (len > 1 && (lo & ~mask4(len - 1u)) == 0 && (lo | ~mask4(len - 1u)) <= hi)
		len--;
	return len;
}

static bool put_from(struct entry_in *in, unsigned dim, unsigned n_addr);

static bool
put_addr(struct entry_in *in, unsigned dim, unsigned n_addr)
{
	struct cfg_set_key *k = &in->entry.key;
	uint8_t *addr = n_addr == 0 ? k->addr : k->addr2;
	const struct span *s = &in->span[dim];
	bool net = s->dim == CFG_SD_NET;
	uint8_t netmask = in->set->netmask != 0 ? in->set->netmask : 32;

	if (in->set->family == CFG_IPV6) {
		memcpy(addr, s->addr, 16);
		k->len[n_addr] = net ? s->len : 128;
		if (!net && in->set->netmask != 0)
			cut(addr, in->set->netmask, 128);
		return put_from(in, dim + 1, n_addr + 1);
	}
	for (uint64_t v = s->lo; v <= s->hi;) {
		uint8_t len = !net ? 32 : s->split ? network((uint32_t)v, s->hi) : s->len;
		uint32_t at = (uint32_t)v;

		if (!net)
			at &= mask4(netmask);
		store(addr, at);
		k->len[n_addr] = len;
		if (!put_from(in, dim + 1, n_addr + 1))
			return false;
		v = net ? v + (UINT64_C(1) << (32 - len)) : at + (UINT64_C(1) << (32 - netmask));
	}
	return true;
}

static bool
put_ports(struct entry_in *in, unsigned dim, unsigned n_addr)
{
	const struct span *s = &in->span[dim];

	in->entry.key.proto = s->proto;
	for (uint32_t p = s->lo; p <= s->hi; p++) {
		in->entry.key.port = (uint16_t)p;
		if (!put_from(in, dim + 1, n_addr))
			return false;
	}
	return true;
}

static bool
put_one(struct entry_in *in)
{
	static const uint8_t zero[16];
	const struct cfg_set_key *k = &in->entry.key;
	const struct cfg_set *set = in->set;

	if (in->type->dim[0] == CFG_SD_IP && !in->type->range && memcmp(k->addr, zero, 16) == 0)
		return fail(in, "zero cannot be stored in a hash", NULL);
	if (in->type->range) {
		uint32_t v = set->type == CFG_SET_BITMAP_PORT ? k->port : load(k->addr);
		uint32_t lo = set->netmask != 0 ? set->lo & mask4(set->netmask) : set->lo;

		if (v < lo || v > set->hi)
			return fail(in, "the element is out of the range of the set", NULL);
	}
	if (in->left-- == 0)
		return fail(in, "the range has more elements than the set has room for", NULL);
	return in->put(in->arg, &in->entry);
}

// Goes through the spans from dim on.
static bool
put_from(struct entry_in *in, unsigned dim, unsigned n_addr)
{
	struct cfg_set_key *k = &in->entry.key;
	const struct span *s = &in->span[dim];

	if (dim == in->type->n_dim)
		return put_one(in);
	switch (s->dim) {
	case CFG_SD_IP:
	case CFG_SD_NET:
		return put_addr(in, dim, n_addr);
	case CFG_SD_PORT:
		return put_ports(in, dim, n_addr);
	case CFG_SD_MARK:
		k->mark = s->lo;
		break;
	case CFG_SD_MAC:
		memcpy(k->mac, s->mac, sizeof(k->mac));
		break;
	case CFG_SD_IFACE:
		strcpy(k->iface, s->text);
		break;
	default:
		strcpy(k->set, s->text);
		break;
	}
	return put_from(in, dim + 1, n_addr);
}

bool
set_entry_words(const struct cfg_set *set, char *const *word, int n,
		bool (*put)(void *arg, const struct cfg_set_entry *entry), void *arg,
		struct cfg_pos pos, struct cfg_err *err)
{
	struct entry_in in = {.set = set,
			      .type = &cfg_set_type[set->type],
			      .pos = pos,
			      .err = err,
			      .put = put,
			      .arg = arg,
			      .left = set->maxelem};

	if (n == 0)
		return fail(&in, "an entry is missing", NULL);
	return element_words(&in, word[0]) && options(&in, word + 1, n - 1) && put_from(&in, 0, 0);
}

static void
addr_print(struct cfg_buf *b, const struct cfg_set *set, const uint8_t addr[16], bool net,
	   uint8_t len)
{
	uint8_t family = set->family == CFG_IPV6 ? CFG_IPV6 : CFG_IPV4;

	cfg_host_print(b, family, addr);
	if (net && len != (family == CFG_IPV6 ? 128 : 32))
		cfg_buf_addf(b, "/%u", len);
}

static void
port_print(struct cfg_buf *b, const struct cfg_set *set, const struct cfg_set_key *k)
{
	const char *proto = cfg_proto_name(k->proto), *name = NULL;

	if (set->type == CFG_SET_BITMAP_PORT) {
		cfg_buf_addf(b, "%u", k->port);
		return;
	}
	if (proto != NULL)
		cfg_buf_addf(b, "%s:", proto);
	else
		cfg_buf_addf(b, "%u:", k->proto);
	if (k->proto != IPPROTO_ICMP && k->proto != IPPROTO_ICMPV6) {
		cfg_buf_addf(b, "%u", k->port);
		return;
	}
	name = cfg_icmp_name(k->proto == IPPROTO_ICMP ? CFG_IPV4 : CFG_IPV6,
			     (uint8_t)(k->port >> 8), (uint8_t)k->port);
	if (name != NULL)
		cfg_buf_add(b, name);
	else
		cfg_buf_addf(b, "%u/%u", k->port >> 8, k->port & 255);
}

static void
element_print(struct cfg_buf *b, const struct cfg_set *set, const struct cfg_set_key *k)
{
	const struct cfg_set_type *t = &cfg_set_type[set->type];
	unsigned n_addr = 0;

	for (unsigned i = 0; i < t->n_dim; i++) {
		cfg_buf_add(b, i > 0 ? "," : "");
		switch (t->dim[i]) {
		case CFG_SD_IP:
		case CFG_SD_NET:
			addr_print(b, set, n_addr == 0 ? k->addr : k->addr2,
				   t->dim[i] == CFG_SD_NET, k->len[n_addr]);
			n_addr++;
			break;
		case CFG_SD_PORT:
			port_print(b, set, k);
			break;
		case CFG_SD_MARK:
			cfg_buf_addf(b, "0x%08x", k->mark);
			break;
		case CFG_SD_MAC:
			cfg_buf_addf(b, "%02X:%02X:%02X:%02X:%02X:%02X", k->mac[0], k->mac[1],
				     k->mac[2], k->mac[3], k->mac[4], k->mac[5]);
			break;
		case CFG_SD_IFACE:
			cfg_buf_add(b, k->iface);
			break;
		default:
			cfg_buf_add(b, k->set);
			break;
		}
	}
}

void
set_entry_print(struct cfg_buf *b, const struct cfg_set *set, const struct cfg_set_entry *e,
		bool element)
{
	element_print(b, set, &e->key);
	if (!element && set->timeout_set && (e->timeout_set || set->timeout != 0))
		cfg_buf_addf(b, " timeout %u", e->timeout_set ? e->timeout : set->timeout);
	cfg_buf_add(b, e->nomatch ? " nomatch" : "");
	cfg_buf_add(b, e->key.wildcard ? " wildcard" : "");
	if (element)
		return;
	if (set->counters)
		cfg_buf_addf(b, " packets %" PRIu64 " bytes %" PRIu64, e->packets, e->bytes);
	if (e->comment != NULL)
		cfg_buf_addf(b, " comment \"%s\"", e->comment);
}
