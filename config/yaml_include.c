// `include:` of a policy file: a path, a pattern or a list of them, relative to the file that says
// so.
//
// Called by policy_yaml.c before anything is made of the nodes, on the thread that reads a policy;
// every reading opens the files anew. Positions carry the name of an included file, so that
// whatever is said of a rule later names its file; these names are kept for the life of the
// process, each once. A file counts once in a policy: a second include of it, and so every circle,
// is refused.
#include "config/yaml_include.h"
#include "config/policy.h"

#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct name {
	struct name *next;
	char text[];
};

// The text's one copy. Main thread; NULL when out of memory.
static const char *
kept_name(const char *text)
{
	static struct name *names;
	struct name *n;

	for (n = names; n != NULL; n = n->next)
		if (strcmp(n->text, text) == 0)
			return n->text;
	n = malloc(sizeof(*n) + strlen(text) + 1);
	if (n == NULL)
		return NULL;
	strcpy(n->text, text);
	n->next = names;
	names = n;
	return n->text;
}

static bool read_one(struct yaml_files *files, const char *path, const char *name, const char *text,
		     size_t len, struct cfg_err *err);

// A further file, included at pos.
static bool
include_file(struct yaml_files *files, const char *path, struct cfg_pos pos, struct cfg_err *err)
{
	char *real = realpath(path, NULL), *text = NULL;
	bool good = false;
	size_t len;
	int ret = real != NULL ? cfg_file_read(real, &text, &len) : -errno;

	for (size_t i = 0; ret == 0 && i < files->n; i++) {
		if (files->file[i].path == NULL || strcmp(files->file[i].path, real) != 0)
			continue;
		cfg_err_add_of(err, CFG_JUDGE_POLICY, pos,
			       files->file[i].open ? "'%s' is included in a circle"
						   : "'%s' is included a second time",
			       path);
		goto out;
	}
	if (ret == 0 && files->n == YAML_FILES_MAX)
		cfg_err_add_of(err, CFG_JUDGE_POLICY, pos, "more than %d files in one policy",
			       YAML_FILES_MAX);
	else if (ret < 0)
		cfg_err_add_of(err, CFG_JUDGE_POLICY, pos, "'%s' cannot be read: %s", path,
			       strerror(-ret));
	else
		good = read_one(files, real, kept_name(path), text, len, err);
out:
	free(real);
	free(text);
	return good;
}

// One word of `include:`, all files that it means.
static bool
include_word(struct yaml_files *files, const char *from, const struct yaml_node *word,
	     struct cfg_err *err)
{
	char *copy = strdup(from), *pattern = NULL;
	glob_t found = {0};
	bool good = true;
	int ret;

	if (copy == NULL || asprintf(&pattern, "%s%s%s", word->text[0] == '/' ? "" : dirname(copy),
				     word->text[0] == '/' ? "" : "/", word->text) < 0) {
		cfg_err_add(err, word->pos, "out of memory");
		free(copy);
		return false;
	}
	ret = glob(pattern, 0, NULL, &found);
	if (ret == GLOB_NOMATCH && strpbrk(word->text, "*?[") == NULL)
		good = include_file(files, pattern, word->pos, err);
	else if (ret != 0 && ret != GLOB_NOMATCH)
		cfg_err_add_of(err, CFG_JUDGE_POLICY, word->pos, "'%s' cannot be read", word->text);
	for (size_t i = 0; ret == 0 && i < found.gl_pathc; i++)
		good &= include_file(files, found.gl_pathv[i], word->pos, err);
	globfree(&found);
	free(pattern);
	free(copy);
	return good && (ret == 0 || ret == GLOB_NOMATCH);
}

static bool
include_key(struct yaml_files *files, const char *from, const struct yaml_node *value,
	    struct cfg_err *err)
{
	bool good = true;

	for (size_t i = 0; value->kind == YAML_LIST && i < value->n; i++) {
		if (value->item[i]->kind != YAML_LIST) {
			good &= include_key(files, from, value->item[i], err);
			continue;
		}
		cfg_err_add(err, value->item[i]->pos, "a list in the list under 'include'");
		good = false;
	}
	if (value->kind == YAML_LIST)
		return good;
	if (value->kind != YAML_TEXT || yaml_is_null(value) || value->text[0] == '\0') {
		cfg_err_add_of(err,
			       value->kind == YAML_TEXT && !yaml_is_null(value) ? CFG_JUDGE_VALUE
										: CFG_JUDGE_FORM,
			       value->pos, "'include' is %s (expected a file, or a list of files)",
			       yaml_kind_text(value));
		return false;
	}
	if (from != NULL)
		return include_word(files, from, value, err);
	cfg_err_add_of(err, CFG_JUDGE_POLICY, value->pos,
		       "'include' works in a file only: this text has no place to be relative to");
	return false;
}

static bool
read_one(struct yaml_files *files, const char *path, const char *name, const char *text, size_t len,
	 struct cfg_err *err)
{
	unsigned at = files->n++;
	struct yaml_file *f = &files->file[at];
	const struct yaml_node *root;
	bool good = true;

	*f = (struct yaml_file){.open = true};
	if (path != NULL)
		f->path = strdup(path);
	f->doc = yaml_doc_read(text, len, name, err);
	if (f->doc == NULL)
		return false;
	f->root = root = yaml_doc_root(f->doc);
	if (root == NULL || root->kind != YAML_MAP) {
		cfg_err_add(err, root != NULL ? root->pos : (struct cfg_pos){.file = name},
			    "the file holds %s (expected a map with the keys version and tables)",
			    root != NULL ? yaml_kind_text(root) : "nothing");
		return false;
	}
	for (size_t i = 0; i < root->n; i++)
		if (strcmp(root->item[2 * i]->text, "include") == 0)
			good &= include_key(files, path, root->item[2 * i + 1], err);
	f->open = false;
	files->order[files->n_order++] = at;
	return good;
}

bool
yaml_files_read(struct yaml_files *files, const char *path, const char *text, size_t len,
		struct cfg_err *err)
{
	char *real = path != NULL ? realpath(path, NULL) : NULL;
	bool good = read_one(files, real, NULL, text, len, err);

	free(real);
	return good;
}

void
yaml_files_free(struct yaml_files *files)
{
	for (size_t i = 0; i < files->n; i++) {
		yaml_doc_free(files->file[i].doc);
		free(files->file[i].path);
	}
	files->n = files->n_order = 0;
}
