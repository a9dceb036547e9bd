// The book of prefixes: every prefix that has a route, with all reasons for it: a local address, a
// broadcast address, a port that is connected, a route of the operator or the host's stack. Linux
// keeps those in two tables (local before main); here the best of them goes into the longest-prefix
// tables, in the order local, broadcast, connected (the port that was first), added route. Control
// thread only; malloc.
#include <errno.h>
#include <stdlib.h>

#include "net/table.h"

static struct net_prefix **
slot_of(struct net_table *t, uint8_t family, const union pl_addr *addr, uint8_t len)
{
	uint64_t h = (addr->u64[0] ^ len) * 0x9e3779b97f4a7c15ull;
	struct net_prefix **at;

	h ^= (addr->u64[1] ^ family) * 0xc2b2ae3d27d4eb4full;
	h ^= h >> 31;
	at = &t->book[(uint32_t)(h * 0xbf58476d1ce4e5b9ull >> 32) & t->book_mask];
	while (*at != NULL &&
	       ((*at)->family != family || (*at)->len != len || !pl_addr_eq(&(*at)->addr, addr)))
		at = &(*at)->next;
	return at;
}

static struct net_prefix *
find_or_make(struct net_table *t, uint8_t family, const union pl_addr *addr, uint8_t len)
{
	struct net_prefix **at = slot_of(t, family, addr, len);

	if (*at == NULL) {
		struct net_prefix *p = calloc(1, sizeof(*p));

		if (p == NULL)
			return NULL;
		p->family = family;
		p->addr = *addr;
		p->len = len;
		*at = p;
	}
	return *at;
}

static void
drop_if_empty(struct net_table *t, struct net_prefix *p)
{
	struct net_prefix **at;

	if (p->n_local + p->n_bcast + p->n_link != 0 || p->user != NET_NH_NONE ||
	    p->in_fib != NET_NH_NONE)
		return;
	at = slot_of(t, p->family, &p->addr, p->len);
	*at = p->next;
	free(p->link);
	free(p);
}

static uint16_t
best(const struct net_prefix *p)
{
	if (p->n_local != 0)
		return NET_NH_LOCAL;
	if (p->n_bcast != 0)
		return NET_NH_BCAST;
	if (p->n_link != 0)
		return net_nh_link(p->link[0], p->family, p->len);
	return p->user;
}

static int
sync_fib(struct net_table *t, struct net_prefix *p)
{
	uint16_t nh = best(p);
	int ret;

	if (nh == p->in_fib)
		return 0;
	ret = net_fib_set(t, p->family, &p->addr, p->len, nh);
	if (ret == 0)
		p->in_fib = nh;
	if (ret != -ETIMEDOUT)
		return ret;
	t->late = true; // a worker stands still: net_table_settle() does it later
	return 0;
}

static void
remove_link(struct net_prefix *p, uint8_t port)
{
	for (uint16_t i = 0; i < p->n_link; i++) {
		if (p->link[i] != port)
			continue;
		p->n_link--;
		memmove(&p->link[i], &p->link[i + 1], p->n_link - i);
		return;
	}
}

int
net_book_add(struct net_table *t, enum net_book_kind kind, uint8_t family,
	     const union pl_addr *addr, uint8_t len, uint8_t port)
{
	struct net_prefix *p = find_or_make(t, family, addr, len);
	uint8_t *link;
	int ret;

	if (p == NULL)
		return -ENOMEM;
	switch (kind) {
	case NET_BOOK_LOCAL:
		p->n_local++;
		break;
	case NET_BOOK_BCAST:
		p->n_bcast++;
		break;
	case NET_BOOK_LINK:
		link = realloc(p->link, p->n_link + 1u);
		if (link == NULL) {
			drop_if_empty(t, p);
			return -ENOMEM;
		}
		p->link = link;
		p->link[p->n_link++] = port;
		break;
	}
	ret = sync_fib(t, p);
	if (ret == 0)
		return 0;
	if (kind == NET_BOOK_LOCAL)
		p->n_local--;
	else if (kind == NET_BOOK_BCAST)
		p->n_bcast--;
	else
		p->n_link--;
	drop_if_empty(t, p);
	return ret;
}

void
net_book_del(struct net_table *t, enum net_book_kind kind, uint8_t family,
	     const union pl_addr *addr, uint8_t len, uint8_t port)
{
	struct net_prefix *p = *slot_of(t, family, addr, len);

	if (p == NULL)
		return;
	if (kind == NET_BOOK_LOCAL && p->n_local != 0)
		p->n_local--;
	else if (kind == NET_BOOK_BCAST && p->n_bcast != 0)
		p->n_bcast--;
	else if (kind == NET_BOOK_LINK)
		remove_link(p, port);
	sync_fib(t, p); // a delete needs no memory
	drop_if_empty(t, p);
}

int
net_book_route(struct net_table *t, uint8_t family, const union pl_addr *addr, uint8_t len,
	       uint16_t nh)
{
	struct net_prefix *p;
	uint16_t before;
	int ret;

	p = nh == NET_NH_NONE ? *slot_of(t, family, addr, len) : find_or_make(t, family, addr, len);
	if (p == NULL)
		return nh == NET_NH_NONE ? -ESRCH : -ENOMEM;
	before = p->user;
	if (nh == NET_NH_NONE && before == NET_NH_NONE)
		return -ESRCH;
	p->user = nh;
	ret = sync_fib(t, p);
	if (ret < 0) {
		p->user = before;
		drop_if_empty(t, p);
		return ret;
	}
	if (before != NET_NH_NONE)
		net_nh_put(t, before);
	drop_if_empty(t, p);
	return 0;
}

void
net_table_settle(struct net_table *t)
{
	if (!t->late || pl_rcu_wait() < 0)
		return;
	t->late = false;
	for (uint32_t i = 0; i <= t->book_mask; i++) {
		for (struct net_prefix *p = t->book[i], *next; p != NULL; p = next) {
			next = p->next;
			sync_fib(t, p);
			drop_if_empty(t, p);
		}
	}
}

void
net_book_free(struct net_table *t)
{
	for (uint32_t i = 0; t->book != NULL && i <= t->book_mask; i++) {
		struct net_prefix *p = t->book[i];

		while (p != NULL) {
			struct net_prefix *next = p->next;

			free(p->link);
			free(p);
			p = next;
		}
	}
	free(t->book);
	t->book = NULL;
}
