// connlimit: how many connections an address has open, as xt_connlimit and nf_conncount count them.
// Each rule keeps, on each worker, the connections that came by, by masked address and zone. They
// are looked up again in conntrack's table when their address is asked about, a few with each
// packet, and leave where they have ended or TCP is done with them. Judged on the worker's thread.
//
// A worker counts the connections that it has; with n workers each allows 1/n of the number. The
// memory of a rule is bounded: a packet that would need more is dropped, as netfilter drops it when
// it gets no memory.
#include "acl/acl_kind.h"
#include "acl/acl_named.h"
#include "pipeline/flow_ops.h"
#include "pipeline/worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <rte_jhash.h>

#define CONNS	 65536 // of a rule and worker, and as many addresses; a power of two
#define CHECKED	 16    // connections of the packet's address that are looked up again
#define LEFT_MAX 9     // of them that may leave, as in nf_conncount
#define SWEPT	 2     // connections of any address that are looked up again

struct address {
	union pl_addr addr; // masked
	uint32_t zone;
	uint32_t n;		 // connections
	uint32_t oldest, newest; // of them; looked up again in this order
	uint32_t next;		 // with the same hash, or free
};

struct conn {
	struct pl_flow_name name;
	uint32_t address; // 0: free
	uint32_t older, newer;
	uint32_t next;
};

// Places count from 1; 0 is none. All zero at the start, so that memory is taken as it is used.
struct table {
	uint32_t limit, seed, sweep;
	union pl_addr mask;
	uint32_t n_address, free_address; // places ever taken, and those given back
	uint32_t n_conn, free_conn;
	uint32_t address_bucket[CONNS], conn_bucket[CONNS];
	struct address address[CONNS + 1];
	struct conn conn[CONNS + 1];
};

int
acl_connlimit_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker)
{
	const struct cfg_match *m = item;
	struct table *t = calloc(1, sizeof(*t));
	unsigned bits;

	(void)worker;
	if (t == NULL)
		return -ENOMEM;
	*(struct table **)state = t;
	bits = cfg_connlimit_bits(&m->connlimit, acl_cfg_family(acl_family_of_match(p, m)));
	for (unsigned i = 0; i < bits; i++)
		t->mask.v6[i / 8] |= 0x80 >> i % 8;
	t->limit = (uint32_t)(((uint64_t)m->connlimit.limit + p->n_workers - 1) / p->n_workers);
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != sizeof(t->seed))
		t->seed = 0x5bd1e995;
	return 0;
}

void
acl_connlimit_free(void *state, const void *item)
{
	(void)item;
	free(*(struct table **)state);
}

static uint32_t *
address_bucket(struct table *t, const union pl_addr *addr, uint32_t zone)
{
	return &t->address_bucket[rte_jhash_32b(addr->u32, 4, t->seed ^ zone) & (CONNS - 1)];
}

static uint32_t *
conn_bucket(struct table *t, const struct pl_flow_name *name, uint32_t address)
{
	uint32_t hash = rte_jhash_32b((const uint32_t *)name, sizeof(*name) / 4, t->seed ^ address);

	return &t->conn_bucket[hash & (CONNS - 1)];
}

static uint32_t
place_take(uint32_t *free_place, uint32_t *used, uint32_t next)
{
	uint32_t i = *free_place;

	if (i != 0)
		*free_place = next;
	else if (*used < CONNS)
		i = ++*used;
	return i;
}

static uint32_t
address_find(struct table *t, const union pl_addr *addr, uint32_t zone)
{
	uint32_t i = *address_bucket(t, addr, zone);

	while (i != 0 && (t->address[i].addr.u64[0] != addr->u64[0] ||
			  t->address[i].addr.u64[1] != addr->u64[1] || t->address[i].zone != zone))
		i = t->address[i].next;
	return i;
}

static uint32_t
address_add(struct table *t, const union pl_addr *addr, uint32_t zone)
{
	uint32_t i = place_take(&t->free_address, &t->n_address, t->address[t->free_address].next);
	uint32_t *bucket = address_bucket(t, addr, zone);

	if (i == 0)
		return 0;
	t->address[i] = (struct address){.addr = *addr, .zone = zone, .next = *bucket};
	*bucket = i;
	return i;
}

// One without connections is forgotten.
static void
address_drop(struct table *t, uint32_t i)
{
	uint32_t *link = address_bucket(t, &t->address[i].addr, t->address[i].zone);

	if (t->address[i].n != 0)
		return;
	while (*link != i)
		link = &t->address[*link].next;
	*link = t->address[i].next;
	t->address[i].next = t->free_address;
	t->free_address = i;
}

static uint32_t
conn_find(struct table *t, const struct pl_flow_name *name, uint32_t address)
{
	uint32_t i = *conn_bucket(t, name, address);

	while (i != 0 && (t->conn[i].address != address ||
			  memcmp(&t->conn[i].name, name, sizeof(*name)) != 0))
		i = t->conn[i].next;
	return i;
}

static void
list_put(struct table *t, uint32_t i)
{
	struct address *a = &t->address[t->conn[i].address];

	t->conn[i].older = a->newest;
	t->conn[i].newer = 0;
	*(a->newest != 0 ? &t->conn[a->newest].newer : &a->oldest) = i;
	a->newest = i;
}

static void
list_take(struct table *t, uint32_t i)
{
	const struct conn *c = &t->conn[i];
	struct address *a = &t->address[c->address];

	*(c->older != 0 ? &t->conn[c->older].newer : &a->oldest) = c->newer;
	*(c->newer != 0 ? &t->conn[c->newer].older : &a->newest) = c->older;
}

static bool
conn_add(struct table *t, const struct pl_flow_name *name, uint32_t address)
{
	uint32_t i = place_take(&t->free_conn, &t->n_conn, t->conn[t->free_conn].next);
	uint32_t *bucket = conn_bucket(t, name, address);

	if (i == 0)
		return false;
	t->conn[i].name = *name;
	t->conn[i].address = address;
	t->conn[i].next = *bucket;
	*bucket = i;
	list_put(t, i);
	t->address[address].n++;
	return true;
}

static void
conn_drop(struct table *t, uint32_t i)
{
	uint32_t *link = conn_bucket(t, &t->conn[i].name, t->conn[i].address);

	while (*link != i)
		link = &t->conn[*link].next;
	*link = t->conn[i].next;
	list_take(t, i);
	t->address[t->conn[i].address].n--;
	t->conn[i].address = 0;
	t->conn[i].next = t->free_conn;
	t->free_conn = i;
}

// Those of the packet's address that have ended leave; `own` stays, it is the packet's.
static void
check(struct table *t, const struct pl_worker *w, uint32_t address, uint32_t own)
{
	uint32_t n = RTE_MIN(t->address[address].n, (uint32_t)CHECKED);
	unsigned left = 0;

	for (; n > 0 && left < LEFT_MAX; n--) {
		uint32_t i = t->address[address].oldest;

		if (i != own && !pl_flow_ops->is_open(w, &t->conn[i].name)) {
			conn_drop(t, i);
			left++;
		} else {
			list_take(t, i);
			list_put(t, i);
		}
	}
}

// A few of all, so that nothing stays that nobody asks about any more.
static void
sweep(struct table *t, const struct pl_worker *w)
{
	for (unsigned k = 0; k < SWEPT && t->n_conn != 0; k++) {
		uint32_t i = t->sweep < t->n_conn ? ++t->sweep : (t->sweep = 1);
		uint32_t address = t->conn[i].address;

		if (address == 0 || pl_flow_ops->is_open(w, &t->conn[i].name))
			continue;
		conn_drop(t, i);
		address_drop(t, address);
	}
}

// What the packet belongs to: its flow, or for one that has none what it would begin.
static void
name_of(const struct pl_pkt *p, struct pl_flow_name *name)
{
	if (p->ct != NULL) {
		pl_flow_ops->name(p->ct, name);
		return;
	}
	memset(name, 0, sizeof(*name));
	name->src = p->src;
	name->dst = p->dst;
	name->family = p->family;
	name->proto = p->proto;
	if (!(p->flags & PL_F_L4))
		return;
	name->sport = rte_be_to_cpu_16(p->sport);
	name->dport = rte_be_to_cpu_16(p->dport);
	if (p->proto == (p->family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		name->dport = (uint16_t)(p->icmp_type << 8 | p->icmp_code);
}

// Connections of the packet's address, its own included; 0: there is no room for it.
static uint32_t
count(struct table *t, const struct acl_view *v, bool daddr)
{
	const union pl_addr *addr = daddr ? &v->pkt->dst : &v->pkt->src;
	struct pl_flow_name name;
	union pl_addr masked;
	uint32_t a, own;

	name_of(v->pkt, &name);
	masked.u64[0] = addr->u64[0] & t->mask.u64[0];
	masked.u64[1] = addr->u64[1] & t->mask.u64[1];
	sweep(t, v->w);
	a = address_find(t, &masked, name.zone);
	if (a == 0)
		a = address_add(t, &masked, name.zone);
	if (a == 0)
		return 0;
	own = conn_find(t, &name, a);
	check(t, v->w, a, own);
	if (own == 0 && !conn_add(t, &name, a)) {
		address_drop(t, a);
		return 0;
	}
	return t->address[a].n;
}

enum acl_hit
acl_connlimit_judge(const struct cfg_match *m, const struct acl_view *v)
{
	struct table **state = acl_state_of(v, m->slot);
	uint32_t n = 1, limit = m->connlimit.limit;

	if (state != NULL && v->w != NULL) { // else hypothetical: the only one of its address
		n = count(*state, v, m->connlimit.daddr);
		limit = (*state)->limit;
	}
	if (n == 0)
		return ACL_HOT;
	return (n > limit) == m->connlimit.above ? ACL_HIT : ACL_MISS;
}
