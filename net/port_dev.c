// One DPDK device: found or probed, configured, started, stopped, removed. The only calls in the
// program that configure rte_ethdev stand here and in net/port_rss.c. Called by net/port.c on the
// control thread; the burst functions at the end run on the workers.
#include "net/port_dev.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <rte_bus_pci.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ether.h>

#include "net/af_packet.h"
#include "pipeline/toeplitz.h"

RTE_LOG_REGISTER(net_port_log, ringwall.net, NOTICE);
#define LOG(level, ...) rte_log(RTE_LOG_##level, net_port_log, "ringwall: " __VA_ARGS__)

// ---- found or probed

// "3:0.0" and "0000:03:00.0" are one PCI device; ethdev knows it by the long name.
static void
canonical_name(const char *name, char *out, size_t len)
{
	struct rte_pci_addr pci;

	if (rte_pci_addr_parse(name, &pci) == 0)
		rte_pci_device_name(&pci, out, len);
	else
		snprintf(out, len, "%s", name);
}

static bool
find_eth(const char *name, uint16_t *eth)
{
	char full[NET_DEV_NAME_MAX];
	uint16_t id;

	canonical_name(name, full, sizeof(full));
	RTE_ETH_FOREACH_DEV(id)
	{
		struct rte_eth_dev_info info;

		if (rte_eth_dev_info_get(id, &info) == 0 && info.device != NULL &&
		    strcmp(rte_dev_name(info.device), full) == 0) {
			*eth = id;
			return true;
		}
	}
	return false;
}

unsigned
net_dev_ifindex(const char *name)
{
	struct rte_eth_dev_info info;
	uint16_t eth;

	return find_eth(name, &eth) && rte_eth_dev_info_get(eth, &info) == 0 ? info.if_index : 0;
}

static int
find_or_probe(struct net_dev *d, const struct net_dev_args *a, char *why, size_t why_len)
{
	int ret;

	if (find_eth(a->name, &d->eth)) {
		// Given to EAL as --vdev or found on the PCI bus.
		if (a->has_args) {
			snprintf(why, why_len,
				 "EAL's own arguments brought up '%s' already: give the device's "
				 "arguments there and only the name here",
				 a->name);
			return -EEXIST;
		}
		d->open = true;
		return 0;
	}
	ret = a->kind == NET_DEV_AF_PACKET ? net_af_packet_probe(a->probe)
					   : rte_dev_probe(a->probe);
	if (ret < 0) {
		// Many drivers say no more than -1.
		if (ret == -1 && rte_errno > 0)
			ret = -rte_errno;
		snprintf(why, why_len,
			 "no driver took the device%s%s (names are those of DPDK: a PCI address "
			 "bound to vfio-pci, or net_af_packet0,iface=... and the like)",
			 ret == -1 ? "" : ": ", ret == -1 ? "" : strerror(-ret));
		return ret == -1 ? -ENODEV : ret;
	}
	d->probed = true;
	if (!find_eth(a->name, &d->eth)) {
		snprintf(why, why_len, "the device is there, but it is no Ethernet device");
		return -ENODEV;
	}
	d->open = true;
	return 0;
}

// ---- configured

static int
check_mtu(const struct net_dev_conf *c, const struct rte_eth_dev_info *info, char *why,
	  size_t why_len)
{
	uint32_t mtu = c->port->mtu;

	if (mtu >= info->min_mtu && mtu <= info->max_mtu)
		return 0;
	snprintf(why, why_len, "mtu %u: the device takes %u to %u", mtu, info->min_mtu,
		 info->max_mtu);
	return -EINVAL;
}

static uint16_t
queues(uint32_t want, uint16_t max)
{
	return (uint16_t)RTE_MAX(1u, RTE_MIN(want, (uint32_t)max));
}

// The device is to check IP and L4 checksums where it can: what it says of them is believed
// (conntrack/ct_csum.c). Not asked are drivers that would do it in software themselves, and those
// that, once asked, hand over what another guest sent before its checksum is written.
static uint64_t
checksums_checked(const struct rte_eth_dev_info *info)
{
	static const char *const not_asked[] = {"net_tap", "net_vhost", "net_virtio"};

	for (unsigned i = 0; i < RTE_DIM(not_asked); i++) {
		if (strncmp(info->driver_name, not_asked[i], strlen(not_asked[i])) == 0)
			return 0;
	}
	return info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_CHECKSUM;
}

static int
configure(struct net_dev *d, const struct net_dev_conf *c, const struct rte_eth_dev_info *info,
	  char *why, size_t why_len)
{
	uint32_t room = rte_pktmbuf_data_room_size(c->pool) - RTE_PKTMBUF_HEADROOM;
	uint32_t want =
		c->port->rx_queues != 0 ? RTE_MIN(c->port->rx_queues, c->n_workers) : c->n_workers;
	struct rte_eth_conf conf = {.rxmode.mtu = c->mtu_done ? 0 : c->port->mtu};
	int ret;

	d->rx_queues = queues(want, info->max_rx_queues);
	// All sockets of this driver receive, whether somebody reads them or not.
	if (c->args->kind == NET_DEV_AF_PACKET)
		d->rx_queues = info->max_rx_queues;
	d->tx_queues = queues(c->n_workers, info->max_tx_queues);
	d->multi_segs = (info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
	if (d->multi_segs)
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (c->port->mtu + RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN > room &&
	    (info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0)
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
	conf.rxmode.offloads |= checksums_checked(info);
	net_dev_rss_conf(&conf, info, d->rx_queues);
	conf.intr_conf.rxq = c->adaptive && c->args->kind != NET_DEV_AF_PACKET;
	ret = rte_eth_dev_configure(d->eth, d->rx_queues, d->tx_queues, &conf);
	if (ret < 0 && conf.intr_conf.rxq) { // without interrupts, then
		conf.intr_conf.rxq = 0;
		ret = rte_eth_dev_configure(d->eth, d->rx_queues, d->tx_queues, &conf);
	}
	d->rx_intr = ret == 0 && conf.intr_conf.rxq;
	d->rx_offloads = conf.rxmode.offloads;
	if (ret < 0) {
		snprintf(why, why_len, "%u rx and %u tx queues cannot be configured: %s",
			 d->rx_queues, d->tx_queues, strerror(-ret));
		return ret;
	}
	ret = c->mtu_done ? 0 : rte_eth_dev_set_mtu(d->eth, (uint16_t)c->port->mtu);
	if (ret < 0 && ret != -ENOTSUP) {
		snprintf(why, why_len, "mtu %u is refused: %s", c->port->mtu, strerror(-ret));
		return ret;
	}
	d->mtu = (uint16_t)c->port->mtu;
	return 0;
}

static int
set_up_queues(struct net_dev *d, const struct net_dev_conf *c, const struct rte_eth_dev_info *info,
	      char *why, size_t why_len)
{
	int socket = rte_eth_dev_socket_id(d->eth);
	uint16_t rxd = c->port->rx_descriptors != 0 ? (uint16_t)c->port->rx_descriptors : 1024;
	uint16_t txd = c->port->tx_descriptors != 0 ? (uint16_t)c->port->tx_descriptors : 1024;
	uint32_t room = rte_pktmbuf_data_room_size(c->pool) - RTE_PKTMBUF_HEADROOM;
	uint32_t need = net_af_packet_frame(c->port->mtu);
	int ret;

	if (c->args->kind == NET_DEV_AF_PACKET && room < need) {
		snprintf(why, why_len,
			 "packet buffers of %u bytes are too small: with mtu %u this driver needs "
			 "%u",
			 room, c->port->mtu, need);
		return -EINVAL;
	}
	if (c->port->rx_descriptors == 0 && info->default_rxportconf.ring_size != 0)
		rxd = info->default_rxportconf.ring_size;
	if (c->port->tx_descriptors == 0 && info->default_txportconf.ring_size != 0)
		txd = info->default_txportconf.ring_size;
	ret = rte_eth_dev_adjust_nb_rx_tx_desc(d->eth, &rxd, &txd);
	if (ret < 0) {
		snprintf(why, why_len, "%u rx and %u tx descriptors are refused: %s", rxd, txd,
			 strerror(-ret));
		return ret;
	}
	if ((c->port->rx_descriptors != 0 && c->port->rx_descriptors != rxd) ||
	    (c->port->tx_descriptors != 0 && c->port->tx_descriptors != txd))
		LOG(WARNING,
		    "port %s: the device made %u rx and %u tx descriptors of what the file asks\n",
		    c->port->name, rxd, txd);
	for (uint16_t q = 0; q < d->rx_queues; q++) {
		ret = rte_eth_rx_queue_setup(d->eth, q, rxd, (unsigned)socket, NULL, c->pool);
		if (ret < 0) {
			snprintf(why, why_len, "rx queue %u with buffers of %u bytes: %s", q, room,
				 strerror(-ret));
			return ret;
		}
	}
	for (uint16_t q = 0; q < d->tx_queues; q++) {
		ret = rte_eth_tx_queue_setup(d->eth, q, txd, (unsigned)socket, NULL);
		if (ret < 0) {
			snprintf(why, why_len, "tx queue %u: %s", q, strerror(-ret));
			return ret;
		}
	}
	return 0;
}

// The port's address: the one of the file, in the device or else in software behind promiscuous
// mode.
static int
set_mac(struct net_dev *d, const struct net_dev_conf *c, bool *promiscuous, char *why,
	size_t why_len)
{
	struct rte_ether_addr mac;
	int ret;

	if (c->port->mac_set) {
		memcpy(mac.addr_bytes, c->port->mac, 6);
		ret = rte_eth_dev_default_mac_addr_set(d->eth, &mac);
		if (ret < 0) {
			LOG(NOTICE,
			    "port %s: the device keeps its own address (%s); the port's lladdr is "
			    "matched in software\n",
			    c->port->name, strerror(-ret));
			*promiscuous = true;
		}
		memcpy(d->mac, c->port->mac, 6);
		return 0;
	}
	ret = rte_eth_macaddr_get(d->eth, &mac);
	if (ret < 0) {
		snprintf(why, why_len, "the device's MAC address cannot be read: %s",
			 strerror(-ret));
		return ret;
	}
	if (!rte_is_valid_assigned_ether_addr(&mac)) {
		snprintf(why, why_len,
			 "the device has no usable MAC address of its own (" RTE_ETHER_ADDR_PRT_FMT
			 "): give the port one with lladdr = \"02:...\"",
			 RTE_ETHER_ADDR_BYTES(&mac));
		return -EADDRNOTAVAIL;
	}
	memcpy(d->mac, mac.addr_bytes, 6);
	return 0;
}

static int
start(struct net_dev *d, const struct net_dev_conf *c, char *why, size_t why_len)
{
	bool promiscuous = c->port->promiscuous;
	int ret = set_mac(d, c, &promiscuous, why, why_len);

	if (ret < 0)
		return ret;
	ret = rte_eth_dev_start(d->eth);
	if (ret < 0) {
		snprintf(why, why_len, "the device does not start: %s", strerror(-ret));
		return ret;
	}
	d->started = true;
	// Neighbour discovery and routing protocols come by multicast. -ENOTSUP: such a driver
	// filters nothing.
	ret = rte_eth_allmulticast_enable(d->eth);
	if (ret < 0 && ret != -ENOTSUP)
		promiscuous = true;
	ret = promiscuous ? rte_eth_promiscuous_enable(d->eth) : 0;
	if (ret < 0 && ret != -ENOTSUP) {
		snprintf(why, why_len, "promiscuous mode is refused: %s", strerror(-ret));
		return ret;
	}
	return 0;
}

// What came before everything was set up: queues that do not share yet have each frame several
// times.
static void
drain(const struct net_dev *d)
{
	struct rte_mbuf *m[32];

	for (uint16_t q = 0; q < d->rx_queues; q++) {
		uint16_t n;

		for (unsigned k = 0; k < 256 && (n = rte_eth_rx_burst(d->eth, q, m, 32)) > 0; k++)
			rte_pktmbuf_free_bulk(m, n);
	}
}

// What the workers can wait for: sockets where the device is made of them, else its interrupts.
static int
wait_create(struct net_dev *d, unsigned ifindex)
{
	int fd[NET_AF_PACKET_QUEUES];
	unsigned n = net_af_packet_sockets(ifindex, fd);

	if (n != d->rx_queues)
		return 0; // they cannot, and pause instead
	d->wait = calloc(n, sizeof(*d->wait));
	if (d->wait == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		d->wait[i].fd = fd[i];
	d->rx_intr = true;
	return 0;
}

int
net_dev_open(struct net_dev *d, const struct net_dev_conf *conf, char *why, size_t why_len)
{
	struct rte_eth_dev_info info;
	int ret = find_or_probe(d, conf->args, why, why_len);

	if (ret < 0)
		return ret;
	ret = rte_eth_dev_info_get(d->eth, &info);
	if (ret < 0) {
		snprintf(why, why_len, "the device does not say what it can: %s", strerror(-ret));
		return ret;
	}
	snprintf(d->driver, sizeof(d->driver), "%s", info.driver_name);
	ret = check_mtu(conf, &info, why, why_len);
	if (ret == 0)
		ret = configure(d, conf, &info, why, why_len);
	if (ret == 0)
		ret = set_up_queues(d, conf, &info, why, why_len);
	if (ret == 0 && conf->args->kind == NET_DEV_AF_PACKET)
		ret = net_af_packet_spread(info.if_index, info.max_rx_queues, why, why_len);
	if (ret == 0 && conf->args->kind == NET_DEV_AF_PACKET && conf->adaptive)
		ret = wait_create(d, info.if_index);
	if (ret == 0)
		ret = start(d, conf, why, why_len);
	if (ret == 0)
		drain(d);
	if (ret == 0)
		net_dev_rss(d, &info, conf);
	return ret;
}

void
net_dev_close(struct net_dev *d)
{
	struct rte_eth_dev_info info = {0};

	if (!d->open)
		return;
	rte_eth_dev_info_get(d->eth, &info);
	// net_af_packet lets go of its sockets in stop only, so that is called for a device that
	// never ran too.
	rte_eth_dev_stop(d->eth);
	rte_eth_dev_close(d->eth);
	if (d->probed && info.device != NULL)
		rte_dev_remove(info.device);
	free(d->wait);
	d->wait = NULL;
	d->open = d->started = d->rx_intr = false;
}

bool
net_dev_link_up(const struct net_dev *d)
{
	struct rte_eth_link link = {0};

	// This driver asks after its kernel end by name, in the namespace where it was made: when
	// the end was moved into another one it would be down for good, while frames pass as
	// before.
	if (strcmp(d->driver, "net_tap") == 0)
		return true;
	return rte_eth_link_get_nowait(d->eth, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

// ---- the workers' side

// net_tap shows a descriptor by the interrupt's interface, but none of its packets before a signal
// handler ran on some other thread; it cannot switch interrupts on, and so counts as one that
// cannot wake.
int
net_dev_wake(void *ctx, uint16_t queue, enum pl_wake what)
{
	struct net_dev *d = ctx;
	struct net_dev_wait *wait = d->wait != NULL ? &d->wait[queue] : NULL;

	if (!d->rx_intr)
		return -ENOTSUP;
	if (what == PL_WAKE_ADD && wait != NULL) {
		wait->event = (struct rte_epoll_event){.epdata.event = EPOLLIN};
		return rte_epoll_ctl(RTE_EPOLL_PER_THREAD, EPOLL_CTL_ADD, wait->fd, &wait->event);
	}
	if (what == PL_WAKE_ADD)
		return rte_eth_dev_rx_intr_ctl_q(d->eth, queue, RTE_EPOLL_PER_THREAD,
						 RTE_INTR_EVENT_ADD, NULL);
	if (wait != NULL) // readable as long as there is something
		return 0;
	return what == PL_WAKE_ON ? rte_eth_dev_rx_intr_enable(d->eth, queue)
				  : rte_eth_dev_rx_intr_disable(d->eth, queue);
}

uint16_t
net_dev_rx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	const struct net_dev *d = ctx;

	return rte_eth_rx_burst(d->eth, queue, m, n);
}

uint16_t
net_dev_tx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	const struct net_dev *d = ctx;

	return rte_eth_tx_burst(d->eth, queue, m, n);
}

// For devices that take one segment only. What cannot be made one (longer than a buffer) ends the
// burst, and the caller counts it; the rest of the burst comes back to the caller too.
uint16_t
net_dev_tx_linear(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	const struct net_dev *d = ctx;
	uint16_t ok;

	for (ok = 0; ok < n; ok++) {
		if (m[ok]->nb_segs > 1 && rte_pktmbuf_linearize(m[ok]) < 0)
			break;
	}
	return rte_eth_tx_burst(d->eth, queue, m, ok);
}
