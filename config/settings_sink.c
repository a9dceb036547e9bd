// Where log lines, logged packets and flows go: "syslog", "stderr", "file:PATH", "socket:PATH",
// "udp:ADDRESS:PORT". Called by
// settings.c, whose row says which of them the key takes, once at start; the path belongs to the
// cfg_settings.
#include "config/settings_int.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "config/policy.h"

static const struct {
	const char *text; // with a ':' a path follows
	enum cfg_sink_kind kind;
} kinds[] = {
	{"syslog", CFG_SINK_SYSLOG},  {"stderr", CFG_SINK_STDERR}, {"file:", CFG_SINK_FILE},
	{"socket:", CFG_SINK_SOCKET}, {"udp:", CFG_SINK_UDP},
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
				 kinds[i].kind == CFG_SINK_UDP	      ? "ADDRESS:PORT"
				 : strchr(kinds[i].text, ':') != NULL ? "PATH"
								      : "");
	}
	cfg_err_add(r->err, cfg_setting_pos(s), "'%s' is \"%s\": expected %s", key->name, text,
		    expected);
}

// "192.0.2.1:4739" or "[2001:db8::1]:4739".
static bool
read_endpoint(struct cfg_sink *sink, const char *text)
{
	const char *colon = strrchr(text, ':');
	char addr[INET6_ADDRSTRLEN], *end = NULL;
	bool brackets = text[0] == '[';
	size_t len;
	unsigned long port;

	if (colon == NULL || colon == text || (brackets && colon[-1] != ']'))
		return false;
	len = (size_t)(colon - text) - (brackets ? 2 : 0);
	if (len >= sizeof(addr))
		return false;
	memcpy(addr, text + (brackets ? 1 : 0), len);
	addr[len] = '\0';
	sink->family = brackets ? CFG_IPV6 : CFG_IPV4;
	if (inet_pton(brackets ? AF_INET6 : AF_INET, addr, sink->addr) != 1)
		return false;
	port = strtoul(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port == 0 || port > UINT16_MAX)
		return false;
	sink->port = (uint16_t)port;
	return true;
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
		if (sink->kind == CFG_SINK_UDP && !read_endpoint(sink, text + n))
			cfg_err_add(r->err, cfg_setting_pos(s),
				    "'%s' is \"%s\": expected an address and a port, as in "
				    "\"udp:192.0.2.1:4739\" or \"udp:[2001:db8::1]:4739\"",
				    key->name, text);
		else if (path && sink->kind != CFG_SINK_UDP)
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
