// One line of iptables-restore text: its command, and the rule that the command adds.
//
// Called by policy_save.c on its thread. Options are found as getopt_long does it in iptables:
// exact names first, then a unique beginning; the newest match first; and where nothing fits, the
// match of the rule's protocol is loaded without -m. Two spellings work here that 1.8.9's parser
// gets wrong: "-ptcp" and
// "--source=ADDRESS". Negation stands before the option only, as in 1.8.9.
#include "config/model.h"
#include "config/save_in.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>

enum word_kind {
	W_OWN,	   // an option of the rule itself
	W_EXT,	   // of a match or the target
	W_COMMAND, // -A and its like
	W_MATCH,
	W_JUMP,
	W_GOTO,
	W_COUNTERS,
	W_IPV4,
	W_IPV6,
	W_VERBOSE,
	W_REFUSED,
};

struct global {
	const char *name;
	char letter;
	enum word_kind kind;
	int value; // words
};

static const struct global globals[] = {
	{"append", 'A', W_COMMAND, 1},
	{"insert", 'I', W_COMMAND, 1},
	{"new-chain", 'N', W_COMMAND, 1},
	{"policy", 'P', W_COMMAND, 1},
	{"flush", 'F', W_COMMAND, 0},
	{"zero", 'Z', W_COMMAND, 0},
	{"delete-chain", 'X', W_COMMAND, 0},
	{"match", 'm', W_MATCH, 1},
	{"jump", 'j', W_JUMP, 1},
	{"goto", 'g', W_GOTO, 1},
	{"set-counters", 'c', W_COUNTERS, 2},
	{"ipv4", '4', W_IPV4, 0},
	{"ipv6", '6', W_IPV6, 0},
	{"verbose", 'v', W_VERBOSE, 0},
	{"delete", 'D', W_REFUSED, 1},
	{"check", 'C', W_REFUSED, 1},
	{"replace", 'R', W_REFUSED, 1},
	{"list", 'L', W_REFUSED, 0},
	{"list-rules", 'S', W_REFUSED, 0},
	{"rename-chain", 'E', W_REFUSED, 1},
	{"table", 't', W_REFUSED, 1},
	{"numeric", 'n', W_REFUSED, 0},
	{"exact", 'x', W_REFUSED, 0},
	{"wait", 'w', W_REFUSED, 0},
	{"wait-interval", 'W', W_REFUSED, 0},
	{"version", 'V', W_REFUSED, 0},
	{"help", 'h', W_REFUSED, 0},
	{"line-numbers", 0, W_REFUSED, 0},
	{"modprobe", 'M', W_REFUSED, 1},
};

// What an option's name was found to be.
struct found {
	enum word_kind kind;
	const struct global *global;
	struct rule_opt opt; // W_OWN, W_EXT
	int n_value;
};

struct line {
	struct save_in *in;
	struct rule_in rule;
	size_t at;			     // next word
	char command;			     // 0: none yet
	const struct save_word *chain, *arg; // of the command
	uint32_t number;		     // -I CHAIN NUMBER
	bool proto_tried;		     // the protocol's match was loaded already
	bool ignore;			     // -4 in IPv6 text, -6 in IPv4 text
};

// An error at a word: a sentence and what it is about. Always false.
static bool
fail(struct line *l, const struct save_word *w, const char *sentence, const char *about)
{
	cfg_err_add(l->in->err, save_pos(l->in, w->column), "%s'%s'", sentence, about);
	return false;
}

static struct found
of_opt(const struct ext *ext, const struct ext_opt *opt, size_t match)
{
	static const int words[] = {[EXT_FLAG] = 0, [EXT_WORD] = 1, [EXT_LIST] = 1, [EXT_PAIR] = 2};

	return (struct found){
		.kind = ext == &ext_rule ? W_OWN : W_EXT,
		.opt = {.ext = ext, .opt = opt, .match = match},
		.n_value = words[opt->value],
	};
}

// Looks through one extension. An exact name ends the search; a beginning counts how many options
// it could be (aliases that share a slot are one).
static bool
search_ext(const struct ext *ext, size_t match, const char *name, size_t len, struct found *f,
	   int *hits)
{
	for (size_t i = 0; i < ext->n_opt; i++) {
		const struct ext_opt *o = &ext->opt[i];

		if (strncmp(o->name, name, len) != 0)
			continue;
		if (o->name[len] == '\0') {
			*f = of_opt(ext, o, match);
			return true;
		}
		if (*hits > 0 && f->opt.ext == ext && f->opt.match == match &&
		    f->opt.opt->slot == o->slot)
			continue;
		*f = of_opt(ext, o, match);
		++*hits;
	}
	return false;
}

static bool
long_option(struct line *l, const char *name, size_t len, struct found *f)
{
	const struct cfg_rule *rule = &l->rule.rule;
	int hits = 0;

	for (size_t i = 0; i < EXT_N(globals); i++) {
		if (strncmp(globals[i].name, name, len) != 0)
			continue;
		*f = (struct found){.kind = globals[i].kind,
				    .global = &globals[i],
				    .n_value = globals[i].value};
		if (globals[i].name[len] == '\0')
			return true;
		hits++;
	}
	if (search_ext(&ext_rule, 0, name, len, f, &hits))
		return true;
	if (l->rule.target != NULL && search_ext(l->rule.target, 0, name, len, f, &hits))
		return true;
	for (size_t m = rule->n_match; m-- > 0;)
		if (search_ext(ext_of_match(rule->match[m].id), m, name, len, f, &hits))
			return true;
	return hits == 1;
}

static bool
short_option(char letter, struct found *f)
{
	for (size_t i = 0; i < EXT_N(globals); i++) {
		if (globals[i].letter == letter) {
			*f = (struct found){.kind = globals[i].kind,
					    .global = &globals[i],
					    .n_value = globals[i].value};
			return true;
		}
	}
	for (size_t i = 0; i < ext_rule.n_opt; i++) {
		if (ext_rule.opt[i].letter == letter) {
			*f = of_opt(&ext_rule, &ext_rule.opt[i], 0);
			return true;
		}
	}
	return false;
}

// The match that belongs to the rule's protocol ("-p tcp --dport 80"): once a line.
static const struct ext *
protocol_match(struct line *l)
{
	const char *name = cfg_proto_name(l->rule.rule.proto);
	const struct ext *ext;

	if (l->proto_tried || l->rule.rule.proto == 0 || name == NULL)
		return NULL;
	ext = ext_match_find(name);
	return ext != NULL && (ext->families & l->in->family) ? ext : NULL;
}

static bool
do_match(struct line *l, const struct save_word *w, const char *name)
{
	const struct ext *ext = ext_match_find(name);
	size_t index;

	if (ext != NULL && (ext->families & l->in->family))
		return rule_in_match(&l->rule, ext, save_pos(l->in, w->column), &index);
	if (ext_is_known_match(name))
		cfg_err_add(l->in->err, save_pos(l->in, w->column),
			    "match '%s' is not supported yet", name);
	else if (ext != NULL)
		cfg_err_add(l->in->err, save_pos(l->in, w->column), "match '%s' is not for %s",
			    name, l->in->family == CFG_IPV4 ? "IPv4" : "IPv6");
	else
		cfg_err_add(l->in->err, save_pos(l->in, w->column), "unknown match '%s'", name);
	return false;
}

static bool
do_jump(struct line *l, const struct save_word *w, const char *name, bool go)
{
	const struct ext *ext = ext_target_find(name);
	const struct cfg_chain *chain = cfg_chain_find(l->in->policy, l->in->table, name);
	struct cfg_pos pos = save_pos(l->in, w->column);

	if (ext != NULL && !go)
		return rule_in_target(&l->rule, ext, pos);
	if (ext_is_known_target(name) && !go)
		cfg_err_add(l->in->err, pos, "target '%s' is not supported yet", name);
	else if (chain == NULL)
		cfg_err_add(l->in->err, pos, "no target and no chain '%s' in table '%s' up to here",
			    name, cfg_table_name(l->in->table));
	else if (chain->hook != CFG_HOOK_NONE)
		cfg_err_add(l->in->err, pos, "a rule cannot jump to the built-in chain '%s'", name);
	else
		return rule_in_chain(&l->rule, name, go, pos);
	return false;
}

static bool
do_command(struct line *l, const struct global *g, const struct save_word *w)
{
	struct save_in *in = l->in;

	if (l->command != 0) {
		cfg_err_add(in->err, save_pos(in, w->column),
			    "two commands in one line: -%c and -%c", l->command, g->letter);
		return false;
	}
	l->command = g->letter;
	if (g->value == 1)
		l->chain = &in->word[l->at - 1];
	switch (g->letter) {
	case 'I':
		l->number = 1;
		if (l->at < in->n_word && in->word[l->at].text[0] != '-' &&
		    in->word[l->at].text[0] != '!') {
			if (!cfg_value_u32(in->word[l->at].text, UINT32_MAX, &l->number) ||
			    l->number == 0)
				return fail(l, &in->word[l->at],
					    "not a rule number: ", in->word[l->at].text);
			l->at++;
		}
		return true;
	case 'P':
		if (l->at == in->n_word)
			return fail(l, w, "expected CHAIN and POLICY behind ", w->text);
		l->arg = &in->word[l->at++];
		return true;
	case 'F':
	case 'X':
	case 'Z':
		if (l->at < in->n_word && in->word[l->at].text[0] != '-' &&
		    in->word[l->at].text[0] != '!')
			l->chain = &in->word[l->at++];
		return true;
	default:
		return true;
	}
}

static bool
do_found(struct line *l, struct found *f, const struct save_word *w)
{
	struct save_in *in = l->in;
	const char *name = f->opt.opt != NULL ? f->opt.opt->name : f->global->name;

	if (f->opt.invert && f->kind != W_OWN && f->kind != W_EXT)
		return fail(l, w, "'!' cannot stand before ", w->text);
	switch (f->kind) {
	case W_OWN:
	case W_EXT:
		f->opt.name = name;
		f->opt.pos = save_pos(in, w->column);
		return rule_in_option(&l->rule, &f->opt);
	case W_MATCH:
		return do_match(l, w, f->opt.value[0]);
	case W_JUMP:
		return do_jump(l, w, f->opt.value[0], false);
	case W_GOTO:
		return do_jump(l, w, f->opt.value[0], true);
	case W_COMMAND:
		return do_command(l, f->global, w);
	case W_COUNTERS:
		if (!cfg_value_u64(f->opt.value[0], strlen(f->opt.value[0]), &in->packets) ||
		    !cfg_value_u64(f->opt.value[1], strlen(f->opt.value[1]), &in->bytes))
			return fail(l, w, "expected PACKETS and BYTES behind ", w->text);
		return true;
	case W_IPV4:
	case W_IPV6:
		l->ignore = (f->kind == W_IPV4) != (in->family == CFG_IPV4);
		return true;
	case W_VERBOSE:
		return true;
	case W_REFUSED:
		break;
	}
	cfg_err_add(in->err, save_pos(in, w->column), "'%s' is not supported in iptables-save text",
		    name);
	return false;
}

// The option's values: `inline_value` ("--name=value", "-pvalue"), else the next words.
static bool
take_values(struct line *l, struct found *f, const struct save_word *w, const char *inline_value)
{
	for (int i = 0; i < f->n_value; i++) {
		if (i == 0 && inline_value != NULL) {
			f->opt.value[0] = inline_value;
			continue;
		}
		if (l->at == l->in->n_word || (i == 1 && f->kind == W_EXT &&
					       strchr("-!", l->in->word[l->at].text[0]) != NULL &&
					       l->in->word[l->at].text[0] != '\0')) {
			cfg_err_add(l->in->err, save_pos(l->in, w->column), "'%s' requires %s",
				    w->text, f->n_value == 1 ? "an argument" : "two arguments");
			return false;
		}
		f->opt.value[i] = l->in->word[l->at++].text;
	}
	return true;
}

static bool
do_long(struct line *l, const struct save_word *w, bool invert)
{
	const char *name = w->text + 2, *equals = strchr(name, '=');
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct ext *implied;
	struct found f = {0};
	size_t index;

	if (len > 0 && !long_option(l, name, len, &f) && (implied = protocol_match(l)) != NULL) {
		l->proto_tried = true;
		if (!rule_in_match(&l->rule, implied, save_pos(l->in, w->column), &index))
			return false;
		if (!long_option(l, name, len, &f))
			return fail(l, w, "unknown option ", w->text);
	} else if (len == 0 || !long_option(l, name, len, &f)) {
		return fail(l, w, "unknown option ", w->text);
	}
	f.opt.invert = invert;
	if (equals != NULL && f.n_value == 0)
		return fail(l, w, "no argument can stand behind ", w->text);
	return take_values(l, &f, w, equals != NULL ? equals + 1 : NULL) && do_found(l, &f, w);
}

// One word of short options: flags may share it, the value of the last may be joined to it.
static bool
do_short(struct line *l, const struct save_word *w, bool invert)
{
	const char *c = w->text + 1;

	for (; *c != '\0'; c++) {
		struct found f;

		if (!short_option(*c, &f))
			return fail(l, w, "unknown option ", w->text);
		f.opt.invert = invert;
		if (!take_values(l, &f, w, f.n_value > 0 && c[1] != '\0' ? c + 1 : NULL) ||
		    !do_found(l, &f, w))
			return false;
		if (f.n_value > 0 || l->ignore)
			return true;
	}
	return true;
}

static bool
all_words(struct line *l)
{
	struct save_in *in = l->in;
	bool invert = false;

	while (l->at < in->n_word && !l->ignore) {
		const struct save_word *w = &in->word[l->at++];
		const char *t = w->text;
		bool good;

		if (strcmp(t, "!") == 0) {
			if (invert)
				return fail(l, w, "two in a row: ", "!");
			invert = true;
			if (l->at == in->n_word)
				return fail(l, w, "nothing stands behind ", "!");
			continue;
		}
		if (t[0] == '-' && t[1] == '-' && t[2] != '\0')
			good = do_long(l, w, invert);
		else if (t[0] == '-' && t[1] != '-' && t[1] != '\0')
			good = do_short(l, w, invert);
		else
			good = fail(l, w, "an option is expected here, not ", t);
		if (!good)
			return false;
		invert = false;
	}
	return true;
}

static struct cfg_chain *
chain_of(struct line *l)
{
	struct cfg_chain *chain = cfg_chain_find(l->in->policy, l->in->table, l->chain->text);

	if (chain == NULL)
		cfg_err_add(l->in->err, save_pos(l->in, l->chain->column),
			    "no chain '%s' in table '%s' up to here", l->chain->text,
			    cfg_table_name(l->in->table));
	return chain;
}

static void
new_chain(struct line *l)
{
	const char *name = l->chain->text, *why = cfg_chain_name_bad(name);
	struct cfg_pos pos = save_pos(l->in, l->chain->column);
	struct cfg_chain *chain;

	if (why != NULL)
		cfg_err_add(l->in->err, pos, "chain '%s': %s", name, why);
	else if (cfg_chain_find(l->in->policy, l->in->table, name) != NULL)
		cfg_err_add(l->in->err, pos, "chain '%s' exists already", name);
	else if ((why = ext_chain_name_taken(l->in->table, name)) != NULL)
		cfg_err_add(l->in->err, pos, "chain '%s': %s", name, why);
	else if ((chain = cfg_chain_add(l->in->policy, l->in->table, name)) == NULL)
		cfg_err_add(l->in->err, pos, "out of memory");
	else {
		chain->family = l->in->family;
		chain->pos = pos;
	}
}

static void
set_policy(struct line *l)
{
	struct cfg_chain *chain = chain_of(l);
	bool drop = strcmp(l->arg->text, "DROP") == 0;

	if (chain == NULL)
		return;
	if (chain->hook == CFG_HOOK_NONE)
		fail(l, l->chain, "only a built-in chain has a policy, not ", chain->name);
	else if (!drop && strcmp(l->arg->text, "ACCEPT") != 0)
		fail(l, l->arg, "expected ACCEPT or DROP, not ", l->arg->text);
	else if (l->in->family == CFG_IPV4)
		chain->policy4 = drop ? CFG_POLICY_DROP : CFG_POLICY_ACCEPT;
	else
		chain->policy6 = drop ? CFG_POLICY_DROP : CFG_POLICY_ACCEPT;
}

static bool
is_target_of(const struct cfg_table *table, const char *name)
{
	for (size_t c = 0; c < table->n_chain; c++)
		for (size_t r = 0; r < table->chain[c]->n_rule; r++)
			if (strcmp(table->chain[c]->rule[r].target.chain, name) == 0)
				return true;
	return false;
}

// -X: a user chain that is empty and that no rule jumps to.
static void
delete_chain(struct line *l, struct cfg_chain *chain)
{
	const struct save_word *w = l->chain != NULL ? l->chain : &l->in->word[0];

	if (chain->hook != CFG_HOOK_NONE)
		fail(l, w, "a built-in chain stays: ", chain->name);
	else if (chain->n_rule > 0)
		fail(l, w, "the chain to delete has rules: ", chain->name);
	else if (is_target_of(&l->in->policy->table[l->in->table], chain->name))
		fail(l, w, "a rule still jumps to the chain to delete: ", chain->name);
	else
		cfg_chain_remove(l->in->policy, l->in->table, chain);
}

static void
zero_chain(struct cfg_chain *chain)
{
	chain->packets4 = chain->bytes4 = chain->packets6 = chain->bytes6 = 0;
	for (size_t r = 0; r < chain->n_rule; r++)
		chain->rule[r].packets = chain->rule[r].bytes = 0;
}

// -F, -X and -Z, for one chain or for all of the table.
static void
whole_chains(struct line *l)
{
	struct cfg_table *table = &l->in->policy->table[l->in->table];
	struct cfg_chain *one = l->chain != NULL ? chain_of(l) : NULL;

	if (l->chain != NULL && one == NULL)
		return;
	for (size_t c = table->n_chain; c-- > 0;) {
		struct cfg_chain *chain = table->chain[c];

		if (one != NULL && chain != one)
			continue;
		if (l->command == 'F')
			cfg_chain_clear(chain);
		else if (l->command == 'Z')
			zero_chain(chain);
		else if (one != NULL || chain->hook == CFG_HOOK_NONE)
			delete_chain(l, chain);
	}
}

static void
add_rule(struct line *l)
{
	struct cfg_chain *chain = chain_of(l);
	size_t at = l->command == 'I' ? l->number - 1 : SIZE_MAX;

	if (chain == NULL)
		return;
	if (l->command == 'I' && at > chain->n_rule) {
		cfg_err_add(l->in->err, save_pos(l->in, l->chain->column),
			    "chain '%s' has %zu rules: number %u is too large", chain->name,
			    chain->n_rule, l->number);
		return;
	}
	l->rule.rule.packets = l->in->packets;
	l->rule.rule.bytes = l->in->bytes;
	rule_in_done(&l->rule, chain, at, &l->in->budget);
}

void
save_line(struct save_in *in)
{
	struct line l = {.in = in};

	rule_in_begin(&l.rule, in->family, save_pos(in, in->n_word > 0 ? in->word[0].column : 1),
		      in->err);
	l.rule.family_given = true;
	if (!all_words(&l) || l.ignore)
		goto out;
	switch (l.command) {
	case 'A':
	case 'I':
		add_rule(&l);
		break;
	case 'N':
		new_chain(&l);
		break;
	case 'P':
		set_policy(&l);
		break;
	case 0:
		cfg_err_add(in->err, save_pos(in, 1),
			    "no command in the line (expected -A, -I, -N, -P, -F, -X or -Z)");
		break;
	default:
		whole_chains(&l);
		break;
	}
out:
	rule_in_free(&l.rule);
}
