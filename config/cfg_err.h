#pragma once
// Every error and warning of a configuration file, in the order found, each with its place.
// Readers add to a list and go on where they can, so that the operator sees all of them at once.
#include <stdbool.h>
#include <stddef.h>

// A place in a text file. Line and column count from 1; 0 means "the file as a whole".
struct cfg_pos {
	unsigned line;
	unsigned column;
	const char *file; // an included file's name, kept for good; NULL: the file that is read
};

enum cfg_severity { CFG_ERROR, CFG_WARNING, CFG_NOTE };

// What kind of reading finds an error: config/policy.schema.json promises the first kind.
enum cfg_judge {
	CFG_JUDGE_FORM,	  // keys, types, words that are listed: what a schema of the file can tell
	CFG_JUDGE_VALUE,  // what stands inside a value: numbers, ranges, addresses, lengths
	CFG_JUDGE_RULE,	  // what goes together in a rule: families, required options, how many
	CFG_JUDGE_POLICY, // what goes together in the policy: chains jumped to, places, circles
};

struct cfg_msg {
	enum cfg_severity severity;
	const char *id; // static string, a warning's name such as "unused-chain"; else NULL
	char *file;
	struct cfg_pos pos;
	char *text;	      // what was wrong and what was expected; no trailing newline
	enum cfg_judge judge; // errors only
};

struct cfg_err {
	const char *file;     // name put into messages that are added from now on; not owned
	enum cfg_judge judge; // and their kind
	struct cfg_msg *msgs;
	size_t n;
	size_t n_errors; // told; more than stand in msgs where one was repeated or the list is
			 // truncated
	bool truncated;	 // out of memory or more than CFG_ERR_MAX: the list is not complete
};

#define CFG_ERR_MAX 1000

void cfg_err_init(struct cfg_err *err, const char *file);
void cfg_err_free(struct cfg_err *err);

// Errors that are added from now on are of this kind. Returns the kind from before.
enum cfg_judge cfg_err_judge(struct cfg_err *err, enum cfg_judge judge);

// Adds an error. Never fails for the caller: out of memory sets err->truncated and counts it.
void cfg_err_add(struct cfg_err *err, struct cfg_pos pos, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
// The same of the kind that is given, whatever err->judge says.
void cfg_err_add_of(struct cfg_err *err, enum cfg_judge judge, struct cfg_pos pos, const char *fmt,
		    ...) __attribute__((format(printf, 4, 5)));
void cfg_warn_add(struct cfg_err *err, struct cfg_pos pos, const char *id, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
// What is neither: how far something was judged.
void cfg_note_add(struct cfg_err *err, struct cfg_pos pos, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

const char *cfg_severity_name(enum cfg_severity severity); // "error", "warning", "note"

// One message as "file:line:column: error: text" or "file:line:column: warning: text [id]" (parts
// that are unknown are left out), newly allocated; NULL when out of memory.
char *cfg_msg_format(const struct cfg_msg *msg);
