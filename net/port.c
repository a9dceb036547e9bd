// All ports of the gateway: each one's device (net/port_dev.c), guard (net/guard.c) and twin
// (net/twin.c), in the order that leaves no moment in which the host's stack could answer for us:
// guard first, then device, then twin; back in reverse. app/main.c calls start, attach and stop on
// the control thread; the workers only ever see the burst functions that attach gave them.
#include "net/port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net/if.h>

#include "config/policy.h"
#include "net/port_dev.h"

#define WHY 512

struct port {
	const struct cfg_port *cfg; // of the caller's settings
	struct net_dev_args args;
	struct net_guard *guard[NET_DEV_IFACE_MAX];
	struct net_dev dev;
	struct net_twin *twin;
	char name[16], device[64], twin_name[16];
	struct net_port_info info; // as the table has it
	bool twin_up;
	uint32_t twin_mtu;
};

struct net_ports {
	unsigned n;
	uint16_t n_workers;
	bool adaptive; // workers sleep when nothing comes
	struct net_rtnl *rtnl;
	struct cfg_prefix
		*blackhole; // static routes of ours in the host that no device takes along
	size_t n_blackhole;
	struct port port[PL_PORT_MAX];
};

static const char *
twin_name(const struct cfg_port *c)
{
	const char *name = c->twin != NULL ? c->twin : c->name;

	return strcmp(name, "none") == 0 ? NULL : name;
}

// ---- what can be wrong before anything is touched

static int
check_clash(const struct net_ports *ps, unsigned i, struct cfg_err *err)
{
	const struct port *b = &ps->port[i];

	for (unsigned j = 0; j < i; j++) {
		const struct port *a = &ps->port[j];

		if (strcmp(a->args.name, b->args.name) == 0) {
			cfg_err_add(err, b->cfg->pos,
				    "port '%s': device '%s' is port '%s' already; number the "
				    "devices of a driver "
				    "(%s0, %s1, ...)",
				    b->cfg->name, b->args.name, a->cfg->name, a->args.name,
				    a->args.name);
			return -EEXIST;
		}
		for (unsigned k = 0; k < a->args.n_iface * b->args.n_iface; k++) {
			const char *name = a->args.iface[k / b->args.n_iface];

			if (strcmp(name, b->args.iface[k % b->args.n_iface]) != 0)
				continue;
			cfg_err_add(err, b->cfg->pos,
				    "port '%s': interface %s belongs to port '%s' already",
				    b->cfg->name, name, a->cfg->name);
			return -EEXIST;
		}
	}
	return 0;
}

static int
read_devices(struct net_ports *ps, const struct cfg_settings *s, struct cfg_err *err)
{
	int bad = 0;

	for (unsigned i = 0; i < s->n_port; i++) {
		struct port *p = &ps->port[i];
		uint32_t want = s->port[i].rx_queues != 0 ? s->port[i].rx_queues : ps->n_workers;
		char why[WHY];
		int ret;

		p->cfg = &s->port[i];
		snprintf(p->name, sizeof(p->name), "%s", p->cfg->name);
		snprintf(p->device, sizeof(p->device), "%s", p->cfg->device);
		ret = net_dev_args_parse(&p->args, p->cfg,
					 want > ps->n_workers ? want : ps->n_workers, why,
					 sizeof(why));
		if (ret < 0)
			cfg_err_add(err, p->cfg->pos, "port '%s': device '%s': %s", p->name,
				    p->cfg->device, why);
		else
			ret = check_clash(ps, i, err);
		bad = ret < 0 ? ret : bad;
	}
	return bad;
}

// ---- one port

static bool
link_up(const struct port *p)
{
	for (unsigned k = 0; k < p->args.n_iface; k++) {
		if (!net_guard_running(p->guard[k]))
			return false;
	}
	return net_dev_link_up(&p->dev);
}

// The interface of a shared device that came from EAL's arguments, where our text does not name it.
static void
find_iface(struct net_dev_args *a)
{
	unsigned ifindex =
		a->kind != NET_DEV_OTHER && a->n_iface == 0 ? net_dev_ifindex(a->name) : 0;
	char name[IF_NAMESIZE];

	if (ifindex != 0 && if_indextoname(ifindex, name) != NULL) {
		memcpy(a->iface[0], name, sizeof(a->iface[0]));
		a->n_iface = 1;
	}
}

static int
start_one(struct net_ports *ps, uint8_t i, struct net_table *t, struct rte_mempool *pool, char *why,
	  size_t why_len)
{
	struct port *p = &ps->port[i];
	struct net_dev_conf dev = {.port = p->cfg,
				   .args = &p->args,
				   .pool = pool,
				   .n_workers = ps->n_workers,
				   .adaptive = ps->adaptive,
				   .index = i};
	struct net_twin_conf twin = {.name = twin_name(p->cfg),
				     .addr = p->cfg->address,
				     .n_addr = p->cfg->n_address,
				     .pool = pool};
	int ret = 0;

	find_iface(&p->args);
	for (unsigned k = 0; k < p->args.n_iface && ret == 0; k++)
		ret = net_guard_start(&p->guard[k], p->args.iface[k], why, why_len);
	// net_af_packet and net_pcap take what the interface takes, whatever they tell ethdev.
	dev.mtu_done = p->args.n_iface > 0 && p->args.kind != NET_DEV_AF_XDP;
	for (unsigned k = 0; k < p->args.n_iface && ret == 0 && dev.mtu_done; k++)
		ret = net_guard_mtu(p->guard[k], p->cfg->mtu, why, why_len);
	if (ret == 0)
		ret = net_dev_open(&p->dev, &dev, why, why_len);
	if (ret < 0)
		return ret;
	if (twin.name != NULL) {
		memcpy(twin.mac, p->dev.mac, 6);
		twin.mtu = p->dev.mtu;
		ret = net_twin_create(&p->twin, &twin, ps->rtnl, why, why_len);
		if (ret < 0)
			return ret;
		snprintf(p->twin_name, sizeof(p->twin_name), "%s", twin.name);
	}
	memcpy(p->info.name, p->name, sizeof(p->info.name));
	memcpy(p->info.mac, p->dev.mac, 6);
	p->info.mtu = p->dev.mtu;
	p->info.up = link_up(p);
	p->info.has_twin = p->twin != NULL;
	p->twin_up = true;
	p->twin_mtu = p->dev.mtu;
	ret = net_table_set_port(t, i, &p->info);
	if (ret < 0)
		snprintf(why, why_len, "no room in the network table: %s", strerror(-ret));
	return ret;
}

// A worker has room for so many queues.
static int
check_queues(const struct net_ports *ps, struct cfg_err *err)
{
	static const struct pl_worker *w;
	unsigned n[PL_WORKERS_MAX] = {0};

	for (unsigned i = 0; i < ps->n; i++) {
		n[0] += ps->port[i].twin != NULL;
		for (uint16_t q = 0; q < ps->port[i].dev.rx_queues; q++)
			n[(i + q) % ps->n_workers]++;
	}
	for (unsigned k = 0; k < ps->n_workers; k++) {
		if (n[k] > RTE_DIM(w->rx)) {
			cfg_err_add(err, (struct cfg_pos){0},
				    "a worker would have %u queues to poll, more than %zu: fewer "
				    "rx-queues (qpairs)",
				    n[k], RTE_DIM(w->rx));
			return -E2BIG;
		}
	}
	return 0;
}

// ---- static routes and neighbours in the host's stack

static bool
covers(const struct cfg_prefix *net, const struct cfg_prefix *addr)
{
	unsigned whole = net->len / 8, rest = net->len % 8;

	if (net->family != addr->family || memcmp(net->addr, addr->addr, whole) != 0)
		return false;
	return rest == 0 || ((net->addr[whole] ^ addr->addr[whole]) >> (8 - rest)) == 0;
}

// Port by its name, or by the longest of its prefixes that covers via. -1: none.
static int
port_of(const struct net_ports *ps, const char *name, const struct cfg_prefix *via)
{
	int best = -1, best_len = -1;

	for (unsigned i = 0; i < ps->n; i++) {
		const struct cfg_port *c = ps->port[i].cfg;

		if (name != NULL) {
			if (strcmp(name, c->name) == 0)
				return (int)i;
			continue;
		}
		for (size_t k = 0; k < c->n_address; k++) {
			if (covers(&c->address[k], via) && c->address[k].len > best_len) {
				best = (int)i;
				best_len = c->address[k].len;
			}
		}
	}
	return best;
}

static int
host_route(struct net_ports *ps, const struct cfg_route *r, struct cfg_err *err)
{
	int port = r->blackhole ? -1 : port_of(ps, r->port, &r->via);
	unsigned ifindex = port >= 0 ? net_ports_twin_ifindex(ps, (unsigned)port) : 0;
	int ret;

	if (!r->blackhole && ifindex == 0) // a port without a twin: the host has no part in it
		return 0;
	ret = net_rtnl_route_add(ps->rtnl, ifindex, &r->to, &r->via);
	if (ret == -EEXIST) {
		cfg_err_add(err, r->pos,
			    "the host's main routing table has a route to this prefix already; the "
			    "gateway does "
			    "not replace it. Delete it there, or give it a larger metric");
		return ret;
	}
	if (ret < 0)
		cfg_err_add(err, r->pos, "the host's stack refuses this route: %s", strerror(-ret));
	else if (r->blackhole)
		ps->blackhole[ps->n_blackhole++] = r->to;
	return ret;
}

uint8_t
net_ports_own_route(const struct net_ports *ps, const struct cfg_route *r)
{
	int port = r->blackhole ? -1 : port_of(ps, r->port, &r->via);

	return port < 0 || ps->port[port].twin != NULL ? PL_PORT_NONE : (uint8_t)port;
}

static int
host_tables(struct net_ports *ps, const struct cfg_settings *s, struct cfg_err *err)
{
	int bad = 0, ret;

	ps->blackhole = calloc(s->n_route + 1, sizeof(*ps->blackhole));
	if (ps->blackhole == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_route; i++) {
		ret = host_route(ps, &s->route[i], err);
		bad = ret < 0 ? ret : bad;
	}
	for (size_t i = 0; i < s->n_neighbour; i++) {
		const struct cfg_neighbour *nb = &s->neighbour[i];
		int port = port_of(ps, nb->port, NULL);
		unsigned ifindex = port >= 0 ? net_ports_twin_ifindex(ps, (unsigned)port) : 0;

		if (ifindex == 0)
			continue;
		ret = net_rtnl_neigh_add(ps->rtnl, ifindex, &nb->address, nb->lladdr);
		if (ret < 0) {
			cfg_err_add(err, nb->pos, "the host's stack refuses this neighbour: %s",
				    strerror(-ret));
			bad = ret;
		}
	}
	return bad;
}

// ---- all ports

static int
start_all(struct net_ports *ps, const struct cfg_settings *s, struct net_table *t,
	  struct rte_mempool *pool, struct cfg_err *err)
{
	int ret;

	if (s->n_port > PL_PORT_MAX) {
		cfg_err_add(err, s->port[PL_PORT_MAX].pos, "more than %d ports", PL_PORT_MAX);
		return -EINVAL;
	}
	ret = read_devices(ps, s, err);
	if (ret < 0)
		return ret;
	ret = net_rtnl_open(&ps->rtnl);
	if (ret < 0) {
		cfg_err_add(err, (struct cfg_pos){0}, "no netlink socket: %s", strerror(-ret));
		return ret;
	}
	for (unsigned i = 0; i < s->n_port; i++) {
		char why[WHY] = "";

		ps->n = i + 1;
		ret = start_one(ps, (uint8_t)i, t, pool, why, sizeof(why));
		if (ret < 0) {
			cfg_err_add(err, s->port[i].pos, "port '%s': device '%s': %s",
				    s->port[i].name, s->port[i].device, why);
			return ret;
		}
	}
	ret = check_queues(ps, err);
	return ret < 0 ? ret : host_tables(ps, s, err);
}

int
net_ports_start(struct net_ports **out, const struct cfg_settings *s, struct net_table *t,
		struct rte_mempool *pool, uint16_t n_workers, struct cfg_err *err)
{
	struct net_ports *ps = calloc(1, sizeof(*ps));
	const char *file = err->file;
	int ret;

	if (ps == NULL) {
		err->truncated = true;
		return -ENOMEM;
	}
	ps->n_workers = n_workers;
	ps->adaptive = s->poll == CFG_POLL_ADAPTIVE;
	if (s->file != NULL)
		err->file = s->file;
	ret = start_all(ps, s, t, pool, err);
	err->file = file;
	if (ret < 0) {
		net_ports_stop(ps);
		return ret;
	}
	*out = ps;
	return 0;
}

void
net_ports_stop(struct net_ports *ps)
{
	if (ps == NULL)
		return;
	for (size_t i = 0; i < ps->n_blackhole; i++)
		net_rtnl_route_del(ps->rtnl, &ps->blackhole[i]);
	for (unsigned i = ps->n; i-- > 0;) {
		struct port *p = &ps->port[i];

		net_twin_free(p->twin);
		net_dev_close(&p->dev);
		for (unsigned k = 0; k < NET_DEV_IFACE_MAX; k++)
			net_guard_stop(p->guard[k]);
	}
	net_rtnl_close(ps->rtnl);
	free(ps->blackhole);
	free(ps);
}

// ---- the workers' queues

static void
attach_rx(struct pl_worker *w, void *ctx, uint16_t queue, uint8_t port, uint8_t origin,
	  uint16_t (*burst)(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n),
	  int (*wake)(void *ctx, uint16_t queue, enum pl_wake what))
{
	w->rx[w->n_rx++] = (struct pl_rx){.burst = burst,
					  .ctx = ctx,
					  .queue = queue,
					  .port = port,
					  .origin = origin,
					  .wake = wake};
}

void
net_ports_attach(struct net_ports *ps, struct pl_worker *w)
{
	for (unsigned i = 0; i < ps->n; i++) {
		struct port *p = &ps->port[i];
		struct net_tx tx = {.burst = p->dev.multi_segs ? net_dev_tx : net_dev_tx_linear,
				    .ctx = &p->dev};

		for (uint16_t q = 0; q < p->dev.rx_queues; q++) {
			if ((i + q) % ps->n_workers == w->id)
				attach_rx(w, &p->dev, q, (uint8_t)i, PL_FROM_WIRE, net_dev_rx,
					  net_dev_wake);
		}
		// Workers beyond the device's tx queues share none: worker (id mod queues) sends
		// for them.
		tx.queue = w->id % p->dev.tx_queues;
		tx.via_worker = w->id >= p->dev.tx_queues;
		tx.worker = tx.queue;
		net_core_set_tx(w->net, (uint8_t)i, false, &tx);
		if (p->twin == NULL)
			continue;
		if (w->id == 0)
			attach_rx(w, p->twin, 0, (uint8_t)i, PL_FROM_HOST, net_twin_rx,
				  net_twin_wake);
		tx = (struct net_tx){.burst = net_twin_tx, .ctx = p->twin};
		net_core_set_tx(w->net, (uint8_t)i, true, &tx);
	}
}

uint16_t
net_ports_buffer_size(const struct cfg_settings *s)
{
	uint32_t size = RTE_MBUF_DEFAULT_DATAROOM;

	for (size_t i = 0; i < s->n_port; i++) {
		struct net_dev_args a;
		char why[WHY];

		// A string that is wrong is net_ports_start()'s to report.
		if (net_dev_args_parse(&a, &s->port[i], 1, why, sizeof(why)) == 0 &&
		    a.kind == NET_DEV_AF_PACKET)
			size = RTE_MAX(size, net_af_packet_frame(s->port[i].mtu));
	}
	return (uint16_t)(size + RTE_PKTMBUF_HEADROOM);
}

// ---- for `ringwall ports` and netlink

unsigned
net_ports_count(const struct net_ports *ps)
{
	return ps->n;
}

unsigned
net_ports_twin_ifindex(const struct net_ports *ps, unsigned port)
{
	return port < ps->n ? net_twin_ifindex(ps->port[port].twin) : 0;
}

int
net_ports_state(const struct net_ports *ps, unsigned port, struct net_port_state *out)
{
	const struct port *p = &ps->port[port];
	struct rte_eth_link link = {0};
	struct rte_eth_stats stats = {0};

	if (port >= ps->n)
		return -ENOENT;
	memset(out, 0, sizeof(*out));
	memcpy(out->name, p->name, sizeof(out->name));
	memcpy(out->device, p->device, sizeof(out->device));
	memcpy(out->driver, p->dev.driver, sizeof(out->driver));
	memcpy(out->twin, p->twin_name, sizeof(out->twin));
	memcpy(out->mac, p->dev.mac, 6);
	out->mtu = p->dev.mtu;
	out->rx_queues = p->dev.rx_queues;
	out->tx_queues = p->dev.tx_queues;
	out->rss = p->dev.steering == NET_STEER_HARDWARE;
	out->link_up = link_up(p);
	rte_eth_link_get_nowait(p->dev.eth, &link);
	out->speed_mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	if (rte_eth_stats_get(p->dev.eth, &stats) == 0) {
		out->rx_packets = stats.ipackets;
		out->rx_bytes = stats.ibytes;
		out->tx_packets = stats.opackets;
		out->tx_bytes = stats.obytes;
		out->rx_missed = stats.imissed;
		out->rx_errors = stats.ierrors;
		out->tx_errors = stats.oerrors;
	}
	return 0;
}

static void
host_of(const struct port *p, struct net_port_health *out)
{
	char name[IF_NAMESIZE];

	out->twin = p->twin != NULL;
	out->twin_there = out->twin && if_indextoname(net_twin_ifindex(p->twin), name) != NULL;
	out->twin_up = p->twin_up;
	if (out->twin_there && net_twin_leaks(name, out->leak, sizeof(out->leak)))
		return;
	for (unsigned k = 0; k < p->args.n_iface; k++) {
		if (!net_guard_holds(p->guard[k], out->leak, sizeof(out->leak)))
			return;
	}
}

int
net_ports_health(const struct net_ports *ps, unsigned port, struct net_port_health *out)
{
	const struct port *p = &ps->port[port];

	if (port >= ps->n)
		return -ENOENT;
	memset(out, 0, sizeof(*out));
	out->steering = net_dev_rss_holds(&p->dev);
	out->reta_size = p->dev.reta_size;
	out->ip_csum = (p->dev.rx_offloads & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM) != 0;
	out->tcp_csum = (p->dev.rx_offloads & RTE_ETH_RX_OFFLOAD_TCP_CKSUM) != 0;
	out->udp_csum = (p->dev.rx_offloads & RTE_ETH_RX_OFFLOAD_UDP_CKSUM) != 0;
	out->mtu = p->info.mtu;
	host_of(p, out);
	return 0;
}

void
net_ports_set_twin(struct net_ports *ps, unsigned port, bool up, uint32_t mtu)
{
	if (port >= ps->n)
		return;
	ps->port[port].twin_up = up;
	ps->port[port].twin_mtu = mtu;
}

uint64_t
net_ports_refresh(struct net_ports *ps, struct net_table *t)
{
	uint64_t down = 0;

	for (unsigned i = 0; i < ps->n; i++) {
		struct port *p = &ps->port[i];
		struct net_port_info now = p->info;
		bool link = link_up(p);

		net_twin_carrier(p->twin, link);
		// The host may make a port narrower than its device is, not wider.
		now.mtu = (uint16_t)RTE_MIN(p->twin_mtu, (uint32_t)p->dev.mtu);
		now.up = link && p->twin_up;
		if ((now.up == p->info.up && now.mtu == p->info.mtu) ||
		    net_table_set_port(t, (uint8_t)i, &now) < 0)
			continue;
		if (p->info.up && !now.up)
			down |= UINT64_C(1) << i;
		p->info = now;
	}
	return down;
}
