// The types of sets and the options with which they are created.
//
// Called by the readers of this room (YAML, the text of ipset) and by acl/ and control/ for the
// table, on their thread. Names, limits and what is printed in which order are those of ipset 7.17.
#include "config/policy.h"
#include "config/set_in.h"
#include "config/value.h"

#include <stdio.h>
#include <string.h>

#define IP    CFG_SD_IP
#define NET   CFG_SD_NET
#define PORT  CFG_SD_PORT
#define IFACE CFG_SD_IFACE

const struct cfg_set_type cfg_set_type[CFG_SET_TYPES] = {
	[CFG_SET_BITMAP_IP] =
		{"bitmap:ip", 1, {IP}, 1, .one_family = true, .range = true, .netmask = true},
	[CFG_SET_BITMAP_PORT] = {"bitmap:port", 1, {PORT}, .range = true},
	[CFG_SET_HASH_IP] = {"hash:ip", 1, {IP}, 1, .netmask = true},
	[CFG_SET_HASH_IP_MAC] = {"hash:ip,mac", 2, {IP, CFG_SD_MAC}, 1},
	[CFG_SET_HASH_IP_MARK] = {"hash:ip,mark", 2, {IP, CFG_SD_MARK}, 1},
	[CFG_SET_HASH_IP_PORT] = {"hash:ip,port", 2, {IP, PORT}, 1},
	[CFG_SET_HASH_IP_PORT_IP] = {"hash:ip,port,ip", 3, {IP, PORT, IP}, 2},
	[CFG_SET_HASH_IP_PORT_NET] = {"hash:ip,port,net", 3, {IP, PORT, NET}, 2, .nomatch = true},
	[CFG_SET_HASH_MAC] = {"hash:mac", 1, {CFG_SD_MAC}},
	[CFG_SET_HASH_NET] = {"hash:net", 1, {NET}, 1, .nomatch = true},
	[CFG_SET_HASH_NET_IFACE] =
		{"hash:net,iface", 2, {NET, IFACE}, 1, .zero = true, .nomatch = true},
	[CFG_SET_HASH_NET_NET] = {"hash:net,net", 2, {NET, NET}, 2, .zero = true, .nomatch = true},
	[CFG_SET_HASH_NET_PORT] = {"hash:net,port", 2, {NET, PORT}, 1, .nomatch = true},
	[CFG_SET_HASH_NET_PORT_NET] =
		{"hash:net,port,net", 3, {NET, PORT, NET}, 2, .zero = true, .nomatch = true},
	[CFG_SET_LIST_SET] = {"list:set", 1, {CFG_SD_SET}},
};

int
cfg_set_type_find(const char *name)
{
	for (int t = 0; t < CFG_SET_TYPES; t++)
		if (strcmp(cfg_set_type[t].name, name) == 0)
			return t;
	return -1;
}

bool
set_begin(struct cfg_set *set, const char *name, const char *type, struct cfg_pos pos,
	  struct cfg_err *err)
{
	int t = cfg_set_type_find(type);

	*set = (struct cfg_set){
		.pos = pos, .hashsize = 1024, .bucketsize = 12, .markmask = UINT32_MAX, .lo = 1};
	if (!cfg_value_is_word(name) || strlen(name) >= CFG_SET_NAME) {
		cfg_err_add(err, pos, "bad name of a set \"%s\" (expected 1 to %d characters)",
			    name, CFG_SET_NAME - 1);
		return false;
	}
	strcpy(set->name, name);
	if (strcmp(type, "bitmap:ip,mac") == 0)
		cfg_err_add(err, pos,
			    "set '%s': sets of type bitmap:ip,mac are not run here: hash:ip,mac "
			    "asks the same",
			    name);
	else if (t < 0)
		cfg_err_add(err, pos, "set '%s': type \"%s\" is unknown", name, type);
	if (t < 0)
		return false;
	set->type = (uint8_t)t;
	set->family = cfg_set_type[t].n_addr > 0 ? CFG_IPV4 : CFG_BOTH;
	set->maxelem = t == CFG_SET_LIST_SET ? 8 : CFG_SET_MAXELEM;
	return true;
}

enum option {
	O_BITMASK,
	O_BUCKETSIZE,
	O_COMMENT,
	O_COUNTERS,
	O_FAMILY,
	O_FORCEADD,
	O_HASHSIZE,
	O_INITVAL,
	O_MARKMASK,
	O_MAXELEM,
	O_NETMASK,
	O_RANGE,
	O_SIZE,
	O_SKBINFO,
	O_TIMEOUT,
	OPTIONS,
};

static const struct {
	const char *name;
	bool value;
} option[OPTIONS] = {
	[O_BITMASK] = {"bitmask", true},   [O_BUCKETSIZE] = {"bucketsize", true},
	[O_COMMENT] = {"comment", false},  [O_COUNTERS] = {"counters", false},
	[O_FAMILY] = {"family", true},	   [O_FORCEADD] = {"forceadd", false},
	[O_HASHSIZE] = {"hashsize", true}, [O_INITVAL] = {"initval", true},
	[O_MARKMASK] = {"markmask", true}, [O_MAXELEM] = {"maxelem", true},
	[O_NETMASK] = {"netmask", true},   [O_RANGE] = {"range", true},
	[O_SIZE] = {"size", true},	   [O_SKBINFO] = {"skbinfo", false},
	[O_TIMEOUT] = {"timeout", true},
};

static enum option
option_of(const char *name)
{
	enum option o = 0;

	while (o < OPTIONS && strcmp(option[o].name, name) != 0)
		o++;
	return o;
}

int
set_option_values(const char *name)
{
	enum option o = option_of(name);

	return o == OPTIONS ? -1 : option[o].value;
}

static bool
number(const struct cfg_set *set, const char *name, const char *value, uint32_t min, uint32_t max,
       uint32_t *out, struct cfg_pos pos, struct cfg_err *err)
{
	if (cfg_value_u32(value, max, out) && *out >= min)
		return true;
	cfg_err_add(err, pos, "set '%s': %s \"%s\" is out of range %u-%u", set->name, name, value,
		    min, max);
	return false;
}

static bool
family(struct cfg_set *set, const char *value, struct cfg_pos pos, struct cfg_err *err)
{
	const struct cfg_set_type *t = &cfg_set_type[set->type];
	bool v4 = strcmp(value, "inet") == 0 || strcmp(value, "ipv4") == 0;
	bool v6 = strcmp(value, "inet6") == 0 || strcmp(value, "ipv6") == 0;

	if (!v4 && !v6)
		cfg_err_add(err, pos, "set '%s': unknown family \"%s\" (expected %s)", set->name,
			    value, "inet, inet6, ipv4 or ipv6");
	else if (v6 && t->one_family)
		cfg_err_add(err, pos, "set '%s': sets of type %s hold IPv4 only", set->name,
			    t->name);
	else if (t->n_addr == 0) // ipset takes the word
		return true;
	else
		set->family = v4 ? CFG_IPV4 : CFG_IPV6;
	return (v4 || v6) && !(v6 && t->one_family);
}

static uint32_t
v4_of(const uint8_t a[16])
{
	return (uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];
}

// One end of a range, or for addresses a network that is both.
static bool
bound(const struct cfg_set *set, const char *text, uint32_t *lo, uint32_t *hi)
{
	struct cfg_addr a;
	const char *why;
	int len;

	if (set->type == CFG_SET_BITMAP_PORT) {
		if (!cfg_value_u32(text, UINT16_MAX, lo))
			return false;
		*hi = *lo;
		return true;
	}
	if (!cfg_value_addr(text, CFG_IPV4, &a, &why))
		return false;
	len = cfg_mask_len(a.mask, CFG_IPV4);
	*lo = v4_of(a.addr);
	*hi = *lo | ~v4_of(a.mask);
	return len >= 0;
}

static bool
range(struct cfg_set *set, const char *value, struct cfg_pos pos, struct cfg_err *err)
{
	const char *dash = strchr(value, '-');
	uint32_t lo, hi, other;
	char from[64] = "";
	bool good;

	snprintf(from, sizeof(from), "%.*s", dash != NULL ? (int)(dash - value) : 63, value);
	good = bound(set, from, &lo, &hi);
	if (good && dash != NULL)
		good = bound(set, dash + 1, &other, &hi);
	if (!good || lo > hi) {
		cfg_err_add(err, pos, "set '%s': bad range \"%s\" (expected %s)", set->name, value,
			    set->type == CFG_SET_BITMAP_PORT ? "PORT-PORT"
							     : "ADDRESS-ADDRESS or a network");
		return false;
	}
	set->lo = lo;
	set->hi = hi;
	return true;
}

// Options that are a part of ipset but not of this appliance.
static const char *
unable(enum option o)
{
	return o == O_SKBINFO	 ? "nothing is mapped by sets here (SET --map-set): give marks by "
				   "MARK and classes by CLASSIFY"
	       : o == O_FORCEADD ? "a full set stays full here: a larger maxelem, or a timeout"
	       : o == O_BITMASK	 ? "only netmask is there"
				 : NULL;
}

static bool
fits(const struct cfg_set *set, enum option o)
{
	const struct cfg_set_type *t = &cfg_set_type[set->type];
	bool hash = !t->range && set->type != CFG_SET_LIST_SET;

	switch (o) {
	case O_BUCKETSIZE:
	case O_HASHSIZE:
	case O_INITVAL:
	case O_MAXELEM:
		return hash;
	case O_FAMILY:
		return hash;
	case O_MARKMASK:
		return set->type == CFG_SET_HASH_IP_MARK;
	case O_NETMASK:
		return t->netmask;
	case O_RANGE:
		return t->range;
	case O_SIZE:
		return set->type == CFG_SET_LIST_SET;
	default:
		return true;
	}
}

bool
set_option(struct cfg_set *set, const char *name, const char *value, struct cfg_pos pos,
	   struct cfg_err *err)
{
	enum option o = option_of(name);
	uint32_t n = 0;
	bool good = true;

	if (o < OPTIONS && unable(o) != NULL) {
		cfg_err_add(err, pos, "set '%s': '%s' cannot be run here: %s", set->name, name,
			    unable(o));
		return false;
	}
	if (o == OPTIONS || !fits(set, o)) {
		cfg_err_add(err, pos, "set '%s': unknown argument '%s' of type %s", set->name, name,
			    cfg_set_type[set->type].name);
		return false;
	}
	switch (o) {
	case O_COMMENT:
		set->comment = true;
		break;
	case O_COUNTERS:
		set->counters = true;
		break;
	case O_FAMILY:
		return family(set, value, pos, err);
	case O_RANGE:
		return range(set, value, pos, err);
	case O_BUCKETSIZE:
		good = number(set, name, value, 2, 14, &n, pos, err);
		set->bucketsize = (uint8_t)n;
		break;
	case O_HASHSIZE:
		good = number(set, name, value, 1, UINT32_MAX, &set->hashsize, pos, err);
		break;
	case O_INITVAL:
		set->initval_set = true;
		good = number(set, name, value, 0, UINT32_MAX, &set->initval, pos, err);
		break;
	case O_MARKMASK:
		good = number(set, name, value, 1, UINT32_MAX, &set->markmask, pos, err);
		break;
	case O_MAXELEM:
		good = number(set, name, value, 1, CFG_SET_ELEMS_MAX, &set->maxelem, pos, err);
		break;
	case O_NETMASK:
		good = number(set, name, value, 1, 128, &n, pos, err);
		set->netmask = (uint8_t)n;
		break;
	case O_SIZE:
		good = number(set, name, value, 0, CFG_SETS_MAX, &n, pos, err);
		set->maxelem = n < 4 ? 4 : n;
		break;
	default:
		set->timeout_set = true;
		good = number(set, name, value, 0, CFG_SET_TIMEOUT_MAX, &set->timeout, pos, err);
		break;
	}
	return good;
}

// A bitmap's entries are its bounds' addresses, ports or networks of the netmask.
static bool
range_end(struct cfg_set *set, struct cfg_pos pos, struct cfg_err *err)
{
	unsigned shift = set->netmask != 0 ? 32u - set->netmask : 0;
	uint64_t n;

	if (set->lo > set->hi) {
		cfg_err_add(err, pos, "set '%s': 'range' is missing", set->name);
		return false;
	}
	n = (((uint64_t)set->hi - set->lo) >> shift) + 1;
	if (n > CFG_SET_MAXELEM) {
		cfg_err_add(err, pos, "set '%s': the range exceeds %d entries", set->name,
			    CFG_SET_MAXELEM);
		return false;
	}
	set->maxelem = (uint32_t)n;
	return true;
}

bool
set_end(struct cfg_set *set, struct cfg_pos pos, struct cfg_err *err)
{
	uint8_t bits = set->family == CFG_IPV6 ? 128 : 32;

	if (set->netmask > bits) {
		cfg_err_add(err, pos, "set '%s': netmask %u is longer than an address", set->name,
			    set->netmask);
		return false;
	}
	if (set->netmask == bits)
		set->netmask = 0;
	return !cfg_set_type[set->type].range || range_end(set, pos, err);
}

static void
range_print(struct cfg_buf *b, const struct cfg_set *set)
{
	if (set->type == CFG_SET_BITMAP_PORT)
		cfg_buf_addf(b, " range %u-%u", set->lo, set->hi);
	else
		cfg_buf_addf(b, " range %u.%u.%u.%u-%u.%u.%u.%u", set->lo >> 24,
			     set->lo >> 16 & 255, set->lo >> 8 & 255, set->lo & 255, set->hi >> 24,
			     set->hi >> 16 & 255, set->hi >> 8 & 255, set->hi & 255);
}

void
set_create_print(struct cfg_buf *b, const struct cfg_set *set)
{
	const struct cfg_set_type *t = &cfg_set_type[set->type];
	bool hash = !t->range && set->type != CFG_SET_LIST_SET;

	cfg_buf_addf(b, "create %s %s", set->name, t->name);
	if (t->range)
		range_print(b, set);
	if (set->type == CFG_SET_LIST_SET)
		cfg_buf_addf(b, " size %u", set->maxelem);
	if (hash && t->n_addr > 0)
		cfg_buf_addf(b, " family %s", set->family == CFG_IPV4 ? "inet" : "inet6");
	if (set->type == CFG_SET_HASH_IP_MARK && set->markmask != UINT32_MAX)
		cfg_buf_addf(b, " markmask 0x%08x", set->markmask);
	if (hash)
		cfg_buf_addf(b, " hashsize %u maxelem %u", set->hashsize, set->maxelem);
	if (set->netmask != 0)
		cfg_buf_addf(b, " netmask %u", set->netmask);
	if (set->timeout_set)
		cfg_buf_addf(b, " timeout %u", set->timeout);
	cfg_buf_add(b, set->counters ? " counters" : "");
	cfg_buf_add(b, set->comment ? " comment" : "");
	if (hash)
		cfg_buf_addf(b, " bucketsize %u", set->bucketsize);
	if (set->initval_set)
		cfg_buf_addf(b, " initval 0x%08x", set->initval);
}
