// What one comparison of sets rests on: classes of interface names, atoms, the packets that there
// can be, and what each target of iptables does to a walk.
//
// Called by config/lint/lint_*.c and config/policy_diff.c through a struct space_world of one
// family. Two names that every rule treats alike are one class, called by one of them; where no
// rule's words end, a name is invented ("eth7" for eth+). More names than classes, or no memory:
// too_many and oom say so, and nobody may judge anything by such a world.
#include "config/space/space_world.h"
#include "config/ext/ext.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	uint8_t effect;
	unsigned spoils; // of enum space_spoil
} targets[] = {
	{"ACCEPT", SPACE_ACCEPTS, 0},
	{"AUDIT", SPACE_GOES_ON, 0},
	{"CHECKSUM", SPACE_GOES_ON, 0},
	{"CLASSIFY", SPACE_GOES_ON, 0},
	{"CLUSTERIP", SPACE_TAKES, 0},
	{"CONNMARK", SPACE_GOES_ON, SPACE_SPOILS_CONNMARK | SPACE_SPOILS_MARK},
	{"CONNSECMARK", SPACE_GOES_ON, 0},
	{"CT", SPACE_GOES_ON, 0},
	{"DNAT", SPACE_TRANSLATES, 0},
	{"DNPT", SPACE_TAKES, 0},
	{"DROP", SPACE_DROPS, 0},
	{"DSCP", SPACE_GOES_ON, SPACE_SPOILS_TOS},
	{"ECN", SPACE_GOES_ON, SPACE_SPOILS_TOS | SPACE_SPOILS_FLAGS},
	{"HL", SPACE_GOES_ON, SPACE_SPOILS_TTL},
	{"HMARK", SPACE_GOES_ON, SPACE_SPOILS_MARK},
	{"IDLETIMER", SPACE_GOES_ON, 0},
	{"LED", SPACE_GOES_ON, 0},
	{"LOG", SPACE_GOES_ON, 0},
	{"MARK", SPACE_MARKS, 0},
	{"MASQUERADE", SPACE_TRANSLATES, 0},
	{"NETMAP", SPACE_TRANSLATES, 0},
	{"NFLOG", SPACE_GOES_ON, 0},
	{"NFQUEUE", SPACE_TAKES, 0},
	{"NOTRACK", SPACE_UNTRACKS, 0},
	{"QUEUE", SPACE_TAKES, 0},
	{"RATEEST", SPACE_GOES_ON, 0},
	{"REDIRECT", SPACE_TRANSLATES, 0},
	{"REJECT", SPACE_REJECTS, 0},
	{"RETURN", SPACE_RETURNS, 0},
	{"SECMARK", SPACE_GOES_ON, 0},
	{"SET", SPACE_GOES_ON, SPACE_SPOILS_SET | SPACE_SPOILS_MARK},
	{"SNAT", SPACE_TRANSLATES, 0},
	{"SNPT", SPACE_TAKES, 0},
	{"SYNPROXY", SPACE_TAKES, SPACE_SPOILS_OPTIONS},
	{"TCPMSS", SPACE_GOES_ON, SPACE_SPOILS_OPTIONS},
	{"TCPOPTSTRIP", SPACE_GOES_ON, SPACE_SPOILS_OPTIONS},
	{"TEE", SPACE_GOES_ON, 0},
	{"TOS", SPACE_GOES_ON, SPACE_SPOILS_TOS},
	{"TPROXY", SPACE_TAKES, SPACE_SPOILS_MARK},
	{"TRACE", SPACE_GOES_ON, 0},
	{"TTL", SPACE_GOES_ON, SPACE_SPOILS_TTL},
	{"ULOG", SPACE_GOES_ON, 0},
};

static bool
says(const struct cfg_rule *r, const char *option)
{
	char *text = cfg_target_to_save(r, r->family & CFG_IPV4 ? CFG_IPV4 : CFG_IPV6);
	bool found = text != NULL && strstr(text, option) != NULL;

	free(text);
	return found;
}

static size_t
target_row(const struct cfg_rule *r)
{
	const char *name = cfg_target_name(r->target.id);
	size_t i = 0;

	while (name != NULL && i < EXT_N(targets) && strcmp(targets[i].name, name) != 0)
		i++;
	return name != NULL ? i : EXT_N(targets);
}

enum space_effect
space_effect(const struct cfg_rule *r)
{
	size_t row;

	switch (r->target.id) {
	case CFG_T_NONE:
		return SPACE_GOES_ON;
	case CFG_T_JUMP:
		return SPACE_JUMPS;
	case CFG_T_GOTO:
		return SPACE_GOES_TO;
	case CFG_T_CT:
		return says(r, "--notrack") ? SPACE_UNTRACKS : SPACE_GOES_ON;
	default:
		row = target_row(r);
		return row < EXT_N(targets) ? targets[row].effect : SPACE_TAKES;
	}
}

bool
space_ends_walk(const struct cfg_rule *r)
{
	switch (space_effect(r)) {
	case SPACE_GOES_ON:
	case SPACE_MARKS:
	case SPACE_UNTRACKS:
	case SPACE_JUMPS:
		return false;
	default:
		return true;
	}
}

const char *
space_path_name(enum space_path path)
{
	static const char *const name[SPACE_PATHS] = {"INPUT", "FORWARD", "OUTPUT"};

	return name[path];
}

static bool
has_name(const struct cfg_iface *i)
{
	return i->name[0] != '\0';
}

static bool
name_matches(const char *name, const struct cfg_iface *want)
{
	return want->wildcard ? strncmp(name, want->name, strlen(want->name)) == 0
			      : strcmp(name, want->name) == 0;
}

struct names { // every different name and wildcard of the policies
	struct cfg_iface *i;
	size_t n, room;
	bool oom;
};

static int
by_name(const void *a, const void *b)
{
	const struct cfg_iface *x = a, *y = b;
	int c = strcmp(x->name, y->name);

	return c != 0 ? c : x->wildcard - y->wildcard;
}

static void
note_name(struct names *n, const struct cfg_iface *i)
{
	struct cfg_iface *grown = n->i;

	if (!has_name(i))
		return;
	if (n->n > 0 && by_name(&n->i[n->n - 1], i) == 0)
		return;
	if (n->n == n->room) {
		n->room = n->room != 0 ? n->room * 2 : 64;
		grown = reallocarray(n->i, n->room, sizeof(*grown));
	}
	if (grown == NULL) {
		n->oom = true;
		return;
	}
	n->i = grown;
	n->i[n->n] = *i;
	n->i[n->n++].invert = false;
}

static void
note_rules(struct space_world *w, struct names *n, const struct cfg_policy *p)
{
	for (int t = 0; p != NULL && t < CFG_TABLES; t++) {
		for (size_t c = 0; c < p->table[t].n_chain; c++) {
			const struct cfg_chain *chain = p->table[t].chain[c];

			for (size_t i = 0; i < chain->n_rule; i++) {
				const struct cfg_rule *r = &chain->rule[i];
				size_t row = target_row(r);

				note_name(n, &r->in);
				note_name(n, &r->out);
				if (row < EXT_N(targets))
					w->spoiled |= targets[row].spoils;
				for (size_t m = 0; m < r->n_match; m++)
					w->length |= r->match[m].id == CFG_M_LENGTH;
			}
		}
	}
}

// Do the rules' words tell the name from all classes that there are?
static bool
is_new_class(const struct space_world *w, const struct names *n, const char *name)
{
	for (unsigned c = 1; c < w->n_class; c++) {
		bool same = true;

		for (size_t i = 0; i < n->n && same; i++)
			same = name_matches(name, &n->i[i]) == name_matches(w->name[c], &n->i[i]);
		if (same)
			return false;
	}
	return true;
}

static bool
add_class(struct space_world *w, const struct names *n, const char *name)
{
	if (!is_new_class(w, n, name))
		return false;
	if (w->n_class == SPACE_CLASSES) {
		w->too_many = true;
		return false;
	}
	strncpy(w->name[w->n_class++], name, SPACE_NAME - 1);
	return true;
}

// A name that a wildcard matches and nothing longer does; and one that nothing matches.
static void
invent_names(struct space_world *w, const struct names *n)
{
	char name[SPACE_NAME];

	for (size_t i = 0; i <= n->n; i++) {
		const char *stem = i < n->n ? n->i[i].name : "other";

		for (unsigned k = 0; k < 100; k++) {
			if ((i < n->n && !n->i[i].wildcard) || strlen(stem) + 2 >= CFG_IFNAMSIZ)
				break;
			snprintf(name, sizeof(name), "%.13s%u", stem, k);
			if (add_class(w, n, name))
				break;
		}
		if (i < n->n && n->i[i].wildcard)
			add_class(w, n, n->i[i].name); // the stem itself
	}
}

bool
space_world_init(struct space_world *w, uint8_t family, const struct cfg_policy *a,
		 const struct cfg_policy *b)
{
	struct names n = {0};
	size_t kept = 0;

	*w = (struct space_world){.family = family, .n_class = 1};
	note_rules(w, &n, a);
	note_rules(w, &n, b);
	if (n.n > 1)
		qsort(n.i, n.n, sizeof(*n.i), by_name);
	for (size_t i = 0; i < n.n; i++)
		if (kept == 0 || by_name(&n.i[kept - 1], &n.i[i]) != 0)
			n.i[kept++] = n.i[i];
	n.n = kept;
	for (size_t i = 0; i < n.n && !w->too_many; i++)
		if (!n.i[i].wildcard)
			add_class(w, &n, n.i[i].name);
	w->n_named = w->n_class;
	if (!w->too_many)
		invent_names(w, &n);
	w->oom = n.oom;
	free(n.i);
	return !w->oom;
}

void
space_world_free(struct space_world *w)
{
	for (uint32_t i = 0; i < w->n_atom; i++)
		free(w->atom[i]);
	free(w->atom);
	free(w->slot);
	*w = (struct space_world){0};
}

static uint32_t
text_hash(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); // FNV-1a

	for (; *text != '\0'; text++)
		h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return (uint32_t)(h ^ h >> 32);
}

// The slot that holds the text, or the empty one where it belongs. Slots hold numbers plus one.
static uint32_t *
atom_slot(const struct space_world *w, const char *text)
{
	uint32_t i = text_hash(text);

	for (;; i++) {
		uint32_t *slot = &w->slot[i & (w->n_slot - 1)];

		if (*slot == 0 || strcmp(w->atom[*slot - 1], text) == 0)
			return slot;
	}
}

static bool
atoms_grow(struct space_world *w)
{
	uint32_t size = w->n_slot != 0 ? w->n_slot * 2 : 64, *old = w->slot;
	char **grown = reallocarray(w->atom, size / 2, sizeof(*grown));

	if (grown == NULL)
		return false;
	w->atom = grown;
	w->slot = calloc(size, sizeof(*w->slot));
	if (w->slot == NULL) {
		w->slot = old;
		return false;
	}
	free(old);
	w->n_slot = size;
	for (uint32_t i = 0; i < w->n_atom; i++)
		*atom_slot(w, w->atom[i]) = i + 1;
	return true;
}

uint32_t
space_atom(struct space_world *w, const char *text)
{
	uint32_t *slot;

	if (w->n_atom * 2 >= w->n_slot && !atoms_grow(w)) {
		w->oom = true;
		return 0;
	}
	slot = atom_slot(w, text);
	if (*slot == 0) {
		w->atom[w->n_atom] = strdup(text);
		if (w->atom[w->n_atom] == NULL) {
			w->oom = true;
			return 0;
		}
		*slot = ++w->n_atom;
	}
	return *slot - 1;
}

void
space_iface_classes(const struct space_world *w, const struct cfg_iface *i, uint64_t bits[4])
{
	memset(bits, 0, 4 * sizeof(*bits));
	for (unsigned c = 0; c < w->n_class; c++) {
		// The bare "+" is the one name that the empty one of "none" matches.
		bool hit = !has_name(i) || (c != SPACE_IFACE_NONE && name_matches(w->name[c], i));

		if (hit != i->invert)
			bits[c / 64] |= UINT64_C(1) << c % 64;
	}
}

static void
all_classes(const struct space_world *w, uint64_t bits[4])
{
	memset(bits, 0, 4 * sizeof(*bits));
	for (unsigned c = 1; c < w->n_class; c++)
		bits[c / 64] |= UINT64_C(1) << c % 64;
}

// What every packet of the way has in common.
static void
base(const struct space_world *w, enum space_path path, struct space_box *b)
{
	uint64_t ct = 0;

	space_all(b);
	if (w->family == CFG_IPV4)
		b->whi[SPACE_SRC] = b->whi[SPACE_DST] = UINT32_MAX;
	b->slo[SPACE_LENGTH] = w->family == CFG_IPV4 ? 20 : 40;
	b->slo[SPACE_TTL] = path == SPACE_FORWARD ? 2 : 1;
	b->shi[SPACE_TTL] = UINT8_MAX;
	b->whi[SPACE_MAC] = SPACE_NO_MAC - (path != SPACE_OUTPUT);
	b->wlo[SPACE_MAC] = path == SPACE_OUTPUT ? SPACE_NO_MAC : 0;
	all_classes(w, space_bits(b, SPACE_IN));
	all_classes(w, space_bits(b, SPACE_OUT));
	if (path == SPACE_OUTPUT)
		space_only(b, SPACE_IN, SPACE_IFACE_NONE);
	if (path == SPACE_INPUT)
		space_only(b, SPACE_OUT, SPACE_IFACE_NONE);
	space_only(b, SPACE_FRAG, 0); // put together before any rule sees them
	*space_bits(b, SPACE_PKTTYPE) = 1 << CFG_PKT_UNICAST;
	if (path == SPACE_INPUT)
		*space_bits(b, SPACE_PKTTYPE) |= 1 << CFG_PKT_BROADCAST | 1 << CFG_PKT_MULTICAST;
	for (unsigned nat = 0; nat < 4; nat++) {
		ct |= UINT64_C(1) << space_ct(SPACE_ST_ESTABLISHED, nat & 2, nat & 1);
		ct |= UINT64_C(1) << space_ct(SPACE_ST_RELATED, nat & 2, nat & 1);
	}
	ct |= UINT64_C(1) << space_ct(SPACE_ST_INVALID, false, false);
	ct |= UINT64_C(1) << space_ct(SPACE_ST_NEW, false, false);
	*space_bits(b, SPACE_CT) = ct;
}

// Neighbour discovery and multicast listeners (RFC 4861, 2710, 3810) are never tracked, all else
// is. Splits b into boxes.
static unsigned
split_untracked(struct space_box *out, const struct space_box *b)
{
	static const struct cfg_range16 type[] = {
		{0, 129}, {130, 136}, {137, 142}, {143, 143}, {144, 255}};
	struct space_box icmp = *b;
	unsigned n = 0;

	space_only(&icmp, SPACE_PROTO, IPPROTO_ICMPV6);
	for (size_t i = 0; i < EXT_N(type); i++) {
		out[n] = icmp;
		out[n].slo[SPACE_DPORT] = type[i].lo << 8;
		out[n].shi[SPACE_DPORT] = type[i].hi << 8 | 0xff;
		if (type[i].lo == 130 || type[i].lo == 143)
			space_only(&out[n], SPACE_CT, space_ct(SPACE_ST_UNTRACKED, false, false));
		n++;
	}
	out[n] = *b;
	out[n].bits[space_first_word(SPACE_PROTO) + IPPROTO_ICMPV6 / 64] &=
		~(UINT64_C(1) << IPPROTO_ICMPV6 % 64);
	return n + 1;
}

// No packet is shorter than its headers. Splits b by protocol.
static unsigned
split_length(struct space_box *out, const struct space_box *b)
{
	static const struct {
		uint8_t proto, length;
	} header[] = {{IPPROTO_TCP, 20}, {IPPROTO_UDP, 8}};
	struct space_box rest = *b;
	unsigned n = 0;

	for (size_t i = 0; i < EXT_N(header); i++) {
		uint64_t *word = &rest.bits[space_first_word(SPACE_PROTO) + header[i].proto / 64];

		if (!(*word >> header[i].proto % 64 & 1))
			continue;
		*word &= ~(UINT64_C(1) << header[i].proto % 64);
		out[n] = *b;
		space_only(&out[n], SPACE_PROTO, header[i].proto);
		out[n++].slo[SPACE_LENGTH] += header[i].length;
	}
	for (unsigned w = 0; w < space_n_words(SPACE_PROTO); w++) {
		if (space_bits(&rest, SPACE_PROTO)[w] == 0)
			continue;
		if (space_bit(&rest, SPACE_PROTO, IPPROTO_ICMP) ||
		    space_bit(&rest, SPACE_PROTO, IPPROTO_ICMPV6))
			rest.slo[SPACE_LENGTH] += 8;
		out[n++] = rest;
		break;
	}
	return n;
}

unsigned
space_universe(const struct space_world *w, enum space_path path,
	       struct space_box box[SPACE_UNIVERSE])
{
	struct space_box tracked[6];
	unsigned n = 1, all = 0;

	base(w, path, &tracked[0]);
	if (w->family == CFG_IPV6) {
		box[0] = tracked[0];
		n = split_untracked(tracked, &box[0]);
	}
	for (unsigned i = 0; i < n; i++) {
		if (w->length)
			all += split_length(&box[all], &tracked[i]);
		else
			box[all++] = tracked[i];
	}
	return all;
}
