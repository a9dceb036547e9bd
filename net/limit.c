// Rate limits of ICMP errors as Linux has them (inet_peer_xrlim_allow, icmp_global_allow): each
// peer may be sent one a second after a burst of six, and the whole gateway makes at most 1000 a
// second after a burst of
// 50. Tokens are nanoseconds, so nothing divides. Each worker has buckets of its own; the gateway's
// rate is shared out evenly among the workers. Peers live in a small set-associative table; where a
// set is full the one that was quiet for longest makes way (and starts with a full burst again).
#include <rte_random.h>

#include "net/core.h"

#define SECOND	     1000000000ull
#define PEER_BURST   6
#define GLOBAL_COST  (SECOND / 1000)
#define GLOBAL_BURST 50

void
net_limit_init(struct net_limit *l)
{
	memset(l, 0, sizeof(*l));
	l->seed = rte_rand();
	l->global_tokens_ns = GLOBAL_BURST * GLOBAL_COST;
}

static uint64_t
peer_key(const struct net_limit *l, uint8_t family, const union pl_addr *a)
{
	uint64_t h = (a->u64[0] ^ l->seed) * 0x9e3779b97f4a7c15ull;

	h ^= h >> 32;
	h = (h ^ a->u64[1] ^ family) * 0xc2b2ae3d27d4eb4full;
	h ^= h >> 29;
	return h | 1;
}

static struct net_peer *
peer_of(struct net_limit *l, uint64_t now_ns, uint64_t key, uint64_t burst_ns)
{
	struct net_peer *set = l->peer[(key >> 40) & (NET_PEER_SETS - 1)], *quiet = set;

	for (unsigned i = 0; i < NET_PEER_WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
		if (set[i].last_ns < quiet->last_ns)
			quiet = &set[i];
	}
	quiet->key = key;
	quiet->last_ns = now_ns;
	quiet->tokens_ns = burst_ns;
	return quiet;
}

static bool
take(struct net_peer *peer, uint64_t now_ns, uint64_t cost_ns, uint64_t burst_ns)
{
	uint64_t gained = now_ns - peer->last_ns;

	peer->last_ns = now_ns;
	if (gained > burst_ns)
		gained = burst_ns;
	peer->tokens_ns += gained;
	if (peer->tokens_ns > burst_ns)
		peer->tokens_ns = burst_ns;
	if (peer->tokens_ns < cost_ns)
		return false;
	peer->tokens_ns -= cost_ns;
	return true;
}

bool
net_limit_peer(struct net_limit *l, uint64_t now_ns, uint8_t family, const union pl_addr *peer,
	       uint64_t cost_ns, bool extra)
{
	uint64_t burst_ns = PEER_BURST * cost_ns;
	struct net_peer *e = peer_of(l, now_ns, peer_key(l, family, peer), burst_ns);

	if (extra && !take(e, now_ns, SECOND, 5 * SECOND))
		return false;
	return take(e, now_ns, cost_ns, burst_ns);
}

bool
net_limit_global(struct net_limit *l, uint64_t now_ns, uint16_t n_workers)
{
	uint64_t cost_ns = GLOBAL_COST * n_workers, burst_ns = GLOBAL_BURST * GLOBAL_COST;
	uint64_t gained = now_ns - l->global_last_ns;

	l->global_last_ns = now_ns;
	l->global_tokens_ns += RTE_MIN(gained, burst_ns);
	if (l->global_tokens_ns > burst_ns)
		l->global_tokens_ns = burst_ns;
	if (l->global_tokens_ns < cost_ns)
		return false;
	l->global_tokens_ns -= cost_ns;
	return true;
}
