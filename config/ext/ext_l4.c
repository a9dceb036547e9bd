// tcpmss, sctp, esp and ah: rows of the extension table with their parse and show functions.
//
// Called through the table by both readers and both writers.
#include "config/ext/ext.h"
#include "config/value.h"

#include <ctype.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

// ---- tcpmss
static bool
mss_parse(struct ext_in *in)
{
	struct cfg_range32 r;

	in->match->length.invert = in->invert;
	if (!ext_range(in, UINT16_MAX, &r))
		return false;
	if (r.lo > r.hi) {
		cfg_err_add(in->err, in->pos, "'%s': the range \"%s\" runs backwards", in->name,
			    in->value[0]);
		return false;
	}
	in->match->length.range = (struct cfg_range16){r.lo, r.hi};
	return true;
}

static bool
mss_show(struct ext_out *out)
{
	const struct cfg_range16 *r = &out->match->length.range;

	out->invert = out->match->length.invert;
	ext_range_show(out, &(struct cfg_range32){r->lo, r->hi});
	return true;
}

// ---- sctp
static bool
sctp_port(struct ext_in *in, const char *word, uint16_t *port)
{
	if (cfg_value_port(word, "sctp", port))
		return true;
	cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not a port or LOW:HIGH, 0 to 65535",
		    in->name, in->value[0]);
	return false;
}

static bool
sctp_ports(struct ext_in *in, struct cfg_range16 *out)
{
	const char *text = in->value[0], *colon = strchr(text, ':');
	struct cfg_range16 r = {0, UINT16_MAX};
	char low[32] = "";

	if (colon == NULL) {
		if (!sctp_port(in, text, &r.lo))
			return false;
		r.hi = r.lo;
		*out = r;
		return true;
	}
	if ((size_t)(colon - text) < sizeof(low))
		strncat(low, text, colon - text);
	if ((colon != text && !sctp_port(in, low, &r.lo)) ||
	    (colon[1] != '\0' && !sctp_port(in, colon + 1, &r.hi)))
		return false;
	if (r.lo > r.hi) {
		cfg_err_add(in->err, in->pos, "'%s': the range \"%s\" runs backwards", in->name,
			    text);
		return false;
	}
	*out = r;
	return true;
}

static bool
sctp_sport_parse(struct ext_in *in)
{
	in->match->sctp.sport_set = true;
	in->match->sctp.sport_inv = in->invert;
	return sctp_ports(in, &in->match->sctp.sport);
}

static bool
sctp_dport_parse(struct ext_in *in)
{
	in->match->sctp.dport_set = true;
	in->match->sctp.dport_inv = in->invert;
	return sctp_ports(in, &in->match->sctp.dport);
}

static bool
sctp_sport_show(struct ext_out *out)
{
	const struct cfg_m_sctp *m = &out->match->sctp;

	out->invert = m->sport_inv;
	ext_range_show(out, &(struct cfg_range32){m->sport.lo, m->sport.hi});
	return m->sport_set;
}

static bool
sctp_dport_show(struct ext_out *out)
{
	const struct cfg_m_sctp *m = &out->match->sctp;

	out->invert = m->dport_inv;
	ext_range_show(out, &(struct cfg_range32){m->dport.lo, m->dport.hi});
	return m->dport_set;
}

// By type, the order in which iptables-save prints them. flags: a letter per bit from the highest,
// '-' where it has none.
static const struct {
	const char *name;
	uint8_t type;
	const char *flags;
} chunks[] = {
	{"DATA", 0, "----IUBE"},
	{"INIT", 1, ""},
	{"INIT_ACK", 2, ""},
	{"SACK", 3, ""},
	{"HEARTBEAT", 4, ""},
	{"HEARTBEAT_ACK", 5, ""},
	{"ABORT", 6, "-------T"},
	{"SHUTDOWN", 7, ""},
	{"SHUTDOWN_ACK", 8, ""},
	{"ERROR", 9, ""},
	{"COOKIE_ECHO", 10, ""},
	{"COOKIE_ACK", 11, ""},
	{"ECN_ECNE", 12, ""},
	{"ECN_CWR", 13, ""},
	{"SHUTDOWN_COMPLETE", 14, "-------T"},
	{"I_DATA", 64, "----IUBE"},
	{"ASCONF_ACK", 128, ""},
	{"RE_CONFIG", 130, ""},
	{"PAD", 132, ""},
	{"FORWARD_TSN", 192, ""},
	{"ASCONF", 193, ""},
	{"I_FORWARD_TSN", 194, ""},
};
static const char *const chunk_how[] = {"any", "all", "only"};

static struct cfg_sctp_flag *
flag_of(struct cfg_m_sctp *m, uint8_t type)
{
	for (unsigned i = 0; i < m->n_flag; i++)
		if (m->flag[i].type == type)
			return &m->flag[i];
	m->flag[m->n_flag].type = type;
	return &m->flag[m->n_flag++];
}

// Flags of one chunk: a capital letter must be set, a small one clear; of both the capital
// counts. 1.8.9 reads those of I_DATA and forgets them.
static bool
chunk_flags(struct cfg_m_sctp *m, size_t row, const char *letters)
{
	for (; *letters != '\0'; letters++) {
		const char *at = *letters != '-' ? strchr(chunks[row].flags,
							  toupper((unsigned char)*letters))
						 : NULL;
		struct cfg_sctp_flag *f;
		uint8_t bit;

		if (at == NULL)
			return false;
		if (chunks[row].type == 64)
			continue;
		f = flag_of(m, chunks[row].type);
		bit = 1 << (7 - (at - chunks[row].flags));
		f->mask |= bit;
		f->value |= isupper((unsigned char)*letters) ? bit : 0;
	}
	return true;
}

static bool
chunk_word(struct cfg_m_sctp *m, char *word)
{
	char *flags = strchr(word, ':');

	if (flags != NULL)
		*flags++ = '\0';
	for (size_t i = 0; i < EXT_N(chunks); i++) {
		if (strcasecmp(word, chunks[i].name) != 0)
			continue;
		m->chunk[chunks[i].type / 8] |= 1 << chunks[i].type % 8;
		return flags == NULL || chunk_flags(m, i, flags);
	}
	return false;
}

static bool
chunk_types_parse(struct ext_in *in)
{
	struct cfg_m_sctp *m = &in->match->sctp;
	const char *rest = in->value[1];
	char word[64];

	m->chunk_inv = in->invert;
	for (size_t i = 0; i < EXT_N(chunk_how); i++)
		if (strcasecmp(in->value[0], chunk_how[i]) == 0)
			m->chunk_how = CFG_SCTP_ANY + i;
	if (m->chunk_how == CFG_SCTP_NO_CHUNKS) {
		cfg_err_add(in->err, in->pos, "'%s': \"%s\" is not any, all or only", in->name,
			    in->value[0]);
		return false;
	}
	if (strcasecmp(rest, "NONE") == 0)
		return true;
	if (strcasecmp(rest, "ALL") == 0) {
		memset(m->chunk, 0xff, sizeof(m->chunk));
		return true;
	}
	while (rest != NULL && *rest != '\0') {
		if (cfg_value_next(&rest, word, sizeof(word)) && chunk_word(m, word))
			continue;
		cfg_err_add(in->err, in->pos,
			    "'%s': \"%s\" is not a list of chunk types (ALL, NONE, DATA, INIT ...; "
			    "flags behind a colon: DATA:IUBE, ABORT:T, SHUTDOWN_COMPLETE:T)",
			    in->name, in->value[1]);
		return false;
	}
	return true;
}

static void
chunk_show(struct cfg_buf *b, const struct cfg_m_sctp *m, size_t row, const char *sep)
{
	cfg_buf_addf(b, "%s%s", sep, chunks[row].name);
	for (unsigned i = 0; i < m->n_flag; i++) {
		if (m->flag[i].type != chunks[row].type || m->flag[i].mask == 0)
			continue;
		cfg_buf_addc(b, ':');
		for (unsigned bit = 0; bit < 8; bit++) {
			if (!(m->flag[i].mask & 0x80 >> bit))
				continue;
			cfg_buf_addc(b, m->flag[i].value & 0x80 >> bit
						? chunks[row].flags[bit]
						: tolower(chunks[row].flags[bit]));
		}
	}
}

static bool
chunk_types_show(struct ext_out *out)
{
	const struct cfg_m_sctp *m = &out->match->sctp;
	bool all = true, none = true;
	const char *sep = "";

	if (m->chunk_how == CFG_SCTP_NO_CHUNKS)
		return false;
	out->invert = m->chunk_inv;
	for (size_t i = 0; i < sizeof(m->chunk); i++) {
		all &= m->chunk[i] == 0xff;
		none &= m->chunk[i] == 0;
	}
	cfg_buf_addf(out->text, "%s ", chunk_how[m->chunk_how - CFG_SCTP_ANY]);
	if (all || none)
		cfg_buf_add(out->text, all ? "ALL" : "NONE");
	for (size_t i = 0; !all && i < EXT_N(chunks); i++) {
		if (!(m->chunk[chunks[i].type / 8] >> chunks[i].type % 8 & 1))
			continue;
		chunk_show(out->text, m, i, sep);
		sep = ",";
	}
	return true;
}

// ---- esp and ah
static bool
spi_parse(struct ext_in *in)
{
	in->match->spi.set = true;
	in->match->spi.invert = in->invert;
	return ext_range(in, UINT32_MAX, &in->match->spi.range);
}

// iptables-save leaves a range of all out, negated or not.
static bool
spi_show(struct ext_out *out)
{
	const struct cfg_m_spi *m = &out->match->spi;

	if (!m->set || (!out->yaml && m->range.lo == 0 && m->range.hi == UINT32_MAX))
		return false;
	out->invert = m->invert;
	ext_range_show(out, &m->range);
	return true;
}

static bool
ahlen_parse(struct ext_in *in)
{
	struct cfg_m_spi *m = &in->match->spi;

	m->len_set = true;
	m->len_inv = in->invert;
	return ext_number(in, 0, UINT32_MAX, &m->len) && ext_narrow(in, CFG_IPV6, in->name);
}

// A length of 0 asks nothing; negated it is printed nevertheless.
static bool
ahlen_show(struct ext_out *out)
{
	const struct cfg_m_spi *m = &out->match->spi;

	if (!m->len_set || (!out->yaml && m->len == 0 && !m->len_inv))
		return false;
	out->invert = m->len_inv;
	cfg_buf_addf(out->text, "%u", m->len);
	return true;
}

static bool
ahres_parse(struct ext_in *in)
{
	in->match->spi.res = true;
	return ext_narrow(in, CFG_IPV6, in->name);
}

static bool
ahres_show(struct ext_out *out)
{
	return out->match->spi.res;
}

static bool
ah_check(const struct cfg_rule *rule, const void *item, struct cfg_pos pos, struct cfg_err *err)
{
	(void)item;
	if (!(rule->family & CFG_IPV4) || (rule->proto == IPPROTO_AH && !rule->proto_inv))
		return true;
	cfg_err_add(err, pos, "match 'ah' needs protocol ah in the same rule in IPv4");
	return false;
}

static const struct ext_opt tcpmss_opt[] = {
	{.name = "mss",
	 .value = EXT_WORD,
	 .invertible = true,
	 .required = true,
	 .parse = mss_parse,
	 .show = mss_show},
};
#define PORT_OPT(opt, n, p, s)                                                                     \
	{                                                                                          \
		.name = opt, .slot = n, .value = EXT_WORD, .invertible = true, .parse = p,         \
		.show = s                                                                          \
	}
static const struct ext_opt sctp_opt[] = {
	PORT_OPT("sport", 0, sctp_sport_parse, sctp_sport_show),
	PORT_OPT("source-port", 0, sctp_sport_parse, NULL),
	PORT_OPT("dport", 1, sctp_dport_parse, sctp_dport_show),
	PORT_OPT("destination-port", 1, sctp_dport_parse, NULL),
	{.name = "chunk-types",
	 .slot = 2,
	 .value = EXT_PAIR,
	 .invertible = true,
	 .parse = chunk_types_parse,
	 .show = chunk_types_show},
};
static const struct ext_opt esp_opt[] = {
	{.name = "espspi",
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = spi_parse,
	 .show = spi_show},
};
static const struct ext_opt ah_opt[] = {
	{.name = "ahspi",
	 .slot = 0,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = spi_parse,
	 .show = spi_show},
	{.name = "ahlen",
	 .slot = 1,
	 .value = EXT_WORD,
	 .invertible = true,
	 .parse = ahlen_parse,
	 .show = ahlen_show},
	{.name = "ahres", .slot = 2, .parse = ahres_parse, .show = ahres_show},
};

static const uint8_t proto_tcp[] = {IPPROTO_TCP, 0};
static const uint8_t proto_sctp[] = {IPPROTO_SCTP, 0};
static const uint8_t proto_esp[] = {IPPROTO_ESP, 0};

const struct ext ext_tcpmss = {
	.name = "tcpmss",
	.id = CFG_M_TCPMSS,
	.families = CFG_BOTH,
	.proto = proto_tcp,
	.opt = tcpmss_opt,
	.n_opt = EXT_N(tcpmss_opt),
};
const struct ext ext_sctp = {
	.name = "sctp",
	.id = CFG_M_SCTP,
	.families = CFG_BOTH,
	.proto = proto_sctp,
	.proto_key = true,
	.opt = sctp_opt,
	.n_opt = EXT_N(sctp_opt),
};
const struct ext ext_esp = {
	.name = "esp",
	.id = CFG_M_ESP,
	.families = CFG_BOTH,
	.proto = proto_esp,
	.opt = esp_opt,
	.n_opt = EXT_N(esp_opt),
};
const struct ext ext_ah = {
	.name = "ah",
	.id = CFG_M_AH,
	.families = CFG_BOTH,
	.opt = ah_opt,
	.n_opt = EXT_N(ah_opt),
	.check = ah_check,
};
