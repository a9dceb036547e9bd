// What a flow's packets become on the other side: netfilter's choice of a unique tuple
// (nf_nat_setup_info, get_unique_tuple), for the first packet of a flow. Called by nat_stage.c on
// the worker's thread; owns nothing. The candidate is kept as the reply tuple that it gives, which
// is what must be unique: the source that we choose is the reply's destination, the destination
// that we choose is its source.
//
// With one worker this is netfilter's order: the tuple as it is where it is in the rule's range and
// free; else an address of the range by hash, the port kept where the tuple is free; else another
// port. With several workers (port-selection: steered) a kept port must also bring the reply home,
// and ports that are chosen freely always do. Ranges too small to steer in, ICMP identifiers and
// protocols without ports fall back to any free tuple: the worker where the replies arrive must
// grant it then, and the packet waits for that.
#include <errno.h>
#include <string.h>

#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_jhash.h>

#include "nat/nat_help.h"
#include "nat/nat_pick.h"

#define SMALL_RANGE   4096 // ports in a rule; below this a search that found none at home takes any
#define SCATTER	      1024 // ports in a range; in a smaller one counting up finds the last free one
#define RESERVE_TRIES 4	   // how often another worker may have been quicker

bool
nat_pick_random(const struct nat_pick *k)
{
	return k->range.flags & (PL_NAT_RANDOM | PL_NAT_RANDOM_FULLY);
}

static uint64_t
tuple_sig(const struct nat_core *n, const struct ct_tuple *t)
{
	uint64_t h = n->bysrc.key ^ (uint64_t)t->proto << 40 ^ (uint64_t)t->sport << 16 ^ t->dport;

	for (unsigned i = 0; i < 2; i++) {
		h = (h ^ t->src.u64[i]) * 0x9e3779b97f4a7c15;
		h = (h ^ h >> 32 ^ t->dst.u64[i]) * 0x9e3779b97f4a7c15;
	}
	return h ^ h >> 29;
}

static bool
refused(const struct nat_pick *k)
{
	const struct nat_core *n = k->w->nat;
	uint64_t sig = tuple_sig(n, &k->reply);
	const struct nat_refused *r = &n->refused[sig % NAT_REFUSED];

	return r->sig == sig && r->until_ns > k->w->now_ns;
}

bool
nat_pick_taken(const struct nat_pick *k)
{
	if (k->side == NAT_SRC && !k->mapped) {
		if (k->w->nat->maps.count != 0 && nat_eim_reserved(k))
			return true;
		if (k->sub == NULL && nat_block_reserved(&k->w->nat->blocks, &k->reply))
			return true;
	}
	return ct_tuple_taken(k->w->ct, &k->reply, k->e) || (k->w->n_workers > 1 && refused(k));
}

uint16_t
nat_pick_port(const struct nat_pick *k)
{
	return rte_be_to_cpu_16(k->side == NAT_SRC ? k->reply.dport : k->reply.sport);
}

void
nat_pick_set_port(struct nat_pick *k, uint16_t port)
{
	if (k->side == NAT_SRC || k->icmp)
		k->reply.dport = rte_cpu_to_be_16(port);
	if (k->side == NAT_DST || k->icmp)
		k->reply.sport = rte_cpu_to_be_16(port);
}

// Can the port decide where the reply goes?
static struct nat_home
home_of(const struct nat_pick *k)
{
	struct nat_home h = {0};

	if (k->w->n_workers <= 1 || !k->ports || k->side != NAT_SRC)
		return h;
	h.reta = k->w->reta;
	h.worker = k->w->id;
	h.base = pl_toeplitz(k->reply.family, &k->reply.src, &k->reply.dst, k->reply.sport, 0);
	return h;
}

// May the candidate stay as it is?
static bool
fits(const struct nat_pick *k)
{
	if (k->keep_home) {
		struct nat_home h = home_of(k);

		if (!nat_port_home(&h, nat_pick_port(k)))
			return false;
	}
	return !nat_pick_taken(k);
}

static bool
addr_in_range(const struct nat_pick *k)
{
	const union pl_addr *a = k->side == NAT_SRC ? &k->reply.dst : &k->reply.src;
	unsigned n = k->reply.family == 4 ? 4 : 16;

	return memcmp(a, &k->range.addr_min, n) >= 0 && memcmp(a, &k->range.addr_max, n) <= 0;
}

static bool
port_in_range(const struct nat_pick *k)
{
	uint16_t port = nat_pick_port(k);

	if (!k->ports && !k->icmp)
		return true;
	if (k->sub != NULL)
		return nat_sub_has(k->sub, port);
	return port >= k->range.port_min && port <= k->range.port_max;
}

bool
nat_pick_in_range(const struct nat_pick *k)
{
	if ((k->range.flags & PL_NAT_HAS_ADDR) && !addr_in_range(k))
		return false;
	return !(k->range.flags & PL_NAT_HAS_PORTS) || port_in_range(k);
}

// An address of the range: by a hash of the source, and of the destination unless the rule says
// persistent. The same hash as the kernel's, so that a client keeps its address when it moves from
// there to here.
void
nat_pick_addr(struct nat_pick *k)
{
	const struct pl_nat_rule *r = &k->range;
	unsigned last = k->reply.family == 4 ? 0 : 3;
	bool persistent = r->flags & PL_NAT_PERSISTENT, full = false;
	uint32_t far = k->reply.src.u32[last], hash;
	union pl_addr chosen = {0};

	if (!(r->flags & PL_NAT_HAS_ADDR))
		return;
	hash = rte_jhash_32b(k->reply.dst.u32, 4, persistent ? 0 : far);
	for (unsigned i = 0; i <= last; i++) {
		uint32_t lo = 0, n = UINT32_MAX;

		if (!full) { // the words before this one are at the range's end: do not go past it
			lo = rte_be_to_cpu_32(r->addr_min.u32[i]);
			n = rte_be_to_cpu_32(r->addr_max.u32[i]) - lo + 1;
		}
		chosen.u32[i] = rte_cpu_to_be_32(lo + (uint32_t)((uint64_t)hash * n >> 32));
		if (chosen.u32[i] != r->addr_max.u32[i])
			full = true;
		if (!persistent)
			hash ^= k->reply.src.u32[i];
	}
	if (memcmp(&r->addr_min, &r->addr_max, sizeof(chosen)) == 0)
		chosen = r->addr_min;
	if (k->side == NAT_SRC)
		k->reply.dst = chosen;
	else
		k->reply.src = chosen;
}

static bool
port_taken(void *ctx, uint16_t port, bool last)
{
	struct nat_pick *k = ctx;

	nat_pick_set_port(k, port);
	if (!nat_pick_taken(k))
		return false;
	return !last || !ct_tuple_evict(k->w, &k->reply, k->e);
}

static uint64_t
random_of(void *ctx)
{
	return nat_random(((struct nat_pick *)ctx)->w->nat);
}

// The range in which the port (or identifier) may move. False: it may not.
bool
nat_pick_port_range(const struct nat_pick *k, struct nat_search *s)
{
	const struct pl_nat_rule *r = &k->range;

	if (!k->ports && !k->icmp)
		return false;
	if (k->sub != NULL) {
		s->size = (uint32_t)k->sub->n << k->sub->shift;
		s->block = k->sub->first;
		s->shift = k->sub->shift;
	} else if (r->flags & PL_NAT_HAS_PORTS) {
		s->min = RTE_MIN(r->port_min, r->port_max);
		s->size = RTE_MAX(r->port_min, r->port_max) - s->min + 1u;
	} else if (k->icmp) {
		s->min = 0;
		s->size = UINT16_MAX + 1u;
	} else if (k->side == NAT_DST) {
		return false;
	} else {
		nat_port_class(nat_pick_port(k), &s->min, &s->size);
	}
	return true;
}

// Where it is remembered that the candidate's address has no port towards its far end.
static struct nat_full *
full_of(const struct nat_pick *k)
{
	struct ct_tuple t = k->reply;
	struct nat_full *full;
	uint64_t sig;

	t.dport = 0;
	if (k->icmp)
		t.sport = 0;
	sig = tuple_sig(k->w->nat, &t);
	full = &k->w->nat->full[sig % NAT_FULL];
	if (full->sig != sig || full->until_ns <= k->w->now_ns)
		*full = (struct nat_full){.sig = sig};
	return full;
}

static bool
search(struct nat_pick *k, struct nat_search *s, uint16_t *port)
{
	struct nat_full *full;

	if (!s->scatter)
		return nat_port_search(s, port);
	full = full_of(k);
	s->brief = full->failed >= NAT_FULL_TRIES;
	if (nat_port_search(s, port)) {
		full->failed = 0;
		return true;
	}
	full->failed++;
	if (!s->brief)
		full->until_ns = k->w->now_ns + NAT_FULL_NS;
	return false;
}

static bool
move_port(struct nat_pick *k)
{
	struct nat_search s = {.spread = 1, .taken = port_taken, .random = random_of, .ctx = k};
	uint16_t port;
	bool found;

	if (!nat_pick_port_range(k, &s))
		return k->side == NAT_DST || !nat_pick_taken(k);
	if (k->range.flags & PL_NAT_PORT_SHIFT) {
		s.start = (uint16_t)(nat_pick_port(k) - k->range.port_base);
		if (s.start >= s.size)
			s.start %= s.size; // once for a flow, and only outside of the range that
					   // was asked for
	} else if (nat_pick_random(k) || k->side == NAT_SRC) {
		s.start = (uint32_t)(((random_of(k) & UINT32_MAX) * s.size) >> 32);
		s.scatter = s.size > SCATTER;
	}
	s.home = home_of(k);
	if (s.home.reta != NULL)
		s.spread = k->w->n_workers;
	found = search(k, &s, &port);
	if (!found && s.home.reta != NULL && (k->range.flags & PL_NAT_HAS_PORTS) &&
	    s.size < SMALL_RANGE) {
		s.home.reta = NULL;
		s.spread = 1;
		found = nat_port_search(&s, &port);
	}
	nat_pick_set_port(k, port);
	// A destination that is taken is not the end: the source may still be moved out of the way.
	return found || k->side == NAT_DST;
}

// The source of another flow as this one's, where the rule allows it.
static bool
take_source(void *ctx, const struct ct_tuple *reply)
{
	struct nat_pick *k = ctx;

	k->reply.dst = reply->dst;
	k->reply.dport = reply->dport;
	if (k->icmp)
		k->reply.sport = reply->dport;
	return nat_pick_in_range(k);
}

// The tuple as it is, or with the source that another flow from the same place has.
static bool
keep_source(struct nat_pick *k)
{
	struct ct_tuple before = k->reply, orig;

	if (nat_pick_in_range(k)) {
		if (fits(k))
			return true;
	} else {
		orig = nat_tuple(k->e, CT_ORIGINAL);
		if (nat_bysrc_find(&k->w->nat->bysrc, &orig, take_source, k) && fits(k))
			return true;
	}
	k->reply = before;
	return false;
}

// Leaves the choice in k->reply. False: there is none.
static bool
choose_in_range(struct nat_pick *k)
{
	const struct pl_nat_rule *r = &k->range;
	enum nat_eim eim = r->flags & PL_NAT_EIM ? nat_eim_choose(k) : NAT_EIM_PASS;

	if (eim != NAT_EIM_PASS)
		return eim == NAT_EIM_YES;
	if (k->side == NAT_SRC && !nat_pick_random(k) && keep_source(k))
		return true;
	nat_pick_addr(k);
	if (!nat_pick_random(k)) {
		if (!(r->flags & PL_NAT_HAS_PORTS)) {
			if (fits(k))
				return true;
		} else if (!(r->flags & PL_NAT_PORT_SHIFT) && port_in_range(k) &&
			   (r->port_min == r->port_max || fits(k))) {
			return true; // a range of one port: no other choice, reserving it will tell
		}
	}
	return move_port(k);
}

// The same among the ports of the subscriber's blocks, at its address.
static bool
choose_in_blocks(struct nat_pick *k)
{
	struct pl_nat_rule rule = k->range;
	bool found;

	k->range.addr_min = k->range.addr_max = nat_sub_pub(&k->w->nat->blocks, k->sub)->addr;
	k->range.flags |= PL_NAT_HAS_ADDR | PL_NAT_HAS_PORTS;
	found = choose_in_range(k);
	k->range = rule;
	return found;
}

// An address, and ports of the subscriber's blocks, or of one block more.
static bool
choose_block(struct nat_pick *k)
{
	struct ct_tuple before = k->reply, orig = nat_tuple(k->e, CT_ORIGINAL);
	struct nat_blocks *b = &k->w->nat->blocks;
	uint16_t flags = k->range.flags;
	enum nat_block_got got;

	k->sub = nat_sub_find(b, &orig.src, orig.family, k->reply.zone, &k->range);
	if (k->sub != NULL && choose_in_blocks(k))
		return true;
	if (k->sub == NULL || (!k->ports && !k->icmp)) { // no blocks: an address all the same
		k->reply = before;
		k->range.flags |= PL_NAT_PERSISTENT;
		nat_pick_addr(k);
		k->range.flags = flags;
	}
	if (!k->ports && !k->icmp)
		return k->sub == NULL && !nat_pick_taken(k);
	got = nat_block_add(k->w, &k->sub, &orig.src, &k->reply.dst, orig.family, k->reply.zone,
			    &k->range);
	k->limited = got == NAT_BLOCK_LIMIT;
	if (got == NAT_BLOCK_GOT) {
		k->reply = before;
		return choose_in_blocks(k);
	}
	return false;
}

static bool
choose(struct nat_pick *k)
{
	return k->range.flags & PL_NAT_BLOCKS ? choose_block(k) : choose_in_range(k);
}

static bool
has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_UDPLITE ||
	       proto == IPPROTO_SCTP;
}

static bool
same(const struct ct_tuple *a, const struct ct_tuple *b)
{
	return pl_addr_eq(&a->src, &b->src) && pl_addr_eq(&a->dst, &b->dst) &&
	       a->sport == b->sport && a->dport == b->dport;
}

// The choice becomes the flow's.
static void
commit(struct nat_pick *k, struct pl_pkt *p)
{
	bool src = k->side == NAT_SRC;
	struct ct_tuple now = nat_tuple(p->ct, CT_REPLY);

	if (same(&k->reply, &now))
		return;
	ct_set_reply(p->ct, &k->reply);
	ct_entry_set_status(p->ct, src ? CT_S_SRC_NAT : CT_S_DST_NAT);
	p->ct_status |= src ? PL_CT_SNAT : PL_CT_DNAT;
}

// How many ports (or identifiers) the rule has at an address. The classes below 1024 count as what
// all other clients get.
static uint32_t
room_of(const struct nat_pick *k)
{
	struct nat_search s = {0};

	if (!nat_pick_port_range(k, &s))
		return 0;
	if (k->range.flags & PL_NAT_BLOCKS)
		return k->range.port_max - k->range.port_min + 1u;
	if (!k->icmp && !(k->range.flags & PL_NAT_HAS_PORTS))
		nat_port_class(UINT16_MAX, &s.min, &s.size);
	return s.size;
}

// What the flow has of mappings and addresses goes back.
static void
leave(struct pl_worker *w, const struct ct_entry *e, struct nat_area *area)
{
	if (area->counted || area->block) {
		struct ct_tuple reply = nat_tuple(e, CT_REPLY);

		if (area->counted)
			nat_use_give(&w->nat->use, &reply);
		if (area->block)
			nat_block_leave(w, &reply);
		area->counted = area->block = false;
	}
	if (area->map != 0)
		nat_eim_leave(w->nat, e, area);
}

// A flow ends. w->nat is NULL where all of it does.
static void
forget(struct pl_worker *w, struct ct_entry *e)
{
	if (w == NULL || w->nat == NULL)
		return;
	nat_bysrc_del(&w->nat->bysrc, e);
	leave(w, e, nat_area(w->nat->hooked, e));
}

static void
forget_ahead(struct pl_worker *w, const struct ct_entry *e)
{
	if (w != NULL && w->nat != NULL)
		nat_bysrc_del_ahead(&w->nat->bysrc, e);
}

// From now on nat hears of the flow's end.
static void
remember(struct pl_worker *w, struct ct_entry *e)
{
	if (w->nat->hooked != w->ct) {
		ct_table_set_release(w->ct, forget);
		ct_table_set_ending(w->ct, forget_ahead);
		ct_help_set_nat(w->ct, &nat_help);
		w->nat->hooked = w->ct;
	}
	if (ct_entry_status(e) & CT_S_SRC_NAT)
		nat_bysrc_add(&w->nat->bysrc, w->ct, e);
}

static struct nat_pick
pick_of(struct pl_worker *w, const struct pl_pkt *p, enum nat_side side)
{
	struct nat_pick k = {.w = w,
			     .e = p->ct,
			     .reply = nat_tuple(p->ct, CT_REPLY),
			     .side = side,
			     .egress = p->out_port};

	k.ports = has_ports(k.reply.proto);
	k.icmp = k.reply.proto == (k.reply.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	return k;
}

// No port was free: the drop, counted for the address that was tried.
static int
no_port(const struct nat_pick *k)
{
	if (k->limited)
		return PL_DROP_NAT_LIMIT + 1;
	if (k->counts)
		nat_use_exhausted(&k->w->nat->use, &k->reply, room_of(k));
	return PL_DROP_NAT_NO_PORT + 1;
}

// The flow has its public address, and a port of a block where it came from one.
static void
take(const struct nat_pick *k, struct pl_pkt *p)
{
	struct nat_area *area = nat_area(k->w->ct, p->ct);
	struct nat_core *n = k->w->nat;

	if (k->counts && (ct_entry_status(p->ct) & CT_S_SRC_NAT))
		area->counted = nat_use_take(&n->use, &k->reply, room_of(k));
	if (k->sub != NULL)
		area->block = nat_block_hold(&n->blocks, &k->reply);
}

// Chooses in the range until the reply tuple is the flow's alone; last: it is reserved then.
static int
settle(struct nat_pick *k, struct pl_pkt *p, bool last)
{
	struct ct_tuple before = k->reply;

	for (unsigned i = 0; i < RESERVE_TRIES; i++) {
		int ret;

		k->reply = before;
		if (!choose(k))
			return no_port(k);
		commit(k, p);
		ret = last ? ct_reserve_reply(k->w, p->ct) : 0;
		if (ret == 0 || ret == -EINPROGRESS) {
			ct_entry_set_status(p->ct, k->side == NAT_SRC ? CT_S_SRC_NAT_DONE
								      : CT_S_DST_NAT_DONE);
			nat_area(k->w->ct, p->ct)->inbound |= k->inbound;
			if (last)
				remember(k->w, p->ct);
			take(k, p);
			if (k->mapped && !nat_eim_hold(k))
				return PL_DROP_NAT_NO_PORT + 1;
			// What goes with a flow of another packet does not make it known.
			return ret == 0 || (p->flags & PL_F_CT_GIVEN) ? 0 : NAT_ASK;
		}
		if (ret != -EEXIST)
			return PL_DROP_NAT_FAILED + 1;
		k->range.flags |= PL_NAT_RANDOM_FULLY; // somebody was quicker: anything but this
						       // one
	}
	return no_port(k);
}

// The reply's home has refused what was chosen: it counts as taken for a while, and the candidate
// is again what it was before the source was bound. False: that was often enough.
static bool
take_back(struct nat_pick *k, struct pl_pkt *p)
{
	struct ct_tuple orig = nat_tuple(p->ct, CT_ORIGINAL);
	struct nat_core *n = k->w->nat;
	uint64_t sig = tuple_sig(n, &k->reply);

	n->refused[sig % NAT_REFUSED] = (struct nat_refused){sig, k->w->now_ns + NAT_REFUSED_NS};
	if (++nat_area(k->w->ct, p->ct)->refused >= RESERVE_TRIES)
		return false;
	nat_bysrc_del(&n->bysrc, p->ct);
	leave(k->w, p->ct, nat_area(k->w->ct, p->ct));
	ct_entry_clear_status(p->ct, CT_S_SRC_NAT | CT_S_SRC_NAT_DONE | CT_S_CLASHED);
	p->ct_status &= (uint8_t)~PL_CT_SNAT;
	k->reply.dst = orig.src;
	if (!k->icmp) // one identifier for both ends; another is chosen
		k->reply.dport = orig.sport;
	ct_set_reply(p->ct, &k->reply);
	return true;
}

int
nat_bind(struct pl_worker *w, const struct nat_conf *conf, struct pl_pkt *p, enum nat_side side)
{
	uint32_t done = side == NAT_SRC ? CT_S_SRC_NAT_DONE : CT_S_DST_NAT_DONE;
	uint32_t status = ct_entry_status(p->ct);
	struct nat_pick k = pick_of(w, p, side);
	bool again = side == NAT_SRC && (status & CT_S_CLASHED);
	int ret;

	if (status & CT_S_CONFIRMED || (!again && (status & done)))
		return 0;
	nat_maps_hear(&w->nat->maps);
	if (unlikely(again) && !take_back(&k, p)) {
		nat_pick_range(&k, p, conf);
		return no_port(&k);
	}
	ret = nat_pick_range(&k, p, conf);
	if (unlikely(again))
		k.range.flags |= PL_NAT_RANDOM_FULLY; // anything but that one
	return ret != 0 ? ret : settle(&k, p, side == NAT_SRC);
}

int
nat_bind_to(struct pl_worker *w, struct pl_pkt *p, enum nat_side side,
	    const struct pl_nat_rule *range, bool last)
{
	struct nat_pick k = pick_of(w, p, side);
	int ret;

	k.range = *range;
	if (side == NAT_SRC) {
		struct ct_tuple orig = nat_tuple(p->ct, CT_ORIGINAL);

		k.sub = nat_sub_at(&w->nat->blocks, &orig.src, orig.family, k.reply.zone,
				   &range->addr_min);
		k.range.flags |= k.sub != NULL ? PL_NAT_HAS_PORTS : 0;
	}
	p->flags &= (uint16_t) ~(side == NAT_SRC ? PL_F_NAT_POST : PL_F_NAT_PRE);
	ret = settle(&k, p, last);
	return ret == NAT_ASK ? 0 : ret; // ct_confirm asks
}
