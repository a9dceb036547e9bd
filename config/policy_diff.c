// What traffic fares differently under two policies.
//
// Called by app/ (`ringwall check --diff`). For each family and way through the hooks both policies
// become programs of one world (config/space/space_prog.h). Their positions are paired by their
// words, in order; a packet that meets only paired rules fares alike in both. So whatever changes
// has met an unpaired one, and only pairs of ends are searched of which one is unpaired, or which
// an unpaired rule leads to. A packet that a search finds is made plain, and told only if the walk
// through the two policies themselves (config/space/space_eval.h) confirms it.
#include "config/policy_diff.h"
#include "config/space/space_eval.h"
#include "config/space/space_text.h"
#include "config/space/space_walk.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define WORK_MAX  UINT64_C(1000000000) // entries that walks of one way may look at
#define PAIRS_MAX UINT64_C(400000000)  // pairs of ends that are looked at, in one way

struct side {
	struct space_prog *p;
	bool *paired; // by position
};

struct way {
	struct space_world *w;
	enum space_path path;
	struct side side[2]; // old, new
	struct cfg_diff *out;
	const struct space_box *within; // NULL: all packets
	uint64_t pairs;
};

struct key {
	uint64_t key[2];
	uint32_t pos;
};

static int
by_key(const void *a, const void *b)
{
	return memcmp(((const struct key *)a)->key, ((const struct key *)b)->key, 16);
}

// For each old position the new one of the same words, plus one; 0: none.
static uint32_t *
counterparts(const struct space_prog *old, const struct space_prog *new)
{
	struct key *keys = calloc(new->n_pos + 1, sizeof(*keys));
	uint32_t *to = calloc(old->n_pos + 1, sizeof(*to));

	for (uint32_t i = 0; keys != NULL && i < new->n_pos; i++)
		keys[i] = (struct key){{new->pos[i].key[0], new->pos[i].key[1]}, i};
	if (keys == NULL || to == NULL) {
		free(keys);
		free(to);
		return NULL;
	}
	qsort(keys, new->n_pos, sizeof(*keys), by_key);
	for (uint32_t i = 0; i < old->n_pos; i++) {
		const struct key key = {{old->pos[i].key[0], old->pos[i].key[1]}, 0};
		const struct key *found = bsearch(&key, keys, new->n_pos, sizeof(key), by_key);

		to[i] = found != NULL ? found->pos + 1 : 0;
	}
	free(keys);
	return to;
}

// Pairs positions of the same words: as many as can be paired without crossing (the longest growing
// row of counterparts).
static bool
pair(struct way *way)
{
	struct side *old = &way->side[0], *new = &way->side[1];
	uint32_t n = old->p->n_pos, len = 0, *to = counterparts(old->p, new->p);
	uint32_t *last = calloc(n + 1, sizeof(*last)), *before = calloc(n + 1, sizeof(*before));

	old->paired = calloc(n + 1, 1);
	new->paired = calloc(new->p->n_pos + 1, 1);
	if (to == NULL || last == NULL || before == NULL || old->paired == NULL ||
	    new->paired == NULL) {
		way->w->oom = true;
		goto out;
	}
	for (uint32_t i = 0; i < n; i++) { // last[k]: where the best row of k + 1 ends
		uint32_t lo = 0, hi = len;

		if (to[i] == 0)
			continue;
		while (lo < hi) {
			uint32_t mid = lo + (hi - lo) / 2;

			if (to[last[mid]] < to[i])
				lo = mid + 1;
			else
				hi = mid;
		}
		before[i] = lo > 0 ? last[lo - 1] : SPACE_NOWHERE;
		last[lo] = i;
		len += lo == len;
	}
	for (uint32_t i = len > 0 ? last[len - 1] : SPACE_NOWHERE; i != SPACE_NOWHERE;
	     i = before[i]) {
		old->paired[i] = true;
		new->paired[to[i] - 1] = true;
	}
out:
	free(to);
	free(last);
	free(before);
	return !way->w->oom;
}

static bool
ends_meet(const struct space_prog *a, const struct space_entry *x, const struct space_prog *b,
	  const struct space_entry *y)
{
	for (uint32_t i = x->box; i < x->box + x->n_box; i++)
		for (uint32_t k = y->box; k < y->box + y->n_box; k++)
			if (space_meets(&a->boxes.box[i], &b->boxes.box[k]))
				return true;
	return false;
}

// A rule or a policy in words, and where it stands.
static char *
decider(const struct space_world *w, const struct space_fate *f, struct cfg_pos *pos)
{
	struct cfg_buf b = {0};
	char *text;

	*pos = (struct cfg_pos){0};
	if (f->chain == NULL) {
		cfg_buf_add(&b, "no chain has a say");
		return cfg_buf_take(&b);
	}
	if (f->rule == NULL) {
		*pos = f->chain->pos;
		cfg_buf_addf(&b, "policy of %s %s", cfg_table_name(f->table), f->chain->name);
		return cfg_buf_take(&b);
	}
	*pos = f->rule->pos;
	text = cfg_rule_to_save(f->rule, w->family);
	cfg_buf_addf(&b, "rule %zu of %s %s: %s", (size_t)(f->rule - f->chain->rule) + 1,
		     cfg_table_name(f->table), f->chain->name, text != NULL ? text : "");
	b.oom |= text == NULL;
	free(text);
	return cfg_buf_take(&b);
}

static void
change_free(struct cfg_change *c)
{
	free(c->was);
	free(c->becomes);
	free(c->what);
	free(c->packet);
	free(c->old_rule);
	free(c->new_rule);
}

static bool
is_told(const struct cfg_diff *d, const struct cfg_change *c)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct cfg_change *o = &d->change[i];

		if (o->family == c->family && o->way == c->way && strcmp(o->was, c->was) == 0 &&
		    strcmp(o->becomes, c->becomes) == 0 && strcmp(o->old_rule, c->old_rule) == 0 &&
		    strcmp(o->new_rule, c->new_rule) == 0)
			return true;
	}
	return false;
}

static void
keep(struct way *way, struct cfg_change *c)
{
	struct cfg_diff *d = way->out;
	struct cfg_change *grown = d->change;

	if (c->was == NULL || c->becomes == NULL || c->what == NULL || c->packet == NULL ||
	    c->old_rule == NULL || c->new_rule == NULL) {
		way->w->oom = true;
		change_free(c);
		return;
	}
	if (d->n == CFG_DIFF_MAX || is_told(d, c)) {
		d->complete &= d->n < CFG_DIFF_MAX;
		change_free(c);
		return;
	}
	grown = reallocarray(d->change, d->n + 1, sizeof(*grown));
	if (grown == NULL) {
		way->w->oom = true;
		change_free(c);
		return;
	}
	d->change = grown;
	grown[d->n++] = *c;
}

// The box around the packet all of which fares as it does, cut to what may be spoken of.
static bool
whole_cell(struct way *way, const struct space_point *pt, struct space_box *cell)
{
	struct space_box *universe = calloc(SPACE_UNIVERSE, sizeof(*universe));
	unsigned n = universe != NULL ? space_universe(way->w, way->path, universe) : 0, i = 0;
	bool good;

	way->w->oom |= universe == NULL;
	while (i < n && !space_holds(&universe[i], pt))
		i++;
	space_all(cell);
	good = i < n && space_cut(cell, &universe[i]) &&
	       (way->within == NULL || space_cut(cell, way->within)) &&
	       space_cell(way->side[0].p, pt, cell) && space_cell(way->side[1].p, pt, cell);
	free(universe);
	return good;
}

// Do the policies themselves, walked plainly, end the packet's way as the programs say?
static bool
confirm(struct way *way, const struct space_point *pt, const uint32_t end[2],
	struct space_fate fate[2])
{
	for (unsigned s = 0; s < 2; s++) {
		const struct space_pos *pos = &way->side[s].p->pos[end[s]];

		if (space_walk(way->side[s].p, pt) != end[s] ||
		    !space_eval(way->side[s].p, SPACE_FOR_DIFF, CFG_HOOK_NONE, pt, &fate[s]) ||
		    fate[s].effect != pos->effect)
			return false;
		if (pos->effect != SPACE_ACCEPTS && fate[s].rule != pos->rule)
			return false;
	}
	return true;
}

static void
found(struct way *way, struct space_point *pt)
{
	struct space_world *w = way->w;
	uint32_t end[2] = {space_walk(way->side[0].p, pt), space_walk(way->side[1].p, pt)};
	struct cfg_buf what = {0}, packet = {0};
	struct space_fate fate[2];
	struct cfg_change c = {.family = w->family, .way = space_path_name(way->path)};
	struct space_box cell;
	struct space_point plain;

	if (whole_cell(way, pt, &cell)) {
		space_pick_plain(&plain, w, &cell);
		if (confirm(way, &plain, end, fate))
			*pt = plain;
		space_box_words(&what, w, &cell, way->path);
	} else {
		cfg_buf_add(&what, "packets like this one");
	}
	if (!confirm(way, pt, end, fate)) {
		way->out->complete = false; // nothing is told that was not seen
		cfg_buf_free(&what);
		return;
	}
	space_point_words(&packet, w, pt);
	c.was = strdup(w->atom[way->side[0].p->pos[end[0]].verdict]);
	c.becomes = strdup(w->atom[way->side[1].p->pos[end[1]].verdict]);
	c.what = cfg_buf_take(&what);
	c.packet = cfg_buf_take(&packet);
	c.old_rule = decider(w, &fate[0], &c.old_pos);
	c.new_rule = decider(w, &fate[1], &c.new_pos);
	keep(way, &c);
}

static struct space_target
target_of(const struct side *s, uint32_t copy, uint32_t entry)
{
	return (struct space_target){s->p, copy, s->p->copy[copy].entry[entry].pos};
}

// One pair of ends, or such a pair behind a rule that leads to it. False: no more work.
static bool
try_pair(struct way *way, const struct space_target *t, unsigned n)
{
	struct space_point pt;

	switch (space_find(t, n, way->within, &pt, NULL)) {
	case SPACE_FOUND:
		found(way, &pt);
		break;
	case SPACE_NONE:
		break;
	case SPACE_UNKNOWN:
		way->out->complete = false;
		break;
	}
	if (way->w->work > WORK_MAX || way->out->n == CFG_DIFF_MAX)
		way->out->complete = false;
	return !way->w->oom && way->w->work <= WORK_MAX && way->out->n < CFG_DIFF_MAX;
}

// All ends of the other side that end otherwise and may take packets of this one. `through`: what
// the packet must also meet; NULL: nothing.
static bool
against_all(struct way *way, unsigned s, uint32_t copy, uint32_t entry,
	    const struct space_target *through, bool unpaired_too)
{
	const struct side *a = &way->side[s], *b = &way->side[!s];
	const struct space_entry *e = &a->p->copy[copy].entry[entry];

	for (uint32_t c = 0; c < b->p->n_copy; c++) {
		for (uint32_t i = 0; i < b->p->copy[c].n_entry; i++) {
			const struct space_entry *f = &b->p->copy[c].entry[i];
			struct space_target t[3] = {target_of(a, copy, entry), target_of(b, c, i)};

			if (f->kind != SPACE_END ||
			    b->p->pos[f->pos].verdict == a->p->pos[e->pos].verdict ||
			    (!unpaired_too && !b->paired[f->pos]))
				continue;
			if (way->pairs++ >= PAIRS_MAX) {
				way->out->complete = false;
				return false;
			}
			if (!ends_meet(a->p, e, b->p, f))
				continue;
			if (through != NULL)
				t[2] = *through;
			if (!try_pair(way, t, through != NULL ? 3 : 2))
				return false;
		}
	}
	return true;
}

// An unpaired rule that ends no way by itself: every end behind it, against every other one.
static bool
behind(struct way *way, unsigned s, uint32_t copy, uint32_t entry)
{
	const struct side *a = &way->side[s];
	const struct space_target through = target_of(a, copy, entry);

	for (uint32_t c = 0; c < a->p->n_copy; c++)
		for (uint32_t i = 0; i < a->p->copy[c].n_entry; i++)
			if (a->p->copy[c].entry[i].kind == SPACE_END &&
			    a->p->copy[c].entry[i].pos > through.pos &&
			    !against_all(way, s, c, i, &through, true))
				return false;
	return true;
}

static void
compare(struct way *way)
{
	for (unsigned s = 0; s < 2; s++) {
		const struct side *a = &way->side[s];

		for (uint32_t c = 0; c < a->p->n_copy; c++) {
			for (uint32_t i = 0; i < a->p->copy[c].n_entry; i++) {
				const struct space_entry *e = &a->p->copy[c].entry[i];
				bool on = true;

				if (a->paired[e->pos])
					continue;
				if (e->kind == SPACE_END) // pairs of two unpaired ends once only
					on = against_all(way, s, c, i, NULL, s == 0);
				else if (e->kind == SPACE_SKIP || e->kind == SPACE_STATE)
					on = behind(way, s, c, i);
				if (!on)
					return;
			}
		}
	}
}

static void
one_way(struct way *way, const struct cfg_policy *const policy[2])
{
	bool good = true;

	way->w->work = 0;
	for (unsigned s = 0; s < 2; s++) {
		way->side[s].p = calloc(1, sizeof(struct space_prog));
		if (way->side[s].p == NULL) {
			way->w->oom = true;
			good = false;
			break;
		}
		good &= space_prog_init(way->side[s].p, way->w, policy[s], way->path,
					SPACE_FOR_DIFF, CFG_HOOK_NONE);
	}
	if (!good)
		way->out->complete = false;
	else if (pair(way))
		compare(way);
	for (unsigned s = 0; s < 2; s++) {
		if (way->side[s].p != NULL)
			space_prog_free(way->side[s].p);
		free(way->side[s].p);
		free(way->side[s].paired);
		way->side[s] = (struct side){0};
	}
}

static void
fix_address(struct space_box *b, enum space_wide_field f, const uint8_t addr[16], uint8_t family)
{
	space_wide v = 0;

	for (unsigned i = 0; i < (family == CFG_IPV4 ? 4 : 16); i++)
		v = v << 8 | addr[i];
	b->wlo[f] = b->whi[f] = v;
}

// The packets of the control connection that go this way.
static void
control_box(struct space_box *b, const struct cfg_control *c, enum space_path path)
{
	bool in = path == SPACE_INPUT;

	space_all(b);
	space_only(b, SPACE_PROTO, IPPROTO_TCP);
	*space_bits(b, SPACE_CT) = UINT64_C(1) << space_ct(SPACE_ST_ESTABLISHED, false, false);
	if (in) // coming back after a pause is a new connection
		*space_bits(b, SPACE_CT) |= UINT64_C(1) << space_ct(SPACE_ST_NEW, false, false);
	if (c->family != 0) {
		fix_address(b, in ? SPACE_SRC : SPACE_DST, c->client, c->family);
		fix_address(b, in ? SPACE_DST : SPACE_SRC, c->server, c->family);
	}
	if (c->client_port != 0)
		b->slo[in ? SPACE_SPORT : SPACE_DPORT] = b->shi[in ? SPACE_SPORT : SPACE_DPORT] =
			c->client_port;
	if (c->server_port != 0)
		b->slo[in ? SPACE_DPORT : SPACE_SPORT] = b->shi[in ? SPACE_DPORT : SPACE_SPORT] =
			c->server_port;
}

// What no table speaks of is dropped whole.
static bool
has_family(const struct cfg_policy *policy, uint8_t family)
{
	for (int t = 0; t < CFG_TABLES; t++)
		if (policy->table[t].present && (policy->table[t].family & family))
			return true;
	return false;
}

int
cfg_policy_diff(struct cfg_diff *out, const struct cfg_policy *old, const struct cfg_policy *new,
		uint8_t families, const struct cfg_control *control)
{
	const struct cfg_policy *const policy[2] = {old, new};
	struct space_world *w = calloc(1, sizeof(*w));
	struct space_box within;
	bool oom = w == NULL;

	*out = (struct cfg_diff){.complete = true};
	for (uint8_t f = CFG_IPV4; f <= CFG_IPV6 && !oom; f++) {
		if (!(families & f) ||
		    (control != NULL && control->family != 0 && control->family != f))
			continue;
		if (!has_family(old, f) || !has_family(new, f)) {
			out->complete &= has_family(old, f) == has_family(new, f);
			continue;
		}
		oom = !space_world_init(w, f, old, new);
		w->work_max = WORK_MAX;
		for (enum space_path path = 0; path < SPACE_PATHS && !oom; path++) {
			struct way way = {.w = w, .path = path, .out = out};

			if (control != NULL && path == SPACE_FORWARD)
				continue;
			if (control != NULL) {
				control_box(&within, control, path);
				way.within = &within;
			}
			one_way(&way, policy);
			oom |= w->oom;
		}
		space_world_free(w);
	}
	free(w);
	if (oom)
		cfg_diff_free(out);
	return oom ? -ENOMEM : 0;
}

void
cfg_diff_free(struct cfg_diff *d)
{
	for (size_t i = 0; i < d->n; i++)
		change_free(&d->change[i]);
	free(d->change);
	*d = (struct cfg_diff){0};
}
