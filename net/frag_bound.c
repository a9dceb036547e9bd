// What a policy's settings say of reassembly, and how far fragments of one datagram may be apart
// (net.ipv4.ipfrag_max_dist): each IPv4 source's fragments are counted. Called by frag_in.c on the
// worker's thread; the settings are read by app/ on the main thread.
#include "net/core.h"

#define SECOND_NS 1000000000ull

void
net_frag_conf_init(struct net_frag_conf *conf, const struct cfg_conntrack *s, unsigned n_workers)
{
	static const struct cfg_conntrack none;

	if (s == NULL)
		s = &none;
	conf->time_ns[0] = (s->ipfrag_time != 0 ? s->ipfrag_time : 30) * SECOND_NS;
	conf->time_ns[1] = (s->frag6_timeout != 0 ? s->frag6_timeout : 60) * SECOND_NS;
	conf->high[0] = (s->ipfrag_high_thresh + n_workers - 1) / n_workers;
	conf->high[1] = (s->frag6_high_thresh + n_workers - 1) / n_workers;
	conf->max_dist = s->ipfrag_max_dist != 0 ? s->ipfrag_max_dist - 1 : 64; // as value + 1
}

// The counter of a source; one that is new may take another's.
static struct net_frag_source *
source_of(struct net_frags *f, rte_be32_t addr)
{
	const uint32_t set = (uint32_t)((addr ^ f->seed) * 0x9e3779b97f4a7c15ull >> 56);
	struct net_frag_source *s = f->source[set % NET_FRAG_SOURCE_SETS], *oldest = s;

	for (unsigned i = 0; i < NET_FRAG_SOURCE_WAYS; i++) {
		if (s[i].addr == addr && s[i].born != 0)
			return &s[i];
		if (f->seen - s[i].last > f->seen - oldest->last)
			oldest = &s[i];
	}
	*oldest = (struct net_frag_source){.addr = addr, .born = f->seen};
	return oldest;
}

bool
net_frag_too_far(struct net_frags *f, struct net_dgram *d)
{
	struct net_frag_source *s;
	uint32_t before = d->rid;
	bool known;

	if (d->family != 4 || f->conf.max_dist == 0)
		return false;
	f->seen += f->seen + 1 == 0 ? 2 : 1; // 0 stands for never
	s = source_of(f, d->src.v4);
	known = d->n != 0 && d->source_born == s->born;
	s->last = f->seen;
	d->rid = ++s->sent;
	d->source_born = s->born;
	return known && d->rid - before > f->conf.max_dist;
}
