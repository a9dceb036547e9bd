// The host's stack by route netlink (libmnl): what net/twin.c, net/port.c and net/guard.c need of
// it when ports start and stop. Control thread only; every request waits for the kernel's answer.
// Following what changes in the host is control/netlink.c's work.
#include "net/rtnl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "config/policy.h"

struct net_rtnl {
	struct mnl_socket *nl;
	unsigned seq;
	unsigned portid;
	char buf[8192]; // MNL_SOCKET_BUFFER_SIZE at most
};

int
net_rtnl_open(struct net_rtnl **out)
{
	struct net_rtnl *r = calloc(1, sizeof(*r));
	int ret;

	if (r == NULL)
		return -ENOMEM;
	r->nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (r->nl == NULL || mnl_socket_bind(r->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
		ret = -errno;
		net_rtnl_close(r);
		return ret;
	}
	r->portid = mnl_socket_get_portid(r->nl);
	r->seq = (unsigned)time(NULL);
	*out = r;
	return 0;
}

void
net_rtnl_close(struct net_rtnl *r)
{
	if (r == NULL)
		return;
	if (r->nl != NULL)
		mnl_socket_close(r->nl);
	free(r);
}

static struct nlmsghdr *
request(struct net_rtnl *r, uint16_t type, uint16_t flags, size_t extra, void **body)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(r->buf);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	h->nlmsg_seq = ++r->seq;
	*body = mnl_nlmsg_put_extra_header(h, extra);
	return h;
}

// Sends what is in h and runs cb over the answers until the acknowledgement or the end of a dump.
static int
talk(struct net_rtnl *r, struct nlmsghdr *h, mnl_cb_t cb, void *arg)
{
	int ret;

	if (mnl_socket_sendto(r->nl, h, h->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t n = mnl_socket_recvfrom(r->nl, r->buf, sizeof(r->buf));

		if (n < 0 && errno == EINTR) {
			ret = MNL_CB_OK;
			continue;
		}
		if (n < 0)
			return -errno;
		ret = mnl_cb_run(r->buf, (size_t)n, r->seq, r->portid, cb, arg);
	} while (ret > MNL_CB_STOP);
	return ret < 0 ? -errno : 0;
}

static size_t
addr_len(const struct cfg_prefix *p)
{
	return p->family == CFG_IPV4 ? 4 : 16;
}

static uint8_t
af_of(const struct cfg_prefix *p)
{
	return p->family == CFG_IPV4 ? AF_INET : AF_INET6;
}

int
net_rtnl_link(struct net_rtnl *r, unsigned ifindex, const uint8_t mac[6], uint32_t mtu, bool up)
{
	struct ifinfomsg *body;
	struct nlmsghdr *h = request(r, RTM_NEWLINK, NLM_F_ACK, sizeof(*body), (void **)&body);

	body->ifi_family = AF_UNSPEC;
	body->ifi_index = (int)ifindex;
	body->ifi_flags = up ? IFF_UP : 0;
	body->ifi_change = IFF_UP;
	if (mac != NULL)
		mnl_attr_put(h, IFLA_ADDRESS, 6, mac);
	if (mtu != 0)
		mnl_attr_put_u32(h, IFLA_MTU, mtu);
	return talk(r, h, NULL, NULL);
}

int
net_rtnl_addr_add(struct net_rtnl *r, unsigned ifindex, const struct cfg_prefix *addr)
{
	struct ifaddrmsg *body;
	struct nlmsghdr *h = request(r, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
				     sizeof(*body), (void **)&body);

	body->ifa_family = af_of(addr);
	body->ifa_prefixlen = addr->len;
	body->ifa_scope = RT_SCOPE_UNIVERSE;
	body->ifa_index = ifindex;
	mnl_attr_put(h, IFA_LOCAL, addr_len(addr), addr->addr);
	mnl_attr_put(h, IFA_ADDRESS, addr_len(addr), addr->addr);
	if (addr->family == CFG_IPV6) {
		// The port's MAC is the device's own, the wire is ours alone: no second of silence
		// for DAD.
		body->ifa_flags = IFA_F_NODAD;
	} else if (addr->len < 31) {
		uint32_t ip, host = UINT32_MAX >> addr->len;

		memcpy(&ip, addr->addr, 4);
		mnl_attr_put_u32(h, IFA_BROADCAST, ip | htonl(host));
	}
	return talk(r, h, NULL, NULL);
}

static struct nlmsghdr *
route_request(struct net_rtnl *r, uint16_t type, uint16_t flags, const struct cfg_prefix *to,
	      bool blackhole, struct rtmsg **body)
{
	struct nlmsghdr *h = request(r, type, NLM_F_ACK | flags, sizeof(**body), (void **)body);

	(*body)->rtm_family = af_of(to);
	(*body)->rtm_dst_len = to->len;
	(*body)->rtm_table = RT_TABLE_MAIN;
	(*body)->rtm_protocol = NET_RTPROT;
	(*body)->rtm_scope = RT_SCOPE_UNIVERSE;
	(*body)->rtm_type = blackhole ? RTN_BLACKHOLE : RTN_UNICAST;
	mnl_attr_put(h, RTA_DST, addr_len(to), to->addr);
	return h;
}

int
net_rtnl_route_add(struct net_rtnl *r, unsigned ifindex, const struct cfg_prefix *to,
		   const struct cfg_prefix *via)
{
	struct rtmsg *body;
	struct nlmsghdr *h =
		route_request(r, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, to, ifindex == 0, &body);

	if (ifindex != 0) {
		mnl_attr_put_u32(h, RTA_OIF, ifindex);
		if (via != NULL && via->family != 0) {
			// The operator named the port or one of its networks: no second opinion of
			// the host's.
			body->rtm_flags = RTNH_F_ONLINK;
			mnl_attr_put(h, RTA_GATEWAY, addr_len(via), via->addr);
		} else if (to->family == CFG_IPV4) {
			body->rtm_scope = RT_SCOPE_LINK;
		}
	}
	return talk(r, h, NULL, NULL);
}

int
net_rtnl_route_del(struct net_rtnl *r, const struct cfg_prefix *to)
{
	struct rtmsg *body;
	struct nlmsghdr *h = route_request(r, RTM_DELROUTE, 0, to, true, &body);

	return talk(r, h, NULL, NULL);
}

int
net_rtnl_neigh_add(struct net_rtnl *r, unsigned ifindex, const struct cfg_prefix *addr,
		   const uint8_t lladdr[6])
{
	struct ndmsg *body;
	struct nlmsghdr *h = request(r, RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE,
				     sizeof(*body), (void **)&body);

	body->ndm_family = af_of(addr);
	body->ndm_ifindex = (int)ifindex;
	body->ndm_state = NUD_PERMANENT;
	mnl_attr_put(h, NDA_DST, addr_len(addr), addr->addr);
	mnl_attr_put(h, NDA_LLADDR, 6, lladdr);
	return talk(r, h, NULL, NULL);
}

struct addr_dump {
	unsigned ifindex, n, max;
	struct cfg_prefix *out;
};

static int
one_addr(const struct nlmsghdr *h, void *arg)
{
	const struct ifaddrmsg *body = mnl_nlmsg_get_payload(h);
	struct addr_dump *d = arg;
	const struct nlattr *attr, *found = NULL;

	if (h->nlmsg_type != RTM_NEWADDR || body->ifa_index != d->ifindex ||
	    (body->ifa_family != AF_INET && body->ifa_family != AF_INET6) ||
	    (body->ifa_family == AF_INET6 && body->ifa_scope == RT_SCOPE_LINK))
		return MNL_CB_OK;
	mnl_attr_for_each(attr, h, sizeof(*body))
	{
		uint16_t type = mnl_attr_get_type(attr);

		if (type == IFA_LOCAL || (type == IFA_ADDRESS && found == NULL))
			found = attr;
	}
	if (found == NULL)
		return MNL_CB_OK;
	if (d->n < d->max) {
		struct cfg_prefix *p = &d->out[d->n];
		size_t len = body->ifa_family == AF_INET ? 4 : 16;

		memset(p, 0, sizeof(*p));
		p->family = body->ifa_family == AF_INET ? CFG_IPV4 : CFG_IPV6;
		p->len = body->ifa_prefixlen;
		if (mnl_attr_get_payload_len(found) == len)
			memcpy(p->addr, mnl_attr_get_payload(found), len);
	}
	d->n++;
	return MNL_CB_OK;
}

int
net_rtnl_addrs(struct net_rtnl *r, unsigned ifindex, struct cfg_prefix *out, unsigned max)
{
	struct addr_dump d = {.ifindex = ifindex, .max = max, .out = out};
	struct rtgenmsg *body;
	struct nlmsghdr *h =
		request(r, RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg), (void **)&body);
	int ret = talk(r, h, one_addr, &d);

	return ret < 0 ? ret : (int)d.n;
}

static int
one_route(const struct nlmsghdr *h, void *arg)
{
	const struct rtmsg *body = mnl_nlmsg_get_payload(h);
	const struct nlattr *attr, *dst = NULL;
	struct addr_dump *d = arg;
	unsigned oif = 0;

	if (h->nlmsg_type != RTM_NEWROUTE || body->rtm_family != AF_INET)
		return MNL_CB_OK;
	mnl_attr_for_each(attr, h, sizeof(*body))
	{
		if (mnl_attr_get_type(attr) == RTA_OIF)
			oif = mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == RTA_DST)
			dst = attr;
	}
	if (oif != d->ifindex)
		return MNL_CB_OK;
	if (d->n < d->max) {
		struct cfg_prefix *p = &d->out[d->n];

		memset(p, 0, sizeof(*p));
		p->family = CFG_IPV4;
		p->len = body->rtm_dst_len;
		if (dst != NULL && mnl_attr_get_payload_len(dst) == 4)
			memcpy(p->addr, mnl_attr_get_payload(dst), 4);
	}
	d->n++;
	return MNL_CB_OK;
}

int
net_rtnl_routes(struct net_rtnl *r, unsigned ifindex, struct cfg_prefix *out, unsigned max)
{
	struct addr_dump d = {.ifindex = ifindex, .max = max, .out = out};
	struct rtmsg *body;
	struct nlmsghdr *h = request(r, RTM_GETROUTE, NLM_F_DUMP, sizeof(*body), (void **)&body);
	int ret;

	body->rtm_family = AF_INET;
	ret = talk(r, h, one_route, &d);
	return ret < 0 ? ret : (int)d.n;
}
