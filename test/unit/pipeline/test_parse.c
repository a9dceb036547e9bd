// The header parser: each way in which a header can lie, and what a good one yields.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <netinet/in.h>

#include <rte_ip.h>

#include "pipeline/drop.h"
#include "test/lib/tl.h"

TestSuite(pipeline_parse, .init = tl_init);

static int
parse_bytes(const void *bytes, uint16_t len, struct pl_pkt *p)
{
	int ret;

	memset(p, 0, sizeof(*p));
	p->m = rte_pktmbuf_alloc(tl_pool);
	memcpy(rte_pktmbuf_append(p->m, len), bytes, len);
	ret = pl_parse(p);
	rte_pktmbuf_free(p->m);
	return ret;
}

// A good UDP frame with one byte changed (and the IPv4 header checksum mended, unless that is the
// point).
static int
parse_changed(bool v6, unsigned at, uint8_t value, uint16_t cut_to, bool mend)
{
	struct tl_spec s = {.src = v6 ? "2001:db8::1" : "192.0.2.1",
			    .dst = v6 ? "2001:db8::2" : "192.0.2.2",
			    .sport = 7,
			    .dport = 9,
			    .payload_len = 30};
	struct rte_mbuf *m = tl_frame(&s);
	struct pl_pkt p;
	uint8_t *b = rte_pktmbuf_mtod(m, uint8_t *);
	int ret;

	if (at != 0)
		b[at] = value;
	if (!v6 && mend && (b[14] & 15) >= 5) {
		struct rte_ipv4_hdr *ip = (void *)(b + 14);

		ip->hdr_checksum = 0;
		ip->hdr_checksum = (uint16_t)~rte_raw_cksum(ip, (b[14] & 15) * 4);
	}
	ret = parse_bytes(b, cut_to != 0 ? cut_to : rte_pktmbuf_data_len(m), &p);
	rte_pktmbuf_free(m);
	return ret;
}

Test(pipeline_parse, headers_that_lie)
{
	static const struct {
		const char *name;
		bool v6;
		unsigned at;
		uint8_t value;
		uint16_t cut;
		bool mend;
		int want;
	} row[] = {
		{"good v4", false, 0, 0, 0, true, 0},
		{"good v6", true, 0, 0, 0, true, 0},
		{"no ethernet header", false, 0, 0, 13, true, PL_DROP_SHORT_L2 + 1},
		{"VLAN tag", false, 12, 0x81, 0, true, PL_DROP_NOT_IP + 1},
		{"ends in the v4 header", false, 0, 0, 14 + 19, true, PL_DROP_SHORT_L3 + 1},
		{"ends in the v6 header", true, 0, 0, 14 + 39, true, PL_DROP_SHORT_L3 + 1},
		{"v4 says version 6", false, 14, 0x65, 0, true, PL_DROP_BAD_VERSION + 1},
		{"v6 says version 4", true, 14, 0x40, 0, true, PL_DROP_BAD_VERSION + 1},
		{"header of 16 bytes", false, 14, 0x44, 0, false, PL_DROP_BAD_HDRLEN + 1},
		{"header longer than the frame", false, 14, 0x4f, 14 + 40, true,
		 PL_DROP_BAD_HDRLEN + 1},
		{"wrong checksum", false, 24, 0x00, 0, false, PL_DROP_BAD_CSUM + 1},
		{"v4 longer than the frame", false, 17, 59, 0, true, PL_DROP_BAD_LENGTH + 1},
		{"v4 shorter than its header", false, 17, 19, 0, true, PL_DROP_BAD_LENGTH + 1},
		{"v6 longer than the frame", true, 19, 39, 0, true, PL_DROP_BAD_LENGTH + 1},
	};

	for (size_t i = 0; i < RTE_DIM(row); i++)
		cr_expect(eq(int,
			     parse_changed(row[i].v6, row[i].at, row[i].value, row[i].cut,
					   row[i].mend),
			     row[i].want),
			  "%s", row[i].name);
}

Test(pipeline_parse, fields_of_good_packets)
{
	struct tl_spec s = {.src = "192.0.2.1",
			    .dst = "198.51.100.2",
			    .proto = IPPROTO_TCP,
			    .sport = 1234,
			    .dport = 80,
			    .tcp_flags = 0x12,
			    .payload_len = 5,
			    .ttl = 3};
	struct pl_pkt p = {.m = tl_frame(&s)};

	// Padding to 60 bytes and more is not part of the packet.
	memset(rte_pktmbuf_append(p.m, 9), 0xee, 9);
	cr_assert(eq(int, pl_parse(&p), 0));
	cr_expect(eq(int, p.l3_len, 45));
	cr_expect(eq(int, p.l4_len, 25));
	cr_expect(eq(uint, rte_pktmbuf_pkt_len(p.m), 14 + 45));
	cr_expect(eq(int, p.l4_off, 34));
	cr_expect(eq(int, ntohs(p.sport), 1234));
	cr_expect(eq(int, ntohs(p.dport), 80));
	cr_expect(eq(int, p.tcp_flags, 0x12));
	cr_expect(eq(int, p.ttl, 3));
	cr_expect(eq(int, p.flags, PL_F_L4));
	rte_pktmbuf_free(p.m);
}

Test(pipeline_parse, short_l4_headers_are_not_dropped_here)
{
	static const struct {
		uint8_t proto;
		uint16_t len;
		bool whole;
	} row[] = {{IPPROTO_TCP, 19, false},  {IPPROTO_TCP, 20, true},	{IPPROTO_UDP, 7, false},
		   {IPPROTO_UDP, 8, true},    {IPPROTO_ICMP, 7, false}, {IPPROTO_ICMP, 8, true},
		   {IPPROTO_SCTP, 11, false}, {IPPROTO_SCTP, 12, true}, {IPPROTO_GRE, 40, false}};

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		uint8_t b[14 + 20 + 64] = {[12] = 8};
		struct rte_ipv4_hdr *ip = (void *)(b + 14);
		struct pl_pkt p;

		ip->version_ihl = 0x45;
		ip->total_length = htons(20 + row[i].len);
		ip->next_proto_id = row[i].proto;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		cr_expect(eq(int, parse_bytes(b, 34 + row[i].len, &p), 0));
		cr_expect(eq(int, (p.flags & PL_F_L4) != 0, row[i].whole), "proto %d len %d",
			  row[i].proto, row[i].len);
	}
}

// One IPv6 packet of the given extension headers, then `rest` bytes.
static int
parse_v6(uint8_t first, const uint8_t *ext, uint16_t n, struct pl_pkt *p)
{
	uint8_t b[14 + 40 + 256] = {[12] = 0x86, [13] = 0xdd, [14] = 0x60};

	b[18] = n >> 8;
	b[19] = n & 0xff;
	b[20] = first;
	b[21] = 64;
	memcpy(b + 54, ext, n);
	return parse_bytes(b, 54 + n, p);
}

Test(pipeline_parse, extension_headers)
{
	struct pl_pkt p;
	uint8_t chain[8 + 8 + 8 + 8] = {IPPROTO_DSTOPTS,
					0,
					[8] = IPPROTO_FRAGMENT,
					0,
					[16] = IPPROTO_UDP,
					0,
					0,
					1,
					[24] = 0,
					7,
					0,
					9,
					0,
					8};

	cr_assert(eq(int, parse_v6(IPPROTO_HOPOPTS, chain, sizeof(chain), &p), 0));
	cr_expect(eq(int, p.proto, IPPROTO_UDP));
	cr_expect(eq(int, p.flags, PL_F_FRAG | PL_F_L4), "a first fragment has its L4 header");
	cr_expect(eq(int, ntohs(p.dport), 9));
	cr_expect(eq(int, p.l4_len, 8));
	chain[18] = 1; // offset 32: a later fragment
	cr_assert(eq(int, parse_v6(IPPROTO_HOPOPTS, chain, sizeof(chain), &p), 0));
	cr_expect(eq(int, p.flags, PL_F_FRAG | PL_F_LATER_FRAG));
	cr_expect(eq(int, p.dport, 0));
	chain[18] = chain[19] = 0; // an atomic fragment is whole, and goes through reassembly too
	cr_assert(eq(int, parse_v6(IPPROTO_HOPOPTS, chain, sizeof(chain), &p), 0));
	cr_expect(eq(int, p.flags, PL_F_FRAG | PL_F_L4));
	chain[1] = 4; // 40 bytes of hop-by-hop options in a packet of 32
	cr_expect(eq(int, parse_v6(IPPROTO_HOPOPTS, chain, sizeof(chain), &p),
		     PL_DROP_BAD_EXTHDR + 1));
	chain[1] = 0;
	cr_expect(eq(int, parse_v6(IPPROTO_HOPOPTS, chain, 7, &p), PL_DROP_BAD_EXTHDR + 1));
}

Test(pipeline_parse, endless_extension_chain_ends)
{
	uint8_t chain[18 * 8];
	struct pl_pkt p;

	for (unsigned i = 0; i < 18; i++)
		memcpy(chain + i * 8, (uint8_t[8]){IPPROTO_DSTOPTS}, 8);
	cr_expect(eq(int, parse_v6(IPPROTO_DSTOPTS, chain, sizeof(chain), &p),
		     PL_DROP_BAD_EXTHDR + 1));
}

Test(pipeline_parse, icmp)
{
	struct tl_spec echo = {.src = "192.0.2.1",
			       .dst = "192.0.2.2",
			       .proto = IPPROTO_ICMP,
			       .icmp_type = 8,
			       .sport = 0x1234,
			       .dport = 7};
	struct rte_mbuf *quoted = tl_frame(&echo);
	struct pl_pkt p = {.m = tl_frame(&echo)};

	cr_assert(eq(int, pl_parse(&p), 0));
	cr_expect(eq(int, ntohs(p.sport), 0x1234));
	cr_expect(eq(int, ntohs(p.dport), 0x1234));
	cr_expect(eq(int, p.flags &PL_F_ICMP_ERR, 0));
	rte_pktmbuf_free(p.m);
	p = (struct pl_pkt){.m = tl_icmp_error("192.0.2.9", "192.0.2.1", 3, 1, 0, quoted)};
	cr_assert(eq(int, pl_parse(&p), 0));
	cr_expect(ne(int, p.flags &PL_F_ICMP_ERR, 0));
	cr_expect(eq(int, p.sport, 0));
	cr_expect(tl_csums_ok(p.m));
	rte_pktmbuf_free(p.m);
	rte_pktmbuf_free(quoted);
}
