// Where log lines and logged packets go: "syslog", "stderr", "file:PATH", "socket:PATH". Called by
// settings.c, whose row says which of them the key takes, once at start; the path belongs to the
// cfg_settings.
#include "config/settings_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

static const struct {
	const char *text; // with a ':' a path follows
	enum cfg_sink_kind kind;
} kinds[] = {
	{"syslog", CFG_SINK_SYSLOG},
	{"stderr", CFG_SINK_STDERR},
	{"file:", CFG_SINK_FILE},
	{"socket:", CFG_SINK_SOCKET},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void
bad_sink(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
	 const char *text)
{
	char expected[80] = "";

	for (size_t i = 0; i < N_KINDS; i++) {
		size_t n = strlen(expected);

		if (key->max & 1u << kinds[i].kind)
			snprintf(expected + n, sizeof(expected) - n, "%s\"%s%s\"",
				 n > 0 ? " or " : "", kinds[i].text,
				 strchr(kinds[i].text, ':') != NULL ? "PATH" : "");
	}
	cfg_err_add(r->err, cfg_setting_pos(s), "'%s' is \"%s\": expected %s", key->name, text,
		    expected);
}

void
cfg_read_sink(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
	      void *base)
{
	struct cfg_sink *sink = (struct cfg_sink *)((char *)base + key->offset);
	const char *text = cfg_setting_text(r, s, key, "a string");

	for (size_t i = 0; text != NULL && i < N_KINDS; i++) {
		size_t n = strlen(kinds[i].text);
		bool path = kinds[i].text[n - 1] == ':';

		if (!(key->max & 1u << kinds[i].kind) || strncmp(text, kinds[i].text, n) != 0 ||
		    (text[n] == '\0') == path)
			continue;
		sink->kind = kinds[i].kind;
		if (path)
			sink->path = cfg_setting_path(r, text + n);
		if (sink->kind == CFG_SINK_SOCKET && sink->path != NULL &&
		    strlen(sink->path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
			cfg_err_add(r->err, cfg_setting_pos(s),
				    "'%s' is %s, %zu bytes: expected at most %zu, more do not fit "
				    "a socket's address",
				    key->name, sink->path, strlen(sink->path),
				    sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1);
		return;
	}
	if (text != NULL)
		bad_sink(r, s, key, text);
}
