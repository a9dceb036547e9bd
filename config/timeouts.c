// Timeout policies: which times each protocol has, under the names of nfct(8); the reader and
// writer of `timeouts`; and whether a rule may name one. A policy says only some times, the rest
// are those of `conntrack`.
//
// Called by policy_yaml.c, policy_yaml_write.c and policy_able.c on their threads, and by app/
// where a policy is about to run.
#include "config/timeouts.h"
#include "config/value.h"
#include "config/yaml_in.h"
#include "config/ext/ext.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define PROTO_UDPLITE 136
#define KEYS_MAX      12

#define AT(field) offsetof(struct cfg_conntrack, field)

// The field of struct cfg_conntrack that each time stands in for.
static const struct protocol {
	const char *name;
	uint8_t number; // 0: whatever has no times of its own
	struct {
		const char *name;
		size_t at;
	} key[KEYS_MAX];
} protocols[] = {
	{"generic", 0, {{"timeout", AT(generic_timeout)}}},
	{"gre", IPPROTO_GRE, {{"unreplied", AT(gre_timeout)}, {"replied", AT(gre_timeout_stream)}}},
	{"icmp", IPPROTO_ICMP, {{"timeout", AT(icmp_timeout)}}},
	{"icmpv6", IPPROTO_ICMPV6, {{"timeout", AT(icmpv6_timeout)}}},
	{"sctp",
	 IPPROTO_SCTP,
	 {{"closed", AT(sctp_timeout_closed)},
	  {"cookie_wait", AT(sctp_timeout_cookie_wait)},
	  {"cookie_echoed", AT(sctp_timeout_cookie_echoed)},
	  {"established", AT(sctp_timeout_established)},
	  {"shutdown_sent", AT(sctp_timeout_shutdown_sent)},
	  {"shutdown_recd", AT(sctp_timeout_shutdown_recd)},
	  {"shutdown_ack_sent", AT(sctp_timeout_shutdown_ack_sent)},
	  {"heartbeat_sent", AT(sctp_timeout_heartbeat_sent)}}},
	{"tcp",
	 IPPROTO_TCP,
	 {{"syn_sent", AT(tcp_timeout_syn_sent)},
	  {"syn_recv", AT(tcp_timeout_syn_recv)},
	  {"established", AT(tcp_timeout_established)},
	  {"fin_wait", AT(tcp_timeout_fin_wait)},
	  {"close_wait", AT(tcp_timeout_close_wait)},
	  {"last_ack", AT(tcp_timeout_last_ack)},
	  {"time_wait", AT(tcp_timeout_time_wait)},
	  {"close", AT(tcp_timeout_close)},
	  {"syn_sent2", AT(tcp_timeout_syn_sent2)},
	  {"retrans", AT(tcp_timeout_max_retrans)},
	  {"unacknowledged", AT(tcp_timeout_unacknowledged)}}},
	{"udp", IPPROTO_UDP, {{"unreplied", AT(udp_timeout)}, {"replied", AT(udp_timeout_stream)}}},
	{"udplite",
	 PROTO_UDPLITE,
	 {{"unreplied", AT(udp_timeout)}, {"replied", AT(udp_timeout_stream)}}},
};

const char *
cfg_timeouts_protocol(size_t i)
{
	return i < EXT_N(protocols) ? protocols[i].name : NULL;
}

const char *
cfg_timeouts_key(size_t protocol, size_t i)
{
	return i < KEYS_MAX ? protocols[protocol].key[i].name : NULL;
}

static const struct protocol *
protocol_of(uint8_t number)
{
	for (size_t i = 0; i < EXT_N(protocols); i++)
		if (protocols[i].number == number)
			return &protocols[i];
	return &protocols[0];
}

static uint32_t *
time_at(struct cfg_conntrack *c, size_t at)
{
	return (uint32_t *)((char *)c + at);
}

const struct cfg_timeout *
cfg_timeout_find(const struct cfg_timeouts *timeouts, const char *name)
{
	for (size_t i = 0; i < timeouts->n; i++)
		if (strcmp(timeouts->item[i].name, name) == 0)
			return &timeouts->item[i];
	return NULL;
}

void
cfg_timeout_over(struct cfg_conntrack *c, const struct cfg_timeout *timeout)
{
	const struct protocol *p = protocol_of(timeout->proto);
	struct cfg_conntrack said = timeout->time;

	for (size_t i = 0; i < KEYS_MAX && p->key[i].name != NULL; i++) {
		uint32_t sec = *time_at(&said, p->key[i].at);

		if (sec != 0)
			*time_at(c, p->key[i].at) = sec;
	}
}

int
cfg_timeouts_copy(struct cfg_timeouts *to, const struct cfg_timeouts *from)
{
	if (from->n == 0)
		return 0;
	to->item = reallocarray(NULL, from->n, sizeof(*from->item));
	if (to->item == NULL)
		return -ENOMEM;
	memcpy(to->item, from->item, from->n * sizeof(*from->item));
	to->n = from->n;
	return 0;
}

void
cfg_timeouts_bind(struct cfg_policy *policy, int (*id)(const char *name))
{
	for (int t = 0; t < CFG_TABLES; t++) {
		for (size_t c = 0; c < policy->table[t].n_chain; c++) {
			struct cfg_chain *chain = policy->table[t].chain[c];

			for (size_t i = 0; i < chain->n_rule; i++) {
				struct cfg_target *to = &chain->rule[i].target;
				int n;

				if (to->id != CFG_T_CT || to->data == NULL)
					continue;
				n = id(to->data);
				to->ct.timeout = n > 0 ? (uint16_t)n : 0;
			}
		}
	}
}

// ---- YAML

static const struct protocol *
read_protocol(const struct yaml_node *map, struct cfg_err *err)
{
	for (size_t i = 0; i < map->n; i++) {
		const struct yaml_node *key = map->item[2 * i], *value = map->item[2 * i + 1];

		if (strcmp(key->text, "protocol") != 0)
			continue;
		for (size_t p = 0; value->kind == YAML_TEXT && p < EXT_N(protocols); p++)
			if (strcmp(protocols[p].name, value->text) == 0)
				return &protocols[p];
		cfg_err_add(err, value->pos,
			    "bad 'protocol' (expected tcp, udp, udplite, sctp, gre, icmp, icmpv6 "
			    "or generic)");
		return NULL;
	}
	cfg_err_add(err, map->pos, "'protocol' is missing (such as protocol: tcp)");
	return NULL;
}

static void
read_time(const struct yaml_node *key, const struct yaml_node *value, const struct protocol *p,
	  struct cfg_timeout *timeout, struct cfg_err *err)
{
	struct cfg_buf words = {0};
	size_t i = 0;

	while (i < KEYS_MAX && p->key[i].name != NULL && strcmp(p->key[i].name, key->text) != 0)
		i++;
	if (i < KEYS_MAX && p->key[i].name != NULL) {
		uint32_t *at = time_at(&timeout->time, p->key[i].at);

		if (value->kind != YAML_TEXT || !cfg_value_u32(value->text, INT32_MAX, at) ||
		    *at == 0)
			cfg_err_add_of(
				err, value->kind == YAML_TEXT ? CFG_JUDGE_VALUE : CFG_JUDGE_FORM,
				value->pos, "bad '%s' (expected a number of seconds, 1 to %d)",
				key->text, INT32_MAX);
		return;
	}
	for (i = 0; i < KEYS_MAX && p->key[i].name != NULL; i++)
		cfg_buf_addf(&words, "%s%s", i > 0 ? ", " : "", p->key[i].name);
	cfg_err_add(err, key->pos, "unknown key '%s' of a timeout policy of %s (expected %s)",
		    key->text, p->name, words.oom ? "its times" : words.text);
	cfg_buf_free(&words);
}

static bool
is_printable(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return true;
}

static void
read_one(const struct yaml_node *name, const struct yaml_node *map, struct cfg_timeouts *timeouts,
	 struct cfg_err *err)
{
	struct cfg_timeout t = {.pos = name->pos}, *grown;
	const struct protocol *p;
	size_t n = strlen(name->text);

	if (n == 0 || n >= sizeof(t.name) || !is_printable(name->text)) {
		cfg_err_add(err, name->pos,
			    "a timeout policy's name has 1 to %d bytes and no blanks, not \"%s\"",
			    CFG_TIMEOUT_NAME - 1, name->text);
		return;
	}
	if (map->kind != YAML_MAP) {
		cfg_err_add(err, map->pos,
			    "timeout policy '%s' is %s (expected a map such as { protocol: tcp, "
			    "established: 3600 })",
			    name->text, yaml_kind_text(map));
		return;
	}
	yaml_keys_once(map, err);
	p = read_protocol(map, err);
	if (p == NULL)
		return;
	memcpy(t.name, name->text, n);
	t.proto = p->number;
	for (size_t i = 0; i < map->n; i++)
		if (strcmp(map->item[2 * i]->text, "protocol") != 0)
			read_time(map->item[2 * i], map->item[2 * i + 1], p, &t, err);
	if (timeouts->n == CFG_TIMEOUTS_MAX) {
		cfg_err_add_of(err, CFG_JUDGE_POLICY, name->pos, "more than %d timeout policies",
			       CFG_TIMEOUTS_MAX);
		return;
	}
	grown = reallocarray(timeouts->item, timeouts->n + 1, sizeof(*grown));
	if (grown == NULL) {
		cfg_err_add(err, name->pos, "out of memory");
		return;
	}
	timeouts->item = grown;
	grown[timeouts->n++] = t;
}

void
yaml_timeouts(const struct yaml_node *map, struct cfg_timeouts *timeouts, struct cfg_err *err)
{
	yaml_keys_once(map, err);
	for (size_t i = 0; i < map->n; i++)
		read_one(map->item[2 * i], map->item[2 * i + 1], timeouts, err);
}

static void
quoted(struct cfg_buf *b, const char *s)
{
	cfg_buf_addc(b, '\'');
	for (; *s != '\0'; s++)
		cfg_buf_add(b, *s == '\'' ? "''" : (char[]){*s, '\0'});
	cfg_buf_addc(b, '\'');
}

void
cfg_timeouts_write(struct cfg_buf *b, const struct cfg_timeouts *timeouts)
{
	for (size_t i = 0; i < timeouts->n; i++) {
		const struct cfg_timeout *t = &timeouts->item[i];
		const struct protocol *p = protocol_of(t->proto);
		struct cfg_conntrack said = t->time;

		cfg_buf_add(b, i == 0 ? "timeouts:\n  " : "  ");
		quoted(b, t->name);
		cfg_buf_addf(b, ": { protocol: %s", p->name);
		for (size_t k = 0; k < KEYS_MAX && p->key[k].name != NULL; k++)
			if (*time_at(&said, p->key[k].at) != 0)
				cfg_buf_addf(b, ", %s: %u", p->key[k].name,
					     *time_at(&said, p->key[k].at));
		cfg_buf_add(b, " }\n");
	}
}

// ---- rules

static bool
has_own_times(uint8_t proto)
{
	return proto != 0 && protocol_of(proto)->number == proto;
}

// As the kernel: a rule has one protocol, that of the policy; generic is for all that have no times
// of their own.
void
cfg_timeouts_judge(const struct cfg_policy *policy, const struct cfg_rule *rule,
		   enum cfg_severity severity, struct cfg_err *err)
{
	const struct cfg_target *to = &rule->target;
	struct cfg_pos pos = to->pos.line != 0 ? to->pos : rule->pos;
	const struct cfg_timeout *t;

	if (to->id != CFG_T_CT || to->data == NULL || to->ct.notrack)
		return;
	t = cfg_timeout_find(&policy->timeouts, to->data);
	if (severity == CFG_WARNING) { // a text alone: they may be elsewhere
		if (t == NULL)
			cfg_warn_add(err, pos, "timeout-missing",
				     "CT: there is no timeout policy \"%s\" here: the policy is "
				     "refused unless the gateway has it (see 'timeouts' in "
				     "ringwall-policy(5))",
				     (const char *)to->data);
		return;
	}
	if (t == NULL)
		cfg_err_add(err, pos,
			    "CT: there is no timeout policy \"%s\" (see 'timeouts' in "
			    "ringwall-policy(5))",
			    (const char *)to->data);
	else if (!rule->proto_set || rule->proto_inv || rule->proto == 0 ||
		 (t->proto != 0 ? rule->proto != t->proto : has_own_times(rule->proto)))
		cfg_err_add(err, pos,
			    "CT: timeout policy \"%s\" needs a rule with its protocol (%s%s)",
			    t->name, protocol_of(t->proto)->name,
			    t->proto == 0 ? ": one without times of its own" : "");
}
