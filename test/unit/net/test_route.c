// The first stage and the routing decision: who gets what, and under which reason the rest ends.
// What Linux sends on the wire is compared in test_kernel.c; here are the host's twin, the reasons,
// our own packets.
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <rte_ether.h>

#include "net/core.h"
#include "net/table.h"
#include "pipeline/net_ops.h"
#include "pipeline/note.h"
#include "test/unit/net/rig.h"

enum { TO_NONE, TO_HOST, TO_WIRE };

static const uint8_t lan_mac[6] = {2, 0, 0, 0, 0, 1}, all[6] = {255, 255, 255, 255, 255, 255},
		     other[6] = {2, 0, 0, 0, 0, 9}, group6[6] = {0x33, 0x33, 0xff, 0, 0, 1};

struct row {
	const char *name;
	const char *src, *dst;
	const uint8_t *dmac;
	uint8_t to, port;
	enum pl_drop drop;
	uint8_t ttl;
};

static const struct row wire_row[] = {
	{"other station", "10.1.0.2", "10.2.0.2", other, TO_NONE, 0, PL_DROP_NOT_FOR_US},
	{"frame for all, not ours", "10.1.0.2", "10.2.0.2", all, TO_NONE, 0,
	 PL_DROP_BAD_DESTINATION},
	{"our own address as source", "10.2.0.1", "10.2.0.2", NULL, TO_NONE, 0, PL_DROP_BAD_SOURCE},
	{"multicast source", "224.0.0.1", "10.2.0.2", NULL, TO_NONE, 0, PL_DROP_BAD_SOURCE},
	{"broadcast source", "255.255.255.255", "10.2.0.2", NULL, TO_NONE, 0, PL_DROP_BAD_SOURCE},
	{"zero source", "0.0.0.0", "10.2.0.2", NULL, TO_NONE, 0, PL_DROP_BAD_SOURCE},
	{"only zero itself is no source", "0.1.2.3", "10.2.0.2", NULL, TO_WIRE, RIG_WAN, 0},
	{"loopback source", "127.0.0.1", "10.2.0.2", NULL, TO_NONE, 0, PL_DROP_BAD_SOURCE},
	{"loopback destination", "10.1.0.2", "127.0.0.1", NULL, TO_NONE, 0,
	 PL_DROP_BAD_DESTINATION},
	{"zero destination", "10.1.0.2", "0.0.0.0", NULL, TO_NONE, 0, PL_DROP_BAD_DESTINATION},
	{"from and to nobody", "0.0.0.0", "0.0.0.0", NULL, TO_HOST, RIG_LAN, 0},
	{"blackhole", "10.1.0.2", "10.66.1.1", NULL, TO_NONE, 0, PL_DROP_BLACKHOLE},
	{"no route", "10.1.0.2", "10.99.1.1", NULL, TO_NONE, 0, PL_DROP_NO_ROUTE},
	{"hop limit", "10.1.0.2", "10.2.0.2", NULL, TO_NONE, 0, PL_DROP_TTL_EXPIRED, 1},
	{"forwarded", "10.1.0.2", "10.2.0.2", NULL, TO_WIRE, RIG_WAN, 0, 2},
	{"forwarded out of the same port", "10.1.0.9", "10.1.0.2", NULL, TO_WIRE, RIG_LAN, 0},
	{"to the port", "10.1.0.2", "10.1.0.1", NULL, TO_HOST, RIG_LAN, 0, 1},
	{"to another port's address", "10.1.0.2", "10.2.0.1", NULL, TO_HOST, RIG_LAN, 0},
	{"to another port's address, frame for all", "10.1.0.2", "10.2.0.1", all, TO_HOST, RIG_LAN,
	 0},
	{"limited broadcast", "10.1.0.2", "255.255.255.255", all, TO_HOST, RIG_LAN, 0},
	{"dhcp", "0.0.0.0", "255.255.255.255", all, TO_HOST, RIG_LAN, 0},
	{"subnet broadcast", "10.1.0.2", "10.1.0.255", all, TO_HOST, RIG_LAN, 0},
	{"another subnet's broadcast", "10.1.0.2", "10.2.0.255", NULL, TO_HOST, RIG_LAN, 0},
	{"all hosts", "10.1.0.2", "224.0.0.1", all, TO_HOST, RIG_LAN, 0},
	{"a group that nobody joined", "10.1.0.2", "224.0.0.6", all, TO_NONE, 0,
	 PL_DROP_NOT_FOR_US},
	{"a group joined on another port", "10.1.0.2", "239.1.1.1", all, TO_NONE, 0,
	 PL_DROP_NOT_FOR_US},
	{"a joined group", "10.1.0.2", "224.0.0.5", all, TO_HOST, RIG_LAN, 0},
	{"6 a group that nobody joined", "2001:db8:1::2", "ff05::77", group6, TO_NONE, 0,
	 PL_DROP_NOT_FOR_US},
	{"6 a joined group", "fe80::2", "ff02::fb", group6, TO_HOST, RIG_LAN, 0},
	{"6 all routers", "fe80::2", "ff02::2", group6, TO_HOST, RIG_LAN, 0},
	{"multicast from nobody", "0.0.0.0", "239.0.0.5", all, TO_NONE, 0, PL_DROP_BAD_SOURCE},
	{"6 loopback source", "::1", "2001:db8:2::2", NULL, TO_NONE, 0, PL_DROP_BAD_SOURCE},
	{"6 multicast source", "ff02::1", "2001:db8:2::2", NULL, TO_NONE, 0, PL_DROP_BAD_SOURCE},
	{"6 loopback destination", "2001:db8:1::2", "::1", NULL, TO_NONE, 0,
	 PL_DROP_BAD_DESTINATION},
	{"6 interface-local group", "2001:db8:1::2", "ff01::1", group6, TO_NONE, 0,
	 PL_DROP_BAD_DESTINATION},
	{"6 unspecified source", "::", "2001:db8:2::2", NULL, TO_NONE, 0, PL_DROP_BAD_SOURCE},
	{"6 link-local source beyond its link", "fe80::2", "2001:db8:2::2", NULL, TO_NONE, 0,
	 PL_DROP_BAD_SOURCE},
	{"6 another node's neighbour discovery", "fe80::2", "ff02::1:ff12:3456", group6, TO_NONE, 0,
	 PL_DROP_NOT_FOR_US},
	{"6 blackhole", "2001:db8:1::2", "2001:db8:66::1", NULL, TO_NONE, 0, PL_DROP_BLACKHOLE},
	{"6 no route", "2001:db8:1::2", "2001:db8:99::1", NULL, TO_NONE, 0, PL_DROP_NO_ROUTE},
	{"6 hop limit", "2001:db8:1::2", "2001:db8:2::2", NULL, TO_NONE, 0, PL_DROP_TTL_EXPIRED, 1},
	{"6 forwarded", "2001:db8:1::2", "2001:db8:2::2", NULL, TO_WIRE, RIG_WAN, 0, 2},
	{"6 to the port", "2001:db8:1::2", "2001:db8:1::1", NULL, TO_HOST, RIG_LAN, 0},
	{"6 to another port's address", "2001:db8:1::2", "2001:db8:2::1", NULL, TO_HOST, RIG_LAN,
	 0},
	{"6 subnet's routers", "2001:db8:1::2", "2001:db8:1::", NULL, TO_HOST, RIG_LAN, 0},
	{"6 our link-local address", "fe80::2", "fe80::ff:fe00:1", NULL, TO_HOST, RIG_LAN, 0},
	{"6 our solicited node", "fe80::2", "ff02::1:ff00:1", group6, TO_HOST, RIG_LAN, 0},
	{"6 address detection", "::", "ff02::1:ff00:1", group6, TO_HOST, RIG_LAN, 0},
	{"6 all nodes", "fe80::2", "ff02::1", group6, TO_HOST, RIG_LAN, 0},
};

static void
run_row(struct rig *r, const struct row *row)
{
	struct tl_spec s = {.src = row->src,
			    .dst = row->dst,
			    .ttl = row->ttl,
			    .dmac = row->dmac != NULL ? row->dmac : lan_mac};
	unsigned up = 0, out = 0;

	rig_idle(r, 100000000000ull);
	rig_clear(r);
	rig_feed(r, tl_frame(&s), RIG_LAN, PL_FROM_WIRE);
	for (unsigned port = 0; port < 3; port++) {
		up += r->host[port].n;
		out += r->wire[port].n;
	}
	if (row->to == TO_NONE)
		cr_expect(r->w->cnt.drop[row->drop] == 1, "%s: not dropped as %s", row->name,
			  pl_drop_name(row->drop));
	else
		cr_expect(rig_drops(r) == 0, "%s: dropped", row->name);
	cr_expect(up == (row->to == TO_HOST), "%s: %u to the host", row->name, up);
	if (row->to == TO_HOST)
		cr_expect(r->host[row->port].n == 1, "%s: wrong twin", row->name);
	if (row->to == TO_WIRE)
		cr_expect(r->wire[row->port].n == 1 && out == 1, "%s: not sent", row->name);
}

Test(net_route, from_the_wire)
{
	static const struct net_group joined[] = {
		{{.v6 = {224, 0, 0, 5}}, RIG_LAN, 4},
		{{.v6 = {239, 1, 1, 1}}, RIG_WAN, 4},
		{{.v6 = {0xff, 2, [15] = 0xfb}}, RIG_LAN, 6},
	};
	struct rig r;

	rig_up(&r);
	cr_assert(net_table_set_groups(r.t, joined, RTE_DIM(joined)) == 0);
	for (size_t i = 0; i < RTE_DIM(wire_row); i++)
		run_row(&r, &wire_row[i]);
	rig_down(&r);
}

static struct rte_mbuf *
arp(const uint8_t *dmac)
{
	uint8_t f[60] = {[12] = 8, [13] = 6, [15] = 1, [16] = 8, [18] = 6, [19] = 4, [21] = 1};

	memcpy(f, dmac, 6);
	return rig_frame(f, sizeof(f));
}

Test(net_route, arp_goes_through)
{
	struct rig r;

	rig_up(&r);
	rig_feed(&r, arp(other), RIG_LAN, PL_FROM_WIRE);
	cr_expect(r.w->cnt.drop[PL_DROP_NOT_FOR_US] == 1);
	rig_feed(&r, arp(all), RIG_LAN, PL_FROM_WIRE);
	rig_feed(&r, arp(lan_mac), RIG_LAN, PL_FROM_WIRE);
	cr_expect(r.host[RIG_LAN].n == 2 && r.host[RIG_LAN].m[0]->pkt_len == 60);
	rig_feed(&r, arp(all), RIG_WAN, PL_FROM_HOST);
	cr_expect(r.wire[RIG_WAN].n == 1);
	cr_expect(r.w->cnt.port[RIG_WAN].tx_packets == 1);
	cr_expect(r.w->cnt.port[RIG_LAN].host_tx_packets == 2);
	rig_down(&r);
}

Test(net_route, garbage_has_names)
{
	static const struct {
		const char *name, *hex;
		enum pl_drop drop;
	} row[] = {
		{"short", "0200000000010200", PL_DROP_SHORT_L2},
		{"not IP", "02000000000102000000000288cc0000", PL_DROP_NOT_IP},
		{"no IP header", "0200000000010200000000020800450000", PL_DROP_SHORT_L3},
		{"no IPv6 header", "02000000000102000000000286dd600000", PL_DROP_SHORT_L3},
	};
	struct rig r;

	rig_up(&r);
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		rig_clear(&r);
		rig_feed(&r, rig_hex(row[i].hex), RIG_LAN, PL_FROM_WIRE);
		cr_expect(r.w->cnt.drop[row[i].drop] == 1, "%s", row[i].name);
	}
	rig_down(&r);
}

// ---- the host's packets

Test(net_route, host_frames_keep_their_link_header)
{
	static const uint8_t gw[6] = {2, 0, 0, 9, 9, 9};
	struct tl_spec s = {.src = "10.1.0.1", .dst = "192.0.2.1", .dmac = gw, .ttl = 1};
	const uint8_t *f;
	struct rig r;

	rig_up(&r);
	rig_feed(&r, tl_frame(&s), RIG_LAN, PL_FROM_HOST);
	cr_assert(r.wire[RIG_LAN].n == 1); // no route is needed, the hop limit is the host's
	f = rte_pktmbuf_mtod(r.wire[RIG_LAN].m[0], const uint8_t *);
	cr_expect(memcmp(f, gw, 6) == 0 && f[22] == 1);
	rig_down(&r);
}

// DNAT in OUTPUT, as nat's stage would do it: the destination in the packet's description is what
// counts.
static void
run_mangled(struct rig *r, const char *dst, uint8_t out_port)
{
	struct tl_spec s = {.src = "10.1.0.1", .dst = dst};
	struct pl_pkt *p = tl_pkt(r->w, &s, PL_PORT_NONE);

	p->origin = PL_FROM_HOST;
	p->out_port = out_port;
	p->flags |= PL_F_MANGLED;
	net_route_run(r->w, NULL, &r->w->burst);
	if (p->m != NULL) {
		cr_expect(p->out_port == out_port, "OUTPUT sees the old exit");
		net_exit_run(r->w, NULL, &r->w->burst);
		net_output_run(r->w, NULL, &r->w->burst);
	}
	net_flush(r->w);
}

Test(net_route, host_packets_that_dnat_moved)
{
	struct rig r;

	rig_up(&r);
	run_mangled(&r, "10.2.0.2", RIG_LAN);
	cr_assert(r.wire[RIG_WAN].n == 1 && r.wire[RIG_LAN].n == 0);
	cr_expect(rte_pktmbuf_mtod(r.wire[RIG_WAN].m[0], uint8_t *)[4] == 2);
	run_mangled(&r, "10.99.0.2", RIG_LAN);
	cr_expect(r.w->cnt.drop[PL_DROP_NO_ROUTE] == 1);
	run_mangled(&r, "10.66.0.2", RIG_LAN);
	cr_expect(r.w->cnt.drop[PL_DROP_BLACKHOLE] == 1);
	run_mangled(&r, "10.2.0.255", RIG_LAN);
	cr_expect(r.w->cnt.drop[PL_DROP_BAD_DESTINATION] == 1);
	run_mangled(&r, "10.2.0.1", RIG_LAN); // ours: up the twin of the port that has it
	cr_assert(r.host[RIG_WAN].n == 1);
	cr_expect(rte_pktmbuf_mtod(r.host[RIG_WAN].m[0], uint8_t *)[5] == 2);
	rig_down(&r);
}

// A rule in OUTPUT rejects: the host hears it from the destination, not from an address of its own.
static void
reject_all(struct pl_worker *w __rte_unused, struct pl_pkt *p)
{
	if (p->origin == PL_FROM_HOST)
		p->reject = 4; // port unreachable
}

Test(net_route, host_is_told_of_a_reject)
{
	struct tl_spec s = {.src = "10.1.0.1", .dst = "192.0.2.1"};
	const uint8_t *f;
	struct rig r;

	rig_up(&r);
	rig_hook = reject_all;
	rig_feed(&r, tl_frame(&s), RIG_LAN, PL_FROM_HOST);
	cr_expect(r.w->cnt.drop[PL_DROP_REJECT] == 1);
	cr_assert(r.host[RIG_LAN].n == 1 && r.wire[RIG_LAN].n == 0);
	f = rte_pktmbuf_mtod(r.host[RIG_LAN].m[0], const uint8_t *);
	cr_expect(memcmp(f, lan_mac, 6) == 0, "MAC");
	cr_expect(memcmp(f + 26, "\xc0\x00\x02\x01\x0a\x01\x00\x01", 8) == 0, "addresses");
	cr_expect(f[34] == 3 && f[35] == 3 && tl_csums_ok(r.host[RIG_LAN].m[0]));
	rig_down(&r);
}

// ---- rate limits
Test(net_route, errors_are_limited)
{
	struct tl_spec s = {.src = "10.1.0.2", .dst = "10.2.0.2", .ttl = 1, .dmac = lan_mac};
	struct rig r;

	rig_up(&r);
	for (unsigned i = 0; i < 10; i++)
		rig_feed(&r, tl_frame(&s), RIG_LAN, PL_FROM_WIRE);
	cr_expect(r.wire[RIG_LAN].n == 6, "a burst of six for one peer, not %u", r.wire[RIG_LAN].n);
	cr_expect(r.w->cnt.drop[PL_DROP_LOCAL_ICMP_RATE] == 4);
	cr_expect(r.w->cnt.drop[PL_DROP_TTL_EXPIRED] == 10);
	r.w->now_ns += 1000000000;
	rig_feed(&r, tl_frame(&s), RIG_LAN, PL_FROM_WIRE);
	rig_feed(&r, tl_frame(&s), RIG_LAN, PL_FROM_WIRE);
	cr_expect(r.wire[RIG_LAN].n == 7, "one a second");
	rig_clear(&r);
	r.w->now_ns += 100000000000ull;
	for (unsigned i = 0; i < 70; i++) { // many peers: 50 in one instant
		char src[32];

		snprintf(src, sizeof(src), "10.1.0.%u", 10 + i);
		s.src = src;
		rig_feed(&r, tl_frame(&s), RIG_LAN, PL_FROM_WIRE);
	}
	cr_expect(r.w->cnt.drop[PL_DROP_LOCAL_ICMP_RATE] == 20, "limited: %u",
		  (unsigned)r.w->cnt.drop[PL_DROP_LOCAL_ICMP_RATE]);
	rig_down(&r);
}

// ---- the flow goes along
static struct pl_pkt seen;

static void
see(struct pl_worker *w __rte_unused, struct pl_pkt *p)
{
	if (p->origin == PL_FROM_SELF) {
		seen = *p;
		return;
	}
	p->ct = (struct ct_entry *)&seen;
	p->ct_dir = 1;
	p->reject = 4;
}

Test(net_route, errors_carry_the_flow)
{
	struct tl_spec s = {.src = "10.1.0.2", .dst = "10.2.0.2", .dmac = lan_mac};
	struct rig r;

	rig_up(&r);
	rig_hook = see;
	memset(&seen, 0, sizeof(seen));
	rig_feed(&r, tl_frame(&s), RIG_LAN, PL_FROM_WIRE);
	cr_expect(seen.ct == (struct ct_entry *)&seen && seen.ct_dir == 0);
	cr_expect(seen.ct_state == PL_CT_RELATED && (seen.flags & PL_F_CT_GIVEN));
	cr_expect(seen.out_port == RIG_LAN && seen.in_port == PL_PORT_NONE &&
		  seen.path == PL_PATH_OUTPUT);
	rig_down(&r);
}

Test(net_route, note_says_where_it_went)
{
	struct tl_spec s = {
		.src = "10.1.0.2", .dst = "10.2.0.2", .sport = 7, .dport = 9, .dmac = lan_mac};
	struct pl_note note = {0};
	struct rte_mbuf *m;
	struct rig r;

	rig_up(&r);
	r.w->notes = true;
	m = tl_frame(&s);
	pl_meta(m)->note = &note;
	rig_feed(&r, m, RIG_LAN, PL_FROM_WIRE);
	cr_expect(note.verdict == PL_NOTE_ACCEPT && note.egress == RIG_WAN && note.to_host == 0);
	cr_expect(note.family == 4 && note.proto == IPPROTO_UDP && note.dport == htons(9));
	s.dst = "10.1.0.1";
	m = tl_frame(&s);
	pl_meta(m)->note = &note;
	rig_feed(&r, m, RIG_LAN, PL_FROM_WIRE);
	cr_expect(note.to_host == 1 && note.egress == PL_PORT_NONE);
	rig_down(&r);
}

// ---- TEE's copies
static struct pl_copy want;
static unsigned n_copies;

static void
copy_it(struct pl_worker *w, struct pl_pkt *p)
{
	if (p->origin == PL_FROM_WIRE) {
		net_table_ops(w->net->table)->copy(w, p, &want);
		return;
	}
	n_copies++;
	cr_expect((p->flags & PL_F_NOTRACK) && p->mark == 0 && p->in_port == PL_PORT_NONE);
}

// Which port has the copy of a packet from lan to wan; -1: none.
static int
copied_to(struct rig *r, const char *gateway, uint8_t port, bool lower)
{
	struct tl_spec s = {
		.src = "10.1.0.2", .dst = "10.2.0.2", .sport = 7, .dport = 9, .dmac = lan_mac};
	struct cfg_prefix g = rig_prefix(gateway);

	memset(&want, 0, sizeof(want));
	memcpy(&want.gateway, g.addr, sizeof(g.addr));
	want.port = port;
	want.lower = lower;
	n_copies = 0;
	rig_clear(r);
	rig_feed(r, tl_frame(&s), RIG_LAN, PL_FROM_WIRE);
	cr_expect(r->wire[RIG_WAN].n >= 1, "the packet itself goes on");
	return r->wire[RIG_LAN].n == 1 ? RIG_LAN : r->wire[RIG_WAN].n == 2 ? RIG_WAN : -1;
}

Test(net_route, copies)
{
	static const uint8_t mac[] = {2, 0, 0, 0, 1, 2};
	const struct rte_ipv4_hdr *ip;
	const uint8_t *frame;
	struct rig r;

	rig_up(&r);
	rig_hook = copy_it;
	cr_expect(copied_to(&r, "10.1.0.2", PL_PORT_NONE, false) == RIG_LAN && n_copies == 1);
	frame = rte_pktmbuf_mtod(r.wire[RIG_LAN].m[0], const uint8_t *);
	ip = (const void *)(frame + sizeof(struct rte_ether_hdr));
	cr_expect(memcmp(frame, mac, sizeof(mac)) == 0, "it goes to the gateway");
	cr_expect(rte_ipv4_cksum(ip) == 0 || rte_ipv4_cksum(ip) == 0xffff);
	cr_expect((ip->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)) != 0);
	cr_expect(ip->time_to_live == 63, "lowered by the way so far alone: %u", ip->time_to_live);
	cr_expect(copied_to(&r, "10.1.0.2", RIG_LAN, true) == RIG_LAN);
	ip = rte_pktmbuf_mtod_offset(r.wire[RIG_LAN].m[0], const void *,
				     sizeof(struct rte_ether_hdr));
	cr_expect(ip->time_to_live == 62);
	cr_expect(copied_to(&r, "10.2.0.2", PL_PORT_NONE, false) == RIG_WAN);
	cr_expect(copied_to(&r, "10.1.0.2", RIG_WAN, false) == -1, "not by that port");
	cr_expect(r.w->cnt.drop[PL_DROP_NO_ROUTE] == 1);
	cr_expect(copied_to(&r, "10.99.1.1", PL_PORT_NONE, false) == -1);
	cr_expect(copied_to(&r, "10.2.0.1", PL_PORT_NONE, false) == -1, "an address of ours");
	cr_expect(r.w->cnt.drop[PL_DROP_NO_ROUTE] == 1 && n_copies == 0);
	rig_hook = NULL;
	rig_down(&r);
}
