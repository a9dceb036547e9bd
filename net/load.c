// A settings file into the network table: addresses, routes, neighbours, each error with its
// line. Called once at start by the control thread, after the ports are known; what a file got
// wrong stays undone, the caller gives up the table.
#include <errno.h>
#include <string.h>

#include "net/table.h"

static uint8_t
port_index(const struct cfg_settings *s, const char *name)
{
	for (size_t i = 0; name != NULL && i < s->n_port; i++) {
		if (strcmp(s->port[i].name, name) == 0)
			return i;
	}
	return PL_PORT_NONE;
}

static void
load_addresses(struct net_table *t, const struct cfg_settings *s, struct cfg_err *err)
{
	for (size_t i = 0; i < s->n_port; i++) {
		for (size_t k = 0; k < s->port[i].n_address; k++) {
			const struct cfg_prefix *a = &s->port[i].address[k];
			int ret = net_table_add_addr(t, i, a);

			if (ret == -EEXIST)
				cfg_err_add(err, a->pos, "port '%s' has this address twice",
					    s->port[i].name);
			else if (ret < 0)
				cfg_err_add(err, a->pos, "port '%s': address cannot be used: %s",
					    s->port[i].name, strerror(-ret));
		}
	}
}

static void
load_routes(struct net_table *t, const struct cfg_settings *s, struct cfg_err *err)
{
	for (size_t i = 0; i < s->n_route; i++) {
		const struct cfg_route *r = &s->route[i];
		int ret = net_table_add_route(t, &r->to, r->via.family != 0 ? &r->via : NULL,
					      port_index(s, r->port), r->blackhole);

		if (ret == -ENETUNREACH)
			cfg_err_add(err, r->pos, "gateway is in no port's subnet; name the port");
		else if (ret < 0)
			cfg_err_add(err, r->pos, "route cannot be used: %s", strerror(-ret));
	}
}

static void
load_neighbours(struct net_table *t, const struct cfg_settings *s, struct cfg_err *err)
{
	for (size_t i = 0; i < s->n_neighbour; i++) {
		const struct cfg_neighbour *n = &s->neighbour[i];
		uint8_t port = port_index(s, n->port);
		int ret = port == PL_PORT_NONE
				  ? -ENODEV
				  : net_table_set_neigh(t, port, &n->address, n->lladdr, true);

		if (ret == -ENODEV)
			cfg_err_add(err, n->pos, "no port '%s'", n->port);
		else if (ret < 0)
			cfg_err_add(err, n->pos, "neighbour cannot be used: %s", strerror(-ret));
	}
}

int
net_table_load(struct net_table *t, const struct cfg_settings *s, struct cfg_err *err)
{
	size_t before = err->n_errors;

	load_addresses(t, s, err);
	load_routes(t, s, err);
	load_neighbours(t, s, err);
	return err->n_errors != before ? -EINVAL : 0;
}
