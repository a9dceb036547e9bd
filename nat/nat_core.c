// A worker's block, its random numbers, and what control asks when an address goes. Made and freed
// on the main thread while the worker does not run; everything else on the worker's thread
// (nat_flush_port through pl_worker_call).
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <rte_cycles.h>
#include <rte_malloc.h>

#include "nat/nat_core.h"

#define DEFAULT_FLOWS 65536
#define MAPS	      (1u << 20) // links; memory is taken for those that there were

int
nat_core_create(struct nat_core **out, const struct nat_env *env, uint16_t worker, int socket)
{
	struct nat_core *n =
		rte_zmalloc_socket("nat_core", sizeof(*n), RTE_CACHE_LINE_SIZE, socket);

	if (n == NULL)
		return -ENOMEM;
	n->env = *env;
	n->worker = worker;
	if (getrandom(n->key, sizeof(n->key), 0) != sizeof(n->key)) {
		rte_free(n);
		return -EIO;
	}
	if (nat_bysrc_init(&n->bysrc, env->flows != 0 ? env->flows : DEFAULT_FLOWS, n->key[0]) !=
	    0) {
		rte_free(n);
		return -ENOMEM;
	}
	if (nat_maps_init(&n->maps, MAPS, n->key[1], worker) != 0 ||
	    nat_use_init(&n->use, n->key[0]) != 0 || nat_blocks_init(&n->blocks, n->key[0]) != 0) {
		nat_core_free(n);
		return -ENOMEM;
	}
	*out = n;
	return 0;
}

void
nat_core_free(struct nat_core *n)
{
	if (n == NULL)
		return;
	nat_bysrc_fini(&n->bysrc);
	nat_maps_fini(&n->maps);
	nat_use_fini(&n->use);
	nat_blocks_fini(&n->blocks);
	rte_free(n);
}

void
nat_core_seed(struct nat_core *n, uint64_t seed)
{
	n->key[0] = seed;
	n->key[1] = ~seed + n->worker;
	n->drawn = 0;
	n->maps.key = seed;
}

static inline uint64_t
rotl(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

// SipHash's permutation (Aumasson, Bernstein 2012) over a counter, keyed: 1 round in, 3 out.
uint64_t
nat_random(struct nat_core *n)
{
	uint64_t count = n->drawn++;
	uint64_t a = n->key[0] ^ 0x736f6d6570736575, b = n->key[1] ^ 0x646f72616e646f6d;
	uint64_t c = n->key[0] ^ 0x6c7967656e657261, d = n->key[1] ^ 0x7465646279746573 ^ count;

	for (unsigned round = 0; round < 4; round++) {
		a += b;
		c += d;
		b = rotl(b, 13) ^ a;
		d = rotl(d, 16) ^ c;
		a = rotl(a, 32) + d;
		c += b;
		d = rotl(d, 21) ^ a;
		b = rotl(b, 17) ^ c;
		c = rotl(c, 32);
		if (round == 0) {
			a ^= count;
			c ^= 0xff;
		}
	}
	return a ^ b ^ c ^ d;
}

struct flush {
	const struct ct_table *ct;
	uint8_t port;
	uint8_t family; // 0: whatever the address
	union pl_addr addr;
};

bool
nat_flow_uses_addr(const struct ct_table *t, const struct ct_entry *e, uint8_t port, uint8_t family,
		   const union pl_addr *addr)
{
	struct ct_tuple reply;

	if (nat_area(t, e)->masq_port != port + 1)
		return false;
	if (family == 0)
		return true;
	reply = nat_tuple(e, CT_REPLY);
	return reply.family == family && pl_addr_eq(&reply.dst, addr);
}

static bool
want(const struct ct_entry *e, void *arg)
{
	const struct flush *f = arg;

	return nat_flow_uses_addr(f->ct, e, f->port, f->family, &f->addr);
}

unsigned
nat_flush_port(struct pl_worker *w, uint8_t port)
{
	struct flush f = {.ct = w->ct, .port = port};

	return ct_table_flush(w, want, &f);
}

unsigned
nat_flush_addr(struct pl_worker *w, uint8_t port, uint8_t family, const union pl_addr *addr)
{
	struct flush f = {.ct = w->ct, .port = port, .family = family, .addr = *addr};

	return ct_table_flush(w, want, &f);
}
