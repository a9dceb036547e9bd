// The short form of the parser against the whole one: what it takes, it reads as pl_parse() does,
// and it takes what it should.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "pipeline/plain.h"
#include "test/lib/tl.h"

#define FRAME_MAX 128
#define MAC	  UINT64_C(0x010000000002) // 02:00:00:00:00:01 in memory order

static uint64_t seed;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((seed >> 33) % n);
}

static void
sum_header(uint8_t *ip)
{
	uint16_t csum;

	memset(ip + 10, 0, 2);
	csum = (uint16_t)~pl_csum_fold64(pl_csum_sum(ip, (ip[0] & 15) * 4u));
	memcpy(ip + 10, &csum, 2);
}

// A frame that is plain, UDP or TCP, with 0 to 40 bytes of payload and now and then link padding;
// a UDP datagram may say that it is shorter than its packet.
static uint16_t
make(uint8_t *f, uint8_t family)
{
	const bool tcp = rnd(2);
	const uint16_t l4_len = (uint16_t)((tcp ? 20 : 8) + rnd(41)), head = family == 4 ? 20 : 40;
	uint16_t len = (uint16_t)(head + l4_len);
	uint8_t *l3 = f + 14, *l4 = l3 + head;

	for (unsigned i = 0; i < FRAME_MAX; i++)
		f[i] = (uint8_t)rnd(256);
	memcpy(f, (uint8_t[12]){2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9}, 12);
	if (family == 4) {
		memcpy(f + 12, "\x08\x00", 2);
		memcpy(l3,
		       (uint8_t[10]){0x45, 0, (uint8_t)(len >> 8), (uint8_t)len, 1, 2, 0x40, 0, 64,
				     tcp ? 6 : 17},
		       10);
		memcpy(l3 + 12,
		       (uint8_t[8]){10, 0, 0, (uint8_t)rnd(256), 192, 0, 2, (uint8_t)rnd(256)}, 8);
		sum_header(l3);
	} else {
		memcpy(f + 12, "\x86\xdd", 2);
		memcpy(l3,
		       (uint8_t[8]){0x60, 0, 0, 1, (uint8_t)(l4_len >> 8), (uint8_t)l4_len,
				    tcp ? 6 : 17, 64},
		       8);
		l3[8] = l3[24] = 0x20;
	}
	if (tcp) {
		l4[12] = 0x50;
		l4[13] = rnd(2) ? 0x10 : 0x18;
	} else {
		uint16_t says = (uint16_t)(8 + rnd(l4_len - 7u));

		l4[4] = (uint8_t)(says >> 8);
		l4[5] = (uint8_t)says;
	}
	return (uint16_t)(14 + len + (rnd(4) == 0 ? rnd(8) : 0));
}

static struct rte_mbuf *
buffer(const uint8_t *f, uint16_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(tl_pool);

	cr_assert(ne(ptr, m, NULL));
	memcpy(rte_pktmbuf_append(m, len), f, len);
	return m;
}

static void
init(struct pl_pkt *p, struct rte_mbuf *m)
{
	memset(p, 0, sizeof(*p));
	p->m = m;
	p->in_port = 3;
	p->out_port = PL_PORT_NONE;
	p->origin = PL_FROM_WIRE;
}

// The two parsers on one frame. True: it was plain.
static bool
both(const uint8_t *f, uint16_t len, uint8_t family)
{
	struct rte_mbuf *m1 = buffer(f, len), *m2 = buffer(f, len);
	struct pl_pkt a, b;
	uint8_t plain;

	init(&a, m1);
	init(&b, m2);
	plain = pl_parse_plain(&a, MAC);
	if (plain != 0) {
		cr_assert(eq(u8, plain, family));
		cr_assert(eq(int, pl_parse(&b), 0));
		cr_assert(eq(u32, m1->pkt_len, m2->pkt_len));
		b.m = m1;
		b.flags |= PL_F_PLAIN;
		cr_assert(eq(int, memcmp(&a, &b, sizeof(a)), 0));
		cr_assert(eq(int, memcmp(f, "\2\0\0\0\0\1", 6), 0));
		cr_assert(gt(uint, a.ttl, 1));
	} else {
		init(&b, m1);
		cr_assert(eq(int, memcmp(&a, &b, sizeof(a)), 0), "untouched");
	}
	rte_pktmbuf_free(m1);
	rte_pktmbuf_free(m2);
	return plain != 0;
}

Test(pipeline_plain, reads_what_the_whole_parser_reads)
{
	unsigned taken[2] = {0};

	tl_init();
	seed = 1;
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t f[FRAME_MAX], family = i % 2 == 0 ? 4 : 6;
		uint16_t len = make(f, family);
		bool plain, spoilt = rnd(4) != 0;

		if (spoilt) {
			f[rnd(family == 4 ? 54 : 74)] ^= (uint8_t)(1u << rnd(8));
			if (family == 4 && rnd(2))
				sum_header(f + 14);
			if (rnd(8) == 0)
				len = (uint16_t)(len - rnd(14));
		}
		plain = both(f, len, family);
		if (!spoilt)
			cr_assert(plain);
		taken[i % 2] += plain;
	}
	cr_assert(gt(uint, taken[0], 25000u));
	cr_assert(gt(uint, taken[1], 25000u));
}

Test(pipeline_plain, leaves_what_is_not)
{
	static const struct {
		const char *name;
		unsigned at;
		uint8_t value;
		uint8_t family;
	} row[] = {
		{"another station", 5, 9, 4},
		{"a group's frame", 0, 3, 4},
		{"IPv6's type", 13, 0xdd, 4},
		{"options", 14, 0x46, 4},
		{"more fragments", 20, 0x20, 4},
		{"a later fragment", 21, 1, 4},
		{"hop limit 1", 22, 1, 4},
		{"ICMP", 23, 1, 4},
		{"to a group", 30, 224, 4},
		{"length below the headers", 17, 27, 4},
		{"length beyond the frame", 17, 200, 4},
		{"IPv4's version", 14, 0x45, 6},
		{"an extension header", 20, 0, 6},
		{"ICMPv6", 20, 58, 6},
		{"hop limit 0", 21, 0, 6},
		{"from a group", 22, 0xff, 6},
		{"to a group", 38, 0xff, 6},
		{"length below the headers", 19, 7, 6},
		{"length beyond the frame", 19, 200, 6},
	};

	tl_init();
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		uint8_t f[FRAME_MAX];
		struct rte_mbuf *m;
		struct pl_pkt p;

		seed = 7;
		make(f, row[i].family);
		f[row[i].at] = row[i].value;
		if (row[i].family == 4)
			sum_header(f + 14);
		m = buffer(f, 100);
		init(&p, m);
		cr_expect(eq(u8, pl_parse_plain(&p, MAC), 0), "%s", row[i].name);
		rte_pktmbuf_free(m);
	}
}
