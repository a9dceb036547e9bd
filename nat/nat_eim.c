// Endpoint-independent mapping and filtering (RFC 4787 REQ-1, REQ-8, REQ-9; RFC 5382 REQ-1, 3, 8;
// RFC 5508 REQ-1): what one inside address and port became outside is what it becomes towards
// everybody. Called by nat_pick.c for first packets, on the worker's thread. A new mapping's port
// is the first free one of a sequence that only the inside end and the gateway's secret decide, so
// that two workers which meet the same end at the same time choose the same port without asking
// each other (nat_map.c tells them soon after). Ports keep their class and UDP's their parity.
#include <string.h>

#include <netinet/in.h>

#include "nat/nat_pick.h"

#define TRIES 256 // ports looked at for a new mapping, whatever the size of the range

static struct nat_pair
inside_of(const struct nat_pick *k)
{
	struct ct_tuple orig = nat_tuple(k->e, CT_ORIGINAL);

	return (struct nat_pair){.in = orig.src,
				 .in_port = orig.sport,
				 .zone = orig.zone,
				 .family = orig.family,
				 .proto = orig.proto,
				 .kind = NAT_MAP,
				 .egress = k->egress,
				 .filter = k->range.filter};
}

static void
set_candidate(struct nat_pick *k, const struct nat_pair *p)
{
	k->reply.dst = p->out;
	nat_pick_set_port(k, rte_be_to_cpu_16(p->out_port));
}

static bool
fits_rule(void *ctx, const struct nat_pair *p)
{
	struct nat_pick *k = ctx;

	set_candidate(k, p);
	return nat_pick_in_range(k);
}

// The nth port of the end's sequence.
static uint16_t
nth_port(const struct nat_pick *k, const struct nat_search *s, const struct nat_pair *in,
	 uint32_t nth)
{
	uint64_t draw = nat_map_draw(&k->w->nat->maps, in, nth) & UINT32_MAX;
	uint32_t at = (uint32_t)(draw * s->size >> 32);
	uint16_t own = rte_be_to_cpu_16(in->in_port), port = nat_port_at(s, at);

	if (in->proto == IPPROTO_UDP && (port ^ own) & 1) { // RTP and RTCP go by parity
		if (s->block != NULL)
			port ^= 1; // a block begins at an even port and ends at an odd one
		else if (at + 1 < s->size)
			port++;
		else if (at > 0)
			port--;
	}
	return port;
}

static bool
try_port(struct nat_pick *k, uint16_t port)
{
	nat_pick_set_port(k, port);
	k->map.out_port = rte_cpu_to_be_16(port);
	return nat_map_of_out(&k->w->nat->maps, &k->map) == NULL && !nat_pick_taken(k);
}

enum nat_eim
nat_eim_choose(struct nat_pick *k)
{
	struct nat_pair in = inside_of(k);
	const struct nat_pair *known;
	struct nat_search s = {0};

	if (!k->ports && !k->icmp)
		return NAT_EIM_PASS;
	known = nat_map_of_in(&k->w->nat->maps, &in, fits_rule, k);
	k->mapped = true;
	if (known != NULL) {
		k->map = *known;
		set_candidate(k, known);
		k->mapped = !nat_pick_taken(k);
		return k->mapped ? NAT_EIM_YES : NAT_EIM_PASS;
	}
	k->range.flags |= PL_NAT_PERSISTENT; // one address outside for each inside (REQ-2)
	k->reply.dst = in.in;
	nat_pick_set_port(k, rte_be_to_cpu_16(in.in_port));
	nat_pick_port_range(k, &s);
	nat_pick_addr(k);
	k->map = in;
	k->map.out = k->reply.dst;
	if (!k->keep_home && !nat_pick_random(k) && nat_pick_in_range(k) &&
	    try_port(k, nat_pick_port(k)))
		return NAT_EIM_YES;
	for (uint32_t i = 0; i < TRIES; i++) {
		if (try_port(k, nth_port(k, &s, &in, i)))
			return NAT_EIM_YES;
	}
	k->mapped = false;
	return NAT_EIM_NO;
}

bool
nat_eim_reserved(const struct nat_pick *k)
{
	struct nat_pair out = {.out = k->reply.dst,
			       .out_port = k->reply.dport,
			       .zone = k->reply.zone,
			       .family = k->reply.family,
			       .proto = k->reply.proto,
			       .kind = NAT_MAP};

	return nat_map_of_out(&k->w->nat->maps, &out) != NULL;
}

// ---- from outside, and from inside to an outside address ----------------------------------------

static struct nat_pair
permit_of(const struct nat_pair *map, const union pl_addr *far)
{
	struct nat_pair p = *map;

	p.kind = NAT_PERMIT;
	p.in = *far;
	p.in_port = 0;
	return p;
}

static bool
is_behind(void *ctx, const struct nat_pair *p)
{
	return p->egress == *(const uint8_t *)ctx;
}

// Does the packet come from inside, to be turned round?
static bool
turns_round(const struct pl_pkt *p, const struct nat_pair *map)
{
	return p->in_port != map->egress;
}

// Whom the mapping's owner would see as the sender.
static union pl_addr
sender(const struct nat_pick *k, const struct pl_pkt *p, const struct nat_pair *map)
{
	struct nat_pair in = inside_of(k);
	const struct nat_pair *own;
	uint8_t egress = map->egress;

	if (!turns_round(p, map))
		return p->src;
	own = nat_map_of_in(&k->w->nat->maps, &in, is_behind, &egress);
	return own != NULL ? own->out : map->out;
}

static const struct nat_pair *
map_at(const struct nat_pick *k, const union pl_addr *addr, rte_be16_t port)
{
	struct ct_tuple orig = nat_tuple(k->e, CT_ORIGINAL);
	struct nat_pair out = {.out = *addr,
			       .out_port = port,
			       .zone = orig.zone,
			       .family = orig.family,
			       .proto = orig.proto,
			       .kind = NAT_MAP};

	return nat_map_of_out(&k->w->nat->maps, &out);
}

bool
nat_eim_inbound(struct nat_pick *k, const struct pl_pkt *p)
{
	const struct nat_pair *map;

	if (k->w->nat->maps.count == 0 || p->origin != PL_FROM_WIRE || !k->ports)
		return false;
	map = map_at(k, &p->dst, p->dport);
	if (map == NULL || map->filter == CFG_FILTER_ADDRESS_PORT)
		return false;
	if (map->filter == CFG_FILTER_ADDRESS) {
		union pl_addr far = sender(k, p, map);
		struct nat_pair permit = permit_of(map, &far);

		if (nat_map_number(&k->w->nat->maps, &permit) == 0)
			return false;
	}
	k->range = (struct pl_nat_rule){.kind = PL_NAT_DNAT,
					.flags = PL_NAT_HAS_ADDR | PL_NAT_HAS_PORTS,
					.addr_min = map->in,
					.addr_max = map->in,
					.port_min = rte_be_to_cpu_16(map->in_port),
					.port_max = rte_be_to_cpu_16(map->in_port)};
	k->inbound = true;
	return true;
}

// Is the mapping's port of somebody's block?
static bool
in_block(const struct nat_pick *k, const struct nat_pair *map)
{
	struct ct_tuple reply = {
		.family = map->family, .zone = map->zone, .dst = map->out, .dport = map->out_port};

	return nat_block_reserved(&k->w->nat->blocks, &reply);
}

bool
nat_eim_hairpin(struct nat_pick *k, const struct pl_pkt *p)
{
	struct ct_tuple orig = nat_tuple(k->e, CT_ORIGINAL);
	const struct nat_pair *map, *own;
	struct nat_pair in;
	uint8_t egress;

	if (!nat_area(k->w->ct, k->e)->inbound)
		return false;
	map = map_at(k, &orig.dst, orig.dport);
	if (map == NULL || !turns_round(p, map) || p->out_port == map->egress)
		return false;
	egress = k->egress = map->egress;
	in = inside_of(k);
	own = nat_map_of_in(&k->w->nat->maps, &in, is_behind, &egress);
	if (own == NULL && in_block(k, map))
		return false; // whose ports are in blocks has none outside of them
	if (own == NULL)
		own = map;
	k->range = (struct pl_nat_rule){.kind = PL_NAT_SNAT,
					.flags = PL_NAT_HAS_ADDR | PL_NAT_EIM,
					.filter = map->filter,
					.addr_min = own->out,
					.addr_max = own->out};
	return true;
}

// ---- a flow's use of it -------------------------------------------------------------------------

bool
nat_eim_hold(struct nat_pick *k)
{
	struct nat_maps *m = &k->w->nat->maps;
	struct nat_area *area = nat_area(k->w->ct, k->e);
	struct nat_pair permit = permit_of(&k->map, &k->reply.src);

	area->map = nat_map_use(m, &k->map);
	if (area->map == 0)
		return false;
	if (k->map.filter != CFG_FILTER_ADDRESS)
		return true;
	area->permits = nat_map_use(m, &permit) != 0;
	return area->permits;
}

void
nat_eim_leave(struct nat_core *n, const struct ct_entry *e, struct nat_area *area)
{
	if (area->permits) {
		struct ct_tuple reply = nat_tuple(e, CT_REPLY);
		struct nat_pair permit = permit_of(&n->maps.at[area->map].pair, &reply.src);

		nat_map_leave(&n->maps, nat_map_number(&n->maps, &permit));
	}
	nat_map_leave(&n->maps, area->map);
	area->map = 0;
	area->permits = false;
}
