// SIP through a translator: a message's own addresses (request URI, topmost Via, Contact, From, To)
// and those in its session description become what the other side sees; calls and media that were
// announced are bound as they must be. Call-ID and all else stay. Called by conntrack's SIP helper
// through struct ct_help_nat on the worker's thread; keeps nothing. As nf_nat_sip; RFC 3261,
// RFC 3581, RFC 4566.
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "conntrack/ct_sip.h"
#include "nat/nat_core.h"
#include "nat/nat_help.h"

#define MEDIA_TRIES 128 // pairs of ports

static bool
same(const union pl_addr *a, const union pl_addr *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static enum ct_dir
other(enum ct_dir dir)
{
	return dir == CT_ORIGINAL ? CT_REPLY : CT_ORIGINAL;
}

// The flow as the sender sees it, and as the receiver does, the other way round.
struct view {
	struct ct_tuple ours, back;
};

static struct view
view_of(const struct ct_help_pkt *h)
{
	return (struct view){ct_entry_tuple(h->e, h->dir), ct_entry_tuple(h->e, other(h->dir))};
}

static bool
put_addr(struct ct_help_pkt *h, struct ct_span at, const union pl_addr *addr, bool brackets,
	 rte_be16_t port)
{
	char word[CT_ADDR_TEXT];
	uint32_t n = ct_text_addr_put(word, h->p->family, addr, brackets, rte_be_to_cpu_16(port));

	return ct_text_edit(&h->text, at.off, at.len, word, n);
}

static bool
put_number(struct ct_help_pkt *h, struct ct_span at, uint32_t v)
{
	char word[16];
	int n = snprintf(word, sizeof(word), "%u", v);

	return ct_text_edit(&h->text, at.off, at.len, word, (uint32_t)n);
}

// ---- the message --------------------------------------------------------------------------------

// An end of this flow becomes what the other side calls it.
static bool
map(struct ct_help_pkt *h, struct ct_span at, const union pl_addr *addr, rte_be16_t port)
{
	struct view v = view_of(h);
	rte_be16_t forced = ct_help_sip(h)->forced_dport, now_port;
	union pl_addr now;

	if (same(&v.ours.src, addr) && v.ours.sport == port) {
		now = v.back.dst;
		now_port = v.back.dport;
	} else if (same(&v.ours.dst, addr) && v.ours.dport == port) {
		now = v.back.src;
		now_port = forced != 0 ? forced : v.back.sport;
	} else {
		return true;
	}
	return (same(&now, addr) && now_port == port) || put_addr(h, at, &now, true, now_port);
}

static bool
map_header(struct ct_help_pkt *h, enum ct_sip_header what)
{
	union pl_addr addr;
	struct ct_span at;
	rte_be16_t port;
	uint32_t off = 0;

	return ct_sip_uri(h, &off, what, NULL, &at, &addr, &port) <= 0 || map(h, at, &addr, port);
}

// Via's parameters: where the answer is to go, where the request came from (RFC 3581).
static bool
map_via_params(struct ct_help_pkt *h, uint32_t behind)
{
	struct view v = view_of(h);
	union pl_addr addr;
	struct ct_span at;
	uint32_t port;

	if (ct_sip_addr_param(h, behind, "maddr=", true, &at, &addr) > 0 &&
	    same(&addr, &v.ours.src) && !same(&addr, &v.back.dst) &&
	    !put_addr(h, at, &v.back.dst, true, 0))
		return false;
	if (ct_sip_addr_param(h, behind, "received=", false, &at, &addr) > 0 &&
	    same(&addr, &v.ours.dst) && !same(&addr, &v.back.src) &&
	    !put_addr(h, at, &v.back.src, false, 0))
		return false;
	return ct_sip_number_param(h, behind, "rport=", &at, &port) <= 0 ||
	       rte_cpu_to_be_16((uint16_t)port) != v.ours.dport || v.ours.dport == v.back.sport ||
	       put_number(h, at, rte_be_to_cpu_16(v.back.sport));
}

static bool
map_via(struct ct_help_pkt *h, bool request)
{
	struct view v = view_of(h);
	const union pl_addr *mine = request ? &v.ours.src : &v.ours.dst;
	rte_be16_t my_port = request ? v.ours.sport : v.ours.dport, port;
	uint32_t before = h->text.n, off = 0;
	union pl_addr addr;
	struct ct_span at;

	if (ct_sip_uri(h, &off, CT_SIP_VIA, NULL, &at, &addr, &port) <= 0 || !same(&addr, mine) ||
	    port != my_port)
		return true;
	if (!map(h, at, &addr, port))
		return false;
	return map_via_params(h, at.off + at.len + h->text.n - before);
}

static bool
map_contacts(struct ct_help_pkt *h)
{
	union pl_addr addr;
	struct ct_span at;
	rte_be16_t port;
	bool inside = false;
	uint32_t off = 0;

	while (ct_sip_uri(h, &off, CT_SIP_CONTACT, &inside, &at, &addr, &port) > 0) {
		uint32_t before = h->text.n;

		if (!map(h, at, &addr, port))
			return false;
		off = off + h->text.n - before;
	}
	return true;
}

// Answers go to the port that the request's Via named.
static bool
force_port(struct ct_help_pkt *h)
{
	rte_be16_t port = ct_help_sip(h)->forced_dport;

	if (h->dir != CT_REPLY || port == 0)
		return true;
	return nat_rewrite(h->p, NAT_DST, &h->p->dst, port);
}

bool
nat_help_sip_message(struct ct_help_pkt *h)
{
	bool request = !ct_text_is(h->text.at + h->text.msg, 0, h->text.n, "SIP/2.0", 7);
	union pl_addr addr;
	struct ct_span at;
	rte_be16_t port;

	if (request && ct_sip_request_uri(h, &at, &addr, &port) > 0 && !map(h, at, &addr, port))
		return false;
	return map_via(h, request) && map_contacts(h) && map_header(h, CT_SIP_FROM) &&
	       map_header(h, CT_SIP_TO) && force_port(h);
}

// ---- what is announced --------------------------------------------------------------------------

static int
bind_dst(struct pl_worker *w, struct pl_pkt *p, const struct ct_expect *x, bool last)
{
	uint16_t port = rte_be_to_cpu_16(x->saved_port);
	struct pl_nat_rule to = {.flags = PL_NAT_HAS_ADDR | PL_NAT_HAS_PORTS,
				 .port_min = port,
				 .port_max = port,
				 .addr_min = x->saved_addr,
				 .addr_max = x->saved_addr};

	return nat_bind_to(w, p, NAT_DST, &to, last);
}

// The destination is where the payload said. The source becomes what the payload of the other side
// announced it as, where it did; else what the master's other side sees, where it comes from the
// master's own address; else the nat table decides.
static int
follow(struct pl_worker *w, struct pl_pkt *p, const struct ct_expect *x,
       const struct ct_entry *master)
{
	struct ct_tuple in = ct_entry_tuple(master, (enum ct_dir)x->dir);
	struct ct_tuple out = ct_entry_tuple(master, other((enum ct_dir)x->dir));
	struct ct_tuple flow = ct_entry_tuple(p->ct, CT_ORIGINAL);
	struct pl_nat_rule from = {.flags = PL_NAT_HAS_ADDR};
	const struct ct_expect *pair;
	uint32_t at = 0;
	int ret;

	while (x->class != 0 && (pair = ct_expect_next(w, master, &at)) != NULL) {
		if (pair->proto != flow.proto || !same(&pair->saved_addr, &flow.src) ||
		    pair->saved_port != flow.sport)
			continue;
		from.flags |= PL_NAT_HAS_PORTS;
		from.port_min = from.port_max = rte_be_to_cpu_16(pair->dport);
		from.addr_min = from.addr_max = pair->dst;
		break;
	}
	if (!(from.flags & PL_NAT_HAS_PORTS)) {
		if (!same(&flow.src, &in.src))
			return bind_dst(w, p, x, false);
		from.addr_min = from.addr_max = out.dst;
	}
	ret = bind_dst(w, p, x, false);
	return ret != 0 ? ret : nat_bind_to(w, p, NAT_SRC, &from, true);
}

// As x arrives here: at the address that the other side sees.
static void
arrives(const struct ct_help_pkt *h, struct ct_expect *x, const struct view *v)
{
	x->saved_addr = x->dst;
	x->saved_port = x->dport;
	if (!same(&v->ours.src, &v->back.dst))
		x->dst = v->back.dst;
	x->dir = other(h->dir);
	x->bind = follow;
}

bool
nat_help_sip_contact(struct ct_help_pkt *h, struct ct_span where, struct ct_expect *x)
{
	struct view v = view_of(h);
	rte_be16_t forced = ct_help_sip(h)->forced_dport;
	uint16_t port;

	arrives(h, x, &v);
	if (x->dport == (forced != 0 ? forced : v.ours.sport))
		x->dport = v.back.dport;
	port = nat_help_expect(h, x);
	if (port == 0)
		return false;
	if (same(&x->dst, &x->saved_addr) && x->dport == x->saved_port)
		return true;
	if (put_addr(h, where, &x->dst, true, x->dport))
		return true;
	ct_expect_remove(h, x);
	return false;
}

// The length of the session description follows.
static bool
fix_length(struct ct_help_pkt *h)
{
	struct ct_span at;
	uint32_t n;

	if (ct_sdp_find(h, 0, CT_SDP_VERSION, CT_SDP_NONE, &at) <= 0)
		return false;
	n = h->text.n - at.off + 2;
	return ct_sip_header(h, 0, CT_SIP_LENGTH, &at) > 0 && put_number(h, at, n);
}

bool
nat_help_sip_port(struct ct_help_pkt *h, struct ct_span where, uint16_t port)
{
	return put_number(h, where, port) && fix_length(h);
}

// A pair of ports, from that of rtp on. 0 and the pair is expected, or an error.
static int
expect_pair(struct ct_help_pkt *h, struct ct_expect *rtp, struct ct_expect *rtcp)
{
	uint32_t port = rte_be_to_cpu_16(rtp->dport);

	for (unsigned i = 0; i < MEDIA_TRIES && port < UINT16_MAX; i++, port += 2) {
		int ret;

		rtp->dport = rte_cpu_to_be_16((uint16_t)port);
		rtcp->dport = rte_cpu_to_be_16((uint16_t)(port + 1));
		ret = ct_expect_add(h, rtp, true);
		if (ret == -EALREADY)
			continue;
		if (ret < 0)
			return ret;
		ret = ct_expect_add(h, rtcp, true);
		if (ret == 0)
			return 0;
		ct_expect_remove(h, rtp);
		if (ret != -EALREADY)
			return ret;
	}
	return -EBUSY;
}

bool
nat_help_sip_media(struct ct_help_pkt *h, struct ct_span where, struct ct_expect *rtp,
		   struct ct_expect *rtcp, union pl_addr *addr)
{
	struct view v = view_of(h);

	arrives(h, rtp, &v);
	arrives(h, rtcp, &v);
	*addr = rtp->dst;
	if (expect_pair(h, rtp, rtcp) < 0)
		return false;
	if (rtp->dport == rtp->saved_port ||
	    nat_help_sip_port(h, where, rte_be_to_cpu_16(rtp->dport)))
		return true;
	ct_expect_remove(h, rtp);
	ct_expect_remove(h, rtcp);
	return false;
}

bool
nat_help_sip_media_addr(struct ct_help_pkt *h, uint32_t off, const union pl_addr *addr)
{
	struct ct_span at;

	return ct_sdp_find(h, off, CT_SDP_CONNECTION, CT_SDP_MEDIA, &at) > 0 &&
	       put_addr(h, at, addr, false, 0) && fix_length(h);
}

bool
nat_help_sip_session(struct ct_help_pkt *h, uint32_t off, const union pl_addr *addr)
{
	struct ct_span at;
	int ret;

	if (ct_sdp_find(h, off, CT_SDP_OWNER, CT_SDP_MEDIA, &at) <= 0 ||
	    !put_addr(h, at, addr, false, 0))
		return false;
	ret = ct_sdp_find(h, off, CT_SDP_CONNECTION, CT_SDP_MEDIA, &at);
	if (ret > 0 && !put_addr(h, at, addr, false, 0))
		return false;
	return fix_length(h);
}
