// MASQUERADE, SNAT, DNAT, REDIRECT and NETMAP: rows of the extension table with their parse and
// show functions.
//
// Called through the table by both readers and both writers. Addresses decide the rule's family;
// ports need a protocol that has ports, which is only known when the rule is complete (nat_check).
#include "config/ext/ext.h"
#include "config/value.h"

#include <netinet/in.h>
#include <string.h>

static bool
bad_ports(struct ext_in *in, const char *text, const char *expected)
{
	cfg_err_add(in->err, in->pos, "'%s': bad port in \"%s\" (expected %s)", in->name, text,
		    expected);
	return false;
}

static const char *
service_proto(const struct ext_in *in)
{
	return in->rule->proto != 0 && !in->rule->proto_inv ? cfg_proto_name(in->rule->proto)
							    : NULL;
}

// PORT, LOW-HIGH or, where the target can shift, LOW-HIGH/BASE.
static bool
ports_word(struct ext_in *in, const char *text, bool shift)
{
	const char *expected = shift ? "PORT, LOW-HIGH or LOW-HIGH/BASE" : "PORT or LOW-HIGH";
	const char *dash = strchr(text, '-'), *slash = strchr(text, '/');
	struct cfg_t_nat *nat = &in->target->nat;
	const char *proto = service_proto(in);
	char low[64], high[64];
	size_t n_high;

	nat->has_ports = true;
	if (cfg_value_port(text, proto, &nat->port_min)) {
		nat->port_max = nat->port_min;
		return true;
	}
	if (dash == NULL || (size_t)(dash - text) >= sizeof(low) || (slash != NULL && slash < dash))
		return bad_ports(in, text, expected);
	memcpy(low, text, dash - text);
	low[dash - text] = '\0';
	n_high = strcspn(dash + 1, "/");
	if (n_high >= sizeof(high))
		return bad_ports(in, text, expected);
	memcpy(high, dash + 1, n_high);
	high[n_high] = '\0';
	if (!cfg_value_port(low, proto, &nat->port_min) ||
	    !cfg_value_port(high, proto, &nat->port_max))
		return bad_ports(in, text, expected);
	if (nat->port_min > nat->port_max)
		return bad_ports(in, text, "a range that does not run backwards");
	if (slash != NULL && !shift)
		return bad_ports(in, text, expected);
	if (slash != NULL &&
	    (!cfg_value_port(slash + 1, proto, &nat->port_base) || nat->port_base == 0))
		return bad_ports(in, text, "a base port from 1 to 65535 behind the '/'");
	return true;
}

static bool
to_ports_parse(struct ext_in *in)
{
	return ports_word(in, in->value[0], false);
}

// ADDRESS or FIRST-LAST of n bytes.
static bool
addrs_word(struct ext_in *in, const char *text, size_t n)
{
	struct cfg_t_nat *nat = &in->target->nat;
	char both[2 * INET6_ADDRSTRLEN + 2], *dash;
	uint8_t last;

	if (n >= sizeof(both))
		goto bad;
	memcpy(both, text, n);
	both[n] = '\0';
	dash = strchr(both, '-');
	if (dash != NULL)
		*dash = '\0';
	if (!cfg_value_host(both, in->families, &nat->family, nat->addr_min))
		goto bad;
	memcpy(nat->addr_max, nat->addr_min, sizeof(nat->addr_max));
	if (dash != NULL && !cfg_value_host(dash + 1, nat->family, &last, nat->addr_max))
		goto bad;
	if (memcmp(nat->addr_min, nat->addr_max, sizeof(nat->addr_min)) > 0) {
		cfg_err_add(in->err, in->pos, "'%s': the address range \"%s\" runs backwards",
			    in->name, text);
		return false;
	}
	return ext_narrow(in, nat->family, in->name);
bad:
	cfg_err_add(in->err, in->pos,
		    "'%s': bad address in \"%s\" (expected an %s address or FIRST-LAST)", in->name,
		    text,
		    in->families == CFG_IPV4   ? "IPv4"
		    : in->families == CFG_IPV6 ? "IPv6"
					       : "IPv4 or IPv6");
	return false;
}

// [ADDRESS[-ADDRESS]][:PORTS]; IPv6 with ports in brackets: [ADDRESS-ADDRESS]:PORTS.
static bool
to_parse(struct ext_in *in, bool shift)
{
	const char *text = in->value[0], *colon = strchr(text, ':'), *end;
	size_t n;

	if (text[0] == '[') {
		end = strchr(text, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':')) {
			cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not [ADDRESS]:PORTS",
				    in->name, text);
			return false;
		}
		colon = end[1] == ':' ? end + 1 : NULL;
		text++;
		n = end - text;
	} else {
		if (colon != NULL && strchr(colon + 1, ':') != NULL)
			colon = NULL; // a bare IPv6 address
		n = colon != NULL ? (size_t)(colon - text) : strlen(text);
	}
	if ((n > 0 || colon == NULL) && !addrs_word(in, text, n))
		return false;
	return colon == NULL || ports_word(in, colon + 1, shift);
}

static bool
to_source_parse(struct ext_in *in)
{
	return to_parse(in, false);
}

static bool
to_destination_parse(struct ext_in *in)
{
	return to_parse(in, true);
}

static bool
random_parse(struct ext_in *in)
{
	in->target->nat.random = true;
	return true;
}

static bool
random_fully_parse(struct ext_in *in)
{
	in->target->nat.random_fully = true;
	return true;
}

static bool
persistent_parse(struct ext_in *in)
{
	in->target->nat.persistent = true;
	return true;
}

// One of RFC 4787's names.
static bool
name_parse(struct ext_in *in, const char *const *names, const char *expected, uint8_t *out)
{
	for (uint8_t i = 1; names[i] != NULL; i++) {
		if (strcmp(in->value[0], names[i]) == 0) {
			*out = i;
			return true;
		}
	}
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not one of %s", in->name, in->value[0],
		    expected);
	return false;
}

#define ENDPOINT     "endpoint-independent"
#define ADDRESS	     "address-dependent"
#define ADDRESS_PORT "address-and-port-dependent"

static const char *const mapping_name[] = {"", ENDPOINT, ADDRESS_PORT, NULL};
static const char *const filtering_name[] = {"", ENDPOINT, ADDRESS, ADDRESS_PORT, NULL};

static bool
mapping_parse(struct ext_in *in)
{
	return name_parse(in, mapping_name, ENDPOINT " or " ADDRESS_PORT, &in->target->nat.mapping);
}

static bool
filtering_parse(struct ext_in *in)
{
	return name_parse(in, filtering_name, ENDPOINT ", " ADDRESS " or " ADDRESS_PORT,
			  &in->target->nat.filtering);
}

static bool
mapping_show(struct ext_out *out)
{
	cfg_buf_add(out->text, mapping_name[out->target->nat.mapping]);
	return out->target->nat.mapping != CFG_MAPPING_NONE;
}

static bool
filtering_show(struct ext_out *out)
{
	cfg_buf_add(out->text, filtering_name[out->target->nat.filtering]);
	return out->target->nat.filtering != CFG_FILTER_NONE;
}

static bool
block_size_parse(struct ext_in *in)
{
	uint32_t size = 0;

	if (!ext_number(in, CFG_BLOCK_MIN, CFG_BLOCK_MAX, &size))
		return false;
	if ((size & (size - 1)) != 0) {
		cfg_err_add(in->err, in->pos, "'%s': %u is no power of two", in->name, size);
		return false;
	}
	in->target->nat.block_size = (uint16_t)size;
	return true;
}

static bool
block_limit_parse(struct ext_in *in)
{
	uint32_t limit = 0;
	bool good = ext_number(in, 1, CFG_BLOCKS_MAX, &limit);

	in->target->nat.block_limit = (uint8_t)limit;
	return good;
}

static bool
block_hold_parse(struct ext_in *in)
{
	in->target->nat.block_hold_set = true;
	return ext_number(in, 0, 86400, &in->target->nat.block_hold);
}

static bool
deterministic_parse(struct ext_in *in)
{
	in->target->nat.deterministic = true;
	return true;
}

static bool
block_size_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->target->nat.block_size);
	return out->target->nat.block_size != 0;
}

static bool
block_limit_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->target->nat.block_limit);
	return out->target->nat.block_limit != 0;
}

static bool
block_hold_show(struct ext_out *out)
{
	cfg_buf_addf(out->text, "%u", out->target->nat.block_hold);
	return out->target->nat.block_hold_set;
}

static bool
deterministic_show(struct ext_out *out)
{
	return out->target->nat.deterministic;
}

const char *
cfg_nat_own(const struct cfg_target *t)
{
	if (t->id != CFG_T_SNAT && t->id != CFG_T_MASQUERADE)
		return NULL;
	return t->nat.mapping != CFG_MAPPING_NONE    ? "mapping"
	       : t->nat.filtering != CFG_FILTER_NONE ? "filtering"
	       : t->nat.block_size != 0		     ? "port-block-size"
	       : t->nat.deterministic		     ? "deterministic"
						     : NULL;
}

static void
ports_print(struct cfg_buf *b, const struct cfg_t_nat *nat)
{
	cfg_buf_addf(b, "%u", nat->port_min);
	if (nat->port_max != nat->port_min || nat->port_base != 0)
		cfg_buf_addf(b, "-%u", nat->port_max);
	if (nat->port_base != 0)
		cfg_buf_addf(b, "/%u", nat->port_base);
}

static bool
to_ports_show(struct ext_out *out)
{
	if (out->target->nat.has_ports)
		ports_print(out->text, &out->target->nat);
	return out->target->nat.has_ports;
}

static bool
to_show(struct ext_out *out)
{
	const struct cfg_t_nat *nat = &out->target->nat;
	bool brackets = nat->family == CFG_IPV6 && nat->has_ports;

	if (brackets)
		cfg_buf_addc(out->text, '[');
	if (nat->family != 0)
		cfg_host_print(out->text, nat->family, nat->addr_min);
	if (nat->family != 0 && memcmp(nat->addr_min, nat->addr_max, sizeof(nat->addr_min)) != 0) {
		cfg_buf_addc(out->text, '-');
		cfg_host_print(out->text, nat->family, nat->addr_max);
	}
	if (brackets)
		cfg_buf_addc(out->text, ']');
	if (nat->has_ports) {
		cfg_buf_addc(out->text, ':');
		ports_print(out->text, nat);
	}
	return nat->family != 0 || nat->has_ports;
}

static bool
random_show(struct ext_out *out)
{
	return out->target->nat.random;
}

static bool
random_fully_show(struct ext_out *out)
{
	return out->target->nat.random_fully;
}

static bool
persistent_show(struct ext_out *out)
{
	return out->target->nat.persistent;
}

static bool
blocks_check(const struct cfg_rule *rule, const struct cfg_target *t, struct cfg_pos pos,
	     struct cfg_err *err)
{
	const struct cfg_t_nat *nat = &t->nat;
	struct cfg_nat_share share;
	char why[160];

	if (nat->block_size == 0 && (nat->block_limit != 0 || nat->block_hold_set)) {
		cfg_err_add(err, pos, "'%s' needs 'port-block-size' beside it",
			    nat->block_limit != 0 ? "port-block-limit" : "port-block-hold");
		return false;
	}
	if (nat->block_size != 0 && nat->deterministic) {
		cfg_err_add(err, pos,
			    "'deterministic' gives each inside address its ports: no "
			    "'port-block-size' beside it");
		return false;
	}
	if (nat->block_size != 0 && nat->has_ports) {
		uint32_t first = (nat->port_min + nat->block_size - 1u) & ~(nat->block_size - 1u);

		if (first + nat->block_size - 1 <= nat->port_max)
			return true;
		cfg_err_add(err, pos,
			    "no block of %u ports fits into %u-%u (blocks begin at multiples of "
			    "their size)",
			    nat->block_size, nat->port_min, nat->port_max);
		return false;
	}
	if (nat->deterministic && !cfg_nat_share(rule, &share, why, sizeof(why))) {
		cfg_err_add(err, pos, "'deterministic': %s", why);
		return false;
	}
	return true;
}

static bool
nat_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	static const uint8_t with_ports[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_DCCP,
					     IPPROTO_ICMP};
	const struct cfg_target *t = item;

	if (t->nat.filtering != CFG_FILTER_NONE && t->nat.filtering != CFG_FILTER_ADDRESS_PORT &&
	    t->nat.mapping != CFG_MAPPING_ENDPOINT) {
		cfg_err_add(err, pos, "'filtering: %s' needs 'mapping: " ENDPOINT "' beside it",
			    filtering_name[t->nat.filtering]);
		return false;
	}
	if (!blocks_check(rule, t, pos, err))
		return false;
	if (!t->nat.has_ports)
		return true;
	for (size_t i = 0; i < EXT_N(with_ports); i++)
		if (rule->proto == with_ports[i])
			return true;
	cfg_err_add(err, pos,
		    "ports in a translation need protocol tcp, udp, sctp or dccp in the same rule");
	return false;
}

// ADDRESS[/LENGTH | /MASK]: the network's first and last address.
static bool
netmap_parse(struct ext_in *in)
{
	struct cfg_t_nat *nat = &in->target->nat;
	struct cfg_addr a = {0};
	const char *why;
	int ones = 0, size;

	if (!cfg_value_addr(in->value[0], in->families, &a, &why)) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\": %s", in->name, in->value[0], why);
		return false;
	}
	size = a.family == CFG_IPV4 ? 4 : 16;
	while (ones < 8 * size && (a.mask[ones / 8] & 0x80 >> ones % 8))
		ones++;
	for (int i = 0; i < size; i++) {
		nat->addr_min[i] = a.addr[i];
		nat->addr_max[i] = a.addr[i] | (uint8_t)~a.mask[i];
		ones -= __builtin_popcount(a.mask[i]);
	}
	if (ones != 0) {
		cfg_err_add(in->err, in->pos, "'%s': the mask of \"%s\" has gaps", in->name,
			    in->value[0]);
		return false;
	}
	nat->family = a.family;
	return ext_narrow(in, a.family, in->name);
}

static bool
netmap_show(struct ext_out *out)
{
	const struct cfg_t_nat *nat = &out->target->nat;
	int size = nat->family == CFG_IPV4 ? 4 : 16, ones = 8 * size;

	for (int i = 0; i < size; i++)
		ones -= __builtin_popcount(nat->addr_min[i] ^ nat->addr_max[i]);
	cfg_host_print(out->text, nat->family, nat->addr_min);
	cfg_buf_addf(out->text, "/%d", ones);
	return true;
}

#define TO_PORTS                                                                                   \
	{                                                                                          \
		.name = "to-ports", .slot = 0, .value = EXT_WORD, .parse = to_ports_parse,         \
		.show = to_ports_show                                                              \
	}
#define RANDOM                                                                                     \
	{                                                                                          \
		.name = "random", .slot = 1, .value = EXT_FLAG, .parse = random_parse,             \
		.show = random_show                                                                \
	}
#define RANDOM_FULLY                                                                               \
	{                                                                                          \
		.name = "random-fully", .slot = 2, .value = EXT_FLAG, .parse = random_fully_parse, \
		.show = random_fully_show                                                          \
	}
#define PERSISTENT                                                                                 \
	{                                                                                          \
		.name = "persistent", .slot = 3, .value = EXT_FLAG, .parse = persistent_parse,     \
		.show = persistent_show                                                            \
	}

// Not iptables': RFC 4787's behaviour of one rule's translations.
#define MAPPING                                                                                    \
	{                                                                                          \
		.name = "mapping", .slot = 4, .value = EXT_WORD,                                   \
		.pattern = ENDPOINT "|" ADDRESS_PORT, .parse = mapping_parse, .show = mapping_show \
	}
#define FILTERING                                                                                  \
	{                                                                                          \
		.name = "filtering", .slot = 5, .value = EXT_WORD,                                 \
		.pattern = ENDPOINT "|" ADDRESS "|" ADDRESS_PORT, .parse = filtering_parse,        \
		.show = filtering_show                                                             \
	}

// Not iptables' either: RFC 6888's and RFC 7422's.
#define BLOCK_SIZE                                                                                 \
	{                                                                                          \
		.name = "port-block-size", .slot = 6, .value = EXT_WORD,                           \
		.parse = block_size_parse, .show = block_size_show                                 \
	}
#define BLOCK_LIMIT                                                                                \
	{                                                                                          \
		.name = "port-block-limit", .slot = 7, .value = EXT_WORD,                          \
		.parse = block_limit_parse, .show = block_limit_show                               \
	}
#define BLOCK_HOLD                                                                                 \
	{                                                                                          \
		.name = "port-block-hold", .slot = 8, .value = EXT_WORD,                           \
		.parse = block_hold_parse, .show = block_hold_show                                 \
	}
#define DETERMINISTIC                                                                              \
	{                                                                                          \
		.name = "deterministic", .slot = 9, .value = EXT_FLAG,                             \
		.parse = deterministic_parse, .show = deterministic_show                           \
	}

static const struct ext_opt masquerade_opt[] = {TO_PORTS,  RANDOM,     RANDOM_FULLY, MAPPING,
						FILTERING, BLOCK_SIZE, BLOCK_LIMIT,  BLOCK_HOLD};
static const struct ext_opt redirect_opt[] = {TO_PORTS, RANDOM};
static const struct ext_opt snat_opt[] = {
	{.name = "to-source",
	 .slot = 0,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = to_source_parse,
	 .show = to_show},
	RANDOM,
	RANDOM_FULLY,
	PERSISTENT,
	MAPPING,
	FILTERING,
	BLOCK_SIZE,
	BLOCK_LIMIT,
	BLOCK_HOLD,
	DETERMINISTIC,
};
static const struct ext_opt dnat_opt[] = {
	{.name = "to-destination",
	 .slot = 0,
	 .value = EXT_WORD,
	 .required = true,
	 .parse = to_destination_parse,
	 .show = to_show},
	RANDOM,
	PERSISTENT,
};

static const struct ext_opt netmap_opt[] = {
	{.name = "to",
	 .value = EXT_WORD,
	 .required = true,
	 .parse = netmap_parse,
	 .show = netmap_show},
};

#define NAT_EXT(text, number, hook_bits, rows)                                                     \
	{                                                                                          \
		.name = text, .target = true, .id = number, .families = CFG_BOTH,                  \
		.tables = 1 << CFG_NAT, .hooks = hook_bits, .opt = rows, .n_opt = EXT_N(rows),     \
		.check = nat_check                                                                 \
	}

const struct ext ext_masquerade =
	NAT_EXT("MASQUERADE", CFG_T_MASQUERADE, 1 << CFG_POSTROUTING, masquerade_opt);
const struct ext ext_snat =
	NAT_EXT("SNAT", CFG_T_SNAT, 1 << CFG_POSTROUTING | 1 << CFG_INPUT, snat_opt);
const struct ext ext_dnat =
	NAT_EXT("DNAT", CFG_T_DNAT, 1 << CFG_PREROUTING | 1 << CFG_OUTPUT, dnat_opt);
const struct ext ext_redirect =
	NAT_EXT("REDIRECT", CFG_T_REDIRECT, 1 << CFG_PREROUTING | 1 << CFG_OUTPUT, redirect_opt);
const struct ext ext_netmap = {
	.name = "NETMAP",
	.target = true,
	.id = CFG_T_NETMAP,
	.families = CFG_BOTH,
	.tables = 1 << CFG_NAT,
	.opt = netmap_opt,
	.n_opt = EXT_N(netmap_opt),
};
