#pragma once
// The named lists of a policy file: `ports:` and `addresses:`. Private to config/.
#include "config/buf.h"
#include "config/yaml_node.h"

struct yaml_list {
	const char *name;
	const struct yaml_node *value; // sound: text, or a list of texts
	bool ports;
};

// Names and values belong to the document.
struct yaml_lists {
	struct yaml_list *list;
	size_t n;
};

// What a file's top says under `ports` and `addresses`. All errors go to err.
void yaml_lists_read(struct yaml_lists *lists, const struct yaml_node *root, struct cfg_err *err);
void yaml_lists_free(struct yaml_lists *lists);
// Puts a comma list into b with each part "$NAME" written out. addresses: only a list of addresses
// can stand there. False after an error in err.
bool yaml_lists_expand(const struct yaml_lists *lists, struct cfg_buf *b, const char *text,
		       bool addresses, const char *key, struct cfg_pos pos, struct cfg_err *err);
