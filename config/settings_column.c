// Columns for ringwall.conf. libconfig keeps the line of a setting and no column, so the text that
// it has accepted is read a second time here, with the tree at hand: each setting's column goes
// into its hook (an integer in a pointer; nothing is owned). Where text and tree do not fit each
// other the rest simply stays without columns. Called by config/settings.c; pure but for the hooks.
#include "config/settings_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum token { T_END, T_WORD, T_STRING, T_INCLUDE, T_PUNCT };

struct lexer {
	struct cfg_err *err;
	const char *start; // of the current token
	const char *p;	   // next byte
	const char *line;  // start of the line
	unsigned line_no;
	enum token token; // current one
	char punct;	  // where it is T_PUNCT
	unsigned column, at_line;
};

static void
newline(struct lexer *l)
{
	l->line_no++;
	l->line = l->p + 1;
}

// Over blanks and comments.
static void
skip_space(struct lexer *l)
{
	for (; *l->p != '\0'; l->p++) {
		if (*l->p == '\n') {
			newline(l);
		} else if (*l->p == '#' || (l->p[0] == '/' && l->p[1] == '/')) {
			while (l->p[1] != '\0' && l->p[1] != '\n')
				l->p++;
		} else if (l->p[0] == '/' && l->p[1] == '*') {
			for (l->p += 2; *l->p != '\0' && !(l->p[0] == '*' && l->p[1] == '/');
			     l->p++)
				if (*l->p == '\n')
					newline(l);
			if (*l->p == '\0')
				return;
			l->p++;
		} else if (strchr(" \t\r\f\v", *l->p) == NULL) {
			return;
		}
	}
}

static void
skip_string(struct lexer *l)
{
	for (l->p++; *l->p != '\0' && *l->p != '"'; l->p++) {
		if (*l->p == '\\' && l->p[1] != '\0')
			l->p++;
		if (*l->p == '\n')
			newline(l);
	}
	if (*l->p == '"')
		l->p++;
}

static void
next(struct lexer *l)
{
	skip_space(l);
	l->at_line = l->line_no;
	l->column = 1;
	for (const char *c = l->line; c < l->p; c++)
		l->column +=
			((unsigned char)*c & 0xc0) != 0x80; // characters, not the bytes of UTF-8
	l->token = T_WORD;
	l->start = l->p;
	if (*l->p == '\0') {
		l->token = T_END;
	} else if (*l->p == '"') {
		l->token = T_STRING;
		skip_string(l);
	} else if (*l->p == '@') {
		l->token = T_INCLUDE;
		l->p++;
	} else if (strchr("=:;,{}[]()", *l->p) != NULL) {
		l->token = T_PUNCT;
		l->punct = *l->p++;
	} else {
		l->p++;
		while (*l->p != '\0' && strchr("=:;,{}[]()\"#/@ \t\r\n\f\v", *l->p) == NULL)
			l->p++;
	}
}

static bool
take(struct lexer *l, const char *puncts)
{
	if (l->token != T_PUNCT || strchr(puncts, l->punct) == NULL)
		return false;
	next(l);
	return true;
}

static void
mark(config_setting_t *s, const struct lexer *l)
{
	s->hook = (void *)(uintptr_t)l->column;
	s->line = l->at_line; // libconfig gives the line where a list's element ends
}

static void
check_number(const struct lexer *l, const config_setting_t *s)
{
	char *end;
	long long value;

	if (config_setting_get_format(s) == CONFIG_FORMAT_HEX)
		return; // the readers refuse that
	errno = 0;
	value = strtoll(l->start, &end, 10);
	if (errno != 0 || value != config_setting_get_int64(s))
		cfg_err_add(l->err, (struct cfg_pos){l->at_line, l->column},
			    "number %.*s is out of range", (int)(end - l->start), l->start);
}

static bool walk_value(struct lexer *l, config_setting_t *s);

// name = value; ... up to the end of the group. The depth is that of the tree, which libconfig
// bounds.
static bool
walk_group(struct lexer *l, config_setting_t *s)
{
	int n = config_setting_length(s);

	for (int i = 0; i < n; i++) {
		config_setting_t *m = config_setting_get_elem(s, (unsigned)i);

		if (l->token != T_WORD)
			return false;
		mark(m, l);
		next(l);
		if (!take(l, "=:") || !walk_value(l, m))
			return false;
		take(l, ";,");
	}
	return true;
}

static bool
walk_elements(struct lexer *l, config_setting_t *s)
{
	int n = config_setting_length(s);

	for (int i = 0; i < n; i++) {
		config_setting_t *m = config_setting_get_elem(s, (unsigned)i);

		mark(m, l);
		if (!walk_value(l, m))
			return false;
		take(l, ",");
	}
	return true;
}

static bool
walk_value(struct lexer *l, config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return take(l, "{") && walk_group(l, s) && take(l, "}");
	case CONFIG_TYPE_LIST:
		return take(l, "(") && walk_elements(l, s) && take(l, ")");
	case CONFIG_TYPE_ARRAY:
		return take(l, "[") && walk_elements(l, s) && take(l, "]");
	case CONFIG_TYPE_STRING:
		if (l->token != T_STRING)
			return false;
		while (l->token == T_STRING) // adjacent strings are one
			next(l);
		return true;
	default:
		if (l->token != T_WORD)
			return false;
		if (config_setting_type(s) == CONFIG_TYPE_INT ||
		    config_setting_type(s) == CONFIG_TYPE_INT64)
			check_number(l, s);
		next(l);
		return true;
	}
}

void
cfg_settings_columns(config_setting_t *root, const char *text, struct cfg_err *err)
{
	struct lexer l = {.err = err, .p = text, .line = text, .line_no = 1};

	next(&l);
	// libconfig needs no blank in "a=1b=2"; whoever wrote that meant something else.
	if (!walk_group(&l, root) || l.token != T_END)
		cfg_err_add(err, (struct cfg_pos){l.at_line, l.column},
			    "two values run into each other: expected ';', ',' or a blank between "
			    "them");
}

bool
cfg_settings_has_include(const char *text, struct cfg_err *err)
{
	struct lexer l = {.p = text, .line = text, .line_no = 1};

	for (next(&l); l.token != T_END; next(&l)) {
		if (l.token != T_INCLUDE)
			continue;
		cfg_err_add(
			err, (struct cfg_pos){l.at_line, l.column},
			"'@' directives are not supported: expected all settings in this one file");
		return true;
	}
	return false;
}
