// Reading SIP messages: see ct_sip.h. Called by ct_help_sip.c and by nat's part of that helper on
// the owner's thread; keeps nothing. Headers may be continued on lines that begin with a blank
// (RFC 3261 section 7.3.1) and have one-letter forms (section 7.3.3).
#include <netinet/in.h>
#include <string.h>

#include "conntrack/ct_sip.h"

#define NOT_FOUND UINT32_MAX
#define SIP_PORT  5060

static inline const char *
text(const struct ct_help_pkt *h)
{
	return h->text.at + h->text.msg;
}

static bool
is_word(const struct ct_help_pkt *h, uint32_t off, const char *word)
{
	return ct_text_is(text(h), off, h->text.n, word, (uint32_t)strlen(word));
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

// Behind the end of line at i; NOT_FOUND: the text ends there.
static uint32_t
next_line(const struct ct_help_pkt *h, uint32_t i)
{
	const char *at = text(h);

	if (++i >= h->text.n)
		return NOT_FOUND;
	if (at[i - 1] == '\r' && at[i] == '\n' && ++i >= h->text.n)
		return NOT_FOUND;
	return i;
}

// At an end of line: behind the blanks of a line that goes on with this one; NOT_FOUND: none does.
static uint32_t
go_on(const struct ct_help_pkt *h, uint32_t i)
{
	i = next_line(h, i);
	if (i == NOT_FOUND || !is_blank(text(h)[i]))
		return NOT_FOUND;
	while (i < h->text.n && is_blank(text(h)[i]))
		i++;
	return i;
}

static bool
is_eol(char c)
{
	return c == '\r' || c == '\n';
}

static uint32_t
skip_blanks(const struct ct_help_pkt *h, uint32_t i)
{
	while (i < h->text.n && is_blank(text(h)[i]))
		i++;
	return i < h->text.n && is_eol(text(h)[i]) ? go_on(h, i) : i;
}

// The word in this header, from i on and before `end`.
static uint32_t
search(const struct ct_help_pkt *h, uint32_t i, uint32_t end, const char *word)
{
	uint32_t n = (uint32_t)strlen(word);

	while (i + n < end) {
		if (is_eol(text(h)[i])) {
			i = go_on(h, i);
			if (i == NOT_FOUND)
				return i;
		} else if (is_word(h, i, word)) {
			return i;
		}
		i++;
	}
	return NOT_FOUND;
}

// An address, in brackets where it is IPv6 and they are asked for; the length, 0: none.
static uint32_t
address(const struct ct_help_pkt *h, uint32_t i, bool brackets, union pl_addr *addr)
{
	const char *at = text(h);
	bool v6 = h->p->family == 6, open = v6 && i < h->text.n && at[i] == '[';
	uint32_t n;

	if (v6 && brackets && !open)
		return 0;
	i += open;
	n = ct_text_addr(at, i, h->text.n, h->p->family, addr);
	if (n == 0)
		return 0;
	if (v6 && i + n < h->text.n && at[i + n] == ']')
		return n + open + 1;
	return v6 && brackets ? 0 : n + open;
}

// The port behind the colon at i; *n: its digits. 0: none that a SIP agent may have.
static uint16_t
port_at(const struct ct_help_pkt *h, uint32_t i, uint32_t *n)
{
	uint64_t port = ct_text_number(text(h), i + 1, h->text.n, n);

	return *n <= 5 && port >= 1024 && port <= UINT16_MAX ? (uint16_t)port : 0;
}

// Address and port as they stand; the length, 0: none.
static uint32_t
endpoint(const struct ct_help_pkt *h, uint32_t i)
{
	union pl_addr addr;
	uint32_t n = address(h, i, true, &addr), digits;

	if (n == 0 || i + n >= h->text.n || text(h)[i + n] != ':')
		return n;
	return port_at(h, i + n, &digits) != 0 ? n + 1 + digits : 0;
}

// The same behind "user@", which stays before *i.
static uint32_t
uri(const struct ct_help_pkt *h, uint32_t *i)
{
	for (uint32_t k = *i; k < h->text.n && !is_eol(text(h)[k]); k++) {
		if (text(h)[k] == '@') {
			*i = k + 1;
			break;
		}
	}
	return endpoint(h, *i);
}

static const struct header {
	const char *name, *brief, *behind;
	enum { DIGITS, ENDPOINT, URI } value;
} headers[] = {
	[CT_SIP_CSEQ] = {"CSeq", NULL, NULL, DIGITS},
	[CT_SIP_FROM] = {"From", "f", "sip:", URI},
	[CT_SIP_TO] = {"To", "t", "sip:", URI},
	[CT_SIP_CONTACT] = {"Contact", "m", "sip:", URI},
	[CT_SIP_VIA] = {"Via", "v", "UDP ", ENDPOINT},
	[CT_SIP_EXPIRES] = {"Expires", NULL, NULL, DIGITS},
	[CT_SIP_LENGTH] = {"Content-Length", "l", NULL, DIGITS},
};

static int
value(const struct ct_help_pkt *h, const struct header *what, uint32_t i, struct ct_span *at)
{
	at->off = i;
	if (what->behind != NULL) {
		i = search(h, i, h->text.n, what->behind);
		if (i == NOT_FOUND)
			return -1;
		i += (uint32_t)strlen(what->behind);
	}
	at->off = i;
	switch (what->value) {
	case DIGITS:
		ct_text_number(text(h), i, h->text.n, &at->len);
		break;
	case ENDPOINT:
		at->len = endpoint(h, i);
		break;
	case URI:
		at->len = uri(h, &at->off);
		break;
	}
	return at->len != 0 ? 1 : -1;
}

// Behind the header's name at i; 0: it is another header.
static uint32_t
name_ends(const struct ct_help_pkt *h, const struct header *what, uint32_t i)
{
	if (is_word(h, i, what->name))
		return i + (uint32_t)strlen(what->name);
	if (what->brief != NULL && is_word(h, i, what->brief) && i + 1 < h->text.n &&
	    !ct_is_alpha(text(h)[i + 1]))
		return i + 1;
	return 0;
}

int
ct_sip_header(const struct ct_help_pkt *h, uint32_t off, enum ct_sip_header type,
	      struct ct_span *at)
{
	const struct header *what = &headers[type];

	for (uint32_t i = off, k; i < h->text.n; i++) {
		if (!is_eol(text(h)[i]))
			continue;
		i = next_line(h, i);
		if (i == NOT_FOUND)
			return 0;
		k = is_blank(text(h)[i]) ? 0 : name_ends(h, what, i);
		if (k == 0)
			continue;
		k = skip_blanks(h, k);
		if (k == NOT_FOUND || k >= h->text.n || text(h)[k] != ':' || ++k >= h->text.n)
			return 0;
		k = skip_blanks(h, k);
		if (k == NOT_FOUND || k >= h->text.n)
			return 0;
		return value(h, what, k, at);
	}
	return 0;
}

// The next of a list in the header that *at is in.
static int
next_in_list(const struct ct_help_pkt *h, uint32_t off, const struct header *what,
	     struct ct_span *at)
{
	uint32_t i = search(h, off, h->text.n, ",");

	if (i == NOT_FOUND)
		return 0;
	i = search(h, i, h->text.n, what->behind);
	if (i == NOT_FOUND)
		return 0;
	at->off = i + (uint32_t)strlen(what->behind);
	at->len = what->value == URI ? uri(h, &at->off) : endpoint(h, at->off);
	return at->len != 0 ? 1 : -1;
}

static int
walk(const struct ct_help_pkt *h, uint32_t off, enum ct_sip_header what, bool *inside,
     struct ct_span *at)
{
	int ret;

	while (inside != NULL && *inside) {
		ret = next_in_list(h, off, &headers[what], at);
		if (ret > 0)
			return ret;
		if (ret == 0)
			*inside = false;
		else
			off = at->off;
	}
	while ((ret = ct_sip_header(h, off, what, at)) < 0)
		off = at->off;
	if (ret > 0 && inside != NULL)
		*inside = true;
	return ret;
}

// Address and port of what endpoint() found at off; where it ends.
static uint32_t
take(const struct ct_help_pkt *h, uint32_t off, union pl_addr *addr, rte_be16_t *port)
{
	uint32_t end = off + address(h, off, true, addr), digits;

	*port = rte_cpu_to_be_16(SIP_PORT);
	if (end >= h->text.n || text(h)[end] != ':')
		return end;
	*port = rte_cpu_to_be_16(port_at(h, end, &digits));
	return end + 1 + digits;
}

int
ct_sip_uri(const struct ct_help_pkt *h, uint32_t *off, enum ct_sip_header what, bool *inside,
	   struct ct_span *at, union pl_addr *addr, rte_be16_t *port)
{
	int ret = walk(h, *off, what, inside, at);

	if (ret > 0)
		*off = take(h, at->off, addr, port);
	return ret;
}

int
ct_sip_request_uri(const struct ct_help_pkt *h, struct ct_span *at, union pl_addr *addr,
		   rte_be16_t *port)
{
	uint32_t i = 0;

	while (i < h->text.n && ct_is_alpha(text(h)[i]))
		i++;
	if (i == 0)
		return 0;
	for (i++; i + 4 < h->text.n; i++) {
		if (is_eol(text(h)[i]))
			return 0;
		if (is_word(h, i, "sip:")) {
			i += 4;
			break;
		}
	}
	if (uri(h, &i) == 0)
		return 0;
	at->off = i;
	at->len = take(h, i, addr, port) - i;
	return 1;
}

static uint32_t
param(const struct ct_help_pkt *h, uint32_t off, const char *name)
{
	uint32_t end = search(h, off, h->text.n, ","), i;

	i = search(h, off, end != NOT_FOUND ? end : h->text.n, name);
	return i != NOT_FOUND ? i + (uint32_t)strlen(name) : i;
}

int
ct_sip_addr_param(const struct ct_help_pkt *h, uint32_t off, const char *name, bool brackets,
		  struct ct_span *at, union pl_addr *addr)
{
	at->off = param(h, off, name);
	if (at->off == NOT_FOUND)
		return 0;
	at->len = address(h, at->off, brackets, addr);
	return at->len != 0;
}

int
ct_sip_number_param(const struct ct_help_pkt *h, uint32_t off, const char *name, struct ct_span *at,
		    uint32_t *number)
{
	uint64_t v;

	at->off = param(h, off, name);
	if (at->off == NOT_FOUND)
		return 0;
	v = ct_text_number(text(h), at->off, h->text.n, &at->len);
	if (at->len == 0)
		return -1;
	*number = (uint32_t)v;
	return 1;
}

bool
ct_sip_transport_ok(const struct ct_help_pkt *h, uint32_t off)
{
	uint32_t i = param(h, off, "transport=");

	return i == NOT_FOUND || is_word(h, i, h->p->proto == IPPROTO_TCP ? "TCP" : "UDP");
}

static uint32_t
letters(const struct ct_help_pkt *h, uint32_t i)
{
	uint32_t n = 0;

	while (i + n < h->text.n && ct_is_alpha(text(h)[i + n]))
		n++;
	return n;
}

int
ct_sdp_find(const struct ct_help_pkt *h, uint32_t off, enum ct_sdp_line what,
	    enum ct_sdp_line until, struct ct_span *at)
{
	static const char *const name[] = {"v=", "o=", "c=", "m=", NULL};
	const char *behind = h->p->family == 4 ? "IN IP4 " : "IN IP6 ";
	union pl_addr addr;
	uint32_t digits;

	for (uint32_t i = off; i < h->text.n; i++) {
		if (!is_eol(text(h)[i]))
			continue;
		i = next_line(h, i);
		if (i == NOT_FOUND || (name[until] != NULL && is_word(h, i, name[until])))
			return 0;
		if (!is_word(h, i, name[what]))
			continue;
		i += 2;
		at->off = i;
		if (what == CT_SDP_OWNER || what == CT_SDP_CONNECTION) {
			while (!is_word(h, i, behind)) {
				if (i >= h->text.n || is_eol(text(h)[i]))
					return -1;
				i++;
			}
			i += (uint32_t)strlen(behind);
			at->len = address(h, i, false, &addr);
		} else if (what == CT_SDP_VERSION) {
			ct_text_number(text(h), i, h->text.n, &at->len);
		} else {
			at->len = letters(h, i);
			if (i + at->len >= h->text.n || text(h)[i + at->len] != ' ')
				return -1;
			ct_text_number(text(h), i + at->len + 1, h->text.n, &digits);
			at->len += 1 + digits;
		}
		at->off = i;
		return at->len != 0 ? 1 : -1;
	}
	return 0;
}

int
ct_sdp_addr(const struct ct_help_pkt *h, uint32_t off, union pl_addr *addr)
{
	struct ct_span at;
	int ret = ct_sdp_find(h, off, CT_SDP_CONNECTION, CT_SDP_MEDIA, &at);

	if (ret > 0)
		address(h, at.off, false, addr);
	return ret;
}
