// UDP, ICMP, ICMPv6, GRE and the rest over time: states, times to live, assurance. The expected
// values are Linux's (nf_conntrack's defaults).
#include <netinet/in.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "conntrack/ct_track.h"
#include "ctt.h"

static void
setup(void)
{
	ctt_start(1, 1000);
}

TestSuite(conntrack_track, .init = setup, .fini = ctt_stop);

struct step {
	bool back;
	unsigned after_ms;
	uint8_t state;
	unsigned seconds; // left afterwards
	bool assured;
};

static void
run(const char *name, const struct tl_spec *there, const struct tl_spec *back,
    const struct step *step, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct ct_flow f;

		ctt_advance_ms(step[i].after_ms);
		cr_expect(eq(u8, ctt_one(step[i].back ? back : there), step[i].state),
			  "%s, step %u", name, i);
		if (step[i].seconds == 0)
			continue;
		cr_assert(eq(uint, ctt_dump(0, &f, 1), 1u), "%s, step %u", name, i);
		cr_expect(eq(u32, f.timeout_sec, step[i].seconds), "%s, step %u", name, i);
		cr_expect(eq(int, (f.status & CT_S_ASSURED) != 0, step[i].assured), "%s, step %u",
			  name, i);
	}
}
#define RUN(name, there, back, step) run(name, there, back, step, RTE_DIM(step))

Test(conntrack_track, udp)
{
	static const struct tl_spec there = {
		.src = "192.0.2.1", .dst = "198.51.100.2", .sport = 1000, .dport = 53};
	static const struct tl_spec back = {
		.src = "198.51.100.2", .dst = "192.0.2.1", .sport = 53, .dport = 1000};
	static const struct step lookup[] = {
		{false, 0, PL_CT_NEW, 30, false},
		{true, 100, PL_CT_ESTABLISHED, 30,
		 false}, // the answer itself: not yet seen as such
		{false, 100, PL_CT_ESTABLISHED, 30, false},   // both ways, but a short talk
		{false, 29000, PL_CT_ESTABLISHED, 120, true}, // still talking: a stream
		{true, 119000, PL_CT_ESTABLISHED, 120, true},
		{true, 121000, PL_CT_NEW, 30, false}, // too late: a flow of the other side's own
	};
	static const struct step silent[] = {
		{false, 400000, PL_CT_NEW, 30, false},
		{false, 29000, PL_CT_NEW, 30, false}, // kept alive, never answered
		{false, 29000, PL_CT_NEW, 30, false},
		{false, 31000, PL_CT_NEW, 30, false},
	};

	RUN("lookup", &there, &back, lookup);
	RUN("silent", &there, &back, silent);
}

Test(conntrack_track, icmp)
{
	static const struct tl_spec ping = {.src = "192.0.2.1",
					    .dst = "198.51.100.2",
					    .proto = IPPROTO_ICMP,
					    .sport = 7,
					    .icmp_type = 8};
	static const struct tl_spec pong = {.src = "198.51.100.2",
					    .dst = "192.0.2.1",
					    .proto = IPPROTO_ICMP,
					    .sport = 7,
					    .icmp_type = 0};
	static const struct tl_spec other_way = {.src = "198.51.100.2",
						 .dst = "192.0.2.1",
						 .proto = IPPROTO_ICMP,
						 .sport = 7,
						 .icmp_type = 8};
	static const struct tl_spec stray = {.src = "198.51.100.2",
					     .dst = "192.0.2.1",
					     .proto = IPPROTO_ICMP,
					     .sport = 8,
					     .icmp_type = 0};
	static const struct tl_spec timestamp = {.src = "192.0.2.1",
						 .dst = "198.51.100.2",
						 .proto = IPPROTO_ICMP,
						 .sport = 7,
						 .icmp_type = 13};
	static const struct step steps[] = {
		{false, 0, PL_CT_NEW, 30, false},
		{true, 100, PL_CT_ESTABLISHED, 30, false},
		{true, 100, PL_CT_ESTABLISHED, 30, false}, // answered twice
		{false, 1000, PL_CT_ESTABLISHED, 30, false},
		{false, 31000, PL_CT_NEW, 30, false},
	};

	cr_expect(eq(u8, ctt_one(&stray), PL_CT_INVALID), "an answer without a question");
	cr_expect(eq(u32, ct_table_count(ctt.w[0]->ct), 0));
	RUN("ping", &ping, &pong, steps);
	cr_expect(eq(u8, ctt_one(&other_way), PL_CT_NEW),
		  "same identifier, the other way: another flow");
	cr_expect(eq(u8, ctt_one(&timestamp), PL_CT_NEW),
		  "same identifier, another question: another flow");
	cr_expect(eq(u32, ct_table_count(ctt.w[0]->ct), 3));
}

Test(conntrack_track, icmpv6)
{
	static const struct tl_spec ping = {.src = "2001:db8::1",
					    .dst = "2001:db8:1::2",
					    .proto = IPPROTO_ICMPV6,
					    .sport = 7,
					    .icmp_type = 128};
	static const struct tl_spec pong = {.src = "2001:db8:1::2",
					    .dst = "2001:db8::1",
					    .proto = IPPROTO_ICMPV6,
					    .sport = 7,
					    .icmp_type = 129};
	static const struct step steps[] = {
		{true, 0, PL_CT_INVALID, 0, false},
		{false, 0, PL_CT_NEW, 30, false},
		{true, 100, PL_CT_ESTABLISHED, 30, false},
	};
	// What is the link's own business, and what nobody asks.
	static const struct {
		uint8_t type, state;
	} other[] = {
		{127, PL_CT_INVALID},	{130, PL_CT_UNTRACKED}, {131, PL_CT_UNTRACKED},
		{132, PL_CT_UNTRACKED}, {133, PL_CT_UNTRACKED}, {134, PL_CT_UNTRACKED},
		{135, PL_CT_UNTRACKED}, {136, PL_CT_UNTRACKED}, {137, PL_CT_INVALID},
		{138, PL_CT_INVALID},	{139, PL_CT_NEW},	{140, PL_CT_INVALID},
		{141, PL_CT_INVALID},	{143, PL_CT_UNTRACKED}, {144, PL_CT_INVALID},
		{255, PL_CT_INVALID},
	};

	RUN("ping6", &ping, &pong, steps);
	for (unsigned i = 0; i < RTE_DIM(other); i++) {
		struct tl_spec s = ping;

		s.icmp_type = other[i].type;
		s.sport = (uint16_t)(100 + i);
		cr_expect(eq(u8, ctt_one(&s), other[i].state), "type %u", other[i].type);
	}
}

Test(conntrack_track, icmp_types)
{
	for (unsigned type = 0; type < 256; type++) {
		struct tl_spec s = {.src = "192.0.2.1",
				    .dst = "198.51.100.2",
				    .proto = IPPROTO_ICMP,
				    .sport = 9,
				    .icmp_type = (uint8_t)type};
		bool request = type == 8 || type == 13 || type == 15 || type == 17;

		cr_expect(eq(u8, ctt_one(&s), request ? PL_CT_NEW : PL_CT_INVALID), "type %u",
			  type);
	}
}

Test(conntrack_track, gre_and_the_rest)
{
	struct tl_spec there = {.src = "192.0.2.1", .dst = "198.51.100.2", .proto = IPPROTO_GRE};
	struct tl_spec back = {.src = "198.51.100.2", .dst = "192.0.2.1", .proto = IPPROTO_GRE};
	static const struct step gre[] = {
		{false, 0, PL_CT_NEW, 30, false},
		{true, 100, PL_CT_ESTABLISHED, 30, false},
		{false, 100, PL_CT_ESTABLISHED, 180, true},
	};
	static const struct step generic[] = {
		{false, 0, PL_CT_NEW, 600, false},
		{true, 100, PL_CT_ESTABLISHED, 600, false},
		{false, 599000, PL_CT_ESTABLISHED, 600, false},
		{true, 601000, PL_CT_NEW, 600, false},
	};

	RUN("gre", &there, &back, gre);
	setup();
	there.proto = back.proto = 89; // OSPF
	RUN("generic", &there, &back, generic);
}

Test(conntrack_track, udplite_and_dccp)
{
	struct tl_spec there = {.src = "192.0.2.1",
				.dst = "198.51.100.2",
				.proto = 136,
				.sport = 1000,
				.dport = 53,
				.payload_len = 8};
	struct tl_spec back = {.src = "198.51.100.2",
			       .dst = "192.0.2.1",
			       .proto = 136,
			       .sport = 53,
			       .dport = 1000,
			       .payload_len = 8};
	static const struct step lite[] = {
		{false, 0, PL_CT_NEW, 30, false},
		{true, 100, PL_CT_ESTABLISHED, 30, false},
		{false, 100, PL_CT_ESTABLISHED, 120, true},
	};
	static const struct {
		uint8_t cover, change; // length field, byte of the packet that is changed
		uint8_t state;
	} row[] = {
		{16, 0, PL_CT_NEW},	{16, 15, PL_CT_INVALID},
		{17, 0, PL_CT_INVALID},			       // more than there is
		{7, 0, PL_CT_INVALID},	{8, 0, PL_CT_INVALID}, // the sum was made over all
	};

	RUN("udp-lite", &there, &back, lite);
	for (unsigned i = 0; i < RTE_DIM(row); i++) {
		struct rte_mbuf *m;
		uint8_t *l4;

		there.sport = (uint16_t)(2000 + i);
		m = tl_frame(&there);
		l4 = rte_pktmbuf_mtod_offset(m, uint8_t *, 34);
		l4[5] = row[i].cover; // tl_frame() has 16 there
		l4[row[i].change] ^= row[i].change != 0;
		cr_expect(eq(u8, ctt_frame(m), row[i].state), "row %u", i);
	}
	there.proto = back.proto = 33;
	there.sport = 1;
	cr_expect(eq(u8, ctt_one(&there), PL_CT_NEW));
	there.sport = 2;
	there.dport = back.sport = 3;
	cr_expect(eq(u8, ctt_one(&back), PL_CT_ESTABLISHED), "DCCP's ports count nothing");
}

// ---- SCTP ---------------------------------------------------------------------------------------

// A packet with one chunk (its value eight bytes, the first four `tag`), after the wrong-CRC case.
static struct rte_mbuf *
sctp(bool back, uint32_t vtag, uint8_t chunk, uint8_t flags, uint32_t tag)
{
	uint8_t l4[12 + 20] = {[12] = chunk, [13] = flags, [15] = 20};
	struct tl_spec s = {.src = "192.0.2.1",
			    .dst = "198.51.100.2",
			    .proto = IPPROTO_SCTP,
			    .sport = 5000,
			    .dport = 36412,
			    .payload = l4 + 12,
			    .payload_len = 20};
	struct rte_mbuf *m;
	uint32_t crc = UINT32_MAX;
	uint8_t *at;

	if (back)
		s = (struct tl_spec){.src = s.dst,
				     .dst = s.src,
				     .proto = s.proto,
				     .sport = s.dport,
				     .dport = s.sport,
				     .payload = s.payload,
				     .payload_len = s.payload_len};
	tag = rte_cpu_to_be_32(tag);
	vtag = rte_cpu_to_be_32(vtag);
	memcpy(l4 + 16, &tag, 4);
	m = tl_frame(&s);
	at = rte_pktmbuf_mtod_offset(m, uint8_t *, 34);
	memcpy(at + 4, &vtag, 4);
	memset(at + 8, 0, 4);
	for (unsigned i = 0; i < sizeof(l4); i++) { // CRC32c bit by bit
		crc ^= at[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
	}
	crc = rte_cpu_to_le_32(~crc);
	memcpy(at + 8, &crc, 4);
	return m;
}

Test(conntrack_track, sctp)
{
	static const struct {
		const char *name;
		bool back;
		uint32_t vtag;
		uint8_t chunk, flags;
		uint32_t tag;
		uint8_t state;
		unsigned seconds;
		bool assured;
	} row[] = {
		{"data out of the blue", false, 7, 0, 3, 0, PL_CT_INVALID, 0, false},
		{"abort out of the blue", false, 7, 6, 0, 0, PL_CT_INVALID, 0, false},
		{"init with a tag", false, 7, 1, 0, 100, PL_CT_INVALID, 0, false},
		{"init", false, 0, 1, 0, 100, PL_CT_NEW, 10, false},
		{"init ack with a wrong tag", true, 99, 2, 0, 200, PL_CT_INVALID, 10, false},
		{"init ack", true, 100, 2, 0, 200, PL_CT_ESTABLISHED, 3, false},
		{"cookie echo", false, 200, 10, 0, 0, PL_CT_ESTABLISHED, 3, false},
		{"cookie echo with a wrong tag", false, 201, 10, 0, 0, PL_CT_INVALID, 3, false},
		{"cookie ack", true, 100, 11, 0, 0, PL_CT_ESTABLISHED, 210, true},
		{"data", false, 200, 0, 3, 0, PL_CT_ESTABLISHED, 210, true},
		{"data with a wrong tag", false, 1, 0, 3, 0, PL_CT_INVALID, 210, true},
		{"heartbeat", true, 100, 4, 0, 0, PL_CT_ESTABLISHED, 210, true},
		{"shutdown", false, 200, 7, 0, 0, PL_CT_ESTABLISHED, 3, true},
		{"shutdown ack", true, 100, 8, 0, 0, PL_CT_ESTABLISHED, 3, true},
		{"shutdown complete, wrong tag", false, 1, 14, 0, 0, PL_CT_INVALID, 3, true},
		{"shutdown complete", false, 200, 14, 0, 0, PL_CT_ESTABLISHED, 10, true},
		{"abort with the peer's tag", true, 200, 6, 1, 0, PL_CT_ESTABLISHED, 10, true},
	};
	struct rte_mbuf *m = sctp(false, 0, 1, 0, 100);

	rte_pktmbuf_mtod_offset(m, uint8_t *, 34)[8] ^= 1;
	cr_expect(eq(u8, ctt_frame(m), PL_CT_INVALID), "wrong CRC");
	for (unsigned i = 0; i < RTE_DIM(row); i++) {
		uint8_t state = ctt_frame(
			sctp(row[i].back, row[i].vtag, row[i].chunk, row[i].flags, row[i].tag));
		struct ct_flow f;

		cr_expect(eq(u8, state, row[i].state), "%s", row[i].name);
		cr_assert(eq(uint, ctt_dump(0, &f, 1), row[i].seconds != 0), "%s", row[i].name);
		if (row[i].seconds == 0)
			continue;
		cr_expect(eq(u32, f.timeout_sec, row[i].seconds), "%s", row[i].name);
		cr_expect(eq(int, (f.status & CT_S_ASSURED) != 0, row[i].assured), "%s",
			  row[i].name);
	}
}

Test(conntrack_track, settings)
{
	struct cfg_conntrack s = {.udp_timeout = 7,
				  .tcp_timeout_established = UINT32_MAX,
				  .tcp_max_retrans = 9,
				  .tcp_loose_off = true,
				  .tcp_be_liberal = true};
	struct ct_conf c;

	ct_conf_init(&c, &s, 42);
	cr_expect(eq(u32, c.udp_ms, 7000));
	cr_expect(eq(u32, c.udp_stream_ms, 120000), "not set: the kernel's");
	cr_expect(eq(u32, c.tcp_ms[CT_TCP_ESTABLISHED], CT_TIMEOUT_MAX_MS), "the longest there is");
	cr_expect(eq(u32, c.tcp_max_retrans, 9));
	cr_expect(eq(int, c.tcp_loose, 0));
	cr_expect(eq(int, c.tcp_be_liberal, 1));
	cr_expect(eq(u64, c.generation, 42));
	ct_conf_init(&c, NULL, 0);
	static const struct {
		enum ct_tcp_state state;
		unsigned seconds;
	} tcp[] = {
		{CT_TCP_SYN_SENT, 120},	 {CT_TCP_SYN_RECV, 60},	  {CT_TCP_ESTABLISHED, 432000},
		{CT_TCP_FIN_WAIT, 120},	 {CT_TCP_CLOSE_WAIT, 60}, {CT_TCP_LAST_ACK, 30},
		{CT_TCP_TIME_WAIT, 120}, {CT_TCP_CLOSE, 10},	  {CT_TCP_SYN_SENT2, 120},
	};
	for (unsigned i = 0; i < RTE_DIM(tcp); i++)
		cr_expect(eq(u32, c.tcp_ms[tcp[i].state], tcp[i].seconds * 1000), "%s",
			  ct_tcp_state_name(tcp[i].state));
	cr_expect(eq(u32, c.tcp_retrans_ms, 300000));
	cr_expect(eq(u32, c.tcp_unack_ms, 300000));
}
