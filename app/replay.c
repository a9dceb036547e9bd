// `ringwall replay`: the gateway without NICs. The same tables, workers and stages as the daemon's,
// all workers turned by this one thread, on a clock that the captures set. Frames of all inputs are
// merged by their time stamps; what a port would send goes to a capture of its own.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <rte_ether.h>
#include <rte_lcore.h>

#include "acl/acl.h"
#include "app/capture.h"
#include "app/cmd.h"
#include "app/gateway.h"
#include "app/verdicts.h"
#include "control/event.h"

#define INPUTS_MAX 128
#define TURNS_MAX  64 // a packet crosses a few workers at most

struct input {
	char *arg; // "lan", "host:lan": as the operator wrote it
	uint8_t port;
	bool host;
	const char *path;
	struct app_capture *capture;
	uint64_t next_ns;
	bool more;
};

struct output {
	struct replay *replay;
	struct app_dump *dump;
};

struct replay {
	struct cfg_settings *settings;
	struct app_gateway gateway;
	struct input in[INPUTS_MAX];
	unsigned n_in;
	struct output out[PL_PORT_MAX][2]; // [port][to the host]
	struct ctl_events *events;
	const char *conf, *dir;
	unsigned burst;
	uint64_t now_ns;
	bool own_mac[PL_PORT_MAX]; // the settings name the port's MAC: frames for others are
				   // dropped as on a wire
	uint8_t mac[PL_PORT_MAX][6];
	struct app_verdict **verdict; // blocks of VERDICT_BLOCK, so that notes stay where they are
	size_t n_verdict, n_block;
};

#define VERDICT_BLOCK 4096

static const struct cfg_pos whole_file = {0, 0};

// ---- outputs
// ----------------------------------------------------------------------------------------------

static uint16_t
tx(void *ctx, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	struct output *o = ctx;

	(void)queue;
	for (uint16_t i = 0; i < n; i++)
		app_dump_write(o->dump, o->replay->now_ns, m[i]);
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

static int
open_outputs(struct replay *r, struct cfg_err *err)
{
	char path[1024];

	if (mkdir(r->dir, 0777) < 0 && errno != EEXIST) {
		int e = errno;

		err->file = r->dir;
		cfg_err_add(err, whole_file, "cannot make the output folder: %s", strerror(e));
		return -e;
	}
	for (unsigned i = 0; i < r->settings->n_port; i++) {
		for (unsigned host = 0; host < 2; host++) {
			struct output *o = &r->out[i][host];
			struct net_tx conf = {.burst = tx, .ctx = o};
			int ret;

			snprintf(path, sizeof(path), "%s/%s%s.pcap", r->dir, host ? "host-" : "",
				 r->settings->port[i].name);
			o->replay = r;
			ret = app_dump_open(&o->dump, path, err);
			if (ret < 0)
				return ret;
			for (uint16_t w = 0; w < r->gateway.n_worker; w++)
				net_core_set_tx(r->gateway.worker[w]->net, i, host, &conf);
		}
	}
	return 0;
}

static int
open_events(struct replay *r, struct cfg_err *err)
{
	const struct ctl_events_conf conf = {
		.settings = r->settings,
		.worker = r->gateway.worker,
		.n_worker = r->gateway.n_worker,
		.dir = r->dir,
	};

	return ctl_events_create(&r->events, &conf, err);
}

static int
write_text(const struct replay *r, const char *name, const char *text, struct cfg_err *err)
{
	char path[1024];
	FILE *f;
	int bad;

	snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	f = text != NULL ? fopen(path, "w") : NULL;
	bad = f == NULL || fputs(text, f) == EOF;
	if (f != NULL)
		bad |= fclose(f) != 0;
	if (bad) {
		err->file = r->dir;
		cfg_err_add(err, whole_file, "%s: cannot be written", name);
	}
	return bad ? -EIO : 0;
}

// The rules with what they counted, as iptables-save -c and ip6tables-save -c print them.
static int
write_counters(struct replay *r, struct cfg_err *err)
{
	struct cfg_policy *model = app_policy(&r->gateway);
	char *text;
	int ret;

	acl_policy_counters(app_acl(&r->gateway), model);
	text = cfg_policy_to_save(model, CFG_IPV4, true);
	ret = write_text(r, "counters.v4.save", text, err);
	free(text);
	text = cfg_policy_to_save(model, CFG_IPV6, true);
	if (write_text(r, "counters.v6.save", text, err) < 0)
		ret = -EIO;
	free(text);
	return ret;
}

static struct app_verdict *
verdict_at(const struct replay *r, size_t i)
{
	return &r->verdict[i / VERDICT_BLOCK][i % VERDICT_BLOCK];
}

static int
write_verdicts(struct replay *r, struct cfg_err *err)
{
	char path[1024];
	int ret = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/verdicts.jsonl", r->dir);
	f = fopen(path, "w");
	for (size_t i = 0; f != NULL && i < r->n_verdict && ret == 0; i++)
		ret = app_verdict_write(f, verdict_at(r, i), r->gateway.port_name);
	if (f == NULL || fclose(f) != 0 || ret < 0) {
		err->file = r->dir;
		cfg_err_add(err, whole_file, "verdicts.jsonl: cannot be written");
		return -EIO;
	}
	return 0;
}

// ---- ports and neighbours as the captures show them
// ---------------------------------------------------------

static bool
same_net(const struct cfg_prefix *p, uint8_t family, const uint8_t *addr)
{
	if (p->family != family)
		return false;
	for (unsigned bit = 0; bit < p->len; bit++) {
		if ((p->addr[bit / 8] ^ addr[bit / 8]) & (0x80 >> bit % 8))
			return false;
	}
	return true;
}

// A station of the port's own networks that sent a frame: it would answer ARP or ND with this MAC.
static void
learn(struct replay *r, uint8_t port, const uint8_t *mac, uint8_t family, const uint8_t *addr)
{
	const struct cfg_port *p = &r->settings->port[port];
	struct cfg_prefix one = {.family = family, .len = family == CFG_IPV4 ? 32 : 128};

	memcpy(one.addr, addr, family == CFG_IPV4 ? 4 : 16);
	for (size_t i = 0; i < p->n_address; i++) {
		if (same_net(&p->address[i], family, addr)) {
			net_table_set_neigh(r->gateway.table, port, &one, mac, false);
			return;
		}
	}
}

static void
learn_from(struct replay *r, uint8_t port, const uint8_t *b, uint32_t len)
{
	static const uint8_t unspecified[16];
	unsigned type = len >= 14 ? b[12] << 8 | b[13] : 0;

	if (len < 14 || (b[6] & 1))
		return;
	if (type == RTE_ETHER_TYPE_IPV4 && len >= 34 && memcmp(b + 26, unspecified, 4) != 0)
		learn(r, port, b + 6, CFG_IPV4, b + 26);
	else if (type == RTE_ETHER_TYPE_ARP && len >= 42 && memcmp(b + 28, unspecified, 4) != 0)
		learn(r, port, b + 22, CFG_IPV4, b + 28);
	else if (type == RTE_ETHER_TYPE_IPV6 && len >= 54 && memcmp(b + 22, unspecified, 16) != 0)
		learn(r, port, b + 6, CFG_IPV6, b + 22);
}

// Reads every capture of a wire once before the replay.
static int
scan_inputs(struct replay *r, struct cfg_err *err)
{
	for (unsigned i = 0; i < r->n_in; i++) {
		struct app_capture *c;
		uint64_t time;
		int ret;

		if (r->in[i].host)
			continue;
		ret = app_capture_open(&c, r->in[i].path, err);
		if (ret < 0)
			return ret;
		while ((ret = app_capture_peek(c, &time, err)) == 1) {
			uint32_t len;
			const uint8_t *b = app_capture_bytes(c, &len);

			learn_from(r, r->in[i].port, b, len);
			app_capture_skip(c);
		}
		app_capture_close(c);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int
set_ports(struct replay *r)
{
	for (unsigned i = 0; i < r->settings->n_port; i++) {
		const struct cfg_port *p = &r->settings->port[i];
		struct net_port_info info = {.mtu = p->mtu, .up = true, .has_twin = true};
		int ret;

		snprintf(info.name, sizeof(info.name), "%s", p->name);
		r->own_mac[i] = p->mac_set;
		if (p->mac_set)
			memcpy(info.mac, p->mac, 6);
		else
			memcpy(info.mac, (uint8_t[6]){2, 0, 0, 0, 0xff, i + 1}, 6);
		memcpy(r->mac[i], info.mac, 6);
		ret = net_table_set_port(r->gateway.table, i, &info);
		if (ret < 0)
			return ret;
	}
	return 0;
}

// ---- the run
// ----------------------------------------------------------------------------------------------

static struct app_verdict *
verdict_new(struct replay *r)
{
	if (r->n_verdict == r->n_block * VERDICT_BLOCK) {
		struct app_verdict **more = realloc(r->verdict, (r->n_block + 1) * sizeof(*more));

		if (more == NULL)
			return NULL;
		r->verdict = more;
		more[r->n_block] = calloc(VERDICT_BLOCK, sizeof(**more));
		if (more[r->n_block] == NULL)
			return NULL;
		r->n_block++;
	}
	return verdict_at(r, r->n_verdict++);
}

// Without a MAC in the settings the capture decides: its frames were for the gateway, whatever its
// MAC was.
static void
address_to_port(const struct replay *r, const struct input *in, struct rte_mbuf *m)
{
	struct rte_ether_hdr *eth = rte_pktmbuf_mtod(m, struct rte_ether_hdr *);

	if (in->host || r->own_mac[in->port] || rte_pktmbuf_data_len(m) < sizeof(*eth))
		return;
	if (rte_is_unicast_ether_addr(&eth->dst_addr))
		memcpy(&eth->dst_addr, r->mac[in->port], 6);
}

static struct rte_mbuf *
take(struct replay *r, struct input *in)
{
	struct rte_mbuf *m = app_capture_take(in->capture, r->gateway.pool);
	struct app_verdict *v = m != NULL ? verdict_new(r) : NULL;

	if (v == NULL) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	v->port = in->arg;
	v->time_ns = in->next_ns;
	v->note.index = (uint32_t)(r->n_verdict - 1);
	v->note.egress = PL_PORT_NONE;
	memset(pl_meta(m), 0, sizeof(struct pl_meta));
	pl_meta(m)->note = &v->note;
	address_to_port(r, in, m);
	return m;
}

// Turns all workers until none of them takes anything in.
static void
turn(struct replay *r)
{
	for (unsigned i = 0; i < TURNS_MAX; i++) {
		unsigned busy = 0;

		for (uint16_t k = 0; k < r->gateway.n_worker; k++) {
			struct pl_worker *w = r->gateway.worker[k];

			w->now_ns = w->wall_ns = r->now_ns;
			w->prog = app_program(&r->gateway);
			busy += pl_worker_turn(w);
		}
		ctl_events_drain(r->events, r->now_ns / 1000000);
		if (busy == 0)
			return;
	}
}

static struct input *
earliest(struct replay *r)
{
	struct input *first = NULL;

	for (unsigned i = 0; i < r->n_in; i++) {
		if (r->in[i].more && (first == NULL || r->in[i].next_ns < first->next_ns))
			first = &r->in[i];
	}
	return first;
}

static int
advance(struct input *in, struct cfg_err *err)
{
	int ret = app_capture_peek(in->capture, &in->next_ns, err);

	in->more = ret == 1;
	return ret < 0 ? ret : 0;
}

static int
run(struct replay *r, struct cfg_err *err)
{
	struct input *in;
	int ret = 0;

	for (unsigned i = 0; i < r->n_in && ret == 0; i++)
		ret = advance(&r->in[i], err);
	while (ret == 0 && (in = earliest(r)) != NULL) {
		struct pl_worker *w = r->gateway.worker[in->port % r->gateway.n_worker];
		struct rte_mbuf *m[PL_BURST];
		uint16_t n = 0;

		// The clock never goes back, even where a capture's does.
		r->now_ns = RTE_MAX(r->now_ns, in->next_ns);
		turn(r); // timers up to now
		do {
			m[n] = take(r, in);
			if (m[n++] == NULL) {
				rte_pktmbuf_free_bulk(m, n - 1);
				err->file = in->path;
				cfg_err_add(err, whole_file,
					    "out of packet buffers (mbufs) or memory");
				return -ENOMEM;
			}
			ret = advance(in, err);
		} while (n < r->burst && ret == 0 && earliest(r) == in);
		w->now_ns = w->wall_ns = r->now_ns;
		w->prog = app_program(&r->gateway);
		pl_worker_feed(w, m, n, in->port, in->host ? PL_FROM_HOST : PL_FROM_WIRE);
		turn(r);
	}
	return ret;
}

// ---- start and end
// ------------------------------------------------------------------------------------------

static int
prepare(struct replay *r, struct cfg_err *err)
{
	struct cfg_policy *policy;
	uint16_t n_worker;
	int ret;

	if (r->settings->policy == NULL) {
		err->file = r->conf;
		cfg_err_add(err, whole_file,
			    "no policy: without one no packet may pass (policy = \"FILE\")");
		return -EINVAL;
	}
	err->file = r->settings->policy;
	ret = cfg_policy_load(&policy, r->settings->policy, err);
	if (ret < 0)
		return ret;
	ret = app_eal_start_replay(err);
	n_worker = r->settings->n_worker != 0
			   ? (uint16_t)RTE_MIN(r->settings->n_worker, PL_WORKERS_MAX)
			   : 1;
	err->file = r->conf;
	if (ret == 0)
		ret = app_gateway_create(&r->gateway, r->settings, n_worker, NULL, true, err);
	if (ret == 0) {
		err->file = r->settings->policy;
		ret = app_apply(&r->gateway, policy, err);
	}
	if (ret < 0) {
		cfg_policy_free(policy);
		return ret;
	}
	err->file = r->conf;
	ret = set_ports(r);
	if (ret == 0)
		ret = net_table_load(r->gateway.table, r->settings, err);
	if (ret == 0)
		ret = scan_inputs(r, err);
	for (unsigned i = 0; i < r->n_in && ret == 0; i++)
		ret = app_capture_open(&r->in[i].capture, r->in[i].path, err);
	if (ret == 0)
		ret = open_outputs(r, err);
	if (ret == 0)
		ret = open_events(r, err);
	for (uint16_t i = 0; i < n_worker && ret == 0; i++)
		r->gateway.worker[i]->notes = true;
	return ret;
}

static int
finish(struct replay *r, struct cfg_err *err)
{
	int ret = 0;

	for (unsigned i = 0; i < r->settings->n_port; i++) {
		for (unsigned host = 0; host < 2; host++) {
			if (app_dump_close(r->out[i][host].dump) < 0)
				ret = -EIO;
		}
	}
	if (ret < 0)
		cfg_err_add(err, whole_file, "a capture could not be written whole");
	ctl_events_free(r->events);
	for (unsigned i = 0; i < r->n_in; i++) {
		app_capture_close(r->in[i].capture);
		free(r->in[i].arg);
	}
	for (size_t i = 0; i < r->n_block; i++)
		free(r->verdict[i]);
	free(r->verdict);
	if (r->gateway.pool != NULL)
		app_gateway_destroy(&r->gateway);
	cfg_settings_free(r->settings);
	return ret;
}

// "lan=FILE" or "host:lan=FILE".
static int
add_input(struct replay *r, const char *arg, struct cfg_err *err)
{
	const char *eq = strchr(arg, '=');
	struct input *in = &r->in[r->n_in];
	const char *name;

	if (eq == NULL || eq[1] == '\0' || r->n_in == INPUTS_MAX) {
		fprintf(stderr, "ringwall replay: --in %s: expected PORT=FILE or host:PORT=FILE\n",
			arg);
		return -EINVAL;
	}
	in->arg = strndup(arg, (size_t)(eq - arg));
	in->path = eq + 1;
	in->host = strncmp(in->arg, "host:", 5) == 0;
	name = in->arg + (in->host ? 5 : 0);
	r->n_in++;
	for (size_t i = 0; i < r->settings->n_port; i++) {
		if (strcmp(name, r->settings->port[i].name) == 0) {
			in->port = (uint8_t)i;
			return 0;
		}
	}
	cfg_err_add(err, whole_file, "--in %s: no port of that name", arg);
	return -ENOENT;
}

static int
usage(void)
{
	fprintf(stderr, "usage: ringwall replay -c CONF --in PORT=FILE.pcap [--in "
			"host:PORT=FILE.pcap] ... --out DIR"
			" [--burst N]\n");
	return 2;
}

struct args {
	const char *conf, *dir, *in[INPUTS_MAX];
	unsigned n_in, burst;
};

static int
parse_args(struct args *a, int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"in", required_argument, NULL, 'i'},
		{"out", required_argument, NULL, 'o'},
		{"burst", required_argument, NULL, 'b'},
		{NULL, 0, NULL, 0},
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc, argv, "c:", options, NULL)) != -1) {
		if (c == 'c')
			a->conf = optarg;
		else if (c == 'o')
			a->dir = optarg;
		else if (c == 'i' && a->n_in < INPUTS_MAX)
			a->in[a->n_in++] = optarg;
		else if (c == 'b')
			a->burst = (unsigned)strtoul(optarg, NULL, 10);
		else
			return -EINVAL;
	}
	if (optind != argc || a->conf == NULL || a->dir == NULL || a->n_in == 0 || a->burst < 1 ||
	    a->burst > PL_BURST)
		return -EINVAL;
	return 0;
}

int
app_cmd_replay(int argc, char **argv)
{
	struct args args = {.burst = 1};
	static struct replay r; // large, once per process
	struct cfg_err err;
	int ret;

	if (parse_args(&args, argc, argv) < 0)
		return usage();
	r.conf = args.conf;
	r.dir = args.dir;
	r.burst = args.burst;
	cfg_err_init(&err, r.conf);
	ret = cfg_settings_load(&r.settings, r.conf, &err);
	if (ret < 0) {
		app_err_print(&err);
		return 1;
	}
	for (unsigned i = 0; i < args.n_in && ret == 0; i++) {
		ret = add_input(&r, args.in[i], &err);
		if (ret == -EINVAL)
			return usage();
	}
	if (ret == 0)
		ret = prepare(&r, &err);
	if (ret == 0)
		ret = run(&r, &err);
	if (ret == 0)
		ret = write_verdicts(&r, &err);
	if (ret == 0)
		ret = write_counters(&r, &err);
	if (ret < 0 && err.n_errors == 0)
		cfg_err_add(&err, whole_file, "replay failed: %s", strerror(-ret));
	if (finish(&r, &err) < 0)
		ret = -EIO;
	app_err_print(&err);
	return ret < 0 ? 1 : 0;
}
