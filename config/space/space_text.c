// Sets and packets in words, for people who read what `ringwall check --diff` found.
//
// Called by config/policy_diff.c. A field is only spoken of where the box leaves out some value
// that packets of the way can have.
#include "config/space/space_text.h"
#include "config/ext/ext.h"
#include "config/space/space_rule.h"
#include "config/value.h"

#include <netinet/in.h>
#include <string.h>

static void
address(struct cfg_buf *b, const struct space_world *w, space_wide v)
{
	uint8_t bytes[16] = {0};
	unsigned n = w->family == CFG_IPV4 ? 4 : 16;

	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(v >> 8 * (n - 1 - i));
	cfg_host_print(b, w->family, bytes);
}

static void
addresses(struct cfg_buf *b, const struct space_world *w, const char *word, space_wide lo,
	  space_wide hi)
{
	space_wide max = w->family == CFG_IPV4 ? UINT32_MAX : ~(space_wide)0, size = hi - lo;
	unsigned len = w->family == CFG_IPV4 ? 32 : 128;

	if (lo == 0 && hi >= max)
		return;
	cfg_buf_addf(b, ", %s ", word);
	address(b, w, lo);
	if (lo == hi)
		return;
	if ((size & (size + 1)) != 0 || (lo & size) != 0) {
		cfg_buf_addc(b, '-');
		address(b, w, hi);
		return;
	}
	for (; size != 0; size >>= 1)
		len--;
	cfg_buf_addf(b, "/%u", len);
}

static void
range(struct cfg_buf *b, const char *word, uint16_t lo, uint16_t hi, uint16_t min, uint16_t max)
{
	if (lo <= min && hi >= max)
		return;
	cfg_buf_addf(b, lo == hi ? ", %s %u" : ", %s %u-%u", word, lo, hi);
}

static unsigned
count_bits(const struct space_box *box, enum space_bits_field f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < space_n_words(f); i++)
		n += __builtin_popcountll(space_bits_of(box, f)[i]);
	return n;
}

static void
proto_name(struct cfg_buf *b, unsigned proto)
{
	const char *name = cfg_proto_name(proto);

	if (name != NULL)
		cfg_buf_add(b, name);
	else
		cfg_buf_addf(b, "protocol %u", proto);
}

static void
protocols(struct cfg_buf *b, const struct space_box *box)
{
	unsigned n = count_bits(box, SPACE_PROTO);
	bool in = n <= 4, first = true;

	if (n == 256) {
		cfg_buf_add(b, "any protocol");
		return;
	}
	cfg_buf_add(b, in ? "" : "protocols other than ");
	for (unsigned v = 0; v < 256; v++) {
		if (space_bit(box, SPACE_PROTO, v) != in)
			continue;
		cfg_buf_add(b, first ? "" : ", ");
		proto_name(b, v);
		first = false;
	}
}

static void
interfaces(struct cfg_buf *b, const struct space_world *w, const struct space_box *box,
	   enum space_bits_field f, const char *word)
{
	unsigned has = 0;
	bool in, first = true;

	for (unsigned c = 1; c < w->n_class; c++)
		has += space_bit(box, f, c);
	if (has + 1 == w->n_class || has == 0)
		return;
	in = has * 2 <= w->n_class;
	cfg_buf_addf(b, ", %s %s", word, in ? "" : "other than ");
	for (unsigned c = 1; c < w->n_class; c++) {
		if (space_bit(box, f, c) != in)
			continue;
		cfg_buf_addf(b, "%s%s%s", first ? "" : "/", c >= w->n_named ? "such as " : "",
			     w->name[c]);
		first = false;
	}
}

static const char *const state_name[SPACE_STATES] = {"INVALID", "ESTABLISHED", "RELATED", "NEW",
						     "UNTRACKED"};

static void
states(struct cfg_buf *b, const struct space_box *box)
{
	bool all = true, first = true, has[SPACE_STATES] = {false};

	for (unsigned s = 0; s < SPACE_STATES; s++) {
		has[s] = (*space_bits_of(box, SPACE_CT) >> s * 4 & 0xf) != 0;
		all = all && (has[s] || s == SPACE_ST_UNTRACKED);
	}
	for (unsigned s = 0; s < SPACE_STATES && !all; s++) {
		if (!has[s])
			continue;
		cfg_buf_addf(b, "%s%s", first ? ", state " : "/", state_name[s]);
		first = false;
	}
}

static void
flags(struct cfg_buf *b, unsigned v)
{
	static const char *const name[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
	bool first = true;

	for (unsigned i = 0; i < 8; i++) {
		if (!(v >> i & 1))
			continue;
		cfg_buf_addf(b, "%s%s", first ? "" : ",", name[i]);
		first = false;
	}
	cfg_buf_add(b, first ? "none" : "");
}

static void
literals(struct cfg_buf *b, const struct space_world *w, const space_lit *lit, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const char *text = w->atom[lit[i] >> 1];
		const char *key = strchr(text, SPACE_TEXT_KEY);

		cfg_buf_add(b, lit[i] & 1 ? ", not: " : ", where: ");
		cfg_buf_addn(b, text, key != NULL ? (size_t)(key - text) : strlen(text));
	}
}

static bool
is_icmp(const struct space_box *box)
{
	return count_bits(box, SPACE_PROTO) == 1 && (space_bit(box, SPACE_PROTO, IPPROTO_ICMP) ||
						     space_bit(box, SPACE_PROTO, IPPROTO_ICMPV6));
}

void
space_box_words(struct cfg_buf *b, const struct space_world *w, const struct space_box *box,
		enum space_path path)
{
	bool mac = box->wlo[SPACE_MAC] != 0 || box->whi[SPACE_MAC] < SPACE_NO_MAC - 1;

	protocols(b, box);
	addresses(b, w, "from", box->wlo[SPACE_SRC], box->whi[SPACE_SRC]);
	addresses(b, w, "to", box->wlo[SPACE_DST], box->whi[SPACE_DST]);
	if (is_icmp(box)) {
		range(b, "type and code (256 * type + code)", box->slo[SPACE_DPORT],
		      box->shi[SPACE_DPORT], 0, UINT16_MAX);
	} else {
		range(b, "source port", box->slo[SPACE_SPORT], box->shi[SPACE_SPORT], 0,
		      UINT16_MAX);
		range(b, "port", box->slo[SPACE_DPORT], box->shi[SPACE_DPORT], 0, UINT16_MAX);
	}
	if (count_bits(box, SPACE_FLAGS) < 256)
		cfg_buf_add(b, ", some TCP flags");
	if (path != SPACE_OUTPUT)
		interfaces(b, w, box, SPACE_IN, "in by");
	if (path != SPACE_INPUT)
		interfaces(b, w, box, SPACE_OUT, "out by");
	states(b, box);
	range(b, "length", box->slo[SPACE_LENGTH], box->shi[SPACE_LENGTH], 60, UINT16_MAX);
	range(b, "TTL", box->slo[SPACE_TTL], box->shi[SPACE_TTL], 2, UINT8_MAX);
	if (count_bits(box, SPACE_TOS) < 256)
		cfg_buf_add(b, ", some TOS bytes");
	if (path != SPACE_OUTPUT && mac)
		cfg_buf_add(b, ", some MAC addresses");
	literals(b, w, box->lit, box->n_lit);
}

void
space_point_words(struct cfg_buf *b, const struct space_world *w, const struct space_point *pt)
{
	unsigned proto = pt->b[SPACE_PROTO], ct = pt->b[SPACE_CT];
	bool icmp = proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
	bool ports = proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
		     proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;

	proto_name(b, proto);
	cfg_buf_add(b, " from ");
	address(b, w, pt->w[SPACE_SRC]);
	if (ports)
		cfg_buf_addf(b, " port %u", pt->s[SPACE_SPORT]);
	cfg_buf_add(b, " to ");
	address(b, w, pt->w[SPACE_DST]);
	if (ports)
		cfg_buf_addf(b, " port %u", pt->s[SPACE_DPORT]);
	if (icmp)
		cfg_buf_addf(b, " type %u code %u", pt->s[SPACE_DPORT] >> 8,
			     pt->s[SPACE_DPORT] & 0xff);
	if (proto == IPPROTO_TCP) {
		cfg_buf_add(b, " flags ");
		flags(b, pt->b[SPACE_FLAGS]);
	}
	if (pt->b[SPACE_IN] != SPACE_IFACE_NONE)
		cfg_buf_addf(b, ", in by %s", w->name[pt->b[SPACE_IN]]);
	if (pt->b[SPACE_OUT] != SPACE_IFACE_NONE)
		cfg_buf_addf(b, ", out by %s", w->name[pt->b[SPACE_OUT]]);
	cfg_buf_addf(b, ", state %s%s%s, %u bytes, TTL %u, TOS 0x%02x", state_name[ct / 4],
		     ct & 2 ? "+SNAT" : "", ct & 1 ? "+DNAT" : "", pt->s[SPACE_LENGTH],
		     pt->s[SPACE_TTL], pt->b[SPACE_TOS]);
	literals(b, w, pt->lit, pt->n_lit);
}

static void
prefer_wide(struct space_point *p, const struct space_box *b, enum space_wide_field f, space_wide v)
{
	if (v >= b->wlo[f] && v <= b->whi[f])
		p->w[f] = v;
	else
		p->w[f] = b->wlo[f] < b->whi[f] ? b->wlo[f] + 1 : b->wlo[f];
}

static void
prefer_short(struct space_point *p, const struct space_box *b, enum space_short_field f, uint16_t v)
{
	p->s[f] = v >= b->slo[f] && v <= b->shi[f] ? v : b->slo[f];
}

static bool
prefer_bit(struct space_point *p, const struct space_box *b, enum space_bits_field f, unsigned v)
{
	if (!space_bit(b, f, v))
		return false;
	p->b[f] = v;
	return true;
}

void
space_pick_plain(struct space_point *p, const struct space_world *w, const struct space_box *b)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6};
	static const uint8_t states[] = {SPACE_ST_NEW, SPACE_ST_ESTABLISHED, SPACE_ST_RELATED,
					 SPACE_ST_INVALID};
	const space_wide doc6 = (space_wide)UINT64_C(0x20010db800000000) << 64;

	space_pick(p, b, 1);
	prefer_wide(p, b, SPACE_SRC, w->family == CFG_IPV4 ? 0xc000020a : doc6 + 10);
	prefer_wide(p, b, SPACE_DST, w->family == CFG_IPV4 ? 0xc6336414 : doc6 + 20);
	prefer_short(p, b, SPACE_SPORT, 40000);
	prefer_short(p, b, SPACE_DPORT, 40001);
	prefer_short(p, b, SPACE_LENGTH, 100);
	prefer_short(p, b, SPACE_TTL, 64);
	prefer_bit(p, b, SPACE_TOS, 0);
	for (size_t i = 0; i < EXT_N(protos); i++)
		if ((protos[i] != IPPROTO_ICMP || w->family == CFG_IPV4) &&
		    prefer_bit(p, b, SPACE_PROTO, protos[i]))
			break;
	for (size_t i = 0; i < EXT_N(states); i++)
		if (prefer_bit(p, b, SPACE_CT, space_ct(states[i], false, false)))
			break;
	for (unsigned c = w->n_class; c-- > 1;) {
		prefer_bit(p, b, SPACE_IN, c);
		prefer_bit(p, b, SPACE_OUT, c);
	}
	if (p->b[SPACE_CT] / 4 != SPACE_ST_NEW || !prefer_bit(p, b, SPACE_FLAGS, 0x02))
		prefer_bit(p, b, SPACE_FLAGS, 0x10);
	if ((p->b[SPACE_PROTO] == IPPROTO_ICMP || p->b[SPACE_PROTO] == IPPROTO_ICMPV6))
		prefer_short(p, b, SPACE_DPORT, (w->family == CFG_IPV4 ? 8 : 128) << 8);
}
