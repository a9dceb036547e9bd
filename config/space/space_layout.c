// The positions of a program: the chains of one way through the hooks, in netfilter's order, with
// user chains written out at every jump.
//
// Called by config/space/space_prog.c. A policy that the check let pass has no circles, but it may
// be deep or call one chain from everywhere: DEPTH_MAX and POS_MAX bound what is written out, and
// beyond them the program says that it is too large. Every position gets a key made of the words
// that lead to it (chains, the rules that jump, the rule itself without its comment, and its number
// among equal ones), so that two policies' positions can be paired.
#include "config/space/space_layout.h"
#include "config/ext/ext.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64
#define POS_MAX	  400000

// What is known of the rules of one chain.
struct chain_info {
	const struct cfg_chain *chain;
	struct space_rule_info *rule;
};

struct layout {
	struct space_prog *p;
	const struct cfg_policy *policy;
	enum space_use use;
	enum cfg_table_id table;
	enum cfg_hook hook;
	unsigned place;
};

static void
mix(uint64_t key[2], uint64_t v)
{
	key[0] = (key[0] ^ v) * UINT64_C(0x9e3779b97f4a7c15);
	key[0] ^= key[0] >> 29;
	key[1] = (key[1] + v) * UINT64_C(0xff51afd7ed558ccd);
	key[1] ^= key[1] >> 32;
}

static void
mix_text(uint64_t key[2], const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); // FNV-1a

	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	mix(key, h);
}

char *
space_rule_text(const struct cfg_rule *r, uint8_t family)
{
	struct cfg_rule bare = *r;
	char *text;

	bare.n_match = 0;
	bare.match = calloc(r->n_match + 1, sizeof(*bare.match));
	if (bare.match == NULL)
		return NULL;
	for (size_t i = 0; i < r->n_match; i++)
		if (r->match[i].id != CFG_M_COMMENT)
			bare.match[bare.n_match++] = r->match[i];
	text = cfg_rule_to_save(&bare, family);
	free(bare.match);
	return text;
}

static int
by_hash(const void *a, const void *b)
{
	const struct space_rule_info *x = *(struct space_rule_info *const *)a;
	const struct space_rule_info *y = *(struct space_rule_info *const *)b;

	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	return x < y ? -1 : x > y;
}

// Numbers equal rules of a chain in their order.
static bool
number_equals(struct space_rule_info *info, size_t n)
{
	struct space_rule_info **sorted = calloc(n + 1, sizeof(struct space_rule_info *));

	if (sorted == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &info[i];
	qsort(sorted, n, sizeof(struct space_rule_info *), by_hash);
	for (size_t i = 1; i < n; i++)
		if (sorted[i]->hash == sorted[i - 1]->hash)
			sorted[i]->nth = sorted[i - 1]->nth + 1;
	free(sorted);
	return true;
}

static struct space_rule_info *
make_info(const struct space_world *w, const struct cfg_chain *chain)
{
	struct space_rule_info *info = calloc(chain->n_rule + 1, sizeof(*info));

	for (size_t i = 0; info != NULL && i < chain->n_rule; i++) {
		uint64_t key[2] = {0};
		char *text;

		if (!(chain->rule[i].family & w->family))
			continue;
		text = space_rule_text(&chain->rule[i], w->family);
		if (text == NULL) {
			free(info);
			return NULL;
		}
		mix_text(key, text);
		info[i].hash = key[0];
		free(text);
	}
	if (info != NULL && !number_equals(info, chain->n_rule)) {
		free(info);
		info = NULL;
	}
	return info;
}

static int
by_chain(const void *a, const void *b)
{
	const struct chain_info *x = a, *y = b;

	return x->chain < y->chain ? -1 : x->chain > y->chain;
}

struct space_infos {
	struct chain_info *info; // sorted by chain
	size_t n;
};

// One entry per chain of the policy, filled when somebody asks.
static bool
infos_init(struct space_infos *all, const struct cfg_policy *policy)
{
	size_t n = 0;

	for (int t = 0; t < CFG_TABLES; t++)
		n += policy->table[t].n_chain;
	all->info = calloc(n + 1, sizeof(*all->info));
	if (all->info == NULL)
		return false;
	for (int t = 0; t < CFG_TABLES; t++)
		for (size_t c = 0; c < policy->table[t].n_chain; c++)
			all->info[all->n++].chain = policy->table[t].chain[c];
	qsort(all->info, all->n, sizeof(*all->info), by_chain);
	return true;
}

const struct space_rule_info *
space_rule_info(struct space_prog *p, const struct cfg_chain *chain, const struct cfg_rule *r)
{
	const struct chain_info key = {.chain = chain};
	struct chain_info *found =
		bsearch(&key, p->infos->info, p->infos->n, sizeof(key), by_chain);

	if (found->rule == NULL)
		found->rule = make_info(p->w, chain);
	if (found->rule == NULL) {
		p->w->oom = true;
		return NULL;
	}
	return &found->rule[r - chain->rule];
}

static struct space_pos *
add(struct layout *l, const struct cfg_chain *chain, const struct cfg_rule *r, uint32_t parent)
{
	struct space_prog *p = l->p;
	struct space_pos *pos;

	if (p->n_pos >= POS_MAX) {
		p->too_large = true;
		return NULL;
	}
	if (p->n_pos == p->pos_room) {
		uint32_t room = p->pos_room != 0 ? p->pos_room * 2 : 256;

		pos = reallocarray(p->pos, room, sizeof(*pos));
		if (pos == NULL) {
			p->w->oom = true;
			return NULL;
		}
		p->pos = pos;
		p->pos_room = room;
	}
	pos = &p->pos[p->n_pos++];
	*pos = (struct space_pos){.rule = r,
				  .chain = chain,
				  .parent = parent,
				  .end = SPACE_NOWHERE,
				  .table = l->table,
				  .place = l->place};
	if (parent != SPACE_NOWHERE)
		memcpy(pos->key, p->pos[parent].key, sizeof(pos->key));
	else
		mix(pos->key, l->table * 16 + l->hook + 1);
	return pos;
}

// Words for a verdict that is not ACCEPT or DROP: two of the same words are the same verdict.
static uint32_t
verdict_words(struct layout *l, const struct cfg_rule *r)
{
	char *more = cfg_target_to_save(r, l->p->w->family);
	struct cfg_buf b = {0};
	uint32_t atom;

	cfg_buf_add(&b, cfg_target_name(r->target.id));
	if (more != NULL && more[0] != '\0')
		cfg_buf_addf(&b, " %s", more);
	atom = space_atom(l->p->w, b.text != NULL ? b.text : "");
	l->p->w->oom |= more == NULL || b.oom;
	cfg_buf_free(&b);
	free(more);
	return atom;
}

// What a rule is in the program; `end` of SPACE_NOWHERE is the end of its chain, filled in later,
// of SPACE_NOWHERE - 1 the next chain.
#define NEXT_CHAIN (SPACE_NOWHERE - 1)
static void
set_kind(struct layout *l, struct space_pos *pos)
{
	const struct cfg_rule *r = pos->rule;

	pos->effect = space_effect(r);
	switch (pos->effect) {
	case SPACE_GOES_ON:
		pos->kind = SPACE_PASS;
		break;
	case SPACE_MARKS:
	case SPACE_UNTRACKS:
		pos->kind = SPACE_STATE;
		pos->end = pos - l->p->pos + 1;
		break;
	case SPACE_RETURNS:
		pos->kind = SPACE_SKIP;
		break;
	case SPACE_JUMPS:
	case SPACE_GOES_TO:
		pos->kind = SPACE_JUMP;
		break;
	case SPACE_ACCEPTS:
		pos->kind = SPACE_SKIP;
		pos->end = NEXT_CHAIN;
		break;
	case SPACE_TRANSLATES:
		pos->kind = l->hook == CFG_PREROUTING || l->hook == CFG_OUTPUT ? SPACE_STATE
									       : SPACE_SKIP;
		pos->end = NEXT_CHAIN;
		break;
	default:
		pos->kind = SPACE_END;
		pos->verdict = verdict_words(l, r);
	}
	if (l->use == SPACE_FOR_NAT && pos->effect == SPACE_TRANSLATES) {
		pos->kind = SPACE_END;
		pos->verdict = verdict_words(l, r);
	}
}

static bool chain_rules(struct layout *l, const struct cfg_chain *chain, uint32_t parent,
			unsigned depth);

// The rules of the chain that a rule goes to, behind it.
static bool
callee_rules(struct layout *l, uint32_t jump, unsigned depth)
{
	const struct cfg_rule *r = l->p->pos[jump].rule;
	const struct cfg_chain *to = cfg_chain_find(l->policy, l->table, r->target.chain);
	struct space_pos *back;

	if (to == NULL || depth >= DEPTH_MAX) {
		l->p->too_large = true;
		return false;
	}
	if (!chain_rules(l, to, jump, depth + 1))
		return false;
	if (r->target.id == CFG_T_GOTO) { // comes back to where its own chain would
		back = add(l, l->p->pos[jump].chain, NULL, jump);
		if (back == NULL)
			return false;
		mix(back->key, 1);
		back->kind = SPACE_SKIP;
		back->effect = SPACE_RETURNS;
	}
	l->p->pos[jump].end = l->p->n_pos;
	return true;
}

// The jump of the visit at whose end the position's walk goes on.
static uint32_t
visit_of(const struct space_prog *p, uint32_t i)
{
	const struct space_pos *pos = &p->pos[i];
	bool back = pos->rule == NULL && pos->effect == SPACE_RETURNS;

	return back ? p->pos[pos->parent].parent : pos->parent;
}

// One visit to a chain, from its first rule to its last. RETURNs end at what comes behind it: for a
// chain that a goto went to, that is the way back of the goto.
static bool
chain_rules(struct layout *l, const struct cfg_chain *chain, uint32_t parent, unsigned depth)
{
	uint32_t first = l->p->n_pos;

	for (size_t i = 0; i < chain->n_rule; i++) {
		const struct cfg_rule *r = &chain->rule[i];
		const struct space_rule_info *info;
		struct space_pos *pos;

		if (!(r->family & l->p->w->family))
			continue;
		info = space_rule_info(l->p, chain, r);
		pos = info != NULL ? add(l, chain, r, parent) : NULL;
		if (pos == NULL)
			return false;
		mix(pos->key, info->hash);
		mix(pos->key, info->nth);
		set_kind(l, pos);
		if (pos->kind == SPACE_JUMP && !callee_rules(l, pos - l->p->pos, depth))
			return false;
	}
	for (uint32_t i = first; i < l->p->n_pos; i++)
		if (l->p->pos[i].end == SPACE_NOWHERE && visit_of(l->p, i) == parent)
			l->p->pos[i].end = l->p->n_pos;
	return !l->p->w->oom;
}

// nat is asked for packets that begin a connection only.
static bool
gate(struct layout *l, const struct cfg_chain *chain)
{
	struct space_pos *pos = add(l, chain, NULL, SPACE_NOWHERE);

	if (pos == NULL)
		return false;
	pos->kind = SPACE_JUMP;
	pos->gate = true;
	mix(pos->key, 2);
	return true;
}

static bool
builtin(struct layout *l, enum cfg_table_id table, enum cfg_hook hook)
{
	const struct cfg_chain *chain = cfg_chain_find(l->policy, table, cfg_hook_name(hook));
	uint32_t first = l->p->n_pos, parent = SPACE_NOWHERE, end;
	struct space_pos *policy;
	bool drop;

	if (chain == NULL || chain->hook != hook || !(chain->family & l->p->w->family))
		return true;
	l->table = table;
	l->hook = hook;
	l->place = (hook == CFG_PREROUTING || hook == CFG_INPUT ? SPACE_AT_NO_OUT : 0) |
		   (l->p->path == SPACE_FORWARD && hook != CFG_PREROUTING ? SPACE_AT_LESS_TTL : 0) |
		   (table == CFG_RAW ? SPACE_AT_RAW : 0);
	if (table == CFG_NAT) {
		if (!gate(l, chain))
			return false;
		parent = first;
	}
	if (!chain_rules(l, chain, parent, 0))
		return false;
	policy = add(l, chain, NULL, parent);
	if (policy == NULL)
		return false;
	drop = (l->p->w->family == CFG_IPV4 ? chain->policy4 : chain->policy6) == CFG_POLICY_DROP;
	policy->kind = drop ? SPACE_END : SPACE_SKIP;
	policy->effect = drop ? SPACE_DROPS : SPACE_ACCEPTS;
	policy->verdict = drop ? space_atom(l->p->w, "DROP") : 0;
	mix(policy->key, 4 + drop);
	end = l->p->n_pos;
	for (uint32_t i = first; i < end; i++)
		if (l->p->pos[i].end >= NEXT_CHAIN)
			l->p->pos[i].end = end;
	return true;
}

static bool
way(struct layout *l)
{
	static const enum cfg_hook hooks[SPACE_PATHS][3] = {
		[SPACE_INPUT] = {CFG_PREROUTING, CFG_INPUT, CFG_HOOK_NONE},
		[SPACE_FORWARD] = {CFG_PREROUTING, CFG_FORWARD, CFG_POSTROUTING},
		[SPACE_OUTPUT] = {CFG_OUTPUT, CFG_POSTROUTING, CFG_HOOK_NONE},
	};

	for (unsigned i = 0; i < 3 && hooks[l->p->path][i] != CFG_HOOK_NONE; i++) {
		enum cfg_hook h = hooks[l->p->path][i];
		bool nat_last = h == CFG_INPUT || h == CFG_POSTROUTING;

		for (int t = 0; t < CFG_TABLES; t++)
			if ((t != CFG_NAT || !nat_last) && !builtin(l, t, h))
				return false;
		if (nat_last && l->use == SPACE_FOR_LINT && !builtin(l, CFG_NAT, h))
			return false;
	}
	return true;
}

// Behind the last chain: who gets here is accepted.
static bool
last(struct layout *l)
{
	struct space_pos *pos;

	l->table = CFG_FILTER;
	l->hook = CFG_HOOK_NONE;
	pos = add(l, NULL, NULL, SPACE_NOWHERE);
	if (pos == NULL)
		return false;
	pos->kind = SPACE_END;
	pos->effect = SPACE_ACCEPTS;
	pos->verdict = space_atom(l->p->w, "ACCEPT");
	mix(pos->key, 3);
	return true;
}

// For a comparison of verdicts: what accepts for good says so itself, and what skips nothing that
// matters is no position of its own.
static void
simplify(struct space_prog *p)
{
	uint32_t accept = p->pos[p->n_pos - 1].verdict;
	uint32_t next = p->n_pos - 1; // first position from here on that does anything
	uint32_t last_other = 0;      // last one that may not accept, plus one

	for (uint32_t i = 0; i < p->n_pos; i++)
		if (p->pos[i].kind == SPACE_END && p->pos[i].verdict != accept)
			last_other = i + 1;
	for (uint32_t i = p->n_pos - 1; i-- > 0;) {
		struct space_pos *pos = &p->pos[i];

		if (pos->kind == SPACE_SKIP && pos->effect == SPACE_ACCEPTS &&
		    pos->end >= last_other) {
			pos->kind = SPACE_END;
			pos->verdict = accept;
		} else if (pos->kind == SPACE_SKIP && pos->end <= next) {
			pos->kind = SPACE_PASS;
		}
		if (pos->kind != SPACE_PASS && pos->kind != SPACE_JUMP)
			next = i;
	}
}

bool
space_layout(struct space_prog *p, const struct cfg_policy *policy, enum space_use use,
	     enum cfg_hook nat_hook)
{
	struct layout l = {.p = p, .policy = policy, .use = use};

	if (use == SPACE_FOR_NAT ? !builtin(&l, CFG_NAT, nat_hook) : !way(&l))
		return false;
	if (!last(&l))
		return false;
	if (use != SPACE_FOR_LINT)
		simplify(p);
	return !p->w->oom;
}

bool
space_infos_init(struct space_prog *p, const struct cfg_policy *policy)
{
	p->infos = calloc(1, sizeof(*p->infos));
	if (p->infos != NULL && infos_init(p->infos, policy))
		return true;
	p->w->oom = true;
	return false;
}

void
space_infos_free(struct space_prog *p)
{
	for (size_t i = 0; p->infos != NULL && i < p->infos->n; i++)
		free(p->infos->info[i].rule);
	if (p->infos != NULL)
		free(p->infos->info);
	free(p->infos);
	p->infos = NULL;
}
