// Tuples: between the form that other rooms see and the packed form that the index compares, and
// from one direction to the other. ICMP's requests and answers are paired here. Called by nat, by
// the stages and by ct_related.c; pure, any thread, nothing is kept.
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>

#include "conntrack/ct_key.h"
#include "pipeline/toeplitz.h"

// The answer's type for a request and the other way round (RFC 792, RFC 950, RFC 4443, RFC 4620);
// -1: none.
static int
icmp_answer(uint8_t proto, uint8_t type)
{
	static const struct {
		uint8_t proto, a, b;
	} pair[] = {
		{IPPROTO_ICMP, ICMP_ECHO, ICMP_ECHOREPLY},
		{IPPROTO_ICMP, ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY},
		{IPPROTO_ICMP, ICMP_INFO_REQUEST, ICMP_INFO_REPLY},
		{IPPROTO_ICMP, ICMP_ADDRESS, ICMP_ADDRESSREPLY},
		{IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY},
		{IPPROTO_ICMPV6, 139, 140}, // node information query, reply
	};

	for (unsigned i = 0; i < RTE_DIM(pair); i++) {
		if (pair[i].proto != proto)
			continue;
		if (pair[i].a == type)
			return pair[i].b;
		if (pair[i].b == type)
			return pair[i].a;
	}
	return -1;
}

void
ct_key_of(struct ct_key *k, const struct ct_tuple *t)
{
	k->src = t->src;
	k->dst = t->dst;
	k->sport = t->sport;
	k->dport = ct_is_icmp(t->proto) ? ct_type_code(t->icmp_type, t->icmp_code) : t->dport;
	k->zone = t->zone;
	k->family = t->family;
	k->proto = t->proto;
}

void
ct_tuple_of(struct ct_tuple *t, const struct ct_key *k)
{
	memset(t, 0, sizeof(*t));
	t->src = k->src;
	t->dst = k->dst;
	t->sport = k->sport;
	t->dport = k->dport;
	t->family = k->family;
	t->proto = k->proto;
	t->zone = k->zone;
	if (ct_is_icmp(k->proto)) {
		t->dport = k->sport;
		t->icmp_type = (uint8_t)(rte_be_to_cpu_16(k->dport) >> 8);
		t->icmp_code = (uint8_t)rte_be_to_cpu_16(k->dport);
	}
}

bool
ct_key_invert(struct ct_key *out, const struct ct_key *in)
{
	out->src = in->dst;
	out->dst = in->src;
	out->zone = in->zone;
	out->family = in->family;
	out->proto = in->proto;
	if (ct_is_icmp(in->proto)) {
		uint16_t tc = rte_be_to_cpu_16(in->dport);
		int answer = icmp_answer(in->proto, (uint8_t)(tc >> 8));

		out->sport = in->sport;
		out->dport = answer < 0 ? in->dport : ct_type_code((uint8_t)answer, (uint8_t)tc);
		return answer >= 0;
	}
	out->sport = in->dport;
	out->dport = in->sport;
	return true;
}

void
ct_tuple_invert(struct ct_tuple *out, const struct ct_tuple *in)
{
	struct ct_key k, inv;

	ct_key_of(&k, in);
	ct_key_invert(&inv, &k);
	ct_tuple_of(out, &inv);
}

uint16_t
ct_tuple_home(const struct pl_worker *w, const struct ct_tuple *tuple)
{
	if (w->n_workers <= 1)
		return w->id;
	return pl_reta_worker(w->reta, pl_toeplitz(tuple->family, &tuple->src, &tuple->dst,
						   tuple->sport, tuple->dport));
}
