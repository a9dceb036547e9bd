// state and comment: rows of the extension table with their parse and show functions; the list of
// states is conntrack's too.
//
// Called through the table by both readers and both writers.
#include "config/ext/ext.h"
#include "config/value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

// In the order in which iptables-save prints them.
static const struct {
	const char *name;
	uint8_t bit;
	bool state; // --state knows it too
} states[] = {
	{"INVALID", CFG_CT_INVALID, true},     {"NEW", CFG_CT_NEW, true},
	{"RELATED", CFG_CT_RELATED, true},     {"ESTABLISHED", CFG_CT_ESTABLISHED, true},
	{"UNTRACKED", CFG_CT_UNTRACKED, true}, {"SNAT", CFG_CT_SNAT, false},
	{"DNAT", CFG_CT_DNAT, false},
};

bool
ext_states_parse(struct ext_in *in)
{
	struct cfg_m_state *m = &in->match->state;
	bool state = in->match->id == CFG_M_STATE;
	const char *rest = in->value[0];
	char word[16];

	m->invert = in->invert;
	m->mask = 0;
	while (rest != NULL) {
		size_t i = 0;

		if (!cfg_value_next(&rest, word, sizeof(word)))
			word[0] = '\0';
		while (i < EXT_N(states) &&
		       (!ext_is_name(in, word, states[i].name) || (state && !states[i].state)))
			i++;
		if (i == EXT_N(states)) {
			cfg_err_add(in->err, in->pos,
				    "'%s': unknown state in \"%s\" (expected a list of INVALID, "
				    "NEW, RELATED, "
				    "ESTABLISHED, UNTRACKED%s)",
				    in->name, in->value[0], state ? "" : ", SNAT, DNAT");
			return false;
		}
		m->mask |= states[i].bit;
	}
	return true;
}

bool
ext_states_show(struct ext_out *out)
{
	const struct cfg_m_state *m = &out->match->state;
	const char *sep = "";

	if (m->mask == 0)
		return false;
	out->invert = m->invert;
	for (size_t i = 0; i < EXT_N(states); i++) {
		if (m->mask & states[i].bit) {
			cfg_buf_add(out->text, sep);
			cfg_buf_add(out->text, states[i].name);
			sep = ",";
		}
	}
	return true;
}

#define COMMENT_MAX 255 // bytes

// Of as much of it as fits; iptables cuts inside of a character, too.
static size_t
comment_len(const char *text)
{
	size_t len = 0, n;

	while ((n = cfg_utf8_len(text + len)) != 0 && text[len] != '\0' && len + n <= COMMENT_MAX)
		len += n;
	return len;
}

static bool
comment_parse(struct ext_in *in)
{
	const char *text = in->value[0];
	size_t n = 1;

	if (strlen(text) > COMMENT_MAX && !in->iptables) {
		cfg_err_add(in->err, in->pos, "'%s': a comment has at most %d bytes, this one %zu",
			    in->name, COMMENT_MAX, strlen(text));
		return false;
	}
	for (const char *c = text; *c != '\0' && n != 0; c += n) {
		n = cfg_utf8_len(c);
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
			n = 0;
	}
	if (n == 0) {
		cfg_err_add(in->err, in->pos,
			    "'%s': a comment is one line of UTF-8 without control characters",
			    in->name);
		return false;
	}
	in->match->data = strndup(text, comment_len(text));
	in->match->data_size = comment_len(text) + 1;
	if (in->match->data == NULL)
		cfg_err_add(in->err, in->pos, "out of memory");
	return in->match->data != NULL;
}

static bool
comment_show(struct ext_out *out)
{
	if (out->match->data == NULL)
		return false;
	cfg_buf_add(out->text, out->match->data);
	return true;
}

static const struct ext_opt state_opt[] = {
	{.name = "state",
	 .value = EXT_LIST,
	 .invertible = true,
	 .required = true,
	 .parse = ext_states_parse,
	 .show = ext_states_show},
};
static const struct ext_opt comment_opt[] = {
	{.name = "comment",
	 .value = EXT_WORD,
	 .required = true,
	 .quoted = true,
	 .parse = comment_parse,
	 .show = comment_show},
};

const struct ext ext_state = {
	.name = "state",
	.id = CFG_M_STATE,
	.families = CFG_BOTH,
	.opt = state_opt,
	.n_opt = EXT_N(state_opt),
};
const struct ext ext_comment = {
	.name = "comment",
	.id = CFG_M_COMMENT,
	.families = CFG_BOTH,
	.opt = comment_opt,
	.n_opt = EXT_N(comment_opt),
};
