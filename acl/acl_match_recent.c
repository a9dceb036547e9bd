// recent: a table of addresses and of when each was seen, as xt_recent keeps it: by name, shared by
// both families, the address that was not seen for longest makes room for a new one. Judged on the
// worker's thread with the worker's copy; what changes the copy is told to the other workers, so
// that each of them knows every address. Kept in ticks of 4 ms, as netfilter's clock.
//
// Stamps of an address stand in a ring in the order of time, so "seen N times within S seconds" is
// one look at the Nth newest. News may come with a time before the newest stamp; then they count as
// of that.
#include "acl/acl_kind.h"
#include "acl/acl_named.h"
#include "pipeline/worker.h"

#include <string.h>
#include <sys/random.h>

#include <rte_ip.h>
#include <rte_jhash.h>

#define TICK_NS	  (UINT64_C(1000000000) / CFG_LIMIT_TICKS)
#define NONE	  UINT32_MAX
#define PER_LEAST 32 // stamps of an address where no rule asks for a number of hits

struct params {
	uint32_t max; // addresses
	uint32_t per; // stamps of each, a power of two
	uint8_t mask[16];
};

struct entry {
	union pl_addr addr; // masked
	uint32_t index;	    // where the next stamp goes; 1..per
	uint32_t n;	    // of stamps
	uint32_t next;	    // in its bucket, or of the free ones
	uint32_t older, newer;
	uint8_t family, ttl;
};

struct table {
	struct acl_copy head;
	uint32_t seed, buckets; // a power of two
	uint32_t per, n, max;
	uint32_t oldest, newest, free;
	union pl_addr mask;
	uint32_t *bucket;
	struct entry *entry;
	uint64_t *stamp; // [max][per]
};

enum news { SEEN, GONE };

struct seen { // in pl_news.data
	union pl_addr addr;
	uint8_t family, ttl;
};

static size_t
buckets_of(uint32_t max)
{
	return rte_align32pow2(max);
}

static size_t
table_size(const void *params)
{
	const struct params *p = params;

	return sizeof(struct table) + buckets_of(p->max) * sizeof(uint32_t) + sizeof(uint64_t) +
	       p->max * (sizeof(struct entry) + p->per * sizeof(uint64_t));
}

static void
table_init(void *copy, const void *params)
{
	const struct params *p = params;
	struct table *t = copy;

	t->max = p->max;
	t->per = p->per;
	t->buckets = buckets_of(p->max);
	memcpy(&t->mask, p->mask, sizeof(t->mask));
	if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != sizeof(t->seed))
		t->seed = 0x5bd1e995;
	t->stamp = (uint64_t *)(t + 1);
	t->entry = (struct entry *)(t->stamp + (size_t)t->max * t->per);
	t->bucket = (uint32_t *)(t->entry + t->max);
	memset(t->bucket, 0xff, t->buckets * sizeof(uint32_t)); // NONE
	t->oldest = t->newest = NONE;
	for (uint32_t i = 0; i < t->max; i++)
		t->entry[i].next = i + 1 < t->max ? i + 1 : NONE;
}

static uint32_t *
bucket_of(const struct table *t, const union pl_addr *addr)
{
	return &t->bucket[rte_jhash_32b(addr->u32, 4, t->seed) & (t->buckets - 1)];
}

// ttl 0: any.
static struct entry *
find(const struct table *t, const union pl_addr *addr, uint8_t family, uint8_t ttl)
{
	for (uint32_t i = *bucket_of(t, addr); i != NONE; i = t->entry[i].next) {
		struct entry *e = &t->entry[i];

		if (e->family == family && e->addr.u64[0] == addr->u64[0] &&
		    e->addr.u64[1] == addr->u64[1] && (ttl == e->ttl || ttl == 0 || e->ttl == 0))
			return e;
	}
	return NULL;
}

static uint32_t
index_of(const struct table *t, const struct entry *e)
{
	return (uint32_t)(e - t->entry);
}

static uint64_t *
stamps_of(const struct table *t, const struct entry *e)
{
	return &t->stamp[(size_t)index_of(t, e) * t->per];
}

static void
lru_take(struct table *t, const struct entry *e)
{
	*(e->older != NONE ? &t->entry[e->older].newer : &t->oldest) = e->newer;
	*(e->newer != NONE ? &t->entry[e->newer].older : &t->newest) = e->older;
}

static void
lru_put(struct table *t, struct entry *e)
{
	e->older = t->newest;
	e->newer = NONE;
	*(t->newest != NONE ? &t->entry[t->newest].newer : &t->oldest) = index_of(t, e);
	t->newest = index_of(t, e);
}

static void
forget(struct table *t, struct entry *e)
{
	uint32_t *link = bucket_of(t, &e->addr);

	while (*link != index_of(t, e))
		link = &t->entry[*link].next;
	*link = e->next;
	lru_take(t, e);
	e->next = t->free;
	t->free = index_of(t, e);
	t->n--;
}

static struct entry *
remember(struct table *t, const union pl_addr *addr, uint8_t family, uint8_t ttl, uint64_t now)
{
	struct entry *e;
	uint32_t *bucket;

	if (t->n == t->max)
		forget(t, &t->entry[t->oldest]);
	e = &t->entry[t->free];
	t->free = e->next;
	t->n++;
	bucket = bucket_of(t, addr);
	e->addr = *addr;
	e->family = family;
	e->ttl = ttl;
	e->index = e->n = 1;
	stamps_of(t, e)[0] = now;
	e->next = *bucket;
	*bucket = index_of(t, e);
	lru_put(t, e);
	return e;
}

// The stamp that is k-th from the newest, k from 1 to e->n.
static uint64_t
stamp_at(const struct table *t, const struct entry *e, uint32_t k)
{
	return stamps_of(t, e)[(e->index - k) & (t->per - 1)];
}

static void
touch(struct table *t, struct entry *e, uint8_t ttl, uint64_t now)
{
	uint64_t newest = stamp_at(t, e, 1);

	e->index &= t->per - 1;
	stamps_of(t, e)[e->index++] = RTE_MAX(now, newest);
	if (e->index > e->n)
		e->n = e->index;
	e->ttl = ttl;
	lru_take(t, e);
	lru_put(t, e);
}

static void
table_hear(void *copy, const struct pl_news *news)
{
	struct table *t = copy;
	struct seen s;
	struct entry *e;

	memcpy(&s, news->data, sizeof(s));
	e = find(t, &s.addr, s.family, 0);
	if (news->kind == SEEN && e != NULL)
		touch(t, e, s.ttl, news->time_ns);
	else if (news->kind == SEEN)
		remember(t, &s.addr, s.family, s.ttl, news->time_ns);
	else if (e != NULL)
		forget(t, e);
}

static void
tell(struct pl_worker *w, const struct table *t, enum news kind, const struct seen *s, uint64_t now)
{
	struct pl_news news = {.time_ns = now, .object = t->head.id, .kind = kind};

	if (w->n_workers == 1)
		return;
	memcpy(news.data, s, sizeof(*s));
	pl_news_tell(w, &news);
}

static bool
is_seen(const struct table *t, const struct cfg_m_recent *m, const struct entry *e, uint64_t now)
{
	uint32_t hits = RTE_MAX(m->hitcount, 1u);

	return hits <= e->n &&
	       (m->seconds == 0 || (int64_t)(now - (uint64_t)m->seconds * CFG_LIMIT_TICKS) <=
					   (int64_t)stamp_at(t, e, hits));
}

// Takes away the oldest address where it was not seen for so long; not the one that is about to be
// seen again.
static void
reap(struct table *t, const struct cfg_m_recent *m, const struct entry *working, bool updates,
     uint64_t now)
{
	struct entry *e = &t->entry[t->oldest];

	if ((e != working || !updates) &&
	    (int64_t)(now - (uint64_t)m->seconds * CFG_LIMIT_TICKS) > (int64_t)stamp_at(t, e, 1))
		forget(t, e);
}

// The packet's address under the table's mask, and the TTL with which it came.
static void
seen_of(struct seen *s, const struct table *t, const struct cfg_m_recent *m,
	const struct acl_view *v)
{
	const struct pl_pkt *p = v->pkt;
	const union pl_addr *addr = m->dest ? &p->dst : &p->src;
	const uint8_t *ip = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l3_off);

	memset(s, 0, sizeof(*s));
	s->addr.u64[0] = addr->u64[0] & t->mask.u64[0];
	s->addr.u64[1] = addr->u64[1] & t->mask.u64[1];
	s->family = p->family;
	s->ttl = ip[p->family == 4 ? 8 : 7];
	if (v->out != PL_PORT_NONE && p->origin == PL_FROM_WIRE)
		s->ttl++; // it was taken down on the way to this exit
}

enum acl_hit
acl_recent_judge(const struct cfg_match *match, const struct acl_view *v)
{
	const struct cfg_m_recent *m = &match->recent;
	struct table **state = acl_state_of(v, match->slot), *t;
	uint64_t now = v->now_ns / TICK_NS;
	bool hit = m->op == CFG_RECENT_SET;
	struct entry *e;
	struct seen s;

	if (state == NULL) // hypothetical: the address was never seen
		return hit != m->invert ? ACL_HIT : ACL_MISS;
	t = *state;
	seen_of(&s, t, m, v);
	e = find(t, &s.addr, s.family, m->rttl ? s.ttl : 0);
	if (e == NULL) {
		if (m->op == CFG_RECENT_SET) {
			remember(t, &s.addr, s.family, s.ttl, now);
			tell(v->w, t, SEEN, &s, now);
		}
		return hit != m->invert ? ACL_HIT : ACL_MISS;
	}
	if (m->op == CFG_RECENT_REMOVE) {
		hit = true;
		forget(t, e);
		tell(v->w, t, GONE, &s, now);
	} else if (m->op != CFG_RECENT_SET) {
		hit = is_seen(t, m, e, now);
	}
	hit = hit != m->invert;
	if (m->reap)
		reap(t, m, e, m->op == CFG_RECENT_UPDATE && hit, now);
	if (m->op == CFG_RECENT_SET || (m->op == CFG_RECENT_UPDATE && hit)) {
		touch(t, e, s.ttl, now);
		tell(v->w, t, SEEN, &s, now);
	}
	return hit ? ACL_HIT : ACL_MISS;
}

int
acl_recent_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker)
{
	const struct acl_named *n =
		acl_named_find(p, &acl_recent_kind, ACL_V4, cfg_recent_name(item));

	*(void **)state = n->copy[worker];
	return 0;
}

// As many stamps as the rule that asks for most hits needs.
static void
want(void *params, const struct cfg_match *match, const struct acl_policy *p,
     enum acl_family family, bool first)
{
	const struct cfg_m_recent *m = &match->recent;
	struct params *all = params;
	uint32_t per = m->hitcount != 0 ? m->hitcount : PER_LEAST;

	(void)family;
	if (m->hitcount < p->recent.ip_pkt_list_tot)
		per = p->recent.ip_pkt_list_tot;
	all->per = RTE_MAX(all->per, rte_align32pow2(per));
	if (!first)
		return;
	all->max = p->recent.ip_list_tot;
	memset(all->mask, 0xff, sizeof(all->mask));
	if (m->mask_family != 0)
		memcpy(all->mask, m->mask, m->mask_family == CFG_IPV4 ? 4 : 16);
}

const struct acl_named_kind acl_recent_kind = {
	.params_size = sizeof(struct params),
	.size = table_size,
	.init = table_init,
	.hear = table_hear,
};
const struct acl_named_use acl_recent_use = {&acl_recent_kind, want};
