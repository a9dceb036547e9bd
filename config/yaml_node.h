#pragma once
// A YAML document as nodes with their place in the text. Private to config/.
#include "config/cfg_err.h"

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	bool plain; // text without quotes
	struct cfg_pos pos;
	const char *text;	 // YAML_TEXT
	struct yaml_node **item; // YAML_LIST: n items; YAML_MAP: n pairs, key and value in turn
	size_t n;
};

struct yaml_doc; // owns its nodes

// The one document in the text; NULL after at least one error in err. Keys are always text. file:
// what positions say, kept for good; NULL: the file that is read.
struct yaml_doc *yaml_doc_read(const char *text, size_t len, const char *file, struct cfg_err *err);
void yaml_doc_free(struct yaml_doc *doc);		     // NULL is fine
struct yaml_node *yaml_doc_root(const struct yaml_doc *doc); // NULL: an empty document

// "a list", "a map", "text": what a node is, for messages.
const char *yaml_kind_text(const struct yaml_node *node);
bool yaml_is_null(const struct yaml_node *node);	 // nothing written, ~ or null
bool yaml_bool(const struct yaml_node *node, bool *out); // true, yes, on, false, no, off
