// Flow logs in ringwall.conf: the words that say what a log holds and how, and what the keys of one
// log together must not be. Called by settings.c (each value) and settings_check.c (all of them),
// once at start; nothing here is allocated.
#include "config/settings_int.h"

#include <string.h>

void
cfg_read_flow_format(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		     void *base)
{
	const char *text = cfg_setting_text(r, s, key, "\"json\" or \"ipfix\"");
	enum cfg_flow_format *format = (enum cfg_flow_format *)((char *)base + key->offset);

	if (text == NULL)
		return;
	if (strcmp(text, "ipfix") == 0)
		*format = CFG_FLOW_IPFIX;
	else if (strcmp(text, "json") != 0)
		cfg_err_add(r->err, cfg_setting_pos(s),
			    "'%s' is \"%s\": expected \"json\" or \"ipfix\"", key->name, text);
}

void
cfg_read_flow_which(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		    void *base)
{
	const char *text = cfg_setting_text(r, s, key, "\"all\" or \"translated\"");
	bool *translated = (bool *)((char *)base + key->offset);

	if (text == NULL)
		return;
	if (strcmp(text, "translated") == 0)
		*translated = true;
	else if (strcmp(text, "all") != 0)
		cfg_err_add(r->err, cfg_setting_pos(s),
			    "'%s' is \"%s\": expected \"all\" or \"translated\"", key->name, text);
}

void
cfg_read_flow_events(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		     void *base)
{
	static const char *const word[] = {"new", "update", "destroy", "assign",
					   "release"}; // bits of cfg_flow_event
	uint8_t *events = (uint8_t *)base + key->offset;
	int n = config_setting_length(s);

	if ((!config_setting_is_array(s) && !config_setting_is_list(s)) || n == 0) {
		cfg_err_add(r->err, cfg_setting_pos(s),
			    "'%s' is %s: expected an array of \"new\", \"update\", \"destroy\", "
			    "\"assign\", \"release\"",
			    key->name, n == 0 ? "empty" : cfg_setting_kind(s));
		return;
	}
	for (int i = 0; i < n; i++) {
		const config_setting_t *m = config_setting_get_elem(s, (unsigned)i);
		const char *text = cfg_setting_text(r, m, key, "a string");
		uint8_t bit = 0;

		if (text == NULL)
			return;
		for (unsigned k = 0; k < sizeof(word) / sizeof(word[0]); k++)
			if (strcmp(text, word[k]) == 0)
				bit = (uint8_t)(1u << k);
		if (bit == 0)
			cfg_err_add(r->err, cfg_setting_pos(m),
				    "'%s' holds \"%s\": expected \"new\", \"update\", \"destroy\", "
				    "\"assign\" or \"release\"",
				    key->name, text);
		*events |= bit;
	}
}

static bool
same_file(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static void
check_log(const struct cfg_settings *s, size_t i, struct cfg_err *err)
{
	const struct cfg_flow_log *l = &s->flow_log[i];

	if (l->format != CFG_FLOW_IPFIX && l->domain != CFG_NOT_GIVEN)
		cfg_err_add(err, l->pos,
			    "'domain' is IPFIX's: expected it with format = \"ipfix\"");
	if (l->template_sec != CFG_NOT_GIVEN &&
	    (l->format != CFG_FLOW_IPFIX || l->to.kind != CFG_SINK_UDP))
		cfg_err_add(err, l->pos,
			    "'templates' says how often IPFIX templates go out again over UDP: "
			    "expected it with format = \"ipfix\" and to = \"udp:...\"");
	for (size_t j = 0; j < i; j++)
		if (same_file(l->to.path, s->flow_log[j].to.path))
			cfg_err_add(err, l->pos, "flow logs in lines %u and %u have the same file",
				    s->flow_log[j].pos.line, l->pos.line);
	if (same_file(l->to.path, s->log.to.path))
		cfg_err_add(err, l->pos, "a flow log has the file of 'log'");
	for (size_t j = 0; j < s->n_nflog; j++)
		if (same_file(l->to.path, s->nflog[j].to.path))
			cfg_err_add(err, l->pos, "a flow log has the file of nflog group %u",
				    s->nflog[j].group);
}

void
cfg_flow_logs_check(const struct cfg_settings *s, struct cfg_err *err)
{
	for (size_t i = 0; i < s->n_flow_log; i++)
		check_log(s, i, err);
}
