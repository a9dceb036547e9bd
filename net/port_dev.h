#pragma once
// One DPDK device as a port: private to net/port*.c. Control thread, but for the burst functions.
#include <rte_ethdev.h>
#include <rte_interrupts.h>

#include "net/guard.h"
#include "net/port.h"
#include "net/port_args.h"
#include "net/twin.h"

struct net_dev_wait { // a descriptor that becomes readable with a packet
	int fd;
	struct rte_epoll_event event;
};

struct net_dev {
	uint16_t eth; // ethdev port id
	bool probed;  // by us: to be removed again
	bool open;    // eth is valid and ours to stop and close
	bool started;
	enum net_steering steering; // does the device steer as pipeline/toeplitz.h says?
	bool multi_segs;	    // takes chained mbufs
	bool rx_intr; // queues can wake a worker, by interrupts or by the descriptors in wait
	struct net_dev_wait *wait; // per rx queue; NULL: by interrupts
	uint16_t rx_queues, tx_queues;
	uint16_t n_workers, reta_size; // what net_dev_rss() asked for
	uint8_t index, rss_key_len;
	uint16_t mtu;
	uint64_t rx_offloads; // RTE_ETH_RX_OFFLOAD_*, as configured
	uint8_t mac[6];
	char driver[32];
};

struct net_dev_conf {
	const struct cfg_port *port;
	const struct net_dev_args *args;
	struct rte_mempool *pool;
	uint16_t n_workers;
	bool adaptive; // the workers want to be woken by rx interrupts
	bool mtu_done; // the kernel interface has it; ethdev's own check would refuse what the
		       // driver takes
	uint8_t index; // of the port: which worker gets queue 0
};

// Finds or probes the device, configures and starts it. 0, or -errno with the reason in words in
// why; the caller calls net_dev_close() in both cases.
int net_dev_open(struct net_dev *d, const struct net_dev_conf *conf, char *why, size_t why_len);
void net_dev_close(struct net_dev *d); // an all-zero one is fine

// Kernel interface of a device that EAL's own arguments brought up; 0: none, or no such device.
unsigned net_dev_ifindex(const char *name);
bool net_dev_link_up(const struct net_dev *d);

// Gives the device the key and the indirection table that the software has, reads both back, and
// keeps in d->steering what came of it.
void net_dev_rss(struct net_dev *d, const struct rte_eth_dev_info *info,
		 const struct net_dev_conf *conf);
// Reads both once more: what a device steers by may change under a running gateway.
enum net_steering net_dev_rss_holds(const struct net_dev *d);
// RSS part of the configuration; leaves conf alone where the device cannot.
void net_dev_rss_conf(struct rte_eth_conf *eth, const struct rte_eth_dev_info *info,
		      uint16_t rx_queues);

// ctx is the net_dev.
int net_dev_wake(void *ctx, uint16_t queue, enum pl_wake what); // struct pl_rx
uint16_t net_dev_rx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n);
uint16_t net_dev_tx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n);
uint16_t net_dev_tx_linear(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n);
