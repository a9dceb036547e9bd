// The longest-prefix tables: rte_fib DIR24_8 for IPv4, rte_fib6 TRIE for IPv6, a pair of each.
// Workers look up in the active side; the control thread changes the other side, publishes it, and
// repeats the change on the first one before the next change, when every worker has passed a
// quiescent state (net/table.h). `small` tables (tests) use the libraries' plain trees with the
// same interface.
#include <errno.h>
#include <stdio.h>

#include <rte_errno.h>

#include "net/table.h"
#include "pipeline/way.h"

static int
side_open(struct net_table *t, unsigned side)
{
	const struct net_table_conf *c = &t->conf;
	struct rte_fib_conf c4 = {.type = RTE_FIB_DUMMY, .max_routes = (int)c->routes4 + 4096};
	struct rte_fib6_conf c6 = {.type = RTE_FIB6_DUMMY, .max_routes = (int)c->routes6 + 4096};
	static unsigned serial; // control thread only; names are unique in the process
	char name[32];

	if (!c->small) {
		c4.type = RTE_FIB_DIR24_8;
		c4.dir24_8.nh_sz = RTE_FIB_DIR24_8_2B;
		// A group for each /24 that holds something longer; 512 bytes each.
		c4.dir24_8.num_tbl8 = RTE_MIN(RTE_MAX(c->routes4 / 8, 1024u), 32767u);
		c6.type = RTE_FIB6_TRIE;
		c6.trie.nh_sz = RTE_FIB6_TRIE_2B;
		// A /64 walks five groups below the first 24 bits, most of them shared.
		c6.trie.num_tbl8 = RTE_MIN(RTE_MAX(c->routes6, 4096u), 32767u);
	}
	serial++;
	snprintf(name, sizeof(name), "net%u_4", serial);
	t->side[side].v4 = rte_fib_create(name, c->socket, &c4);
	if (t->side[side].v4 == NULL)
		return rte_errno != 0 ? -rte_errno : -ENOMEM;
	snprintf(name, sizeof(name), "net%u_6", serial);
	t->side[side].v6 = rte_fib6_create(name, c->socket, &c6);
	if (t->side[side].v6 == NULL)
		return rte_errno != 0 ? -rte_errno : -ENOMEM;
	return 0;
}

int
net_fib_open(struct net_table *t)
{
	int ret = side_open(t, 0);

	if (ret == 0)
		ret = side_open(t, 1);
	if (ret < 0) {
		net_fib_close(t);
		return ret;
	}
	atomic_store_explicit(&t->fib, &t->side[0], memory_order_release);
	return 0;
}

void
net_fib_close(struct net_table *t)
{
	for (unsigned i = 0; i < 2; i++) {
		rte_fib_free(t->side[i].v4);
		rte_fib6_free(t->side[i].v6);
		t->side[i] = (struct net_fibs){NULL, NULL};
	}
}

static int
apply(const struct net_fibs *f, const struct net_pending_op *op)
{
	if (op->family == 4) {
		uint32_t ip = rte_be_to_cpu_32(op->addr.v4);

		return op->add ? rte_fib_add(f->v4, ip, op->len, op->nh)
			       : rte_fib_delete(f->v4, ip, op->len);
	}
	return op->add ? rte_fib6_add(f->v6, op->addr.v6, op->len, op->nh)
		       : rte_fib6_delete(f->v6, op->addr.v6, op->len);
}

int
net_fib_set(struct net_table *t, uint8_t family, const union pl_addr *addr, uint8_t len,
	    uint16_t nh)
{
	struct net_pending_op op = {.used = true,
				    .add = nh != 0,
				    .family = family,
				    .len = len,
				    .addr = *addr,
				    .nh = nh};
	struct net_fibs *active = atomic_load_explicit(&t->fib, memory_order_relaxed);
	struct net_fibs *other = active == &t->side[0] ? &t->side[1] : &t->side[0];
	int ret;

	if (t->pending.used) {
		ret = pl_rcu_wait(); // no worker is in `other` any more
		if (ret < 0)
			return ret;
		ret = apply(other, &t->pending);
		if (ret < 0)
			return ret; // out of memory on this side only: try again with the next
				    // change
		t->pending.used = false;
	}
	ret = apply(other, &op);
	if (ret < 0)
		return ret; // both sides are as they were
	atomic_store_explicit(&t->fib, other, memory_order_release);
	pl_world_changed();
	t->pending = op;
	return 0;
}

uint16_t
net_fib_lookup(const struct net_table *t, uint8_t family, const union pl_addr *addr)
{
	const struct net_fibs *f = net_fibs(t);
	uint64_t nh = 0;

	if (family == 4) {
		uint32_t ip = rte_be_to_cpu_32(addr->v4);

		rte_fib_lookup_bulk(f->v4, &ip, &nh, 1);
	} else {
		uint8_t ip[1][16];

		memcpy(ip[0], addr->v6, 16);
		rte_fib6_lookup_bulk(f->v6, ip, &nh, 1);
	}
	return (uint16_t)nh;
}
