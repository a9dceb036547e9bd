// The look-up and confirm stages packet by packet: what is called what, what leaves no flow, what a
// burst does to packets of one flow.
#include <netinet/in.h>
#include <netinet/tcp.h>

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
