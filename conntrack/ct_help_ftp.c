// FTP (RFC 959, RFC 2428, RFC 1123): the control connection says where the data connection will go.
// PORT and EPRT of the client, the answers 227 and 229 of the server. Called by ct_help.c for each
// packet of a helped flow that has payload, on the owner's thread. Which spellings count is
// nf_conntrack_ftp's: a command counts only at the start of a packet, where a line is known to
// begin; one that is cut off makes the packet be dropped, so that the sender sends it whole.
#include <netinet/in.h>

#include "conntrack/ct_expect.h"

struct command {
	const char *word; // 4 letters
	char skip;	  // what is read begins behind the first of these; 0: at once
	char end;	  // what ends it; 0: anything
	enum ct_ftp_command id;
	// Reads the n bytes at `at`: how many they take, 0 where they make no sense. *shift: how
	// many before those were passed over.
	uint32_t (*read)(const char *at, uint32_t n, char end, struct ct_expect *x,
			 uint32_t *shift);
};

// n numbers with sep between; the length, 0 where there are fewer or another byte than `end` (0:
// whatever) is behind them.
static uint32_t
numbers(const char *at, uint32_t len, uint32_t *value, unsigned n, char sep, char end)
{
	unsigned k = 0;

	memset(value, 0, n * sizeof(*value));
	for (uint32_t i = 0; i < len && k < n; i++) {
		if (ct_is_digit(at[i]))
			value[k] = value[k] * 10 + (uint32_t)(at[i] - '0');
		else if (at[i] == sep)
			k++;
		else
			return (end == 0 || at[i] == end) && k == n - 1 ? i : 0;
	}
	return 0;
}

static union pl_addr
addr_of(const uint32_t v[4])
{
	union pl_addr a;

	memset(&a, 0, sizeof(a));
	a.v4 = rte_cpu_to_be_32(v[0] << 24 | v[1] << 16 | v[2] << 8 | v[3]);
	return a;
}

// h1,h2,h3,h4,p1,p2
static uint32_t
read_port(const char *at, uint32_t len, char end, struct ct_expect *x, uint32_t *shift)
{
	uint32_t v[6], n = numbers(at, len, v, 6, ',', end);

	(void)shift;
	if (n == 0)
		return 0;
	x->saved_addr = addr_of(v);
	x->dport = rte_cpu_to_be_16((uint16_t)(v[4] << 8 | v[5]));
	return n;
}

// The same behind any words (RFC 1123 section 4.1.2.6).
static uint32_t
read_pasv(const char *at, uint32_t len, char end, struct ct_expect *x, uint32_t *shift)
{
	uint32_t i = 0;

	(void)end;
	while (i < len && !ct_is_digit(at[i]))
		i++;
	*shift = i;
	return i < len ? read_port(at + i, len - i, 0, x, shift) : 0;
}

// A port and the delimiter from i on; the length up to behind it, 0: none.
static uint32_t
port_at(const char *at, uint32_t i, uint32_t len, char delim, struct ct_expect *x)
{
	uint32_t n;
	uint16_t port = (uint16_t)ct_text_number(at, i, len, &n);

	if (port == 0 || i + n >= len || at[i + n] != delim)
		return 0;
	x->dport = rte_cpu_to_be_16(port);
	return i + n + 1;
}

static bool
is_delim(char c)
{
	return c >= 33 && c <= 126 && !ct_is_digit(c);
}

// |1|192.0.2.1|port| or |2|2001:db8::1|port| with any delimiter.
static uint32_t
read_eprt(const char *at, uint32_t len, char end, struct ct_expect *x, uint32_t *shift)
{
	union pl_addr addr;
	uint32_t v[4], n;

	(void)end;
	(void)shift;
	if (len <= 3 || !is_delim(at[0]) || at[2] != at[0] || at[1] != (x->family == 4 ? '1' : '2'))
		return 0;
	if (x->family == 4) {
		n = numbers(at + 3, len - 3, v, 4, '.', at[0]);
		addr = addr_of(v);
	} else {
		n = ct_text_addr(at, 3, len, 6, &addr);
		if (3 + n >= len || at[3 + n] != at[0])
			return 0;
	}
	if (n == 0)
		return 0;
	x->saved_addr = addr;
	return port_at(at, 3 + n + 1, len, at[0], x);
}

// |||port|
static uint32_t
read_epsv(const char *at, uint32_t len, char end, struct ct_expect *x, uint32_t *shift)
{
	(void)end;
	(void)shift;
	if (len <= 3 || !is_delim(at[0]) || at[1] != at[0] || at[2] != at[0])
		return 0;
	return port_at(at, 3, len, at[0], x);
}

static const struct command commands[2][2] = {
	[CT_ORIGINAL] = {{"PORT", ' ', '\r', CT_FTP_PORT, read_port},
			 {"EPRT", ' ', '\r', CT_FTP_EPRT, read_eprt}},
	[CT_REPLY] = {{"227 ", 0, 0, CT_FTP_PASV, read_pasv},
		      {"229 ", '(', ')', CT_FTP_EPSV, read_epsv}},
};

enum found { NOTHING, PARTIAL, FOUND };

static enum found
match(const struct command *c, const char *at, uint32_t len, struct ct_expect *x,
      struct ct_span *where)
{
	uint32_t i = 4, shift = 0;

	if (!ct_text_is(at, 0, len, c->word, len < 4 ? len : 4))
		return NOTHING;
	if (len <= 4)
		return PARTIAL;
	if (c->skip != 0) {
		while (at[i] != c->skip) {
			if (++i == len)
				return PARTIAL;
		}
		i++;
	}
	where->len = c->read(at + i, len - i, c->end, x, &shift);
	where->off = i + shift;
	return where->len != 0 ? FOUND : PARTIAL;
}

static bool
line_begins(const struct ct_ftp_state *ftp, enum ct_dir dir, uint32_t seq)
{
	for (unsigned i = 0; i < ftp->n[dir]; i++) {
		if (ftp->line[dir][i] == seq)
			return true;
	}
	return false;
}

static void
line_will_begin(struct ct_ftp_state *ftp, enum ct_dir dir, uint32_t seq)
{
	uint32_t *line = ftp->line[dir];

	if (line_begins(ftp, dir, seq))
		return;
	if (ftp->n[dir] < 2)
		line[ftp->n[dir]++] = seq;
	else
		line[ct_seq_after(line[1], line[0]) ? 0 : 1] = seq;
}

// The command names the flow: it comes from the other end of the control connection, to where the
// sender of the command said. Anything but the sender's own address is let be, as netfilter does
// unless told to be loose: it would open the way to whomever the sender likes.
static bool
announce(struct ct_help_pkt *h, const struct command *c, struct ct_span where,
	 const struct ct_expect *read)
{
	struct ct_tuple back = ct_entry_tuple(h->e, h->dir == CT_ORIGINAL ? CT_REPLY : CT_ORIGINAL);
	struct ct_tuple ours = ct_entry_tuple(h->e, h->dir);
	struct ct_expect x;

	if (c->id != CT_FTP_EPSV && memcmp(&read->saved_addr, &ours.src, sizeof(ours.src)) != 0)
		return true;
	ct_expect_init(h, &x, 0, &back.src, &back.dst, IPPROTO_TCP, read->dport);
	if (h->nat != NULL)
		return h->nat->ftp(h, c->id, where, &x);
	return ct_expect_add(h, &x, false) == 0;
}

static bool
ftp_packet(struct ct_help_pkt *h)
{
	struct ct_ftp_state *ftp = &ct_help_of(h->w->ct, h->e)->ftp;
	const char *at = h->text.at;
	uint32_t len = h->text.len;
	bool ends_line = at[len - 1] == '\n', ok = true;

	if (h->p->ct_state != PL_CT_ESTABLISHED)
		return true; // both sides must have spoken
	if (line_begins(ftp, h->dir, h->seq)) {
		for (unsigned i = 0; i < RTE_DIM(commands[0]); i++) {
			struct ct_expect x = {.family = h->e->family};
			struct ct_span where;
			enum found f = match(&commands[h->dir][i], at, len, &x, &where);

			if (f == NOTHING)
				continue;
			if (f == PARTIAL)
				return false;
			ok = announce(h, &commands[h->dir][i], where, &x);
			break;
		}
	}
	if (ends_line)
		line_will_begin(ftp, h->dir, h->seq + len);
	return ok;
}

const struct ct_helper ct_helper_ftp = {
	.packet = ftp_packet,
	.class[0] = {.max = 1, .ms = 300000},
};
