// Whose packet is it? The owner of a flow is a function of its tuple: symmetric Toeplitz through
// the indirection table, as the NIC does it; the few flows whose replies hash elsewhere have a
// redirect at the reply's home. What belongs to another worker goes through the hand-over ring.
// Stands twice in a packet's way: before reassembly, where fragments go to the worker of their
// addresses, and after it. Owner's thread.
#include <netinet/icmp6.h>

#include "conntrack/ct_expect.h"
#include "conntrack/ct_redirect.h"
#include "conntrack/ct_track.h"
#include "pipeline/toeplitz.h"

#define PROTO_DCCP 33

const struct pl_stage ct_steer_stage = {"ct-steer", ct_steer_run, NULL};
const struct pl_stage ct_steer_zones_stage = {"ct-steer-zones", ct_steer_zones_run, NULL};
const char ct_steer_by_hash;

uint32_t
ct_steer_hash(const struct ct_key *k)
{
	// An identifier counts nothing, as it would stand in both ports.
	if (ct_is_icmp(k->proto))
		return pl_toeplitz(k->family, &k->src, &k->dst, 0, 0);
	return pl_toeplitz(k->family, &k->src, &k->dst, k->sport, k->dport);
}

static bool
is_error(const struct pl_pkt *p)
{
	return (p->flags & PL_F_ICMP_ERR) ||
	       (p->proto == IPPROTO_ICMPV6 && p->family == 6 && p->icmp_type == ND_REDIRECT);
}

// The key by which a redirect would know the packet; the steering hash comes from the same tuple.
static void
steer_key(struct ct_key *k, const struct pl_pkt *p)
{
	if (is_error(p) && ct_key_of_quote(k, p))
		return;
	k->src = p->src;
	k->dst = p->dst;
	k->zone = 0;
	k->family = p->family;
	k->proto = p->proto;
	k->sport = k->dport = 0;
	if (p->proto == PROTO_DCCP)
		return; // tracked by its addresses alone, so it is steered by them
	k->sport = p->sport;
	k->dport = ct_is_icmp(p->proto) ? ct_type_code(p->icmp_type, p->icmp_code) : p->dport;
}

// A packet of no flow of this worker that another one expects.
static bool
is_expected(const struct pl_worker *w, const struct ct_key *k, uint16_t *owner)
{
	struct ct_key want = *k;
	unsigned dir;

	want.sport = 0;
	want.family |= CT_EXPECT_MARK;
	return ct_redirect_expected(w->ct, &want, owner) &&
	       ct_table_find(w->ct, k, ct_key_hash(&w->ct->seeds, k), &dir) == NULL;
}

// Where the packet must go on; this worker where it is at home.
static uint16_t
owner_of(struct pl_worker *w, struct pl_pkt *p, const struct ct_key *k, bool by_hash)
{
	uint16_t owner;

	if (p->origin == PL_FROM_SELF || (p->flags & PL_F_CT_GIVEN) || p->past_raw)
		return w->id; // goes with the flow that caused it; has been sent here for its flow
	if (!by_hash && !(p->flags & PL_F_FRAG) && ct_redirect_find(w->ct, k, &owner))
		return owner;
	owner = pl_reta_worker(w->reta, p->hash);
	if (!(p->flags & PL_F_HANDED) && owner != w->id)
		return owner;
	// Its home, which alone knows whether it is of a known flow.
	if (!by_hash && !(p->flags & PL_F_FRAG) && unlikely(is_expected(w, k, &owner)))
		return owner;
	return w->id;
}

void
ct_steer_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	const bool many = w->n_workers > 1, by_hash = conf == &ct_steer_by_hash;
	struct pl_pkt *p;

	// Before any packet of this burst can be called new: what its flow's owner told us left it
	// earlier.
	if (many)
		ct_redirect_drain(w);
	PL_FOREACH (p, b) {
		struct ct_key k;
		uint16_t owner;

		if (p->hash != 0 && !(p->flags & PL_F_REASM))
			continue; // second time
		if (p->flags & PL_F_FRAG) {
			p->hash = pl_toeplitz(p->family, &p->src, &p->dst, 0, 0);
			if (!many)
				continue;
		} else {
			steer_key(&k, p);
			p->hash = ct_steer_hash(&k);
			if (!many)
				continue;
		}
		owner = owner_of(w, p, &k, by_hash);
		if (owner != w->id)
			pl_hand_over(w, b, p, owner);
		else if (p->flags & PL_F_FRAG)
			p->flags &= (uint16_t)~PL_F_HANDED; // the whole datagram may go on to
							    // another one
	}
}

// Behind raw, at the packet's home: the owner of its flow in the zone that raw put it into. That
// one does not run raw again.
void
ct_steer_zones_run(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	(void)conf;
	PL_FOREACH (p, b) {
		uint16_t owner, zone[2];
		struct ct_key k;

		if (p->origin == PL_FROM_SELF || p->past_raw ||
		    (p->flags & (PL_F_CT_GIVEN | PL_F_NOTRACK | PL_F_FRAG)))
			continue;
		steer_key(&k, p);
		ct_zones_of(zone, p);
		k.zone = zone[CT_REPLY];
		if (!ct_redirect_find(w->ct, &k, &owner)) {
			k.zone = zone[CT_ORIGINAL] | zone[CT_REPLY];
			if (likely(!is_expected(w, &k, &owner)))
				continue;
		}
		p->past_raw = true;
		memcpy(p->zone, zone, sizeof(zone));
		pl_hand_over(w, b, p, owner);
	}
}
