#pragma once
// The files that a policy is read from: the one that was asked for, and what it includes. Private
// to config/.
#include "config/yaml_node.h"

#define YAML_FILES_MAX 256 // in one policy

struct yaml_file {
	struct yaml_doc *doc;
	const struct yaml_node *root; // a map
	char *path;		      // canonical; NULL: a text that is no file
	bool open;		      // its includes are being read
};

// In the order in which they count: what a file includes stands before it, the main one last.
struct yaml_files {
	struct yaml_file file[YAML_FILES_MAX];
	unsigned order[YAML_FILES_MAX];
	size_t n, n_order;
};

// Reads the text and all that it includes. path: of the text, for what is relative to it; NULL: it
// can include nothing. False after an error in err.
bool yaml_files_read(struct yaml_files *files, const char *path, const char *text, size_t len,
		     struct cfg_err *err);
void yaml_files_free(struct yaml_files *files);
