// Time: when flows end, that the wheel finds them, and clocks that jump.
#include <netinet/in.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "ctt.h"

#define SEC 1000000000ull

static struct ct_table *t;
static uint64_t now = 10 * SEC;
static unsigned next_key;

static void
setup(void)
{
	cr_assert(eq(int, ct_table_create(&t, 200000, 0, SOCKET_ID_ANY), 0));
	ct_time_set(t, now);
}

static void
teardown(void)
{
	ct_table_free(t);
}

TestSuite(conntrack_wheel, .init = setup, .fini = teardown);

static struct ct_entry *
flow(uint32_t ms)
{
	struct ct_key k = {.family = 4, .proto = IPPROTO_UDP}, r;
	struct ct_entry *e;

	k.src.v4 = ++next_key;
	k.dst.v4 = ~next_key;
	ct_key_invert(&r, &k);
	e = ct_table_new(t, &k, &r, ct_key_hash(&t->seeds, &k));
	ct_wheel_refresh(t, e, ms);
	cr_assert(eq(int, ct_table_confirm(t, e), 0));
	return e;
}

static void
at(uint64_t ns, unsigned budget)
{
	now = ns;
	ct_time_set(t, now);
	ct_wheel_turn(t, budget);
	ct_table_free_dead(t);
}

// Seconds until the wheel has ended everything, turning each tenth of a second.
static double
ends_after(void)
{
	uint64_t start = now;

	while (ct_table_count(t) != 0 && now - start < 4000000 * SEC)
		at(now + SEC / 10, 64);
	return (double)(now - start) / 1e9;
}

Test(conntrack_wheel, ends_soon_after_the_deadline)
{
	static const uint32_t ms[] = {0,       100,	1000,	 30000,	 120000,
				      1000000, 1097000, 1105000, 5000000};

	for (unsigned i = 0; i < RTE_DIM(ms); i++) {
		double s;

		flow(ms[i]);
		s = ends_after();
		cr_expect(ge(dbl, s, ms[i] / 1000.0), "%u ms: not before its time", ms[i]);
		cr_expect(le(dbl, s, ms[i] / 1000.0 + 0.7), "%u ms: ended after %f s", ms[i], s);
	}
}

Test(conntrack_wheel, refreshed_flow_lives_on)
{
	struct ct_entry *e = flow(30000);

	for (unsigned i = 0; i < 100; i++) {
		at(now + 20 * SEC, 64);
		cr_assert(eq(u32, ct_table_count(t), 1));
		ct_wheel_refresh(t, e, 30000);
	}
	cr_expect(le(dbl, ends_after(), 30.7));
}

Test(conntrack_wheel, deadline_moved_forward_is_kept)
{
	struct ct_entry *e = flow(432000 * 1000u);

	at(now + 5 * SEC, 64);
	ct_wheel_refresh(t, e, 10000); // the connection was reset
	double s = ends_after();

	cr_expect(le(dbl, s, 10.7), "%f", s);
}

Test(conntrack_wheel, five_days)
{
	flow(432000 * 1000u);
	at(now + 431990 * SEC, 64); // in one jump
	for (unsigned i = 0; i < 100; i++)
		at(now, 64);
	cr_expect(eq(u32, ct_table_count(t), 1));
	cr_expect(le(dbl, ends_after(), 11.0));
}

Test(conntrack_wheel, years_at_once)
{
	for (unsigned i = 0; i < 1000; i++)
		flow(1000 + i * 400000);
	at(now + 3 * 365 * 86400 * SEC, 1);
	cr_expect(eq(u32, ct_table_count(t), 0), "all ended whatever the budget");
	flow(5000);
	cr_expect(le(dbl, ends_after(), 5.7), "and the wheel turns on from there");
}

Test(conntrack_wheel, work_per_turn_is_bounded)
{
	for (unsigned i = 0; i < 10000; i++)
		flow(1000);
	at(now + 60 * SEC, 64);
	while (ct_table_count(t) == 10000)
		at(now, 64); // empty slots before the full one
	cr_expect(ge(u32, ct_table_count(t), 10000u - 64));
	for (unsigned i = 0; i < 10000 / 64 + 2; i++)
		at(now, 64);
	cr_expect(eq(u32, ct_table_count(t), 0));
}

Test(conntrack_wheel, lagging_wheel_hides_nothing)
{
	struct ct_entry *e = flow(1000);
	struct ct_key k;
	unsigned dir;

	ct_entry_key(e, CT_REPLY, &k);
	now += 2 * SEC;
	ct_time_set(t, now); // the wheel did not turn
	cr_expect(eq(ptr, ct_table_find_live(t, &k, ct_key_hash(&t->seeds, &k), &dir), NULL));
	cr_expect(eq(u32, ct_table_count(t), 0));
}

Test(conntrack_wheel, clock_that_runs_backwards_stands_still)
{
	flow(1000);
	ct_time_set(t, now - 5 * SEC);
	cr_expect(eq(u32, ct_table_count(t), 1));
	at(now + 2 * SEC, 64);
	at(now + 1 * SEC, 64);
	cr_expect(eq(u32, ct_table_count(t), 0));
}

Test(conntrack_wheel, longest_timeout)
{
	struct ct_entry *e = flow(UINT32_MAX); // counts as 49 days

	cr_expect(le(u32, ct_ms_left(t, e), CT_TIMEOUT_MAX_MS + 5));
	cr_expect(ge(u32, ct_ms_left(t, e), CT_TIMEOUT_MAX_MS - 5));
	at(now + 48ull * 86400 * SEC, 64);
	for (unsigned i = 0; i < 200; i++)
		at(now, 64);
	cr_expect(eq(u32, ct_table_count(t), 1));
}
