#pragma once
// The iptables-save reader's parts: the file (policy_save.c), one line of words taken apart
// (save_rule.c), what its command does (save_cmd.c). Private to config/.
#include "config/rule_in.h"

struct save_word {
	char *text;
	unsigned column;
};

#define SAVE_WORDS 255 // iptables-restore takes no more on a line

struct save_in {
	struct cfg_policy *policy;
	const struct cfg_restore *how;
	enum cfg_family family;
	enum cfg_table_id table; // of the lines now being read
	unsigned line;
	bool base;     // these lines are how->base, not the text
	size_t budget; // rules that may still come
	struct cfg_err *err;
	struct save_word word[SAVE_WORDS];
	size_t n_word;
	bool counted; // the line has counters:
	uint64_t packets, bytes;
	bool named[CFG_TABLES]; // the text spoke of the table
};

// A command as it stands in a line. Words that were not given have no text.
struct save_cmd {
	char letter;			// iptables' short option; 0: none
	const struct save_word *word;	// where it stands
	struct save_word chain, arg;	// arg: the policy of -P, the new name of -E
	uint32_t number;		// of a rule, from 1; 0: not given
	const struct save_word *option, // the first word that belongs to a rule
		*counters;		// -c; NULL: no such word
};

struct cfg_pos save_pos(const struct save_in *in, unsigned column);
// A line of words such as "-A INPUT -j DROP" carried out on the policy. Errors go to in->err.
void save_line(struct save_in *in);
// The same for a line that was taken apart; the rule's parts move into the policy where the command
// puts one there.
void save_command(struct save_in *in, const struct save_cmd *cmd, struct rule_in *rule);
