// The last stage: neighbours that are not known yet, drivers that take no more, ports that are
// down, twins that are not there, and transmission through another worker.
#include <criterion/criterion.h>

#include "config/policy.h"
#include "net/core.h"
#include "test/unit/net/rig.h"

static const uint8_t lan_mac[6] = {2, 0, 0, 0, 0, 1};

static struct rte_mbuf *
to(const char *dst, uint16_t id)
{
	struct tl_spec s = {.src = "10.1.0.2", .dst = dst, .id = id, .dmac = lan_mac};

	return tl_frame(&s);
}

static void
feed(struct rig *r, const char *dst, uint16_t id)
{
	rig_feed(r, to(dst, id), RIG_LAN, PL_FROM_WIRE);
}

static uint16_t
id_of(const struct rte_mbuf *m)
{
	const uint8_t *f = rte_pktmbuf_mtod(m, const uint8_t *);

	return (uint16_t)(f[18] << 8 | f[19]);
}

Test(net_output, waits_for_the_neighbour)
{
	static const uint8_t mac[6] = {2, 7, 7, 7, 7, 7};
	struct cfg_prefix who = rig_prefix("10.3.0.9"), out[4];
	const uint8_t *f;
	uint8_t port[4];
	struct rig r;

	rig_up(&r);
	for (unsigned i = 0; i < 5; i++)
		feed(&r, "10.3.0.9", i);
	cr_expect(r.wire[RIG_DMZ].n == 0 && rig_drops(&r) == 0);
	cr_assert(net_table_wanted(r.t, out, port, 4) == 1);
	cr_expect(port[0] == RIG_DMZ && memcmp(out[0].addr, who.addr, 4) == 0);
	rig_idle(&r, 1000000000);
	cr_expect(net_table_wanted(r.t, out, port, 4) == 0, "asked twice, given out once");
	cr_assert(net_table_set_neigh(r.t, RIG_DMZ, &who, mac, false) == 0);
	rig_idle(&r, 1000);
	cr_assert(r.wire[RIG_DMZ].n == 5);
	for (unsigned i = 0; i < 5; i++)
		cr_expect(id_of(r.wire[RIG_DMZ].m[i]) == i, "in order");
	f = rte_pktmbuf_mtod(r.wire[RIG_DMZ].m[0], const uint8_t *);
	cr_expect(memcmp(f, mac, 6) == 0 && f[6] == 2 && f[11] == 3, "both addresses");
	feed(&r, "10.3.0.9", 9);
	cr_expect(r.wire[RIG_DMZ].n == 6, "at once from now on");
	cr_assert(net_table_del_neigh(r.t, RIG_DMZ, &who) == 0);
	feed(&r, "10.3.0.9", 10);
	cr_expect(r.wire[RIG_DMZ].n == 6, "waits again");
	rig_down(&r); // with a packet still waiting
}

Test(net_output, gives_up_after_three_seconds)
{
	struct rig r;

	rig_up(&r);
	feed(&r, "10.3.0.9", 1);
	feed(&r, "10.3.0.9", 2);
	rig_idle(&r, 2900000000);
	cr_expect(rig_drops(&r) == 0);
	rig_idle(&r, 100000000);
	cr_expect(r.w->cnt.drop[PL_DROP_NEIGH_FAILED] == 2);
	cr_expect(r.wire[RIG_LAN].n == 2, "both are reported");
	feed(&r, "10.3.0.9", 3);
	cr_expect(r.w->cnt.drop[PL_DROP_NEIGH_FAILED] == 2, "and it starts again");
	rig_down(&r);
}

Test(net_output, waiting_room_is_bounded)
{
	struct rig r;
	char dst[32];

	rig_up(&r);
	for (unsigned i = 0; i < NET_HOLD_PER_HOST + 3; i++)
		feed(&r, "10.3.0.9", i);
	cr_expect(r.w->cnt.drop[PL_DROP_NEIGH_QUEUE] == 3, "the oldest make way");
	cr_expect(r.w->net->hold.n_packets == NET_HOLD_PER_HOST);
	rig_clear(&r);
	for (unsigned i = 0; i < 2000; i++) {
		snprintf(dst, sizeof(dst), "10.3.0.%u", 10 + i % 240);
		feed(&r, dst, i);
	}
	cr_expect(r.w->net->hold.n_packets <= NET_HOLD_PACKETS);
	cr_expect(rig_drops(&r) + r.w->net->hold.n_packets == 2000 + NET_HOLD_PER_HOST);
	cr_expect(r.w->cnt.drop[PL_DROP_NEIGH_TABLE] != 0);
	rig_idle(&r, 4000000000ull);
	cr_expect(r.w->net->hold.n_packets == 0 && r.w->net->hold.n_entries == 0);
	rig_down(&r);
}

Test(net_output, the_driver_takes_no_more)
{
	struct rte_mbuf *m[4];
	struct rig r;

	rig_up(&r);
	r.wire[RIG_WAN].refuse = 1000;
	for (unsigned i = 0; i < 4; i++)
		m[i] = to("10.2.0.2", i);
	pl_worker_feed(r.w, m, 4, RIG_LAN, PL_FROM_WIRE);
	pl_worker_turn(r.w);
	cr_expect(r.w->cnt.drop[PL_DROP_TX_QUEUE] == 4);
	cr_expect(r.w->cnt.port[RIG_WAN].tx_packets == 0);
	r.wire[RIG_WAN].refuse = 1; // one refusal is tried again
	feed(&r, "10.2.0.2", 1);
	cr_expect(r.wire[RIG_WAN].n == 1 && r.w->cnt.port[RIG_WAN].tx_packets == 1);
	cr_expect(r.w->cnt.port[RIG_WAN].tx_bytes == r.wire[RIG_WAN].m[0]->pkt_len);
	r.host[RIG_LAN].refuse = 1000;
	feed(&r, "10.1.0.1", 1);
	cr_expect(r.w->cnt.drop[PL_DROP_HOST_QUEUE] == 1);
	rig_down(&r);
}

Test(net_output, a_full_burst_leaves_in_order)
{
	struct rte_mbuf *m[PL_BURST];
	struct rig r;

	rig_up(&r);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < PL_BURST; i++)
			m[i] = to("10.2.0.2", round * PL_BURST + i);
		pl_worker_feed(r.w, m, PL_BURST, RIG_LAN, PL_FROM_WIRE);
	}
	pl_worker_turn(r.w);
	cr_assert(r.wire[RIG_WAN].n == 3 * PL_BURST);
	for (unsigned i = 0; i < 3 * PL_BURST; i++)
		cr_expect(id_of(r.wire[RIG_WAN].m[i]) == i);
	rig_down(&r);
}

Test(net_output, ports_and_twins_that_are_not_there)
{
	struct net_port_info info = {
		.mac = {2, 0, 0, 0, 0, 2}, .mtu = 1500, .has_twin = false, .up = false};
	const struct net_tx none = {0};
	struct rig r;

	rig_up(&r);
	cr_assert(net_table_set_port(r.t, RIG_WAN, &info) == 0);
	feed(&r, "10.2.0.2", 1);
	cr_expect(r.w->cnt.drop[PL_DROP_PORT_DOWN] == 1);
	info.mac[5] = 1;
	info.up = true;
	cr_assert(net_table_set_port(r.t, RIG_LAN, &info) == 0);
	feed(&r, "10.1.0.1", 1);
	cr_expect(r.w->cnt.drop[PL_DROP_NO_TWIN] == 1);
	net_core_set_tx(r.w->net, RIG_DMZ, false, &none);
	feed(&r, "10.3.0.9", 1);
	cr_expect(r.w->cnt.drop[PL_DROP_PORT_DOWN] == 2);
	rig_down(&r);
}

// ---- replay
Test(net_output, assumed_and_learnt_neighbours)
{
	// ARP: 10.3.0.8 is at 02:55:55:55:55:55.
	static const char arp[] = "ffffffffffff02555555555508060001080006040001"
				  "0255555555550a0300080000000000000a030001";
	const uint8_t *f;
	struct rig r;

	rig_up(&r);
	r.t->assume = true;
	r.w->net->learn = true;
	feed(&r, "10.3.0.9", 1);
	feed(&r, "10.3.0.8", 1);
	cr_assert(r.wire[RIG_DMZ].n == 2);
	f = rte_pktmbuf_mtod(r.wire[RIG_DMZ].m[0], const uint8_t *);
	cr_expect(memcmp(f, "\x02\x00\x0a\x03\x00\x09", 6) == 0);
	rig_feed(&r, rig_hex(arp), RIG_DMZ, PL_FROM_WIRE);
	feed(&r, "10.3.0.8", 1);
	cr_assert(r.wire[RIG_DMZ].n == 3);
	f = rte_pktmbuf_mtod(r.wire[RIG_DMZ].m[2], const uint8_t *);
	cr_expect(memcmp(f, "\x02\x55\x55\x55\x55\x55", 6) == 0, "the capture knows better");
	rig_down(&r);
}

// ---- through another worker
static struct rte_mbuf *second_kept[RIG_KEPT];
static struct rig_queue second;

static uint16_t
keep_second(void *ctx, uint16_t queue __rte_unused, struct rte_mbuf **m, uint16_t n)
{
	struct rig_queue *q = ctx;

	memcpy(&q->m[q->n], m, n * sizeof(m[0]));
	q->n += n;
	return n;
}

Test(net_output, frames_go_through_the_worker_that_has_the_queue)
{
	struct net_tx via = {.via_worker = true, .worker = 1},
		      own = {.burst = keep_second, .ctx = &second};
	struct net_core_conf conf = {.fragments = 16};
	struct pl_worker *w[2];
	struct net_core *first;
	struct rig r;

	rig_up(&r);
	second = (struct rig_queue){.m = second_kept};
	conf.table = r.t;
	tl_workers(w, 2);
	first = r.w->net;
	for (unsigned i = 0; i < 2; i++) {
		w[i]->prog = r.w->prog;
		w[i]->idle = r.w->idle;
		w[i]->now_ns = r.w->now_ns;
	}
	w[0]->net = first;
	cr_assert(net_core_create(&w[1]->net, &conf, 1, SOCKET_ID_ANY) == 0);
	net_core_set_tx(first, RIG_WAN, false, &via);
	net_core_set_tx(w[1]->net, RIG_WAN, false, &own);
	for (unsigned i = 0; i < 3; i++) {
		struct rte_mbuf *m = to("10.2.0.2", i);

		pl_worker_feed(w[0], &m, 1, RIG_LAN, PL_FROM_WIRE);
	}
	pl_worker_turn(w[0]);
	cr_expect(second.n == 0 && w[0]->cnt.handed_over == 3);
	pl_worker_turn(w[1]);
	cr_assert(second.n == 3);
	cr_expect(id_of(second.m[2]) == 2 && tl_csums_ok(second.m[2]));
	cr_expect(rte_pktmbuf_mtod(second.m[0], uint8_t *)[22] == 63, "one hop, not two");
	cr_expect(w[1]->cnt.port[RIG_WAN].tx_packets == 3 &&
		  w[0]->cnt.port[RIG_WAN].tx_packets == 0);
	// Both point at one another: the frame ends, and does not circle.
	via.worker = 0;
	net_core_set_tx(w[1]->net, RIG_WAN, false, &via);
	rig_feed(&(struct rig){.w = w[0]}, to("10.2.0.2", 1), RIG_LAN, PL_FROM_WIRE);
	pl_worker_turn(w[1]);
	pl_worker_turn(w[0]);
	cr_expect(w[1]->cnt.drop[PL_DROP_TX_QUEUE] == 1);
	rte_pktmbuf_free_bulk(second.m, second.n);
	net_core_free(w[1]->net);
	for (unsigned i = 0; i < 2; i++)
		pl_worker_free(w[i]);
	rig_down(&r);
}
