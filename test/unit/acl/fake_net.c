// See fake_net.h.
#include "fake_net.h"

static uint8_t
last_byte(uint8_t family, const union pl_addr *a)
{
	return a->v6[family == 4 ? 3 : 15];
}

static uint16_t
addr_types(const void *net, uint8_t family, const union pl_addr *a, uint8_t port)
{
	uint8_t last = last_byte(family, a);
	bool none = last == 9 || (last >= 200 && last <= 250);

	(void)net;
	if (family == 4 && a->v6[0] >= 224 && a->v6[0] < 240)
		return 1 << PL_ADDR_MULTICAST;
	if ((last == 1 || last == 2) && (port == PL_PORT_NONE || port == last - 1))
		return 1 << PL_ADDR_LOCAL;
	if (last == 3 && family == 6 && (port == PL_PORT_NONE || port == 0))
		return 1 << PL_ADDR_ANYCAST;
	if (last == 255 && family == 4 && (port == PL_PORT_NONE || port == 0))
		return 1 << PL_ADDR_BROADCAST;
	if (family == 4)
		return 1 << PL_ADDR_UNICAST;
	return none && port == PL_PORT_NONE ? 1 << PL_ADDR_UNREACHABLE : 0;
}

static enum pl_way_to
way(const void *net, uint8_t family, const union pl_addr *to, uint8_t port)
{
	uint8_t last = last_byte(family, to);

	(void)net;
	if (last == 1 || last == 2)
		return port == last - 1 ? PL_WAY_LOCAL : PL_WAY_LOCAL_OTHER;
	if (last == 3 || last == 9 || last == 255 || (last >= 200 && last <= 250))
		return PL_WAY_NONE;
	return last % 2 == port ? PL_WAY_PORT : PL_WAY_OTHER;
}

static uint16_t
mtu(const void *net, uint8_t family, const union pl_addr *to)
{
	uint8_t last = last_byte(family, to);

	(void)net;
	return last <= 2 || last == 9 ? UINT16_MAX : last == 7 ? 600 : last == 8 ? 40 : 1500;
}

unsigned fake_net_copies;

static void
copy(struct pl_worker *w, const struct pl_pkt *p, const struct pl_copy *to)
{
	(void)w;
	(void)p;
	(void)to;
	fake_net_copies++;
}

const struct pl_net_ops fake_net = {.addr_types = addr_types, .way = way, .mtu = mtu, .copy = copy};
