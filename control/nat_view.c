// The use of public addresses (nat/nat.h, nat_use_read) summed over the workers: for `stats`, and
// once a second for the log. An address (with a protocol) is in the state "warning" from 80 % of
// its ports on until it is below 70 % again, and "exhausted" while packets were dropped in the last
// second because no port was free. The log gets one line when a state begins or ends, at most
// LINES of them in a minute; what was left out is said later. Called by ctl.c and cmd_stats.c, main
// thread.
#include "control/nat_view.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_log.h>

#include "control/ctl_int.h"
#include "control/flow_view.h"
#include "nat/nat.h"

RTE_LOG_REGISTER(ctl_nat_log, ringwall.ctl.nat, NOTICE);

#define TICK_MS	  1000
#define LINES	  10 // in MINUTE_MS
#define MINUTE_MS 60000

struct row {
	struct nat_use_view use; // summed
	bool warned, exhausted;
};

struct ctl_nat {
	struct row *row; // of the last tick, in order
	size_t n;
	uint64_t tick_ms, minute_ms;
	unsigned lines, left_out;
};

int
ctl_nat_create(struct ctl_nat **out)
{
	*out = calloc(1, sizeof(**out));
	return *out != NULL ? 0 : -ENOMEM;
}

void
ctl_nat_free(struct ctl_nat *n)
{
	if (n != NULL)
		free(n->row);
	free(n);
}

static int
by_address(const void *a, const void *b)
{
	const struct nat_use_view *x = &((const struct row *)a)->use;
	const struct nat_use_view *y = &((const struct row *)b)->use;
	int diff = x->family - y->family;

	if (diff == 0)
		diff = memcmp(&x->addr, &y->addr, sizeof(x->addr));
	if (diff == 0)
		diff = x->proto - y->proto;
	return diff != 0 ? diff : x->zone - y->zone;
}

// All addresses in order, one row each. Frees nothing; NULL where there is none, or no memory.
static struct row *
collect(const struct ctl *c, size_t *n_out)
{
	struct row *row = calloc((size_t)c->env.n_worker * NAT_USE_ROWS, sizeof(*row));
	size_t n = 0, kept = 0;

	*n_out = 0;
	for (unsigned i = 0; row != NULL && i < c->env.n_worker; i++)
		for (unsigned r = 0; r < NAT_USE_ROWS; r++)
			n += nat_use_read(c->env.worker[i], r, &row[n].use);
	if (n == 0) {
		free(row);
		return NULL;
	}
	qsort(row, n, sizeof(*row), by_address);
	for (size_t i = 1; i < n; i++) {
		if (by_address(&row[kept], &row[i]) != 0) {
			row[++kept] = row[i];
			continue;
		}
		row[kept].use.ports += row[i].use.ports;
		row[kept].use.flows += row[i].use.flows;
		row[kept].use.exhausted += row[i].use.exhausted;
		row[kept].use.room = RTE_MAX(row[kept].use.room, row[i].use.room);
	}
	*n_out = kept + 1;
	return row;
}

// Several workers may use one port towards different far ends, and each counts it.
static unsigned
percent(const struct nat_use_view *u)
{
	uint64_t ports = RTE_MIN(u->ports, u->room);

	return u->room != 0 ? (unsigned)(ports * 100 / u->room) : 0;
}

static void
say(struct ctl_nat *n, uint64_t now_ms, const struct nat_use_view *u, uint32_t level,
    const char *what)
{
	char addr[INET6_ADDRSTRLEN];

	if (now_ms - n->minute_ms >= MINUTE_MS) {
		if (n->left_out != 0)
			rte_log(RTE_LOG_WARNING, ctl_nat_log,
				"nat: %u more such lines were left out\n", n->left_out);
		n->minute_ms = now_ms;
		n->lines = n->left_out = 0;
	}
	if (n->lines >= LINES) {
		n->left_out++;
		return;
	}
	n->lines++;
	inet_ntop(u->family == 4 ? AF_INET : AF_INET6, &u->addr, addr, sizeof(addr));
	rte_log(level, ctl_nat_log,
		"nat: %s %s: %s: %u of %u ports in use (%u %%), %" PRIu64 " flows, %" PRIu64
		" packets found none\n",
		addr, ctl_flow_protocol_name(u->proto), what, u->ports, u->room, percent(u),
		u->flows, u->exhausted);
}

static const struct row *
before(const struct ctl_nat *n, const struct row *key)
{
	return n->n != 0 ? bsearch(key, n->row, n->n, sizeof(*key), by_address) : NULL;
}

void
ctl_nat_tick(struct ctl *c)
{
	struct ctl_nat *n = c->nat;
	uint64_t now = c->now_ms();
	struct row *row;
	size_t count;

	if (now - n->tick_ms < TICK_MS)
		return;
	n->tick_ms = now;
	row = collect(c, &count);
	for (size_t i = 0; i < count; i++) {
		const struct row *last = before(n, &row[i]);
		bool had = last != NULL && last->warned;
		uint64_t seen = last != NULL ? last->use.exhausted : 0;
		unsigned used = percent(&row[i].use);

		row[i].warned = used >= (had ? CTL_NAT_CALM_PERCENT : CTL_NAT_WARN_PERCENT);
		row[i].exhausted = row[i].use.exhausted > seen;
		if (row[i].exhausted && !(last != NULL && last->exhausted))
			say(n, now, &row[i].use, RTE_LOG_WARNING, "no free port");
		else if (row[i].warned && !had)
			say(n, now, &row[i].use, RTE_LOG_WARNING, "nearly used up");
		else if (!row[i].warned && had)
			say(n, now, &row[i].use, RTE_LOG_NOTICE, "no longer nearly used up");
	}
	free(n->row);
	n->row = row;
	n->n = count;
}

static const char *
state_of(const struct ctl *c, const struct row *r)
{
	const struct row *last = before(c->nat, r);
	bool had = last != NULL && last->warned;

	if (last != NULL && (last->exhausted || r->use.exhausted > last->use.exhausted))
		return "exhausted";
	return percent(&r->use) >= (had ? CTL_NAT_CALM_PERCENT : CTL_NAT_WARN_PERCENT) ? "warning"
										       : "ok";
}

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

json_t *
ctl_nat_view(const struct ctl *c)
{
	json_t *list = json_array();
	uint64_t other = 0;
	struct row *row;
	size_t n;

	row = collect(c, &n);
	for (size_t i = 0; i < n; i++) {
		const struct nat_use_view *u = &row[i].use;
		char addr[INET6_ADDRSTRLEN];

		inet_ntop(u->family == 4 ? AF_INET : AF_INET6, &u->addr, addr, sizeof(addr));
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:i, s:o, s:o, s:i, s:o, s:o, s:s}", "address",
					addr, "protocol", ctl_flow_protocol_name(u->proto), "zone",
					(int)u->zone, "ports_used", number(u->ports), "ports",
					number(u->room), "used_percent", (int)percent(u), "flows",
					number(u->flows), "exhausted", number(u->exhausted),
					"state", state_of(c, &row[i])));
	}
	free(row);
	for (unsigned i = 0; i < c->env.n_worker; i++)
		other += nat_use_other(c->env.worker[i]);
	return json_pack("{s:o, s:o}", "addresses", list, "untracked_exhausted", number(other));
}
