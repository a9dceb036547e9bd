#pragma once
// Stands in for net/'s table and ports: every call is written down as a line of text, in order.
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/policy.h"
#include "net/port.h"

static char log_text[1 << 20];
static unsigned fake_ifindex[4], fake_ports;
static struct cfg_prefix wanted_addr[8];
static uint8_t wanted_port[8];
static unsigned n_wanted;
static int fail_add; // what the next net_table_add_route() returns

static inline const char *
text_of(const struct cfg_prefix *p, bool len)
{
	static char out[4][64];
	static unsigned at;
	char *t = out[at++ % 4], ip[INET6_ADDRSTRLEN] = "-";

	if (p != NULL && p->family != 0)
		inet_ntop(p->family == CFG_IPV4 ? AF_INET : AF_INET6, p->addr, ip, sizeof(ip));
	if (len)
		snprintf(t, 64, "%s/%u", ip, p->len);
	else
		snprintf(t, 64, "%s", ip);
	return t;
}

static inline struct cfg_prefix
prefix(const char *text)
{
	struct cfg_prefix p = {0};
	char ip[64];
	const char *slash = strchr(text, '/');

	snprintf(ip, sizeof(ip), "%.*s", (int)(slash ? slash - text : (int)strlen(text)), text);
	p.family = strchr(ip, ':') != NULL ? CFG_IPV6 : CFG_IPV4;
	p.len = slash != NULL ? (uint8_t)atoi(slash + 1) : p.family == CFG_IPV4 ? 32 : 128;
	if (inet_pton(p.family == CFG_IPV4 ? AF_INET : AF_INET6, ip, p.addr) != 1)
		abort();
	return p;
}

// What was written since the last call.
static inline const char *
said(void)
{
	static char out[sizeof(log_text)];

	memcpy(out, log_text, sizeof(out));
	log_text[0] = '\0';
	return out;
}

#define SAY(...)                                                                                   \
	snprintf(log_text + strlen(log_text), sizeof(log_text) - strlen(log_text), __VA_ARGS__)

int
net_table_add_addr(struct net_table *t, uint8_t port, const struct cfg_prefix *a)
{
	(void)t;
	SAY("addr+ %u %s\n", port, text_of(a, true));
	return 0;
}

int
net_table_del_addr(struct net_table *t, uint8_t port, const struct cfg_prefix *a)
{
	(void)t;
	SAY("addr- %u %s\n", port, text_of(a, true));
	return 0;
}

int
net_table_add_route(struct net_table *t, const struct cfg_prefix *to, const struct cfg_prefix *via,
		    uint8_t port, bool blackhole)
{
	int ret = fail_add;

	(void)t;
	fail_add = 0;
	SAY("route+ %s via %s port %u%s\n", text_of(to, true), text_of(via, false), port,
	    blackhole ? " blackhole" : "");
	return ret;
}

int
net_table_del_route(struct net_table *t, const struct cfg_prefix *to)
{
	(void)t;
	SAY("route- %s\n", text_of(to, true));
	return 0;
}

int
net_table_set_neigh(struct net_table *t, uint8_t port, const struct cfg_prefix *a,
		    const uint8_t m[6], bool permanent)
{
	(void)t;
	SAY("neigh+ %u %s %02x:%02x:%02x:%02x:%02x:%02x%s\n", port, text_of(a, false), m[0], m[1],
	    m[2], m[3], m[4], m[5], permanent ? " permanent" : "");
	return 0;
}

int
net_table_del_neigh(struct net_table *t, uint8_t port, const struct cfg_prefix *a)
{
	(void)t;
	SAY("neigh- %u %s\n", port, text_of(a, false));
	return 0;
}

unsigned
net_table_wanted(struct net_table *t, struct cfg_prefix *addr, uint8_t *port, unsigned max)
{
	unsigned n = n_wanted < max ? n_wanted : max;

	(void)t;
	memcpy(addr, wanted_addr, n * sizeof(*addr));
	memcpy(port, wanted_port, n);
	n_wanted = 0;
	return n;
}

unsigned
net_ports_count(const struct net_ports *ps)
{
	(void)ps;
	return fake_ports;
}

unsigned
net_ports_twin_ifindex(const struct net_ports *ps, unsigned port)
{
	(void)ps;
	return fake_ifindex[port];
}

void
net_ports_set_twin(struct net_ports *ps, unsigned port, bool up, uint32_t mtu)
{
	(void)ps;
	SAY("twin %u %s %u\n", port, up ? "up" : "down", mtu);
}

void
net_table_settle(struct net_table *t)
{
	(void)t;
}

int
net_groups_refresh(struct net_table *t, const struct net_ports *ps)
{
	(void)t;
	(void)ps;
	return 0;
}

uint64_t
net_ports_refresh(struct net_ports *ps, struct net_table *t)
{
	(void)ps;
	(void)t;
	return 0;
}

uint8_t
net_ports_own_route(const struct net_ports *ps, const struct cfg_route *r)
{
	(void)ps;
	return r->port != NULL && strcmp(r->port, "alone") == 0 ? 1 : PL_PORT_NONE;
}
