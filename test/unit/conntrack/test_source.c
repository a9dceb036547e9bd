// Flows counted by source: the limit over the whole way of a packet, and the table of addresses
// against a plain list.
#include <netinet/in.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "ctt.h"

static struct tl_spec
from(const char *src, const char *dst, unsigned sport)
{
	return (struct tl_spec){.src = src, .dst = dst, .sport = (uint16_t)sport, .dport = 53};
}

static uint64_t
refused(void)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < ctt.n; i++)
		n += ctt.w[i]->cnt.drop[PL_DROP_CT_SOURCE_FULL];
	return n;
}

Test(conntrack_source, a_source_has_its_limit, .fini = ctt_stop)
{
	struct tl_spec s;

	ctt_start(1, 1000);
	s = from("192.0.2.1", "198.51.100.2", 999);
	cr_expect(eq(u8, ctt_one(&s), PL_CT_NEW), "before there is a limit");
	ctt.conf.source_max = 3;
	for (unsigned i = 0; i < 5; i++) {
		s = from("192.0.2.1", "198.51.100.2", 1000 + i);
		cr_expect(eq(u8, ctt_one(&s), i < 3 ? PL_CT_NEW : 0), "%u", i);
	}
	cr_expect(eq(u64, refused(), 2));
	s = from("192.0.2.1", "198.51.100.2", 1001);
	cr_expect(eq(u8, ctt_one(&s), PL_CT_NEW), "known flows go on");
	s = from("192.0.2.3", "198.51.100.2", 1000);
	cr_expect(eq(u8, ctt_one(&s), PL_CT_NEW), "another source");
	s = from("2001:db8::1", "2001:db8:1::2", 1000);
	cr_expect(eq(u8, ctt_one(&s), PL_CT_NEW), "another family");
	ctt_advance_ms(31000);
	ctt_turns();
	s = from("192.0.2.1", "198.51.100.2", 1003);
	cr_expect(eq(u8, ctt_one(&s), PL_CT_NEW), "when flows end there is room again");
	ctt.conf.source_max = 0;
	for (unsigned i = 0; i < 5; i++) {
		s = from("192.0.2.1", "198.51.100.2", 2000 + i);
		cr_expect(eq(u8, ctt_one(&s), PL_CT_NEW), "no limit any more");
	}
	cr_expect(eq(u64, refused(), 2));
}

static bool
drop_all(struct pl_worker *w, const struct pl_pkt *p)
{
	(void)w;
	(void)p;
	return true;
}

Test(conntrack_source, what_is_never_known_does_not_count, .fini = ctt_stop)
{
	struct tl_spec s;

	ctt_start(1, 1000);
	ctt.conf.source_max = 1;
	ctt.drop = drop_all;
	for (unsigned i = 0; i < 4; i++) {
		s = from("192.0.2.1", "198.51.100.2", 1000 + i);
		ctt_one(&s);
	}
	cr_expect(eq(u64, refused(), 0));
	ctt.drop = NULL;
}

// A source's flows meet at several workers, each with its share.
Test(conntrack_source, shares_of_workers, .fini = ctt_stop)
{
	unsigned flows = 0;

	ctt_start(4, 1000);
	ctt.conf.source_max = 100;
	for (unsigned i = 0; i < 400; i++) {
		const struct tl_spec s = from("192.0.2.1", "198.51.100.2", 1000 + i);
		struct rte_mbuf *m = tl_frame(&s);

		ctt_feed(i % 4, &m, 1);
	}
	for (unsigned i = 0; i < 4; i++) {
		cr_expect(le(u32, ct_table_count(ctt.w[i]->ct), 25));
		flows += ct_table_count(ctt.w[i]->ct);
	}
	cr_expect(eq(uint, flows, 100), "each worker had more than its share to do");
	cr_expect(eq(u64, refused(), 300));
}

#define SOURCES 40
#define FLOWS	60

// Births and ends at random, few addresses in a small table: many stand next to each other.
Test(conntrack_source, against_a_plain_list, .fini = ctt_stop)
{
	struct ct_entry *flow[FLOWS] = {NULL};
	unsigned of[FLOWS], count[SOURCES] = {0};
	struct ct_table *t;
	uint32_t rnd = 1;

	ctt_start(1, FLOWS);
	t = ctt.w[0]->ct;
	t->source_limit = 3;
	for (unsigned round = 0; round < 20000; round++) {
		unsigned i = (rnd = rnd * 1103515245 + 12345) >> 16 & 0x7fff, who = i % SOURCES;
		struct ct_key k = {.family = who % 2 ? 4 : 6, .proto = IPPROTO_UDP}, reply;

		i %= FLOWS;
		if (flow[i] != NULL) {
			ct_table_kill(t, flow[i]);
			ct_table_free_dead(t);
			flow[i] = NULL;
			count[of[i]]--;
			continue;
		}
		k.src.v4 = 1000 + who;
		k.dst.v4 = 1;
		k.sport = (uint16_t)round;
		cr_assert(eq(int, ct_source_full(t, &k), count[who] >= 3), "round %u", round);
		if (count[who] >= 3)
			continue;
		cr_assert(ct_key_invert(&reply, &k));
		flow[i] = ct_table_new(t, &k, &reply, ct_key_hash(&t->seeds, &k));
		cr_assert(ne(ptr, flow[i], NULL));
		ct_source_take(t, flow[i]);
		cr_assert(eq(int, ct_table_confirm(t, flow[i]), 0));
		of[i] = who;
		count[who]++;
	}
}
