// The twin of a port: a TAP of our own in the host's stack. net/port.c makes and frees it on the
// control thread; one worker reads it, every worker may write it (a TAP's write is a system call
// that is safe for many threads, and the kernel keeps no order between them that matters here). Why
// not DPDK's net_tap: docs/decisions/0300-twins-without-net-tap.md. Reading costs a system call, so
// an idle twin is not read in every turn of the worker's loop: the pause between two reads doubles
// from 4 us up to 128 us while there is nothing, and is gone while there is.
#include "net/twin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <net/if.h>

#include <rte_cycles.h>
#include <rte_interrupts.h>
#include <rte_mbuf.h>

#include "config/policy.h"
#include "net/sysctl.h"

#define TWIN_SEGS	  8 // longest frame in buffers; the MTU is at most 65535
#define TWIN_SEGS_TX	  64
#define TWIN_PAUSE_MIN_US 4
#define TWIN_PAUSE_MAX_US 128

struct net_twin {
	int fd;
	unsigned ifindex;
	struct rte_mempool *pool;
	struct rte_epoll_event event; // of the reading worker's epoll set
	bool carrier;
	unsigned n_seg; // buffers that a frame of the MTU may need
	uint64_t pause_min, pause_max;
	// The reading worker's.
	uint64_t next_tsc, pause __rte_cache_aligned;
	struct rte_mbuf *spare[TWIN_SEGS]; // buffers for the next read
	unsigned n_spare;
};

// ---- the worker's side

static bool
fill_spare(struct net_twin *t)
{
	while (t->n_spare < t->n_seg) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(t->pool);

		if (m == NULL)
			return false;
		t->spare[t->n_spare++] = m;
	}
	return true;
}

// Makes a packet of the first len bytes that a read left in the spare buffers.
static struct rte_mbuf *
take_spare(struct net_twin *t, uint32_t len)
{
	struct rte_mbuf *head = t->spare[0], *last = NULL;
	uint32_t left = len;
	unsigned used = 0;

	head->pkt_len = len;
	while (left > 0) {
		struct rte_mbuf *m = t->spare[used++];
		uint32_t part = RTE_MIN(left, (uint32_t)rte_pktmbuf_tailroom(m));

		m->data_len = (uint16_t)part;
		left -= part;
		if (last != NULL)
			last->next = m;
		last = m;
	}
	head->nb_segs = (uint16_t)used;
	t->n_spare -= used;
	for (unsigned i = 0; i < t->n_spare; i++)
		t->spare[i] = t->spare[used + i];
	return head;
}

static struct rte_mbuf *
read_frame(struct net_twin *t)
{
	struct iovec iov[TWIN_SEGS];
	ssize_t len;

	if (!fill_spare(t))
		return NULL;
	for (unsigned i = 0; i < t->n_spare; i++) {
		iov[i].iov_base = rte_pktmbuf_mtod(t->spare[i], void *);
		iov[i].iov_len = rte_pktmbuf_tailroom(t->spare[i]);
	}
	len = readv(t->fd, iov, (int)t->n_spare);
	return len > 0 ? take_spare(t, (uint32_t)len) : NULL;
}

int
net_twin_wake(void *ctx, uint16_t queue, enum pl_wake what)
{
	struct net_twin *t = ctx;

	(void)queue;
	if (what == PL_WAKE_ADD) {
		t->event = (struct rte_epoll_event){.epdata.event = EPOLLIN};
		return rte_epoll_ctl(RTE_EPOLL_PER_THREAD, EPOLL_CTL_ADD, t->fd, &t->event);
	}
	t->next_tsc = 0; // what woke the worker, or came before it slept, is read at once
	return 0;
}

uint16_t
net_twin_rx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct net_twin *t = ctx;
	uint64_t now = rte_rdtsc();
	uint16_t got;

	(void)queue;
	if (now < t->next_tsc)
		return 0;
	for (got = 0; got < n; got++) {
		m[got] = read_frame(t);
		if (m[got] == NULL)
			break;
	}
	if (got == n) // there may be more
		return got;
	t->pause = got > 0 ? t->pause_min : RTE_MIN(t->pause * 2, t->pause_max);
	t->next_tsc = now + t->pause;
	return got;
}

uint16_t
net_twin_tx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct net_twin *t = ctx;
	uint16_t sent;

	(void)queue;
	for (sent = 0; sent < n; sent++) {
		struct iovec iov[TWIN_SEGS_TX];
		int n_iov = 0;

		for (struct rte_mbuf *s = m[sent]; s != NULL && n_iov < TWIN_SEGS_TX; s = s->next) {
			iov[n_iov].iov_base = rte_pktmbuf_mtod(s, void *);
			iov[n_iov++].iov_len = s->data_len;
		}
		// Down, or the host has no memory: the caller drops and counts this one and what
		// follows.
		if (m[sent]->nb_segs > TWIN_SEGS_TX || writev(t->fd, iov, n_iov) < 0)
			break;
		rte_pktmbuf_free(m[sent]);
	}
	return sent;
}

// ---- the control thread's side

unsigned
net_twin_ifindex(const struct net_twin *t)
{
	return t != NULL ? t->ifindex : 0;
}

void
net_twin_carrier(struct net_twin *t, bool up)
{
	int on = up;

	if (t != NULL && t->carrier != up && ioctl(t->fd, TUNSETCARRIER, &on) == 0)
		t->carrier = up;
}

static int
open_tap(struct net_twin *t, const char *name, char *why, size_t why_len)
{
	struct ifreq ifr = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL};
	int ret = 0;

	if (if_nametoindex(name) != 0) {
		snprintf(why, why_len,
			 "an interface named %s is there already: give the port's twin another "
			 "name with twin = \"...\", or \"none\" for no twin",
			 name);
		return -EEXIST;
	}
	t->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0) {
		ret = -errno;
		snprintf(why, why_len, "/dev/net/tun: %s", strerror(-ret));
		return ret;
	}
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	// No offload is promised, so the host hands down whole packets with finished checksums.
	if (ioctl(t->fd, TUNSETIFF, &ifr) < 0 || ioctl(t->fd, TUNSETOFFLOAD, 0) < 0) {
		ret = -errno;
		snprintf(why, why_len, "interface %s cannot be made: %s", name, strerror(-ret));
		return ret;
	}
	t->ifindex = if_nametoindex(ifr.ifr_name);
	return t->ifindex != 0 ? 0 : -ENODEV;
}

bool
net_twin_leaks(const char *name, char *why, size_t why_len)
{
	static const char *const family[] = {"ipv4", "ipv6"};

	for (size_t i = 0; i < RTE_DIM(family); i++) {
		int on = 0;

		if (net_sysctl_get(family[i], name, "forwarding", &on) == 0 && on != 0) {
			snprintf(why, why_len, "net.%s.conf.%s.forwarding is %d", family[i], name,
				 on);
			return true;
		}
	}
	return false;
}

static bool
has_family(const struct net_twin_conf *c, uint8_t family)
{
	for (size_t i = 0; i < c->n_addr; i++) {
		if (c->addr[i].family == family)
			return true;
	}
	return false;
}

// The host uses the twin as an interface of its own, but the appliance alone forwards: what came up
// a twin and is not for the host must not go out through another. Routers do not take router
// advertisements.
static int
set_sysctls(const struct net_twin_conf *c, char *why, size_t why_len)
{
	const struct {
		const char *family, *key;
		int value;
	} row[] = {
		{"ipv4", "forwarding", 0},    {"ipv6", "forwarding", 0},
		{"ipv6", "accept_ra", 0},     {"ipv6", "accept_dad", 0},
		{"ipv6", "dad_transmits", 0}, {"ipv6", "addr_gen_mode", 0},
		{"ipv6", "disable_ipv6", 0},
	};

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		int ret, old;

		// A host that has IPv6 switched off keeps it off until the port has an IPv6
		// address.
		if (strcmp(row[i].key, "disable_ipv6") == 0 && !has_family(c, CFG_IPV6))
			continue;
		ret = net_sysctl_get(row[i].family, c->name, row[i].key, &old);
		if (ret == -ENOENT)
			continue;
		if (ret == 0 && old != row[i].value)
			ret = net_sysctl_set(row[i].family, c->name, row[i].key, row[i].value);
		if (ret < 0) {
			snprintf(why, why_len, "net.%s.conf.%s.%s cannot be set to %d: %s",
				 row[i].family, c->name, row[i].key, row[i].value, strerror(-ret));
			return ret;
		}
	}
	return 0;
}

static int
set_up(struct net_twin *t, const struct net_twin_conf *c, struct net_rtnl *rtnl, char *why,
       size_t why_len)
{
	int ret = net_rtnl_link(rtnl, t->ifindex, c->mac, c->mtu, false);

	if (ret == 0)
		ret = set_sysctls(c, why, why_len);
	else
		snprintf(why, why_len, "MAC or MTU %u cannot be set on %s: %s", c->mtu, c->name,
			 strerror(-ret));
	if (ret < 0)
		return ret;
	ret = net_rtnl_link(rtnl, t->ifindex, NULL, 0, true);
	if (ret < 0) {
		snprintf(why, why_len, "interface %s does not come up: %s", c->name,
			 strerror(-ret));
		return ret;
	}
	for (size_t i = 0; i < c->n_addr; i++) {
		ret = net_rtnl_addr_add(rtnl, t->ifindex, &c->addr[i]);
		if (ret < 0) {
			snprintf(why, why_len, "address number %zu cannot be set on %s: %s", i + 1,
				 c->name, strerror(-ret));
			return ret;
		}
	}
	return 0;
}

int
net_twin_create(struct net_twin **out, const struct net_twin_conf *conf, struct net_rtnl *rtnl,
		char *why, size_t why_len)
{
	uint32_t room = rte_pktmbuf_data_room_size(conf->pool) - RTE_PKTMBUF_HEADROOM;
	uint32_t frame = conf->mtu + 18; // Ethernet header and a VLAN tag
	struct net_twin *t = NULL;
	int ret;

	if (posix_memalign((void **)&t, RTE_CACHE_LINE_SIZE, sizeof(*t)) != 0) {
		snprintf(why, why_len, "out of memory");
		return -ENOMEM;
	}
	memset(t, 0, sizeof(*t));
	t->fd = -1;
	t->carrier = true;
	t->pool = conf->pool;
	t->n_seg = (frame + room - 1) / room;
	t->pause_min = rte_get_tsc_hz() / 1000000 * TWIN_PAUSE_MIN_US;
	t->pause_max = rte_get_tsc_hz() / 1000000 * TWIN_PAUSE_MAX_US;
	t->pause = t->pause_min;
	if (t->n_seg > TWIN_SEGS) {
		ret = -EINVAL;
		snprintf(why, why_len, "packet buffers of %u bytes are too small for an MTU of %u",
			 room, conf->mtu);
		goto fail;
	}
	ret = open_tap(t, conf->name, why, why_len);
	if (ret == 0)
		ret = set_up(t, conf, rtnl, why, why_len);
	if (ret < 0)
		goto fail;
	*out = t;
	return 0;
fail:
	net_twin_free(t);
	return ret;
}

void
net_twin_free(struct net_twin *t)
{
	if (t == NULL)
		return;
	for (unsigned i = 0; i < t->n_spare; i++)
		rte_pktmbuf_free(t->spare[i]);
	if (t->fd >= 0)
		close(t->fd);
	free(t);
}
