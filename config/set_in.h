#pragma once
// The readers and printers of sets: options (set_type.c), entries (set_entry.c), whole lines
// (set_text.c). Private to config/.
#include "config/buf.h"
#include "config/set.h"

#define SET_WORDS 40 // of a line

// A set that nothing was said of yet but its name and type.
bool set_begin(struct cfg_set *set, const char *name, const char *type, struct cfg_pos pos,
	       struct cfg_err *err);
// Does the option take a value? -1: there is no such option.
int set_option_values(const char *name);
// One option of `create`; value NULL for those without. False with an error.
bool set_option(struct cfg_set *set, const char *name, const char *value, struct cfg_pos pos,
		struct cfg_err *err);
// All options were said.
bool set_end(struct cfg_set *set, struct cfg_pos pos, struct cfg_err *err);
void set_create_print(struct cfg_buf *b, const struct cfg_set *set);

// Takes a line apart in place. How many words, or -1 with an error.
int set_split(char *line, char **word, struct cfg_pos pos, struct cfg_err *err);
// An entry: its element and options. Calls put for each that it stands for, until one gives false.
bool set_entry_words(const struct cfg_set *set, char *const *word, int n,
		     bool (*put)(void *arg, const struct cfg_set_entry *entry), void *arg,
		     struct cfg_pos pos, struct cfg_err *err);
void set_entry_print(struct cfg_buf *b, const struct cfg_set *set,
		     const struct cfg_set_entry *entry, bool element);
