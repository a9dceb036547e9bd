// The matches that ask about a packet's flow: conntrack, connbytes, connlabel, connmark, helper,
// each as its xt module judges. Called by acl_rule_match() on the worker's thread. A packet without
// a flow matches none of them, negated or not, but for conntrack's own states, connlabel and
// helper.
//
// In raw, behind a CT rule, netfilter has a template where later there is a flow: it counts as a
// flow in direction original, confirmed, with nothing in its tuples and on its counters.
#include "acl/acl_kind.h"
#include "pipeline/flow_ops.h"

static const struct pl_flow_side no_side;

// Is there a flow, or what stands for one?
static inline bool
has_flow(const struct acl_view *v)
{
	return v->pkt->ct != NULL || (v->pkt->ct_rule != NULL && v->pkt->ct_state == 0);
}

static bool
addr_is(const struct cfg_conn *c, unsigned at, const union pl_addr *addr)
{
	union pl_addr want, mask;

	memcpy(&want, c->addr[at].addr, sizeof(want));
	memcpy(&mask, c->addr[at].mask, sizeof(mask));
	return (((addr->u64[0] ^ want.u64[0]) & mask.u64[0]) |
		((addr->u64[1] ^ want.u64[1]) & mask.u64[1])) == 0;
}

static bool
port_is(const struct cfg_conn *c, unsigned at, uint16_t port)
{
	return port >= c->port[at].lo && port <= c->port[at].hi;
}

// Of the four conditions of one direction: those that hold, as bits of enum cfg_conn_field.
static uint16_t
side_holds(const struct cfg_conn *c, unsigned dir, const struct pl_flow_side *s)
{
	return (uint16_t)((addr_is(c, 2 * dir, &s->src) ? CFG_CONN_ORIGSRC << 2 * dir : 0) |
			  (addr_is(c, 2 * dir + 1, &s->dst) ? CFG_CONN_ORIGDST << 2 * dir : 0) |
			  (port_is(c, 2 * dir, s->sport) ? CFG_CONN_ORIGSRCPORT << 2 * dir : 0) |
			  (port_is(c, 2 * dir + 1, s->dport) ? CFG_CONN_ORIGDSTPORT << 2 * dir
							     : 0));
}

#define ORIGINAL_SIDE                                                                              \
	(CFG_CONN_ORIGSRC | CFG_CONN_ORIGDST | CFG_CONN_ORIGSRCPORT | CFG_CONN_ORIGDSTPORT |       \
	 CFG_CONN_PROTO)
#define REPLY_SIDE                                                                                 \
	(CFG_CONN_REPLSRC | CFG_CONN_REPLDST | CFG_CONN_REPLSRCPORT | CFG_CONN_REPLDSTPORT)

// Which of all conditions hold, negations apart.
static uint16_t
holds(const struct cfg_conn *c, const struct acl_view *v)
{
	const struct ct_entry *e = v->pkt->ct;
	uint16_t is = v->pkt->ct_dir == c->reply ? CFG_CONN_DIR : 0;
	uint8_t status = e != NULL ? pl_flow_ops->status(e) : PL_FLOW_CONFIRMED;
	struct pl_flow_side s = no_side;
	uint32_t left;

	if (c->set & ORIGINAL_SIDE) {
		if (e != NULL)
			pl_flow_ops->side(e, 0, &s);
		is |= side_holds(c, 0, &s) | (s.proto == c->proto ? CFG_CONN_PROTO : 0);
	}
	if (c->set & REPLY_SIDE) {
		if (e != NULL)
			pl_flow_ops->side(e, 1, &s);
		is |= side_holds(c, 1, &s);
	}
	if (status & c->status)
		is |= CFG_CONN_STATUS;
	if (c->set & CFG_CONN_EXPIRE) {
		left = e != NULL ? pl_flow_ops->expires_sec(v->w, e) : 0;
		is |= left >= c->expire_lo && left <= c->expire_hi ? CFG_CONN_EXPIRE : 0;
	}
	return is;
}

enum acl_hit
acl_conntrack_judge(const struct cfg_match *m, const struct acl_view *v)
{
	const struct cfg_conn *c = m->data;

	if (m->state.mask != 0 && !!(m->state.mask & v->ct) == m->state.invert)
		return ACL_MISS;
	if (c == NULL)
		return ACL_HIT;
	if (!has_flow(v))
		return m->state.mask != 0 ? ACL_HIT : ACL_MISS; // xt_conntrack asks no further
	return ((holds(c, v) ^ c->inv) & c->set) == c->set ? ACL_HIT : ACL_MISS;
}

// xt_connbytes divides; here floor(bytes / packets) is compared without: it is at least n where
// bytes >= n * packets. Without packets the average is 0.
static bool
average_in(uint64_t bytes, uint64_t packets, uint64_t lo, uint64_t hi)
{
	unsigned __int128 n = packets;

	if (packets == 0)
		return lo == 0;
	return bytes >= lo * n && bytes < (hi + (unsigned __int128)1) * n;
}

enum acl_hit
acl_connbytes_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_connbytes *m = &match->connbytes;
	uint64_t packets = 0, bytes = 0, p, b, lo, hi, what;
	bool outside = m->from > m->to, in;

	if (v->pkt->ct == NULL)
		return ACL_MISS;
	for (unsigned dir = 0; dir < 2; dir++) {
		if (m->dir != CFG_CB_BOTH && m->dir != (dir == 0 ? CFG_CB_ORIGINAL : CFG_CB_REPLY))
			continue;
		if (!pl_flow_ops->counted(v->w, v->pkt->ct, dir, &p, &b))
			return ACL_MISS; // inverted or not, as in Linux
		packets += p;
		bytes += b;
	}
	lo = outside ? m->to : m->from;
	hi = outside ? m->from : m->to;
	what = m->what == CFG_CB_PACKETS ? packets : bytes;
	in = m->what == CFG_CB_AVGPKT ? average_in(bytes, packets, lo, hi)
				      : what >= lo && what <= hi;
	return in != outside ? ACL_HIT : ACL_MISS;
}

// A label that a flow gets makes it forget its way, and no way is learned by the packet that
// brought it.
enum acl_hit
acl_connlabel_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_connlabel *m = &match->connlabel;
	struct ct_entry *e = v->pkt->ct;
	bool has = e != NULL && pl_flow_ops->has_label(v->w, e, m->bit);

	if (e != NULL && !has && m->set) {
		if (v->state != NULL) {
			pl_flow_ops->set_label(v->w, e, m->bit);
			v->pkt->rec = NULL;
		}
		has = true;
	}
	return has != m->invert ? ACL_HIT : ACL_MISS;
}

enum acl_hit
acl_connmark_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_mark *m = &match->mark;
	uint32_t mark = v->pkt->ct != NULL ? pl_flow_ops->mark(v->pkt->ct) : 0;

	if (!has_flow(v))
		return ACL_MISS;
	return ((mark & m->mask) == m->value) != m->invert ? ACL_HIT : ACL_MISS;
}

enum acl_hit
acl_helper_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_helper *m = &match->helper;
	const struct ct_entry *e = v->pkt->ct;
	uint8_t by = e != NULL ? pl_flow_ops->expected_by(v->w, e) : CFG_HELPER_NONE;
	const char *name = cfg_helper_name(by);
	bool is = by != CFG_HELPER_NONE &&
		  (m->name[0] == '\0' || strncmp(name, m->name, strlen(name)) == 0);

	return is != m->invert ? ACL_HIT : ACL_MISS;
}

// ---- what they share with other packets ---------------------------------------------------------

// A flow whose packets are ESTABLISHED has seen a reply, and its tuples stay; it may become assured
// yet.
bool
acl_conntrack_fixed(const struct cfg_match *m)
{
	const struct cfg_conn *c = m->data;

	return c == NULL || (!(c->set & CFG_CONN_EXPIRE) &&
			     !((c->set & CFG_CONN_STATUS) && (c->status & CFG_CONN_ASSURED)));
}

enum acl_shares
acl_conntrack_shares(const struct cfg_match *m)
{
	const struct cfg_conn *c = m->data;
	const uint16_t changing = CFG_CONN_STATUS | CFG_CONN_EXPIRE;

	return c != NULL && (c->set & changing) ? ACL_SHARES_FLOW : ACL_SHARES_NOTHING;
}

enum acl_shares
acl_connlabel_shares(const struct cfg_match *m)
{
	return m->connlabel.set ? ACL_SHARES_FLOW : ACL_SHARES_NOTHING;
}
