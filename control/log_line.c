// Log lines as nf_log_syslog writes them. What is printed of a header depends on how much of the
// packet is there (INCOMPLETE, TRUNCATED) and on the rule's flags; an ICMP error is followed into
// the packet that it quotes, once. Called by control/event.c on the main thread and by replay.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "config/policy.h"
#include "control/log_line.h"

struct line {
	char *text;
	size_t size, len;
	const uint8_t *packet; // IP header onwards
	uint32_t have;	       // bytes of it that were copied
	uint32_t length;       // bytes that it has
	uint32_t mark;
	uint8_t flags; // enum cfg_log_flags
};

__attribute__((format(printf, 2, 3))) static void
add(struct line *l, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->len, l->size - l->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		l->len = l->len + (size_t)n < l->size ? l->len + (size_t)n : l->size - 1;
}

// n bytes at off of the packet; NULL: it ends before.
static const uint8_t *
need(const struct line *l, uint32_t off, uint32_t n)
{
	return off + n <= l->length && off + n <= l->have ? l->packet + off : NULL;
}

static uint16_t
be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t
be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static void
add_hex(struct line *l, const uint8_t *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		add(l, "%02X", p[i]);
}

static void
incomplete(struct line *l, uint32_t off)
{
	add(l, "INCOMPLETE [%u bytes] ", l->length - off);
}

static void
tcp_flags(struct line *l, uint16_t flags)
{
	static const char *const name[] = {"AE ",  "CWR ", "ECE ", "URG ", "ACK ",
					   "PSH ", "RST ", "SYN ", "FIN "};

	for (unsigned i = 0; i < 9; i++)
		if (flags & 0x100 >> i)
			add(l, "%s", name[i]);
}

// False: the header is cut off, and the line ends here.
static bool
tcp(struct line *l, uint32_t off, bool later_fragment)
{
	const uint8_t *th = need(l, off, 20), *opt;
	uint32_t n;

	add(l, "PROTO=TCP ");
	if (later_fragment)
		return true;
	if (th == NULL) {
		incomplete(l, off);
		return false;
	}
	add(l, "SPT=%u DPT=%u ", be16(th), be16(th + 2));
	if (l->flags & CFG_LOG_TCP_SEQUENCE)
		add(l, "SEQ=%u ACK=%u ", be32(th + 4), be32(th + 8));
	add(l, "WINDOW=%u RES=0x%02x ", be16(th + 14), (th[12] & 0xe) << 2);
	tcp_flags(l, (uint16_t)(be16(th + 12) & 0x1ff));
	add(l, "URGP=%u ", be16(th + 18));
	n = (th[12] >> 4) * 4;
	if (!(l->flags & CFG_LOG_TCP_OPTIONS) || n <= 20)
		return true;
	opt = need(l, off + 20, n - 20);
	if (opt == NULL) {
		add(l, "OPT (TRUNCATED)");
		return false;
	}
	add(l, "OPT (");
	add_hex(l, opt, n - 20);
	add(l, ") ");
	return true;
}

static bool
udp(struct line *l, uint8_t proto, uint32_t off, bool later_fragment)
{
	const uint8_t *uh = need(l, off, 8);

	add(l, proto == IPPROTO_UDP ? "PROTO=UDP " : "PROTO=UDPLITE ");
	if (later_fragment)
		return true;
	if (uh == NULL) {
		incomplete(l, off);
		return false;
	}
	add(l, "SPT=%u DPT=%u LEN=%u ", be16(uh), be16(uh + 2), be16(uh + 4));
	return true;
}

// AH and ESP of IPv4.
static void
spi(struct line *l, const char *name, uint32_t off, uint32_t size, uint32_t at, bool later_fragment)
{
	const uint8_t *h = need(l, off, size);

	add(l, "PROTO=%s ", name);
	if (later_fragment)
		return;
	if (h == NULL)
		incomplete(l, off);
	else
		add(l, "SPI=0x%x ", be32(h + at));
}

static void ipv4(struct line *l, uint32_t off);

// Bytes of ICMP without which nothing but type and code is told; 0: nothing more is.
static uint32_t
icmp_required(uint8_t type)
{
	switch (type) {
	case ICMP_ECHOREPLY:
	case ICMP_ECHO:
		return 4;
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_REDIRECT:
	case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETERPROB:
		return 8 + 20;
	case ICMP_TIMESTAMP:
	case ICMP_TIMESTAMPREPLY:
		return 20;
	case ICMP_ADDRESS:
	case ICMP_ADDRESSREPLY:
		return 12;
	default:
		return 0;
	}
}

static void
icmp(struct line *l, uint32_t off, bool quoted, bool later_fragment)
{
	const uint8_t *h = need(l, off, 8);

	add(l, "PROTO=ICMP ");
	if (later_fragment)
		return;
	if (h == NULL) {
		incomplete(l, off);
		return;
	}
	add(l, "TYPE=%u CODE=%u ", h[0], h[1]);
	if (l->length - off < icmp_required(h[0])) {
		incomplete(l, off);
		return;
	}
	switch (h[0]) {
	case ICMP_ECHOREPLY:
	case ICMP_ECHO:
		add(l, "ID=%u SEQ=%u ", be16(h + 4), be16(h + 6));
		break;
	case ICMP_PARAMETERPROB:
		add(l, "PARAMETER=%u ", h[4]);
		break;
	case ICMP_REDIRECT:
		add(l, "GATEWAY=%u.%u.%u.%u ", h[4], h[5], h[6], h[7]);
		// fall through
	case ICMP_DEST_UNREACH:
	case ICMP_SOURCE_QUENCH:
	case ICMP_TIME_EXCEEDED:
		if (!quoted) {
			add(l, "[");
			ipv4(l, off + 8);
			add(l, "] ");
		}
		if (h[0] == ICMP_DEST_UNREACH && h[1] == ICMP_FRAG_NEEDED)
			add(l, "MTU=%u ", be16(h + 6));
		break;
	}
}

// False: the line ends here.
static bool
ipv4_payload(struct line *l, const uint8_t *ip, uint32_t off)
{
	bool later = (be16(ip + 6) & 0x1fff) != 0, quoted = off != 0;
	uint32_t l4 = off + (ip[0] & 0xf) * 4;

	switch (ip[9]) {
	case IPPROTO_TCP:
		return tcp(l, l4, later);
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return udp(l, ip[9], l4, later);
	case IPPROTO_ICMP:
		icmp(l, l4, quoted, later);
		return true;
	case IPPROTO_AH:
		spi(l, "AH", l4, 12, 4, later);
		return true;
	case IPPROTO_ESP:
		spi(l, "ESP", l4, 8, 0, later);
		return true;
	default:
		add(l, "PROTO=%u ", ip[9]);
		return true;
	}
}

static void
ipv4(struct line *l, uint32_t off)
{
	const uint8_t *ip = need(l, off, 20), *opt;
	uint16_t frag;

	if (ip == NULL) {
		add(l, "TRUNCATED");
		return;
	}
	add(l, "SRC=%u.%u.%u.%u DST=%u.%u.%u.%u ", ip[12], ip[13], ip[14], ip[15], ip[16], ip[17],
	    ip[18], ip[19]);
	add(l, "LEN=%u TOS=0x%02X PREC=0x%02X TTL=%u ID=%u ", be16(ip + 2), ip[1] & 0x1e,
	    ip[1] & 0xe0, ip[8], be16(ip + 4));
	frag = be16(ip + 6);
	add(l, "%s%s%s", frag & 0x8000 ? "CE " : "", frag & 0x4000 ? "DF " : "",
	    frag & 0x2000 ? "MF " : "");
	if (frag & 0x1fff)
		add(l, "FRAG:%u ", frag & 0x1fff);
	if ((l->flags & CFG_LOG_IP_OPTIONS) && (ip[0] & 0xf) > 5) {
		uint32_t n = (ip[0] & 0xf) * 4 - 20;

		opt = need(l, off + 20, n);
		if (opt == NULL) {
			add(l, "TRUNCATED");
			return;
		}
		add(l, "OPT (");
		add_hex(l, opt, n);
		add(l, ") ");
	}
	if (ipv4_payload(l, ip, off) && off == 0 && l->mark != 0)
		add(l, "MARK=0x%x ", l->mark);
}

static void
ipv6_address(struct line *l, const char *name, const uint8_t *a)
{
	add(l, "%s=", name);
	for (unsigned i = 0; i < 16; i += 2)
		add(l, "%04x%c", be16(a + i), i < 14 ? ':' : ' ');
}

struct ext_header { // where a walk along the headers is
	uint8_t next;
	uint32_t off;
	bool later_fragment;
};

static bool
fragment_header(struct line *l, struct ext_header *x)
{
	const uint8_t *h = need(l, x->off, 8);
	uint16_t field;

	add(l, "FRAG:");
	if (h == NULL) {
		add(l, "TRUNCATED ");
		return false;
	}
	field = be16(h + 2);
	add(l, "%u %sID:%08x ", field & 0xfff8, field & 1 ? "INCOMPLETE " : "", be32(h + 4));
	x->later_fragment |= (field & 0xfff8) != 0;
	return true;
}

// AH and ESP, told of only with the flag for options. False: the line ends here.
static bool
security_header(struct line *l, const struct ext_header *x, bool told)
{
	bool esp = x->next == IPPROTO_ESP;
	const uint8_t *h = need(l, x->off, esp ? 8 : 12);

	if (!told)
		return !esp;
	add(l, esp ? "ESP " : "AH ");
	if (x->later_fragment) {
		add(l, ")");
		return false;
	}
	if (h == NULL) {
		add(l, "INCOMPLETE [%u bytes] )", l->length - x->off);
		return false;
	}
	add(l, esp ? "SPI=0x%x )" : "SPI=0x%x ", be32(h + (esp ? 0 : 4)));
	return !esp;
}

static bool
is_ext_header(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
	       next == IPPROTO_ESP || next == IPPROTO_AH || next == IPPROTO_DSTOPTS;
}

// Along the extension headers. False: the line ends here.
static bool
ext_headers(struct line *l, struct ext_header *x)
{
	bool told = (l->flags & CFG_LOG_IP_OPTIONS) != 0;

	while (is_ext_header(x->next)) {
		const uint8_t *h = need(l, x->off, 2);
		uint32_t n = 8;

		if (h == NULL) {
			add(l, "TRUNCATED");
			return false;
		}
		if (told)
			add(l, "OPT ( ");
		if (x->next == IPPROTO_FRAGMENT) {
			if (!fragment_header(l, x))
				return false;
		} else if (x->next == IPPROTO_AH || x->next == IPPROTO_ESP) {
			if (!security_header(l, x, told))
				return false;
			n = (h[1] + 2u) * 4;
		} else {
			if (x->later_fragment) {
				if (told)
					add(l, ")");
				return false;
			}
			n = (h[1] + 1u) * 8;
		}
		if (told)
			add(l, ") ");
		x->next = h[0];
		x->off += n;
	}
	return true;
}

static void ipv6(struct line *l, uint32_t off);

// False: the line ends here.
static bool
icmp6(struct line *l, const struct ext_header *x, bool quoted)
{
	const uint8_t *h = need(l, x->off, 8);

	add(l, "PROTO=ICMPv6 ");
	if (x->later_fragment)
		return true;
	if (h == NULL) {
		incomplete(l, x->off);
		return false;
	}
	add(l, "TYPE=%u CODE=%u ", h[0], h[1]);
	switch (h[0]) {
	case ICMP6_ECHO_REQUEST:
	case ICMP6_ECHO_REPLY:
		add(l, "ID=%u SEQ=%u ", be16(h + 4), be16(h + 6));
		break;
	case ICMP6_PARAM_PROB:
		add(l, "POINTER=%08x ", be32(h + 4));
		// fall through
	case ICMP6_DST_UNREACH:
	case ICMP6_PACKET_TOO_BIG:
	case ICMP6_TIME_EXCEEDED:
		if (!quoted) {
			add(l, "[");
			ipv6(l, x->off + 8);
			add(l, "] ");
		}
		if (h[0] == ICMP6_PACKET_TOO_BIG)
			add(l, "MTU=%u ", be32(h + 4));
		break;
	}
	return true;
}

static void
ipv6(struct line *l, uint32_t off)
{
	const uint8_t *ip = need(l, off, 40);
	struct ext_header x = {.off = off + 40};
	bool more = true;

	if (ip == NULL) {
		add(l, "TRUNCATED");
		return;
	}
	ipv6_address(l, "SRC", ip + 8);
	ipv6_address(l, "DST", ip + 24);
	add(l, "LEN=%u TC=%u HOPLIMIT=%u FLOWLBL=%u ", be16(ip + 4) + 40u, be32(ip) >> 20 & 0xff,
	    ip[7], be32(ip) & 0xfffff);
	x.next = ip[6];
	if (!ext_headers(l, &x))
		return;
	if (x.next == IPPROTO_TCP)
		more = tcp(l, x.off, x.later_fragment);
	else if (x.next == IPPROTO_UDP || x.next == IPPROTO_UDPLITE)
		more = udp(l, x.next, x.off, x.later_fragment);
	else if (x.next == IPPROTO_ICMPV6)
		more = icmp6(l, &x, off != 0);
	else
		add(l, "PROTO=%u ", x.next);
	if (more && off == 0 && l->mark != 0)
		add(l, "MARK=0x%x ", l->mark);
}

static void
mac(struct line *l, const uint8_t *frame, uint16_t n)
{
	if ((l->flags & CFG_LOG_MACDECODE) && n >= 14) {
		add(l, "MACSRC=%02x:%02x:%02x:%02x:%02x:%02x ", frame[6], frame[7], frame[8],
		    frame[9], frame[10], frame[11]);
		add(l, "MACDST=%02x:%02x:%02x:%02x:%02x:%02x MACPROTO=%04x ", frame[0], frame[1],
		    frame[2], frame[3], frame[4], frame[5], be16(frame + 12));
		return;
	}
	add(l, "MAC=");
	for (uint16_t i = 0; i < n; i++)
		add(l, i == 0 ? "%02x" : ":%02x", frame[i]);
	add(l, " ");
}

// What the kernel's audit record of type NETFILTER_PKT says.
static void
audit(struct line *l, const struct pl_event *e)
{
	bool v4 = e->family == 4;
	char src[INET6_ADDRSTRLEN] = "?", dst[INET6_ADDRSTRLEN] = "?";
	const uint8_t *ip = need(l, 0, v4 ? 20 : 40);

	if (ip != NULL) {
		inet_ntop(v4 ? AF_INET : AF_INET6, ip + (v4 ? 12 : 8), src, sizeof(src));
		inet_ntop(v4 ? AF_INET : AF_INET6, ip + (v4 ? 16 : 24), dst, sizeof(dst));
	}
	add(l, "type=NETFILTER_PKT mark=0x%x saddr=%s daddr=%s proto=%u", e->mark, src, dst,
	    e->proto);
}

static void
trace_prefix(struct line *l, const struct pl_event *e)
{
	static const char *const what[] = {
		[PL_TRACE_RULE] = "rule",
		[PL_TRACE_RETURN] = "return",
		[PL_TRACE_POLICY] = "policy",
	};

	add(l, "TRACE: %s:%s:%s:%u ", cfg_table_name(e->table), e->text, what[e->what], e->rule);
	l->flags = CFG_LOG_TCP_SEQUENCE | CFG_LOG_TCP_OPTIONS | CFG_LOG_IP_OPTIONS | CFG_LOG_UID;
}

size_t
ctl_log_line(char *out, size_t size, const struct pl_event *e, const uint8_t *bytes,
	     const char *const *port_name)
{
	struct line l = {
		.text = out,
		.size = size,
		.packet = bytes + e->l2_len,
		.have = e->n_byte - e->l2_len,
		.length = e->length,
		.mark = e->mark,
	};

	out[0] = '\0';
	if (e->kind == PL_EVENT_AUDIT) {
		audit(&l, e);
		return l.len;
	}
	if (e->kind == PL_EVENT_TRACE) {
		trace_prefix(&l, e);
	} else {
		add(&l, "%s", e->text);
		l.flags = e->what;
	}
	add(&l, "IN=%s OUT=%s ", e->in != PL_PORT_NONE ? port_name[e->in] : "",
	    e->out != PL_PORT_NONE ? port_name[e->out] : "");
	if (e->in != PL_PORT_NONE)
		mac(&l, bytes, e->l2_len);
	if (e->family == 4)
		ipv4(&l, 0);
	else
		ipv6(&l, 0);
	return l.len;
}
