// One rule on its way from a file into a chain.
//
// The YAML reader and the iptables-save reader call this, with options found in the extension
// table. It keeps what both must hold alike: every option once, required ones, negation where it
// may stand, the families that remain, lists of addresses multiplied out. A struct rule_in owns its
// parts until rule_in_done has moved them into the chain; rule_in_free gives back what is left.
#include "config/rule_in.h"
#include "config/model.h"
#include "config/value.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

void
rule_in_begin(struct rule_in *in, uint8_t families, struct cfg_pos pos, struct cfg_err *err)
{
	*in = (struct rule_in){.rule.pos = pos, .families = families, .err = err};
}

void
rule_in_free(struct rule_in *in)
{
	cfg_rule_clear(&in->rule);
	free(in->src);
	free(in->dst);
	in->src = in->dst = NULL;
	in->n_src = in->n_dst = 0;
}

static bool
no_memory(struct rule_in *in)
{
	cfg_err_add(in->err, in->rule.pos, "out of memory");
	return false;
}

static bool
narrow(struct rule_in *in, uint8_t families, const char *what, struct cfg_pos pos)
{
	struct ext_in e = {.families = in->families, .pos = pos, .err = in->err};
	enum cfg_judge before = cfg_err_judge(in->err, CFG_JUDGE_RULE);
	bool good = ext_narrow(&e, families, what);

	cfg_err_judge(in->err, before);
	in->families = good ? e.families : in->families;
	return good;
}

bool
rule_in_match(struct rule_in *in, const struct ext *ext, struct cfg_pos pos, size_t *index)
{
	struct cfg_match *m;

	if (in->rule.n_match == RULE_IN_MATCHES) {
		cfg_err_add_of(in->err, CFG_JUDGE_RULE, pos, "more than %d matches in one rule",
			       RULE_IN_MATCHES);
		return false;
	}
	if (!narrow(in, ext->families, ext->name, pos))
		return false;
	m = cfg_match_add(&in->rule, ext->id);
	if (m == NULL)
		return no_memory(in);
	m->pos = pos;
	*index = in->rule.n_match - 1;
	return true;
}

static bool
target_free(struct rule_in *in, struct cfg_pos pos)
{
	if (in->rule.target.id == CFG_T_NONE)
		return true;
	cfg_err_add(in->err, pos, "a rule has one jump or goto, not two");
	return false;
}

bool
rule_in_target(struct rule_in *in, const struct ext *ext, struct cfg_pos pos)
{
	if (!target_free(in, pos) || !narrow(in, ext->families, ext->name, pos))
		return false;
	in->rule.target.id = ext->id;
	in->rule.target.pos = pos;
	if (ext->id == CFG_T_LOG)
		in->rule.target.log.level = CFG_LOG_WARNING;
	if (ext->id == CFG_T_REJECT)
		in->rule.target.reject = CFG_REJ_DEFAULT;
	in->target = ext;
	return true;
}

bool
rule_in_chain(struct rule_in *in, const char *chain, bool go, struct cfg_pos pos)
{
	const char *why = cfg_chain_name_bad(chain);

	if (!target_free(in, pos))
		return false;
	if (why != NULL) {
		cfg_err_add_of(in->err,
			       strlen(chain) < CFG_CHAIN_MAX ? CFG_JUDGE_FORM : CFG_JUDGE_VALUE,
			       pos, "'%s': \"%s\": %s", go ? "goto" : "jump", chain, why);
		return false;
	}
	in->rule.target.id = go ? CFG_T_GOTO : CFG_T_JUMP;
	in->rule.target.pos = pos;
	strcpy(in->rule.target.chain, chain);
	return true;
}

// The lists of source and destination addresses, as one thing each.
struct addrs {
	struct cfg_addr **list;
	size_t *n;
	const struct cfg_addr *read; // where the option's parse puts one
};

static bool
addr_put(struct rule_in *in, const struct addrs *a)
{
	struct cfg_addr *grown = reallocarray(*a->list, *a->n + 1, sizeof(*grown));

	if (grown == NULL)
		return no_memory(in);
	*a->list = grown;
	grown[(*a->n)++] = *a->read;
	return true;
}

// "name" or "name/mask" where the name is no address: all of the host's addresses, those once that
// the mask makes equal.
static bool
addr_resolve(struct rule_in *in, const struct rule_opt *o, struct ext_in *e, const struct addrs *a,
	     const char *word)
{
	const char *slash = strchr(word, '/');
	struct cfg_buf host = {0}, one = {0};
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	size_t first = *a->n;
	bool good = false;
	int ret;

	hints.ai_family = in->families == CFG_IPV4 ? AF_INET : AF_INET6;
	cfg_buf_addn(&host, word, slash != NULL ? (size_t)(slash - word) : strlen(word));
	ret = host.oom ? EAI_MEMORY : getaddrinfo(host.text, NULL, &hints, &found);
	if (ret != 0)
		cfg_err_add(in->err, o->pos, "'%s': host '%s': %s", o->name, host.text,
			    gai_strerror(ret));
	for (struct addrinfo *i = found; i != NULL; i = i->ai_next) {
		char text[INET6_ADDRSTRLEN];
		bool same = false;

		good = getnameinfo(i->ai_addr, i->ai_addrlen, text, sizeof(text), NULL, 0,
				   NI_NUMERICHOST) == 0;
		cfg_buf_reset(&one);
		cfg_buf_addf(&one, "%s%s", text, slash != NULL ? slash : "");
		e->value[0] = one.text;
		if (!good || one.oom || !(good = o->opt->parse(e)))
			break;
		for (size_t j = first; j < *a->n && !same; j++)
			same = memcmp(&(*a->list)[j], a->read, sizeof(*a->read)) == 0;
		if (!same && !(good = addr_put(in, a)))
			break;
	}
	if (found != NULL)
		freeaddrinfo(found);
	cfg_buf_free(&host);
	cfg_buf_free(&one);
	return good;
}

// Not an address, but letters that could be a host's name.
static bool
is_host_name(const char *word, uint8_t families)
{
	struct cfg_addr a;
	const char *why;
	size_t n = strcspn(word, "/");

	return !cfg_value_addr(word, families, &a, &why) && memchr(word, ':', n) == NULL &&
	       strcspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") < n;
}

// Every address of a comma list.
static bool
addr_list(struct rule_in *in, const struct rule_opt *o, struct ext_in *e)
{
	bool src = o->opt->slot == 0;
	struct addrs a = {src ? &in->src : &in->dst, src ? &in->n_src : &in->n_dst,
			  src ? &in->rule.src : &in->rule.dst};
	const char *rest = o->value[0];
	uint8_t families = 0;
	char word[300];

	while (rest != NULL) {
		rest += strspn(rest, " ");
		if (!cfg_value_next(&rest, word, sizeof(word)))
			strcpy(word, "...");
		e->value[0] = word;
		if (in->resolve && is_host_name(word, in->families)) {
			if (!addr_resolve(in, o, e, &a, word))
				return false;
		} else if (!o->opt->parse(e) || !addr_put(in, &a)) {
			return false;
		}
	}
	for (size_t i = 0; i < *a.n; i++)
		families |= (*a.list)[i].family;
	if (o->invert && *a.n > 1) {
		cfg_err_add(in->err, o->pos,
			    "'%s': \"!\" and a list of addresses do not go together", o->name);
		return false;
	}
	e->families &= families;
	return true;
}

static bool
once(struct rule_in *in, const struct rule_opt *o, uint32_t *seen)
{
	for (size_t i = 0; (*seen >> o->opt->slot & 1) && i < o->ext->n_opt; i++) {
		const struct ext_opt *other = &o->ext->opt[i];

		if (other != o->opt && other->slot == o->opt->slot && other->show != NULL) {
			cfg_err_add(in->err, o->pos,
				    "'%s' cannot stand twice or together with '%s'", o->name,
				    other->name);
			return false;
		}
	}
	if (*seen >> o->opt->slot & 1) {
		cfg_err_add(in->err, o->pos, "'%s' can stand only once", o->name);
		return false;
	}
	*seen |= 1u << o->opt->slot;
	return true;
}

bool
rule_in_option(struct rule_in *in, const struct rule_opt *o)
{
	bool own = o->ext == &ext_rule, target = o->ext->target;
	struct ext_in e = {
		.rule = &in->rule,
		.families = in->families,
		.invert = o->invert,
		.iptables = in->iptables,
		.name = o->name,
		.value = {o->value[0], o->value[1]},
		.pos = o->pos,
		.sets = in->sets,
		.sets_open = in->sets_open,
		.err = in->err,
	};
	enum cfg_judge before;
	bool good;

	e.seen = own ? &in->seen : target ? &in->target_seen : &in->match_seen[o->match];
	if (!own && target)
		e.target = &in->rule.target;
	else if (!own)
		e.match = &in->rule.match[o->match];
	if (o->opt->parse == NULL) {
		cfg_err_add(in->err, o->pos, "option '%s' of %s '%s' is not supported%s%s", o->name,
			    target ? "target" : "match", o->ext->name,
			    o->opt->instead != NULL ? ": " : " yet",
			    o->opt->instead != NULL ? o->opt->instead : "");
		return false;
	}
	if (!once(in, o, e.seen))
		return false;
	if (o->invert && !o->opt->invertible) {
		cfg_err_add(in->err, o->pos, "'%s' cannot be negated", o->name);
		return false;
	}
	before = cfg_err_judge(in->err, CFG_JUDGE_VALUE);
	good = own && o->opt->value == EXT_LIST ? addr_list(in, o, &e) : o->opt->parse(&e);
	cfg_err_judge(in->err, before);
	in->families = good ? e.families : in->families;
	return good;
}

static bool
options_complete(struct rule_in *in, const struct ext *ext, uint32_t seen, struct cfg_pos pos)
{
	const char *kind = ext->target ? "target" : "match";
	bool good = true;

	for (size_t i = 0; i < ext->n_opt; i++) {
		if (ext->opt[i].required && !(seen >> ext->opt[i].slot & 1)) {
			cfg_err_add(in->err, pos, "%s '%s' needs option '%s'", kind, ext->name,
				    ext->opt[i].name);
			good = false;
		}
	}
	if (ext->some_option && seen == 0) {
		cfg_err_add(in->err, pos, "%s '%s' needs one of its options (such as '%s')", kind,
			    ext->name, ext->opt[0].name);
		good = false;
	}
	return good;
}

static bool
complete(struct rule_in *in)
{
	bool good = true;

	for (size_t i = 0; i < in->rule.n_match; i++)
		good &= options_complete(in, ext_of_match(in->rule.match[i].id), in->match_seen[i],
					 in->rule.match[i].pos);
	if (in->target != NULL)
		good &= options_complete(in, in->target, in->target_seen, in->rule.target.pos);
	return good;
}

// A protocol that lives in one family takes the rule there, unless something else already decided.
static void
family_of_protocol(struct rule_in *in)
{
	if (in->family_given || in->families != CFG_BOTH || in->rule.proto_inv)
		return;
	if (in->rule.proto == IPPROTO_ICMP)
		in->families = CFG_IPV4;
	else if (in->rule.proto == IPPROTO_ICMPV6)
		in->families = CFG_IPV6;
}

static bool
rule_copy(struct cfg_rule *to, const struct cfg_rule *from)
{
	struct cfg_match *match = to->match; // NULL: a new rule is all zero

	*to = *from;
	to->match = match;
	to->n_match = 0;
	to->target.data = NULL;
	if (!cfg_target_copy(&to->target, &from->target))
		return false;
	for (size_t i = 0; i < from->n_match; i++) {
		struct cfg_match *m = cfg_match_add(to, from->match[i].id);

		if (m == NULL || !cfg_match_copy(m, &from->match[i]))
			return false;
	}
	return true;
}

// One rule of the list into the chain. The last one takes the parts, the others get copies.
static bool
put(struct rule_in *in, struct cfg_chain *chain, size_t at, uint8_t family, bool last)
{
	struct cfg_rule *rule = cfg_rule_insert(chain, at);

	if (rule == NULL)
		return no_memory(in);
	if (last) {
		*rule = in->rule;
		in->rule.match = NULL;
		in->rule.n_match = 0;
		in->rule.target.data = NULL;
	} else if (!rule_copy(rule, &in->rule)) {
		return no_memory(in);
	}
	rule->family = family;
	if (rule->target.id == CFG_T_REJECT && rule->target.reject == CFG_REJ_DEFAULT &&
	    family != CFG_BOTH)
		rule->target.reject =
			family == CFG_IPV4 ? CFG_REJ_PORT_UNREACH : CFG_REJ6_PORT_UNREACH;
	return true;
}

// An address of one family in a list needs one of the same family in the other list.
static bool
lists_meet(struct rule_in *in, const struct cfg_addr *a, size_t n, const struct cfg_addr *other,
	   size_t n_other)
{
	for (size_t i = 0; i < n; i++) {
		bool meets = n_other == 0 && (a[i].family & in->families) != 0;

		for (size_t j = 0; j < n_other && !meets; j++)
			meets = (a[i].family & other[j].family & in->families) != 0;
		if (!meets) {
			cfg_err_add(
				in->err, in->rule.pos,
				"the rule has an %s address that nothing else in it can go with",
				a[i].family == CFG_IPV4 ? "IPv4" : "IPv6");
			return false;
		}
	}
	return true;
}

static bool
done(struct rule_in *in, struct cfg_chain *chain, size_t at, size_t *budget)
{
	size_t n_src = in->n_src > 0 ? in->n_src : 1, n_dst = in->n_dst > 0 ? in->n_dst : 1;
	size_t n = n_src * n_dst;

	if (!complete(in))
		return false;
	family_of_protocol(in);
	if (!lists_meet(in, in->src, in->n_src, in->dst, in->n_dst) ||
	    !lists_meet(in, in->dst, in->n_dst, in->src, in->n_src))
		return false;
	if (n > *budget) {
		cfg_err_add(in->err, in->rule.pos, "more than %d rules in one file", RULE_IN_MAX);
		return false;
	}
	*budget -= n;
	for (size_t i = 0; i < n; i++) {
		uint8_t family = in->families;

		if (in->n_src > 0)
			family &= (in->rule.src = in->src[i / n_dst]).family;
		if (in->n_dst > 0)
			family &= (in->rule.dst = in->dst[i % n_dst]).family;
		if (family != 0 && !put(in, chain, at, family, i == n - 1))
			return false;
	}
	return true;
}

bool
rule_in_done(struct rule_in *in, struct cfg_chain *chain, size_t at, size_t *budget)
{
	enum cfg_judge before = cfg_err_judge(in->err, CFG_JUDGE_RULE);
	bool good = done(in, chain, at, budget);

	cfg_err_judge(in->err, before);
	return good;
}
