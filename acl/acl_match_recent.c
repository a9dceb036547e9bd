// recent: a table of addresses and of when each was seen, as xt_recent keeps it: by name, shared by
// both families, the address that was not seen for longest makes room for a new one. Judged on the
// worker's thread with the worker's copy; what changes the copy is told to the other workers, so
// that each of them knows every address. Kept in ticks of 4 ms, as netfilter's clock.
//
// Stamps of an address stand in a ring in the order of time, so "seen N times within S seconds" is
// one look at the Nth newest. News may come with a time before the newest stamp; then they count as
// of that.
#include "acl/acl_aged.h"
#include "acl/acl_kind.h"
#include "acl/acl_named.h"
#include "pipeline/worker.h"

#include <string.h>

#include <rte_ip.h>
#include <rte_jhash.h>

#define TICK_NS	  (UINT64_C(1000000000) / CFG_LIMIT_TICKS)
#define PER_LEAST 32 // stamps of an address where no rule asks for a number of hits

struct params {
	uint32_t max; // addresses
	uint32_t per; // stamps of each, a power of two
	uint8_t mask[16];
};

struct entry {
	struct acl_aged_link link;
	union pl_addr addr; // masked
	uint32_t index;	    // where the next stamp goes; 1..per
	uint32_t n;	    // of stamps
	uint8_t family, ttl;
};

struct table {
	struct acl_copy head;
	struct acl_aged aged;
	uint32_t per;
	union pl_addr mask;
	uint64_t *stamp; // [max][per]
};

enum news { SEEN, GONE };

struct seen { // in pl_news.data
	union pl_addr addr;
	uint8_t family, ttl;
};

static size_t
table_size(const void *params)
{
	const struct params *p = params;

	return sizeof(struct table) + (size_t)p->max * p->per * sizeof(uint64_t) +
	       acl_aged_bytes(p->max, sizeof(struct entry));
}

static void
table_init(void *copy, const void *params)
{
	const struct params *p = params;
	struct table *t = copy;

	t->per = p->per;
	memcpy(&t->mask, p->mask, sizeof(t->mask));
	t->stamp = (uint64_t *)(t + 1);
	acl_aged_init(&t->aged, t->stamp + (size_t)p->max * p->per, p->max, sizeof(struct entry));
}

static uint32_t *
bucket_of(const struct table *t, const union pl_addr *addr)
{
	return acl_aged_bucket(&t->aged, rte_jhash_32b(addr->u32, 4, t->aged.seed));
}

// ttl 0: any.
static struct entry *
find(const struct table *t, const union pl_addr *addr, uint8_t family, uint8_t ttl)
{
	struct entry *e = acl_aged_at(&t->aged, *bucket_of(t, addr));

	for (; e != NULL; e = acl_aged_at(&t->aged, e->link.next)) {
		if (e->family == family && e->addr.u64[0] == addr->u64[0] &&
		    e->addr.u64[1] == addr->u64[1] && (ttl == e->ttl || ttl == 0 || e->ttl == 0))
			return e;
	}
	return NULL;
}

static uint64_t *
stamps_of(const struct table *t, const struct entry *e)
{
	return &t->stamp[(size_t)e->link.self * t->per];
}

static void
forget(struct table *t, struct entry *e)
{
	acl_aged_forget(&t->aged, bucket_of(t, &e->addr), &e->link);
}

static struct entry *
remember(struct table *t, const union pl_addr *addr, uint8_t family, uint8_t ttl, uint64_t now)
{
	struct entry *e;

	if (t->aged.n == t->aged.max)
		forget(t, acl_aged_at(&t->aged, t->aged.oldest));
	e = acl_aged_add(&t->aged, bucket_of(t, addr));
	e->addr = *addr;
	e->family = family;
	e->ttl = ttl;
	e->index = e->n = 1;
	stamps_of(t, e)[0] = now;
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
	acl_aged_touch(&t->aged, &e->link);
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
	struct entry *e = acl_aged_at(&t->aged, t->aged.oldest);

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
