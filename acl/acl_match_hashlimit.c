// hashlimit: a table of buckets by address and port, as xt_hashlimit keeps it: by name, shared by
// the rules of a family, made as the first of them says. Judged on the worker's thread with the
// worker's copy. Whatever a packet takes out of a bucket is told to the other workers, unless the
// bucket is of one flow only, which has but one worker. Kept in ticks of 4 ms, as netfilter's
// clock.
//
// All buckets of a table expire as long after their last packet, so the list in the order of that
// packet is the order in which they expire. netfilter sweeps the expired ones away at intervals;
// here a bucket counts as gone from the sweep on that would have met it, and is taken up then or
// when its place is wanted: a few per packet, never all at once.
#include "acl/acl_aged.h"
#include "acl/acl_kind.h"
#include "acl/acl_named.h"
#include "pipeline/worker.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_jhash.h>

#define TICK_NS	   (UINT64_C(1000000000) / CFG_LIMIT_TICKS)
#define TICK_MS	   (1000 / CFG_LIMIT_TICKS)
#define NEVER	   (UINT64_MAX / 4)
#define SIZE_UNSET 8192 // buckets that netfilter takes where the machine has a GiB
#define BYTE_FULL  ((uint64_t)CFG_HL_BYTE_CREDITS * CFG_LIMIT_TICKS)
#define SWEPT_MAX  2 // expired entries that one packet takes up

struct key {
	union pl_addr src, dst; // masked
	rte_be16_t sport, dport;
	uint32_t zero; // keys are compared byte by byte
};

struct entry {
	struct acl_aged_link link;
	struct key key;
	uint64_t prev;	  // tick of the last reckoning
	uint64_t expires; // tick
	uint64_t credit;  // rate-match: packets or bytes since prev
	uint64_t left;	  // bytes: bursts that are left; rate-match: the last interval was over
};

struct table {
	struct acl_copy head;
	struct acl_aged aged;
	struct cfg_hashlimit cfg;
	uint64_t cost, cap;	    // of a packet, or of sixteen bytes; all that can be saved up
	uint64_t burst, rate;	    // rate-match, in packets or bytes
	uint64_t interval;	    // rate-match, ticks
	uint64_t expire, gc, swept; // ticks; swept: the last sweep
	union pl_addr src_mask, dst_mask;
	bool started, one_flow;
};

struct spent { // in pl_news.data
	struct key key;
	uint32_t len;
};

static uint32_t
max_of(const struct cfg_hashlimit *c)
{
	uint32_t size = c->size != 0 ? c->size : SIZE_UNSET;

	uint32_t max = c->max == 0 ? 8 * size : RTE_MAX(c->max, size);

	return RTE_MIN(max, (uint32_t)CFG_HL_SIZE_MAX);
}

static size_t
table_size(const void *params)
{
	return sizeof(struct table) + acl_aged_bytes(max_of(params), sizeof(struct entry));
}

static uint64_t
ticks_of(uint32_t ms)
{
	return ms > INT32_MAX ? NEVER : ((uint64_t)ms + TICK_MS - 1) / TICK_MS;
}

static void
mask_set(union pl_addr *mask, uint8_t len)
{
	for (unsigned i = 0; i < len && i < 128; i++)
		mask->v6[i / 8] |= 0x80 >> i % 8;
}

static void
rates_set(struct table *t)
{
	const struct cfg_hashlimit *c = &t->cfg;

	t->interval = (uint64_t)c->interval * CFG_LIMIT_TICKS;
	if (c->rate_match && c->bytes) {
		t->rate = cfg_hashlimit_bytes(c->avg);
		t->burst = c->burst != 0 ? c->burst * t->rate : t->rate;
	} else if (c->rate_match) {
		t->rate = CFG_HL_SCALE / c->avg;
		t->burst = c->burst + t->rate;
	} else if (c->bytes) {
		t->cost = cfg_hashlimit_byte_credits(c->avg);
		t->cap = BYTE_FULL;
	} else {
		t->cost = cfg_hashlimit_credits(c->avg);
		t->cap = cfg_hashlimit_credits(c->avg * c->burst);
	}
}

static void
table_init(void *copy, const void *params)
{
	const uint8_t all = CFG_HL_SRCIP | CFG_HL_SRCPORT | CFG_HL_DSTIP | CFG_HL_DSTPORT;
	struct table *t = copy;

	t->cfg = *(const struct cfg_hashlimit *)params;
	t->expire = ticks_of(t->cfg.expire);
	t->gc = ticks_of(t->cfg.gcinterval);
	mask_set(&t->src_mask, t->cfg.srcmask);
	mask_set(&t->dst_mask, t->cfg.dstmask);
	t->one_flow = t->cfg.mode == all && t->cfg.srcmask == t->cfg.bits &&
		      t->cfg.dstmask == t->cfg.bits;
	rates_set(t);
	acl_aged_init(&t->aged, t + 1, max_of(params), sizeof(struct entry));
}

static uint32_t *
bucket_of(const struct table *t, const struct key *key)
{
	return acl_aged_bucket(
		&t->aged, rte_jhash_32b((const uint32_t *)key, sizeof(*key) / 4, t->aged.seed));
}

static void
forget(struct table *t, struct entry *e)
{
	acl_aged_forget(&t->aged, bucket_of(t, &e->key), &e->link);
}

// Moves the last sweep on to the newest one that netfilter would have made by now, and takes up a
// few of those that it met. The division is made once in an interval, not per packet.
static void
sweep(struct table *t, uint64_t now)
{
	if (!t->started) {
		t->started = true;
		t->swept = now;
	}
	if (now >= t->swept + t->gc)
		t->swept += (now - t->swept) / t->gc * t->gc;
	for (unsigned i = 0; i < SWEPT_MAX && t->aged.n != 0; i++) {
		struct entry *e = acl_aged_at(&t->aged, t->aged.oldest);

		if (e->expires > t->swept)
			return;
		forget(t, e);
	}
}

// A new bucket, full; NULL: the table is.
static struct entry *
entry_add(struct table *t, const struct key *key, uint64_t now)
{
	struct entry *e;

	if (t->aged.n == t->aged.max)
		return NULL; // none of them has expired: sweep() would have taken it up
	e = acl_aged_add(&t->aged, bucket_of(t, key));
	e->key = *key;
	e->prev = now;
	e->expires = 0;
	e->credit = t->cfg.rate_match ? 0 : t->cap;
	e->left = t->cfg.rate_match ? 0 : t->cfg.burst;
	return e;
}

// What came in since the last reckoning.
static void
reckon(const struct table *t, struct entry *e, uint64_t now)
{
	uint64_t ticks = now - e->prev;

	if (now <= e->prev)
		return;
	if (t->cfg.rate_match) {
		if (ticks < t->interval)
			return;
		e->left = e->credit * t->interval > ticks * t->rate;
		e->credit = 0;
	} else if (t->cfg.bytes) {
		e->credit = RTE_MIN(e->credit + RTE_MIN(ticks, UINT32_MAX) * CFG_HL_BYTE_CREDITS,
				    t->cap);
	} else { // a tick is a small part of what 64 bits hold, a day of them is all of it
		uint64_t more;

		if (__builtin_mul_overflow(ticks, CFG_HL_CREDITS, &more) ||
		    __builtin_add_overflow(e->credit, more, &e->credit))
			e->credit = UINT64_MAX;
		e->credit = RTE_MIN(e->credit, t->cap);
	}
	e->prev = now;
}

// Takes a packet of len bytes out of the bucket. False: there is not enough in it.
static bool
spend(const struct table *t, struct entry *e, uint32_t len)
{
	uint64_t cost = t->cost;

	if (t->cfg.rate_match) {
		e->credit += t->cfg.bytes ? len : 1;
		return e->left == 0 && e->credit <= t->burst;
	}
	if (t->cfg.bytes) {
		cost = RTE_MIN(((len >> 4) + 1) * cost, BYTE_FULL);
		if (e->credit < cost && e->left != 0) {
			e->left--;
			e->credit = BYTE_FULL;
		}
	}
	if (e->credit < cost)
		return false;
	e->credit -= cost;
	return true;
}

// One packet of len bytes, here or at another worker.
static enum acl_hit
packet(struct table *t, const struct key *key, uint32_t len, uint64_t now)
{
	struct entry *e;

	sweep(t, now);
	e = acl_aged_at(&t->aged, *bucket_of(t, key));
	while (e != NULL && memcmp(&e->key, key, sizeof(*key)) != 0)
		e = acl_aged_at(&t->aged, e->link.next);
	if (e != NULL && e->expires <= t->swept) {
		forget(t, e);
		e = NULL;
	}
	if (e == NULL) {
		e = entry_add(t, key, now);
		if (e == NULL)
			return ACL_HOT;
	} else {
		reckon(t, e, now);
		acl_aged_touch(&t->aged, &e->link);
	}
	e->expires = RTE_MAX(e->expires, now + t->expire);
	return spend(t, e, len) ? ACL_HIT : ACL_MISS;
}

static void
table_hear(void *copy, const struct pl_news *news)
{
	struct spent s;

	memcpy(&s, news->data, sizeof(s));
	packet(copy, &s.key, s.len, news->time_ns);
}

static void
tell(struct pl_worker *w, const struct table *t, const struct key *key, uint32_t len, uint64_t now)
{
	struct pl_news news = {.time_ns = now, .object = t->head.id};
	struct spent s = {*key, len};

	if (w->n_workers == 1 || t->one_flow)
		return;
	memcpy(news.data, &s, sizeof(s));
	pl_news_tell(w, &news);
}

// The first four bytes of the transport header, or of the SPI: what netfilter takes for ports.
// False: they are not there, and the packet must be dropped.
static bool
ports_of(const struct pl_pkt *p, struct key *key)
{
	uint32_t at = 0;
	const rte_be16_t *port;

	if (p->family == 6 && p->flags & PL_F_LATER_FRAG)
		return true;
	switch (p->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
	case IPPROTO_ESP:
		break;
	case IPPROTO_AH:
		at = 4;
		break;
	case IPPROTO_NONE:
		return p->family == 4;
	default:
		return true;
	}
	port = p->l4_len < at + 4 ? NULL : pl_need(p, p->l4_off + at, 4);
	if (port == NULL)
		return false;
	key->sport = port[0];
	key->dport = port[1];
	return true;
}

// The packet's key. False: it has none, and must be dropped.
static bool
key_of(const struct table *t, const struct pl_pkt *p, struct key *key)
{
	memset(key, 0, sizeof(*key));
	if (t->cfg.mode & (CFG_HL_SRCPORT | CFG_HL_DSTPORT) && !ports_of(p, key))
		return false;
	if (!(t->cfg.mode & CFG_HL_SRCPORT))
		key->sport = 0;
	if (!(t->cfg.mode & CFG_HL_DSTPORT))
		key->dport = 0;
	for (unsigned i = 0; i < 2; i++) {
		if (t->cfg.mode & CFG_HL_SRCIP)
			key->src.u64[i] = p->src.u64[i] & t->src_mask.u64[i];
		if (t->cfg.mode & CFG_HL_DSTIP)
			key->dst.u64[i] = p->dst.u64[i] & t->dst_mask.u64[i];
	}
	return true;
}

enum acl_hit
acl_hashlimit_judge(const struct cfg_match *m, const struct acl_view *v)
{
	struct table **state = acl_state_of(v, m->slot), *t;
	uint64_t now = v->now_ns / TICK_NS;
	enum acl_hit hit = ACL_HIT;
	struct key key;

	if (state != NULL) { // else hypothetical: the first packet of its bucket
		t = *state;
		if (!key_of(t, v->pkt, &key))
			return ACL_HOT;
		hit = packet(t, &key, v->pkt->l3_len, now);
		if (hit == ACL_HOT)
			return hit;
		if (hit == ACL_HIT || t->cfg.rate_match)
			tell(v->w, t, &key, v->pkt->l3_len, now);
	}
	return (hit == ACL_HIT) != m->hashlimit.above ? ACL_HIT : ACL_MISS;
}

int
acl_hashlimit_init(void *state, const void *item, const struct acl_policy *p, uint16_t worker)
{
	const struct cfg_match *m = item;
	const struct acl_named *n = acl_named_find(
		p, &acl_hashlimit_kind, acl_family_of_match(p, m), cfg_hashlimit_name(m));

	*(void **)state = n->copy[worker];
	return 0;
}

// What the first rule asks counts for all.
static void
want(void *params, const struct cfg_match *m, const struct acl_policy *p, enum acl_family family,
     bool first)
{
	(void)p;
	if (first)
		cfg_hashlimit_resolve(&m->hashlimit, acl_cfg_family(family), params);
}

const struct acl_named_kind acl_hashlimit_kind = {
	.per_family = true,
	.params_size = sizeof(struct cfg_hashlimit),
	.size = table_size,
	.init = table_init,
	.hear = table_hear,
};
const struct acl_named_use acl_hashlimit_use = {&acl_hashlimit_kind, want};
