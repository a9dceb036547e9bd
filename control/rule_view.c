// A rule as `iptables -L -v -n` shows it: the columns (target, protocol, interfaces, addresses)
// and, as "details", what each match and the target say in iptables' own words, which differ from
// those of iptables-save ("tcp dpt:80" for "-m tcp --dport 80"). Beside it the rule's text as
// iptables-save has it. Called by cmd_list.c on the main thread; the words were compared with
// iptables 1.8.9's.
#include "control/rule_view.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ctl_int.h"

// Words joined by single blanks, growing on the heap.
struct words {
	char *text;
	size_t len, cap;
	bool no_mem;
};

static void add(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
add(struct words *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	for (;;) {
		va_start(ap, fmt);
		n = vsnprintf(w->text != NULL ? w->text + w->len : NULL, w->cap - w->len, fmt, ap);
		va_end(ap);
		if (n < 0 || (size_t)n < w->cap - w->len)
			break;
		w->cap = (w->len + (size_t)n + 1) * 2;
		char *grown = realloc(w->text, w->cap);
		if (grown == NULL) {
			w->no_mem = true;
			return;
		}
		w->text = grown;
	}
	w->len += n > 0 ? (size_t)n : 0;
}

static void
add_ports(struct words *w, const char *name, const struct cfg_range16 *r, bool inv)
{
	if (r->lo == 0 && r->hi == UINT16_MAX && !inv)
		return;
	if (r->lo == r->hi)
		add(w, " %s:%s%u", name, inv ? "!" : "", r->lo);
	else
		add(w, " %ss:%s%u:%u", name, inv ? "!" : "", r->lo, r->hi);
}

static void
add_tcp_udp(struct words *w, const struct cfg_match *m)
{
	const struct cfg_m_ports *p = &m->ports;

	add(w, m->id == CFG_M_TCP ? " tcp" : " udp");
	add_ports(w, "spt", &p->sport, p->sport_inv);
	add_ports(w, "dpt", &p->dport, p->dport_inv);
	if (m->id != CFG_M_TCP)
		return;
	if (p->option != 0)
		add(w, " option=%s%u", p->option_inv ? "!" : "", p->option);
	if (p->flags_set)
		add(w, " flags:%s0x%02X/0x%02X", p->flags_inv ? "!" : "", p->flags_mask,
		    p->flags_comp);
}

static void
add_icmp(struct words *w, const struct cfg_match *m)
{
	const char *name = m->id == CFG_M_ICMP ? "icmp" : "ipv6-icmp";
	const struct cfg_m_icmp *i = &m->icmp;

	add(w, i->invert ? " %s !type %u" : " %stype %u", name, i->set ? i->type : 255);
	if (!i->set || (i->code_lo == 0 && i->code_hi == 255))
		return;
	if (i->code_lo == i->code_hi)
		add(w, " code %u", i->code_lo);
	else
		add(w, " codes %u-%u", i->code_lo, i->code_hi);
}

static void
add_multiport(struct words *w, const struct cfg_m_multiport *m)
{
	static const char *const side[] = {"sports", "dports", "ports"};

	add(w, " multiport %s %s", side[m->side], m->invert ? " !" : "");
	for (unsigned i = 0; i < m->n; i++) {
		add(w, "%s%u", i > 0 ? "," : "", m->range[i].lo);
		if (m->range[i].lo != m->range[i].hi)
			add(w, ":%u", m->range[i].hi);
	}
}

static void
add_states(struct words *w, const char *name, const struct cfg_m_state *s)
{
	static const struct {
		enum cfg_ctstate bit;
		const char *name;
	} row[] = {
		{CFG_CT_INVALID, "INVALID"},	 {CFG_CT_NEW, "NEW"},
		{CFG_CT_RELATED, "RELATED"},	 {CFG_CT_ESTABLISHED, "ESTABLISHED"},
		{CFG_CT_UNTRACKED, "UNTRACKED"}, {CFG_CT_SNAT, "SNAT"},
		{CFG_CT_DNAT, "DNAT"},
	};
	const char *sep = "";

	add(w, " %s%s ", s->invert ? "! " : "", name);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if ((s->mask & row[i].bit) == 0)
			continue;
		add(w, "%s%s", sep, row[i].name);
		sep = ",";
	}
}

static void
add_ip_range(struct words *w, const char *name, const struct cfg_m_iprange *m, bool src)
{
	int af = m->family == CFG_IPV4 ? AF_INET : AF_INET6;
	char lo[INET6_ADDRSTRLEN] = "", hi[INET6_ADDRSTRLEN] = "";

	inet_ntop(af, src ? m->src_lo : m->dst_lo, lo, sizeof(lo));
	inet_ntop(af, src ? m->src_hi : m->dst_hi, hi, sizeof(hi));
	add(w, " %s IP range%s %s-%s", name, (src ? m->src_inv : m->dst_inv) ? " !" : "", lo, hi);
}

static void
add_ttl(struct words *w, const char *name, const struct cfg_m_ttl *m)
{
	static const char *const op[] = {
		[CFG_TTL_EQ] = "==", [CFG_TTL_LT] = "<", [CFG_TTL_GT] = ">"};

	add(w, " %s match %s %s %u", name, name, m->invert ? "!=" : op[m->op], m->value);
}

static void
add_ecn(struct words *w, const struct cfg_m_ecn *m)
{
	add(w, " ECN match");
	if (m->ece)
		add(w, " %sECE", m->ece_inv ? "!" : "");
	if (m->cwr)
		add(w, " %sCWR", m->cwr_inv ? "!" : "");
	if (m->ect_set)
		add(w, " %sECT=%u", m->ect_inv ? "!" : "", m->ect);
}

// What looks at the packet as a whole.
static void
add_packet_match(struct words *w, const struct cfg_match *m)
{
	static const char *const type[] = {"unicast", "broadcast", "multicast", "otherhost"};
	const uint8_t *a = m->mac.addr;

	switch (m->id) {
	case CFG_M_MARK:
		add(w, " mark match%s 0x%x", m->mark.invert ? " !" : "", m->mark.value);
		if (m->mark.mask != UINT32_MAX)
			add(w, "/0x%x", m->mark.mask);
		break;
	case CFG_M_LENGTH:
		add(w, " length %s%u", m->length.invert ? "!" : "", m->length.range.lo);
		if (m->length.range.lo != m->length.range.hi)
			add(w, ":%u", m->length.range.hi);
		break;
	case CFG_M_IPRANGE:
		if (m->iprange.src_set)
			add_ip_range(w, "source", &m->iprange, true);
		if (m->iprange.dst_set)
			add_ip_range(w, "destination", &m->iprange, false);
		break;
	case CFG_M_PKTTYPE:
		add(w, " PKTTYPE %s %s", m->pkttype.invert ? "!=" : "=", type[m->pkttype.type]);
		break;
	case CFG_M_MAC:
		add(w, " MAC%s %02x:%02x:%02x:%02x:%02x:%02x", m->mac.invert ? " !" : "", a[0],
		    a[1], a[2], a[3], a[4], a[5]);
		break;
	default:
		break;
	}
}

static void
add_limit(struct words *w, const struct cfg_match *m)
{
	const char *unit;
	uint32_t rate = cfg_limit_rate(&m->limit, &unit);

	add(w, " limit: avg %u/%s burst %u", rate, unit, m->limit.burst != 0 ? m->limit.burst : 5);
}

// Matches and targets without words of their own here say what iptables-save prints. Takes `text`,
// NULL: no memory.
static void
add_plain(struct words *w, const char *name, char *text)
{
	if (text == NULL)
		w->no_mem = true;
	else
		add(w, "%s%s%s%s", name != NULL ? " " : "", name != NULL ? name : "",
		    text[0] != '\0' ? " " : "", text);
	free(text);
}

// The same without the dashes, as iptables lists CT and conntrack.
static void
add_bare(struct words *w, const char *name, char *text)
{
	char *to = text;

	for (const char *at = text; at != NULL && *at != '\0';) {
		if (at[0] == '-' && at[1] == '-' && (at == text || at[-1] == ' '))
			at += 2;
		else
			*to++ = *at++;
	}
	if (text != NULL)
		*to = '\0';
	add_plain(w, name, text);
}

static void
add_match(struct words *w, const struct cfg_rule *rule, const struct cfg_match *m,
	  enum cfg_family family)
{
	switch (m->id) {
	case CFG_M_TCP:
	case CFG_M_UDP:
		add_tcp_udp(w, m);
		break;
	case CFG_M_ICMP:
	case CFG_M_ICMP6:
		add_icmp(w, m);
		break;
	case CFG_M_MULTIPORT:
		add_multiport(w, &m->multiport);
		break;
	case CFG_M_CONNTRACK:
		if (m->data != NULL)
			add_bare(w, NULL, cfg_match_to_save(rule, m, family));
		else
			add_states(w, "ctstate", &m->state);
		break;
	case CFG_M_STATE:
		add_states(w, "state", &m->state);
		break;
	case CFG_M_COMMENT:
		add(w, " /* %s */", m->data != NULL ? (const char *)m->data : "");
		break;
	case CFG_M_MARK:
	case CFG_M_LENGTH:
	case CFG_M_IPRANGE:
	case CFG_M_PKTTYPE:
	case CFG_M_MAC:
		add_packet_match(w, m);
		break;
	case CFG_M_TTL:
	case CFG_M_HL:
		add_ttl(w, m->id == CFG_M_TTL ? "TTL" : "HL", &m->ttl);
		break;
	case CFG_M_TOS:
		add(w, " tos match%s0x%02x/0x%02x", m->tos.invert ? " !" : "", m->tos.value,
		    m->tos.mask);
		break;
	case CFG_M_DSCP:
		add(w, " DSCP match %s0x%02x", m->tos.invert ? "!" : "", m->tos.value);
		break;
	case CFG_M_ECN:
		add_ecn(w, &m->ecn);
		break;
	case CFG_M_LIMIT:
		add_limit(w, m);
		break;
	default:
		add_plain(w, cfg_match_name(m->id), cfg_match_to_save(rule, m, family));
		break;
	}
}

static const char *
reject_name(enum cfg_reject r, enum cfg_family family)
{
	static const char *const name[] = {
		[CFG_REJ_NET_UNREACH] = "icmp-net-unreachable",
		[CFG_REJ_HOST_UNREACH] = "icmp-host-unreachable",
		[CFG_REJ_PROTO_UNREACH] = "icmp-proto-unreachable",
		[CFG_REJ_PORT_UNREACH] = "icmp-port-unreachable",
		[CFG_REJ_NET_PROHIB] = "icmp-net-prohibited",
		[CFG_REJ_HOST_PROHIB] = "icmp-host-prohibited",
		[CFG_REJ_ADMIN_PROHIB] = "icmp-admin-prohibited",
		[CFG_REJ_TCP_RESET] = "tcp-reset",
		[CFG_REJ6_NO_ROUTE] = "icmp6-no-route",
		[CFG_REJ6_ADM_PROHIBITED] = "icmp6-adm-prohibited",
		[CFG_REJ6_ADDR_UNREACH] = "icmp6-addr-unreachable",
		[CFG_REJ6_PORT_UNREACH] = "icmp6-port-unreachable",
		[CFG_REJ6_POLICY_FAIL] = "icmp6-policy-fail",
		[CFG_REJ6_REJECT_ROUTE] = "icmp6-reject-route",
	};

	if (r == CFG_REJ_DEFAULT)
		r = family == CFG_IPV4 ? CFG_REJ_PORT_UNREACH : CFG_REJ6_PORT_UNREACH;
	return name[r];
}

static void
add_nat_range(struct words *w, const struct cfg_t_nat *n)
{
	int af = n->family == CFG_IPV6 ? AF_INET6 : AF_INET;
	bool brackets = n->family == CFG_IPV6 && n->has_ports;
	char lo[INET6_ADDRSTRLEN] = "", hi[INET6_ADDRSTRLEN] = "";

	add(w, " to:");
	if (n->family != 0) {
		inet_ntop(af, n->addr_min, lo, sizeof(lo));
		inet_ntop(af, n->addr_max, hi, sizeof(hi));
		add(w, "%s%s", brackets ? "[" : "", lo);
		if (strcmp(lo, hi) != 0)
			add(w, "-%s", hi);
		add(w, "%s", brackets ? "]" : "");
	}
	if (!n->has_ports)
		return;
	add(w, ":%u", n->port_min);
	if (n->port_min != n->port_max)
		add(w, "-%u", n->port_max);
	if (n->port_base != 0)
		add(w, "/%u", n->port_base);
}

static void
add_port_list(struct words *w, const char *name, const struct cfg_t_nat *n)
{
	if (!n->has_ports)
		return;
	add(w, " %s %u", name, n->port_min);
	if (n->port_min != n->port_max)
		add(w, "-%u", n->port_max);
}

static void
add_mark(struct words *w, const struct cfg_t_mark *m)
{
	if (m->value == 0)
		add(w, " MARK and 0x%x", ~m->mask);
	else if (m->value == m->mask)
		add(w, " MARK or 0x%x", m->value);
	else if (m->mask == 0)
		add(w, " MARK xor 0x%x", m->value);
	else if (m->mask == UINT32_MAX)
		add(w, " MARK set 0x%x", m->value);
	else
		add(w, " MARK xset 0x%x/0x%x", m->value, m->mask);
}

// The options that iptables has no words for, from the first of them on.
static void
add_own(struct words *w, char *text)
{
	const char *at = text != NULL ? strstr(text, "--mapping") : NULL;

	if (at == NULL && text != NULL)
		at = strstr(text, "--filtering");
	if (at != NULL)
		add(w, " %s", at);
	free(text);
}

static void
add_target(struct words *w, const struct cfg_rule *rule, enum cfg_family family)
{
	const struct cfg_target *t = &rule->target;

	switch (t->id) {
	case CFG_T_REJECT:
		add(w, " reject-with %s", reject_name(t->reject, family));
		return;
	case CFG_T_SNAT:
	case CFG_T_DNAT:
		add_nat_range(w, &t->nat);
		break;
	case CFG_T_MASQUERADE:
		add_port_list(w, "masq ports:", &t->nat);
		break;
	case CFG_T_REDIRECT:
		add_port_list(w, "redir ports", &t->nat);
		break;
	case CFG_T_NOTRACK:
		add(w, " NOTRACK");
		return;
	case CFG_T_CT:
		add_bare(w, cfg_target_name(t->id), cfg_target_to_save(rule, family));
		return;
	case CFG_T_MARK:
		add_mark(w, &t->mark);
		return;
	default:
		add_plain(w, NULL, cfg_target_to_save(rule, family));
		return;
	}
	add(w, "%s%s%s", t->nat.random ? " random" : "", t->nat.random_fully ? " random-fully" : "",
	    t->nat.persistent ? " persistent" : "");
	if (t->nat.mapping != CFG_MAPPING_NONE || t->nat.filtering != CFG_FILTER_NONE)
		add_own(w, cfg_target_to_save(rule, family));
}

static const char *
target_name(const struct cfg_target *t)
{
	if (t->id == CFG_T_JUMP || t->id == CFG_T_GOTO)
		return t->chain;
	if (t->id == CFG_T_NOTRACK)
		return "CT"; // as iptables lists it
	return t->id != CFG_T_NONE ? cfg_target_name(t->id) : "";
}

// The number as text, or the name where iptables has one. "" in front or '!'.
static void
protocol_text(const struct cfg_rule *r, char out[16])
{
	static const struct {
		uint8_t number;
		const char *name;
	} row[] = {{1, "icmp"}, {6, "tcp"}, {17, "udp"},    {33, "dccp"},  {47, "gre"},
		   {50, "esp"}, {51, "ah"}, {58, "icmpv6"}, {132, "sctp"}, {136, "udplite"}};
	const char *inv = r->proto_inv ? "!" : "";

	snprintf(out, 16, "%s%u", inv, r->proto);
	if (!r->proto_set || r->proto == 0)
		snprintf(out, 16, "%sall", inv);
	for (size_t i = 0; r->proto_set && i < sizeof(row) / sizeof(row[0]); i++)
		if (row[i].number == r->proto)
			snprintf(out, 16, "%s%s", inv, row[i].name);
}

static void
iface_text(const struct cfg_iface *i, char out[CFG_IFNAMSIZ + 2])
{
	if (i->name[0] == '\0' && !i->wildcard)
		strcpy(out, "*");
	else
		snprintf(out, CFG_IFNAMSIZ + 2, "%s%s%s", i->invert ? "!" : "", i->name,
			 i->wildcard ? "+" : "");
}

// Length of a mask of leading ones, -1 where there are gaps.
static int
mask_len(const uint8_t *mask, unsigned width)
{
	unsigned len = 0;

	while (len < width && (mask[len / 8] >> (7 - len % 8) & 1) != 0)
		len++;
	for (unsigned i = len; i < width; i++)
		if ((mask[i / 8] >> (7 - i % 8) & 1) != 0)
			return -1;
	return (int)len;
}

#define ADDR_TEXT (2 * INET6_ADDRSTRLEN + 2)

static void
addr_text(const struct cfg_addr *a, enum cfg_family family, char out[ADDR_TEXT])
{
	int af = family == CFG_IPV6 ? AF_INET6 : AF_INET;
	unsigned width = family == CFG_IPV6 ? 128 : 32;
	char addr[INET6_ADDRSTRLEN], mask[INET6_ADDRSTRLEN];
	int len = mask_len(a->mask, width);
	const char *inv = a->invert ? "!" : "";

	inet_ntop(af, a->addr, addr, sizeof(addr));
	inet_ntop(af, a->mask, mask, sizeof(mask));
	if (a->family == 0)
		strcpy(out, family == CFG_IPV6 ? "::/0" : "0.0.0.0/0");
	else if (len == (int)width)
		snprintf(out, ADDR_TEXT, "%s%s", inv, addr);
	else if (len >= 0)
		snprintf(out, ADDR_TEXT, "%s%s/%d", inv, addr, len);
	else
		snprintf(out, ADDR_TEXT, "%s%s/%s", inv, addr, mask);
}

json_t *
ctl_rule_view(const struct cfg_rule *rule, enum cfg_family family, unsigned number)
{
	char protocol[16], in[CFG_IFNAMSIZ + 2], out[CFG_IFNAMSIZ + 2], src[ADDR_TEXT],
		dst[ADDR_TEXT];
	char *text = cfg_rule_to_save(rule, family);
	struct words w = {0};
	json_t *view = NULL;
	uint64_t packets, bytes;

	add(&w, "%s", "");
	for (size_t i = 0; i < rule->n_match; i++)
		add_match(&w, rule, &rule->match[i], family);
	add_target(&w, rule, family);
	if (text == NULL || w.no_mem)
		goto done;
	cfg_rule_counters(rule, family, &packets, &bytes);
	protocol_text(rule, protocol);
	iface_text(&rule->in, in);
	iface_text(&rule->out, out);
	addr_text(&rule->src, family, src);
	addr_text(&rule->dst, family, dst);
	view = json_pack("{s:i, s:I, s:I, s:s, s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}",
			 "number", (int)number, "packets", (json_int_t)packets, "bytes",
			 (json_int_t)bytes, "target", target_name(&rule->target), "goto",
			 rule->target.id == CFG_T_GOTO, "protocol", protocol, "fragments",
			 !rule->frag	  ? ""
			 : rule->frag_inv ? "!f"
					  : "-f",
			 "in", in, "out", out, "source", src, "destination", dst, "details",
			 ctl_json_text(w.len > 0 ? w.text + 1 : ""), "text", ctl_json_text(text));
done:
	free(text);
	free(w.text);
	return view;
}
