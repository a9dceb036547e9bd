// The look-up and confirm stages packet by packet: what is called what, what leaves no flow, what a
// burst does to packets of one flow.
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <rte_ip.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "ctt.h"

#define A "192.0.2.1"
#define B "198.51.100.2"

static void
setup(void)
{
	ctt_start(1, 1000);
}

TestSuite(conntrack_stage, .init = setup, .fini = ctt_stop);

static const struct tl_spec there = {.src = A, .dst = B, .sport = 1000, .dport = 53};
static const struct tl_spec back = {.src = B, .dst = A, .sport = 53, .dport = 1000};

static bool
drop_all(struct pl_worker *w, const struct pl_pkt *p)
{
	(void)w;
	(void)p;
	return true;
}

Test(conntrack_stage, dropped_first_packet_leaves_no_flow)
{
	ctt.drop = drop_all;
	cr_expect(eq(u8, ctt_one(&there), PL_CT_NEW));
	cr_expect(eq(u32, ct_table_count(ctt.w[0]->ct), 0));
	ctt.drop = NULL;
	cr_expect(eq(u8, ctt_one(&back), PL_CT_NEW), "nothing to be an answer to");
}

Test(conntrack_stage, udp_new_until_answered)
{
	cr_expect(eq(u8, ctt_one(&there), PL_CT_NEW));
	cr_expect(ne(int, ctt.seen[0].flags &PL_F_NAT_PRE, 0));
	cr_expect(ne(int, ctt.seen[0].flags &PL_F_NAT_POST, 0));
	cr_expect(eq(u8, ctt_one(&there), PL_CT_NEW));
	cr_expect(eq(int, ctt.seen[0].flags &(PL_F_NAT_PRE | PL_F_NAT_POST), 0),
		  "confirmed: bound");
	cr_expect(eq(u8, ctt_one(&back), PL_CT_ESTABLISHED));
	cr_expect(eq(u8, ctt.seen[0].dir, CT_REPLY));
	cr_expect(eq(u8, ctt_one(&there), PL_CT_ESTABLISHED));
	cr_expect(eq(u32, ct_table_count(ctt.w[0]->ct), 1));
}

// ---- packets that belong to nothing -------------------------------------------------------------

// What breaks a good packet; done to the frame after its checksums were made.
enum harm { NONE, BAD_CSUM, ZERO_CSUM, UDP_LONG, UDP_SHORT, TCP_OFFSET_4, TCP_OFFSET_15, CUT };

static void
harm(struct rte_mbuf *m, enum harm how)
{
	const bool v6 = *rte_pktmbuf_mtod_offset(m, uint8_t *, 14) >> 4 == 6;
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, 14), *l4 = ip + (v6 ? 40 : 20);
	const uint8_t proto = v6 ? ip[6] : ip[9];
	const unsigned csum = proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 : 2;

	switch (how) {
	case NONE:
		break;
	case BAD_CSUM:
		l4[csum] ^= 0x10;
		break;
	case ZERO_CSUM:
		l4[csum] = l4[csum + 1] = 0;
		break;
	case UDP_LONG:
		l4[5]++;
		break;
	case UDP_SHORT:
		l4[4] = 0;
		l4[5] = 7;
		break;
	case TCP_OFFSET_4:
		l4[12] = 4 << 4;
		break;
	case TCP_OFFSET_15:
		l4[12] = 15 << 4;
		break;
	case CUT: // the IP packet ends inside its L4 header
		if (v6) {
			ip[5] = 6;
		} else {
			ip[3] = 26;
			memset(ip + 10, 0, 2);
			uint16_t sum = rte_ipv4_cksum((struct rte_ipv4_hdr *)ip);
			memcpy(ip + 10, &sum, 2);
		}
		break;
	}
}

Test(conntrack_stage, malformed_is_invalid)
{
	static const struct {
		const char *name;
		uint8_t proto, icmp_type, flags;
		enum harm how;
		uint8_t v4, v6;
	} row[] = {
#define BOTH(state) PL_CT_##state, PL_CT_##state
		{"udp", IPPROTO_UDP, 0, 0, NONE, BOTH(NEW)},
		{"udp checksum", IPPROTO_UDP, 0, 0, BAD_CSUM, BOTH(INVALID)},
		{"udp without checksum", IPPROTO_UDP, 0, 0, ZERO_CSUM, BOTH(NEW)},
		{"udp length past the end", IPPROTO_UDP, 0, 0, UDP_LONG, BOTH(INVALID)},
		{"udp length below its header", IPPROTO_UDP, 0, 0, UDP_SHORT, BOTH(INVALID)},
		{"udp cut", IPPROTO_UDP, 0, 0, CUT, BOTH(INVALID)},
		{"tcp", IPPROTO_TCP, 0, TH_SYN, NONE, BOTH(NEW)},
		{"tcp checksum", IPPROTO_TCP, 0, TH_SYN, BAD_CSUM, BOTH(INVALID)},
		{"tcp without checksum", IPPROTO_TCP, 0, TH_SYN, ZERO_CSUM, BOTH(INVALID)},
		{"tcp header too short", IPPROTO_TCP, 0, TH_SYN, TCP_OFFSET_4, BOTH(INVALID)},
		{"tcp header past the end", IPPROTO_TCP, 0, TH_SYN, TCP_OFFSET_15, BOTH(INVALID)},
		{"tcp cut", IPPROTO_TCP, 0, TH_SYN, CUT, BOTH(INVALID)},
		{"tcp christmas tree", IPPROTO_TCP, 0, TH_FIN | TH_URG | TH_PUSH, NONE,
		 BOTH(INVALID)},
		{"tcp syn and fin", IPPROTO_TCP, 0, TH_SYN | TH_FIN, NONE, BOTH(INVALID)},
		{"tcp fin without ack", IPPROTO_TCP, 0, TH_FIN, NONE, BOTH(INVALID)},
		{"tcp reset out of nowhere", IPPROTO_TCP, 0, TH_RST, NONE, BOTH(INVALID)},
		{"tcp in the middle", IPPROTO_TCP, 0, TH_ACK | TH_PUSH, NONE, BOTH(NEW)},
		{"icmp checksum", IPPROTO_ICMP, 8, 0, BAD_CSUM, PL_CT_INVALID, PL_CT_INVALID},
		{"icmp, and over IPv6", IPPROTO_ICMP, 8, 0, NONE, PL_CT_NEW, PL_CT_INVALID},
		{"icmpv6, and over IPv4", IPPROTO_ICMPV6, 128, 0, NONE, PL_CT_INVALID, PL_CT_NEW},
		{"no next header", IPPROTO_NONE, 0, 0, NONE, PL_CT_NEW, PL_CT_INVALID},
	};

	for (unsigned i = 0; i < RTE_DIM(row); i++) {
		struct tl_spec s = {.proto = row[i].proto,
				    .icmp_type = row[i].icmp_type,
				    .tcp_flags = row[i].flags,
				    .sport = (uint16_t)(1000 + i),
				    .dport = 80,
				    .payload_len = 4};
		struct rte_mbuf *m;

		s.src = "192.0.2.1";
		s.dst = "198.51.100.2";
		m = tl_frame(&s);
		harm(m, row[i].how);
		cr_expect(eq(u8, ctt_frame(m), row[i].v4), "IPv4: %s", row[i].name);
		s.src = "2001:db8::1";
		s.dst = "2001:db8:1::2";
		m = tl_frame(&s);
		harm(m, row[i].how);
		cr_expect(eq(u8, ctt_frame(m), row[i].v6), "IPv6: %s", row[i].name);
	}
}

// What the kernel calls them with net.netfilter.nf_conntrack_checksum = 0.
Test(conntrack_stage, checksums_that_nobody_looks_at)
{
	static const struct {
		uint8_t proto, icmp_type;
		enum harm how;
		uint8_t state;
	} row[] = {
		{IPPROTO_UDP, 0, BAD_CSUM, PL_CT_NEW},	   {IPPROTO_TCP, 0, BAD_CSUM, PL_CT_NEW},
		{IPPROTO_TCP, 0, ZERO_CSUM, PL_CT_NEW},	   {IPPROTO_ICMP, 8, BAD_CSUM, PL_CT_NEW},
		{IPPROTO_UDP, 0, UDP_LONG, PL_CT_INVALID},
	};

	ctt.conf.checksum_off = true;
	for (unsigned i = 0; i < RTE_DIM(row); i++) {
		struct tl_spec s = {.src = A,
				    .dst = B,
				    .proto = row[i].proto,
				    .icmp_type = row[i].icmp_type,
				    .sport = (uint16_t)(1000 + i),
				    .dport = 80,
				    .payload_len = 4};
		struct rte_mbuf *m = tl_frame(&s);

		harm(m, row[i].how);
		cr_expect(eq(u8, ctt_frame(m), row[i].state), "%u", i);
	}
}

Test(conntrack_stage, device_vouches_for_checksums)
{
	static const struct {
		uint64_t flags;
		enum harm how;
		uint8_t state;
	} row[] = {
		{RTE_MBUF_F_RX_L4_CKSUM_GOOD, BAD_CSUM, PL_CT_NEW},
		{RTE_MBUF_F_RX_L4_CKSUM_NONE, BAD_CSUM,
		 PL_CT_NEW}, // not written yet, data is right
		{RTE_MBUF_F_RX_L4_CKSUM_BAD, NONE, PL_CT_INVALID},
		{RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN, BAD_CSUM, PL_CT_INVALID},
	};

	for (unsigned i = 0; i < RTE_DIM(row); i++) {
		struct tl_spec s = there;
		struct rte_mbuf *m;

		s.sport = (uint16_t)(2000 + i);
		m = tl_frame(&s);
		harm(m, row[i].how);
		m->ol_flags |= row[i].flags;
		cr_expect(eq(u8, ctt_frame(m), row[i].state), "row %u", i);
	}
}

Test(conntrack_stage, what_the_host_sends_is_not_checked)
{
	struct rte_mbuf *m = tl_frame(&there);

	harm(m, BAD_CSUM);
	ctt.n_seen = 0;
	pl_worker_feed(ctt.w[0], &m, 1, 0, PL_FROM_HOST);
	ctt_turns();
	cr_expect(eq(u8, ctt.seen[0].state, PL_CT_NEW));
}

// ---- ICMP errors --------------------------------------------------------------------------------

static uint8_t
error_about(const struct tl_spec *quoted, const char *from, const char *to, uint8_t type,
	    unsigned quote_len)
{
	struct rte_mbuf *q = tl_frame(quoted), *m;

	if (quote_len != 0)
		rte_pktmbuf_trim(q, (uint16_t)(rte_pktmbuf_data_len(q) - 14 - quote_len));
	m = tl_icmp_error(from, to, type, 0, 0, q);
	rte_pktmbuf_free(q);
	return ctt_frame(m);
}

Test(conntrack_stage, errors_are_related_to_the_flow_they_quote)
{
	struct tl_spec unknown = there, fragment = there,
		       ping = {.src = A,
			       .dst = B,
			       .proto = IPPROTO_ICMP,
			       .sport = 5,
			       .icmp_type = 8};
	struct ct_entry *flow;

	unknown.sport = 1;
	fragment.frag = 100;
	cr_expect(eq(u8, error_about(&there, B, A, 3, 0), PL_CT_INVALID), "before there is a flow");
	ctt_one(&there);
	flow = ctt.seen[0].ct;
	cr_expect(eq(u8, error_about(&there, B, A, 3, 0), PL_CT_RELATED));
	cr_expect(eq(ptr, ctt.seen[0].ct, flow));
	cr_expect(eq(u8, ctt.seen[0].dir, CT_REPLY));
	cr_expect(eq(int, ctt.seen[0].flags &(PL_F_NAT_PRE | PL_F_NAT_POST), 0));
	cr_expect(eq(u8, error_about(&there, "203.0.113.9", A, 11, 28), PL_CT_RELATED),
		  "by a router, 8 bytes quoted");
	cr_expect(eq(u8, error_about(&there, "203.0.113.9", A, 11, 24), PL_CT_RELATED),
		  "ports are enough");
	cr_expect(eq(u8, error_about(&there, "203.0.113.9", A, 11, 23), PL_CT_INVALID), "no ports");
	cr_expect(eq(u8, error_about(&there, "203.0.113.9", A, 11, 19), PL_CT_INVALID),
		  "no header");
	cr_expect(eq(u8, error_about(&unknown, B, A, 3, 0), PL_CT_INVALID), "about no flow");
	cr_expect(eq(u8, error_about(&fragment, B, A, 3, 0), PL_CT_INVALID),
		  "quote is a later fragment");
	cr_expect(eq(u8, error_about(&there, B, "192.0.2.77", 3, 0), PL_CT_INVALID),
		  "to somebody else");
	cr_expect(eq(u8, error_about(&back, A, B, 3, 0), PL_CT_RELATED),
		  "about the other direction");
	cr_expect(eq(u8, ctt.seen[0].dir, CT_ORIGINAL));
	cr_expect(eq(u8, ctt_one(&there), PL_CT_NEW), "an error is no answer");
	ctt_one(&ping);
	cr_expect(eq(u8, error_about(&ping, B, A, 3, 0), PL_CT_RELATED), "about a ping");
	cr_expect(eq(u8, error_about(&ping, B, A, 3, 27), PL_CT_INVALID),
		  "a ping's header is eight bytes");
}

Test(conntrack_stage, errors_of_ipv6)
{
	struct tl_spec s = {
		.src = "2001:db8::1", .dst = "2001:db8:1::2", .sport = 1000, .dport = 53};

	cr_expect(eq(u8, error_about(&s, "2001:db8:1::2", "2001:db8::1", 1, 0), PL_CT_INVALID));
	ctt_one(&s);
	cr_expect(eq(u8, error_about(&s, "2001:db8:1::2", "2001:db8::1", 1, 0), PL_CT_RELATED));
	cr_expect(eq(u8, error_about(&s, "2001:db8:9::9", "2001:db8::1", 2, 48), PL_CT_RELATED));
	cr_expect(eq(u8, error_about(&s, "2001:db8:9::9", "2001:db8::1", 3, 43), PL_CT_INVALID));
	cr_expect(eq(u8, error_about(&s, "2001:db8:9::9", "2001:db8::77", 3, 0), PL_CT_INVALID));
}

// ---- bursts -------------------------------------------------------------------------------------

static void
feed(const struct tl_spec *s, unsigned n)
{
	struct rte_mbuf *m[PL_BURST];

	for (unsigned i = 0; i < n; i++)
		m[i] = tl_frame(&s[i]);
	ctt.n_seen = 0;
	ctt_feed(0, m, n);
}

Test(conntrack_stage, one_burst_is_as_one_by_one)
{
	const struct tl_spec s[] = {there, back, there, back, there};
	static const uint8_t want[] = {PL_CT_NEW, PL_CT_ESTABLISHED, PL_CT_ESTABLISHED,
				       PL_CT_ESTABLISHED, PL_CT_ESTABLISHED};

	feed(s, RTE_DIM(s));
	cr_assert(eq(uint, ctt.n_seen, RTE_DIM(s)));
	for (unsigned i = 0; i < RTE_DIM(s); i++)
		cr_expect(eq(u8, ctt.seen[i].state, want[i]), "packet %u", i);
	cr_expect(eq(u64, ctt.w[0]->cnt.deferred, 4), "all waited once for the first");
	cr_expect(eq(u32, ct_table_count(ctt.w[0]->ct), 1));
}

Test(conntrack_stage, dropped_packets_of_one_burst_leave_no_flow)
{
	const struct tl_spec s[] = {there, there, back, there};

	ctt.drop = drop_all;
	feed(s, RTE_DIM(s));
	cr_assert(eq(uint, ctt.n_seen, RTE_DIM(s)));
	for (unsigned i = 0; i < RTE_DIM(s); i++)
		cr_expect(eq(u8, ctt.seen[i].state, PL_CT_NEW), "packet %u", i);
	cr_expect(eq(u32, ct_table_count(ctt.w[0]->ct), 0));
}

Test(conntrack_stage, full_burst_of_new_flows)
{
	static struct tl_spec s[PL_BURST];

	for (unsigned i = 0; i < PL_BURST; i++) {
		s[i] = there;
		s[i].sport = (uint16_t)(3000 + i / 2); // every flow twice
	}
	feed(s, PL_BURST);
	cr_expect(eq(uint, ctt.n_seen, PL_BURST));
	cr_expect(eq(u32, ct_table_count(ctt.w[0]->ct), PL_BURST / 2));
}

Test(conntrack_stage, full_table_drops_by_name)
{
	ctt_start(1, 4);
	for (unsigned i = 0; i < 4; i++) {
		struct tl_spec s = there;

		s.sport = (uint16_t)(1000 + i);
		cr_expect(eq(u8, ctt_one(&s), PL_CT_NEW));
		ctt.seen[0].ct->status |= CT_S_ASSURED; // none makes way
	}
	struct tl_spec s = there;
	s.sport = 2000;
	cr_expect(eq(u8, ctt_one(&s), 0));
	cr_expect(eq(u64, ctt.w[0]->cnt.drop[PL_DROP_CT_TABLE_FULL], 1));
	s.sport = 1001;
	cr_expect(eq(u8, ctt_one(&s), PL_CT_NEW), "known flows go on");
}

// The policy's conntrack max: each worker's share of it, until a policy without one comes.
Test(conntrack_stage, policy_limits_the_flows)
{
	struct tl_spec s = there;

	ctt_start(1, 100);
	ctt.conf.max = 2;
	for (unsigned i = 0; i < 2; i++) {
		s.sport = (uint16_t)(1000 + i);
		cr_expect(eq(u8, ctt_one(&s), PL_CT_NEW));
		ctt.seen[0].ct->status |= CT_S_ASSURED; // none makes way
	}
	s.sport = 2000;
	cr_expect(eq(u8, ctt_one(&s), 0));
	cr_expect(eq(u64, ctt.w[0]->cnt.drop[PL_DROP_CT_TABLE_FULL], 1));
	ctt.conf.max = 0;
	cr_expect(eq(u8, ctt_one(&s), PL_CT_NEW));
}

// ---- packets whose flow is not looked up --------------------------------------------------------

static void
notrack(struct pl_worker *w, const void *conf, struct pl_burst *b)
{
	struct pl_pkt *p;

	(void)w;
	(void)conf;
	PL_FOREACH (p, b)
		p->flags |= PL_F_NOTRACK;
}

Test(conntrack_stage, notrack_is_untracked)
{
	static const struct pl_stage raw = {"raw", notrack, NULL};
	struct pl_program prog = *ctt.w[0]->prog;

	memmove(&prog.step[3], &prog.step[2], (prog.n_stage - 2) * sizeof(prog.step[0]));
	prog.step[2] = (typeof(prog.step[0])){&raw, NULL};
	prog.n_stage++;
	ctt.w[0]->prog = &prog;
	cr_expect(eq(u8, ctt_one(&there), PL_CT_UNTRACKED));
	cr_expect(eq(ptr, ctt.seen[0].ct, NULL));
	cr_expect(eq(u32, ct_table_count(ctt.w[0]->ct), 0));
}

static struct ct_entry *answered; // the flow that the gateway answers for

static void
answer(struct pl_worker *w, struct pl_pkt *p)
{
	struct tl_spec s = back;
	struct rte_mbuf *m;

	if (p->origin == PL_FROM_SELF)
		return;
	m = tl_frame(&s);
	*pl_meta(m) = (struct pl_meta){.ct = p->ct,
				       .origin = PL_FROM_SELF,
				       .in_port = PL_PORT_NONE,
				       .ct_state = PL_CT_RELATED,
				       .ct_dir = CT_REPLY,
				       .flags = PL_F_CT_GIVEN};
	answered = p->ct;
	pl_self_send(w, m);
}

// REJECT: the packet is dropped, the gateway's answer goes out with the dropped packet's flow.
Test(conntrack_stage, own_answer_keeps_the_flow_and_does_not_confirm_it)
{
	struct rte_mbuf *m = tl_frame(&there);

	ctt.between = answer;
	ctt.drop = drop_all;
	ctt.n_seen = 0;
	pl_worker_feed(ctt.w[0], &m, 1, 0, PL_FROM_WIRE);
	cr_assert(eq(uint, ctt.n_seen, 2u));
	cr_expect(eq(u8, ctt.seen[1].state, PL_CT_RELATED));
	cr_expect(eq(ptr, ctt.seen[1].ct, answered));
	ctt_turns();
	cr_expect(eq(u32, ct_table_count(ctt.w[0]->ct), 0));
}

Test(conntrack_stage, accounting)
{
	struct ct_flow f;
	struct tl_spec big = back;

	big.payload_len = 1000;
	ctt_one(&there);
	ctt_one(&big);
	ctt_one(&big);
	error_about(&there, B, A, 3, 0); // counts for no flow
	cr_assert(eq(uint, ctt_dump(0, &f, 1), 1u));
	cr_expect(eq(u64, f.packets[0], 1));
	cr_expect(eq(u64, f.bytes[0], 28), "IP bytes");
	cr_expect(eq(u64, f.packets[1], 2));
	cr_expect(eq(u64, f.bytes[1], 2 * 1028));
}
