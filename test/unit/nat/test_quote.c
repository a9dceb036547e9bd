// ICMP errors: the error that comes out must be, byte for byte, the one that quotes the packet as
// its sender made it. Four directions (error against the original or the reply packet; translated
// source or destination), both families, quotes of every length, errors from a router in between
// and from the gateway.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "nat/nat_rewrite.h"
#include "test/unit/nat/nat_frames.h"

TestSuite(nat_quote, .init = tl_init);

// inside client, server, translated address, a router in between
static const char *const who[2][4] = {
	{"192.168.1.2", "198.51.100.7", "203.0.113.200", "10.9.9.9"},
	{"fd00::2", "2001:db8:1::7", "2001:db8:ffff::200", "2001:db8:9::9"},
};

struct row {
	const char *name;
	enum nat_side side; // of the error that is written
	// Indices into who[]: the error's addresses, the quoted packet's, before and after.
	uint8_t out_src, out_dst, in_src, in_dst;
	uint8_t want_out_src, want_out_dst, want_in_src, want_in_dst;
	uint16_t in_sport, in_dport, want_in_sport, want_in_dport;
	// The tuple against which the error travels.
	uint8_t t_src, t_dst;
	uint16_t t_sport, t_dport;
};

static const struct row rows[] = {
	// SNAT 0:4000 -> 2:5000 towards 1:80. Original tuple 0:4000 -> 1:80, reply 1:80 -> 2:5000.
	{"SNAT, server complains, error enters", NAT_DST, 1, 2, 2, 1, 1, 0, 0, 1, 5000, 80, 4000,
	 80, 0, 1, 4000, 80},
	{"SNAT, router complains, error enters", NAT_DST, 3, 2, 2, 1, 3, 0, 0, 1, 5000, 80, 4000,
	 80, 0, 1, 4000, 80},
	{"SNAT, client complains, error leaves", NAT_SRC, 0, 1, 1, 0, 2, 1, 1, 2, 80, 4000, 80,
	 5000, 1, 2, 80, 5000},
	{"SNAT, gateway complains to server", NAT_SRC, 3, 1, 1, 0, 2, 1, 1, 2, 80, 4000, 80, 5000,
	 1, 2, 80, 5000},
	// DNAT 1:4000 -> 2:80 becomes 1:4000 -> 0:8080. Original tuple 1:4000 -> 2:80, reply 0:8080
	// -> 1:4000.
	{"DNAT, server complains, error leaves", NAT_SRC, 0, 1, 1, 0, 2, 1, 1, 2, 4000, 8080, 4000,
	 80, 1, 2, 4000, 80},
	{"DNAT, router complains, error leaves", NAT_SRC, 3, 1, 1, 0, 2, 1, 1, 2, 4000, 8080, 4000,
	 80, 1, 2, 4000, 80},
	{"DNAT, client complains, error enters", NAT_DST, 1, 2, 2, 1, 1, 0, 0, 1, 80, 4000, 8080,
	 4000, 0, 1, 8080, 4000},
};

static struct rte_mbuf *
quoted(unsigned v6, uint8_t proto, uint8_t src, uint8_t dst, uint16_t sport, uint16_t dport,
       unsigned keep)
{
	static const uint8_t payload[] = "the quick brown fox jumps over it";
	bool icmp = proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
	struct tl_spec s = {
		.src = who[v6][src],
		.dst = who[v6][dst],
		.proto = proto,
		.sport = sport,
		.dport = icmp ? 3 : dport,
		.icmp_type = proto == IPPROTO_ICMP ? 8
			     : icmp		   ? 128
						   : 0,
		.payload = payload,
		.payload_len = sizeof(payload),
		.ttl = 1,
	};
	struct rte_mbuf *m = nf_frame(&s);
	unsigned want = 14 + (v6 ? 40 : 20) + keep;

	if (m->data_len > want)
		rte_pktmbuf_trim(m, m->data_len - want);
	return m;
}

static struct rte_mbuf *
error_about(unsigned v6, uint8_t src, uint8_t dst, struct rte_mbuf *q)
{
	struct rte_mbuf *m =
		tl_icmp_error(who[v6][src], who[v6][dst], v6 ? 1 : 3, v6 ? 4 : 3, 0, q);

	rte_pktmbuf_free(q);
	return m;
}

static void
one(const struct row *r, unsigned v6, uint8_t proto, unsigned keep)
{
	bool icmp = proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
	uint16_t id = r->in_sport == r->want_in_sport ? r->in_dport : r->in_sport;
	uint16_t want_id = r->in_sport == r->want_in_sport ? r->want_in_dport : r->want_in_sport;
	struct rte_mbuf *got = error_about(v6, r->out_src, r->out_dst,
					   quoted(v6, proto, r->in_src, r->in_dst,
						  icmp ? id : r->in_sport, r->in_dport, keep));
	struct rte_mbuf *want =
		error_about(v6, r->want_out_src, r->want_out_dst,
			    quoted(v6, proto, r->want_in_src, r->want_in_dst,
				   icmp ? want_id : r->want_in_sport, r->want_in_dport, keep));
	struct ct_tuple t = {
		.src = nf_addr(who[v6][r->t_src]),
		.dst = nf_addr(who[v6][r->t_dst]),
		.sport = htons(icmp ? want_id : r->t_sport),
		.dport = htons(icmp ? want_id : r->t_dport),
		.family = v6 ? 6 : 4,
		.proto = proto,
	};
	struct pl_pkt p = nf_parsed(got), q = nf_parsed(want);
	// A quote without the checksum of its L4 header: whoever builds the other frame naively has
	// no more of it either, so that the comparison of bytes holds for every length. But an SCTP
	// quote that holds the CRC and not all that it is over keeps the CRC of the packet that was
	// sent.
	bool stale_crc = proto == IPPROTO_SCTP && keep > 8 && keep < 46;

	cr_expect(nat_rewrite_error(&p, r->side, &t), "%s v%d proto %u keep %u: refused", r->name,
		  v6 ? 6 : 4, proto, keep);
	cr_expect(tl_csums_ok(got), "%s v%d proto %u keep %u: checksums", r->name, v6 ? 6 : 4,
		  proto, keep);
	// TCP: 18 and 19 bytes hold the checksum, but netfilter touches it only from 20 on.
	if (!stale_crc && !(proto == IPPROTO_TCP && keep >= 17 && keep < 20) &&
	    !(proto == IPPROTO_DCCP && keep >= 8 && keep < 12))
		cr_expect(nf_same(got, want), "%s v%d proto %u keep %u: bytes", r->name, v6 ? 6 : 4,
			  proto, keep);
	cr_expect(memcmp(&p.src, &q.src, 16) == 0 && memcmp(&p.dst, &q.dst, 16) == 0,
		  "%s: not in step", r->name);
	cr_expect(p.sport == 0 && p.dport == 0, "an error has no ports");
	nat_rewrite_error(&p, r->side, &t);
	cr_expect(tl_csums_ok(got), "%s: idempotent", r->name);
	rte_pktmbuf_free(got);
	rte_pktmbuf_free(want);
}

Test(nat_quote, quotes_what_the_sender_sent)
{
	static const uint8_t protos[] = {IPPROTO_UDP,  IPPROTO_TCP,  IPPROTO_UDPLITE,
					 IPPROTO_SCTP, IPPROTO_DCCP, 0};

	for (size_t i = 0; i < RTE_DIM(rows); i++) {
		for (unsigned v6 = 0; v6 < 2; v6++) {
			for (size_t k = 0; k < RTE_DIM(protos); k++) {
				uint8_t proto = protos[k] != 0 ? protos[k]
						: v6	       ? IPPROTO_ICMPV6
							       : IPPROTO_ICMP;

				for (unsigned keep = 8; keep <= 60; keep++)
					one(&rows[i], v6, proto, keep);
			}
		}
	}
}

Test(nat_quote, short_quote_is_refused_and_left_alone)
{
	for (unsigned v6 = 0; v6 < 2; v6++) {
		// From nothing at all up to 7 bytes of L4 header, byte by byte.
		for (int keep = v6 ? -40 : -20; keep < 8; keep++) {
			struct rte_mbuf *q = quoted(v6, IPPROTO_UDP, 2, 1, 5000, 80, 8), *m, *was;
			struct ct_tuple t = {.src = nf_addr(who[v6][0]),
					     .dst = nf_addr(who[v6][1])};
			struct pl_pkt p;

			rte_pktmbuf_trim(q, 8 - keep);
			m = error_about(v6, 1, 2, q);
			was = rte_pktmbuf_copy(m, tl_pool, 0, UINT32_MAX);
			p = nf_parsed(m);
			cr_expect(not(nat_rewrite_error(&p, NAT_DST, &t)), "v%d keep %d",
				  v6 ? 6 : 4, keep);
			cr_expect(nf_same(m, was), "v%d keep %d", v6 ? 6 : 4, keep);
			rte_pktmbuf_free(m);
			rte_pktmbuf_free(was);
		}
	}
}

// Extension headers in the quote are walked; chains that run past the quote are refused.
Test(nat_quote, extension_headers)
{
	static const struct {
		const char *name;
		uint8_t first;
		uint8_t ext[16];
		uint8_t len;
		bool ok;
	} row[] = {
		{"destination options", IPPROTO_DSTOPTS, {IPPROTO_UDP, 0, 1, 4}, 8, true},
		{"hop by hop, routing",
		 IPPROTO_HOPOPTS,
		 {IPPROTO_ROUTING, 0, 1, 4, 0, 0, 0, 0, IPPROTO_UDP},
		 16,
		 true},
		{"fragment 0", IPPROTO_FRAGMENT, {IPPROTO_UDP, 0, 0, 1}, 8, true},
		{"longer than the quote", IPPROTO_DSTOPTS, {IPPROTO_UDP, 200, 1, 4}, 8, false},
	};

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		struct rte_mbuf *q = quoted(1, IPPROTO_UDP, 2, 1, 5000, 80, 60), *m;
		struct ct_tuple t = {
			.src = nf_addr(who[1][0]), .dst = nf_addr(who[1][1]), .sport = htons(4000)};
		uint8_t *l3 = rte_pktmbuf_mtod_offset(q, uint8_t *, 14), *inner;
		uint16_t len = q->data_len - 54;
		struct pl_pkt p;

		rte_pktmbuf_append(q, row[i].len);
		memmove(l3 + 40 + row[i].len, l3 + 40, len);
		memcpy(l3 + 40, row[i].ext, row[i].len);
		l3[6] = row[i].first;
		l3[5] += row[i].len;
		m = error_about(1, 1, 2, q);
		p = nf_parsed(m);
		cr_expect(eq(int, nat_rewrite_error(&p, NAT_DST, &t), row[i].ok), "%s",
			  row[i].name);
		inner = rte_pktmbuf_mtod_offset(m, uint8_t *, p.l4_off + 8);
		if (row[i].ok)
			cr_expect(inner[40 + row[i].len] == 4000 >> 8 &&
					  inner[41 + row[i].len] == (4000 & 255),
				  "%s: port", row[i].name);
		cr_expect(tl_csums_ok(m), "%s", row[i].name);
		rte_pktmbuf_free(m);
	}
}
