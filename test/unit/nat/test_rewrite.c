// Header rewriting: what comes out must be, byte for byte, the packet that somebody with the new
// address and port would have built. Protocols x families x sides, and every edge that a checksum
// has.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "nat/nat_rewrite.h"
#include "test/unit/nat/nat_frames.h"

TestSuite(nat_rewrite, .init = tl_init);

static const char *const text[2][3] = {
	{"192.168.1.2", "198.51.100.7", "203.0.113.200"},
	{"fd00::2", "2001:db8:1::7", "2001:db8:ffff::200"},
};

struct form {
	const char *name;
	uint8_t proto;
	uint8_t type; // ICMP
	uint16_t len;
};

static const struct form forms[] = {
	{"tcp", IPPROTO_TCP, 0, 33},	      {"tcp without data", IPPROTO_TCP, 0, 0},
	{"udp", IPPROTO_UDP, 0, 10},	      {"udp odd", IPPROTO_UDP, 0, 1},
	{"udp-lite", IPPROTO_UDPLITE, 0, 12}, {"sctp", IPPROTO_SCTP, 0, 61},
	{"dccp", IPPROTO_DCCP, 0, 8},	      {"echo", IPPROTO_ICMP, 8, 56},
	{"echo reply", IPPROTO_ICMP, 0, 3},   {"timestamp", IPPROTO_ICMP, 13, 12},
	{"echo 6", IPPROTO_ICMPV6, 128, 56},  {"echo reply 6", IPPROTO_ICMPV6, 129, 3},
	{"gre", IPPROTO_GRE, 0, 20},	      {"esp", IPPROTO_ESP, 0, 40},
};

static bool
fits_family(const struct form *f, unsigned v6)
{
	return v6 ? f->proto != IPPROTO_ICMP : f->proto != IPPROTO_ICMPV6;
}

static struct tl_spec
spec_of(const struct form *f, unsigned v6)
{
	static uint8_t payload[64];

	for (unsigned i = 0; i < sizeof(payload); i++)
		payload[i] = 7 * i + 1;
	return (struct tl_spec){
		.src = text[v6][0],
		.dst = text[v6][1],
		.proto = f->proto,
		.sport = 40001,
		.dport = 53,
		.icmp_type = f->type,
		.payload = payload,
		.payload_len = f->len,
	};
}

// What `s` is after one side became text[2] and port.
static struct tl_spec
changed(struct tl_spec s, unsigned v6, enum nat_side side, uint16_t port)
{
	bool icmp = s.proto == IPPROTO_ICMP || s.proto == IPPROTO_ICMPV6;
	// A DCCP tuple without a port: tracked by its addresses alone.
	bool ports = s.proto != IPPROTO_GRE && s.proto != IPPROTO_ESP &&
		     !(s.proto == IPPROTO_DCCP && port == 0);

	if (side == NAT_SRC)
		s.src = text[v6][2];
	else
		s.dst = text[v6][2];
	if (icmp || (ports && side == NAT_SRC))
		s.sport = port;
	else if (ports)
		s.dport = port;
	return s;
}

static void
one(const struct form *f, unsigned v6, enum nat_side side, uint16_t port)
{
	struct tl_spec from = spec_of(f, v6), to = changed(from, v6, side, port);
	struct rte_mbuf *got = nf_frame(&from), *want = nf_frame(&to);
	struct pl_pkt p = nf_parsed(got), q = nf_parsed(want);
	union pl_addr a = nf_addr(text[v6][2]);

	cr_expect(nat_rewrite(&p, side, &a, htons(port)), "%s v%d: refused", f->name, v6 ? 6 : 4);
	cr_expect(nf_same(got, want), "%s v%d side %d port %u: wrong bytes", f->name, v6 ? 6 : 4,
		  side, port);
	cr_expect(memcmp(&p.src, &q.src, 16) == 0 && memcmp(&p.dst, &q.dst, 16) == 0 &&
			  p.sport == q.sport && p.dport == q.dport,
		  "%s v%d: struct pl_pkt not in step", f->name, v6 ? 6 : 4);
	nat_rewrite(&p, side, &a, htons(port));
	cr_expect(nf_same(got, want), "%s v%d: not idempotent", f->name, v6 ? 6 : 4);
	rte_pktmbuf_free(got);
	rte_pktmbuf_free(want);
}

Test(nat_rewrite, equals_a_packet_built_that_way)
{
	static const uint16_t ports[] = {0, 1, 1024, 40001, 65535};

	for (size_t i = 0; i < RTE_DIM(forms); i++) {
		for (unsigned v6 = 0; v6 < 2; v6++) {
			for (unsigned k = 0; fits_family(&forms[i], v6) && k < RTE_DIM(ports);
			     k++) {
				one(&forms[i], v6, NAT_SRC, ports[k]);
				one(&forms[i], v6, NAT_DST, ports[k]);
			}
		}
	}
}

// Every source port: among them is the one for which the UDP checksum comes to 0 and must be sent
// as 0xffff.
Test(nat_rewrite, udp_checksum_never_becomes_none)
{
	static const struct form udp[] = {{"udp", IPPROTO_UDP, 0, 4},
					  {"udp-lite", IPPROTO_UDPLITE, 0, 4}};

	for (unsigned i = 0; i < 4; i++) {
		struct tl_spec s = spec_of(&udp[i / 2], i % 2);
		struct rte_mbuf *m = nf_frame(&s);
		struct pl_pkt p = nf_parsed(m);
		union pl_addr a = nf_addr(text[i % 2][2]);
		unsigned ones = 0;

		for (unsigned port = 0; port <= UINT16_MAX; port++) {
			uint8_t *l4 = rte_pktmbuf_mtod_offset(m, uint8_t *, p.l4_off);
			uint16_t csum;

			nat_rewrite(&p, NAT_SRC, &a, htons(port));
			memcpy(&csum, l4 + 6, 2);
			cr_assert(csum != 0, "port %u", port);
			ones += csum == 0xffff;
			cr_assert(tl_csums_ok(m), "port %u", port);
		}
		cr_expect(ge(uint, ones, 1), "the edge was not met");
		rte_pktmbuf_free(m);
	}
}

Test(nat_rewrite, udp_without_checksum_stays_so)
{
	static const struct form udp = {"udp", IPPROTO_UDP, 0, 4};

	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct tl_spec s = spec_of(&udp, v6);
		struct rte_mbuf *m = nf_frame(&s);
		struct pl_pkt p = nf_parsed(m);
		union pl_addr a = nf_addr(text[v6][2]);
		uint8_t *l4 = rte_pktmbuf_mtod_offset(m, uint8_t *, p.l4_off);

		memset(l4 + 6, 0, 2);
		cr_expect(nat_rewrite(&p, NAT_SRC, &a, htons(1)));
		cr_expect(nat_rewrite(&p, NAT_DST, &a, htons(2)));
		cr_expect(l4[6] == 0 && l4[7] == 0);
		cr_expect(l4[1] == 1 && l4[3] == 2, "ports are written all the same");
		rte_pktmbuf_free(m);
	}
}

// A wrong checksum goes out wrong: the receiver's check still finds the damage.
Test(nat_rewrite, damage_is_not_mended)
{
	static const struct form f = {"udp", IPPROTO_UDP, 0, 30};
	struct tl_spec s = spec_of(&f, 0);
	struct rte_mbuf *m = nf_frame(&s);
	struct pl_pkt p = nf_parsed(m);
	union pl_addr a = nf_addr(text[0][2]);

	rte_pktmbuf_mtod(m, uint8_t *)[60] ^= 0x40;
	cr_expect(nat_rewrite(&p, NAT_SRC, &a, htons(9)));
	cr_expect(not(tl_csums_ok(m)));
	rte_pktmbuf_free(m);
}

Test(nat_rewrite, later_fragment_addresses_only)
{
	for (unsigned side = 0; side < 2; side++) {
		static const struct form f = {"udp", IPPROTO_UDP, 0, 30};
		struct tl_spec s = spec_of(&f, 0);
		struct rte_mbuf *m, *was;
		struct pl_pkt p;
		union pl_addr a = nf_addr(text[0][2]);

		s.frag = 0x2000 | 185;
		m = tl_frame(&s);
		was = tl_frame(&s);
		p = nf_parsed(m);
		cr_expect(nat_rewrite(&p, side, &a, htons(9)));
		cr_expect(tl_csums_ok(m), "IPv4 header checksum");
		cr_expect(memcmp(rte_pktmbuf_mtod_offset(m, void *, 34),
				 rte_pktmbuf_mtod_offset(was, void *, 34), 38) == 0,
			  "payload was touched");
		cr_expect(eq(u32, (side == NAT_SRC ? p.src : p.dst).v4, a.v4));
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(was);
	}
}

// A header that is cut short cannot be written; nothing may be changed then.
Test(nat_rewrite, short_header_is_refused)
{
	static const uint8_t proto[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_DCCP,
					IPPROTO_ICMP};

	for (size_t i = 0; i < RTE_DIM(proto); i++) {
		struct tl_spec s = {.src = text[0][0], .dst = text[0][1], .proto = IPPROTO_GRE};
		struct rte_mbuf *m = tl_frame(&s), *was;
		struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, 14);
		struct pl_pkt p;
		union pl_addr a = nf_addr(text[0][2]);

		rte_pktmbuf_trim(m, 1); // 7 bytes of L4
		ip->total_length = htons(27);
		ip->next_proto_id = proto[i];
		ip->hdr_checksum = 0;
		ip->hdr_checksum = rte_ipv4_cksum(ip);
		was = rte_pktmbuf_copy(m, tl_pool, 0, UINT32_MAX);
		p = nf_parsed(m);
		cr_expect(not(nat_rewrite(&p, NAT_SRC, &a, htons(9))), "protocol %u", proto[i]);
		cr_expect(nf_same(m, was), "protocol %u", proto[i]);
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(was);
	}
}

// The CRC runs over all segments, wherever they are cut.
Test(nat_rewrite, sctp_in_segments)
{
	static const struct form f = {"sctp", IPPROTO_SCTP, 0, 61};

	for (unsigned cut = 46; cut < 46 + 61; cut += 5) { // behind the SCTP header
		struct tl_spec from = spec_of(&f, 0), to = changed(from, 0, NAT_SRC, 99);
		struct rte_mbuf *m = nf_frame(&from), *want = nf_frame(&to),
				*tail = rte_pktmbuf_alloc(tl_pool), *flat;
		uint16_t rest = rte_pktmbuf_data_len(m) - cut;
		union pl_addr a = nf_addr(text[0][2]);
		struct pl_pkt p;

		memcpy(rte_pktmbuf_append(tail, rest), rte_pktmbuf_mtod_offset(m, void *, cut),
		       rest);
		rte_pktmbuf_trim(m, rest);
		rte_pktmbuf_chain(m, tail);
		p = nf_parsed(m);
		cr_expect(nat_rewrite(&p, NAT_SRC, &a, htons(99)));
		flat = rte_pktmbuf_copy(m, tl_pool, 0, UINT32_MAX);
		cr_expect(nf_same(flat, want), "cut at %u", cut);
		rte_pktmbuf_free(m);
		rte_pktmbuf_free(flat);
		rte_pktmbuf_free(want);
	}
}
