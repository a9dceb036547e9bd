// ringwall.conf: every key is a row in the tables below, with its type, limits and default. The
// readers of single values are in settings_value.c, what concerns several keys is in
// settings_check.c. Called once at start by the programs, on their main thread; the caller frees
// the result. A file is read to its end whatever is wrong in it, so that the operator sees all
// errors at once; only a syntax error, after which libconfig has nothing to show, stands alone.
#include "config/settings_int.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONTROL_DEFAULT "/run/ringwall/control.sock"
#define FILE_MAX	(16u << 20) // a machine file of more than 16 MiB is some other file

#define PORT(field)  offsetof(struct cfg_port, field)
#define ROUTE(field) offsetof(struct cfg_route, field)
#define NEIGH(field) offsetof(struct cfg_neighbour, field)
#define NFLOG(field) offsetof(struct cfg_nflog, field)
#define FLOW(field)  offsetof(struct cfg_flow_log, field)
#define TOP(field)   offsetof(struct cfg_settings, field)
#define KEYS(rows)   .key = (rows), .n = sizeof(rows) / sizeof((rows)[0])

static void read_group(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		       void *base);
static void read_list(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key,
		      void *base);

static const struct cfg_key port_key[] = {
	{"name", cfg_read_name, PORT(name), .required = true},
	{"device", cfg_read_string, PORT(device), .max = 1023, .required = true},
	{"twin", cfg_read_name, PORT(twin)},
	{"addresses", cfg_read_ifaddrs, PORT(address), PORT(n_address), .max = 256},
	{"mtu", cfg_read_u32, PORT(mtu), .min = 68, .max = 9216, .deflt = 1500},
	{"lladdr", cfg_read_mac, PORT(mac), PORT(mac_set)},
	{"promiscuous", cfg_read_bool, PORT(promiscuous)},
	{"rx-queues", cfg_read_u32, PORT(rx_queues), .max = CFG_WORKERS_MAX},
	{"rx-descriptors", cfg_read_u32, PORT(rx_descriptors), .max = 32768},
	{"tx-descriptors", cfg_read_u32, PORT(tx_descriptors), .max = 32768},
};
static const struct cfg_keys port_keys = {"a port", KEYS(port_key), sizeof(struct cfg_port),
					  PORT(pos), CFG_PORTS_MAX};

static const struct cfg_key route_key[] = {
	{"to", cfg_read_net, ROUTE(to), .required = true},
	{"via", cfg_read_addr, ROUTE(via)},
	{"port", cfg_read_name, ROUTE(port)},
	{"blackhole", cfg_read_bool, ROUTE(blackhole)},
};
static const struct cfg_keys route_keys = {"a route", KEYS(route_key), sizeof(struct cfg_route),
					   ROUTE(pos), 1u << 20};

static const struct cfg_key neigh_key[] = {
	{"port", cfg_read_name, NEIGH(port), .required = true},
	{"address", cfg_read_addr, NEIGH(address), .required = true},
	{"lladdr", cfg_read_mac, NEIGH(lladdr), .required = true},
};
static const struct cfg_keys neigh_keys = {"a neighbour", KEYS(neigh_key),
					   sizeof(struct cfg_neighbour), NEIGH(pos), 1u << 20};

#define LINE_SINKS   (1u << CFG_SINK_SYSLOG | 1u << CFG_SINK_STDERR | 1u << CFG_SINK_FILE)
#define PACKET_SINKS (1u << CFG_SINK_FILE | 1u << CFG_SINK_SOCKET)
static const struct cfg_key log_key[] = {
	{"to", cfg_read_sink, TOP(log.to), .max = LINE_SINKS},
	{"rate", cfg_read_u32, TOP(log.rate), .max = 1000000, .deflt = 1000},
	{"burst", cfg_read_u32, TOP(log.burst), .min = 1, .max = 1000000, .deflt = 2000},
};
static const struct cfg_keys log_keys = {"log", KEYS(log_key)};

static const struct cfg_key nflog_key[] = {
	{"group", cfg_read_u32, NFLOG(group), .max = UINT16_MAX, .required = true},
	{"to", cfg_read_sink, NFLOG(to), .max = PACKET_SINKS, .required = true},
	{"max-mib", cfg_read_u32, NFLOG(max_mib), .max = 1u << 20, .deflt = 100},
};
static const struct cfg_keys nflog_keys = {"an nflog group", KEYS(nflog_key),
					   sizeof(struct cfg_nflog), NFLOG(pos), 1024};

#define FLOW_SINKS (1u << CFG_SINK_FILE | 1u << CFG_SINK_UDP)
static const struct cfg_key flow_log_key[] = {
	{"to", cfg_read_sink, FLOW(to), .max = FLOW_SINKS, .required = true},
	{"format", cfg_read_flow_format, FLOW(format)},
	{"flows", cfg_read_flow_which, FLOW(translated)},
	{"events", cfg_read_flow_events, FLOW(events)},
	{"domain", cfg_read_u32, FLOW(domain), .max = UINT32_MAX - 1, .deflt = CFG_NOT_GIVEN},
	{"templates", cfg_read_u32, FLOW(template_sec), .min = 1, .max = 86400,
	 .deflt = CFG_NOT_GIVEN},
};
static const struct cfg_keys flow_log_keys = {"a flow log", KEYS(flow_log_key),
					      sizeof(struct cfg_flow_log), FLOW(pos), 16};

// flows: the kernel's own nf_conntrack_max on machines of more than 4 GiB. At about 256 bytes a
// flow it takes 64 MiB, which leaves room for route tables and packet buffers in the smallest
// machine we name
// (`eal = [ "-m", "512" ]`). A million flows would take half of that memory from people who have
// ten. mbufs: 0 stands for what cfg_settings_mbufs() computes.
static const struct cfg_key size_key[] = {
	{"flows", cfg_read_u32, TOP(flows), .min = 64, .max = 1u << 28, .deflt = 262144},
	{"mbufs", cfg_read_u32, TOP(mbufs), .min = 1023, .max = 1u << 26, .deflt = 0},
	{"neighbours", cfg_read_u32, TOP(neighbours), .min = 16, .max = 1u << 20, .deflt = 4096},
	{"routes4", cfg_read_u32, TOP(routes4), .min = 16, .max = 1u << 24, .deflt = 65536},
	{"routes6", cfg_read_u32, TOP(routes6), .min = 16, .max = 1u << 22, .deflt = 16384},
	{"fragments", cfg_read_u32, TOP(fragments), .min = 16, .max = 1u << 20, .deflt = 1024},
	{"rules-memory", cfg_read_u32, TOP(rules_memory), .max = 1u << 20, .deflt = 2048},
	{"events", cfg_read_u32, TOP(events), .min = 512, .max = 1u << 24, .deflt = 16384},
	{"flow-events", cfg_read_u32, TOP(flow_events), .min = 512, .max = 1u << 22,
	 .deflt = 16384},
};
static const struct cfg_keys size_keys = {"sizes", KEYS(size_key)};

static const struct cfg_key top_key[] = {
	{"eal", cfg_read_strings, TOP(eal), TOP(n_eal), .max = 256},
	{"workers", cfg_read_lcores, TOP(worker), TOP(n_worker), .max = CFG_WORKERS_MAX},
	{"policy", cfg_read_path, TOP(policy)},
	{"control", cfg_read_socket, TOP(control)},
	{"poll", cfg_read_poll, TOP(poll)},
	{"ports", read_list, TOP(port), TOP(n_port), .group = &port_keys, .required = true},
	{"routes", read_list, TOP(route), TOP(n_route), .group = &route_keys},
	{"neighbours", read_list, TOP(neighbour), TOP(n_neighbour), .group = &neigh_keys},
	{"log", read_group, 0, .group = &log_keys},
	{"nflog", read_list, TOP(nflog), TOP(n_nflog), .group = &nflog_keys},
	{"flow-log", read_list, TOP(flow_log), TOP(n_flow_log), .group = &flow_log_keys},
	{"sizes", read_group, 0, .group = &size_keys},
	{"verdict-cache", cfg_read_bool, TOP(verdict_cache), .deflt = true},
};
static const struct cfg_keys top_keys = {"the file", KEYS(top_key)};

struct cfg_pos
cfg_setting_pos(const config_setting_t *s)
{
	return (struct cfg_pos){s->line, (unsigned)(uintptr_t)s->hook};
}

const char *
cfg_setting_kind(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return "a group { }";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return "a whole number";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "a truth value";
	case CONFIG_TYPE_ARRAY:
		return "an array [ ]";
	case CONFIG_TYPE_LIST:
		return "a list ( )";
	default:
		return "nothing";
	}
}

static const struct cfg_key *
find_key(const struct cfg_keys *keys, const char *name)
{
	for (size_t i = 0; i < keys->n; i++)
		if (strcmp(keys->key[i].name, name) == 0)
			return &keys->key[i];
	return NULL;
}

static void
unknown_key(struct cfg_reader *r, const config_setting_t *s, const struct cfg_keys *keys)
{
	char known[256] = "";
	size_t len = 0;

	for (size_t i = 0; i < keys->n && len < sizeof(known); i++)
		len += (size_t)snprintf(known + len, sizeof(known) - len, "%s%s",
					i == 0 ? "" : ", ", keys->key[i].name);
	cfg_err_add(r->err, cfg_setting_pos(s), "unknown key '%s': expected one of %s%s",
		    config_setting_name(s), known,
		    keys == &top_keys && find_key(&size_keys, config_setting_name(s)) != NULL
			    ? " (it belongs into sizes = { })"
			    : "");
}

// Defaults first, then every member of the group s into base, then what is missing.
static void
read_members(struct cfg_reader *r, const config_setting_t *s, const struct cfg_keys *keys,
	     void *base)
{
	int n = config_setting_length(s);

	for (int i = 0; i < n; i++) {
		const config_setting_t *m = config_setting_get_elem(s, (unsigned)i);
		const struct cfg_key *key = find_key(keys, config_setting_name(m));

		if (key != NULL)
			key->read(r, m, key, base);
		else
			unknown_key(r, m, keys);
	}
	for (size_t i = 0; i < keys->n; i++)
		if (keys->key[i].required &&
		    config_setting_get_member(s, keys->key[i].name) == NULL)
			cfg_err_add(r->err, cfg_setting_pos(s), "%s needs the key '%s'", keys->what,
				    keys->key[i].name);
}

static void
set_defaults(const struct cfg_keys *keys, void *base)
{
	for (size_t i = 0; i < keys->n; i++) {
		const struct cfg_key *key = &keys->key[i];

		if (key->read == cfg_read_u32)
			*(uint32_t *)((char *)base + key->offset) = key->deflt;
		else if (key->read == cfg_read_bool)
			*(bool *)((char *)base + key->offset) = key->deflt != 0;
	}
}

static void
read_group(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key, void *base)
{
	if (config_setting_is_group(s))
		read_members(r, s, key->group, (char *)base + key->offset);
	else
		cfg_err_add(r->err, cfg_setting_pos(s), "'%s' is %s: expected a group { }",
			    key->name, cfg_setting_kind(s));
}

static void
read_list(struct cfg_reader *r, const config_setting_t *s, const struct cfg_key *key, void *base)
{
	const struct cfg_keys *keys = key->group;
	size_t *count = (size_t *)((char *)base + key->n_offset);
	int n = config_setting_length(s);
	char *elem;

	// An empty array looks the same to whoever writes it, and libconfig reads "()" as a list.
	if (!config_setting_is_list(s) && !(config_setting_is_array(s) && n == 0)) {
		cfg_err_add(r->err, cfg_setting_pos(s),
			    "'%s' is %s: expected a list ( { ... }, { ... } )", key->name,
			    cfg_setting_kind(s));
		return;
	}
	if ((size_t)n > keys->max) {
		cfg_err_add(r->err, cfg_setting_pos(s),
			    "'%s' has %d elements: expected at most %zu", key->name, n, keys->max);
		return;
	}
	if (n == 0) {
		if (key->required)
			cfg_err_add(r->err, cfg_setting_pos(s),
				    "'%s' is empty: expected at least one element", key->name);
		return;
	}
	elem = calloc((size_t)n, keys->size);
	if (elem == NULL) {
		r->no_mem = true;
		return;
	}
	*(void **)((char *)base + key->offset) = elem;
	for (int i = 0; i < n; i++) {
		const config_setting_t *m = config_setting_get_elem(s, (unsigned)i);

		if (!config_setting_is_group(m)) {
			cfg_err_add(r->err, cfg_setting_pos(m),
				    "'%s' holds %s: expected %s as a group { }", key->name,
				    cfg_setting_kind(m), keys->what);
			continue;
		}
		*(struct cfg_pos *)(elem + keys->pos_offset) = cfg_setting_pos(m);
		set_defaults(keys, elem);
		read_members(r, m, keys, elem);
		elem += keys->size;
		++*count;
	}
}

void
cfg_settings_free(struct cfg_settings *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_eal; i++)
		free(s->eal[i]);
	for (size_t i = 0; i < s->n_port; i++) {
		free(s->port[i].name);
		free(s->port[i].device);
		free(s->port[i].twin);
		free(s->port[i].address);
	}
	for (size_t i = 0; i < s->n_route; i++)
		free(s->route[i].port);
	for (size_t i = 0; i < s->n_neighbour; i++)
		free(s->neighbour[i].port);
	for (size_t i = 0; i < s->n_nflog; i++)
		free(s->nflog[i].to.path);
	free(s->nflog);
	for (size_t i = 0; i < s->n_flow_log; i++)
		free(s->flow_log[i].to.path);
	free(s->flow_log);
	free(s->log.to.path);
	free(s->file);
	free(s->eal);
	free(s->worker);
	free(s->policy);
	free(s->control);
	free(s->port);
	free(s->route);
	free(s->neighbour);
	free(s);
}

// Rounded up to what a mempool holds best: a power of two less one.
static uint32_t
mempool_size(uint64_t n)
{
	uint64_t size = 8192;

	while (size - 1 < n && size < 1u << 26)
		size *= 2;
	return (uint32_t)(size - 1);
}

uint32_t
cfg_settings_mbufs(const struct cfg_settings *s, unsigned n_workers)
{
	uint64_t n = 0;

	if (s->mbufs != 0)
		return s->mbufs;
	for (size_t i = 0; i < s->n_port; i++) {
		const struct cfg_port *p = &s->port[i];
		unsigned queues =
			p->rx_queues != 0 && p->rx_queues < n_workers ? p->rx_queues : n_workers;
		uint64_t rx = p->rx_descriptors != 0 ? p->rx_descriptors : 1024;
		uint64_t tx = p->tx_descriptors != 0 ? p->tx_descriptors : 1024;

		n += rx * queues + tx * n_workers;
		n += 512u * n_workers; // the twin's queues, with the TAP driver's default
	}
	// For each worker: its cache, bursts under way, a full hand-over ring, datagrams in
	// reassembly.
	n += (uint64_t)n_workers * (512 + 4 * 64 + 1024 + 2ull * s->fragments);
	return mempool_size(n);
}

static int
read_tree(struct cfg_settings *s, struct cfg_reader *r, const config_setting_t *root)
{
	size_t before = r->err->n_errors;

	set_defaults(&top_keys, s);
	set_defaults(&size_keys, s);
	set_defaults(&log_keys, s);
	read_members(r, root, &top_keys, s);
	if (s->control == NULL) {
		s->control = strdup(CONTROL_DEFAULT);
		r->no_mem |= s->control == NULL;
	}
	if (r->no_mem)
		return -ENOMEM;
	return cfg_settings_check(s, r->err->n_errors == before, r->err);
}

int
cfg_settings_from_text(struct cfg_settings **out, const char *text, const char *dir,
		       struct cfg_err *err)
{
	struct cfg_reader r = {.err = err, .dir = dir};
	struct cfg_settings *s = calloc(1, sizeof(*s));
	size_t before = err->n_errors;
	config_t tree;
	int ret = -ENOMEM;

	config_init(&tree);
	if (s == NULL || (s->file = strdup(err->file != NULL ? err->file : "")) == NULL)
		goto fail;
	ret = -EINVAL;
	if (cfg_settings_has_include(text, err))
		goto fail;
	if (config_read_string(&tree, text) != CONFIG_TRUE) {
		cfg_err_add(err, (struct cfg_pos){(unsigned)config_error_line(&tree), 0}, "%s",
			    config_error_text(&tree));
		goto fail;
	}
	cfg_settings_columns(config_root_setting(&tree), text, err);
	ret = read_tree(s, &r, config_root_setting(&tree));
	if (ret == 0 && (err->n_errors > before || err->truncated))
		ret = -EINVAL;
	if (ret < 0)
		goto fail;
	config_destroy(&tree);
	*out = s;
	return 0;
fail:
	config_destroy(&tree);
	cfg_settings_free(s);
	return ret;
}

// The file's bytes with a NUL at the end. 0 or -errno, reported.
static int
read_file(char **out, const char *path, struct cfg_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text = NULL;
	size_t len = 0;
	ssize_t got = 0;
	int ret;

	if (fd < 0 || fstat(fd, &st) < 0) {
		ret = -errno;
		goto fail;
	}
	ret = S_ISDIR(st.st_mode) ? -EISDIR : 0;
	if (ret == 0 && (text = malloc(FILE_MAX + 1)) == NULL)
		ret = -ENOMEM;
	if (ret < 0)
		goto fail;
	while (len <= FILE_MAX && (got = read(fd, text + len, FILE_MAX + 1 - len)) > 0)
		len += (size_t)got;
	ret = got < 0 ? -errno : len > FILE_MAX ? -EFBIG : 0;
	if (ret < 0)
		goto fail;
	text[len] = '\0';
	if (strlen(text) != len) {
		struct cfg_pos pos = {1, 0};

		for (const char *p = text; *p != '\0'; p++)
			pos.line += *p == '\n';
		cfg_err_add(err, pos, "the file holds a NUL byte: expected text");
		free(text);
		close(fd);
		return -EINVAL;
	}
	close(fd);
	*out = text;
	return 0;
fail:
	cfg_err_add(err, (struct cfg_pos){0, 0}, "cannot be read: %s", strerror(-ret));
	free(text);
	if (fd >= 0)
		close(fd);
	return ret;
}

int
cfg_settings_load(struct cfg_settings **out, const char *path, struct cfg_err *err)
{
	const char *file_before = err->file;
	char *text = NULL, *copy = NULL, *dir = NULL;
	int ret;

	err->file = path;
	ret = read_file(&text, path, err);
	if (ret < 0)
		goto done;
	copy = strdup(path);
	dir = copy != NULL ? realpath(dirname(copy), NULL) : NULL;
	ret = -ENOMEM;
	if (dir != NULL)
		ret = cfg_settings_from_text(out, text, dir, err);
done:
	if (ret == -ENOMEM && err->n_errors == 0)
		cfg_err_add(err, (struct cfg_pos){0, 0}, "out of memory");
	err->file = file_before;
	free(dir);
	free(copy);
	free(text);
	return ret;
}
