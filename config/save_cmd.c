// What the commands of iptables-restore text do to the policy: rules added, replaced and taken
// away, chains made, renamed, emptied and removed, policies and counters set.
//
// Called by save_rule.c for every line that it took apart, on its thread. A rule for -D and -C is
// looked for by the text that iptables-save prints for it, which is what libiptc's comparison comes
// to. With noflush a text is carried out on what the tables held before; it is all the same to
// these functions.
#include "config/model.h"
#include "config/save_in.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>

// One command at work.
struct job {
	struct save_in *in;
	const struct save_cmd *cmd;
	struct rule_in *rule;
};

// An error at a word: a sentence and what it is about. Always false.
static bool
fail(const struct job *j, const struct save_word *w, const char *sentence, const char *about)
{
	cfg_err_add(j->in->err, save_pos(j->in, w->column), "%s'%s'", sentence, about);
	return false;
}

// Where the command's chain stands in the line, or the command where no chain does.
static const struct save_word *
chain_word(const struct job *j)
{
	return j->cmd->chain.text != NULL ? &j->cmd->chain : j->cmd->word;
}

static struct cfg_chain *
chain_of(const struct job *j)
{
	struct cfg_chain *chain = cfg_chain_find(j->in->policy, j->in->table, j->cmd->chain.text);

	if (chain == NULL)
		cfg_err_add(j->in->err, save_pos(j->in, j->cmd->chain.column),
			    "no chain '%s' in table '%s' up to here", j->cmd->chain.text,
			    cfg_table_name(j->in->table));
	return chain;
}

static bool
has_number(const struct job *j, const struct cfg_chain *chain, size_t last)
{
	if (j->cmd->number <= last)
		return true;
	cfg_err_add(j->in->err, save_pos(j->in, j->cmd->chain.column),
		    "chain '%s' has %zu rules: number %u is too large", chain->name, chain->n_rule,
		    j->cmd->number);
	return false;
}

static void
add_rule(struct job *j)
{
	struct cfg_chain *chain = chain_of(j);
	size_t at = SIZE_MAX;

	if (chain == NULL)
		return;
	if (j->cmd->letter == 'I') {
		at = j->cmd->number > 0 ? j->cmd->number - 1 : 0;
		if (!has_number(j, chain, chain->n_rule + 1))
			return;
	}
	j->rule->rule.packets = j->in->packets;
	j->rule->rule.bytes = j->in->bytes;
	rule_in_done(j->rule, chain, at, &j->in->budget);
}

// The rules that the line's words make, in a chain of their own. False: told.
static bool
rules_of(struct job *j, struct cfg_chain *apart)
{
	*apart = (struct cfg_chain){.family = j->in->family};
	if (rule_in_done(j->rule, apart, SIZE_MAX, &j->in->budget))
		return true;
	cfg_chain_clear(apart);
	return false;
}

// The first rule of the chain that says the same; n_rule: none.
static size_t
find_rule(struct job *j, const struct cfg_chain *chain, const struct cfg_rule *like)
{
	char *want = cfg_rule_to_save(like, j->in->family), *have;
	size_t i = 0;

	for (; want != NULL && i < chain->n_rule; i++) {
		bool same;

		have = cfg_rule_to_save(&chain->rule[i], j->in->family);
		same = have != NULL && strcmp(have, want) == 0;
		free(have);
		if (same)
			break;
	}
	free(want);
	return want != NULL ? i : chain->n_rule;
}

// -D and -C with a rule: every rule of an address list by itself.
static void
same_rules(struct job *j, struct cfg_chain *chain)
{
	struct cfg_chain apart;

	if (!rules_of(j, &apart))
		return;
	for (size_t i = 0; i < apart.n_rule; i++) {
		size_t at = find_rule(j, chain, &apart.rule[i]);

		if (at == chain->n_rule) {
			fail(j, chain_word(j), "no such rule in chain ", chain->name);
			break;
		}
		if (j->cmd->letter == 'D')
			cfg_rule_remove(chain, at);
	}
	cfg_chain_clear(&apart);
}

static void
delete_rule(struct job *j)
{
	struct cfg_chain *chain = chain_of(j);

	if (chain == NULL)
		return;
	if (j->cmd->number == 0)
		same_rules(j, chain);
	else if (j->cmd->option != NULL)
		fail(j, j->cmd->option,
		     "a rule's number was given; this cannot follow: ", j->cmd->option->text);
	else if (has_number(j, chain, chain->n_rule))
		cfg_rule_remove(chain, j->cmd->number - 1);
}

static void
replace_rule(struct job *j)
{
	struct cfg_chain *chain = chain_of(j), apart;

	if (chain == NULL || !has_number(j, chain, chain->n_rule))
		return;
	j->rule->rule.packets = j->in->packets;
	j->rule->rule.bytes = j->in->bytes;
	if (!rules_of(j, &apart))
		return;
	if (apart.n_rule != 1) {
		fail(j, j->cmd->word, "one rule cannot become several: ", "-R");
	} else {
		struct cfg_rule old = chain->rule[j->cmd->number - 1];

		chain->rule[j->cmd->number - 1] = apart.rule[0];
		apart.rule[0] = old;
	}
	cfg_chain_clear(&apart);
}

// Can a new chain be called that? The kernel's rules, and that nobody else's name is taken.
static bool
is_free_name(struct job *j, const struct save_word *name)
{
	const char *why = cfg_chain_name_bad(name->text);

	if (why == NULL && cfg_chain_find(j->in->policy, j->in->table, name->text) != NULL)
		why = "a chain has this name already";
	if (why == NULL)
		why = ext_chain_name_taken(j->in->table, name->text);
	if (why != NULL)
		cfg_err_add(j->in->err, save_pos(j->in, name->column), "chain '%s': %s", name->text,
			    why);
	return why == NULL;
}

static void
new_chain(struct job *j)
{
	struct cfg_chain *chain;

	if (!is_free_name(j, &j->cmd->chain))
		return;
	chain = cfg_chain_add(j->in->policy, j->in->table, j->cmd->chain.text);
	if (chain == NULL) {
		fail(j, &j->cmd->chain, "out of memory for chain ", j->cmd->chain.text);
		return;
	}
	chain->family = j->in->family;
	chain->pos = save_pos(j->in, j->cmd->chain.column);
}

// The jumps to it follow.
static void
rename_chain(struct job *j)
{
	struct cfg_chain *chain = chain_of(j);

	if (chain == NULL || !is_free_name(j, &j->cmd->arg))
		return;
	if (chain->hook != CFG_HOOK_NONE)
		fail(j, &j->cmd->chain, "a built-in chain keeps its name: ", chain->name);
	else
		cfg_chain_rename(j->in->policy, j->in->table, chain, j->cmd->arg.text);
}

static void
set_policy(struct job *j)
{
	struct cfg_chain *chain = chain_of(j);
	bool drop = strcmp(j->cmd->arg.text, "DROP") == 0, v4 = j->in->family == CFG_IPV4;

	if (chain == NULL)
		return;
	if (chain->hook != CFG_HOOK_NONE && j->in->table == CFG_NAT && drop) {
		fail(j, &j->cmd->arg, "nat is not for filtering: no policy ", "DROP");
		return;
	}
	if (chain->hook == CFG_HOOK_NONE) {
		fail(j, &j->cmd->chain, "only a built-in chain has a policy, not ", chain->name);
		return;
	}
	if (!drop && strcmp(j->cmd->arg.text, "ACCEPT") != 0) {
		fail(j, &j->cmd->arg, "expected ACCEPT or DROP, not ", j->cmd->arg.text);
		return;
	}
	*(v4 ? &chain->policy4 : &chain->policy6) = drop ? CFG_POLICY_DROP : CFG_POLICY_ACCEPT;
	if (j->in->counted) {
		*(v4 ? &chain->packets4 : &chain->packets6) = j->in->packets;
		*(v4 ? &chain->bytes4 : &chain->bytes6) = j->in->bytes;
	}
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
delete_chain(struct job *j, struct cfg_chain *chain)
{
	const struct save_word *w = chain_word(j);

	if (chain->hook != CFG_HOOK_NONE)
		fail(j, w, "a built-in chain stays: ", chain->name);
	else if (chain->n_rule > 0)
		fail(j, w, "the chain to delete has rules: ", chain->name);
	else if (is_target_of(&j->in->policy->table[j->in->table], chain->name))
		fail(j, w, "a rule still jumps to the chain to delete: ", chain->name);
	else
		cfg_chain_remove(j->in->policy, j->in->table, chain);
}

static void
zero_rule(struct cfg_rule *rule)
{
	rule->packets = rule->bytes = rule->packets6 = rule->bytes6 = 0;
}

static void
zero_chain(struct cfg_chain *chain)
{
	chain->packets4 = chain->bytes4 = chain->packets6 = chain->bytes6 = 0;
	for (size_t r = 0; r < chain->n_rule; r++)
		zero_rule(&chain->rule[r]);
}

// -F, -X and -Z, for one chain or for all of the table.
static void
whole_chains(struct job *j)
{
	struct cfg_table *table = &j->in->policy->table[j->in->table];
	struct cfg_chain *one = j->cmd->chain.text != NULL ? chain_of(j) : NULL;

	if (j->cmd->chain.text != NULL && one == NULL)
		return;
	if (j->cmd->number > 0) { // -Z CHAIN NUMBER
		if (has_number(j, one, one->n_rule))
			zero_rule(&one->rule[j->cmd->number - 1]);
		return;
	}
	for (size_t c = table->n_chain; c-- > 0;) {
		struct cfg_chain *chain = table->chain[c];

		if (one != NULL && chain != one)
			continue;
		if (j->cmd->letter == 'F')
			cfg_chain_clear(chain);
		else if (j->cmd->letter == 'Z')
			zero_chain(chain);
		else if (one != NULL || chain->hook == CFG_HOOK_NONE)
			delete_chain(j, chain);
	}
}

// Words of a rule and -c stand only where the command has a use for them, as in iptables.
static bool
words_fit(struct job *j)
{
	const struct save_cmd *cmd = j->cmd;
	const char command[3] = {'-', cmd->letter};

	if (cmd->option != NULL && strchr("ACDIR", cmd->letter) == NULL)
		return fail(j, cmd->option, "only a rule can have this, not the command ", command);
	if (cmd->counters != NULL && strchr("AIPR", cmd->letter) == NULL)
		return fail(j, cmd->counters, "counters cannot go with the command ", command);
	return true;
}

void
save_command(struct save_in *in, const struct save_cmd *cmd, struct rule_in *rule)
{
	static const struct {
		char letter;
		void (*run)(struct job *j);
	} commands[] = {
		{'A', add_rule},     {'I', add_rule},	  {'C', delete_rule},  {'D', delete_rule},
		{'R', replace_rule}, {'N', new_chain},	  {'E', rename_chain}, {'P', set_policy},
		{'F', whole_chains}, {'X', whole_chains}, {'Z', whole_chains},
	};
	struct job j = {.in = in, .cmd = cmd, .rule = rule};

	if (cmd->letter == 0)
		cfg_err_add(in->err, save_pos(in, 1),
			    "no command in the line (expected -A, -I, -D, -R, -C, -N, -E, -P, -F, "
			    "-X or -Z)");
	else if (words_fit(&j))
		for (size_t i = 0; i < EXT_N(commands); i++)
			if (commands[i].letter == cmd->letter)
				commands[i].run(&j);
}
