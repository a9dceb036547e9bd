// The policy model to policy.yaml: one rule a line, keys as iptables names them.
//
// cfg_policy_to_yaml is called by app/ (import) and tests; the caller owns the text. What it writes
// reads back into the same model: the order of matches is the order of keys, a match that keys
// cannot say stands under `match:`, families are written where the reader would not come to them by
// itself.
#include "config/ct_settings.h"
#include "config/timeouts.h"
#include "config/ext/ext.h"
#include "config/model.h"
#include "config/yaml_in.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct writer {
	struct cfg_buf b;
	struct cfg_buf word; // of one option
};

// Text that every YAML reader takes for the same text without quotes (or for a number that reads
// the same).
static bool
is_plain(const char *s, size_t n)
{
	static const char *const special[] = {"true", "false", "yes", "no", "on",
					      "off",  "null",  "y",   "n"};
	size_t letters = 0;

	if (n == 0 || s[0] == '-' || s[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		bool alpha = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z');

		if (!alpha && !(s[i] >= '0' && s[i] <= '9') && strchr("._/+-", s[i]) == NULL)
			return false;
		letters += alpha;
	}
	for (size_t i = 0; i < EXT_N(special); i++)
		if (strlen(special[i]) == n && strncasecmp(s, special[i], n) == 0)
			return false;
	// Digits first: only whole decimal numbers and addresses, nothing that looks like 0x10, 1e3
	// or 010.
	if (s[0] >= '0' && s[0] <= '9')
		return letters == 0 && (s[0] != '0' || n == 1 || s[1] == '.');
	return s[0] != '+';
}

// The next character of UTF-8 text (which the readers made sure of); its length goes to *n.
static uint32_t
utf8(const char *s, size_t *n)
{
	unsigned char c = s[0];
	uint32_t v;

	*n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	v = *n == 1 ? c : c & (0xff >> (*n + 1));
	for (size_t i = 1; i < *n; i++)
		v = v << 6 | (s[i] & 0x3f);
	return v;
}

static void
scalar(struct cfg_buf *b, const char *s, size_t n)
{
	size_t len;

	if (is_plain(s, n)) {
		cfg_buf_addn(b, s, n);
		return;
	}
	cfg_buf_addc(b, '"');
	for (size_t i = 0; i < n; i += len) {
		uint32_t c = utf8(s + i, &len);

		if (c == '"' || c == '\\') {
			cfg_buf_addc(b, '\\');
			cfg_buf_addc(b, c);
		} else if (c < ' ' || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 ||
			   c == 0xfeff || (c >= 0xfff0 && c <= 0xffff)) {
			cfg_buf_addf(b, "\\u%04X", c);
		} else {
			cfg_buf_addn(b, s + i, len);
		}
	}
	cfg_buf_addc(b, '"');
}

static void
key(struct cfg_buf *b, bool *first, const char *name)
{
	cfg_buf_add(b, *first ? " " : ", ");
	*first = false;
	cfg_buf_add(b, name);
	cfg_buf_add(b, ": ");
}

// An option's value, already in w->word.
static void
value(struct writer *w, const struct ext_opt *o, bool invert)
{
	char *text = w->word.text != NULL ? w->word.text : "";
	size_t n = w->word.len, from = 0;

	if (o->value == EXT_FLAG) {
		cfg_buf_add(&w->b, invert ? "\"!true\"" : "true");
	} else if (invert) {
		struct cfg_buf neg = {0};

		cfg_buf_addc(&neg, '!');
		cfg_buf_addn(&neg, text, n);
		w->b.oom |= neg.oom;
		if (!neg.oom)
			scalar(&w->b, neg.text, neg.len);
		cfg_buf_free(&neg);
	} else if (o->value == EXT_LIST && memchr(text, ',', n) != NULL) {
		for (size_t i = 0; i <= n; i++) {
			if (i < n && text[i] != ',')
				continue;
			cfg_buf_add(&w->b, from == 0 ? "[" : ", ");
			scalar(&w->b, text + from, i - from);
			from = i + 1;
		}
		cfg_buf_addc(&w->b, ']');
	} else {
		scalar(&w->b, text, n);
	}
}

static void
options(struct writer *w, struct ext_out *out, const struct ext *ext, bool *first)
{
	for (size_t i = 0; i < ext->n_opt; i++) {
		const struct ext_opt *o = &ext->opt[i];

		out->invert = false;
		cfg_buf_reset(&w->word);
		if (o->show == NULL || !o->show(out))
			continue;
		key(&w->b, first, o->key != NULL ? o->key : o->name);
		value(w, o, out->invert);
	}
}

static bool
has_option(struct writer *w, struct ext_out *out, const struct ext *ext)
{
	for (size_t i = 0; i < ext->n_opt; i++) {
		cfg_buf_reset(&w->word);
		if (ext->opt[i].show != NULL && ext->opt[i].show(out))
			return true;
	}
	return false;
}

// Can keys of the rule itself say match i? Not where something else of the rule has the same key.
static bool
is_short(struct writer *w, const struct cfg_rule *r, size_t i)
{
	struct ext_out out = {.rule = r, .match = &r->match[i], .yaml = true, .text = &w->word};
	const struct ext *ext = ext_of_match(r->match[i].id);
	const struct ext_opt *opt;

	for (size_t j = 0; j < i; j++)
		if (r->match[j].id == r->match[i].id)
			return false;
	for (size_t j = 0; j < ext->n_opt; j++) {
		const char *key = ext->opt[j].key != NULL ? ext->opt[j].key : ext->opt[j].name;

		cfg_buf_reset(&w->word);
		if (ext->opt[j].show != NULL && ext->opt[j].show(&out) &&
		    ext_of_key(r, key, &opt) != ext)
			return false;
	}
	return has_option(w, &out, ext);
}

static void
long_match(struct writer *w, struct ext_out *out)
{
	const struct ext *ext = ext_of_match(out->match->id);
	bool first = true;

	if (!has_option(w, out, ext)) {
		cfg_buf_add(&w->b, ext->name);
		return;
	}
	cfg_buf_addc(&w->b, '{');
	key(&w->b, &first, "match");
	cfg_buf_add(&w->b, ext->name);
	options(w, out, ext, &first);
	cfg_buf_add(&w->b, " }");
}

// Matches in order. From the first to the last that keys cannot say, all stand in one list under
// `match:`.
static void
matches(struct writer *w, const struct cfg_rule *r, bool *first)
{
	struct ext_out out = {.rule = r, .yaml = true, .text = &w->word};
	size_t from = r->n_match, to = 0; // the list is [from, to)

	for (size_t i = 0; i < r->n_match; i++) {
		if (!is_short(w, r, i)) {
			from = from < i ? from : i;
			to = i + 1;
		}
	}
	for (size_t i = 0; i < r->n_match; i++) {
		out.match = &r->match[i];
		if (i < from || i >= to) {
			options(w, &out, ext_of_match(out.match->id), first);
			continue;
		}
		if (i == from) {
			key(&w->b, first, "match");
			cfg_buf_add(&w->b, to - from > 1 ? "[" : "");
		} else {
			cfg_buf_add(&w->b, ", ");
		}
		long_match(w, &out);
		if (i == to - 1 && to - from > 1)
			cfg_buf_addc(&w->b, ']');
	}
}

static const char *
family_name(uint8_t family)
{
	return family == CFG_IPV4 ? "ipv4" : family == CFG_IPV6 ? "ipv6" : "both";
}

// The family that the reader gives a rule that does not name one.
static uint8_t
family_unsaid(const struct cfg_rule *r, uint8_t chain)
{
	uint8_t f = chain;

	f &= r->src.family != 0 ? r->src.family : CFG_BOTH;
	f &= r->dst.family != 0 ? r->dst.family : CFG_BOTH;
	f &= r->frag ? CFG_IPV4 : CFG_BOTH;
	for (size_t i = 0; i < r->n_match; i++)
		f &= ext_of_match(r->match[i].id)->families;
	if (r->target.id == CFG_T_REJECT && r->target.reject < CFG_REJ_TCP_RESET)
		f &= CFG_IPV4;
	else if (r->target.id == CFG_T_REJECT && r->target.reject > CFG_REJ_TCP_RESET &&
		 r->target.reject != CFG_REJ_DEFAULT)
		f &= CFG_IPV6;
	else if ((r->target.id == CFG_T_SNAT || r->target.id == CFG_T_DNAT) &&
		 r->target.nat.family != 0)
		f &= r->target.nat.family;
	if (f == CFG_BOTH && !r->proto_inv && r->proto == IPPROTO_ICMP)
		f = CFG_IPV4;
	else if (f == CFG_BOTH && !r->proto_inv && r->proto == IPPROTO_ICMPV6)
		f = CFG_IPV6;
	return f;
}

static void
rule_write(struct writer *w, const struct cfg_rule *r, uint8_t chain_family)
{
	struct ext_out out = {.rule = r, .yaml = true, .text = &w->word};
	const struct ext *target = ext_of_target(r->target.id);
	bool first = true;

	cfg_buf_add(&w->b, "        - {");
	if (family_unsaid(r, chain_family) != r->family) {
		key(&w->b, &first, "family");
		cfg_buf_add(&w->b, family_name(r->family));
	}
	options(w, &out, &ext_rule, &first);
	matches(w, r, &first);
	if (target != NULL) {
		out.target = &r->target;
		key(&w->b, &first, "jump");
		cfg_buf_add(&w->b, target->name);
		options(w, &out, target, &first);
	} else if (r->target.id != CFG_T_NONE) {
		key(&w->b, &first, r->target.id == CFG_T_GOTO ? "goto" : "jump");
		scalar(&w->b, r->target.chain, strlen(r->target.chain));
	}
	if (r->packets != 0 || r->bytes != 0) {
		key(&w->b, &first, "counters");
		cfg_buf_addf(&w->b, "[%llu, %llu]", (unsigned long long)r->packets,
			     (unsigned long long)r->bytes);
	}
	cfg_buf_add(&w->b, first ? "}\n" : " }\n");
}

static void
chain_policy(struct cfg_buf *b, const struct cfg_chain *c)
{
	static const char *const word[] = {
		[CFG_POLICY_ACCEPT] = "ACCEPT", [CFG_POLICY_DROP] = "DROP"};

	if (c->hook == CFG_HOOK_NONE)
		return;
	if (c->family == CFG_BOTH && c->policy4 != c->policy6)
		cfg_buf_addf(b, "      policy: { ipv4: %s, ipv6: %s }\n", word[c->policy4],
			     word[c->policy6]);
	else
		cfg_buf_addf(b, "      policy: %s\n",
			     word[c->family & CFG_IPV4 ? c->policy4 : c->policy6]);
}

static void
chain_counters(struct cfg_buf *b, const struct cfg_chain *c)
{
	unsigned long long p4 = c->packets4, b4 = c->bytes4, p6 = c->packets6, b6 = c->bytes6;

	if ((p4 | b4 | p6 | b6) == 0)
		return;
	if (c->family == CFG_BOTH)
		cfg_buf_addf(b, "      counters: { ipv4: [%llu, %llu], ipv6: [%llu, %llu] }\n", p4,
			     b4, p6, b6);
	else if (c->family == CFG_IPV4)
		cfg_buf_addf(b, "      counters: [%llu, %llu]\n", p4, b4);
	else
		cfg_buf_addf(b, "      counters: [%llu, %llu]\n", p6, b6);
}

static void
chain_write(struct writer *w, const struct cfg_chain *c, uint8_t said)
{
	bool empty = c->hook == CFG_HOOK_NONE && c->family == said && c->n_rule == 0;

	cfg_buf_add(&w->b, "    ");
	scalar(&w->b, c->name, strlen(c->name));
	cfg_buf_add(&w->b, empty ? ": {}\n" : ":\n");
	if (c->family != said)
		cfg_buf_addf(&w->b, "      family: %s\n", family_name(c->family));
	chain_policy(&w->b, c);
	chain_counters(&w->b, c);
	if (c->n_rule > 0)
		cfg_buf_add(&w->b, "      rules:\n");
	for (size_t i = 0; i < c->n_rule; i++)
		rule_write(w, &c->rule[i], c->family);
}

static void
table_write(struct writer *w, const struct cfg_policy *policy, enum cfg_table_id t)
{
	const struct cfg_table *table = &policy->table[t];
	// A chain called "family" is a second key of that name: then every chain says its own.
	bool say = table->family != CFG_BOTH && cfg_chain_find(policy, t, "family") == NULL;

	cfg_buf_addf(&w->b, "  %s:%s\n", cfg_table_name(t),
		     table->n_chain == 0 && !say ? " {}" : "");
	if (say)
		cfg_buf_addf(&w->b, "    family: %s\n", family_name(table->family));
	for (size_t i = 0; i < table->n_chain; i++)
		chain_write(w, table->chain[i], say ? table->family : CFG_BOTH);
}

static void
settings_write(struct cfg_buf *b, const struct cfg_policy *policy)
{
	static const char *const ports[] = {[CFG_PORTS_PRESERVE] = "preserve",
					    [CFG_PORTS_STEERED] = "steered",
					    [CFG_PORTS_RANDOM] = "random"};
	bool any = false;

	for (size_t i = 0; i < cfg_ct_rows; i++) {
		const struct cfg_ct_row *row = &cfg_ct_row[i];
		uint32_t v = cfg_ct_get(&policy->conntrack, row);

		if (!cfg_ct_said(&policy->conntrack, row))
			continue;
		cfg_buf_add(b, any ? "" : "conntrack:\n");
		any = true;
		if (row->flag)
			cfg_buf_addf(b, "  %s: %s\n", row->name, v != 0 ? "true" : "false");
		else
			cfg_buf_addf(b, "  %s: %u\n", row->name, v);
	}
	cfg_timeouts_write(b, &policy->timeouts);
	if (policy->port_selection != CFG_PORTS_DEFAULT)
		cfg_buf_addf(b, "nat:\n  port-selection: %s\n", ports[policy->port_selection]);
	if (policy->recent.ip_list_tot != 0 || policy->recent.ip_pkt_list_tot != 0)
		cfg_buf_add(b, "recent:\n");
	if (policy->recent.ip_list_tot != 0)
		cfg_buf_addf(b, "  ip_list_tot: %u\n", policy->recent.ip_list_tot);
	if (policy->recent.ip_pkt_list_tot != 0)
		cfg_buf_addf(b, "  ip_pkt_list_tot: %u\n", policy->recent.ip_pkt_list_tot);
}

char *
cfg_policy_to_yaml(const struct cfg_policy *policy)
{
	enum cfg_table_id order[CFG_TABLES];
	struct writer w = {0};
	size_t n = cfg_table_order(policy, order);

	cfg_buf_add(&w.b, "version: 1\n");
	cfg_buf_add(&w.b, n > 0 ? "tables:\n" : "tables: {}\n");
	for (size_t i = 0; i < n; i++)
		table_write(&w, policy, order[i]);
	settings_write(&w.b, policy);
	yaml_sets_write(&w.b, &policy->sets);
	w.b.oom |= w.word.oom;
	cfg_buf_free(&w.word);
	return cfg_buf_take(&w.b);
}
