// Port blocks: see nat_block.h. Called by nat_pick.c when a source is chosen, when the flow ends,
// and once per turn, on the worker's thread. Three arrays (public addresses, subscribers, blocks)
// in address space of their own, and two hash tables. A free block is found in at most 16 words of
// bits; a subscriber's blocks are at most 16; each step along a hash chain is one of equal hashes.
//
// Worker w has the units of 4,096 ports u with (u + a) % n == w of a public address, where a comes
// from the address: shares do not depend on the size of blocks, so they stay apart when a new
// policy changes it. A block whose last flow has gone stays its subscriber's for the rule's hold
// time (RFC 6888 REQ-8), and is the first that it uses again.
#include "nat/nat_block.h"

#include <errno.h>
#include <string.h>

#include "nat/nat_core.h"
#include "pipeline/mem.h"

#define PUBS	  4096u
#define SUBS	  (1u << 20)
#define BLOCKS	  (1u << 20)
#define HEADS	  (1u << 20) // by_in; by_addr has PUBS
#define ADDRESSES 8	     // of a range, looked at for a subscriber's first block
#define LOOK_NS	  1000000    // between two looks at idle blocks
#define LOOK_MAX  64	     // of them in one look
#define SEC_NS	  UINT64_C(1000000000)

int
nat_blocks_init(struct nat_blocks *b, uint64_t key)
{
	*b = (struct nat_blocks){.key = key, .pub_used = 1, .sub_used = 1, .block_used = 1};
	b->pub = pl_mem_space((PUBS + 1) * sizeof(b->pub[0]));
	b->sub = pl_mem_space((SUBS + 1) * sizeof(b->sub[0]));
	b->block = pl_mem_space((BLOCKS + 1) * sizeof(b->block[0]));
	b->by_addr = pl_mem_space(PUBS * sizeof(b->by_addr[0]));
	b->by_in = pl_mem_space(HEADS * sizeof(b->by_in[0]));
	if (b->pub != NULL && b->sub != NULL && b->block != NULL && b->by_addr != NULL &&
	    b->by_in != NULL)
		return 0;
	nat_blocks_fini(b);
	return -ENOMEM;
}

void
nat_blocks_fini(struct nat_blocks *b)
{
	pl_mem_unmap(b->pub, (PUBS + 1) * sizeof(b->pub[0]));
	pl_mem_unmap(b->sub, (SUBS + 1) * sizeof(b->sub[0]));
	pl_mem_unmap(b->block, (BLOCKS + 1) * sizeof(b->block[0]));
	pl_mem_unmap(b->by_addr, PUBS * sizeof(b->by_addr[0]));
	pl_mem_unmap(b->by_in, HEADS * sizeof(b->by_in[0]));
	*b = (struct nat_blocks){0};
}

// ---- public addresses
// ------------------------------------------------------------------------------

static uint64_t
hash_of(const struct nat_blocks *b, const union pl_addr *a, uint8_t family, uint16_t zone)
{
	return nat_addr_hash(b->key, a, (uint64_t)zone << 8 | family) >> 32;
}

static uint32_t
pub_find(const struct nat_blocks *b, const union pl_addr *addr, uint8_t family, uint16_t zone)
{
	uint32_t i = b->by_addr[hash_of(b, addr, family, zone) % PUBS];

	while (i != 0 && !(b->pub[i].family == family && b->pub[i].zone == zone &&
			   pl_addr_eq(&b->pub[i].addr, addr)))
		i = b->pub[i].next;
	return i;
}

// 0: no room.
static uint32_t
pub_get(struct nat_blocks *b, const union pl_addr *addr, uint8_t family, uint16_t zone)
{
	uint32_t i = pub_find(b, addr, family, zone), *head;

	if (i != 0)
		return i;
	i = b->pub_free;
	if (i != 0)
		b->pub_free = b->pub[i].next;
	else if (b->pub_used <= PUBS)
		i = b->pub_used++;
	else
		return 0;
	head = &b->by_addr[hash_of(b, addr, family, zone) % PUBS];
	b->pub[i].addr = *addr;
	b->pub[i].family = family;
	b->pub[i].zone = zone;
	b->pub[i].next = *head;
	*head = i;
	return i;
}

// Its last block went: busy and owner are zero again.
static void
pub_put(struct nat_blocks *b, uint32_t i)
{
	struct nat_pub *p = &b->pub[i];
	uint32_t *at = &b->by_addr[hash_of(b, &p->addr, p->family, p->zone) % PUBS];

	while (*at != i)
		at = &b->pub[*at].next;
	*at = p->next;
	p->next = b->pub_free;
	b->pub_free = i;
}

// Bits of a unit's grains at which a whole free block of the rule's range can begin.
static uint64_t
places(const struct nat_pub *p, unsigned unit, const struct pl_nat_rule *rule, unsigned grains)
{
	static const uint64_t aligned[] = {
		UINT64_MAX,	    0x5555555555555555, 0x1111111111111111, 0x0101010101010101,
		0x0001000100010001, 0x0000000100000001, 0x0000000000000001};
	uint64_t free = ~p->busy[unit];
	unsigned steps = (unsigned)__builtin_ctz(grains);
	uint32_t low = unit * NAT_BLOCK_UNIT;

	bool inside = low >= rule->port_min && low + NAT_BLOCK_UNIT - 1 <= rule->port_max;

	for (unsigned i = 0; !inside && i < 64; i++) { // the ends of the rule's range
		uint32_t port = low + i * NAT_BLOCK_MIN;

		if (port < rule->port_min || port + NAT_BLOCK_MIN - 1 > rule->port_max)
			free &= ~(UINT64_C(1) << i);
	}
	for (unsigned i = 0; i < steps; i++)
		free &= free >> (1u << i);
	return free & aligned[steps];
}

// The first port of a free block of this worker's share; 0: there is none.
static uint16_t
find_free(struct pl_worker *w, const struct nat_pub *p, const struct pl_nat_rule *rule)
{
	unsigned n = w->n_workers, grains = (1u << rule->block_shift) / NAT_BLOCK_MIN;
	unsigned turn = rte_be_to_cpu_32(p->addr.u32[p->family == 4 ? 0 : 3]);
	unsigned from = (unsigned)nat_random(w->nat) % NAT_BLOCK_UNITS;

	for (unsigned i = 0; i < NAT_BLOCK_UNITS; i++) {
		unsigned unit = (from + i) % NAT_BLOCK_UNITS;
		uint64_t at;

		if ((unit + turn) % n != w->id)
			continue;
		at = places(p, unit, rule, grains);
		if (at != 0)
			return (uint16_t)(unit * NAT_BLOCK_UNIT +
					  (unsigned)__builtin_ctzll(at) * NAT_BLOCK_MIN);
	}
	return 0;
}

static void
mark(struct nat_pub *p, uint16_t first, uint8_t shift, uint32_t block)
{
	unsigned grain = first / NAT_BLOCK_MIN, n = (1u << shift) / NAT_BLOCK_MIN;
	uint64_t bits = (n == 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1) << grain % 64;

	if (block != 0)
		p->busy[grain / 64] |= bits;
	else
		p->busy[grain / 64] &= ~bits;
	for (unsigned i = 0; i < n; i++)
		p->owner[grain + i] = block;
}

// ---- subscribers
// -----------------------------------------------------------------------------------

static bool
is_between(const union pl_addr *a, const struct pl_nat_rule *rule)
{
	return memcmp(a, &rule->addr_min, sizeof(*a)) >= 0 &&
	       memcmp(a, &rule->addr_max, sizeof(*a)) <= 0;
}

struct nat_sub *
nat_sub_find(const struct nat_blocks *b, const union pl_addr *in, uint8_t family, uint16_t zone,
	     const struct pl_nat_rule *rule)
{
	uint32_t i = b->by_in[hash_of(b, in, family, zone) % HEADS];

	for (; i != 0; i = b->sub[i].next) {
		const struct nat_sub *s = &b->sub[i];

		if (s->family == family && s->zone == zone && pl_addr_eq(&s->in, in) &&
		    s->shift == rule->block_shift && s->port_min == rule->port_min &&
		    s->port_max == rule->port_max && is_between(&b->pub[s->pub].addr, rule))
			return &b->sub[i];
	}
	return NULL;
}

struct nat_sub *
nat_sub_at(const struct nat_blocks *b, const union pl_addr *in, uint8_t family, uint16_t zone,
	   const union pl_addr *out)
{
	uint32_t i = b->count != 0 ? b->by_in[hash_of(b, in, family, zone) % HEADS] : 0;

	for (; i != 0; i = b->sub[i].next) {
		const struct nat_sub *s = &b->sub[i];

		if (s->family == family && s->zone == zone && pl_addr_eq(&s->in, in) &&
		    pl_addr_eq(&b->pub[s->pub].addr, out))
			return &b->sub[i];
	}
	return NULL;
}

const struct nat_pub *
nat_sub_pub(const struct nat_blocks *b, const struct nat_sub *s)
{
	return &b->pub[s->pub];
}

bool
nat_sub_has(const struct nat_sub *s, uint16_t port)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->first[i] == (port & ~((1u << s->shift) - 1)))
			return true;
	return false;
}

// 0: no room.
static uint32_t
sub_new(struct nat_blocks *b, const union pl_addr *in, uint8_t family, uint16_t zone,
	const struct pl_nat_rule *rule)
{
	uint32_t i = b->sub_free, *head;

	if (i != 0)
		b->sub_free = b->sub[i].next;
	else if (b->sub_used <= SUBS)
		i = b->sub_used++;
	else
		return 0;
	head = &b->by_in[hash_of(b, in, family, zone) % HEADS];
	b->sub[i] = (struct nat_sub){.in = *in,
				     .next = *head,
				     .zone = zone,
				     .port_min = rule->port_min,
				     .port_max = rule->port_max,
				     .family = family,
				     .shift = rule->block_shift};
	*head = i;
	return i;
}

static void
sub_free(struct nat_blocks *b, uint32_t i)
{
	struct nat_sub *s = &b->sub[i];
	uint32_t *at = &b->by_in[hash_of(b, &s->in, s->family, s->zone) % HEADS];

	while (*at != i)
		at = &b->sub[*at].next;
	*at = s->next;
	s->next = b->sub_free;
	b->sub_free = i;
}

// ---- blocks
// ----------------------------------------------------------------------------------------

static void
tell(struct pl_worker *w, enum ct_event_kind kind, const struct nat_block *k)
{
	const struct nat_blocks *b = &w->nat->blocks;
	const struct nat_sub *s = &b->sub[k->sub];

	ct_event_block(w, kind,
		       &(struct ct_block){.in = s->in,
					  .out = b->pub[k->pub].addr,
					  .first = k->first,
					  .last = (uint16_t)(k->first + (1u << k->shift) - 1),
					  .zone = s->zone,
					  .family = s->family});
}

static void
idle_add(struct nat_blocks *b, uint32_t i)
{
	struct nat_block *k = &b->block[i];

	k->idle = true;
	k->prev = b->idle_last;
	k->next = 0;
	if (b->idle_last != 0)
		b->block[b->idle_last].next = i;
	else
		b->idle_first = i;
	b->idle_last = i;
	b->n_idle++;
}

static void
idle_del(struct nat_blocks *b, uint32_t i)
{
	struct nat_block *k = &b->block[i];

	if (k->prev != 0)
		b->block[k->prev].next = k->next;
	else
		b->idle_first = k->next;
	if (k->next != 0)
		b->block[k->next].prev = k->prev;
	else
		b->idle_last = k->prev;
	k->idle = false;
	b->n_idle--;
}

// Nobody uses it: it goes after its hold time.
static void
rest(struct pl_worker *w, uint32_t i)
{
	struct nat_block *k = &w->nat->blocks.block[i];

	k->until_ns = w->now_ns + k->hold_sec * SEC_NS;
	idle_add(&w->nat->blocks, i);
}

static void
release(struct pl_worker *w, uint32_t i)
{
	struct nat_blocks *b = &w->nat->blocks;
	struct nat_block *k = &b->block[i];
	struct nat_sub *s = &b->sub[k->sub];
	unsigned at = 0;

	tell(w, CT_EVENT_RELEASE, k);
	idle_del(b, i);
	mark(&b->pub[k->pub], k->first, k->shift, 0);
	while (s->first[at] != k->first)
		at++;
	s->first[at] = s->first[--s->n];
	if (s->n == 0)
		sub_free(b, k->sub);
	if (--b->pub[k->pub].used == 0)
		pub_put(b, k->pub);
	k->next = b->block_free;
	b->block_free = i;
	b->count--;
}

// The next address of the rule's range. False: there is none.
static bool
next_addr(union pl_addr *a, uint8_t family, const struct pl_nat_rule *rule)
{
	unsigned last = family == 4 ? 0 : 3;

	if (pl_addr_eq(&rule->addr_min, &rule->addr_max))
		return false;
	if (pl_addr_eq(a, &rule->addr_max)) {
		*a = rule->addr_min;
		return true;
	}
	a->u32[last] = rte_cpu_to_be_32(rte_be_to_cpu_32(a->u32[last]) + 1);
	return is_between(a, rule);
}

// A place for the subscriber's next block: where it is, or for the first one at `out` and the
// addresses behind it. 0: none.
static uint16_t
find_place(struct pl_worker *w, const struct nat_sub *s, const union pl_addr *out, uint8_t family,
	   uint16_t zone, const struct pl_nat_rule *rule, uint32_t *pub)
{
	struct nat_blocks *b = &w->nat->blocks;
	union pl_addr addr = *out;

	if (s != NULL) {
		*pub = s->pub;
		return find_free(w, &b->pub[s->pub], rule);
	}
	for (unsigned i = 0; i < ADDRESSES; i++) {
		uint16_t first;

		*pub = pub_get(b, &addr, family, zone);
		if (*pub == 0)
			return 0;
		first = find_free(w, &b->pub[*pub], rule);
		if (first != 0)
			return first;
		if (b->pub[*pub].used == 0)
			pub_put(b, *pub);
		if (!next_addr(&addr, family, rule))
			return 0;
	}
	return 0;
}

// The worker's share of what the subscriber may have.
static unsigned
limit_of(const struct pl_worker *w, const struct pl_nat_rule *rule)
{
	unsigned share = rule->block_max / w->n_workers;

	return RTE_MIN(RTE_MAX(share, 1u), (unsigned)NAT_BLOCK_MAX);
}

enum nat_block_got
nat_block_add(struct pl_worker *w, struct nat_sub **sub, const union pl_addr *in,
	      const union pl_addr *out, uint8_t family, uint16_t zone,
	      const struct pl_nat_rule *rule)
{
	struct nat_blocks *b = &w->nat->blocks;
	uint32_t i = b->block_free != 0 ? b->block_free : b->block_used, pub, s;
	uint16_t first;

	if (*sub != NULL && (*sub)->n >= limit_of(w, rule))
		return NAT_BLOCK_LIMIT;
	first = i <= BLOCKS ? find_place(w, *sub, out, family, zone, rule, &pub) : 0;
	if (first == 0)
		return NAT_BLOCK_NONE;
	s = *sub != NULL ? (uint32_t)(*sub - b->sub) : sub_new(b, in, family, zone, rule);
	if (s == 0) {
		if (b->pub[pub].used == 0)
			pub_put(b, pub);
		return NAT_BLOCK_NONE;
	}
	if (i == b->block_free)
		b->block_free = b->block[i].next;
	else
		b->block_used++;
	b->block[i] = (struct nat_block){.sub = s,
					 .pub = pub,
					 .hold_sec = rule->block_hold_sec,
					 .first = first,
					 .shift = rule->block_shift};
	mark(&b->pub[pub], first, rule->block_shift, i);
	b->pub[pub].used++;
	b->sub[s].pub = pub;
	b->sub[s].first[b->sub[s].n++] = first;
	b->count++;
	*sub = &b->sub[s];
	tell(w, CT_EVENT_ASSIGN, &b->block[i]);
	rest(w, i); // until its first flow has it
	return NAT_BLOCK_GOT;
}

static uint32_t
block_at(const struct nat_blocks *b, const struct ct_tuple *reply)
{
	uint32_t pub = b->count != 0 ? pub_find(b, &reply->dst, reply->family, reply->zone) : 0;

	return pub != 0 ? b->pub[pub].owner[rte_be_to_cpu_16(reply->dport) / NAT_BLOCK_MIN] : 0;
}

bool
nat_block_reserved(const struct nat_blocks *b, const struct ct_tuple *reply)
{
	return block_at(b, reply) != 0;
}

bool
nat_block_hold(struct nat_blocks *b, const struct ct_tuple *reply)
{
	uint32_t i = block_at(b, reply);

	if (i == 0)
		return false;
	if (b->block[i].idle)
		idle_del(b, i);
	b->block[i].refs++;
	return true;
}

void
nat_block_leave(struct pl_worker *w, const struct ct_tuple *reply)
{
	uint32_t i = block_at(&w->nat->blocks, reply);

	if (i != 0 && --w->nat->blocks.block[i].refs == 0)
		rest(w, i);
}

void
nat_blocks_turn(struct pl_worker *w)
{
	struct nat_blocks *b = &w->nat->blocks;
	uint32_t look = RTE_MIN(b->n_idle, (uint32_t)LOOK_MAX);

	if (look == 0 || w->now_ns - b->looked_ns < LOOK_NS)
		return;
	b->looked_ns = w->now_ns;
	for (; look != 0; look--) {
		uint32_t i = b->idle_first;

		if (b->block[i].until_ns <= w->now_ns) {
			release(w, i);
			continue;
		}
		idle_del(b, i); // others may be held for less time
		idle_add(b, i);
	}
}
