// The host's stack followed by netlink. The order makes sure that nothing is missed: first the
// groups are joined, then everything is dumped (over a second socket, whose answers do not mix with
// events), then events are taken; each one that is older than the dump is followed by those that
// came after it. When the kernel says that it had to throw events away, everything is dumped again,
// marked and swept. IPv4 routes that go with a link or an address go without a message of their
// own: those events ask for another dump of the routes. All of it runs on the control thread,
// called by control/ctl.c.
#include "control/netlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <rte_log.h>

#include "config/policy.h"
#include "control/host_neigh.h"
#include "control/host_routes.h"
#include "control/netlink_msg.h"

RTE_LOG_REGISTER(ctl_netlink_log, ringwall.ctl.netlink, NOTICE);
#define LOG(level, ...) rte_log(RTE_LOG_##level, ctl_netlink_log, "ringwall: netlink: " __VA_ARGS__)

#define WANTED_MAX 64		   // neighbours asked for at a time
#define WANTED_NS  (10 * 1000000L) // how often the workers' wishes are looked at
#define RECV_MAX   128		   // messages' buffers taken in one go
#define RCVBUF	   (8 * 1024 * 1024)

// What has to be read again from the kernel.
enum { DIRTY_LINKS = 1, DIRTY_ADDRS = 2, DIRTY_ROUTES = 4, DIRTY_NEIGHS = 8, DIRTY_ALL = 15 };

struct address {
	uint8_t port;
	bool unseen; // between mark and sweep
	struct cfg_prefix addr;
};

struct ctl_netlink {
	struct ctl_netlink_conf conf;
	struct mnl_socket *events, *dump;
	int epoll_fd, timer_fd;
	uint32_t seq;
	unsigned dirty;
	uint64_t now_ms;
	unsigned ifindex[PL_PORT_MAX]; // of the twins; 0: none
	unsigned n_port;
	struct ctl_routes *routes;
	struct ctl_neighs *neighs;
	struct address *addr;
	size_t n_addr, addr_cap;
	struct ctl_netlink_stats stats;
	char buf[32768]; // a dump's answers come in pieces of up to this size
};

static uint8_t
port_of(const struct ctl_netlink *nl, unsigned ifindex)
{
	for (unsigned i = 0; i < nl->n_port && ifindex != 0; i++) {
		if (nl->ifindex[i] == ifindex)
			return (uint8_t)i;
	}
	return PL_PORT_NONE;
}

// ---- addresses

static struct address *
find_addr(struct ctl_netlink *nl, uint8_t port, const struct cfg_prefix *a)
{
	for (size_t i = 0; i < nl->n_addr; i++) {
		const struct address *x = &nl->addr[i];

		if (x->port == port && x->addr.family == a->family &&
		    memcmp(x->addr.addr, a->addr, 16) == 0)
			return &nl->addr[i];
	}
	return NULL;
}

static void
del_addr(struct ctl_netlink *nl, struct address *x)
{
	struct address gone = *x;

	*x = nl->addr[--nl->n_addr];
	net_table_del_addr(nl->conf.table, gone.port, &gone.addr);
	if (nl->conf.address_gone != NULL)
		nl->conf.address_gone(nl->conf.arg, gone.port, &gone.addr);
	nl->dirty |= DIRTY_ROUTES;
}

static void
add_addr(struct ctl_netlink *nl, uint8_t port, const struct cfg_prefix *a)
{
	int ret;

	if (nl->n_addr == nl->addr_cap) {
		size_t cap = nl->addr_cap != 0 ? nl->addr_cap * 2 : 32;
		struct address *more = realloc(nl->addr, cap * sizeof(*more));

		if (more == NULL) {
			LOG(ERR, "no memory for an address\n");
			return;
		}
		nl->addr = more;
		nl->addr_cap = cap;
	}
	// -EEXIST: of ringwall.conf, in the table since the start.
	ret = net_table_add_addr(nl->conf.table, port, a);
	if (ret < 0 && ret != -EEXIST) {
		LOG(WARNING, "an address of port %u is not in the pipeline's table: %s\n", port,
		    strerror(-ret));
		return;
	}
	nl->addr[nl->n_addr++] = (struct address){.port = port, .addr = *a};
}

static void
on_addr(struct ctl_netlink *nl, const struct nlmsghdr *h)
{
	struct ctl_nl_addr m;
	struct address *x;
	uint8_t port;

	if (!ctl_nl_addr_read(h, &m) || (port = port_of(nl, m.ifindex)) == PL_PORT_NONE)
		return;
	x = find_addr(nl, port, &m.addr);
	if (x != NULL && (m.del || x->addr.len != m.addr.len)) {
		// Linux has one address with two prefix lengths as two; the pipeline, the one named
		// last.
		if (m.del && x->addr.len != m.addr.len)
			return;
		del_addr(nl, x);
		x = NULL;
	}
	if (x != NULL)
		x->unseen = false;
	else if (!m.del)
		add_addr(nl, port, &m.addr);
}

static void
mark_addrs(struct ctl_netlink *nl)
{
	for (size_t i = 0; i < nl->n_addr; i++)
		nl->addr[i].unseen = true;
}

static void
sweep_addrs(struct ctl_netlink *nl)
{
	for (size_t i = nl->n_addr; i-- > 0;) {
		if (nl->addr[i].unseen)
			del_addr(nl, &nl->addr[i]);
	}
}

// ---- routes

static void
on_route(struct ctl_netlink *nl, const struct nlmsghdr *h)
{
	struct ctl_nl_route m;
	struct ctl_route r;
	bool mine = false;
	int ret = 0;

	if (!ctl_nl_route_read(h, &m))
		return;
	r = (struct ctl_route){
		.to = m.to, .metric = m.metric, .port = PL_PORT_NONE, .blackhole = m.blackhole};
	if (m.blackhole) {
		if (m.del)
			ctl_routes_del(nl->routes, &r);
		else
			ret = ctl_routes_add(nl->routes, &r, m.replace);
		mine = true;
	}
	// Of several next hops every one of ours is kept; the pipeline uses the first.
	for (unsigned i = 0; i < m.n_hop && ret == 0; i++) {
		r.via = m.hop[i].via;
		r.port = port_of(nl, m.hop[i].ifindex);
		if (r.port == PL_PORT_NONE)
			continue;
		if (m.del)
			ctl_routes_del(nl->routes, &r);
		else
			ret = ctl_routes_add(nl->routes, &r, m.replace && !mine);
		mine = true;
	}
	if (m.replace && !mine) // what it replaced may have been ours; the message does not say
		nl->dirty |= DIRTY_ROUTES;
	if (ret < 0)
		LOG(ERR, "no memory for a route\n");
}

static int
load_static(struct ctl_netlink *nl)
{
	const struct cfg_settings *s = nl->conf.settings;

	for (size_t i = 0; s != NULL && i < s->n_route; i++) {
		uint8_t port = net_ports_own_route(nl->conf.ports, &s->route[i]);
		struct ctl_route r = {.to = s->route[i].to, .via = s->route[i].via, .port = port};
		int ret = port != PL_PORT_NONE ? ctl_routes_static(nl->routes, &r) : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}

// ---- neighbours

static void
on_neigh(struct ctl_netlink *nl, const struct nlmsghdr *h)
{
	enum ctl_neigh_state state = CTL_NEIGH_GONE;
	struct ctl_nl_neigh m;
	uint8_t port;
	int ret;

	if (!ctl_nl_neigh_read(h, &m) || (port = port_of(nl, m.ifindex)) == PL_PORT_NONE)
		return;
	if ((m.state & (NUD_NOARP | NUD_INCOMPLETE)) != 0) // multicast; being asked for
		return;
	if (m.has_lladdr &&
	    (m.state & (NUD_REACHABLE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)) != 0)
		state = CTL_NEIGH_VALID;
	else if (m.has_lladdr && (m.state & NUD_STALE) != 0)
		state = CTL_NEIGH_STALE;
	ret = ctl_neighs_set(nl->neighs, port, &m.addr, m.lladdr, state, nl->now_ms);
	if (ret < 0)
		LOG(WARNING, "a neighbour on port %u is not in the pipeline's table: %s\n", port,
		    strerror(-ret));
}

// As if the host itself had a packet for the neighbour.
static void
ask(struct ctl_netlink *nl, uint8_t port, const struct cfg_prefix *addr)
{
	char buf[128];
	struct nlmsghdr *h;

	if (port >= nl->n_port || nl->ifindex[port] == 0)
		return;
	h = ctl_nl_use_put(buf, nl->ifindex[port], addr);
	if (mnl_socket_sendto(nl->events, h, h->nlmsg_len) >= 0)
		nl->stats.asked++;
}

static void
ask_wanted(struct ctl_netlink *nl)
{
	struct cfg_prefix addr[WANTED_MAX];
	uint8_t port[WANTED_MAX];
	unsigned n = net_table_wanted(nl->conf.table, addr, port, WANTED_MAX);

	for (unsigned i = 0; i < n; i++)
		ask(nl, port[i], &addr[i]);
}

static void
ask_stale(struct ctl_netlink *nl)
{
	struct cfg_prefix addr[WANTED_MAX];
	uint8_t port[WANTED_MAX];
	unsigned n = ctl_neighs_refresh(nl->neighs, addr, port, WANTED_MAX, nl->now_ms);

	for (unsigned i = 0; i < n; i++)
		ask(nl, port[i], &addr[i]);
}

// ---- links

static void
on_link(struct ctl_netlink *nl, const struct nlmsghdr *h)
{
	struct ctl_nl_link m;
	uint8_t port;

	if (!ctl_nl_link_read(h, &m) || (port = port_of(nl, m.ifindex)) == PL_PORT_NONE)
		return;
	if (m.del)
		LOG(ERR,
		    "the twin of port %u was deleted; the port has no host behind it from now on\n",
		    port);
	net_ports_set_twin(nl->conf.ports, port, m.up && !m.del, m.mtu);
	if (!m.up || m.del)
		nl->dirty |= DIRTY_ROUTES;
}

// ---- messages

static int
on_message(const struct nlmsghdr *h, void *arg)
{
	struct ctl_netlink *nl = arg;

	nl->stats.messages++;
	switch (h->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		on_addr(nl, h);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		on_route(nl, h);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		on_neigh(nl, h);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		on_link(nl, h);
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

// All of one kind, as the kernel has it now.
static int
dump(struct ctl_netlink *nl, uint16_t type)
{
	struct nlmsghdr *h = ctl_nl_dump_put(nl->buf, type, ++nl->seq);
	int ret;

	if (mnl_socket_sendto(nl->dump, h, h->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t n = mnl_socket_recvfrom(nl->dump, nl->buf, sizeof(nl->buf));

		if (n < 0 && errno != EINTR)
			return -errno;
		// EINTR from the call is a signal; from the messages, a table that changed under
		// the dump.
		ret = n < 0 ? MNL_CB_OK
			    : mnl_cb_run(nl->buf, (size_t)n, nl->seq,
					 mnl_socket_get_portid(nl->dump), on_message, nl);
	} while (ret > MNL_CB_STOP);
	return ret < 0 ? -errno : 0;
}

static void
flush_dump(struct ctl_netlink *nl)
{
	while (recv(mnl_socket_get_fd(nl->dump), nl->buf, sizeof(nl->buf), MSG_DONTWAIT) > 0)
		;
}

// A dump that the kernel calls inconsistent (the table changed under it) is done again; -EINTR
// after some tries.
static int
dump_well(struct ctl_netlink *nl, uint16_t type)
{
	int ret = -EINTR;

	for (int tries = 0; tries < 5 && ret == -EINTR; tries++) {
		ret = dump(nl, type);
		if (ret < 0)
			flush_dump(nl);
	}
	return ret;
}

static int
resync(struct ctl_netlink *nl)
{
	unsigned what = nl->dirty;
	int ret = 0;

	nl->dirty = 0;
	nl->stats.resyncs++;
	if (what & DIRTY_LINKS)
		ret = dump_well(nl, RTM_GETLINK);
	if (ret == 0 && (what & DIRTY_ADDRS)) {
		mark_addrs(nl);
		ret = dump_well(nl, RTM_GETADDR);
		if (ret == 0)
			sweep_addrs(nl);
	}
	if (ret == 0 && (what & DIRTY_ROUTES)) {
		ctl_routes_mark(nl->routes);
		ret = dump_well(nl, RTM_GETROUTE);
		if (ret == 0)
			ctl_routes_sweep(nl->routes);
	}
	if (ret == 0 && (what & DIRTY_NEIGHS)) {
		ctl_neighs_mark(nl->neighs);
		ret = dump_well(nl, RTM_GETNEIGH);
		if (ret == 0)
			ctl_neighs_sweep(nl->neighs);
	}
	if (ret < 0)
		nl->dirty |= what; // what came is right; what has gone is found at the next tick
	if (ret == -EINTR)
		return 0;
	if (ret < 0) {
		LOG(ERR, "the host's tables cannot be read: %s\n", strerror(-ret));
	}
	return ret;
}

static void
take_events(struct ctl_netlink *nl)
{
	for (int i = 0; i < RECV_MAX; i++) {
		ssize_t n =
			recv(mnl_socket_get_fd(nl->events), nl->buf, sizeof(nl->buf), MSG_DONTWAIT);

		if (n < 0 && errno == ENOBUFS) {
			nl->stats.overruns++;
			nl->dirty = DIRTY_ALL;
			continue;
		}
		if (n <= 0)
			return;
		// Port 0 and sequence 0: events. An error answers one of our requests to resolve,
		// which the worker will make again.
		mnl_cb_run(nl->buf, (size_t)n, 0, 0, on_message, nl);
	}
}

// ---- what control/ctl.c calls

int
ctl_netlink_fd(const struct ctl_netlink *nl)
{
	return nl->epoll_fd;
}

void
ctl_netlink_on_readable(struct ctl_netlink *nl)
{
	uint64_t ticks;

	if (read(nl->timer_fd, &ticks, sizeof(ticks)) == sizeof(ticks))
		ask_wanted(nl);
	take_events(nl);
}

void
ctl_netlink_on_tick(struct ctl_netlink *nl, uint64_t now_ms)
{
	uint64_t down;

	nl->now_ms = now_ms;
	if (nl->dirty != 0)
		resync(nl);
	ask_stale(nl);
	net_table_settle(nl->conf.table);
	net_groups_refresh(nl->conf.table, nl->conf.ports);
	down = net_ports_refresh(nl->conf.ports, nl->conf.table);
	for (uint8_t i = 0; i < nl->n_port && nl->conf.port_down != NULL; i++) {
		if (down >> i & 1)
			nl->conf.port_down(nl->conf.arg, i);
	}
}

void
ctl_netlink_stats(const struct ctl_netlink *nl, struct ctl_netlink_stats *out)
{
	*out = nl->stats;
	out->routes = ctl_routes_count(nl->routes);
}

static int
open_events(struct ctl_netlink *nl)
{
	static const int group[] = {RTNLGRP_LINK,	 RTNLGRP_NEIGH,	     RTNLGRP_IPV4_IFADDR,
				    RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE};
	int size = RCVBUF;

	nl->events = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (nl->events == NULL || mnl_socket_bind(nl->events, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	// A full routing table of a border router comes in one gush.
	if (setsockopt(mnl_socket_get_fd(nl->events), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) < 0)
		setsockopt(mnl_socket_get_fd(nl->events), SOL_SOCKET, SO_RCVBUF, &size,
			   sizeof(size));
	for (size_t i = 0; i < sizeof(group) / sizeof(group[0]); i++) {
		int g = group[i];

		if (mnl_socket_setsockopt(nl->events, NETLINK_ADD_MEMBERSHIP, &g, sizeof(g)) < 0)
			return -errno;
	}
	nl->dump = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (nl->dump == NULL || mnl_socket_bind(nl->dump, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	return 0;
}

static int
open_poll(struct ctl_netlink *nl)
{
	struct itimerspec every = {.it_interval.tv_nsec = WANTED_NS, .it_value.tv_nsec = WANTED_NS};
	struct epoll_event ev = {.events = EPOLLIN};

	nl->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	nl->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (nl->epoll_fd < 0 || nl->timer_fd < 0 ||
	    timerfd_settime(nl->timer_fd, 0, &every, NULL) < 0 ||
	    epoll_ctl(nl->epoll_fd, EPOLL_CTL_ADD, nl->timer_fd, &ev) < 0 ||
	    epoll_ctl(nl->epoll_fd, EPOLL_CTL_ADD, mnl_socket_get_fd(nl->events), &ev) < 0)
		return -errno;
	return 0;
}

int
ctl_netlink_create(struct ctl_netlink **out, const struct ctl_netlink_conf *conf,
		   struct cfg_err *err)
{
	struct ctl_netlink *nl = calloc(1, sizeof(*nl));
	struct timespec now;
	int ret = -ENOMEM;

	if (nl == NULL)
		goto fail;
	nl->conf = *conf;
	nl->epoll_fd = nl->timer_fd = -1;
	nl->dirty = DIRTY_ALL;
	clock_gettime(CLOCK_MONOTONIC, &now);
	nl->now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	nl->n_port = net_ports_count(conf->ports);
	for (unsigned i = 0; i < nl->n_port; i++)
		nl->ifindex[i] = net_ports_twin_ifindex(conf->ports, i);
	ret = ctl_routes_create(&nl->routes, conf->table);
	if (ret == 0)
		ret = ctl_neighs_create(&nl->neighs, conf->table);
	if (ret == 0)
		ret = load_static(nl);
	if (ret == 0)
		ret = open_events(nl);
	if (ret == 0)
		ret = open_poll(nl);
	if (ret == 0)
		ret = resync(nl);
	if (ret < 0)
		goto fail;
	*out = nl;
	return 0;
fail:
	cfg_err_add(err, (struct cfg_pos){0},
		    "the host's network stack cannot be followed by netlink: %s", strerror(-ret));
	ctl_netlink_free(nl);
	return ret;
}

void
ctl_netlink_free(struct ctl_netlink *nl)
{
	if (nl == NULL)
		return;
	if (nl->epoll_fd >= 0)
		close(nl->epoll_fd);
	if (nl->timer_fd >= 0)
		close(nl->timer_fd);
	if (nl->events != NULL)
		mnl_socket_close(nl->events);
	if (nl->dump != NULL)
		mnl_socket_close(nl->dump);
	ctl_routes_free(nl->routes);
	ctl_neighs_free(nl->neighs);
	free(nl->addr);
	free(nl);
}
