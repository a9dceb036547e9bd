// One line of iptables-restore text taken apart: its command, and the rule that goes with it.
//
// Called by policy_save.c on its thread; save_cmd.c carries out what was read. Options are found as
// getopt_long does it in iptables: exact names first, then a unique beginning; the newest match
// first; and where nothing fits, the match of the rule's protocol is loaded without -m. Two
// spellings work here that 1.8.9's parser gets wrong: "-ptcp" and
// "--source=ADDRESS". Negation stands before the option only, as in 1.8.9.
#include "config/model.h"
#include "config/save_in.h"
#include "config/value.h"

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
	int value; // words; MAYBE: one that may be joined to the option, or stand behind it
};
#define MAYBE (-1)

static const struct global globals[] = {
	{"append", 'A', W_COMMAND, 1},
	{"check", 'C', W_COMMAND, 1},
	{"delete", 'D', W_COMMAND, 1},
	{"insert", 'I', W_COMMAND, 1},
	{"replace", 'R', W_COMMAND, 1},
	{"rename-chain", 'E', W_COMMAND, 1},
	{"new-chain", 'N', W_COMMAND, 1},
	{"policy", 'P', W_COMMAND, 1},
	{"flush", 'F', W_COMMAND, MAYBE},
	{"zero", 'Z', W_COMMAND, MAYBE},
	{"delete-chain", 'X', W_COMMAND, MAYBE},
	{"match", 'm', W_MATCH, 1},
	{"jump", 'j', W_JUMP, 1},
	{"goto", 'g', W_GOTO, 1},
	{"set-counters", 'c', W_COUNTERS, 1},
	{"ipv4", '4', W_IPV4, 0},
	{"ipv6", '6', W_IPV6, 0},
	{"verbose", 'v', W_VERBOSE, 0},
	{"list", 'L', W_REFUSED, 0},
	{"list-rules", 'S', W_REFUSED, 0},
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
	struct save_cmd cmd;
	size_t at;	  // next word
	bool proto_tried; // the protocol's match was loaded already
	bool ignore;	  // -4 in IPv6 text, -6 in IPv4 text
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
		ext_not_supported(l->in->err, save_pos(l->in, w->column), false, name);
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
		ext_not_supported(l->in->err, pos, true, name);
	else if (chain == NULL)
		cfg_err_add(l->in->err, pos, "no target and no chain '%s' in table '%s' up to here",
			    name, cfg_table_name(l->in->table));
	else if (chain->hook != CFG_HOOK_NONE)
		cfg_err_add(l->in->err, pos, "a rule cannot jump to the built-in chain '%s'", name);
	else
		return rule_in_chain(&l->rule, name, go, pos);
	return false;
}

// A word that belongs to the command, where one stands next.
static bool
next_plain(struct line *l, struct save_word *out)
{
	const struct save_word *w = &l->in->word[l->at];

	if (l->at == l->in->n_word || w->text[0] == '-' || w->text[0] == '!')
		return false;
	*out = *w;
	l->at++;
	return true;
}

// "-I CHAIN [NUMBER]" and its like.
static bool
rule_number(struct line *l, const struct save_word *w, bool required)
{
	struct save_word number;

	if (!next_plain(l, &number))
		return !required ||
		       fail(l, w, "expected a rule's number behind the chain of ", w->text);
	if (!cfg_value_u32(number.text, INT32_MAX, &l->cmd.number) || l->cmd.number == 0)
		return fail(l, &number, "not a rule number: ", number.text);
	return true;
}

static bool
do_command(struct line *l, const struct found *f, const struct save_word *w)
{
	struct save_in *in = l->in;
	struct save_cmd *cmd = &l->cmd;
	const char *value = f->opt.value[0];

	if (cmd->letter != 0) {
		cfg_err_add(in->err, save_pos(in, w->column),
			    "two commands in one line: -%c and -%c", cmd->letter,
			    f->global->letter);
		return false;
	}
	cmd->letter = f->global->letter;
	cmd->word = w;
	if (value != NULL) { // joined to the option, or the word behind it
		cmd->chain = value == in->word[l->at - 1].text ? in->word[l->at - 1] : *w;
		cmd->chain.text = (char *)value;
	}
	switch (cmd->letter) {
	case 'D':
	case 'I':
	case 'R':
		return rule_number(l, w, cmd->letter == 'R');
	case 'E':
	case 'P':
		return next_plain(l, &cmd->arg) ||
		       fail(l, w,
			    cmd->letter == 'P' ? "expected CHAIN and POLICY behind "
					       : "expected two chains' names behind ",
			    w->text);
	case 'F':
	case 'X':
		if (value == NULL)
			next_plain(l, &cmd->chain);
		return true;
	case 'Z':
		return (value == NULL && !next_plain(l, &cmd->chain)) || rule_number(l, w, false);
	default:
		return true;
	}
}

// -c PACKETS BYTES, or both in one word with a comma.
static bool
do_counters(struct line *l, const struct save_word *w, const char *packets)
{
	const char *comma = strchr(packets, ',');
	size_t n = comma != NULL ? (size_t)(comma - packets) : strlen(packets);
	struct save_word bytes = {.text = (char *)(comma != NULL ? comma + 1 : NULL)};

	if (l->in->counted)
		return fail(l, w, "counters stand twice: ", w->text);
	if ((comma == NULL && !next_plain(l, &bytes)) ||
	    !cfg_value_u64(packets, n, &l->in->packets) ||
	    !cfg_value_u64(bytes.text, strlen(bytes.text), &l->in->bytes))
		return fail(l, w, "expected PACKETS and BYTES behind ", w->text);
	l->in->counted = true;
	l->cmd.counters = w;
	return true;
}

static bool
do_found(struct line *l, struct found *f, const struct save_word *w)
{
	struct save_in *in = l->in;
	const char *name = f->opt.opt != NULL ? f->opt.opt->name : f->global->name;

	if (f->opt.invert && f->kind != W_OWN && f->kind != W_EXT)
		return fail(l, w, "'!' cannot stand before ", w->text);
	if (l->cmd.option == NULL && (f->kind == W_OWN || f->kind == W_EXT || f->kind == W_MATCH ||
				      f->kind == W_JUMP || f->kind == W_GOTO))
		l->cmd.option = w;
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
		return do_command(l, f, w);
	case W_COUNTERS:
		return do_counters(l, w, f->opt.value[0]);
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
	if (f->n_value == MAYBE)
		f->opt.value[0] = inline_value;
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
		if (!take_values(l, &f, w, f.n_value != 0 && c[1] != '\0' ? c + 1 : NULL) ||
		    !do_found(l, &f, w))
			return false;
		if (f.n_value != 0 || l->ignore)
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
		if (strcmp(t, "--") == 0 && l->at == in->n_word)
			return !invert || fail(l, w, "an option is expected here, not ", t);
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

// A line of the other family ends at its -4 or -6: there is no rule for it, but what needs none has
// been said, as 1.8.9 has it ("-N chain -4").
static bool
is_about_rule(const struct save_cmd *cmd)
{
	return cmd->letter == 0 || strchr("ACIR", cmd->letter) != NULL ||
	       (cmd->letter == 'D' && cmd->number == 0);
}

void
save_line(struct save_in *in)
{
	struct line l = {.in = in};

	rule_in_begin(&l.rule, in->family, save_pos(in, in->n_word > 0 ? in->word[0].column : 1),
		      in->err);
	l.rule.family_given = true;
	l.rule.resolve = in->how->resolve;
	l.rule.sets = in->how->sets;
	l.rule.iptables = true;
	if (all_words(&l) && !(l.ignore && is_about_rule(&l.cmd)))
		save_command(in, &l.cmd, &l.rule);
	rule_in_free(&l.rule);
}
