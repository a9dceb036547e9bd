// Programs: the positions of a way (config/space/space_layout.c), once for every state that a walk
// can be in, with each rule's boxes in that state.
//
// Called by config/lint/lint_space.c and config/policy_diff.c. A walk begins in copy 0 at position
// 0; MARK, NOTRACK and DNAT take it to another copy, never to an earlier position, so that
// positions only grow along every walk. A copy holds the positions from the first on at which a
// walk can come into it. What would take more than SPACE_COPIES states or ENTRIES_MAX entries is
// too large.
#include "config/space/space_index.h"
#include "config/space/space_layout.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 1000000

// The boxes of a rule, kept.
struct space_set {
	const struct cfg_rule *rule;
	uint32_t state; // 1 + index of the copy; 0: empty slot
	uint32_t place;
	uint32_t first, n;
};

static struct space_set *
set_slot(const struct space_prog *p, const struct cfg_rule *r, uint32_t state, uint32_t place)
{
	uint64_t h = ((uintptr_t)r >> 4) * UINT64_C(0x9e3779b97f4a7c15) + state * 31 + place;

	for (h ^= h >> 32;; h++) {
		struct space_set *s = &p->set[h & (p->set_room - 1)];

		if (s->state == 0 || (s->rule == r && s->state == state && s->place == place))
			return s;
	}
}

static bool
sets_grow(struct space_prog *p)
{
	struct space_set *old = p->set;
	uint32_t room = p->set_room;

	p->set_room = room != 0 ? room * 2 : 256;
	p->set = calloc(p->set_room, sizeof(*p->set));
	if (p->set == NULL) {
		p->set = old;
		p->set_room = room;
		p->w->oom = true;
		return false;
	}
	for (uint32_t i = 0; i < room; i++)
		if (old[i].state != 0)
			*set_slot(p, old[i].rule, old[i].state, old[i].place) = old[i];
	free(old);
	return true;
}

// The name by which an answer of this rule alone is known in both policies.
static bool
make_set(struct space_prog *p, struct space_set *s, uint32_t copy, const struct space_pos *pos)
{
	const struct space_rule_info *info = space_rule_info(p, pos->chain, pos->rule);
	char *text = space_rule_text(pos->rule, p->w->family);
	struct cfg_buf key = {0};
	struct space_ask ask = {p->w, &p->copy[copy].state, pos->place, NULL};

	if (info != NULL && text != NULL)
		cfg_buf_addf(&key, "%s %s %u %s", cfg_table_name(pos->table), pos->chain->name,
			     info->nth, text);
	free(text);
	if (key.oom || key.text == NULL) {
		cfg_buf_free(&key);
		p->w->oom = true;
		return false;
	}
	ask.key = key.text;
	s->first = p->boxes.n;
	space_rule(&ask, pos->rule, &p->boxes);
	s->n = p->boxes.n - s->first;
	cfg_buf_free(&key);
	for (uint32_t i = 0; i < s->n; i++) // more literals than a box has room for
		p->too_large |= p->boxes.box[s->first + i].loose;
	return !p->w->oom && !p->too_large;
}

bool
space_prog_boxes(struct space_prog *p, uint32_t copy, uint32_t pos, uint32_t *first, uint32_t *n)
{
	const struct space_pos *at = &p->pos[pos];
	struct space_set made = {.rule = at->rule, .state = copy + 1, .place = at->place};
	struct space_set *s;

	*first = at->gate ? 1 : 0; // what nat is asked for; everything
	*n = at->gate ? 2 : 1;
	if (at->gate && p->copy[copy].state.untracked)
		*n = 0; // no connection, no translation
	if (at->rule == NULL)
		return true;
	if (p->n_set * 2 >= p->set_room && !sets_grow(p))
		return false;
	s = set_slot(p, at->rule, made.state, made.place);
	if (s->state == 0) {
		if (!make_set(p, &made, copy, at))
			return false;
		*s = made;
		p->n_set++;
	}
	*first = s->first;
	*n = s->n;
	return true;
}

// The copy of a state, or SPACE_COPIES: too many. It is needed from `start` on.
static uint32_t
copy_for(struct space_prog *p, const struct space_state *state, uint32_t start)
{
	uint32_t c = 0;

	while (c < p->n_copy && !space_state_same(&p->copy[c].state, state))
		c++;
	if (c == SPACE_COPIES)
		return c;
	if (c == p->n_copy) {
		p->copy[c] = (struct space_copy){.state = *state, .start = start};
		p->n_copy++;
	}
	return c;
}

// Notes the copies that rules of one copy lead to, from position `from` up to `to`. False: too
// many, or no memory. *more: some copy begins earlier than was known.
static bool
note_copies(struct space_prog *p, uint32_t copy, uint32_t from, uint32_t to, bool *more)
{
	for (uint32_t i = from; i < to; i++) {
		const struct space_pos *pos = &p->pos[i];
		struct space_state after;
		uint32_t first, n, c;

		if (pos->kind != SPACE_STATE)
			continue;
		if (!space_prog_boxes(p, copy, i, &first, &n))
			return false;
		if (n == 0)
			continue;
		after = space_state_after(p->w, &p->copy[copy].state, pos->rule);
		c = copy_for(p, &after, SPACE_NOWHERE);
		if (c == SPACE_COPIES) {
			p->too_large = true;
			return false;
		}
		if (pos->end < p->copy[c].start) {
			p->copy[c].start = pos->end;
			*more = true;
		}
	}
	return true;
}

static bool
find_copies(struct space_prog *p)
{
	uint32_t done[SPACE_COPIES]; // from where on a copy has been looked through
	bool more = true;

	for (uint32_t c = 0; c < SPACE_COPIES; c++)
		done[c] = p->n_pos;
	while (more) {
		more = false;
		for (uint32_t c = 0; c < p->n_copy; c++) {
			uint32_t to = done[c];

			done[c] = p->copy[c].start;
			if (!note_copies(p, c, p->copy[c].start, to, &more))
				return false;
		}
	}
	return true;
}

static bool
add_entry(struct space_prog *p, struct space_copy *c, uint32_t *room, struct space_entry e)
{
	struct space_entry *grown = c->entry;

	if (p->n_entry == ENTRIES_MAX) {
		p->too_large = true;
		return false;
	}
	if (c->n_entry == *room) {
		*room = *room != 0 ? *room * 2 : 64;
		grown = reallocarray(c->entry, *room, sizeof(*grown));
	}
	if (grown == NULL) {
		p->w->oom = true;
		return false;
	}
	c->entry = grown;
	c->entry[c->n_entry++] = e;
	p->n_entry++;
	return true;
}

// A packet whose destination is already what the rule makes of it is not translated: the part of
// the rule's boxes that this is, and the rest. False: this cannot be told, or no memory.
static bool
split_same(struct space_prog *p, const struct space_state *after, struct space_entry *rest,
	   struct space_entry *same)
{
	struct space_box box, is;

	if (after->dst == SPACE_DST_UNKNOWN || after->dport == SPACE_DST_UNKNOWN)
		return false;
	space_all(&is);
	if (after->dst == SPACE_DST_FIXED)
		is.wlo[SPACE_DST] = is.whi[SPACE_DST] = after->addr;
	if (after->dport == SPACE_DST_FIXED)
		is.slo[SPACE_DPORT] = is.shi[SPACE_DPORT] = after->port;
	*same = *rest;
	rest->box = p->boxes.n;
	for (uint32_t i = 0; i < same->n_box; i++) {
		box = p->boxes.box[same->box + i];
		p->w->oom |= !space_minus(&p->boxes, &box, &is);
	}
	rest->n_box = p->boxes.n - rest->box;
	for (uint32_t i = 0; i < same->n_box; i++) {
		box = p->boxes.box[same->box + i];
		if (space_cut(&box, &is))
			p->w->oom |= !space_list_add(&p->boxes, &box);
	}
	same->box = rest->box + rest->n_box;
	same->n_box = p->boxes.n - same->box;
	same->kind = SPACE_SKIP;
	return !p->w->oom;
}

static bool
fill_position(struct space_prog *p, uint32_t copy, uint32_t i, uint32_t *room)
{
	const struct space_pos *pos = &p->pos[i];
	struct space_copy *c = &p->copy[copy];
	struct space_entry e = {.pos = i, .to_copy = copy, .kind = pos->kind}, same;
	struct space_state after;

	if (pos->kind == SPACE_PASS)
		return true;
	if (!space_prog_boxes(p, copy, i, &e.box, &e.n_box))
		return false;
	if (e.n_box == 0 && pos->kind != SPACE_JUMP)
		return true;
	if (pos->kind != SPACE_STATE)
		return add_entry(p, c, room, e);
	after = space_state_after(p->w, &c->state, pos->rule);
	if (space_state_same(&after, &c->state)) {
		e.kind = SPACE_SKIP;
		return pos->end == i + 1 || add_entry(p, c, room, e);
	}
	e.to_copy = copy_for(p, &after, pos->end);
	if (pos->effect != SPACE_TRANSLATES || !split_same(p, &after, &e, &same))
		return !p->w->oom && add_entry(p, c, room, e);
	same.to_copy = copy; // nothing was translated
	return (e.n_box == 0 || add_entry(p, c, room, e)) &&
	       (same.n_box == 0 || add_entry(p, c, room, same));
}

// First entry of a copy that stands at the position or behind it.
static uint32_t
entry_at(const struct space_copy *c, uint32_t pos)
{
	uint32_t lo = 0, hi = c->n_entry;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->entry[mid].pos < pos)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool
link_copy(struct space_prog *p, struct space_copy *c)
{
	for (uint32_t i = 0; i < c->n_entry; i++) {
		struct space_entry *e = &c->entry[i];

		e->to = entry_at(&p->copy[e->to_copy], p->pos[e->pos].end);
		c->n_skip += e->kind == SPACE_SKIP || e->kind == SPACE_STATE;
	}
	c->skip = calloc(c->n_skip + 1, sizeof(*c->skip));
	if (c->skip == NULL) {
		p->w->oom = true;
		return false;
	}
	c->n_skip = 0;
	for (uint32_t i = 0; i < c->n_entry; i++)
		if (c->entry[i].kind == SPACE_SKIP || c->entry[i].kind == SPACE_STATE)
			c->skip[c->n_skip++] = i;
	return true;
}

static bool
index_copy(struct space_prog *p, struct space_copy *c)
{
	if (space_index_make(&c->index, c->entry, c->n_entry, p->boxes.box, p->w->family))
		return true;
	p->w->oom = true;
	return false;
}

bool
space_prog_init(struct space_prog *p, struct space_world *w, const struct cfg_policy *policy,
		enum space_path path, enum space_use use, enum cfg_hook nat_hook)
{
	struct space_box all, new, related;

	*p = (struct space_prog){.w = w, .policy = policy, .path = path, .n_copy = 1};
	space_all(&all);
	new = all;
	space_only(&new, SPACE_CT, space_ct(SPACE_ST_NEW, false, false));
	if (w->too_many) {
		p->too_large = true;
		return false;
	}
	related = all;
	space_only(&related, SPACE_CT, space_ct(SPACE_ST_RELATED, false, false));
	space_add_lit(&related, space_atom(w, SPACE_FIRST_PACKET) << 1);
	if (!space_list_add(&p->boxes, &all) || !space_list_add(&p->boxes, &new) ||
	    !space_list_add(&p->boxes, &related)) {
		w->oom = true;
		return false;
	}
	if (!space_infos_init(p, policy) || !space_layout(p, policy, use, nat_hook))
		return false;
	if (!find_copies(p))
		return false;
	for (uint32_t c = 0; c < p->n_copy; c++) {
		uint32_t room = 0;

		for (uint32_t i = p->copy[c].start; i < p->n_pos; i++)
			if (!fill_position(p, c, i, &room))
				return false;
	}
	for (uint32_t c = 0; c < p->n_copy; c++)
		if (!link_copy(p, &p->copy[c]) || !index_copy(p, &p->copy[c]))
			return false;
	return true;
}

void
space_prog_free(struct space_prog *p)
{
	for (uint32_t c = 0; c < p->n_copy; c++) {
		free(p->copy[c].entry);
		free(p->copy[c].skip);
		space_index_free(&p->copy[c].index);
	}
	free(p->pos);
	free(p->boxes.box);
	free(p->set);
	space_infos_free(p);
	*p = (struct space_prog){0};
}
