// Rules that no packet gets to, and rules that can match none: real set reasoning over the whole
// way of a packet.
//
// Called by cfg_policy_lint. A rule stands at one position or more of the programs of its families
// (config/space/space_prog.h); it is warned of where a search proved for each of them that no
// packet comes there and matches. Where one search ran out of its bounds, nothing is said about the
// rule.
#include "config/buf.h"
#include "config/lint/lint_int.h"

#include <stdlib.h>
#include <string.h>

#define NAMED_MAX 6 // rules that a message names

static const char *
chain_label(const struct space_pos *pos)
{
	return pos->chain->name;
}

// "line 6", "rule 3 of chain 'a'", and where it is not the rule's own chain, which.
static void
name_position(struct cfg_buf *b, const struct space_prog *p, const struct space_pos *pos,
	      const struct space_pos *of)
{
	bool builtin = pos->chain->hook != CFG_HOOK_NONE;

	if (pos->gate) {
		cfg_buf_add(b, "nat, which is asked for packets that begin a connection only");
		return;
	}
	if (pos->rule == NULL && pos->effect == SPACE_RETURNS)
		pos = &p->pos[pos->parent]; // a goto's way back
	if (pos->rule == NULL) {
		cfg_buf_addf(b, "the policy of %s %s", cfg_table_name(pos->table),
			     chain_label(pos));
		return;
	}
	if (pos->rule->pos.line != 0)
		cfg_buf_addf(b, "line %u", pos->rule->pos.line);
	else
		cfg_buf_addf(b, "rule %zu", (size_t)(pos->rule - pos->chain->rule) + 1);
	if (pos->chain == of->chain)
		return;
	if (builtin)
		cfg_buf_addf(b, " (%s %s)", cfg_table_name(pos->table), chain_label(pos));
	else
		cfg_buf_addf(b, " (chain '%s')", chain_label(pos));
}

static int
by_number(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

// The reason in words. Rules of several copies or visits that stand in one line are named once.
static char *
why_words(const struct space_prog *p, uint32_t target, struct space_causes *c)
{
	const struct space_pos *last = NULL;
	struct cfg_buf b = {0};
	unsigned named = 0, left = 0;

	qsort(c->pos, c->n, sizeof(c->pos[0]), by_number);
	for (unsigned i = 0; i < c->n; i++) {
		const struct space_pos *pos = &p->pos[c->pos[i]];

		if (last != NULL && last->rule == pos->rule && last->chain == pos->chain)
			continue;
		if (named == NAMED_MAX) {
			left++;
			continue;
		}
		cfg_buf_add(&b, named == 0 ? "" : ", ");
		name_position(&b, p, pos, &p->pos[target]);
		named++;
		last = pos;
	}
	if (left > 0 || c->more)
		cfg_buf_add(&b, " and more");
	if (named > 1 || left > 0 || c->more)
		cfg_buf_add(&b, " together");
	return cfg_buf_take(&b);
}

// Does the rule ask for an interface that packets do not have at its position?
static bool
asks_for_absent(const struct space_prog *p, const struct space_pos *pos)
{
	bool no_in = p->path == SPACE_OUTPUT, no_out = pos->place & SPACE_AT_NO_OUT;

	return (no_in && pos->rule->in.name[0] != '\0' && !pos->rule->in.invert) ||
	       (no_out && pos->rule->out.name[0] != '\0' && !pos->rule->out.invert);
}

static void
note_reason(struct lint *l, struct lint_rule *r, struct space_prog *p, uint32_t pos,
	    struct space_causes *c)
{
	const struct space_target t = {p, 0, pos};
	uint32_t one = c->no_packet ? SPACE_NOWHERE : space_one_cause(&t);
	char *why;

	if (r->why != NULL)
		return;
	if (one != SPACE_NOWHERE) {
		c->pos[0] = one;
		c->n = 1;
		c->more = false;
	}
	if (c->n > 0) {
		why = why_words(p, pos, c);
		r->id = lint_unreachable;
	} else if (asks_for_absent(p, &p->pos[pos])) {
		why = strdup(p->path == SPACE_OUTPUT && p->pos[pos].rule->in.name[0] != '\0'
				     ? "in-interface"
				     : "out-interface");
		r->id = lint_interface_never;
	} else {
		why = strdup("");
		r->id = lint_never_matches;
	}
	l->err->truncated |= why == NULL;
	r->why = why;
}

// Is there a packet that gets to the position in any state? UNKNOWN counts as yes.
static bool
is_reached(struct lint *l, struct space_prog *p, uint32_t pos, struct space_causes *causes)
{
	struct space_causes c;
	bool first = true;

	*causes = (struct space_causes){.no_packet = true};
	for (uint32_t copy = 0; copy < p->n_copy; copy++) {
		const struct space_target t = {p, copy, pos};
		enum space_found got;

		if (pos < p->copy[copy].start)
			continue;
		got = space_find(&t, 1, NULL, NULL, &c);
		l->incomplete |= got == SPACE_UNKNOWN;
		if (got != SPACE_NONE)
			return true;
		if (first || (causes->n == 0 && c.n > 0))
			*causes = c;
		first = false;
	}
	return false;
}

static void
judge_program(struct lint *l, struct space_prog *p)
{
	uint8_t family = p->w->family;

	for (uint32_t i = 0; i < p->n_pos; i++) {
		const struct space_pos *pos = &p->pos[i];
		struct space_causes causes;
		struct lint_rule *r;

		if (pos->rule == NULL)
			continue;
		r = lint_rule_of(l, pos->chain, pos->rule);
		r->used |= family;
		if ((r->reached & family) || r->told)
			continue;
		if (is_reached(l, p, i, &causes))
			r->reached |= family;
		else
			note_reason(l, r, p, i, &causes);
	}
}

// A family one way of which could not be laid out is not judged: its rules may be reached there.
static bool
is_whole(const struct lint *l, unsigned f)
{
	for (unsigned path = 0; path < SPACE_PATHS; path++)
		if (l->prog[f][path] == NULL)
			return false;
	return true;
}

static const char *
hint(const struct lint_rule *r)
{
	if (r->rule->frag && !r->rule->frag_inv)
		return " (fragments are put together before any rule sees them)";
	if (r->table == CFG_NAT)
		return " (nat is asked for packets that begin a connection only)";
	for (size_t i = 0; i < r->rule->n_match; i++)
		if (r->rule->match[i].id == CFG_M_MARK)
			return " (a packet begins with mark 0)";
	return "";
}

static void
tell(struct lint *l, const struct lint_rule *r)
{
	const struct cfg_rule *rule = r->rule;

	if (r->id == lint_unreachable)
		cfg_warn_add(l->err, rule->pos, r->id,
			     "no packet gets here: all that it would match is taken by %s", r->why);
	else if (r->id == lint_interface_never)
		cfg_warn_add(l->err, rule->pos, r->id,
			     "%s never matches where chain '%s' is reached from: packets have none "
			     "there",
			     r->why, r->chain->name);
	else
		cfg_warn_add(l->err, rule->pos, r->id,
			     "no packet that comes here can match: the rule's conditions, those of "
			     "what leads here, and what the way has set by then exclude each "
			     "other%s",
			     hint(r));
}

void
lint_reach(struct lint *l)
{
	uint8_t judged = 0;

	for (unsigned f = 0; f < 2; f++) {
		if (l->world[f] == NULL || !is_whole(l, f))
			continue;
		judged |= lint_family(f);
		for (unsigned path = 0; path < SPACE_PATHS; path++)
			judge_program(l, l->prog[f][path]);
	}
	for (size_t i = 0; i < l->n_rule; i++) {
		const struct lint_rule *r = &l->rule[i];

		if (r->why != NULL && !r->told && (r->rule->family & ~judged) == 0 &&
		    (r->reached & r->used) == 0)
			tell(l, r);
	}
}
