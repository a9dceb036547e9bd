// What other rooms see of a flow: tuples, status, mark, nat's area, the reservation of a reply
// tuple; and the listing and flushing of a whole table. Owner's thread (listing and flushing
// through pl_worker_call). Entries belong to the table (ct_table.c).
#include <assert.h>
#include <errno.h>

#include "conntrack/ct_event.h"

struct ct_tuple
ct_entry_tuple(const struct ct_entry *e, enum ct_dir dir)
{
	struct ct_key k;
	struct ct_tuple t;

	ct_entry_key(e, dir, &k);
	ct_tuple_of(&t, &k);
	return t;
}

void
ct_entry_side(const struct ct_entry *e, enum ct_dir dir, bool source, union pl_addr *addr,
	      rte_be16_t *port)
{
	if (e->family == 4) {
		*addr = (union pl_addr){.v4 = source ? e->dir[dir].src : e->dir[dir].dst};
	} else {
		const struct ct_entry6 *e6 = (const struct ct_entry6 *)e;

		*addr = source ? e6->addr[dir].src : e6->addr[dir].dst;
	}
	*port = source || ct_is_icmp(e->proto) ? e->dir[dir].sport : e->dir[dir].dport;
}

uint32_t
ct_entry_status(const struct ct_entry *e)
{
	return e->status & CT_STATUS_PUBLIC;
}

void
ct_entry_set_status(struct ct_entry *e, uint32_t bits)
{
	e->status |= (uint16_t)(bits & CT_STATUS_PUBLIC);
}

void
ct_entry_clear_status(struct ct_entry *e, uint32_t bits)
{
	e->status &= (uint16_t) ~(bits & CT_STATUS_PUBLIC);
}

uint32_t
ct_entry_mark(const struct ct_entry *e)
{
	return e->mark;
}

void
ct_entry_set_mark(const struct pl_worker *w, struct ct_entry *e, uint32_t mark)
{
	bool other = e->mark != mark;

	e->mark = mark;
	if (other && w != NULL && (e->status & CT_S_CONFIRMED))
		ct_tell(w->ct, e, CT_EVENT_UPDATE, 0);
	e->way[0] = e->way[1] = 0;
}

// Found by e's address alone: e itself may not have come from memory yet.
void *
ct_entry_nat_area(const struct ct_table *t, const struct ct_entry *e)
{
	const struct ct_pool *six = &t->pool[1];
	const size_t off = (uintptr_t)e - (uintptr_t)six->base;

	if (off < (size_t)six->room * sizeof(struct ct_entry6))
		return six->cold[off / sizeof(struct ct_entry6)].nat;
	return t->pool[0]
		.cold[((uintptr_t)e - (uintptr_t)t->pool[0].base) / sizeof(struct ct_entry)]
		.nat;
}

void
ct_set_reply(struct ct_entry *e, const struct ct_tuple *reply)
{
	struct ct_key k;

	assert(!(e->status & (CT_S_CONFIRMED | CT_I_RESERVED)));
	ct_key_of(&k, reply);
	if (ct_is_icmp(e->proto))
		k.dport = e->dir[CT_REPLY].dport;
	ct_entry_set_key(e, CT_REPLY, &k);
}

int
ct_reserve_reply(struct pl_worker *w, struct ct_entry *e)
{
	struct ct_table *t = w->ct;
	struct ct_tuple reply;
	struct ct_key k;
	int ret;

	if (e->status & (CT_I_RESERVED | CT_S_CONFIRMED))
		return e->status & CT_I_ASK ? -EINPROGRESS : 0;
	ret = ct_table_index_reply(t, e);
	if (ret < 0 || t->redir == NULL)
		return ret;
	reply = ct_entry_tuple(e, CT_REPLY);
	if (ct_tuple_home(w, &reply) != w->id) {
		e->status |= CT_I_ASK;
		return -EINPROGRESS;
	}
	ct_entry_key(e, CT_REPLY, &k);
	if (!ct_redirect_taken(t, &k))
		return 0;
	ct_table_unindex_reply(t, e);
	return -EEXIST;
}

// What is kept of few flows: when they began, and labels.
static void
few(const struct ct_table *t, const struct ct_entry *e, struct ct_flow *f)
{
	const ct_id id = ct_id_of(t, e);

	if (t->has_extra)
		memcpy(f->label, ct_extra_at(t, id)->label, sizeof(f->label));
	if (!t->has_start || (f->start_ns = *ct_start_at(t, id)) == 0 || t->w == NULL)
		return;
	f->age_ns = t->w->wall_ns > f->start_ns ? t->w->wall_ns - f->start_ns : 0;
}

void
ct_flow_of(const struct ct_table *t, const struct ct_entry *e, struct ct_flow *f)
{
	memset(f, 0, sizeof(*f));
	f->uncounted = e->uncounted;
	for (unsigned d = 0; d < 2; d++) {
		f->tuple[d] = ct_entry_tuple(e, (enum ct_dir)d);
		f->packets[d] = e->uncounted ? 0 : ct_cold_packets(t, e, d);
		f->bytes[d] = e->uncounted ? 0 : ct_cold_bytes(t, e, d);
	}
	few(t, e, f);
	f->status = ct_entry_status(e);
	f->mark = e->mark;
	f->tcp_state = e->proto == IPPROTO_TCP ? e->tcp.state : CT_TCP_NONE;
	f->icmp_type = f->tuple[CT_ORIGINAL].icmp_type;
	f->icmp_code = f->tuple[CT_ORIGINAL].icmp_code;
	f->timeout_sec = ct_ms_left(t, e) / 1000;
	f->worker = t->worker;
}

#define DUMP_PLACES 8192	 // looked at in one call
#define DUMP_V6	    (1ull << 62) // cursor: in the pool of IPv6

// The next flow that lives, from the place *cursor on, within *places further ones; NULL: none
// there. The cursor is a place: IPv4's pool, then IPv6's. Entries do not move while they live.
static struct ct_entry *
next_live(const struct ct_table *t, uint64_t *cursor, unsigned *places)
{
	uint64_t place = *cursor & ~DUMP_V6;
	unsigned v6 = *cursor >= DUMP_V6;
	struct ct_entry *e = NULL;

	for (; *places > 0 && e == NULL; --*places, place++) {
		struct ct_entry *at;

		if (place >= t->pool[v6].used) {
			if (v6) {
				*cursor = UINT64_MAX;
				return NULL;
			}
			v6 = 1;
			place = 0;
		}
		at = ct_entry_at(t, (ct_id)(place << 1 | v6));
		if ((at->status & (CT_S_CONFIRMED | CT_S_DYING)) == CT_S_CONFIRMED &&
		    !ct_entry_past(t, at))
			e = at;
	}
	*cursor = place | (v6 ? DUMP_V6 : 0);
	return e;
}

unsigned
ct_table_dump(struct ct_table *t, uint64_t now_ns, uint64_t *cursor, struct ct_flow *out,
	      unsigned max)
{
	unsigned n = 0, places = DUMP_PLACES;
	const struct ct_entry *e;

	ct_time_set(t, now_ns);
	while (n < max && (e = next_live(t, cursor, &places)) != NULL)
		ct_flow_of(t, e, &out[n++]);
	return n;
}

unsigned
ct_table_end_some(struct pl_worker *w, uint64_t *cursor, struct ct_flow *out, unsigned max,
		  bool (*want)(const struct ct_flow *flow, const void *arg), const void *arg)
{
	struct ct_table *t = w->ct;
	unsigned n = 0, places = DUMP_PLACES;
	struct ct_entry *e;

	t->w = w;
	ct_time_set(t, w->now_ns);
	for (unsigned i = 0; i < max && (e = next_live(t, cursor, &places)) != NULL; i++) {
		ct_flow_of(t, e, &out[n]);
		if (!want(&out[n], arg))
			continue;
		ct_table_kill(t, e);
		n++;
	}
	return n;
}

// Its first packet waits, and must not make it known afterwards.
static bool
is_parked(const struct ct_entry *e)
{
	return e->family != 0 && e->list == CT_LIST_PARKED;
}

unsigned
ct_table_flush(struct pl_worker *w, bool (*want)(const struct ct_entry *e, void *arg), void *arg)
{
	struct ct_table *t = w->ct;
	unsigned n = 0;

	t->w = w;
	for (unsigned v6 = 0; v6 < 2; v6++) {
		for (uint32_t place = 1; place < t->pool[v6].used; place++) {
			struct ct_entry *e = ct_entry_at(t, place << 1 | v6);

			if ((e->status & CT_S_DYING) ||
			    (!(e->status & CT_S_CONFIRMED) && !is_parked(e)))
				continue;
			if (want != NULL && !want(e, arg))
				continue;
			ct_table_kill(t, e);
			n++;
		}
	}
	return n;
}
