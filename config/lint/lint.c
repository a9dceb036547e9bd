// Warnings about a policy that is sound but probably not what its author wanted.
//
// cfg_policy_lint is called by app/ (`ringwall check`) on a policy that cfg_policy_check passed; it
// only adds to the list. Every warning has an id, and a comment "# ringwall: allow ID" in the line
// that it points at takes it away again (cfg_lint_allow): the ids are a contract,
// ringwall-policy(5) lists them. This file sets the table: an index of all rules, and for each
// family and way through the hooks the policy as a program (config/space/space_prog.h), which
// config/lint/lint_*.c ask.
#include "config/lint/lint_int.h"
#include "config/value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

// Entries that all walks of one family may look at: some seconds.
#define WORK_MAX 1000000000

const char lint_default_permit[] = "default-permit";
const char lint_drop_without_established[] = "drop-without-established";
const char lint_duplicate[] = "duplicate-rule";
const char lint_established_late[] = "established-late";
const char lint_family_uncovered[] = "family-uncovered";
const char lint_interface_never[] = "interface-never";
const char lint_nat_without_address[] = "nat-without-address";
const char lint_never_matches[] = "never-matches";
const char lint_unreachable[] = "unreachable-rule";
const char lint_unused_chain[] = "unused-chain";
const char lint_wide_open[] = "wide-open";

const char *
cfg_lint_id(size_t i)
{
	static const char *const id[] = {
		lint_default_permit,	  lint_drop_without_established,
		lint_duplicate,		  lint_established_late,
		lint_family_uncovered,	  lint_interface_never,
		lint_nat_without_address, lint_never_matches,
		lint_unreachable,	  lint_unused_chain,
		lint_wide_open,
	};

	return i < sizeof(id) / sizeof(id[0]) ? id[i] : NULL;
}

const char *
lint_family_text(uint8_t families)
{
	return families == CFG_IPV4 ? "IPv4" : families == CFG_IPV6 ? "IPv6" : "IPv4 and IPv6";
}

bool
lint_is_unconditional(const struct cfg_rule *r)
{
	bool iface =
		r->in.name[0] != '\0' || r->in.invert || r->out.name[0] != '\0' || r->out.invert;

	for (size_t i = 0; i < r->n_match; i++)
		if (r->match[i].id != CFG_M_COMMENT)
			return false;
	return cfg_addr_is_any(&r->src) && cfg_addr_is_any(&r->dst) && !iface && r->proto == 0 &&
	       !r->frag;
}

struct lint_base {
	const struct cfg_chain *chain;
	size_t first;
};

static int
by_chain(const void *a, const void *b)
{
	const struct lint_base *x = a, *y = b;

	return x->chain < y->chain ? -1 : x->chain > y->chain;
}

size_t
lint_chain_number(const struct lint *l, const struct cfg_chain *chain)
{
	const struct lint_base key = {.chain = chain};
	const struct lint_base *found = bsearch(&key, l->base, l->n_base, sizeof(key), by_chain);

	return found - l->base;
}

struct lint_rule *
lint_rule_of(const struct lint *l, const struct cfg_chain *chain, const struct cfg_rule *r)
{
	return &l->rule[l->base[lint_chain_number(l, chain)].first + (r - chain->rule)];
}

static bool
index_rules(struct lint *l)
{
	size_t chains = 0, rules = 0;

	for (int t = 0; t < CFG_TABLES; t++) {
		chains += l->policy->table[t].n_chain;
		for (size_t c = 0; c < l->policy->table[t].n_chain; c++)
			rules += l->policy->table[t].chain[c]->n_rule;
	}
	l->base = calloc(chains + 1, sizeof(*l->base));
	l->rule = calloc(rules + 1, sizeof(*l->rule));
	if (l->base == NULL || l->rule == NULL)
		return false;
	for (int t = 0; t < CFG_TABLES; t++) {
		for (size_t c = 0; c < l->policy->table[t].n_chain; c++) {
			const struct cfg_chain *chain = l->policy->table[t].chain[c];

			l->base[l->n_base++] = (struct lint_base){chain, l->n_rule};
			for (size_t i = 0; i < chain->n_rule; i++)
				l->rule[l->n_rule++] = (struct lint_rule){.rule = &chain->rule[i],
									  .chain = chain,
									  .table = t,
									  .id = lint_unreachable};
		}
	}
	qsort(l->base, l->n_base, sizeof(*l->base), by_chain);
	return true;
}

static bool
has_family(const struct cfg_policy *policy, uint8_t family)
{
	for (int t = 0; t < CFG_TABLES; t++)
		if (policy->table[t].present && (policy->table[t].family & family))
			return true;
	return false;
}

// The programs of a family that the policy speaks of. What is too large stays NULL.
static bool
make_programs(struct lint *l, unsigned f)
{
	if (!has_family(l->policy, lint_family(f)))
		return true;
	l->world[f] = calloc(1, sizeof(*l->world[f]));
	if (l->world[f] == NULL || !space_world_init(l->world[f], lint_family(f), l->policy, NULL))
		return false;
	l->world[f]->work_max = WORK_MAX;
	for (enum space_path path = 0; path < SPACE_PATHS; path++) {
		struct space_prog *p = calloc(1, sizeof(*p));

		if (p == NULL)
			return false;
		if (space_prog_init(p, l->world[f], l->policy, path, SPACE_FOR_LINT,
				    CFG_HOOK_NONE)) {
			l->prog[f][path] = p;
			continue;
		}
		space_prog_free(p);
		free(p);
		if (l->world[f]->oom)
			return false;
		l->incomplete = true;
	}
	return true;
}

static void
clean_up(struct lint *l)
{
	for (unsigned f = 0; f < 2; f++) {
		for (unsigned path = 0; path < SPACE_PATHS; path++) {
			if (l->prog[f][path] != NULL)
				space_prog_free(l->prog[f][path]);
			free(l->prog[f][path]);
		}
		if (l->world[f] != NULL)
			space_world_free(l->world[f]);
		free(l->world[f]);
	}
	for (size_t i = 0; i < l->n_rule; i++)
		free(l->rule[i].why);
	free(l->rule);
	free(l->base);
}

bool
lint_conditions(struct space_prog *p, uint32_t pos, struct space_list *list)
{
	size_t from = 0;
	struct space_box all;

	list->n = 0;
	space_all(&all);
	if (!space_list_add(list, &all))
		return false;
	for (; pos != SPACE_NOWHERE; pos = p->pos[pos].parent) {
		size_t end = list->n;
		uint32_t first, n;

		if (!space_prog_boxes(p, 0, pos, &first, &n))
			return false;
		for (size_t i = from; i < end; i++) {
			for (uint32_t k = first; k < first + n; k++) {
				struct space_box b = list->box[i];

				if (space_cut(&b, &p->boxes.box[k]) && !space_list_add(list, &b))
					return false;
			}
		}
		if (list->n > 10000)
			return false;
		from = end;
	}
	memmove(list->box, &list->box[from], (list->n - from) * sizeof(*list->box));
	list->n -= from;
	return true;
}

void
cfg_policy_lint(const struct cfg_policy *policy, const struct cfg_settings *settings,
		struct cfg_err *err)
{
	struct lint l = {.policy = policy, .settings = settings, .err = err};

	if (index_rules(&l) && make_programs(&l, 0) && make_programs(&l, 1)) {
		lint_families(&l);
		lint_established(&l);
		lint_permit(&l);
		lint_duplicates(&l);
		lint_unused(&l);
		lint_reach(&l);
		lint_nat(&l);
	} else {
		err->truncated = true; // no memory
	}
	if (l.incomplete)
		cfg_note_add(
			err, (struct cfg_pos){0},
			"the policy is too large for some warnings: not every rule was judged");
	clean_up(&l);
}

// Does the line allow a warning: "# ringwall: allow ID, ID"?
static bool
line_allows(const char *line, size_t len, const char *id)
{
	static const char mark[] = "# ringwall: allow ";
	const char *at = memmem(line, len, mark, sizeof(mark) - 1), *end = line + len;
	size_t n = strlen(id);

	for (at = at != NULL ? at + sizeof(mark) - 1 : end; at < end; at++) {
		size_t word = 0;

		while (at + word < end && (isalnum((unsigned char)at[word]) || at[word] == '-'))
			word++;
		if (word == n && memcmp(at, id, n) == 0)
			return true;
		at += word;
	}
	return false;
}

void
cfg_lint_allow(struct cfg_err *err, const char *file, const char *text, size_t len)
{
	const char *end = text + len, **line = NULL;
	size_t n_line = 1, kept = 0;

	for (const char *c = text; c < end; c++)
		n_line += *c == '\n';
	line = calloc(n_line + 1, sizeof(*line));
	if (line == NULL)
		return; // more warnings than wanted, none lost
	line[0] = text;
	for (size_t i = 1; i <= n_line; i++) {
		const char *nl = memchr(line[i - 1], '\n', end - line[i - 1]);

		line[i] = nl != NULL ? nl + 1 : end;
	}
	for (size_t i = 0; i < err->n; i++) {
		struct cfg_msg *m = &err->msgs[i];
		size_t at = m->pos.line;

		if (m->severity == CFG_WARNING && m->id != NULL && m->pos.file == file && at >= 1 &&
		    at <= n_line && line_allows(line[at - 1], line[at] - line[at - 1], m->id)) {
			free(m->file);
			free(m->text);
		} else {
			err->msgs[kept++] = *m;
		}
	}
	err->n = kept;
	free(line);
}

void
cfg_lint_allow_included(struct cfg_err *err)
{
	for (size_t i = 0; i < err->n; i++) {
		const char *file = err->msgs[i].pos.file;
		size_t len, before = err->n;
		char *text;

		for (size_t j = 0; j < i && file != NULL; j++)
			file = err->msgs[j].pos.file == file ? NULL : file; // was its turn
		if (file == NULL || cfg_file_read(file, &text, &len) < 0)
			continue;
		cfg_lint_allow(err, file, text, len);
		free(text);
		i = err->n < before ? SIZE_MAX : i; // the list moved: from its beginning
	}
}
