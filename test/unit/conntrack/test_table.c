// Flows in a table: a million random operations against a naive model, full tables, listing.
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "ctt.h"

static struct ct_table *t;
static unsigned released;

static void
on_release(struct pl_worker *w, struct ct_entry *e)
{
	(void)w;
	(void)e;
	released++;
}

static void
table(uint32_t max)
{
	released = 0;
	cr_assert(eq(int, ct_table_create(&t, max, 3, SOCKET_ID_ANY), 0));
	ct_table_set_release(t, on_release);
	ct_time_set(t, 1000000000);
}

static void
drop_table(void)
{
	ct_table_free(t);
	t = NULL;
}

TestSuite(conntrack_table, .fini = drop_table);

// Key number i: every other one IPv6.
static void
key(struct ct_key *k, unsigned i)
{
	memset(k, 0, sizeof(*k));
	k->family = i % 2 == 0 ? 4 : 6;
	k->proto = IPPROTO_UDP;
	k->src.u32[0] = rte_cpu_to_be_32(0x0a000000 + i);
	k->dst.u32[0] = rte_cpu_to_be_32(0xc0000201);
	if (k->family == 6)
		k->src.u32[3] = i * 2654435761u;
	k->sport = rte_cpu_to_be_16((uint16_t)(i >> 3));
	k->dport = rte_cpu_to_be_16(53);
}

static uint64_t
hash_of(const struct ct_key *k)
{
	return ct_key_hash(&t->seeds, k);
}

static struct ct_entry *
add(unsigned i, uint32_t ms)
{
	struct ct_key k, r;
	struct ct_entry *e;

	key(&k, i);
	ct_key_invert(&r, &k);
	e = ct_table_new(t, &k, &r, hash_of(&k));
	if (e == NULL)
		return NULL;
	ct_wheel_refresh(t, e, ms);
	if (ct_table_confirm(t, e) != 0) {
		ct_table_kill(t, e);
		return NULL;
	}
	return e;
}

static struct ct_entry *
find(unsigned i, bool reply)
{
	struct ct_key k, r;
	unsigned dir;
	struct ct_entry *e;

	key(&k, i);
	ct_key_invert(&r, &k);
	e = ct_table_find_live(t, reply ? &r : &k, hash_of(reply ? &r : &k), &dir);
	if (e != NULL)
		cr_assert(eq(uint, dir, reply ? CT_REPLY : CT_ORIGINAL));
	return e;
}

Test(conntrack_table, bad_sizes)
{
	struct ct_table *none = (void *)1;

	cr_expect(eq(int, ct_table_create(&none, 0, 0, 0), -EINVAL));
	cr_expect(eq(int, ct_table_create(&none, UINT32_MAX, 0, 0), -EINVAL));
	cr_expect(eq(ptr, none, (void *)1), "left alone");
	ct_table_free(NULL);
}

Test(conntrack_table, memory_per_flow)
{
	table(1000000);
	// Index of both directions, entry, what is cold; overflow buckets are one in 25 when full.
	double index = (double)t->ix.bucket_size * 1.05 / t->max;

	cr_expect(le(dbl, index + sizeof(struct ct_entry) + sizeof(struct ct_cold), 192.0));
	cr_expect(le(dbl, index + sizeof(struct ct_entry6) + sizeof(struct ct_cold), 256.0));
}

Test(conntrack_table, nothing_in_an_empty_one)
{
	table(10);
	cr_expect(eq(ptr, find(1, false), NULL));
	cr_expect(eq(u32, ct_table_count(t), 0));
	cr_expect(eq(u32, ct_table_max(t), 10));
}

Test(conntrack_table, same_tuple_twice_is_a_clash)
{
	table(10);
	cr_expect(ne(ptr, add(1, 1000), NULL));
	cr_expect(eq(ptr, add(1, 1000), NULL));
	cr_expect(eq(u32, ct_table_count(t), 1));
	ct_table_free_dead(t);
	cr_expect(eq(uint, released, 1u));
}

Test(conntrack_table, reserved_reply_is_taken_but_no_flow)
{
	struct ct_key k, r;
	struct ct_tuple tuple;
	struct ct_entry *e, *other;

	table(10);
	key(&k, 2);
	ct_key_invert(&r, &k);
	e = ct_table_new(t, &k, &r, hash_of(&k));
	cr_assert(eq(int, ct_table_index_reply(t, e), 0));
	ct_tuple_of(&tuple, &r);
	cr_expect(ct_tuple_taken(t, &tuple, NULL));
	cr_expect(not(ct_tuple_taken(t, &tuple, e)), "its own");
	cr_expect(eq(ptr, find(2, true), NULL), "not confirmed");
	other = ct_table_new(t, &k, &r, hash_of(&k));
	cr_expect(eq(int, ct_table_index_reply(t, other), -EEXIST));
	ct_table_free_dead(t);
	cr_expect(not(ct_tuple_taken(t, &tuple, NULL)), "gone with the flow");
	cr_expect(eq(u32, ct_table_count(t), 0));
	cr_expect(eq(uint, released, 2u));
}

Test(conntrack_table, random_against_model, .timeout = 120)
{
	enum { KEYS = 6000, MAX = 4000, OPS = 1000000 };
	static uint64_t dies[KEYS]; // ms on the model's clock; 0: not there
	uint64_t now = 1000, ns = 1000000000;
	unsigned lost = 0;

	srand(7);
	table(MAX + KEYS); // never full
	for (unsigned op = 0; op < OPS; op++) {
		unsigned k = (unsigned)rand() % KEYS, what = (unsigned)rand() % 16;
		bool there = dies[k] > now;

		if (what < 7) {
			uint32_t ms = 1000u * (1 + (unsigned)rand() % 300) + 250;
			struct ct_entry *e = find(k, what & 1);

			cr_assert(eq(int, e != NULL, there), "op %u key %u", op, k);
			if (e != NULL)
				ct_wheel_refresh(t, e, ms);
			else
				cr_assert(ne(ptr, add(k, ms), NULL));
			dies[k] = now + ms;
		} else if (what < 11) {
			struct ct_entry *e = find(k, what & 1);

			cr_assert(eq(int, e != NULL, there), "op %u key %u", op, k);
			if (e != NULL)
				ct_table_kill(t, e);
			dies[k] = 0;
		} else if (what < 15) {
			lost += (find(k, what & 1) != NULL) != there;
		} else if (op % 64 == 15) {
			// Ticks do not divide milliseconds: the clock stands at half seconds,
			// deadlines lie a quarter of a second off.
			now = (now / 1000 + 1 + (unsigned)rand() % 3) * 1000 + 500;
			ns = now * 1000000;
			ct_time_set(t, ns);
			ct_wheel_turn(t, (unsigned)rand() % 40);
			ct_table_free_dead(t);
		}
	}
	cr_expect(eq(uint, lost, 0));
	ct_time_set(t, ns + 400ull * 1000000000);
	for (unsigned i = 0; i < 100000 && ct_table_count(t) != 0; i++)
		ct_wheel_turn(t, 64);
	ct_table_free_dead(t);
	cr_expect(eq(u32, ct_table_count(t), 0), "all of them expire");
	for (uint32_t i = 0; i < t->ix.n; i++)
		cr_assert(eq(u16, t->ix.bucket[i].sig[0], 0), "and leave the index empty");
}

static struct pl_worker *
flusher(void)
{
	static struct pl_worker w;

	w.ct = t;
	return &w;
}

// ---- a full table -------------------------------------------------------------------------------

Test(conntrack_table, full_of_unassured_makes_way)
{
	table(100);
	for (unsigned i = 0; i < 100; i++)
		cr_assert(ne(ptr, add(i, 30000), NULL));
	for (unsigned i = 100; i < 2000; i++) {
		cr_assert(ne(ptr, add(i, 30000), NULL), "%u", i);
		cr_assert(eq(u32, ct_table_count(t), 100));
	}
	cr_expect(eq(u64, t->stats.early_drop, 1900));
	ct_table_free_dead(t);
	cr_expect(eq(uint, released, 1900u));
}

Test(conntrack_table, full_of_assured_refuses)
{
	struct ct_entry *e;

	table(100);
	for (unsigned i = 0; i < 100; i++) {
		e = add(i, 30000);
		cr_assert(ne(ptr, e, NULL));
		e->status |= CT_S_ASSURED;
	}
	cr_expect(eq(ptr, add(100, 30000), NULL));
	cr_expect(eq(u32, ct_table_count(t), 100));
	for (unsigned i = 0; i < 100; i++)
		cr_expect(ne(ptr, find(i, false), NULL), "%u", i);
	ct_time_set(t, 60ull * 1000000000);
	cr_expect(ne(ptr, add(100, 30000), NULL), "those past their time make way though assured");
}

Test(conntrack_table, closing_connections_make_way_last)
{
	struct ct_entry *e;

	table(20); // few enough for all to be within reach
	for (unsigned i = 0; i < 20; i++) {
		e = add(i, 30000);
		e->status |= CT_S_ASSURED;
		e->proto = IPPROTO_UDP;
	}
	cr_assert(eq(ptr, add(20, 30000), NULL));
	ct_table_flush(flusher(), NULL, NULL);
	ct_table_free_dead(t);
	for (unsigned i = 0; i < 20; i++) {
		struct ct_key k, r;

		key(&k, i);
		k.proto = IPPROTO_TCP;
		ct_key_invert(&r, &k);
		e = ct_table_new(t, &k, &r, hash_of(&k));
		ct_wheel_refresh(t, e, 30000);
		cr_assert(eq(int, ct_table_confirm(t, e), 0));
		e->status |= CT_S_ASSURED;
		e->tcp.state = i == 7 ? CT_TCP_TIME_WAIT : CT_TCP_ESTABLISHED;
	}
	cr_expect(ne(ptr, add(50, 30000), NULL));
	cr_expect(eq(u64, t->stats.early_drop, 1));
}

// ---- listing ------------------------------------------------------------------------------------

Test(conntrack_table, listing_has_each_exactly_once_while_others_come_and_go)
{
	static unsigned seen[4000];
	struct ct_flow f[7];
	uint64_t cursor = 0;
	unsigned calls = 0, n;

	table(10000);
	for (unsigned i = 0; i < 1000; i++)
		cr_assert(ne(ptr, add(i, 60000), NULL));
	while (cursor != UINT64_MAX) {
		n = ct_table_dump(t, 1000000000, &cursor, f, RTE_DIM(f));
		for (unsigned i = 0; i < n; i++) {
			unsigned k = rte_be_to_cpu_32(f[i].tuple[0].src.u32[0]) - 0x0a000000;

			seen[k]++;
			cr_expect(eq(u16, f[i].worker, 3));
		}
		add(1000 + calls, 60000);
		if (calls % 2 == 0 && calls < 1000 && find(1000 + calls / 2, false) != NULL)
			ct_table_kill(t, find(1000 + calls / 2, false));
		ct_table_free_dead(t);
		cr_assert(lt(uint, ++calls, 2500u));
	}
	for (unsigned i = 0; i < 1000; i++)
		cr_expect(eq(uint, seen[i], 1u), "flow %u", i);
	for (unsigned i = 1000; i < RTE_DIM(seen); i++)
		cr_expect(le(uint, seen[i], 1u), "flow %u", i);
}

Test(conntrack_table, listing_tells_what_is_known)
{
	struct ct_flow f;
	struct ct_entry *e;
	uint64_t cursor = 0;

	table(10);
	e = add(4, 90000);
	ct_entry_set_mark(NULL, e, 0x1234);
	ct_entry_set_status(e, CT_S_SRC_NAT | CT_S_SRC_NAT_DONE);
	ct_entry_account(t, e, CT_ORIGINAL, 100);
	ct_entry_account(t, e, CT_REPLY, UINT32_MAX);
	ct_entry_account(t, e, CT_REPLY, UINT32_MAX); // carries into the high word
	e->packets[CT_REPLY] = UINT32_MAX;
	ct_entry_account(t, e, CT_REPLY, 2);
	cr_assert(eq(uint, ct_table_dump(t, 1000000000, &cursor, &f, 1), 1u));
	cr_expect(eq(u32, f.mark, 0x1234));
	cr_expect(eq(u32, f.status, CT_S_CONFIRMED | CT_S_SRC_NAT | CT_S_SRC_NAT_DONE));
	cr_expect(eq(u64, f.packets[0], 1));
	cr_expect(eq(u64, f.bytes[0], 100));
	cr_expect(eq(u64, f.packets[1], 1ull << 32));
	cr_expect(eq(u64, f.bytes[1], 2ull * UINT32_MAX + 2));
	cr_expect(eq(u32, f.timeout_sec, 90u));
	cr_expect(eq(u8, f.tuple[1].family, 4));
	cr_expect(eq(u16, rte_be_to_cpu_16(f.tuple[1].sport), 53));
}

static bool
even(const struct ct_entry *e, void *arg)
{
	(void)arg;
	return e->family == 4;
}

Test(conntrack_table, flush_ends_what_is_wanted)
{
	table(100);
	for (unsigned i = 0; i < 50; i++)
		add(i, 60000);
	cr_expect(eq(uint, ct_table_flush(flusher(), even, NULL), 25u));
	cr_expect(eq(u32, ct_table_count(t), 25));
	cr_expect(eq(ptr, find(0, false), NULL));
	cr_expect(ne(ptr, find(1, false), NULL));
	cr_expect(eq(uint, ct_table_flush(flusher(), NULL, NULL), 25u));
	ct_table_free_dead(t);
	cr_expect(eq(uint, released, 50u));
}

static bool
of_ipv6(const struct ct_flow *f, const void *arg)
{
	cr_expect(eq(ptr, (void *)arg, (void *)t));
	return f->tuple[0].family == 6;
}

Test(conntrack_table, ends_what_is_wanted_a_slice_at_a_time)
{
	struct pl_worker *w = flusher();
	unsigned n = 0, slices = 0;
	struct ct_flow f[8];
	uint64_t cursor = 0;

	table(100);
	w->ct = t;
	w->now_ns = 1000000000;
	for (unsigned i = 0; i < 50; i++)
		add(i, 60000);
	while (cursor != UINT64_MAX) {
		unsigned got = ct_table_end_some(w, &cursor, f, RTE_DIM(f), of_ipv6, t);

		for (unsigned i = 0; i < got; i++)
			cr_expect(eq(u8, f[i].tuple[0].family, 6));
		n += got;
		slices++;
	}
	cr_expect(eq(uint, n, 25u));
	cr_expect(ge(uint, slices, 50 / RTE_DIM(f)), "never more than a slice is looked at");
	cr_expect(eq(u32, ct_table_count(t), 25));
	cr_expect(eq(ptr, find(1, false), NULL));
	cr_expect(ne(ptr, find(0, false), NULL));
	ct_table_free_dead(t);
	cr_expect(eq(uint, released, 25u));
}

Test(conntrack_table, free_releases_what_lives)
{
	table(100);
	for (unsigned i = 0; i < 10; i++)
		add(i, 60000);
	ct_table_free(t);
	t = NULL;
	cr_expect(eq(uint, released, 10u));
}
