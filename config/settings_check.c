// What no single value of ringwall.conf can show: names, devices and addresses given twice, routes
// and neighbours that name a port which does not exist, a gateway that no port can reach. Called by
// settings.c when the whole file was read; fields whose own reader found an error are empty here
// and left alone.
#include "config/settings_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/policy.h"

static const struct cfg_port *
find_port(const struct cfg_settings *s, const char *name)
{
	for (size_t i = 0; i < s->n_port; i++)
		if (s->port[i].name != NULL && strcmp(s->port[i].name, name) == 0)
			return &s->port[i];
	return NULL;
}

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

// The name in the host's stack; NULL: none.
static const char *
twin_of(const struct cfg_port *p)
{
	const char *twin = p->twin != NULL ? p->twin : p->name;

	return same(twin, "none") ? NULL : twin;
}

static void
check_address(const struct cfg_settings *s, size_t port, size_t i, struct cfg_err *err)
{
	const struct cfg_prefix *a = &s->port[port].address[i];
	char text[CFG_PREFIX_TEXT];

	for (size_t p = 0; p <= port; p++) {
		size_t n = p == port ? i : s->port[p].n_address;

		for (size_t j = 0; j < n; j++) {
			const struct cfg_prefix *b = &s->port[p].address[j];

			if (a->family != b->family ||
			    memcmp(a->addr, b->addr, sizeof(a->addr)) != 0)
				continue;
			cfg_err_add(err, a->pos, "address %s stands twice: it is also in line %u",
				    cfg_prefix_text(a, false, text), b->pos.line);
			return;
		}
	}
	if (a->family == CFG_IPV6 && s->port[port].mtu < 1280)
		cfg_err_add(
			err, a->pos,
			"port \"%s\" has an IPv6 address and 'mtu' %u: IPv6 needs at least 1280",
			s->port[port].name != NULL ? s->port[port].name : "", s->port[port].mtu);
}

static void
check_port(const struct cfg_settings *s, size_t i, struct cfg_err *err)
{
	const struct cfg_port *p = &s->port[i];

	for (size_t j = 0; j < i; j++) {
		const struct cfg_port *q = &s->port[j];

		if (same(p->name, q->name))
			cfg_err_add(err, p->pos,
				    "port name \"%s\" stands twice: it is also in line %u", p->name,
				    q->pos.line);
		else if (same(twin_of(p), twin_of(q)))
			cfg_err_add(
				err, p->pos,
				"twin \"%s\" stands twice: it is also that of the port in line %u",
				twin_of(p), q->pos.line);
		if (same(p->device, q->device))
			cfg_err_add(err, p->pos,
				    "device \"%s\" stands twice: it is also in line %u", p->device,
				    q->pos.line);
	}
	if (same(p->name, "none"))
		cfg_err_add(
			err, p->pos,
			"'name' is \"none\", which 'twin' keeps for itself: expected another name");
	for (size_t j = 0; j < p->n_address; j++)
		check_address(s, i, j, err);
}

static bool
on_link(const struct cfg_settings *s, const struct cfg_prefix *addr)
{
	for (size_t i = 0; i < s->n_port; i++)
		for (size_t j = 0; j < s->port[i].n_address; j++)
			if (cfg_prefix_holds(&s->port[i].address[j], addr))
				return true;
	return false;
}

static bool
is_own(const struct cfg_settings *s, const struct cfg_prefix *addr)
{
	for (size_t i = 0; i < s->n_port; i++)
		for (size_t j = 0; j < s->port[i].n_address; j++)
			if (s->port[i].address[j].family == addr->family &&
			    memcmp(s->port[i].address[j].addr, addr->addr, sizeof(addr->addr)) == 0)
				return true;
	return false;
}

// Where the packets of a route go.
static void
check_next_hop(const struct cfg_settings *s, const struct cfg_route *r, bool ports_sound,
	       struct cfg_err *err)
{
	bool link_local = r->via.family == CFG_IPV6 && r->via.addr[0] == 0xfe &&
			  (r->via.addr[1] & 0xc0) == 0x80;
	char text[CFG_PREFIX_TEXT];

	if (r->port != NULL && find_port(s, r->port) == NULL)
		cfg_err_add(err, r->pos, "route's 'port' is \"%s\": there is no port of that name",
			    r->port);
	if (r->via.family == 0)
		return;
	cfg_prefix_text(&r->via, false, text);
	if (r->to.family != 0 && r->via.family != r->to.family)
		cfg_err_add(err, r->via.pos, "'via' is %s and 'to' is of the other family", text);
	else if (is_own(s, &r->via))
		cfg_err_add(err, r->via.pos,
			    "'via' is %s, an address of this gateway: expected another station's",
			    text);
	else if (r->port == NULL && link_local)
		cfg_err_add(err, r->via.pos,
			    "'via' is %s, a link-local address: expected 'port' beside it", text);
	else if (r->port == NULL && ports_sound && !on_link(s, &r->via))
		cfg_err_add(err, r->via.pos,
			    "'via' is %s, and no port has an address in a network that holds it: "
			    "expected 'port' "
			    "beside it, or such an address",
			    text);
}

static void
check_route(const struct cfg_settings *s, const struct cfg_route *r, bool ports_sound,
	    struct cfg_err *err)
{
	bool via_given = r->via.pos.line != 0; // also where its value was wrong

	if (r->blackhole && (via_given || r->port != NULL))
		cfg_err_add(err, r->pos,
			    "route has 'blackhole' beside 'via' or 'port': expected it alone");
	else if (!r->blackhole && !via_given && r->port == NULL)
		cfg_err_add(err, r->pos,
			    "route leads nowhere: expected 'via', 'port' or 'blackhole'");
	else if (!r->blackhole)
		check_next_hop(s, r, ports_sound, err);
}

static int
compare_prefix(const struct cfg_prefix *a, const struct cfg_prefix *b)
{
	int diff = a->family - b->family;

	if (diff == 0)
		diff = memcmp(a->addr, b->addr, sizeof(a->addr));
	return diff != 0 ? diff : a->len - b->len;
}

// Routes and neighbours may be many, so what stands twice is found by sorting pointers, equal ones
// in file order.
static int
by_network(const void *a, const void *b)
{
	const struct cfg_route *x = *(const struct cfg_route *const *)a,
			       *y = *(const struct cfg_route *const *)b;
	int diff = compare_prefix(&x->to, &y->to);

	return diff != 0 ? diff : x < y ? -1 : x > y;
}

static int
by_neighbour(const void *a, const void *b)
{
	const struct cfg_neighbour *x = *(const struct cfg_neighbour *const *)a;
	const struct cfg_neighbour *y = *(const struct cfg_neighbour *const *)b;
	int diff = compare_prefix(&x->address, &y->address);

	if (diff == 0 && x->port != NULL && y->port != NULL)
		diff = strcmp(x->port, y->port);
	return diff != 0 ? diff : x < y ? -1 : x > y;
}

static int
check_routes(const struct cfg_settings *s, bool ports_sound, struct cfg_err *err)
{
	const struct cfg_route **sorted = calloc(s->n_route + 1, sizeof(*sorted));
	char text[CFG_PREFIX_TEXT];

	if (sorted == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_route; i++) {
		check_route(s, &s->route[i], ports_sound, err);
		sorted[i] = &s->route[i];
	}
	qsort(sorted, s->n_route, sizeof(*sorted), by_network);
	for (size_t i = 1; i < s->n_route; i++)
		if (sorted[i]->to.family != 0 &&
		    compare_prefix(&sorted[i - 1]->to, &sorted[i]->to) == 0)
			cfg_err_add(err, sorted[i]->pos,
				    "route to %s stands twice: it is also in line %u",
				    cfg_prefix_text(&sorted[i]->to, true, text),
				    sorted[i - 1]->pos.line);
	free(sorted);
	return 0;
}

static int
check_neighbours(const struct cfg_settings *s, struct cfg_err *err)
{
	const struct cfg_neighbour **sorted = calloc(s->n_neighbour + 1, sizeof(*sorted));
	char text[CFG_PREFIX_TEXT];

	if (sorted == NULL)
		return -ENOMEM;
	if (s->n_neighbour > s->neighbours)
		cfg_err_add(err, s->neighbour[0].pos,
			    "%zu neighbours are given and sizes.neighbours is %u", s->n_neighbour,
			    s->neighbours);
	for (size_t i = 0; i < s->n_neighbour; i++) {
		const struct cfg_neighbour *n = &s->neighbour[i];

		sorted[i] = n;
		if (n->port != NULL && find_port(s, n->port) == NULL)
			cfg_err_add(err, n->pos,
				    "neighbour's 'port' is \"%s\": there is no port of that name",
				    n->port);
		if (n->address.family != 0 && is_own(s, &n->address))
			cfg_err_add(err, n->pos, "neighbour %s is an address of this gateway",
				    cfg_prefix_text(&n->address, false, text));
	}
	qsort(sorted, s->n_neighbour, sizeof(*sorted), by_neighbour);
	for (size_t i = 1; i < s->n_neighbour; i++)
		if (sorted[i]->address.family != 0 && same(sorted[i - 1]->port, sorted[i]->port) &&
		    compare_prefix(&sorted[i - 1]->address, &sorted[i]->address) == 0)
			cfg_err_add(
				err, sorted[i]->pos,
				"neighbour %s of port \"%s\" stands twice: it is also in line %u",
				cfg_prefix_text(&sorted[i]->address, false, text), sorted[i]->port,
				sorted[i - 1]->pos.line);
	free(sorted);
	return 0;
}

static void
check_nflog(const struct cfg_settings *s, struct cfg_err *err)
{
	for (size_t i = 0; i < s->n_nflog; i++) {
		for (size_t j = 0; j < i; j++) {
			const struct cfg_nflog *a = &s->nflog[i], *b = &s->nflog[j];

			if (a->group == b->group)
				cfg_err_add(err, a->pos,
					    "nflog group %u stands twice: it is also in line %u",
					    a->group, b->pos.line);
			else if (same(a->to.path, b->to.path))
				cfg_err_add(err, a->pos,
					    "nflog groups %u and %u have the same file or socket",
					    b->group, a->group);
		}
	}
}

int
cfg_settings_check(const struct cfg_settings *s, bool values_sound, struct cfg_err *err)
{
	int ret;

	for (size_t i = 0; i < s->n_port; i++)
		check_port(s, i, err);
	check_nflog(s, err);
	cfg_flow_logs_check(s, err);
	ret = check_routes(s, values_sound, err);
	return ret == 0 ? check_neighbours(s, err) : ret;
}
