// Next hops: the small array that the longest-prefix tables point into. Fixed ones first
// (net/table.h), then gateways, shared by all prefixes that use the same one. Control thread only;
// an entry is complete before a prefix names it, and reused only after a wait for the workers.
#include <errno.h>

#include "net/table.h"

static uint8_t
rl_class(uint8_t family, uint8_t prefix_len)
{
	return family == 6 ? (128 - prefix_len) >> 5 : 0;
}

void
net_nh_init(struct net_table *t)
{
	for (unsigned i = 0; i <= NET_T_TWIN; i++)
		t->nh[i].type = i;
	for (unsigned port = 0; port <= PL_PORT_MAX; port++) {
		for (unsigned class = 0; class < 5; class ++)
			t->nh[NET_NH_LINK + 5 * port + class] = (struct net_nh){
				.type = NET_T_LINK, .port = port, .rl_class = class};
	}
	t->nh_fresh = NET_NH_FIRST_GW;
}

uint16_t
net_nh_link(uint8_t port, uint8_t family, uint8_t prefix_len)
{
	return NET_NH_LINK + 5 * port + rl_class(family, prefix_len);
}

static uint32_t
nh_alloc(struct net_table *t)
{
	uint32_t i;

	if (t->nh_free == 0 && t->nh_fresh < NET_NH_CAP)
		return t->nh_fresh++;
	// The passive fib side may still name it; the pending change there comes before any new
	// one. What is late may name it in both.
	if (t->nh_free == 0 && t->nh_limbo != 0 && !t->late && pl_rcu_wait() == 0) {
		t->nh_free = t->nh_limbo;
		t->nh_limbo = 0;
	}
	i = t->nh_free;
	if (i != 0)
		t->nh_free = t->nh[i].next_free;
	return i;
}

int
net_nh_gateway(struct net_table *t, uint8_t port, uint8_t family, const union pl_addr *gw,
	       uint8_t prefix_len, uint16_t *out)
{
	uint8_t class = rl_class(family, prefix_len);
	uint32_t i, neigh;
	int ret;

	for (i = NET_NH_FIRST_GW; i < t->nh_fresh; i++) {
		struct net_nh *nh = &t->nh[i];

		if (nh->refs != 0 && nh->port == port && nh->family == family &&
		    nh->rl_class == class && pl_addr_eq(&nh->gw, gw)) {
			nh->refs++;
			*out = i;
			return 0;
		}
	}
	ret = net_neigh_get(t, port, family, gw, &neigh);
	if (ret < 0)
		return ret;
	t->neigh[neigh].refs++;
	i = nh_alloc(t);
	if (i == 0) {
		net_neigh_put(t, neigh);
		return -ENOSPC;
	}
	t->nh[i] = (struct net_nh){.type = NET_T_GATEWAY,
				   .port = port,
				   .family = family,
				   .rl_class = class,
				   .neigh = neigh,
				   .gw = *gw,
				   .refs = 1};
	*out = i;
	return 0;
}

void
net_nh_put(struct net_table *t, uint16_t nh)
{
	struct net_nh *e = &t->nh[nh];

	if (nh < NET_NH_FIRST_GW || --e->refs != 0)
		return;
	net_neigh_put(t, e->neigh);
	e->next_free = t->nh_limbo;
	t->nh_limbo = nh;
}
