// What becomes of traffic that no rule names: answers that a closed chain forgets, or accepts late;
// chains that are open by default; a policy that drops nothing.
//
// Called by cfg_policy_lint. Filter's three chains are judged as they lie in the programs of the
// ways through them. "General" is what asks for no address and nothing that is not modelled: only
// interfaces, protocol, ports, TCP flags and state.
#include "config/lint/lint_int.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

// One filter chain in one family: positions [first, end) are its rules, `end` its policy.
struct chain_at {
	struct space_prog *p;
	const struct cfg_chain *chain;
	uint32_t first, end;
};

static bool
find_chain(struct chain_at *at, struct space_prog *p)
{
	*at = (struct chain_at){.p = p, .first = SPACE_NOWHERE};
	for (uint32_t i = 0; p != NULL && i < p->n_pos; i++) {
		const struct space_pos *pos = &p->pos[i];

		if (pos->table != CFG_FILTER || pos->chain == NULL)
			continue;
		if (at->first == SPACE_NOWHERE)
			at->first = i;
		if (pos->chain->hook != CFG_HOOK_NONE && pos->rule == NULL &&
		    pos->parent == SPACE_NOWHERE && !pos->gate) {
			at->chain = pos->chain;
			at->end = i;
		}
	}
	return at->chain != NULL;
}

// Flags of a TCP segment that means something: RST alone or with ACK, else SYN or ACK, and with ACK
// whatever else; FIN not with SYN.
static bool
flags_make_sense(unsigned flags)
{
	bool fin = flags & 1, syn = flags & 2, rst = flags & 4, ack = flags & 16;

	return rst ? !fin && !syn : syn ? !fin : ack;
}

static bool
has_plain_flags(const struct space_box *b)
{
	for (unsigned v = 0; v < 64; v++)
		if (flags_make_sense(v) && space_bit(b, SPACE_FLAGS, v))
			return true;
	return false;
}

static bool
is_whole_range(const struct space_prog *p, const struct space_box *b, enum space_wide_field f)
{
	space_wide max = p->w->family == CFG_IPV4 ? UINT32_MAX : ~(space_wide)0;

	return b->wlo[f] == 0 && b->whi[f] >= (f == SPACE_MAC ? SPACE_NO_MAC - 1 : max);
}

// Packets of known connections of a protocol, whatever their addresses. ports: all of them.
static bool
is_general(const struct space_prog *p, const struct space_box *b, unsigned proto, bool ports)
{
	if (b->n_lit > 0 || !space_bit(b, SPACE_PROTO, proto) ||
	    !space_bit(b, SPACE_CT, space_ct(SPACE_ST_ESTABLISHED, false, false)))
		return false;
	for (unsigned f = 0; f < SPACE_WIDES; f++)
		if (!is_whole_range(p, b, f))
			return false;
	for (unsigned f = SPACE_SPORT; ports && f <= SPACE_DPORT; f++)
		if (b->slo[f] != 0 || b->shi[f] != UINT16_MAX)
			return false;
	return proto != IPPROTO_TCP || has_plain_flags(b);
}

// First position of the chain with one of two effects that takes general traffic of a protocol.
static uint32_t
first_general(const struct chain_at *at, enum space_effect a, enum space_effect b, unsigned proto,
	      bool ports, struct space_list *list)
{
	for (uint32_t i = at->first; i < at->end; i++) {
		const struct space_pos *pos = &at->p->pos[i];

		if (pos->rule == NULL || (pos->effect != a && pos->effect != b) ||
		    !lint_conditions(at->p, i, list))
			continue;
		for (size_t k = 0; k < list->n; k++)
			if (is_general(at->p, &list->box[k], proto, ports))
				return i;
	}
	return SPACE_NOWHERE;
}

// Does the chain drop what it does not name: by policy, or by a rule behind those that accept?
static bool
is_closed(const struct chain_at *at)
{
	bool accepts = false;

	if (at->p->pos[at->end].effect == SPACE_DROPS)
		return true;
	for (uint32_t i = at->first; i < at->end; i++) {
		const struct space_pos *pos = &at->p->pos[i];

		if (pos->rule == NULL)
			continue;
		accepts |= pos->effect == SPACE_ACCEPTS;
		if (accepts && pos->parent == SPACE_NOWHERE &&
		    (pos->effect == SPACE_DROPS || pos->effect == SPACE_REJECTS) &&
		    lint_is_unconditional(pos->rule))
			return true;
	}
	return false;
}

// Rules that nearly no packet costs anything: on the loopback interface, or by state alone.
static bool
is_cheap(const struct cfg_rule *r)
{
	struct cfg_rule bare = *r;
	bool lo = strcmp(r->in.name, "lo") == 0 || strcmp(r->out.name, "lo") == 0;

	bare.in = bare.out = (struct cfg_iface){0};
	for (size_t i = 0; i < r->n_match; i++)
		if (r->match[i].id != CFG_M_COMMENT && r->match[i].id != CFG_M_CONNTRACK &&
		    r->match[i].id != CFG_M_STATE)
			return false;
	bare.n_match = 0;
	return (lo || (r->in.name[0] == '\0' && r->out.name[0] == '\0')) &&
	       lint_is_unconditional(&bare);
}

// Rules that a packet of a known connection is held against before the position accepts it.
static unsigned
rules_before(const struct chain_at *at, uint32_t accept, struct space_list *list)
{
	unsigned n = 0;

	for (uint32_t i = at->first; i < accept; i++) {
		const struct space_pos *pos = &at->p->pos[i];
		bool comes_by = pos->parent == SPACE_NOWHERE;

		if (pos->rule == NULL || is_cheap(pos->rule))
			continue;
		if (!comes_by && lint_conditions(at->p, pos->parent, list))
			for (size_t k = 0; k < list->n && !comes_by; k++)
				comes_by = is_general(at->p, &list->box[k], IPPROTO_TCP, true);
		n += comes_by;
	}
	return n;
}

// What was found out about the answers in one chain, in all families.
struct answers {
	const struct cfg_chain *chain;
	uint8_t missing;	     // families in which nothing accepts them
	const struct cfg_rule *drop; // takes some before they are accepted
	const struct cfg_rule *accept;
	const struct cfg_rule *late; // the same, behind `before` other rules
	unsigned before;
};

static void
judge_answers(struct answers *a, const struct chain_at *at, struct space_list *list)
{
	static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP};
	const struct space_pos *pos = at->p->pos;
	bool closed = is_closed(at);
	uint32_t accept = 0;

	a->chain = at->chain;
	for (size_t i = 0; i < sizeof(protos); i++) {
		uint32_t drop =
			first_general(at, SPACE_DROPS, SPACE_REJECTS, protos[i], false, list);

		accept = first_general(at, SPACE_ACCEPTS, SPACE_ACCEPTS, protos[i], true, list);
		if (accept == SPACE_NOWHERE) {
			if (closed)
				a->missing |= at->p->w->family;
			return;
		}
		if (closed && drop < accept && a->drop == NULL) {
			a->drop = pos[drop].rule;
			a->accept = pos[accept].rule;
		}
	}
	if (a->late == NULL && !lint_is_unconditional(pos[accept].rule)) {
		a->before = rules_before(at, accept, list);
		a->late = a->before > 0 ? pos[accept].rule : NULL;
	}
}

static void
tell_answers(struct lint *l, const struct answers *a)
{
	if (a->chain == NULL)
		return;
	// A chain that drops everything means it.
	if (a->missing != 0 && a->chain->n_rule > 0)
		cfg_warn_add(l->err, a->chain->pos, lint_drop_without_established,
			     "chain '%s' drops by default in %s and no rule accepts "
			     "ESTABLISHED,RELATED: answers to accepted packets will not get "
			     "through",
			     a->chain->name, lint_family_text(a->missing));
	else if (a->missing == 0 && a->drop != NULL)
		cfg_warn_add(l->err, a->drop->pos, lint_drop_without_established,
			     "the rule drops packets before ESTABLISHED,RELATED are accepted in "
			     "line %u, answers among them",
			     a->accept->pos.line);
	else if (a->missing == 0 && a->late != NULL)
		cfg_warn_add(l->err, a->late->pos, lint_established_late,
			     "packets of known connections, most of all traffic, are held against "
			     "%u other rule%s of chain '%s' first",
			     a->before, a->before == 1 ? "" : "s", a->chain->name);
}

void
lint_established(struct lint *l)
{
	struct space_list list = {0};

	for (unsigned path = 0; path < SPACE_PATHS; path++) {
		struct answers a = {0};
		struct chain_at at;

		for (unsigned f = 0; f < 2; f++)
			if (find_chain(&at, l->prog[f][path]))
				judge_answers(&a, &at, &list);
		tell_answers(l, &a);
	}
	free(list.box);
}

// Can a new connection's packet of `within` be dropped on the way?
static bool
can_drop(struct lint *l, struct space_prog *p, const struct space_box *within)
{
	for (uint32_t i = 0; i < p->n_pos; i++) {
		for (uint32_t c = 0; c < p->n_copy && p->pos[i].kind == SPACE_END; c++) {
			const struct space_target t = {p, c, i};
			enum space_found got;

			if (p->pos[i].effect == SPACE_ACCEPTS || i < p->copy[c].start)
				continue;
			got = space_find(&t, 1, within, NULL, NULL);
			l->incomplete |= got == SPACE_UNKNOWN;
			if (got != SPACE_NONE)
				return true;
		}
	}
	return false;
}

// Is something new let through by the chain's policy, whatever the interfaces?
#define PAIRS_MAX 400
static bool
is_open(struct lint *l, const struct chain_at *at)
{
	const struct space_target t = {at->p, 0, at->end};
	struct space_world *w = at->p->w;
	bool forward = at->p->path == SPACE_FORWARD;
	unsigned n_out = forward && w->n_class * w->n_class <= PAIRS_MAX ? w->n_class : 2;
	struct space_box b;

	for (unsigned in = 1; in < w->n_class; in++) {
		for (unsigned out = 1; out < n_out; out++) {
			enum space_found got;

			space_all(&b);
			space_only(&b, SPACE_CT, space_ct(SPACE_ST_NEW, false, false));
			space_only(&b, SPACE_IN, in);
			if (n_out > 2)
				space_only(&b, SPACE_OUT, out);
			if (strcmp(w->name[in], "lo") == 0 ||
			    (n_out > 2 && strcmp(w->name[out], "lo") == 0))
				continue;
			got = space_find(&t, 1, &b, NULL, NULL);
			l->incomplete |= got == SPACE_UNKNOWN;
			if (got != SPACE_FOUND)
				return false;
		}
	}
	return true;
}

static void
tell_open(struct lint *l, uint8_t open, uint8_t spoken)
{
	const struct cfg_table *filter = &l->policy->table[CFG_FILTER];
	struct cfg_pos pos = filter->pos;

	for (int t = 0; t < CFG_TABLES && !filter->present; t++)
		if (l->policy->table[t].present)
			pos = l->policy->table[t].pos;
	if (spoken != 0 && open == spoken)
		cfg_warn_add(l->err, pos, lint_wide_open,
			     "the policy is wide open: no new connection is ever dropped, to the "
			     "machine or through it");
	else if (open != 0)
		cfg_warn_add(l->err, pos, lint_wide_open,
			     "the policy is wide open in %s: no new connection is ever dropped, to "
			     "the machine or through it",
			     lint_family_text(open));
}

void
lint_permit(struct lint *l)
{
	uint8_t permit[2] = {0}, dropping[2] = {0}, spoken = 0;
	const struct cfg_chain *chain[2] = {NULL};
	struct space_box fresh;

	space_all(&fresh);
	space_only(&fresh, SPACE_CT, space_ct(SPACE_ST_NEW, false, false));
	for (unsigned f = 0; f < 2; f++) {
		struct space_prog *const *prog = l->prog[f];

		if (prog[SPACE_INPUT] == NULL || prog[SPACE_FORWARD] == NULL)
			continue;
		spoken |= lint_family(f);
		for (unsigned path = SPACE_INPUT; path <= SPACE_FORWARD; path++) {
			struct chain_at at;

			if (!can_drop(l, prog[path], &fresh))
				continue;
			dropping[path] |= lint_family(f);
			if (!find_chain(&at, prog[path]) ||
			    at.p->pos[at.end].effect != SPACE_ACCEPTS || !is_open(l, &at))
				continue;
			permit[path] |= lint_family(f);
			chain[path] = at.chain;
		}
	}
	for (unsigned path = SPACE_INPUT; path <= SPACE_FORWARD; path++)
		if (permit[path] != 0)
			cfg_warn_add(
				l->err, chain[path]->pos, lint_default_permit,
				"chain '%s' accepts by default in %s and only some rules drop: "
				"what nobody thought of gets through",
				chain[path]->name, lint_family_text(permit[path]));
	tell_open(l, spoken & ~(dropping[0] | dropping[1]), spoken);
}
