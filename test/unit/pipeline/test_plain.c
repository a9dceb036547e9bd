// The short form of the parser against the whole one: what it takes, it reads as pl_parse() does,
// and it takes what it should.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "pipeline/plain.h"
#include "test/lib/tl.h"

#define MAC UINT64_C(0x010000000002) // 02:00:00:00:00:01 in memory order

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

// A frame that is plain, UDP or TCP, with 0 to 40 bytes of payload and now and then link padding.
static uint16_t
make(uint8_t *f)
{
	bool tcp = rnd(2);
	uint16_t len = (uint16_t)(20 + (tcp ? 20 : 8) + rnd(41));

	for (unsigned i = 0; i < 128; i++)
		f[i] = (uint8_t)rnd(256);
	memcpy(f, (uint8_t[14]){2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9, 8, 0}, 14);
	memcpy(f + 14,
	       (uint8_t[12]){0x45, 0, (uint8_t)(len >> 8), (uint8_t)len, 1, 2, 0x40, 0, 64,
			     tcp ? 6 : 17},
	       12);
	memcpy(f + 26, (uint8_t[8]){10, 0, 0, (uint8_t)rnd(256), 192, 0, 2, (uint8_t)rnd(256)}, 8);
	if (tcp) {
		f[46] = 0x50;
		f[47] = rnd(2) ? 0x10 : 0x18;
	}
	sum_header(f + 14);
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

Test(pipeline_plain, reads_what_the_whole_parser_reads)
{
	unsigned taken = 0;

	tl_init();
	seed = 1;
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t f[128];
		uint16_t len = make(f);
		struct rte_mbuf *m1, *m2;
		struct pl_pkt a, b;
		bool plain, spoilt = rnd(4) != 0;

		if (spoilt) {
			f[rnd(54)] ^= (uint8_t)(1u << rnd(8));
			if (rnd(2))
				sum_header(f + 14);
			if (rnd(8) == 0)
				len = (uint16_t)(len - rnd(14));
		}
		m1 = buffer(f, len);
		m2 = buffer(f, len);
		init(&a, m1);
		init(&b, m2);
		plain = pl_parse_plain(&a, MAC);
		if (!spoilt)
			cr_assert(plain);
		if (plain) {
			taken++;
			cr_assert(eq(int, pl_parse(&b), 0));
			cr_assert(eq(u32, m1->pkt_len, m2->pkt_len));
			b.m = m1;
			b.flags |= PL_F_PLAIN;
			cr_assert(eq(int, memcmp(&a, &b, sizeof(a)), 0), "frame %u", i);
			cr_assert(eq(int, memcmp(f, "\2\0\0\0\0\1", 6), 0));
			cr_assert(gt(uint, a.ttl, 1));
		} else {
			init(&b, m2);
			cr_assert(eq(int, memcmp(&a.src, &b.src, sizeof(a.src)), 0), "untouched");
		}
		rte_pktmbuf_free(m1);
		rte_pktmbuf_free(m2);
	}
	cr_assert(gt(uint, taken, 50000u));
}

Test(pipeline_plain, leaves_what_is_not)
{
	static const struct {
		const char *name;
		unsigned at;
		uint8_t value;
	} row[] = {
		{"another station", 5, 9},
		{"a group's frame", 0, 3},
		{"IPv6's type", 13, 0xdd},
		{"options", 14, 0x46},
		{"more fragments", 20, 0x20},
		{"a later fragment", 21, 1},
		{"hop limit 1", 22, 1},
		{"ICMP", 23, 1},
		{"to a group", 30, 224},
		{"length below the headers", 17, 27},
		{"length beyond the frame", 17, 200},
	};

	tl_init();
	for (size_t i = 0; i < RTE_DIM(row); i++) {
		uint8_t f[128];
		struct rte_mbuf *m;
		struct pl_pkt p;

		seed = 7;
		make(f);
		f[row[i].at] = row[i].value;
		sum_header(f + 14);
		m = buffer(f, 100);
		init(&p, m);
		cr_expect(not(pl_parse_plain(&p, MAC)), "%s", row[i].name);
		rte_pktmbuf_free(m);
	}
}
