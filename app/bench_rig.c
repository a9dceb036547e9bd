// The bench's rig: a gateway of one worker with two generator ports, a policy of the wanted shape,
// and the packets. Preparing packets is not measured; receiving, all stages and handing to tx are,
// with everything that the daemon's loop does per turn. One thread.
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include "app/bench.h"
#include "conntrack/ct.h"

#define LAN 0
#define WAN 1

static const uint8_t lan_mac[6] = {2, 0, 0, 0, 0, 1}, wan_mac[6] = {2, 0, 0, 0, 0, 2};

static const char settings_form[] =
	"policy = \"unused\"; sizes = { flows = %u; mbufs = 32767; }; verdict-cache = %s;\n"
	"ports = ( { name = \"lan\"; device = \"bench0\"; lladdr = \"02:00:00:00:00:01\";"
	"            addresses = [ \"192.168.1.1/24\", \"2001:db8:1::1/64\" ]; },\n"
	"          { name = \"wan\"; device = \"bench1\"; lladdr = \"02:00:00:00:00:02\";"
	"            addresses = [ \"198.51.100.1/24\", \"2001:db8:2::1/64\" ]; } );\n"
	"routes = ( { to = \"10.0.0.0/8\"; via = \"192.168.1.2\"; }, { to = \"0.0.0.0/0\"; via = "
	"\"198.51.100.254\"; },\n"
	"           { to = \"2001:db8:a::/48\"; via = \"2001:db8:1::2\"; }, { to = \"::/0\"; via = "
	"\"2001:db8:2::fe\"; } );\n"
	"neighbours = ( { port = \"lan\"; address = \"192.168.1.2\"; lladdr = "
	"\"02:00:00:00:01:02\"; },\n"
	"               { port = \"wan\"; address = \"198.51.100.254\"; lladdr = "
	"\"02:00:00:00:02:fe\"; },\n"
	"               { port = \"lan\"; address = \"2001:db8:1::2\"; lladdr = "
	"\"02:00:00:00:01:02\"; },\n"
	"               { port = \"wan\"; address = \"2001:db8:2::fe\"; lladdr = "
	"\"02:00:00:00:02:fe\"; } );\n";

// ---- ports
// --------------------------------------------------------------------------------------------------

// The two functions that stand for a NIC's driver, whose time is not counted. As a driver does, the
// one writes what it received into the buffers' heads, the other takes the buffers back. Unless the
// case asks for another one, the NIC is of those that check IP and L4 checksums on the way in.
static uint16_t
generator_rx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	uint64_t began = rte_rdtsc();
	struct bench_rig *r = ctx;
	uint32_t left = r->n_ready - r->next;
	uint64_t checked =
		r->shape.software ? 0 : RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;

	(void)queue;
	n = RTE_MIN((uint32_t)n, left);
	for (uint16_t i = 0; i < n; i++) {
		m[i] = r->ready[r->next + i];
		rte_pktmbuf_reset(m[i]);
		m[i]->data_len = r->len[r->next + i];
		m[i]->pkt_len = r->len[r->next + i];
		m[i]->ol_flags |= checked;
	}
	r->next += n;
	r->driver += rte_rdtsc() - began;
	return n;
}

static uint16_t
generator_tx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	uint64_t began = rte_rdtsc();
	struct bench_rig *r = ctx;

	(void)queue;
	memcpy(&r->free[r->n_free], m, n * sizeof(m[0]));
	r->n_free += n;
	r->sent += n;
	r->driver += rte_rdtsc() - began;
	return n;
}

static int
set_ports(struct bench_rig *r, struct cfg_err *err)
{
	struct net_table *t = r->gateway.table;
	struct net_tx tx = {.burst = generator_tx, .ctx = r};

	for (uint8_t i = 0; i < 2; i++) {
		struct net_port_info info = {.mtu = 1500, .up = true};
		int ret;

		strcpy(info.name, i == LAN ? "lan" : "wan");
		memcpy(info.mac, i == LAN ? lan_mac : wan_mac, 6);
		ret = net_table_set_port(t, i, &info);
		if (ret < 0)
			return ret;
		net_core_set_tx(r->w->net, i, false, &tx);
	}
	r->w->rx[0] = (struct pl_rx){
		.burst = generator_rx, .ctx = r, .port = LAN, .origin = PL_FROM_WIRE};
	r->w->n_rx = 1;
	return net_table_load(t, r->settings, err);
}

int
bench_rig_start(struct bench_rig *r, const struct bench_shape *shape, struct cfg_err *err)
{
	struct cfg_policy *policy;
	char text[2048];
	int ret;

	memset(r, 0, sizeof(*r));
	r->shape = *shape;
	r->random = 88172645463325252ull;
	r->ns_per_tick = 1e9 / (double)rte_get_tsc_hz();
	snprintf(text, sizeof(text), settings_form,
		 shape->full ? shape->flows : RTE_MAX(shape->flows + shape->flows / 8, 65536u),
		 shape->no_cache ? "false" : "true");
	ret = cfg_settings_from_text(&r->settings, text, ".", err);
	if (ret < 0)
		return ret;
	ret = app_gateway_create(&r->gateway, r->settings, 1, NULL, false, err);
	if (ret < 0)
		return ret;
	r->w = r->gateway.worker[0];
	ret = set_ports(r, err);
	if (ret < 0)
		return ret;
	ret = bench_policy_build(&policy, shape);
	if (ret < 0)
		return ret;
	ret = app_apply(&r->gateway, policy, err);
	if (ret < 0) {
		cfg_policy_free(policy);
		return ret;
	}
	for (r->n_free = 0; r->n_free < BENCH_BATCH; r->n_free++) {
		r->free[r->n_free] = rte_pktmbuf_alloc(r->gateway.pool);
		if (r->free[r->n_free] == NULL)
			return -ENOMEM;
	}
	r->base_ns = 1000000000ull - (uint64_t)((double)rte_rdtsc() * r->ns_per_tick);
	return 0;
}

void
bench_rig_stop(struct bench_rig *r)
{
	rte_pktmbuf_free_bulk(r->free, r->n_free);
	if (r->gateway.pool != NULL)
		app_gateway_destroy(&r->gateway);
	cfg_settings_free(r->settings);
	memset(r, 0, sizeof(*r));
}

// ---- packets
// ------------------------------------------------------------------------------------------------

static uint64_t
next_random(struct bench_rig *r)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return r->random;
}

uint32_t
bench_random_flow(struct bench_rig *r, uint32_t i, void *arg)
{
	(void)i;
	(void)arg;
	return (uint32_t)((next_random(r) >> 32) * r->shape.flows >> 32);
}

static uint16_t
frame_len(struct bench_rig *r)
{
	static const uint16_t imix[12] = {64, 64, 64, 64, 64, 64, 64, 570, 570, 570, 570, 1518};

	// A frame's last four bytes, the FCS, are the NIC's.
	return (r->shape.frame != 0 ? r->shape.frame : imix[(next_random(r) >> 32) % 12]) - 4;
}

// Flow f: source 10.f (its own address), one of a thousand destination ports; destination net by f.
struct ends {
	uint8_t src[16], dst[16];
	rte_be16_t sport, dport;
};

static void
ends_of(struct ends *e, const struct bench_rig *r, uint32_t f)
{
	uint32_t x = f * 2654435761u;

	memset(e, 0, sizeof(*e));
	if (r->shape.family == 4) {
		memcpy(e->src, (uint8_t[4]){10, f >> 16, f >> 8 & 0xff, f & 0xff}, 4);
		memcpy(e->dst, (uint8_t[4]){20, x >> 24, x >> 16 & 0xff, 1 + (x >> 8 & 0x7f)}, 4);
	} else {
		memcpy(e->src,
		       (uint8_t[16]){0x20, 1, 0x0d, 0xb8, 0, 10, [13] = f >> 16, f >> 8 & 0xff,
				     f & 0xff},
		       16);
		memcpy(e->dst,
		       (uint8_t[16]){0x20, 2, x >> 24, x >> 16 & 0xff, [15] = 1 + (x >> 8 & 0x7f)},
		       16);
	}
	e->sport = htons(1024 + (x >> 3) % 60000);
	e->dport = htons(5000 + f % 1000);
	if (r->one_far) {
		memset(e->dst + 2, 0, 14);
		e->dst[0] = r->shape.family == 4 ? 20 : 0x20;
		e->dst[1] = r->shape.family == 4 ? 0 : 2;
		e->dst[r->shape.family == 4 ? 3 : 15] = 1;
		e->dport = htons(5000);
	}
}

static void
fill(struct bench_rig *r, struct rte_mbuf *m, const struct ends *e)
{
	uint16_t len = frame_len(r), l3 = r->shape.family == 4 ? 20 : 40;
	uint8_t *b;
	struct rte_udp_hdr *udp;

	rte_pktmbuf_reset(m);
	len = RTE_MAX(len, (uint16_t)(14 + l3 + 8));
	m->data_len = len;
	m->pkt_len = len;
	b = rte_pktmbuf_mtod(m, uint8_t *);
	memcpy(b, lan_mac, 6);
	memcpy(b + 6, (uint8_t[6]){2, 0, 0, 0, 1, 2}, 6);
	if (r->shape.family == 4) {
		struct rte_ipv4_hdr *ip = (void *)(b + 14);

		memcpy(b + 12, "\x08\x00", 2);
		memset(ip, 0, sizeof(*ip));
		ip->version_ihl = 0x45;
		ip->total_length = htons(len - 14);
		ip->time_to_live = 64;
		ip->next_proto_id = IPPROTO_UDP;
		memcpy(&ip->src_addr, e->src, 4);
		memcpy(&ip->dst_addr, e->dst, 4);
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	} else {
		struct rte_ipv6_hdr *ip = (void *)(b + 14);

		memcpy(b + 12, "\x86\xdd", 2);
		memset(ip, 0, sizeof(*ip));
		ip->vtc_flow = htonl(6u << 28);
		ip->payload_len = htons(len - 54);
		ip->hop_limits = 64;
		ip->proto = IPPROTO_UDP;
		memcpy(ip->src_addr, e->src, 16);
		memcpy(ip->dst_addr, e->dst, 16);
	}
	udp = (void *)(b + 14 + l3);
	udp->src_port = e->sport;
	udp->dst_port = e->dport;
	udp->dgram_len = htons(len - 14 - l3);
	memset(udp + 1, 0, len - 14 - l3 - 8);
	udp->dgram_cksum = 0;
	udp->dgram_cksum = r->shape.family == 4 ? rte_ipv4_udptcp_cksum((void *)(b + 14), udp)
						: rte_ipv6_udptcp_cksum((void *)(b + 14), udp);
}

// Makes an answer of a packet that came out: what the far end would send back.
static void
turn_round(struct bench_rig *r, struct rte_mbuf *m)
{
	uint8_t *b = rte_pktmbuf_mtod(m, uint8_t *), tmp[16];
	unsigned at = r->shape.family == 4 ? 14 + 12 : 14 + 8, n = r->shape.family == 4 ? 4 : 16;
	unsigned l4 = r->shape.family == 4 ? 34 : 54;

	memcpy(b, wan_mac, 6);
	memcpy(b + 6, (uint8_t[6]){2, 0, 0, 0, 2, 0xfe}, 6);
	memcpy(tmp, b + at, n);
	memcpy(b + at, b + at + n, n);
	memcpy(b + at + n, tmp, n);
	memcpy(tmp, b + l4, 2);
	memcpy(b + l4, b + l4 + 2, 2);
	memcpy(b + l4 + 2, tmp, 2);
}

void
bench_prepare(struct bench_rig *r, uint32_t n, bench_flow_fn flow, void *arg, bool reply)
{
	r->w->rx[0].port = reply ? WAN : LAN;
	// What was dropped has gone back to the pool.
	while (r->n_free < n) {
		r->free[r->n_free] = rte_pktmbuf_alloc(r->gateway.pool);
		if (r->free[r->n_free] == NULL)
			break;
		r->n_free++;
	}
	n = RTE_MIN(n, r->n_free);
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = r->free[i];
		struct ends e;

		if (reply) {
			turn_round(r, m);
			r->len[i] = m->data_len;
		} else {
			ends_of(&e, r, flow(r, i, arg));
			fill(r, m, &e);
			r->len[i] = m->data_len;
		}
		r->ready[i] = m;
	}
	memmove(r->free, r->free + n, (r->n_free - n) * sizeof(r->free[0]));
	r->n_free -= n;
	r->n_ready = n;
	r->next = 0;
}

static uint64_t
clock_ns(const struct bench_rig *r)
{
	return r->held_ns != 0 ? r->held_ns
			       : r->base_ns + (uint64_t)((double)rte_rdtsc() * r->ns_per_tick);
}

static void
clock_hold(struct bench_rig *r)
{
	r->held_ns = clock_ns(r);
}

// The clock goes on from where it was held.
static void
clock_go(struct bench_rig *r)
{
	r->base_ns = r->held_ns - (uint64_t)((double)rte_rdtsc() * r->ns_per_tick);
	r->held_ns = 0;
}

uint64_t
bench_run(struct bench_rig *r)
{
	struct pl_worker *w = r->w;
	uint64_t began = rte_rdtsc_precise(), driver = r->driver;

	while (r->next < r->n_ready) {
		w->now_ns = clock_ns(r);
		w->prog = pl_program_current();
		pl_worker_turn(w);
	}
	return rte_rdtsc_precise() - began - (r->driver - driver);
}

static uint32_t
in_order(struct bench_rig *r, uint32_t i, void *arg)
{
	(void)r;
	return *(uint32_t *)arg + i;
}

void
bench_visit(struct bench_rig *r)
{
	clock_hold(r);
	for (uint32_t f = 0; f < r->shape.flows; f += BENCH_BATCH) {
		bench_prepare(r, RTE_MIN(r->shape.flows - f, (uint32_t)BENCH_BATCH), in_order, &f,
			      false);
		bench_run(r);
	}
	clock_go(r);
}

uint64_t
bench_establish(struct bench_rig *r)
{
	uint64_t before = r->sent, want = 3ull * r->shape.flows;

	clock_hold(r);
	for (uint32_t f = 0; f < r->shape.flows; f += BENCH_BATCH) {
		uint32_t n = RTE_MIN(r->shape.flows - f, (uint32_t)BENCH_BATCH);

		// Only what comes out now can be answered: what lies in free[] is older.
		rte_pktmbuf_free_bulk(r->free, r->n_free);
		r->n_free = 0;
		bench_prepare(r, n, in_order, &f, false);
		bench_run(r);
		bench_prepare(r, r->n_free, NULL, NULL, true);
		bench_run(r);
	}
	clock_go(r);
	bench_visit(r);
	return want - (r->sent - before);
}
