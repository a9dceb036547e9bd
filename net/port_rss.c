// Receive side scaling: the device computes the very hash that pipeline/toeplitz.c computes (the
// key 6d 5a repeated makes it symmetric) and spreads flows over its queues through the same
// indirection table that the workers use, so a packet arrives at the worker that owns its flow.
// Where a device cannot, or reads back anything else than what we asked for, the steer stage of
// conntrack hands over, and net_dev.steering says why. Control thread: net_dev_rss() between start
// and the first packet, net_dev_rss_holds() whenever somebody asks.
#include <string.h>

#include "net/port_dev.h"
#include "pipeline/toeplitz.h"

#define RSS_KEY_LEN  40
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

// A driver that does not say how long its key is takes the 40 bytes that all once had.
static uint8_t
key_len(const struct rte_eth_dev_info *info)
{
	return info->hash_key_size != 0 ? info->hash_key_size : RSS_KEY_LEN;
}

static bool
able(const struct rte_eth_dev_info *info, uint16_t rx_queues)
{
	return rx_queues > 1 && (info->flow_type_rss_offloads & RSS_TYPES) != 0 &&
	       key_len(info) >= RSS_KEY_LEN && key_len(info) <= RSS_KEY_MAX;
}

void
net_dev_rss_conf(struct rte_eth_conf *eth, const struct rte_eth_dev_info *info, uint16_t rx_queues)
{
	if (!able(info, rx_queues))
		return;
	fill_key();
	eth->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	eth->rx_adv_conf.rss_conf.rss_key = key;
	eth->rx_adv_conf.rss_conf.rss_key_len = key_len(info);
	eth->rx_adv_conf.rss_conf.rss_hf = info->flow_type_rss_offloads & RSS_TYPES;
}

// The queue whose worker (index + queue) % n_workers is the owner of bucket i. The workers' table
// of PL_RETA_SIZE entries goes round the workers in turn (app/main.c).
static uint16_t
queue_of(const struct net_dev *d, unsigned bucket)
{
	unsigned worker = (bucket & (PL_RETA_SIZE - 1)) % d->n_workers;

	return (uint16_t)((worker + d->n_workers - d->index % d->n_workers) % d->n_workers);
}

// Large, and only the control thread comes here.
static struct rte_eth_rss_reta_entry64 reta[RSS_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE];

static uint16_t *
bucket(unsigned i)
{
	return &reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
}

static bool
table_is_ours(const struct net_dev *d)
{
	memset(reta, 0, sizeof(reta));
	for (unsigned i = 0; i < d->reta_size; i++) {
		reta[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
		*bucket(i) = UINT16_MAX;
	}
	if (rte_eth_dev_rss_reta_query(d->eth, reta, d->reta_size) < 0)
		return false;
	for (unsigned i = 0; i < d->reta_size; i++) {
		if (*bucket(i) != queue_of(d, i))
			return false;
	}
	return true;
}

static bool
key_is_ours(const struct net_dev *d)
{
	uint8_t is[RSS_KEY_MAX] = {0};
	struct rte_eth_rss_conf rss = {.rss_key = is, .rss_key_len = d->rss_key_len};

	return rte_eth_dev_rss_hash_conf_get(d->eth, &rss) == 0 &&
	       memcmp(is, key, d->rss_key_len) == 0;
}

// What was given with the device's configuration is given once more: some drivers only take it so.
static void
give(struct net_dev *d, const struct rte_eth_dev_info *info)
{
	struct rte_eth_rss_conf rss = {.rss_key = key,
				       .rss_key_len = d->rss_key_len,
				       .rss_hf = info->flow_type_rss_offloads & RSS_TYPES};

	if (!key_is_ours(d))
		rte_eth_dev_rss_hash_update(d->eth, &rss);
	memset(reta, 0, sizeof(reta));
	for (unsigned i = 0; i < d->reta_size; i++) {
		reta[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
		*bucket(i) = queue_of(d, i);
	}
	rte_eth_dev_rss_reta_update(d->eth, reta, d->reta_size);
}

// A table smaller than ours sees fewer bits of the hash: it agrees only where the workers' turns
// fit into it.
static bool
table_fits(const struct rte_eth_dev_info *info, uint16_t n_workers)
{
	uint16_t size = info->reta_size;

	return size != 0 && size <= RSS_RETA_MAX && (size & (size - 1)) == 0 &&
	       (size >= PL_RETA_SIZE || size % n_workers == 0);
}

void
net_dev_rss(struct net_dev *d, const struct rte_eth_dev_info *info, const struct net_dev_conf *conf)
{
	d->n_workers = conf->n_workers;
	d->index = conf->index;
	d->reta_size = info->reta_size;
	d->rss_key_len = key_len(info);
	if (conf->n_workers == 1)
		d->steering = NET_STEER_ALONE;
	else if ((info->flow_type_rss_offloads & RSS_TYPES) == 0 || info->reta_size == 0)
		d->steering = NET_STEER_UNABLE;
	else if (d->rx_queues != conf->n_workers)
		d->steering = NET_STEER_QUEUES;
	else if (!able(info, d->rx_queues) || !table_fits(info, conf->n_workers))
		d->steering = NET_STEER_TABLE;
	else {
		give(d, info);
		d->steering = NET_STEER_HARDWARE;
		d->steering = net_dev_rss_holds(d);
	}
}

enum net_steering
net_dev_rss_holds(const struct net_dev *d)
{
	if (d->steering != NET_STEER_HARDWARE)
		return d->steering;
	if (!key_is_ours(d))
		return NET_STEER_KEY_DIFFERS;
	return table_is_ours(d) ? NET_STEER_HARDWARE : NET_STEER_TABLE_DIFFERS;
}
