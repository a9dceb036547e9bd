// Receive side scaling: the device computes the very hash that pipeline/toeplitz.c computes (the
// key 6d 5a repeated makes it symmetric) and spreads flows over its queues through the same
// indirection table that the workers use, so a packet arrives at the worker that owns its flow.
// Where a device cannot, or reads back anything else than what we asked for, net_dev.rss is false
// and conntrack's steer stage hands over. Control thread, between start and the first packet.
#include <string.h>

#include "net/port_dev.h"
#include "pipeline/toeplitz.h"

#define RSS_KEY_MAX  64
#define RSS_RETA_MAX 2048
#define RSS_TYPES                                                                                  \
	(RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP |                 \
	 RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV4_OTHER | RTE_ETH_RSS_IPV6 |        \
	 RTE_ETH_RSS_FRAG_IPV6 | RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP |     \
	 RTE_ETH_RSS_NONFRAG_IPV6_OTHER)

static uint8_t key[RSS_KEY_MAX]; // filled once, always with the same bytes

static void
fill_key(void)
{
	for (unsigned i = 0; i < RSS_KEY_MAX; i += 2) {
		key[i] = 0x6d;
		key[i + 1] = 0x5a;
	}
}

static bool
able(const struct rte_eth_dev_info *info, uint16_t rx_queues)
{
	return rx_queues > 1 && (info->flow_type_rss_offloads & RSS_TYPES) != 0 &&
	       info->hash_key_size >= 40 && info->hash_key_size <= RSS_KEY_MAX;
}

void
net_dev_rss_conf(struct rte_eth_conf *eth, const struct rte_eth_dev_info *info, uint16_t rx_queues)
{
	if (!able(info, rx_queues))
		return;
	fill_key();
	eth->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	eth->rx_adv_conf.rss_conf.rss_key = key;
	eth->rx_adv_conf.rss_conf.rss_key_len = info->hash_key_size;
	eth->rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & RSS_TYPES;
}

// The queue whose worker (index + queue) % n_workers is the owner of bucket i. The workers' table
// of PL_RETA_SIZE entries goes round the workers in turn (app/main.c).
static uint16_t
queue_of(const struct net_dev_conf *c, unsigned bucket)
{
	unsigned worker = (bucket & (PL_RETA_SIZE - 1)) % c->n_workers;

	return (uint16_t)((worker + c->n_workers - c->index % c->n_workers) % c->n_workers);
}

static bool
key_is_ours(const struct net_dev *d, const struct rte_eth_dev_info *info)
{
	uint8_t is[RSS_KEY_MAX] = {0};
	struct rte_eth_rss_conf rss = {.rss_key = is, .rss_key_len = info->hash_key_size};

	return rte_eth_dev_rss_hash_conf_get(d->eth, &rss) == 0 &&
	       memcmp(is, key, info->hash_key_size) == 0;
}

bool
net_dev_rss(struct net_dev *d, const struct rte_eth_dev_info *info, const struct net_dev_conf *conf)
{
	// Large, and only the control thread comes here.
	static struct rte_eth_rss_reta_entry64 reta[RSS_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE];
	uint16_t size = info->reta_size;

	if (conf->n_workers == 1)
		return false; // nothing to steer
	// A table smaller than ours sees fewer bits of the hash: it agrees only where the workers'
	// turns fit into it.
	if (!able(info, d->rx_queues) || d->rx_queues != conf->n_workers || size == 0 ||
	    size > RSS_RETA_MAX || (size & (size - 1)) != 0 ||
	    (size < PL_RETA_SIZE && size % conf->n_workers != 0))
		return false;
	memset(reta, 0, sizeof(reta));
	for (unsigned i = 0; i < size; i++) {
		struct rte_eth_rss_reta_entry64 *e = &reta[i / RTE_ETH_RETA_GROUP_SIZE];

		e->mask = UINT64_MAX;
		e->reta[i % RTE_ETH_RETA_GROUP_SIZE] = queue_of(conf, i);
	}
	if (rte_eth_dev_rss_reta_update(d->eth, reta, size) < 0)
		return false;
	for (unsigned i = 0; i < size; i++)
		reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = UINT16_MAX;
	if (rte_eth_dev_rss_reta_query(d->eth, reta, size) < 0)
		return false;
	for (unsigned i = 0; i < size; i++) {
		if (reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] !=
		    queue_of(conf, i))
			return false;
	}
	return key_is_ours(d, info);
}
