// Translation to the address of an interface that has none.
//
// Called by cfg_policy_lint; says nothing without the machine's settings. MASQUERADE takes an
// address of the interface that a packet leaves by, REDIRECT one of that by which it came. An
// address that a port gets from DHCP or by hand is not in the settings: whoever has such a port
// silences the warning.
#include "config/lint/lint_int.h"

#include <stdlib.h>
#include <string.h>

static bool
has_address(const struct cfg_port *port, uint8_t families)
{
	for (size_t i = 0; i < port->n_address; i++)
		if (port->address[i].family & families)
			return true;
	return false;
}

// May a packet of one of the boxes have the port's interface there?
static bool
boxes_name(const struct space_world *w, const struct space_list *list, enum space_bits_field f,
	   const char *port)
{
	for (unsigned c = 1; c < w->n_named; c++) {
		if (strcmp(w->name[c], port) != 0)
			continue;
		for (size_t i = 0; i < list->n; i++)
			if (space_bit(&list->box[i], f, c))
				return true;
	}
	return false;
}

// Does some condition on the way choose between interfaces at all?
static bool
is_chosen(const struct space_world *w, const struct space_list *list, enum space_bits_field f)
{
	for (size_t i = 0; i < list->n; i++)
		for (unsigned c = 1; c < w->n_class; c++)
			if (!space_bit(&list->box[i], f, c))
				return true;
	return false;
}

// The name under which a wildcard or a negation covers the port is a class's; ports that no rule
// names have none of their own, and are judged by the rule's words.
static bool
covers(const struct space_world *w, const struct space_list *list, enum space_bits_field f,
       const struct cfg_rule *r, const char *port)
{
	const struct cfg_iface *i = f == SPACE_IN ? &r->in : &r->out;
	size_t len = strlen(i->name);

	if (boxes_name(w, list, f, port))
		return true;
	return i->wildcard && !i->invert && len > 0 && strncmp(port, i->name, len) == 0;
}

static void
judge(struct lint *l, struct space_prog *p, uint32_t at, struct space_list *list)
{
	const struct space_pos *pos = &p->pos[at];
	enum space_bits_field f = pos->rule->target.id == CFG_T_MASQUERADE ? SPACE_OUT : SPACE_IN;
	struct lint_rule *r = lint_rule_of(l, pos->chain, pos->rule);

	if (r->told || !lint_conditions(p, at, list) || !is_chosen(p->w, list, f))
		return;
	for (size_t i = 0; i < l->settings->n_port; i++) {
		const struct cfg_port *port = &l->settings->port[i];

		if (has_address(port, pos->rule->family) ||
		    !covers(p->w, list, f, pos->rule, port->name))
			continue;
		cfg_warn_add(l->err, pos->rule->pos, lint_nat_without_address,
			     "%s needs an address of interface '%s', which has no %s address in %s",
			     cfg_target_name(pos->rule->target.id), port->name,
			     pos->rule->family == CFG_BOTH ? "IPv4 or IPv6"
							   : lint_family_text(pos->rule->family),
			     l->settings->file != NULL ? l->settings->file : "the settings");
		r->told = true;
	}
}

void
lint_nat(struct lint *l)
{
	struct space_list list = {0};

	for (unsigned f = 0; f < 2 && l->settings != NULL; f++) {
		for (unsigned path = 0; path < SPACE_PATHS; path++) {
			struct space_prog *p = l->prog[f][path];

			for (uint32_t i = 0; p != NULL && i < p->n_pos; i++) {
				const struct cfg_rule *r = p->pos[i].rule;

				if (r != NULL &&
				    (r->target.id == CFG_T_MASQUERADE ||
				     (r->target.id == CFG_T_REDIRECT && path != SPACE_OUTPUT)))
					judge(l, p, i, &list);
			}
		}
	}
	free(list.box);
}
