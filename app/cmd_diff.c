// `ringwall check --diff OLD NEW`: what traffic fares differently, in words and with a packet, and
// whether the connection by which the machine is controlled would be cut.
//
// Run by app_cmd_check on the only thread of `ringwall`. Exit codes: 0 both policies are sound, 1
// one is not (with --strict: or something changes, or may), 2 usage.
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/cmd_diff.h"
#include "app/messages.h"
#include "config/policy.h"
#include "config/policy_diff.h"

struct job {
	const struct app_diff *how;
	struct cfg_policy *policy[2];
	struct cfg_err err;
	struct cfg_diff diff, cut;
	struct cfg_control control;
	bool session; // the control connection is known, not guessed
};

static bool
read_policy(struct job *j, const char *path, struct cfg_policy **out)
{
	char *text = NULL;
	size_t len;
	bool good;

	j->err.file = path;
	good = app_read_policy_text(path, &text, &len, &j->err) &&
	       cfg_policy_from_yaml_file(out, strcmp(path, "-") == 0 ? NULL : path, text, len,
					 &j->err) == 0;
	free(text);
	return good;
}

// "CLIENT PORT SERVER PORT", as sshd says it in SSH_CONNECTION.
static bool
parse_control(struct cfg_control *c, const char *text)
{
	char client[64], server[64];
	unsigned port[2];
	int family;

	if (text == NULL ||
	    sscanf(text, "%63s %u %63s %u", client, &port[0], server, &port[1]) != 4 ||
	    port[0] > UINT16_MAX || port[1] > UINT16_MAX)
		return false;
	family = strchr(client, ':') != NULL ? AF_INET6 : AF_INET;
	*c = (struct cfg_control){.family = family == AF_INET ? CFG_IPV4 : CFG_IPV6,
				  .client_port = port[0],
				  .server_port = port[1]};
	return inet_pton(family, client, c->client) == 1 &&
	       inet_pton(family, server, c->server) == 1;
}

// A change of the control connection's verdict from ACCEPT.
static void
warn_of_cut(struct job *j)
{
	for (size_t i = 0; i < j->cut.n; i++) {
		const struct cfg_change *c = &j->cut.change[i];

		if (strcmp(c->was, "ACCEPT") != 0)
			continue;
		cfg_warn_add(&j->err, c->new_pos, "cuts-control",
			     "%s may be cut off: %s accepts it now and would say %s by %s (%s)",
			     j->session ? "this very connection (SSH_CONNECTION)"
					: "control by TCP port 22",
			     c->way, c->becomes, c->new_rule, c->packet);
		return;
	}
}

const char *
app_session_family(void)
{
	struct cfg_control c;

	if (!parse_control(&c, getenv("SSH_CONNECTION")))
		return NULL;
	return c.family == CFG_IPV4 ? "ipv4" : "ipv6";
}

bool
app_cuts_session(const char *running, const char *path)
{
	struct job j = {.session = true};
	bool cuts = false;

	cfg_err_init(&j.err, path);
	if (parse_control(&j.control, getenv("SSH_CONNECTION")) &&
	    cfg_policy_from_save(&j.policy[0], j.control.family, running, strlen(running),
				 &j.err) == 0 &&
	    cfg_policy_load(&j.policy[1], path, &j.err) == 0 &&
	    cfg_policy_diff(&j.cut, j.policy[0], j.policy[1], j.control.family, &j.control) == 0) {
		cfg_err_free(&j.err);
		warn_of_cut(&j);
		cuts = j.err.n > 0;
		app_print_messages(&j.err);
	}
	cfg_diff_free(&j.cut);
	cfg_err_free(&j.err);
	cfg_policy_free(j.policy[0]);
	cfg_policy_free(j.policy[1]);
	return cuts;
}

static const char *
family_name(uint8_t family)
{
	return family == CFG_IPV4 ? "IPv4" : "IPv6";
}

static void
print_change(const struct job *j, const struct cfg_change *c)
{
	printf("%s, %s: %s becomes %s\n", c->way, family_name(c->family), c->was, c->becomes);
	printf("  what    %s\n  packet  %s\n", c->what, c->packet);
	printf("  old     %s:%u: %s\n", j->how->old, c->old_pos.line, c->old_rule);
	printf("  new     %s:%u: %s\n", j->how->new, c->new_pos.line, c->new_rule);
}

static void
print_text(const struct job *j)
{
	app_print_messages(&j->err);
	if (j->err.n_errors > 0)
		return;
	for (size_t i = 0; i < j->diff.n; i++)
		print_change(j, &j->diff.change[i]);
	if (j->diff.n == 0 && j->diff.complete)
		printf("no traffic changes verdict\n");
	if (!j->diff.complete)
		printf("more may change: the comparison is not complete\n");
}

static json_t *
json_side(const char *file, struct cfg_pos pos, const char *rule)
{
	return json_pack("{s:o, s:i, s:o}", "file", app_json_text(file), "line", (int)pos.line,
			 "decides", app_json_text(rule));
}

static int
print_json(const struct job *j)
{
	json_t *list = json_array();

	for (size_t i = 0; i < j->diff.n; i++) {
		const struct cfg_change *c = &j->diff.change[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "way", c->way,
					"family", c->family == CFG_IPV4 ? "ipv4" : "ipv6", "was",
					c->was, "becomes", c->becomes, "what",
					app_json_text(c->what), "packet", app_json_text(c->packet),
					"old", json_side(j->how->old, c->old_pos, c->old_rule),
					"new", json_side(j->how->new, c->new_pos, c->new_rule)));
	}
	return app_put_json(json_pack("{s:o, s:o, s:b}", "messages", app_json_messages(&j->err),
				      "changes", list, "complete", j->diff.complete));
}

int
app_diff(const struct app_diff *how)
{
	struct job j = {.how = how, .diff = {.complete = false}};
	int code;

	cfg_err_init(&j.err, how->new);
	j.session = parse_control(&j.control, getenv("SSH_CONNECTION"));
	if (!j.session)
		j.control = (struct cfg_control){.server_port = 22};
	if (read_policy(&j, how->old, &j.policy[0]) & read_policy(&j, how->new, &j.policy[1])) {
		if (cfg_policy_diff(&j.diff, j.policy[0], j.policy[1], CFG_BOTH, NULL) < 0 ||
		    cfg_policy_diff(&j.cut, j.policy[0], j.policy[1], CFG_BOTH, &j.control) < 0)
			cfg_err_add(&j.err, (struct cfg_pos){0}, "out of memory");
		else
			warn_of_cut(&j);
	}
	code = j.err.n_errors > 0 || (how->strict && (j.diff.n > 0 || !j.diff.complete ||
						      app_count_warnings(&j.err) > 0));
	if (how->json)
		code |= print_json(&j);
	else
		print_text(&j);
	cfg_diff_free(&j.diff);
	cfg_diff_free(&j.cut);
	cfg_err_free(&j.err);
	cfg_policy_free(j.policy[0]);
	cfg_policy_free(j.policy[1]);
	return code;
}
