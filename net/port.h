#pragma once
// Real ports: the only calls that configure rte_ethdev. Control (main) thread, before the workers
// start.
#include "config/settings.h"
#include "net/net.h"

struct net_ports; // all ports of the gateway and their twins

// Data room that the buffers of the packet pool need for the ports of s (headroom included).
uint16_t net_ports_buffer_size(const struct cfg_settings *s);
// Probes and starts every port of s with queues for n_workers, makes the twins (net_tap, named as
// the port, same MAC, addresses and static routes set in the host's stack), keeps the host's own
// stack off af_packet and similar devices (net/guard.c), and fills t with names, MACs, MTUs. Errors
// name port and line. Nothing stays behind on failure.
int net_ports_start(struct net_ports **out, const struct cfg_settings *s, struct net_table *t,
		    struct rte_mempool *pool, uint16_t n_workers, struct cfg_err *err);
// Gives worker w its rx queues (w->rx) and tx queues (net_core_set_tx).
void net_ports_attach(struct net_ports *ps, struct pl_worker *w);
void net_ports_stop(
	struct net_ports *ps); // workers have stopped; removes twins and guards; NULL is fine

// Who brings a packet to the worker that owns its flow.
enum net_steering {
	NET_STEER_ALONE,	 // there is one worker
	NET_STEER_HARDWARE,	 // the device: key and table read back as we set them
	NET_STEER_UNABLE,	 // software: the device has no such hash, or no table
	NET_STEER_QUEUES,	 // software: it has not a queue for each worker
	NET_STEER_TABLE,	 // software: its key or table has a size that does not fit
	NET_STEER_KEY_DIFFERS,	 // software: the key read back is not the one that was set
	NET_STEER_TABLE_DIFFERS, // software: the same of the table
};

struct net_port_state { // for `ringwall ports`
	char name[16], device[64], driver[32], twin[16];
	uint8_t mac[6];
	uint16_t mtu;
	bool link_up;
	uint32_t speed_mbps;
	uint16_t rx_queues, tx_queues;
	bool rss; // the hardware steers
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, rx_missed, rx_errors,
		tx_errors; // rte_eth_stats
};
unsigned net_ports_count(const struct net_ports *ps);
int net_ports_state(const struct net_ports *ps, unsigned port, struct net_port_state *out);

struct net_port_health { // for `ringwall doctor`; read anew from device and host
	enum net_steering steering;
	uint16_t reta_size;		  // of the device's table
	bool ip_csum, tcp_csum, udp_csum; // the device checks them
	uint16_t mtu;			  // in force: the twin may be narrower than the device
	bool twin, twin_there, twin_up;
	char leak[256]; // why the host's own stack is not kept out; empty: it is
};
int net_ports_health(const struct net_ports *ps, unsigned port, struct net_port_health *out);

// Takes over which multicast groups the host's stack has joined on the twins (net/groups.c).
// Control thread, now and then. 0 or -errno; on error what was known stays.
int net_groups_refresh(struct net_table *t, const struct net_ports *ps);
// ifindex of the twin in the host's stack, 0: none. For netlink.
unsigned net_ports_twin_ifindex(const struct net_ports *ps, unsigned port);
// Links: what the wire says, and what the host did to the twin (ip link set up, down, mtu).
// The twin's state as netlink tells it; counts at the next refresh.
void net_ports_set_twin(struct net_ports *ps, unsigned port, bool up, uint32_t mtu);
// Looks at the devices' links and tells t and the twins what changed. Returns the ports that went
// down, a bit each.
uint64_t net_ports_refresh(struct net_ports *ps, struct net_table *t);
// The port of a static route that the host's stack does not have because the port has no twin; else
// PL_PORT_NONE.
uint8_t net_ports_own_route(const struct net_ports *ps, const struct cfg_route *r);
