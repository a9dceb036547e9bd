// Rules to boxes. Each thing a rule asks is a factor: a list of boxes, one of which must hold. The
// rule is the product of its factors, multiplied out as long as it stays small. Only packets whose
// L4 header is whole are looked up with these (acl_walk.c), so a match that needs the header simply
// asks for it; what becomes of cut-off headers is the exact matcher's business. Control thread,
// pure.
#include "acl/acl_box.h"
#include "acl/acl_kind.h"

#include <netinet/in.h>
#include <string.h>

static struct acl_box
box_full(void)
{
	return (struct acl_box){
		.proto_hi = 255, .in_hi = 255, .out_hi = 255, .sport_hi = 65535, .dport_hi = 65535};
}

// An empty factor. There is one at a time: it is gone when another is begun.
static struct acl_factor *
factor_new(struct acl_boxes *out)
{
	out->factor.n = 0;
	return &out->factor;
}

static struct acl_box *
factor_add(struct acl_factor *f)
{
	f->box[f->n] = box_full();
	return &f->box[f->n++];
}

// Do the first `bits` bits agree?
static bool
prefix_same(const union pl_addr *a, const union pl_addr *b, unsigned bits)
{
	unsigned bytes = bits / 8, rest = bits % 8;

	if (memcmp(a->v6, b->v6, bytes) != 0)
		return false;
	return rest == 0 || (a->v6[bytes] ^ b->v6[bytes]) >> (8 - rest) == 0;
}

static bool
addr_disjoint(const union pl_addr *a, unsigned a_len, const union pl_addr *b, unsigned b_len)
{
	return !prefix_same(a, b, RTE_MIN(a_len, b_len));
}

static bool
range_disjoint(unsigned a_lo, unsigned a_hi, unsigned b_lo, unsigned b_hi)
{
	return a_lo > b_hi || b_lo > a_hi;
}

bool
acl_box_disjoint(const struct acl_box *a, const struct acl_box *b)
{
	return range_disjoint(a->dport_lo, a->dport_hi, b->dport_lo, b->dport_hi) ||
	       range_disjoint(a->sport_lo, a->sport_hi, b->sport_lo, b->sport_hi) ||
	       range_disjoint(a->proto_lo, a->proto_hi, b->proto_lo, b->proto_hi) ||
	       range_disjoint(a->in_lo, a->in_hi, b->in_lo, b->in_hi) ||
	       range_disjoint(a->out_lo, a->out_hi, b->out_lo, b->out_hi) ||
	       ((a->ct_value ^ b->ct_value) & a->ct_mask & b->ct_mask) != 0 ||
	       ((a->flags_value ^ b->flags_value) & a->flags_mask & b->flags_mask) != 0 ||
	       addr_disjoint(&a->dst, a->dst_len, &b->dst, b->dst_len) ||
	       addr_disjoint(&a->src, a->src_len, &b->src, b->src_len);
}

// a and b are not disjoint.
static struct acl_box
box_cut(const struct acl_box *a, const struct acl_box *b)
{
	return (struct acl_box){
		.src = a->src_len >= b->src_len ? a->src : b->src,
		.dst = a->dst_len >= b->dst_len ? a->dst : b->dst,
		.src_len = RTE_MAX(a->src_len, b->src_len),
		.dst_len = RTE_MAX(a->dst_len, b->dst_len),
		.proto_lo = RTE_MAX(a->proto_lo, b->proto_lo),
		.proto_hi = RTE_MIN(a->proto_hi, b->proto_hi),
		.in_lo = RTE_MAX(a->in_lo, b->in_lo),
		.in_hi = RTE_MIN(a->in_hi, b->in_hi),
		.out_lo = RTE_MAX(a->out_lo, b->out_lo),
		.out_hi = RTE_MIN(a->out_hi, b->out_hi),
		.ct_value = a->ct_value | b->ct_value,
		.ct_mask = a->ct_mask | b->ct_mask,
		.flags_value = a->flags_value | b->flags_value,
		.flags_mask = a->flags_mask | b->flags_mask,
		.sport_lo = RTE_MAX(a->sport_lo, b->sport_lo),
		.sport_hi = RTE_MIN(a->sport_hi, b->sport_hi),
		.dport_lo = RTE_MAX(a->dport_lo, b->dport_lo),
		.dport_hi = RTE_MIN(a->dport_hi, b->dport_hi),
	};
}

static void
prefix_hull(union pl_addr *a, uint8_t *a_len, const union pl_addr *b, uint8_t b_len)
{
	unsigned len = RTE_MIN(*a_len, b_len);

	while (!prefix_same(a, b, len))
		len--;
	for (unsigned i = 0; i < 16; i++)
		if (i * 8 >= len)
			a->v6[i] = 0;
		else if (i * 8 + 8 > len)
			a->v6[i] &= (uint8_t)(0xff << (i * 8 + 8 - len));
	*a_len = (uint8_t)len;
}

struct acl_box
acl_box_hull(const struct acl_box *box, unsigned n)
{
	struct acl_box h = box[0];

	for (unsigned i = 1; i < n; i++) {
		const struct acl_box *b = &box[i];

		prefix_hull(&h.src, &h.src_len, &b->src, b->src_len);
		prefix_hull(&h.dst, &h.dst_len, &b->dst, b->dst_len);
		h.proto_lo = RTE_MIN(h.proto_lo, b->proto_lo);
		h.proto_hi = RTE_MAX(h.proto_hi, b->proto_hi);
		h.in_lo = RTE_MIN(h.in_lo, b->in_lo);
		h.in_hi = RTE_MAX(h.in_hi, b->in_hi);
		h.out_lo = RTE_MIN(h.out_lo, b->out_lo);
		h.out_hi = RTE_MAX(h.out_hi, b->out_hi);
		h.ct_mask &= b->ct_mask & ~(h.ct_value ^ b->ct_value);
		h.ct_value &= h.ct_mask;
		h.flags_mask &= b->flags_mask & ~(h.flags_value ^ b->flags_value);
		h.flags_value &= h.flags_mask;
		h.sport_lo = RTE_MIN(h.sport_lo, b->sport_lo);
		h.sport_hi = RTE_MAX(h.sport_hi, b->sport_hi);
		h.dport_lo = RTE_MIN(h.dport_lo, b->dport_lo);
		h.dport_hi = RTE_MAX(h.dport_hi, b->dport_hi);
	}
	return h;
}

// Multiplies a factor in. Where that gives too many boxes the factor is left out and the rule is no
// longer exact: what the boxes say is still true of every packet that the rule matches.
static void
multiply(struct acl_boxes *out, const struct acl_factor *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < out->n; i++) {
		for (unsigned k = 0; k < f->n; k++) {
			if (acl_box_disjoint(&out->box[i], &f->box[k]))
				continue;
			if (n == ACL_BOX_MAX) {
				out->exact = false;
				return;
			}
			out->product[n++] = box_cut(&out->box[i], &f->box[k]);
		}
	}
	memcpy(out->box, out->product, n * sizeof(out->box[0]));
	out->n = n;
}

static void
add_proto(struct acl_factor *f, unsigned lo, unsigned hi)
{
	struct acl_box *b = factor_add(f);

	b->proto_lo = lo;
	b->proto_hi = hi;
}

static void
multiply_proto(struct acl_boxes *out, const struct acl_rule *r)
{
	struct acl_factor *f = factor_new(out);

	if (!(r->flags & ACL_R_PROTO))
		return;
	if (!(r->flags & ACL_R_PROTO_INV)) {
		add_proto(f, r->proto, r->proto);
	} else {
		if (r->proto > 0)
			add_proto(f, 0, r->proto - 1u);
		if (r->proto < 255)
			add_proto(f, r->proto + 1u, 255);
	}
	multiply(out, f);
}

static unsigned
leading_ones(const union pl_addr *mask, unsigned bits)
{
	unsigned len = 0;

	while (len < bits && (mask->v6[len / 8] & 0x80 >> len % 8))
		len++;
	return len;
}

static void
add_prefix(struct acl_factor *f, bool dst, const union pl_addr *addr, unsigned len)
{
	struct acl_box *b = factor_add(f);

	*(dst ? &b->dst : &b->src) = *addr;
	*(dst ? &b->dst_len : &b->src_len) = (uint8_t)len;
}

static void
multiply_addr(struct acl_boxes *out, const union pl_addr *addr, const union pl_addr *mask, bool dst,
	      bool invert, enum acl_family family)
{
	unsigned bits = family == ACL_V4 ? 32 : 128;
	unsigned len = leading_ones(mask, bits);
	struct acl_factor *f = factor_new(out);
	bool contiguous = true;

	for (unsigned i = len; i < bits; i++)
		contiguous &= !(mask->v6[i / 8] & 0x80 >> i % 8);
	if (!contiguous) {
		out->exact = false;
		if (invert)
			return;
	}
	if (!invert) {
		union pl_addr net = *addr;
		uint8_t net_len = (uint8_t)len;

		prefix_hull(&net, &net_len, &net, net_len); // clears what the prefix does not cover
		add_prefix(f, dst, &net, len);
	} else {
		// all but the prefix: for each of its bits those that agree up to there and then
		// differ
		for (unsigned i = 0; i < len; i++) {
			union pl_addr net = *addr;
			uint8_t net_len = (uint8_t)(i + 1);

			net.v6[i / 8] ^= 0x80 >> i % 8;
			prefix_hull(&net, &net_len, &net, net_len);
			add_prefix(f, dst, &net, i + 1);
		}
	}
	multiply(out, f);
}

static void
multiply_iface(struct acl_boxes *out, uint64_t ports, bool outgoing, const struct acl_classes *cl)
{
	struct acl_factor *f = factor_new(out);

	for (unsigned c = 0; c < cl->n; c++) {
		struct acl_box *b;
		unsigned lo = c;

		if (!(ports & cl->member[c]))
			continue;
		while (c + 1u < cl->n && (ports & cl->member[c + 1]))
			c++;
		b = factor_add(f);
		*(outgoing ? &b->out_lo : &b->in_lo) = lo;
		*(outgoing ? &b->out_hi : &b->in_hi) = c;
	}
	if (f->n == 1 && (outgoing ? f->box[0].out_lo == 0 && f->box[0].out_hi + 1 == cl->n
				   : f->box[0].in_lo == 0 && f->box[0].in_hi + 1 == cl->n))
		return; // any
	multiply(out, f);
}

static void
multiply_frag(struct acl_boxes *out, const struct acl_rule *r)
{
	struct acl_factor *f = factor_new(out);

	if (r->flags & (ACL_R_FRAG | ACL_R_NOT_FRAG))
		out->exact = false;
	if (r->flags & ACL_R_FRAG) { // later fragments are among what has no L4 header
		factor_add(f)->ct_mask = ACL_KEY_L4;
		multiply(out, f);
	}
}

static void
multiply_l4(struct acl_boxes *out, const uint8_t *proto, unsigned n)
{
	struct acl_factor *f = factor_new(out);

	for (unsigned i = 0; i < n; i++) {
		add_proto(f, proto[i], proto[i]);
		f->box[i].ct_value = f->box[i].ct_mask = ACL_KEY_L4;
	}
	multiply(out, f);
}

static void
add_ports(struct acl_factor *f, bool dst, unsigned lo, unsigned hi)
{
	struct acl_box *b = factor_add(f);

	*(dst ? &b->dport_lo : &b->sport_lo) = lo;
	*(dst ? &b->dport_hi : &b->sport_hi) = hi;
}

static void
multiply_range(struct acl_boxes *out, const struct cfg_range16 *r, bool dst, bool invert)
{
	struct acl_factor *f = factor_new(out);

	if (!invert) {
		if (r->lo <= r->hi)
			add_ports(f, dst, r->lo, r->hi);
	} else if (r->lo > r->hi) {
		return; // all but nothing
	} else {
		if (r->lo > 0)
			add_ports(f, dst, 0, r->lo - 1u);
		if (r->hi < 65535)
			add_ports(f, dst, r->hi + 1u, 65535);
	}
	multiply(out, f);
}

static void
multiply_tcp_flags(struct acl_boxes *out, const struct cfg_m_ports *m)
{
	struct acl_factor *f = factor_new(out);
	struct acl_box *b;

	if (m->flags_comp & ~m->flags_mask) { // asks for what its mask hides: never so
		if (!m->flags_inv)
			out->n = 0;
		return;
	}
	if (!m->flags_inv) {
		b = factor_add(f);
		b->flags_mask = m->flags_mask;
		b->flags_value = m->flags_comp;
	} else {
		for (unsigned bit = 1; bit < 256; bit <<= 1) {
			if (!(m->flags_mask & bit))
				continue;
			b = factor_add(f);
			b->flags_mask = bit;
			b->flags_value = ~m->flags_comp & bit;
		}
	}
	multiply(out, f);
}

static void
multiply_ports(struct acl_boxes *out, const struct cfg_match *match)
{
	static const uint8_t tcp[] = {IPPROTO_TCP}, udp[] = {IPPROTO_UDP, IPPROTO_UDPLITE};
	const struct cfg_m_ports *m = &match->ports;

	if (match->id == CFG_M_TCP)
		multiply_l4(out, tcp, RTE_DIM(tcp));
	else
		multiply_l4(out, udp, RTE_DIM(udp));
	multiply_range(out, &m->sport, false, m->sport_inv);
	multiply_range(out, &m->dport, true, m->dport_inv);
	if (match->id == CFG_M_TCP && m->flags_set)
		multiply_tcp_flags(out, m);
}

static void
multiply_icmp(struct acl_boxes *out, const struct cfg_m_icmp *m, uint8_t proto)
{
	struct acl_factor *f;

	multiply_l4(out, &proto, 1);
	f = factor_new(out);
	if (!m->set)
		return;
	if (proto == IPPROTO_ICMP && m->type == 255) { // any
		out->n = m->invert ? 0 : out->n;
		return;
	}
	if (!m->invert) {
		add_ports(f, false, m->type, m->type);
		f->box[0].dport_lo = m->code_lo;
		f->box[0].dport_hi = m->code_hi;
		if (m->code_lo > m->code_hi)
			f->n = 0;
	} else {
		if (m->type > 0)
			add_ports(f, false, 0, m->type - 1u);
		add_ports(f, false, m->type + 1u, 65535);
		if (m->code_lo > 0)
			add_ports(f, true, 0, m->code_lo - 1u);
		add_ports(f, true, m->code_hi + 1u, 65535);
		if (m->code_lo > m->code_hi)
			return;
	}
	multiply(out, f);
}

static void
multiply_multiport(struct acl_boxes *out, const struct cfg_m_multiport *m)
{
	static const uint8_t proto[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_SCTP,
					IPPROTO_DCCP};
	struct acl_factor *f;

	multiply_l4(out, proto, RTE_DIM(proto));
	if (m->invert) { // none of the ranges, on no side that counts
		for (unsigned i = 0; i < m->n; i++) {
			if (m->side != CFG_MP_DESTINATION)
				multiply_range(out, &m->range[i], false, true);
			if (m->side != CFG_MP_SOURCE)
				multiply_range(out, &m->range[i], true, true);
		}
		return;
	}
	f = factor_new(out);
	for (unsigned i = 0; i < m->n; i++) {
		if (m->range[i].lo > m->range[i].hi)
			continue;
		if (m->side != CFG_MP_DESTINATION)
			add_ports(f, false, m->range[i].lo, m->range[i].hi);
		if (m->side != CFG_MP_SOURCE)
			add_ports(f, true, m->range[i].lo, m->range[i].hi);
	}
	multiply(out, f);
}

static void
multiply_state(struct acl_boxes *out, const struct cfg_m_state *m)
{
	struct acl_factor *f = factor_new(out);
	struct acl_box *b;

	if (m->invert) {
		b = factor_add(f);
		b->ct_mask = m->mask;
	} else {
		if (m->mask & ACL_CT_BITS) { // exactly one state bit is set: none of the others
			b = factor_add(f);
			b->ct_mask = ACL_CT_BITS & ~m->mask;
		}
		for (unsigned bit = PL_CT_SNAT; bit <= PL_CT_DNAT; bit <<= 1)
			if (m->mask & bit) {
				b = factor_add(f);
				b->ct_mask = b->ct_value = bit;
			}
	}
	multiply(out, f);
}

// A TCP option is looked for in a header whose length may be a lie, and then the packet is dropped
// whatever the later matches say.
bool
acl_tcp_boxes(struct acl_boxes *out, const struct cfg_match *m)
{
	multiply_ports(out, m);
	if (m->ports.option != 0)
		out->exact = false;
	return m->ports.option == 0;
}

bool
acl_udp_boxes(struct acl_boxes *out, const struct cfg_match *m)
{
	multiply_ports(out, m);
	return true;
}

bool
acl_icmp_boxes(struct acl_boxes *out, const struct cfg_match *m)
{
	multiply_icmp(out, &m->icmp, IPPROTO_ICMP);
	return true;
}

bool
acl_icmp6_boxes(struct acl_boxes *out, const struct cfg_match *m)
{
	multiply_icmp(out, &m->icmp, IPPROTO_ICMPV6);
	return true;
}

bool
acl_multiport_boxes(struct acl_boxes *out, const struct cfg_match *m)
{
	multiply_multiport(out, &m->multiport);
	return true;
}

bool
acl_state_boxes(struct acl_boxes *out, const struct cfg_match *m)
{
	multiply_state(out, &m->state);
	return true;
}

bool
acl_conntrack_boxes(struct acl_boxes *out, const struct cfg_match *m)
{
	if (m->state.mask != 0)
		multiply_state(out, &m->state);
	if (m->data != NULL)
		out->exact = false; // the key has nothing of what else it asks
	return true;
}

// False: nothing after this match may narrow the boxes.
static bool
multiply_match(struct acl_boxes *out, const struct cfg_match *m)
{
	const struct acl_match_kind *kind = &acl_match_kind[m->id];

	if (kind->boxes != NULL)
		return kind->boxes(out, m);
	out->exact = false; // the key has nothing of it
	// What keeps something is judged for every packet that gets so far.
	return !(kind->flags & (ACL_K_STATE | ACL_K_HOT));
}

void
acl_rule_boxes(struct acl_boxes *out, const struct acl_rule *r, enum acl_family family,
	       const struct acl_classes *cl)
{
	out->box[0] = box_full();
	out->n = 1;
	out->exact = true;
	multiply_proto(out, r);
	multiply_addr(out, &r->src, &r->src_mask, false, r->flags & ACL_R_SRC_INV, family);
	multiply_addr(out, &r->dst, &r->dst_mask, true, r->flags & ACL_R_DST_INV, family);
	multiply_iface(out, r->in, false, cl);
	multiply_iface(out, r->out, true, cl);
	multiply_frag(out, r);
	for (unsigned i = 0; i < r->n_match; i++)
		if (!multiply_match(out, &r->match[i]))
			break;
}

static void
classes_refine(struct acl_classes *cl, uint64_t set)
{
	unsigned n = cl->n;

	for (unsigned c = 0; c < n; c++) {
		uint64_t in = cl->member[c] & set;

		if (in == 0 || in == cl->member[c])
			continue;
		cl->member[cl->n++] = in;
		cl->member[c] &= ~set;
	}
}

void
acl_classes_init(struct acl_classes *cl, const struct acl_policy *p)
{
	uint64_t last = UINT64_MAX;

	memset(cl, 0, sizeof(*cl));
	cl->member[0] = UINT64_MAX;
	cl->n = 1;
	for (int f = 0; f < ACL_FAMILIES; f++)
		for (int id = 0; id < CFG_TABLES; id++) {
			const struct acl_table *t = &p->table[f][id];

			for (uint32_t i = 0; i < t->n_rule; i++) {
				if (t->rule[i].in != UINT64_MAX && t->rule[i].in != last)
					classes_refine(cl, last = t->rule[i].in);
				if (t->rule[i].out != UINT64_MAX && t->rule[i].out != last)
					classes_refine(cl, last = t->rule[i].out);
			}
		}
	for (unsigned c = 0; c < cl->n; c++)
		for (unsigned port = 0; port <= PL_PORT_NONE; port++)
			if (cl->member[c] >> port & 1)
				cl->of[port] = c;
}
