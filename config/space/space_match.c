// Matches that are not modelled, and what targets leave behind: how far two of the same text can be
// relied on to give the same answer for the same packet.
//
// Called by config/space/space_rule.c and config/space/space_prog.c. The table names the matches
// that look at nothing but the packet, the machine's settings or the time: those are one atom for
// the same text, wherever it stands. All others (limit, recent, hashlimit, statistic ...) remember
// something, or are not known here: each rule has an atom of its own. So has everything that looks
// into a packet whose destination the walk has translated, or at bytes that some target may have
// changed.
#include "config/buf.h"
#include "config/ext/ext.h"
#include "config/space/space_rule.h"

#include <stdlib.h>
#include <string.h>

#define BYTES (SPACE_SPOILS_TOS | SPACE_SPOILS_TTL | SPACE_SPOILS_FLAGS | SPACE_SPOILS_OPTIONS)

// Sorted by name. spoiled: by what targets change (enum space_spoil).
static const struct {
	const char *name;
	unsigned spoiled;
} steady[] = {
	{"addrtype", 0},
	{"ah", 0},
	{"bpf", BYTES},
	{"cgroup", 0},
	{"cluster", 0},
	{"connbytes", 0},
	{"connmark", SPACE_SPOILS_CONNMARK},
	{"cpu", 0},
	{"dccp", 0},
	{"devgroup", 0},
	{"dst", 0},
	{"esp", 0},
	{"eui64", 0},
	{"frag", 0},
	{"hbh", 0},
	{"helper", 0},
	{"ipcomp", 0},
	{"ipv6header", 0},
	{"mh", 0},
	{"multiport", 0},
	{"osf", BYTES},
	{"owner", 0},
	{"physdev", 0},
	{"policy", 0},
	{"realm", 0},
	{"rpfilter", 0},
	{"rt", 0},
	{"sctp", 0},
	{"set", SPACE_SPOILS_SET},
	{"string", BYTES},
	{"tcpmss", SPACE_SPOILS_OPTIONS},
	{"time", 0},
	{"u32", BYTES},
	{"udplite", 0},
};

// Options of conntrack that hold for a packet from the first to the last hook.
static const char *const steady_ct[] = {
	"--ctstate",	   "--ctproto",	      "--ctorigsrc", "--ctorigdst",
	"--ctorigsrcport", "--ctorigdstport", "--ctdir",
};

// The next option of an iptables-save text, or NULL.
static const char *
next_option(const char *at, size_t *len)
{
	at = strstr(at, "--");
	*len = at != NULL ? strcspn(at, " ") : 0;
	return at;
}

static bool
is(const char *at, size_t len, const char *option)
{
	return strlen(option) == len && memcmp(at, option, len) == 0;
}

bool
space_more_than_state(const char *text)
{
	size_t len;

	for (const char *o = text; (o = next_option(o, &len)) != NULL; o += len)
		if (!is(o, len, "--ctstate") && !is(o, len, "--state"))
			return true;
	return false;
}

static bool
conntrack_is_steady(const char *text)
{
	size_t len;

	for (const char *o = text; (o = next_option(o, &len)) != NULL; o += len) {
		size_t i = 0;

		while (i < EXT_N(steady_ct) && !is(o, len, steady_ct[i]))
			i++;
		if (i == EXT_N(steady_ct))
			return false;
	}
	return true;
}

static bool
is_steady(const struct space_ask *ask, const struct cfg_match *m, const char *text)
{
	const char *name = cfg_match_name(m->id);
	size_t i = 0;

	if (ask->state->dst != SPACE_DST_OWN || ask->state->dport != SPACE_DST_OWN)
		return false;
	if (m->id == CFG_M_CONNTRACK)
		return conntrack_is_steady(text);
	if (m->id == CFG_M_SET &&
	    (m->set.packets_op != CFG_SET_NONE || m->set.bytes_op != CFG_SET_NONE))
		return false; // a look counts
	while (i < EXT_N(steady) && strcmp(steady[i].name, name) != 0)
		i++;
	return i < EXT_N(steady) && !(steady[i].spoiled & ask->w->spoiled);
}

char *
space_match_text(const struct space_ask *ask, const struct cfg_rule *r, const struct cfg_match *m)
{
	char *text = cfg_match_to_save(r, m, ask->w->family);
	struct cfg_buf b = {0};

	if (text == NULL)
		return NULL;
	cfg_buf_addf(&b, "-m %s%s%s", cfg_match_name(m->id), text[0] != '\0' ? " " : "", text);
	if (!is_steady(ask, m, text))
		cfg_buf_addf(&b, "%c%s", SPACE_TEXT_KEY, ask->key);
	free(text);
	return cfg_buf_take(&b);
}

static void
translated(const struct space_world *w, struct space_state *s, const struct cfg_target *t)
{
	const struct cfg_t_nat *nat = &t->nat;
	bool one = t->id == CFG_T_DNAT && memcmp(nat->addr_min, nat->addr_max, 16) == 0;

	if (t->id != CFG_T_DNAT && t->id != CFG_T_REDIRECT) { // NETMAP, whatever it says
		s->dst = SPACE_DST_UNKNOWN;
		return;
	}
	if (t->id == CFG_T_REDIRECT || nat->family != 0)
		s->dst = one ? SPACE_DST_FIXED : SPACE_DST_UNKNOWN;
	s->addr = 0;
	for (unsigned i = 0; s->dst == SPACE_DST_FIXED && i < (w->family == CFG_IPV4 ? 4 : 16); i++)
		s->addr = s->addr << 8 | nat->addr_min[i];
	if (!nat->has_ports)
		return;
	one = nat->port_min == nat->port_max && nat->port_base == 0;
	s->dport = one ? SPACE_DST_FIXED : SPACE_DST_UNKNOWN;
	s->port = one ? nat->port_min : 0;
}

struct space_state
space_state_after(const struct space_world *w, const struct space_state *s,
		  const struct cfg_rule *r)
{
	struct space_state after = *s;

	switch (space_effect(r)) {
	case SPACE_MARKS:
		if (!(w->spoiled & SPACE_SPOILS_MARK))
			after.mark = (s->mark & ~r->target.mark.mask) ^ r->target.mark.value;
		break;
	case SPACE_UNTRACKS:
		after.untracked = true;
		break;
	case SPACE_TRANSLATES:
		translated(w, &after, &r->target);
		break;
	default:
		break;
	}
	return after;
}

bool
space_state_same(const struct space_state *a, const struct space_state *b)
{
	return a->mark == b->mark && a->untracked == b->untracked && a->dst == b->dst &&
	       a->dport == b->dport && a->port == b->port && a->addr == b->addr;
}
