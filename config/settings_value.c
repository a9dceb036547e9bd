// The readers of single values of ringwall.conf: text, numbers, addresses. Each checks the type and
// the limits that its row in settings.c states, and says what it found and what it expected. Called
// by settings.c only; what they allocate belongs to the cfg_settings.
#include "config/settings_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "config/policy.h"

static void *
at(void *base, size_t offset)
{
	return (char *)base + offset;
}

static void
bad_kind(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
	 const char *expected)
{
	cfg_err_add(r->err, cfg_setting_pos(s), "'%s' is %s: expected %s", key->name,
		    cfg_setting_kind(s), expected);
}

// The string value, or NULL after an error. Nothing that a path, a device or a name can hold has
// control bytes.
const char *
cfg_setting_text(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		 const char *expected)
{
	const char *text;

	if (config_setting_type(s) != CONFIG_TYPE_STRING) {
		bad_kind(r, s, key, expected);
		return NULL;
	}
	text = config_setting_get_string(s);
	if (text == NULL || *text == '\0') {
		cfg_err_add(r->err, cfg_setting_pos(s), "'%s' is empty: expected %s", key->name,
			    expected);
		return NULL;
	}
	for (const char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f) {
			cfg_err_add(r->err, cfg_setting_pos(s),
				    "'%s' holds a control character: expected %s", key->name,
				    expected);
			return NULL;
		}
	}
	return text;
}

static void
keep(struct cfg_reader *r, const char *text, char **field)
{
	*field = text != NULL ? strdup(text) : NULL;
	r->no_mem |= *field == NULL;
}

void
cfg_read_string(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		void *base)
{
	const char *text = cfg_setting_text(r, s, key, "a string");

	if (text == NULL)
		return;
	if (strlen(text) > key->max)
		cfg_err_add(r->err, cfg_setting_pos(s), "'%s' has %zu bytes: expected at most %u",
			    key->name, strlen(text), key->max);
	else
		keep(r, text, at(base, key->offset));
}

void
cfg_read_poll(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
	      void *base)
{
	const char *text = cfg_setting_text(r, s, key, "\"busy\" or \"adaptive\"");
	enum cfg_poll *poll = at(base, key->offset);

	if (text == NULL)
		return;
	if (strcmp(text, "busy") == 0)
		*poll = CFG_POLL_BUSY;
	else if (strcmp(text, "adaptive") == 0)
		*poll = CFG_POLL_ADAPTIVE;
	else
		cfg_err_add(r->err, cfg_setting_pos(s),
			    "'%s' is \"%s\": expected \"busy\" or \"adaptive\"", key->name, text);
}

char *
cfg_setting_path(struct cfg_reader *r, const char *text)
{
	char *path = NULL;

	if (text[0] == '/')
		path = strdup(text);
	else if (asprintf(&path, "%s/%s", strcmp(r->dir, "/") == 0 ? "" : r->dir, text) < 0)
		path = NULL;
	r->no_mem |= path == NULL;
	return path;
}

void
cfg_read_path(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
	      void *base)
{
	const char *text = cfg_setting_text(r, s, key, "the path of a file");

	if (text != NULL)
		*(char **)at(base, key->offset) = cfg_setting_path(r, text);
}

void
cfg_read_socket(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		void *base)
{
	const char *text = cfg_setting_text(r, s, key, "the path of a socket");
	const size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
	char *path = text != NULL ? cfg_setting_path(r, text) : NULL;

	if (path == NULL)
		return;
	if (strlen(path) > max) {
		cfg_err_add(r->err, cfg_setting_pos(s),
			    "'%s' is %s, %zu bytes: expected at most %zu, more do not fit a "
			    "socket's address",
			    key->name, path, strlen(path), max);
		free(path);
		return;
	}
	*(char **)at(base, key->offset) = path;
}

// A port's or a twin's name: what Linux takes as an interface name, less the characters that mean
// something to iptables (+ !), to `ringwall replay` (= :) or to a shell.
void
cfg_read_name(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
	      void *base)
{
	const char *text = cfg_setting_text(r, s, key, "a name");
	struct cfg_pos pos = cfg_setting_pos(s);

	if (text == NULL)
		return;
	if (strlen(text) >= CFG_IFNAMSIZ) {
		cfg_err_add(r->err, pos, "'%s' is \"%s\", %zu bytes: expected at most %d",
			    key->name, text, strlen(text), CFG_IFNAMSIZ - 1);
		return;
	}
	for (const char *c = text; *c != '\0'; c++) {
		bool alnum = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			     (*c >= '0' && *c <= '9');

		if (alnum || (strchr("._-@", *c) != NULL && c > text) || *c == '_')
			continue;
		cfg_err_add(r->err, pos,
			    "'%s' is \"%s\": expected letters, digits, '.', '_', '-' or '@', the "
			    "first one a letter, "
			    "a digit or '_'",
			    key->name, text);
		return;
	}
	if (strcmp(text, "lo") == 0 || strcmp(text, "all") == 0 || strcmp(text, "default") == 0) {
		cfg_err_add(r->err, pos,
			    "'%s' is \"%s\", which Linux keeps for itself: expected another name",
			    key->name, text);
		return;
	}
	keep(r, text, at(base, key->offset));
}

void
cfg_read_bool(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
	      void *base)
{
	if (config_setting_type(s) == CONFIG_TYPE_BOOL)
		*(bool *)at(base, key->offset) = config_setting_get_bool(s) == CONFIG_TRUE;
	else
		bad_kind(r, s, key, "true or false");
}

// A whole number inside the row's limits. Hexadecimal is refused: libconfig cuts it to 32 bits
// unseen.
static bool
number_of(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key, uint32_t min,
	  uint32_t max, uint32_t *out)
{
	long long value;

	if (config_setting_type(s) != CONFIG_TYPE_INT &&
	    config_setting_type(s) != CONFIG_TYPE_INT64) {
		cfg_err_add(r->err, cfg_setting_pos(s),
			    "'%s' is %s: expected a whole number from %u to %u", key->name,
			    cfg_setting_kind(s), min, max);
		return false;
	}
	value = config_setting_get_int64(s);
	if (config_setting_get_format(s) == CONFIG_FORMAT_HEX) {
		cfg_err_add(r->err, cfg_setting_pos(s),
			    "'%s' is hexadecimal: expected a decimal number from %u to %u",
			    key->name, min, max);
		return false;
	}
	if (value < min || value > max) {
		cfg_err_add(r->err, cfg_setting_pos(s),
			    "'%s' is %lld: expected a whole number from %u to %u", key->name, value,
			    min, max);
		return false;
	}
	*out = (uint32_t)value;
	return true;
}

void
cfg_read_u32(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key, void *base)
{
	number_of(r, s, key, key->min, key->max, at(base, key->offset));
}

void
cfg_read_mac(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key, void *base)
{
	const char *text =
		cfg_setting_text(r, s, key, "a MAC address such as \"02:00:00:00:00:01\"");
	uint8_t *mac = at(base, key->offset);
	unsigned b[6];
	int end = 0;

	if (text == NULL)
		return;
	if (strlen(text) != 17 || strspn(text, "0123456789abcdefABCDEF:") != 17 ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5],
		   &end) != 6 ||
	    end != 17) {
		cfg_err_add(r->err, cfg_setting_pos(s),
			    "'%s' is \"%s\": expected a MAC address such as \"02:00:00:00:00:01\"",
			    key->name, text);
		return;
	}
	if ((b[0] & 1) != 0 || (b[0] | b[1] | b[2] | b[3] | b[4] | b[5]) == 0) {
		cfg_err_add(r->err, cfg_setting_pos(s),
			    "'%s' is \"%s\": expected the address of one station", key->name, text);
		return;
	}
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)b[i];
	if (key->n_offset != 0)
		*(bool *)at(base, key->n_offset) = true;
}

// An array or list of at most key->max elements, zeroed storage for them in *out. Returns how many;
// 0 also after an error.
static int
elements_of(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key, size_t size,
	    const char *expected, void **out)
{
	int n;

	if (!config_setting_is_array(s) && !config_setting_is_list(s)) {
		bad_kind(r, s, key, expected);
		return 0;
	}
	n = config_setting_length(s);
	if (n > (int)key->max) {
		cfg_err_add(r->err, cfg_setting_pos(s), "'%s' has %d elements: expected at most %u",
			    key->name, n, key->max);
		return 0;
	}
	if (n == 0)
		return 0;
	*out = calloc((size_t)n, size);
	r->no_mem |= *out == NULL;
	return *out != NULL ? n : 0;
}

void
cfg_read_strings(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		 void *base)
{
	char **list = NULL;
	size_t *count = at(base, key->n_offset);
	int n = elements_of(r, s, key, sizeof(*list), "an array of strings", (void **)&list);

	for (int i = 0; i < n; i++) {
		const char *text = cfg_setting_text(r, config_setting_get_elem(s, (unsigned)i), key,
						    "a string");

		if (text != NULL)
			keep(r, text, &list[*count]);
		*count += text != NULL && list[*count] != NULL;
	}
	*(char ***)at(base, key->offset) = list;
}

void
cfg_read_lcores(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		void *base)
{
	unsigned *list = NULL;
	size_t *count = at(base, key->n_offset);
	int n = elements_of(r, s, key, sizeof(*list), "an array of lcore numbers", (void **)&list);

	for (int i = 0; i < n; i++) {
		const config_setting_t *m = config_setting_get_elem(s, (unsigned)i);
		bool twice = false;
		uint32_t lcore;

		if (!number_of(r, m, key, 0, 1023, &lcore))
			continue;
		for (size_t j = 0; j < *count; j++)
			twice |= list[j] == lcore;
		if (twice)
			cfg_err_add(r->err, cfg_setting_pos(m), "lcore %u stands twice in '%s'",
				    lcore, key->name);
		else
			list[(*count)++] = lcore;
	}
	*(unsigned **)at(base, key->offset) = list;
}

// ADDRESS or ADDRESS/LENGTH to p. want_len: the length must be there (else it must not).
static bool
parse_prefix(const char *text, bool want_len, struct cfg_prefix *p)
{
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char addr[INET6_ADDRSTRLEN];
	char *end = NULL;
	unsigned long bits;

	if ((slash != NULL) != want_len || len >= sizeof(addr))
		return false;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (inet_pton(AF_INET, addr, p->addr) == 1)
		p->family = CFG_IPV4;
	else if (inet_pton(AF_INET6, addr, p->addr) == 1)
		p->family = CFG_IPV6;
	else
		return false;
	p->len = p->family == CFG_IPV4 ? 32 : 128;
	if (!want_len)
		return true;
	if (slash[1] < '0' || slash[1] > '9' || strlen(slash + 1) > 3)
		return false;
	bits = strtoul(slash + 1, &end, 10);
	if (*end != '\0' || bits > p->len)
		return false;
	p->len = (uint8_t)bits;
	return true;
}

// Bits of the address past the prefix: 0 none set, 1 some, 2 all.
static int
host_bits(const struct cfg_prefix *p)
{
	unsigned width = p->family == CFG_IPV4 ? 32 : 128, set = 0;

	for (unsigned i = p->len; i < width; i++)
		set += p->addr[i / 8] >> (7 - i % 8) & 1;
	return set == 0 ? 0 : set == width - p->len ? 2 : 1;
}

// Why no station can have this address, or NULL.
static const char *
not_unicast(const struct cfg_prefix *p)
{
	static const uint8_t zero[16], mapped[12] = {[10] = 0xff, [11] = 0xff},
				       loop6[16] = {[15] = 1};

	if (p->family == CFG_IPV4) {
		if (p->addr[0] == 0)
			return "lies in 0.0.0.0/8";
		if (p->addr[0] == 127)
			return "is a loopback address";
		if (p->addr[0] >= 240)
			return "lies in 240.0.0.0/4";
		return p->addr[0] >= 224 ? "is a multicast address" : NULL;
	}
	if (memcmp(p->addr, zero, 16) == 0)
		return "is the unspecified address";
	if (memcmp(p->addr, loop6, 16) == 0)
		return "is the loopback address";
	if (memcmp(p->addr, mapped, 12) == 0)
		return "is an IPv4 address inside an IPv6 one";
	return p->addr[0] == 0xff ? "is a multicast address" : NULL;
}

static bool
ifaddr_of(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
	  struct cfg_prefix *p)
{
	static const char expected[] =
		"an address with its prefix length such as \"192.168.1.1/24\"";
	const char *text = cfg_setting_text(r, s, key, expected), *why;

	if (text == NULL)
		return false;
	p->pos = cfg_setting_pos(s);
	if (!parse_prefix(text, true, p) || p->len == 0) {
		cfg_err_add(r->err, p->pos, "'%s' holds \"%s\": expected %s", key->name, text,
			    expected);
		return false;
	}
	why = not_unicast(p);
	if (why == NULL && p->family == CFG_IPV4 && p->len < 31)
		why = host_bits(p) == 0	  ? "is the network itself"
		      : host_bits(p) == 2 ? "is the network's broadcast address"
					  : NULL;
	if (why != NULL)
		cfg_err_add(r->err, p->pos,
			    "'%s' holds \"%s\", which %s: expected a station's address", key->name,
			    text, why);
	return why == NULL;
}

void
cfg_read_ifaddrs(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		 void *base)
{
	struct cfg_prefix *list = NULL;
	size_t *count = at(base, key->n_offset);
	int n = elements_of(r, s, key, sizeof(*list), "an array of addresses", (void **)&list);

	for (int i = 0; i < n; i++)
		*count += ifaddr_of(r, config_setting_get_elem(s, (unsigned)i), key, &list[*count]);
	*(struct cfg_prefix **)at(base, key->offset) = list;
}

void
cfg_read_net(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key, void *base)
{
	static const char expected[] = "a network such as \"10.0.0.0/8\"";
	const char *text = cfg_setting_text(r, s, key, expected);
	struct cfg_prefix p = {.pos = cfg_setting_pos(s)};

	if (text == NULL)
		return;
	if (!parse_prefix(text, true, &p)) {
		cfg_err_add(r->err, p.pos, "'%s' is \"%s\": expected %s", key->name, text,
			    expected);
	} else if (host_bits(&p) != 0) {
		cfg_err_add(r->err, p.pos,
			    "'%s' is \"%s\", which has bits set past its length: expected %s",
			    key->name, text, expected);
	} else if (p.family == CFG_IPV4 ? p.addr[0] == 127 || p.addr[0] >= 224
					: p.addr[0] == 0xff) {
		cfg_err_add(r->err, p.pos, "'%s' is \"%s\": loopback and multicast are not routed",
			    key->name, text);
	} else {
		*(struct cfg_prefix *)at(base, key->offset) = p;
	}
}

void
cfg_read_addr(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
	      void *base)
{
	static const char expected[] = "an address such as \"192.168.1.1\"";
	const char *text = cfg_setting_text(r, s, key, expected), *why;
	struct cfg_prefix p = {.pos = cfg_setting_pos(s)}, *field = at(base, key->offset);

	field->pos = p.pos; // given, even if wrong
	if (text == NULL)
		return;
	if (!parse_prefix(text, false, &p)) {
		cfg_err_add(r->err, p.pos, "'%s' is \"%s\": expected %s", key->name, text,
			    expected);
	} else if ((why = not_unicast(&p)) != NULL) {
		cfg_err_add(r->err, p.pos, "'%s' is \"%s\", which %s: expected a station's address",
			    key->name, text, why);
	} else {
		*field = p;
	}
}

bool
cfg_prefix_holds(const struct cfg_prefix *net, const struct cfg_prefix *addr)
{
	unsigned whole = net->len / 8, rest = net->len % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	return net->family == addr->family && memcmp(net->addr, addr->addr, whole) == 0 &&
	       (rest == 0 || ((net->addr[whole] ^ addr->addr[whole]) & mask) == 0);
}

const char *
cfg_prefix_text(const struct cfg_prefix *p, bool with_len, char *buf)
{
	char addr[INET6_ADDRSTRLEN] = "?";

	inet_ntop(p->family == CFG_IPV4 ? AF_INET : AF_INET6, p->addr, addr, sizeof(addr));
	if (with_len)
		snprintf(buf, CFG_PREFIX_TEXT, "%s/%u", addr, p->len);
	else
		snprintf(buf, CFG_PREFIX_TEXT, "%s", addr);
	return buf;
}
