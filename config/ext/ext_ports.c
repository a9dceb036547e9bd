// tcp, udp and multiport: rows of the extension table with their parse and show functions.
//
// Called through the table by both readers and both writers. What iptables-save does not print (a
// port range of all ports, flags NONE NONE) is not printed here either, but YAML keeps it.
#include "config/ext/ext.h"
#include "config/value.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

// The protocol's name for service look-ups: the rule's own where it has one.
static const char *
service_proto(const struct ext_in *in)
{
	if (in->rule->proto != 0 && !in->rule->proto_inv)
		return cfg_proto_name(in->rule->proto);
	return in->match->id == CFG_M_UDP ? "udp" : in->match->id == CFG_M_TCP ? "tcp" : NULL;
}

static bool
port_word(struct ext_in *in, const char *word, uint16_t *port)
{
	if (cfg_value_port(word, service_proto(in), port))
		return true;
	cfg_err_add(
		in->err, in->pos,
		"'%s': \"%s\" is not a port (expected 0 to 65535 or a service in /etc/services)",
		in->name, word);
	return false;
}

// PORT or LOW:HIGH; with `open`, either end may be left out.
static bool
range_word(struct ext_in *in, const char *text, bool open, struct cfg_range16 *out)
{
	const char *colon = strchr(text, ':');
	struct cfg_range16 r = {0, UINT16_MAX};
	char low[64];

	if (colon == NULL) {
		if (!port_word(in, text, &r.lo))
			return false;
		r.hi = r.lo;
		*out = r;
		return true;
	}
	if ((size_t)(colon - text) >= sizeof(low)) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a port range", in->name, text);
		return false;
	}
	memcpy(low, text, colon - text);
	low[colon - text] = '\0';
	if ((low[0] != '\0' || !open) && !port_word(in, low, &r.lo))
		return false;
	if ((colon[1] != '\0' || !open) && !port_word(in, colon + 1, &r.hi))
		return false;
	if (r.lo > r.hi || (!open && r.lo == r.hi)) {
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is not a range (expected LOW:HIGH with LOW %s HIGH)",
			    in->name, text, open ? "at most" : "below");
		return false;
	}
	*out = r;
	return true;
}

static void
range_print(struct cfg_buf *b, const struct cfg_range16 *r)
{
	cfg_buf_addf(b, "%u", r->lo);
	if (r->hi != r->lo)
		cfg_buf_addf(b, ":%u", r->hi);
}

static bool
sport_parse(struct ext_in *in)
{
	struct cfg_m_ports *p = &in->match->ports;

	p->sport_set = true;
	p->sport_inv = in->invert;
	return range_word(in, in->value[0], true, &p->sport);
}

static bool
dport_parse(struct ext_in *in)
{
	struct cfg_m_ports *p = &in->match->ports;

	p->dport_set = true;
	p->dport_inv = in->invert;
	return range_word(in, in->value[0], true, &p->dport);
}

static bool
port_show(struct ext_out *out, const struct cfg_range16 *r, bool set, bool inv)
{
	if (!set || (!out->yaml && r->lo == 0 && r->hi == UINT16_MAX))
		return false;
	out->invert = inv;
	range_print(out->text, r);
	return true;
}

static bool
sport_show(struct ext_out *out)
{
	const struct cfg_m_ports *p = &out->match->ports;

	return port_show(out, &p->sport, p->sport_set, p->sport_inv);
}

static bool
dport_show(struct ext_out *out)
{
	const struct cfg_m_ports *p = &out->match->ports;

	return port_show(out, &p->dport, p->dport_set, p->dport_inv);
}

static const struct {
	const char *name;
	uint8_t bits;
} tcp_flag[] = {
	{"FIN", 0x01}, {"SYN", 0x02}, {"RST", 0x04}, {"PSH", 0x08},
	{"ACK", 0x10}, {"URG", 0x20}, {"ALL", 0x3f}, {"NONE", 0},
};

static bool
flags_word(struct ext_in *in, const char *text, uint8_t *out)
{
	char word[8];

	*out = 0;
	while (text != NULL && *text != '\0') {
		size_t i = 0;

		if (!cfg_value_next(&text, word, sizeof(word)))
			word[0] = '\0';
		while (i < EXT_N(tcp_flag) && strcasecmp(word, tcp_flag[i].name) != 0)
			i++;
		if (i == EXT_N(tcp_flag)) {
			cfg_err_add(in->err, in->pos,
				    "'%s': unknown TCP flag in \"%s\" (expected FIN, SYN, RST, "
				    "PSH, ACK, "
				    "URG, ALL or NONE)",
				    in->name, text != NULL ? text : word);
			return false;
		}
		*out |= tcp_flag[i].bits;
	}
	return true;
}

static bool
tcp_flags_parse(struct ext_in *in)
{
	struct cfg_m_ports *p = &in->match->ports;

	p->flags_set = true;
	p->flags_inv = in->invert;
	return flags_word(in, in->value[0], &p->flags_mask) &&
	       flags_word(in, in->value[1], &p->flags_comp);
}

static bool
syn_parse(struct ext_in *in)
{
	struct cfg_m_ports *p = &in->match->ports;

	p->flags_set = true;
	p->flags_inv = in->invert;
	p->flags_mask = 0x17; // FIN, SYN, RST, ACK
	p->flags_comp = 0x02;
	return true;
}

static void
flags_print(struct cfg_buf *b, uint8_t flags)
{
	const char *sep = "";

	for (size_t i = 0; i < 6; i++) {
		if (flags & tcp_flag[i].bits) {
			cfg_buf_add(b, sep);
			cfg_buf_add(b, tcp_flag[i].name);
			sep = ",";
		}
	}
	if ((flags & 0x3f) == 0)
		cfg_buf_add(b, "NONE");
}

static bool
is_syn(const struct cfg_m_ports *p)
{
	return p->flags_set && p->flags_mask == 0x17 && p->flags_comp == 0x02;
}

// YAML says it in one word; iptables-save does not know it.
static bool
syn_show(struct ext_out *out)
{
	out->invert = out->match->ports.flags_inv;
	return out->yaml && is_syn(&out->match->ports);
}

static bool
tcp_flags_show(struct ext_out *out)
{
	const struct cfg_m_ports *p = &out->match->ports;

	if (!p->flags_set || (out->yaml && is_syn(p)) ||
	    (!out->yaml && p->flags_mask == 0 && !p->flags_inv))
		return false;
	out->invert = p->flags_inv;
	flags_print(out->text, p->flags_mask);
	cfg_buf_addc(out->text, ' ');
	flags_print(out->text, p->flags_comp);
	return true;
}

static bool
tcp_option_parse(struct ext_in *in)
{
	struct cfg_m_ports *p = &in->match->ports;
	uint32_t v;

	if (!cfg_value_u32(in->value[0], UINT8_MAX, &v) || v == 0) {
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is not a TCP option (expected 1 to 255)", in->name,
			    in->value[0]);
		return false;
	}
	p->option = v;
	p->option_inv = in->invert;
	return true;
}

static bool
tcp_option_show(struct ext_out *out)
{
	const struct cfg_m_ports *p = &out->match->ports;

	if (p->option == 0)
		return false;
	out->invert = p->option_inv;
	cfg_buf_addf(out->text, "%u", p->option);
	return true;
}

#define PORT_ROWS                                                                                  \
	{.name = "sport",                                                                          \
	 .slot = 0,                                                                                \
	 .value = EXT_WORD,                                                                        \
	 .invertible = true,                                                                       \
	 .pattern = EXT_P_PORTS,                                                                   \
	 .parse = sport_parse,                                                                     \
	 .show = sport_show},                                                                      \
		{.name = "source-port",                                                            \
		 .slot = 0,                                                                        \
		 .value = EXT_WORD,                                                                \
		 .invertible = true,                                                               \
		 .pattern = EXT_P_PORTS,                                                           \
		 .parse = sport_parse},                                                            \
		{.name = "dport",                                                                  \
		 .slot = 1,                                                                        \
		 .value = EXT_WORD,                                                                \
		 .invertible = true,                                                               \
		 .pattern = EXT_P_PORTS,                                                           \
		 .parse = dport_parse,                                                             \
		 .show = dport_show},                                                              \
	{                                                                                          \
		.name = "destination-port", .slot = 1, .value = EXT_WORD, .invertible = true,      \
		.pattern = EXT_P_PORTS, .parse = dport_parse                                       \
	}

static const struct ext_opt udp_opt[] = {PORT_ROWS};
static const struct ext_opt tcp_opt[] = {
	PORT_ROWS,
	{.name = "tcp-option",
	 .slot = 2,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = tcp_option_parse,
	 .show = tcp_option_show},
	{.name = "tcp-flags",
	 .slot = 3,
	 .value = EXT_PAIR,
	 .invertible = true,
	 .parse = tcp_flags_parse,
	 .show = tcp_flags_show},
	{.name = "syn",
	 .slot = 3,
	 .value = EXT_FLAG,
	 .invertible = true,
	 .parse = syn_parse,
	 .show = syn_show},
};

static bool
multiport_parse(struct ext_in *in, enum cfg_multiport_side side)
{
	struct cfg_m_multiport *m = &in->match->multiport;
	const char *rest = in->value[0];
	unsigned slots = 0;
	char word[128];

	m->side = side;
	m->invert = in->invert;
	m->n = 0;
	while (rest != NULL) {
		struct cfg_range16 r;

		if (!cfg_value_next(&rest, word, sizeof(word))) {
			cfg_err_add(in->err, in->pos, "'%s': not a list of ports", in->name);
			return false;
		}
		if (!range_word(in, word, false, &r))
			return false;
		slots += r.lo == r.hi ? 1 : 2;
		if (slots > CFG_MULTIPORT_MAX) {
			cfg_err_add(in->err, in->pos,
				    "'%s': too many ports (at most %d; a range counts twice)",
				    in->name, CFG_MULTIPORT_MAX);
			return false;
		}
		m->range[m->n++] = r;
	}
	return true;
}

static bool
sports_parse(struct ext_in *in)
{
	return multiport_parse(in, CFG_MP_SOURCE);
}

static bool
dports_parse(struct ext_in *in)
{
	return multiport_parse(in, CFG_MP_DESTINATION);
}

static bool
ports_parse(struct ext_in *in)
{
	return multiport_parse(in, CFG_MP_EITHER);
}

static bool
multiport_show(struct ext_out *out, enum cfg_multiport_side side)
{
	const struct cfg_m_multiport *m = &out->match->multiport;

	if (m->side != side)
		return false;
	out->invert = m->invert;
	for (unsigned i = 0; i < m->n; i++) {
		if (i > 0)
			cfg_buf_addc(out->text, ',');
		range_print(out->text, &m->range[i]);
	}
	return true;
}

static bool
sports_show(struct ext_out *out)
{
	return multiport_show(out, CFG_MP_SOURCE);
}

static bool
dports_show(struct ext_out *out)
{
	return multiport_show(out, CFG_MP_DESTINATION);
}

static bool
ports_show(struct ext_out *out)
{
	return multiport_show(out, CFG_MP_EITHER);
}

static const struct ext_opt multiport_opt[] = {
	{.name = "sports",
	 .slot = 0,
	 .value = EXT_LIST,
	 .invertible = true,
	 .pattern = EXT_P_PORTS,
	 .parse = sports_parse,
	 .show = sports_show},
	{.name = "source-ports",
	 .slot = 0,
	 .value = EXT_LIST,
	 .invertible = true,
	 .pattern = EXT_P_PORTS,
	 .parse = sports_parse},
	{.name = "dports",
	 .slot = 0,
	 .value = EXT_LIST,
	 .invertible = true,
	 .pattern = EXT_P_PORTS,
	 .parse = dports_parse,
	 .show = dports_show},
	{.name = "destination-ports",
	 .slot = 0,
	 .value = EXT_LIST,
	 .invertible = true,
	 .pattern = EXT_P_PORTS,
	 .parse = dports_parse},
	{.name = "ports",
	 .slot = 0,
	 .value = EXT_LIST,
	 .invertible = true,
	 .pattern = EXT_P_PORTS,
	 .parse = ports_parse,
	 .show = ports_show},
};

static const uint8_t proto_tcp[] = {IPPROTO_TCP, 0};
static const uint8_t proto_udp[] = {IPPROTO_UDP, 0};
static const uint8_t proto_multi[] = {IPPROTO_TCP,  IPPROTO_UDP,  IPPROTO_UDPLITE,
				      IPPROTO_SCTP, IPPROTO_DCCP, 0};

const struct ext ext_tcp = {
	.name = "tcp",
	.id = CFG_M_TCP,
	.families = CFG_BOTH,
	.proto = proto_tcp,
	.proto_key = true,
	.opt = tcp_opt,
	.n_opt = EXT_N(tcp_opt),
};
const struct ext ext_udp = {
	.name = "udp",
	.id = CFG_M_UDP,
	.families = CFG_BOTH,
	.proto = proto_udp,
	.proto_key = true,
	.opt = udp_opt,
	.n_opt = EXT_N(udp_opt),
};
const struct ext ext_multiport = {
	.name = "multiport",
	.id = CFG_M_MULTIPORT,
	.families = CFG_BOTH,
	.proto = proto_multi,
	.some_option = true,
	.opt = multiport_opt,
	.n_opt = EXT_N(multiport_opt),
};
