// Route netlink messages taken apart, and the two requests that control/netlink.c sends. What the
// kernel sends is trusted to be well meant, not to be well formed: every length is checked. Pure
// functions, any thread.
#include "control/netlink_msg.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "config/policy.h"

#define ATTR_MAX 64

// All attributes of a message by their type; later ones win.
struct attrs {
	const struct nlattr *of[ATTR_MAX];
};

static int
one_attr(const struct nlattr *attr, void *arg)
{
	struct attrs *a = arg;
	uint16_t type = mnl_attr_get_type(attr);

	if (type < ATTR_MAX)
		a->of[type] = attr;
	return MNL_CB_OK;
}

static bool
read_attrs(const struct nlmsghdr *h, size_t body, struct attrs *a)
{
	memset(a, 0, sizeof(*a));
	return mnl_nlmsg_get_payload_len(h) >= body &&
	       mnl_attr_parse(h, (unsigned)body, one_attr, a) >= 0;
}

static bool
read_ip(struct cfg_prefix *p, uint8_t family, uint8_t len, const struct nlattr *attr)
{
	size_t bytes = family == AF_INET ? 4 : 16;

	memset(p, 0, sizeof(*p));
	p->family = family == AF_INET ? CFG_IPV4 : CFG_IPV6;
	p->len = len;
	if (len > bytes * 8)
		return false;
	if (attr == NULL)
		return len == 0; // a default route
	if (mnl_attr_get_payload_len(attr) != bytes)
		return false;
	memcpy(p->addr, mnl_attr_get_payload(attr), bytes);
	return true;
}

static bool
is_ip(uint8_t family)
{
	return family == AF_INET || family == AF_INET6;
}

static bool
read_u32(const struct nlattr *attr, uint32_t *out)
{
	if (attr == NULL || mnl_attr_get_payload_len(attr) < sizeof(*out))
		return false;
	memcpy(out, mnl_attr_get_payload(attr), sizeof(*out));
	return true;
}

bool
ctl_nl_addr_read(const struct nlmsghdr *h, struct ctl_nl_addr *out)
{
	const struct ifaddrmsg *body = mnl_nlmsg_get_payload(h);
	struct attrs a;
	uint32_t flags;

	if (!read_attrs(h, sizeof(*body), &a) || !is_ip(body->ifa_family))
		return false;
	memset(out, 0, sizeof(*out));
	out->ifindex = body->ifa_index;
	if (!read_u32(a.of[IFA_FLAGS], &flags))
		flags = body->ifa_flags;
	out->del = h->nlmsg_type == RTM_DELADDR || (flags & IFA_F_DADFAILED) != 0;
	// On a point-to-point link IFA_ADDRESS is the other end.
	return read_ip(&out->addr, body->ifa_family, body->ifa_prefixlen,
		       a.of[IFA_LOCAL] != NULL ? a.of[IFA_LOCAL] : a.of[IFA_ADDRESS]) &&
	       (a.of[IFA_LOCAL] != NULL || a.of[IFA_ADDRESS] != NULL);
}

// A gateway of another family (RTA_VIA) is one that the pipeline cannot use.
static bool
read_hop(struct ctl_nl_hop *hop, uint8_t family, uint32_t ifindex, const struct attrs *a)
{
	memset(hop, 0, sizeof(*hop));
	hop->ifindex = ifindex;
	if (a->of[RTA_VIA] != NULL)
		return false;
	return a->of[RTA_GATEWAY] == NULL ||
	       read_ip(&hop->via, family, family == AF_INET ? 32 : 128, a->of[RTA_GATEWAY]);
}

static void
read_multipath(struct ctl_nl_route *out, uint8_t family, const struct nlattr *attr)
{
	const char *at = mnl_attr_get_payload(attr);
	size_t left = mnl_attr_get_payload_len(attr);

	while (left >= sizeof(struct rtnexthop) && out->n_hop < CTL_NL_HOPS) {
		const struct rtnexthop *nh = (const void *)at;
		size_t len = MNL_ALIGN(nh->rtnh_len);
		struct attrs a;

		if (nh->rtnh_len < sizeof(*nh) || nh->rtnh_len > left)
			return;
		memset(&a, 0, sizeof(a));
		mnl_attr_parse_payload(at + sizeof(*nh), nh->rtnh_len - sizeof(*nh), one_attr, &a);
		if ((nh->rtnh_flags & RTNH_F_DEAD) == 0 &&
		    read_hop(&out->hop[out->n_hop], family, (uint32_t)nh->rtnh_ifindex, &a))
			out->n_hop++;
		if (len >= left)
			return;
		at += len;
		left -= len;
	}
}

bool
ctl_nl_route_read(const struct nlmsghdr *h, struct ctl_nl_route *out)
{
	const struct rtmsg *body = mnl_nlmsg_get_payload(h);
	uint32_t table, oif = 0;
	struct attrs a;

	if (!read_attrs(h, sizeof(*body), &a) || !is_ip(body->rtm_family))
		return false;
	memset(out, 0, sizeof(*out));
	if (!read_u32(a.of[RTA_TABLE], &table))
		table = body->rtm_table;
	// proto kernel: the connected routes; the pipeline has them from the addresses.
	if (table != RT_TABLE_MAIN || (body->rtm_flags & RTM_F_CLONED) != 0 || body->rtm_tos != 0 ||
	    body->rtm_protocol == RTPROT_KERNEL ||
	    !read_ip(&out->to, body->rtm_family, body->rtm_dst_len, a.of[RTA_DST]))
		return false;
	out->del = h->nlmsg_type == RTM_DELROUTE;
	out->replace = !out->del && (h->nlmsg_flags & NLM_F_REPLACE) != 0;
	read_u32(a.of[RTA_PRIORITY], &out->metric);
	switch (body->rtm_type) {
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		out->blackhole = true;
		return true;
	case RTN_UNICAST:
		break;
	default:
		return false;
	}
	if (a.of[RTA_MULTIPATH] != NULL)
		read_multipath(out, body->rtm_family, a.of[RTA_MULTIPATH]);
	else if (read_u32(a.of[RTA_OIF], &oif) && read_hop(&out->hop[0], body->rtm_family, oif, &a))
		out->n_hop = 1;
	// A replacement without a hop of ours takes the old route away all the same.
	return out->n_hop > 0 || out->replace;
}

bool
ctl_nl_neigh_read(const struct nlmsghdr *h, struct ctl_nl_neigh *out)
{
	const struct ndmsg *body = mnl_nlmsg_get_payload(h);
	struct attrs a;

	if (!read_attrs(h, sizeof(*body), &a) || !is_ip(body->ndm_family) ||
	    (body->ndm_flags & NTF_PROXY) != 0 || a.of[NDA_DST] == NULL)
		return false;
	memset(out, 0, sizeof(*out));
	out->ifindex = (unsigned)body->ndm_ifindex;
	out->state = h->nlmsg_type == RTM_DELNEIGH ? 0 : body->ndm_state;
	if (a.of[NDA_LLADDR] != NULL && mnl_attr_get_payload_len(a.of[NDA_LLADDR]) == 6) {
		memcpy(out->lladdr, mnl_attr_get_payload(a.of[NDA_LLADDR]), 6);
		out->has_lladdr = true;
	}
	return read_ip(&out->addr, body->ndm_family, body->ndm_family == AF_INET ? 32 : 128,
		       a.of[NDA_DST]);
}

bool
ctl_nl_link_read(const struct nlmsghdr *h, struct ctl_nl_link *out)
{
	const struct ifinfomsg *body = mnl_nlmsg_get_payload(h);
	struct attrs a;

	if (!read_attrs(h, sizeof(*body), &a) || body->ifi_family != AF_UNSPEC)
		return false;
	memset(out, 0, sizeof(*out));
	out->ifindex = (unsigned)body->ifi_index;
	out->del = h->nlmsg_type == RTM_DELLINK;
	out->up = (body->ifi_flags & IFF_UP) != 0;
	read_u32(a.of[IFLA_MTU], &out->mtu);
	return true;
}

struct nlmsghdr *
ctl_nl_use_put(void *buf, unsigned ifindex, const struct cfg_prefix *addr)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);
	struct ndmsg *body;

	h->nlmsg_type = RTM_NEWNEIGH;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE;
	body = mnl_nlmsg_put_extra_header(h, sizeof(*body));
	body->ndm_family = addr->family == CFG_IPV4 ? AF_INET : AF_INET6;
	body->ndm_ifindex = (int)ifindex;
	body->ndm_state = NUD_NONE;
	body->ndm_flags = NTF_USE;
	mnl_attr_put(h, NDA_DST, addr->family == CFG_IPV4 ? 4 : 16, addr->addr);
	return h;
}

struct nlmsghdr *
ctl_nl_dump_put(void *buf, uint16_t type, uint32_t seq)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(buf);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = seq;
	// The family is the first byte of every one of these headers; zero is all of them.
	mnl_nlmsg_put_extra_header(h, type == RTM_GETLINK    ? sizeof(struct ifinfomsg)
				      : type == RTM_GETADDR  ? sizeof(struct ifaddrmsg)
				      : type == RTM_GETNEIGH ? sizeof(struct ndmsg)
							     : sizeof(struct rtmsg));
	return h;
}
