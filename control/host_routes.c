// The host's routes. The kernel may have several for one prefix; the pipeline takes the one with
// the lowest metric, and among equals the one that came first, as a look-up in the kernel does.
// This is the memory that makes it possible to fall back when one goes, and to find what has gone
// when messages were lost. A hash table of prefixes, each with a short list of routes. Called by
// control/netlink.c on the control thread.
#include "control/host_routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_log.h>

#include "config/policy.h"

RTE_LOG_REGISTER(ctl_route_log, ringwall.ctl.route, NOTICE);

struct route {
	struct route *next;
	struct ctl_route r;
	bool is_static; // of ringwall.conf: never swept
	bool stale;	// between mark and sweep: not seen yet
};

struct prefix {
	struct prefix *next;
	struct route *first; // sorted: what counts is in front
	uint32_t hash;
	bool in_table;
	struct ctl_route given; // what the table has
};

struct ctl_routes {
	struct net_table *table;
	struct prefix **slot;
	uint32_t mask;
	size_t n_prefix, n_route;
};

#define SLOTS_MIN 64

int
ctl_routes_create(struct ctl_routes **out, struct net_table *t)
{
	struct ctl_routes *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return -ENOMEM;
	r->table = t;
	r->mask = SLOTS_MIN - 1;
	r->slot = calloc(SLOTS_MIN, sizeof(*r->slot));
	if (r->slot == NULL) {
		free(r);
		return -ENOMEM;
	}
	*out = r;
	return 0;
}

static void
prefix_free(struct prefix *p)
{
	while (p->first != NULL) {
		struct route *next = p->first->next;

		free(p->first);
		p->first = next;
	}
	free(p);
}

void
ctl_routes_free(struct ctl_routes *r)
{
	if (r == NULL)
		return;
	for (uint32_t i = 0; i <= r->mask; i++) {
		while (r->slot[i] != NULL) {
			struct prefix *next = r->slot[i]->next;

			prefix_free(r->slot[i]);
			r->slot[i] = next;
		}
	}
	free(r->slot);
	free(r);
}

size_t
ctl_routes_count(const struct ctl_routes *r)
{
	return r->n_route;
}

// ---- prefixes

static size_t
bytes_of(const struct cfg_prefix *p)
{
	return p->family == CFG_IPV4 ? 4 : 16;
}

static bool
same_prefix(const struct cfg_prefix *a, const struct cfg_prefix *b)
{
	return a->family == b->family && a->len == b->len &&
	       memcmp(a->addr, b->addr, bytes_of(a)) == 0;
}

static uint32_t
hash_of(const struct cfg_prefix *p)
{
	uint32_t h = 2166136261u ^ p->family ^ (uint32_t)p->len << 8; // FNV-1a

	for (size_t i = 0; i < bytes_of(p); i++)
		h = (h ^ p->addr[i]) * 16777619u;
	return h ^ h >> 15;
}

static struct prefix **
find(struct ctl_routes *r, const struct cfg_prefix *to, uint32_t hash)
{
	struct prefix **at = &r->slot[hash & r->mask];

	while (*at != NULL && ((*at)->hash != hash || !same_prefix(&(*at)->first->r.to, to)))
		at = &(*at)->next;
	return at;
}

// Twice as many slots where there are more prefixes than slots. Out of memory: chains get longer.
static void
grow(struct ctl_routes *r)
{
	uint32_t mask = r->mask * 2 + 1;
	struct prefix **slot;

	if (r->n_prefix <= r->mask || (slot = calloc((size_t)mask + 1, sizeof(*slot))) == NULL)
		return;
	for (uint32_t i = 0; i <= r->mask; i++) {
		while (r->slot[i] != NULL) {
			struct prefix *p = r->slot[i];

			r->slot[i] = p->next;
			p->next = slot[p->hash & mask];
			slot[p->hash & mask] = p;
		}
	}
	free(r->slot);
	r->slot = slot;
	r->mask = mask;
}

// ---- what the table is told

static bool
same_way(const struct ctl_route *a, const struct ctl_route *b)
{
	return a->blackhole == b->blackhole && a->port == b->port &&
	       a->via.family == b->via.family &&
	       (a->via.family == 0 || memcmp(a->via.addr, b->via.addr, bytes_of(&a->via)) == 0);
}

// Brings the table in line with the front of p's list; takes p out where the list is empty.
static void
settle(struct ctl_routes *r, struct prefix **at, const struct cfg_prefix *to)
{
	struct prefix *p = *at;
	const struct ctl_route *best = p->first != NULL ? &p->first->r : NULL;
	int ret = 0;

	if (best == NULL) {
		if (p->in_table)
			ret = net_table_del_route(r->table, to);
		*at = p->next;
		r->n_prefix--;
		free(p);
	} else if (!p->in_table || !same_way(&p->given, best)) {
		ret = net_table_add_route(r->table, &best->to,
					  best->via.family != 0 ? &best->via : NULL, best->port,
					  best->blackhole);
		if (ret == 0) {
			p->given = *best;
			p->in_table = true;
		}
	}
	if (ret < 0)
		rte_log(RTE_LOG_WARNING, ctl_route_log,
			"ringwall: a route of the host (prefix length %u) is not in the pipeline's "
			"table: %s\n",
			to->len, strerror(-ret));
}

// ---- routes of a prefix

static bool
before(const struct route *a, const struct route *b)
{
	if (a->is_static != b->is_static)
		return b->is_static;
	return a->r.metric < b->r.metric;
}

static void
insert(struct prefix *p, struct route *n)
{
	struct route **at = &p->first;

	while (*at != NULL && !before(n, *at))
		at = &(*at)->next;
	n->next = *at;
	*at = n;
}

static void
drop_where(struct ctl_routes *r, struct prefix *p,
	   bool (*cond)(const struct route *, const struct ctl_route *),
	   const struct ctl_route *arg)
{
	for (struct route **at = &p->first; *at != NULL;) {
		struct route *gone = *at;

		if (gone->is_static || !cond(gone, arg)) {
			at = &gone->next;
			continue;
		}
		*at = gone->next;
		free(gone);
		r->n_route--;
	}
}

static bool
same_metric(const struct route *x, const struct ctl_route *arg)
{
	return x->r.metric == arg->metric;
}

static bool
same_route(const struct route *x, const struct ctl_route *arg)
{
	return x->r.metric == arg->metric && same_way(&x->r, arg);
}

static bool
is_stale(const struct route *x, const struct ctl_route *arg)
{
	(void)arg;
	return x->stale;
}

static struct route *
find_route(const struct prefix *p, const struct ctl_route *route, bool is_static)
{
	struct route *x = p->first;

	while (x != NULL && (x->is_static != is_static || !same_route(x, route)))
		x = x->next;
	return x;
}

static int
put(struct ctl_routes *r, const struct ctl_route *route, bool replace, bool is_static)
{
	uint32_t hash = hash_of(&route->to);
	struct prefix **at = find(r, &route->to, hash);
	struct route *n;

	if (*at != NULL && !replace && (n = find_route(*at, route, is_static)) != NULL) {
		n->stale = false;
		return 0;
	}
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return -ENOMEM;
	n->r = *route;
	n->is_static = is_static;
	if (*at == NULL) {
		struct prefix *p = calloc(1, sizeof(*p));

		if (p == NULL) {
			free(n);
			return -ENOMEM;
		}
		p->hash = hash;
		*at = p;
		r->n_prefix++;
	} else if (replace) {
		drop_where(r, *at, same_metric, route);
	}
	insert(*at, n);
	r->n_route++;
	settle(r, at, &route->to);
	grow(r);
	return 0;
}

int
ctl_routes_static(struct ctl_routes *r, const struct ctl_route *route)
{
	return put(r, route, false, true);
}

int
ctl_routes_add(struct ctl_routes *r, const struct ctl_route *route, bool replace)
{
	return put(r, route, replace, false);
}

void
ctl_routes_del(struct ctl_routes *r, const struct ctl_route *route)
{
	struct prefix **at = find(r, &route->to, hash_of(&route->to));

	if (*at == NULL)
		return;
	drop_where(r, *at, same_route, route);
	settle(r, at, &route->to);
}

void
ctl_routes_mark(struct ctl_routes *r)
{
	for (uint32_t i = 0; i <= r->mask; i++) {
		for (struct prefix *p = r->slot[i]; p != NULL; p = p->next) {
			for (struct route *x = p->first; x != NULL; x = x->next)
				x->stale = !x->is_static;
		}
	}
}

void
ctl_routes_sweep(struct ctl_routes *r)
{
	for (uint32_t i = 0; i <= r->mask; i++) {
		for (struct prefix **at = &r->slot[i]; *at != NULL;) {
			struct prefix *p = *at;
			struct cfg_prefix to = p->first->r.to;

			drop_where(r, p, is_stale, NULL);
			settle(r, at, &to);
			if (*at == p)
				at = &p->next;
		}
	}
}
