// SIP over UDP (RFC 3261): signalling says where calls come in (REGISTER) and where media goes
// (SDP, RFC 4566): RTP at the port that a media line names, RTCP at the one above. Called by
// ct_help.c for each packet of a helped flow that has payload, on the owner's thread. Follows
// nf_conntrack_sip with its defaults: media and calls only from and to the two ends of the
// signalling.
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "conntrack/ct_expect.h"
#include "conntrack/ct_redirect.h"
#include "conntrack/ct_sip.h"

enum { SIGNALLING, AUDIO, VIDEO, IMAGE }; // classes

#define SIP_MS	  3600000 // a flow of signalling lives so long, and so does a registration
#define SHORTEST  11	  // "SIP/2.0 200"
#define MEDIA_MAX 3	  // media lines with a port that are looked at

static const char *
text(const struct ct_help_pkt *h)
{
	return h->text.at + h->text.msg;
}

static bool
same(const union pl_addr *a, const union pl_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static enum ct_dir
other(const struct ct_help_pkt *h)
{
	return h->dir == CT_ORIGINAL ? CT_REPLY : CT_ORIGINAL;
}

// What is expected of the media, or of the signalling (one registration), is so no longer.
static void
flush(struct ct_help_pkt *h, bool media)
{
	struct ct_table *t = h->w->ct;
	uint32_t at = ct_help_of(t, h->e)->expect;

	while (at != 0) {
		struct ct_expect_slot *s = &t->helps->slot[at];

		at = s->next;
		if ((s->x.class != SIGNALLING) != media)
			continue;
		ct_expect_withdraw(t, s);
		if (!media)
			return;
	}
}

// ---- media --------------------------------------------------------------------------------------

// The same media is announced by another call already. Where both are translated the ends can
// reach each other directly: *addr and *port become those. *skip: nothing is to be added.
static bool
direct(struct ct_help_pkt *h, struct ct_expect *x, bool *skip)
{
	struct ct_table *t = h->w->ct;
	bool found = false;

	for (unsigned i = 0; i < 2; i++) {
		const struct ct_expect_slot *s;
		struct ct_key k;
		uint16_t owner;

		ct_expect_key(&k, x);
		s = ct_expect_at(t, &k);
		if (s == NULL) {
			*skip = ct_redirect_expected(t, &k, &owner);
			return found;
		}
		if (s->master == ct_id_of(t, h->e) || s->x.class != x->class ||
		    ct_help_of(t, ct_entry_at(t, s->master))->helper != CFG_HELPER_SIP)
			return found;
		if (found || h->nat == NULL || s->x.bind == NULL ||
		    (same(&s->x.saved_addr, &s->x.dst) && s->x.saved_port == s->x.dport)) {
			*skip = true;
			return found;
		}
		x->dst = s->x.saved_addr;
		x->dport = s->x.saved_port;
		found = true;
	}
	return found;
}

// RTP and RTCP to *addr and port. False: drop. *addr: as the other side is to see it.
static bool
expect_media(struct ct_help_pkt *h, union pl_addr *addr, uint16_t port, unsigned class,
	     struct ct_span where)
{
	struct ct_tuple back = ct_entry_tuple(h->e, other(h));
	struct ct_tuple ours = ct_entry_tuple(h->e, h->dir);
	struct ct_expect rtp, rtcp;
	bool skip = false, known;
	int ret;

	if (!same(addr, &ours.src))
		return true; // somebody else's media: only the sender's own is opened
	ct_expect_init(h, &rtp, class, &back.src, addr, IPPROTO_UDP, rte_cpu_to_be_16(port));
	known = direct(h, &rtp, &skip);
	*addr = rtp.dst;
	port = rte_be_to_cpu_16(rtp.dport) & 0xfffe;
	if (known && !h->nat->sip_port(h, where, port))
		return false;
	if (skip)
		return true;
	rtp.dport = rte_cpu_to_be_16(port);
	rtcp = rtp;
	rtcp.dport = rte_cpu_to_be_16(port + 1);
	if (h->nat != NULL && !known)
		return h->nat->sip_media(h, where, &rtp, &rtcp, addr);
	ret = ct_expect_add(h, &rtp, true);
	if (ret < 0 && ret != -EALREADY)
		return false;
	if (ct_expect_add(h, &rtcp, true) >= 0)
		return true;
	if (ret == 0)
		ct_expect_remove(h, &rtp);
	return false;
}

// The media line at *at: its class; then *at is the port. 0: none of those that are followed.
static unsigned
media_class(const struct ct_help_pkt *h, struct ct_span *at)
{
	static const char *const name[] = {
		[AUDIO] = "audio ", [VIDEO] = "video ", [IMAGE] = "image "};

	for (unsigned c = AUDIO; c <= IMAGE; c++) {
		if (at->len >= 6 && ct_text_is(text(h), at->off, h->text.n, name[c], 6)) {
			at->off += 6;
			at->len -= 6;
			return c;
		}
	}
	return 0;
}

// One media description. -1: drop; 1: done; 0: nothing to do. *addr: of its media.
static int
one_media(struct ct_help_pkt *h, struct ct_span *at, const union pl_addr *session, bool has_session,
	  union pl_addr *addr)
{
	unsigned class = media_class(h, at);
	uint64_t port;
	bool own;

	if (class == 0) {
		at->off += at->len;
		return 0;
	}
	port = (uint32_t)ct_text_number(text(h), at->off, h->text.n, NULL);
	if (port == 0)
		return 0; // not in use
	if (port < 1024 || port > UINT16_MAX)
		return -1;
	own = ct_sdp_addr(h, at->off, addr) > 0;
	if (!own && !has_session)
		return -1;
	if (!own)
		*addr = *session;
	if (!expect_media(h, addr, (uint16_t)port, class, *at))
		return -1;
	if (own && h->nat != NULL && !h->nat->sip_media_addr(h, at->off, addr))
		return -1;
	return 1;
}

static bool
sdp(struct ct_help_pkt *h)
{
	union pl_addr session, addr;
	struct ct_span at, media;
	bool has_session;
	unsigned done = 0;

	memset(&session, 0, sizeof(session));
	if (ct_sdp_find(h, 0, CT_SDP_VERSION, CT_SDP_NONE, &at) <= 0)
		return true;
	has_session = ct_sdp_addr(h, at.off, &session) > 0;
	media = (struct ct_span){at.off, 0};
	while (done < MEDIA_MAX &&
	       ct_sdp_find(h, media.off, CT_SDP_MEDIA, CT_SDP_NONE, &media) > 0) {
		int ret = one_media(h, &media, &session, has_session, &addr);

		if (ret < 0)
			return false;
		done += (unsigned)ret;
	}
	return h->nat == NULL || done == 0 || h->nat->sip_session(h, at.off, &addr);
}

// ---- requests and answers -----------------------------------------------------------------------

static bool
invite(struct ct_help_pkt *h, uint32_t cseq)
{
	flush(h, true);
	if (!sdp(h))
		return false;
	ct_help_sip(h)->invite_cseq = cseq;
	return true;
}

static bool
media_request(struct ct_help_pkt *h, uint32_t cseq)
{
	(void)cseq;
	return sdp(h);
}

static bool
bye(struct ct_help_pkt *h, uint32_t cseq)
{
	(void)cseq;
	flush(h, true);
	return true;
}

static bool
media_answer(struct ct_help_pkt *h, uint32_t cseq, uint32_t code)
{
	if (code >= 100 && code <= 299)
		return sdp(h);
	if (ct_help_sip(h)->invite_cseq == cseq)
		flush(h, true);
	return true;
}

static uint32_t
expires_of(const struct ct_help_pkt *h)
{
	struct ct_span at;

	if (ct_sip_header(h, 0, CT_SIP_EXPIRES, &at) <= 0)
		return 0;
	return (uint32_t)ct_text_number(text(h), at.off, h->text.n, NULL);
}

// Calls will come in at the address of the Contact header, once the registrar has agreed.
static bool
announce_contact(struct ct_help_pkt *h, struct ct_span at, const union pl_addr *addr,
		 rte_be16_t port)
{
	struct ct_tuple back = ct_entry_tuple(h->e, other(h));
	struct ct_expect x;

	ct_expect_init(h, &x, SIGNALLING, &back.src, addr, h->p->proto, port);
	x.timeout_ms = SIP_MS;
	x.helper = CFG_HELPER_SIP;
	x.flags = CT_E_PERMANENT | CT_E_INACTIVE;
	if (h->nat != NULL)
		return h->nat->sip_contact(h, at, &x);
	return ct_expect_add(h, &x, false) == 0;
}

static bool
register_request(struct ct_help_pkt *h, uint32_t cseq)
{
	struct ct_tuple ours = ct_entry_tuple(h->e, h->dir);
	uint32_t expires, off = 0, behind;
	struct ct_span at, param;
	union pl_addr addr;
	rte_be16_t port;

	if (ct_entry_status(h->e) & CT_S_EXPECTED)
		return true;
	expires = expires_of(h);
	if (ct_sip_uri(h, &off, CT_SIP_CONTACT, NULL, &at, &addr, &port) == 0)
		return true;
	behind = at.off + at.len;
	if (!same(&ours.src, &addr) || !ct_sip_transport_ok(h, behind))
		return true; // for somebody else, or elsewhere
	if (ct_sip_number_param(h, behind, "expires=", &param, &expires) < 0)
		return false;
	if (expires != 0 && !announce_contact(h, at, &addr, port))
		return false;
	ct_help_sip(h)->register_cseq = cseq;
	return true;
}

// The registrar agreed to this one: calls may come. False: there is none such.
static bool
agree(struct ct_help_pkt *h, const union pl_addr *addr, rte_be16_t port, uint32_t expires)
{
	struct ct_table *t = h->w->ct;
	uint64_t ms = (uint64_t)expires * 1000;

	for (uint32_t at = ct_help_of(t, h->e)->expect; at != 0; at = t->helps->slot[at].next) {
		struct ct_expect_slot *s = &t->helps->slot[at];

		if (s->x.class != SIGNALLING || !same(&s->x.dst, addr) || s->x.dport != port ||
		    s->x.proto != h->p->proto)
			continue;
		s->deadline =
			(uint32_t)t->tick +
			ct_ticks_of_ms(ms < CT_TIMEOUT_MAX_MS ? (uint32_t)ms : CT_TIMEOUT_MAX_MS);
		s->x.flags &= (uint8_t)~CT_E_INACTIVE;
		return true;
	}
	return false;
}

static bool
register_answer(struct ct_help_pkt *h, uint32_t cseq, uint32_t code)
{
	struct ct_tuple ours = ct_entry_tuple(h->e, h->dir);
	uint32_t off = 0, expires;
	struct ct_span at, param;
	union pl_addr addr;
	bool inside = false;
	rte_be16_t port;

	if (ct_help_sip(h)->register_cseq != cseq || (code >= 100 && code <= 199))
		return true;
	expires = code >= 200 && code <= 299 ? expires_of(h) : 0;
	while (code >= 200 && code <= 299) {
		uint32_t its = expires;

		if (ct_sip_uri(h, &off, CT_SIP_CONTACT, &inside, &at, &addr, &port) == 0)
			break;
		if (!same(&ours.dst, &addr) || !ct_sip_transport_ok(h, at.off + at.len))
			continue;
		if (ct_sip_number_param(h, at.off + at.len, "expires=", &param, &its) < 0)
			return false;
		if (its == 0)
			break;
		if (agree(h, &addr, port, its))
			return true;
	}
	flush(h, false);
	return true;
}

static const struct method {
	const char *name;
	bool (*request)(struct ct_help_pkt *h, uint32_t cseq);
	bool (*answer)(struct ct_help_pkt *h, uint32_t cseq, uint32_t code);
} methods[] = {
	{"INVITE", invite, media_answer},
	{"UPDATE", media_request, media_answer},
	{"ACK", media_request, NULL},
	{"PRACK", media_request, media_answer},
	{"BYE", bye, NULL},
	{"REGISTER", register_request, register_answer},
};

// The number, and behind it *end. False: none.
static bool
cseq_of(const struct ct_help_pkt *h, uint32_t *cseq, uint32_t *end)
{
	struct ct_span at;

	if (ct_sip_header(h, 0, CT_SIP_CSEQ, &at) <= 0)
		return false;
	*cseq = (uint32_t)ct_text_number(text(h), at.off, h->text.n, NULL);
	*end = at.off + at.len;
	return *cseq != 0 || text(h)[at.off] == '0';
}

// Phones that ask from one port and want the answer at another say so in Via.
static void
note_via(struct ct_help_pkt *h)
{
	struct ct_tuple ours = ct_entry_tuple(h->e, h->dir);
	struct ct_span at;
	union pl_addr addr;
	uint32_t off = 0;
	rte_be16_t port;

	if (ct_sip_uri(h, &off, CT_SIP_VIA, NULL, &at, &addr, &port) > 0 && port != ours.sport &&
	    same(&addr, &ours.src))
		ct_help_sip(h)->forced_dport = port;
}

static bool
request(struct ct_help_pkt *h)
{
	uint32_t cseq, end;

	note_via(h);
	for (unsigned i = 0; i < RTE_DIM(methods); i++) {
		uint32_t n = (uint32_t)strlen(methods[i].name);

		if (h->text.n < n + 2 || !ct_text_is(text(h), 0, h->text.n, methods[i].name, n) ||
		    text(h)[n] != ' ' || !ct_is_alpha(text(h)[n + 1]))
			continue;
		return cseq_of(h, &cseq, &end) && methods[i].request(h, cseq);
	}
	return true;
}

static bool
answer(struct ct_help_pkt *h)
{
	uint32_t code = (uint32_t)ct_text_number(text(h), 8, h->text.n, NULL), cseq, end;

	if (code == 0 || !cseq_of(h, &cseq, &end))
		return false;
	for (unsigned i = 0; i < RTE_DIM(methods); i++) {
		if (methods[i].answer == NULL ||
		    !ct_text_is(text(h), end + 1, h->text.n, methods[i].name,
				(uint32_t)strlen(methods[i].name)))
			continue;
		return methods[i].answer(h, cseq, code);
	}
	return true;
}

static bool
sip_packet(struct ct_help_pkt *h)
{
	bool ok;

	ct_wheel_refresh(h->w->ct, h->e, SIP_MS);
	if (h->text.n < SHORTEST)
		return true;
	ok = ct_text_is(text(h), 0, h->text.n, "SIP/2.0 ", 8) ? answer(h) : request(h);
	return ok && (h->nat == NULL || h->nat->sip_message(h));
}

const struct ct_helper ct_helper_sip = {
	.packet = sip_packet,
	.class = {[SIGNALLING] = {1, 180000},
		  [AUDIO] = {4, 180000},
		  [VIDEO] = {4, 180000},
		  [IMAGE] = {2, 180000}},
};
