#pragma once
// The iptables-save reader's two halves: the file (policy_save.c) and one line of commands
// (save_rule.c). Private to config/.
#include "config/rule_in.h"

struct save_word {
	char *text;
	unsigned column;
};

#define SAVE_WORDS 255 // iptables-restore takes no more on a line

struct save_in {
	struct cfg_policy *policy;
	enum cfg_family family;
	enum cfg_table_id table; // of the lines now being read
	unsigned line;
	size_t budget; // rules that may still come
	struct cfg_err *err;
	struct save_word word[SAVE_WORDS];
	size_t n_word;
	uint64_t packets, bytes; // the line's [p:b]
};

struct cfg_pos save_pos(const struct save_in *in, unsigned column);
// A line of words such as "-A INPUT -j DROP" carried out on the policy. Errors go to in->err.
void save_line(struct save_in *in);
