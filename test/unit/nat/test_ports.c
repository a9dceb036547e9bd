// The search for a port: kept classes, whole ranges used up, bounded when full, replies that come
// home. No EAL and no flows: the ports that are taken are an array here. Each row of a table
// reports for itself.
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "nat/nat_ports.h"
#include "pipeline/toeplitz.h"
#include "test/lib/tl.h"

TestSuite(nat_ports, .init = pl_toeplitz_init);

struct world {
	uint8_t used[65536];
	unsigned asked, last;
	uint64_t seed;
};

static bool
is_used(void *ctx, uint16_t port, bool last)
{
	struct world *w = ctx;

	w->asked++;
	w->last += last;
	return w->used[port];
}

static uint64_t
draw(void *ctx)
{
	struct world *w = ctx;

	return w->seed = w->seed * 6364136223846793005u + 1442695040888963407u, w->seed >> 16;
}

static struct nat_search
search(struct world *w, uint16_t min, uint32_t size, uint32_t start)
{
	return (struct nat_search){.min = min,
				   .size = size,
				   .start = start,
				   .spread = 1,
				   .taken = is_used,
				   .random = draw,
				   .ctx = w};
}

Test(nat_ports, classes)
{
	static const struct {
		uint16_t port, min;
		uint32_t size;
	} row[] = {
		{0, 1, 511},	  {1, 1, 511},	       {511, 1, 511},	     {512, 600, 424},
		{1023, 600, 424}, {1024, 1024, 64512}, {65535, 1024, 64512},
	};

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		uint16_t min = 0;
		uint32_t size = 0;

		nat_port_class(row[i].port, &min, &size);
		cr_expect(eq(u16, min, row[i].min), "port %u", row[i].port);
		cr_expect(eq(u32, size, row[i].size), "port %u", row[i].port);
	}
}

// A full range is given up, after a bounded number of questions; a small one only when it is truly
// full.
Test(nat_ports, exhaustion)
{
	static const struct {
		uint16_t min;
		uint32_t size;
		unsigned asks, last;
	} row[] = {{5000, 1, 1, 1},	 {5000, 2, 2, 2},	  {1, 128, 128, 32},
		   {600, 424, 248, 120}, {1024, 64512, 248, 120}, {0, 65536, 248, 120}};

	for (size_t i = 0; i < RTE_DIM(row); i++) {
		static struct world w;
		struct nat_search s;
		uint16_t port = 0;

		memset(&w, 0, sizeof(w));
		memset(w.used, 1, sizeof(w.used));
		s = search(&w, row[i].min, row[i].size, row[i].size - 1);
		cr_expect(not(nat_port_search(&s, &port)), "size %u", row[i].size);
		cr_expect(eq(uint, w.asked, row[i].asks), "size %u", row[i].size);
		cr_expect(eq(uint, w.last, row[i].last), "size %u", row[i].size);
		cr_expect(port >= row[i].min && port - row[i].min < (int)row[i].size);
	}
}

// Ports come one by one until none is left, each once.
Test(nat_ports, a_small_range_is_used_to_the_last)
{
	static struct world w;

	for (uint32_t size = 1; size <= 128; size++) {
		memset(&w, 0, sizeof(w));
		for (uint32_t i = 0; i < size; i++) {
			struct nat_search s = search(&w, 65408, size, draw(&w) % size);
			uint16_t port = 0;

			cr_assert(nat_port_search(&s, &port), "size %u: %u left", size, size - i);
			cr_assert(not(w.used[port]), "size %u: port %u twice", size, port);
			w.used[port] = 1;
		}
	}
}

Test(nat_ports, in_order_from_the_start)
{
	static struct world w;
	uint16_t port = 0;
	struct nat_search s = search(&w, 5000, 10, 8);

	w.used[5008] = w.used[5009] = 1;
	cr_expect(nat_port_search(&s, &port));
	cr_expect(eq(u16, port, 5000), "the range is a ring");
}

static uint8_t reta[PL_RETA_SIZE];

static void
spread(unsigned workers)
{
	for (unsigned i = 0; i < PL_RETA_SIZE; i++)
		reta[i] = i % workers;
}

// Every port that is found hashes home, for every worker; together the workers share all ports out
// fairly.
Test(nat_ports, reply_comes_home)
{
	static const unsigned workers[] = {2, 4, 8, 3, 64};
	static struct world w;

	for (size_t i = 0; i < RTE_DIM(workers); i++) {
		spread(workers[i]);
		for (unsigned id = 0; id < workers[i]; id++) {
			union pl_addr server = {.v4 = rte_cpu_to_be_32(0xc6336407)};
			union pl_addr us = {.v4 = rte_cpu_to_be_32(0xcb007101 + id)};
			rte_be16_t sport = rte_cpu_to_be_16(443);
			unsigned got = 0;

			memset(&w, 0, sizeof(w));
			for (unsigned k = 0; k < 700; k++) {
				struct nat_search s = search(&w, 1024, 64512, draw(&w) % 64512);
				uint16_t port = 0;
				uint32_t hash;

				s.home = (struct nat_home){
					reta, pl_toeplitz(4, &server, &us, sport, 0), id};
				s.spread = workers[i];
				if (!nat_port_search(&s, &port))
					break;
				hash = pl_toeplitz(4, &server, &us, sport, rte_cpu_to_be_16(port));
				cr_assert(eq(u16, pl_reta_worker(reta, hash), id), "%u workers",
					  workers[i]);
				cr_assert(not(w.used[port]));
				w.used[port] = 1;
				got++;
			}
			cr_expect(eq(uint, got, 700), "%u workers, worker %u", workers[i], id);
		}
	}
}

// With a symmetric key every reta entry gets its equal part of the 65536 ports: no worker is left
// without.
Test(nat_ports, every_worker_has_its_share)
{
	unsigned count[PL_RETA_SIZE] = {0};

	for (unsigned port = 0; port <= UINT16_MAX; port++)
		count[pl_toeplitz16(port) & (PL_RETA_SIZE - 1)]++;
	for (unsigned i = 0; i < PL_RETA_SIZE; i++)
		cr_expect(eq(uint, count[i], 65536 / PL_RETA_SIZE));
}

// Full at home: given up after as many questions as without steering.
Test(nat_ports, exhaustion_with_many_workers)
{
	static struct world w;
	struct nat_search s = search(&w, 1024, 64512, 77);
	uint16_t port;

	spread(64);
	memset(w.used, 1, sizeof(w.used));
	s.home = (struct nat_home){reta, 0, 5};
	s.spread = 64;
	cr_expect(not(nat_port_search(&s, &port)));
	cr_expect(lt(uint, w.asked, 2 * 248), "%u questions", w.asked);
}

// Candidates that are drawn: as bounded as those that are counted up, a short search asks 24 times,
// and at 99 % of use nine searches in ten find one however the used ports came about.
Test(nat_ports, scattered)
{
	static struct world w = {.seed = 7};
	struct nat_search s = search(&w, 1024, 64512, 0);
	unsigned found = 0, used = 0;
	uint16_t port = 0;

	s.scatter = true;
	memset(w.used, 1, sizeof(w.used));
	cr_expect(not(nat_port_search(&s, &port)));
	cr_expect(eq(uint, w.asked, 248));
	s.brief = true;
	w.asked = 0;
	cr_expect(not(nat_port_search(&s, &port)));
	cr_expect(eq(uint, w.asked, 16 + 8));
	s.brief = false;
	memset(w.used, 0, sizeof(w.used));
	while (used < 64512 * 99 / 100) {
		s.start = (uint32_t)(draw(&w) % 64512);
		if (!nat_port_search(&s, &port))
			continue;
		cr_assert(port >= 1024 && w.used[port] == 0);
		w.used[port] = 1;
		used++;
	}
	for (unsigned i = 0; i < 1000; i++) {
		s.start = (uint32_t)(draw(&w) % 64512);
		found += nat_port_search(&s, &port);
	}
	cr_expect(gt(uint, found, 880));
}
