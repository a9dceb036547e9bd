// `ringwall stats` and `ringwall ports` for people: aligned tables, from the daemon's JSON. Called
// by cmd_control.c. A table that runs out of memory is shown without its last rows: the process
// ends right after.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/show.h"

#define COLUMNS_MAX 12
#define CELL_MAX    64

// A table that knows its columns' widths only at its end.
struct grid {
	unsigned n_column, n_row, cap;
	bool left[COLUMNS_MAX]; // else numbers, to the right
	char (*cell)[CELL_MAX]; // n_row * n_column
};

static const char *
text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value != NULL ? value : "-";
}

static uint64_t
number(const json_t *object, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(object, key));
}

// A new row; its cells are empty. NULL when out of memory: the row is then left out.
static char (*grid_row(struct grid *g))[CELL_MAX]
{
	if (g->n_row == g->cap) {
		unsigned cap = g->cap != 0 ? g->cap * 2 : 16;
		void *grown = realloc(g->cell, (size_t)cap * g->n_column * CELL_MAX);

		if (grown == NULL)
			return NULL;
		g->cell = grown;
		g->cap = cap;
	}
	memset(g->cell[g->n_row * g->n_column], 0, (size_t)g->n_column * CELL_MAX);
	return &g->cell[g->n_row++ * g->n_column];
}

static void
grid_head(struct grid *g, const char *const *head, unsigned n)
{
	char(*row)[CELL_MAX];

	g->n_column = n;
	row = grid_row(g);
	for (unsigned i = 0; row != NULL && i < n; i++)
		snprintf(row[i], CELL_MAX, "%s", head[i]);
}

static void
grid_print(struct grid *g)
{
	int width[COLUMNS_MAX] = {0};

	for (unsigned r = 0; r < g->n_row; r++)
		for (unsigned c = 0; c < g->n_column; c++)
			if ((int)strlen(g->cell[r * g->n_column + c]) > width[c])
				width[c] = (int)strlen(g->cell[r * g->n_column + c]);
	for (unsigned r = 0; r < g->n_row; r++) {
		for (unsigned c = 0; c < g->n_column; c++) {
			const char *cell = g->cell[r * g->n_column + c];
			bool last = c + 1 == g->n_column;

			printf("%*s%s", g->left[c] ? (last ? 0 : -width[c]) : width[c], cell,
			       last ? "\n" : "  ");
		}
	}
	free(g->cell);
}

static void
put_number(char cell[CELL_MAX], uint64_t n)
{
	snprintf(cell, CELL_MAX, "%" PRIu64, n);
}

static void
show_workers(const json_t *answer)
{
	static const char *const head[] = {"worker", "flows",	    "flows max",  "loops",
					   "busy",   "handed over", "taken over", "deferred",
					   "cached", "state"};
	struct grid g = {.left = {[9] = true}};
	const json_t *w;
	size_t i;

	grid_head(&g, head, 10);
	json_array_foreach(json_object_get(answer, "workers"), i, w)
	{
		char(*row)[CELL_MAX] = grid_row(&g);
		uint64_t loops = number(w, "loops");

		if (row == NULL)
			break;
		put_number(row[0], number(w, "worker"));
		put_number(row[1], number(w, "flows"));
		put_number(row[2], number(w, "flows_max"));
		put_number(row[3], loops);
		snprintf(row[4], CELL_MAX, "%.1f %%",
			 loops != 0 ? 100.0 * (double)number(w, "busy_loops") / (double)loops
				    : 0.0);
		put_number(row[5], number(w, "handed_over"));
		put_number(row[6], number(w, "taken_over"));
		put_number(row[7], number(w, "deferred"));
		put_number(row[8], number(w, "cached"));
		snprintf(row[9], CELL_MAX, "%s",
			 json_is_true(json_object_get(w, "stalled")) ? "STALLED" : "runs");
	}
	grid_print(&g);
}

static void
show_drops(const json_t *answer, bool all)
{
	static const char *const head[] = {"dropped", "reason", "meaning"};
	struct grid g = {.left = {[1] = true, [2] = true}};
	const json_t *d;
	size_t i;

	grid_head(&g, head, 3);
	json_array_foreach(json_object_get(answer, "drops"), i, d)
	{
		char(*row)[CELL_MAX];

		if (!all && number(d, "packets") == 0)
			continue;
		row = grid_row(&g);
		if (row == NULL)
			break;
		put_number(row[0], number(d, "packets"));
		snprintf(row[1], CELL_MAX, "%s", text(d, "name"));
		snprintf(row[2], CELL_MAX, "%s", text(d, "text"));
	}
	if (g.n_row > 1)
		grid_print(&g);
	else
		free(g.cell);
	if (g.n_row <= 1)
		printf("no packet was dropped\n");
}

// What was told by rules, and what of it was lost.
static void
show_events(const json_t *answer, bool all)
{
	static const struct {
		const char *key, *text;
	} rows[] = {
		{"log_lines", "log lines written"},
		{"log_over_rate", "log lines over log.rate"},
		{"log_not_written", "log lines that the log did not take"},
		{"nflog_packets", "NFLOG packets written"},
		{"nflog_no_group", "NFLOG packets of a group that nobody listens to"},
		{"nflog_not_written", "NFLOG packets that file or reader did not take"},
		{"flow_log_records", "records of flow logs written or sent"},
		{"flow_log_lost", "records of flow logs that file or network did not take"},
		{"flow_lost", "events of flows that found no room (sizes.flow-events)"},
		{"ring_full", "events that found no room in a worker's ring (sizes.events)"},
	};
	const json_t *events = json_object_get(answer, "events");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (all || number(events, rows[i].key) != 0)
			printf("%" PRIu64 " %s\n", number(events, rows[i].key), rows[i].text);
}

// Public addresses: how many of their ports are in use, and who found none free.
static void
show_nat(const json_t *answer)
{
	static const char *const head[] = {
		"public address", "protocol",	"ports used", "of", "use",
		"flows",	  "found none", "state"};
	struct grid g = {.left = {[0] = true, [1] = true, [7] = true}};
	const json_t *nat = json_object_get(answer, "nat"), *a;
	uint64_t other = number(nat, "untracked_exhausted");
	size_t i;

	grid_head(&g, head, 8);
	json_array_foreach(json_object_get(nat, "addresses"), i, a)
	{
		char(*row)[CELL_MAX] = grid_row(&g);

		if (row == NULL)
			break;
		snprintf(row[0], CELL_MAX, "%s", text(a, "address"));
		snprintf(row[1], CELL_MAX, "%s", text(a, "protocol"));
		put_number(row[2], number(a, "ports_used"));
		put_number(row[3], number(a, "ports"));
		snprintf(row[4], CELL_MAX, "%" PRIu64 " %%", number(a, "used_percent"));
		put_number(row[5], number(a, "flows"));
		put_number(row[6], number(a, "exhausted"));
		snprintf(row[7], CELL_MAX, "%s", text(a, "state"));
	}
	if (g.n_row > 1) {
		grid_print(&g);
		putchar('\n');
	} else {
		free(g.cell);
	}
	if (other != 0)
		printf("%" PRIu64 " packets found no port at addresses that are not counted\n\n",
		       other);
}

void
app_show_stats(const json_t *answer, bool all)
{
	const json_t *flows = json_object_get(answer, "flows");
	uint64_t up = number(answer, "uptime_sec");

	printf("ringwalld %s, up %" PRIu64 "d %02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 "\n",
	       text(answer, "version"), up / 86400, up / 3600 % 24, up / 60 % 60, up % 60);
	printf("policy %s, generation %" PRIu64 "\n", text(answer, "policy"),
	       number(answer, "generation"));
	if (json_is_integer(json_object_get(answer, "confirm_sec_left")))
		printf("the change waits for `ringwall confirm`: undone in %" PRIu64 " s\n",
		       number(answer, "confirm_sec_left"));
	printf("flows %" PRIu64 " of %" PRIu64 "\n\n", number(flows, "count"),
	       number(flows, "max"));
	show_workers(answer);
	putchar('\n');
	show_drops(answer, all);
	putchar('\n');
	show_nat(answer);
	show_events(answer, all);
}

static void
show_port_facts(const json_t *answer)
{
	static const char *const head[] = {"port", "name", "link",   "mac",    "mtu",	"twin",
					   "rxq",  "txq",  "steers", "driver", "device"};
	struct grid g = {.left = {[1] = true,
				  [2] = true,
				  [3] = true,
				  [5] = true,
				  [8] = true,
				  [9] = true,
				  [10] = true}};
	const json_t *p;
	size_t i;

	grid_head(&g, head, 11);
	json_array_foreach(json_object_get(answer, "ports"), i, p)
	{
		char(*row)[CELL_MAX] = grid_row(&g);

		if (row == NULL)
			break;
		put_number(row[0], number(p, "port"));
		snprintf(row[1], CELL_MAX, "%s", text(p, "name"));
		if (!json_is_true(json_object_get(p, "link_up")))
			snprintf(row[2], CELL_MAX, "down");
		else if (number(p, "speed_mbps") != 0 && number(p, "speed_mbps") != UINT32_MAX)
			snprintf(row[2], CELL_MAX, "up %" PRIu64 "M", number(p, "speed_mbps"));
		else
			snprintf(row[2], CELL_MAX, "up");
		snprintf(row[3], CELL_MAX, "%s", text(p, "mac"));
		put_number(row[4], number(p, "mtu"));
		snprintf(row[5], CELL_MAX, "%s", text(p, "twin"));
		put_number(row[6], number(p, "rx_queues"));
		put_number(row[7], number(p, "tx_queues"));
		snprintf(row[8], CELL_MAX, "%s",
			 json_is_true(json_object_get(p, "rss")) ? "hardware" : "software");
		snprintf(row[9], CELL_MAX, "%s", text(p, "driver"));
		snprintf(row[10], CELL_MAX, "%s", text(p, "device"));
	}
	grid_print(&g);
}

static void
show_port_counters(const json_t *answer)
{
	static const char *const head[] = {"name",	"rx packets", "rx bytes", "tx packets",
					   "tx bytes",	"from host",  "to host",  "missed",
					   "rx errors", "tx errors"};
	static const char *const own[] = {"rx_packets", "rx_bytes",	   "tx_packets",
					  "tx_bytes",	"host_rx_packets", "host_tx_packets"};
	static const char *const device[] = {"rx_missed", "rx_errors", "tx_errors"};
	struct grid g = {.left = {true}};
	const json_t *p;
	size_t i;

	grid_head(&g, head, 10);
	json_array_foreach(json_object_get(answer, "ports"), i, p)
	{
		char(*row)[CELL_MAX] = grid_row(&g);

		if (row == NULL)
			break;
		snprintf(row[0], CELL_MAX, "%s", text(p, "name"));
		for (unsigned k = 0; k < 6; k++)
			put_number(row[1 + k], number(p, own[k]));
		for (unsigned k = 0; k < 3; k++)
			put_number(row[7 + k],
				   number(json_object_get(p, "device_counters"), device[k]));
	}
	grid_print(&g);
}

void
app_show_ports(const json_t *answer)
{
	show_port_facts(answer);
	putchar('\n');
	show_port_counters(answer);
}
